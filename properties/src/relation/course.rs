//! How each message fared in each queue, by the logs.

use std::collections::BTreeMap;
use std::time::Duration;

use postern_model::name::{DomainName, Token};
use postern_model::scenario::Level;
use postern_model::trace::{Event, LogEntry, Trace};

/// How a message fared in the queue of one host.
#[derive(Debug, Default)]
pub(super) struct Course {
    /// When it came in.
    pub(super) queued_at: Duration,
    /// The attempts at it, in order.
    pub(super) attempts: Vec<Attempt>,
}

/// One attempt.
#[derive(Debug)]
pub(super) struct Attempt {
    pub(super) began_at: Duration,
    /// The local policy for the next hop when it began.
    pub(super) level: Level,
    /// When and how it ended; none if the run ended first.
    pub(super) end: Option<(Duration, End)>,
}

/// How an attempt ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum End {
    Sent,
    Deferred,
    Bounced,
}

/// The courses of a run, by host and message.
pub(super) type Courses<'a> = BTreeMap<(&'a DomainName, &'a Token), Course>;

/// The courses of a run.
pub(super) fn courses(trace: &Trace) -> Courses<'_> {
    let mut courses = Courses::new();
    for record in &trace.records {
        match &record.event {
            Event::Queued { host, message, .. } => {
                let course = courses.entry((host, message)).or_default();
                course.queued_at = record.at;
            }
            Event::Logged { host, entry } => log(&mut courses, record.at, host, entry),
            _ => {}
        }
    }
    courses
}

fn log<'a>(courses: &mut Courses<'a>, at: Duration, host: &'a DomainName, entry: &'a LogEntry) {
    let (message, end) = match entry {
        LogEntry::Attempt { message, level, .. } => {
            let attempt = Attempt {
                began_at: at,
                level: *level,
                end: None,
            };
            let course = courses.entry((host, message)).or_default();
            return course.attempts.push(attempt);
        }
        LogEntry::Sent { message, .. } => (message, End::Sent),
        LogEntry::Deferred { message, .. } => (message, End::Deferred),
        LogEntry::Bounced { message, .. } => (message, End::Bounced),
        LogEntry::Held { .. } | LogEntry::Alarm { .. } => return,
    };
    let course = courses.get_mut(&(host, message));
    if let Some(attempt) = course.and_then(|course| course.attempts.last_mut()) {
        attempt.end = Some((at, end));
    }
}

impl Course {
    /// The levels of its attempts.
    pub(super) fn levels(&self) -> impl Iterator<Item = Level> {
        self.attempts.iter().map(|attempt| attempt.level)
    }

    /// How its attempts ended.
    pub(super) fn ends(&self) -> impl Iterator<Item = End> {
        self.attempts.iter().filter_map(|attempt| Some(attempt.end?.1))
    }

    /// When its last attempt ended.
    pub(super) fn ended_at(&self) -> Option<Duration> {
        self.attempts.last()?.end.map(|(at, _)| at)
    }
}

impl Attempt {
    /// Whether it was under way at this moment.
    pub(super) fn is_under_way(&self, at: Duration) -> bool {
        self.began_at <= at && self.end.is_none_or(|(end, _)| at <= end)
    }
}
