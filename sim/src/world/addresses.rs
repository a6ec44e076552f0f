//! Where everybody is: the addresses of hosts, of resolvers, of the attacker and of strangers.

use std::net::{Ipv4Addr, SocketAddr};

use postern_model::scenario::Host;

/// Where the resolvers answer.
pub(crate) const RESOLVER: Ipv4Addr = Ipv4Addr::new(192, 0, 2, 53);
/// Where the attacker sits.
pub(crate) const ATTACKER: Ipv4Addr = Ipv4Addr::new(198, 51, 100, 66);
/// Where strangers come from.
pub(crate) const STRANGER: Ipv4Addr = Ipv4Addr::new(198, 51, 100, 99);
/// The attacker's port for the first address of the first host; the others follow.
const ATTACKER_FIRST_PORT: u16 = 10_000;
/// What lies between the ports of the attacker for the two addresses of a host.
const ATTACKER_PORTS: u16 = 1_000;
/// The port of SMTP.
pub(crate) const SMTP_PORT: u16 = 25;
/// The port at which a host takes what was dialled to its second address: turmoil gives a host one address.
pub(crate) const OTHER_ADDRESS_PORT: u16 = 26;

/// One of the addresses of a host.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Site {
    /// The host, by its place in the scenario.
    pub(crate) host: usize,
    /// It is the second address.
    pub(crate) is_other: bool,
}

/// The address of the host at this place in the scenario.
pub(crate) fn address_of_host(index: usize) -> Ipv4Addr {
    Ipv4Addr::new(203, 0, 113, u8::try_from(index + 1).unwrap_or(u8::MAX))
}

/// The second address of the host at this place in the scenario.
pub(super) fn other_address_of_host(index: usize) -> Ipv4Addr {
    Ipv4Addr::new(203, 0, 113, u8::try_from(index + 129).unwrap_or(u8::MAX))
}

impl Site {
    /// The address.
    pub(crate) fn address(self) -> Ipv4Addr {
        match self.is_other {
            true => other_address_of_host(self.host),
            false => address_of_host(self.host),
        }
    }

    /// Where the host really takes what was dialled to the address.
    pub(crate) fn socket(self) -> SocketAddr {
        let port = if self.is_other { OTHER_ADDRESS_PORT } else { SMTP_PORT };
        (address_of_host(self.host), port).into()
    }
}

/// The addresses of a host, in the order in which DNS gives them.
pub(super) fn sites(index: usize, host: &Host) -> Vec<Site> {
    let site = |is_other| Site { host: index, is_other };
    match (host.other_address, host.other_address_first) {
        (None, _) => vec![site(false)],
        (Some(_), false) => vec![site(false), site(true)],
        (Some(_), true) => vec![site(true), site(false)],
    }
}

/// The port on which the attacker takes what was meant for this address.
pub(crate) fn attacker_port(victim: Site) -> u16 {
    let of_host = u16::try_from(victim.host).map_or(ATTACKER_PORTS, |host| host.min(ATTACKER_PORTS));
    ATTACKER_FIRST_PORT + of_host + if victim.is_other { ATTACKER_PORTS } else { 0 }
}
