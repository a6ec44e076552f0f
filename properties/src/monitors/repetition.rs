//! Whether a message that was refused for good is tried again, for P40.

use std::collections::BTreeMap;

use postern_model::monitor::Violation;
use postern_model::observation::{Code, ConnectionId, HostId, MessageId, Observation};
use postern_model::scenario::Phase;

use super::attempts::Attempts;
use super::sessions::{Session, Sessions};
use super::{named, violation};
use crate::setup::Setup;

/// Judges clients by what they heard on connections of their own, from the host or from an attacker in its place
/// (R5321-4.2.1-a): after a 5yz to MAIL, RCPT, DATA or the end of data of a message there is no other attempt at it, and its
/// content is not sent to that host again.
///
/// What is no such answer:
///
/// - A 5yz in place of the greeting, to EHLO or to STARTTLS: the message was not named yet. 521 is about the host, wherever
///   it is said (RFC 7504 §3), and 421 about the connection.
/// - 530 in clear, which is about the TLS that is missing and may come back (R3207-6-d).
/// - 552 to RCPT, which a client treats as 452 (RFC 5321 §4.5.3.1.10).
/// - What follows from an earlier refusal in the same transaction, such as 554 to DATA behind 450 to RCPT.
/// - A reply with another behind it that nobody asked for, since a client may take both for nonsense.
///
/// A client may go on to the next exchanger in the same attempt: what it is not to repeat is “the exact request”, at “the
/// same server” (§4.2.1, §4.2.5), while “each of the relevant addresses” may be tried “until a delivery attempt succeeds”
/// (§5.1). What it hears there is the answer then. (Ours does not go on: it gives the message back at once.) A client may
/// forget an answer in a crash. Nobody is judged where it is not certain for which message the connection was, or where a host has the message twice.
///
/// Exercised by a message that was refused for good, and that its client was done with then.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(super) struct Repetition {
    setup: Setup,
    attempts: Attempts,
    sessions: Sessions<Transaction>,
    /// Who refused each message for good.
    refused: BTreeMap<(HostId, MessageId), HostId>,
    exercised: bool,
}

/// What is noted about the transaction under way on a connection.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Hash)]
struct Transaction {
    /// The message whose content is not yet answered.
    content: Option<MessageId>,
    /// Something in it was refused, for now or for good.
    is_refused: bool,
    /// The message that the last reply refused for good.
    refused: Option<MessageId>,
}

impl Repetition {
    pub(super) fn new(setup: Setup) -> Self {
        Self {
            setup,
            attempts: Attempts::default(),
            sessions: Sessions::default(),
            refused: BTreeMap::new(),
            exercised: false,
        }
    }

    pub(super) fn is_exercised(&self) -> bool {
        self.exercised
    }

    pub(super) fn observe(&mut self, observation: &Observation) -> Result<(), Violation> {
        let verdict = match *observation {
            Observation::Attempt { host, message } => self.repeats(host, message, None, "tried"),
            Observation::Content {
                connection, message, ..
            } => match self.own(connection) {
                Some(session) => self.repeats(session.client, message, Some(session.server), "sent"),
                None => Ok(()),
            },
            _ => Ok(()),
        };
        self.note(observation);
        self.attempts.observe(observation);
        self.sessions.observe(observation);
        verdict
    }

    /// The message is tried again, or sent again to this host.
    fn repeats(&self, host: HostId, message: MessageId, to: Option<HostId>, what: &str) -> Result<(), Violation> {
        let refuser = self.refused.get(&(host, message));
        let Some(refuser) = refuser.filter(|refuser| to.is_none_or(|to| to == **refuser)) else {
            return Ok(());
        };
        let why = format!(
            "{} {what} {} again although {} had refused it for good",
            self.setup.host_name(host),
            named(message),
            self.setup.host_name(*refuser),
        );
        Err(violation("R5321-4.2.1-a", why))
    }

    fn note(&mut self, observation: &Observation) {
        match *observation {
            Observation::Dialled { from, to, .. } => self.goes_on(from, to),
            Observation::Command { connection, phase, .. } => self.commanded(connection, phase),
            Observation::Content {
                connection, message, ..
            } => {
                if let Some(session) = self.sessions.get_mut(connection) {
                    session.notes.content = Some(message);
                }
            }
            Observation::Replied {
                connection,
                phase: Some(phase),
                code,
                ..
            } => self.replied(connection, phase, code),
            Observation::Replied {
                connection,
                phase: None,
                ..
            }
            | Observation::Babble { connection } => self.is_out_of_step(connection),
            // Another copy is another matter, and so is what came back in a circle.
            Observation::Queued { host, message, .. } => _ = self.refused.remove(&(host, message)),
            Observation::Running { host, up: false } => self.refused.retain(|(client, _), _| *client != host),
            Observation::Bounced { host, message }
            | Observation::Sent { host, message }
            | Observation::Delivered { host, message } => {
                self.exercised |= self.refused.remove(&(host, message)).is_some();
            }
            _ => {}
        }
    }

    /// The client has heard what came before.
    fn commanded(&mut self, connection: ConnectionId, phase: Option<Phase>) {
        let Some(session) = self.sessions.get_mut(connection) else {
            return;
        };
        session.notes.refused = None;
        if phase == Some(Phase::Mail) {
            session.notes = Transaction::default();
            if session.is_clients_own() {
                let (client, server) = (session.client, session.server);
                self.goes_on(client, server);
            }
        }
    }

    fn replied(&mut self, connection: ConnectionId, phase: Phase, code: Code) {
        let message = self.message_on(connection);
        let Some(session) = self.sessions.get_mut(connection) else {
            return;
        };
        if !session.is_clients_own() || !is_about_message(phase) {
            return;
        }
        let follows_from_another = session.notes.is_refused;
        session.notes.is_refused |= code >= 400;
        let is_for_good = match (phase, code) {
            (_, 521) | (Phase::Rcpt, 552) => false,
            (_, 530) => session.is_secured(),
            (_, code) => (500..600).contains(&code),
        };
        if is_for_good && !follows_from_another {
            session.notes.refused = message;
            let (client, server) = (session.client, session.server);
            self.refused.extend(message.map(|message| ((client, message), server)));
        }
    }

    /// The message that the transaction under way is of, where that is certain and its client has it once.
    fn message_on(&self, connection: ConnectionId) -> Option<MessageId> {
        let session = self.own(connection)?;
        let only = || self.attempts.only(&self.setup, session.client, session.server);
        let message = session.notes.content.or_else(only)?;
        self.attempts.has_one(session.client, message).then_some(message)
    }

    fn own(&self, connection: ConnectionId) -> Option<&Session<Transaction>> {
        let session = self.sessions.get(connection);
        session.filter(|session| session.is_clients_own())
    }

    /// The client may not have believed the reply that came last.
    fn is_out_of_step(&mut self, connection: ConnectionId) {
        if let Some(session) = self.sessions.get_mut(connection)
            && let Some(message) = session.notes.refused.take()
        {
            self.refused.remove(&(session.client, message));
        }
    }

    /// The client turns to a host: whatever it is trying may be refused by another meanwhile.
    fn goes_on(&mut self, client: HostId, to: HostId) {
        let candidates = self.attempts.candidates(&self.setup, client, to);
        let tried: Vec<MessageId> = candidates.map(|(message, _)| message).collect();
        self.refused
            .retain(|(holder, message), refuser| *holder != client || *refuser == to || !tried.contains(message));
    }
}

fn is_about_message(phase: Phase) -> bool {
    matches!(phase, Phase::Mail | Phase::Rcpt | Phase::Data | Phase::EndOfData)
}

#[cfg(test)]
mod tests {
    use postern_model::observation::Acceptor;
    use postern_model::scenario::{Level, MailboxState};

    use super::super::LifetimeConformance;
    use super::super::story::{B, Found, HOUR, MAIL, MX1, MX2, OUT, Story, setup};
    use super::*;

    const AGAIN: Found = Found::Violated("R5321-4.2.1-a");

    fn judged(story: Story) -> Found {
        story.judged_by(LifetimeConformance::new(setup(Level::May)))
    }

    fn tried() -> Story {
        Story::new().mail_is_tried().dials(MX1).ehlo(false)
    }

    /// Half an hour later, as configured.
    fn tried_later(story: Story) -> Story {
        story.closes().deferred().after(HOUR / 2).tried_again()
    }

    fn refused_at(phase: Phase, code: Code) -> Story {
        match phase {
            Phase::Mail => tried().mail(false, code),
            Phase::Rcpt => tried().mail(false, 250).rcpt(false, code),
            Phase::Data => tried()
                .mail(false, 250)
                .rcpt(false, 250)
                .command(Phase::Data, false)
                .reply(Phase::Data, code),
            phase => tried().transaction(false).reply(phase, code),
        }
    }

    #[test]
    fn what_was_refused_for_good_is_given_back_and_not_tried_again() {
        for phase in [Phase::Mail, Phase::Rcpt, Phase::Data, Phase::EndOfData] {
            let refused = refused_at(phase, 550);
            assert_eq!(judged(refused.clone().closes().bounced()), Found::Holds, "{phase}");
            assert_eq!(judged(tried_later(refused)), AGAIN, "{phase}");
            assert_eq!(judged(tried_later(refused_at(phase, 450))), Found::Holds, "{phase}");
        }
    }

    #[test]
    fn an_attackers_refusal_counts_where_the_client_heard_it() {
        let by_attacker = |story: Story| story.ehlo(false).mail(false, 250).rcpt(false, 550);
        let heard = by_attacker(Story::new().mail_is_tried().dials_and_reaches(MX1, Acceptor::Attacker));
        assert_eq!(judged(tried_later(heard)), AGAIN);
        let unheard = by_attacker(Story::new().mail_is_tried().attacker_dials(MX1));
        assert_eq!(
            judged(tried_later(unheard)),
            Found::Holds,
            "a connection of the attacker's"
        );
    }

    #[test]
    fn what_is_no_answer_to_the_message_says_nothing_of_it() {
        for code in [521, 530] {
            assert_eq!(
                judged(tried_later(refused_at(Phase::Mail, code))),
                Found::Holds,
                "{code}"
            );
        }
        assert_eq!(judged(tried_later(refused_at(Phase::Rcpt, 552))), Found::Holds);
        assert_eq!(judged(tried_later(refused_at(Phase::EndOfData, 552))), AGAIN);
        let greeted = Story::new().mail_is_tried().dials_and_hears(MX1, 554);
        assert_eq!(judged(tried_later(greeted)), Found::Holds);
        let starttls = Story::new().mail_is_tried().dials(MX1).ehlo(true).starttls(554);
        assert_eq!(judged(tried_later(starttls)), Found::Holds);
    }

    #[test]
    fn inside_tls_530_is_an_answer_like_any_other() {
        let secure = Story::new().mail_is_tried().dials(MX1).goes_secure(&[]).mail(true, 530);
        assert_eq!(judged(tried_later(secure)), AGAIN);
    }

    #[test]
    fn what_follows_from_a_refusal_for_now_is_for_now_too() {
        let no_recipient = refused_at(Phase::Rcpt, 450).command(Phase::Data, false);
        assert_eq!(judged(tried_later(no_recipient.reply(Phase::Data, 554))), Found::Holds);
    }

    #[test]
    fn a_reply_with_another_behind_it_may_be_nonsense_to_the_client() {
        let refused = refused_at(Phase::Mail, 550);
        let connection = refused.connection();
        let unasked = Observation::Replied {
            connection,
            phase: None,
            code: 421,
            offers_starttls: false,
            recipient: None,
        };
        assert_eq!(judged(tried_later(refused.clone().sees(unasked))), Found::Holds);
        let parting = refused.command(Phase::Quit, false).sees(unasked);
        assert_eq!(
            judged(tried_later(parting)),
            AGAIN,
            "it was heard before the client spoke"
        );
    }

    #[test]
    fn content_is_not_sent_again_to_the_host_that_refused_it() {
        let refused = refused_at(Phase::EndOfData, 554);
        assert_eq!(judged(refused.clone().transaction(false)), AGAIN);
        let elsewhere = refused.closes().dials(MX2).ehlo(false).transaction(false);
        assert_eq!(judged(elsewhere), Found::NotExercised);
    }

    #[test]
    fn the_next_exchanger_of_the_same_attempt_has_the_last_word() {
        let gone_on = refused_at(Phase::Rcpt, 550).closes().dials(MX2).ehlo(false);
        let for_now = gone_on.clone().mail(false, 450);
        assert_eq!(judged(tried_later(for_now)), Found::Holds);
        assert_eq!(judged(tried_later(gone_on.mail(false, 550))), AGAIN);
    }

    #[test]
    fn a_crash_may_lose_the_answer() {
        let crashed = refused_at(Phase::Rcpt, 550).crashes(OUT).starts_again(OUT);
        assert_eq!(judged(crashed.tried_again()), Found::NotExercised);
    }

    #[test]
    fn nobody_is_judged_where_the_refusal_may_be_of_another_message() {
        let both = Story::new()
            .mail_is_tried()
            .other_mail_is_tried()
            .dials(MX1)
            .ehlo(false);
        let refused = both.mail(false, 250).rcpt_of(MailboxState::Accepts, false, 550);
        assert_eq!(judged(tried_later(refused)), Found::Holds);
    }

    #[test]
    fn nobody_is_judged_who_has_the_message_twice() {
        let copy = Observation::Queued {
            host: OUT,
            message: MAIL,
            next_hop: B,
            domain: B,
            mailbox: MailboxState::Accepts,
            null_reverse_path: false,
            about: None,
        };
        let late = refused_at(Phase::Rcpt, 550).sees(copy);
        assert_eq!(judged(late.tried_again()), Found::NotExercised);
        let early = Story::new().mail_is_tried().sees(copy).dials(MX1).ehlo(false);
        assert_eq!(judged(early.mail(false, 550).tried_again()), Found::NotExercised);
    }
}
