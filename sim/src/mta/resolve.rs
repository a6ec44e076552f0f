//! What an MTA asks of DNS: where a next hop is, and who is listed for a domain.

use std::rc::Rc;

use postern_model::mta::delivery::{Input, JobId, PeerId, Route};
use postern_model::mta::session::Listing;
use postern_model::mutant::Mutant;
use postern_model::name::DomainName;
use postern_model::scenario::{Level, Phase};
use postern_model::trace::{Answer, Event, LogEntry, Question};
use rand::seq::SliceRandom;

use super::failure::Failure;
use super::{Mail, Mta};

impl Mta {
    /// Whether DNS lists this host as exchanger of a domain: one of the exchangers has this host's address (SEED-15).
    pub(crate) async fn listing(&self, domain: &DomainName) -> Listing {
        let exchangers = match self.ask(Question::Mx(domain.clone())).await {
            Answer::Exchangers(exchangers) | Answer::NullMx { beside: exchangers } => {
                exchangers.into_iter().map(|(_, host)| host).collect()
            }
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

    /// Asks for the policy and the exchangers of a job's next hop.
    pub(super) fn resolve(self: &Rc<Self>, job: JobId) {
        let Some(mail) = self.mail(job) else { return };
        let attempt = self.attempts(job);
        mail.attempts.set(attempt);
        mail.due.set(None);
        let mta = Rc::clone(self);
        self.door.spawn(async move {
            mta.reached(&mail, attempt, &mta.name, Phase::Lookup);
            mta.door.while_alive().await;
            mta.hold(&mail, attempt, &mta.name, Phase::Lookup).await;
            mail.state.borrow_mut().last_attempt = Some(mta.door.wall_clock());
            let level = mta.level_for(&mail.next_hop);
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
                Route::NullMx => {
                    let text = format!("556 Domain does not accept mail: {} has a null MX", mail.next_hop);
                    mail.state.borrow_mut().failure = Failure::new("5.1.10", &text);
                }
                Route::Exchangers(_) => {}
            }
            mta.handle(Input::Resolved { job, level, route });
        });
    }

    /// The local policy for a next hop.
    pub(super) fn level_for(&self, next_hop: &DomainName) -> Level {
        let host = self.world.host(self.index);
        let level = host.level_for(next_hop);
        match self.world.mutant {
            Some(Mutant::RequiresTlsOfUnlistedPeers) if !host.policy.contains_key(next_hop) => {
                host.policy.values().copied().fold(level, Level::max)
            }
            _ => level,
        }
    }

    async fn route_to(&self, mail: &Mail, attempt: u16) -> Route {
        if mail.next_hop != *mail.to.domain() {
            return self
                .peer(&mail.next_hop)
                .map_or(Route::LookupFailed, |peer| Route::Exchangers(vec![(0, peer)]));
        }
        let mutant = self.world.mutant;
        match self.ask(Question::Mx(mail.next_hop.clone())).await {
            Answer::NullMx { beside } if beside.is_empty() && mutant == Some(Mutant::DialsNullMxDomainAddress) => {
                self.implicit_route(&mail.next_hop).await
            }
            Answer::NullMx { beside } if beside.is_empty() => Route::NullMx,
            // A null MX beside other records says nothing: the domain names hosts that take its mail (R7505-3-a).
            Answer::Exchangers(mut exchangers) | Answer::NullMx { beside: mut exchangers } => {
                // Equal preferences are tried in random order (R5321-5.1-c).
                match mutant {
                    Some(Mutant::TakesEqualsInOneOrder) => exchangers.sort(),
                    _ => exchangers.shuffle(&mut self.door.random(&format!("mx order {} {attempt}", mail.token))),
                }
                let known = exchangers
                    .iter()
                    .filter_map(|(preference, host)| Some((*preference, self.peer(host)?)));
                let mut known: Vec<_> = known.collect();
                if mutant == Some(Mutant::FallsBackToAddressOfDomain)
                    && let Route::Exchangers(own) = self.implicit_route(&mail.next_hop).await
                {
                    known.extend(own.into_iter().map(|(_, peer)| (u16::MAX, peer)));
                }
                Route::Exchangers(known)
            }
            Answer::NoData if mutant == Some(Mutant::TakesNodataForNoSuchDomain) => Route::NoSuchDomain,
            Answer::NoData | Answer::Addresses(_) => self.implicit_route(&mail.next_hop).await,
            Answer::NoName => Route::NoSuchDomain,
            Answer::Failed => Route::LookupFailed,
        }
    }

    /// The implicit MX: the domain's own address, if it has one (R5321-5.1-a).
    async fn implicit_route(&self, domain: &DomainName) -> Route {
        match self.ask(Question::Address(domain.clone())).await {
            Answer::Addresses(_) => Route::Exchangers(self.peer(domain).map(|peer| (0, peer)).into_iter().collect()),
            Answer::Failed => Route::LookupFailed,
            _ => Route::NoSuchDomain,
        }
    }

    fn peer(&self, host: &DomainName) -> Option<PeerId> {
        let index = self.world.host_index(host)?;
        u8::try_from(index).ok().map(PeerId)
    }
}
