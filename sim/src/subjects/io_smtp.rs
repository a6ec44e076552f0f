//! io-smtp 0.6.
//!
//! It does no input and output of its own: its coroutines say what to read, to write and to upgrade, and this adapter does that, as
//! its example for another runtime does. With `starttls` set, it says STARTTLS whether that is offered or not. Whom to believe is the
//! user's affair, and so are timeouts.

use std::borrow::Cow;
use std::io;

use io_sasl::mechanism::Sasl;
use io_smtp::coroutine::{SmtpCoroutine, SmtpCoroutineState, SmtpYield};
use io_smtp::message::{SmtpMessageSend, SmtpMessageSendError, SmtpMessageSendOptions};
use io_smtp::rfc3207::starttls::SmtpStartTlsError;
use io_smtp::rfc5321::data::SmtpDataError;
use io_smtp::rfc5321::mail::SmtpMailError;
use io_smtp::rfc5321::quit::SmtpQuit;
use io_smtp::rfc5321::rcpt::SmtpRcptError;
use io_smtp::rfc5321::{SmtpDomain, SmtpEhloDomain, SmtpForwardPath, SmtpLocalPart, SmtpMailbox, SmtpReversePath};
use io_smtp::session::{
    SmtpSessionOpen, SmtpSessionOpenError, SmtpSessionOpenOptions, SmtpSessionOpenYield, SmtpSessionTransport,
};
use postern_model::mta::session::WithoutTls;
use postern_model::name::Mailbox;
use postern_model::scenario::{Level, Phase};
use rustls::pki_types::ServerName;
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};
use tokio_rustls::TlsConnector;
use tokio_rustls::client::TlsStream;

use crate::subject::{ClientSubject, Connection, LocalFuture, Report, Session};

/// io-smtp with STARTTLS.
pub(super) struct IoSmtp;

/// As in its example.
const READ_BUFFER_OCTETS: usize = 16 * 1024;

impl ClientSubject for IoSmtp {
    fn name(&self) -> &'static str {
        "io-smtp:starttls"
    }

    fn version(&self) -> &'static str {
        "0.6.0"
    }

    fn level_for(&self, asked: Level) -> Level {
        asked.max(Level::Encrypt)
    }

    fn send<'a>(&'a self, connection: Connection, session: &'a Session<'a>) -> LocalFuture<'a, Report> {
        Box::pin(async move {
            let (stream, extensions) = match opened(connection, session).await {
                Ok(opened) => opened,
                Err(report) => return report,
            };
            Report {
                encrypted: true,
                extensions: Some(extensions),
                ..sent(stream, session).await
            }
        })
    }
}

type Opened = (Box<TlsStream<Connection>>, Vec<String>);

enum Stream {
    Clear(Connection),
    Tls(Box<TlsStream<Connection>>),
}

async fn opened(connection: Connection, session: &Session<'_>) -> Result<Opened, Report> {
    let transport = SmtpSessionTransport::Tcp {
        host: session.exchanger().to_owned(),
        port: 25,
    };
    let options = SmtpSessionOpenOptions { starttls: true };
    let mut opening = SmtpSessionOpen::new(transport, domain(session.helo_name()), None::<Sasl>, options);
    let mut stream = Stream::Clear(connection);
    let mut octets = vec![0; READ_BUFFER_OCTETS];
    let mut read = None;
    session.begins(Phase::Ehlo);
    loop {
        let wish = match opening.resume(read.take().map(|count| &octets[..count])) {
            SmtpCoroutineState::Yielded(wish) => wish,
            SmtpCoroutineState::Complete(Err(error)) => return Err(not_opened(session, &error)),
            SmtpCoroutineState::Complete(Ok(data)) => {
                let extensions = data.capabilities.into_iter().map(Cow::into_owned).collect();
                return match stream {
                    Stream::Tls(stream) => Ok((stream, extensions)),
                    Stream::Clear(_) => Err(Report::failed("the session was opened in clear")),
                };
            }
        };
        match wish {
            // The connection stands already.
            SmtpSessionOpenYield::WantsTcpConnect { .. } => {}
            SmtpSessionOpenYield::WantsTlsConnect { .. } | SmtpSessionOpenYield::WantsUnixConnect(_) => {
                return Err(Report::failed("another transport was asked for"));
            }
            SmtpSessionOpenYield::WantsTlsUpgrade => {
                stream = Stream::Tls(upgraded(stream, session).await?);
            }
            SmtpSessionOpenYield::WantsRead => {
                read = Some(match &mut stream {
                    Stream::Clear(stream) => receive(session, stream, &mut octets).await?,
                    Stream::Tls(stream) => receive(session, stream, &mut octets).await?,
                });
            }
            SmtpSessionOpenYield::WantsWrite(octets) => {
                if octets.starts_with(b"STARTTLS") {
                    session.begins(Phase::Starttls);
                }
                match &mut stream {
                    Stream::Clear(stream) => transmit(session, stream, &octets).await?,
                    Stream::Tls(stream) => transmit(session, stream, &octets).await?,
                }
            }
        }
    }
}

async fn upgraded(stream: Stream, session: &Session<'_>) -> Result<Box<TlsStream<Connection>>, Report> {
    let Stream::Clear(stream) = stream else {
        return Err(Report::failed("an upgrade was asked for inside TLS"));
    };
    let name = ServerName::try_from(session.certificate_name().to_owned());
    let name = name.map_err(|error| Report::failed(error.to_string()))?;
    let handshake = TlsConnector::from(session.tls_config()).connect(name, stream);
    match answered(session, handshake).await {
        Ok(stream) => {
            session.is_secured();
            Ok(Box::new(stream))
        }
        Err(report) => {
            session.is_without_tls(WithoutTls::HandshakeFailed);
            Err(report)
        }
    }
}

fn not_opened(session: &Session<'_>, error: &SmtpSessionOpenError) -> Report {
    match error {
        SmtpSessionOpenError::StartTls(SmtpStartTlsError::Rejected { code, message }) => {
            session.is_without_tls(WithoutTls::Refused);
            Report {
                words: error.to_string(),
                ..Report::refused(*code, message)
            }
        }
        SmtpSessionOpenError::StartTlsInjection => {
            session.is_without_tls(WithoutTls::HandshakeFailed);
            Report::failed(error.to_string())
        }
        _ => Report::failed(error.to_string()),
    }
}

async fn sent(mut stream: Box<TlsStream<Connection>>, session: &Session<'_>) -> Report {
    let from = session.from().map_or(SmtpReversePath::Null, |from| {
        SmtpReversePath::SmtpMailbox(mailbox(from))
    });
    let to = [SmtpForwardPath(mailbox(session.to()))];
    session.begins(Phase::Mail);
    let message = SmtpMessageSend::new(from, to, session.content(), SmtpMessageSendOptions::default());
    match run(session, &mut stream, message).await {
        Ok(Ok(())) => {
            session.begins(Phase::Quit);
            drop(run(session, &mut stream, SmtpQuit::new()).await);
            Report::sent("sent")
        }
        Ok(Err(error)) => refused(&error),
        Err(report) => report,
    }
}

fn refused(error: &SmtpMessageSendError) -> Report {
    let words = error.to_string();
    match error {
        SmtpMessageSendError::MailFrom(SmtpMailError::Rejected { code, message })
        | SmtpMessageSendError::RcptTo(SmtpRcptError::Rejected { code, message })
        | SmtpMessageSendError::Data(
            SmtpDataError::CommandRejected { code, message } | SmtpDataError::BodyRejected { code, message },
        ) => Report {
            words,
            ..Report::refused(*code, message)
        },
        _ => Report::failed(words),
    }
}

/// Does what a coroutine asks for, to its end.
async fn run<R>(
    session: &Session<'_>,
    stream: &mut (impl AsyncRead + AsyncWrite + Unpin),
    mut coroutine: impl SmtpCoroutine<Yield = SmtpYield, Return = R>,
) -> Result<R, Report> {
    let mut octets = vec![0; READ_BUFFER_OCTETS];
    let mut read = None;
    loop {
        match coroutine.resume(read.take().map(|count| &octets[..count])) {
            SmtpCoroutineState::Complete(result) => return Ok(result),
            SmtpCoroutineState::Yielded(SmtpYield::WantsRead) => {
                read = Some(receive(session, stream, &mut octets).await?);
            }
            SmtpCoroutineState::Yielded(SmtpYield::WantsWrite(octets)) => transmit(session, stream, &octets).await?,
        }
    }
}

async fn receive(
    session: &Session<'_>,
    stream: &mut (impl AsyncRead + Unpin),
    octets: &mut [u8],
) -> Result<usize, Report> {
    answered(session, stream.read(octets)).await
}

async fn transmit(session: &Session<'_>, stream: &mut (impl AsyncWrite + Unpin), octets: &[u8]) -> Result<(), Report> {
    let writing = async {
        stream.write_all(octets).await?;
        // Its example leaves this out, and a TLS stream of tokio sends nothing for sure without it.
        stream.flush().await
    };
    answered(session, writing).await
}

async fn answered<T>(session: &Session<'_>, call: impl Future<Output = io::Result<T>>) -> Result<T, Report> {
    match session.in_time(call).await {
        Ok(result) => result.map_err(|error| Report::failed(error.to_string())),
        Err(_) => Err(Report::failed("no answer in time")),
    }
}

fn domain(name: &str) -> SmtpEhloDomain<'static> {
    SmtpEhloDomain::SmtpDomain(SmtpDomain(Cow::Owned(name.to_owned())))
}

fn mailbox(mailbox: &Mailbox) -> SmtpMailbox<'static> {
    SmtpMailbox {
        local_part: SmtpLocalPart(Cow::Owned(mailbox.local_part().to_owned())),
        domain: domain(mailbox.domain().as_str()),
    }
}
