//! `postern explore`: random worlds, all properties.

use std::fmt::Write;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use clap::Args;
use mailpostern::campaign::{self, Campaign, Finding, Relations, Report, Shard, examine};
use mailpostern::subjects::Judges;
use mailpostern::table::{Column, table};
use postern_model::mutant::Mutant;
use postern_model::transcript::transcript_tail;
use postern_sim::{Client, Crypto, Options};
use serde_json::{Value, json};

use super::arguments::{self, CampaignCrypto, ProfileName, ReadingName};
use super::outcome::{CommandError, Outcome, Status};
use super::prices;
use super::progress::ProgressLine;
use super::stop;
use super::suite::{self, SuiteName};

/// How many lines of the transcript lead up to a violation in the report.
const TAIL_LINES: usize = 12;

/// How many failures of the testbed are told one by one.
const FAILURES_SHOWN: usize = 5;

#[derive(Debug, Args)]
pub(super) struct Arguments {
    /// How many worlds to run [default: 2000, or as many as fit into --for]
    #[arg(long, value_name = "N", value_parser = arguments::worlds, allow_negative_numbers = true)]
    seeds: Option<u64>,
    /// The first seed, decimal or 0x hexadecimal
    #[arg(long, value_name = "SEED", value_parser = arguments::seed, allow_negative_numbers = true, default_value = "1")]
    from: u64,
    /// Begin no further world after this time, such as 60s or 2h
    #[arg(long = "for", value_name = "TIME", value_parser = arguments::span, allow_hyphen_values = true)]
    limit: Option<Duration>,
    /// How many threads to use [default: all]
    #[arg(long, value_name = "J", value_parser = arguments::jobs, allow_negative_numbers = true)]
    jobs: Option<usize>,
    /// The tier of cryptography
    #[arg(long, value_enum, default_value_t)]
    crypto: CampaignCrypto,
    /// The SMTP client of every sending MTA: postern, or a subject
    #[arg(long, value_name = "NAME", value_parser = arguments::client, default_value = "postern")]
    client: Client,
    /// Give every MTA this one bug; `postern mutants --list` names them
    #[arg(long, value_name = "NAME")]
    mutant: Option<Mutant>,
    /// Run only part K of N of the seeds
    #[arg(long, value_name = "K/N", value_parser = arguments::shard, default_value = "1/1")]
    shard: Shard,
    /// Whose word counts where the thread of 2001 and RFC 3207 differ [default: the thread's, and RFC 3207's in worlds
    /// where a server does what only that grants]
    #[arg(long, value_enum)]
    reading: Option<ReadingName>,
    /// The distribution that worlds are drawn from
    #[arg(long, value_enum, default_value_t)]
    profile: ProfileName,
    /// Play scenarios that are made and not drawn, in place of random worlds
    #[arg(long, value_enum, value_name = "NAME", conflicts_with_all = ["seeds", "from", "limit", "crypto", "client", "mutant", "shard", "reading", "profile"])]
    suite: Option<SuiteName>,
}

/// Explores.
///
/// # Errors
/// When interrupts cannot be caught.
pub(super) fn run(arguments: &Arguments, with_progress: bool) -> Result<Outcome, CommandError> {
    let stop = stop::on_interrupt()?;
    let campaign = arguments.campaign(Arc::clone(&stop));
    if arguments.suite == Some(SuiteName::Model) {
        return suite::run(campaign.jobs, &stop, with_progress);
    }
    let total = (campaign.seeds < u64::MAX).then(|| campaign.seeds.div_ceil(campaign.shard.of));
    let progress = ProgressLine::new("worlds", total, with_progress);
    let report = campaign::explore(&campaign, |now| {
        progress.show(now.worlds, || match (now.violated, now.failed) {
            (0, 0) => String::new(),
            (violated, failed) => format!(", {violated} violated, {failed} failed"),
        });
    });
    drop(progress);
    let interrupted = stop.load(Ordering::Relaxed);
    Ok(Outcome {
        status: status(&report),
        text: text(&report, campaign.client),
        json: json(&report, campaign.client, interrupted),
        last_line: last_line(&report, &campaign, interrupted),
    })
}

impl Arguments {
    fn campaign(&self, stop: Arc<AtomicBool>) -> Campaign {
        let default = Campaign::default();
        let seeds_default = if self.limit.is_some() { u64::MAX } else { default.seeds };
        Campaign {
            from: self.from,
            seeds: self.seeds.unwrap_or(seeds_default),
            limit: self.limit,
            jobs: self.jobs.unwrap_or(default.jobs),
            crypto: self.crypto.into(),
            client: self.client,
            mutant: self.mutant,
            shard: self.shard,
            reading: self.reading.map(Into::into),
            profile: self.profile.into(),
            stop,
            ..default
        }
    }
}

fn status(report: &Report) -> Status {
    if report.failed > 0 {
        Status::TestbedFailed
    } else if !report.findings.is_empty() {
        Status::Violated
    } else if !report.shortfalls.is_empty() {
        Status::TestbedFailed
    } else if report.worlds == 0 {
        Status::BadInput
    } else {
        Status::Holds
    }
}

fn text(report: &Report, client: Client) -> String {
    let mut text = format!(
        "{} worlds, {} runs and {} SMTP sessions in {:.1} s with {} jobs: {:.1} worlds per second,\n{}\n\n",
        report.worlds,
        report.runs,
        report.sessions,
        report.seconds,
        report.jobs,
        worlds_per_second(report),
        report.judged_by
    );
    text += &table(
        &[
            Column::Text("property"),
            Column::Number("holds"),
            Column::Number("not exercised"),
            Column::Number("violated"),
            Column::Text("judges"),
        ],
        report.properties.iter().map(|count| {
            let counts = [count.holds, count.not_exercised, count.violated];
            let name = format!("{} {}", count.property.id(), count.property.name());
            let judges = Judges::of(client, count.property).to_string();
            let counts = counts.iter().map(u64::to_string);
            [name].into_iter().chain(counts).chain([judges]).collect()
        }),
    );
    text.push('\n');
    text += &table(
        &[
            Column::Text("two runs compared"),
            Column::Number("hold"),
            Column::Number("void"),
            Column::Number("violated"),
        ],
        report.relations.iter().map(|count| {
            let counts = [count.holds, count.not_exercised, count.violated];
            let name = format!("{} {}", count.relation.property().id(), count.relation.name());
            let counts = counts.iter().map(u64::to_string);
            [name].into_iter().chain(counts).collect()
        }),
    );
    text.push('\n');
    text += &table(
        &[Column::Text("situation"), Column::Number("worlds")],
        report.situations.iter().map(|(situation, worlds)| {
            let worlds = if *worlds == 0 {
                "never".to_owned()
            } else {
                worlds.to_string()
            };
            vec![situation.name().to_owned(), worlds]
        }),
    );
    text.push('\n');
    let worth = &report.worth;
    writeln!(
        text,
        "{} worlds hold two messages and five sessions, {} reach the end of a lifetime, {} ran on real cryptography\n\
         fingerprint of every byte and event: {:032x}\n",
        worth.two_messages_and_five_sessions, worth.reached_a_lifetime, worth.real_crypto, report.fingerprint
    )
    .expect("a string takes all");
    text += &prices::text(&report.prices);
    text.push('\n');
    for finding in &report.findings {
        write_finding(&mut text, finding, client).expect("a string takes all");
    }
    for failure in report.failures.iter().take(FAILURES_SHOWN) {
        let (seed, what, replay) = (failure.seed, &failure.what, &failure.replay);
        writeln!(
            text,
            "the testbed failed on seed {seed}: {what}\n  replay    {replay}\n"
        )
        .expect("a string takes all");
    }
    for shortfall in &report.shortfalls {
        writeln!(text, "the campaign fell short: {shortfall}\n").expect("a string takes all");
    }
    text
}

fn write_finding(text: &mut String, finding: &Finding, client: Client) -> std::fmt::Result {
    let property = finding.property;
    writeln!(
        text,
        "violated {} {}, rule {}, which judges {}: worlds {}, first seed {}",
        property.id(),
        property.name(),
        finding.rule,
        Judges::of(client, property),
        finding.worlds,
        finding.seed
    )?;
    writeln!(text, "  {}\n", finding.why)?;
    for line in tail(finding, client).lines() {
        writeln!(text, "  | {line}")?;
    }
    writeln!(
        text,
        "\n  scenario  {} ({} steps)",
        finding.file.display(),
        finding.events()
    )?;
    writeln!(text, "  replay    {}\n", finding.replay)
}

/// The last lines of the transcript up to the violation, from one more run of the shrunk scenario.
fn tail(finding: &Finding, client: Client) -> String {
    let options = Options {
        crypto: Crypto::Real,
        client,
        mutant: None,
    };
    examine(&finding.scenario, options, Relations::Always).map_or_else(
        |error| error.to_string(),
        |examined| {
            let mut violations = examined.judgement.violations();
            let violation = violations.find(|(property, _, _)| *property == finding.property);
            let last = violation.map_or(usize::MAX, |(_, at, _)| at);
            transcript_tail(&examined.run.trace, last, TAIL_LINES)
        },
    )
}

fn json(report: &Report, client: Client, interrupted: bool) -> Value {
    let properties = report.properties.iter().map(|count| {
        json!({
            "id": count.property.id(),
            "name": count.property.name(),
            "holds": count.holds,
            "not_exercised": count.not_exercised,
            "violated": count.violated,
            "judges": Judges::of(client, count.property).to_string(),
        })
    });
    let relations = report.relations.iter().map(|count| {
        json!({
            "property": count.relation.property().id(),
            "name": count.relation.name(),
            "holds": count.holds,
            "not_exercised": count.not_exercised,
            "violated": count.violated,
        })
    });
    let situations = report.situations.iter();
    let situations = situations.map(|(situation, worlds)| json!({ "name": situation.name(), "reached": worlds }));
    let violations = report.findings.iter().map(|finding| {
        json!({
            "property": finding.property.id(),
            "rule": finding.rule,
            "judges": Judges::of(client, finding.property).to_string(),
            "seed": finding.seed,
            "worlds": finding.worlds,
            "scenario": finding.file.display().to_string(),
            "events": finding.events(),
            "why": finding.why,
            "replay": finding.replay,
        })
    });
    let failures = report.failures.iter();
    let failures =
        failures.map(|failure| json!({ "seed": failure.seed, "why": failure.what, "replay": failure.replay }));
    json!({
        "worlds": report.worlds,
        "runs": report.runs,
        "judged_by": { "thread": report.judged_by.thread, "rfc3207": report.judged_by.rfc3207 },
        "fingerprint": format!("{:032x}", report.fingerprint),
        "worth": {
            "two_messages_and_five_sessions": report.worth.two_messages_and_five_sessions,
            "reached_a_lifetime": report.worth.reached_a_lifetime,
            "real_crypto": report.worth.real_crypto,
        },
        "seconds": report.seconds,
        "worlds_per_second": worlds_per_second(report),
        "sessions": report.sessions,
        "jobs": report.jobs,
        "interrupted": interrupted,
        "properties": properties.collect::<Vec<_>>(),
        "relations": relations.collect::<Vec<_>>(),
        "sometimes": situations.collect::<Vec<_>>(),
        "prices": prices::json(&report.prices),
        "violations": violations.collect::<Vec<_>>(),
        "failed": report.failed,
        "failures": failures.collect::<Vec<_>>(),
        "shortfalls": report.shortfalls,
    })
}

fn last_line(report: &Report, campaign: &Campaign, interrupted: bool) -> String {
    let worlds = report.worlds;
    let begun = if interrupted { "Interrupted. " } else { "" };
    if let Some(failure) = report.failures.first() {
        let failed = report.failed;
        return format!(
            "{begun}The testbed failed {failed} times: begin with `{} -v`.",
            failure.replay
        );
    }
    if let Some(finding) = report.findings.first() {
        let rules = report.findings.len();
        return format!(
            "{begun}{rules} rules were violated in {worlds} worlds: begin with `{}`.",
            finding.replay
        );
    }
    if worlds == 0 {
        return format!("{begun}No world was run: ask for more seeds or more time.");
    }
    if let Some(shortfall) = report.shortfalls.first() {
        return format!("{begun}{worlds} worlds did not show what they must ({shortfall}): mend the generator.");
    }
    let next = campaign
        .from
        .saturating_add(campaign.seeds.min(worlds.saturating_mul(campaign.shard.of)));
    let held = match never_exercised(report).as_slice() {
        [] => "Every property held".to_owned(),
        properties => format!("{} never put to the test, the others held,", properties.join(", ")),
    };
    format!("{begun}{held} in {worlds} worlds: go on with `postern explore --from {next}`.")
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
