//! The server's session (RFC 5321, RFC 2920, RFC 3207), one for each connection.
//!
//! It answers one command at a time. Pipelined commands wait, within [`PIPELINE_LIMIT`], while the driver answers
//! [`Output::Ask`] or [`Output::Store`]. Whoever ends it, a session ends with one [`Output::Close`].

mod settings;
#[cfg(test)]
mod tests;

use std::collections::VecDeque;

pub use self::settings::ServerSettings;
use crate::mta::recipient::{self, Circumstances, Decision};
use crate::mta::session::{Input, Listing, Note, Output, Recipient, TlsRequest, Transaction};
use crate::mta::timer::Timer;
use crate::mutant::Mutant;
use crate::name::{DomainName, Mailbox, ReversePath};
use crate::scenario::{DemandStage, MailboxState, Trouble};
use crate::smtp::{Command, ContentError, ContentReader, LineEnd, LineReader, MessageRequest, Reply};

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

    fn line(&mut self, line: &[u8]) {
        if self.refuses_for_want_of_tls(line) {
            self.reply(Reply::enhanced(530, 7, 0, "Must issue a STARTTLS command first"));
            if self.has(Mutant::ClosesAfter530) {
                self.close();
            }
            return;
        }
        if self.refuses_what_tls_achieved(line) {
            let code = if self.has(Mutant::RefusesUnhappilyForNow) {
                454
            } else {
                554
            };
            return self.reply(Reply::enhanced(
                code,
                7,
                0,
                "Refused, the security of this session is not enough",
            ));
        }
        match Command::parse(line) {
            Ok(command) => self.command(command),
            Err(_) if self.has(Mutant::TakesStarttlsParameter) && verb_is(line, &["STARTTLS"]) => self.starttls(),
            Err(error) => self.senseless(error.reply()),
        }
    }

    /// Where TLS comes before everything, four commands are open in clear, and no others (R3207-4-e).
    fn refuses_for_want_of_tls(&self, line: &[u8]) -> bool {
        let ServerSettings {
            demands_tls,
            demand_stage,
            trouble,
            ..
        } = self.settings;
        let by_demand = demands_tls && demand_stage == DemandStage::EveryCommand;
        if self.tls || !(by_demand || trouble == Trouble::DemandsTlsOfAll) {
            return false;
        }
        let is_let_pass = self.has(Mutant::LetsMailPassBeforeTls) && verb_is(line, &["MAIL"]);
        !is_let_pass && !verb_is(line, &["NOOP", "EHLO", "STARTTLS", "QUIT"])
    }

    /// A server for which the handshake did not achieve enough says so at once, to all but QUIT (R3207-4.1-a, c).
    fn refuses_what_tls_achieved(&self, line: &[u8]) -> bool {
        let is_unhappy = self.tls && self.settings.trouble == Trouble::UnhappyWithTls;
        let is_early = self.has(Mutant::JudgesTheHandshakeAtMail) && !verb_is(line, &["MAIL"]);
        is_unhappy && !is_early && !verb_is(line, &["QUIT"])
    }

    fn command(&mut self, command: Command) {
        match command {
            // Nothing but QUIT is of use after 521 (RFC 7504 §3).
            command if self.settings.never_accepts_mail && command != Command::Quit => {
                self.reply(Reply::new(521, None, "Host does not accept mail"));
            }
            Command::Ehlo(name) => self.greeted(name, true),
            Command::Helo(name) => self.greeted(name, false),
            Command::Starttls => self.starttls(),
            Command::Mail {
                from,
                size,
                body,
                request,
            } => {
                let has_parameters = size.is_some() || body.is_some() || !request.is_empty();
                self.mail(from, size, request, has_parameters);
            }
            Command::Rcpt { to: mailbox, request } => self.rcpt(Recipient { mailbox, request }),
            Command::Data => self.data(),
            Command::Rset => {
                self.envelope = None;
                self.reply(Reply::enhanced(250, 0, 0, "Ok"));
            }
            Command::Noop => self.reply(Reply::enhanced(250, 0, 0, "Ok")),
            Command::Vrfy(_) => self.reply(Reply::enhanced(
                252,
                0,
                0,
                "Cannot VRFY user, but will take mail for it",
            )),
            Command::Quit => {
                let text = format!("{} Closing connection", self.settings.host);
                self.farewell(Reply::enhanced(221, 0, 0, text));
            }
        }
    }

    /// EHLO and HELO begin anew (RFC 5321 §4.1.4).
    fn greeted(&mut self, name: String, is_extended: bool) {
        self.client = Some(ClientGreeting { name, is_extended });
        self.forget_transaction();
        let mut reply = Reply::new(250, None, self.settings.host.as_str());
        if is_extended {
            reply.lines.extend(self.extensions());
            self.has_listed = true;
        }
        self.reply(reply);
    }

    /// What the reply to EHLO lists, by the server's trouble.
    fn extensions(&self) -> Vec<String> {
        let (lists_status_codes, lists_all) = match self.settings.trouble {
            Trouble::ListsLittle => (false, false),
            Trouble::ListsDiffer => (true, !self.has_listed),
            _ => (true, true),
        };
        let mut extensions = Vec::new();
        if lists_all {
            extensions.extend(["PIPELINING".to_owned(), format!("SIZE {}", self.settings.size_limit)]);
        }
        extensions.extend(self.offers_starttls().then(|| "STARTTLS".to_owned()));
        extensions.extend(lists_status_codes.then(|| "ENHANCEDSTATUSCODES".to_owned()));
        extensions.extend(lists_all.then(|| "DSN".to_owned()));
        extensions.extend(lists_all.then(|| "8BITMIME".to_owned()));
        extensions
    }

    /// Only while it can be had (R3207-3-a), never inside TLS (R3207-4.2-g).
    fn offers_starttls(&self) -> bool {
        if self.tls {
            let proxy_offers = self.settings.trouble == Trouble::OffersTlsInsideTls;
            return proxy_offers || self.has(Mutant::OffersStarttlsInsideTls);
        }
        self.settings.tls || self.has(Mutant::OffersTlsThatIsOff)
    }

    fn starttls(&mut self) {
        let is_extended = self.client.as_ref().is_some_and(|client| client.is_extended);
        if !is_extended {
            return self.out_of_sequence("Send EHLO first");
        }
        if self.tls && !self.has(Mutant::ForgetsThatTlsIsActive) {
            return self.out_of_sequence("TLS is in use already");
        }
        if self.has(Mutant::AnswersStarttls502) {
            return self.reply(Reply::enhanced(502, 5, 1, "command not implemented"));
        }
        if !self.settings.tls || self.settings.trouble == Trouble::NoCertificate {
            // Also where it was offered a moment ago: the configuration may drift (R3207-4-a, R5321-4.2.4-a).
            return self.reply(Reply::enhanced(454, 7, 0, "TLS not available due to temporary reason"));
        }
        // Whatever came behind STARTTLS came in clear, and might be anyone's (C-INJ-1, R3207-4-h).
        if !self.has(Mutant::RunsCommandsBehindStarttls) {
            self.lines.clear();
        }
        self.reply(Reply::enhanced(220, 0, 0, "Ready to start TLS"));
        self.outputs.extend([
            Output::Disarm(self.idle()),
            Output::Arm(Timer::Handshake),
            Output::StartTls(TlsRequest::Accept),
        ]);
        self.stage = Stage::Handshake;
    }

    /// The session begins anew; nothing that was said in clear counts (R3207-4.2-a).
    fn secured(&mut self) {
        self.stage = Stage::Command;
        self.tls = true;
        if !self.has(Mutant::KeepsClientNameAfterTls) {
            self.client = None;
        }
        if !self.has(Mutant::KeepsEnvelopeAfterTls) {
            self.forget_transaction();
        }
        self.errors = 0;
        self.outputs
            .extend([Output::Disarm(Timer::Handshake), Output::Arm(self.idle())]);
        // Nothing, unless octets were kept that came in clear.
        self.advance();
    }

    fn forget_transaction(&mut self) {
        if !(self.tls && self.has(Mutant::KeepsTransactionAfterTls)) {
            self.envelope = None;
        }
    }

    fn has(&self, mutant: Mutant) -> bool {
        self.settings.mutant == Some(mutant)
    }

    fn mail(&mut self, from: ReversePath, size: Option<u64>, request: MessageRequest, has_parameters: bool) {
        let Some(client) = &self.client else {
            return self.out_of_sequence("Send EHLO or HELO first");
        };
        if self.envelope.is_some() {
            return self.out_of_sequence("MAIL was given already");
        }
        let (mutant, failed_at_tls) = (self.settings.mutant, self.settings.failed_at_tls);
        if mutant == Some(Mutant::BansAfterFailedHandshake) && failed_at_tls {
            return self.reply(Reply::enhanced(
                550,
                7,
                1,
                "You failed at TLS, mail from you is refused",
            ));
        }
        if has_parameters && !client.is_extended {
            return self.senseless(without_ehlo());
        }
        let limit = self.settings.size_limit;
        if size.is_some_and(|size| usize::try_from(size).map_or(true, |size| size > limit)) {
            return self.reply(too_large(limit));
        }
        self.envelope = Some(Envelope {
            from,
            request,
            to: Vec::new(),
        });
        self.reply(Reply::enhanced(250, 1, 0, "Ok"));
    }

    fn rcpt(&mut self, to: Recipient) {
        let Some(envelope) = &self.envelope else {
            return self.out_of_sequence("Send MAIL first");
        };
        let is_extended = self.client.as_ref().is_some_and(|client| client.is_extended);
        if !to.request.is_empty() && !is_extended {
            return self.senseless(without_ehlo());
        }
        if envelope.to.len() == RECIPIENTS_LIMIT {
            return self.reply(Reply::enhanced(452, 5, 3, "Too many recipients"));
        }
        if recipient::needs_listing(self.circumstances(&to.mailbox), self.settings.mutant) {
            self.outputs
                .extend([Output::Disarm(self.idle()), Output::Ask(to.mailbox.domain().clone())]);
            self.stage = Stage::Listing(to);
        } else {
            // The answer is the same for every listing.
            self.answer_recipient(to, Listing::Unlisted);
        }
    }

    fn answer_recipient(&mut self, to: Recipient, listing: Listing) {
        if self.tls && self.settings.mutant == Some(Mutant::WantsClientCertificates) {
            return self.reply(Reply::enhanced(554, 7, 0, "No client certificate, no mail"));
        }
        let decision = recipient::decide(self.circumstances(&to.mailbox), listing, self.settings.mutant);
        let mut reply = decision.reply(to.mailbox.domain());
        if decision == Decision::NotExchanger && self.has(Mutant::RefusesRelayWithAnotherCode) {
            reply.code = 554;
        }
        let is_distrusted = self.certificate == ClientCertificate::NotBelieved;
        if is_distrusted && self.settings.mutant == Some(Mutant::RefusesMailAfterBadClientCertificate) {
            reply = Reply::enhanced(554, 7, 0, "Your certificate is not trusted");
        }
        if let Some(envelope) = &mut self.envelope
            && decision.is_accepted()
            && reply.code < 300
        {
            envelope.to.push(to);
        }
        self.reply(reply);
        if decision == Decision::StarttlsFirst && self.has(Mutant::ClosesAfter530) {
            self.close();
        }
    }

    fn circumstances(&self, to: &Mailbox) -> Circumstances {
        let settings = &self.settings;
        Circumstances {
            configured: settings.exchanger_for.contains(to.domain()),
            demands_tls: settings.demands_tls,
            tls: self.tls,
            relays: settings.relays || self.identity_may_relay(),
            mailbox: match settings.mailboxes.get(to.local_part()).copied().unwrap_or_default() {
                // A null reverse-path is no domain (RFC 7505 §4.2).
                MailboxState::RefusesSender if self.is_from_nobody() => MailboxState::Accepts,
                state => state,
            },
            unlisted_answer: settings.unlisted_answer,
        }
    }

    fn is_from_nobody(&self) -> bool {
        let envelope = self.envelope.as_ref();
        envelope.is_some_and(|envelope| envelope.from == ReversePath::Null)
    }

    /// By what TLS proved on this very connection and by nothing else (SEED-07): not by the address, nor by what the
    /// client says of itself.
    fn identity_may_relay(&self) -> bool {
        let settings = &self.settings;
        let is_willing = |name: &DomainName| settings.relay_identities.contains(name);
        let proved = match &self.certificate {
            ClientCertificate::Believed(identity) => identity.as_ref().is_some_and(is_willing),
            ClientCertificate::NotShown | ClientCertificate::NotBelieved => false,
        };
        proved
            || match settings.mutant {
                Some(Mutant::RelaysByAddress) => settings.client_address.as_ref().is_some_and(is_willing),
                Some(Mutant::RelaysByEhloName) => {
                    let said = self.client.as_ref().and_then(|client| client.name.parse().ok());
                    said.as_ref().is_some_and(is_willing)
                }
                _ => false,
            }
    }

    fn data(&mut self) {
        let refusal = match &self.envelope {
            None => Reply::enhanced(503, 5, 1, "Send MAIL first"),
            Some(envelope) if envelope.to.is_empty() => Reply::enhanced(554, 5, 1, "No valid recipients"),
            Some(_) if self.settings.demands_tls && !self.tls && self.has(Mutant::DemandsTlsAtData) => {
                Reply::enhanced(530, 7, 0, "Must issue a STARTTLS command first")
            }
            Some(_) => {
                let line_end = match self.settings.mutant {
                    Some(Mutant::TakesBareLfInContent) => LineEnd::CrlfOrLf,
                    _ => LineEnd::Crlf,
                };
                self.stage = Stage::Content(ContentReader::ending_lines_by(line_end, self.settings.size_limit));
                return self.reply(Reply::new(354, None, "End data with <CR><LF>.<CR><LF>"));
            }
        };
        let is_pipelined_behind = !self.lines.is_empty() && !self.has(Mutant::ReadsCommandsBehindRefusedData);
        match refusal.code {
            503 => self.senseless(refusal),
            _ => self.reply(refusal),
        }
        // DATA is the last of its group (RFC 2920 §3.1). What came behind it before its answer may be content as well as
        // commands; nobody can tell, so it is neither, and the session is out of step (C-SMUG-3).
        if is_pipelined_behind && self.stage == Stage::Command {
            let why = "something was pipelined behind a DATA that was refused".to_owned();
            self.outputs.push_back(Output::Note(Note::Misbehaved(why)));
            self.farewell(Reply::enhanced(
                421,
                7,
                0,
                "Out of step behind DATA, closing connection",
            ));
        }
    }

    fn end_of_data(&mut self, content: Result<Vec<u8>, ContentError>) {
        self.stage = Stage::Command;
        let envelope = self.envelope.take();
        match (content, envelope, &self.client) {
            (Ok(content), Some(Envelope { from, mut request, to }), Some(client)) => {
                if self.settings.mutant == Some(Mutant::DropsEnvelopeId) {
                    request.envelope_id = None;
                }
                let transaction = Transaction {
                    client_name: client.name.clone(),
                    tls: self.tls,
                    identity: match &self.certificate {
                        ClientCertificate::Believed(identity) => identity.clone(),
                        ClientCertificate::NotShown | ClientCertificate::NotBelieved => None,
                    },
                    from,
                    request,
                    to,
                    content,
                };
                if self.settings.mutant == Some(Mutant::Answers250BeforeStoring) {
                    self.reply(message_taken());
                }
                self.outputs
                    .extend([Output::Disarm(self.idle()), Output::Store(transaction)]);
                self.stage = Stage::Storing;
            }
            (Err(ContentError::TooLarge { limit }), ..) => self.reply(too_large(limit)),
            (Err(error), ..) => self.reply(Reply::enhanced(554, 6, 0, error.to_string())),
            (Ok(_), ..) => self.out_of_sequence("Send MAIL first"),
        }
    }

    fn stored(&mut self, reply: Reply) {
        self.stage = Stage::Command;
        self.reply(reply);
        self.advance();
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

fn without_ehlo() -> Reply {
    Reply::enhanced(555, 5, 4, "Parameters go with EHLO only")
}

fn message_taken() -> Reply {
    Reply::enhanced(250, 0, 0, "Ok: message taken")
}

/// Whether the line begins with one of these verbs.
fn verb_is(line: &[u8], verbs: &[&str]) -> bool {
    let verb = line
        .split(|octet| octet.is_ascii_whitespace())
        .next()
        .unwrap_or_default();
    verbs.iter().any(|known| verb.eq_ignore_ascii_case(known.as_bytes()))
}

fn too_large(limit: usize) -> Reply {
    let text = format!("Message exceeds the size limit of {limit} octets");
    Reply::enhanced(552, 3, 4, text)
}
