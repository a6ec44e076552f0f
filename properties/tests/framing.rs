//! Every terminator of up to six octets against an oracle of a few lines: where content ends, and that what a client sends
//! of any content arrives as one message (C-SMUG-1, R5321-2.3.8-a, R5321-4.1.1.4-a).

use postern_model::smtp::{ContentReader, stuff};

const OCTETS: &[u8] = b"\r\n.\0x";
const LENGTH_MAX: usize = 6;
const LIMIT: usize = 1000;

/// Calls with every string of up to [`LENGTH_MAX`] of the octets.
fn for_each(mut check: impl FnMut(&[u8])) -> u32 {
    let mut count = 0;
    let mut strings = vec![Vec::new()];
    for _ in 0..=LENGTH_MAX {
        for string in &strings {
            check(string);
            count += 1;
        }
        let longer = |string: &Vec<u8>| {
            OCTETS
                .iter()
                .map(|octet| [string.as_slice(), &[*octet]].concat())
                .collect::<Vec<_>>()
        };
        strings = strings.iter().flat_map(longer).collect();
    }
    count
}

/// Where content ends on the wire: behind the first CRLF.CRLF, of which the CRLF of DATA may be the first.
fn end(wire: &[u8]) -> Option<usize> {
    let with_data = [b"\r\n", wire].concat();
    let place = with_data.windows(5).position(|octets| octets == b"\r\n.\r\n")?;
    Some(place + 5 - 2)
}

/// Whether CR and LF stand only together.
fn is_clean(wire: &[u8]) -> bool {
    let text = String::from_utf8(wire.to_vec()).expect("ASCII");
    !text.replace("\r\n", "").contains(['\r', '\n'])
}

#[test]
fn content_ends_at_crlf_dot_crlf_and_nowhere_else() {
    let count = for_each(|string| {
        let wire = [b"a", string, b"b\r\n.\r\n"].concat();
        let ended = ContentReader::new(LIMIT).read(&wire).expect("it ends");
        let consumed = end(&wire).expect("it ends");
        assert_eq!(ended.consumed, consumed, "{}", wire.escape_ascii());
        assert_eq!(
            ended.content.is_ok(),
            is_clean(&wire[..consumed]),
            "{}",
            wire.escape_ascii()
        );
    });
    assert_eq!(count, (5u32.pow(7) - 1) / 4);
}

#[test]
fn whatever_a_client_sends_is_one_message() {
    for_each(|string| {
        let content = [b"a", string, b"MAIL FROM:<>\r\n"].concat();
        let wire = stuff(&content);
        assert!(is_clean(&wire), "{}", wire.escape_ascii());
        assert_eq!(end(&wire), Some(wire.len()), "{}", wire.escape_ascii());
        let ended = ContentReader::new(LIMIT).read(&wire).expect("it ends");
        assert_eq!(ended.consumed, wire.len(), "{}", wire.escape_ascii());
        assert!(ended.content.is_ok(), "{}", wire.escape_ascii());
    });
}
