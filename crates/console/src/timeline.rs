//! A call as a picture: one row for each stay, one bar for each of its spans.
//!
//! Places across are shares of the width, so that the same picture fits a phone and a wall.

use domain::log::{Certainty, End, Stay};

use crate::times::Zone;

/// How high a row is, in pixels.
pub(crate) const ROW_PX: usize = 24;
/// How many bars are drawn of one stay; of one with more, those that began last are one bar.
const BARS_MAX: usize = 50;
/// How narrow a bar may be, in hundredths of a percent.
const WIDTH_MIN: i64 = 15;
/// The whole width.
const WIDTH: i64 = 10_000;
/// How many marks the axis has at most.
const MARKS_MAX: i64 = 6;

/// What part of time is shown.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Window {
    pub(crate) from_unix_us: i64,
    pub(crate) until_unix_us: i64,
}

/// The last instant that a window may show, and, with its sign, the first: no calendar has others.
const INSTANT_MAX_US: i64 = 253_402_300_799_000_000;

impl Window {
    /// A window of these seconds, and of one at least; what no calendar has is cut off.
    pub(crate) fn of_seconds(from_unix_s: i64, until_unix_s: i64) -> Self {
        let us = |unix_s: i64| unix_s.saturating_mul(1_000_000);
        let from_unix_us = us(from_unix_s).clamp(-INSTANT_MAX_US, INSTANT_MAX_US - 1_000_000);
        let until_unix_us = us(until_unix_s).clamp(from_unix_us + 1_000_000, INSTANT_MAX_US);
        Self { from_unix_us, until_unix_us }
    }

    /// Its ends, in seconds.
    pub(crate) fn seconds(self) -> (i64, i64) {
        (self.from_unix_us.div_euclid(1_000_000), self.until_unix_us.div_euclid(1_000_000))
    }

    fn len_us(self) -> i64 {
        self.until_unix_us - self.from_unix_us
    }

    /// Half as long, or twice, around the same middle; in seconds.
    pub(crate) fn zoomed(self, is_in: bool) -> (i64, i64) {
        let len = if is_in { self.len_us() / 2 } else { self.len_us().saturating_mul(2) };
        let middle = self.from_unix_us + self.len_us() / 2;
        let from = (middle - len / 2).div_euclid(1_000_000);
        (from, from + (len / 1_000_000).max(1))
    }

    /// Where an instant is, in hundredths of a percent.
    fn place(self, unix_us: i64) -> i64 {
        let at = unix_us.clamp(self.from_unix_us, self.until_unix_us) - self.from_unix_us;
        let place = i128::from(at) * i128::from(WIDTH) / i128::from(self.len_us());
        i64::try_from(place).expect("at most the width")
    }
}

/// A mark of the axis.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Mark {
    pub(crate) x: String,
    pub(crate) text: String,
}

/// The marks: at whole seconds, minutes or hours of the zone.
pub(crate) fn marks(window: Window, zone: Zone) -> Vec<Mark> {
    const STEPS_S: [i64; 17] = [
        1, 2, 5, 10, 30, 60, 120, 300, 600, 1_800, 3_600, 7_200, 21_600, 43_200, 86_400, 172_800,
        604_800,
    ];
    let len_s = window.len_us() / 1_000_000;
    let fits = |step: &&i64| len_s / **step <= MARKS_MAX;
    let step = *STEPS_S.iter().find(fits).unwrap_or(&(len_s / MARKS_MAX));
    let from_s = window.from_unix_us.div_euclid(1_000_000);
    let midnight = zone.midnight(from_s);
    let mut at = midnight + (from_s - midnight + step - 1).div_euclid(step) * step;
    let mut marks = vec![];
    while at.saturating_mul(1_000_000) < window.until_unix_us && marks.len() < 32 {
        let text = if step >= 86_400 { zone.day(at) } else { zone.clock(at) };
        marks.push(Mark { x: percent(window.place(at * 1_000_000)), text });
        at += step;
    }
    marks
}

/// A stretch of a stay.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Bar {
    pub(crate) x: String,
    pub(crate) width: String,
    /// Whether its end is not the one that somebody reported.
    pub(crate) is_inferred: bool,
    /// Whether it has no end yet.
    pub(crate) is_open: bool,
}

/// The bars of a stay, as far as they are in the window.
pub(crate) fn bars(stay: &Stay, window: Window, now_unix_us: i64) -> Vec<Bar> {
    let stretches = stay.spans.iter().map(|span| {
        let (end, is_inferred, is_open) = match span.end {
            End::Open => (now_unix_us.max(span.joined_unix_us), false, true),
            End::At(at, certainty) => (at, certainty == Certainty::Inferred, false),
        };
        (span.joined_unix_us, end, is_inferred, is_open)
    });
    let seen = |(from, end, ..): &(i64, i64, bool, bool)| {
        *end >= window.from_unix_us && *from <= window.until_unix_us
    };
    let mut shown: Vec<_> = stretches.filter(seen).collect();
    if shown.len() > BARS_MAX {
        let rest = shown.split_off(BARS_MAX);
        let last = shown.last_mut().expect("there are many");
        for (_, end, is_inferred, is_open) in rest {
            *last = (last.0, last.1.max(end), last.2 || is_inferred, last.3 || is_open);
        }
    }
    let bar = |(from, end, is_inferred, is_open)| {
        let x = window.place(from).min(WIDTH - WIDTH_MIN);
        let width = (window.place(end) - x).max(WIDTH_MIN);
        Bar { x: percent(x), width: percent(width), is_inferred, is_open }
    };
    shown.into_iter().map(bar).collect()
}

fn percent(hundredths: i64) -> String {
    match (hundredths / 100, hundredths % 100) {
        (whole, 0) => whole.to_string(),
        (whole, part) => format!("{whole}.{part:02}").trim_end_matches('0').to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use domain::AppId;
    use domain::ids::{CallId, Door, ParticipantId, RoomId};
    use domain::log::{ClientFacts, Span};

    use super::*;

    const S: i64 = 1_000_000;

    fn stay(spans: &[(i64, End)]) -> Stay {
        let span = |&(joined_s, end): &(i64, End)| Span {
            joined_unix_us: joined_s * S,
            join: Certainty::Reported,
            end,
        };
        Stay {
            app: AppId(1),
            door: Door::parse("native").unwrap(),
            room: RoomId::parse("r").unwrap(),
            call: CallId::parse("c").unwrap(),
            participant: ParticipantId::parse("p").unwrap(),
            spans: spans.iter().map(span).collect(),
            client: ClientFacts::default(),
            published: false,
        }
    }

    #[test]
    fn a_bar_is_where_its_span_is() {
        let window = Window::of_seconds(100, 200);
        let at = |second: i64, certainty| End::At(second * S, certainty);
        let shown = |spans: &[(i64, End)]| -> Vec<(String, String, bool, bool)> {
            let bars = bars(&stay(spans), window, 150 * S);
            bars.into_iter().map(|it| (it.x, it.width, it.is_inferred, it.is_open)).collect()
        };
        let bar = |x: &str, width: &str, i, o| vec![(x.to_owned(), width.to_owned(), i, o)];
        assert_eq!(shown(&[(110, at(130, Certainty::Reported))]), bar("10", "20", false, false));
        assert_eq!(shown(&[(110, at(112, Certainty::Inferred))]), bar("10", "2", true, false));
        assert_eq!(shown(&[(50, End::Open)]), bar("0", "50", false, true));
        assert_eq!(shown(&[(110, at(110, Certainty::Reported))]), bar("10", "0.15", false, false));
        assert_eq!(shown(&[(200, End::Open)]), bar("99.85", "0.15", false, true));
        assert_eq!(shown(&[(10, at(99, Certainty::Reported))]), []);
        assert_eq!(shown(&[(201, End::Open)]), []);
    }

    #[test]
    fn who_came_and_went_very_often_has_no_more_bars_than_can_be_seen() {
        let spans: Vec<_> = (0..500).map(|n| (n, End::At(n * S, Certainty::Reported))).collect();
        let shown = bars(&stay(&spans), Window::of_seconds(0, 500), 0);
        assert_eq!(shown.len(), BARS_MAX);
        assert_eq!(shown.last().map(|it| &*it.width), Some("90"), "the rest is one");
    }

    #[test]
    fn marks_are_few_and_at_round_times() {
        let zone = Zone::new(8 * 3_600);
        let texts = |from: i64, until: i64| -> Vec<String> {
            marks(Window::of_seconds(from, until), zone).into_iter().map(|it| it.text).collect()
        };
        assert_eq!(
            texts(57_601, 57_607),
            ["00:00:01", "00:00:02", "00:00:03", "00:00:04", "00:00:05", "00:00:06"]
        );
        assert_eq!(
            texts(57_601, 61_200),
            ["00:10:00", "00:20:00", "00:30:00", "00:40:00", "00:50:00"]
        );
        assert_eq!(texts(0, 14 * 86_400).len(), 2);
        for len in [1, 7, 61, 4_000, 90_000, 10_000_000, i64::MAX / S, i64::MAX] {
            let count = texts(5, len).len();
            assert!(count <= 8, "{len}: {count}");
        }
    }

    #[test]
    fn whatever_is_typed_is_a_window() {
        let all = [i64::MIN, -1, 0, 1, 1_795_226_563_000_000, 9_223_372_036_855, i64::MAX];
        for (from, until) in all.into_iter().flat_map(|from| all.map(|until| (from, until))) {
            let window = Window::of_seconds(from, until);
            assert!(window.len_us() >= 1_000_000, "{from} {until}");
            marks(window, Zone::new(8 * 3_600));
            bars(&stay(&[(5, End::Open), (i64::MAX / S, End::Open)]), window, 7 * S);
            let (zoomed, out) = (window.zoomed(true), window.zoomed(false));
            assert!(zoomed.0 < zoomed.1 && out.0 < out.1);
        }
    }

    #[test]
    fn a_window_zooms_around_its_middle() {
        let window = Window::of_seconds(100, 200);
        assert_eq!(window.zoomed(true), (125, 175));
        assert_eq!(window.zoomed(false), (50, 250));
        assert_eq!(
            Window::of_seconds(100, 100).zoomed(true),
            (100, 101),
            "no shorter than a second"
        );
    }
}
