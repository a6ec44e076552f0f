//! TLS over a stream that is already there, as after STARTTLS.

use std::io;
use std::sync::Arc;

use postern_model::name::DomainName;
use postern_model::scenario::TlsVersions;
use postern_model::trace::Presented;
use rand_chacha::ChaCha8Rng;
use rustls::pki_types::ServerName;
use rustls::server::Acceptor;
use rustls::{AlertDescription, CertificateError, ClientConfig, Error, ServerConfig};
use tokio::io::{AsyncRead, AsyncWrite, AsyncWriteExt};
use tokio_rustls::{LazyConfigAcceptor, TlsAcceptor, TlsConnector, client, server};

use super::ServerTerms;
use crate::certificate::Issued;
use crate::random;

/// Shakes hands as the client, with the name as the server's, and with randomness from this stream.
///
/// # Errors
/// Why it failed, in one line: the certificate is not believed, the server says or does what it must not, or
/// the connection ends. The stream comes back with it.
pub async fn connect<S: AsyncRead + AsyncWrite + Unpin>(
    stream: S,
    config: Arc<ClientConfig>,
    name: &DomainName,
    randomness: ChaCha8Rng,
) -> Result<client::TlsStream<S>, (String, S)> {
    let name = match ServerName::try_from(name.as_str().to_owned()) {
        Ok(name) => name,
        Err(error) => return Err((format!("{name}: {error}"), stream)),
    };
    let handshake = async { TlsConnector::from(config).connect(name, stream).into_fallible().await };
    random::seeded(randomness, handshake)
        .await
        .map_err(|(error, stream)| (in_words(&error), stream))
}

/// Shakes hands as the server, with randomness from this stream.
///
/// # Errors
/// Why it failed, in one line: the client gave up, says or does what it must not, or the connection ends.
/// The stream comes back with it.
pub async fn accept<S: AsyncRead + AsyncWrite + Unpin>(
    stream: S,
    config: Arc<ServerConfig>,
    randomness: ChaCha8Rng,
) -> Result<server::TlsStream<S>, (String, S)> {
    let handshake = async { TlsAcceptor::from(config).accept(stream).into_fallible().await };
    random::seeded(randomness, handshake)
        .await
        .map_err(|(error, stream)| (in_words(&error), stream))
}

/// Why a server's handshake failed.
pub(crate) struct Failure {
    pub(crate) why: String,
    pub(crate) cause: Cause,
}

/// What lay behind the failure of a handshake.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Cause {
    /// The connection ended or broke.
    Connection,
    /// The certificate that the other end showed.
    Certificate,
    /// Anything else.
    Tls,
}

impl Failure {
    fn of(error: &io::Error) -> Self {
        let of_tls = error.get_ref().and_then(|inner| inner.downcast_ref::<Error>());
        Self {
            why: in_words(error),
            cause: match of_tls {
                None => Cause::Connection,
                Some(Error::InvalidCertificate(_)) => Cause::Certificate,
                Some(_) => Cause::Tls,
            },
        }
    }
}

/// Shakes hands as the server that presents this certificate, on these terms. What the client was shown comes with the
/// stream.
///
/// # Errors
/// As [`accept`]; also when the client indicates a name that the server refuses.
pub(crate) async fn present<S: AsyncRead + AsyncWrite + Unpin>(
    stream: S,
    issued: &Issued,
    terms: ServerTerms,
    randomness: ChaCha8Rng,
) -> Result<(server::TlsStream<S>, Presented), (Failure, S)> {
    let config = issued.server_config_on(terms);
    let looks_first = issued.refuses_some() || terms.versions == TlsVersions::Tls10Only;
    let stream = if looks_first {
        random::seeded(randomness, accept_or_alert(stream, issued, terms, config)).await?
    } else {
        let handshake = async { TlsAcceptor::from(config).accept(stream).into_fallible().await };
        let accepted = random::seeded(randomness, handshake).await;
        accepted.map_err(|(error, stream)| (Failure::of(&error), stream))?
    };
    let presented = issued.presented(stream.get_ref().1.server_name()).clone();
    Ok((stream, presented))
}

/// Looks at the client's hello before it answers.
async fn accept_or_alert<S: AsyncRead + AsyncWrite + Unpin>(
    stream: S,
    issued: &Issued,
    terms: ServerTerms,
    config: Arc<ServerConfig>,
) -> Result<server::TlsStream<S>, (Failure, S)> {
    let mut acceptor = LazyConfigAcceptor::new(Acceptor::default(), stream);
    let hello = match (&mut acceptor).await {
        Ok(hello) => hello,
        Err(error) => {
            let stream = acceptor.take_io().expect("the stream was handed in and not out");
            return Err((Failure::of(&error), stream));
        }
    };
    let indicated = hello.client_hello().server_name().map(str::to_owned);
    let objection = if terms.versions == TlsVersions::Tls10Only {
        let why = "the client wants a later version than TLS 1.0".to_owned();
        Some((AlertDescription::ProtocolVersion, why))
    } else if issued.refuses(indicated.as_deref()) {
        let named = indicated.unwrap_or_else(|| "no name".to_owned());
        Some((
            AlertDescription::UnrecognisedName,
            format!("the client indicates {named}"),
        ))
    } else {
        None
    };
    if let Some((description, why)) = objection {
        let mut stream = hello.io;
        // That it may not arrive is the client's own loss.
        _ = stream.write_all(&alert(description)).await;
        let cause = Cause::Tls;
        return Err((Failure { why, cause }, stream));
    }
    let handshake = hello.into_stream(config).into_fallible().await;
    handshake.map_err(|(error, stream)| (Failure::of(&error), stream))
}

/// A fatal alert as a record in clear (RFC 8446 §6, RFC 5246 §7.2).
fn alert(description: AlertDescription) -> [u8; 7] {
    const ALERT: u8 = 21;
    const FATAL: u8 = 2;
    [ALERT, 3, 3, 0, 2, FATAL, description.into()]
}

/// A failure in words for who runs mail; what is rare stands in the words of rustls.
fn in_words(error: &io::Error) -> String {
    use CertificateError::{
        Expired, ExpiredContext, NotValidForName, NotValidForNameContext, NotValidYet, NotValidYetContext,
        UnknownIssuer,
    };
    let of_tls = error.get_ref().and_then(|inner| inner.downcast_ref::<Error>());
    match of_tls {
        Some(Error::InvalidCertificate(Expired | ExpiredContext { .. })) => "the certificate has expired".to_owned(),
        Some(Error::InvalidCertificate(NotValidForNameContext { expected, .. })) => {
            format!("the certificate is not for {}", expected.to_str())
        }
        Some(Error::InvalidCertificate(NotValidForName)) => "the certificate is for another name".to_owned(),
        Some(Error::InvalidCertificate(UnknownIssuer)) => "the issuer of the certificate is not trusted".to_owned(),
        Some(Error::InvalidCertificate(NotValidYet | NotValidYetContext { .. })) => {
            "the certificate is not valid yet".to_owned()
        }
        Some(Error::InvalidMessage(_)) => "the answer to the handshake was not TLS".to_owned(),
        Some(Error::AlertReceived(alert)) => format!("the peer gave up with the alert {alert:?}"),
        Some(other) => other.to_string(),
        None if error.kind() == io::ErrorKind::UnexpectedEof => "the connection was closed".to_owned(),
        None => error.to_string(),
    }
}
