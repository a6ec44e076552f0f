//! Has SPIN make a verifier of the twin, compiles it and runs it.

use std::collections::BTreeSet;
use std::fs;
use std::io::{self, Write};
use std::path::Path;
use std::process::{Command, Output};

/// Set, the twin must be run: a machine without SPIN fails.
const REQUIRED: &str = "POSTERN_REQUIRE_SPIN";

const TWIN: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../model/promela/twin.pml");
const COMPILER: &str = "cc";

/// How the verifier is compiled: not optimised, for that takes longer than it saves; and without partial order reduction, for
/// that leaves out states, and here each is looked at.
const COMPILED_FOR: [&str; 3] = ["-O0", "-DNOREDUCE", "-DSAFETY"];

/// Deep enough for every run (`-m`), in a table that is small at first (`-w`), past every error (`-c0`), and without a list of
/// what is never reached (`-n`), which is much where only one mutant is at work.
const RUN_WITH: [&str; 4] = ["-m100000", "-w20", "-c0", "-n"];

/// What SPIN says of the twin.
pub(crate) struct Found {
    /// The states that it stored: of the twin's own kind, and not comparable with ours.
    pub(crate) states: u64,
    /// What an outsider sees.
    pub(crate) lines: BTreeSet<String>,
    /// The properties that are violated somewhere.
    pub(crate) violated: BTreeSet<String>,
    /// What else is wrong, as SPIN puts it: a message that nobody takes care of any more is an invalid end state.
    pub(crate) errors: Vec<String>,
}

/// Whether the twin can be run here. If not, it is said, and it is a failure where it is required.
pub(crate) fn is_here() -> bool {
    let missing: Vec<&str> = [("spin", "-V"), (COMPILER, "--version")]
        .into_iter()
        .filter(|(program, version)| Command::new(program).arg(version).output().is_err())
        .map(|(program, _)| program)
        .collect();
    let says = format!(
        "the Promela twin was not run: no {} on this machine",
        missing.join(" and no ")
    );
    assert!(
        missing.is_empty() || std::env::var_os(REQUIRED).is_none(),
        "{says}, and {REQUIRED} is set"
    );
    if !missing.is_empty() {
        // Past the harness, which keeps to itself what a test that passes has printed.
        writeln!(io::stderr(), "{says}").expect("the standard error stream takes a line");
    }
    missing.is_empty()
}

/// Runs the twin with these definitions, in a folder of this name.
pub(crate) fn run(name: &str, definitions: &[String]) -> Found {
    let folder = Path::new(env!("CARGO_TARGET_TMPDIR")).join("twin").join(name);
    fs::create_dir_all(&folder).expect("a folder can be made");
    let run = |program: &Path, arguments: &[&str]| -> Output {
        let output = Command::new(program).args(arguments).current_dir(&folder).output();
        output.unwrap_or_else(|error| panic!("{}: {error}", program.display()))
    };
    let mut arguments: Vec<&str> = definitions.iter().map(String::as_str).collect();
    // Nothing is to be left out of a state because only the projection, which is C, reads it (`-o2`).
    arguments.extend(["-o2", "-a", TWIN]);
    must_work(&run(Path::new("spin"), &arguments), "spin");
    let arguments = [&COMPILED_FOR[..], &["-o", "pan", "pan.c"]].concat();
    must_work(&run(Path::new(COMPILER), &arguments), COMPILER);
    let output = run(&folder.join("pan"), &RUN_WITH);
    read(&String::from_utf8_lossy(&output.stdout))
}

fn must_work(output: &Output, program: &str) {
    assert!(
        output.status.success(),
        "{program} fails:\n{}{}",
        String::from_utf8_lossy(&output.stdout),
        String::from_utf8_lossy(&output.stderr)
    );
}

fn read(output: &str) -> Found {
    let behind = |mark: &str| -> BTreeSet<String> {
        let lines = output.lines().filter_map(|line| line.strip_prefix(mark));
        lines.map(str::to_owned).collect()
    };
    let stored = output.lines().find_map(|line| line.strip_suffix(" states, stored"));
    let states = stored.and_then(|count| count.trim().parse().ok());
    Found {
        states: states.unwrap_or_else(|| panic!("SPIN does not say what it stored:\n{output}")),
        lines: behind("state "),
        violated: behind("violated "),
        errors: output.lines().filter(is_error).map(str::to_owned).collect(),
    }
}

/// Whether a line says that something is wrong beside the properties, which are told by name, or that the search was cut
/// short, which proves nothing.
fn is_error(line: &&str) -> bool {
    let is_harmless = ["assertion violated", "wrote", "elapsed time", "rate"];
    let is_of_the_verifier = line.starts_with("pan:") && !is_harmless.iter().any(|mark| line.contains(mark));
    is_of_the_verifier || line.contains("not completed") || line.starts_with("error:")
}
