//! Who was put to the test, and by what each can be judged.

use maud::{Markup, html};

use super::cell::reason_id;
use crate::matrix::{Matrix, Row};
use crate::rules::Property;
use crate::subjects::Applies;

/// Every subject, with what is around it.
pub(super) fn subjects(matrix: &Matrix) -> Markup {
    html! {
        div.box role="region" tabindex="0" aria-label="Subjects" {
            table {
                thead { tr { @for head in ["subject", "version", "role", "worlds", "sessions", "failed", "glue"] { th scope="col" { (head) } } } }
                tbody {
                    @for row in &matrix.rows {
                        tr {
                            th scope="row" { (row.subject) }
                            td { (row.subject.version()) }
                            td { (row.subject.role()) }
                            td.number { (row.worlds) }
                            td.number { (row.sessions) }
                            td.number { (row.failed) }
                            td.why { (row.subject.glue().unwrap_or("none: all of it is judged")) }
                        }
                        @if let Some((seed, why)) = &row.first_failure {
                            tr { th scope="row" {} td.why.bad colspan="6" { "The testbed failed on seed " (seed) ": " (why) } }
                        }
                    }
                }
            }
        }
    }
}

/// Every property, with whom it judges and why.
pub(super) fn reasons(matrix: &Matrix) -> Markup {
    html! {
        dl.reasons {
            @for property in Property::ALL {
                div id=(reason_id(*property)) tabindex="-1" {
                    dt { b { (property.id()) } " " (property.name()) }
                    dd { (property.meaning()) }
                    @for (applies, rows) in grouped(matrix, *property) {
                        dd.reason {
                            @match applies {
                                Applies::No(_) => "Does not apply to ",
                                Applies::WithGlue(_) => "Judges, glue and all, ",
                                Applies::Client(_) | Applies::Server(_) => "Judges ",
                            }
                            (names(&rows)) ": " (applies.reason()) "."
                        }
                    }
                }
            }
        }
    }
}

fn grouped(matrix: &Matrix, property: Property) -> Vec<(Applies, Vec<&Row>)> {
    let mut groups: Vec<(Applies, Vec<&Row>)> = Vec::new();
    for row in &matrix.rows {
        let applies = row.subject.applies(property);
        match groups.iter_mut().find(|(known, _)| *known == applies) {
            Some((_, rows)) => rows.push(row),
            None => groups.push((applies, vec![row])),
        }
    }
    groups
}

fn names(rows: &[&Row]) -> String {
    let names: Vec<&str> = rows.iter().map(|row| row.subject.name()).collect();
    names.join(", ")
}
