//! The own engine beside stateright, on the same transition function and bounds: `cargo bench --bench engines`.
//!
//! Every walk is a process of its own, so that its memory is its own; they take turns, and what is told is the median.

#![expect(clippy::print_stdout, reason = "the table is the output")]
#![expect(clippy::disallowed_methods, reason = "real time is what is measured")]

use std::fmt;
use std::process::Command;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Instant;

use comfy_table::{CellAlignment, Table, presets};
use cpu_time::ProcessTime;
use mailpostern::check::second::Second;
use mailpostern::check::{Bounds, Case, Named};
use mailpostern::monitors::AnyMonitor;
use postern_model::formal::{Judged, Number, Protocol, State, Step, System, Workers, explore};
use stateright::{Checker, CheckerBuilder, Model, Property};

/// The configuration of bounds `ci` that is walked.
const CONFIGURATION: &str = "1 message to one domain with 2 exchangers, may: 2 attacks, 2 drifts, 1 restart";

/// How often each engine walks.
const ROUNDS: usize = 3;

/// What walks the states.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Engine {
    /// The own one.
    Own(usize),
    /// Stateright, in whose states everything stands.
    Whole(Order, usize),
    /// Stateright on the very system that the own one walks, whose states are numbers: only the walk differs.
    Numbered(Order, usize),
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Order {
    BreadthFirst,
    DepthFirst,
}

/// Whether monitors ride along.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Judging {
    Judged,
    Unjudged,
}

/// Every engine with as many threads as it can use here.
fn engines() -> Vec<Engine> {
    let orders = [Order::BreadthFirst, Order::DepthFirst];
    let ways = orders.into_iter().flat_map(|order| [(order, 1), (order, 2)]);
    let whole = ways.clone().map(|(order, threads)| Engine::Whole(order, threads));
    let numbered = ways.map(|(order, threads)| Engine::Numbered(order, threads));
    [Engine::Own(2), Engine::Own(1)]
        .into_iter()
        .chain(whole)
        .chain(numbered)
        .collect()
}

impl fmt::Display for Engine {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let order = |order| match order {
            Order::BreadthFirst => "breadth first",
            Order::DepthFirst => "depth first",
        };
        match *self {
            Self::Own(threads) => write!(formatter, "own, threads: {threads}"),
            Self::Whole(way, threads) => write!(formatter, "stateright, {}, threads: {threads}", order(way)),
            Self::Numbered(way, threads) => {
                write!(formatter, "stateright on numbers, {}, threads: {threads}", order(way))
            }
        }
    }
}

fn main() {
    let asked: Vec<usize> = std::env::args().filter_map(|word| word.parse().ok()).collect();
    match asked[..] {
        [judging, engine] => println!("{}", walk(JUDGINGS[judging], engines()[engine])),
        _ => compare(),
    }
}

const JUDGINGS: [Judging; 2] = [Judging::Judged, Judging::Unjudged];

/// What a walk came to.
#[derive(Debug, Clone, Copy)]
struct Walk {
    states: u64,
    transitions: u64,
    /// Wall-clock time.
    seconds: f64,
    /// Processor time of all threads, in seconds.
    processor: f64,
    /// The most memory that the process ever had, in KiB; 0 where the system does not tell.
    memory: u64,
}

/// As one line that [`Walk::read`] reads.
impl fmt::Display for Walk {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self {
            states,
            transitions,
            seconds,
            processor,
            memory,
        } = self;
        write!(formatter, "{states} {transitions} {seconds} {processor} {memory}")
    }
}

impl Walk {
    fn read(line: &str) -> Option<Self> {
        let mut words = line.split_whitespace();
        Some(Self {
            states: words.next()?.parse().ok()?,
            transitions: words.next()?.parse().ok()?,
            seconds: words.next()?.parse().ok()?,
            processor: words.next()?.parse().ok()?,
            memory: words.next()?.parse().ok()?,
        })
    }
}

/// One walk, in this process.
fn walk(judging: Judging, engine: Engine) -> Walk {
    let named = configuration();
    let (began, processor) = (Instant::now(), ProcessTime::now());
    let (states, transitions) = match engine {
        Engine::Own(threads) => {
            let workers = Workers::new(threads);
            let system = system(&named, judging);
            let found = explore(&system, &workers.share(), |_| true);
            assert!(found.faults.is_empty() && found.is_complete);
            (found.states, found.transitions)
        }
        Engine::Whole(order, threads) => {
            let model = match judging {
                Judging::Judged => Second::judged(&named, None),
                Judging::Unjudged => Second::unjudged(&named, None),
            };
            by_stateright(model.checker().threads(threads), order)
        }
        Engine::Numbered(order, threads) => {
            let model = Numbered {
                system: system(&named, judging),
                is_wrong: AtomicBool::new(false),
            };
            by_stateright(model.checker().threads(threads), order)
        }
    };
    Walk {
        states,
        transitions,
        seconds: began.elapsed().as_secs_f64(),
        processor: processor.elapsed().as_secs_f64(),
        memory: peak(),
    }
}

fn configuration() -> Named {
    let all = Bounds::Ci.configurations().into_iter();
    all.clone()
        .find(|named| named.name == CONFIGURATION)
        .expect("bounds ci have it")
}

fn system(named: &Named, judging: Judging) -> Judged<AnyMonitor> {
    let Case { dynamics, bench } = Case::of(named, None);
    let bench = match judging {
        Judging::Judged => bench,
        Judging::Unjudged => Vec::new(),
    };
    Judged::by(Protocol::new(dynamics), bench)
}

fn by_stateright<M>(builder: CheckerBuilder<M>, order: Order) -> (u64, u64)
where
    M: Model + Send + Sync + 'static,
    M::State: std::hash::Hash + Clone + PartialEq + Send + Sync + 'static,
    M::Action: Clone + PartialEq,
{
    match order {
        Order::BreadthFirst => counted(builder.spawn_bfs().join()),
        Order::DepthFirst => counted(builder.spawn_dfs().join()),
    }
}

fn counted<M>(checker: impl Checker<M>) -> (u64, u64)
where
    M: Model,
    M::State: Clone + PartialEq,
    M::Action: Clone + PartialEq,
{
    assert!(checker.discoveries().is_empty(), "nothing is wrong");
    // It counts the start as if a transition led there.
    (checker.unique_state_count() as u64, checker.state_count() as u64 - 1)
}

/// The system of the own engine, for stateright.
struct Numbered {
    system: Judged<AnyMonitor>,
    is_wrong: AtomicBool,
}

impl Model for Numbered {
    type State = State<Number>;
    type Action = (Step, State<Number>);

    fn init_states(&self) -> Vec<Self::State> {
        self.system.starts()
    }

    fn actions(&self, state: &Self::State, actions: &mut Vec<Self::Action>) {
        let mut transitions = Vec::new();
        self.system.transitions(*state, &mut transitions);
        for transition in transitions {
            if !transition.faults.is_empty() {
                self.is_wrong.store(true, Ordering::Relaxed);
            }
            actions.push((transition.step, transition.to));
        }
    }

    fn next_state(&self, _: &Self::State, (_, to): Self::Action) -> Option<Self::State> {
        Some(to)
    }

    fn properties(&self) -> Vec<Property<Self>> {
        vec![Property::always("nothing is wrong", |model: &Self, _| {
            !model.is_wrong.load(Ordering::Relaxed)
        })]
    }
}

/// The most memory that this process ever had, in KiB.
fn peak() -> u64 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:"));
    let number = line.and_then(|line| line.split_whitespace().next()?.parse().ok());
    number.unwrap_or_default()
}

/// All engines in turn, in a process for each walk.
fn compare() {
    println!("“{CONFIGURATION}” of bounds ci, medians of {ROUNDS} walks\n");
    for (place, judging) in JUDGINGS.into_iter().enumerate() {
        let engines = engines();
        let mut walks = vec![Vec::new(); engines.len()];
        for _ in 0..ROUNDS {
            for (engine, walks) in walks.iter_mut().enumerate() {
                walks.push(elsewhere(place, engine));
            }
        }
        println!("{judging:?}\n\n{}\n", table(&engines, &walks));
    }
}

fn elsewhere(judging: usize, engine: usize) -> Walk {
    let this = std::env::current_exe().expect("this is a file");
    let output = Command::new(this)
        .args([judging.to_string(), engine.to_string()])
        .output()
        .expect("it runs again");
    let line = String::from_utf8_lossy(&output.stdout);
    Walk::read(&line).unwrap_or_else(|| panic!("{}", String::from_utf8_lossy(&output.stderr)))
}

fn table(engines: &[Engine], walks: &[Vec<Walk>]) -> Table {
    let mut table = Table::new();
    table.load_style(presets::ASCII_MARKDOWN).set_header([
        "engine",
        "states",
        "transitions",
        "time",
        "processor time",
        "memory",
        "time / own",
    ]);
    for column in table.column_iter_mut().skip(1) {
        column.set_cell_alignment(CellAlignment::Right);
    }
    let own = median(&walks[0], |walk| walk.seconds);
    let one = walks[0][0];
    for (engine, walks) in engines.iter().zip(walks) {
        let seconds = median(walks, |walk| walk.seconds);
        let is_whole = |walk: &Walk| (walk.states, walk.transitions) == (one.states, one.transitions);
        assert!(walks.iter().all(is_whole), "{engine} walked something else");
        table.add_row([
            engine.to_string(),
            one.states.to_string(),
            one.transitions.to_string(),
            format!("{seconds:.2} s"),
            format!("{:.2} s", median(walks, |walk| walk.processor)),
            format!("{:.0} MB", median(walks, |walk| walk.memory as f64 / 1024.0)),
            format!("{:.2} ×", seconds / own),
        ]);
    }
    table
}

fn median(walks: &[Walk], figure: impl Fn(&Walk) -> f64) -> f64 {
    let mut figures: Vec<f64> = walks.iter().map(figure).collect();
    figures.sort_by(f64::total_cmp);
    figures[figures.len() / 2]
}
