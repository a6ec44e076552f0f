//! Which mutants the model at byte level convicts, and which it cannot.

use postern_model::mutant::Mutant;

/// The mutants that it convicts, each by the rule that it breaks.
pub const MODELLED: &[Mutant] = &[
    Mutant::ContinuesInClearAfterGoAhead,
    Mutant::PipelinesBehindStarttls,
    Mutant::TakesAny2yzForGoAhead,
    Mutant::ReadsRepliesBehindGoAhead,
    Mutant::KeepsExtensionsAfterTls,
    Mutant::SkipsEhloInsideTls,
    Mutant::LooksAtCertificateAfterEhlo,
    Mutant::LooksAtCertificateAfterMail,
    Mutant::SpeaksBeforeGreeting,
    Mutant::RunsCommandsBehindStarttls,
    Mutant::KeepsTransactionAfterTls,
    Mutant::OffersTlsThatIsOff,
    Mutant::AnswersStarttls502,
    Mutant::TakesStarttlsParameter,
    Mutant::OffersStarttlsInsideTls,
    Mutant::SaysStarttlsInsideTls,
    Mutant::SendsBareLf,
    Mutant::TakesBareLfInContent,
    Mutant::TakesBareLfInCommands,
    Mutant::DeliversWhatItRefused,
    Mutant::ReadsCommandsBehindRefusedData,
];

/// The mutants that break what it judges and cannot show it here, and why.
pub const EXCUSED: &[(Mutant, &str)] = &[
    (
        Mutant::ForgetsThatTlsIsActive,
        "our client never says STARTTLS inside TLS",
    ),
    (Mutant::HangsUpEarly, "no time passes"),
    (Mutant::ServerHangsUpEarly, "no time passes"),
    (Mutant::AnswersEndOfDataLate, "no time passes"),
];
