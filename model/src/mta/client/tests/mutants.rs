//! Each mutant of the client has its own bug, and shows it only where it should.

use super::*;

#[test]
fn the_mutant_takes_a_refusal_of_starttls_for_one_of_the_message() {
    let mutant = Mutant::TakesStarttlsRefusalForMessageRefusal;
    let refused = story(with(mutant, TlsUse::IfOffered), &[GREETING, EHLO, "554 no"]);
    assert_eq!(refused.outcome(), Outcome::RefusedForGood);
    let deferred = story(with(mutant, TlsUse::IfOffered), &[GREETING, EHLO, "454 no"]);
    assert!(deferred.sent("MAIL"));
}

#[test]
fn the_mutant_takes_silence_for_acceptance() {
    let script = [GREETING, PLAIN, "250 ok", "250 ok", "354 go", "<closed>"];
    let story = story(with(Mutant::TakesSilenceForAcceptance, TlsUse::Never), &script);
    assert_eq!(story.outcome(), Outcome::Accepted);
}

#[test]
fn the_mutant_continues_in_clear_after_the_go_ahead() {
    let mutant = Mutant::ContinuesInClearAfterGoAhead;
    let script = [GREETING, EHLO, "220 go", "<failed>", EHLO, "250 ok"];
    let opportunistic = story(with(mutant, TlsUse::IfOffered), &script);
    assert_eq!(
        opportunistic.lines[3..],
        [
            "<without TLS: HandshakeFailed>",
            "EHLO mx.a.example",
            "MAIL FROM:<alice@a.example> SIZE=24",
            "RCPT TO:<bob@b.example>",
        ]
    );
    let required = story(with(mutant, TlsUse::Required), &script[..4]);
    assert_eq!(required.outcome(), Outcome::TlsUnavailable(WithoutTls::HandshakeFailed));
}
