//! The two ends of a connection: a machine is handed a fact, and its driver does what it asks until it is idle.
//!
//! This is what `converse` of the simulator does, but that a listing is always found, a message always kept, and time
//! stands still.

use std::hash::Hash;

use crate::mta::client::Client;
use crate::mta::server::Server;
use crate::mta::session::{Input, Listing, Output, TlsRequest, Transaction};

/// One of the two ends.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Party {
    /// Who dialled.
    Client,
    /// Who accepted.
    Server,
}

impl Party {
    /// The end that it talks with.
    pub(super) fn other(self) -> Self {
        match self {
            Self::Client => Self::Server,
            Self::Server => Self::Client,
        }
    }
}

/// What happens to an end.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(super) enum Fact {
    Opened,
    Received(Vec<u8>),
    TlsUp,
    TlsFailed,
    Closed,
}

/// What an end does about it, in order.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Act {
    Says(Vec<u8>),
    Keeps(Transaction),
    /// It begins its part of the handshake, and demands the certificate of the next hop.
    ShakesHands {
        is_demanding: bool,
    },
    Closes,
}

/// A session machine of either end.
pub(super) trait Machine: Clone + Eq + Hash {
    fn handle(&mut self, input: Input<'_>);
    fn poll(&mut self) -> Output;
}

impl Machine for Client {
    fn handle(&mut self, input: Input<'_>) {
        Self::handle(self, input);
    }

    fn poll(&mut self) -> Output {
        Self::poll(self)
    }
}

impl Machine for Server {
    fn handle(&mut self, input: Input<'_>) {
        Self::handle(self, input);
    }

    fn poll(&mut self) -> Output {
        Self::poll(self)
    }
}

/// What a machine does about a fact; it stands inside TLS or not.
pub(super) fn react<M: Machine>(machine: &mut M, fact: &Fact, is_secured: bool) -> Vec<Act> {
    let is_over = *fact == Fact::Closed;
    machine.handle(match fact {
        Fact::Opened => Input::Opened,
        Fact::Received(octets) => Input::Received(octets),
        Fact::TlsUp => Input::TlsUp,
        Fact::TlsFailed => Input::TlsFailed,
        Fact::Closed => Input::Closed,
    });
    let mut acts = Vec::new();
    loop {
        match machine.poll() {
            Output::Send(octets) => match acts.last_mut() {
                Some(Act::Says(said)) => said.extend(octets),
                _ => acts.push(Act::Says(octets)),
            },
            Output::Ask(_) => machine.handle(Input::Answered(Listing::Listed)),
            Output::Store(transaction) => {
                acts.push(Act::Keeps(transaction));
                machine.handle(Input::Stored);
            }
            // A second handshake inside the first breaks the connection.
            Output::StartTls(_) if is_secured => machine.handle(Input::TlsFailed),
            Output::StartTls(request) => acts.push(Act::ShakesHands {
                is_demanding: matches!(request, TlsRequest::Authenticated(_)),
            }),
            Output::Close => acts.push(Act::Closes),
            Output::Idle => break,
            Output::Arm(_) | Output::Disarm(_) | Output::Keep | Output::Note(_) => {}
        }
    }
    // Whoever hears that the peer has closed has nobody to speak to.
    if is_over {
        acts.retain(|act| matches!(act, Act::Keeps(_)));
        acts.push(Act::Closes);
    }
    acts
}
