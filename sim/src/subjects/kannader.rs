//! smtp-server 0.1, the library of kannader.
//!
//! It reads and writes itself, over any stream of the futures crate, and asks its user to shake hands. It takes STARTTLS only as the
//! last word that it has read, and refuses it where anything was pipelined behind.
//!
//! Its timeouts go by the wall clock, of which a world must know nothing. They are put off for good here; in their place the stream
//! gives up after as long a silence as the default of each, five minutes.

use std::io;
use std::pin::Pin;
use std::sync::Arc;

use async_trait::async_trait;
use duplexify::Duplex;
use futures::io::{AsyncRead, AsyncReadExt, AsyncWrite};
use smtp_message::{DataUnescaper, Email, EscapedDataReader, Reply, ReplyCode};
use smtp_server::{Config, ConnectionMetadata, Decision, IsAlreadyTls, MailMetadata, interact, protocol, reply};
use tokio_util::compat::{FuturesAsyncReadCompatExt, TokioAsyncReadCompatExt};

use super::impatient::Impatient;
use crate::subject::{Connection, LocalFuture, ReceivedMail, Reception, Refusal, ServerSubject};

/// smtp-server with STARTTLS.
pub(super) struct Kannader;

impl ServerSubject for Kannader {
    fn name(&self) -> &'static str {
        "smtp-server"
    }

    fn version(&self) -> &'static str {
        "0.1.0"
    }

    fn keeps_timers(&self) -> bool {
        false
    }

    fn serve(&'static self, connection: Connection, reception: Reception) -> LocalFuture<'static, ()> {
        Box::pin(async move {
            let stream = Impatient::new(connection, &reception);
            // An error says that the client is gone or was silent for too long: there is nobody to tell.
            _ = interact(stream.compat(), IsAlreadyTls::No, (), Arc::new(Mailbox(reception))).await;
        })
    }
}

/// For good, as far as a process lives.
fn never() -> chrono::Duration {
    chrono::Duration::days(36_500)
}

struct Mailbox(Reception);

type Secured = Duplex<Pin<Box<dyn Send + AsyncRead>>, Pin<Box<dyn Send + AsyncWrite>>>;

#[async_trait]
impl Config for Mailbox {
    type Protocol = protocol::Smtp;
    type ConnectionUserMeta = ();
    type MailUserMeta = ();

    fn hostname(&self, _: &ConnectionMetadata<()>) -> &str {
        self.0.host_name()
    }

    fn can_do_tls(&self, connection: &ConnectionMetadata<()>) -> bool {
        let is_extended = connection.hello.as_ref().is_some_and(|hello| hello.is_extended);
        self.0.offers_tls() && !connection.is_encrypted && is_extended
    }

    async fn tls_accept<IO>(&self, io: IO, _: &mut ConnectionMetadata<()>) -> io::Result<Secured>
    where
        IO: 'static + Unpin + Send + AsyncRead + AsyncWrite,
    {
        let secured = self.0.accept_tls(io.compat()).await?;
        let (reading, writing) = secured.compat().split();
        Ok(Duplex::new(Box::pin(reading), Box::pin(writing)))
    }

    async fn new_mail(&self, _: &mut ConnectionMetadata<()>) {}

    async fn filter_from(
        &self,
        from: Option<Email>,
        _: &mut MailMetadata<()>,
        _: &mut ConnectionMetadata<()>,
    ) -> Decision<Option<Email>> {
        Decision::Accept {
            reply: reply::okay_from().convert(),
            res: from,
        }
    }

    async fn filter_to(
        &self,
        to: Email,
        mail: &mut MailMetadata<()>,
        _: &mut ConnectionMetadata<()>,
    ) -> Decision<Email> {
        match self.0.takes(&reverse_path(mail.from.as_ref()), &text(&to)) {
            Ok(()) => Decision::Accept {
                reply: reply::okay_to().convert(),
                res: to,
            },
            Err(refusal) => Decision::Reject {
                reply: reply_of(refusal),
            },
        }
    }

    async fn handle_mail<'resp, R>(
        &'resp self,
        stream: &mut EscapedDataReader<'_, R>,
        mail: MailMetadata<()>,
        connection: &'resp mut ConnectionMetadata<()>,
    ) -> Decision<()>
    where
        R: Send + Unpin + AsyncRead,
        Self: 'resp,
    {
        let mut content = Vec::new();
        let read = stream.read_to_end(&mut content).await;
        if read.is_err() || !stream.is_finished() {
            // It finds that out again itself, and ends the session.
            return Decision::Kill {
                reply: None,
                res: Ok(()),
            };
        }
        stream.complete();
        let unescaped = DataUnescaper::new(true).unescape(&mut content);
        content.truncate(unescaped.written);
        let hello = connection.hello.as_ref();
        let client_name = hello.map(|hello| hello.hostname.to_string()).unwrap_or_default();
        let mut received = ReceivedMail::new(client_name, reverse_path(mail.from.as_ref()));
        received.to = mail.to.iter().map(text).collect();
        received.append(&content);
        match self.0.keep(received) {
            Ok(()) => Decision::Accept {
                reply: reply::okay_mail().convert(),
                res: (),
            },
            Err(refusal) => Decision::Reject {
                reply: reply_of(refusal),
            },
        }
    }

    fn reply_write_timeout(&self) -> chrono::Duration {
        never()
    }

    fn command_read_timeout(&self) -> chrono::Duration {
        never()
    }
}

fn text(email: &Email) -> String {
    match &email.hostname {
        Some(hostname) => format!("{}@{hostname}", email.localpart),
        None => email.localpart.to_string(),
    }
}

fn reverse_path(from: Option<&Email>) -> String {
    from.map(text).unwrap_or_default()
}

fn reply_of(Refusal { code, text }: Refusal) -> Reply {
    let digit = |place: u16| b'0' + u8::try_from(code / place % 10).unwrap_or_default();
    Reply {
        code: ReplyCode([digit(100), digit(10), digit(1)]),
        ecode: None,
        text: vec![text.as_str().into()],
    }
}
