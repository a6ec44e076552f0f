//! mailrs-smtp-proto 1.2.
//!
//! It does no input and output of its own: its user parses lines, hands the commands to a session, and does what that says, as its
//! example does. What becomes of octets behind STARTTLS is the user's affair, and so are timeouts; see [`Lines`].

use std::io;

use mailrs_smtp_proto::{
    AuthStep, Command, Event, Response, Session, SessionConfig, State, format_ehlo_response, parse_command,
    unstuff_line,
};

use super::lines::{Arrival, Lines};
use crate::subject::{Connection, LocalFuture, ReceivedMail, Reception, Refusal, ServerSubject};

/// mailrs-smtp-proto with STARTTLS.
pub(super) struct MailrsSmtpProto;

impl ServerSubject for MailrsSmtpProto {
    fn name(&self) -> &'static str {
        "mailrs-smtp-proto"
    }

    fn version(&self) -> &'static str {
        "1.2.0"
    }

    fn keeps_timers(&self) -> bool {
        false
    }

    fn does_its_own_input(&self) -> bool {
        false
    }

    fn serve(&'static self, connection: Connection, reception: Reception) -> LocalFuture<'static, ()> {
        Box::pin(async move {
            let config = SessionConfig {
                tls_available: reception.offers_tls(),
                max_size: reception.content_octets_max(),
                ..SessionConfig::default()
            };
            let mut receiver = Receiver {
                session: Session::new(reception.host_name(), config),
                lines: Lines::new(connection, reception.clone()),
                reception,
            };
            // Where the client is gone there is nobody to tell.
            _ = receiver.converse().await;
            _ = receiver.lines.close().await;
        })
    }
}

struct Receiver {
    session: Session,
    lines: Lines,
    reception: Reception,
}

impl Receiver {
    async fn converse(&mut self) -> io::Result<()> {
        let greeting = Response::greeting(&self.session.hostname).format_greeting();
        self.lines.say(greeting.as_bytes()).await?;
        loop {
            let line = self.next_line().await?;
            let text = line.strip_suffix(b"\r\n").unwrap_or(&line);
            let text = std::str::from_utf8(text).ok();
            let Some(command) = text.and_then(|text| parse_command(text).ok()) else {
                self.say(&Response::syntax_error()).await?;
                continue;
            };
            if let Some(refusal) = self.refusal(&command) {
                self.say(&refusal).await?;
                continue;
            }
            // What becomes of the transaction at DATA is in the event; who sent it is not.
            let client_name = self.client_name();
            match self.session.handle_command(&command) {
                Event::Reply(_) if matches!(command, Command::Ehlo(_)) => {
                    let reply = format_ehlo_response(&self.session.hostname, &self.session.capabilities());
                    self.lines.say(reply.as_bytes()).await?;
                }
                Event::Reply(response) => self.say(&response).await?,
                Event::NeedData {
                    reverse_path,
                    forward_paths,
                } => {
                    let mut mail = ReceivedMail::new(client_name, reverse_path);
                    mail.to = forward_paths;
                    self.receive(mail).await?;
                }
                Event::StartTls(response) => {
                    self.say(&response).await?;
                    self.lines.upgrade().await?;
                    self.session.reset_after_tls();
                }
                Event::Shutdown(response) => return self.say(&response).await,
                Event::NeedAuth { .. } => self.say(&Response::auth_failed()).await?,
                Event::AuthChallenge { response, step } => self.refuse_credentials(response, step).await?,
            }
        }
    }

    /// Why a recipient is not taken, before the session takes it.
    fn refusal(&self, command: &Command<'_>) -> Option<Response> {
        let to = self.session.pending_recipient(command)?;
        let from = match &self.session.state {
            State::MailFrom { reverse_path, .. } | State::RcptTo { reverse_path, .. } => reverse_path,
            State::Connected | State::Greeted { .. } | State::Authenticated { .. } => return None,
        };
        self.reception.takes(from, &to).err().map(response)
    }

    fn client_name(&self) -> String {
        match &self.session.state {
            State::Connected => String::new(),
            State::Greeted { domain }
            | State::Authenticated { domain, .. }
            | State::MailFrom { domain, .. }
            | State::RcptTo { domain, .. } => domain.clone(),
        }
    }

    async fn receive(&mut self, mut mail: ReceivedMail) -> io::Result<()> {
        self.say(&Response::data_start()).await?;
        loop {
            let line = self.next_line().await?;
            match unstuff_line(&line) {
                Some(line) => mail.append(line),
                None => break,
            }
        }
        match self.reception.keep(mail) {
            Ok(()) => self.say(&Response::data_ok()).await,
            Err(refusal) => self.say(&response(refusal)).await,
        }
    }

    /// Nobody has an account here.
    async fn refuse_credentials(&mut self, mut challenge: Response, mut step: AuthStep) -> io::Result<()> {
        loop {
            self.say(&challenge).await?;
            let line = self.next_line().await?;
            let answer = String::from_utf8_lossy(&line);
            match self.session.handle_auth_response(answer.trim_end(), &step) {
                Event::AuthChallenge { response, step: next } => (challenge, step) = (response, next),
                _ => return self.say(&Response::auth_failed()).await,
            }
        }
    }

    async fn next_line(&mut self) -> io::Result<Vec<u8>> {
        match self.lines.next().await {
            Arrival::Line(line) => Ok(line),
            Arrival::Late => {
                let farewell = Response::new(421, None, "Silent for too long");
                self.say(&farewell).await?;
                Err(io::ErrorKind::TimedOut.into())
            }
            Arrival::Gone => Err(io::ErrorKind::UnexpectedEof.into()),
        }
    }

    async fn say(&mut self, response: &Response) -> io::Result<()> {
        self.lines.say(response.format().as_bytes()).await
    }
}

fn response(Refusal { code, text }: Refusal) -> Response {
    Response::new(code, None, text)
}
