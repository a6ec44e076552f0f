//! What is published in DNS, for whom looking it up fails, and who is lied to.

use std::cell::RefCell;
use std::collections::{BTreeMap, BTreeSet};
use std::net::IpAddr;
use std::rc::Rc;
use std::time::Duration;

use postern_model::name::DomainName;
use postern_model::scenario::Lie;
use postern_model::trace::Answer;

use super::{ALIASES_MAX, Asked, Kind};

/// The published data, shared between the resolver host and whoever lets it drift.
pub type SharedZones = Rc<RefCell<Zones>>;

/// All that is published.
#[derive(Debug, Clone, Default)]
pub struct Zones {
    domains: BTreeMap<DomainName, Domain>,
    addresses: BTreeMap<DomainName, Addresses>,
    aliases: BTreeMap<DomainName, DomainName>,
    failing: BTreeSet<(IpAddr, DomainName)>,
    lies: BTreeMap<(IpAddr, DomainName), Lie>,
}

#[derive(Debug, Clone)]
struct Domain {
    exchangers: Vec<(u16, DomainName)>,
    null_mx: bool,
    time_to_live: Duration,
}

#[derive(Debug, Clone)]
struct Addresses {
    all: Vec<IpAddr>,
    time_to_live: Duration,
}

/// An answer, how it was come by, and how long it may be cached.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Found {
    pub(super) answer: Answer,
    /// The names that the name asked for leads to by CNAME records, one after the other.
    pub(super) aliases: Vec<DomainName>,
    pub(super) time_to_live: Duration,
}

impl Zones {
    /// How long it is remembered that a name does not exist, and how long an alias is.
    const UNSTATED_TIME_TO_LIVE: Duration = Duration::from_secs(300);

    /// Publishes the MX set of a domain, in place of what it had. An empty set leaves the implicit MX: the address of the
    /// domain itself, if it has one (RFC 5321 §5.1).
    pub fn publish_exchangers(
        &mut self,
        domain: DomainName,
        exchangers: Vec<(u16, DomainName)>,
        time_to_live: Duration,
    ) {
        let published = Domain {
            exchangers,
            null_mx: false,
            time_to_live,
        };
        self.domains.insert(domain, published);
    }

    /// Publishes a null MX for a domain besides the MX set that it has, which should be empty (RFC 7505 §3).
    pub fn publish_null_mx(&mut self, domain: &DomainName, published: bool) {
        if let Some(domain) = self.domains.get_mut(domain) {
            domain.null_mx = published;
        }
    }

    /// Publishes the addresses of a host, in place of what it had.
    pub fn publish_addresses(&mut self, host: DomainName, all: Vec<IpAddr>, time_to_live: Duration) {
        self.addresses.insert(host, Addresses { all, time_to_live });
    }

    /// Publishes a name as an alias of another, which need not exist.
    pub fn publish_alias(&mut self, alias: DomainName, target: DomainName) {
        self.aliases.insert(alias, target);
    }

    /// Lets every lookup of the MX of a domain fail that comes from this address, or work again. What the asker's resolver
    /// holds in its cache is answered from there until it expires.
    pub fn set_lookups(&mut self, asker: IpAddr, domain: DomainName, work: bool) {
        if work {
            self.failing.remove(&(asker, domain));
        } else {
            self.failing.insert((asker, domain));
        }
    }

    /// Lets whoever asks from this address for the MX of a domain be told a lie, or the truth again. A lie is cached like
    /// the truth, and comes too late where the truth is still cached.
    pub fn set_lie(&mut self, asker: IpAddr, domain: DomainName, lie: Option<Lie>) {
        match lie {
            Some(lie) => _ = self.lies.insert((asker, domain), lie),
            None => _ = self.lies.remove(&(asker, domain)),
        }
    }

    /// What is published now, or what the asker is made to believe; `None` if nobody answers.
    pub(super) fn answer(&self, asker: IpAddr, asked: &Asked) -> Option<Found> {
        if asked.kind == Kind::Mx {
            let key = (asker, asked.name.clone());
            if let Some(lie) = self.lies.get(&key) {
                return self.lie(&asked.name, lie);
            }
            if self.failing.contains(&key) {
                return Some(Found::failure());
            }
        }
        Some(self.truth(asked))
    }

    fn truth(&self, asked: &Asked) -> Found {
        let mut name = &asked.name;
        let mut aliases = Vec::new();
        while let Some(target) = self.aliases.get(name) {
            if aliases.len() == ALIASES_MAX {
                return Found::failure();
            }
            aliases.push(target.clone());
            name = target;
        }
        let (answer, time_to_live) = match asked.kind {
            Kind::Mx => self.exchangers(name),
            Kind::Ipv4 => self.addresses(name, IpAddr::is_ipv4),
            Kind::Ipv6 => self.addresses(name, IpAddr::is_ipv6),
        };
        let time_to_live = match aliases.is_empty() {
            true => time_to_live,
            false => time_to_live.min(Self::UNSTATED_TIME_TO_LIVE),
        };
        Found {
            answer,
            aliases,
            time_to_live,
        }
    }

    fn exchangers(&self, domain: &DomainName) -> (Answer, Duration) {
        match self.domains.get(domain) {
            Some(published) if published.null_mx => {
                let beside = published.exchangers.clone();
                (Answer::NullMx { beside }, published.time_to_live)
            }
            Some(published) if !published.exchangers.is_empty() => {
                (Answer::Exchangers(published.exchangers.clone()), published.time_to_live)
            }
            _ => self.nothing(domain),
        }
    }

    fn addresses(&self, host: &DomainName, is_of_family: impl Fn(&IpAddr) -> bool) -> (Answer, Duration) {
        let Some(addresses) = self.addresses.get(host) else {
            return self.nothing(host);
        };
        let all: Vec<IpAddr> = addresses.all.iter().copied().filter(is_of_family).collect();
        match all.is_empty() {
            true => self.nothing(host),
            false => (Answer::Addresses(all), addresses.time_to_live),
        }
    }

    /// The name has no such record, or does not exist at all (RFC 2308 §2).
    fn nothing(&self, name: &DomainName) -> (Answer, Duration) {
        let domain = self.domains.get(name).map(|domain| domain.time_to_live);
        let known = domain.or_else(|| self.addresses.get(name).map(|addresses| addresses.time_to_live));
        match known {
            Some(time_to_live) => (Answer::NoData, time_to_live),
            None => (Answer::NoName, Self::UNSTATED_TIME_TO_LIVE),
        }
    }

    fn lie(&self, domain: &DomainName, lie: &Lie) -> Option<Found> {
        let answer = match lie {
            Lie::Silence => return None,
            Lie::Failure => return Some(Found::failure()),
            Lie::Mx(host) => Answer::Exchangers(vec![(10, host.clone())]),
            Lie::NoData => Answer::NoData,
            Lie::NullMx => Answer::NullMx { beside: Vec::new() },
            Lie::NoName => Answer::NoName,
        };
        let published = self.domains.get(domain);
        Some(Found {
            answer,
            aliases: Vec::new(),
            time_to_live: published.map_or(Self::UNSTATED_TIME_TO_LIVE, |published| published.time_to_live),
        })
    }
}

impl Found {
    fn failure() -> Self {
        Self {
            answer: Answer::Failed,
            aliases: Vec::new(),
            time_to_live: Duration::ZERO,
        }
    }
}
