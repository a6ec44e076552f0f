//! The answers to RCPT.

use super::transaction::without_ehlo;
use super::{ClientCertificate, RECIPIENTS_LIMIT, Server, Stage};
use crate::mta::recipient::{self, Circumstances, Decision};
use crate::mta::session::{Listing, Output, Recipient};
use crate::mutant::Mutant;
use crate::name::{DomainName, Mailbox, ReversePath};
use crate::scenario::MailboxState;
use crate::smtp::{Reply, Severity};

impl Server {
    pub(super) fn rcpt(&mut self, to: Recipient) {
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

    pub(super) fn answer_recipient(&mut self, to: Recipient, listing: Listing) {
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
            && reply.severity() == Severity::Completion
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
}
