//! Configuration, DNS and attacks as they stand now.

use postern_model::observation::{DomainId, DomainSet, HostId, Observation};

use crate::setup::{Setup, Standing};

/// How every host stands now.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(super) struct Standings(Vec<Standing>);

impl Standings {
    /// As all stands at the start.
    pub(super) fn at_start(setup: &Setup) -> Self {
        Self(setup.hosts().map(|host| setup.at_start(host)).collect())
    }

    /// Takes the next observation and says whether anything is different now.
    pub(super) fn observe(&mut self, observation: &Observation) -> bool {
        let Some(host) = host_of(observation) else {
            return false;
        };
        let before = self.of(host);
        let after = &mut self.0[usize::from(host.0)];
        match *observation {
            Observation::Tls { on, .. } => after.offers_tls = on,
            Observation::Trouble { trouble, .. } => after.trouble = trouble,
            Observation::Certificate { proves, .. } => after.proves = proves,
            Observation::Exchanger { domain, configured, .. } => put(&mut after.configured, domain, configured),
            Observation::Listed { domain, listed, .. } => put(&mut after.listed, domain, listed),
            Observation::Lookups { domain, work, .. } => put(&mut after.lookups_failing, domain, !work),
            Observation::Deceived { domain, active, .. } => put(&mut after.deceived, domain, active),
            Observation::Attacked { attacks, .. } => after.attacks = attacks,
            Observation::Running { up, .. } => after.is_down = !up,
            Observation::Clock { is_right, .. } => after.clock_is_off = !is_right,
            _ => {}
        }
        before != *after
    }

    /// Whether a host's resolver is lied to about a domain.
    pub(super) fn is_deceived(&self, host: HostId, domain: DomainId) -> bool {
        self.of(host).deceived.has(domain)
    }

    /// How a host stands.
    pub(super) fn of(&self, host: HostId) -> Standing {
        self.0[usize::from(host.0)]
    }

    /// Whether DNS lists a host for a domain.
    pub(super) fn is_listed(&self, host: HostId, domain: DomainId) -> bool {
        self.of(host).listed.has(domain)
    }

    /// Whether a host is configured to act as exchanger for a domain.
    pub(super) fn is_configured(&self, host: HostId, domain: DomainId) -> bool {
        self.of(host).configured.has(domain)
    }

    /// Whether a host is a publicly referenced server: DNS lists it for a domain that it is configured for.
    pub(super) fn is_public(&self, host: HostId) -> bool {
        let standing = self.of(host);
        standing.listed.0 & standing.configured.0 != 0
    }

    /// Whether a host's own lookups about the exchangers of a domain, and about the address of each, work.
    pub(super) fn exchangers_can_be_found(&self, setup: &Setup, host: HostId, domain: DomainId) -> bool {
        let listed = setup.hosts().filter(|exchanger| self.is_listed(*exchanger, domain));
        let mut names = listed.filter_map(|exchanger| setup.own_name(exchanger));
        self.lookups_work(host, domain) && names.all(|name| self.lookups_work(host, name))
    }

    /// Whether a host's own lookups about a domain work, and tell the truth.
    fn lookups_work(&self, host: HostId, domain: DomainId) -> bool {
        let standing = self.of(host);
        !standing.lookups_failing.has(domain) && !standing.deceived.has(domain)
    }
}

fn host_of(observation: &Observation) -> Option<HostId> {
    match *observation {
        Observation::Tls { host, .. }
        | Observation::Trouble { host, .. }
        | Observation::Certificate { host, .. }
        | Observation::Exchanger { host, .. }
        | Observation::Listed { host, .. }
        | Observation::Lookups { host, .. }
        | Observation::Running { host, .. }
        | Observation::Clock { host, .. }
        | Observation::Deceived { host, .. }
        | Observation::Attacked { host, .. } => Some(host),
        _ => None,
    }
}

fn put(set: &mut DomainSet, domain: DomainId, present: bool) {
    let one = DomainSet::default().with(domain).0;
    set.0 = if present { set.0 | one } else { set.0 & !one };
}
