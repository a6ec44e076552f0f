//! Whether a run came to what its scenario states.

use postern_model::monitor::Verdict;
use postern_model::scenario::{Expectation, ExpectedFate};

use crate::judge::Judgement;
use crate::rules::Property;

/// What a run owes to its scenario's expectation, one sentence each; none if all of it was met.
pub fn unmet(expectation: &Expectation, judgement: &Judgement) -> Vec<String> {
    let fates = expectation.fates.iter().filter_map(|fate| unmet_fate(fate, judgement));
    let holds = expectation.holds.iter().filter_map(|id| unmet_hold(id, judgement));
    let violated = expectation
        .violated
        .iter()
        .filter_map(|id| unmet_violation(id, judgement));
    let unexpected = judgement.violations().filter_map(|(property, _, _)| {
        let is_expected = expectation.violated.iter().any(|id| id.parse() == Ok(property));
        (!is_expected).then(|| format!("{property} was violated, which was not expected"))
    });
    fates
        .chain(unmet_alarms(expectation, judgement))
        .chain(holds)
        .chain(violated)
        .chain(unexpected)
        .collect()
}

fn unmet_fate(expected: &ExpectedFate, judgement: &Judgement) -> Option<String> {
    let message = &expected.message;
    let Some(fate) = judgement.fates.iter().find(|fate| fate.message == *message) else {
        return Some(format!(
            "{message} was expected to be {}, but there was no such message",
            expected.fate
        ));
    };
    if fate.fate != expected.fate {
        return Some(format!(
            "{message} was expected to be {}, but is {}",
            expected.fate, fate.fate
        ));
    }
    if let Some(security) = expected.security.filter(|&security| fate.security != Some(security)) {
        let proved = fate
            .security
            .map_or_else(|| "not known".to_owned(), |proved| proved.to_string());
        return Some(format!(
            "the way of {message} was expected to be {security}, but is {proved}"
        ));
    }
    let attempts = expected.attempts.filter(|&attempts| attempts != fate.attempts)?;
    Some(format!(
        "{message} was expected to take {attempts} attempts, but took {}",
        fate.attempts
    ))
}

fn unmet_alarms(expectation: &Expectation, judgement: &Judgement) -> Option<String> {
    let expected: Vec<String> = expectation
        .alarms
        .iter()
        .map(|alarm| format!("{} about {}", alarm.host, alarm.peer))
        .collect();
    let raised: Vec<String> = judgement
        .alarms
        .iter()
        .map(|alarm| format!("{} about {}", alarm.host, alarm.peer))
        .collect();
    let list = |alarms: &[String]| {
        if alarms.is_empty() {
            "none".to_owned()
        } else {
            alarms.join(", ")
        }
    };
    (expected != raised).then(|| {
        format!(
            "alarms were expected from {}, but came from {}",
            list(&expected),
            list(&raised)
        )
    })
}

fn unmet_hold(id: &str, judgement: &Judgement) -> Option<String> {
    match verdict(id, judgement) {
        Ok(Verdict::Holds) => None,
        Ok(other) => Some(format!(
            "{id} was expected to be put to the test and to hold; the verdict is: {other}"
        )),
        Err(problem) => Some(problem),
    }
}

fn unmet_violation(id: &str, judgement: &Judgement) -> Option<String> {
    match verdict(id, judgement) {
        Ok(Verdict::Violated { .. }) => None,
        Ok(other) => Some(format!("{id} was expected to be violated; the verdict is: {other}")),
        Err(problem) => Some(problem),
    }
}

fn verdict<'a>(id: &str, judgement: &'a Judgement) -> Result<&'a Verdict, String> {
    let property: Property = id.parse().map_err(|unknown| format!("{unknown}"))?;
    judgement
        .verdict(property)
        .ok_or_else(|| format!("{property} was not judged"))
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use postern_model::monitor::Violation;
    use postern_model::scenario::{ExpectedAlarm, Fate, Security};

    use super::*;
    use crate::fates::{Alarm, MessageFate};

    /// A run in which m1 was delivered, one alarm was raised, P02 held, P13 was violated and P01 was idle.
    fn judgement() -> Judgement {
        let violation = Violation {
            rule: "R5321-4.2.5-a",
            why: "m1 came twice".to_owned(),
        };
        Judgement {
            verdicts: vec![
                (Property::P01, Verdict::NotExercised),
                (Property::P02, Verdict::Holds),
                (Property::P13, Verdict::Violated { at: 7, violation }),
            ],
            fates: vec![MessageFate {
                message: "m1".parse().unwrap(),
                recipient: "bob@b.example".parse().unwrap(),
                fate: Fate::Delivered,
                security: Some(Security::Clear),
                at: Some(Duration::from_secs(60)),
                attempts: 2,
                why: String::new(),
            }],
            alarms: vec![Alarm {
                host: "out.a.example".parse().unwrap(),
                peer: "mx1.b.example".parse().unwrap(),
                at: Duration::from_secs(60),
            }],
        }
    }

    fn expectation() -> Expectation {
        Expectation {
            shows: Vec::new(),
            fates: vec![ExpectedFate {
                message: "m1".parse().unwrap(),
                fate: Fate::Delivered,
                security: Some(Security::Clear),
                attempts: Some(2),
            }],
            alarms: vec![ExpectedAlarm {
                host: "out.a.example".parse().unwrap(),
                peer: "mx1.b.example".parse().unwrap(),
            }],
            holds: vec!["P02".to_owned()],
            violated: vec!["no-loss".to_owned()],
        }
    }

    #[track_caller]
    fn assert_unmet(change: impl FnOnce(&mut Expectation), expected: &[&str]) {
        let mut expectation = expectation();
        change(&mut expectation);
        assert_eq!(unmet(&expectation, &judgement()), expected);
    }

    #[test]
    fn a_run_that_came_to_what_was_stated_owes_nothing() {
        assert_unmet(|_| {}, &[]);
    }

    #[test]
    fn fates_are_compared_with_their_security_and_attempts() {
        let bounced = "m1 was expected to be bounced, but is delivered";
        assert_unmet(|expectation| expectation.fates[0].fate = Fate::Bounced, &[bounced]);
        let security = "the way of m1 was expected to be encrypted, but is clear";
        assert_unmet(
            |expectation| expectation.fates[0].security = Some(Security::Encrypted),
            &[security],
        );
        let attempts = "m1 was expected to take 3 attempts, but took 2";
        assert_unmet(|expectation| expectation.fates[0].attempts = Some(3), &[attempts]);
        let missing = "m2 was expected to be delivered, but there was no such message";
        assert_unmet(
            |expectation| expectation.fates[0].message = "m2".parse().unwrap(),
            &[missing],
        );
    }

    #[test]
    fn an_alarm_that_nobody_expected_is_named() {
        let alarms = "alarms were expected from none, but came from out.a.example about mx1.b.example";
        assert_unmet(|expectation| expectation.alarms.clear(), &[alarms]);
    }

    #[test]
    fn a_property_that_was_never_put_to_the_test_does_not_hold() {
        let idle = "P01 was expected to be put to the test and to hold; the verdict is: not exercised";
        assert_unmet(|expectation| expectation.holds.push("P01".to_owned()), &[idle]);
        let unknown = "no property is called “P00”: write an id such as P01 or a name such as never-downgrade";
        assert_unmet(|expectation| expectation.holds.push("P00".to_owned()), &[unknown]);
    }

    #[test]
    fn violations_are_expected_one_by_one() {
        let unexpected = "P13 was violated, which was not expected";
        assert_unmet(|expectation| expectation.violated.clear(), &[unexpected]);
        let missing = "P02 was expected to be violated; the verdict is: holds";
        assert_unmet(|expectation| expectation.violated.push("P02".to_owned()), &[missing]);
    }
}
