//! mailin 0.6.
//!
//! It does no input and output of its own: its user feeds lines to a session, sends what that answers, and shakes hands where it
//! says so. What becomes of octets behind STARTTLS is the user's affair, and so are timeouts; see [`Lines`].

use std::io;
use std::net::IpAddr;

use mailin::response::{NO_SERVICE, OK};
use mailin::{Action, Handler, Response, Session, SessionBuilder};

use super::lines::{Arrival, Lines};
use crate::subject::{Connection, LocalFuture, ReceivedMail, Reception, Refusal, ServerSubject};

/// mailin with STARTTLS.
pub(super) struct Mailin;

impl ServerSubject for Mailin {
    fn name(&self) -> &'static str {
        "mailin"
    }

    fn version(&self) -> &'static str {
        "0.6.5"
    }

    fn keeps_timers(&self) -> bool {
        false
    }

    fn does_its_own_input(&self) -> bool {
        false
    }

    fn serve(&'static self, connection: Connection, reception: Reception) -> LocalFuture<'static, ()> {
        Box::pin(async move {
            let mut builder = SessionBuilder::new(reception.host_name());
            if reception.offers_tls() {
                builder.enable_start_tls();
            }
            let mailbox = Mailbox {
                reception: reception.clone(),
                mail: ReceivedMail::default(),
            };
            let session = builder.build(reception.client_address(), mailbox);
            // Where the client is gone there is nobody to tell.
            _ = converse(session, Lines::new(connection, reception)).await;
        })
    }
}

async fn converse(mut session: Session<Mailbox>, mut lines: Lines) -> io::Result<()> {
    lines.say(&session.greeting().buffer()?).await?;
    loop {
        let response = match lines.next().await {
            Arrival::Line(line) => session.process(&line),
            Arrival::Late => NO_SERVICE,
            Arrival::Gone => return lines.close().await,
        };
        match response.action {
            Action::NoReply => {}
            Action::Reply => lines.say(&response.buffer()?).await?,
            Action::UpgradeTls => {
                lines.say(&response.buffer()?).await?;
                lines.upgrade().await?;
                session.tls_active();
            }
            Action::Close => {
                lines.say(&response.buffer()?).await?;
                return lines.close().await;
            }
        }
    }
}

struct Mailbox {
    reception: Reception,
    mail: ReceivedMail,
}

impl Handler for Mailbox {
    fn mail(&mut self, _: IpAddr, domain: &str, from: &str) -> Response {
        self.mail = ReceivedMail::new(domain, from);
        OK
    }

    fn rcpt(&mut self, to: &str) -> Response {
        answer(self.reception.takes(&self.mail.from, to))
    }

    fn data_start(&mut self, _: &str, _: &str, _: bool, to: &[String]) -> Response {
        self.mail.to = to.to_vec();
        OK
    }

    fn data(&mut self, line: &[u8]) -> io::Result<()> {
        self.mail.append(line);
        Ok(())
    }

    fn data_end(&mut self) -> Response {
        answer(self.reception.keep(std::mem::take(&mut self.mail)))
    }
}

fn answer(decision: Result<(), Refusal>) -> Response {
    match decision {
        Ok(()) => OK,
        Err(Refusal { code, text }) => Response::custom(code, text),
    }
}
