//! What may happen next, and how it is told.

use std::fmt;

use crate::mta::delivery::{HopId, PeerId};
use crate::observation::MessageId;
use crate::scenario::Attack;

use super::configuration::{Change, Configuration};
use super::driver::{Driver, message_id, peer_id};
use super::world::{Clock, Job, Lasting, Place, World};

/// One step of the world.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Step {
    /// A message is handed in.
    HandIn(MessageId),
    /// A message does what comes next: it asks DNS, dials a host up to where TLS stands or does not, or is sent.
    Go(MessageId),
    /// Time moves to the next timer.
    Pass,
    /// An attack on the paths to a host begins.
    Attack(PeerId, Attack, Lasting),
    /// Something drifts.
    Drift(Change),
    /// The sender crashes and starts again.
    Restart,
    /// All mail is gone.
    End,
}

impl Step {
    /// Whether it need not happen, and costs.
    pub fn is_injection(self) -> bool {
        matches!(self, Self::Attack(..) | Self::Drift(_) | Self::Restart)
    }
}

/// As a line of a counterexample.
impl fmt::Display for Step {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::HandIn(message) => write!(formatter, "m{} is handed in", message.0 + 1),
            Self::Go(message) => write!(formatter, "m{} goes on", message.0 + 1),
            Self::Pass => formatter.write_str("time moves to the next timer"),
            Self::Attack(peer, attack, lasting) => {
                let until = match lasting {
                    Lasting::Moment => ", until time moves",
                    Lasting::Ever => ", for good",
                };
                write!(formatter, "on every path to mx{}, the attacker {attack}{until}", peer.0)
            }
            Self::Drift(change) => write!(formatter, "{change}"),
            Self::Restart => formatter.write_str("the sender crashes and starts again"),
            Self::End => formatter.write_str("all mail is gone"),
        }
    }
}

/// Lets a step happen.
pub(super) fn take(driver: &mut Driver<'_>, step: Step) {
    match step {
        Step::HandIn(message) => driver.hand_in(message.0.into()),
        Step::Go(message) => driver.go(message.0.into()),
        Step::Pass => driver.pass(),
        Step::Attack(peer, attack, lasting) => driver.attack(peer, attack, lasting),
        Step::Drift(change) => driver.drift(change),
        Step::Restart => driver.restart(),
        Step::End => driver.end(),
    }
}

/// What may happen next.
pub(super) fn steps(configuration: &Configuration, world: &World) -> Vec<Step> {
    let mut steps = Vec::new();
    if world.clock == Clock::Ended {
        return steps;
    }
    let jobs = 0..configuration.messages.len();
    let is_quiet = world.is_quiet();
    let outside = jobs.clone().find(|job| world.jobs[*job].place == Place::Outside);
    if let Some(job) = outside {
        steps.push(Step::HandIn(message_id(job)));
    }
    let ready = jobs.clone().filter(|job| {
        world.is_ready(*job) && !(configuration.is_symmetric && has_twin_before(configuration, world, *job))
    });
    steps.extend(ready.map(|job| Step::Go(message_id(job))));
    let is_over = outside.is_none() && jobs.clone().all(|job| matches!(world.jobs[job].place, Place::Over(_)));
    match (is_quiet, is_over, world.until_next()) {
        (true, true, _) => steps.push(Step::End),
        (true, false, Some(_)) => steps.push(Step::Pass),
        _ => {}
    }
    if is_over {
        return steps;
    }
    inject(configuration, world, is_quiet, &mut steps);
    steps
}

/// Whether an earlier message is about to begin its first attempt just as this one is, before anything was tried of any: which
/// of them goes first is a matter of names, to judges too. One who saw what became of a third message may tell these two apart
/// by which of them was there before.
fn has_twin_before(configuration: &Configuration, world: &World, job: usize) -> bool {
    let is_twin = |other: usize| {
        configuration.messages[other] == configuration.messages[job] && world.jobs[other] == world.jobs[job]
    };
    let all = &world.jobs[..configuration.messages.len()];
    let is_untouched = |job: &Job| matches!(job.place, Place::Outside | Place::Resolves) && job.attempts == 0;
    let is_beginning = world.left.restarts == configuration.budget.restarts && all.iter().all(is_untouched);
    is_beginning && world.jobs[job].place == Place::Resolves && (0..job).any(is_twin)
}

/// What may happen and need not. Where the configuration is lazy, only what the next step of some message looks at.
fn inject(configuration: &Configuration, world: &World, is_quiet: bool, steps: &mut Vec<Step>) {
    let is_read = |read: Read| !configuration.is_lazy || reads(configuration, world).contains(&read);
    if world.left.attacks > 0 {
        for place in 0..configuration.exchangers.len() {
            let peer = peer_id(place);
            if world.server(peer).attack.is_some() || !is_read(Read::Path(peer)) {
                continue;
            }
            for attack in &configuration.attacks {
                let lasting = [Lasting::Moment, Lasting::Ever];
                steps.extend(lasting.map(|lasting| Step::Attack(peer, *attack, lasting)));
            }
        }
    }
    if world.left.drifts > 0 {
        for change in &configuration.drifts {
            let is_due = match *change {
                Change::Tls(peer) | Change::Certificate(peer) => is_read(Read::Path(peer)),
                Change::Configured(peer, hop) | Change::ServerLookups(peer, hop) => is_read(Read::Recipient(peer, hop)),
                // The sender looks for its exchangers, and the server for itself among them.
                Change::Listed(peer, hop) => is_read(Read::Dns(hop)) || is_read(Read::Recipient(peer, hop)),
                Change::Lookups(hop) => is_read(Read::Dns(hop)),
                Change::Policy(hop, level) => world.levels[usize::from(hop)] != level && is_read(Read::Policy(hop)),
            };
            if is_due {
                steps.push(Step::Drift(*change));
            }
        }
    }
    if world.left.restarts > 0 {
        let has_mail = world
            .jobs
            .iter()
            .any(|job| !matches!(job.place, Place::Outside | Place::Over(_)));
        // Before the lookup there is nothing to lose that is not still there behind it.
        let is_past_lookup = |job: &Job| {
            matches!(
                job.place,
                Place::Dials { .. } | Place::Reuses { .. } | Place::Talks { .. }
            )
        };
        if has_mail && (is_quiet || world.jobs.iter().any(is_past_lookup) || !configuration.is_lazy) {
            steps.push(Step::Restart);
        }
    }
}

/// What a step looks at.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Read {
    Dns(HopId),
    Policy(HopId),
    Path(PeerId),
    Recipient(PeerId, HopId),
}

/// What the next steps of the messages that are ready look at.
fn reads(configuration: &Configuration, world: &World) -> Vec<Read> {
    let mut reads = Vec::new();
    for (job, hop) in configuration.messages.iter().enumerate() {
        match world.jobs[job].place {
            Place::Resolves => reads.extend([Read::Dns(*hop), Read::Policy(*hop)]),
            Place::Dials { peer: PeerId(0), .. } => reads.push(Read::Policy(*hop)),
            Place::Dials { peer, .. } => reads.extend([Read::Policy(*hop), Read::Path(peer)]),
            Place::Reuses { .. } => reads.push(Read::Policy(*hop)),
            Place::Talks { peer, .. } => reads.push(Read::Recipient(peer, *hop)),
            // The calm that is tried from here finds the policy as it is then.
            Place::Waits | Place::Hangs { .. } if world.is_quiet() => reads.push(Read::Policy(*hop)),
            Place::Outside | Place::Waits | Place::Hangs { .. } | Place::Over(_) => {}
        }
    }
    reads
}
