//! What the code of one host may do to the world.

use std::cell::Cell;
use std::future::poll_fn;
use std::io;
use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::pin::pin;
use std::rc::Rc;
use std::time::Duration;

use postern_model::scenario::Clock;
use postern_model::trace::{ConnectionId, End};
use rand_chacha::ChaCha8Rng;
use tokio::sync::Notify;

use super::clock::{Place, Standing, shown_by};
use super::{Life, Network, Sleep, Stream, Task, Wire};
use crate::random;

/// A host that was woken listens after so many steps, or never will.
const STEPS_TO_START_MAX: usize = 4;

/// The way of one host to sockets, time, tasks and randomness. A clone is cheap and is the same door.
#[derive(Clone)]
pub struct Door {
    network: Network,
    host: Rc<str>,
    address: IpAddr,
    clock: Rc<Cell<Clock>>,
    connection: Option<ConnectionId>,
    life: Option<Life>,
}

/// The time that was allowed has passed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("the time allowed has passed")]
pub struct Elapsed;

impl Door {
    pub(super) fn new(network: Network, host: Rc<str>, address: IpAddr) -> Self {
        Self {
            clock: network.clock_of(&host),
            network,
            host,
            address,
            connection: None,
            life: None,
        }
    }

    /// The network that the host is on.
    pub fn network(&self) -> &Network {
        &self.network
    }

    /// The name of the host.
    pub fn host(&self) -> &str {
        &self.host
    }

    /// The address of the host.
    pub fn address(&self) -> IpAddr {
        self.address
    }

    /// The same door for code that serves this connection: what its tasks log bears the number.
    pub fn for_connection(&self, connection: ConnectionId) -> Self {
        Self {
            connection: Some(connection),
            ..self.clone()
        }
    }

    /// The same door for code that runs from a start of the host to its crash.
    pub fn living(&self, life: &Life) -> Self {
        Self {
            life: Some(life.clone()),
            ..self.clone()
        }
    }

    pub(super) fn life(&self) -> Option<&Life> {
        self.life.as_ref()
    }

    /// Whether the host has not crashed since the start that this door was made for.
    pub fn is_alive(&self) -> bool {
        self.life.as_ref().is_none_or(|life| !life.is_over())
    }

    /// Goes on if the host lives; else nothing that comes behind is ever done.
    pub async fn while_alive(&self) {
        if !self.is_alive() {
            std::future::pending::<()>().await;
        }
    }

    /// Runs a future as code that serves this connection: what it logs bears the number.
    pub async fn serving<F: Future>(&self, connection: ConnectionId, future: F) -> F::Output {
        let place = self.for_connection(connection).place();
        let mut future = pin!(future);
        poll_fn(|context| {
            let _standing = Standing::at(place.clone());
            future.as_mut().poll(context)
        })
        .await
    }

    pub(super) fn place(&self) -> Place {
        Place {
            host: Rc::clone(&self.host),
            connection: self.connection,
            clock: Rc::clone(&self.clock),
        }
    }

    /// The time since the start of the run. It never leaps.
    pub fn now(&self) -> Duration {
        self.network.now()
    }

    /// What the wall clock of the host shows, from the beginning of 1970.
    pub fn wall_clock(&self) -> Duration {
        shown_by(self.clock.get(), self.now())
    }

    /// Waits; for at least one step of the world, even if the duration is zero.
    pub fn sleep(&self, duration: Duration) -> Sleep {
        self.sleep_until(self.now().saturating_add(duration))
    }

    /// Waits for a time from the start of the run.
    pub fn sleep_until(&self, deadline: Duration) -> Sleep {
        Sleep::new(self.network.clone(), deadline)
    }

    /// Waits for a future, but no longer than this. What is ready at the deadline itself still counts.
    ///
    /// # Errors
    /// When the time has passed.
    pub async fn timeout<F: Future>(&self, duration: Duration, future: F) -> Result<F::Output, Elapsed> {
        let future = pin!(future);
        tokio::select! {
            biased;
            output = future => Ok(output),
            () = self.sleep(duration) => Err(Elapsed),
        }
    }

    /// Starts a task on this host. If it panics, the run fails.
    pub fn spawn<F: Future + 'static>(&self, future: F) -> Task<F::Output> {
        Task::spawn(self, future)
    }

    /// The stream of randomness that belongs to the seed, this host and this purpose, from its beginning.
    pub fn random(&self, purpose: &str) -> ChaCha8Rng {
        random::stream(self.network.seed(), &[&self.host, purpose])
    }

    /// Connects to a listener, which learns the number of the connection.
    ///
    /// # Errors
    /// `ConnectionRefused` if nobody listens there.
    #[expect(clippy::disallowed_types, reason = "this is the dial of the door")]
    pub async fn dial(&self, connection: ConnectionId, to: SocketAddr) -> io::Result<Stream> {
        // Hosts have their turns one after the other: a host that was woken listens a step or two later.
        for _ in 0..STEPS_TO_START_MAX {
            if !self.network.wake(to.ip()) {
                break;
            }
            self.sleep(Duration::ZERO).await;
        }
        let wire = Rc::new(Wire::new(connection));
        let _dial = PendingDial::new(self, to, Rc::clone(&wire));
        let tcp = turmoil::net::TcpStream::connect(to).await?;
        tcp.set_nodelay(true)?;
        Ok(Stream::new(self.network.clone(), tcp, End::Dialler, wire))
    }

    /// Takes connections to a port of this host.
    ///
    /// # Errors
    /// `AddrInUse` if the port is taken.
    #[expect(clippy::disallowed_types, reason = "this is the listen of the door")]
    pub async fn listen(&self, port: u16) -> io::Result<Listener> {
        let at = SocketAddr::new(self.address, port);
        let tcp = turmoil::net::TcpListener::bind((Ipv4Addr::UNSPECIFIED, port)).await?;
        self.network.0.asleep.borrow_mut().remove(&self.address);
        Ok(Listener {
            network: self.network.clone(),
            at,
            tcp,
        })
    }

    /// Opens a UDP socket at a port of this host, or at any free one if the port is 0.
    ///
    /// # Errors
    /// `AddrInUse` if the port is taken.
    #[expect(clippy::disallowed_types, reason = "this is the UDP socket of the door")]
    pub async fn datagrams(&self, port: u16) -> io::Result<Datagrams> {
        Ok(Datagrams {
            network: self.network.clone(),
            address: self.address,
            udp: turmoil::net::UdpSocket::bind((Ipv4Addr::UNSPECIFIED, port)).await?,
        })
    }

    /// Says that code runs on this host that keeps its own timers, by tokio's clock. As long as the answer is kept, that
    /// clock follows the jumps of the simulated one, and no jump is longer than a second.
    #[expect(
        clippy::disallowed_methods,
        reason = "the task only keeps a clock: it does not count as work"
    )]
    pub fn foreign_code(&self) -> ForeignCode {
        let clock = Rc::new(ForeignClock::default());
        self.network.0.foreign.borrow_mut().push(Rc::downgrade(&clock));
        let task = tokio::task::spawn_local(async move {
            loop {
                clock.jumped.notified().await;
                tokio::time::advance(clock.by.get()).await;
            }
        });
        ForeignCode(task)
    }
}

/// A dial on its way: the acceptor finds its wire here.
struct PendingDial<'a> {
    door: &'a Door,
    to: SocketAddr,
    wire: Rc<Wire>,
}

impl<'a> PendingDial<'a> {
    fn new(door: &'a Door, to: SocketAddr, wire: Rc<Wire>) -> Self {
        let mut dials = door.network.0.dials.borrow_mut();
        dials.entry((door.address, to)).or_default().push_back(Rc::clone(&wire));
        Self { door, to, wire }
    }
}

impl Drop for PendingDial<'_> {
    fn drop(&mut self) {
        let mut dials = self.door.network.0.dials.borrow_mut();
        if let Some(pending) = dials.get_mut(&(self.door.address, self.to)) {
            pending.retain(|wire| !Rc::ptr_eq(wire, &self.wire));
        }
    }
}

/// Takes connections to a port.
pub struct Listener {
    network: Network,
    at: SocketAddr,
    #[expect(clippy::disallowed_types, reason = "this is the listener that the door hands out")]
    tcp: turmoil::net::TcpListener,
}

impl Listener {
    /// The next connection.
    ///
    /// # Errors
    /// When somebody dialled by another way than a door.
    pub async fn accept(&self) -> io::Result<Stream> {
        let (tcp, from) = self.tcp.accept().await?;
        tcp.set_nodelay(true)?;
        // SYNs from one host to one port arrive in the order in which they were sent.
        let mut dials = self.network.0.dials.borrow_mut();
        let pending = dials.get_mut(&(from.ip(), self.at));
        let wire = pending.and_then(std::collections::VecDeque::pop_front);
        let wire = wire.ok_or_else(|| io::Error::other(format!("{from} did not dial through a door")))?;
        Ok(Stream::new(self.network.clone(), tcp, End::Acceptor, wire))
    }
}

/// A UDP socket.
pub struct Datagrams {
    network: Network,
    address: IpAddr,
    #[expect(clippy::disallowed_types, reason = "this is the UDP socket that the door hands out")]
    udp: turmoil::net::UdpSocket,
}

impl Datagrams {
    /// Sends one datagram.
    ///
    /// # Errors
    /// `ConnectionRefused` if there is no such host.
    pub async fn send_to(&self, payload: &[u8], to: SocketAddr) -> io::Result<()> {
        let sent = self.udp.send_to(payload, to).await?;
        let from = SocketAddr::new(self.address, self.udp.local_addr()?.port());
        self.network.hash(from, to, &payload[..sent]);
        Ok(())
    }

    /// Waits for a datagram. What does not fit into the buffer is lost.
    ///
    /// # Errors
    /// Never in the simulated network.
    pub async fn receive_from(&self, buffer: &mut [u8]) -> io::Result<(usize, SocketAddr)> {
        self.udp.recv_from(buffer).await
    }
}

/// How a host's tokio clock learns of a jump.
#[derive(Default)]
pub(super) struct ForeignClock {
    by: Cell<Duration>,
    jumped: Notify,
}

impl ForeignClock {
    pub(super) fn follow(&self, by: Duration) {
        self.by.set(by);
        self.jumped.notify_one();
    }
}

/// Held while code with timers of its own runs on a host.
#[must_use = "the clock is followed only as long as this is kept"]
pub struct ForeignCode(tokio::task::JoinHandle<()>);

impl Drop for ForeignCode {
    fn drop(&mut self) {
        self.0.abort();
    }
}
