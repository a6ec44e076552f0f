//! Certificates, made from nothing but what they shall say: the same in every run.
//!
//! A weak key or a signature over SHA-1 (C-CERT-11) is not among them: both tiers know Ed25519 alone, as rcgen on ring signs
//! with nothing weaker. rustls would refuse either, as it refuses every algorithm that its provider does not list.

mod authority;
mod key;
#[cfg(test)]
mod tests;

use std::cell::RefCell;
use std::collections::{BTreeMap, BTreeSet};
use std::rc::Rc;
use std::sync::Arc;

use authority::{Name as Authority, authority};
use key::Key;
use postern_model::name::DomainName;
use postern_model::scenario::Certificate;
use postern_model::trace::Presented;
use rcgen::{CertificateParams, DnType, ExtendedKeyUsagePurpose, date_time_ymd};
use rustls::pki_types::CertificateDer;
use rustls::sign::CertifiedKey;
use rustls::{RootCertStore, ServerConfig};

use crate::Crypto;
use crate::crypto::{self, Choice, ServerTerms};

/// The name in certificates that are for somebody else.
const WRONG_NAME: &str = "wrong.invalid";

/// Certificates that a thread keeps; beyond that it starts anew.
const CACHE_LIMIT: usize = 1024;

/// A certificate and its key, ready to be presented.
pub struct Issued {
    chain: Vec<CertificateDer<'static>>,
    crypto: Crypto,
    key: Arc<CertifiedKey>,
    choice: Arc<Choice>,
    presented: Presented,
    server_config: Arc<ServerConfig>,
    /// The names that a client may mean, where it matters which it does.
    recognized: Vec<DomainName>,
    otherwise: Otherwise,
}

/// What a client gets that means none of the recognized names.
enum Otherwise {
    /// The same.
    Same,
    /// This in its place.
    Other(Rc<Issued>),
    /// The alert unrecognized_name.
    Alert,
}

impl Issued {
    /// The certificate, in DER, and those of the authorities between it and the one at the top, as far as they are sent.
    pub fn chain(&self) -> &[CertificateDer<'static>] {
        &self.chain
    }

    /// What a judge can read from what this client is shown, by the name that it indicates.
    pub fn presented(&self, indicated: Option<&str>) -> &Presented {
        match &self.otherwise {
            Otherwise::Other(other) if !self.recognizes(indicated) => other.presented(indicated),
            _ => &self.presented,
        }
    }

    /// Whether a client that indicates this name is refused by the alert unrecognized_name.
    pub fn refuses(&self, indicated: Option<&str>) -> bool {
        matches!(self.otherwise, Otherwise::Alert) && !self.recognizes(indicated)
    }

    /// Whether any client is refused for the name that it indicates.
    pub fn refuses_some(&self) -> bool {
        matches!(self.otherwise, Otherwise::Alert)
    }

    /// For a server that presents it.
    pub fn server_config(&self) -> Arc<ServerConfig> {
        Arc::clone(&self.server_config)
    }

    /// The same certificate in the hands of somebody who has not its key.
    #[cfg(test)]
    pub(crate) fn with_another_key(&self, crypto: Crypto) -> Rc<Self> {
        let another = Key::new(Crypto::Fast, &["another"]).for_rustls();
        let key = Arc::new(CertifiedKey::new(self.chain.clone(), another));
        let choice = Arc::new(Choice::Always(Arc::clone(&key)));
        Rc::new(Self {
            crypto,
            chain: self.chain.clone(),
            key,
            presented: self.presented.clone(),
            server_config: crypto::server_config(crypto, Arc::clone(&choice), ServerTerms::default()),
            choice,
            recognized: Vec::new(),
            otherwise: Otherwise::Same,
        })
    }

    /// For a server that presents it on these terms.
    pub(crate) fn server_config_on(&self, terms: ServerTerms) -> Arc<ServerConfig> {
        match terms == ServerTerms::default() {
            true => self.server_config(),
            false => crypto::server_config(self.crypto, Arc::clone(&self.choice), terms),
        }
    }

    /// The certificate with its key, for a client that shows it.
    pub(crate) fn key(&self) -> Arc<CertifiedKey> {
        Arc::clone(&self.key)
    }

    fn recognizes(&self, indicated: Option<&str>) -> bool {
        indicated.is_some_and(|indicated| self.recognized.iter().any(|name| name.as_str() == indicated))
    }
}

/// The certificate of this kind for a host. Most kinds bear the host's name and these names besides.
pub fn issue(crypto: Crypto, kind: Certificate, host: &DomainName, names: &[DomainName]) -> Rc<Issued> {
    issue_for(Use::Server, crypto, kind, host, names)
}

/// The certificate of this kind that a host shows as a client, for its own name.
pub(crate) fn issue_for_client(crypto: Crypto, kind: Certificate, host: &DomainName) -> Rc<Issued> {
    issue_for(Use::Client, crypto, kind, host, &[])
}

/// What a certificate is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Use {
    Server,
    Client,
}

fn issue_for(purpose: Use, crypto: Crypto, kind: Certificate, host: &DomainName, names: &[DomainName]) -> Rc<Issued> {
    type Cache = BTreeMap<(Use, bool, Certificate, Vec<String>), Rc<Issued>>;
    thread_local! {
        static CACHE: RefCell<Cache> = const { RefCell::new(BTreeMap::new()) };
    }
    let others: BTreeSet<_> = names.iter().filter(|name| *name != host).collect();
    let names: Vec<_> = [host].into_iter().chain(others).cloned().collect();
    let key = (purpose, crypto == Crypto::Real, kind, names_in(kind, &names));
    if let Some(issued) = CACHE.with_borrow(|cache| cache.get(&key).cloned()) {
        return issued;
    }
    let issued = Rc::new(make(purpose, crypto, kind, &names));
    CACHE.with_borrow_mut(|cache| {
        if cache.len() >= CACHE_LIMIT {
            cache.clear();
        }
        cache.insert(key, Rc::clone(&issued));
    });
    issued
}

/// The authority that every client trusts, and no other.
pub fn trusted_roots(crypto: Crypto) -> Arc<RootCertStore> {
    let mut roots = RootCertStore::empty();
    roots
        .add(trusted_authority(crypto))
        .expect("our own authority is well formed");
    Arc::new(roots)
}

/// The certificate of the authority that every client trusts, in DER.
pub fn trusted_authority(crypto: Crypto) -> CertificateDer<'static> {
    authority(crypto, Authority::Trusted).certificate.clone()
}

/// The names that the certificate of this kind is about, as they stand in it; the host's own is the first.
fn names_in(kind: Certificate, names: &[DomainName]) -> Vec<String> {
    let (host, others) = names.split_first().expect("a host has a name");
    let behind = |name: &str| {
        name.split_once('.')
            .map_or(String::new(), |(_, behind)| behind.to_owned())
    };
    let parent = behind(host.as_str());
    match kind {
        Certificate::WrongName => vec![WRONG_NAME.to_owned()],
        Certificate::HostNameOnly | Certificate::OtherNamesRefused | Certificate::CommonNameOnly => {
            vec![host.to_string()]
        }
        Certificate::Wildcard => {
            let others = others.iter().map(ToString::to_string);
            [format!("*.{parent}")].into_iter().chain(others).collect()
        }
        Certificate::PartialWildcard => {
            let first: String = host.as_str().chars().take(1).collect();
            vec![format!("{first}*.{parent}")]
        }
        Certificate::WideWildcard => vec![format!("*.{}", behind(&parent)).trim_end_matches('.').to_owned()],
        _ => names.iter().map(ToString::to_string).collect(),
    }
}

/// Who signs; `None` for the certificate itself.
fn issuer(kind: Certificate) -> Option<Authority> {
    match kind {
        Certificate::SelfSigned => None,
        Certificate::UnknownAuthority => Some(Authority::Unknown),
        Certificate::Intermediate | Certificate::MissingIntermediate => Some(Authority::Intermediate),
        Certificate::NameConstraint => Some(Authority::Constrained),
        Certificate::PathLength => Some(Authority::BeyondLast),
        _ => Some(Authority::Trusted),
    }
}

/// Whether what is sent leads to the trusted authority by steps that each of its authorities may take.
fn is_trusted(kind: Certificate) -> bool {
    !matches!(
        kind,
        Certificate::SelfSigned
            | Certificate::UnknownAuthority
            | Certificate::MissingIntermediate
            | Certificate::NameConstraint
            | Certificate::PathLength
    )
}

fn make(purpose: Use, crypto: Crypto, kind: Certificate, hosts: &[DomainName]) -> Issued {
    let names = names_in(kind, hosts);
    let label = match purpose {
        Use::Server => format!("{kind:?}"),
        Use::Client => format!("{kind:?} of a client"),
    };
    let label: Vec<_> = [label.as_str()]
        .into_iter()
        .chain(names.iter().map(String::as_str))
        .collect();
    let key = Key::new(crypto, &label);

    let has_alternative_names = kind != Certificate::CommonNameOnly;
    let alternative_names = if has_alternative_names {
        names.clone()
    } else {
        Vec::new()
    };
    let mut parameters = CertificateParams::new(alternative_names.clone()).expect("domain names are ASCII");
    let subject = match kind {
        Certificate::CommonNameOnly => hosts[0].to_string(),
        _ => format!("{kind:?}"),
    };
    parameters.distinguished_name.push(DnType::CommonName, subject);
    parameters.extended_key_usages = vec![match purpose {
        Use::Server => ExtendedKeyUsagePurpose::ServerAuth,
        Use::Client => ExtendedKeyUsagePurpose::ClientAuth,
    }];
    // lettre judges by the wall clock: for it, too, what is valid must be valid whatever today is, and likewise for expired.
    (parameters.not_before, parameters.not_after) = match kind {
        Certificate::Expired => (date_time_ymd(1980, 1, 1), date_time_ymd(1989, 12, 31)),
        Certificate::NotYetValid => (date_time_ymd(3000, 1, 1), date_time_ymd(4096, 1, 1)),
        _ => (date_time_ymd(1990, 1, 1), date_time_ymd(4096, 1, 1)),
    };
    let issuer = issuer(kind);
    let signed = match issuer {
        None => parameters.self_signed(&key),
        Some(name) => parameters.signed_by(&key, &authority(crypto, name).issuer),
    };
    let mut chain = vec![signed.expect("well-formed parameters can be signed").der().clone()];
    if let Some(name) = issuer.filter(|_| kind != Certificate::MissingIntermediate) {
        chain.extend(authority::chain(crypto, name));
    }

    let own = Arc::new(CertifiedKey::new(chain.clone(), key.for_rustls()));
    let otherwise = match kind {
        Certificate::ByIndication => Otherwise::Other(issue(crypto, Certificate::WrongName, &hosts[0], &[])),
        Certificate::OtherNamesRefused => Otherwise::Alert,
        _ => Otherwise::Same,
    };
    let recognized = match (&otherwise, kind) {
        (Otherwise::Same, _) => Vec::new(),
        (_, Certificate::OtherNamesRefused) => vec![hosts[0].clone()],
        _ => hosts.to_vec(),
    };
    let choice = Arc::new(match &otherwise {
        Otherwise::Other(other) => Choice::ByIndication {
            names: recognized.clone(),
            own: Arc::clone(&own),
            other: Arc::clone(&other.key),
        },
        Otherwise::Same | Otherwise::Alert => Choice::Always(Arc::clone(&own)),
    });
    Issued {
        presented: Presented {
            names: alternative_names,
            trusted: is_trusted(kind),
            current: !matches!(kind, Certificate::Expired | Certificate::NotYetValid),
        },
        server_config: crypto::server_config(crypto, Arc::clone(&choice), ServerTerms::default()),
        crypto,
        chain,
        key: own,
        choice,
        recognized,
        otherwise,
    }
}
