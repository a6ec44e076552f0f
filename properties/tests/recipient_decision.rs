//! The server's decision about RCPT against the judge's own chart (P06), over every input.

use mailpostern::monitors::{AnswerKind, AnswerKinds, RecipientCase};
use postern_model::mta::recipient::{Circumstances, decide};
use postern_model::mta::session::Listing;
use postern_model::mutant::Mutant;
use postern_model::name::DomainName;
use postern_model::scenario::{MailboxState, Reading, UnlistedAnswer};

/// The inputs for which the decision is an answer that the judge does not allow, and how many there are at all.
fn forbidden(mutant: Option<Mutant>) -> (Vec<String>, usize) {
    let domain: DomainName = "b.example".parse().expect("a domain");
    let mut forbidden = Vec::new();
    let mut inputs = 0;
    for bits in 0..16_u8 {
        let [configured, demands_tls, tls, relays] = [0, 1, 2, 3].map(|bit| bits & (1 << bit) != 0);
        for mailbox in [MailboxState::Accepts, MailboxState::Defers, MailboxState::Refuses] {
            for unlisted_answer in [UnlistedAnswer::StarttlsFirst, UnlistedAnswer::NotExchanger] {
                for listing in [Listing::Listed, Listing::Unlisted, Listing::LookupFailed] {
                    let circumstances = Circumstances {
                        configured,
                        demands_tls,
                        tls,
                        relays,
                        mailbox,
                        unlisted_answer,
                    };
                    let code = decide(circumstances, listing, mutant).reply(&domain).code;
                    let judged = |listed| RecipientCase {
                        listed,
                        configured,
                        demands_tls,
                        tls,
                        relays,
                        mailbox,
                    };
                    let allowed = match listing {
                        Listing::Listed => judged(true).allowed(Reading::Thread),
                        Listing::Unlisted => judged(false).allowed(Reading::Thread),
                        // Whoever cannot know defers where it matters; where it does not, both charts agree (SEED-15).
                        Listing::LookupFailed if judged(true).chart_applies() => AnswerKinds::of(&[AnswerKind::ForNow])
                            .or(both(
                                judged(true).allowed(Reading::Thread),
                                judged(false).allowed(Reading::Thread),
                            )),
                        Listing::LookupFailed => judged(true).allowed(Reading::Thread),
                    };
                    inputs += 1;
                    if !AnswerKind::of(code).is_some_and(|answer| allowed.has(answer)) {
                        forbidden.push(format!(
                            "{code} to {circumstances:?}, {listing:?}: allowed is {allowed}"
                        ));
                    }
                }
            }
        }
    }
    (forbidden, inputs)
}

/// What is in either of two sets only if it is in both.
fn both(one: AnswerKinds, other: AnswerKinds) -> AnswerKinds {
    let all = [
        AnswerKind::Accepted,
        AnswerKind::ForNow,
        AnswerKind::StarttlsFirst,
        AnswerKind::ForGood,
    ];
    let shared: Vec<AnswerKind> = all
        .into_iter()
        .filter(|kind| one.has(*kind) && other.has(*kind))
        .collect();
    AnswerKinds::of(&shared)
}

#[test]
fn the_judge_allows_every_decision_whatever_the_input() {
    assert_eq!(forbidden(None), (Vec::new(), 16 * 3 * 2 * 3));
}

#[test]
fn it_allows_no_mutant_of_the_decision() {
    for mutant in [
        Mutant::DemandsTlsOfLocalMail,
        Mutant::AnswersFromConfigurationAlone,
        Mutant::TakesFailedLookupForUnlisted,
    ] {
        assert!(!forbidden(Some(mutant)).0.is_empty(), "{mutant}");
    }
}
