//! What is seen before the first octet crosses.

use std::net::{IpAddr, Ipv4Addr};

use crate::trace::{Event, LogEntry};

use super::configuration::{Configuration, client_name, next_hop, server_name};
use super::wire::{OF_CLIENT, OF_SERVER};

/// The message is handed in and tried; the client dials the server and reaches the editor, who dials the server.
pub(super) fn events(configuration: &Configuration) -> Vec<Event> {
    let address = IpAddr::V4(Ipv4Addr::LOCALHOST);
    let dialled = |connection, relays| Event::Dialled {
        connection,
        from: client_name(),
        to: server_name(),
        address,
        relays,
    };
    vec![
        Event::Queued {
            host: client_name(),
            message: configuration.token(),
            from: configuration.sender(),
            to: configuration.recipient(),
            about: None,
        },
        Event::Logged {
            host: client_name(),
            entry: LogEntry::Attempt {
                message: configuration.token(),
                number: 1,
                next_hop: next_hop(),
                level: configuration.level,
            },
        },
        dialled(OF_CLIENT, None),
        Event::Connected {
            connection: OF_CLIENT,
            intercepted: true,
        },
        dialled(OF_SERVER, Some(OF_CLIENT)),
        Event::Connected {
            connection: OF_SERVER,
            intercepted: false,
        },
    ]
}
