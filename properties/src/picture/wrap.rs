//! Text in lines of bounded width.

/// The text in lines of so many characters at most, broken between words, and inside a word only where it alone is longer.
pub(super) fn wrap(text: &str, width: usize) -> Vec<String> {
    let width = width.max(1);
    let mut lines = vec![String::new()];
    let mut used = 0;
    for word in text.split(' ') {
        let length = word.chars().count();
        let line = lines.last_mut().expect("there is always a line");
        match used {
            0 => {}
            used if used + 1 + length <= width => line.push(' '),
            _ => lines.push(String::new()),
        }
        for character in word.chars() {
            let mut line = lines.last_mut().expect("there is always a line");
            if line.chars().count() >= width {
                lines.push(String::new());
                line = lines.last_mut().expect("there is always a line");
            }
            line.push(character);
        }
        used = lines.last().map_or(0, |line| line.chars().count());
    }
    lines
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_are_broken_between_words() {
        assert_eq!(wrap("one two three", 8), ["one two", "three"]);
        assert_eq!(wrap("one two three", 13), ["one two three"]);
        assert_eq!(wrap("", 8), [""]);
    }

    #[test]
    fn a_word_that_is_too_long_is_broken_too() {
        assert_eq!(wrap("abcdefghij", 4), ["abcd", "efgh", "ij"]);
        assert_eq!(wrap("a bcdefg", 4), ["a", "bcde", "fg"]);
    }
}
