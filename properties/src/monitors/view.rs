//! What a server may know of itself, which lags behind the truth (SEED-15).

use std::collections::BTreeMap;
use std::time::Duration;

use postern_model::observation::{DomainId, HostId, Observation};

use super::standing::Standings;
use crate::setup::Setup;

/// What a lookup and an answer on the wire may take beyond the time to live.
const LOOKUP_DELAY: Duration = Duration::from_secs(60);

/// Configuration and DNS as they stand, and where a server may still act on what DNS said before.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(super) struct View {
    setup: Setup,
    standings: Standings,
    /// For each server and domain whose listing or lookups changed: how much longer the earlier view is admissible too.
    lags: BTreeMap<(HostId, DomainId), Duration>,
}

impl View {
    /// As all stands at the start.
    pub(super) fn at_start(setup: Setup) -> Self {
        Self {
            standings: Standings::at_start(&setup),
            setup,
            lags: BTreeMap::new(),
        }
    }

    /// Takes the next observation. The server and the domain that it was configured for just now, or ceased to be, are
    /// returned.
    pub(super) fn observe(&mut self, after: Duration, observation: &Observation) {
        self.lags.retain(|_, left| {
            *left = left.saturating_sub(after);
            !left.is_zero()
        });
        if !self.standings.observe(observation) {
            return;
        }
        match *observation {
            Observation::Listed { host, domain, .. } => self.lags_behind(host, domain),
            Observation::Lookups { host, domain, .. } | Observation::Deceived { host, domain, .. } => {
                for affected in self.setup.domains() {
                    if affected == domain || self.is_exchanger_named(domain, affected) {
                        self.lags_behind(host, affected);
                    }
                }
            }
            _ => {}
        }
    }

    /// Whether DNS lists a server for a domain.
    pub(super) fn is_listed(&self, server: HostId, domain: DomainId) -> bool {
        self.standings.is_listed(server, domain)
    }

    /// Whether a server is configured to act as exchanger for a domain.
    pub(super) fn is_configured(&self, server: HostId, domain: DomainId) -> bool {
        self.standings.is_configured(server, domain)
    }

    /// Whether a server can find out if it is listed: by the exchangers of the domain, and by their addresses.
    pub(super) fn lookup_works(&self, server: HostId, domain: DomainId) -> bool {
        self.standings.exchangers_can_be_found(&self.setup, server, domain)
    }

    /// Whether an earlier view of the listing is still admissible, or the server is lied to: then any view is.
    pub(super) fn lags(&self, server: HostId, domain: DomainId) -> bool {
        self.lags.contains_key(&(server, domain)) || self.standings.is_deceived(server, domain)
    }

    fn lags_behind(&mut self, host: HostId, domain: DomainId) {
        let lag = self.setup.time_to_live(domain) + LOOKUP_DELAY;
        self.lags.insert((host, domain), lag);
    }

    fn is_exchanger_named(&self, name: DomainId, domain: DomainId) -> bool {
        let mut named = self
            .setup
            .hosts()
            .filter(|host| self.setup.own_name(*host) == Some(name));
        named.any(|host| self.setup.may_serve(host, domain))
    }
}
