//! What the trace is told of the start.

use postern_model::scenario::{DemandStage, Handshake, Host, Level, Trouble};
use postern_model::trace::{Event, Permanent, Setting};

use super::addresses::other_address_of_host;
use super::{World, listed_exchangers};

impl World {
    /// The trace begins with every fact of the start.
    pub(super) fn record_settings(&self) {
        let set = |setting| self.recorder.record(Event::Set(setting));
        for domain in &self.scenario.domain {
            set(Setting::Mx {
                domain: domain.name.clone(),
                exchangers: listed_exchangers(domain),
                null_mx: domain.null_mx,
            });
        }
        for (index, host) in self.scenario.host.iter().enumerate() {
            let name = || host.name.clone();
            set(Setting::Tls {
                host: name(),
                on: host.tls.is_on(),
            });
            set(Setting::Certificate {
                host: name(),
                certificate: host.certificate,
            });
            if host.trouble != Trouble::None {
                set(Setting::Trouble {
                    host: name(),
                    trouble: host.trouble,
                });
            }
            for domain in &host.exchanger_for {
                set(Setting::Exchanger {
                    host: name(),
                    domain: domain.clone(),
                    configured: true,
                });
            }
            for (next_hop, level) in &host.policy {
                set(Setting::Policy {
                    host: name(),
                    next_hop: next_hop.clone(),
                    level: *level,
                });
            }
            for fact in permanent_facts(index, host) {
                set(Setting::Permanent { host: name(), fact });
            }
        }
    }
}

/// What stays as it is, where it is not the default.
fn permanent_facts(index: usize, host: &Host) -> Vec<Permanent> {
    let other_address = host.other_address.map(|kind| Permanent::OtherAddress {
        address: other_address_of_host(index).into(),
        kind,
        is_listed_first: host.other_address_first,
    });
    let demands = host.demands_tls.then_some(Permanent::DemandsTls(host.unlisted_answer));
    let first = (host.demand_stage == DemandStage::EveryCommand).then_some(Permanent::DemandsTlsFirst);
    let level = (host.level != Level::default()).then_some(Permanent::Level(host.level));
    let never = host.never_accepts_mail.then_some(Permanent::NeverAcceptsMail);
    let impostor = host.impostor.then_some(Permanent::Impostor);
    let relays = host.relay_for.iter().cloned().map(Permanent::RelaysFor);
    let identities = host
        .relay_for_identity
        .iter()
        .cloned()
        .map(Permanent::RelaysForIdentity);
    let selected = host.requires_tls_of.iter().cloned().map(Permanent::RequiresTlsOf);
    let is_odd = host.handshake != Handshake::default();
    let handshake = is_odd.then_some(Permanent::Handshake(host.handshake));
    let relays = relays.chain(identities).chain(selected).chain(handshake);
    let routes = host.route.iter().map(|(domain, next_hop)| Permanent::Route {
        domain: domain.clone(),
        next_hop: next_hop.clone(),
    });
    let traits = demands.into_iter().chain(first).chain(never).chain(impostor);
    let traits = traits.chain(other_address);
    traits.chain(relays).chain(level).chain(routes).collect()
}
