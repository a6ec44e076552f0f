//! The transcript of every named scenario, with what became of the mail and what the judges say.

use std::fs;
use std::panic::catch_unwind;
use std::path::Path;

use insta::{Settings, assert_snapshot};
use mailpostern::campaign::{Relations, examine};
use mailpostern::catalogue::{self, Named};
use mailpostern::command::story;
use postern_sim::{Client, Crypto, Options, Server};

const SCENARIOS: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../properties/scenarios");
const TRANSCRIPTS: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/transcripts");

#[test]
fn every_named_scenario_reads_as_it_was_reviewed() {
    let catalogue = catalogue::read(Path::new(SCENARIOS)).unwrap_or_else(|error| panic!("{error}"));
    let changed = catalogue
        .iter()
        .filter(|named| catch_unwind(|| assert_reviewed(named)).is_err());
    let changed: Vec<&str> = changed.map(|named| named.name.as_str()).collect();
    assert!(
        changed.is_empty(),
        "changed: {}\nlook at them with `cargo insta review`",
        changed.join(", ")
    );
}

#[test]
fn no_transcript_outlives_its_scenario() {
    let catalogue = catalogue::read(Path::new(SCENARIOS)).unwrap_or_else(|error| panic!("{error}"));
    for entry in fs::read_dir(TRANSCRIPTS).expect("the folder of transcripts") {
        let name = entry.expect("an entry of the folder").file_name();
        let name = name.to_string_lossy();
        let Some(snapshot) = name.strip_suffix(".snap") else {
            continue;
        };
        let is_named = catalogue.iter().any(|named| snapshot_name(named) == snapshot);
        assert!(is_named, "{name} has no scenario any more; delete it");
    }
}

fn assert_reviewed(named: &Named) {
    let options = Options {
        crypto: Crypto::Real,
        client: Client::Postern,
        server: Server::Postern,
        mutant: None,
    };
    let examined = examine(&named.scenario, options, Relations::Always).unwrap_or_else(|error| panic!("{error}"));
    let mut settings = Settings::new();
    settings.set_snapshot_path(TRANSCRIPTS);
    settings.set_prepend_module_to_snapshot(false);
    settings.set_omit_expression(true);
    settings.set_description(named.scenario.title.as_str());
    settings.bind(|| assert_snapshot!(snapshot_name(named), story(&examined.run, &examined.judgement)));
}

/// `downgrade__strip-starttls-may` for `downgrade/strip-starttls-may`: one folder holds all transcripts.
fn snapshot_name(named: &Named) -> String {
    named.name.replace('/', "__")
}
