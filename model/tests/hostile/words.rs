//! Random octets, read as words of the language under test: so that they get past the first line too.

use proptest::prelude::*;

/// Each octet stands for the word of its number; what is no number of a word stands for itself.
pub(crate) fn spell(octets: &[u8], words: &[&[u8]]) -> Vec<u8> {
    let mut spelt = Vec::new();
    for octet in octets {
        match words.get(usize::from(*octet)) {
            Some(word) => spelt.extend(*word),
            None => spelt.push(*octet),
        }
    }
    spelt
}

/// Octets, and more often than by chance the numbers of words.
///
/// Without a fuzzing engine that is guided by coverage a target of plain octets is handed its corpus and nothing else.
pub(crate) fn random() -> impl Strategy<Value = Vec<u8>> {
    prop::collection::vec(prop_oneof![3 => 0..48u8, 1 => any::<u8>()], 0..100)
}
