use std::collections::BTreeSet;

use postern_model::scenario::{
    Action, AttackKind, Certificate, Drift, FalseEnd, Host, Level, Lie, MailboxState, RetrySchedule, Scenario, Switch,
    When,
};

use super::{Profile, UNDRAWN, scenario};

fn worlds(seeds: u64) -> impl Iterator<Item = Scenario> {
    (1..=seeds).map(|seed| scenario(seed, Profile::Swarm))
}

fn percent_of(worlds: u64, holds: impl Fn(&Scenario) -> bool) -> u64 {
    let counted = self::worlds(worlds).filter(|world| holds(world)).count();
    u64::try_from(counted).unwrap() * 100 / worlds
}

#[test]
fn every_world_can_be() {
    for world in worlds(300) {
        assert_eq!(world.validate(), Ok(()), "seed {}", world.seed);
    }
}

#[test]
fn every_world_is_read_back_as_it_was_printed() {
    for world in worlds(300) {
        let text = world.print();
        assert_eq!(Scenario::parse("generated", &text), Ok(world), "{text}");
    }
}

#[test]
fn the_same_seed_gives_the_same_world() {
    for seed in [1, 2, 77, 1 << 40, u64::MAX] {
        assert_eq!(scenario(seed, Profile::Swarm), scenario(seed, Profile::Swarm));
        assert_ne!(scenario(seed, Profile::Swarm), scenario(seed ^ 1, Profile::Swarm));
    }
}

#[test]
fn worlds_are_small() {
    for world in worlds(2000) {
        let (hosts, messages) = (world.host.len(), world.message.len());
        assert!((2..=8).contains(&hosts), "seed {} has {hosts} hosts", world.seed);
        assert!(
            (1..=6).contains(&messages),
            "seed {} has {messages} messages",
            world.seed
        );
        assert!(
            world.step.len() <= 40,
            "seed {} has {} steps",
            world.seed,
            world.step.len()
        );
    }
}

#[test]
fn every_kind_of_attack_and_drift_appears() {
    let mut attacks = BTreeSet::new();
    let mut drifts = BTreeSet::new();
    let mut lies = BTreeSet::new();
    let mut visits = BTreeSet::new();
    for step in worlds(2000).flat_map(|world| world.step) {
        match step.action {
            Action::Attack { attack, .. } => attacks.insert(attack.kind()),
            Action::Forge { forgery, .. } => lies.insert(lie_kind(&forgery.answer)),
            Action::Drift(drift) => drifts.insert(drift_kind(&drift)),
            Action::Visit(visit) => visits.insert(visit),
        };
    }
    let due = AttackKind::ALL.iter().filter(|attack| !UNDRAWN.contains(attack));
    assert_eq!(attacks, due.copied().collect());
    assert_eq!(lies.len(), 6, "{lies:?}");
    assert_eq!(drifts.len(), 13, "{drifts:?}");
    assert_eq!(visits.len(), 7 + FalseEnd::ALL.len(), "{visits:?}");
}

#[test]
fn every_level_certificate_and_schedule_appears() {
    let worlds: Vec<_> = worlds(2000).collect();
    let hosts = || worlds.iter().flat_map(|world| &world.host);
    let levels: BTreeSet<Level> = hosts().flat_map(|host| host.policy.values().copied()).collect();
    let certificates: BTreeSet<Certificate> = hosts().map(|host| host.certificate).collect();
    let mailboxes: BTreeSet<MailboxState> = hosts().flat_map(|host| host.mailboxes.values().copied()).collect();
    assert_eq!(levels.len(), 4, "{levels:?}");
    assert_eq!(certificates.len(), Certificate::ALL.len(), "{certificates:?}");
    assert_eq!(mailboxes.len(), 4, "{mailboxes:?}");
    for schedule in RetrySchedule::ALL {
        let appears = hosts().any(|host| host.retry == *schedule);
        assert_eq!(appears, !schedule.deviates(), "{schedule:?}");
    }
    for warns in [true, false] {
        assert!(hosts().any(|host| host.warning().is_some() == warns));
    }
}

#[test]
fn steps_come_at_times_and_at_protocol_positions() {
    let on_position = |world: &Scenario| world.step.iter().any(|step| matches!(step.when, When::On(_)));
    let percent = percent_of(1000, on_position);
    assert!(
        (15..=80).contains(&percent),
        "{percent} % of worlds have a step at a position"
    );
}

#[test]
fn most_worlds_hold_two_messages_and_some_a_siege() {
    assert!(percent_of(1000, |world| world.message.len() >= 2) >= 85);
    let endless = |world: &Scenario| {
        let steps = &mut world.step.iter();
        steps.any(|step| matches!(step.action, Action::Attack { lasting: None, .. }))
    };
    assert!(percent_of(1000, endless) >= 25);
}

fn lie_kind(lie: &Lie) -> &'static str {
    match lie {
        Lie::Mx(_) => "MX",
        Lie::Silence => "silence",
        Lie::Failure => "failure",
        Lie::NoData => "NODATA",
        Lie::NullMx => "null MX",
        Lie::NoName => "NXDOMAIN",
    }
}

fn drift_kind(drift: &Drift) -> &'static str {
    match drift {
        Drift::Tls(Switch::On) => "TLS on",
        Drift::Tls(Switch::Off) => "TLS off",
        Drift::Certificate(_) => "certificate",
        Drift::Trouble(_) => "trouble",
        Drift::AddMx { .. } => "add MX",
        Drift::DropMx(_) => "drop MX",
        Drift::Configure(_) => "configure",
        Drift::Unconfigure(_) => "unconfigure",
        Drift::Policy { .. } => "policy",
        Drift::Crash { .. } => "crash",
        Drift::Hold { .. } => "hold",
        Drift::FailLookups(_) => "fail lookups",
        Drift::RestoreLookups(_) => "restore lookups",
        Drift::Clock(_) => "clock",
    }
}

/// The hosts that the sender dials in the worlds of a profile, each with its world.
fn dialled(profile: Profile) -> Vec<(Scenario, usize)> {
    let worlds = (1..=400).map(|seed| scenario(seed, profile));
    let dialled = worlds.flat_map(|world| {
        let hosts = world.host.iter().enumerate().skip(1);
        let hosts = hosts.filter(|(_, host)| host.name.as_str() != "in.a.example");
        let places: Vec<_> = hosts.map(|(place, _)| place).collect();
        places.into_iter().map(move |place| (world.clone(), place))
    });
    dialled.collect()
}

/// How many of a hundred of them this holds of.
fn percent_of_dialled(profile: Profile, holds: impl Fn(&Scenario, &Host) -> bool) -> usize {
    let dialled = dialled(profile);
    let counted = dialled
        .iter()
        .filter(|(world, place)| holds(world, &world.host[*place]));
    counted.count() * 100 / dialled.len()
}

#[test]
fn the_worlds_of_every_profile_can_be() {
    for profile in Profile::ALL {
        for seed in 1..=100 {
            let world = scenario(seed, *profile);
            assert_eq!(world.validate(), Ok(()), "seed {seed} of {}", profile.name());
        }
    }
}

#[test]
fn measured_profiles_offer_starttls_as_often_as_was_measured() {
    let offers = |profile| percent_of_dialled(profile, |_, host| host.tls == Switch::On);
    assert!(
        (72..=80).contains(&offers(Profile::Year2014)),
        "{}",
        offers(Profile::Year2014)
    );
    assert!(offers(Profile::Year2024) >= 98, "{}", offers(Profile::Year2024));
}

#[test]
fn measured_profiles_hold_valid_certificates_as_often_as_was_measured() {
    let valid = |profile| percent_of_dialled(profile, |_, host| host.certificate == Certificate::Valid);
    assert!(
        (46..=54).contains(&valid(Profile::Year2014)),
        "{}",
        valid(Profile::Year2014)
    );
    assert!(
        (92..=96).contains(&valid(Profile::Year2024)),
        "{}",
        valid(Profile::Year2024)
    );
}

#[test]
fn paths_are_stripped_where_the_profile_is_hostile_and_nowhere_else() {
    let stripped = |profile| {
        percent_of_dialled(profile, |world, host| {
            let mut steps = world.step.iter();
            steps.any(|step| step.host == host.name && matches!(step.action, Action::Attack { lasting: None, .. }))
        })
    };
    let hostile = stripped(Profile::HostilePath);
    assert!((45..=70).contains(&hostile), "{hostile}");
    assert_eq!((stripped(Profile::Year2014), stripped(Profile::Year2024)), (0, 0));
}
