//! The client's policy: facts to what a session must do about TLS, a total function with one table a source.
//!
//! The only source so far is the local policy for a next hop (SEED-12, SEED-14, R3207-6-a).

use crate::scenario::Level;

/// What a client session does about TLS; each is stricter than the one before.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum TlsUse {
    /// Sends in clear and does not even try.
    Never,
    /// Uses TLS if it is offered, and goes on in clear if it is not (R3207-6-b).
    IfOffered,
    /// Sends nothing of the message without TLS; any server will do.
    Required,
    /// Sends nothing of the message without TLS to a server whose certificate proves the next hop's name.
    Authenticated,
}

impl TlsUse {
    /// What the local policy demands of every session with the next hop.
    pub fn of(level: Level) -> Self {
        match level {
            Level::None => Self::Never,
            Level::May => Self::IfOffered,
            Level::Encrypt => Self::Required,
            Level::Secure => Self::Authenticated,
        }
    }

    /// Whether a session tries TLS at all.
    pub fn is_wished(self) -> bool {
        self != Self::Never
    }

    /// Whether the path is known to need TLS: then there is no falling back (SEED-17).
    pub fn is_required(self) -> bool {
        self >= Self::Required
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_stricter_level_never_demands_less() {
        let levels = [Level::None, Level::May, Level::Encrypt, Level::Secure];
        for pair in levels.windows(2) {
            assert!(
                pair[0] < pair[1] && TlsUse::of(pair[0]) < TlsUse::of(pair[1]),
                "{pair:?}"
            );
        }
    }

    #[test]
    fn only_explicit_policy_requires_tls() {
        assert!(!TlsUse::of(Level::default()).is_required());
        assert!(TlsUse::of(Level::Encrypt).is_required() && TlsUse::of(Level::Secure).is_required());
    }
}
