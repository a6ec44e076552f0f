//! Whatever comes, in whatever segments.

use proptest::prelude::*;

use super::*;

/// Everything that can happen to a client.
fn script() -> impl Strategy<Value = Vec<Vec<u8>>> {
    let reply = prop_oneof![
        8 => prop::sample::select(vec![
            &b"220 go\r\n"[..], b"250 ok\r\n", b"250-a\r\n250 STARTTLS\r\n", b"354 go\r\n", b"450 no\r\n", b"550 no\r\n",
            b"<up>", b"<failed>", b"<closed>", b"<timeout>",
        ]).prop_map(<[u8]>::to_vec),
        1 => prop::collection::vec(any::<u8>(), 0..100),
        1 => prop::collection::vec(prop::sample::select(b"25-0 \r\n".to_vec()), 0..100),
    ];
    prop::collection::vec(reply, 0..14)
}

proptest! {
    #[test]
    fn whatever_comes_the_client_tells_one_result_and_closes_once(
        script in script(),
        tls in prop::sample::select(vec![TlsUse::Never, TlsUse::IfOffered, TlsUse::Required, TlsUse::Authenticated]),
    ) {
        let mut story = story(plan(tls), &[]);
        for entry in script {
            match entry.as_slice() {
                b"<up>" => story.hand(Input::TlsUp),
                b"<failed>" => story.hand(Input::TlsFailed),
                b"<closed>" => story.hand(Input::Closed),
                b"<timeout>" => {
                    let timer = story.timers.running().first().copied();
                    story.hand(timer.map_or(Input::Closed, Input::Expired));
                }
                octets => story.hand(Input::Received(octets)),
            }
        }
        let is_secured = story.client.tls;
        story.hand(Input::Closed);
        story.outcome();
        prop_assert!(story.is_closed());
        let closes = story.lines.iter().filter(|line| *line == "<close>").count();
        prop_assert_eq!(closes, 1);
        if tls.is_required() {
            prop_assert!(is_secured || !story.sent("MAIL"));
        }
    }

    #[test]
    fn the_split_of_the_octets_does_not_matter(cuts in prop::collection::vec(1usize..20, 1..20)) {
        let replies = [GREETING, EHLO, "250 ok", "250 ok", "354 go", "250 2.0.0 taken", "221 bye"];
        let mut whole = story(plan(TlsUse::Never), &replies);
        let mut split = story(plan(TlsUse::Never), &[]);
        let mut cuts = cuts.iter().cycle();
        for reply in replies {
            let octets = format!("{}\r\n", reply.replace('\n', "\r\n")).into_bytes();
            let mut rest = octets.as_slice();
            while !rest.is_empty() {
                let (segment, behind) = rest.split_at(rest.len().min(*cuts.next().unwrap()));
                split.hand(Input::Received(segment));
                rest = behind;
            }
        }
        whole.drain();
        prop_assert_eq!(&split.lines, &whole.lines);
        prop_assert_eq!(&split.client, &whole.client);
    }
}
