//! The price of each local policy: what became of the mail that was sent under it.

use std::collections::BTreeMap;
use std::time::Duration;

use postern_model::scenario::{Fate, Level, Scenario, Security};
use postern_model::trace::{Event, LogEntry, Trace};

use crate::judge::Judgement;

/// Mail that is delivered within this time of being handed in is not delayed.
const PROMPT: Duration = Duration::from_secs(60);

/// What became of the mail under one policy.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Price {
    /// Messages that were tried.
    pub messages: u64,
    /// Delivered in clear, somewhere on the way.
    pub clear: u64,
    /// Delivered over TLS with somebody.
    pub encrypted: u64,
    /// Delivered over TLS with the right host all the way.
    pub authenticated: u64,
    /// Given back.
    pub bounced: u64,
    /// Still in a queue when the run ended.
    pub queued: u64,
    /// Of what was delivered, the delays of more than a minute, in whole seconds, and how often each occurred.
    delays_seconds: BTreeMap<u64, u64>,
}

impl Price {
    /// Messages that were delivered more than a minute after they were handed in.
    pub fn delayed(&self) -> u64 {
        self.delays_seconds.values().sum()
    }

    /// The delay that so many of a hundred delayed messages did not exceed; none if nothing was delayed.
    pub fn delay_percentile(&self, percent: u64) -> Option<Duration> {
        let rank = (self.delayed() * percent).div_ceil(100).max(1);
        let mut counted = 0;
        let mut delays = self.delays_seconds.iter();
        let (seconds, _) = delays.find(|(_, times)| {
            counted += **times;
            counted >= rank
        })?;
        Some(Duration::from_secs(*seconds))
    }

    fn merge(&mut self, other: &Self) {
        self.messages += other.messages;
        self.clear += other.clear;
        self.encrypted += other.encrypted;
        self.authenticated += other.authenticated;
        self.bounced += other.bounced;
        self.queued += other.queued;
        for (seconds, times) in &other.delays_seconds {
            *self.delays_seconds.entry(*seconds).or_default() += times;
        }
    }
}

/// The prices of the policies.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Prices(BTreeMap<Level, Price>);

impl Prices {
    /// The prices in one run, over the messages of the scenario. A message counts for the policy of the MTA that it was
    /// handed to. Notifications are not counted, nor mail whose policy changed from one attempt to the next, nor what an
    /// impostor took: no measured profile has one.
    pub fn of(scenario: &Scenario, trace: &Trace, judgement: &Judgement) -> Self {
        let mut prices = Self::default();
        for message in &scenario.message {
            let events = trace.records.iter().map(|record| &record.event);
            let mut levels = events.filter_map(|event| match event {
                Event::Logged {
                    host,
                    entry: LogEntry::Attempt { message: of, level, .. },
                } if *of == message.name && *host == message.host => Some(*level),
                _ => None,
            });
            let mut fates = judgement.fates.iter();
            let fate = fates.find(|fate| fate.message == message.name);
            let (Some(level), Some(fate)) = (levels.next(), fate) else {
                continue;
            };
            if levels.any(|later| later != level) || fate.fate == Fate::Stolen {
                continue;
            }
            let price = prices.0.entry(level).or_default();
            price.messages += 1;
            match (fate.fate, fate.security) {
                (Fate::Bounced, _) => price.bounced += 1,
                (Fate::Queued | Fate::Stolen, _) => price.queued += 1,
                (Fate::Delivered, Some(Security::Authenticated)) => price.authenticated += 1,
                (Fate::Delivered, Some(Security::Encrypted)) => price.encrypted += 1,
                (Fate::Delivered, Some(Security::Clear) | None) => price.clear += 1,
            }
            let delay = fate.at.map(|at| at.saturating_sub(message.at));
            if let Some(delay) = delay.filter(|delay| fate.fate == Fate::Delivered && *delay > PROMPT) {
                *price.delays_seconds.entry(delay.as_secs()).or_default() += 1;
            }
        }
        prices
    }

    /// Adds the prices of another run.
    pub fn merge(&mut self, other: &Self) {
        for (level, price) in &other.0 {
            self.0.entry(*level).or_default().merge(price);
        }
    }

    /// Each policy, the weakest first, with its price.
    pub fn iter(&self) -> impl Iterator<Item = (Level, Price)> {
        let levels = [Level::None, Level::May, Level::Encrypt, Level::Secure];
        levels
            .into_iter()
            .map(|level| (level, self.0.get(&level).cloned().unwrap_or_default()))
    }
}

#[cfg(test)]
mod tests {
    use postern_model::scenario::Message;

    use super::*;
    use crate::judge::judge;
    use crate::testing::{Tape, mailbox, name, scenario, token};

    fn prices_of(level: Level, tape: Tape) -> Prices {
        let mut world = scenario(level);
        world.message.push(Message {
            name: token("m1"),
            at: Duration::ZERO,
            host: name("out.a.example"),
            from: "ann@a.example".parse().unwrap(),
            to: mailbox("bob@b.example"),
            notify: None,
            envelope_id: None,
            returns: None,
        });
        let trace = tape.trace();
        Prices::of(&world, &trace, &judge(&world, &trace))
    }

    /// m1 is delivered in clear so many seconds after it was handed in at level may.
    fn delivered_after(seconds: u64) -> Prices {
        let tape = Tape::new().queued("out.a.example").attempt(1);
        let tape = tape.after(Duration::from_secs(seconds));
        let tape = tape.dials("out.a.example", "mx1.b.example").content();
        prices_of(Level::May, tape.delivered("mx1.b.example"))
    }

    fn of(prices: &Prices, wanted: Level) -> Price {
        let mut prices = prices.iter();
        prices.find(|(level, _)| *level == wanted).unwrap().1
    }

    #[test]
    fn a_message_counts_for_the_policy_of_its_attempts() {
        let price = of(&delivered_after(1), Level::May);
        assert_eq!((price.messages, price.clear, price.delayed()), (1, 1, 0));
        assert_eq!(of(&delivered_after(1), Level::Encrypt), Price::default());
    }

    #[test]
    fn a_message_whose_policy_changed_counts_for_none() {
        let entry = LogEntry::Attempt {
            message: token("m1"),
            number: 2,
            next_hop: name("b.example"),
            level: Level::Encrypt,
        };
        let tape = Tape::new().queued("out.a.example").attempt(1);
        let prices = prices_of(Level::May, tape.logged("out.a.example", entry));
        assert!(prices.iter().all(|(_, price)| price == Price::default()));
    }

    #[test]
    fn what_is_given_back_is_neither_delivered_nor_delayed() {
        let entry = LogEntry::Bounced {
            message: token("m1"),
            why: String::new(),
        };
        let tape = Tape::new().queued("out.a.example").attempt(1);
        let tape = tape.after(Duration::from_secs(3600)).logged("out.a.example", entry);
        let price = of(&prices_of(Level::May, tape), Level::May);
        assert_eq!((price.bounced, price.clear, price.delayed()), (1, 0, 0));
    }

    #[test]
    fn delays_are_told_by_their_ranks() {
        let mut prices = Prices::default();
        for minutes in 2..=11 {
            prices.merge(&delivered_after(minutes * 60));
        }
        prices.merge(&delivered_after(5));
        let price = of(&prices, Level::May);
        assert_eq!((price.messages, price.delayed()), (11, 10));
        assert_eq!(price.delay_percentile(50), Some(Duration::from_secs(6 * 60)));
        assert_eq!(price.delay_percentile(90), Some(Duration::from_secs(10 * 60)));
        assert_eq!(Price::default().delay_percentile(50), None);
    }
}
