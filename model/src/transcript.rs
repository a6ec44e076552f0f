//! A trace as a text that a mail person reads without help.
//!
//! Every line stands behind the simulated clock. `C:` and `S:` are what client and server said, `clear` or `tls`; `M:` is
//! what the attacker did; `DNS` a question and its answer; `TLS` the end of a handshake; `=` what an MTA decided, by its
//! own log; `>` mail that enters a queue or a mailbox; `~` a fact of configuration or of DNS; `#1` numbers a connection.

mod attempts;
mod fold;
mod words;

use std::fmt::Write;
use std::time::Duration;

use crate::trace::{ConnectionId, Record, Trace};
use fold::Shown;
use words::Narrator;

/// How a transcript is written.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct TranscriptOptions {
    /// What becomes of attempts that repeat an earlier one word by word.
    pub repetitions: Repetitions,
}

/// What becomes of attempts that repeat an earlier one word by word.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum Repetitions {
    /// One line counts them.
    #[default]
    Counted,
    /// They are written out.
    Written,
}

/// Writes a trace as text.
pub fn transcript(trace: &Trace, options: &TranscriptOptions) -> String {
    let mut text = String::new();
    for told in tell(trace, options) {
        write_line(&mut text, &told);
    }
    text
}

/// One line of a transcript, and what it tells of.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Told {
    /// The place of the record that it tells of; of attempts that are counted, that of the first.
    pub record: usize,
    /// Time from the start of the run.
    pub at: Duration,
    /// The connection that it belongs to.
    pub connection: Option<ConnectionId>,
    /// The line, behind the clock and the connection.
    pub text: String,
}

/// The lines of the transcript, each with its record.
pub fn tell(trace: &Trace, options: &TranscriptOptions) -> Vec<Told> {
    let mut narrator = Narrator::default();
    let told: Vec<Vec<Line>> = trace.records.iter().map(|record| narrator.tell(record)).collect();
    let shown = match options.repetitions {
        Repetitions::Counted => fold::fold(trace, &told),
        Repetitions::Written => vec![Shown::InFull; told.len()],
    };
    let lines = told.into_iter().zip(shown).map(|(lines, shown)| match shown {
        Shown::InFull => lines,
        Shown::Counted(line) => vec![line],
        Shown::Not => Vec::new(),
    });
    let placed = trace.records.iter().enumerate().zip(lines);
    let placed = placed.flat_map(|((record, Record { at, .. }), lines)| {
        lines.into_iter().map(move |line| Told {
            record,
            at: *at,
            connection: line.connection,
            text: line.text,
        })
    });
    placed.collect()
}

/// The last lines of a transcript that ends with this record: what led to it.
pub fn transcript_tail(trace: &Trace, record: usize, lines_max: usize) -> String {
    let end = trace.records.len().min(record.saturating_add(1));
    let until = Trace {
        records: trace.records[..end].to_vec(),
    };
    let text = transcript(&until, &TranscriptOptions::default());
    let lines: Vec<&str> = text.lines().collect();
    let tail = &lines[lines.len().saturating_sub(lines_max)..];
    tail.iter().flat_map(|line| [line, "\n"]).collect()
}

/// One line of the transcript, without its time.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Line {
    /// The connection that it belongs to.
    connection: Option<ConnectionId>,
    text: String,
}

fn write_line(text: &mut String, told: &Told) {
    let connection = told
        .connection
        .map_or_else(String::new, |ConnectionId(number)| format!("#{number}"));
    let whole = format!("{:<12}  {connection:<4} {}", clock(told.at), told.text);
    writeln!(text, "{}", whole.trim_end()).expect("a string takes all");
}

/// A simulated time as `00:30:05` or, from the second day, `+2d 03:30:00`.
pub fn clock(at: Duration) -> String {
    let seconds = at.as_secs();
    let (days, hours, minutes, seconds) = (seconds / 86_400, seconds / 3600 % 24, seconds / 60 % 60, seconds % 60);
    let time = format!("{hours:02}:{minutes:02}:{seconds:02}");
    if days == 0 { time } else { format!("+{days}d {time}") }
}

#[cfg(test)]
mod tests;
