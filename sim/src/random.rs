//! Every stream of randomness of a run, each derived from the seed and a label of its own, so that one more draw in one
//! place reshuffles nothing elsewhere.

use rand_chacha::ChaCha8Rng;
use rand_chacha::rand_core::SeedableRng;
use sha2::{Digest, Sha256};

/// The stream that belongs to this seed and label, such as `["mx1.b.example", "retry jitter"]`.
pub fn stream(seed: u64, label: &[&str]) -> ChaCha8Rng {
    let mut hash = Sha256::new();
    hash.update(seed.to_be_bytes());
    for part in label {
        // The length keeps ["ab", "c"] apart from ["a", "bc"].
        hash.update((part.len() as u64).to_be_bytes());
        hash.update(part.as_bytes());
    }
    ChaCha8Rng::from_seed(hash.finalize().into())
}
