//! Sessions that are kept open for more mail.

use super::*;

/// A session whose message was accepted and that stays open.
fn kept(behind_the_reply: &str) -> Story {
    let plan = Plan {
        keep: true,
        ..plan(TlsUse::Never)
    };
    let accepted = format!("250 taken{behind_the_reply}");
    let script = [GREETING, PLAIN, "250 ok", "250 ok", "354 go", &accepted];
    story(plan, &script)
}

#[test]
fn a_session_that_is_kept_sends_another_message_and_takes_leave() {
    let mut story = kept("");
    assert_eq!(story.outcome(), Outcome::Accepted);
    assert_eq!(story.lines.last().unwrap(), "<keep>");
    assert!(story.timers.running().is_empty());
    let envelope = Envelope {
        from: "<>".parse().unwrap(),
        to: "carol@b.example".parse().unwrap(),
        request: Request::default(),
    };
    story.notes.clear();
    story.client.send_another(envelope, b"Subject: again\r\n".to_vec());
    story.drain();
    assert_eq!(story.lines.last().unwrap(), "MAIL FROM:<>");
    for reply in ["250 ok\r\n", "250 ok\r\n", "354 go\r\n", "250 taken\r\n"] {
        story.hand(Input::Received(reply.as_bytes()));
    }
    assert!(story.sent("RCPT TO:<carol@b.example>") && story.sent("Subject: again"));
    assert_eq!(story.outcome(), Outcome::Accepted);
    story.client.quit();
    story.drain();
    assert_eq!(story.lines.last().unwrap(), "QUIT");
    story.hand(Input::Received(b"221 bye\r\n"));
    assert!(story.is_closed());
}

#[test]
fn a_session_that_ends_while_it_is_kept_has_no_second_result() {
    let mut story = kept("");
    story.hand(Input::Closed);
    assert_eq!(story.outcome(), Outcome::Accepted);
    assert!(story.is_closed());
}

#[test]
fn a_reply_behind_the_last_one_is_never_taken_for_that_to_the_next_message() {
    let story = kept("\n250 smuggled");
    assert_eq!(story.outcome(), Outcome::Accepted);
    assert!(!story.lines.contains(&"<keep>".to_owned()) && story.sent("QUIT"));
}

#[test]
fn only_a_session_that_is_kept_sends_another_message() {
    let mut story = story(plan(TlsUse::Never), &[GREETING]);
    let before = story.client.clone();
    let envelope = plan(TlsUse::Never).envelope;
    story.client.send_another(envelope, Vec::new());
    story.client.quit();
    assert_eq!(story.client, before);
}
