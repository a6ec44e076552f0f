//! The standing facts of a scenario, in the small ids that judges use.

use std::collections::BTreeMap;
use std::hash::{Hash, Hasher};
use std::sync::Arc;
use std::time::Duration;

use postern_model::name::{DomainName, EnvelopeId, Token};
use postern_model::observation::{DomainId, DomainSet, HostId};
use postern_model::report::Notify;
use postern_model::scenario::{
    Action, Attack, Certificate, DemandStage, Drift, Handshake, Host, Level, Lie, MailboxState, OtherAddress, Reading,
    RetrySchedule, Scenario, Trouble,
};

use crate::certificate;

/// How many hosts are judged; those beyond are not seen.
pub const HOSTS_MAX: usize = 64;

/// How many domains are judged, names of hosts included; those beyond are not seen.
pub const DOMAINS_MAX: usize = 64;

/// How long answers about a name may be cached if no domain of the scenario says so.
const TIME_TO_LIVE_UNSTATED: Duration = Duration::from_secs(300);

/// How much longer than its schedule says a client may take, for each address of an exchanger that it has to try: an attempt that
/// was under way and the attempt that follows, half an hour of session timeouts (RFC 5321 §4.5.3.2) each.
const SLACK_PER_ADDRESS: Duration = Duration::from_secs(3600);

/// What a scenario says from the start: who there is, what they are configured with, and what DNS says at first.
///
/// Cheap to clone. All clones of one setup are equal, so a monitor that holds one can be hashed at no cost.
#[derive(Debug, Clone)]
pub struct Setup(Arc<Facts>);

#[derive(Debug, PartialEq, Eq)]
struct Facts {
    reading: Reading,
    hosts: Vec<HostFacts>,
    domains: Vec<DomainFacts>,
    /// What the senders of messages ask about notifications.
    asked: BTreeMap<Token, Asked>,
}

/// Where a message is handed in that its sender asks something about, and what.
pub type Asked = (HostId, Option<Notify>, Option<EnvelopeId>);

#[derive(Debug, PartialEq, Eq)]
struct HostFacts {
    name: DomainName,
    /// The host's own name among the domains.
    own_name: Option<DomainId>,
    start: Standing,
    /// The domains that it is listed for at any time.
    ever_listed: DomainSet,
    /// The domains that it is configured for at any time.
    ever_configured: DomainSet,
    demands_tls: bool,
    demand_stage: DemandStage,
    /// Somebody on the path terminates TLS in its name at some time.
    is_impersonated: bool,
    /// The troubles that it is in at any time.
    troubles: Vec<Trouble>,
    relays_for: Vec<HostId>,
    requires_tls_of: Vec<HostId>,
    impostor: bool,
    never_accepts_mail: bool,
    /// Whom a forged answer may send to it.
    ever_forged: DomainSet,
    /// The names that it relays for, if a client proves one by a certificate.
    relays_for_identity: DomainSet,
    handshake: Handshake,
    other_address: Option<OtherAddress>,
    mailboxes: BTreeMap<String, MailboxState>,
    level: Level,
    policy: BTreeMap<DomainId, Level>,
    route: BTreeMap<DomainId, DomainId>,
    lifetime: Duration,
    retry: RetrySchedule,
    largest_gap: Duration,
    tls_failure_memory: Duration,
    alarms: bool,
}

#[derive(Debug, PartialEq, Eq)]
struct DomainFacts {
    name: DomainName,
    time_to_live: Duration,
}

/// What drifts about a host, as it stands at some time.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Hash)]
pub struct Standing {
    /// The server offers TLS.
    pub offers_tls: bool,
    /// The trouble that the server is in.
    pub trouble: Trouble,
    /// The names that its certificate proves.
    pub proves: DomainSet,
    /// The domains that DNS lists it for.
    pub listed: DomainSet,
    /// The domains that it is configured to act as exchanger for.
    pub configured: DomainSet,
    /// The domains that its own lookups fail about.
    pub lookups_failing: DomainSet,
    /// The domains that its resolver is lied to about.
    pub deceived: DomainSet,
    /// How many attacks are under way on the paths to it.
    pub attacks: u8,
    /// It has crashed and does not run.
    pub is_down: bool,
    /// Its wall clock does not show the true time.
    pub clock_is_off: bool,
}

impl Setup {
    /// The setup of a scenario. Total: what a scenario may not say is left out, not refused.
    pub fn of(scenario: &Scenario) -> Self {
        let names = names(scenario);
        let domain = |name: &DomainName| place(&names, name);
        let listed_at_start = |host: &Host, domain: &DomainName| match scenario.domain(domain) {
            Some(facts) if !facts.mx.is_empty() || facts.null_mx => {
                facts.mx.iter().any(|record| record.host == host.name)
            }
            _ => *domain == host.name,
        };
        let hosts = scenario.host.iter().take(HOSTS_MAX).map(|host| {
            let own_name = domain(&host.name);
            let listed = set(names
                .iter()
                .filter(|name| listed_at_start(host, name))
                .filter_map(domain));
            let configured = set(host.exchanger_for.iter().filter_map(domain));
            let drifts = || {
                let steps = scenario.step.iter().filter(|step| step.host == host.name);
                steps.filter_map(|step| match &step.action {
                    Action::Drift(drift) => Some(drift),
                    Action::Attack { .. } | Action::Forge { .. } | Action::Visit(_) => None,
                })
            };
            let added = drifts().filter_map(|drift| match drift {
                Drift::AddMx { domain, .. } => Some(domain),
                _ => None,
            });
            let taken_on = drifts().filter_map(|drift| match drift {
                Drift::Configure(domain) => Some(domain),
                _ => None,
            });
            let forgeries = scenario.step.iter().filter_map(|step| match &step.action {
                Action::Forge { forgery, .. } => Some(forgery),
                _ => None,
            });
            let forged = forgeries.filter(|forgery| forgery.answer == Lie::Mx(host.name.clone()));
            let ever_forged = set(forged.filter_map(|forgery| domain(&forgery.domain)));
            let fallen_into = drifts().filter_map(|drift| match drift {
                Drift::Trouble(trouble) => Some(*trouble),
                _ => None,
            });
            let ever_listed = union(listed, set(added.filter_map(domain).chain(own_name)));
            let ever_configured = union(configured, set(taken_on.filter_map(domain)));
            let position = |name: &DomainName| scenario.host.iter().take(HOSTS_MAX).position(|host| host.name == *name);
            let mut facts = HostFacts {
                name: host.name.clone(),
                own_name,
                start: Standing {
                    offers_tls: host.tls.is_on(),
                    trouble: host.trouble,
                    listed,
                    configured,
                    ..Standing::default()
                },
                ever_listed,
                ever_configured,
                demands_tls: host.demands_tls,
                ever_forged,
                impostor: host.impostor,
                never_accepts_mail: host.never_accepts_mail,
                demand_stage: host.demand_stage,
                is_impersonated: scenario.step.iter().any(|step| {
                    let attack = match &step.action {
                        Action::Attack { attack, .. } => *attack,
                        Action::Drift(_) | Action::Forge { .. } | Action::Visit(_) => return false,
                    };
                    step.host == host.name && matches!(attack, Attack::InterceptTls(_))
                }),
                troubles: std::iter::once(host.trouble).chain(fallen_into).collect(),
                relays_for: host.relay_for.iter().filter_map(position).map(host_id).collect(),
                requires_tls_of: host.requires_tls_of.iter().filter_map(position).map(host_id).collect(),
                relays_for_identity: set(host.relay_for_identity.iter().filter_map(domain)),
                handshake: host.handshake,
                other_address: host.other_address,
                mailboxes: host.mailboxes.clone(),
                level: host.level,
                policy: host
                    .policy
                    .iter()
                    .filter_map(|(name, level)| Some((domain(name)?, *level)))
                    .collect(),
                route: host
                    .route
                    .iter()
                    .filter_map(|(name, target)| Some((domain(name)?, domain(target)?)))
                    .collect(),
                lifetime: host.lifetime(),
                retry: host.retry,
                largest_gap: host.largest_gap(),
                tls_failure_memory: host.tls_failure_memory.unwrap_or_default(),
                alarms: host.alarms,
            };
            facts.start.proves = facts.proves(&names, host.certificate);
            facts
        });
        let time_to_live = |name: &DomainName| {
            scenario
                .domain(name)
                .map_or(TIME_TO_LIVE_UNSTATED, |domain| domain.time_to_live)
        };
        let domains = names.iter().map(|name| DomainFacts {
            name: name.clone(),
            time_to_live: time_to_live(name),
        });
        let hosts: Vec<HostFacts> = hosts.collect();
        let asked = scenario.message.iter().filter_map(|message| {
            let host = hosts.iter().position(|host| host.name == message.host)?;
            let asks = message.notify.is_some() || message.envelope_id.is_some();
            let asked = (host_id(host), message.notify, message.envelope_id.clone());
            asks.then(|| (message.name.clone(), asked))
        });
        Self(Arc::new(Facts {
            reading: scenario.reading,
            domains: domains.collect(),
            asked: asked.collect(),
            hosts,
        }))
    }

    /// Whose word counts where the thread of 2001 and RFC 3207 differ.
    pub fn reading(&self) -> Reading {
        self.0.reading
    }

    /// Where the message is handed in, and what its sender asks about notifications, if anything.
    pub fn asked(&self, message: &Token) -> Option<Asked> {
        self.0.asked.get(message).cloned()
    }

    /// Every host, in the order of the scenario.
    pub fn hosts(&self) -> impl ExactSizeIterator<Item = HostId> + use<> {
        (0..self.0.hosts.len()).map(host_id)
    }

    /// Every domain, in the order of first mention; names of hosts come last.
    pub fn domains(&self) -> impl ExactSizeIterator<Item = DomainId> + use<> {
        (0..self.0.domains.len()).map(domain_id)
    }

    /// The host of this name.
    pub fn host(&self, name: &DomainName) -> Option<HostId> {
        self.0.hosts.iter().position(|host| host.name == *name).map(host_id)
    }

    /// The domain, or host, of this name.
    pub fn domain(&self, name: &DomainName) -> Option<DomainId> {
        let domain = self.0.domains.iter().position(|domain| domain.name == *name);
        domain.map(domain_id)
    }

    /// The name of a host.
    ///
    /// # Panics
    /// As every function of a setup, when it is handed an id of another setup.
    pub fn host_name(&self, host: HostId) -> &DomainName {
        &self.facts(host).name
    }

    /// The name of a domain.
    pub fn domain_name(&self, domain: DomainId) -> &DomainName {
        &self.0.domains[usize::from(domain.0)].name
    }

    /// The host's own name among the domains.
    pub fn own_name(&self, host: HostId) -> Option<DomainId> {
        self.facts(host).own_name
    }

    /// How all that drifts about a host stands at the start.
    pub fn at_start(&self, host: HostId) -> Standing {
        self.facts(host).start
    }

    /// The names that a server proves with this certificate, if it presents it itself.
    pub fn proves(&self, host: HostId, certificate: Certificate) -> DomainSet {
        let names: Vec<DomainName> = self.0.domains.iter().map(|domain| domain.name.clone()).collect();
        self.facts(host).proves(&names, certificate)
    }

    /// How long answers about a domain may be cached.
    pub fn time_to_live(&self, domain: DomainId) -> Duration {
        self.0.domains[usize::from(domain.0)].time_to_live
    }

    /// How long a host tries a message.
    pub fn lifetime(&self, host: HostId) -> Duration {
        self.facts(host).lifetime
    }

    /// The longest that a host waits between attempts.
    pub fn largest_gap(&self, host: HostId) -> Duration {
        self.facts(host).largest_gap
    }

    /// When a host tries a deferred message again, as it is configured to.
    pub fn retry(&self, host: HostId) -> RetrySchedule {
        self.facts(host).retry
    }

    /// How long a host remembers that TLS broke at another; zero if it does not.
    pub fn tls_failure_memory(&self, host: HostId) -> Duration {
        self.facts(host).tls_failure_memory
    }

    /// How much longer than its schedule says a client may take for a next hop: an hour for each of its exchangers.
    pub fn slack(&self, next_hop: DomainId) -> Duration {
        let exchangers = self.hosts().filter(|host| self.may_serve(*host, next_hop));
        let addresses: u32 = exchangers.map(|host| self.addresses(host)).sum();
        SLACK_PER_ADDRESS * addresses.max(1)
    }

    /// How many addresses a host has.
    pub fn addresses(&self, host: HostId) -> u32 {
        1 + u32::from(self.facts(host).other_address.is_some())
    }

    /// Whether a server has no TLS at one of its addresses, whatever it has at the other.
    pub fn has_address_without_tls(&self, host: HostId) -> bool {
        self.facts(host).other_address == Some(OtherAddress::WithoutTls)
    }

    /// Whether a host owes alarms: by the thread every client does, by RFC 3207 §6 (MAY) only one that chose to.
    pub fn owes_alarms(&self, host: HostId) -> bool {
        match self.reading() {
            Reading::Thread => true,
            Reading::Rfc3207 => self.facts(host).alarms,
        }
    }

    /// Whether a server wishes to refuse mail without TLS.
    pub fn demands_tls(&self, host: HostId) -> bool {
        self.facts(host).demands_tls
    }

    /// Whether a server refuses every command in clear that is not on the way to TLS, as it may (R3207-4-e).
    pub fn demands_tls_first(&self, host: HostId) -> bool {
        let facts = self.facts(host);
        facts.demands_tls && facts.demand_stage == DemandStage::EveryCommand
    }

    /// Whether a server is at any time in a trouble. It then does not run our software as it should be, and what the
    /// trouble has it do is not judged.
    pub fn may_be_in(&self, host: HostId, trouble: Trouble) -> bool {
        self.facts(host).troubles.contains(&trouble)
    }

    /// Whether somebody on the path terminates TLS in a server's name at any time, if need be with a certificate that he has
    /// stolen.
    pub fn may_be_impersonated(&self, host: HostId) -> bool {
        self.facts(host).is_impersonated
    }

    /// Whether a server relays a client's mail to anywhere, or, as an impostor, lets everybody believe that it does.
    pub fn relays_for(&self, server: HostId, client: HostId) -> bool {
        let facts = self.facts(server);
        facts.impostor || facts.relays_for.contains(&client)
    }

    /// Whether a server requires TLS of a client, whatever it does with others (R3207-6-a). It knows the client by its
    /// address, which an attacker who dials in its name does not have.
    pub fn requires_tls_of(&self, server: HostId, client: HostId) -> bool {
        self.facts(server).requires_tls_of.contains(&client)
    }

    /// Whether a host answers every connection with 521.
    pub fn never_accepts_mail(&self, host: HostId) -> bool {
        self.facts(host).never_accepts_mail
    }

    /// Whether a server relays to anywhere for a client that proved these names in the handshake of the connection.
    pub fn relays_for_identity(&self, server: HostId, proved: DomainSet) -> bool {
        self.facts(server).relays_for_identity.0 & proved.0 != 0
    }

    /// Whether a server relays for any identity at all.
    pub fn relays_for_some_identity(&self, server: HostId) -> bool {
        self.facts(server).relays_for_identity != DomainSet::default()
    }

    /// The names that a host proves as a client, to a server that asks.
    pub fn proves_as_client(&self, host: HostId) -> DomainSet {
        let facts = self.facts(host);
        let names: Vec<DomainName> = self.0.domains.iter().map(|domain| domain.name.clone()).collect();
        let proved = facts.handshake.client_certificate.map(|kind| {
            let proved = certificate::proved(kind, &facts.name, &[], names.iter());
            set(proved.into_iter().filter_map(|name| place(&names, name)))
        });
        proved.unwrap_or_default()
    }

    /// How a host shakes hands.
    pub fn handshake(&self, host: HostId) -> Handshake {
        self.facts(host).handshake
    }

    /// How a mailbox of a host treats mail.
    pub fn mailbox(&self, host: HostId, local_part: &str) -> MailboxState {
        let known = self.facts(host).mailboxes.get(local_part);
        known.copied().unwrap_or_default()
    }

    /// How a mailbox of a domain treats mail at the least willing host that ever acts as exchanger for the domain.
    pub fn mailbox_of(&self, domain: DomainId, local_part: &str) -> MailboxState {
        let exchangers = self.0.hosts.iter().filter(|host| host.ever_configured.has(domain));
        let states = exchangers.filter_map(|host| host.mailboxes.get(local_part).copied());
        states.max().unwrap_or_default()
    }

    /// The local policy of a host for a next hop at the start.
    pub fn level(&self, host: HostId, next_hop: DomainId) -> Level {
        let facts = self.facts(host);
        facts.policy.get(&next_hop).copied().unwrap_or(facts.level)
    }

    /// Where a host sends a domain's mail: to the exchangers of that domain, or to a fixed host.
    pub fn next_hop(&self, host: HostId, domain: DomainId) -> DomainId {
        self.facts(host).route.get(&domain).copied().unwrap_or(domain)
    }

    /// Whether a client may at any time be told that this server takes the next hop's mail.
    pub fn may_serve(&self, server: HostId, next_hop: DomainId) -> bool {
        let facts = self.facts(server);
        facts.ever_listed.has(next_hop) || facts.ever_forged.has(next_hop)
    }

    fn facts(&self, host: HostId) -> &HostFacts {
        &self.0.hosts[usize::from(host.0)]
    }
}

impl PartialEq for Setup {
    fn eq(&self, other: &Self) -> bool {
        Arc::ptr_eq(&self.0, &other.0) || self.0 == other.0
    }
}

impl Eq for Setup {}

/// Monitors of one scenario share their setup, so it tells no two of them apart.
impl Hash for Setup {
    fn hash<H: Hasher>(&self, _: &mut H) {}
}

impl HostFacts {
    /// Of all names, those that the host proves with this certificate: it is issued for what the host ever serves.
    fn proves(&self, names: &[DomainName], kind: Certificate) -> DomainSet {
        let serves = union(self.ever_listed, self.ever_configured);
        let is_served = |name: &&DomainName| place(names, name).is_some_and(|domain| serves.has(domain));
        let served: Vec<&DomainName> = names.iter().filter(is_served).collect();
        let proved = certificate::proved(kind, &self.name, &served, names.iter());
        set(proved.into_iter().filter_map(|name| place(names, name)))
    }
}

/// Every name that mail may be for or go to, once, in the order of first mention; names of hosts come last.
fn names(scenario: &Scenario) -> Vec<DomainName> {
    let mut names: Vec<DomainName> = Vec::new();
    let mut mention = |name: &DomainName| {
        if names.len() < DOMAINS_MAX && !names.contains(name) {
            names.push(name.clone());
        }
    };
    for domain in &scenario.domain {
        mention(&domain.name);
    }
    for message in &scenario.message {
        mention(message.to.domain());
        if let postern_model::name::ReversePath::Mailbox(mailbox) = &message.from {
            mention(mailbox.domain());
        }
    }
    for host in &scenario.host {
        host.exchanger_for.iter().for_each(&mut mention);
        host.policy.keys().for_each(&mut mention);
        host.relay_for_identity.iter().for_each(&mut mention);
        for (domain, target) in &host.route {
            mention(domain);
            mention(target);
        }
    }
    for step in &scenario.step {
        match &step.action {
            Action::Drift(drift) => drift.domain().into_iter().for_each(&mut mention),
            Action::Forge { forgery, .. } => mention(&forgery.domain),
            Action::Attack { .. } | Action::Visit(_) => {}
        }
    }
    for host in scenario.host.iter().take(HOSTS_MAX) {
        mention(&host.name);
    }
    names
}

fn place(names: &[DomainName], name: &DomainName) -> Option<DomainId> {
    names.iter().position(|known| known == name).map(domain_id)
}

fn set(domains: impl IntoIterator<Item = DomainId>) -> DomainSet {
    domains.into_iter().fold(DomainSet::default(), DomainSet::with)
}

fn union(one: DomainSet, other: DomainSet) -> DomainSet {
    DomainSet(one.0 | other.0)
}

/// Places are below [`HOSTS_MAX`].
fn host_id(place: usize) -> HostId {
    HostId(place as u8)
}

/// Places are below [`DOMAINS_MAX`].
fn domain_id(place: usize) -> DomainId {
    DomainId(place as u8)
}

#[cfg(test)]
mod tests;
