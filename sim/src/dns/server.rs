//! The host that plays the resolvers.

use std::collections::BTreeMap;
use std::io;
use std::net::IpAddr;
use std::time::Duration;

use postern_model::trace::{Answer, Question};

use super::message::{read_query, write_reply};
use super::{LARGEST_MESSAGE, PORT, SharedZones};
use crate::net::Door;

/// Answers the queries of all hosts, each from a cache of its own, forever.
///
/// # Errors
/// When the port is taken.
pub async fn serve(door: Door, zones: SharedZones) -> io::Result<()> {
    let socket = door.datagrams(PORT).await?;
    let mut cache = Cache::default();
    let mut buffer = vec![0; LARGEST_MESSAGE.into()];
    loop {
        let (length, from) = socket.receive_from(&mut buffer).await?;
        let Some((id, question)) = read_query(&buffer[..length]) else {
            continue;
        };
        let (answer, time_to_live) = cache.answer(door.now(), from.ip(), &question, &zones);
        if let Ok(reply) = write_reply(id, &question, &answer, time_to_live) {
            socket.send_to(&reply, from).await?;
        }
    }
}

/// What each asker's resolver holds.
#[derive(Default)]
struct Cache(BTreeMap<(IpAddr, Question), Held>);

struct Held {
    answer: Answer,
    until: Duration,
}

impl Cache {
    /// Answers that are held at the same time; beyond that, those that expired are forgotten, or else all.
    const LIMIT: usize = 4096;

    /// The answer and how long it may still be kept: as it is held, else as it is published. A failure is never held.
    fn answer(&mut self, now: Duration, asker: IpAddr, question: &Question, zones: &SharedZones) -> (Answer, Duration) {
        let key = (asker, question.clone());
        if let Some(held) = self.0.get(&key).filter(|held| now < held.until) {
            return (held.answer.clone(), held.until - now);
        }
        let (answer, time_to_live) = zones.borrow().answer(asker, question);
        if answer != Answer::Failed {
            self.make_room(now);
            let held = Held {
                answer: answer.clone(),
                until: now + time_to_live,
            };
            self.0.insert(key, held);
        }
        (answer, time_to_live)
    }

    fn make_room(&mut self, now: Duration) {
        if self.0.len() >= Self::LIMIT {
            self.0.retain(|_, held| now < held.until);
        }
        if self.0.len() >= Self::LIMIT {
            self.0.clear();
        }
    }
}
