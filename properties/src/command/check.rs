//! `postern check`: the formal model, every state within named bounds.

use std::collections::BTreeMap;
use std::convert::Infallible;
use std::fmt::{Display, Write};
use std::fs;
use std::path::{Path, PathBuf};
use std::sync::atomic::Ordering;

use clap::{Args, ValueEnum};
use mailpostern::campaign::FOUND_FOLDER;
use mailpostern::check::serve::{self, Loopback};
use mailpostern::check::{self, Bounds, Named, Question, Report, Sometimes};
use mailpostern::rules::Property;
use mailpostern::table::{Column, counted, table};
use postern_model::formal::Distance;
use postern_model::mutant::Mutant;
use serde_json::{Value, json};

use super::arguments;
use super::memory::Memory;
use super::outcome::{CommandError, Outcome, Status};
use super::progress::ProgressLine;
use super::stop;

/// The named bounds.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, ValueEnum)]
enum BoundsName {
    /// Under a second
    #[default]
    Small,
    /// Half a minute
    Ci,
    /// An hour and many gigabytes
    Nightly,
}

impl From<BoundsName> for Bounds {
    fn from(name: BoundsName) -> Self {
        match name {
            BoundsName::Small => Self::Small,
            BoundsName::Ci => Self::Ci,
            BoundsName::Nightly => Self::Nightly,
        }
    }
}

#[derive(Debug, Args)]
pub(super) struct Arguments {
    /// How far to go; docs/model.md has what each means
    #[arg(long, value_enum, default_value_t)]
    bounds: BoundsName,
    /// Give the sender and the servers this one bug; `postern mutants --list` names them
    #[arg(long, value_name = "NAME")]
    mutant: Option<Mutant>,
    /// How many threads to use [default: all]
    #[arg(long, value_name = "J", value_parser = arguments::jobs, allow_negative_numbers = true)]
    jobs: Option<usize>,
    /// Stop where more memory than this is taken, in thousands of millions of bytes
    #[arg(long, value_name = "GIGABYTES", default_value_t = 20, value_parser = clap::value_parser!(u32).range(1..))]
    memory: u32,
    /// Do not walk: serve Stateright's Explorer of one configuration to a browser on this machine
    #[arg(long, value_name = "ADDRESS:PORT", num_args = 0..=1, default_missing_value = "127.0.0.1:3000")]
    serve: Option<Loopback>,
    /// Which configuration to serve: its place, from 1, or the beginning of its name [default: 1]
    #[arg(long, value_name = "WHICH", requires = "serve")]
    configuration: Option<String>,
}

const GIGABYTE: u64 = 1_000_000_000;
const MEGABYTE: u64 = 1_000_000;

/// Memory, for a reader.
fn amount(bytes: u64) -> String {
    match bytes {
        ..GIGABYTE => format!("{} MB", bytes / MEGABYTE),
        GIGABYTE.. => format!("{:.1} GB", bytes as f64 / GIGABYTE as f64),
    }
}

/// Walks the model, or serves it.
///
/// # Errors
/// When interrupts cannot be caught, or the model cannot be served.
pub(super) fn run(arguments: &Arguments, with_progress: bool) -> Result<Outcome, CommandError> {
    let jobs = arguments
        .jobs
        .unwrap_or_else(|| std::thread::available_parallelism().map_or(1, usize::from));
    let bounds = Bounds::from(arguments.bounds);
    if let Some(at) = arguments.serve {
        match serve(arguments, bounds, jobs, at)? {}
    }
    let stop = stop::on_interrupt()?;
    let progress = ProgressLine::new("states", None, with_progress);
    let memory = Memory::up_to(u64::from(arguments.memory) * GIGABYTE);
    let walk = check::check(bounds, arguments.mutant, jobs, |states| {
        progress.show(states, String::new);
        memory.allows(states) && !stop.load(Ordering::Relaxed)
    });
    memory.look();
    drop(progress);
    let files = save(&walk)?;
    Ok(Outcome {
        status: status(&walk),
        text: text(&walk, bounds, &memory, &files),
        json: json(&walk, bounds, &memory, &files),
        last_line: last_line(&walk, bounds, &memory),
    })
}

/// Serves one configuration to a browser until an interrupt ends the process.
fn serve(arguments: &Arguments, bounds: Bounds, jobs: usize, at: Loopback) -> Result<Infallible, CommandError> {
    let mut all = bounds.configurations();
    // What pairs of pasts are about is not one state at a time.
    all.retain(|named| named.question == Question::IsAllWell);
    let which = arguments.configuration.as_deref().unwrap_or("1");
    let named = chosen(&all, which).ok_or_else(|| CommandError::UnknownConfiguration {
        which: which.to_owned(),
        bounds: bounds.name(),
        known: all.len(),
    })?;
    let ready = |address| {
        eprintln!(
            "“{}” is at http://{address}/ in a browser on this machine; Ctrl-C ends it.",
            named.name
        );
    };
    Ok(serve::serve(named, arguments.mutant, jobs, at, ready)?)
}

/// The configuration at this place, from 1, or the first whose name begins so.
fn chosen<'a>(all: &'a [Named], which: &str) -> Option<&'a Named> {
    match which.parse::<usize>() {
        Ok(place) => place.checked_sub(1).and_then(|place| all.get(place)),
        Err(_) => all.iter().find(|named| named.name.starts_with(which)),
    }
}

/// The file of each counterexample that is one, by what it breaks.
type Files = BTreeMap<(Property, &'static str), PathBuf>;

/// Keeps each counterexample as a scenario, where one can say it.
fn save(report: &Report) -> Result<Files, CommandError> {
    let folder = Path::new(FOUND_FOLDER);
    let of_delivery = report.violations.iter().map(|(key, found)| (*key, &found.scenario));
    let of_bytes = report.bytes.violations.iter();
    let of_bytes = of_bytes.filter_map(|(key, found)| Some((*key, found.scenario.as_ref().ok()?)));
    let saved = of_delivery.chain(of_bytes).map(|((property, rule), scenario)| {
        let mutant = scenario.mutant.map(|mutant| format!("-{mutant}"));
        let file = folder.join(format!(
            "model-{}-{}{}.toml",
            property.id(),
            rule.replace('/', "-"),
            mutant.unwrap_or_default()
        ));
        fs::create_dir_all(folder)
            .and_then(|()| fs::write(&file, scenario.print()))
            .map_err(|error| CommandError::Testbed(format!("cannot write {}: {error}", file.display())))?;
        Ok(((property, rule), file))
    });
    saved.collect()
}

fn status(report: &Report) -> Status {
    match (report.broken().is_empty(), report.is_complete) {
        (false, _) => Status::Violated,
        (true, false) => Status::TestbedFailed,
        (true, true) => Status::Holds,
    }
}

fn text(report: &Report, bounds: Bounds, memory: &Memory, files: &Files) -> String {
    let mut text = format!(
        "{} states and {} transitions, at most {} steps deep, in {:.1} s",
        report.states, report.transitions, report.depth, report.seconds
    );
    if let Some(most) = memory.most_bytes() {
        write!(text, " and {} of memory", amount(most)).expect("a string takes all");
    }
    writeln!(
        text,
        "; {} states are of the delivery machine and its world alone\n",
        report.protocol_states
    )
    .expect("a string takes all");
    let configurations = bounds.configurations();
    let at_byte_level = bounds.at_byte_level();
    let walks = report
        .walks
        .iter()
        .map(|(place, walk)| (configurations[*place].name.as_str(), walk));
    let at_byte_level_walks = report.bytes.walks.iter();
    let walks = walks.chain(at_byte_level_walks.map(|(place, walk)| (at_byte_level[*place].name.as_str(), walk)));
    text += &table(
        &[
            Column::Text("configuration"),
            Column::Number("states"),
            Column::Number("transitions"),
            Column::Number("steps"),
        ],
        walks.map(|(name, walk)| {
            let numbers = [walk.states, walk.transitions, walk.depth.into()];
            std::iter::once(name.to_owned())
                .chain(numbers.map(|number| number.to_string()))
                .collect()
        }),
    );
    text += "\nput to the test: ";
    let idle: Vec<&str> = report.idle().into_iter().map(Property::id).collect();
    text += &match idle.len() {
        0 => "every property that is judged\n".to_owned(),
        _ => format!("every property that is judged, but for {}\n", idle.join(", ")),
    };
    let never: Vec<&str> = report.never_met().map(Sometimes::text).collect();
    text += &match never.len() {
        0 => format!(
            "met at some time: all of {}\n",
            counted(Sometimes::ALL.len(), "situation")
        ),
        _ => format!("never met: {}\n", never.join("; ")),
    };
    for (key, found) in &report.violations {
        let name = &configurations[found.configuration].name;
        text += &headline(*key, found.distance, name);
        for (place, step) in found.steps.iter().enumerate() {
            writeln!(text, "  {:>2}  {step}", place + 1).expect("a string takes all");
        }
        text += &whereabouts(&files[key]);
    }
    for (key, found) in &report.bytes.violations {
        let name = &at_byte_level[found.configuration].name;
        text += &headline(*key, found.distance, name);
        for line in &found.transcript {
            writeln!(text, "  {line}").expect("a string takes all");
        }
        text += &match &found.scenario {
            Ok(_) => whereabouts(&files[key]),
            Err(why) => format!("\n  scenario  none: {why}\n"),
        };
    }
    text.push('\n');
    text
}

fn whereabouts(file: &Path) -> String {
    let file = file.display();
    format!("\n  scenario  {file}\n  replay    {}\n", replay(&file))
}

fn replay(file: &impl Display) -> String {
    format!("cargo run --release -- replay {file}")
}

fn headline((property, rule): (Property, &'static str), distance: Distance, configuration: &str) -> String {
    format!(
        "\nviolated {} {}, rule {rule}: {}, {}, from “{configuration}”\n",
        property.id(),
        property.name(),
        counted(distance.injections, "injection"),
        counted(distance.steps, "step"),
    )
}

fn json(report: &Report, bounds: Bounds, memory: &Memory, files: &Files) -> Value {
    let configurations = bounds.configurations();
    let at_byte_level = bounds.at_byte_level();
    let violation = |key: (Property, &'static str), distance: Distance, name: &str, way: Vec<String>| {
        let file = files.get(&key).map(|file| file.display());
        json!({
            "property": key.0.id(),
            "rule": key.1,
            "configuration": name,
            "injections": distance.injections,
            "steps": distance.steps,
            "way": way,
            "scenario": file.as_ref().map(ToString::to_string),
            "replay": file.as_ref().map(replay),
        })
    };
    let of_delivery = report.violations.iter().map(|(key, found)| {
        let way = found.steps.iter().map(ToString::to_string).collect();
        violation(*key, found.distance, &configurations[found.configuration].name, way)
    });
    let of_bytes = report.bytes.violations.iter().map(|(key, found)| {
        let name = &at_byte_level[found.configuration].name;
        violation(*key, found.distance, name, found.transcript.clone())
    });
    let violations = of_delivery.chain(of_bytes);
    json!({
        "bounds": bounds.name(),
        "states": report.states,
        "protocol_states": report.protocol_states,
        "transitions": report.transitions,
        "depth": report.depth,
        "seconds": report.seconds,
        "memory_bytes": memory.most_bytes(),
        "is_complete": report.is_complete,
        "judges": check::judged().map(Property::id).collect::<Vec<_>>(),
        "not_exercised": report.idle().into_iter().map(Property::id).collect::<Vec<_>>(),
        "met": report.met.iter().map(|one| one.text()).collect::<Vec<_>>(),
        "never_met": report.never_met().map(Sometimes::text).collect::<Vec<_>>(),
        "violations": violations.collect::<Vec<_>>(),
    })
}

fn last_line(report: &Report, bounds: Bounds, memory: &Memory) -> String {
    let states = report.states;
    let broken = report.broken();
    if let Some((property, rule)) = broken.first() {
        let (broken, verb) = match broken.len() {
            1 => ("1 rule".to_owned(), "is"),
            many => (format!("{many} rules"), "are"),
        };
        return format!(
            "{broken} {verb} broken in {states} states, the first {rule} of {property}: the steps above tell how."
        );
    }
    if memory.is_over() {
        return format!(
            "Out of the memory that it may take after {states} states, in which nothing was wrong: allow more with `--memory`."
        );
    }
    if !report.is_complete {
        return format!("Interrupted after {states} states, in which nothing was wrong.");
    }
    let next = match bounds {
        Bounds::Small => "go on with `postern check --bounds ci`",
        Bounds::Ci => "go on with `postern check --bounds nightly`",
        Bounds::Nightly => "go on with `postern explore`",
    };
    format!("Nothing is wrong in any of {states} states: {next}.")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_configuration_is_chosen_by_place_or_by_the_beginning_of_its_name() {
        let mut all = Bounds::Small.configurations();
        all.retain(|named| named.question == Question::IsAllWell);
        let name = |which| chosen(&all, which).map(|named| named.name.as_str());
        assert_eq!(name("1"), Some(all[0].name.as_str()));
        assert_eq!(name("a null"), Some("a null MX"));
        let beyond = (all.len() + 1).to_string();
        for wrong in ["0", &beyond, "-1", "no such"] {
            assert_eq!(name(wrong), None, "{wrong}");
        }
    }
}
