//! What the formal model finds shows in the simulator too, on real TLS, and only where the bug is.

use mailpostern::breaks::breaks;
use mailpostern::campaign::{Relations, examine};
use mailpostern::check::{Bounds, MODELLED, check};
use mailpostern::rules::Property;
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

#[test]
fn each_counterexample_breaks_its_rule_in_the_simulator_and_none_without_the_mutant() {
    let mut wrong = Vec::new();
    for mutant in MODELLED {
        let report = check(Bounds::Small, Some(*mutant), 2, |_| true);
        let key = breaks(*mutant);
        let Some(found) = report.violations.get(&key) else {
            wrong.push(format!("{mutant}: the model does not find it"));
            continue;
        };
        let with = broken(&found.scenario);
        if !with.contains(&key) {
            wrong.push(format!(
                "{mutant}: {key:?} is not broken in the simulator, only {with:?}\n{}",
                found.scenario.print()
            ));
        }
        let unmutated = Scenario {
            mutant: None,
            ..found.scenario.clone()
        };
        let without = broken(&unmutated);
        if !without.is_empty() {
            wrong.push(format!(
                "{mutant}: without it {without:?} are broken\n{}",
                unmutated.print()
            ));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n\n"));
}
