//! What the operator sees: log lines and metrics. Neither ever holds a secret, a signature, a body
//! or a personal field.

use std::io::BufWriter;
use std::time::Duration;

use domain::AppId;
use domain::log::LogFigures;
use metrics::{
    Unit, counter, describe_counter, describe_gauge, describe_histogram, gauge, histogram,
};
use metrics_exporter_prometheus::{Matcher, PrometheusBuilder, PrometheusHandle};
use tracing::Level;
use tracing_appender::non_blocking::WorkerGuard;
use tracing_subscriber::EnvFilter;

use crate::config::LogFormat;

/// How many log lines may wait for a slow terminal or disk. Beyond it lines are dropped: logging
/// never holds up an answer.
const LOG_LINES_MAX: usize = 16_384;

/// Upper bounds of the latency histograms, in seconds.
const LATENCY_BUCKETS_S: [f64; 12] =
    [0.0001, 0.000_25, 0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.1, 0.5, 2.0, 10.0];

/// Upper bounds of the histogram of the writer's groups, in changes.
const GROUP_BUCKETS: [f64; 10] = [1.0, 2.0, 4.0, 8.0, 16.0, 32.0, 64.0, 128.0, 256.0, 512.0];

/// Logs to standard error until the guard is dropped.
pub(crate) fn start_logging(format: LogFormat, level: Level) -> WorkerGuard {
    let (writer, guard) = tracing_appender::non_blocking::NonBlockingBuilder::default()
        .buffered_lines_limit(LOG_LINES_MAX)
        // What waits is written at once: the thread that writes flushes when nothing waits.
        .finish(BufWriter::new(std::io::stderr()));
    let log = tracing_subscriber::fmt()
        .with_writer(writer)
        .with_env_filter(heard(level))
        .with_ansi(false);
    match format {
        LogFormat::Text => log.init(),
        LogFormat::Json => log.json().flatten_event(true).init(),
    }
    guard
}

/// What is logged at a level. Whoever looks for a fault in the driver of rings asks for `debug`;
/// else it would say, every two seconds and in its own terms, what the store says once.
fn heard(level: Level) -> EnvFilter {
    let told_by_the_store = ["client::session_builder", "cluster::metadata", "cluster::node"];
    let mut filter = EnvFilter::default().add_directive(level.into());
    if level <= Level::INFO {
        let driver = told_by_the_store.map(|part| format!("scylla::{part}=off"));
        for told in driver.into_iter().chain([format!("scylla={}", level.min(Level::WARN))]) {
            filter = filter.add_directive(told.parse().expect("a module and a level"));
        }
    }
    filter
}

/// Collects metrics from now on.
pub(crate) fn start_metrics() -> anyhow::Result<PrometheusHandle> {
    let handle = PrometheusBuilder::new()
        .set_buckets_for_metric(Matcher::Suffix("_seconds".into()), &LATENCY_BUCKETS_S)?
        .set_buckets_for_metric(Matcher::Suffix("_group_size".into()), &GROUP_BUCKETS)?
        .install_recorder()?;
    describe_counter!("whowas_requests_total", "Requests by dialect, action and outcome");
    describe_histogram!(
        "whowas_request_seconds",
        Unit::Seconds,
        "From a request's head to its answer"
    );
    describe_counter!("whowas_events_total", "Events by source and what became of them");
    describe_counter!(
        "whowas_dead_letters_total",
        "Letters of what is authentic and useless, by source and what became of them"
    );
    describe_counter!("whowas_retired_total", "What went because it was older than the retention");
    describe_counter!(
        "whowas_reconcile_rounds_total",
        "Rounds of asking a media server who is there, by source and outcome"
    );
    describe_counter!(
        "whowas_reconcile_failures_total",
        "Questions to a media server that taught nothing, by source and reason"
    );
    describe_counter!(
        "whowas_reconcile_ended_total",
        "Participants who had left, as a media server told only when it was asked"
    );
    describe_counter!("whowas_deliveries_total", "Deliveries of broadcasts, by outcome");
    describe_counter!("whowas_delivered_users_total", "Users in deliveries that were taken");
    describe_counter!("whowas_broadcasts_total", "Broadcasts that are over, by state");
    describe_gauge!("whowas_stream_listeners", "Who listens to a stream");
    describe_counter!("whowas_idle_closed_total", "Calls closed since nothing was heard of them");
    describe_gauge!("whowas_log_stays", "Stays that the log has");
    describe_gauge!("whowas_log_open_stays", "Stays of whoever is still there");
    describe_gauge!("whowas_log_inferred_leaves", "Spans whose end nobody reported");
    describe_gauge!("whowas_log_inferred_joins", "Spans whose beginning nobody reported");
    describe_gauge!("whowas_writer_queue", "Changes that wait for the store's writer");
    describe_histogram!("whowas_writer_group_size", "Changes in one commit");
    describe_histogram!(
        "whowas_writer_commit_seconds",
        Unit::Seconds,
        "One commit, its sync included"
    );
    describe_counter!(
        "whowas_cassandra_statements_total",
        "Statements sent to the ring, by kind and outcome; a batch is one"
    );
    describe_histogram!(
        "whowas_cassandra_statement_seconds",
        Unit::Seconds,
        "One statement, its repeats included, by kind"
    );
    Ok(handle)
}

/// A request that was answered.
pub(crate) struct Answer<'a> {
    /// Under this the client can ask about it.
    pub(crate) request_id: &'a str,
    /// Who was spoken to: a dialect, or the way events come in.
    pub(crate) dialect: &'static str,
    /// What was asked for; one of a bounded number of names.
    pub(crate) action: &'static str,
    /// The tenant, if the request proved to speak for one.
    pub(crate) app: Option<AppId>,
    /// `ok`, or a code of a bounded number.
    pub(crate) outcome: &'a str,
    /// Why it failed inside.
    pub(crate) cause: Option<&'a domain::Error>,
    /// From the first byte of the head to the answer.
    pub(crate) took: Duration,
}

/// Counts a request and writes its one log line.
pub(crate) fn answered(answer: &Answer<'_>) {
    let Answer { request_id, dialect, action, app, outcome, cause, took } = *answer;
    let labels = [
        ("dialect", dialect.to_owned()),
        ("action", action.to_owned()),
        ("outcome", outcome.to_owned()),
    ];
    counter!("whowas_requests_total", &labels).increment(1);
    histogram!("whowas_request_seconds", "dialect" => dialect, "action" => action)
        .record(took.as_secs_f64());
    let took_us = u64::try_from(took.as_micros()).unwrap_or(u64::MAX);
    let app = app.map(|app| app.0);
    match cause {
        Some(cause) => {
            let chain = chain(cause);
            tracing::error!(
                request_id,
                dialect,
                action,
                app,
                outcome,
                took_us,
                cause = chain,
                "answered"
            );
        }
        None => tracing::info!(request_id, dialect, action, app, outcome, took_us, "answered"),
    }
}

/// Counts events by what became of them.
pub(crate) fn events(source: &'static str, outcome: &'static str, count: usize) {
    if count > 0 {
        counter!("whowas_events_total", "source" => source, "outcome" => outcome)
            .increment(count as u64);
    }
}

/// Counts dead letters by what became of them.
pub(crate) fn dead_letters(source: &'static str, outcome: &'static str, count: usize) {
    if count > 0 {
        counter!("whowas_dead_letters_total", "source" => source, "outcome" => outcome)
            .increment(count as u64);
    }
}

/// Counts what went from the log because it was older than the retention.
pub(crate) fn retired(stays: u64, events: u64, dead_letters: u64) {
    counter!("whowas_retired_total", "what" => "stay").increment(stays);
    counter!("whowas_retired_total", "what" => "event").increment(events);
    counter!("whowas_retired_total", "what" => "dead_letter").increment(dead_letters);
}

/// Counts a delivery of a broadcast to so many users.
pub(crate) fn delivered(users: usize, is_taken: bool) {
    let outcome = if is_taken { "taken" } else { "refused" };
    counter!("whowas_deliveries_total", "outcome" => outcome).increment(1);
    if is_taken {
        counter!("whowas_delivered_users_total").increment(users as u64);
    }
}

/// Counts a broadcast that is over, by its state.
pub(crate) fn broadcast_over(state: &'static str) {
    counter!("whowas_broadcasts_total", "state" => state).increment(1);
}

/// Counts a round of asking a media server who is there.
pub(crate) fn reconciled(source: &'static str, ended: usize, went_well: bool) {
    let outcome = if went_well { "done" } else { "failed" };
    counter!("whowas_reconcile_rounds_total", "source" => source, "outcome" => outcome)
        .increment(1);
    counter!("whowas_reconcile_ended_total", "source" => source).increment(ended as u64);
}

/// Counts a question to a media server that taught nothing.
pub(crate) fn reconcile_failure(source: &'static str, reason: &'static str) {
    counter!("whowas_reconcile_failures_total", "source" => source, "reason" => reason)
        .increment(1);
}

/// Tells what the log shows now.
pub(crate) fn log_figures(figures: LogFigures) {
    let LogFigures { stays, open_stays, inferred_leaves, inferred_joins } = figures;
    let gauges = [
        ("whowas_log_stays", stays),
        ("whowas_log_open_stays", open_stays),
        ("whowas_log_inferred_leaves", inferred_leaves),
        ("whowas_log_inferred_joins", inferred_joins),
    ];
    // A number that loses its last digits is more than anybody has stays.
    gauges.into_iter().for_each(|(name, number)| gauge!(name).set(number as f64));
}

/// Counts connections that were forgotten since they were seen before the retention.
pub(crate) fn forgotten(connections: u64) {
    counter!("whowas_retired_total", "what" => "connection").increment(connections);
}

/// Counts calls that were closed since nothing was heard of them.
pub(crate) fn closed_idle(calls: u64) {
    counter!("whowas_idle_closed_total").increment(calls);
}

/// An error with all its causes. Some libraries tell the cause in the error itself: it is told
/// once.
pub(crate) fn chain(error: &dyn std::error::Error) -> String {
    let mut text = error.to_string();
    let mut source = error.source();
    while let Some(cause) = source {
        let told = cause.to_string();
        if !text.ends_with(&told) {
            text.push_str(": ");
            text.push_str(&told);
        }
        source = cause.source();
    }
    text
}

#[cfg(test)]
mod tests {
    use std::io;

    use super::*;

    #[derive(Debug, thiserror::Error)]
    #[error("outside: {0}")]
    struct Outside(#[source] io::Error);

    #[derive(Debug, thiserror::Error)]
    #[error("outside")]
    struct Plain(#[source] io::Error);

    #[test]
    fn a_cause_is_told_once_whoever_tells_it() {
        let inside = || io::Error::other("inside");
        assert_eq!(chain(&Outside(inside())), "outside: inside");
        assert_eq!(chain(&Plain(inside())), "outside: inside");
        assert_eq!(chain(&inside()), "inside");
    }

    #[test]
    fn the_driver_of_rings_is_heard_in_full_only_by_who_asks_for_it() {
        for (level, wanted) in [(Level::ERROR, "scylla=error"), (Level::INFO, "scylla=warn")] {
            let told = heard(level).to_string();
            assert!(told.contains("scylla::cluster::metadata=off"), "{told}");
            assert!(told.split(',').any(|directive| directive == wanted), "{told}");
        }
        assert_eq!(heard(Level::DEBUG).to_string(), "debug");
    }
}
