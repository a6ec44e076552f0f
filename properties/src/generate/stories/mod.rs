//! Short sequences of steps that make trouble where trouble is known to live.

mod certificates;
mod chart;
mod clock;
mod crash;
mod drift;
mod path;
mod reach;
mod servers;
mod succession;
mod vanish;

use postern_model::name::DomainName;
use postern_model::scenario::{Drift, Level, Trouble};

use super::walk::Walk;

/// Numbers of minutes that something which ends by itself may last.
const WHILE_MINUTES: &[u32] = &[5, 20, 45, 90, 180, 360, 720, 1440];

/// A story. Every one submits at least one message, if there may be one more.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Story {
    /// A message is sent.
    Plain,
    /// Somebody sits on the path for a while.
    Trouble,
    /// TLS vanishes between two messages (SEED-11).
    History,
    /// TLS vanishes while mail is queued.
    VanishesWhileQueued,
    /// A server that demands TLS is asked in clear, in some cell of the thread's chart (SEED-03).
    Chart,
    /// A server that demands TLS is asked in clear before its listing changes, and again afterwards (SEED-15).
    Listing,
    /// A host, its DNS or a policy changes.
    Drift,
    /// A certificate goes bad, or an attacker presents one of its own, where one is checked.
    Certificates,
    /// The reply to the final dot does not arrive (RFC 1047).
    LostReply,
    /// Octets in clear are injected around the beginning of TLS.
    Injection,
    /// A connection is cut, in the middle of a command, a reply or a record.
    Cut,
    /// The preferred exchanger is out of reach.
    Backup,
    /// Two messages for one host follow each other within a minute.
    Reuse,
    /// TLS breaks at a host that is sent to again.
    BrokenTls,
    /// One next hop hangs while mail goes to another.
    Isolation,
    /// A host crashes and starts again.
    Crash,
    /// The wall clock of the sender leaps (C-DR-9).
    Clock,
    /// Somebody lies to the sender's resolver about where the mail goes (C-DNS-1 to 4).
    Forgery,
    /// A server comes into trouble of its own.
    ServerTrouble,
    /// A server is unhappy with whatever a handshake achieves (R3207-4.1-c).
    Unhappy,
    /// Strangers dial servers.
    Strangers,
    /// A next hop is out of reach until lifetimes run out.
    Siege,
}

impl Story {
    /// Every story that may be told in the middle of a walk.
    pub(super) const WEIGHTS: &[(u32, Self)] = &[
        (2, Self::Plain),
        (6, Self::Trouble),
        (3, Self::History),
        (3, Self::VanishesWhileQueued),
        (5, Self::Chart),
        (1, Self::Listing),
        (4, Self::Drift),
        (3, Self::Certificates),
        (2, Self::LostReply),
        (3, Self::Injection),
        (2, Self::Cut),
        (2, Self::Backup),
        (3, Self::Reuse),
        (1, Self::BrokenTls),
        (2, Self::Isolation),
        (3, Self::Crash),
        (2, Self::Clock),
        (2, Self::ServerTrouble),
        (4, Self::Strangers),
    ];

    /// What the title says of it.
    pub(super) fn name(self) -> &'static str {
        match self {
            Self::Plain => "plain mail",
            Self::Trouble => "an attack",
            Self::History => "TLS vanishes between messages",
            Self::VanishesWhileQueued => "TLS vanishes while mail is queued",
            Self::Chart => "TLS demanded",
            Self::Listing => "a listing changes",
            Self::Drift => "drift",
            Self::Certificates => "bad certificates",
            Self::LostReply => "a lost reply",
            Self::Injection => "an injection",
            Self::Cut => "a cut",
            Self::Backup => "the backup exchanger",
            Self::Reuse => "mail in close succession",
            Self::BrokenTls => "broken TLS",
            Self::Isolation => "a slow destination",
            Self::Crash => "a crash",
            Self::Clock => "a leap of the clock",
            Self::Forgery => "a lie about DNS",
            Self::ServerTrouble => "a server in trouble",
            Self::Unhappy => "a server unhappy with TLS",
            Self::Strangers => "strangers",
            Self::Siege => "a siege",
        }
    }

    pub(super) fn tell(self, walk: &mut Walk) {
        match self {
            Self::Plain => {
                let target = walk.target();
                walk.submit(&target);
            }
            Self::Trouble => path::trouble(walk),
            Self::History => vanish::history(walk),
            Self::VanishesWhileQueued => vanish::vanishes_while_queued(walk),
            Self::Chart => chart::chart(walk),
            Self::Listing => chart::listing(walk),
            Self::Drift => drift::drift(walk),
            Self::Certificates => certificates::certificates(walk),
            Self::LostReply => path::lost_reply(walk),
            Self::Injection => path::injection(walk),
            Self::Cut => path::cut(walk),
            Self::Backup => reach::backup(walk),
            Self::Reuse => succession::reuse(walk),
            Self::BrokenTls => succession::broken_tls(walk),
            Self::Isolation => succession::isolation(walk),
            Self::Crash => crash::crash(walk),
            Self::Clock => clock::leap(walk),
            Self::Forgery => path::forgery(walk),
            Self::ServerTrouble => {
                let trouble = walk.draw.weighted(&walk.swarm.troubles);
                servers::server_trouble(walk, trouble);
            }
            Self::Unhappy => servers::server_trouble(walk, Trouble::UnhappyWithTls),
            Self::Strangers => servers::strangers(walk),
            Self::Siege => reach::siege(walk),
        }
    }
}

fn set_policy(walk: &mut Walk, target: &DomainName, level: Level) {
    let next_hop = walk.truth.next_hop(&walk.sender, target).clone();
    let sender = walk.sender.clone();
    walk.drift(&sender, Drift::Policy { next_hop, level });
}

/// All exchangers of the domain, or only the first.
fn some_exchangers(walk: &mut Walk, target: &DomainName) -> Vec<DomainName> {
    let mut exchangers = walk.exchangers(target);
    if walk.draw.percent(30) {
        exchangers.truncate(1);
    }
    exchangers
}
