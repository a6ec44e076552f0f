//! Replies (RFC 5321 §4.2) with their enhanced status codes (RFC 2034, RFC 3463).

use std::fmt;

use super::line::{LineError, LineReader};

/// The longest reply line that is read, CRLF included. RFC 5321 §4.5.3.1.5 allows 512; real servers pass it.
pub const REPLY_LINE_LIMIT: usize = 2048;

/// The most lines of one reply that are read.
pub const REPLY_LINES_LIMIT: usize = 64;

/// What a server answers to one command.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Reply {
    /// The three digits, 200 to 599.
    pub code: u16,
    /// The enhanced status code before the text, where there is one.
    pub enhanced: Option<EnhancedCode>,
    /// The text, at least one line, without the codes.
    pub lines: Vec<String>,
}

/// `class.subject.detail`; the class is the first digit of the reply code (RFC 3463 §2).
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct EnhancedCode {
    /// 2 success, 4 transient failure, 5 permanent failure.
    pub class: u8,
    /// 0 to 999.
    pub subject: u16,
    /// 0 to 999.
    pub detail: u16,
}

/// The first digit of a reply code, by which alone a client decides (RFC 5321 §4.2.1).
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Severity {
    /// 2yz: done.
    Completion,
    /// 3yz: go on.
    Intermediate,
    /// 4yz: not now.
    Transient,
    /// 5yz: not in this form.
    Permanent,
}

/// Why octets are not a reply.
#[derive(Debug, Clone, PartialEq, Eq, Hash, thiserror::Error)]
pub enum ReplyError {
    /// Not lines.
    #[error(transparent)]
    Line(#[from] LineError),
    /// Not three digits from 200 to 599 with a space or a hyphen behind them.
    #[error("“{0}” is not a reply line: it begins with a code from 200 to 599 and a space or a hyphen")]
    Malformed(String),
    /// The lines of one reply have different codes.
    #[error("reply code {then} in a reply that began with {first}: all lines have the same code")]
    MixedCodes {
        /// The code of the first line.
        first: u16,
        /// The code that differs.
        then: u16,
    },
    /// The reply does not end.
    #[error("reply of more than {REPLY_LINES_LIMIT} lines")]
    TooManyLines,
}

impl Reply {
    /// A reply of one line.
    pub fn new(code: u16, enhanced: Option<EnhancedCode>, text: impl Into<String>) -> Self {
        Self {
            code,
            enhanced,
            lines: vec![text.into()],
        }
    }

    /// A reply of one line with the enhanced code `class.subject.detail`, where the class is the code's first digit.
    pub fn enhanced(code: u16, subject: u16, detail: u16, text: impl Into<String>) -> Self {
        let class = u8::try_from(code / 100).unwrap_or(5);
        let enhanced = EnhancedCode { class, subject, detail };
        Self::new(code, Some(enhanced), text)
    }

    /// What the first digit says.
    pub fn severity(&self) -> Severity {
        match self.code / 100 {
            2 => Severity::Completion,
            3 => Severity::Intermediate,
            4 => Severity::Transient,
            _ => Severity::Permanent,
        }
    }

    /// The octets of the reply, each line ended by CRLF. Control characters, which would break the framing, become `?`.
    pub fn to_octets(&self) -> Vec<u8> {
        let last = self.lines.len().saturating_sub(1);
        let mut wire = String::new();
        for (index, line) in self.lines.iter().enumerate() {
            let separator = if index < last { '-' } else { ' ' };
            wire.push_str(&format!("{}{separator}", self.code));
            let text = [self.enhanced.map(|code| code.to_string()), Some(line.clone())];
            let text: Vec<String> = text.into_iter().flatten().filter(|part| !part.is_empty()).collect();
            let is_breaking = |character: char| character.is_control() && character != '\t';
            wire.push_str(&text.join(" ").replace(is_breaking, "?"));
            wire.push_str("\r\n");
        }
        wire.into_bytes()
    }
}

/// On one line, as it stands in logs and notifications.
impl fmt::Display for Reply {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{}", self.code)?;
        if let Some(enhanced) = self.enhanced {
            write!(formatter, " {enhanced}")?;
        }
        let mut text = self.lines.iter().filter(|line| !line.is_empty());
        text.try_for_each(|line| write!(formatter, " {line}"))
    }
}

impl EnhancedCode {
    /// The code that a reply's text begins with, if its class is that of the reply, and the text behind it.
    fn split(code: u16, text: &str) -> Option<(Self, &str)> {
        let (first, rest) = text.split_once(' ').unwrap_or((text, ""));
        let mut numbers = first.split('.').map(|digits| {
            let is_number = (1..=3).contains(&digits.len()) && digits.bytes().all(|octet| octet.is_ascii_digit());
            digits.parse::<u16>().ok().filter(|_| is_number)
        });
        let (class, subject, detail) = (numbers.next()??, numbers.next()??, numbers.next()??);
        if numbers.next().is_some() || class != code / 100 {
            return None;
        }
        let class = u8::try_from(class).ok()?;
        Some((Self { class, subject, detail }, rest))
    }
}

impl fmt::Display for EnhancedCode {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{}.{}.{}", self.class, self.subject, self.detail)
    }
}

/// Collects octets and gives them back reply by reply, within the bounds of this module.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct ReplyReader {
    lines: LineReader,
    code: Option<u16>,
    texts: Vec<String>,
}

impl ReplyReader {
    /// A reader that has seen nothing.
    pub fn new() -> Self {
        Self {
            lines: LineReader::new(REPLY_LINE_LIMIT),
            code: None,
            texts: Vec::new(),
        }
    }

    /// Takes more octets. They stay until they are read.
    pub fn extend(&mut self, octets: &[u8]) {
        self.lines.extend(octets);
    }

    /// The next reply, or why it is none. `None`: more octets are needed. After an error the peer makes no sense: close.
    pub fn next_reply(&mut self) -> Option<Result<Reply, ReplyError>> {
        loop {
            let line = match self.lines.next_line()? {
                Ok(line) => line,
                Err(error) => return Some(Err(error.into())),
            };
            match self.take_line(&line) {
                Ok(None) => {}
                Ok(Some(reply)) => return Some(Ok(reply)),
                Err(error) => return Some(Err(error)),
            }
        }
    }

    /// Forgets everything received and not read.
    pub fn clear(&mut self) {
        *self = Self::new();
    }

    /// Whether nothing waits to be read, not even a part of a reply.
    pub fn is_empty(&self) -> bool {
        self.lines.is_empty() && self.code.is_none()
    }

    fn take_line(&mut self, line: &[u8]) -> Result<Option<Reply>, ReplyError> {
        let (code, is_last, text) = split_line(line).ok_or_else(|| ReplyError::Malformed(excerpt(line)))?;
        let first = *self.code.get_or_insert(code);
        if code != first {
            return Err(ReplyError::MixedCodes { first, then: code });
        }
        if self.texts.len() == REPLY_LINES_LIMIT {
            return Err(ReplyError::TooManyLines);
        }
        self.texts.push(text);
        if !is_last {
            return Ok(None);
        }
        self.code = None;
        Ok(Some(assemble(code, std::mem::take(&mut self.texts))))
    }
}

impl Default for ReplyReader {
    fn default() -> Self {
        Self::new()
    }
}

/// The code, whether the line is the last of its reply, and the text.
fn split_line(line: &[u8]) -> Option<(u16, bool, String)> {
    let (digits, rest) = line.split_at_checked(3)?;
    let code: u16 = std::str::from_utf8(digits).ok()?.parse().ok()?;
    if !(200..=599).contains(&code) || !digits.iter().all(u8::is_ascii_digit) {
        return None;
    }
    // A code alone is a whole reply: clients must be prepared for it (RFC 5321 §4.2).
    let (is_last, text) = match rest {
        [] => (true, rest),
        [b' ', text @ ..] => (true, text),
        [b'-', text @ ..] => (false, text),
        _ => return None,
    };
    Some((code, is_last, printable(text)))
}

/// Lifts the enhanced code, which stands on every line (RFC 2034 §4), out of the text.
fn assemble(code: u16, mut lines: Vec<String>) -> Reply {
    let enhanced = lines.first().and_then(|line| EnhancedCode::split(code, line));
    let enhanced = enhanced.map(|(enhanced, _)| enhanced);
    for line in &mut lines {
        if let Some((found, rest)) = EnhancedCode::split(code, line)
            && Some(found) == enhanced
        {
            *line = rest.to_owned();
        }
    }
    Reply { code, enhanced, lines }
}

fn printable(octets: &[u8]) -> String {
    let is_control = |character: char| character.is_control() && character != '\t';
    String::from_utf8_lossy(octets).replace(is_control, "\u{fffd}")
}

fn excerpt(octets: &[u8]) -> String {
    printable(octets).chars().take(80).collect()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn read(text: &str) -> Option<Result<Reply, ReplyError>> {
        let mut reader = ReplyReader::new();
        reader.extend(text.as_bytes());
        reader.next_reply()
    }

    #[test]
    fn a_reply_is_read_with_its_enhanced_code() {
        let reply = read("550-5.1.1 no such\r\n550 5.1.1 mailbox\r\n").unwrap().unwrap();
        assert_eq!(reply.lines, ["no such", "mailbox"]);
        assert_eq!(reply.to_string(), "550 5.1.1 no such mailbox");
        assert_eq!(reply.severity(), Severity::Permanent);
    }

    #[test]
    fn a_code_of_another_class_or_shape_is_text() {
        for text in [
            "550 2.1.1 odd\r\n",
            "250 2.1 odd\r\n",
            "250 2.1.1.1 odd\r\n",
            "250 2.1.+1 odd\r\n",
            "250 2.1.1odd\r\n",
        ] {
            assert_eq!(read(text).unwrap().unwrap().enhanced, None, "{text}");
        }
    }

    #[test]
    fn a_code_alone_is_a_reply() {
        for text in ["250\r\n", "250 \r\n"] {
            assert_eq!(read(text), Some(Ok(Reply::new(250, None, ""))));
        }
    }

    #[test]
    fn what_is_no_reply_is_refused() {
        for text in [
            "",
            "25",
            "199 a",
            "600 a",
            "2x0 a",
            "+25 a",
            "2500 a",
            "250_a",
            "hello",
            "\u{16}\u{3}\u{1}",
        ] {
            let error = read(&format!("{text}\r\n")).unwrap().unwrap_err();
            assert!(matches!(error, ReplyError::Malformed(_)), "{text}: {error}");
        }
        let mixed = ReplyError::MixedCodes { first: 250, then: 251 };
        assert_eq!(read("250-a\r\n251 b\r\n"), Some(Err(mixed)));
        assert_eq!(read("250 a\nb\r\n"), Some(Err(LineError::BareLf.into())));
    }

    #[test]
    fn a_reply_of_the_bounds_is_read_and_one_line_or_octet_more_is_not() {
        let most = "250-a\r\n".repeat(REPLY_LINES_LIMIT - 1) + "250 a\r\n";
        assert!(matches!(read(&most), Some(Ok(_))));
        assert_eq!(
            read(&("250-a\r\n".to_owned() + &most)),
            Some(Err(ReplyError::TooManyLines))
        );

        let longest = format!("250 {}\r\n", "a".repeat(REPLY_LINE_LIMIT - 6));
        assert!(matches!(read(&longest), Some(Ok(_))));
        let too_long = LineError::TooLong {
            limit: REPLY_LINE_LIMIT,
        };
        assert_eq!(read(&format!("250 a{}", &longest[4..])), Some(Err(too_long.into())));
    }

    #[test]
    fn text_cannot_break_the_framing() {
        let reply = Reply::new(250, None, "a\r\n250 b");
        assert_eq!(reply.to_octets(), b"250 a??250 b\r\n");
    }

    proptest! {
        #[test]
        fn what_was_printed_is_read_back(
            code in 200u16..600,
            numbers in prop::option::of((0u16..1000, 0u16..1000)),
            lines in prop::collection::vec("[a-zA-Z<>@ -]{0,12}", 1..5),
            cut in 0usize..60,
        ) {
            let enhanced = numbers.map(|(subject, detail)| EnhancedCode { class: (code / 100) as u8, subject, detail });
            let reply = Reply { code, enhanced, lines };
            let wire = reply.to_octets();
            let (first, second) = wire.split_at(cut.min(wire.len()));
            let mut reader = ReplyReader::new();
            reader.extend(first);
            let early = reader.next_reply();
            reader.extend(second);
            prop_assert_eq!(early.or_else(|| reader.next_reply()), Some(Ok(reply)));
            prop_assert!(reader.is_empty());
        }

        #[test]
        fn arbitrary_octets_never_panic(octets in prop::collection::vec(any::<u8>(), 0..200)) {
            let mut reader = ReplyReader::new();
            reader.extend(&octets);
            for reply in std::iter::from_fn(|| reader.next_reply()).flatten() {
                prop_assert!((200..600).contains(&reply.code));
            }
        }
    }
}
