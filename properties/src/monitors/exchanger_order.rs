//! P15: exchangers are tried by preference, whatever their security, and never in circles.

use std::time::Duration;

use postern_model::monitor::{Monitor, Violation};
use postern_model::observation::{HostId, Observation};

use super::equal_exchangers::EqualExchangers;
use super::violation;
use super::walks::{Trial, Walks};
use crate::setup::Setup;

/// Judges every dial that can only be for one message, against what DNS told the client in that attempt:
///
/// - every exchanger of better preference was tried before: dialled, or found to have no address;
/// - the addresses of one exchanger are tried in the order in which DNS gives them, and before exchangers that are worse;
/// - no host is dialled that is not better than the client itself, where the client is an exchanger of the next hop too.
///
/// And over the run, how often of two equals one came first: never always the same one (`EqualExchangers`).
///
/// How many of a host's addresses a client tries is its own affair here: there may be a limit (RFC 5321 §5.1).
///
/// Exercised where there was an order to keep: exchangers of different preference, the client among them, or several
/// addresses.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct ExchangerOrder {
    setup: Setup,
    walks: Walks,
    equals: EqualExchangers,
    exercised: bool,
}

impl ExchangerOrder {
    /// The monitor at the start of a run.
    pub fn new(setup: Setup) -> Self {
        Self {
            setup,
            walks: Walks::default(),
            equals: EqualExchangers::default(),
            exercised: false,
        }
    }
}

impl Monitor for ExchangerOrder {
    fn observe(&mut self, _: Duration, observation: &Observation) -> Result<(), Violation> {
        let trials = self.walks.observe(&self.setup, observation);
        trials.iter().try_for_each(|trial| {
            self.judge(trial)?;
            self.exercised |= self.equals.judge(&self.setup, &self.walks, trial)?;
            Ok(())
        })
    }

    fn exercised(&self) -> bool {
        self.exercised
    }
}

impl ExchangerOrder {
    fn judge(&mut self, trial: &Trial) -> Result<(), Violation> {
        self.judge_addresses(trial)?;
        let Trial {
            client,
            server,
            before: walk,
            ..
        } = trial;
        let Some(preference) = walk.preference(*server).filter(|_| walk.is_certain) else {
            return Ok(());
        };
        let own = walk.preference(*client);
        let name = |host| self.setup.host_name(host);
        self.exercised |= own.is_some() || walk.told.iter().any(|(other, _)| *other != preference);
        if let Some(own) = own.filter(|own| *own <= preference) {
            let why = format!(
                "{} is an exchanger of {} itself, of preference {own}, and dialled {} of preference {preference}",
                name(*client),
                self.setup.domain_name(walk.next_hop),
                name(*server),
            );
            return Err(violation("R5321-5.1-e", why));
        }
        let mut better = walk.eligible(*client).filter(|(other, _)| *other < preference);
        let is_skipped = |host| !walk.is_without_address(host) && !walk.tried_hosts().any(|tried| tried == host);
        match better.find(|(_, host)| is_skipped(*host)) {
            None => Ok(()),
            Some((other, skipped)) => {
                let why = format!(
                    "{} dialled {} of preference {preference} for {} before {} of preference {other}",
                    name(*client),
                    name(*server),
                    self.setup.domain_name(walk.next_hop),
                    name(skipped),
                );
                Err(violation("R5321-5.1-c", why))
            }
        }
    }

    /// A session that is used again was the client's choice at another time.
    fn judge_addresses(&mut self, trial: &Trial) -> Result<(), Violation> {
        let Trial {
            server,
            address,
            before: walk,
            ..
        } = trial;
        if !walk.is_certain || trial.is_reuse || trial.addresses < 2 {
            return Ok(());
        }
        self.exercised = true;
        if walk.has_tried((*server, *address)) {
            return Ok(());
        }
        let dialled = || {
            format!(
                "{} dialled address {} of {}",
                self.setup.host_name(trial.client),
                address + 1,
                self.setup.host_name(*server)
            )
        };
        if let Some(skipped) = (0..*address).find(|earlier| !walk.has_tried((*server, *earlier))) {
            let why = format!("{} before address {}", dialled(), skipped + 1);
            return Err(violation("R5321-5.1-d", why));
        }
        let preference = walk.preference(*server);
        let is_worse = |host: &HostId| walk.preference(*host) > preference;
        match walk.tried_hosts().find(is_worse).filter(|_| preference.is_some()) {
            Some(worse) => {
                let why = format!("{} after {}, which is worse", dialled(), self.setup.host_name(worse));
                Err(violation("R5321-5.1-d", why))
            }
            None => Ok(()),
        }
    }
}

#[cfg(test)]
mod tests {
    use postern_model::scenario::Level;

    use super::super::story::{Found, MX1, MX2, OUT, Story, setup};
    use super::*;

    fn judged(story: Story) -> Found {
        story.judged_by(ExchangerOrder::new(setup(Level::May)))
    }

    fn told(exchangers: &[(u16, HostId)]) -> Story {
        Story::new().mail_is_tried().told(exchangers)
    }

    #[test]
    fn the_order_of_preference_is_kept() {
        let told = told(&[(20, MX2), (10, MX1)]);
        assert_eq!(judged(told.clone().dials(MX1).closes().dials(MX2)), Found::Holds);
        assert_eq!(judged(told.clone().dials(MX1).closes().dials(MX1)), Found::Holds);
        assert_eq!(judged(told.dials(MX2)), Found::Violated("R5321-5.1-c"));
    }

    #[test]
    fn the_addresses_of_an_exchanger_come_in_order_and_before_the_next() {
        let two = || told(&[(10, MX1), (20, MX2)]).has_addresses(MX1, 2);
        let first = || two().dials_at(MX1, 0).closes();
        let both = || first().dials_at(MX1, 1).closes();
        assert_eq!(judged(both().dials(MX2)), Found::Holds);
        assert_eq!(judged(first().dials_at(MX1, 0).closes().dials_at(MX1, 1)), Found::Holds);
        assert_eq!(judged(two().dials_at(MX1, 1)), Found::Violated("R5321-5.1-d"));
        let back = first().dials(MX2).closes().dials_at(MX1, 1);
        assert_eq!(judged(back), Found::Violated("R5321-5.1-d"));
    }

    #[test]
    fn a_client_may_limit_how_many_addresses_it_tries() {
        let two = told(&[(10, MX1), (20, MX2)]).has_addresses(MX1, 2);
        assert_eq!(judged(two.dials_at(MX1, 0).closes().dials(MX2)), Found::Holds);
    }

    #[test]
    fn each_attempt_begins_with_the_first_address() {
        let second = told(&[(10, MX1)])
            .has_addresses(MX1, 2)
            .dials_at(MX1, 0)
            .closes()
            .deferred()
            .tried_again()
            .told(&[(10, MX1)]);
        assert_eq!(judged(second.clone().dials_at(MX1, 0)), Found::Holds);
        assert_eq!(judged(second.dials_at(MX1, 1)), Found::Violated("R5321-5.1-d"));
    }

    #[test]
    fn equals_come_in_any_order() {
        let told = told(&[(10, MX2), (10, MX1)]);
        assert_eq!(judged(told.dials(MX2).closes().dials(MX1)), Found::NotExercised);
    }

    #[test]
    fn an_exchanger_without_an_address_cannot_be_dialled() {
        let story = told(&[(20, MX2), (10, MX1)]).sees(Observation::NoAddress {
            host: OUT,
            exchanger: MX1,
        });
        assert_eq!(judged(story.dials(MX2)), Found::Holds);
    }

    #[test]
    fn each_attempt_begins_with_the_best() {
        let second = told(&[(20, MX2), (10, MX1)])
            .dials(MX1)
            .closes()
            .deferred()
            .tried_again()
            .told(&[(20, MX2), (10, MX1)]);
        assert_eq!(judged(second.clone().dials(MX1)), Found::Holds);
        assert_eq!(judged(second.dials(MX2)), Found::Violated("R5321-5.1-c"));
    }

    #[test]
    fn an_exchanger_that_is_no_better_than_the_client_is_never_dialled() {
        let told = told(&[(20, OUT), (10, MX1), (20, MX2)]);
        let tried = told.clone().dials(MX1).closes();
        assert_eq!(judged(tried.clone()), Found::Holds);
        assert_eq!(judged(tried.clone().dials(OUT)), Found::Violated("R5321-5.1-e"));
        assert_eq!(judged(tried.dials(MX2)), Found::Violated("R5321-5.1-e"));
    }

    #[test]
    fn a_dial_that_may_be_for_another_message_accuses_nobody() {
        let other = Story::new().mail_is_tried().other_mail_is_tried();
        let told = other.told(&[(20, MX2), (10, MX1)]);
        assert_eq!(judged(told.dials(MX2)), Found::NotExercised);
    }

    #[test]
    fn a_session_that_is_used_again_counts_as_tried() {
        let reused = Story::new()
            .mail_is_tried()
            .dials(MX1)
            .ehlo(false)
            .transaction(false)
            .sent()
            .mail_is_tried()
            .told(&[(20, MX2), (10, MX1)])
            .mail(false, 451)
            .closes();
        assert_eq!(judged(reused.dials(MX2)), Found::Holds);
    }
}
