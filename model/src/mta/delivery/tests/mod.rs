mod exchangers;
mod limit;
mod mutants;
mod queue;
mod reuse;
mod tls;

use super::*;
use crate::mta::policy::TlsUse;
use crate::mta::session::{Outcome, WithoutTls};

const JOB: JobId = JobId(0);
const OTHER: JobId = JobId(1);
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

fn connect_other(peer: PeerId, tls: TlsUse) -> Vec<Output> {
    vec![Output::Connect {
        job: OTHER,
        peer,
        address: 0,
        tls,
    }]
}
