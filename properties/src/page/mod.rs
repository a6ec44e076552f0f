//! Pages that stand alone: one file, nothing to fetch, readable without scripts.
//!
//! Whatever comes from a run is text of a template, which escapes it.

mod cell;
mod findings;
mod matrix;
mod replay;
mod story;
mod subjects;

#[cfg(test)]
mod tests;

use maud::{DOCTYPE, Markup, PreEscaped, html};

pub use matrix::matrix;
pub use replay::{Replay, replay};

const STYLE: &str = include_str!("style.css");

/// Nothing may be fetched, and nothing run: a page says so itself.
const POLICY: &str = "default-src 'none'; style-src 'unsafe-inline'";

/// A whole page.
fn page(title: &str, body: &Markup) -> String {
    let page = html! {
        (DOCTYPE)
        html lang="en" {
            head {
                meta charset="utf-8";
                meta http-equiv="Content-Security-Policy" content=(POLICY);
                meta name="viewport" content="width=device-width, initial-scale=1";
                meta name="color-scheme" content="light dark";
                meta name="generator" content={ "Postern " (env!("CARGO_PKG_VERSION")) };
                title { (title) }
                style { (PreEscaped(STYLE)) }
            }
            body { (body) }
        }
    };
    page.into_string()
}

/// What may stand in an id and behind a `#`, made of any names.
fn id_of(parts: &[&str]) -> String {
    let joined = parts.join("-");
    joined
        .chars()
        .map(|character| {
            if character.is_ascii_alphanumeric() {
                character
            } else {
                '-'
            }
        })
        .collect()
}

/// A number of things, in words.
fn many(count: u64, one: &str, more: &str) -> String {
    format!("{count} {}", if count == 1 { one } else { more })
}
