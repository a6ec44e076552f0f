//! The server's session machine, against a client, a network and a driver that do what they like.

use bolero::generator::bolero_generator::TypeGenerator;
use postern_model::mta::server::{RECIPIENTS_LIMIT, Server, ServerSettings};
use postern_model::mta::session::{Input, Listing, Note, Output, Recipient, TlsRequest, Transaction};
use postern_model::scenario::{MailboxState, UnlistedAnswer};
use postern_model::smtp::ReplyReader;

use crate::memory;
use crate::segments::cut;
use crate::session::{Contract, Event, event, flood};

const WORDS: &[&[u8]] = &[
    b"EHLO mx.a.example\r\n",
    b"HELO mx.a.example\r\n",
    b"STARTTLS\r\n",
    b"MAIL FROM:<alice@a.example> SIZE=10\r\n",
    b"MAIL FROM:<>\r\n",
    b"RCPT TO:<bob@b.example>\r\n",
    b"RCPT TO:<full@b.example>\r\n",
    b"RCPT TO:<bob@c.example>\r\n",
    b"DATA\r\n",
    b"hello\r\n",
    b".\r\n",
    b"..\r\n",
    b"RSET\r\n",
    b"NOOP\r\n",
    b"QUIT\r\n",
    b"VRFY bob\r\n",
    b"XYZZY\r\n",
    b"MAIL FROM:<a@a.example> SIZE=99999999999999999999\r\n",
    b"NOOP\nMAIL FROM:<>\r\n",
    b"\n.\n",
    b"\n.\r\n",
    b"\r.\r\n",
    b"\r\n",
    b"\r",
    b"\n",
    b".",
    b"x",
    b"\x16\x03\x01\x02\x00\x01",
    b"0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef",
];

/// The numbers of the words of an honest client, in order.
const HONEST: &[u8] = &[0, 2, 0, 3, 5, 5, 8, 9, 10, 4, 5, 8, 10, 14];

const SIZE_LIMIT: usize = 1000;

/// What the session may take beside the segment that it is handed: what is pipelined, and the replies to it.
const MEMORY_MAX: u64 = 8 * 1024 * 1024;

#[derive(Debug, Clone, TypeGenerator)]
struct Case {
    has_tls: bool,
    demands_tls: bool,
    relays: bool,
    is_exchanger: bool,
    /// How the segments are cut in the second run.
    lengths: Vec<u8>,
    events: Vec<(u8, Vec<u8>)>,
}

/// A case, spelt out.
#[derive(Debug)]
struct Script {
    settings: ServerSettings,
    lengths: Vec<u8>,
    events: Vec<Event>,
}

#[test]
fn server() {
    bolero::check!(name = "server")
        .with_iterations(2_000)
        .with_type()
        .map(script)
        .for_each(|script| {
            let whole = Session::run(script, &[]);
            // Of what comes behind a DATA that is refused it matters whether it came before the answer (C-SMUG-3).
            let is_out_of_step =
                |output: &Output| matches!(output, Output::Note(Note::Misbehaved(why)) if why.contains("behind a DATA"));
            if whole.heard.iter().any(is_out_of_step) {
                return;
            }
            let cut = Session::run(script, &script.lengths);
            assert_eq!(cut.heard, whole.heard, "the segments do not matter");
            assert_eq!(cut.server, whole.server);
        });
}

fn script(case: Case) -> Script {
    let mut settings = ServerSettings::new("mx.b.example".parse().unwrap());
    settings.tls = case.has_tls;
    settings.demands_tls = case.demands_tls;
    settings.relays = case.relays;
    settings.size_limit = SIZE_LIMIT;
    settings.unlisted_answer = UnlistedAnswer::default();
    settings.mailboxes.insert("full".to_owned(), MailboxState::Defers);
    if case.is_exchanger {
        settings.exchanger_for.insert("b.example".parse().unwrap());
    }
    Script {
        settings,
        lengths: case.lengths,
        events: case.events.into_iter().map(|drawn| event(drawn, WORDS)).collect(),
    }
}

/// What the driver was asked and has not answered.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Question {
    Listing,
    Storage,
    Handshake,
}

/// A server, and what its driver and the wire saw of it.
struct Session {
    is_exchanger: bool,
    server: Server,
    contract: Contract,
    /// What was asked of the driver but timers, which content buys by the segment.
    heard: Vec<Output>,
    is_open: bool,
    question: Option<Question>,
    is_secure: bool,
    honest: usize,
    inputs: usize,
    octets_received: usize,
    /// How many lines ended since the connection stood, and whether CR was the last octet.
    line_ends: usize,
    after_cr: bool,
    replies: usize,
}

impl Session {
    fn run(script: &Script, lengths: &[u8]) -> Self {
        let mut session = Self {
            is_exchanger: !script.settings.exchanger_for.is_empty(),
            server: Server::new(script.settings.clone()),
            contract: Contract::default(),
            heard: Vec::new(),
            is_open: false,
            question: None,
            is_secure: false,
            honest: 0,
            inputs: 0,
            octets_received: 0,
            line_ends: 0,
            after_cr: false,
            replies: 0,
        };
        session.listen();
        for event in &script.events {
            session.happen(event, lengths);
        }
        session.hand(Input::Closed);
        assert!(
            session.contract.is_closed,
            "the session does not end with its connection"
        );
        session
    }

    fn happen(&mut self, event: &Event, lengths: &[u8]) {
        match event {
            Event::Honest => self.be_honest(lengths),
            Event::Received(octets) => self.receive(octets, lengths),
            Event::Flooded(word) => {
                for segment in flood(word) {
                    self.receive(&segment, &[]);
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
            Event::TlsSwitched => {
                let settings = self.server.settings_mut();
                settings.tls = !settings.tls;
            }
            Event::DemandSwitched => {
                let settings = self.server.settings_mut();
                settings.demands_tls = !settings.demands_tls;
            }
        }
    }

    /// What a client with a message would do now, or a driver that was asked.
    fn be_honest(&mut self, lengths: &[u8]) {
        match self.question {
            _ if !self.is_open => self.hand(Input::Opened),
            Some(Question::Listing) => self.hand(Input::Answered(Listing::Listed)),
            Some(Question::Storage) => self.hand(Input::Stored),
            Some(Question::Handshake) => self.hand(Input::TlsUp),
            None => {
                let word = HONEST[self.honest % HONEST.len()];
                self.honest += 1;
                self.receive(WORDS[usize::from(word)], lengths);
            }
        }
    }

    fn receive(&mut self, octets: &[u8], lengths: &[u8]) {
        for segment in cut(octets, lengths) {
            self.hand(Input::Received(segment));
        }
    }

    fn hand(&mut self, input: Input<'_>) {
        self.inputs += 1;
        match (input, self.question) {
            (Input::Opened, _) => self.is_open = true,
            (Input::Received(octets), _) => self.count(octets),
            (Input::TlsUp, Some(Question::Handshake)) => {
                self.question = None;
                self.is_secure = true;
            }
            (Input::Answered(_), Some(Question::Listing))
            | (Input::Stored | Input::StoreFailed, Some(Question::Storage)) => self.question = None,
            _ => {}
        }
        memory::within(MEMORY_MAX, || self.server.handle(input));
        self.listen();
    }

    fn count(&mut self, octets: &[u8]) {
        self.octets_received += octets.len();
        for octet in octets {
            self.line_ends += usize::from(self.after_cr && *octet == b'\n');
            self.after_cr = *octet == b'\r';
        }
    }

    fn listen(&mut self) {
        loop {
            let output = self.server.poll();
            if output == Output::Idle {
                break;
            }
            self.contract.follow(&output);
            self.judge(&output);
            if !matches!(output, Output::Arm(_)) {
                self.heard.push(output);
            }
        }
        assert!(self.contract.outputs <= 8 * self.inputs + self.octets_received);
        assert!(self.contract.octets_sent <= 1024 * self.inputs + 32 * self.octets_received);
        // The greeting, the farewell, and one bad line that has not ended yet.
        assert!(self.replies <= self.line_ends + 3, "a reply to what is no line");
        if !self.contract.is_closed && self.is_open {
            let is_asked = matches!(self.question, Some(Question::Listing | Question::Storage));
            let timers = usize::from(!is_asked);
            assert_eq!(self.contract.running.len(), timers, "{:?}", self.contract.running);
        }
    }

    fn judge(&mut self, output: &Output) {
        assert!(
            self.is_open || *output == Output::Close,
            "{output:?} comes before the connection stands"
        );
        match output {
            Output::Send(octets) => {
                let is_farewell = octets.starts_with(b"421");
                assert!(
                    self.question.is_none() || is_farewell,
                    "a reply while {:?} is open",
                    self.question
                );
                is_one_reply(octets);
                self.replies += 1;
            }
            Output::StartTls(request) => {
                assert_eq!(*request, TlsRequest::Accept);
                assert!(!self.is_secure, "TLS inside TLS");
                self.ask(Question::Handshake);
            }
            Output::Ask(_) => self.ask(Question::Listing),
            Output::Keep => panic!("only a client keeps its session"),
            Output::Store(transaction) => {
                self.judge_transaction(transaction);
                self.ask(Question::Storage);
            }
            Output::Arm(_) | Output::Disarm(_) | Output::Close | Output::Note(_) | Output::Idle => {}
        }
    }

    fn ask(&mut self, question: Question) {
        assert_eq!(self.question, None, "one question at a time");
        self.question = Some(question);
    }

    fn judge_transaction(&self, transaction: &Transaction) {
        assert_eq!(transaction.tls, self.is_secure);
        assert!((1..=RECIPIENTS_LIMIT).contains(&transaction.to.len()));
        // Elsewhere than at its exchanger nobody knows of the mailbox.
        let is_refused = |to: &Recipient| self.is_exchanger && to.mailbox.local_part() == "full";
        assert!(!transaction.to.iter().any(is_refused));
        assert!(transaction.content.len() <= SIZE_LIMIT);
        let content = &transaction.content;
        assert!(content.is_empty() || content.ends_with(b"\r\n"));
        let line_ends = content.windows(2).filter(|pair| *pair == b"\r\n").count();
        let marks = content.iter().filter(|octet| matches!(octet, b'\r' | b'\n')).count();
        assert_eq!(marks, 2 * line_ends, "a line end that is none was kept");
    }
}

fn is_one_reply(octets: &[u8]) {
    let mut reader = ReplyReader::new();
    reader.extend(octets);
    let reply = reader.next_reply().expect("a whole reply").expect("a reply");
    assert!(reader.is_empty(), "one reply at a time: {reply}");
    let longest = octets.split(|octet| *octet == b'\n').map(<[u8]>::len).max();
    assert!(longest < Some(512), "RFC 5321 §4.5.3.1.5: {reply}");
}
