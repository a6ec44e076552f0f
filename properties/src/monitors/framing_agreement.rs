//! P33: one message in is one message out.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use postern_model::monitor::{Monitor, Violation};
use postern_model::observation::{Code, ConnectionId, HostId, MessageId, Observation};
use postern_model::scenario::Phase;

use super::promptness::Promptness;
use super::sessions::{Progress, Session, Sessions};
use super::violation;
use crate::setup::Setup;

/// Judges servers by what the wire framed: the tap ends a line at CRLF and content at CRLF.CRLF, and nowhere else.
///
/// - What lies in a mailbox and was not handed in there came as content, and each content is one message: a second one, or
///   one without any content, was smuggled in (R5321-4.1.1.4-a).
/// - A client sends CR and LF as CRLF and not alone, whatever was handed in (R5321-2.3.8-a). Octets behind a go-ahead are none
///   of SMTP.
/// - A recipient is taken only after MAIL was: otherwise a command was found where the wire has none (R5321-2.3.8-a).
/// - What was refused at the end of its data, or at DATA with the content sent behind it unasked, is not delivered, neither
///   whole nor in parts that read like commands (R5321-4.2.5-b, C-SMUG-3).
///
/// Beside it, `Promptness` judges how soon servers answer the end of data, lest a client send the message again.
/// Exercised when a server answered the end of data, or DATA with something sent behind it.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct FramingAgreement {
    setup: Setup,
    promptness: Promptness,
    sessions: Sessions<Framing>,
    /// The content that came to each host last.
    arrived: BTreeMap<HostId, Arrival>,
    /// What was handed in at a host, which may lie in its own mailbox without having crossed the wire.
    handed_in: BTreeSet<(HostId, MessageId)>,
    exercised: bool,
}

#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Hash)]
struct Framing {
    /// MAIL was taken in clear or inside TLS since the last handshake.
    mail_was_taken: bool,
    /// Something was sent behind DATA before that was answered.
    is_behind_data: bool,
    /// That DATA was refused.
    is_out_of_step: bool,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
struct Arrival {
    connection: ConnectionId,
    delivered: Option<Mail>,
}

impl Arrival {
    fn on(connection: ConnectionId) -> Self {
        Self {
            connection,
            delivered: None,
        }
    }
}

/// What was found in a mailbox.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
enum Mail {
    /// A message of the scenario.
    Known(MessageId),
    /// Another.
    Strange,
}

impl FramingAgreement {
    /// The monitor at the start of a run.
    pub fn new(setup: Setup) -> Self {
        Self {
            promptness: Promptness::new(setup.clone()),
            setup,
            sessions: Sessions::default(),
            arrived: BTreeMap::new(),
            handed_in: BTreeSet::new(),
            exercised: false,
        }
    }
}

impl Monitor for FramingAgreement {
    fn observe(&mut self, after: Duration, observation: &Observation) -> Result<(), Violation> {
        self.promptness.observe(after, observation)?;
        self.sessions.observe(observation);
        match *observation {
            Observation::Queued { host, message, .. } => {
                self.handed_in.insert((host, message));
            }
            Observation::Sent { host, message } | Observation::Bounced { host, message } => {
                self.handed_in.remove(&(host, message));
            }
            Observation::Secured { connection, .. } => {
                if let Some(session) = self.sessions.get_mut(connection) {
                    session.notes = Framing::default();
                }
            }
            Observation::BareLineEnd { connection } => return self.bare_line_end(connection),
            Observation::BehindData { connection } => {
                if let Some(session) = self.sessions.get_mut(connection) {
                    session.notes.is_behind_data = true;
                }
            }
            Observation::Content { connection, .. } | Observation::StrangeContent { connection } => {
                if let Some(session) = self.sessions.get(connection) {
                    self.arrived.insert(session.server, Arrival::on(connection));
                }
            }
            Observation::LateContent { server, connection, .. } => {
                self.arrived.insert(server, Arrival::on(connection));
            }
            Observation::Delivered { host, message } if !self.handed_in.contains(&(host, message)) => {
                return self.delivered(host, Mail::Known(message));
            }
            Observation::StrangeDelivery { host } => return self.delivered(host, Mail::Strange),
            Observation::Replied {
                connection,
                phase: Some(phase),
                code,
                ..
            }
            | Observation::Lost {
                connection,
                phase: Some(phase),
                code,
            } => return self.answered(connection, phase, code),
            _ => {}
        }
        Ok(())
    }

    fn exercised(&self) -> bool {
        self.exercised
    }
}

impl FramingAgreement {
    fn bare_line_end(&self, connection: ConnectionId) -> Result<(), Violation> {
        let session = self.sessions.get(connection);
        let is_smtp = |session: &&Session<Framing>| session.is_clients_own() && session.progress != Progress::GoAhead;
        let Some(session) = session.filter(is_smtp) else {
            return Ok(());
        };
        let (client, server) = (
            self.setup.host_name(session.client),
            self.setup.host_name(session.server),
        );
        let why = format!("{client} sent a CR or an LF to {server} that stands alone");
        Err(violation("R5321-2.3.8-a", why))
    }

    fn delivered(&mut self, host: HostId, mail: Mail) -> Result<(), Violation> {
        let server = self.setup.host_name(host);
        let why = match self.arrived.get_mut(&host) {
            Some(Arrival { delivered, .. }) if delivered.is_none() => {
                *delivered = Some(mail);
                return Ok(());
            }
            // A message for several recipients.
            Some(arrival) if arrival.delivered == Some(mail) && mail != Mail::Strange => return Ok(()),
            Some(_) => format!("{server} made two messages of one content"),
            None => format!("{server} delivered a message whose content never ended in CRLF.CRLF"),
        };
        Err(violation("R5321-4.1.1.4-a", why))
    }

    fn answered(&mut self, connection: ConnectionId, phase: Phase, code: Code) -> Result<(), Violation> {
        let session = self.sessions.get_mut(connection);
        let Some(session) = session.filter(|session| session.is_servers_own()) else {
            self.arrived
                .retain(|_, arrival| phase != Phase::EndOfData || arrival.connection != connection);
            return Ok(());
        };
        let (server, notes) = (session.server, &mut session.notes);
        let name = self.setup.host_name(server);
        let is_taken = matches!(code, 200..400);
        match phase {
            Phase::Mail | Phase::Rcpt | Phase::Data if notes.is_out_of_step && is_taken => {
                let why = format!("{name} refused DATA, and ran what was sent behind it as commands");
                return Err(violation("R5321-4.2.5-b", why));
            }
            Phase::Mail => notes.mail_was_taken |= is_taken,
            Phase::Rcpt if is_taken && !notes.mail_was_taken => {
                let why = format!("{name} took a recipient without MAIL in any line that CRLF ends");
                return Err(violation("R5321-2.3.8-a", why));
            }
            Phase::Data => {
                let is_behind = std::mem::take(&mut notes.is_behind_data);
                notes.is_out_of_step |= is_behind && !is_taken;
                self.exercised |= is_behind;
            }
            Phase::EndOfData => {
                self.exercised = true;
                let arrival = self.arrived.get(&server).copied();
                let Some(arrival) = arrival.filter(|arrival| arrival.connection == connection) else {
                    return Ok(());
                };
                self.arrived.remove(&server);
                if code >= 400 && arrival.delivered.is_some() {
                    let why = format!("{name} answered the end of data with {code}, and delivered the message");
                    return Err(violation("R5321-4.2.5-b", why));
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

    use super::super::story::{Found, MAIL, MX1, OUT, Story, setup};
    use super::*;

    fn judged(story: Story) -> Found {
        story.judged_by(FramingAgreement::new(setup(Level::May)))
    }

    fn strange(host: HostId) -> Observation {
        Observation::StrangeDelivery { host }
    }

    fn sends() -> Story {
        Story::new().mail_is_tried().dials(MX1).ehlo(true).transaction(false)
    }

    /// A stranger's content has arrived and is not answered.
    fn stranger_sends() -> Story {
        let story = Story::new().attacker_dials(MX1).ehlo(true);
        let story = story.mail(false, 250).rcpt(false, 250).command(Phase::Data, false);
        let connection = story.connection();
        story
            .reply(Phase::Data, 354)
            .sees(Observation::StrangeContent { connection })
    }

    #[test]
    fn one_content_is_one_message() {
        assert_eq!(judged(sends().delivered_and_accepted(MX1)), Found::Holds);
        assert_eq!(
            judged(sends().delivered(MX1).delivered(MX1).reply(Phase::EndOfData, 250)),
            Found::Holds,
            "for two recipients"
        );
        assert_eq!(
            judged(stranger_sends().sees(strange(MX1)).reply(Phase::EndOfData, 250)),
            Found::Holds
        );
    }

    #[test]
    fn a_second_message_out_of_one_content_was_smuggled_in() {
        let twice = stranger_sends().sees(strange(MX1)).sees(strange(MX1));
        assert_eq!(judged(twice), Found::Violated("R5321-4.1.1.4-a"));
        let both = sends().delivered(MX1).sees(strange(MX1));
        assert_eq!(judged(both), Found::Violated("R5321-4.1.1.4-a"));
    }

    #[test]
    fn a_message_without_content_was_smuggled_in() {
        assert_eq!(
            judged(Story::new().sees(strange(MX1))),
            Found::Violated("R5321-4.1.1.4-a")
        );
        let later = sends().delivered_and_accepted(MX1).sees(strange(MX1));
        assert_eq!(judged(later), Found::Violated("R5321-4.1.1.4-a"));
    }

    #[test]
    fn content_that_was_on_its_way_when_the_client_crashed_is_one_message() {
        let story = Story::new().mail_is_tried().dials(MX1).ehlo(true);
        let late = Observation::LateContent {
            client: Some(OUT),
            server: MX1,
            connection: story.connection(),
            message: Some(MAIL),
        };
        let late = story.closes().sees(late).delivered(MX1);
        assert_eq!(judged(late.clone()), Found::NotExercised);
        assert_eq!(judged(late.sees(strange(MX1))), Found::Violated("R5321-4.1.1.4-a"));
    }

    #[test]
    fn what_was_handed_in_at_its_own_mailbox_crosses_no_wire() {
        let story = Story::new().mail_is_queued_at(OUT).sees(Observation::Delivered {
            host: OUT,
            message: MAIL,
        });
        assert_eq!(judged(story), Found::NotExercised);
    }

    #[test]
    fn what_was_refused_is_not_delivered() {
        assert_eq!(judged(sends().reply(Phase::EndOfData, 451)), Found::Holds);
        for code in [451, 554] {
            let refused = sends().delivered(MX1).reply(Phase::EndOfData, code);
            assert_eq!(judged(refused), Found::Violated("R5321-4.2.5-b"));
        }
    }

    #[test]
    fn a_client_sends_no_cr_or_lf_alone() {
        let alone = |story: Story| {
            let connection = story.connection();
            story.sees(Observation::BareLineEnd { connection })
        };
        assert_eq!(judged(alone(sends())), Found::Violated("R5321-2.3.8-a"));
        assert_eq!(
            judged(alone(stranger_sends())),
            Found::NotExercised,
            "strangers send what they like"
        );
        let hello = Story::new().mail_is_tried().dials(MX1).ehlo(true).starttls(220);
        assert_eq!(judged(alone(hello)), Found::NotExercised, "no octet of TLS ends a line");
    }

    #[test]
    fn a_recipient_needs_mail() {
        let story = Story::new().dials(MX1).ehlo(true);
        assert_eq!(judged(story.clone().rcpt(false, 503)), Found::NotExercised);
        assert_eq!(judged(story.rcpt(false, 250)), Found::Violated("R5321-2.3.8-a"));
    }

    #[test]
    fn behind_a_refused_data_nothing_is_run() {
        let story = Story::new().attacker_dials(MX1).ehlo(true).mail(false, 250);
        let connection = story.connection();
        let refused = story
            .command(Phase::Data, false)
            .sees(Observation::BehindData { connection })
            .reply(Phase::Data, 554);
        assert_eq!(judged(refused.clone().closes()), Found::Holds);
        assert_eq!(judged(refused.clone().mail(false, 503)), Found::Holds);
        assert_eq!(judged(refused.mail(false, 250)), Found::Violated("R5321-4.2.5-b"));
    }
}
