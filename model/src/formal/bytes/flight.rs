//! What is on its way in one direction of a connection, and what an editor on the path can do to it.

/// What is on its way, in the order of sending. Neighbouring pieces are of different kinds.
#[derive(Debug, Clone, Default, PartialEq, Eq, Hash)]
pub(super) struct Flight(pub(super) Vec<Piece>);

/// Something on its way.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(super) enum Piece {
    /// Octets that anyone can read and alter.
    Clear(Vec<u8>),
    /// The first octets of the client's handshake.
    Hello,
    /// Octets inside TLS: nobody on the path can read or alter them.
    Tls(Vec<u8>),
    /// The end of the stream.
    End,
}

/// What an editor does to one direction of a connection.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Edit {
    /// Takes away all octets in clear.
    DropAll,
    /// Takes away the line at this place.
    DropLine(u8),
    /// Takes STARTTLS out of what is offered.
    StripStarttls,
    /// Puts the item at this place of the alphabet before the octet at this place.
    Insert {
        /// Of the alphabet.
        item: u8,
        /// Of the octets in clear.
        at: u16,
    },
    /// Ends the stream, behind all that is on its way.
    End,
    /// Takes away what is on its way and ends the stream.
    Cut,
}

/// Where an editor puts what it inserts.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Places {
    /// Before a line, or behind the last.
    Lines,
    /// There, and in the midst of each line, behind its third octet.
    LinesAndMidst,
    /// Everywhere.
    EveryOctet,
}

impl Flight {
    pub(super) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Sends something behind all that is on its way. Behind the end of the stream nothing goes out.
    pub(super) fn send(&mut self, piece: Piece) {
        match (self.0.last_mut(), piece) {
            (Some(Piece::End), _) => {}
            (Some(Piece::Clear(before)), Piece::Clear(octets)) | (Some(Piece::Tls(before)), Piece::Tls(octets)) => {
                before.extend(octets);
            }
            (_, piece) => self.0.push(piece),
        }
    }

    /// Takes the first octets of the first piece, which has more than these, or the whole of it.
    pub(super) fn take(&mut self, count: usize) -> Piece {
        let octets = match &mut self.0[0] {
            Piece::Clear(octets) | Piece::Tls(octets) => octets,
            Piece::Hello | Piece::End => return self.0.remove(0),
        };
        if octets.len() <= count {
            return self.0.remove(0);
        }
        let taken: Vec<u8> = octets.drain(..count).collect();
        match &self.0[0] {
            Piece::Tls(_) => Piece::Tls(taken),
            _ => Piece::Clear(taken),
        }
    }

    /// The octets in clear that come next, and may be none.
    pub(super) fn clear(&self) -> &[u8] {
        match self.0.first() {
            Some(Piece::Clear(octets)) => octets,
            _ => &[],
        }
    }

    fn set_clear(&mut self, octets: Vec<u8>) {
        if let Some(Piece::Clear(_)) = self.0.first() {
            self.0.remove(0);
        }
        if !octets.is_empty() {
            self.0.insert(0, Piece::Clear(octets));
        }
    }

    /// What an editor can do to it, where the octets are in clear, and the item of an alphabet of so many.
    pub(super) fn edits(&self, alphabet: usize, places: Places) -> Vec<Edit> {
        let octets = self.clear();
        let lines: Vec<usize> = lines(octets).map(<[u8]>::len).collect();
        let mut edits = Vec::new();
        if !octets.is_empty() {
            edits.push(Edit::DropAll);
        }
        if lines.len() > 1 {
            edits.extend((0..lines.len()).filter_map(|line| Some(Edit::DropLine(u8::try_from(line).ok()?))));
        }
        if without_starttls(octets).is_some() {
            edits.push(Edit::StripStarttls);
        }
        let mut at = Vec::from([0]);
        let mut line_start = 0;
        for length in lines {
            match places {
                Places::Lines => {}
                Places::LinesAndMidst => at.extend((length > 3).then_some(line_start + 3)),
                Places::EveryOctet => at.extend(line_start + 1..line_start + length),
            }
            line_start += length;
            at.push(line_start);
        }
        for item in (0..alphabet).filter_map(|item| u8::try_from(item).ok()) {
            let at = at.iter().filter_map(|at| u16::try_from(*at).ok());
            edits.extend(at.map(|at| Edit::Insert { item, at }));
        }
        edits
    }

    /// Does it. An item is what an alphabet has at its place.
    pub(super) fn edit(&mut self, edit: Edit, item: impl Fn(u8) -> &'static [u8]) {
        let octets = self.clear();
        match edit {
            Edit::DropAll => self.set_clear(Vec::new()),
            Edit::DropLine(line) => {
                let kept = lines(octets)
                    .enumerate()
                    .filter(|(place, _)| *place != usize::from(line));
                let kept = kept.flat_map(|(_, line)| line).copied().collect();
                self.set_clear(kept);
            }
            Edit::StripStarttls => {
                let stripped = without_starttls(octets);
                self.set_clear(stripped.unwrap_or_default());
            }
            Edit::Insert { item: place, at } => {
                let (before, behind) = octets.split_at(usize::from(at));
                let edited = [before, item(place), behind].concat();
                self.set_clear(edited);
            }
            Edit::End => self.send(Piece::End),
            Edit::Cut => self.0 = vec![Piece::End],
        }
    }
}

/// The lines, each with its CRLF but perhaps the last.
pub(super) fn lines(mut octets: &[u8]) -> impl Iterator<Item = &[u8]> {
    std::iter::from_fn(move || {
        let end = octets.windows(2).position(|pair| pair == b"\r\n");
        let (line, rest) = octets.split_at(end.map_or(octets.len(), |end| end + 2));
        octets = rest;
        (!line.is_empty()).then_some(line)
    })
}

/// A reply that offers STARTTLS, without that; `None` for any other octets.
fn without_starttls(octets: &[u8]) -> Option<Vec<u8>> {
    let all: Vec<&[u8]> = lines(octets).collect();
    let place = all.iter().position(|line| line.get(4..) == Some(b"STARTTLS\r\n"))?;
    let is_last = all[place][3] == b' ';
    let mut stripped = Vec::new();
    for (number, line) in all.iter().enumerate().filter(|(number, _)| *number != place) {
        let from = stripped.len();
        stripped.extend(*line);
        if is_last && number + 1 == place && line.len() > 3 {
            stripped[from + 3] = b' ';
        }
    }
    Some(stripped)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn clear(octets: &str) -> Flight {
        Flight(vec![Piece::Clear(octets.into())])
    }

    fn edited(octets: &str, edit: Edit) -> String {
        let mut flight = clear(octets);
        flight.edit(edit, |_| b"NOOP\r\n");
        String::from_utf8(flight.clear().to_vec()).expect("text")
    }

    #[test]
    fn a_part_of_a_piece_leaves_the_rest() {
        let mut flight = clear("QUIT\r\n");
        assert_eq!(flight.take(2), Piece::Clear(b"QU".into()));
        assert_eq!(flight.take(9), Piece::Clear(b"IT\r\n".into()));
        assert!(flight.is_empty());
    }

    #[test]
    fn behind_the_end_nothing_is_sent() {
        let mut flight = Flight(vec![Piece::End]);
        flight.send(Piece::Clear(b"QUIT\r\n".into()));
        assert_eq!(flight, Flight(vec![Piece::End]));
    }

    #[test]
    fn an_editor_inserts_and_drops_lines() {
        assert_eq!(edited("RSET\r\n", Edit::Insert { item: 0, at: 2 }), "RSNOOP\r\nET\r\n");
        assert_eq!(edited("RSET\r\nDATA\r\n", Edit::DropLine(0)), "DATA\r\n");
        assert_eq!(edited("RSET\r\nDATA\r\n", Edit::DropAll), "");
    }

    #[test]
    fn what_is_stripped_leaves_a_whole_reply() {
        let reply = "250-mx\r\n250-STARTTLS\r\n250 DSN\r\n";
        assert_eq!(edited(reply, Edit::StripStarttls), "250-mx\r\n250 DSN\r\n");
        assert_eq!(edited("250-mx\r\n250 STARTTLS\r\n", Edit::StripStarttls), "250 mx\r\n");
    }

    #[test]
    fn an_item_goes_before_and_behind_each_line_and_into_its_midst() {
        let at = |places| {
            let edits = clear("250-a\r\n250 b\r\n").edits(1, places);
            let at = edits.into_iter().filter_map(|edit| match edit {
                Edit::Insert { at, .. } => Some(at),
                _ => None,
            });
            at.collect::<Vec<_>>()
        };
        assert_eq!(at(Places::Lines), [0, 7, 14]);
        assert_eq!(at(Places::LinesAndMidst), [0, 3, 7, 10, 14]);
        assert_eq!(at(Places::EveryOctet), (0..=14).collect::<Vec<_>>());
        assert_eq!(
            Flight::default().edits(1, Places::Lines),
            [Edit::Insert { item: 0, at: 0 }]
        );
    }
}
