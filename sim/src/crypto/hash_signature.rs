//! A hash in the place of Ed25519: a signature is the hash of the public key and the message. Anybody could forge it and
//! nobody in the world does, but a wrong key or a changed message is noticed as ever.

use rustls::crypto::WebPkiSupportedAlgorithms;
use rustls::pki_types::{AlgorithmIdentifier, InvalidSignature, SignatureVerificationAlgorithm, alg_id};
use rustls::sign::{Signer, SigningKey};
use rustls::{Error, SignatureAlgorithm, SignatureScheme};
use sha2::{Digest, Sha256};

/// What the fast tier verifies signatures with.
pub(super) const ALGORITHMS: WebPkiSupportedAlgorithms = WebPkiSupportedAlgorithms {
    all: &[&HashVerification],
    mapping: &[(SignatureScheme::ED25519, &[&HashVerification])],
};

/// The public key, which is the private key too.
#[derive(Debug, Clone)]
pub(crate) struct HashKey(pub(crate) [u8; 32]);

impl HashKey {
    /// As long as an Ed25519 signature.
    pub(crate) fn sign(&self, message: &[u8]) -> Vec<u8> {
        signature(&self.0, message)
    }
}

fn signature(public_key: &[u8], message: &[u8]) -> Vec<u8> {
    let first = Sha256::new().chain_update(public_key).chain_update(message).finalize();
    let second = Sha256::digest(first);
    [first, second].concat()
}

impl SigningKey for HashKey {
    fn choose_scheme(&self, offered: &[SignatureScheme]) -> Option<Box<dyn Signer>> {
        offered
            .contains(&SignatureScheme::ED25519)
            .then(|| Box::new(self.clone()) as Box<dyn Signer>)
    }

    fn algorithm(&self) -> SignatureAlgorithm {
        SignatureAlgorithm::ED25519
    }
}

impl Signer for HashKey {
    fn sign(&self, message: &[u8]) -> Result<Vec<u8>, Error> {
        Ok(signature(&self.0, message))
    }

    fn scheme(&self) -> SignatureScheme {
        SignatureScheme::ED25519
    }
}

#[derive(Debug)]
struct HashVerification;

impl SignatureVerificationAlgorithm for HashVerification {
    fn verify_signature(&self, public_key: &[u8], message: &[u8], given: &[u8]) -> Result<(), InvalidSignature> {
        if signature(public_key, message) == given {
            Ok(())
        } else {
            Err(InvalidSignature)
        }
    }

    fn public_key_alg_id(&self) -> AlgorithmIdentifier {
        alg_id::ED25519
    }

    fn signature_alg_id(&self) -> AlgorithmIdentifier {
        alg_id::ED25519
    }
}
