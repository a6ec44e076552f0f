//! The project's own server.

use std::time::Duration;

use postern_model::mta::server::Server;
use postern_model::mta::session::{Input, Listing, Note, Output, TlsRequest, Transaction};
use postern_model::mta::timer::Timer;
use postern_model::mutant::Mutant;
use postern_model::name::DomainName;
use postern_model::trace::{Channel, End};

use super::{Handshakes, Node, lateness, settings};
use crate::crypto;
use crate::net::Stream;
use crate::session::{Party, TlsStream};

/// How late a mutant answers the end of data: well within the ten minutes of a client (RFC 5321 §4.5.3.2.6).
const LATE: Duration = Duration::from_secs(300);

/// The project's own server in one session.
pub(super) struct Receiver {
    handshakes: Handshakes,
    node: Node,
    machine: Server,
    /// What [`World::drifts`](crate::world::World::drifts) said when the machine was last told its settings.
    drifts: u64,
    /// What the client proved by a certificate, until the machine is told.
    client_proof: Option<crypto::Client>,
}

impl Receiver {
    pub(super) fn new(handshakes: Handshakes, node: Node) -> Self {
        let mta = &handshakes.mta;
        Self {
            machine: Server::new(settings(mta, handshakes.client.as_ref(), node)),
            drifts: mta.world.drifts(),
            node,
            handshakes,
            client_proof: None,
        }
    }
}

impl Party for Receiver {
    fn handle(&mut self, input: Input<'_>) {
        // The server's configuration may have changed while the session was open.
        let drifts = self.handshakes.mta.world.drifts();
        if std::mem::replace(&mut self.drifts, drifts) != drifts {
            *self.machine.settings_mut() = settings(&self.handshakes.mta, self.handshakes.client.as_ref(), self.node);
        }
        if matches!(input, Input::Expired(Timer::Handshake)) {
            self.handshakes
                .tap
                .not_secured(End::Acceptor, "no answer in time".to_owned());
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
        lateness(&self.handshakes.mta, self.handshakes.client.as_ref())
    }

    async fn listing(&mut self, domain: DomainName) -> Listing {
        self.handshakes.mta.listing(&domain).await
    }

    async fn store(&mut self, transaction: Transaction) -> bool {
        let mta = &self.handshakes.mta;
        mta.take(&transaction);
        if mta.world.mutant == Some(Mutant::AnswersEndOfDataLate) {
            mta.door.sleep(LATE).await;
        }
        true
    }

    async fn handshake(&mut self, _request: TlsRequest, mut stream: Stream) -> Result<TlsStream, Option<Stream>> {
        stream.keep_head(self.handshakes.mta.world.mutant == Some(Mutant::DropsOnOldHello));
        match self.handshakes.shake_hands(stream).await {
            Ok((stream, proof)) => {
                self.client_proof = proof;
                Ok(stream.into())
            }
            Err((failure, mut stream)) => {
                self.handshakes.failed(failure, &stream.take_head());
                Err(Some(stream))
            }
        }
    }

    fn note(&mut self, note: Note) {
        if let Note::Misbehaved(what) = note {
            tracing::debug!(host = %self.handshakes.mta.name, what, "the client broke the protocol");
        }
    }

    fn received(&mut self, octets: &[u8], channel: Channel) {
        self.handshakes.tap.received(octets, channel);
    }

    fn sent(&mut self, octets: &[u8], channel: Channel) {
        self.handshakes.tap.sent(octets, channel);
    }
}
