//! Progress on standard error: only on a terminal, and only of what takes longer than two seconds.

use std::time::Duration;

use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};

const PATIENCE: Duration = Duration::from_secs(2);

/// A line that says how far the work is.
pub(super) struct ProgressLine(ProgressBar);

impl ProgressLine {
    /// A line for so many pieces of work, as far as that is known. Where it is not wanted it never shows.
    pub(super) fn new(pieces: &str, total: Option<u64>, is_wanted: bool) -> Self {
        let bar = ProgressBar::with_draw_target(total, ProgressDrawTarget::hidden());
        let template = match total {
            Some(_) => "{bar:30} {human_pos} of {human_len} {prefix}, {elapsed}{msg}",
            None => "{spinner} {human_pos} {prefix}, {elapsed}{msg}",
        };
        bar.set_style(ProgressStyle::with_template(template).expect("the template is well formed"));
        bar.set_prefix(pieces.to_owned());
        if !is_wanted {
            bar.finish();
        }
        Self(bar)
    }

    /// Shows how much is done, and what is to be said besides.
    pub(super) fn show(&self, done: u64, message: impl FnOnce() -> String) {
        if self.0.is_finished() || self.0.elapsed() < PATIENCE {
            return;
        }
        if self.0.is_hidden() {
            self.0.set_draw_target(ProgressDrawTarget::stderr());
        }
        self.0.set_position(done);
        self.0.set_message(message());
    }
}

impl Drop for ProgressLine {
    fn drop(&mut self) {
        self.0.finish_and_clear();
    }
}
