//! The matrix for a terminal.

use std::fmt::Write;

use mailpostern::matrix::{Matrix, Plan, Row, Violation};
use mailpostern::rules::Property;
use mailpostern::subjects::{Applies, Cell, Outcome, Subject};
use mailpostern::table::{Column, counted, table};

use super::Page;

/// The heads of the columns; more subjects than that go by their number.
const LETTERS: [&str; 26] = [
    "A", "B", "C", "D", "E", "F", "G", "H", "I", "J", "K", "L", "M", "N", "O", "P", "Q", "R", "S", "T", "U", "V", "W",
    "X", "Y", "Z",
];

const LEGEND: &str = "\
violated  in a world at least: below     -   no world put it to the test
holds     wherever it was put to the test    n/a  does not apply: `--json` and `--html` say why
+         judges the glue too, which is Postern's own

";

/// The tables, and what is violated.
pub(super) fn text(plan: &Plan, matrix: &Matrix, page: Page<'_>) -> String {
    let mut text = format!(
        "{} and {} properties, {} each from seed {}\n\n",
        counted(matrix.rows.len(), "subject"),
        Property::ALL.len(),
        counted(plan.worlds, "world"),
        plan.from
    );
    text += &subjects(matrix);
    text.push('\n');
    text += &cells(matrix);
    text.push('\n');
    text += LEGEND;
    for (subject, violation) in matrix.violations() {
        write_violation(&mut text, subject, violation).expect("a string takes all");
    }
    for row in &matrix.rows {
        if let Some((seed, why)) = &row.first_failure {
            writeln!(
                text,
                "the testbed failed on {} worlds of {}, first on seed {seed}: {why}\n",
                row.failed, row.subject
            )
            .expect("a string takes all");
        }
    }
    match page {
        Some(Ok(page)) => writeln!(text, "page  {}\n", page.display()).expect("a string takes all"),
        Some(Err(why)) => writeln!(text, "{why}\n").expect("a string takes all"),
        None => {}
    }
    text
}

fn subjects(matrix: &Matrix) -> String {
    let columns = [
        Column::Text(""),
        Column::Text("subject"),
        Column::Text("version"),
        Column::Text("role"),
        Column::Number("worlds"),
        Column::Number("sessions"),
        Column::Number("hold"),
        Column::Number("violated"),
        Column::Number("not tested"),
        Column::Number("n/a"),
    ];
    let rows = matrix.rows.iter().enumerate().map(|(place, row)| {
        let counts = [
            Outcome::Holds,
            Outcome::Violated,
            Outcome::NotExercised,
            Outcome::NotApplicable,
        ];
        let names = [
            letter(place).to_owned(),
            row.subject.to_string(),
            row.subject.version().to_owned(),
            row.subject.role().to_string(),
            row.worlds.to_string(),
            row.sessions.to_string(),
        ];
        let counts = counts.map(|outcome| row.count(outcome).to_string());
        names.into_iter().chain(counts).collect()
    });
    table(&columns, rows)
}

fn cells(matrix: &Matrix) -> String {
    let heads = (0..matrix.rows.len()).map(|place| Column::Text(letter(place)));
    let columns: Vec<Column> = [Column::Text("property")].into_iter().chain(heads).collect();
    let rows = Property::ALL.iter().enumerate().map(|(place, property)| {
        let name = format!("{property} {}", property.name());
        let cells = matrix.rows.iter().map(|row| word(row, place));
        [name].into_iter().chain(cells).collect()
    });
    table(&columns, rows)
}

fn word(row: &Row, place: usize) -> String {
    let Some(Cell { applies, outcome, .. }) = row.cells.get(place) else {
        return String::new();
    };
    let word = match outcome {
        Outcome::Holds => "holds",
        Outcome::Violated => "violated",
        Outcome::NotExercised => "-",
        Outcome::NotApplicable => "n/a",
    };
    match applies {
        Applies::WithGlue(_) => format!("{word}+"),
        _ => word.to_owned(),
    }
}

fn letter(place: usize) -> &'static str {
    LETTERS.get(place).copied().unwrap_or("…")
}

fn write_violation(text: &mut String, subject: Subject, violation: &Violation) -> std::fmt::Result {
    let (property, finding) = (violation.property, &violation.finding);
    let glue = match subject.applies(property) {
        Applies::WithGlue(_) => ", which judges the glue too",
        _ => "",
    };
    writeln!(
        text,
        "{subject} violates {property} {}, rule {}{glue}: worlds {}, first seed {}",
        property.name(),
        finding.rule,
        finding.worlds,
        finding.seed
    )?;
    writeln!(text, "  {}", violation.why())?;
    if let Some(file) = violation.evidence.file() {
        let steps = violation.evidence.exhibit().map(|exhibit| exhibit.scenario.step.len());
        let steps = steps.map_or_else(String::new, |steps| format!(" ({})", counted(steps, "step")));
        writeln!(text, "  scenario  {}{steps}", file.display())?;
    }
    if let Some(replay) = violation.evidence.replay() {
        writeln!(text, "  replay    {replay}")?;
    }
    if let Some(why) = violation.evidence.lacks() {
        writeln!(text, "  not shown again: {why}")?;
    }
    writeln!(text)
}
