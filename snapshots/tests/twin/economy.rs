//! The economy of our model: to inject only where it is looked at next.

use std::collections::BTreeSet;

use postern_model::formal::{Configuration, projected};

use super::OURS;
use super::bounds::COMPARED;
use super::same::assert_same;

#[test]
fn to_inject_only_where_it_is_looked_at_loses_no_fate() {
    for (bounds, all) in COMPARED.iter().zip(OURS.iter()) {
        let some = projected(&Configuration {
            is_lazy: true,
            ..bounds.configuration(None)
        });
        let about = format!("{bounds:?}");
        assert!(some.states < all.states, "it is no economy: {about}");
        let (some, all) = (fates(&some.lines), fates(&all.lines));
        assert_same(("the economical walk", &some), ("the other", &all), &about);
    }
}

/// What became of the messages so far, and the alarms. How the rest of the world stands is left out: what changes behind the
/// last look at it, the economy leaves alone.
fn fates(lines: &BTreeSet<String>) -> BTreeSet<String> {
    lines.iter().map(|line| fate(line)).collect()
}

fn fate(line: &str) -> String {
    let words = line.split(' ').filter_map(|word| match word.split_once('=')? {
        (host, facts) if host.starts_with("mx") => facts.rsplit(',').next(),
        (message, _) if message.starts_with('m') => Some(word),
        _ => None,
    });
    words.collect::<Vec<_>>().join(" ")
}
