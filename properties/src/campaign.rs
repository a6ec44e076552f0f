//! STAND-IN until campaigns are merged: their interface, without their work.

use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::AtomicBool;
use std::time::Duration;

use postern_model::mutant::Mutant;
use postern_sim::Client;

use crate::generate::Profile;
use crate::rules::Property;

/// Stand-in.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum CryptoChoice {
    /// Stand-in.
    Real,
    /// Stand-in.
    Fast,
    /// Stand-in.
    Mixed,
}

/// Stand-in.
#[derive(Debug, Clone)]
pub struct Campaign {
    /// Stand-in.
    pub from: u64,
    /// Stand-in.
    pub seeds: u64,
    /// Stand-in.
    pub limit: Option<Duration>,
    /// Stand-in.
    pub jobs: usize,
    /// Stand-in.
    pub crypto: CryptoChoice,
    /// Stand-in.
    pub client: Client,
    /// Stand-in.
    pub mutant: Option<Mutant>,
    /// Stand-in.
    pub shard: (u64, u64),
    /// Stand-in.
    pub profile: Profile,
    /// Stand-in.
    pub stop: Arc<AtomicBool>,
}

/// Stand-in.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Progress {
    /// Stand-in.
    pub worlds: u64,
    /// Stand-in.
    pub findings: usize,
}

/// Stand-in.
#[derive(Debug, Clone)]
pub struct Report {
    /// Stand-in.
    pub worlds: u64,
    /// Stand-in.
    pub sessions: u64,
    /// Stand-in.
    pub seconds: f64,
    /// Stand-in.
    pub runs: u64,
    /// Stand-in.
    pub jobs: usize,
    /// Stand-in.
    pub properties: Vec<PropertyCount>,
    /// Stand-in.
    pub situations: Vec<Situation>,
    /// Stand-in.
    pub findings: Vec<Finding>,
    /// Stand-in.
    pub failures: Vec<WorldFailure>,
}

/// Stand-in.
#[derive(Debug, Clone)]
pub struct PropertyCount {
    /// Stand-in.
    pub property: Property,
    /// Stand-in.
    pub holds: u64,
    /// Stand-in.
    pub not_exercised: u64,
    /// Stand-in.
    pub violated: u64,
}

/// Stand-in.
#[derive(Debug, Clone)]
pub struct Situation {
    /// Stand-in.
    pub name: &'static str,
    /// Stand-in.
    pub reached: u64,
}

/// Stand-in.
#[derive(Debug, Clone)]
pub struct Finding {
    /// Stand-in.
    pub property: Property,
    /// Stand-in.
    pub rule: &'static str,
    /// Stand-in.
    pub seed: u64,
    /// Stand-in.
    pub scenario_path: Option<PathBuf>,
    /// Stand-in.
    pub steps: usize,
    /// Stand-in.
    pub why: String,
    /// Stand-in.
    pub transcript_tail: String,
    /// Stand-in.
    pub replay: String,
}

/// Stand-in.
#[derive(Debug, Clone)]
pub struct WorldFailure {
    /// Stand-in.
    pub seed: u64,
    /// Stand-in.
    pub error: String,
}

/// Stand-in.
#[derive(Debug, Clone)]
pub struct MutantResult {
    /// Stand-in.
    pub mutant: Mutant,
    /// Stand-in.
    pub breaks: Property,
    /// Stand-in.
    pub rule: &'static str,
    /// Stand-in.
    pub killed_by: Option<Property>,
    /// Stand-in.
    pub worlds: u64,
    /// Stand-in.
    pub steps: usize,
    /// Stand-in.
    pub replay: Option<String>,
}

/// Stand-in.
pub fn explore(campaign: &Campaign, _on_progress: impl Fn(Progress) + Sync) -> Report {
    Report {
        worlds: 0,
        sessions: 0,
        seconds: 0.0,
        runs: 0,
        jobs: campaign.jobs,
        properties: Vec::new(),
        situations: Vec::new(),
        findings: Vec::new(),
        failures: Vec::new(),
    }
}

/// Stand-in.
pub fn mutants(_campaign: &Campaign, _on_progress: impl Fn(Progress) + Sync) -> Vec<MutantResult> {
    Vec::new()
}
