//! The attacker on the path: takes a connection that was meant for a host, dials that host in the client's name, and
//! passes on what it does not change. It edits real octets, with control of where segments end.
//!
//! An attack acts at one stage: on a reply ([`Interception::altered`]), on STARTTLS ([`Interception::attacked_starttls`]), on
//! any command or reply ([`Interception::command`], [`Interception::replied`]), or on the octets of TLS (`raw`).

mod edit;
mod raw;
mod speech;
mod way;

use std::collections::VecDeque;
use std::rc::Rc;
use std::time::Duration;

use postern_model::name::DomainName;
use postern_model::scenario::{Alert, Attack, Certificate, OddReply, Phase};
use postern_model::trace::{Channel, ConnectionId, End, Event, NotConnected};

use crate::crypto::{self, ServerTerms, Verify};
use crate::net::{Door, Stream};
use crate::session::Peer;
use crate::tap::{Dialled, Recorder, Tap};
use crate::world::{Insistence, Site, World, attacker_port};
use edit::Reply;
use speech::{GO_AHEAD, STARTTLS};
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
            Then::PassOn => self.pass_on().await,
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

    /// A whole reply from the server.
    async fn replied(&mut self, reply: Reply) -> Then {
        let asked = self.unanswered.pop_front().unwrap_or(Asked::Phase(None));
        let phase = match asked {
            Asked::Own => return Then::GoOn,
            Asked::Helo => Some(Phase::Ehlo),
            Asked::Phase(phase) => phase,
        };
        let close = phase.map(Attack::CloseInsteadOfReply);
        if let Some(attack) = close.filter(|attack| self.does(*attack)) {
            self.interferes(
                attack,
                &format!("closes the connection in place of the reply “{}”", text_of(&reply)),
            );
            return Then::Hang;
        }
        let withhold = phase.map(Attack::WithholdReply);
        if let Some(attack) = withhold.filter(|attack| self.does(*attack)) {
            self.interferes(
                attack,
                &format!("withholds the reply “{}” and all that would follow", text_of(&reply)),
            );
            return Then::Listen(Answer::Nothing);
        }
        let reply = self.altered(asked, reply);
        self.content |= phase == Some(Phase::Data) && reply.concat().starts_with(b"354");
        if phase != Some(Phase::Starttls) || !reply.concat().starts_with(b"220") {
            return self.say_then(&reply.concat(), Then::GoOn).await;
        }
        let injection = self.attack_of(|attack| matches!(attack, Attack::InjectReplies(_)));
        let Some(Attack::InjectReplies(cut)) = injection else {
            return self.say_then(&reply.concat(), Then::PassOn).await;
        };
        self.interferes(
            Attack::InjectReplies(cut),
            &behind("the go-ahead", speech::REPLIES, cut),
        );
        let octets = [&reply.concat(), speech::REPLIES].concat();
        let (first, second) = octets.split_at(place_of(cut, octets.len()));
        let first_is_said = self.say(first).await;
        if !second.is_empty() {
            self.door.sleep(BETWEEN_PIECES).await;
        }
        if first_is_said {
            self.say_then(second, Then::PassOn).await
        } else {
            Then::Hang
        }
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
                Attack::AnswerStarttlsOddly(kind) if kind != OddReply::MultiLine => {
                    self.interferes(attack, &format!("answers STARTTLS with {kind} and does not pass it on"));
                    return self.say_then(&speech::odd_reply(kind), Then::GoOn).await;
                }
                Attack::GarbageAfterGoAhead => {
                    self.interferes(attack, "answers STARTTLS with 220 and the handshake with garbage");
                    return self.say_then(GO_AHEAD, Then::Listen(Answer::Garbage)).await;
                }
                Attack::AlertAfterGoAhead(alert) => {
                    self.interferes(
                        attack,
                        &format!("answers STARTTLS with 220 and the handshake with the alert {alert}"),
                    );
                    return self.say_then(GO_AHEAD, Then::Listen(Answer::Alert(alert))).await;
                }
                Attack::CloseAfterGoAhead => {
                    self.interferes(attack, "answers STARTTLS with 220 and closes the connection");
                    return self.say_then(GO_AHEAD, Then::Hang).await;
                }
                Attack::ResetAfterGoAhead => {
                    self.interferes(attack, "answers STARTTLS with 220 and the handshake with a reset");
                    return self.say_then(GO_AHEAD, Then::Listen(Answer::Reset)).await;
                }
                Attack::SwallowHandshake => {
                    self.interferes(attack, "answers STARTTLS with 220 and swallows the handshake");
                    return self.say_then(GO_AHEAD, Then::Listen(Answer::Nothing)).await;
                }
                Attack::InterceptTls(certificate) if self.server_offers_tls => {
                    return self.terminate_tls(certificate).await;
                }
                Attack::GarbleStarttls => {
                    self.interferes(attack, "overwrites the client's STARTTLS with XXXXXXXX");
                    self.unanswered.push_back(Asked::Phase(Some(Phase::Starttls)));
                    return self.say_to_server_then(speech::GARBLED_STARTTLS, Then::GoOn).await;
                }
                Attack::InjectCommands(cut) => {
                    self.interferes(attack, &behind("STARTTLS", speech::COMMANDS, cut));
                    return self.starttls_with_commands(cut).await;
                }
                Attack::InjectTransaction => {
                    self.interferes(attack, "sends MAIL and RCPT of its own before STARTTLS");
                    for command in speech::transaction(&self.domain_of_victim()) {
                        self.unanswered.push_back(Asked::Own);
                        self.say_to_server(&command).await;
                    }
                }
                _ => {}
            }
        }
        self.unanswered.push_back(Asked::Phase(Some(Phase::Starttls)));
        self.say_to_server_then(STARTTLS, Then::GoOn).await
    }

    /// A domain that the victim takes mail for, if there is one.
    fn domain_of_victim(&self) -> DomainName {
        let host = self.world.host(self.victim);
        host.exchanger_for.first().unwrap_or(&host.name).clone()
    }

    /// STARTTLS and commands behind it, in one segment or cut in two.
    async fn starttls_with_commands(&mut self, cut: u16) -> Then {
        self.unanswered.push_back(Asked::Phase(Some(Phase::Starttls)));
        let octets = [STARTTLS, speech::COMMANDS].concat();
        let (first, second) = octets.split_at(place_of(cut, octets.len()));
        self.say_to_server(first).await;
        if !second.is_empty() {
            self.door.sleep(BETWEEN_PIECES).await;
        }
        self.say_to_server_then(second, Then::GoOn).await
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
        match crypto::present(stream, &issued, ServerTerms::default(), random).await {
            Ok((stream, presented)) => {
                self.tap.secured(presented);
                self.client = Peer::Tls(Box::new(stream.into()));
                Then::GoOn
            }
            Err((failure, _)) => {
                self.tap.not_secured(End::Acceptor, failure.why);
                Then::Hang
            }
        }
    }

    async fn begin_tls_with_server(&mut self, name: &DomainName) -> Option<()> {
        if !self.server.send(STARTTLS).await {
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

    /// The server's reply as the client shall see it.
    fn altered(&mut self, asked: Asked, reply: Reply) -> Reply {
        match asked {
            Asked::Phase(Some(Phase::Connect)) => {
                let Some(Attack::Greet(code)) = self.attack_of(|attack| matches!(attack, Attack::Greet(_))) else {
                    return reply;
                };
                self.interferes(
                    Attack::Greet(code),
                    &format!("greets with {code} in the server's place"),
                );
                vec![format!("{code} No mail service here\r\n").into_bytes()]
            }
            Asked::Phase(Some(Phase::Ehlo)) => self.altered_ehlo(reply),
            Asked::Phase(Some(Phase::Starttls)) if reply.concat().starts_with(b"220") => {
                let odd = Attack::AnswerStarttlsOddly(OddReply::MultiLine);
                if !self.does(odd) {
                    return reply;
                }
                self.interferes(odd, "writes the go-ahead in three lines");
                vec![speech::odd_reply(OddReply::MultiLine)]
            }
            _ => reply,
        }
    }

    fn altered_ehlo(&mut self, reply: Reply) -> Reply {
        self.server_offers_tls = edit::offers_starttls(&reply);
        if let Some(Attack::RefuseEhlo(code)) = self.attack_of(|attack| matches!(attack, Attack::RefuseEhlo(_))) {
            self.interferes(
                Attack::RefuseEhlo(code),
                &format!("answers EHLO with {code} in the server's place"),
            );
            return vec![format!("{code} 5.5.1 Command not implemented\r\n").into_bytes()];
        }
        if self.does(Attack::StripExtensions) {
            self.interferes(
                Attack::StripExtensions,
                "removes everything but STARTTLS from the reply to EHLO",
            );
            return edit::with_starttls_alone(reply);
        }
        if self.does(Attack::AddExtensions) && reply.concat().starts_with(b"250") {
            let (longer, added) = edit::with_extensions(reply);
            if !added.is_empty() {
                let added = added.join(", ");
                self.interferes(Attack::AddExtensions, &format!("adds {added} to the reply to EHLO"));
            }
            return longer;
        }
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
        } else if self.does(Attack::StripWhereNothingIsRequired) {
            self.stripped_where_nothing_is_required(reply)
        } else {
            reply
        }
    }

    /// The adaptive adversary (C-DG-14): it finds out by one probe, and never troubles the client again that insists.
    fn stripped_where_nothing_is_required(&mut self, reply: Reply) -> Reply {
        let what = match self.world.learnt(&self.client_name, self.victim) {
            None => "removes STARTTLS from the reply to EHLO, to see what this client does without",
            Some(Insistence::GoesOnInClear) => {
                "removes STARTTLS from the reply to EHLO: this client went on in clear before"
            }
            Some(Insistence::Insists) => return reply,
        };
        self.probing = true;
        self.interferes(Attack::StripWhereNothingIsRequired, what);
        edit::without_starttls(reply)
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

    /// What came of a line that is not complete.
    fn take_rest(&mut self) -> Vec<u8> {
        std::mem::take(&mut self.octets)
    }
}
