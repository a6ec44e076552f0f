//! The attacker on the path: takes a connection that was meant for a host, dials that host in the client's name, and
//! passes on what it does not change. It edits real octets, with control of where segments end.
//!
//! An attack acts at one stage: on any command ([`Interception::command`]), on STARTTLS (`starttls`), on the replies
//! (`replies`), on single lines of either side (`editor`), on the octets of TLS (`raw`), or by TLS of the attacker's own
//! (`tls`).

mod edit;
mod editor;
mod lines;
mod raw;
mod replies;
mod speech;
mod starttls;
mod tls;
mod way;

use std::collections::VecDeque;
use std::rc::Rc;
use std::time::Duration;

use postern_model::name::DomainName;
use postern_model::scenario::{Alert, Attack, Edit, Phase};
use postern_model::trace::{Channel, ConnectionId, Event, NotConnected};

use crate::net::{Door, Stream};
use crate::session::Peer;
use crate::tap::{Dialled, Recorder, Tap};
use crate::world::{Insistence, Site, World, attacker_port};
use edit::Reply;
use lines::Lines;
use way::{Passage, Way};

/// What passes between two pieces of what would have been one segment: long enough for the other side to answer the first.
const BETWEEN_PIECES: Duration = Duration::from_millis(50);

/// Takes everything that was meant for one address of a host, for ever.
pub(crate) async fn lie_in_wait(world: Rc<World>, door: Door, site: Site) -> std::io::Result<()> {
    let listener = door.listen(attacker_port(site)).await?;
    loop {
        let stream = listener.accept().await?;
        let (world, own_door) = (Rc::clone(&world), door.clone());
        door.spawn(async move {
            if let Some(interception) = Interception::begin(world, own_door, site, stream).await {
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
    client_name: DomainName,
    tap: Rc<Tap>,
    client: Peer,
    from_client: Lines,
    client_way: Way,
    server: Peer,
    from_server: Lines,
    server_way: Way,
    /// The attacker's own connection to the server; dropped last.
    relaying: Dialled,
    /// What the server still has to answer, in order.
    unanswered: VecDeque<Asked>,
    /// The lines of a reply that is not complete yet.
    reply: Reply,
    /// The client is sending content.
    content: bool,
    server_offers_tls: bool,
    /// What the client does without STARTTLS is being found out (C-DG-14).
    probing: bool,
    /// It has said that it slows a handshake down.
    is_slow: bool,
}

/// What a reply is owed to.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Asked {
    /// The client's command, or its connection.
    Phase(Option<Phase>),
    /// HELO, which offers nothing.
    Helo,
    /// A command of the attacker's own: its reply goes no further.
    Own,
}

/// Whether the interception goes on line by line.
#[derive(PartialEq, Eq)]
enum Then {
    GoOn,
    /// Pass everything on unread.
    PassOn,
    /// Read what the client still says, and give the first of it this answer.
    Listen(Answer),
    Hang,
}

/// What the attacker answers to the beginning of a handshake.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Answer {
    Nothing,
    Garbage,
    Alert(Alert),
    /// A TCP reset.
    Reset,
}

impl Interception {
    async fn begin(world: Rc<World>, door: Door, site: Site, stream: Stream) -> Option<Self> {
        let victim = site.host;
        let tap = Tap::accepted(&world.recorder, &stream);
        let client = world.recorder.dialler(tap.connection())?;
        let server = world.host(victim).name.clone();
        let connection = world
            .recorder
            .dialled(&client, &server, site.address(), Some(tap.connection()));
        let dial = door.dial(connection, site.socket()).await;
        let Ok(dialled) = dial else {
            world.recorder.not_connected(connection, NotConnected::Refused);
            return None;
        };
        let relaying = world.recorder.connected(connection, false);
        Some(Self {
            world,
            door,
            victim,
            client_name: client,
            tap,
            client: Peer::Clear(stream),
            from_client: Lines::default(),
            client_way: Way::default(),
            server: Peer::Clear(dialled),
            from_server: Lines::default(),
            server_way: Way::default(),
            relaying,
            unanswered: VecDeque::from([Asked::Phase(Some(Phase::Connect))]),
            reply: Vec::new(),
            content: false,
            server_offers_tls: false,
            probing: false,
            is_slow: false,
        })
    }

    async fn run(mut self) {
        if self.does(Attack::Watch) {
            self.interferes(Attack::Watch, "watches the connection");
        }
        if let Some(attack @ Attack::Segments(octets)) = self.attack_of(|attack| matches!(attack, Attack::Segments(_)))
        {
            let unit = if octets == 1 { "octet" } else { "octets" };
            self.interferes(attack, &format!("passes everything on in segments of {octets} {unit}"));
        }
        let edits = self.edits();
        if !edits.is_empty() {
            return self.edit(&edits).await;
        }
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
        if self.probing {
            // It went away without a message: it would rather not send than send in clear.
            self.world.learn(&self.client_name, self.victim, Insistence::Insists);
        }
        match then {
            Then::PassOn => self.pass_on(Vec::new()).await,
            Then::Listen(answer) => self.listen(answer).await,
            Then::GoOn | Then::Hang => self.hang_up().await,
        }
    }

    async fn client_said(&mut self, octets: &[u8]) -> Then {
        if octets.is_empty() {
            return Then::Hang;
        }
        let cut = self.cut_of_client();
        let Passage { octets: count, is_cut } = self.client_way.pass(octets.len(), cut);
        let octets = &octets[..count];
        self.tap.received(octets, self.client.channel());
        if self.client.channel() == Channel::Clear && !self.content && speech::is_tls(octets) {
            // A handshake without a go-ahead: it comes to nothing.
            return Then::Listen(Answer::Nothing);
        }
        self.from_client.push(octets);
        while let Some(line) = self.from_client.next() {
            match self.command(line).await {
                Then::GoOn => {}
                then => return then,
            }
        }
        if is_cut {
            let rest = self.from_client.take_rest();
            self.say_to_server(&rest).await;
            return self.cut_off(cut.map(Attack::CutClient), "what the client sends");
        }
        Then::GoOn
    }

    /// A line from the client, with its CRLF.
    async fn command(&mut self, line: Vec<u8>) -> Then {
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
            return self.attacked_starttls().await;
        }
        if phase == Some(Phase::Mail) && std::mem::take(&mut self.probing) {
            self.world
                .learn(&self.client_name, self.victim, Insistence::GoesOnInClear);
        }
        if !self.content || phase == Some(Phase::EndOfData) {
            self.unanswered.push_back(match phase {
                Some(Phase::Ehlo) if line.to_ascii_uppercase().starts_with(b"HELO") => Asked::Helo,
                phase => Asked::Phase(phase),
            });
        }
        if phase == Some(Phase::EndOfData) {
            self.content = false;
        }
        self.say_to_server_then(&line, Then::GoOn).await
    }

    async fn server_said(&mut self, octets: &[u8]) -> Then {
        if octets.is_empty() {
            return Then::Hang;
        }
        let cut = self.cut_of_server();
        let Passage { octets: count, is_cut } = self.server_way.pass(octets.len(), cut);
        self.from_server.push(&octets[..count]);
        while let Some(line) = self.from_server.next() {
            let goes_on = line.get(3) == Some(&b'-');
            self.reply.push(line);
            if goes_on {
                continue;
            }
            let reply = std::mem::take(&mut self.reply);
            match self.replied(reply).await {
                Then::GoOn => {}
                then => return then,
            }
        }
        if is_cut {
            let rest = [self.reply.concat(), self.from_server.take_rest()].concat();
            self.say(&rest).await;
            return self.cut_off(cut.map(Attack::CutServer), "what the server sends");
        }
        Then::GoOn
    }

    async fn listen(mut self, mut answer: Answer) {
        let mut octets = [0; 4096];
        // Whoever closes with octets unread resets the connection (RFC 9293 §3.10.4).
        let limit = if answer == Answer::Reset { 1 } else { octets.len() };
        loop {
            let count = self.client.read(&mut octets[..limit]).await;
            if count == 0 {
                return;
            }
            if self.client.channel() == Channel::Tls || !speech::is_tls(&octets) {
                self.tap.received(&octets[..count], self.client.channel());
            }
            match std::mem::replace(&mut answer, Answer::Nothing) {
                Answer::Nothing => {}
                Answer::Garbage => _ = self.client.send(speech::GARBAGE).await,
                Answer::Alert(alert) => {
                    self.client.send(&speech::alert(alert)).await;
                    return self.hang_up().await;
                }
                Answer::Reset => {
                    drop(std::mem::replace(&mut self.client, Peer::Nobody));
                    return self.hang_up().await;
                }
            }
        }
    }

    async fn hang_up(mut self) {
        self.client.close().await;
        self.server.close().await;
    }

    fn cut_off(&self, attack: Option<Attack>, what: &str) -> Then {
        if let Some(attack) = attack {
            self.interferes(attack, &format!("cuts the connection in the middle of {what}"));
        }
        Then::Hang
    }

    async fn say_then(&mut self, octets: &[u8], then: Then) -> Then {
        if self.say(octets).await { then } else { Then::Hang }
    }

    /// To the client.
    async fn say(&mut self, octets: &[u8]) -> bool {
        let segment = self.segment();
        for piece in octets.chunks(segment) {
            if !self.client.send(piece).await {
                return false;
            }
            self.tap.sent(piece, self.client.channel());
        }
        true
    }

    async fn say_to_server_then(&mut self, octets: &[u8], then: Then) -> Then {
        if self.say_to_server(octets).await {
            then
        } else {
            Then::Hang
        }
    }

    async fn say_to_server(&mut self, octets: &[u8]) -> bool {
        let segment = self.segment();
        for piece in octets.chunks(segment) {
            if !self.server.send(piece).await {
                return false;
            }
        }
        true
    }

    /// How many octets go into one segment at most.
    fn segment(&self) -> usize {
        match self.attack_of(|attack| matches!(attack, Attack::Segments(_))) {
            Some(Attack::Segments(octets)) => usize::from(octets).max(1),
            _ => usize::MAX,
        }
    }

    fn cut_of_client(&self) -> Option<u32> {
        match self.attack_of(|attack| matches!(attack, Attack::CutClient(_))) {
            Some(Attack::CutClient(octets)) => Some(octets),
            _ => None,
        }
    }

    fn cut_of_server(&self) -> Option<u32> {
        match self.attack_of(|attack| matches!(attack, Attack::CutServer(_))) {
            Some(Attack::CutServer(octets)) => Some(octets),
            _ => None,
        }
    }

    fn edits(&self) -> Vec<Edit> {
        let attacks = self.world.attacks_on(self.victim).into_iter();
        let edits = attacks.filter_map(|attack| match attack {
            Attack::Edit(edit) => Some(edit),
            _ => None,
        });
        edits.collect()
    }

    fn does(&self, attack: Attack) -> bool {
        self.world.attacks_on(self.victim).contains(&attack)
    }

    /// The first attack under way of which this holds.
    fn attack_of(&self, holds: impl Fn(&Attack) -> bool) -> Option<Attack> {
        self.world.attacks_on(self.victim).into_iter().find(holds)
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

/// What is said of an injection.
fn behind(what: &str, injected: &[u8], cut: u16) -> String {
    let injected = String::from_utf8_lossy(injected);
    let lines: Vec<_> = injected.lines().collect();
    let pieces = match cut {
        0 => "in one segment".to_owned(),
        cut => format!("cut at octet {cut}"),
    };
    format!("sends “{}” behind {what}, {pieces}", lines.join("”, “"))
}

/// Where octets of this length are cut; not at all if at 0 or beyond their end.
fn place_of(cut: u16, length: usize) -> usize {
    match usize::from(cut) {
        0 => length,
        cut => cut.min(length),
    }
}
