//! mail-send 0.7.
//!
//! `SmtpClientBuilder::connect` dials a socket of the operating system; this adapter takes its steps behind the dial, in its order,
//! by the public calls of `SmtpClient`: with `implicit_tls(false)` it says EHLO, upgrades if STARTTLS is offered, fails by
//! `MissingStartTls` if it is not, and says EHLO again. It has no way to go on in clear but one that “should not be used”.
//!
//! Whom it believes is what the connector believes that it is given, as with `new_with_tls_connector`. Where the policy demands TLS
//! with anybody, that is what `allow_invalid_certs` does.

use mail_send::smtp::AssertReply;
use mail_send::smtp::message::{Address, Message};
use mail_send::{Error, SmtpClient};
use postern_model::mta::session::WithoutTls;
use postern_model::scenario::{Level, Phase};
use rustls::pki_types::ServerName;
use smtp_proto::{EXT_START_TLS, Response};
use tokio_rustls::TlsConnector;
use tokio_rustls::client::TlsStream;

use crate::subject::{ClientSubject, Connection, LocalFuture, Reply, Report, Session};

/// mail-send with STARTTLS.
pub(super) struct MailSend;

/// The default of its builder.
const TIMEOUT: std::time::Duration = std::time::Duration::from_secs(60 * 60);

impl ClientSubject for MailSend {
    fn name(&self) -> &'static str {
        "mail-send:starttls"
    }

    fn version(&self) -> &'static str {
        "0.7.0"
    }

    fn level_for(&self, asked: Level) -> Level {
        asked.max(Level::Encrypt)
    }

    fn send<'a>(&'a self, connection: Connection, session: &'a Session<'a>) -> LocalFuture<'a, Report> {
        Box::pin(async move {
            let client = match opened(connection, session).await {
                Ok(client) => client,
                Err(failure) => return failure.into(),
            };
            sent(client, session).await.encrypted(true)
        })
    }
}

async fn opened(connection: Connection, session: &Session<'_>) -> Result<SmtpClient<TlsStream<Connection>>, Failure> {
    let mut client = SmtpClient {
        stream: connection,
        timeout: TIMEOUT,
    };
    session.begins(Phase::Ehlo);
    let greeted = async {
        client.read().await?.assert_positive_completion()?;
        client.ehlo(session.helo_name()).await
    };
    let offer = session.in_time(greeted).await.map_err(|_| Failure::TimedOut)??;
    if !offer.has_capability(EXT_START_TLS) {
        session.is_without_tls(WithoutTls::NotOffered);
        return Err(Error::MissingStartTls.into());
    }
    session.begins(Phase::Starttls);
    let asked = session.in_time(client.cmd(b"STARTTLS\r\n")).await;
    let asked = asked.map_err(|_| Failure::TimedOut)?;
    if let Err(error) = asked.and_then(AssertReply::assert_positive_completion) {
        session.is_without_tls(WithoutTls::Refused);
        return Err(error.into());
    }
    let name = ServerName::try_from(session.certificate_name().to_owned()).map_err(|_| Error::InvalidTLSName)?;
    let connector = TlsConnector::from(session.tls_config());
    let upgraded = match session.in_time(connector.connect(name, client.stream)).await {
        Ok(upgraded) => upgraded.map_err(|error| Failure::from(Error::Io(error))),
        Err(_) => Err(Failure::TimedOut),
    };
    let stream = upgraded.inspect_err(|_| session.is_without_tls(WithoutTls::HandshakeFailed))?;
    session.is_secured();
    let mut client = SmtpClient {
        stream,
        timeout: TIMEOUT,
    };
    let offer = session.in_time(client.ehlo(session.helo_name())).await;
    offer.map_err(|_| Failure::TimedOut)??;
    Ok(client)
}

async fn sent(mut client: SmtpClient<TlsStream<Connection>>, session: &Session<'_>) -> Report {
    session.begins(Phase::Mail);
    let message = Message {
        mail_from: address(session.from().map(ToString::to_string).unwrap_or_default()),
        rcpt_to: vec![address(session.to().to_string())],
        body: session.content().into(),
    };
    match session.in_time(client.send(message)).await {
        Ok(Ok(response)) => {
            session.begins(Phase::Quit);
            _ = session.in_time(client.quit()).await;
            Report {
                reply: Some(reply(&response)),
                ..Report::sent(response.to_string())
            }
        }
        Ok(Err(error)) => Failure::from(error).into(),
        Err(_) => Failure::TimedOut.into(),
    }
}

fn address(email: String) -> Address<'static> {
    Address::from(email)
}

enum Failure {
    MailSend(Error),
    TimedOut,
}

impl From<Error> for Failure {
    fn from(error: Error) -> Self {
        Self::MailSend(error)
    }
}

impl From<Failure> for Report {
    fn from(failure: Failure) -> Self {
        match failure {
            Failure::MailSend(error) => {
                let words = error.to_string();
                let reply = match &error {
                    Error::UnexpectedReply(response) => Some(reply(response)),
                    _ => None,
                };
                Self {
                    reply,
                    ..Self::failed(words)
                }
            }
            Failure::TimedOut => Self::failed("no answer in time"),
        }
    }
}

fn reply(response: &Response<String>) -> Reply {
    Reply {
        code: response.code(),
        text: response.message().clone(),
    }
}
