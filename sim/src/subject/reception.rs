//! The session that a server under test is asked to have, and the glue around it.

use std::fmt;
use std::io;
use std::net::IpAddr;
use std::rc::Rc;

use postern_model::mta::timer::Timer;
use send_wrapper::SendWrapper;
use tokio::io::{AsyncRead, AsyncWrite};

use super::SecuredConnection;
use crate::net::{Elapsed, Sleep};
use crate::server::Desk;

/// A message that a server under test took, as it hands it on.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct ReceivedMail {
    /// The name that the client gave in EHLO or HELO.
    pub client_name: String,
    /// Where a failure is reported; empty is the null reverse path.
    pub from: String,
    /// The recipients that were taken, in order.
    pub to: Vec<String>,
    content: Vec<u8>,
    is_too_large: bool,
}

/// The largest content that a host takes, in octets.
const CONTENT_OCTETS_MAX: usize = 1 << 20;

impl ReceivedMail {
    /// A message from this client and reverse path, without recipients and without content.
    pub fn new(client_name: impl Into<String>, from: impl Into<String>) -> Self {
        Self {
            client_name: client_name.into(),
            from: from.into(),
            ..Self::default()
        }
    }

    /// Adds to the content, which has its dots unstuffed. What passes the bound of the host is not kept, and then the message is not.
    pub fn append(&mut self, octets: &[u8]) {
        self.is_too_large |= self.content.len() + octets.len() > CONTENT_OCTETS_MAX;
        if !self.is_too_large {
            self.content.extend_from_slice(octets);
        }
    }

    pub(crate) fn into_content(self) -> Result<Vec<u8>, Refusal> {
        match self.is_too_large {
            false => Ok(self.content),
            true => Err(Refusal {
                code: 552,
                text: "5.3.4 The message is too large".to_owned(),
            }),
        }
    }
}

/// Why the host takes a recipient or a message not, as its server is to say it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Refusal {
    /// The code of the reply.
    pub code: u16,
    /// Its text, with an enhanced status code in front.
    pub text: String,
}

/// See [`Reception::patience`].
pub type Patience = SendWrapper<Sleep>;

/// One session with one client. What it is asked is the glue's to answer ([`SERVER_GLUE`](super::SERVER_GLUE)).
#[derive(Clone)]
pub struct Reception(SendWrapper<Rc<Desk>>);

impl Reception {
    pub(crate) fn new(desk: Rc<Desk>) -> Self {
        Self(SendWrapper::new(desk))
    }

    /// The name of the host, for its greeting.
    pub fn host_name(&self) -> &str {
        self.0.host_name()
    }

    /// The address of the client.
    pub fn client_address(&self) -> IpAddr {
        self.0.client_address()
    }

    /// Whether the server is configured to offer TLS. For one session it is so or not: what changes counts for the next.
    pub fn offers_tls(&self) -> bool {
        self.0.offers_tls()
    }

    /// The largest content that the host takes, in octets.
    pub fn content_octets_max(&self) -> u64 {
        CONTENT_OCTETS_MAX as u64
    }

    /// Shakes hands with the certificate of the host, after the go-ahead has left. Whatever stands between the connection and
    /// this stream must be through with what was said in clear.
    ///
    /// # Errors
    /// Why the handshake failed, or that it was not over in time. The connection is lost.
    pub fn accept_tls<S: AsyncRead + AsyncWrite + Unpin + 'static>(
        &self,
        stream: S,
    ) -> impl Future<Output = io::Result<SecuredConnection<S>>> + Send + use<S> {
        let desk = Rc::clone(&self.0);
        SendWrapper::new(async move { desk.accept_tls(stream).await })
    }

    /// Whether the host takes mail from this reverse path for this recipient. Both are as between the angle brackets.
    ///
    /// # Errors
    /// Why not.
    pub fn takes(&self, from: &str, to: &str) -> Result<(), Refusal> {
        self.0.takes(from, to)
    }

    /// Keeps a message. Behind that the server may answer for it.
    ///
    /// # Errors
    /// Why that cannot be.
    pub fn keep(&self, mail: ReceivedMail) -> Result<(), Refusal> {
        self.0.keep(mail)
    }

    /// Ends when a client has been silent from now on for as long as RFC 5321 §4.5.3.2.7 lets it.
    pub fn patience(&self) -> Patience {
        SendWrapper::new(self.0.door().sleep(Timer::Idle.duration()))
    }

    /// Waits for the client as long as RFC 5321 §4.5.3.2.7 says.
    ///
    /// # Errors
    /// When the time has passed.
    pub fn in_time<T>(
        &self,
        reading: impl Future<Output = T> + Send,
    ) -> impl Future<Output = Result<T, Elapsed>> + Send {
        let desk = Rc::clone(&self.0);
        SendWrapper::new(async move { desk.door().timeout(Timer::Idle.duration(), reading).await })
    }
}

impl fmt::Debug for Reception {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_tuple("Reception").field(&self.host_name()).finish()
    }
}
