mod mutants;

use super::*;
use crate::mta::policy::TlsUse;
use crate::mta::session::{Outcome, WithoutTls};

const JOB: JobId = JobId(0);
const HOP: HopId = HopId(0);
const BEST: PeerId = PeerId(1);
const SECOND: PeerId = PeerId(2);
const NOT_OFFERED: Outcome = Outcome::TlsUnavailable(WithoutTls::NotOffered);

/// A machine with one job, and all that it said so far.
struct Story {
    machine: Delivery,
}

const SETTINGS: Settings = Settings {
    own: PeerId(0),
    alarms: true,
    reuse: false,
    remembers_tls_failure: false,
    sessions_per_host: 20,
    mutant: None,
};

impl Story {
    fn queued(mutant: Option<Mutant>) -> Self {
        Self::start(Role::Originator, Settings { mutant, ..SETTINGS })
    }

    fn queued_as(role: Role, mutant: Option<Mutant>) -> Self {
        Self::start(role, Settings { mutant, ..SETTINGS })
    }

    fn queued_with(settings: Settings) -> Self {
        Self::start(Role::Originator, settings)
    }

    fn start(role: Role, settings: Settings) -> Self {
        let mut story = Self {
            machine: Delivery::new(settings),
        };
        assert_eq!(
            story.says(Input::Queued {
                job: JOB,
                next_hop: HOP,
                role,
            }),
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
    vec![Output::Connect {
        job: JOB,
        peer,
        address: 0,
        tls,
    }]
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
fn a_host_that_is_the_best_exchanger_itself_returns_the_mail() {
    for route in [vec![(10, PeerId(0)), (20, SECOND)], Vec::new()] {
        let mut story = Story::queued(None);
        let said = story.says(Input::Resolved {
            job: JOB,
            level: Level::May,
            route: Route::Exchangers(route),
        });
        let bounced = Output::Bounced {
            job: JOB,
            cause: Cause::LoopsBack,
        };
        assert_eq!(said, [bounced, Output::Notify(JOB)]);
    }
}

#[test]
fn the_level_of_a_job_is_known_while_a_session_is_asked_for() {
    let mut story = Story::queued(None);
    assert_eq!(story.machine.level(JOB), None);
    story.resolved(Level::Encrypt);
    assert_eq!(story.machine.level(JOB), Some(Level::Encrypt));
    story.ended(NOT_OFFERED);
    story.ended(NOT_OFFERED);
    assert_eq!(story.machine.level(JOB), None);
}

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
fn a_host_without_alarms_raises_none() {
    let mut story = Story::queued(None);
    story.machine.settings.alarms = false;
    story.resolved(Level::May);
    story.says(Input::Secured(JOB));
    assert_eq!(story.says(Input::WithoutTls(JOB)), []);
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
fn a_relay_waits_for_required_tls_as_the_originator_does() {
    for role in [Role::Originator, Role::Relay] {
        let mut story = Story::queued_as(role, None);
        story.resolved(Level::Encrypt);
        story.ended(NOT_OFFERED);
        assert_eq!(story.ended(NOT_OFFERED), deferral(1));
    }
}

const OTHER: JobId = JobId(1);

impl Story {
    /// Another message enters the queue and is resolved to this route.
    fn another(&mut self, job: JobId, next_hop: HopId, level: Level, peer: PeerId) -> Vec<Output> {
        let arm = Output::Arm(Timer::Lifetime(job));
        assert_eq!(
            self.says(Input::Queued {
                job,
                next_hop,
                role: Role::Originator
            }),
            [arm, Output::Resolve(job)]
        );
        let route = Route::Exchangers(vec![(10, peer)]);
        self.says(Input::Resolved { job, level, route })
    }

    /// The first message is accepted on a session that proved so much, and the session is kept.
    fn kept(level: Level, proof: Proof, mutant: Option<Mutant>) -> Self {
        let mut story = Self::queued(mutant);
        story.resolved(level);
        assert_eq!(
            story.says(Input::Kept { job: JOB, proof }),
            [Output::Arm(Timer::Kept(BEST))]
        );
        assert_eq!(story.ended(Outcome::Accepted), [Output::Sent(JOB)]);
        story
    }
}

fn reuse(peer: PeerId) -> Vec<Output> {
    vec![Output::Reuse { job: OTHER, peer }]
}

fn connect_other(peer: PeerId, tls: TlsUse) -> Vec<Output> {
    vec![Output::Connect {
        job: OTHER,
        peer,
        address: 0,
        tls,
    }]
}

#[test]
fn a_session_that_is_kept_does_for_what_it_proved() {
    use Proof::{Authenticated, Clear, Encrypted};
    let another_hop = HopId(9);
    for (opened_at, proof, next_hop, level, does) in [
        (Level::None, Clear, HOP, Level::None, true),
        (Level::None, Clear, HOP, Level::May, false),
        (Level::May, Clear, HOP, Level::May, true),
        (Level::May, Clear, HOP, Level::Encrypt, false),
        (Level::May, Clear, HOP, Level::Secure, false),
        (Level::May, Encrypted, HOP, Level::None, false),
        (Level::May, Encrypted, HOP, Level::May, true),
        (Level::May, Encrypted, another_hop, Level::Encrypt, true),
        (Level::May, Encrypted, HOP, Level::Secure, false),
        (Level::Secure, Authenticated(HOP), HOP, Level::Secure, true),
        (Level::Secure, Authenticated(HOP), another_hop, Level::Secure, false),
        (Level::Secure, Authenticated(HOP), another_hop, Level::Encrypt, true),
    ] {
        let mut story = Story::kept(opened_at, proof, None);
        let said = story.another(OTHER, next_hop, level, BEST);
        let expected = if does {
            reuse(BEST)
        } else {
            connect_other(BEST, TlsUse::of(level))
        };
        assert_eq!(said, expected, "{proof:?} for {level:?} of {next_hop:?}");
    }
}

#[test]
fn a_session_after_a_retry_in_clear_does_for_nothing_that_wishes_for_tls() {
    let mut story = Story::queued(None);
    story.resolved(Level::May);
    story.ended(Outcome::TlsBroke(WithoutTls::HandshakeFailed));
    story.says(Input::Kept {
        job: JOB,
        proof: Proof::Clear,
    });
    story.ended(Outcome::Accepted);
    assert_eq!(
        story.another(OTHER, HOP, Level::May, BEST),
        connect_other(BEST, TlsUse::IfOffered)
    );
}

#[test]
fn a_session_is_used_by_one_message_at_a_time_and_only_with_its_own_host() {
    let mut story = Story::kept(Level::May, Proof::Encrypted, None);
    assert_eq!(
        story.another(JobId(7), HOP, Level::May, SECOND),
        [Output::Connect {
            job: JobId(7),
            peer: SECOND,
            address: 0,
            tls: TlsUse::IfOffered
        }]
    );
    assert_eq!(story.another(OTHER, HOP, Level::May, BEST), reuse(BEST));
    let third = story.another(JobId(2), HOP, Level::May, BEST);
    let tls = TlsUse::IfOffered;
    assert_eq!(
        third,
        [Output::Connect {
            job: JobId(2),
            peer: BEST,
            address: 0,
            tls
        }]
    );
}

#[test]
fn what_a_session_proved_stays_what_it_was_opened_for() {
    let mut story = Story::kept(Level::Secure, Proof::Authenticated(HOP), None);
    assert_eq!(story.another(OTHER, HopId(9), Level::Encrypt, BEST), reuse(BEST));
    story.says(Input::Kept {
        job: OTHER,
        proof: Proof::Authenticated(HopId(9)),
    });
    story.says(Input::Ended {
        job: OTHER,
        outcome: Outcome::Accepted,
    });
    let tls = TlsUse::Authenticated;
    let third = story.another(JobId(2), HopId(9), Level::Secure, BEST);
    assert_eq!(
        third,
        [Output::Connect {
            job: JobId(2),
            peer: BEST,
            address: 0,
            tls
        }]
    );
}

#[test]
fn an_idle_session_is_ended_when_its_time_is_up_or_another_takes_its_place() {
    let mut story = Story::kept(Level::May, Proof::Encrypted, None);
    assert_eq!(story.says(Input::Expired(Timer::Kept(BEST))), [Output::HangUp(BEST)]);
    assert_eq!(story.says(Input::Expired(Timer::Kept(BEST))), []);
    let mut story = Story::kept(Level::May, Proof::Clear, None);
    story.another(OTHER, HOP, Level::Encrypt, BEST);
    assert_eq!(
        story.says(Input::Kept {
            job: OTHER,
            proof: Proof::Encrypted
        }),
        [Output::HangUp(BEST), Output::Arm(Timer::Kept(BEST))]
    );
}

#[test]
fn a_policy_that_changes_before_the_message_is_sent_is_held_against_the_session_again() {
    let mut story = Story::kept(Level::May, Proof::Clear, None);
    assert_eq!(story.another(OTHER, HOP, Level::May, BEST), reuse(BEST));
    let changed = |level| Input::PolicyChanged { job: OTHER, level };
    assert_eq!(
        story.says(changed(Level::Encrypt)),
        connect_other(BEST, TlsUse::Required)
    );
    assert_eq!(story.says(changed(Level::May)), reuse(BEST), "the session still stands");
}

#[test]
fn a_session_that_ended_while_it_was_idle_is_replaced_by_a_new_one() {
    let mut story = Story::kept(Level::May, Proof::Encrypted, None);
    story.another(OTHER, HOP, Level::May, BEST);
    let gone = Input::Ended {
        job: OTHER,
        outcome: Outcome::ConnectionFailed,
    };
    assert_eq!(story.says(gone.clone()), connect_other(BEST, TlsUse::IfOffered));
    assert_eq!(
        story.says(gone),
        [
            Output::Deferred(OTHER),
            Output::Arm(Timer::Retry {
                job: OTHER,
                attempts: 1
            })
        ]
    );
}

fn remembering() -> Story {
    let mut story = Story::queued_with(Settings {
        remembers_tls_failure: true,
        ..SETTINGS
    });
    story.resolved(Level::May);
    assert_eq!(
        story.ended(Outcome::TlsBroke(WithoutTls::HandshakeFailed)),
        [
            Output::Arm(Timer::TlsFailure(BEST)),
            Output::Connect {
                job: JOB,
                peer: BEST,
                address: 0,
                tls: TlsUse::Never
            }
        ]
    );
    story.ended(Outcome::Accepted);
    story
}

#[test]
fn broken_tls_is_remembered_until_its_time_is_up_and_never_where_tls_is_required() {
    let mut story = remembering();
    let mut levels = [
        (Level::May, TlsUse::Never),
        (Level::Encrypt, TlsUse::Required),
        (Level::Secure, TlsUse::Authenticated),
    ]
    .into_iter();
    let (level, tls) = levels.next().unwrap();
    assert_eq!(story.another(OTHER, HOP, level, BEST), connect_other(BEST, tls));
    for (job, (level, tls)) in (2..).map(JobId).zip(levels) {
        let connect = Output::Connect {
            job,
            peer: BEST,
            address: 0,
            tls,
        };
        assert_eq!(story.another(job, HOP, level, BEST), [connect]);
    }
    assert_eq!(story.says(Input::Expired(Timer::TlsFailure(BEST))), []);
    let connect = Output::Connect {
        job: JobId(8),
        peer: BEST,
        address: 0,
        tls: TlsUse::IfOffered,
    };
    assert_eq!(story.another(JobId(8), HOP, Level::May, BEST), [connect]);
}

#[test]
fn broken_tls_is_forgotten_when_tls_works_again_and_is_no_matter_of_other_hosts() {
    let mut story = remembering();
    assert_eq!(
        story.another(OTHER, HOP, Level::May, SECOND),
        connect_other(SECOND, TlsUse::IfOffered)
    );
    let required = story.another(JobId(2), HOP, Level::Encrypt, BEST);
    assert_eq!(required.len(), 1);
    story.says(Input::Secured(JobId(2)));
    let connect = Output::Connect {
        job: JobId(3),
        peer: BEST,
        address: 0,
        tls: TlsUse::IfOffered,
    };
    assert_eq!(story.another(JobId(3), HOP, Level::May, BEST), [connect]);
}

#[test]
fn without_the_setting_broken_tls_is_not_remembered() {
    let mut story = Story::queued(None);
    story.resolved(Level::May);
    let broke = Outcome::TlsBroke(WithoutTls::Refused);
    assert_eq!(story.ended(broke), connect(BEST, TlsUse::Never));
    story.ended(Outcome::Accepted);
    assert_eq!(
        story.another(OTHER, HOP, Level::May, BEST),
        connect_other(BEST, TlsUse::IfOffered)
    );
}

#[test]
fn as_many_sessions_as_there_may_be_with_one_host_and_the_next_waits_for_its_turn() {
    let mut story = Story::queued_with(Settings {
        sessions_per_host: 1,
        ..SETTINGS
    });
    story.resolved(Level::May);
    assert_eq!(story.another(OTHER, HOP, Level::May, BEST), []);
    assert_eq!(story.another(JobId(2), HOP, Level::May, BEST), []);
    let elsewhere = Output::Connect {
        job: JobId(3),
        peer: SECOND,
        address: 0,
        tls: TlsUse::IfOffered,
    };
    assert_eq!(
        story.another(JobId(3), HopId(1), Level::May, SECOND),
        [elsewhere],
        "another host is none of its business"
    );
    let turn = [Output::Sent(JOB), connect_other(BEST, TlsUse::IfOffered).remove(0)];
    assert_eq!(story.ended(Outcome::Accepted), turn);
}

#[test]
fn a_retry_in_clear_keeps_its_turn() {
    let mut story = Story::queued_with(Settings {
        sessions_per_host: 1,
        ..SETTINGS
    });
    story.resolved(Level::May);
    story.another(OTHER, HOP, Level::May, BEST);
    let broke = Outcome::TlsBroke(WithoutTls::HandshakeFailed);
    assert_eq!(story.ended(broke), connect(BEST, TlsUse::Never));
}

#[test]
fn a_limit_of_none_is_taken_for_one() {
    let mut story = Story::queued_with(Settings {
        sessions_per_host: 0,
        ..SETTINGS
    });
    assert_eq!(story.resolved(Level::May), connect(BEST, TlsUse::IfOffered));
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
fn no_alarm_is_raised_where_none_is_wanted() {
    let mut story = Story::queued_with(Settings {
        alarms: false,
        ..SETTINGS
    });
    story.resolved(Level::May);
    story.says(Input::Secured(JOB));
    assert_eq!(story.says(Input::WithoutTls(JOB)), []);
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
fn a_refusal_for_good_ends_the_job_at_the_first_host_that_says_so() {
    let mut story = Story::queued(None);
    story.resolved(Level::May);
    let bounce = [
        Output::Bounced {
            job: JOB,
            cause: Cause::Refused,
        },
        Output::Notify(JOB),
    ];
    assert_eq!(story.ended(Outcome::RefusedForGood), bounce);
}

#[test]
fn a_refusal_of_one_message_is_not_one_of_the_next() {
    let mut story = Story::queued(None);
    story.resolved(Level::May);
    story.ended(Outcome::RefusedForGood);
    assert_eq!(
        story.another(OTHER, HOP, Level::May, BEST),
        connect_other(BEST, TlsUse::IfOffered)
    );
}

#[test]
fn a_host_that_is_the_best_exchanger_itself_cannot_send_anywhere() {
    let mut story = Story::queued(None);
    let route = Route::Exchangers(vec![(10, PeerId(0)), (20, BEST)]);
    let level = Level::May;
    let bounce = [
        Output::Bounced {
            job: JOB,
            cause: Cause::LoopsBack,
        },
        Output::Notify(JOB),
    ];
    assert_eq!(story.says(Input::Resolved { job: JOB, level, route }), bounce);
}

#[test]
fn the_level_is_that_of_the_session_that_is_asked_for() {
    let mut story = Story::queued(None);
    assert_eq!(story.machine.level(JOB), None);
    story.resolved(Level::Encrypt);
    assert_eq!(story.machine.level(JOB), Some(Level::Encrypt));
    story.ended(NOT_OFFERED);
    story.ended(NOT_OFFERED);
    assert_eq!(story.machine.level(JOB), None);
}

#[test]
fn lifetimes_and_gaps_are_those_of_the_configuration() {
    let (hour, week) = (Duration::from_secs(3600), Duration::from_secs(7 * 24 * 3600));
    assert_eq!(lifetime(week, None), week);
    assert_eq!(lifetime(week, Some(Mutant::GivesUpEarly)), 24 * hour);
    assert_eq!(lifetime(hour, Some(Mutant::GivesUpEarly)), hour);
    let schedule = RetrySchedule::Exim;
    let at_once = |attempts| gap(schedule, attempts, Some(Mutant::RetriesAtOnce));
    assert_eq!((at_once(1), at_once(2)), (Duration::ZERO, schedule.gap(2)));
}

#[test]
fn each_address_of_a_host_is_tried_before_the_next_host() {
    let at = |peer, address| {
        let tls = TlsUse::Required;
        vec![Output::Connect {
            job: JOB,
            peer,
            address,
            tls,
        }]
    };
    let found = |addresses| Input::Located { job: JOB, addresses };
    let mut story = Story::queued(None);
    assert_eq!(story.resolved(Level::Encrypt), at(BEST, 0));
    assert_eq!(story.says(found(2)), []);
    assert_eq!(story.ended(Outcome::ConnectionFailed), at(BEST, 1));
    assert_eq!(story.says(found(2)), []);
    assert_eq!(story.ended(NOT_OFFERED), at(SECOND, 0));
    assert_eq!(story.says(found(1)), []);
    assert_eq!(story.ended(Outcome::RefusedForNow), deferral(1));
    story.retried(1);
    assert_eq!(
        story.resolved(Level::Encrypt),
        at(BEST, 0),
        "the next attempt begins anew"
    );
}

#[test]
fn the_session_in_clear_after_a_broken_handshake_is_with_the_same_address() {
    let at = |address, tls| {
        vec![Output::Connect {
            job: JOB,
            peer: BEST,
            address,
            tls,
        }]
    };
    let broke = Outcome::TlsBroke(WithoutTls::HandshakeFailed);
    let found = Input::Located { job: JOB, addresses: 2 };
    let mut story = Story::queued(None);
    assert_eq!(story.resolved(Level::May), at(0, TlsUse::IfOffered));
    story.says(found.clone());
    assert_eq!(story.ended(broke), at(0, TlsUse::Never));
    story.says(found.clone());
    assert_eq!(story.ended(Outcome::ConnectionFailed), at(1, TlsUse::IfOffered));
    story.says(found);
    assert_eq!(story.ended(broke), at(1, TlsUse::Never));
    assert_eq!(
        story.ended(Outcome::ConnectionFailed),
        connect(SECOND, TlsUse::IfOffered)
    );
}
