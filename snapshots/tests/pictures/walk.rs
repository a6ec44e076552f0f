//! Drives a session machine through everything that can happen to it, and draws what it did.
//!
//! Every state is taken, and in it every event of a finite alphabet. States that answer every event alike, now and ever
//! after, are one in the picture. So nothing in a picture is written by hand but the names.

use std::collections::{BTreeMap, BTreeSet};

use crate::graph::{Edge, Graph, State};
use crate::kind::{Kind, words};

/// A session that can be driven.
pub(crate) trait Session: Clone + Eq {
    /// Where it stands, for people. States of other names are never one.
    fn place(&self) -> String;

    /// Whether it is inside TLS there.
    fn is_inside_tls(&self) -> bool;

    /// What it makes of an event; nothing if it passes the event over.
    fn after(&self, event: &'static str) -> Option<Answer<Self>>;
}

/// What a session makes of an event.
pub(crate) struct Answer<S> {
    /// What there is to say of it, or nothing.
    pub(crate) said: String,
    pub(crate) then: Then<S>,
}

/// How a session goes on.
pub(crate) enum Then<S> {
    /// In another state.
    Goes(S),
    /// As before.
    Stays,
    /// Not at all.
    Ends,
}

/// The same, with states by their number.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Onward {
    To(usize),
    Stays,
    Ends,
}

/// What each event leads to.
type Row = BTreeMap<&'static str, (String, Onward)>;

/// More states than any session has: a walk that meets so many does not end.
const STATES_MAX: usize = 1000;

/// Draws a session by all that can happen to it.
pub(crate) fn draw<S: Session>(title: &str, start: S, alphabet: &[Kind]) -> Graph {
    let (states, rows) = walk(start, alphabet);
    let places: Vec<String> = states.iter().map(Session::place).collect();
    let classes = alike(&places, &rows);
    let names = names(&places, &rows, &classes);
    let mut graph = Graph {
        title: title.to_owned(),
        states: Vec::new(),
        edges: Vec::new(),
    };
    for (from, name) in names.into_iter().enumerate() {
        let first = classes.iter().position(|class| *class == from);
        let first = first.expect("a class has a state");
        let (row, is_inside_tls) = (&rows[first], states[first].is_inside_tls());
        let mut together: BTreeMap<(Onward, &str), BTreeSet<&'static str>> = BTreeMap::new();
        for (event, (said, onward)) in row {
            let onward = match onward {
                Onward::To(state) => Onward::To(classes[*state]),
                other => *other,
            };
            together.entry((onward, said.as_str())).or_default().insert(event);
        }
        let mut lines = Vec::new();
        let mut edges: BTreeMap<usize, Vec<String>> = BTreeMap::new();
        for ((onward, said), events) in together {
            let events = words(alphabet, &events);
            let line = match said {
                "" => events,
                said => format!("{events}: {said}"),
            };
            match onward {
                Onward::To(to) => edges.entry(to).or_default().push(line),
                Onward::Stays | Onward::Ends => lines.push(line),
            }
        }
        graph.states.push(State {
            name,
            is_inside_tls,
            lines,
        });
        let edges = edges.into_iter().map(|(to, lines)| Edge { from, to, lines });
        graph.edges.extend(edges);
    }
    graph
}

fn walk<S: Session>(start: S, alphabet: &[Kind]) -> (Vec<S>, Vec<Row>) {
    let events: Vec<&'static str> = alphabet.iter().flat_map(Kind::events).collect();
    let mut states = vec![start];
    let mut rows = Vec::new();
    while let Some(state) = states.get(rows.len()).cloned() {
        let mut row = Row::new();
        for event in &events {
            let Some(Answer { said, then }) = state.after(event) else {
                continue;
            };
            let onward = match then {
                Then::Stays => Onward::Stays,
                Then::Ends => Onward::Ends,
                Then::Goes(next) => {
                    let known = states.iter().position(|known| *known == next);
                    let next = known.unwrap_or_else(|| {
                        states.push(next);
                        states.len() - 1
                    });
                    Onward::To(next)
                }
            };
            row.insert(event, (said, onward));
        }
        rows.push(row);
        assert!(states.len() < STATES_MAX, "the walk does not end");
    }
    (states, rows)
}

/// The class of each state: those of one class have one place and answer every event alike, with states of one class.
fn alike(places: &[String], rows: &[Row]) -> Vec<usize> {
    let mut classes = numbered(places);
    loop {
        let of = |onward: &Onward| match onward {
            Onward::To(state) => Onward::To(classes[*state]),
            other => *other,
        };
        let looks = rows.iter().zip(&classes).map(|(row, class)| {
            let answers = row
                .iter()
                .map(|(event, (said, onward))| (*event, said.clone(), of(onward)));
            (*class, answers.collect::<Vec<_>>())
        });
        let finer = numbered(&looks.collect::<Vec<_>>());
        if finer == classes {
            return classes;
        }
        classes = finer;
    }
}

/// Numbers values in the order in which they come; equal values have one number.
fn numbered<T: PartialEq>(values: &[T]) -> Vec<usize> {
    let mut different: Vec<&T> = Vec::new();
    let number = |value| {
        different.iter().position(|known| *known == value).unwrap_or_else(|| {
            different.push(value);
            different.len() - 1
        })
    };
    values.iter().map(number).collect()
}

/// A name for each class: its place, and where two have the same place, what the later came from.
fn names(places: &[String], rows: &[Row], classes: &[usize]) -> Vec<String> {
    let mut names: Vec<String> = Vec::new();
    for class in 0..=classes.iter().copied().max().unwrap_or_default() {
        let leads_here = |row: &Row| {
            row.values()
                .any(|(_, onward)| matches!(onward, Onward::To(state) if classes[*state] == class))
        };
        let state = classes.iter().position(|other| *other == class);
        let mut name = places[state.expect("a class has a state")].clone();
        if names.contains(&name) {
            let before = rows.iter().position(leads_here).map_or("", |state| &places[state]);
            name = format!("{name}, behind {before}");
        }
        names.push(name);
    }
    names
}
