//! Machines with one known bug each. A mutant is consulted at the one site that it breaks; which rule it
//! breaks is written beside the rules, not here.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

macro_rules! mutants {
    ($($(#[doc = $doc:literal])* $variant:ident = $name:literal,)*) => {
        /// A named misbehaviour of our own MTA.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, JsonSchema)]
        #[serde(rename_all = "kebab-case")]
        pub enum Mutant {
            $($(#[doc = $doc])* #[serde(rename = $name)] $variant,)*
        }

        impl Mutant {
            /// Every mutant, in the order of the delivery of mail.
            pub const ALL: &[Self] = &[$(Self::$variant,)*];

            /// The name in scenarios and on the command line.
            pub fn name(self) -> &'static str {
                match self { $(Self::$variant => $name,)* }
            }

            /// What it does wrong, in one sentence.
            pub fn summary(self) -> &'static str {
                match self { $(Self::$variant => concat!($($doc),*),)* }
            }
        }
    };
}

mutants! {
    /// The client sends in clear when a required TLS session cannot be had.
    FallsBackToClear = "falls-back-to-clear",
    /// The client returns the mail at once when DNS does not say where the domain's mail goes.
    BouncesOnServfail = "bounces-on-servfail",
    /// The client takes a domain without MX records for one that does not exist.
    TakesNodataForNoSuchDomain = "takes-nodata-for-no-such-domain",
    /// The client queues mail for a domain with a null MX and tries again later.
    QueuesNullMx = "queues-null-mx",
    /// The client takes a null MX for no MX, and dials the domain's own address.
    DialsNullMxDomainAddress = "dials-null-mx-domain-address",
    /// The client tries the domain's own address when none of its exchangers takes the message.
    FallsBackToAddressOfDomain = "falls-back-to-address-of-domain",
    /// The client takes 521 in place of the greeting for a refusal of the message.
    Takes521ForMessageRefusal = "takes-521-for-message-refusal",
    /// The client returns the mail at once when a required STARTTLS is not offered.
    BouncesWhenStarttlsVanishes = "bounces-when-starttls-vanishes",
    /// The client takes a 5yz reply to STARTTLS for a 5yz reply to the message.
    TakesStarttlsRefusalForMessageRefusal = "takes-starttls-refusal-for-message-refusal",
    /// The client remembers that a host used TLS and refuses to send to it in clear afterwards.
    RemembersTlsAndRefusesClear = "remembers-tls-and-refuses-clear",
    /// The client takes it for a policy of a host's that TLS worked there once, and requires TLS of it from then on.
    LaundersTlsIntoPolicy = "launders-tls-into-policy",
    /// The client, with nothing required, waits for a STARTTLS that is not offered until it gives up.
    RequiresTlsUnasked = "requires-tls-unasked",
    /// The client applies the strictest policy that it has for any next hop to those that no policy names.
    RequiresTlsOfUnlistedPeers = "requires-tls-of-unlisted-peers",
    /// The client, with nothing required, never tries TLS although it is offered.
    NeverTriesTls = "never-tries-tls",
    /// The client, with nothing required, defers the mail when a handshake breaks, and never goes on in clear.
    DefersAfterBrokenHandshake = "defers-after-broken-handshake",
    /// The client that raises an alarm also holds the mail back until TLS returns.
    AlarmHoldsMail = "alarm-holds-mail",
    /// The client returns mail that it relays, not mail that it originates, at once when required TLS cannot be had.
    RelayReturnsMailForWantOfTls = "relay-returns-mail-for-want-of-tls",
    /// The client names the sender in clear before it finds that required TLS is not offered.
    NamesSenderBeforeTls = "names-sender-before-tls",
    /// The client never raises the alarm when TLS has vanished.
    NeverAlarms = "never-alarms",
    /// The client raises the alarm for every session in clear.
    AlwaysAlarms = "always-alarms",
    /// The client tries only the first mail exchanger.
    TriesOnlyFirstExchanger = "tries-only-first-exchanger",
    /// The client tries only the first address of each mail exchanger.
    TriesOnlyFirstAddress = "tries-only-first-address",
    /// The client defers mail where a required TLS session cannot be had, without a look at the next mail exchanger.
    WaitsAfterTlsFailure = "waits-after-tls-failure",
    /// The client tries mail exchangers in the order in which DNS names them.
    IgnoresPreference = "ignores-preference",
    /// The client tries mail exchangers of equal preference in one order, always.
    TakesEqualsInOneOrder = "takes-equals-in-one-order",
    /// The client tries the mail exchangers that it has seen TLS of before all others.
    OrdersBySecurity = "orders-by-security",
    /// The client that finds itself among the mail exchangers tries itself and those behind it too.
    DoesNotDropItself = "does-not-drop-itself",
    /// The client tries a message again at once after its first attempt has failed.
    RetriesAtOnce = "retries-at-once",
    /// The client keeps a message that was refused for good in its queue and tries it again.
    RetriesAfter5yz = "retries-after-5yz",
    /// The client counts the sessions with all hosts against the limit for one.
    OneSlowDestinationBlocksAll = "one-slow-destination-blocks-all",
    /// The client sends mail that requires TLS on a session in clear that it has kept open.
    ReusesClearSessionForRequired = "reuses-clear-session-for-required",
    /// The client sends mail to one domain on a session whose certificate it has checked for another.
    ReusesSessionVerifiedForAnotherDomain = "reuses-session-verified-for-another-domain",
    /// The client asks no more what the policy is when it has kept a session open for the next hop.
    KeepsOldPolicyOnReuse = "keeps-old-policy-on-reuse",
    /// The client never forgets that TLS once broke at a host.
    NegativeMemoryNeverExpires = "negative-memory-never-expires",
    /// The client lets the memory of broken TLS rule mail that requires TLS.
    NegativeMemoryAppliesWhenRequired = "negative-memory-applies-when-required",
    /// The client takes a 5yz reply to one message for the host's answer to all later ones.
    Remembers5yzToMail = "remembers-5yz-to-mail",
    /// The host loses its queue when it restarts.
    LosesQueueOnRestart = "loses-queue-on-restart",
    /// The server answers 250 to the end of data before it has stored the message.
    Answers250BeforeStoring = "answers-250-before-storing",
    /// The server answers the end of data five minutes after it has stored the message.
    AnswersEndOfDataLate = "answers-end-of-data-late",
    /// The client gives up after one day, long before the lifetime that it is configured with.
    GivesUpEarly = "gives-up-early",
    /// The client forgets a message that it has deferred.
    ForgetsDeferredMail = "forgets-deferred-mail",
    /// The client reckons the age of a message by its wall clock, which may leap.
    LifetimeByWallClock = "lifetime-by-wall-clock",
    /// The client has a retry schedule of its own, whatever is configured.
    IgnoresConfiguredSchedule = "ignores-configured-schedule",
    /// The client takes a connection that closes after the final dot for an acceptance.
    TakesSilenceForAcceptance = "takes-silence-for-acceptance",
    /// The client returns the mail when the connection closes in place of the reply to the final dot.
    GivesUpAfterLostReply = "gives-up-after-lost-reply",
    /// The client sends a message again although its acceptance was heard.
    SendsAgainAfterAcceptance = "sends-again-after-acceptance",
    /// The client drops undeliverable mail without a notification.
    BouncesSilently = "bounces-silently",
    /// The client reports the failure of a notification, and of any mail with a null reverse path.
    AnswersNotifications = "answers-a-notification-with-a-notification",
    /// The client sends notifications from a mailbox of its own.
    NotifiesFromMailbox = "notification-from-non-null-path",
    /// The client sends two notifications of one failure.
    NotifiesTwice = "notifies-twice",
    /// The client reports only that the time was up where TLS was what failed.
    HidesTlsCause = "notification-hides-tls-cause",
    /// The client's warnings of a delay say by their status that the failure is permanent.
    WarnsOfPermanentFailure = "says-delayed-with-5yz-status",
    /// The client warns of delays of mail with a null reverse path too.
    WarnsAboutNullReversePath = "warns-about-null-reverse-path",
    /// The client's log says that a session was encrypted which was in clear.
    ClaimsEncryptedInClear = "claims-encrypted-in-clear",
    /// The client reports the failure of mail whose sender said NOTIFY=NEVER.
    ReportsAlthoughNever = "reports-although-never",
    /// The client warns of a delay a sender whose NOTIFY does not name DELAY.
    WarnsAlthoughNotAsked = "warns-although-not-asked",
    /// The server forgets the ENVID of what it takes, so that it is not passed on.
    DropsEnvelopeId = "drops-envelope-id",
    /// The server forgets the RET of what it takes, so that it is not passed on.
    DropsReturns = "drops-returns",
    /// The server forgets the ORCPT of each recipient that it takes, so that it is not passed on.
    DropsOriginalRecipient = "drops-original-recipient",
    /// The client does not name the envelope id in its notifications.
    NotifiesWithoutEnvelopeId = "notifies-without-envelope-id",
    /// The client sends the parameters of DSN where that is not offered.
    AsksWhereNotOffered = "asks-where-not-offered",
    /// The client puts its postmaster in the place of a null reverse path.
    ReplacesNullReversePath = "replaces-null-reverse-path",
    /// The relay adds a line to the body of what it passes on.
    RelayAltersBody = "relay-alters-body",
    /// The relay drops what it cannot pass on, and tells nobody.
    RelayDropsSilently = "relay-drops-silently",
    /// The client goes on in clear when the handshake fails after a 220 reply to STARTTLS.
    ContinuesInClearAfterGoAhead = "continues-in-clear-after-go-ahead",
    /// The client puts EHLO into one group with STARTTLS.
    PipelinesBehindStarttls = "pipelines-behind-starttls",
    /// The client begins the handshake after any 2yz reply to STARTTLS.
    TakesAny2yzForGoAhead = "takes-any-2yz-for-go-ahead",
    /// The client keeps what came in clear behind the 220 and reads it as replies inside TLS.
    ReadsRepliesBehindGoAhead = "reads-replies-behind-go-ahead",
    /// The client goes by the extensions that were offered before TLS.
    KeepsExtensionsAfterTls = "keeps-extensions-after-tls",
    /// The client begins with MAIL inside TLS.
    SkipsEhloInsideTls = "skips-ehlo-inside-tls",
    /// The client at level secure looks at the certificate when EHLO is answered, and gives up.
    LooksAtCertificateAfterEhlo = "looks-at-certificate-after-ehlo",
    /// The client at level secure looks at the certificate when MAIL is answered, and gives up.
    LooksAtCertificateAfterMail = "looks-at-certificate-after-mail",
    /// The client returns the mail when STARTTLS is refused for now.
    BouncesOn454 = "bounces-on-454",
    /// The client returns the mail when a server asks for TLS by 530.
    BouncesOn530 = "bounces-on-530",
    /// The client returns the mail when a handshake takes too long.
    GivesUpWhenHandshakeTimesOut = "gives-up-when-handshake-times-out",
    /// The client falls back to HELO where EHLO is refused, and sends in clear although TLS is required.
    FallsToHeloWhenRequired = "falls-to-helo-when-required",
    /// The client dials anew in clear when a required TLS session breaks before its message is taken.
    DialsInClearWhenTlsBreaks = "dials-in-clear-when-tls-breaks",
    /// The client says EHLO before the greeting.
    SpeaksBeforeGreeting = "speaks-before-greeting",
    /// The client waits two minutes for every reply.
    HangsUpEarly = "hangs-up-early",
    /// The client at level secure accepts whatever certificate is presented.
    AcceptsAnyCertificate = "accepts-any-certificate",
    /// The client at level secure checks the name of the MX host, which came from DNS, and not the next hop.
    ChecksNameOfExchanger = "checks-name-of-exchanger",
    /// The server runs inside TLS the commands that came in clear behind STARTTLS.
    RunsCommandsBehindStarttls = "runs-commands-behind-starttls",
    /// The server keeps a transaction that began before TLS.
    KeepsTransactionAfterTls = "keeps-transaction-after-tls",
    /// The client at level secure accepts a certificate that has expired.
    IgnoresExpiry = "ignores-expiry",
    /// The client sends a hello in the format of SSL version 2.
    SendsOldHello = "sends-old-hello",
    /// The server closes without an alert when it cannot use a hello.
    DropsOnOldHello = "drops-on-old-hello",
    /// The server greets the address of a client whose handshake failed with 421 for an hour.
    TurnsAwayAfterFailedHandshake = "turns-away-after-failed-handshake",
    /// The server gives up the handshake when the client's certificate is not believed.
    RefusesUnknownClientCertificate = "refuses-unknown-client-certificate",
    /// The server refuses every recipient of a client whose certificate is not believed.
    RefusesMailAfterBadClientCertificate = "refuses-mail-after-bad-client-certificate",
    /// The server relays for the host that has the address of a name that it relays for, whatever TLS proved.
    RelaysByAddress = "relays-by-address",
    /// The server relays for whoever says in EHLO that it is a name that it relays for.
    RelaysByEhloName = "relays-by-ehlo-name",
    /// The server remembers by the address what a client proved on an earlier connection.
    KeepsIdentityFromAnotherConnection = "keeps-identity-from-another-connection",
    /// The server demands TLS for mail that it is the listed and configured exchanger of.
    DemandsTlsOfLocalMail = "demands-tls-of-local-mail",
    /// The server that demands TLS takes the recipient whose listed exchanger it is, and then demands TLS at DATA.
    DemandsTlsAtData = "demands-tls-at-data",
    /// The server takes no mail over TLS from a client that has no certificate.
    WantsClientCertificates = "wants-client-certificates",
    /// The server refuses the mail of a client whose handshake failed in an earlier session.
    BansAfterFailedHandshake = "bans-after-failed-handshake",
    /// The server answers RCPT from its configuration alone, without asking whether it is listed.
    AnswersFromConfigurationAlone = "answers-from-configuration-alone",
    /// What an MTA's resolver was told once it believes for ever, whatever the time to live.
    IgnoresTimeToLive = "ignores-time-to-live",
    /// The server takes a failed lookup for “not listed”.
    TakesFailedLookupForUnlisted = "takes-failed-lookup-for-unlisted",
    /// The server declines to relay by another code than 550.
    RefusesRelayWithAnotherCode = "refuses-relay-with-another-code",
    /// The server that wants TLS before any command lets MAIL pass without it.
    LetsMailPassBeforeTls = "lets-mail-pass-before-tls",
    /// The server takes mail in clear from the hosts that it is configured to require TLS of.
    ForgetsWhomItRequiresTlsOf = "forgets-whom-it-requires-tls-of",
    /// The server gives a client that is silent two minutes.
    ServerHangsUpEarly = "server-hangs-up-early",
    /// The server closes the connection behind its 530.
    ClosesAfter530 = "closes-after-530",
    /// The server offers STARTTLS while its TLS is switched off.
    OffersTlsThatIsOff = "offers-tls-that-is-off",
    /// The server answers the STARTTLS that it offered with 502.
    AnswersStarttls502 = "answers-starttls-502",
    /// The server takes STARTTLS with a parameter for STARTTLS.
    TakesStarttlsParameter = "takes-starttls-parameter",
    /// The server keeps the envelope that was given before the handshake.
    KeepsEnvelopeAfterTls = "keeps-envelope-after-tls",
    /// The server keeps the name that the client gave in EHLO before the handshake.
    KeepsClientNameAfterTls = "keeps-client-name-after-tls",
    /// The server offers STARTTLS inside TLS.
    OffersStarttlsInsideTls = "offers-starttls-inside-tls",
    /// The server answers STARTTLS with 220 although TLS is active.
    ForgetsThatTlsIsActive = "forgets-that-tls-is-active",
    /// The client says STARTTLS again where it is offered inside TLS.
    SaysStarttlsInsideTls = "says-starttls-inside-tls",
    /// The server that is unhappy with the handshake says so at MAIL and not at once.
    JudgesTheHandshakeAtMail = "judges-the-handshake-at-mail",
    /// The server that is unhappy with the handshake refuses with 454 and not with 554.
    RefusesUnhappilyForNow = "refuses-unhappily-for-now",
    /// The client sends what was handed in with bare LF as it is.
    SendsBareLf = "sends-bare-lf",
    /// The server takes a bare LF in content for the end of a line.
    TakesBareLfInContent = "takes-bare-lf-in-content",
    /// The server takes a bare LF for the end of a command.
    TakesBareLfInCommands = "takes-bare-lf-in-commands",
    /// The server refuses the message at the end of its data, and delivers it.
    DeliversWhatItRefused = "delivers-what-it-refused",
    /// The server runs what was pipelined behind a DATA that it refused as commands.
    ReadsCommandsBehindRefusedData = "reads-commands-behind-refused-data",
}

impl std::fmt::Display for Mutant {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.pad(self.name())
    }
}

impl std::str::FromStr for Mutant {
    type Err = UnknownMutant;

    fn from_str(name: &str) -> Result<Self, UnknownMutant> {
        let known = Self::ALL.iter().find(|mutant| mutant.name() == name);
        known
            .copied()
            .ok_or_else(|| UnknownMutant(name.chars().take(80).collect()))
    }
}

/// No mutant has this name.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("no mutant is called “{0}”: `postern mutants --list` names them")]
pub struct UnknownMutant(String);
