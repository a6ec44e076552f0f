//! Whether a scenario is a world that can be. The reader, the generator and the shrinker all ask here.

use std::collections::BTreeSet;
use std::fmt;
use std::time::Duration;

use super::{
    Action, Attack, Clock, DemandStage, Domain, Drift, Expectation, Host, Lie, Message, Phase, Scenario, Step, When,
};
use crate::name::{DomainName, Mailbox, Token};

const TITLE_CHARACTERS_MAX: usize = 200;
const DOMAINS_MAX: usize = 16;
const HOSTS_MAX: usize = 12;
const MESSAGES_MAX: usize = 64;
const STEPS_MAX: usize = 200;

const HOUR: Duration = Duration::from_secs(3600);
const DAY: Duration = Duration::from_secs(24 * 3600);
const YEAR: Duration = Duration::from_secs(31_557_600);
/// The latest time of anything, and the longest lifetime of a message.
const TIME_MAX: Duration = DAY.saturating_mul(400);
const TIME_TO_LIVE_MIN: Duration = Duration::from_secs(1);
const TIME_TO_LIVE_MAX: Duration = DAY.saturating_mul(30);

/// Why a scenario cannot be.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{place}: {what}")]
pub struct Problem {
    /// Where in the scenario.
    pub place: Place,
    /// What is wrong and what would be right.
    pub what: String,
}

/// A place in a scenario, such as `host[2].route`: keys and indices as they stand in its TOML.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Place(Vec<Segment>);

/// One step on the way to a place.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Segment {
    /// Into the value of this key.
    Key(String),
    /// To the element of this index, from 0.
    Index(usize),
}

impl Place {
    /// The place at the end of this way from the outermost table.
    pub fn new(way: Vec<Segment>) -> Self {
        Self(way)
    }

    /// The way to the place, from the outermost table.
    pub fn segments(&self) -> &[Segment] {
        &self.0
    }

    fn at(key: &str) -> Self {
        Self(vec![Segment::Key(key.to_owned())])
    }

    fn key(&self, key: &str) -> Self {
        let mut place = self.clone();
        place.0.push(Segment::Key(key.to_owned()));
        place
    }

    fn index(&self, index: usize) -> Self {
        let mut place = self.clone();
        place.0.push(Segment::Index(index));
        place
    }

    fn problem(self, what: impl Into<String>) -> Problem {
        Problem {
            place: self,
            what: what.into(),
        }
    }
}

impl fmt::Display for Place {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (place, segment) in self.0.iter().enumerate() {
            match segment {
                Segment::Key(key) if place == 0 => formatter.write_str(key)?,
                Segment::Key(key) => write!(formatter, ".{key}")?,
                Segment::Index(index) => write!(formatter, "[{index}]")?,
            }
        }
        Ok(())
    }
}

impl Scenario {
    /// Checks that the scenario is within its bounds and that every name in it leads somewhere.
    ///
    /// Loops of routes and of exchangers are legal, so are recipients in domains that do not exist, and steps that
    /// change nothing.
    ///
    /// # Errors
    /// The first thing that cannot be, in the order of the file.
    pub fn validate(&self) -> Result<(), Problem> {
        check_title(&self.title)?;
        check_count("domain", self.domain.len(), 0, DOMAINS_MAX)?;
        check_count("host", self.host.len(), 1, HOSTS_MAX)?;
        check_count("message", self.message.len(), 1, MESSAGES_MAX)?;
        check_count("step", self.step.len(), 0, STEPS_MAX)?;
        check_unique("domain", "domain", self.domain.iter().map(|domain| &domain.name))?;
        check_unique("host", "host", self.host.iter().map(|host| &host.name))?;
        check_unique("message", "message", self.message.iter().map(|message| &message.name))?;
        for (index, domain) in self.domain.iter().enumerate() {
            self.check_domain(&Place::at("domain").index(index), domain)?;
        }
        for (index, host) in self.host.iter().enumerate() {
            self.check_host(&Place::at("host").index(index), host)?;
        }
        for (index, message) in self.message.iter().enumerate() {
            self.check_message(&Place::at("message").index(index), message)?;
        }
        for (index, step) in self.step.iter().enumerate() {
            self.check_step(&Place::at("step").index(index), step)?;
        }
        if let Some(expectation) = &self.expect {
            self.check_expectation(&Place::at("expect"), expectation)?;
        }
        Ok(())
    }

    fn check_domain(&self, place: &Place, domain: &Domain) -> Result<(), Problem> {
        let mut listed = BTreeSet::new();
        for (index, record) in domain.mx.iter().enumerate() {
            let place = place.key("mx").index(index);
            self.check_known_host(place.key("host"), &record.host)?;
            if !listed.insert(&record.host) {
                let what = format!(
                    "{} is listed twice for {}: one record is enough",
                    record.host, domain.name
                );
                return Err(place.key("host").problem(what));
            }
        }
        let range = TIME_TO_LIVE_MIN..=TIME_TO_LIVE_MAX;
        check_duration(place.key("time-to-live"), domain.time_to_live, &range, "1s to 30 days")
    }

    fn check_host(&self, place: &Place, host: &Host) -> Result<(), Problem> {
        for (index, client) in host.relay_for.iter().enumerate() {
            self.check_known_host(place.key("relay-for").index(index), client)?;
        }
        for (index, client) in host.requires_tls_of.iter().enumerate() {
            self.check_known_host(place.key("requires-tls-of").index(index), client)?;
        }
        for local_part in host.mailboxes.keys() {
            if let Err(error) = format!("{local_part}@{}", host.name).parse::<Mailbox>() {
                return Err(place.key("mailboxes").key(local_part).problem(error.to_string()));
            }
        }
        self.check_demand(place, host)?;
        if host.other_address_first && host.other_address.is_none() {
            let what = format!(
                "{} has one address: say by other-address what is at the second",
                host.name
            );
            return Err(place.key("other-address-first").problem(what));
        }
        for (domain, next_hop) in &host.route {
            self.check_known_host(place.key("route").key(domain.as_str()), next_hop)?;
        }
        if let Some(warning) = host.warning
            && warning > host.lifetime()
        {
            let what = "a warning comes within the lifetime; `0s` for none".to_owned();
            return Err(place.key("warning").problem(what));
        }
        if host.sessions_per_host == 0 {
            return Err(place
                .key("sessions-per-host")
                .problem("with none no mail is ever sent: it must be 1 to 255"));
        }
        if let Some(memory) = host.tls_failure_memory {
            let range = Duration::from_secs(1)..=DAY * 7;
            check_duration(place.key("tls-failure-memory"), memory, &range, "1s to 7 days")?;
        }
        check_duration(
            place.key("lifetime"),
            host.lifetime(),
            &(HOUR..=TIME_MAX),
            "1h to 400 days",
        )
    }

    /// A server that is publicly referenced must not refuse everything in clear (R3207-4-c): the key is for the others.
    fn check_demand(&self, place: &Place, host: &Host) -> Result<(), Problem> {
        if host.demand_stage == DemandStage::Recipient {
            return Ok(());
        }
        let problem = |what: String| Err(place.key("demand-stage").problem(what));
        if !host.demands_tls {
            return problem(format!("{} does not demand TLS: add demands-tls = true", host.name));
        }
        let lists = |domain: &&Domain| {
            domain.mx.iter().any(|record| record.host == host.name)
                || (domain.name == host.name && domain.mx.is_empty())
                || self.step.iter().any(|step| match &step.action {
                    Action::Drift(Drift::AddMx { domain: added, .. }) => {
                        step.host == host.name && *added == domain.name
                    }
                    _ => false,
                })
        };
        match self.domain.iter().find(lists) {
            Some(domain) => problem(format!(
                "{} is listed for {}, and a listed server must not say 530 to every command (RFC 3207 §4): for one that does, \
                 write trouble = \"demands-tls-of-all\"",
                host.name, domain.name
            )),
            None => Ok(()),
        }
    }

    fn check_message(&self, place: &Place, message: &Message) -> Result<(), Problem> {
        if subject_of_notification(&message.name).is_some() {
            let what = format!(
                "{} is the name of a notification: do not end it in .dsn and a number",
                message.name
            );
            return Err(place.key("name").problem(what));
        }
        check_time(place.key("at"), message.at)?;
        self.check_known_host(place.key("host"), &message.host)
    }

    fn check_step(&self, place: &Place, step: &Step) -> Result<(), Problem> {
        match &step.when {
            When::At(at) => check_time(place.key("at"), *at)?,
            When::On(position) => {
                let place = place.key("on");
                self.check_known_message(place.key("message"), &position.message)?;
                if position.attempt == 0 {
                    return Err(place.key("attempt").problem("attempts are counted from 1"));
                }
                self.check_known_host(place.key("host"), &position.host)?;
            }
        }
        self.check_known_host(place.key("host"), &step.host)?;
        match &step.action {
            Action::Drift(Drift::AddMx { domain, .. } | Drift::DropMx(domain)) => {
                self.check_known_domain(place.key("drift"), domain)
            }
            Action::Drift(Drift::Crash { down_for }) => {
                let range = Duration::from_secs(1)..=DAY * 30;
                check_duration(place.key("drift").key("crash"), *down_for, &range, "1s to 30 days")
            }
            Action::Drift(Drift::Hold { until }) => {
                let place = place.key("drift").key("hold");
                check_time(place.key("until"), *until)?;
                match &step.when {
                    When::On(position) if position.phase == Phase::Lookup && position.host != step.host => {
                        Err(place
                            .problem("who looks up is the sender itself: name the same host in `on` and in `host`"))
                    }
                    When::On(position) if matches!(position.phase, Phase::Lookup | Phase::Connect | Phase::Mail) => {
                        Ok(())
                    }
                    _ => {
                        Err(place
                            .problem("what is held stands at the phase lookup, connect or mail: say which by `on`"))
                    }
                }
            }
            Action::Drift(Drift::Clock(clock)) => check_clock(place.key("drift").key("clock"), *clock),
            Action::Drift(_) | Action::Visit(_) => Ok(()),
            Action::Attack { attack, lasting } => {
                check_attack(place.key("attack"), *attack)?;
                check_lasting(place, *lasting)
            }
            Action::Forge { forgery, lasting } => {
                if let Lie::Mx(host) = &forgery.answer {
                    self.check_known_host(place.key("forge").key("answer").key("mx"), host)?;
                }
                check_lasting(place, *lasting)
            }
        }
    }

    fn check_expectation(&self, place: &Place, expectation: &Expectation) -> Result<(), Problem> {
        for (index, fate) in expectation.fates.iter().enumerate() {
            // A notification about m1 is called m1.dsn1, the next m1.dsn2.
            let about = fate
                .message
                .as_str()
                .split_once(".dsn")
                .and_then(|(about, _)| about.parse().ok());
            let place = place.key("fates").index(index).key("message");
            self.check_known_message(place, about.as_ref().unwrap_or(&fate.message))?;
        }
        for (index, alarm) in expectation.alarms.iter().enumerate() {
            let place = place.key("alarms").index(index);
            self.check_known_host(place.key("host"), &alarm.host)?;
            self.check_known_host(place.key("peer"), &alarm.peer)?;
        }
        Ok(())
    }

    fn check_known_host(&self, place: Place, name: &DomainName) -> Result<(), Problem> {
        check_known(place, "host", name, self.host.iter().map(|host| &host.name))
    }

    fn check_known_domain(&self, place: Place, name: &DomainName) -> Result<(), Problem> {
        check_known(place, "domain", name, self.domain.iter().map(|domain| &domain.name))
    }

    /// Accepts the name of a message, and that of a notification about one.
    fn check_known_message(&self, place: Place, name: &Token) -> Result<(), Problem> {
        let known = self.message.iter().map(|message| &message.name);
        let about = subject_of_notification(name);
        if about.is_some_and(|about| known.clone().any(|message| message.as_str() == about)) {
            return Ok(());
        }
        check_known(place, "message", name, known)
    }
}

/// The message that a notification of this name is about: `m1` for `m1.dsn1`.
fn subject_of_notification(name: &Token) -> Option<&str> {
    let (about, number) = name.as_str().rsplit_once(".dsn")?;
    let is_number = !number.is_empty() && number.bytes().all(|octet| octet.is_ascii_digit());
    is_number.then_some(about)
}

fn check_title(title: &str) -> Result<(), Problem> {
    let place = Place::at("title");
    if title.chars().any(char::is_control) {
        return Err(place.problem("control characters have no place in a title: write one line of text"));
    }
    let characters = title.chars().count();
    if characters > TITLE_CHARACTERS_MAX {
        let what = format!("a title has at most {TITLE_CHARACTERS_MAX} characters, not {characters}");
        return Err(place.problem(what));
    }
    Ok(())
}

fn check_count(section: &str, count: usize, least: usize, most: usize) -> Result<(), Problem> {
    if count < least {
        let what = format!("there is none: a scenario needs at least {least}, written as [[{section}]]");
        return Err(Place::at(section).problem(what));
    }
    if count > most {
        let what = format!("there are {count}: a scenario has at most {most}");
        return Err(Place::at(section).index(most).problem(what));
    }
    Ok(())
}

fn check_unique<'a, Name: Ord + fmt::Display + 'a>(
    section: &str,
    kind: &str,
    names: impl Iterator<Item = &'a Name>,
) -> Result<(), Problem> {
    let mut claimed = BTreeSet::new();
    for (index, name) in names.enumerate() {
        if !claimed.insert(name) {
            let place = Place::at(section).index(index).key("name");
            return Err(place.problem(format!("two {kind}s claim the name {name}: give each its own")));
        }
    }
    Ok(())
}

fn check_known<'a, Name: Eq + fmt::Display + 'a>(
    place: Place,
    kind: &str,
    name: &Name,
    known: impl Iterator<Item = &'a Name>,
) -> Result<(), Problem> {
    let mut others = Vec::new();
    for other in known {
        if other == name {
            return Ok(());
        }
        others.push(other.to_string());
    }
    let advice = if others.is_empty() {
        format!("there is no {kind} at all")
    } else {
        format!("the {kind}s are {}", others.join(", "))
    };
    Err(place.problem(format!("no {kind} is called {name}; {advice}")))
}

fn check_time(place: Place, time: Duration) -> Result<(), Problem> {
    check_duration(place, time, &(Duration::ZERO..=TIME_MAX), "0s to 400 days")
}

fn check_lasting(place: &Place, lasting: Option<Duration>) -> Result<(), Problem> {
    let shortest = Duration::from_nanos(1);
    lasting.map_or(Ok(()), |lasting| {
        check_duration(
            place.key("lasting"),
            lasting,
            &(shortest..=TIME_MAX),
            "more than 0s, to 400 days",
        )
    })
}

/// Certificates are dated between 1970 and 9999 (RFC 5280 §4.1.2.5).
fn check_clock(place: Place, clock: Clock) -> Result<(), Problem> {
    let check = |by, most, allowed| check_duration(place.clone(), by, &(Duration::from_secs(1)..=most), allowed);
    match clock {
        Clock::Right => Ok(()),
        Clock::Ahead(by) => check(by, YEAR * 7000, "1s to 7000 years"),
        Clock::Behind(by) => check(by, YEAR * 50, "1s to 50 years"),
    }
}

fn check_duration(
    place: Place,
    duration: Duration,
    range: &std::ops::RangeInclusive<Duration>,
    allowed: &str,
) -> Result<(), Problem> {
    if range.contains(&duration) {
        return Ok(());
    }
    Err(place.problem(format!("out of range: it must be {allowed}")))
}

fn check_attack(place: Place, attack: Attack) -> Result<(), Problem> {
    match attack.problem() {
        Some((key, what)) => Err(place.key(key).problem(what)),
        None => Ok(()),
    }
}
