//! What an exploration begins with and what may happen in it, and the scenario that says the same.

use std::fmt;
use std::time::Duration;

use crate::mta::delivery::{HopId, PeerId, Role};
use crate::mutant::Mutant;
use crate::name::DomainName;
use crate::observation::DomainId;
use crate::scenario::{
    Action, Attack, Certificate, Domain, Drift, Host, Level, Message, MxRecord, OtherAddress, Phase, RetrySchedule,
    Scenario, Step, Switch, When,
};

/// The most exchangers, next hops and messages that there can be.
pub(super) const EXCHANGERS_MAX: usize = 4;
pub(super) const HOPS_MAX: usize = 2;
pub(super) const MESSAGES_MAX: usize = 3;

/// The sending host.
pub(super) const SENDER: &str = "out.a.example";
/// The domain of the senders of all messages.
const SENDERS_DOMAIN: &str = "a.example";
/// The next hops, which are mail domains.
const HOPS: [&str; HOPS_MAX] = ["b.example", "c.example"];

/// What is set at the start, and what may happen.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Configuration {
    /// The next hop of each message, in the order in which they are handed in.
    pub messages: Vec<HopId>,
    /// The hosts that take mail.
    pub exchangers: Vec<Exchanger>,
    /// The local policy for each next hop.
    pub levels: Vec<Level>,
    /// The first domain has a null MX, whatever exchangers there are.
    pub null_mx: bool,
    /// Mail for the second domain goes by a fixed route to the first exchanger, which is then the next hop whose name a
    /// certificate must prove.
    pub routes_second: bool,
    /// The sender is itself listed for the first domain, with this preference, and not configured for it.
    pub own_preference: Option<u16>,
    /// What the sender is to the messages.
    pub role: Role,
    /// Whether the sender remembers TLS and warns.
    pub alarms: bool,
    /// Whether it keeps sessions open for more mail.
    pub reuse: bool,
    /// How long it remembers that TLS broke at a host.
    pub tls_failure_memory: Option<Duration>,
    /// How many sessions it has with one host at a time.
    pub sessions_per_host: u8,
    /// When it tries again.
    pub schedule: RetrySchedule,
    /// How long it tries.
    pub lifetime: Duration,
    /// How much of what need not happen may happen.
    pub budget: Budget,
    /// What attackers on the path may do.
    pub attacks: Vec<Attack>,
    /// What may drift.
    pub drifts: Vec<Change>,
    /// Whether attacks and drift are only tried right before a step that they matter to.
    pub is_lazy: bool,
    /// Whether, of messages to one next hop that stand alike, only the first may go on.
    pub is_symmetric: bool,
    /// The one bug of every machine, if any.
    pub mutant: Option<Mutant>,
}

/// A host that takes mail.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Exchanger {
    /// Its preference for each next hop that lists it.
    pub preference: [Option<u16>; HOPS_MAX],
    /// It wishes to refuse mail without TLS.
    pub demands_tls: bool,
    /// It has a first address at which nobody answers, and its own.
    pub has_dead_address: bool,
    /// Its certificate at the start.
    pub certificate: Certificate,
}

/// How many attacks, drifts and restarts there may be.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Hash)]
pub struct Budget {
    /// Attacks that begin.
    pub attacks: u8,
    /// Changes of hosts, DNS and policy.
    pub drifts: u8,
    /// Crashes of the sender.
    pub restarts: u8,
}

/// Something that drifts. Each toggles, but for the policy.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Change {
    /// A host's TLS goes off, or comes back.
    Tls(PeerId),
    /// A host's certificate proves nothing any more, or is good again.
    Certificate(PeerId),
    /// A host is no longer configured for a domain, or is again.
    Configured(PeerId, HopId),
    /// A host is no longer listed for a domain, or is again.
    Listed(PeerId, HopId),
    /// The sender's lookups about a domain fail, or work again.
    Lookups(HopId),
    /// A server's own lookups about a domain fail, or work again.
    ServerLookups(PeerId, HopId),
    /// The sender's policy for a next hop is now this.
    Policy(HopId, Level),
}

impl fmt::Display for Change {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let hop = |hop: &HopId| HOPS[usize::from(*hop)];
        match self {
            Self::Tls(peer) => write!(formatter, "the TLS of mx{} is switched", peer.0),
            Self::Certificate(peer) => write!(formatter, "the certificate of mx{} changes", peer.0),
            Self::Configured(peer, domain) => {
                write!(
                    formatter,
                    "whether mx{} is configured for {} changes",
                    peer.0,
                    hop(domain)
                )
            }
            Self::Listed(peer, domain) => write!(formatter, "whether {} lists mx{} changes", hop(domain), peer.0),
            Self::Lookups(domain) => write!(formatter, "whether lookups about {} work changes", hop(domain)),
            Self::ServerLookups(peer, domain) => {
                write!(
                    formatter,
                    "whether lookups of mx{} about {} work changes",
                    peer.0,
                    hop(domain)
                )
            }
            Self::Policy(domain, level) => write!(formatter, "the level for mail to {} is {level} now", hop(domain)),
        }
    }
}

/// The ids by which judges know the names of a configuration.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Names {
    /// Of the domains of recipients.
    pub recipients: Vec<DomainId>,
    /// Of the next hops.
    pub hops: Vec<DomainId>,
    /// Of the senders' domain.
    pub senders: DomainId,
    /// Of the exchangers themselves.
    pub exchangers: Vec<DomainId>,
}

impl Names {
    /// The ids that a judge's reading of the scenario gives; `None` if it leaves one out.
    pub fn of(configuration: &Configuration, id: impl Fn(&DomainName) -> Option<DomainId>) -> Option<Self> {
        let hops = 0..configuration.levels.len();
        let exchangers = (0..configuration.exchangers.len()).map(|place| id(&exchanger_name(place)));
        Some(Self {
            recipients: hops.clone().map(|hop| id(&hop_name(hop))).collect::<Option<_>>()?,
            hops: hops
                .map(|hop| id(&configuration.next_hop(hop)))
                .collect::<Option<_>>()?,
            senders: id(&name(SENDERS_DOMAIN))?,
            exchangers: exchangers.collect::<Option<_>>()?,
        })
    }

    /// Ids that are all different, which is all that they must be where nobody judges.
    pub(super) fn all_different(configuration: &Configuration) -> Self {
        let mut ids = (0..=u8::MAX).map(DomainId);
        let mut take = |count: usize| ids.by_ref().take(count).collect::<Vec<_>>();
        let recipients = take(configuration.levels.len());
        Self {
            hops: recipients.clone(),
            recipients,
            exchangers: take(configuration.exchangers.len()),
            senders: take(1)[0],
        }
    }
}

impl Configuration {
    /// One message to one domain with one exchanger, and nothing happens.
    pub fn calm(level: Level) -> Self {
        Self {
            messages: vec![HopId(0)],
            exchangers: vec![Exchanger::of_first(10)],
            levels: vec![level],
            null_mx: false,
            routes_second: false,
            own_preference: None,
            role: Role::Originator,
            alarms: true,
            reuse: false,
            tls_failure_memory: None,
            sessions_per_host: 20,
            schedule: RetrySchedule::HalfHourly,
            lifetime: Duration::from_secs(75 * 60),
            budget: Budget::default(),
            attacks: Vec::new(),
            drifts: Vec::new(),
            is_lazy: true,
            is_symmetric: true,
            mutant: None,
        }
    }

    /// The world at its start, as a scenario. What may drift stands in it as steps that come after all mail is gone, so that
    /// whoever reads the scenario knows what to expect.
    pub fn scenario(&self) -> Scenario {
        let mut scenario = Scenario {
            title: "A configuration of the formal model".to_owned(),
            mutant: self.mutant,
            ..Scenario::default()
        };
        scenario.domain.push(Domain {
            name: name(SENDERS_DOMAIN),
            mx: vec![record(name(SENDER), 10)],
            null_mx: false,
            time_to_live: TIME_TO_LIVE,
        });
        for hop in 0..self.levels.len() {
            let listed = self.exchangers.iter().enumerate();
            let listed = listed.filter_map(|(place, host)| Some(record(exchanger_name(place), host.preference[hop]?)));
            let own = self.own_preference.filter(|_| hop == 0);
            let own = own.map(|preference| record(name(SENDER), preference));
            let is_null = self.null_mx && hop == 0;
            scenario.domain.push(Domain {
                name: hop_name(hop),
                mx: if is_null {
                    Vec::new()
                } else {
                    listed.chain(own).collect()
                },
                null_mx: is_null,
                time_to_live: TIME_TO_LIVE,
            });
        }
        scenario.host.push(self.sender());
        let exchangers = self.exchangers.iter().enumerate();
        scenario
            .host
            .extend(exchangers.map(|(place, exchanger)| self.exchanger(place, exchanger)));
        let messages = self.messages.iter().enumerate();
        scenario.message.extend(messages.map(|(place, hop)| Message {
            name: format!("m{}", place + 1).parse().expect("a token"),
            at: Duration::ZERO,
            host: name(SENDER),
            from: format!("alice@{SENDERS_DOMAIN}").parse().expect("a mailbox"),
            to: format!("bob@{}", hop_name((*hop).into())).parse().expect("a mailbox"),
            notify: None,
            envelope_id: None,
            returns: None,
        }));
        let drifts = self.drifts.iter().flat_map(|change| self.steps_of(*change));
        scenario.step.extend(drifts.map(|(host, drift)| Step {
            when: When::At(AFTER_ALL),
            host,
            action: Action::Drift(drift),
        }));
        scenario
    }

    /// The name of a next hop.
    pub(super) fn next_hop(&self, hop: usize) -> DomainName {
        match self.routes_second && hop == 1 {
            true => exchanger_name(0),
            false => hop_name(hop),
        }
    }

    /// What a change may be in the words of a scenario.
    fn steps_of(&self, change: Change) -> Vec<(DomainName, Drift)> {
        [true, false].map(|restores| self.drift(change, restores)).into()
    }

    /// What a change is in the words of a scenario, and whose.
    pub(super) fn drift(&self, change: Change, restores: bool) -> (DomainName, Drift) {
        let peer = |peer: PeerId| exchanger_name(usize::from(peer.0) - 1);
        match change {
            Change::Tls(host) => (peer(host), Drift::Tls(if restores { Switch::On } else { Switch::Off })),
            Change::Certificate(host) => {
                let kind = if restores {
                    Certificate::Valid
                } else {
                    Certificate::WrongName
                };
                (peer(host), Drift::Certificate(kind))
            }
            Change::Configured(host, hop) if restores => (peer(host), Drift::Configure(hop_name(hop.into()))),
            Change::Configured(host, hop) => (peer(host), Drift::Unconfigure(hop_name(hop.into()))),
            Change::Listed(host, hop) if restores => {
                let preference = self.exchangers[usize::from(host.0) - 1].preference[usize::from(hop.0)];
                let domain = hop_name(hop.into());
                let preference = preference.unwrap_or_default();
                (peer(host), Drift::AddMx { domain, preference })
            }
            Change::Listed(host, hop) => (peer(host), Drift::DropMx(hop_name(hop.into()))),
            Change::Lookups(hop) if restores => (name(SENDER), Drift::RestoreLookups(hop_name(hop.into()))),
            Change::Lookups(hop) => (name(SENDER), Drift::FailLookups(hop_name(hop.into()))),
            Change::ServerLookups(host, hop) if restores => (peer(host), Drift::RestoreLookups(hop_name(hop.into()))),
            Change::ServerLookups(host, hop) => (peer(host), Drift::FailLookups(hop_name(hop.into()))),
            Change::Policy(hop, level) => {
                let next_hop = self.next_hop(hop.into());
                (name(SENDER), Drift::Policy { next_hop, level })
            }
        }
    }

    fn sender(&self) -> Host {
        Host {
            exchanger_for: vec![name(SENDERS_DOMAIN)],
            policy: self
                .levels
                .iter()
                .enumerate()
                .map(|(hop, level)| (self.next_hop(hop), *level))
                .collect(),
            route: self
                .routes_second
                .then(|| (hop_name(1), exchanger_name(0)))
                .into_iter()
                .collect(),
            retry: self.schedule,
            lifetime: Some(self.lifetime),
            warning: Some(Duration::ZERO),
            reuse: self.reuse,
            tls_failure_memory: self.tls_failure_memory,
            sessions_per_host: self.sessions_per_host,
            alarms: self.alarms,
            ..Host::new(name(SENDER))
        }
    }

    fn exchanger(&self, place: usize, exchanger: &Exchanger) -> Host {
        let serves = (0..self.levels.len()).filter(|hop| exchanger.preference[*hop].is_some());
        Host {
            exchanger_for: serves.map(hop_name).collect(),
            demands_tls: exchanger.demands_tls,
            other_address: exchanger.has_dead_address.then_some(OtherAddress::Unreachable),
            other_address_first: exchanger.has_dead_address,
            certificate: exchanger.certificate,
            ..Host::new(exchanger_name(place))
        }
    }
}

impl Exchanger {
    /// An exchanger of the first domain.
    pub fn of_first(preference: u16) -> Self {
        Self {
            preference: [Some(preference), None],
            ..Self::default()
        }
    }
}

impl From<HopId> for usize {
    fn from(hop: HopId) -> Self {
        hop.0.into()
    }
}

/// The attacks on one path that differ for a client.
pub const ATTACKS: &[Attack] = &[
    Attack::StripStarttls,
    Attack::AnswerStarttls(454),
    Attack::AnswerStarttls(554),
    Attack::GarbageAfterGoAhead,
    Attack::InterceptTls(Certificate::UnknownAuthority),
    Attack::CloseAt(Phase::Mail),
    Attack::CloseInsteadOfReply(Phase::EndOfData),
    Attack::Refuse,
    Attack::BlackHole,
];

const TIME_TO_LIVE: Duration = Duration::from_secs(300);

/// After the longest lifetime.
const AFTER_ALL: Duration = Duration::from_secs(30 * 24 * 3600);

pub(super) fn hop_name(hop: usize) -> DomainName {
    name(HOPS[hop])
}

pub(super) fn exchanger_name(place: usize) -> DomainName {
    name(&format!("mx{}.b.example", place + 1))
}

pub(super) fn name(text: &str) -> DomainName {
    text.parse().expect("a domain name")
}

fn record(host: DomainName, preference: u16) -> MxRecord {
    MxRecord { host, preference }
}
