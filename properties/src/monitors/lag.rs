//! How long a server may still act on what DNS said before it changed (SEED-15).

use std::collections::BTreeMap;
use std::time::Duration;

use postern_model::observation::{DomainId, HostId};

use crate::setup::Setup;

/// What a lookup and an answer on the wire may take beyond the time to live.
const LOOKUP_DELAY: Duration = Duration::from_secs(60);

/// For each server and domain whose listing or lookups changed: how much longer the earlier view is admissible too.
#[derive(Debug, Clone, Default, PartialEq, Eq, Hash)]
pub(super) struct Lag(BTreeMap<(HostId, DomainId), Duration>);

impl Lag {
    /// Time passes.
    pub(super) fn pass(&mut self, time: Duration) {
        self.0.retain(|_, left| {
            *left = left.saturating_sub(time);
            !left.is_zero()
        });
    }

    /// The listing changed, or lookups about it began or ceased to fail.
    pub(super) fn changed(&mut self, setup: &Setup, host: HostId, domain: DomainId) {
        self.0.insert((host, domain), setup.time_to_live(domain) + LOOKUP_DELAY);
    }

    /// Whether the earlier view is still admissible.
    pub(super) fn is_open(&self, host: HostId, domain: DomainId) -> bool {
        self.0.contains_key(&(host, domain))
    }
}
