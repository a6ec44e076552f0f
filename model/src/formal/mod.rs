//! The formal model: every state of the sender and its world within stated bounds, not only the random ones.
//!
//! The delivery machine and the recipient decision are the very code that runs in the simulator; sessions are abstract, and
//! attack, drift and restart come from a budget, before every step that may differ for them. Judges come from outside and ride along. A second model,
//! [`bytes`], has the session machines, octet by octet.

pub mod bytes;
mod calm;
mod configuration;
mod decisions;
mod driver;
mod explorer;
mod independence;
mod interner;
mod judged;
mod moment;
mod pasts;
mod portrait;
mod projection;
mod protocol;
mod rehearsal;
mod retelling;
mod step;
mod workers;
mod world;

pub use calm::{Broken, Calm};
pub use configuration::{ATTACKS, Budget, Change, Configuration, Exchanger, Names};
pub use decisions::{decisions, decisions_on};
pub use driver::Seen;
pub use explorer::{Distance, Found, System, Transition, explore, way_to};
pub use independence::Dependence;
pub use interner::Interner;
pub use judged::{Fault, Judge, Judged, Observed, Seat, State, Way};
pub use moment::{Dynamics, Moment, Taken};
pub use pasts::{Pair, Past, Twins, pasts};
pub use projection::{Projected, projected};
pub use protocol::{Number, Protocol, Wrong};
pub use rehearsal::rehearse;
pub use retelling::retell;
pub use step::Step;
pub use workers::{Share, Workers};
pub use world::Lasting;
