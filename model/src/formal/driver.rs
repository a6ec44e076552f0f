//! Drives the delivery machine through abstract sessions, and tells judges what there is to see.
//!
//! What a client session does with its wish for TLS is told here in a few lines; that the session machines do so is for the
//! byte-level model. What the sender does, all of it, is the delivery machine's own.

mod drift;
mod session;

use std::time::Duration;

use crate::mta::delivery::{self, Decision, Delivery, HopId, Input, JobId, KEPT_FOR, Output, PeerId, Settings, Timer};
use crate::mta::session::Outcome;
use crate::observation::{Code, ConnectionId, DomainId, DomainSet, HostId, MessageId, MxAnswer, Observation};
use crate::report::{About, ReportAction};
use crate::scenario::{Certificate, Level, MailboxState, Phase};

use super::configuration::{Configuration, Names};
use super::independence::{self, Dependence};
use super::world::{Clock, End, Job, Kept, Lasting, Minutes, Place, Session, World, minutes, place_of};

/// What judges see, each so long after the one before.
pub type Seen = Vec<(Duration, Observation)>;

/// The sending host, as it stands first in the scenario.
const SENDER: HostId = HostId(0);

/// The sender and the world around it, on their way to the next state.
#[derive(Debug, Clone)]
pub(super) struct Driver<'a> {
    pub(super) configuration: &'a Configuration,
    pub(super) names: &'a Names,
    pub(super) delivery: Delivery,
    pub(super) world: World,
    pub(super) seen: Seen,
    /// What a command depended on that it must not depend on, where that is looked for.
    pub(super) dependences: Vec<Dependence>,
    pub(super) looks_for_dependences: bool,
    /// What the machine decided, where that is asked for.
    pub(super) decisions: Option<Vec<Decision>>,
    /// Whether messages were sent in clear, by place; for whoever asks how well they fared.
    pub(super) sent_in_clear: [bool; super::configuration::MESSAGES_MAX],
    time: Duration,
}

impl<'a> Driver<'a> {
    pub(super) fn at_start(configuration: &'a Configuration, names: &'a Names) -> Self {
        let delivery = Delivery::new(settings(configuration));
        Self::at(configuration, names, delivery, World::at_start(configuration))
    }

    pub(super) fn at(configuration: &'a Configuration, names: &'a Names, delivery: Delivery, world: World) -> Self {
        Self {
            configuration,
            names,
            delivery,
            world,
            seen: Seen::new(),
            dependences: Vec::new(),
            looks_for_dependences: true,
            decisions: None,
            sent_in_clear: Default::default(),
            time: Duration::ZERO,
        }
    }

    /// A message is handed in.
    pub(super) fn hand_in(&mut self, job: usize) {
        let hop = self.configuration.messages[job];
        self.see(Observation::Queued {
            host: SENDER,
            message: message_id(job),
            next_hop: self.domain(hop),
            domain: self.recipient(hop),
            mailbox: MailboxState::Accepts,
            null_reverse_path: false,
            about: None,
        });
        self.world.jobs[job].place = Place::Waits;
        let role = self.configuration.role;
        self.handle(Input::Queued {
            job: job_id(job),
            next_hop: hop,
            role,
        });
    }

    /// A message that is ready takes its next step.
    pub(super) fn go(&mut self, job: usize) {
        match self.world.jobs[job].place {
            Place::Resolves => self.resolve(job),
            Place::Dials { peer, address, tls } => self.dial(job, peer, address, tls),
            Place::Reuses { peer, session } => self.reuse(job, peer, session),
            Place::Talks { peer, session } => self.talk(job, peer, session),
            Place::Outside | Place::Waits | Place::Hangs { .. } | Place::Over(_) => {}
        }
    }

    /// Time moves to the next timer, and whatever is due goes off.
    pub(super) fn pass(&mut self) {
        let Some(time) = self.world.until_next() else { return };
        self.let_time_pass(time);
        for place in 0..self.configuration.exchangers.len() {
            let peer = peer_id(place);
            if self.world.kept[place].is_some_and(|kept| kept.ends_in == 0) {
                self.handle(Input::Expired(Timer::Kept(peer)));
            }
            if self.world.forgets_in[place] == Some(0) {
                self.world.forgets_in[place] = None;
                self.handle(Input::Expired(Timer::TlsFailure(peer)));
            }
        }
        for job in 0..self.configuration.messages.len() {
            if let Place::Hangs {
                connection, ends_in: 0, ..
            } = self.world.jobs[job].place
            {
                self.see(Observation::Closed {
                    connection: ConnectionId(connection.into()),
                });
                self.ended(job, Outcome::ConnectionFailed);
            }
        }
        for job in 0..self.configuration.messages.len() {
            let Job {
                expires_in,
                retries_in,
                attempts,
                ..
            } = self.world.jobs[job];
            if expires_in == Some(0) {
                self.world.jobs[job].expires_in = None;
                self.handle(Input::Expired(Timer::Lifetime(job_id(job))));
            }
            if retries_in == Some(0) {
                self.world.jobs[job].retries_in = None;
                let job = job_id(job);
                self.handle(Input::Expired(Timer::Retry { job, attempts }));
            }
        }
    }

    /// All mail is gone, and nothing more comes.
    pub(super) fn end(&mut self) {
        self.time += 2 * KEPT_FOR;
        self.see(Observation::Quiet);
        self.world = World {
            clock: Clock::Ended,
            ..World::at_start(self.configuration)
        };
        self.delivery = Delivery::new(settings(self.configuration));
    }

    /// The sender crashes and starts again at once, with what it had accepted.
    pub(super) fn restart(&mut self) {
        self.world.left.restarts -= 1;
        self.see(Observation::Running {
            host: SENDER,
            up: false,
        });
        for job in 0..self.configuration.messages.len() {
            let connection = match self.world.jobs[job].place {
                Place::Reuses { session, .. } | Place::Talks { session, .. } => Some(session.connection),
                Place::Hangs { connection, .. } => Some(connection),
                _ => None,
            };
            self.close(connection);
        }
        let kept = std::mem::take(&mut self.world.kept);
        kept.into_iter()
            .for_each(|kept| self.close(kept.map(|kept| kept.session.connection)));
        self.world.forgets_in = Default::default();
        self.see(Observation::Running { host: SENDER, up: true });
        self.delivery = Delivery::new(settings(self.configuration));
        for place in 0..self.configuration.messages.len() {
            let Job {
                place: stage,
                retries_in,
                attempts,
                ..
            } = self.world.jobs[place];
            if matches!(stage, Place::Outside | Place::Over(_)) {
                continue;
            }
            let waits = retries_in.is_some();
            self.world.jobs[place].place = Place::Waits;
            let restored = Input::Restored {
                job: job_id(place),
                next_hop: self.configuration.messages[place],
                role: self.configuration.role,
                attempts,
                waits,
            };
            let (expires_in, retries_in) = (self.world.jobs[place].expires_in, retries_in);
            self.handle(restored);
            // What is in stable storage says since when, and until when.
            self.world.jobs[place].expires_in = expires_in;
            self.world.jobs[place].retries_in = retries_in;
            // A lifetime that was over is over still: what begins now is the last attempt, and no gap comes before it.
            if expires_in.is_none() {
                self.handle(Input::Expired(Timer::Lifetime(job_id(place))));
            }
        }
    }

    fn let_time_pass(&mut self, time: Minutes) {
        self.time += Duration::from_secs(60 * u64::from(time));
        let World {
            jobs, kept, forgets_in, ..
        } = &mut self.world;
        for job in jobs {
            if let Place::Hangs { ends_in, .. } = &mut job.place {
                *ends_in -= time;
            }
            for left in [&mut job.expires_in, &mut job.retries_in].into_iter().flatten() {
                *left -= time;
            }
        }
        kept.iter_mut().flatten().for_each(|kept| kept.ends_in -= time);
        forgets_in.iter_mut().flatten().for_each(|left| *left -= time);
        if time == 0 {
            return;
        }
        self.world.clock = Clock::Moving;
        self.world.dialled = self.open_connections();
        for place in 0..self.configuration.exchangers.len() {
            let peer = peer_id(place);
            if let Some((_, Lasting::Moment)) = self.world.server(peer).attack {
                self.world.server_mut(peer).attack = None;
                self.see(Observation::Attacked {
                    host: host_id(peer),
                    attacks: 0,
                });
            }
        }
        self.see(Observation::Quiet);
    }

    /// One more than the highest connection that is open.
    fn open_connections(&self) -> u8 {
        let hanging = self.world.jobs.iter().filter_map(|job| match job.place {
            Place::Hangs { connection, .. } => Some(connection),
            _ => None,
        });
        let kept = self.world.kept.iter().flatten().map(|kept| kept.session.connection);
        hanging.chain(kept).map(|open| open + 1).max().unwrap_or(0)
    }

    /// The client takes its leave.
    fn quit(&mut self, job: usize, session: Session, outcome: Outcome) {
        let connection = ConnectionId(session.connection.into());
        self.command(connection, Phase::Quit, session.secured);
        self.gone(job, connection, outcome);
    }

    fn gone(&mut self, job: usize, connection: ConnectionId, outcome: Outcome) {
        self.see(Observation::Closed { connection });
        self.ended(job, outcome);
    }

    fn ended(&mut self, job: usize, outcome: Outcome) {
        self.world.jobs[job].place = Place::Waits;
        self.handle(Input::Ended {
            job: job_id(job),
            outcome,
        });
    }

    fn close(&mut self, connection: Option<u8>) {
        if let Some(connection) = connection {
            self.see(Observation::Closed {
                connection: ConnectionId(connection.into()),
            });
        }
    }

    /// Hands a fact to the delivery machine and does what it asks.
    fn handle(&mut self, input: Input) {
        if self.looks_for_dependences {
            self.dependences.extend(independence::found(&self.delivery, &input));
        }
        if let Some(decisions) = &mut self.decisions {
            decisions.push(self.delivery.decision(&input));
        }
        self.delivery.handle(input);
        loop {
            match self.delivery.poll() {
                Output::Idle => return,
                Output::Resolve(job) => self.job(job).place = Place::Resolves,
                Output::Connect {
                    job,
                    peer,
                    address,
                    tls,
                } => self.job(job).place = Place::Dials { peer, address, tls },
                // From now on it is this message's, whatever else is kept in its place.
                Output::Reuse { job, peer } => match self.world.kept[place_of(peer)].take() {
                    Some(Kept { session, .. }) => self.job(job).place = Place::Reuses { peer, session },
                    None => self.ended(place_of_job(job), Outcome::ConnectionFailed),
                },
                Output::HangUp(peer) => {
                    let kept = self.world.kept[place_of(peer)].take();
                    self.take_leave(kept);
                }
                Output::Arm(timer) => self.arm(timer),
                Output::Sent(job) => {
                    let message = message_id(place_of_job(job));
                    self.see(Observation::Sent { host: SENDER, message });
                    self.over(job, End::Sent);
                }
                Output::Deferred(job) => {
                    let message = message_id(place_of_job(job));
                    self.see(Observation::Deferred { host: SENDER, message });
                }
                Output::Bounced { job, .. } => {
                    let message = message_id(place_of_job(job));
                    self.see(Observation::Bounced { host: SENDER, message });
                    self.over(job, End::GivenBack);
                }
                Output::Notify(job) => self.notify(job),
                Output::Alarm(peer) => self.see(Observation::Alarm {
                    host: SENDER,
                    peer: host_id(peer),
                }),
                Output::Warn(_) => {}
            }
        }
    }

    fn arm(&mut self, timer: Timer) {
        let mutant = self.configuration.mutant;
        match timer {
            Timer::Retry { job, attempts } => {
                let (schedule, lifetime) = (self.configuration.schedule, self.configuration.lifetime);
                let job = self.job(job);
                let left = Duration::from_secs(60 * u64::from(job.expires_in.unwrap_or_default()));
                let age = delivery::lifetime(lifetime, mutant).saturating_sub(left);
                let gap = delivery::gap(schedule, attempts, age, mutant);
                job.retries_in = Some(minutes(gap));
                job.attempts = attempts;
            }
            Timer::Lifetime(job) => {
                let lifetime = delivery::lifetime(self.configuration.lifetime, mutant);
                self.job(job).expires_in = Some(minutes(lifetime));
            }
            // The session itself is kept with its time.
            Timer::Kept(_) | Timer::Warning(_) => {}
            Timer::TlsFailure(peer) => {
                let memory = self.configuration.tls_failure_memory.unwrap_or_default();
                self.world.forgets_in[place_of(peer)] = Some(minutes(memory));
            }
        }
    }

    fn over(&mut self, job: JobId, end: End) {
        *self.job(job) = Job {
            place: Place::Over(end),
            expires_in: None,
            retries_in: None,
            attempts: 0,
        };
    }

    /// A notification for a mailbox on this very host: it is there as soon as it is written.
    fn notify(&mut self, job: JobId) {
        let about = message_id(place_of_job(job));
        let message = MessageId(NOTIFICATIONS + about.0);
        self.see(Observation::Queued {
            host: SENDER,
            message,
            next_hop: self.names.senders,
            domain: self.names.senders,
            mailbox: MailboxState::Accepts,
            null_reverse_path: true,
            about: Some(About {
                message: about,
                action: ReportAction::Failed,
            }),
        });
        self.see(Observation::Delivered { host: SENDER, message });
    }

    /// Whether a host is good enough for mail to a next hop, as far as certificates go.
    pub(super) fn proves_enough(&self, peer: PeerId, hop: HopId) -> bool {
        self.level(hop) < Level::Secure || self.certificate(peer).has(self.domain(hop))
    }

    /// The names that a server's certificate proves.
    fn certificate(&self, peer: PeerId) -> DomainSet {
        let server = self.world.server(peer);
        let exchanger = &self.configuration.exchangers[place_of(peer)];
        if server.certificate_is_bad {
            return DomainSet::default();
        }
        let own = self.name_of(peer).into_iter();
        let served = self.names.recipients.iter().enumerate();
        let served = served
            .filter(|(hop, _)| exchanger.preference[*hop].is_some())
            .map(|(_, domain)| *domain);
        match exchanger.certificate {
            Certificate::HostNameOnly => own.fold(DomainSet::default(), DomainSet::with),
            _ => own.chain(served).fold(DomainSet::default(), DomainSet::with),
        }
    }

    fn addresses(&self, peer: PeerId) -> u8 {
        let exchanger = (peer != OWN).then(|| &self.configuration.exchangers[place_of(peer)]);
        1 + u8::from(exchanger.is_some_and(|exchanger| exchanger.has_dead_address))
    }

    fn name_of(&self, peer: PeerId) -> Option<DomainId> {
        (peer != OWN).then(|| self.names.exchangers[place_of(peer)])
    }

    fn job(&mut self, job: JobId) -> &mut Job {
        &mut self.world.jobs[place_of_job(job)]
    }

    /// The number of the attempt at a message that is under way.
    pub(super) fn attempts(&self, job: usize) -> u16 {
        self.delivery.attempts(job_id(job)).unwrap_or_default()
    }

    fn hop(&self, job: usize) -> HopId {
        self.configuration.messages[job]
    }

    fn level(&self, hop: HopId) -> Level {
        self.world.levels[usize::from(hop)]
    }

    /// The next hop.
    fn domain(&self, hop: HopId) -> DomainId {
        self.names.hops[usize::from(hop)]
    }

    /// The domain of the recipients whose mail goes there.
    fn recipient(&self, hop: HopId) -> DomainId {
        self.names.recipients[usize::from(hop)]
    }

    fn see_mx(&mut self, domain: DomainId, answer: MxAnswer) {
        self.see(Observation::MxAnswered {
            host: SENDER,
            domain,
            answer,
        });
    }

    fn command(&mut self, connection: ConnectionId, phase: Phase, tls: bool) {
        self.see(Observation::Command {
            connection,
            phase: Some(phase),
            domain: None,
            tls,
        });
    }

    fn reply(&mut self, connection: ConnectionId, phase: Phase, code: Code) {
        self.see(Observation::Replied {
            connection,
            phase: Some(phase),
            code,
            offers_starttls: false,
            recipient: None,
        });
    }

    fn see(&mut self, observation: Observation) {
        self.seen.push((std::mem::take(&mut self.time), observation));
    }
}

/// The sender itself, among the peers.
const OWN: PeerId = PeerId(0);

/// Notifications are numbered from here.
const NOTIFICATIONS: u16 = 16;

fn settings(configuration: &Configuration) -> Settings {
    Settings {
        own: OWN,
        alarms: configuration.alarms,
        reuse: configuration.reuse,
        remembers_tls_failure: configuration.tls_failure_memory.is_some(),
        sessions_per_host: configuration.sessions_per_host,
        mutant: configuration.mutant,
    }
}

pub(super) fn peer_id(place: usize) -> PeerId {
    PeerId(u8::try_from(place + 1).unwrap_or(u8::MAX))
}

fn host_id(peer: PeerId) -> HostId {
    HostId(peer.0)
}

fn job_id(job: usize) -> JobId {
    JobId(u32::try_from(job).unwrap_or(u32::MAX))
}

fn place_of_job(job: JobId) -> usize {
    job.0 as usize
}

pub(super) fn message_id(job: usize) -> MessageId {
    MessageId(u16::try_from(job).unwrap_or(u16::MAX))
}
