//! Which properties apply to a client that nobody here wrote, and why.

use crate::rules::Property;

/// Whether a property applies to a subject; the reason is half a sentence for reports.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Applies {
    /// It judges the subject alone.
    Client(&'static str),
    /// It judges the subject together with the glue around it: a violation may be the fault of either.
    WithGlue(&'static str),
    /// It does not apply.
    No(&'static str),
}

impl Applies {
    /// Why it applies, or does not.
    pub fn reason(self) -> &'static str {
        match self {
            Self::Client(reason) | Self::WithGlue(reason) | Self::No(reason) => reason,
        }
    }
}

const SERVERS: Applies = Applies::No("it judges servers, and the servers of these worlds are Postern's own");

/// Whether the property is about servers, whoever sends.
pub(super) fn is_about_servers(property: Property) -> bool {
    matches!(property, Property::P33) || to_client(property) == SERVERS
}

/// How a property applies to a client that sends one message a session.
pub fn to_client(property: Property) -> Applies {
    use Applies::{Client, No, WithGlue};
    match property {
        Property::P01 => Client("the client decides what it says before TLS, and whether it goes on without"),
        Property::P02 => {
            WithGlue("the client tells what was refused, and the glue gives back what was refused for good")
        }
        Property::P03 => {
            WithGlue("the client tells that there is no TLS, and the glue gives back what waited too long")
        }
        Property::P04 => No("it compares with a client that never tries TLS, which is no mode of the subject"),
        Property::P09 => WithGlue("the client keeps nothing from one session to the next, and the glue remembers"),
        Property::P10 => No("the library raises no alarms: they are the glue's own"),
        Property::P11 => WithGlue("the client decides whether a session delivers, and the glue when there is one"),
        Property::P12 => WithGlue("the client tells what came of a session, and the glue answers for the message"),
        Property::P13 => WithGlue("the client tells whether the message was taken, and the glue keeps it until then"),
        Property::P14 => WithGlue("the client tells that there is no TLS, and the glue goes to the next exchanger"),
        Property::P15 => WithGlue("the glue walks over the exchangers, and goes by what the client tells of each"),
        Property::P27 => No("the library writes no notifications: they are the glue's own"),
        Property::P28 => Client("the client decides what of the time before TLS it keeps, and whose word it hands on"),
        Property::P29 => {
            Client("the client decides what it says around STARTTLS, and when; the glue is patient as RFC 5321 asks")
        }
        Property::P30 => Client("the client knows whether TLS is active"),
        Property::P33 => Client("the client frames the content, and waits for the answer to its end"),
        Property::P34 => Client("what can be read on the wire of mail that requires TLS is what the client says"),
        Property::P35 => No("the library has no roles: what an originator and a relay do is the glue's own"),
        Property::P36 => WithGlue(
            "what the client tells of a session is held against the wire; logs and notifications are the glue's, of what it tells",
        ),
        Property::P38 => No("the glue opens a connection for each message, so that none is used again"),
        Property::P39 => WithGlue("the client tells what went wrong, and the glue remembers"),
        Property::P40 => WithGlue("the client tells whether a refusal is for good, and the glue tries again"),
        Property::P41 => No("the library is handed a host: what is asked of DNS is the glue's own"),
        Property::P42 => WithGlue("a session that hangs in the client must not keep the glue from the rest"),
        Property::P44 => No("the library stores nothing: the queue is the glue's own"),
        Property::P49 => Client("the client is handed the content, and must change nothing of it"),
        Property::P05
        | Property::P06
        | Property::P07
        | Property::P08
        | Property::P31
        | Property::P32
        | Property::P45
        | Property::P46
        | Property::P47
        | Property::P48 => SERVERS,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn at_least_ten_properties_apply_to_a_client() {
        let applying = Property::ALL
            .iter()
            .filter(|property| !matches!(to_client(**property), Applies::No(_)));
        assert!(applying.count() >= 10);
    }
}
