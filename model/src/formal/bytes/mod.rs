//! The formal model at byte level.

mod configuration;
mod end;
mod flight;
mod past;
mod start;
mod tap;
mod transcript;
mod wire;
mod world;

pub use configuration::{Budget, COMMANDS, Configuration, REPLIES};
pub use end::Party;
pub use flight::{Edit, Places};
pub use past::Past;
pub use wire::{Handshake, OF_CLIENT, OF_SERVER, Step, Wire, Wrong};
pub use world::World;
