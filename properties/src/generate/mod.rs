//! The one generator: from a seed to a world that can be, and to what happens in it.
//!
//! It is a walk through simulated time that takes only steps which change something as things stand then. What kinds
//! of step, topology and policy there are at all, and how likely, is itself drawn per seed (swarm testing), so that
//! worlds differ in kind and not only in detail. The walk tells stories: short sequences that make
//! trouble where trouble is known to live, such as TLS that vanishes between two messages.

mod agreements;
mod draw;
mod measured;
mod stories;
mod swarm;
mod topology;
mod truth;
mod walk;

#[cfg(test)]
mod tests;

use postern_model::scenario::{AttackKind, Scenario};

use crate::readings;

use draw::Draw;
use swarm::Swarm;
use topology::Topology;
use walk::Walk;

/// The attacks that no world draws. Edits of single lines are for the formal model, which tries every one of them within its
/// bounds, and for scenarios by hand.
pub const UNDRAWN: &[AttackKind] = &[AttackKind::Edit];

/// The distribution that worlds are drawn from.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Hash)]
pub enum Profile {
    /// Every seed draws what there is in its world, and how likely.
    #[default]
    Swarm,
    /// The mail of 2014, as it was measured.
    Year2014,
    /// The mail of 2024, as it was measured.
    Year2024,
    /// The servers of 2024 behind paths on which STARTTLS is stripped as it was in the worst countries.
    HostilePath,
}

impl Profile {
    /// Every profile.
    pub const ALL: &[Self] = &[Self::Swarm, Self::Year2014, Self::Year2024, Self::HostilePath];

    /// The name on the command line.
    pub fn name(self) -> &'static str {
        match self {
            Self::Swarm => "swarm",
            Self::Year2014 => "2014",
            Self::Year2024 => "2024",
            Self::HostilePath => "hostile-path",
        }
    }
}

/// The world of a seed. The same seed and profile give the same scenario, always and everywhere.
pub fn scenario(seed: u64, profile: Profile) -> Scenario {
    let mut draw = Draw::from_seed(seed);
    let swarm = match profile {
        Profile::Swarm => Swarm::draw(&mut draw),
        Profile::Year2014 => measured::YEAR_2014.draw(&mut draw),
        Profile::Year2024 => measured::YEAR_2024.draw(&mut draw),
        Profile::HostilePath => measured::HOSTILE_PATH.draw(&mut draw),
    };
    let mut topology = Topology::draw(&mut draw, &swarm);
    if profile == Profile::Swarm {
        agreements::draw(seed, &mut topology);
    }
    let mut scenario = Walk::new(draw, swarm, topology).finish();
    scenario.seed = seed;
    scenario.reading = readings::of_drawn(&scenario);
    scenario.title = format!("World {seed}: {}", scenario.title);
    scenario
}
