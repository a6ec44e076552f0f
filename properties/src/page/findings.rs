//! What is violated: a list, and a section each that opens when a link leads to it.

use maud::{Markup, html};

use super::cell::{GLUE_MARK, finding_id};
use super::story;
use crate::matrix::{Evidence, Matrix, Row, Violation};
use crate::subjects::Applies;

/// Every violation in a line.
pub(super) fn list(matrix: &Matrix) -> Markup {
    let found: Vec<(&Row, &Violation)> = found(matrix);
    html! {
        @if found.is_empty() {
            p.good { "Nothing." }
        } @else {
            div.box role="region" tabindex="0" aria-label="Violations" {
                table {
                    thead { tr { @for head in ["subject", "property", "rule", "worlds", "why"] { th scope="col" { (head) } } } }
                    tbody {
                        @for (row, violation) in found {
                            tr {
                                th scope="row" { (row.subject) }
                                td { a href={ "#" (finding_id(row, violation)) } { (violation.property) " " (violation.property.name()) } (glue(row, violation)) }
                                td.rule { (violation.finding.rule) }
                                td.number { (violation.finding.worlds) }
                                td.why { (violation.why()) }
                            }
                        }
                    }
                }
            }
        }
    }
}

/// The sections, of which only the one that was asked for shows.
pub(super) fn sections(matrix: &Matrix) -> Markup {
    let found = found(matrix);
    let id = |place: Option<usize>| {
        let (row, violation) = found.get(place?)?;
        Some(finding_id(row, violation))
    };
    html! {
        @for (place, (row, violation)) in found.iter().enumerate() {
            section.finding id=(finding_id(row, violation)) tabindex="-1" {
                nav aria-label="Findings" {
                    a href="#matrix" { "Close" } " "
                    @if let Some(id) = id(place.checked_sub(1)) { a href={ "#" (id) } { "Previous" } " " }
                    @if let Some(id) = id(place.checked_add(1)) { a href={ "#" (id) } { "Next" } }
                }
                (section(row, violation))
            }
        }
    }
}

fn section(row: &Row, violation: &Violation) -> Markup {
    let (property, finding) = (violation.property, &violation.finding);
    html! {
        h2 { (row.subject) " violates " (property) " " (property.name()) }
        p.bad { strong { (finding.rule) } ": " (violation.why()) "." }
        p { (property.meaning()) }
        @if let Applies::WithGlue(reason) = row.subject.applies(property) {
            p { (GLUE_MARK) " This judges the glue too: " (reason) "." }
        }
        p { "In " (finding.worlds) " of " (row.worlds) " worlds, first in that of seed " (finding.seed) "." }
        @match &violation.evidence {
            Evidence::Replays(exhibit) => {
                p { "Made small, and read back from the file, it is violated again:" }
                pre.box.command tabindex="0" role="region" aria-label="Command" { (exhibit.replay) }
                (story::told(&finding_id(row, violation), &exhibit.examined.run.trace, &exhibit.examined.judgement))
                details {
                    summary { "Fates" }
                    (story::fates(&exhibit.examined.judgement))
                }
                details {
                    summary { "Scenario" }
                    pre.box tabindex="0" role="region" aria-label="Scenario" { (exhibit.scenario.print()) }
                }
            }
            Evidence::DoesNotReplay { why, replay, .. } => {
                p.bad { "There is a file, but it does not show the violation again: " (why) "." }
                pre.box.command tabindex="0" role="region" aria-label="Command" { (replay) }
            }
            Evidence::None(why) => p.bad { "There is nothing to show for it: " (why) "." }
        }
    }
}

fn glue(row: &Row, violation: &Violation) -> Markup {
    html! {
        @if let Applies::WithGlue(_) = row.subject.applies(violation.property) { span.glue title="judges the glue too" { (GLUE_MARK) } }
    }
}

fn found(matrix: &Matrix) -> Vec<(&Row, &Violation)> {
    let rows = matrix.rows.iter();
    rows.flat_map(|row| row.violations.iter().map(move |violation| (row, violation)))
        .collect()
}
