//! P28 by comparison: what was said in clear must not show in what is said inside TLS.
//!
//! When a handshake is complete, the session goes on in thought to its end, undisturbed, and what is said and kept inside
//! TLS is held against the session that nobody ever disturbed. Which end remembers is found by putting each beside the
//! other end of the undisturbed session.

use crate::mta::client::Client;
use crate::mta::server::Server;

use super::end::{Act, Fact, Machine, react};

/// What of the past shows inside TLS.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Past {
    /// The server answers what came in clear behind STARTTLS.
    Commands,
    /// The client takes for a reply what came in clear behind the go-ahead.
    Replies,
    /// The server goes by what it was told in clear.
    Transaction,
    /// The client goes by what it was told in clear.
    Offers,
}

/// What is said and kept inside TLS, in order.
type Course = Vec<(bool, Act)>;

/// The two ends of the undisturbed session as the handshake begins.
pub(super) struct Undisturbed {
    client: Client,
    server: Server,
    course: Course,
}

impl Undisturbed {
    pub(super) fn new(client: Client, server: Server) -> Self {
        let course = course(client.clone(), server.clone());
        Self { client, server, course }
    }

    /// What shows of the past of two ends whose handshake is about to be complete.
    pub(super) fn shows(&self, client: &Client, server: &Server) -> Option<Past> {
        if (client, server) == (&self.client, &self.server) {
            return None;
        }
        if unasked(server.clone()) != unasked(self.server.clone()) {
            return Some(Past::Commands);
        }
        // A client that has a reply already goes on where another waits for it.
        let (acts, undisturbed) = (unasked(client.clone()), unasked(self.client.clone()));
        if acts != undisturbed && said(&acts).starts_with(&said(&undisturbed)) {
            return Some(Past::Replies);
        }
        if course(self.client.clone(), server.clone()) != self.course {
            return Some(Past::Transaction);
        }
        if course(client.clone(), self.server.clone()) != self.course {
            return Some(Past::Offers);
        }
        None
    }
}

/// What an end does inside TLS before it has heard anything there.
fn unasked(mut machine: impl Machine) -> Vec<Act> {
    react(&mut machine, &Fact::TlsUp, true)
}

/// The octets that it says.
fn said(acts: &[Act]) -> Vec<u8> {
    let octets = acts.iter().filter_map(|act| match act {
        Act::Says(octets) => Some(octets.as_slice()),
        Act::Keeps(_) | Act::ShakesHands { .. } | Act::Closes => None,
    });
    octets.collect::<Vec<_>>().concat()
}

fn course(mut client: Client, mut server: Server) -> Course {
    let mut course = Vec::new();
    let mut from_client = react(&mut client, &Fact::TlsUp, true);
    let mut from_server = react(&mut server, &Fact::TlsUp, true);
    while !(from_client.is_empty() && from_server.is_empty()) {
        let heard_by_server = facts(&from_client);
        let heard_by_client = facts(&from_server);
        course.extend(from_client.drain(..).map(|act| (true, act)));
        course.extend(from_server.drain(..).map(|act| (false, act)));
        from_server.extend(heard_by_server.iter().flat_map(|fact| react(&mut server, fact, true)));
        from_client.extend(heard_by_client.iter().flat_map(|fact| react(&mut client, fact, true)));
        if course.iter().filter(|(_, act)| *act == Act::Closes).count() > 1 {
            break;
        }
    }
    course
}

/// What the other end hears of it.
fn facts(acts: &[Act]) -> Vec<Fact> {
    let facts = acts.iter().filter_map(|act| match act {
        Act::Says(octets) => Some(Fact::Received(octets.clone())),
        Act::Closes => Some(Fact::Closed),
        Act::Keeps(_) | Act::ShakesHands { .. } => None,
    });
    facts.collect()
}
