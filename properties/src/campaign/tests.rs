use std::path::PathBuf;

use postern_model::mutant::Mutant;
use postern_model::scenario::Scenario;
use postern_sim::subjects::LETTRE;
use postern_sim::{Client, Crypto, Options, Server};

use super::{
    Campaign, CryptoChoice, Finding, Relations, Report, Shard, examine, explore, hunt, mutants, replay_command,
};
use crate::breaks::breaks;
use crate::rules::Property;

fn campaign(seeds: u64) -> Campaign {
    Campaign {
        seeds,
        crypto: CryptoChoice::Fast,
        jobs: 1,
        ..Campaign::default()
    }
}

/// The report without what may differ from one campaign to the next.
fn timeless(report: Report) -> Report {
    Report {
        seconds: 0.0,
        jobs: 0,
        ..report
    }
}

/// A folder of this test's own below the system's temporary one.
fn folder(test: &str) -> PathBuf {
    std::env::temp_dir().join(format!("postern-{test}-{}", std::process::id()))
}

#[test]
fn correct_machines_violate_nothing() {
    let report = explore(&campaign(24), |_| {});
    assert_eq!(report.findings, []);
    assert_eq!(report.failures, []);
    assert_eq!(report.worlds, 24);
    assert!(report.runs >= report.worlds && report.sessions > report.worlds);
}

#[test]
fn the_report_does_not_depend_on_the_number_of_jobs() {
    let alone = explore(&campaign(16), |_| {});
    let shared = explore(
        &Campaign {
            jobs: 3,
            ..campaign(16)
        },
        |_| {},
    );
    assert_eq!(timeless(alone), timeless(shared));
}

#[test]
fn progress_is_heard_of_every_world() {
    let mut heard = Vec::new();
    explore(&campaign(5), |progress| heard.push(progress.worlds));
    assert_eq!(heard, [1, 2, 3, 4, 5]);
}

#[test]
fn shards_share_the_worlds_between_them() {
    let worlds = |number| {
        let shard = Shard { number, of: 3 };
        explore(&Campaign { shard, ..campaign(8) }, |_| {}).worlds
    };
    assert_eq!([worlds(1), worlds(2), worlds(3)], [3, 3, 2]);
}

#[test]
fn a_campaign_that_is_stopped_begins_no_world() {
    let campaign = campaign(1000);
    campaign.stop.store(true, std::sync::atomic::Ordering::Relaxed);
    assert_eq!(explore(&campaign, |_| {}).worlds, 0);
}

#[test]
fn every_fourth_world_of_a_mixed_campaign_runs_on_real_cryptography() {
    let real = (1..=100).filter(|seed| CryptoChoice::Mixed.for_seed(*seed) == Crypto::Real);
    assert_eq!(real.count(), 25);
}

#[test]
fn a_seed_is_replayed_as_the_campaign_ran_it() {
    let mixed = Campaign {
        client: Client::Subject(LETTRE),
        server: Server::Postern,
        mutant: Some(Mutant::NeverAlarms),
        crypto: CryptoChoice::Mixed,
        ..campaign(8)
    };
    let expected = format!(
        "cargo run --release -- replay 8 --client lettre --mutant {}",
        Mutant::NeverAlarms
    );
    assert_eq!(replay_command(&mixed, 8), expected);
    assert_eq!(
        replay_command(&mixed, 7),
        format!("{expected} --crypto fast").replace(" 8 ", " 7 ")
    );
    assert_eq!(
        replay_command(&Campaign::default(), 4),
        "cargo run --release -- replay 4"
    );
}

#[test]
fn a_known_bug_is_found_made_small_and_saved_with_what_replays_it() {
    let found_folder = folder("known-bug");
    let report = explore(
        &Campaign {
            mutant: Some(Mutant::BouncesSilently),
            found_folder: found_folder.clone(),
            ..campaign(30)
        },
        |_| {},
    );
    let finding = report.findings.iter().find(|finding| finding.property == Property::P12);
    let finding = finding.expect("somebody's mail bounced");
    assert!(finding.events() <= 3, "{}", finding.scenario.print());
    assert_replays(finding);
    assert_eq!(
        finding.replay,
        format!("cargo run --release -- replay {}", finding.file.display())
    );
    std::fs::remove_dir_all(found_folder).unwrap();
}

/// The saved file alone violates the same rule again.
fn assert_replays(finding: &Finding) {
    let text = std::fs::read_to_string(&finding.file).unwrap();
    let scenario = Scenario::parse(&finding.file.to_string_lossy(), &text).unwrap();
    assert_eq!(scenario, finding.scenario);
    let options = Options {
        crypto: Crypto::Real,
        client: Client::Postern,
        server: Server::Postern,
        mutant: None,
    };
    let examined = examine(&scenario, options, Relations::Always).unwrap();
    assert!(examined.violates(finding.property, finding.rule));
}

#[test]
fn a_mutant_is_hunted_until_its_own_rule_convicts_it() {
    for mutant in [Mutant::SendsAgainAfterAcceptance, Mutant::NeverAlarms] {
        let result = hunt(&campaign(100), mutant);
        assert_eq!((result.mutant, result.breaks), (mutant, breaks(mutant)));
        let kill = result.killed.unwrap_or_else(|| panic!("{mutant} lives"));
        assert!(kill.events() <= 3, "{}", kill.scenario.print());
        assert_eq!(kill.scenario.mutant, Some(mutant));
    }
}

#[test]
fn a_mutant_that_no_world_convicts_is_alive() {
    let no_worlds = campaign(0);
    let results = mutants(&no_worlds, |_| {});
    assert!(
        results
            .iter()
            .map(|result| result.mutant)
            .eq(Mutant::ALL.iter().copied())
    );
    assert!(results.iter().all(|result| result.killed.is_none()));
}
