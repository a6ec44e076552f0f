//! The sending side of an MTA: its queue, driven by the delivery machine, and the mail that it hands on.

mod connect;
mod content;
mod failure;
mod life;
mod notify;
mod queue;
mod resolve;
mod spool;
#[cfg(test)]
mod tests;

use std::cell::{Cell, RefCell};
use std::collections::{BTreeMap, BTreeSet};
use std::net::IpAddr;
use std::rc::Rc;
use std::time::Duration;

use postern_model::mta::delivery::{self, Cause, Delivery, Input, JobId, Output, PeerId, Role, Timer};
use postern_model::mta::session::Transaction;
use postern_model::mutant::Mutant;
use postern_model::name::{DomainName, Mailbox, ReversePath, Token};
use postern_model::scenario::{Level, Phase, Position, Security};
use postern_model::smtp::Request;
use postern_model::trace::LogEntry;

use self::failure::Failure;
pub(crate) use self::life::{Power, live};
pub(crate) use self::spool::Spool;
use crate::client::KeptSession;
use crate::dns::Resolver;
use crate::net::Door;
use crate::world::{World, address_of_host};

/// One MTA of the world.
pub(crate) struct Mta {
    pub(crate) world: Rc<World>,
    pub(crate) index: usize,
    pub(crate) name: DomainName,
    pub(crate) door: Door,
    resolver: Resolver,
    delivery: RefCell<Delivery>,
    /// The sessions that stand open for more mail.
    kept: RefCell<BTreeMap<PeerId, KeptSession>>,
    /// What was just given back, for the notification that the machine may ask for next.
    last_bounced: RefCell<Option<(JobId, Rc<Mail>)>>,
    /// When a handshake with each client failed last, for servers that ban.
    pub(crate) handshake_failed: RefCell<BTreeMap<DomainName, Duration>>,
    /// The hosts from whose addresses somebody ever proved an identity; the server must not go by it.
    pub(crate) identified: RefCell<BTreeSet<DomainName>>,
}

/// A queued message.
pub(crate) struct Mail {
    pub(crate) token: Token,
    pub(crate) from: ReversePath,
    pub(crate) to: Mailbox,
    /// What was asked about notifications when it came, or was handed in.
    pub(crate) request: Request,
    pub(crate) next_hop: DomainName,
    /// Lines ended by CRLF.
    pub(crate) content: Vec<u8>,
    /// What this host is to it.
    role: Role,
    /// When it entered the queue: waiting goes by the time since the start of the run, which never leaps.
    queued_at: Duration,
    /// What the wall clock of this host showed then.
    dated: Duration,
    /// How many attempts it had.
    attempts: Cell<u16>,
    /// When its next attempt is due, while it waits for one.
    due: Cell<Option<Duration>>,
    /// What the session under way is secured by, as far as this host knows.
    pub(crate) security: Cell<Security>,
    /// Its sender was told of the delay; that outlives a crash as the message does.
    was_warned: Cell<bool>,
    state: RefCell<State>,
}

struct State {
    failure: Failure,
    sent_to: Option<PeerId>,
    /// What the wall clock of this host showed when the last attempt began.
    last_attempt: Option<Duration>,
}

impl Mta {
    pub(crate) fn new(world: &Rc<World>, index: usize, door: Door, resolver: Resolver) -> Rc<Self> {
        let host = world.host(index);
        let own = PeerId(u8::try_from(index).unwrap_or(u8::MAX));
        let settings = delivery::Settings {
            own,
            alarms: host.alarms,
            reuse: host.reuse,
            remembers_tls_failure: host.tls_failure_memory.is_some(),
            sessions_per_host: host.sessions_per_host,
            mutant: world.mutant,
        };
        Rc::new(Self {
            world: Rc::clone(world),
            index,
            name: host.name.clone(),
            door,
            resolver,
            delivery: RefCell::new(Delivery::new(settings)),
            kept: RefCell::default(),
            last_bounced: RefCell::default(),
            handshake_failed: RefCell::default(),
            identified: RefCell::default(),
        })
    }

    /// Hands a fact to the delivery machine and does what it asks.
    pub(crate) fn handle(self: &Rc<Self>, input: Input) {
        // Nobody is there to take it after a crash.
        if !self.door.is_alive() {
            return;
        }
        self.world.recorder.decides(self.delivery.borrow().decision(&input));
        self.delivery.borrow_mut().handle(input);
        loop {
            let output = self.delivery.borrow_mut().poll();
            match output {
                Output::Idle => return,
                Output::Resolve(job) => self.resolve(job),
                Output::Connect {
                    job,
                    peer,
                    address,
                    tls,
                } => self.connect(job, (peer, address), tls),
                Output::Reuse { job, peer } => self.reuse(job, peer),
                Output::HangUp(peer) => self.hang_up(peer),
                Output::Arm(timer) => self.arm(timer),
                Output::Sent(job) => self.sent(job),
                Output::Deferred(job) => self.deferred(job),
                Output::Bounced { job, cause } => self.bounced(job, cause),
                Output::Warn(job) => self.warn(job),
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
        self.world.reached(&position_of(mail, attempt, host, phase));
    }

    /// For how long delivery is held at this phase of the present attempt, which the log tells.
    pub(crate) fn held_for(&self, mail: &Mail, attempt: u16, host: &DomainName, phase: Phase) -> Duration {
        let until = self.world.held_until(&position_of(mail, attempt, host, phase));
        let (until, now) = (until.unwrap_or_default(), self.door.now());
        if until > now {
            let message = mail.token.clone();
            self.log(LogEntry::Held { message, until });
        }
        until.saturating_sub(now)
    }

    /// Waits for as long.
    async fn hold(&self, mail: &Mail, attempt: u16, host: &DomainName, phase: Phase) {
        let hold = self.held_for(mail, attempt, host, phase);
        if !hold.is_zero() {
            self.door.sleep(hold).await;
        }
    }

    /// This host, as a server, stands at this phase of the attempt at a message.
    fn serve_position(&self, transaction: &Transaction, phase: Phase) {
        let message = content::token_in(&transaction.content);
        self.world.reached_by_server(message, &self.name, phase);
    }

    /// Whether sessions are kept open for more mail.
    pub(crate) fn keeps_sessions(&self) -> bool {
        self.world.host(self.index).reuse
    }

    fn spool(&self) -> &Spool {
        self.world.spool(self.index)
    }

    fn log(&self, entry: LogEntry) {
        self.world.recorder.log(&self.name, entry);
    }

    fn has(&self, mutant: Mutant) -> bool {
        self.world.mutant == Some(mutant)
    }

    fn address(&self) -> IpAddr {
        address_of_host(self.index).into()
    }

    fn mail(&self, job: JobId) -> Option<Rc<Mail>> {
        self.spool().mail(job)
    }

    fn planned_level(&self, job: JobId) -> Option<Level> {
        self.delivery.borrow().level(job)
    }

    fn attempts(&self, job: JobId) -> u16 {
        self.delivery.borrow().attempts(job).unwrap_or(1)
    }

    fn arm(self: &Rc<Self>, timer: Timer) {
        if let Timer::Lifetime(job) = timer
            && self.world.host(self.index).warning().is_some()
        {
            self.arm(Timer::Warning(job));
        }
        let wait = match timer {
            Timer::Retry { job, attempts } => self.until_retry(job, attempts),
            Timer::Lifetime(job) => self.until_expiry(job),
            Timer::Warning(job) => self.until_warning(job),
            Timer::Kept(_) => delivery::KEPT_FOR,
            Timer::TlsFailure(_) => self.world.host(self.index).tls_failure_memory.unwrap_or_default(),
        };
        let mta = Rc::clone(self);
        self.door.spawn(async move {
            mta.door.sleep(wait).await;
            mta.handle(Input::Expired(mta.due(timer)));
        });
    }

    /// The gap of the schedule, or what is left of it after a restart.
    fn until_retry(&self, job: JobId, attempts: u16) -> Duration {
        let now = self.door.now();
        let gap = delivery::gap(
            self.world.host(self.index).retry,
            attempts,
            self.age(job),
            self.world.mutant,
        );
        let Some(mail) = self.mail(job) else { return gap };
        let due = mail.due.get().unwrap_or(now + gap);
        mail.due.set(Some(due));
        due.saturating_sub(now)
    }

    /// Lifetimes run from the queueing, restarts or not.
    fn until_expiry(&self, job: JobId) -> Duration {
        let lifetime = delivery::lifetime(self.world.host(self.index).lifetime(), self.world.mutant);
        lifetime.saturating_sub(self.age(job))
    }

    fn until_warning(&self, job: JobId) -> Duration {
        let warning = self.world.host(self.index).warning().unwrap_or_default();
        warning.saturating_sub(self.age(job))
    }

    /// How long a message has been in the queue.
    fn age(&self, job: JobId) -> Duration {
        let mail = self.mail(job);
        mail.map_or(Duration::ZERO, |mail| self.door.now().saturating_sub(mail.queued_at))
    }

    /// What a timer that goes off is about: lifetimes have timers of their own, and only a mutant asks its wall clock.
    fn due(&self, timer: Timer) -> Timer {
        match (timer, self.world.mutant) {
            (Timer::Retry { job, .. }, Some(Mutant::LifetimeByWallClock)) => {
                let lifetime = self.world.host(self.index).lifetime();
                let dated = self.mail(job).map(|mail| mail.dated);
                match dated.is_some_and(|dated| self.door.wall_clock() >= dated + lifetime) {
                    true => Timer::Lifetime(job),
                    false => timer,
                }
            }
            (timer, _) => timer,
        }
    }

    fn sent(&self, job: JobId) {
        let Some(mail) = self.forget(job) else { return };
        if let Some(peer) = mail.state.borrow().sent_to {
            let to = self.world.host(usize::from(peer.0)).name.clone();
            let security = match self.has(Mutant::ClaimsEncryptedInClear) {
                true => mail.security.get().max(Security::Encrypted),
                false => mail.security.get(),
            };
            self.log(LogEntry::Sent {
                message: mail.token.clone(),
                to,
                security,
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
        let mail = self.spool().remove(job)?;
        self.world.work_ended();
        Some(mail)
    }
}

fn position_of(mail: &Mail, attempt: u16, host: &DomainName, phase: Phase) -> Position {
    Position {
        message: mail.token.clone(),
        attempt: attempt.into(),
        host: host.clone(),
        phase,
    }
}
