use super::super::story::{Found, HOUR, MINUTE, MX1, MX2, OUT, SECOND, Story, scenario, setup};
use postern_model::scenario::Reading;

use super::*;

fn judged(story: Story) -> Found {
    story.judged_by(VanishedTlsAlarm::new(setup(Level::May)))
}

/// A session with TLS, and an hour later an attempt.
fn after_tls() -> Story {
    Story::new()
        .mail_is_tried()
        .dials(MX1)
        .goes_secure(&[])
        .closes()
        .deferred()
        .after(HOUR)
        .tried_again()
}

#[test]
fn an_alarm_comes_when_tls_has_vanished() {
    assert_eq!(
        judged(after_tls().dials(MX1).ehlo(false).alarm(MX1).closes()),
        Found::Holds
    );
    assert_eq!(
        judged(after_tls().dials(MX1).ehlo(false).closes().alarm(MX1)),
        Found::Holds
    );
}

#[test]
fn an_alarm_that_is_due_must_come() {
    for vanished in [
        after_tls().dials(MX1).ehlo(false).closes(),
        after_tls().dials(MX1).ehlo(true).starttls(454).closes(),
        after_tls().dials(MX1).ehlo(true).starttls(220).closes(),
    ] {
        assert_eq!(judged(vanished.clone()), Found::Violated("SEED-10"));
        assert_eq!(judged(vanished.after(HOUR).alarm(MX1)), Found::Violated("SEED-10"));
    }
}

#[test]
fn an_alarm_has_a_minute_to_come() {
    let vanished = after_tls().dials(MX1).ehlo(false).closes();
    assert_eq!(judged(vanished.clone().after(MINUTE).alarm(MX1)), Found::Holds);
    assert_eq!(
        judged(vanished.after(MINUTE + SECOND).alarm(MX1)),
        Found::Violated("SEED-10")
    );
}

#[test]
fn no_alarm_comes_about_a_peer_that_never_used_tls() {
    let never = Story::new().mail_is_tried().dials(MX1).ehlo(false);
    assert_eq!(judged(never.clone().closes()), Found::NotExercised);
    assert_eq!(judged(never.alarm(MX1).closes()), Found::Violated("SEED-10"));
    assert_eq!(
        judged(after_tls().dials(MX2).ehlo(false).alarm(MX2)),
        Found::Violated("SEED-10")
    );
}

#[test]
fn an_alarm_may_come_about_a_peer_that_only_offered_tls() {
    let offered = Story::new()
        .mail_is_tried()
        .dials(MX1)
        .ehlo(true)
        .mail(false, 250)
        .closes();
    let vanished = offered.after(HOUR).dials(MX1).ehlo(false).closes();
    assert_eq!(judged(vanished.clone()), Found::NotExercised, "none is due");
    assert_eq!(judged(vanished.alarm(MX1)), Found::Holds);
}

#[test]
fn an_alarm_may_come_while_a_handshake_beside_it_is_complete_for_the_client_alone() {
    let beside = Story::new()
        .mail_is_tried()
        .dials(MX1)
        .ehlo(true)
        .starttls(220)
        .dials(MX1)
        .ehlo(false);
    assert_eq!(judged(beside.alarm(MX1).closes()), Found::Holds);
    let alone = Story::new().mail_is_tried().dials(MX1).ehlo(true).starttls(220);
    assert_eq!(judged(alone.alarm(MX1).closes()), Found::Violated("SEED-10"));
}

#[test]
fn no_alarm_comes_while_tls_is_used() {
    let still = after_tls().dials(MX1).goes_secure(&[]).ehlo(false);
    assert_eq!(judged(still.clone().closes()), Found::NotExercised);
    assert_eq!(judged(still.alarm(MX1).closes()), Found::Violated("SEED-10"));
}

#[test]
fn an_alarm_may_come_where_nobody_answered_inside_tls() {
    let broken = after_tls().dials(MX1).goes_secure(&[]).alarm(MX1);
    assert_eq!(judged(broken.clone().closes()), Found::Holds);
    assert_eq!(judged(broken.ehlo(false)), Found::Violated("SEED-10"));
}

#[test]
fn an_alarm_in_a_session_that_has_tls_after_all_is_false() {
    let hasty = after_tls().dials(MX1).ehlo(true).alarm(MX1);
    let connection = hasty.connection();
    let secured = Observation::Secured {
        connection,
        proves: Default::default(),
    };
    let has_tls = hasty.starttls(220).sees(secured).ehlo(false);
    assert_eq!(judged(has_tls), Found::Violated("SEED-10"));
}

#[test]
fn an_alarm_belongs_to_the_session_without_tls_and_not_to_a_handshake_that_may_still_do() {
    let begun = Story::new().mail_is_tried().dials(MX1).ehlo(true).starttls(220);
    let slow = begun.connection();
    let tls = begun.dials(MX1).goes_secure(&[]).closes();
    let vanished = tls.dials(MX1).ehlo(false).alarm(MX1).closes().after(5 * MINUTE);
    let given_up = vanished.alarm(MX1).sees(Observation::Closed { connection: slow });
    assert_eq!(judged(given_up), Found::Holds);
}

#[test]
fn an_alarm_belongs_to_who_was_just_refused_tls_and_not_to_an_earlier_handshake_that_may_still_do() {
    let begun = after_tls().dials(MX1).ehlo(true).starttls(220);
    let slow = begun.connection();
    let refused = begun.dials(MX1).ehlo(true).starttls(454).alarm(MX1).mail(false, 250);
    let given_up = refused.closes().after(5 * MINUTE).alarm(MX1);
    let over = given_up.sees(Observation::Closed { connection: slow });
    assert_eq!(judged(over), Found::Holds);
}

#[test]
fn an_alarm_does_not_belong_to_a_session_that_sent_mail_before_it() {
    let kept = after_tls().dials(MX1).ehlo(true).mail(false, 250);
    let beside = kept.dials(MX1).ehlo(true).starttls(220).alarm(MX1).closes();
    assert_eq!(judged(beside.after(2 * MINUTE)), Found::Holds);
}

#[test]
fn of_two_sessions_side_by_side_the_one_without_tls_gave_occasion_for_the_alarm() {
    let first = after_tls().dials(MX1).ehlo(true).starttls(220);
    let connection = first.connection();
    let beside = first.dials(MX1).ehlo(true).starttls(454).alarm(MX1);
    let secured = beside.sees(Observation::Secured {
        connection,
        proves: Default::default(),
    });
    let answered = secured.sees(Observation::Replied {
        connection,
        phase: Some(Phase::Ehlo),
        code: 250,
        offers_starttls: false,
        recipient: None,
    });
    assert_eq!(judged(answered), Found::Holds);
}

#[test]
fn one_session_is_worth_one_alarm() {
    let story = after_tls().dials(MX1).ehlo(false).alarm(MX1).alarm(MX1);
    assert_eq!(judged(story), Found::Violated("SEED-10"));
}

#[test]
fn an_alarm_belongs_to_the_session_that_it_is_due_for_and_not_to_one_that_is_kept() {
    let kept = after_tls().policy(Level::None).dials(MX1).ehlo(true).transaction(false);
    let beside = kept
        .policy(Level::May)
        .tried_again()
        .dials(MX1)
        .ehlo(true)
        .starttls(220);
    assert_eq!(judged(beside.alarm(MX1).closes()), Found::Holds);
}

#[test]
fn where_tls_broke_a_moment_ago_only_whoever_requires_it_owes_the_alarm() {
    let story = |code| {
        let breaks = |story: Story| story.dials(MX1).ehlo(true).starttls(code).closes();
        let broke = breaks(after_tls()).alarm(MX1).deferred().after(10 * MINUTE);
        breaks(broke.tried_again()).after(2 * MINUTE)
    };
    let judged = |level, code| {
        let mut scenario = scenario(level);
        scenario.host[0].tls_failure_memory = Some(HOUR);
        story(code).judged_by(VanishedTlsAlarm::new(Setup::of(&scenario)))
    };
    for code in [220, 454] {
        assert_eq!(judged(Level::May, code), Found::Holds, "{code}");
        assert_eq!(judged(Level::Encrypt, code), Found::Violated("SEED-10"), "{code}");
    }
}

#[test]
fn what_broke_before_tls_was_used_again_excuses_nobody() {
    let mut scenario = scenario(Level::May);
    scenario.host[0].tls_failure_memory = Some(HOUR);
    let judged = |story: Story| story.judged_by(VanishedTlsAlarm::new(Setup::of(&scenario)));
    let refused = |story: Story| story.dials(MX1).ehlo(true).starttls(454).closes();
    let broke = refused(after_tls())
        .alarm(MX1)
        .deferred()
        .after(2 * MINUTE)
        .tried_again();
    let mended = broke.clone().dials(MX1).goes_secure(&[]).transaction(true).closes();
    let vanished = |story: Story| {
        story
            .after(2 * MINUTE)
            .dials(MX1)
            .ehlo(false)
            .closes()
            .after(2 * MINUTE)
    };
    assert_eq!(judged(vanished(broke)), Found::Holds);
    assert_eq!(judged(vanished(mended)), Found::Violated("SEED-10"));
}

#[test]
fn a_host_that_crashed_has_used_tls_with_nobody_yet() {
    let restarted = after_tls()
        .crashes(OUT)
        .starts_again(OUT)
        .tried_again()
        .dials(MX1)
        .ehlo(false);
    assert_eq!(judged(restarted.clone().closes()), Found::NotExercised);
    assert_eq!(judged(restarted.alarm(MX1).closes()), Found::Violated("SEED-10"));
}

#[test]
fn the_retry_in_clear_may_raise_a_second_alarm_and_need_not() {
    let broken = after_tls().dials(MX1).ehlo(true).starttls(220).alarm(MX1).closes();
    let retried = broken.dials(MX1).ehlo(true);
    assert_eq!(judged(retried.clone().transaction(false).closes()), Found::Holds);
    assert_eq!(judged(retried.alarm(MX1).closes()), Found::Holds);
}

#[test]
fn the_retry_in_clear_after_a_greeting_that_was_refused_inside_tls_does_not_ask_and_misses_nothing() {
    let refused = |code| {
        let story = after_tls().dials(MX1).ehlo(true).starttls(220).goes_secure(&[]);
        story.command(Phase::Ehlo, true).reply(Phase::Ehlo, code).closes()
    };
    let in_clear = |story: Story| story.dials(MX1).ehlo(false).transaction(false).closes();
    for code in [354, 421, 554] {
        assert_eq!(judged(in_clear(refused(code))), Found::NotExercised, "{code}");
    }
    let taken = in_clear(refused(250));
    assert_eq!(judged(taken), Found::Violated("SEED-10"), "no TLS broke");
    let later = in_clear(refused(554).deferred().after(HOUR).tried_again());
    assert_eq!(judged(later), Found::Violated("SEED-10"), "and nothing is remembered");
}

#[test]
fn each_later_session_is_worth_an_alarm_again() {
    let once = after_tls().dials(MX1).ehlo(false).alarm(MX1).closes().deferred();
    let twice = once.after(HOUR).tried_again().dials(MX1).ehlo(false).closes();
    assert_eq!(judged(twice.clone()), Found::Violated("SEED-10"));
    assert_eq!(judged(twice.alarm(MX1)), Found::Holds);
}

/// The alarm about a handshake that broke has come; so much later another session has no TLS, and no alarm.
fn without_alarm_after_break(memory: Option<Duration>, later: Duration) -> Found {
    let mut scenario = scenario(Level::May);
    scenario.host[usize::from(OUT.0)].tls_failure_memory = memory;
    let broken = after_tls().dials(MX1).ehlo(true).starttls(220).alarm(MX1).closes();
    let again = broken.after(later).tried_again().dials(MX1).ehlo(false).closes();
    again.judged_by(VanishedTlsAlarm::new(Setup::of(&scenario)))
}

#[test]
fn no_alarm_is_due_where_the_client_may_do_without_tls_for_a_break_that_it_remembers() {
    assert_eq!(without_alarm_after_break(Some(2 * HOUR), HOUR), Found::Holds);
}

#[test]
fn an_alarm_is_due_again_where_the_break_is_forgotten() {
    for memory in [None, Some(HOUR)] {
        assert_eq!(
            without_alarm_after_break(memory, HOUR),
            Found::Violated("SEED-10"),
            "{memory:?}"
        );
    }
}

#[test]
fn no_alarm_is_due_where_tls_is_not_wished_for() {
    let story = after_tls().policy(Level::None).dials(MX1).ehlo(false).closes();
    assert_eq!(judged(story), Found::NotExercised);
}

#[test]
fn no_alarm_is_due_where_the_connection_ended_before_starttls_was_answered() {
    assert_eq!(judged(after_tls().dials(MX1).ehlo(true).closes()), Found::NotExercised);
    assert_eq!(judged(after_tls().dials(MX1).closes()), Found::NotExercised);
}

#[test]
fn a_host_without_alarms_owes_none_by_rfc_3207_and_all_by_the_thread() {
    let mut scenario = scenario(Level::May);
    scenario.host[usize::from(OUT.0)].alarms = false;
    for (reading, expected) in [
        (Reading::Rfc3207, Found::NotExercised),
        (Reading::Thread, Found::Violated("SEED-10")),
    ] {
        scenario.reading = reading;
        let story = after_tls().dials(MX1).ehlo(false).closes();
        let found = story.judged_by(VanishedTlsAlarm::new(Setup::of(&scenario)));
        assert_eq!(found, expected);
    }
}
