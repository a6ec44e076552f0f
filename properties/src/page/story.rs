//! One run: its diagram, its transcript, what became of each message, and the verdicts.

use maud::{Markup, html};
use postern_model::monitor::Verdict;
use postern_model::trace::Trace;
use postern_model::transcript::{TranscriptOptions, clock, transcript};

use crate::judge::Judgement;
use crate::picture::Picture;

/// The diagram of a run with its transcript below. `name` tells it from others on the page.
pub(super) fn told(name: &str, trace: &Trace, judgement: &Judgement) -> Markup {
    let picture = Picture::of(trace, judgement);
    html! {
        @if !picture.given.is_empty() {
            details.given {
                summary { "How the world is set up" }
                ul { @for fact in &picture.given { li { (fact) } } }
            }
        }
        (legend())
        div.box.drawn role="region" tabindex="0" aria-label="Sequence diagram" { (picture.draw(name)) }
        details open {
            summary { "Transcript" }
            pre.box.transcript tabindex="0" role="region" aria-label="Transcript" {
                (transcript(trace, &TranscriptOptions::default()))
            }
        }
    }
}

fn legend() -> Markup {
    html! {
        p.legend {
            span.key.clear { "in clear" }
            span.key.tls { "inside TLS" }
            span.key.dashed { "DNS, or a connection asked for" }
            span.key.bad { "attacker" }
        }
    }
}

/// What became of each message.
pub(super) fn fates(judgement: &Judgement) -> Markup {
    html! {
        div.box role="region" tabindex="0" aria-label="Fates" {
            table {
                thead { tr { @for head in ["message", "recipient", "fate", "security", "at", "attempts", "why"] { th scope="col" { (head) } } } }
                tbody {
                    @for fate in &judgement.fates {
                        tr {
                            th scope="row" { (fate.message) }
                            td { (fate.recipient) }
                            td { (fate.fate) }
                            td { @if let Some(security) = fate.security { (security) } }
                            td.number { @if let Some(at) = fate.at { (clock(at)) } }
                            td.number { (fate.attempts) }
                            td.why { (fate.why) }
                        }
                    }
                }
            }
        }
        @for alarm in &judgement.alarms {
            p { "Alarm of " (alarm.host) " about " (alarm.peer) " at " (clock(alarm.at)) "." }
        }
    }
}

/// What every judge says.
pub(super) fn verdicts(trace: &Trace, judgement: &Judgement) -> Markup {
    html! {
        div.box role="region" tabindex="0" aria-label="Verdicts" {
            table {
                thead { tr { @for head in ["property", "verdict", "rule", "why"] { th scope="col" { (head) } } } }
                tbody {
                    @for (property, verdict) in &judgement.verdicts {
                        @let (class, rule, why) = shown(trace, verdict);
                        tr class=(class) {
                            th scope="row" title=(property.meaning()) { (property) " " (property.name()) }
                            td.verdict { (verdict) }
                            td.rule { (rule) }
                            td.why { (why) }
                        }
                    }
                }
            }
        }
    }
}

fn shown(trace: &Trace, verdict: &Verdict) -> (&'static str, &'static str, String) {
    match verdict {
        Verdict::Holds => ("holds", "", String::new()),
        Verdict::NotExercised => ("idle", "", String::new()),
        Verdict::Violated { at, violation } => {
            let at = trace.records.get(*at).map(|record| clock(record.at) + ": ");
            ("violated", violation.rule, at.unwrap_or_default() + &violation.why)
        }
    }
}
