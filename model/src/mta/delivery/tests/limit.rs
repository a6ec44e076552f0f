//! The limit on sessions with one host.

use super::*;

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
