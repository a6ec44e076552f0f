//! The recipient decision of a server: the chart of the 2001 thread (SEED-03) as one total function.
//!
//! The chart is about a server that wishes to refuse mail without TLS, on a session without TLS:
//!
//! | listed in DNS | configured as exchanger | answer |
//! |---|---|---|
//! | no | no | 530 Must issue a STARTTLS command first, or 550 not a mail exchanger for the domain |
//! | no | yes | 530 Must issue a STARTTLS command first |
//! | yes | no | 550 not a mail exchanger for the domain, or 250 if willing to relay; never 530 |
//! | yes | yes | by the mailbox alone, never by TLS (SEED-01, R3207-4-c) |
//!
//! Elsewhere, inside TLS or where TLS is not demanded, DNS does not matter (SEED-02): the server takes mail for what it is
//! configured for, by the mailbox, and for other domains if the client may relay. So the TLS of a session never makes an
//! answer worse (SEED-05), and in the row of the listed server it makes no difference at all (SEED-16).
//!
//! Two cells need a thought that the chart leaves open.
//!
//! - **Permission to relay does not waive the demand for TLS**, in the row of the unlisted server: what such a server
//!   demands of everyone it demands of its relay clients too. The answer is then 530 whatever [`UnlistedAnswer`] says: with
//!   TLS the mail would be relayed, and a 550 would return it merely because TLS was missing. In the row of the listed
//!   server 530 is never right, so the permission is honoured in clear.
//! - **A lookup that failed matters only where the listing does** ([`needs_listing`]). There the answer is 451, so that the
//!   mail waits; elsewhere nobody asks DNS, and its failure cannot hurt mail.

use crate::mta::session::Listing;
use crate::mutant::Mutant;
use crate::name::DomainName;
use crate::scenario::{MailboxState, UnlistedAnswer};
use crate::smtp::Reply;

/// What a server knows of itself, of the session and of the recipient when it answers RCPT.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Circumstances {
    /// The server is configured to act as mail exchanger for the recipient's domain.
    pub configured: bool,
    /// The server wishes to refuse mail without TLS.
    pub demands_tls: bool,
    /// The session is inside TLS.
    pub tls: bool,
    /// The client may relay to anywhere (SEED-07).
    pub relays: bool,
    /// The state of the mailbox, which counts only where the server is configured for its domain.
    pub mailbox: MailboxState,
    /// The choice that the chart leaves in its first cell.
    pub unlisted_answer: UnlistedAnswer,
}

/// The answer to RCPT.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Decision {
    /// The mailbox takes it.
    Accept,
    /// The recipient is elsewhere; the mail will be relayed.
    Relay,
    /// The mailbox cannot take it now.
    MailboxDefers,
    /// There is no such mailbox.
    NoSuchMailbox,
    /// The mailbox forwards to a domain with a null MX.
    RecipientHasNullMx,
    /// The sender's domain has a null MX.
    SenderHasNullMx,
    /// Mail for this domain is taken inside TLS only.
    StarttlsFirst,
    /// The server is not configured for the domain, and the client may not relay.
    NotExchanger,
    /// DNS did not say whether the server is listed, and the answer depends on it.
    LookupFailed,
}

/// The answer to RCPT, for every input.
pub fn decide(circumstances: Circumstances, listing: Listing, mutant: Option<Mutant>) -> Decision {
    let Circumstances {
        configured,
        demands_tls,
        tls,
        relays,
        mailbox,
        unlisted_answer,
    } = circumstances;
    let listing = match mutant {
        Some(Mutant::AnswersFromConfigurationAlone) if configured => Listing::Listed,
        Some(Mutant::AnswersFromConfigurationAlone) => Listing::Unlisted,
        Some(Mutant::TakesFailedLookupForUnlisted) if listing == Listing::LookupFailed => Listing::Unlisted,
        _ => listing,
    };
    let as_if_tls = if configured {
        by_mailbox(mailbox)
    } else if relays {
        Decision::Relay
    } else {
        Decision::NotExchanger
    };
    if tls || !demands_tls {
        return as_if_tls;
    }
    match listing {
        Listing::Listed if configured && mutant == Some(Mutant::DemandsTlsOfLocalMail) => Decision::StarttlsFirst,
        Listing::Listed => as_if_tls,
        Listing::Unlisted if configured || relays => Decision::StarttlsFirst,
        Listing::Unlisted => match unlisted_answer {
            UnlistedAnswer::StarttlsFirst => Decision::StarttlsFirst,
            UnlistedAnswer::NotExchanger => Decision::NotExchanger,
        },
        Listing::LookupFailed if needs_listing(circumstances, mutant) => Decision::LookupFailed,
        Listing::LookupFailed => decide(circumstances, Listing::Listed, mutant),
    }
}

/// Whether the answer depends on DNS, so that the server must ask before it answers (SEED-15).
///
/// It does only for a server that demands TLS, on a session without it; and there not for a domain that it answers with
/// 550 in either row.
pub fn needs_listing(circumstances: Circumstances, mutant: Option<Mutant>) -> bool {
    let never_asks = mutant == Some(Mutant::AnswersFromConfigurationAlone);
    !never_asks && decide(circumstances, Listing::Listed, None) != decide(circumstances, Listing::Unlisted, None)
}

fn by_mailbox(mailbox: MailboxState) -> Decision {
    match mailbox {
        MailboxState::Accepts => Decision::Accept,
        MailboxState::Defers => Decision::MailboxDefers,
        MailboxState::Refuses => Decision::NoSuchMailbox,
        MailboxState::ForwardsToNullMx => Decision::RecipientHasNullMx,
        MailboxState::RefusesSender => Decision::SenderHasNullMx,
    }
}

impl Decision {
    /// Whether the recipient is taken.
    pub fn is_accepted(self) -> bool {
        matches!(self, Self::Accept | Self::Relay)
    }

    /// What the client is told about a recipient of this domain.
    pub fn reply(self, domain: &DomainName) -> Reply {
        match self {
            Self::Accept => Reply::enhanced(250, 1, 5, "Ok"),
            Self::Relay => Reply::enhanced(250, 1, 5, "Not local; will forward"),
            Self::MailboxDefers => Reply::enhanced(452, 2, 2, "Mailbox full"),
            Self::NoSuchMailbox => Reply::enhanced(550, 1, 1, "No such mailbox"),
            Self::RecipientHasNullMx => Reply::enhanced(556, 1, 10, "Domain does not accept mail: it has a null MX"),
            Self::SenderHasNullMx => Reply::enhanced(550, 7, 27, "The domain of the sender has a null MX"),
            Self::StarttlsFirst => Reply::enhanced(530, 7, 0, "Must issue a STARTTLS command first"),
            Self::NotExchanger => {
                let text = format!("Not configured as a mail exchanger for {domain}; relaying denied");
                Reply::enhanced(550, 7, 1, text)
            }
            Self::LookupFailed => {
                let text = format!("Cannot look up the mail exchangers of {domain} now");
                Reply::enhanced(451, 4, 3, text)
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const LISTINGS: [Listing; 3] = [Listing::Listed, Listing::Unlisted, Listing::LookupFailed];
    const MAILBOXES: [MailboxState; 3] = [MailboxState::Accepts, MailboxState::Defers, MailboxState::Refuses];
    const CHART: Circumstances = Circumstances {
        configured: false,
        demands_tls: true,
        tls: false,
        relays: false,
        mailbox: MailboxState::Accepts,
        unlisted_answer: UnlistedAnswer::StarttlsFirst,
    };

    /// Every input of the function but the listing.
    fn all() -> Vec<Circumstances> {
        let mut all = Vec::new();
        for bits in 0..32u8 {
            for mailbox in MAILBOXES {
                let bit = |place: u8| bits & 1 << place != 0;
                let unlisted_answer = if bit(4) {
                    UnlistedAnswer::NotExchanger
                } else {
                    UnlistedAnswer::StarttlsFirst
                };
                all.push(Circumstances {
                    configured: bit(0),
                    demands_tls: bit(1),
                    tls: bit(2),
                    relays: bit(3),
                    mailbox,
                    unlisted_answer,
                });
            }
        }
        all
    }

    fn code(circumstances: Circumstances, listing: Listing) -> u16 {
        let domain = "x.example".parse().expect("a domain");
        decide(circumstances, listing, None).reply(&domain).code
    }

    #[test]
    fn the_chart_is_that_of_the_thread() {
        let configured = Circumstances {
            configured: true,
            ..CHART
        };
        let not_exchanger = Circumstances {
            unlisted_answer: UnlistedAnswer::NotExchanger,
            ..CHART
        };
        let relays = Circumstances { relays: true, ..CHART };
        assert_eq!(code(CHART, Listing::Unlisted), 530, "no/no");
        assert_eq!(code(not_exchanger, Listing::Unlisted), 550, "no/no, the other answer");
        assert_eq!(code(configured, Listing::Unlisted), 530, "no/yes");
        assert_eq!(code(CHART, Listing::Listed), 550, "yes/no");
        assert_eq!(code(relays, Listing::Listed), 250, "yes/no, willing to relay");
        for (mailbox, expected) in MAILBOXES.into_iter().zip([250, 452, 550]) {
            let circumstances = Circumstances { mailbox, ..configured };
            assert_eq!(code(circumstances, Listing::Listed), expected, "yes/yes");
        }
    }

    #[test]
    fn a_listed_exchanger_answers_by_the_mailbox_alone() {
        for circumstances in all().into_iter().filter(|circumstances| circumstances.configured) {
            let answer = decide(circumstances, Listing::Listed, None);
            assert_eq!(answer, by_mailbox(circumstances.mailbox), "{circumstances:?}");
        }
    }

    #[test]
    fn listing_alone_does_not_oblige() {
        for circumstances in all() {
            for listing in LISTINGS {
                let is_accepted = decide(circumstances, listing, None).is_accepted();
                let may_accept = circumstances.configured || circumstances.relays;
                assert!(may_accept || !is_accepted, "{circumstances:?} {listing:?}");
            }
        }
    }

    #[test]
    fn a_listed_server_answers_alike_with_and_without_tls() {
        for circumstances in all() {
            let [clear, inside] =
                [false, true].map(|tls| decide(Circumstances { tls, ..circumstances }, Listing::Listed, None));
            assert_eq!(clear, inside, "{circumstances:?}");
        }
    }

    #[test]
    fn tls_never_lessens_the_chance_of_delivery() {
        for circumstances in all() {
            for listing in LISTINGS {
                let [clear, inside] =
                    [false, true].map(|tls| decide(Circumstances { tls, ..circumstances }, listing, None));
                assert!(
                    !clear.is_accepted() || inside.is_accepted(),
                    "{circumstances:?} {listing:?}"
                );
            }
        }
    }

    #[test]
    fn no_mail_that_tls_would_help_is_refused_for_good() {
        for circumstances in all() {
            for listing in LISTINGS {
                let [clear, inside] =
                    [false, true].map(|tls| decide(Circumstances { tls, ..circumstances }, listing, None));
                let is_final = matches!(clear, Decision::NoSuchMailbox | Decision::NotExchanger);
                assert!(!is_final || !inside.is_accepted(), "{circumstances:?} {listing:?}");
            }
        }
    }

    #[test]
    fn only_a_server_that_demands_tls_says_530_and_only_in_clear() {
        for circumstances in all() {
            for listing in LISTINGS {
                let demands = decide(circumstances, listing, None) == Decision::StarttlsFirst;
                let may_demand = circumstances.demands_tls && !circumstances.tls && listing == Listing::Unlisted;
                assert!(!demands || may_demand, "{circumstances:?} {listing:?}");
            }
        }
    }

    #[test]
    fn a_failed_lookup_defers_where_the_listing_matters_and_nowhere_else() {
        for circumstances in all() {
            let answer = decide(circumstances, Listing::LookupFailed, None);
            if needs_listing(circumstances, None) {
                assert_eq!(answer, Decision::LookupFailed, "{circumstances:?}");
            } else {
                assert_eq!(
                    answer,
                    decide(circumstances, Listing::Listed, None),
                    "{circumstances:?}"
                );
            }
        }
    }

    #[test]
    fn dns_is_asked_only_by_a_server_that_demands_tls_in_clear() {
        let asks = |circumstances: &Circumstances| needs_listing(*circumstances, None);
        assert!(asks(&CHART));
        for circumstances in all().iter().filter(|circumstances| asks(circumstances)) {
            assert!(circumstances.demands_tls && !circumstances.tls, "{circumstances:?}");
        }
    }

    #[test]
    fn each_mutant_differs_in_its_own_cells_only() {
        let mutants = [
            Mutant::DemandsTlsOfLocalMail,
            Mutant::AnswersFromConfigurationAlone,
            Mutant::TakesFailedLookupForUnlisted,
        ];
        let mut differences = [0; 3];
        for circumstances in all() {
            for listing in LISTINGS {
                let right = decide(circumstances, listing, None);
                for (mutant, differences) in mutants.into_iter().zip(&mut differences) {
                    let wrong = decide(circumstances, listing, Some(mutant));
                    if wrong == right {
                        continue;
                    }
                    *differences += 1;
                    let is_own_cell = match mutant {
                        Mutant::DemandsTlsOfLocalMail => circumstances.configured && listing == Listing::Listed,
                        Mutant::TakesFailedLookupForUnlisted => listing == Listing::LookupFailed,
                        _ => {
                            let from_configuration = if circumstances.configured {
                                Listing::Listed
                            } else {
                                Listing::Unlisted
                            };
                            listing != from_configuration
                        }
                    };
                    assert!(is_own_cell, "{mutant} {circumstances:?} {listing:?}");
                }
            }
        }
        assert!(differences.into_iter().all(|count| count > 0), "{differences:?}");
        let wrong = decide(CHART, Listing::Listed, Some(Mutant::AnswersFromConfigurationAlone));
        assert_eq!(wrong, Decision::StarttlsFirst, "530 in the cell yes/no");
        assert!(
            !needs_listing(CHART, Some(Mutant::AnswersFromConfigurationAlone)),
            "it never asks"
        );
    }
}
