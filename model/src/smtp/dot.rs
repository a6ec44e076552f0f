//! The dots of message content: stuffed by who sends it, removed by who takes it (RFC 5321 §4.5.2).

use super::line::LineEnd;

const CR: u8 = b'\r';
const LF: u8 = b'\n';

/// The content as it goes onto the wire: its lines ended by CRLF, dots stuffed, the final dot behind it.
pub fn stuff(content: &[u8]) -> Vec<u8> {
    with_dots(&with_crlf(content))
}

/// The same, but that only the last line is sure to end in CRLF: what no client may send (R5321-2.3.8-a).
pub fn stuff_as_handed_in(content: &[u8]) -> Vec<u8> {
    let Some(text) = content.strip_suffix(b"\n") else {
        return stuff(content);
    };
    let text = text.strip_suffix(b"\r").unwrap_or(text);
    with_dots(&[text, b"\r\n"].concat())
}

/// The content with every line ended by CRLF, whatever ended it before: a client sends CR and LF as nothing else
/// (R5321-2.3.8-a). Its length is what SIZE declares (RFC 1870 §5).
pub fn with_crlf(content: &[u8]) -> Vec<u8> {
    let mut lines = Vec::with_capacity(content.len() + 8);
    let mut octets = content.iter().copied().peekable();
    while let Some(octet) = octets.next() {
        match octet {
            CR | LF => {
                if octet == CR {
                    octets.next_if_eq(&LF);
                }
                lines.extend(b"\r\n");
            }
            octet => lines.push(octet),
        }
    }
    if !lines.is_empty() && !lines.ends_with(b"\r\n") {
        lines.extend(b"\r\n");
    }
    lines
}

/// Lines with their dots stuffed, and the final dot.
fn with_dots(lines: &[u8]) -> Vec<u8> {
    let mut wire = Vec::with_capacity(lines.len() + 8);
    for line in lines.split_inclusive(|octet| *octet == LF) {
        if line.starts_with(b".") {
            wire.push(b'.');
        }
        wire.extend(line);
    }
    wire.extend(b".\r\n");
    wire
}

/// Why content cannot be kept.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, thiserror::Error)]
pub enum ContentError {
    /// More octets than the bound.
    #[error("content of more than {limit} octets")]
    TooLarge {
        /// The bound, in octets, dots unstuffed.
        limit: usize,
    },
    /// CR without LF or LF without CR: another MTA might see a line, or an end, where this one sees none (C-SMUG).
    #[error("content with CR or LF alone: only CRLF ends a line")]
    BareLineEnd,
}

/// Where the content ended, and what it was.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct EndOfContent {
    /// How many of the octets last handed in belong to the content and its final dot.
    pub consumed: usize,
    /// The content with dots unstuffed, or why it cannot be kept.
    pub content: Result<Vec<u8>, ContentError>,
}

/// Reads message content up to its end, which is exactly CRLF `.` CRLF (R5321-4.1.1.4-a).
///
/// Content that cannot be kept is still read to its end, so that the reply comes where the client waits for it, but
/// nothing of it is kept.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct ContentReader {
    limit: usize,
    line_end: LineEnd,
    content: Vec<u8>,
    fault: Option<ContentError>,
    place: Place,
}

/// Where in a line the reader stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
enum Place {
    LineStart,
    Text,
    AfterCr,
    AfterDot,
    AfterDotCr,
}

impl ContentReader {
    /// A reader for at most `limit` octets of content.
    pub fn new(limit: usize) -> Self {
        Self::ending_lines_by(LineEnd::Crlf, limit)
    }

    /// The same, which ends lines as said.
    pub fn ending_lines_by(line_end: LineEnd, limit: usize) -> Self {
        Self {
            limit,
            line_end,
            content: Vec::new(),
            fault: None,
            // The CRLF of the DATA command counts as the first of CRLF.CRLF (RFC 5321 §4.1.1.4).
            place: Place::LineStart,
        }
    }

    /// Reads on. `None`: all octets were taken and the end has not come. After the end the reader is as new.
    pub fn read(&mut self, octets: &[u8]) -> Option<EndOfContent> {
        for (index, octet) in octets.iter().enumerate() {
            if self.step(*octet) {
                let Self {
                    limit, content, fault, ..
                } = std::mem::replace(self, Self::ending_lines_by(self.line_end, self.limit));
                debug_assert!(content.len() <= limit);
                return Some(EndOfContent {
                    consumed: index + 1,
                    content: fault.map_or(Ok(content), Err),
                });
            }
        }
        None
    }

    /// Whether the content read so far can be kept.
    pub fn is_sound(&self) -> bool {
        self.fault.is_none()
    }

    /// Takes one octet; whether it was the last of the final CRLF.
    fn step(&mut self, octet: u8) -> bool {
        let takes_lf = self.line_end == LineEnd::CrlfOrLf;
        self.place = match (self.place, octet) {
            (Place::AfterDotCr, LF) => return true,
            (Place::AfterDot, LF) if takes_lf => return true,
            (Place::LineStart | Place::Text, LF) if takes_lf => {
                self.keep(b"\r\n");
                Place::LineStart
            }
            (Place::AfterCr, LF) => {
                self.keep(b"\r\n");
                Place::LineStart
            }
            (Place::AfterCr | Place::AfterDotCr, _) => {
                self.spoil(ContentError::BareLineEnd);
                self.text(octet)
            }
            (Place::LineStart, b'.') => Place::AfterDot,
            (Place::AfterDot, CR) => Place::AfterDotCr,
            (Place::LineStart | Place::Text | Place::AfterDot, _) => self.text(octet),
        };
        false
    }

    fn text(&mut self, octet: u8) -> Place {
        match octet {
            CR => return Place::AfterCr,
            LF => self.spoil(ContentError::BareLineEnd),
            _ => self.keep(&[octet]),
        }
        Place::Text
    }

    fn keep(&mut self, octets: &[u8]) {
        if self.fault.is_some() {
            return;
        }
        if self.content.len() + octets.len() > self.limit {
            self.spoil(ContentError::TooLarge { limit: self.limit });
        } else {
            self.content.extend(octets);
        }
    }

    fn spoil(&mut self, error: ContentError) {
        self.fault.get_or_insert(error);
        self.content = Vec::new();
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn read(wire: &[u8]) -> Option<EndOfContent> {
        ContentReader::new(100).read(wire)
    }

    #[test]
    fn dots_at_the_start_of_a_line_are_stuffed() {
        assert_eq!(stuff(b"a.\r\n.b\r\n..\r\n"), b"a.\r\n..b\r\n...\r\n.\r\n");
        assert_eq!(stuff(b""), b".\r\n");
    }

    #[test]
    fn bare_line_ends_are_never_sent() {
        assert_eq!(stuff(b"a\n.\nb\rc"), b"a\r\n..\r\nb\r\nc\r\n.\r\n");
    }

    #[test]
    fn what_was_handed_in_with_bare_lf_may_be_left_so_but_for_its_end() {
        assert_eq!(stuff_as_handed_in(b"a\n.\nb\n"), b"a\n..\nb\r\n.\r\n");
        for clean in [&b""[..], b"a", b"a\r\n.\r\n"] {
            assert_eq!(stuff_as_handed_in(clean), stuff(clean));
        }
    }

    #[test]
    fn only_crlf_dot_crlf_ends_content() {
        for not_an_end in [
            "a\n.\n",
            "a\n.\r\n",
            "a\r\n.\n",
            "a\r\n.\n\n",
            "a\r.\r",
            "a\r\n.\r",
            "a\r\n.\r\r\n",
            "a\r\n..\r\n",
        ] {
            assert_eq!(read(not_an_end.as_bytes()), None, "{not_an_end:?}");
        }
        assert_eq!(
            read(b"a\r\n.\r\nQUIT\r\n"),
            Some(EndOfContent {
                consumed: 6,
                content: Ok(b"a\r\n".to_vec())
            })
        );
    }

    #[test]
    fn a_reader_that_takes_bare_lf_ends_where_it_must_not() {
        for (wire, consumed) in [
            (&b"a\n.\nQUIT\r\n"[..], 4),
            (b"a\n.\r\nQUIT\r\n", 5),
            (b"a\r\n.\nQUIT\r\n", 5),
        ] {
            let end = ContentReader::ending_lines_by(LineEnd::CrlfOrLf, 100)
                .read(wire)
                .expect("it ends");
            assert_eq!(
                (end.consumed, end.content),
                (consumed, Ok(b"a\r\n".to_vec())),
                "{wire:?}"
            );
        }
    }

    #[test]
    fn content_with_a_bare_line_end_is_read_to_its_end_and_refused() {
        for wire in [
            "a\nb\r\n.\r\n",
            "a\n.\r\nb\r\n.\r\n",
            "a\rb\r\n.\r\n",
            ".\rb\r\n.\r\n",
            ".\r\r\n.\r\n",
        ] {
            let end = read(wire.as_bytes()).expect("it ends");
            assert_eq!(end.consumed, wire.len(), "{wire:?}");
            assert_eq!(end.content, Err(ContentError::BareLineEnd), "{wire:?}");
        }
    }

    #[test]
    fn content_of_the_bound_is_kept_and_one_octet_more_is_not() {
        let mut reader = ContentReader::new(3);
        assert_eq!(
            reader.read(b"a\r\n.\r\n").map(|end| end.content),
            Some(Ok(b"a\r\n".to_vec()))
        );
        let error = ContentError::TooLarge { limit: 3 };
        assert_eq!(reader.read(b"ab\r\n"), None);
        assert!(!reader.is_sound());
        assert_eq!(reader.content, b"", "nothing is kept of what will be refused");
        assert_eq!(reader.read(b".\r\n").map(|end| end.content), Some(Err(error)));
    }

    proptest! {
        #[test]
        fn what_was_stuffed_is_read_back(lines in prop::collection::vec("[.a-c]{0,4}", 0..8), cut in 0usize..40) {
            let content: String = lines.iter().flat_map(|line| [line.as_str(), "\r\n"]).collect();
            let wire = stuff(content.as_bytes());
            let (first, second) = wire.split_at(cut.min(wire.len()));
            let mut reader = ContentReader::new(100);
            let end = reader.read(first).or_else(|| reader.read(second)).expect("the final dot");
            prop_assert_eq!(end.content, Ok(content.into_bytes()));
        }
    }
}
