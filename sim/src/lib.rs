//! Makes it happen: turmoil hosts that speak real SMTP and real TLS, DNS on the wire, the attacker on real bytes,
//! drift, and the tap that records. This crate does not know what is right.

mod attacker;
pub mod certificate;
mod client;
pub mod crypto;
pub mod dns;
mod mta;
pub mod net;
pub mod random;
mod server;
mod session;
mod stranger;
pub mod subject;
pub mod subjects;
mod tap;
mod world;

use std::collections::BTreeSet;
use std::fmt::Write;
use std::rc::Rc;

use postern_model::mta::delivery::Decision;
use postern_model::mutant::Mutant;
use postern_model::scenario::Scenario;
use postern_model::trace::{Event, Trace};
use sha2::{Digest, Sha256};

use crate::net::{Door, End, Simulation, SimulationError};
use crate::subject::{ServerSubjectRef, Subject};
use crate::world::{World, must_serve};

/// How a scenario is run.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Options {
    /// The tier of cryptography. A client that makes its own TLS configuration knows the real one only, and gets it.
    pub crypto: Crypto,
    /// The SMTP client of every sending MTA.
    pub client: Client,
    /// The SMTP server of every host.
    pub server: Server,
    /// A mutant in place of the scenario's own. It is of a part of Postern, and breaks nothing in an implementation under test.
    pub mutant: Option<Mutant>,
}

/// The tier of cryptography.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Crypto {
    /// X25519 and Ed25519, with keys from the seed.
    Real,
    /// A hash in place of the curve; the TLS state machine untouched.
    Fast,
}

/// An SMTP client under test.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Client {
    /// The project's own.
    Postern,
    /// One that nobody here wrote.
    Subject(Subject),
}

impl Client {
    /// The client of this name: `postern`, or that of one of [`subjects::CLIENTS`] or of [`subjects::LETTRE`].
    pub fn named(name: &str) -> Option<Self> {
        Self::all().find(|client| client.name() == name)
    }

    /// The project's own, and every one under test.
    pub fn all() -> impl Iterator<Item = Self> {
        let subjects = subjects::CLIENTS.iter().copied().chain([subjects::LETTRE]);
        [Self::Postern].into_iter().chain(subjects.map(Self::Subject))
    }

    /// How it is called.
    pub fn name(self) -> &'static str {
        match self {
            Self::Postern => "postern",
            Self::Subject(subject) => subject.name(),
        }
    }

    /// The same world, in which nothing is asked of this client that it does not offer.
    pub fn fit(self, scenario: Scenario) -> Scenario {
        match self {
            Self::Postern => scenario,
            Self::Subject(subject) => subject.fit(&scenario),
        }
    }
}

/// An SMTP server under test.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Server {
    /// The project's own.
    Postern,
    /// One that nobody here wrote.
    Subject(ServerSubjectRef),
}

impl Server {
    /// The server of this name: `postern`, or that of one of [`subjects::SERVERS`].
    pub fn named(name: &str) -> Option<Self> {
        Self::all().find(|server| server.name() == name)
    }

    /// The project's own, and every one under test.
    pub fn all() -> impl Iterator<Item = Self> {
        let subjects = subjects::SERVERS.iter().copied();
        [Self::Postern].into_iter().chain(subjects.map(Self::Subject))
    }

    /// How it is called.
    pub fn name(self) -> &'static str {
        match self {
            Self::Postern => "postern",
            Self::Subject(subject) => subject.name(),
        }
    }

    /// The same world, in which nothing is asked of this server that it does not offer.
    pub fn fit(self, scenario: Scenario) -> Scenario {
        match self {
            Self::Postern => scenario,
            Self::Subject(subject) => subject.fit(&scenario),
        }
    }
}

/// What a run left behind.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Run {
    /// All that happened.
    pub trace: Trace,
    /// SHA-256 over every byte of every segment that was in flight, in hexadecimal.
    pub wire_hash: String,
    /// SHA-256 over the trace, in hexadecimal.
    pub trace_hash: String,
    /// How many SMTP connections stood.
    pub sessions: u64,
    /// What the delivery machines of all hosts decided, in the abstract.
    pub decisions: BTreeSet<Decision>,
}

/// The testbed itself failed: what came out is no verdict about anybody.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum WorldError {
    /// Code of a host panicked.
    #[error("a host panicked: {0}")]
    Panicked(String),
    /// The world did not come to rest within its bound of steps.
    #[error("the world was not idle after {0} steps")]
    NeverIdle(u64),
    /// Somebody logged an error.
    #[error("an error was logged: {0}")]
    ErrorLogged(String),
}

/// No run of the generator's worlds takes more steps than this by far.
const STEPS_MAX: u64 = 3_000_000;

/// Runs a scenario to its end: all mail decided, or the last lifetime passed.
///
/// # Errors
/// When the testbed itself fails.
pub fn run(scenario: &Scenario, options: Options) -> Result<Run, WorldError> {
    let mut scenario = scenario.clone();
    scenario.mutant = options.mutant.or(scenario.mutant);
    let crypto = match options.client {
        Client::Postern => options.crypto,
        Client::Subject(subject) => subject.crypto(options.crypto),
    };
    crypto::install_process_default();
    let mut simulation = Simulation::new(scenario.seed);
    let world = World::new(scenario, simulation.network().clone(), crypto, options);
    populate(&mut simulation, &world);
    let ended = simulation.run(|| world.is_finished(), world.horizon(), STEPS_MAX);
    if matches!(ended, Ok(End::Horizon)) {
        world.recorder.record(Event::HorizonReached);
    }
    let wire_hash = simulation.network().wire_hash();
    // The hosts go with their connections, which are recorded as closed no more.
    let (trace, sessions) = (world.recorder.take_trace(), world.recorder.sessions());
    let decisions = world.recorder.take_decisions();
    drop(simulation);
    ended?;
    Ok(Run {
        trace_hash: trace_hash(&trace),
        trace,
        wire_hash,
        sessions,
        decisions,
    })
}

fn populate(simulation: &mut Simulation, world: &Rc<World>) {
    let zones = Rc::clone(&world.zones);
    let timeline = Rc::clone(world);
    let mutant = world.mutant;
    simulation.host("resolver", world::RESOLVER.into(), |door| async move {
        door.spawn(timeline.keep_time(door.clone()));
        must_serve(dns::serve(door, zones, mutant).await);
    });
    let victims: Vec<usize> = world.victims();
    if !victims.is_empty() {
        let world = Rc::clone(world);
        simulation.host_on_demand("attacker", world::ATTACKER.into(), |door| async move {
            for site in victims.into_iter().flat_map(|victim| world.sites_of(victim)) {
                let (world, own_door) = (Rc::clone(&world), door.clone());
                door.spawn(async move { must_serve(attacker::lie_in_wait(world, own_door, site).await) });
            }
        });
    }
    if world.has_visits() {
        let world = Rc::clone(world);
        simulation.host("stranger", world::STRANGER.into(), |door| {
            stranger::visit_all(world, door)
        });
    }
    for index in 0..world.scenario().host.len() {
        let name = world.host(index).name.clone();
        let address = world::address_of_host(index).into();
        let submits = world.scenario().message.iter().any(|message| message.host == name);
        let world = Rc::clone(world);
        let software = move |door: Door| mta::live(world, index, door);
        // Every host makes every step dearer, so it is there only when it has something to do.
        match submits {
            true => simulation.host(name.as_str(), address, software),
            false => simulation.host_on_demand(name.as_str(), address, software),
        }
    }
}

fn trace_hash(trace: &Trace) -> String {
    let mut hash = Sha256::new();
    let mut line = String::new();
    for record in &trace.records {
        line.clear();
        writeln!(line, "{record:?}").expect("a string takes all");
        hash.update(&line);
    }
    hash.finalize().iter().map(|octet| format!("{octet:02x}")).collect()
}

impl From<SimulationError> for WorldError {
    fn from(error: SimulationError) -> Self {
        match error {
            SimulationError::Panicked(what) => Self::Panicked(what),
            SimulationError::NeverIdle(steps) => Self::NeverIdle(steps),
        }
    }
}
