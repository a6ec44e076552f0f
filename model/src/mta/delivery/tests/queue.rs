//! The queue: attempts, gaps, lifetimes, warnings and restarts.

use super::*;

#[test]
fn attempts_are_counted_and_only_the_gap_behind_the_last_begins_another() {
    let mut story = Story::queued(None);
    story.resolved(Level::May);
    story.ended(Outcome::RefusedForNow);
    story.ended(Outcome::RefusedForNow);
    assert_eq!(story.retried(2), [], "no such attempt was made");
    assert_eq!(story.retried(1), [Output::Resolve(JOB)]);
    assert_eq!(story.machine.attempts(JOB), Some(2));
    assert_eq!(story.retried(2), [], "it is under way");
}

#[test]
fn durations_are_those_of_the_configuration_unless_a_mutant_has_its_own() {
    let hours = |hours: u64| Duration::from_secs(hours * 3600);
    assert_eq!(lifetime(hours(96), None), hours(96));
    assert_eq!(lifetime(hours(96), Some(Mutant::GivesUpEarly)), hours(24));
    assert_eq!(lifetime(hours(2), Some(Mutant::GivesUpEarly)), hours(2));
    let after_fourth = |mutant| gap(RetrySchedule::Exim, 4, hours(1), mutant).as_secs() / 60;
    assert_eq!(after_fourth(None), 15);
    assert_eq!(after_fourth(Some(Mutant::IgnoresConfiguredSchedule)), 150);
}

#[test]
fn a_delay_is_told_once_and_never_while_an_attempt_may_yet_succeed() {
    let warning = || Input::Expired(Timer::Warning(JOB));
    let mut waiting = Story::queued(None);
    waiting.resolved(Level::May);
    waiting.ended(Outcome::RefusedForNow);
    waiting.ended(Outcome::RefusedForNow);
    assert_eq!(waiting.says(warning()), [Output::Warn(JOB)]);
    let mut trying = Story::queued(None);
    trying.resolved(Level::May);
    assert_eq!(trying.says(warning()), []);
    trying.ended(Outcome::RefusedForNow);
    let warned = [deferral(1), vec![Output::Warn(JOB)]].concat();
    assert_eq!(trying.ended(Outcome::RefusedForNow), warned);
    trying.retried(1);
    trying.resolved(Level::May);
    trying.ended(Outcome::RefusedForNow);
    assert_eq!(trying.ended(Outcome::RefusedForNow), deferral(2), "not a second time");
    let mut sent = Story::queued(None);
    sent.resolved(Level::May);
    sent.ended(Outcome::Accepted);
    assert_eq!(sent.says(warning()), [], "the job is over");
}

#[test]
fn facts_that_come_too_late_change_nothing() {
    let mut story = Story::queued(None);
    story.resolved(Level::May);
    story.ended(Outcome::Accepted);
    let before = story.machine.clone();
    for input in [
        Input::Expired(Timer::Lifetime(JOB)),
        Input::Ended {
            job: JOB,
            outcome: Outcome::ConnectionFailed,
        },
        Input::WithoutTls(JOB),
    ] {
        assert_eq!(story.says(input), []);
    }
    assert_eq!(story.machine, before);
}

#[test]
fn after_a_restart_waiting_mail_waits_on_and_an_attempt_that_was_cut_short_is_made_again() {
    let restored = |waits| Input::Restored {
        job: JOB,
        next_hop: HOP,
        role: Role::Originator,
        attempts: 3,
        waits,
    };
    let lifetime = Output::Arm(Timer::Lifetime(JOB));
    let mut story = Story {
        machine: Delivery::new(SETTINGS),
    };
    let retry = Output::Arm(Timer::Retry { job: JOB, attempts: 3 });
    assert_eq!(story.says(restored(true)), [lifetime.clone(), retry]);
    assert_eq!(story.says(restored(true)), [], "it is in the queue already");
    assert_eq!(story.retried(3), [Output::Resolve(JOB)]);
    assert_eq!(story.machine.attempts(JOB), Some(4));
    let mut story = Story {
        machine: Delivery::new(SETTINGS),
    };
    assert_eq!(story.says(restored(false)), [lifetime, Output::Resolve(JOB)]);
    assert_eq!(story.machine.attempts(JOB), Some(4));
}

#[test]
fn a_stale_gap_does_not_cut_the_present_one_short() {
    let mut story = Story::queued(None);
    story.resolved(Level::May);
    story.ended(Outcome::ConnectionFailed);
    assert_eq!(story.ended(Outcome::ConnectionFailed), deferral(1));
    assert_eq!(story.retried(0), []);
    assert_eq!(story.retried(1), [Output::Resolve(JOB)]);
}

#[test]
fn lifetimes_and_gaps_are_those_of_the_configuration() {
    let (hour, week) = (Duration::from_secs(3600), Duration::from_secs(7 * 24 * 3600));
    assert_eq!(lifetime(week, None), week);
    assert_eq!(lifetime(week, Some(Mutant::GivesUpEarly)), 24 * hour);
    assert_eq!(lifetime(hour, Some(Mutant::GivesUpEarly)), hour);
    let schedule = RetrySchedule::Exim;
    let at_once = |attempts| gap(schedule, attempts, hour, Some(Mutant::RetriesAtOnce));
    assert_eq!((at_once(1), at_once(2)), (Duration::ZERO, schedule.gap(2, hour)));
}
