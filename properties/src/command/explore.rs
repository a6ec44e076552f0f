//! `postern explore`: random worlds, all properties.

use std::fmt::Write;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use clap::Args;
use mailpostern::campaign::{self, Campaign, Finding, Report};
use postern_model::mutant::Mutant;
use serde_json::json;

use super::arguments::{self, CampaignCrypto, ClientName, ProfileName, Shard};
use super::outcome::{CommandError, Outcome, Status};
use super::progress::ProgressLine;
use super::stop;
use super::table::{Column, table};

/// How many worlds are run where nothing is said.
const WORLDS_DEFAULT: u64 = 1000;

#[derive(Debug, Default, Args)]
pub(super) struct Arguments {
    /// How many worlds to run [default: 1000, or as many as fit into --for]
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
    /// The SMTP client of every sending MTA
    #[arg(long, value_enum, default_value_t)]
    client: ClientName,
    /// Give every MTA this one bug; `postern mutants --list` names them
    #[arg(long, value_name = "NAME")]
    mutant: Option<Mutant>,
    /// Run only part K of N of the seeds
    #[arg(long, value_name = "K/N", default_value = "1/1")]
    shard: Shard,
    /// The distribution that worlds are drawn from
    #[arg(long, value_enum, default_value_t)]
    profile: ProfileName,
}

/// Explores.
///
/// # Errors
/// When interrupts cannot be caught.
pub(super) fn run(arguments: &Arguments, with_progress: bool) -> Result<Outcome, CommandError> {
    let stop = stop::on_interrupt()?;
    let campaign = arguments.campaign(Arc::clone(&stop));
    let progress = ProgressLine::new(arguments.worlds(), with_progress);
    let report = campaign::explore(&campaign, |now| progress.show(&now));
    drop(progress);
    let interrupted = stop.load(Ordering::Relaxed);
    Ok(Outcome {
        status: status(&report),
        text: text(&report),
        json: json(&report, interrupted),
        last_line: last_line(&report, &campaign, interrupted),
    })
}

impl Arguments {
    /// How many worlds to run, where that is known beforehand.
    fn worlds(&self) -> Option<u64> {
        self.seeds.or_else(|| self.limit.is_none().then_some(WORLDS_DEFAULT))
    }

    fn campaign(&self, stop: Arc<AtomicBool>) -> Campaign {
        Campaign {
            from: self.from,
            seeds: self.worlds().unwrap_or(u64::MAX),
            limit: self.limit,
            jobs: self.jobs.unwrap_or_else(arguments::all_jobs),
            crypto: self.crypto.into(),
            client: self.client.into(),
            mutant: self.mutant,
            shard: (self.shard.place, self.shard.parts),
            profile: self.profile.into(),
            stop,
        }
    }
}

fn status(report: &Report) -> Status {
    if !report.failures.is_empty() {
        Status::TestbedFailed
    } else if !report.findings.is_empty() || report.properties.iter().any(|count| count.violated > 0) {
        Status::Violated
    } else if report.worlds == 0 {
        Status::BadInput
    } else {
        Status::Holds
    }
}

fn text(report: &Report) -> String {
    let mut text = format!(
        "{} worlds and {} SMTP sessions in {:.1} s with {} jobs: {:.1} worlds per second\n\n",
        report.worlds,
        report.sessions,
        report.seconds,
        report.jobs,
        worlds_per_second(report)
    );
    text += &table(
        &[
            Column::Text("property"),
            Column::Number("holds"),
            Column::Number("not exercised"),
            Column::Number("violated"),
        ],
        report.properties.iter().map(|count| {
            let counts = [count.holds, count.not_exercised, count.violated];
            let name = format!("{} {}", count.property.id(), count.property.name());
            [name].into_iter().chain(counts.iter().map(u64::to_string)).collect()
        }),
    );
    text.push('\n');
    text += &table(
        &[Column::Text("situation"), Column::Number("worlds")],
        report.situations.iter().map(|situation| {
            let reached = match situation.reached {
                0 => "never".to_owned(),
                worlds => worlds.to_string(),
            };
            vec![situation.name.to_owned(), reached]
        }),
    );
    text.push('\n');
    for finding in &report.findings {
        write_finding(&mut text, finding);
    }
    for failure in &report.failures {
        writeln!(text, "seed {}: the testbed failed: {}\n", failure.seed, failure.error).expect("a string takes all");
    }
    text
}

fn write_finding(text: &mut String, finding: &Finding) {
    writeln!(
        text,
        "violated {} {}, rule {}, seed {}\n  {}\n",
        finding.property.id(),
        finding.property.name(),
        finding.rule,
        finding.seed,
        finding.why
    )
    .expect("a string takes all");
    for line in finding.transcript_tail.lines() {
        writeln!(text, "  | {line}").expect("a string takes all");
    }
    writeln!(text).expect("a string takes all");
    if let Some(path) = &finding.scenario_path {
        writeln!(text, "  scenario  {} ({} steps)", path.display(), finding.steps).expect("a string takes all");
    }
    writeln!(text, "  replay    {}\n", finding.replay).expect("a string takes all");
}

fn json(report: &Report, interrupted: bool) -> serde_json::Value {
    let properties = report.properties.iter().map(|count| {
        json!({
            "id": count.property.id(),
            "name": count.property.name(),
            "holds": count.holds,
            "not_exercised": count.not_exercised,
            "violated": count.violated,
        })
    });
    let situations = report.situations.iter();
    let situations = situations.map(|situation| json!({ "name": situation.name, "reached": situation.reached }));
    let violations = report.findings.iter().map(|finding| {
        json!({
            "property": finding.property.id(),
            "rule": finding.rule,
            "seed": finding.seed,
            "scenario": finding.scenario_path,
            "events": finding.steps,
            "why": finding.why,
            "replay": finding.replay,
        })
    });
    let failures = report.failures.iter();
    let failures = failures.map(|failure| json!({ "seed": failure.seed, "error": failure.error }));
    json!({
        "worlds": report.worlds,
        "seconds": report.seconds,
        "worlds_per_second": worlds_per_second(report),
        "sessions": report.sessions,
        "jobs": report.jobs,
        "interrupted": interrupted,
        "properties": properties.collect::<Vec<_>>(),
        "sometimes": situations.collect::<Vec<_>>(),
        "violations": violations.collect::<Vec<_>>(),
        "failures": failures.collect::<Vec<_>>(),
    })
}

fn last_line(report: &Report, campaign: &Campaign, interrupted: bool) -> String {
    let worlds = report.worlds;
    let begun = if interrupted { "Interrupted. " } else { "" };
    match (report.failures.first(), report.findings.first()) {
        (Some(failure), _) => format!(
            "{begun}The testbed failed in {} of {worlds} worlds: run `postern replay {} -v` and mend it.",
            report.failures.len(),
            failure.seed
        ),
        (None, Some(finding)) => format!(
            "{begun}{} violations in {worlds} worlds: begin with `{}`.",
            report.findings.len(),
            finding.replay
        ),
        (None, None) if worlds == 0 => format!("{begun}No world was run: ask for more seeds or more time."),
        (None, None) => {
            let next = campaign
                .from
                .saturating_add(campaign.seeds.min(worlds.saturating_mul(campaign.shard.1)));
            let held = match never_exercised(report).as_slice() {
                [] => "Every property holds".to_owned(),
                properties => format!("{} never put to the test; the others hold", properties.join(", ")),
            };
            format!("{begun}{held} in {worlds} worlds: go on with `postern explore --from {next}`.")
        }
    }
}

/// A check that never ran is never a pass.
fn never_exercised(report: &Report) -> Vec<&'static str> {
    let idle = report
        .properties
        .iter()
        .filter(|count| count.holds == 0 && count.violated == 0);
    idle.map(|count| count.property.id()).collect()
}

fn worlds_per_second(report: &Report) -> f64 {
    #[expect(clippy::cast_precision_loss, reason = "a rate for people")]
    let worlds = report.worlds as f64;
    if report.seconds > 0.0 {
        worlds / report.seconds
    } else {
        0.0
    }
}
