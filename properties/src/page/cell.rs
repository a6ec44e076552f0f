//! One cell of the matrix.

use maud::{Markup, html};

use super::id_of;
use crate::matrix::{Row, Violation};
use crate::rules::Property;
use crate::subjects::{Applies, Cell, Outcome};

/// The mark of a cell that judges the glue too.
pub(super) const GLUE_MARK: &str = "†";

/// The id of the section about a violation.
pub(super) fn finding_id(row: &Row, violation: &Violation) -> String {
    id_of(&[row.subject.name(), violation.property.id(), violation.finding.rule])
}

/// The id of the reason why a property applies or does not.
pub(super) fn reason_id(property: Property) -> String {
    id_of(&["reason", property.id()])
}

/// A cell of the table.
pub(super) fn cell(row: &Row, cell: &Cell) -> Markup {
    let glue =
        html! { @if let Applies::WithGlue(_) = cell.applies { span.glue title="judges the glue too" { (GLUE_MARK) } } };
    match cell.outcome {
        Outcome::Holds => html! {
            td.holds { "holds" (glue) small { (cell.exercised()) } }
        },
        Outcome::Violated => {
            let first = row.violations_of(cell.property).next();
            let text = html! { "violated" (glue) small { (cell.violated) " of " (cell.exercised()) } };
            html! {
                td.violated {
                    @match first {
                        Some(violation) => a href={ "#" (finding_id(row, violation)) }
                            aria-label={ (row.subject) " violates " (cell.property.id()) ": show how" } { (text) },
                        None => (text),
                    }
                }
            }
        }
        Outcome::NotExercised => html! { td.idle { "not tested" (glue) } },
        Outcome::NotApplicable => html! {
            td.void {
                a href={ "#" (reason_id(cell.property)) } aria-label={ (cell.property.id()) " does not apply to " (row.subject) ": why" } { "n/a" }
            }
        },
    }
}
