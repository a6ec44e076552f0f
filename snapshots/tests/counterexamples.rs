//! The counterexamples of the formal model: every mutant of the delivery machine, of the recipient decision and of the sessions
//! is convicted by the rule that it breaks.

use std::collections::BTreeMap;

use mailpostern::breaks::breaks;
use mailpostern::check::{Bounds, MODELLED, bytes, check};
use mailpostern::rules::Property;
use mailpostern::table::{Column, table};
use postern_model::formal::Distance;
use postern_model::mutant::Mutant;

/// A reader follows no more steps than these.
const STEPS_MAX: u32 = 20;

/// What is broken, each with how far it is and the place of the configuration that it begins with.
type Found = BTreeMap<(Property, &'static str), (Distance, usize)>;

#[test]
fn every_modelled_mutant_has_a_short_counterexample() {
    let configurations = Bounds::Small.configurations().into_iter();
    let names: Vec<String> = configurations.map(|named| named.name).collect();
    let rows = MODELLED.iter().map(|mutant| {
        let violations = check(Bounds::Small, Some(*mutant), 2, |_| true).violations.into_iter();
        let found = violations.map(|(key, found)| (key, (found.distance, found.configuration)));
        row(*mutant, &found.collect(), &names)
    });
    assert_table("counterexamples", rows.collect());
}

#[test]
fn every_modelled_mutant_of_the_sessions_has_a_short_counterexample() {
    let configurations = Bounds::Small.at_byte_level().into_iter();
    let names: Vec<String> = configurations.map(|named| named.name).collect();
    let rows = bytes::MODELLED.iter().map(|mutant| {
        let violations = bytes::check(Bounds::Small, Some(*mutant)).violations.into_iter();
        let found = violations.map(|(key, found)| (key, (found.distance, found.configuration)));
        row(*mutant, &found.collect(), &names)
    });
    assert_table("counterexamples-of-sessions", rows.collect());
}

fn row(mutant: Mutant, found: &Found, names: &[String]) -> Vec<String> {
    let key @ (property, rule) = breaks(mutant);
    let Some((distance, configuration)) = found.get(&key) else {
        panic!("{mutant} is not convicted by {key:?}, only by {:?}", found.keys());
    };
    assert!(distance.steps <= STEPS_MAX, "{mutant} takes {} steps", distance.steps);
    vec![
        mutant.to_string(),
        property.id().to_owned(),
        rule.to_owned(),
        distance.injections.to_string(),
        distance.steps.to_string(),
        names[*configuration].clone(),
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
