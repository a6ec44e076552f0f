//! Progress on standard error: only on a terminal, and only of what takes longer than two seconds.

use std::time::Duration;

use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};
use mailpostern::campaign::Progress;

const PATIENCE: Duration = Duration::from_secs(2);

/// A line that says how far a campaign is.
pub(super) struct ProgressLine(ProgressBar);

impl ProgressLine {
    /// A line for so many worlds, as far as that is known. Where it is not wanted it never shows.
    pub(super) fn new(worlds: Option<u64>, is_wanted: bool) -> Self {
        let bar = ProgressBar::with_draw_target(worlds, ProgressDrawTarget::hidden());
        let template = match worlds {
            Some(_) => "{bar:30} {human_pos} of {human_len} worlds, {per_sec}{msg}",
            None => "{spinner} {human_pos} worlds, {per_sec}{msg}",
        };
        bar.set_style(ProgressStyle::with_template(template).expect("the template is well formed"));
        if !is_wanted {
            bar.finish();
        }
        Self(bar)
    }

    /// Shows how far the campaign is.
    pub(super) fn show(&self, progress: &Progress) {
        if self.0.is_finished() || self.0.elapsed() < PATIENCE {
            return;
        }
        if self.0.is_hidden() {
            self.0.set_draw_target(ProgressDrawTarget::stderr());
        }
        self.0.set_position(progress.worlds);
        match progress.findings {
            0 => {}
            findings => self.0.set_message(format!(", {findings} found")),
        }
    }
}

impl Drop for ProgressLine {
    fn drop(&mut self) {
        self.0.finish_and_clear();
    }
}
