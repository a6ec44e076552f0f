//! A monitor that listens to one end of a session, and reads what it hears as it reads a trace.

use std::time::Duration;

use postern_model::formal::Judge;
use postern_model::formal::bytes::{OF_CLIENT, OF_SERVER, Party};
use postern_model::monitor::{Monitor, Violation};
use postern_model::trace::{ConnectionId, Event};

use crate::monitors::AnyMonitor;
use crate::reader::Reader;
use crate::rules::Property;
use crate::setup::Setup;

/// It hears of the connection of one end alone, so that nothing that the other was told can excuse what this one does.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(super) struct Listener {
    at: Party,
    reader: Reader,
    monitor: AnyMonitor,
}

impl Listener {
    /// The monitor of a property, at one end; `None` if no monitor of one run judges it.
    pub(super) fn of(property: Property, at: Party, setup: &Setup) -> Option<Self> {
        Some(Self {
            at,
            reader: Reader::new(setup.clone()),
            monitor: AnyMonitor::of(property, setup)?,
        })
    }

    fn hears_of(&self, event: &Event) -> bool {
        let own = match self.at {
            Party::Client => OF_CLIENT,
            Party::Server => OF_SERVER,
        };
        match event {
            Event::Delivered { .. } => self.at == Party::Server,
            event => connection(event).is_none_or(|connection| connection == own),
        }
    }
}

impl Judge<Vec<Event>> for Listener {
    fn hear(&mut self, seen: &Vec<Event>) -> Result<(), Violation> {
        for event in seen {
            if self.hears_of(event) {
                for observation in self.reader.see(event) {
                    self.monitor.observe(Duration::ZERO, &observation)?;
                }
            }
        }
        Ok(())
    }

    fn end(&mut self) -> Result<(), Violation> {
        self.monitor.finish()
    }

    fn is_exercised(&self) -> bool {
        self.monitor.exercised()
    }
}

/// The connection that an event of the model is about.
fn connection(event: &Event) -> Option<ConnectionId> {
    match event {
        Event::Dialled { connection, .. }
        | Event::Connected { connection, .. }
        | Event::Line { connection, .. }
        | Event::Content { connection, .. }
        | Event::Secured { connection, .. }
        | Event::BareLineEnd { connection, .. }
        | Event::HandshakeUnasked { connection }
        | Event::Closed { connection, .. } => Some(*connection),
        _ => None,
    }
}
