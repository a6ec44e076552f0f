//! The words for each event.

use std::collections::{BTreeMap, BTreeSet};
use std::net::IpAddr;

use super::Line;
use crate::name::DomainName;
use crate::report::ReportAction;
use crate::scenario::{
    AfterFailure, Attack, Certificate, Handshake, Hello, Lie, OtherAddress, Security, TlsVersions, Trouble,
    UnlistedAnswer,
};
use crate::trace::{
    Answer, Channel, Claim, ConnectionId, End, Event, HelloAnswer, HelloForm, LogEntry, NotConnected, Permanent,
    Presented, Question, Record, Setting,
};

const CHARACTERS_MAX: usize = 200;

/// What is shown of a message: what it is about and, of a notification, what it reports (RFC 3464).
const FIELDS: &[&str] = &[
    "subject:",
    "original-envelope-id:",
    "final-recipient:",
    "action:",
    "status:",
    "remote-mta:",
    "diagnostic-code:",
    "will-retry-until:",
];

/// Tells events one by one, and knows what was told before.
#[derive(Debug, Default)]
pub(super) struct Narrator {
    /// The connections that were dialled.
    connections: BTreeMap<ConnectionId, Dialled>,
    /// The connections whose handshake the client gave up.
    given_up: BTreeSet<ConnectionId>,
    /// The hosts that have more than one address.
    several_addresses: BTreeSet<DomainName>,
    /// Time has passed, or something else than a setting was told: the facts of the start are over.
    under_way: bool,
}

#[derive(Debug, Clone)]
struct Dialled {
    to: DomainName,
    /// The attacker dialled it: each of its lines was told on the connection that it relays.
    by_attacker: Option<ConnectionId>,
}

impl Narrator {
    /// The lines that tell the event; none where it adds nothing.
    pub(super) fn tell(&mut self, record: &Record) -> Vec<Line> {
        let event = &record.event;
        if let Event::Set(Setting::Permanent {
            host,
            fact: Permanent::OtherAddress { .. },
        }) = event
        {
            self.several_addresses.insert(host.clone());
        }
        self.under_way |= !record.at.is_zero() || !matches!(event, Event::Set(_));
        let (connection, text) = match event {
            Event::Set(setting) if !self.under_way && is_default(setting) => return Vec::new(),
            Event::Set(setting) => (None, format!("~    {}", self.setting(setting))),
            Event::Adversary { victim, attack, active } => (None, adversary(victim, *attack, *active)),
            Event::Deceived {
                host,
                domain,
                lie,
                active,
            } => (None, deceived(host, domain, lie, *active)),
            Event::Queued {
                host,
                message,
                from,
                to,
                about,
            } => {
                let about = about.as_ref().map_or_else(String::new, |about| match about.action {
                    ReportAction::Failed => format!(", about {}", about.message),
                    ReportAction::Delayed => format!(", about the delay of {}", about.message),
                });
                let from = from.to_string();
                let from = from.trim_matches(['<', '>']);
                (
                    None,
                    format!(">    {message} enters the queue of {host}: from <{from}> to <{to}>{about}"),
                )
            }
            Event::Delivered { host, message, to } => {
                (None, format!(">    {message} lies in the mailbox of <{to}> on {host}"))
            }
            Event::Stolen { host, message, to } => (
                None,
                format!("M:   {message} for <{to}> is in the hands of the impostor {host}, who delivers nothing"),
            ),
            Event::Answered { host, question, answer } => {
                (None, format!("DNS  {host}: {}", answered(question, answer)))
            }
            Event::Logged { host, entry } => (None, format!("=    {host}: {}", logged(entry))),
            Event::HorizonReached => (
                None,
                "~    the run ends: by now every message should have its fate, and not all have".to_owned(),
            ),
            Event::Dialled {
                connection,
                from,
                to,
                address,
                relays,
            } => return self.dialled(*connection, from, to, *address, *relays),
            Event::Connected { connection, .. }
            | Event::NotConnected { connection, .. }
            | Event::Line { connection, .. }
            | Event::Content { connection, .. }
            | Event::Secured { connection, .. }
            | Event::ClientPresented { connection, .. }
            | Event::ClientRefused { connection, .. }
            | Event::Hello { connection, .. }
            | Event::NotSecured { connection, .. }
            | Event::HandshakeUnasked { connection }
            | Event::BareLineEnd { connection, .. }
            | Event::Interfered { connection, .. }
            | Event::HungUp { connection, .. }
            | Event::Told { connection, .. }
            | Event::Closed { connection, .. } => return self.crossed(*connection, event),
        };
        vec![line(connection, text)]
    }

    fn setting(&self, setting: &Setting) -> String {
        match setting {
            Setting::Tls { host, on } => match (self.under_way, on) {
                (false, true) => format!("{host} offers STARTTLS"),
                (false, false) => format!("{host} does not offer STARTTLS"),
                (true, true) => format!("{host} switches TLS on"),
                (true, false) => format!("{host} switches TLS off"),
            },
            Setting::Certificate { host, certificate } => {
                format!("{host} presents {}", certificate)
            }
            Setting::Trouble { host, trouble } => format!("{host} {}", trouble_words(*trouble)),
            Setting::Exchanger {
                host,
                domain,
                configured,
            } => {
                let verb = match (self.under_way, configured) {
                    (false, true) => "is",
                    (false, false) => "is not",
                    (true, true) => "is now",
                    (true, false) => "is no longer",
                };
                format!("{host} {verb} configured as exchanger for {domain}")
            }
            Setting::Policy { host, next_hop, level } => {
                format!("{host} has level {} for {next_hop}", level)
            }
            Setting::Mx {
                domain,
                exchangers,
                null_mx: true,
            } => format!("{domain}. MX {}", null_mx_words(exchangers)),
            Setting::Mx { domain, exchangers, .. } if exchangers.is_empty() => {
                format!("{domain}. has no MX in DNS: mail goes to its own address")
            }
            Setting::Mx { domain, exchangers, .. } => format!("{domain}. MX {}", mx_words(exchangers)),
            Setting::Running { host, up: true } => format!("{host} starts again"),
            Setting::Running { host, up: false } => format!("{host} crashes"),
            Setting::Lookups {
                host,
                domain,
                work: true,
            } => format!("lookups of {host} about {domain} work"),
            Setting::Lookups {
                host,
                domain,
                work: false,
            } => format!("lookups of {host} about {domain} fail"),
            Setting::Clock { host, clock } => format!("the clock of {host} is {clock}"),
            Setting::Permanent { host, fact } => permanent(host, fact),
        }
    }

    fn dialled(
        &mut self,
        connection: ConnectionId,
        from: &DomainName,
        to: &DomainName,
        address: IpAddr,
        relays: Option<ConnectionId>,
    ) -> Vec<Line> {
        let at = match self.several_addresses.contains(to) {
            true => format!("{to} at {address}"),
            false => to.to_string(),
        };
        let dialled = Dialled {
            to: to.clone(),
            by_attacker: relays,
        };
        self.connections.insert(connection, dialled);
        vec![match relays {
            Some(victim) => line(
                Some(victim),
                format!("M:    takes the connection and passes it on to {at}"),
            ),
            None => line(Some(connection), format!("{from} dials {at}")),
        }]
    }

    /// What happened on a connection.
    fn crossed(&mut self, connection: ConnectionId, event: &Event) -> Vec<Line> {
        let dialled = self.connections.get(&connection);
        if let Some(Dialled {
            to,
            by_attacker: Some(victim),
        }) = dialled
        {
            return match event {
                Event::NotConnected { why, .. } => {
                    vec![line(
                        Some(*victim),
                        format!("M:    cannot pass it on to {to}: {}", not_connected(*why)),
                    )]
                }
                _ => Vec::new(),
            };
        }
        let texts = match event {
            Event::NotConnected { why, .. } => vec![format!("not connected: {}", not_connected(*why))],
            Event::Line {
                from, channel, text, ..
            } => vec![format!("{} {} {text}", channel_word(*channel), speaker(*from))],
            Event::Content { channel, text, .. } => content(*channel, text),
            Event::Secured { certificate, .. } => vec![format!("TLS   up; {}", presented(certificate))],
            Event::ClientPresented { certificate, .. } => {
                vec![format!("TLS   the client shows a {}", presented(certificate))]
            }
            Event::ClientRefused { certificate, .. } => {
                vec![format!(
                    "TLS   the server refuses the client's {}",
                    presented(certificate)
                )]
            }
            Event::Hello { form, answer, .. } => vec![format!("TLS   {}", hello(*form, *answer))],
            // That the client gave up, the other end then only learns from it.
            Event::NotSecured { by: End::Acceptor, .. } if self.given_up.contains(&connection) => Vec::new(),
            Event::NotSecured { by, why, .. } => {
                let by = match by {
                    End::Dialler => {
                        self.given_up.insert(connection);
                        "client"
                    }
                    End::Acceptor => "other end",
                };
                vec![format!("TLS   failed; the {by} says: {why}")]
            }
            Event::Interfered { what, .. } => vec![format!("M:    {what}")],
            Event::Told { claim, .. } => vec![told(claim)],
            Event::HandshakeUnasked { .. } => vec!["clear C: (a ClientHello)".to_owned()],
            Event::BareLineEnd { channel, .. } => {
                vec![format!(
                    "{} C: (a CR or an LF that stands alone)",
                    channel_word(*channel)
                )]
            }
            Event::Closed { lost, .. } if lost.is_empty() => vec!["closed".to_owned()],
            Event::Closed { lost, .. } => vec![format!("closed; never read by the client: {}", lost.join(" / "))],
            _ => Vec::new(),
        };
        texts.into_iter().map(|text| line(Some(connection), text)).collect()
    }
}

fn told(claim: &Claim) -> String {
    let what = match (claim.sent, claim.encrypted) {
        (true, true) => "sent, encrypted",
        (true, false) => "sent, in clear",
        (false, true) => "not sent, encrypted",
        (false, false) => "not sent",
    };
    let reply = claim
        .reply
        .as_ref()
        .map_or_else(String::new, |(code, text)| format!(", reply {code} {text}"));
    let extensions = claim.extensions.as_ref().map_or_else(String::new, |extensions| {
        format!(", extensions [{}]", extensions.join(", "))
    });
    format!(
        "=     the client tells its caller: {what}{reply}{extensions}; {}",
        claim.words
    )
}

/// One line of bounded length without control characters.
fn line(connection: Option<ConnectionId>, text: String) -> Line {
    let mut bounded = String::with_capacity(text.len());
    for (count, character) in text.chars().enumerate() {
        match character {
            _ if count == CHARACTERS_MAX => {
                bounded.push('…');
                break;
            }
            control if control.is_control() => bounded.extend(control.escape_default()),
            other => bounded.push(other),
        }
    }
    Line {
        connection,
        text: bounded,
    }
}

/// What goes without saying at the start.
fn is_default(setting: &Setting) -> bool {
    match setting {
        Setting::Tls { on, .. } => *on,
        Setting::Certificate { certificate, .. } => *certificate == Certificate::default(),
        _ => false,
    }
}

fn permanent(host: &DomainName, fact: &Permanent) -> String {
    match fact {
        Permanent::DemandsTls(UnlistedAnswer::StarttlsFirst) => format!("{host} wishes to refuse mail without TLS"),
        Permanent::DemandsTls(UnlistedAnswer::NotExchanger) => {
            format!("{host} wishes to refuse mail without TLS, and says 550, not 530, for domains that it is not for")
        }
        Permanent::NeverAcceptsMail => format!("{host} answers every connection with 521: it never accepts mail"),
        Permanent::Impostor => format!("{host} is the attacker's own: it accepts all mail and delivers none"),
        Permanent::DemandsTlsFirst => format!("{host} wants TLS before every command"),
        Permanent::RelaysFor(client) => format!("{host} relays the mail of {client}"),
        Permanent::RequiresTlsOf(client) => format!("{host} requires TLS of {client}"),
        Permanent::RelaysForIdentity(name) => format!("{host} relays for who proves to be {name} by a certificate"),
        Permanent::OtherAddress {
            address,
            kind,
            is_listed_first,
        } => {
            let place = if *is_listed_first { ", listed first" } else { "" };
            format!(
                "{host} has a second address {address}{place}: {}",
                other_address_words(*kind)
            )
        }
        Permanent::Handshake(handshake) => handshake_words(host, *handshake),
        Permanent::Level(level) => format!("{host} has level {} where nothing else is said", level),
        Permanent::Route { domain, next_hop } => format!("{host} sends mail for {domain} to {next_hop}"),
    }
}

fn other_address_words(kind: OtherAddress) -> &'static str {
    match kind {
        OtherAddress::Alike => "it answers there in the same way",
        OtherAddress::Unreachable => "nobody answers there",
        OtherAddress::WithoutTls => "it answers there without TLS",
    }
}

fn trouble_words(trouble: Trouble) -> &'static str {
    match trouble {
        Trouble::None => "is in trouble no longer",
        Trouble::DemandsTlsOfAll => "demands TLS before every command, whoever lists it",
        Trouble::NodesDiffer => "is several nodes, of which every other one has no TLS",
        Trouble::ListsDiffer => "tells the second EHLO of a session of fewer extensions",
        Trouble::ListsLittle => "lists no extension but STARTTLS",
        Trouble::OffersTlsToAcquaintances => "offers STARTTLS only to clients that dialled it before",
        Trouble::OffersTlsInsideTls => "offers STARTTLS again inside TLS",
        Trouble::UnhappyWithTls => "is unhappy with what any handshake achieves",
        Trouble::NoCertificate => "has no certificate: it offers STARTTLS and answers 454",
    }
}

/// What is odd about the handshakes of a host.
fn handshake_words(host: &DomainName, handshake: Handshake) -> String {
    let mut words = Vec::new();
    words.extend(match handshake.versions {
        TlsVersions::Current => None,
        TlsVersions::Tls12Only => Some("can TLS 1.2 only".to_owned()),
        TlsVersions::Tls13Only => Some("can TLS 1.3 only".to_owned()),
        TlsVersions::NoCommonSuite => Some("has no cipher suite that anybody else has".to_owned()),
        TlsVersions::Tls10Only => Some("can TLS 1.0 only".to_owned()),
    });
    words.extend(
        match handshake.hello {
            Hello::Standard => None,
            Hello::NoIndication => Some("sends hellos without a server name"),
            Hello::Sslv2 => Some("sends hellos in the format of SSL version 2"),
            Hello::Tls10 => Some("sends hellos of TLS 1.0"),
            Hello::Garbage => Some("sends garbage in place of a hello"),
        }
        .map(str::to_owned),
    );
    let shown = handshake.client_certificate;
    words.extend(shown.map(|shown| format!("shows {shown} to a server that asks")));
    words.extend(
        handshake
            .asks_for_certificate
            .then(|| "asks clients for a certificate".to_owned()),
    );
    words.extend(
        match handshake.after_failure {
            AfterFailure::ServesOn => None,
            AfterFailure::Bans => Some("bans who failed a handshake"),
            AfterFailure::Delays => Some("keeps who failed a handshake waiting for every reply"),
        }
        .map(str::to_owned),
    );
    format!("{host} {}", words.join(", "))
}

fn hello(form: HelloForm, answer: HelloAnswer) -> String {
    let sent = match form {
        HelloForm::Standard => "a standard hello",
        HelloForm::Old => "a hello of an old version",
        HelloForm::Sslv2 => "a hello in the format of SSL version 2",
        HelloForm::Garbage => "something that is no hello",
    };
    let answered = match answer {
        HelloAnswer::Handshake => "goes on with the handshake".to_owned(),
        HelloAnswer::Alert(description) => format!("answers by the alert {}", alert(description)),
        HelloAnswer::Nothing => "closes without an alert".to_owned(),
    };
    format!("the client sends {sent}; the server {answered}")
}

/// The names of RFC 8446 §6 for what a hello may meet.
fn alert(description: u8) -> String {
    match description {
        10 => "unexpected_message".to_owned(),
        22 => "record_overflow".to_owned(),
        40 => "handshake_failure".to_owned(),
        47 => "illegal_parameter".to_owned(),
        50 => "decode_error".to_owned(),
        70 => "protocol_version".to_owned(),
        112 => "unrecognized_name".to_owned(),
        other => other.to_string(),
    }
}

fn adversary(victim: &DomainName, attack: Attack, active: bool) -> String {
    if active {
        format!("M:   on every path to {victim}, the attacker {}", attack)
    } else {
        format!("M:   on the paths to {victim}, the attacker no longer {}", attack)
    }
}

fn deceived(host: &DomainName, domain: &DomainName, lie: &Lie, active: bool) -> String {
    let lie = match lie {
        Lie::Mx(exchanger) => format!("answers its questions for {domain}. MX with 10 {exchanger}."),
        Lie::Silence => format!("lets its questions for {domain}. MX vanish"),
        Lie::Failure => format!("answers its questions for {domain}. MX with SERVFAIL"),
        Lie::NoData => format!("answers its questions for {domain}. MX with NODATA"),
        Lie::NullMx => format!("answers its questions for {domain}. MX with 0 ."),
        Lie::NoName => format!("answers its questions for {domain}. MX with NXDOMAIN"),
    };
    let attacker = if active {
        "the attacker"
    } else {
        "the attacker no longer"
    };
    format!("M:   between {host} and DNS, {attacker} {lie}")
}

/// The data of MX records as in a zone file, in the order of preference.
fn mx_words(exchangers: &[(u16, DomainName)]) -> String {
    let records = exchangers
        .iter()
        .map(|(preference, host)| format!("{preference} {host}."));
    records.collect::<Vec<_>>().join(", ")
}

/// A null MX, and what stands beside it by mistake.
fn null_mx_words(beside: &[(u16, DomainName)]) -> String {
    match beside {
        [] => "0 .".to_owned(),
        beside => format!("0 ., {}", mx_words(beside)),
    }
}

fn answered(question: &Question, answer: &Answer) -> String {
    let question = match question {
        Question::Mx(domain) => format!("{domain}. MX"),
        Question::Address(host) => format!("{host}. A"),
    };
    match answer {
        Answer::Exchangers(exchangers) => format!("{question} {}", mx_words(exchangers)),
        Answer::NullMx { beside } => format!("{question} {}", null_mx_words(beside)),
        Answer::Addresses(addresses) => {
            let addresses: Vec<String> = addresses.iter().map(ToString::to_string).collect();
            format!("{question} {}", addresses.join(", "))
        }
        Answer::NoData => format!("{question}? NODATA: no such record"),
        Answer::NoName => format!("{question}? NXDOMAIN: no such name"),
        Answer::Failed => format!("{question}? SERVFAIL: the lookup failed"),
    }
}

fn logged(entry: &LogEntry) -> String {
    match entry {
        LogEntry::Attempt {
            message,
            number,
            next_hop,
            level,
        } => {
            format!("attempt {number} at {message}, next hop {next_hop}, level {}", level)
        }
        LogEntry::Sent { message, to, security } => format!("sent {message} to {to} {}", claim(*security)),
        LogEntry::Deferred { message, why } => format!("deferred {message}: {why}"),
        LogEntry::Bounced { message, why } => format!("bounced {message}: {why}"),
        LogEntry::Held { message, until } => format!("held {message} until {}", humantime::format_duration(*until)),
        LogEntry::Alarm { peer } => format!("alarm: {peer} used TLS before and does not now"),
    }
}

fn not_connected(why: NotConnected) -> &'static str {
    match why {
        NotConnected::Refused => "refused",
        NotConnected::TimedOut => "no answer in time",
    }
}

fn speaker(end: End) -> &'static str {
    match end {
        End::Dialler => "C:",
        End::Acceptor => "S:",
    }
}

fn channel_word(channel: Channel) -> &'static str {
    match channel {
        Channel::Clear => "clear",
        Channel::Tls => "tls  ",
    }
}

/// The fields of a message that tell what it is, and the size of the rest.
fn content(channel: Channel, text: &str) -> Vec<String> {
    let said = |text: &str| format!("{} C: {text}", channel_word(channel));
    let shown = FIELDS.iter().filter_map(|field| {
        let is_field = |line: &&str| {
            line.get(..field.len())
                .is_some_and(|start| start.eq_ignore_ascii_case(field))
        };
        text.lines().find(is_field)
    });
    let mut lines: Vec<String> = shown.map(said).collect();
    match text.lines().count().saturating_sub(lines.len()) {
        0 => {}
        1 => lines.push(said("(1 line more)")),
        rest => lines.push(said(&format!("({rest} lines more)"))),
    }
    lines.push(said("."));
    lines
}

/// How the log says that a session was secured.
fn claim(security: Security) -> &'static str {
    match security {
        Security::Clear => "in clear",
        Security::Encrypted => "over TLS",
        Security::Authenticated => "over authenticated TLS",
    }
}

/// What a certificate shows.
fn presented(certificate: &Presented) -> String {
    let names = match certificate.names.as_slice() {
        [] => "no name".to_owned(),
        names => names.join(", "),
    };
    let trusted = if certificate.trusted { "trusted" } else { "not trusted" };
    let current = if certificate.current { "in date" } else { "out of date" };
    format!("certificate for {names}; {trusted}, {current}")
}
