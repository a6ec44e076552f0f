//! What judges must read in the parameters of MAIL and RCPT (RFC 3461 §4).

use std::hash::{DefaultHasher, Hash, Hasher};

use postern_model::report::Notify;

/// A digest of the value of ENVID, for MAIL.
pub(super) fn envelope_id(line: &str) -> Option<u64> {
    parameter(line, "MAIL", "ENVID").map(|value| digest(&decoded(value)))
}

/// The value of NOTIFY, for RCPT. What makes no sense asks for nothing.
pub(super) fn notify(line: &str) -> Option<Notify> {
    let value = parameter(line, "RCPT", "NOTIFY")?.to_ascii_uppercase();
    let has = |word| value.split(',').any(|found| found == word);
    let on = Notify::On {
        success: has("SUCCESS"),
        failure: has("FAILURE"),
        delay: has("DELAY"),
    };
    match value.as_str() {
        "NEVER" => Some(Notify::Never),
        _ => value
            .split(',')
            .all(|word| ["SUCCESS", "FAILURE", "DELAY"].contains(&word))
            .then_some(on),
    }
}

/// A digest of an envelope id that is not encoded.
pub(super) fn digest(id: &str) -> u64 {
    let mut hasher = DefaultHasher::new();
    id.hash(&mut hasher);
    hasher.finish()
}

/// The value of a parameter, in a line of this verb.
fn parameter<'a>(line: &'a str, verb: &str, keyword: &str) -> Option<&'a str> {
    let (found, argument) = line.split_once(' ')?;
    let (_, parameters) = argument.split_once('>')?;
    let mut parameters = parameters.split(' ').filter_map(|parameter| parameter.split_once('='));
    let (_, value) = parameters.find(|(found, _)| found.eq_ignore_ascii_case(keyword))?;
    found.eq_ignore_ascii_case(verb).then_some(value)
}

/// xtext: `+` and two digits stand for an octet.
fn decoded(value: &str) -> String {
    let mut parts = value.split('+');
    let first = parts.next().unwrap_or_default().to_owned();
    parts.fold(first, |text, part| {
        let octet = part.get(..2).and_then(|digits| u8::from_str_radix(digits, 16).ok());
        match octet {
            Some(octet) => text + char::from(octet).encode_utf8(&mut [0; 4]) + &part[2..],
            None => text + "+" + part,
        }
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_envelope_id_is_the_same_however_it_is_encoded() {
        let line = "MAIL FROM:<a@a.example> SIZE=1 envid=m1+20+2B1";
        assert_eq!(envelope_id(line), Some(digest("m1 +1")));
        assert_eq!(envelope_id("MAIL FROM:<> ENVID=+6D1 RET=HDRS"), Some(digest("m1")));
        assert_eq!(envelope_id("MAIL FROM:<a@a.example>"), None);
        assert_eq!(envelope_id("RCPT TO:<a@a.example> ENVID=m1"), None);
    }

    #[test]
    fn notify_is_never_or_a_list() {
        assert_eq!(notify("RCPT TO:<b@b.example> NOTIFY=never"), Some(Notify::Never));
        let failures = Notify::On {
            success: false,
            failure: true,
            delay: false,
        };
        let line = "RCPT TO:<b@b.example> ORCPT=rfc822;b@b.example notify=FAILURE";
        assert_eq!(notify(line), Some(failures));
        assert_eq!(notify("RCPT TO:<b@b.example> NOTIFY=SOMETIMES"), None);
        assert_eq!(notify("RCPT TO:<b@b.example>"), None);
    }
}
