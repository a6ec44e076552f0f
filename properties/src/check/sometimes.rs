//! What a walk must come to at some time, else its judges had nothing to judge.

use std::collections::BTreeSet;
use std::time::Duration;

use postern_model::observation::{DomainSet, Observation};
use postern_model::scenario::Phase;

macro_rules! sometimes {
    ($($name:ident = $text:literal, $pattern:pat $(if $guard:expr)?,)*) => {
        /// Something that must happen at some time in a walk of the first model.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub enum Sometimes {
            $(#[doc = $text] $name,)*
        }

        impl Sometimes {
            /// All of them.
            pub const ALL: &[Self] = &[$(Self::$name,)*];

            /// What happens, in a few words.
            pub fn text(self) -> &'static str {
                match self { $(Self::$name => $text,)* }
            }

            fn is(self, observation: &Observation) -> bool {
                match self {
                    $(Self::$name => matches!(*observation, $pattern $(if $guard)?),)*
                }
            }
        }
    };
}

sometimes! {
    InClear = "content went in clear", Observation::Content { tls: false, .. },
    InsideTls = "content went inside TLS", Observation::Content { tls: true, .. },
    Proved = "a certificate proved a name", Observation::Secured { proves, .. } if proves != DomainSet::default(),
    Unproved = "a certificate proved none", Observation::Secured { proves, .. } if proves == DomainSet::default(),
    NotOffered = "STARTTLS was not offered", Observation::Replied { phase: Some(Phase::Ehlo), code: 250, offers_starttls: false, .. },
    StarttlsDeferred = "STARTTLS was answered 4yz", Observation::Replied { phase: Some(Phase::Starttls), code: 400..500, .. },
    StarttlsRefused = "STARTTLS was answered 5yz", Observation::Replied { phase: Some(Phase::Starttls), code: 500.., .. },
    HandshakeBroke = "a handshake broke", Observation::HandshakeFailed { .. },
    HandshakeRefused = "a client gave a handshake up for the certificate", Observation::HandshakeRefused { .. },
    RecipientTaken = "RCPT was answered 250", Observation::Replied { phase: Some(Phase::Rcpt), code: 250, .. },
    RecipientUnknown = "RCPT was answered 451, as a lookup failed", Observation::Replied { phase: Some(Phase::Rcpt), code: 451, .. },
    RecipientWantsTls = "RCPT was answered 530, as TLS is wanted", Observation::Replied { phase: Some(Phase::Rcpt), code: 530, .. },
    RecipientRefused = "RCPT was answered 550", Observation::Replied { phase: Some(Phase::Rcpt), code: 550, .. },
    ReplyLost = "the reply to the final dot was lost", Observation::Lost { phase: Some(Phase::EndOfData), .. },
    Alarm = "an alarm was raised", Observation::Alarm { .. },
    Sent = "a message was sent", Observation::Sent { .. },
    Deferred = "a message was deferred", Observation::Deferred { .. },
    GivenBack = "a message was given back", Observation::Bounced { .. },
    Notified = "a notification entered the queue", Observation::Queued { about: Some(_), .. },
    PolicyChanged = "the policy changed", Observation::Policy { .. },
    TlsOff = "a server switched TLS off", Observation::Tls { on: false, .. },
    CertificateChanged = "a server's certificate changed", Observation::Certificate { .. },
    Unconfigured = "a server ceased to be configured for a domain", Observation::Exchanger { configured: false, .. },
    Unlisted = "a server was dropped from an MX set", Observation::Listed { listed: false, .. },
    LookupsFail = "lookups began to fail", Observation::Lookups { work: false, .. },
    NoSuchDomain = "a domain takes no mail", Observation::NoSuchDomain { .. },
    Crashed = "the sender crashed", Observation::Running { up: false, .. },
    AllGone = "all mail was gone", Observation::Quiet,
}

/// What happened in steps in which this was seen.
pub(super) fn met<'a>(seen: impl Iterator<Item = &'a Vec<(Duration, Observation)>>) -> BTreeSet<Sometimes> {
    let mut met = BTreeSet::new();
    for (_, observation) in seen.flatten() {
        let new = Sometimes::ALL.iter().filter(|sometimes| sometimes.is(observation));
        met.extend(new);
    }
    met
}
