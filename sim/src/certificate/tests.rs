use super::*;

fn name(text: &str) -> DomainName {
    text.parse().unwrap()
}

fn issued(kind: Certificate) -> Rc<Issued> {
    let host = name("mx1.b.example");
    let names = [name("c.example"), host.clone(), name("b.example")];
    issue(Crypto::Fast, kind, &host, &names)
}

fn presented(kind: Certificate) -> Presented {
    issued(kind).presented(Some("b.example")).clone()
}

#[test]
fn a_valid_certificate_bears_the_name_of_the_host_and_then_the_others_once() {
    let names = ["mx1.b.example", "b.example", "c.example"].map(str::to_owned);
    let expected = Presented {
        names: names.to_vec(),
        trusted: true,
        current: true,
    };
    for kind in [Certificate::Valid, Certificate::Intermediate, Certificate::Revoked] {
        assert_eq!(presented(kind), expected);
    }
}

#[test]
fn the_other_kinds_say_in_what_they_fail() {
    assert_eq!(presented(Certificate::HostNameOnly).names, ["mx1.b.example"]);
    assert_eq!(presented(Certificate::WrongName).names, ["wrong.invalid"]);
    assert_eq!(
        presented(Certificate::Wildcard).names,
        ["*.b.example", "b.example", "c.example"]
    );
    assert_eq!(presented(Certificate::PartialWildcard).names, ["m*.b.example"]);
    assert_eq!(presented(Certificate::WideWildcard).names, ["*.example"]);
    assert_eq!(presented(Certificate::CommonNameOnly).names, [""; 0]);
    assert!(!presented(Certificate::Expired).current);
    assert!(!presented(Certificate::NotYetValid).current);
    for kind in [
        Certificate::SelfSigned,
        Certificate::UnknownAuthority,
        Certificate::MissingIntermediate,
        Certificate::NameConstraint,
        Certificate::PathLength,
    ] {
        assert!(!presented(kind).trusted, "{kind:?}");
    }
}

#[test]
fn a_server_sends_the_authorities_below_the_top_unless_it_forgets() {
    let length = |kind| issued(kind).chain().len();
    assert_eq!(length(Certificate::Valid), 1);
    assert_eq!(length(Certificate::Intermediate), 2);
    assert_eq!(length(Certificate::MissingIntermediate), 1);
    assert_eq!(length(Certificate::PathLength), 3);
}

#[test]
fn what_is_shown_may_depend_on_the_name_that_is_indicated() {
    let by_indication = issued(Certificate::ByIndication);
    for (indicated, shown) in [
        (Some("c.example"), "mx1.b.example"),
        (Some("d.example"), "wrong.invalid"),
        (None, "wrong.invalid"),
    ] {
        assert_eq!(by_indication.presented(indicated).names[0], shown, "{indicated:?}");
        assert!(!by_indication.refuses(indicated));
    }
    let other_names_refused = issued(Certificate::OtherNamesRefused);
    assert!(!other_names_refused.refuses(Some("mx1.b.example")));
    assert!(other_names_refused.refuses(Some("b.example")) && other_names_refused.refuses(None));
}

#[test]
fn a_certificate_is_the_same_in_every_thread_and_run() {
    for crypto in [Crypto::Real, Crypto::Fast] {
        for kind in Certificate::ALL {
            let octets = move || {
                let issued = issue(crypto, *kind, &name("mx1.b.example"), &[name("b.example")]);
                issued.chain().to_vec()
            };
            assert_eq!(octets(), std::thread::spawn(octets).join().unwrap());
        }
    }
}

#[test]
fn a_certificate_is_made_once_in_a_thread() {
    let issued = || issue(Crypto::Real, Certificate::Valid, &name("mx1.b.example"), &[]);
    assert!(Rc::ptr_eq(&issued(), &issued()));
}
