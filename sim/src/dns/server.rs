//! The host that plays the resolvers.

use std::collections::BTreeMap;
use std::io;
use std::net::IpAddr;
use std::time::Duration;

use postern_model::mutant::Mutant;
use postern_model::trace::Answer;

use super::message::{read_query, write_reply};
use super::zones::Found;
use super::{Asked, LARGEST_MESSAGE, PORT, SharedZones};
use crate::net::Door;

/// Answers the queries of all hosts, each from a cache of its own, forever.
///
/// # Errors
/// When the port is taken.
pub async fn serve(door: Door, zones: SharedZones, mutant: Option<Mutant>) -> io::Result<()> {
    let socket = door.datagrams(PORT).await?;
    let mut cache = Cache {
        held: BTreeMap::new(),
        never_expires: mutant == Some(Mutant::IgnoresTimeToLive),
    };
    let mut buffer = vec![0; LARGEST_MESSAGE.into()];
    loop {
        let (length, from) = socket.receive_from(&mut buffer).await?;
        let Some((id, asked)) = read_query(&buffer[..length]) else {
            continue;
        };
        let found = cache.answer(door.now(), from.ip(), &asked, &zones);
        if let Some(reply) = found.and_then(|found| write_reply(id, &asked, &found).ok()) {
            socket.send_to(&reply, from).await?;
        }
    }
}

/// What each asker's resolver holds.
struct Cache {
    held: BTreeMap<(IpAddr, Asked), Held>,
    never_expires: bool,
}

struct Held {
    found: Found,
    until: Duration,
}

impl Cache {
    /// Answers that are held at the same time; beyond that, those that expired are forgotten, or else all.
    const LIMIT: usize = 4096;

    /// The answer and how long it may still be kept: as it is held, else as it is published. A failure is never held, and
    /// neither is silence.
    fn answer(&mut self, now: Duration, asker: IpAddr, asked: &Asked, zones: &SharedZones) -> Option<Found> {
        let key = (asker, asked.clone());
        if let Some(held) = self
            .held
            .get(&key)
            .filter(|held| now < held.until || self.never_expires)
        {
            return Some(Found {
                time_to_live: held.until.saturating_sub(now),
                ..held.found.clone()
            });
        }
        let found = zones.borrow().answer(asker, asked)?;
        if found.answer != Answer::Failed {
            self.make_room(now);
            let held = Held {
                found: found.clone(),
                until: now + found.time_to_live,
            };
            self.held.insert(key, held);
        }
        Some(found)
    }

    fn make_room(&mut self, now: Duration) {
        if self.held.len() >= Self::LIMIT {
            self.held.retain(|_, held| now < held.until);
        }
        if self.held.len() >= Self::LIMIT {
            self.held.clear();
        }
    }
}
