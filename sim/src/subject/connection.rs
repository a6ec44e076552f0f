//! The connection that a client or a server under test gets.

use std::fmt;
use std::io;
use std::net::SocketAddr;
use std::pin::Pin;
use std::rc::Rc;
use std::task::{Context, Poll};

use postern_model::trace::Channel;
use send_wrapper::SendWrapper;
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio_rustls::server::TlsStream;

use super::ear::Ear;
use crate::net::Stream;

/// A TCP connection of the simulated network, as tokio has them.
///
/// Libraries want a stream that may change threads. A world never does, and the wrapper holds it to that.
pub struct Connection {
    stream: SendWrapper<Stream>,
    /// Who listens at the end of a server.
    ear: SendWrapper<Option<Rc<Ear>>>,
}

impl Connection {
    pub(crate) fn new(stream: Stream) -> Self {
        Self {
            stream: SendWrapper::new(stream),
            ear: SendWrapper::new(None),
        }
    }

    pub(crate) fn accepted(stream: Stream, ear: Rc<Ear>) -> Self {
        Self {
            stream: SendWrapper::new(stream),
            ear: SendWrapper::new(Some(ear)),
        }
    }

    /// The address of the other end.
    ///
    /// # Errors
    /// Never in the simulated network.
    pub fn peer_address(&self) -> io::Result<SocketAddr> {
        self.stream.peer_address()
    }

    /// The host of a server has crashed: nothing that it does is ever done.
    fn is_dead(&self) -> bool {
        self.ear.as_ref().is_some_and(|ear| !ear.is_alive())
    }
}

impl AsyncRead for Connection {
    fn poll_read(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        if self.is_dead() {
            return Poll::Pending;
        }
        let before = buffer.filled().len();
        let poll = Pin::new(&mut *self.stream).poll_read(context, buffer);
        if let Some(ear) = &*self.ear {
            ear.read(&buffer.filled()[before..]);
        }
        poll
    }
}

impl AsyncWrite for Connection {
    fn poll_write(mut self: Pin<&mut Self>, context: &mut Context<'_>, octets: &[u8]) -> Poll<io::Result<usize>> {
        if self.is_dead() {
            return Poll::Pending;
        }
        let poll = Pin::new(&mut *self.stream).poll_write(context, octets);
        if let (Some(ear), Poll::Ready(Ok(count))) = (&*self.ear, &poll) {
            ear.wrote(&octets[..*count]);
        }
        poll
    }

    fn poll_flush(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut *self.stream).poll_flush(context)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut *self.stream).poll_shutdown(context)
    }
}

impl fmt::Debug for Connection {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("a simulated connection")
    }
}

/// A connection of a server inside TLS, over the stream that was handed in for the handshake.
pub struct SecuredConnection<S> {
    stream: Box<TlsStream<S>>,
    ear: SendWrapper<Rc<Ear>>,
}

impl<S> SecuredConnection<S> {
    pub(crate) fn new(stream: TlsStream<S>, ear: Rc<Ear>) -> Self {
        Self {
            stream: Box::new(stream),
            ear: SendWrapper::new(ear),
        }
    }
}

impl<S: AsyncRead + AsyncWrite + Unpin> AsyncRead for SecuredConnection<S> {
    fn poll_read(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let before = buffer.filled().len();
        let poll = Pin::new(&mut *self.stream).poll_read(context, buffer);
        let octets = &buffer.filled()[before..];
        if !octets.is_empty() {
            self.ear.tap().received(octets, Channel::Tls);
        }
        poll
    }
}

impl<S: AsyncRead + AsyncWrite + Unpin> AsyncWrite for SecuredConnection<S> {
    fn poll_write(mut self: Pin<&mut Self>, context: &mut Context<'_>, octets: &[u8]) -> Poll<io::Result<usize>> {
        let poll = Pin::new(&mut *self.stream).poll_write(context, octets);
        // The simulated network takes all that is written at once, so it has left.
        if let Poll::Ready(Ok(count)) = poll {
            self.ear.tap().sent(&octets[..count], Channel::Tls);
        }
        poll
    }

    fn poll_flush(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut *self.stream).poll_flush(context)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut *self.stream).poll_shutdown(context)
    }
}

impl<S> fmt::Debug for SecuredConnection<S> {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("a simulated connection inside TLS")
    }
}
