//! What becomes of mail.

use std::time::Duration;

use postern_model::name::{DomainName, Mailbox, Token};
use postern_model::report::{About, ReportAction};
use postern_model::trace::LogEntry;

use super::Reader;
use crate::situations::Situation;

impl Reader<'_> {
    pub(super) fn queued(
        &mut self,
        at: Duration,
        host: &DomainName,
        message: &Token,
        to: &Mailbox,
        about: Option<&About<Token>>,
    ) {
        let next_hop = self.next_hop(host, to.domain());
        self.queued.insert((host.clone(), message.clone()), (at, next_hop));
        let Some(about) = about else { return };
        if about.action == ReportAction::Delayed {
            self.reached.insert(Situation::DelayWarned);
        }
        self.notifications.insert(message.clone());
    }

    pub(super) fn delivered(&mut self, host: &DomainName, message: &Token, to: &Mailbox) {
        self.queued.remove(&(host.clone(), message.clone()));
        if self.notifications.contains(message) {
            self.reached.insert(Situation::NotificationReceived);
        }
        if !self.delivered.insert((message.clone(), to.clone())) {
            self.reached.insert(Situation::DeliveredTwice);
        }
    }

    pub(super) fn stolen(&mut self, host: &DomainName, message: &Token) {
        self.queued.remove(&(host.clone(), message.clone()));
        self.reached.insert(Situation::Stolen);
    }

    pub(super) fn logged(&mut self, at: Duration, host: &DomainName, entry: &LogEntry) {
        match entry {
            LogEntry::Sent { message, to, .. } => {
                if let Some((_, next_hop)) = self.queued.remove(&(host.clone(), message.clone())) {
                    self.sent(&next_hop, to);
                }
            }
            LogEntry::Bounced { message, .. } => {
                if self.notifications.contains(message) {
                    self.reached.insert(Situation::NotificationGivenBack);
                }
                if let Some((since, _)) = self.queued.remove(&(host.clone(), message.clone())) {
                    let lifetime = self.scenario.host(host).map(|host| host.lifetime());
                    if lifetime.is_some_and(|lifetime| at >= since + lifetime) {
                        self.reached.insert(Situation::Expired);
                    }
                }
            }
            LogEntry::Alarm { .. } => {
                self.reached.insert(Situation::AlarmRaised);
            }
            LogEntry::Attempt { .. } | LogEntry::Deferred { .. } | LogEntry::Held { .. } => {}
        }
    }

    fn sent(&mut self, next_hop: &DomainName, to: &DomainName) {
        let best = self.exchangers(next_hop).map(|(preference, _)| preference).min();
        let taken = self.exchangers(next_hop).find(|(_, exchanger)| *exchanger == to);
        if taken.is_some_and(|(preference, _)| Some(preference) > best) {
            self.reached.insert(Situation::SecondExchanger);
        }
    }
}
