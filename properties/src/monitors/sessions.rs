//! The connections that are open, and how far each came with TLS, for monitors that follow them.

use std::collections::BTreeMap;

use postern_model::observation::{Acceptor, Code, ConnectionId, DomainSet, HostId, Observation};
use postern_model::scenario::Phase;

use crate::setup::Setup;

/// Who dialled a connection.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(super) enum Dialler {
    /// The client itself: what it says shows what the client does.
    Client,
    /// The attacker in the client's name: it shows only what the server does.
    Attacker,
}

/// How far a connection came with TLS.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(super) enum Progress {
    /// No positive reply to EHLO or HELO yet.
    Unready,
    /// The server takes mail and offers no STARTTLS.
    NotOffered,
    /// The server takes mail and offers STARTTLS.
    Offered,
    /// STARTTLS was sent.
    Asked,
    /// STARTTLS was answered by this code.
    Refused(Code),
    /// STARTTLS was answered by 220.
    GoAhead,
    /// The handshake is complete, with a certificate that proves these names.
    Secured(DomainSet),
}

/// An open connection, with what a monitor notes about it.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(super) struct Session<T> {
    pub(super) client: HostId,
    pub(super) server: HostId,
    pub(super) dialler: Dialler,
    /// `None` until it stands.
    pub(super) acceptor: Option<Acceptor>,
    pub(super) progress: Progress,
    /// MAIL was taken, and its transaction is neither over nor abandoned.
    pub(super) has_transaction: bool,
    /// The names that the client proved in the handshake of this connection.
    pub(super) identity: DomainSet,
    /// The domains that the server was configured for, or ceased to be, since the dial.
    pub(super) reconfigured: DomainSet,
    pub(super) notes: T,
}

impl<T> Session<T> {
    /// The client dialled it itself.
    pub(super) fn is_clients_own(&self) -> bool {
        self.dialler == Dialler::Client
    }

    /// The host that was dialled accepted it itself.
    pub(super) fn is_servers_own(&self) -> bool {
        self.acceptor == Some(Acceptor::Host)
    }

    /// Inside TLS it is the host that was dialled: it accepted it itself, or proved a name that nobody stole.
    pub(super) fn is_secured_with_host(&self, setup: &Setup) -> bool {
        let is_proof = |names| names != DomainSet::default() && !setup.may_be_impersonated(self.server);
        let names = self.proves();
        names.is_some_and(|names| self.is_servers_own() || is_proof(names))
    }

    /// A positive reply to EHLO or HELO arrived, so mail could have been sent in clear if not within TLS.
    pub(super) fn is_ready(&self) -> bool {
        self.progress != Progress::Unready
    }

    /// TLS is up.
    pub(super) fn is_secured(&self) -> bool {
        matches!(self.progress, Progress::Secured(_))
    }

    /// The names that the server proved; `None` in clear.
    pub(super) fn proves(&self) -> Option<DomainSet> {
        match self.progress {
            Progress::Secured(names) => Some(names),
            _ => None,
        }
    }

    /// It is certain that this session has no TLS: not offered, refused, or, when it is over, failed.
    pub(super) fn is_without_tls(&self, over: bool) -> bool {
        match self.progress {
            Progress::NotOffered | Progress::Refused(_) => true,
            Progress::GoAhead => over,
            Progress::Unready | Progress::Offered | Progress::Asked | Progress::Secured(_) => false,
        }
    }
}

/// The open connections.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(super) struct Sessions<T>(BTreeMap<ConnectionId, Session<T>>);

impl<T> Default for Sessions<T> {
    fn default() -> Self {
        Self(BTreeMap::new())
    }
}

impl<T: Default> Sessions<T> {
    /// Takes the next observation. A closed connection is returned and forgotten.
    pub(super) fn observe(&mut self, observation: &Observation) -> Option<Session<T>> {
        self.follow_transaction(observation);
        match *observation {
            Observation::Dialled {
                connection, from, to, ..
            } => self.open(connection, from, to, Dialler::Client),
            Observation::Relayed { connection, from, to } => self.open(connection, from, to, Dialler::Attacker),
            Observation::Connected { connection, acceptor } => {
                if let Some(session) = self.0.get_mut(&connection) {
                    session.acceptor = Some(acceptor);
                }
            }
            Observation::Command {
                connection,
                phase: Some(Phase::Starttls),
                tls: false,
                ..
            } => {
                self.advance(connection, Progress::Asked);
            }
            Observation::Replied {
                connection,
                phase,
                code,
                offers_starttls,
                ..
            } => match (phase, code) {
                (Some(Phase::Ehlo), 200..=299) if offers_starttls => self.advance(connection, Progress::Offered),
                (Some(Phase::Ehlo), 200..=299) => self.advance(connection, Progress::NotOffered),
                (Some(Phase::Starttls), 220) => self.advance(connection, Progress::GoAhead),
                (Some(Phase::Starttls), code) => self.advance(connection, Progress::Refused(code)),
                _ => {}
            },
            Observation::Secured { connection, proves } => {
                if let Some(session) = self.0.get_mut(&connection) {
                    session.progress = Progress::Secured(proves);
                }
            }
            Observation::ClientPresented { connection, proves, .. } => {
                if let Some(session) = self.0.get_mut(&connection) {
                    session.identity = proves;
                }
            }
            Observation::Exchanger { host, domain, .. } => {
                for session in self.0.values_mut().filter(|session| session.server == host) {
                    session.reconfigured = session.reconfigured.with(domain);
                }
            }
            Observation::Closed { connection } => return self.0.remove(&connection),
            _ => {}
        }
        None
    }

    /// The connection, if it is open.
    pub(super) fn get(&self, connection: ConnectionId) -> Option<&Session<T>> {
        self.0.get(&connection)
    }

    /// The connection, if it is open.
    pub(super) fn get_mut(&mut self, connection: ConnectionId) -> Option<&mut Session<T>> {
        self.0.get_mut(&connection)
    }

    /// The open connections.
    pub(super) fn iter(&self) -> impl Iterator<Item = &Session<T>> {
        self.0.values()
    }

    /// The open connections with their ids.
    pub(super) fn iter_by_id(&self) -> impl Iterator<Item = (ConnectionId, &Session<T>)> {
        self.0.iter().map(|(connection, session)| (*connection, session))
    }

    /// The open connections.
    pub(super) fn iter_mut(&mut self) -> impl Iterator<Item = &mut Session<T>> {
        self.0.values_mut()
    }

    fn follow_transaction(&mut self, observation: &Observation) {
        let (connection, has_transaction) = match *observation {
            Observation::Replied {
                connection,
                phase: Some(Phase::Mail),
                code,
                ..
            } => (connection, (200..300).contains(&code)),
            Observation::Secured { connection, .. }
            | Observation::Command {
                connection,
                phase: None,
                ..
            }
            // The reply to RSET is one of those to commands of no phase; one to MAIL may have come behind the command.
            | Observation::Replied {
                connection,
                phase: None | Some(Phase::Ehlo | Phase::EndOfData),
                ..
            } => (connection, false),
            _ => return,
        };
        if let Some(session) = self.0.get_mut(&connection) {
            session.has_transaction = has_transaction;
        }
    }

    fn open(&mut self, connection: ConnectionId, client: HostId, server: HostId, dialler: Dialler) {
        let session = Session {
            client,
            server,
            dialler,
            acceptor: None,
            progress: Progress::Unready,
            has_transaction: false,
            identity: DomainSet::default(),
            reconfigured: DomainSet::default(),
            notes: T::default(),
        };
        self.0.insert(connection, session);
    }

    /// TLS once up stays up: whatever is said inside it changes nothing here.
    fn advance(&mut self, connection: ConnectionId, progress: Progress) {
        if let Some(session) = self.0.get_mut(&connection)
            && !session.is_secured()
        {
            session.progress = progress;
        }
    }
}
