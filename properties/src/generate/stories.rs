//! Short sequences of steps that make trouble where trouble is known to live.

mod clock;
mod crash;
mod succession;

use std::time::Duration;

use postern_model::name::DomainName;
use postern_model::scenario::{Attack, Certificate, Drift, FalseEnd, Level, Lie, Phase, Switch, Trouble, Visit};

use super::swarm::with_particulars;
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
            Self::Trouble => trouble(walk),
            Self::History => history(walk),
            Self::VanishesWhileQueued => vanishes_while_queued(walk),
            Self::Chart => chart(walk),
            Self::Listing => listing(walk),
            Self::Drift => drift(walk),
            Self::Certificates => certificates(walk),
            Self::LostReply => lost_reply(walk),
            Self::Injection => injection(walk),
            Self::Cut => cut(walk),
            Self::Backup => backup(walk),
            Self::Reuse => succession::reuse(walk),
            Self::BrokenTls => succession::broken_tls(walk),
            Self::Isolation => succession::isolation(walk),
            Self::Crash => crash::crash(walk),
            Self::Clock => clock::leap(walk),
            Self::Forgery => forgery(walk),
            Self::ServerTrouble => {
                let trouble = walk.draw.weighted(&walk.swarm.troubles);
                server_trouble(walk, trouble);
            }
            Self::Unhappy => server_trouble(walk, Trouble::UnhappyWithTls),
            Self::Strangers => strangers(walk),
            Self::Siege => siege(walk),
        }
    }
}

fn trouble(walk: &mut Walk) {
    let target = walk.target();
    let attack = walk.draw.weighted(&walk.swarm.attacks);
    let attack = with_particulars(attack, &mut walk.draw);
    let lasting = walk.draw.minutes(WHILE_MINUTES);
    for victim in some_exchangers(walk, &target) {
        walk.attack(&victim, attack, Some(lasting));
    }
    walk.submit(&target);
    if walk.draw.percent(30) {
        walk.wait(&[1, 10, 40]);
        walk.submit(&target);
    }
}

fn history(walk: &mut Walk) {
    let sender = walk.sender.clone();
    let speaks_tls = walk.targets_where(|truth, target| {
        let exchangers = truth.exchangers(&sender, target);
        !exchangers.is_empty() && exchangers.iter().all(|host| truth.host(host).tls.is_on())
    });
    let target = match speaks_tls.as_slice() {
        [] => walk.target(),
        targets => walk.draw.pick(targets).clone(),
    };
    let level = walk.truth.level(&walk.sender, &target);
    if level == Level::None {
        let level = walk.draw.weighted(&[(2, Level::May), (1, Level::Encrypt)]);
        set_policy(walk, &target, level);
    }
    walk.submit(&target);
    walk.wait(&[2, 5, 20, 60]);
    let returns = vanish(walk, &target);
    walk.wait(&[1, 5, 30, 200]);
    walk.submit(&target);
    if walk.draw.percent(25) {
        walk.wait(&[1, 30, 300]);
        walk.submit(&target);
    }
    returns.bring_back(walk);
}

fn vanishes_while_queued(walk: &mut Walk) {
    let target = walk.target();
    let blocked = *walk
        .draw
        .pick(&[Attack::Refuse, Attack::BlackHole, Attack::CloseAt(Phase::Mail)]);
    let lasting = walk.draw.minutes(&[20, 45, 180]);
    for victim in walk.exchangers(&target) {
        walk.attack(&victim, blocked, Some(lasting));
    }
    walk.submit(&target);
    walk.wait(&[2, 10]);
    let returns = switch_off(walk, &target);
    if walk.draw.percent(40) {
        walk.wait(&[1, 60]);
        walk.submit(&target);
    }
    returns.bring_back(walk);
}

fn chart(walk: &mut Walk) {
    let Some((target, server)) = demanding(walk) else {
        return drift(walk);
    };
    move_cell(walk, &server, &target);
    let level = walk.truth.level(&walk.sender, &target);
    let never_tls = walk.draw.percent(50);
    if never_tls {
        set_policy(walk, &target, Level::None);
    } else {
        let lasting = walk.draw.minutes(&[5, 45, 180]);
        walk.attack(&server, Attack::StripStarttls, Some(lasting));
    }
    if walk.draw.percent(25) {
        walk.wait(&[1, 10, 70]);
    }
    walk.submit(&target);
    let lookups_fail = walk.truth.lookups_fail(&server, &target);
    let relents = never_tls && walk.draw.percent(80);
    if lookups_fail || relents {
        walk.wait(&[5, 40, 300]);
    }
    if relents {
        set_policy(walk, &target, level);
    }
    if lookups_fail {
        walk.drift(&server, Drift::RestoreLookups(target));
    }
}

/// A domain whose first exchanger demands TLS, and that exchanger.
fn demanding(walk: &mut Walk) -> Option<(DomainName, DomainName)> {
    let sender = walk.sender.clone();
    let demanding = walk.targets_where(|truth, target| {
        let exchangers = truth.exchangers(&sender, target);
        exchangers.first().is_some_and(|host| truth.host(host).demands_tls)
    });
    if demanding.is_empty() {
        return None;
    }
    let target = walk.draw.pick(&demanding).clone();
    let server = walk.exchangers(&target)[0].clone();
    Some((target, server))
}

/// A server is asked in clear before its listing changes, and again when what it had cached has expired (SEED-15).
fn listing(walk: &mut Walk) {
    let Some((target, server)) = demanding(walk) else {
        return drift(walk);
    };
    let (server, target) = (&server, &target);
    let level = walk.truth.level(&walk.sender, target);
    set_policy(walk, target, Level::None);
    walk.submit(target);
    walk.wait(&[1, 5]);
    let (listed, domain) = (walk.truth.listed(target), target.clone());
    let drift = match listed.contains(server) {
        true => Drift::DropMx(domain),
        false => Drift::AddMx { domain, preference: 5 },
    };
    walk.drift(server, drift);
    walk.wait(&[70, 100]);
    walk.submit(target);
    walk.wait(&[5, 40]);
    set_policy(walk, target, level);
}

/// Moves a server and a domain to another cell of the chart: listed × configured, or a lookup that fails.
fn move_cell(walk: &mut Walk, server: &DomainName, domain: &DomainName) {
    let drift = match walk.draw.between(0, 9) {
        0 | 1 => Drift::Unconfigure(domain.clone()),
        2 => Drift::Configure(domain.clone()),
        3 => Drift::AddMx {
            domain: domain.clone(),
            preference: 5,
        },
        4 => Drift::DropMx(domain.clone()),
        5 | 6 => Drift::FailLookups(domain.clone()),
        _ => return,
    };
    walk.drift(server, drift);
}

fn drift(walk: &mut Walk) {
    let target = walk.target();
    if walk.draw.percent(50) {
        walk.submit(&target);
        if walk.draw.percent(60) {
            walk.wait(&[1, 20, 100]);
        }
    }
    for _ in 0..walk.draw.between(1, 3) {
        let (host, drift) = any_drift(walk, &target);
        walk.drift_midway(&host, drift);
    }
    walk.wait(&[1, 10, 100]);
    walk.submit(&target);
}

fn any_drift(walk: &mut Walk, target: &DomainName) -> (DomainName, Drift) {
    let hosts = walk.hosts();
    let anyone = walk.draw.pick(&hosts[1..]).clone();
    let exchangers = walk.exchangers(target);
    let exchanger = if exchangers.is_empty() {
        anyone.clone()
    } else {
        walk.draw.pick(&exchangers).clone()
    };
    match walk.draw.between(0, 9) {
        0 | 1 => (exchanger, Drift::Tls(Switch::Off)),
        2 => (exchanger, Drift::Tls(Switch::On)),
        3 => (
            exchanger,
            Drift::Certificate(walk.draw.weighted(&walk.swarm.certificates)),
        ),
        4 => {
            let preference = u16::try_from(walk.draw.between(1, 30)).unwrap_or(u16::MAX);
            let domain = target.clone();
            (anyone, Drift::AddMx { domain, preference })
        }
        5 => match walk.truth.listed(target).as_slice() {
            [] => (exchanger, Drift::Tls(Switch::Off)),
            listed => (walk.draw.pick(listed).clone(), Drift::DropMx(target.clone())),
        },
        6 => (anyone, Drift::Configure(target.clone())),
        7 => (exchanger, Drift::Unconfigure(target.clone())),
        8 => {
            let next_hop = walk.truth.next_hop(&walk.sender, target).clone();
            let level = walk.draw.weighted(&walk.swarm.levels);
            (walk.sender.clone(), Drift::Policy { next_hop, level })
        }
        _ => {
            let host = if walk.draw.percent(50) {
                walk.sender.clone()
            } else {
                exchanger
            };
            match walk.truth.lookups_fail(&host, target) {
                true => (host, Drift::RestoreLookups(target.clone())),
                false => (host, Drift::FailLookups(target.clone())),
            }
        }
    }
}

fn certificates(walk: &mut Walk) {
    let target = walk.target();
    if walk.truth.level(&walk.sender, &target) != Level::Secure {
        set_policy(walk, &target, Level::Secure);
    }
    let bad = *walk.draw.pick(&[
        Certificate::Expired,
        Certificate::WrongName,
        Certificate::SelfSigned,
        Certificate::UnknownAuthority,
        Certificate::HostNameOnly,
        Certificate::HostNameOnly,
        Certificate::HostNameOnly,
        Certificate::OtherNamesRefused,
        Certificate::NotYetValid,
        Certificate::MissingIntermediate,
        Certificate::CommonNameOnly,
        Certificate::PartialWildcard,
        Certificate::WideWildcard,
        Certificate::NameConstraint,
        Certificate::PathLength,
    ]);
    let lasting = walk.draw.minutes(WHILE_MINUTES);
    let intercepted = bad.can_be_an_attackers() && walk.draw.percent(50);
    let exchangers = walk.exchangers(&target);
    for host in &exchangers {
        if intercepted {
            walk.attack(host, Attack::InterceptTls(bad), Some(lasting));
        } else {
            walk.drift(host, Drift::Certificate(bad));
        }
    }
    walk.submit(&target);
    if !intercepted && walk.draw.percent(85) {
        walk.wait(WHILE_MINUTES);
        for host in &exchangers {
            walk.drift(host, Drift::Certificate(Certificate::Valid));
        }
    }
}

fn lost_reply(walk: &mut Walk) {
    let target = walk.target();
    let attack = match walk.draw.percent(75) {
        true => Attack::CloseInsteadOfReply(Phase::EndOfData),
        false => Attack::CloseAt(Phase::EndOfData),
    };
    let lasting = walk.draw.minutes(&[5, 20]);
    for victim in walk.exchangers(&target) {
        walk.attack(&victim, attack, Some(lasting));
    }
    walk.submit(&target);
}

fn injection(walk: &mut Walk) {
    let sender = walk.sender.clone();
    let secured = walk.targets_where(|truth, target| {
        let exchangers = truth.exchangers(&sender, target);
        let speaks_tls = exchangers.first().is_some_and(|host| truth.host(host).tls.is_on());
        speaks_tls && truth.level(&sender, target) > Level::None
    });
    if secured.is_empty() {
        return trouble(walk);
    }
    let target = walk.draw.pick(&secured).clone();
    let attack = walk.draw.weighted(&[
        (3, Attack::InjectCommands(0)),
        (3, Attack::InjectReplies(0)),
        (3, Attack::InjectTransaction),
        (2, Attack::StripExtensions),
        (2, Attack::AddExtensions),
        (1, Attack::InjectTowardServer(0)),
        (2, Attack::InjectTowardClient(0)),
    ]);
    let drawn = with_particulars(attack, &mut walk.draw);
    let attack = if walk.draw.percent(50) { attack } else { drawn };
    let lasting = walk.draw.minutes(&[5, 20, 90]);
    let victim = walk.exchangers(&target)[0].clone();
    if attack == Attack::AddExtensions {
        // What the server lists itself cannot be added.
        walk.drift(&victim, Drift::Trouble(Trouble::ListsLittle));
    }
    walk.attack(&victim, attack, Some(lasting));
    walk.submit(&target);
}

fn cut(walk: &mut Walk) {
    let target = walk.target();
    let Some(victim) = walk.exchangers(&target).first().cloned() else {
        return trouble(walk);
    };
    let phase = *walk.draw.pick(&[
        Phase::Starttls,
        Phase::Mail,
        Phase::Data,
        Phase::EndOfData,
        Phase::EndOfData,
        Phase::EndOfData,
    ]);
    // About as many octets as a command, a reply or a short content is long in its record.
    let octets = walk.draw.between(0, 160);
    let attack = match walk.draw.percent(50) {
        true => Attack::CutClient(octets),
        false => Attack::CutServer(octets),
    };
    let lasting = walk.draw.minutes(&[5, 20]);
    walk.attack_midway(&victim, attack, phase, lasting);
    walk.submit(&target);
}

fn backup(walk: &mut Walk) {
    let sender = walk.sender.clone();
    let with_backup = walk.targets_where(|truth, target| truth.exchangers(&sender, target).len() > 1);
    if with_backup.is_empty() {
        return trouble(walk);
    }
    let target = walk.draw.pick(&with_backup).clone();
    let attack = *walk
        .draw
        .pick(&[Attack::Refuse, Attack::BlackHole, Attack::CloseAt(Phase::Ehlo)]);
    let for_long = walk.draw.percent(60);
    let lasting = match for_long {
        true => walk.draw.percent(60).then(|| Duration::from_secs(24 * 3600)),
        false => Some(walk.draw.minutes(&[5, 20])),
    };
    let mut preferred = walk.exchangers(&target);
    let count = if walk.draw.percent(60) { 1 } else { preferred.len() - 1 };
    preferred.truncate(count);
    for host in &preferred {
        walk.attack(host, attack, lasting);
    }
    walk.submit(&target);
    if !for_long {
        walk.wait(&[30, 90]);
        walk.submit(&target);
    }
}

fn forgery(walk: &mut Walk) {
    let sender = walk.sender.clone();
    // What a fixed route says, no lie about DNS changes.
    let asked_for = walk.targets_where(|truth, target| truth.next_hop(&sender, target) == target);
    if asked_for.is_empty() {
        return trouble(walk);
    }
    let target = walk.draw.pick(&asked_for).clone();
    let lie = match (walk.draw.between(0, 9), walk.impostor()) {
        (0..=4, Some(impostor)) => Lie::Mx(impostor),
        (0 | 1, None) => Lie::Silence,
        (2..=4, None) | (5, _) => Lie::Failure,
        (6, _) => Lie::NoData,
        (7, _) => Lie::NullMx,
        (8, _) => Lie::NoName,
        _ => Lie::Silence,
    };
    // Long enough that what was cached has expired.
    walk.wait(&[70, 90, 130]);
    let lasting = walk.draw.minutes(WHILE_MINUTES);
    walk.forge(&sender, &target, lie, lasting);
    walk.submit(&target);
}

fn server_trouble(walk: &mut Walk, trouble: Trouble) {
    let target = walk.target();
    let servers = some_exchangers(walk, &target);
    for server in &servers {
        walk.drift(server, Drift::Trouble(trouble));
    }
    walk.submit(&target);
    if walk.draw.percent(50) {
        walk.wait(&[1, 10, 40]);
        walk.submit(&target);
    }
    if walk.draw.percent(75) {
        walk.wait(WHILE_MINUTES);
        for server in &servers {
            walk.drift(server, Drift::Trouble(Trouble::None));
        }
    }
}

/// Two or three strangers come, each to a server of its own choice.
fn strangers(walk: &mut Walk) {
    let hosts = walk.hosts();
    for _ in 0..walk.draw.between(2, 3) {
        let host = walk.draw.pick(&hosts[1..]).clone();
        let false_end = *walk.draw.pick(FalseEnd::ALL);
        let visit = walk.draw.weighted(&[
            (3, Visit::EveryCommand),
            (2, Visit::StarttlsWithParameter),
            (2, Visit::StarttlsInsideTls),
            (3, Visit::EnvelopeBeforeTls),
            (2, Visit::HiddenCommand),
            (4, Visit::FalseEnd(false_end)),
            (2, Visit::ContentBehindRefusedData),
            (2, Visit::FallsSilent),
        ]);
        walk.visit(&host, visit);
    }
    let target = walk.target();
    walk.submit(&target);
}

fn siege(walk: &mut Walk) {
    let sender = walk.sender.clone();
    let open = walk.targets_where(|truth, target| !truth.exchangers(&sender, target).is_empty());
    let target = match open.as_slice() {
        [] => walk.target(),
        targets => walk.draw.pick(targets).clone(),
    };
    let level = walk.truth.level(&walk.sender, &target);
    if level == Level::May && walk.draw.percent(40) {
        return broken_for_good(walk, &target);
    }
    let requires_tls = level >= Level::Encrypt;
    let attack = match walk.draw.between(0, 9) {
        0..=3 => Attack::StripStarttls,
        4 => Attack::OverwriteStarttls,
        5 => Attack::AnswerStarttls(554),
        6 | 7 => Attack::Refuse,
        8 => Attack::BlackHole,
        _ => Attack::GarbageAfterGoAhead,
    };
    if !requires_tls && !matches!(attack, Attack::Refuse | Attack::BlackHole) {
        set_policy(walk, &target, Level::Encrypt);
    }
    for victim in walk.exchangers(&target) {
        walk.attack(&victim, attack, None);
    }
    walk.submit(&target);
}

/// Every handshake breaks to the end, where nothing requires TLS (SEED-06).
fn broken_for_good(walk: &mut Walk, target: &DomainName) {
    let attack = *walk.draw.pick(&[
        Attack::GarbageAfterGoAhead,
        Attack::GarbageAfterGoAhead,
        Attack::SwallowHandshake,
        Attack::CloseInsteadOfReply(Phase::Starttls),
    ]);
    for victim in walk.exchangers(target) {
        walk.attack(&victim, attack, None);
    }
    walk.submit(target);
}

/// What must be put back so that TLS returns.
struct Vanished {
    switched_off: Vec<DomainName>,
}

impl Vanished {
    /// Mostly brings TLS back after a while; otherwise that is left to the end of the walk.
    fn bring_back(self, walk: &mut Walk) {
        if self.switched_off.is_empty() || walk.draw.percent(35) {
            return;
        }
        walk.wait(WHILE_MINUTES);
        for host in self.switched_off {
            walk.drift(&host, Drift::Tls(Switch::On));
        }
    }
}

/// Lets the TLS of a domain's exchangers vanish: the servers switch it off, or somebody strips it.
fn vanish(walk: &mut Walk, target: &DomainName) -> Vanished {
    if walk.draw.percent(50) {
        return switch_off(walk, target);
    }
    let attack = *walk
        .draw
        .pick(&[Attack::StripStarttls, Attack::StripStarttls, Attack::OverwriteStarttls]);
    let lasting = walk.draw.minutes(&[45, 180, 720, 1440]);
    for victim in walk.exchangers(target) {
        walk.attack(&victim, attack, Some(lasting));
    }
    Vanished {
        switched_off: Vec::new(),
    }
}

fn switch_off(walk: &mut Walk, target: &DomainName) -> Vanished {
    let mut switched_off = walk.exchangers(target);
    switched_off.retain(|host| walk.truth.host(host).tls.is_on());
    for host in &switched_off {
        walk.drift(host, Drift::Tls(Switch::Off));
    }
    Vanished { switched_off }
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
