//! Which of two exchangers of equal preference came first, attempt by attempt: a part of P15.

use std::collections::BTreeMap;

use postern_model::monitor::Violation;
use postern_model::observation::{DomainId, HostId};

use super::violation;
use super::walks::{Trial, Walks};
use crate::setup::Setup;

/// So many attempts in one order, with none in the other, convict.
///
/// A client that draws lots (RFC 5321 §5.1: “MUST randomize them to spread the load”) puts two equals into one order so often
/// with a chance of 2 × 2^-40, whichever order that is; and a pair is judged once in a run, at its first attempts. If each of
/// 50,000 worlds had ten such pairs, less than one campaign in a million would accuse a client wrongly: 500,000 × 2^-39 is
/// below 10^-6.
const ALWAYS: u8 = 40;

/// Follows, for each client and each two exchangers of equal preference of one next hop, which of them it dials first.
///
/// An attempt counts if the client tried nothing else when it began: then neither the limit of sessions nor another message's
/// dials can hide the order. Whatever else may hide it settles the pair for good, because it may hide one order and not the
/// other: a session that was kept, another attempt that began before the dial, an exchanger that was found to have no
/// address. So the order that is counted comes up by chance alone.
#[derive(Debug, Clone, Default, PartialEq, Eq, Hash)]
pub(super) struct EqualExchangers {
    pairs: BTreeMap<(HostId, DomainId, [HostId; 2]), Order>,
}

/// What is known of the order in which a client takes two equals.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
enum Order {
    /// This one came first so many times, up to [`ALWAYS`], and the other never.
    First(HostId, u8),
    /// Either came first, or it can no longer be told.
    Settled,
}

impl EqualExchangers {
    /// Takes the next dial. Whether it showed of some pair that either comes first is returned.
    pub(super) fn judge(&mut self, setup: &Setup, walks: &Walks, trial: &Trial) -> Result<bool, Violation> {
        let Trial {
            client,
            server,
            before: walk,
            ..
        } = trial;
        let is_tried = |host| walk.tried_hosts().any(|tried| tried == host);
        if !walk.began_alone || is_tried(*server) {
            return Ok(false);
        }
        let Some(preference) = walk.preference(*server) else {
            return Ok(false);
        };
        let mut exercised = false;
        let equals = walk.eligible(*client).filter(|(other, _)| *other == preference);
        for (_, other) in equals.filter(|(_, host)| host != server && !is_tried(*host)) {
            let is_sure = walk.is_certain
                && !trial.is_reuse
                && !walk.is_without_address(other)
                && walks.is_alone(*client, trial.message);
            let pair = [*server.min(&other), *server.max(&other)];
            let order = self
                .pairs
                .entry((*client, walk.next_hop, pair))
                .or_insert(Order::First(*server, 0));
            *order = match *order {
                Order::First(first, times) if is_sure && first == *server => {
                    Order::First(first, times.saturating_add(1).min(ALWAYS))
                }
                Order::First(..) => {
                    exercised |= is_sure;
                    Order::Settled
                }
                Order::Settled => Order::Settled,
            };
            if *order == Order::First(*server, ALWAYS) {
                let name = |host| setup.host_name(host);
                let why = format!(
                    "{} dialled {} before {} for {} in each of {ALWAYS} attempts, although both are of preference {preference}",
                    name(*client),
                    name(*server),
                    name(other),
                    setup.domain_name(walk.next_hop),
                );
                return Err(violation("R5321-5.1-c", why));
            }
        }
        Ok(exercised)
    }
}

#[cfg(test)]
mod tests {
    use postern_model::monitor::Monitor;
    use postern_model::observation::Observation;
    use postern_model::scenario::Level;

    use super::super::ExchangerOrder;
    use super::super::story::{Found, MX1, MX2, OUT, Story, setup};
    use super::*;

    const EQUALS: [(u16, HostId); 2] = [(10, MX1), (10, MX2)];

    fn monitor() -> impl Monitor {
        ExchangerOrder::new(setup(Level::May))
    }

    fn judged(story: Story) -> Found {
        story.judged_by(monitor())
    }

    fn queued() -> Story {
        Story::new().mail_is_queued_at(OUT)
    }

    /// An attempt that fails at both.
    fn attempt(story: Story, [first, second]: [HostId; 2]) -> Story {
        let dialled = story.tried_again().told(&EQUALS).dials(first).closes().dials(second);
        dialled.closes().deferred()
    }

    fn attempts(story: Story, count: u8, order: [HostId; 2]) -> Story {
        (0..count).fold(story, |story, _| attempt(story, order))
    }

    #[test]
    fn always_the_same_order_is_convicted() {
        for order in [[MX1, MX2], [MX2, MX1]] {
            let few = || attempts(queued(), ALWAYS - 1, order);
            assert_eq!(judged(few()), Found::NotExercised);
            assert_eq!(judged(attempt(few(), order)), Found::Violated("R5321-5.1-c"));
        }
    }

    #[test]
    fn an_order_that_changes_is_not() {
        let by_turns = (0..ALWAYS).fold(queued(), |story, _| attempt(attempt(story, [MX1, MX2]), [MX2, MX1]));
        assert_eq!(judged(by_turns), Found::Holds);
        let once = attempt(attempts(queued(), ALWAYS - 1, [MX1, MX2]), [MX2, MX1]);
        assert_eq!(judged(attempts(once, u8::MAX, [MX1, MX2])), Found::Holds);
    }

    #[test]
    fn other_preferences_have_one_order() {
        let unequal = (0..=ALWAYS).fold(queued(), |story, _| {
            let told = story.tried_again().told(&[(10, MX1), (20, MX2)]);
            told.dials(MX1).closes().dials(MX2).closes().deferred()
        });
        assert_eq!(judged(unequal), Found::Holds);
    }

    #[test]
    fn an_attempt_beside_another_does_not_count() {
        let crowded = Story::new().mail_is_queued_at(OUT).other_mail_is_tried();
        let crowded = attempts(crowded, u8::MAX, [MX1, MX2]);
        assert_eq!(judged(crowded), Found::NotExercised);
    }

    #[test]
    fn what_may_hide_an_order_settles_the_pair() {
        let no_address = Observation::NoAddress {
            host: OUT,
            exchanger: MX1,
        };
        let hidden = queued().tried_again().told(&EQUALS).sees(no_address);
        let hidden = hidden.dials(MX2).closes().deferred();
        assert_eq!(judged(attempts(hidden, u8::MAX, [MX2, MX1])), Found::NotExercised);
        let joined = queued().tried_again().told(&EQUALS).other_mail_is_tried();
        let joined = joined.dials(MX2).closes().deferred();
        let alone = joined.sees(Observation::Deferred {
            host: OUT,
            message: super::super::story::OTHER,
        });
        assert_eq!(judged(attempts(alone, u8::MAX, [MX2, MX1])), Found::NotExercised);
        let kept = Story::new()
            .mail_is_tried()
            .dials(MX2)
            .ehlo(false)
            .transaction(false)
            .sent();
        let reused = kept.mail_is_tried().told(&EQUALS).mail(false, 451).closes().deferred();
        assert_eq!(judged(attempts(reused, u8::MAX, [MX2, MX1])), Found::NotExercised);
    }
}
