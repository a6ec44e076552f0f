//! The formal model at byte level: one session of the two machines, octet by octet, with an editor on the path.
//!
//! The client and the server are the very machines that run in the simulator. A state is both machines, how each stands to
//! TLS, what is on its way in both directions, what the taps of the simulator would remember, and what may still happen. The
//! editor accepts the client's connection and dials the server in its name, as the attacker of the simulator does; it reads
//! at once whatever either sends, and everything reaches the other end only by a step of its own. So to hold something back
//! is no act: the steps of both directions go on in every order.
//!
//! # What may happen
//!
//! - An end reads all that is on its way, or, for a cut each, the first octets up to every place, in clear or inside TLS.
//! - The editor, for an edit each: drops all that is on its way in clear to an end, or one line of it; strips STARTTLS from
//!   the offer; inserts one of a finite alphabet ([`COMMANDS`], [`REPLIES`]) before, within and behind what is on its way;
//!   lets the handshake fail, at both ends or at the server when the client's part is complete; closes. Inside TLS it can
//!   break off a direction, before or behind what is on its way: whatever it does to records comes to that, octets in clear
//!   among them included.
//! - Octets in clear that come while an end shakes hands make its handshake fail: the driver of the simulator gives the
//!   stream to TLS, which takes them for records. Those that came in the same read as STARTTLS or its 220 the machine has
//!   had already, and throws away. Octets that wait in the kernel at that moment are of the first kind here, as in the
//!   simulator; a driver that threw away its socket's buffer, or kept its own for TLS, would differ.
//! - The handshake is complete when the server has the client's hello and nothing in clear is on its way to the client.
//!
//! # What is held against it
//!
//! The monitors of `properties`, fed with what crossed, listen at either end. P28 is judged here, by comparison with the
//! undisturbed session ([`Past`]), as no monitor of one run can, and so is that inside TLS the server keeps the client's one
//! message and nothing else.
//!
//! # What the bounds leave out
//!
//! One session, one message for one recipient; no reuse. Time: no timer runs out, though what one would do a close does too,
//! and no judge of patience hears anything. Certificates of clients. Lookups and disks always work. An alert is shown as the
//! end of the stream, and a hello that is read in clear as its first octets. No read goes beyond the octets in clear into
//! the records behind them, and where the handshake is under way both ends complete it in one step, or one fails. The
//! alphabet has no content of a message, and the client is always ours: what a server does to clients that say STARTTLS
//! inside TLS, or MAIL before EHLO (R3207-4.2-e, P46), is not seen.

mod configuration;
mod end;
mod flight;
mod past;
mod retelling;
mod start;
mod tap;
mod transcript;
mod wire;
mod world;

pub use configuration::{Budget, COMMANDS, Configuration, REPLIES};
pub use end::Party;
pub use flight::{Edit, Places};
pub use past::Past;
pub use retelling::Untold;
pub use wire::{Handshake, OF_CLIENT, OF_SERVER, Step, Wire, Wrong};
pub use world::World;
