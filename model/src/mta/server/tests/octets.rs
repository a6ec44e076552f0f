//! Whatever octets come, in whatever segments.

use proptest::prelude::*;

use super::*;

/// Lines that a session is made of, and some that it is not.
fn dialogue() -> impl Strategy<Value = String> {
    let line = prop::sample::select(vec![
        "EHLO mx.a.example\r\n",
        "HELO mx.a.example\r\n",
        "STARTTLS\r\n",
        "MAIL FROM:<alice@a.example> SIZE=10\r\n",
        "RCPT TO:<bob@b.example>\r\n",
        "RCPT TO:<bob@c.example>\r\n",
        "DATA\r\n",
        ".\r\n",
        "..\r\n",
        "hello\r\n",
        "RSET\r\n",
        "QUIT\r\n",
        "NOOP\n",
        "\r",
    ]);
    prop::collection::vec(line, 0..24).prop_map(|lines| lines.concat())
}

/// All that comes of these segments, with a driver that answers at once.
fn outputs(settings: ServerSettings, segments: &[&[u8]]) -> (Vec<Output>, Server) {
    let mut server = Server::new(settings);
    let mut outputs = Vec::new();
    server.handle(Input::Opened);
    for segment in [&[&b""[..]], segments].concat() {
        server.handle(Input::Received(segment));
        loop {
            let output = server.poll();
            match &output {
                Output::Idle => break,
                Output::Arm(_) => continue,
                Output::Ask(_) => server.handle(Input::Answered(Listing::Unlisted)),
                Output::Store(_) => server.handle(Input::Stored),
                _ => {}
            }
            outputs.push(output);
        }
        assert!(server.lines.len() <= PIPELINE_LIMIT);
        assert!(
            server
                .envelope
                .iter()
                .all(|envelope| envelope.to.len() <= RECIPIENTS_LIMIT)
        );
    }
    (outputs, server)
}

proptest! {
    #[test]
    fn the_split_of_the_octets_does_not_matter(
        text in dialogue(),
        cuts in prop::collection::vec(0usize..400, 0..6),
        demands_tls: bool,
    ) {
        let mut settings = settings();
        settings.demands_tls = demands_tls;
        let mut cuts: Vec<usize> = cuts.into_iter().map(|cut| cut.min(text.len())).collect();
        cuts.sort_unstable();
        let ends = cuts.iter().copied().chain([text.len()]);
        let segments: Vec<&[u8]> = std::iter::once(0).chain(cuts.iter().copied()).zip(ends)
            .map(|(start, end)| &text.as_bytes()[start..end])
            .collect();
        let whole = outputs(settings.clone(), &[text.as_bytes()]);
        // What came behind a refused DATA before its answer is the one thing for which time matters (C-SMUG-3).
        prop_assume!(!whole.0.iter().any(|output| matches!(output, Output::Note(Note::Misbehaved(_)))));
        prop_assert_eq!(outputs(settings, &segments), whole);
    }

    #[test]
    fn arbitrary_octets_never_panic(segments in prop::collection::vec(prop::collection::vec(any::<u8>(), 0..200), 0..8)) {
        let segments: Vec<&[u8]> = segments.iter().map(Vec::as_slice).collect();
        let (outputs, _) = outputs(settings(), &segments);
        let closes = outputs.iter().filter(|output| **output == Output::Close).count();
        prop_assert!(closes <= 1);
    }
}
