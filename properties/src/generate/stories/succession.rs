//! Stories of messages that follow each other: over one session, against one memory, past one slow host.

use postern_model::name::DomainName;
use postern_model::scenario::{Attack, Certificate, Drift, Level, Switch};

use super::set_policy;
use crate::generate::walk::Walk;

/// Within a minute of each other.
const MOMENT: &[u32] = &[0];

/// A session that is kept open meets a message that it may or may not do for (C-DG-19).
pub(super) fn reuse(walk: &mut Walk) {
    if !walk.truth.host(&walk.sender).reuse || walk.messages_left() < 2 {
        return super::path::trouble(walk);
    }
    if let Some((first, second, host)) = two_next_hops_with_one_host(walk)
        && walk.draw.percent(70)
    {
        // The host proves its own name, which is the first next hop, and not the second.
        walk.drift(&host, Drift::Tls(Switch::On));
        walk.drift(&host, Drift::Certificate(Certificate::HostNameOnly));
        set_policy(walk, &first, Level::Secure);
        set_policy(walk, &second, Level::Secure);
        walk.submit(&first);
        walk.wait(MOMENT);
        return walk.submit(&second);
    }
    let target = walk.target();
    if walk.draw.percent(60) {
        let level = *walk.draw.pick(&[Level::None, Level::None, Level::May]);
        set_policy(walk, &target, level);
    }
    walk.submit(&target);
    walk.wait(MOMENT);
    if walk.draw.percent(60) {
        let level = *walk.draw.pick(&[Level::Encrypt, Level::Encrypt, Level::Secure]);
        set_policy(walk, &target, level);
    }
    walk.submit(&target);
}

/// A domain with a fixed route to a host, another whose first exchanger is that host, and the host.
fn two_next_hops_with_one_host(walk: &Walk) -> Option<(DomainName, DomainName, DomainName)> {
    let targets = walk.targets();
    targets.iter().find_map(|first| {
        let host = walk.truth.next_hop(&walk.sender, first);
        let is_second = |second: &&DomainName| {
            walk.truth.next_hop(&walk.sender, second) == *second && walk.exchangers(second).first() == Some(host)
        };
        let second = targets.iter().find(is_second).filter(|_| host != first)?;
        Some((first.clone(), second.clone(), host.clone()))
    })
}

/// TLS breaks at a host that is sent to again, soon and late, with and without a requirement (C-DG-12).
pub(super) fn broken_tls(walk: &mut Walk) {
    let sender = walk.sender.clone();
    let speaks_tls = walk.targets_where(|truth, target| {
        let exchangers = truth.exchangers(&sender, target);
        !exchangers.is_empty() && exchangers.iter().all(|host| truth.host(host).tls.is_on())
    });
    if speaks_tls.is_empty() {
        return super::path::trouble(walk);
    }
    let target = walk.draw.pick(&speaks_tls).clone();
    set_policy(walk, &target, Level::May);
    let lasting = walk.draw.minutes(&[1, 5]);
    for victim in walk.exchangers(&target) {
        walk.attack(&victim, Attack::GarbageAfterGoAhead, Some(lasting));
    }
    walk.submit(&target);
    walk.wait(&[10, 20]);
    if walk.draw.percent(40) {
        set_policy(walk, &target, Level::Encrypt);
    } else if walk.draw.percent(60) {
        walk.wait(&[80, 300]);
    }
    walk.submit(&target);
}

/// One next hop lets every connection hang while mail goes to another.
pub(super) fn isolation(walk: &mut Walk) {
    let sender = walk.sender.clone();
    let slow = walk.target();
    let slow_hosts = walk.exchangers(&slow);
    let apart = walk.targets_where(|truth, target| {
        let exchangers = truth.exchangers(&sender, target);
        !exchangers.is_empty() && exchangers.iter().all(|host| !slow_hosts.contains(host))
    });
    if apart.is_empty() || walk.messages_left() < 2 {
        return super::path::trouble(walk);
    }
    let other = walk.draw.pick(&apart).clone();
    let attack = *walk.draw.pick(&[Attack::BlackHole, Attack::SwallowHandshake]);
    let lasting = walk.draw.minutes(&[20, 45]);
    for victim in slow_hosts {
        walk.attack(&victim, attack, Some(lasting));
    }
    walk.submit(&slow);
    walk.wait(MOMENT);
    walk.submit(&other);
}
