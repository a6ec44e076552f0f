//! Commands (RFC 5321 §4.1, RFC 3207 §4), read and printed.

use std::fmt;

use super::reply::Reply;
use super::request::{MessageRequest, RecipientRequest};
use crate::name::{Mailbox, ReversePath};

/// One command line.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum Command {
    /// EHLO with the client's name or address literal.
    Ehlo(String),
    /// HELO with the client's name.
    Helo(String),
    /// STARTTLS.
    Starttls,
    /// MAIL, with the parameters of SIZE (RFC 1870), 8BITMIME (RFC 6152) and DSN (RFC 3461).
    Mail {
        /// The reverse path.
        from: ReversePath,
        /// The size of the content that the client declares, in octets.
        size: Option<u64>,
        /// What kind of content the client declares.
        body: Option<Body>,
        /// What the client asks about notifications.
        request: MessageRequest,
    },
    /// RCPT, with the parameters of DSN.
    Rcpt {
        /// The recipient. A source route is passed over (RFC 5321 §3.6.1), `<Postmaster>` alone is not modelled.
        to: Mailbox,
        /// What the client asks about notifications.
        request: RecipientRequest,
    },
    /// DATA.
    Data,
    /// RSET.
    Rset,
    /// NOOP; its argument means nothing.
    Noop,
    /// VRFY with a user or a mailbox.
    Vrfy(String),
    /// QUIT.
    Quit,
}

/// The kind of content (RFC 6152).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Body {
    /// Octets below 128 only.
    SevenBit,
    /// Any octets, in lines.
    EightBitMime,
}

/// Why a line is not a command that this MTA has.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, thiserror::Error)]
pub enum CommandError {
    /// Octets that no command has.
    #[error("command is not printable ASCII")]
    NotText,
    /// The verb means nothing.
    #[error("command not recognized")]
    Unrecognized,
    /// The verb is a command of SMTP that this MTA does not have.
    #[error("command not implemented")]
    NotImplemented,
    /// The arguments are not those of the verb.
    #[error("syntax: {0}")]
    Syntax(&'static str),
    /// MAIL or RCPT with a parameter or a value that no extension listed here has.
    #[error("parameter not recognized or not implemented")]
    Parameter,
}

impl Command {
    /// Reads a line without its CRLF.
    pub fn parse(line: &[u8]) -> Result<Self, CommandError> {
        let is_text = |octet: &u8| octet.is_ascii_graphic() || matches!(octet, b' ' | b'\t');
        let text = match std::str::from_utf8(line) {
            Ok(text) if line.iter().all(is_text) => text.trim_end(),
            _ => return Err(CommandError::NotText),
        };
        let (verb, argument) = text.split_once(' ').unwrap_or((text, ""));
        let argument = argument.trim_start();
        match verb.to_ascii_uppercase().as_str() {
            "EHLO" => client_name(argument, "EHLO domain").map(Self::Ehlo),
            "HELO" => client_name(argument, "HELO domain").map(Self::Helo),
            "STARTTLS" => without_argument(Self::Starttls, argument, "STARTTLS"),
            "MAIL" => mail(argument),
            "RCPT" => rcpt(argument),
            "DATA" => without_argument(Self::Data, argument, "DATA"),
            "RSET" => without_argument(Self::Rset, argument, "RSET"),
            "NOOP" => Ok(Self::Noop),
            "VRFY" if argument.is_empty() => Err(CommandError::Syntax("VRFY mailbox")),
            "VRFY" => Ok(Self::Vrfy(argument.to_owned())),
            "QUIT" => without_argument(Self::Quit, argument, "QUIT"),
            "EXPN" | "HELP" => Err(CommandError::NotImplemented),
            _ => Err(CommandError::Unrecognized),
        }
    }

    /// The line with its CRLF.
    pub fn to_octets(&self) -> Vec<u8> {
        format!("{self}\r\n").into_bytes()
    }
}

impl fmt::Display for Command {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Ehlo(name) => write!(formatter, "EHLO {name}"),
            Self::Helo(name) => write!(formatter, "HELO {name}"),
            Self::Starttls => formatter.write_str("STARTTLS"),
            Self::Mail {
                from,
                size,
                body,
                request,
            } => {
                match from {
                    ReversePath::Null => write!(formatter, "MAIL FROM:<>")?,
                    ReversePath::Mailbox(mailbox) => write!(formatter, "MAIL FROM:<{mailbox}>")?,
                }
                if let Some(size) = size {
                    write!(formatter, " SIZE={size}")?;
                }
                match body {
                    None => {}
                    Some(Body::SevenBit) => write!(formatter, " BODY=7BIT")?,
                    Some(Body::EightBitMime) => write!(formatter, " BODY=8BITMIME")?,
                }
                write!(formatter, "{request}")
            }
            Self::Rcpt { to, request } => write!(formatter, "RCPT TO:<{to}>{request}"),
            Self::Data => formatter.write_str("DATA"),
            Self::Rset => formatter.write_str("RSET"),
            Self::Noop => formatter.write_str("NOOP"),
            Self::Vrfy(who) => write!(formatter, "VRFY {who}"),
            Self::Quit => formatter.write_str("QUIT"),
        }
    }
}

impl CommandError {
    /// The reply to such a line (RFC 5321 §4.2.2, §4.2.4).
    pub fn reply(self) -> Reply {
        let (code, detail) = match self {
            Self::NotText | Self::Unrecognized => (500, 2),
            Self::NotImplemented => (502, 1),
            Self::Syntax(_) => (501, 4),
            Self::Parameter => (555, 4),
        };
        Reply::enhanced(code, 5, detail, self.to_string())
    }
}

const MAIL: CommandError =
    CommandError::Syntax("MAIL FROM:<reverse-path> [SIZE=octets] [BODY=7BIT|8BITMIME] [RET=FULL|HDRS] [ENVID=xtext]");
const RCPT: CommandError =
    CommandError::Syntax("RCPT TO:<forward-path> [NOTIFY=NEVER|SUCCESS,FAILURE,DELAY] [ORCPT=type;xtext]");

/// A domain or an address literal; what it is exactly does not matter (RFC 5321 §4.1.4).
fn client_name(argument: &str, syntax: &'static str) -> Result<String, CommandError> {
    let is_one_word = !argument.is_empty() && !argument.contains([' ', '\t']);
    if !is_one_word || argument.len() > 255 {
        return Err(CommandError::Syntax(syntax));
    }
    Ok(argument.to_owned())
}

fn without_argument(command: Command, argument: &str, syntax: &'static str) -> Result<Command, CommandError> {
    if argument.is_empty() {
        Ok(command)
    } else {
        Err(CommandError::Syntax(syntax))
    }
}

fn mail(argument: &str) -> Result<Command, CommandError> {
    let (path, parameters) = path("FROM:", argument).ok_or(MAIL)?;
    let from = path.parse().map_err(|_| MAIL)?;
    let (mut size, mut body, mut request) = (None, None, MessageRequest::default());
    for (keyword, value) in keywords(parameters) {
        if let Some(is_sound) = request.take(&keyword, value) {
            is_sound.then_some(()).ok_or(MAIL)?;
            continue;
        }
        match (keyword.as_str(), value.to_ascii_uppercase().as_str()) {
            ("SIZE", octets) if size.is_none() => size = Some(size_value(octets)?),
            ("BODY", "7BIT") if body.is_none() => body = Some(Body::SevenBit),
            ("BODY", "8BITMIME") if body.is_none() => body = Some(Body::EightBitMime),
            ("SIZE", _) | ("BODY", "7BIT" | "8BITMIME") => return Err(MAIL),
            _ => return Err(CommandError::Parameter),
        }
    }
    Ok(Command::Mail {
        from,
        size,
        body,
        request,
    })
}

fn rcpt(argument: &str) -> Result<Command, CommandError> {
    let (path, parameters) = path("TO:", argument).ok_or(RCPT)?;
    let to = path.parse().map_err(|_| RCPT)?;
    let mut request = RecipientRequest::default();
    for (keyword, value) in keywords(parameters) {
        let is_sound = request.take(&keyword, value).ok_or(CommandError::Parameter)?;
        is_sound.then_some(()).ok_or(RCPT)?;
    }
    Ok(Command::Rcpt { to, request })
}

/// The parameters behind a path: each keyword in upper case, with its value.
fn keywords(parameters: &str) -> impl Iterator<Item = (String, &str)> {
    parameters.split_ascii_whitespace().map(|parameter| {
        let (keyword, value) = parameter.split_once('=').unwrap_or((parameter, ""));
        (keyword.to_ascii_uppercase(), value)
    })
}

/// What stands between the angle brackets, without a source route, and what stands behind them.
fn path<'a>(keyword: &str, argument: &'a str) -> Option<(&'a str, &'a str)> {
    let (found, rest) = argument.split_at_checked(keyword.len())?;
    if !found.eq_ignore_ascii_case(keyword) {
        return None;
    }
    let (path, rest) = rest.trim_start().strip_prefix('<')?.split_once('>')?;
    if !rest.is_empty() && !rest.starts_with(' ') {
        return None;
    }
    let path = match path.split_once(':') {
        Some((route, path)) if route.starts_with('@') => path,
        _ => path,
    };
    // `<>` is the only path that has no mailbox; a second pair of brackets is none at all.
    (path != "<>").then_some((path, rest))
}

/// 1 to 20 digits (RFC 1870 §5); more than a machine can count is as much as it can.
fn size_value(octets: &str) -> Result<u64, CommandError> {
    let is_number = (1..=20).contains(&octets.len()) && octets.bytes().all(|octet| octet.is_ascii_digit());
    if !is_number {
        return Err(MAIL);
    }
    Ok(octets.parse().unwrap_or(u64::MAX))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::super::{OriginalRecipient, Xtext};
    use super::*;
    use crate::report::{Notify, Returns};

    fn code(line: &str) -> u16 {
        match Command::parse(line.as_bytes()) {
            Ok(command) => panic!("“{line}” is {command:?}"),
            Err(error) => error.reply().code,
        }
    }

    fn read(line: &str) -> String {
        Command::parse(line.as_bytes()).expect(line).to_string()
    }

    #[test]
    fn commands_are_read_in_any_case_and_with_spaces_behind() {
        assert_eq!(read("ehlo a.example  "), "EHLO a.example");
        assert_eq!(read("EHLO [192.0.2.1]"), "EHLO [192.0.2.1]");
        assert_eq!(read("starttls"), "STARTTLS");
        assert_eq!(
            read("mail from: <a@a.example> body=8bitmime size=12"),
            "MAIL FROM:<a@a.example> SIZE=12 BODY=8BITMIME"
        );
        assert_eq!(read("MAIL FROM:<>"), "MAIL FROM:<>");
        assert_eq!(
            read("Rcpt To:<@r.example,@s.example:b@B.example>"),
            "RCPT TO:<b@b.example>"
        );
        assert_eq!(read("NOOP whatever"), "NOOP");
    }

    #[test]
    fn an_unknown_verb_is_500_and_one_that_is_not_had_is_502() {
        for line in ["", " ", "XYZZY", "EHLO\ta.example", "M\u{e4}IL", "NOOP\0"] {
            assert_eq!(code(line), 500, "{line:?}");
        }
        assert_eq!(code("HELP"), 502);
        assert_eq!(code("EXPN staff"), 502);
    }

    #[test]
    fn wrong_arguments_are_501() {
        for line in [
            "EHLO",
            "HELO a b",
            "STARTTLS now",
            "DATA 1",
            "RSET 1",
            "QUIT 1",
            "VRFY",
            "MAIL",
            "MAIL FROM:a@a.example",
            "MAIL FROM:<a@a.example",
            "MAIL FROM:<<>>",
            "MAIL FROM:<a@a.example>SIZE=1",
            "MAIL FROM:<> SIZE=x",
            "MAIL FROM:<> SIZE=1 SIZE=1",
            "MAIL TO:<b@b.example>",
            "RCPT TO:<>",
            "RCPT TO:<b>",
            "RCPT TO:<b@b..example>",
            "RCPT FROM:<b@b.example>",
        ] {
            assert_eq!(code(line), 501, "{line:?}");
        }
    }

    #[test]
    fn unknown_parameters_are_555() {
        for line in [
            "MAIL FROM:<> NOTIFY=NEVER",
            "MAIL FROM:<> BODY=BINARYMIME",
            "RCPT TO:<b@b.example> RET=HDRS",
            "RCPT TO:<b@b.example> SIZE=1",
        ] {
            assert_eq!(code(line), 555, "{line:?}");
        }
    }

    #[test]
    fn requests_about_notifications_are_read_in_any_case_and_their_values_kept_to_the_letter() {
        assert_eq!(
            read("MAIL FROM:<a@a.example> envid=QQ+2B+41z ret=hdrs"),
            "MAIL FROM:<a@a.example> RET=HDRS ENVID=QQ+2B+41z"
        );
        assert_eq!(
            read("RCPT TO:<b@b.example> orcpt=RFC822;Bob@b.example notify=Delay,success"),
            "RCPT TO:<b@b.example> NOTIFY=SUCCESS,DELAY ORCPT=RFC822;Bob@b.example"
        );
        assert_eq!(
            read("RCPT TO:<b@b.example> NOTIFY=never"),
            "RCPT TO:<b@b.example> NOTIFY=NEVER"
        );
    }

    #[test]
    fn requests_that_make_no_sense_or_come_twice_are_501() {
        let long = "x".repeat(101);
        for parameters in [
            "RET=ALL",
            "RET",
            "RET=FULL RET=FULL",
            "ENVID=",
            "ENVID=a+2b",
            "ENVID=a=b",
            "ENVID=1 ENVID=1",
            &format!("ENVID={long}"),
        ] {
            assert_eq!(code(&format!("MAIL FROM:<> {parameters}")), 501, "{parameters}");
        }
        let long = "x".repeat(494);
        for parameters in [
            "NOTIFY=",
            "NOTIFY=NEVER,DELAY",
            "NOTIFY=SOMETIMES",
            "NOTIFY=DELAY,",
            "NOTIFY=NEVER NOTIFY=NEVER",
            "ORCPT=bob@b.example",
            "ORCPT=;bob@b.example",
            "ORCPT=rfc822;",
            "ORCPT=rfc822;a+",
            "ORCPT=rfc822;a ORCPT=rfc822;a",
            &format!("ORCPT=rfc822;{long}"),
        ] {
            assert_eq!(
                code(&format!("RCPT TO:<b@b.example> {parameters}")),
                501,
                "{parameters}"
            );
        }
    }

    fn mailbox() -> impl Strategy<Value = Mailbox> {
        "[a-z!+-]{1,8}(\\.[a-z]{1,3})?@[a-z]{1,8}\\.example".prop_map(|text| text.parse().expect("a mailbox"))
    }

    fn message_request() -> impl Strategy<Value = MessageRequest> {
        let returns = prop::option::of(prop::sample::select(vec![Returns::Full, Returns::Headers]));
        let id = prop::option::of("[ -~]{1,33}".prop_map(|text| Xtext::encode(&text)));
        (returns, id).prop_map(|(returns, envelope_id)| MessageRequest { returns, envelope_id })
    }

    fn recipient_request() -> impl Strategy<Value = RecipientRequest> {
        let notify = prop_oneof![
            Just(Notify::Never),
            any::<(bool, bool)>().prop_map(|(failure, delay)| Notify::On {
                success: !failure,
                failure,
                delay
            }),
        ];
        let original = mailbox().prop_map(|mailbox| OriginalRecipient::of(&mailbox));
        (prop::option::of(notify), prop::option::of(original))
            .prop_map(|(notify, original)| RecipientRequest { notify, original })
    }

    fn command() -> impl Strategy<Value = Command> {
        let from = prop_oneof![Just(ReversePath::Null), mailbox().prop_map(ReversePath::Mailbox)];
        let body = prop::option::of(prop_oneof![Just(Body::SevenBit), Just(Body::EightBitMime)]);
        let mail = (from, any::<Option<u64>>(), body, message_request());
        let mail = mail.prop_map(|(from, size, body, request)| Command::Mail {
            from,
            size,
            body,
            request,
        });
        prop_oneof![
            "[!-~]{1,255}".prop_map(Command::Ehlo),
            "[!-~]{1,255}".prop_map(Command::Helo),
            mail,
            (mailbox(), recipient_request()).prop_map(|(to, request)| Command::Rcpt { to, request }),
            "[!-~]([ -~]{0,20}[!-~])?".prop_map(Command::Vrfy),
            prop::sample::select(vec![
                Command::Starttls,
                Command::Data,
                Command::Rset,
                Command::Noop,
                Command::Quit
            ]),
        ]
    }

    proptest! {
        #[test]
        fn what_was_printed_is_read_back(command in command()) {
            prop_assert_eq!(Command::parse(command.to_string().as_bytes()), Ok(command));
        }

        #[test]
        fn arbitrary_octets_never_panic(octets in prop::collection::vec(any::<u8>(), 0..80)) {
            if let Err(error) = Command::parse(&octets) {
                prop_assert!((500..=555).contains(&error.reply().code));
            }
        }

        #[test]
        fn nearly_right_lines_never_panic(line in "(MAIL FROM:|RCPT TO:|EHLO )?[<>@:= a-z.]{0,24}") {
            if let Ok(command) = Command::parse(line.as_bytes()) {
                prop_assert_eq!(Command::parse(command.to_string().as_bytes()), Ok(command));
            }
        }
    }
}
