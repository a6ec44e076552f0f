//! What a walk at byte level begins with, and how much may happen in it.

use crate::mta::client::{Envelope, Plan};
use crate::mta::policy::TlsUse;
use crate::mta::server::ServerSettings;
use crate::mutant::Mutant;
use crate::name::{DomainName, Mailbox, ReversePath, Token};
use crate::scenario::{Certificate, DemandStage, Insertion, Level, LineEnds, Scenario, Switch, Trouble};
use crate::smtp::Request;

use super::super::configuration::{self as delivery, exchanger_name, hop_name};
use super::end::Party;
use super::flight::Places;

/// One session of one client with one server, and the editor on the path between them.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Configuration {
    /// The client's policy for the server.
    pub level: Level,
    /// The server has TLS.
    pub tls: bool,
    /// The server's trouble.
    pub trouble: Trouble,
    /// The server refuses every command in clear but those on the way to TLS.
    pub demands_tls: bool,
    /// The server's certificate proves no name that the client could ask for.
    pub certificate_is_bad: bool,
    /// What may happen.
    pub budget: Budget,
    /// Where the editor inserts.
    pub places: Places,
    /// What it can insert toward the server.
    pub commands: Vec<Insertion>,
    /// What it can insert toward the client.
    pub replies: Vec<Insertion>,
    /// The one bug of both machines, if any.
    pub mutant: Option<Mutant>,
}

/// How much may happen that need not.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Hash)]
pub struct Budget {
    /// What the editor does.
    pub edits: u8,
    /// Octets on their way that are read in two parts and not at once.
    pub cuts: u8,
}

/// What an editor says to a server: commands of a transaction and around TLS, a second command behind a bare LF, a false end
/// of content, and something behind a DATA that is refused.
pub const COMMANDS: &[Insertion] = &[
    Insertion::Mail,
    Insertion::Rset,
    Insertion::Noop,
    Insertion::Starttls,
    Insertion::StarttlsWithParameter,
    Insertion::Quit,
    Insertion::HiddenCommand,
    Insertion::FalseEnd,
    Insertion::DataThenMail,
];

/// What an editor says to a client.
pub const REPLIES: &[Insertion] = &[
    Insertion::Completion,
    Insertion::GoAhead,
    Insertion::Deferral,
    Insertion::Refusal,
    Insertion::Offer,
];

/// What the content begins with.
pub(super) const MESSAGE_ID: &[u8] = b"Message-ID: <m1@";

/// What is sent: a dot to stuff, and a bare LF that no client may pass on.
const CONTENT: &[u8] = b"Message-ID: <m1@a.example>\r\n\r\n.x\ny\r\n";

impl Configuration {
    /// A sound server, and an editor that does nothing.
    pub fn calm(level: Level) -> Self {
        Self {
            level,
            tls: true,
            trouble: Trouble::default(),
            demands_tls: false,
            certificate_is_bad: false,
            budget: Budget::default(),
            places: Places::LinesAndMidst,
            commands: COMMANDS.to_vec(),
            replies: REPLIES.to_vec(),
            mutant: None,
        }
    }

    /// The world at its start, as a scenario.
    pub fn scenario(&self) -> Scenario {
        let mut scenario = delivery::Configuration::calm(self.level).scenario();
        scenario.title = "A configuration of the formal model at byte level".to_owned();
        scenario.mutant = self.mutant;
        let (client, name) = (client_name(), server_name());
        for host in scenario.host.iter_mut().filter(|host| host.name == client) {
            // What is sent has a bare LF in it.
            host.line_ends = LineEnds::Lf;
        }
        for host in scenario.host.iter_mut().filter(|host| host.name == name) {
            host.tls = if self.tls { Switch::On } else { Switch::Off };
            host.trouble = self.trouble;
            host.demands_tls = self.demands_tls;
            if self.demands_tls {
                host.demand_stage = DemandStage::EveryCommand;
            }
            if self.certificate_is_bad {
                host.certificate = Certificate::WrongName;
            }
        }
        scenario
    }

    /// What the client's session is for.
    pub(super) fn plan(&self) -> Plan {
        Plan {
            helo_name: client_name(),
            exchanger: server_name(),
            next_hop: next_hop(),
            tls: TlsUse::of(self.level),
            envelope: Envelope {
                from: self.sender(),
                to: self.recipient(),
                request: Request::default(),
            },
            content: CONTENT.to_vec(),
            keep: false,
            mutant: self.mutant,
        }
    }

    /// The server as it is set up.
    pub(super) fn settings(&self) -> ServerSettings {
        let mut settings = ServerSettings::new(server_name());
        settings.tls = self.tls;
        settings.trouble = self.trouble;
        settings.demands_tls = self.demands_tls;
        settings.demand_stage = DemandStage::EveryCommand;
        settings.exchanger_for.insert(next_hop());
        settings.size_limit = 1000;
        settings.mutant = self.mutant;
        settings
    }

    /// The message's token, as its content names it.
    pub(super) fn token(&self) -> Token {
        "m1".parse().expect("a token")
    }

    pub(super) fn sender(&self) -> ReversePath {
        "alice@a.example".parse().expect("a reverse path")
    }

    pub(super) fn recipient(&self) -> Mailbox {
        format!("bob@{}", next_hop()).parse().expect("a mailbox")
    }

    /// What the editor can say to an end.
    pub(super) fn alphabet(&self, toward: Party) -> &[Insertion] {
        match toward {
            Party::Client => &self.replies,
            Party::Server => &self.commands,
        }
    }
}

/// The host that sends.
pub(super) fn client_name() -> DomainName {
    delivery::name(delivery::SENDER)
}

/// The host that takes.
pub(super) fn server_name() -> DomainName {
    exchanger_name(0)
}

/// The domain whose mail it is.
pub(super) fn next_hop() -> DomainName {
    hop_name(0)
}
