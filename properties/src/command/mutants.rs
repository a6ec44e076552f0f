//! `postern mutants`: every mutant against the rule that it breaks.

use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use clap::Args;
use mailpostern::campaign::{self, Campaign, MutantResult, replay_command};
use mailpostern::table::{Column, table};
use postern_model::mutant::Mutant;
use serde_json::{Value, json};

use super::arguments::{self, CampaignCrypto};
use super::outcome::{CommandError, Outcome, Status};
use super::progress::ProgressLine;
use super::stop;

#[derive(Debug, Args)]
pub(super) struct Arguments {
    /// Only name the mutants
    #[arg(long)]
    list: bool,
    /// How many worlds a mutant may live through [default: 2000]
    #[arg(long, value_name = "N", value_parser = arguments::worlds, allow_negative_numbers = true)]
    seeds: Option<u64>,
    /// The first seed, decimal or 0x hexadecimal
    #[arg(long, value_name = "SEED", value_parser = arguments::seed, allow_negative_numbers = true, default_value = "1")]
    from: u64,
    /// Begin no further world of a mutant after this time, such as 60s or 2h
    #[arg(long = "for", value_name = "TIME", value_parser = arguments::span, allow_hyphen_values = true)]
    limit: Option<Duration>,
    /// How many threads to use [default: all]
    #[arg(long, value_name = "J", value_parser = arguments::jobs, allow_negative_numbers = true)]
    jobs: Option<usize>,
    /// The tier of cryptography
    #[arg(long, value_enum, default_value_t)]
    crypto: CampaignCrypto,
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
    let default = Campaign::default();
    let campaign = Campaign {
        from: arguments.from,
        seeds: arguments.seeds.unwrap_or(default.seeds),
        limit: arguments.limit,
        jobs: arguments.jobs.unwrap_or(default.jobs),
        crypto: arguments.crypto.into(),
        stop: Arc::clone(&stop),
        ..default
    };
    let progress = ProgressLine::new("mutants", u64::try_from(Mutant::ALL.len()).ok(), with_progress);
    let mut done = 0;
    let results = campaign::mutants(&campaign, |result| {
        done += 1;
        progress.show(done, || format!(", {}", result.mutant));
    });
    drop(progress);
    let interrupted = stop.load(Ordering::Relaxed);
    let survivors: Vec<Mutant> = results
        .iter()
        .filter(|result| result.killed.is_none())
        .map(|result| result.mutant)
        .collect();
    Ok(Outcome {
        status: if survivors.is_empty() || interrupted {
            Status::Holds
        } else {
            Status::TestbedFailed
        },
        text: text(&results, &campaign),
        json: json!({
            "interrupted": interrupted,
            "mutants": results.iter().map(|result| json_of(result, &campaign)).collect::<Vec<_>>(),
        }),
        last_line: last_line(results.len(), &survivors, interrupted),
    })
}

fn list() -> Outcome {
    let mutants = Mutant::ALL
        .iter()
        .map(|mutant| (mutant.name(), mutant.summary().trim()));
    let rows = mutants
        .clone()
        .map(|(name, summary)| vec![name.to_owned(), summary.to_owned()]);
    let json = mutants.map(|(name, summary)| json!({ "name": name, "summary": summary }));
    Outcome {
        status: Status::Holds,
        json: json!({ "mutants": json.collect::<Vec<_>>() }),
        text: table(&[Column::Text("mutant"), Column::Text("what it does wrong")], rows) + "\n",
        last_line: format!(
            "{} mutants: put one into a world with `postern replay SEED --mutant NAME`.",
            Mutant::ALL.len()
        ),
    }
}

fn text(results: &[MutantResult], campaign: &Campaign) -> String {
    let columns = [
        Column::Text("mutant"),
        Column::Text("breaks"),
        Column::Text("rule"),
        Column::Text("killed by"),
        Column::Number("worlds"),
        Column::Number("steps"),
        Column::Text("replay"),
    ];
    let rows = results.iter().map(|result| {
        let (property, rule) = result.breaks;
        let killed = result.killed.as_ref();
        vec![
            result.mutant.to_string(),
            property.id().to_owned(),
            rule.to_owned(),
            killed.map_or("nobody", |_| property.id()).to_owned(),
            killed.map_or_else(String::new, |kill| kill.worlds.to_string()),
            killed.map_or_else(String::new, |kill| kill.events().to_string()),
            replay(result, campaign).unwrap_or_default(),
        ]
    });
    table(&columns, rows) + "\n"
}

fn json_of(result: &MutantResult, campaign: &Campaign) -> Value {
    let (property, rule) = result.breaks;
    let killed = result.killed.as_ref();
    json!({
        "name": result.mutant.name(),
        "breaks": property.id(),
        "rule": rule,
        "killed_by": killed.map(|_| property.id()),
        "worlds": killed.map(|kill| kill.worlds),
        "events": killed.map(|kill| kill.events()),
        "replay": replay(result, campaign),
    })
}

/// The command that shows how the mutant was convicted.
fn replay(result: &MutantResult, campaign: &Campaign) -> Option<String> {
    let kill = result.killed.as_ref()?;
    let campaign = Campaign {
        mutant: Some(result.mutant),
        ..campaign.clone()
    };
    Some(replay_command(&campaign, kill.seed))
}

fn last_line(judged: usize, survivors: &[Mutant], interrupted: bool) -> String {
    let convicted = judged - survivors.len();
    match survivors {
        _ if interrupted => format!("Interrupted: {convicted} mutants were convicted so far."),
        [] => format!("All {judged} mutants were convicted by the rules that they break."),
        [survivor, ..] => format!(
            "{} of {judged} mutants live: see what the judges miss with `postern explore --mutant {survivor}`.",
            survivors.len()
        ),
    }
}
