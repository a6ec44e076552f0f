mod failures;
mod kept;
mod mutants;
mod octets;
mod refusals;
mod session;
mod tls;

use super::*;
use crate::mta::pair::{Timers, plan, show};

const EHLO: &str = "250-mx.b.example\n250-PIPELINING\n250-SIZE 1000\n250-8BITMIME\n250 STARTTLS";
const PLAIN: &str = "250 mx.b.example";
const GREETING: &str = "220 mx.b.example ESMTP";

/// What a client did in the face of a script.
struct Story {
    /// Sent lines, and what happened besides in angle brackets.
    lines: Vec<String>,
    notes: Vec<Note>,
    timers: Timers,
    client: Client,
}

/// Hands the script to a client, one entry whenever it waits: replies, or `<up>`, `<failed>`, `<closed>`, `<timeout>`.
fn story(plan: Plan, script: &[&str]) -> Story {
    let mut story = Story {
        lines: Vec::new(),
        notes: Vec::new(),
        timers: Timers::default(),
        client: Client::new(plan),
    };
    story.drain();
    story.hand(Input::Opened);
    for entry in script {
        match *entry {
            "<up>" => story.hand(Input::TlsUp),
            "<failed>" => story.hand(Input::TlsFailed),
            "<closed>" => story.hand(Input::Closed),
            "<timeout>" => {
                let [timer] = *story.timers.running() else {
                    panic!("one timer runs: {:?}", story.timers);
                };
                story.hand(Input::Expired(timer));
            }
            reply => {
                let octets = format!("{}\r\n", reply.replace('\n', "\r\n"));
                story.hand(Input::Received(octets.as_bytes()));
            }
        }
    }
    story
}

impl Story {
    fn hand(&mut self, input: Input<'_>) {
        self.client.handle(input);
        self.drain();
    }

    fn drain(&mut self) {
        loop {
            let output = self.client.poll();
            self.timers.follow(&output);
            self.lines.extend(show(&output));
            match output {
                Output::Note(note) => self.notes.push(note),
                Output::Idle => return,
                _ => {}
            }
        }
    }

    fn outcome(&self) -> Outcome {
        let mut outcomes = self.notes.iter().filter_map(|note| match note {
            Note::Ended { outcome, .. } => Some(*outcome),
            _ => None,
        });
        let outcome = outcomes.next().unwrap_or_else(|| panic!("no result: {:?}", self.lines));
        assert_eq!(outcomes.next(), None, "one result");
        outcome
    }

    fn without_tls(&self) -> Vec<WithoutTls> {
        let why = |note: &Note| match note {
            Note::WithoutTls(why) => Some(*why),
            _ => None,
        };
        self.notes.iter().filter_map(why).collect()
    }

    fn sent(&self, verb: &str) -> bool {
        self.lines.iter().any(|line| line.starts_with(verb))
    }

    fn is_closed(&self) -> bool {
        self.timers.running().is_empty() && self.lines.last().is_some_and(|line| line == "<close>")
    }
}

fn with(mutant: Mutant, tls: TlsUse) -> Plan {
    Plan {
        mutant: Some(mutant),
        ..plan(tls)
    }
}
