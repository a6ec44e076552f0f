//! What an attacker makes a resolver believe.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::name::DomainName;

/// A lie about a domain that reaches the resolver of one host. The zone of the domain is not signed, so nobody can tell.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct Forgery {
    /// The domain whose exchangers are asked for.
    pub domain: DomainName,
    /// What comes in place of the true answer.
    pub answer: Lie,
}

/// What comes in place of the true answer to a question for a domain's MX. It is cached like the truth.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Lie {
    /// One MX record, which names this host (C-DNS-1).
    Mx(DomainName),
    /// Nothing: the question goes unanswered (C-DNS-2).
    Silence,
    /// SERVFAIL (C-DNS-2).
    Failure,
    /// NODATA: no MX record, so that mail goes to the domain's own address (C-DNS-3).
    NoData,
    /// A null MX: the domain takes no mail (C-DNS-4).
    NullMx,
    /// NXDOMAIN: there is no such domain (C-DNS-4).
    NoName,
}
