//! The judges share nothing with the machines that they judge, and nothing with the world that makes things happen.
//!
//! Two computations of the same RFCs, by two roads: what the oracle's side may name of the model is the vocabulary alone.

use std::fs;
use std::path::{Path, PathBuf};

/// What stands on the judges' side, below `src`.
const JUDGES: &[&str] = &[
    "breaks",
    "certificate",
    "claims",
    "fates",
    "judge",
    "monitors",
    "oracle",
    "reader",
    "relation",
    "rules",
    "setup",
];

/// The modules of the model that hold vocabulary.
const VOCABULARY: &[&str] = &[
    "monitor",
    "mutant",
    "name",
    "observation",
    "report",
    "scenario",
    "trace",
];

fn source_files(folder: &Path) -> Vec<PathBuf> {
    let entries = fs::read_dir(folder).expect("a folder of sources");
    let paths = entries.map(|entry| entry.expect("an entry of a folder").path());
    paths
        .flat_map(|path| if path.is_dir() { source_files(&path) } else { vec![path] })
        .collect()
}

/// The files of the judges, with their text.
fn judges() -> Vec<(PathBuf, String)> {
    let sources = Path::new(env!("CARGO_MANIFEST_DIR")).join("src");
    let is_judge = |path: &PathBuf| {
        let inside = path.strip_prefix(&sources).expect("a path below src");
        let first = inside.components().next().expect("a name");
        let first = first.as_os_str().to_string_lossy();
        JUDGES.iter().any(|judge| first.starts_with(judge))
    };
    let files = source_files(&sources).into_iter().filter(is_judge);
    files
        .map(|path| {
            let text = fs::read_to_string(&path).expect("a source that can be read");
            (path, text)
        })
        .collect()
}

/// The names behind each `postern_model::`, a group of names taken apart.
fn named_of_the_model(text: &str) -> Vec<String> {
    let behind = text.split("postern_model::").skip(1);
    behind
        .flat_map(|rest| match rest.strip_prefix('{') {
            Some(group) => top_level(group.split_once("};").map_or(group, |(group, _)| group)),
            None => vec![first_word(rest)],
        })
        .collect()
}

fn top_level(group: &str) -> Vec<String> {
    let mut depth = 0;
    let separated = group.split(|character| {
        match character {
            '{' => depth += 1,
            '}' => depth -= 1,
            _ => {}
        }
        character == ',' && depth == 0
    });
    separated
        .map(|name| first_word(name.trim()))
        .filter(|name| !name.is_empty())
        .collect()
}

fn first_word(text: &str) -> String {
    let is_part = |character: &char| character.is_alphanumeric() || *character == '_';
    text.chars().take_while(is_part).collect()
}

#[test]
fn every_part_of_the_judges_is_looked_at() {
    let files = judges();
    for judge in JUDGES {
        let found = files.iter().any(|(path, _)| {
            path.components().any(|part| {
                let part = part.as_os_str().to_string_lossy();
                part.as_ref() == *judge || part.as_ref() == format!("{judge}.rs")
            })
        });
        assert!(found, "nothing was found of {judge}");
    }
}

#[test]
fn judges_name_only_the_vocabulary_of_the_model() {
    for (path, text) in judges() {
        for name in named_of_the_model(&text) {
            assert!(
                VOCABULARY.contains(&name.as_str()),
                "{} names postern_model::{name}",
                path.display()
            );
        }
    }
}

#[test]
fn judges_never_name_the_simulator() {
    for (path, text) in judges() {
        assert!(!text.contains("postern_sim"), "{} names postern_sim", path.display());
    }
}

#[test]
fn the_scan_sees_through_groups_and_paths() {
    let text =
        "use postern_model::{mta::session, name::{Token, Mailbox}, smtp}; fn f(_: postern_model::trace::Trace) {}";
    assert_eq!(named_of_the_model(text), ["mta", "name", "smtp", "trace"]);
}
