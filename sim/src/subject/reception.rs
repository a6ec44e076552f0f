//! The session that a server under test is asked to have, and the glue around it.

use std::fmt;
use std::io;
use std::net::IpAddr;
use std::rc::Rc;

use postern_model::mta::timer::Timer;
use send_wrapper::SendWrapper;
use tokio::io::{AsyncRead, AsyncWrite};

use super::SecuredConnection;
use crate::net::Elapsed;
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
    /// The content with dots unstuffed.
    pub content: Vec<u8>,
}

/// Why the host takes a recipient or a message not, as its server is to say it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Refusal {
    /// The code of the reply.
    pub code: u16,
    /// Its text, with an enhanced status code in front.
    pub text: String,
}

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
