//! Which properties apply to a client or a server that nobody here wrote, and why.

use postern_sim::subject::ServerSubjectRef;

use crate::rules::Property;

/// Whether a property applies to a subject; the reason is half a sentence for reports.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Applies {
    /// It judges the client under test alone.
    Client(&'static str),
    /// It judges the server under test alone.
    Server(&'static str),
    /// It judges the subject together with the glue around it: a violation may be the fault of either.
    WithGlue(&'static str),
    /// It does not apply.
    No(&'static str),
}

impl Applies {
    /// Why it applies, or does not.
    pub fn reason(self) -> &'static str {
        match self {
            Self::Client(reason) | Self::Server(reason) | Self::WithGlue(reason) | Self::No(reason) => reason,
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

const CLIENTS: Applies = Applies::No("it judges clients, and the client of these worlds is Postern's own");
const DEMANDS_NO_TLS: Applies = Applies::No("it judges servers that demand TLS, which no library here can be set to");

/// How a property applies to a server that is a library with a mailbox and a queue behind it.
pub fn to_server(server: ServerSubjectRef, property: Property) -> Applies {
    use Applies::{No, Server, WithGlue};
    let by_input = |own, fed| match server.0.does_its_own_input() {
        true => Server(own),
        false => WithGlue(fed),
    };
    match property {
        Property::P05 => {
            WithGlue("the server goes on behind a handshake, and the glue answers for the recipient as before it")
        }
        Property::P06 => WithGlue("the server hands the recipient on and says what the glue decided"),
        Property::P13 => WithGlue("the server answers the end of data, and the glue keeps the message before that"),
        Property::P28 => by_input(
            "the server decides what of the time before TLS it keeps",
            "the loop that feeds the server drops what came behind STARTTLS, and the server forgets the rest",
        ),
        Property::P29 => {
            No("it judges what clients say around STARTTLS, and the client of these worlds is Postern's own")
        }
        Property::P30 => by_input(
            "the server knows whether TLS is active, and decides what it offers",
            "the server decides what it offers, and is told by the loop that feeds it that TLS is active",
        ),
        Property::P31 => by_input(
            "the server offers STARTTLS if it is set to, and answers it",
            "the server offers STARTTLS if it is set to, and the loop that feeds it words some answers",
        ),
        Property::P32 => WithGlue("the server hands the recipient on, and the glue decides whom it relays for"),
        Property::P33 => by_input(
            "the server ends lines and content",
            "the loop that feeds the server ends the lines, and the server the content",
        ),
        Property::P44 => WithGlue("the server answers the end of data, and what the glue kept outlives a crash"),
        Property::P46 => by_input(
            "the server decides what it forgets when TLS begins",
            "the server decides what it forgets when the loop that feeds it says that TLS has begun",
        ),
        Property::P48 => WithGlue("the handshake is the glue's, and the server goes on behind it"),
        Property::P49 => WithGlue("the server unstuffs the content and hands it on, and the glue adds its trace line"),
        Property::P07 | Property::P08 | Property::P45 => DEMANDS_NO_TLS,
        Property::P47 => {
            No("it judges servers that are unhappy with every handshake, which no library here can be set to")
        }
        Property::P01
        | Property::P02
        | Property::P03
        | Property::P04
        | Property::P09
        | Property::P10
        | Property::P11
        | Property::P12
        | Property::P14
        | Property::P15
        | Property::P27
        | Property::P34
        | Property::P35
        | Property::P36
        | Property::P38
        | Property::P39
        | Property::P40
        | Property::P41
        | Property::P42 => CLIENTS,
    }
}

#[cfg(test)]
mod tests {
    use postern_sim::subjects::SERVERS;

    use super::{Applies, Property, to_client, to_server};

    #[test]
    fn at_least_ten_properties_apply_to_a_client() {
        let applying = Property::ALL
            .iter()
            .filter(|property| !matches!(to_client(**property), Applies::No(_)));
        assert!(applying.count() >= 10);
    }

    #[test]
    fn at_least_ten_properties_apply_to_a_server() {
        for server in SERVERS {
            let applying = Property::ALL
                .iter()
                .filter(|property| !matches!(to_server(*server, **property), Applies::No(_)));
            assert!(applying.count() >= 10, "{server}");
        }
    }
}
