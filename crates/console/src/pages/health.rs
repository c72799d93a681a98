//! What the server counts, as a few pictures: bars whose lengths are the numbers, from zero.

use askama::Template;
use bytes::Bytes;
use http::Response;

use crate::page::{Asked, Fault, Frame, html};

/// How many bars a picture has at most, the longest.
const BARS_MAX: usize = 30;

/// Which counters are drawn, and by which labels their bars are named.
const PICTURES: [(&str, &[&str]); 6] = [
    ("whowas_requests_total", &["dialect", "action", "outcome"]),
    ("whowas_events_total", &["source", "outcome"]),
    ("whowas_dead_letters_total", &["source", "outcome"]),
    ("whowas_deliveries_total", &["outcome"]),
    ("whowas_broadcasts_total", &["state"]),
    ("whowas_retired_total", &["what"]),
];

/// Which numbers are told as they are.
const NUMBERS: [&str; 6] = [
    "whowas_log_stays",
    "whowas_log_open_stays",
    "whowas_log_inferred_joins",
    "whowas_log_inferred_leaves",
    "whowas_writer_queue",
    "whowas_stream_listeners",
];

#[derive(Template)]
#[template(path = "health.html")]
struct Health<'a> {
    frame: Frame<'a>,
    is_ready: bool,
    numbers: Vec<(&'static str, String)>,
    pictures: Vec<Picture>,
}

struct Picture {
    name: &'static str,
    help: String,
    bars: Vec<Bar>,
}

struct Bar {
    name: String,
    number: String,
    /// Of the longest, in percent.
    share: f64,
    is_ok: bool,
}

pub(crate) async fn answer(
    asked: &Asked<'_>,
    figures: &(dyn Fn() -> String + Send + Sync),
) -> Result<Response<Bytes>, Fault> {
    if asked.is_post {
        return Err(Fault::Method);
    }
    let text = figures();
    let samples: Vec<Sample<'_>> = text.lines().filter_map(Sample::parse).collect();
    let number = |name: &'static str| {
        let found = samples.iter().find(|sample| sample.name == name);
        found.map(|sample| (name, shown(sample.number)))
    };
    let picture = |(name, labels): &(&'static str, &[&str])| Picture {
        name,
        help: help(&text, name),
        bars: bars(&samples, name, labels),
    };
    let pictures = PICTURES.iter().map(picture).filter(|picture| !picture.bars.is_empty());
    Ok(html(&Health {
        frame: asked.frame(asked.words.health, None).tab("health"),
        is_ready: asked.ctx.store.ready().is_ok(),
        numbers: NUMBERS.into_iter().filter_map(number).collect(),
        pictures: pictures.collect(),
    }))
}

/// A line of the text format of Prometheus: a name, labels, a number.
struct Sample<'a> {
    name: &'a str,
    labels: &'a str,
    number: f64,
}

impl<'a> Sample<'a> {
    fn parse(line: &'a str) -> Option<Self> {
        if line.starts_with('#') {
            return None;
        }
        let (named, number) = line.rsplit_once(' ')?;
        let (name, labels) = named.split_once('{').unwrap_or((named, ""));
        let labels = labels.strip_suffix('}').unwrap_or(labels);
        Some(Self { name, labels, number: number.parse().ok()? })
    }

    fn label(&self, name: &str) -> Option<&'a str> {
        let pairs = self.labels.split("\",").filter_map(|pair| pair.split_once("=\""));
        let found = pairs.into_iter().find(|(known, _)| known.trim() == name);
        found.map(|(_, value)| value.trim_end_matches('"'))
    }
}

fn help(text: &str, name: &str) -> String {
    let line = format!("# HELP {name} ");
    text.lines().find_map(|it| it.strip_prefix(&line)).unwrap_or_default().to_owned()
}

fn bars(samples: &[Sample<'_>], name: &str, labels: &[&str]) -> Vec<Bar> {
    let mut own: Vec<&Sample<'_>> = samples.iter().filter(|it| it.name == name).collect();
    own.sort_by(|one, other| other.number.total_cmp(&one.number));
    let longest = own.first().map_or(0.0, |it| it.number).max(1.0);
    let bar = |sample: &Sample<'_>| {
        let values: Vec<&str> = labels.iter().filter_map(|label| sample.label(label)).collect();
        let outcome = sample.label("outcome").or(sample.label("state")).unwrap_or("ok");
        Bar {
            name: values.join(" · "),
            number: shown(sample.number),
            share: (sample.number / longest * 1_000.0).round() / 10.0,
            is_ok: matches!(outcome, "ok" | "stored" | "duplicate" | "taken" | "done"),
        }
    };
    own.into_iter().take(BARS_MAX).map(bar).collect()
}

/// `1,234,567`.
fn shown(number: f64) -> String {
    let digits = format!("{:.0}", number.abs());
    let mut shown = String::new();
    for (at, digit) in digits.chars().enumerate() {
        if at > 0 && (digits.len() - at).is_multiple_of(3) {
            shown.push(',');
        }
        shown.push(digit);
    }
    shown
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_longest_bar_is_first_and_whole() {
        let text = "# HELP whowas_events_total Events\n\
                    whowas_events_total{source=\"livekit\",outcome=\"stored\"} 50\n\
                    whowas_events_total{source=\"janus\",outcome=\"refused\"} 200\n\
                    whowas_events_total_more 9\nnonsense\n";
        let samples: Vec<_> = text.lines().filter_map(Sample::parse).collect();
        let bars = bars(&samples, "whowas_events_total", &["source", "outcome"]);
        let told: Vec<_> =
            bars.iter().map(|it| (&*it.name, &*it.number, it.share, it.is_ok)).collect();
        let expected =
            [("janus · refused", "200", 100.0, false), ("livekit · stored", "50", 25.0, true)];
        assert_eq!(told, expected);
        assert_eq!(help(text, "whowas_events_total"), "Events");
    }

    #[test]
    fn a_number_is_shown_in_groups_of_three() {
        for (number, text) in
            [(0.0, "0"), (999.0, "999"), (1_000.0, "1,000"), (1_234_567.0, "1,234,567")]
        {
            assert_eq!(shown(number), text);
        }
    }
}
