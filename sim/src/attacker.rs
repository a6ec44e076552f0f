//! The attacker on the path: takes a connection that was meant for a host, dials that host in the client's name, and
//! passes on what it does not change. It edits real octets, reply by reply.

mod edit;

use std::collections::VecDeque;
use std::rc::Rc;

use postern_model::name::DomainName;
use postern_model::scenario::{Attack, Certificate, Phase};
use postern_model::trace::{Channel, ConnectionId, End, Event, NotConnected};
use tokio::io::copy_bidirectional;

use crate::crypto::{self, Verify};
use crate::net::{Door, Stream};
use crate::session::Peer;
use crate::tap::{Dialled, Recorder, Tap};
use crate::world::{SMTP_PORT, World, address_of_host, attacker_port};
use edit::Reply;

/// What the attacker says in the server's place.
const GO_AHEAD: &[u8] = b"220 2.0.0 Ready to start TLS\r\n";

/// Takes everything that was meant for one host, for ever.
pub(crate) async fn lie_in_wait(world: Rc<World>, door: Door, victim: usize) -> std::io::Result<()> {
    let listener = door.listen(attacker_port(victim)).await?;
    loop {
        let stream = listener.accept().await?;
        let (world, own_door) = (Rc::clone(&world), door.clone());
        door.spawn(async move {
            if let Some(interception) = Interception::begin(world, own_door, victim, stream).await {
                interception.run().await;
            }
        });
    }
}

/// One connection in the attacker's hands.
struct Interception {
    world: Rc<World>,
    door: Door,
    victim: usize,
    tap: Rc<Tap>,
    client: Peer,
    from_client: Lines,
    server: Peer,
    from_server: Lines,
    /// The attacker's own connection to the server; dropped last.
    relaying: Dialled,
    /// What the server still has to answer, in order.
    unanswered: VecDeque<Option<Phase>>,
    /// The lines of a reply that is not complete yet.
    reply: Reply,
    /// The client is sending content.
    content: bool,
    server_offers_tls: bool,
}

/// Whether the interception goes on line by line.
#[derive(PartialEq, Eq)]
enum Then {
    GoOn,
    /// Pass everything on unread.
    PassOn,
    /// Read what the client still says, and answer the first of it with garbage or nothing with anything.
    Listen {
        with_garbage: bool,
    },
    Hang,
}

impl Interception {
    async fn begin(world: Rc<World>, door: Door, victim: usize, stream: Stream) -> Option<Self> {
        let tap = Tap::accepted(&world.recorder, &stream);
        let client = world.recorder.dialler(tap.connection())?;
        let server = world.host(victim).name.clone();
        let connection = world.recorder.dialled(&client, &server, Some(tap.connection()));
        let dial = door.dial(connection, (address_of_host(victim), SMTP_PORT).into()).await;
        let Ok(dialled) = dial else {
            world.recorder.not_connected(connection, NotConnected::Refused);
            return None;
        };
        let relaying = world.recorder.connected(connection, false);
        Some(Self {
            world,
            door,
            victim,
            tap,
            client: Peer::Clear(stream),
            from_client: Lines::default(),
            server: Peer::Clear(dialled),
            from_server: Lines::default(),
            relaying,
            unanswered: VecDeque::from([Some(Phase::Connect)]),
            reply: Vec::new(),
            content: false,
            server_offers_tls: false,
        })
    }

    async fn run(mut self) {
        let (mut octets, mut others) = (vec![0; 4096], vec![0; 4096]);
        let then = loop {
            let then = tokio::select! {
                biased;
                count = self.client.read(&mut octets) => self.client_said(&octets[..count]).await,
                count = self.server.read(&mut others) => self.server_said(&others[..count]).await,
            };
            if then != Then::GoOn {
                break then;
            }
        };
        match then {
            Then::PassOn => self.pass_on().await,
            Then::Listen { with_garbage } => self.listen(with_garbage).await,
            Then::GoOn | Then::Hang => self.hang_up().await,
        }
    }

    async fn client_said(&mut self, octets: &[u8]) -> Then {
        if octets.is_empty() {
            return Then::Hang;
        }
        self.tap.received(octets, self.client.channel());
        self.from_client.push(octets);
        while let Some(line) = self.from_client.next() {
            let phase = self.phase_of(&line);
            if let Some(attack) = phase.map(Attack::CloseAt).filter(|attack| self.does(*attack)) {
                let at = match phase {
                    Some(Phase::EndOfData) => "the final dot".into(),
                    _ => String::from_utf8_lossy(&line),
                };
                self.interferes(
                    attack,
                    &format!("closes the connection at {}, which goes no further", at.trim_end()),
                );
                return Then::Hang;
            }
            if phase == Some(Phase::Starttls) {
                match self.attacked_starttls().await {
                    Then::GoOn => {}
                    then => return then,
                }
                continue;
            }
            if !self.content || phase == Some(Phase::EndOfData) {
                self.unanswered.push_back(phase);
            }
            if phase == Some(Phase::EndOfData) {
                self.content = false;
            }
            if !self.server.send(&line).await {
                return Then::Hang;
            }
        }
        Then::GoOn
    }

    async fn server_said(&mut self, octets: &[u8]) -> Then {
        if octets.is_empty() {
            return Then::Hang;
        }
        self.from_server.push(octets);
        while let Some(line) = self.from_server.next() {
            let goes_on = line.get(3) == Some(&b'-');
            self.reply.push(line);
            if goes_on {
                continue;
            }
            let reply = std::mem::take(&mut self.reply);
            let phase = self.unanswered.pop_front().flatten();
            let close = phase.map(Attack::CloseInsteadOfReply);
            if let Some(attack) = close.filter(|attack| self.does(*attack)) {
                self.interferes(
                    attack,
                    &format!("closes the connection in place of the reply “{}”", text_of(&reply)),
                );
                return Then::Hang;
            }
            let reply = if phase == Some(Phase::Ehlo) {
                self.edited(reply)
            } else {
                reply
            };
            self.content |= phase == Some(Phase::Data) && reply.concat().starts_with(b"354");
            let passes_on = phase == Some(Phase::Starttls) && reply.concat().starts_with(b"220");
            if !self.say(&reply.concat()).await {
                return Then::Hang;
            }
            if passes_on {
                return Then::PassOn;
            }
        }
        Then::GoOn
    }

    /// What becomes of the client's STARTTLS.
    async fn attacked_starttls(&mut self) -> Then {
        let attacks = self.world.attacks_on(self.victim);
        for attack in attacks {
            match attack {
                Attack::AnswerStarttls(code) => {
                    self.interferes(attack, &format!("answers STARTTLS with {code} and does not pass it on"));
                    let text = if code < 500 {
                        "4.7.0 TLS not available due to temporary reason"
                    } else {
                        "5.7.0 TLS refused"
                    };
                    return self.say_then(format!("{code} {text}\r\n").as_bytes(), Then::GoOn).await;
                }
                Attack::GarbageAfterGoAhead => {
                    self.interferes(attack, "answers STARTTLS with 220 and the handshake with garbage");
                    return self.say_then(GO_AHEAD, Then::Listen { with_garbage: true }).await;
                }
                Attack::SwallowHandshake => {
                    self.interferes(attack, "answers STARTTLS with 220 and swallows the handshake");
                    return self.say_then(GO_AHEAD, Then::Listen { with_garbage: false }).await;
                }
                Attack::InterceptTls(certificate) if self.server_offers_tls => {
                    return self.terminate_tls(certificate).await;
                }
                _ => {}
            }
        }
        self.unanswered.push_back(Some(Phase::Starttls));
        if self.server.send(b"STARTTLS\r\n").await {
            Then::GoOn
        } else {
            Then::Hang
        }
    }

    /// Speaks TLS with both sides and reads everything in between.
    async fn terminate_tls(&mut self, kind: Certificate) -> Then {
        let server_name = self.world.host(self.victim).name.clone();
        let upstream = self.begin_tls_with_server(&server_name).await;
        if upstream.is_none() {
            self.interferes(
                Attack::InterceptTls(kind),
                "closes the connection: the server gives it no TLS",
            );
            return Then::Hang;
        }
        if !self.say(GO_AHEAD).await {
            return Then::Hang;
        }
        let issued = self.world.certificate_of_kind(self.victim, kind);
        self.interferes(
            Attack::InterceptTls(kind),
            &format!("terminates TLS with a certificate that is {}", described(kind)),
        );
        let Peer::Clear(stream) = std::mem::replace(&mut self.client, Peer::Nobody) else {
            return Then::Hang;
        };
        let random = self
            .door
            .random(&format!("tls attacker as server {}", self.tap.connection().0));
        match crypto::present(stream, &issued, random).await {
            Ok((stream, presented)) => {
                self.tap.secured(presented);
                self.client = Peer::Tls(Box::new(stream.into()));
                Then::GoOn
            }
            Err((why, _)) => {
                self.tap.not_secured(End::Acceptor, why);
                Then::Hang
            }
        }
    }

    async fn begin_tls_with_server(&mut self, name: &DomainName) -> Option<()> {
        if !self.server.send(b"STARTTLS\r\n").await {
            return None;
        }
        let mut octets = [0; 512];
        let count = self.server.read(&mut octets).await;
        let Peer::Clear(stream) = std::mem::replace(&mut self.server, Peer::Nobody) else {
            return None;
        };
        if !octets[..count].starts_with(b"220") {
            return None;
        }
        let random = self
            .door
            .random(&format!("tls attacker as client {}", self.relaying.connection().0));
        let stream = crypto::connect(
            stream,
            crypto::client_config(self.world.crypto, Verify::Anyone),
            name,
            random,
        )
        .await;
        self.server = Peer::Tls(Box::new(stream.ok()?.into()));
        Some(())
    }

    /// The server's reply to EHLO as the client shall see it.
    fn edited(&mut self, reply: Reply) -> Reply {
        self.server_offers_tls = edit::offers_starttls(&reply);
        if !self.server_offers_tls {
            reply
        } else if self.does(Attack::StripStarttls) {
            self.interferes(Attack::StripStarttls, "removes STARTTLS from the reply to EHLO");
            edit::without_starttls(reply)
        } else if self.does(Attack::OverwriteStarttls) {
            self.interferes(
                Attack::OverwriteStarttls,
                "overwrites STARTTLS with XXXXXXXX in the reply to EHLO",
            );
            edit::with_overwritten_starttls(reply)
        } else {
            reply
        }
    }

    /// From here on octets pass unread, so what happens on the attacker's connection happens on the client's.
    async fn pass_on(self) {
        let Self {
            world,
            tap,
            client,
            server,
            relaying,
            ..
        } = self;
        Tap::report_as(&world.recorder, relaying.connection(), tap.connection());
        if let (Peer::Clear(mut client), Peer::Clear(mut server)) = (client, server) {
            _ = copy_bidirectional(&mut client, &mut server).await;
        }
    }

    async fn listen(mut self, mut with_garbage: bool) {
        let mut octets = [0; 4096];
        loop {
            let count = self.client.read(&mut octets).await;
            if count == 0 {
                return;
            }
            // A TLS record is no SMTP line (content types 20 to 23, RFC 8446 §5.1).
            if !(20..=23).contains(&octets[0]) {
                self.tap.received(&octets[..count], Channel::Clear);
            }
            if std::mem::take(&mut with_garbage) {
                self.client.send(b"\x00\x01 this is no ServerHello \xff\xfe\r\n").await;
            }
        }
    }

    async fn hang_up(mut self) {
        self.client.close().await;
        self.server.close().await;
    }

    async fn say_then(&mut self, octets: &[u8], then: Then) -> Then {
        if self.say(octets).await { then } else { Then::Hang }
    }

    async fn say(&mut self, octets: &[u8]) -> bool {
        let said = self.client.send(octets).await;
        if said {
            self.tap.sent(octets, self.client.channel());
        }
        said
    }

    fn does(&self, attack: Attack) -> bool {
        self.world.attacks_on(self.victim).contains(&attack)
    }

    fn interferes(&self, attack: Attack, what: &str) {
        let recorder: &Recorder = &self.world.recorder;
        let connection: ConnectionId = self.tap.connection();
        recorder.record(Event::Interfered {
            connection,
            attack,
            what: what.to_owned(),
        });
    }

    fn phase_of(&self, line: &[u8]) -> Option<Phase> {
        if self.content {
            return (line == b".\r\n").then_some(Phase::EndOfData);
        }
        let verb = line
            .split(|octet| octet.is_ascii_whitespace())
            .next()
            .unwrap_or_default();
        match verb.to_ascii_uppercase().as_slice() {
            b"EHLO" | b"HELO" => Some(Phase::Ehlo),
            b"STARTTLS" => Some(Phase::Starttls),
            b"MAIL" => Some(Phase::Mail),
            b"RCPT" => Some(Phase::Rcpt),
            b"DATA" => Some(Phase::Data),
            b"QUIT" => Some(Phase::Quit),
            _ => None,
        }
    }
}

fn text_of(reply: &Reply) -> String {
    String::from_utf8_lossy(reply.last().map(Vec::as_slice).unwrap_or_default())
        .trim_end()
        .to_owned()
}

fn described(kind: Certificate) -> &'static str {
    match kind {
        Certificate::Valid
        | Certificate::HostNameOnly
        | Certificate::Intermediate
        | Certificate::Wildcard
        | Certificate::ByIndication
        | Certificate::OtherNamesRefused => "valid for the server's name",
        Certificate::Revoked => "the server's own, stolen and revoked",
        Certificate::Expired => "the server's own, expired",
        Certificate::NotYetValid => "the server's own, not valid yet",
        Certificate::WrongName => "valid for the attacker's own name",
        Certificate::SelfSigned => "signed by itself",
        Certificate::UnknownAuthority => "from an authority that nobody trusts",
        Certificate::MissingIntermediate => "from an intermediate authority that it does not show",
        Certificate::CommonNameOnly => "for the server's name as its common name alone",
        Certificate::PartialWildcard => "for a part of the server's first label",
        Certificate::WideWildcard => "for two labels by one wildcard",
        Certificate::NameConstraint => "from an authority that may not issue for the server's name",
        Certificate::PathLength => "from an authority that may not be one",
    }
}

/// Cuts octets into lines, with their CRLF.
#[derive(Default)]
struct Lines {
    octets: Vec<u8>,
}

impl Lines {
    fn push(&mut self, octets: &[u8]) {
        self.octets.extend(octets);
    }

    fn next(&mut self) -> Option<Vec<u8>> {
        let end = self.octets.iter().position(|&octet| octet == b'\n')? + 1;
        Some(self.octets.drain(..end).collect())
    }
}
