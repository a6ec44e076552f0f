//! The client's session, driven by every class of reply and by all else that can happen to it.

use std::collections::BTreeSet;

use postern_model::mta::client::{Client, Envelope, Plan, Stage};
use postern_model::mta::policy::TlsUse;
use postern_model::mta::session::{Input, Note, Outcome, Output, TlsRequest, WithoutTls};
use postern_model::mta::timer::Timer;
use postern_model::smtp::Request;

use crate::graph::Graph;
use crate::kind::{Kind, event, kind};
use crate::walk::{Answer, Session, Then, draw};

const NEXT_HOP: &str = "b.example";

const LISTS_STARTTLS: &str = "250 with STARTTLS";
const OPENED: &str = "the connection stands";
const TLS_UP: &str = "the handshake succeeds";
const TLS_FAILED: &str = "the handshake fails";
const CLOSED: &str = "the connection closes";
const SILENCE: &str = "silence";
const NO_SMTP: &str = "no SMTP";
const BEHIND: &str = "220 and more";

const REPLIES: &[Kind] = &[
    kind("2yz", &[event("220"), event(LISTS_STARTTLS), event("250")]),
    kind("3yz", &[event("354")]),
    kind("4yz", &[event("421"), event("451"), event("454")]),
    kind("5yz", &[event("521"), event("530"), event("550"), event("554")]),
];

const ALPHABET: &[Kind] = &[
    event(OPENED),
    event(TLS_UP),
    event(TLS_FAILED),
    kind("any reply", REPLIES),
    kind(
        "no proper reply",
        &[event(BEHIND), event(NO_SMTP), event(SILENCE), event(CLOSED)],
    ),
];

const TIMERS: [Timer; 8] = [
    Timer::Connect,
    Timer::Greeting,
    Timer::Command,
    Timer::Handshake,
    Timer::Mail,
    Timer::Rcpt,
    Timer::DataInitiation,
    Timer::DataTermination,
];

/// The client's session under a policy.
pub(crate) fn picture(title: &str, tls: TlsUse) -> Graph {
    draw(title, client(tls), ALPHABET)
}

fn client(tls: TlsUse) -> Client {
    let mut client = Client::new(Plan {
        helo_name: "mx.a.example".parse().expect("a name"),
        exchanger: "mx.b.example".parse().expect("a name"),
        next_hop: NEXT_HOP.parse().expect("a name"),
        tls,
        envelope: Envelope {
            from: "alice@a.example".parse().expect("a path"),
            to: "bob@b.example".parse().expect("a mailbox"),
            request: Request::default(),
        },
        content: b"Subject: hello\r\n".to_vec(),
        keep: false,
        mutant: None,
    });
    while client.poll() != Output::Idle {}
    client
}

impl Session for Client {
    fn place(&self) -> String {
        let name = match self.stage() {
            Stage::Opening => return "connecting".to_owned(),
            Stage::Handshake => return "TLS handshake".to_owned(),
            Stage::Greeting => return "greeting".to_owned(),
            Stage::Starttls => return "STARTTLS".to_owned(),
            Stage::Ehlo => "EHLO",
            Stage::Helo => "HELO",
            Stage::Mail => "MAIL",
            Stage::Rcpt => "RCPT",
            Stage::Data => "DATA",
            Stage::EndOfData => "final dot",
            Stage::Kept | Stage::Quit | Stage::Over => "farewell",
        };
        match self.is_secured() {
            true => format!("{name}, inside TLS"),
            false => format!("{name}, in clear"),
        }
    }

    fn is_inside_tls(&self) -> bool {
        self.is_secured()
    }

    fn after(&self, event: &'static str) -> Option<Answer<Self>> {
        let Step { next, outcome, request } = step(self, event);
        match outcome {
            Some(outcome) => Some(Answer {
                said: outcome_in_words(outcome),
                then: Then::Ends,
            }),
            None if next == *self => None,
            None => Some(Answer {
                said: request.map_or_else(String::new, request_in_words),
                then: Then::Goes(next),
            }),
        }
    }
}

/// What an event leads to.
pub(crate) struct Step {
    pub(crate) next: Client,
    /// The result, if the session has it now.
    pub(crate) outcome: Option<Outcome>,
    /// What is demanded of the handshake that begins now.
    request: Option<TlsRequest>,
}

/// Hands an event of the alphabet to a client.
pub(crate) fn step(client: &Client, event: &'static str) -> Step {
    let reply = match event {
        OPENED => return handed(client, [Input::Opened]),
        TLS_UP => return handed(client, [Input::TlsUp]),
        TLS_FAILED => return handed(client, [Input::TlsFailed]),
        CLOSED => return handed(client, [Input::Closed]),
        // Of all timers one runs; the others change nothing.
        SILENCE => return handed(client, TIMERS.map(Input::Expired)),
        NO_SMTP => "garbage\r\n".to_owned(),
        BEHIND => "220 Ok\r\n250 Ok\r\n".to_owned(),
        LISTS_STARTTLS => "250-mx.b.example\r\n250 STARTTLS\r\n".to_owned(),
        code => format!("{code} as it is\r\n"),
    };
    handed(client, [Input::Received(reply.as_bytes())])
}

fn handed<'a>(client: &Client, inputs: impl IntoIterator<Item = Input<'a>>) -> Step {
    let mut next = client.clone();
    for input in inputs {
        next.handle(input);
    }
    let (mut outcome, mut request) = (None, None);
    loop {
        match next.poll() {
            Output::Idle => break,
            Output::Note(Note::Ended { outcome: told, .. }) => outcome = Some(told),
            Output::StartTls(asked) => request = Some(asked),
            _ => {}
        }
    }
    Step { next, outcome, request }
}

/// Every result that a session with this use of TLS can come to.
pub(crate) fn outcomes(tls: TlsUse) -> BTreeSet<Outcome> {
    let events: Vec<_> = ALPHABET.iter().flat_map(Kind::events).collect();
    let mut outcomes = BTreeSet::new();
    let mut clients = vec![client(tls)];
    let mut walked = 0;
    while let Some(client) = clients.get(walked).cloned() {
        for event in &events {
            let Step { next, outcome, .. } = step(&client, event);
            match outcome {
                Some(outcome) => _ = outcomes.insert(outcome),
                None if clients.contains(&next) => {}
                None => clients.push(next),
            }
        }
        walked += 1;
    }
    outcomes
}

/// How far a client comes with a server: to the result, or to MAIL. The server lists STARTTLS or does not, answers it by a
/// code, and the handshake goes well or does not.
pub(crate) fn to_the_message(tls: TlsUse, lists: bool, code: &'static str, shakes: bool) -> Result<Client, Outcome> {
    let mut client = client(tls);
    loop {
        let event = match client.stage() {
            Stage::Opening => OPENED,
            Stage::Greeting => "220",
            Stage::Ehlo if lists && !client.is_secured() => LISTS_STARTTLS,
            Stage::Ehlo | Stage::Helo => "250",
            Stage::Starttls => code,
            Stage::Handshake if shakes => TLS_UP,
            Stage::Handshake => TLS_FAILED,
            _ => return Ok(client),
        };
        let Step { next, outcome, .. } = step(&client, event);
        if let Some(outcome) = outcome {
            return Err(outcome);
        }
        client = next;
    }
}

fn request_in_words(request: TlsRequest) -> String {
    match request {
        TlsRequest::Authenticated(name) if name.as_str() == NEXT_HOP => {
            "the certificate must prove the next hop".to_owned()
        }
        TlsRequest::Authenticated(name) => format!("the certificate must prove {name}"),
        TlsRequest::Anyone(_) | TlsRequest::Accept => "with any server".to_owned(),
    }
}

pub(crate) fn outcome_in_words(outcome: Outcome) -> String {
    let words = match outcome {
        Outcome::Accepted => "accepted",
        Outcome::RefusedForNow => "refused for now",
        Outcome::RefusedForGood => "refused for good",
        Outcome::TlsUnavailable(WithoutTls::NotOffered) => "TLS unavailable, not offered",
        Outcome::TlsUnavailable(WithoutTls::Refused) => "TLS unavailable, refused",
        Outcome::TlsUnavailable(WithoutTls::HandshakeFailed) => "TLS unavailable, handshake failed",
        Outcome::TlsBroke(WithoutTls::NotOffered) => "TLS broke, not offered",
        Outcome::TlsBroke(WithoutTls::Refused) => "TLS broke, refused",
        Outcome::TlsBroke(WithoutTls::HandshakeFailed) => "TLS broke, handshake failed",
        Outcome::ConnectionFailed => "connection failed",
    };
    words.to_owned()
}
