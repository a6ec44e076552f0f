//! The handshakes of a server, and what is recorded of them.

use std::rc::Rc;

use postern_model::mutant::Mutant;
use postern_model::name::DomainName;
use postern_model::trace::{End, HelloAnswer, HelloForm};
use tokio::io::{AsyncRead, AsyncWrite};
use tokio_rustls::server::TlsStream;

use crate::certificate::Issued;
use crate::crypto::{self, Asks, Cause, ServerTerms};
use crate::mta::Mta;
use crate::net::Head;
use crate::tap::Tap;

/// What a server does for the TLS of one connection, whoever speaks SMTP over it.
pub(super) struct Handshakes {
    pub(super) mta: Rc<Mta>,
    /// The host that the connection came from; none if it was the attacker.
    pub(super) client: Option<DomainName>,
    pub(super) tap: Rc<Tap>,
}

impl Handshakes {
    pub(super) fn new(mta: &Rc<Mta>, client: Option<DomainName>, tap: &Rc<Tap>) -> Self {
        Self {
            mta: Rc::clone(mta),
            client,
            tap: Rc::clone(tap),
        }
    }

    /// Shakes hands as the host is configured to; what the client proved by a certificate comes with the stream, if it showed one.
    ///
    /// # Errors
    /// Why it failed. It is to be handed to [`Handshakes::failed`], with how it began.
    pub(super) async fn shake_hands<S: AsyncRead + AsyncWrite + Unpin>(
        &self,
        stream: S,
    ) -> Result<(TlsStream<S>, Option<crypto::Client>), (crypto::Failure, S)> {
        let random = self.mta.door.random(&format!("tls server {}", self.tap.connection().0));
        let issued = self.mta.world.certificate(self.mta.index);
        let (stream, presented) = crypto::present(stream, &issued, self.terms(), random).await?;
        self.tap.secured(presented);
        let proof = self.client_showed(&stream);
        Ok((stream, proof))
    }

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
    fn client_showed<S>(&self, stream: &TlsStream<S>) -> Option<crypto::Client> {
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

    /// A handshake came to nothing.
    pub(super) fn failed(&self, failure: crypto::Failure, head: &Head) {
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
