//! The measured loop: each connection has one request under way, and sends the next at once.

use std::{
    cell::Cell,
    fmt,
    net::SocketAddr,
    rc::Rc,
    time::{Duration, Instant},
};

use anyhow::{Context, ensure};
use bytes::BytesMut;
use hdrhistogram::Histogram;
use tokio::{io::AsyncWriteExt, net::TcpStream, task::LocalSet};

use crate::answer::{self, Answer, Check};

/// Reading every body as JSON would measure the generator.
const CHECKED_EACH: usize = 100;

pub(crate) struct Plan {
    pub(crate) requests: Vec<Vec<u8>>,
    /// How many events each of them tells; empty if they tell none.
    pub(crate) events: Vec<u32>,
    /// Whether the requests may be sent again once all were sent.
    pub(crate) repeat: bool,
    /// What the body of an answer with status 200 must show.
    pub(crate) check: Check,
}

#[derive(Clone, Copy)]
pub(crate) struct Times {
    pub(crate) warm_up: Duration,
    pub(crate) measured: Duration,
}

pub(crate) struct Report {
    latency_us: Histogram<u64>,
    /// Those of the measured time.
    events: u64,
    /// Those of all requests that succeeded, the warm-up's too.
    pub(crate) events_taken: u64,
    errors: u64,
    first_error: Option<String>,
    answer_bytes: usize,
    took: Duration,
}

/// What the connections share; they run on one thread.
struct Run {
    plan: Plan,
    next: Cell<usize>,
    measured_from: Instant,
    until: Instant,
}

pub(crate) async fn run(
    addr: SocketAddr,
    connections: usize,
    times: Times,
    plan: Plan,
) -> anyhow::Result<Report> {
    let measured_from = Instant::now() + times.warm_up;
    let until = measured_from + times.measured;
    let run = Rc::new(Run { plan, next: Cell::new(0), measured_from, until });
    let local = LocalSet::new();
    let tasks: Vec<_> =
        (0..connections).map(|_| local.spawn_local(connection(addr, Rc::clone(&run)))).collect();
    local
        .run_until(async {
            let mut report = Report::new(run.until - run.measured_from)?;
            let mut ended = run.measured_from;
            for task in tasks {
                let (one, last) = task.await.context("a connection panicked")??;
                ended = ended.max(last);
                report.add(one)?;
            }
            let answered = report.latency_us.len() + report.errors;
            ensure!(answered > 0, "the requests were used up before the measured time began");
            // Shorter than was asked for when the requests were used up.
            report.took = ended.saturating_duration_since(run.measured_from);
            Ok(report)
        })
        .await
}

/// One connection's report, and when its last answer came.
async fn connection(addr: SocketAddr, run: Rc<Run>) -> anyhow::Result<(Report, Instant)> {
    let mut stream =
        TcpStream::connect(addr).await.with_context(|| format!("no server at {addr}"))?;
    stream.set_nodelay(true)?;
    let mut unread = BytesMut::new();
    let mut report = Report::new(Duration::ZERO)?;
    let mut last = Instant::now();
    while last < run.until
        && let Some(request) = run.take()
    {
        let sent = Instant::now();
        stream.write_all(&run.plan.requests[request]).await.context("sending a request")?;
        let answer = answer::read(&mut stream, &mut unread).await?;
        last = Instant::now();
        let events = u64::from(run.plan.events.get(request).copied().unwrap_or(0));
        let checked = run.check(request, &answer);
        let is_good = checked.is_ok();
        if let Err(error) = checked {
            report.errors += 1;
            report.first_error.get_or_insert_with(|| format!("{error:#}"));
        } else {
            report.events_taken += events;
        }
        if is_good && last >= run.measured_from && last <= run.until {
            report.events += events;
            report.latency_us.record(u64::try_from((last - sent).as_micros())?)?;
        }
        report.answer_bytes = answer.body.len();
    }
    Ok((report, last.min(run.until)))
}

impl Run {
    fn take(&self) -> Option<usize> {
        let next = self.next.get();
        self.next.set(next + 1);
        match next < self.plan.requests.len() || self.plan.repeat {
            true => Some(next % self.plan.requests.len()),
            false => None,
        }
    }

    fn check(&self, request: usize, answer: &Answer) -> anyhow::Result<()> {
        if answer.status != 200 {
            anyhow::bail!("{} {}", answer.status, String::from_utf8_lossy(&answer.body));
        }
        if request.is_multiple_of(CHECKED_EACH) {
            return (self.plan.check)(&answer.body);
        }
        Ok(())
    }
}

impl Report {
    fn new(took: Duration) -> anyhow::Result<Self> {
        // A minute at most, three digits.
        let latency_us = Histogram::new_with_bounds(1, 60_000_000, 3)?;
        Ok(Self {
            latency_us,
            events: 0,
            events_taken: 0,
            errors: 0,
            first_error: None,
            answer_bytes: 0,
            took,
        })
    }

    fn add(&mut self, one: Self) -> anyhow::Result<()> {
        self.latency_us.add(one.latency_us)?;
        self.events += one.events;
        self.events_taken += one.events_taken;
        self.errors += one.errors;
        self.answer_bytes = one.answer_bytes;
        self.first_error = self.first_error.take().or(one.first_error);
        Ok(())
    }
}

/// One line of `name=value`, which a person and a script can read.
impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let requests = self.latency_us.len();
        let seconds = self.took.as_secs_f64();
        let per_s = |count| if seconds > 0.0 { count as f64 / seconds } else { 0.0 };
        let quantile = |q| self.latency_us.value_at_quantile(q);
        write!(
            f,
            "requests_per_s={:.0} events_per_s={:.0} p50_us={} p99_us={} p999_us={} errors={} requests={requests} \
             seconds={seconds:.2} answer_bytes={}",
            per_s(requests),
            per_s(self.events),
            quantile(0.5),
            quantile(0.99),
            quantile(0.999),
            self.errors,
            self.answer_bytes,
        )?;
        match &self.first_error {
            Some(error) => write!(f, "\nfirst error: {error}"),
            None => Ok(()),
        }
    }
}
