//! The sending side of an MTA: its queue, driven by the delivery machine, and the mail that it hands on.

use std::cell::{Cell, RefCell};
use std::collections::BTreeMap;
use std::net::IpAddr;
use std::rc::Rc;

use jiff::Timestamp;
use jiff::fmt::rfc2822::DateTimePrinter;
use postern_model::mta::delivery::{self, Cause, Delivery, Input, JobId, Output, PeerId, Route, Timer};
use postern_model::mta::notification::Notification;
use postern_model::mta::policy::TlsUse;
use postern_model::mta::session::{Listing, Outcome, Transaction, WithoutTls};
use postern_model::name::{DomainName, Mailbox, ReversePath, Token};
use postern_model::scenario::{Level, Message, Phase, Position};
use postern_model::trace::{Answer, Event, LogEntry, Question};
use rand::seq::SliceRandom;

use crate::client::{self, Errand, Located};
use crate::dns::Resolver;
use crate::net::Door;
use crate::net::clock::EPOCH_SECONDS;
use crate::world::{World, address_of_host};

/// A message that has been handed on this often goes in circles (RFC 5321 §6.3: at least 100).
const RECEIVED_LINES_MAX: usize = 100;

/// One MTA of the world.
pub(crate) struct Mta {
    pub(crate) world: Rc<World>,
    pub(crate) index: usize,
    pub(crate) name: DomainName,
    pub(crate) door: Door,
    resolver: Resolver,
    delivery: RefCell<Delivery>,
    queue: RefCell<BTreeMap<JobId, Rc<Mail>>>,
    next_job: Cell<u32>,
    /// What was just given back, for the notification that the machine may ask for next.
    last_bounced: RefCell<Option<(JobId, Rc<Mail>)>>,
}

/// A queued message.
pub(crate) struct Mail {
    pub(crate) token: Token,
    pub(crate) from: ReversePath,
    pub(crate) to: Mailbox,
    pub(crate) next_hop: DomainName,
    /// Lines ended by CRLF.
    pub(crate) content: Vec<u8>,
    state: RefCell<State>,
}

/// A message on its way into the queue.
struct Outgoing {
    token: Token,
    from: ReversePath,
    to: Mailbox,
    /// Lines ended by CRLF.
    content: Vec<u8>,
}

struct State {
    failure: Failure,
    sent_to: Option<PeerId>,
}

/// Why a message is not delivered, for the log and the notification.
#[derive(Clone)]
struct Failure {
    status: String,
    text: String,
}

impl Mta {
    pub(crate) fn new(world: &Rc<World>, index: usize, door: Door, resolver: Resolver) -> Rc<Self> {
        let host = world.host(index);
        let own = PeerId(u8::try_from(index).unwrap_or(u8::MAX));
        let settings = delivery::Settings {
            own,
            alarms: host.alarms,
            mutant: world.mutant,
        };
        Rc::new(Self {
            world: Rc::clone(world),
            index,
            name: host.name.clone(),
            door,
            resolver,
            delivery: RefCell::new(Delivery::new(settings)),
            queue: RefCell::default(),
            next_job: Cell::new(0),
            last_bounced: RefCell::default(),
        })
    }

    /// Hands in the scenario's messages for this host, each at its time.
    pub(crate) async fn submit_all(self: Rc<Self>) {
        let scenario = self.world.scenario();
        let mut messages: Vec<&Message> = scenario
            .message
            .iter()
            .filter(|message| message.host == self.name)
            .collect();
        messages.sort_by_key(|message| message.at);
        for message in messages {
            self.door.sleep(message.at.saturating_sub(self.door.now())).await;
            let outgoing = Outgoing {
                token: message.name.clone(),
                from: message.from.clone(),
                to: message.to.clone(),
                content: self.content_of(message),
            };
            self.originate(outgoing, None);
            self.world.work_ended();
        }
    }

    /// Takes responsibility for a message that a client sent.
    pub(crate) fn store(self: &Rc<Self>, transaction: &Transaction) {
        let trace_line = format!(
            "Received: from {} by {} with {}; {}\r\n",
            transaction.client_name,
            self.name,
            if transaction.tls { "ESMTPS" } else { "ESMTP" },
            self.date()
        );
        let content = [trace_line.as_bytes(), &transaction.content].concat();
        let token = token_in(&transaction.content);
        for to in &transaction.to {
            self.receive(Outgoing {
                token: token.clone(),
                from: transaction.from.clone(),
                to: to.clone(),
                content: content.clone(),
            });
        }
    }

    /// Whether DNS lists this host as exchanger of a domain: one of the exchangers has this host's address (SEED-15).
    pub(crate) async fn listing(&self, domain: &DomainName) -> Listing {
        let exchangers = match self.ask(Question::Mx(domain.clone())).await {
            Answer::Exchangers(exchangers) => exchangers.into_iter().map(|(_, host)| host).collect(),
            Answer::NoData | Answer::Addresses(_) => vec![domain.clone()],
            Answer::NoName => return Listing::Unlisted,
            Answer::Failed => return Listing::LookupFailed,
        };
        let mut listing = Listing::Unlisted;
        for host in exchangers {
            match self.ask(Question::Address(host)).await {
                Answer::Addresses(addresses) if addresses.contains(&self.address()) => return Listing::Listed,
                Answer::Failed => listing = Listing::LookupFailed,
                _ => {}
            }
        }
        listing
    }

    /// Asks this host's resolver, and records what it says.
    pub(crate) async fn ask(&self, question: Question) -> Answer {
        let answer = self.resolver.ask(&question).await;
        self.world.recorder.record(Event::Answered {
            host: self.name.clone(),
            question,
            answer: answer.clone(),
        });
        answer
    }

    /// Hands a fact to the delivery machine and does what it asks.
    pub(crate) fn handle(self: &Rc<Self>, input: Input) {
        self.delivery.borrow_mut().handle(input);
        loop {
            let output = self.delivery.borrow_mut().poll();
            match output {
                Output::Idle => return,
                Output::Resolve(job) => self.resolve(job),
                Output::Connect { job, peer, tls } => self.connect(job, peer, tls),
                Output::Arm(timer) => self.arm(timer),
                Output::Sent(job) => self.sent(job),
                Output::Deferred(job) => self.deferred(job),
                Output::Bounced { job, cause } => self.bounced(job, cause),
                Output::Notify(job) => self.notify(job),
                Output::Alarm(peer) => {
                    let peer = self.world.host(usize::from(peer.0)).name.clone();
                    self.log(LogEntry::Alarm { peer });
                }
            }
        }
    }

    /// Delivery stands at this phase of the present attempt.
    pub(crate) fn reached(&self, mail: &Mail, attempt: u16, host: &DomainName, phase: Phase) {
        let position = Position {
            message: mail.token.clone(),
            attempt: attempt.into(),
            host: host.clone(),
            phase,
        };
        self.world.reached(&position);
    }

    fn log(&self, entry: LogEntry) {
        self.world.recorder.log(&self.name, entry);
    }

    fn address(&self) -> IpAddr {
        address_of_host(self.index).into()
    }

    /// Takes a message of this host's own: one that was handed in, or a notification. It may be for a mailbox here.
    fn originate(self: &Rc<Self>, message: Outgoing, about: Option<Token>) {
        self.record_queued(&message, about);
        match self.is_exchanger_for(&message.to) {
            true => self.record_delivered(message.token, message.to),
            false => self.enqueue(message),
        }
    }

    /// Takes a message that a client sent: for a mailbox here, or to be relayed.
    fn receive(self: &Rc<Self>, message: Outgoing) {
        if self.is_exchanger_for(&message.to) {
            return self.record_delivered(message.token, message.to);
        }
        self.record_queued(&message, None);
        self.enqueue(message);
    }

    fn enqueue(self: &Rc<Self>, message: Outgoing) {
        let Outgoing {
            token,
            from,
            to,
            content,
        } = message;
        let next_hop = self.world.host(self.index).next_hop(to.domain()).clone();
        let goes_in_circles = received_lines(&content) > RECEIVED_LINES_MAX;
        let state = RefCell::new(State {
            failure: Failure::new("4.3.0", "not tried yet"),
            sent_to: None,
        });
        let mail = Rc::new(Mail {
            token,
            from,
            to,
            next_hop,
            content,
            state,
        });
        let job = JobId(self.next_job.replace(self.next_job.get() + 1));
        self.queue.borrow_mut().insert(job, mail);
        self.world.work_began();
        if goes_in_circles {
            self.bounced(job, Cause::LoopsBack);
            self.notify(job);
        } else {
            self.handle(Input::Queued(job));
        }
    }

    fn is_exchanger_for(&self, to: &Mailbox) -> bool {
        self.world.host(self.index).exchanger_for.contains(to.domain())
    }

    fn record_queued(&self, message: &Outgoing, about: Option<Token>) {
        self.world.recorder.record(Event::Queued {
            host: self.name.clone(),
            message: message.token.clone(),
            from: message.from.clone(),
            to: message.to.clone(),
            about,
        });
    }

    fn record_delivered(&self, message: Token, to: Mailbox) {
        self.world.recorder.record(Event::Delivered {
            host: self.name.clone(),
            message,
            to,
        });
    }

    fn mail(&self, job: JobId) -> Option<Rc<Mail>> {
        self.queue.borrow().get(&job).cloned()
    }

    fn planned_level(&self, job: JobId) -> Option<Level> {
        self.delivery.borrow().level(job)
    }

    fn attempts(&self, job: JobId) -> u16 {
        self.delivery.borrow().attempts(job).unwrap_or(1)
    }

    /// Asks for the policy and the exchangers of a job's next hop.
    fn resolve(self: &Rc<Self>, job: JobId) {
        let Some(mail) = self.mail(job) else { return };
        let attempt = self.attempts(job);
        let mta = Rc::clone(self);
        self.door.spawn(async move {
            mta.reached(&mail, attempt, &mta.name, Phase::Lookup);
            let level = mta.world.host(mta.index).level_for(&mail.next_hop);
            mta.log(LogEntry::Attempt {
                message: mail.token.clone(),
                number: attempt.into(),
                next_hop: mail.next_hop.clone(),
                level,
            });
            let route = mta.route_to(&mail, attempt).await;
            match &route {
                Route::LookupFailed => {
                    let text = format!(
                        "Host or domain name not found. Name service error for {}",
                        mail.next_hop
                    );
                    mail.state.borrow_mut().failure = Failure::new("4.4.3", &text);
                }
                Route::NoSuchDomain => {
                    let text = format!("Host or domain name not found: {}", mail.next_hop);
                    mail.state.borrow_mut().failure = Failure::new("5.1.2", &text);
                }
                Route::Exchangers(_) => {}
            }
            mta.handle(Input::Resolved { job, level, route });
        });
    }

    async fn route_to(&self, mail: &Mail, attempt: u16) -> Route {
        let peer = |host: &DomainName| {
            self.world
                .host_index(host)
                .and_then(|index| u8::try_from(index).ok())
                .map(PeerId)
        };
        if mail.next_hop != *mail.to.domain() {
            return peer(&mail.next_hop).map_or(Route::LookupFailed, |peer| Route::Exchangers(vec![(0, peer)]));
        }
        match self.ask(Question::Mx(mail.next_hop.clone())).await {
            Answer::Exchangers(mut exchangers) => {
                // Equal preferences are tried in random order (R5321-5.1-c).
                exchangers.shuffle(&mut self.door.random(&format!("mx order {} {attempt}", mail.token)));
                let known = exchangers
                    .iter()
                    .filter_map(|(preference, host)| Some((*preference, peer(host)?)));
                Route::Exchangers(known.collect())
            }
            // The implicit MX: the domain's own address, if it has one (R5321-5.1-a).
            Answer::NoData | Answer::Addresses(_) => match self.ask(Question::Address(mail.next_hop.clone())).await {
                Answer::Addresses(_) => {
                    Route::Exchangers(peer(&mail.next_hop).map(|peer| (0, peer)).into_iter().collect())
                }
                Answer::Failed => Route::LookupFailed,
                _ => Route::NoSuchDomain,
            },
            Answer::NoName => Route::NoSuchDomain,
            Answer::Failed => Route::LookupFailed,
        }
    }

    fn connect(self: &Rc<Self>, job: JobId, peer: PeerId, tls: TlsUse) {
        let Some(mail) = self.mail(job) else { return };
        let attempt = self.attempts(job);
        let mta = Rc::clone(self);
        self.door.spawn(async move {
            let exchanger = mta.world.host(usize::from(peer.0)).name.clone();
            mta.reached(&mail, attempt, &exchanger, Phase::Connect);
            let located = client::locate(&mta, &exchanger).await;
            let level = mta.world.host(mta.index).level_for(&mail.next_hop);
            if mta.planned_level(job) != Some(level) {
                return mta.handle(Input::PolicyChanged { job, level });
            }
            let errand = Errand {
                mta: &mta,
                job,
                mail: &mail,
                attempt,
                exchanger: &exchanger,
                tls,
            };
            let (outcome, failure) = mta.send(errand, located).await;
            *mail.state.borrow_mut() = State {
                failure,
                sent_to: Some(peer),
            };
            mta.handle(Input::Ended { job, outcome });
        });
    }

    async fn send(&self, errand: Errand<'_>, located: Result<Located, String>) -> (Outcome, Failure) {
        let located = match located {
            Ok(located) => located,
            Err(because) => return (Outcome::ConnectionFailed, Failure::new("4.4.3", &because)),
        };
        match client::connect(self, errand.exchanger, located).await {
            Ok((stream, dialled)) => {
                let (outcome, because) = client::send(errand, stream, dialled).await;
                (outcome, Failure::of(outcome, &because))
            }
            Err(because) => (Outcome::ConnectionFailed, Failure::new("4.4.1", &because)),
        }
    }

    fn arm(self: &Rc<Self>, timer: Timer) {
        let host = self.world.host(self.index);
        let wait = match timer {
            Timer::Retry { attempts, .. } => host.retry.gap(attempts.into()),
            Timer::Lifetime(_) => delivery::lifetime(host.lifetime, self.world.mutant),
        };
        drop(host);
        let mta = Rc::clone(self);
        self.door.spawn(async move {
            mta.door.sleep(wait).await;
            mta.handle(Input::Expired(timer));
        });
    }

    fn sent(&self, job: JobId) {
        let Some(mail) = self.forget(job) else { return };
        if let Some(peer) = mail.state.borrow().sent_to {
            let to = self.world.host(usize::from(peer.0)).name.clone();
            self.log(LogEntry::Sent {
                message: mail.token.clone(),
                to,
            });
        }
    }

    fn deferred(&self, job: JobId) {
        let Some(mail) = self.mail(job) else { return };
        let why = mail.state.borrow().failure.to_string();
        self.log(LogEntry::Deferred {
            message: mail.token.clone(),
            why,
        });
    }

    fn bounced(&self, job: JobId, cause: Cause) {
        let Some(mail) = self.forget(job) else { return };
        mail.state.borrow_mut().failure.settle(cause);
        let why = mail.state.borrow().failure.to_string();
        self.log(LogEntry::Bounced {
            message: mail.token.clone(),
            why,
        });
        self.last_bounced.replace(Some((job, mail)));
    }

    fn forget(&self, job: JobId) -> Option<Rc<Mail>> {
        let mail = self.queue.borrow_mut().remove(&job)?;
        self.world.work_ended();
        Some(mail)
    }

    /// Reports the failure to the reverse path; a failed notification, whose reverse path is null, to nobody.
    fn notify(self: &Rc<Self>, job: JobId) {
        let Some((bounced, mail)) = self.last_bounced.take() else {
            return;
        };
        let ReversePath::Mailbox(to) = &mail.from else { return };
        if bounced != job {
            return;
        }
        let token = self.world.recorder.notification_token(&mail.token);
        let failure = mail.state.borrow().failure.clone();
        let notification = Notification {
            token: &token,
            reporting_host: &self.name,
            to,
            final_recipient: &mail.to,
            status: &failure.status,
            diagnostic: &failure.text,
            date: &self.date(),
            returned_header: &header_of(&mail.content),
        };
        let content = notification.content();
        let outgoing = Outgoing {
            token,
            from: ReversePath::Null,
            to: to.clone(),
            content,
        };
        self.originate(outgoing, Some(mail.token.clone()));
    }

    fn content_of(&self, message: &Message) -> Vec<u8> {
        let author = match &message.from {
            ReversePath::Null => format!("postmaster@{}", self.name),
            ReversePath::Mailbox(mailbox) => mailbox.to_string(),
        };
        let Message { name, to, .. } = message;
        format!(
            "From: <{author}>\r\nTo: <{to}>\r\nDate: {}\r\nMessage-ID: <{name}@{}>\r\nSubject: {name}\r\n\r\n\
             This is the content of {name}.\r\n",
            self.date(),
            self.name
        )
        .into_bytes()
    }

    fn date(&self) -> String {
        let seconds = EPOCH_SECONDS + self.door.now().as_secs();
        let now = i64::try_from(seconds)
            .ok()
            .and_then(|seconds| Timestamp::from_second(seconds).ok());
        let text = now.and_then(|now| DateTimePrinter::new().timestamp_to_string(&now).ok());
        text.unwrap_or_else(|| String::from("Thu, 1 Jan 2026 00:00:00 -0000"))
    }
}

impl Failure {
    fn new(status: &str, text: &str) -> Self {
        Self {
            status: status.to_owned(),
            text: text.to_owned(),
        }
    }

    /// The status of the real problem (RFC 3463): the server's own if it gave one.
    fn of(outcome: Outcome, because: &str) -> Self {
        let detail = enhanced_code_in(because).unwrap_or("0.0");
        let status = match outcome {
            Outcome::TlsUnavailable(WithoutTls::NotOffered | WithoutTls::Refused) => String::from("4.7.4"),
            Outcome::TlsUnavailable(WithoutTls::HandshakeFailed) | Outcome::TlsBroke(_) => String::from("4.7.5"),
            Outcome::ConnectionFailed => String::from("4.4.2"),
            Outcome::Accepted => String::from("2.0.0"),
            // The class is that of what this host does about it, not of what the server said.
            Outcome::RefusedForNow => format!("4.{detail}"),
            Outcome::RefusedForGood => format!("5.{detail}"),
        };
        Self::new(&status, because)
    }

    fn settle(&mut self, cause: Cause) {
        match cause {
            Cause::Refused | Cause::NoSuchDomain => {}
            Cause::Expired => self.text = format!("delivery time expired; last try: {}", self.text),
            Cause::LoopsBack => *self = Self::new("5.4.6", "mail for the domain loops back to this host"),
        }
    }
}

impl std::fmt::Display for Failure {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(formatter, "{} {}", self.status, self.text)
    }
}

/// The subject and detail of the first enhanced status code in a reply, such as `7.0` of `5.7.0`.
fn enhanced_code_in(text: &str) -> Option<&str> {
    let is_number = |part: &str| (1..=3).contains(&part.len()) && part.bytes().all(|octet| octet.is_ascii_digit());
    text.split(' ').find_map(|word| {
        let (class, detail) = word.split_once('.')?;
        let (subject, number) = detail.split_once('.')?;
        (["4", "5"].contains(&class) && is_number(subject) && is_number(number)).then_some(detail)
    })
}

/// The token in the Message-ID of a content.
fn token_in(content: &[u8]) -> Token {
    let header = header_of(content);
    let token = header.lines().find_map(|line| {
        let (name, value) = line.split_once(':')?;
        let id = name.eq_ignore_ascii_case("message-id").then_some(value.trim())?;
        id.strip_prefix('<')?.split_once('@')?.0.parse().ok()
    });
    token.unwrap_or_else(unnamed_token)
}

fn unnamed_token() -> Token {
    "unnamed".parse().expect("a plain word is a token")
}

/// The header of a content, lines ended by CRLF.
fn header_of(content: &[u8]) -> String {
    let text = String::from_utf8_lossy(content);
    let end = text.find("\r\n\r\n").map_or(text.len(), |end| end + 2);
    text[..end].to_owned()
}

fn received_lines(content: &[u8]) -> usize {
    header_of(content)
        .lines()
        .filter(|line| line.starts_with("Received:"))
        .count()
}
