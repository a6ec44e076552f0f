//! The command refuses what it cannot do with status 2 and one clear sentence, and never panics.

use std::io::Write;
use std::path::PathBuf;
use std::process::{Command, Output};

fn postern(arguments: &[&str]) -> Output {
    Command::new(env!("CARGO_BIN_EXE_postern"))
        .args(arguments)
        .output()
        .expect("the command runs")
}

/// Runs the command and expects status 2, nothing on standard output, and this on standard error.
#[track_caller]
fn assert_refused(arguments: &[&str], expected: &str) {
    let output = postern(arguments);
    let errors = String::from_utf8(output.stderr).expect("errors are text");
    assert_eq!(output.status.code(), Some(2), "{arguments:?}: {errors}");
    assert!(
        errors.contains(expected),
        "{arguments:?} should say {expected:?}, said:\n{errors}"
    );
    assert!(errors.starts_with("error: "), "{arguments:?}: {errors}");
    assert!(output.stdout.is_empty(), "{arguments:?} wrote data");
}

/// A file in the directory of this test run, removed at the end of the test.
struct Written(PathBuf);

impl Written {
    fn new(name: &str, content: &[u8]) -> Self {
        let path = PathBuf::from(env!("CARGO_TARGET_TMPDIR")).join(format!("{name}-{}.toml", std::process::id()));
        std::fs::File::create(&path)
            .and_then(|mut file| file.write_all(content))
            .expect("the directory of test files can be written");
        Self(path)
    }

    fn path(&self) -> &str {
        self.0.to_str().expect("the path is text")
    }
}

impl Drop for Written {
    fn drop(&mut self) {
        drop(std::fs::remove_file(&self.0));
    }
}

#[test]
fn unknown_words_and_flags_are_refused() {
    assert_refused(&["exlore"], "unrecognized subcommand 'exlore'");
    assert_refused(&["explore", "--sedes", "1"], "unexpected argument '--sedes'");
    assert_refused(&["explore", "7"], "unexpected argument '7'");
    assert_refused(&["replay"], "<SEED|FILE>");
}

#[test]
fn numbers_that_cannot_be_are_refused() {
    assert_refused(
        &["explore", "--seeds", "-1"],
        "write how many worlds to run, at least 1",
    );
    assert_refused(&["explore", "--seeds=0"], "write how many worlds to run, at least 1");
    assert_refused(
        &["explore", "--seeds", "many"],
        "write how many worlds to run, at least 1",
    );
    assert_refused(
        &["explore", "--from", "0xseed"],
        "a seed is a whole number of 64 bits, such as 7 or 0x5eed",
    );
    assert_refused(
        &["explore", "--from", "18446744073709551616"],
        "a seed is a whole number of 64 bits",
    );
    assert_refused(&["explore", "--for", "-5s"], "write a time such as 60s or 2h");
    assert_refused(&["explore", "--for", "0s"], "it must be more than nothing, such as 60s");
    assert_refused(
        &["explore", "--jobs", "0"],
        "write how many threads to use, from 1 to 256",
    );
    assert_refused(
        &["explore", "--shard", "3/2"],
        "write K/N with K from 1 to N, such as 2/8",
    );
    assert_refused(
        &["replay", "7", "--times", "0"],
        "write how many times to run it, at least 1",
    );
}

#[test]
fn unknown_clients_mutants_and_tiers_are_refused_with_the_known_ones() {
    assert_refused(
        &["explore", "--client", "sendmail"],
        "no client is called so: write one of postern, ",
    );
    assert_refused(
        &["replay", "7", "--client", "sendmail"],
        "no client is called so: write one of postern, ",
    );
    assert_refused(&["explore", "--crypto", "none"], "[possible values: real, fast, mixed]");
    assert_refused(&["replay", "7", "--crypto", "mixed"], "[possible values: real, fast]");
    let unknown = "no mutant is called “x-ray”: `postern mutants --list` names them";
    assert_refused(&["explore", "--mutant", "x-ray"], unknown);
    assert_refused(&["replay", "7", "--mutant", "x-ray"], unknown);
}

#[test]
fn the_suite_of_the_model_is_played_whole_and_not_drawn() {
    assert_refused(&["explore", "--suite", "model", "--seeds", "3"], "--seeds");
    assert_refused(&["explore", "--suite", "none"], "model");
}

#[test]
fn the_explorer_is_served_to_this_machine_only() {
    assert_refused(
        &["check", "--serve", "0.0.0.0:3000"],
        "0.0.0.0 can be reached from other machines: only loopback is served, such as 127.0.0.1:3000",
    );
    assert_refused(
        &["check", "--serve", "3000"],
        "write an address and a port of this machine, such as 127.0.0.1:3000",
    );
    assert_refused(&["check", "--configuration", "1"], "--serve");
    assert_refused(
        &["check", "--serve", "127.0.0.1:0", "--configuration", "99"],
        "99 is no configuration of bounds small: write a number from 1 to ",
    );
}

#[test]
fn what_cannot_be_read_is_refused() {
    let advice = "write the path of a scenario, or a seed such as 7 or 0x5eed";
    assert_refused(&["replay", "no-such-file.toml"], "cannot read no-such-file.toml: ");
    assert_refused(&["replay", "no-such-file.toml"], advice);
    assert_refused(&["replay", "99999999999999999999"], advice);
    assert_refused(&["replay", "-5"], advice);
    assert_refused(&["replay", env!("CARGO_TARGET_TMPDIR")], advice);
    assert_refused(&["replay", ""], advice);
}

#[test]
fn scenarios_that_cannot_be_are_refused_with_file_and_line() {
    let unknown_host =
        b"title = \"a\"\n[[host]]\nname = \"a.example\"\n[[message]]\nname = \"m\"\nhost = \"b.example\"\n\
        from = \"<>\"\nto = \"b@b.example\"\n";
    let cases: [(&str, &[u8], &str); 4] = [
        (
            "unknown-host",
            unknown_host,
            ":6: message[0].host: no host is called b.example; the hosts are a.example",
        ),
        ("empty", b"", ":1: missing field `title`"),
        (
            "latin-1",
            b"title = \"a\"\n# \xe9",
            ":2: this is not text: write it in UTF-8",
        ),
        ("nul", b"\0", ":1: "),
    ];
    for (name, content, expected) in cases {
        let file = Written::new(name, content);
        assert_refused(&["replay", file.path()], &format!("{}{expected}", file.path()));
    }
}

#[test]
fn noise_of_any_size_and_depth_is_refused() {
    let deep = [b"a=".to_vec(), vec![b'['; 100_000]].concat();
    let deep = Written::new("deep", &deep);
    assert_refused(&["replay", deep.path()], "recurse");
    let large = Written::new("large", &vec![b'x'; 10 << 20]);
    assert_refused(&["replay", large.path()], "a scenario has at most 1048576");
}

#[test]
fn the_mutants_are_named_on_request() {
    let output = postern(&["mutants", "--list"]);
    assert_eq!(output.status.code(), Some(0));
    let text = String::from_utf8(output.stdout).expect("data is text");
    assert!(text.contains("falls-back-to-clear  "), "{text}");
    let output = postern(&["mutants", "--list", "--json"]);
    assert!(
        output.stdout.starts_with(b"{\n"),
        "JSON alone stands on standard output"
    );
}

#[test]
fn a_campaign_prints_one_json_document_and_nothing_else() {
    let output = postern(&["--json", "explore", "--seeds", "1", "--jobs", "1"]);
    let document: serde_json::Value = serde_json::from_slice(&output.stdout).expect("standard output is one document");
    for key in [
        "worlds",
        "seconds",
        "worlds_per_second",
        "sessions",
        "jobs",
        "properties",
        "sometimes",
        "violations",
    ] {
        assert!(document.get(key).is_some(), "{key} is missing in {document}");
    }
    for key in ["id", "holds", "not_exercised", "violated"] {
        assert!(
            document["properties"][0].get(key).is_some(),
            "{key} is missing in {document}"
        );
    }
}

#[test]
fn help_and_version_are_data() {
    for word in ["--help", "--version", "help"] {
        let output = postern(&[word]);
        assert_eq!(output.status.code(), Some(0), "{word}");
        assert!(output.stderr.is_empty() && !output.stdout.is_empty(), "{word}");
    }
}
