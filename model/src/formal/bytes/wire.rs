//! The two machines and the wire between them as a system of transitions, without judges.

mod attacker;
mod handshake;

use std::sync::Arc;

use crate::mta::client::Client;
use crate::mta::server::Server;
use crate::mta::session::Transaction;
use crate::smtp::with_crlf;
use crate::trace::{Channel, ConnectionId, Event};

use super::super::interner::{Interner, Memo};
use super::super::judged::{Observed, Way};
use super::configuration::{Budget, Configuration, MESSAGE_ID, server_name};
use super::end::{Act, Fact, Party, react};
use super::flight::{Edit, Flight, Piece};
use super::past::{Past, Undisturbed};
use super::start;
use super::tap::Tap;
use super::world::{Standing, World};

/// The connection that the client dialled, and the editor accepted.
pub const OF_CLIENT: ConnectionId = ConnectionId(0);
/// The connection that the editor dialled in the client's name, and the server accepted.
pub const OF_SERVER: ConnectionId = ConnectionId(1);

/// What a TLS record begins with, and all that a machine is shown of a hello that it reads in clear.
const HELLO: &[u8] = &[22, 3, 1];

/// One step.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Step {
    /// The connection is made.
    Open,
    /// So many octets on their way to an end are read there at once; or what stands there in place of octets.
    Deliver(Party, u16),
    /// The handshake ends, in one of these ways.
    Handshake(Handshake),
    /// The editor does something to what is on its way to an end.
    Edit(Party, Edit),
    /// The editor closes both connections, behind all that is on its way.
    Close,
}

/// How a handshake ends.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Handshake {
    /// TLS is up.
    Succeeds,
    /// It fails at both ends.
    Fails,
    /// It fails at the server when the client's part is complete already.
    FailsAtServer,
}

/// What a step shows to be wrong, whatever the judges think.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Wrong {
    /// What was said in clear shows inside TLS (P28).
    Shows(Past),
    /// The server kept a message that came inside TLS, and not just the one that the client was given (P33).
    KeptOther,
}

/// All that was met so far.
pub struct Wire {
    pub(super) configuration: Configuration,
    pub(super) clients: Interner<Client>,
    pub(super) servers: Interner<Server>,
    pub(super) flights: Interner<Flight>,
    taps: Interner<[Tap; 2]>,
    seen: Interner<Vec<Event>>,
    facts: Interner<Fact>,
    reactions: Memo<(Party, u32, u32, bool), usize>,
    known: boxcar::Vec<Reaction>,
    records: Memo<(u32, usize, u32), (u32, u32)>,
    taken: Memo<(u32, u16), (u32, u32)>,
    sent: Memo<(u32, usize, bool), u32>,
    /// By whom it is for, the flight, and whether that is inside TLS.
    edits: Memo<(Party, u32, bool), Edited>,
    undisturbed: Option<Undisturbed>,
    pasts: Memo<[u32; 2], Option<Past>>,
}

/// What can be done to a flight, and what is on its way then, by its number.
type Edited = Arc<[(Edit, u32)]>;

/// What a machine made of a fact.
#[derive(Debug, Clone)]
struct Reaction {
    party: Party,
    machine: u32,
    acts: Vec<Act>,
}

impl Wire {
    /// The model of a configuration.
    pub fn new(configuration: Configuration) -> Self {
        let mut wire = Self {
            configuration,
            clients: Interner::default(),
            servers: Interner::default(),
            flights: Interner::default(),
            taps: Interner::default(),
            seen: Interner::default(),
            facts: Interner::default(),
            reactions: Memo::default(),
            known: boxcar::Vec::new(),
            records: Memo::default(),
            taken: Memo::default(),
            sent: Memo::default(),
            edits: Memo::default(),
            undisturbed: None,
            pasts: Memo::default(),
        };
        wire.flights.number(Flight::default());
        wire.seen.number(Vec::new());
        wire.undisturbed = wire.undisturbed_session();
        wire
    }

    /// Whether what a handshake begins with was ever held against that of the session that nobody disturbs.
    pub fn was_compared(&self) -> bool {
        !self.pasts.is_empty()
    }

    /// The two ends as the handshake of the session begins that nobody disturbs; `None` if it comes to none.
    fn undisturbed_session(&self) -> Option<Undisturbed> {
        let mut world = self.start();
        world.left = Budget::default();
        let mut ways = Vec::new();
        loop {
            self.free_ways(world, &mut ways);
            if ways.iter().any(|way| way.step == Step::Handshake(Handshake::Succeeds)) {
                let [client, server] = world.machines;
                let (client, server) = (self.clients.value(client), self.servers.value(server));
                return Some(Undisturbed::new(client.clone(), server.clone()));
            }
            world = ways.drain(..).next()?.to;
        }
    }

    /// What happens unless somebody interferes.
    fn free_ways(&self, world: World, into: &mut Vec<Way<World, Step, Wrong>>) {
        if !world.is_open {
            let way = self.open(world);
            into.push(way);
            return;
        }
        for party in [Party::Client, Party::Server] {
            self.deliveries(world, party, into);
        }
    }

    fn open(&self, mut world: World) -> Way<World, Step, Wrong> {
        world.is_open = true;
        let mut way = self.way(Step::Open, world, start::events(&self.configuration));
        for party in [Party::Server, Party::Client] {
            self.tell(&mut way, party, Fact::Opened);
        }
        way
    }

    fn way(&self, step: Step, to: World, events: Vec<Event>) -> Way<World, Step, Wrong> {
        Way {
            step,
            to,
            seen: self.seen.number(events),
            is_end: false,
            wrong: Vec::new(),
        }
    }

    /// What may be read at an end next.
    fn deliveries(&self, world: World, party: Party, into: &mut Vec<Way<World, Step, Wrong>>) {
        let flight = world.flight_to(party);
        let Some(piece) = self.flights.value(flight).0.first() else {
            return;
        };
        let mut all = 1;
        match piece {
            Piece::Hello if world.is_shaking(party) && world.is_shaking(Party::Client) => {
                // Octets in clear that are still on their way to the client come there before the server's answer.
                if self.flights.value(world.flight_to(Party::Client)).is_empty() {
                    self.handshakes(world, into);
                }
                return;
            }
            Piece::Clear(octets) | Piece::Tls(octets) => {
                all = u16::try_from(octets.len()).unwrap_or(u16::MAX);
                let reads = matches!(world.standing(party), Standing::Clear | Standing::Tls);
                if reads && world.left.cuts > 0 {
                    let mut less = world;
                    less.left.cuts -= 1;
                    for count in 1..all {
                        let way = self.deliver(less, party, count);
                        into.push(way);
                    }
                }
            }
            Piece::Hello | Piece::End => {}
        }
        let way = self.deliver(world, party, all);
        into.push(way);
    }

    fn deliver(&self, mut world: World, party: Party, count: u16) -> Way<World, Step, Wrong> {
        let flight = world.flight_to(party);
        let (rest, fact) = self.take(flight, count);
        world.flights[party as usize] = rest;
        let step = Step::Deliver(party, count);
        let mut way = self.way(step, world, Vec::new());
        match (self.facts.value(fact), world.standing(party)) {
            // Whoever shakes hands takes what comes for records of TLS: it fails by anything else, and by the end.
            (Fact::Received(_), Standing::Shaking { .. }) if self.is_hello(fact) => {}
            (Fact::Received(_) | Fact::Closed, Standing::Shaking { .. }) => {
                self.tell(&mut way, party, Fact::TlsFailed);
            }
            _ => self.tell_known(&mut way, party, fact),
        }
        way
    }

    fn is_hello(&self, fact: u32) -> bool {
        matches!(self.facts.value(fact), Fact::Received(octets) if octets == HELLO)
    }

    /// What is left of a flight when so many octets of it are read, and the fact that they are.
    fn take(&self, flight: u32, count: u16) -> (u32, u32) {
        if let Some(taken) = self.taken.get(&(flight, count)) {
            return *taken;
        }
        let mut rest = self.flights.value(flight).clone();
        let fact = match rest.take(count.into()) {
            Piece::Clear(octets) | Piece::Tls(octets) => Fact::Received(octets),
            Piece::Hello => Fact::Received(HELLO.into()),
            Piece::End => Fact::Closed,
        };
        let taken = (self.flights.number(rest), self.facts.number(fact));
        self.taken.insert((flight, count), taken);
        taken
    }

    /// Hands a fact to an end, and does what it asks.
    fn tell(&self, way: &mut Way<World, Step, Wrong>, party: Party, fact: Fact) {
        let fact = self.facts.number(fact);
        self.tell_known(way, party, fact);
    }

    fn tell_known(&self, way: &mut Way<World, Step, Wrong>, party: Party, fact: u32) {
        let is_secured = way.to.is_secured(party);
        let reaction = self.reaction(party, way.to.machine(party), fact, is_secured);
        self.record(way, reaction, fact, is_secured);
        let world = &mut way.to;
        world.machines[party as usize] = self.known[reaction].machine;
        if world.is_shaking(party) {
            // The handshake has failed, and the connection may still stand.
            world.standings[party as usize] = Standing::Clear;
        }
        if !world.is_over(party.other()) {
            let flight = world.flight_to(party.other());
            world.flights[party.other() as usize] = self.send(flight, reaction, is_secured);
        }
        for act in &self.known[reaction].acts {
            match act {
                Act::ShakesHands { is_demanding } => {
                    let is_demanding = *is_demanding;
                    world.standings[party as usize] = Standing::Shaking { is_demanding };
                }
                Act::Closes => {
                    world.standings[party as usize] = Standing::Over;
                    // Nobody reads it.
                    world.flights[party as usize] = 0;
                }
                Act::Keeps(transaction) if is_secured => {
                    world.kept = (world.kept + 1).min(2);
                    if world.kept > 1 || !is_given(&self.configuration, transaction) {
                        way.wrong.push(Wrong::KeptOther);
                    }
                }
                Act::Keeps(_) | Act::Says(_) => {}
            }
        }
    }

    fn reaction(&self, party: Party, machine: u32, fact: u32, is_secured: bool) -> usize {
        let key = (party, machine, fact, is_secured);
        if let Some(known) = self.reactions.get(&key) {
            return *known;
        }
        let fact = self.facts.value(fact);
        let (machine, acts) = match party {
            Party::Client => {
                let mut client = self.clients.value(machine).clone();
                let acts = react(&mut client, fact, is_secured);
                (self.clients.number(client), acts)
            }
            Party::Server => {
                let mut server = self.servers.value(machine).clone();
                let acts = react(&mut server, fact, is_secured);
                (self.servers.number(server), acts)
            }
        };
        let reaction = self.known.push(Reaction { party, machine, acts });
        self.reactions.insert(key, reaction);
        reaction
    }

    /// What is on its way when an end has sent what it made of a fact behind it.
    fn send(&self, flight: u32, reaction: usize, is_secured: bool) -> u32 {
        let key = (flight, reaction, is_secured);
        if let Some(sent) = self.sent.get(&key) {
            return *sent;
        }
        let Reaction { party, acts, .. } = &self.known[reaction];
        let mut all = self.flights.value(flight).clone();
        for act in acts {
            match act {
                Act::Says(octets) if is_secured => all.send(Piece::Tls(octets.clone())),
                Act::Says(octets) => all.send(Piece::Clear(octets.clone())),
                Act::ShakesHands { .. } if *party == Party::Client => all.send(Piece::Hello),
                Act::Closes => all.send(Piece::End),
                Act::ShakesHands { .. } | Act::Keeps(_) => {}
            }
        }
        let all = self.flights.number(all);
        self.sent.insert(key, all);
        all
    }

    /// Taps what an end has read and what it says. The editor reads at once whatever either end sends it.
    fn record(&self, way: &mut Way<World, Step, Wrong>, reaction: usize, fact: u32, is_secured: bool) {
        let known = (way.to.taps, reaction, fact);
        let (taps, seen) = match self.records.get(&known) {
            Some(known) => *known,
            None => {
                let (taps, events) = self.tapped(way.to.taps, reaction, fact, is_secured);
                let result = (self.taps.number(taps), self.seen.number(events));
                self.records.insert(known, result);
                result
            }
        };
        way.to.taps = taps;
        if seen != 0 {
            match way.seen {
                0 => way.seen = seen,
                _ => {
                    let events = self.seen.value(seen).clone();
                    self.see(way, events);
                }
            }
        }
    }

    fn see(&self, way: &mut Way<World, Step, Wrong>, more: Vec<Event>) {
        let mut events = self.seen.value(way.seen).clone();
        events.extend(more);
        way.seen = self.seen.number(events);
    }

    fn tapped(&self, taps: u32, reaction: usize, fact: u32, is_secured: bool) -> ([Tap; 2], Vec<Event>) {
        let mut taps = self.taps.value(taps).clone();
        let Reaction { party, acts, .. } = &self.known[reaction];
        let tap = &mut taps[*party as usize];
        let channel = if is_secured { Channel::Tls } else { Channel::Clear };
        let mut events = Vec::new();
        let cross = |tap: &mut Tap, from: Party, octets: &[u8], events: &mut Vec<Event>| match from {
            Party::Client => tap.commands(octets, channel, events),
            Party::Server => tap.replies(octets, channel, events),
        };
        if let Fact::Received(octets) = self.facts.value(fact) {
            cross(tap, party.other(), octets, &mut events);
        }
        for act in acts {
            match act {
                Act::Says(octets) => cross(tap, *party, octets, &mut events),
                Act::ShakesHands { .. } if *party == Party::Client => tap.handshake(&mut events),
                Act::Keeps(transaction) => events.extend(self.kept(transaction)),
                Act::Closes => events.push(Event::Closed {
                    connection: connection(*party),
                    lost: Vec::new(),
                }),
                Act::ShakesHands { .. } => {}
            }
        }
        (taps, events)
    }

    /// A message arrives in the mailboxes of its recipients. It is the client's if its header says so, whatever became of it.
    fn kept(&self, transaction: &Transaction) -> impl Iterator<Item = Event> {
        let is_ours = transaction.content.starts_with(MESSAGE_ID);
        let message = match is_ours {
            true => self.configuration.token(),
            false => "strange".parse().expect("a token"),
        };
        let recipients = transaction.to.clone().into_iter();
        recipients.map(move |to| Event::Delivered {
            host: server_name(),
            message: message.clone(),
            to: to.mailbox,
        })
    }
}

impl Observed for Wire {
    type State = World;
    type Step = Step;
    type Seen = Vec<Event>;
    type Wrong = Wrong;

    fn start(&self) -> World {
        let client = Client::new(self.configuration.plan());
        let server = Server::new(self.configuration.settings());
        let taps = [OF_CLIENT, OF_SERVER].map(Tap::new);
        World {
            machines: [self.clients.number(client), self.servers.number(server)],
            standings: [Standing::Clear; 2],
            flights: [0; 2],
            taps: self.taps.number(taps),
            kept: 0,
            left: self.configuration.budget,
            is_open: false,
        }
    }

    fn ways(&self, state: World, into: &mut Vec<Way<World, Step, Wrong>>) {
        self.free_ways(state, into);
        if state.is_open && state.left.edits > 0 {
            self.interfere(state, into);
        }
    }

    fn seen(&self, number: u32) -> &Vec<Event> {
        self.seen.value(number)
    }

    fn injections(&self, state: World) -> u32 {
        let (all, left) = (self.configuration.budget, state.left);
        u32::from(all.edits - left.edits) + u32::from(all.cuts - left.cuts)
    }
}

/// The connection that an end has a part in.
fn connection(party: Party) -> ConnectionId {
    match party {
        Party::Client => OF_CLIENT,
        Party::Server => OF_SERVER,
    }
}

/// Whether it is the message that the client was given, whole and from and for whom it was.
fn is_given(configuration: &Configuration, transaction: &Transaction) -> bool {
    let plan = configuration.plan();
    let to: Vec<_> = transaction.to.iter().map(|to| &to.mailbox).collect();
    transaction.from == plan.envelope.from
        && to == [&plan.envelope.to]
        && transaction.content == with_crlf(&plan.content)
}
