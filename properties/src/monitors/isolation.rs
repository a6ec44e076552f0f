//! P42: trouble at one destination delays the mail for it, and no other.

use std::collections::BTreeMap;
use std::time::Duration;

use postern_model::monitor::{Monitor, Violation};
use postern_model::observation::{DomainId, HostId, MessageId, Observation};
use postern_model::scenario::Phase;

use super::sessions::{Dialler, Session, Sessions};
use super::{named, violation};
use crate::setup::Setup;

/// How long after the beginning of an attempt a host is dialled: time for lookups that fail and are repeated.
const PATIENCE: Duration = Duration::from_secs(60);

/// A session that takes longer hangs.
const HANGS_AFTER: Duration = Duration::from_secs(30);

/// The least that lies between a failed attempt and the next, whatever the schedule.
const GAP_MIN: Duration = Duration::from_secs(60);

/// Judges when attempts are made:
///
/// - a message whose attempt has begun is not kept from being sent by sessions with hosts of other next hops;
/// - after a failed attempt the next does not follow at once, unless the message's lifetime is over (its last attempt) or
///   its host has crashed meanwhile.
///
/// Exercised when a host was dialled while a session with a host of another next hop hung.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Isolation {
    setup: Setup,
    /// How long each session has been under way, up to [`HANGS_AFTER`].
    sessions: Sessions<Duration>,
    queue: BTreeMap<(HostId, MessageId), Queued>,
    exercised: bool,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
struct Queued {
    next_hop: DomainId,
    age: Duration,
    copies: u8,
    stage: Stage,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
enum Stage {
    /// An attempt began so long ago, and nothing was dialled.
    Begun(Duration),
    /// Whatever happens now is another's business.
    Other,
    /// The last attempt failed so long ago, up to [`GAP_MIN`].
    Failed(Duration),
}

impl Isolation {
    /// The monitor at the start of a run.
    pub fn new(setup: Setup) -> Self {
        Self {
            setup,
            sessions: Sessions::default(),
            queue: BTreeMap::new(),
            exercised: false,
        }
    }
}

impl Monitor for Isolation {
    fn observe(&mut self, after: Duration, observation: &Observation) -> Result<(), Violation> {
        self.pass(after)?;
        self.sessions.observe(observation);
        match *observation {
            Observation::Queued {
                host,
                message,
                next_hop,
                ..
            } => {
                let queued = self.queue.entry((host, message)).or_insert(Queued {
                    next_hop,
                    age: Duration::ZERO,
                    copies: 0,
                    stage: Stage::Other,
                });
                queued.copies = queued.copies.saturating_add(1);
            }
            Observation::Attempt { host, message } => return self.begun(host, message),
            Observation::Deferred { host, message } => {
                if let Some(queued) = self.queue.get_mut(&(host, message)) {
                    queued.stage = Stage::Failed(Duration::ZERO);
                }
            }
            Observation::Sent { host, message }
            | Observation::Bounced { host, message }
            | Observation::Delivered { host, message } => {
                if let Some(queued) = self.queue.get_mut(&(host, message)) {
                    queued.stage = Stage::Other;
                    queued.copies = queued.copies.saturating_sub(1);
                    if queued.copies == 0 {
                        self.queue.remove(&(host, message));
                    }
                }
            }
            Observation::Running { host, .. } => {
                for (_, queued) in self.queue.iter_mut().filter(|((client, _), _)| *client == host) {
                    queued.stage = Stage::Other;
                }
            }
            Observation::Dialled { from, to, .. } => self.goes(from, to),
            Observation::Command {
                connection,
                phase: Some(Phase::Mail),
                ..
            } => {
                if let Some(session) = self.sessions.get(connection) {
                    let (client, server) = (session.client, session.server);
                    self.goes(client, server);
                }
            }
            Observation::NoAddress { host, exchanger } => self.goes(host, exchanger),
            _ => {}
        }
        Ok(())
    }

    fn exercised(&self) -> bool {
        self.exercised
    }
}

impl Isolation {
    fn pass(&mut self, time: Duration) -> Result<(), Violation> {
        let mut late = None;
        for ((host, message), queued) in &mut self.queue {
            queued.age = (queued.age + time).min(self.setup.lifetime(*host));
            queued.stage = match queued.stage {
                Stage::Begun(since) if since + time > PATIENCE => {
                    late.get_or_insert((*host, *message, queued.next_hop));
                    Stage::Other
                }
                Stage::Begun(since) => Stage::Begun(since + time),
                Stage::Failed(since) => Stage::Failed((since + time).min(GAP_MIN)),
                Stage::Other => Stage::Other,
            };
        }
        for session in self.sessions.iter_mut() {
            session.notes = (session.notes + time).min(HANGS_AFTER);
        }
        let Some((host, message, next_hop)) = late else {
            return Ok(());
        };
        let own = self
            .open(host)
            .any(|session| self.setup.may_serve(session.server, next_hop));
        let Some(other) = self.open(host).find(|_| !own) else {
            return Ok(());
        };
        let why = format!(
            "{} kept {} waiting, although all that it had open was a session with {}, which is no exchanger of {}",
            self.setup.host_name(host),
            named(message),
            self.setup.host_name(other.server),
            self.setup.domain_name(next_hop),
        );
        Err(violation("R5321-4.5.4.1-a", why))
    }

    fn open(&self, client: HostId) -> impl Iterator<Item = &Session<Duration>> {
        let sessions = self.sessions.iter();
        sessions.filter(move |session| session.client == client && session.dialler == Dialler::Client)
    }

    fn begun(&mut self, host: HostId, message: MessageId) -> Result<(), Violation> {
        let lifetime = self.setup.lifetime(host);
        let Some(queued) = self.queue.get_mut(&(host, message)) else {
            return Ok(());
        };
        let before = std::mem::replace(&mut queued.stage, Stage::Begun(Duration::ZERO));
        match before {
            Stage::Failed(since) if since < GAP_MIN && queued.copies == 1 && queued.age + GAP_MIN < lifetime => {
                let why = format!(
                    "{} tried {} again {} s after an attempt had failed",
                    self.setup.host_name(host),
                    named(message),
                    since.as_secs(),
                );
                Err(violation("R5321-4.5.4.1-a", why))
            }
            _ => Ok(()),
        }
    }

    /// Whatever is for this host need wait no longer.
    fn goes(&mut self, client: HostId, server: HostId) {
        let mut went = Vec::new();
        for ((host, _), queued) in &mut self.queue {
            let is_meant = *host == client && self.setup.may_serve(server, queued.next_hop);
            if is_meant && matches!(queued.stage, Stage::Begun(_)) {
                queued.stage = Stage::Other;
                went.push(queued.next_hop);
            }
        }
        self.exercised |= went.iter().any(|next_hop| {
            let mut hanging = self.open(client).filter(|session| session.notes >= HANGS_AFTER);
            hanging.any(|session| !self.setup.may_serve(session.server, *next_hop))
        });
    }
}

#[cfg(test)]
mod tests {
    use postern_model::observation::ConnectionId;
    use postern_model::scenario::Level;

    use super::super::story::{Found, MINUTE, MX1, OUT, SECOND, Story, setup};
    use super::*;

    /// A host that is no exchanger of b.example: the sender itself, in this small world.
    const ELSEWHERE: HostId = OUT;

    fn judged(story: Story) -> Found {
        story.judged_by(Isolation::new(setup(Level::May)))
    }

    fn dials_elsewhere() -> Story {
        Story::new().sees(Observation::Dialled {
            connection: ConnectionId(99),
            from: OUT,
            to: ELSEWHERE,
            address: 0,
        })
    }

    #[test]
    fn a_hanging_session_elsewhere_keeps_nobody_waiting() {
        let hangs = dials_elsewhere().after(MINUTE).mail_is_tried();
        assert_eq!(judged(hangs.clone().after(MINUTE).dials(MX1)), Found::Holds);
        assert_eq!(
            judged(hangs.after(MINUTE + SECOND).dials(MX1)),
            Found::Violated("R5321-4.5.4.1-a")
        );
    }

    #[test]
    fn a_session_with_the_same_next_hop_may_be_waited_for() {
        let both = dials_elsewhere().dials(MX1).mail_is_tried().after(2 * MINUTE);
        assert_eq!(judged(both), Found::NotExercised);
    }

    #[test]
    fn slow_lookups_are_nobodys_fault() {
        assert_eq!(
            judged(Story::new().mail_is_tried().after(2 * MINUTE)),
            Found::NotExercised
        );
    }

    #[test]
    fn an_attempt_does_not_follow_a_failed_one_at_once() {
        let failed = Story::new().mail_is_tried().deferred();
        assert_eq!(judged(failed.clone().tried_again()), Found::Violated("R5321-4.5.4.1-a"));
        assert_eq!(judged(failed.clone().after(MINUTE).tried_again()), Found::NotExercised);
        let restarted = failed.crashes(OUT).starts_again(OUT).tried_again();
        assert_eq!(judged(restarted), Found::NotExercised);
    }

    #[test]
    fn the_last_attempt_of_a_lifetime_comes_when_it_must() {
        let old = Story::new().mail_is_tried().after(5 * 24 * 60 * MINUTE).deferred();
        assert_eq!(judged(old.tried_again()), Found::NotExercised);
    }
}
