//! What the formal model finds shows in the simulator too, on real TLS, and only where the bug is.

use mailpostern::breaks::breaks;
use mailpostern::campaign::{Relations, examine};
use mailpostern::check::{Bounds, MODELLED, bytes, check};
use mailpostern::rules::Property;
use postern_model::mutant::Mutant;
use postern_model::scenario::Scenario;
use postern_sim::{Client, Crypto, Options, Server};

/// The rules that a scenario breaks in the simulator.
fn broken(scenario: &Scenario) -> Vec<(Property, &'static str)> {
    scenario.validate().expect("a scenario of the model can be");
    let options = Options {
        crypto: Crypto::Real,
        client: Client::Postern,
        server: Server::Postern,
        mutant: None,
    };
    let examined = examine(scenario, options, Relations::Always).expect("the testbed does not fail");
    let violations = examined.judgement.violations();
    violations
        .map(|(property, _, violation)| (property, violation.rule))
        .collect()
}

/// What is wrong with a counterexample: it does not break the rule, or something is broken without the mutant too.
fn wrong_with(mutant: Mutant, scenario: &Scenario, key: (Property, &'static str)) -> Option<String> {
    let with = broken(scenario);
    if !with.contains(&key) {
        let text = scenario.print();
        return Some(format!(
            "{mutant}: {key:?} is not broken in the simulator, only {with:?}\n{text}"
        ));
    }
    let unmutated = Scenario {
        mutant: None,
        ..scenario.clone()
    };
    let without = broken(&unmutated);
    let text = unmutated.print();
    (!without.is_empty()).then(|| format!("{mutant}: without it {without:?} are broken\n{text}"))
}

#[test]
fn each_counterexample_breaks_its_rule_in_the_simulator_and_none_without_the_mutant() {
    let mut wrong = Vec::new();
    for mutant in MODELLED {
        let report = check(Bounds::Small, Some(*mutant), 2, |_| true);
        let key = breaks(*mutant);
        match report.violations.get(&key) {
            Some(found) => wrong.extend(wrong_with(*mutant, &found.scenario, key)),
            None => wrong.push(format!("{mutant}: the model does not find it")),
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n\n"));
}

#[test]
fn each_counterexample_at_byte_level_does_so_too() {
    let mut wrong = Vec::new();
    for mutant in bytes::MODELLED {
        let report = bytes::check(Bounds::Small, Some(*mutant));
        let key = breaks(*mutant);
        match report.violations.get(&key).map(|found| &found.scenario) {
            Some(Ok(scenario)) => wrong.extend(wrong_with(*mutant, scenario, key)),
            Some(Err(why)) => wrong.push(format!("{mutant}: {why}")),
            None => wrong.push(format!("{mutant}: the model does not find it")),
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n\n"));
}
