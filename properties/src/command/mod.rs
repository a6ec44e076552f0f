//! The words of the command line, and what each of them does.
//!
//! Data goes to standard output, progress and logs to standard error. The last line says what happened and what to do
//! next.

mod arguments;
mod check;
mod explore;
mod matrix;
mod memory;
mod mutants;
mod outcome;
mod page_file;
mod prices;
mod progress;
mod replay;
mod rules;
mod source;
mod stop;
mod suite;

use std::ffi::OsString;
use std::io::{self, ErrorKind, Write};
use std::process::ExitCode;

use clap::{CommandFactory, Parser, Subcommand};
use mailpostern::logging::{self, Verbosity};

use outcome::{CommandError, Outcome, Status};
pub use replay::story;

/// Look for the small back gate in SMTP over TLS
///
/// Postern runs SMTP clients and servers through randomised DNS and configuration drift, servers that switch TLS on and
/// off, and attackers on the path that strip STARTTLS, and checks what became of every message over simulated days.
///
/// Without a word it explores.
#[derive(Debug, Parser)]
#[command(name = "postern", version, after_help = EXIT_STATUSES, max_term_width = 100)]
struct Arguments {
    #[command(subcommand)]
    command: Command,
    /// Print one JSON document on standard output, and nothing else there
    #[arg(long, global = true, display_order = 100)]
    json: bool,
    /// Print what happens inside on standard error, with the simulated time
    #[arg(short, long, global = true, display_order = 101)]
    verbose: bool,
}

const EXIT_STATUSES: &str = "\
Exit statuses:
  0  every property holds
  1  a property was violated
  2  bad usage or a bad scenario
  3  the testbed itself failed";

#[derive(Debug, Subcommand)]
enum Command {
    /// Run random worlds, judge all properties, shrink and save what fails
    Explore(explore::Arguments),
    /// Run one world: transcript, fates, verdicts
    Replay(replay::Arguments),
    /// Walk every state of the formal model within named bounds
    Check(check::Arguments),
    /// Put every mutant before the judges: each must be convicted by the rule that it breaks
    Mutants(mutants::Arguments),
    /// Run every implementation through the same worlds: which property holds of which
    ///
    /// What an implementation violates that nobody here wrote is a result, and no failure: the exit status is 1 only where
    /// Postern itself violates a property.
    Matrix(matrix::Arguments),
    /// Measure what puts each rule to the test: worlds, mutants, scenarios
    Rules(rules::Arguments),
}

/// Runs the command that the process was called with.
pub fn main() -> ExitCode {
    let arguments = Arguments::parse_from(words());
    let status = match run(&arguments) {
        Ok(outcome) => print(&outcome, arguments.json),
        Err(error) => {
            eprintln!("error: {error}");
            error.status()
        }
    };
    status.into()
}

/// The grammar of the command line, from which its help is made.
pub fn grammar() -> clap::Command {
    Arguments::command()
}

/// The words of the command line; no words at all mean `explore`.
fn words() -> Vec<OsString> {
    let mut words: Vec<OsString> = std::env::args_os().collect();
    let only_flags = words
        .iter()
        .skip(1)
        .all(|word| word == "--json" || word == "-v" || word == "--verbose");
    if only_flags {
        words.push("explore".into());
    }
    words
}

fn run(arguments: &Arguments) -> Result<Outcome, CommandError> {
    let verbosity = if arguments.verbose {
        Verbosity::Verbose
    } else {
        Verbosity::Quiet
    };
    logging::install(verbosity).map_err(|error| CommandError::Testbed(error.to_string()))?;
    let with_progress = !arguments.verbose;
    match &arguments.command {
        Command::Explore(arguments) => explore::run(arguments, with_progress),
        Command::Replay(arguments) => replay::run(arguments),
        Command::Check(arguments) => check::run(arguments, with_progress),
        Command::Mutants(arguments) => mutants::run(arguments, with_progress),
        Command::Matrix(arguments) => matrix::run(arguments, with_progress),
        Command::Rules(arguments) => rules::run(arguments, with_progress),
    }
}

/// Writes the data to standard output. A reader that has seen enough and closed the pipe is no failure.
fn print(outcome: &Outcome, json: bool) -> Status {
    let written = if json {
        writeln!(io::stdout(), "{:#}", outcome.json)
    } else {
        let closing = outcome.closing();
        write!(io::stdout(), "{}", outcome.text).and_then(|()| writeln!(io::stdout(), "{closing}"))
    };
    match written.and_then(|()| io::stdout().flush()) {
        Err(error) if error.kind() != ErrorKind::BrokenPipe => {
            eprintln!("error: cannot write to standard output: {error}");
            Status::TestbedFailed
        }
        _ => {
            if json {
                eprintln!("{}", outcome.last_line);
            }
            outcome.status
        }
    }
}
