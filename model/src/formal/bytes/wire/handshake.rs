//! The handshake of TLS, which both ends make or break.

use super::super::configuration::{next_hop, server_name};
use super::super::end::{Fact, Party};
use super::super::past::Past;
use super::super::world::{Standing, World};
use super::{Handshake, Step, Way, Wire, Wrong, connection};
use crate::trace::{Event, Presented};

impl Wire {
    /// How the handshake may end: a client that demands another certificate gives it up.
    pub(super) fn handshakes(&self, world: World, into: &mut Vec<Way<World, Step, Wrong>>) {
        let is_demanding = world.standing(Party::Client) == Standing::Shaking { is_demanding: true };
        if is_demanding && self.configuration.certificate_is_bad {
            let way = self.handshake(world, Handshake::Fails);
            return into.push(way);
        }
        let way = self.handshake(world, Handshake::Succeeds);
        into.push(way);
        if world.left.edits > 0 {
            let mut less = world;
            less.left.edits -= 1;
            for end in [Handshake::Fails, Handshake::FailsAtServer] {
                let way = self.handshake(less, end);
                into.push(way);
            }
        }
    }

    fn handshake(&self, mut world: World, end: Handshake) -> Way<World, Step, Wrong> {
        let before = world.machines;
        let (rest, _) = self.take(world.flight_to(Party::Server), 1);
        world.flights[Party::Server as usize] = rest;
        let mut way = self.way(Step::Handshake(end), world, Vec::new());
        let facts = match end {
            Handshake::Succeeds => [Fact::TlsUp, Fact::TlsUp],
            Handshake::Fails => [Fact::TlsFailed, Fact::TlsFailed],
            Handshake::FailsAtServer => [Fact::TlsUp, Fact::TlsFailed],
        };
        let parties = [Party::Client, Party::Server];
        for (party, _) in parties.iter().zip(&facts).filter(|(_, fact)| **fact == Fact::TlsUp) {
            self.secure(&mut way, *party);
        }
        for (party, fact) in parties.into_iter().zip(facts) {
            self.tell(&mut way, party, fact);
        }
        if end == Handshake::Succeeds {
            way.wrong.extend(self.past(before).map(Wrong::Shows));
        }
        way
    }

    fn secure(&self, way: &mut Way<World, Step, Wrong>, party: Party) {
        way.to.standings[party as usize] = Standing::Tls;
        let names = match self.configuration.certificate_is_bad {
            true => vec!["elsewhere.example".to_owned()],
            false => vec![server_name().to_string(), next_hop().to_string()],
        };
        let secured = Event::Secured {
            connection: connection(party),
            certificate: Presented {
                names,
                trusted: true,
                current: true,
            },
        };
        let mut taps = self.taps.value(way.to.taps).clone();
        taps[party as usize].secured();
        way.to.taps = self.taps.number(taps);
        self.see(way, vec![secured]);
    }

    /// What shows inside TLS of the past of two machines that are about to have it.
    fn past(&self, machines: [u32; 2]) -> Option<Past> {
        let undisturbed = self.undisturbed.as_ref()?;
        let [client, server] = machines;
        let (client, server) = (self.clients.value(client), self.servers.value(server));
        *self
            .pasts
            .entry(machines)
            .or_insert_with(|| undisturbed.shows(client, server))
    }
}
