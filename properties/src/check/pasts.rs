//! Pairs of pasts: two senders of which the pasts differ, and nothing else, walked side by side.

use std::collections::{BTreeMap, BTreeSet};

use postern_model::formal::{
    Budget, Configuration, Dependence, Distance, Dynamics, Fault, Names, Past, Share, Step, Twins, Wrong, explore,
    pasts, retell, way_to,
};
use postern_model::mutant::Mutant;

use super::{GoOn, Named, Walk, Walked, Way, broken_by, shown_in};
use crate::rules::Property;
use crate::setup::Setup;

/// That the pasts show.
const DIFFERS: Wrong = Wrong::Depends(Dependence::Past);

/// Walks every pair of pasts of a configuration, in which the first message is the past and has a budget of its own.
pub(super) fn walk(named: &Named, mutant: Option<Mutant>, share: &Share<'_>, go_on: GoOn<'_>) -> Walked {
    let present = Configuration {
        mutant,
        ..named.configuration.clone()
    };
    let past = Configuration {
        messages: present.messages[..1].to_vec(),
        ..present.clone()
    };
    let setup = Setup::of(&present.scenario());
    let names = Names::of(&present, |name| setup.domain(name)).expect("its own scenario names them all");
    let pasts = pasts(Dynamics::new(past, names.clone()), go_on);
    let dynamics = Dynamics::new(present.clone(), names.clone());
    let firsts = pasts.iter().enumerate();
    let pairs: Vec<[&Past; 2]> = firsts
        .flat_map(|(place, one)| pasts[place + 1..].iter().map(move |other| [one, other]))
        .collect();
    let twins = Twins::new(dynamics.clone(), &pairs);
    let found = explore(&twins, share, go_on);
    let mut ways = BTreeMap::new();
    if let Some(distance) = found.faults.get(&DIFFERS) {
        // The past to blame is one that differs from none at all, whose way is therefore told by itself.
        let none = Past::none(&dynamics);
        let telling = pasts.iter().filter_map(|past| {
            let twins = Twins::new(dynamics.clone(), &[[past, &none]]);
            let found = explore(&twins, &Share::ALONE, |_| go_on(0));
            let present_steps = way_to(&twins, &DIFFERS, *found.faults.get(&DIFFERS)?)?;
            Some(way(past, present_steps, &present, &names))
        });
        let between = || {
            let ways = pairs.iter().filter_map(|pair| {
                let twins = Twins::new(dynamics.clone(), &[*pair]);
                let present_steps = way_to(&twins, &DIFFERS, *distance)?;
                Some(way(pair[0], present_steps, &present, &names))
            });
            ways.min_by_key(|way| way.order)
        };
        let nearest = telling.min_by_key(|way| way.order).or_else(between);
        ways.insert(
            broken_by(Fault::Wrong(DIFFERS)),
            nearest.expect("it is between some pair"),
        );
    }
    Walked {
        walk: Walk::of(&found),
        protocol_states: 0,
        met: BTreeSet::new(),
        // Two pasts that differ were led side by side.
        exercised: (found.transitions > 0).then_some(Property::P09).into_iter().collect(),
        ways,
    }
}

/// One after the other: the past, and the present in which it shows.
fn way(past: &Past, present_steps: Vec<Step>, present: &Configuration, names: &Names) -> Way {
    let mut steps = past.steps.clone();
    steps.extend(present_steps);
    let distance = Distance {
        injections: count(injections(&steps)),
        steps: count(steps.len()),
    };
    let Budget {
        attacks,
        drifts,
        restarts,
    } = present.budget;
    let both = Configuration {
        budget: Budget {
            attacks: 2 * attacks,
            drifts: 2 * drifts,
            restarts: 2 * restarts,
        },
        ..present.clone()
    };
    let fault = Fault::Wrong(DIFFERS);
    let scenario = retell(&Dynamics::new(both, names.clone()), &steps, shown_in(fault));
    Way::entitled(broken_by(fault), (true, distance), steps, scenario)
}

fn injections(steps: &[Step]) -> usize {
    steps.iter().filter(|step| step.is_injection()).count()
}

fn count(of: usize) -> u32 {
    u32::try_from(of).unwrap_or(u32::MAX)
}

#[cfg(test)]
mod tests {
    use super::super::{Bounds, Question};
    use super::*;

    /// What the pairs of pasts within small bounds show.
    fn walked(mutant: Option<Mutant>) -> Vec<Walked> {
        let configurations = Bounds::Small.configurations().into_iter();
        let of_pasts = configurations.filter(|named| named.question == Question::DoPastsMatter);
        of_pasts
            .map(|named| walk(&named, mutant, &Share::ALONE, &|_| true))
            .collect()
    }

    #[test]
    fn pasts_differ_and_do_not_matter() {
        for walked in walked(None) {
            assert!(walked.walk.states > 100, "{}", walked.walk.states);
            assert!(walked.ways.is_empty());
        }
    }

    #[test]
    fn a_policy_that_is_made_of_a_past_is_seen_where_nothing_else_sees_it() {
        let laundered = walked(Some(Mutant::LaundersTlsIntoPolicy));
        let seen = laundered.iter().all(|walked| !walked.ways.is_empty());
        assert!(
            seen,
            "the policy may drift to one that requires nothing, whatever it is at the start"
        );
        let configurations = Bounds::Small.configurations().into_iter();
        let others = configurations.filter(|named| named.question == Question::IsAllWell);
        for named in others {
            let walked = super::super::walk(&named, Some(Mutant::LaundersTlsIntoPolicy), &Share::ALONE, &|_| true);
            let (property, rule) = broken_by(Fault::Wrong(DIFFERS));
            assert!(!walked.ways.contains_key(&(property, rule)), "{}", named.name);
        }
    }
}
