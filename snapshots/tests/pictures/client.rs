//! The client's session, driven by every class of reply and by all else that can happen to it.

use postern_model::mta::client::{Client, Envelope, Plan, Stage};
use postern_model::mta::policy::TlsUse;
use postern_model::mta::session::{Input, Note, Outcome, Output, TlsRequest, WithoutTls};
use postern_model::mta::timer::Timer;
use postern_model::smtp::Request;

use crate::graph::Graph;
use crate::kind::{Kind, event, kind};
use crate::walk::{Answer, Session, Then, draw};

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
    let mut client = Client::new(plan(tls));
    while client.poll() != Output::Idle {}
    draw(title, client, ALPHABET)
}

fn plan(tls: TlsUse) -> Plan {
    Plan {
        helo_name: "mx.a.example".parse().expect("a name"),
        exchanger: "mx.b.example".parse().expect("a name"),
        next_hop: "b.example".parse().expect("a name"),
        tls,
        envelope: Envelope {
            from: "alice@a.example".parse().expect("a path"),
            to: "bob@b.example".parse().expect("a mailbox"),
            request: Request::default(),
        },
        content: b"Subject: hello\r\n".to_vec(),
        keep: false,
        mutant: None,
    }
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
        if event == SILENCE {
            let expired = TIMERS.map(Input::Expired);
            return expired.into_iter().find_map(|input| answer(self, input));
        }
        let reply = match event {
            OPENED => return answer(self, Input::Opened),
            TLS_UP => return answer(self, Input::TlsUp),
            TLS_FAILED => return answer(self, Input::TlsFailed),
            CLOSED => return answer(self, Input::Closed),
            NO_SMTP => "garbage\r\n".to_owned(),
            BEHIND => "220 Ok\r\n250 Ok\r\n".to_owned(),
            LISTS_STARTTLS => "250-mx.b.example\r\n250 STARTTLS\r\n".to_owned(),
            code => format!("{code} as it is\r\n"),
        };
        answer(self, Input::Received(reply.as_bytes()))
    }
}

fn answer(client: &Client, input: Input<'_>) -> Option<Answer<Client>> {
    let mut next = client.clone();
    next.handle(input);
    let (mut ending, mut request) = (None, None);
    loop {
        match next.poll() {
            Output::Idle => break,
            Output::Note(Note::Ended { outcome, .. }) => ending = Some(outcome),
            Output::StartTls(asked) => request = Some(asked),
            _ => {}
        }
    }
    match ending {
        Some(outcome) => Some(Answer {
            said: outcome_in_words(outcome),
            then: Then::Ends,
        }),
        None if next == *client => None,
        None => Some(Answer {
            said: request.map_or_else(String::new, request_in_words),
            then: Then::Goes(next),
        }),
    }
}

fn request_in_words(request: TlsRequest) -> String {
    match request {
        TlsRequest::Authenticated(name) => format!("the certificate must prove {name}"),
        TlsRequest::Anyone(_) | TlsRequest::Accept => "with any server".to_owned(),
    }
}

fn outcome_in_words(outcome: Outcome) -> String {
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
