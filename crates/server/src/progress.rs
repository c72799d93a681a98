//! How a long command comes along, on standard error: a bar for people, a line now and then for
//! files.

use std::io::IsTerminal as _;
use std::time::{Duration, Instant};

use indicatif::{HumanCount, ProgressBar, ProgressStyle};

use crate::note;

const BAR: &str = "{msg} {wide_bar} {human_pos} of {human_len}, {per_sec}, {eta} left";
const SPINNER: &str = "{msg} {spinner} {human_pos}, {per_sec}";
/// How often a line tells of it where there is no bar.
const TELL_EVERY: Duration = Duration::from_secs(5);

/// How far a stage has come.
#[derive(Debug)]
pub(crate) struct Progress {
    what: &'static str,
    bar: Option<ProgressBar>,
    total: Option<u64>,
    told: Instant,
    done: u64,
}

impl Progress {
    pub(crate) fn start(what: &'static str, done: u64, total: Option<u64>) -> Self {
        let bar = std::io::stderr().is_terminal().then(|| {
            let bar = total.map_or_else(ProgressBar::new_spinner, ProgressBar::new);
            let template = if total.is_some() { BAR } else { SPINNER };
            let style = ProgressStyle::with_template(template);
            let bar = bar.with_style(style.expect("the templates are well formed"));
            bar.with_position(done).with_message(what)
        });
        Self { what, bar, total, told: Instant::now(), done }
    }

    pub(crate) fn add(&mut self, more: usize) {
        self.done += more as u64;
        match &self.bar {
            Some(bar) => bar.set_position(self.done),
            None if self.told.elapsed() < TELL_EVERY => {}
            None => {
                self.told = Instant::now();
                let total = self.total.map(|total| format!(" of {}", HumanCount(total)));
                let total = total.unwrap_or_default();
                note(&format!("{}: {}{total}", self.what, HumanCount(self.done)));
            }
        }
    }
}

impl Drop for Progress {
    fn drop(&mut self) {
        if let Some(bar) = &self.bar {
            bar.finish_and_clear();
        }
    }
}
