//! The worlds and the handshakes that are measured.

use std::sync::Arc;
use std::time::Duration;

use postern_model::name::DomainName;
use postern_model::scenario::{Certificate, Domain, Host, Level, Message, MxRecord, RetrySchedule, Scenario, Switch};
use postern_sim::crypto::Verify;
use postern_sim::{Client, Crypto, Options, Run, Server, certificate, crypto};
use rustls::{ClientConfig, ClientConnection, ServerConfig, ServerConnection};

const SENDER: &str = "out.a.example";
const EXCHANGER: &str = "mx.b.example";

/// A world in which one sender has this many messages for one exchanger, each after a session by TLS that is
/// authenticated; so many at a time, the next an hour later.
pub(crate) fn sessions(messages: usize, at_a_time: usize) -> Scenario {
    let mut scenario = two_hosts(Level::Secure);
    let hour = |number: usize| Duration::from_secs(3600) * u32::try_from(number / at_a_time).expect("a small number");
    scenario.message = (0..messages).map(|number| message(number, hour(number))).collect();
    scenario
}

/// A world of this many hosts, all but the first of which are exchangers, each of a domain of its own that gets two
/// messages at once.
pub(crate) fn crowd(hosts: usize) -> Scenario {
    let mut scenario = two_hosts(Level::Secure);
    scenario.host.truncate(1);
    scenario.domain.clear();
    for number in 1..hosts {
        let (domain, host) = (format!("b{number}.example"), format!("mx.b{number}.example"));
        scenario.domain.push(listed(&domain, &host));
        scenario.host.push(exchanger(&host, &domain));
        for copy in [0, 1] {
            let mut message = message(2 * number + copy, Duration::ZERO);
            message.to = format!("bob@{domain}").parse().expect("a mailbox");
            scenario.message.push(message);
        }
    }
    scenario
}

/// A world in which one message that requires TLS is tried every 30 minutes, for five days, at a server without TLS.
pub(crate) fn stripped() -> Scenario {
    let mut scenario = two_hosts(Level::Encrypt);
    scenario.host[0].retry = RetrySchedule::HalfHourly;
    // The notification stays here, so that the attempts are all that is measured.
    scenario.host[0].exchanger_for.push(name("a.example"));
    scenario.host[1].tls = Switch::Off;
    scenario.message = vec![message(0, Duration::ZERO)];
    scenario
}

/// Runs a world with the project's own client.
pub(crate) fn run(scenario: &Scenario, crypto: Crypto) -> Run {
    let options = Options {
        crypto,
        client: Client::Postern,
        server: Server::Postern,
        mutant: None,
    };
    postern_sim::run(scenario, options).expect("the world comes to its end")
}

/// What both ends of the handshakes in [`sessions`] are configured with.
pub(crate) struct Handshake {
    client: Arc<ClientConfig>,
    server: Arc<ServerConfig>,
}

impl Handshake {
    /// Under this tier.
    pub(crate) fn new(tier: Crypto) -> Self {
        let issued = certificate::issue(tier, Certificate::Valid, &name(EXCHANGER), &[name("b.example")]);
        Self {
            client: crypto::client_config(tier, Verify::Authority),
            server: issued.server_config(),
        }
    }

    /// Shakes hands once, in memory.
    pub(crate) fn shake(&self) {
        let name = EXCHANGER.try_into().expect("a server name");
        let mut client = ClientConnection::new(Arc::clone(&self.client), name).expect("a client");
        let mut server = ServerConnection::new(Arc::clone(&self.server)).expect("a server");
        let mut octets = Vec::new();
        while client.is_handshaking() || server.is_handshaking() {
            client.write_tls(&mut octets).expect("a vector takes all");
            server.read_tls(&mut octets.as_slice()).expect("a slice can be read");
            server.process_new_packets().expect("the client is right");
            octets.clear();
            server.write_tls(&mut octets).expect("a vector takes all");
            client.read_tls(&mut octets.as_slice()).expect("a slice can be read");
            client.process_new_packets().expect("the server is right");
            octets.clear();
        }
    }
}

fn two_hosts(level: Level) -> Scenario {
    let mut sender = Host::new(name(SENDER));
    sender.level = level;
    Scenario {
        title: String::from("measured"),
        seed: 1,
        domain: vec![listed("b.example", EXCHANGER)],
        host: vec![sender, exchanger(EXCHANGER, "b.example")],
        ..Scenario::default()
    }
}

fn exchanger(host: &str, domain: &str) -> Host {
    let mut host = Host::new(name(host));
    host.exchanger_for.push(name(domain));
    host
}

fn listed(domain: &str, exchanger: &str) -> Domain {
    Domain {
        null_mx: false,
        name: name(domain),
        mx: vec![MxRecord {
            host: name(exchanger),
            preference: 10,
        }],
        time_to_live: Duration::from_secs(300),
    }
}

fn message(number: usize, at: Duration) -> Message {
    Message {
        name: format!("m{number}").parse().expect("a token"),
        at,
        host: name(SENDER),
        from: "ann@a.example".parse().expect("a reverse path"),
        to: "bob@b.example".parse().expect("a mailbox"),
        notify: None,
        envelope_id: None,
        returns: None,
    }
}

fn name(text: &str) -> DomainName {
    text.parse().expect("a domain name")
}
