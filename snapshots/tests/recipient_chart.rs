//! The answers of a server to RCPT, over every input, as one table.

use std::fmt::Write;

use insta::{Settings, assert_snapshot};
use postern_model::mta::recipient::{Circumstances, decide};
use postern_model::mta::session::Listing;
use postern_model::name::DomainName;
use postern_model::scenario::{MailboxState, UnlistedAnswer};

const LISTINGS: [(Listing, &str); 3] = [
    (Listing::Listed, "yes"),
    (Listing::Unlisted, "no"),
    (Listing::LookupFailed, "lookup failed"),
];
const UNLISTED_ANSWERS: [(UnlistedAnswer, &str); 2] = [
    (UnlistedAnswer::StarttlsFirst, "530"),
    (UnlistedAnswer::NotExchanger, "550"),
];

#[test]
fn the_recipient_chart_reads_as_it_was_reviewed() {
    let domain: DomainName = "x.example".parse().expect("a domain");
    let code = |circumstances, listing| decide(circumstances, listing, None).reply(&domain).code;
    let mut table = String::from(
        "The columns give the answer to RCPT for a mailbox that accepts / defers / refuses.\n\
         “No/no” is the answer that the server prefers where the chart leaves it the choice.\n\n\
         configured  relays  no/no  listed         clear, TLS demanded  otherwise\n",
    );
    for configured in [false, true] {
        for relays in [false, true] {
            for (unlisted_answer, preferred) in UNLISTED_ANSWERS {
                for (listing, listed) in LISTINGS {
                    let codes = |demands_tls, tls| {
                        let states = [MailboxState::Accepts, MailboxState::Defers, MailboxState::Refuses];
                        let codes = states.map(|mailbox| {
                            let circumstances = Circumstances {
                                configured,
                                demands_tls,
                                tls,
                                relays,
                                mailbox,
                                unlisted_answer,
                            };
                            code(circumstances, listing)
                        });
                        codes.map(|code| code.to_string()).join(" / ")
                    };
                    let otherwise =
                        [(false, false), (false, true), (true, true)].map(|(demands, tls)| codes(demands, tls));
                    assert!(otherwise.iter().all(|codes| *codes == otherwise[0]), "{otherwise:?}");
                    writeln!(
                        table,
                        "{:10}  {:6}  {preferred:5}  {listed:13}  {:19}  {}",
                        yes_or_no(configured),
                        yes_or_no(relays),
                        codes(true, false),
                        otherwise[0],
                    )
                    .expect("a string takes all");
                }
            }
        }
    }
    let mut settings = Settings::new();
    settings.set_snapshot_path(concat!(env!("CARGO_MANIFEST_DIR"), "/tables"));
    settings.set_prepend_module_to_snapshot(false);
    settings.set_omit_expression(true);
    settings.bind(|| assert_snapshot!("recipient-chart", table));
}

fn yes_or_no(answer: bool) -> &'static str {
    if answer { "yes" } else { "no" }
}
