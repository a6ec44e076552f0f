//! What judges must read in the parameters of MAIL and RCPT (RFC 3461 §4).

use std::hash::{DefaultHasher, Hash, Hasher};

use postern_model::report::{Notify, Returns};

/// A digest of the value of ENVID, for MAIL.
pub(super) fn envelope_id(line: &str) -> Option<u64> {
    parameter(line, "MAIL", "ENVID").map(|value| digest(&decoded(value)))
}

/// The value of RET, for MAIL. What makes no sense asks for nothing.
pub(super) fn returns(line: &str) -> Option<Returns> {
    match parameter(line, "MAIL", "RET")?.to_ascii_uppercase().as_str() {
        "FULL" => Some(Returns::Full),
        "HDRS" => Some(Returns::Headers),
        _ => None,
    }
}

/// A digest of the value of ORCPT, for RCPT, and whether it is the recipient that the line itself names.
pub(super) fn original_recipient(line: &str) -> Option<(u64, bool)> {
    let original = decoded(parameter(line, "RCPT", "ORCPT")?);
    let (path, _) = line.split_once('>')?;
    let (_, recipient) = path.split_once('<')?;
    let (kind, address) = original.split_once(';')?;
    let is_recipient = kind.eq_ignore_ascii_case("rfc822") && address == recipient;
    Some((digest(&original), is_recipient))
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
    fn what_is_to_be_returned_is_all_or_the_header() {
        assert_eq!(returns("MAIL FROM:<> RET=hdrs ENVID=m1"), Some(Returns::Headers));
        assert_eq!(returns("MAIL FROM:<a@a.example> ret=FULL"), Some(Returns::Full));
        assert_eq!(returns("MAIL FROM:<> RET=SOME"), None);
        assert_eq!(returns("RCPT TO:<b@b.example> RET=FULL"), None);
    }

    #[test]
    fn an_original_recipient_keeps_its_case_and_may_be_another() {
        let of = |value: &str| original_recipient(&format!("RCPT TO:<b@b.example> ORCPT={value} NOTIFY=NEVER"));
        assert_eq!(of("RFC822;b@b.example"), Some((digest("RFC822;b@b.example"), true)));
        assert_eq!(of("rfc822;+62@b.example"), Some((digest("rfc822;b@b.example"), true)));
        assert_eq!(of("rfc822;B@b.example"), Some((digest("rfc822;B@b.example"), false)));
        assert_eq!(of("x400;b@b.example"), Some((digest("x400;b@b.example"), false)));
        assert_eq!(of("b@b.example"), None);
        assert_eq!(original_recipient("RCPT TO:<b@b.example>"), None);
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
