//! The text of SMTP: lines, commands, replies, extensions, and the dots of message content (RFC 5321 §4).
//!
//! Everything here is incremental and bounded: hostile octets give a typed error, never a panic, a hang or a growing buffer.

mod command;
mod dot;
mod extension;
mod line;
mod reply;
mod request;
mod xtext;

pub use command::{Body, Command, CommandError};
pub use dot::{ContentError, ContentReader, EndOfContent, stuff, stuff_as_handed_in, with_crlf};
pub use extension::Extensions;
pub use line::{LineEnd, LineError, LineReader};
pub use reply::{EnhancedCode, REPLY_LINE_LIMIT, REPLY_LINES_LIMIT, Reply, ReplyError, ReplyReader, Severity};
pub use request::{MessageRequest, OriginalRecipient, RecipientRequest, Request};
pub use xtext::Xtext;
