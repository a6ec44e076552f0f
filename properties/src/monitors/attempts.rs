//! Which messages each host is trying now.

use std::collections::BTreeMap;

use postern_model::observation::{DomainId, HostId, MessageId, Observation};

use crate::setup::Setup;

/// The messages in every queue, and those of them that are being tried.
///
/// A relay may hold the same message twice, where the reply to its end of data was lost. Such copies count.
#[derive(Debug, Clone, Default, PartialEq, Eq, Hash)]
pub(super) struct Attempts(BTreeMap<(HostId, MessageId), Queued>);

#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
struct Queued {
    next_hop: DomainId,
    copies: u8,
    under_way: bool,
}

impl Attempts {
    /// Takes the next observation.
    pub(super) fn observe(&mut self, observation: &Observation) {
        match *observation {
            Observation::Queued {
                host,
                message,
                next_hop,
                ..
            } => {
                let queued = self.0.entry((host, message)).or_insert(Queued {
                    next_hop,
                    copies: 0,
                    under_way: false,
                });
                queued.copies = queued.copies.saturating_add(1);
            }
            Observation::Attempt { host, message } => self.under_way(host, message, true),
            Observation::Deferred { host, message } => self.under_way(host, message, false),
            Observation::Running { host, up: false } => {
                for (_, queued) in self.0.iter_mut().filter(|((holder, _), _)| *holder == host) {
                    queued.under_way = false;
                }
            }
            Observation::Sent { host, message }
            | Observation::Bounced { host, message }
            | Observation::Delivered { host, message } => self.decided(host, message),
            _ => {}
        }
    }

    /// The messages that a connection from the client to the server may be for, with their next hops.
    pub(super) fn candidates(
        &self,
        setup: &Setup,
        client: HostId,
        server: HostId,
    ) -> impl Iterator<Item = (MessageId, DomainId)> {
        let tried = self.0.iter().filter(|(_, queued)| queued.under_way);
        tried
            .filter(move |((host, _), queued)| *host == client && setup.may_serve(server, queued.next_hop))
            .map(|((_, message), queued)| (*message, queued.next_hop))
    }

    /// The one message that a connection from the client to the server can be for; none where it may be for several.
    pub(super) fn only(&self, setup: &Setup, client: HostId, server: HostId) -> Option<MessageId> {
        let mut candidates = self.candidates(setup, client, server);
        let (message, _) = candidates.next()?;
        candidates.next().is_none().then_some(message)
    }

    /// Whether a host has the message in its queue, and once.
    pub(super) fn has_one(&self, host: HostId, message: MessageId) -> bool {
        let queued = self.0.get(&(host, message));
        queued.is_some_and(|queued| queued.copies == 1)
    }

    fn under_way(&mut self, host: HostId, message: MessageId, under_way: bool) {
        if let Some(queued) = self.0.get_mut(&(host, message)) {
            queued.under_way = under_way;
        }
    }

    fn decided(&mut self, host: HostId, message: MessageId) {
        if let Some(queued) = self.0.get_mut(&(host, message)) {
            queued.under_way = false;
            queued.copies -= 1;
            if queued.copies == 0 {
                self.0.remove(&(host, message));
            }
        }
    }
}
