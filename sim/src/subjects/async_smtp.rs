//! async-smtp 0.10.
//!
//! Its user brings a buffered stream, and gets that stream back from `starttls` to upgrade it: so TLS runs over the very stream that
//! was given, with whatever its buffer holds, and `without_greeting` goes on inside. It fails if STARTTLS is not offered, and has
//! no way to find out before. Whom to believe is the user's affair, and so are timeouts.

use async_smtp::error::Error;
use async_smtp::extension::ClientId;
use async_smtp::response::Response;
use async_smtp::{EmailAddress, Envelope, SendableEmail, SmtpClient, SmtpTransport};
use postern_model::mta::session::WithoutTls;
use postern_model::scenario::{Level, Phase};
use rustls::pki_types::ServerName;
use tokio::io::BufStream;
use tokio_rustls::TlsConnector;
use tokio_rustls::client::TlsStream;

use crate::subject::{ClientSubject, Connection, LocalFuture, Reply, Report, Session};

/// async-smtp with STARTTLS.
pub(super) struct AsyncSmtp;

type Encrypted = BufStream<TlsStream<BufStream<Connection>>>;

impl ClientSubject for AsyncSmtp {
    fn name(&self) -> &'static str {
        "async-smtp:starttls"
    }

    fn version(&self) -> &'static str {
        "0.10.2"
    }

    fn level_for(&self, asked: Level) -> Level {
        asked.max(Level::Encrypt)
    }

    fn send<'a>(&'a self, connection: Connection, session: &'a Session<'a>) -> LocalFuture<'a, Report> {
        Box::pin(async move {
            let email = match email(session) {
                Ok(email) => email,
                Err(why) => return Report::failed(why),
            };
            let transport = match opened(connection, session).await {
                Ok(transport) => transport,
                Err(report) => return report,
            };
            sent(transport, email, session).await.encrypted(true)
        })
    }
}

async fn opened(connection: Connection, session: &Session<'_>) -> Result<SmtpTransport<Encrypted>, Report> {
    let hello = || ClientId::new(session.helo_name().to_owned());
    session.begins(Phase::Ehlo);
    let greeted = SmtpTransport::new(SmtpClient::new().hello_name(hello()), BufStream::new(connection));
    let transport = answered(session, greeted).await?;
    session.begins(Phase::Starttls);
    let stream = match session.in_time(transport.starttls()).await {
        Ok(Ok(stream)) => stream,
        Ok(Err(error)) => {
            session.is_without_tls(match error {
                Error::Client(_) => WithoutTls::NotOffered,
                _ => WithoutTls::Refused,
            });
            return Err(described(&error));
        }
        Err(_) => return Err(late()),
    };
    let name = ServerName::try_from(session.certificate_name().to_owned());
    let name = name.map_err(|error| Report::failed(error.to_string()))?;
    let handshake = TlsConnector::from(session.tls_config()).connect(name, stream);
    let stream = match session.in_time(handshake).await {
        Ok(Ok(stream)) => stream,
        failed => {
            session.is_without_tls(WithoutTls::HandshakeFailed);
            return Err(match failed {
                Ok(Err(error)) => Report::failed(error.to_string()),
                _ => late(),
            });
        }
    };
    session.is_secured();
    let client = SmtpClient::new().hello_name(hello()).without_greeting();
    answered(session, SmtpTransport::new(client, BufStream::new(stream))).await
}

async fn sent(mut transport: SmtpTransport<Encrypted>, email: SendableEmail, session: &Session<'_>) -> Report {
    session.begins(Phase::Mail);
    match answered(session, transport.send(email)).await {
        Ok(response) => {
            session.begins(Phase::Quit);
            _ = session.in_time(transport.quit()).await;
            Report {
                reply: Some(reply(&response)),
                ..Report::sent(response.first_line().unwrap_or_default())
            }
        }
        Err(report) => report,
    }
}

async fn answered<T>(session: &Session<'_>, call: impl Future<Output = Result<T, Error>>) -> Result<T, Report> {
    match session.in_time(call).await {
        Ok(result) => result.map_err(|error| described(&error)),
        Err(_) => Err(late()),
    }
}

fn late() -> Report {
    Report::failed("no answer in time")
}

fn email(session: &Session<'_>) -> Result<SendableEmail, String> {
    let address = |text: String| EmailAddress::new(text).map_err(|error| error.to_string());
    let from = session.from().map(|from| address(from.to_string())).transpose()?;
    let envelope = Envelope::new(from, vec![address(session.to().to_string())?]).map_err(|error| error.to_string())?;
    Ok(SendableEmail::new(envelope, session.content()))
}

fn described(error: &Error) -> Report {
    let reply = match error {
        Error::Transient(response) | Error::Permanent(response) => Some(reply(response)),
        _ => None,
    };
    Report {
        reply,
        ..Report::failed(error.to_string())
    }
}

fn reply(response: &Response) -> Reply {
    let code = response.code;
    Reply {
        code: code.severity as u16 * 100 + code.category as u16 * 10 + code.detail as u16,
        text: response.message.join("\n"),
    }
}
