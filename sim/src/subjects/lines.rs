//! The loop around a server library that does no input and output of its own: lines in, replies out.

use std::io;

use tokio::io::{AsyncReadExt, AsyncWriteExt};

use crate::subject::{Connection, Reception, SecuredConnection};

/// On whoever sends a longer line the loop hangs up, so that nobody fills the memory.
const LINE_OCTETS_MAX: usize = 1 << 16;

/// What came of waiting for a line.
pub(super) enum Arrival {
    /// A line with its CRLF.
    Line(Vec<u8>),
    /// The client was silent for too long.
    Late,
    /// The client is gone.
    Gone,
}

/// The client at the other end, line by line. Only CRLF ends a line (RFC 5321 §2.3.8).
pub(super) struct Lines {
    stream: Stream,
    reception: Reception,
    unread: Vec<u8>,
}

enum Stream {
    Clear(Connection),
    Tls(SecuredConnection<Connection>),
    Gone,
}

impl Lines {
    pub(super) fn new(connection: Connection, reception: Reception) -> Self {
        Self {
            stream: Stream::Clear(connection),
            reception,
            unread: Vec::new(),
        }
    }

    /// The next line.
    pub(super) async fn next(&mut self) -> Arrival {
        let mut octets = vec![0; 4096];
        loop {
            if let Some(end) = self.end_of_line() {
                return Arrival::Line(self.unread.drain(..end).collect());
            }
            if self.unread.len() >= LINE_OCTETS_MAX {
                return Arrival::Gone;
            }
            let reading = self.stream.read(&mut octets);
            match self.reception.in_time(reading).await {
                Ok(Ok(0) | Err(_)) => return Arrival::Gone,
                Ok(Ok(count)) => self.unread.extend(&octets[..count]),
                Err(_) => return Arrival::Late,
            }
        }
    }

    /// Sends a reply.
    pub(super) async fn say(&mut self, reply: &[u8]) -> io::Result<()> {
        match &mut self.stream {
            Stream::Clear(stream) => stream.write_all(reply).await,
            Stream::Tls(stream) => {
                stream.write_all(reply).await?;
                stream.flush().await
            }
            Stream::Gone => Err(io::ErrorKind::NotConnected.into()),
        }
    }

    /// Shakes hands, behind the go-ahead. What the client said behind STARTTLS in clear is dropped (RFC 3207 §4.2): none of
    /// the libraries sees it, or says what to do about it.
    pub(super) async fn upgrade(&mut self) -> io::Result<()> {
        self.unread.clear();
        let Stream::Clear(stream) = std::mem::replace(&mut self.stream, Stream::Gone) else {
            return Err(io::Error::other("an upgrade was asked for inside TLS"));
        };
        self.stream = Stream::Tls(self.reception.accept_tls(stream).await?);
        Ok(())
    }

    /// Ends the connection in order.
    pub(super) async fn close(mut self) -> io::Result<()> {
        match &mut self.stream {
            Stream::Clear(stream) => stream.shutdown().await,
            Stream::Tls(stream) => stream.shutdown().await,
            Stream::Gone => Ok(()),
        }
    }

    fn end_of_line(&self) -> Option<usize> {
        let end = self.unread.windows(2).position(|pair| pair == b"\r\n");
        end.map(|end| end + 2)
    }
}

impl Stream {
    async fn read(&mut self, octets: &mut [u8]) -> io::Result<usize> {
        match self {
            Self::Clear(stream) => stream.read(octets).await,
            Self::Tls(stream) => stream.read(octets).await,
            Self::Gone => Ok(0),
        }
    }
}
