//! What `postern check` walks, and what it tells of a mutant.

use std::fmt::Write;

use mailpostern::breaks::breaks;
use mailpostern::check::{Bounds, check};
use mailpostern::table::{Column, table};
use postern_model::formal::{Configuration, Distance};
use postern_model::mutant::Mutant;

const ALL: [Bounds; 3] = [Bounds::Small, Bounds::Ci, Bounds::Nightly];

/// The mutant of the example: a few steps convict it, and everybody who runs a mail server knows it.
const EXAMPLE: Mutant = Mutant::BouncesWhenStarttlsVanishes;

/// What there is in a configuration.
type Size = fn(&Configuration) -> usize;

const SIZES: [(&str, Size); 7] = [
    ("messages", |configuration| configuration.messages.len()),
    ("exchangers", |configuration| configuration.exchangers.len()),
    ("attacks", |configuration| configuration.budget.attacks.into()),
    ("drifts", |configuration| configuration.budget.drifts.into()),
    ("restarts", |configuration| configuration.budget.restarts.into()),
    ("kinds of attack", |configuration| configuration.attacks.len()),
    ("kinds of drift", |configuration| configuration.drifts.len()),
];

/// The most that there is in any one configuration of each bounds.
pub(crate) fn bounds() -> String {
    let rows = ALL.map(|bounds| {
        let all = bounds.configurations();
        let most = |size: Size| {
            let most = all.iter().map(|named| size(&named.configuration)).max();
            most.unwrap_or_default().to_string()
        };
        let sizes = SIZES.map(|(_, size)| most(size));
        [vec![bounds.name().to_owned(), all.len().to_string()], sizes.to_vec()].concat()
    });
    table(
        &columns([Column::Text("bounds"), Column::Number("configurations")]),
        rows,
    )
}

/// Every configuration.
pub(crate) fn configurations() -> String {
    let rows = ALL.into_iter().flat_map(|bounds| {
        bounds.configurations().into_iter().map(move |named| {
            let sizes = SIZES.map(|(_, size)| size(&named.configuration).to_string());
            [vec![bounds.name().to_owned(), named.name], sizes.to_vec()].concat()
        })
    });
    table(&columns([Column::Text("bounds"), Column::Text("configuration")]), rows)
}

/// What the walk of each configuration of bounds `small` comes to.
pub(crate) fn walked() -> String {
    let report = check(Bounds::Small, None, 2, |_| true);
    let (all, at_byte_level) = (Bounds::Small.configurations(), Bounds::Small.at_byte_level());
    let delivery = report
        .walks
        .iter()
        .map(|(place, walk)| (all[*place].name.clone(), walk));
    let bytes = report
        .bytes
        .walks
        .iter()
        .map(|(place, walk)| (at_byte_level[*place].name.clone(), walk));
    let rows = delivery.chain(bytes).map(|(name, walk)| {
        let numbers = [walk.states, walk.transitions, walk.depth.into()];
        std::iter::once(name)
            .chain(numbers.map(|number| number.to_string()))
            .collect()
    });
    let all = vec![
        "all".to_owned(),
        report.states.to_string(),
        report.transitions.to_string(),
        report.depth.to_string(),
    ];
    table(
        &[
            Column::Text("configuration"),
            Column::Number("states"),
            Column::Number("transitions"),
            Column::Number("steps"),
        ],
        rows.chain([all]),
    )
}

fn columns(first: [Column; 2]) -> Vec<Column> {
    first
        .into_iter()
        .chain(SIZES.map(|(title, _)| Column::Number(title)))
        .collect()
}

/// What convicts the mutant of the example, step by step.
pub(crate) fn counterexample() -> String {
    let report = check(Bounds::Small, Some(EXAMPLE), 2, |_| true);
    let configurations = Bounds::Small.configurations();
    let (property, rule) = breaks(EXAMPLE);
    let found = &report.violations[&(property, rule)];
    let Distance { injections, steps } = found.distance;
    let mut text = format!(
        "violated {} {}, rule {rule}: {injections} injections, {steps} steps, from “{}”\n",
        property.id(),
        property.name(),
        configurations[found.configuration].name
    );
    for (place, step) in found.steps.iter().enumerate() {
        writeln!(text, "  {:>2}  {step}", place + 1).expect("a string takes all");
    }
    text
}
