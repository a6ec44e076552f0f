//! What a server's session is told of the world around it.

use std::collections::{BTreeMap, BTreeSet};

use crate::mutant::Mutant;
use crate::name::DomainName;
use crate::scenario::{DemandStage, MailboxState, Trouble, UnlistedAnswer};

/// What the operator says of the server, and of the client at the other end. It may change while the session is open.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct ServerSettings {
    /// The name in the greeting.
    pub host: DomainName,
    /// TLS can be negotiated now.
    pub tls: bool,
    /// The host never accepts mail, and says so by 521 in place of its greeting (RFC 7504 §3).
    pub never_accepts_mail: bool,
    /// The server wishes to refuse mail without TLS, as far as the chart lets it (SEED-03).
    pub demands_tls: bool,
    /// At which commands it then says 530.
    pub demand_stage: DemandStage,
    /// TLS is required of this client, whatever is demanded of others (RFC 3207 §6).
    pub requires_tls: bool,
    /// The choice that the chart leaves.
    pub unlisted_answer: UnlistedAnswer,
    /// The domains that the server is configured to act as mail exchanger for.
    pub exchanger_for: BTreeSet<DomainName>,
    /// A handshake of this client's failed in an earlier session. It decides nothing (SEED-05).
    pub failed_at_tls: bool,
    /// This client may relay to anywhere.
    pub relays: bool,
    /// What trouble the server is in.
    pub trouble: Trouble,
    /// Who proves one of these names by a certificate in this session's handshake may relay to anywhere (SEED-07).
    pub relay_identities: BTreeSet<DomainName>,
    /// The host whose address the client has. It proves nothing.
    pub client_address: Option<DomainName>,
    /// Local parts that are not simply accepted.
    pub mailboxes: BTreeMap<String, MailboxState>,
    /// The most octets of content, dots unstuffed.
    pub size_limit: usize,
    /// The one bug that the server has, if any.
    pub mutant: Option<Mutant>,
}

impl ServerSettings {
    /// A server of this name with TLS that is exchanger for nothing, relays for nobody and takes 10 MiB.
    pub fn new(host: DomainName) -> Self {
        Self {
            host,
            tls: true,
            never_accepts_mail: false,
            demands_tls: false,
            demand_stage: DemandStage::default(),
            requires_tls: false,
            unlisted_answer: UnlistedAnswer::default(),
            exchanger_for: BTreeSet::new(),
            failed_at_tls: false,
            relays: false,
            trouble: Trouble::default(),
            relay_identities: BTreeSet::new(),
            client_address: None,
            mailboxes: BTreeMap::new(),
            size_limit: 10 * 1024 * 1024,
            mutant: None,
        }
    }
}
