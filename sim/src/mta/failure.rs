//! Why a message is not delivered.

use postern_model::mta::delivery::Cause;
use postern_model::mta::session::{Outcome, WithoutTls};

/// Why a message is not delivered, for the log and the notification.
#[derive(Clone)]
pub(super) struct Failure {
    pub(super) status: String,
    pub(super) text: String,
}

impl Failure {
    pub(super) fn new(status: &str, text: &str) -> Self {
        Self {
            status: status.to_owned(),
            text: text.to_owned(),
        }
    }

    /// The status of the real problem (RFC 3463): the server's own if it gave one.
    pub(super) fn of(outcome: Outcome, because: &str) -> Self {
        let detail = enhanced_code_in(because).unwrap_or("0.0");
        let status = match outcome {
            Outcome::TlsUnavailable(WithoutTls::NotOffered | WithoutTls::Refused) => String::from("4.7.4"),
            Outcome::TlsUnavailable(WithoutTls::HandshakeFailed) | Outcome::TlsBroke(_) => String::from("4.7.5"),
            Outcome::ConnectionFailed => String::from("4.4.2"),
            Outcome::Accepted => String::from("2.0.0"),
            // The class is that of what this host does about it, not of what the server said.
            Outcome::RefusedForNow => format!("4.{detail}"),
            Outcome::RefusedForGood => format!("5.{detail}"),
        };
        Self::new(&status, because)
    }

    pub(super) fn settle(&mut self, cause: Cause) {
        match cause {
            Cause::Refused | Cause::NoSuchDomain | Cause::NullMx => {}
            Cause::Expired => self.text = format!("delivery time expired; last try: {}", self.text),
            Cause::LoopsBack => *self = Self::new("5.4.6", "mail for the domain loops back to this host"),
        }
    }
}

impl std::fmt::Display for Failure {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(formatter, "{} {}", self.status, self.text)
    }
}

/// The reply itself, in what the client says of a reply.
pub(super) fn reply_in(text: &str) -> Option<&str> {
    let (_, reply) = text.split_once(" said: ")?;
    let (reply, _) = reply.rsplit_once(" (in reply to ")?;
    Some(reply)
}

/// The subject and detail of the first enhanced status code in a reply, such as `7.0` of `5.7.0`.
fn enhanced_code_in(text: &str) -> Option<&str> {
    let is_number = |part: &str| (1..=3).contains(&part.len()) && part.bytes().all(|octet| octet.is_ascii_digit());
    text.split(' ').find_map(|word| {
        let (class, detail) = word.split_once('.')?;
        let (subject, number) = detail.split_once('.')?;
        (["4", "5"].contains(&class) && is_number(subject) && is_number(number)).then_some(detail)
    })
}
