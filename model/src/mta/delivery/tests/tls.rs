//! What policy asks of TLS, and what is remembered of it.

use super::*;

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
fn a_relay_waits_for_required_tls_as_the_originator_does() {
    for role in [Role::Originator, Role::Relay] {
        let mut story = Story::queued_as(role, None);
        story.resolved(Level::Encrypt);
        story.ended(NOT_OFFERED);
        assert_eq!(story.ended(NOT_OFFERED), deferral(1));
    }
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
