//! Drives one session machine over one connection: octets, handshakes, timers, questions.

use std::collections::BTreeMap;
use std::time::Duration;

use postern_model::mta::session::{Input, Listing, Note, Output, TlsRequest, Transaction};
use postern_model::mta::timer::Timer;
use postern_model::name::DomainName;
use postern_model::trace::Channel;
use tokio::io::{AsyncReadExt, AsyncWriteExt};

use crate::net::{Door, Stream};

/// A connection inside TLS, of either end.
pub(crate) type TlsStream = tokio_rustls::TlsStream<Stream>;

/// A session machine together with what its host does for it.
pub(crate) trait Party {
    /// Hands a fact to the machine.
    fn handle(&mut self, input: Input<'_>);

    /// What the machine wants next.
    fn poll(&mut self) -> Output;

    /// How late the peer gets what it is sent.
    fn lateness(&mut self) -> Duration {
        Duration::ZERO
    }

    /// Whether this host is listed in DNS as exchanger of a domain.
    async fn listing(&mut self, domain: DomainName) -> Listing;

    /// Keeps a message; whether that succeeded.
    async fn store(&mut self, transaction: Transaction) -> bool;

    /// Runs the handshake. On failure the connection comes back if it still stands.
    async fn handshake(&mut self, request: TlsRequest, stream: Stream) -> Result<TlsStream, Option<Stream>>;

    /// Takes a note of the machine.
    fn note(&mut self, note: Note);

    /// These octets were read from the peer.
    fn received(&mut self, octets: &[u8], channel: Channel);

    /// These octets have left for the peer.
    fn sent(&mut self, octets: &[u8], channel: Channel);
}

/// Runs a session to its end, or until the machine wants it kept.
pub(crate) async fn converse(door: &Door, stream: Stream, party: &mut impl Party) -> Option<Conversation> {
    let conversation = Conversation {
        door: door.clone(),
        peer: Peer::Clear(stream),
        timers: BTreeMap::new(),
        unsent: Vec::new(),
    };
    party.handle(Input::Opened);
    conversation.go_on(party).await
}

/// The peer, in clear or inside TLS.
pub(crate) enum Peer {
    /// Readable by anyone on the path.
    Clear(Stream),
    /// Inside TLS.
    Tls(Box<TlsStream>),
    /// Gone.
    Nobody,
}

impl Peer {
    pub(crate) fn channel(&self) -> Channel {
        match self {
            Self::Tls(_) => Channel::Tls,
            Self::Clear(_) | Self::Nobody => Channel::Clear,
        }
    }

    /// How many octets arrived; none when the peer is gone. May be dropped while it waits.
    pub(crate) async fn read(&mut self, octets: &mut [u8]) -> usize {
        let read = match self {
            Self::Clear(stream) => stream.read(octets).await,
            Self::Tls(stream) => stream.read(octets).await,
            Self::Nobody => Ok(0),
        };
        read.unwrap_or(0)
    }

    /// Sends all of the octets; whether the peer is still there.
    pub(crate) async fn send(&mut self, octets: &[u8]) -> bool {
        let sent = match self {
            Self::Clear(stream) => stream.write_all(octets).await,
            Self::Tls(stream) => match stream.write_all(octets).await {
                Ok(()) => stream.flush().await,
                failed => failed,
            },
            Self::Nobody => return false,
        };
        sent.is_ok()
    }

    /// Sends nothing more, and can still read.
    pub(crate) async fn finish(&mut self) {
        match self {
            Self::Clear(stream) => _ = stream.shutdown().await,
            Self::Tls(stream) => _ = stream.shutdown().await,
            Self::Nobody => {}
        }
    }

    /// Ends the connection in order.
    pub(crate) async fn close(&mut self) {
        match std::mem::replace(self, Self::Nobody) {
            Self::Clear(mut stream) => _ = stream.shutdown().await,
            Self::Tls(mut stream) => _ = stream.shutdown().await,
            Self::Nobody => {}
        }
    }
}

enum Arrival {
    Octets(usize),
    Expired(Timer),
}

/// A session over one connection.
pub(crate) struct Conversation {
    door: Door,
    peer: Peer,
    /// When each running timer runs out, in simulated time.
    timers: BTreeMap<Timer, Duration>,
    unsent: Vec<u8>,
}

/// What a machine that has said all waits for.
enum Settled {
    Waiting,
    Kept,
    Over,
}

impl Conversation {
    /// Goes on with a session whose machine has something to say, to its end or until the machine wants it kept.
    pub(crate) async fn go_on(mut self, party: &mut impl Party) -> Option<Self> {
        // On the heap, as futures are moved about.
        let mut octets = vec![0; 4096];
        loop {
            match self.settle(party).await {
                Settled::Waiting => {}
                Settled::Kept => return Some(self),
                Settled::Over => return None,
            }
            match self.wait(&mut octets).await {
                Arrival::Octets(0) => {
                    party.handle(Input::Closed);
                    self.settle(party).await;
                    return None;
                }
                Arrival::Octets(count) => {
                    let channel = self.peer.channel();
                    party.received(&octets[..count], channel);
                    party.handle(Input::Received(&octets[..count]));
                }
                Arrival::Expired(timer) => {
                    self.timers.remove(&timer);
                    party.handle(Input::Expired(timer));
                }
            }
        }
    }

    /// Does what the machine asks until it is idle. A host that crashes meanwhile does no more of it.
    async fn settle(&mut self, party: &mut impl Party) -> Settled {
        loop {
            self.door.while_alive().await;
            match party.poll() {
                Output::Send(octets) => {
                    let lateness = party.lateness();
                    if !lateness.is_zero() {
                        self.door.sleep(lateness).await;
                    }
                    self.unsent.extend(octets);
                }
                Output::Arm(timer) => _ = self.timers.insert(timer, self.door.now() + timer.duration()),
                Output::Disarm(timer) => _ = self.timers.remove(&timer),
                Output::Note(note) => party.note(note),
                Output::Ask(domain) => {
                    self.flush(party).await;
                    let listing = party.listing(domain).await;
                    party.handle(Input::Answered(listing));
                }
                Output::Store(transaction) => {
                    // What was answered before has left by the time that the message is kept.
                    self.flush(party).await;
                    let stored = if party.store(transaction).await {
                        Input::Stored
                    } else {
                        Input::StoreFailed
                    };
                    party.handle(stored);
                }
                Output::StartTls(request) => {
                    self.flush(party).await;
                    self.handshake(party, request).await;
                }
                Output::Close => {
                    self.flush(party).await;
                    self.peer.close().await;
                    return Settled::Over;
                }
                Output::Keep => {
                    self.flush(party).await;
                    return Settled::Kept;
                }
                Output::Idle => {
                    self.flush(party).await;
                    return Settled::Waiting;
                }
            }
        }
    }

    async fn flush(&mut self, party: &mut impl Party) {
        let octets = std::mem::take(&mut self.unsent);
        if !octets.is_empty() && self.peer.send(&octets).await {
            party.sent(&octets, self.peer.channel());
        }
    }

    async fn handshake(&mut self, party: &mut impl Party, request: TlsRequest) {
        let Peer::Clear(stream) = std::mem::replace(&mut self.peer, Peer::Nobody) else {
            return party.handle(Input::TlsFailed);
        };
        let (timer, wait) = self.next_timer();
        match self.door.timeout(wait, party.handshake(request, stream)).await {
            Ok(Ok(stream)) => {
                self.peer = Peer::Tls(Box::new(stream));
                party.handle(Input::TlsUp);
            }
            Ok(Err(stream)) => {
                self.peer = stream.map_or(Peer::Nobody, Peer::Clear);
                party.handle(Input::TlsFailed);
            }
            Err(_) => {
                self.timers.remove(&timer);
                party.handle(Input::Expired(timer));
            }
        }
    }

    async fn wait(&mut self, octets: &mut [u8]) -> Arrival {
        let (timer, wait) = self.next_timer();
        match self.door.timeout(wait, self.peer.read(octets)).await {
            Ok(count) => Arrival::Octets(count),
            Err(_) => Arrival::Expired(timer),
        }
    }

    /// The timer that runs out next, and in how long. A machine that waits without one waits for an idle peer.
    fn next_timer(&self) -> (Timer, Duration) {
        let next = self.timers.iter().min_by_key(|&(_, deadline)| deadline);
        match next {
            Some((&timer, deadline)) => (timer, deadline.saturating_sub(self.door.now())),
            None => (Timer::Idle, Timer::Idle.duration()),
        }
    }
}
