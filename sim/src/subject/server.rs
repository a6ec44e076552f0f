//! SMTP servers under test.

use std::fmt;

use postern_model::scenario::{
    Action, AfterFailure, DemandStage, Drift, Host, MailboxState, Scenario, Trouble, UnlistedAnswer,
};

use super::{Connection, LocalFuture, Reception};

/// What is Postern's own around every server that is a library.
pub const SERVER_GLUE: &str = "the decision about each recipient and the reply that refuses one, the mailboxes and the queue \
    with all that becomes of a message behind the 250, the trace line on top of it, the TLS handshake with its \
    certificate, and the patience of RFC 5321 §4.5.3.2.7; for a library that does no input and output of its own, the loop \
    that feeds it lines too, with what becomes of octets behind STARTTLS";

/// An SMTP server under test. It is every server of a world.
///
/// None of the servers here has a setting that demands TLS before mail, so there is none to ask for: see
/// [`ServerSubjectRef::fit`].
pub trait ServerSubject: Sync {
    /// How it is called on command lines and in reports: the library.
    fn name(&self) -> &'static str;

    /// The version of the library.
    fn version(&self) -> &'static str;

    /// Whether it has timers of its own, by tokio's clock. While such a session is open, time jumps by a second at the most.
    fn keeps_timers(&self) -> bool {
        true
    }

    /// Whether it can refuse a recipient by whatever code it is told. One that has a list of replies has none for a domain without
    /// mail (RFC 7505 §4.1).
    fn refuses_by_any_code(&self) -> bool {
        true
    }

    /// Whether it reads and writes by itself. Around one that does not, a loop of the glue cuts the lines, drops what came behind
    /// STARTTLS, and sends the replies.
    fn does_its_own_input(&self) -> bool {
        true
    }

    /// Serves a client over the connection, which stands and on which nothing was said yet, to the end of the session.
    fn serve(&'static self, connection: Connection, reception: Reception) -> LocalFuture<'static, ()>;
}

/// A server under test, by its name.
#[derive(Clone, Copy)]
pub struct ServerSubjectRef(pub &'static dyn ServerSubject);

impl ServerSubjectRef {
    /// How it is called.
    pub fn name(self) -> &'static str {
        self.0.name()
    }

    /// The same world, in which every server is one that this library can be: it offers TLS or it does not. It demands TLS of
    /// nobody, is in no trouble that a library is not configured to have, does nothing about clients whose handshake failed, and
    /// refuses recipients by codes that it knows.
    /// A world that was fitted once stays as it is.
    pub fn fit(self, scenario: &Scenario) -> Scenario {
        let mut fitted = scenario.clone();
        for host in &mut fitted.host {
            fit_host(host);
            let mailboxes = host.mailboxes.values_mut();
            let unspeakable = mailboxes.filter(|state| **state == MailboxState::ForwardsToNullMx);
            if !self.0.refuses_by_any_code() {
                unspeakable.for_each(|state| *state = MailboxState::Refuses);
            }
        }
        for step in &mut fitted.step {
            if let Action::Drift(Drift::Trouble(trouble)) = &mut step.action {
                *trouble = possible(*trouble);
            }
        }
        fitted
    }
}

fn fit_host(host: &mut Host) {
    host.demands_tls = false;
    host.demand_stage = DemandStage::default();
    host.unlisted_answer = UnlistedAnswer::default();
    host.requires_tls_of.clear();
    host.never_accepts_mail = false;
    host.handshake.after_failure = AfterFailure::ServesOn;
    host.trouble = possible(host.trouble);
}

/// The troubles that come to a server with TLS for one connection and without for another.
fn possible(trouble: Trouble) -> Trouble {
    match trouble {
        Trouble::NodesDiffer | Trouble::OffersTlsToAcquaintances => trouble,
        Trouble::None
        | Trouble::DemandsTlsOfAll
        | Trouble::ListsDiffer
        | Trouble::ListsLittle
        | Trouble::OffersTlsInsideTls
        | Trouble::UnhappyWithTls
        | Trouble::NoCertificate => Trouble::None,
    }
}

impl PartialEq for ServerSubjectRef {
    fn eq(&self, other: &Self) -> bool {
        self.name() == other.name()
    }
}

impl Eq for ServerSubjectRef {}

impl fmt::Debug for ServerSubjectRef {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_tuple("ServerSubjectRef").field(&self.name()).finish()
    }
}

impl fmt::Display for ServerSubjectRef {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.pad(self.name())
    }
}
