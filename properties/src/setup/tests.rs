use postern_model::scenario::{Step, When};

use super::*;
use crate::testing::{name, scenario};

const OUT: HostId = HostId(0);
const MX1: HostId = HostId(1);
const MX2: HostId = HostId(2);

#[test]
fn domains_are_numbered_by_first_mention_and_hosts_come_last() {
    let setup = Setup::of(&scenario(Level::May));
    let names: Vec<&str> = setup
        .domains()
        .map(|domain| setup.domain_name(domain).as_str())
        .collect();
    assert_eq!(names, ["b.example", "out.a.example", "mx1.b.example", "mx2.b.example"]);
    for host in setup.hosts() {
        assert_eq!(setup.host(setup.host_name(host)), Some(host));
        assert_eq!(setup.own_name(host), setup.domain(setup.host_name(host)));
    }
}

#[test]
fn listing_at_the_start_is_by_mx_record_or_by_name() {
    let mut world = scenario(Level::May);
    let setup = Setup::of(&world);
    let b = setup.domain(&name("b.example")).expect("a domain");
    assert!(setup.at_start(MX1).listed.has(b) && setup.at_start(MX2).listed.has(b));
    assert!(!setup.at_start(OUT).listed.has(b));

    world.domain[0].mx.clear();
    world.host[1].name = name("b.example");
    let setup = Setup::of(&world);
    let b = setup.domain(&name("b.example")).expect("a domain");
    assert!(setup.at_start(MX1).listed.has(b), "the implicit MX");
    assert!(!setup.at_start(MX2).listed.has(b));
}

#[test]
fn a_valid_certificate_proves_all_that_the_host_is_ever_listed_or_configured_for() {
    let mut world = scenario(Level::May);
    for (host, drift) in [
        (
            "mx1.b.example",
            Drift::AddMx {
                domain: name("c.example"),
                preference: 10,
            },
        ),
        ("mx1.b.example", Drift::Configure(name("d.example"))),
        ("mx2.b.example", Drift::Configure(name("e.example"))),
    ] {
        world.step.push(Step {
            when: When::At(Duration::ZERO),
            host: name(host),
            action: Action::Drift(drift),
        });
    }
    let setup = Setup::of(&world);
    let proved = |certificate| -> Vec<&str> {
        let proves = setup.proves(MX1, certificate);
        let domains = setup.domains().filter(|domain| proves.has(*domain));
        domains.map(|domain| setup.domain_name(domain).as_str()).collect()
    };
    assert_eq!(
        proved(Certificate::Valid),
        ["b.example", "c.example", "d.example", "mx1.b.example"]
    );
    assert_eq!(proved(Certificate::HostNameOnly), ["mx1.b.example"]);
    assert!(proved(Certificate::Expired).is_empty());
}

#[test]
fn a_routed_domain_goes_to_its_host_and_is_judged_by_that_name() {
    let mut world = scenario(Level::May);
    world.host[0].route.insert(name("z.example"), name("mx1.b.example"));
    world.host[0].policy.insert(name("mx1.b.example"), Level::Secure);
    let setup = Setup::of(&world);
    let z = setup.domain(&name("z.example")).expect("a domain");
    let next_hop = setup.next_hop(OUT, z);
    assert_eq!(setup.domain_name(next_hop).as_str(), "mx1.b.example");
    assert_eq!(setup.level(OUT, next_hop), Level::Secure);
    assert!(setup.may_serve(MX1, next_hop) && !setup.may_serve(MX2, next_hop));
}

#[test]
fn more_domains_than_fit_are_left_out() {
    let mut world = scenario(Level::May);
    for number in 0..100 {
        world.host[0].exchanger_for.push(name(&format!("d{number}.example")));
    }
    let setup = Setup::of(&world);
    assert_eq!(setup.domains().len(), DOMAINS_MAX);
    assert_eq!(setup.domain(&name("d99.example")), None);
}

#[test]
fn setups_of_the_same_scenario_are_equal() {
    assert_eq!(Setup::of(&scenario(Level::May)), Setup::of(&scenario(Level::May)));
    assert_ne!(Setup::of(&scenario(Level::May)), Setup::of(&scenario(Level::None)));
}
