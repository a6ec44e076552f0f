//! A client and a server joined in memory, for tests that read like transcripts.

use crate::mta::client::{Client, Envelope, Plan};
use crate::mta::policy::TlsUse;
use crate::mta::server::{Server, ServerSettings};
use crate::mta::session::{Input, Listing, Note, Outcome, Output, Transaction};
use crate::mta::timer::Timer;
use crate::report::Notify;
use crate::report::Returns;
use crate::scenario::Trouble;
use crate::smtp::{MessageRequest, OriginalRecipient, RecipientRequest, Request, Xtext};

/// The two ends and the world between them.
pub(super) struct Pair {
    pub(super) client: Client,
    pub(super) server: Server,
    /// What DNS says whenever the server asks.
    pub(super) listing: Listing,
    /// Whether the server's disk works.
    pub(super) stores: bool,
    /// Whether handshakes succeed.
    pub(super) handshakes: bool,
    /// How many octets are delivered at a time.
    pub(super) segment: usize,
    /// `C:` and `S:` lines, and what happened besides in angle brackets.
    pub(super) transcript: Vec<String>,
    /// What the server was given to keep.
    pub(super) stored: Vec<Transaction>,
    /// The result, as the client told it.
    pub(super) ended: Vec<(Outcome, String)>,
    to_client: Vec<u8>,
    to_server: Vec<u8>,
}

/// A message from alice@a.example to bob@b.example by way of mx.b.example.
pub(super) fn plan(tls: TlsUse) -> Plan {
    Plan {
        helo_name: "mx.a.example".parse().unwrap(),
        exchanger: "mx.b.example".parse().unwrap(),
        next_hop: "b.example".parse().unwrap(),
        tls,
        envelope: Envelope {
            from: "alice@a.example".parse().unwrap(),
            to: "bob@b.example".parse().unwrap(),
            request: Request::default(),
        },
        content: b"Subject: hello\r\n\r\n.dot\r\n".to_vec(),
        keep: false,
        mutant: None,
    }
}

/// The settings of mx.b.example, exchanger for b.example.
pub(super) fn settings() -> ServerSettings {
    let mut settings = ServerSettings::new("mx.b.example".parse().unwrap());
    settings.exchanger_for.insert("b.example".parse().unwrap());
    settings.size_limit = 1000;
    settings
}

/// What an output looks like in a transcript. Timers and phases do not.
pub(super) fn show(output: &Output) -> Vec<String> {
    match output {
        Output::Send(octets) => {
            let text = String::from_utf8_lossy(octets);
            let lines = text.strip_suffix("\r\n").expect("whole lines").split("\r\n");
            lines.map(str::to_owned).collect()
        }
        Output::StartTls(request) => vec![format!("<{request:?}>")],
        Output::Ask(domain) => vec![format!("<listed for {domain}?>")],
        Output::Store(transaction) => {
            let to: Vec<_> = transaction.to.iter().map(|to| &to.mailbox).collect();
            vec![format!("<store for {to:?}>")]
        }
        Output::Keep => vec!["<keep>".to_owned()],
        Output::Close => vec!["<close>".to_owned()],
        Output::Note(Note::Ended { outcome, because }) => vec![format!("<{outcome:?}: {because}>")],
        Output::Note(Note::WithoutTls(why)) => vec![format!("<without TLS: {why:?}>")],
        Output::Note(Note::Misbehaved(how)) => vec![format!("<misbehaved: {how}>")],
        Output::Note(Note::Phase(_)) | Output::Arm(_) | Output::Disarm(_) | Output::Idle => Vec::new(),
    }
}

/// Which timers run, by what a machine asked.
#[derive(Debug, Default)]
pub(super) struct Timers(Vec<Timer>);

impl Timers {
    pub(super) fn follow(&mut self, output: &Output) {
        match output {
            Output::Arm(timer) => {
                self.0.retain(|running| running != timer);
                self.0.push(*timer);
            }
            Output::Disarm(timer) => {
                assert!(self.0.contains(timer), "{timer:?} is disarmed and does not run");
                self.0.retain(|running| running != timer);
            }
            _ => {}
        }
    }

    pub(super) fn running(&self) -> &[Timer] {
        &self.0
    }
}

impl Pair {
    pub(super) fn new(tls: TlsUse, settings: ServerSettings) -> Self {
        Self {
            client: Client::new(plan(tls)),
            server: Server::new(settings),
            listing: Listing::Listed,
            stores: true,
            handshakes: true,
            segment: usize::MAX,
            transcript: Vec::new(),
            stored: Vec::new(),
            ended: Vec::new(),
            to_client: Vec::new(),
            to_server: Vec::new(),
        }
    }

    /// Lets the two talk until neither has anything to say.
    pub(super) fn run(mut self) -> Self {
        self.client.handle(Input::Opened);
        self.server.handle(Input::Opened);
        for _ in 0..100_000 {
            let client_idles = self.poll_client();
            let server_idles = self.poll_server();
            let (to_client, to_server) = (
                self.segment.min(self.to_client.len()),
                self.segment.min(self.to_server.len()),
            );
            let for_client: Vec<u8> = self.to_client.drain(..to_client).collect();
            let for_server: Vec<u8> = self.to_server.drain(..to_server).collect();
            if !for_client.is_empty() {
                self.client.handle(Input::Received(&for_client));
            } else if !for_server.is_empty() {
                self.server.handle(Input::Received(&for_server));
            } else if client_idles && server_idles {
                return self;
            }
            if !for_client.is_empty() && !for_server.is_empty() {
                self.server.handle(Input::Received(&for_server));
            }
        }
        panic!("the two never came to rest");
    }

    /// How it ended.
    pub(super) fn outcome(&self) -> Outcome {
        let [(outcome, _)] = self.ended.as_slice() else {
            panic!("the session has one result: {:?}", self.ended);
        };
        *outcome
    }

    fn poll_client(&mut self) -> bool {
        let mut is_idle = true;
        loop {
            let output = self.client.poll();
            let lines = show(&output).into_iter().map(|line| match line.strip_prefix('<') {
                Some(_) => line,
                None => format!("C: {line}"),
            });
            self.transcript.extend(lines);
            match output {
                Output::Idle => return is_idle,
                Output::Send(octets) => self.to_server.extend(octets),
                Output::StartTls(_) if self.handshakes => {
                    self.client.handle(Input::TlsUp);
                    self.server.handle(Input::TlsUp);
                }
                Output::StartTls(_) => {
                    self.client.handle(Input::TlsFailed);
                    self.server.handle(Input::TlsFailed);
                }
                Output::Close => self.server.handle(Input::Closed),
                Output::Note(Note::Ended { outcome, because }) => self.ended.push((outcome, because)),
                _ => {}
            }
            is_idle = false;
        }
    }

    fn poll_server(&mut self) -> bool {
        let mut is_idle = true;
        loop {
            let output = self.server.poll();
            if let Output::Send(_) = output {
                let lines = show(&output).into_iter().map(|line| format!("S: {line}"));
                self.transcript.extend(lines);
            }
            match output {
                Output::Idle => return is_idle,
                Output::Send(octets) => self.to_client.extend(octets),
                Output::Ask(_) => self.server.handle(Input::Answered(self.listing)),
                Output::Store(transaction) if self.stores => {
                    self.stored.push(transaction);
                    self.server.handle(Input::Stored);
                }
                Output::Store(_) => self.server.handle(Input::StoreFailed),
                _ => {}
            }
            is_idle = false;
        }
    }
}

#[test]
fn a_message_goes_over_tls() {
    let pair = Pair::new(TlsUse::IfOffered, settings()).run();
    assert_eq!(
        pair.transcript,
        [
            "S: 220 mx.b.example ESMTP Postern",
            "C: EHLO mx.a.example",
            "S: 250-mx.b.example",
            "S: 250-PIPELINING",
            "S: 250-SIZE 1000",
            "S: 250-STARTTLS",
            "S: 250-ENHANCEDSTATUSCODES",
            "S: 250-DSN",
            "S: 250 8BITMIME",
            "C: STARTTLS",
            "S: 220 2.0.0 Ready to start TLS",
            "<Anyone(mx.b.example)>",
            "C: EHLO mx.a.example",
            "S: 250-mx.b.example",
            "S: 250-PIPELINING",
            "S: 250-SIZE 1000",
            "S: 250-ENHANCEDSTATUSCODES",
            "S: 250-DSN",
            "S: 250 8BITMIME",
            "C: MAIL FROM:<alice@a.example> SIZE=24",
            "S: 250 2.1.0 Ok",
            "C: RCPT TO:<bob@b.example>",
            "S: 250 2.1.5 Ok",
            "C: DATA",
            "S: 354 End data with <CR><LF>.<CR><LF>",
            "C: Subject: hello",
            "C: ",
            "C: ..dot",
            "C: .",
            "S: 250 2.0.0 Ok: message taken",
            "<Accepted: host mx.b.example said: 250 2.0.0 Ok: message taken (in reply to end of data)>",
            "C: QUIT",
            "S: 221 2.0.0 mx.b.example Closing connection",
            "<close>",
        ]
    );
    let [transaction] = pair.stored.as_slice() else {
        panic!("one message is stored: {:?}", pair.stored);
    };
    assert!(transaction.tls);
    assert_eq!(transaction.client_name, "mx.a.example");
    assert_eq!(transaction.content, plan(TlsUse::IfOffered).content);
}

#[test]
fn the_split_of_the_octets_does_not_matter() {
    let whole = Pair::new(TlsUse::Required, settings()).run();
    for segment in 1..40 {
        let mut pair = Pair::new(TlsUse::Required, settings());
        pair.segment = segment;
        let pair = pair.run();
        assert_eq!(pair.transcript, whole.transcript, "in segments of {segment}");
        assert_eq!((pair.client, pair.server), (whole.client.clone(), whole.server.clone()));
    }
}

#[test]
fn every_use_of_tls_meets_every_server() {
    use crate::mta::session::WithoutTls::{HandshakeFailed, NotOffered};
    use Outcome::{Accepted, TlsBroke, TlsUnavailable};
    use TlsUse::{Authenticated, IfOffered, Never, Required};
    for (tls, offered, handshakes, outcome, is_secured) in [
        (Never, true, true, Accepted, false),
        (Never, false, true, Accepted, false),
        (IfOffered, true, true, Accepted, true),
        (IfOffered, false, true, Accepted, false),
        (IfOffered, true, false, TlsBroke(HandshakeFailed), false),
        (Required, true, true, Accepted, true),
        (Required, false, true, TlsUnavailable(NotOffered), false),
        (Required, true, false, TlsUnavailable(HandshakeFailed), false),
        (Authenticated, true, true, Accepted, true),
        (Authenticated, false, true, TlsUnavailable(NotOffered), false),
        (Authenticated, true, false, TlsUnavailable(HandshakeFailed), false),
    ] {
        let mut settings = settings();
        settings.tls = offered;
        let mut pair = Pair::new(tls, settings);
        pair.handshakes = handshakes;
        let pair = pair.run();
        assert_eq!(pair.outcome(), outcome, "{tls:?} {offered} {handshakes}");
        assert_eq!(pair.stored.len(), usize::from(outcome == Accepted));
        assert!(pair.stored.iter().all(|transaction| transaction.tls == is_secured));
    }
}

#[test]
fn an_unlisted_server_that_demands_tls_gets_it_from_a_client_that_wishes_it() {
    for (tls, outcome) in [
        (TlsUse::Never, Outcome::RefusedForNow),
        (TlsUse::IfOffered, Outcome::Accepted),
    ] {
        let mut settings = settings();
        settings.demands_tls = true;
        let mut pair = Pair::new(tls, settings);
        pair.listing = Listing::Unlisted;
        assert_eq!(pair.run().outcome(), outcome, "{tls:?}");
    }
}

#[test]
fn a_message_that_could_not_be_stored_is_refused_for_now() {
    let mut pair = Pair::new(TlsUse::Never, settings());
    pair.stores = false;
    assert_eq!(pair.run().outcome(), Outcome::RefusedForNow);
}

/// The plan of a message whose sender asks for everything that may be asked.
fn asking(tls: TlsUse) -> Plan {
    let mut plan = plan(tls);
    let request = &mut plan.envelope.request;
    request.message = MessageRequest {
        returns: Some(Returns::Headers),
        envelope_id: Some(Xtext::encode("batch 7")),
    };
    request.recipient = RecipientRequest {
        notify: Some(Notify::Never),
        original: Some(OriginalRecipient::of(&plan.envelope.to)),
    };
    plan
}

#[test]
fn what_is_asked_about_notifications_arrives_where_dsn_is_offered() {
    let mut pair = Pair::new(TlsUse::IfOffered, settings());
    pair.client = Client::new(asking(TlsUse::IfOffered));
    let pair = pair.run();
    for line in [
        "C: MAIL FROM:<alice@a.example> SIZE=24 RET=HDRS ENVID=batch+207",
        "C: RCPT TO:<bob@b.example> NOTIFY=NEVER ORCPT=rfc822;bob@b.example",
    ] {
        assert!(pair.transcript.iter().any(|said| said == line), "{:?}", pair.transcript);
    }
    let [stored] = pair.stored.as_slice() else {
        panic!("one message is stored");
    };
    let asked = asking(TlsUse::IfOffered).envelope.request;
    assert_eq!(
        (&stored.request, &stored.to[0].request),
        (&asked.message, &asked.recipient)
    );
}

#[test]
fn nothing_is_asked_where_dsn_is_not_offered_inside_tls_whatever_was_offered_before() {
    let mut settings = settings();
    settings.trouble = Trouble::ListsDiffer;
    let mut pair = Pair::new(TlsUse::IfOffered, settings);
    pair.client = Client::new(asking(TlsUse::IfOffered));
    let pair = pair.run();
    let offers = pair.transcript.iter().filter(|said| *said == "S: 250-DSN").count();
    assert_eq!(
        (offers, pair.outcome()),
        (1, Outcome::Accepted),
        "{:?}",
        pair.transcript
    );
    assert!(
        pair.transcript
            .iter()
            .any(|said| said == "C: MAIL FROM:<alice@a.example>"),
        "{:?}",
        pair.transcript
    );
    let [stored] = pair.stored.as_slice() else {
        panic!("one message is stored");
    };
    assert!(stored.request.is_empty() && stored.to[0].request.is_empty());
}

#[test]
fn requests_go_with_ehlo_only() {
    let mut server = Server::new(settings());
    server.handle(Input::Opened);
    server.handle(Input::Received(
        b"HELO mx.a.example\r\nMAIL FROM:<> RET=FULL\r\nMAIL FROM:<>\r\nRCPT TO:<bob@b.example> NOTIFY=NEVER\r\n",
    ));
    let outputs = std::iter::from_fn(|| Some(server.poll()).filter(|output| *output != Output::Idle));
    let replies: Vec<String> = outputs.flat_map(|output| show(&output)).collect();
    let codes: Vec<&str> = replies.iter().map(|reply| &reply[..3]).collect();
    assert_eq!(codes, ["220", "250", "555", "250", "555"], "{replies:?}");
}
