//! The few things that judges must read in SMTP lines and in content.

use postern_model::name::Token;
use postern_model::observation::{Code, Status, Verb};
use postern_model::scenario::Phase;

/// A command line, as far as judges care.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct CommandLine<'a> {
    /// The phase of delivery that it begins, if any.
    pub(super) phase: Option<Phase>,
    /// For RCPT: the local part and the domain of the recipient.
    pub(super) recipient: Option<(&'a str, &'a str)>,
}

/// Reads a command line. Whatever is no command of delivery has no phase.
pub(super) fn command(text: &str) -> CommandLine<'_> {
    let (verb, argument) = text.split_once(' ').unwrap_or((text, ""));
    let phase = match verb.to_ascii_uppercase().as_str() {
        "EHLO" | "HELO" => Some(Phase::Ehlo),
        "STARTTLS" if argument.is_empty() => Some(Phase::Starttls),
        "MAIL" => Some(Phase::Mail),
        "RCPT" => Some(Phase::Rcpt),
        "DATA" => Some(Phase::Data),
        "QUIT" => Some(Phase::Quit),
        _ => None,
    };
    let recipient = if phase == Some(Phase::Rcpt) {
        mailbox(argument)
    } else {
        None
    };
    CommandLine { phase, recipient }
}

/// What the verb of a command line says beyond its phase; `None` where there is nothing to add, or no verb.
pub(super) fn verb(text: &str) -> Option<Verb> {
    let (verb, argument) = text.split_once(' ').unwrap_or((text, ""));
    match verb.to_ascii_uppercase().as_str() {
        "HELO" => Some(Verb::Helo),
        "NOOP" => Some(Verb::Noop),
        // An octet that is escaped is none of a parameter: the line is no command at all.
        "STARTTLS" if argument.contains('\\') => Some(Verb::Other),
        "STARTTLS" if !argument.is_empty() => Some(Verb::StarttlsWithParameter),
        "EHLO" | "STARTTLS" | "MAIL" | "RCPT" | "DATA" | "QUIT" => None,
        "" => None,
        other => other
            .bytes()
            .all(|octet| octet.is_ascii_alphabetic())
            .then_some(Verb::Other),
    }
}

/// `TO:<local-part@domain>`, parameters behind it ignored.
fn mailbox(argument: &str) -> Option<(&str, &str)> {
    let (_, path) = argument.split_once(':')?;
    let path = path.trim_start().strip_prefix('<')?;
    let (mailbox, _) = path.split_once('>')?;
    mailbox.rsplit_once('@')
}

/// For MAIL: whether its reverse path is null.
pub(super) fn is_null_reverse_path(text: &str) -> Option<bool> {
    let (verb, argument) = text.split_once(' ')?;
    let (_, path) = argument.split_once(':')?;
    verb.eq_ignore_ascii_case("MAIL")
        .then(|| path.trim_start().starts_with("<>"))
}

/// One line of a reply (RFC 5321 §4.2.1).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct ReplyLine<'a> {
    pub(super) code: Code,
    /// More lines of this reply follow.
    pub(super) continues: bool,
    pub(super) text: &'a str,
}

/// Reads a line of a reply; `None` for what is none.
pub(super) fn reply(text: &str) -> Option<ReplyLine<'_>> {
    let code = text.get(..3)?;
    if !code.bytes().all(|octet| octet.is_ascii_digit()) {
        return None;
    }
    let rest = &text[3..];
    Some(ReplyLine {
        code: code.parse().ok()?,
        continues: match rest.bytes().next() {
            Some(b'-') => true,
            Some(b' ') | None => false,
            Some(_) => return None,
        },
        text: rest.get(1..).unwrap_or_default(),
    })
}

/// Whether a line of the reply to EHLO offers an extension.
pub(super) fn offers(text: &str, extension: &str) -> bool {
    let keyword = text.split(' ').next().unwrap_or_default();
    keyword.eq_ignore_ascii_case(extension)
}

/// The enhanced status code at the beginning of a text (RFC 3463 §2).
pub(super) fn status(text: &str) -> Option<Status> {
    let mut numbers = text.trim_start().split(' ').next()?.split('.').map(str::parse);
    let mut number = || numbers.next()?.ok();
    let status = Status {
        class: number()?,
        subject: number()?,
        detail: number()?,
    };
    ([2, 4, 5].contains(&status.class) && numbers.next().is_none()).then_some(status)
}

/// The token of a message: the left side of the Message-ID in its header.
pub(super) fn token_of(content: &str) -> Option<Token> {
    let header = content.lines().take_while(|line| !line.is_empty());
    let field = header.filter_map(|line| line.split_once(':'));
    let (_, value) = field
        .into_iter()
        .find(|(name, _)| name.eq_ignore_ascii_case("Message-ID"))?;
    let (token, _) = value.trim().strip_prefix('<')?.split_once('@')?;
    token.parse().ok()
}
