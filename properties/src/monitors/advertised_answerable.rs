//! P31: STARTTLS is offered only where TLS can be had, and where it is offered it is answered.

use std::time::Duration;

use postern_model::monitor::{Monitor, Violation};
use postern_model::observation::{Code, ConnectionId, Observation, Verb};
use postern_model::scenario::Phase;

use super::sessions::{Dialler, Progress, Sessions};
use super::standing::Standings;
use super::violation;
use crate::setup::Setup;

/// Judges servers on connections that they accepted themselves, in clear:
///
/// - the offer: never while TLS was switched off since the dial (R3207-3-a);
/// - the answer to STARTTLS where it was offered: 220 or 454, and 501 as for any command (R3207-4-a), above all not 500 or
///   502 (R5321-4.2.4-a);
/// - the answer to STARTTLS with a parameter, offered or not: 501, and no handshake (R3207-2-a).
///
/// 421, by which a server takes leave, is always allowed, and 503 where STARTTLS is out of sequence: within a transaction
/// (RFC 5321 §4.1.4), or with more pipelined behind it (RFC 3207 §4), as it may be wherever an attacker says it. STARTTLS inside TLS was not offered, and is P30's business: 503 is
/// then the code of general SMTP for a command out of sequence, which RFC 3207 §4 does not mean to forbid.
///
/// Exercised when a server answered STARTTLS that it had offered, or STARTTLS with a parameter.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct AdvertisedAnswerable {
    setup: Setup,
    standings: Standings,
    sessions: Sessions<Notes>,
    exercised: bool,
}

#[derive(Debug, Clone, Default, PartialEq, Eq, Hash)]
struct Notes {
    /// TLS was switched on at some time since the dial.
    tls_was_on: bool,
    /// The last answer to EHLO offered STARTTLS.
    is_offered: bool,
    /// STARTTLS was said within a transaction, or something behind it before its reply.
    is_out_of_sequence: bool,
    /// The command that comes next is STARTTLS with a parameter.
    parameter: bool,
    /// The commands outside the phases of delivery that are not yet answered, in order: whether each is STARTTLS with a
    /// parameter. Others may have been pipelined before it.
    unanswered: Vec<bool>,
}

impl AdvertisedAnswerable {
    /// The monitor at the start of a run.
    pub fn new(setup: Setup) -> Self {
        Self {
            standings: Standings::at_start(&setup),
            setup,
            sessions: Sessions::default(),
            exercised: false,
        }
    }
}

impl Monitor for AdvertisedAnswerable {
    fn observe(&mut self, _: Duration, observation: &Observation) -> Result<(), Violation> {
        self.standings.observe(observation);
        if let Observation::Command { connection, phase, .. } = *observation
            && let Some(session) = self.sessions.get_mut(connection)
        {
            let is_followed = session.progress == Progress::Asked;
            let is_inside = phase == Some(Phase::Starttls) && session.has_transaction;
            session.notes.is_out_of_sequence = is_followed || is_inside;
        }
        self.sessions.observe(observation);
        match *observation {
            Observation::Dialled { connection, to, .. } | Observation::Relayed { connection, to, .. } => {
                if let Some(session) = self.sessions.get_mut(connection) {
                    session.notes.tls_was_on = self.standings.of(to).offers_tls;
                }
            }
            Observation::Tls { host, on: true } => {
                for session in self.sessions.iter_mut().filter(|session| session.server == host) {
                    session.notes.tls_was_on = true;
                }
            }
            Observation::Verb { connection, verb } => {
                if let Some(session) = self.sessions.get_mut(connection) {
                    session.notes.parameter = verb == Verb::StarttlsWithParameter;
                }
            }
            Observation::Command {
                connection,
                phase: None,
                ..
            } => {
                if let Some(session) = self.sessions.get_mut(connection) {
                    let is_starttls = std::mem::take(&mut session.notes.parameter);
                    session.notes.unanswered.push(is_starttls);
                }
            }
            Observation::Secured { connection, .. } => {
                if let Some(session) = self.sessions.get_mut(connection) {
                    session.notes = Notes::default();
                }
            }
            Observation::Replied {
                connection,
                phase,
                code,
                offers_starttls,
                ..
            } => return self.replied(connection, phase, code, offers_starttls),
            _ => {}
        }
        Ok(())
    }

    fn exercised(&self) -> bool {
        self.exercised
    }
}

impl AdvertisedAnswerable {
    fn replied(
        &mut self,
        connection: ConnectionId,
        phase: Option<Phase>,
        code: Code,
        offers_starttls: bool,
    ) -> Result<(), Violation> {
        let session = self.sessions.get_mut(connection);
        let Some(session) = session.filter(|session| session.is_servers_own() && !session.is_secured()) else {
            return Ok(());
        };
        let server = self.setup.host_name(session.server);
        match phase {
            Some(Phase::Ehlo) => {
                session.notes.is_offered = offers_starttls;
                if offers_starttls && !session.notes.tls_was_on {
                    let why = format!("{server} offered STARTTLS while its TLS was switched off");
                    return Err(violation("R3207-3-a", why));
                }
            }
            Some(Phase::Starttls) if session.notes.is_offered => {
                self.exercised = true;
                let rule = match code {
                    220 | 421 | 454 | 501 => return Ok(()),
                    503 if session.notes.is_out_of_sequence || session.dialler == Dialler::Attacker => return Ok(()),
                    500 | 502 => "R5321-4.2.4-a",
                    _ => "R3207-4-a",
                };
                let why = format!("{server} offered STARTTLS, and answered it with {code}");
                return Err(violation(rule, why));
            }
            None => {
                let unanswered = &mut session.notes.unanswered;
                if unanswered.is_empty() || !unanswered.remove(0) {
                    return Ok(());
                }
                self.exercised = true;
                if !matches!(code, 501 | 421) {
                    let why = format!("{server} answered STARTTLS with a parameter by {code}, and not by 501");
                    return Err(violation("R3207-2-a", why));
                }
            }
            _ => {}
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use postern_model::scenario::Level;

    use super::super::story::{Found, MX1, Story, setup};
    use super::*;

    fn judged(story: Story) -> Found {
        story.judged_by(AdvertisedAnswerable::new(setup(Level::May)))
    }

    fn asked(code: Code) -> Story {
        Story::new().dials(MX1).ehlo(true).starttls(code)
    }

    #[test]
    fn starttls_is_answered_by_one_of_three_codes_or_a_farewell() {
        for code in [220, 454, 501, 421] {
            assert_eq!(judged(asked(code)), Found::Holds, "{code}");
        }
    }

    #[test]
    fn what_was_offered_is_neither_unknown_nor_anything_else() {
        for (code, rule) in [
            (500, "R5321-4.2.4-a"),
            (502, "R5321-4.2.4-a"),
            (503, "R3207-4-a"),
            (554, "R3207-4-a"),
            (250, "R3207-4-a"),
        ] {
            assert_eq!(judged(asked(code)), Found::Violated(rule), "{code}");
        }
    }

    #[test]
    fn out_of_sequence_it_may_be_answered_so() {
        let inside = Story::new().dials(MX1).ehlo(true).mail(false, 250).starttls(503);
        assert_eq!(judged(inside), Found::Holds);
        let followed = Story::new().dials(MX1).ehlo(true);
        let followed = followed.command(Phase::Starttls, false).command(Phase::Ehlo, false);
        assert_eq!(judged(followed.reply(Phase::Starttls, 503)), Found::Holds);
    }

    #[test]
    fn what_was_not_offered_may_be_refused_as_it_pleases() {
        assert_eq!(
            judged(Story::new().dials(MX1).ehlo(false).starttls(502)),
            Found::NotExercised
        );
        let twice = Story::new().dials(MX1).ehlo(true).ehlo(false).starttls(502);
        assert_eq!(judged(twice), Found::NotExercised, "the later list counts");
    }

    #[test]
    fn starttls_is_not_offered_while_tls_is_off() {
        let off = || Story::new().sees(Observation::Tls { host: MX1, on: false });
        assert_eq!(judged(off().dials(MX1).ehlo(true)), Found::Violated("R3207-3-a"));
        assert_eq!(judged(off().dials(MX1).ehlo(false)), Found::NotExercised);
        let on = Observation::Tls { host: MX1, on: true };
        assert_eq!(judged(off().dials(MX1).sees(on).ehlo(true).starttls(220)), Found::Holds);
        let late = Story::new().dials(MX1).sees(Observation::Tls { host: MX1, on: false });
        assert_eq!(judged(late.ehlo(true).starttls(454)), Found::Holds);
    }

    /// Sends commands outside the phases of delivery at once, which are answered in order.
    fn outside(said: &[(Verb, Code)]) -> Story {
        let story = Story::new().dials(MX1).ehlo(true);
        let connection = story.connection();
        let commands = said.iter().flat_map(|(verb, _)| {
            let verb = Observation::Verb {
                connection,
                verb: *verb,
            };
            let command = Observation::Command {
                connection,
                phase: None,
                domain: None,
                tls: false,
            };
            [verb, command]
        });
        let replies = said.iter().map(|(_, code)| Observation::Replied {
            connection,
            phase: None,
            code: *code,
            offers_starttls: false,
            recipient: None,
        });
        commands.chain(replies).fold(story, Story::sees)
    }

    #[test]
    fn a_parameter_is_a_syntax_error() {
        let with_parameter = |code| outside(&[(Verb::StarttlsWithParameter, code)]);
        assert_eq!(judged(with_parameter(501)), Found::Holds);
        for code in [220, 250, 454, 500] {
            assert_eq!(judged(with_parameter(code)), Found::Violated("R3207-2-a"), "{code}");
        }
    }

    #[test]
    fn a_reply_to_what_was_pipelined_before_a_parameter_is_none_to_it() {
        let behind = |code| {
            outside(&[
                (Verb::Other, 250),
                (Verb::StarttlsWithParameter, code),
                (Verb::Noop, 250),
            ])
        };
        assert_eq!(judged(behind(501)), Found::Holds);
        assert_eq!(judged(behind(220)), Found::Violated("R3207-2-a"));
    }
}
