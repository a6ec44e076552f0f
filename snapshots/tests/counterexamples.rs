//! The counterexamples of the formal model: every mutant of the delivery machine and of the recipient decision is convicted
//! by the rule that it breaks.

use mailpostern::breaks::breaks;
use mailpostern::check::{Bounds, MODELLED, check};
use mailpostern::table::{Column, table};

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
        let (property, rule) = breaks(*mutant);
        let found = report.violations.get(&(property, rule));
        let found = found.unwrap_or_else(|| {
            panic!(
                "{mutant} is not convicted by {rule}, only by {:?}",
                report.violations.keys()
            )
        });
        let distance = found.distance;
        assert!(distance.steps <= STEPS_MAX, "{mutant} takes {} steps", distance.steps);
        rows.push(vec![
            mutant.to_string(),
            property.id().to_owned(),
            rule.to_owned(),
            distance.injections.to_string(),
            distance.steps.to_string(),
            names[found.configuration].clone(),
        ]);
    }
    let columns = [
        Column::Text("mutant"),
        Column::Text("property"),
        Column::Text("rule"),
        Column::Number("injections"),
        Column::Number("steps"),
        Column::Text("from"),
    ];
    insta::with_settings!({ snapshot_path => "../tables", prepend_module_to_snapshot => false, omit_expression => true }, {
        insta::assert_snapshot!("counterexamples", table(&columns, rows));
    });
}
