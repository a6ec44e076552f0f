//! The command parser, behind the line reader.

use postern_model::smtp::{Command, CommandError, LineReader};
use proptest::prelude::*;

use crate::memory;
use crate::segments::cut;
use crate::words::{random, spell};

const LINE_LIMIT: usize = 1024;

const WORDS: &[&[u8]] = &[
    b"\r\n",
    b"EHLO ",
    b"HELO ",
    b"STARTTLS",
    b"MAIL FROM:",
    b"RCPT TO:",
    b"mail from: ",
    b"DATA",
    b"RSET",
    b"NOOP",
    b"QUIT",
    b"VRFY ",
    b"EXPN ",
    b"HELP",
    b"<>",
    b"<",
    b">",
    b"a@a.example",
    b"bob@b.example",
    b"@c.example,@d.example:",
    b" SIZE=",
    b" BODY=7BIT",
    b" BODY=8BITMIME",
    b" RET=HDRS",
    b" ENVID=a+2Bb",
    b" NOTIFY=FAILURE,DELAY",
    b" ORCPT=rfc822;a+",
    b"18446744073709551615",
    b"99999999999999999999",
    b" ",
    b"\t",
    b"\r",
    b"\n",
    b"\xff",
    b"\0",
    b"[192.0.2.1]",
    b":",
    b"=",
    b"@",
    b".",
    b"\"",
    b"postmaster",
    b"AUTH",
    b"0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef",
];

#[test]
fn commands() {
    bolero::check!(name = "commands").with_iterations(1).for_each(examine);
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(2000))]

    #[test]
    fn random_commands(octets in random()) {
        examine(&octets);
        examine(&spell(&octets, WORDS));
    }
}

fn examine(octets: &[u8]) {
    let (lengths, stream) = octets.split_at(octets.len().min(3));
    let lines = read(&[stream]);
    assert_eq!(
        read(&cut(stream, lengths)),
        lines,
        "the lines do not depend on the segments"
    );
    let ends = stream.windows(2).filter(|pair| *pair == b"\r\n").count();
    assert!(lines.len() <= ends + 1, "only CRLF ends a line");
    for line in &lines {
        assert!(line.len() + 2 <= LINE_LIMIT && !line.contains(&b'\r') && !line.contains(&b'\n'));
        match Command::parse(line) {
            Ok(command) => is_printed_as_it_was_read(&command, line),
            Err(error) => is_refused_as_syntax(error),
        }
    }
}

/// The good lines.
fn read(segments: &[&[u8]]) -> Vec<Vec<u8>> {
    let octets: usize = segments.iter().map(|segment| segment.len()).sum();
    memory::within(64 * (LINE_LIMIT + octets) as u64, || {
        let mut reader = LineReader::new(LINE_LIMIT);
        let mut lines = Vec::new();
        for segment in segments {
            reader.extend(segment);
            lines.extend(std::iter::from_fn(|| reader.next_line()).flatten());
            assert!(reader.len() <= LINE_LIMIT, "{} octets are kept", reader.len());
        }
        lines
    })
}

fn is_printed_as_it_was_read(command: &Command, line: &[u8]) {
    let wire = command.to_octets();
    let printed = wire.strip_suffix(b"\r\n").expect("a command is a line");
    assert!(
        printed.iter().all(|octet| matches!(octet, b' '..=b'~' | b'\t')),
        "{command:?}"
    );
    assert!(
        printed.len() <= line.len().max(8) + 8,
        "nothing is added to {command:?}"
    );
    assert_eq!(Command::parse(printed).as_ref(), Ok(command));
}

fn is_refused_as_syntax(error: CommandError) {
    let reply = error.reply();
    assert!(matches!(reply.code, 500 | 501 | 502 | 555), "{reply}");
    assert!(reply.to_octets().len() <= 512, "RFC 5321 §4.5.3.1.5");
}
