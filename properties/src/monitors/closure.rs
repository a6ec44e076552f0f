//! P12: every message is delivered, sent on, or given back with one notification, and in time.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use postern_model::monitor::{Monitor, Violation};
use postern_model::observation::{DomainId, HostId, MessageId, Observation};
use postern_model::report::{About, ReportAction};

use super::requests::{Requests, Wanted};
use super::{LOG_DELAY, named, violation};
use crate::setup::Setup;

/// Judges every queue: what was accepted ends delivered, sent on, or given back, no later than the lifetime, the largest gap
/// and [`Setup::slack`] after it was queued; and each message that was given back has one notification within a minute,
/// from the null reverse path, or none if its own reverse path is null or its sender wants none (RFC 3461 §4.1).
///
/// Exercised when a message came to its end.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Closure {
    setup: Setup,
    requests: Requests,
    queue: BTreeMap<(HostId, MessageId), Held>,
    /// The hosts that have crashed: what they owe can wait until they run again.
    down: BTreeSet<HostId>,
    exercised: bool,
}

/// What a host holds, or held, of a message.
#[derive(Debug, Clone, Default, PartialEq, Eq, Hash)]
struct Held {
    next_hop: Option<DomainId>,
    null_reverse_path: bool,
    /// Whether its sender wants to hear of its failure.
    wanted: Wanted,
    /// The ages of the copies still in the queue, oldest first, up to the time limit.
    open: Vec<Duration>,
    bounces: u8,
    notifications: u8,
    /// How long bounces and notifications have not matched.
    unmatched: Duration,
}

impl Closure {
    /// The monitor at the start of a run.
    pub fn new(setup: Setup) -> Self {
        Self {
            setup,
            requests: Requests::default(),
            queue: BTreeMap::new(),
            down: BTreeSet::new(),
            exercised: false,
        }
    }
}

impl Monitor for Closure {
    fn observe(&mut self, after: Duration, observation: &Observation) -> Result<(), Violation> {
        self.pass(after)?;
        self.requests.observe(observation);
        match *observation {
            Observation::Queued {
                host,
                message,
                next_hop,
                null_reverse_path,
                about,
                ..
            } => {
                if let Some(about) = about {
                    self.notified(host, about, null_reverse_path)?;
                }
                let wanted = self.requests.wanted(host, failure(message));
                let held = self.queue.entry((host, message)).or_default();
                held.wanted = wanted;
                held.next_hop = Some(next_hop);
                held.null_reverse_path = null_reverse_path;
                held.open.push(Duration::ZERO);
            }
            Observation::Sent { host, message } | Observation::Delivered { host, message } => {
                self.end(host, message);
            }
            Observation::Bounced { host, message } => {
                self.end(host, message);
                if let Some(held) = self.queue.get_mut(&(host, message)) {
                    held.bounces = held.bounces.saturating_add(1);
                }
            }
            Observation::Running { host, up: false } => _ = self.down.insert(host),
            Observation::Running { host, up: true } => _ = self.down.remove(&host),
            _ => {}
        }
        Ok(())
    }

    fn finish(&mut self) -> Result<(), Violation> {
        for ((host, message), held) in &self.queue {
            held.judge_notifications(&self.setup, *host, *message)?;
        }
        Ok(())
    }

    fn exercised(&self) -> bool {
        self.exercised
    }
}

impl Closure {
    fn pass(&mut self, time: Duration) -> Result<(), Violation> {
        for ((host, message), held) in &mut self.queue {
            if self.down.contains(host) {
                continue;
            }
            let limit = limit(&self.setup, *host, held.next_hop);
            for age in &mut held.open {
                *age += time;
                if *age > limit {
                    let why = format!(
                        "{} still holds {} long after its lifetime, neither sent on nor given back",
                        self.setup.host_name(*host),
                        named(*message),
                    );
                    return Err(violation("R5321-4.2.5-a", why));
                }
            }
            if held.is_matched() {
                held.unmatched = Duration::ZERO;
                continue;
            }
            held.unmatched += time;
            if held.unmatched > LOG_DELAY {
                held.judge_notifications(&self.setup, *host, *message)?;
            }
        }
        Ok(())
    }

    fn notified(&mut self, host: HostId, about: About<MessageId>, null_reverse_path: bool) -> Result<(), Violation> {
        let wanted = self.requests.wanted(host, about);
        let About { message: about, action } = about;
        let Some(held) = self.queue.get_mut(&(host, about)) else {
            return Ok(());
        };
        let who = self.setup.host_name(host);
        if held.null_reverse_path {
            let why = format!(
                "{who} sent a notification about {}, whose reverse path is null",
                named(about)
            );
            return Err(violation("R5321-4.5.4-f", why));
        }
        if let Wanted::Never(rule) = wanted {
            let why = format!(
                "{who} reports that {} is {action}, which its sender ruled out",
                named(about)
            );
            return Err(violation(rule, why));
        }
        if !null_reverse_path {
            let why = format!(
                "{who} sent a notification about {} from another reverse path than <>",
                named(about)
            );
            return Err(violation("R5321-6.1-a", why));
        }
        if action == ReportAction::Failed {
            held.notifications = held.notifications.saturating_add(1);
        }
        Ok(())
    }

    /// The oldest copy came to its end.
    fn end(&mut self, host: HostId, message: MessageId) {
        if let Some(held) = self.queue.get_mut(&(host, message))
            && !held.open.is_empty()
        {
            held.open.remove(0);
            self.exercised = true;
        }
    }
}

impl Held {
    fn is_matched(&self) -> bool {
        match self.wanted {
            _ if self.null_reverse_path => self.notifications == 0,
            Wanted::Yes => self.notifications == self.bounces,
            Wanted::Never(_) => self.notifications == 0,
            Wanted::Unknown => self.notifications <= self.bounces,
        }
    }

    fn judge_notifications(&self, setup: &Setup, host: HostId, message: MessageId) -> Result<(), Violation> {
        if self.is_matched() {
            return Ok(());
        }
        let (who, what) = (setup.host_name(host), named(message));
        let why = match (self.bounces, self.notifications) {
            (_, 0) => format!("{who} gave {what} back and notified nobody"),
            (0, _) => format!("{who} sent a notification about {what}, which it did not give back"),
            (bounces, notifications) => {
                format!("{who} gave {what} back {bounces} times and sent {notifications} notifications about it")
            }
        };
        Err(violation("R5321-6.1-a", why))
    }
}

fn failure(message: MessageId) -> About<MessageId> {
    About {
        message,
        action: ReportAction::Failed,
    }
}

/// How long a message may be in the queue.
fn limit(setup: &Setup, host: HostId, next_hop: Option<DomainId>) -> Duration {
    let slack = next_hop.map_or(Duration::ZERO, |next_hop| setup.slack(next_hop));
    setup.lifetime(host) + setup.largest_gap(host) + slack
}

#[cfg(test)]
mod tests {
    use postern_model::report::Notify;
    use postern_model::scenario::{Level, MailboxState};

    use super::super::story::{B, DAY, Found, HOUR, MAIL, MINUTE, NOTIFICATION, OUT, SECOND, Story, setup};
    use super::*;

    /// Lifetime, largest gap, and an hour for each exchanger.
    const LIMIT: Duration = Duration::from_secs(5 * 24 * 3600 + 150 * 60 + 2 * 3600);

    fn judged(story: Story) -> Found {
        story.judged_by(Closure::new(setup(Level::May)))
    }

    fn notification(null_reverse_path: bool, about: MessageId) -> Observation {
        Observation::Queued {
            host: OUT,
            message: NOTIFICATION,
            next_hop: B,
            domain: B,
            mailbox: MailboxState::Accepts,
            null_reverse_path,
            about: Some(About {
                message: about,
                action: ReportAction::Failed,
            }),
        }
    }

    #[test]
    fn a_message_that_is_sent_on_is_closed() {
        assert_eq!(
            judged(Story::new().mail_is_tried().sent().after(2 * LIMIT)),
            Found::Holds
        );
    }

    #[test]
    fn a_message_that_is_given_back_has_one_notification() {
        let bounced = Story::new().mail_is_tried().bounced();
        assert_eq!(judged(bounced.clone()), Found::Violated("R5321-6.1-a"));
        let once = bounced.sees(notification(true, MAIL));
        assert_eq!(judged(once.clone()), Found::Holds);
        assert_eq!(
            judged(once.sees(notification(true, MAIL))),
            Found::Violated("R5321-6.1-a")
        );
    }

    #[test]
    fn who_wants_no_notification_is_owed_none_and_must_not_get_one() {
        let asked = Observation::Asked {
            host: OUT,
            message: MAIL,
            notify: Some(Notify::Never),
            envelope_id: None,
        };
        let bounced = Story::new().sees(asked).mail_is_tried().bounced();
        assert_eq!(judged(bounced.clone().after(HOUR)), Found::Holds);
        assert_eq!(
            judged(bounced.sees(notification(true, MAIL))),
            Found::Violated("R3461-4.1-a")
        );
    }

    #[test]
    fn a_notification_has_a_minute_to_come() {
        let bounced = Story::new().mail_is_tried().bounced();
        let in_time = bounced.clone().after(MINUTE).sees(notification(true, MAIL));
        assert_eq!(judged(in_time), Found::Holds);
        let late = bounced.after(MINUTE + SECOND).sees(notification(true, MAIL));
        assert_eq!(judged(late), Found::Violated("R5321-6.1-a"));
    }

    #[test]
    fn a_notification_without_a_bounce_is_false() {
        let story = Story::new().mail_is_tried().sees(notification(true, MAIL)).after(HOUR);
        assert_eq!(judged(story), Found::Violated("R5321-6.1-a"));
    }

    #[test]
    fn a_notification_comes_from_the_null_reverse_path() {
        let story = Story::new().mail_is_tried().bounced().sees(notification(false, MAIL));
        assert_eq!(judged(story), Found::Violated("R5321-6.1-a"));
    }

    #[test]
    fn a_notification_that_is_given_back_is_reported_to_nobody() {
        let given_back = Story::new()
            .mail_is_tried()
            .bounced()
            .sees(notification(true, MAIL))
            .sees(Observation::Bounced {
                host: OUT,
                message: NOTIFICATION,
            });
        assert_eq!(judged(given_back.clone().after(DAY)), Found::Holds);
        let about_it = notification(true, NOTIFICATION);
        assert_eq!(judged(given_back.sees(about_it)), Found::Violated("R5321-4.5.4-f"));
    }

    #[test]
    fn the_limit_is_the_boundary() {
        let waiting = Story::new().mail_is_tried().deferred();
        assert_eq!(judged(waiting.clone().after(LIMIT)), Found::NotExercised);
        assert_eq!(judged(waiting.after(LIMIT + SECOND)), Found::Violated("R5321-4.2.5-a"));
    }
}
