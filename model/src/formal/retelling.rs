//! A course of events in the model, told as a scenario that the simulator can play.
//!
//! Injections are placed by protocol position, where the step that they matter to stands; only what happens while no message
//! moves is placed by time.

use std::collections::BTreeSet;
use std::time::Duration;

use crate::mta::delivery::PeerId;
use crate::name::{DomainName, Token};
use crate::scenario::{Action, Attack, Drift, Phase, Position, Scenario, Step as Told, When};

use super::calm::Calm;
use super::configuration::{Change, SENDER, exchanger_name, name};
use super::driver::{Driver, peer_id};
use super::moment::Dynamics;
use super::step::{Step, take};
use super::world::{Lasting, Place};

/// How far apart messages are handed in that come one after the other: sessions are kept for a minute.
const APART: Duration = Duration::from_secs(20);

/// How long an attack of a moment lasts: shorter than any timer of the model.
pub(super) const MOMENT: Duration = Duration::from_secs(50);

/// How long the sender is down.
pub(super) const DOWN: Duration = Duration::from_secs(1);

/// The lifetime, in place of the model's, which is short so that the states are few: as RFC 5321 asks, and over when all
/// is told.
pub(super) const LIFETIME: Duration = Duration::from_secs(5 * 24 * 3600);

/// The scenario of a course of events, and of the calm that is to come behind it, if any.
pub fn retell(dynamics: &Dynamics, steps: &[Step], then: Option<Calm>) -> Scenario {
    let configuration = dynamics.configuration();
    let mut teller = Teller {
        driver: dynamics.driver_at_start(),
        scenario: configuration.scenario(),
        elapsed: Duration::ZERO,
        handed_in: vec![None; configuration.messages.len()],
        moved: false,
        mover: None,
        dials: BTreeSet::new(),
        endless: Vec::new(),
    };
    teller.scenario.step.clear();
    for host in teller.scenario.host.iter_mut().filter(|host| host.name == name(SENDER)) {
        host.lifetime = Some(LIFETIME);
    }
    for (place, step) in steps.iter().enumerate() {
        teller.tell(*step, &steps[place + 1..]);
    }
    if let Some(calm) = then {
        teller.calm(calm);
    }
    let mut scenario = teller.scenario;
    let mut times = teller.handed_in.into_iter();
    scenario.message.retain_mut(|message| {
        let at = times.next().flatten();
        message.at = at.unwrap_or_default();
        at.is_some()
    });
    scenario
}

struct Teller<'a> {
    driver: Driver<'a>,
    scenario: Scenario,
    /// By the clock of the model.
    elapsed: Duration,
    /// When each message is handed in: no sooner than it first moves.
    handed_in: Vec<Option<Duration>>,
    /// Some message moved since the last one was handed in.
    moved: bool,
    /// The message that moved last.
    mover: Option<usize>,
    /// The dials so far: message, attempt and host.
    dials: BTreeSet<(usize, u16, PeerId)>,
    /// The steps that begin attacks without an end, with the time by the model.
    endless: Vec<(usize, Duration)>,
}

impl Teller<'_> {
    fn tell(&mut self, step: Step, then: &[Step]) {
        match step {
            Step::HandIn(_) | Step::End => {}
            Step::Go(message) => {
                let message = usize::from(message.0);
                if self.handed_in[message].is_none() {
                    self.handed_in[message] = Some(self.next_hand_in());
                }
                self.moved = true;
                self.mover = Some(message);
                if let Place::Dials { peer, .. } = self.driver.world.jobs[message].place {
                    self.dials.insert((message, self.driver.attempts(message), peer));
                }
            }
            Step::Pass => self.elapsed += until_next(&self.driver),
            Step::Attack(peer, attack, lasting) => {
                if lasting == Lasting::Ever {
                    self.endless.push((self.scenario.step.len(), self.elapsed));
                }
                let lasting = (lasting == Lasting::Moment).then_some(MOMENT);
                let action = Action::Attack { attack, lasting };
                self.place(host(peer), action, then);
            }
            Step::Drift(change) => {
                let (host, drift) = drift(&self.driver, change);
                self.place(host, Action::Drift(drift), then);
            }
            Step::Restart => {
                let action = Action::Drift(Drift::Crash { down_for: DOWN });
                self.place(name(SENDER), action, then);
            }
        }
        take(&mut self.driver, step);
    }

    /// All is set right, or as far as the calm has it.
    fn calm(&mut self, calm: Calm) {
        let at = self.elapsed.max(self.last_hand_in()) + Duration::from_secs(60);
        for (place, begun) in std::mem::take(&mut self.endless) {
            if let Action::Attack { lasting, .. } = &mut self.scenario.step[place].action {
                *lasting = Some(at.saturating_sub(begun));
            }
        }
        // While a message moves, before its next step.
        let moving = self.mover.filter(|job| self.driver.world.is_ready(*job));
        let position = moving.and_then(|job| self.position(&self.driver, job));
        let when = position.map_or(When::At(at), When::On);
        let mut step = |host, action| {
            let when = when.clone();
            self.scenario.step.push(Told { when, host, action });
        };
        let configuration = self.driver.configuration;
        for place in 0..configuration.exchangers.len() {
            let peer = peer_id(place);
            let server = *self.driver.world.server(peer);
            let change = |change, restores| {
                let (host, drift) = configuration.drift(change, restores);
                (host, Action::Drift(drift))
            };
            let wants_tls = calm != Calm::NoTls;
            if server.tls != wants_tls {
                let (host, action) = change(Change::Tls(peer), wants_tls);
                step(host, action);
            }
            if server.certificate_is_bad {
                let (host, action) = change(Change::Certificate(peer), true);
                step(host, action);
            }
            for (hop, _) in configuration.levels.iter().enumerate() {
                let hop = super::calm::hop(hop);
                let serves = configuration.exchangers[place].preference[usize::from(hop)].is_some();
                let restored = [
                    (Change::Listed(peer, hop), server.listed[usize::from(hop)] == serves),
                    (
                        Change::Configured(peer, hop),
                        server.configured[usize::from(hop)] == serves,
                    ),
                    (Change::ServerLookups(peer, hop), !server.lookups_fail[usize::from(hop)]),
                ];
                for (of, _) in restored.into_iter().filter(|(_, is_right)| !is_right) {
                    let (host, action) = change(of, true);
                    step(host, action);
                }
            }
            let attack = match calm {
                Calm::BrokenTls => Some(Attack::GarbageAfterGoAhead),
                Calm::OnlyAt(one) if one != peer => Some(Attack::Refuse),
                Calm::Tls | Calm::NoTls | Calm::OnlyAt(_) => None,
            };
            if let Some(attack) = attack {
                step(host(peer), Action::Attack { attack, lasting: None });
            }
        }
        for hop in 0..configuration.levels.len() {
            if self.driver.world.lookups_fail[hop] {
                let (host, drift) = configuration.drift(Change::Lookups(super::calm::hop(hop)), true);
                step(host, Action::Drift(drift));
            }
        }
    }

    /// Places an injection right before the next step that a message takes; by time if none takes one before time moves.
    fn place(&mut self, host: DomainName, action: Action, then: &[Step]) {
        let mut ahead = self.driver.clone();
        let mut when = None;
        for step in then {
            if let Step::Go(message) = step {
                when = self.position(&ahead, usize::from(message.0)).map(When::On);
                break;
            }
            if *step == Step::Pass {
                break;
            }
            take(&mut ahead, *step);
        }
        let when = when.unwrap_or_else(|| When::At(self.elapsed.max(self.last_hand_in()) + APART));
        self.scenario.step.push(Told { when, host, action });
    }

    /// When a message is handed in that moves now.
    fn next_hand_in(&mut self) -> Duration {
        let last = self.last_hand_in();
        let moved = std::mem::take(&mut self.moved);
        self.elapsed.max(if moved { last + APART } else { last })
    }

    fn last_hand_in(&self) -> Duration {
        self.handed_in.iter().flatten().max().copied().unwrap_or_default()
    }

    fn position(&self, ahead: &Driver<'_>, job: usize) -> Option<Position> {
        let (host, phase) = match ahead.world.jobs[job].place {
            Place::Resolves => (name(SENDER), Phase::Lookup),
            Place::Dials { peer: PeerId(0), .. } => return None,
            // A host is dialled again in clear after its STARTTLS came to nothing: that is the place before.
            Place::Dials { peer, .. } if self.dials.contains(&(job, ahead.attempts(job), peer)) => {
                (host(peer), Phase::Starttls)
            }
            Place::Dials { peer, .. } => (host(peer), Phase::Connect),
            Place::Reuses { peer, .. } | Place::Talks { peer, .. } => (host(peer), Phase::Mail),
            Place::Outside | Place::Waits | Place::Hangs { .. } | Place::Over(_) => return None,
        };
        Some(Position {
            message: self.token(job)?,
            attempt: ahead.attempts(job).into(),
            host,
            phase,
        })
    }

    fn token(&self, job: usize) -> Option<Token> {
        self.scenario.message.get(job).map(|message| message.name.clone())
    }
}

/// What a change is as things stand.
pub(super) fn drift(driver: &Driver<'_>, change: Change) -> (DomainName, Drift) {
    let world = &driver.world;
    let restores = match change {
        Change::Tls(peer) => !world.server(peer).tls,
        Change::Certificate(peer) => world.server(peer).certificate_is_bad,
        Change::Configured(peer, hop) => !world.server(peer).configured[usize::from(hop)],
        Change::Listed(peer, hop) => !world.server(peer).listed[usize::from(hop)],
        Change::Lookups(hop) => world.lookups_fail[usize::from(hop)],
        Change::ServerLookups(peer, hop) => world.server(peer).lookups_fail[usize::from(hop)],
        Change::Policy(..) => false,
    };
    driver.configuration.drift(change, restores)
}

pub(super) fn until_next(driver: &Driver<'_>) -> Duration {
    let minutes = driver.world.until_next().unwrap_or_default();
    Duration::from_secs(60 * u64::from(minutes))
}

pub(super) fn host(peer: PeerId) -> DomainName {
    exchanger_name(usize::from(peer.0) - 1)
}
