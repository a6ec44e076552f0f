//! The world of one run: the hosts as they stand now, and what the attacker does at present.

mod addresses;
mod drift;
mod settings;
mod timeline;

use std::cell::{Cell, RefCell};
use std::collections::{BTreeMap, VecDeque};
use std::net::{IpAddr, SocketAddr};
use std::rc::Rc;
use std::time::Duration;

use postern_model::mta::delivery::HopId;
use postern_model::mutant::Mutant;
use postern_model::name::{DomainName, Token};
use postern_model::scenario::{
    Action, Attack, Certificate, Domain, Drift, Host, OtherAddress, Phase, Position, Scenario, Step, Visit, When,
};
use tokio::sync::Notify;

use addresses::sites;
pub(crate) use addresses::{
    ATTACKER, OTHER_ADDRESS_PORT, RESOLVER, SMTP_PORT, STRANGER, Site, address_of_host, attacker_port,
};

use crate::certificate::{self, Issued};
use crate::dns::{SharedZones, Zones};
use crate::mta::{Power, Spool};
use crate::net::Network;
use crate::tap::Recorder;
use crate::{Client, Crypto, Options, Server};

/// How long the address of a host may be cached.
const ADDRESS_TIME_TO_LIVE: Duration = Duration::from_secs(3600);

/// What all parts of a run share.
pub(crate) struct World {
    pub(crate) network: Network,
    pub(crate) recorder: Rc<Recorder>,
    pub(crate) zones: SharedZones,
    pub(crate) crypto: Crypto,
    pub(crate) client: Client,
    pub(crate) server: Server,
    pub(crate) mutant: Option<Mutant>,
    scenario: Scenario,
    hosts: Vec<RefCell<Host>>,
    /// The MX sets as they are published now.
    exchangers: RefCell<BTreeMap<DomainName, Vec<(u16, DomainName)>>>,
    /// How often any host drifted.
    drifts: Cell<u64>,
    powers: Vec<Power>,
    spools: Vec<Spool>,
    /// The next hops that were mentioned, in order: the place of one is its small id.
    hops: RefCell<Vec<DomainName>>,
    /// The attempt that each message is at, by the host that it is sent to.
    attempts: RefCell<BTreeMap<(Token, DomainName), u32>>,
    attacks: RefCell<Vec<(usize, Attack)>>,
    /// The forgeries under way, by the step that began each; of those about the same thing the last counts.
    forgeries: RefCell<Vec<usize>>,
    /// What the attacker has learnt of clients, each with a server.
    learnt: RefCell<BTreeMap<(DomainName, usize), Insistence>>,
    /// What strangers are still to do, and to whom.
    visits: RefCell<VecDeque<(usize, Visit)>>,
    visits_changed: Notify,
    /// How often each host was dialled, and when first by whom.
    meetings: RefCell<BTreeMap<usize, Meetings>>,
    /// The steps that have not fired, by their place in the timeline.
    waiting: RefCell<Vec<usize>>,
    /// When the attacks under way end and hosts that crashed start again, by the step that began it.
    ends: RefCell<Vec<(Duration, usize)>>,
    ends_changed: Notify,
    /// Messages of the scenario that have not been handed in, and mail that waits in queues.
    open_work: Cell<usize>,
}

/// What a client does where STARTTLS is not offered, as the attacker saw it (C-DG-14).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Insistence {
    /// It sends in clear.
    GoesOnInClear,
    /// It goes away.
    Insists,
}

/// Who dialled a host so far.
#[derive(Default)]
struct Meetings {
    count: u64,
    first: BTreeMap<Option<DomainName>, Duration>,
}

/// Where a dial leads.
pub(crate) enum Way {
    /// To the host itself.
    Direct(SocketAddr),
    /// To the attacker in its place.
    Intercepted(SocketAddr),
    /// To a refusal. Nothing is dialled: turmoil never frees the port of a dial that was refused.
    Refused,
    /// To nobody who would ever answer.
    Nowhere,
}

impl World {
    pub(crate) fn new(scenario: Scenario, network: Network, crypto: Crypto, options: Options) -> Rc<Self> {
        let exchangers = scenario
            .domain
            .iter()
            .map(|domain| (domain.name.clone(), listed_exchangers(domain)))
            .collect();
        let recorder = Rc::new(Recorder::new(network.clone()));
        let world = Rc::new(Self {
            network,
            recorder,
            zones: Rc::new(RefCell::new(published(&scenario))),
            exchangers: RefCell::new(exchangers),
            crypto,
            client: options.client,
            server: options.server,
            mutant: scenario.mutant,
            hosts: scenario.host.iter().cloned().map(RefCell::new).collect(),
            drifts: Cell::new(0),
            powers: scenario.host.iter().map(|_| Power::default()).collect(),
            spools: scenario.host.iter().map(|_| Spool::default()).collect(),
            hops: RefCell::default(),
            attempts: RefCell::default(),
            attacks: RefCell::default(),
            forgeries: RefCell::default(),
            learnt: RefCell::default(),
            visits: RefCell::default(),
            visits_changed: Notify::new(),
            meetings: RefCell::default(),
            waiting: RefCell::new((0..scenario.step.len()).collect()),
            ends: RefCell::default(),
            ends_changed: Notify::new(),
            open_work: Cell::new(scenario.message.len() + timed_visits(&scenario)),
            scenario,
        });
        world.record_settings();
        world
    }

    pub(crate) fn scenario(&self) -> &Scenario {
        &self.scenario
    }

    /// A host as it stands now.
    pub(crate) fn host(&self, index: usize) -> std::cell::Ref<'_, Host> {
        self.hosts[index].borrow()
    }

    /// How often any host drifted: as long as it stays the same, no configuration has changed.
    pub(crate) fn drifts(&self) -> u64 {
        self.drifts.get()
    }

    pub(crate) fn host_index(&self, name: &DomainName) -> Option<usize> {
        self.scenario.host.iter().position(|host| host.name == *name)
    }

    /// The host that dials from this address.
    pub(crate) fn host_at(&self, address: IpAddr) -> Option<usize> {
        (0..self.hosts.len()).find(|&index| IpAddr::V4(address_of_host(index)) == address)
    }

    /// Whose address it is.
    pub(crate) fn site_at(&self, address: IpAddr) -> Option<Site> {
        let hosts = 0..self.hosts.len();
        let mut sites = hosts.flat_map(|host| self.sites_of(host));
        sites.find(|site| IpAddr::V4(site.address()) == address)
    }

    /// The addresses of a host, in the order in which DNS gives them.
    pub(crate) fn sites_of(&self, host: usize) -> Vec<Site> {
        sites(host, &self.scenario.host[host])
    }

    /// Whether a host runs.
    pub(crate) fn power(&self, index: usize) -> &Power {
        &self.powers[index]
    }

    /// What a host has in stable storage.
    pub(crate) fn spool(&self, index: usize) -> &Spool {
        &self.spools[index]
    }

    /// The small id of a next hop.
    pub(crate) fn hop(&self, name: &DomainName) -> HopId {
        let mut hops = self.hops.borrow_mut();
        let place = hops.iter().position(|hop| hop == name).unwrap_or_else(|| {
            hops.push(name.clone());
            hops.len() - 1
        });
        HopId(u8::try_from(place).unwrap_or(u8::MAX))
    }

    /// The certificate that a host presents now.
    pub(crate) fn certificate(&self, index: usize) -> Rc<Issued> {
        let kind = self.host(index).certificate;
        self.certificate_of_kind(index, kind)
    }

    /// The certificate that a host shows as a client, if it has one.
    pub(crate) fn client_certificate(&self, index: usize) -> Option<Rc<Issued>> {
        let host = self.host(index);
        let kind = host.handshake.client_certificate?;
        Some(certificate::issue_for_client(self.crypto, kind, &host.name))
    }

    /// A certificate of this kind with the names of a host.
    pub(crate) fn certificate_of_kind(&self, index: usize, kind: Certificate) -> Rc<Issued> {
        let host = self.host(index);
        certificate::issue(self.crypto, kind, &host.name, &self.certificate_names(index))
    }

    /// Where the dial of an address leads now.
    pub(crate) fn way_to(&self, site: Site) -> Way {
        let victim = site.host;
        let attacks = self.attacks_on(victim);
        let is_unreachable = site.is_other && self.host(victim).other_address == Some(OtherAddress::Unreachable);
        if is_unreachable || attacks.contains(&Attack::BlackHole) {
            Way::Nowhere
        } else if attacks.contains(&Attack::Refuse) || self.power(victim).is_down() {
            Way::Refused
        } else if attacks.is_empty() {
            Way::Direct(site.socket())
        } else {
            Way::Intercepted((ATTACKER, attacker_port(site)).into())
        }
    }

    /// What the attacker does now on every path to a host.
    pub(crate) fn attacks_on(&self, victim: usize) -> Vec<Attack> {
        let attacks = self.attacks.borrow();
        attacks
            .iter()
            .filter(|&&(attacked, _)| attacked == victim)
            .map(|&(_, attack)| attack)
            .collect()
    }

    /// A server stands at this phase of the attempt that its client is at.
    pub(crate) fn reached_by_server(&self, message: Token, host: &DomainName, phase: Phase) {
        let key = (message, host.clone());
        let attempt = self.attempts.borrow().get(&key).copied().unwrap_or(1);
        let (message, host) = key;
        self.fire_at(&Position {
            message,
            attempt,
            host,
            phase,
        });
    }

    /// What the attacker knows of a client that sends to a host.
    pub(crate) fn learnt(&self, client: &DomainName, victim: usize) -> Option<Insistence> {
        self.learnt.borrow().get(&(client.clone(), victim)).copied()
    }

    /// The attacker has seen what a client does that sends to a host.
    pub(crate) fn learn(&self, client: &DomainName, victim: usize, insistence: Insistence) {
        self.learnt.borrow_mut().insert((client.clone(), victim), insistence);
    }

    /// Whom a stranger visits next, and how.
    pub(crate) async fn next_visit(&self) -> (usize, Visit) {
        loop {
            let changed = self.visits_changed.notified();
            let visit = self.visits.borrow_mut().pop_front();
            match visit {
                Some(visit) => return visit,
                None => changed.await,
            }
        }
    }

    /// A client reached a host: how many did before, and for how long this one has been known there.
    pub(crate) fn met(&self, index: usize, client: Option<&DomainName>) -> (u64, Duration) {
        let mut all = self.meetings.borrow_mut();
        let meetings = all.entry(index).or_default();
        let now = self.network.now();
        let first = *meetings.first.entry(client.cloned()).or_insert(now);
        meetings.count += 1;
        (meetings.count - 1, now - first)
    }

    /// Delivery stands at this position: steps that wait for it fire.
    pub(crate) fn reached(&self, position: &Position) {
        let key = (position.message.clone(), position.host.clone());
        self.attempts.borrow_mut().insert(key, position.attempt);
        self.fire_at(position);
    }

    /// One more, or one less, thing that the run must not end before.
    pub(crate) fn work_began(&self) {
        self.open_work.set(self.open_work.get() + 1);
    }

    /// See [`World::work_began`].
    pub(crate) fn work_ended(&self) {
        self.open_work.set(self.open_work.get() - 1);
    }

    /// Whether all mail was handed in and has its fate.
    pub(crate) fn is_finished(&self) -> bool {
        self.open_work.get() == 0
    }

    /// Later than this, nothing can be undecided: a message may wait a lifetime at each host that it passes, and so may
    /// the notification about it on its way back.
    pub(crate) fn horizon(&self) -> Duration {
        let lifetimes: Duration = self
            .scenario
            .host
            .iter()
            .map(|host| host.lifetime() + host.largest_gap())
            .sum();
        let last_message = self.scenario.message.iter().map(|message| message.at).max();
        last_message.unwrap_or_default() + lifetimes * 2
    }

    /// Whether strangers dial anybody at some time.
    pub(crate) fn has_visits(&self) -> bool {
        let mut steps = self.scenario.step.iter();
        steps.any(|step| matches!(step.action, Action::Visit(_)))
    }

    /// The hosts on whose paths the attacker does something at some time.
    pub(crate) fn victims(&self) -> Vec<usize> {
        let attacked = self
            .scenario
            .step
            .iter()
            .filter(|step| matches!(step.action, Action::Attack { .. }));
        let mut victims: Vec<usize> = attacked.filter_map(|step| self.host_index(&step.host)).collect();
        victims.sort_unstable();
        victims.dedup();
        victims
    }

    /// A valid certificate names the host and every domain that it is listed or configured for at any time.
    fn certificate_names(&self, index: usize) -> Vec<DomainName> {
        let host = &self.scenario.host[index];
        let listed = self
            .scenario
            .domain
            .iter()
            .filter(|domain| domain.mx.iter().any(|mx| mx.host == host.name));
        let drifted = self
            .scenario
            .step
            .iter()
            .filter(|step| step.host == host.name)
            .filter_map(|step| match &step.action {
                Action::Drift(Drift::AddMx { domain, .. } | Drift::Configure(domain)) => Some(domain),
                _ => None,
            });
        let mut names: Vec<DomainName> = listed
            .map(|domain| &domain.name)
            .chain(&host.exchanger_for)
            .chain(drifted)
            .cloned()
            .collect();
        names.push(host.name.clone());
        names.sort();
        names.dedup();
        names
    }
}

/// The visits whose time will come, whatever happens.
fn timed_visits(scenario: &Scenario) -> usize {
    let is_timed = |step: &&Step| matches!((&step.when, &step.action), (When::At(_), Action::Visit(_)));
    scenario.step.iter().filter(is_timed).count()
}

fn listed_exchangers(domain: &Domain) -> Vec<(u16, DomainName)> {
    let mut exchangers: Vec<_> = domain.mx.iter().map(|mx| (mx.preference, mx.host.clone())).collect();
    exchangers.sort();
    exchangers
}

/// DNS at the start. Addresses never change, so how long they may be cached makes no difference.
fn published(scenario: &Scenario) -> Zones {
    let mut zones = Zones::default();
    for domain in &scenario.domain {
        zones.publish_exchangers(domain.name.clone(), listed_exchangers(domain), domain.time_to_live);
        zones.publish_null_mx(&domain.name, domain.null_mx);
    }
    for (index, host) in scenario.host.iter().enumerate() {
        let addresses = sites(index, host).into_iter().map(|site| site.address().into());
        zones.publish_addresses(host.name.clone(), addresses.collect(), ADDRESS_TIME_TO_LIVE);
    }
    zones
}

/// A port of the simulated network can always be had.
pub(crate) fn must_serve(served: std::io::Result<()>) {
    if let Err(error) = served {
        tracing::error!(%error, "a host cannot serve");
    }
}
