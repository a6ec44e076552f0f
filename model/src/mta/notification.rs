//! The delivery status notification that goes to the reverse path of a bounced message (RFC 3464).

use crate::name::{DomainName, Mailbox, Token};

/// What a notification says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Notification<'a> {
    /// The notification's own token.
    pub token: &'a Token,
    /// The MTA that gave up.
    pub reporting_host: &'a DomainName,
    /// Where the notification goes.
    pub to: &'a Mailbox,
    /// The recipient that was not reached.
    pub final_recipient: &'a Mailbox,
    /// The enhanced status code, such as `4.4.7` (RFC 3463).
    pub status: &'a str,
    /// What went wrong, in the words of the host or of the MTA, in one line.
    pub diagnostic: &'a str,
    /// Now, as an Internet date.
    pub date: &'a str,
    /// The header of the message that is given back.
    pub returned_header: &'a str,
}

impl Notification<'_> {
    /// The content, lines ended by CRLF.
    pub fn content(&self) -> Vec<u8> {
        let Self {
            token,
            reporting_host,
            to,
            final_recipient,
            status,
            diagnostic,
            date,
            returned_header,
        } = self;
        let diagnostic = diagnostic.replace(['\r', '\n'], " ");
        let text = format!(
            "From: <MAILER-DAEMON@{reporting_host}>\n\
             To: <{to}>\n\
             Date: {date}\n\
             Message-ID: <{token}@{reporting_host}>\n\
             Subject: Undelivered Mail Returned to Sender\n\
             Auto-Submitted: auto-replied\n\
             MIME-Version: 1.0\n\
             Content-Type: multipart/report; report-type=delivery-status; boundary=\"{token}\"\n\
             \n\
             --{token}\n\
             Content-Type: text/plain\n\
             \n\
             The message could not be delivered to <{final_recipient}>:\n\
             {diagnostic}\n\
             \n\
             --{token}\n\
             Content-Type: message/delivery-status\n\
             \n\
             Reporting-MTA: dns; {reporting_host}\n\
             \n\
             Final-Recipient: rfc822; {final_recipient}\n\
             Action: failed\n\
             Status: {status}\n\
             Diagnostic-Code: X-Postern; {diagnostic}\n\
             \n\
             --{token}\n\
             Content-Type: text/rfc822-headers\n\
             \n\
             {}\n\
             --{token}--\n",
            returned_header.replace("\r\n", "\n").trim_end()
        );
        text.replace('\n', "\r\n").into_bytes()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_notification_names_the_recipient_the_cause_and_the_message_that_failed() {
        let content = Notification {
            token: &"m1-dsn".parse().unwrap(),
            reporting_host: &"out.a.example".parse().unwrap(),
            to: &"alice@a.example".parse().unwrap(),
            final_recipient: &"bob@b.example".parse().unwrap(),
            status: "4.4.7",
            diagnostic: "TLS is required,\r\nbut was not offered by host mx1.b.example",
            date: "Tue, 06 Jan 2026 00:00:00 +0000",
            returned_header: "Message-ID: <m1@out.a.example>\r\nSubject: m1\r\n",
        }
        .content();
        let text = String::from_utf8(content).unwrap();
        for line in [
            "To: <alice@a.example>",
            "Final-Recipient: rfc822; bob@b.example",
            "Status: 4.4.7",
            "Diagnostic-Code: X-Postern; TLS is required,  but was not offered by host mx1.b.example",
            "Message-ID: <m1@out.a.example>",
        ] {
            assert!(text.lines().any(|found| found == line), "no line “{line}” in\n{text}");
        }
        assert!(!text.replace("\r\n", "").contains(['\r', '\n']), "only CRLF ends lines");
    }
}
