//! Lines out of octets: only CRLF ends a line (R5321-2.3.8-a).

use std::collections::VecDeque;

const CR: u8 = b'\r';
const LF: u8 = b'\n';

/// What ends a line.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Hash)]
pub enum LineEnd {
    /// CRLF and nothing else (R5321-2.3.8-a).
    #[default]
    Crlf,
    /// A bare LF too, as a reader with a known bug has it.
    CrlfOrLf,
}

/// Why octets are not a line.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, thiserror::Error)]
pub enum LineError {
    /// The line passes the reader's bound.
    #[error("line of more than {limit} octets: end it by CRLF before that")]
    TooLong {
        /// The bound, in octets, CRLF included.
        limit: usize,
    },
    /// CR without LF.
    #[error("CR without LF: only CRLF ends a line")]
    BareCr,
    /// LF without CR.
    #[error("LF without CR: only CRLF ends a line")]
    BareLf,
}

/// Collects octets and gives them back line by line.
///
/// A bad line gives its error once, as soon as it is known to be bad; the rest of it, to the next CRLF, is dropped without
/// being kept. So what follows a bare LF is never run as a line of its own, and the result does not depend on how the
/// octets were split on their way.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct LineReader {
    limit: usize,
    line_end: LineEnd,
    pending: VecDeque<u8>,
    skipping: bool,
}

impl LineReader {
    /// A reader for lines of at most `limit` octets, CRLF included.
    pub fn new(limit: usize) -> Self {
        Self::ending_lines_by(LineEnd::Crlf, limit)
    }

    /// The same, which ends lines as said.
    pub fn ending_lines_by(line_end: LineEnd, limit: usize) -> Self {
        Self {
            limit,
            line_end,
            pending: VecDeque::new(),
            skipping: false,
        }
    }

    /// Takes more octets. They stay until they are read: the caller bounds them by [`LineReader::len`].
    pub fn extend(&mut self, octets: &[u8]) {
        self.pending.extend(octets);
    }

    /// The next line without its CRLF, or why it is none. `None`: more octets are needed.
    pub fn next_line(&mut self) -> Option<Result<Vec<u8>, LineError>> {
        if self.skipping && !self.skip() {
            return None;
        }
        let end = self
            .pending
            .iter()
            .take(self.limit)
            .position(|octet| matches!(*octet, CR | LF));
        let is_full = self.pending.len() >= self.limit;
        let error = match end {
            Some(end) if self.pending[end] == LF && self.line_end == LineEnd::CrlfOrLf => {
                let line = self.pending.drain(..end).collect();
                self.pending.pop_front();
                return Some(Ok(line));
            }
            Some(end) if self.pending[end] == LF => LineError::BareLf,
            Some(end) if end + 1 < self.limit => match self.pending.get(end + 1) {
                Some(&LF) => return Some(Ok(self.take_line(end))),
                Some(_) => LineError::BareCr,
                None => return None,
            },
            _ if is_full => LineError::TooLong { limit: self.limit },
            _ => return None,
        };
        self.skipping = true;
        self.skip();
        Some(Err(error))
    }

    /// Takes all octets that were not read yet.
    pub fn take(&mut self) -> Vec<u8> {
        std::mem::take(&mut self.pending).into()
    }

    /// Forgets everything received and not read.
    pub fn clear(&mut self) {
        *self = Self::ending_lines_by(self.line_end, self.limit);
    }

    /// How many octets wait to be read.
    pub fn len(&self) -> usize {
        self.pending.len()
    }

    /// Whether nothing waits to be read.
    pub fn is_empty(&self) -> bool {
        self.pending.is_empty() && !self.skipping
    }

    fn take_line(&mut self, length: usize) -> Vec<u8> {
        let line = self.pending.drain(..length).collect();
        self.pending.drain(..2);
        line
    }

    /// Drops octets through the next CRLF; whether it was there.
    fn skip(&mut self) -> bool {
        while let Some(octet) = self.pending.pop_front() {
            match (octet, self.pending.front()) {
                (CR, Some(&LF)) => {
                    self.pending.pop_front();
                    self.skipping = false;
                    return true;
                }
                (CR, None) => {
                    self.pending.push_back(CR);
                    return false;
                }
                _ => {}
            }
        }
        false
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// What the reader makes of these pieces.
    fn lines(limit: usize, pieces: &[&[u8]]) -> Vec<Result<Vec<u8>, LineError>> {
        let mut reader = LineReader::new(limit);
        let mut lines = Vec::new();
        for piece in pieces {
            reader.extend(piece);
            lines.extend(std::iter::from_fn(|| reader.next_line()));
            assert!(reader.len() <= limit, "{} octets are kept", reader.len());
        }
        lines
    }

    #[test]
    fn crlf_ends_a_line_wherever_it_is_split() {
        let expected = vec![Ok(b"NOOP".to_vec()), Ok(b"".to_vec())];
        assert_eq!(lines(512, &[b"NOOP\r\n\r\nQU"]), expected);
        assert_eq!(lines(512, &[b"NOOP\r", b"\n\r", b"\n", b"QU"]), expected);
    }

    #[test]
    fn what_follows_a_bare_lf_or_cr_is_never_a_line() {
        let after = Ok(b"QUIT".to_vec());
        for (text, error) in [
            (&b"NOOP\nMAIL\r\nQUIT\r\n"[..], LineError::BareLf),
            (b"NOOP\rMAIL\r\nQUIT\r\n", LineError::BareCr),
            (b"NOOP\r\r\nQUIT\r\n", LineError::BareCr),
        ] {
            assert_eq!(lines(512, &[text]), [Err(error), after.clone()]);
        }
    }

    #[test]
    fn a_reader_that_takes_bare_lf_finds_a_line_behind_it() {
        let mut reader = LineReader::ending_lines_by(LineEnd::CrlfOrLf, 512);
        reader.extend(b"NOOP\nMAIL\r\n");
        assert_eq!(reader.next_line(), Some(Ok(b"NOOP".to_vec())));
        assert_eq!(reader.next_line(), Some(Ok(b"MAIL".to_vec())));
        assert_eq!(reader.next_line(), None);
    }

    #[test]
    fn a_line_of_the_bound_is_read_and_one_octet_more_is_an_error() {
        assert_eq!(lines(6, &[b"NOOP\r\n"]), [Ok(b"NOOP".to_vec())]);
        let too_long = Err(LineError::TooLong { limit: 6 });
        assert_eq!(
            lines(6, &[b"NOOPS\r\nQUIT\r\n"]),
            [too_long.clone(), Ok(b"QUIT".to_vec())]
        );
        assert_eq!(lines(6, &[b"NOOPSSSS", b"SSSSSSSSSSSSSSS"]), [too_long]);
    }

    proptest! {
        #[test]
        fn the_split_does_not_matter_and_nothing_grows(
            pieces in prop::collection::vec("[A-C\r\n]{0,6}", 0..12),
        ) {
            let pieces: Vec<&[u8]> = pieces.iter().map(String::as_bytes).collect();
            prop_assert_eq!(lines(5, &pieces), lines(5, &[&pieces.concat()]));
        }
    }
}
