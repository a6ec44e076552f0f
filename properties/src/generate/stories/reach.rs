//! Stories of hosts that mail cannot reach, for a while or for good.

use std::time::Duration;

use postern_model::name::DomainName;
use postern_model::scenario::{Attack, Level, Phase};

use super::{path, set_policy};
use crate::generate::walk::Walk;

pub(super) fn backup(walk: &mut Walk) {
    let sender = walk.sender.clone();
    let with_backup = walk.targets_where(|truth, target| truth.exchangers(&sender, target).len() > 1);
    if with_backup.is_empty() {
        return path::trouble(walk);
    }
    let target = walk.draw.pick(&with_backup).clone();
    let attack = *walk
        .draw
        .pick(&[Attack::Refuse, Attack::BlackHole, Attack::CloseAt(Phase::Ehlo)]);
    let for_long = walk.draw.percent(60);
    let lasting = match for_long {
        true => walk.draw.percent(60).then(|| Duration::from_secs(24 * 3600)),
        false => Some(walk.draw.minutes(&[5, 20])),
    };
    let mut preferred = walk.exchangers(&target);
    let count = if walk.draw.percent(60) { 1 } else { preferred.len() - 1 };
    preferred.truncate(count);
    for host in &preferred {
        walk.attack(host, attack, lasting);
    }
    walk.submit(&target);
    if !for_long {
        walk.wait(&[30, 90]);
        walk.submit(&target);
    }
}

pub(super) fn siege(walk: &mut Walk) {
    let sender = walk.sender.clone();
    let open = walk.targets_where(|truth, target| !truth.exchangers(&sender, target).is_empty());
    let target = match open.as_slice() {
        [] => walk.target(),
        targets => walk.draw.pick(targets).clone(),
    };
    let level = walk.truth.level(&walk.sender, &target);
    if level == Level::May && walk.draw.percent(40) {
        return broken_for_good(walk, &target);
    }
    let requires_tls = level >= Level::Encrypt;
    let attack = match walk.draw.between(0, 9) {
        0..=3 => Attack::StripStarttls,
        4 => Attack::OverwriteStarttls,
        5 => Attack::AnswerStarttls(554),
        6 | 7 => Attack::Refuse,
        8 => Attack::BlackHole,
        _ => Attack::GarbageAfterGoAhead,
    };
    if !requires_tls && !matches!(attack, Attack::Refuse | Attack::BlackHole) {
        set_policy(walk, &target, Level::Encrypt);
    }
    for victim in walk.exchangers(&target) {
        walk.attack(&victim, attack, None);
    }
    walk.submit(&target);
}

/// Every handshake breaks to the end, where nothing requires TLS (SEED-06).
fn broken_for_good(walk: &mut Walk, target: &DomainName) {
    let attack = *walk.draw.pick(&[
        Attack::GarbageAfterGoAhead,
        Attack::GarbageAfterGoAhead,
        Attack::SwallowHandshake,
        Attack::CloseInsteadOfReply(Phase::Starttls),
    ]);
    for victim in walk.exchangers(target) {
        walk.attack(&victim, attack, None);
    }
    walk.submit(target);
}
