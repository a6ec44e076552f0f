//! The rules that are judged, and the properties that judge them.
//!
//! Ids are stable: they appear in verdicts, reports and scenarios. The text of each rule is in our own words.

use std::fmt;
use std::str::FromStr;

/// Where a rule was stated.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Source {
    /// The last-call thread on the ietf-smtp list of July 2001, from which RFC 3207 came.
    Thread2001,
    /// RFC 3207, SMTP over TLS.
    Rfc3207,
    /// RFC 3461, what is asked about notifications.
    Rfc3461,
    /// RFC 3463, enhanced status codes.
    Rfc3463,
    /// RFC 3464, delivery status notifications.
    Rfc3464,
    /// RFC 5321, SMTP.
    Rfc5321,
    /// RFC 7435, opportunistic security.
    Rfc7435,
    /// RFC 7504, the codes 521 and 556.
    Rfc7504,
    /// RFC 7505, null MX.
    Rfc7505,
}

/// How strongly a rule binds, in the words of RFC 2119 where its source has them.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Strength {
    /// MUST.
    Must,
    /// MUST NOT.
    MustNot,
    /// SHOULD.
    Should,
    /// SHOULD NOT.
    ShouldNot,
    /// MAY: judged only of who chose to do it.
    May,
    /// Plain prose, without a capital word.
    Prose,
    /// Argued in the thread.
    Argued,
}

/// Whom a rule binds.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Binds {
    /// The SMTP client of a sending MTA.
    Client,
    /// The SMTP server of a receiving MTA.
    Server,
    /// Both.
    Both,
    /// Whoever publishes a zone in DNS.
    Publisher,
}

/// One rule.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Rule {
    /// The stable id.
    pub id: &'static str,
    /// Where it was stated.
    pub source: Source,
    /// The section of the source, or the point of the thread.
    pub section: &'static str,
    /// How strongly it binds.
    pub strength: Strength,
    /// Whom it binds.
    pub binds: Binds,
    /// What it says.
    pub text: &'static str,
}

macro_rules! rules {
    ($source:ident: $($id:literal $section:literal $strength:ident $binds:ident: $text:literal;)*) => {
        use super::{Binds, Rule, Source, Strength};

        pub(super) const RULES: &[Rule] = &[$(Rule {
            id: $id,
            source: Source::$source,
            section: $section,
            strength: Strength::$strength,
            binds: Binds::$binds,
            text: $text,
        },)*];
    };
}

mod excuses;
mod rfc3207;
mod rfc3461;
mod rfc3463;
mod rfc3464;
mod rfc5321;
mod rfc7435;
mod rfc7504;
mod rfc7505;
mod thread;

/// Every rule, source by source, in the order of the catalogue.
pub fn rules() -> impl Iterator<Item = &'static Rule> {
    let sources = [
        thread::RULES,
        rfc3207::RULES,
        rfc5321::RULES,
        rfc3461::RULES,
        rfc3463::RULES,
        rfc3464::RULES,
        rfc7435::RULES,
        rfc7505::RULES,
        rfc7504::RULES,
    ];
    sources.into_iter().flatten()
}

pub use excuses::EXCUSES;

impl Rule {
    /// The rule of this id.
    pub fn of(id: &str) -> Option<&'static Self> {
        rules().find(|rule| rule.id == id)
    }

    /// Why no world puts it to the test, if none does.
    pub fn excuse(&self) -> Option<&'static str> {
        let excuse = EXCUSES.iter().find(|(id, _)| *id == self.id);
        excuse.map(|(_, reason)| *reason)
    }

    /// The properties that judge it.
    pub fn properties(&self) -> impl Iterator<Item = Property> {
        let judges = |property: &Property| property.rules().contains(&self.id);
        Property::ALL.iter().copied().filter(judges)
    }
}

macro_rules! properties {
    ($($property:ident $name:literal [$($rule:literal)*]: $meaning:literal;)*) => {
        /// A property: what is checked of a run. Its id is its place in the catalogue.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub enum Property {
            $(#[doc = $meaning] $property,)*
        }

        impl Property {
            /// Every property.
            pub const ALL: &[Self] = &[$(Self::$property,)*];

            /// The stable id, such as `P01`.
            pub fn id(self) -> &'static str {
                match self { $(Self::$property => stringify!($property),)* }
            }

            /// The name in words, such as `never-downgrade`.
            pub fn name(self) -> &'static str {
                match self { $(Self::$property => $name,)* }
            }

            /// The ids of the rules that it judges.
            pub fn rules(self) -> &'static [&'static str] {
                match self { $(Self::$property => &[$($rule,)*],)* }
            }

            /// What it says, in one sentence.
            pub fn meaning(self) -> &'static str {
                match self { $(Self::$property => $meaning,)* }
            }
        }
    };
}

properties! {
    P01 "never-downgrade" ["SEED-12" "SEED-17" "R3207-4.1-d" "R3207-6-a"]:
        "Recipient and content of a message cross only sessions that meet what the sender's policy requires for the next hop.";
    P02 "no-early-bounce" ["SEED-11" "SEED-12" "R3207-4-b" "R3207-6-d" "R5321-4.5.4.1-c" "R7504-3/4"]:
        "Nothing bounces before its lifetime is over, unless it was refused for good or its domain does not exist.";
    P03 "no-bounce-without-policy" ["SEED-11" "SEED-13" "SEED-14"]:
        "Where nothing requires TLS, no message bounces for want of it, not even when its lifetime is over.";
    P04 "client-may-try-tls" ["SEED-06" "R3207-6-b"]:
        "What a client delivers that never tries TLS is delivered by one that tries, too; and at level may it does try.";
    P05 "server-bears-a-try" ["SEED-01" "SEED-05"]:
        "A try at TLS, or the want of one, makes no server refuse its own domain's mail.";
    P06 "recipient-chart" ["SEED-02" "SEED-03" "SEED-07" "SEED-15" "SEED-16" "R5321-3.6.2-a" "R7505-4.1-a"]:
        "Every answer to RCPT is one that the chart of the thread allows.";
    P07 "public-never-requires" ["SEED-01" "R3207-4-c"]:
        "A server that is listed and configured as exchanger never refuses its own domain's mail for want of TLS.";
    P08 "listed-view-lag" ["SEED-15"]:
        "What a server answers follows from a view of DNS that is at most one time to live old.";
    P09 "history-independence" ["SEED-11"]:
        "Whether earlier sessions used TLS changes the fate of no message.";
    P10 "vanished-tls-alarm" ["SEED-10" "R3207-6-c"]:
        "An alarm is raised if, and only if, a peer that used TLS no longer does, and changes nothing else.";
    P11 "eventual-delivery" ["SEED-12" "R5321-4.5.4.1-a" "R5321-5.1-d"]:
        "When the next hop has been good for long enough, its queued mail has been delivered.";
    P12 "closure" ["R3461-4.1-a" "R3461-5.2.5-c" "R5321-4.2.5-a" "R5321-4.5.4-f" "R5321-6.1-a"]:
        "Every message is delivered, sent on, or given back with one notification, unless its sender wants none, and in time.";
    P13 "no-loss" ["R5321-4.2.5-a" "R5321-4.5.4.1-c"]:
        "Accepted mail is never lost, and duplicated only where a reply to the end of data was lost.";
    P14 "next-exchanger" ["R5321-5.1-d"]:
        "Where the TLS that a message requires cannot be had at one exchanger, or at one address of it, the next is tried, by the end of the next attempt.";
    P15 "exchanger-order" ["R5321-5.1-c" "R5321-5.1-d" "R5321-5.1-e"]:
        "Exchangers are tried by preference whatever their security, equals in random order, each by its addresses in order, and by one of them only those that are better.";
    P27 "dsn-hygiene" ["R3461-4.1-a" "R3461-5.2.1-a" "R3461-5.2.2-a" "R3461-5.2.5-c" "R3461-6.3-a"
        "R5321-3.6.3-a" "R5321-4.5.4-f" "R5321-4.5.5-a" "R5321-6.1-a"]:
        "Notifications come from the null reverse path, as the sender asked, once for each failure, and never about a notification.";
    P28 "boundary-non-interference" ["R3207-4-h" "R3207-4.2-a" "R3207-4.2-b" "R3207-4.2-d" "R3207-6-e"]:
        "What is said before TLS never influences what is said inside TLS.";
    P29 "nothing-clear-after-go-ahead" ["R3207-4-f" "R3207-4-g" "R3207-4-h" "R3207-4.1-a" "R3207-4.1-b" "R3207-4.2-c"
        "R5321-4.3.1-a" "R5321-4.5.3.2-a"]:
        "Each side waits for the other in patience; the client speaks when it was answered, sends nothing behind STARTTLS and nothing in clear after its 220, begins anew inside TLS, and leaves at once what is not good enough.";
    P30 "no-starttls-in-tls" ["R3207-4.2-e" "R3207-4.2-f" "R3207-4.2-g"]:
        "Inside TLS no client says STARTTLS, and no server offers or takes it.";
    P31 "advertised-answerable" ["R3207-2-a" "R3207-3-a" "R3207-4-a" "R5321-4.2.4-a"]:
        "STARTTLS is offered only where TLS can be had, and where it is offered it is answered 220, 454 or, with a parameter, 501.";
    P32 "relay-authorisation" ["SEED-07" "R3207-4-d"]:
        "A server relays only for whom it is willing to relay for, by address or by what TLS proved on this very connection.";
    P33 "framing-agreement" ["R5321-2.3.8-a" "R5321-4.1.1.4-a" "R5321-4.2.5-b" "R5321-6.1-b"]:
        "One message in is one message out: only CRLF ends a line, only CRLF.CRLF ends content, what was refused is not delivered, and the end of data is answered before anybody sends it again.";
    P34 "adversary-indifference" ["SEED-17"]:
        "Of mail that requires TLS nothing can be read in clear, whether STARTTLS is stripped or not.";
    P35 "role-invariance" ["SEED-13"]:
        "With equal policy a relay defers and gives back as the originator would.";
    P36 "truthful-status" ["R3463-3.5-a" "R3464-2.3.4-a" "R7435-3-d"]:
        "Logs and notifications tell what really happened: the cause, and no more security than there was.";
    P38 "recheck-on-reuse" ["SEED-12" "R3207-4.1-d"]:
        "Before each message, what a connection proved is held against what is required now.";
    P39 "no-sticky-downgrade" ["SEED-12" "R5321-4.5.4.1-e"]:
        "What went wrong once at a host is not held against later mail for ever, and never where TLS is required.";
    P40 "lifetime-conformance"
        ["R5321-4.2.1-a" "R5321-4.5.4.1-a" "R5321-4.5.4.1-b" "R5321-4.5.4.1-c" "R5321-4.5.4.1-d"]:
        "Deferred mail is tried again after a delay, as configured, neither too often nor too seldom, and for four days at least; what was refused for good is not.";
    P41 "no-mail-only-if-dns-says-so" ["R5321-5.1-a" "R5321-5.1-b" "R7505-3-a" "R7505-4.1-a" "R7505-4.1-b"]:
        "Mail goes where DNS says: it is given back at once for a definitive answer, waits for any other, and never goes to a domain's own address beside MX records.";
    P42 "isolation" ["R5321-4.5.4.1-a"]:
        "Trouble at one destination delays the mail for it, by more than a moment, and no other.";
    P44 "restart-stability" ["R5321-4.2.5-a"]:
        "What a host has accepted outlives its crash, at whatever moment that comes.";
    P45 "tls-first" ["SEED-04" "R3207-4-e" "R3207-6-a"]:
        "A server that wants TLS first says 530 to all that is not on the way there, after 530 the session goes on to TLS, and of whom TLS is required no mail is taken in clear.";
    P46 "forgets-at-handshake" ["R3207-4.2-a" "R3207-6-e"]:
        "Inside TLS a server acts on nothing that it was told before.";
    P47 "unhappy-handshake" ["R3207-4.1-a" "R3207-4.1-c"]:
        "A server for which the handshake did not achieve enough answers 554 to all but QUIT, from the first command on.";
    P48 "client-tls-harmless" ["SEED-05" "SEED-08" "SEED-09" "R3207-4.1-e"]:
        "Whatever hello or certificate a client sends, the server answers in order, refuses no local mail for it, and serves the client's next connection at once.";
    P49 "unaltered-relay" ["R5321-3.6.3-b"]:
        "A relay changes nothing of a message but the trace lines on top of it.";
}

impl fmt::Display for Property {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.pad(self.id())
    }
}

/// No property has this id or name.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("no property is called “{0}”: write an id such as P01 or a name such as never-downgrade")]
pub struct UnknownProperty(String);

impl FromStr for Property {
    type Err = UnknownProperty;

    fn from_str(text: &str) -> Result<Self, UnknownProperty> {
        let known = Self::ALL
            .iter()
            .find(|property| property.id() == text || property.name() == text);
        known
            .copied()
            .ok_or_else(|| UnknownProperty(text.chars().take(80).collect()))
    }
}

impl fmt::Display for Source {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.pad(match self {
            Self::Thread2001 => "thread of 2001",
            Self::Rfc3207 => "RFC 3207",
            Self::Rfc3461 => "RFC 3461",
            Self::Rfc3463 => "RFC 3463",
            Self::Rfc3464 => "RFC 3464",
            Self::Rfc5321 => "RFC 5321",
            Self::Rfc7435 => "RFC 7435",
            Self::Rfc7504 => "RFC 7504",
            Self::Rfc7505 => "RFC 7505",
        })
    }
}

impl fmt::Display for Strength {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.pad(match self {
            Self::Must => "MUST",
            Self::MustNot => "MUST NOT",
            Self::Should => "SHOULD",
            Self::ShouldNot => "SHOULD NOT",
            Self::May => "MAY",
            Self::Prose => "prose",
            Self::Argued => "argued",
        })
    }
}

impl fmt::Display for Binds {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.pad(match self {
            Self::Client => "client",
            Self::Server => "server",
            Self::Both => "both",
            Self::Publisher => "publisher",
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_rule_has_an_id_of_its_own() {
        let ids: Vec<_> = rules().map(|rule| rule.id).collect();
        for (place, id) in ids.iter().enumerate() {
            assert!(!ids[..place].contains(id), "{id} twice");
        }
    }

    #[test]
    fn every_rule_of_a_property_is_in_the_table() {
        for property in Property::ALL {
            for id in property.rules() {
                assert!(
                    Rule::of(id).is_some(),
                    "{property} judges {id}, which is not in the table"
                );
            }
        }
    }

    #[test]
    fn a_property_is_found_by_its_id_and_by_its_name() {
        for property in Property::ALL {
            assert_eq!(property.id().parse(), Ok(*property));
            assert_eq!(property.name().parse(), Ok(*property));
        }
        assert_eq!(
            "P00".parse::<Property>().unwrap_err().to_string(),
            "no property is called “P00”: write an id such as P01 or a name such as never-downgrade"
        );
    }
}
