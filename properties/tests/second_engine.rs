//! The own engine and stateright on the same transition function: what one says of states and of bugs the other says too.

use std::collections::BTreeSet;

use mailpostern::check::second::{NO_BROKEN_PROMISE, NO_CONVICTION, NO_DEPENDENCE, NO_MAIL_FORGOTTEN, Second};
use mailpostern::check::{Bounds, Case, Named};
use postern_model::formal::{Fault, Found, Judged, Protocol, Workers, Wrong, explore};
use postern_model::mutant::Mutant;
use stateright::{Checker, Model};

/// What is counted does not depend on how many there are.
const THREADS: usize = 2;

fn by_own(named: &Named, mutant: Option<Mutant>) -> Found<Fault> {
    let Case { dynamics, bench } = Case::of(named, mutant);
    let judged = Judged::by(Protocol::new(dynamics), bench);
    explore(&judged, &Workers::new(THREADS).share(), |_| true)
}

/// What is wrong, in the words of stateright's properties.
fn kinds(found: &Found<Fault>) -> BTreeSet<&'static str> {
    let kind = |fault: &Fault| match fault {
        Fault::Judged(..) => NO_CONVICTION,
        Fault::Wrong(Wrong::Breaks(..)) => NO_BROKEN_PROMISE,
        Fault::Wrong(Wrong::Forgets) => NO_MAIL_FORGOTTEN,
        Fault::Wrong(Wrong::Depends(_)) => NO_DEPENDENCE,
    };
    found.faults.keys().map(kind).collect()
}

#[test]
fn both_engines_count_the_same_states_and_transitions() {
    for named in Bounds::Small.configurations() {
        let own = by_own(&named, None);
        let second = Second::judged(&named, None)
            .checker()
            .threads(THREADS)
            .spawn_bfs()
            .join();
        assert_eq!(second.unique_state_count() as u64, own.states, "{}", named.name);
        // It counts the start as if a transition led there.
        assert_eq!(second.state_count() as u64, own.transitions + 1, "{}", named.name);
        assert!(second.discoveries().is_empty(), "{}", named.name);
    }
}

/// Mutants that are convicted by monitors, by calms, by unwinding, and because nothing becomes of their mail.
const MUTANTS: [Mutant; 7] = [
    Mutant::ForgetsDeferredMail,
    Mutant::BouncesWhenStarttlsVanishes,
    Mutant::DemandsTlsOfLocalMail,
    Mutant::DefersAfterBrokenHandshake,
    Mutant::RemembersTlsAndRefusesClear,
    Mutant::RelayReturnsMailForWantOfTls,
    Mutant::AlarmHoldsMail,
];

/// Few states, and enough of them for every one of these mutants.
const FOR_MUTANTS: [&str; 5] = [
    "1 message to one domain with 2 exchangers, may: 1 attack, 1 drift, 0 restarts",
    "1 message to one domain with 2 exchangers, encrypt: 1 attack, 1 drift, 0 restarts",
    "2 messages to one domain with 2 exchangers, may: 0 attacks, 1 drift, 0 restarts",
    "remembered failures, may",
    "a host that wishes for TLS, none",
];

#[test]
fn both_engines_find_the_same_mutants_wrong_and_in_the_same_way() {
    let mut found = BTreeSet::new();
    let mut configurations = Bounds::Small.configurations();
    configurations.retain(|named| FOR_MUTANTS.contains(&named.name.as_str()));
    for mutant in MUTANTS {
        for named in &configurations {
            let own = kinds(&by_own(named, Some(mutant)));
            let second = Second::judged(named, Some(mutant))
                .checker()
                .threads(THREADS)
                .spawn_dfs()
                .join();
            let by_second: BTreeSet<&str> = second.discoveries().into_keys().collect();
            assert_eq!(by_second, own, "{mutant} in {}", named.name);
            found.extend(own.into_iter().map(|kind| (mutant.to_string(), kind)));
        }
    }
    let mutants: BTreeSet<&String> = found.iter().map(|(mutant, _)| mutant).collect();
    let kinds: BTreeSet<&str> = found.iter().map(|(_, kind)| *kind).collect();
    assert_eq!(mutants.len(), MUTANTS.len(), "{found:?}");
    assert_eq!(kinds.len(), 4, "{found:?}");
}
