//! The client's manners on a connection of its own, for P29: it waits for replies, sends nothing behind STARTTLS, begins
//! anew inside TLS, and leaves at once a session that does not do.

use std::time::Duration;

use postern_model::monitor::Violation;
use postern_model::observation::{ConnectionId, HostId, Observation};
use postern_model::scenario::{Level, Phase};

use super::attempts::Attempts;
use super::sessions::{Progress, Session, Sessions};
use super::violation;
use crate::oracle::Oracle;
use crate::setup::Setup;

/// Follows every conversation. The reading:
///
/// - A command waits for the reply to the one before (R5321-4.3.1-a), but for QUIT where what came was no reply: nothing more
///   may come, and the client takes its leave. Where PIPELINING is offered, MAIL, RCPT and what is
///   no command of delivery may be followed at once (RFC 2920 §3.1). Behind STARTTLS nothing may (R3207-4-h).
/// - A handshake needs a 220 (R3207-4-f).
/// - The first command inside TLS is EHLO (R3207-4.2-c), or QUIT.
/// - A session whose certificate proves none of the next hops that it may be for, all at level secure, is not good enough.
///   The client may refuse it inside the handshake; otherwise its next command is QUIT (R3207-4.1-a), and in any case it
///   sends no MAIL (R3207-4.1-b).
/// - A client that hangs up while it waits for the greeting or a reply has waited as long as RFC 5321 says
///   (R5321-4.5.3.2-a). EHLO, STARTTLS, QUIT and the handshake have no figure.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(super) struct Dialogue {
    setup: Setup,
    oracle: Oracle,
    attempts: Attempts,
    sessions: Sessions<Talk>,
}

/// What is noted about a conversation.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
struct Talk {
    /// What is not answered yet, in order.
    unanswered: Vec<Option<Phase>>,
    /// How long the client has waited for a reply, up to the longest that it has to.
    waited: Duration,
    offers_pipelining: bool,
    /// Nothing was said inside TLS so far.
    fresh_in_tls: bool,
    verdict: Standing,
    /// It read something that is no reply, or it has crashed: it need wait no longer.
    babble: bool,
    /// It read a reply that nobody asked for, so that it may take any later one for another command's.
    out_of_step: bool,
}

/// What the client has made of a handshake that did not do.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
enum Standing {
    /// It did, or there was none.
    Good,
    /// It did not.
    Rejected,
    /// It did not, and the client went on talking.
    Late,
}

impl Default for Talk {
    fn default() -> Self {
        Self {
            unanswered: vec![Some(Phase::Connect)],
            waited: Duration::ZERO,
            offers_pipelining: false,
            fresh_in_tls: false,
            verdict: Standing::Good,
            babble: false,
            out_of_step: false,
        }
    }
}

const MINUTE: Duration = Duration::from_secs(60);

/// A command is seen when it arrives and the client waits from when it was sent, so that its wait may seem to be shorter.
const ON_THE_WAY: Duration = Duration::from_millis(100);

/// How long a client waits at least (RFC 5321 §4.5.3.2).
fn patience(phase: Option<Phase>) -> Option<Duration> {
    match phase? {
        Phase::Connect | Phase::Mail | Phase::Rcpt => Some(5 * MINUTE),
        Phase::Data => Some(2 * MINUTE),
        Phase::EndOfData => Some(10 * MINUTE),
        Phase::Lookup | Phase::Ehlo | Phase::Starttls | Phase::Store | Phase::Acknowledge | Phase::Quit => None,
    }
}

impl Dialogue {
    pub(super) fn new(setup: Setup) -> Self {
        Self {
            oracle: Oracle::new(setup.clone()),
            setup,
            attempts: Attempts::default(),
            sessions: Sessions::default(),
        }
    }

    pub(super) fn observe(&mut self, after: Duration, observation: &Observation) -> Result<(), Violation> {
        if !after.is_zero() {
            for session in self.sessions.iter_mut() {
                session.notes.waited = (session.notes.waited + after).min(10 * MINUTE);
            }
        }
        if let Observation::Running { host, up: false } = *observation {
            for session in self.sessions.iter_mut().filter(|session| session.client == host) {
                session.notes.babble = true;
            }
        }
        let verdict = self.judge(observation);
        self.oracle.observe(observation);
        self.attempts.observe(observation);
        let is_first_command = matches!(observation, Observation::Connected { .. });
        self.sessions.observe(observation);
        self.note(observation, is_first_command);
        verdict
    }

    fn judge(&self, observation: &Observation) -> Result<(), Violation> {
        match *observation {
            Observation::Command { connection, phase, .. } => {
                let Some(session) = self.own(connection) else {
                    return Ok(());
                };
                self.judge_waiting(session, phase)?;
                self.judge_beginning(session, phase)
            }
            Observation::HandshakeUnasked { connection } => {
                let Some(session) = self.own(connection) else {
                    return Ok(());
                };
                Err(self.violation(
                    "R3207-4-f",
                    session,
                    "began a handshake",
                    "without a 220 reply to STARTTLS",
                ))
            }
            Observation::HungUp { connection } => match self.own(connection) {
                Some(session) => self.judge_patience(session),
                None => Ok(()),
            },
            Observation::Closed { connection } => match self.own(connection) {
                Some(session) if session.notes.verdict == Standing::Late => Err(self.not_decided_at_once(session)),
                _ => Ok(()),
            },
            _ => Ok(()),
        }
    }

    fn judge_waiting(&self, session: &Session<Talk>, phase: Option<Phase>) -> Result<(), Violation> {
        let talk = &session.notes;
        let sent = || format!("sent {}", named(phase));
        let takes_leave = talk.babble && phase == Some(Phase::Quit);
        let Some(last) = talk.unanswered.last().filter(|_| !talk.out_of_step && !takes_leave) else {
            return Ok(());
        };
        if session.progress == Progress::Asked {
            return Err(self.violation("R3207-4-h", session, &sent(), "behind STARTTLS, before its reply"));
        }
        let may_be_followed = matches!(last, None | Some(Phase::Mail | Phase::Rcpt));
        if talk.offers_pipelining && may_be_followed {
            return Ok(());
        }
        let before = match last {
            Some(Phase::Connect) => "before the greeting".to_owned(),
            last => format!("before the reply to {}", named(*last)),
        };
        Err(self.violation("R5321-4.3.1-a", session, &sent(), &before))
    }

    fn judge_beginning(&self, session: &Session<Talk>, phase: Option<Phase>) -> Result<(), Violation> {
        let talk = &session.notes;
        if talk.fresh_in_tls && !matches!(phase, Some(Phase::Ehlo | Phase::Quit)) {
            let sent = format!("sent {}", named(phase));
            return Err(self.violation("R3207-4.2-c", session, &sent, "as the first command inside TLS"));
        }
        match (talk.verdict, phase) {
            (Standing::Rejected | Standing::Late, Some(Phase::Mail)) => Err(self.violation(
                "R3207-4.1-b",
                session,
                "sent MAIL",
                "in a session whose certificate does not prove the next hop, which its policy demands",
            )),
            (Standing::Late, Some(Phase::Quit)) => Err(self.not_decided_at_once(session)),
            _ => Ok(()),
        }
    }

    fn judge_patience(&self, session: &Session<Talk>) -> Result<(), Violation> {
        let talk = &session.notes;
        let awaited = talk.unanswered.first().copied();
        let is_handshake = session.progress == Progress::GoAhead;
        let Some((phase, patience)) = awaited.and_then(|phase| Some((phase, patience(phase)?))) else {
            return Ok(());
        };
        if talk.babble || is_handshake || talk.waited + ON_THE_WAY >= patience {
            return Ok(());
        }
        let what = match phase {
            Some(Phase::Connect) => "the greeting".to_owned(),
            phase => format!("the reply to {}", named(phase)),
        };
        let how = format!(
            "after {} s of waiting for {what}, which deserves {} s",
            talk.waited.as_secs(),
            patience.as_secs()
        );
        Err(self.violation("R5321-4.5.3.2-a", session, "hung up", &how))
    }

    fn not_decided_at_once(&self, session: &Session<Talk>) -> Violation {
        self.violation(
            "R3207-4.1-a",
            session,
            "went on",
            "after the handshake, and left only then, though the certificate does not prove the next hop",
        )
    }

    fn violation(&self, rule: &'static str, session: &Session<Talk>, what: &str, how: &str) -> Violation {
        let (client, server) = (
            self.setup.host_name(session.client),
            self.setup.host_name(session.server),
        );
        violation(
            rule,
            format!("{client} {what} to {server} {how}").replace("hung up to", "hung up on"),
        )
    }

    fn note(&mut self, observation: &Observation, connected: bool) {
        let (connection, phase) = match *observation {
            Observation::Command { connection, phase, .. } => (connection, Noted::Sent(phase)),
            Observation::Content { connection, .. } => (connection, Noted::Sent(Some(Phase::EndOfData))),
            Observation::Replied { connection, phase, .. } => (connection, Noted::Answered(phase)),
            Observation::OffersPipelining { connection } => (connection, Noted::Pipelining),
            Observation::Babble { connection } => (connection, Noted::Babble),
            Observation::Secured { connection, .. } => (connection, Noted::Secured),
            Observation::Connected { connection, .. } if connected => (connection, Noted::Connected),
            _ => return,
        };
        let rejected = matches!(phase, Noted::Secured) && self.is_rejected(connection);
        let Some(session) = self.sessions.get_mut(connection) else {
            return;
        };
        let talk = &mut session.notes;
        match phase {
            Noted::Connected => talk.waited = Duration::ZERO,
            Noted::Sent(phase) => {
                talk.unanswered.push(phase);
                talk.waited = Duration::ZERO;
                talk.fresh_in_tls = false;
                if talk.verdict == Standing::Rejected && phase != Some(Phase::Quit) {
                    talk.verdict = Standing::Late;
                }
            }
            Noted::Answered(phase) => {
                // EHLO begins anew what is offered; the offer is observed before the reply.
                if let Some(place) = talk.unanswered.iter().position(|awaited| *awaited == phase) {
                    talk.unanswered.remove(place);
                } else {
                    talk.babble = true;
                    talk.out_of_step = true;
                }
                talk.waited = Duration::ZERO;
            }
            Noted::Pipelining => talk.offers_pipelining = true,
            Noted::Babble => talk.babble = true,
            Noted::Secured => {
                *talk = Talk {
                    unanswered: Vec::new(),
                    fresh_in_tls: true,
                    verdict: if rejected { Standing::Rejected } else { Standing::Good },
                    ..Talk::default()
                };
            }
        }
    }

    /// Whether everything that the session may be for demands a certificate for a name that was not proved.
    fn is_rejected(&self, connection: ConnectionId) -> bool {
        let Some(session) = self.own(connection) else {
            return false;
        };
        let proves = session.proves().unwrap_or_default();
        let (client, server): (HostId, HostId) = (session.client, session.server);
        let mut candidates = self.attempts.candidates(&self.setup, client, server).peekable();
        candidates.peek().is_some()
            && candidates.all(|(_, next_hop)| {
                let level = self.oracle.weakest_level(connection, next_hop);
                level == Some(Level::Secure) && !proves.has(next_hop)
            })
    }

    fn own(&self, connection: ConnectionId) -> Option<&Session<Talk>> {
        self.sessions.get(connection).filter(|session| session.is_clients_own())
    }
}

/// What an observation means for a conversation.
#[derive(Clone, Copy)]
enum Noted {
    Connected,
    Sent(Option<Phase>),
    Answered(Option<Phase>),
    Pipelining,
    Babble,
    Secured,
}

fn named(phase: Option<Phase>) -> String {
    phase.map_or_else(|| "a command".to_owned(), |phase| phase.to_string())
}

#[cfg(test)]
mod tests {
    use postern_model::observation::DomainSet;

    use super::super::NothingClearAfterGoAhead;
    use super::super::story::{B, Found, MINUTE, MX1, SECOND, Story, setup};
    use super::*;

    fn judged(level: Level, story: Story) -> Found {
        story.judged_by(NothingClearAfterGoAhead::new(setup(level)))
    }

    fn hangs_up(story: Story) -> Story {
        let connection = story.connection();
        story.sees(Observation::HungUp { connection }).closes()
    }

    fn secured(story: Story, names: DomainSet) -> Story {
        let connection = story.connection();
        story.sees(Observation::Secured {
            connection,
            proves: names,
        })
    }

    fn dials() -> Story {
        Story::new().mail_is_tried().dials(MX1)
    }

    #[test]
    fn whoever_read_a_reply_that_nobody_asked_for_is_out_of_step_and_need_not_wait() {
        let early = |story: Story| {
            let asked = story.command(Phase::Mail, false).command(Phase::Data, false);
            asked.reply(Phase::Mail, 250).command(Phase::Quit, false)
        };
        let begun = || Story::new().mail_is_tried().dials(MX1).ehlo(false);
        assert_eq!(judged(Level::May, early(begun())), Found::Violated("R5321-4.3.1-a"));
        let connection = begun().connection();
        let unasked = begun().sees(Observation::Replied {
            connection,
            phase: None,
            code: 250,
            offers_starttls: false,
            recipient: None,
        });
        assert_eq!(judged(Level::May, early(unasked)), Found::NotExercised);
    }

    #[test]
    fn a_client_that_waits_for_every_reply_may_go_on() {
        let story = dials().goes_secure(&[B]).ehlo(false).transaction(true);
        assert_eq!(judged(Level::Secure, story), Found::Holds);
    }

    #[test]
    fn whatever_stands_behind_starttls_is_a_violation() {
        for phase in [Phase::Ehlo, Phase::Mail, Phase::Quit] {
            let story = dials().ehlo(true).command(Phase::Starttls, false).command(phase, false);
            assert_eq!(judged(Level::May, story), Found::Violated("R3207-4-h"), "{phase}");
        }
    }

    #[test]
    fn whoever_hears_nonsense_in_place_of_a_reply_may_take_its_leave_and_no_more() {
        let nonsense = |phase| {
            let asked = dials().ehlo(true).command(Phase::Starttls, false);
            let connection = asked.connection();
            asked.sees(Observation::Babble { connection }).command(phase, false)
        };
        assert_eq!(judged(Level::May, nonsense(Phase::Quit)), Found::NotExercised);
        assert_eq!(judged(Level::May, nonsense(Phase::Mail)), Found::Violated("R3207-4-h"));
    }

    #[test]
    fn a_command_before_the_reply_to_the_last_is_a_violation() {
        let story = dials()
            .ehlo(false)
            .command(Phase::Mail, false)
            .command(Phase::Rcpt, false);
        assert_eq!(judged(Level::May, story), Found::Violated("R5321-4.3.1-a"));
    }

    #[test]
    fn where_pipelining_is_offered_mail_may_be_followed_and_data_may_not() {
        let offered = |story: Story| {
            let connection = story.connection();
            story.sees(Observation::OffersPipelining { connection }).ehlo(false)
        };
        let group = offered(dials())
            .command(Phase::Mail, false)
            .command(Phase::Rcpt, false)
            .command(Phase::Data, false);
        assert_eq!(judged(Level::May, group.clone()), Found::NotExercised);
        let beyond = group.command(Phase::Quit, false);
        assert_eq!(judged(Level::May, beyond), Found::Violated("R5321-4.3.1-a"));
    }

    #[test]
    fn a_handshake_needs_a_go_ahead() {
        let story = dials().ehlo(true).starttls(250);
        let connection = story.connection();
        let story = story.sees(Observation::HandshakeUnasked { connection });
        assert_eq!(judged(Level::May, story), Found::Violated("R3207-4-f"));
    }

    #[test]
    fn the_first_command_inside_tls_is_ehlo_or_quit() {
        let inside = || dials().goes_secure(&[B]);
        assert_eq!(
            judged(Level::May, inside().mail(true, 250)),
            Found::Violated("R3207-4.2-c")
        );
        assert_eq!(judged(Level::May, inside().command(Phase::Quit, true)), Found::Holds);
    }

    #[test]
    fn a_session_that_does_not_do_is_left_at_once() {
        let handshake = || secured(dials().ehlo(true).starttls(220), DomainSet::default());
        assert_eq!(
            judged(Level::Secure, handshake().command(Phase::Quit, true).closes()),
            Found::Holds
        );
        assert_eq!(judged(Level::Secure, handshake().closes()), Found::Holds);
        let late = || handshake().ehlo(false);
        assert_eq!(
            judged(Level::Secure, late().command(Phase::Quit, true)),
            Found::Violated("R3207-4.1-a")
        );
        assert_eq!(judged(Level::Secure, late().closes()), Found::Violated("R3207-4.1-a"));
        assert_eq!(
            judged(Level::Secure, late().mail(true, 250)),
            Found::Violated("R3207-4.1-b")
        );
        assert_eq!(judged(Level::Encrypt, late().mail(true, 250)), Found::Holds);
    }

    #[test]
    fn a_client_waits_as_long_as_rfc_5321_says() {
        let exercised = || dials().goes_secure(&[B]).ehlo(false);
        let mail = |waited: Duration| hangs_up(exercised().command(Phase::Mail, true).after(waited));
        assert_eq!(judged(Level::May, mail(5 * MINUTE)), Found::Holds);
        assert_eq!(
            judged(Level::May, mail(5 * MINUTE - SECOND)),
            Found::Violated("R5321-4.5.3.2-a")
        );
        let content = |waited: Duration| hangs_up(exercised().transaction(true).after(waited));
        assert_eq!(judged(Level::May, content(10 * MINUTE)), Found::Holds);
        assert_eq!(
            judged(Level::May, content(6 * MINUTE)),
            Found::Violated("R5321-4.5.3.2-a")
        );
    }

    #[test]
    fn whoever_hears_nonsense_or_closed_doors_need_not_wait() {
        let asked = dials().goes_secure(&[B]).ehlo(false).command(Phase::Mail, true);
        assert_eq!(judged(Level::May, asked.clone().closes()), Found::Holds);
        let connection = asked.connection();
        let babble = hangs_up(asked.sees(Observation::Babble { connection }));
        assert_eq!(judged(Level::May, babble), Found::Holds);
    }

    #[test]
    fn whoever_hears_a_reply_that_it_did_not_ask_for_need_not_wait() {
        let asked = dials().goes_secure(&[B]).ehlo(false).command(Phase::Mail, true);
        let connection = asked.connection();
        let unasked = Observation::Replied {
            connection,
            phase: None,
            code: 250,
            offers_starttls: false,
            recipient: None,
        };
        assert_eq!(judged(Level::May, hangs_up(asked.sees(unasked))), Found::Holds);
    }

    #[test]
    fn a_reply_that_was_asked_for_is_no_reason_to_hang_up_at_the_next_command() {
        let asked = dials().goes_secure(&[B]).ehlo(false).mail(true, 250);
        let hasty = hangs_up(asked.command(Phase::Rcpt, true));
        assert_eq!(judged(Level::May, hasty), Found::Violated("R5321-4.5.3.2-a"));
    }
}
