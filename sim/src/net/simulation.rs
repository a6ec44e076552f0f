//! The loop that lets simulated time pass.

use std::collections::BTreeMap;
use std::net::IpAddr;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::rc::Rc;
use std::time::Duration;

use super::task::{Watched, message};
use super::{Door, Network, clock};
use crate::random;

/// What a step takes while somebody has work to do, and so what a round trip takes: hosts have their turns in the same
/// order in every step, and a message arrives in the step in which it was sent if the receiver's turn comes later, else
/// in the next. Turmoil's cost is its steps: with a latency of a tick, a round trip would take two.
pub const TICK: Duration = Duration::from_millis(10);

/// The longest jump while foreign code runs, so that its own timers are late by no more than this.
const LONGEST_FOREIGN_JUMP: Duration = Duration::from_secs(1);

/// Connections that may wait to be accepted at one port, where turmoil panics at one more; and datagrams to be read.
const BACKLOG: usize = 4096;

/// A world of hosts and the time that passes in it. One thread runs one at a time.
pub struct Simulation {
    // Dropped before the network: its tasks hold doors.
    turmoil: turmoil::Sim<'static>,
    network: Network,
    asleep: BTreeMap<IpAddr, Start>,
    steps: u64,
}

/// Adds a host that had not started.
type Start = Box<dyn FnOnce(&mut Simulation)>;

/// How a run ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum End {
    /// What was waited for has come.
    Finished,
    /// The last time that was to be looked at has passed, or nothing would ever have happened again before it.
    Horizon,
}

/// The simulation itself failed.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum SimulationError {
    /// Code of a host panicked.
    #[error("a host panicked: {0}")]
    Panicked(String),
    /// The world took more steps than it was allowed.
    #[error("the world was not idle after {0} steps")]
    NeverIdle(u64),
}

impl Simulation {
    /// A world without hosts, at time zero.
    pub fn new(seed: u64) -> Self {
        let turmoil = turmoil::Builder::new()
            .epoch(std::time::UNIX_EPOCH + Duration::from_secs(clock::EPOCH_SECONDS))
            .rng_seed(seed)
            .tick_duration(TICK)
            // To a host whose turn comes later in the step: at once; to the others: in the next.
            .min_message_latency(Duration::ZERO)
            .max_message_latency(Duration::ZERO)
            .tcp_capacity(BACKLOG)
            .udp_capacity(BACKLOG)
            // Turmoil counts ticks, not simulated time: the horizon and the bound of steps are kept here.
            .simulation_duration(Duration::MAX)
            .build();
        let network = Network::new(seed);
        network.0.timers.set_now(Duration::ZERO);
        random::begin_run(seed);
        Self {
            turmoil,
            network,
            asleep: BTreeMap::new(),
            steps: 0,
        }
    }

    /// What the hosts share.
    pub fn network(&self) -> &Network {
        &self.network
    }

    /// How many steps the world has taken.
    pub fn steps(&self) -> u64 {
        self.steps
    }

    /// Adds a host. What it spawned runs on after its software has ended.
    ///
    /// Every host makes every step dearer, by its links to all others: keep worlds near ten.
    pub fn host<F, Software>(&mut self, name: &str, address: IpAddr, software: F)
    where
        F: FnOnce(Door) -> Software,
        Software: Future<Output = ()> + 'static,
    {
        let door = Door::new(self.network.clone(), Rc::from(name), address);
        let software = Watched::new(&door, software(door.clone()));
        self.turmoil.client(address, async move {
            software.await;
            std::future::pending().await
        });
    }

    /// As [`Simulation::host`], but the software starts only when somebody first dials the host. Until then it costs
    /// nothing. Datagrams do not start it.
    pub fn host_on_demand<F, Software>(&mut self, name: &str, address: IpAddr, software: F)
    where
        F: FnOnce(Door) -> Software + 'static,
        Software: Future<Output = ()> + 'static,
    {
        let name = name.to_owned();
        let start = move |simulation: &mut Self| simulation.host(&name, address, software);
        self.asleep.insert(address, Box::new(start));
        self.network.0.asleep.borrow_mut().insert(address, false);
    }

    /// Lets time pass until `finished` says so after a step, or up to the horizon, from the start of the run.
    ///
    /// # Errors
    /// When code of a host panics, or the bound of steps is reached.
    pub fn run(
        &mut self,
        mut finished: impl FnMut() -> bool,
        horizon: Duration,
        max_steps: u64,
    ) -> Result<End, SimulationError> {
        for _ in 0..max_steps {
            self.start_the_wanted();
            let idle = self.step()?;
            if finished() {
                return Ok(End::Finished);
            }
            let timers = &self.network.0.timers;
            let now = timers.now();
            let next = self.next_time(idle).filter(|next| *next <= horizon);
            timers.set_now(next.unwrap_or_else(|| now.max(horizon)));
            let Some(next) = next else {
                return Ok(End::Horizon);
            };
            if next > now + TICK {
                self.tell_foreign_code(next - now);
            }
        }
        Err(SimulationError::NeverIdle(self.steps))
    }

    fn start_the_wanted(&mut self) {
        let asleep = self.network.0.asleep.borrow();
        let wanted: Vec<IpAddr> = asleep
            .iter()
            .filter(|(_, wanted)| **wanted)
            .map(|(address, _)| *address)
            .collect();
        drop(asleep);
        for address in wanted {
            if let Some(start) = self.asleep.remove(&address) {
                start(self);
            }
        }
    }

    /// Runs every host once. Says whether nothing happened at all. When nobody was polled in a step, nothing is on its
    /// way either: all that was sent before it, and what TCP itself answers to that, has arrived in it at the latest.
    fn step(&mut self) -> Result<bool, SimulationError> {
        self.network.0.timers.fire();
        let polls_before = self.network.0.polls.get();
        let stepped = catch_unwind(AssertUnwindSafe(|| self.turmoil.step()));
        self.steps += 1;
        let failure = match stepped {
            Ok(Ok(_)) => None,
            Ok(Err(error)) => Some(error.to_string()),
            Err(payload) => Some(message(&*payload)),
        };
        if let Some(panic) = self.network.0.panic.take().or(failure) {
            return Err(SimulationError::Panicked(panic));
        }
        Ok(self.network.0.polls.get() == polls_before)
    }

    /// When the next step is due: at the earliest timer, but a tick from now if the world is not idle. None if nothing
    /// would ever happen again.
    fn next_time(&self, idle: bool) -> Option<Duration> {
        let timers = &self.network.0.timers;
        let longest = match idle {
            false => Some(TICK),
            true if self.has_foreign_code() => Some(LONGEST_FOREIGN_JUMP),
            true => None,
        };
        let limit = longest.map(|longest| timers.now() + longest);
        let earliest = timers.earliest().map(|deadline| deadline.max(timers.now()));
        earliest.into_iter().chain(limit).min()
    }

    fn has_foreign_code(&self) -> bool {
        let mut foreign = self.network.0.foreign.borrow_mut();
        foreign.retain(|clock| clock.strong_count() > 0);
        !foreign.is_empty()
    }

    fn tell_foreign_code(&self, jump: Duration) {
        for clock in &*self.network.0.foreign.borrow() {
            if let Some(clock) = clock.upgrade() {
                clock.follow(jump);
            }
        }
    }
}

impl Drop for Simulation {
    fn drop(&mut self) {
        clock::set_now(None);
    }
}
