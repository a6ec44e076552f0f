//! The one door to the network, to time, to tasks and to randomness.
//!
//! No other module names turmoil's sockets, tokio's time, a spawn or a source of randomness. Here time jumps: when nothing
//! is in flight and nobody has work to do, the clock goes straight to the earliest timer, so that idle days cost nothing.

pub mod clock;
mod door;
mod simulation;
mod stream;
mod task;
mod timer;

#[cfg(test)]
mod tests;

use std::cell::{Cell, RefCell};
use std::collections::{BTreeMap, VecDeque};
use std::net::{IpAddr, SocketAddr};
use std::rc::{Rc, Weak};
use std::time::Duration;

use postern_model::scenario::Clock;
use postern_model::trace::ConnectionId;
use sha2::{Digest, Sha256};

pub use door::{Datagrams, Door, Elapsed, ForeignCode, Listener};
pub use simulation::{End, Simulation, SimulationError, TICK};
pub use stream::{DiallerProgress, Head, Stream, Wire};
pub use task::{Life, Task};
pub use timer::Sleep;

/// What all hosts of a run share: the clock, the numbers of connections, and the hash of all that crossed the wire.
#[derive(Clone)]
pub struct Network(Rc<Shared>);

type PendingDials = BTreeMap<(IpAddr, SocketAddr), VecDeque<Rc<Wire>>>;

struct Shared {
    seed: u64,
    timers: timer::Timers,
    /// How often a task was polled: a step that polls none is idle.
    polls: Cell<u64>,
    connections: Cell<u32>,
    /// How the wall clock of each host stands.
    clocks: RefCell<BTreeMap<Rc<str>, Rc<Cell<Clock>>>>,
    /// The hosts that do not listen yet; true of those that shall start before the next step.
    asleep: RefCell<BTreeMap<IpAddr, bool>>,
    /// The dials that nobody has accepted yet, in the order of their SYNs, by who dials and what.
    dials: RefCell<PendingDials>,
    foreign: RefCell<Vec<Weak<door::ForeignClock>>>,
    panic: RefCell<Option<String>>,
    hash: RefCell<Sha256>,
}

impl Network {
    fn new(seed: u64) -> Self {
        Self(Rc::new(Shared {
            seed,
            timers: timer::Timers::default(),
            polls: Cell::new(0),
            connections: Cell::new(0),
            clocks: RefCell::default(),
            asleep: RefCell::default(),
            dials: RefCell::default(),
            foreign: RefCell::default(),
            panic: RefCell::default(),
            hash: RefCell::default(),
        }))
    }

    /// The seed of every stream of randomness in the run.
    pub fn seed(&self) -> u64 {
        self.0.seed
    }

    /// The simulated time since the start of the run.
    pub fn now(&self) -> Duration {
        self.0.timers.now()
    }

    /// The wall clock of a host leaps, or is set right.
    pub fn set_clock(&self, host: &str, clock: Clock) {
        self.clock_of(host).set(clock);
    }

    fn clock_of(&self, host: &str) -> Rc<Cell<Clock>> {
        let mut clocks = self.0.clocks.borrow_mut();
        Rc::clone(clocks.entry(Rc::from(host)).or_default())
    }

    /// A number for the next connection, in the order of dialling.
    pub fn next_connection(&self) -> ConnectionId {
        let number = self.0.connections.get();
        self.0.connections.set(number + 1);
        ConnectionId(number)
    }

    /// How many numbers of connections were given out.
    pub fn connections(&self) -> u32 {
        self.0.connections.get()
    }

    /// Sees to it that the host at this address starts before the next step; whether it does not listen yet.
    fn wake(&self, address: IpAddr) -> bool {
        let mut asleep = self.0.asleep.borrow_mut();
        let Some(wanted) = asleep.get_mut(&address) else {
            return false;
        };
        *wanted = true;
        true
    }

    /// SHA-256 over every byte of every TCP segment and every UDP datagram that was sent so far, with who sent it to whom,
    /// in hexadecimal.
    pub fn wire_hash(&self) -> String {
        let digest = self.0.hash.borrow().clone().finalize();
        digest.iter().map(|octet| format!("{octet:02x}")).collect()
    }

    /// Mixes what crossed from one address to another into the wire hash.
    fn hash(&self, from: SocketAddr, to: SocketAddr, payload: &[u8]) {
        let mut hash = self.0.hash.borrow_mut();
        for address in [from, to] {
            match address.ip() {
                IpAddr::V4(ip) => hash.update(ip.octets()),
                IpAddr::V6(ip) => hash.update(ip.octets()),
            }
            hash.update(address.port().to_be_bytes());
        }
        hash.update((payload.len() as u64).to_be_bytes());
        hash.update(payload);
    }
}
