//! What a client asks about notifications: the parameters of RFC 3461 on MAIL and RCPT.

use std::fmt;

use super::xtext::Xtext;
use crate::name::Mailbox;
use crate::report::{Notify, Returns};

/// The most octets of an ENVID (RFC 3461 §4.4).
const ENVELOPE_ID_LIMIT: usize = 100;

/// The most octets of an ORCPT (RFC 3461 §4.2).
const ORIGINAL_RECIPIENT_LIMIT: usize = 500;

/// All that is asked about the notifications of a message for one recipient.
#[derive(Debug, Clone, Default, PartialEq, Eq, Hash)]
pub struct Request {
    /// With MAIL.
    pub message: MessageRequest,
    /// With RCPT.
    pub recipient: RecipientRequest,
}

/// What is asked with MAIL.
#[derive(Debug, Clone, Default, PartialEq, Eq, Hash)]
pub struct MessageRequest {
    /// RET: how much of the message a notification of its failure returns.
    pub returns: Option<Returns>,
    /// ENVID: what notifications are to call the transaction.
    pub envelope_id: Option<Xtext>,
}

/// What is asked with RCPT.
#[derive(Debug, Clone, Default, PartialEq, Eq, Hash)]
pub struct RecipientRequest {
    /// NOTIFY: when to notify.
    pub notify: Option<Notify>,
    /// ORCPT: the recipient that the sender wrote to.
    pub original: Option<OriginalRecipient>,
}

/// The value of ORCPT (RFC 3461 §4.2).
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct OriginalRecipient {
    /// What kind of address it is, such as `rfc822`, in the sender's own letters.
    kind: String,
    address: Xtext,
}

impl MessageRequest {
    /// Nothing is asked.
    pub fn is_empty(&self) -> bool {
        *self == Self::default()
    }

    /// Takes a parameter of MAIL: `None` if it is none of these, else whether it is sound, and the first of its name.
    pub(super) fn take(&mut self, keyword: &str, value: &str) -> Option<bool> {
        Some(match keyword {
            "RET" => set(&mut self.returns, returns(value)),
            "ENVID" => {
                let id = Xtext::parse(value).filter(|id| id.len() <= ENVELOPE_ID_LIMIT);
                set(&mut self.envelope_id, id)
            }
            _ => return None,
        })
    }
}

impl RecipientRequest {
    /// Nothing is asked.
    pub fn is_empty(&self) -> bool {
        *self == Self::default()
    }

    /// Takes a parameter of RCPT, as [`MessageRequest::take`] does.
    pub(super) fn take(&mut self, keyword: &str, value: &str) -> Option<bool> {
        Some(match keyword {
            "NOTIFY" => set(&mut self.notify, notify(value)),
            "ORCPT" => set(&mut self.original, OriginalRecipient::parse(value)),
            _ => return None,
        })
    }
}

impl OriginalRecipient {
    /// The address of a message that is handed in.
    pub fn of(mailbox: &Mailbox) -> Self {
        Self {
            kind: "rfc822".to_owned(),
            address: Xtext::encode(&mailbox.to_string()),
        }
    }

    /// As a notification says it, not encoded (RFC 3464 §2.3.1).
    pub fn decode(&self) -> String {
        format!("{};{}", self.kind, self.address.decode())
    }

    fn parse(value: &str) -> Option<Self> {
        let (kind, address) = value.split_once(';')?;
        let is_atom = |octet: u8| octet.is_ascii_alphanumeric() || b"!#$%&'*+-/?^_`{|}~".contains(&octet);
        let is_sound = value.len() <= ORIGINAL_RECIPIENT_LIMIT && !kind.is_empty() && kind.bytes().all(is_atom);
        Some(Self {
            kind: is_sound.then(|| kind.to_owned())?,
            address: Xtext::parse(address)?,
        })
    }
}

fn returns(value: &str) -> Option<Returns> {
    match value.to_ascii_uppercase().as_str() {
        "FULL" => Some(Returns::Full),
        "HDRS" => Some(Returns::Headers),
        _ => None,
    }
}

/// NEVER by itself, or a list of the others (RFC 3461 §4.1).
fn notify(value: &str) -> Option<Notify> {
    if value.eq_ignore_ascii_case("NEVER") {
        return Some(Notify::Never);
    }
    let (mut success, mut failure, mut delay) = (false, false, false);
    for occasion in value.split(',') {
        match occasion.to_ascii_uppercase().as_str() {
            "SUCCESS" => success = true,
            "FAILURE" => failure = true,
            "DELAY" => delay = true,
            _ => return None,
        }
    }
    Some(Notify::On {
        success,
        failure,
        delay,
    })
}

/// Whether there was a sound value, and none before.
fn set<T>(place: &mut Option<T>, value: Option<T>) -> bool {
    let is_first = place.is_none();
    *place = value;
    is_first && place.is_some()
}

/// With a space in front of each parameter.
impl fmt::Display for MessageRequest {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        if let Some(returns) = &self.returns {
            write!(formatter, " RET={returns}")?;
        }
        match &self.envelope_id {
            Some(id) => write!(formatter, " ENVID={id}"),
            None => Ok(()),
        }
    }
}

/// With a space in front of each parameter.
impl fmt::Display for RecipientRequest {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        if let Some(notify) = &self.notify {
            write!(formatter, " NOTIFY={notify}")?;
        }
        match &self.original {
            Some(OriginalRecipient { kind, address }) => write!(formatter, " ORCPT={kind};{address}"),
            None => Ok(()),
        }
    }
}
