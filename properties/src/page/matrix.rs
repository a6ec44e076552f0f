//! The page of the matrix.

use maud::{Markup, html};

use super::cell::{GLUE_MARK, cell};
use super::{findings, many, page, subjects};
use crate::matrix::{Matrix, Plan, Row};
use crate::rules::Property;
use crate::subjects::Outcome;

/// The page of a matrix.
pub fn matrix(plan: &Plan, matrix: &Matrix) -> String {
    let title = "Postern: implementations and properties";
    let body = html! {
        header {
            p.kind { "Postern: SMTP over TLS, tested" }
            h1 { "Implementations and properties" }
            p { (stated(plan, matrix)) }
            nav aria-label="On this page" {
                a href="#matrix" { "Matrix" } " "
                a href="#findings" { "What is violated" } " "
                a href="#subjects" { "Subjects" } " "
                a href="#reasons" { "Reasons" }
            }
        }
        main {
            section #matrix { h2 { "Matrix" } (table(matrix)) (legend()) }
            section #findings { h2 { "What is violated" } (findings::list(matrix)) }
            (findings::sections(matrix))
            section #subjects { h2 { "Subjects" } (subjects::subjects(matrix)) }
            section #reasons { h2 { "Why a property applies, or does not" } (subjects::reasons(matrix)) }
        }
    };
    page(title, &body)
}

/// What the matrix is made of, so that it can be made again.
fn stated(plan: &Plan, matrix: &Matrix) -> String {
    let subjects = u64::try_from(matrix.rows.len()).unwrap_or_default();
    let properties = u64::try_from(Property::ALL.len()).unwrap_or_default();
    format!(
        "{} and {}. Each cell is what became of {}, from seed {}; the same seeds give the same matrix.",
        many(subjects, "subject", "subjects"),
        many(properties, "property", "properties"),
        many(plan.worlds, "world", "worlds"),
        plan.from
    )
}

fn table(matrix: &Matrix) -> Markup {
    html! {
        div.box.wide role="region" tabindex="0" aria-label="Matrix" {
            table.matrix {
                thead {
                    tr {
                        th scope="col" { "property" }
                        @for row in &matrix.rows { (head(row)) }
                    }
                }
                tbody {
                    @for (place, property) in Property::ALL.iter().enumerate() {
                        tr {
                            th scope="row" title=(property.meaning()) {
                                b { (property.id()) } " " span { (property.name()) }
                            }
                            @for row in &matrix.rows {
                                @if let Some(known) = row.cells.get(place) { (cell(row, known)) }
                            }
                        }
                    }
                }
                tfoot {
                    tr {
                        th scope="row" { "violated" }
                        @for row in &matrix.rows { td { b { (row.count(Outcome::Violated)) } } }
                    }
                }
            }
        }
    }
}

/// The library above its mode.
fn head(row: &Row) -> Markup {
    let name = row.subject.name();
    let (library, mode) = name.split_once(':').unwrap_or((name, ""));
    html! {
        th scope="col" {
            b { (library) }
            @if !mode.is_empty() { span { (mode) } }
            small { (row.subject.version()) }
        }
    }
}

fn legend() -> Markup {
    html! {
        dl.legend {
            div { dt.holds { "holds" } dd { "in every world that put it to the test; how many did stands below" } }
            div { dt.violated { "violated" } dd { "in a world at least: the link shows how" } }
            div { dt.idle { "not tested" } dd { "no world put it to the test" } }
            div { dt.void { "n/a" } dd { "does not apply: the link says why" } }
            div { dt { (GLUE_MARK) } dd { "judges the glue too, which is Postern's own" } }
        }
    }
}
