//! `postern mutants`: every mutant against the rule that it breaks.

use std::sync::atomic::Ordering;
use std::time::Duration;

use clap::Args;
use mailpostern::campaign::{self, Campaign, MutantResult};
use mailpostern::generate::Profile;
use postern_model::mutant::Mutant;
use postern_sim::Client;
use serde_json::json;

use super::arguments::{self, CampaignCrypto};
use super::outcome::{CommandError, Outcome, Status};
use super::progress::ProgressLine;
use super::stop;
use super::table::{Column, table};

/// How many worlds a mutant may survive before it counts as not found.
const WORLDS_DEFAULT: u64 = 2000;

#[derive(Debug, Args)]
pub(super) struct Arguments {
    /// Only name the mutants
    #[arg(long)]
    list: bool,
    /// How many worlds to run for each mutant at most [default: 2000]
    #[arg(long, value_name = "N", value_parser = arguments::worlds, allow_negative_numbers = true)]
    seeds: Option<u64>,
    /// The first seed, decimal or 0x hexadecimal
    #[arg(long, value_name = "SEED", value_parser = arguments::seed, allow_negative_numbers = true, default_value = "0")]
    from: u64,
    /// Stop after this time, such as 60s or 2h
    #[arg(long = "for", value_name = "TIME", value_parser = arguments::span, allow_hyphen_values = true)]
    limit: Option<Duration>,
    /// How many threads to use [default: all]
    #[arg(long, value_name = "J", value_parser = arguments::jobs, allow_negative_numbers = true)]
    jobs: Option<usize>,
    /// The tier of cryptography
    #[arg(long, value_enum, default_value_t)]
    crypto: CampaignCrypto,
    /// Only this mutant
    #[arg(long, value_name = "NAME")]
    mutant: Option<Mutant>,
}

/// Puts the mutants before the judges.
///
/// # Errors
/// When interrupts cannot be caught.
pub(super) fn run(arguments: &Arguments, with_progress: bool) -> Result<Outcome, CommandError> {
    if arguments.list {
        return Ok(list());
    }
    let stop = stop::on_interrupt()?;
    let campaign = Campaign {
        from: arguments.from,
        seeds: arguments.seeds.unwrap_or(WORLDS_DEFAULT),
        limit: arguments.limit,
        jobs: arguments.jobs.unwrap_or_else(arguments::all_jobs),
        crypto: arguments.crypto.into(),
        client: Client::Postern,
        mutant: arguments.mutant,
        shard: (1, 1),
        profile: Profile::default(),
        stop: stop.clone(),
    };
    let progress = ProgressLine::new(None, with_progress);
    let results = campaign::mutants(&campaign, |now| progress.show(&now));
    drop(progress);
    let interrupted = stop.load(Ordering::Relaxed);
    let survivors: Vec<&MutantResult> = results.iter().filter(|result| !is_convicted(result)).collect();
    let last_line = match (survivors.first(), interrupted) {
        (_, true) => format!("Interrupted: {} mutants were judged.", results.len()),
        (None, false) => format!(
            "All {} mutants were convicted by the rules that they break.",
            results.len()
        ),
        (Some(survivor), false) => format!(
            "{} of {} mutants were not convicted by their own rule: look for `{}` with `postern explore --mutant {}`.",
            survivors.len(),
            results.len(),
            survivor.mutant,
            survivor.mutant
        ),
    };
    Ok(Outcome {
        status: if survivors.is_empty() {
            Status::Holds
        } else {
            Status::TestbedFailed
        },
        text: text(&results),
        json: json!({ "interrupted": interrupted, "mutants": results.iter().map(json_of).collect::<Vec<_>>() }),
        last_line,
    })
}

/// A mutant must be found by the property that judges the rule which it breaks, not by another by chance.
fn is_convicted(result: &MutantResult) -> bool {
    result.killed_by == Some(result.breaks)
}

fn list() -> Outcome {
    let rows = Mutant::ALL
        .iter()
        .map(|mutant| vec![mutant.name().to_owned(), mutant.summary().trim().to_owned()]);
    let mutants = Mutant::ALL.iter();
    let mutants = mutants.map(|mutant| json!({ "name": mutant.name(), "summary": mutant.summary().trim() }));
    Outcome {
        status: Status::Holds,
        text: table(&[Column::Text("mutant"), Column::Text("what it does wrong")], rows) + "\n",
        json: json!({ "mutants": mutants.collect::<Vec<_>>() }),
        last_line: format!(
            "{} mutants: put one into a world with `postern replay SEED --mutant NAME`.",
            Mutant::ALL.len()
        ),
    }
}

fn text(results: &[MutantResult]) -> String {
    let rows = results.iter().map(|result| {
        vec![
            result.mutant.to_string(),
            result.breaks.id().to_owned(),
            result.rule.to_owned(),
            result.killed_by.map_or("nobody", |property| property.id()).to_owned(),
            result.worlds.to_string(),
            result.steps.to_string(),
            result.replay.clone().unwrap_or_default(),
        ]
    });
    let columns = [
        Column::Text("mutant"),
        Column::Text("breaks"),
        Column::Text("rule"),
        Column::Text("killed by"),
        Column::Number("worlds"),
        Column::Number("steps"),
        Column::Text("replay"),
    ];
    table(&columns, rows) + "\n"
}

fn json_of(result: &MutantResult) -> serde_json::Value {
    json!({
        "name": result.mutant.name(),
        "breaks": result.breaks.id(),
        "rule": result.rule,
        "killed_by": result.killed_by.map(|property| property.id()),
        "worlds": result.worlds,
        "events": result.steps,
        "replay": result.replay,
    })
}
