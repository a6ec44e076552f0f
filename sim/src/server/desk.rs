//! What a host does for a session of a server that nobody here wrote.

use std::cell::RefCell;
use std::io;
use std::net::{IpAddr, Ipv4Addr};
use std::rc::Rc;

use postern_model::mta::recipient::{self, Circumstances};
use postern_model::mta::session::{Listing, Recipient, Transaction};
use postern_model::mta::timer::Timer;
use postern_model::name::{DomainName, Mailbox, ReversePath};
use postern_model::scenario::MailboxState;
use postern_model::smtp::{MessageRequest, RecipientRequest};
use postern_model::trace::End;
use tokio::io::{AsyncRead, AsyncWrite};

use super::{Handshakes, Node, settings};
use crate::crypto;
use crate::net::Door;
use crate::subject::{Ear, ReceivedMail, Refusal, SecuredConnection};

/// Answers for the host in one session.
pub(crate) struct Desk {
    door: Door,
    handshakes: Handshakes,
    node: Node,
    client_address: IpAddr,
    offers_tls: bool,
    ear: Rc<Ear>,
    /// The name that the client proved in the handshake of this connection.
    identity: RefCell<Option<DomainName>>,
}

impl Desk {
    pub(super) fn new(
        door: &Door,
        handshakes: Handshakes,
        node: Node,
        client_address: Option<IpAddr>,
        ear: &Rc<Ear>,
    ) -> Rc<Self> {
        let offers_tls = settings(&handshakes.mta, handshakes.client.as_ref(), node).tls;
        Rc::new(Self {
            door: door.clone(),
            handshakes,
            node,
            client_address: client_address.unwrap_or(IpAddr::V4(Ipv4Addr::UNSPECIFIED)),
            offers_tls,
            ear: Rc::clone(ear),
            identity: RefCell::default(),
        })
    }

    pub(crate) fn door(&self) -> &Door {
        &self.door
    }

    pub(crate) fn host_name(&self) -> &str {
        self.handshakes.mta.name.as_str()
    }

    pub(crate) fn client_address(&self) -> IpAddr {
        self.client_address
    }

    pub(crate) fn offers_tls(&self) -> bool {
        self.offers_tls
    }

    pub(crate) async fn accept_tls<S>(&self, stream: S) -> io::Result<SecuredConnection<S>>
    where
        S: AsyncRead + AsyncWrite + Unpin,
    {
        self.ear.begins_handshake();
        let handshake = self.handshakes.shake_hands(stream);
        let shaken = self.door.timeout(Timer::Handshake.duration(), handshake).await;
        let head = self.ear.ends_handshake(matches!(shaken, Ok(Ok(_))));
        match shaken {
            Ok(Ok((stream, proof))) => {
                if let Some(crypto::Client::Believed(identity)) = proof {
                    self.identity.replace(identity);
                }
                Ok(SecuredConnection::new(stream, Rc::clone(&self.ear)))
            }
            Ok(Err((failure, stream))) => {
                drop(stream);
                let why = failure.why.clone();
                self.handshakes.failed(failure, &head);
                Err(io::Error::other(why))
            }
            Err(elapsed) => {
                self.handshakes
                    .tap
                    .not_secured(End::Acceptor, "no answer in time".to_owned());
                Err(io::Error::new(io::ErrorKind::TimedOut, elapsed))
            }
        }
    }

    pub(crate) fn takes(&self, from: &str, to: &str) -> Result<(), Refusal> {
        let from = reverse_path(from)?;
        let to = mailbox(to)?;
        // The server demands TLS of nobody, so that no answer depends on the listing (SEED-02).
        let decision = recipient::decide(self.circumstances(&from, &to), Listing::Unlisted, None);
        if decision.is_accepted() {
            return Ok(());
        }
        let reply = decision.reply(to.domain());
        let enhanced = reply.enhanced.map(|enhanced| format!("{enhanced} "));
        Err(Refusal {
            code: reply.code,
            text: enhanced.unwrap_or_default() + &reply.lines.join(" "),
        })
    }

    pub(crate) fn keep(&self, mail: ReceivedMail) -> Result<(), Refusal> {
        let recipients = mail.to.iter().map(|to| {
            Ok(Recipient {
                mailbox: mailbox(to)?,
                request: RecipientRequest::default(),
            })
        });
        let transaction = Transaction {
            client_name: mail.client_name.clone(),
            tls: self.ear.is_secured(),
            identity: self.identity.borrow().clone(),
            from: reverse_path(&mail.from)?,
            request: MessageRequest::default(),
            to: recipients.collect::<Result<_, Refusal>>()?,
            content: mail.into_content()?,
        };
        self.handshakes.mta.take(&transaction);
        Ok(())
    }

    /// As the settings of the moment have it, but for what no library here can be set to.
    fn circumstances(&self, from: &ReversePath, to: &Mailbox) -> Circumstances {
        let settings = settings(&self.handshakes.mta, self.handshakes.client.as_ref(), self.node);
        let identity = self.identity.borrow();
        Circumstances {
            configured: settings.exchanger_for.contains(to.domain()),
            demands_tls: false,
            tls: self.ear.is_secured(),
            relays: settings.relays
                || identity
                    .as_ref()
                    .is_some_and(|name| settings.relay_identities.contains(name)),
            mailbox: match settings.mailboxes.get(to.local_part()).copied().unwrap_or_default() {
                // A null reverse-path is no domain (RFC 7505 §4.2).
                MailboxState::RefusesSender if *from == ReversePath::Null => MailboxState::Accepts,
                state => state,
            },
            unlisted_answer: settings.unlisted_answer,
        }
    }
}

fn reverse_path(text: &str) -> Result<ReversePath, Refusal> {
    text.parse().map_err(|_| Refusal {
        code: 553,
        text: "5.1.7 Not a mailbox to report failures to".to_owned(),
    })
}

fn mailbox(text: &str) -> Result<Mailbox, Refusal> {
    text.parse().map_err(|_| Refusal {
        code: 553,
        text: "5.1.3 Not a mailbox".to_owned(),
    })
}
