//! How a load comes along, on standard error: a bar for people, a line now and then for files.

use std::io::IsTerminal as _;
use std::time::Instant;

use indicatif::{HumanBytes, HumanCount, HumanDuration, ProgressBar, ProgressStyle};

use super::tally::Tally;
use crate::note;

const BAR: &str = "{wide_bar} {bytes} of {total_bytes}, {msg}, {eta} left";
const SPINNER: &str = "{spinner} {bytes}, {msg}";

/// Says things without getting into the bar's way.
#[derive(Clone, Debug)]
pub(super) struct Notes(Option<ProgressBar>);

impl Notes {
    pub(super) fn say(&self, text: &str) {
        match &self.0 {
            Some(bar) => bar.suspend(|| note(text)),
            None => note(text),
        }
    }
}

/// How far it has come.
#[derive(Debug)]
pub(super) struct Progress {
    bar: Option<ProgressBar>,
    /// Of the rest of the file, if it has an end that is known.
    bytes_total: Option<u64>,
    began: Instant,
    told_bytes: u64,
}

impl Progress {
    pub(super) fn start(bytes_total: Option<u64>) -> Self {
        let bar = std::io::stderr().is_terminal().then(|| {
            let bar = bytes_total.map_or_else(ProgressBar::new_spinner, ProgressBar::new);
            let template = if bytes_total.is_some() { BAR } else { SPINNER };
            let style = ProgressStyle::with_template(template);
            bar.with_message("0 events").with_style(style.expect("the templates are well formed"))
        });
        Self { bar, bytes_total, began: Instant::now(), told_bytes: 0 }
    }

    pub(super) fn notes(&self) -> Notes {
        Notes(self.bar.clone())
    }

    pub(super) fn took(&self) -> std::time::Duration {
        self.began.elapsed()
    }

    /// Moves the bar.
    pub(super) fn show(&self, tally: &Tally) {
        if let Some(bar) = &self.bar {
            bar.set_position(tally.bytes);
            bar.set_message(self.rate(tally));
        }
    }

    /// Writes a line, if there is no bar and anything to tell.
    pub(super) fn tell(&mut self, tally: &Tally) {
        if self.bar.is_some() || self.told_bytes == tally.bytes {
            return;
        }
        self.told_bytes = tally.bytes;
        let total = self.bytes_total.map(|total| format!(" of {}", HumanBytes(total)));
        let left = self.bytes_total.map(|total| {
            let left = total.saturating_sub(tally.bytes) as f64 / tally.bytes as f64;
            format!(", {} left", HumanDuration(self.began.elapsed().mul_f64(left)))
        });
        note(&format!(
            "{}{}, {}{}",
            HumanBytes(tally.bytes),
            total.unwrap_or_default(),
            self.rate(tally),
            left.unwrap_or_default()
        ));
    }

    fn rate(&self, tally: &Tally) -> String {
        let seconds = self.began.elapsed().as_secs_f64().max(0.001);
        let each_second = HumanCount((tally.events() as f64 / seconds) as u64);
        format!("{} events, {each_second} events/s", HumanCount(tally.events()))
    }

    pub(super) fn end(&self) {
        if let Some(bar) = &self.bar {
            bar.finish_and_clear();
        }
    }
}
