//! What a session must do about TLS.

/// What a client session does about TLS.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum TlsUse {
    /// Never use it.
    Never,
    /// Use it if it is offered and works, with any server; otherwise send in clear.
    IfOffered,
    /// Send inside TLS only, to any server.
    Required,
    /// Send inside TLS only, to a server whose certificate is valid (PKIX) for the next hop's name.
    Authenticated,
}

impl TlsUse {
    /// Whether the session tries TLS where it is offered.
    pub fn is_wished(self) -> bool {
        self != Self::Never
    }

    /// Whether the session sends nothing without TLS.
    pub fn is_required(self) -> bool {
        self >= Self::Required
    }
}
