//! Octets as lines.

/// Cuts octets into lines, with their CRLF.
#[derive(Default)]
pub(super) struct Lines {
    octets: Vec<u8>,
}

impl Lines {
    pub(super) fn push(&mut self, octets: &[u8]) {
        self.octets.extend(octets);
    }

    pub(super) fn next(&mut self) -> Option<Vec<u8>> {
        let end = self.octets.iter().position(|&octet| octet == b'\n')? + 1;
        Some(self.octets.drain(..end).collect())
    }

    /// What came of a line that is not complete.
    pub(super) fn take_rest(&mut self) -> Vec<u8> {
        std::mem::take(&mut self.octets)
    }
}
