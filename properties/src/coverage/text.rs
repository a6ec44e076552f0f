//! The coverage as a text to review: one line for each rule, in buckets, so that it changes when something really does.

use super::{Coverage, RuleCoverage};
use crate::table::{Column, table};

/// How many mutants, and how many scenarios, a line names.
const NAMED: usize = 2;

/// One line for each rule: what judges it, how often that was put to the test, the mutants that were convicted of
/// breaking it, the scenarios that show it; or the excuse.
pub fn text(coverage: &Coverage) -> String {
    let columns = [
        Column::Text("rule"),
        Column::Text("strength"),
        Column::Text("binds"),
        Column::Text("properties"),
        Column::Number("exercised"),
        Column::Text("mutants convicted"),
        Column::Text("scenarios"),
    ];
    table(&columns, coverage.rules.iter().map(line))
}

fn line(covered: &RuleCoverage) -> Vec<String> {
    let rule = covered.rule;
    let about = [rule.id.to_owned(), rule.strength.to_string(), rule.binds.to_string()];
    let columns = match covered.excuse {
        Some(excuse) => vec![
            String::new(),
            String::new(),
            String::new(),
            format!("excused: {excuse}"),
        ],
        None => vec![
            list(&covered.properties),
            bucket(covered.exercised).to_owned(),
            first(&covered.mutants),
            first(&covered.scenarios),
        ],
    };
    about.into_iter().chain(columns).collect()
}

fn bucket(worlds: u64) -> &'static str {
    match worlds {
        0 => "0",
        1..=9 => "1+",
        10..=99 => "10+",
        _ => "100+",
    }
}

fn list(items: &[impl ToString]) -> String {
    let items: Vec<String> = items.iter().map(ToString::to_string).collect();
    items.join(" ")
}

/// The first, and how many more there are.
fn first(items: &[impl ToString]) -> String {
    match items.len().saturating_sub(NAMED) {
        0 => list(items),
        more => format!("{} +{more}", list(&items[..NAMED])),
    }
}
