//! Ctrl-C: the first ends the campaign with what was found so far, the second ends the process.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use super::outcome::CommandError;

/// The exit status that shells give to a process ended by the interrupt signal.
const INTERRUPTED: i32 = 130;

/// A flag that the first Ctrl-C raises.
///
/// # Errors
/// When the signal cannot be caught.
pub(super) fn on_interrupt() -> Result<Arc<AtomicBool>, CommandError> {
    let stop = Arc::new(AtomicBool::new(false));
    let flag = Arc::clone(&stop);
    ctrlc::set_handler(move || {
        if flag.swap(true, Ordering::Relaxed) {
            std::process::exit(INTERRUPTED);
        }
    })
    .map_err(|error| CommandError::Testbed(format!("cannot catch interrupts: {error}")))?;
    Ok(stop)
}
