//! The measured loop: each connection has one request under way, and sends the next at once, or
//! when one is due, if there is a rate. Then latency is counted from when it was due.

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

use crate::{
    answer::{self, Answer, Check},
    metronome::Arrivals,
    server,
};

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
    /// Arrivals a second; without it, as many as can be answered.
    pub(crate) rate: Option<f64>,
    /// The server's process, to tell what it computed.
    pub(crate) pid: Option<u32>,
}

pub(crate) struct Report {
    latency_us: Histogram<u64>,
    /// From when a request was due until it was sent, where a connection was free: our own share.
    late_us: Histogram<u64>,
    /// Arrivals that were never sent, since no connection became free.
    unsent: usize,
    /// Those of the measured time.
    events: u64,
    /// Those of all requests that succeeded, the warm-up's too.
    pub(crate) events_taken: u64,
    errors: u64,
    first_error: Option<String>,
    answer_bytes: usize,
    took: Duration,
    /// Ours, and the server's if we know it.
    cpu_s: (f64, Option<f64>),
}

/// What the connections share; they run on one thread.
struct Run {
    plan: Plan,
    next: Cell<usize>,
    measured_from: Instant,
    until: Instant,
    arrivals: Option<Rc<Arrivals>>,
}

/// A request to send.
struct Turn {
    /// Which of all, from 0.
    number: usize,
    request: usize,
    /// What its latency is counted from.
    from: Instant,
    /// Whether only the generator can have delayed it.
    is_ours: bool,
}

pub(crate) async fn run(
    addr: SocketAddr,
    connections: usize,
    times: Times,
    plan: Plan,
) -> anyhow::Result<Report> {
    let local = LocalSet::new();
    local
        .run_until(async {
            let now = Instant::now();
            let measured_from = now + times.warm_up;
            let until = measured_from + times.measured;
            let begin = |per_s| Arrivals::begin(per_s, now..until, connections, 1);
            let arrivals = times.rate.map(begin);
            let next = Cell::new(0);
            let run = Rc::new(Run { plan, next, measured_from, until, arrivals });
            let tasks: Vec<_> = (0..connections)
                .map(|_| tokio::task::spawn_local(connection(addr, Rc::clone(&run))))
                .collect();
            let mut report = Report::new(run.until - run.measured_from)?;
            tokio::time::sleep_until(run.measured_from.into()).await;
            let (own_s, server_s) = cpu_s(times.pid)?;
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
            let (own_until_s, server_until_s) = cpu_s(times.pid)?;
            let server = server_until_s.zip(server_s).map(|(until, from)| until - from);
            report.computed(own_until_s - own_s, server);
            report.unsent = run.arrivals.as_ref().map_or(0, |it| it.left_over());
            Ok(report)
        })
        .await
}

/// What we have computed so far, and what the server has.
fn cpu_s(pid: Option<u32>) -> anyhow::Result<(f64, Option<f64>)> {
    Ok((server::cpu_s(std::process::id())?, pid.map(server::cpu_s).transpose()?))
}

/// One connection's report, and when its last answer came.
async fn connection(addr: SocketAddr, run: Rc<Run>) -> anyhow::Result<(Report, Instant)> {
    let mut stream =
        TcpStream::connect(addr).await.with_context(|| format!("no server at {addr}"))?;
    stream.set_nodelay(true)?;
    let mut unread = BytesMut::new();
    let mut report = Report::new(Duration::ZERO)?;
    let mut last = Instant::now();
    while (run.arrivals.is_some() || last < run.until)
        && let Some(Turn { number, request, from, is_ours }) = run.take().await
    {
        if is_ours {
            report.late_us.record(u64::try_from(from.elapsed().as_micros())?)?;
        }
        stream.write_all(&run.plan.requests[request]).await.context("sending a request")?;
        let answer = answer::read(&mut stream, &mut unread).await?;
        last = Instant::now();
        let events = u64::from(run.plan.events.get(request).copied().unwrap_or(0));
        let checked = run.check(number, &answer);
        let is_good = checked.is_ok();
        if let Err(error) = checked {
            report.errors += 1;
            report.first_error.get_or_insert_with(|| format!("{error:#}"));
        } else {
            report.events_taken += events;
        }
        if is_good && run.counts(from, last) {
            report.count(u64::try_from((last - from).as_micros())?, events);
        }
        report.answer_bytes = answer.body.len();
    }
    Ok((report, last.min(run.until)))
}

impl Run {
    async fn take(&self) -> Option<Turn> {
        let (from, is_ours) = match &self.arrivals {
            Some(arrivals) => {
                let (due, had_waited) = arrivals.next().await?;
                (due, !had_waited)
            }
            None => (Instant::now(), false),
        };
        let next = self.next.get();
        self.next.set(next + 1);
        let is_there = next < self.plan.requests.len() || self.plan.repeat;
        let request = next % self.plan.requests.len();
        is_there.then_some(Turn { number: next, request, from, is_ours })
    }

    /// Whether a request belongs to the measured time: with a rate by when it was due, since those
    /// that take long must not be missing.
    fn counts(&self, from: Instant, answered: Instant) -> bool {
        let at = if self.arrivals.is_some() { from } else { answered };
        at >= self.measured_from && at <= self.until
    }

    fn check(&self, number: usize, answer: &Answer) -> anyhow::Result<()> {
        if answer.status != 200 {
            anyhow::bail!("{} {}", answer.status, String::from_utf8_lossy(&answer.body));
        }
        if number.is_multiple_of(CHECKED_EACH) {
            return (self.plan.check)(&answer.body);
        }
        Ok(())
    }
}

impl Report {
    pub(crate) fn new(took: Duration) -> anyhow::Result<Self> {
        // A minute at most, three digits.
        let latency_us = Histogram::new_with_bounds(1, 60_000_000, 3)?;
        Ok(Self {
            late_us: latency_us.clone(),
            latency_us,
            unsent: 0,
            events: 0,
            events_taken: 0,
            errors: 0,
            first_error: None,
            answer_bytes: 0,
            took,
            cpu_s: (0.0, None),
        })
    }

    /// One answer of the measured time.
    pub(crate) fn count(&mut self, us: u64, events: u64) {
        self.latency_us.saturating_record(us);
        self.events += events;
    }

    /// Seconds of processor time in the measured time: ours, and the server's if we know it.
    pub(crate) fn computed(&mut self, own_s: f64, server_s: Option<f64>) {
        self.cpu_s = (own_s, server_s);
    }

    pub(crate) fn add(&mut self, one: Self) -> anyhow::Result<()> {
        self.latency_us.add(one.latency_us)?;
        self.late_us.add(one.late_us)?;
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
        let each_us = |cpu_s: f64| if requests > 0 { 1e6 * cpu_s / requests as f64 } else { 0.0 };
        write!(
            f,
            "requests_per_s={:.0} events_per_s={:.0} p50_us={} p99_us={} p999_us={} errors={} requests={requests} \
             seconds={seconds:.2} answer_bytes={} late_p99_us={} unsent={}",
            per_s(requests),
            per_s(self.events),
            quantile(0.5),
            quantile(0.99),
            quantile(0.999),
            self.errors,
            self.answer_bytes,
            self.late_us.value_at_quantile(0.99),
            self.unsent,
        )?;
        write!(f, " generator_cpu_us={:.1}", each_us(self.cpu_s.0))?;
        if let Some(server) = self.cpu_s.1 {
            write!(f, " server_cpu_us={:.1}", each_us(server))?;
        }
        match &self.first_error {
            Some(error) => write!(f, "\nfirst error: {error}"),
            None => Ok(()),
        }
    }
}
