//! Where a server's session stands, as far as it matters to the next command.

use super::{Server, Stage};

/// What a server's session has been told, or what it waits for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Standing {
    /// It waits for the connection to stand.
    Opening,
    /// The client has not said EHLO or HELO, or not since TLS began.
    Connected,
    /// The client has said EHLO or HELO.
    Introduced,
    /// MAIL was taken.
    Sender,
    /// RCPT was taken.
    Recipients,
    /// It waits for what DNS says of the domain of a recipient.
    Listing,
    /// It waits for the content.
    Content,
    /// It waits for the message to be stored.
    Storing,
    /// It waits for the TLS handshake.
    Handshake,
    /// It is over.
    Over,
}

impl Server {
    /// Where the session stands.
    pub fn standing(&self) -> Standing {
        match (&self.stage, &self.envelope, &self.client) {
            (Stage::Opening, ..) => Standing::Opening,
            (Stage::Listing(_), ..) => Standing::Listing,
            (Stage::Content(_), ..) => Standing::Content,
            (Stage::Storing, ..) => Standing::Storing,
            (Stage::Handshake, ..) => Standing::Handshake,
            (Stage::Over, ..) => Standing::Over,
            (Stage::Command, None, None) => Standing::Connected,
            (Stage::Command, None, Some(_)) => Standing::Introduced,
            (Stage::Command, Some(envelope), _) if envelope.to.is_empty() => Standing::Sender,
            (Stage::Command, Some(_), _) => Standing::Recipients,
        }
    }

    /// Whether TLS is up.
    pub fn is_secured(&self) -> bool {
        self.tls
    }
}
