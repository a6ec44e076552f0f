//! The decisions of the delivery machine, made by driving it: what it asks for after each result of a session.

use postern_model::mta::delivery::{
    Cause, Delivery, HopId, Input, JobId, Output, PeerId, Proof, Role, Route, Settings, Timer,
};
use postern_model::mta::policy::TlsUse;
use postern_model::mta::session::Outcome;
use postern_model::scenario::Level;

const JOB: JobId = JobId(0);
const HOP: HopId = HopId(0);
const OTHER_HOP: HopId = HopId(1);
const OWN: PeerId = PeerId(0);
const FIRST: PeerId = PeerId(1);
const SECOND: PeerId = PeerId(2);

/// Where a message stands when the session with the first host ends.
#[derive(Clone, Copy)]
pub(crate) struct Standing {
    pub(crate) level: Level,
    /// There is another host to try.
    pub(crate) has_another: bool,
    /// The lifetime is over: this is the last attempt.
    pub(crate) is_last_attempt: bool,
    /// TLS broke in a session with this host, and it was dialled again in clear.
    pub(crate) is_in_clear: bool,
}

/// What the machine asks for once the session has come to this.
pub(crate) fn decision(standing: Standing, outcome: Outcome) -> String {
    let mut delivery = machine(false);
    let mut asked = begin(&mut delivery, JOB, standing.level, standing.has_another);
    if standing.is_last_attempt {
        ask(&mut delivery, Input::Expired(Timer::Lifetime(JOB)));
    }
    if standing.is_in_clear {
        let outcome = Outcome::TlsBroke(postern_model::mta::session::WithoutTls::HandshakeFailed);
        asked = ask(&mut delivery, Input::Ended { job: JOB, outcome });
        assert!(matches!(asked.as_slice(), [Output::Connect { tls: TlsUse::Never, .. }]));
    }
    let planned = TlsUse::of(standing.level);
    assert!(standing.is_in_clear || matches!(asked.as_slice(), [Output::Connect { tls, .. }] if *tls == planned));
    match ask(&mut delivery, Input::Ended { job: JOB, outcome }).as_slice() {
        [Output::Sent(JOB)] => "sent",
        [
            Output::Connect {
                peer: FIRST,
                tls: TlsUse::Never,
                ..
            },
        ] => "dial again, in clear",
        [Output::Connect { peer: SECOND, tls, .. }] if *tls == planned => "next host",
        [Output::Deferred(JOB), Output::Arm(Timer::Retry { job: JOB, .. })] => "wait",
        [
            Output::Bounced {
                job: JOB,
                cause: Cause::Refused | Cause::Expired,
            },
            Output::Notify(JOB),
        ] => "give back",
        others => panic!("the table has no word for {others:?}"),
    }
    .to_owned()
}

/// What a session with a host is told to do about TLS, if TLS broke there not long ago and the client remembers such.
pub(crate) fn tls_use_after_a_failure(level: Level) -> TlsUse {
    let mut delivery = machine(false);
    begin(&mut delivery, JobId(1), Level::May, false);
    let outcome = Outcome::TlsBroke(postern_model::mta::session::WithoutTls::HandshakeFailed);
    ask(&mut delivery, Input::Ended { job: JobId(1), outcome });
    let outcome = Outcome::Accepted;
    ask(&mut delivery, Input::Ended { job: JobId(1), outcome });
    match begin(&mut delivery, JOB, level, false).as_slice() {
        [Output::Connect { tls, .. }] => *tls,
        others => panic!("a host is dialled, not {others:?}"),
    }
}

/// What a session was that is kept open.
#[derive(Clone, Copy)]
pub(crate) struct Kept {
    /// The level of the message that it was opened for.
    pub(crate) level: Level,
    /// Whether the certificate was to prove the next hop of the message at hand, or another.
    pub(crate) is_for_another_hop: bool,
    /// TLS broke before, and the host was dialled again in clear.
    pub(crate) is_in_clear: bool,
    /// What it proved, but for the next hop.
    pub(crate) is_secured: bool,
}

/// Whether a kept session will do for a message under this level.
pub(crate) fn will_do(kept: Kept, level: Level) -> bool {
    let mut delivery = machine(true);
    let before = JobId(1);
    let next_hop = if kept.is_for_another_hop { OTHER_HOP } else { HOP };
    begin_for(&mut delivery, before, next_hop, kept.level, false);
    if kept.is_in_clear {
        let outcome = Outcome::TlsBroke(postern_model::mta::session::WithoutTls::HandshakeFailed);
        ask(&mut delivery, Input::Ended { job: before, outcome });
    }
    let proof = match (kept.is_secured, kept.level) {
        (false, _) => Proof::Clear,
        (true, Level::Secure) => Proof::Authenticated(next_hop),
        (true, _) => Proof::Encrypted,
    };
    ask(&mut delivery, Input::Kept { job: before, proof });
    let outcome = Outcome::Accepted;
    ask(&mut delivery, Input::Ended { job: before, outcome });
    match begin(&mut delivery, JOB, level, false).as_slice() {
        [Output::Reuse { .. }] => true,
        [Output::Connect { .. }] => false,
        others => panic!("the session is used or the host dialled, not {others:?}"),
    }
}

fn machine(reuse: bool) -> Delivery {
    Delivery::new(Settings {
        own: OWN,
        alarms: true,
        reuse,
        remembers_tls_failure: true,
        sessions_per_host: 20,
        mutant: None,
    })
}

/// Queues a message and brings it to its first host.
fn begin(delivery: &mut Delivery, job: JobId, level: Level, has_another: bool) -> Vec<Output> {
    begin_for(delivery, job, HOP, level, has_another)
}

fn begin_for(delivery: &mut Delivery, job: JobId, next_hop: HopId, level: Level, has_another: bool) -> Vec<Output> {
    let role = Role::Originator;
    ask(delivery, Input::Queued { job, next_hop, role });
    let mut exchangers = vec![(10, FIRST)];
    exchangers.extend(has_another.then_some((20, SECOND)));
    let route = Route::Exchangers(exchangers);
    ask(delivery, Input::Resolved { job, level, route })
}

/// Hands a fact to the machine. How long failures and sessions are remembered is not of interest here.
fn ask(delivery: &mut Delivery, input: Input) -> Vec<Output> {
    delivery.handle(input);
    let outputs = std::iter::from_fn(|| Some(delivery.poll()).filter(|output| *output != Output::Idle));
    let is_of_interest = |output: &Output| !matches!(output, Output::Arm(Timer::TlsFailure(_) | Timer::Kept(_)));
    outputs.filter(is_of_interest).collect()
}
