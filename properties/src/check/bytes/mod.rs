//! The formal model at byte level under the monitors of this crate.

mod bounds;
mod listener;
mod modelled;

use std::collections::{BTreeMap, BTreeSet};

use postern_model::formal::bytes::{Configuration, Party, Past, Untold, Wire, Wrong};
use postern_model::formal::{Distance, Fault, Found, Judged, Share, explore, way_to};
use postern_model::mutant::Mutant;
use postern_model::scenario::Scenario;

pub use self::bounds::Named;
use self::listener::Listener;
pub use self::modelled::{EXCUSED, MODELLED};
use super::{Bounds, GoOn, Walk, keep_nearest};
use crate::rules::Property;
use crate::setup::Setup;

/// The properties that are judged: what was said before TLS, by comparison, and the others by their monitors.
pub const JUDGED: &[Property] = &[
    Property::P28,
    Property::P29,
    Property::P30,
    Property::P31,
    Property::P33,
];

/// The monitors that ride along, and the end that each listens at.
const BENCH: &[(Property, Party)] = &[
    (Property::P29, Party::Client),
    (Property::P30, Party::Client),
    (Property::P30, Party::Server),
    (Property::P31, Party::Server),
    (Property::P33, Party::Client),
    (Property::P33, Party::Server),
];

/// What came of one configuration.
pub(super) struct Walked {
    pub(super) found: Found<Fault<Wrong>>,
    pub(super) exercised: BTreeSet<Property>,
    pub(super) ways: BTreeMap<(Property, &'static str), Way>,
}

/// A way to a fault.
pub(super) struct Way {
    distance: Distance,
    transcript: Vec<String>,
    scenario: Result<Scenario, Untold>,
}

/// What the walks at byte level found.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Report {
    /// What each configuration came to, by its place.
    pub walks: BTreeMap<usize, Walk>,
    /// What is broken, each with its nearest counterexample.
    pub violations: BTreeMap<(Property, &'static str), Counterexample>,
}

/// A course of events that ends in a violation.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Counterexample {
    /// The place of the configuration that it begins with.
    pub configuration: usize,
    /// How far it is.
    pub distance: Distance,
    /// The steps, as a transcript.
    pub transcript: Vec<String>,
    /// The same as a scenario for the simulator, where one can say it.
    pub scenario: Result<Scenario, Untold>,
}

impl Report {
    pub(super) fn add(&mut self, place: usize, walked: Walked) {
        self.walks.insert(place, Walk::of(&walked.found));
        for (key, way) in walked.ways {
            let counterexample = Counterexample {
                configuration: place,
                distance: way.distance,
                transcript: way.transcript,
                scenario: way.scenario,
            };
            let order = |known: &Counterexample| (known.distance, known.configuration);
            keep_nearest(&mut self.violations, key, counterexample, order);
        }
    }
}

/// Walks every configuration at byte level of the bounds, on one thread.
pub fn check(bounds: Bounds, mutant: Option<Mutant>) -> Report {
    let mut report = Report::default();
    for (place, named) in bounds.at_byte_level().into_iter().enumerate() {
        report.add(place, walk(&named.configuration, mutant, &Share::ALONE, &|_| true));
    }
    report
}

/// Walks every state of a configuration. `go_on` hears how many states more there are, and stops with `false`.
pub(super) fn walk(
    configuration: &Configuration,
    mutant: Option<Mutant>,
    share: &Share<'_>,
    go_on: GoOn<'_>,
) -> Walked {
    let mut configuration = configuration.clone();
    configuration.mutant = mutant;
    let setup = Setup::of(&configuration.scenario());
    let bench = BENCH
        .iter()
        .map(|(property, at)| Listener::of(*property, *at, &setup).expect("every property on the bench has a monitor"));
    let system = Judged::by(Wire::new(configuration), bench.collect());
    let found = explore(&system, share, go_on);
    let mut ways: BTreeMap<_, Way> = BTreeMap::new();
    for (fault, distance) in &found.faults {
        let key = broken_by(*fault);
        let nearer = ways.get(&key).is_none_or(|known| *distance < known.distance);
        if nearer {
            let steps = way_to(&system, fault, *distance).expect("there is a way to what was found");
            let way = Way {
                distance: *distance,
                transcript: system.observed().transcript(&steps),
                scenario: system.observed().retell(&steps).map(|scenario| entitled(key, scenario)),
            };
            ways.insert(key, way);
        }
    }
    let by_monitors = BENCH.iter().zip(system.exercised());
    let by_monitors = by_monitors.filter_map(|((property, _), exercised)| exercised.then_some(*property));
    let by_comparison = system.observed().was_compared().then_some(Property::P28);
    Walked {
        exercised: by_monitors.chain(by_comparison).collect(),
        found,
        ways,
    }
}

fn entitled((property, rule): (Property, &'static str), mut scenario: Scenario) -> Scenario {
    let (id, name) = (property.id(), property.name());
    scenario.title = format!("{id} {name} breaks {rule}, as the formal model at byte level has it");
    scenario
}

/// The property and the rule that a fault is about.
fn broken_by(fault: Fault<Wrong>) -> (Property, &'static str) {
    match fault {
        Fault::Judged(place, rule) => (BENCH[place].0, rule),
        Fault::Wrong(Wrong::Shows(Past::Commands)) => (Property::P28, "R3207-4-h"),
        Fault::Wrong(Wrong::Shows(Past::Replies)) => (Property::P28, "R3207-6-e"),
        Fault::Wrong(Wrong::Shows(Past::Transaction)) => (Property::P28, "R3207-4.2-a"),
        Fault::Wrong(Wrong::Shows(Past::Offers)) => (Property::P28, "R3207-4.2-b"),
        Fault::Wrong(Wrong::KeptOther) => (Property::P33, "R5321-4.1.1.4-a"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::breaks::breaks;

    /// What is broken, and the nearest way there.
    fn found(mutant: Option<Mutant>, key: (Property, &'static str)) -> Option<Vec<String>> {
        let mut violations = check(Bounds::Small, mutant).violations;
        Some(violations.remove(&key)?.transcript)
    }

    #[test]
    fn every_mutant_of_the_sessions_is_convicted_by_the_rule_that_it_breaks() {
        for mutant in MODELLED {
            let own = breaks(*mutant);
            assert!(found(Some(*mutant), own).is_some(), "{mutant} does not break {own:?}");
        }
    }

    #[test]
    fn every_mutant_that_breaks_what_is_judged_is_modelled_or_excused() {
        for mutant in Mutant::ALL {
            let (property, rule) = breaks(*mutant);
            let is_excused = EXCUSED.iter().any(|(excused, _)| excused == mutant);
            let is_due = JUDGED.contains(&property) && !is_excused;
            assert_eq!(is_due, MODELLED.contains(mutant), "{mutant} breaks {rule}");
        }
    }

    #[test]
    fn a_counterexample_reads_like_a_transcript() {
        let way = found(Some(Mutant::ReadsRepliesBehindGoAhead), (Property::P28, "R3207-6-e")).expect("it is found");
        let last: Vec<&str> = way.iter().rev().take(6).rev().map(String::as_str).collect();
        assert_eq!(
            last,
            [
                "M: inserts “250 ok” toward the client behind all that is on its way",
                "S: 220 2.0.0 Ready to start TLS",
                "S: 250 ok",
                "= TLS is up",
                "C (TLS): EHLO out.a.example <not read yet>",
                "C (TLS): MAIL FROM:<alice@a.example> <not read yet>",
            ]
        );
    }
}
