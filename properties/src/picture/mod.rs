//! A run as a sequence diagram: who said what to whom, over what, and where a rule was broken.
//!
//! The words are those of the transcript. What an attacker passes on unchanged is one arrow through its lane; what it changes
//! is two. Nothing here is drawn yet: [`draw`](Picture::draw) does that.

mod call;
mod draw;
mod lanes;
mod rows;
mod through;
mod words;
mod wrap;

#[cfg(test)]
mod tests;

use std::time::Duration;

use maud::Markup;
use postern_model::trace::Trace;
use postern_model::transcript::{TranscriptOptions, tell};

use crate::judge::Judgement;

/// A sequence diagram.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Picture {
    /// From left to right.
    pub lanes: Vec<Lane>,
    /// What goes without an arrow: how the world was set up from the start.
    pub given: Vec<String>,
    /// From top to bottom.
    pub rows: Vec<Row>,
    /// Where TLS was up.
    pub secured: Vec<Secured>,
}

/// Somebody who takes part.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Lane {
    /// The name at its head.
    pub name: String,
    /// Who it is.
    pub kind: LaneKind,
}

/// Who a lane is of.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum LaneKind {
    /// The resolver.
    Resolver,
    /// A host that dials.
    Sender,
    /// A host that dials and is dialled.
    Relay,
    /// A host that does not dial.
    Receiver,
    /// Whoever is on the path and should not be.
    Attacker,
}

/// The place of a lane.
pub type Place = usize;

/// Something that happened.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Row {
    /// Time from the start of the run.
    pub at: Duration,
    /// What it was.
    pub what: What,
}

/// How something is drawn.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum What {
    /// From one lane to another.
    Arrow {
        /// Where it begins.
        from: Place,
        /// Where it ends.
        to: Place,
        /// What kind of message it is.
        kind: ArrowKind,
        /// What was said.
        lines: Vec<String>,
    },
    /// What two lanes have in common, without a direction.
    Between {
        /// The two.
        lanes: (Place, Place),
        /// What kind of thing it is.
        kind: BetweenKind,
        /// What it is.
        text: String,
    },
    /// What one lane did by itself.
    Note {
        /// The lane.
        lane: Place,
        /// What it did.
        text: String,
    },
    /// What changed in the world.
    Fact(String),
    /// A rule was broken here.
    Verdict {
        /// The property and the rule.
        head: String,
        /// What went wrong, in one sentence.
        why: String,
    },
}

/// What kind of message an arrow is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum ArrowKind {
    /// A connection is asked for.
    Dial,
    /// Readable by anyone on the path.
    Clear,
    /// Inside TLS.
    Tls,
    /// An answer of DNS.
    Dns,
}

/// What two lanes have in common.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum BetweenKind {
    /// A handshake, or the end of a connection.
    Plain,
    /// TLS is up.
    Secured,
    /// A connection or a handshake failed.
    Failed,
}

/// Where TLS was up: between two lanes, from one row to another.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Secured {
    /// The two lanes.
    pub lanes: (Place, Place),
    /// The first and the last row.
    pub rows: (usize, usize),
}

impl Picture {
    /// The picture of a run, with each violation at the record that completed it.
    pub fn of(trace: &Trace, judgement: &Judgement) -> Self {
        let told = tell(trace, &TranscriptOptions::default());
        let calls = call::calls(trace, &told);
        let lanes = lanes::Lanes::of(trace, &told, &calls);
        let mut picture = rows::rows(trace, &told, &calls, &lanes, judgement);
        picture.lanes = lanes.into_lanes();
        picture
    }

    /// The picture as SVG, to stand in a page with the style of [`page`](crate::page). `name` tells it from others there.
    pub fn draw(&self, name: &str) -> Markup {
        draw::draw(self, name)
    }
}
