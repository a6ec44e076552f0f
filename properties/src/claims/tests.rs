use std::time::Duration;

use postern_model::trace::{Presented, Record};

use super::*;

const CONNECTION: ConnectionId = ConnectionId(0);

fn line(from: End, channel: Channel, text: &str) -> Event {
    Event::Line {
        connection: CONNECTION,
        from,
        channel,
        text: text.to_owned(),
    }
}

fn secured() -> Event {
    Event::Secured {
        connection: CONNECTION,
        certificate: Presented {
            names: Vec::new(),
            trusted: true,
            current: true,
        },
    }
}

fn told(reply: Option<(u16, &str)>, extensions: &[&str]) -> Event {
    Event::Told {
        connection: CONNECTION,
        claim: Claim {
            sent: true,
            encrypted: true,
            reply: reply.map(|(code, text)| (code, text.to_owned())),
            extensions: Some(extensions.iter().map(|extension| (*extension).to_owned()).collect()),
            words: String::new(),
        },
    }
}

/// A session in which STARTTLS and 8BITMIME are offered in clear, and 8BITMIME inside TLS.
fn session(last: Event) -> Trace {
    use Channel::{Clear, Tls};
    use End::{Acceptor, Dialler};
    let events = [
        line(Acceptor, Clear, "220 mx1.b.example ESMTP"),
        line(Dialler, Clear, "EHLO out.a.example"),
        line(Acceptor, Clear, "250-mx1.b.example"),
        line(Acceptor, Clear, "250-8BITMIME"),
        line(Acceptor, Clear, "250 STARTTLS"),
        line(Dialler, Clear, "STARTTLS"),
        line(Acceptor, Clear, "220 2.0.0 Ready"),
        secured(),
        line(Dialler, Tls, "EHLO out.a.example"),
        line(Acceptor, Tls, "250-mx1.b.example"),
        line(Acceptor, Tls, "250 8BITMIME"),
        Event::Content {
            connection: CONNECTION,
            channel: Tls,
            text: String::new(),
        },
        line(Acceptor, Tls, "250 2.0.0 OK"),
        last,
    ];
    let records = events.map(|event| Record {
        at: Duration::ZERO,
        event,
    });
    Trace {
        records: records.to_vec(),
    }
}

fn verdict(trace: &Trace, property: Property) -> Option<Verdict> {
    let mut verdicts = judge(trace).into_iter();
    verdicts.find_map(|(judged, verdict)| (judged == property).then_some(verdict))
}

fn rule(trace: &Trace, property: Property) -> Option<&'static str> {
    match verdict(trace, property) {
        Some(Verdict::Violated { violation, .. }) => Some(violation.rule),
        _ => None,
    }
}

#[test]
fn what_was_said_inside_tls_may_be_told() {
    let trace = session(told(Some((250, "2.0.0 OK")), &["8BITMIME"]));
    assert_eq!(verdict(&trace, Property::P13), Some(Verdict::Holds));
    assert_eq!(verdict(&trace, Property::P28), Some(Verdict::Holds));
    assert_eq!(verdict(&trace, Property::P36), Some(Verdict::Holds));
}

#[test]
fn a_reply_that_was_said_in_clear_only_is_forged() {
    let trace = session(told(Some((220, "2.0.0 Ready")), &[]));
    assert_eq!(rule(&trace, Property::P28), Some("R3207-4.2-b"));
}

#[test]
fn an_extension_that_was_offered_in_clear_only_is_forged() {
    let trace = session(told(None, &["STARTTLS"]));
    assert_eq!(rule(&trace, Property::P28), Some("R3207-4.2-b"));
}

#[test]
fn no_message_is_sent_by_a_reply_that_asks_for_more() {
    let trace = session(told(Some((354, "Go on")), &[]));
    assert_eq!(rule(&trace, Property::P13), Some("R5321-4.2.5-a"));
}

#[test]
fn no_message_is_sent_before_the_server_took_it() {
    let mut trace = session(told(None, &[]));
    trace
        .records
        .retain(|record| !matches!(record.event, Event::Content { .. }));
    assert_eq!(rule(&trace, Property::P13), Some("R5321-4.2.5-a"));
}

#[test]
fn no_message_is_sent_that_was_refused_whatever_the_answer_to_quit() {
    let mut trace = session(told(None, &[]));
    let content = trace
        .records
        .iter()
        .position(|record| matches!(record.event, Event::Content { .. }));
    let refused = Record {
        at: Duration::ZERO,
        event: line(End::Acceptor, Channel::Tls, "554 5.6.0 No"),
    };
    trace.records.insert(content.expect("there is content") + 1, refused);
    assert_eq!(rule(&trace, Property::P13), Some("R5321-4.2.5-a"));
}

#[test]
fn no_session_is_encrypted_without_a_handshake() {
    let mut trace = session(told(None, &[]));
    trace
        .records
        .retain(|record| !matches!(record.event, Event::Secured { .. }));
    assert_eq!(rule(&trace, Property::P36), Some("R7435-3-d"));
}

#[test]
fn where_nobody_tells_anything_nothing_is_put_to_the_test() {
    assert_eq!(judge(&session(secured())), []);
}
