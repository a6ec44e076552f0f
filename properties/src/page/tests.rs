use std::collections::BTreeSet;
use std::sync::Arc;

use postern_model::scenario::Level;
use postern_sim::subjects::CLIENTS;

use super::*;
use crate::campaign::CryptoChoice;
use crate::judge::judge;
use crate::matrix::{Evidence, Matrix, Plan, Row, Violation};
use crate::rules::Property;
use crate::subjects::Subject;
use crate::subjects::{Cell, Finding, Outcome};
use crate::testing::{Tape, scenario};

const HOSTILE: &str = "<script>alert(1)</script>&\"'</style><img src=x onerror=alert(2)>";

fn replayed(title: &str, said: &str) -> String {
    let trace = Tape::new().dials("out.a.example", "mx1.b.example").says(said).trace();
    let judgement = judge(&scenario(Level::May), &trace);
    let run = postern_sim::Run {
        trace,
        wire_hash: "0".to_owned(),
        trace_hash: "0".to_owned(),
        sessions: 1,
        decisions: BTreeSet::new(),
    };
    replay(&Replay {
        source: title,
        title,
        client: "postern",
        server: "postern",
        judged_by: "nobody",
        unmet: &[title.to_owned()],
        run: &run,
        judgement: &judgement,
    })
}

/// A matrix of one subject that breaks one rule, in these words.
fn of_one(why: &str, evidence: Evidence) -> String {
    let subject = Subject::Client(CLIENTS[0]);
    let finding = Finding {
        rule: "R7504-3/4",
        worlds: 1,
        seed: 7,
        why: why.to_owned(),
    };
    let cells = Property::ALL.iter().map(|property| Cell {
        property: *property,
        applies: subject.applies(*property),
        outcome: match property {
            Property::P02 => Outcome::Violated,
            _ => Outcome::NotApplicable,
        },
        holds: 0,
        not_exercised: 0,
        violated: 1,
        findings: vec![finding.clone()],
    });
    let row = Row {
        subject,
        worlds: 1,
        sessions: 1,
        fingerprint: 0,
        failed: 1,
        first_failure: Some((9, why.to_owned())),
        cells: cells.collect(),
        violations: vec![Violation {
            property: Property::P02,
            finding,
            evidence,
        }],
    };
    let plan = Plan {
        subjects: vec![subject],
        from: 1,
        worlds: 1,
        jobs: 1,
        crypto: CryptoChoice::Fast,
        folder: "nowhere".into(),
        stop: Arc::default(),
    };
    matrix(&plan, &Matrix { rows: vec![row] })
}

/// What stands between two marks, everywhere.
fn between<'a>(text: &'a str, begin: &'a str, end: &'a str) -> Vec<&'a str> {
    let parts = text.split(begin).skip(1);
    parts
        .filter_map(|part| part.split_once(end).map(|(found, _)| found))
        .collect()
}

#[track_caller]
fn assert_harmless(page: &str) {
    for forbidden in [
        "<script",
        "<img",
        "<link",
        "<iframe",
        "src=\"",
        "url(",
        "@import",
        "://",
        "javascript:",
    ] {
        assert!(!page.contains(forbidden), "{forbidden} stands in\n{page}");
    }
}

#[test]
fn whatever_comes_from_a_run_or_a_scenario_is_only_text() {
    assert_harmless(&replayed(HOSTILE, HOSTILE));
    assert_harmless(&of_one(HOSTILE, Evidence::None(HOSTILE.to_owned())));
}

#[test]
fn every_link_leads_to_a_part_of_the_page_and_every_part_has_its_own_id() {
    for page in [
        replayed("a", "b"),
        of_one("it did", Evidence::None("no reason".to_owned())),
    ] {
        let ids = between(&page, " id=\"", "\"");
        let different: BTreeSet<_> = ids.iter().collect();
        assert_eq!(ids.len(), different.len(), "{ids:?}");
        let links = between(&page, "href=\"#", "\"");
        assert!(!links.is_empty());
        for link in links {
            assert!(different.contains(&link), "#{link} leads nowhere");
        }
    }
}

#[test]
fn what_cannot_be_shown_again_says_so() {
    let page = of_one("it did", Evidence::None("the disk is full".to_owned()));
    assert!(
        page.contains("There is nothing to show for it: the disk is full."),
        "{page}"
    );
    let evidence = Evidence::DoesNotReplay {
        file: "a.toml".into(),
        replay: "postern replay a.toml".to_owned(),
        why: "it holds".to_owned(),
    };
    let page = of_one("it did", evidence);
    assert!(
        page.contains("it does not show the violation again: it holds."),
        "{page}"
    );
}

#[test]
fn a_replay_has_its_transcript_beside_its_diagram() {
    let page = replayed("a", "MAIL FROM:<>");
    let drawn = page.split("</svg>").next().unwrap_or_default();
    assert!(drawn.contains(">MAIL FROM:&lt;&gt;<"), "{page}");
    assert!(page.contains("clear C: MAIL FROM:&lt;&gt;\n"), "{page}");
}
