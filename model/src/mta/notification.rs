//! The delivery status notification that goes to the reverse path of a message that failed or is delayed (RFC 3464).

use crate::mutant::Mutant;
use crate::name::{DomainName, Mailbox, Token};
use crate::report::{Notify, ReportAction};
use crate::smtp::Request;

/// Whether the sender is to be told, by what NOTIFY said; by default, of failures and delays (RFC 3461 §4.1, §5.2.5,
/// §5.2.6).
pub fn is_wanted(notify: Option<Notify>, action: ReportAction, mutant: Option<Mutant>) -> bool {
    match (notify, action) {
        (None, _) => true,
        (Some(Notify::Never), ReportAction::Failed) => mutant == Some(Mutant::ReportsAlthoughNever),
        (Some(Notify::Never), ReportAction::Delayed) => false,
        (Some(Notify::On { failure, .. }), ReportAction::Failed) => failure,
        (Some(Notify::On { delay, .. }), ReportAction::Delayed) => {
            delay || mutant == Some(Mutant::WarnsAlthoughNotAsked)
        }
    }
}

/// What a notification says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Notification<'a> {
    /// The notification's own token.
    pub token: &'a Token,
    /// The MTA that gave up, or goes on trying.
    pub reporting_host: &'a DomainName,
    /// Where the notification goes.
    pub to: &'a Mailbox,
    /// When the message came to this MTA, as an Internet date.
    pub arrival_date: &'a str,
    /// What was asked when the message came: its envelope id and its original recipient are named (RFC 3461 §6.3). RET is
    /// not asked: only the header is returned, whatever it says.
    pub request: &'a Request,
    /// The recipient that was not reached.
    pub final_recipient: &'a Mailbox,
    /// What became of the message.
    pub action: ReportAction,
    /// The enhanced status code, such as `4.4.7` (RFC 3463).
    pub status: &'a str,
    /// What went wrong, in one line.
    pub explanation: &'a str,
    /// What the other side said, if it was it that refused.
    pub remote: Option<Remote<'a>>,
    /// When the last attempt was made, if there was any.
    pub last_attempt_date: Option<&'a str>,
    /// When a delayed message will be given up.
    pub will_retry_until: Option<&'a str>,
    /// Now, as an Internet date.
    pub date: &'a str,
    /// The header of the message that this is about.
    pub returned_header: &'a str,
}

/// The refusal of a remote MTA.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Remote<'a> {
    /// The MTA.
    pub host: &'a DomainName,
    /// Its reply, in one line.
    pub reply: &'a str,
}

impl Notification<'_> {
    /// The content, lines ended by CRLF: a multipart/report with its three parts (RFC 6522).
    pub fn content(&self) -> Vec<u8> {
        let Self {
            token,
            reporting_host,
            to,
            final_recipient,
            date,
            ..
        } = self;
        let (subject, sentence) = match self.action {
            ReportAction::Failed => ("Undelivered Mail Returned to Sender", "could not be delivered"),
            ReportAction::Delayed => (
                "Delayed Mail (still being retried)",
                "is delayed and still being tried; you need not send it again. It is",
            ),
        };
        let text = format!(
            "From: <MAILER-DAEMON@{reporting_host}>\n\
             To: <{to}>\n\
             Date: {date}\n\
             Message-ID: <{token}@{reporting_host}>\n\
             Subject: {subject}\n\
             Auto-Submitted: auto-replied\n\
             MIME-Version: 1.0\n\
             Content-Type: multipart/report; report-type=delivery-status; boundary=\"{token}\"\n\
             \n\
             --{token}\n\
             Content-Type: text/plain\n\
             \n\
             The message {sentence} to <{final_recipient}>:\n\
             {explanation}\n\
             \n\
             --{token}\n\
             Content-Type: message/delivery-status\n\
             \n\
             {fields}\
             \n\
             --{token}\n\
             Content-Type: text/rfc822-headers\n\
             \n\
             {returned}\n\
             --{token}--\n",
            explanation = one_line(self.explanation),
            fields = self.fields(),
            returned = self.returned_header.replace("\r\n", "\n").trim_end(),
        );
        text.replace('\n', "\r\n").into_bytes()
    }

    /// The fields about the message and, after an empty line, those about its recipient.
    fn fields(&self) -> String {
        // A reply is an SMTP diagnostic of the remote MTA; what this MTA found out by itself is its own kind (§2.3.6).
        let diagnostic = self.remote.map_or_else(
            || format!("X-Postern; {}", one_line(self.explanation)),
            |remote| format!("smtp; {}", one_line(remote.reply)),
        );
        let asked = self.request;
        let envelope_id = asked.message.envelope_id.as_ref().map(|id| id.decode());
        let original = asked.recipient.original.as_ref().map(|original| original.decode());
        let fields = [
            ("Original-Envelope-Id", envelope_id),
            ("Reporting-MTA", Some(format!("dns; {}", self.reporting_host))),
            ("Arrival-Date", Some(self.arrival_date.to_owned())),
            ("", Some(String::new())),
            ("Original-Recipient", original),
            ("Final-Recipient", Some(format!("rfc822; {}", self.final_recipient))),
            ("Action", Some(self.action.to_string())),
            ("Status", Some(self.status.to_owned())),
            ("Remote-MTA", self.remote.map(|remote| format!("dns; {}", remote.host))),
            ("Diagnostic-Code", Some(diagnostic)),
            ("Last-Attempt-Date", self.last_attempt_date.map(str::to_owned)),
            ("Will-Retry-Until", self.will_retry_until.map(str::to_owned)),
        ];
        let lines = fields.into_iter().filter_map(|(name, value)| match name {
            "" => Some("\n".to_owned()),
            _ => Some(format!("{name}: {}\n", value?)),
        });
        lines.collect()
    }
}

fn one_line(text: &str) -> String {
    text.replace(['\r', '\n'], " ")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::smtp::{OriginalRecipient, Xtext};

    const MX: &str = "mx1.b.example";

    /// The text of a notification, lines ended by `\n`, after a change to what a failed one says.
    fn text(change: impl FnOnce(&mut Notification<'_>)) -> String {
        text_with(&Request::default(), None, change)
    }

    /// The same, after this request and with this reply of a remote host.
    fn text_with(request: &Request, reply: Option<&str>, change: impl FnOnce(&mut Notification<'_>)) -> String {
        let host = MX.parse().unwrap();
        let mut notification = Notification {
            token: &"m1-dsn".parse().unwrap(),
            reporting_host: &"out.a.example".parse().unwrap(),
            to: &"alice@a.example".parse().unwrap(),
            request,
            arrival_date: "Thu, 01 Jan 2026 00:00:00 +0000",
            final_recipient: &"bob@b.example".parse().unwrap(),
            action: ReportAction::Failed,
            status: "4.7.4",
            explanation: "TLS is required,\r\nbut was not offered by host mx1.b.example",
            remote: reply.map(|reply| Remote { host: &host, reply }),
            last_attempt_date: Some("Tue, 06 Jan 2026 00:00:00 +0000"),
            will_retry_until: None,
            date: "Tue, 06 Jan 2026 00:00:01 +0000",
            returned_header: "Message-ID: <m1@out.a.example>\r\nSubject: m1\r\n",
        };
        change(&mut notification);
        let text = String::from_utf8(notification.content()).unwrap();
        assert!(!text.replace("\r\n", "").contains(['\r', '\n']), "only CRLF ends lines");
        text.replace("\r\n", "\n")
    }

    /// The delivery-status part.
    fn status_part(text: &str) -> &str {
        let (_, behind) = text.split_once("Content-Type: message/delivery-status\n\n").unwrap();
        behind.split_once("\n\n--m1-dsn\n").unwrap().0
    }

    #[test]
    fn a_failure_names_the_mta_the_recipient_the_cause_and_the_times() {
        assert_eq!(
            status_part(&text(|_| {})),
            "Reporting-MTA: dns; out.a.example\n\
             Arrival-Date: Thu, 01 Jan 2026 00:00:00 +0000\n\
             \n\
             Final-Recipient: rfc822; bob@b.example\n\
             Action: failed\n\
             Status: 4.7.4\n\
             Diagnostic-Code: X-Postern; TLS is required,  but was not offered by host mx1.b.example\n\
             Last-Attempt-Date: Tue, 06 Jan 2026 00:00:00 +0000"
        );
    }

    #[test]
    fn the_envelope_id_and_the_original_recipient_come_back_decoded() {
        let mut request = Request::default();
        request.message.envelope_id = Some(Xtext::encode("batch 7"));
        request.recipient.original = Some(OriginalRecipient::of(&"bob+x@b.example".parse().unwrap()));
        let text = text_with(&request, None, |_| {});
        let status = status_part(&text);
        assert!(
            status.starts_with("Original-Envelope-Id: batch 7\nReporting-MTA: "),
            "{status}"
        );
        let recipient = "\n\nOriginal-Recipient: rfc822;bob+x@b.example\nFinal-Recipient: ";
        assert!(status.contains(recipient), "{status}");
    }

    #[test]
    fn only_what_notify_names_is_reported_and_by_default_failures_and_delays() {
        let failures = Some(Notify::On {
            success: false,
            failure: true,
            delay: false,
        });
        let wanted =
            |notify| [ReportAction::Failed, ReportAction::Delayed].map(|action| is_wanted(notify, action, None));
        assert_eq!(wanted(None), [true, true]);
        assert_eq!(wanted(Some(Notify::Never)), [false, false]);
        assert_eq!(wanted(failures), [true, false]);
    }

    #[test]
    fn the_reply_of_a_remote_mta_is_an_smtp_diagnostic_and_the_mta_is_named() {
        let text = text_with(&Request::default(), Some("550 5.1.1 no such\nmailbox"), |_| {});
        let lines = "Remote-MTA: dns; mx1.b.example\nDiagnostic-Code: smtp; 550 5.1.1 no such mailbox\n";
        assert!(status_part(&text).contains(lines), "{text}");
    }

    #[test]
    fn a_delay_says_until_when_it_is_tried() {
        let text = text(|notification| {
            notification.action = ReportAction::Delayed;
            notification.last_attempt_date = None;
            notification.will_retry_until = Some("Tue, 06 Jan 2026 00:00:00 +0000");
        });
        assert!(
            text.contains("\nSubject: Delayed Mail (still being retried)\n"),
            "{text}"
        );
        assert!(text.contains("is delayed and still being tried"), "{text}");
        let status = status_part(&text);
        assert!(status.contains("\nAction: delayed\n"), "{status}");
        assert!(
            status.ends_with("\nWill-Retry-Until: Tue, 06 Jan 2026 00:00:00 +0000"),
            "{status}"
        );
        assert!(!status.contains("Last-Attempt-Date"), "{status}");
    }

    #[test]
    fn it_is_a_report_of_three_parts_with_the_header_of_what_it_is_about() {
        let text = text(|_| {});
        let (header, body) = text.split_once("\n\n").unwrap();
        for line in [
            "To: <alice@a.example>",
            "Subject: Undelivered Mail Returned to Sender",
            "Auto-Submitted: auto-replied",
            "Content-Type: multipart/report; report-type=delivery-status; boundary=\"m1-dsn\"",
        ] {
            assert!(
                header.lines().any(|found| found == line),
                "no line “{line}” in\n{header}"
            );
        }
        assert_eq!(body.matches("--m1-dsn\n").count(), 3);
        assert!(
            body.contains("could not be delivered to <bob@b.example>:\nTLS is required,  but"),
            "{body}"
        );
        let returned = "Content-Type: text/rfc822-headers\n\nMessage-ID: <m1@out.a.example>\nSubject: m1\n--m1-dsn--\n";
        assert!(body.ends_with(returned), "{body}");
    }
}
