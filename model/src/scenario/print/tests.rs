use std::collections::BTreeMap;
use std::time::Duration;

use proptest::option;
use proptest::prelude::*;
use proptest::sample::select;

use crate::mutant::Mutant;
use crate::name::DomainName;
use crate::report::{Notify, Returns};
use crate::scenario::attack::tests::EXAMPLES;
use crate::scenario::{
    Action, Attack, Certificate, Clock, DemandStage, Domain, Drift, Expectation, ExpectedAlarm, ExpectedFate, FalseEnd,
    Fate, Forgery, Handshake, Host, Level, Lie, LineEnds, MailboxState, Message, MxRecord, OtherAddress, Phase,
    Position, Reading, RetrySchedule, Scenario, Security, Step, Switch, Trouble, UnlistedAnswer, Visit, When,
};

const HOSTS: [&str; 4] = ["out.a.example", "relay.example", "mx1.b.example", "mx2.b.example"];
const DOMAINS: [&str; 3] = ["a.example", "b.example", "c.example"];
const MESSAGES: [&str; 3] = ["m1", "m.2", "m-3"];
const LEVELS: [Level; 4] = [Level::None, Level::May, Level::Encrypt, Level::Secure];
const SWITCHES: [Switch; 2] = [Switch::On, Switch::Off];
const SECURITIES: [Security; 3] = [Security::Clear, Security::Encrypted, Security::Authenticated];
const FATES: [Fate; 4] = [Fate::Delivered, Fate::Bounced, Fate::Stolen, Fate::Queued];

#[test]
fn a_scenario_prints_what_is_not_default_with_small_tables_on_one_line() {
    let text = r#"title = 'TLS "vanishes"'
seed = 18446744073709551615
mutant = "never-alarms"

[[domain]]
name = "b.example"
mx = [
  { host = "mx1.b.example", preference = 10 },
  { host = "mx2.b.example", preference = 20 },
]

[[host]]
name = "out.a.example"
policy = { "b.example" = "secure" }
lifetime = "4days"

[[host]]
name = "mx1.b.example"
exchanger-for = ["b.example"]

[[host]]
name = "mx2.b.example"
alarms = false

[[message]]
name = "m1"
at = "10m"
host = "out.a.example"
from = "<>"
to = "bob@b.example"

[[step]]
on = { message = "m1", attempt = 1, host = "mx1.b.example", phase = "connect" }
host = "out.a.example"
drift = { hold = { until = "1h" } }

[[step]]
on = { message = "m1", attempt = 2, host = "mx1.b.example", phase = "end-of-data" }
host = "mx1.b.example"
attack = { answer-starttls = 454 }
lasting = "1h"

[expect]
fates = [{ message = "m1", fate = "bounced", attempts = 3 }]
violated = ["P01"]
"#;
    let scenario = Scenario::parse("story.toml", text).unwrap();
    assert_eq!(scenario.print(), text);
}

proptest! {
    #[test]
    fn what_is_printed_reads_back_to_the_same(scenario in scenarios()) {
        prop_assert_eq!(scenario.validate(), Ok(()));
        prop_assert_eq!(Scenario::parse("printed", scenario.print()), Ok(scenario));
    }
}

fn scenarios() -> impl Strategy<Value = Scenario> {
    let title = "[a-z\"'\\\\ #=\\[\\]é“”😀]{0,40}";
    let judged = (
        option::of(select(Mutant::ALL)),
        select(&[Reading::Thread, Reading::Rfc3207][..]),
    );
    let steps = prop::collection::vec(steps(), 0..6);
    (
        title,
        any::<u64>(),
        judged,
        domains(),
        hosts(),
        messages(),
        steps,
        option::of(expectations()),
    )
        .prop_map(
            |(title, seed, (mutant, reading), domain, host, message, step, expect)| Scenario {
                title,
                seed,
                mutant,
                reading,
                domain,
                host,
                message,
                step,
                expect,
            },
        )
}

fn domains() -> impl Strategy<Value = Vec<Domain>> {
    let preferences = prop::collection::btree_map(select(&HOSTS[..]), any::<u16>(), 0..4);
    let settings = prop::collection::vec((preferences, any::<bool>(), times(1, 30 * 86_400)), DOMAINS.len());
    settings.prop_map(|settings| {
        let with_name =
            |(name, (preferences, null_mx, time_to_live)): (&&str, (BTreeMap<&str, u16>, bool, Duration))| Domain {
                name: domain_name(name),
                mx: preferences
                    .into_iter()
                    .map(|(host, preference)| MxRecord {
                        host: domain_name(host),
                        preference,
                    })
                    .collect(),
                null_mx,
                time_to_live,
            };
        DOMAINS.iter().zip(settings).map(with_name).collect()
    })
}

fn hosts() -> impl Strategy<Value = Vec<Host>> {
    prop::collection::vec(hosts_without_name(), HOSTS.len()).prop_map(|hosts| {
        let with_name = |(name, host): (&&str, Host)| Host {
            name: domain_name(name),
            ..host
        };
        HOSTS.iter().zip(hosts).map(with_name).collect()
    })
}

fn hosts_without_name() -> impl Strategy<Value = Host> {
    let states = vec![MailboxState::Accepts, MailboxState::Defers, MailboxState::Refuses];
    let server = (
        prop::collection::vec(names(&DOMAINS), 0..3),
        select(&SWITCHES[..]),
        certificates(),
        (any::<bool>(), any::<bool>(), any::<bool>()),
        (
            select(vec![UnlistedAnswer::StarttlsFirst, UnlistedAnswer::NotExchanger]),
            troubles(),
            option::of((other_addresses(), any::<bool>())),
        ),
        (
            prop::collection::vec(names(&HOSTS), 0..3),
            prop::collection::vec(names(&HOSTS), 0..3),
        ),
        prop::collection::btree_map("[a-z0-9+_'`|~!-]{1,20}", select(states), 0..3),
    );
    let client = (
        select(&LEVELS[..]),
        prop::collection::btree_map(names(&DOMAINS), select(&LEVELS[..]), 0..3),
        prop::collection::btree_map(names(&DOMAINS), names(&HOSTS), 0..3),
        select(RetrySchedule::ALL),
        option::of(times(3600, 400 * 86_400)),
        option::of(times(0, 3600)),
        any::<bool>(),
        (
            any::<bool>(),
            option::of(times(1, 7 * 86_400)),
            1..=u8::MAX,
            select(vec![LineEnds::Crlf, LineEnds::Lf]),
        ),
    );
    (server, client, handshakes()).prop_map(|(server, client, handshake)| {
        let (exchanger_for, tls, certificate, switches, (unlisted_answer, trouble, other), selected, mailboxes) =
            server;
        let (relay_for, requires_tls_of) = selected;
        let (demands_tls, never_accepts_mail, impostor) = switches;
        let (level, policy, route, retry, lifetime, warning, alarms, sessions) = client;
        let (reuse, tls_failure_memory, sessions_per_host, line_ends) = sessions;
        Host {
            name: domain_name("unnamed.example"),
            exchanger_for,
            tls,
            certificate,
            demands_tls,
            demand_stage: DemandStage::default(),
            unlisted_answer,
            never_accepts_mail,
            impostor,
            trouble,
            other_address: other.map(|(kind, _)| kind),
            other_address_first: other.is_some_and(|(_, first)| first),
            relay_for_identity: relay_for.iter().take(1).cloned().collect(),
            relay_for,
            requires_tls_of,
            handshake,
            mailboxes,
            line_ends,
            level,
            policy,
            route,
            retry,
            lifetime,
            warning,
            reuse,
            tls_failure_memory,
            sessions_per_host,
            alarms,
        }
    })
}

fn handshakes() -> impl Strategy<Value = Handshake> {
    use crate::scenario::{AfterFailure, Hello, TlsVersions};
    let versions = [
        TlsVersions::Current,
        TlsVersions::Tls12Only,
        TlsVersions::Tls13Only,
        TlsVersions::NoCommonSuite,
        TlsVersions::Tls10Only,
    ];
    let hellos = [
        Hello::Standard,
        Hello::NoIndication,
        Hello::Sslv2,
        Hello::Tls10,
        Hello::Garbage,
    ];
    let client_certificate = option::of(certificates());
    let after_failure = select(vec![AfterFailure::ServesOn, AfterFailure::Bans, AfterFailure::Delays]);
    (
        select(versions.to_vec()),
        select(hellos.to_vec()),
        client_certificate,
        any::<bool>(),
        after_failure,
    )
        .prop_map(
            |(versions, hello, client_certificate, asks_for_certificate, after_failure)| Handshake {
                versions,
                hello,
                client_certificate,
                asks_for_certificate,
                after_failure,
            },
        )
}

fn messages() -> impl Strategy<Value = Vec<Message>> {
    let paths = select(vec!["<>", "alice@a.example", "o'brien+tag@c.example"]);
    let recipients = select(vec!["bob@b.example", "Bob.B@b.example", "x@nowhere.example"]);
    let notify = prop_oneof![
        Just(Notify::Never),
        any::<(bool, bool)>().prop_map(|(success, delay)| Notify::On {
            success,
            failure: !success,
            delay,
        }),
    ];
    let returns = select(vec![Returns::Full, Returns::Headers]);
    let asked = (option::of(notify), option::of("[ -~]{1,33}"), option::of(returns));
    let settings = prop::collection::vec(
        (times(0, 400 * 86_400), names(&HOSTS), paths, recipients, asked),
        1..MESSAGES.len(),
    );
    settings.prop_map(|settings| {
        let numbered = MESSAGES.iter().zip(settings);
        let message = numbered.map(|(name, (at, host, from, to, (notify, id, returns)))| Message {
            name: name.parse().unwrap(),
            at,
            host,
            from: from.parse().unwrap(),
            to: to.parse().unwrap(),
            notify,
            envelope_id: id.map(|id| id.parse().unwrap()),
            returns,
        });
        message.collect()
    })
}

fn steps() -> impl Strategy<Value = Step> {
    let position = (1..u32::MAX, names(&HOSTS), phases()).prop_map(|(attempt, host, phase)| Position {
        message: MESSAGES[0].parse().unwrap(),
        attempt,
        host,
        phase,
    });
    let when = prop_oneof![times(0, 400 * 86_400).prop_map(When::At), position.prop_map(When::On)];
    let attack = (attacks(), option::of(times(1, 400 * 86_400)));
    let forgery = (forgeries(), option::of(times(1, 400 * 86_400)));
    let action = prop_oneof![
        drifts().prop_map(Action::Drift),
        attack.prop_map(|(attack, lasting)| Action::Attack { attack, lasting }),
        forgery.prop_map(|(forgery, lasting)| Action::Forge { forgery, lasting }),
        visits().prop_map(Action::Visit),
    ];
    (when, names(&HOSTS), action).prop_map(|(when, host, action)| Step { when, host, action })
}

fn forgeries() -> impl Strategy<Value = Forgery> {
    let answers = prop_oneof![
        names(&HOSTS).prop_map(Lie::Mx),
        select(vec![Lie::Silence, Lie::Failure, Lie::NoData, Lie::NullMx, Lie::NoName]),
    ];
    (names(&DOMAINS), answers).prop_map(|(domain, answer)| Forgery { domain, answer })
}

fn drifts() -> impl Strategy<Value = Drift> {
    let domain = || names(&DOMAINS);
    prop_oneof![
        select(&SWITCHES[..]).prop_map(Drift::Tls),
        troubles().prop_map(Drift::Trouble),
        certificates().prop_map(Drift::Certificate),
        (domain(), any::<u16>()).prop_map(|(domain, preference)| Drift::AddMx { domain, preference }),
        domain().prop_map(Drift::DropMx),
        domain().prop_map(Drift::Configure),
        domain().prop_map(Drift::Unconfigure),
        (domain(), select(&LEVELS[..])).prop_map(|(next_hop, level)| Drift::Policy { next_hop, level }),
        times(1, 30 * 86_400).prop_map(|down_for| Drift::Crash { down_for }),
        domain().prop_map(Drift::FailLookups),
        domain().prop_map(Drift::RestoreLookups),
        clocks().prop_map(Drift::Clock),
    ]
}

fn clocks() -> impl Strategy<Value = Clock> {
    prop_oneof![
        Just(Clock::Right),
        times(1, 7000 * 31_557_600).prop_map(Clock::Ahead),
        times(1, 50 * 31_557_600).prop_map(Clock::Behind),
    ]
}

fn troubles() -> impl Strategy<Value = Trouble> {
    select(vec![
        Trouble::None,
        Trouble::DemandsTlsOfAll,
        Trouble::NodesDiffer,
        Trouble::ListsDiffer,
        Trouble::ListsLittle,
        Trouble::OffersTlsToAcquaintances,
        Trouble::OffersTlsInsideTls,
        Trouble::UnhappyWithTls,
        Trouble::NoCertificate,
    ])
}

fn other_addresses() -> impl Strategy<Value = OtherAddress> {
    select(vec![
        OtherAddress::Alike,
        OtherAddress::Unreachable,
        OtherAddress::WithoutTls,
    ])
}

fn visits() -> impl Strategy<Value = Visit> {
    prop_oneof![
        Just(Visit::EveryCommand),
        Just(Visit::StarttlsWithParameter),
        Just(Visit::StarttlsInsideTls),
        Just(Visit::EnvelopeBeforeTls),
        Just(Visit::HiddenCommand),
        select(FalseEnd::ALL).prop_map(Visit::FalseEnd),
        Just(Visit::ContentBehindRefusedData),
        Just(Visit::FallsSilent),
    ]
}

fn attacks() -> impl Strategy<Value = Attack> {
    let is_command = |&phase: &Phase| phase >= Phase::Ehlo && !matches!(phase, Phase::Store | Phase::Acknowledge);
    let phases = || phases().prop_filter("a connection stands", is_command);
    let certificates = certificates().prop_filter("the attacker's", |certificate| certificate.can_be_an_attackers());
    prop_oneof![
        select(EXAMPLES),
        (400..=599u16).prop_map(Attack::AnswerStarttls),
        any::<u32>().prop_map(Attack::CutClient),
        phases().prop_map(Attack::CloseAt),
        phases().prop_map(Attack::CloseInsteadOfReply),
        certificates.prop_map(Attack::InterceptTls),
    ]
}

fn expectations() -> impl Strategy<Value = Expectation> {
    let fate = (
        select(&FATES[..]),
        option::of(select(&SECURITIES[..])),
        option::of(any::<u32>()),
    );
    let fate = fate.prop_map(|(fate, security, attempts)| ExpectedFate {
        message: MESSAGES[0].parse().unwrap(),
        fate,
        security,
        attempts,
    });
    let alarm = (names(&HOSTS), names(&HOSTS)).prop_map(|(host, peer)| ExpectedAlarm { host, peer });
    let ids = || prop::collection::vec("P[0-9]{2}", 0..3);
    let fates = prop::collection::vec(fate, 0..3);
    let alarms = prop::collection::vec(alarm, 0..3);
    let shows = prop::collection::vec("SEED-[0-9]{2}", 0..3);
    (shows, fates, alarms, ids(), ids()).prop_map(|(shows, fates, alarms, holds, violated)| Expectation {
        shows,
        fates,
        alarms,
        holds,
        violated,
    })
}

fn phases() -> impl Strategy<Value = Phase> {
    use Phase::{Acknowledge, Connect, Data, Ehlo, EndOfData, Lookup, Mail, Quit, Rcpt, Starttls, Store};
    select(vec![
        Lookup,
        Connect,
        Ehlo,
        Starttls,
        Mail,
        Rcpt,
        Data,
        EndOfData,
        Store,
        Acknowledge,
        Quit,
    ])
}

fn certificates() -> impl Strategy<Value = Certificate> {
    select(Certificate::ALL)
}

/// Times from one number of seconds up to another, down to the millisecond.
fn times(from_seconds: u64, to_seconds: u64) -> impl Strategy<Value = Duration> {
    (from_seconds * 1000..=to_seconds * 1000).prop_map(Duration::from_millis)
}

fn names(of: &'static [&'static str]) -> impl Strategy<Value = DomainName> {
    select(of).prop_map(domain_name)
}

fn domain_name(name: &str) -> DomainName {
    name.parse().unwrap()
}
