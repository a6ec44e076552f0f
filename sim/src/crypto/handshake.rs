//! TLS over a stream that is already there, as after STARTTLS.

use std::io;
use std::sync::Arc;

use postern_model::name::DomainName;
use rand_chacha::ChaCha8Rng;
use rustls::pki_types::ServerName;
use rustls::{CertificateError, ClientConfig, Error, ServerConfig};
use tokio::io::{AsyncRead, AsyncWrite};
use tokio_rustls::{TlsAcceptor, TlsConnector, client, server};

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

/// A failure in words for who runs mail; what is rare stands in the words of rustls.
fn in_words(error: &io::Error) -> String {
    use CertificateError::{Expired, ExpiredContext, NotValidForName, NotValidForNameContext, UnknownIssuer};
    let of_tls = error.get_ref().and_then(|inner| inner.downcast_ref::<Error>());
    match of_tls {
        Some(Error::InvalidCertificate(Expired | ExpiredContext { .. })) => "the certificate has expired".to_owned(),
        Some(Error::InvalidCertificate(NotValidForNameContext { expected, .. })) => {
            format!("the certificate is not for {}", expected.to_str())
        }
        Some(Error::InvalidCertificate(NotValidForName)) => "the certificate is for another name".to_owned(),
        Some(Error::InvalidCertificate(UnknownIssuer)) => "the issuer of the certificate is not trusted".to_owned(),
        Some(Error::InvalidMessage(_)) => "the answer to the handshake was not TLS".to_owned(),
        Some(Error::AlertReceived(alert)) => format!("the peer gave up with the alert {alert:?}"),
        Some(other) => other.to_string(),
        None if error.kind() == io::ErrorKind::UnexpectedEof => "the connection was closed".to_owned(),
        None => error.to_string(),
    }
}
