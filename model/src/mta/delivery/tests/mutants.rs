//! Each mutant of the delivery machine has its own bug, and shows it only where it should.

use super::*;

const BROKE: Outcome = Outcome::TlsBroke(WithoutTls::HandshakeFailed);

/// A machine whose job has begun its first session.
fn trying(mutant: Mutant, level: Level) -> Story {
    let mut story = Story::queued(Some(mutant));
    story.resolved(level);
    story
}

fn bounced(cause: Cause) -> Vec<Output> {
    vec![Output::Bounced { job: JOB, cause }, Output::Notify(JOB)]
}

#[test]
fn alarms_are_raised_never_or_always() {
    let mut silent = trying(Mutant::NeverAlarms, Level::May);
    silent.says(Input::Secured(JOB));
    assert_eq!(silent.says(Input::WithoutTls(JOB)), []);
    let mut noisy = trying(Mutant::AlwaysAlarms, Level::May);
    assert_eq!(noisy.says(Input::WithoutTls(JOB)), [Output::Alarm(BEST)]);
}

#[test]
fn one_exchanger_is_tried_of_two() {
    let mut story = Story::queued(Some(Mutant::TriesOnlyFirstExchanger));
    assert_eq!(story.resolved(Level::May), connect(BEST, TlsUse::IfOffered));
    assert_eq!(story.ended(Outcome::ConnectionFailed), deferral(1));
}

#[test]
fn one_address_is_tried_of_two() {
    let mut story = Story::queued(Some(Mutant::TriesOnlyFirstAddress));
    assert_eq!(story.resolved(Level::May), connect(BEST, TlsUse::IfOffered));
    story.says(Input::Located { job: JOB, addresses: 2 });
    assert_eq!(
        story.ended(Outcome::ConnectionFailed),
        connect(SECOND, TlsUse::IfOffered)
    );
}

#[test]
fn tls_is_required_unasked_where_it_would_be_tried() {
    let first = |level| Story::queued(Some(Mutant::RequiresTlsUnasked)).resolved(level);
    assert_eq!(first(Level::May), connect(BEST, TlsUse::Required));
    assert_eq!(first(Level::None), connect(BEST, TlsUse::Never));
    assert_eq!(first(Level::Secure), connect(BEST, TlsUse::Authenticated));
}

#[test]
fn tls_is_required_of_a_host_that_once_had_it_and_of_no_other() {
    for mutant in [Mutant::RemembersTlsAndRefusesClear, Mutant::LaundersTlsIntoPolicy] {
        let mut story = trying(mutant, Level::May);
        story.says(Input::Secured(JOB));
        assert_eq!(
            story.ended(Outcome::RefusedForNow),
            connect(SECOND, TlsUse::IfOffered),
            "never seen with TLS"
        );
        story.ended(Outcome::RefusedForNow);
        story.retried(1);
        assert_eq!(story.resolved(Level::May), connect(BEST, TlsUse::Required));
        assert_eq!(
            story.ended(BROKE),
            connect(BEST, TlsUse::Never),
            "the retry in clear stays one"
        );
    }
}

#[test]
fn mail_is_sent_again_once_although_it_was_accepted() {
    let mut story = trying(Mutant::SendsAgainAfterAcceptance, Level::May);
    assert_eq!(story.ended(Outcome::Accepted), deferral(1));
    story.retried(1);
    story.resolved(Level::May);
    assert_eq!(story.ended(Outcome::Accepted), [Output::Sent(JOB)]);
}

#[test]
fn required_tls_gives_way_to_clear() {
    let mut story = trying(Mutant::FallsBackToClear, Level::Encrypt);
    assert_eq!(story.ended(NOT_OFFERED), connect(BEST, TlsUse::Never));
}

#[test]
fn mail_is_returned_when_starttls_has_vanished_and_only_then() {
    let mutant = Mutant::BouncesWhenStarttlsVanishes;
    assert_eq!(
        trying(mutant, Level::Encrypt).ended(NOT_OFFERED),
        bounced(Cause::Refused)
    );
    let refused = Outcome::TlsUnavailable(WithoutTls::Refused);
    let next = connect(SECOND, TlsUse::Required);
    assert_eq!(trying(mutant, Level::Encrypt).ended(refused), next);
}

#[test]
fn mail_is_dropped_without_a_word() {
    let mut story = trying(Mutant::BouncesSilently, Level::May);
    let alone = Output::Bounced {
        job: JOB,
        cause: Cause::Refused,
    };
    assert_eq!(story.ended(Outcome::RefusedForGood), [alone]);
    assert_eq!(
        trying(Mutant::NeverAlarms, Level::May).ended(Outcome::RefusedForGood),
        bounced(Cause::Refused)
    );
}

#[test]
fn mail_is_deferred_and_no_timer_runs_for_it() {
    let mut story = trying(Mutant::ForgetsDeferredMail, Level::Encrypt);
    story.ended(Outcome::TlsUnavailable(WithoutTls::Refused));
    assert_eq!(story.ended(Outcome::ConnectionFailed), [Output::Deferred(JOB)]);
}

#[test]
fn tls_is_not_tried_where_it_is_not_required() {
    let first = |level| Story::queued(Some(Mutant::NeverTriesTls)).resolved(level);
    assert_eq!(first(Level::May), connect(BEST, TlsUse::Never));
    assert_eq!(first(Level::Encrypt), connect(BEST, TlsUse::Required));
}

#[test]
fn mail_waits_after_an_alarm_and_only_where_alarms_are_raised() {
    for (alarms, tls) in [(true, TlsUse::Required), (false, TlsUse::IfOffered)] {
        let mut story = Story::queued(Some(Mutant::AlarmHoldsMail));
        story.machine.settings.alarms = alarms;
        assert_eq!(story.resolved(Level::May), connect(BEST, TlsUse::IfOffered));
        story.says(Input::Secured(JOB));
        story.ended(Outcome::RefusedForNow);
        story.ended(Outcome::RefusedForNow);
        story.retried(1);
        assert_eq!(story.resolved(Level::May), connect(BEST, tls));
    }
}

#[test]
fn a_broken_handshake_costs_the_host() {
    let mut story = trying(Mutant::DefersAfterBrokenHandshake, Level::May);
    assert_eq!(story.ended(BROKE), connect(SECOND, TlsUse::IfOffered));
}

#[test]
fn a_relay_returns_mail_for_want_of_tls_and_an_originator_does_not() {
    for (role, said) in [
        (Role::Relay, bounced(Cause::Refused)),
        (Role::Originator, connect(SECOND, TlsUse::Required)),
    ] {
        let mut story = Story::queued_as(role, Some(Mutant::RelayReturnsMailForWantOfTls));
        story.resolved(Level::Encrypt);
        assert_eq!(story.ended(NOT_OFFERED), said, "{role:?}");
    }
}

#[test]
fn a_host_that_refused_one_message_is_not_asked_again_and_others_are() {
    let mut story = trying(Mutant::Remembers5yzToMail, Level::May);
    assert_eq!(
        story.another(OTHER, HOP, Level::May, BEST),
        connect_other(BEST, TlsUse::IfOffered),
        "it has refused nothing yet"
    );
    assert_eq!(story.ended(Outcome::RefusedForGood), bounced(Cause::Refused));
    let (next, last) = (JobId(2), JobId(3));
    let without_a_dial = [
        Output::Bounced {
            job: next,
            cause: Cause::Refused,
        },
        Output::Notify(next),
    ];
    assert_eq!(story.another(next, HOP, Level::May, BEST), without_a_dial);
    let elsewhere = Output::Connect {
        job: last,
        peer: SECOND,
        address: 0,
        tls: TlsUse::IfOffered,
    };
    assert_eq!(story.another(last, HOP, Level::May, SECOND), [elsewhere]);
}

#[test]
fn required_tls_gives_way_where_tls_broke_and_the_host_remembers_it() {
    for (remembers_tls_failure, tls) in [(true, TlsUse::Never), (false, TlsUse::Required)] {
        let mut story = Story::queued_with(Settings {
            remembers_tls_failure,
            mutant: Some(Mutant::NegativeMemoryAppliesWhenRequired),
            ..SETTINGS
        });
        story.resolved(Level::May);
        story.ended(BROKE);
        assert_eq!(
            story.another(OTHER, HOP, Level::Encrypt, BEST),
            connect_other(BEST, tls)
        );
        let elsewhere = Output::Connect {
            job: JobId(2),
            peer: SECOND,
            address: 0,
            tls: TlsUse::Required,
        };
        assert_eq!(
            story.another(JobId(2), HOP, Level::Encrypt, SECOND),
            [elsewhere],
            "TLS never broke there"
        );
    }
}

#[test]
fn a_refusal_for_good_is_waited_out() {
    assert_eq!(
        trying(Mutant::RetriesAfter5yz, Level::May).ended(Outcome::RefusedForGood),
        deferral(1)
    );
}
