//! samotop-core 0.13, with its parser.
//!
//! It reads and writes itself, over any stream of the futures crate, and asks its user to shake hands. Whether there is a
//! timeout is the user's affair: its own component for that goes by the wall clock, of which a world must know nothing, so the stream
//! gives up in its place, by the same error.
//!
//! Where a handshake fails and commands were pipelined behind STARTTLS, it asks the handshake again after its end. An `async` block,
//! which is what its documentation shows, answers that by a panic; the future here answers by an error, so that the world goes on.

use std::fmt;
use std::future::poll_fn;
use std::io;
use std::pin::Pin;
use std::task::{Context, Poll, ready};

use futures::io::AsyncWrite;
use samotop_core::common::{S1Fut, S2Fut, S3Fut};
use samotop_core::io::tls::{Io, TlsCapable, TlsProvider, TlsUpgrade};
use samotop_core::io::{ConnectionInfo, IoService};
use samotop_core::mail::{
    AcceptsDispatch, AcceptsGuard, AddRecipientFailure, AddRecipientResult, Builder, DispatchResult, MailDispatch,
    MailGuard, MailSetup, Name, Recipient, StartMailResult,
};
use samotop_core::smtp::{Esmtp, EsmtpStartTls, SmtpSession};
use samotop_parser::SmtpParserPeg;
use tokio_util::compat::{FuturesAsyncReadCompatExt, TokioAsyncReadCompatExt};

use super::impatient::Impatient;
use crate::subject::{Connection, LocalFuture, ReceivedMail, Reception, Refusal, ServerSubject};

/// samotop with STARTTLS.
pub(super) struct Samotop;

impl ServerSubject for Samotop {
    fn name(&self) -> &'static str {
        "samotop-core"
    }

    fn version(&self) -> &'static str {
        "0.13.1+smtp"
    }

    fn keeps_timers(&self) -> bool {
        false
    }

    fn refuses_by_any_code(&self) -> bool {
        false
    }

    fn serve(&'static self, connection: Connection, reception: Reception) -> LocalFuture<'static, ()> {
        Box::pin(async move {
            let stream = Impatient::new(connection, &reception).compat();
            let stream = TlsCapable::plaintext(Box::new(stream));
            let mailbox = Mailbox(reception.clone());
            let (name, client) = (reception.host_name().to_owned(), reception.client_address().to_string());
            let upgrade = Upgrade(reception);
            let service = Builder
                + Name::new(&name)
                + mailbox
                + Esmtp.with(SmtpParserPeg)
                + EsmtpStartTls.with(SmtpParserPeg, upgrade);
            // An error says that the client is gone: there is nobody to tell.
            _ = service
                .build()
                .handle(Ok(Box::new(stream)), ConnectionInfo::new(name, client))
                .await;
        })
    }
}

#[derive(Debug, Clone)]
struct Upgrade(Reception);

impl TlsProvider for Upgrade {
    fn get_tls_upgrade(&self) -> Option<Box<dyn TlsUpgrade>> {
        self.0
            .offers_tls()
            .then(|| Box::new(self.clone()) as Box<dyn TlsUpgrade>)
    }
}

impl TlsUpgrade for Upgrade {
    fn upgrade_to_tls(&self, stream: Box<dyn Io>, _: String) -> S3Fut<io::Result<Box<dyn Io>>> {
        let mut handshake = Some(Box::pin(self.0.accept_tls(stream.compat())));
        Box::pin(poll_fn(move |context| {
            let Some(underway) = &mut handshake else {
                return Poll::Ready(Err(io::ErrorKind::NotConnected.into()));
            };
            let shaken = ready!(underway.as_mut().poll(context));
            handshake = None;
            Poll::Ready(shaken.map(|stream| Box::new(stream.compat()) as Box<dyn Io>))
        }))
    }
}

/// What each transaction is called in replies. A name of its own making would go by the wall clock, and one that counts would
/// tell inside TLS how many there were before.
const TRANSACTION: &str = "1";

/// It asks about recipients and opens a sink for each message.
#[derive(Debug)]
struct Mailbox(Reception);

impl<T: AcceptsGuard + AcceptsDispatch> MailSetup<T> for Mailbox {
    fn setup(self, config: &mut T) {
        let dispatch = Dispatch(self.0.clone());
        config.add_last_guard(self);
        config.add_last_dispatch(dispatch);
    }
}

impl MailGuard for Mailbox {
    fn start_mail<'a, 's, 'f>(&'a self, session: &'s mut SmtpSession) -> S2Fut<'f, StartMailResult>
    where
        'a: 'f,
        's: 'f,
    {
        session.transaction.id = TRANSACTION.to_owned();
        Box::pin(async { StartMailResult::Accepted })
    }

    fn add_recipient<'a, 's, 'f>(
        &'a self,
        session: &'s mut SmtpSession,
        recipient: Recipient,
    ) -> S2Fut<'f, AddRecipientResult>
    where
        'a: 'f,
        's: 'f,
    {
        let taken = self.0.takes(&from(session), &recipient.address.address());
        let result = match taken {
            Ok(()) => AddRecipientResult::Inconclusive(recipient),
            Err(refusal) => AddRecipientResult::Failed(failure(&refusal), refusal.text),
        };
        Box::pin(async { result })
    }
}

fn from(session: &SmtpSession) -> String {
    let mail = session.transaction.mail.as_ref();
    mail.map(|mail| mail.sender().address()).unwrap_or_default()
}

/// The nearest that it can say.
fn failure(refusal: &Refusal) -> AddRecipientFailure {
    match refusal.code {
        452 => AddRecipientFailure::StorageExhaustedTemporarily,
        553 => AddRecipientFailure::InvalidRecipient,
        code if code / 100 == 4 => AddRecipientFailure::RejectedTemporarily,
        _ => AddRecipientFailure::RejectedPermanently,
    }
}

#[derive(Debug)]
struct Dispatch(Reception);

impl MailDispatch for Dispatch {
    fn open_mail_body<'a, 's, 'f>(&'a self, session: &'s mut SmtpSession) -> S1Fut<'f, DispatchResult>
    where
        'a: 'f,
        's: 'f,
    {
        let mut mail = ReceivedMail::new(session.peer_name.clone().unwrap_or_default(), from(session));
        let recipients = session.transaction.rcpts.iter();
        mail.to = recipients.map(|recipient| recipient.address.address()).collect();
        session.transaction.sink = Some(Box::pin(Sink {
            reception: self.0.clone(),
            mail,
        }));
        Box::pin(async { Ok(()) })
    }
}

/// Takes the content of a message. It is kept when the sink is closed.
struct Sink {
    reception: Reception,
    mail: ReceivedMail,
}

impl AsyncWrite for Sink {
    fn poll_write(mut self: Pin<&mut Self>, _: &mut Context<'_>, octets: &[u8]) -> Poll<io::Result<usize>> {
        self.mail.append(octets);
        Poll::Ready(Ok(octets.len()))
    }

    fn poll_flush(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }

    fn poll_close(mut self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        let mail = std::mem::take(&mut self.mail);
        let kept = self.reception.keep(mail);
        Poll::Ready(kept.map_err(|refusal| io::Error::other(refusal.text)))
    }
}

impl fmt::Debug for Sink {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("the sink of a message")
    }
}
