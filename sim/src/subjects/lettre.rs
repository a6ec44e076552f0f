//! lettre 0.11 as the SMTP client of every sending MTA.
//!
//! Its connection, its STARTTLS upgrade and its dialogue are its own. Its `Tls` modes are applied by an executor that
//! is sealed to real sockets, so this adapter applies their documented meaning: `None` never upgrades, `Opportunistic`
//! upgrades if STARTTLS is offered, `Required` always; an error in any of these steps is the error of the sending, as
//! the executor has it. The queue, the walk over the exchangers and the alarm memory around it are glue.
//!
//! The glue bounces what lettre's documentation calls a permanent error and retries all else. It learns of the phases
//! connect, ehlo, starttls, mail and quit only: steps that wait for another phase do not fire. It asks nothing about
//! notifications of the next hop.
//!
//! It takes no clock: it judges certificates by the wall clock, whatever the simulated time is.

use std::fmt;
use std::future::Future;
use std::io;
use std::net::SocketAddr;
use std::pin::Pin;
use std::task::{Context, Poll};

use lettre::address::Envelope;
use lettre::transport::smtp::Error;
use lettre::transport::smtp::client::{
    AsyncSmtpConnection, AsyncTokioStream, Certificate, CertificateStore, TlsParameters,
};
use lettre::transport::smtp::extension::ClientId;
use postern_model::mta::policy::TlsUse;
use postern_model::mta::session::Outcome;
use postern_model::mta::timer::Timer;
use postern_model::name::{DomainName, ReversePath};
use postern_model::scenario::Phase;
use postern_model::smtp::with_crlf;
use send_wrapper::SendWrapper;
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};

use crate::certificate;
use crate::net::{Door, Stream};

/// What the glue around lettre is told as the session goes on.
pub(crate) trait Glue {
    /// The client is about to begin this phase.
    fn reached(&self, phase: Phase);
    /// The handshake is complete.
    fn secured(&self);
    /// TLS was wished for and is not to be had.
    fn without_tls(&self);
}

/// One message for one recipient in one session.
pub(crate) struct Letter<'a> {
    pub(crate) helo_name: &'a DomainName,
    pub(crate) exchanger: &'a DomainName,
    pub(crate) next_hop: &'a DomainName,
    pub(crate) tls: TlsUse,
    pub(crate) from: &'a ReversePath,
    pub(crate) to: &'a postern_model::name::Mailbox,
    pub(crate) content: &'a [u8],
}

/// Sends by lettre; what came of it, and what lettre said.
pub(crate) async fn send(door: &Door, stream: Stream, letter: &Letter<'_>, glue: &impl Glue) -> (Outcome, String) {
    let _foreign = door.foreign_code();
    match converse(door, stream, letter, glue).await {
        Ok(said) => (Outcome::Accepted, said),
        // The documentation's own classes: a permanent error is an answer for good, a transient one for now.
        Err(Failure::Lettre(error)) if error.is_permanent() => (Outcome::RefusedForGood, described(&error)),
        Err(Failure::Lettre(error)) if error.is_transient() => (Outcome::RefusedForNow, described(&error)),
        Err(Failure::Lettre(error)) => (Outcome::ConnectionFailed, described(&error)),
        Err(Failure::NotBuilt(why)) => (Outcome::RefusedForGood, why),
        Err(Failure::TimedOut(phase)) => (
            Outcome::ConnectionFailed,
            format!("lettre: no answer in time ({phase:?})"),
        ),
    }
}

enum Failure {
    Lettre(Error),
    NotBuilt(String),
    TimedOut(Phase),
}

impl From<Error> for Failure {
    fn from(error: Error) -> Self {
        Self::Lettre(error)
    }
}

async fn converse(door: &Door, stream: Stream, letter: &Letter<'_>, glue: &impl Glue) -> Result<String, Failure> {
    let hello = ClientId::Domain(letter.helo_name.to_string());
    let envelope = envelope(letter)?;
    glue.reached(Phase::Ehlo);
    let transport = Box::new(SendStream(SendWrapper::new(stream)));
    let connecting = AsyncSmtpConnection::connect_with_transport(transport, &hello);
    let mut connection = in_time(door, Phase::Ehlo, connecting).await?;
    let upgrades = match letter.tls {
        TlsUse::Never => false,
        TlsUse::IfOffered => connection.can_starttls(),
        TlsUse::Required | TlsUse::Authenticated => true,
    };
    if letter.tls != TlsUse::Never && !connection.can_starttls() {
        glue.without_tls();
    }
    if upgrades {
        let offered = connection.can_starttls();
        if offered {
            glue.reached(Phase::Starttls);
        }
        let parameters = tls_parameters(letter)?;
        match in_time(door, Phase::Starttls, connection.starttls(parameters, &hello)).await {
            Ok(()) => glue.secured(),
            Err(failure) => {
                if offered {
                    glue.without_tls();
                }
                return Err(failure);
            }
        }
    }
    glue.reached(Phase::Mail);
    // lettre leaves the line ends of a raw message to who hands it in.
    let content = with_crlf(letter.content);
    let response = in_time(door, Phase::Mail, connection.send(&envelope, &content)).await?;
    glue.reached(Phase::Quit);
    _ = in_time(door, Phase::Quit, connection.quit()).await;
    Ok(response.first_line().unwrap_or_default().to_owned())
}

/// lettre's timeouts are its executor's; the glue allows each call the sum of what RFC 5321 §4.5.3.2 allows its replies.
async fn in_time<T>(door: &Door, phase: Phase, step: impl Future<Output = Result<T, Error>>) -> Result<T, Failure> {
    let timers: &[Timer] = match phase {
        Phase::Ehlo => &[Timer::Greeting, Timer::Command],
        Phase::Starttls => &[Timer::Command, Timer::Handshake, Timer::Command],
        Phase::Mail => &[Timer::Mail, Timer::Rcpt, Timer::DataInitiation, Timer::DataTermination],
        _ => &[Timer::Command],
    };
    let patience = timers.iter().map(|timer| timer.duration()).sum();
    match door.timeout(patience, step).await {
        Ok(result) => Ok(result?),
        Err(_) => Err(Failure::TimedOut(phase)),
    }
}

fn envelope(letter: &Letter<'_>) -> Result<Envelope, Failure> {
    let address = |text: String| {
        text.parse()
            .map_err(|error| Failure::NotBuilt(format!("lettre: {text}: {error}")))
    };
    let from = match letter.from {
        ReversePath::Null => None,
        ReversePath::Mailbox(mailbox) => Some(address(mailbox.to_string())?),
    };
    Envelope::new(from, vec![address(letter.to.to_string())?])
        .map_err(|error| Failure::NotBuilt(format!("lettre: {error}")))
}

fn tls_parameters(letter: &Letter<'_>) -> Result<TlsParameters, Error> {
    let authority = Certificate::from_der(certificate::trusted_authority(crate::Crypto::Real).to_vec())?;
    let is_authenticated = letter.tls == TlsUse::Authenticated;
    let name = if is_authenticated {
        letter.next_hop
    } else {
        letter.exchanger
    };
    TlsParameters::builder(name.to_string())
        .certificate_store(CertificateStore::None)
        .add_root_certificate(authority)
        .dangerous_accept_invalid_certs(!is_authenticated)
        .dangerous_accept_invalid_hostnames(!is_authenticated)
        .build_rustls()
}

fn described(error: &Error) -> String {
    let text = format!("lettre: {error}");
    match std::error::Error::source(error) {
        Some(source) => format!("{text}: {source}").replace(['\r', '\n'], " "),
        None => text.replace(['\r', '\n'], " "),
    }
}

/// lettre wants a stream that may change threads. A world never does, and the wrapper holds it to that.
struct SendStream(SendWrapper<Stream>);

impl AsyncRead for SendStream {
    fn poll_read(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        Pin::new(&mut *self.0).poll_read(context, buffer)
    }
}

impl AsyncWrite for SendStream {
    fn poll_write(mut self: Pin<&mut Self>, context: &mut Context<'_>, octets: &[u8]) -> Poll<io::Result<usize>> {
        Pin::new(&mut *self.0).poll_write(context, octets)
    }

    fn poll_flush(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut *self.0).poll_flush(context)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut *self.0).poll_shutdown(context)
    }
}

impl AsyncTokioStream for SendStream {
    fn peer_addr(&self) -> io::Result<SocketAddr> {
        self.0.peer_address()
    }
}

impl fmt::Debug for SendStream {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("a simulated connection")
    }
}
