//! What happened, row by row.

use std::time::Duration;

use postern_model::trace::{Channel, ConnectionId, End, Event, Record, Trace};
use postern_model::transcript::Told;

use super::call::Calls;
use super::lanes::Lanes;
use super::through::{self, Crossing};
use super::words::{behind_name, said, words};
use super::{ArrowKind, BetweenKind, Picture, Row, Secured, What};
use crate::judge::Judgement;

/// A row, and the connection whose words it has.
pub(super) struct Draft {
    pub(super) row: Row,
    pub(super) crossing: Option<Crossing>,
    /// It was joined with what goes on from it.
    pub(super) is_joined: bool,
    /// The connection whose TLS begins or ends here.
    edge: Option<(ConnectionId, Edge)>,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Edge {
    Begins,
    Ends,
}

/// All rows; the lanes are left for the caller to fill in.
pub(super) fn rows(trace: &Trace, told: &[Told], calls: &Calls, lanes: &Lanes, judgement: &Judgement) -> Picture {
    let mut writer = Writer {
        calls,
        lanes,
        given: Vec::new(),
        drafts: Vec::new(),
        is_under_way: false,
    };
    let mut told = told.iter().peekable();
    for (place, record) in trace.records.iter().enumerate() {
        let mut texts = Vec::new();
        while let Some(line) = told.next_if(|line| line.record == place) {
            texts.push(line.text.as_str());
        }
        match texts.is_empty() {
            false => writer.tell(record, &texts),
            true => writer.tell_of_leg(record),
        }
        for (property, at, violation) in judgement.violations() {
            if at == place {
                let head = format!("{property} {} is violated: {}", property.name(), violation.rule);
                let why = violation.why.clone();
                writer.push(record.at, What::Verdict { head, why });
            }
        }
    }
    let drafts = through::join(writer.drafts, calls, lanes);
    let secured = secured(&drafts, calls, lanes);
    Picture {
        lanes: Vec::new(),
        given: writer.given,
        rows: drafts.into_iter().map(|draft| draft.row).collect(),
        secured,
    }
}

struct Writer<'a> {
    calls: &'a Calls,
    lanes: &'a Lanes,
    given: Vec<String>,
    drafts: Vec<Draft>,
    /// Something else than a fact of the start was told.
    is_under_way: bool,
}

impl Writer<'_> {
    /// One event, in the words of the transcript.
    fn tell(&mut self, record: &Record, texts: &[&str]) {
        let Record { at, event } = record;
        let first = words(texts[0]);
        if let Event::Set(_) | Event::HorizonReached = event {
            match self.is_under_way || !at.is_zero() {
                true => self.push(*at, What::Fact(first.to_owned())),
                false => self.given.push(first.to_owned()),
            }
            return;
        }
        self.is_under_way = true;
        match event {
            Event::Answered { host, .. } => {
                let ends = self.lanes.resolver().zip(self.lanes.host(host));
                let text = behind_name(first, host.as_str()).to_owned();
                let arrow = ends.map(|(from, to)| What::Arrow {
                    from,
                    to,
                    kind: ArrowKind::Dns,
                    lines: vec![text],
                });
                self.drafts.extend(arrow.map(|what| Draft::plain(*at, what)));
            }
            Event::Logged { host, .. } => self.note(*at, self.lanes.host(host), behind_name(first, host.as_str())),
            Event::Queued { host, .. } | Event::Delivered { host, .. } => self.note(*at, self.lanes.host(host), first),
            Event::Adversary { .. } | Event::Deceived { .. } | Event::Stolen { .. } => {
                self.note(*at, self.lanes.attacker(), first);
            }
            Event::Interfered { .. } => self.note(*at, self.lanes.attacker(), first),
            Event::Dialled {
                connection,
                from,
                relays: None,
                ..
            } => {
                let text = first.strip_prefix(from.as_str()).unwrap_or(first).trim_start();
                let line = format!("#{} {text}", connection.0);
                self.arrow(*at, *connection, End::Dialler, ArrowKind::Dial, vec![line]);
            }
            // The attacker dials on: its own arrow says so.
            Event::Dialled { .. } => self.note(*at, self.lanes.attacker(), first),
            Event::Line {
                connection,
                from,
                channel,
                ..
            } => {
                let lines = texts.iter().map(|text| said(text).to_owned()).collect();
                self.arrow(*at, *connection, *from, (*channel).into(), lines);
            }
            Event::Content {
                connection, channel, ..
            } => {
                let lines = texts.iter().map(|text| said(text).to_owned()).collect();
                self.arrow(*at, *connection, End::Dialler, (*channel).into(), lines);
            }
            Event::HandshakeUnasked { connection } => {
                let lines = vec![said(texts[0]).to_owned()];
                self.arrow(*at, *connection, End::Dialler, ArrowKind::Clear, lines);
            }
            Event::BareLineEnd { connection, channel } => {
                let lines = vec![said(texts[0]).to_owned()];
                self.arrow(*at, *connection, End::Dialler, (*channel).into(), lines);
            }
            Event::Secured { connection, .. } => {
                self.between(*at, *connection, BetweenKind::Secured, &format!("TLS {first}"));
                self.edge(*connection, Edge::Begins);
            }
            Event::NotSecured { connection, .. } | Event::ClientRefused { connection, .. } => {
                self.between(*at, *connection, BetweenKind::Failed, &format!("TLS {first}"));
            }
            Event::NotConnected { connection, .. } => {
                self.between(*at, *connection, BetweenKind::Failed, first);
            }
            Event::Hello { connection, .. } | Event::ClientPresented { connection, .. } => {
                self.between(*at, *connection, BetweenKind::Plain, first);
            }
            Event::Closed { connection, .. } => {
                self.between(
                    *at,
                    *connection,
                    BetweenKind::Plain,
                    &format!("#{} {}", connection.0, texts[0]),
                );
                self.edge(*connection, Edge::Ends);
            }
            Event::Told { connection, .. } => {
                let lane = self.calls.get(connection).and_then(|call| self.lanes.host(&call.from));
                self.note(*at, lane, first);
            }
            Event::Set(_) | Event::HorizonReached | Event::Connected { .. } | Event::HungUp { .. } => {}
        }
    }

    /// What crosses a connection that the attacker dialled, of which the transcript tells nothing.
    fn tell_of_leg(&mut self, record: &Record) {
        let Record { at, event } = record;
        let is_shown = |connection: &ConnectionId| {
            let call = self.calls.get(connection);
            call.is_some_and(|call| call.is_shown && call.relays.is_some())
        };
        match event {
            Event::Line {
                connection,
                from,
                channel,
                text,
            } if is_shown(connection) => self.arrow(*at, *connection, *from, (*channel).into(), vec![text.clone()]),
            Event::Content {
                connection,
                channel,
                text,
            } if is_shown(connection) => {
                let lines = vec![format!("({} lines of content)", text.lines().count()), ".".to_owned()];
                self.arrow(*at, *connection, End::Dialler, (*channel).into(), lines);
            }
            Event::Secured { connection, .. } if is_shown(connection) => {
                self.between(*at, *connection, BetweenKind::Secured, "TLS up");
                self.edge(*connection, Edge::Begins);
            }
            _ => {}
        }
    }

    fn push(&mut self, at: Duration, what: What) {
        self.drafts.push(Draft::plain(at, what));
    }

    fn note(&mut self, at: Duration, lane: Option<usize>, text: &str) {
        let text = text.to_owned();
        self.push(
            at,
            match lane {
                Some(lane) => What::Note { lane, text },
                None => What::Fact(text),
            },
        );
    }

    fn between(&mut self, at: Duration, connection: ConnectionId, kind: BetweenKind, text: &str) {
        let call = self.calls.get(&connection);
        let lanes = call.and_then(|call| {
            self.lanes
                .ends(call, kind == BetweenKind::Secured && call.has_tls_through)
        });
        let text = text.to_owned();
        self.push(
            at,
            match lanes {
                Some(lanes) => What::Between { lanes, kind, text },
                None => What::Fact(text),
            },
        );
    }

    fn edge(&mut self, connection: ConnectionId, edge: Edge) {
        if let Some(last) = self.drafts.last_mut() {
            last.edge = Some((connection, edge));
        }
    }

    /// What is said in one breath is one arrow.
    fn arrow(&mut self, at: Duration, connection: ConnectionId, by: End, kind: ArrowKind, lines: Vec<String>) {
        let has_tls_through = self.calls.get(&connection).is_some_and(|call| call.has_tls_through);
        let through = kind == ArrowKind::Tls && has_tls_through;
        let Some((from, to)) = self.lanes.way(self.calls, connection, by, through) else {
            return;
        };
        let crossing = Crossing { connection, by };
        if kind != ArrowKind::Dial
            && let Some(last) = self.drafts.last_mut()
            && last.crossing == Some(crossing)
            && last.row.at == at
            && let What::Arrow {
                kind: known,
                lines: said,
                ..
            } = &mut last.row.what
            && *known == kind
        {
            said.extend(lines);
            return;
        }
        let what = What::Arrow { from, to, kind, lines };
        self.drafts.push(Draft {
            crossing: (kind != ArrowKind::Dial).then_some(crossing),
            ..Draft::plain(at, what)
        });
    }
}

impl Draft {
    fn plain(at: Duration, what: What) -> Self {
        Self {
            row: Row { at, what },
            crossing: None,
            is_joined: false,
            edge: None,
        }
    }
}

/// Where TLS was up, from the row that says so to the end of the connection, or of the one that it relays.
fn secured(drafts: &[Draft], calls: &Calls, lanes: &Lanes) -> Vec<Secured> {
    let last_of_all = drafts.len().saturating_sub(1);
    let edges = drafts.iter().enumerate();
    let edges = edges.filter_map(|(row, draft)| draft.edge.map(|(connection, edge)| (row, connection, edge)));
    let begun = edges.clone().filter(|(_, _, edge)| *edge == Edge::Begins);
    let spans = begun.filter_map(|(first, connection, _)| {
        let call = calls.get(&connection)?;
        let whole = call.relays.unwrap_or(connection);
        let mut ends = edges.clone();
        let end = ends.find(|(row, ended, edge)| *row > first && *ended == whole && *edge == Edge::Ends);
        let last = end.map_or(last_of_all, |(row, ..)| row);
        Some(Secured {
            lanes: lanes.ends(call, call.has_tls_through)?,
            rows: (first, last),
        })
    });
    spans.collect()
}

impl From<Channel> for ArrowKind {
    fn from(channel: Channel) -> Self {
        match channel {
            Channel::Clear => Self::Clear,
            Channel::Tls => Self::Tls,
        }
    }
}
