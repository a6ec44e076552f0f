//! The MTA's side: it asks its resolver and waits.

use std::cell::RefCell;
use std::io;
use std::net::{IpAddr, SocketAddr};
use std::time::Duration;

use postern_model::name::DomainName;
use postern_model::trace::{Answer, Question};
use rand_chacha::ChaCha8Rng;
use rand_chacha::rand_core::RngCore;

use super::message::{read_reply, write_query};
use super::{Asked, Kind, LARGEST_MESSAGE, PORT};
use crate::net::{Datagrams, Door};

/// How long a query waits for its reply.
const TIMEOUT: Duration = Duration::from_secs(5);

/// How often a question is asked before it has failed.
const TRIES: u32 = 2;

/// The kinds of addresses that the network of a host has.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Families {
    /// IPv4 alone: nobody asks for other addresses.
    Ipv4,
    /// Both. Those of IPv6 come first (RFC 6724).
    Both,
}

/// A stub resolver (RFC 1034 §5.3.1).
pub struct Resolver {
    door: Door,
    families: Families,
    server: SocketAddr,
    ids: RefCell<ChaCha8Rng>,
    /// Kept from one reply to the next: to clear so much for each would cost more than the reply.
    buffer: RefCell<Vec<u8>>,
}

impl Resolver {
    /// Asks the resolver at this address.
    pub fn new(door: Door, server: IpAddr, families: Families) -> Self {
        Self {
            families,
            ids: RefCell::new(door.random("dns ids")),
            buffer: RefCell::default(),
            door,
            server: SocketAddr::new(server, PORT),
        }
    }

    /// The answer of the resolver. No answer in time, and none that can be read, is `Failed`.
    pub async fn ask(&self, question: &Question) -> Answer {
        let asked = |name: &DomainName, kind| Asked {
            name: name.clone(),
            kind,
        };
        match question {
            Question::Mx(domain) => self.query(&asked(domain, Kind::Mx)).await,
            Question::Address(host) if self.families == Families::Ipv4 => self.query(&asked(host, Kind::Ipv4)).await,
            Question::Address(host) => {
                let first = self.query(&asked(host, Kind::Ipv6)).await;
                both(first, self.query(&asked(host, Kind::Ipv4)).await)
            }
        }
    }

    async fn query(&self, asked: &Asked) -> Answer {
        for _ in 0..TRIES {
            let reply = self.door.timeout(TIMEOUT, self.ask_once(asked)).await;
            if let Ok(answer) = reply {
                return answer.unwrap_or(Answer::Failed);
            }
        }
        Answer::Failed
    }

    async fn ask_once(&self, asked: &Asked) -> io::Result<Answer> {
        // A port of its own for each query (RFC 5452 §9.2).
        let socket = self.door.datagrams(0).await?;
        let id = (self.ids.borrow_mut().next_u32() >> 16) as u16;
        let query = write_query(id, asked).map_err(io::Error::other)?;
        socket.send_to(&query, self.server).await?;
        self.await_reply(&socket, id, asked).await
    }

    /// Passes over all that is no reply to the question, as it may come from anybody.
    async fn await_reply(&self, socket: &Datagrams, id: u16, asked: &Asked) -> io::Result<Answer> {
        let mut buffer = self.buffer.take();
        buffer.resize(LARGEST_MESSAGE.into(), 0);
        let answer = loop {
            let (length, from) = socket.receive_from(&mut buffer).await?;
            if from != self.server {
                continue;
            }
            if let Some(answer) = read_reply(&buffer[..length], id, asked) {
                break answer;
            }
        };
        self.buffer.replace(buffer);
        Ok(answer)
    }
}

/// What two questions for the addresses of one host came to: all addresses, even if one question failed.
fn both(first: Answer, second: Answer) -> Answer {
    match (first, second) {
        (Answer::Addresses(mut first), Answer::Addresses(second)) => {
            first.extend(second);
            Answer::Addresses(first)
        }
        (Answer::Addresses(addresses), _) | (_, Answer::Addresses(addresses)) => Answer::Addresses(addresses),
        (Answer::Failed, _) | (_, Answer::Failed) => Answer::Failed,
        (_, second) => second,
    }
}
