//! What the attacker does to octets that it cannot read: those of TLS between client and server.

use std::time::Duration;

use postern_model::scenario::Attack;

use super::way::Passage;
use super::{Interception, speech};
use crate::tap::Tap;

/// Between two octets of a handshake that is slowed down (C-DG-10).
const BETWEEN_OCTETS: Duration = Duration::from_secs(10);

/// How long a client is given to notice that its connection was cut.
const PATIENCE: Duration = Duration::from_secs(900);

/// So much of what the server says in the handshake is slowed down, in octets: all of it, and not much more.
const SLOW_OCTETS: u64 = 1024;

impl Interception {
    /// From here on octets pass unread, so what happens on the attacker's connection happens on the client's. The first of
    /// the client's may have been read already.
    pub(super) async fn pass_on(mut self, mut first: Vec<u8>) {
        let rest = self.from_server.take_rest();
        let relaying = self.relaying.connection();
        let since = Tap::read_by_dialler(&self.world.recorder, relaying) - rest.len() as u64;
        Tap::report_as(&self.world.recorder, relaying, &self.tap, since);
        self.client_way.begin_tls();
        self.server_way.begin_tls();
        let mut goes_on = rest.is_empty() || self.client.send(&rest).await;
        if goes_on && !first.is_empty() {
            goes_on = self.client_passes(&mut first).await;
        }
        let (mut client_speaks, mut server_speaks) = (true, true);
        let (mut octets, mut others) = (vec![0; 4096], vec![0; 4096]);
        while goes_on && (client_speaks || server_speaks) {
            tokio::select! {
                biased;
                count = self.client.read(&mut octets), if client_speaks => match count {
                    0 => {
                        client_speaks = false;
                        self.server.finish().await;
                    }
                    count => goes_on = self.client_passes(&mut octets[..count]).await,
                },
                count = self.server.read(&mut others), if server_speaks => match count {
                    0 => {
                        server_speaks = false;
                        self.client.finish().await;
                    }
                    count => goes_on = self.server_passes(&others[..count]).await,
                },
            }
        }
        if !goes_on {
            self.client.finish().await;
            self.server.finish().await;
            // The client may still read what passed; then it closes, or has been patient enough.
            _ = self
                .door
                .timeout(PATIENCE, async { while self.client.read(&mut octets).await != 0 {} })
                .await;
        }
    }

    /// Octets of the client's TLS come by; whether the connection goes on.
    async fn client_passes(&mut self, octets: &mut [u8]) -> bool {
        let cut = self.cut_of_client();
        let passage = self.client_way.pass(octets.len(), cut);
        let mut injected_at = None;
        for attack in self.world.attacks_on(self.victim) {
            match attack {
                Attack::TamperHello(octet) => {
                    if let Some(place) = self.client_way.place_in_last(octets.len(), octet.into()) {
                        self.interferes(
                            attack,
                            &format!("flips a bit of octet {octet} of the client's handshake"),
                        );
                        octets[place] ^= 1;
                    }
                }
                Attack::InjectTowardServer(at) => {
                    if let Some(place) = self.client_way.place_in_last(octets.len(), at.into()) {
                        self.interferes(
                            attack,
                            &format!("sends “NOOP” in clear to the server behind {at} octets of the client's TLS"),
                        );
                        injected_at = Some(place);
                    }
                }
                _ => {}
            }
        }
        for piece in pieces(&octets[..passage.octets], injected_at, speech::COMMAND) {
            if !self.say_to_server(piece).await {
                return false;
            }
        }
        self.goes_on(passage, cut.map(Attack::CutClient), "what the client sends in TLS")
    }

    /// Octets of the server's TLS come by; whether the connection goes on.
    async fn server_passes(&mut self, octets: &[u8]) -> bool {
        let cut = self.cut_of_server();
        let passage = self.server_way.pass(octets.len(), cut);
        let is_slow = self.does(Attack::SlowHandshake) && self.server_way.of_tls() <= SLOW_OCTETS;
        let octets_passed = &octets[..passage.octets];
        if is_slow {
            if !std::mem::replace(&mut self.is_slow, true) {
                self.interferes(
                    Attack::SlowHandshake,
                    "passes the server's handshake on an octet at a time, ten seconds apart",
                );
            }
            return self.server_passes_slowly(octets_passed).await;
        }
        let injection = self.attack_of(|attack| matches!(attack, Attack::InjectTowardClient(_)));
        let mut injected_at = None;
        if let Some(attack @ Attack::InjectTowardClient(at)) = injection {
            injected_at = self.server_way.place_in_last(octets.len(), at.into());
            if let Some(place) = injected_at.filter(|place| *place <= passage.octets) {
                self.tap.breaks_off(place);
                self.interferes(
                    attack,
                    &format!("sends “250 2.0.0 Ok” in clear to the client behind {at} octets of the server's TLS"),
                );
            }
        }
        let segment = self.segment();
        for piece in pieces(octets_passed, injected_at, speech::REPLY) {
            for piece in piece.chunks(segment) {
                if !self.client.send(piece).await {
                    return false;
                }
            }
        }
        self.goes_on(passage, cut.map(Attack::CutServer), "what the server sends in TLS")
    }

    /// An octet at a time, as long as the client bears it.
    async fn server_passes_slowly(&mut self, octets: &[u8]) -> bool {
        let mut others = [0; 4096];
        for octet in octets.chunks(1) {
            if !self.client.send(octet).await {
                return false;
            }
            let next = self.door.timeout(BETWEEN_OCTETS, self.client.read(&mut others)).await;
            match next {
                Ok(0) => return false,
                Ok(count) if !self.client_passes(&mut others[..count]).await => return false,
                Ok(_) | Err(_) => {}
            }
        }
        true
    }

    fn goes_on(&self, passage: Passage, cut: Option<Attack>, what: &str) -> bool {
        if passage.is_cut {
            self.cut_off(cut, what);
        }
        !passage.is_cut
    }
}

/// The octets, with others in between if there is a place for them.
fn pieces<'a>(octets: &'a [u8], place: Option<usize>, others: &'a [u8]) -> [&'a [u8]; 3] {
    match place {
        Some(place) if place <= octets.len() => [&octets[..place], others, &octets[place..]],
        _ => [octets, &[], &[]],
    }
}
