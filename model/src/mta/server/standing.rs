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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::mta::pair::settings;
    use crate::mta::session::{Input, Listing};

    #[test]
    fn a_session_stands_where_its_last_command_left_it() {
        let mut settings = settings();
        settings.demands_tls = true;
        let mut server = Server::new(settings);
        assert_eq!(server.standing(), Standing::Opening);
        let steps: [(Input<'_>, Standing); 12] = [
            (Input::Opened, Standing::Connected),
            (Input::Received(b"EHLO mx.a.example\r\n"), Standing::Introduced),
            (Input::Received(b"MAIL FROM:<alice@a.example>\r\n"), Standing::Sender),
            (Input::Received(b"RCPT TO:<bob@b.example>\r\n"), Standing::Listing),
            (Input::Answered(Listing::Listed), Standing::Recipients),
            (Input::Received(b"DATA\r\n"), Standing::Content),
            (Input::Received(b".\r\n"), Standing::Storing),
            (Input::Stored, Standing::Introduced),
            (Input::Received(b"STARTTLS\r\n"), Standing::Handshake),
            (Input::TlsUp, Standing::Connected),
            (Input::Received(b"EHLO mx.a.example\r\n"), Standing::Introduced),
            (Input::Closed, Standing::Over),
        ];
        for (step, (input, standing)) in steps.into_iter().enumerate() {
            server.handle(input);
            assert_eq!(server.standing(), standing, "after {input:?}");
            assert_eq!(server.is_secured(), step >= 9, "after {input:?}");
        }
    }
}
