//! What is told of hosts, domains, policies and attacks: facts of the start, and what changes them.

use postern_model::name::DomainName;
use postern_model::scenario::{Attack, Certificate, Clock};
use postern_model::trace::Setting;

use super::Reader;
use crate::situations::Situation;

impl Reader<'_> {
    /// A fact of the start, or later the effect of drift.
    pub(super) fn set(&mut self, setting: &Setting, drifted: bool) {
        let situation = match setting {
            Setting::Tls { host, on: true } => {
                self.without_tls.remove(host);
                Some(Situation::TlsSwitchedOn)
            }
            Setting::Tls { host, on: false } => {
                if drifted {
                    self.tls_vanishes(host);
                }
                self.without_tls.insert(host.clone());
                Some(Situation::TlsSwitchedOff)
            }
            Setting::Certificate { host, certificate } => {
                let before = self.certificates.insert(host.clone(), *certificate);
                match certificate {
                    Certificate::Expired => Some(Situation::CertificateExpired),
                    Certificate::WrongName => Some(Situation::CertificateForAnotherName),
                    Certificate::Valid => before
                        .is_some_and(|before| before != Certificate::Valid)
                        .then_some(Situation::CertificateRenewed),
                    _ => None,
                }
            }
            Setting::Trouble { host, trouble } => {
                self.troubles.insert(host.clone(), *trouble);
                None
            }
            Setting::Clock {
                clock: Clock::Right, ..
            } => Some(Situation::ClockSetRight),
            Setting::Clock { host, .. } => {
                let mut queued = self.queued.keys();
                queued
                    .any(|(holder, _)| holder == host)
                    .then_some(Situation::ClockLeapt)
            }
            Setting::Exchanger {
                host,
                domain,
                configured: true,
            } => {
                self.configured.insert((host.clone(), domain.clone()));
                Some(Situation::Configured)
            }
            Setting::Exchanger {
                host,
                domain,
                configured: false,
            } => {
                self.configured.remove(&(host.clone(), domain.clone()));
                Some(Situation::Unconfigured)
            }
            Setting::Policy { host, next_hop, .. } => {
                let mut queued = self.queued.iter();
                let waits = queued.any(|((sender, _), (_, waits_for))| sender == host && waits_for == next_hop);
                waits.then_some(Situation::PolicyChanged)
            }
            Setting::Mx { domain, exchangers, .. } => {
                let before = self.mx.insert(domain.clone(), exchangers.clone()).unwrap_or_default();
                if has_more(exchangers, &before) {
                    Some(Situation::MxAdded)
                } else {
                    has_more(&before, exchangers).then_some(Situation::MxDropped)
                }
            }
            Setting::Running { host, up } => {
                if !up {
                    self.crashed(host);
                }
                None
            }
            Setting::Lookups { work: false, .. } => Some(Situation::LookupsFailed),
            Setting::Lookups { work: true, .. } => Some(Situation::LookupsRestored),
            Setting::Permanent { .. } => None,
        };
        if drifted {
            self.reached.extend(situation);
        }
    }

    pub(super) fn adversary(&mut self, victim: &DomainName, attack: Attack, active: bool) {
        if active {
            if hides_tls(attack) {
                self.tls_vanishes(victim);
            }
            self.attacks.push((victim.clone(), attack));
        } else {
            self.attacks.retain(|under_way| *under_way != (victim.clone(), attack));
        }
    }

    /// Nobody is offered the host's TLS from now on: was it there, and does mail wait for it?
    fn tls_vanishes(&mut self, host: &DomainName) {
        let mut attacks = self.attacks.iter();
        if self.without_tls.contains(host) || attacks.any(|(victim, attack)| victim == host && hides_tls(*attack)) {
            return;
        }
        let mut next_hops = self.queued.values().map(|(_, next_hop)| next_hop);
        if next_hops.any(|next_hop| self.exchangers(next_hop).any(|(_, exchanger)| exchanger == host)) {
            self.reached.insert(Situation::TlsVanishedWhileQueued);
        }
    }

    /// A host is down: with mail in its queue, or in the middle of a session.
    fn crashed(&mut self, host: &DomainName) {
        if self.queued.keys().any(|(holder, _)| holder == host) {
            self.reached.insert(Situation::SenderCrashed);
        }
        if self
            .connections
            .values()
            .any(|open| open.to == *host && !open.by_attacker)
        {
            self.reached.insert(Situation::ServerCrashed);
        }
    }
}

/// Whether the first set lists a host that the second does not, with whatever preference.
fn has_more(first: &[(u16, DomainName)], second: &[(u16, DomainName)]) -> bool {
    let mut hosts = first.iter().map(|(_, host)| host);
    hosts.any(|host| second.iter().all(|(_, other)| other != host))
}

/// Whether clients do not see the server's offer of TLS while the attack lasts.
fn hides_tls(attack: Attack) -> bool {
    matches!(
        attack,
        Attack::StripStarttls | Attack::OverwriteStarttls | Attack::RefuseEhlo(_)
    )
}
