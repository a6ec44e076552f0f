//! A TCP stream, and what both of its ends know of each other's progress.

use std::cell::{Cell, RefCell};
use std::io;
use std::net::SocketAddr;
use std::pin::Pin;
use std::rc::Rc;
use std::task::{Context, Poll};

use postern_model::trace::{ConnectionId, End};
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};

use super::Network;

/// One end of a TCP connection.
pub struct Stream {
    network: Network,
    #[expect(clippy::disallowed_types, reason = "this is the stream that the door hands out")]
    tcp: turmoil::net::TcpStream,
    end: End,
    wire: Rc<Wire>,
    head: Option<Head>,
}

/// The first octets of each direction since they were asked for, as far as they tell what they are.
#[derive(Debug, Clone, Default)]
pub struct Head {
    /// What was read.
    pub read: Vec<u8>,
    /// What was written.
    pub written: Vec<u8>,
    /// Alerts in clear are not written at all.
    pub withholds_alerts: bool,
}

impl Head {
    pub(crate) fn keep_read(&mut self, octets: &[u8]) {
        keep(&mut self.read, octets);
    }

    pub(crate) fn keep_written(&mut self, octets: &[u8]) {
        keep(&mut self.written, octets);
    }
}

/// As much of a direction as [`Head`] keeps: the versions in a hello are among it.
const HEAD_OCTETS: usize = 16;

/// The content type of an alert (RFC 8446 §5.1).
const ALERT: u8 = 21;

fn keep(head: &mut Vec<u8>, octets: &[u8]) {
    let room = HEAD_OCTETS.saturating_sub(head.len());
    head.extend(octets.iter().take(room));
}

/// How far the dialler of a connection has come.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum DiallerProgress {
    /// It has read all octets before this offset of what the acceptor sent.
    Read(u64),
    /// It has closed its end and will read no more.
    Closed,
}

type Watcher = Box<dyn FnMut(DiallerProgress)>;

/// What both ends of a connection share: the raw octets that each has read and written, TLS records included.
pub struct Wire {
    connection: ConnectionId,
    dialler: Counters,
    acceptor: Counters,
    watcher: RefCell<Option<Watcher>>,
    first_to_close: Cell<Option<End>>,
}

#[derive(Default)]
struct Counters {
    read: Cell<u64>,
    written: Cell<u64>,
}

impl Wire {
    pub(super) fn new(connection: ConnectionId) -> Self {
        Self {
            connection,
            dialler: Counters::default(),
            acceptor: Counters::default(),
            watcher: RefCell::default(),
            first_to_close: Cell::new(None),
        }
    }

    /// The number of the connection.
    pub fn connection(&self) -> ConnectionId {
        self.connection
    }

    /// How many octets this end has read.
    pub fn read(&self, end: End) -> u64 {
        self.counters(end).read.get()
    }

    /// How many octets this end has written.
    pub fn written(&self, end: End) -> u64 {
        self.counters(end).written.get()
    }

    /// The end that closed the connection before the other did, once one has.
    pub fn first_to_close(&self) -> Option<End> {
        self.first_to_close.get()
    }

    fn closes(&self, end: End) {
        self.first_to_close.set(self.first_to_close.get().or(Some(end)));
    }

    /// Has every progress of the dialler told to this watcher, at the moment that it is made. There is one watcher.
    pub fn watch_dialler(&self, watcher: impl FnMut(DiallerProgress) + 'static) {
        self.watcher.replace(Some(Box::new(watcher)));
    }

    fn counters(&self, end: End) -> &Counters {
        match end {
            End::Dialler => &self.dialler,
            End::Acceptor => &self.acceptor,
        }
    }

    fn tell(&self, progress: DiallerProgress) {
        // Taken out while it is called: it may well look at this wire.
        let watcher = self.watcher.take();
        if let Some(mut watcher) = watcher {
            watcher(progress);
            self.watcher.borrow_mut().get_or_insert(watcher);
        }
    }
}

impl Stream {
    #[expect(clippy::disallowed_types, reason = "this is the stream that the door hands out")]
    pub(super) fn new(network: Network, tcp: turmoil::net::TcpStream, end: End, wire: Rc<Wire>) -> Self {
        Self {
            network,
            tcp,
            end,
            wire,
            head: None,
        }
    }

    /// From here on the first octets of each direction are kept.
    pub fn keep_head(&mut self, withholds_alerts: bool) {
        self.head = Some(Head {
            withholds_alerts,
            ..Head::default()
        });
    }

    /// What was kept; nothing more is.
    pub fn take_head(&mut self) -> Head {
        self.head.take().unwrap_or_default()
    }

    /// What both ends share.
    pub fn wire(&self) -> &Rc<Wire> {
        &self.wire
    }

    /// Which end this is.
    pub fn end(&self) -> End {
        self.end
    }

    /// The address of the other end.
    ///
    /// # Errors
    /// Never in the simulated network.
    pub fn peer_address(&self) -> io::Result<SocketAddr> {
        self.tcp.peer_addr()
    }
}

impl AsyncRead for Stream {
    fn poll_read(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let before = buffer.filled().len();
        let poll = Pin::new(&mut self.tcp).poll_read(context, buffer);
        let octets = (buffer.filled().len() - before) as u64;
        if octets > 0 {
            if let Some(head) = &mut self.head {
                head.keep_read(&buffer.filled()[before..]);
            }
            let read = &self.wire.counters(self.end).read;
            read.set(read.get() + octets);
            if self.end == End::Dialler {
                self.wire.tell(DiallerProgress::Read(read.get()));
            }
        }
        poll
    }
}

impl AsyncWrite for Stream {
    fn poll_write(mut self: Pin<&mut Self>, context: &mut Context<'_>, octets: &[u8]) -> Poll<io::Result<usize>> {
        if let Some(head) = &mut self.head
            && head.withholds_alerts
            && octets.first() == Some(&ALERT)
        {
            return Poll::Ready(Ok(octets.len()));
        }
        let poll = Pin::new(&mut self.tcp).poll_write(context, octets);
        if let Poll::Ready(Ok(count)) = poll {
            if let Some(head) = &mut self.head {
                head.keep_written(&octets[..count]);
            }
            let written = &self.wire.counters(self.end).written;
            written.set(written.get() + count as u64);
            self.network
                .hash(self.tcp.local_addr()?, self.tcp.peer_addr()?, &octets[..count]);
        }
        poll
    }

    fn poll_flush(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.tcp).poll_flush(context)
    }

    /// Closing twice is no error, as with a real socket.
    fn poll_shutdown(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        self.wire.closes(self.end);
        match Pin::new(&mut self.tcp).poll_shutdown(context) {
            Poll::Ready(Err(error)) if error.kind() == io::ErrorKind::NotConnected => Poll::Ready(Ok(())),
            poll => poll,
        }
    }
}

impl Drop for Stream {
    fn drop(&mut self) {
        self.wire.closes(self.end);
        if self.end == End::Dialler {
            self.wire.tell(DiallerProgress::Closed);
        }
    }
}
