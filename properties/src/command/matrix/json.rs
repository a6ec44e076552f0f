//! The matrix for programs. It depends on the seeds alone.

use mailpostern::matrix::{Matrix, Plan, Row, Violation};
use mailpostern::subjects::{Applies, Cell, Outcome};
use serde_json::{Value, json};

use super::Page;

/// One document.
pub(super) fn json(plan: &Plan, matrix: &Matrix, interrupted: bool, page: Page<'_>) -> Value {
    let cells = matrix.rows.iter();
    let cells = cells.flat_map(|row| row.cells.iter().map(move |cell| json_of_cell(row, cell)));
    let count = |outcome| matrix.rows.iter().map(|row| row.count(outcome)).sum::<usize>();
    let page = page.map(|page| match page {
        Ok(page) => json!(page.display().to_string()),
        Err(_) => Value::Null,
    });
    json!({
        "from": plan.from,
        "worlds": plan.worlds,
        "interrupted": interrupted,
        "subjects": matrix.rows.iter().map(json_of_subject).collect::<Vec<_>>(),
        "counts": {
            "holds": count(Outcome::Holds),
            "violated": count(Outcome::Violated),
            "not_exercised": count(Outcome::NotExercised),
            "not_applicable": count(Outcome::NotApplicable),
        },
        "cells": cells.collect::<Vec<_>>(),
        "page": page,
    })
}

fn json_of_subject(row: &Row) -> Value {
    let failure = row.first_failure.as_ref();
    json!({
        "name": row.subject.name(),
        "version": row.subject.version(),
        "role": row.subject.role().to_string(),
        "glue": row.subject.glue(),
        "worlds": row.worlds,
        "sessions": row.sessions,
        "fingerprint": format!("{:032x}", row.fingerprint),
        "failed": row.failed,
        "first_failure": failure.map(|(seed, why)| json!({ "seed": seed, "why": why })),
    })
}

fn json_of_cell(row: &Row, cell: &Cell) -> Value {
    let first = row.violations_of(cell.property).next();
    let why = match cell.outcome {
        Outcome::Violated => first.map(|violation| violation.why().to_owned()),
        Outcome::NotApplicable => Some(cell.applies.reason().to_owned()),
        Outcome::Holds | Outcome::NotExercised => None,
    };
    json!({
        "subject": row.subject.name(),
        "property": cell.property.id(),
        "verdict": match cell.outcome {
            Outcome::Holds => "holds",
            Outcome::Violated => "violated",
            Outcome::NotExercised => "not_exercised",
            Outcome::NotApplicable => "not_applicable",
        },
        "judges_glue": matches!(cell.applies, Applies::WithGlue(_)),
        "scenario": first.and_then(file_of),
        "why": why,
        "holds": cell.holds,
        "not_exercised": cell.not_exercised,
        "violated": cell.violated,
        "violations": row.violations_of(cell.property).map(json_of_violation).collect::<Vec<_>>(),
    })
}

fn json_of_violation(violation: &Violation) -> Value {
    let exhibit = violation.evidence.exhibit();
    json!({
        "rule": violation.finding.rule,
        "worlds": violation.finding.worlds,
        "seed": violation.finding.seed,
        "why": violation.why(),
        "scenario": file_of(violation),
        "events": exhibit.map(|exhibit| exhibit.scenario.step.len()),
        "replay": violation.evidence.replay(),
        "replays": exhibit.is_some(),
        "lacks": violation.evidence.lacks(),
    })
}

fn file_of(violation: &Violation) -> Option<String> {
    violation.evidence.file().map(|file| file.display().to_string())
}
