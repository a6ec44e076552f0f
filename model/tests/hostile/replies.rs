//! The reply reader.

use postern_model::smtp::{REPLY_LINE_LIMIT, REPLY_LINES_LIMIT, Reply, ReplyError, ReplyReader};
use proptest::prelude::*;

use crate::memory;
use crate::segments::cut;
use crate::words::{random, spell};

const WORDS: &[&[u8]] = &[
    b"\r\n",
    b"250 ",
    b"250-",
    b"220 ",
    b"354 ",
    b"421 ",
    b"550 ",
    b"550-",
    b"599 ",
    b"600 ",
    b"199 ",
    b"2.0.0 ",
    b"5.7.1 ",
    b"4.999.999 ",
    b"2.1",
    b"STARTTLS",
    b"\r",
    b"\n",
    b"\t",
    b"\xff",
    b"\xc3\xa9",
    b"\0",
    b"250\r\n",
    b"250-a\r\n250 b\r\n",
    b"0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef",
];

/// Lines of one reply and what their texts may grow to: each octet that is not UTF-8 becomes three.
const MEMORY_MAX: u64 = 3 * (REPLY_LINE_LIMIT * REPLY_LINES_LIMIT) as u64;

#[test]
fn replies() {
    bolero::check!(name = "replies").with_iterations(1).for_each(examine);
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(2000))]

    #[test]
    fn random_replies(octets in random()) {
        examine(&octets);
        examine(&spell(&octets, WORDS));
    }
}

fn examine(octets: &[u8]) {
    let (lengths, stream) = octets.split_at(octets.len().min(3));
    let whole = read(&[stream]);
    assert_eq!(
        read(&cut(stream, lengths)),
        whole,
        "the replies do not depend on the segments"
    );
    assert!(whole.iter().filter(|reply| reply.is_ok()).count() <= stream.len() / 5);
    for reply in whole.iter().flatten() {
        within_bounds(reply);
        is_printed_as_it_was_read(reply);
    }
}

/// All replies up to the first error, after which a client closes.
fn read(segments: &[&[u8]]) -> Vec<Result<Reply, ReplyError>> {
    let octets: usize = segments.iter().map(|segment| segment.len()).sum();
    // Beside what the reader keeps there is what was received and what is collected here.
    memory::within(MEMORY_MAX + 64 * octets as u64, || {
        let mut reader = ReplyReader::new();
        let mut replies = Vec::new();
        for segment in segments {
            reader.extend(segment);
            while let Some(reply) = reader.next_reply() {
                let is_error = reply.is_err();
                replies.push(reply);
                if is_error {
                    return replies;
                }
            }
        }
        replies
    })
}

fn within_bounds(reply: &Reply) {
    assert!((200..=599).contains(&reply.code));
    assert!((1..=REPLY_LINES_LIMIT).contains(&reply.lines.len()));
    for line in &reply.lines {
        assert!(line.chars().count() <= REPLY_LINE_LIMIT);
        assert!(!line.contains(|character: char| character.is_control() && character != '\t'));
    }
    if let Some(enhanced) = reply.enhanced {
        assert_eq!(u16::from(enhanced.class), reply.code / 100);
        assert!(enhanced.subject <= 999 && enhanced.detail <= 999);
    }
    assert!(!reply.to_string().contains(['\r', '\n']), "it is told on one line");
}

fn is_printed_as_it_was_read(reply: &Reply) {
    let wire = reply.to_octets();
    // Printing puts the enhanced code on every line, which may pass the bound that the line just met.
    let longest = wire.split(|octet| *octet == b'\n').map(<[u8]>::len).max();
    if longest >= Some(REPLY_LINE_LIMIT) {
        return;
    }
    assert_eq!(read(&[&wire]), [Ok(reply.clone())]);
}
