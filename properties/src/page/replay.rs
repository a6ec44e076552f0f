//! The page of one replay.

use maud::html;
use postern_sim::Run;

use super::{page, story};
use crate::judge::Judgement;

/// A replay, as it is shown.
#[derive(Debug, Clone, Copy)]
pub struct Replay<'a> {
    /// What was replayed: a seed or a file.
    pub source: &'a str,
    /// The title of the scenario.
    pub title: &'a str,
    /// The client of its senders.
    pub client: &'a str,
    /// The server of its hosts.
    pub server: &'a str,
    /// Whose word counted where the sources differ, in a sentence.
    pub judged_by: &'a str,
    /// What came out otherwise than the scenario states.
    pub unmet: &'a [String],
    /// The run.
    pub run: &'a Run,
    /// What the judges say of it.
    pub judgement: &'a Judgement,
}

/// The page of a replay.
pub fn replay(replay: &Replay<'_>) -> String {
    let Replay { run, judgement, .. } = replay;
    let violated: Vec<_> = judgement.violations().collect();
    let body = html! {
        header {
            p.kind { "Postern: one world, replayed" }
            h1 { (replay.title) }
            p { (replay.source) ", client " (replay.client) ", server " (replay.server) "." }
            @if violated.is_empty() {
                p.good { "Every property that was put to the test holds." }
            }
            @for (property, _, violation) in &violated {
                p.bad { strong { (property) " " (property.name()) " is violated" } ", rule " (violation.rule) ": " (violation.why) "." }
            }
            @for sentence in replay.unmet {
                p.bad { "Not as the scenario states: " (sentence) "." }
            }
            nav aria-label="On this page" {
                a href="#story" { "What happened" } " "
                a href="#fates" { "Fates" } " "
                a href="#verdicts" { "Verdicts" }
            }
        }
        main {
            section #story { h2 { "What happened" } (story::told("replay", &run.trace, judgement)) }
            section #fates { h2 { "Fates" } (story::fates(judgement)) }
            section #verdicts {
                h2 { "Verdicts" }
                p { (replay.judged_by) }
                (story::verdicts(&run.trace, judgement))
            }
        }
        footer {
            p { "Wire hash " code { (run.wire_hash) } }
            p { "Trace hash " code { (run.trace_hash) } }
        }
    };
    page(replay.title, &body)
}
