//! The formal model at byte level under the monitors of this crate.

mod listener;

use std::collections::BTreeMap;

use postern_model::formal::bytes::{Configuration, Party, Past, Wire, Wrong};
use postern_model::formal::{Distance, Fault, Found, Judged, Limits, explore, way_to};

use self::listener::Listener;
use crate::rules::Property;
use crate::setup::Setup;

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
    pub(super) ways: BTreeMap<(Property, &'static str), (Distance, Vec<String>)>,
}

/// Walks every state of a configuration. `go_on` hears of the number of states so far, and stops with `false`.
pub(super) fn walk(configuration: &Configuration, go_on: impl Fn(u64) -> bool) -> Walked {
    let setup = Setup::of(&configuration.scenario());
    let bench = BENCH.iter().filter_map(|(property, at)| Listener::of(*property, *at, &setup));
    let mut system = Judged::by(Wire::new(configuration.clone()), bench.collect());
    let found = explore(&mut system, Limits::default(), go_on);
    let mut ways: BTreeMap<_, (Distance, Vec<String>)> = BTreeMap::new();
    for (fault, distance) in &found.faults {
        let key = broken_by(*fault);
        let nearer = ways.get(&key).is_none_or(|(known, _)| distance < known);
        if nearer && let Some(way) = way_to(&mut system, fault, *distance) {
            ways.insert(key, (*distance, system.observed().transcript(&way)));
        }
    }
    Walked { found, ways }
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
    use postern_model::formal::bytes::{Budget, Places};
    use postern_model::mutant::Mutant;
    use postern_model::scenario::{Level, Trouble};

    #[test]
    #[ignore]
    fn measure() {
        let size = |edits, cuts| Budget { edits, cuts };
        let args = std::env::var("SIZES").unwrap_or("0,0 1,0 0,1 1,1".into());
        for pair in args.split(' ') {
            let (e, c) = pair.split_once(',').unwrap();
            for places in [Places::Lines, Places::LinesAndMidst] {
                for level in [Level::May, Level::Encrypt] {
                    let configuration = Configuration {
                        budget: size(e.parse().unwrap(), c.parse().unwrap()),
                        places,
                        ..Configuration::calm(level)
                    };
                    #[expect(clippy::disallowed_methods)]
                    let began = std::time::Instant::now();
                    let walked = walk(&configuration, |_| true);
                    println!(
                        "{pair} {places:?} {level}: {} states, {} transitions, depth {}, {:.2} s, faults {:?}",
                        walked.found.states,
                        walked.found.transitions,
                        walked.found.depth,
                        began.elapsed().as_secs_f64(),
                        walked.ways.keys().collect::<Vec<_>>()
                    );
                    for (key, (distance, way)) in &walked.ways {
                        println!("{key:?} {distance:?}\n  {}", way.join("\n  "));
                    }
                }
            }
        }
    }

    #[test]
    #[ignore]
    fn mutants() {
        for mutant in Mutant::ALL {
            let mut all = BTreeMap::new();
            for kind in 0..7 {
                for level in [Level::May, Level::Encrypt, Level::Secure] {
                    let mut configuration = Configuration {
                        budget: Budget { edits: if kind == 0 {2} else {1}, cuts: 0 },
                        places: Places::Lines,
                        mutant: Some(*mutant),
                        ..Configuration::calm(level)
                    };
                    if kind == 0 && level != Level::Encrypt { continue; }
                    match kind {
                        0 | 1 => {}
                        2 => configuration.tls = false,
                        3 => configuration.trouble = Trouble::NoCertificate,
                        4 => configuration.trouble = Trouble::OffersTlsInsideTls,
                        5 => configuration.certificate_is_bad = true,
                        _ => configuration.demands_tls = true,
                    }
                    let walked = walk(&configuration, |_| true);
                    for (key, (distance, way)) in walked.ways {
                        let entry = all.entry(key).or_insert((distance, way.clone(), kind, level));
                        if distance < entry.0 { *entry = (distance, way, kind, level); }
                    }
                }
            }
            let own = crate::breaks::breaks(*mutant);
            if all.is_empty() { continue; }
            println!("{mutant}: {} {:?}", if all.contains_key(&own) { "OWN" } else { "other" }, own);
            for (key, (distance, way, kind, level)) in &all {
                println!("   {key:?} {distance:?} kind {kind} {level}");
                if *key == own { println!("       {}", way.join("\n       ")); }
            }
        }
    }
}
