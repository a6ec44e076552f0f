//! Cuts the octets of one direction into lines.

/// Longer lines are cut here: hostile octets must not fill the trace.
pub(super) const LINE_OCTETS_MAX: usize = 4096;

/// Cuts octets into lines at CRLF and nothing else (R5321-2.3.8-a).
#[derive(Default)]
pub(super) struct LineBuffer {
    pub(super) line: Vec<u8>,
    /// The line was too long, and its beginning was cut off before.
    is_rest: bool,
    pub(super) kept: String,
}

/// A line without its CRLF, or a part of one that was too long.
pub(super) struct Cut {
    pub(super) octets: Vec<u8>,
    /// It begins a line.
    pub(super) is_first: bool,
    /// It is a whole line.
    pub(super) is_whole: bool,
}

impl LineBuffer {
    pub(super) fn push(&mut self, octet: u8) -> Option<Cut> {
        self.line.push(octet);
        let ends = self.line.ends_with(b"\r\n");
        if !ends && self.line.len() < LINE_OCTETS_MAX {
            return None;
        }
        let is_first = !std::mem::replace(&mut self.is_rest, !ends);
        let octets = match ends {
            true => {
                let mut octets = std::mem::take(&mut self.line);
                octets.truncate(octets.len() - 2);
                octets
            }
            false => self.take_part(),
        };
        Some(Cut {
            octets,
            is_first,
            is_whole: ends && is_first,
        })
    }

    /// What came of a line that has not ended; the rest of it belongs to no other.
    pub(super) fn cut_off(&mut self) -> Option<Vec<u8>> {
        if self.line.is_empty() || std::mem::replace(&mut self.is_rest, true) {
            return None;
        }
        Some(self.take_part())
    }

    /// All but a CR at the end, which may be the first half of the line's.
    fn take_part(&mut self) -> Vec<u8> {
        let rest = self.line.len() - usize::from(self.line.ends_with(b"\r"));
        let rest = self.line.split_off(rest);
        std::mem::replace(&mut self.line, rest)
    }

    /// Keeps a line of content, its leading dot unstuffed. A CR, LF or NUL in it is shown, not done.
    pub(super) fn keep(&mut self, line: &[u8]) {
        let line = line.strip_prefix(b".").unwrap_or(line);
        if self.kept.len() < 64 * LINE_OCTETS_MAX {
            match line.iter().any(|octet| matches!(octet, b'\r' | b'\n' | 0)) {
                true => self.kept.push_str(&line.escape_ascii().to_string()),
                false => self.kept.push_str(&String::from_utf8_lossy(line)),
            }
            self.kept.push('\n');
        }
    }
}
