use super::*;
use crate::mta::policy::TlsUse;
use crate::mta::session::{Outcome, WithoutTls};

const JOB: JobId = JobId(0);
const BEST: PeerId = PeerId(1);
const SECOND: PeerId = PeerId(2);
const NOT_OFFERED: Outcome = Outcome::TlsUnavailable(WithoutTls::NotOffered);

/// A machine with one job, and all that it said so far.
struct Story {
    machine: Delivery,
}

impl Story {
    fn queued(mutant: Option<Mutant>) -> Self {
        Self::queued_as(Role::Originator, mutant)
    }

    fn queued_as(role: Role, mutant: Option<Mutant>) -> Self {
        let mut story = Self {
            machine: Delivery::new(Settings {
                own: PeerId(0),
                alarms: true,
                mutant,
            }),
        };
        assert_eq!(
            story.says(Input::Queued { job: JOB, role }),
            [Output::Arm(Timer::Lifetime(JOB)), Output::Resolve(JOB)]
        );
        story
    }

    fn says(&mut self, input: Input) -> Vec<Output> {
        self.machine.handle(input);
        std::iter::from_fn(|| Some(self.machine.poll()).filter(|output| *output != Output::Idle)).collect()
    }

    fn resolved(&mut self, level: Level) -> Vec<Output> {
        let route = Route::Exchangers(vec![(20, SECOND), (10, BEST)]);
        self.says(Input::Resolved { job: JOB, level, route })
    }

    fn ended(&mut self, outcome: Outcome) -> Vec<Output> {
        self.says(Input::Ended { job: JOB, outcome })
    }

    fn retried(&mut self, attempts: u16) -> Vec<Output> {
        self.says(Input::Expired(Timer::Retry { job: JOB, attempts }))
    }
}

fn connect(peer: PeerId, tls: TlsUse) -> Vec<Output> {
    vec![Output::Connect { job: JOB, peer, tls }]
}

fn deferral(attempts: u16) -> Vec<Output> {
    vec![Output::Deferred(JOB), Output::Arm(Timer::Retry { job: JOB, attempts })]
}

#[test]
fn the_best_exchanger_is_tried_first_and_acceptance_ends_the_job() {
    let mut story = Story::queued(None);
    assert_eq!(story.resolved(Level::May), connect(BEST, TlsUse::IfOffered));
    assert_eq!(story.ended(Outcome::Accepted), [Output::Sent(JOB)]);
    assert_eq!(story.machine.attempts(JOB), None, "the job is over");
}

#[test]
fn required_tls_that_vanished_leads_to_the_next_exchanger_then_deferral_and_bounces_only_when_time_is_up() {
    let mut story = Story::queued(None);
    assert_eq!(story.resolved(Level::Encrypt), connect(BEST, TlsUse::Required));
    assert_eq!(story.ended(NOT_OFFERED), connect(SECOND, TlsUse::Required));
    assert_eq!(story.ended(NOT_OFFERED), deferral(1));
    assert_eq!(story.retried(1), [Output::Resolve(JOB)]);
    story.resolved(Level::Encrypt);
    story.ended(NOT_OFFERED);
    assert_eq!(story.ended(NOT_OFFERED), deferral(2));
    assert_eq!(
        story.says(Input::Expired(Timer::Lifetime(JOB))),
        [Output::Resolve(JOB)],
        "one last attempt"
    );
    story.resolved(Level::Encrypt);
    story.ended(NOT_OFFERED);
    let bounce = [
        Output::Bounced {
            job: JOB,
            cause: Cause::Expired,
        },
        Output::Notify(JOB),
    ];
    assert_eq!(story.ended(NOT_OFFERED), bounce);
}

#[test]
fn a_broken_handshake_is_followed_by_a_session_in_clear_where_nothing_is_required() {
    let mut story = Story::queued(None);
    story.resolved(Level::May);
    let broke = Outcome::TlsBroke(WithoutTls::HandshakeFailed);
    assert_eq!(story.ended(broke), connect(BEST, TlsUse::Never));
    assert_eq!(story.ended(Outcome::Accepted), [Output::Sent(JOB)]);
}

#[test]
fn vanished_tls_raises_an_alarm_and_changes_nothing_else() {
    let mut story = Story::queued(None);
    story.resolved(Level::May);
    assert_eq!(story.says(Input::WithoutTls(JOB)), [], "never seen with TLS");
    assert_eq!(story.says(Input::Secured(JOB)), []);
    story.ended(Outcome::RefusedForNow);
    story.ended(Outcome::RefusedForNow);
    story.retried(1);
    assert_eq!(story.resolved(Level::May), connect(BEST, TlsUse::IfOffered));
    assert_eq!(story.says(Input::WithoutTls(JOB)), [Output::Alarm(BEST)]);
    assert_eq!(story.ended(Outcome::Accepted), [Output::Sent(JOB)]);
}

#[test]
fn a_failed_lookup_defers_and_a_missing_domain_bounces() {
    let mut story = Story::queued(None);
    let resolved = |route| Input::Resolved {
        job: JOB,
        level: Level::May,
        route,
    };
    assert_eq!(story.says(resolved(Route::LookupFailed)), deferral(1));
    story.retried(1);
    let bounce = [
        Output::Bounced {
            job: JOB,
            cause: Cause::NoSuchDomain,
        },
        Output::Notify(JOB),
    ];
    assert_eq!(story.says(resolved(Route::NoSuchDomain)), bounce);
}

#[test]
fn a_host_that_finds_itself_listed_tries_only_better_exchangers() {
    let mut story = Story::queued(None);
    let route = Route::Exchangers(vec![(10, BEST), (20, PeerId(0)), (20, SECOND)]);
    let said = story.says(Input::Resolved {
        job: JOB,
        level: Level::None,
        route,
    });
    assert_eq!(said, connect(BEST, TlsUse::Never));
    assert_eq!(story.ended(Outcome::ConnectionFailed), deferral(1));
}

#[test]
fn the_policy_of_the_moment_rules_each_attempt() {
    let mut story = Story::queued(None);
    assert_eq!(story.resolved(Level::Secure), connect(BEST, TlsUse::Authenticated));
    story.ended(NOT_OFFERED);
    story.ended(NOT_OFFERED);
    story.retried(1);
    assert_eq!(story.resolved(Level::May), connect(BEST, TlsUse::IfOffered));
}

#[test]
fn a_policy_that_is_raised_before_the_dial_rules_the_dial_even_a_retry_in_clear() {
    let raised = Input::PolicyChanged {
        job: JOB,
        level: Level::Encrypt,
    };
    let mut story = Story::queued(None);
    assert_eq!(story.resolved(Level::None), connect(BEST, TlsUse::Never));
    assert_eq!(story.says(raised.clone()), connect(BEST, TlsUse::Required));
    assert_eq!(story.ended(NOT_OFFERED), connect(SECOND, TlsUse::Required));
    let mut story = Story::queued(None);
    story.resolved(Level::May);
    story.ended(Outcome::TlsBroke(WithoutTls::HandshakeFailed));
    assert_eq!(story.says(raised), connect(BEST, TlsUse::Required));
    let mut story = Story::queued(None);
    story.resolved(Level::May);
    story.ended(Outcome::TlsBroke(WithoutTls::HandshakeFailed));
    let lowered = Input::PolicyChanged {
        job: JOB,
        level: Level::None,
    };
    assert_eq!(story.says(lowered), connect(BEST, TlsUse::Never));
}

#[test]
fn durations_are_those_of_the_configuration_unless_a_mutant_has_its_own() {
    let hours = |hours: u64| Duration::from_secs(hours * 3600);
    assert_eq!(lifetime(hours(96), None), hours(96));
    assert_eq!(lifetime(hours(96), Some(Mutant::GivesUpEarly)), hours(24));
    assert_eq!(lifetime(hours(2), Some(Mutant::GivesUpEarly)), hours(2));
    let after_fourth = |mutant| gap(RetrySchedule::Exim, 4, mutant).as_secs() / 60;
    assert_eq!(after_fourth(None), 15);
    assert_eq!(after_fourth(Some(Mutant::IgnoresConfiguredSchedule)), 150);
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
fn a_relay_waits_for_required_tls_as_the_originator_does() {
    for role in [Role::Originator, Role::Relay] {
        let mut story = Story::queued_as(role, None);
        story.resolved(Level::Encrypt);
        story.ended(NOT_OFFERED);
        assert_eq!(story.ended(NOT_OFFERED), deferral(1));
    }
}
