//! A way through the model as a transcript: `C:` and `S:` lines as they are read at the other end, `M:` for the editor.

use super::super::judged::Observed;
use super::end::Party;
use super::flight::{Edit, Piece, lines};
use super::wire::{Handshake, Step, Wire};
use super::world::World;

impl Wire {
    /// The steps from the start on, in lines for a reader.
    pub fn transcript(&self, steps: &[Step]) -> Vec<String> {
        let mut world = self.start();
        let mut text = Vec::new();
        for step in steps {
            text.extend(self.told(world, *step));
            let mut ways = Vec::new();
            self.ways(world, &mut ways);
            let Some(way) = ways.into_iter().find(|way| way.step == *step) else {
                break;
            };
            world = way.to;
        }
        text.extend(
            [Party::Server, Party::Client]
                .into_iter()
                .flat_map(|party| self.unread(world, party)),
        );
        text
    }

    /// What is still on its way to an end.
    fn unread(&self, world: World, party: Party) -> Vec<String> {
        let name = speaker(party);
        let pieces = self.flights.value(world.flight_to(party)).0.iter();
        let octets = pieces.filter_map(|piece| match piece {
            Piece::Clear(octets) => Some((octets, "")),
            Piece::Tls(octets) => Some((octets, " (TLS)")),
            Piece::Hello | Piece::End => None,
        });
        let lines = octets.flat_map(|(octets, inside)| lines(octets).map(move |line| (line, inside)));
        lines
            .map(|(line, inside)| format!("{name}{inside}: {} <not read yet>", shown(line)))
            .collect()
    }

    fn told(&self, world: World, step: Step) -> Vec<String> {
        match step {
            Step::Open => vec!["= the client dials, and the editor lets it through".to_owned()],
            Step::Deliver(party, count) => self.read(world, party, count.into()),
            Step::Handshake(end) => vec![
                match end {
                    Handshake::Succeeds => "= TLS is up",
                    Handshake::Fails => "= the handshake fails at both ends",
                    Handshake::FailsAtServer => {
                        "= the handshake fails at the server, when the client's part is complete"
                    }
                }
                .to_owned(),
            ],
            Step::Edit(party, edit) => vec![format!("M: {}", self.edited(world, party, edit))],
            Step::Close => vec!["M: closes both ways, behind all that is on its way".to_owned()],
        }
    }

    fn read(&self, world: World, party: Party, count: usize) -> Vec<String> {
        let name = speaker(party);
        let mut flight = self.flights.value(world.flight_to(party)).clone();
        let (octets, inside) = match flight.take(count) {
            Piece::Clear(octets) => (octets, ""),
            Piece::Tls(octets) => (octets, " (TLS)"),
            Piece::Hello => return vec![format!("{name}: <hello of TLS>")],
            Piece::End => return vec![format!("{name}: <end>")],
        };
        let shakes = if world.is_shaking(party) {
            " <into the handshake>"
        } else {
            ""
        };
        let lines = lines(&octets).map(|line| format!("{name}{inside}: {}{shakes}", shown(line)));
        lines.collect()
    }

    fn edited(&self, world: World, party: Party, edit: Edit) -> String {
        let flight = self.flights.value(world.flight_to(party));
        let octets = flight.clear();
        let toward = match party {
            Party::Client => "toward the client",
            Party::Server => "toward the server",
        };
        match edit {
            Edit::DropAll => format!("drops what is on its way {toward}"),
            Edit::DropLine(place) => {
                let line = lines(octets).nth(place.into()).unwrap_or_default();
                format!("drops “{}” {toward}", shown(line))
            }
            Edit::StripStarttls => "strips STARTTLS from what is offered".to_owned(),
            Edit::Insert { item, at } => {
                let item = self.configuration.alphabet(party)[usize::from(item)];
                let (before, behind) = octets.split_at(at.into());
                let place = match (before, behind) {
                    ([], []) => String::new(),
                    (_, []) => " behind all that is on its way".to_owned(),
                    (_, behind) => format!(" before “{}”", shown(lines(behind).next().unwrap_or_default())),
                };
                format!("inserts “{}” {toward}{place}", shown(item.octets()))
            }
            Edit::End => format!("breaks off {toward}, behind what is on its way"),
            Edit::Cut => format!("drops what is on its way {toward}, and breaks off"),
        }
    }
}

/// Who says what an end reads.
fn speaker(party: Party) -> &'static str {
    match party {
        Party::Client => "S",
        Party::Server => "C",
    }
}

/// A line without its CRLF; one that is not whole ends in an ellipsis.
fn shown(octets: &[u8]) -> String {
    let (text, rest) = match octets.strip_suffix(b"\r\n") {
        Some(line) => (line, ""),
        None => (octets, "…"),
    };
    format!("{}{rest}", text.escape_ascii())
}
