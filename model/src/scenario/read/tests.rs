use std::time::Duration;

use super::OCTETS_MAX;
use crate::scenario::Scenario;

const STORY: &str = r#"title = "TLS vanishes"

[[domain]]
name = "b.example"
mx = [{ host = "mx1.b.example" }]

[[host]]
name = "out.a.example"
policy = { "b.example" = "secure" }

[[host]]
name = "mx1.b.example"
exchanger-for = ["b.example"]

[[message]]
name = "m1"
at = "10m"
host = "out.a.example"
from = "alice@a.example"
to = "bob@b.example"

[[step]]
at = "5m"
host = "mx1.b.example"
drift = { tls = "off" }

[expect]
fates = [{ message = "m1", fate = "bounced" }]
"#;

/// How the story is refused with `written` put in place of `original`.
#[track_caller]
fn assert_refused(original: &str, written: &str, expected: &str) {
    assert_eq!(
        STORY.matches(original).count(),
        1,
        "{original} stands in the story once"
    );
    assert_eq!(refusal(STORY.replace(original, written)), expected);
}

fn refusal(content: impl AsRef<[u8]>) -> String {
    Scenario::parse("f", content).expect_err("it cannot be").to_string()
}

#[test]
fn a_story_is_read_with_defaults_where_it_says_nothing() {
    let scenario = Scenario::parse("f", STORY).unwrap();
    assert_eq!(scenario.message[0].at, Duration::from_secs(600));
    assert_eq!(scenario.domain[0].mx[0].preference, 10);
    assert!(scenario.host[0].tls.is_on());
}

#[test]
fn times_that_cannot_be_are_refused() {
    let time = "at = \"10m\"";
    let advice = "expected a time such as \"2h 30m\"";
    assert_refused(
        time,
        "at = \"-10m\"",
        &format!("f:17: message[0].at: invalid value: string \"-10m\", {advice}"),
    );
    assert_refused(
        time,
        "at = 10",
        &format!("f:17: message[0].at: invalid type: integer `10`, {advice}"),
    );
    assert_refused(
        time,
        "at = \"401 days\"",
        "f:17: message[0].at: out of range: it must be 0s to 400 days",
    );
    assert_refused(
        "at = \"5m\"",
        "at = \"401 days\"",
        "f:23: step[0].at: out of range: it must be 0s to 400 days",
    );
    assert_refused(
        "drift = { tls = \"off\" }",
        "attack = \"refuse\"\nlasting = \"0s\"",
        "f:26: step[0].lasting: out of range: it must be more than 0s, to 400 days",
    );
    assert_refused(
        "drift = { tls = \"off\" }",
        "drift = { hold = { until = \"1h\" } }",
        "f:25: step[0].drift.hold: what is held stands at the phase lookup, connect or mail: say which by `on`",
    );
    assert_refused(
        "at = \"5m\"\nhost = \"mx1.b.example\"\ndrift = { tls = \"off\" }",
        "on = { message = \"m1\", attempt = 1, host = \"mx1.b.example\", phase = \"lookup\" }\nhost = \"out.a.example\"\n\
         drift = { hold = { until = \"1h\" } }",
        "f:25: step[0].drift.hold: who looks up is the sender itself: name the same host in `on` and in `host`",
    );
    for (clock, allowed) in [
        ("ahead = \"7001 years\"", "1s to 7000 years"),
        ("behind = \"51 years\"", "1s to 50 years"),
    ] {
        assert_refused(
            "drift = { tls = \"off\" }",
            &format!("drift = {{ clock = {{ {clock} }} }}"),
            &format!("f:25: step[0].drift.clock: out of range: it must be {allowed}"),
        );
    }
    assert_refused(
        "exchanger-for = [\"b.example\"]",
        "lifetime = \"59m\"",
        "f:13: host[1].lifetime: out of range: it must be 1h to 400 days",
    );
    assert_refused(
        "mx = [{ host = \"mx1.b.example\" }]",
        "time-to-live = \"31 days\"",
        "f:5: domain[0].time-to-live: out of range: it must be 1s to 30 days",
    );
}

#[test]
fn hosts_that_nobody_declared_are_refused_wherever_they_stand() {
    let hosts = "no host is called x.example; the hosts are out.a.example, mx1.b.example";
    let cases = [
        (
            "mx = [{ host = \"mx1.b.example\" }]",
            "mx = [\n{ host = \"x.example\" }]",
            "6: domain[0].mx[0].host",
        ),
        (
            "exchanger-for = [\"b.example\"]",
            "relay-for = [\"x.example\"]",
            "13: host[1].relay-for[0]",
        ),
        (
            "exchanger-for = [\"b.example\"]",
            "requires-tls-of = [\"x.example\"]",
            "13: host[1].requires-tls-of[0]",
        ),
        (
            "exchanger-for = [\"b.example\"]",
            "[host.route]\n\"c.example\" = \"x.example\"",
            "14: host[1].route.c.example",
        ),
        (
            "host = \"out.a.example\"\nfrom",
            "host = \"x.example\"\nfrom",
            "18: message[0].host",
        ),
        (
            "host = \"mx1.b.example\"\ndrift",
            "host = \"x.example\"\ndrift",
            "24: step[0].host",
        ),
        (
            "at = \"5m\"\n",
            "on = { message = \"m1\", host = \"x.example\", phase = \"mail\" }\n",
            "23: step[0].on.host",
        ),
        (
            "fates = [{ message = \"m1\", fate = \"bounced\" }]",
            "alarms = [{ host = \"out.a.example\", peer = \"x.example\" }]",
            "28: expect.alarms[0].peer",
        ),
    ];
    for (original, written, place) in cases {
        assert_refused(original, written, &format!("f:{place}: {hosts}"));
    }
}

#[test]
fn messages_and_domains_that_nobody_declared_are_refused() {
    assert_refused(
        "at = \"5m\"\n",
        "on = { message = \"m2\", host = \"mx1.b.example\", phase = \"mail\" }\n",
        "f:23: step[0].on.message: no message is called m2; the messages are m1",
    );
    assert_refused(
        "{ message = \"m1\", fate",
        "{ message = \"m2\", fate",
        "f:28: expect.fates[0].message: no message is called m2; the messages are m1",
    );
    assert_refused(
        "drift = { tls = \"off\" }",
        "drift = { add-mx = { domain = \"c.example\", preference = 5 } }",
        "f:25: step[0].drift: no domain is called c.example; the domains are b.example",
    );
}

#[test]
fn a_notification_goes_by_the_name_of_its_message_and_a_number() {
    let story = STORY.replace("{ message = \"m1\", fate", "{ message = \"m1.dsn1\", fate");
    assert!(Scenario::parse("f", story).is_ok());
    assert_refused(
        "name = \"m1\"",
        "name = \"m1.dsn1\"",
        "f:16: message[0].name: m1.dsn1 is the name of a notification: do not end it in .dsn and a number",
    );
}

#[test]
fn what_a_sender_cannot_ask_is_refused() {
    for (asked, why) in [
        (
            "notify = []",
            "when to notify is one occasion at least: write \"never\" for none",
        ),
        (
            "notify = \"rarely\"",
            "when to notify is \"never\" or a list, such as [\"failure\", \"delay\"]",
        ),
        (
            "notify = [\"never\"]",
            "when to notify is \"never\" or a list of \"success\", \"failure\" and \"delay\"",
        ),
        (
            "envelope-id = \"\"",
            "“” is not an envelope id: write 1 to 33 printable characters of ASCII, such as batch 7",
        ),
    ] {
        let line = format!("to = \"bob@b.example\"\n{asked}");
        let key = asked.split(" = ").next().unwrap();
        assert_refused(
            "to = \"bob@b.example\"",
            &line,
            &format!("f:21: message[0].{key}: {why}"),
        );
    }
}

#[test]
fn mail_to_a_domain_that_does_not_exist_is_a_legal_world() {
    let story = STORY.replace("to = \"bob@b.example\"", "to = \"bob@nowhere.example\"");
    assert!(Scenario::parse("f", story).is_ok());
}

#[test]
fn steps_that_change_nothing_are_legal() {
    let story = STORY.replace("drift = { tls = \"off\" }", "drift = { unconfigure = \"c.example\" }");
    assert!(Scenario::parse("f", story).is_ok());
}

#[test]
fn names_are_claimed_once() {
    assert_refused(
        "name = \"mx1.b.example\"",
        "name = \"OUT.a.example\"",
        "f:12: host[1].name: two hosts claim the name out.a.example: give each its own",
    );
    assert_refused(
        "[[step]]",
        "[[domain]]\nname = \"b.example\"\n[[step]]",
        "f:23: domain[1].name: two domains claim the name b.example: give each its own",
    );
    assert_refused(
        "[[step]]",
        "[[message]]\nname = \"m1\"\nhost = \"out.a.example\"\nfrom = \"<>\"\nto = \"a@b.example\"\n[[step]]",
        "f:23: message[1].name: two messages claim the name m1: give each its own",
    );
    assert_refused(
        "mx = [{ host = \"mx1.b.example\" }]",
        "mx = [\n{ host = \"mx1.b.example\" },\n{ host = \"mx1.b.example\" }]",
        "f:7: domain[0].mx[1].host: mx1.b.example is listed twice for b.example: one record is enough",
    );
}

#[test]
fn a_domain_may_have_the_name_of_a_host_and_exchangers_besides() {
    let named_alike = STORY.replace("name = \"b.example\"", "name = \"out.a.example\"");
    assert!(Scenario::parse("f", &named_alike).is_ok());
    let implicit = named_alike.replace("mx = [{ host = \"mx1.b.example\" }]\n", "");
    assert!(Scenario::parse("f", implicit).is_ok());
}

#[test]
fn a_forged_exchanger_is_a_host_of_the_scenario() {
    let forged = |host: &str| {
        let forge = format!("forge = {{ domain = \"b.example\", answer = {{ mx = \"{host}\" }} }}");
        STORY.replace("drift = { tls = \"off\" }", &forge)
    };
    assert!(
        Scenario::parse("f", forged("mx1.b.example")).is_ok(),
        "{}",
        forged("mx1.b.example")
    );
    let refused = refusal(forged("evil.example"));
    assert!(refused.contains("no host is called evil.example"), "{refused}");
}

#[test]
fn attackers_do_what_an_attacker_can() {
    let attack = |written: &str, problem: &str| {
        assert_refused(
            "drift = { tls = \"off\" }",
            written,
            &format!("f:25: step[0].attack.{problem}"),
        );
    };
    attack(
        "attack = { answer-starttls = 250 }",
        "answer-starttls: 250 is no refusal: the code must be 400 to 599",
    );
    attack(
        "attack = { answer-starttls = 70000 }",
        "answer-starttls: invalid value: integer `70000`, expected a whole number from 0 to 65535",
    );
    attack(
        "attack = { intercept-tls = \"valid\" }",
        "intercept-tls: an attacker has no valid certificate: use expired, wrong-name, self-signed or unknown-authority",
    );
    attack(
        "attack = { close-at = \"lookup\" }",
        "close-at: there is no connection to close before ehlo: use refuse or black-hole",
    );
    attack(
        "attack = { close-instead-of-reply = \"connect\" }",
        "close-instead-of-reply: there is no command to reply to before ehlo: use refuse or black-hole",
    );
}

#[test]
fn a_step_has_one_time_and_one_action() {
    let when = "a step has either `at = \"1h\"` or `on = { message = …, host = …, phase = … }`";
    assert_refused("at = \"5m\"\n", "", &format!("f:22: step[0]: {when}"));
    assert_refused(
        "drift = { tls = \"off\" }",
        "drift = { tls = \"off\" }\nlasting = \"1h\"",
        "f:22: step[0]: `lasting` goes with `attack` and `forge`; end a drift by another step",
    );
    assert_refused(
        "drift = { tls = \"off\" }",
        "",
        "f:22: step[0]: a step has one of `drift = …`, `attack = …`, `forge = …` and `visit = …`",
    );
}

#[test]
fn unknown_words_are_refused_with_the_known_ones() {
    assert_refused(
        "drift = { tls = \"off\" }",
        "drift = { tls = \"of\" }",
        "f:25: step[0].drift.tls: unknown variant `of`, expected `on` or `off`",
    );
    assert_refused(
        "[[step]]",
        "[[steps]]",
        "f:22: steps: unknown field `steps`, expected one of `title`, `seed`, `mutant`, `reading`, `domain`, `host`, \
         `message`, `step`, `expect`",
    );
    assert_refused(
        "to = \"bob@b.example\"",
        "to = \"bob\"",
        "f:20: message[0].to: “bob” is not a mailbox: write local-part@domain, such as bob@b.example",
    );
}

#[test]
fn seeds_are_whole_numbers_of_64_bits() {
    let whole = "expected a whole number from 0 to 18446744073709551615";
    let title = "title = \"TLS vanishes\"";
    assert_refused(
        title,
        "title = \"\"\nseed = -1",
        &format!("f:2: seed: invalid value: integer `-1`, {whole}"),
    );
    assert_refused(
        title,
        "title = \"\"\nseed = 18446744073709551616",
        &format!("f:2: seed: invalid type: integer `18446744073709551616` as i128, {whole}"),
    );
    let largest = STORY.replace(title, "title = \"\"\nseed = 0xffff_ffff_ffff_ffff");
    assert_eq!(Scenario::parse("f", largest).unwrap().seed, u64::MAX);
}

#[test]
fn titles_are_one_line_of_at_most_200_characters() {
    let title = "title = \"TLS vanishes\"";
    assert_refused(title, "", "f:1: missing field `title`");
    assert_refused(
        title,
        "title = \"\\u001b[2J\"",
        "f:1: title: control characters have no place in a title: write one line of text",
    );
    assert_refused(
        title,
        &format!("title = \"{}\"", "ä".repeat(201)),
        "f:1: title: a title has at most 200 characters, not 201",
    );
}

#[test]
fn a_world_needs_a_host_and_a_message_and_has_bounds() {
    assert_eq!(
        refusal("title = \"void\""),
        "f:1: host: there is none: a scenario needs at least 1, written as [[host]]"
    );
    assert_eq!(
        refusal("title = \"void\"\n[[host]]\nname = \"a.example\""),
        "f:1: message: there is none: a scenario needs at least 1, written as [[message]]"
    );
    let mut crowd = STORY.to_owned();
    for number in 0..11 {
        crowd += &format!("[[host]]\nname = \"h{number}.example\"\n");
    }
    assert_eq!(
        refusal(crowd),
        "f:49: host[12]: there are 13: a scenario has at most 12"
    );
}

#[test]
fn an_order_of_addresses_needs_two() {
    assert_refused(
        "exchanger-for = [\"b.example\"]",
        "other-address-first = true",
        "f:13: host[1].other-address-first: mx1.b.example has one address: say by other-address what is at the second",
    );
}

#[test]
fn local_parts_of_mailboxes_are_local_parts() {
    assert_refused(
        "exchanger-for = [\"b.example\"]",
        "mailboxes = { \"no body\" = \"refuses\" }",
        "f:13: host[1].mailboxes.no body: “no body@mx1.b.example” is not a mailbox: write local-part@domain, such as \
         bob@b.example",
    );
}

#[test]
fn hostile_content_is_refused_in_one_short_line() {
    let hostile: [(&str, Vec<u8>); 10] = [
        (
            "f:1: cannot recurse further",
            [b"a=".to_vec(), vec![b'['; 100_000]].concat(),
        ),
        (
            "f:1: cannot recurse further",
            format!("a={}", "{a=".repeat(100_000)).into(),
        ),
        ("f:1: unquoted keys cannot be empty", vec![b'['; OCTETS_MAX]),
        ("f:1: key with no value", "a.".repeat(100_000).into()),
        ("f:1: key with no value", vec![b'a'; OCTETS_MAX]),
        (
            "f:1: the file has 10485760 octets; a scenario has at most 1048576",
            vec![0x5b; 10 << 20],
        ),
        (
            "f:2: this is not text: write it in UTF-8",
            b"title = \"a\"\n\xff".into(),
        ),
        ("f:1: invalid", b"title = \"\0\"".into()),
        ("f:1: missing field `title`", Vec::new()),
        ("f:1: \\u{1b}x: unknown field `\\u{1b}x`", b"\"\\u001bx\" = 1".into()),
    ];
    for (expected, content) in hostile {
        let refusal = refusal(&content);
        assert!(refusal.starts_with(expected), "{refusal}");
        assert!(
            refusal.chars().count() < 700 && !refusal.contains(char::is_control),
            "{refusal}"
        );
    }
    let long = format!("title = \"a\"\nseed = \"{}\"", "x".repeat(1_000_000));
    assert!(refusal(long).chars().count() < 700);
}

#[test]
fn a_message_is_no_longer_for_what_is_escaped_in_it() {
    let long = STORY.replace("tls = \"off\"", &format!("tls = '{}'", "\t".repeat(700)));
    let error = Scenario::parse("f", &long).expect_err("there is no such TLS");
    assert_eq!(error.problem.chars().count(), 601, "{error}");
}
