//! Certificates, made from nothing but what they shall say: the same in every run.

use std::cell::RefCell;
use std::collections::{BTreeMap, BTreeSet};
use std::rc::Rc;
use std::sync::Arc;

use postern_model::name::DomainName;
use postern_model::scenario::Certificate;
use postern_model::trace::Presented;
use rand_chacha::rand_core::RngCore;
use rcgen::{BasicConstraints, CertificateParams, DnType, ExtendedKeyUsagePurpose, IsCa, Issuer, KeyUsagePurpose};
use rcgen::{KeyPair, PKCS_ED25519, PublicKeyData, SignatureAlgorithm, date_time_ymd};
use rustls::crypto::ring::sign::any_eddsa_type;
use rustls::pki_types::{CertificateDer, PrivatePkcs8KeyDer};
use rustls::sign::CertifiedKey;
use rustls::{RootCertStore, ServerConfig};

use crate::crypto::{self, HashKey};
use crate::{Crypto, random};

/// The name in certificates that are for somebody else.
const WRONG_NAME: &str = "wrong.invalid";

/// Certificates that a thread keeps; beyond that it starts anew.
const CACHE_LIMIT: usize = 1024;

/// A certificate and its key, ready to be presented.
pub struct Issued {
    chain: Vec<CertificateDer<'static>>,
    presented: Presented,
    server_config: Arc<ServerConfig>,
}

impl Issued {
    /// The certificate, in DER. No chain has more: the authority itself signs.
    pub fn chain(&self) -> &[CertificateDer<'static>] {
        &self.chain
    }

    /// What a judge can read from it.
    pub fn presented(&self) -> &Presented {
        &self.presented
    }

    /// For a server that presents it.
    pub fn server_config(&self) -> Arc<ServerConfig> {
        Arc::clone(&self.server_config)
    }
}

/// The certificate of this kind for a host. All kinds but two bear the host's name and these names besides.
pub fn issue(crypto: Crypto, kind: Certificate, host: &DomainName, names: &[DomainName]) -> Rc<Issued> {
    type Cache = BTreeMap<(bool, Certificate, Vec<DomainName>), Rc<Issued>>;
    thread_local! {
        static CACHE: RefCell<Cache> = const { RefCell::new(BTreeMap::new()) };
    }
    let key = (crypto == Crypto::Real, kind, names_for(kind, host, names));
    if let Some(issued) = CACHE.with_borrow(|cache| cache.get(&key).cloned()) {
        return issued;
    }
    let issued = Rc::new(make(crypto, kind, &key.2));
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
    authority(crypto, TRUSTED).certificate.clone()
}

/// The names in the certificate: the host's own first, the others in their order.
fn names_for(kind: Certificate, host: &DomainName, names: &[DomainName]) -> Vec<DomainName> {
    match kind {
        Certificate::WrongName => vec![WRONG_NAME.parse().expect("a domain name")],
        Certificate::HostNameOnly => vec![host.clone()],
        Certificate::Valid | Certificate::Expired | Certificate::SelfSigned | Certificate::UnknownAuthority => {
            let others: BTreeSet<_> = names.iter().filter(|name| *name != host).collect();
            [host].into_iter().chain(others).cloned().collect()
        }
    }
}

fn make(crypto: Crypto, kind: Certificate, names: &[DomainName]) -> Issued {
    let label = format!("{kind:?}");
    let label: Vec<_> = [label.as_str()]
        .into_iter()
        .chain(names.iter().map(DomainName::as_str))
        .collect();
    let key = Key::new(crypto, &label);

    let names_as_text: Vec<_> = names.iter().map(|name| name.as_str().to_owned()).collect();
    let mut parameters = CertificateParams::new(names_as_text).expect("domain names are ASCII");
    parameters
        .distinguished_name
        .push(DnType::CommonName, format!("{kind:?}"));
    parameters.extended_key_usages = vec![ExtendedKeyUsagePurpose::ServerAuth];
    // lettre judges by the wall clock: for it, too, what is valid must be valid whatever today is, and likewise for expired.
    (parameters.not_before, parameters.not_after) = match kind {
        Certificate::Expired => (date_time_ymd(1980, 1, 1), date_time_ymd(1989, 12, 31)),
        _ => (date_time_ymd(1990, 1, 1), date_time_ymd(4096, 1, 1)),
    };
    let signed = match kind {
        Certificate::SelfSigned => parameters.self_signed(&key),
        Certificate::UnknownAuthority => parameters.signed_by(&key, &authority(crypto, UNKNOWN).issuer),
        Certificate::Valid | Certificate::HostNameOnly | Certificate::Expired | Certificate::WrongName => {
            parameters.signed_by(&key, &authority(crypto, TRUSTED).issuer)
        }
    };
    let chain = vec![signed.expect("well-formed parameters can be signed").der().clone()];

    Issued {
        presented: Presented {
            names: names.to_vec(),
            trusted: !matches!(kind, Certificate::SelfSigned | Certificate::UnknownAuthority),
            current: kind != Certificate::Expired,
        },
        server_config: crypto::server_config(crypto, CertifiedKey::new(chain.clone(), key.for_rustls())),
        chain,
    }
}

struct Authority {
    certificate: CertificateDer<'static>,
    issuer: Issuer<'static, Key>,
}

const TRUSTED: &str = "Postern trusted authority";
const UNKNOWN: &str = "Postern unknown authority";

fn authority(crypto: Crypto, name: &'static str) -> Rc<Authority> {
    thread_local! {
        static AUTHORITIES: RefCell<BTreeMap<(bool, &'static str), Rc<Authority>>> = const { RefCell::new(BTreeMap::new()) };
    }
    let key = (crypto == Crypto::Real, name);
    let make = || Rc::new(make_authority(crypto, name));
    AUTHORITIES.with_borrow_mut(|authorities| Rc::clone(authorities.entry(key).or_insert_with(make)))
}

fn make_authority(crypto: Crypto, name: &str) -> Authority {
    let key = Key::new(crypto, &[name]);
    let mut parameters = CertificateParams::default();
    parameters.distinguished_name.push(DnType::CommonName, name);
    parameters.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    parameters.key_usages = vec![KeyUsagePurpose::KeyCertSign];
    (parameters.not_before, parameters.not_after) = (date_time_ymd(1970, 1, 1), date_time_ymd(4096, 1, 1));
    let certificate = parameters
        .self_signed(&key)
        .expect("well-formed parameters can be signed");
    Authority {
        certificate: certificate.der().clone(),
        issuer: Issuer::new(parameters, key),
    }
}

/// A key of either tier.
enum Key {
    Ed25519(Box<KeyPair>),
    Hash(HashKey),
}

impl Key {
    /// The key that belongs to this label, whatever the seed of the run.
    fn new(crypto: Crypto, label: &[&str]) -> Self {
        let mut secret = [0; 32];
        random::stream(0, &[&["certificate key"], label].concat()).fill_bytes(&mut secret);
        match crypto {
            Crypto::Fast => Self::Hash(HashKey(secret)),
            Crypto::Real => {
                let key = KeyPair::from_pkcs8_der_and_sign_algo(&pkcs8(secret), &PKCS_ED25519);
                Self::Ed25519(Box::new(key.expect("any 32 octets are an Ed25519 key")))
            }
        }
    }

    fn for_rustls(&self) -> Arc<dyn rustls::sign::SigningKey> {
        match self {
            Self::Hash(key) => Arc::new(key.clone()),
            Self::Ed25519(key) => {
                any_eddsa_type(&key.serialize_der().into()).expect("rcgen and rustls read the same keys")
            }
        }
    }
}

/// An Ed25519 key as a PKCS #8 structure without its public key (RFC 8410 §7).
fn pkcs8(secret: [u8; 32]) -> PrivatePkcs8KeyDer<'static> {
    const PREFIX: [u8; 16] = [
        0x30, 0x2e, 0x02, 0x01, 0x00, 0x30, 0x05, 0x06, 0x03, 0x2b, 0x65, 0x70, 0x04, 0x22, 0x04, 0x20,
    ];
    [&PREFIX[..], &secret].concat().into()
}

impl PublicKeyData for Key {
    fn der_bytes(&self) -> &[u8] {
        match self {
            Self::Ed25519(key) => key.der_bytes(),
            Self::Hash(key) => &key.0,
        }
    }

    fn algorithm(&self) -> &'static SignatureAlgorithm {
        &PKCS_ED25519
    }
}

impl rcgen::SigningKey for Key {
    fn sign(&self, message: &[u8]) -> Result<Vec<u8>, rcgen::Error> {
        match self {
            Self::Ed25519(key) => key.sign(message),
            Self::Hash(key) => Ok(key.sign(message)),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn name(text: &str) -> DomainName {
        text.parse().unwrap()
    }

    fn presented(kind: Certificate) -> Presented {
        let host = name("mx1.b.example");
        let names = [name("c.example"), host.clone(), name("b.example")];
        issue(Crypto::Fast, kind, &host, &names).presented().clone()
    }

    #[test]
    fn a_valid_certificate_bears_the_name_of_the_host_and_then_the_others_once() {
        let expected = Presented {
            names: vec![name("mx1.b.example"), name("b.example"), name("c.example")],
            trusted: true,
            current: true,
        };
        assert_eq!(presented(Certificate::Valid), expected);
    }

    #[test]
    fn the_other_kinds_say_in_what_they_fail() {
        assert_eq!(presented(Certificate::HostNameOnly).names, [name("mx1.b.example")]);
        assert_eq!(presented(Certificate::WrongName).names, [name("wrong.invalid")]);
        assert!(!presented(Certificate::Expired).current);
        assert!(!presented(Certificate::SelfSigned).trusted);
        assert!(!presented(Certificate::UnknownAuthority).trusted);
    }

    #[test]
    fn a_certificate_is_the_same_in_every_thread_and_run() {
        for crypto in [Crypto::Real, Crypto::Fast] {
            let octets = move || {
                issue(crypto, Certificate::Valid, &name("mx1.b.example"), &[name("b.example")]).chain[0].to_vec()
            };
            assert_eq!(octets(), std::thread::spawn(octets).join().unwrap());
        }
    }

    #[test]
    fn a_certificate_is_made_once_in_a_thread() {
        let issued = || issue(Crypto::Real, Certificate::Valid, &name("mx1.b.example"), &[]);
        assert!(Rc::ptr_eq(&issued(), &issued()));
    }
}
