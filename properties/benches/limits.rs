//! What the simulator may cost, as ratios within one run against their limits: `cargo bench --bench limits`.
//!
//! Costs are CPU time, which other work on the machine disturbs least; only two threads against one is wall-clock time.

#![expect(clippy::print_stdout, reason = "the table is the output")]
#![expect(clippy::disallowed_methods, reason = "real time is what is measured")]

mod worlds;

use std::time::{Duration, Instant};

use comfy_table::{CellAlignment, Table, presets};
use cpu_time::ThreadTime;
use mailpostern::campaign::{self, Campaign, CryptoChoice};
use mailpostern::subjects::{Subject, Trial, row};
use postern_model::scenario::Scenario;
use postern_sim::Crypto;

/// Every cost is the least of so many: other work on the machine only adds to it.
const ROUNDS: usize = 15;

/// Sessions, or handshakes, that are measured together.
const SESSIONS: usize = 128;

/// Seeds of a measured campaign: few, so that the best of several has met a quiet moment of the machine.
const SEEDS: u64 = 150;

/// How often each campaign is run.
const CAMPAIGNS: usize = 6;

/// Worlds of each implementation under test, and how often they are run.
const SUBJECT_WORLDS: u64 = 100;
const SUBJECT_ROUNDS: usize = 3;

fn main() {
    println!("{}\n", machine());
    let mut table = Table::new();
    table
        .load_style(presets::ASCII_MARKDOWN)
        .set_header(["", "measured", "limit", ""]);
    for column in [1, 2] {
        let column = table.column_mut(column).expect("there are four columns");
        column.set_cell_alignment(CellAlignment::Right);
    }
    for row in sessions()
        .chain([five_days()])
        .chain(campaigns())
        .chain(growth())
        .chain(subjects())
    {
        table.add_row(row.cells());
    }
    println!("{table}");
}

/// One line of the table.
struct Row {
    what: String,
    measured: f64,
    unit: &'static str,
    limit: Option<Limit>,
}

enum Limit {
    AtMost(f64),
    AtLeast(f64),
}

impl Row {
    fn new(what: impl Into<String>, measured: f64, unit: &'static str) -> Self {
        Self {
            what: what.into(),
            measured,
            unit,
            limit: None,
        }
    }

    fn at_most(self, limit: f64) -> Self {
        Self {
            limit: Some(Limit::AtMost(limit)),
            ..self
        }
    }

    fn at_least(self, limit: f64) -> Self {
        Self {
            limit: Some(Limit::AtLeast(limit)),
            ..self
        }
    }

    fn cells(self) -> [String; 4] {
        let Self {
            what,
            measured,
            unit,
            limit,
        } = self;
        let (limit, kept) = match limit {
            None => (String::new(), ""),
            Some(Limit::AtMost(limit)) => (format!("≤ {limit}"), kept(measured <= limit)),
            Some(Limit::AtLeast(limit)) => (format!("≥ {limit}"), kept(measured >= limit)),
        };
        [what, format!("{measured:.2} {unit}"), limit, kept.to_owned()]
    }
}

fn kept(limit_is_kept: bool) -> &'static str {
    match limit_is_kept {
        true => "kept",
        false => "missed",
    }
}

/// (a) A STARTTLS session, all included, against the handshake alone.
fn sessions() -> impl Iterator<Item = Row> {
    let tiers = [(Crypto::Real, "real"), (Crypto::Fast, "fast")];
    tiers.into_iter().flat_map(|(crypto, tier)| {
        let handshake = worlds::Handshake::new(crypto);
        let (alone, together) = (worlds::sessions(SESSIONS, 1), worlds::sessions(SESSIONS, 16));
        let mut figures = [const { Vec::new() }; 3];
        for _ in 0..ROUNDS {
            let [handshakes, one, sixteen] = &mut figures;
            handshakes.push(cpu(|| (0..SESSIONS).for_each(|_| handshake.shake())));
            one.push(cpu(|| run(&alone, crypto, SESSIONS)));
            sixteen.push(cpu(|| run(&together, crypto, SESSIONS)));
        }
        let [handshakes, one, sixteen] = figures.map(least);
        let limited = |row: Row, limit| match crypto {
            Crypto::Real => row.at_most(limit),
            Crypto::Fast => row,
        };
        [
            Row::new(
                format!("(a) {tier} crypto: handshake in memory"),
                micros_each(handshakes),
                "µs",
            ),
            limited(
                Row::new(
                    format!("(a) {tier} crypto: session, 16 at a time / handshake"),
                    ratio(sixteen, handshakes),
                    "×",
                ),
                1.6,
            ),
            limited(
                Row::new(
                    format!("(a) {tier} crypto: session, one at a time / handshake"),
                    ratio(one, handshakes),
                    "×",
                ),
                2.5,
            ),
        ]
    })
}

/// (b) Five days of a message that requires TLS.
fn five_days() -> Row {
    let scenario = worlds::stripped();
    let times = (0..ROUNDS).map(|_| cpu(|| run(&scenario, Crypto::Real, 240)));
    let milliseconds = least(times).as_secs_f64() * 1e3;
    Row::new("(b) five days, an attempt every 30 minutes, CPU", milliseconds, "ms").at_most(150.0)
}

/// (c) Worlds and sessions per second.
fn campaigns() -> impl Iterator<Item = Row> {
    let explored = |jobs| {
        let campaign = Campaign {
            seeds: SEEDS,
            jobs,
            ..Campaign::default()
        };
        let began = Instant::now();
        let report = campaign::explore(&campaign, |_| {});
        let seconds = began.elapsed().as_secs_f64();
        (count(report.worlds) / seconds, count(report.sessions) / seconds)
    };
    let mut rates = [(1, Vec::new()), (2, Vec::new())];
    for _ in 0..CAMPAIGNS {
        for (jobs, rates) in &mut rates {
            rates.push(explored(*jobs));
        }
    }
    let best = |rates: Vec<(f64, f64)>| rates.into_iter().max_by(|one, other| one.0.total_cmp(&other.0));
    let [one, two] = rates.map(|(_, rates)| best(rates).expect("campaigns were run"));
    [
        Row::new("(c) worlds a second, one thread", one.0, ""),
        Row::new("(c) sessions a second, one thread", one.1, ""),
        Row::new("(c) worlds a second, two threads", two.0, ""),
        Row::new("(c) sessions a second, two threads", two.1, ""),
        Row::new("(c) two threads / one thread", two.0 / one.0, "×").at_least(1.7),
        Row::new("(c) 2000 worlds at that rate, two threads", 2000.0 / two.0, "s").at_most(30.0),
    ]
    .into_iter()
}

/// (d) What a session costs by the number of hosts and of messages of its world.
fn growth() -> impl Iterator<Item = Row> {
    let per_session = |scenario: Scenario| {
        let sessions = scenario.message.len();
        let time = least((0..ROUNDS).map(|_| cpu(|| run(&scenario, Crypto::Fast, sessions))));
        time.as_secs_f64() * 1e6 / count(sessions as u64)
    };
    let hosts = [2, 4, 8, 16].map(|hosts| (format!("(d) session in a world of {hosts} hosts"), worlds::crowd(hosts)));
    let messages = [1, 16, 64, 256].map(|messages| {
        (
            format!("(d) session in a world of {messages} messages, 16 at a time"),
            worlds::sessions(messages, 16),
        )
    });
    hosts
        .into_iter()
        .chain(messages)
        .map(move |(what, scenario)| Row::new(what, per_session(scenario), "µs"))
}

/// (e) The rate of the worlds of each implementation under test against that of Postern's own, under real cryptography, which
/// is all that some of them know.
fn subjects() -> impl Iterator<Item = Row> {
    let rate = |subject: Subject| {
        let trial = Trial {
            jobs: 1,
            crypto: CryptoChoice::Real,
            ..Trial::of(subject, SUBJECT_WORLDS)
        };
        let times = (0..SUBJECT_ROUNDS).map(|_| {
            let began = Instant::now();
            let row = row(&trial, |_| {});
            assert_eq!(row.worlds, SUBJECT_WORLDS, "{:?}", row.first_failure);
            began.elapsed()
        });
        count(SUBJECT_WORLDS) / least(times).as_secs_f64()
    };
    let own = rate(Subject::Own);
    let others = Subject::all().filter(|subject| *subject != Subject::Own);
    others.map(move |subject| {
        Row::new(
            format!("(e) worlds of {subject} / Postern's own"),
            rate(subject) / own,
            "×",
        )
        .at_least(0.5)
    })
}

/// Runs a world, which must be worth what is measured.
fn run(scenario: &Scenario, crypto: Crypto, sessions: usize) {
    let run = worlds::run(scenario, crypto);
    assert!(run.sessions >= sessions as u64, "only {} sessions", run.sessions);
}

/// The CPU time that it takes this thread.
fn cpu(work: impl FnOnce()) -> Duration {
    let began = ThreadTime::now();
    work();
    began.elapsed()
}

/// The least of the costs of several rounds.
fn least(times: impl IntoIterator<Item = Duration>) -> Duration {
    times.into_iter().min().expect("there are rounds")
}

fn ratio(one: Duration, other: Duration) -> f64 {
    one.as_secs_f64() / other.as_secs_f64()
}

fn micros_each(time: Duration) -> f64 {
    time.as_secs_f64() * 1e6 / count(SESSIONS as u64)
}

#[expect(clippy::cast_precision_loss, reason = "a rate for people")]
fn count(number: u64) -> f64 {
    number as f64
}

/// What it runs on.
fn machine() -> String {
    let about = std::fs::read_to_string("/proc/cpuinfo").unwrap_or_default();
    let model = about
        .lines()
        .find_map(|line| line.strip_prefix("model name")?.split_once(": "));
    let model = model.map_or("an unknown processor", |(_, model)| model);
    let threads = std::thread::available_parallelism().map_or(1, usize::from);
    format!("{threads} threads of {model}")
}
