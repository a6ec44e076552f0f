//! The decision tables about TLS, made by driving the machines.

use std::fmt::Write;

use mailpostern::table::{Column, table};
use postern_model::mta::policy::TlsUse;
use postern_model::mta::session::Outcome;
use postern_model::scenario::Level;

use crate::client::{outcome_in_words, outcomes, to_the_message};
use crate::delivery::{Kept, Standing, decision, tls_use_after_a_failure, will_do};

const LEVELS: [Level; 4] = [Level::None, Level::May, Level::Encrypt, Level::Secure];

/// Whether there is another host, and whether the lifetime is over; the columns of a decision.
const MOMENTS: [(bool, bool); 4] = [(true, false), (false, false), (true, true), (false, true)];

/// What each level of local policy for a next hop asks of a session, and what becomes of mail where TLS cannot be had.
pub(crate) fn requirement() -> String {
    let mut text = String::from(
        "What the local policy for a next hop asks of each session with a host of it.\n\
         “After a failure” is for clients that remember for a while where TLS broke.\n\n",
    );
    let columns = ["level", "a session uses", "after a failure"].map(Column::Text);
    let rows = LEVELS.map(|level| {
        vec![
            level.to_string(),
            words(TlsUse::of(level)).to_owned(),
            words(tls_use_after_a_failure(level)).to_owned(),
        ]
    });
    text += &table(&columns, rows);
    text += "\nWhat comes of it, by what the server does.\n\n";
    let mut rows = Vec::new();
    for level in LEVELS {
        for (what, lists, code, shakes) in [
            ("TLS works", true, "220", true),
            ("STARTTLS is not offered", false, "220", true),
            ("STARTTLS is answered 454", true, "454", true),
            ("STARTTLS is answered 554", true, "554", true),
            ("the handshake fails", true, "220", false),
        ] {
            let mut row = vec![level.to_string(), what.to_owned()];
            match to_the_message(TlsUse::of(level), lists, code, shakes) {
                Ok(client) if client.is_secured() => row.push("sends inside TLS".to_owned()),
                Ok(_) => row.push("sends in clear".to_owned()),
                Err(outcome) => {
                    row.push(outcome_in_words(outcome));
                    row.extend(decisions(level, false, outcome));
                }
            }
            row.resize(3 + MOMENTS.len(), "-".to_owned());
            rows.push(row);
        }
    }
    text + &table(&with_moments(&["level", "the server", "the session"]), rows)
}

/// What the delivery machine does after each result that a session can come to.
pub(crate) fn after_a_session() -> String {
    let mut text = String::from(
        "What the delivery machine asks for after each result that a session of that kind can come to.\n\n\
         next host             the exchanger of next preference, under the same policy\n\
         dial again, in clear  the same address, without TLS\n\
         wait                  the attempt is over; the retry schedule says when the next begins\n\
         give back             a notification goes to the reverse path\n\n",
    );
    let mut rows: Vec<(Vec<String>, Vec<String>)> = Vec::new();
    for (is_in_clear, kind) in [(false, "as the level asks"), (true, "again, in clear")] {
        for level in LEVELS {
            let can_break = outcomes(TlsUse::of(level))
                .iter()
                .any(|outcome| matches!(outcome, Outcome::TlsBroke(_)));
            if is_in_clear && !can_break {
                continue;
            }
            let tls = if is_in_clear { TlsUse::Never } else { TlsUse::of(level) };
            for outcome in outcomes(tls) {
                let what = vec![kind.to_owned(), outcome_in_words(outcome)];
                let then = decisions(level, is_in_clear, outcome);
                // Levels at which all is alike share a row.
                let alike = |row: &&mut (Vec<String>, Vec<String>)| row.0[1..] == what[..] && row.1 == then;
                match rows.iter_mut().find(alike) {
                    Some((known, _)) => write!(known[0], ", {level}").expect("a string takes all"),
                    None => rows.push(([vec![level.to_string()], what].concat(), then)),
                }
            }
        }
    }
    rows.sort_by_key(|(what, _)| (what[1] != "as the level asks", what[2].clone()));
    let rows = rows.into_iter().map(|(what, then)| [what, then].concat());
    text += &table(&with_moments(&["level", "the session", "its result"]), rows);
    text
}

/// For which mail a session that is kept open will do.
pub(crate) fn kept_sessions() -> String {
    let mut text = String::from(
        "Whether a session that stands open after a message will do for the next message to the same host, by the level of\n\
         local policy for the next hop of that next message. If not, the host is dialled anew.\n\n",
    );
    let mut rows = Vec::new();
    for (what, kept) in [
        ("in clear, at level none", (Level::None, false, false, false)),
        (
            "in clear, at level may: TLS was not to be had",
            (Level::May, false, false, false),
        ),
        (
            "in clear, at level may, after TLS broke",
            (Level::May, false, true, false),
        ),
        ("TLS, with anyone", (Level::Encrypt, false, false, true)),
        (
            "TLS, certificate proves another next hop",
            (Level::Secure, true, false, true),
        ),
        (
            "TLS, certificate proves this next hop",
            (Level::Secure, false, false, true),
        ),
    ] {
        let (level, is_for_another_hop, is_in_clear, is_secured) = kept;
        let kept = Kept {
            level,
            is_for_another_hop,
            is_in_clear,
            is_secured,
        };
        let answers = LEVELS.map(|level| if will_do(kept, level) { "yes" } else { "no" }.to_owned());
        rows.push([vec![what.to_owned()], answers.to_vec()].concat());
    }
    text += &table(
        &["the session was", "none", "may", "encrypt", "secure"].map(Column::Text),
        rows,
    );
    text
}

fn decisions(level: Level, is_in_clear: bool, outcome: Outcome) -> Vec<String> {
    let at = |(has_another, is_last_attempt)| {
        let standing = Standing {
            level,
            has_another,
            is_last_attempt,
            is_in_clear,
        };
        decision(standing, outcome)
    };
    MOMENTS.map(at).to_vec()
}

fn with_moments(columns: &[&'static str]) -> Vec<Column> {
    let moments = [
        "another host",
        "no other host",
        "last attempt, another",
        "last attempt, no other",
    ];
    columns.iter().copied().chain(moments).map(Column::Text).collect()
}

fn words(tls: TlsUse) -> &'static str {
    match tls {
        TlsUse::Never => "no TLS",
        TlsUse::IfOffered => "TLS if it is offered",
        TlsUse::Required => "TLS, with anyone",
        TlsUse::Authenticated => "TLS, certificate must prove the next hop",
    }
}
