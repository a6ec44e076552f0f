//! The counterexamples of the formal model: every mutant of the delivery machine, of the recipient decision and of the sessions
//! is convicted by the rule that it breaks.

use mailpostern::breaks::breaks;
use mailpostern::check::{Bounds, MODELLED, bytes, check};
use mailpostern::rules::Property;
use mailpostern::table::{Column, table};
use postern_model::formal::Distance;
use postern_model::mutant::Mutant;

/// A reader follows no more steps than these.
const STEPS_MAX: u32 = 20;

#[test]
fn every_modelled_mutant_has_a_short_counterexample() {
    let names: Vec<String> = Bounds::Small
        .configurations()
        .into_iter()
        .map(|named| named.name)
        .collect();
    let mut rows = Vec::new();
    for mutant in MODELLED {
        let report = check(Bounds::Small, Some(*mutant), 2, |_| true);
        let key = breaks(*mutant);
        let known: Vec<_> = report.violations.keys().collect();
        let found = report.violations.get(&key);
        let found = found.unwrap_or_else(|| panic!("{mutant} is not convicted by {key:?}, only by {known:?}"));
        rows.push(row(*mutant, key, found.distance, &names[found.configuration]));
    }
    assert_table("counterexamples", rows);
}

#[test]
fn every_modelled_mutant_of_the_sessions_has_a_short_counterexample() {
    let names: Vec<String> = Bounds::Small
        .at_byte_level()
        .into_iter()
        .map(|named| named.name)
        .collect();
    let mut rows = Vec::new();
    for mutant in bytes::MODELLED {
        let report = bytes::check(Bounds::Small, Some(*mutant));
        let key = breaks(*mutant);
        let known: Vec<_> = report.violations.keys().collect();
        let found = report.violations.get(&key);
        let found = found.unwrap_or_else(|| panic!("{mutant} is not convicted by {key:?}, only by {known:?}"));
        rows.push(row(*mutant, key, found.distance, &names[found.configuration]));
    }
    assert_table("counterexamples-of-sessions", rows);
}

fn row(
    mutant: Mutant,
    (property, rule): (Property, &'static str),
    distance: Distance,
    configuration: &str,
) -> Vec<String> {
    assert!(distance.steps <= STEPS_MAX, "{mutant} takes {} steps", distance.steps);
    vec![
        mutant.to_string(),
        property.id().to_owned(),
        rule.to_owned(),
        distance.injections.to_string(),
        distance.steps.to_string(),
        configuration.to_owned(),
    ]
}

fn assert_table(name: &str, rows: Vec<Vec<String>>) {
    let columns = [
        Column::Text("mutant"),
        Column::Text("property"),
        Column::Text("rule"),
        Column::Number("injections"),
        Column::Number("steps"),
        Column::Text("from"),
    ];
    insta::with_settings!({ snapshot_path => "../tables", prepend_module_to_snapshot => false, omit_expression => true }, {
        insta::assert_snapshot!(name, table(&columns, rows));
    });
}
