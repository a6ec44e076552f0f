//! What the client proves, what it does not, and what follows for its mail.

use super::*;

const ELSEWHERE: &str = "RCPT TO:<x@c.example>";

/// The name that may relay. It is also what the client calls itself in [`EHLO`].
fn relay() -> DomainName {
    "mx.a.example".parse().unwrap()
}

fn relaying_for_identity() -> ServerSettings {
    let mut settings = settings();
    settings.relay_identities.insert(relay());
    settings
}

/// A session over TLS in whose handshake the client showed a certificate, EHLO and MAIL said.
fn with_certificate(settings: ServerSettings, is_believed: bool, identity: Option<&DomainName>) -> Session {
    let mut session = Session::over_tls(settings);
    session.hand(Input::ClientCertificate { is_believed, identity });
    session.say(&[MAIL]);
    session
}

#[test]
fn a_client_relays_by_its_address() {
    let mut session = Session::new(ServerSettings {
        relays: true,
        ..settings()
    });
    session.say(&[EHLO, MAIL]);
    assert_eq!(session.say(&[ELSEWHERE]), ["250 2.1.5 Not local; will forward"]);
}

#[test]
fn a_client_relays_by_the_name_that_its_certificate_proves() {
    let mut session = with_certificate(relaying_for_identity(), true, Some(&relay()));
    assert_eq!(session.say(&[ELSEWHERE]), ["250 2.1.5 Not local; will forward"]);
}

#[test]
fn nobody_else_relays() {
    let other: DomainName = "other.example".parse().unwrap();
    let mut without_certificate = Session::over_tls(relaying_for_identity());
    without_certificate.say(&[MAIL]);
    for (mut session, who) in [
        (without_certificate, "no certificate"),
        (
            with_certificate(relaying_for_identity(), true, None),
            "a certificate without a name",
        ),
        (
            with_certificate(relaying_for_identity(), true, Some(&other)),
            "another name",
        ),
        (
            with_certificate(relaying_for_identity(), false, Some(&relay())),
            "a certificate that is not believed",
        ),
        (
            with_certificate(settings(), true, Some(&relay())),
            "a server that relays for no name",
        ),
    ] {
        assert_eq!(session.code(ELSEWHERE), 550, "{who}");
    }
}

#[test]
fn neither_an_address_nor_a_name_in_ehlo_proves_the_identity() {
    let mut session = Session::new(ServerSettings {
        client_address: Some(relay()),
        ..relaying_for_identity()
    });
    session.say(&[EHLO, MAIL]);
    assert_eq!(session.code(ELSEWHERE), 550);
}

#[test]
fn in_clear_nobody_shows_a_certificate() {
    let mut session = Session::new(relaying_for_identity());
    session.hand(Input::ClientCertificate {
        is_believed: true,
        identity: Some(&relay()),
    });
    session.say(&[EHLO, MAIL]);
    assert_eq!(session.code(ELSEWHERE), 550);
}

#[test]
fn a_transaction_tells_the_name_that_was_proved() {
    for (is_believed, identity) in [(true, Some(relay())), (false, None)] {
        let mut session = with_certificate(relaying_for_identity(), is_believed, Some(&relay()));
        let transaction = session.transaction();
        assert_eq!(transaction.identity, identity);
    }
}

#[test]
fn a_certificate_that_is_not_believed_costs_the_client_nothing() {
    let mut session = with_certificate(settings(), false, None);
    assert_eq!(session.code(RCPT), 250);
    assert_eq!(session.say(&["DATA", "."])[1], "<store for [bob@b.example]>");
}

#[test]
fn a_handshake_that_failed_in_an_earlier_session_decides_nothing() {
    let mut session = Session::new(ServerSettings {
        failed_at_tls: true,
        ..settings()
    });
    for (line, code) in [(EHLO, 250), (MAIL, 250), (RCPT, 250), ("DATA", 354)] {
        assert_eq!(session.code(line), code, "{line}");
    }
}
