//! A line of the transcript, less what the place in the picture says already.

/// A line of the transcript behind its mark.
pub(super) fn words(text: &str) -> &str {
    let marks = ["M:", "DNS", "TLS", "=", ">", "~", "…"];
    let rest = marks.iter().find_map(|mark| text.strip_prefix(mark));
    rest.filter(|rest| rest.starts_with(' ')).map_or(text, str::trim_start)
}

/// What a line of the transcript says that somebody said.
pub(super) fn said(text: &str) -> &str {
    let rest = text.split_once(": ").filter(|(mark, _)| mark.len() <= "clear C".len());
    rest.map_or(text, |(_, said)| said)
}

/// What is said of a host whose lane it stands in.
pub(super) fn behind_name<'a>(text: &'a str, host: &str) -> &'a str {
    let rest = text.strip_prefix(host).and_then(|rest| rest.strip_prefix(':'));
    rest.map_or(text, str::trim_start)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_mark_goes_and_the_words_stay() {
        assert_eq!(words("M:    removes STARTTLS"), "removes STARTTLS");
        assert_eq!(
            words("=     the client tells its caller: sent"),
            "the client tells its caller: sent"
        );
        assert_eq!(words("closed"), "closed");
        assert_eq!(words("=?"), "=?");
    }

    #[test]
    fn what_was_said_is_kept_as_it_was_said() {
        assert_eq!(said("clear C: MAIL FROM:<a@a.example>"), "MAIL FROM:<a@a.example>");
        assert_eq!(said("tls   S: 250 so: it goes"), "250 so: it goes");
        assert_eq!(said("a sentence: it has no mark"), "a sentence: it has no mark");
    }

    #[test]
    fn only_the_name_at_the_front_goes() {
        assert_eq!(
            behind_name("a.example: sent m1 to a.example: so", "a.example"),
            "sent m1 to a.example: so"
        );
        assert_eq!(behind_name("b.example: sent m1", "a.example"), "b.example: sent m1");
    }
}
