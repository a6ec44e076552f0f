//! One attempt: where the mail goes, the dial, what a session does about TLS, and the transaction.

use crate::mta::delivery::KEPT_FOR;
use crate::mta::delivery::{HopId, Input, PeerId, Proof, Route};
use crate::mta::policy::TlsUse;
use crate::mta::recipient::{self, Circumstances};
use crate::mta::session::{Listing, Outcome, WithoutTls};
use crate::mutant::Mutant;
use crate::observation::{
    Acceptor, AddressAnswer, Code, ConnectionId, DomainId, DomainSet, HostSet, MxAnswer, Observation,
};
use crate::scenario::{Attack, MailboxState, Phase, UnlistedAnswer};

use super::super::configuration::hop_name;
use super::super::world::{Kept, Place, Session, minutes, place_of};
use super::{Driver, OWN, SENDER, host_id, job_id, message_id, peer_id};

impl Driver<'_> {
    pub(super) fn resolve(&mut self, job: usize) {
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

    pub(super) fn dial(&mut self, job: usize, peer: PeerId, address: u8, tls: TlsUse) {
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
    pub(super) fn reuse(&mut self, job: usize, peer: PeerId, session: Session) {
        let level = self.level(self.hop(job));
        let asks = self.configuration.mutant != Some(Mutant::KeepsOldPolicyOnReuse);
        if asks && self.delivery.level(job_id(job)) != Some(level) {
            self.world.jobs[job].place = Place::Waits;
            self.keep(peer, session);
            return self.handle(Input::PolicyChanged {
                job: job_id(job),
                level,
            });
        }
        self.world.jobs[job].place = Place::Talks { peer, session };
    }

    /// A transaction.
    pub(super) fn talk(&mut self, job: usize, peer: PeerId, session: Session) {
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
        self.keep(peer, session);
        self.ended(job, Outcome::Accepted);
    }

    /// Keeps a session, and takes leave on one that is kept in its place.
    fn keep(&mut self, peer: PeerId, session: Session) {
        let ends_in = minutes(KEPT_FOR);
        let other = self.world.kept[place_of(peer)].replace(Kept { session, ends_in });
        self.take_leave(other);
    }

    pub(super) fn take_leave(&mut self, kept: Option<Kept>) {
        if let Some(Kept { session, .. }) = kept {
            let connection = ConnectionId(session.connection.into());
            self.command(connection, Phase::Quit, session.secured);
            self.see(Observation::Closed { connection });
        }
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
        decision.reply(&hop_name(hop.into())).code
    }

    fn hang(&mut self, job: usize, peer: PeerId, connection: u8) {
        let ends_in = minutes(crate::mta::timer::Timer::Connect.duration());
        self.world.jobs[job].place = Place::Hangs {
            peer,
            connection,
            ends_in,
        };
    }
}
