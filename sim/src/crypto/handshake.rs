//! TLS over a stream that is already there, as after STARTTLS.

use std::sync::Arc;

use postern_model::name::DomainName;
use rand_chacha::ChaCha8Rng;
use rustls::pki_types::ServerName;
use rustls::{ClientConfig, ServerConfig};
use tokio::io::{AsyncRead, AsyncWrite};
use tokio_rustls::{TlsAcceptor, TlsConnector, client, server};

use crate::random;

/// Shakes hands as the client, with the name as the server's, and with randomness from this stream.
///
/// # Errors
/// Why it failed, in the words of rustls: the certificate is not believed, the server says or does what it must not, or
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
        .map_err(|(error, stream)| (error.to_string(), stream))
}

/// Shakes hands as the server, with randomness from this stream.
///
/// # Errors
/// Why it failed, in the words of rustls: the client gave up, says or does what it must not, or the connection ends.
/// The stream comes back with it.
pub async fn accept<S: AsyncRead + AsyncWrite + Unpin>(
    stream: S,
    config: Arc<ServerConfig>,
    randomness: ChaCha8Rng,
) -> Result<server::TlsStream<S>, (String, S)> {
    let handshake = async { TlsAcceptor::from(config).accept(stream).into_fallible().await };
    random::seeded(randomness, handshake)
        .await
        .map_err(|(error, stream)| (error.to_string(), stream))
}
