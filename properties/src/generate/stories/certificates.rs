//! Stories of bad certificates: the server's own, or an attacker's.

use postern_model::scenario::{Attack, Certificate, Drift, Level};

use super::{WHILE_MINUTES, set_policy};
use crate::generate::walk::Walk;

pub(super) fn certificates(walk: &mut Walk) {
    let target = walk.target();
    if walk.truth.level(&walk.sender, &target) != Level::Secure {
        set_policy(walk, &target, Level::Secure);
    }
    let bad = *walk.draw.pick(&[
        Certificate::Expired,
        Certificate::WrongName,
        Certificate::SelfSigned,
        Certificate::UnknownAuthority,
        Certificate::HostNameOnly,
        Certificate::HostNameOnly,
        Certificate::HostNameOnly,
        Certificate::OtherNamesRefused,
        Certificate::NotYetValid,
        Certificate::MissingIntermediate,
        Certificate::CommonNameOnly,
        Certificate::PartialWildcard,
        Certificate::WideWildcard,
        Certificate::NameConstraint,
        Certificate::PathLength,
    ]);
    let lasting = walk.draw.minutes(WHILE_MINUTES);
    let intercepted = bad.can_be_an_attackers() && walk.draw.percent(50);
    let exchangers = walk.exchangers(&target);
    for host in &exchangers {
        if intercepted {
            walk.attack(host, Attack::InterceptTls(bad), Some(lasting));
        } else {
            walk.drift(host, Drift::Certificate(bad));
        }
    }
    walk.submit(&target);
    if !intercepted && walk.draw.percent(85) {
        walk.wait(WHILE_MINUTES);
        for host in &exchangers {
            walk.drift(host, Drift::Certificate(Certificate::Valid));
        }
    }
}
