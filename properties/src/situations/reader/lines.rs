//! The lines that cross a connection.

use postern_model::name::{DomainName, Mailbox};
use postern_model::scenario::DemandStage;
use postern_model::trace::{Channel, ConnectionId, End};

use super::{Connection, Reader};
use crate::situations::Situation;

impl Reader<'_> {
    pub(super) fn line(&mut self, connection: ConnectionId, from: End, channel: Channel, text: &str) {
        match from {
            End::Dialler if channel == Channel::Clear => {
                if text.eq_ignore_ascii_case("STARTTLS")
                    && let Some(connection) = self.connections.get_mut(&connection)
                {
                    connection.leaves_tls = false;
                }
                if let Some(cell) = self.cell(connection, text) {
                    self.asked.insert(connection, cell);
                }
            }
            End::Dialler => {}
            End::Acceptor => {
                if matches!(text, "250-STARTTLS" | "250 STARTTLS")
                    && let Some(connection) = self.connections.get_mut(&connection)
                {
                    connection.leaves_tls = true;
                }
                if channel == Channel::Clear && text.starts_with("521") {
                    self.reached.insert(Situation::NeverAcceptsMail);
                }
                self.reached.extend(self.asked.remove(&connection));
                if text.starts_with("530") && self.wants_tls_first(connection) {
                    self.reached.insert(Situation::TlsFirst);
                }
                if text.starts_with("530") && self.requires_tls_of_client(connection) {
                    self.reached.insert(Situation::TlsFirstOfClient);
                }
                self.reply(connection, text);
            }
        }
    }

    /// What a server says to a client that it knows by its handshakes.
    fn reply(&mut self, connection: ConnectionId, text: &str) {
        let server = self
            .connections
            .get(&connection)
            .filter(|connection| !connection.by_attacker);
        let host = server.and_then(|server| self.scenario.host(&server.to));
        let Some(host) = host else { return };
        let relays_for_identity = !host.relay_for_identity.is_empty();
        if relays_for_identity && text.starts_with("250 2.1.5 Not local") && self.identified.contains(&connection) {
            self.reached.insert(Situation::RelayedByIdentity);
        }
        if relays_for_identity && text.starts_with("550 5.7.1") {
            self.reached.insert(Situation::RelayRefused);
        }
    }

    fn wants_tls_first(&self, connection: ConnectionId) -> bool {
        let server = self.connections.get(&connection);
        let server = server.and_then(|known| self.scenario.host(&known.to));
        server.is_some_and(|host| host.demand_stage == DemandStage::EveryCommand)
    }

    /// Whether the client is one that the server requires TLS of, where the two are connected with nobody between.
    fn requires_tls_of_client(&self, connection: ConnectionId) -> bool {
        let known = self.connections.get(&connection).filter(|known| !known.by_attacker);
        known.is_some_and(|known| {
            let server = self.scenario.host(&known.to);
            server.is_some_and(|server| server.requires_tls_of.contains(&known.from))
        })
    }

    /// The cell of the chart that a demanding server is in with this command, if it is RCPT and the server heard it.
    fn cell(&self, connection: ConnectionId, command: &str) -> Option<Situation> {
        let domain = recipient_domain(command)?;
        let Connection {
            to: server,
            by_attacker,
            ..
        } = self.connections.get(&connection)?;
        if *by_attacker || !self.scenario.host(server)?.demands_tls {
            return None;
        }
        let listed = self.exchangers(&domain).any(|(_, exchanger)| exchanger == server);
        let configured = self.configured.contains(&(server.clone(), domain.clone()));
        Some(match (listed, configured) {
            (false, false) => Situation::UnlistedUnconfigured,
            (false, true) => Situation::UnlistedConfigured,
            (true, false) => Situation::ListedUnconfigured,
            (true, true) => Situation::ListedConfigured,
        })
    }
}

/// The domain in `RCPT TO:<local-part@domain>`.
fn recipient_domain(command: &str) -> Option<DomainName> {
    let (verb, path) = command.split_once('<')?;
    let is_rcpt = verb.trim_end().eq_ignore_ascii_case("RCPT TO:");
    let (mailbox, _) = path.split_once('>')?;
    let mailbox: Mailbox = mailbox.parse().ok()?;
    is_rcpt.then(|| mailbox.domain().clone())
}
