//! What a command must not depend on, held against every single step of the delivery machine.
//!
//! The same fact is handed to the machine and to a copy that differs in one thing which must not matter. If what they then
//! ask for differs, but for alarms, the command depended on it. This is unwinding; it finds a dependence in the very step in
//! which it shows.

use crate::mta::delivery::{Delivery, Input, Output};

/// Something that a command depended on and must not depend on.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Dependence {
    /// Whether TLS was once used with a host (SEED-11).
    Past,
    /// What the host is to the message, its originator or a relay (SEED-13).
    Role,
    /// Whether alarms are raised (SEED-10).
    Alarms,
}

/// What the machine's answer to a fact depends on.
pub(super) fn found(machine: &Delivery, input: &Input) -> Vec<Dependence> {
    let others = [
        // As if TLS had never been used: where it was, that is another past with the same settings.
        (Dependence::Past, machine.with_tls_seen_at([])),
        (Dependence::Role, machine.with_other_roles()),
        (Dependence::Alarms, machine.with_other_alarms()),
    ];
    let own = commands(machine.clone(), input);
    let differing = others
        .into_iter()
        .filter(|(_, other)| commands(other.clone(), input) != own);
    differing.map(|(dependence, _)| dependence).collect()
}

/// What a machine asks for after a fact, but for alarms, which must not matter.
fn commands(mut machine: Delivery, input: &Input) -> Vec<Output> {
    machine.handle(input.clone());
    let outputs = std::iter::from_fn(|| Some(machine.poll()).filter(|output| *output != Output::Idle));
    outputs.filter(|output| !matches!(output, Output::Alarm(_))).collect()
}
