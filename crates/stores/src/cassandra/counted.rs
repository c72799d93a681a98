//! How many statements are sent to the ring, what becomes of them, and how long they take.

use std::time::Instant;

/// Counts what is sent, by kind and outcome, and how long it takes; also what nobody waits for any
/// more.
pub(super) async fn counted<T, E>(
    kind: &'static str,
    sent: impl Future<Output = std::result::Result<T, E>>,
) -> std::result::Result<T, E> {
    let mut counted = Counted { kind, outcome: "given_up", began: Instant::now() };
    let answer = sent.await;
    counted.outcome = if answer.is_ok() { "ok" } else { "failed" };
    answer
}

/// A statement that is under way, and is counted when it is not any more.
struct Counted {
    kind: &'static str,
    outcome: &'static str,
    began: Instant,
}

impl Drop for Counted {
    fn drop(&mut self) {
        let Self { kind, outcome, began } = *self;
        metrics::counter!("whowas_cassandra_statements_total", "kind" => kind, "outcome" => outcome)
            .increment(1);
        metrics::histogram!("whowas_cassandra_statement_seconds", "kind" => kind)
            .record(began.elapsed());
    }
}

#[cfg(test)]
mod tests {
    use std::future::{pending, ready};
    use std::sync::Mutex;
    use std::time::Duration;

    use metrics::{
        Counter, Gauge, Histogram, Key, KeyName, Metadata, Recorder, SharedString, Unit,
    };
    use tokio::time::timeout;

    use super::*;

    /// The labels of each count.
    #[derive(Default)]
    struct Counts(Mutex<Vec<String>>);

    impl Recorder for Counts {
        fn describe_counter(&self, _: KeyName, _: Option<Unit>, _: SharedString) {}
        fn describe_gauge(&self, _: KeyName, _: Option<Unit>, _: SharedString) {}
        fn describe_histogram(&self, _: KeyName, _: Option<Unit>, _: SharedString) {}

        fn register_counter(&self, key: &Key, _: &Metadata<'_>) -> Counter {
            let labels: Vec<&str> = key.labels().map(metrics::Label::value).collect();
            self.0.lock().expect("whole").push(labels.join(" "));
            Counter::noop()
        }

        fn register_gauge(&self, _: &Key, _: &Metadata<'_>) -> Gauge {
            Gauge::noop()
        }

        fn register_histogram(&self, _: &Key, _: &Metadata<'_>) -> Histogram {
            Histogram::noop()
        }
    }

    #[tokio::test]
    async fn a_statement_is_counted_whatever_becomes_of_it() {
        let counts = Counts::default();
        let _recording = metrics::set_default_local_recorder(&counts);
        assert_eq!(counted("read", ready(Ok::<_, ()>(7))).await, Ok(7));
        assert_eq!(counted("write", ready(Err::<(), _>(8))).await, Err(8));
        let silent = counted("conditional", pending::<std::result::Result<(), ()>>());
        assert!(timeout(Duration::ZERO, silent).await.is_err());
        let told = counts.0.lock().expect("whole").clone();
        assert_eq!(told, ["read ok", "write failed", "conditional given_up"]);
    }
}
