//! The session that a client under test is asked to have, and the glue around it.

use std::cell::Cell;
use std::sync::Arc;
use std::time::Duration;

use postern_model::mta::policy::TlsUse;
use postern_model::mta::session::{Outcome, WithoutTls};
use postern_model::mta::timer::Timer;
use postern_model::name::{DomainName, Mailbox, ReversePath};
use postern_model::scenario::Phase;
use postern_model::smtp::with_crlf;
use rustls::ClientConfig;
use rustls::pki_types::CertificateDer;

use super::Report;
use crate::crypto::{self, Verify};
use crate::net::{Door, Elapsed};
use crate::{Crypto, certificate};

/// What the policy of the sender demands of the session.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Demand {
    /// Nothing: TLS is a wish.
    Opportunistic,
    /// TLS, with anybody.
    Encrypted,
    /// TLS, with a server whose certificate proves [`Session::certificate_name`].
    Authenticated,
}

impl From<TlsUse> for Demand {
    fn from(tls: TlsUse) -> Self {
        match tls {
            // A client under test that was told to try TLS is not told to leave it.
            TlsUse::Never | TlsUse::IfOffered => Self::Opportunistic,
            TlsUse::Required => Self::Encrypted,
            TlsUse::Authenticated => Self::Authenticated,
        }
    }
}

/// What the glue is told as the session goes on.
pub(crate) trait Glue {
    /// The client is about to begin this phase.
    fn reached(&self, phase: Phase);
    /// The handshake is complete.
    fn secured(&self);
    /// TLS was wished for and is not to be had.
    fn without_tls(&self);
}

/// One message for one recipient.
pub(crate) struct Letter<'a> {
    pub(crate) helo_name: &'a DomainName,
    pub(crate) exchanger: &'a DomainName,
    pub(crate) next_hop: &'a DomainName,
    pub(crate) tls: TlsUse,
    pub(crate) from: &'a ReversePath,
    pub(crate) to: &'a Mailbox,
    pub(crate) content: &'a [u8],
}

/// One session with one host, to send one message to one recipient.
pub struct Session<'a> {
    door: &'a Door,
    crypto: Crypto,
    letter: Letter<'a>,
    glue: &'a dyn Glue,
    phase: Cell<Phase>,
    is_secured: Cell<bool>,
    without_tls: Cell<Option<WithoutTls>>,
}

impl<'a> Session<'a> {
    pub(crate) fn new(door: &'a Door, crypto: Crypto, letter: Letter<'a>, glue: &'a dyn Glue) -> Self {
        Self {
            door,
            crypto,
            letter,
            glue,
            phase: Cell::new(Phase::Connect),
            is_secured: Cell::new(false),
            without_tls: Cell::new(None),
        }
    }

    /// The name of the sending host, for EHLO.
    pub fn helo_name(&self) -> &str {
        self.letter.helo_name.as_str()
    }

    /// The host that was dialled.
    pub fn exchanger(&self) -> &str {
        self.letter.exchanger.as_str()
    }

    /// The name that a certificate must prove where one must: that of the next hop, as the policy is about it, and who can forge
    /// an answer of DNS can name any exchanger. Where none must, the exchanger's, for the server name indication.
    pub fn certificate_name(&self) -> &str {
        match self.demand() {
            Demand::Authenticated => self.letter.next_hop.as_str(),
            Demand::Opportunistic | Demand::Encrypted => self.exchanger(),
        }
    }

    /// What the policy demands.
    pub fn demand(&self) -> Demand {
        self.letter.tls.into()
    }

    /// The policy says to leave TLS alone.
    pub(crate) fn leaves_tls(&self) -> bool {
        self.letter.tls == TlsUse::Never
    }

    /// Where a failure is reported; `None` is the null reverse path.
    pub fn from(&self) -> Option<&Mailbox> {
        match self.letter.from {
            ReversePath::Null => None,
            ReversePath::Mailbox(mailbox) => Some(mailbox),
        }
    }

    /// The recipient.
    pub fn to(&self) -> &Mailbox {
        self.letter.to
    }

    /// The content, every line ended by CRLF (R5321-2.3.8-a).
    pub fn content(&self) -> Vec<u8> {
        with_crlf(self.letter.content)
    }

    /// What a client offers in the handshake and whom it believes, as the policy demands: the authority of this world, its time
    /// and its randomness. Where it demands no proof, anybody is believed.
    pub fn tls_config(&self) -> Arc<ClientConfig> {
        let verify = match self.demand() {
            Demand::Authenticated => Verify::Authority,
            Demand::Opportunistic | Demand::Encrypted => Verify::Anyone,
        };
        crypto::client_config(self.crypto, verify)
    }

    /// The certificate of the authority that every host of this world trusts.
    pub fn trusted_authority(&self) -> CertificateDer<'static> {
        certificate::trusted_authority(self.crypto)
    }

    /// Says that the client is about to begin this phase: steps of a scenario may wait for it, and what the server refuses from
    /// MAIL on is refused of the message, not of the session.
    pub fn begins(&self, phase: Phase) {
        self.phase.set(phase);
        self.glue.reached(phase);
    }

    /// Says that the handshake is complete.
    pub fn is_secured(&self) {
        self.is_secured.set(true);
        self.glue.secured();
    }

    /// Says that TLS was wished for and is not to be had.
    pub fn is_without_tls(&self, why: WithoutTls) {
        if self.without_tls.replace(Some(why)).is_none() {
            self.glue.without_tls();
        }
    }

    /// Waits for a call as long as RFC 5321 §4.5.3.2 allows the replies of the present phase together: libraries that have
    /// timeouts of their own may give up sooner.
    ///
    /// # Errors
    /// When the time has passed.
    pub async fn in_time<T>(&self, call: impl Future<Output = T>) -> Result<T, Elapsed> {
        let timers: &[Timer] = match self.phase.get() {
            Phase::Ehlo => &[Timer::Greeting, Timer::Command],
            Phase::Starttls => &[Timer::Command, Timer::Handshake, Timer::Command],
            Phase::Mail => &[Timer::Mail, Timer::Rcpt, Timer::DataInitiation, Timer::DataTermination],
            _ => &[Timer::Command],
        };
        let patience: Duration = timers.iter().map(|timer| timer.duration()).sum();
        self.door.timeout(patience, call).await
    }

    /// What the queue makes of the report. A refusal of the session is none of the message, and a session without the TLS that
    /// was required sent nothing.
    pub(crate) fn outcome(&self, report: &Report) -> Outcome {
        let is_of_message = matches!(self.phase.get(), Phase::Mail | Phase::Quit);
        let code = report.reply.as_ref().map(|reply| reply.code);
        match (report.sent, code.map(|code| code / 100), self.without_tls.get()) {
            (true, _, _) => Outcome::Accepted,
            // It says that TLS is missing, which may come back, and not that the message is bad (R3207-6-d).
            (false, Some(5), _) if code == Some(530) && !self.is_secured.get() => Outcome::RefusedForNow,
            (false, Some(5), _) if is_of_message => Outcome::RefusedForGood,
            (false, _, Some(why)) if self.demand() != Demand::Opportunistic && !self.is_secured.get() => {
                Outcome::TlsUnavailable(why)
            }
            (false, Some(4), _) => Outcome::RefusedForNow,
            (false, _, _) => Outcome::ConnectionFailed,
        }
    }
}
