//! The keys of certificates, which belong to what the certificate says and to nothing else.

use std::sync::Arc;

use rand_chacha::rand_core::RngCore;
use rcgen::{KeyPair, PKCS_ED25519, PublicKeyData, SignatureAlgorithm};
use rustls::crypto::ring::sign::any_eddsa_type;
use rustls::pki_types::PrivatePkcs8KeyDer;

use crate::crypto::HashKey;
use crate::{Crypto, random};

/// A key of either tier.
pub(super) enum Key {
    Ed25519(Box<KeyPair>),
    Hash(HashKey),
}

impl Key {
    /// The key that belongs to this label, whatever the seed of the run.
    pub(super) fn new(crypto: Crypto, label: &[&str]) -> Self {
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

    pub(super) fn for_rustls(&self) -> Arc<dyn rustls::sign::SigningKey> {
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
