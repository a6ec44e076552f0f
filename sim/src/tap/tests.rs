use std::net::{IpAddr, SocketAddr};

use postern_model::smtp::LineReader;
use tokio::io::{AsyncReadExt, AsyncWriteExt};

use super::line_buffer::LINE_OCTETS_MAX;
use super::*;
use crate::net::{Door, Simulation};

const SERVER: SocketAddr = SocketAddr::new(IpAddr::V4(Ipv4Addr::new(203, 0, 113, 25)), 25);
const CLIENT: IpAddr = IpAddr::V4(Ipv4Addr::new(192, 0, 2, 1));
const LINE_LIMIT: usize = 40;

/// Answers line by line as the project's server does: 250, or 500 as soon as a line is known to be bad.
async fn answers(door: Door, recorder: Rc<Recorder>) {
    let listener = door.listen(SERVER.port()).await.expect("a free port");
    let mut stream = listener.accept().await.expect("a dial");
    let tap = Tap::accepted(&recorder, &stream);
    let mut lines = LineReader::new(LINE_LIMIT);
    let mut octets = [0; 64];
    let mut says = b"220 hello\r\n".to_vec();
    loop {
        stream.write_all(&says).await.expect("a dialler who reads");
        tap.sent(&says, Channel::Clear);
        let count = stream.read(&mut octets).await.unwrap_or_default();
        if count == 0 {
            return;
        }
        tap.received(&octets[..count], Channel::Clear);
        lines.extend(&octets[..count]);
        says.clear();
        while let Some(line) = lines.next_line() {
            says.extend(match line {
                Ok(line) if line.starts_with(b"DATA") => b"503 no\r\n",
                Ok(_) => b"250 ok\r\n",
                Err(_) => b"500 no\r\n",
            });
        }
    }
}

/// What the tap records of a dialler that sends these pieces, a second apart, and reads all that comes.
fn recorded(pieces: &'static [&'static [u8]]) -> Vec<String> {
    let mut simulation = Simulation::new(7);
    let recorder = Rc::new(Recorder::new(simulation.network().clone()));
    let at_server = Rc::clone(&recorder);
    simulation.host("server", SERVER.ip(), move |door| answers(door, at_server));
    let at_client = Rc::clone(&recorder);
    simulation.host("client", CLIENT, move |door| async move {
        let second = std::time::Duration::from_secs(1);
        let names = ["out.a.example", "mx1.b.example"].map(|name| name.parse::<DomainName>().expect("a name"));
        let connection = at_client.dialled(&names[0], &names[1], Ipv4Addr::new(203, 0, 113, 25), None);
        let mut stream = door.dial(connection, SERVER).await.expect("a server that listens");
        let dialled = at_client.connected(connection, false);
        let mut octets = [0; 256];
        for piece in pieces {
            _ = door.timeout(second, stream.read(&mut octets)).await;
            stream.write_all(piece).await.expect("a server that reads");
        }
        while let Ok(Ok(1..)) = door.timeout(second, stream.read(&mut octets)).await {}
        drop(dialled);
    });
    let ended = simulation.run(|| false, std::time::Duration::from_secs(3600), 100_000);
    assert_eq!(ended, Ok(crate::net::End::Horizon));
    let events = recorder.take_trace().records.into_iter().map(|record| record.event);
    let lines = events.filter_map(|event| match event {
        Event::Line { from, text, .. } => Some(match from {
            End::Dialler => format!("C: {text}"),
            End::Acceptor => format!("S: {text}"),
        }),
        _ => None,
    });
    lines.collect()
}

#[test]
fn a_command_is_recorded_before_its_reply_however_it_was_cut() {
    let whole = ["S: 220 hello", "C: NOOP", "S: 250 ok", "C: QUIT", "S: 250 ok"];
    assert_eq!(recorded(&[b"NOOP\r\nQU", b"IT\r\n"]), whole);
    let in_one = recorded(&[b"NOOP\nMAIL FROM:<>\r\n", b"QUIT\r\n"]);
    let bad = [
        "S: 220 hello",
        r"C: NOOP\nMAIL FROM:<>",
        "S: 500 no",
        "C: QUIT",
        "S: 250 ok",
    ];
    assert_eq!(in_one, bad, "a bare LF in one segment");
    let cut = recorded(&[b"NOOP\n", b"MAIL FROM:<>\r\n", b"QUIT\r\n"]);
    let bad = ["S: 220 hello", r"C: NOOP\n", "S: 500 no", "C: QUIT", "S: 250 ok"];
    assert_eq!(cut, bad, "a bare LF, cut behind it");
    let long = recorded(&[
        b"DATA x\r\nXXXXXXXXXXXXXXXXXXXXXXXXXXXXXXXXXXXXXXXXXX",
        b"XX\r",
        b"\nDATA\r\n",
        b"QUIT\r\n",
    ]);
    assert_eq!(long[..2], ["S: 220 hello", "C: DATA x"]);
    assert!(
        long[2].starts_with("C: XXXX") && long[3..5] == ["S: 503 no", "S: 500 no"],
        "{long:#?}"
    );
    assert_eq!(long[5..], ["C: DATA", "S: 503 no", "C: QUIT", "S: 250 ok"]);
}

/// The lines that end, with those that are too long in parts: how long each part is, and whether it is a whole line.
fn cut(octets: &[u8]) -> Vec<(usize, bool, bool)> {
    let mut lines = LineBuffer::default();
    let cuts = octets.iter().filter_map(|octet| lines.push(*octet));
    cuts.map(|cut| (cut.octets.len(), cut.is_first, cut.is_whole)).collect()
}

#[test]
fn the_rest_of_a_line_that_is_too_long_is_no_line_of_its_own() {
    let line = |length: usize, rest: &str| [vec![b'x'; length], rest.as_bytes().to_vec()].concat();
    let max = LINE_OCTETS_MAX;
    assert_eq!(
        cut(&line(max - 2, "\r\n.\r\n")),
        [(max - 2, true, true), (1, true, true)]
    );
    assert_eq!(
        cut(&line(max, ".\r\n.\r\n")),
        [(max, true, false), (1, false, false), (1, true, true)],
        "the first dot is the end of a line, not of the content"
    );
    assert_eq!(
        cut(&line(max - 1, "\r\n.\r\n")),
        [(max - 1, true, false), (0, false, false), (1, true, true)],
        "CRLF where it is cut"
    );
}
