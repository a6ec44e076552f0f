//! STARTTLS, and what TLS is to the commands before and behind it (RFC 3207).

use super::{Server, ServerSettings, Stage};
use crate::mta::session::{Output, TlsRequest};
use crate::mta::timer::Timer;
use crate::mutant::Mutant;
use crate::scenario::{DemandStage, Trouble};
use crate::smtp::Reply;

impl Server {
    /// Where TLS comes before everything, four commands are open in clear, and no others (R3207-4-e). It may come first for
    /// selected clients alone: those of whom the operator requires it (R3207-6-a).
    pub(super) fn refuses_for_want_of_tls(&self, line: &[u8]) -> bool {
        let ServerSettings {
            demands_tls,
            demand_stage,
            requires_tls,
            trouble,
            never_accepts_mail,
            ..
        } = self.settings;
        let by_demand = demands_tls && demand_stage == DemandStage::EveryCommand;
        let of_client = requires_tls && !self.has(Mutant::ForgetsWhomItRequiresTlsOf);
        if never_accepts_mail || self.tls || !(by_demand || of_client || trouble == Trouble::DemandsTlsOfAll) {
            return false;
        }
        let is_let_pass = self.has(Mutant::LetsMailPassBeforeTls) && !of_client && verb_is(line, &["MAIL"]);
        !is_let_pass && !verb_is(line, &["NOOP", "EHLO", "STARTTLS", "QUIT"])
    }

    /// A server for which the handshake did not achieve enough says so at once, to all but QUIT (R3207-4.1-a, c).
    pub(super) fn refuses_what_tls_achieved(&self, line: &[u8]) -> bool {
        let is_unhappy = self.tls && self.settings.trouble == Trouble::UnhappyWithTls;
        let is_early = self.has(Mutant::JudgesTheHandshakeAtMail) && !verb_is(line, &["MAIL"]);
        is_unhappy && !is_early && !verb_is(line, &["QUIT"])
    }

    /// Only while it can be had (R3207-3-a), never inside TLS (R3207-4.2-g).
    pub(super) fn offers_starttls(&self) -> bool {
        if self.tls {
            let proxy_offers = self.settings.trouble == Trouble::OffersTlsInsideTls;
            return proxy_offers || self.has(Mutant::OffersStarttlsInsideTls);
        }
        self.settings.tls || self.has(Mutant::OffersTlsThatIsOff)
    }

    pub(super) fn starttls(&mut self) {
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
    pub(super) fn secured(&mut self) {
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
}

/// Whether the line begins with one of these verbs.
pub(super) fn verb_is(line: &[u8], verbs: &[&str]) -> bool {
    let verb = line
        .split(|octet| octet.is_ascii_whitespace())
        .next()
        .unwrap_or_default();
    verbs.iter().any(|known| verb.eq_ignore_ascii_case(known.as_bytes()))
}
