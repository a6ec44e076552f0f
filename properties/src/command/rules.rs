//! `postern rules`: the rules, and what puts each of them to the test.

use std::fmt::Write;
use std::path::PathBuf;

use clap::Args;
use mailpostern::campaign::Campaign;
use mailpostern::catalogue;
use mailpostern::coverage::{Coverage, RuleCoverage, measure, text};
use mailpostern::readings::{CONFLICTS, Conflict};
use mailpostern::rules::{Property, Rule, rules};
use mailpostern::table::{Column, table};
use serde_json::{Value, json};

use super::arguments;
use super::outcome::{CommandError, Outcome, Status};
use super::progress::ProgressLine;

#[derive(Debug, Args)]
pub(super) struct Arguments {
    /// Only say what the rules are, and measure nothing
    #[arg(long)]
    list: bool,
    /// The folder of the named scenarios
    #[arg(long, value_name = "FOLDER", default_value = "properties/scenarios")]
    scenarios: PathBuf,
    /// How many threads to use [default: all]
    #[arg(long, value_name = "J", value_parser = arguments::jobs, allow_negative_numbers = true)]
    jobs: Option<usize>,
}

/// Measures the coverage of the rules.
///
/// # Errors
/// When the scenarios cannot be read, or the testbed fails on a world.
pub(super) fn run(arguments: &Arguments, with_progress: bool) -> Result<Outcome, CommandError> {
    if arguments.list {
        return Ok(list());
    }
    let catalogue = catalogue::read(&arguments.scenarios)?;
    let jobs = arguments.jobs.unwrap_or_else(|| Campaign::default().jobs);
    let mut progress = None;
    let coverage = measure(&catalogue, jobs, |done, of| {
        let line = progress.get_or_insert_with(|| ProgressLine::new("pieces", u64::try_from(of).ok(), with_progress));
        line.show(u64::try_from(done).unwrap_or(u64::MAX), String::new);
    });
    drop(progress);
    let coverage = coverage.map_err(|error| CommandError::Testbed(error.to_string()))?;
    let problems = coverage.problems();
    let mut text = text(&coverage) + "\n";
    for problem in &problems {
        writeln!(text, "not covered: {problem}").expect("a string takes all");
    }
    Ok(Outcome {
        status: if problems.is_empty() {
            Status::Holds
        } else {
            Status::TestbedFailed
        },
        text,
        json: json!({
            "rules": coverage.rules.iter().map(json_of).collect::<Vec<_>>(),
            "problems": problems,
        }),
        last_line: last_line(&coverage, &problems),
    })
}

fn list() -> Outcome {
    let columns = [
        Column::Text("rule"),
        Column::Text("source"),
        Column::Text("strength"),
        Column::Text("binds"),
        Column::Text("what it says"),
    ];
    let rows = rules().map(|rule| {
        let source = format!("{}, {}", rule.source, rule.section);
        let words = [
            rule.id,
            &source,
            &rule.strength.to_string(),
            &rule.binds.to_string(),
            rule.text,
        ];
        words.map(str::to_owned).to_vec()
    });
    Outcome {
        status: Status::Holds,
        text: table(&columns, rows) + "\n" + &conflicts(),
        json: json!({
            "rules": rules().map(about).collect::<Vec<_>>(),
            "conflicts": CONFLICTS.iter().map(|conflict| json!({
                "about": conflict.about,
                "thread": conflict.thread,
                "rfc3207": conflict.rfc3207,
                "properties": conflict.properties,
            })).collect::<Vec<_>>(),
        }),
        last_line: format!(
            "{} rules: measure what puts each to the test with `postern rules`.",
            rules().count()
        ),
    }
}

/// Where the thread and RFC 3207 differ.
fn conflicts() -> String {
    let mut text = String::from("Where the thread and RFC 3207 differ, `--reading` says whose word counts:\n");
    for conflict in CONFLICTS {
        let Conflict {
            about, thread, rfc3207, ..
        } = conflict;
        let properties = conflict.properties.join(", ");
        write!(
            text,
            "\n{about} ({properties})\n  thread    {thread}\n  RFC 3207  {rfc3207}\n"
        )
        .expect("a string takes all");
    }
    text + "\n"
}

fn about(rule: &'static Rule) -> Value {
    json!({
        "id": rule.id,
        "source": rule.source.to_string(),
        "section": rule.section,
        "strength": rule.strength.to_string(),
        "binds": rule.binds.to_string(),
        "text": rule.text,
    })
}

fn json_of(covered: &RuleCoverage) -> Value {
    let mut value = about(covered.rule);
    let properties = covered.properties.iter().copied().map(Property::id);
    value["properties"] = properties.collect();
    value["exercised"] = covered.exercised.into();
    value["mutants"] = covered.mutants.iter().map(|mutant| mutant.name()).collect();
    value["scenarios"] = covered.scenarios.iter().cloned().collect();
    value["excused"] = covered.excuse.into();
    value
}

fn last_line(coverage: &Coverage, problems: &[String]) -> String {
    let rules = coverage.rules.len();
    let excused = coverage.rules.iter().filter(|covered| covered.excuse.is_some()).count();
    match problems {
        [] => format!("All {rules} rules are put to the test, but for {excused} that are excused."),
        [first, ..] => format!(
            "{} of {rules} rules or their mutants are not covered ({first}): see docs/adding.md for what to add.",
            problems.len()
        ),
    }
}
