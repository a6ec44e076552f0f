//! P40: deferred mail is tried again after a delay, neither too often nor too seldom, and for four days at least; what was
//! refused for good is not.

use std::collections::BTreeMap;
use std::time::Duration;

use postern_model::monitor::{Monitor, Violation};
use postern_model::observation::{DomainId, HostId, MessageId, Observation, Status};

use super::repetition::Repetition;
use super::{named, violation};
use crate::setup::Setup;

/// “The sender MUST delay retrying”: less than this is no delay.
const DELAY_LEAST: Duration = Duration::from_secs(60);

/// “In general, the retry interval SHOULD be at least 30 minutes.”
const GAP_LEAST: Duration = Duration::from_secs(30 * 60);

/// How long after it was queued a message may be tried more often than that.
const EARLY: Duration = Duration::from_secs(4 * 3600);

/// So many gaps in a row that are too short, or not as configured, are no exception any more.
const IN_A_ROW: u8 = 3;

/// “Periodically retried”, “backing off to one every two or three hours”: whoever tries less than twice in the shortest
/// lifetime does no such thing.
const GAP_MOST: Duration = Duration::from_secs(2 * 24 * 3600);

/// “The give-up time generally needs to be at least 4-5 days.”
const LIFETIME_LEAST: Duration = Duration::from_secs(4 * 24 * 3600);

/// Judges the schedule of every queue by RFC 5321 §4.5.4.1, from the log. The reading, since the text grants “more
/// sophisticated and variable strategies”:
///
/// - A gap is the time between the failure of an attempt and the next attempt at the same message.
/// - **Delay** (a): no gap is shorter than a minute.
/// - **Interval** (b): in the first four hours gaps may be short, as the RFC itself has two tries in the first hour and Exim
///   has nine in two. After that three gaps in a row that are shorter than half an hour are too many. No figure bounds
///   a gap from above; one that is longer than two days, half of the shortest lifetime, is too long.
/// - **Give-up time** (c): a message that is given back with a status of class 4, the sign of one that expired, has been in
///   the queue for four days; a notification may expire earlier. That each host keeps to its own lifetime is P02's.
/// - **Configurable** (d): three gaps in a row that are not those of the host's configured schedule, or are longer by more
///   than [`Setup::slack`], show an MTA that does not do as it is configured.
/// - A gap in which the host crashed, or at the end of which the testbed held the message, is none of its schedule's.
/// - The attempt at the end of the configured lifetime comes when it comes. Where a host has the same message twice, the log
///   does not tell which copy it speaks of, and only the give-up time is judged.
///
/// Beside it, `Repetition` judges that what was refused for good is not tried again. Exercised by a gap that ended, by a
/// message that expired, and by one that was refused for good.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct LifetimeConformance {
    setup: Setup,
    repetition: Repetition,
    queue: BTreeMap<(HostId, MessageId), Queued>,
    exercised: bool,
}

/// A message in a queue.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
struct Queued {
    next_hop: DomainId,
    null_reverse_path: bool,
    copies: u8,
    /// It was here twice at some time.
    is_ambiguous: bool,
    /// Of the oldest copy, up to the greater of the lifetime and four days.
    age: Duration,
    attempts: u32,
    /// How long it has waited since its last attempt failed.
    waited: Option<Duration>,
    /// How old it was then.
    failed_at_age: Duration,
    /// How many gaps in a row were too short.
    short: u8,
    /// How many gaps in a row were not as configured.
    off_schedule: u8,
    status: Option<Status>,
}

impl LifetimeConformance {
    /// The monitor at the start of a run.
    pub fn new(setup: Setup) -> Self {
        Self {
            repetition: Repetition::new(setup.clone()),
            setup,
            queue: BTreeMap::new(),
            exercised: false,
        }
    }
}

impl Monitor for LifetimeConformance {
    fn observe(&mut self, after: Duration, observation: &Observation) -> Result<(), Violation> {
        self.repetition.observe(observation)?;
        self.pass(after)?;
        match *observation {
            Observation::Queued {
                host,
                message,
                next_hop,
                null_reverse_path,
                ..
            } => {
                let queued = self.queue.entry((host, message)).or_insert(Queued {
                    next_hop,
                    null_reverse_path,
                    copies: 0,
                    is_ambiguous: false,
                    age: Duration::ZERO,
                    attempts: 0,
                    waited: None,
                    failed_at_age: Duration::ZERO,
                    short: 0,
                    off_schedule: 0,
                    status: None,
                });
                queued.copies = queued.copies.saturating_add(1);
                queued.is_ambiguous |= queued.copies > 1;
            }
            Observation::Attempt { host, message } => return self.attempt(host, message),
            Observation::Status { host, message, status } => {
                if let Some(queued) = self.queue.get_mut(&(host, message)) {
                    queued.status = Some(status);
                }
            }
            Observation::Deferred { host, message } => {
                if let Some(queued) = self.queue.get_mut(&(host, message)) {
                    queued.waited = Some(Duration::ZERO);
                    queued.failed_at_age = queued.age;
                }
            }
            Observation::Held { host, message, .. } => {
                if let Some(queued) = self.queue.get_mut(&(host, message)) {
                    queued.waited = None;
                }
            }
            Observation::Running { host, up: false } => {
                for (_, queued) in self.queue.iter_mut().filter(|((holder, _), _)| *holder == host) {
                    queued.waited = None;
                }
            }
            Observation::Sent { host, message } | Observation::Delivered { host, message } => {
                self.decided(host, message);
            }
            Observation::Bounced { host, message } => {
                if let Some(queued) = self.decided(host, message) {
                    return self.given_back(host, message, queued);
                }
            }
            _ => {}
        }
        Ok(())
    }

    fn exercised(&self) -> bool {
        self.exercised || self.repetition.is_exercised()
    }
}

impl LifetimeConformance {
    fn pass(&mut self, time: Duration) -> Result<(), Violation> {
        for ((host, message), queued) in &mut self.queue {
            let cap = self.setup.lifetime(*host).max(LIFETIME_LEAST);
            queued.age = (queued.age + time).min(cap);
            let Some(waited) = &mut queued.waited else { continue };
            *waited += time;
            if *waited > GAP_MOST && !queued.is_ambiguous {
                let why = format!(
                    "{} let {} wait for more than {} between two attempts",
                    self.setup.host_name(*host),
                    named(*message),
                    in_words(GAP_MOST),
                );
                return Err(violation("R5321-4.5.4.1-b", why));
            }
        }
        Ok(())
    }

    fn attempt(&mut self, host: HostId, message: MessageId) -> Result<(), Violation> {
        let Some(queued) = self.queue.get_mut(&(host, message)) else {
            return Ok(());
        };
        let gap = queued.waited.take();
        let configured = self.setup.retry(host).gap(queued.attempts, queued.failed_at_age);
        queued.attempts = queued.attempts.saturating_add(1);
        let Some(gap) = gap else { return Ok(()) };
        if queued.is_ambiguous || queued.age >= self.setup.lifetime(host) {
            return Ok(());
        }
        self.exercised = true;
        let longest = configured + self.setup.slack(queued.next_hop);
        count(&mut queued.short, queued.age > EARLY && gap < GAP_LEAST);
        count(
            &mut queued.off_schedule,
            gap + Duration::from_secs(1) < configured || gap > longest,
        );
        let (rule, what) = if gap < DELAY_LEAST {
            ("R5321-4.5.4.1-a", format!("tried again after {}", in_words(gap)))
        } else if queued.short >= IN_A_ROW {
            let what = format!("is still tried every {} after {}", in_words(gap), in_words(queued.age));
            ("R5321-4.5.4.1-b", what)
        } else if queued.off_schedule >= IN_A_ROW {
            let what = format!(
                "waited {} for an attempt that its configuration has after {}, and so for the third time in a row",
                in_words(gap),
                in_words(configured),
            );
            ("R5321-4.5.4.1-d", what)
        } else {
            return Ok(());
        };
        let why = format!("{} at {} {what}", named(message), self.setup.host_name(host));
        Err(violation(rule, why))
    }

    fn given_back(&mut self, host: HostId, message: MessageId, queued: Queued) -> Result<(), Violation> {
        let Some(status) = queued.status.filter(|status| status.class == 4) else {
            return Ok(());
        };
        self.exercised = true;
        if queued.null_reverse_path || queued.age >= LIFETIME_LEAST {
            return Ok(());
        }
        let why = format!(
            "{} gave {} up with {status} after {}, which is less than four days",
            self.setup.host_name(host),
            named(message),
            in_words(queued.age),
        );
        Err(violation("R5321-4.5.4.1-c", why))
    }

    /// One copy is decided.
    fn decided(&mut self, host: HostId, message: MessageId) -> Option<Queued> {
        let queued = self.queue.get_mut(&(host, message))?;
        queued.copies -= 1;
        queued.waited = None;
        let decided = *queued;
        if decided.copies == 0 {
            self.queue.remove(&(host, message));
        }
        Some(decided)
    }
}

/// Counts how often something was so in a row.
fn count(in_a_row: &mut u8, is_so: bool) {
    *in_a_row = if is_so { in_a_row.saturating_add(1) } else { 0 };
}

fn in_words(time: Duration) -> String {
    match time.as_secs() {
        seconds @ 0..120 => format!("{seconds} s"),
        seconds @ 120..7200 => format!("{} min", seconds / 60),
        seconds => format!("{} h", seconds / 3600),
    }
}

#[cfg(test)]
mod tests {
    use postern_model::scenario::{Level, RetrySchedule};

    use super::super::story::{DAY, Found, HOUR, MAIL, MINUTE, OUT, SECOND, Story, scenario, setup};
    use super::*;

    fn judged(story: Story) -> Found {
        story.judged_by(LifetimeConformance::new(setup(Level::May)))
    }

    /// Judged at a sender with this schedule.
    fn judged_with(schedule: RetrySchedule, story: Story) -> Found {
        let mut scenario = scenario(Level::May);
        scenario.host[0].retry = schedule;
        story.judged_by(LifetimeConformance::new(Setup::of(&scenario)))
    }

    fn fails_and_waits(story: Story, gap: Duration) -> Story {
        story.deferred().after(gap).tried_again()
    }

    /// Follows a schedule for so many gaps.
    fn follows(schedule: RetrySchedule, gaps: u32) -> Story {
        let mut age = Duration::ZERO;
        (1..=gaps).fold(Story::new().mail_is_tried(), |story, attempt| {
            let gap = schedule.gap(attempt, age);
            age += gap;
            fails_and_waits(story, gap)
        })
    }

    fn given_up(story: Story, class: u16) -> Story {
        let status = Status {
            class,
            subject: 7,
            detail: 4,
        };
        let (host, message) = (OUT, MAIL);
        story.sees(Observation::Status { host, message, status }).bounced()
    }

    #[test]
    fn mail_that_is_taken_at_once_shows_nothing() {
        assert_eq!(
            judged(Story::new().mail_is_tried().sent().after(DAY)),
            Found::NotExercised
        );
    }

    #[test]
    fn every_schedule_that_does_not_deviate_holds() {
        for schedule in RetrySchedule::ALL.iter().filter(|schedule| !schedule.deviates()) {
            assert_eq!(
                judged_with(*schedule, follows(*schedule, 15)),
                Found::Holds,
                "{schedule:?}"
            );
        }
    }

    #[test]
    fn a_schedule_that_deviates_is_told_by_its_own_deviation() {
        let doubles = follows(RetrySchedule::Kumomta, 8);
        assert_eq!(judged_with(RetrySchedule::Kumomta, doubles.clone()), Found::Holds);
        let waits = doubles.deferred().after(Duration::from_secs(307_200));
        assert_eq!(
            judged_with(RetrySchedule::Kumomta, waits),
            Found::Violated("R5321-4.5.4.1-b")
        );
        let gives_up = given_up(follows(RetrySchedule::Mox, 7), 4);
        assert_eq!(
            judged_with(RetrySchedule::Mox, gives_up),
            Found::Violated("R5321-4.5.4.1-c")
        );
    }

    #[test]
    fn less_than_a_minute_is_no_delay() {
        let tried = |gap| {
            judged_with(
                RetrySchedule::Postfix,
                fails_and_waits(Story::new().mail_is_tried(), gap),
            )
        };
        assert_eq!(tried(MINUTE), Found::Holds);
        assert_eq!(tried(MINUTE - SECOND), Found::Violated("R5321-4.5.4.1-a"));
    }

    #[test]
    fn after_the_first_hours_three_short_gaps_in_a_row_are_too_many() {
        let late = fails_and_waits(Story::new().mail_is_tried(), 4 * HOUR);
        let short = 30 * MINUTE - SECOND;
        let twice = fails_and_waits(fails_and_waits(late, short), short);
        assert_eq!(judged_with(RetrySchedule::Sendmail, twice.clone()), Found::Holds);
        let interrupted = fails_and_waits(fails_and_waits(twice.clone(), 30 * MINUTE), short);
        assert_eq!(judged_with(RetrySchedule::Sendmail, interrupted), Found::Holds);
        let thrice = fails_and_waits(twice, short);
        assert_eq!(
            judged_with(RetrySchedule::Sendmail, thrice),
            Found::Violated("R5321-4.5.4.1-b")
        );
    }

    #[test]
    fn two_days_are_the_longest_gap() {
        let waits = |gap| judged(Story::new().mail_is_tried().deferred().after(gap).tried_again());
        assert_eq!(waits(2 * DAY), Found::Holds);
        assert_eq!(waits(2 * DAY + SECOND), Found::Violated("R5321-4.5.4.1-b"));
    }

    #[test]
    fn what_the_testbed_holds_is_not_late() {
        let waits = |story: Story| judged(story.after(3 * DAY).tried_again());
        let deferred = || Story::new().mail_is_tried().deferred().after(HOUR);
        assert_eq!(waits(deferred().held(3 * DAY)), Found::NotExercised);
        assert_eq!(waits(deferred()), Found::Violated("R5321-4.5.4.1-b"));
    }

    #[test]
    fn four_days_are_the_boundary_of_giving_up() {
        let given_up_after = |time| given_up(Story::new().mail_is_tried().after(time), 4);
        assert_eq!(
            judged(given_up_after(4 * DAY - SECOND)),
            Found::Violated("R5321-4.5.4.1-c")
        );
        assert_eq!(judged(given_up_after(4 * DAY)), Found::Holds);
    }

    #[test]
    fn what_was_refused_for_good_may_be_given_back_at_once() {
        assert_eq!(judged(given_up(Story::new().mail_is_tried(), 5)), Found::NotExercised);
    }

    #[test]
    fn gaps_are_those_of_the_configured_schedule_give_or_take_the_slack() {
        // Half an hour, half an hour, and 2½ hours from then on, with an hour for each of two exchangers.
        let with_gaps = |gaps: [Duration; 4]| gaps.into_iter().fold(Story::new().mail_is_tried(), fails_and_waits);
        let late = 4 * HOUR + 30 * MINUTE;
        assert_eq!(judged(with_gaps([30 * MINUTE, 30 * MINUTE, late, late])), Found::Holds);
        let too_late = late + SECOND;
        assert_eq!(
            judged(with_gaps([2 * HOUR + 31 * MINUTE, 2 * HOUR, too_late, too_late])),
            Found::Holds
        );
        let late_thrice = with_gaps([30 * MINUTE, 3 * HOUR, too_late, too_late]);
        assert_eq!(judged(late_thrice), Found::Violated("R5321-4.5.4.1-d"));
        let early_thrice = with_gaps([20 * MINUTE, 20 * MINUTE, 2 * HOUR, 9 * HOUR]);
        assert_eq!(judged(early_thrice), Found::Violated("R5321-4.5.4.1-d"));
    }

    #[test]
    fn the_attempt_at_the_end_of_the_lifetime_comes_when_it_comes() {
        let last = Story::new().mail_is_tried().after(5 * DAY).deferred().tried_again();
        assert_eq!(judged(last), Found::NotExercised);
    }

    #[test]
    fn the_gaps_of_a_message_that_is_there_twice_are_not_judged() {
        let twice = Story::new().mail_is_queued_at(OUT).mail_is_tried();
        assert_eq!(judged(twice.deferred().tried_again()), Found::NotExercised);
    }
}
