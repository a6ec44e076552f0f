//! Reads situations from a trace, one record after the other.

use std::collections::{BTreeMap, BTreeSet};
use std::net::IpAddr;
use std::time::Duration;

use postern_model::name::{DomainName, Mailbox, Token};
use postern_model::report::ReportAction;
use postern_model::scenario::{AfterFailure, Attack, Certificate, Clock, DemandStage, Lie, Scenario, Trouble};
use postern_model::trace::{
    Answer, Channel, ConnectionId, End, Event, HelloAnswer, HelloForm, LogEntry, NotConnected, Presented, Question,
    Record, Setting,
};

use super::Situation;

/// What must be remembered of the trace so far.
pub(super) struct Reader<'a> {
    scenario: &'a Scenario,
    pub(super) reached: BTreeSet<Situation>,
    mx: BTreeMap<DomainName, Vec<(u16, DomainName)>>,
    configured: BTreeSet<(DomainName, DomainName)>,
    attacks: Vec<(DomainName, Attack)>,
    without_tls: BTreeSet<DomainName>,
    certificates: BTreeMap<DomainName, Certificate>,
    /// The lies that hosts are told, by host and domain.
    lies: BTreeMap<(DomainName, DomainName), Lie>,
    troubles: BTreeMap<DomainName, Trouble>,
    connections: BTreeMap<ConnectionId, Connection>,
    /// The address at which each client dialled each host last.
    addresses: BTreeMap<(DomainName, DomainName), IpAddr>,
    /// The cell of the chart that a RCPT in clear is in whose reply is still to come.
    asked: BTreeMap<ConnectionId, Situation>,
    /// The connections whose client showed a certificate that is trusted.
    identified: BTreeSet<ConnectionId>,
    queued: BTreeMap<(DomainName, Token), (Duration, DomainName)>,
    notifications: BTreeSet<Token>,
    /// The clients and the hosts between which a handshake has failed.
    broke_tls: BTreeSet<(DomainName, DomainName)>,
    delivered: BTreeSet<(Token, Mailbox)>,
}

/// An open connection.
struct Connection {
    from: DomainName,
    /// How many contents crossed it.
    contents: u32,
    /// STARTTLS was offered on it, and not sent.
    leaves_tls: bool,
    to: DomainName,
    /// The attacker accepted it.
    by_attacker: bool,
    /// How the attacker interfered with it last.
    interference: Option<Attack>,
}

impl<'a> Reader<'a> {
    pub(super) fn new(scenario: &'a Scenario) -> Self {
        Self {
            scenario,
            reached: BTreeSet::new(),
            mx: BTreeMap::new(),
            configured: BTreeSet::new(),
            attacks: Vec::new(),
            without_tls: BTreeSet::new(),
            certificates: BTreeMap::new(),
            lies: BTreeMap::new(),
            troubles: BTreeMap::new(),
            connections: BTreeMap::new(),
            addresses: BTreeMap::new(),
            asked: BTreeMap::new(),
            identified: BTreeSet::new(),
            queued: BTreeMap::new(),
            notifications: BTreeSet::new(),
            broke_tls: BTreeSet::new(),
            delivered: BTreeSet::new(),
        }
    }

    pub(super) fn read(&mut self, record: &Record) {
        match &record.event {
            Event::Set(setting) => self.set(setting, record.at > Duration::ZERO),
            Event::Adversary { victim, attack, active } => self.adversary(victim, *attack, *active),
            Event::Queued {
                host,
                message,
                to,
                about,
                ..
            } => {
                let next_hop = self.next_hop(host, to.domain());
                self.queued
                    .insert((host.clone(), message.clone()), (record.at, next_hop));
                if about
                    .as_ref()
                    .is_some_and(|about| about.action == ReportAction::Delayed)
                {
                    self.reached.insert(Situation::DelayWarned);
                }
                if about.is_some() {
                    self.notifications.insert(message.clone());
                }
            }
            Event::Delivered { host, message, to } => {
                self.queued.remove(&(host.clone(), message.clone()));
                if self.notifications.contains(message) {
                    self.reached.insert(Situation::NotificationReceived);
                }
                if !self.delivered.insert((message.clone(), to.clone())) {
                    self.reached.insert(Situation::DeliveredTwice);
                }
            }
            Event::Deceived {
                host,
                domain,
                lie,
                active,
            } => self.deceived(host, domain, lie, *active),
            Event::Stolen { host, message, .. } => {
                self.queued.remove(&(host.clone(), message.clone()));
                self.reached.insert(Situation::Stolen);
            }
            Event::Answered { host, question, answer } => self.answered(host, question, answer),
            Event::Dialled {
                connection,
                from,
                to,
                address,
                relays,
            } => {
                let before = self.addresses.insert((from.clone(), to.clone()), *address);
                if before.is_some_and(|before| before != *address) {
                    self.reached.insert(Situation::OtherAddress);
                }
                let mut open = self.connections.values();
                if relays.is_none() && open.any(|open| open.contents > 0 && open.from == *from && open.to == *to) {
                    self.reached.insert(Situation::SessionNotReused);
                }
                if self.scenario.host(from).is_none() {
                    self.reached.insert(Situation::StrangerCame);
                }
                let dialled = Connection {
                    from: from.clone(),
                    contents: 0,
                    leaves_tls: false,
                    to: to.clone(),
                    by_attacker: false,
                    interference: None,
                };
                self.connections.insert(*connection, dialled);
            }
            Event::NotConnected { connection, why } => self.not_connected(*connection, *why),
            Event::Connected {
                connection,
                intercepted,
            } => {
                if let Some(connection) = self.connections.get_mut(connection) {
                    connection.by_attacker = *intercepted;
                    let trouble = self.troubles.get(&connection.to).filter(|_| !intercepted);
                    self.reached
                        .extend(trouble.and_then(|trouble| trouble_situation(*trouble)));
                    let host = self.scenario.host(&connection.to).filter(|_| !intercepted);
                    let is_tarpit = host.is_some_and(|host| host.handshake.after_failure == AfterFailure::Delays);
                    let has_failed = self
                        .broke_tls
                        .contains(&(connection.from.clone(), connection.to.clone()));
                    self.reached
                        .extend((is_tarpit && has_failed).then_some(Situation::Tarpit));
                }
            }
            Event::Line {
                connection,
                from,
                channel,
                text,
            } => self.line(*connection, *from, *channel, text),
            Event::NotSecured {
                connection,
                by: End::Dialler,
                ..
            } => {
                if let Some(Connection { from, to, .. }) = self.connections.get(connection) {
                    self.broke_tls.insert((from.clone(), to.clone()));
                }
                self.not_secured(*connection);
            }
            Event::Content { connection, .. } => self.content(*connection),
            Event::Interfered { connection, attack, .. } => {
                self.reached.insert(Situation::Attacked(attack.kind()));
                self.reached.extend(answer_to_starttls(*attack));
                if let Some(connection) = self.connections.get_mut(connection) {
                    connection.interference = Some(*attack);
                }
            }
            Event::Closed { connection, .. } => {
                self.connections.remove(connection);
                self.asked.remove(connection);
            }
            Event::Logged { host, entry } => self.logged(record.at, host, entry),
            Event::Secured {
                connection,
                certificate,
            } => self.secured(*connection, certificate),
            Event::Hello { form, answer, .. } => self.hello(*form, *answer),
            Event::ClientPresented {
                connection,
                certificate,
            } => self.client_presented(*connection, certificate),
            Event::ClientRefused { .. }
            | Event::NotSecured { by: End::Acceptor, .. }
            | Event::HandshakeUnasked { .. }
            | Event::BareLineEnd { .. }
            | Event::HungUp { .. } => {}
        }
    }

    /// A fact of the start, or later the effect of drift.
    fn set(&mut self, setting: &Setting, drifted: bool) {
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
            Setting::Clock { host, .. } => self
                .queued
                .keys()
                .any(|(holder, _)| holder == host)
                .then_some(Situation::ClockLeapt),
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

    fn adversary(&mut self, victim: &DomainName, attack: Attack, active: bool) {
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

    fn answered(&mut self, host: &DomainName, question: &Question, answer: &Answer) {
        let Question::Mx(domain) = question else { return };
        let is_server_of_it = self.scenario.host(host).is_some_and(|host| host.demands_tls);
        let is_client_of_it = self
            .queued
            .iter()
            .any(|((sender, _), (_, next_hop))| sender == host && next_hop == domain);
        let lie = self.lies.get(&(host.clone(), domain.clone()));
        if is_client_of_it && lie.is_some_and(|lie| tells(lie, answer)) {
            self.reached.insert(Situation::Deceived);
        }
        match answer {
            Answer::Failed if is_client_of_it => self.reached.insert(Situation::LookupFailedAtClient),
            Answer::Failed if is_server_of_it => self.reached.insert(Situation::LookupFailedAtServer),
            Answer::Exchangers(exchangers)
                if is_client_of_it && exchangers.iter().any(|(_, exchanger)| exchanger == host) =>
            {
                self.reached.insert(Situation::FoundItselfListed)
            }
            Answer::NullMx { beside } if is_client_of_it && beside.is_empty() => self.reached.insert(Situation::NullMx),
            Answer::NullMx { .. } if is_client_of_it => self.reached.insert(Situation::MixedNullMx),
            Answer::NoName if is_client_of_it => self.reached.insert(Situation::NoSuchDomain),
            _ => false,
        };
    }

    fn deceived(&mut self, host: &DomainName, domain: &DomainName, lie: &Lie, active: bool) {
        let key = (host.clone(), domain.clone());
        match active {
            true => _ = self.lies.insert(key, lie.clone()),
            false => _ = self.lies.remove(&key),
        }
    }

    fn not_connected(&mut self, connection: ConnectionId, why: NotConnected) {
        let Some(Connection { to, .. }) = self.connections.remove(&connection) else {
            return;
        };
        for (attack, expected) in [
            (Attack::Refuse, NotConnected::Refused),
            (Attack::BlackHole, NotConnected::TimedOut),
        ] {
            if why == expected && self.attacks.contains(&(to.clone(), attack)) {
                self.reached.insert(Situation::Attacked(attack.kind()));
            }
        }
    }

    fn hello(&mut self, form: HelloForm, answer: HelloAnswer) {
        if let HelloAnswer::Alert(_) = answer {
            self.reached.insert(match form {
                HelloForm::Standard => Situation::NoCommonVersion,
                HelloForm::Old => Situation::OldHelloAnswered,
                HelloForm::Sslv2 => Situation::Sslv2HelloAnswered,
                HelloForm::Garbage => Situation::GarbageAnswered,
            });
        }
    }

    fn client_presented(&mut self, connection: ConnectionId, presented: &Presented) {
        if presented.trusted && presented.current {
            self.identified.insert(connection);
            self.reached.insert(Situation::ClientCertificateBelieved);
        } else {
            self.reached.insert(Situation::ClientCertificateDistrusted);
        }
    }

    /// What a server says to a client that it knows by its handshakes.
    fn reply(&mut self, connection: ConnectionId, text: &str) {
        let server = self
            .connections
            .get(&connection)
            .filter(|connection| !connection.by_attacker);
        let host = server.and_then(|server| self.scenario.host(&server.to));
        let Some(host) = host else { return };
        let relays_for_identity = !host.relay_for_identity.is_empty();
        if relays_for_identity && text.starts_with("250 2.1.5 Not local") && self.identified.contains(&connection) {
            self.reached.insert(Situation::RelayedByIdentity);
        }
        if relays_for_identity && text.starts_with("550 5.7.1") {
            self.reached.insert(Situation::RelayRefused);
        }
    }

    fn secured(&mut self, connection: ConnectionId, presented: &Presented) {
        let connection = self.connections.get(&connection);
        let server = connection.filter(|connection| !connection.by_attacker);
        let kind = server.and_then(|server| self.certificates.get(&server.to));
        let has_wildcard = presented.names.iter().any(|name| name.starts_with("*."));
        if kind == Some(&Certificate::Wildcard) && has_wildcard {
            self.reached.insert(Situation::WildcardShown);
        }
        if kind == Some(&Certificate::Revoked) {
            self.reached.insert(Situation::RevokedBelieved);
        }
    }

    fn content(&mut self, connection: ConnectionId) {
        let Some(connection) = self.connections.get_mut(&connection) else {
            return;
        };
        connection.contents += 1;
        let between = (connection.from.clone(), connection.to.clone());
        if connection.contents == 2 {
            self.reached.insert(Situation::SessionReused);
        }
        if connection.leaves_tls && self.broke_tls.contains(&between) {
            self.reached.insert(Situation::SentInClearFromMemory);
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

    /// The client gave up the handshake: because of a certificate, if a bad one was there and nothing else came between.
    fn not_secured(&mut self, connection: ConnectionId) {
        let Some(connection) = self.connections.get(&connection) else {
            return;
        };
        let presented = match connection.interference {
            None => self.certificates.get(&connection.to).copied(),
            Some(Attack::InterceptTls(certificate)) => Some(certificate),
            Some(_) => None,
        };
        self.reached.extend(presented.into_iter().flat_map(refusal));
    }

    fn line(&mut self, connection: ConnectionId, from: End, channel: Channel, text: &str) {
        match from {
            End::Dialler if channel == Channel::Clear => {
                if text.eq_ignore_ascii_case("STARTTLS")
                    && let Some(connection) = self.connections.get_mut(&connection)
                {
                    connection.leaves_tls = false;
                }
                if let Some(cell) = self.cell(connection, text) {
                    self.asked.insert(connection, cell);
                }
            }
            End::Dialler => {}
            End::Acceptor => {
                if matches!(text, "250-STARTTLS" | "250 STARTTLS")
                    && let Some(connection) = self.connections.get_mut(&connection)
                {
                    connection.leaves_tls = true;
                }
                if channel == Channel::Clear && text.starts_with("521") {
                    self.reached.insert(Situation::NeverAcceptsMail);
                }
                self.reached.extend(self.asked.remove(&connection));
                if text.starts_with("530") && self.wants_tls_first(connection) {
                    self.reached.insert(Situation::TlsFirst);
                }
                self.reply(connection, text);
            }
        }
    }

    fn wants_tls_first(&self, connection: ConnectionId) -> bool {
        let server = self.connections.get(&connection);
        let server = server.and_then(|known| self.scenario.host(&known.to));
        server.is_some_and(|host| host.demand_stage == DemandStage::EveryCommand)
    }

    /// The cell of the chart that a demanding server is in with this command, if it is RCPT and the server heard it.
    fn cell(&self, connection: ConnectionId, command: &str) -> Option<Situation> {
        let domain = recipient_domain(command)?;
        let Connection {
            to: server,
            by_attacker,
            ..
        } = self.connections.get(&connection)?;
        if *by_attacker || !self.scenario.host(server)?.demands_tls {
            return None;
        }
        let listed = self.exchangers(&domain).any(|(_, exchanger)| exchanger == server);
        let configured = self.configured.contains(&(server.clone(), domain.clone()));
        Some(match (listed, configured) {
            (false, false) => Situation::UnlistedUnconfigured,
            (false, true) => Situation::UnlistedConfigured,
            (true, false) => Situation::ListedUnconfigured,
            (true, true) => Situation::ListedConfigured,
        })
    }

    fn logged(&mut self, at: Duration, host: &DomainName, entry: &LogEntry) {
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
            LogEntry::Attempt { .. } | LogEntry::Deferred { .. } => {}
        }
    }

    fn sent(&mut self, next_hop: &DomainName, to: &DomainName) {
        let best = self.exchangers(next_hop).map(|(preference, _)| preference).min();
        let taken = self.exchangers(next_hop).find(|(_, exchanger)| *exchanger == to);
        if taken.is_some_and(|(preference, _)| Some(preference) > best) {
            self.reached.insert(Situation::SecondExchanger);
        }
    }

    /// The hosts that mail for a next hop goes to: its MX set, or the host of that name (RFC 5321 §5.1).
    fn exchangers<'b>(&'b self, next_hop: &'b DomainName) -> impl Iterator<Item = (u16, &'b DomainName)> {
        let listed = self.mx.get(next_hop).map(Vec::as_slice).unwrap_or_default();
        let implicit = listed.is_empty().then_some((0, next_hop));
        listed
            .iter()
            .map(|(preference, exchanger)| (*preference, exchanger))
            .chain(implicit)
    }

    fn next_hop(&self, host: &DomainName, domain: &DomainName) -> DomainName {
        self.scenario
            .host(host)
            .map_or(domain, |host| host.next_hop(domain))
            .clone()
    }
}

/// Whether this answer is what the lie says.
fn tells(lie: &Lie, answer: &Answer) -> bool {
    match (lie, answer) {
        (Lie::Mx(host), Answer::Exchangers(exchangers)) => exchangers.iter().any(|(_, exchanger)| exchanger == host),
        (Lie::Silence | Lie::Failure, Answer::Failed)
        | (Lie::NoData, Answer::NoData)
        | (Lie::NullMx, Answer::NullMx { .. })
        | (Lie::NoName, Answer::NoName) => true,
        _ => false,
    }
}

/// Whether the first set lists a host that the second does not, with whatever preference.
fn has_more(first: &[(u16, DomainName)], second: &[(u16, DomainName)]) -> bool {
    let mut hosts = first.iter().map(|(_, host)| host);
    hosts.any(|host| second.iter().all(|(_, other)| other != host))
}

/// The situations that a client makes which gives up the handshake in sight of this certificate.
fn refusal(presented: Certificate) -> impl Iterator<Item = Situation> {
    let special = match presented {
        Certificate::NotYetValid => Some(Situation::CertificateNotYetValid),
        Certificate::MissingIntermediate => Some(Situation::IntermediateMissing),
        Certificate::CommonNameOnly => Some(Situation::CommonNameRefused),
        Certificate::PartialWildcard | Certificate::WideWildcard => Some(Situation::WildcardRefused),
        Certificate::NameConstraint | Certificate::PathLength => Some(Situation::AuthorityExceeded),
        Certificate::OtherNamesRefused => Some(Situation::IndicationRefused),
        _ => None,
    };
    let is_bad = presented != Certificate::Valid && presented != Certificate::OtherNamesRefused;
    is_bad
        .then_some(Situation::CertificateRefused)
        .into_iter()
        .chain(special)
}

/// Whether clients do not see the server's offer of TLS while the attack lasts.
fn hides_tls(attack: Attack) -> bool {
    matches!(
        attack,
        Attack::StripStarttls | Attack::OverwriteStarttls | Attack::RefuseEhlo(_)
    )
}

/// How an attacker answered STARTTLS: for now or for good.
fn answer_to_starttls(attack: Attack) -> Option<Situation> {
    match attack {
        Attack::AnswerStarttls(..500) => Some(Situation::StarttlsDeferred),
        Attack::AnswerStarttls(500..) => Some(Situation::StarttlsRefused),
        _ => None,
    }
}

/// The situation that a server's trouble makes.
fn trouble_situation(trouble: Trouble) -> Option<Situation> {
    Some(match trouble {
        Trouble::None => return None,
        Trouble::DemandsTlsOfAll => Situation::TlsDemandedOfAll,
        Trouble::NodesDiffer => Situation::NodesDiffered,
        Trouble::ListsDiffer => Situation::ListsDiffered,
        Trouble::ListsLittle => Situation::ListedLittle,
        Trouble::OffersTlsToAcquaintances => Situation::TlsForAcquaintances,
        Trouble::OffersTlsInsideTls => Situation::TlsOfferedInsideTls,
        Trouble::UnhappyWithTls => Situation::UnhappyWithTls,
        Trouble::NoCertificate => Situation::NoCertificate,
    })
}

/// The domain in `RCPT TO:<local-part@domain>`.
fn recipient_domain(command: &str) -> Option<DomainName> {
    let (verb, path) = command.split_once('<')?;
    let is_rcpt = verb.trim_end().eq_ignore_ascii_case("RCPT TO:");
    let (mailbox, _) = path.split_once('>')?;
    let mailbox: Mailbox = mailbox.parse().ok()?;
    is_rcpt.then(|| mailbox.domain().clone())
}
