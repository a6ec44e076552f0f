//! The walk over the exchangers of a next hop and their addresses, and what ends it.

use super::*;

#[test]
fn the_best_exchanger_is_tried_first_and_acceptance_ends_the_job() {
    let mut story = Story::queued(None);
    assert_eq!(story.resolved(Level::May), connect(BEST, TlsUse::IfOffered));
    assert_eq!(story.ended(Outcome::Accepted), [Output::Sent(JOB)]);
    assert_eq!(story.machine.attempts(JOB), None, "the job is over");
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
