use std::cell::RefCell;
use std::net::{IpAddr, SocketAddr};
use std::rc::Rc;
use std::time::Duration;

use postern_model::name::DomainName;
use postern_model::scenario::Certificate;
use tokio::io::{AsyncReadExt, AsyncWriteExt};

use super::*;
use crate::certificate::Issued;
use crate::net::Simulation;

const SERVER: SocketAddr = SocketAddr::new(IpAddr::V4(std::net::Ipv4Addr::new(203, 0, 113, 25)), 25);
const CLIENT: IpAddr = IpAddr::V4(std::net::Ipv4Addr::new(192, 0, 2, 1));

fn name(text: &str) -> DomainName {
    text.parse().unwrap()
}

struct Outcome {
    client: Result<Vec<u8>, String>,
    server: Result<(), String>,
    wire_hash: String,
}

fn issued(crypto: Crypto, kind: Certificate) -> Rc<Issued> {
    certificate::issue(crypto, kind, &name("mx1.b.example"), &[name("b.example")])
}

/// One handshake in the world, and a greeting under its protection.
fn shake_hands(seed: u64, issued: Rc<Issued>, believed: Arc<ClientConfig>) -> Outcome {
    meet(seed, issued, believed, "b.example")
}

/// The same, by a client that means this name.
fn meet(seed: u64, issued: Rc<Issued>, believed: Arc<ClientConfig>, meant: &'static str) -> Outcome {
    meet_on(ServerTerms::default(), seed, issued, believed, meant)
}

/// The same, with a server on these terms.
fn meet_on(
    terms: ServerTerms,
    seed: u64,
    issued: Rc<Issued>,
    believed: Arc<ClientConfig>,
    meant: &'static str,
) -> Outcome {
    let results: Rc<RefCell<(Option<_>, Option<_>)>> = Rc::default();
    let mut simulation = Simulation::new(seed);
    let server = Rc::clone(&results);
    simulation.host("mx1.b.example", SERVER.ip(), move |door| async move {
        let listener = door.listen(SERVER.port()).await.unwrap();
        let stream = listener.accept().await.unwrap();
        let accepted = present(stream, &issued, terms, door.random("tls")).await;
        let result = match accepted {
            Ok((mut tls, _)) => {
                tls.write_all(b"220 mx1\r\n").await.unwrap();
                tls.shutdown().await.unwrap();
                Ok(())
            }
            Err((failure, _)) => Err(failure.why),
        };
        server.borrow_mut().1 = Some(result);
    });
    let client = Rc::clone(&results);
    simulation.host("a.example", CLIENT, move |door| async move {
        let stream = door.dial(door.network().next_connection(), SERVER).await.unwrap();
        let connected = connect(stream, believed, &name(meant), door.random("tls")).await;
        let result = match connected {
            Ok(mut tls) => {
                let mut greeting = Vec::new();
                // In TLS 1.3 what the server thinks of the client's certificate comes behind the handshake.
                let read = tls.read_to_end(&mut greeting).await;
                read.map(|_| greeting).map_err(|error| error.to_string())
            }
            Err((why, _)) => Err(why),
        };
        client.borrow_mut().0 = Some(result);
    });
    simulation.run(|| false, Duration::from_secs(60), 1000).unwrap();
    let (client, server) = results.take();
    Outcome {
        client: client.expect("the client is done"),
        server: server.expect("the server is done"),
        wire_hash: simulation.network().wire_hash(),
    }
}

const TIERS: [Crypto; 2] = [Crypto::Real, Crypto::Fast];

#[test]
fn a_client_that_believes_anyone_shakes_hands_whatever_the_certificate_says() {
    for crypto in TIERS {
        for &kind in Certificate::ALL {
            let outcome = meet(
                1,
                issued(crypto, kind),
                client_config(crypto, Verify::Anyone),
                "mx1.b.example",
            );
            assert_eq!(outcome.client.as_deref(), Ok(&b"220 mx1\r\n"[..]), "{kind:?}");
            assert_eq!(outcome.server, Ok(()), "{kind:?}");
        }
    }
}

#[test]
fn a_client_that_believes_the_authority_says_what_is_wrong_with_each_certificate() {
    for crypto in TIERS {
        for &kind in Certificate::ALL {
            let why = match kind {
                Certificate::Valid
                | Certificate::Intermediate
                | Certificate::Wildcard
                | Certificate::Revoked
                | Certificate::ByIndication => None,
                Certificate::HostNameOnly
                | Certificate::WrongName
                | Certificate::CommonNameOnly
                | Certificate::PartialWildcard
                | Certificate::WideWildcard => Some("is not for "),
                Certificate::OtherNamesRefused => Some("UnrecognisedName"),
                Certificate::Expired => Some("has expired"),
                Certificate::NotYetValid => Some("is not valid yet"),
                Certificate::SelfSigned | Certificate::UnknownAuthority | Certificate::MissingIntermediate => {
                    Some("is not trusted")
                }
                Certificate::NameConstraint => Some("NameConstraintViolation"),
                Certificate::PathLength => Some("PathLenConstraintViolated"),
            };
            let outcome = shake_hands(1, issued(crypto, kind), client_config(crypto, Verify::Authority));
            match (why, outcome.client) {
                (None, Ok(greeting)) => assert_eq!(greeting, b"220 mx1\r\n"),
                (Some(why), Err(error)) => {
                    assert!(error.contains(why), "{kind:?}: {error}");
                    assert!(outcome.server.is_err(), "{kind:?}: the server was told");
                }
                (_, other) => panic!("{kind:?}: {other:?}"),
            }
        }
    }
}

#[test]
fn a_wildcard_covers_one_whole_label() {
    for (kind, meant, is_believed) in [
        (Certificate::Wildcard, "mx1.b.example", true),
        (Certificate::Wildcard, "b.example", true),
        (Certificate::Wildcard, "a.mx1.b.example", false),
        (Certificate::PartialWildcard, "mx1.b.example", false),
        (Certificate::WideWildcard, "mx1.b.example", false),
        (Certificate::WideWildcard, "b.example", false),
    ] {
        let config = client_config(Crypto::Real, Verify::Authority);
        let outcome = meet(1, issued(Crypto::Real, kind), config, meant);
        assert_eq!(outcome.client.is_ok(), is_believed, "{kind:?} {meant}");
    }
}

#[test]
fn what_a_server_shows_by_indication_is_what_the_client_believes_or_not() {
    for (meant, is_believed) in [("b.example", true), ("c.example", false)] {
        let config = client_config(Crypto::Real, Verify::Authority);
        let outcome = meet(1, issued(Crypto::Real, Certificate::ByIndication), config, meant);
        assert_eq!(outcome.client.is_ok(), is_believed, "{meant}");
    }
}

#[test]
fn who_has_no_version_or_suite_in_common_is_told_by_an_alert() {
    for (server, client, alert) in [
        (TlsVersions::Tls13Only, TlsVersions::Tls12Only, Some("ProtocolVersion")),
        (TlsVersions::Tls12Only, TlsVersions::Tls13Only, Some("ProtocolVersion")),
        (TlsVersions::Tls10Only, TlsVersions::Current, Some("ProtocolVersion")),
        (
            TlsVersions::NoCommonSuite,
            TlsVersions::Current,
            Some("HandshakeFailure"),
        ),
        (TlsVersions::Tls12Only, TlsVersions::Current, None),
        (TlsVersions::Current, TlsVersions::Tls13Only, None),
        (TlsVersions::Tls13Only, TlsVersions::NoCommonSuite, None),
        (TlsVersions::Tls13Only, TlsVersions::Tls10Only, None),
    ] {
        let terms = ServerTerms {
            versions: server,
            ..ServerTerms::default()
        };
        let handshake = Handshake {
            versions: client,
            ..Handshake::default()
        };
        let config = client_config_of(Crypto::Real, Verify::Authority, handshake, None);
        let outcome = meet_on(terms, 1, issued(Crypto::Real, Certificate::Valid), config, "b.example");
        match (alert, outcome.client) {
            (None, client) => assert!(client.is_ok(), "{server:?} {client:?}"),
            (Some(alert), Err(why)) => assert!(why.contains(alert), "{server:?}: {why}"),
            (Some(_), Ok(_)) => panic!("{server:?} and {client:?} have nothing in common"),
        }
    }
}

#[test]
fn a_client_certificate_costs_the_handshake_only_where_it_must_be_believed() {
    let host = name("out.a.example");
    for crypto in TIERS {
        for (asks, kind, is_taken) in [
            (Asks::Nothing, Certificate::Expired, true),
            (Asks::AnyCertificate, Certificate::Expired, true),
            (Asks::AnyCertificate, Certificate::UnknownAuthority, true),
            (Asks::BelievedCertificate, Certificate::Valid, true),
            (Asks::BelievedCertificate, Certificate::Expired, false),
            (Asks::BelievedCertificate, Certificate::UnknownAuthority, false),
        ] {
            let terms = ServerTerms {
                asks,
                ..ServerTerms::default()
            };
            let shown = certificate::issue_for_client(crypto, kind, &host).key();
            let config = client_config_of(crypto, Verify::Authority, Handshake::default(), Some(shown));
            let outcome = meet_on(terms, 1, issued(crypto, Certificate::Valid), config, "b.example");
            assert_eq!(
                outcome.server.is_ok(),
                is_taken,
                "{asks:?} {kind:?}: {:?}",
                outcome.server
            );
        }
    }
}

#[test]
fn a_client_is_who_its_certificate_says_if_that_is_believed() {
    let (host, other) = (name("out.a.example"), name("other.example"));
    for crypto in TIERS {
        let proved = |kind, asked: &DomainName| {
            let issued = certificate::issue_for_client(crypto, kind, &host);
            match client(crypto, issued.chain(), [asked].into_iter()) {
                Client::Believed(identity) => (true, identity),
                Client::NotBelieved => (false, None),
            }
        };
        assert_eq!(proved(Certificate::Valid, &host), (true, Some(host.clone())));
        assert_eq!(proved(Certificate::Valid, &other), (true, None));
        assert_eq!(proved(Certificate::WrongName, &host), (true, None));
        assert_eq!(proved(Certificate::Expired, &host), (false, None));
        assert_eq!(proved(Certificate::UnknownAuthority, &host), (false, None));
    }
}

#[test]
fn the_same_seed_gives_the_same_octets_of_tls_and_another_seed_others() {
    for crypto in TIERS {
        let hash = |seed| {
            let config = client_config(crypto, Verify::Authority);
            shake_hands(seed, issued(crypto, Certificate::Valid), config).wire_hash
        };
        assert_eq!(hash(1), hash(1));
        assert_ne!(hash(1), hash(2));
    }
}

#[test]
fn tls_1_2_works_as_well_and_is_as_deterministic() {
    for crypto in TIERS {
        let hash = || {
            let config = Arc::new(new_client_config(crypto, Verify::Authority, ONLY_TLS12, None));
            let outcome = shake_hands(1, issued(crypto, Certificate::Valid), config);
            assert_eq!(outcome.client.as_deref(), Ok(&b"220 mx1\r\n"[..]));
            outcome.wire_hash
        };
        assert_eq!(hash(), hash());
    }
}

#[test]
fn a_server_without_the_key_of_its_certificate_is_believed_by_nobody() {
    let host = name("mx1.b.example");
    for crypto in TIERS {
        for verify in [Verify::Anyone, Verify::Authority] {
            let stolen = certificate::issue(crypto, Certificate::Valid, &host, &[name("b.example")]);
            let outcome = shake_hands(1, stolen.with_another_key(crypto), client_config(crypto, verify));
            let error = outcome.client.unwrap_err();
            assert!(error.contains("BadSignature"), "{crypto:?} {verify:?}: {error}");
        }
    }
}

#[test]
fn a_client_that_meets_garbage_says_so() {
    let outcome: Rc<RefCell<Option<String>>> = Rc::default();
    let mut simulation = Simulation::new(1);
    simulation.host("mx1.b.example", SERVER.ip(), |door| async move {
        let listener = door.listen(SERVER.port()).await.unwrap();
        let mut stream = listener.accept().await.unwrap();
        stream.write_all(b"500 what is this?\r\n").await.unwrap();
        door.sleep(Duration::from_secs(5)).await;
    });
    let why = Rc::clone(&outcome);
    simulation.host("a.example", CLIENT, move |door| async move {
        let stream = door.dial(door.network().next_connection(), SERVER).await.unwrap();
        let config = client_config(Crypto::Fast, Verify::Anyone);
        let result = connect(stream, config, &name("b.example"), door.random("tls")).await;
        why.replace(Some(result.map(drop).unwrap_err().0));
    });
    simulation.run(|| false, Duration::from_secs(60), 1000).unwrap();
    let why = outcome.take().unwrap();
    assert!(why.contains("was not TLS"), "{why}");
}

#[test]
fn the_process_default_is_the_real_tier_however_often_it_is_installed() {
    install_process_default();
    install_process_default();
    let groups = &CryptoProvider::get_default().unwrap().kx_groups;
    assert_eq!(format!("{groups:?}"), "[SeededX25519]");
}
