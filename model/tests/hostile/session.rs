//! What the fuzzer lets happen to a session, and what holds for both ends of it.

use std::fmt;

use postern_model::mta::session::{Listing, Note, Output};
use postern_model::mta::timer::Timer;

/// The most octets of one event that repeats what the other end says.
const FLOOD_OCTETS: usize = 96 * 1024;

/// Something that happens.
#[derive(Clone)]
pub(crate) enum Event {
    /// What an honest world does next: the connection stands, the peer goes on, the handshake succeeds, the driver answers.
    Honest,
    /// The peer sends these octets in one segment.
    Received(Vec<u8>),
    /// The peer sends these octets again and again, in segments of a few kilobytes.
    Flooded(Vec<u8>),
    Opened,
    TlsUp,
    TlsFailed,
    Closed,
    /// The timer that runs has run out.
    TimeIsUp,
    /// A timer has run out, whether it runs or not.
    Expired(Timer),
    Answered(Listing),
    Stored,
    StoreFailed,
    /// The operator of the server switches TLS on or off.
    TlsSwitched,
    /// The operator of the server begins or ceases to demand TLS.
    DemandSwitched,
}

const TIMERS: [Timer; 9] = [
    Timer::Connect,
    Timer::Greeting,
    Timer::Command,
    Timer::Handshake,
    Timer::Mail,
    Timer::Rcpt,
    Timer::DataInitiation,
    Timer::DataTermination,
    Timer::Idle,
];

/// What a kind and its detail, both drawn freely, stand for, when the peer has these words. Half of all is honest, so that
/// sessions get far.
pub(crate) fn event((kind, detail): (u8, Vec<u8>), words: &[&[u8]]) -> Event {
    let first = detail.first().copied().unwrap_or_default();
    let word = |number: &u8| words[usize::from(*number) % words.len()];
    match kind {
        0..=127 => Event::Honest,
        128..=199 => Event::Received(detail.iter().flat_map(word).copied().collect()),
        200..=219 => Event::Received(detail),
        220..=221 => Event::Flooded(word(&first).to_vec()),
        222..=223 => Event::Opened,
        224..=227 => Event::TlsUp,
        228..=230 => Event::TlsFailed,
        231..=232 => Event::Closed,
        233..=235 => Event::TimeIsUp,
        236..=239 => Event::Expired(TIMERS[usize::from(first) % TIMERS.len()]),
        240..=242 => {
            Event::Answered([Listing::Listed, Listing::Unlisted, Listing::LookupFailed][usize::from(first) % 3])
        }
        243..=244 => Event::Stored,
        245..=246 => Event::StoreFailed,
        247..=250 => Event::TlsSwitched,
        251..=255 => Event::DemandSwitched,
    }
}

/// The segments of a flood of this word.
pub(crate) fn flood(word: &[u8]) -> Vec<Vec<u8>> {
    let segment = word.repeat(4096 / word.len());
    vec![segment.clone(); FLOOD_OCTETS / segment.len()]
}

/// On one line, the octets as text.
impl fmt::Debug for Event {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Honest => formatter.write_str("Honest"),
            Self::Received(octets) => write!(formatter, "Received(\"{}\")", octets.escape_ascii()),
            Self::Flooded(octets) => write!(formatter, "Flooded(\"{}\")", octets.escape_ascii()),
            Self::Opened => formatter.write_str("Opened"),
            Self::TlsUp => formatter.write_str("TlsUp"),
            Self::TlsFailed => formatter.write_str("TlsFailed"),
            Self::Closed => formatter.write_str("Closed"),
            Self::TimeIsUp => formatter.write_str("TimeIsUp"),
            Self::Expired(timer) => write!(formatter, "Expired({timer:?})"),
            Self::Answered(listing) => write!(formatter, "Answered({listing:?})"),
            Self::Stored => formatter.write_str("Stored"),
            Self::StoreFailed => formatter.write_str("StoreFailed"),
            Self::TlsSwitched => formatter.write_str("TlsSwitched"),
            Self::DemandSwitched => formatter.write_str("DemandSwitched"),
        }
    }
}

/// What both ends of a session have promised: timers that are armed before they are stopped, one close, and nothing
/// behind it.
#[derive(Debug, Default)]
pub(crate) struct Contract {
    /// The timers that run.
    pub(crate) running: Vec<Timer>,
    pub(crate) is_closed: bool,
    pub(crate) octets_sent: usize,
    pub(crate) outputs: usize,
}

impl Contract {
    pub(crate) fn follow(&mut self, output: &Output) {
        assert!(!self.is_closed, "{output:?} comes behind the close");
        self.outputs += 1;
        match output {
            Output::Arm(timer) => {
                self.running.retain(|running| running != timer);
                self.running.push(*timer);
            }
            Output::Disarm(timer) => {
                assert!(self.running.contains(timer), "{timer:?} is disarmed and does not run");
                self.running.retain(|running| running != timer);
            }
            Output::Send(octets) => {
                self.octets_sent += octets.len();
                assert!(
                    !octets.is_empty() && lines_are_whole(octets),
                    "{:?}",
                    String::from_utf8_lossy(octets)
                );
            }
            Output::Close => {
                self.is_closed = true;
                assert!(self.running.is_empty(), "{:?} runs on after the close", self.running);
            }
            Output::Note(Note::Misbehaved(text) | Note::Ended { because: text, .. }) => {
                assert!(!text.contains(['\r', '\n']) && text.chars().count() <= 4096, "{text}");
            }
            _ => {}
        }
    }
}

/// Whether the octets end by CRLF, and CR and LF stand nowhere alone (R5321-2.3.8-a).
fn lines_are_whole(octets: &[u8]) -> bool {
    let (mut ends, mut marks) = (0, 0);
    for (index, octet) in octets.iter().enumerate() {
        marks += usize::from(matches!(octet, b'\r' | b'\n'));
        ends += usize::from(octets[..=index].ends_with(b"\r\n"));
    }
    octets.ends_with(b"\r\n") && marks == 2 * ends
}
