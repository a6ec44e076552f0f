//! Where the last-call thread of July 2001 and RFC 3207, which came of it, differ: both readings, with their places.

use postern_model::scenario::{Action, Drift, Reading, Scenario, Trouble};

/// One point on which the two differ.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Conflict {
    /// What it is about.
    pub about: &'static str,
    /// What the thread says, and where.
    pub thread: &'static str,
    /// What RFC 3207 says, and where.
    pub rfc3207: &'static str,
    /// The properties that judge by the one or the other.
    pub properties: &'static [&'static str],
}

/// Every point.
pub const CONFLICTS: &[Conflict] = &[
    Conflict {
        about: "bouncing for want of TLS",
        thread: "lack of TLS SHOULD NOT result in the bouncing of mail, though it may delay it (point 4, the words of RFC 2487 §7)",
        rfc3207: "the sentence is gone; at the end of a timeout of its own the client should return the mail (§6)",
        properties: &["P03", "P04"],
    },
    Conflict {
        about: "the alarm when TLS vanishes",
        thread: "the client's partial protection: it can record that TLS was offered and raise an alarm (point 4), which we read as owed",
        rfc3207: "a client MAY record and warn; one that does not keep such a record owes nothing (§6)",
        properties: &["P10"],
    },
    Conflict {
        about: "the answer to RCPT of a server that wishes for TLS",
        thread: "the chart of listed × configured (point 1)",
        rfc3207: "a server that DNS lists does not require TLS of local mail; any other may, of all mail (§4)",
        properties: &["P06", "P08"],
    },
    Conflict {
        about: "a server that is not content with the TLS it got",
        thread: "a listed server refuses no mail for it: STARTTLS does not lessen the chance of delivery (point 2)",
        rfc3207: "it SHOULD answer 554 to everything but QUIT, and whom it believes is a local matter (§4.1)",
        properties: &["P05", "P06", "P48"],
    },
];

/// By whose word a drawn world is judged: where a server is not content with the TLS it gets and answers 554, which the thread
/// forbids it and RFC 3207 §4.1 grants it, by RFC 3207. It is somebody else's, and no fault of ours.
pub fn of_drawn(world: &Scenario) -> Reading {
    let mut hosts = world.host.iter().map(|host| host.trouble);
    let mut steps = world.step.iter().map(|step| &step.action);
    let is_unhappy = hosts.any(|trouble| trouble == Trouble::UnhappyWithTls)
        || steps.any(|action| *action == Action::Drift(Drift::Trouble(Trouble::UnhappyWithTls)));
    match is_unhappy {
        true => Reading::Rfc3207,
        false => Reading::Thread,
    }
}

/// By whose word a report judges, for its head.
pub fn judged_by(reading: Reading) -> &'static str {
    match reading {
        Reading::Thread => "judged by the thread of 2001 where RFC 3207 differs from it",
        Reading::Rfc3207 => "judged by RFC 3207 where the thread of 2001 differs from it",
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use postern_model::scenario::{Level, Step, When};

    use super::*;
    use crate::testing::{name, scenario};

    #[test]
    fn a_drawn_world_is_judged_by_the_thread_unless_a_server_is_unhappy_with_tls_at_some_time() {
        let happy = scenario(Level::May);
        assert_eq!(of_drawn(&happy), Reading::Thread);
        let mut from_the_start = happy.clone();
        from_the_start.host[1].trouble = Trouble::UnhappyWithTls;
        assert_eq!(of_drawn(&from_the_start), Reading::Rfc3207);
        let mut later = happy;
        later.step.push(Step {
            when: When::At(Duration::ZERO),
            host: name("mx1.b.example"),
            action: Action::Drift(Drift::Trouble(Trouble::UnhappyWithTls)),
        });
        assert_eq!(of_drawn(&later), Reading::Rfc3207);
    }
}
