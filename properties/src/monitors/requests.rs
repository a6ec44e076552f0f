//! What was asked about notifications (RFC 3461), of which host and about which message, as the wire shows it.

use std::collections::BTreeMap;
use std::collections::btree_map::Entry;

use postern_model::observation::{ConnectionId, HostId, MessageId, Observation};
use postern_model::report::{About, Notify, ReportAction, Returns};
use postern_model::scenario::Phase;

/// Follows the parameters of MAIL and RCPT to each host. What a host is asked that a message is handed in at, the scenario
/// says.
#[derive(Debug, Clone, Default, PartialEq, Eq, Hash)]
pub(super) struct Requests {
    talks: BTreeMap<ConnectionId, Talk>,
    /// `None` where copies of a message came with different requests: what is owed then, nobody can say.
    asked: BTreeMap<(HostId, MessageId), Option<Request>>,
}

/// What is asked of one host about one message.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Hash)]
pub(super) struct Request {
    pub(super) notify: Option<Notify>,
    /// A digest of the ENVID, decoded.
    pub(super) envelope_id: Option<u64>,
    pub(super) returns: Option<Returns>,
    pub(super) original: Option<Original>,
}

/// An original recipient (ORCPT).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(super) struct Original {
    /// A digest of it, decoded.
    pub(super) recipient: u64,
    /// It is the recipient itself.
    pub(super) is_recipient: bool,
}

impl Request {
    /// Whether a relay that was asked this passes it on by saying that. To whom no original recipient came adds the
    /// recipient, or none (RFC 3461 §5.2.1 (d)).
    pub(super) fn is_passed_on_by(self, said: Self) -> bool {
        let keeps_original = match (self.original, said.original) {
            (None, Some(added)) => added.is_recipient,
            (came, said) => came == said,
        };
        let others = |request| Self {
            original: None,
            ..request
        };
        keeps_original && others(self) == others(said)
    }
}

/// What was said on a connection.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
struct Talk {
    server: HostId,
    /// DSN was among the extensions when they were told last.
    offers: bool,
    said: Request,
    /// The envelope id that the notification names which comes next.
    named: Option<u64>,
}

/// Whether a notification is owed.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Hash)]
pub(super) enum Wanted {
    #[default]
    Yes,
    /// It must not come, by this rule.
    Never(&'static str),
    Unknown,
}

impl Requests {
    /// Takes the next observation. Content has arrived at its host when it is taken.
    pub(super) fn observe(&mut self, observation: &Observation) {
        match *observation {
            Observation::Dialled { connection, to, .. } | Observation::Relayed { connection, to, .. } => {
                let talk = Talk {
                    server: to,
                    offers: false,
                    said: Request::default(),
                    named: None,
                };
                self.talks.insert(connection, talk);
            }
            Observation::Closed { connection } => _ = self.talks.remove(&connection),
            Observation::Asked {
                host,
                message,
                notify,
                envelope_id,
            } => {
                let request = Request {
                    notify,
                    envelope_id,
                    ..Request::default()
                };
                self.asked(host, message, request);
            }
            Observation::Content {
                connection, message, ..
            } => {
                if let Some(talk) = self.talks.get(&connection) {
                    self.asked(talk.server, message, talk.said);
                }
            }
            _ => self.said(observation),
        }
    }

    /// What a host was asked about a message; `None` where that is not certain.
    pub(super) fn of(&self, host: HostId, message: MessageId) -> Option<Request> {
        let asked = self.asked.get(&(host, message));
        asked.copied().unwrap_or_else(|| Some(Request::default()))
    }

    /// What the transaction under way on a connection asks, and whether DSN is offered there.
    pub(super) fn on(&self, connection: ConnectionId) -> Option<(Request, bool)> {
        let talk = self.talks.get(&connection)?;
        Some((talk.said, talk.offers))
    }

    /// The envelope id that the notification names which crosses a connection.
    pub(super) fn named(&self, connection: ConnectionId) -> Option<u64> {
        self.talks.get(&connection)?.named
    }

    /// Whether a host is to report this about a message.
    pub(super) fn wanted(&self, host: HostId, about: About<MessageId>) -> Wanted {
        let Some(request) = self.of(host, about.message) else {
            return Wanted::Unknown;
        };
        match (request.notify, about.action) {
            (Some(Notify::Never), _) | (Some(Notify::On { failure: false, .. }), ReportAction::Failed) => {
                Wanted::Never("R3461-4.1-a")
            }
            (Some(Notify::On { delay: false, .. }), ReportAction::Delayed) => Wanted::Never("R3461-5.2.5-c"),
            (None | Some(Notify::On { .. }), _) => Wanted::Yes,
        }
    }

    fn asked(&mut self, host: HostId, message: MessageId, request: Request) {
        match self.asked.entry((host, message)) {
            Entry::Vacant(first) => _ = first.insert(Some(request)),
            Entry::Occupied(mut known) if *known.get() != Some(request) => _ = known.insert(None),
            Entry::Occupied(_) => {}
        }
    }

    fn said(&mut self, observation: &Observation) {
        let (Observation::Command { connection, .. }
        | Observation::Secured { connection, .. }
        | Observation::OffersDsn { connection }
        | Observation::EnvelopeId { connection, .. }
        | Observation::Returns { connection, .. }
        | Observation::OriginalRecipient { connection, .. }
        | Observation::Notify { connection, .. }
        | Observation::NamesEnvelope { connection, .. }) = *observation
        else {
            return;
        };
        let Some(talk) = self.talks.get_mut(&connection) else {
            return;
        };
        match *observation {
            // What was said before it counts no more (R3207-4.2-b).
            Observation::Secured { .. }
            | Observation::Command {
                phase: Some(Phase::Ehlo),
                ..
            } => (talk.offers, talk.said) = (false, Request::default()),
            Observation::Command {
                phase: Some(Phase::Mail),
                ..
            } => (talk.said, talk.named) = (Request::default(), None),
            Observation::OffersDsn { .. } => talk.offers = true,
            Observation::EnvelopeId { id, .. } => talk.said.envelope_id = Some(id),
            Observation::Returns { returns, .. } => talk.said.returns = Some(returns),
            Observation::OriginalRecipient {
                recipient,
                is_recipient,
                ..
            } => {
                talk.said.original = Some(Original {
                    recipient,
                    is_recipient,
                });
            }
            Observation::Notify { notify, .. } => talk.said.notify = Some(notify),
            Observation::NamesEnvelope { id, .. } => talk.named = Some(id),
            _ => {}
        }
    }
}
