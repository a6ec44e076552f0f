//! Sessions that are kept open, and the mail that they do for.

use super::*;

fn reuse(peer: PeerId) -> Vec<Output> {
    vec![Output::Reuse { job: OTHER, peer }]
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
    let kept_again = [Output::Arm(Timer::Kept(BEST))];
    assert_eq!(
        story.says(changed(Level::Encrypt)),
        [&kept_again[..], &connect_other(BEST, TlsUse::Required)].concat(),
        "it does not stand for ever"
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
