//! Stories of TLS that vanishes: the servers switch it off, or somebody strips it.

use postern_model::name::DomainName;
use postern_model::scenario::{Attack, Drift, Level, Phase, Switch};

use super::{WHILE_MINUTES, set_policy};
use crate::generate::walk::Walk;

pub(super) fn history(walk: &mut Walk) {
    let sender = walk.sender.clone();
    let speaks_tls = walk.targets_where(|truth, target| {
        let exchangers = truth.exchangers(&sender, target);
        !exchangers.is_empty() && exchangers.iter().all(|host| truth.host(host).tls.is_on())
    });
    let target = match speaks_tls.as_slice() {
        [] => walk.target(),
        targets => walk.draw.pick(targets).clone(),
    };
    let level = walk.truth.level(&walk.sender, &target);
    if level == Level::None {
        let level = walk.draw.weighted(&[(2, Level::May), (1, Level::Encrypt)]);
        set_policy(walk, &target, level);
    }
    walk.submit(&target);
    walk.wait(&[2, 5, 20, 60]);
    let returns = vanish(walk, &target);
    walk.wait(&[1, 5, 30, 200]);
    walk.submit(&target);
    if walk.draw.percent(25) {
        walk.wait(&[1, 30, 300]);
        walk.submit(&target);
    }
    returns.bring_back(walk);
}

pub(super) fn vanishes_while_queued(walk: &mut Walk) {
    let target = walk.target();
    let blocked = *walk
        .draw
        .pick(&[Attack::Refuse, Attack::BlackHole, Attack::CloseAt(Phase::Mail)]);
    let lasting = walk.draw.minutes(&[20, 45, 180]);
    for victim in walk.exchangers(&target) {
        walk.attack(&victim, blocked, Some(lasting));
    }
    walk.submit(&target);
    walk.wait(&[2, 10]);
    let returns = switch_off(walk, &target);
    if walk.draw.percent(40) {
        walk.wait(&[1, 60]);
        walk.submit(&target);
    }
    returns.bring_back(walk);
}

/// What must be put back so that TLS returns.
struct Vanished {
    switched_off: Vec<DomainName>,
}

impl Vanished {
    /// Mostly brings TLS back after a while; otherwise that is left to the end of the walk.
    fn bring_back(self, walk: &mut Walk) {
        if self.switched_off.is_empty() || walk.draw.percent(35) {
            return;
        }
        walk.wait(WHILE_MINUTES);
        for host in self.switched_off {
            walk.drift(&host, Drift::Tls(Switch::On));
        }
    }
}

/// Lets the TLS of a domain's exchangers vanish: the servers switch it off, or somebody strips it.
fn vanish(walk: &mut Walk, target: &DomainName) -> Vanished {
    if walk.draw.percent(50) {
        return switch_off(walk, target);
    }
    let attack = *walk
        .draw
        .pick(&[Attack::StripStarttls, Attack::StripStarttls, Attack::OverwriteStarttls]);
    let lasting = walk.draw.minutes(&[45, 180, 720, 1440]);
    for victim in walk.exchangers(target) {
        walk.attack(&victim, attack, Some(lasting));
    }
    Vanished {
        switched_off: Vec::new(),
    }
}

fn switch_off(walk: &mut Walk, target: &DomainName) -> Vanished {
    let mut switched_off = walk.exchangers(target);
    switched_off.retain(|host| walk.truth.host(host).tls.is_on());
    for host in &switched_off {
        walk.drift(host, Drift::Tls(Switch::Off));
    }
    Vanished { switched_off }
}
