//! What the attacker says in somebody else's name.

use postern_model::name::DomainName;
use postern_model::scenario::{Alert, OddReply};

/// In the server's place, to STARTTLS.
pub(super) const GO_AHEAD: &[u8] = b"220 2.0.0 Ready to start TLS\r\n";

/// The client's STARTTLS.
pub(super) const STARTTLS: &[u8] = b"STARTTLS\r\n";

/// The client's STARTTLS overwritten in place (C-DG-3).
pub(super) const GARBLED_STARTTLS: &[u8] = b"XXXXXXXX\r\n";

/// In place of the ServerHello (C-DG-7).
pub(super) const GARBAGE: &[u8] = b"\x00\x01 this is no ServerHello \xff\xfe\r\n";

/// What a server that keeps it would answer inside TLS (C-INJ-1).
pub(super) const COMMANDS: &[u8] = b"RSET\r\nMAIL FROM:<mallory@attacker.example>\r\n";

/// What a client that keeps it would take for the reply to its EHLO inside TLS (C-INJ-2).
pub(super) const REPLIES: &[u8] = b"250-attacker.example\r\n250 AUTH PLAIN LOGIN\r\n";

/// Between the records of a handshake, toward the server (C-INJ-3).
pub(super) const COMMAND: &[u8] = b"NOOP\r\n";

/// Between the records of a handshake, toward the client (C-INJ-3).
pub(super) const REPLY: &[u8] = b"250 2.0.0 Ok\r\n";

/// A reply to STARTTLS that is neither 220 nor a refusal (C-DG-6).
pub(super) fn odd_reply(kind: OddReply) -> Vec<u8> {
    match kind {
        OddReply::Completion => b"250 2.0.0 Ready, more or less\r\n".to_vec(),
        OddReply::Intermediate => b"354 Go on\r\n".to_vec(),
        OddReply::Preliminary => b"150 About to start TLS\r\n".to_vec(),
        OddReply::MultiLine => b"220-2.0.0 Ready\r\n220-2.0.0 to\r\n220 2.0.0 start TLS\r\n".to_vec(),
        OddReply::NotNumeric => b"OK start TLS now\r\n".to_vec(),
        OddReply::OverLong => [b"220 ".as_slice(), &[b'x'; 8192], b"\r\n"].concat(),
        OddReply::Nul => b"220\x00 Ready to start TLS\r\n".to_vec(),
    }
}

/// The record of a fatal alert (RFC 8446 §5.1, §6).
pub(super) fn alert(alert: Alert) -> [u8; 7] {
    const ALERT: u8 = 21;
    const FATAL: u8 = 2;
    [ALERT, 3, 3, 0, 2, FATAL, alert.number()]
}

/// A transaction that nobody asked for (C-INJ-4), for somebody whom the server may well know.
pub(super) fn transaction(domain: &DomainName) -> [Vec<u8>; 2] {
    [
        b"MAIL FROM:<mallory@attacker.example>\r\n".to_vec(),
        format!("RCPT TO:<mallory@{domain}>\r\n").into_bytes(),
    ]
}

/// Whether octets begin with a TLS record and not with a line of SMTP (content types 20 to 23, RFC 8446 §5.1).
pub(super) fn is_tls(octets: &[u8]) -> bool {
    octets.first().is_some_and(|octet| (20..=23).contains(octet))
}
