//! What there is to show for a violation: a small scenario in a file that replays it.

use std::fs;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::PathBuf;
use std::sync::Mutex;
use std::sync::mpsc;

use postern_model::scenario::Scenario;
use postern_sim::Crypto;

use crate::campaign::{self, Campaign, Examined, Relations, examine};
use crate::rules::Property;
use crate::subjects::Finding;

/// What there is to show for a violation.
#[derive(Debug, Clone, PartialEq)]
pub enum Evidence {
    /// A file whose replay violates the same rule.
    Replays(Box<Exhibit>),
    /// A file that was written, and what its replay comes to instead.
    DoesNotReplay {
        /// The file.
        file: PathBuf,
        /// The command that replays it.
        replay: String,
        /// What is wrong with it.
        why: String,
    },
    /// No file, and why.
    None(String),
}

/// A scenario in which a rule is violated.
#[derive(Debug, Clone)]
pub struct Exhibit {
    /// What went wrong, in one sentence.
    pub why: String,
    /// Where it is written.
    pub file: PathBuf,
    /// The command that replays it.
    pub replay: String,
    /// The scenario, as it was read back from the file.
    pub scenario: Scenario,
    /// Its replay.
    pub examined: Examined,
}

impl PartialEq for Exhibit {
    fn eq(&self, other: &Self) -> bool {
        let parts = |exhibit: &Self| (exhibit.why.clone(), exhibit.file.clone(), exhibit.replay.clone());
        parts(self) == parts(other) && self.scenario == other.scenario && self.examined.run == other.examined.run
    }
}

impl Evidence {
    /// Makes the world of a finding small, writes it to a file, and replays what is in the file as `postern replay` does.
    pub(super) fn of(campaign: &Campaign, property: Property, finding: &Finding) -> Self {
        let pursue = || campaign::pursue(campaign, property, finding.rule, finding.seed, finding.worlds);
        let pursued = catch_unwind(AssertUnwindSafe(pursue));
        let found = match pursued.unwrap_or_else(|_| Err("the shrinker panicked".to_owned())) {
            Ok(found) => found,
            Err(why) => return Self::None(why),
        };
        match replayed(campaign, property, &found) {
            Ok(exhibit) => Self::Replays(Box::new(exhibit)),
            Err(why) => Self::DoesNotReplay {
                file: found.file,
                replay: found.replay,
                why,
            },
        }
    }

    /// The scenario that shows the violation.
    pub fn exhibit(&self) -> Option<&Exhibit> {
        match self {
            Self::Replays(exhibit) => Some(exhibit),
            Self::DoesNotReplay { .. } | Self::None(_) => None,
        }
    }

    /// The file, whatever its replay comes to.
    pub fn file(&self) -> Option<&PathBuf> {
        match self {
            Self::Replays(exhibit) => Some(&exhibit.file),
            Self::DoesNotReplay { file, .. } => Some(file),
            Self::None(_) => None,
        }
    }

    /// The command that replays the file.
    pub fn replay(&self) -> Option<&str> {
        match self {
            Self::Replays(exhibit) => Some(&exhibit.replay),
            Self::DoesNotReplay { replay, .. } => Some(replay),
            Self::None(_) => None,
        }
    }

    /// Why nothing shows the violation again.
    pub fn lacks(&self) -> Option<&str> {
        match self {
            Self::Replays(_) => None,
            Self::DoesNotReplay { why, .. } | Self::None(why) => Some(why),
        }
    }
}

/// What the file of a finding shows when it is read back.
fn replayed(campaign: &Campaign, property: Property, found: &campaign::Finding) -> Result<Exhibit, String> {
    let name = found.file.display().to_string();
    let content = fs::read(&found.file).map_err(|error| format!("{name} cannot be read back: {error}"))?;
    let scenario = Scenario::parse(&name, content).map_err(|error| error.to_string())?;
    let scenario = campaign.fit(scenario);
    let examined = examine(&scenario, campaign.options(Crypto::Real), Relations::Always)
        .map_err(|error| format!("the testbed failed on {name}: {error}"))?;
    let why = why(&examined, property, found.rule)
        .ok_or_else(|| format!("the replay of {name} does not violate {} again", found.rule))?;
    Ok(Exhibit {
        why,
        file: found.file.clone(),
        replay: found.replay.clone(),
        scenario,
        examined,
    })
}

/// The sentence of the violation of this rule, if it is violated.
fn why(examined: &Examined, property: Property, rule: &str) -> Option<String> {
    let mut violations = examined.judgement.violations();
    let violation = violations.find(|(violated, _, violation)| *violated == property && violation.rule == rule);
    violation.map(|(_, _, violation)| violation.why.clone())
}

/// Does something with every item, on so many threads, and keeps the order. `on_done` hears how many are done, on this thread.
pub(super) fn for_each<Item: Sync, Done: Send>(
    items: &[Item],
    jobs: usize,
    work: impl Fn(&Item) -> Done + Sync,
    mut on_done: impl FnMut(usize),
) -> Vec<Done> {
    let waiting = Mutex::new(items.iter().enumerate());
    let (results, incoming) = mpsc::channel();
    let mut done: Vec<(usize, Done)> = Vec::new();
    std::thread::scope(|scope| {
        for _ in 0..jobs.clamp(1, items.len().max(1)) {
            let results = results.clone();
            let (waiting, work) = (&waiting, &work);
            scope.spawn(move || {
                loop {
                    let next = waiting.lock().unwrap_or_else(|poisoned| poisoned.into_inner()).next();
                    let Some((place, item)) = next else { return };
                    if results.send((place, work(item))).is_err() {
                        return;
                    }
                }
            });
        }
        drop(results);
        for result in incoming {
            done.push(result);
            on_done(done.len());
        }
    });
    done.sort_by_key(|(place, _)| *place);
    done.into_iter().map(|(_, result)| result).collect()
}
