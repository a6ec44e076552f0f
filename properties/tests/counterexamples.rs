//! What the formal model finds shows in the simulator too, on real TLS, and only where the bug is.

use mailpostern::breaks::breaks;
use mailpostern::campaign::{Relations, examine};
use mailpostern::check::{Bounds, MODELLED, bytes, check};
use mailpostern::rules::Property;
use postern_model::formal::bytes::Untold;
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

/// What a mutant breaks in the model besides the rule that it is known by, and what does not show in the simulator as the
/// same: told in simulated time, messages run side by side as they do and not as the model had them; or another judge is the
/// one to see it there.
const NOT_SHOWN: &[(Mutant, Property, &str)] = &[
    (Mutant::RemembersTlsAndRefusesClear, Property::P03, "SEED-14"),
    (Mutant::LaundersTlsIntoPolicy, Property::P03, "SEED-14"),
    (Mutant::RequiresTlsUnasked, Property::P03, "SEED-14"),
    (Mutant::DefersAfterBrokenHandshake, Property::P03, "SEED-14"),
    (Mutant::AlarmHoldsMail, Property::P03, "SEED-14"),
    (Mutant::NeverTriesTls, Property::P10, "SEED-10"),
    (Mutant::OrdersBySecurity, Property::P09, "SEED-11"),
    (Mutant::RetriesAtOnce, Property::P04, "R3207-6-b"),
    (Mutant::RetriesAtOnce, Property::P11, "R5321-5.1-d"),
    (Mutant::ReusesClearSessionForRequired, Property::P39, "R5321-4.5.4.1-e"),
    (Mutant::NegativeMemoryNeverExpires, Property::P04, "R3207-6-b"),
    (Mutant::Remembers5yzToMail, Property::P03, "SEED-11"),
    (Mutant::Remembers5yzToMail, Property::P09, "SEED-11"),
    (Mutant::SendsAgainAfterAcceptance, Property::P10, "SEED-10"),
    (Mutant::DemandsTlsOfLocalMail, Property::P11, "R5321-5.1-d"),
    // A handshake that fails at the server alone is nothing that a scenario can say.
    (Mutant::LooksAtCertificateAfterMail, Property::P29, "R3207-4.1-a"),
];

/// What is wrong with the counterexamples of a mutant, by what each breaks.
fn wrong_among<'a>(
    mutant: Mutant,
    found: impl Iterator<Item = ((Property, &'static str), Result<&'a Scenario, Untold>)>,
) -> Vec<String> {
    let mut wrong = Vec::new();
    let mut is_known_by = false;
    for (key @ (property, rule), scenario) in found {
        is_known_by |= key == breaks(mutant);
        let problem = match scenario {
            Ok(scenario) => wrong_with(mutant, scenario, key),
            Err(why) => Some(format!("{mutant}, {key:?}: {why}")),
        };
        match NOT_SHOWN.contains(&(mutant, property, rule)) {
            false => wrong.extend(problem),
            true if problem.is_none() => wrong.push(format!("{mutant}, {key:?} shows after all")),
            true => {}
        }
    }
    if !is_known_by {
        wrong.push(format!("{mutant}: the model does not find what it breaks"));
    }
    wrong
}

#[test]
fn each_counterexample_breaks_its_rule_in_the_simulator_and_none_without_the_mutant() {
    let mut wrong = Vec::new();
    for mutant in MODELLED {
        let report = check(Bounds::Small, Some(*mutant), 2, |_| true);
        let found = report.violations.iter();
        let found = found.map(|(key, found)| (*key, Ok(&found.scenario)));
        wrong.extend(wrong_among(*mutant, found));
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n\n"));
}

#[test]
fn each_counterexample_at_byte_level_does_so_too() {
    let mut wrong = Vec::new();
    for mutant in bytes::MODELLED {
        let report = bytes::check(Bounds::Small, Some(*mutant));
        let found = report.violations.iter();
        let found = found.map(|(key, found)| (*key, found.scenario.as_ref().map_err(|why| *why)));
        wrong.extend(wrong_among(*mutant, found));
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n\n"));
}

#[test]
fn nothing_is_excused_that_a_mutant_is_known_by() {
    for (mutant, property, rule) in NOT_SHOWN {
        assert_ne!(breaks(*mutant), (*property, *rule), "{mutant}");
    }
}
