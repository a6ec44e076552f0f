//! How things stand at the present moment of the walk.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use postern_model::name::DomainName;
use postern_model::scenario::{Clock, DemandStage, Drift, Host, Level, MxRecord, Scenario};

/// The scenario with all drift so far applied, and the attacks under way.
pub(super) struct Truth {
    standing: Scenario,
    failing: BTreeSet<(DomainName, DomainName)>,
    /// How the wall clocks stand that ever leapt.
    clocks: BTreeMap<DomainName, Clock>,
    /// Victim, and when the attack on it ends, if ever.
    attacks: Vec<(DomainName, Option<Duration>)>,
}

impl Truth {
    pub(super) fn of(scenario: &Scenario) -> Self {
        Self {
            standing: scenario.clone(),
            failing: BTreeSet::new(),
            clocks: BTreeMap::new(),
            attacks: Vec::new(),
        }
    }

    /// A host as it stands now.
    ///
    /// # Panics
    /// When there is no such host: the walk names only hosts of its topology.
    pub(super) fn host(&self, name: &DomainName) -> &Host {
        self.standing.host(name).expect("the walk names only its own hosts")
    }

    /// The hosts that a sending MTA dials for a recipient domain, in the order of preference.
    pub(super) fn exchangers(&self, sender: &DomainName, domain: &DomainName) -> Vec<DomainName> {
        let next_hop = self.next_hop(sender, domain);
        match self.standing.domain(next_hop) {
            Some(record) if !record.mx.is_empty() || record.null_mx => {
                let mut mx = record.mx.clone();
                mx.sort_by_key(|record| record.preference);
                mx.into_iter().map(|record| record.host).collect()
            }
            _ => self
                .standing
                .host(next_hop)
                .map(|host| host.name.clone())
                .into_iter()
                .collect(),
        }
    }

    pub(super) fn next_hop<'a>(&'a self, sender: &DomainName, domain: &'a DomainName) -> &'a DomainName {
        self.host(sender).next_hop(domain)
    }

    pub(super) fn level(&self, sender: &DomainName, domain: &DomainName) -> Level {
        let host = self.host(sender);
        host.level_for(host.next_hop(domain))
    }

    pub(super) fn lookups_fail(&self, host: &DomainName, domain: &DomainName) -> bool {
        self.failing.contains(&(host.clone(), domain.clone()))
    }

    /// The names of the hosts that are listed for a domain by MX records.
    pub(super) fn listed(&self, domain: &DomainName) -> Vec<DomainName> {
        let records = self.standing.domain(domain).map(|domain| domain.mx.as_slice());
        records
            .unwrap_or_default()
            .iter()
            .map(|record| record.host.clone())
            .collect()
    }

    /// Applies a drift, if it changes something and leaves every domain with MX records at least one of them.
    pub(super) fn drift(&mut self, name: &DomainName, drift: &Drift) -> bool {
        match drift {
            Drift::FailLookups(domain) => return self.failing.insert((name.clone(), domain.clone())),
            Drift::RestoreLookups(domain) => return self.failing.remove(&(name.clone(), domain.clone())),
            Drift::Clock(clock) => return self.clocks.insert(name.clone(), *clock).unwrap_or_default() != *clock,
            Drift::AddMx { domain, preference } => return self.add_mx(name, domain, *preference),
            Drift::DropMx(domain) => return self.drop_mx(name, domain),
            _ => {}
        }
        let Some(host) = self.standing.host.iter_mut().find(|host| host.name == *name) else {
            return false;
        };
        let before = host.clone();
        match drift {
            Drift::Tls(switch) => host.tls = *switch,
            Drift::Certificate(certificate) => host.certificate = *certificate,
            Drift::Trouble(trouble) => host.trouble = *trouble,
            Drift::Configure(domain) if !host.exchanger_for.contains(domain) => host.exchanger_for.push(domain.clone()),
            Drift::Unconfigure(domain) => host.exchanger_for.retain(|configured| configured != domain),
            Drift::Policy { next_hop, level } if host.level_for(next_hop) != *level => {
                host.policy.insert(next_hop.clone(), *level);
            }
            _ => {}
        }
        *host != before
    }

    /// A server that wants TLS before every command must never be listed (R3207-4-c).
    fn add_mx(&mut self, name: &DomainName, domain: &DomainName, preference: u16) -> bool {
        if self.host(name).demand_stage == DemandStage::EveryCommand {
            return false;
        }
        let Some(domain) = self.standing.domain.iter_mut().find(|record| record.name == *domain) else {
            return false;
        };
        if domain.mx.is_empty() || domain.mx.iter().any(|record| record.host == *name) {
            return false;
        }
        domain.mx.push(MxRecord {
            host: name.clone(),
            preference,
        });
        true
    }

    fn drop_mx(&mut self, name: &DomainName, domain: &DomainName) -> bool {
        let Some(domain) = self.standing.domain.iter_mut().find(|record| record.name == *domain) else {
            return false;
        };
        if domain.mx.len() < 2 || !domain.mx.iter().any(|record| record.host == *name) {
            return false;
        }
        domain.mx.retain(|record| record.host != *name);
        true
    }

    /// Notes an attack, if none is under way on that victim yet.
    pub(super) fn attack(&mut self, victim: &DomainName, now: Duration, lasting: Option<Duration>) -> bool {
        self.attacks.retain(|(_, end)| end.is_none_or(|end| end > now));
        if self.attacks.iter().any(|(other, _)| other == victim) {
            return false;
        }
        self.attacks
            .push((victim.clone(), lasting.map(|lasting| now + lasting)));
        true
    }

    /// Notes a lie that ends. Lies and attacks do not get in each other's way.
    pub(super) fn lie(&mut self, victim: &DomainName, now: Duration, lasting: Duration) {
        self.attacks.push((victim.clone(), Some(now + lasting)));
    }

    /// When the last of the attacks that end has ended.
    pub(super) fn attacks_end(&self) -> Duration {
        self.attacks
            .iter()
            .filter_map(|(_, end)| *end)
            .max()
            .unwrap_or_default()
    }

    /// The drift that puts every host and every DNS record back to how it stood in `start`.
    pub(super) fn way_back(&self, start: &Scenario) -> Vec<(DomainName, Drift)> {
        let mut steps = Vec::new();
        for (host, before) in self.standing.host.iter().zip(&start.host) {
            let mut step = |drift| steps.push((host.name.clone(), drift));
            if host.tls != before.tls {
                step(Drift::Tls(before.tls));
            }
            if host.trouble != before.trouble {
                step(Drift::Trouble(before.trouble));
            }
            if host.certificate != before.certificate {
                step(Drift::Certificate(before.certificate));
            }
            for domain in before
                .exchanger_for
                .iter()
                .filter(|domain| !host.exchanger_for.contains(domain))
            {
                step(Drift::Configure(domain.clone()));
            }
            for (next_hop, level) in &host.policy {
                if before.level_for(next_hop) != *level {
                    step(Drift::Policy {
                        next_hop: next_hop.clone(),
                        level: before.level_for(next_hop),
                    });
                }
            }
        }
        let lookups = self.failing.iter();
        steps.extend(lookups.map(|(host, domain)| (host.clone(), Drift::RestoreLookups(domain.clone()))));
        let off = self.clocks.iter().filter(|(_, clock)| **clock != Clock::Right);
        steps.extend(off.map(|(host, _)| (host.clone(), Drift::Clock(Clock::Right))));
        steps
    }
}
