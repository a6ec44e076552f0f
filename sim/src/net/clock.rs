//! Where this thread stands in the simulated world, for whoever is not handed a door: the formatter of the log and the
//! validity of certificates.

use std::cell::{Cell, RefCell};
use std::rc::Rc;
use std::time::Duration;

use postern_model::scenario::Clock;
use postern_model::trace::ConnectionId;

/// The simulated time at which every run starts, 2026-01-01T00:00:00Z, in seconds since the UNIX epoch.
pub const EPOCH_SECONDS: u64 = 1_767_225_600;

thread_local! {
    static NOW: Cell<Option<Duration>> = const { Cell::new(None) };
    static PLACE: RefCell<Option<Place>> = const { RefCell::new(None) };
}

/// Whose code is running.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Place {
    /// The name of the host.
    pub host: Rc<str>,
    /// The connection that the task serves, if it serves one.
    pub connection: Option<ConnectionId>,
    /// How the wall clock of the host stands.
    pub clock: Rc<Cell<Clock>>,
}

/// The time since the start of the run that goes on in this thread; none outside of a run.
pub fn simulated_now() -> Option<Duration> {
    NOW.get()
}

/// Whose code is running in this thread; none between the tasks of a run.
pub fn simulated_place() -> Option<Place> {
    PLACE.with_borrow(Clone::clone)
}

/// What the wall clock shows of the host whose code is running, from the beginning of 1970; the true time, if it is nobody's.
pub fn wall_clock() -> Duration {
    let clock = PLACE.with_borrow(|place| place.as_ref().map(|place| place.clock.get()));
    shown_by(clock.unwrap_or_default(), NOW.get().unwrap_or_default())
}

/// What a clock shows at this time since the start of the run.
pub(super) fn shown_by(clock: Clock, since_start: Duration) -> Duration {
    clock.shows(Duration::from_secs(EPOCH_SECONDS) + since_start)
}

pub(super) fn set_now(now: Option<Duration>) {
    NOW.set(now);
}

/// Stands at a place until it is dropped.
pub(super) struct Standing(Option<Place>);

impl Standing {
    pub(super) fn at(place: Place) -> Self {
        Self(PLACE.replace(Some(place)))
    }
}

impl Drop for Standing {
    fn drop(&mut self) {
        PLACE.replace(self.0.take());
    }
}
