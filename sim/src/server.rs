//! The server side of an MTA: accepts connections and has each served, by a session machine or by the server under test.

mod desk;
mod handshakes;
mod receiver;

use std::rc::Rc;
use std::time::Duration;

use postern_model::mta::server::ServerSettings;
use postern_model::mutant::Mutant;
use postern_model::name::DomainName;
use postern_model::scenario::{AfterFailure, OtherAddress, Trouble};
use postern_model::trace::Channel;

pub(crate) use self::desk::Desk;
use self::handshakes::Handshakes;
use self::receiver::Receiver;
use crate::Server;
use crate::mta::Mta;
use crate::net::{Door, Listener, Stream};
use crate::random;
use crate::session::{Peer, converse};
use crate::subject::{Connection, Ear, Reception, ServerSubjectRef};
use crate::tap::Tap;
use crate::world::{OTHER_ADDRESS_PORT, SMTP_PORT, must_serve};

/// The largest content that a server takes, in octets.
const CONTENT_OCTETS_MAX: usize = 1 << 20;

/// How long ago a client must have dialled first to be known (C-SRV-4).
const ACQUAINTANCE: Duration = Duration::from_secs(300);

/// How long a server remembers that a handshake failed.
const MEMORY: Duration = Duration::from_secs(3600);

/// How late the replies of a tarpit come (C-SRV-5).
const TARPIT: Duration = Duration::from_secs(30);

/// Serves SMTP for ever, at each address of the host.
pub(crate) async fn serve(mta: Rc<Mta>) -> std::io::Result<()> {
    let other_address = mta.world.host(mta.index).other_address;
    if other_address.is_some_and(|kind| kind != OtherAddress::Unreachable) {
        let listener = mta.door.listen(OTHER_ADDRESS_PORT).await?;
        let other = accept_all(Rc::clone(&mta), listener, other_address);
        mta.door.spawn(async move { must_serve(other.await) });
    }
    let listener = mta.door.listen(SMTP_PORT).await?;
    accept_all(mta, listener, None).await
}

/// Serves what comes to one address: the second, if that is said.
async fn accept_all(mta: Rc<Mta>, listener: Listener, other: Option<OtherAddress>) -> std::io::Result<()> {
    loop {
        let stream = listener.accept().await?;
        let mta = Rc::clone(&mta);
        let door = mta.door.for_connection(stream.wire().connection());
        door.clone().spawn(async move {
            let from = stream.peer_address().ok().and_then(|peer| mta.world.host_at(peer.ip()));
            let client = from.map(|index| mta.world.host(index).name.clone());
            let tap = Tap::accepted(&mta.world.recorder, &stream);
            if client.as_ref().is_some_and(|client| is_banned(&mta, client)) {
                return turn_away(stream, &tap).await;
            }
            let node = Node::reached(&mta, client.as_ref(), other);
            let handshakes = Handshakes::new(&mta, client, &tap);
            match mta.world.server {
                Server::Postern => {
                    let mut receiver = Receiver::new(handshakes, node);
                    converse(&door, stream, &mut receiver).await;
                }
                Server::Subject(subject) => serve_by(subject, &door, stream, handshakes, node).await,
            }
        });
    }
}

/// Lets a server that nobody here wrote have the session.
async fn serve_by(subject: ServerSubjectRef, door: &Door, stream: Stream, handshakes: Handshakes, node: Node) {
    let foreign = subject.0.keeps_timers().then(|| door.foreign_code());
    let randomness = door.random(&format!("server {}", handshakes.tap.connection().0));
    let ear = Ear::new(&handshakes.tap, door);
    let client_address = stream.peer_address().map(|address| address.ip());
    let desk = Desk::new(door, handshakes, node, client_address.ok(), &ear);
    let serving = subject.0.serve(Connection::accepted(stream, ear), Reception::new(desk));
    random::seeded(randomness, serving).await;
    drop(foreign);
}

/// What this connection reached, where connections differ (C-SRV-2, C-SRV-4, C-DNS-13).
#[derive(Clone, Copy)]
struct Node {
    /// Of the connections to the host, it is one of every other.
    is_odd: bool,
    /// The client dialled five minutes ago or longer.
    knows_client: bool,
    /// The address that was dialled has TLS (C-DNS-13).
    address_has_tls: bool,
}

impl Node {
    fn reached(mta: &Mta, client: Option<&DomainName>, other: Option<OtherAddress>) -> Self {
        let (count, since) = mta.world.met(mta.index, client);
        Self {
            is_odd: count % 2 == 1,
            knows_client: since >= ACQUAINTANCE,
            address_has_tls: other != Some(OtherAddress::WithoutTls),
        }
    }

    /// Whether it has TLS, as far as the address and the host's trouble go.
    fn has_tls(self, trouble: Trouble) -> bool {
        match trouble {
            _ if !self.address_has_tls => false,
            Trouble::NodesDiffer => !self.is_odd,
            Trouble::OffersTlsToAcquaintances => self.knows_client,
            _ => true,
        }
    }
}

/// Whether the server, or a mutant of ours, will not speak with a client for now (C-SRV-5).
fn is_banned(mta: &Mta, client: &DomainName) -> bool {
    let bans = mta.world.host(mta.index).handshake.after_failure == AfterFailure::Bans
        || mta.world.mutant == Some(Mutant::TurnsAwayAfterFailedHandshake);
    bans && has_failed(mta, client)
}

/// How late every reply to a client comes (C-SRV-5).
fn lateness(mta: &Mta, client: Option<&DomainName>) -> Duration {
    let delays = mta.world.host(mta.index).handshake.after_failure == AfterFailure::Delays;
    match client {
        Some(client) if delays && has_failed(mta, client) => TARPIT,
        _ => Duration::ZERO,
    }
}

/// Whether a handshake with a client failed of late.
fn has_failed(mta: &Mta, client: &DomainName) -> bool {
    let failed = mta.handshake_failed.borrow();
    let is_recent = |at: &Duration| mta.door.now() < *at + MEMORY;
    failed.get(client).is_some_and(is_recent)
}

async fn turn_away(stream: Stream, tap: &Tap) {
    const GREETING: &[u8] = b"421 4.7.0 Too many failed handshakes from your address\r\n";
    let mut peer = Peer::Clear(stream);
    if peer.send(GREETING).await {
        tap.sent(GREETING, Channel::Clear);
    }
    // The client may say QUIT before it closes; nobody listens.
    let mut octets = [0; 512];
    loop {
        match peer.read(&mut octets).await {
            0 => break,
            count => tap.received(&octets[..count], Channel::Clear),
        }
    }
    peer.close().await;
}

fn settings(mta: &Mta, client: Option<&DomainName>, node: Node) -> ServerSettings {
    let host = mta.world.host(mta.index);
    ServerSettings {
        host: host.name.clone(),
        tls: host.tls.is_on() && node.has_tls(host.trouble),
        demands_tls: host.demands_tls,
        demand_stage: host.demand_stage,
        requires_tls: client.is_some_and(|client| host.requires_tls_of.contains(client)),
        trouble: host.trouble,
        unlisted_answer: host.unlisted_answer,
        exchanger_for: host.exchanger_for.iter().cloned().collect(),
        failed_at_tls: client.is_some_and(|client| mta.handshake_failed.borrow().contains_key(client)),
        never_accepts_mail: host.never_accepts_mail,
        relays: host.impostor
            || client.is_some_and(|client| host.relay_for.contains(client) || was_identified(mta, client)),
        relay_identities: host.relay_for_identity.iter().cloned().collect(),
        client_address: client.cloned(),
        mailboxes: host.mailboxes.clone(),
        size_limit: CONTENT_OCTETS_MAX,
        mutant: mta.world.mutant,
    }
}

/// Whether an earlier connection counts for this one: for a mutant alone.
fn was_identified(mta: &Mta, client: &DomainName) -> bool {
    let keeps = mta.world.mutant == Some(Mutant::KeepsIdentityFromAnotherConnection);
    keeps && mta.identified.borrow().contains(client)
}
