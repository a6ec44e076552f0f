//! One direction of a connection in the attacker's hands: how much of it has passed, and where it is cut.

/// Octets on their way from one side to the other.
#[derive(Default)]
pub(super) struct Way {
    /// How many octets came by in all.
    passed: u64,
    /// How many had come by when the cut that is under way began.
    cut_since: Option<u64>,
    /// How many had come by when TLS began.
    tls_since: Option<u64>,
    /// What was injected or flipped, once.
    done: bool,
}

/// What passes of some octets.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Passage {
    /// So many of them.
    pub(super) octets: usize,
    /// And nothing more after them.
    pub(super) is_cut: bool,
}

impl Way {
    /// From here on octets are those of TLS.
    pub(super) fn begin_tls(&mut self) {
        self.tls_since.get_or_insert(self.passed);
    }

    /// How many octets of TLS came by.
    pub(super) fn of_tls(&self) -> u64 {
        self.tls_since.map_or(0, |since| self.passed - since)
    }

    /// So many octets come by, while a cut is under way or none is. A cut counts from when it is first seen.
    pub(super) fn pass(&mut self, octets: usize, cut: Option<u32>) -> Passage {
        let before = self.passed;
        self.passed += octets as u64;
        let Some(cut) = cut else {
            self.cut_since = None;
            return Passage { octets, is_cut: false };
        };
        let since = *self.cut_since.get_or_insert(before);
        let left = (since + u64::from(cut)).saturating_sub(before);
        match usize::try_from(left) {
            Ok(left) if left <= octets => Passage {
                octets: left,
                is_cut: true,
            },
            _ => Passage { octets, is_cut: false },
        }
    }

    /// Where in the octets that came by last, of which there were so many, this octet of TLS lies; once.
    pub(super) fn place_in_last(&mut self, octets: usize, of_tls: u64) -> Option<usize> {
        let last_began = self.passed - octets as u64;
        let place = (self.tls_since? + of_tls).checked_sub(last_began)?;
        let place = usize::try_from(place).ok().filter(|&place| place < octets)?;
        (!std::mem::replace(&mut self.done, true)).then_some(place)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn assert_passes(way: &mut Way, octets: usize, cut: Option<u32>, expected: (usize, bool)) {
        let Passage { octets, is_cut } = way.pass(octets, cut);
        assert_eq!((octets, is_cut), expected);
    }

    #[test]
    fn without_a_cut_everything_passes() {
        assert_passes(&mut Way::default(), 5, None, (5, false));
    }

    #[test]
    fn a_cut_counts_from_when_it_begins() {
        let mut way = Way::default();
        assert_passes(&mut way, 6, None, (6, false));
        assert_passes(&mut way, 3, Some(5), (3, false));
        assert_passes(&mut way, 4, Some(5), (2, true));
    }

    #[test]
    fn a_cut_falls_on_every_octet() {
        for cut in 0..=6 {
            assert_passes(&mut Way::default(), 6, Some(cut), (cut as usize, true));
        }
        assert_passes(&mut Way::default(), 6, Some(7), (6, false));
    }

    #[test]
    fn a_place_in_tls_is_found_once_and_wherever_it_lies() {
        for of_tls in 0..6 {
            let mut way = Way::default();
            way.pass(8, None);
            way.begin_tls();
            way.pass(3, None);
            let first = way.place_in_last(3, of_tls);
            way.pass(3, None);
            let second = way.place_in_last(3, of_tls);
            let expected = usize::try_from(of_tls).unwrap();
            match expected {
                0..3 => assert_eq!((first, second), (Some(expected), None)),
                _ => assert_eq!((first, second), (None, Some(expected - 3))),
            }
        }
    }
}
