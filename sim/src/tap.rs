//! The tap: records in the trace what arrived at the other end of every SMTP connection, clear or TLS.
//!
//! The acceptor's end does the recording, because it is the end whose view a judge can trust: there a command is
//! recorded when it was read, in clear or decrypted. A reply is recorded when the dialler has read the octets that
//! carry it, which the wire counts, whatever TLS the dialler runs on top.

use std::cell::{Cell, RefCell};
use std::collections::{BTreeMap, VecDeque};
use std::rc::Rc;

use postern_model::name::{DomainName, Token};
use postern_model::trace::{
    Channel, ConnectionId, End, Event, HelloAnswer, HelloForm, LogEntry, NotConnected, Presented, Trace,
};

use crate::net::{DiallerProgress, Network, Stream, Wire};

/// Longer lines are cut here: hostile octets must not fill the trace.
const LINE_OCTETS_MAX: usize = 4096;

/// The writer of the trace, one for a run.
pub(crate) struct Recorder {
    network: Network,
    trace: RefCell<Trace>,
    calls: RefCell<BTreeMap<ConnectionId, Call>>,
    /// The taps whose dialler has not let go yet: what the acceptor sent last is read after the acceptor has gone.
    taps: RefCell<BTreeMap<ConnectionId, Rc<Tap>>>,
    notifications: RefCell<BTreeMap<Token, u32>>,
    sessions: Cell<u64>,
}

impl Recorder {
    pub(crate) fn new(network: Network) -> Self {
        Self {
            network,
            trace: RefCell::default(),
            calls: RefCell::default(),
            taps: RefCell::default(),
            notifications: RefCell::default(),
            sessions: Cell::new(0),
        }
    }

    /// Appends an event at the present simulated time.
    pub(crate) fn record(&self, event: Event) {
        tracing::debug!(?event);
        self.trace.borrow_mut().push(self.network.now(), event);
    }

    pub(crate) fn log(&self, host: &DomainName, entry: LogEntry) {
        self.record(Event::Logged {
            host: host.clone(),
            entry,
        });
    }

    /// A client, or the attacker in its name, begins to dial.
    pub(crate) fn dialled(&self, from: &DomainName, to: &DomainName, relays: Option<ConnectionId>) -> ConnectionId {
        let connection = self.network.next_connection();
        let call = Call {
            from: from.clone(),
            by_attacker: relays.is_some(),
        };
        self.calls.borrow_mut().insert(connection, call);
        self.record(Event::Dialled {
            connection,
            from: from.clone(),
            to: to.clone(),
            relays,
        });
        connection
    }

    /// Who dialled a connection, or in whose name the attacker did.
    pub(crate) fn dialler(&self, connection: ConnectionId) -> Option<DomainName> {
        self.calls.borrow().get(&connection).map(|call| call.from.clone())
    }

    pub(crate) fn not_connected(&self, connection: ConnectionId, why: NotConnected) {
        self.record(Event::NotConnected { connection, why });
    }

    /// The dialled connection stands. The guard records its end when the dialler lets go of it.
    pub(crate) fn connected(self: &Rc<Self>, connection: ConnectionId, intercepted: bool) -> Dialled {
        let by_attacker = self
            .calls
            .borrow()
            .get(&connection)
            .is_some_and(|call| call.by_attacker);
        self.sessions.set(self.sessions.get() + u64::from(!by_attacker));
        self.record(Event::Connected {
            connection,
            intercepted,
        });
        Dialled {
            recorder: Rc::clone(self),
            connection,
        }
    }

    /// A token for one more notification about this message.
    pub(crate) fn notification_token(&self, about: &Token) -> Token {
        let mut notifications = self.notifications.borrow_mut();
        let number = notifications.entry(about.clone()).or_default();
        *number += 1;
        let stem: String = about.as_str().chars().take(100).collect();
        format!("{stem}.dsn{number}").parse().unwrap_or_else(|_| about.clone())
    }

    /// How many connections stood so far, not counting those that the attacker dialled.
    pub(crate) fn sessions(&self) -> u64 {
        self.sessions.get()
    }

    /// The trace, at the end of the run.
    pub(crate) fn take_trace(&self) -> Trace {
        self.taps.take();
        self.trace.take()
    }
}

struct Call {
    from: DomainName,
    by_attacker: bool,
}

/// Held by the dialler while its connection stands.
pub(crate) struct Dialled {
    recorder: Rc<Recorder>,
    connection: ConnectionId,
}

impl Dialled {
    pub(crate) fn connection(&self) -> ConnectionId {
        self.connection
    }
}

impl Drop for Dialled {
    fn drop(&mut self) {
        let tap = self.recorder.taps.borrow_mut().remove(&self.connection);
        if let Some(by) = tap.as_ref().and_then(|tap| tap.wire.first_to_close()) {
            self.recorder.record(Event::HungUp {
                connection: self.connection,
                by,
            });
        }
        let lost = tap
            .map(|tap| tap.unread.take().into_iter().map(|reply| reply.text).collect())
            .unwrap_or_default();
        self.recorder.record(Event::Closed {
            connection: self.connection,
            lost,
        });
    }
}

/// The tap at the acceptor's end of one connection.
pub(crate) struct Tap {
    recorder: Rc<Recorder>,
    wire: Rc<Wire>,
    connection: Cell<ConnectionId>,
    commands: RefCell<LineBuffer>,
    /// The last command was DATA: 354 begins the content.
    asked_for_data: Cell<bool>,
    content: RefCell<Option<LineBuffer>>,
    replies: RefCell<LineBuffer>,
    unread: RefCell<VecDeque<UnreadReply>>,
    /// See [`Tap::injects`].
    injected: Cell<u64>,
    /// The dialler speaks TLS where nobody gave it the go-ahead.
    handshake_unasked: Cell<bool>,
}

struct UnreadReply {
    end_offset: u64,
    channel: Channel,
    text: String,
}

impl Tap {
    /// Taps a connection that was just accepted.
    pub(crate) fn accepted(recorder: &Rc<Recorder>, stream: &Stream) -> Rc<Self> {
        let wire = Rc::clone(stream.wire());
        let connection = wire.connection();
        let tap = Rc::new(Self {
            recorder: Rc::clone(recorder),
            wire: Rc::clone(&wire),
            connection: Cell::new(connection),
            commands: RefCell::default(),
            asked_for_data: Cell::new(false),
            content: RefCell::default(),
            replies: RefCell::default(),
            unread: RefCell::default(),
            injected: Cell::new(0),
            handshake_unasked: Cell::new(false),
        });
        recorder.taps.borrow_mut().insert(connection, Rc::clone(&tap));
        let hook = Rc::downgrade(&tap);
        wire.watch_dialler(move |progress| {
            if let (DiallerProgress::Read(offset), Some(tap)) = (progress, hook.upgrade()) {
                tap.dialler_has_read(offset);
            }
        });
        tap
    }

    pub(crate) fn connection(&self) -> ConnectionId {
        self.connection.get()
    }

    /// From here on the attacker passes everything on unread: what happens on its own connection to the server
    /// happens on the client's. What the attacker has read of the server's octets counts no more, but what the client has:
    /// `since` of them, the last included that lies before, were the attacker's to read.
    pub(crate) fn report_as(recorder: &Recorder, relaying: ConnectionId, client: &Rc<Self>, since: u64) {
        let Some(tap) = recorder.taps.borrow().get(&relaying).cloned() else {
            return;
        };
        tap.connection.set(client.connection());
        tap.wire.watch_dialler(|_| {});
        let before = client.wire.written(End::Acceptor);
        let (own, relayed) = (Rc::downgrade(client), Rc::downgrade(&tap));
        client.wire.watch_dialler(move |progress| {
            let DiallerProgress::Read(offset) = progress else {
                return;
            };
            if let Some(own) = own.upgrade() {
                own.dialler_has_read(offset);
                let of_server = offset.saturating_sub(before + own.injected.get());
                if let Some(relayed) = relayed.upgrade() {
                    relayed.dialler_has_read(since + of_server);
                }
            }
        });
    }

    /// The attacker sends the dialler so many octets beside those of the server.
    pub(crate) fn injects(&self, octets: usize) {
        self.injected.set(self.injected.get() + octets as u64);
    }

    /// How many octets of the acceptor the dialler has read, as the wire counts.
    pub(crate) fn read_by_dialler(recorder: &Recorder, connection: ConnectionId) -> u64 {
        let taps = recorder.taps.borrow();
        taps.get(&connection).map_or(0, |tap| tap.wire.read(End::Dialler))
    }

    /// The acceptor has read these octets.
    pub(crate) fn received(&self, octets: &[u8], channel: Channel) {
        if channel == Channel::Clear && self.is_handshake_unasked(octets) {
            return;
        }
        for &octet in octets {
            let content_is_over = {
                let mut content = self.content.borrow_mut();
                match content.as_mut() {
                    Some(lines) => match lines.push(octet) {
                        Some(line) if line == b"." => true,
                        Some(line) => {
                            lines.keep(&line);
                            continue;
                        }
                        None => continue,
                    },
                    None => false,
                }
            };
            let connection = self.connection.get();
            if content_is_over {
                let lines = self.content.take().unwrap_or_default();
                self.recorder.record(Event::Content {
                    connection,
                    channel,
                    text: lines.kept,
                });
            } else if let Some(line) = self.commands.borrow_mut().push(octet) {
                self.asked_for_data
                    .set(line.trim_ascii_end().eq_ignore_ascii_case(b"DATA"));
                let text = line.escape_ascii().to_string();
                self.recorder.record(Event::Line {
                    connection,
                    from: End::Dialler,
                    channel,
                    text,
                });
            }
        }
    }

    /// Whether these octets begin a TLS record in place of a command, or follow on one that did.
    fn is_handshake_unasked(&self, octets: &[u8]) -> bool {
        const HANDSHAKE: u8 = 22;
        let awaits_command = self.content.borrow().is_none() && self.commands.borrow().line.is_empty();
        if !self.handshake_unasked.get() && awaits_command && octets.first() == Some(&HANDSHAKE) {
            self.handshake_unasked.set(true);
            self.recorder.record(Event::HandshakeUnasked {
                connection: self.connection.get(),
            });
        }
        self.handshake_unasked.get()
    }

    /// The acceptor has sent these octets, and they have left it.
    pub(crate) fn sent(&self, octets: &[u8], channel: Channel) {
        let end_offset = self.wire.written(End::Acceptor);
        for &octet in octets {
            if let Some(line) = self.replies.borrow_mut().push(octet) {
                if line.starts_with(b"354") && self.asked_for_data.take() {
                    *self.content.borrow_mut() = Some(LineBuffer::default());
                }
                let text = line.escape_ascii().to_string();
                self.unread.borrow_mut().push_back(UnreadReply {
                    end_offset,
                    channel,
                    text,
                });
            }
        }
    }

    /// The acceptor's handshake is complete.
    pub(crate) fn secured(&self, certificate: Presented) {
        self.recorder.record(Event::Secured {
            connection: self.connection.get(),
            certificate,
        });
    }

    /// In that handshake the client showed a certificate.
    pub(crate) fn client_presented(&self, certificate: Presented) {
        self.recorder.record(Event::ClientPresented {
            connection: self.connection.get(),
            certificate,
        });
    }

    /// The handshake was given up because of what the client showed.
    pub(crate) fn client_refused(&self, certificate: Presented) {
        self.recorder.record(Event::ClientRefused {
            connection: self.connection.get(),
            certificate,
        });
    }

    /// The acceptor read a hello and answered it so, and that was not the beginning of an ordinary handshake.
    pub(crate) fn hello(&self, form: HelloForm, answer: HelloAnswer) {
        self.recorder.record(Event::Hello {
            connection: self.connection.get(),
            form,
            answer,
        });
    }

    /// The host that dialled the connection, or in whose name the attacker did.
    pub(crate) fn dialler(&self) -> Option<DomainName> {
        self.recorder.dialler(self.connection.get())
    }

    /// One end gave up the handshake.
    pub(crate) fn not_secured(&self, by: End, why: String) {
        self.recorder.record(Event::NotSecured {
            connection: self.connection.get(),
            by,
            why,
        });
    }

    fn dialler_has_read(&self, offset: u64) {
        loop {
            let mut unread = self.unread.borrow_mut();
            if unread.front().is_none_or(|reply| reply.end_offset > offset) {
                return;
            }
            let Some(UnreadReply { channel, text, .. }) = unread.pop_front() else {
                return;
            };
            drop(unread);
            let connection = self.connection.get();
            self.recorder.record(Event::Line {
                connection,
                from: End::Acceptor,
                channel,
                text,
            });
        }
    }
}

/// Cuts octets into lines at LF, dropping the CR before it.
#[derive(Default)]
struct LineBuffer {
    line: Vec<u8>,
    kept: String,
}

impl LineBuffer {
    fn push(&mut self, octet: u8) -> Option<Vec<u8>> {
        if octet != b'\n' && self.line.len() < LINE_OCTETS_MAX {
            self.line.push(octet);
            return None;
        }
        if self.line.last() == Some(&b'\r') {
            self.line.pop();
        }
        Some(std::mem::take(&mut self.line))
    }

    /// Keeps a line of content, its leading dot unstuffed.
    fn keep(&mut self, line: &[u8]) {
        let line = line.strip_prefix(b".").unwrap_or(line);
        if self.kept.len() < 64 * LINE_OCTETS_MAX {
            self.kept.push_str(&String::from_utf8_lossy(line));
            self.kept.push('\n');
        }
    }
}
