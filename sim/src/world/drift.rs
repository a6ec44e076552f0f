//! What drift changes, and what the trace is told of it.

use postern_model::name::DomainName;
use postern_model::scenario::Drift;
use postern_model::trace::{Event, Setting};

use super::{World, address_of_host};

impl World {
    /// A host, its DNS or what it sees of DNS changes.
    pub(super) fn drift(&self, name: &DomainName, drift: &Drift) {
        let Some(index) = self.host_index(name) else { return };
        self.drifts.set(self.drifts.get() + 1);
        let host = name.clone();
        let mut state = self.hosts[index].borrow_mut();
        let setting = match drift.clone() {
            Drift::Tls(switch) => {
                state.tls = switch;
                Setting::Tls {
                    host,
                    on: switch.is_on(),
                }
            }
            Drift::Trouble(trouble) => {
                state.trouble = trouble;
                Setting::Trouble { host, trouble }
            }
            Drift::Certificate(certificate) => {
                state.certificate = certificate;
                Setting::Certificate { host, certificate }
            }
            Drift::Policy { next_hop, level } => {
                state.policy.insert(next_hop.clone(), level);
                Setting::Policy { host, next_hop, level }
            }
            Drift::Configure(domain) => {
                if !state.exchanger_for.contains(&domain) {
                    state.exchanger_for.push(domain.clone());
                }
                Setting::Exchanger {
                    host,
                    domain,
                    configured: true,
                }
            }
            Drift::Unconfigure(domain) => {
                state.exchanger_for.retain(|configured| *configured != domain);
                Setting::Exchanger {
                    host,
                    domain,
                    configured: false,
                }
            }
            Drift::AddMx { domain, preference } => self.list(domain, |exchangers| {
                exchangers.retain(|(_, listed)| *listed != host);
                exchangers.push((preference, host));
            }),
            Drift::DropMx(domain) => self.list(domain, |exchangers| exchangers.retain(|(_, listed)| *listed != host)),
            Drift::Clock(clock) => {
                self.network.set_clock(host.as_str(), clock);
                Setting::Clock { host, clock }
            }
            Drift::Crash { .. } | Drift::Hold { .. } => return,
            Drift::FailLookups(domain) => {
                self.zones
                    .borrow_mut()
                    .set_lookups(address_of_host(index).into(), domain.clone(), false);
                Setting::Lookups {
                    host,
                    domain,
                    work: false,
                }
            }
            Drift::RestoreLookups(domain) => {
                self.zones
                    .borrow_mut()
                    .set_lookups(address_of_host(index).into(), domain.clone(), true);
                Setting::Lookups {
                    host,
                    domain,
                    work: true,
                }
            }
        };
        drop(state);
        self.recorder.record(Event::Set(setting));
    }

    /// Changes the MX set of a domain in DNS.
    fn list(&self, domain: DomainName, change: impl FnOnce(&mut Vec<(u16, DomainName)>)) -> Setting {
        let mut all = self.exchangers.borrow_mut();
        let exchangers = all.entry(domain.clone()).or_default();
        change(exchangers);
        exchangers.sort();
        let time_to_live = self
            .scenario
            .domain(&domain)
            .map(|domain| domain.time_to_live)
            .unwrap_or_default();
        self.zones
            .borrow_mut()
            .publish_exchangers(domain.clone(), exchangers.clone(), time_to_live);
        let null_mx = self.scenario.domain(&domain).is_some_and(|domain| domain.null_mx);
        self.zones.borrow_mut().publish_null_mx(&domain, null_mx);
        Setting::Mx {
            domain,
            exchangers: exchangers.clone(),
            null_mx,
        }
    }
}
