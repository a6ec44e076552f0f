//! What a client told its caller, held against the wire (part of P13, P28 and P36).
//!
//! A client that nobody here wrote reports of its session: sent or not, encrypted or not, by which reply, and which extensions it
//! believes in. None of that is believed. The reading:
//!
//! - A message is called sent only if the first final reply that the client read behind its content was 2yz: until then it has the message, and not
//!   after (P13, R5321-4.2.5-a).
//! - A session is called encrypted only if a handshake was complete on its connection (P36, R7435-3-d).
//! - In a session that it calls encrypted, the reply that it hands on as the server's last word was said inside TLS, and each
//!   extension that it believes in stands in the last reply to EHLO inside TLS (P28, R3207-4.2-b): whoever says either in clear
//!   may be anybody, whatever the boundaries of segments.
//!
//! The first is put to the test by every message that is called sent, the second by every session that is called encrypted, and
//! the third by every such session of which the client tells a reply or extensions.

use std::collections::BTreeMap;

use postern_model::monitor::{Verdict, Violation};
use postern_model::trace::{Channel, Claim, ConnectionId, End, Event, Trace};

use crate::rules::Property;

/// What claims come to, by property; a property that no claim puts to the test is not among them.
pub fn judge(trace: &Trace) -> Vec<(Property, Verdict)> {
    let mut custody = None;
    let mut security = None;
    let mut boundary = None;
    let mut wires: BTreeMap<ConnectionId, Wire<'_>> = BTreeMap::new();
    for (at, record) in trace.records.iter().enumerate() {
        let Event::Told { connection, claim } = &record.event else {
            hear(&mut wires, &record.event);
            continue;
        };
        let wire = wires.entry(*connection).or_default();
        if claim.sent {
            join(&mut custody, at, claims_custody(wire, claim));
        }
        if claim.encrypted {
            join(&mut security, at, claims_security(wire));
        }
        if claim.encrypted && (claim.reply.is_some() || claim.extensions.is_some()) {
            join(&mut boundary, at, claims_what_tls_said(wire, claim));
        }
    }
    let verdicts = [
        (Property::P13, custody),
        (Property::P28, boundary),
        (Property::P36, security),
    ];
    verdicts
        .into_iter()
        .filter_map(|(property, verdict)| Some((property, verdict?)))
        .collect()
}

/// Of several violations the first stands.
fn join(known: &mut Option<Verdict>, at: usize, found: Option<Violation>) {
    match (&known, found) {
        (Some(Verdict::Violated { .. }), _) => {}
        (_, Some(violation)) => *known = Some(Verdict::Violated { at, violation }),
        (_, None) => *known = Some(Verdict::Holds),
    }
}

fn is_hello(line: &str) -> bool {
    line.get(..4).is_some_and(|verb| verb.eq_ignore_ascii_case("EHLO"))
}

/// What has crossed a connection so far.
#[derive(Default)]
struct Wire<'a> {
    is_secured: bool,
    /// Content crossed.
    has_content: bool,
    /// The class of the first final reply that the client read behind that: what comes later answers QUIT.
    answer_class: Option<u8>,
    /// The lines of the server inside TLS, as the client read them.
    said: Vec<&'a str>,
    /// How many of them there were when the last EHLO inside TLS crossed.
    before_hello: usize,
}

/// Notes what crosses any connection.
fn hear<'a>(wires: &mut BTreeMap<ConnectionId, Wire<'a>>, event: &'a Event) {
    match event {
        Event::Secured { connection, .. } => wires.entry(*connection).or_default().is_secured = true,
        Event::Content { connection, .. } => {
            let wire = wires.entry(*connection).or_default();
            wire.has_content = true;
            wire.answer_class = None;
        }
        Event::Line {
            connection,
            from,
            channel,
            text,
        } => wires.entry(*connection).or_default().line(*from, *channel, text),
        _ => {}
    }
}

impl<'a> Wire<'a> {
    fn line(&mut self, from: End, channel: Channel, text: &'a str) {
        match from {
            End::Dialler if channel == Channel::Tls && is_hello(text) => self.before_hello = self.said.len(),
            End::Dialler => {}
            End::Acceptor => {
                let is_final = text.as_bytes().get(3) != Some(&b'-') && !text.starts_with('3');
                if self.has_content && self.answer_class.is_none() && is_final {
                    self.answer_class = text.as_bytes().first().copied();
                }
                if channel == Channel::Tls {
                    self.said.push(text);
                }
            }
        }
    }

    /// Whether a reply ended by this line.
    fn has_reply(&self, code: u16, text: &str) -> bool {
        let code = code.to_string();
        let text = text.as_bytes().escape_ascii().to_string();
        let mut lines = self.said.iter();
        lines.any(|line| line.starts_with(&code) && line.contains(text.trim()))
    }

    /// Whether the last reply to EHLO offers this.
    fn offers(&self, extension: &str) -> bool {
        let extension = extension.as_bytes().escape_ascii().to_string();
        let behind_hello = self.said.get(self.before_hello..).unwrap_or_default();
        let last = behind_hello.iter().position(|line| line.get(3..4) != Some("-"));
        let reply = behind_hello.get(..=last.unwrap_or_default()).unwrap_or_default();
        reply.iter().skip(1).any(|line| {
            line.get(4..)
                .and_then(|offer| offer.get(..extension.len()))
                .is_some_and(|offer| offer.eq_ignore_ascii_case(&extension))
        })
    }
}

fn claims_custody(wire: &Wire<'_>, claim: &Claim) -> Option<Violation> {
    let reply = claim.reply.as_ref();
    let last = reply.map_or_else(String::new, |(code, text)| format!(", going by “{code} {text}”"));
    let is_taken = wire.answer_class == Some(b'2');
    let is_intermediate = reply.is_some_and(|(code, _)| code / 100 != 2);
    (!is_taken || is_intermediate).then(|| Violation {
        rule: "R5321-4.2.5-a",
        why: format!("the client calls a message sent before the server took it{last}"),
    })
}

fn claims_security(wire: &Wire<'_>) -> Option<Violation> {
    (!wire.is_secured).then(|| Violation {
        rule: "R7435-3-d",
        why: "the client calls a session encrypted in which no handshake was ever complete".to_owned(),
    })
}

fn claims_what_tls_said(wire: &Wire<'_>, claim: &Claim) -> Option<Violation> {
    let forged = |why: String| Violation {
        rule: "R3207-4.2-b",
        why,
    };
    if let Some((code, text)) = &claim.reply
        && !wire.has_reply(*code, text)
    {
        return Some(forged(format!(
            "the client takes “{code} {text}” for the server's word in an encrypted session, and nobody said that inside TLS"
        )));
    }
    let mut extensions = claim.extensions.iter().flatten();
    let believed = extensions.find(|extension| !wire.offers(extension))?;
    Some(forged(format!(
        "the client believes in {believed} in an encrypted session, and nobody offered that inside TLS"
    )))
}

#[cfg(test)]
mod tests;
