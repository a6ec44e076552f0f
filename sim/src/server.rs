//! The server side of an MTA: accepts connections and serves each by a session machine.

use std::rc::Rc;

use postern_model::mta::server::{Server, ServerSettings};
use postern_model::mta::session::{Input, Listing, Note, Output, TlsRequest, Transaction};
use postern_model::mta::timer::Timer;
use postern_model::name::DomainName;
use postern_model::scenario::Phase;
use postern_model::trace::{Channel, End};

use crate::crypto;
use crate::mta::Mta;
use crate::net::Stream;
use crate::session::{Party, TlsStream, converse};
use crate::tap::Tap;
use crate::world::SMTP_PORT;

/// The largest content that a server takes, in octets.
const CONTENT_OCTETS_MAX: usize = 1 << 20;

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
            let machine = Server::new(settings(&mta, client.as_ref()));
            let drifts = mta.world.drifts();
            let mut receiver = Receiver {
                drifts,
                mta,
                client,
                machine,
                tap,
            };
            converse(&door, stream, &mut receiver).await;
        });
    }
}

fn settings(mta: &Mta, client: Option<&DomainName>) -> ServerSettings {
    let host = mta.world.host(mta.index);
    ServerSettings {
        host: host.name.clone(),
        tls: host.tls.is_on(),
        demands_tls: host.demands_tls,
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
            *self.machine.settings_mut() = settings(&self.mta, self.client.as_ref());
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
