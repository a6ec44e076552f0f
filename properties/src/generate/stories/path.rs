//! Stories of somebody on the path: between client and server, or between a sender and its resolver.

use postern_model::scenario::{Attack, Drift, Level, Lie, Phase, Trouble};

use super::{WHILE_MINUTES, some_exchangers};
use crate::generate::swarm::with_particulars;
use crate::generate::walk::Walk;

pub(super) fn trouble(walk: &mut Walk) {
    let target = walk.target();
    let attack = walk.draw.weighted(&walk.swarm.attacks);
    let attack = with_particulars(attack, &mut walk.draw);
    let lasting = walk.draw.minutes(WHILE_MINUTES);
    for victim in some_exchangers(walk, &target) {
        walk.attack(&victim, attack, Some(lasting));
    }
    walk.submit(&target);
    if walk.draw.percent(30) {
        walk.wait(&[1, 10, 40]);
        walk.submit(&target);
    }
}

pub(super) fn lost_reply(walk: &mut Walk) {
    let target = walk.target();
    let attack = match walk.draw.percent(75) {
        true => Attack::CloseInsteadOfReply(Phase::EndOfData),
        false => Attack::CloseAt(Phase::EndOfData),
    };
    let lasting = walk.draw.minutes(&[5, 20]);
    for victim in walk.exchangers(&target) {
        walk.attack(&victim, attack, Some(lasting));
    }
    walk.submit(&target);
}

pub(super) fn injection(walk: &mut Walk) {
    let sender = walk.sender.clone();
    let secured = walk.targets_where(|truth, target| {
        let exchangers = truth.exchangers(&sender, target);
        let speaks_tls = exchangers.first().is_some_and(|host| truth.host(host).tls.is_on());
        speaks_tls && truth.level(&sender, target) > Level::None
    });
    if secured.is_empty() {
        return trouble(walk);
    }
    let target = walk.draw.pick(&secured).clone();
    let attack = walk.draw.weighted(&[
        (3, Attack::InjectCommands(0)),
        (3, Attack::InjectReplies(0)),
        (3, Attack::InjectTransaction),
        (2, Attack::StripExtensions),
        (2, Attack::AddExtensions),
        (1, Attack::InjectTowardServer(0)),
        (2, Attack::InjectTowardClient(0)),
    ]);
    let drawn = with_particulars(attack, &mut walk.draw);
    let attack = if walk.draw.percent(50) { attack } else { drawn };
    let lasting = walk.draw.minutes(&[5, 20, 90]);
    let victim = walk.exchangers(&target)[0].clone();
    if attack == Attack::AddExtensions {
        // What the server lists itself cannot be added.
        walk.drift(&victim, Drift::Trouble(Trouble::ListsLittle));
    }
    walk.attack(&victim, attack, Some(lasting));
    walk.submit(&target);
}

pub(super) fn cut(walk: &mut Walk) {
    let target = walk.target();
    let Some(victim) = walk.exchangers(&target).first().cloned() else {
        return trouble(walk);
    };
    let phase = *walk.draw.pick(&[
        Phase::Starttls,
        Phase::Mail,
        Phase::Data,
        Phase::EndOfData,
        Phase::EndOfData,
        Phase::EndOfData,
    ]);
    // About as many octets as a command, a reply or a short content is long in its record.
    let octets = walk.draw.between(0, 160);
    let attack = match walk.draw.percent(50) {
        true => Attack::CutClient(octets),
        false => Attack::CutServer(octets),
    };
    let lasting = walk.draw.minutes(&[5, 20]);
    walk.attack_midway(&victim, attack, phase, lasting);
    walk.submit(&target);
}

pub(super) fn forgery(walk: &mut Walk) {
    let sender = walk.sender.clone();
    // What a fixed route says, no lie about DNS changes.
    let asked_for = walk.targets_where(|truth, target| truth.next_hop(&sender, target) == target);
    if asked_for.is_empty() {
        return trouble(walk);
    }
    let target = walk.draw.pick(&asked_for).clone();
    let lie = match (walk.draw.between(0, 9), walk.impostor()) {
        (0..=4, Some(impostor)) => Lie::Mx(impostor),
        (0 | 1, None) => Lie::Silence,
        (2..=4, None) | (5, _) => Lie::Failure,
        (6, _) => Lie::NoData,
        (7, _) => Lie::NullMx,
        (8, _) => Lie::NoName,
        _ => Lie::Silence,
    };
    // Long enough that what was cached has expired.
    walk.wait(&[70, 90, 130]);
    let lasting = walk.draw.minutes(WHILE_MINUTES);
    walk.forge(&sender, &target, lie, lasting);
    walk.submit(&target);
}
