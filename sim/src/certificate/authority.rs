//! The authorities that issue certificates.

use std::cell::RefCell;
use std::collections::BTreeMap;
use std::rc::Rc;

use rcgen::date_time_ymd;
use rcgen::{
    BasicConstraints, CertificateParams, DnType, GeneralSubtree, IsCa, Issuer, KeyUsagePurpose, NameConstraints,
};
use rustls::pki_types::CertificateDer;

use super::key::Key;
use crate::Crypto;

/// An authority, by what it may do.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Name {
    /// The one that every client trusts.
    Trusted,
    /// One that nobody trusts.
    Unknown,
    /// Issued by the trusted one.
    Intermediate,
    /// Issued by the trusted one, for names elsewhere.
    Constrained,
    /// Issued by the trusted one, and may issue to no authority.
    Last,
    /// Issued by the last one all the same.
    BeyondLast,
}

/// The names that [`Name::Constrained`] may issue for.
const ELSEWHERE: &str = "elsewhere.invalid";

impl Name {
    fn issuer(self) -> Option<Self> {
        match self {
            Self::Trusted | Self::Unknown => None,
            Self::Intermediate | Self::Constrained | Self::Last => Some(Self::Trusted),
            Self::BeyondLast => Some(Self::Last),
        }
    }

    fn in_words(self) -> &'static str {
        match self {
            Self::Trusted => "Postern trusted authority",
            Self::Unknown => "Postern unknown authority",
            Self::Intermediate => "Postern intermediate authority",
            Self::Constrained => "Postern authority for names elsewhere",
            Self::Last => "Postern last authority",
            Self::BeyondLast => "Postern authority beyond the last",
        }
    }
}

/// An authority with its key.
pub(super) struct Authority {
    pub(super) certificate: CertificateDer<'static>,
    pub(super) issuer: Issuer<'static, Key>,
}

/// The certificates of an authority and of those above it, without the one at the top, as a server sends them.
pub(super) fn chain(crypto: Crypto, name: Name) -> Vec<CertificateDer<'static>> {
    let mut chain = Vec::new();
    let mut next = Some(name);
    while let Some(name) = next {
        next = name.issuer();
        if next.is_some() {
            chain.push(authority(crypto, name).certificate.clone());
        }
    }
    chain
}

/// The authority of this name.
pub(super) fn authority(crypto: Crypto, name: Name) -> Rc<Authority> {
    thread_local! {
        static AUTHORITIES: RefCell<BTreeMap<(bool, Name), Rc<Authority>>> = const { RefCell::new(BTreeMap::new()) };
    }
    let key = (crypto == Crypto::Real, name);
    let known = AUTHORITIES.with_borrow(|authorities| authorities.get(&key).cloned());
    known.unwrap_or_else(|| {
        let made = Rc::new(make(crypto, name));
        AUTHORITIES.with_borrow_mut(|authorities| authorities.insert(key, Rc::clone(&made)));
        made
    })
}

fn make(crypto: Crypto, name: Name) -> Authority {
    let key = Key::new(crypto, &[name.in_words()]);
    let mut parameters = CertificateParams::default();
    parameters.distinguished_name.push(DnType::CommonName, name.in_words());
    parameters.is_ca = IsCa::Ca(match name {
        Name::Last => BasicConstraints::Constrained(0),
        _ => BasicConstraints::Unconstrained,
    });
    parameters.key_usages = vec![KeyUsagePurpose::KeyCertSign];
    (parameters.not_before, parameters.not_after) = (date_time_ymd(1970, 1, 1), date_time_ymd(4096, 1, 1));
    if name == Name::Constrained {
        parameters.name_constraints = Some(NameConstraints {
            permitted_subtrees: vec![GeneralSubtree::DnsName(ELSEWHERE.to_owned())],
            excluded_subtrees: Vec::new(),
        });
    }
    let signed = match name.issuer() {
        None => parameters.self_signed(&key),
        Some(issuer) => parameters.signed_by(&key, &authority(crypto, issuer).issuer),
    };
    let certificate = signed.expect("well-formed parameters can be signed");
    Authority {
        certificate: certificate.der().clone(),
        issuer: Issuer::new(parameters, key),
    }
}
