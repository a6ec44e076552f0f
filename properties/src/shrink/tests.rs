use std::time::Duration;

use postern_model::scenario::{Action, Attack, Certificate, Level, RetrySchedule, Scenario, Switch, When};

use super::{TRIES_MAX, shrink};
use crate::generate::{Profile, scenario};

fn worlds() -> impl Iterator<Item = Scenario> {
    (1..=40).map(|seed| scenario(seed, Profile::Swarm))
}

fn has_attack(world: &Scenario, wanted: Attack) -> bool {
    let mut steps = world.step.iter();
    steps.any(|step| matches!(step.action, Action::Attack { attack, .. } if attack == wanted))
}

#[test]
fn a_failure_that_needs_one_step_keeps_one_step() {
    let fails = |world: &Scenario| has_attack(world, Attack::Refuse);
    for world in worlds().filter(|world| fails(world)) {
        let small = shrink(&world, fails);
        assert_eq!(small.step.len(), 1, "seed {}", world.seed);
        assert_eq!(small.message.len(), 1, "seed {}", world.seed);
        assert_eq!(small.step[0].when, When::At(Duration::ZERO));
        assert!(matches!(
            small.step[0].action,
            Action::Attack {
                attack: Attack::Refuse,
                lasting: None
            }
        ));
        assert!(small.host.len() <= 2, "seed {}", world.seed);
    }
}

#[test]
fn a_failure_that_needs_no_step_keeps_only_what_it_needs() {
    for world in worlds() {
        let small = shrink(&world, |world| !world.message.is_empty());
        assert!(small.step.is_empty());
        assert_eq!(small.message.len(), 1);
        assert_eq!(small.host.len(), 1, "the host that the message is handed to");
        let host = &small.host[0];
        assert_eq!((host.tls, host.certificate), (Switch::On, Certificate::Valid));
        assert_eq!((host.level, host.retry), (Level::May, RetrySchedule::Rfc5321));
        assert!(host.policy.is_empty() && host.route.is_empty() && host.mailboxes.is_empty());
    }
}

#[test]
fn only_scenarios_that_can_be_are_tried() {
    for world in worlds() {
        shrink(&world, |candidate| {
            assert_eq!(candidate.validate(), Ok(()));
            candidate.host.len() > 1 && candidate.message.len() > 1
        });
    }
}

#[test]
fn the_number_of_tries_is_bounded() {
    for world in worlds() {
        let mut tries = 0;
        shrink(&world, |candidate| {
            tries += 1;
            candidate.message.len() == world.message.len() && candidate.step.len() == world.step.len()
        });
        assert!(tries <= TRIES_MAX, "{tries} tries");
    }
}

#[test]
fn a_scenario_of_which_nothing_can_go_stays_as_it_is() {
    let world = scenario(7, Profile::Swarm);
    assert_eq!(shrink(&world, |candidate| *candidate == world), world);
}

#[test]
fn shrinking_is_deterministic() {
    let fails = |world: &Scenario| world.step.len() >= 2 && world.domain.len() >= 2;
    for world in worlds().filter(|world| fails(world)) {
        assert_eq!(shrink(&world, fails), shrink(&world, fails));
    }
}
