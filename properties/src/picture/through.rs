//! What an attacker passes on word by word: one arrow in place of two.

use postern_model::trace::{ConnectionId, End};

use super::What;
use super::call::Calls;
use super::lanes::Lanes;
use super::rows::Draft;

/// Whose words on which connection an arrow has.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Crossing {
    pub(super) connection: ConnectionId,
    pub(super) by: End,
}

/// Joins each arrow to an attacker with the arrow that goes on from there, where both say the same.
pub(super) fn join(drafts: Vec<Draft>, calls: &Calls, lanes: &Lanes) -> Vec<Draft> {
    let mut joined: Vec<Draft> = Vec::new();
    for draft in drafts {
        let before = draft
            .crossing
            .and_then(|crossing| before(&mut joined, &draft, crossing, calls));
        let whole = draft.crossing.map(|crossing| {
            let relayed = calls.get(&crossing.connection).and_then(|call| call.relays);
            (relayed.unwrap_or(crossing.connection), crossing.by)
        });
        let way = whole.and_then(|(whole, by)| lanes.way(calls, whole, by, true));
        match (before, way) {
            (Some(before), Some((start, end))) => {
                // The words of a whole connection are those of the transcript.
                let is_leg = draft
                    .crossing
                    .and_then(|crossing| calls.get(&crossing.connection))
                    .is_some_and(|call| call.relays.is_some());
                if let (What::Arrow { lines, .. }, false) = (draft.row.what, is_leg)
                    && let What::Arrow { lines: known, .. } = &mut before.row.what
                {
                    *known = lines;
                }
                if let What::Arrow { from, to, .. } = &mut before.row.what {
                    (*from, *to) = (start, end);
                }
                before.is_joined = true;
            }
            _ => joined.push(draft),
        }
    }
    joined
}

/// The arrow that this one goes on from: the last on either connection of the pair, if it says the same.
fn before<'a>(joined: &'a mut [Draft], draft: &Draft, crossing: Crossing, calls: &Calls) -> Option<&'a mut Draft> {
    let are_a_pair = |one: ConnectionId, other: ConnectionId| {
        let relays = |leg, whole| calls.get(&leg).is_some_and(|call| call.relays == Some(whole));
        relays(one, other) || relays(other, one)
    };
    let last = joined.iter_mut().rev().find(|known| {
        known.crossing.is_some_and(|known| {
            known.connection == crossing.connection || are_a_pair(known.connection, crossing.connection)
        })
    })?;
    let other = last.crossing?;
    let is_counterpart = other.by == crossing.by && are_a_pair(other.connection, crossing.connection);
    let says_the_same = match (&last.row.what, &draft.row.what) {
        (What::Arrow { kind, lines: known, .. }, What::Arrow { kind: other, lines, .. }) => {
            kind == other && (known == lines || are_both_content(known, lines))
        }
        _ => false,
    };
    (is_counterpart && says_the_same && !last.is_joined).then_some(last)
}

/// Content is told in short: that nothing else crossed in this place is all that is compared.
fn are_both_content(one: &[String], other: &[String]) -> bool {
    let ends = |lines: &[String]| lines.len() > 1 && lines.last().is_some_and(|last| last == ".");
    ends(one) && ends(other)
}
