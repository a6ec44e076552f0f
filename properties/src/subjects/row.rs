//! One subject in many worlds: a row of the matrix.

use std::sync::Arc;
use std::sync::atomic::AtomicBool;

use super::{Applies, Subject};
use crate::campaign::{Campaign, CryptoChoice, Progress, Survey, Surveyed, survey};
use crate::rules::Property;

/// The worlds that a subject is run through.
#[derive(Debug, Clone)]
pub struct Trial {
    /// The implementation under test.
    pub subject: Subject,
    /// The first seed.
    pub from: u64,
    /// How many seeds.
    pub worlds: u64,
    /// How many threads share the worlds, at least 1.
    pub jobs: usize,
    /// The tiers of cryptography.
    pub crypto: CryptoChoice,
    /// Set from outside to begin no further world.
    pub stop: Arc<AtomicBool>,
}

impl Trial {
    /// The worlds of the first seeds, on two threads.
    pub fn of(subject: Subject, worlds: u64) -> Self {
        Self {
            subject,
            from: 1,
            worlds,
            jobs: 2,
            crypto: CryptoChoice::Mixed,
            stop: Arc::default(),
        }
    }
}

/// What became of each property in the worlds of a subject. It depends on the seeds alone.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Row {
    /// The implementation under test.
    pub subject: Subject,
    /// How many worlds were run and judged.
    pub worlds: u64,
    /// How many SMTP connections stood in them.
    pub sessions: u64,
    /// The sum of the fingerprints of all worlds.
    pub fingerprint: u128,
    /// Every property, in order.
    pub cells: Vec<Cell>,
    /// How many worlds the testbed failed on: they say nothing about anybody.
    pub failed: u64,
    /// The first of them, and what failed.
    pub first_failure: Option<(u64, String)>,
}

/// One property.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Cell {
    /// The property.
    pub property: Property,
    /// Whether and why it applies to the subject, and whether it judges the glue too.
    pub applies: Applies,
    /// What became of it.
    pub outcome: Outcome,
    /// In so many worlds it held.
    pub holds: u64,
    /// In so many worlds nothing put it to the test.
    pub not_exercised: u64,
    /// In so many worlds it was violated.
    pub violated: u64,
    /// The first violation of each rule.
    pub findings: Vec<Finding>,
}

impl Cell {
    /// In how many worlds it was put to the test.
    pub fn exercised(&self) -> u64 {
        self.holds + self.violated
    }
}

/// What became of a property in all worlds together.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Outcome {
    /// It held wherever it was put to the test.
    Holds,
    /// It was violated in a world at least.
    Violated,
    /// No world put it to the test.
    NotExercised,
    /// It does not apply to the subject.
    NotApplicable,
}

/// The violation of a rule.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Finding {
    /// The id of the rule.
    pub rule: &'static str,
    /// In so many worlds.
    pub worlds: u64,
    /// The lowest of their seeds.
    pub seed: u64,
    /// What went wrong in the world of that seed, in one sentence.
    pub why: String,
}

/// Runs a subject through its worlds. `on_progress` hears of every world, on the calling thread.
pub fn row(trial: &Trial, on_progress: impl FnMut(Progress)) -> Row {
    let campaign = Campaign {
        from: trial.from,
        seeds: trial.worlds,
        jobs: trial.jobs,
        crypto: trial.crypto,
        client: trial.subject.client(),
        server: trial.subject.server(),
        stop: Arc::clone(&trial.stop),
        ..Campaign::default()
    };
    let Survey {
        worlds,
        sessions,
        fingerprint,
        properties,
        failed,
        first_failure,
    } = survey(&campaign, on_progress);
    Row {
        subject: trial.subject,
        worlds,
        sessions,
        fingerprint,
        cells: cells(properties, trial.subject),
        failed,
        first_failure,
    }
}

/// What became of each property that was surveyed, where it applies.
pub(crate) fn cells(properties: Vec<Surveyed>, subject: Subject) -> Vec<Cell> {
    let cells = properties.into_iter().map(|surveyed| {
        let applies = subject.applies(surveyed.property);
        if let Applies::No(_) = applies {
            return Cell {
                property: surveyed.property,
                applies,
                outcome: Outcome::NotApplicable,
                holds: 0,
                not_exercised: 0,
                violated: 0,
                findings: Vec::new(),
            };
        }
        let findings = surveyed.rules.into_iter().map(|broken| Finding {
            rule: broken.rule,
            worlds: broken.worlds,
            seed: broken.seed,
            why: broken.why,
        });
        Cell {
            property: surveyed.property,
            applies,
            outcome: match (surveyed.holds, surveyed.violated) {
                (0, 0) => Outcome::NotExercised,
                (_, 0) => Outcome::Holds,
                (_, _) => Outcome::Violated,
            },
            holds: surveyed.holds,
            not_exercised: surveyed.not_exercised,
            violated: surveyed.violated,
            findings: findings.collect(),
        }
    });
    cells.collect()
}
