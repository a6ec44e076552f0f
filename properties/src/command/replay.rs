//! `postern replay`: one world, told in full.

use std::fmt::Write;
use std::path::PathBuf;

use clap::Args;
use mailpostern::campaign::{Examined, Relations, examine};
use mailpostern::expectation::unmet;
use mailpostern::fates::{Alarm, MessageFate};
use mailpostern::judge::Judgement;
use mailpostern::page::{self, Replay};
use mailpostern::readings::judged_by;
use mailpostern::rules::Property;
use mailpostern::table::{Column, table};
use postern_model::monitor::Verdict;
use postern_model::mutant::Mutant;
use postern_model::scenario::Scenario;
use postern_model::trace::Trace;
use postern_model::transcript::{TranscriptOptions, clock, transcript};
use postern_sim::{Client, Options, Run, Server};
use serde_json::{Value, json};

use super::arguments::{self, ProfileName, ReadingName, WorldCrypto};
use super::outcome::{CommandError, Outcome, Status};
use super::page_file::PageFile;
use super::source::Source;

#[derive(Debug, Args)]
pub(super) struct Arguments {
    /// A seed, decimal or 0x hexadecimal, or the file of a scenario
    #[arg(value_name = "SEED|FILE", value_parser = Source::parse, allow_negative_numbers = true)]
    source: Source,
    /// Run it so many times and compare every byte
    #[arg(long, value_name = "N", value_parser = arguments::times, allow_negative_numbers = true, default_value = "1")]
    times: u64,
    /// The tier of cryptography
    #[arg(long, value_enum, default_value_t)]
    crypto: WorldCrypto,
    /// The SMTP client of every sending MTA: Postern's own, or an implementation under test
    #[arg(long, value_name = "NAME", value_parser = arguments::client(), default_value = "postern")]
    client: Client,
    /// The SMTP server of every host: Postern's own, or an implementation under test
    #[arg(long, value_name = "NAME", value_parser = arguments::server(), default_value = "postern")]
    server: Server,
    /// Give every MTA this one bug; `postern mutants --list` names them
    #[arg(long, value_name = "NAME")]
    mutant: Option<Mutant>,
    /// Whose word counts where the thread of 2001 and RFC 3207 differ, if not the scenario's own [possible values: thread, rfc3207]
    #[arg(long, value_enum, hide_possible_values = true)]
    reading: Option<ReadingName>,
    /// The distribution that the world of a seed is drawn from
    #[arg(long, value_enum, default_value_t)]
    profile: ProfileName,
    /// Write a page that stands alone, with a diagram of the run
    #[arg(long, value_name = "FILE")]
    html: Option<PathBuf>,
}

/// Replays one world.
///
/// # Errors
/// When there is no such scenario, when the testbed fails, or when two runs differ.
pub(super) fn run(arguments: &Arguments) -> Result<Outcome, CommandError> {
    let page_file = arguments.html.as_deref().map(PageFile::claim).transpose()?;
    let scenario = arguments.source.scenario(arguments.profile.into())?;
    let mut scenario = arguments.server.fit(arguments.client.fit(scenario));
    scenario.mutant = arguments.mutant.or(scenario.mutant);
    scenario.reading = arguments.reading.map_or(scenario.reading, Into::into);
    let Examined { run, judgement, .. } = arguments.examine(&scenario)?;
    let violated: Vec<Property> = judgement.violations().map(|(property, _, _)| property).collect();
    // What a scenario states is stated of the machines that it names.
    let expectation = scenario.expect.as_ref().filter(|_| arguments.mutant.is_none());
    let unmet = expectation.map_or_else(Vec::new, |expectation| unmet(expectation, &judgement));
    let page = page_file.map(|file| {
        file.write(&page::replay(&Replay {
            source: &arguments.source.to_string(),
            title: &scenario.title,
            client: arguments.client.name(),
            server: arguments.server.name(),
            judged_by: judged_by(scenario.reading),
            unmet: &unmet,
            run: &run,
            judgement: &judgement,
        }))
    });
    if let Some(Err(why)) = &page {
        eprintln!("error: {why}");
    }
    let status = match (violated.is_empty() && unmet.is_empty(), &page) {
        (false, _) => Status::Violated,
        (true, Some(Err(_))) => Status::TestbedFailed,
        (true, _) => Status::Holds,
    };
    Ok(Outcome {
        status,
        text: text(&scenario, &run, &judgement, &unmet),
        json: json(&arguments.source, &scenario, &run, &judgement, &unmet),
        last_line: last_line(&arguments.source, &violated, &unmet),
    })
}

impl Arguments {
    /// Runs and judges the scenario as many times as is asked for; all runs must be the same to the byte.
    fn examine(&self, scenario: &Scenario) -> Result<Examined, CommandError> {
        let options = Options {
            crypto: self.crypto.into(),
            client: self.client,
            server: self.server,
            mutant: None,
        };
        let examine =
            |relations| examine(scenario, options, relations).map_err(|error| CommandError::Testbed(error.to_string()));
        let first = examine(Relations::Always)?;
        for time in 2..=self.times {
            let again = examine(Relations::Never)?.run;
            if again != first.run {
                let hashes = format!(
                    "wire {} against {}, trace {} against {}",
                    again.wire_hash, first.run.wire_hash, again.trace_hash, first.run.trace_hash
                );
                let event = match again.trace.first_difference(&first.run.trace) {
                    Some((place, here, there)) => format!("at event {place}: {here:?} against {there:?}"),
                    None => "on the wire only".to_owned(),
                };
                return Err(CommandError::Testbed(format!(
                    "run {time} differs from the first {event}; {hashes}"
                )));
            }
        }
        Ok(first)
    }
}

fn text(scenario: &Scenario, run: &Run, judgement: &Judgement, unmet: &[String]) -> String {
    let mut text = format!("{}\n\n{}\n", scenario.title, story(run, judgement));
    writeln!(text, "{}", judged_by(scenario.reading)).expect("a string takes all");
    for sentence in unmet {
        writeln!(text, "not as the scenario states: {sentence}").expect("a string takes all");
    }
    writeln!(text, "wire hash   {}\ntrace hash  {}\n", run.wire_hash, run.trace_hash).expect("a string takes all");
    text
}

/// A run for people: its transcript, what became of each message, the alarms, and the verdicts.
pub fn story(run: &Run, judgement: &Judgement) -> String {
    let mut text = transcript(&run.trace, &TranscriptOptions::default());
    text.push('\n');
    let columns = [
        Column::Text("message"),
        Column::Text("recipient"),
        Column::Text("fate"),
        Column::Text("security"),
        Column::Text("at"),
        Column::Number("attempts"),
        Column::Text("why"),
    ];
    text += &table(&columns, judgement.fates.iter().map(fate_row));
    text.push('\n');
    for Alarm { host, peer, at } in &judgement.alarms {
        writeln!(text, "alarm of {host} about {peer} at {}", clock(*at)).expect("a string takes all");
    }
    if !judgement.alarms.is_empty() {
        text.push('\n');
    }
    let columns = [
        Column::Text("property"),
        Column::Text("verdict"),
        Column::Text("rule"),
        Column::Text("why"),
    ];
    let verdicts = judgement.verdicts.iter();
    text += &table(
        &columns,
        verdicts.map(|(property, verdict)| verdict_row(&run.trace, *property, verdict)),
    );
    text
}

fn fate_row(fate: &MessageFate) -> Vec<String> {
    vec![
        fate.message.to_string(),
        fate.recipient.to_string(),
        fate.fate.to_string(),
        fate.security.map(|security| security.to_string()).unwrap_or_default(),
        fate.at.map(clock).unwrap_or_default(),
        fate.attempts.to_string(),
        fate.why.clone(),
    ]
}

fn verdict_row(trace: &Trace, property: Property, verdict: &Verdict) -> Vec<String> {
    let (rule, why) = match verdict {
        Verdict::Violated { at, violation } => {
            let at = trace.records.get(*at).map(|record| clock(record.at) + ": ");
            (violation.rule, at.unwrap_or_default() + &violation.why)
        }
        Verdict::Holds | Verdict::NotExercised => ("", String::new()),
    };
    let name = format!("{} {}", property.id(), property.name());
    vec![name, verdict.to_string(), rule.to_owned(), why]
}

fn json(source: &Source, scenario: &Scenario, run: &Run, judgement: &Judgement, unmet: &[String]) -> Value {
    json!({
        "scenario": source.to_string(),
        "title": scenario.title,
        "wire_hash": run.wire_hash,
        "trace_hash": run.trace_hash,
        "sessions": run.sessions,
        "fates": judgement.fates.iter().map(json_of_fate).collect::<Vec<_>>(),
        "alarms": judgement.alarms.iter().map(json_of_alarm).collect::<Vec<_>>(),
        "verdicts": judgement.verdicts.iter().map(|(property, verdict)| {
            json_of_verdict(&run.trace, *property, verdict)
        }).collect::<Vec<_>>(),
        "unmet": unmet,
    })
}

fn json_of_fate(fate: &MessageFate) -> Value {
    json!({
        "message": fate.message.to_string(),
        "recipient": fate.recipient.to_string(),
        "fate": fate.fate.to_string(),
        "security": fate.security.map(|security| security.to_string()),
        "at_seconds": fate.at.map(|at| at.as_secs_f64()),
        "attempts": fate.attempts,
        "why": fate.why,
    })
}

fn json_of_alarm(alarm: &Alarm) -> Value {
    json!({
        "host": alarm.host.to_string(),
        "peer": alarm.peer.to_string(),
        "at_seconds": alarm.at.as_secs_f64(),
    })
}

fn json_of_verdict(trace: &Trace, property: Property, verdict: &Verdict) -> Value {
    let (word, found) = match verdict {
        Verdict::Holds => ("holds", None),
        Verdict::NotExercised => ("not_exercised", None),
        Verdict::Violated { at, violation } => ("violated", Some((trace.records.get(*at), violation))),
    };
    let at = found
        .and_then(|(record, _)| record)
        .map(|record| record.at.as_secs_f64());
    let (rule, why) = found.map(|(_, violation)| (violation.rule, &violation.why)).unzip();
    json!({
        "property": property.id(),
        "rule": rule,
        "verdict": word,
        "at_seconds": at,
        "why": why,
    })
}

fn last_line(source: &Source, violated: &[Property], unmet: &[String]) -> String {
    match (violated, unmet) {
        ([], []) => format!("Every property that was put to the test holds in {source}: go on with `postern explore`."),
        ([], [sentence, ..]) => format!("{source} did not come to what it states: {sentence}."),
        (violated, _) => {
            let names: Vec<String> = violated
                .iter()
                .map(|property| format!("{} {}", property.id(), property.name()))
                .collect();
            format!(
                "Violated in {source}: {}. The transcript above tells how; `-v` tells more.",
                names.join(", ")
            )
        }
    }
}
