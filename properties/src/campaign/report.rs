//! What a campaign reports.

use std::fmt;

use postern_model::scenario::Reading;
use postern_sim::{Client, Server};

use super::finding::pursue;
use super::tally::{Tally, VerdictCounts};
use super::{Campaign, CryptoChoice, Finding, Prices, REAL_CRYPTO_EVERY, Shard, replay_command};
use crate::generate::Profile;
use crate::readings::judged_by;
use crate::relation::Relation;
use crate::rules::Property;
use crate::situations::Situation;

/// From so many worlds on a campaign must have reached every situation and exercised every property.
const ENOUGH_WORLDS: u64 = 2000;

/// Such a campaign exercises each property in at least one of so many worlds: 3 %.
const EXERCISED_ONE_IN: u64 = 33;

/// Such a campaign exercises each relation of two runs in at least one of so many worlds.
const RELATED_ONE_IN: u64 = 20;

/// The outcome of a campaign.
#[derive(Debug, Clone, PartialEq)]
pub struct Report {
    /// Worlds that were run and judged.
    pub worlds: u64,
    /// Every byte on the wire and every event of every world in one number: equal campaigns have equal fingerprints,
    /// with however many jobs and in whatever build.
    pub fingerprint: u128,
    /// Whose word counted where the thread of 2001 and RFC 3207 differ.
    pub judged_by: JudgedBy,
    /// Runs: a relation takes two for one world.
    pub runs: u64,
    /// SMTP connections that stood in all worlds.
    pub sessions: u64,
    /// Wall-clock time of the exploration, without shrinking.
    pub seconds: f64,
    /// Threads.
    pub jobs: usize,
    /// How every property fared, in the order of the catalogue.
    pub properties: Vec<PropertyCount>,
    /// How every relation of two runs fared, in the same order.
    pub relations: Vec<RelationCount>,
    /// In how many worlds each situation was reached, in the order of [`Situation::all`].
    pub situations: Vec<(Situation, u64)>,
    /// The price of each local policy.
    pub prices: Prices,
    /// The first violation of each rule.
    pub findings: Vec<Finding>,
    /// Where the testbed itself failed, by seed; the first hundred.
    pub failures: Vec<Failure>,
    /// In how many worlds the testbed failed.
    pub failed: u64,
    /// What the worlds were worth.
    pub worth: Worth,
    /// Situations that were never reached and properties that were never exercised, where there were worlds enough to
    /// expect all of them.
    pub shortfalls: Vec<String>,
}

/// How many worlds were judged by each reading where the thread of 2001 and RFC 3207 differ.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct JudgedBy {
    /// By the thread's.
    pub thread: u64,
    /// By RFC 3207's.
    pub rfc3207: u64,
}

impl JudgedBy {
    pub(super) fn count(&mut self, reading: Reading) {
        match reading {
            Reading::Thread => self.thread += 1,
            Reading::Rfc3207 => self.rfc3207 += 1,
        }
    }
}

impl fmt::Display for JudgedBy {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match (self.thread, self.rfc3207) {
            (_, 0) => formatter.write_str(judged_by(Reading::Thread)),
            (0, _) => formatter.write_str(judged_by(Reading::Rfc3207)),
            (thread, rfc3207) => write!(
                formatter,
                "where the two differ, {thread} judged by the thread of 2001 and {rfc3207} by RFC 3207, in which a server does \
                 what only that grants"
            ),
        }
    }
}

/// How a property fared over the worlds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct PropertyCount {
    /// The property.
    pub property: Property,
    /// Worlds in which it was put to the test and held.
    pub holds: u64,
    /// Worlds in which nothing put it to the test.
    pub not_exercised: u64,
    /// Worlds in which it was violated.
    pub violated: u64,
}

/// How a relation fared over the worlds that it was drawn for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct RelationCount {
    /// The relation.
    pub relation: Relation,
    /// Worlds of which the two runs agree as they must.
    pub holds: u64,
    /// Worlds of which the two runs could not be compared after all.
    pub not_exercised: u64,
    /// Worlds of which they differ.
    pub violated: u64,
}

/// In how many worlds there was much to be seen.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Worth {
    /// At least two messages and five SMTP sessions.
    pub two_messages_and_five_sessions: u64,
    /// Some message was tried to the end of its lifetime.
    pub reached_a_lifetime: u64,
    /// Run under real cryptography.
    pub real_crypto: u64,
}

/// The testbed failed: no verdict about anybody.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Failure {
    /// The seed of the world.
    pub seed: u64,
    /// What failed.
    pub what: String,
    /// The command that replays the world.
    pub replay: String,
}

impl Report {
    /// Pursues every violation of the tally and puts the numbers in order.
    pub(super) fn of(campaign: &Campaign, tally: Tally, seconds: f64) -> Self {
        let failure = |seed, what| Failure {
            seed,
            what,
            replay: replay_command(campaign, seed),
        };
        let mut findings = Vec::new();
        let mut failures: Vec<_> = tally
            .failures
            .into_iter()
            .map(|(seed, what)| failure(seed, what))
            .collect();
        let mut failed = tally.failed;
        for ((property, rule), violations) in tally.violations {
            match pursue(campaign, property, rule, violations.seed, violations.worlds) {
                Ok(finding) => findings.push(finding),
                Err(what) => {
                    failed += 1;
                    failures.push(failure(violations.seed, what));
                }
            }
        }
        let properties = Property::ALL.iter().map(|property| {
            let counts = tally.properties.get(property).copied().unwrap_or_default();
            PropertyCount {
                property: *property,
                holds: counts.holds,
                not_exercised: counts.not_exercised,
                violated: counts.violated,
            }
        });
        let relations = Relation::ALL.iter().map(|relation| {
            let counts = tally.relations.get(relation).copied().unwrap_or_default();
            let VerdictCounts {
                holds,
                not_exercised,
                violated,
            } = counts;
            RelationCount {
                relation: *relation,
                holds,
                not_exercised,
                violated,
            }
        });
        let situations = Situation::all().map(|situation| {
            let worlds = tally.situations.get(&situation).copied().unwrap_or_default();
            (situation, worlds)
        });
        let mut report = Self {
            worlds: tally.worlds,
            fingerprint: tally.fingerprint,
            judged_by: tally.judged_by,
            runs: tally.runs,
            sessions: tally.sessions,
            seconds,
            jobs: campaign.jobs,
            properties: properties.collect(),
            relations: relations.collect(),
            situations: situations.collect(),
            prices: tally.prices,
            findings,
            failures,
            failed,
            worth: tally.worth,
            shortfalls: Vec::new(),
        };
        report.shortfalls = report.find_shortfalls(campaign);
        report
    }

    /// What a campaign of this size, on correct machines of the project's own, must have met and has not.
    fn find_shortfalls(&self, campaign: &Campaign) -> Vec<String> {
        let is_typical = campaign.profile == Profile::Swarm
            && campaign.client == Client::Postern
            && campaign.server == Server::Postern
            && campaign.mutant.is_none()
            && campaign.reading.is_none();
        if self.worlds < ENOUGH_WORLDS || !is_typical {
            return Vec::new();
        }
        let idle = self
            .properties
            .iter()
            .filter(|counts| counts.holds + counts.violated == 0);
        let idle = idle.map(|counts| format!("{} was never exercised", counts.property));
        let missed = self.situations.iter().filter(|(_, worlds)| *worlds == 0);
        let missed = missed.map(|(situation, _)| format!("never reached: {}", situation.name()));
        let too_few = [
            (
                self.worth.two_messages_and_five_sessions,
                2,
                "hold two messages and five sessions",
            ),
            (self.worth.reached_a_lifetime, 4, "reach the end of a lifetime"),
        ];
        let too_few = too_few
            .into_iter()
            .filter(|(worlds, part, _)| worlds * part < self.worlds);
        let too_few = too_few.map(|(worlds, part, what)| {
            format!(
                "only {worlds} of {} worlds {what}; it should be one in {part}",
                self.worlds
            )
        });
        let rare = self.properties.iter().filter_map(|counts| {
            let exercised = counts.holds + counts.violated;
            let is_rare = (1..self.worlds.div_ceil(EXERCISED_ONE_IN)).contains(&exercised);
            is_rare.then(|| {
                format!(
                    "{} was exercised in {exercised} of {} worlds only",
                    counts.property, self.worlds
                )
            })
        });
        let unrelated = self.relations.iter().filter_map(|counts| {
            let exercised = counts.holds + counts.violated;
            (exercised * RELATED_ONE_IN < self.worlds).then(|| {
                format!(
                    "runs {} were compared in {exercised} of {} worlds only",
                    counts.relation.name(),
                    self.worlds
                )
            })
        });
        let real = self.find_missing_real_crypto(campaign);
        let rare = rare.chain(unrelated);
        idle.chain(missed).chain(too_few).chain(real).chain(rare).collect()
    }

    /// Only a whole campaign of mixed tiers promises a share of real cryptography. Its seeds need not begin and end
    /// with a share, so it may lack one world of a full share.
    fn find_missing_real_crypto(&self, campaign: &Campaign) -> Option<String> {
        let is_promised = campaign.crypto == CryptoChoice::Mixed && campaign.shard == Shard::WHOLE;
        let real = self.worth.real_crypto;
        let is_enough = real.saturating_mul(REAL_CRYPTO_EVERY) + REAL_CRYPTO_EVERY >= self.worlds;
        (is_promised && !is_enough).then(|| {
            format!(
                "only {real} of {} worlds run on real cryptography; it should be one in {REAL_CRYPTO_EVERY}",
                self.worlds
            )
        })
    }
}
