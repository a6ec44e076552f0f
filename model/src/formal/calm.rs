//! What becomes of mail once nothing more goes wrong: the calm continuation of a state.
//!
//! A promise that something happens in the end is thereby one about a single state, and needs no search for cycles.

use crate::mta::delivery::{HopId, PeerId};
use crate::scenario::{Attack, Level};

use super::configuration::{Budget, Configuration};
use super::driver::{Driver, peer_id};
use super::world::{End, Lasting, Place, Server, World};

/// How the hosts stand from now on.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Calm {
    /// All is as it should be.
    Tls,
    /// All is as it should be at one host; no other can be reached.
    OnlyAt(PeerId),
    /// All is as it should be, but that no host has TLS.
    NoTls,
    /// All is as it should be, but that every handshake breaks.
    BrokenTls,
}

/// What a message is promised in a calm and does not get.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Broken {
    /// It is not delivered, although a host that serves its domain is as it should be.
    NotDelivered,
    /// It is not delivered for want of TLS, which nothing requires and with which it would be.
    HeldForWantOfTls,
    /// It is not delivered for want of TLS, and would be if TLS had never been used before.
    HeldForThePast,
    /// It is not delivered because a handshake breaks, which nothing requires and without which it would be.
    HeldForBrokenTls,
    /// It is sent in clear, although its policy is to use TLS where that is to be had, and it was.
    SentInClear,
}

impl Calm {
    /// Every calm of a configuration.
    pub(super) fn all(configuration: &Configuration) -> impl Iterator<Item = Self> + use<> {
        let hosts = 0..configuration.exchangers.len();
        let one = (hosts.len() > 1).then_some(hosts).into_iter().flatten();
        let only_at = one.map(|place| Self::OnlyAt(peer_id(place)));
        [Self::Tls, Self::NoTls, Self::BrokenTls].into_iter().chain(only_at)
    }
}

/// Lets nothing more happen, and sets the hosts right.
///
/// Of the world before, a calm keeps only what all calms keep. So all of them follow from any one.
pub(super) fn calm_down(configuration: &Configuration, world: &mut World, calm: Calm) {
    world.left = Budget::default();
    world.lookups_fail = Default::default();
    for place in 0..configuration.exchangers.len() {
        let peer = peer_id(place);
        let serves = configuration.exchangers[place]
            .preference
            .map(|preference| preference.is_some());
        *world.server_mut(peer) = Server {
            tls: calm != Calm::NoTls,
            certificate_is_bad: false,
            configured: serves,
            listed: serves,
            lookups_fail: Default::default(),
            attack: match calm {
                Calm::BrokenTls => Some((Attack::GarbageAfterGoAhead, Lasting::Ever)),
                Calm::OnlyAt(one) if one != peer => Some((Attack::Refuse, Lasting::Ever)),
                Calm::Tls | Calm::NoTls | Calm::OnlyAt(_) => None,
            },
        };
    }
}

/// The promises that are broken from a state of calm on, to any message that is in the queue.
pub(super) fn broken(mut driver: Driver<'_>, calm: Calm) -> Vec<Broken> {
    driver.looks_for_dependences = false;
    let jobs = 0..driver.configuration.messages.len();
    let is_promised = |job: &usize| {
        let queued = driver.world.jobs[*job];
        let hop = driver.configuration.messages[*job];
        // Once the lifetime is over, only an attempt that began before is under way.
        let is_in_queue = matches!(queued.place, Place::Waits | Place::Hangs { .. });
        let place = usize::from(hop);
        let serves = |peer: PeerId| {
            let exchanger = &driver.configuration.exchangers[usize::from(peer.0) - 1];
            // Those that are no better than the sender itself are not tried (R5321-5.1-e).
            let own = driver.configuration.own_preference.filter(|_| place == 0);
            let is_tried = |preference| own.is_none_or(|own| preference < own);
            exchanger.preference[place].is_some_and(is_tried) && driver.proves_enough(peer, hop)
        };
        let is_served = match calm {
            Calm::OnlyAt(peer) => serves(peer),
            Calm::Tls => (0..driver.configuration.exchangers.len()).map(peer_id).any(serves),
            // A host that demands TLS answers for that itself (P06, P07).
            Calm::NoTls | Calm::BrokenTls => {
                let demands = driver
                    .configuration
                    .exchangers
                    .iter()
                    .any(|exchanger| exchanger.demands_tls);
                driver.world.levels[place] <= Level::May && !demands
            }
        };
        is_in_queue
            && queued.expires_in.is_some_and(|left| left > 0)
            && is_served
            && !(driver.configuration.null_mx && place == 0)
    };
    let promised: Vec<usize> = jobs.filter(is_promised).collect();
    // A failure that is remembered excuses a session in clear.
    let remembers = driver.world.forgets_in.iter().any(Option::is_some);
    let mut without_past = driver.clone();
    without_past.delivery = driver.delivery.with_tls_seen_at([]);
    let before = driver.clone();
    let would_be_sent = |job: usize, calm| {
        let mut other = before.clone();
        calm_down(other.configuration, &mut other.world, calm);
        run(&mut other);
        other.world.jobs[job].place == Place::Over(End::Sent)
    };
    run(&mut driver);
    let mut broken = Vec::new();
    for job in promised {
        let is_at_may = driver.world.levels[usize::from(driver.configuration.messages[job])] == Level::May;
        let is_sent = driver.world.jobs[job].place == Place::Over(End::Sent);
        if calm == Calm::NoTls && !is_sent {
            let mut other = without_past.clone();
            run(&mut other);
            let is_the_pasts = other.world.jobs[job].place == Place::Over(End::Sent);
            broken.extend(is_the_pasts.then_some(Broken::HeldForThePast));
        }
        // What is held for another reason is none of TLS's, and without any TLS it is not the handshake's.
        let is_of_this_calm = match calm {
            Calm::Tls | Calm::OnlyAt(_) => true,
            Calm::NoTls => would_be_sent(job, Calm::Tls),
            Calm::BrokenTls => would_be_sent(job, Calm::Tls) && would_be_sent(job, Calm::NoTls),
        };
        broken.push(match calm {
            Calm::Tls if is_sent && driver.sent_in_clear[job] && is_at_may && !remembers => Broken::SentInClear,
            _ if is_sent || !is_of_this_calm => continue,
            Calm::Tls | Calm::OnlyAt(_) => Broken::NotDelivered,
            Calm::NoTls => Broken::HeldForWantOfTls,
            Calm::BrokenTls => Broken::HeldForBrokenTls,
        });
    }
    broken
}

/// To the end of all mail that was handed in.
fn run(driver: &mut Driver<'_>) {
    let jobs = driver.configuration.messages.len();
    loop {
        driver.seen.clear();
        if let Some(ready) = (0..jobs).find(|job| driver.world.is_ready(*job)) {
            driver.go(ready);
            continue;
        }
        let waits = |job: usize| matches!(driver.world.jobs[job].place, Place::Waits | Place::Hangs { .. });
        if !(0..jobs).any(waits) || driver.world.is_stuck() {
            return;
        }
        driver.pass();
    }
}

pub(super) fn hop(place: usize) -> HopId {
    HopId(u8::try_from(place).unwrap_or(u8::MAX))
}
