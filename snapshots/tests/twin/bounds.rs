//! The bounds within which both models are walked, in the words of each.

use postern_model::formal::{ATTACKS, Budget, Change, Configuration, Exchanger};
use postern_model::mta::delivery::{HopId, PeerId};
use postern_model::mutant::Mutant;
use postern_model::scenario::{Attack, Level};

const LEVELS: [Level; 4] = [Level::None, Level::May, Level::Encrypt, Level::Secure];
const HOP: HopId = HopId(0);

/// How much there is, and may happen, in one walk of each model.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Bounds {
    pub(crate) level: Level,
    pub(crate) exchangers: u8,
    pub(crate) messages: usize,
    /// The first exchanger wishes to refuse mail without TLS.
    pub(crate) demands_tls: bool,
    /// Attackers can make a host not answer at all, which takes time.
    pub(crate) has_black_holes: bool,
    pub(crate) budget: Budget,
}

/// The bounds, from level, exchangers, messages and the budget of attacks, drifts and restarts.
const fn bounds(level: Level, exchangers: u8, messages: usize, budget: (u8, u8, u8)) -> Bounds {
    let (attacks, drifts, restarts) = budget;
    Bounds {
        level,
        exchangers,
        messages,
        demands_tls: false,
        has_black_holes: false,
        budget: Budget {
            attacks,
            drifts,
            restarts,
        },
    }
}

/// A host that demands TLS beside all the rest.
const fn demanding(bounds: Bounds) -> Bounds {
    Bounds {
        demands_tls: true,
        ..bounds
    }
}

/// Hosts may be made not to answer, beside all the rest.
const fn with_black_holes(bounds: Bounds) -> Bounds {
    Bounds {
        has_black_holes: true,
        ..bounds
    }
}

/// Where both must see the same.
pub(crate) const COMPARED: [Bounds; 9] = [
    bounds(Level::None, 1, 1, (1, 1, 1)),
    bounds(Level::May, 1, 1, (2, 2, 1)),
    bounds(Level::May, 2, 1, (1, 2, 0)),
    bounds(Level::Encrypt, 2, 1, (2, 1, 0)),
    bounds(Level::Secure, 2, 1, (1, 1, 1)),
    bounds(Level::May, 1, 2, (1, 1, 1)),
    demanding(bounds(Level::May, 1, 2, (1, 1, 0))),
    with_black_holes(bounds(Level::May, 2, 1, (1, 1, 1))),
    with_black_holes(bounds(Level::Encrypt, 1, 2, (1, 1, 0))),
];

/// Few states, to show what their lines look like.
pub(crate) const EXAMPLE: Bounds = bounds(Level::Encrypt, 1, 1, (1, 0, 0));

/// The mutants that are rebuilt in the twin, each with bounds within which it shows.
pub(crate) const MUTANTS: [(Mutant, Bounds); 15] = [
    (Mutant::FallsBackToClear, bounds(Level::Encrypt, 1, 1, (1, 0, 0))),
    (
        Mutant::BouncesWhenStarttlsVanishes,
        bounds(Level::Encrypt, 1, 1, (1, 0, 0)),
    ),
    (Mutant::RequiresTlsUnasked, bounds(Level::May, 1, 1, (1, 0, 0))),
    (Mutant::NeverTriesTls, bounds(Level::May, 1, 1, (1, 0, 0))),
    (Mutant::DefersAfterBrokenHandshake, bounds(Level::May, 1, 1, (1, 0, 0))),
    (Mutant::NeverAlarms, bounds(Level::May, 1, 2, (1, 0, 0))),
    (Mutant::AlwaysAlarms, bounds(Level::May, 1, 1, (1, 0, 0))),
    (Mutant::TriesOnlyFirstExchanger, bounds(Level::May, 2, 1, (1, 0, 0))),
    (Mutant::WaitsAfterTlsFailure, bounds(Level::Encrypt, 2, 1, (1, 0, 0))),
    (Mutant::IgnoresPreference, bounds(Level::May, 2, 1, (1, 1, 0))),
    (Mutant::BouncesOnServfail, bounds(Level::May, 1, 1, (0, 1, 0))),
    (Mutant::RetriesAfter5yz, bounds(Level::May, 1, 1, (0, 1, 0))),
    (Mutant::RetriesAtOnce, bounds(Level::May, 1, 1, (1, 0, 0))),
    (
        Mutant::DemandsTlsOfLocalMail,
        demanding(bounds(Level::May, 1, 1, (1, 0, 0))),
    ),
    (
        Mutant::TakesFailedLookupForUnlisted,
        demanding(bounds(Level::May, 1, 1, (1, 1, 0))),
    ),
];

impl Bounds {
    /// In the words of our model. Injections may come at any moment, and not only where they are looked at next: the twin
    /// knows nothing of that economy.
    pub(crate) fn configuration(self, mutant: Option<Mutant>) -> Configuration {
        let exchangers = (0..self.exchangers).map(|place| Exchanger {
            demands_tls: self.demands_tls && place == 0,
            ..Exchanger::of_first(10 * (u16::from(place) + 1))
        });
        let mut drifts = vec![Change::Lookups(HOP)];
        drifts.extend(LEVELS.map(|level| Change::Policy(HOP, level)));
        for peer in (1..=self.exchangers).map(PeerId) {
            drifts.extend([
                Change::Tls(peer),
                Change::Certificate(peer),
                Change::Configured(peer, HOP),
                Change::Listed(peer, HOP),
                Change::ServerLookups(peer, HOP),
            ]);
        }
        let attacks = ATTACKS.iter().copied();
        Configuration {
            messages: vec![HOP; self.messages],
            exchangers: exchangers.collect(),
            budget: self.budget,
            attacks: attacks
                .filter(|attack| self.has_black_holes || *attack != Attack::BlackHole)
                .collect(),
            drifts,
            is_lazy: false,
            is_symmetric: false,
            mutant,
            ..Configuration::calm(self.level)
        }
    }

    /// In the words of the twin: what its preprocessor is told.
    pub(crate) fn definitions(self, mutant: Option<Mutant>) -> Vec<String> {
        let Budget {
            attacks,
            drifts,
            restarts,
        } = self.budget;
        let name = |words: String| words.to_uppercase().replace('-', "_");
        let mutant = mutant.map_or_else(|| "SOUND".to_owned(), |mutant| name(mutant.to_string()));
        vec![
            format!("-DLEVEL={}", name(self.level.to_string())),
            format!("-DHOSTS={}", self.exchangers),
            format!("-DMESSAGES={}", self.messages),
            format!("-DDEMANDS={}", self.demands_tls),
            format!("-DBLACK_HOLES={}", self.has_black_holes),
            format!("-DATTACKS={attacks}"),
            format!("-DDRIFTS={drifts}"),
            format!("-DRESTARTS={restarts}"),
            format!("-DMUTANT={mutant}"),
        ]
    }
}
