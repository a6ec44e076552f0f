//! Names of hosts, domains, mailboxes and messages.

use std::fmt;
use std::str::FromStr;
use std::sync::Arc;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// Why a text is not the name that it should be.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum NameError {
    /// Not letters, digits and hyphens in labels of 1 to 63, 253 octets in all (RFC 5321 §2.3.5).
    #[error("“{0}” is not a domain name: write labels of letters, digits and hyphens, such as mx1.b.example")]
    Domain(String),
    /// Not `local-part@domain` with a plain local part (RFC 5321 §4.1.2).
    #[error("“{0}” is not a mailbox: write local-part@domain, such as bob@b.example")]
    Mailbox(String),
    /// Not a token of letters, digits, hyphens and dots.
    #[error("“{0}” is not a message name: write letters, digits, hyphens and dots, such as m1")]
    Token(String),
    /// Not printable ASCII, or too long.
    #[error("“{0}” is not an envelope id: write 1 to 33 printable characters of ASCII, such as batch 7")]
    EnvelopeId(String),
}

/// A domain name in lower case, of a host or of a mail domain.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(try_from = "String", into = "String")]
#[schemars(with = "String")]
pub struct DomainName(Arc<str>);

impl DomainName {
    /// The name as text, in lower case, without a final dot.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl FromStr for DomainName {
    type Err = NameError;

    fn from_str(text: &str) -> Result<Self, NameError> {
        let label_is_valid = |label: &str| {
            (1..=63).contains(&label.len())
                && label
                    .bytes()
                    .all(|octet| octet.is_ascii_alphanumeric() || octet == b'-')
                && !label.starts_with('-')
                && !label.ends_with('-')
        };
        if text.len() > 253 || !text.split('.').all(label_is_valid) {
            return Err(NameError::Domain(text.chars().take(80).collect()));
        }
        Ok(Self(text.to_ascii_lowercase().into()))
    }
}

/// A mailbox, `local-part@domain`. Quoted local parts are not modelled.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(try_from = "String", into = "String")]
#[schemars(with = "String")]
pub struct Mailbox {
    local_part: Arc<str>,
    domain: DomainName,
}

impl Mailbox {
    /// What stands before the `@`, as written.
    pub fn local_part(&self) -> &str {
        &self.local_part
    }

    /// What stands behind the `@`.
    pub fn domain(&self) -> &DomainName {
        &self.domain
    }
}

impl FromStr for Mailbox {
    type Err = NameError;

    fn from_str(text: &str) -> Result<Self, NameError> {
        let error = || NameError::Mailbox(text.chars().take(80).collect());
        let (local_part, domain) = text.rsplit_once('@').ok_or_else(error)?;
        let is_atom = |octet: u8| octet.is_ascii_alphanumeric() || b"!#$%&'*+-/=?^_`{|}~".contains(&octet);
        let is_dot_string = local_part
            .split('.')
            .all(|atom| !atom.is_empty() && atom.bytes().all(is_atom));
        if local_part.len() > 64 || !is_dot_string {
            return Err(error());
        }
        Ok(Self {
            local_part: local_part.into(),
            domain: domain.parse().map_err(|_| error())?,
        })
    }
}

/// Where a failure is reported: a mailbox, or nowhere (RFC 5321 §4.5.5).
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(try_from = "String", into = "String")]
#[schemars(with = "String")]
pub enum ReversePath {
    /// `<>`, the reverse path of notifications: a failure of such mail is reported to nobody.
    Null,
    /// The sender's mailbox.
    Mailbox(Mailbox),
}

impl FromStr for ReversePath {
    type Err = NameError;

    fn from_str(text: &str) -> Result<Self, NameError> {
        match text {
            "" | "<>" => Ok(Self::Null),
            mailbox => Ok(Self::Mailbox(mailbox.parse()?)),
        }
    }
}

/// The token by which a message is followed on the wire, across hops and into notifications:
/// the left side of its Message-ID.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(try_from = "String", into = "String")]
#[schemars(with = "String")]
pub struct Token(Arc<str>);

impl Token {
    /// The token as text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl FromStr for Token {
    type Err = NameError;

    fn from_str(text: &str) -> Result<Self, NameError> {
        let is_valid = |octet: u8| octet.is_ascii_alphanumeric() || octet == b'-' || octet == b'.';
        if !(1..=120).contains(&text.len()) || !text.bytes().all(is_valid) {
            return Err(NameError::Token(text.chars().take(80).collect()));
        }
        Ok(Self(text.into()))
    }
}

/// What the notifications about a message are to call it, for its sender to know (RFC 3461 §4.4).
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(try_from = "String", into = "String")]
#[schemars(with = "String")]
pub struct EnvelopeId(Arc<str>);

impl EnvelopeId {
    /// The id as text, not encoded.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl FromStr for EnvelopeId {
    type Err = NameError;

    fn from_str(text: &str) -> Result<Self, NameError> {
        // However many of its characters are encoded by three, it fits into the 100 of an ENVID.
        let is_printable = text.bytes().all(|octet| (b' '..=b'~').contains(&octet));
        if !(1..=33).contains(&text.len()) || !is_printable {
            return Err(NameError::EnvelopeId(text.chars().take(80).collect()));
        }
        Ok(Self(text.into()))
    }
}

macro_rules! text_conversions {
    ($($name:ident => |$value:ident, $formatter:ident| $write:expr;)*) => {$(
        impl fmt::Display for $name {
            fn fmt(&self, $formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
                let $value = self;
                $write
            }
        }
        impl fmt::Debug for $name {
            fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
                fmt::Display::fmt(self, formatter)
            }
        }
        impl TryFrom<String> for $name {
            type Error = NameError;
            fn try_from(text: String) -> Result<Self, NameError> {
                text.parse()
            }
        }
        impl From<$name> for String {
            fn from(name: $name) -> Self {
                name.to_string()
            }
        }
    )*};
}

text_conversions! {
    DomainName => |name, formatter| formatter.pad(&name.0);
    Token => |token, formatter| formatter.pad(&token.0);
    EnvelopeId => |id, formatter| formatter.pad(&id.0);
    Mailbox => |mailbox, formatter| write!(formatter, "{}@{}", mailbox.local_part, mailbox.domain);
    ReversePath => |path, formatter| match path {
        Self::Null => formatter.write_str("<>"),
        Self::Mailbox(mailbox) => write!(formatter, "{mailbox}"),
    };
}
