//! P14: where TLS cannot be had at one exchanger, or at one address of it, the next is tried.

use std::collections::BTreeMap;
use std::time::Duration;

use postern_model::monitor::{Monitor, Violation};
use postern_model::observation::{HostId, MessageId, Observation};

use super::sessions::{Session, Sessions};
use super::walks::{Place, Trial, Walks};
use super::{named, violation};
use crate::oracle::{Oracle, Requirement};
use crate::setup::Setup;

/// Judges every message whose policy requires TLS and which met an exchanger without it: by the end of the next attempt,
/// another address of it, or another exchanger that DNS told of, was tried, if there is one.
///
/// Sessions that may be for several messages accuse nobody; nor does a message whose policy changed, or whose host crashed
/// meanwhile. Exercised when another exchanger was tried after such a failure.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct NextExchanger {
    setup: Setup,
    oracle: Oracle,
    walks: Walks,
    /// The message that the session is for, where that is certain, and the address that was dialled.
    sessions: Sessions<Option<(MessageId, u8)>>,
    owed: BTreeMap<(HostId, MessageId), Owed>,
    exercised: bool,
}

/// A message that failed at one address and was not tried at another yet.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
struct Owed {
    failed_at: Place,
    deferrals: u8,
}

impl NextExchanger {
    /// The monitor at the start of a run.
    pub fn new(setup: Setup) -> Self {
        Self {
            oracle: Oracle::new(setup.clone()),
            setup,
            walks: Walks::default(),
            sessions: Sessions::default(),
            owed: BTreeMap::new(),
            exercised: false,
        }
    }
}

impl Monitor for NextExchanger {
    fn observe(&mut self, _: Duration, observation: &Observation) -> Result<(), Violation> {
        let trials = self.walks.observe(&self.setup, observation);
        self.oracle.observe(observation);
        if let Some(session) = self.sessions.observe(observation) {
            self.ended(&session);
        }
        for trial in &trials {
            self.tried(trial);
        }
        match *observation {
            Observation::Dialled {
                connection, address, ..
            } => {
                if let ([trial], Some(session)) = (&trials[..], self.sessions.get_mut(connection)) {
                    session.notes = Some((trial.message, address));
                }
            }
            Observation::Policy { host, .. } | Observation::Running { host, .. } => {
                self.owed.retain(|(client, _), _| *client != host);
            }
            Observation::Sent { host, message }
            | Observation::Bounced { host, message }
            | Observation::Delivered { host, message } => {
                self.owed.remove(&(host, message));
            }
            Observation::Deferred { host, message } => return self.deferred(host, message),
            _ => {}
        }
        Ok(())
    }

    fn exercised(&self) -> bool {
        self.exercised
    }
}

impl NextExchanger {
    fn tried(&mut self, trial: &Trial) {
        let key = (trial.client, trial.message);
        if let Some(owed) = self.owed.get(&key)
            && owed.failed_at != (trial.server, trial.address)
        {
            self.owed.remove(&key);
            self.exercised = true;
        }
    }

    fn ended(&mut self, session: &Session<Option<(MessageId, u8)>>) {
        let Some((message, address)) = session.notes.filter(|_| session.is_clients_own()) else {
            return;
        };
        let Some(walk) = self.walks.of(session.client, message) else {
            return;
        };
        let level = self.oracle.level(session.client, walk.next_hop);
        let fell_short = match Requirement::of(level, walk.next_hop) {
            Requirement::Clear => false,
            Requirement::Encrypted => session.is_without_tls(true),
            Requirement::Authenticated(_) => {
                session.is_without_tls(true) || session.proves().is_some_and(|names| !names.has(walk.next_hop))
            }
        };
        if fell_short {
            self.owed.entry((session.client, message)).or_insert(Owed {
                failed_at: (session.server, address),
                deferrals: 0,
            });
        }
    }

    fn deferred(&mut self, host: HostId, message: MessageId) -> Result<(), Violation> {
        let key = (host, message);
        let (Some(owed), Some(walk)) = (self.owed.get_mut(&key), self.walks.of(host, message)) else {
            return Ok(());
        };
        let (failed_at, _) = owed.failed_at;
        // Without MX records, or by a fixed route, there is the one host.
        let only = walk.told.is_empty().then_some(failed_at);
        let exchangers = walk.eligible(host).map(|(_, exchanger)| exchanger).chain(only);
        let places = exchangers.flat_map(|exchanger| {
            let addresses = 0..self.walks.addresses(&self.setup, host, exchanger);
            addresses.map(move |address| (exchanger, address))
        });
        let mut untried = places.filter(|place| !walk.has_tried(*place) && !walk.is_without_address(place.0));
        let Some((untried, address)) = untried.next().filter(|_| walk.is_certain) else {
            self.owed.remove(&key);
            return Ok(());
        };
        owed.deferrals += 1;
        if owed.deferrals < 2 {
            return Ok(());
        }
        let untried = match untried == failed_at {
            true => format!("address {} of it", address + 1),
            false => self.setup.host_name(untried).to_string(),
        };
        let why = format!(
            "{} had no TLS with {}, and in two attempts at {} did not try {untried}",
            self.setup.host_name(host),
            self.setup.host_name(failed_at),
            named(message),
        );
        Err(violation("R5321-5.1-d", why))
    }
}

#[cfg(test)]
mod tests {
    use postern_model::scenario::Level;

    use super::super::story::{Found, MX1, MX2, OUT, Story, setup};
    use super::*;

    fn judged(level: Level, story: Story) -> Found {
        story.judged_by(NextExchanger::new(setup(level)))
    }

    /// An attempt that finds no TLS at the first exchanger.
    fn stripped(story: Story) -> Story {
        story.told(&[(10, MX1), (20, MX2)]).dials(MX1).ehlo(false).closes()
    }

    fn once() -> Story {
        stripped(Story::new().mail_is_tried())
    }

    #[test]
    fn the_next_exchanger_may_be_tried_at_once_or_in_the_next_attempt() {
        assert_eq!(judged(Level::Encrypt, once().dials(MX2)), Found::Holds);
        let later = stripped(once().deferred().tried_again()).dials(MX2);
        assert_eq!(judged(Level::Encrypt, later), Found::Holds);
    }

    #[test]
    fn two_attempts_that_stop_at_the_first_are_too_many() {
        let twice = stripped(once().deferred().tried_again()).deferred();
        assert_eq!(judged(Level::Encrypt, twice.clone()), Found::Violated("R5321-5.1-d"));
        assert_eq!(judged(Level::May, twice), Found::NotExercised);
    }

    /// An attempt that finds no TLS at the first of two addresses of the only exchanger.
    fn stripped_at_first(story: Story) -> Story {
        let told = story.told(&[(10, MX1)]).has_addresses(MX1, 2);
        told.dials_at(MX1, 0).ehlo(false).closes()
    }

    #[test]
    fn another_address_of_the_same_exchanger_will_do_and_is_owed() {
        let once = || stripped_at_first(Story::new().mail_is_tried());
        let twice = || stripped_at_first(once().deferred().tried_again());
        assert_eq!(judged(Level::Encrypt, once().dials_at(MX1, 1)), Found::Holds);
        assert_eq!(judged(Level::Encrypt, twice().dials_at(MX1, 1)), Found::Holds);
        assert_eq!(
            judged(Level::Encrypt, twice().deferred()),
            Found::Violated("R5321-5.1-d")
        );
        assert_eq!(judged(Level::May, twice().deferred()), Found::NotExercised);
    }

    #[test]
    fn another_address_is_owed_where_there_is_no_mx_record() {
        let try_first = |story: Story| {
            let found = story.has_addresses(MX1, 2);
            found.dials_at(MX1, 0).ehlo(false).closes()
        };
        let once = || try_first(Story::new().mail_is_tried());
        let twice = try_first(once().deferred().tried_again()).deferred();
        assert_eq!(judged(Level::Encrypt, once().dials_at(MX1, 1)), Found::Holds);
        assert_eq!(judged(Level::Encrypt, twice), Found::Violated("R5321-5.1-d"));
    }

    #[test]
    fn a_certificate_that_does_not_prove_the_next_hop_is_a_failure_too() {
        let unproved = |story: Story| story.told(&[(10, MX1), (20, MX2)]).dials(MX1).goes_secure(&[]).closes();
        let twice = unproved(unproved(Story::new().mail_is_tried()).deferred().tried_again()).deferred();
        assert_eq!(judged(Level::Secure, twice.clone()), Found::Violated("R5321-5.1-d"));
        assert_eq!(judged(Level::Encrypt, twice), Found::NotExercised);
    }

    #[test]
    fn an_exchanger_without_an_address_is_not_owed_a_try() {
        let no_address = Observation::NoAddress {
            host: OUT,
            exchanger: MX2,
        };
        let first = once().sees(no_address).deferred().tried_again();
        let twice = stripped(first).sees(no_address).deferred();
        assert_eq!(judged(Level::Encrypt, twice), Found::NotExercised);
    }

    #[test]
    fn a_crash_or_another_policy_settles_what_is_owed() {
        for event in [
            Observation::Running { host: OUT, up: true },
            Observation::Policy {
                host: OUT,
                next_hop: super::super::story::B,
                level: Level::Secure,
            },
        ] {
            let twice = stripped(once().deferred().sees(event).tried_again()).deferred();
            assert_eq!(judged(Level::Encrypt, twice), Found::NotExercised);
        }
    }
}
