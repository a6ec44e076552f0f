//! Folds attempts that repeat earlier ones, so that days of retries are a line.
//!
//! An attempt is folded if it tells word by word what an attempt at the same message told since anything else happened:
//! a drift, an attack that begins or ends, mail that enters a queue. So what changed is always seen in full.

use std::collections::BTreeMap;
use std::fmt::Write;
use std::time::Duration;

use super::attempts::{Attempt, attempts};
use super::{Line, clock};
use crate::name::{DomainName, Token};
use crate::trace::{ConnectionId, Event, LogEntry, Trace};

/// How a record is shown.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Shown {
    /// By its own lines.
    InFull,
    /// By this line, which counts attempts.
    Counted(Line),
    /// Not at all.
    Not,
}

/// Attempts at one message, one after another, of which each repeats one that was shown.
#[derive(Debug)]
struct Run<'a> {
    first: &'a Attempt,
    /// How many different stories were shown before it.
    stories: usize,
    attempts: usize,
    /// When the last of them began.
    until: Duration,
}

/// What was shown of the attempts at one message since anything else happened.
#[derive(Debug, Default)]
struct Stretch {
    stories: Vec<String>,
    /// The place of the run that the next repetition adds to.
    run: Option<usize>,
}

/// How each record is shown, given the lines that tell it.
pub(super) fn fold(trace: &Trace, told: &[Vec<Line>]) -> Vec<Shown> {
    let (attempts, owners) = attempts(trace);
    let is_disturbance = |place: usize| owners[place].is_none() && !told[place].is_empty();
    let mut shown = vec![Shown::InFull; told.len()];
    let mut runs = Vec::<Run<'_>>::new();
    let mut stretches = BTreeMap::<(&DomainName, &Token), Stretch>::new();
    for (place, owner) in owners.iter().enumerate() {
        if is_disturbance(place) {
            stretches.clear();
        }
        let Some(attempt) = owner.map(|owner| &attempts[owner]) else {
            continue;
        };
        if attempt.records[0] != place {
            continue;
        }
        let stretch = stretches.entry((&attempt.host, &attempt.message)).or_default();
        let story = story(attempt, trace, told);
        let last = attempt.records[attempt.records.len() - 1];
        if !stretch.stories.contains(&story) || (place..last).any(is_disturbance) {
            stretch.stories.push(story);
            stretch.run = None;
            continue;
        }
        for &record in &attempt.records {
            shown[record] = Shown::Not;
        }
        let run = *stretch.run.get_or_insert_with(|| {
            runs.push(Run {
                first: attempt,
                stories: stretch.stories.len(),
                attempts: 0,
                until: Duration::ZERO,
            });
            runs.len() - 1
        });
        runs[run].attempts += 1;
        runs[run].until = trace.records[place].at;
    }
    for run in runs {
        shown[run.first.records[0]] = Shown::Counted(run.line());
    }
    shown
}

impl Run<'_> {
    fn line(&self) -> Line {
        let Attempt { host, message, .. } = self.first;
        let what = match (self.stories, self.attempts) {
            (1, 1) => "the same once more".to_owned(),
            (1, attempts) => format!("the same {attempts} times more, until {}", clock(self.until)),
            (_, 1) => "once more as one of those above".to_owned(),
            (_, attempts) => {
                format!(
                    "{attempts} times more, each as one of those above, until {}",
                    clock(self.until)
                )
            }
        };
        Line {
            connection: None,
            text: format!("…    {host}: {message}, {what}"),
        }
    }
}

/// What an attempt told, without its number, its times and the numbers of its connections.
fn story(attempt: &Attempt, trace: &Trace, told: &[Vec<Line>]) -> String {
    let mut connections = Vec::<ConnectionId>::new();
    let mut story = String::new();
    for &record in &attempt.records {
        if let Event::Logged {
            entry: LogEntry::Attempt { next_hop, level, .. },
            ..
        } = &trace.records[record].event
        {
            writeln!(story, "{next_hop} {level:?}").expect("a string takes all");
            continue;
        }
        for line in &told[record] {
            let connection = line.connection.map(|connection| {
                connections
                    .iter()
                    .position(|&known| known == connection)
                    .unwrap_or_else(|| {
                        connections.push(connection);
                        connections.len() - 1
                    })
            });
            writeln!(story, "{connection:?} {}", line.text).expect("a string takes all");
        }
    }
    story
}
