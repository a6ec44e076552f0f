//! A violation made small, confirmed under real cryptography and written to a file that replays it.

use std::fmt::Display;
use std::path::{Path, PathBuf};

use postern_model::scenario::Scenario;
use postern_sim::{Client, Crypto, Server};

use super::{Campaign, Examined, Relations, examine};
use crate::generate::Profile;
use crate::rules::Property;
use crate::shrink::shrink;

/// The first violation of one rule of one property in a campaign.
#[derive(Debug, Clone, PartialEq)]
pub struct Finding {
    /// The property.
    pub property: Property,
    /// The id of the rule.
    pub rule: &'static str,
    /// The seed of the world that it was found in.
    pub seed: u64,
    /// How many worlds of the campaign violated the same rule of the same property.
    pub worlds: u64,
    /// What was broken and how, in the shrunk scenario.
    pub why: String,
    /// The shrunk scenario.
    pub scenario: Scenario,
    /// Where it is written.
    pub file: PathBuf,
    /// The command that replays it.
    pub replay: String,
}

impl Finding {
    /// How many steps the shrunk timeline has.
    pub fn events(&self) -> usize {
        self.scenario.step.len()
    }
}

/// The command that replays the world of a seed as the campaign ran it: its client, its server, its mutant, its tier.
pub fn replay_command(campaign: &Campaign, seed: u64) -> String {
    let mutant = campaign.mutant.map(|mutant| format!(" --mutant {mutant}"));
    let crypto = match campaign.crypto.for_seed(seed) {
        Crypto::Real => "",
        Crypto::Fast => " --crypto fast",
    };
    let reading = match campaign.reading {
        None => String::new(),
        Some(reading) => format!(" --reading {reading}"),
    };
    let profile = match campaign.profile {
        Profile::Swarm => String::new(),
        profile => format!(" --profile {}", profile.name()),
    };
    replay(seed, campaign) + &mutant.unwrap_or_default() + crypto + &reading + &profile
}

/// The command that replays a saved scenario, which has its mutant in it, under real cryptography.
fn replay(what: impl Display, campaign: &Campaign) -> String {
    let client = match campaign.client {
        Client::Postern => String::new(),
        Client::Subject(subject) => format!(" --client {subject}"),
    };
    let server = match campaign.server {
        Server::Postern => String::new(),
        Server::Subject(subject) => format!(" --server {subject}"),
    };
    format!("cargo run --release -- replay {what}{client}{server}")
}

/// Shrinks under fast cryptography, confirms under real, and saves.
///
/// # Errors
/// Why there is no finding: it is not there under real cryptography, or the file cannot be written.
pub(crate) fn pursue(
    campaign: &Campaign,
    property: Property,
    rule: &'static str,
    seed: u64,
    worlds: u64,
) -> Result<Finding, String> {
    let (mut scenario, confirmed) = smallest(campaign, seed, property, rule)?;
    let mut violations = confirmed.judgement.violations();
    let violation = violations.find(|(violated, _, violation)| *violated == property && violation.rule == rule);
    let why = violation
        .map(|(_, _, violation)| violation.why.clone())
        .unwrap_or_default();
    scenario.title = format!(
        "{property} {}: {rule} violated, shrunk from world {seed}",
        property.name()
    );
    let file = save(campaign, property, rule, &scenario)?;
    Ok(Finding {
        property,
        rule,
        seed,
        worlds,
        why,
        replay: replay(file.display(), campaign),
        scenario,
        file,
    })
}

/// The smallest scenario found, beginning with the world of a seed, that violates the same rule of the same property, and its
/// run under real cryptography.
///
/// # Errors
/// When the violation is not there under real cryptography.
pub(super) fn smallest(
    campaign: &Campaign,
    seed: u64,
    property: Property,
    rule: &str,
) -> Result<(Scenario, Examined), String> {
    // What the shrinker leaves out, a level for one, may not make a world that asks of the subject what it does not offer.
    let violating = |candidate: &Scenario, crypto| {
        let fitted = campaign.fit(candidate.clone());
        let examined = examine(&fitted, campaign.options(crypto), Relations::Of(property)).ok();
        examined.filter(|examined| examined.violates(property, rule))
    };
    let scenario = campaign.fit(shrink(&super::scenario(campaign, seed), |candidate| {
        violating(candidate, Crypto::Fast).is_some()
    }));
    match violating(&scenario, Crypto::Real) {
        Some(confirmed) => Ok((scenario, confirmed)),
        None => Err(format!(
            "a violation of {rule} ({property}) was seen but is not there again, shrunk, under real cryptography"
        )),
    }
}

fn save(campaign: &Campaign, property: Property, rule: &str, scenario: &Scenario) -> Result<PathBuf, String> {
    let mutant = scenario.mutant.map(|mutant| format!("-{mutant}")).unwrap_or_default();
    let client = match campaign.client {
        Client::Postern => String::new(),
        Client::Subject(subject) => format!("-{}", subject.name().replace(':', "-")),
    };
    let server = match campaign.server {
        Server::Postern => String::new(),
        Server::Subject(subject) => format!("-{subject}"),
    };
    // A rule may bear the numbers of two sections, as R7504-3/4.
    let rule = rule.replace('/', "-");
    let name = format!("{property}-{rule}{mutant}{client}{server}-{}.toml", scenario.seed);
    let file = campaign.found_folder.join(name);
    write(&file, &scenario.print()).map_err(|error| format!("{} cannot be written: {error}", file.display()))?;
    Ok(file)
}

fn write(file: &Path, text: &str) -> std::io::Result<()> {
    if let Some(folder) = file.parent() {
        std::fs::create_dir_all(folder)?;
    }
    std::fs::write(file, text)
}
