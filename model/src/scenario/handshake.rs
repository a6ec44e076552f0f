//! How a host shakes hands: what of TLS it can, and what is odd about it.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::Certificate;

/// How a host shakes hands, as server and as client.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default, rename_all = "kebab-case")]
pub struct Handshake {
    /// The versions and suites of TLS that the host can (C-DG-13).
    #[serde(skip_serializing_if = "is_default")]
    pub versions: TlsVersions,
    /// What the host's client sends after 220 to STARTTLS (SEED-08).
    #[serde(skip_serializing_if = "is_default")]
    pub hello: Hello,
    /// The certificate that the host's client shows to a server that asks for one, for the host's own name.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub client_certificate: Option<Certificate>,
    /// The host's server asks clients for a certificate; it does so too where it relays for identities. None is needed.
    #[serde(skip_serializing_if = "is_default")]
    pub asks_for_certificate: bool,
    /// What the host's server does about a client whose handshake failed (C-SRV-5).
    #[serde(skip_serializing_if = "is_default")]
    pub after_failure: AfterFailure,
}

/// The versions and suites of TLS that a host can.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum TlsVersions {
    /// TLS 1.2 and 1.3.
    #[default]
    Current,
    /// TLS 1.2 and nothing later.
    #[serde(rename = "tls-1.2-only")]
    Tls12Only,
    /// TLS 1.3 and nothing earlier.
    #[serde(rename = "tls-1.3-only")]
    Tls13Only,
    /// As a server, TLS 1.2 with no suite that anybody else here has.
    NoCommonSuite,
    /// As a server, TLS 1.0 and nothing later: it answers every hello of today by the alert protocol_version.
    #[serde(rename = "tls-1.0-only")]
    Tls10Only,
}

/// What a client sends after 220 to STARTTLS.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Hello {
    /// A ClientHello of TLS 1.2 and 1.3.
    #[default]
    Standard,
    /// The same without a server name indication.
    NoIndication,
    /// A hello in the format of SSL version 2.
    Sslv2,
    /// A ClientHello of TLS 1.0.
    #[serde(rename = "tls-1.0")]
    Tls10,
    /// Octets that mean nothing.
    Garbage,
}

/// What a server does about a client whose handshake failed.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum AfterFailure {
    /// Nothing: its next connection is served.
    #[default]
    ServesOn,
    /// It greets the client's address with 421 for an hour. Only servers that somebody else wrote do that.
    Bans,
    /// A tarpit: for an hour every reply to the client's address comes half a minute late, which is within every timeout of
    /// RFC 5321 §4.5.3.2. Only servers that somebody else wrote do that.
    Delays,
}

fn is_default<T: Default + PartialEq>(value: &T) -> bool {
    *value == T::default()
}

impl Handshake {
    /// Whether a client of this kind and a server of the other can come to terms at all, whatever the certificates.
    pub fn can_meet(self, server: Self) -> bool {
        use TlsVersions::{Current, Tls12Only, Tls13Only};
        let is_standard = self.hello == Hello::Standard;
        let is_common = match (self.versions, server.versions) {
            (Tls12Only, Tls13Only) | (Tls13Only, Tls12Only) => false,
            (_, versions) => matches!(versions, Current | Tls12Only | Tls13Only),
        };
        is_standard && is_common
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn who_has_no_version_in_common_cannot_meet() {
        let of = |versions| Handshake {
            versions,
            ..Handshake::default()
        };
        use TlsVersions::{Current, NoCommonSuite, Tls10Only, Tls12Only, Tls13Only};
        for (client, server, expected) in [
            (Current, Current, true),
            (Current, Tls12Only, true),
            (Tls13Only, Current, true),
            (Tls12Only, Tls13Only, false),
            (Tls13Only, Tls12Only, false),
            (Current, NoCommonSuite, false),
            (NoCommonSuite, Tls13Only, true),
            (Tls12Only, Tls10Only, false),
        ] {
            assert_eq!(of(client).can_meet(of(server)), expected, "{client:?} {server:?}");
        }
    }
}
