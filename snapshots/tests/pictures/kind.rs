//! What can happen to a session, in kinds: many events with the same effect are told in few words.

use std::collections::BTreeSet;

/// An event, or a kind of events.
pub(crate) struct Kind {
    pub(crate) name: &'static str,
    /// What is of this kind; an event has none.
    pub(crate) kinds: &'static [Self],
}

/// One event.
pub(crate) const fn event(name: &'static str) -> Kind {
    Kind { name, kinds: &[] }
}

/// Events of one kind.
pub(crate) const fn kind(name: &'static str, kinds: &'static [Kind]) -> Kind {
    Kind { name, kinds }
}

impl Kind {
    /// The names of all events of this kind.
    pub(crate) fn events(&self) -> Vec<&'static str> {
        match self.kinds {
            [] => vec![self.name],
            kinds => kinds.iter().flat_map(Self::events).collect(),
        }
    }

    /// In few words, those events of this kind that are in the set.
    fn words(&self, set: &BTreeSet<&'static str>) -> Vec<String> {
        let events = self.events();
        let missing: Vec<_> = events.iter().filter(|event| !set.contains(*event)).collect();
        match missing.as_slice() {
            [] => vec![self.name.to_owned()],
            [missing] if events.len() > 2 => vec![format!("{} but {missing}", self.name)],
            _ => self.kinds.iter().flat_map(|kind| kind.words(set)).collect(),
        }
    }
}

/// In few words, those events that are in the set.
pub(crate) fn words(kinds: &[Kind], set: &BTreeSet<&'static str>) -> String {
    let words: Vec<String> = kinds.iter().flat_map(|kind| kind.words(set)).collect();
    words.join(", ")
}

#[test]
fn events_are_told_in_few_words() {
    const REPLIES: &[Kind] = &[
        kind("2yz", &[event("220"), event("250")]),
        kind("5yz", &[event("521"), event("530"), event("550")]),
    ];
    let told = |set: &[&'static str]| words(REPLIES, &set.iter().copied().collect());
    assert_eq!(told(&["220", "250", "550"]), "2yz, 550");
    assert_eq!(told(&["220", "521", "550"]), "220, 5yz but 530");
}
