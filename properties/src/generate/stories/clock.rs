//! Stories of wall clocks that leap.

use std::time::Duration;

use postern_model::scenario::{Attack, Clock, Drift, Level, Phase};

use super::{WHILE_MINUTES, set_policy};
use crate::generate::walk::Walk;

const DAY: Duration = Duration::from_secs(24 * 3600);
const YEAR: Duration = Duration::from_secs(31_557_600);

/// Beyond lifetimes, and beyond the validity of every certificate. Nowhere among them does one look valid that is not.
const LEAPS: &[Clock] = &[
    Clock::Ahead(DAY),
    Clock::Ahead(DAY.saturating_mul(10)),
    Clock::Ahead(YEAR.saturating_mul(2100)),
    Clock::Behind(DAY),
    Clock::Behind(YEAR.saturating_mul(20)),
    Clock::Behind(YEAR.saturating_mul(50)),
];

/// The clock of the sender leaps before a message, or while it waits, and is set right some time later (C-DR-9).
pub(super) fn leap(walk: &mut Walk) {
    let target = walk.target();
    let sender = walk.sender.clone();
    let leap = Drift::Clock(*walk.draw.pick(LEAPS));
    if walk.draw.percent(50) {
        set_policy(walk, &target, Level::Secure);
        walk.drift(&sender, leap);
        walk.submit(&target);
    } else {
        let blocked = *walk.draw.pick(&[Attack::Refuse, Attack::CloseAt(Phase::Mail)]);
        let lasting = walk.draw.minutes(&[45, 180]);
        for victim in walk.exchangers(&target) {
            walk.attack(&victim, blocked, Some(lasting));
        }
        walk.submit(&target);
        walk.wait(&[1, 10]);
        walk.drift(&sender, leap);
    }
    if walk.draw.percent(80) {
        walk.wait(WHILE_MINUTES);
        walk.drift(&sender, Drift::Clock(Clock::Right));
    }
}
