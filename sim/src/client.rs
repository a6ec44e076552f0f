//! The client side of an MTA: one session with one host, by the client under test.

use std::net::SocketAddr;
use std::rc::Rc;
use std::time::Duration;

use postern_model::mta::client::{Client, Envelope, Plan};
use postern_model::mta::delivery::{HopId, Input as Fact, JobId, Proof};
use postern_model::mta::policy::TlsUse;
use postern_model::mta::session::{Input, Listing, Note, Outcome, Output, TlsRequest, Transaction};
use postern_model::mta::timer::Timer;
use postern_model::mutant::Mutant;
use postern_model::name::{DomainName, ReversePath};
use postern_model::scenario::{Handshake, Hello, Phase, Security};
use postern_model::trace::{Answer, Channel, End, Event, HelloAnswer, NotConnected, Question};
use tokio::io::{AsyncReadExt, AsyncWriteExt};

use crate::crypto::{self, Verify};
use crate::mta::{Mail, Mta};
use crate::net::{Door, Stream};
use crate::random;
use crate::session::{Conversation, Party, TlsStream, converse};
use crate::subject::{Connection, Glue, Letter, Session, Subject};
use crate::tap::Dialled;
use crate::world::{Site, Way};

/// One session that sends one message.
#[derive(Clone, Copy)]
pub(crate) struct Errand<'a> {
    pub(crate) mta: &'a Rc<Mta>,
    pub(crate) job: JobId,
    pub(crate) mail: &'a Mail,
    pub(crate) attempt: u16,
    pub(crate) exchanger: &'a DomainName,
    pub(crate) tls: TlsUse,
}

/// What came of sending a message.
pub(crate) struct Sent {
    pub(crate) outcome: Outcome,
    /// The reply or the event that led to it.
    pub(crate) because: String,
    /// The session, if it stands open for more mail.
    pub(crate) kept: Option<KeptSession>,
}

impl Sent {
    /// There was no session.
    pub(crate) fn not_connected(because: String) -> Self {
        Self {
            outcome: Outcome::ConnectionFailed,
            because,
            kept: None,
        }
    }
}

/// A session that stands open after its message.
pub(crate) struct KeptSession {
    conversation: Conversation,
    machine: Client,
    dialled: Dialled,
    /// The next hop that the certificate was checked for, if it was.
    authenticated: Option<DomainName>,
}

impl KeptSession {
    /// What the session proved, and for which next hop: the one that it was opened for.
    pub(crate) fn proof(&self, hop: impl FnOnce(&DomainName) -> HopId) -> Proof {
        match (self.machine.is_secured(), &self.authenticated) {
            (false, _) => Proof::Clear,
            (true, None) => Proof::Encrypted,
            (true, Some(next_hop)) => Proof::Authenticated(hop(next_hop)),
        }
    }

    /// Sends another message.
    pub(crate) async fn send(self, errand: Errand<'_>) -> Sent {
        let Self {
            conversation,
            mut machine,
            dialled,
            authenticated,
        } = self;
        // What was proved of another next hop is nothing to this one (R7435-3-d).
        let is_proved = authenticated.as_ref() == Some(&errand.mail.next_hop);
        errand.mail.security.set(match (machine.is_secured(), is_proved) {
            (false, _) => Security::Clear,
            (true, false) => Security::Encrypted,
            (true, true) => Security::Authenticated,
        });
        machine.send_another(envelope_of(errand.mta, errand.mail), errand.mail.content.clone());
        let sender = Sender::new(errand, machine, dialled);
        sender
            .converse(async |sender| conversation.go_on(sender).await, authenticated)
            .await
    }

    /// Takes leave.
    pub(crate) async fn quit(self, door: &Door) {
        let connection = self.dialled.connection();
        let mut leaver = Leaver(self.machine);
        leaver.0.quit();
        door.serving(connection, self.conversation.go_on(&mut leaver)).await;
        drop(self.dialled);
    }
}

/// Sends a message over a connection that stands; what came of it, and the reply or event that led to it.
pub(crate) async fn send(errand: Errand<'_>, stream: Stream, dialled: Dialled) -> Sent {
    let Errand {
        mta,
        mail,
        exchanger,
        tls,
        ..
    } = errand;
    match mta.world.client {
        crate::Client::Postern => {
            let plan = Plan {
                helo_name: mta.name.clone(),
                exchanger: exchanger.clone(),
                next_hop: mail.next_hop.clone(),
                tls,
                envelope: envelope_of(mta, mail),
                content: mail.content.clone(),
                keep: mta.keeps_sessions(),
                mutant: mta.world.mutant,
            };
            let sender = Sender::new(errand, Client::new(plan), dialled);
            let authenticated = (tls == TlsUse::Authenticated).then(|| mail.next_hop.clone());
            sender
                .converse(async |sender| converse(&mta.door, stream, sender).await, authenticated)
                .await
        }
        crate::Client::Subject(subject) => send_by(subject, errand, stream, dialled).await,
    }
}

/// Lets a client that nobody here wrote have the session.
async fn send_by(subject: Subject, errand: Errand<'_>, stream: Stream, dialled: Dialled) -> Sent {
    let Errand {
        mta,
        mail,
        exchanger,
        tls,
        ..
    } = errand;
    let connection = dialled.connection();
    let letter = Letter {
        helo_name: &mta.name,
        exchanger,
        next_hop: &mail.next_hop,
        tls,
        from: &mail.from,
        to: &mail.to,
        content: &mail.content,
    };
    let session = Session::new(&mta.door, mta.world.crypto, letter, &errand);
    let foreign = mta.door.foreign_code();
    let randomness = mta.door.random(&format!("tls client {}", connection.0));
    let sending = random::seeded(randomness, subject.0.send(Connection::new(stream), &session));
    let report = mta.door.serving(connection, sending).await;
    drop(foreign);
    mta.world.recorder.record(Event::Told {
        connection,
        claim: report.claim(),
    });
    drop(dialled);
    Sent {
        outcome: session.outcome(&report),
        because: format!("{subject}: {}", report.claim().words),
        kept: None,
    }
}

/// A null reverse path stays null (R5321-4.5.5-a).
fn envelope_of(mta: &Mta, mail: &Mail) -> Envelope {
    let from = match (&mail.from, mta.world.mutant) {
        (ReversePath::Null, Some(Mutant::ReplacesNullReversePath)) => ReversePath::Mailbox(mta.own_mailbox()),
        (from, _) => from.clone(),
    };
    Envelope {
        from,
        to: mail.to.clone(),
        request: mail.request.clone(),
    }
}

/// Where a dial goes.
#[derive(Clone, Copy)]
pub(crate) struct Located {
    site: Site,
    /// How many addresses the host has.
    pub(crate) addresses: u8,
}

/// Looks up a host's addresses, and takes the one at this place.
///
/// # Errors
/// One line for the log when there is none.
pub(crate) async fn locate(mta: &Mta, exchanger: &DomainName, place: u8) -> Result<Located, String> {
    let addresses = match mta.ask(Question::Address(exchanger.clone())).await {
        Answer::Addresses(addresses) => addresses,
        _ => Vec::new(),
    };
    let address = addresses.get(usize::from(place));
    let located = address.and_then(|address| {
        Some(Located {
            site: mta.world.site_at(*address)?,
            addresses: u8::try_from(addresses.len()).unwrap_or(u8::MAX),
        })
    });
    located.ok_or_else(|| format!("Host or domain name not found. Name service error for {exchanger}"))
}

/// Dials a host, wherever the attacker lets the dial lead.
///
/// # Errors
/// One line for the log when the connection is not made.
pub(crate) async fn connect(mta: &Mta, exchanger: &DomainName, located: Located) -> Result<(Stream, Dialled), String> {
    let site = located.site;
    let recorder = &mta.world.recorder;
    let connection = recorder.dialled(&mta.name, exchanger, site.address(), None);
    let dial = async |socket: SocketAddr| {
        mta.door
            .dial(connection, socket)
            .await
            .map_err(|_| NotConnected::Refused)
    };
    let (dial, intercepted) = match mta.world.way_to(site) {
        Way::Direct(socket) => (mta.door.timeout(Timer::Connect.duration(), dial(socket)).await, false),
        Way::Intercepted(socket) => (mta.door.timeout(Timer::Connect.duration(), dial(socket)).await, true),
        Way::Refused => {
            mta.door.sleep(Duration::ZERO).await;
            (Ok(Err(NotConnected::Refused)), true)
        }
        Way::Nowhere => {
            mta.door.sleep(Timer::Connect.duration()).await;
            (Ok(Err(NotConnected::TimedOut)), false)
        }
    };
    match dial.unwrap_or(Err(NotConnected::TimedOut)) {
        Ok(stream) => {
            let dialled = recorder.connected(connection, intercepted);
            Ok((stream, dialled))
        }
        Err(why) => {
            recorder.not_connected(connection, why);
            let reason = match why {
                NotConnected::Refused => "Connection refused",
                NotConnected::TimedOut => "Connection timed out",
            };
            Err(format!("connect to {exchanger}[{}]:25: {reason}", site.address()))
        }
    }
}

/// The project's own client in its session.
struct Sender<'a> {
    errand: Errand<'a>,
    machine: Client,
    dialled: Dialled,
    ended: Option<(Outcome, String)>,
    /// Why the handshake failed, in the words of TLS.
    handshake_failure: Option<String>,
    /// For how long the next command is held.
    hold: Duration,
}

impl<'a> Sender<'a> {
    fn new(errand: Errand<'a>, machine: Client, dialled: Dialled) -> Self {
        Self {
            errand,
            machine,
            dialled,
            ended: None,
            handshake_failure: None,
            hold: Duration::ZERO,
        }
    }

    async fn converse(
        mut self,
        conversation: impl AsyncFnOnce(&mut Self) -> Option<Conversation>,
        authenticated: Option<DomainName>,
    ) -> Sent {
        let connection = self.dialled.connection();
        let mta = self.errand.mta;
        let conversation = mta.door.serving(connection, conversation(&mut self)).await;
        let (outcome, because) = self.ended.unwrap_or_else(|| {
            tracing::error!("the client session ended without a result");
            (
                Outcome::ConnectionFailed,
                String::from("the session ended without a result"),
            )
        });
        let kept = conversation.map(|conversation| KeptSession {
            conversation,
            machine: self.machine,
            dialled: self.dialled,
            authenticated,
        });
        Sent { outcome, because, kept }
    }
}

/// A client that takes leave on a session that was kept.
struct Leaver(Client);

impl Party for Leaver {
    fn handle(&mut self, input: Input<'_>) {
        self.0.handle(input);
    }

    fn poll(&mut self) -> Output {
        self.0.poll()
    }

    async fn listing(&mut self, _domain: DomainName) -> Listing {
        Listing::LookupFailed
    }

    async fn store(&mut self, _transaction: Transaction) -> bool {
        false
    }

    async fn handshake(&mut self, _request: TlsRequest, stream: Stream) -> Result<TlsStream, Option<Stream>> {
        Err(Some(stream))
    }

    fn note(&mut self, _note: Note) {}

    fn received(&mut self, _octets: &[u8], _channel: Channel) {}

    fn sent(&mut self, _octets: &[u8], _channel: Channel) {}
}

impl Party for Sender<'_> {
    fn handle(&mut self, input: Input<'_>) {
        if matches!(input, Input::Expired(Timer::Handshake)) {
            self.errand.mta.world.recorder.record(Event::NotSecured {
                connection: self.dialled.connection(),
                by: End::Dialler,
                why: "no answer in time".to_owned(),
            });
        }
        self.machine.handle(input);
    }

    fn poll(&mut self) -> Output {
        self.machine.poll()
    }

    fn lateness(&mut self) -> Duration {
        std::mem::take(&mut self.hold)
    }

    async fn listing(&mut self, _domain: DomainName) -> Listing {
        Listing::LookupFailed
    }

    async fn store(&mut self, _transaction: Transaction) -> bool {
        false
    }

    async fn handshake(&mut self, request: TlsRequest, stream: Stream) -> Result<TlsStream, Option<Stream>> {
        let (verify, name) = match request {
            TlsRequest::Authenticated(name) => (Verify::Authority, name),
            TlsRequest::Anyone(name) => (Verify::Anyone, name),
            TlsRequest::Accept => return Err(Some(stream)),
        };
        let connection = self.dialled.connection();
        let mta = self.errand.mta;
        let verify = match (verify, mta.world.mutant) {
            (Verify::Authority, Some(Mutant::IgnoresExpiry)) => Verify::AuthorityAtAnyTime,
            (verify, _) => verify,
        };
        let own = mta.world.host(mta.index).handshake;
        let hello = match mta.world.mutant {
            Some(Mutant::SendsOldHello) => Hello::Sslv2,
            _ => own.hello,
        };
        if let Some(octets) = crypto::hello::scripted(hello) {
            return Err(Some(self.say_hello(stream, &octets).await));
        }
        let config = match own == Handshake::default() {
            true => crypto::client_config(mta.world.crypto, verify),
            false => {
                let shown = mta.world.client_certificate(mta.index).map(|issued| issued.key());
                crypto::client_config_of(mta.world.crypto, verify, own, shown)
            }
        };
        let random = mta.door.random(&format!("tls client {}", connection.0));
        match crypto::connect(stream, config, &name, random).await {
            Ok(stream) => {
                self.errand.secured();
                Ok(stream.into())
            }
            Err((why, stream)) => {
                self.handshake_failure = Some(why.clone());
                self.errand.mta.world.recorder.record(Event::NotSecured {
                    connection,
                    by: End::Dialler,
                    why,
                });
                Err(Some(stream))
            }
        }
    }

    fn note(&mut self, note: Note) {
        match note {
            Note::Phase(phase) => {
                self.errand.reached(phase);
                if phase == Phase::Mail {
                    self.hold = self.errand.held_for(phase);
                }
            }
            Note::WithoutTls(_) => self.errand.without_tls(),
            Note::Ended { outcome, because } => {
                let because = match self.handshake_failure.take() {
                    Some(why) => format!("{because}: {why}"),
                    None => because,
                };
                self.ended = Some((outcome, because));
            }
            Note::Misbehaved(what) => {
                tracing::warn!(host = %self.errand.exchanger, what, "the server broke the protocol");
            }
        }
    }

    fn received(&mut self, _octets: &[u8], _channel: Channel) {}

    fn sent(&mut self, _octets: &[u8], _channel: Channel) {}
}

impl Sender<'_> {
    /// Sends a hello that is not TLS's own, and reads what the server makes of it.
    async fn say_hello(&mut self, mut stream: Stream, octets: &[u8]) -> Stream {
        let mut answer = [0; 512];
        let count = match stream.write_all(octets).await {
            Ok(()) => stream.read(&mut answer).await.unwrap_or(0),
            Err(_) => 0,
        };
        let why = match crypto::hello::answer(&answer[..count]) {
            HelloAnswer::Alert(description) => format!("the server answers the hello by alert {description}"),
            HelloAnswer::Handshake => "the server answers the hello, which this client cannot go on from".to_owned(),
            HelloAnswer::Nothing => "the server closes the connection".to_owned(),
        };
        self.handshake_failure = Some(why.clone());
        self.errand.mta.world.recorder.record(Event::NotSecured {
            connection: self.dialled.connection(),
            by: End::Dialler,
            why,
        });
        stream
    }
}

impl Errand<'_> {
    fn held_for(&self, phase: Phase) -> Duration {
        self.mta.held_for(self.mail, self.attempt, self.exchanger, phase)
    }
}

/// What the queue learns of a session.
impl Glue for Errand<'_> {
    fn reached(&self, phase: Phase) {
        self.mta.reached(self.mail, self.attempt, self.exchanger, phase);
    }

    fn secured(&self) {
        self.mail.security.set(match self.tls {
            TlsUse::Authenticated => Security::Authenticated,
            TlsUse::Never | TlsUse::IfOffered | TlsUse::Required => Security::Encrypted,
        });
        self.mta.handle(Fact::Secured(self.job));
    }

    fn without_tls(&self) {
        self.mta.handle(Fact::WithoutTls(self.job));
    }
}
