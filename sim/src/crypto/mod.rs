//! rustls as everybody in the world uses it: all randomness from the seed, validity judged on simulated time.

mod client_identity;
mod exchange;
mod handshake;
mod hash_signature;
pub(crate) mod hello;
mod proof_of_key;

#[cfg(test)]
mod tests;

use std::cell::RefCell;
use std::collections::BTreeMap;
use std::sync::{Arc, LazyLock};
use std::time::Duration;

use postern_model::name::DomainName;
use postern_model::scenario::{Handshake, Hello, TlsVersions};
use rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use rustls::client::{Resumption, WebPkiServerVerifier};
use rustls::crypto::ring::cipher_suite;
use rustls::crypto::{CryptoProvider, GetRandomFailed, SecureRandom, WebPkiSupportedAlgorithms, ring};
use rustls::pki_types::{CertificateDer, ServerName, UnixTime};
use rustls::server::{ClientHello, ResolvesServerCert};
use rustls::sign::{CertifiedKey, SingleCertAndKey};
use rustls::time_provider::TimeProvider;
use rustls::version::{TLS12, TLS13};
use rustls::{
    ClientConfig, DigitallySignedStruct, Error, ServerConfig, SignatureScheme, SupportedCipherSuite,
    SupportedProtocolVersion,
};

pub(crate) use client_identity::{Client, client};
pub(crate) use handshake::{Cause, Failure, present};
pub use handshake::{accept, connect};
pub(crate) use hash_signature::HashKey;

use self::proof_of_key::wants_proof_of_key;
use crate::net::clock;
use crate::{Crypto, certificate, random};

/// Whom a client takes for the server that it meant to reach.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Verify {
    /// Anyone who holds the key of the certificate that he presents, whatever it says.
    Anyone,
    /// Only who holds the key of a certificate that the trusted authority issued for the name, valid now (PKIX).
    Authority,
    /// As authority, but whenever the certificate is, or was, valid. Only a mutant believes that.
    AuthorityAtAnyTime,
}

/// What rustls computes with. Both tiers run the same suites of TLS 1.3 and 1.2.
pub fn provider(crypto: Crypto) -> Arc<CryptoProvider> {
    static REAL: LazyLock<Arc<CryptoProvider>> = LazyLock::new(|| {
        Arc::new(CryptoProvider {
            cipher_suites: SUITES.to_vec(),
            kx_groups: vec![&exchange::SeededX25519],
            secure_random: &SeededRandom,
            ..ring::default_provider()
        })
    });
    static FAST: LazyLock<Arc<CryptoProvider>> = LazyLock::new(|| {
        Arc::new(CryptoProvider {
            kx_groups: vec![&exchange::HashExchange],
            signature_verification_algorithms: hash_signature::ALGORITHMS,
            ..(**REAL).clone()
        })
    });
    match crypto {
        Crypto::Real => Arc::clone(&REAL),
        Crypto::Fast => Arc::clone(&FAST),
    }
}

/// The suites that every implementation must or should have (RFC 8446 §9.1, RFC 7525 §4.2), the cheapest first.
const SUITES: &[SupportedCipherSuite] = &[
    cipher_suite::TLS13_AES_128_GCM_SHA256,
    cipher_suite::TLS13_AES_256_GCM_SHA384,
    cipher_suite::TLS13_CHACHA20_POLY1305_SHA256,
    cipher_suite::TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256,
    cipher_suite::TLS_ECDHE_ECDSA_WITH_AES_256_GCM_SHA384,
    cipher_suite::TLS_ECDHE_ECDSA_WITH_CHACHA20_POLY1305_SHA256,
];

const VERSIONS: &[&SupportedProtocolVersion] = &[&TLS13, &TLS12];
const ONLY_TLS12: &[&SupportedProtocolVersion] = &[&TLS12];
const ONLY_TLS13: &[&SupportedProtocolVersion] = &[&TLS13];

/// Makes the real tier what libraries use that ask for rustls's default. May be called any number of times.
pub fn install_process_default() {
    // Whoever was first has installed the very same.
    drop((*provider(Crypto::Real)).clone().install_default());
}

/// What a client offers and whom it believes.
pub fn client_config(crypto: Crypto, verify: Verify) -> Arc<ClientConfig> {
    thread_local! {
        static CONFIGS: RefCell<BTreeMap<(bool, Verify), Arc<ClientConfig>>> = const { RefCell::new(BTreeMap::new()) };
    }
    let key = (crypto == Crypto::Real, verify);
    let known = CONFIGS.with_borrow(|configs| configs.get(&key).cloned());
    known.unwrap_or_else(|| {
        let config = Arc::new(new_client_config(crypto, verify, VERSIONS, None));
        CONFIGS.with_borrow_mut(|configs| configs.insert(key, Arc::clone(&config)));
        config
    })
}

/// What a client offers that shakes hands in a way of its own; `shown` is its certificate, for a server that asks.
pub(crate) fn client_config_of(
    crypto: Crypto,
    verify: Verify,
    handshake: Handshake,
    shown: Option<Arc<CertifiedKey>>,
) -> Arc<ClientConfig> {
    let mut config = new_client_config(crypto, verify, versions(handshake.versions), shown);
    config.enable_sni = handshake.hello != Hello::NoIndication;
    Arc::new(config)
}

fn new_client_config(
    crypto: Crypto,
    verify: Verify,
    versions: &[&'static SupportedProtocolVersion],
    shown: Option<Arc<CertifiedKey>>,
) -> ClientConfig {
    let verifier = match verify {
        Verify::Anyone => Arc::new(AnyCertificate(provider(crypto).signature_verification_algorithms)),
        Verify::Authority => authority_verifier(crypto),
        Verify::AuthorityAtAnyTime => Arc::new(AtAnyTime(authority_verifier(crypto))),
    };
    let builder = ClientConfig::builder_with_details(provider(crypto), Arc::new(SimulatedTime))
        .with_protocol_versions(versions)
        .expect("the suites serve the versions")
        .dangerous()
        .with_custom_certificate_verifier(verifier);
    let mut config = match shown {
        None => builder.with_no_client_auth(),
        Some(shown) => builder.with_client_cert_resolver(Arc::new(SingleCertAndKey::from(shown))),
    };
    config.resumption = Resumption::disabled();
    config
}

fn authority_verifier(crypto: Crypto) -> Arc<dyn ServerCertVerifier> {
    WebPkiServerVerifier::builder_with_provider(certificate::trusted_roots(crypto), provider(crypto))
        .build()
        .expect("there is a trusted authority")
}

/// Which certificate a server presents.
#[derive(Debug)]
pub(crate) enum Choice {
    /// This to everybody.
    Always(Arc<CertifiedKey>),
    /// Its own to a client that indicates one of these names, and the other to everybody else.
    ByIndication {
        names: Vec<DomainName>,
        own: Arc<CertifiedKey>,
        other: Arc<CertifiedKey>,
    },
}

impl ResolvesServerCert for Choice {
    fn resolve(&self, hello: ClientHello<'_>) -> Option<Arc<CertifiedKey>> {
        let chosen = match self {
            Self::Always(key) => key,
            Self::ByIndication { names, own, other } => {
                let indicated = hello.server_name();
                match indicated.is_some_and(|indicated| names.iter().any(|name| name.as_str() == indicated)) {
                    true => own,
                    false => other,
                }
            }
        };
        Some(Arc::clone(chosen))
    }
}

/// What a server asks of clients beside their hello.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) enum Asks {
    /// Nothing.
    #[default]
    Nothing,
    /// A certificate, which may be missing and may be any: it is judged when the handshake is complete (R3207-4.1-a).
    AnyCertificate,
    /// A certificate, which may be missing, but must be believed if there is one.
    BelievedCertificate,
}

/// On what terms a server shakes hands.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) struct ServerTerms {
    pub(crate) versions: TlsVersions,
    pub(crate) asks: Asks,
}

/// What a server accepts and presents.
pub(crate) fn server_config(crypto: Crypto, choice: Arc<Choice>, terms: ServerTerms) -> Arc<ServerConfig> {
    let (provider, versions) = match terms.versions {
        TlsVersions::NoCommonSuite => {
            let provider = Arc::new(CryptoProvider {
                cipher_suites: vec![cipher_suite::TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256],
                ..(*provider(crypto)).clone()
            });
            (provider, ONLY_TLS12)
        }
        other => (provider(crypto), versions(other)),
    };
    let builder = ServerConfig::builder_with_details(provider, Arc::new(SimulatedTime))
        .with_protocol_versions(versions)
        .expect("the suites serve the versions");
    let builder = match terms.asks {
        Asks::Nothing => builder.with_no_client_auth(),
        Asks::AnyCertificate => builder.with_client_cert_verifier(Arc::new(client_identity::AnyClient::new(crypto))),
        Asks::BelievedCertificate => builder.with_client_cert_verifier(client_identity::believed_only(crypto)),
    };
    let mut config = builder.with_cert_resolver(choice);
    // No resumption: a session must not depend on those before it.
    config.session_storage = Arc::new(rustls::server::NoServerSessionStorage {});
    config.send_tls13_tickets = 0;
    Arc::new(config)
}

/// What a host can of what both its ends share. What it lacks as a server alone is the server's.
fn versions(versions: TlsVersions) -> &'static [&'static SupportedProtocolVersion] {
    match versions {
        TlsVersions::Tls12Only => ONLY_TLS12,
        TlsVersions::Tls13Only => ONLY_TLS13,
        TlsVersions::Current | TlsVersions::NoCommonSuite | TlsVersions::Tls10Only => VERSIONS,
    }
}

/// Draws from the current stream.
#[derive(Debug)]
struct SeededRandom;

impl SecureRandom for SeededRandom {
    fn fill(&self, octets: &mut [u8]) -> Result<(), GetRandomFailed> {
        random::fill(octets);
        Ok(())
    }
}

/// The wall clock of the host whose code is running.
#[derive(Debug)]
struct SimulatedTime;

impl TimeProvider for SimulatedTime {
    fn current_time(&self) -> Option<UnixTime> {
        Some(UnixTime::since_unix_epoch(clock::wall_clock()))
    }
}

/// Believes every certificate, but still wants proof that the server holds its key.
#[derive(Debug)]
struct AnyCertificate(WebPkiSupportedAlgorithms);

impl ServerCertVerifier for AnyCertificate {
    fn verify_server_cert(
        &self,
        _: &CertificateDer<'_>,
        _: &[CertificateDer<'_>],
        _: &ServerName<'_>,
        _: &[u8],
        _: UnixTime,
    ) -> Result<ServerCertVerified, Error> {
        Ok(ServerCertVerified::assertion())
    }

    wants_proof_of_key!();
}

/// Believes what another verifier believes, and what it would believe at another time.
#[derive(Debug)]
struct AtAnyTime(Arc<dyn ServerCertVerifier>);

impl ServerCertVerifier for AtAnyTime {
    fn verify_server_cert(
        &self,
        certificate: &CertificateDer<'_>,
        intermediates: &[CertificateDer<'_>],
        name: &ServerName<'_>,
        response: &[u8],
        now: UnixTime,
    ) -> Result<ServerCertVerified, Error> {
        let verify = |at| {
            let inner = &self.0;
            inner.verify_server_cert(certificate, intermediates, name, response, at)
        };
        // Every certificate here that is not valid now is, or was, valid in one of these years.
        let years =
            [1985, 3500].map(|year: u64| UnixTime::since_unix_epoch(Duration::from_secs((year - 1970) * 31_557_600)));
        verify(now).or_else(|error| {
            let another = years.into_iter().find_map(|at| verify(at).ok());
            another.ok_or(error)
        })
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signed: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        self.0.verify_tls12_signature(message, certificate, signed)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signed: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        self.0.verify_tls13_signature(message, certificate, signed)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.0.supported_verify_schemes()
    }
}
