//! The server's session (RFC 5321, RFC 2920, RFC 3207), one for each connection.
//!
//! It answers one command at a time. Pipelined commands wait, within [`PIPELINE_LIMIT`], while the driver answers
//! [`Output::Ask`] or [`Output::Store`]. Whoever ends it, a session ends with one [`Output::Close`].

mod commands;
mod recipients;
mod settings;
mod standing;
#[cfg(test)]
mod tests;
mod tls;
mod transaction;

use std::collections::VecDeque;

pub use self::settings::ServerSettings;
pub use self::standing::Standing;
use self::transaction::message_taken;
use crate::mta::session::{Input, Note, Output, Recipient};
use crate::mta::timer::Timer;
use crate::mutant::Mutant;
use crate::name::{DomainName, ReversePath};
use crate::smtp::{ContentReader, LineEnd, LineReader, MessageRequest, Reply};

/// The longest command line that is read, CRLF included: the 512 of RFC 5321 §4.5.3.1.4 and room for parameters, which
/// with DSN makes 1036 at least (RFC 3461 §5.4).
pub const COMMAND_LINE_LIMIT: usize = 2048;

/// The most octets of pipelined commands that wait while the driver is asked.
pub const PIPELINE_LIMIT: usize = 64 * 1024;

/// The most recipients of one transaction (RFC 5321 §4.5.3.1.8).
pub const RECIPIENTS_LIMIT: usize = 100;

/// At this many commands that make no sense the server closes.
pub const ERRORS_LIMIT: u8 = 10;

/// The server's end of a session.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Server {
    settings: ServerSettings,
    stage: Stage,
    tls: bool,
    certificate: ClientCertificate,
    client: Option<ClientGreeting>,
    envelope: Option<Envelope>,
    errors: u8,
    /// EHLO was answered before, in clear or inside TLS.
    has_listed: bool,
    lines: LineReader,
    outputs: VecDeque<Output>,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash)]
enum Stage {
    /// Before the connection stands.
    Opening,
    /// The next command is awaited.
    Command,
    /// The driver was asked about the domain of this recipient.
    Listing(Recipient),
    /// The content is awaited.
    Content(ContentReader),
    /// The driver was asked to keep the message.
    Storing,
    /// 220 was sent to STARTTLS.
    Handshake,
    /// The session is closed.
    Over,
}

/// What the client proved by a certificate in the handshake of this connection.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
enum ClientCertificate {
    /// It showed none.
    NotShown,
    /// It showed one that is not believed.
    NotBelieved,
    /// It showed one that is believed; the name to relay for, if it proves one.
    Believed(Option<DomainName>),
}

/// What the client said of itself.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
struct ClientGreeting {
    name: String,
    /// It said EHLO, not HELO.
    is_extended: bool,
}

/// The transaction that is under way.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
struct Envelope {
    from: ReversePath,
    request: MessageRequest,
    to: Vec<Recipient>,
}

impl Server {
    /// A session before its connection stands.
    pub fn new(settings: ServerSettings) -> Self {
        let line_end = match settings.mutant {
            Some(Mutant::TakesBareLfInCommands) => LineEnd::CrlfOrLf,
            _ => LineEnd::Crlf,
        };
        Self {
            settings,
            stage: Stage::Opening,
            tls: false,
            certificate: ClientCertificate::NotShown,
            client: None,
            envelope: None,
            errors: 0,
            has_listed: false,
            lines: LineReader::ending_lines_by(line_end, COMMAND_LINE_LIMIT),
            outputs: VecDeque::new(),
        }
    }

    /// The settings, to change them while the session is open. A change counts from the next command on.
    pub fn settings_mut(&mut self) -> &mut ServerSettings {
        &mut self.settings
    }

    /// Takes a fact. Facts that the session did not ask for are passed over.
    pub fn handle(&mut self, input: Input<'_>) {
        match (&self.stage, input) {
            (Stage::Over, _) => {}
            (_, Input::Closed) => self.close(),
            (Stage::Opening, Input::Opened) => {
                self.stage = Stage::Command;
                let host = &self.settings.host;
                match self.settings.never_accepts_mail {
                    true => self.reply(Reply::new(521, None, format!("{host} Host does not accept mail"))),
                    false => self.reply(Reply::new(220, None, format!("{host} ESMTP Postern"))),
                }
            }
            // What comes between the go-ahead and the handshake is nobody's command (C-INJ-3).
            (Stage::Opening | Stage::Handshake, Input::Received(_)) => {}
            (_, Input::Received(octets)) => {
                self.lines.extend(octets);
                self.advance();
            }
            (Stage::Handshake, Input::TlsUp) => self.secured(),
            (Stage::Command, Input::ClientCertificate { is_believed, identity }) if self.tls => {
                self.certificate = match is_believed {
                    true => ClientCertificate::Believed(identity.cloned()),
                    false => ClientCertificate::NotBelieved,
                };
            }
            (Stage::Handshake, Input::TlsFailed | Input::Expired(Timer::Handshake)) => self.close(),
            (Stage::Command | Stage::Content(_), Input::Expired(timer)) if timer == self.idle() => {
                let text = format!("{} Timeout, closing connection", self.settings.host);
                self.farewell(Reply::enhanced(421, 4, 2, text));
            }
            (Stage::Listing(to), Input::Answered(listing)) => {
                let to = to.clone();
                self.stage = Stage::Command;
                self.answer_recipient(to, listing);
                self.advance();
            }
            (Stage::Storing, Input::Stored) if self.has(Mutant::DeliversWhatItRefused) => {
                self.stored(Reply::enhanced(451, 3, 0, "Local error, message not taken"));
            }
            (Stage::Storing, Input::Stored) if self.settings.mutant == Some(Mutant::Answers250BeforeStoring) => {
                self.stage = Stage::Command;
                self.outputs.push_back(Output::Arm(self.idle()));
                self.advance();
            }
            (Stage::Storing, Input::Stored) => self.stored(message_taken()),
            (Stage::Storing, Input::StoreFailed) => {
                self.stored(Reply::enhanced(451, 3, 0, "Local error, message not taken"));
            }
            _ => {}
        }
    }

    /// What the session asks next; call it until it says [`Output::Idle`].
    pub fn poll(&mut self) -> Output {
        self.outputs.pop_front().unwrap_or(Output::Idle)
    }

    /// Reads on as far as the stage allows.
    fn advance(&mut self) {
        loop {
            match &mut self.stage {
                Stage::Command => match self.lines.next_line() {
                    None => break,
                    Some(Ok(line)) => self.line(&line),
                    Some(Err(error)) => self.senseless(Reply::enhanced(500, 5, 2, error.to_string())),
                },
                Stage::Content(reader) => {
                    let octets = self.lines.take();
                    if octets.is_empty() {
                        break;
                    }
                    match reader.read(&octets) {
                        Some(end) => {
                            self.lines.extend(&octets[end.consumed..]);
                            self.end_of_data(end.content);
                        }
                        // Content beyond the bound buys no more time, or it could go on for ever.
                        None if reader.is_sound() => self.outputs.push_back(Output::Arm(self.idle())),
                        None => {}
                    }
                }
                _ => break,
            }
        }
        if self.lines.len() > PIPELINE_LIMIT {
            let why = format!("more than {PIPELINE_LIMIT} octets pipelined");
            self.outputs.push_back(Output::Note(Note::Misbehaved(why)));
            self.farewell(Reply::enhanced(421, 7, 0, "Too much pipelined, closing connection"));
        }
    }

    fn has(&self, mutant: Mutant) -> bool {
        self.settings.mutant == Some(mutant)
    }

    fn out_of_sequence(&mut self, text: &str) {
        self.senseless(Reply::enhanced(503, 5, 1, text));
    }

    /// Answers a command that makes no sense, a bounded number of times.
    fn senseless(&mut self, reply: Reply) {
        self.errors += 1;
        if self.errors < ERRORS_LIMIT {
            return self.reply(reply);
        }
        let why = format!("{ERRORS_LIMIT} commands made no sense, the last: {reply}");
        self.outputs.push_back(Output::Note(Note::Misbehaved(why)));
        self.farewell(Reply::enhanced(421, 7, 0, "Too many errors, closing connection"));
    }

    /// The timer that runs while the client is awaited (RFC 5321 §4.5.3.2.7).
    fn idle(&self) -> Timer {
        match self.settings.mutant {
            Some(Mutant::ServerHangsUpEarly) => Timer::DataInitiation,
            _ => Timer::Idle,
        }
    }

    fn reply(&mut self, reply: Reply) {
        self.outputs
            .extend([Output::Send(reply.to_octets()), Output::Arm(self.idle())]);
    }

    fn farewell(&mut self, reply: Reply) {
        self.outputs.push_back(Output::Send(reply.to_octets()));
        self.close();
    }

    fn close(&mut self) {
        match self.stage {
            Stage::Command | Stage::Content(_) => self.outputs.push_back(Output::Disarm(self.idle())),
            Stage::Handshake => self.outputs.push_back(Output::Disarm(Timer::Handshake)),
            Stage::Opening | Stage::Listing(_) | Stage::Storing | Stage::Over => {}
        }
        self.outputs.push_back(Output::Close);
        self.stage = Stage::Over;
        self.client = None;
        self.envelope = None;
        self.lines.clear();
    }
}
