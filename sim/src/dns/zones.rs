//! What is published in DNS, and for whom looking it up fails.

use std::cell::RefCell;
use std::collections::{BTreeMap, BTreeSet};
use std::net::{IpAddr, Ipv4Addr};
use std::rc::Rc;
use std::time::Duration;

use postern_model::name::DomainName;
use postern_model::trace::{Answer, Question};

/// The published data, shared between the resolver host and whoever lets it drift.
pub type SharedZones = Rc<RefCell<Zones>>;

/// All that is published.
#[derive(Debug, Clone, Default)]
pub struct Zones {
    domains: BTreeMap<DomainName, Domain>,
    addresses: BTreeMap<DomainName, Address>,
    failing: BTreeSet<(IpAddr, DomainName)>,
}

#[derive(Debug, Clone)]
struct Domain {
    exchangers: Vec<(u16, DomainName)>,
    time_to_live: Duration,
}

#[derive(Debug, Clone)]
struct Address {
    ip: Ipv4Addr,
    time_to_live: Duration,
}

impl Zones {
    /// How long it is remembered that a name does not exist.
    const UNKNOWN_NAME_TIME_TO_LIVE: Duration = Duration::from_secs(300);

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
            time_to_live,
        };
        self.domains.insert(domain, published);
    }

    /// Publishes the address of a host, in place of what it had.
    pub fn publish_address(&mut self, host: DomainName, ip: Ipv4Addr, time_to_live: Duration) {
        self.addresses.insert(host, Address { ip, time_to_live });
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

    /// What is published now, and how long it may be cached.
    pub(super) fn answer(&self, asker: IpAddr, question: &Question) -> (Answer, Duration) {
        match question {
            Question::Mx(domain) if self.failing.contains(&(asker, domain.clone())) => (Answer::Failed, Duration::ZERO),
            Question::Mx(domain) => match self.domains.get(domain) {
                Some(published) if !published.exchangers.is_empty() => {
                    (Answer::Exchangers(published.exchangers.clone()), published.time_to_live)
                }
                _ => self.nothing(domain),
            },
            Question::Address(host) => match self.addresses.get(host) {
                Some(address) => (Answer::Addresses(vec![address.ip.into()]), address.time_to_live),
                None => self.nothing(host),
            },
        }
    }

    /// The name has no such record, or does not exist at all (RFC 2308 §2).
    fn nothing(&self, name: &DomainName) -> (Answer, Duration) {
        let domain = self.domains.get(name).map(|domain| domain.time_to_live);
        let known = domain.or_else(|| self.addresses.get(name).map(|address| address.time_to_live));
        match known {
            Some(time_to_live) => (Answer::NoData, time_to_live),
            None => (Answer::NoName, Self::UNKNOWN_NAME_TIME_TO_LIVE),
        }
    }
}
