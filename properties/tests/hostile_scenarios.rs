//! Scenario files that somebody has damaged: each is refused with its line, or it is a world that can be, however odd, and
//! then the testbed runs and judges it without failing itself.
//!
//! The damage is drawn by a generator that is the same in every run. `model/tests/hostile` fuzzes the reader further.

use std::cell::Cell;
use std::fs;
use std::path::{Path, PathBuf};

use mailpostern::campaign::{Relations, examine};
use postern_model::scenario::Scenario;
use postern_sim::{Client, Crypto, Options, Server};
use proptest::prelude::*;
use proptest::sample::Index;
use proptest::test_runner::{Config, RngAlgorithm, TestCaseError, TestCaseResult, TestRng, TestRunner};

/// One thing that is done to the lines of a file.
#[derive(Debug, Clone)]
enum Damage {
    Delete(Index),
    Repeat(Index),
    Swap(Index, Index),
    /// A line of another file is put in.
    Borrow(Index, Index),
    /// What stands in quotes gives way to what stands in quotes elsewhere.
    Rename(Index, Index),
    /// A number gives way to another one.
    Renumber(Index, u64),
    /// A character goes, or another comes in.
    Cut(Index),
    Insert(Index, char),
    Truncate(Index),
}

#[test]
fn a_damaged_scenario_is_refused_with_its_line_or_reads_back_as_it_prints() {
    let texts = texts();
    let (accepted, refused) = (Cell::new(0), Cell::new(0));
    for_damaged(1_500, &texts, |text| {
        match Scenario::parse("damaged.toml", text) {
            Ok(scenario) => {
                accepted.set(accepted.get() + 1);
                let printed = scenario.print();
                let again = Scenario::parse("printed.toml", &printed);
                prop_assert_eq!(again.as_ref(), Ok(&scenario), "{}", printed);
            }
            Err(error) => {
                refused.set(refused.get() + 1);
                let lines = 1 + text.matches('\n').count();
                prop_assert!((1..=lines).contains(&error.line), "line {} of {}", error.line, lines);
                prop_assert!(!error.problem.is_empty() && !error.problem.contains('\n'));
                let place = format!("damaged.toml:{}: ", error.line);
                prop_assert!(error.to_string().starts_with(&place), "{}", error);
            }
        }
        Ok(())
    });
    assert!(accepted.get() >= 150, "only {} of the files were read", accepted.get());
    assert!(refused.get() >= 150, "only {} of the files were refused", refused.get());
}

#[test]
fn the_testbed_never_fails_on_an_odd_world() {
    let texts = texts();
    let originals: Vec<Scenario> = texts
        .iter()
        .map(|text| Scenario::parse("named.toml", text).unwrap())
        .collect();
    let run = Cell::new(0);
    for_damaged(250, &texts, |text| {
        let Ok(scenario) = Scenario::parse("damaged.toml", text) else {
            return Ok(());
        };
        if originals.contains(&scenario) {
            return Ok(());
        }
        run.set(run.get() + 1);
        let options = Options {
            crypto: Crypto::Fast,
            client: Client::Postern,
            server: Server::Postern,
            mutant: None,
        };
        let examined = examine(&scenario, options, Relations::Always);
        let failed = |error| TestCaseError::fail(format!("{error}\n{}", scenario.print()));
        examined.map(|_| ()).map_err(failed)
    });
    assert!(run.get() >= 15, "only {} odd worlds were run", run.get());
}

/// Hands over so many named scenarios, each damaged in one to three places.
fn for_damaged(cases: u32, texts: &[String], test: impl Fn(&str) -> TestCaseResult) {
    let config = Config {
        cases,
        failure_persistence: None,
        ..Config::default()
    };
    let rng = TestRng::deterministic_rng(RngAlgorithm::ChaCha);
    let damages = prop::collection::vec(damage(), 1..4);
    TestRunner::new_with_rng(config, rng)
        .run(&(any::<Index>(), damages), |(file, damages)| {
            let mut text = file.get(texts).clone();
            for damage in &damages {
                text = damaged(&text, damage, texts);
            }
            test(&text)
        })
        .unwrap_or_else(|failure| panic!("{failure}"));
}

fn damage() -> impl Strategy<Value = Damage> {
    let index = any::<Index>;
    let number = prop_oneof![Just(0), 1..100u64, Just(u64::MAX), any::<u64>()];
    let character = prop_oneof![
        prop::sample::select("\"[]{}=,.#\n\\'-0 ".chars().collect::<Vec<_>>()),
        any::<char>()
    ];
    prop_oneof![
        2 => index().prop_map(Damage::Delete),
        2 => index().prop_map(Damage::Repeat),
        1 => (index(), index()).prop_map(|(line, other)| Damage::Swap(line, other)),
        3 => (index(), index()).prop_map(|(place, line)| Damage::Borrow(place, line)),
        5 => (index(), index()).prop_map(|(place, name)| Damage::Rename(place, name)),
        3 => (index(), number).prop_map(|(place, number)| Damage::Renumber(place, number)),
        1 => index().prop_map(Damage::Cut),
        1 => (index(), character).prop_map(|(place, character)| Damage::Insert(place, character)),
        1 => index().prop_map(Damage::Truncate),
    ]
}

fn damaged(text: &str, damage: &Damage, texts: &[String]) -> String {
    let mut lines: Vec<&str> = text.lines().collect();
    let mut characters: Vec<char> = text.chars().collect();
    if lines.is_empty() {
        return text.to_owned();
    }
    let everywhere = || texts.iter().flat_map(|text| text.lines());
    match damage {
        Damage::Delete(line) => {
            lines.remove(line.index(lines.len()));
        }
        Damage::Repeat(line) => {
            let line = line.index(lines.len());
            lines.insert(line, lines[line]);
        }
        Damage::Swap(line, other) => {
            let (line, other) = (line.index(lines.len()), other.index(lines.len()));
            lines.swap(line, other);
        }
        Damage::Borrow(place, line) => {
            let borrowed: Vec<&str> = everywhere().collect();
            lines.insert(place.index(lines.len()), borrowed[line.index(borrowed.len())]);
        }
        Damage::Rename(place, name) => {
            let names: Vec<&str> = everywhere().flat_map(quoted).collect();
            return replaced(text, quoted(text), place, names[name.index(names.len())]);
        }
        Damage::Renumber(place, number) => {
            let is_digit = |character: char| character.is_ascii_digit();
            let numbers = text
                .split(|character| !is_digit(character))
                .filter(|number| !number.is_empty())
                .collect();
            return replaced(text, numbers, place, &number.to_string());
        }
        Damage::Cut(place) => {
            characters.remove(place.index(characters.len()));
            return characters.into_iter().collect();
        }
        Damage::Insert(place, character) => {
            characters.insert(place.index(characters.len()), *character);
            return characters.into_iter().collect();
        }
        Damage::Truncate(place) => {
            characters.truncate(place.index(characters.len()));
            return characters.into_iter().collect();
        }
    }
    lines.join("\n")
}

/// What stands between double quotes.
fn quoted(text: &str) -> Vec<&str> {
    text.split('"').skip(1).step_by(2).collect()
}

/// The text with one of these parts of it replaced.
fn replaced(text: &str, parts: Vec<&str>, which: &Index, by: &str) -> String {
    if parts.is_empty() {
        return text.to_owned();
    }
    let part = parts[which.index(parts.len())];
    let start = part.as_ptr().addr() - text.as_ptr().addr();
    format!("{}{by}{}", &text[..start], &text[start + part.len()..])
}

/// The named scenarios, as they are written.
fn texts() -> Vec<String> {
    let mut files = Vec::new();
    collect(&Path::new(env!("CARGO_MANIFEST_DIR")).join("scenarios"), &mut files);
    files.sort();
    files
        .iter()
        .map(|file| fs::read_to_string(file).expect("a scenario is text"))
        .collect()
}

fn collect(folder: &Path, files: &mut Vec<PathBuf>) {
    for entry in fs::read_dir(folder).expect("the folder of scenarios") {
        let path = entry.expect("a file").path();
        match path.is_dir() {
            true => collect(&path, files),
            false => files.push(path),
        }
    }
}
