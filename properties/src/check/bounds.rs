//! Named bounds: which configurations of the formal model are walked, and how much may happen in each.

use std::time::Duration;

use postern_model::formal::{ATTACKS, Budget, Change, Configuration, Exchanger};
use postern_model::mta::delivery::{HopId, PeerId};
use postern_model::scenario::{Attack, Certificate, Level, RetrySchedule};

use crate::table::counted;

const LEVELS: [Level; 4] = [Level::None, Level::May, Level::Encrypt, Level::Secure];
const FIRST: PeerId = PeerId(1);
const SECOND: PeerId = PeerId(2);
const HOP: HopId = HopId(0);
const OTHER_HOP: HopId = HopId(1);

/// How far the formal model is walked.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Bounds {
    /// In less than a second.
    Small,
    /// In half a minute.
    Ci,
    /// In an hour.
    Nightly,
}

/// A configuration with a name for reports.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Named {
    /// What it is about, in a few words.
    pub name: String,
    /// The configuration.
    pub configuration: Configuration,
    /// What is asked of it.
    pub question: Question,
}

/// What is asked of a configuration.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Question {
    /// Whether the judges, the calms and unwinding find anything wrong in any state.
    IsAllWell,
    /// Whether two senders ever differ of which the pasts do, and nothing else. The first message is the past.
    DoPastsMatter,
}

/// How much there is in a configuration.
#[derive(Debug, Clone, Copy)]
struct Size {
    exchangers: u8,
    messages: usize,
    budget: Budget,
}

/// Exchangers, messages, attacks, drifts, restarts.
const fn size(exchangers: u8, messages: usize, attacks: u8, drifts: u8, restarts: u8) -> Size {
    let budget = Budget {
        attacks,
        drifts,
        restarts,
    };
    Size {
        exchangers,
        messages,
        budget,
    }
}

/// How much there is in each family of configurations.
struct Sizes {
    /// Mail to one domain.
    one_domain: Vec<Size>,
    /// Two messages to two domains, or to one host whose failures are remembered.
    pairs: Size,
    /// A message that is the past, and one that is the present, each with its own budget.
    pasts: Size,
    /// Everything else.
    rest: Size,
}

impl Bounds {
    /// The name on the command line.
    pub fn name(self) -> &'static str {
        match self {
            Self::Small => "small",
            Self::Ci => "ci",
            Self::Nightly => "nightly",
        }
    }

    /// The configurations, in a fixed order.
    pub fn configurations(self) -> Vec<Named> {
        let Sizes {
            one_domain: sizes,
            pairs,
            rest,
            pasts,
        } = self.sizes();
        let mut all = Vec::new();
        for size in sizes {
            for level in LEVELS {
                let name = format!(
                    "{} to one domain with {}, {level}: {}",
                    counted(size.messages, "message"),
                    counted(size.exchangers, "exchanger"),
                    in_words(size.budget)
                );
                all.push(named(name, one_domain(level, &size)));
            }
        }
        for level in [Level::May, Level::Encrypt] {
            all.push(named(
                format!("remembered failures, {level}"),
                remembered(level, &pairs, self.few_attacks()),
            ));
        }
        all.push(named(
            "two messages on one session".to_owned(),
            one_session(&pairs, self.few_attacks()),
        ));
        all.push(named(
            "sessions kept and failures remembered beside another exchanger".to_owned(),
            beside_another(self.few_attacks()),
        ));
        for (first, second) in [
            (Level::May, Level::Encrypt),
            (Level::None, Level::May),
            (Level::Encrypt, Level::Secure),
            (Level::Secure, Level::Secure),
        ] {
            let name = format!("two domains at one host, {first} and {second}");
            all.push(named(name, two_domains(first, second, &pairs, self.few_attacks())));
        }
        for level in [Level::None, Level::May, Level::Encrypt] {
            all.push(named(
                format!("a host that wishes for TLS, {level}"),
                demanding(level, &rest),
            ));
        }
        for level in [Level::None, Level::May, Level::Encrypt] {
            all.push(named(
                format!("a host that wishes for TLS, by a fixed route, {level}"),
                demanding_by_route(level, &rest),
            ));
        }
        for level in [Level::None, Level::May] {
            all.push(named(
                format!("a host that wishes for TLS, beside another, {level}"),
                demanding_beside_another(level, &rest),
            ));
        }
        all.push(named("a slow host beside another".to_owned(), slow_host(&rest)));
        all.push(named("the sender among the exchangers".to_owned(), itself(&rest)));
        all.push(named("a dead first address".to_owned(), dead_address(&rest)));
        all.push(named("a null MX".to_owned(), null_mx()));
        all.push(named("a day of trying".to_owned(), long_lifetime()));
        for level in LEVELS {
            all.push(Named {
                name: format!("pairs of pasts, {level}"),
                configuration: one_domain(level, &pasts),
                question: Question::DoPastsMatter,
            });
        }
        all.push(Named {
            name: "pairs of pasts, two domains at one host".to_owned(),
            configuration: Configuration {
                reuse: false,
                ..two_domains(Level::May, Level::May, &pasts, self.few_attacks())
            },
            question: Question::DoPastsMatter,
        });
        all
    }

    fn sizes(self) -> Sizes {
        match self {
            Self::Small => Sizes {
                one_domain: vec![size(2, 1, 1, 1, 0), size(2, 2, 0, 1, 0), size(1, 2, 0, 0, 1)],
                pairs: size(1, 2, 1, 1, 0),
                pasts: size(1, 2, 1, 1, 0),
                rest: size(2, 1, 1, 1, 0),
            },
            Self::Ci => Sizes {
                one_domain: vec![size(2, 1, 2, 2, 1), size(3, 1, 2, 2, 0), size(2, 2, 1, 1, 0)],
                pairs: size(1, 2, 1, 1, 1),
                pasts: size(2, 2, 2, 1, 1),
                rest: size(2, 1, 2, 2, 1),
            },
            Self::Nightly => Sizes {
                one_domain: vec![
                    size(2, 1, 3, 2, 1),
                    size(2, 1, 2, 3, 1),
                    size(3, 1, 2, 3, 1),
                    size(4, 1, 2, 3, 1),
                    size(1, 2, 2, 2, 1),
                    size(2, 2, 2, 1, 1),
                    size(2, 2, 1, 2, 0),
                    size(1, 3, 2, 1, 0),
                ],
                pairs: size(1, 2, 2, 2, 1),
                pasts: size(2, 2, 2, 2, 1),
                rest: size(2, 1, 3, 3, 1),
            },
        }
    }

    /// Attacks in configurations whose point is another: all, but within small bounds.
    fn few_attacks(self) -> Vec<Attack> {
        match self {
            Self::Small => vec![Attack::StripStarttls, Attack::GarbageAfterGoAhead],
            Self::Ci | Self::Nightly => ATTACKS.to_vec(),
        }
    }
}

fn in_words(budget: Budget) -> String {
    let Budget {
        attacks,
        drifts,
        restarts,
    } = budget;
    let counts = [(attacks, "attack"), (drifts, "drift"), (restarts, "restart")];
    let words = counts.map(|(count, what)| counted(count, what));
    words.join(", ")
}

fn named(name: String, configuration: Configuration) -> Named {
    Named {
        name,
        configuration,
        question: Question::IsAllWell,
    }
}

/// Mail to one domain, with every attack and every drift.
fn one_domain(level: Level, size: &Size) -> Configuration {
    let exchangers = (0..size.exchangers).map(|place| Exchanger::of_first(10 * (u16::from(place) + 1)));
    let mut drifts = vec![
        Change::Tls(FIRST),
        Change::Tls(SECOND),
        Change::Certificate(FIRST),
        Change::Listed(FIRST, HOP),
        Change::Configured(FIRST, HOP),
        Change::Lookups(HOP),
    ];
    drifts.extend(LEVELS.map(|level| Change::Policy(HOP, level)));
    Configuration {
        messages: vec![HOP; size.messages],
        exchangers: exchangers.collect(),
        budget: size.budget,
        attacks: ATTACKS.to_vec(),
        drifts,
        ..Configuration::calm(level)
    }
}

/// A client that remembers where TLS broke.
fn remembered(level: Level, size: &Size, attacks: Vec<Attack>) -> Configuration {
    Configuration {
        exchangers: vec![Exchanger::of_first(10)],
        attacks,
        tls_failure_memory: Some(Duration::from_secs(20 * 60)),
        drifts: vec![Change::Policy(HOP, Level::Encrypt), Change::Policy(HOP, Level::May)],
        ..one_domain(level, size)
    }
}

/// Two messages to one domain, which one session may do for, and one refusal may seem to answer.
fn one_session(size: &Size, attacks: Vec<Attack>) -> Configuration {
    Configuration {
        reuse: true,
        drifts: vec![
            Change::Tls(FIRST),
            Change::Configured(FIRST, HOP),
            Change::Policy(HOP, Level::Encrypt),
            Change::Policy(HOP, Level::Secure),
        ],
        ..remembered(Level::May, size, attacks)
    }
}

/// The same with a second exchanger to go to, and little else.
fn beside_another(attacks: Vec<Attack>) -> Configuration {
    let size = size(2, 2, 1, 1, 0);
    Configuration {
        exchangers: vec![Exchanger::of_first(10), Exchanger::of_first(20)],
        drifts: vec![Change::Tls(FIRST), Change::Policy(HOP, Level::Encrypt)],
        ..one_session(&size, attacks)
    }
}

/// Mail to two domains, which the same host serves: one session may do for both.
fn two_domains(first: Level, second: Level, size: &Size, attacks: Vec<Attack>) -> Configuration {
    let levels = [first, second];
    let policies = levels
        .iter()
        .zip([HOP, OTHER_HOP])
        .flat_map(|(_, hop)| LEVELS.map(|level| Change::Policy(hop, level)));
    Configuration {
        messages: vec![OTHER_HOP, HOP],
        exchangers: vec![Exchanger {
            preference: [Some(10), Some(10)],
            certificate: Certificate::HostNameOnly,
            ..Exchanger::default()
        }],
        levels: levels.into(),
        routes_second: true,
        reuse: true,
        budget: size.budget,
        attacks,
        drifts: policies.collect(),
        ..Configuration::calm(first)
    }
}

/// A server that wishes to refuse mail without TLS, as far as the chart lets it.
fn demanding(level: Level, size: &Size) -> Configuration {
    Configuration {
        exchangers: vec![Exchanger {
            demands_tls: true,
            ..Exchanger::of_first(10)
        }],
        drifts: vec![
            Change::Tls(FIRST),
            Change::Listed(FIRST, HOP),
            Change::Configured(FIRST, HOP),
            Change::ServerLookups(FIRST, HOP),
        ],
        ..one_domain(level, size)
    }
}

/// The same with another host to go to, which wishes for nothing.
fn demanding_beside_another(level: Level, size: &Size) -> Configuration {
    let mut configuration = demanding(level, size);
    configuration.exchangers.push(Exchanger::of_first(20));
    configuration
}

/// The same for mail that goes there by a fixed route, listed or not.
fn demanding_by_route(level: Level, size: &Size) -> Configuration {
    Configuration {
        messages: vec![OTHER_HOP],
        exchangers: vec![Exchanger {
            preference: [None, Some(10)],
            demands_tls: true,
            ..Exchanger::default()
        }],
        levels: vec![Level::May, level],
        routes_second: true,
        drifts: vec![
            Change::Tls(FIRST),
            Change::Listed(FIRST, OTHER_HOP),
            Change::Configured(FIRST, OTHER_HOP),
            Change::ServerLookups(FIRST, OTHER_HOP),
        ],
        ..one_domain(level, size)
    }
}

/// One host does not answer; mail to another does not wait for it.
fn slow_host(size: &Size) -> Configuration {
    Configuration {
        messages: vec![HOP, OTHER_HOP],
        exchangers: vec![
            Exchanger {
                preference: [Some(10), None],
                ..Exchanger::default()
            },
            Exchanger {
                preference: [None, Some(10)],
                ..Exchanger::default()
            },
        ],
        levels: vec![Level::May, Level::May],
        sessions_per_host: 1,
        drifts: Vec::new(),
        ..one_domain(Level::May, size)
    }
}

/// The sender is listed between two others.
fn itself(size: &Size) -> Configuration {
    Configuration {
        own_preference: Some(15),
        ..one_domain(Level::May, size)
    }
}

/// A host of which the first address is dead.
fn dead_address(size: &Size) -> Configuration {
    Configuration {
        exchangers: vec![Exchanger {
            has_dead_address: true,
            ..Exchanger::of_first(10)
        }],
        drifts: vec![Change::Tls(FIRST), Change::Policy(HOP, Level::Encrypt)],
        ..one_domain(Level::May, size)
    }
}

/// A domain that takes no mail.
fn null_mx() -> Configuration {
    Configuration {
        null_mx: true,
        drifts: vec![Change::Lookups(HOP)],
        budget: Budget {
            drifts: 2,
            ..Budget::default()
        },
        ..Configuration::calm(Level::May)
    }
}

/// Gaps that double, so that few attempts fill more than a day.
fn long_lifetime() -> Configuration {
    Configuration {
        schedule: RetrySchedule::Kumomta,
        lifetime: Duration::from_secs(30 * 3600),
        drifts: vec![Change::Lookups(HOP)],
        budget: Budget {
            drifts: 2,
            ..Budget::default()
        },
        ..Configuration::calm(Level::May)
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    #[test]
    fn every_configuration_has_a_name_of_its_own() {
        for bounds in [Bounds::Small, Bounds::Ci, Bounds::Nightly] {
            let mut names = BTreeSet::new();
            for named in bounds.configurations() {
                assert!(
                    names.insert(named.name.clone()),
                    "{} has two of “{}”",
                    bounds.name(),
                    named.name
                );
            }
        }
    }
}
