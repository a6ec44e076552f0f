//! The situations that a campaign must have reached: what never came up was never put to the test.
//!
//! A situation is read from the trace, from what really happened and not from what was scheduled.

mod reader;

#[cfg(test)]
mod tests;

use std::collections::BTreeSet;

use postern_model::scenario::{AttackKind, Scenario, Security};
use postern_model::trace::Trace;

use crate::generate::UNDRAWN;
use crate::judge::Judgement;
use reader::Reader;

macro_rules! situations {
    ($($situation:ident = $name:literal,)*) => {
        /// Something that a campaign must have met.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub enum Situation {
            /// An attack took hold.
            Attacked(AttackKind),
            $(#[doc = $name] $situation,)*
        }

        impl Situation {
            /// Every situation: first the attacks that campaigns draw.
            pub fn all() -> impl Iterator<Item = Self> {
                let others = [$(Self::$situation,)*];
                let drawn = AttackKind::ALL.iter().filter(|attack| !UNDRAWN.contains(attack));
                drawn.copied().map(Self::Attacked).chain(others)
            }

            /// What happened, in a few words.
            pub fn name(self) -> &'static str {
                match self {
                    Self::Attacked(attack) => attack.met(),
                    $(Self::$situation => $name,)*
                }
            }
        }
    };
}

situations! {
    StarttlsDeferred = "STARTTLS was answered 4yz by an attacker",
    StarttlsRefused = "STARTTLS was answered 5yz by an attacker",
    TlsSwitchedOff = "a server switched TLS off",
    TlsSwitchedOn = "a server switched TLS on",
    CertificateExpired = "a server's certificate expired",
    CertificateForAnotherName = "a server changed to a certificate for another name",
    CertificateRenewed = "a server's bad certificate was renewed",
    MxAdded = "a host was added to an MX set",
    MxDropped = "a host was dropped from an MX set",
    Configured = "a server was configured for a domain",
    Unconfigured = "a server was no longer configured for a domain",
    PolicyChanged = "a client changed its policy while mail was queued",
    LookupsFailed = "lookups began to fail",
    LookupsRestored = "lookups worked again",
    UnlistedUnconfigured = "a demanding server was asked in clear, neither listed nor configured",
    UnlistedConfigured = "a demanding server was asked in clear, not listed but configured",
    ListedUnconfigured = "a demanding server was asked in clear, listed but not configured",
    ListedConfigured = "a demanding server was asked in clear, listed and configured",
    LookupFailedAtServer = "a demanding server's lookup failed",
    LookupFailedAtClient = "a client's lookup failed",
    NullMx = "a recipient's domain had a null MX",
    MixedNullMx = "a domain had a null MX beside other records",
    NeverAcceptsMail = "a host answered 521 in place of its greeting",
    Deceived = "a client was told a lie about a domain",
    Stolen = "an impostor accepted a message",
    NoSuchDomain = "a recipient's domain did not exist",
    CertificateRefused = "a client refused a certificate",
    CertificateNotYetValid = "a client refused a certificate that was not valid yet",
    IntermediateMissing = "a client refused a chain without its intermediate authority",
    CommonNameRefused = "a client refused a certificate with no name but the common name",
    WildcardRefused = "a client refused a wildcard for less or more than a label",
    AuthorityExceeded = "a client refused what an authority had no right to issue",
    IndicationRefused = "a server refused the name that a client indicated",
    WildcardShown = "a host had a wildcard certificate for its name",
    RevokedBelieved = "a revoked certificate was believed",
    OldHelloAnswered = "a hello of an old version was answered by an alert",
    Sslv2HelloAnswered = "a hello in the format of SSL version 2 was answered by an alert",
    GarbageAnswered = "garbage in place of a hello was answered by an alert",
    NoCommonVersion = "client and server had no version or suite of TLS in common",
    ClientCertificateBelieved = "a client showed a certificate that is trusted",
    ClientCertificateDistrusted = "a client showed a certificate that is not trusted",
    RelayedByIdentity = "a server relayed for an identity that TLS had proved",
    RelayRefused = "a server that relays for identities refused to relay",
    SecondExchanger = "a backup exchanger took the message",
    OtherAddress = "a host was dialled at another of its addresses",
    Expired = "a message was tried to the end of its lifetime",
    NotificationReceived = "a notification reached a mailbox",
    DelayWarned = "a sender was warned of a delay",
    NotificationGivenBack = "a notification was itself given back",
    TlsVanishedWhileQueued = "TLS vanished while mail was queued",
    DeliveredClear = "a message was delivered in clear",
    DeliveredEncrypted = "a message was delivered over unauthenticated TLS",
    DeliveredAuthenticated = "a message was delivered over authenticated TLS",
    DeliveredTwice = "a message was delivered twice after a lost reply",
    AlarmRaised = "an alarm was raised",
    SessionReused = "a session carried a second message",
    SessionNotReused = "a host was dialled although a session with it stood open",
    SentInClearFromMemory = "mail went in clear where TLS was offered and had broken before",
    FoundItselfListed = "a sending host found itself among the exchangers",
    SenderCrashed = "a host crashed with mail in its queue",
    ServerCrashed = "a server crashed in a session",
    TlsDemandedOfAll = "a public server demanded TLS of everybody",
    NodesDiffered = "a server was several nodes, some without TLS",
    ListsDiffered = "a server listed other extensions to the second EHLO",
    ListedLittle = "a server listed no extension but STARTTLS",
    TlsForAcquaintances = "a server offered TLS only to clients that it knew",
    TlsOfferedInsideTls = "a server offered STARTTLS inside TLS",
    UnhappyWithTls = "a server was unhappy with every handshake",
    NoCertificate = "a server had lost its certificate",
    Tarpit = "a client dialled a tarpit again after a failed handshake",
    TlsFirst = "a server refused a command in clear that came before TLS",
    TlsFirstOfClient = "a server refused a command in clear of a host that it requires TLS of",
    ClockLeapt = "the clock of a host leapt with mail in its queue",
    ClockSetRight = "the clock of a host was set right",
    StrangerCame = "a stranger dialled a server",
}

impl Situation {
    /// Every situation that came up in a run.
    pub fn reached(scenario: &Scenario, trace: &Trace, judgement: &Judgement) -> BTreeSet<Self> {
        let mut reader = Reader::new(scenario);
        for record in &trace.records {
            reader.read(record);
        }
        let mut reached = reader.reached;
        reached.extend(judgement.fates.iter().filter_map(|fate| match fate.security? {
            Security::Clear => Some(Self::DeliveredClear),
            Security::Encrypted => Some(Self::DeliveredEncrypted),
            Security::Authenticated => Some(Self::DeliveredAuthenticated),
        }));
        reached
    }
}
