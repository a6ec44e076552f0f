//! What an outsider sees of a state: the queue, the hosts, the policy and the postmaster's mailbox, while no attempt is under
//! way.
//!
//! Nothing of the delivery machine's own is in it. So a model that somebody else wrote from the rules can be held against
//! this one by it: the twin in `model/promela`, as `docs/model.md` tells.

use std::collections::BTreeSet;
use std::convert::Infallible;
use std::fmt;

use crate::observation::Observation;

use super::configuration::{Configuration, EXCHANGERS_MAX, MESSAGES_MAX, Names};
use super::driver::{Seen, message_id, peer_id};
use super::explorer::{System, Transition, explore};
use super::interner::Interner;
use super::moment::{Dynamics, Moment, Taken};
use super::step::Step;
use super::workers::Share;
use super::world::{End, Lasting, Place, World};

/// Everything that can be seen in a configuration.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Projected {
    /// Distinct states of the delivery machine, its world and what was seen so far.
    pub states: u64,
    /// What is seen of those in which no attempt is under way, one line each; states that look alike share a line.
    pub lines: BTreeSet<String>,
}

/// Walks every state of a configuration and says how each looks from outside. No judge rides along.
pub fn projected(configuration: &Configuration) -> Projected {
    let walk = Walk {
        dynamics: Dynamics::new(configuration.clone(), Names::all_different(configuration)).without_dependences(),
        states: Interner::default(),
    };
    let found = explore(&walk, &Share::ALONE, |_| true);
    let numbers = 0..u32::try_from(walk.states.len()).unwrap_or(u32::MAX);
    let states = numbers.map(|number| walk.states.value(number));
    let quiet = states.filter(|state| state.moment.world.is_calm_due());
    let lines = quiet.map(|state| View { configuration, state }.to_string());
    Projected {
        states: found.states,
        lines: lines.collect(),
    }
}

/// The states of a configuration, by their numbers.
struct Walk {
    dynamics: Dynamics,
    states: Interner<Whole>,
}

/// A state, and what of the past still shows.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
struct Whole {
    moment: Moment,
    past: Past,
}

/// What is on the receiving side and in the postmaster's mailbox.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Hash)]
struct Past {
    /// Whether content of each message went in clear, and inside TLS.
    went_in_clear: [bool; MESSAGES_MAX],
    went_in_tls: [bool; MESSAGES_MAX],
    /// Whether there was an alarm about each exchanger.
    alarmed: [bool; EXCHANGERS_MAX],
}

impl Past {
    fn with(mut self, seen: &Seen) -> Self {
        for (_, observation) in seen {
            match *observation {
                Observation::Content { message, tls: true, .. } => self.went_in_tls[usize::from(message.0)] = true,
                Observation::Content {
                    message, tls: false, ..
                } => self.went_in_clear[usize::from(message.0)] = true,
                // The sender itself is host 0, and the exchangers follow.
                Observation::Alarm { peer, .. } => self.alarmed[usize::from(peer.0) - 1] = true,
                _ => {}
            }
        }
        self
    }
}

impl System for Walk {
    type State = u32;
    type Step = Step;
    type Fault = Infallible;

    fn starts(&self) -> Vec<u32> {
        let (moment, past) = (self.dynamics.start(), Past::default());
        vec![self.states.number(Whole { moment, past })]
    }

    fn transitions(&self, state: u32, into: &mut Vec<Transition<u32, Step, Infallible>>) {
        let Whole { moment, past } = self.states.value(state);
        into.extend(self.dynamics.steps(moment).into_iter().map(|step| {
            let Taken { to: moment, seen, .. } = self.dynamics.take(moment.clone(), step);
            let past = past.with(&seen);
            Transition {
                step,
                to: self.states.number(Whole { moment, past }),
                faults: Vec::new(),
            }
        }));
    }

    /// Nobody asks for the nearest of anything here.
    fn injections(&self, _: u32) -> u32 {
        0
    }
}

/// A state as a line of text.
struct View<'a> {
    configuration: &'a Configuration,
    state: &'a Whole,
}

impl fmt::Display for View<'_> {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let World {
            levels,
            lookups_fail,
            left,
            ..
        } = &self.state.moment.world;
        let hops = 0..self.configuration.levels.len();
        for hop in hops.clone() {
            let lookups = works(!lookups_fail[hop]);
            write!(formatter, "hop{}={},{lookups} ", hop + 1, levels[hop])?;
        }
        for job in 0..self.configuration.messages.len() {
            write!(formatter, "m{}=", message_id(job).0 + 1)?;
            self.message(formatter, job)?;
        }
        for place in 0..self.configuration.exchangers.len() {
            write!(formatter, "mx{}=", peer_id(place).0)?;
            self.exchanger(formatter, place, hops.clone())?;
        }
        write!(formatter, "left={}/{}/{}", left.attacks, left.drifts, left.restarts)
    }
}

impl View<'_> {
    fn message(&self, formatter: &mut fmt::Formatter<'_>, place: usize) -> fmt::Result {
        let job = &self.state.moment.world.jobs[place];
        let expires_in = job.expires_in.unwrap_or_default();
        match job.place {
            Place::Outside => formatter.write_str("outside")?,
            Place::Hangs { ends_in, .. } => write!(formatter, "hangs,{expires_in},{ends_in}")?,
            Place::Over(End::Sent) => formatter.write_str("sent")?,
            Place::Over(End::GivenBack) => formatter.write_str("given-back")?,
            _ => write!(formatter, "queued,{expires_in},{}", job.retries_in.unwrap_or_default())?,
        }
        let past = &self.state.past;
        formatter.write_str(match (past.went_in_clear[place], past.went_in_tls[place]) {
            (false, false) => ",unseen ",
            (true, false) => ",clear ",
            (false, true) => ",tls ",
            (true, true) => ",both ",
        })
    }

    fn exchanger(&self, formatter: &mut fmt::Formatter<'_>, place: usize, hops: std::ops::Range<usize>) -> fmt::Result {
        let server = &self.state.moment.world.servers[place];
        let tls = if server.tls { "tls" } else { "off" };
        let certificate = if server.certificate_is_bad { "bad" } else { "good" };
        write!(formatter, "{tls},{certificate}")?;
        for hop in hops {
            let configured = if server.configured[hop] {
                "configured"
            } else {
                "unconfigured"
            };
            let listed = if server.listed[hop] { "listed" } else { "unlisted" };
            let lookups = works(!server.lookups_fail[hop]);
            write!(formatter, ",{configured},{listed},{lookups}")?;
        }
        match server.attack {
            None => formatter.write_str(",safe")?,
            Some((attack, Lasting::Moment)) => write!(formatter, ",{attack:?},moment")?,
            Some((attack, Lasting::Ever)) => write!(formatter, ",{attack:?},ever")?,
        }
        formatter.write_str(if self.state.past.alarmed[place] {
            ",alarm "
        } else {
            ",silent "
        })
    }
}

fn works(it_does: bool) -> &'static str {
    if it_does { "work" } else { "fail" }
}
