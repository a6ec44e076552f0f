//! Who there is: a sending MTA with its own domain, recipient domains in several shapes, and what each host is like.

use std::time::Duration;

use postern_model::name::DomainName;
use postern_model::scenario::{
    AfterFailure, Certificate, DemandStage, Domain, Handshake, Host, Level, LineEnds, MailboxState, MxRecord,
    OtherAddress, Scenario, Switch, TlsVersions, Trouble, UnlistedAnswer,
};

use super::draw::Draw;
use super::stories::Story;
use super::swarm::{Shape, Swarm};

/// More make a world slow: every pair of hosts is a link.
const HOSTS_MAX: usize = 8;
/// The attacker's own host, in the worlds that have one.
const IMPOSTOR: &str = "mx.evil.example";
const DAY: Duration = Duration::from_secs(24 * 3600);

/// The hosts and domains of a world, before anything happens.
pub(super) struct Topology {
    pub(super) scenario: Scenario,
    /// The sending MTA.
    pub(super) sender: DomainName,
    /// The domains that it sends to.
    pub(super) targets: Vec<DomainName>,
}

/// A name that the generator makes up.
///
/// # Panics
/// When it is not a name: the generator's names are constants but for a letter and a digit.
pub(super) fn name(text: &str) -> DomainName {
    text.parse().expect("the generator makes up valid names")
}

impl Topology {
    pub(super) fn draw(draw: &mut Draw, swarm: &Swarm) -> Self {
        let mut topology = Self {
            scenario: Scenario::default(),
            sender: name("out.a.example"),
            targets: Vec::new(),
        };
        topology.add_sender(draw, swarm);
        for letter in ["b", "c", "d"].iter().take(draw.weighted(&[(4, 1), (4, 2), (2, 3)])) {
            topology.add_target(&format!("{letter}.example"), draw, swarm);
        }
        if swarm.forgery && topology.scenario.host.len() < HOSTS_MAX && draw.percent(60) {
            let mut impostor = Host::new(name(IMPOSTOR));
            impostor.impostor = true;
            topology.scenario.host.push(impostor);
        }
        topology.set_policies(draw, swarm);
        topology.set_handshakes(draw, swarm);
        if !swarm.hopeless {
            topology.put_required_tls_within_reach(draw);
        }
        topology
    }

    /// The sending MTA and the exchanger of its domain, where the notifications go: another host, or itself.
    fn add_sender(&mut self, draw: &mut Draw, swarm: &Swarm) {
        let domain = name("a.example");
        let mut sender = Host::new(self.sender.clone());
        if draw.percent(25) {
            sender.exchanger_for.push(domain.clone());
            self.add_domain(domain, vec![(sender.name.clone(), 10)], draw);
            self.scenario.host.push(sender);
        } else {
            self.scenario.host.push(sender);
            let inbound = self.add_server("in.a.example", Some(&domain), draw, swarm);
            if draw.percent(5) {
                // What comes back then comes back a second time, to nobody (C-BNC-3).
                let mailboxes = &mut self.host_mut(&inbound).mailboxes;
                mailboxes.insert("alice".to_owned(), MailboxState::Refuses);
            }
            self.add_domain(domain, vec![(inbound, 10)], draw);
        }
    }

    fn add_target(&mut self, text: &str, draw: &mut Draw, swarm: &Swarm) {
        let domain = name(text);
        let room = HOSTS_MAX - self.scenario.host.len();
        let shape = match draw.weighted(&swarm.shapes) {
            Shape::Hosted if self.targets.is_empty() => Shape::Exchangers,
            shape => shape,
        };
        match shape {
            _ if room < 2 => self.host_by_another(domain.clone(), draw, swarm),
            Shape::Hosted => self.host_by_another(domain.clone(), draw, swarm),
            Shape::Exchangers => {
                self.add_exchangers(&domain, room, draw, swarm);
                if swarm.odd_domains {
                    self.add_oddities(&domain, draw, swarm);
                }
            }
            Shape::Closed => {
                if self.scenario.host.len() == 1 || draw.percent(70) {
                    self.add_server(text, None, draw, swarm);
                }
                self.add_domain(domain.clone(), Vec::new(), draw);
                if let Some(closed) = self.scenario.domain.last_mut() {
                    closed.null_mx = true;
                }
            }
            Shape::Implicit => {
                self.add_server(text, Some(&domain), draw, swarm);
                self.add_domain(domain.clone(), Vec::new(), draw);
            }
            Shape::Gate => {
                self.add_exchangers(&domain, 1, draw, swarm);
                let configured = draw.percent(60).then_some(&domain);
                let gate = self.add_server(&format!("gate.{text}"), configured, draw, swarm);
                let gate_host = self.host_mut(&gate);
                gate_host.demands_tls = gate_host.tls.is_on() && draw.percent(75);
                if gate_host.demands_tls && draw.percent(40) {
                    gate_host.demand_stage = DemandStage::EveryCommand;
                }
                self.route(&domain, &gate);
            }
            Shape::Relayed => {
                self.add_exchangers(&domain, room - 1, draw, swarm);
                let relay = self.add_relay(draw, swarm);
                self.route(&domain, &relay);
            }
            Shape::Fallback => {
                self.add_exchangers(&domain, room - 1, draw, swarm);
                let relay = self.add_relay(draw, swarm);
                let records = self.scenario.domain.last_mut().map(|domain| &mut domain.mx);
                records.into_iter().for_each(|mx| {
                    mx.push(MxRecord {
                        host: relay.clone(),
                        preference: 50,
                    });
                });
            }
        }
        self.targets.push(domain);
    }

    /// The relay of the sender, one for the whole world.
    fn add_relay(&mut self, draw: &mut Draw, swarm: &Swarm) -> DomainName {
        let relay = name("relay.a.example");
        if self.scenario.host(&relay).is_none() {
            self.add_server(relay.as_str(), None, draw, swarm);
            self.permit(&relay, draw, swarm);
        }
        relay
    }

    /// Lets the relay relay for the sender: by its address, or by the certificate that it shows.
    fn permit(&mut self, relay: &DomainName, draw: &mut Draw, swarm: &Swarm) {
        let sender = self.sender.clone();
        // Where it is in MX sets too, a session without TLS would find it shut.
        let is_listed = swarm.shapes.iter().any(|(_, shape)| *shape == Shape::Fallback);
        if is_listed || draw.percent(40) {
            self.host_mut(relay).relay_for.push(sender);
            return;
        }
        self.host_mut(relay).relay_for_identity.push(sender.clone());
        // Without TLS nobody is identified, so mostly it is required.
        let level = draw.weighted(&[(5, Level::Encrypt), (4, Level::May), (1, Level::None)]);
        let shown = draw.weighted(&[
            (10, Certificate::Valid),
            (1, Certificate::Expired),
            (1, Certificate::UnknownAuthority),
            (1, Certificate::WrongName),
        ]);
        let host = self.host_mut(&sender);
        host.policy.insert(relay.clone(), level);
        host.handshake.client_certificate = Some(shown);
    }

    /// One to three exchangers, of equal preference or one after the other; now and then one that does not know of it.
    fn add_exchangers(&mut self, domain: &DomainName, room: usize, draw: &mut Draw, swarm: &Swarm) {
        let count = draw.weighted(&[(4, 1), (5, 2), (1, 3)]).min(room);
        let equal = draw.percent(35);
        let mut mx = Vec::new();
        for number in 1..=count {
            let configured = draw.percent(swarm.configured_percent.0).then_some(domain);
            let host = self.add_server(&format!("mx{number}.{domain}"), configured, draw, swarm);
            mx.push((
                host,
                if equal {
                    10
                } else {
                    10 * u16::try_from(number).unwrap_or(u16::MAX)
                },
            ));
        }
        self.add_domain(domain.clone(), mx, draw);
    }

    /// Now and then a host that has the domain's own name and takes none of its mail, an exchanger that never accepts mail, or
    /// a null MX by mistake.
    fn add_oddities(&mut self, domain: &DomainName, draw: &mut Draw, swarm: &Swarm) {
        if self.scenario.host.len() < HOSTS_MAX && draw.percent(12) {
            self.add_server(domain.as_str(), None, draw, swarm);
        }
        let Some(record) = self.scenario.domain.last_mut() else {
            return;
        };
        record.null_mx = draw.percent(4);
        if let [first, _, ..] = &record.mx[..]
            && draw.percent(10)
        {
            let first = first.host.clone();
            self.host_mut(&first).never_accepts_mail = true;
        }
    }

    /// Lists, and mostly configures, a server that is there already.
    fn host_by_another(&mut self, domain: DomainName, draw: &mut Draw, swarm: &Swarm) {
        let is_open = |host: &&Host| host.demand_stage == DemandStage::Recipient;
        let servers = self.scenario.host.iter().skip(1).filter(is_open);
        let servers: Vec<_> = servers.map(|host| host.name.clone()).collect();
        let sender = self.scenario.host(&self.sender);
        let gate = sender.and_then(|host| host.route.values().next().cloned());
        // Two next hops that lead to one host are where sessions can be confused (C-DG-19).
        let provider = match gate.filter(|gate| servers.contains(gate) && draw.percent(75)) {
            Some(gate) => gate,
            None if servers.is_empty() => self.sender.clone(),
            None => draw.pick(&servers).clone(),
        };
        if draw.percent(swarm.configured_percent.1) {
            self.host_mut(&provider).exchanger_for.push(domain.clone());
        }
        self.add_domain(domain, vec![(provider, 10)], draw);
    }

    fn add_server(
        &mut self,
        text: &str,
        configured_for: Option<&DomainName>,
        draw: &mut Draw,
        swarm: &Swarm,
    ) -> DomainName {
        let mut host = Host::new(name(text));
        host.exchanger_for.extend(configured_for.cloned());
        host.tls = if draw.permille(swarm.offers_tls_permille) {
            Switch::On
        } else {
            Switch::Off
        };
        host.certificate = draw.weighted(&swarm.certificates);
        host.demands_tls = host.tls.is_on() && draw.percent(swarm.demands_tls_percent);
        if draw.percent(swarm.trouble_percent) {
            host.trouble = draw.weighted(&swarm.troubles);
        }
        if draw.percent(swarm.other_address_percent) {
            let kinds = [
                (2, OtherAddress::Unreachable),
                (3, OtherAddress::WithoutTls),
                (1, OtherAddress::Alike),
            ];
            host.other_address = Some(draw.weighted(&kinds));
            host.other_address_first = draw.percent(70);
        }
        host.unlisted_answer = *draw.pick(&[UnlistedAnswer::StarttlsFirst, UnlistedAnswer::NotExchanger]);
        if swarm.bad_mailbox_percent > 0 {
            host.mailboxes.insert("full".to_owned(), MailboxState::Defers);
            host.mailboxes.insert("ghost".to_owned(), MailboxState::Refuses);
            host.mailboxes
                .insert("moved".to_owned(), MailboxState::ForwardsToNullMx);
            host.mailboxes.insert("wary".to_owned(), MailboxState::RefusesSender);
        }
        let name = host.name.clone();
        self.scenario.host.push(host);
        name
    }

    fn add_domain(&mut self, name: DomainName, mx: Vec<(DomainName, u16)>, draw: &mut Draw) {
        let seconds = draw.weighted(&[(2, 60), (6, 300), (2, 3600)]);
        self.scenario.domain.push(Domain {
            null_mx: false,
            name,
            mx: mx
                .into_iter()
                .map(|(host, preference)| MxRecord { host, preference })
                .collect(),
            time_to_live: Duration::from_secs(seconds),
        });
    }

    fn route(&mut self, domain: &DomainName, to: &DomainName) {
        let sender = self.sender.clone();
        self.host_mut(&sender).route.insert(domain.clone(), to.clone());
    }

    /// What is odd about handshakes, in some worlds.
    fn set_handshakes(&mut self, draw: &mut Draw, swarm: &Swarm) {
        let sender = self.sender.clone();
        if let Some(hello) = swarm.hello {
            self.host_mut(&sender).handshake.hello = hello;
        }
        if let Some(shown) = swarm.client_certificate {
            self.host_mut(&sender).handshake.client_certificate.get_or_insert(shown);
        }
        for host in self.scenario.host.iter_mut().filter(|host| host.name != sender) {
            if draw.percent(swarm.tarpit_percent) {
                host.handshake.after_failure = AfterFailure::Delays;
            }
            host.handshake.asks_for_certificate = swarm.client_certificate.is_some() && draw.percent(60);
            if swarm.odd_versions_percent > 0 && draw.percent(swarm.odd_versions_percent) {
                host.handshake.versions = draw.weighted(&[
                    (3, TlsVersions::Tls12Only),
                    (3, TlsVersions::Tls13Only),
                    (1, TlsVersions::NoCommonSuite),
                    (1, TlsVersions::Tls10Only),
                ]);
            }
        }
    }

    /// Local policy, retries and lifetime of whoever sends: the sender and the relay.
    fn set_policies(&mut self, draw: &mut Draw, swarm: &Swarm) {
        let senders: Vec<_> = self.senders().collect();
        for sender in senders {
            let next_hops: Vec<_> = self.next_hops(&sender).collect();
            let host = self.host_mut(&sender);
            host.level = draw.weighted(&swarm.default_levels);
            for next_hop in next_hops {
                if draw.percent(60) && !host.policy.contains_key(&next_hop) {
                    host.policy.insert(next_hop, draw.weighted(&swarm.levels));
                }
            }
            host.retry = draw.weighted(&swarm.retries);
            host.lifetime = Some(draw.weighted(&[(3, DAY * 4), (1, DAY * 5)]));
            if draw.percent(70) {
                // Mostly no warning: each is one more message.
                let warning = draw.weighted(&[(3, Duration::ZERO), (1, Duration::from_secs(4 * 3600))]);
                host.warning = Some(warning);
            }
            host.reuse = draw.percent(35) || swarm.opening == Some(Story::Reuse);
            host.tls_failure_memory = draw.percent(25).then_some(DAY / 24);
            host.sessions_per_host = draw.weighted(&[(5, 20), (3, 1), (2, 2)]);
            host.line_ends = draw.weighted(&[(9, LineEnds::Crlf), (1, LineEnds::Lf)]);
        }
    }

    /// Lets every server that a policy requires TLS of offer TLS, with a certificate that will do: trouble is then
    /// the timeline's doing. Without this, too much mail would be retried to the end of its lifetime.
    fn put_required_tls_within_reach(&mut self, draw: &mut Draw) {
        let senders: Vec<_> = self.senders().collect();
        for sender in senders {
            let mut next_hops: Vec<_> = self.next_hops(&sender).collect();
            next_hops.push(name("a.example"));
            for next_hop in next_hops {
                let level = self.host_mut(&sender).level_for(&next_hop);
                let listed = self
                    .scenario
                    .domain(&next_hop)
                    .map(|domain| domain.mx.clone())
                    .unwrap_or_default();
                let dialled = |host: &Host| host.name == next_hop || listed.iter().any(|mx| mx.host == host.name);
                for host in self.scenario.host.iter_mut().filter(|host| dialled(host)) {
                    if level >= Level::Encrypt {
                        host.tls = Switch::On;
                        if matches!(host.trouble, Trouble::NoCertificate | Trouble::UnhappyWithTls) {
                            host.trouble = Trouble::None;
                        }
                        if !Handshake::default().can_meet(host.handshake) {
                            host.handshake.versions = TlsVersions::Current;
                        }
                    }
                    if level >= Level::Secure {
                        let may_have_wildcard = host.name.as_str().split('.').count() > 2;
                        host.certificate = draw.weighted(&[
                            (10, Certificate::Valid),
                            (1, Certificate::Intermediate),
                            (1, Certificate::Revoked),
                            (1, Certificate::ByIndication),
                            (u32::from(may_have_wildcard), Certificate::Wildcard),
                        ]);
                    }
                }
            }
        }
    }

    fn senders(&self) -> impl Iterator<Item = DomainName> {
        let is_relay = |host: &&Host| !(host.relay_for.is_empty() && host.relay_for_identity.is_empty());
        let relays = self.scenario.host.iter().filter(is_relay);
        let mut senders: Vec<_> = relays.map(|host| host.name.clone()).collect();
        senders.push(self.sender.clone());
        senders.into_iter()
    }

    fn next_hops(&self, sender: &DomainName) -> impl Iterator<Item = DomainName> {
        let host = self.scenario.host(sender);
        let hops: Vec<_> = self
            .targets
            .iter()
            .filter_map(|target| host.map(|host| host.next_hop(target).clone()))
            .collect();
        hops.into_iter()
    }

    fn host_mut(&mut self, name: &DomainName) -> &mut Host {
        let hosts = &mut self.scenario.host;
        let host = hosts.iter_mut().find(|host| host.name == *name);
        host.expect("the topology names only its own hosts")
    }
}
