//! The formal model against its twin in Promela, which somebody else wrote from the rules: within the same bounds an outsider
//! must see the same of both, and what breaks a property in one must break it in the other.

mod bounds;
mod economy;
mod same;
mod spin;

use std::collections::BTreeSet;
use std::fs;
use std::path::Path;
use std::sync::LazyLock;

use insta::{Settings, assert_snapshot};
use mailpostern::breaks::breaks;
use mailpostern::table::{Column, table};
use postern_model::formal::{Budget, Configuration, Projected, projected};
use postern_model::scenario::Attack;

use self::bounds::{Bounds, COMPARED, EXAMPLE, MUTANTS};
use self::same::assert_same;

const PAGE: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../docs/model.md");

/// Our model within all bounds: two tests want it.
static OURS: LazyLock<Vec<Projected>> =
    LazyLock::new(|| COMPARED.map(|bounds| projected(&bounds.configuration(None))).into());

#[test]
fn our_model_shows_an_outsider_as_much_as_was_reviewed() {
    let rows = COMPARED.iter().zip(OURS.iter()).map(|(bounds, found)| {
        let mut row = described(bounds);
        row.extend([found.lines.len().to_string(), found.states.to_string()]);
        row
    });
    let ours = [Column::Number("seen"), Column::Number("our states")];
    let columns = COLUMNS.into_iter().chain(ours).collect::<Vec<_>>();
    settings().bind(|| assert_snapshot!("twin", table(&columns, rows)));
}

#[test]
fn an_outsider_sees_lines_as_the_page_explains_them() {
    let one_attack = Configuration {
        attacks: vec![Attack::StripStarttls],
        ..EXAMPLE.configuration(None)
    };
    let lines: Vec<String> = projected(&one_attack).lines.into_iter().collect();
    settings().bind(|| assert_snapshot!("projection", lines.join("\n")));

    let page = fs::read_to_string(PAGE).expect("docs/model.md is there");
    let is_word = |word: &&str| word.len() > 1 && word.chars().all(|sign| sign.is_ascii_lowercase() || sign == '-');
    let words: BTreeSet<&str> = OURS
        .iter()
        .flat_map(|found| &found.lines)
        .flat_map(|line| line.split([' ', '=', ',', '/']))
        .filter(is_word)
        .collect();
    let (explained, _): (BTreeSet<&str>, BTreeSet<&str>) = words
        .iter()
        .partition(|word| page.contains(&format!("`{word}`")) || page.contains(&format!("`{word}=`")));
    assert_eq!(words, explained, "docs/model.md does not explain every word");
}

#[test]
fn the_twin_shows_the_same_and_breaks_nothing() {
    if !spin::is_here() {
        return;
    }
    for (place, (bounds, ours)) in COMPARED.iter().zip(OURS.iter()).enumerate() {
        let twin = spin::run(&format!("bounds-{place}"), &bounds.definitions(None));
        assert_eq!(twin.errors, Vec::<String>::new(), "{bounds:?}");
        assert_eq!(twin.violated, BTreeSet::new(), "{bounds:?}");
        assert_same(
            ("our model", &ours.lines),
            ("the twin", &twin.lines),
            &format!("{bounds:?}"),
        );
        eprintln!(
            "{} seen, {} states in the twin, {} in ours: {bounds:?}",
            ours.lines.len(),
            twin.states,
            ours.states
        );
    }
}

#[test]
fn a_mutant_of_the_twin_breaks_what_its_original_breaks() {
    if !spin::is_here() {
        return;
    }
    let mut rows = Vec::new();
    for (mutant, bounds) in MUTANTS {
        let twin = spin::run(&mutant.to_string(), &bounds.definitions(Some(mutant)));
        // Mail that nobody takes care of any more may be just what the mutant does. A search that was cut short proves nothing.
        let is_cut_short = |error: &&String| {
            ["not completed", "too small", "reached"]
                .iter()
                .any(|mark| error.contains(mark))
        };
        assert_eq!(twin.errors.iter().find(is_cut_short), None, "{mutant}");
        let (property, rule) = breaks(mutant);
        assert!(
            twin.violated.contains(property.id()),
            "{mutant} breaks {:?} in the twin, and not {}",
            twin.violated,
            property.id()
        );
        let ours = projected(&bounds.configuration(Some(mutant)));
        assert_same(
            ("our model", &ours.lines),
            ("the twin", &twin.lines),
            &mutant.to_string(),
        );
        let violated: Vec<String> = twin.violated.into_iter().collect();
        let mut row = vec![
            mutant.to_string(),
            property.id().to_owned(),
            rule.to_owned(),
            violated.join(", "),
        ];
        row.extend(described(&bounds));
        rows.push(row);
    }
    let first = [
        Column::Text("mutant"),
        Column::Text("property"),
        Column::Text("rule"),
        Column::Text("broken in the twin"),
    ];
    let columns = first.into_iter().chain(COLUMNS).collect::<Vec<_>>();
    settings().bind(|| assert_snapshot!("twin-mutants", table(&columns, rows)));
}

const COLUMNS: [Column; 8] = [
    Column::Text("level"),
    Column::Number("exchangers"),
    Column::Number("messages"),
    Column::Text("demands TLS"),
    Column::Text("black holes"),
    Column::Number("attacks"),
    Column::Number("drifts"),
    Column::Number("restarts"),
];

fn described(bounds: &Bounds) -> Vec<String> {
    let Budget {
        attacks,
        drifts,
        restarts,
    } = bounds.budget;
    let yes = |it_is: bool| if it_is { "yes" } else { "no" }.to_owned();
    vec![
        bounds.level.to_string(),
        bounds.exchangers.to_string(),
        bounds.messages.to_string(),
        yes(bounds.demands_tls),
        yes(bounds.has_black_holes),
        attacks.to_string(),
        drifts.to_string(),
        restarts.to_string(),
    ]
}

fn settings() -> Settings {
    let mut settings = Settings::new();
    settings.set_snapshot_path(Path::new(env!("CARGO_MANIFEST_DIR")).join("tables"));
    settings.set_prepend_module_to_snapshot(false);
    settings.set_omit_expression(true);
    settings
}
