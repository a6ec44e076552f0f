//! Hellos that no TLS library sends any more, and how to tell one from the other by its first octets.

use postern_model::scenario::Hello;
use postern_model::trace::{HelloAnswer, HelloForm};

const ALERT: u8 = 21;
const HANDSHAKE: u8 = 22;

/// What a client of this kind sends in place of a hello of its TLS library; `None` where that sends its own.
pub(crate) fn scripted(hello: Hello) -> Option<Vec<u8>> {
    match hello {
        Hello::Standard | Hello::NoIndication => None,
        Hello::Sslv2 => Some(sslv2()),
        Hello::Tls10 => Some(tls10()),
        Hello::Garbage => Some(b"\x00\x01 this is no ClientHello \xff\xfe\r\n".to_vec()),
    }
}

/// CLIENT-HELLO of SSL version 2 that offers TLS 1.0 (RFC 5246 appendix E.2).
fn sslv2() -> Vec<u8> {
    let suites = [0x00, 0x00, 0x2f, 0x00, 0x00, 0x0a];
    let challenge = [0x5a; 16];
    let mut body = vec![1, 3, 1, 0, 6, 0, 0, 0, 16];
    body.extend(suites);
    body.extend(challenge);
    let length = u8::try_from(body.len()).expect("a short hello");
    [&[0x80, length][..], &body].concat()
}

/// ClientHello of TLS 1.0 (RFC 2246 §7.4.1.2), without extensions.
fn tls10() -> Vec<u8> {
    let mut body = vec![3, 1];
    body.extend([0x5a; 32]);
    body.extend([0, 0, 4, 0x00, 0x2f, 0x00, 0x0a, 1, 0]);
    let length = u8::try_from(body.len()).expect("a short hello");
    let record = length + 4;
    [&[HANDSHAKE, 3, 1, 0, record, 1, 0, 0, length][..], &body].concat()
}

/// The form of a hello that begins so; `None` while it is too short to tell.
pub(crate) fn form(octets: &[u8]) -> Option<HelloForm> {
    match *octets {
        [HANDSHAKE, 3, _, _, _, 1, _, _, _, 3, minor, ..] if minor >= 3 => Some(HelloForm::Standard),
        [HANDSHAKE, 3, _, _, _, 1, _, _, _, 3, _, ..] => Some(HelloForm::Old),
        [] | [HANDSHAKE] | [HANDSHAKE, 3] => None,
        [HANDSHAKE, 3, ..] if octets.len() < 11 => None,
        [first, _, 1, ..] if first >= 0x80 => Some(HelloForm::Sslv2),
        _ => Some(HelloForm::Garbage),
    }
}

/// What an answer is that begins so.
pub(crate) fn answer(octets: &[u8]) -> HelloAnswer {
    match *octets {
        [ALERT, _, _, _, _, _, description, ..] => HelloAnswer::Alert(description),
        [HANDSHAKE, ..] => HelloAnswer::Handshake,
        _ => HelloAnswer::Nothing,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_scripted_hello_is_what_it_shall_be() {
        for (hello, expected) in [
            (Hello::Sslv2, HelloForm::Sslv2),
            (Hello::Tls10, HelloForm::Old),
            (Hello::Garbage, HelloForm::Garbage),
        ] {
            let octets = scripted(hello).unwrap();
            assert_eq!(form(&octets), Some(expected), "{hello:?}");
        }
        assert_eq!(scripted(Hello::Standard), None);
    }

    #[test]
    fn the_beginning_of_a_hello_is_not_judged() {
        let hello = tls10();
        for end in 0..11 {
            assert_eq!(form(&hello[..end]), None, "{end} octets");
        }
    }

    #[test]
    fn an_alert_tells_its_description() {
        assert_eq!(answer(&[21, 3, 3, 0, 2, 2, 70]), HelloAnswer::Alert(70));
        assert_eq!(answer(&[22, 3, 3, 0, 90]), HelloAnswer::Handshake);
        assert_eq!(answer(&[]), HelloAnswer::Nothing);
    }
}
