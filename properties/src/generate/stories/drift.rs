//! Stories of what changes: a host, its DNS or a policy.

use postern_model::name::DomainName;
use postern_model::scenario::{Drift, Switch};

use crate::generate::walk::Walk;

pub(super) fn drift(walk: &mut Walk) {
    let target = walk.target();
    if walk.draw.percent(50) {
        walk.submit(&target);
        if walk.draw.percent(60) {
            walk.wait(&[1, 20, 100]);
        }
    }
    for _ in 0..walk.draw.between(1, 3) {
        let (host, drift) = any_drift(walk, &target);
        walk.drift_midway(&host, drift);
    }
    walk.wait(&[1, 10, 100]);
    walk.submit(&target);
}

fn any_drift(walk: &mut Walk, target: &DomainName) -> (DomainName, Drift) {
    let hosts = walk.hosts();
    let anyone = walk.draw.pick(&hosts[1..]).clone();
    let exchangers = walk.exchangers(target);
    let exchanger = if exchangers.is_empty() {
        anyone.clone()
    } else {
        walk.draw.pick(&exchangers).clone()
    };
    match walk.draw.between(0, 9) {
        0 | 1 => (exchanger, Drift::Tls(Switch::Off)),
        2 => (exchanger, Drift::Tls(Switch::On)),
        3 => (
            exchanger,
            Drift::Certificate(walk.draw.weighted(&walk.swarm.certificates)),
        ),
        4 => {
            let preference = u16::try_from(walk.draw.between(1, 30)).unwrap_or(u16::MAX);
            let domain = target.clone();
            (anyone, Drift::AddMx { domain, preference })
        }
        5 => match walk.truth.listed(target).as_slice() {
            [] => (exchanger, Drift::Tls(Switch::Off)),
            listed => (walk.draw.pick(listed).clone(), Drift::DropMx(target.clone())),
        },
        6 => (anyone, Drift::Configure(target.clone())),
        7 => (exchanger, Drift::Unconfigure(target.clone())),
        8 => {
            let next_hop = walk.truth.next_hop(&walk.sender, target).clone();
            let level = walk.draw.weighted(&walk.swarm.levels);
            (walk.sender.clone(), Drift::Policy { next_hop, level })
        }
        _ => {
            let host = if walk.draw.percent(50) {
                walk.sender.clone()
            } else {
                exchanger
            };
            match walk.truth.lookups_fail(&host, target) {
                true => (host, Drift::RestoreLookups(target.clone())),
                false => (host, Drift::FailLookups(target.clone())),
            }
        }
    }
}
