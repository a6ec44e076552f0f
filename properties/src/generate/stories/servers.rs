//! Stories of servers: in trouble of their own, or dialled by strangers.

use postern_model::scenario::{Drift, FalseEnd, Trouble, Visit};

use super::{WHILE_MINUTES, some_exchangers};
use crate::generate::walk::Walk;

pub(super) fn server_trouble(walk: &mut Walk, trouble: Trouble) {
    let target = walk.target();
    let servers = some_exchangers(walk, &target);
    for server in &servers {
        walk.drift(server, Drift::Trouble(trouble));
    }
    walk.submit(&target);
    if walk.draw.percent(50) {
        walk.wait(&[1, 10, 40]);
        walk.submit(&target);
    }
    if walk.draw.percent(75) {
        walk.wait(WHILE_MINUTES);
        for server in &servers {
            walk.drift(server, Drift::Trouble(Trouble::None));
        }
    }
}

/// Two or three strangers come, each to a server of its own choice.
pub(super) fn strangers(walk: &mut Walk) {
    let hosts = walk.hosts();
    for _ in 0..walk.draw.between(2, 3) {
        let host = walk.draw.pick(&hosts[1..]).clone();
        let false_end = *walk.draw.pick(FalseEnd::ALL);
        let visit = walk.draw.weighted(&[
            (3, Visit::EveryCommand),
            (2, Visit::StarttlsWithParameter),
            (2, Visit::StarttlsInsideTls),
            (4, Visit::EnvelopeBeforeTls),
            (2, Visit::HiddenCommand),
            (4, Visit::FalseEnd(false_end)),
            (2, Visit::ContentBehindRefusedData),
            (2, Visit::FallsSilent),
        ]);
        walk.visit(&host, visit);
    }
    let target = walk.target();
    walk.submit(&target);
}
