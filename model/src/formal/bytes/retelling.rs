//! A course of events at byte level, told as a scenario that the simulator can play: every edit by the line that it is at.

use std::time::Duration;

use crate::scenario::{Action, Alteration, Attack, Edit as Told, Insertion, Phase, Position, Scenario, Toward, When};

use super::super::judged::Observed;
use super::super::retelling::{LIFETIME, MOMENT};
use super::configuration::{client_name, server_name};
use super::end::Party;
use super::flight::{Edit, Piece, lines};
use super::wire::{Handshake, Step, Wire};
use super::world::World;

/// Why a course of events cannot be told.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum Untold {
    /// Places are told by whole lines in clear.
    #[error("a scenario has no place within a line or within TLS")]
    WithinLine,
    /// A handshake that the client has completed fails at the server.
    #[error("a scenario has no handshake that fails at the server alone")]
    HalfAHandshake,
    /// The editor ends a stream.
    #[error("a scenario breaks a connection off by octets of the client's and the server's, and not behind an edit")]
    BrokenOff,
}

impl Wire {
    /// The scenario of a course of events from the start on, without a title of its own.
    ///
    /// # Errors
    /// When an edit has no counterpart in a scenario.
    pub fn retell(&self, steps: &[Step]) -> Result<Scenario, Untold> {
        let mut teller = Teller::default();
        let mut world = self.start();
        for step in steps {
            let mut ways = Vec::new();
            self.ways(world, &mut ways);
            let Some(way) = ways.into_iter().find(|way| way.step == *step) else {
                break;
            };
            teller.tell(self, world, *step, way.to)?;
            world = way.to;
        }
        let mut scenario = self.configuration.scenario();
        let sender = client_name();
        for host in scenario.host.iter_mut().filter(|host| host.name == sender) {
            host.lifetime = Some(LIFETIME);
        }
        for message in &mut scenario.message {
            message.at = Duration::ZERO;
        }
        scenario.step = teller.attacks().map(|attack| self.begins(attack)).collect();
        Ok(scenario)
    }

    /// The attack begins with the connection, and is over before the next.
    fn begins(&self, attack: Attack) -> crate::scenario::Step {
        let host = server_name();
        let position = Position {
            message: self.configuration.token(),
            attempt: 1,
            host: host.clone(),
            phase: Phase::Connect,
        };
        crate::scenario::Step {
            when: When::On(position),
            host,
            action: Action::Attack {
                attack,
                lasting: Some(MOMENT),
            },
        }
    }

    /// All octets in clear on their way to an end.
    fn clear_octets(&self, world: World, party: Party) -> Vec<u8> {
        let pieces = self.flights.value(world.flight_to(party)).0.iter();
        let clear = pieces.filter_map(|piece| match piece {
            Piece::Clear(octets) => Some(octets.as_slice()),
            Piece::Hello | Piece::Tls(_) | Piece::End => None,
        });
        clear.collect::<Vec<_>>().concat()
    }
}

/// What has been told so far.
#[derive(Default)]
struct Teller {
    ways: [Way; 2],
    handshake_is_broken: bool,
}

/// What an octet on its way is of.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Source {
    /// Of this line of those that were sent.
    Sent { line: u16, place: Place },
    /// Of something that the editor put there, by the order of insertion.
    Inserted(Insertion, usize),
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Place {
    First,
    Midst,
    Last,
}

/// One direction.
#[derive(Default)]
struct Way {
    /// What the octets in clear on their way are of.
    sources: Vec<Source>,
    /// How many lines have been sent to their end.
    sent_lines: u16,
    /// The octets of the line that is being sent.
    line: Vec<u8>,
    /// The last line that was read to its end.
    read_lines: u16,
    insertions: usize,
    told: Vec<(u16, Alteration)>,
}

impl Teller {
    fn tell(&mut self, wire: &Wire, before: World, step: Step, after: World) -> Result<(), Untold> {
        match step {
            Step::Open => {}
            Step::Deliver(party, count) => {
                let flight = wire.flights.value(before.flight_to(party));
                match flight.0.first() {
                    Some(Piece::Clear(octets)) => self.ways[party as usize].read(count.into(), octets.len())?,
                    Some(Piece::Tls(octets)) if usize::from(count) < octets.len() => return Err(Untold::WithinLine),
                    _ => {}
                }
            }
            Step::Handshake(Handshake::Succeeds) => {}
            // By itself it fails for a certificate, which the scenario has too.
            Step::Handshake(Handshake::Fails) => self.handshake_is_broken |= after.left != before.left,
            Step::Handshake(Handshake::FailsAtServer) => return Err(Untold::HalfAHandshake),
            Step::Edit(party, edit) => {
                let octets = wire.flights.value(before.flight_to(party)).clear().to_vec();
                let item = |place: u8| wire.configuration.alphabet(party)[usize::from(place)];
                self.ways[party as usize].edit(&octets, edit, item)?;
            }
            Step::Close => return Err(Untold::BrokenOff),
        }
        for party in [Party::Client, Party::Server] {
            self.ways[party as usize].is_sent(&wire.clear_octets(after, party));
        }
        Ok(())
    }

    fn attacks(self) -> impl Iterator<Item = Attack> {
        let towards = [Toward::Client, Toward::Server].into_iter().zip(self.ways);
        let edits = towards.flat_map(|(toward, way)| {
            way.told.into_iter().map(move |(line, alteration)| {
                Attack::Edit(Told {
                    toward,
                    line,
                    alteration,
                })
            })
        });
        let broken = self.handshake_is_broken.then_some(Attack::GarbageAfterGoAhead);
        // The editor is on the path, whatever it does.
        std::iter::once(Attack::Watch).chain(edits).chain(broken)
    }
}

impl Way {
    /// What is on its way now: what is new was sent behind all else.
    fn is_sent(&mut self, octets: &[u8]) {
        self.sources.truncate(octets.len());
        for octet in &octets[self.sources.len()..] {
            let is_first = self.line.is_empty();
            self.line.push(*octet);
            let is_last = self.line.ends_with(b"\r\n");
            let place = match (is_first, is_last) {
                (true, _) => Place::First,
                (false, true) => Place::Last,
                (false, false) => Place::Midst,
            };
            let line = self.sent_lines + 1;
            self.sources.push(Source::Sent { line, place });
            if is_last {
                self.sent_lines += 1;
                self.line.clear();
            }
        }
    }

    /// So many octets, of so many that could be, are read at once.
    fn read(&mut self, count: usize, of: usize) -> Result<(), Untold> {
        let read: Vec<Source> = self.sources.drain(..count.min(self.sources.len())).collect();
        let mut before: Option<(u16, Alteration)> = None;
        let mut line = self.read_lines;
        for (place, source) in read.iter().enumerate() {
            match *source {
                Source::Sent { line: of, place } => {
                    before = None;
                    if place == Place::Last {
                        line = of;
                        self.read_lines = of;
                    }
                }
                Source::Inserted(..) if place > 0 && read[place - 1] == *source => {}
                Source::Inserted(insertion, _) => {
                    let told = match (place.checked_sub(1).map(|place| read[place]), before) {
                        (Some(Source::Inserted(..)), Some((at, Alteration::InsertBefore(_)))) => {
                            (at, Alteration::InsertBefore(insertion))
                        }
                        (Some(Source::Inserted(..)), Some((at, Alteration::InsertAfter(_)))) => {
                            (at, Alteration::InsertAfter(insertion))
                        }
                        (
                            Some(Source::Sent {
                                place: Place::First | Place::Midst,
                                ..
                            }),
                            _,
                        ) => return Err(Untold::WithinLine),
                        (Some(_), _) => (line, Alteration::InsertBehind(insertion)),
                        (None, _) => Self::at_start(&read, line, insertion)?,
                    };
                    before = Some(told);
                    self.told.push(told);
                }
            }
        }
        match read.last() {
            _ if count >= of => Ok(()),
            Some(Source::Sent { place: Place::Last, .. }) => {
                self.told.push((line, Alteration::PauseBehind));
                Ok(())
            }
            Some(last @ Source::Inserted(insertion, _)) => {
                let is_whole = read.iter().filter(|source| *source == last).count() == insertion.octets().len();
                match before {
                    Some((at, Alteration::InsertBehind(_))) if is_whole => {
                        self.told.push((at, Alteration::PauseBehind));
                        Ok(())
                    }
                    _ => Err(Untold::WithinLine),
                }
            }
            _ => Err(Untold::WithinLine),
        }
    }

    /// What is inserted before all else that is read with it: before the line that stands behind it, or by itself.
    fn at_start(read: &[Source], line: u16, insertion: Insertion) -> Result<(u16, Alteration), Untold> {
        let sent = read.iter().find_map(|source| match source {
            Source::Sent { line, place } => Some((*line, *place)),
            Source::Inserted(..) => None,
        });
        match sent {
            Some((next, Place::First)) => Ok((next, Alteration::InsertBefore(insertion))),
            Some(_) => Err(Untold::WithinLine),
            None => Ok((line, Alteration::InsertAfter(insertion))),
        }
    }

    /// What becomes of the octets in clear that come next.
    fn edit(&mut self, octets: &[u8], edit: Edit, item: impl Fn(u8) -> Insertion) -> Result<(), Untold> {
        let lengths: Vec<usize> = lines(octets).map(<[u8]>::len).collect();
        let start_of = |line: usize| lengths[..line].iter().sum::<usize>();
        match edit {
            Edit::DropAll => {
                for length in &lengths {
                    self.drop(0, *length)?;
                }
            }
            Edit::DropLine(line) => self.drop(start_of(line.into()), lengths[usize::from(line)])?,
            Edit::StripStarttls => {
                let place = lines(octets).position(|line| line.get(4..) == Some(b"STARTTLS\r\n"));
                // The mark of the last line would have to change in the one before.
                let place = place
                    .filter(|place| place + 1 < lengths.len())
                    .ok_or(Untold::WithinLine)?;
                self.drop(start_of(place), lengths[place])?;
            }
            Edit::Insert { item: place, at } => {
                let insertion = item(place);
                self.insertions += 1;
                let inserted = Source::Inserted(insertion, self.insertions);
                let at = usize::from(at);
                self.sources
                    .splice(at..at, std::iter::repeat_n(inserted, insertion.octets().len()));
            }
            Edit::End | Edit::Cut => return Err(Untold::BrokenOff),
        }
        Ok(())
    }

    /// Takes a line away.
    fn drop(&mut self, start: usize, length: usize) -> Result<(), Untold> {
        let dropped: Vec<Source> = self.sources.drain(start..start + length).collect();
        match (dropped.first(), dropped.last()) {
            (Some(Source::Inserted(one, first)), Some(Source::Inserted(_, last))) => {
                // A part of what was inserted cannot be taken away again.
                let is_whole = first == last && one.octets().len() == length;
                is_whole.then_some(()).ok_or(Untold::WithinLine)
            }
            (
                Some(Source::Sent {
                    line,
                    place: Place::First,
                }),
                Some(Source::Sent {
                    line: end,
                    place: Place::Last,
                }),
            ) if line == end && dropped.len() == length => {
                self.told.push((*line, Alteration::Drop));
                Ok(())
            }
            _ => Err(Untold::WithinLine),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOOP: Insertion = Insertion::Noop;

    /// A direction on which this is on its way, and what it was before.
    fn way(octets: &str) -> Way {
        let mut way = Way::default();
        way.is_sent(octets.as_bytes());
        way
    }

    fn insert(way: &mut Way, octets: &str, at: u16) -> Result<(), Untold> {
        way.edit(octets.as_bytes(), Edit::Insert { item: 0, at }, |_| NOOP)
    }

    /// What is told of an insertion at a place, when all is read at once.
    fn told(octets: &str, at: u16) -> Result<Vec<(u16, Alteration)>, Untold> {
        let mut way = way(octets);
        insert(&mut way, octets, at)?;
        let all = way.sources.len();
        way.read(all, all)?;
        Ok(way.told)
    }

    #[test]
    fn an_insertion_is_told_by_the_line_that_it_is_read_with() {
        let octets = "EHLO a\r\nRSET\r\n";
        assert_eq!(told(octets, 0), Ok(vec![(1, Alteration::InsertBefore(NOOP))]));
        assert_eq!(told(octets, 8), Ok(vec![(1, Alteration::InsertBehind(NOOP))]));
        assert_eq!(told(octets, 14), Ok(vec![(2, Alteration::InsertBehind(NOOP))]));
        assert_eq!(told("", 0), Ok(vec![(0, Alteration::InsertAfter(NOOP))]));
    }

    #[test]
    fn two_insertions_at_one_place_are_told_in_their_order() {
        let mut way = way("");
        insert(&mut way, "", 0).expect("a place");
        way.edit(NOOP.octets(), Edit::Insert { item: 0, at: 0 }, |_| Insertion::Rset)
            .expect("a place");
        let edited = [Insertion::Rset.octets(), NOOP.octets(), b"QUIT\r\n"].concat();
        way.is_sent(&edited);
        way.read(edited.len(), edited.len()).expect("whole lines");
        let both = [Insertion::Rset, NOOP].map(|insertion| (1, Alteration::InsertBefore(insertion)));
        assert_eq!(way.told, both);
    }

    #[test]
    fn lines_that_are_taken_away_are_told_and_what_was_inserted_is_as_if_it_never_was() {
        let octets = "250-a\r\n250-STARTTLS\r\n250 b\r\n";
        let dropped = |edit| {
            let mut way = way(octets);
            way.edit(octets.as_bytes(), edit, |_| NOOP).map(|()| way.told)
        };
        assert_eq!(dropped(Edit::DropLine(2)), Ok(vec![(3, Alteration::Drop)]));
        assert_eq!(dropped(Edit::StripStarttls), Ok(vec![(2, Alteration::Drop)]));
        let all = (1..=3).map(|line| (line, Alteration::Drop)).collect();
        assert_eq!(dropped(Edit::DropAll), Ok(all));
        let mut way = way("");
        insert(&mut way, "", 0).expect("a place");
        way.edit(NOOP.octets(), Edit::DropAll, |_| NOOP).expect("it is whole");
        assert_eq!((way.told.len(), way.sources.len()), (0, 0));
    }

    #[test]
    fn a_part_that_is_read_alone_is_a_pause_if_it_is_whole_lines() {
        let octets = "EHLO a\r\nRSET\r\n";
        let mut whole = way(octets);
        assert_eq!(whole.read(8, octets.len()), Ok(()));
        assert_eq!(whole.told, [(1, Alteration::PauseBehind)]);
        assert_eq!(way(octets).read(3, octets.len()), Err(Untold::WithinLine));
        let mut edited = way(octets);
        insert(&mut edited, octets, 8).expect("a place");
        let all = edited.sources.len();
        assert_eq!(edited.read(14, all), Ok(()));
        assert_eq!(
            edited.told,
            [(1, Alteration::InsertBehind(NOOP)), (1, Alteration::PauseBehind)]
        );
    }

    #[test]
    fn what_no_scenario_can_say_is_not_told() {
        assert_eq!(told("EHLO a\r\n", 3), Err(Untold::WithinLine));
        assert_eq!(way("x").edit(b"x", Edit::Cut, |_| NOOP), Err(Untold::BrokenOff));
        let last = "250-a\r\n250 STARTTLS\r\n";
        assert_eq!(
            way(last).edit(last.as_bytes(), Edit::StripStarttls, |_| NOOP),
            Err(Untold::WithinLine)
        );
    }
}
