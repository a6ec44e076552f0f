//! A try at TLS never makes a server refuse its own domain's mail (P05, SEED-05), nor does its absence (SEED-01).
//!
//! The second world is the first with a client that never uses TLS: every policy is `none`. A recipient of its own domain
//! that a server takes there, it takes too from a client that uses TLS, has used it, or failed at it; and a server that
//! is listed and configured takes in clear whatever it takes over TLS. By RFC 3207 a server may refuse after a handshake
//! (§4.1), so by that reading only the latter is judged; by the thread a listed one may not, be it ever so unhappy with TLS.
//!
//! What may differ: whatever does not depend on the server, such as who is asked, how often and when. Recipients are
//! compared one by one, by client, server, domain, kind of mailbox, and whether a notification is for them, and only where nothing that the answer rightly
//! depends on changes in the whole of either run: the server's configuration, its lookups and the domain's exchangers.
//! Only the server's own replies count, never what an attacker passed on to the client. Clients of which the server requires
//! TLS by agreement are set aside: it owes them nothing in clear (R3207-6-a).

use std::collections::{BTreeMap, BTreeSet};

use postern_model::monitor::{Verdict, Violation};
use postern_model::observation::{Acceptor, ConnectionId, DomainId, HostId, Observation};
use postern_model::scenario::{Attack, MailboxState, Phase, Reading, Scenario, Trouble};
use postern_model::trace::{Event, Setting, Trace};

use super::world::{changes, pinned, without_tls_at};
use super::{Comparison, Side};
use crate::reader::Reader;
use crate::setup::Setup;

/// The first world with a client that never uses TLS.
struct Plain(Scenario);

/// Applies where a client said STARTTLS.
pub(super) fn compare(first: Side<'_>) -> Option<Box<dyn Comparison>> {
    let mut events = first.trace.records.iter().map(|record| &record.event);
    if !events.any(|event| matches!(event, Event::Line { text, .. } if text == "STARTTLS")) {
        return None;
    }
    let mut second = pinned(first.scenario, first.trace);
    without_tls_at(&mut second, |_| true);
    Some(Box::new(Plain(second)))
}

impl Comparison for Plain {
    fn second(&self) -> &Scenario {
        &self.0
    }

    fn judge(&self, first: Side<'_>, second: Side<'_>) -> Verdict {
        let setup = Setup::of(first.scenario);
        let unsteady = unsteady([first.trace, second.trace], &setup);
        // RFC 3207 §4.1 leaves a server free to refuse all mail after a handshake, as the thread does not.
        let by_thread = first.scenario.reading == Reading::Thread;
        let is_compared = |recipient: &Recipient| {
            let Recipient {
                client, server, domain, ..
            } = *recipient;
            // A server that is in such trouble refuses by intent, and is known for it (C-SRV-1, C-SRV-7).
            let may_refuse = setup.may_be_in(server, Trouble::UnhappyWithTls)
                && !(by_thread && is_listed(first.scenario, &setup, recipient));
            let is_sound = !may_refuse && !setup.may_be_in(server, Trouble::DemandsTlsOfAll);
            // Of whom TLS is required by agreement, nothing is taken in clear, tried or not (R3207-6-a).
            let is_public = !setup.requires_tls_of(server, client);
            is_public
                && is_own(first.scenario, &setup, server, domain)
                && !unsteady.contains(server, domain)
                && is_sound
        };
        let (tried, plain) = (Answers::of(first, &setup), Answers::of(second, &setup));
        let mut verdict = Verdict::NotExercised;
        for (recipient, answers) in tried.recipients.iter().filter(|(recipient, _)| is_compared(recipient)) {
            let Some(in_plain) = plain.recipients.get(recipient) else {
                continue;
            };
            let subject = || subject(&setup, recipient);
            if by_thread && in_plain.is_taken_always() && answers.after_try.is_some() {
                if let Some(at) = answers.refused_after_try {
                    let why = format!(
                        "{} after a try at TLS, and took it from a client that never tried",
                        subject()
                    );
                    return violated("SEED-05", at, why);
                }
                verdict = Verdict::Holds;
            }
            if let Some(at) = answers.taken_inside_tls
                && is_listed(first.scenario, &setup, recipient)
            {
                if in_plain.refused.is_some() {
                    let why = format!("{} in clear, and took it over TLS", subject());
                    return violated("SEED-01", at, why);
                }
                verdict = Verdict::Holds;
            }
        }
        // A server that turns its client away altogether never comes to a recipient.
        for (peers, at) in tried.turned_away_after_try.iter().filter(|_| by_thread) {
            let own = plain.recipients.iter().find(|(recipient, answers)| {
                (recipient.client, recipient.server) == *peers && is_compared(recipient) && answers.is_taken_always()
            });
            if let Some((recipient, _)) = own
                && !plain.turned_away.contains(peers)
            {
                let why = format!(
                    "{} (and everybody else) after a try at TLS, and took it from a client that never tried",
                    subject(&setup, recipient)
                );
                return violated("SEED-05", *at, why);
            }
        }
        verdict
    }
}

fn violated(rule: &'static str, at: usize, why: String) -> Verdict {
    Verdict::Violated {
        at,
        violation: Violation { rule, why },
    }
}

fn subject(setup: &Setup, recipient: &Recipient) -> String {
    format!(
        "{} refused {} a recipient of {}, its own domain,",
        setup.host_name(recipient.server),
        setup.host_name(recipient.client),
        setup.domain_name(recipient.domain)
    )
}

/// A recipient as a server sees it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
struct Recipient {
    client: HostId,
    server: HostId,
    domain: DomainId,
    mailbox: MailboxState,
    /// A mailbox may take notifications and nothing else of a sender who takes no mail (R7505-4.2).
    from_null: bool,
}

/// How a server answered a recipient, each with the place in the trace.
#[derive(Debug, Default)]
struct AnswersTo {
    taken: Option<usize>,
    refused: Option<usize>,
    taken_inside_tls: Option<usize>,
    /// Answered, whichever way, in or after a session in which TLS was tried.
    after_try: Option<usize>,
    refused_after_try: Option<usize>,
}

impl AnswersTo {
    fn is_taken_always(&self) -> bool {
        self.taken.is_some() && self.refused.is_none()
    }
}

/// The answers of a run.
#[derive(Debug, Default)]
struct Answers {
    recipients: BTreeMap<Recipient, AnswersTo>,
    /// Client and server, where the greeting, EHLO or MAIL was refused.
    turned_away: BTreeSet<(HostId, HostId)>,
    turned_away_after_try: BTreeMap<(HostId, HostId), usize>,
}

/// A connection, as far as the server's own replies go.
struct Session {
    peers: (HostId, HostId),
    /// What the server says reaches the tap from the server itself.
    is_servers_own: bool,
    tls: bool,
    from_null: bool,
}

impl Answers {
    fn of(run: Side<'_>, setup: &Setup) -> Self {
        let mut reader = Reader::new(setup.clone());
        let mut answers = Self::default();
        let mut sessions = BTreeMap::new();
        let mut tried = BTreeSet::new();
        for (place, record) in run.trace.records.iter().enumerate() {
            for observation in reader.read(record) {
                answers.observe(place, &observation, &mut sessions, &mut tried);
            }
        }
        answers
    }

    fn observe(
        &mut self,
        place: usize,
        observation: &Observation,
        sessions: &mut BTreeMap<ConnectionId, Session>,
        tried: &mut BTreeSet<(HostId, HostId)>,
    ) {
        match *observation {
            Observation::Dialled {
                connection, from, to, ..
            }
            | Observation::Relayed { connection, from, to } => {
                let session = Session {
                    peers: (from, to),
                    is_servers_own: false,
                    tls: false,
                    from_null: false,
                };
                sessions.insert(connection, session);
            }
            Observation::Connected { connection, acceptor } => {
                if let Some(session) = sessions.get_mut(&connection) {
                    session.is_servers_own = acceptor == Acceptor::Host;
                }
            }
            Observation::Command {
                connection,
                phase: Some(Phase::Starttls),
                ..
            } => tried.extend(sessions.get(&connection).map(|session| session.peers)),
            Observation::MailFrom { connection, is_null } => {
                if let Some(session) = sessions.get_mut(&connection) {
                    session.from_null = is_null;
                }
            }
            Observation::Secured { connection, .. } => {
                if let Some(session) = sessions.get_mut(&connection) {
                    session.tls = true;
                }
            }
            Observation::Replied {
                connection,
                phase: Some(phase),
                code,
                recipient,
                ..
            } => {
                let session = sessions.get(&connection).filter(|session| session.is_servers_own);
                if let Some(session) = session {
                    let after_try = tried.contains(&session.peers);
                    self.replied(place, session, phase, code, recipient, after_try);
                }
            }
            _ => {}
        }
    }

    fn replied(
        &mut self,
        place: usize,
        session: &Session,
        phase: Phase,
        code: u16,
        recipient: Option<(DomainId, MailboxState)>,
        after_try: bool,
    ) {
        let (client, server) = session.peers;
        let is_taken = (200..300).contains(&code);
        match (phase, recipient) {
            (Phase::Connect | Phase::Ehlo | Phase::Mail, _) if !is_taken => {
                self.turned_away.insert(session.peers);
                if after_try {
                    self.turned_away_after_try.entry(session.peers).or_insert(place);
                }
            }
            (Phase::Rcpt, Some((domain, mailbox))) => {
                let recipient = Recipient {
                    client,
                    server,
                    domain,
                    mailbox,
                    from_null: session.from_null,
                };
                let answers = self.recipients.entry(recipient).or_default();
                let note = |seen: &mut Option<usize>, holds: bool| {
                    if holds {
                        seen.get_or_insert(place);
                    }
                };
                note(&mut answers.taken, is_taken);
                note(&mut answers.refused, !is_taken);
                note(&mut answers.taken_inside_tls, is_taken && session.tls);
                note(&mut answers.after_try, after_try);
                note(&mut answers.refused_after_try, after_try && !is_taken);
            }
            _ => {}
        }
    }
}

/// What changed in either run that an answer rightly depends on.
#[derive(Debug, Default)]
struct Unsteady {
    servers: BTreeSet<HostId>,
    domains: BTreeSet<DomainId>,
}

impl Unsteady {
    fn contains(&self, server: HostId, domain: DomainId) -> bool {
        self.servers.contains(&server) || self.domains.contains(&domain)
    }
}

fn unsteady(traces: [&Trace; 2], setup: &Setup) -> Unsteady {
    let mut unsteady = Unsteady::default();
    for record in traces.into_iter().flat_map(changes) {
        match &record.event {
            Event::Set(Setting::Exchanger { host, .. } | Setting::Lookups { host, .. }) => {
                unsteady.servers.extend(setup.host(host));
            }
            // What was begun in the client's name answers to nobody's try (C-INJ-1, C-INJ-4).
            Event::Adversary {
                victim,
                attack:
                    Attack::InjectTransaction | Attack::InjectCommands(_) | Attack::InjectTowardServer(_) | Attack::Edit(_),
                ..
            } => unsteady.servers.extend(setup.host(victim)),
            Event::Set(Setting::Mx { domain, .. }) => unsteady.domains.extend(setup.domain(domain)),
            _ => {}
        }
    }
    unsteady
}

/// Whether a server is configured for a domain.
fn is_own(scenario: &Scenario, setup: &Setup, server: HostId, domain: DomainId) -> bool {
    let mut hosts = scenario.host.iter();
    let host = hosts.find(|host| setup.host(&host.name) == Some(server));
    host.is_some_and(|host| host.exchanger_for.iter().any(|own| setup.domain(own) == Some(domain)))
}

/// Whether DNS lists the server for the domain of a recipient.
fn is_listed(scenario: &Scenario, setup: &Setup, recipient: &Recipient) -> bool {
    let is_server = |name| setup.host(name) == Some(recipient.server);
    let mut domains = scenario.domain.iter();
    let domain = domains.find(|domain| setup.domain(&domain.name) == Some(recipient.domain));
    domain.is_some_and(|domain| match domain.mx.as_slice() {
        [] => is_server(&domain.name),
        exchangers => exchangers.iter().any(|record| is_server(&record.host)),
    })
}

#[cfg(test)]
mod tests;
