//! Relations of two runs: what one run alone cannot show.
//!
//! A relation looks at a world and at what happened in its first run, and says whether and how it applies: which second
//! world differs from the first in the one thing that it is about, and what of the two runs must then agree. Each
//! module documents what may legitimately differ.
//!
//! To add one: write a module with a function `compare(Side<'_>) -> Option<Box<dyn Comparison>>`, name it in the list
//! of `relations!` below, and name its property in the rules.

mod adversary;
mod alarms_off;
mod boundary;
mod client_tries;
mod course;
mod history;
mod lost_reply;
mod role;
mod server_tries;
mod world;

use postern_model::monitor::Verdict;
use postern_model::name::Token;
use postern_model::scenario::{Action, Scenario};
use postern_model::trace::{Event, LogEntry, Trace};

use crate::fates::MessageFate;
use crate::judge::Judgement;
use crate::rules::Property;

/// One of the two runs: of what, what happened, and what the judges of single runs say of it.
#[derive(Debug, Clone, Copy)]
pub struct Side<'a> {
    /// The world.
    pub scenario: &'a Scenario,
    /// What happened in it.
    pub trace: &'a Trace,
    /// What the judges of single runs say.
    pub judgement: &'a Judgement,
}

/// How a relation applies to a first run.
pub trait Comparison {
    /// The world of the second run. Its seed is that of the first, so whatever both worlds have in common happens alike.
    fn second(&self) -> &Scenario;

    /// Judges the two runs. Where they cannot be compared after all, because the worlds came to differ in more than
    /// the one thing, nothing was exercised. The place of a violation is that of a record of the first run.
    fn judge(&self, first: Side<'_>, second: Side<'_>) -> Verdict;
}

macro_rules! relations {
    ($($relation:ident = $module:ident $property:ident $share:literal $name:literal,)*) => {
        /// A relation of two runs.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub enum Relation {
            $(#[doc = $name] $relation,)*
        }

        impl Relation {
            /// Every relation, in the order of the properties.
            pub const ALL: &[Self] = &[$(Self::$relation,)*];

            /// What is compared, in a few words.
            pub fn name(self) -> &'static str {
                match self { $(Self::$relation => $name,)* }
            }

            /// The property that it judges, by itself or beside a monitor.
            pub fn property(self) -> Property {
                match self { $(Self::$relation => Property::$property,)* }
            }

            /// How it applies to a first run, if it does.
            ///
            /// Not to a world in which somebody lies about DNS: whether a lie is heard depends on what was cached when, and
            /// that differs between any two runs.
            pub fn compare(self, first: Side<'_>) -> Option<Box<dyn Comparison>> {
                let mut steps = first.scenario.step.iter();
                if steps.any(|step| matches!(step.action, Action::Forge { .. })) {
                    return None;
                }
                match self { $(Self::$relation => $module::compare(first),)* }
            }

            /// In how many of a thousand worlds that it applies to it is drawn.
            fn share(self) -> u64 {
                match self { $(Self::$relation => $share,)* }
            }
        }
    };
}

// The shares make up for how rarely a relation applies, so that each is exercised in at least one world of twenty while
// a world costs little more than one run and a half.
relations! {
    ClientTries = client_tries P04 720 "with a client that tries TLS and one that never does",
    ServerTries = server_tries P05 126 "with clients that use TLS and with none",
    HistoryIndependence = history P09 540 "with and without earlier sessions over TLS",
    AlarmsOff = alarms_off P10 172 "with and without alarms",
    LostReply = lost_reply P13 3600 "with and without a lost reply to the end of data",
    BoundaryNonInterference = boundary P28 1000 "with and without somebody who interferes before TLS",
    AdversaryIndifference = adversary P34 225 "with and without STARTTLS stripped everywhere",
    RoleInvariance = role P35 96 "with a host as originator and as relay",
}

impl Relation {
    /// At most one of the relations that apply to a first run: drawn by the seed, each with its share.
    pub fn draw(first: Side<'_>) -> Option<(Self, Box<dyn Comparison>)> {
        let applying = Self::ALL
            .iter()
            .filter_map(|relation| Some((*relation, relation.compare(first)?)));
        let applying: Vec<_> = applying.collect();
        let shares: Vec<_> = applying.iter().map(|(relation, _)| relation.share()).collect();
        let drawn = place(first.scenario.seed, &shares)?;
        applying.into_iter().nth(drawn)
    }
}

/// Which of these shares of a thousand a seed falls into, if any; they are scaled down where they are more than the
/// whole. By a multiplicative hash, so that the draw aliases neither with shards nor with the tiers of cryptography,
/// which take every n-th seed.
fn place(seed: u64, shares: &[u64]) -> Option<usize> {
    // 2^64 over the golden ratio: the high bits of the product depend on all bits of the seed.
    let mixed = seed.wrapping_mul(0x9E37_79B9_7F4A_7C15) >> 32;
    let mut rest = mixed % shares.iter().sum::<u64>().max(1000);
    shares.iter().position(|share| {
        let is_here = rest < *share;
        rest = rest.saturating_sub(*share);
        is_here
    })
}

/// What became of a message.
fn fate_of<'a>(judgement: &'a Judgement, message: &Token) -> Option<&'a MessageFate> {
    judgement.fates.iter().find(|fate| fate.message == *message)
}

/// The place of the last record about a message.
fn last_record_about(trace: &Trace, name: &Token) -> usize {
    let is_about = |event: &Event| match event {
        Event::Queued { message, .. } | Event::Delivered { message, .. } => message == name,
        Event::Logged { entry, .. } => match entry {
            LogEntry::Attempt { message, .. }
            | LogEntry::Sent { message, .. }
            | LogEntry::Deferred { message, .. }
            | LogEntry::Bounced { message, .. }
            | LogEntry::Held { message, .. } => message == name,
            LogEntry::Alarm { .. } => false,
        },
        _ => false,
    };
    let place = trace.records.iter().rposition(|record| is_about(&record.event));
    place.unwrap_or_default()
}

#[cfg(test)]
mod testing;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_shard_draws_each_relation_about_as_often_as_its_share() {
        for of in 1..=12 {
            for number in 0..of {
                let drawn = (0..2000).filter_map(|world| place(number + world * of, &[200, 300]));
                let (first, second): (Vec<_>, Vec<_>) = drawn.partition(|place| *place == 0);
                let numbers = (first.len(), second.len());
                assert!(
                    (320..=480).contains(&numbers.0) && (500..=700).contains(&numbers.1),
                    "{numbers:?} of 2000 in shard {number} of {of}"
                );
            }
        }
    }

    #[test]
    fn shares_of_more_than_the_whole_are_scaled_down() {
        let drawn: Vec<_> = (0..3000).map(|seed| place(seed, &[1000, 2000])).collect();
        let of_first = drawn.iter().filter(|place| **place == Some(0)).count();
        assert!((900..=1100).contains(&of_first), "{of_first}");
        assert!(drawn.iter().all(Option::is_some));
    }

    #[test]
    fn every_relation_judges_a_rule_and_has_a_name_of_its_own() {
        for relation in Relation::ALL {
            assert!(!relation.property().rules().is_empty());
            let same_name = Relation::ALL.iter().filter(|other| other.name() == relation.name());
            assert_eq!(same_name.count(), 1);
        }
    }
}
