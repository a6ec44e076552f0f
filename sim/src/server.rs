//! The server side of an MTA: accepts connections and serves each by a session machine.

use std::rc::Rc;
use std::time::Duration;

use postern_model::mta::server::{Server, ServerSettings};
use postern_model::mta::session::{Input, Listing, Note, Output, TlsRequest, Transaction};
use postern_model::mta::timer::Timer;
use postern_model::mutant::Mutant;
use postern_model::name::DomainName;
use postern_model::scenario::{AfterFailure, OtherAddress, Phase, Trouble};
use postern_model::trace::{Channel, End, HelloAnswer, HelloForm};

use crate::certificate::Issued;
use crate::crypto::{self, Asks, Cause, ServerTerms};
use crate::mta::Mta;
use crate::net::{Head, Listener, Stream};
use crate::session::{Party, Peer, TlsStream, converse};
use crate::tap::Tap;
use crate::world::{OTHER_ADDRESS_PORT, SMTP_PORT, must_serve};

/// The largest content that a server takes, in octets.
const CONTENT_OCTETS_MAX: usize = 1 << 20;

/// How long ago a client must have dialled first to be known (C-SRV-4).
const ACQUAINTANCE: Duration = Duration::from_secs(300);

/// How long a server remembers that a handshake failed.
const MEMORY: Duration = Duration::from_secs(3600);

/// How late a mutant answers the end of data: well within the ten minutes of a client (RFC 5321 §4.5.3.2.6).
const LATE: Duration = Duration::from_secs(300);

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
            let machine = Server::new(settings(&mta, client.as_ref(), node));
            let drifts = mta.world.drifts();
            let mut receiver = Receiver {
                drifts,
                mta,
                client,
                node,
                machine,
                tap,
                client_proof: None,
            };
            converse(&door, stream, &mut receiver).await;
        });
    }
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

/// The project's own server in one session.
struct Receiver {
    mta: Rc<Mta>,
    /// The host that the connection came from; none if it was the attacker.
    client: Option<DomainName>,
    node: Node,
    machine: Server,
    /// What [`World::drifts`](crate::world::World::drifts) said when the machine was last told its settings.
    drifts: u64,
    tap: Rc<Tap>,
    /// What the client proved by a certificate, until the machine is told.
    client_proof: Option<crypto::Client>,
}

impl Receiver {
    /// Asks for a certificate only where something hangs on it, or where it is configured to.
    fn terms(&self) -> ServerTerms {
        let host = self.mta.world.host(self.mta.index);
        let asks = host.handshake.asks_for_certificate || !host.relay_for_identity.is_empty();
        ServerTerms {
            versions: host.handshake.versions,
            asks: match (asks, self.mta.world.mutant) {
                (false, _) => Asks::Nothing,
                (true, Some(Mutant::RefusesUnknownClientCertificate)) => Asks::BelievedCertificate,
                (true, _) => Asks::AnyCertificate,
            },
        }
    }

    /// What the client proved in the handshake that is complete; `None` if it showed no certificate.
    fn client_showed(&self, stream: &tokio_rustls::server::TlsStream<Stream>) -> Option<crypto::Client> {
        let chain = stream.get_ref().1.peer_certificates()?;
        if let Some(issued) = self.issued_to_client() {
            self.tap.client_presented(issued.presented(None).clone());
        }
        let host = self.mta.world.host(self.mta.index);
        let proof = crypto::client(self.mta.world.crypto, chain, host.relay_for_identity.iter());
        if let (crypto::Client::Believed(Some(_)), Some(client)) = (&proof, &self.client) {
            self.mta.identified.borrow_mut().insert(client.clone());
        }
        Some(proof)
    }

    /// The certificate of the host that dialled: the recorder's knowledge, not the server's.
    fn issued_to_client(&self) -> Option<Rc<Issued>> {
        let client = self.tap.dialler()?;
        self.mta.world.client_certificate(self.mta.world.host_index(&client)?)
    }

    fn failed(&self, failure: crypto::Failure, head: &Head) {
        let answer = crypto::hello::answer(&head.written);
        if let Some(form) = crypto::hello::form(&head.read)
            && (form, answer) != (HelloForm::Standard, HelloAnswer::Handshake)
            && (failure.cause != Cause::Connection || answer != HelloAnswer::Nothing)
        {
            self.tap.hello(form, answer);
        }
        if failure.cause == Cause::Certificate
            && let Some(issued) = self.issued_to_client()
        {
            self.tap.client_refused(issued.presented(None).clone());
        }
        self.tap.not_secured(End::Acceptor, failure.why);
        if let Some(client) = &self.client {
            let now = self.mta.door.now();
            self.mta.handshake_failed.borrow_mut().insert(client.clone(), now);
        }
    }
}

impl Party for Receiver {
    fn handle(&mut self, input: Input<'_>) {
        // The server's configuration may have changed while the session was open.
        let drifts = self.mta.world.drifts();
        if std::mem::replace(&mut self.drifts, drifts) != drifts {
            *self.machine.settings_mut() = settings(&self.mta, self.client.as_ref(), self.node);
        }
        if matches!(input, Input::Expired(Timer::Handshake)) {
            self.tap.not_secured(End::Acceptor, "no answer in time".to_owned());
        }
        let is_secured = input == Input::TlsUp;
        self.machine.handle(input);
        if is_secured && let Some(proof) = self.client_proof.take() {
            let (is_believed, identity) = match &proof {
                crypto::Client::NotBelieved => (false, None),
                crypto::Client::Believed(identity) => (true, identity.as_ref()),
            };
            self.machine.handle(Input::ClientCertificate { is_believed, identity });
        }
    }

    fn poll(&mut self) -> Output {
        self.machine.poll()
    }

    fn lateness(&mut self) -> Duration {
        lateness(&self.mta, self.client.as_ref())
    }

    async fn listing(&mut self, domain: DomainName) -> Listing {
        self.mta.listing(&domain).await
    }

    async fn store(&mut self, transaction: Transaction) -> bool {
        self.mta.serve_position(&transaction, Phase::Store);
        if self.mta.door.is_alive() {
            self.mta.store(&transaction);
            self.mta.serve_position(&transaction, Phase::Acknowledge);
        }
        if self.mta.world.mutant == Some(Mutant::AnswersEndOfDataLate) {
            self.mta.door.sleep(LATE).await;
        }
        true
    }

    async fn handshake(&mut self, _request: TlsRequest, mut stream: Stream) -> Result<TlsStream, Option<Stream>> {
        let mutant = self.mta.world.mutant;
        let random = self.mta.door.random(&format!("tls server {}", self.tap.connection().0));
        let issued = self.mta.world.certificate(self.mta.index);
        stream.keep_head(mutant == Some(Mutant::DropsOnOldHello));
        match crypto::present(stream, &issued, self.terms(), random).await {
            Ok((stream, presented)) => {
                self.tap.secured(presented);
                self.client_proof = self.client_showed(&stream);
                Ok(stream.into())
            }
            Err((failure, mut stream)) => {
                let head = stream.take_head();
                self.failed(failure, &head);
                Err(Some(stream))
            }
        }
    }

    fn note(&mut self, note: Note) {
        if let Note::Misbehaved(what) = note {
            tracing::debug!(host = %self.mta.name, what, "the client broke the protocol");
        }
    }

    fn received(&mut self, octets: &[u8], channel: Channel) {
        self.tap.received(octets, channel);
    }

    fn sent(&mut self, octets: &[u8], channel: Channel) {
        self.tap.sent(octets, channel);
    }
}
