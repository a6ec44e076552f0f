//! Stories of servers that demand TLS, in the cells of the thread's chart.

use postern_model::name::DomainName;
use postern_model::scenario::{Attack, Drift, Level};

use super::{drift, set_policy};
use crate::generate::walk::Walk;

pub(super) fn chart(walk: &mut Walk) {
    let Some((target, server)) = demanding(walk) else {
        return drift::drift(walk);
    };
    move_cell(walk, &server, &target);
    let level = walk.truth.level(&walk.sender, &target);
    let never_tls = walk.draw.percent(50);
    if never_tls {
        set_policy(walk, &target, Level::None);
    } else {
        let lasting = walk.draw.minutes(&[5, 45, 180]);
        walk.attack(&server, Attack::StripStarttls, Some(lasting));
    }
    if walk.draw.percent(25) {
        walk.wait(&[1, 10, 70]);
    }
    walk.submit(&target);
    let lookups_fail = walk.truth.lookups_fail(&server, &target);
    let relents = never_tls && walk.draw.percent(80);
    if lookups_fail || relents {
        walk.wait(&[5, 40, 300]);
    }
    if relents {
        set_policy(walk, &target, level);
    }
    if lookups_fail {
        walk.drift(&server, Drift::RestoreLookups(target));
    }
}

/// A domain whose first exchanger demands TLS, and that exchanger.
fn demanding(walk: &mut Walk) -> Option<(DomainName, DomainName)> {
    let sender = walk.sender.clone();
    let demanding = walk.targets_where(|truth, target| {
        let exchangers = truth.exchangers(&sender, target);
        exchangers.first().is_some_and(|host| truth.host(host).demands_tls)
    });
    if demanding.is_empty() {
        return None;
    }
    let target = walk.draw.pick(&demanding).clone();
    let server = walk.exchangers(&target)[0].clone();
    Some((target, server))
}

/// A server is asked in clear before its listing changes, and again when what it had cached has expired (SEED-15).
pub(super) fn listing(walk: &mut Walk) {
    let Some((target, server)) = demanding(walk) else {
        return drift::drift(walk);
    };
    let (server, target) = (&server, &target);
    let level = walk.truth.level(&walk.sender, target);
    set_policy(walk, target, Level::None);
    walk.submit(target);
    walk.wait(&[1, 5]);
    let (listed, domain) = (walk.truth.listed(target), target.clone());
    let drift = match listed.contains(server) {
        true => Drift::DropMx(domain),
        false => Drift::AddMx { domain, preference: 5 },
    };
    walk.drift(server, drift);
    walk.wait(&[70, 100]);
    walk.submit(target);
    walk.wait(&[5, 40]);
    set_policy(walk, target, level);
}

/// Moves a server and a domain to another cell of the chart: listed × configured, or a lookup that fails.
fn move_cell(walk: &mut Walk, server: &DomainName, domain: &DomainName) {
    let drift = match walk.draw.between(0, 9) {
        0 | 1 => Drift::Unconfigure(domain.clone()),
        2 => Drift::Configure(domain.clone()),
        3 => Drift::AddMx {
            domain: domain.clone(),
            preference: 5,
        },
        4 => Drift::DropMx(domain.clone()),
        5 | 6 => Drift::FailLookups(domain.clone()),
        _ => return,
    };
    walk.drift(server, drift);
}
