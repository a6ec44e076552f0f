//! A stream for libraries whose own timeouts go by the wall clock, of which a world must know nothing.

use std::io;
use std::pin::Pin;
use std::task::{Context, Poll};

use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};

use crate::subject::{Connection, Patience, Reception};

/// A connection whose reads fail when the client was silent for too long.
pub(super) struct Impatient {
    connection: Connection,
    reception: Reception,
    patience: Patience,
}

impl Impatient {
    pub(super) fn new(connection: Connection, reception: &Reception) -> Self {
        Self {
            connection,
            patience: reception.patience(),
            reception: reception.clone(),
        }
    }
}

impl AsyncRead for Impatient {
    fn poll_read(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let this = &mut *self;
        let poll = Pin::new(&mut this.connection).poll_read(context, buffer);
        if poll.is_ready() {
            this.patience = this.reception.patience();
            return poll;
        }
        let patience = Pin::new(&mut this.patience);
        patience.poll(context).map(|()| Err(io::ErrorKind::TimedOut.into()))
    }
}

impl AsyncWrite for Impatient {
    fn poll_write(mut self: Pin<&mut Self>, context: &mut Context<'_>, octets: &[u8]) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.connection).poll_write(context, octets)
    }

    fn poll_flush(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.connection).poll_flush(context)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.connection).poll_shutdown(context)
    }
}
