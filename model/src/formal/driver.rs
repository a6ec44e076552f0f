//! Drives the delivery machine through abstract sessions, and tells judges what there is to see.
//!
//! What a client session does with its wish for TLS is told here in a few lines; that the session machines do so is for the
//! byte-level model. What the sender does, all of it, is the delivery machine's own.

use std::time::Duration;

use crate::mta::delivery::{
    self, Delivery, HopId, Input, JobId, KEPT_FOR, Output, PeerId, Proof, Route, Settings, Timer,
};
use crate::mta::policy::TlsUse;
use crate::mta::recipient::{self, Circumstances};
use crate::mta::session::{Listing, Outcome, WithoutTls};
use crate::observation::{
    Acceptor, AddressAnswer, Code, ConnectionId, DomainId, DomainSet, HostId, HostSet, MessageId, MxAnswer, Observation,
};
use crate::report::{About, ReportAction};
use crate::scenario::{Attack, Certificate, Level, MailboxState, Phase, UnlistedAnswer};

use super::configuration::{Change, Configuration, Names};
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
            Place::Reuses(peer) => self.reuse(job, peer),
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
                Place::Talks { session, .. } => Some(session.connection),
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
            self.world.jobs[place].expires_in = expires_in.or(Some(0));
            self.world.jobs[place].retries_in = retries_in;
        }
    }

    /// An attack on every path to a host begins.
    pub(super) fn attack(&mut self, peer: PeerId, attack: Attack, lasting: Lasting) {
        self.world.left.attacks -= 1;
        self.world.server_mut(peer).attack = Some((attack, lasting));
        self.see(Observation::Attacked {
            host: host_id(peer),
            attacks: 1,
        });
    }

    /// Something drifts.
    pub(super) fn drift(&mut self, change: Change) {
        self.world.left.drifts -= 1;
        self.change(change);
    }

    /// Changes what drifts, whatever it costs.
    pub(super) fn change(&mut self, change: Change) {
        match change {
            Change::Tls(peer) => {
                let server = self.world.server_mut(peer);
                server.tls = !server.tls;
                let on = server.tls;
                self.see(Observation::Tls {
                    host: host_id(peer),
                    on,
                });
            }
            Change::Certificate(peer) => {
                let server = self.world.server_mut(peer);
                server.certificate_is_bad = !server.certificate_is_bad;
                let proves = self.certificate(peer);
                self.see(Observation::Certificate {
                    host: host_id(peer),
                    proves,
                });
            }
            Change::Configured(peer, hop) => {
                let configured = &mut self.world.server_mut(peer).configured[usize::from(hop)];
                *configured = !*configured;
                let configured = *configured;
                self.see(Observation::Exchanger {
                    host: host_id(peer),
                    domain: self.recipient(hop),
                    configured,
                });
            }
            Change::Listed(peer, hop) => {
                let listed = &mut self.world.server_mut(peer).listed[usize::from(hop)];
                *listed = !*listed;
                let listed = *listed;
                self.see(Observation::Listed {
                    host: host_id(peer),
                    domain: self.recipient(hop),
                    listed,
                });
            }
            Change::Lookups(hop) => {
                let fail = &mut self.world.lookups_fail[usize::from(hop)];
                *fail = !*fail;
                let work = !*fail;
                self.see(Observation::Lookups {
                    host: SENDER,
                    domain: self.recipient(hop),
                    work,
                });
            }
            Change::ServerLookups(peer, hop) => {
                let fail = &mut self.world.server_mut(peer).lookups_fail[usize::from(hop)];
                *fail = !*fail;
                let work = !*fail;
                self.see(Observation::Lookups {
                    host: host_id(peer),
                    domain: self.recipient(hop),
                    work,
                });
            }
            Change::Policy(hop, level) => {
                self.world.levels[usize::from(hop)] = level;
                self.see(Observation::Policy {
                    host: SENDER,
                    next_hop: self.domain(hop),
                    level,
                });
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

    fn resolve(&mut self, job: usize) {
        let hop = self.hop(job);
        let domain = self.domain(hop);
        self.see(Observation::Attempt {
            host: SENDER,
            message: message_id(job),
        });
        self.world.jobs[job].retries_in = None;
        self.world.jobs[job].attempts = self.delivery.attempts(job_id(job)).unwrap_or_default();
        let route = self.route(hop, domain);
        let level = self.level(hop);
        self.world.jobs[job].place = Place::Waits;
        self.handle(Input::Resolved {
            job: job_id(job),
            level,
            route,
        });
    }

    /// Where DNS says that the mail goes.
    fn route(&mut self, hop: HopId, domain: DomainId) -> Route {
        if self.configuration.routes_second && hop == HopId(1) {
            return Route::Exchangers(vec![(0, peer_id(0))]);
        }
        if self.world.lookups_fail[usize::from(hop)] {
            self.see_mx(domain, MxAnswer::Failed);
            return Route::LookupFailed;
        }
        if self.configuration.null_mx && hop == HopId(0) {
            self.see(Observation::NoSuchDomain { host: SENDER, domain });
            self.see_mx(domain, MxAnswer::NullMx);
            return Route::NullMx;
        }
        let exchangers = self.configuration.exchangers.iter().enumerate();
        let listed = exchangers.filter_map(|(place, exchanger)| {
            let is_listed = self.world.servers[place].listed[usize::from(hop)];
            let preference = exchanger.preference[usize::from(hop)]?;
            is_listed.then_some((preference, peer_id(place)))
        });
        let own = self.configuration.own_preference.filter(|_| hop == HopId(0));
        let own = own.map(|preference| (preference, OWN));
        // As DNS has them: that is no order (R5321-5.1-c).
        let told: Vec<_> = listed.chain(own).rev().collect();
        // Neither an exchanger nor an address of the domain's own (R5321-5.1-a).
        if told.is_empty() {
            self.see_mx(domain, MxAnswer::NoData);
            self.see(Observation::NoSuchDomain { host: SENDER, domain });
            self.see(Observation::AddressAnswered {
                host: SENDER,
                name: domain,
                answer: AddressAnswer::Nothing,
            });
            return Route::NoSuchDomain;
        }
        let hosts = told.iter().map(|(_, peer)| host_id(*peer));
        self.see_mx(
            domain,
            MxAnswer::Exchangers(hosts.fold(HostSet::default(), HostSet::with)),
        );
        for (place, (preference, peer)) in told.iter().enumerate() {
            self.see(Observation::Told {
                host: SENDER,
                domain,
                exchanger: host_id(*peer),
                preference: *preference,
                is_first: place == 0,
            });
        }
        Route::Exchangers(told)
    }

    fn dial(&mut self, job: usize, peer: PeerId, address: u8, tls: TlsUse) {
        let level = self.level(self.hop(job));
        let addresses = self.addresses(peer);
        if let Some(name) = self.name_of(peer) {
            self.see(Observation::AddressAnswered {
                host: SENDER,
                name,
                answer: AddressAnswer::Found(addresses),
            });
        }
        // A policy that was raised must not meet a session that was planned under the old one.
        if self.delivery.level(job_id(job)) != Some(level) {
            self.world.jobs[job].place = Place::Waits;
            return self.handle(Input::PolicyChanged {
                job: job_id(job),
                level,
            });
        }
        self.handle(Input::Located {
            job: job_id(job),
            addresses,
        });
        let number = self.world.dialled;
        self.world.dialled += 1;
        let connection = ConnectionId(number.into());
        self.see(Observation::Dialled {
            connection,
            from: SENDER,
            to: host_id(peer),
            address,
        });
        if peer == OWN {
            return self.gone(job, connection, Outcome::ConnectionFailed);
        }
        let attack = self.world.server(peer).attack.map(|(attack, _)| attack);
        let is_dead = self.configuration.exchangers[place_of(peer)].has_dead_address && address == 0;
        match attack {
            Some(Attack::Refuse) => return self.gone(job, connection, Outcome::ConnectionFailed),
            Some(Attack::BlackHole) => return self.hang(job, peer, number),
            _ if is_dead => return self.hang(job, peer, number),
            _ => {}
        }
        let acceptor = attack.map_or(Acceptor::Host, |_| Acceptor::Attacker);
        self.see(Observation::Connected { connection, acceptor });
        self.reply(connection, Phase::Connect, 220);
        let offers = self.world.server(peer).tls && attack != Some(Attack::StripStarttls);
        self.command(connection, Phase::Ehlo, false);
        self.see(Observation::Replied {
            connection,
            phase: Some(Phase::Ehlo),
            code: 250,
            offers_starttls: offers,
            recipient: None,
        });
        let session = Session {
            connection: number,
            secured: false,
            authenticated: None,
            attack,
            proves: DomainSet::default(),
        };
        self.secure(job, peer, tls, offers, session);
    }

    /// What a session does about TLS once EHLO is answered.
    fn secure(&mut self, job: usize, peer: PeerId, tls: TlsUse, offers: bool, session: Session) {
        let connection = ConnectionId(session.connection.into());
        let in_clear = Place::Talks { peer, session };
        if !tls.is_wished() {
            self.world.jobs[job].place = in_clear;
            return;
        }
        let refusal = match session.attack {
            _ if !offers => Some(WithoutTls::NotOffered),
            Some(Attack::AnswerStarttls(code)) => {
                self.command(connection, Phase::Starttls, false);
                self.reply(connection, Phase::Starttls, code);
                Some(WithoutTls::Refused)
            }
            _ => None,
        };
        if let Some(why) = refusal {
            self.handle(Input::WithoutTls(job_id(job)));
            return match tls.is_required() {
                true => self.quit(job, session, Outcome::TlsUnavailable(why)),
                false => self.world.jobs[job].place = in_clear,
            };
        }
        self.command(connection, Phase::Starttls, false);
        self.reply(connection, Phase::Starttls, 220);
        let proves = match session.attack {
            Some(Attack::InterceptTls(_)) => DomainSet::default(),
            _ => self.certificate(peer),
        };
        let hop = self.hop(job);
        let is_proved = proves.has(self.domain(hop));
        let is_garbage = session.attack == Some(Attack::GarbageAfterGoAhead);
        if is_garbage || (tls == TlsUse::Authenticated && !is_proved) {
            self.see(Observation::HandshakeRefused { connection });
            self.see(Observation::HandshakeFailed { connection });
            self.see(Observation::Closed { connection });
            self.handle(Input::WithoutTls(job_id(job)));
            let why = WithoutTls::HandshakeFailed;
            return self.ended(
                job,
                match tls.is_required() {
                    true => Outcome::TlsUnavailable(why),
                    false => Outcome::TlsBroke(why),
                },
            );
        }
        self.see(Observation::Secured { connection, proves });
        self.handle(Input::Secured(job_id(job)));
        self.command(connection, Phase::Ehlo, true);
        self.reply(connection, Phase::Ehlo, 250);
        let authenticated = (tls == TlsUse::Authenticated).then_some(hop);
        let session = Session {
            secured: true,
            authenticated,
            proves,
            ..session
        };
        self.world.jobs[job].place = Place::Talks { peer, session };
    }

    /// The policy of the moment rules each message on a session that was kept.
    fn reuse(&mut self, job: usize, peer: PeerId) {
        let level = self.level(self.hop(job));
        let asks = self.configuration.mutant != Some(crate::mutant::Mutant::KeepsOldPolicyOnReuse);
        if asks && self.delivery.level(job_id(job)) != Some(level) {
            self.world.jobs[job].place = Place::Waits;
            return self.handle(Input::PolicyChanged {
                job: job_id(job),
                level,
            });
        }
        match self.world.kept[place_of(peer)].take() {
            Some(Kept { session, .. }) => self.world.jobs[job].place = Place::Talks { peer, session },
            None => self.ended(job, Outcome::ConnectionFailed),
        }
    }

    /// A transaction.
    fn talk(&mut self, job: usize, peer: PeerId, session: Session) {
        let connection = ConnectionId(session.connection.into());
        let Session {
            secured: tls, attack, ..
        } = session;
        let hop = self.hop(job);
        let domain = self.recipient(hop);
        self.command(connection, Phase::Mail, tls);
        self.see(Observation::MailFrom {
            connection,
            is_null: false,
        });
        // Inside TLS an attacker on the path does not see what goes by.
        let attack = attack.filter(|_| !tls);
        if attack == Some(Attack::CloseAt(Phase::Mail)) {
            return self.gone(job, connection, Outcome::ConnectionFailed);
        }
        self.reply(connection, Phase::Mail, 250);
        self.see(Observation::Command {
            connection,
            phase: Some(Phase::Rcpt),
            domain: Some(domain),
            tls,
        });
        let code = self.answer_to_recipient(peer, hop, tls);
        self.see(Observation::Replied {
            connection,
            phase: Some(Phase::Rcpt),
            code,
            offers_starttls: false,
            recipient: Some((domain, MailboxState::Accepts)),
        });
        match code {
            250 => {}
            530 if !tls => return self.quit(job, session, Outcome::RefusedForNow),
            500.. => return self.quit(job, session, Outcome::RefusedForGood),
            _ => return self.quit(job, session, Outcome::RefusedForNow),
        }
        self.command(connection, Phase::Data, tls);
        self.reply(connection, Phase::Data, 354);
        self.see(Observation::Content {
            connection,
            message: message_id(job),
            next_hop: self.domain(hop),
            tls,
        });
        self.sent_in_clear[job] = !tls;
        self.see(Observation::Delivered {
            host: host_id(peer),
            message: message_id(job),
        });
        if attack == Some(Attack::CloseInsteadOfReply(Phase::EndOfData)) {
            self.see(Observation::Lost {
                connection,
                phase: Some(Phase::EndOfData),
                code: 250,
            });
            return self.gone(job, connection, Outcome::ConnectionFailed);
        }
        self.reply(connection, Phase::EndOfData, 250);
        if !self.configuration.reuse {
            return self.quit(job, session, Outcome::Accepted);
        }
        let proof = match (session.secured, session.authenticated) {
            (false, _) => Proof::Clear,
            (true, None) => Proof::Encrypted,
            (true, Some(hop)) => Proof::Authenticated(hop),
        };
        self.handle(Input::Kept {
            job: job_id(job),
            proof,
        });
        let ends_in = minutes(KEPT_FOR);
        self.world.kept[place_of(peer)] = Some(Kept { session, ends_in });
        self.ended(job, Outcome::Accepted);
    }

    /// What the server answers, by its own decision.
    fn answer_to_recipient(&self, peer: PeerId, hop: HopId, tls: bool) -> Code {
        let server = self.world.server(peer);
        let listing = match (server.lookups_fail[usize::from(hop)], server.listed[usize::from(hop)]) {
            (true, _) => Listing::LookupFailed,
            (false, true) => Listing::Listed,
            (false, false) => Listing::Unlisted,
        };
        let circumstances = Circumstances {
            configured: server.configured[usize::from(hop)],
            demands_tls: self.configuration.exchangers[place_of(peer)].demands_tls,
            tls,
            relays: false,
            mailbox: MailboxState::Accepts,
            unlisted_answer: UnlistedAnswer::StarttlsFirst,
        };
        let mutant = self.configuration.mutant;
        let decision = recipient::decide(circumstances, listing, mutant);
        decision.reply(&super::configuration::hop_name(hop.into())).code
    }

    fn hang(&mut self, job: usize, peer: PeerId, connection: u8) {
        let ends_in = minutes(crate::mta::timer::Timer::Connect.duration());
        self.world.jobs[job].place = Place::Hangs {
            peer,
            connection,
            ends_in,
        };
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
                Output::Reuse { job, peer } => self.job(job).place = Place::Reuses(peer),
                Output::HangUp(peer) => {
                    let kept = self.world.kept[place_of(peer)].take();
                    if let Some(Kept { session, .. }) = kept {
                        let connection = ConnectionId(session.connection.into());
                        self.command(connection, Phase::Quit, session.secured);
                        self.see(Observation::Closed { connection });
                    }
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
                let gap = delivery::gap(self.configuration.schedule, attempts, mutant);
                let job = self.job(job);
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
