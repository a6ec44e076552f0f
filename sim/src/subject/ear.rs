//! What the tap hears at the end of a server under test.

use std::cell::{Cell, RefCell};
use std::rc::Rc;

use postern_model::trace::Channel;

use crate::net::{Door, Head};
use crate::tap::Tap;

/// What the octets of the connection are at present.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Speech {
    /// SMTP, readable by anyone on the path.
    Clear,
    /// A handshake.
    Handshake,
    /// TLS, which is heard inside.
    Tls,
}

/// Hears what crosses a connection at the end of a server under test, and tells the tap.
pub(crate) struct Ear {
    tap: Rc<Tap>,
    door: Door,
    speech: Cell<Speech>,
    /// How the handshake began.
    head: RefCell<Head>,
}

impl Ear {
    pub(crate) fn new(tap: &Rc<Tap>, door: &Door) -> Rc<Self> {
        Rc::new(Self {
            tap: Rc::clone(tap),
            door: door.clone(),
            speech: Cell::new(Speech::Clear),
            head: RefCell::default(),
        })
    }

    pub(crate) fn tap(&self) -> &Tap {
        &self.tap
    }

    pub(crate) fn is_secured(&self) -> bool {
        self.speech.get() == Speech::Tls
    }

    pub(super) fn is_alive(&self) -> bool {
        self.door.is_alive()
    }

    pub(crate) fn begins_handshake(&self) {
        self.speech.set(Speech::Handshake);
    }

    /// How the handshake began that is over.
    pub(crate) fn ends_handshake(&self, is_secured: bool) -> Head {
        self.speech.set(match is_secured {
            true => Speech::Tls,
            false => Speech::Clear,
        });
        self.head.take()
    }

    pub(super) fn read(&self, octets: &[u8]) {
        match self.speech.get() {
            Speech::Clear if !octets.is_empty() => self.tap.received(octets, Channel::Clear),
            Speech::Handshake => self.head.borrow_mut().keep_read(octets),
            Speech::Clear | Speech::Tls => {}
        }
    }

    pub(super) fn wrote(&self, octets: &[u8]) {
        match self.speech.get() {
            Speech::Clear => self.tap.sent(octets, Channel::Clear),
            Speech::Handshake => self.head.borrow_mut().keep_written(octets),
            Speech::Tls => {}
        }
    }
}
