//! P11: when the next hop has been good for long enough, its queued mail has been delivered.

use std::collections::BTreeMap;
use std::time::Duration;

use postern_model::monitor::{Monitor, Violation};
use postern_model::observation::{DomainId, HostId, MessageId, Observation};
use postern_model::scenario::{AfterFailure, Level, MailboxState, Trouble};

use super::standing::Standings;
use super::{named, violation};
use crate::oracle::{Oracle, Requirement};
use crate::setup::Setup;

/// Judges every queued message against the calm: a time in which nothing that matters to it changed and its next hop was
/// good throughout.
///
/// A next hop is good for a message if the sender runs, its lookups about it work, no listed host would refuse the message for good,
/// and one listed host, running, not attacked and not in trouble, would take it: configured for the domain or willing to relay for the sender, with the
/// TLS that the sender's policy requires, and not asking for TLS that is not to be had, be it of all or of this sender. It is enough that the host is so at
/// one of its addresses: the client comes to it by each (R5321-5.1-d). While a clock is off, whoever goes by it may take any
/// certificate for one that has expired or is not valid yet: then no host is good that must prove itself by one.
///
/// After a calm of one time to live (for what was cached), the sender's largest gap, and [`Setup::slack`] (for an attempt
/// under way and for the exchangers that must time out first), the message must be sent, unless its lifetime was over before;
/// and it must not be given back after such a calm.
///
/// Exercised when a message was decided in a calm after some hardship: a deferral, a time that was not good, or an attack on
/// one of the exchangers.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct EventualDelivery {
    setup: Setup,
    oracle: Oracle,
    standings: Standings,
    queue: BTreeMap<(HostId, MessageId), Queued>,
    exercised: bool,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
struct Queued {
    next_hop: DomainId,
    domain: DomainId,
    mailbox: MailboxState,
    copies: u8,
    /// Of the youngest copy, up to the lifetime.
    age: Duration,
    /// How long it has been calm, up to the bound; `None` while the next hop is not good.
    calm: Option<Duration>,
    hardship: bool,
    /// For how long the testbed holds it still. That time is no calm.
    held: Duration,
}

impl EventualDelivery {
    /// The monitor at the start of a run.
    pub fn new(setup: Setup) -> Self {
        Self {
            oracle: Oracle::new(setup.clone()),
            standings: Standings::at_start(&setup),
            setup,
            queue: BTreeMap::new(),
            exercised: false,
        }
    }
}

impl Monitor for EventualDelivery {
    fn observe(&mut self, after: Duration, observation: &Observation) -> Result<(), Violation> {
        self.pass(after)?;
        let level_changes = match *observation {
            Observation::Policy { host, next_hop, level } => self.oracle.level(host, next_hop) != level,
            _ => false,
        };
        self.oracle.observe(observation);
        if self.standings.observe(observation) || level_changes {
            self.reconsider(observation);
        }
        match *observation {
            Observation::Queued {
                host,
                message,
                next_hop,
                domain,
                mailbox,
                ..
            } => {
                let copies = self.queue.get(&(host, message)).map_or(0, |queued| queued.copies);
                let mut queued = Queued {
                    next_hop,
                    domain,
                    mailbox,
                    copies: copies.saturating_add(1),
                    age: Duration::ZERO,
                    calm: None,
                    hardship: false,
                    held: Duration::ZERO,
                };
                queued.calm = self.is_good(host, &queued).then_some(Duration::ZERO);
                queued.hardship = queued.calm.is_none();
                self.queue.insert((host, message), queued);
            }
            Observation::Held { host, message, lasting } => {
                if let Some(queued) = self.queue.get_mut(&(host, message)) {
                    queued.held = queued.held.max(lasting);
                }
            }
            Observation::Deferred { host, message } => {
                if let Some(queued) = self.queue.get_mut(&(host, message)) {
                    queued.hardship = true;
                }
            }
            Observation::Sent { host, message } | Observation::Delivered { host, message } => {
                self.decided(host, message);
            }
            Observation::Bounced { host, message } => {
                if let Some(queued) = self.decided(host, message)
                    && queued.calm == Some(self.bound(host, &queued))
                {
                    return Err(self.violation(host, message, &queued, "gave back"));
                }
            }
            _ => {}
        }
        Ok(())
    }

    fn exercised(&self) -> bool {
        self.exercised
    }
}

impl EventualDelivery {
    fn pass(&mut self, time: Duration) -> Result<(), Violation> {
        let mut overdue = None;
        for ((host, message), queued) in &mut self.queue {
            let bound = bound(&self.setup, *host, queued);
            let held = queued.held;
            let free = time.saturating_sub(held);
            queued.held = held.saturating_sub(time);
            if let Some(calm) = queued.calm {
                let left = bound.saturating_sub(calm);
                let lifetime_left = self.setup.lifetime(*host).saturating_sub(queued.age);
                if free > left && held + left < lifetime_left {
                    overdue.get_or_insert((*host, *message, *queued));
                }
                queued.calm = Some((calm + free).min(bound));
            }
            queued.age = (queued.age + time).min(self.setup.lifetime(*host));
        }
        match overdue {
            Some((host, message, queued)) => Err(self.violation(host, message, &queued, "still holds")),
            None => Ok(()),
        }
    }

    fn bound(&self, host: HostId, queued: &Queued) -> Duration {
        bound(&self.setup, host, queued)
    }

    /// Something changed: the calm of each message that it may matter to begins anew.
    fn reconsider(&mut self, change: &Observation) {
        let concerned: Vec<(HostId, MessageId)> = self
            .queue
            .iter()
            .filter(|((host, _), queued)| self.concerns(change, *host, queued))
            .map(|(key, _)| *key)
            .collect();
        for key in concerned {
            let Some(mut queued) = self.queue.get(&key).copied() else {
                continue;
            };
            queued.calm = self.is_good(key.0, &queued).then_some(Duration::ZERO);
            queued.hardship |= queued.calm.is_none();
            self.queue.insert(key, queued);
        }
    }

    fn concerns(&self, change: &Observation, sender: HostId, queued: &Queued) -> bool {
        let is_exchanger = |host| self.setup.may_serve(host, queued.next_hop);
        let is_about = |domain| domain == queued.next_hop || domain == queued.domain;
        match *change {
            Observation::Policy { host, next_hop, .. } => host == sender && next_hop == queued.next_hop,
            Observation::Tls { host, .. }
            | Observation::Trouble { host, .. }
            | Observation::Certificate { host, .. }
            | Observation::Attacked { host, .. } => is_exchanger(host),
            Observation::Exchanger { domain, .. } | Observation::Listed { domain, .. } => is_about(domain),
            Observation::Lookups { host, .. }
            | Observation::Running { host, .. }
            | Observation::Clock { host, .. }
            | Observation::Deceived { host, .. } => host == sender || is_exchanger(host),
            _ => false,
        }
    }

    fn is_good(&self, sender: HostId, queued: &Queued) -> bool {
        let listed = || {
            let hosts = self.setup.hosts();
            hosts.filter(|host| self.standings.is_listed(*host, queued.next_hop))
        };
        queued.mailbox == MailboxState::Accepts
            && !self.standings.of(sender).is_down
            && self
                .standings
                .exchangers_can_be_found(&self.setup, sender, queued.next_hop)
            && listed().all(|host| host != sender && !self.may_refuse_for_good(sender, host, queued))
            && listed().any(|host| self.takes(sender, host, queued))
    }

    /// A host that relays for the sender knows it by its address, which an attacker who passes mail on does not have; or by
    /// its certificate, which nobody sees in clear.
    fn may_refuse_for_good(&self, sender: HostId, host: HostId, queued: &Queued) -> bool {
        if self.setup.never_accepts_mail(host) {
            return false;
        }
        let identity = self.setup.proves_as_client(sender);
        let uses_tls = self.oracle.level(sender, queued.next_hop) != Level::None && self.standings.of(host).offers_tls;
        // Who relays by identity knows nobody at an address without TLS, and refuses there for good.
        let uses_tls = uses_tls && !self.setup.has_address_without_tls(host);
        let knows_clients = uses_tls && self.can_meet(sender, host) && !self.standings.of(host).clock_is_off;
        let by_identity = self.setup.relays_for_identity(host, identity) && knows_clients;
        let is_permitted = self.setup.relays_for(host, sender) || by_identity;
        let relays = is_permitted && self.standings.of(host).attacks == 0;
        let is_exchanger = self.standings.is_configured(host, queued.domain);
        let is_public = is_exchanger && self.standings.is_listed(host, queued.domain);
        !(is_exchanger || relays) || (self.setup.demands_tls(host) && !is_public)
    }

    fn takes(&self, sender: HostId, host: HostId, queued: &Queued) -> bool {
        let standing = self.standings.of(host);
        let offers_tls = standing.offers_tls && self.can_meet(sender, host);
        let is_secure_enough = match Requirement::of(self.oracle.level(sender, queued.next_hop), queued.next_hop) {
            Requirement::Clear => true,
            Requirement::Encrypted => offers_tls,
            Requirement::Authenticated(next_hop) => {
                offers_tls && standing.proves.has(next_hop) && !self.standings.of(sender).clock_is_off
            }
        };
        // From a client that TLS is required of nothing is taken in clear: neither at level none, nor while it remembers that
        // TLS broke here (R3207-6-a).
        let gets_its_tls = !self.setup.requires_tls_of(host, sender)
            || match self.oracle.level(sender, queued.next_hop) {
                Level::None => false,
                Level::May => offers_tls && self.setup.tls_failure_memory(sender).is_zero(),
                Level::Encrypt | Level::Secure => offers_tls,
            };
        let may_ban = self.setup.handshake(host).after_failure == AfterFailure::Bans;
        // To answer as the chart says, a server that demands TLS must be able to look itself up.
        let knows_its_listing =
            !self.setup.demands_tls(host) || self.standings.exchangers_can_be_found(&self.setup, host, queued.domain);
        let takes_mail = standing.attacks == 0
            && !standing.is_down
            && standing.trouble == Trouble::None
            && !self.setup.never_accepts_mail(host);
        takes_mail && is_secure_enough && gets_its_tls && knows_its_listing && !may_ban
    }

    fn can_meet(&self, client: HostId, server: HostId) -> bool {
        self.setup.handshake(client).can_meet(self.setup.handshake(server))
    }

    /// One copy is decided.
    fn decided(&mut self, host: HostId, message: MessageId) -> Option<Queued> {
        let queued = self.queue.get_mut(&(host, message))?;
        queued.copies -= 1;
        let decided = *queued;
        if decided.copies == 0 {
            self.queue.remove(&(host, message));
        }
        let mut exchangers = self
            .setup
            .hosts()
            .filter(|host| self.standings.is_listed(*host, decided.next_hop));
        let is_attacked = exchangers.any(|host| self.standings.of(host).attacks > 0);
        self.exercised |= decided.calm.is_some() && (decided.hardship || is_attacked);
        Some(decided)
    }

    fn violation(&self, host: HostId, message: MessageId, queued: &Queued, did: &str) -> Violation {
        let listed = self
            .setup
            .hosts()
            .filter(|host| self.standings.is_listed(*host, queued.next_hop));
        let level = self.oracle.level(host, queued.next_hop);
        let addresses: u32 = listed.map(|listed| self.setup.addresses(listed)).sum();
        let rule = match (addresses, level) {
            (2.., _) => "R5321-5.1-d",
            (_, Level::Encrypt | Level::Secure) => "SEED-12",
            (_, Level::None | Level::May) => "R5321-4.5.4.1-a",
        };
        let why = format!(
            "{} {did} {} although an exchanger of {} was ready to take it for more than {} h",
            self.setup.host_name(host),
            named(message),
            self.setup.domain_name(queued.next_hop),
            self.bound(host, queued).as_secs() / 3600,
        );
        violation(rule, why)
    }
}

/// How long a calm may last before the message must have been sent.
fn bound(setup: &Setup, host: HostId, queued: &Queued) -> Duration {
    let cached = setup
        .time_to_live(queued.next_hop)
        .max(setup.time_to_live(queued.domain));
    cached + setup.largest_gap(host) + setup.slack(queued.next_hop)
}

#[cfg(test)]
mod tests {
    use postern_model::scenario::{Certificate, OtherAddress, Scenario};

    use super::super::story::{B, DAY, Found, HOUR, MINUTE, MX1, MX2, OUT, SECOND, Story, scenario, setup};
    use super::*;

    /// One time to live, the largest gap, and an hour for each exchanger.
    const BOUND: Duration = Duration::from_secs(5 * 60 + 150 * 60 + 2 * 3600);

    fn judged(level: Level, story: Story) -> Found {
        story.judged_by(EventualDelivery::new(setup(level)))
    }

    fn attacked(story: Story, host: HostId, attacks: u8) -> Story {
        story.sees(Observation::Attacked { host, attacks })
    }

    fn both_attacked() -> Story {
        attacked(attacked(Story::new(), MX1, 1), MX2, 1)
            .mail_is_tried()
            .deferred()
    }

    #[test]
    fn mail_that_was_held_up_is_sent_in_the_calm() {
        let story = attacked(both_attacked().after(DAY), MX2, 0).after(HOUR).sent();
        assert_eq!(judged(Level::May, story), Found::Holds);
    }

    #[test]
    fn the_bound_is_the_boundary() {
        let calm = || attacked(both_attacked(), MX2, 0);
        assert_eq!(judged(Level::May, calm().after(BOUND).sent()), Found::Holds);
        assert_eq!(
            judged(Level::May, calm().after(BOUND + SECOND).sent()),
            Found::Violated("R5321-5.1-d")
        );
    }

    /// MX1 alone takes the mail of b.example, and has a second address.
    fn with_two_addresses(kind: OtherAddress, level: Level, edit: impl FnOnce(&mut Scenario)) -> EventualDelivery {
        let mut scenario = scenario(level);
        scenario.domain[0]
            .mx
            .retain(|record| record.host.as_str() == "mx1.b.example");
        scenario.host.retain(|host| host.name.as_str() != "mx2.b.example");
        let mx1 = &mut scenario.host[usize::from(MX1.0)];
        mx1.other_address = Some(kind);
        mx1.other_address_first = true;
        edit(&mut scenario);
        EventualDelivery::new(Setup::of(&scenario))
    }

    #[test]
    fn time_for_which_the_testbed_holds_mail_is_no_calm() {
        let held = || attacked(both_attacked(), MX2, 0).held(DAY);
        assert_eq!(judged(Level::May, held().after(DAY + BOUND).sent()), Found::Holds);
        assert_eq!(
            judged(Level::May, held().after(DAY + BOUND + SECOND).sent()),
            Found::Violated("R5321-5.1-d")
        );
    }

    #[test]
    fn a_host_that_is_good_at_one_of_its_addresses_is_owed_the_mail() {
        for (kind, level) in [
            (OtherAddress::Unreachable, Level::May),
            (OtherAddress::WithoutTls, Level::Encrypt),
        ] {
            let held = || Story::new().mail_is_tried().deferred();
            let judged = |story: Story| story.judged_by(with_two_addresses(kind, level, |_| {}));
            assert_eq!(judged(held().after(BOUND).sent()), Found::Holds);
            assert_eq!(
                judged(held().after(BOUND + SECOND).sent()),
                Found::Violated("R5321-5.1-d")
            );
        }
    }

    #[test]
    fn a_host_that_requires_tls_of_the_client_owes_it_nothing_in_clear() {
        let is_owed = |level, has_tls: bool, remembers: bool| {
            let mut scenario = scenario(level);
            let client = scenario.host[0].name.clone();
            scenario.host[0].tls_failure_memory = remembers.then_some(HOUR);
            for server in &mut scenario.host[1..] {
                server.requires_tls_of.push(client.clone());
            }
            let switched = |host| Observation::Tls { host, on: has_tls };
            let story = Story::new().sees(switched(MX1)).sees(switched(MX2));
            let story = story.mail_is_tried().deferred().after(BOUND + SECOND).sent();
            let found = story.judged_by(EventualDelivery::new(Setup::of(&scenario)));
            matches!(found, Found::Violated(_))
        };
        for level in [Level::None, Level::May, Level::Encrypt] {
            assert_eq!(is_owed(level, true, false), level != Level::None, "{level:?}");
            assert_eq!(is_owed(level, true, true), level == Level::Encrypt, "{level:?}");
            assert!(!is_owed(level, false, false), "{level:?}");
        }
    }

    #[test]
    fn an_address_without_tls_knows_no_identity_and_may_refuse_for_good() {
        let relays = |kind| {
            let edit = |scenario: &mut Scenario| {
                scenario.host[0].handshake.client_certificate = Some(Certificate::Valid);
                let client = scenario.host[0].name.clone();
                scenario.host[1].exchanger_for.clear();
                scenario.host[1].relay_for_identity.push(client);
            };
            let mail = Queued {
                next_hop: B,
                domain: B,
                mailbox: MailboxState::Accepts,
                copies: 1,
                age: Duration::ZERO,
                calm: None,
                hardship: false,
                held: Duration::ZERO,
            };
            with_two_addresses(kind, Level::May, edit).is_good(OUT, &mail)
        };
        assert!(relays(OtherAddress::Alike), "it proves itself at either");
        assert!(!relays(OtherAddress::WithoutTls));
    }

    #[test]
    fn a_calm_that_is_disturbed_begins_anew() {
        let disturbed = attacked(both_attacked(), MX2, 0).after(BOUND - MINUTE);
        let anew = attacked(attacked(disturbed, MX1, 2).after(MINUTE), MX1, 1);
        assert_eq!(judged(Level::May, anew.after(BOUND).sent()), Found::Holds);
    }

    #[test]
    fn while_every_exchanger_is_attacked_nothing_is_owed() {
        assert_eq!(judged(Level::May, both_attacked().after(30 * DAY)), Found::NotExercised);
    }

    #[test]
    fn mail_is_not_given_back_after_such_a_calm() {
        let calm = attacked(both_attacked().after(5 * DAY - BOUND), MX2, 0);
        assert_eq!(
            judged(Level::May, calm.clone().after(BOUND).bounced()),
            Found::Violated("R5321-5.1-d")
        );
        assert_eq!(judged(Level::May, calm.after(BOUND - SECOND).bounced()), Found::Holds);
    }

    #[test]
    fn an_exchanger_without_the_required_tls_is_not_good() {
        let without_tls = |story: Story| {
            story
                .sees(Observation::Tls { host: MX1, on: false })
                .sees(Observation::Tls { host: MX2, on: false })
        };
        let story = || without_tls(Story::new()).mail_is_tried().deferred().after(2 * BOUND);
        assert_eq!(judged(Level::Encrypt, story()), Found::NotExercised);
        assert_eq!(judged(Level::May, story()), Found::Violated("R5321-5.1-d"));
        let again = story()
            .sees(Observation::Tls { host: MX1, on: true })
            .after(HOUR)
            .sent();
        assert_eq!(judged(Level::Encrypt, again), Found::Holds);
    }

    #[test]
    fn while_the_clock_of_the_sender_is_off_no_certificate_can_be_relied_on() {
        let clock = |story: Story, is_right| story.sees(Observation::Clock { host: OUT, is_right });
        let story = || clock(Story::new(), false).mail_is_tried().deferred().after(2 * BOUND);
        assert_eq!(judged(Level::Secure, story()), Found::NotExercised);
        assert_eq!(judged(Level::Encrypt, story()), Found::Violated("R5321-5.1-d"));
        let set_right = || clock(story(), true);
        assert_eq!(judged(Level::Secure, set_right().after(BOUND).sent()), Found::Holds);
        assert_eq!(
            judged(Level::Secure, set_right().after(BOUND + SECOND)),
            Found::Violated("R5321-5.1-d")
        );
    }

    #[test]
    fn with_one_exchanger_the_rule_is_that_of_the_policy() {
        let alone = || {
            Story::new().sees(Observation::Listed {
                host: MX2,
                domain: B,
                listed: false,
            })
        };
        let story = || alone().mail_is_tried().deferred().after(2 * BOUND);
        assert_eq!(judged(Level::Encrypt, story()), Found::Violated("SEED-12"));
        assert_eq!(judged(Level::May, story()), Found::Violated("R5321-4.5.4.1-a"));
    }

    #[test]
    fn a_listed_host_that_refuses_for_good_spoils_the_next_hop() {
        let story = Story::new().sees(Observation::Exchanger {
            host: MX1,
            domain: B,
            configured: false,
        });
        assert_eq!(
            judged(Level::May, story.mail_is_tried().after(2 * BOUND)),
            Found::NotExercised
        );
    }

    #[test]
    fn failing_lookups_at_the_sender_spoil_the_next_hop() {
        let exchangers_name = setup(Level::May).own_name(MX1).expect("a name");
        for domain in [B, exchangers_name] {
            let failing = Observation::Lookups {
                host: OUT,
                domain,
                work: false,
            };
            let story = Story::new().sees(failing).mail_is_tried().after(2 * BOUND);
            assert_eq!(judged(Level::May, story), Found::NotExercised);
        }
    }

    #[test]
    fn mail_that_meets_no_hardship_does_not_exercise_it() {
        assert_eq!(
            judged(Level::May, Story::new().mail_is_tried().sent()),
            Found::NotExercised
        );
    }
}
