//! The few things that judges must read in a delivery status notification (RFC 3464), and in any content that is relayed.

use std::hash::{DefaultHasher, Hash, Hasher};

use postern_model::name::{DomainName, Token};
use postern_model::observation::Status;
use postern_model::report::ReportAction;

use super::lines;

/// A notification, as far as judges care.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Report {
    /// The host that sent it first.
    pub(super) reporter: DomainName,
    /// The message that it is about.
    pub(super) about: Token,
    pub(super) action: ReportAction,
    pub(super) status: Status,
    /// What the message was called when it was submitted.
    pub(super) envelope_id: Option<String>,
    /// Its status is about security, or its words name TLS.
    pub(super) names_tls: bool,
}

/// Reads a notification; `None` for what is none.
pub(super) fn report(content: &str) -> Option<Report> {
    let (header, body) = content.split_once("\n\n")?;
    let kind = field(header, "Content-Type")?;
    if !kind.to_ascii_lowercase().starts_with("multipart/report") || !kind.contains("delivery-status") {
        return None;
    }
    let (_, boundary) = kind.split_once("boundary=")?;
    let delimiter = format!("--{}", boundary.split(';').next()?.trim().trim_matches('"'));
    let parts: Vec<&str> = body.split(delimiter.as_str()).skip(1).collect();
    let of_kind = |kind: &str| parts.iter().find_map(|part| part_of_kind(part, kind));
    let status_part = of_kind("message/delivery-status")?;
    let returned = of_kind("text/rfc822-headers").or_else(|| of_kind("message/rfc822"))?;
    let explanation = of_kind("text/plain").unwrap_or_default();
    let status = lines::status(field(status_part, "Status")?)?;
    let action = field(status_part, "Action")?;
    Some(Report {
        reporter: field(status_part, "Reporting-MTA")?
            .split_once(';')?
            .1
            .trim()
            .parse()
            .ok()?,
        about: lines::token_of(returned)?,
        action: match action.to_ascii_lowercase().as_str() {
            "failed" => ReportAction::Failed,
            "delayed" => ReportAction::Delayed,
            _ => return None,
        },
        status,
        envelope_id: field(status_part, "Original-Envelope-Id").map(str::to_owned),
        names_tls: status.subject == 7 || names_tls(explanation) || names_tls(status_part),
    })
}

/// A digest of a content without what a relay may put on top of it: trace lines and a return path (RFC 5321 §4.4).
pub(super) fn digest(content: &str) -> u64 {
    let mut is_trace = false;
    let rest = content.lines().skip_while(|line| {
        let continues = is_trace && line.starts_with([' ', '\t']);
        let name = line.split(':').next().unwrap_or_default();
        is_trace = continues
            || ["Received", "Return-Path"]
                .iter()
                .any(|trace| name.eq_ignore_ascii_case(trace));
        is_trace
    });
    let mut hasher = DefaultHasher::new();
    rest.for_each(|line| line.hash(&mut hasher));
    hasher.finish()
}

/// The body of a part, if it is of this kind.
fn part_of_kind<'a>(part: &'a str, kind: &str) -> Option<&'a str> {
    let (header, body) = part.split_once("\n\n")?;
    let found = field(header, "Content-Type")?;
    found.to_ascii_lowercase().starts_with(kind).then_some(body)
}

/// The value of the first field of this name, which is on one line.
fn field<'a>(text: &'a str, name: &str) -> Option<&'a str> {
    let mut fields = text.lines().filter_map(|line| line.split_once(':'));
    let (_, value) = fields.find(|(found, _)| found.eq_ignore_ascii_case(name))?;
    Some(value.trim())
}

fn names_tls(text: &str) -> bool {
    text.to_ascii_uppercase().contains("TLS")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn notification(action: &str, status: &str, explanation: &str) -> String {
        format!(
            "Received: from elsewhere\nMessage-ID: <n1@out.a.example>\n\
             Content-Type: multipart/report; report-type=delivery-status; boundary=\"cut\"\n\n\
             --cut\nContent-Type: text/plain\n\n{explanation}\n\n\
             --cut\nContent-Type: message/delivery-status\n\n\
             Reporting-MTA: dns; out.a.example\n\nFinal-Recipient: rfc822; bob@b.example\n\
             Action: {action}\nStatus: {status}\n\n\
             --cut\nContent-Type: text/rfc822-headers\n\nMessage-ID: <m1@out.a.example>\nSubject: TLS\n--cut--\n"
        )
    }

    #[test]
    fn a_notification_is_read() {
        let found = report(&notification("Failed", "4.4.1", "no connection")).unwrap();
        let status = Status {
            class: 4,
            subject: 4,
            detail: 1,
        };
        assert_eq!((found.action, found.status), (ReportAction::Failed, status));
        assert_eq!((found.reporter.as_str(), found.about.as_str()), ("out.a.example", "m1"));
        assert!(
            !found.names_tls,
            "the subject of what is returned says nothing of the cause"
        );
        let delayed = report(&notification("delayed", "4.4.1", "")).unwrap();
        assert_eq!(delayed.action, ReportAction::Delayed);
    }

    #[test]
    fn tls_is_named_by_the_status_or_in_words() {
        assert!(
            report(&notification("failed", "4.7.5", "certificate"))
                .unwrap()
                .names_tls
        );
        assert!(
            report(&notification("failed", "4.4.7", "no STARTTLS there"))
                .unwrap()
                .names_tls
        );
    }

    #[test]
    fn what_is_no_notification_is_not_read_as_one() {
        assert_eq!(report("Subject: hello\n\nAction: failed\nStatus: 5.1.1\n"), None);
        assert_eq!(report(&notification("relayed", "2.1.9", "")), None);
        assert_eq!(report(&notification("failed", "soon", "")), None);
        assert_eq!(report(""), None);
    }

    #[test]
    fn a_digest_does_not_see_trace_lines_and_sees_all_else() {
        let sent = digest("Subject: hello\n\nthe body\n");
        let relayed =
            "Return-Path: <a@a.example>\nReceived: from a\n by b\nReceived: from b\nSubject: hello\n\nthe body\n";
        assert_eq!(digest(relayed), sent);
        assert_ne!(digest("Subject: hello\n\nthe  body\n"), sent);
        assert_ne!(digest("Subject: hello\n\nthe body\nmore\n"), sent);
        assert_ne!(digest("X-Relay: b\nSubject: hello\n\nthe body\n"), sent);
    }
}
