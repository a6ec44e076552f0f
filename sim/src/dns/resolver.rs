//! The MTA's side: it asks its resolver and waits.

use std::cell::RefCell;
use std::io;
use std::net::{IpAddr, SocketAddr};
use std::time::Duration;

use postern_model::trace::{Answer, Question};
use rand_chacha::ChaCha8Rng;
use rand_chacha::rand_core::RngCore;

use super::message::{read_reply, write_query};
use super::{LARGEST_MESSAGE, PORT};
use crate::net::{Datagrams, Door};

/// How long a query waits for its reply.
const TIMEOUT: Duration = Duration::from_secs(5);

/// How often a question is asked before it has failed.
const TRIES: u32 = 2;

/// A stub resolver (RFC 1034 §5.3.1).
pub struct Resolver {
    door: Door,
    server: SocketAddr,
    ids: RefCell<ChaCha8Rng>,
    /// Kept from one reply to the next: to clear so much for each would cost more than the reply.
    buffer: RefCell<Vec<u8>>,
}

impl Resolver {
    /// Asks the resolver at this address.
    pub fn new(door: Door, server: IpAddr) -> Self {
        Self {
            ids: RefCell::new(door.random("dns ids")),
            buffer: RefCell::default(),
            door,
            server: SocketAddr::new(server, PORT),
        }
    }

    /// The answer of the resolver. No answer in time, and none that can be read, is `Failed`.
    pub async fn ask(&self, question: &Question) -> Answer {
        for _ in 0..TRIES {
            let reply = self.door.timeout(TIMEOUT, self.ask_once(question)).await;
            if let Ok(answer) = reply {
                return answer.unwrap_or(Answer::Failed);
            }
        }
        Answer::Failed
    }

    async fn ask_once(&self, question: &Question) -> io::Result<Answer> {
        // A port of its own for each query (RFC 5452 §9.2).
        let socket = self.door.datagrams(0).await?;
        let id = (self.ids.borrow_mut().next_u32() >> 16) as u16;
        let query = write_query(id, question).map_err(io::Error::other)?;
        socket.send_to(&query, self.server).await?;
        self.await_reply(&socket, id, question).await
    }

    /// Passes over all that is no reply to the question, as it may come from anybody.
    async fn await_reply(&self, socket: &Datagrams, id: u16, question: &Question) -> io::Result<Answer> {
        let mut buffer = self.buffer.take();
        buffer.resize(LARGEST_MESSAGE.into(), 0);
        let answer = loop {
            let (length, from) = socket.receive_from(&mut buffer).await?;
            if from != self.server {
                continue;
            }
            if let Some(answer) = read_reply(&buffer[..length], id, question) {
                break answer;
            }
        };
        self.buffer.replace(buffer);
        Ok(answer)
    }
}
