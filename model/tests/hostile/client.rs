//! The client's session machine, against a server, a network and a driver that do what they like.

use bolero::generator::bolero_generator::TypeGenerator;
use postern_model::mta::client::{Client, Envelope, Plan};
use postern_model::mta::policy::TlsUse;
use postern_model::mta::session::{Input, Note, Outcome, Output, TlsRequest};
use postern_model::mta::timer::Timer;
use postern_model::smtp::{Request, stuff};

use crate::memory;
use crate::session::{Contract, Event, event, flood};

const WORDS: &[&[u8]] = &[
    b"220 mx.b.example ESMTP\r\n",
    b"250-mx.b.example\r\n250-SIZE 1000\r\n250-STARTTLS\r\n250 8BITMIME\r\n",
    b"250 mx.b.example\r\n",
    b"220 go\r\n",
    b"250 2.1.0 ok\r\n",
    b"354 go on\r\n",
    b"221 bye\r\n",
    b"250-more\r\n",
    b"250 STARTTLS\r\n",
    b"421 4.3.2 closing\r\n",
    b"450 4.2.0 later\r\n",
    b"454 4.7.0 no TLS\r\n",
    b"530 5.7.0 STARTTLS first\r\n",
    b"550 5.1.1 no\r\n",
    b"554 no\r\n",
    b"599\r\n",
    b"199 odd\r\n",
    b"250 a\n",
    b"\r\n",
    b"\r",
    b"x",
    b"\x16\x03\x01\x02\x00\x01",
    b"250",
    b" ",
    b"-",
    b"0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef",
];

const CONTENTS: &[&[u8]] = &[
    b"Subject: SECRET\r\n\r\n.dot\r\n",
    b"",
    b"Subject: SECRET gr\xc3\xbc\xc3\x9f\r\n",
    b".\r\nSECRET\n.\n.\r\r\nQUIT",
    b"SECRET\r",
];

/// What the session may take beside the segment that it is handed: a whole reply within its bounds, and what it sends.
const MEMORY_MAX: u64 = 1024 * 1024;

/// Commands, and what is said of the end. Beside them only the content is sent, once.
const OCTETS_SENT_MAX: usize = 8 * 512;

/// All that a session may ask of its driver, however long it goes on: stages times what each takes.
const OUTPUTS_MAX: usize = 100;

#[derive(Debug, Clone, TypeGenerator)]
struct Case {
    tls: u8,
    content: u8,
    /// Where the first line of each segment is cut in the second run.
    cut: u8,
    events: Vec<(u8, Vec<u8>)>,
}

/// A case, spelt out.
#[derive(Debug)]
struct Script {
    plan: Plan,
    cut: usize,
    events: Vec<Event>,
}

#[test]
fn client() {
    bolero::check!(name = "client")
        .with_iterations(2_000)
        .with_type()
        .map(script)
        .for_each(|script| {
            let whole = Session::run(script, None);
            let cut = Session::run(script, Some(script.cut));
            assert_eq!(cut.heard, whole.heard, "the segments do not matter");
            assert_eq!(cut.client, whole.client);
        });
}

fn script(case: Case) -> Script {
    let levels = [
        TlsUse::Never,
        TlsUse::IfOffered,
        TlsUse::Required,
        TlsUse::Authenticated,
    ];
    let plan = Plan {
        helo_name: "mx.a.example".parse().unwrap(),
        exchanger: "mx.b.example".parse().unwrap(),
        next_hop: "b.example".parse().unwrap(),
        tls: levels[usize::from(case.tls) % levels.len()],
        envelope: Envelope {
            from: "alice@a.example".parse().unwrap(),
            to: "bob@b.example".parse().unwrap(),
            request: Request::default(),
        },
        content: CONTENTS[usize::from(case.content) % CONTENTS.len()].to_vec(),
        keep: false,
        mutant: None,
    };
    Script {
        plan,
        cut: usize::from(case.cut),
        events: case.events.into_iter().map(|drawn| event(drawn, WORDS)).collect(),
    }
}

/// A client, and what its driver and the wire saw of it.
struct Session {
    plan: Plan,
    client: Client,
    contract: Contract,
    heard: Vec<Output>,
    is_open: bool,
    /// The handshake that was asked for and is not over.
    handshake: Option<TlsRequest>,
    is_secure: bool,
    /// The last thing that was sent.
    last_sent: Vec<u8>,
    /// What came since.
    received: Vec<u8>,
    content_is_sent: bool,
    ended: Option<Outcome>,
}

impl Session {
    fn run(script: &Script, cut: Option<usize>) -> Self {
        let mut session = Self {
            plan: script.plan.clone(),
            client: Client::new(script.plan.clone()),
            contract: Contract::default(),
            heard: Vec::new(),
            is_open: false,
            handshake: None,
            is_secure: false,
            last_sent: Vec::new(),
            received: Vec::new(),
            content_is_sent: false,
            ended: None,
        };
        session.listen();
        for event in &script.events {
            session.happen(event, cut);
        }
        // However the session stands, the end of the connection is its end.
        session.hand(Input::Closed);
        assert!(
            session.contract.is_closed,
            "the session does not end with its connection"
        );
        assert!(session.ended.is_some(), "the session closed without a result");
        session
    }

    fn happen(&mut self, event: &Event, cut: Option<usize>) {
        match event {
            Event::Honest => self.be_honest(cut),
            Event::Received(octets) => self.receive(octets, cut),
            Event::Flooded(word) => {
                for segment in flood(word) {
                    self.receive(&segment, cut);
                }
            }
            Event::Opened => self.hand(Input::Opened),
            Event::TlsUp => self.hand(Input::TlsUp),
            Event::TlsFailed => self.hand(Input::TlsFailed),
            Event::Closed => self.hand(Input::Closed),
            Event::TimeIsUp => {
                if let Some(timer) = self.contract.running.first().copied() {
                    self.hand(Input::Expired(timer));
                }
            }
            Event::Expired(timer) => self.hand(Input::Expired(*timer)),
            Event::Answered(listing) => self.hand(Input::Answered(*listing)),
            Event::Stored => self.hand(Input::Stored),
            Event::StoreFailed => self.hand(Input::StoreFailed),
            Event::TlsSwitched | Event::DemandSwitched => {}
        }
    }

    /// What a server that takes everything would do now.
    fn be_honest(&mut self, cut: Option<usize>) {
        if !self.is_open {
            return self.hand(Input::Opened);
        }
        if self.handshake.is_some() {
            return self.hand(Input::TlsUp);
        }
        let reply = match self.last_sent.get(..4) {
            None => WORDS[0],
            Some(b"EHLO") if !self.is_secure => WORDS[1],
            Some(b"EHLO" | b"HELO") => WORDS[2],
            Some(b"STAR") => WORDS[3],
            Some(b"DATA") => WORDS[5],
            Some(b"QUIT") => WORDS[6],
            Some(_) => WORDS[4],
        };
        self.receive(reply, cut);
    }

    /// Hands octets over, in one piece or cut before the end of their first line: behind a whole reply the client may have
    /// sent a command, and then what comes is its reply.
    fn receive(&mut self, octets: &[u8], cut: Option<usize>) {
        let first_line = octets.iter().position(|octet| *octet == b'\n').unwrap_or(octets.len());
        let (before, behind) = octets.split_at(cut.unwrap_or_default().min(first_line));
        if !before.is_empty() {
            self.received.extend(before);
            self.hand(Input::Received(before));
        }
        self.received.extend(behind);
        self.hand(Input::Received(behind));
    }

    fn hand(&mut self, input: Input<'_>) {
        match input {
            Input::Opened if !self.is_open => {
                self.is_open = true;
                self.received.clear();
            }
            Input::TlsUp => self.is_secure |= self.handshake.take().is_some(),
            Input::TlsFailed | Input::Closed | Input::Expired(Timer::Handshake) => self.handshake = None,
            _ => {}
        }
        let runs = |timer| self.contract.running.contains(&timer);
        let is_news = !matches!(input, Input::Expired(timer) if !runs(timer));
        let outputs = self.contract.outputs;
        memory::within(MEMORY_MAX, || self.client.handle(input));
        self.listen();
        assert!(
            is_news || self.contract.outputs == outputs,
            "a timer that does not run changed something"
        );
    }

    fn listen(&mut self) {
        loop {
            let output = self.client.poll();
            if output == Output::Idle {
                break;
            }
            self.contract.follow(&output);
            self.judge(&output);
            self.heard.push(output);
        }
        if !self.contract.is_closed {
            assert_eq!(
                self.contract.running.len(),
                1,
                "a client always waits for something, and not for ever"
            );
        }
        let content = if self.content_is_sent {
            stuff(&self.plan.content).len()
        } else {
            0
        };
        assert!(self.contract.octets_sent <= OCTETS_SENT_MAX + content);
        assert!(self.contract.outputs <= OUTPUTS_MAX);
    }

    fn judge(&mut self, output: &Output) {
        match output {
            Output::Send(octets) => {
                assert!(self.is_open && self.handshake.is_none());
                if self.plan.tls.is_required() && !self.is_secure {
                    tells_nothing_of_the_message(octets);
                }
                if self.last_sent.starts_with(b"DATA") && !octets.starts_with(b"QUIT") {
                    assert!(!self.content_is_sent, "the content goes once");
                    assert!(self.received.starts_with(b"3"), "only 354 asks for the content");
                    assert_eq!(octets, &stuff(&self.plan.content));
                    self.content_is_sent = true;
                } else {
                    let lines = octets.iter().filter(|octet| **octet == b'\n').count();
                    assert!(lines == 1 && octets.len() <= 512, "one command at a time: {octets:?}");
                }
                self.last_sent.clone_from(octets);
                self.received.clear();
            }
            Output::StartTls(request) => {
                assert!(!self.is_secure && self.last_sent.starts_with(b"STARTTLS"));
                assert!(self.received.starts_with(b"220"), "only 220 is the go-ahead");
                let next_hop = &self.plan.next_hop;
                match self.plan.tls {
                    TlsUse::Never => panic!("TLS is not wished for"),
                    TlsUse::IfOffered | TlsUse::Required => assert!(matches!(request, TlsRequest::Anyone(_))),
                    TlsUse::Authenticated => assert_eq!(*request, TlsRequest::Authenticated(next_hop.clone())),
                }
                self.handshake = Some(request.clone());
            }
            Output::Note(Note::Ended { outcome, .. }) => {
                assert_eq!(self.ended, None, "the session has one result");
                self.ended = Some(*outcome);
                self.judge_outcome(*outcome);
            }
            Output::Close => assert!(self.ended.is_some(), "the result is told before the close"),
            Output::Keep => panic!("nobody asked for the session to be kept"),
            Output::Ask(_) | Output::Store(_) => panic!("a client neither asks nor stores: {output:?}"),
            Output::Arm(_) | Output::Disarm(_) | Output::Note(_) | Output::Idle => {}
        }
    }

    fn judge_outcome(&self, outcome: Outcome) {
        match outcome {
            Outcome::Accepted => {
                assert!(
                    self.content_is_sent && self.received.starts_with(b"2"),
                    "accepted unheard"
                );
                assert!(self.is_secure || !self.plan.tls.is_required(), "accepted in clear");
            }
            Outcome::RefusedForNow => assert!(matches!(self.received.first(), Some(b'4' | b'5'))),
            Outcome::RefusedForGood => assert!(self.received.starts_with(b"5")),
            Outcome::TlsUnavailable(_) => {
                assert!(self.plan.tls.is_required() && !self.content_is_sent);
            }
            Outcome::TlsBroke(_) => {
                assert!(self.plan.tls == TlsUse::IfOffered && !self.content_is_sent);
            }
            Outcome::ConnectionFailed => {}
        }
    }
}

/// Only what secures the session, or ends it, may be said in clear where TLS is required.
fn tells_nothing_of_the_message(octets: &[u8]) {
    let harmless = [
        &b"EHLO mx.a.example\r\n"[..],
        b"HELO mx.a.example\r\n",
        b"STARTTLS\r\n",
        b"QUIT\r\n",
    ];
    assert!(
        harmless.contains(&octets),
        "in clear: {:?}",
        String::from_utf8_lossy(octets)
    );
}
