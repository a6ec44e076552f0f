//! Servers that put TLS before everything, and servers for which TLS did not achieve enough.

use super::*;

/// A line for each verb, and one that is no command.
const LINES: [&str; 11] = [
    "NOOP",
    EHLO,
    "HELO mx.a.example",
    "STARTTLS",
    MAIL,
    RCPT,
    "DATA",
    "RSET",
    "VRFY bob",
    "XYZZY",
    "QUIT",
];

fn demanding_at(demand_stage: DemandStage) -> ServerSettings {
    ServerSettings {
        demand_stage,
        ..demanding()
    }
}

fn in_trouble(trouble: Trouble) -> ServerSettings {
    ServerSettings { trouble, ..settings() }
}

/// A public server of whose clients this one was selected (R3207-6-a).
fn requiring_tls_of_the_client() -> ServerSettings {
    ServerSettings {
        requires_tls: true,
        ..settings()
    }
}

/// The three kinds of server that put TLS before everything: by its operator's will, for all or for this client, and by
/// mistake (C-SRV-1).
fn tls_first() -> [ServerSettings; 3] {
    [
        demanding_at(DemandStage::EveryCommand),
        requiring_tls_of_the_client(),
        in_trouble(Trouble::DemandsTlsOfAll),
    ]
}

#[test]
fn where_tls_comes_first_every_command_is_530_but_noop_ehlo_starttls_and_quit() {
    for settings in tls_first() {
        for (line, code) in LINES
            .into_iter()
            .zip([250, 250, 530, 220, 530, 530, 530, 530, 530, 530, 221])
        {
            let mut session = Session::new(settings.clone());
            session.say(&[EHLO]);
            assert_eq!(session.code(line), code, "{line}");
        }
    }
}

#[test]
fn a_client_that_is_told_530_again_and_again_may_still_start_tls() {
    for settings in tls_first() {
        let mut session = Session::new(settings);
        session.say(&[EHLO]);
        for _ in 0..2 * ERRORS_LIMIT {
            assert_eq!(session.say(&[MAIL]), ["530 5.7.0 Must issue a STARTTLS command first"]);
        }
        assert_eq!(session.code("STARTTLS"), 220);
    }
}

#[test]
fn who_never_accepts_mail_says_so_rather_than_that_tls_comes_first() {
    // RFC 7504 §3.
    for settings in tls_first() {
        let settings = ServerSettings {
            never_accepts_mail: true,
            ..settings
        };
        let mut session = Session::greeted(settings, "521 mx.b.example Host does not accept mail");
        for (line, code) in [(EHLO, 521), (MAIL, 521), ("STARTTLS", 521), ("QUIT", 221)] {
            assert_eq!(session.code(line), code, "{line}");
        }
    }
}

#[test]
fn inside_tls_the_demand_is_met() {
    for settings in tls_first() {
        let mut session = Session::over_tls(settings);
        for (line, code) in [("RSET", 250), (MAIL, 250), (RCPT, 250), ("DATA", 354)] {
            assert_eq!(session.code(line), code, "{line}");
        }
    }
}

#[test]
fn one_mutant_takes_in_clear_what_it_requires_tls_for() {
    for (mutant, code) in [
        (Some(Mutant::ForgetsWhomItRequiresTlsOf), 250),
        // It forgets another demand.
        (Some(Mutant::LetsMailPassBeforeTls), 530),
        (None, 530),
    ] {
        let mut session = Session::new(ServerSettings {
            mutant,
            ..requiring_tls_of_the_client()
        });
        session.say(&[EHLO]);
        assert_eq!(session.code(MAIL), code, "{mutant:?}");
    }
}

#[test]
fn a_demand_at_the_recipient_stops_no_command_before_it() {
    let mut session = Session::new(demanding_at(DemandStage::Recipient));
    for (line, code) in [
        ("HELO mx.a.example", 250),
        (EHLO, 250),
        ("VRFY bob", 252),
        ("RSET", 250),
        ("XYZZY", 500),
        (MAIL, 250),
    ] {
        assert_eq!(session.code(line), code, "{line}");
    }
    assert_eq!(session.say(&[RCPT]), ["<listed for b.example?>"]);
    assert_eq!(session.hand(Input::Answered(Listing::Unlisted))[0][..3], *"530");
}

#[test]
fn the_stage_of_a_demand_that_is_not_made_does_not_matter() {
    let mut session = Session::new(ServerSettings {
        demands_tls: false,
        ..demanding_at(DemandStage::EveryCommand)
    });
    for (line, code) in [(EHLO, 250), (MAIL, 250), (RCPT, 250), ("DATA", 354)] {
        assert_eq!(session.code(line), code, "{line}");
    }
}

#[test]
fn a_server_for_which_tls_did_not_achieve_enough_says_554_to_all_but_quit() {
    for line in LINES {
        let mut session = Session::over_tls(in_trouble(Trouble::UnhappyWithTls));
        let code = if line == "QUIT" { 221 } else { 554 };
        assert_eq!(session.code(line), code, "{line}");
    }
}

#[test]
fn a_client_that_is_told_554_again_and_again_may_still_take_leave() {
    let mut session = Session::over_tls(in_trouble(Trouble::UnhappyWithTls));
    for _ in 0..2 * ERRORS_LIMIT {
        assert_eq!(
            session.say(&[MAIL]),
            ["554 5.7.0 Refused, the security of this session is not enough"]
        );
    }
    assert_eq!(
        session.say(&["QUIT"]),
        ["221 2.0.0 mx.b.example Closing connection", "<close>"]
    );
}

#[test]
fn in_clear_there_is_no_tls_to_be_unhappy_with() {
    let mut session = Session::new(in_trouble(Trouble::UnhappyWithTls));
    for (line, code) in [(EHLO, 250), (MAIL, 250), (RCPT, 250), ("DATA", 354)] {
        assert_eq!(session.code(line), code, "{line}");
    }
}

#[test]
fn inside_tls_only_an_unhappy_server_says_554() {
    for trouble in [Trouble::None, Trouble::ListsLittle, Trouble::OffersTlsInsideTls] {
        let mut session = Session::over_tls(in_trouble(trouble));
        for (line, code) in [(EHLO, 250), (MAIL, 250), (RCPT, 250), ("DATA", 354)] {
            assert_eq!(session.code(line), code, "{line} at {trouble:?}");
        }
    }
}
