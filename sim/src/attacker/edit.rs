//! What the attacker makes of a server's reply to EHLO.
//!
//! A reply is its lines, each with its CRLF. The first line names the host; each of the others is a keyword with its
//! parameters (RFC 5321 §4.1.1.1).

/// A reply, line by line.
pub(super) type Reply = Vec<Vec<u8>>;

/// Whether the reply offers STARTTLS.
pub(super) fn offers_starttls(reply: &Reply) -> bool {
    reply.iter().skip(1).any(|line| is_starttls(line))
}

/// The reply without STARTTLS (C-DG-1): the client sees a well-formed reply, whichever line is missing.
pub(super) fn without_starttls(mut reply: Reply) -> Reply {
    let mut place = 0..;
    reply.retain(|line| place.next() == Some(0) || !is_starttls(line));
    if let Some(mark) = reply.last_mut().and_then(|last| last.get_mut(3)) {
        *mark = b' ';
    }
    reply
}

/// The reply with XXXXXXXX in the place of STARTTLS (C-DG-2): not an octet longer or shorter.
pub(super) fn with_overwritten_starttls(mut reply: Reply) -> Reply {
    for line in reply.iter_mut().skip(1).filter(|line| is_starttls(line)) {
        line[4..12].fill(b'X');
    }
    reply
}

/// The reply with no keyword but STARTTLS (C-DG-17).
pub(super) fn with_starttls_alone(mut reply: Reply) -> Reply {
    let mut place = 0..;
    reply.retain(|line| place.next() == Some(0) || is_starttls(line));
    mark_end(&mut reply);
    reply
}

/// What is added to a list of extensions (C-INJ-6): each keyword with its parameters.
const ADDED: &[(&str, &str)] = &[
    ("AUTH", "AUTH PLAIN LOGIN"),
    ("PIPELINING", "PIPELINING"),
    ("SIZE", "SIZE 1048576"),
    ("DSN", "DSN"),
    ("8BITMIME", "8BITMIME"),
];

/// The reply with the extensions that it lacks, and their keywords.
pub(super) fn with_extensions(mut reply: Reply) -> (Reply, Vec<&'static str>) {
    let lacks = |keyword: &str| !reply.iter().skip(1).any(|line| is_keyword(line, keyword));
    let added: Vec<_> = ADDED.iter().filter(|(keyword, _)| lacks(keyword)).collect();
    reply.extend(added.iter().map(|(_, line)| format!("250-{line}\r\n").into_bytes()));
    mark_end(&mut reply);
    (reply, added.into_iter().map(|(keyword, _)| *keyword).collect())
}

/// The last line ends the reply, and no other.
fn mark_end(reply: &mut Reply) {
    let last = reply.len().saturating_sub(1);
    for (place, line) in reply.iter_mut().enumerate() {
        if let Some(mark) = line.get_mut(3) {
            *mark = if place == last { b' ' } else { b'-' };
        }
    }
}

fn is_keyword(line: &[u8], keyword: &str) -> bool {
    let words = line.get(4..).unwrap_or_default();
    let first = words.split(u8::is_ascii_whitespace).next().unwrap_or_default();
    first.eq_ignore_ascii_case(keyword.as_bytes())
}

fn is_starttls(line: &[u8]) -> bool {
    line.get(4..)
        .is_some_and(|keyword| keyword.trim_ascii_end().eq_ignore_ascii_case(b"STARTTLS"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn reply(lines: &[&str]) -> Reply {
        lines.iter().map(|line| format!("{line}\r\n").into_bytes()).collect()
    }

    #[track_caller]
    fn assert_stripped(before: &[&str], after: &[&str]) {
        assert!(offers_starttls(&reply(before)));
        assert_eq!(without_starttls(reply(before)), reply(after));
    }

    #[test]
    fn starttls_is_stripped_from_the_first_place() {
        assert_stripped(
            &["250-mx1.b.example", "250-STARTTLS", "250-PIPELINING", "250 8BITMIME"],
            &["250-mx1.b.example", "250-PIPELINING", "250 8BITMIME"],
        );
    }

    #[test]
    fn starttls_is_stripped_from_the_middle() {
        assert_stripped(
            &["250-mx1.b.example", "250-PIPELINING", "250-STARTTLS", "250 8BITMIME"],
            &["250-mx1.b.example", "250-PIPELINING", "250 8BITMIME"],
        );
    }

    #[test]
    fn when_the_last_line_is_stripped_the_one_before_ends_the_reply() {
        assert_stripped(
            &["250-mx1.b.example", "250-PIPELINING", "250-8BITMIME", "250 STARTTLS"],
            &["250-mx1.b.example", "250-PIPELINING", "250 8BITMIME"],
        );
    }

    #[test]
    fn when_the_only_keyword_is_stripped_the_line_of_the_host_ends_the_reply() {
        assert_stripped(&["250-mx1.b.example", "250 STARTTLS"], &["250 mx1.b.example"]);
    }

    #[test]
    fn a_keyword_offered_twice_and_in_small_letters_is_stripped_each_time() {
        assert_stripped(
            &["250-mx1.b.example", "250-starttls", "250-SIZE", "250 StartTLS "],
            &["250-mx1.b.example", "250 SIZE"],
        );
    }

    #[test]
    fn starttls_is_overwritten_in_every_place_and_no_octet_moves() {
        for place in 1..4 {
            let mut before = reply(&[
                "250-mx1.b.example",
                "250-SIZE 1048576",
                "250-PIPELINING",
                "250 8BITMIME",
            ]);
            let mut after = before.clone();
            let mark = char::from(before[place][3]);
            before[place] = format!("250{mark}STARTTLS\r\n").into_bytes();
            after[place] = format!("250{mark}XXXXXXXX\r\n").into_bytes();
            assert_eq!(with_overwritten_starttls(before), after, "place {place}");
        }
    }

    #[test]
    fn starttls_alone_is_left_wherever_it_stood() {
        for lines in [
            &["250-mx1.b.example", "250-STARTTLS", "250-PIPELINING", "250 8BITMIME"][..],
            &["250-mx1.b.example", "250-SIZE 1048576", "250 STARTTLS"],
        ] {
            let alone = reply(&["250-mx1.b.example", "250 STARTTLS"]);
            assert_eq!(with_starttls_alone(reply(lines)), alone, "{lines:?}");
        }
        let without = reply(&["250-mx1.b.example", "250 PIPELINING"]);
        assert_eq!(with_starttls_alone(without), reply(&["250 mx1.b.example"]));
    }

    #[test]
    fn only_the_extensions_that_are_missing_are_added_behind_the_last() {
        let (longer, added) = with_extensions(reply(&["250-mx1.b.example", "250-size 9", "250 STARTTLS"]));
        let expected = reply(&[
            "250-mx1.b.example",
            "250-size 9",
            "250-STARTTLS",
            "250-AUTH PLAIN LOGIN",
            "250-PIPELINING",
            "250-DSN",
            "250 8BITMIME",
        ]);
        assert_eq!(
            (longer, added),
            (expected, vec!["AUTH", "PIPELINING", "DSN", "8BITMIME"])
        );
    }

    #[test]
    fn what_does_not_offer_starttls_is_left_alone() {
        for lines in [
            &["250 mx1.b.example"][..],
            &["250-mx1.b.example", "250 XSTARTTLS"],
            &["250-mx1.b.example", "250-STARTTLS-NOT", "250 8BITMIME"],
            &["250 STARTTLS"],
            &["2"],
            &[],
        ] {
            assert!(!offers_starttls(&reply(lines)), "{lines:?}");
            assert_eq!(without_starttls(reply(lines)), reply(lines));
            assert_eq!(with_overwritten_starttls(reply(lines)), reply(lines));
        }
    }
}
