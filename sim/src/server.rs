//! The server side of an MTA: accepts connections and serves each by a session machine.

use std::rc::Rc;
use std::time::Duration;

use postern_model::mta::server::{Server, ServerSettings};
use postern_model::mta::session::{Input, Listing, Note, Output, TlsRequest, Transaction};
use postern_model::mta::timer::Timer;
use postern_model::name::DomainName;
use postern_model::scenario::{Phase, Trouble};
use postern_model::trace::{Channel, End};

use crate::crypto;
use crate::mta::Mta;
use crate::net::Stream;
use crate::session::{Party, TlsStream, converse};
use crate::tap::Tap;
use crate::world::SMTP_PORT;

/// The largest content that a server takes, in octets.
const CONTENT_OCTETS_MAX: usize = 1 << 20;

/// How long ago a client must have dialled first to be known (C-SRV-4).
const ACQUAINTANCE: Duration = Duration::from_secs(300);

/// Serves SMTP for ever.
pub(crate) async fn serve(mta: Rc<Mta>) -> std::io::Result<()> {
    let listener = mta.door.listen(SMTP_PORT).await?;
    loop {
        let stream = listener.accept().await?;
        let mta = Rc::clone(&mta);
        let door = mta.door.for_connection(stream.wire().connection());
        door.clone().spawn(async move {
            let from = stream.peer_address().ok().and_then(|peer| mta.world.host_at(peer.ip()));
            let client = from.map(|index| mta.world.host(index).name.clone());
            let tap = Tap::accepted(&mta.world.recorder, &stream);
            let node = Node::reached(&mta, client.as_ref());
            let machine = Server::new(settings(&mta, client.as_ref(), node));
            let drifts = mta.world.drifts();
            let mut receiver = Receiver {
                drifts,
                mta,
                client,
                node,
                machine,
                tap,
            };
            converse(&door, stream, &mut receiver).await;
        });
    }
}

/// What this connection reached, where connections differ (C-SRV-2, C-SRV-4).
#[derive(Clone, Copy)]
struct Node {
    /// Of the connections to the host, it is one of every other.
    is_odd: bool,
    /// The client dialled five minutes ago or longer.
    knows_client: bool,
}

impl Node {
    fn reached(mta: &Mta, client: Option<&DomainName>) -> Self {
        let (count, since) = mta.world.met(mta.index, client);
        Self {
            is_odd: count % 2 == 1,
            knows_client: since >= ACQUAINTANCE,
        }
    }

    /// Whether it has TLS, as far as the host's trouble goes.
    fn has_tls(self, trouble: Trouble) -> bool {
        match trouble {
            Trouble::NodesDiffer => !self.is_odd,
            Trouble::OffersTlsToAcquaintances => self.knows_client,
            _ => true,
        }
    }
}

fn settings(mta: &Mta, client: Option<&DomainName>, node: Node) -> ServerSettings {
    let host = mta.world.host(mta.index);
    ServerSettings {
        host: host.name.clone(),
        tls: host.tls.is_on() && node.has_tls(host.trouble),
        demands_tls: host.demands_tls,
        demand_stage: host.demand_stage,
        trouble: host.trouble,
        unlisted_answer: host.unlisted_answer,
        exchanger_for: host.exchanger_for.iter().cloned().collect(),
        failed_at_tls: client.is_some_and(|client| mta.failed_at_tls.borrow().contains(client)),
        never_accepts_mail: host.never_accepts_mail,
        relays: host.impostor || client.is_some_and(|client| host.relay_for.contains(client)),
        mailboxes: host.mailboxes.clone(),
        size_limit: CONTENT_OCTETS_MAX,
        mutant: mta.world.mutant,
    }
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
        self.machine.handle(input);
    }

    fn poll(&mut self) -> Output {
        self.machine.poll()
    }

    async fn listing(&mut self, domain: DomainName) -> Listing {
        self.mta.listing(&domain).await
    }

    fn store(&mut self, transaction: Transaction) -> bool {
        self.mta.serve_position(&transaction, Phase::Store);
        if self.mta.door.is_alive() {
            self.mta.store(&transaction);
            self.mta.serve_position(&transaction, Phase::Acknowledge);
        }
        true
    }

    async fn handshake(&mut self, _request: TlsRequest, stream: Stream) -> Result<TlsStream, Option<Stream>> {
        let random = self.mta.door.random(&format!("tls server {}", self.tap.connection().0));
        let issued = self.mta.world.certificate(self.mta.index);
        match crypto::present(stream, &issued, random).await {
            Ok((stream, presented)) => {
                self.tap.secured(presented);
                Ok(stream.into())
            }
            Err((why, stream)) => {
                self.tap.not_secured(End::Acceptor, why);
                self.mta.failed_at_tls.borrow_mut().extend(self.client.clone());
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
