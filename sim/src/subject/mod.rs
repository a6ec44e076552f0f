//! Subjects: implementations under test that nobody here wrote.
//!
//! A [`ClientSubject`] sends one message to one host over a [`Connection`] of the simulated network. The tap watches it as it
//! watches the project's own client, so the judges need nothing of it; what it tells its caller of the session is its
//! [`Report`], which they hold against the wire.
//!
//! To put a client of your own under test, implement the trait for a value that lives as long as the program, and run a
//! scenario with [`Client::Subject`](crate::Client::Subject):
//!
//! ```
//! use postern_sim::subject::{ClientSubject, Connection, LocalFuture, Report, Session, Subject};
//!
//! struct Mute;
//!
//! impl ClientSubject for Mute {
//!     fn name(&self) -> &'static str {
//!         "mute"
//!     }
//!
//!     fn version(&self) -> &'static str {
//!         env!("CARGO_PKG_VERSION")
//!     }
//!
//!     fn send<'a>(&'a self, _connection: Connection, _session: &'a Session<'a>) -> LocalFuture<'a, Report> {
//!         Box::pin(async { Report::failed("it never says a word") })
//!     }
//! }
//!
//! let client = postern_sim::Client::Subject(Subject(&Mute));
//! ```
//!
//! A [`ServerSubject`] serves a client over a connection, in the same way; [`Server::Subject`](crate::Server::Subject) puts it in
//! place of every server of a world. The host takes its recipients and its messages by a [`Reception`].
//!
//! # Glue
//!
//! A library that sends mail has no queue. What is around it is [`GLUE`], which is Postern's own and the same for all; around
//! a server it is [`SERVER_GLUE`].
//! What a judge finds may be the fault of the glue, and reports say so wherever that can be.

mod connection;
mod ear;
mod reception;
mod report;
mod server;
mod session;

use std::fmt;
use std::future::Future;
use std::pin::Pin;

use postern_model::scenario::{Action, Drift, Scenario};

pub use postern_model::mta::session::WithoutTls;
pub use postern_model::scenario::{Level, Phase};

pub use connection::{Connection, SecuredConnection};
pub(crate) use ear::Ear;
pub use reception::{Patience, ReceivedMail, Reception, Refusal};
pub use report::{Reply, Report};
pub use server::{SERVER_GLUE, ServerSubject, ServerSubjectRef};
pub use session::{Demand, Session};
pub(crate) use session::{Glue, Letter};

use crate::Crypto;

/// What is Postern's own around every client that has no queue of its own.
pub const GLUE: &str = "the queue with its retries and lifetimes, the lookup of exchangers and the walk over them in order of \
    preference, one connection a message and none in clear after one whose TLS broke, the patience of RFC 5321 §4.5.3.2 for each call, notifications, and the alarms; \
    the name that a certificate must prove is that of the next hop; content comes with CRLF, and nothing is asked about \
    notifications";

/// A future that stays on its thread, as all of a world does.
pub type LocalFuture<'a, T> = Pin<Box<dyn Future<Output = T> + 'a>>;

/// An SMTP client under test.
pub trait ClientSubject: Sync {
    /// How it is called on command lines and in reports, such as `lettre:required`: the library and its policy mode.
    fn name(&self) -> &'static str;

    /// The version of the library.
    fn version(&self) -> &'static str;

    /// The policy that stands in for this one, which a world asks of a sender: the nearest that the client can be set to. What
    /// stands in for itself stays as it is.
    fn level_for(&self, asked: Level) -> Level {
        asked
    }

    /// Whether it takes the TLS configuration that it is given. One that makes its own is run under real cryptography only, and
    /// judges certificates by the wall clock.
    fn takes_tls_config(&self) -> bool {
        true
    }

    /// Sends the message of the session over the connection, which stands and on which nothing was said yet, to the end of the
    /// session.
    fn send<'a>(&'a self, connection: Connection, session: &'a Session<'a>) -> LocalFuture<'a, Report>;
}

/// A client under test, by its name.
#[derive(Clone, Copy)]
pub struct Subject(pub &'static dyn ClientSubject);

impl Subject {
    /// How it is called.
    pub fn name(self) -> &'static str {
        self.0.name()
    }

    /// The cryptography that it can be run under, where this one is wished for.
    pub(crate) fn crypto(self, wished: Crypto) -> Crypto {
        match self.0.takes_tls_config() {
            true => wished,
            false => Crypto::Real,
        }
    }

    /// The same world, in which every sender has a policy that this client can be set to: nothing is asked of it that it does
    /// not offer. A world that was fitted once stays as it is.
    pub fn fit(self, scenario: &Scenario) -> Scenario {
        let mut fitted = scenario.clone();
        for host in &mut fitted.host {
            host.level = self.0.level_for(host.level);
            for level in host.policy.values_mut() {
                *level = self.0.level_for(*level);
            }
        }
        for step in &mut fitted.step {
            if let Action::Drift(Drift::Policy { level, .. }) = &mut step.action {
                *level = self.0.level_for(*level);
            }
        }
        fitted
    }
}

impl PartialEq for Subject {
    fn eq(&self, other: &Self) -> bool {
        self.name() == other.name()
    }
}

impl Eq for Subject {}

impl fmt::Debug for Subject {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_tuple("Subject").field(&self.name()).finish()
    }
}

impl fmt::Display for Subject {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.pad(self.name())
    }
}
