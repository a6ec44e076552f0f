use postern_model::monitor::{Verdict, Violation};
use postern_model::scenario::Level;
use postern_model::trace::{Channel, ConnectionId, End, Event, LogEntry, Presented};

use super::*;
use crate::judge::judge;
use crate::rules::Property;
use crate::testing::{Tape, scenario, token};

const SENDER: &str = "out.a.example";
const HOST: &str = "mx1.b.example";

fn picture(tape: Tape) -> Picture {
    let trace = tape.trace();
    let judgement = judge(&scenario(Level::May), &trace);
    Picture::of(&trace, &judgement)
}

fn line(connection: u32, from: End, text: &str) -> Event {
    Event::Line {
        connection: ConnectionId(connection),
        from,
        channel: Channel::Clear,
        text: text.to_owned(),
    }
}

/// A session that the attacker is in: connection 1 to it, and 2 from it.
fn attacked() -> Tape {
    Tape::new()
        .queued(SENDER)
        .dials_into_attacker(SENDER, HOST)
        .attacker_dials(SENDER, HOST)
}

/// The arrows, as who says what to whom.
fn arrows(picture: &Picture) -> Vec<String> {
    let name = |place: &Place| picture.lanes[*place].name.as_str();
    let arrows = picture.rows.iter().filter_map(|row| match &row.what {
        What::Arrow { from, to, lines, .. } => Some(format!("{} > {}: {}", name(from), name(to), lines.join(" / "))),
        _ => None,
    });
    arrows.collect()
}

#[test]
fn the_attacker_stands_between_the_sender_and_the_host() {
    let lanes: Vec<_> = picture(attacked()).lanes.into_iter().map(|lane| lane.name).collect();
    assert_eq!(lanes, [SENDER, "attacker", HOST]);
}

#[test]
fn what_the_attacker_passes_on_is_one_arrow_through_its_lane() {
    let tape = attacked()
        .event(line(1, End::Dialler, "EHLO out.a.example"))
        .event(line(2, End::Dialler, "EHLO out.a.example"));
    let arrows = arrows(&picture(tape));
    assert_eq!(arrows[1..], ["out.a.example > mx1.b.example: EHLO out.a.example"]);
}

#[test]
fn what_the_attacker_changes_is_two_arrows() {
    let tape = attacked()
        .event(line(2, End::Acceptor, "250-mx1.b.example"))
        .event(line(2, End::Acceptor, "250 STARTTLS"))
        .event(line(1, End::Acceptor, "250 mx1.b.example"));
    assert_eq!(
        arrows(&picture(tape))[1..],
        [
            "mx1.b.example > attacker: 250-mx1.b.example / 250 STARTTLS",
            "attacker > out.a.example: 250 mx1.b.example",
        ]
    );
}

#[test]
fn the_same_word_said_twice_is_not_taken_for_one_passed_on() {
    let tape = attacked()
        .event(line(1, End::Dialler, "NOOP"))
        .event(line(2, End::Dialler, "NOOP"))
        .event(line(2, End::Acceptor, "250 Ok"))
        .event(line(1, End::Dialler, "NOOP"));
    assert_eq!(
        arrows(&picture(tape))[1..],
        [
            "out.a.example > mx1.b.example: NOOP",
            "mx1.b.example > attacker: 250 Ok",
            "out.a.example > attacker: NOOP",
        ]
    );
}

#[test]
fn tls_is_shaded_from_the_handshake_to_the_end_of_the_connection() {
    let tape = Tape::new().dials(SENDER, HOST).says("STARTTLS").secured(&[HOST]);
    let picture = picture(tape.says("EHLO out.a.example").closed(&[]).says("late"));
    let [secured] = picture.secured.as_slice() else {
        panic!("{picture:?}")
    };
    assert_eq!(secured.lanes, (0, 1));
    let what = |row: usize| &picture.rows[row].what;
    assert!(matches!(
        what(secured.rows.0),
        What::Between {
            kind: BetweenKind::Secured,
            ..
        }
    ));
    assert!(matches!(
        what(secured.rows.1),
        What::Between {
            kind: BetweenKind::Plain,
            ..
        }
    ));
}

#[test]
fn tls_that_an_attacker_passes_on_unread_goes_through_its_lane() {
    let secured = Event::Secured {
        connection: ConnectionId(1),
        certificate: Presented {
            names: vec![HOST.to_owned()],
            trusted: true,
            current: true,
        },
    };
    let picture = picture(attacked().event(secured));
    assert_eq!(picture.secured[0].lanes, (0, 2));
}

#[test]
fn a_verdict_stands_behind_what_completed_it() {
    let trace = Tape::new().dials(SENDER, HOST).says("QUIT").says("NOOP").trace();
    let mut judgement = judge(&scenario(Level::May), &trace);
    let violation = Violation {
        rule: "SEED-12",
        why: "it said QUIT".to_owned(),
    };
    let verdict = Verdict::Violated { at: 2, violation };
    judgement.verdicts = vec![(Property::P01, verdict)];
    let rows = Picture::of(&trace, &judgement).rows;
    let place = rows.iter().position(|row| matches!(row.what, What::Verdict { .. }));
    assert!(
        place.is_some_and(|place| matches!(&rows[place - 1].what, What::Arrow { lines, .. } if lines == &["QUIT"]))
    );
}

#[test]
fn what_a_host_decides_stands_in_its_lane_without_its_name() {
    let entry = LogEntry::Deferred {
        message: token("m1"),
        why: "4.4.1 nobody is there".to_owned(),
    };
    let picture = picture(Tape::new().dials(SENDER, HOST).logged(SENDER, entry));
    let expected = What::Note {
        lane: 0,
        text: "deferred m1: 4.4.1 nobody is there".to_owned(),
    };
    assert!(picture.rows.iter().any(|row| row.what == expected), "{picture:?}");
}

#[test]
fn a_host_that_dials_and_is_dialled_is_drawn_as_one_that_does_both() {
    let tape = Tape::new().dials(SENDER, HOST).dials(HOST, "mx2.b.example");
    let kinds = picture(tape).lanes.into_iter().map(|lane| lane.kind);
    assert!(kinds.eq([LaneKind::Sender, LaneKind::Relay, LaneKind::Receiver]));
}

#[test]
fn a_host_that_dials_itself_is_drawn_too() {
    let drawn = picture(Tape::new().dials(HOST, HOST).says("QUIT"))
        .draw("it")
        .into_string();
    assert!(drawn.contains(">QUIT<"), "{drawn}");
}

#[test]
fn a_run_in_which_nothing_happened_is_drawn_too() {
    assert!(picture(Tape::new()).draw("it").into_string().starts_with("<svg"));
}

#[test]
fn whatever_was_said_is_text_and_not_a_part_of_the_picture() {
    let hostile = "</text><script>x</script>&amp;";
    let drawn = picture(Tape::new().dials(SENDER, HOST).says(hostile))
        .draw("it")
        .into_string();
    assert!(!drawn.contains("<script"), "{drawn}");
    assert!(drawn.contains("&lt;/text&gt;&lt;script&gt;"), "{drawn}");
    assert!(drawn.contains("&amp;amp;"), "{drawn}");
}

#[test]
fn a_very_long_line_is_broken_and_not_lost() {
    let drawn = picture(Tape::new().dials(SENDER, HOST).says(&"x".repeat(180)))
        .draw("it")
        .into_string();
    assert_eq!(drawn.matches('x').count() - picture_without_x(), 180);
}

/// How often the letter stands in the same picture of a line without it.
fn picture_without_x() -> usize {
    let drawn = picture(Tape::new().dials(SENDER, HOST).says(&"o".repeat(180)))
        .draw("it")
        .into_string();
    drawn.matches('x').count()
}

#[test]
fn the_same_run_is_drawn_in_the_same_way() {
    let drawn = || {
        picture(attacked().event(line(1, End::Dialler, "QUIT")))
            .draw("it")
            .into_string()
    };
    assert_eq!(drawn(), drawn());
}
