//! The scenario reader.

use postern_model::scenario::Scenario;
use proptest::prelude::*;

use crate::memory;
use crate::words::{random, spell};

const WORDS: &[&[u8]] = &[
    b"title = \"t\"\n",
    b"seed = 7\n",
    b"[[domain]]\n",
    b"[[host]]\n",
    b"[[message]]\n",
    b"[[step]]\n",
    b"[expect]\n",
    b"name = \"mx.b.example\"\n",
    b"name = \"b.example\"\n",
    b"name = \"m1\"\n",
    b"host = \"mx.b.example\"\n",
    b"mx = [{ host = \"mx.b.example\", preference = 10 }]\n",
    b"from = \"a@a.example\"\n",
    b"to = \"bob@b.example\"\n",
    b"from = \"\"\n",
    b"at = \"1h\"\n",
    b"at = \"9999999 days\"\n",
    b"policy = ",
    b"\"encrypt\"\n",
    b"\"none\"\n",
    b" = ",
    b"\n",
    b"\"",
    b"[",
    b"]",
    b"{",
    b"}",
    b",",
    b".",
    b"'''",
    b"-1",
    b"18446744073709551616",
    b"0x",
    b"nan",
    b"\r\n",
    b"\xff",
    b"\0",
    b"\xe2\x80\xae",
    b"\\u0000",
    b"time-to-live = \"0s\"\n",
    b"relay-for = [\"mx.b.example\"]\n",
    b"requires-tls-of = [\"mx.b.example\"]\n",
    b"mailboxes = ",
    b"route = ",
    b"when = ",
    b"attack = ",
    b"drift = ",
    b"1979-05-27T07:32:00Z\n",
    b"[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[",
    b"a.a.a.a.a.a.a.a.a.a.a.a.a.a.a.a.a.a.a.a.a.a.a.a.a.a.a.a.a.a.a.a.a.a.a.a.a.a.a.a.a.a.a.a.a.a.a.a.a.a = 1\n",
];

/// Many times what the file has, since a table of TOML takes more memory than its text; yet no more than in proportion.
fn memory_max(octets: usize) -> u64 {
    256 * 1024 + 2048 * octets as u64
}

#[test]
fn scenarios() {
    bolero::check!(name = "scenarios").with_iterations(1).for_each(examine);
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(500))]

    #[test]
    fn random_scenarios(octets in random()) {
        examine(&octets);
        examine(&spell(&octets, WORDS));
    }
}

fn examine(content: &[u8]) {
    let read = memory::within(memory_max(content.len()), || Scenario::parse("hostile.toml", content));
    match read {
        Ok(scenario) => {
            scenario.validate().expect("what was read can be");
            let printed = scenario.print();
            assert_eq!(
                Scenario::parse("printed.toml", &printed).as_ref(),
                Ok(&scenario),
                "{printed}"
            );
        }
        Err(error) => {
            let lines = 1 + content.iter().filter(|octet| **octet == b'\n').count();
            assert!((1..=lines).contains(&error.line), "line {} of {lines}", error.line);
            assert!(
                !error.problem.is_empty() && error.problem.chars().count() <= 601,
                "{error}"
            );
            assert!(!error.problem.contains(char::is_control), "{error}");
            assert!(error.to_string().starts_with("hostile.toml:"));
        }
    }
}
