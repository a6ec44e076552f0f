//! Strangers: whoever dials a server and means no good. They are nobody's client and carry nobody's mail.

use std::rc::Rc;
use std::time::Duration;

use postern_model::name::DomainName;
use postern_model::scenario::Visit;
use postern_model::trace::NotConnected;

use crate::crypto::{self, Verify};
use crate::net::Door;
use crate::session::Peer;
use crate::tap::Dialled;
use crate::world::{SMTP_PORT, World, address_of_host};

/// How long a stranger waits for a connection, a reply or a handshake.
const PATIENCE: Duration = Duration::from_secs(300);

/// How long a stranger is silent who wants to know how long a server bears it.
const SILENCE: Duration = Duration::from_secs(900);

/// How long the strangers wait before they hang up, so that what they pipelined is read.
const LINGER: Duration = Duration::from_secs(1);

/// Does every visit of the scenario when its time has come, for ever.
pub(crate) async fn visit_all(world: Rc<World>, door: Door) {
    loop {
        let (victim, visit) = world.next_visit().await;
        let (world, own_door) = (Rc::clone(&world), door.clone());
        door.spawn(async move {
            if let Some(mut stranger) = Stranger::dial(&world, &own_door, victim).await {
                stranger.pay(visit).await;
                stranger.peer.close().await;
            }
            world.work_ended();
        });
    }
}

/// A stranger whose connection stands.
struct Stranger<'a> {
    world: &'a World,
    door: &'a Door,
    victim: usize,
    peer: Peer,
    dialled: Dialled,
    unread: Vec<u8>,
    /// A recipient that the server may take mail for.
    recipient: String,
}

impl<'a> Stranger<'a> {
    /// Strangers dial the host itself: nobody sits on their path.
    async fn dial(world: &'a World, door: &'a Door, victim: usize) -> Option<Self> {
        let to = world.host(victim).name.clone();
        let connection = world.recorder.dialled(&own_name(), &to, address_of_host(victim), None);
        let dial = door.dial(connection, (address_of_host(victim), SMTP_PORT).into());
        let Ok(Ok(stream)) = door.timeout(PATIENCE, dial).await else {
            world.recorder.not_connected(connection, NotConnected::Refused);
            return None;
        };
        let dialled = world.recorder.connected(connection, false);
        let domain = world.host(victim).exchanger_for.first().cloned().unwrap_or(to);
        Some(Self {
            world,
            door,
            victim,
            peer: Peer::Clear(stream),
            dialled,
            unread: Vec::new(),
            recipient: format!("RCPT TO:<bob@{domain}>"),
        })
    }

    async fn pay(&mut self, visit: Visit) -> Option<()> {
        self.hear().await?;
        match visit {
            Visit::EveryCommand => self.every_command().await,
            Visit::StarttlsWithParameter => {
                self.asks(&["EHLO stranger.invalid", "STARTTLS now", "NOOP", "MAIL FROM:<>", "QUIT"])
                    .await
            }
            Visit::StarttlsInsideTls => {
                self.goes_secure().await?;
                self.asks(&["EHLO stranger.invalid", "STARTTLS", "NOOP", "QUIT"]).await
            }
            Visit::EnvelopeBeforeTls => self.envelope_before_tls().await,
            Visit::HiddenCommand => {
                let recipient = self.recipient.clone();
                self.asks(&["EHLO stranger.invalid", "NOOP\nMAIL FROM:<>", &recipient, "QUIT"])
                    .await
            }
            Visit::FalseEnd(end) => self.false_end(end.octets()).await,
            Visit::ContentBehindRefusedData => self.content_behind_refused_data().await,
            Visit::FallsSilent => self.falls_silent().await,
        }
    }

    async fn every_command(&mut self) -> Option<()> {
        let recipient = self.recipient.clone();
        let in_clear = [
            "NOOP",
            "HELO stranger.invalid",
            "MAIL FROM:<>",
            &recipient,
            "DATA",
            "RSET",
            "VRFY bob",
            "HELP",
            "NOOP",
        ];
        // A server that takes the envelope waits for content behind DATA.
        for line in in_clear {
            if self.ask(line).await? == 354 {
                self.ask(".").await?;
            }
        }
        self.goes_secure().await?;
        self.asks(&["EHLO stranger.invalid", "QUIT"]).await
    }

    async fn envelope_before_tls(&mut self) -> Option<()> {
        let recipient = self.recipient.clone();
        self.asks(&["EHLO stranger.invalid", "MAIL FROM:<>", &recipient])
            .await?;
        self.starttls().await?;
        for line in ["DATA", &recipient, "MAIL FROM:<>"] {
            if self.ask(line).await? == 354 {
                self.ask(".").await?;
            }
        }
        self.asks(&["EHLO stranger.invalid", "QUIT"]).await
    }

    async fn false_end(&mut self, end: &[u8]) -> Option<()> {
        let recipient = self.recipient.clone();
        self.asks(&["EHLO stranger.invalid", "MAIL FROM:<>", &recipient])
            .await?;
        if self.ask("DATA").await? != 354 {
            return self.asks(&["QUIT"]).await;
        }
        let first = self.content("outer");
        let second = self.transaction("smuggled");
        let octets = [first.trim_end().as_bytes(), end, second.as_bytes(), b".\r\n"].concat();
        self.says_and_leaves(&octets).await
    }

    async fn content_behind_refused_data(&mut self) -> Option<()> {
        self.ask("EHLO stranger.invalid").await?;
        let refused = "MAIL FROM:<>\r\nRCPT TO:<bob@elsewhere.invalid>\r\nDATA\r\n";
        let octets = [refused, "RSET\r\n", &self.transaction("smuggled"), ".\r\n"].concat();
        self.says_and_leaves(octets.as_bytes()).await
    }

    /// Listens until the server has had enough of it.
    async fn falls_silent(&mut self) -> Option<()> {
        self.ask("EHLO stranger.invalid").await?;
        while self.hear_within(SILENCE).await.is_some() {}
        Some(())
    }

    /// Says it all at once, waits for what the server makes of it, and takes leave.
    async fn says_and_leaves(&mut self, octets: &[u8]) -> Option<()> {
        self.say(octets).await?;
        self.hear().await?;
        self.door.sleep(LINGER).await;
        self.say(b"QUIT\r\n").await?;
        while self.hear().await.is_some() {}
        Some(())
    }

    /// A whole transaction but for its final dot.
    fn transaction(&self, name: &str) -> String {
        let (recipient, content) = (&self.recipient, self.content(name));
        format!("MAIL FROM:<>\r\n{recipient}\r\nDATA\r\n{content}")
    }

    fn content(&self, name: &str) -> String {
        let number = self.dialled.connection().0;
        format!("Message-ID: <stranger-{number}-{name}@stranger.invalid>\r\nSubject: {name}\r\n\r\nhello\r\n")
    }

    async fn goes_secure(&mut self) -> Option<()> {
        self.ask("EHLO stranger.invalid").await?;
        self.starttls().await
    }

    async fn starttls(&mut self) -> Option<()> {
        if self.ask("STARTTLS").await? != 220 {
            self.ask("QUIT").await;
            return None;
        }
        let Peer::Clear(stream) = std::mem::replace(&mut self.peer, Peer::Nobody) else {
            return None;
        };
        let random = self
            .door
            .random(&format!("tls stranger {}", self.dialled.connection().0));
        let config = crypto::client_config(self.world.crypto, Verify::Anyone);
        let name = self.world.host(self.victim).name.clone();
        let handshake = crypto::connect(stream, config, &name, random);
        let stream = self.door.timeout(PATIENCE, handshake).await.ok()?.ok()?;
        self.peer = Peer::Tls(Box::new(stream.into()));
        Some(())
    }

    async fn asks(&mut self, lines: &[&str]) -> Option<()> {
        for line in lines {
            self.ask(line).await?;
        }
        Some(())
    }

    /// Says a line; the code of its reply.
    async fn ask(&mut self, line: &str) -> Option<u16> {
        self.say(format!("{line}\r\n").as_bytes()).await?;
        self.hear().await
    }

    async fn say(&mut self, octets: &[u8]) -> Option<()> {
        self.peer.send(octets).await.then_some(())
    }

    /// The code of the next reply; none if the server is silent for long, or gone.
    async fn hear(&mut self) -> Option<u16> {
        self.hear_within(PATIENCE).await
    }

    async fn hear_within(&mut self, patience: Duration) -> Option<u16> {
        let mut octets = [0; 4096];
        loop {
            if let Some(end) = self.unread.windows(2).position(|pair| pair == b"\r\n") {
                let line: Vec<u8> = self.unread.drain(..end + 2).collect();
                match line.get(3) {
                    Some(b'-') => continue,
                    _ => return std::str::from_utf8(line.get(..3)?).ok()?.parse().ok(),
                }
            }
            let count = self.door.timeout(patience, self.peer.read(&mut octets)).await.ok()?;
            if count == 0 {
                return None;
            }
            self.unread.extend(&octets[..count]);
        }
    }
}

fn own_name() -> DomainName {
    "stranger.invalid".parse().expect("two plain words are a name")
}
