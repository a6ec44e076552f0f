//! What the attacker on the path may do.

use super::super::end::Party;
use super::super::flight::{Edit, Piece};
use super::super::world::World;
use super::{Edited, Step, Way, Wire, Wrong};

impl Wire {
    /// What can be done now.
    pub(super) fn interfere(&self, mut world: World, into: &mut Vec<Way<World, Step, Wrong>>) {
        world.left.edits -= 1;
        for party in [Party::Client, Party::Server] {
            if world.is_over(party) {
                continue;
            }
            let flight = world.flight_to(party);
            let key = (party, flight, world.is_secured(party));
            for (edit, edited) in self.edits(key).iter().copied() {
                let mut to = world;
                to.flights[party as usize] = edited;
                into.push(self.way(Step::Edit(party, edit), to, Vec::new()));
            }
        }
        let mut to = world;
        for party in [Party::Client, Party::Server] {
            if !world.is_over(party) {
                let mut flight = self.flights.value(world.flight_to(party)).clone();
                flight.edit(Edit::End, |_| &[]);
                to.flights[party as usize] = self.flights.number(flight);
            }
        }
        if to != world {
            let way = self.way(Step::Close, to, Vec::new());
            into.push(way);
        }
    }

    /// Inside TLS whatever the editor takes away or puts in breaks the connection off there.
    fn edits(&self, key: (Party, u32, bool)) -> Edited {
        if let Some(known) = self.edits.get(&key) {
            return known.clone();
        }
        let (party, flight, is_secured) = key;
        let before = self.flights.value(flight).clone();
        let alphabet = self.configuration.alphabet(party);
        let edits = match (is_secured, before.0.first()) {
            (_, Some(Piece::End)) => Vec::new(),
            (true, None) => vec![Edit::End],
            (true, Some(_)) => vec![Edit::End, Edit::Cut],
            (false, _) => before.edits(alphabet.len(), self.configuration.places),
        };
        let edited = edits.into_iter().map(|edit| {
            let mut after = before.clone();
            after.edit(edit, |item| alphabet[usize::from(item)].octets());
            (edit, self.flights.number(after))
        });
        let edited: Edited = edited.filter(|(_, after)| *after != flight).collect();
        self.edits.insert(key, edited.clone());
        edited
    }
}
