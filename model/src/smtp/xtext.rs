//! The encoding of values that a parameter cannot hold as they are (RFC 3461 §4).

use std::fmt;
use std::sync::Arc;

/// A value encoded as xtext, as it stands on the wire: a relay passes it on to the octet.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Xtext(Arc<str>);

impl Xtext {
    /// Encodes a text of printable ASCII: what stands for itself stays.
    pub fn encode(text: &str) -> Self {
        let encoded: String = text
            .bytes()
            .map(|octet| match octet {
                b'+' | b'=' => format!("+{octet:02X}"),
                b'!'..=b'~' => char::from(octet).to_string(),
                _ => format!("+{octet:02X}"),
            })
            .collect();
        Self(encoded.into())
    }

    /// Reads what stands on the wire; `None` for what is no xtext, is empty, or means what is not printable ASCII
    /// (RFC 3461 §4.2, §4.4).
    pub fn parse(text: &str) -> Option<Self> {
        let decoded = decoded(text)?;
        let is_printable = !decoded.is_empty() && decoded.iter().all(|octet| (b' '..=b'~').contains(octet));
        is_printable.then(|| Self(text.into()))
    }

    /// The text that it means.
    pub fn decode(&self) -> String {
        let octets = decoded(&self.0).unwrap_or_default();
        octets.into_iter().map(char::from).collect()
    }

    /// How many octets it has on the wire.
    pub(super) fn len(&self) -> usize {
        self.0.len()
    }
}

impl fmt::Display for Xtext {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(&self.0)
    }
}

fn decoded(text: &str) -> Option<Vec<u8>> {
    let mut octets = text.bytes();
    let mut decoded = Vec::new();
    while let Some(octet) = octets.next() {
        decoded.push(match octet {
            b'+' => upper_digit(octets.next()?)? * 16 + upper_digit(octets.next()?)?,
            b'=' => return None,
            b'!'..=b'~' => octet,
            _ => return None,
        });
    }
    Some(decoded)
}

/// Hexadecimal digits are in upper case.
fn upper_digit(octet: u8) -> Option<u8> {
    match octet {
        b'0'..=b'9' => Some(octet - b'0'),
        b'A'..=b'F' => Some(octet - b'A' + 10),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn plus_equals_and_space_are_encoded_and_letters_are_not() {
        let encoded = Xtext::encode("a+b=c d");
        assert_eq!(encoded.to_string(), "a+2Bb+3Dc+20d");
        assert_eq!(encoded.decode(), "a+b=c d");
    }

    #[test]
    fn what_is_encoded_without_need_is_kept_as_it_stands() {
        let encoded = Xtext::parse("+41b").unwrap();
        assert_eq!(
            (encoded.to_string().as_str(), encoded.decode().as_str()),
            ("+41b", "Ab")
        );
    }

    #[test]
    fn nonsense_is_no_xtext() {
        for text in [
            "", "a=b", "a b", "+", "+2", "+2b", "+GG", "b\u{e4}", "+00", "+0D+0A", "+E4",
        ] {
            assert_eq!(Xtext::parse(text), None, "{text:?}");
        }
    }

    proptest! {
        #[test]
        fn what_was_encoded_is_read_back(text in "[ -~]{1,40}") {
            let encoded = Xtext::encode(&text);
            prop_assert_eq!(Xtext::parse(&encoded.to_string()), Some(encoded.clone()));
            prop_assert_eq!(encoded.decode(), text);
        }
    }
}
