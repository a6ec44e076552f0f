//! The server's session, driven by every command and by all else that can happen to it.
//!
//! A refusal moves nothing but the count of errors, so it is not followed; at ten errors the server closes. A transaction
//! has one recipient.

use postern_model::mta::server::{Server, ServerSettings, Standing};
use postern_model::mta::session::{Input, Listing, Output};
use postern_model::mta::timer::Timer;

use crate::graph::Graph;
use crate::kind::{Kind, event, kind};
use crate::walk::{Answer, Session, Then, draw};

const OPENED: &str = "the connection stands";
const TLS_UP: &str = "the handshake succeeds";
const TLS_FAILED: &str = "the handshake fails";
const CLOSED: &str = "the connection closes";
const SILENCE: &str = "silence";
const NONSENSE: &str = "nonsense";
const FINAL_DOT: &str = "final dot";
const STORED: &str = "stored";
const STORE_FAILED: &str = "cannot be stored";
const LISTED: &str = "listed";
const UNLISTED: &str = "not listed";
const LOOKUP_FAILED: &str = "lookup failed";

const ALPHABET: &[Kind] = &[
    event(OPENED),
    event(TLS_UP),
    event(TLS_FAILED),
    kind(
        "any command",
        &[
            event("EHLO"),
            event("STARTTLS"),
            event("MAIL"),
            event("RCPT"),
            event("DATA"),
            event("RSET"),
            event("NOOP"),
            event("VRFY"),
            event(NONSENSE),
            event("QUIT"),
        ],
    ),
    event(FINAL_DOT),
    event(STORED),
    event(STORE_FAILED),
    event(LISTED),
    event(UNLISTED),
    event(LOOKUP_FAILED),
    event(SILENCE),
    event(CLOSED),
];

/// The server's session under an operator's wishes about TLS.
pub(crate) fn picture(title: &str, wish: impl Fn(&mut ServerSettings)) -> Graph {
    let mut settings = ServerSettings::new("mx.b.example".parse().expect("a name"));
    settings.exchanger_for.insert("b.example".parse().expect("a name"));
    wish(&mut settings);
    draw(title, Server::new(settings), ALPHABET)
}

impl Session for Server {
    fn place(&self) -> String {
        let name = match self.standing() {
            Standing::Opening => return "before the connection".to_owned(),
            Standing::Handshake => return "TLS handshake".to_owned(),
            Standing::Connected => "no EHLO yet",
            Standing::Introduced => "EHLO given",
            Standing::Sender => "MAIL taken",
            Standing::Recipients => "RCPT taken",
            Standing::Listing => "asking DNS",
            Standing::Content => "content",
            Standing::Storing => "storing",
            Standing::Over => "over",
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
        let line = match event {
            OPENED => return answer(self, Input::Opened),
            TLS_UP => return answer(self, Input::TlsUp),
            TLS_FAILED => return answer(self, Input::TlsFailed),
            CLOSED => return answer(self, Input::Closed),
            STORED => return answer(self, Input::Stored),
            STORE_FAILED => return answer(self, Input::StoreFailed),
            LISTED => return answer(self, Input::Answered(Listing::Listed)),
            UNLISTED => return answer(self, Input::Answered(Listing::Unlisted)),
            LOOKUP_FAILED => return answer(self, Input::Answered(Listing::LookupFailed)),
            SILENCE => {
                let expired = [Timer::Idle, Timer::Handshake].map(Input::Expired);
                return expired.into_iter().find_map(|input| answer(self, input));
            }
            // One recipient is enough, and a dot ends nothing but content.
            "RCPT" if self.standing() == Standing::Recipients => return None,
            FINAL_DOT if self.standing() != Standing::Content => return None,
            FINAL_DOT => ".\r\n",
            "EHLO" => "EHLO mx.a.example\r\n",
            "STARTTLS" => "STARTTLS\r\n",
            "MAIL" => "MAIL FROM:<alice@a.example>\r\n",
            "RCPT" => "RCPT TO:<bob@b.example>\r\n",
            "DATA" => "DATA\r\n",
            "RSET" => "RSET\r\n",
            "NOOP" => "NOOP\r\n",
            "VRFY" => "VRFY bob\r\n",
            "QUIT" => "QUIT\r\n",
            _ => "FROB\r\n",
        };
        answer(self, Input::Received(line.as_bytes()))
    }
}

fn answer(server: &Server, input: Input<'_>) -> Option<Answer<Server>> {
    let mut next = server.clone();
    next.handle(input);
    let mut codes: Vec<String> = Vec::new();
    loop {
        match next.poll() {
            Output::Idle => break,
            Output::Send(octets) => codes.push(String::from_utf8_lossy(&octets[..3]).into_owned()),
            _ => {}
        }
    }
    let is_same = (next.standing(), next.is_secured()) == (server.standing(), server.is_secured());
    let is_refusal = codes.iter().any(|code| code.starts_with(['4', '5']));
    let said = codes.join(", ");
    let (said, then) = match next.standing() {
        Standing::Over if said.is_empty() => ("ends".to_owned(), Then::Ends),
        Standing::Over => (format!("{said}, ends"), Then::Ends),
        _ if is_same && is_refusal => (said, Then::Stays),
        // Nothing is refused and nothing moves: there is nothing to say.
        _ if is_same => return None,
        _ => (said, Then::Goes(next)),
    };
    Some(Answer { said, then })
}
