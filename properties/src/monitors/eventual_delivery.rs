//! P11: when the next hop has been good for long enough, its queued mail has been delivered.

use std::collections::BTreeMap;
use std::time::Duration;

use postern_model::monitor::{Monitor, Violation};
use postern_model::observation::{DomainId, HostId, MessageId, Observation};
use postern_model::scenario::{AfterFailure, Level, MailboxState, Trouble};

use super::standing::Standings;
use super::{named, violation};
use crate::oracle::{Oracle, Requirement};
use crate::setup::Setup;

/// Judges every queued message against the calm: a time in which nothing that matters to it changed and its next hop was
/// good throughout.
///
/// A next hop is good for a message if the sender runs, its lookups about it work, no listed host would refuse the message for good,
/// and one listed host, running, not attacked and not in trouble, would take it: configured for the domain or willing to relay for the sender, with the
/// TLS that the sender's policy requires, and not asking for TLS that is not to be had, be it of all or of this sender. It is enough that the host is so at
/// one of its addresses: the client comes to it by each (R5321-5.1-d). While a clock is off, whoever goes by it may take any
/// certificate for one that has expired or is not valid yet: then no host is good that must prove itself by one.
///
/// After a calm of one time to live (for what was cached), the sender's largest gap, and [`Setup::slack`] (for an attempt
/// under way and for the exchangers that must time out first), the message must be sent, unless its lifetime was over before;
/// and it must not be given back after such a calm.
///
/// Exercised when a message was decided in a calm after some hardship: a deferral, a time that was not good, or an attack on
/// one of the exchangers.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct EventualDelivery {
    setup: Setup,
    oracle: Oracle,
    standings: Standings,
    queue: BTreeMap<(HostId, MessageId), Queued>,
    exercised: bool,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
struct Queued {
    next_hop: DomainId,
    domain: DomainId,
    mailbox: MailboxState,
    copies: u8,
    /// Of the youngest copy, up to the lifetime.
    age: Duration,
    /// How long it has been calm, up to the bound; `None` while the next hop is not good.
    calm: Option<Duration>,
    hardship: bool,
    /// For how long the testbed holds it still. That time is no calm.
    held: Duration,
}

impl EventualDelivery {
    /// The monitor at the start of a run.
    pub fn new(setup: Setup) -> Self {
        Self {
            oracle: Oracle::new(setup.clone()),
            standings: Standings::at_start(&setup),
            setup,
            queue: BTreeMap::new(),
            exercised: false,
        }
    }
}

impl Monitor for EventualDelivery {
    fn observe(&mut self, after: Duration, observation: &Observation) -> Result<(), Violation> {
        self.pass(after)?;
        let level_changes = match *observation {
            Observation::Policy { host, next_hop, level } => self.oracle.level(host, next_hop) != level,
            _ => false,
        };
        self.oracle.observe(observation);
        if self.standings.observe(observation) || level_changes {
            self.reconsider(observation);
        }
        match *observation {
            Observation::Queued {
                host,
                message,
                next_hop,
                domain,
                mailbox,
                ..
            } => {
                let copies = self.queue.get(&(host, message)).map_or(0, |queued| queued.copies);
                let mut queued = Queued {
                    next_hop,
                    domain,
                    mailbox,
                    copies: copies.saturating_add(1),
                    age: Duration::ZERO,
                    calm: None,
                    hardship: false,
                    held: Duration::ZERO,
                };
                queued.calm = self.is_good(host, &queued).then_some(Duration::ZERO);
                queued.hardship = queued.calm.is_none();
                self.queue.insert((host, message), queued);
            }
            Observation::Held { host, message, lasting } => {
                if let Some(queued) = self.queue.get_mut(&(host, message)) {
                    queued.held = queued.held.max(lasting);
                }
            }
            Observation::Deferred { host, message } => {
                if let Some(queued) = self.queue.get_mut(&(host, message)) {
                    queued.hardship = true;
                }
            }
            Observation::Sent { host, message } | Observation::Delivered { host, message } => {
                self.decided(host, message);
            }
            Observation::Bounced { host, message } => {
                if let Some(queued) = self.decided(host, message)
                    && queued.calm == Some(self.bound(host, &queued))
                {
                    return Err(self.violation(host, message, &queued, "gave back"));
                }
            }
            _ => {}
        }
        Ok(())
    }

    fn exercised(&self) -> bool {
        self.exercised
    }
}

impl EventualDelivery {
    fn pass(&mut self, time: Duration) -> Result<(), Violation> {
        let mut overdue = None;
        for ((host, message), queued) in &mut self.queue {
            let bound = bound(&self.setup, *host, queued);
            let held = queued.held;
            let free = time.saturating_sub(held);
            queued.held = held.saturating_sub(time);
            if let Some(calm) = queued.calm {
                let left = bound.saturating_sub(calm);
                let lifetime_left = self.setup.lifetime(*host).saturating_sub(queued.age);
                if free > left && held + left < lifetime_left {
                    overdue.get_or_insert((*host, *message, *queued));
                }
                queued.calm = Some((calm + free).min(bound));
            }
            queued.age = (queued.age + time).min(self.setup.lifetime(*host));
        }
        match overdue {
            Some((host, message, queued)) => Err(self.violation(host, message, &queued, "still holds")),
            None => Ok(()),
        }
    }

    fn bound(&self, host: HostId, queued: &Queued) -> Duration {
        bound(&self.setup, host, queued)
    }

    /// Something changed: the calm of each message that it may matter to begins anew.
    fn reconsider(&mut self, change: &Observation) {
        let concerned: Vec<(HostId, MessageId)> = self
            .queue
            .iter()
            .filter(|((host, _), queued)| self.concerns(change, *host, queued))
            .map(|(key, _)| *key)
            .collect();
        for key in concerned {
            let Some(mut queued) = self.queue.get(&key).copied() else {
                continue;
            };
            queued.calm = self.is_good(key.0, &queued).then_some(Duration::ZERO);
            queued.hardship |= queued.calm.is_none();
            self.queue.insert(key, queued);
        }
    }

    fn concerns(&self, change: &Observation, sender: HostId, queued: &Queued) -> bool {
        let is_exchanger = |host| self.setup.may_serve(host, queued.next_hop);
        let is_about = |domain| domain == queued.next_hop || domain == queued.domain;
        match *change {
            Observation::Policy { host, next_hop, .. } => host == sender && next_hop == queued.next_hop,
            Observation::Tls { host, .. }
            | Observation::Trouble { host, .. }
            | Observation::Certificate { host, .. }
            | Observation::Attacked { host, .. } => is_exchanger(host),
            Observation::Exchanger { domain, .. } | Observation::Listed { domain, .. } => is_about(domain),
            Observation::Lookups { host, .. }
            | Observation::Running { host, .. }
            | Observation::Clock { host, .. }
            | Observation::Deceived { host, .. } => host == sender || is_exchanger(host),
            _ => false,
        }
    }

    fn is_good(&self, sender: HostId, queued: &Queued) -> bool {
        let listed = || {
            let hosts = self.setup.hosts();
            hosts.filter(|host| self.standings.is_listed(*host, queued.next_hop))
        };
        queued.mailbox == MailboxState::Accepts
            && !self.standings.of(sender).is_down
            && self
                .standings
                .exchangers_can_be_found(&self.setup, sender, queued.next_hop)
            && listed().all(|host| host != sender && !self.may_refuse_for_good(sender, host, queued))
            && listed().any(|host| self.takes(sender, host, queued))
    }

    /// A host that relays for the sender knows it by its address, which an attacker who passes mail on does not have; or by
    /// its certificate, which nobody sees in clear.
    fn may_refuse_for_good(&self, sender: HostId, host: HostId, queued: &Queued) -> bool {
        if self.setup.never_accepts_mail(host) {
            return false;
        }
        let identity = self.setup.proves_as_client(sender);
        let uses_tls = self.oracle.level(sender, queued.next_hop) != Level::None && self.standings.of(host).offers_tls;
        // Who relays by identity knows nobody at an address without TLS, and refuses there for good.
        let uses_tls = uses_tls && !self.setup.has_address_without_tls(host);
        let knows_clients = uses_tls && self.can_meet(sender, host) && !self.standings.of(host).clock_is_off;
        let by_identity = self.setup.relays_for_identity(host, identity) && knows_clients;
        let is_permitted = self.setup.relays_for(host, sender) || by_identity;
        let relays = is_permitted && self.standings.of(host).attacks == 0;
        let is_exchanger = self.standings.is_configured(host, queued.domain);
        let is_public = is_exchanger && self.standings.is_listed(host, queued.domain);
        !(is_exchanger || relays) || (self.setup.demands_tls(host) && !is_public)
    }

    fn takes(&self, sender: HostId, host: HostId, queued: &Queued) -> bool {
        let standing = self.standings.of(host);
        let offers_tls = standing.offers_tls && self.can_meet(sender, host);
        let is_secure_enough = match Requirement::of(self.oracle.level(sender, queued.next_hop), queued.next_hop) {
            Requirement::Clear => true,
            Requirement::Encrypted => offers_tls,
            Requirement::Authenticated(next_hop) => {
                offers_tls && standing.proves.has(next_hop) && !self.standings.of(sender).clock_is_off
            }
        };
        // From a client that TLS is required of nothing is taken in clear: neither at level none, nor while it remembers that
        // TLS broke here (R3207-6-a).
        let gets_its_tls = !self.setup.requires_tls_of(host, sender)
            || match self.oracle.level(sender, queued.next_hop) {
                Level::None => false,
                Level::May => offers_tls && self.setup.tls_failure_memory(sender).is_zero(),
                Level::Encrypt | Level::Secure => offers_tls,
            };
        let may_ban = self.setup.handshake(host).after_failure == AfterFailure::Bans;
        // To answer as the chart says, a server that demands TLS must be able to look itself up.
        let knows_its_listing =
            !self.setup.demands_tls(host) || self.standings.exchangers_can_be_found(&self.setup, host, queued.domain);
        let takes_mail = standing.attacks == 0
            && !standing.is_down
            && standing.trouble == Trouble::None
            && !self.setup.never_accepts_mail(host);
        takes_mail && is_secure_enough && gets_its_tls && knows_its_listing && !may_ban
    }

    fn can_meet(&self, client: HostId, server: HostId) -> bool {
        self.setup.handshake(client).can_meet(self.setup.handshake(server))
    }

    /// One copy is decided.
    fn decided(&mut self, host: HostId, message: MessageId) -> Option<Queued> {
        let queued = self.queue.get_mut(&(host, message))?;
        queued.copies -= 1;
        let decided = *queued;
        if decided.copies == 0 {
            self.queue.remove(&(host, message));
        }
        let mut exchangers = self
            .setup
            .hosts()
            .filter(|host| self.standings.is_listed(*host, decided.next_hop));
        let is_attacked = exchangers.any(|host| self.standings.of(host).attacks > 0);
        self.exercised |= decided.calm.is_some() && (decided.hardship || is_attacked);
        Some(decided)
    }

    fn violation(&self, host: HostId, message: MessageId, queued: &Queued, did: &str) -> Violation {
        let listed = self
            .setup
            .hosts()
            .filter(|host| self.standings.is_listed(*host, queued.next_hop));
        let level = self.oracle.level(host, queued.next_hop);
        let addresses: u32 = listed.map(|listed| self.setup.addresses(listed)).sum();
        let rule = match (addresses, level) {
            (2.., _) => "R5321-5.1-d",
            (_, Level::Encrypt | Level::Secure) => "SEED-12",
            (_, Level::None | Level::May) => "R5321-4.5.4.1-a",
        };
        let why = format!(
            "{} {did} {} although an exchanger of {} was ready to take it for more than {} h",
            self.setup.host_name(host),
            named(message),
            self.setup.domain_name(queued.next_hop),
            self.bound(host, queued).as_secs() / 3600,
        );
        violation(rule, why)
    }
}

/// How long a calm may last before the message must have been sent.
fn bound(setup: &Setup, host: HostId, queued: &Queued) -> Duration {
    let cached = setup
        .time_to_live(queued.next_hop)
        .max(setup.time_to_live(queued.domain));
    cached + setup.largest_gap(host) + setup.slack(queued.next_hop)
}

#[cfg(test)]
mod tests;
