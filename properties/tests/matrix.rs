//! `postern matrix`: the same every time, every violation in a file that shows it again, and nothing lost.

use std::fs;
use std::path::PathBuf;
use std::process::{Command, Output};

use serde_json::Value;

fn postern(arguments: &[&str]) -> Output {
    Command::new(env!("CARGO_BIN_EXE_postern"))
        .args(arguments)
        .output()
        .expect("the command runs")
}

/// A folder of this test run, empty at first.
fn folder(name: &str) -> PathBuf {
    let path = PathBuf::from(env!("CARGO_TARGET_TMPDIR")).join(format!("{name}-{}", std::process::id()));
    drop(fs::remove_dir_all(&path));
    path
}

fn json(output: &Output) -> Value {
    serde_json::from_slice(&output.stdout).expect("standard output is one document")
}

/// The three worlds from seed 22 on: in that of seed 23, lettre believes what was injected.
fn believes(out: &str, more: &[&str]) -> Output {
    let arguments = [
        "matrix",
        "--from",
        "22",
        "--worlds",
        "3",
        "--subject",
        "lettre:required",
        "--out",
        out,
    ];
    postern(&[&arguments[..], more].concat())
}

#[test]
fn the_same_seeds_give_the_same_matrix_with_however_many_jobs() {
    let out = folder("matrix-same");
    let out = out.to_str().expect("the path is text");
    let first = believes(out, &["--json", "--jobs", "1"]);
    let second = believes(out, &["--json", "--jobs", "3"]);
    assert_eq!(
        first.status.code(),
        Some(0),
        "{}",
        String::from_utf8_lossy(&first.stderr)
    );
    assert_eq!(json(&first), json(&second));
}

#[test]
fn the_file_of_a_violated_cell_replays_to_the_same_rule_in_another_process() {
    let out = folder("matrix-replays");
    let matrix = json(&believes(out.to_str().expect("the path is text"), &["--json"]));
    let cells = matrix["cells"].as_array().expect("cells");
    let violations: Vec<&Value> = cells
        .iter()
        .flat_map(|cell| cell["violations"].as_array().expect("violations"))
        .collect();
    assert!(!violations.is_empty(), "{matrix}");
    for violation in violations {
        assert_eq!(violation["replays"], true, "{violation}");
        let file = violation["scenario"].as_str().expect("a file");
        let replay = violation["replay"].as_str().expect("a command");
        let words: Vec<&str> = replay.split(' ').skip_while(|word| *word != "replay").collect();
        assert!(words.contains(&file) && file.contains("lettre"), "{replay}");
        let replayed = postern(&[&words[..], &["--json"]].concat());
        assert_eq!(replayed.status.code(), Some(1), "{replay}");
        let verdicts = json(&replayed)["verdicts"].as_array().expect("verdicts").clone();
        assert!(
            verdicts.iter().any(|verdict| verdict["rule"] == violation["rule"]),
            "{replay} does not violate {}",
            violation["rule"]
        );
    }
}

#[test]
fn every_cell_has_a_verdict_and_what_does_not_apply_says_why() {
    let out = folder("matrix-cells");
    let matrix = json(&believes(out.to_str().expect("the path is text"), &["--json"]));
    let cells = matrix["cells"].as_array().expect("cells");
    assert_eq!(cells.len(), mailpostern::rules::Property::ALL.len());
    for cell in cells {
        let verdict = cell["verdict"].as_str().expect("a verdict");
        let is_told = !cell["why"].is_null();
        assert_eq!(is_told, ["violated", "not_applicable"].contains(&verdict), "{cell}");
    }
    let subject = &matrix["subjects"][0];
    assert_eq!(subject["role"], "client");
    assert!(
        subject["glue"].as_str().is_some_and(|glue| glue.contains("queue")),
        "{subject}"
    );
}

#[test]
fn the_terminal_gets_the_table_the_violations_and_the_page() {
    let out = folder("matrix-text");
    let page = folder("matrix-page").with_extension("html");
    let output = believes(
        out.to_str().expect("the path is text"),
        &["--html", page.to_str().expect("the path is text")],
    );
    let text = String::from_utf8(output.stdout).expect("data is text");
    for expected in [
        "A  lettre:required",
        "rule R3207-4.2-b",
        "  replay    cargo run --release -- replay ",
    ] {
        assert!(text.contains(expected), "{expected} is missing in\n{text}");
    }
    let mut lines = text.lines();
    assert!(lines.any(|line| line.starts_with("P28 boundary-non-interference ") && line.ends_with(" violated")));
    let last = text.lines().last().expect("a last line");
    assert!(last.ends_with(&format!("open {}.", page.display())), "{last}");
    let page = fs::read_to_string(page).expect("the page is there");
    assert!(page.starts_with("<!DOCTYPE html>") && page.ends_with("</html>"));
}

#[test]
fn a_page_that_cannot_be_written_is_refused_before_the_worlds_run() {
    let nowhere = folder("matrix-nowhere").join("page.html");
    let nowhere = nowhere.to_str().expect("the path is text");
    for arguments in [
        // More worlds than anybody can wait for.
        &["matrix", "--worlds", "1000000000", "--html", nowhere][..],
        &["replay", "7", "--html", nowhere],
        &["matrix", "--worlds", "1000000000", "--out", "/dev/null/folder"],
    ] {
        let output = postern(arguments);
        let errors = String::from_utf8(output.stderr).expect("errors are text");
        assert_eq!(output.status.code(), Some(2), "{errors}");
        assert!(errors.starts_with("error: cannot write "), "{errors}");
        assert!(output.stdout.is_empty());
    }
}

#[test]
fn a_page_whose_work_comes_to_nothing_leaves_no_file() {
    let page = folder("replay-nothing").with_extension("html");
    let output = postern(&[
        "replay",
        "no-such-file.toml",
        "--html",
        page.to_str().expect("the path is text"),
    ]);
    assert_eq!(output.status.code(), Some(2));
    assert!(!page.exists());
}

#[test]
fn a_replay_is_drawn_whatever_it_comes_to() {
    let page = folder("replay-page").with_extension("html");
    let output = postern(&["replay", "2", "--html", page.to_str().expect("the path is text")]);
    assert_eq!(
        output.status.code(),
        Some(0),
        "{}",
        String::from_utf8_lossy(&output.stderr)
    );
    let page = fs::read_to_string(page).expect("the page is there");
    assert!(page.contains("<svg") && page.contains("Every property that was put to the test holds."));
}

#[test]
fn unknown_subjects_are_refused_with_the_known_ones() {
    let output = postern(&["matrix", "--subject", "sendmail"]);
    let errors = String::from_utf8(output.stderr).expect("errors are text");
    assert_eq!(output.status.code(), Some(2), "{errors}");
    assert!(
        errors.contains("no subject is called so: write one of postern, lettre:required, "),
        "{errors}"
    );
}
