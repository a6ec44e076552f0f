//! `postern explore --suite model`: the scenarios that the formal model makes.

use std::fmt::Write;
use std::fs;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, Ordering};

use clap::ValueEnum;
use mailpostern::campaign::FOUND_FOLDER;
use mailpostern::suite::{Played, Suite};
use serde_json::json;

use super::outcome::{CommandError, Outcome, Status};
use super::progress::ProgressLine;

/// A suite of scenarios that are made, not drawn.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(super) enum SuiteName {
    /// Every decision of the delivery machine that the formal model comes to within bounds `small`
    Model,
}

/// Plays the suite of the model.
///
/// # Errors
/// When a scenario that breaks a rule cannot be written to a file.
pub(super) fn run(jobs: usize, stop: &AtomicBool, with_progress: bool) -> Result<Outcome, CommandError> {
    let suite = Suite::of_model();
    let progress = ProgressLine::new("scenarios", u64::try_from(suite.scenarios.len()).ok(), with_progress);
    let played = suite.play(jobs, |scenarios| {
        progress.show(scenarios as u64, String::new);
        !stop.load(Ordering::Relaxed)
    });
    drop(progress);
    let files = save(&suite, &played)?;
    let missing: Vec<String> = suite.missing_from(&played).map(ToString::to_string).collect();
    let text = text(&suite, &played, &missing, &files);
    Ok(Outcome {
        status: status(&played, &missing),
        json: json!({
            "suite": "model",
            "scenarios": played.scenarios,
            "sessions": played.sessions,
            "decisions": suite.decisions.len(),
            "covered": played.covered.len(),
            "beyond": played.beyond.iter().map(ToString::to_string).collect::<Vec<_>>(),
            "missing": missing,
            "violations": played.violations.iter().zip(&files).map(|((_, property, rule, why), file)| json!({
                "property": property.id(),
                "rule": rule,
                "why": why,
                "scenario": file.display().to_string(),
            })).collect::<Vec<_>>(),
            "failures": played.failures.iter().map(|(_, error)| error.to_string()).collect::<Vec<_>>(),
        }),
        last_line: last_line(&suite, &played, &missing, &files),
        text,
    })
}

/// Keeps each scenario in which something was violated.
fn save(suite: &Suite, played: &Played) -> Result<Vec<PathBuf>, CommandError> {
    let folder = Path::new(FOUND_FOLDER);
    let saved = played.violations.iter().map(|(place, ..)| {
        let file = folder.join(format!("suite-{}.toml", place + 1));
        fs::create_dir_all(folder)
            .and_then(|()| fs::write(&file, suite.scenarios[*place].print()))
            .map_err(|error| CommandError::Testbed(format!("cannot write {}: {error}", file.display())))?;
        Ok(file)
    });
    saved.collect()
}

fn status(played: &Played, missing: &[String]) -> Status {
    match (
        played.violations.is_empty(),
        played.failures.is_empty() && missing.is_empty(),
    ) {
        (false, _) => Status::Violated,
        (true, false) => Status::TestbedFailed,
        (true, true) => Status::Holds,
    }
}

fn text(suite: &Suite, played: &Played, missing: &[String], files: &[PathBuf]) -> String {
    let mut text = format!(
        "{} of {} scenarios and {} SMTP sessions on real TLS\n{} of {} decisions of the model were made\n\n",
        played.scenarios,
        suite.scenarios.len(),
        played.sessions,
        played.covered.len(),
        suite.decisions.len(),
    );
    for decision in &played.beyond {
        writeln!(text, "made beyond the model: {decision}").expect("a string takes all");
    }
    for decision in missing {
        writeln!(text, "never made: {decision}").expect("a string takes all");
    }
    for ((_, property, rule, why), file) in played.violations.iter().zip(files) {
        let (id, name, file) = (property.id(), property.name(), file.display());
        writeln!(text, "violated {id} {name}, rule {rule}\n  {why}\n  scenario  {file}\n").expect("a string takes all");
    }
    for (place, error) in &played.failures {
        let title = &suite.scenarios[*place].title;
        writeln!(text, "the testbed failed on “{title}”: {error}").expect("a string takes all");
    }
    text
}

fn last_line(suite: &Suite, played: &Played, missing: &[String], files: &[PathBuf]) -> String {
    if let Some(file) = files.first() {
        let file = file.display();
        return format!("A rule was violated: begin with `cargo run --release -- replay {file}`.");
    }
    if let Some((_, error)) = played.failures.first() {
        return format!("The testbed failed: {error}.");
    }
    if played.scenarios < suite.scenarios.len() {
        return format!("Interrupted after {} scenarios.", played.scenarios);
    }
    let decisions = suite.decisions.len();
    match missing.len() {
        0 => format!(
            "All {decisions} decisions of the model were made, and nothing was violated: go on with `postern explore`."
        ),
        some => format!("{some} of {decisions} decisions of the model were never made: they stand above."),
    }
}
