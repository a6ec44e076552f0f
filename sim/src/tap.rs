//! The tap: records in the trace what arrived at the other end of every SMTP connection, clear or TLS.
//!
//! The acceptor's end does the recording, because it is the end whose view a judge can trust: there a command is
//! recorded when it was read, in clear or decrypted. A reply is recorded when the dialler has read the octets that
//! carry it, which the wire counts, whatever TLS the dialler runs on top.

mod line_buffer;

use std::cell::{Cell, RefCell};
use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::net::Ipv4Addr;
use std::rc::Rc;

use postern_model::mta::delivery::Decision;
use postern_model::name::{DomainName, Token};
use postern_model::trace::{
    Channel, ConnectionId, End, Event, HelloAnswer, HelloForm, LogEntry, NotConnected, Presented, Trace,
};

use self::line_buffer::{Cut, LineBuffer};
use crate::net::{DiallerProgress, Network, Stream, Wire};

/// More than this is not kept of what comes behind DATA before its answer.
const HELD_OCTETS_MAX: usize = 1 << 16;

/// The writer of the trace, one for a run.
pub(crate) struct Recorder {
    network: Network,
    trace: RefCell<Trace>,
    calls: RefCell<BTreeMap<ConnectionId, Call>>,
    /// The taps whose dialler has not let go yet: what the acceptor sent last is read after the acceptor has gone.
    taps: RefCell<BTreeMap<ConnectionId, Rc<Tap>>>,
    notifications: RefCell<BTreeMap<Token, u32>>,
    sessions: Cell<u64>,
    decisions: RefCell<BTreeSet<Decision>>,
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
            decisions: RefCell::default(),
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
    pub(crate) fn dialled(
        &self,
        from: &DomainName,
        to: &DomainName,
        address: Ipv4Addr,
        relays: Option<ConnectionId>,
    ) -> ConnectionId {
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
            address: address.into(),
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

    /// A delivery machine is about to decide.
    pub(crate) fn decides(&self, decision: Decision) {
        self.decisions.borrow_mut().insert(decision);
    }

    /// What was decided, at the end of the run.
    pub(crate) fn take_decisions(&self) -> BTreeSet<Decision> {
        self.decisions.take()
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
    content: RefCell<Option<LineBuffer>>,
    /// How many replies the acceptor owes.
    owed: Cell<usize>,
    /// The codes of replies that came before the commands that the dialler takes them for answers to.
    early: RefCell<VecDeque<Vec<u8>>>,
    /// How many replies the acceptor owes up to the one to STARTTLS.
    owed_to_starttls: Cell<Option<usize>>,
    /// STARTTLS was answered by 220.
    has_go_ahead: Cell<bool>,
    /// What came behind DATA and is commands or content, as the answer to DATA will say.
    held: RefCell<Option<Held>>,
    replies: RefCell<LineBuffer>,
    unread: RefCell<VecDeque<UnreadReply>>,
    /// See [`Tap::breaks_off`].
    sense_ends: Cell<Option<u64>>,
    /// The dialler speaks TLS where nobody gave it the go-ahead.
    handshake_unasked: Cell<bool>,
    /// The octet of the dialler that was taken last.
    last_octet: Cell<u8>,
    bare_line_end: Cell<bool>,
}

struct Held {
    /// How many replies the acceptor owes up to the one to DATA.
    owed: usize,
    octets: Vec<(u8, Channel)>,
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
            content: RefCell::default(),
            // The greeting.
            owed: Cell::new(1),
            early: RefCell::default(),
            owed_to_starttls: Cell::new(None),
            has_go_ahead: Cell::new(false),
            held: RefCell::default(),
            replies: RefCell::default(),
            unread: RefCell::default(),
            sense_ends: Cell::new(None),
            handshake_unasked: Cell::new(false),
            last_octet: Cell::new(0),
            bare_line_end: Cell::new(false),
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

    /// Whether the acceptor of a connection has answered STARTTLS by 220.
    pub(crate) fn is_asked_to_shake_hands(recorder: &Recorder, connection: ConnectionId) -> bool {
        let taps = recorder.taps.borrow();
        taps.get(&connection).is_some_and(|tap| tap.has_go_ahead())
    }

    /// The dialler may begin a handshake: its STARTTLS was answered by 220.
    pub(crate) fn has_go_ahead(&self) -> bool {
        self.has_go_ahead.get()
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
                let of_server = own.sensible(offset).saturating_sub(before);
                if let Some(relayed) = relayed.upgrade() {
                    relayed.dialler_has_read(since + of_server);
                }
            }
        });
    }

    /// The attacker sends the dialler octets of its own among those of the server's TLS, behind so many more of them. From
    /// there on the dialler can make sense of nothing: a reply whose record was not whole by then is never read.
    pub(crate) fn breaks_off(&self, behind: usize) {
        let place = self.wire.written(End::Acceptor) + behind as u64;
        self.sense_ends.set(self.sense_ends.get().or(Some(place)));
    }

    /// How many octets the dialler can have made sense of that has read so many.
    fn sensible(&self, read: u64) -> u64 {
        self.sense_ends.get().map_or(read, |end| read.min(end))
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
            match self.held.borrow_mut().as_mut() {
                Some(held) if held.octets.len() < HELD_OCTETS_MAX => {
                    held.octets.push((octet, channel));
                    continue;
                }
                Some(_) => continue,
                None => {}
            }
            self.take(octet, channel);
        }
    }

    /// Takes an octet of the dialler, as content or as part of a command.
    fn take(&self, octet: u8, channel: Channel) {
        let connection = self.connection.get();
        let is_behind_cr = self.last_octet.replace(octet) == b'\r';
        if is_behind_cr != (octet == b'\n') && !self.bare_line_end.replace(true) {
            self.recorder.record(Event::BareLineEnd { connection, channel });
        }
        if let Some(lines) = self.content.borrow_mut().as_mut() {
            match lines.push(octet) {
                Some(line) if line.is_whole && line.octets == b"." => {}
                Some(line) => return lines.keep(&line.octets),
                None => return,
            }
        } else {
            let Some(line) = self.commands.borrow_mut().push(octet).filter(|cut| cut.is_first) else {
                return;
            };
            self.owed.set(self.owed.get() + 1);
            let early = self.early.borrow_mut().pop_front();
            if line.octets.trim_ascii().eq_ignore_ascii_case(b"STARTTLS") {
                self.owed_to_starttls.set(Some(self.owed.get()));
                self.has_go_ahead.set(false);
            }
            if line.octets.trim_ascii().eq_ignore_ascii_case(b"DATA") {
                *self.held.borrow_mut() = Some(Held {
                    owed: self.owed.get(),
                    octets: Vec::new(),
                });
            }
            self.said(&line.octets, channel);
            if let Some(reply) = early {
                self.answered(&reply, channel);
            }
            return;
        }
        let lines = self.content.take().unwrap_or_default();
        let has_early = self.early.borrow_mut().pop_front().is_some();
        self.owed.set(self.owed.get() + usize::from(!has_early));
        self.recorder.record(Event::Content {
            connection,
            channel,
            text: lines.kept,
        });
    }

    /// A command of the dialler.
    fn said(&self, line: &[u8], channel: Channel) {
        self.recorder.record(Event::Line {
            connection: self.connection.get(),
            from: End::Dialler,
            channel,
            text: line.escape_ascii().to_string(),
        });
    }

    /// The acceptor has answered. The answer to DATA says what it was that came behind it.
    ///
    /// Where it owed nothing, it has refused a line that has not ended yet: one that is too long, or has a CR or LF that
    /// stands alone. That line is recorded as far as it came, before its answer, and what follows of it is none. 421 answers
    /// no line.
    fn answered(&self, reply: &[u8], channel: Channel) {
        if self.owed.get() == 0 && !reply.starts_with(b"421") && self.content.borrow().is_none() {
            let line = self.commands.borrow_mut().cut_off();
            if let Some(line) = line {
                return self.said(&line, channel);
            }
        }
        if self.owed.get() == 0 && !reply.starts_with(b"421") {
            return self.early.borrow_mut().push_back(reply.to_vec());
        }
        self.owed.set(self.owed.get().saturating_sub(1));
        if let Some(owed) = self.owed_to_starttls.take() {
            match owed.saturating_sub(1) {
                0 => self.has_go_ahead.set(reply.starts_with(b"220")),
                owed => self.owed_to_starttls.set(Some(owed)),
            }
        }
        let is_go_ahead = reply.starts_with(b"354");
        let released = {
            let mut held = self.held.borrow_mut();
            if let Some(held) = held.as_mut() {
                held.owed = held.owed.saturating_sub(1);
            }
            held.take_if(|held| held.owed == 0 || is_go_ahead)
        };
        let Some(released) = released else { return };
        if is_go_ahead {
            *self.content.borrow_mut() = Some(LineBuffer::default());
        }
        for (octet, channel) in released.octets {
            self.received(&[octet], channel);
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
            let line = self.replies.borrow_mut().push(octet);
            if let Some(Cut { octets: line, .. }) = line {
                if line.get(3) != Some(&b'-') {
                    self.answered(&line, channel);
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
        // What came before in clear and was not answered is void (RFC 3207 §4.2).
        self.owed.set(0);
        self.early.take();
        self.held.take();
        self.commands.take();
        self.last_octet.set(0);
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

#[cfg(test)]
mod tests;
