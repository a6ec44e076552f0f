//! A course of events in the model, told to the second: every step of every message is held until its turn has come.
//!
//! [`retell`](super::retell) says as little as a reader needs, and lets messages run side by side as they do. Here the order is
//! the model's own, step by step, whatever the timing of the simulator.

use std::time::Duration;

use crate::name::ReversePath;
use crate::scenario::{Action, Drift, Phase, Position, Scenario, Step as Told, When};

use super::configuration::{Configuration, Names, SENDER, exchanger_name, name};
use super::driver::Driver;
use super::retelling::{self, DOWN, MOMENT};
use super::step::{Step, take};
use super::world::{Lasting, Place};

/// The time for one step: longer than any that does not wait, and so short that no timer of the model notices.
const TURN: Duration = Duration::from_secs(1);

/// The scenario of a course of events, with the lifetime of the model. Mail is from the null reverse path: that may be given
/// up so early (R5321-4.5.4.1-c).
pub fn rehearse(configuration: &Configuration, names: &Names, steps: &[Step]) -> Scenario {
    let mut scenario = configuration.scenario();
    scenario.step.clear();
    let mut driver = Driver::at_start(configuration, names);
    let mut now = Duration::ZERO;
    let mut handed_in = 0;
    for step in steps {
        now += TURN;
        match *step {
            Step::HandIn(message) => {
                let message = &mut scenario.message[usize::from(message.0)];
                message.from = ReversePath::Null;
                message.at = now;
                handed_in += 1;
            }
            Step::Go(message) => hold(&driver, &mut scenario, message.0.into(), now),
            Step::Pass => now += retelling::until_next(&driver),
            Step::Attack(peer, attack, lasting) => scenario.step.push(Told {
                when: When::At(now),
                host: retelling::host(peer),
                action: Action::Attack {
                    attack,
                    lasting: (lasting == Lasting::Moment).then_some(MOMENT),
                },
            }),
            Step::Drift(change) => {
                let (host, drift) = retelling::drift(&driver, change);
                scenario.step.push(Told {
                    when: When::At(now),
                    host,
                    action: Action::Drift(drift),
                });
            }
            Step::Restart => {
                // The crash comes before the turn of whoever is ready.
                for job in (0..configuration.messages.len()).filter(|job| driver.world.is_ready(*job)) {
                    hold(&driver, &mut scenario, job, now + TURN);
                }
                scenario.step.push(Told {
                    when: When::At(now),
                    host: name(SENDER),
                    action: Action::Drift(Drift::Crash { down_for: DOWN }),
                });
                now += DOWN;
            }
            Step::End => {}
        }
        take(&mut driver, *step);
    }
    // Whoever has no turn any more waits until all is told.
    for job in (0..configuration.messages.len()).filter(|job| driver.world.is_ready(*job)) {
        now += TURN;
        hold(&driver, &mut scenario, job, now);
    }
    scenario.message.truncate(handed_in);
    scenario
}

/// Holds a message where it stands.
fn hold(driver: &Driver<'_>, scenario: &mut Scenario, job: usize, until: Duration) {
    if let Some(position) = position(driver, scenario, job) {
        scenario.step.push(Told {
            when: When::On(position),
            host: name(SENDER),
            action: Action::Drift(Drift::Hold { until }),
        });
    }
}

/// Where a message stands that is about to go on. The sender itself is never dialled.
fn position(driver: &Driver<'_>, scenario: &Scenario, job: usize) -> Option<Position> {
    let (host, phase) = match driver.world.jobs[job].place {
        Place::Resolves => (name(SENDER), Phase::Lookup),
        Place::Dials { peer, .. } => (exchanger_name(usize::from(peer.0).checked_sub(1)?), Phase::Connect),
        Place::Reuses { peer, .. } | Place::Talks { peer, .. } => (retelling::host(peer), Phase::Mail),
        Place::Outside | Place::Waits | Place::Hangs { .. } | Place::Over(_) => return None,
    };
    Some(Position {
        message: scenario.message[job].name.clone(),
        attempt: driver.attempts(job).into(),
        host,
        phase,
    })
}
