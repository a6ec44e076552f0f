//! `postern matrix`: every implementation against every property.

mod json;
mod text;

use std::fs;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::Ordering;

use clap::Args;
use mailpostern::campaign::Campaign;
use mailpostern::matrix::{self, MATRIX_FOLDER, Matrix, Plan, Progress};
use mailpostern::page;
use mailpostern::subjects::{Outcome as Fared, Subject};

use super::arguments::{self, CampaignCrypto};
use super::outcome::{CommandError, Outcome, Status};
use super::page_file::PageFile;
use super::progress::ProgressLine;
use super::stop;

#[derive(Debug, Args)]
pub(super) struct Arguments {
    /// How many worlds each subject is run through
    #[arg(long, value_name = "N", value_parser = arguments::worlds, allow_negative_numbers = true, default_value = "500")]
    worlds: u64,
    /// The first seed, decimal or 0x hexadecimal
    #[arg(long, value_name = "SEED", value_parser = arguments::seed, allow_negative_numbers = true, default_value = "1")]
    from: u64,
    /// How many threads to use [default: all]
    #[arg(long, value_name = "J", value_parser = arguments::jobs, allow_negative_numbers = true)]
    jobs: Option<usize>,
    /// Only this subject; may be given several times [default: all]
    #[arg(long = "subject", value_name = "NAME", value_parser = subject)]
    subjects: Vec<Subject>,
    /// The tier of cryptography
    #[arg(long, value_enum, default_value_t)]
    crypto: CampaignCrypto,
    /// Where the scenarios of what is violated are written
    #[arg(long, value_name = "FOLDER", default_value = MATRIX_FOLDER)]
    out: PathBuf,
    /// Write a page that stands alone, with a diagram of each violation
    #[arg(long, value_name = "FILE")]
    html: Option<PathBuf>,
}

/// Makes the matrix.
///
/// # Errors
/// When interrupts cannot be caught, or the page or the scenarios cannot be written where they are wanted.
pub(super) fn run(arguments: &Arguments, with_progress: bool) -> Result<Outcome, CommandError> {
    let page_file = arguments.html.as_deref().map(PageFile::claim).transpose()?;
    make_folder(&arguments.out)?;
    let stop = stop::on_interrupt()?;
    let plan = Plan {
        subjects: arguments.subjects(),
        from: arguments.from,
        worlds: arguments.worlds,
        jobs: arguments.jobs.unwrap_or_else(|| Campaign::default().jobs),
        crypto: arguments.crypto.into(),
        folder: arguments.out.clone(),
        stop: Arc::clone(&stop),
    };
    let matrix = made(&plan, with_progress);
    let page = page_file.map(|file| file.write(&page::matrix(&plan, &matrix)));
    let interrupted = stop.load(Ordering::Relaxed);
    let is_lost = matches!(page, Some(Err(_)));
    Ok(Outcome {
        status: status(&matrix, interrupted, is_lost),
        text: text::text(&plan, &matrix, page.as_ref()),
        json: json::json(&plan, &matrix, interrupted, page.as_ref()),
        last_line: last_line(&plan, &matrix, interrupted, page.as_ref()),
    })
}

/// What became of the page, where one was asked for.
type Page<'a> = Option<&'a Result<PathBuf, String>>;

impl Arguments {
    /// Those that were named, each once, in the order of reports.
    fn subjects(&self) -> Vec<Subject> {
        let is_asked_for = |subject: &Subject| self.subjects.is_empty() || self.subjects.contains(subject);
        Subject::all().filter(is_asked_for).collect()
    }
}

fn subject(name: &str) -> Result<Subject, String> {
    Subject::named(name).ok_or_else(|| {
        let known: Vec<&str> = Subject::all().map(Subject::name).collect();
        format!("no subject is called so: write one of {}", known.join(", "))
    })
}

fn make_folder(folder: &Path) -> Result<(), CommandError> {
    fs::create_dir_all(folder).map_err(|error| CommandError::Unwritable {
        file: folder.display().to_string(),
        why: error.to_string(),
    })
}

fn made(plan: &Plan, with_progress: bool) -> Matrix {
    let subjects = u64::try_from(plan.subjects.len()).unwrap_or(u64::MAX);
    let total = plan.worlds.saturating_mul(subjects);
    let line = ProgressLine::new("worlds", Some(total), with_progress);
    matrix::matrix(plan, |now| match now {
        Progress::Worlds(worlds) => line.show(worlds, String::new),
        Progress::Findings(done, of) => line.show(total, || format!(", {done} of {of} findings made small")),
    })
}

/// What subjects break that nobody here wrote is what the matrix is there to tell: it is no failure.
fn status(matrix: &Matrix, interrupted: bool, is_page_lost: bool) -> Status {
    let failed = matrix.rows.iter().any(|row| row.failed > 0);
    let is_unproven = matrix
        .violations()
        .any(|(_, violation)| violation.evidence.lacks().is_some());
    let own = matrix.rows.iter().filter(|row| row.subject == Subject::Own);
    let is_own_violated = own.clone().any(|row| row.count(Fared::Violated) > 0);
    let is_empty = interrupted && matrix.rows.iter().all(|row| row.worlds == 0);
    if is_own_violated {
        Status::Violated
    } else if failed || is_unproven || is_page_lost || is_empty {
        Status::TestbedFailed
    } else {
        Status::Holds
    }
}

fn last_line(plan: &Plan, matrix: &Matrix, interrupted: bool, page: Page<'_>) -> String {
    let begun = if interrupted { "Interrupted. " } else { "" };
    if let Some(Err(why)) = page {
        return format!("{begun}The matrix stands above, but {why}.");
    }
    let failed: u64 = matrix.rows.iter().map(|row| row.failed).sum();
    if failed > 0 {
        return format!("{begun}The testbed failed on {failed} worlds, which say nothing about anybody.");
    }
    let own = matrix.violations().find(|(subject, _)| *subject == Subject::Own);
    if let Some((_, violation)) = own {
        let begin = violation
            .evidence
            .replay()
            .map(|replay| format!(": begin with `{replay}`"));
        return format!(
            "{begun}Postern itself violates {}{}.",
            violation.property,
            begin.unwrap_or_default()
        );
    }
    let (subjects, worlds) = (matrix.rows.len(), plan.worlds);
    let cells: usize = matrix.rows.iter().map(|row| row.count(Fared::Violated)).sum();
    let unproven = matrix
        .violations()
        .filter(|(_, violation)| violation.evidence.lacks().is_some());
    let unproven = unproven.count();
    if unproven > 0 {
        return format!("{begun}{unproven} of the rules that were violated cannot be shown again: they stand above.");
    }
    let first = matrix
        .violations()
        .find_map(|(_, violation)| violation.evidence.replay());
    let next = match (page, first) {
        (Some(Ok(page)), _) => format!("open {}", page.display()),
        (_, Some(replay)) => format!("begin with `{replay}`"),
        _ => "go on with more worlds".to_owned(),
    };
    let cells = match cells {
        0 => "Nothing is violated".to_owned(),
        1 => "1 cell is violated".to_owned(),
        cells => format!("{cells} cells are violated"),
    };
    let subjects = if subjects == 1 {
        "1 subject".to_owned()
    } else {
        format!("{subjects} subjects")
    };
    format!("{begun}{cells}, of {subjects} in {worlds} worlds each: {next}.")
}
