use super::*;

fn covered(id: &str) -> RuleCoverage {
    RuleCoverage {
        rule: Rule::of(id).expect("a rule"),
        properties: vec![Property::P29],
        exercised: 7,
        mutants: vec![Mutant::ContinuesInClearAfterGoAhead],
        scenarios: vec!["downgrade/closed-at-starttls".to_owned()],
        excuse: None,
    }
}

fn problems(covered: RuleCoverage) -> Vec<String> {
    Coverage {
        rules: vec![covered],
        alive: Vec::new(),
    }
    .problems()
}

const MUST: &str = "R3207-4-f";
const SHOULD: &str = "R3207-4-g";

#[test]
fn a_rule_with_every_column_full_has_no_problem() {
    assert_eq!(problems(covered(MUST)), [""; 0]);
}

#[test]
fn a_must_needs_a_mutant_and_a_scenario_and_a_should_does_not() {
    for id in [MUST, SHOULD] {
        let bare = RuleCoverage {
            mutants: Vec::new(),
            scenarios: Vec::new(),
            ..covered(id)
        };
        let expected: &[&str] = match id {
            MUST => &["R3207-4-f (MUST): no mutant that breaks it was convicted, no scenario shows it"],
            _ => &[],
        };
        assert_eq!(problems(bare), expected);
    }
}

#[test]
fn a_rule_that_no_world_puts_to_the_test_is_a_hole() {
    let idle = RuleCoverage {
        exercised: 0,
        ..covered(SHOULD)
    };
    assert_eq!(problems(idle), ["R3207-4-g (SHOULD): no world puts it to the test"]);
    let unjudged = RuleCoverage {
        properties: Vec::new(),
        ..covered(SHOULD)
    };
    assert_eq!(problems(unjudged), ["R3207-4-g (SHOULD): no world puts it to the test"]);
}

#[test]
fn an_excuse_stands_for_a_hole_and_for_nothing_else() {
    let excused = RuleCoverage {
        excuse: Some("it binds whoever publishes the zone"),
        ..covered(MUST)
    };
    assert_eq!(
        problems(excused.clone()),
        ["R3207-4-f is excused although it is put to the test"]
    );
    let idle = RuleCoverage {
        exercised: 0,
        ..excused
    };
    assert_eq!(problems(idle), [""; 0]);
}

#[test]
fn a_mutant_that_lives_is_a_problem() {
    let coverage = Coverage {
        rules: vec![covered(MUST)],
        alive: vec![Mutant::NeverAlarms],
    };
    assert_eq!(coverage.problems(), ["never-alarms was convicted by nobody"]);
}

#[test]
fn the_text_counts_in_buckets_and_names_two_scenarios() {
    let mut many = covered(MUST);
    many.exercised = 1234;
    many.scenarios = ["a/one", "a/two", "b/three"].map(str::to_owned).to_vec();
    let coverage = Coverage {
        rules: vec![many, covered(SHOULD)],
        alive: Vec::new(),
    };
    let text = text(&coverage);
    let lines: Vec<Vec<&str>> = text.lines().map(|line| line.split_whitespace().collect()).collect();
    let mutant = "continues-in-clear-after-go-ahead";
    assert_eq!(
        lines[1],
        [MUST, "MUST", "client", "P29", "100+", mutant, "a/one", "a/two", "+1"]
    );
    assert_eq!(
        lines[2],
        [
            SHOULD,
            "SHOULD",
            "client",
            "P29",
            "1+",
            mutant,
            "downgrade/closed-at-starttls"
        ]
    );
}
