//! What changes around the sender: attacks that begin, and what drifts.

use crate::mta::delivery::PeerId;
use crate::observation::Observation;
use crate::scenario::Attack;

use super::super::configuration::Change;
use super::super::world::Lasting;
use super::{Driver, SENDER, host_id};

impl Driver<'_> {
    /// An attack on every path to a host begins.
    pub(in super::super) fn attack(&mut self, peer: PeerId, attack: Attack, lasting: Lasting) {
        self.world.left.attacks -= 1;
        self.world.server_mut(peer).attack = Some((attack, lasting));
        self.see(Observation::Attacked {
            host: host_id(peer),
            attacks: 1,
        });
    }

    /// Something drifts.
    pub(in super::super) fn drift(&mut self, change: Change) {
        self.world.left.drifts -= 1;
        self.change(change);
    }

    /// Changes what drifts, whatever it costs.
    pub(in super::super) fn change(&mut self, change: Change) {
        match change {
            Change::Tls(peer) => {
                let server = self.world.server_mut(peer);
                server.tls = !server.tls;
                let on = server.tls;
                self.see(Observation::Tls {
                    host: host_id(peer),
                    on,
                });
            }
            Change::Certificate(peer) => {
                let server = self.world.server_mut(peer);
                server.certificate_is_bad = !server.certificate_is_bad;
                let proves = self.certificate(peer);
                self.see(Observation::Certificate {
                    host: host_id(peer),
                    proves,
                });
            }
            Change::Configured(peer, hop) => {
                let configured = &mut self.world.server_mut(peer).configured[usize::from(hop)];
                *configured = !*configured;
                let configured = *configured;
                self.see(Observation::Exchanger {
                    host: host_id(peer),
                    domain: self.recipient(hop),
                    configured,
                });
            }
            Change::Listed(peer, hop) => {
                let listed = &mut self.world.server_mut(peer).listed[usize::from(hop)];
                *listed = !*listed;
                let listed = *listed;
                self.see(Observation::Listed {
                    host: host_id(peer),
                    domain: self.recipient(hop),
                    listed,
                });
            }
            Change::Lookups(hop) => {
                let fail = &mut self.world.lookups_fail[usize::from(hop)];
                *fail = !*fail;
                let work = !*fail;
                self.see(Observation::Lookups {
                    host: SENDER,
                    domain: self.recipient(hop),
                    work,
                });
            }
            Change::ServerLookups(peer, hop) => {
                let fail = &mut self.world.server_mut(peer).lookups_fail[usize::from(hop)];
                *fail = !*fail;
                let work = !*fail;
                self.see(Observation::Lookups {
                    host: host_id(peer),
                    domain: self.recipient(hop),
                    work,
                });
            }
            Change::Policy(hop, level) => {
                self.world.levels[usize::from(hop)] = level;
                self.see(Observation::Policy {
                    host: SENDER,
                    next_hop: self.domain(hop),
                    level,
                });
            }
        }
    }
}
