//! The matrix: every implementation against every property.
//!
//! All subjects are run through the worlds of the same seeds. The first world that breaks a rule is made small, written to a
//! file, and read back from there: what stands in the matrix as violated can be seen again by whoever has the file, or else
//! the matrix says that it cannot. It depends on the seeds alone.

mod evidence;

use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::AtomicBool;

use crate::campaign::{Campaign, CryptoChoice, survey};
use crate::rules::Property;
use crate::subjects::{Cell, Finding, Outcome, Subject, cells};

pub use evidence::{Evidence, Exhibit};

/// Where the scenarios of the matrix are kept.
pub const MATRIX_FOLDER: &str = "target/postern/matrix";

/// What the matrix is made of.
#[derive(Debug, Clone)]
pub struct Plan {
    /// The subjects, in the order of the columns.
    pub subjects: Vec<Subject>,
    /// The first seed.
    pub from: u64,
    /// How many worlds each subject is run through.
    pub worlds: u64,
    /// How many threads share the worlds, at least 1.
    pub jobs: usize,
    /// The tiers of cryptography.
    pub crypto: CryptoChoice,
    /// Where the scenarios of findings are written.
    pub folder: PathBuf,
    /// Set from outside to begin no further world.
    pub stop: Arc<AtomicBool>,
}

/// How far the matrix has come.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Progress {
    /// So many worlds are over, of all subjects together.
    Worlds(u64),
    /// So many findings of so many are made small.
    Findings(usize, usize),
}

/// What became of every subject.
#[derive(Debug, Clone, PartialEq)]
pub struct Matrix {
    /// One for each subject, in order.
    pub rows: Vec<Row>,
}

/// What became of one subject.
#[derive(Debug, Clone, PartialEq)]
pub struct Row {
    /// The subject.
    pub subject: Subject,
    /// How many worlds were run and judged.
    pub worlds: u64,
    /// How many SMTP connections stood in them.
    pub sessions: u64,
    /// Every byte on the wire and every event of all its worlds in one number.
    pub fingerprint: u128,
    /// How many worlds the testbed failed on: they say nothing about anybody.
    pub failed: u64,
    /// The first of them, and what failed.
    pub first_failure: Option<(u64, String)>,
    /// Every property, in order.
    pub cells: Vec<Cell>,
    /// What there is to show for the findings in the cells, in their order.
    pub violations: Vec<Violation>,
}

/// A rule that a subject broke.
#[derive(Debug, Clone, PartialEq)]
pub struct Violation {
    /// The property.
    pub property: Property,
    /// The rule, and the first world that broke it.
    pub finding: Finding,
    /// What there is to show for it.
    pub evidence: Evidence,
}

impl Violation {
    /// What went wrong, in one sentence: in the world that was made small, if there is one.
    pub fn why(&self) -> &str {
        self.evidence
            .exhibit()
            .map_or(&self.finding.why, |exhibit| &exhibit.why)
    }
}

impl Row {
    /// The violations of one property.
    pub fn violations_of(&self, property: Property) -> impl Iterator<Item = &Violation> {
        self.violations
            .iter()
            .filter(move |violation| violation.property == property)
    }

    /// How many cells came out so.
    pub fn count(&self, outcome: Outcome) -> usize {
        self.cells.iter().filter(|cell| cell.outcome == outcome).count()
    }
}

impl Matrix {
    /// Every violation, with whose it is.
    pub fn violations(&self) -> impl Iterator<Item = (Subject, &Violation)> {
        self.rows.iter().flat_map(|row| {
            let violations = row.violations.iter();
            violations.map(|violation| (row.subject, violation))
        })
    }
}

/// Runs every subject through its worlds, and pursues what is found. `on_progress` is called on this thread.
pub fn matrix(plan: &Plan, mut on_progress: impl FnMut(Progress)) -> Matrix {
    let mut before: u64 = 0;
    let mut rows: Vec<Row> = Vec::new();
    for subject in &plan.subjects {
        rows.push(row(plan, *subject, |worlds| {
            on_progress(Progress::Worlds(before.saturating_add(worlds)));
        }));
        before = before.saturating_add(plan.worlds);
    }
    let found: Vec<_> = rows
        .iter()
        .enumerate()
        .flat_map(|(place, row)| {
            let findings = row.cells.iter().flat_map(|cell| {
                let of_cell = cell.findings.iter();
                of_cell.map(|finding| (cell.property, finding.clone()))
            });
            findings.map(move |(property, finding)| (place, property, finding))
        })
        .collect();
    let pursue = |(place, property, finding): &(usize, Property, Finding)| {
        Evidence::of(&plan.campaign(rows[*place].subject), *property, finding)
    };
    let evidence = evidence::for_each(&found, plan.jobs, pursue, |done| {
        on_progress(Progress::Findings(done, found.len()));
    });
    for ((place, property, finding), evidence) in found.into_iter().zip(evidence) {
        rows[place].violations.push(Violation {
            property,
            finding,
            evidence,
        });
    }
    Matrix { rows }
}

impl Plan {
    fn campaign(&self, subject: Subject) -> Campaign {
        Campaign {
            client: subject.client(),
            server: subject.server(),
            from: self.from,
            seeds: self.worlds,
            jobs: self.jobs,
            crypto: self.crypto,
            found_folder: self.folder.clone(),
            stop: Arc::clone(&self.stop),
            ..Campaign::default()
        }
    }
}

fn row(plan: &Plan, subject: Subject, mut on_worlds: impl FnMut(u64)) -> Row {
    let survey = survey(&plan.campaign(subject), |now| on_worlds(now.worlds));
    Row {
        subject,
        worlds: survey.worlds,
        sessions: survey.sessions,
        fingerprint: survey.fingerprint,
        failed: survey.failed,
        first_failure: survey.first_failure,
        cells: cells(survey.properties, subject),
        violations: Vec::new(),
    }
}
