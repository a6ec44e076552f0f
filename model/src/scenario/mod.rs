//! A scenario: one plain value that says all that a run depends on but the seed of its randomness.
//!
//! It is read from and printed as TOML, and refused with file and line where it cannot be.

mod attack;
mod clock;
mod dns;
mod edit;
mod handshake;
mod kinds;
mod print;
mod read;
mod reference;
mod retry;
mod validate;

use std::collections::BTreeMap;
use std::time::Duration;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

pub use attack::{Alert, Attack, AttackKind, OddReply};
pub use clock::Clock;
pub use dns::{Forgery, Lie};
pub use edit::{Alteration, Edit, Insertion, Toward};
pub use handshake::{AfterFailure, Handshake, Hello, TlsVersions};
pub use kinds::{
    Certificate, DemandStage, Drift, FalseEnd, Fate, Level, LineEnds, MailboxState, OtherAddress, Phase, Reading,
    Security, Switch, Trouble, UnlistedAnswer, Visit,
};
pub use read::{OCTETS_MAX, ScenarioError};
pub use reference::reference;
pub use retry::RetrySchedule;
pub use validate::{Place, Problem, Segment};

use crate::mutant::Mutant;
use crate::name::{DomainName, EnvelopeId, Mailbox, ReversePath, Token};
use crate::report::{Notify, Returns};

/// A world and what happens in it.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct Scenario {
    /// One sentence that says what the scenario shows.
    pub title: String,
    /// Seed of every stream of randomness in the run.
    #[serde(default)]
    pub seed: u64,
    /// The one bug that every MTA of the world has, if any.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub mutant: Option<Mutant>,
    /// Whose word counts for the judges where the thread of 2001 and RFC 3207 differ. The world itself is the same.
    #[serde(default)]
    pub reading: Reading,
    /// Mail domains and who is listed in DNS as their exchanger.
    #[serde(default)]
    pub domain: Vec<Domain>,
    /// The MTAs: sender, relay and mail exchanger are roles of the same host.
    #[serde(default)]
    pub host: Vec<Host>,
    /// The mail that is handed to the MTAs.
    #[serde(default)]
    pub message: Vec<Message>,
    /// Drift and attacks, each at a time or at a protocol position.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub step: Vec<Step>,
    /// What must come of it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub expect: Option<Expectation>,
}

/// A mail domain as it stands in DNS at the start.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct Domain {
    /// The name at the right of the `@`.
    pub name: DomainName,
    /// The MX records. None at all means the implicit MX: the domain's own address (RFC 5321 §5.1).
    #[serde(default)]
    pub mx: Vec<MxRecord>,
    /// Whether the domain publishes `MX 0 .`: it takes no mail (RFC 7505). Beside other records this is an error of the zone.
    #[serde(default)]
    pub null_mx: bool,
    /// How long answers about this domain and its exchangers may be cached.
    #[serde(default = "default_time_to_live", with = "humantime_serde")]
    #[schemars(with = "reference::Time")]
    pub time_to_live: Duration,
}

/// One MX record.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct MxRecord {
    /// The mail exchanger, a host of this scenario.
    pub host: DomainName,
    /// Lower is tried first; equals are tried in random order (RFC 5321 §5.1).
    #[serde(default = "default_preference")]
    pub preference: u16,
}

/// An MTA: an SMTP server, a queue and an SMTP client.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct Host {
    /// The host's name, which stands in its greeting and in MX records.
    pub name: DomainName,
    /// The domains that this host is configured to act as mail exchanger for, whatever DNS says.
    #[serde(default)]
    pub exchanger_for: Vec<DomainName>,
    /// Whether the server offers STARTTLS.
    #[serde(default)]
    pub tls: Switch,
    /// The certificate that the server presents.
    #[serde(default)]
    pub certificate: Certificate,
    /// The server wishes to refuse mail without TLS, as far as the thread's chart lets it (SEED-03).
    #[serde(default)]
    pub demands_tls: bool,
    /// At which commands it then says 530. Needs `demands-tls`.
    #[serde(default)]
    pub demand_stage: DemandStage,
    /// Which of the chart's two answers it gives, without TLS, for a domain that it is neither listed nor configured for.
    #[serde(default)]
    pub unlisted_answer: UnlistedAnswer,
    /// Whether the host answers every connection with 521: it never accepts mail (RFC 7504 §3).
    #[serde(default)]
    pub never_accepts_mail: bool,
    /// Whether the host is the attacker's own: it accepts mail for everybody and delivers none.
    #[serde(default)]
    pub impostor: bool,
    /// What trouble the server is in.
    #[serde(default)]
    pub trouble: Trouble,
    /// What is at a second address of the host, if it has one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub other_address: Option<OtherAddress>,
    /// Whether DNS lists the second address in front of the first. Needs `other-address`.
    #[serde(default)]
    pub other_address_first: bool,
    /// The hosts whose mail it relays to anywhere, by their address: its operator's own network.
    #[serde(default)]
    pub relay_for: Vec<DomainName>,
    /// The names of the clients whose mail it relays to anywhere, if they prove them by a certificate in the handshake of
    /// the very connection (SEED-07).
    #[serde(default)]
    pub relay_for_identity: Vec<DomainName>,
    /// The selected hosts that the server requires TLS of, by their address, whatever it does with others: from them it
    /// answers 530 to every command in clear but NOOP, EHLO, STARTTLS and QUIT (RFC 3207 §6).
    #[serde(default)]
    pub requires_tls_of: Vec<DomainName>,
    /// How the host shakes hands, as server and as client.
    #[serde(default)]
    pub handshake: Handshake,
    /// Local parts that are not simply accepted.
    #[serde(default)]
    pub mailboxes: BTreeMap<String, MailboxState>,
    /// How what is handed in at the host ends its lines. On the wire every line ends in CRLF (RFC 5321 §2.3.8).
    #[serde(default)]
    pub line_ends: LineEnds,
    /// The local policy for next hops that `policy` does not name.
    #[serde(default)]
    pub level: Level,
    /// The local policy for each next hop.
    #[serde(default)]
    pub policy: BTreeMap<DomainName, Level>,
    /// Recipient domains whose mail goes to a fixed host, the next hop, without asking DNS for MX.
    #[serde(default)]
    pub route: BTreeMap<DomainName, DomainName>,
    /// When a deferred message is tried again.
    #[serde(default)]
    pub retry: RetrySchedule,
    /// How long a message is tried before it is returned (RFC 5321 §4.5.4.1: at least 4 to 5 days); that of the schedule
    /// if not said.
    #[serde(default, with = "humantime_serde::option", skip_serializing_if = "Option::is_none")]
    #[schemars(with = "Option<reference::Time>")]
    pub lifetime: Option<Duration>,
    /// After how long in the queue the sender is warned once that a message is delayed (RFC 3464, Action: delayed); that
    /// of the schedule if not said. `0s` for never.
    #[serde(default, with = "humantime_serde::option", skip_serializing_if = "Option::is_none")]
    #[schemars(with = "Option<reference::Time>")]
    pub warning: Option<Duration>,
    /// Whether the client keeps a session open for a minute for more mail to the same host.
    #[serde(default)]
    pub reuse: bool,
    /// How long the client remembers that TLS broke at a host, to send to it in clear at once where TLS is not required;
    /// not at all if not said.
    #[serde(default, with = "humantime_serde::option", skip_serializing_if = "Option::is_none")]
    #[schemars(with = "Option<reference::Time>")]
    pub tls_failure_memory: Option<Duration>,
    /// How many sessions the client has with one host at the same time.
    #[serde(default = "default_sessions_per_host")]
    pub sessions_per_host: u8,
    /// Whether the client remembers that a host used TLS and raises an alarm when it no longer does (RFC 3207 §6, MAY).
    #[serde(default = "yes")]
    pub alarms: bool,
}

/// A message that is handed to an MTA. It has one recipient.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct Message {
    /// The token by which it is followed on the wire.
    pub name: Token,
    /// When it enters the queue.
    #[serde(default, with = "humantime_serde")]
    #[schemars(with = "reference::Time")]
    pub at: Duration,
    /// The MTA that it is handed to.
    pub host: DomainName,
    /// The reverse path, `<>` for none.
    pub from: ReversePath,
    /// The recipient.
    pub to: Mailbox,
    /// When its sender wishes to be notified; of failures and delays if not said (RFC 3461 §4.1).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub notify: Option<Notify>,
    /// What notifications about it are to call it (RFC 3461 §4.4).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub envelope_id: Option<EnvelopeId>,
    /// How much of it a notification of its failure is to return (RFC 3461 §4.3).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub returns: Option<Returns>,
}

/// One thing that changes or that the attacker does.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(try_from = "StepText", into = "StepText")]
#[schemars(with = "StepText")]
pub struct Step {
    /// When it happens.
    pub when: When,
    /// The host that changes, that is visited, or that the attacked path leads to.
    pub host: DomainName,
    /// What happens.
    pub action: Action,
}

/// When a step fires.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum When {
    /// At this time from the start of the run.
    At(Duration),
    /// The first time that the protocol stands at this position.
    On(Position),
}

/// A place in the course of delivery. Positions survive shrinking; times do not.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct Position {
    /// The message that is being sent.
    pub message: Token,
    /// The number of the attempt at that message, from 1.
    #[serde(default = "first_attempt")]
    pub attempt: u32,
    /// The host that the client talks to or is about to dial.
    pub host: DomainName,
    /// What the client is about to do.
    pub phase: Phase,
}

/// What a step does.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum Action {
    /// The host or its DNS changes, for good.
    Drift(Drift),
    /// The attacker sits on every path to the host.
    Attack {
        /// What it does there.
        attack: Attack,
        /// For how long; to the end of the run if not said.
        lasting: Option<Duration>,
    },
    /// The attacker answers DNS questions of the host.
    Forge {
        /// What the host's resolver is made to believe.
        forgery: Forgery,
        /// For how long; to the end of the run if not said.
        lasting: Option<Duration>,
    },
    /// A stranger dials the host.
    Visit(Visit),
}

/// What a named scenario states about its outcome.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct Expectation {
    /// What the scenario shows: ids of rules that must have been put to the test (SEED-12), and of attacks (C-DG-1).
    #[serde(default)]
    pub shows: Vec<String>,
    /// What became of each message.
    #[serde(default)]
    pub fates: Vec<ExpectedFate>,
    /// The alarms raised, in order.
    #[serde(default)]
    pub alarms: Vec<ExpectedAlarm>,
    /// Ids of properties that must have been exercised and held.
    #[serde(default)]
    pub holds: Vec<String>,
    /// Ids of properties that must have been violated; all others must not.
    #[serde(default)]
    pub violated: Vec<String>,
}

/// The end that a message must have come to.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct ExpectedFate {
    /// The message.
    pub message: Token,
    /// Delivered, bounced or still queued.
    pub fate: Fate,
    /// What the wire proved of its last hop, for a delivered message.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub security: Option<Security>,
    /// How many times the message was tried.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub attempts: Option<u32>,
}

/// An alarm that must have been raised.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct ExpectedAlarm {
    /// The sending MTA that raised it.
    pub host: DomainName,
    /// The peer whose TLS vanished.
    pub peer: DomainName,
}

impl Host {
    /// An MTA with every setting at its default.
    pub fn new(name: DomainName) -> Self {
        Self {
            name,
            exchanger_for: Vec::new(),
            tls: Switch::default(),
            certificate: Certificate::default(),
            demands_tls: false,
            demand_stage: DemandStage::default(),
            unlisted_answer: UnlistedAnswer::default(),
            never_accepts_mail: false,
            impostor: false,
            trouble: Trouble::default(),
            other_address: None,
            other_address_first: false,
            relay_for: Vec::new(),
            relay_for_identity: Vec::new(),
            requires_tls_of: Vec::new(),
            handshake: Handshake::default(),
            mailboxes: BTreeMap::new(),
            line_ends: LineEnds::default(),
            level: Level::default(),
            policy: BTreeMap::new(),
            route: BTreeMap::new(),
            retry: RetrySchedule::default(),
            lifetime: None,
            warning: None,
            reuse: false,
            tls_failure_memory: None,
            sessions_per_host: default_sessions_per_host(),
            alarms: true,
        }
    }

    /// The local policy for a next hop at the start.
    pub fn level_for(&self, next_hop: &DomainName) -> Level {
        self.policy.get(next_hop).copied().unwrap_or(self.level)
    }

    /// How long a message is tried before it is returned.
    pub fn lifetime(&self) -> Duration {
        self.lifetime.unwrap_or_else(|| self.retry.lifetime())
    }

    /// After how long in the queue the sender is warned of a delay, if ever.
    pub fn warning(&self) -> Option<Duration> {
        let warning = self.warning.or_else(|| self.retry.warning());
        warning.filter(|warning| !warning.is_zero())
    }

    /// The longest that this host waits between two attempts.
    pub fn largest_gap(&self) -> Duration {
        self.retry.largest_gap(self.lifetime())
    }

    /// Where mail for a domain goes: to a fixed host, or to the domain's exchangers.
    pub fn next_hop<'a>(&'a self, domain: &'a DomainName) -> &'a DomainName {
        self.route.get(domain).unwrap_or(domain)
    }
}

impl Scenario {
    /// The host of this name.
    pub fn host(&self, name: &DomainName) -> Option<&Host> {
        self.host.iter().find(|host| host.name == *name)
    }

    /// The domain of this name.
    pub fn domain(&self, name: &DomainName) -> Option<&Domain> {
        self.domain.iter().find(|domain| domain.name == *name)
    }
}

/// A step as it stands in the file: `at` or `on`; `drift`, `attack`, `forge` or `visit`.
#[derive(Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
#[schemars(rename = "Step")]
struct StepText {
    /// When it happens, from the start of the run. Either this or `on`.
    #[serde(default, with = "humantime_serde::option", skip_serializing_if = "Option::is_none")]
    #[schemars(with = "Option<reference::Time>")]
    at: Option<Duration>,
    /// The protocol position at which it happens, the first time that it is reached. Either this or `at`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    on: Option<Position>,
    /// The host that changes, that is visited, or that the attacked path leads to.
    host: DomainName,
    /// A change of the host or of its DNS. This, `attack`, `forge` or `visit`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    drift: Option<Drift>,
    /// What the attacker does on every path to the host, to connections that are dialled from then on. This,
    /// `drift`, `forge` or `visit`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    attack: Option<Attack>,
    /// What the attacker makes the resolver of the host believe. Either this, `drift` or `attack`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    forge: Option<Forgery>,
    /// How long the attack or the forgery lasts; to the end of the run if not said.
    #[serde(default, with = "humantime_serde::option", skip_serializing_if = "Option::is_none")]
    #[schemars(with = "Option<reference::Time>")]
    lasting: Option<Duration>,
    /// A stranger dials the host, once. This, `drift` or `attack`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    visit: Option<Visit>,
}

impl TryFrom<StepText> for Step {
    type Error = &'static str;

    fn try_from(text: StepText) -> Result<Self, &'static str> {
        let when = match (text.at, text.on) {
            (Some(at), None) => When::At(at),
            (None, Some(position)) => When::On(position),
            _ => return Err("a step has either `at = \"1h\"` or `on = { message = …, host = …, phase = … }`"),
        };
        let action = match (text.drift, text.attack, text.forge, text.visit) {
            (None, Some(attack), None, None) => Action::Attack {
                attack,
                lasting: text.lasting,
            },
            (None, None, Some(forgery), None) => Action::Forge {
                forgery,
                lasting: text.lasting,
            },
            (Some(_), None, None, None) | (None, None, None, Some(_)) if text.lasting.is_some() => {
                return Err("`lasting` goes with `attack` and `forge`; end a drift by another step");
            }
            (Some(drift), None, None, None) => Action::Drift(drift),
            (None, None, None, Some(visit)) => Action::Visit(visit),
            _ => return Err("a step has one of `drift = …`, `attack = …`, `forge = …` and `visit = …`"),
        };
        Ok(Self {
            when,
            host: text.host,
            action,
        })
    }
}

impl From<Step> for StepText {
    fn from(step: Step) -> Self {
        let (at, on) = match step.when {
            When::At(at) => (Some(at), None),
            When::On(position) => (None, Some(position)),
        };
        let (drift, attack, forge, lasting, visit) = match step.action {
            Action::Drift(drift) => (Some(drift), None, None, None, None),
            Action::Attack { attack, lasting } => (None, Some(attack), None, lasting, None),
            Action::Forge { forgery, lasting } => (None, None, Some(forgery), lasting, None),
            Action::Visit(visit) => (None, None, None, None, Some(visit)),
        };
        Self {
            at,
            on,
            host: step.host,
            drift,
            attack,
            forge,
            lasting,
            visit,
        }
    }
}

fn default_time_to_live() -> Duration {
    Duration::from_secs(300)
}

fn default_preference() -> u16 {
    10
}

/// As many as Postfix has to one destination.
fn default_sessions_per_host() -> u8 {
    20
}

fn first_attempt() -> u32 {
    1
}

fn yes() -> bool {
    true
}
