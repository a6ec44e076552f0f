//! What a client under test tells its caller.

use postern_model::trace::Claim;

/// A reply, as the client handed it on.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Reply {
    /// Its code.
    pub code: u16,
    /// Its text, lines divided by `\n`.
    pub text: String,
}

/// What a client tells its caller when a session is over. It is recorded for the judges, and the glue goes by it.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Report {
    /// The message was sent; else there was an error.
    pub sent: bool,
    /// The session was encrypted.
    pub encrypted: bool,
    /// The reply that it handed on as the server's last word, if it does so.
    pub reply: Option<Reply>,
    /// The extensions that it believed in at the end, if it lets its caller know: one a line of the reply to EHLO.
    pub extensions: Option<Vec<String>>,
    /// What it said, in one line.
    pub words: String,
}

impl Report {
    /// There was an error, without a reply.
    pub fn failed(words: impl Into<String>) -> Self {
        Self {
            words: words.into(),
            ..Self::default()
        }
    }

    /// The server refused, by this reply.
    pub fn refused(code: u16, text: impl Into<String>) -> Self {
        let text = text.into();
        Self {
            words: format!("{code} {text}"),
            reply: Some(Reply { code, text }),
            ..Self::default()
        }
    }

    /// The message was sent.
    pub fn sent(words: impl Into<String>) -> Self {
        Self {
            sent: true,
            words: words.into(),
            ..Self::default()
        }
    }

    /// The same, of a session that was encrypted or was not.
    #[must_use]
    pub fn encrypted(self, encrypted: bool) -> Self {
        Self { encrypted, ..self }
    }

    pub(crate) fn claim(&self) -> Claim {
        let one_line = |text: &str| text.replace(['\r', '\n'], " ");
        let reply = self.reply.as_ref();
        Claim {
            sent: self.sent,
            encrypted: self.encrypted,
            reply: reply.map(|reply| {
                (
                    reply.code,
                    one_line(reply.text.trim().lines().next_back().unwrap_or_default()),
                )
            }),
            extensions: self
                .extensions
                .as_ref()
                .map(|extensions| extensions.iter().map(|extension| one_line(extension)).collect()),
            words: one_line(&self.words),
        }
    }
}
