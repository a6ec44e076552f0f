//! The thread's chart of answers to RCPT (SEED-03), completed for TLS, relays and mailboxes, as a table of our own.

use std::fmt;

use postern_model::observation::Code;
use postern_model::scenario::{MailboxState, Reading};

/// The kinds of answers to RCPT that the chart tells apart.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum AnswerKind {
    /// 2yz.
    Accepted,
    /// 4yz.
    ForNow,
    /// 530: first STARTTLS.
    StarttlsFirst,
    /// Another 5yz.
    ForGood,
}

impl AnswerKind {
    /// The kind of a code; `None` for a code that is no answer to RCPT at all.
    pub fn of(code: Code) -> Option<Self> {
        match code {
            200..=299 => Some(Self::Accepted),
            400..=499 => Some(Self::ForNow),
            530 => Some(Self::StarttlsFirst),
            500..=599 => Some(Self::ForGood),
            _ => None,
        }
    }
}

impl fmt::Display for AnswerKind {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.pad(match self {
            Self::Accepted => "2yz",
            Self::ForNow => "4yz",
            Self::StarttlsFirst => "530",
            Self::ForGood => "5yz other than 530",
        })
    }
}

/// A set of kinds of answers.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Hash)]
pub struct AnswerKinds(u8);

impl AnswerKinds {
    /// The set of these kinds.
    pub fn of(kinds: &[AnswerKind]) -> Self {
        Self(kinds.iter().fold(0, |bits, kind| bits | 1 << *kind as u8))
    }

    /// What is in either set.
    #[must_use]
    pub fn or(self, other: Self) -> Self {
        Self(self.0 | other.0)
    }

    /// Whether the kind is in it.
    pub fn has(self, kind: AnswerKind) -> bool {
        self.0 & (1 << kind as u8) != 0
    }
}

impl fmt::Display for AnswerKinds {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        use AnswerKind::{Accepted, ForGood, ForNow, StarttlsFirst};
        let kinds = [Accepted, ForNow, StarttlsFirst, ForGood];
        let present = kinds.iter().filter(|kind| self.has(**kind));
        let words: Vec<String> = present.map(ToString::to_string).collect();
        formatter.pad(&words.join(" or "))
    }
}

/// All that the answer to RCPT may depend on.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct RecipientCase {
    /// The server is listed in DNS as exchanger of the recipient's domain.
    pub listed: bool,
    /// The server is configured to act as exchanger for it.
    pub configured: bool,
    /// The server wishes to refuse mail without TLS.
    pub demands_tls: bool,
    /// The session is inside TLS.
    pub tls: bool,
    /// The server relays for this client.
    pub relays: bool,
    /// How the mailbox treats mail, if the domain is local.
    pub mailbox: MailboxState,
}

impl RecipientCase {
    /// The answers that are allowed: by the thread those of its chart.
    ///
    /// RFC 3207 §4 did not take the chart. By it a server that is listed for the domain still never requires TLS of local
    /// mail; one that is not may require it, or not, and may refuse all mail by what TLS proved of the client; and any server
    /// may make that a condition of relaying.
    pub fn allowed(self, reading: Reading) -> AnswerKinds {
        match reading {
            Reading::Thread => self.by_chart(),
            Reading::Rfc3207 => {
                let is_public = self.listed && self.configured;
                let as_if_no_demand = Self {
                    demands_tls: false,
                    ..self
                };
                let freely = match (is_public, self.tls) {
                    (false, true) => AnswerKinds::of(&[AnswerKind::ForGood]),
                    (false, false) if self.demands_tls => {
                        AnswerKinds::of(&[AnswerKind::StarttlsFirst, AnswerKind::ForGood])
                    }
                    _ => AnswerKinds::default(),
                };
                self.by_chart().or(as_if_no_demand.by_chart()).or(freely)
            }
        }
    }

    fn by_chart(self) -> AnswerKinds {
        use AnswerKind::{Accepted, ForGood, ForNow, StarttlsFirst};
        let by_recipient = match self.mailbox {
            MailboxState::Accepts => AnswerKinds::of(&[Accepted]),
            MailboxState::Defers => AnswerKinds::of(&[ForNow]),
            MailboxState::Refuses | MailboxState::ForwardsToNullMx => AnswerKinds::of(&[ForGood]),
            // The chart does not ask who the sender is.
            MailboxState::RefusesSender => AnswerKinds::of(&[Accepted, ForGood]),
        };
        match (self.chart_applies(), self.listed, self.configured, self.relays) {
            // Nothing stands in the way of the recipient: a matter of general SMTP.
            (false, _, true, _) => by_recipient,
            (false, _, false, true) => AnswerKinds::of(&[Accepted]),
            (false, _, false, false) => AnswerKinds::of(&[ForGood]),
            // The chart, for servers that wish to refuse mail without TLS.
            (true, false, false, false) => AnswerKinds::of(&[StarttlsFirst, ForGood]),
            (true, false, false, true) => AnswerKinds::of(&[StarttlsFirst, ForGood, Accepted]),
            (true, false, true, _) => AnswerKinds::of(&[StarttlsFirst]),
            (true, true, false, false) => AnswerKinds::of(&[ForGood]),
            (true, true, false, true) => AnswerKinds::of(&[ForGood, Accepted]),
            (true, true, true, _) => by_recipient,
        }
    }

    /// Whether the answer may depend on TLS at all, and so on what DNS lists.
    pub fn chart_applies(self) -> bool {
        self.demands_tls && !self.tls
    }

    /// The rule that a forbidden answer breaks.
    pub(super) fn rule(self, answer: Option<AnswerKind>) -> &'static str {
        match (answer, self.chart_applies(), self.listed, self.configured) {
            (Some(AnswerKind::Accepted), false, false, false) => "SEED-07",
            (Some(AnswerKind::Accepted), _, true, false) => "SEED-02",
            (Some(AnswerKind::StarttlsFirst), false, true, false) => "SEED-16",
            _ => "SEED-03",
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use AnswerKind::{Accepted, ForGood, ForNow, StarttlsFirst};
    use MailboxState::{Accepts, Defers, Refuses};

    const BOTH: [bool; 2] = [false, true];

    /// Listed, configured, demands TLS, TLS, relays; then the answers for a mailbox that accepts, defers, refuses: 2 for 2yz,
    /// 4 for 4yz, 5 for 5yz other than 530, T for 530. Written out line by line, so that it shares no thought with the code.
    const CHART: &str = "
        no  no  no  no  no   5   5   5
        no  no  no  no  yes  2   2   2
        no  no  no  yes no   5   5   5
        no  no  no  yes yes  2   2   2
        no  no  yes no  no   T5  T5  T5
        no  no  yes no  yes  2T5 2T5 2T5
        no  no  yes yes no   5   5   5
        no  no  yes yes yes  2   2   2
        no  yes no  no  no   2   4   5
        no  yes no  no  yes  2   4   5
        no  yes no  yes no   2   4   5
        no  yes no  yes yes  2   4   5
        no  yes yes no  no   T   T   T
        no  yes yes no  yes  T   T   T
        no  yes yes yes no   2   4   5
        no  yes yes yes yes  2   4   5
        yes no  no  no  no   5   5   5
        yes no  no  no  yes  2   2   2
        yes no  no  yes no   5   5   5
        yes no  no  yes yes  2   2   2
        yes no  yes no  no   5   5   5
        yes no  yes no  yes  25  25  25
        yes no  yes yes no   5   5   5
        yes no  yes yes yes  2   2   2
        yes yes no  no  no   2   4   5
        yes yes no  no  yes  2   4   5
        yes yes no  yes no   2   4   5
        yes yes no  yes yes  2   4   5
        yes yes yes no  no   2   4   5
        yes yes yes no  yes  2   4   5
        yes yes yes yes no   2   4   5
        yes yes yes yes yes  2   4   5
    ";

    fn kinds(letters: &str) -> AnswerKinds {
        let kinds = letters.chars().map(|letter| match letter {
            '2' => Accepted,
            '4' => ForNow,
            'T' => StarttlsFirst,
            '5' => ForGood,
            other => panic!("{other} is no kind of answer"),
        });
        AnswerKinds::of(&kinds.collect::<Vec<_>>())
    }

    #[test]
    fn the_chart_is_as_written_out() {
        let rows: Vec<Vec<&str>> = CHART.lines().map(|row| row.split_whitespace().collect()).collect();
        let rows: Vec<&Vec<&str>> = rows.iter().filter(|row| !row.is_empty()).collect();
        assert_eq!(rows.len(), 32);
        for case in every_case() {
            let facts = [case.listed, case.configured, case.demands_tls, case.tls, case.relays];
            let words = facts.map(|fact| if fact { "yes" } else { "no" });
            let matching: Vec<_> = rows.iter().filter(|row| row[..5] == words).collect();
            assert_eq!(matching.len(), 1, "{case:?}");
            let answers = matching[0][5 + case.mailbox as usize];
            assert_eq!(
                case.allowed(Reading::Thread),
                kinds(answers),
                "{case:?} allows {}",
                case.allowed(Reading::Thread)
            );
        }
    }

    fn every_case() -> impl Iterator<Item = RecipientCase> {
        let flags = (0u8..32).map(|bits| [0, 1, 2, 3, 4].map(|bit| bits & (1 << bit) != 0));
        flags.flat_map(|[listed, configured, demands_tls, tls, relays]| {
            [Accepts, Defers, Refuses].map(|mailbox| RecipientCase {
                listed,
                configured,
                demands_tls,
                tls,
                relays,
                mailbox,
            })
        })
    }

    #[test]
    fn for_a_listed_and_configured_server_tls_changes_nothing() {
        for case in every_case().filter(|case| case.listed && case.configured) {
            let [clear, inside] = BOTH.map(|tls| RecipientCase { tls, ..case }.allowed(Reading::Thread));
            assert_eq!(clear, inside, "{case:?}");
        }
    }

    #[test]
    fn a_listed_server_never_says_530() {
        for case in every_case().filter(|case| case.listed) {
            assert!(!case.allowed(Reading::Thread).has(StarttlsFirst), "{case:?}");
        }
    }

    #[test]
    fn inside_tls_listing_changes_nothing() {
        for case in every_case().filter(|case| case.tls) {
            let [unlisted, listed] = BOTH.map(|listed| RecipientCase { listed, ..case }.allowed(Reading::Thread));
            assert_eq!(unlisted, listed, "{case:?}");
        }
    }

    #[test]
    fn some_answer_is_always_allowed() {
        for case in every_case() {
            assert_ne!(case.allowed(Reading::Thread), AnswerKinds::default(), "{case:?}");
        }
    }

    #[test]
    fn rfc_3207_allows_whatever_the_thread_does() {
        for case in every_case() {
            let (thread, rfc) = (case.allowed(Reading::Thread), case.allowed(Reading::Rfc3207));
            assert_eq!(thread.or(rfc), rfc, "{case:?}");
        }
    }

    #[test]
    fn rfc_3207_is_freer_only_with_mail_that_is_not_public_inside_tls_or_where_that_is_demanded() {
        for case in every_case() {
            let is_freer = case.allowed(Reading::Rfc3207) != case.allowed(Reading::Thread);
            let is_public = case.listed && case.configured;
            assert!(!is_freer || ((case.tls || case.demands_tls) && !is_public), "{case:?}");
        }
        let listed_not_configured = RecipientCase {
            listed: true,
            configured: false,
            demands_tls: true,
            tls: false,
            relays: false,
            mailbox: Accepts,
        };
        assert!(listed_not_configured.allowed(Reading::Rfc3207).has(StarttlsFirst));
        assert!(!listed_not_configured.allowed(Reading::Thread).has(StarttlsFirst));
    }
}
