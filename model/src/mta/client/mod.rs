//! The client's session (RFC 5321, RFC 3207): one message for one recipient, to one host.
//!
//! Commands go one at a time, with or without PIPELINING: a group saves round trips and nothing else. A reply that comes
//! before its command is a breach of the protocol, because it would be taken for the reply to the next one. Whoever ends
//! it, a session ends with one [`Output::Close`], and before that tells its result once ([`Note::Ended`]).
//!
//! What the session makes of trouble:
//!
//! - **The host refuses the session** (4yz or 5yz in place of the greeting, 4yz to EHLO, either to HELO):
//!   [`Outcome::RefusedForNow`]. A 5yz here is about the host (RFC 5321 §3.1: 554, RFC 7504: 521), not about the message,
//!   which was never named. The next exchanger, or the same host tomorrow, may take it; and anyone on the path can say 521.
//!   Where EHLO or HELO is refused inside TLS, for now or for good, and TLS was not required, it may be for what TLS achieved
//!   (R3207-4.1-c): [`Outcome::TlsBroke`], so that mail fares no worse than without TLS (SEED-06). RFC 3207 has 554 for
//!   that; taking every refusal for one is our choice, since a client cannot tell them apart.
//! - **The host refuses the message** (MAIL, RCPT, DATA, final dot): 4yz for now, 5yz for good (RFC 5321 §4.2.1).
//!   530 in clear is for now: it says that TLS is missing, which may come back (R3207-6-d), and not that the message is bad.
//! - **The host refuses STARTTLS**, by whatever code: a reply to that command and not to the message, which goes on in
//!   clear on the same session unless TLS is required (R3207-4-b).
//! - **The connection breaks at TLS**: from STARTTLS until the session behind it is open, a connection that closes, falls
//!   silent or makes no sense is charged to TLS, and never goes on in clear (R3207-4-g): [`Outcome::TlsBroke`], after which
//!   mail that does not require TLS may dial anew in clear, so that the attempt costs it nothing (SEED-06). The first reply
//!   behind the handshake is included because in TLS 1.3 the client's handshake is complete before the server has judged it.
//!   Once any reply came inside TLS, TLS did not vanish: then there is no [`Note::WithoutTls`] (SEED-10).
//! - **The connection breaks elsewhere**: [`Outcome::ConnectionFailed`], even between the final dot and its reply, since
//!   a duplicate is better than a loss (RFC 1047).

mod stage;
#[cfg(test)]
mod tests;

use std::collections::VecDeque;

pub use self::stage::Stage;
use crate::mta::policy::TlsUse;
use crate::mta::session::{Input, Note, Outcome, Output, TlsRequest, WithoutTls};
use crate::mta::timer::Timer;
use crate::mutant::Mutant;
use crate::name::{DomainName, Mailbox, ReversePath};
use crate::scenario::Phase;
use crate::smtp::{
    Body, Command, Extensions, MessageRequest, RecipientRequest, Reply, ReplyReader, Request, Severity, stuff,
    stuff_as_handed_in, with_crlf,
};

/// The longest explanation of a result, in characters.
const BECAUSE_LIMIT: usize = 400;

/// What a session is for.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Plan {
    /// The client's own name, for EHLO and HELO.
    pub helo_name: DomainName,
    /// The host that was dialled, one of the exchangers of the next hop.
    pub exchanger: DomainName,
    /// The domain whose mail this is, as configured or as in the recipient's mailbox: not a name out of DNS.
    pub next_hop: DomainName,
    /// What to do about TLS.
    pub tls: TlsUse,
    /// From whom and to whom.
    pub envelope: Envelope,
    /// The content, in lines, however they end; dots not stuffed.
    pub content: Vec<u8>,
    /// Whether the session stays open after its message was accepted, for [`Client::send_another`] or [`Client::quit`].
    pub keep: bool,
    /// The one bug that the client has, if any.
    pub mutant: Option<Mutant>,
}

/// The envelope of a message with one recipient.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Envelope {
    /// Where a failure is reported.
    pub from: ReversePath,
    /// The recipient.
    pub to: Mailbox,
    /// What is asked about notifications, where the server offers DSN; else nothing is (RFC 3461 §5.2.2).
    pub request: Request,
}

/// The client's end of a session.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Client {
    plan: Plan,
    stage: Stage,
    tls: bool,
    extensions: Extensions,
    /// Why TLS was given up, once it was.
    without_tls: Option<WithoutTls>,
    /// What a break of the connection now would be charged to.
    suspicion: Option<WithoutTls>,
    /// A reply came inside TLS: whatever happens now, TLS did not vanish (SEED-10).
    was_answered_in_tls: bool,
    replies: ReplyReader,
    outputs: VecDeque<Output>,
}

impl Client {
    /// A session before its connection stands; it asks for [`Timer::Connect`].
    pub fn new(plan: Plan) -> Self {
        Self {
            plan,
            stage: Stage::Opening,
            tls: false,
            extensions: Extensions::default(),
            without_tls: None,
            suspicion: None,
            was_answered_in_tls: false,
            replies: ReplyReader::new(),
            outputs: VecDeque::from([Output::Arm(Timer::Connect)]),
        }
    }

    /// Takes a fact. Facts that the session did not ask for are passed over.
    pub fn handle(&mut self, input: Input<'_>) {
        match (self.stage, input) {
            (Stage::Opening, Input::Opened) => self.opened(),
            (Stage::Opening, Input::Closed) => {
                let why = format!("no connection to {}", self.plan.exchanger);
                self.broken(why);
            }
            (Stage::Handshake, Input::TlsUp) => self.secured(),
            (Stage::Handshake, Input::TlsFailed) => self.handshake_failed(),
            (stage, Input::Received(octets)) if stage.awaits_reply() => self.receive(octets),
            (Stage::Kept, Input::Closed) | (Stage::Quit, Input::Closed | Input::Expired(Timer::Command)) => {
                self.close();
            }
            (Stage::Over, _) => {}
            (Stage::EndOfData, Input::Closed) if self.has(Mutant::TakesSilenceForAcceptance) => {
                self.abort(Outcome::Accepted, "no objection to the end of data".to_owned());
            }
            (Stage::EndOfData, Input::Closed) if self.has(Mutant::GivesUpAfterLostReply) => {
                self.abort(Outcome::RefusedForGood, "no reply to the end of data".to_owned());
            }
            (Stage::Handshake, Input::Expired(Timer::Handshake)) if self.has(Mutant::GivesUpWhenHandshakeTimesOut) => {
                self.abort(Outcome::RefusedForGood, "the handshake took too long".to_owned());
            }
            (stage, Input::Closed) => {
                let why = format!("lost connection with {} while waiting for {stage}", self.plan.exchanger);
                self.broken(why);
            }
            (stage, Input::Expired(timer)) if self.timer(stage) == Some(timer) => {
                let why = format!("{} timed out while waiting for {stage}", self.plan.exchanger);
                self.broken(why);
            }
            _ => {}
        }
    }

    /// What the session asks next; call it until it says [`Output::Idle`].
    pub fn poll(&mut self) -> Output {
        self.outputs.pop_front().unwrap_or(Output::Idle)
    }

    /// What the session waits for.
    pub fn stage(&self) -> Stage {
        self.stage
    }

    /// Whether TLS is up.
    pub fn is_secured(&self) -> bool {
        self.tls
    }

    /// Sends another message on a session that was kept. MAIL may follow the end of a transaction without RSET
    /// (RFC 5321 §4.1.4).
    pub fn send_another(&mut self, envelope: Envelope, content: Vec<u8>) {
        if self.stage == Stage::Kept {
            self.plan.envelope = envelope;
            self.plan.content = content;
            self.mail();
        }
    }

    /// Takes leave on a session that was kept.
    pub fn quit(&mut self) {
        if self.stage == Stage::Kept {
            self.command(Stage::Quit, &Command::Quit);
        }
    }

    fn receive(&mut self, octets: &[u8]) {
        self.replies.extend(octets);
        while self.stage.awaits_reply() {
            match self.replies.next_reply() {
                None => break,
                Some(Ok(reply)) => self.replied(&reply),
                Some(Err(_)) if self.stage == Stage::Quit => self.close(),
                Some(Err(error)) => self.misbehaved(error.to_string()),
            }
        }
    }

    fn replied(&mut self, reply: &Reply) {
        self.was_answered_in_tls |= self.tls;
        if !self.replies.is_empty() && !self.stage.is_last_reply(reply) {
            let request = self.stage.request();
            return self.misbehaved(format!(
                "octets behind the reply to {request}, before any other command"
            ));
        }
        let is_unwelcome = self.is_unwelcome_in_tls(reply);
        if self.stage != Stage::Starttls && !is_unwelcome {
            self.suspicion = None;
        }
        match (self.stage, reply.severity()) {
            (Stage::Greeting, Severity::Completion) if self.has(Mutant::SpeaksBeforeGreeting) => self.wait(Stage::Ehlo),
            (Stage::Greeting, Severity::Completion) => self.ehlo(),
            (Stage::Ehlo, Severity::Completion) => self.greeted(Extensions::of(reply), reply),
            (Stage::Ehlo, Severity::Permanent) if self.may_say_helo() => self.helo(),
            (Stage::Ehlo, Severity::Permanent) => self.greeted(Extensions::default(), reply),
            (Stage::Helo, Severity::Completion) => self.greeted(Extensions::default(), reply),
            (Stage::Greeting, _) if reply.code == 521 && self.has(Mutant::Takes521ForMessageRefusal) => {
                self.finish(Outcome::RefusedForGood, self.said(reply));
            }
            (Stage::Ehlo | Stage::Helo, Severity::Transient | Severity::Permanent)
                if is_unwelcome && !self.plan.tls.is_required() =>
            {
                self.finish(Outcome::TlsBroke(WithoutTls::HandshakeFailed), self.said(reply));
            }
            (Stage::Greeting | Stage::Ehlo | Stage::Helo, Severity::Transient | Severity::Permanent) => {
                self.finish(Outcome::RefusedForNow, self.said(reply));
            }
            (Stage::Starttls, Severity::Completion) if self.is_go_ahead(reply) => self.go_ahead(),
            (Stage::Starttls, _) => self.starttls_refused(reply),
            (Stage::Mail, Severity::Completion) if self.looks_late(Mutant::LooksAtCertificateAfterMail) => {
                self.certificate_is_bad();
            }
            (Stage::Mail, Severity::Completion) => self.rcpt(),
            (Stage::Rcpt, Severity::Completion) => self.data(),
            (Stage::Data, Severity::Intermediate) => self.content(),
            (Stage::EndOfData, Severity::Completion) if self.may_keep() => self.keep(self.said(reply)),
            (Stage::EndOfData, Severity::Completion) => self.finish(Outcome::Accepted, self.said(reply)),
            (Stage::Quit, _) => self.close(),
            (_, Severity::Transient) => self.finish(Outcome::RefusedForNow, self.said(reply)),
            (_, Severity::Permanent) if reply.code == 530 && !self.tls && !self.has(Mutant::BouncesOn530) => {
                self.finish(Outcome::RefusedForNow, self.said(reply));
            }
            (_, Severity::Permanent) => self.finish(Outcome::RefusedForGood, self.said(reply)),
            (stage, _) => self.misbehaved(format!("{reply} is no answer to {}", stage.request())),
        }
    }

    fn opened(&mut self) {
        if self.has(Mutant::SpeaksBeforeGreeting) {
            self.ehlo();
        }
        self.wait(Stage::Greeting);
    }

    /// The session inside TLS does not open. It may be for what TLS achieved (R3207-4.1-c), and only for that (SEED-06).
    fn is_unwelcome_in_tls(&self, reply: &Reply) -> bool {
        self.tls && matches!(self.stage, Stage::Ehlo | Stage::Helo) && reply.severity() != Severity::Completion
    }

    /// HELO offers no STARTTLS (R3207-6-a).
    fn may_say_helo(&self) -> bool {
        self.tls || !self.plan.tls.is_required() || self.has(Mutant::FallsToHeloWhenRequired)
    }

    /// No other reply than 220 begins TLS (R3207-4-f).
    fn is_go_ahead(&self, reply: &Reply) -> bool {
        reply.code == 220 || self.has(Mutant::TakesAny2yzForGoAhead)
    }

    fn ehlo(&mut self) {
        if !self.tls && self.without_tls.is_none() {
            self.note(Note::Phase(Phase::Ehlo));
        }
        let name = self.plan.helo_name.to_string();
        self.command(Stage::Ehlo, &Command::Ehlo(name));
    }

    fn helo(&mut self) {
        let name = self.plan.helo_name.to_string();
        self.command(Stage::Helo, &Command::Helo(name));
    }

    /// The session is open: secure it, or go on to the message.
    fn greeted(&mut self, extensions: Extensions, reply: &Reply) {
        if self.looks_late(Mutant::LooksAtCertificateAfterEhlo) {
            return self.certificate_is_bad();
        }
        if !(self.tls && self.has(Mutant::KeepsExtensionsAfterTls)) {
            self.extensions = extensions;
        }
        // Never inside TLS (R3207-4.2-f), and never twice.
        let wishes_tls = self.plan.tls.is_wished() && !self.tls && self.without_tls.is_none();
        let says_it_again = self.tls && self.has(Mutant::SaysStarttlsInsideTls);
        if (wishes_tls || says_it_again) && extensions.starttls {
            self.note(Note::Phase(Phase::Starttls));
            self.suspicion = Some(WithoutTls::HandshakeFailed);
            self.command(Stage::Starttls, &Command::Starttls);
            if self.has(Mutant::PipelinesBehindStarttls) {
                let behind = Command::Ehlo(self.plan.helo_name.to_string());
                self.outputs.push_back(Output::Send(behind.to_octets()));
            }
            return;
        }
        if wishes_tls {
            self.give_up_tls(WithoutTls::NotOffered);
            if self.plan.tls.is_required() && !(self.stage == Stage::Helo && self.has(Mutant::FallsToHeloWhenRequired))
            {
                if self.has(Mutant::NamesSenderBeforeTls) {
                    let early = self.mail_command().to_octets();
                    self.outputs.push_back(Output::Send(early));
                }
                let outcome = Outcome::TlsUnavailable(WithoutTls::NotOffered);
                let why = match reply.severity() {
                    Severity::Completion => format!("host {} does not offer STARTTLS", self.plan.exchanger),
                    _ => self.said(reply),
                };
                return self.finish(outcome, format!("TLS is required, but {why}"));
            }
        }
        self.mail();
    }

    fn starttls_refused(&mut self, reply: &Reply) {
        self.give_up_tls(WithoutTls::Refused);
        self.suspicion = Some(WithoutTls::Refused);
        let is_permanent = reply.severity() == Severity::Permanent;
        if is_permanent && self.has(Mutant::TakesStarttlsRefusalForMessageRefusal) {
            return self.finish(Outcome::RefusedForGood, self.said(reply));
        }
        if !is_permanent && self.has(Mutant::BouncesOn454) {
            return self.finish(Outcome::RefusedForGood, self.said(reply));
        }
        if self.plan.tls.is_required() {
            let because = format!("TLS is required, but {}", self.said(reply));
            return self.finish(Outcome::TlsUnavailable(WithoutTls::Refused), because);
        }
        self.mail();
    }

    fn go_ahead(&mut self) {
        // Whatever came behind the 220 came in clear, and might be anyone's (C-INJ-2, R3207-4.2-b).
        if !self.has(Mutant::ReadsRepliesBehindGoAhead) {
            self.replies.clear();
        }
        let exchanger = self.plan.exchanger.clone();
        let request = match self.plan.tls {
            TlsUse::Authenticated if self.accepts_anyone() => TlsRequest::Anyone(exchanger),
            TlsUse::Authenticated if self.has(Mutant::ChecksNameOfExchanger) => TlsRequest::Authenticated(exchanger),
            TlsUse::Authenticated => TlsRequest::Authenticated(self.plan.next_hop.clone()),
            TlsUse::Never | TlsUse::IfOffered | TlsUse::Required => TlsRequest::Anyone(exchanger),
        };
        // The timer runs before the handshake begins.
        self.wait(Stage::Handshake);
        self.outputs.push_back(Output::StartTls(request));
    }

    /// The session begins anew; nothing that was said in clear counts (R3207-4.2-b, R3207-4.2-c).
    fn secured(&mut self) {
        self.tls = true;
        if self.has(Mutant::SkipsEhloInsideTls) {
            return self.mail();
        }
        self.ehlo();
        // Nothing, unless octets were kept that came in clear.
        self.receive(&[]);
    }

    fn accepts_anyone(&self) -> bool {
        [
            Mutant::AcceptsAnyCertificate,
            Mutant::LooksAtCertificateAfterEhlo,
            Mutant::LooksAtCertificateAfterMail,
        ]
        .into_iter()
        .any(|mutant| self.has(mutant))
    }

    /// Whether this mutant, which took the server without looking at its certificate, looks at it now.
    fn looks_late(&self, mutant: Mutant) -> bool {
        self.has(mutant) && self.tls && self.plan.tls == TlsUse::Authenticated
    }

    fn certificate_is_bad(&mut self) {
        let because = format!(
            "TLS is required, but the certificate of {} will not do",
            self.plan.exchanger
        );
        self.finish(Outcome::TlsUnavailable(WithoutTls::HandshakeFailed), because);
    }

    fn handshake_failed(&mut self) {
        if self.has(Mutant::ContinuesInClearAfterGoAhead) && !self.plan.tls.is_required() {
            self.suspicion = None;
            self.give_up_tls(WithoutTls::HandshakeFailed);
            return self.ehlo();
        }
        let why = format!("TLS handshake with {} failed", self.plan.exchanger);
        self.broken(why);
    }

    fn mail(&mut self) {
        self.note(Note::Phase(Phase::Mail));
        let command = self.mail_command();
        self.command(Stage::Mail, &command);
    }

    fn mail_command(&self) -> Command {
        // Where 8BITMIME is not offered the octets go as they are: to convert or return them is a gateway's trade.
        let is_eight_bit = !self.plan.content.is_ascii();
        Command::Mail {
            from: self.plan.envelope.from.clone(),
            size: self.extensions.size.then(|| with_crlf(&self.plan.content).len() as u64),
            body: (is_eight_bit && self.extensions.eight_bit_mime).then_some(Body::EightBitMime),
            request: self.message_request(),
        }
    }

    fn message_request(&self) -> MessageRequest {
        match self.extensions.dsn || self.has(Mutant::AsksWhereNotOffered) {
            true => self.plan.envelope.request.message.clone(),
            false => MessageRequest::default(),
        }
    }

    fn recipient_request(&self) -> RecipientRequest {
        match self.extensions.dsn || self.has(Mutant::AsksWhereNotOffered) {
            true => self.plan.envelope.request.recipient.clone(),
            false => RecipientRequest::default(),
        }
    }

    fn rcpt(&mut self) {
        self.note(Note::Phase(Phase::Rcpt));
        let to = self.plan.envelope.to.clone();
        let request = self.recipient_request();
        self.command(Stage::Rcpt, &Command::Rcpt { to, request });
    }

    fn data(&mut self) {
        self.note(Note::Phase(Phase::Data));
        self.command(Stage::Data, &Command::Data);
    }

    fn content(&mut self) {
        self.note(Note::Phase(Phase::EndOfData));
        let content = match self.has(Mutant::SendsBareLf) {
            true => stuff_as_handed_in(&self.plan.content),
            false => stuff(&self.plan.content),
        };
        self.send(Stage::EndOfData, content);
    }

    fn command(&mut self, stage: Stage, command: &Command) {
        self.send(stage, command.to_octets());
    }

    fn send(&mut self, stage: Stage, octets: Vec<u8>) {
        self.outputs.push_back(Output::Send(octets));
        self.wait(stage);
    }

    /// Enters a stage; its timer takes the place of the one before.
    fn wait(&mut self, stage: Stage) {
        let (before, after) = (self.timer(self.stage), self.timer(stage));
        let before = before.filter(|timer| after != Some(*timer));
        self.outputs.extend(before.map(Output::Disarm));
        self.outputs.extend(after.map(Output::Arm));
        self.stage = stage;
    }

    fn timer(&self, stage: Stage) -> Option<Timer> {
        let is_reply = stage.awaits_reply() && self.has(Mutant::HangsUpEarly);
        if is_reply {
            Some(Timer::DataInitiation)
        } else {
            stage.timer()
        }
    }

    fn note(&mut self, note: Note) {
        self.outputs.push_back(Output::Note(note));
    }

    fn give_up_tls(&mut self, why: WithoutTls) {
        if self.without_tls.is_none() {
            self.without_tls = Some(why);
            self.note(Note::WithoutTls(why));
        }
    }

    fn misbehaved(&mut self, how: String) {
        self.note(Note::Misbehaved(how.clone()));
        let why = format!("host {} broke the protocol: {how}", self.plan.exchanger);
        self.broken(why);
    }

    /// The connection is of no more use.
    fn broken(&mut self, why: String) {
        if self.tls && self.plan.tls.is_required() && self.has(Mutant::DialsInClearWhenTlsBreaks) {
            return self.abort(Outcome::TlsBroke(WithoutTls::HandshakeFailed), why);
        }
        let Some(reason) = self.suspicion else {
            return self.abort(Outcome::ConnectionFailed, why);
        };
        let is_required = self.plan.tls.is_required();
        if self.was_answered_in_tls {
            // TLS was there: what is missing is a host that takes the session.
            let outcome = if is_required {
                Outcome::ConnectionFailed
            } else {
                Outcome::TlsBroke(reason)
            };
            return self.abort(outcome, why);
        }
        self.give_up_tls(reason);
        if is_required {
            self.abort(Outcome::TlsUnavailable(reason), format!("TLS is required, but {why}"));
        } else {
            self.abort(Outcome::TlsBroke(reason), why);
        }
    }

    /// Octets behind the last reply would be taken for the reply to the next command.
    fn may_keep(&self) -> bool {
        self.plan.keep && self.replies.is_empty()
    }

    /// Tells the result and stays.
    fn keep(&mut self, because: String) {
        self.ended(Outcome::Accepted, because);
        self.wait(Stage::Kept);
        self.outputs.push_back(Output::Keep);
    }

    /// Tells the result and takes leave.
    fn finish(&mut self, outcome: Outcome, because: String) {
        self.ended(outcome, because);
        self.note(Note::Phase(Phase::Quit));
        self.command(Stage::Quit, &Command::Quit);
    }

    /// Tells the result and hangs up.
    fn abort(&mut self, outcome: Outcome, because: String) {
        self.ended(outcome, because);
        self.close();
    }

    fn ended(&mut self, outcome: Outcome, because: String) {
        let because = because.chars().take(BECAUSE_LIMIT).collect();
        self.note(Note::Ended { outcome, because });
    }

    fn close(&mut self) {
        self.wait(Stage::Over);
        self.outputs.push_back(Output::Close);
        self.replies.clear();
    }

    fn said(&self, reply: &Reply) -> String {
        let (host, request) = (&self.plan.exchanger, self.stage.request());
        format!("host {host} said: {reply} (in reply to {request})")
    }

    fn has(&self, mutant: Mutant) -> bool {
        self.plan.mutant == Some(mutant)
    }
}
