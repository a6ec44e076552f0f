//! A small SMTP client, in place of yours. It knows nothing of the testbed: any stream does.

use tokio::io::{self, AsyncBufReadExt, AsyncRead, AsyncWrite, AsyncWriteExt, BufStream};

/// A session with a server.
pub(crate) struct Client<S> {
    stream: BufStream<S>,
}

/// Why something was not done.
#[derive(Debug)]
pub(crate) enum Failed {
    /// The server said no, by this code and text.
    Refused(u16, String),
    /// The connection broke.
    Broken(io::Error),
}

impl From<io::Error> for Failed {
    fn from(error: io::Error) -> Self {
        Self::Broken(error)
    }
}

impl<S: AsyncRead + AsyncWrite + Unpin> Client<S> {
    /// A session on a stream on which nothing was said yet.
    pub(crate) async fn greeted(stream: S) -> Result<Self, Failed> {
        let mut client = Self::on(stream);
        client.say("").await?;
        Ok(client)
    }

    /// A session that goes on after STARTTLS.
    pub(crate) fn on(stream: S) -> Self {
        Self {
            stream: BufStream::new(stream),
        }
    }

    /// Says EHLO. The extensions, one a line.
    pub(crate) async fn hello(&mut self, name: &str) -> Result<String, Failed> {
        self.say(&format!("EHLO {name}\r\n")).await
    }

    /// Says STARTTLS. What came behind the go-ahead is dropped with the buffer (RFC 3207 §6): nobody knows who said it.
    pub(crate) async fn starttls(mut self) -> Result<S, Failed> {
        self.say("STARTTLS\r\n").await?;
        Ok(self.stream.into_inner())
    }

    /// Sends a message and takes its leave. The reply to the message.
    pub(crate) async fn send(mut self, from: &str, to: &str, content: &[u8]) -> Result<String, Failed> {
        self.say(&format!("MAIL FROM:<{from}>\r\n")).await?;
        self.say(&format!("RCPT TO:<{to}>\r\n")).await?;
        self.say("DATA\r\n").await?;
        for line in content.split_inclusive(|octet| *octet == b'\n') {
            if line.starts_with(b".") {
                self.stream.write_all(b".").await?;
            }
            self.stream.write_all(line).await?;
        }
        let answer = self.say(".\r\n").await?;
        // The message is the server's now, whatever it says to QUIT.
        _ = self.say("QUIT\r\n").await;
        Ok(answer)
    }

    async fn say(&mut self, line: &str) -> Result<String, Failed> {
        self.stream.write_all(line.as_bytes()).await?;
        self.stream.flush().await?;
        let mut reply = String::new();
        while reply.lines().last().is_none_or(|line| line.get(3..4) == Some("-")) {
            if self.stream.read_line(&mut reply).await? == 0 {
                return Err(Failed::Broken(io::ErrorKind::UnexpectedEof.into()));
            }
        }
        match reply.get(..3).and_then(|code| code.parse().ok()) {
            Some(200..400) => Ok(reply),
            Some(code) => Err(Failed::Refused(code, reply)),
            None => Err(Failed::Broken(io::ErrorKind::InvalidData.into())),
        }
    }
}
