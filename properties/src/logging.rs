//! Logs: printed on standard error with the simulated time, and an error in them fails the run.

use std::cell::RefCell;
use std::fmt::{self, Write};
use std::io::IsTerminal;
use std::sync::Once;

use postern_model::trace::ConnectionId;
use postern_model::transcript::clock;
use postern_sim::net::clock::{simulated_now, simulated_place};
use tracing::field::{Field, Visit};
use tracing::{Event, Level, Subscriber};
use tracing_subscriber::filter::{EnvFilter, LevelFilter};
use tracing_subscriber::fmt::format::Writer;
use tracing_subscriber::fmt::time::FormatTime;
use tracing_subscriber::layer::{Context, SubscriberExt};
use tracing_subscriber::util::{SubscriberInitExt, TryInitError};
use tracing_subscriber::{Layer, Registry};

/// What is printed with `-v`: our own doings in detail, those of others where something is wrong.
const VERBOSE: &str = "warn,mailpostern=debug,postern_model=debug,postern_sim=debug";

/// Whether logs are printed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Verbosity {
    /// Nothing is printed; errors still fail their run.
    Quiet,
    /// Our own events are printed on standard error.
    Verbose,
}

/// Sends the logs of the whole process to standard error, and keeps the first error of each thread.
///
/// # Errors
/// When somebody has already said where logs go.
pub fn install(verbosity: Verbosity) -> Result<(), TryInitError> {
    let keeper = KeepFirstError.with_filter(LevelFilter::ERROR);
    let printer = (verbosity == Verbosity::Verbose).then(|| {
        tracing_subscriber::fmt::layer()
            .with_writer(std::io::stderr)
            .with_ansi(std::io::stderr().is_terminal())
            .with_timer(SimulatedClock)
            .with_filter(EnvFilter::new(VERBOSE))
    });
    Registry::default().with(keeper).with(printer).try_init()
}

thread_local! {
    static FIRST_ERROR: RefCell<Option<String>> = const { RefCell::new(None) };
}

/// The first error that was logged in this thread since the last call, which fails the run that was made in it.
pub fn take_error() -> Option<String> {
    FIRST_ERROR.take()
}

/// As [`install`], quietly, if nobody has said yet where logs go.
pub fn ensure_installed() {
    static ONCE: Once = Once::new();
    // Whoever came first prints; errors are kept all the same if it was `install`.
    ONCE.call_once(|| drop(install(Verbosity::Quiet)));
}

/// Keeps the first error that is logged in each thread for [`take_error`].
#[derive(Debug, Clone, Copy, Default)]
pub struct KeepFirstError;

impl<S: Subscriber> Layer<S> for KeepFirstError {
    fn on_event(&self, event: &Event<'_>, _context: Context<'_, S>) {
        if *event.metadata().level() != Level::ERROR {
            return;
        }
        FIRST_ERROR.with_borrow_mut(|first| {
            first.get_or_insert_with(|| {
                let mut text = Text(format!("{}:", event.metadata().target()));
                event.record(&mut text);
                text.0
            });
        });
    }
}

/// The fields of an event as text, the message first as it comes.
struct Text(String);

impl Visit for Text {
    fn record_debug(&mut self, field: &Field, value: &dyn fmt::Debug) {
        let written = match field.name() {
            "message" => write!(self.0, " {value:?}"),
            name => write!(self.0, " {name}={value:?}"),
        };
        written.expect("a string takes all");
    }
}

/// The clock of the simulated world, and whose code speaks.
struct SimulatedClock;

impl FormatTime for SimulatedClock {
    fn format_time(&self, writer: &mut Writer<'_>) -> fmt::Result {
        write!(writer, "{:<12}", simulated_now().map_or_else(|| "-".to_owned(), clock))?;
        let Some(place) = simulated_place() else { return Ok(()) };
        write!(writer, " {}", place.host)?;
        place
            .connection
            .map_or(Ok(()), |ConnectionId(number)| write!(writer, " #{number}"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_error_of_a_thread_is_kept_until_it_is_taken() {
        let subscriber = Registry::default().with(KeepFirstError);
        tracing::subscriber::with_default(subscriber, || {
            tracing::warn!("only a warning");
            assert_eq!(take_error(), None);
            tracing::error!(queue = 3, "a message was lost");
            tracing::error!("and another");
            let error = take_error().expect("an error was logged");
            assert!(error.ends_with("tests: a message was lost queue=3"), "{error}");
            assert_eq!(take_error(), None);
        });
    }

    #[test]
    fn an_error_of_another_thread_is_not_ours() {
        let subscriber = Registry::default().with(KeepFirstError);
        tracing::subscriber::with_default(subscriber, || {
            let elsewhere = std::thread::spawn(|| {
                let subscriber = Registry::default().with(KeepFirstError);
                tracing::subscriber::with_default(subscriber, || tracing::error!("elsewhere"));
            });
            elsewhere.join().unwrap();
            assert_eq!(take_error(), None);
        });
    }
}
