//! Shrinking: from a scenario that fails to a small one that fails in the same way.
//!
//! Parts are taken away first (delta debugging over the timeline, the messages and the topology), then the values of
//! what is left are made plain. Only scenarios that can be are tried, and only so many of them.

mod ddmin;
mod plain;
mod remove;

#[cfg(test)]
mod tests;

use postern_model::scenario::Scenario;

use ddmin::ddmin;

/// How many scenarios are tried at most.
pub const TRIES_MAX: usize = 400;

/// The smallest scenario found that still fails. `fails` is asked at most [`TRIES_MAX`] times; what it fails on must
/// not depend on anything but the scenario.
pub fn shrink(scenario: &Scenario, fails: impl FnMut(&Scenario) -> bool) -> Scenario {
    let mut shrinker = Shrinker {
        smallest: scenario.clone(),
        fails,
        tries_left: TRIES_MAX,
    };
    shrinker.try_scenario(Scenario {
        expect: None,
        ..scenario.clone()
    });
    loop {
        let before = shrinker.smallest.clone();
        shrinker.remove_steps();
        shrinker.remove_messages();
        shrinker.remove_one_by_one();
        shrinker.make_plain();
        if shrinker.smallest == before || shrinker.tries_left == 0 {
            return shrinker.smallest;
        }
    }
}

struct Shrinker<Fails> {
    smallest: Scenario,
    fails: Fails,
    tries_left: usize,
}

impl<Fails: FnMut(&Scenario) -> bool> Shrinker<Fails> {
    /// Keeps the candidate if it is another scenario, can be, and still fails.
    fn try_scenario(&mut self, candidate: Scenario) -> bool {
        if self.tries_left == 0 || candidate == self.smallest || candidate.validate().is_err() {
            return false;
        }
        self.tries_left -= 1;
        let fails = (self.fails)(&candidate);
        if fails {
            self.smallest = candidate;
        }
        fails
    }

    fn remove_steps(&mut self) {
        let steps = self.smallest.step.clone();
        ddmin(steps, |step| {
            let step = step.to_vec();
            let candidate = Scenario {
                step,
                ..self.smallest.clone()
            };
            self.try_scenario(candidate)
        });
    }

    fn remove_messages(&mut self) {
        let whole = self.smallest.clone();
        let messages: Vec<_> = whole.message.iter().map(|message| message.name.clone()).collect();
        ddmin(messages, |kept| {
            let mut candidate = whole.clone();
            for message in whole.message.iter().filter(|message| !kept.contains(&message.name)) {
                remove::message(&mut candidate, &message.name);
            }
            self.try_scenario(candidate)
        });
    }

    /// Takes away hosts, domains and what they hold, each on its own, as long as any of it can go.
    fn remove_one_by_one(&mut self) {
        let mut index = 0;
        loop {
            let mut candidates = remove::candidates(&self.smallest);
            if index >= candidates.len() || self.tries_left == 0 {
                return;
            }
            if !self.try_scenario(candidates.swap_remove(index)) {
                index += 1;
            }
        }
    }

    fn make_plain(&mut self) {
        let mut index = 0;
        loop {
            let mut candidates = plain::candidates(&self.smallest);
            if index >= candidates.len() || self.tries_left == 0 {
                return;
            }
            if !self.try_scenario(candidates.swap_remove(index)) {
                index += 1;
            }
        }
    }
}
