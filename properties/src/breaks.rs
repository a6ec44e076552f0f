//! Which property, and which rule of it, each mutant breaks.

use postern_model::mutant::Mutant;

use crate::rules::Property;

/// The property that must convict the mutant, and the id of the rule that the mutant breaks.
pub fn breaks(mutant: Mutant) -> (Property, &'static str) {
    match mutant {
        Mutant::FallsBackToClear => (Property::P01, "SEED-12"),
        Mutant::AcceptsAnyCertificate | Mutant::ChecksNameOfExchanger => (Property::P01, "R3207-4.1-d"),
        Mutant::BouncesWhenStarttlsVanishes => (Property::P02, "R3207-6-d"),
        Mutant::TakesStarttlsRefusalForMessageRefusal => (Property::P02, "SEED-11"),
        Mutant::GivesUpEarly | Mutant::LifetimeByWallClock => (Property::P02, "R5321-4.5.4.1-c"),
        Mutant::RequiresTlsUnasked => (Property::P03, "SEED-11"),
        Mutant::RequiresTlsOfUnlistedPeers => (Property::P03, "SEED-14"),
        Mutant::NeverTriesTls => (Property::P04, "R3207-6-b"),
        Mutant::DefersAfterBrokenHandshake => (Property::P04, "SEED-06"),
        Mutant::WantsClientCertificates | Mutant::BansAfterFailedHandshake => (Property::P05, "SEED-05"),
        Mutant::Takes521ForMessageRefusal => (Property::P02, "R7504-3/4"),
        Mutant::AnswersFromConfigurationAlone => (Property::P06, "SEED-03"),
        Mutant::TakesFailedLookupForUnlisted => (Property::P06, "SEED-15"),
        Mutant::IgnoresTimeToLive => (Property::P08, "SEED-15"),
        Mutant::DemandsTlsOfLocalMail => (Property::P07, "SEED-01"),
        Mutant::DemandsTlsAtData => (Property::P07, "R3207-4-c"),
        Mutant::RemembersTlsAndRefusesClear | Mutant::LaundersTlsIntoPolicy => (Property::P09, "SEED-11"),
        Mutant::NeverAlarms | Mutant::AlwaysAlarms | Mutant::AlarmHoldsMail => (Property::P10, "SEED-10"),
        Mutant::TriesOnlyFirstExchanger | Mutant::TriesOnlyFirstAddress => (Property::P11, "R5321-5.1-d"),
        Mutant::BouncesSilently => (Property::P12, "R5321-6.1-a"),
        Mutant::ForgetsDeferredMail => (Property::P12, "R5321-4.2.5-a"),
        Mutant::TakesSilenceForAcceptance | Mutant::SendsAgainAfterAcceptance => (Property::P13, "R5321-4.2.5-a"),
        Mutant::GivesUpAfterLostReply => (Property::P13, "R5321-4.5.4.1-c"),
        Mutant::AnswersEndOfDataLate => (Property::P33, "R5321-6.1-b"),
        Mutant::WaitsAfterTlsFailure => (Property::P14, "R5321-5.1-d"),
        Mutant::IgnoresPreference | Mutant::TakesEqualsInOneOrder | Mutant::OrdersBySecurity => {
            (Property::P15, "R5321-5.1-c")
        }
        Mutant::DoesNotDropItself => (Property::P15, "R5321-5.1-e"),
        Mutant::ReusesClearSessionForRequired | Mutant::KeepsOldPolicyOnReuse => (Property::P38, "SEED-12"),
        Mutant::ReusesSessionVerifiedForAnotherDomain => (Property::P38, "R3207-4.1-d"),
        Mutant::NegativeMemoryNeverExpires | Mutant::Remembers5yzToMail => (Property::P39, "R5321-4.5.4.1-e"),
        Mutant::NegativeMemoryAppliesWhenRequired => (Property::P39, "SEED-12"),
        Mutant::RetriesAtOnce | Mutant::OneSlowDestinationBlocksAll => (Property::P42, "R5321-4.5.4.1-a"),
        Mutant::LosesQueueOnRestart | Mutant::Answers250BeforeStoring => (Property::P44, "R5321-4.2.5-a"),
        Mutant::FallsToHeloWhenRequired => (Property::P01, "R3207-6-a"),
        Mutant::DialsInClearWhenTlsBreaks => (Property::P01, "SEED-12"),
        Mutant::BouncesOn454 => (Property::P02, "R3207-4-b"),
        Mutant::GivesUpWhenHandshakeTimesOut | Mutant::BouncesOn530 => (Property::P02, "R3207-6-d"),
        Mutant::RunsCommandsBehindStarttls => (Property::P28, "R3207-4-h"),
        Mutant::KeepsTransactionAfterTls => (Property::P28, "R3207-4.2-a"),
        Mutant::KeepsExtensionsAfterTls => (Property::P28, "R3207-4.2-b"),
        Mutant::ReadsRepliesBehindGoAhead => (Property::P28, "R3207-6-e"),
        Mutant::TakesAny2yzForGoAhead => (Property::P29, "R3207-4-f"),
        Mutant::PipelinesBehindStarttls => (Property::P29, "R3207-4-h"),
        Mutant::LooksAtCertificateAfterEhlo => (Property::P29, "R3207-4.1-a"),
        Mutant::LooksAtCertificateAfterMail => (Property::P29, "R3207-4.1-b"),
        Mutant::SkipsEhloInsideTls => (Property::P29, "R3207-4.2-c"),
        Mutant::SpeaksBeforeGreeting => (Property::P29, "R5321-4.3.1-a"),
        Mutant::HangsUpEarly | Mutant::ServerHangsUpEarly => (Property::P29, "R5321-4.5.3.2-a"),
        Mutant::RefusesRelayWithAnotherCode => (Property::P06, "R5321-3.6.2-a"),
        Mutant::ForgetsThatTlsIsActive => (Property::P30, "R3207-4.2-e"),
        Mutant::SaysStarttlsInsideTls => (Property::P30, "R3207-4.2-f"),
        Mutant::OffersStarttlsInsideTls => (Property::P30, "R3207-4.2-g"),
        Mutant::TakesStarttlsParameter => (Property::P31, "R3207-2-a"),
        Mutant::OffersTlsThatIsOff => (Property::P31, "R3207-3-a"),
        Mutant::AnswersStarttls502 => (Property::P31, "R5321-4.2.4-a"),
        Mutant::SendsBareLf | Mutant::TakesBareLfInCommands => (Property::P33, "R5321-2.3.8-a"),
        Mutant::TakesBareLfInContent => (Property::P33, "R5321-4.1.1.4-a"),
        Mutant::DeliversWhatItRefused | Mutant::ReadsCommandsBehindRefusedData => (Property::P33, "R5321-4.2.5-b"),
        Mutant::ClosesAfter530 => (Property::P45, "SEED-04"),
        Mutant::LetsMailPassBeforeTls => (Property::P45, "R3207-4-e"),
        Mutant::ForgetsWhomItRequiresTlsOf => (Property::P45, "R3207-6-a"),
        Mutant::KeepsEnvelopeAfterTls => (Property::P46, "R3207-4.2-a"),
        Mutant::KeepsClientNameAfterTls => (Property::P46, "R3207-6-e"),
        Mutant::JudgesTheHandshakeAtMail => (Property::P47, "R3207-4.1-a"),
        Mutant::RefusesUnhappilyForNow => (Property::P47, "R3207-4.1-c"),
        Mutant::ContinuesInClearAfterGoAhead => (Property::P29, "R3207-4-g"),
        Mutant::IgnoresExpiry => (Property::P01, "R3207-4.1-d"),
        Mutant::RelaysByAddress | Mutant::RelaysByEhloName | Mutant::KeepsIdentityFromAnotherConnection => {
            (Property::P32, "SEED-07")
        }
        Mutant::RefusesUnknownClientCertificate | Mutant::RefusesMailAfterBadClientCertificate => {
            (Property::P48, "SEED-05")
        }
        Mutant::SendsOldHello => (Property::P48, "SEED-08"),
        Mutant::DropsOnOldHello | Mutant::TurnsAwayAfterFailedHandshake => (Property::P48, "SEED-09"),
        Mutant::NamesSenderBeforeTls => (Property::P34, "SEED-17"),
        Mutant::RelayReturnsMailForWantOfTls => (Property::P35, "SEED-13"),
        Mutant::NotifiesFromMailbox | Mutant::NotifiesTwice => (Property::P27, "R5321-6.1-a"),
        Mutant::AnswersNotifications | Mutant::WarnsAboutNullReversePath => (Property::P27, "R5321-4.5.4-f"),
        Mutant::ReportsAlthoughNever => (Property::P27, "R3461-4.1-a"),
        Mutant::DropsEnvelopeId | Mutant::DropsReturns | Mutant::DropsOriginalRecipient => {
            (Property::P27, "R3461-5.2.1-a")
        }
        Mutant::AsksWhereNotOffered => (Property::P27, "R3461-5.2.2-a"),
        Mutant::WarnsAlthoughNotAsked => (Property::P27, "R3461-5.2.5-c"),
        Mutant::NotifiesWithoutEnvelopeId => (Property::P27, "R3461-6.3-a"),
        Mutant::ReplacesNullReversePath => (Property::P27, "R5321-4.5.5-a"),
        Mutant::RelayDropsSilently => (Property::P27, "R5321-3.6.3-a"),
        Mutant::HidesTlsCause => (Property::P36, "R3463-3.5-a"),
        Mutant::WarnsOfPermanentFailure => (Property::P36, "R3464-2.3.4-a"),
        Mutant::ClaimsEncryptedInClear => (Property::P36, "R7435-3-d"),
        Mutant::RelayAltersBody => (Property::P49, "R5321-3.6.3-b"),
        Mutant::RetriesAfter5yz => (Property::P40, "R5321-4.2.1-a"),
        Mutant::IgnoresConfiguredSchedule => (Property::P40, "R5321-4.5.4.1-d"),
        Mutant::BouncesOnServfail | Mutant::TakesNodataForNoSuchDomain => (Property::P41, "R5321-5.1-a"),
        Mutant::FallsBackToAddressOfDomain => (Property::P41, "R5321-5.1-b"),
        Mutant::DialsNullMxDomainAddress => (Property::P41, "R7505-3-a"),
        Mutant::QueuesNullMx => (Property::P41, "R7505-4.1-b"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_mutant_breaks_a_rule_that_its_property_judges() {
        for mutant in Mutant::ALL {
            let (property, rule) = breaks(*mutant);
            assert!(
                property.rules().contains(&rule),
                "{mutant} breaks {rule}, which {property} does not judge"
            );
        }
    }
}
