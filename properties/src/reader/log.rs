//! What hosts write into their logs and reports.

use postern_model::observation::{ConnectionId, HostId, MessageId, Observation};
use postern_model::report::About;
use postern_model::trace::LogEntry;

use super::{Reader, lines, report, request};

impl Reader {
    pub(super) fn logged(&self, host: HostId, entry: &LogEntry) -> Option<Observation> {
        let observation = match entry {
            LogEntry::Attempt { message, .. } => Observation::Attempt {
                host,
                message: self.message(message)?,
            },
            LogEntry::Sent { message, .. } => Observation::Sent {
                host,
                message: self.message(message)?,
            },
            LogEntry::Deferred { message, .. } => Observation::Deferred {
                host,
                message: self.message(message)?,
            },
            LogEntry::Bounced { message, .. } => Observation::Bounced {
                host,
                message: self.message(message)?,
            },
            LogEntry::Held { message, until } => Observation::Held {
                host,
                message: self.message(message)?,
                lasting: until.saturating_sub(self.now),
            },
            LogEntry::Alarm { peer } => Observation::Alarm {
                host,
                peer: self.setup.host(peer)?,
            },
        };
        Some(observation)
    }

    /// How a log says that a session was secured.
    pub(super) fn claim(&self, host: HostId, entry: &LogEntry) -> Option<Observation> {
        let LogEntry::Sent { message, security, .. } = entry else {
            return None;
        };
        Some(Observation::Claim {
            host,
            message: self.message(message)?,
            security: *security,
        })
    }

    /// What a content says as a notification, if it is one about a message that is known.
    pub(super) fn report(&self, connection: ConnectionId, message: MessageId, content: &str) -> Vec<Observation> {
        let Some(report) = report::report(content) else {
            return Vec::new();
        };
        let envelope = report.envelope_id.as_deref().map(request::digest);
        let names = envelope.map(|id| Observation::NamesEnvelope { connection, id });
        let said = self.says(connection, message, &report);
        names.into_iter().chain(said).collect()
    }

    pub(super) fn says(
        &self,
        connection: ConnectionId,
        message: MessageId,
        report: &report::Report,
    ) -> Option<Observation> {
        Some(Observation::Report {
            connection,
            message,
            reporter: self.setup.host(&report.reporter)?,
            about: About {
                message: self.message(&report.about)?,
                action: report.action,
            },
            status: report.status,
            names_tls: report.names_tls,
        })
    }

    /// The status code in front of what a log says of a message.
    pub(super) fn status(&self, host: HostId, entry: &LogEntry) -> Option<Observation> {
        let (LogEntry::Deferred { message, why } | LogEntry::Bounced { message, why }) = entry else {
            return None;
        };
        Some(Observation::Status {
            host,
            message: self.message(message)?,
            status: lines::status(why)?,
        })
    }
}
