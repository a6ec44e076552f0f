//! docs/findings.md says nothing that cannot be seen again: each of its scenarios breaks the rule that its name says, with the
//! implementation that its name says, and not with Postern in its place.

use std::fs;
use std::path::{Path, PathBuf};

use mailpostern::campaign::{Relations, examine};
use mailpostern::rules::Property;
use mailpostern::subjects::Subject;
use postern_model::scenario::Scenario;
use postern_sim::{Crypto, Options};

const PAGE: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../docs/findings.md");

/// The files, in order.
fn files() -> Vec<PathBuf> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("findings");
    let entries = fs::read_dir(folder).expect("the folder of findings is there");
    let mut files: Vec<PathBuf> = entries.map(|entry| entry.expect("it can be read").path()).collect();
    files.sort();
    files
}

fn name(file: &Path) -> &str {
    file.file_name().and_then(|name| name.to_str()).expect("a plain name")
}

/// What a name says: the property, the rule and the subject.
fn told(file: &Path) -> (Property, String, Subject) {
    let (id, rest) = name(file).split_once('-').expect("a property and more");
    let property = Property::ALL.iter().find(|property| property.id() == id);
    let named = Subject::all().filter_map(|subject| {
        let (rule, _) = rest.split_once(&format!("-{}-", subject.name().replace(':', "-")))?;
        Some((rule.to_owned(), subject))
    });
    let (rule, subject) = named.last().expect("it names a subject");
    (*property.expect("it names a property"), rule, subject)
}

/// Whether a subject breaks the rule in a scenario.
fn breaks(subject: Subject, scenario: &Scenario, property: Property, rule: &str) -> bool {
    let (client, server) = (subject.client(), subject.server());
    let options = Options {
        crypto: Crypto::Real,
        client,
        server,
        mutant: None,
    };
    let fitted = server.fit(client.fit(scenario.clone()));
    let judgement = examine(&fitted, options, Relations::Always).expect("it runs").judgement;
    let mut violations = judgement.violations();
    violations.any(|(violated, _, violation)| violated == property && violation.rule == rule)
}

#[test]
fn every_finding_is_true_of_whom_it_names_and_not_of_postern() {
    for file in files() {
        let (property, rule, subject) = told(&file);
        let content = fs::read(&file).expect("it can be read");
        let scenario = Scenario::parse(name(&file), content).expect("it is a scenario");
        assert!(breaks(subject, &scenario, property, &rule), "{}", name(&file));
        assert!(!breaks(Subject::Own, &scenario, property, &rule), "{}", name(&file));
    }
}

#[test]
fn the_page_has_every_finding_and_every_version() {
    let page = fs::read_to_string(PAGE).expect("the page is there");
    for file in files() {
        let (property, rule, subject) = told(&file);
        let library = subject.name().split(':').next().unwrap_or_default();
        let version = subject.version().split('+').next().unwrap_or_default();
        for word in [property.id(), &rule, library, version] {
            assert!(page.contains(word), "{} is not on the page for {}", word, name(&file));
        }
    }
    let mentioned = page
        .split('`')
        .filter(|word| word.ends_with(".toml") && word.starts_with('P'));
    let known = files();
    for mentioned in mentioned {
        assert!(
            known.iter().any(|file| name(file) == mentioned),
            "{mentioned} is on the page and not among the findings"
        );
    }
}
