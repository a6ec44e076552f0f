//! Which mutants the formal model can convict.

use postern_model::mutant::Mutant;

/// The mutants of the delivery machine and of the recipient decision: those whose bug is in code that the model runs.
pub const MODELLED: &[Mutant] = &[
    Mutant::FallsBackToClear,
    Mutant::BouncesOnServfail,
    Mutant::QueuesNullMx,
    Mutant::BouncesWhenStarttlsVanishes,
    Mutant::RemembersTlsAndRefusesClear,
    Mutant::LaundersTlsIntoPolicy,
    Mutant::RequiresTlsUnasked,
    Mutant::NeverTriesTls,
    Mutant::DefersAfterBrokenHandshake,
    Mutant::AlarmHoldsMail,
    Mutant::RelayReturnsMailForWantOfTls,
    Mutant::NeverAlarms,
    Mutant::AlwaysAlarms,
    Mutant::TriesOnlyFirstExchanger,
    Mutant::TriesOnlyFirstAddress,
    Mutant::WaitsAfterTlsFailure,
    Mutant::IgnoresPreference,
    Mutant::OrdersBySecurity,
    Mutant::DoesNotDropItself,
    Mutant::RetriesAtOnce,
    Mutant::OneSlowDestinationBlocksAll,
    Mutant::ReusesClearSessionForRequired,
    Mutant::ReusesSessionVerifiedForAnotherDomain,
    Mutant::KeepsOldPolicyOnReuse,
    Mutant::NegativeMemoryNeverExpires,
    Mutant::NegativeMemoryAppliesWhenRequired,
    Mutant::Remembers5yzToMail,
    Mutant::RetriesAfter5yz,
    Mutant::GivesUpEarly,
    Mutant::ForgetsDeferredMail,
    Mutant::IgnoresConfiguredSchedule,
    Mutant::SendsAgainAfterAcceptance,
    Mutant::BouncesSilently,
    Mutant::DemandsTlsOfLocalMail,
    Mutant::AnswersFromConfigurationAlone,
    Mutant::TakesFailedLookupForUnlisted,
];

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;
    use std::fs;
    use std::path::Path;

    use super::*;

    /// The variants that a file of the model names, but for its tests.
    fn named_in(file: &Path) -> BTreeSet<String> {
        let text = fs::read_to_string(file).expect("a source file");
        let code = text.split("mod tests {").next().unwrap_or_default();
        let variant = |part: &str| part.chars().take_while(|sign| sign.is_alphanumeric()).collect();
        code.split("Mutant::").skip(1).map(variant).collect()
    }

    #[test]
    fn they_are_those_that_the_delivery_machine_and_the_recipient_decision_consult() {
        let machines = Path::new(env!("CARGO_MANIFEST_DIR")).join("../model/src/mta");
        let files = ["mod", "attempt", "memory", "reuse"].map(|file| machines.join(format!("delivery/{file}.rs")));
        let files = files.into_iter().chain([machines.join("recipient.rs")]);
        let consulted: BTreeSet<String> = files.flat_map(|file| named_in(&file)).collect();
        let modelled: BTreeSet<String> = MODELLED.iter().map(|mutant| format!("{mutant:?}")).collect();
        assert_eq!(modelled, consulted);
    }
}
