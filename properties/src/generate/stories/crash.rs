//! Stories of hosts that crash and start again.

use postern_model::scenario::{Attack, Phase};

use crate::generate::walk::Walk;

/// The phases of a client, and of the server that it talks to.
const PHASES: &[Phase] = &[
    Phase::Connect,
    Phase::Ehlo,
    Phase::Starttls,
    Phase::Mail,
    Phase::Rcpt,
    Phase::Data,
    Phase::EndOfData,
    Phase::Store,
    Phase::Store,
    Phase::Store,
    Phase::Store,
    Phase::Acknowledge,
    Phase::Acknowledge,
    Phase::Quit,
];

/// How long a host is down, in minutes.
const DOWN_MINUTES: &[u32] = &[0, 1, 10, 90];

/// A host crashes in the middle of a delivery, or the sender with mail in its queue (C-DR-9, C-NET-6).
pub(super) fn crash(walk: &mut Walk) {
    let target = walk.target();
    let exchangers = walk.exchangers(&target);
    if exchangers.is_empty() {
        return super::path::trouble(walk);
    }
    let down_for = walk.draw.minutes(DOWN_MINUTES);
    let sender = walk.sender.clone();
    let exchanger = exchangers[0].clone();
    match walk.draw.between(0, 9) {
        0..=3 => {
            let phase = *walk.draw.pick(PHASES);
            walk.crash_midway(&exchanger, &exchanger, phase, down_for);
            walk.submit(&target);
        }
        4..=6 => {
            let phase = *walk.draw.pick(PHASES);
            walk.crash_midway(&sender, &exchanger, phase, down_for);
            walk.submit(&target);
        }
        _ => {
            let blocked = *walk.draw.pick(&[Attack::Refuse, Attack::CloseAt(Phase::Mail)]);
            let lasting = walk.draw.minutes(&[20, 45, 180]);
            for victim in exchangers {
                walk.attack(&victim, blocked, Some(lasting));
            }
            walk.submit(&target);
            walk.wait(&[1, 10]);
            walk.crash(&sender, down_for);
        }
    }
}
