//! P41: mail is given back at once for a definitive answer of DNS only, waits for any other, and goes where DNS says.

use std::collections::BTreeMap;
use std::time::Duration;

use postern_model::monitor::{Monitor, Violation};
use postern_model::observation::{AddressAnswer, DomainId, HostId, HostSet, MessageId, MxAnswer, Observation, Status};

use super::{named, violation};
use crate::setup::Setup;

/// The status of a recipient whose domain has a null MX (RFC 7505 §6).
const NULL_MX: Status = Status {
    class: 5,
    subject: 1,
    detail: 10,
};

/// Judges what a client does with the answers of DNS, by what its own resolver told it since the attempt began:
///
/// - nobody is dialled for a domain of which DNS said that it has a null MX (R7505-3-a), nor its own address where DNS said
///   that it has exchangers (R5321-5.1-b);
/// - after a null MX the mail does not wait (R7505-4.1-b), and is given back with 5.1.10 (R7505-4.1-a);
/// - after a domain that does not exist, or that has neither exchanger nor address, it does not wait either; and where DNS
///   did not say, or said that there is no MX record and nobody asked for the address, it is not given back (R5321-5.1-a).
///
/// A host asks for many messages at a time, so every answer counts for each message that is being tried and for which it is
/// of use; where answers differ, nobody is accused.
///
/// Exercised when a message was decided or deferred after any such answer but the names of exchangers, or deferred after
/// those although the domain has an address of its own, and when an implicit exchanger was dialled.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct OnlyWhereDnsSays {
    setup: Setup,
    queue: BTreeMap<(HostId, MessageId), Queued>,
    exercised: bool,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
struct Queued {
    next_hop: DomainId,
    domain: DomainId,
    copies: u8,
    /// Of the oldest copy, up to the lifetime.
    age: Duration,
    /// The attempt that is under way.
    attempt: Option<Attempt>,
    status: Option<Status>,
}

/// What was heard and done in an attempt.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Hash)]
struct Attempt {
    exchangers: Option<HostSet>,
    no_data: bool,
    null_mx: bool,
    no_name: bool,
    failed: bool,
    address: Option<AddressAnswer>,
    has_dialled: bool,
}

/// What all answers of an attempt come to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Told {
    NullMx,
    /// The domain does not exist, or has neither exchanger nor address.
    NowhereToGo,
    /// There is no MX record, and the address was not asked for, or was not told.
    PerhapsImplicit,
    /// There is no MX record, and there is an address.
    Implicit,
    Exchangers(HostSet),
    Failed,
}

impl Attempt {
    fn hear(&mut self, answer: MxAnswer) {
        match answer {
            MxAnswer::Exchangers(hosts) => self.exchangers = Some(self.exchangers.unwrap_or_default().and(hosts)),
            MxAnswer::NoData => self.no_data = true,
            MxAnswer::NullMx => self.null_mx = true,
            MxAnswer::NoName => self.no_name = true,
            MxAnswer::Failed => self.failed = true,
        }
    }

    /// `None` if nothing was heard yet, or one thing and another.
    fn told(&self) -> Option<Told> {
        let kinds = [
            self.exchangers.map(Told::Exchangers),
            self.no_data.then_some(match self.address {
                Some(AddressAnswer::Found(_)) => Told::Implicit,
                Some(AddressAnswer::Nothing) => Told::NowhereToGo,
                Some(AddressAnswer::Failed) | None => Told::PerhapsImplicit,
            }),
            self.null_mx.then_some(Told::NullMx),
            self.no_name.then_some(Told::NowhereToGo),
            self.failed.then_some(Told::Failed),
        ];
        let mut kinds = kinds.into_iter().flatten();
        let first = kinds.next()?;
        kinds.next().is_none().then_some(first)
    }
}

impl OnlyWhereDnsSays {
    /// The monitor at the start of a run.
    pub fn new(setup: Setup) -> Self {
        Self {
            setup,
            queue: BTreeMap::new(),
            exercised: false,
        }
    }
}

impl Monitor for OnlyWhereDnsSays {
    fn observe(&mut self, after: Duration, observation: &Observation) -> Result<(), Violation> {
        for ((host, _), queued) in &mut self.queue {
            queued.age = (queued.age + after).min(self.setup.lifetime(*host));
        }
        match *observation {
            Observation::Queued {
                host,
                message,
                next_hop,
                domain,
                ..
            } => {
                let queued = self.queue.entry((host, message)).or_insert(Queued {
                    next_hop,
                    domain,
                    copies: 0,
                    age: Duration::ZERO,
                    attempt: None,
                    status: None,
                });
                queued.copies = queued.copies.saturating_add(1);
            }
            Observation::Attempt { host, message } => {
                if let Some(queued) = self.queue.get_mut(&(host, message)) {
                    queued.attempt = Some(Attempt::default());
                }
            }
            Observation::MxAnswered { host, domain, answer } => {
                for attempt in self.attempts_of(host, domain) {
                    attempt.hear(answer);
                }
            }
            Observation::AddressAnswered { host, name, answer } => {
                for attempt in self.attempts_of(host, name) {
                    attempt.address = Some(attempt.address.map_or(answer, |known| known.min(answer)));
                }
            }
            Observation::Dialled { from, to, .. } => return self.dialled(from, to),
            Observation::Status { host, message, status } => {
                if let Some(queued) = self.queue.get_mut(&(host, message)) {
                    queued.status = Some(status);
                }
            }
            Observation::Deferred { host, message } => {
                let Some(queued) = self.queue.get_mut(&(host, message)) else {
                    return Ok(());
                };
                let deferred = *queued;
                queued.attempt = None;
                return self.judge_deferral(host, message, &deferred);
            }
            Observation::Bounced { host, message } => {
                if let Some(queued) = self.decided(host, message) {
                    return self.judge_bounce(host, message, &queued);
                }
            }
            Observation::Sent { host, message } | Observation::Delivered { host, message } => {
                self.decided(host, message);
            }
            _ => {}
        }
        Ok(())
    }

    fn exercised(&self) -> bool {
        self.exercised
    }
}

impl OnlyWhereDnsSays {
    /// The attempts of a host that ask DNS where this next hop is.
    fn attempts_of(&mut self, host: HostId, domain: DomainId) -> impl Iterator<Item = &mut Attempt> {
        let queued = self.queue.iter_mut();
        queued
            .filter(move |((client, _), queued)| *client == host && queued.asks_for(domain))
            .filter_map(|(_, queued)| queued.attempt.as_mut())
    }

    /// A dial is right if it is so for any message that is being tried.
    fn dialled(&mut self, client: HostId, server: HostId) -> Result<(), Violation> {
        let own_name = self.setup.own_name(server);
        let mut wrong = None;
        let mut is_right = false;
        for ((host, message), queued) in &mut self.queue {
            let (true, Some(attempt)) = (*host == client, &mut queued.attempt) else {
                continue;
            };
            let is_domains_own = own_name == Some(queued.next_hop);
            match attempt.told() {
                _ if queued.next_hop != queued.domain => is_right |= is_domains_own,
                Some(Told::Exchangers(hosts)) if hosts.has(server) => is_right = true,
                Some(Told::Implicit | Told::PerhapsImplicit) if is_domains_own => {
                    is_right = true;
                    self.exercised = true;
                }
                None if is_domains_own => is_right = true,
                Some(Told::NullMx) if is_domains_own => {
                    let because = "DNS said that the domain has a null MX";
                    wrong.get_or_insert((*message, queued.next_hop, "R7505-3-a", because));
                }
                Some(Told::Exchangers(_)) if is_domains_own => {
                    let because = "DNS said that the domain has exchangers of its own";
                    wrong.get_or_insert((*message, queued.next_hop, "R5321-5.1-b", because));
                }
                _ => continue,
            }
            attempt.has_dialled = true;
        }
        let (false, Some((message, domain, rule, because))) = (is_right, wrong) else {
            return Ok(());
        };
        let why = format!(
            "{} dialled the address of {} itself for {}, although {because}",
            self.setup.host_name(client),
            self.setup.domain_name(domain),
            named(message),
        );
        Err(violation(rule, why))
    }

    fn judge_deferral(&mut self, host: HostId, message: MessageId, queued: &Queued) -> Result<(), Violation> {
        let Some((told, has_dialled)) = queued.judged() else {
            return Ok(());
        };
        self.exercised |= match told {
            // The address of the domain itself was there, and tempting (R5321-5.1-b).
            Told::Exchangers(hosts) => {
                let mut all = self.setup.hosts();
                all.any(|other| self.setup.own_name(other) == Some(queued.next_hop) && !hosts.has(other))
            }
            _ => true,
        };
        if has_dialled {
            return Ok(());
        }
        let (rule, because) = match told {
            Told::NullMx => ("R7505-4.1-b", "its domain has a null MX"),
            Told::NowhereToGo => ("R5321-5.1-a", "its domain does not exist, or has no address"),
            _ => return Ok(()),
        };
        let why = format!(
            "{} keeps {} to try again, although DNS said that {because}",
            self.setup.host_name(host),
            named(message),
        );
        Err(violation(rule, why))
    }

    fn judge_bounce(&mut self, host: HostId, message: MessageId, queued: &Queued) -> Result<(), Violation> {
        let Some((told, false)) = queued.judged() else {
            return Ok(());
        };
        self.exercised |= !matches!(told, Told::Exchangers(_));
        let is_over = queued.age >= self.setup.lifetime(host);
        let who = self.setup.host_name(host);
        let message = named(message);
        let (rule, why) = match (told, queued.status) {
            (Told::NullMx, Some(status)) if status != NULL_MX => (
                "R7505-4.1-a",
                format!("{who} gave {message} back with {status}, and not with {NULL_MX}, for a null MX"),
            ),
            (Told::Failed, _) if !is_over => (
                "R5321-5.1-a",
                format!("{who} gave {message} back at once, although DNS did not say where its mail goes"),
            ),
            (Told::PerhapsImplicit, _) if !is_over => (
                "R5321-5.1-a",
                format!(
                    "{who} gave {message} back at once because its domain has no MX record, but not for want of an address"
                ),
            ),
            _ => return Ok(()),
        };
        Err(violation(rule, why))
    }

    /// One copy is decided.
    fn decided(&mut self, host: HostId, message: MessageId) -> Option<Queued> {
        let queued = self.queue.get_mut(&(host, message))?;
        queued.copies -= 1;
        let decided = *queued;
        queued.attempt = None;
        if decided.copies == 0 {
            self.queue.remove(&(host, message));
        }
        Some(decided)
    }
}

impl Queued {
    /// A fixed route asks DNS for nothing but an address.
    fn asks_for(&self, domain: DomainId) -> bool {
        self.next_hop == domain && self.next_hop == self.domain
    }

    /// What was told of the attempt that ends, and whether anybody was dialled; `None` where it is not certain whose attempt
    /// that was.
    fn judged(&self) -> Option<(Told, bool)> {
        let attempt = self.attempt.filter(|_| self.copies <= 1)?;
        Some((attempt.told()?, attempt.has_dialled))
    }
}

#[cfg(test)]
mod tests {
    use postern_model::scenario::Level;

    use super::super::story::{B, DAY, Found, MAIL, MX1, OUT, Story, setup};
    use super::*;

    const NOWHERE: Status = Status {
        class: 5,
        subject: 1,
        detail: 2,
    };

    fn judged(story: Story) -> Found {
        story.judged_by(OnlyWhereDnsSays::new(setup(Level::May)))
    }

    fn told(answer: MxAnswer) -> Story {
        Story::new().mail_is_tried().sees(Observation::MxAnswered {
            host: OUT,
            domain: B,
            answer,
        })
    }

    fn address(answer: AddressAnswer) -> Observation {
        Observation::AddressAnswered {
            host: OUT,
            name: B,
            answer,
        }
    }

    fn status(status: Status) -> Observation {
        Observation::Status {
            host: OUT,
            message: MAIL,
            status,
        }
    }

    #[test]
    fn mail_for_a_null_mx_is_given_back_at_once_and_with_its_own_status() {
        let null_mx = || told(MxAnswer::NullMx);
        assert_eq!(judged(null_mx().sees(status(NULL_MX)).bounced()), Found::Holds);
        let other = null_mx().sees(status(NOWHERE)).bounced();
        assert_eq!(judged(other), Found::Violated("R7505-4.1-a"));
        assert_eq!(judged(null_mx().deferred()), Found::Violated("R7505-4.1-b"));
    }

    #[test]
    fn a_domain_that_does_not_exist_is_an_error_and_a_failed_lookup_is_none() {
        assert_eq!(judged(told(MxAnswer::NoName).bounced()), Found::Holds);
        assert_eq!(
            judged(told(MxAnswer::NoName).deferred()),
            Found::Violated("R5321-5.1-a")
        );
        assert_eq!(judged(told(MxAnswer::Failed).deferred()), Found::Holds);
        assert_eq!(judged(told(MxAnswer::Failed).bounced()), Found::Violated("R5321-5.1-a"));
        assert_eq!(judged(told(MxAnswer::Failed).after(DAY * 5).bounced()), Found::Holds);
    }

    #[test]
    fn without_an_mx_record_the_address_decides() {
        let no_data = || told(MxAnswer::NoData);
        let with = |answer| no_data().sees(address(answer));
        assert_eq!(judged(no_data().bounced()), Found::Violated("R5321-5.1-a"));
        assert_eq!(
            judged(with(AddressAnswer::Failed).bounced()),
            Found::Violated("R5321-5.1-a")
        );
        assert_eq!(judged(with(AddressAnswer::Failed).deferred()), Found::Holds);
        assert_eq!(judged(with(AddressAnswer::Nothing).bounced()), Found::Holds);
        assert_eq!(
            judged(with(AddressAnswer::Nothing).deferred()),
            Found::Violated("R5321-5.1-a")
        );
    }

    #[test]
    fn answers_that_differ_accuse_nobody() {
        let story = told(MxAnswer::NullMx).sees(Observation::MxAnswered {
            host: OUT,
            domain: B,
            answer: MxAnswer::Failed,
        });
        assert_eq!(judged(story.deferred()), Found::NotExercised);
    }

    #[test]
    fn what_an_exchanger_said_is_judged_elsewhere() {
        let exchangers = MxAnswer::Exchangers(HostSet::default().with(MX1));
        assert_eq!(judged(told(exchangers).dials(MX1).bounced()), Found::NotExercised);
    }
}
