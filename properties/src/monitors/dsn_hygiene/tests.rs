use postern_model::observation::Status;
use postern_model::report::{Notify, Returns};
use postern_model::scenario::{Level, MailboxState};

use super::super::story::{B, Found, MAIL, MINUTE, MX1, MX2, NOTIFICATION, OUT, SECOND, Story, setup};
use super::*;

fn judged(story: Story) -> Found {
    story.judged_by(DsnHygiene::new(setup(Level::May)))
}

fn queued(host: HostId, message: MessageId, null_reverse_path: bool, about: Option<About<MessageId>>) -> Observation {
    Observation::Queued {
        host,
        message,
        next_hop: B,
        domain: B,
        mailbox: MailboxState::Accepts,
        null_reverse_path,
        about,
    }
}

fn about(message: MessageId, action: ReportAction) -> About<MessageId> {
    About { message, action }
}

fn mail_from(story: Story, is_null: bool) -> Story {
    let connection = story.connection();
    story.sees(Observation::MailFrom { connection, is_null })
}

/// The notification crosses a connection of the sender.
fn is_sent(story: Story, message: MessageId, path_is_null: bool, what: About<MessageId>) -> Story {
    let story = mail_from(story.dials(MX1), path_is_null);
    let connection = story.connection();
    let status = Status {
        class: 5,
        subject: 1,
        detail: 1,
    };
    story
        .sees(Observation::Content {
            connection,
            message,
            next_hop: B,
            tls: false,
        })
        .sees(Observation::Report {
            connection,
            message,
            reporter: OUT,
            about: what,
            status,
            names_tls: false,
        })
}

fn given_back() -> Story {
    let what = about(MAIL, ReportAction::Failed);
    let bounced = Story::new().mail_is_tried().bounced();
    bounced.sees(queued(OUT, NOTIFICATION, true, Some(what)))
}

#[test]
fn a_failure_is_reported_once_from_the_null_reverse_path() {
    let what = about(MAIL, ReportAction::Failed);
    let once = is_sent(given_back(), NOTIFICATION, true, what);
    assert_eq!(judged(once.clone()), Found::Holds);
    assert_eq!(
        judged(is_sent(once.clone(), NOTIFICATION, true, what)),
        Found::Holds,
        "a retry"
    );
    let twice = is_sent(once.clone(), MessageId(2), true, what);
    assert_eq!(judged(twice), Found::Violated("R5321-6.1-a"));
    let delayed = is_sent(once, MessageId(2), true, about(MAIL, ReportAction::Delayed));
    assert_eq!(judged(delayed), Found::Holds);
}

#[test]
fn a_notification_from_a_mailbox_is_told_from_a_null_path_that_was_replaced() {
    let what = about(MAIL, ReportAction::Failed);
    let from_mailbox = Story::new().mail_is_tried().bounced();
    let from_mailbox = from_mailbox.sees(queued(OUT, NOTIFICATION, false, Some(what)));
    assert_eq!(
        judged(is_sent(from_mailbox, NOTIFICATION, false, what)),
        Found::Violated("R5321-6.1-a")
    );
    let replaced = is_sent(given_back(), NOTIFICATION, false, what);
    assert_eq!(judged(replaced), Found::Violated("R5321-4.5.5-a"));
}

#[test]
fn nothing_is_reported_about_mail_with_a_null_reverse_path() {
    let null = || Story::new().sees(queued(OUT, MAIL, true, None));
    for action in [ReportAction::Failed, ReportAction::Delayed] {
        let queued = null().sees(queued(OUT, NOTIFICATION, true, Some(about(MAIL, action))));
        assert_eq!(judged(queued), Found::Violated("R5321-4.5.4-f"));
        let sent = is_sent(null(), NOTIFICATION, true, about(MAIL, action));
        assert_eq!(judged(sent), Found::Violated("R5321-4.5.4-f"));
    }
    assert_eq!(judged(null().bounced().after(MINUTE * 2)), Found::NotExercised);
    assert_eq!(judged(mail_from(null().dials(MX1), true).content(false)), Found::Holds);
    assert_eq!(
        judged(mail_from(null().dials(MX1), false).content(false)),
        Found::Violated("R5321-4.5.5-a")
    );
}

#[test]
fn a_relay_that_gives_back_reports_within_a_minute() {
    let at_relay = Story::new().mail_is_queued_at(MX1).mail_is_tried().bounced();
    assert_eq!(
        judged(at_relay.clone().after(MINUTE + SECOND)),
        Found::Violated("R5321-3.6.3-a")
    );
    assert_eq!(
        judged(at_relay.clone()),
        Found::Violated("R5321-3.6.3-a"),
        "the run is over"
    );
    let failed = queued(OUT, NOTIFICATION, true, Some(about(MAIL, ReportAction::Failed)));
    assert_eq!(
        judged(at_relay.clone().after(MINUTE).sees(failed).after(MINUTE * 2)),
        Found::NotExercised
    );
    let delayed = queued(OUT, NOTIFICATION, true, Some(about(MAIL, ReportAction::Delayed)));
    assert_eq!(judged(at_relay.sees(delayed)), Found::Violated("R5321-3.6.3-a"));
    assert_eq!(
        judged(Story::new().mail_is_tried().bounced()),
        Found::NotExercised,
        "the first host"
    );
}

fn asked(notify: Option<Notify>, envelope_id: Option<u64>) -> Story {
    Story::new().sees(Observation::Asked {
        host: OUT,
        message: MAIL,
        notify,
        envelope_id,
    })
}

#[test]
fn a_notification_that_the_sender_ruled_out_is_forbidden() {
    let failures = Notify::On {
        success: false,
        failure: true,
        delay: false,
    };
    let reported = |notify, action| {
        let given_back = asked(Some(notify), None).mail_is_tried().bounced();
        judged(given_back.sees(queued(OUT, NOTIFICATION, true, Some(about(MAIL, action)))))
    };
    let (failed, delayed) = (ReportAction::Failed, ReportAction::Delayed);
    assert_eq!(reported(Notify::Never, failed), Found::Violated("R3461-4.1-a"));
    assert_eq!(reported(Notify::Never, delayed), Found::Violated("R3461-4.1-a"));
    assert_eq!(reported(failures, delayed), Found::Violated("R3461-5.2.5-c"));
    assert_eq!(
        reported(failures, failed),
        Found::NotExercised,
        "nothing is on the wire"
    );
    let silent = asked(Some(Notify::Never), None).mail_is_tried().bounced();
    assert_eq!(judged(silent.after(MINUTE * 2)), Found::Holds);
}

#[test]
fn a_notification_names_the_envelope_id_that_was_given() {
    let what = about(MAIL, ReportAction::Failed);
    let reported = |given: Option<u64>, named: Option<u64>| {
        let story = asked(None, given).mail_is_tried().bounced();
        let story = mail_from(story.sees(queued(OUT, NOTIFICATION, true, Some(what))).dials(MX1), true);
        let connection = story.connection();
        let story = match named {
            Some(id) => story.sees(Observation::NamesEnvelope { connection, id }),
            None => story,
        };
        judged(story.sees(Observation::Report {
            connection,
            message: NOTIFICATION,
            reporter: OUT,
            about: what,
            status: Status {
                class: 5,
                subject: 1,
                detail: 1,
            },
            names_tls: false,
        }))
    };
    assert_eq!(reported(Some(7), Some(7)), Found::Holds);
    assert_eq!(reported(None, None), Found::Holds);
    for (given, named) in [(Some(7), None), (Some(7), Some(8)), (None, Some(7))] {
        assert_eq!(reported(given, named), Found::Violated("R3461-6.3-a"));
    }
}

/// The message crosses a connection between two hosts, with these parameters.
fn crosses(
    story: Story,
    connection: u32,
    between: (HostId, HostId),
    offers: bool,
    said: impl Fn(ConnectionId) -> Option<Observation>,
) -> Story {
    let connection = ConnectionId(connection);
    let (from, to) = between;
    let story = story.sees(Observation::Dialled {
        connection,
        from,
        to,
        address: 0,
    });
    let story = match offers {
        true => story.sees(Observation::OffersDsn { connection }),
        false => story,
    };
    let story = match said(connection) {
        Some(said) => story.sees(said),
        None => story,
    };
    story.sees(Observation::Content {
        connection,
        message: MAIL,
        next_hop: B,
        tls: false,
    })
}

/// The sender's host says this with the message, and a relay that.
fn relayed(
    came: impl Fn(ConnectionId) -> Option<Observation>,
    offers: bool,
    said: impl Fn(ConnectionId) -> Option<Observation>,
) -> Found {
    let arrived = crosses(Story::new().mail_is_tried(), 1, (OUT, MX1), true, came);
    judged(crosses(arrived.mail_is_queued_at(MX1), 2, (MX1, MX2), offers, said))
}

#[test]
fn a_relay_passes_on_what_it_was_asked_where_dsn_is_offered_and_nowhere_else() {
    let envelope = |id: Option<u64>| move |connection| id.map(|id| Observation::EnvelopeId { connection, id });
    let returns = |returns: Option<Returns>| {
        move |connection| returns.map(|returns| Observation::Returns { connection, returns })
    };
    let (some, other) = (envelope(Some(7)), envelope(Some(8)));
    let none = |_| None;
    assert_eq!(relayed(some, true, some), Found::Holds);
    assert_eq!(relayed(some, false, none), Found::Holds);
    assert_eq!(relayed(some, false, some), Found::Violated("R3461-5.2.2-a"));
    let unlike = Found::Violated("R3461-5.2.1-a");
    assert_eq!(relayed(some, true, none), unlike);
    assert_eq!(relayed(some, true, other), unlike);
    assert_eq!(relayed(none, true, some), unlike);
    let (all, header) = (returns(Some(Returns::Full)), returns(Some(Returns::Headers)));
    assert_eq!(relayed(all, true, all), Found::Holds);
    assert_eq!(relayed(all, true, header), unlike);
    assert_eq!(relayed(all, true, none), unlike);
    assert_eq!(relayed(none, true, all), unlike);
}

#[test]
fn only_the_recipient_may_be_added_as_the_original_one() {
    let original = |recipient, is_recipient| {
        move |connection| {
            Some(Observation::OriginalRecipient {
                connection,
                recipient,
                is_recipient,
            })
        }
    };
    let (recipient, another) = (original(1, true), original(2, false));
    let none = |_| None;
    let unlike = Found::Violated("R3461-5.2.1-a");
    assert_eq!(relayed(another, true, another), Found::Holds);
    assert_eq!(relayed(another, true, none), unlike);
    assert_eq!(relayed(another, true, recipient), unlike);
    assert_eq!(relayed(none, true, recipient), Found::Holds);
    assert_eq!(relayed(none, true, another), unlike);
    assert_eq!(relayed(another, false, another), Found::Violated("R3461-5.2.2-a"));
}
