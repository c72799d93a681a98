//! How long it takes from a webhook until `ListUserInfo` shows it.
//!
//! One sample after the other: a LiveKit join of a room of its own is sent, and as soon as its 200
//! is there, the room is asked for, on another connection. If the very next answer does not show
//! the join, that is a miss, and a miss is a mistake of the server.

use std::{cell::Cell, rc::Rc};

use anyhow::{Context, ensure};
use bytes::BytesMut;
use clap::Args;
use hdrhistogram::Histogram;
use jiff::{SignedDuration, Timestamp};
use serde_json::Value;
use tokio::{io::AsyncWriteExt, net::TcpStream, task::LocalSet, time::Instant};

use crate::{
    Load,
    answer::{self, Answer},
    paced::{self, Pace},
    requests::{self, Target},
    runtime,
    senders::{self, Sender},
    story::{Happening, Story},
};

#[derive(Args)]
pub(crate) struct VisibleArgs {
    #[arg(long, default_value_t = 5_000)]
    samples: u64,
    /// Other events each second, told by LiveKit webhooks at the same time
    #[arg(long, default_value_t = 0.0)]
    background: f64,
}

/// The numbers of the samples begin here, far from those of the background.
const FIRST: u64 = 1 << 40;
/// And lie so far apart.
const FAR: u64 = 10;
/// The background is over after that long: no sample takes more than a few milliseconds.
const BACKGROUND_S_MAX: f64 = 120.0;

/// One sample's requests, made before the first is sent.
struct Sample {
    join: Vec<u8>,
    ask: Vec<u8>,
    user: String,
}

struct Visible {
    answered_us: Histogram<u64>,
    visible_us: Histogram<u64>,
    misses: u64,
}

pub(crate) fn measure(load: &Load, args: &VisibleArgs) -> anyhow::Result<()> {
    let target = load.target();
    let now = requests::now();
    let samples = samples(&target, args.samples, now);
    let pace = (args.background > 0.0).then(|| background(load, args.background, now));
    let (visible, others) = LocalSet::new().block_on(&runtime()?, async {
        let stop = Rc::new(Cell::new(false));
        let until = Instant::now() + std::time::Duration::from_secs_f64(BACKGROUND_S_MAX);
        let others = pace.map(|pace| {
            tokio::task::spawn_local(paced::run(load.addr, pace, until, Rc::clone(&stop)))
        });
        let visible = sample_all(load, &samples).await;
        stop.set(true);
        let others = match others {
            Some(others) => Some(others.await.context("the background panicked")??),
            None => None,
        };
        anyhow::Ok((visible?, others))
    })?;
    let (sent, errors) = others.map_or((0, 0), |it| (it.latency_us.len(), it.errors));
    let quantile = |of: &Histogram<u64>, q| of.value_at_quantile(q);
    println!(
        "samples={} misses={} answered_p50_us={} p50_us={} p99_us={} p999_us={} max_us={} \
         background_sent={sent} background_errors={errors}",
        args.samples,
        visible.misses,
        quantile(&visible.answered_us, 0.5),
        quantile(&visible.visible_us, 0.5),
        quantile(&visible.visible_us, 0.99),
        quantile(&visible.visible_us, 0.999),
        visible.visible_us.max(),
    );
    ensure!(visible.misses == 0, "{} joins were answered and not visible", visible.misses);
    ensure!(errors == 0, "{errors} events of the background were refused");
    Ok(())
}

fn samples(target: &Target<'_>, count: u64, now: Timestamp) -> Vec<Sample> {
    let signer = requests::signer(target);
    let window = (now - SignedDuration::from_hours(1), now + SignedDuration::from_hours(1));
    // The first that happens in a story is a join.
    let stories = (0..count).filter_map(|number| {
        let at_ms = now.as_millisecond();
        Story::new(FIRST + number * FAR, 1, at_ms, at_ms).tell().next()
    });
    let sample = |join: Happening| {
        let room = format!("room{}", join.room);
        let ask = requests::list_user_info(target, &signer, senders::RTC_ID, &room, window);
        let (mut told, _) =
            requests::events(target, Sender::Livekit, 1, std::iter::once(join), now);
        Sample { join: told.remove(0), ask, user: format!("user{}", join.person) }
    };
    stories.map(sample).collect()
}

fn background(load: &Load, per_s: f64, now: Timestamp) -> Pace {
    let until_ms = now.as_millisecond();
    let count = (per_s * BACKGROUND_S_MAX) as u64;
    let story = Story::new(0, count, until_ms - 600_000, until_ms).tell();
    let (requests, _) = requests::events(&load.target(), Sender::Livekit, 1, story, now);
    Pace { per_s, connections: load.connections, requests, repeat: false }
}

async fn sample_all(load: &Load, samples: &[Sample]) -> anyhow::Result<Visible> {
    let mut hook = Connection::open(load).await?;
    let mut dialect = Connection::open(load).await?;
    let histogram = || Histogram::new_with_bounds(1, 60_000_000, 3);
    let mut visible = Visible { answered_us: histogram()?, visible_us: histogram()?, misses: 0 };
    for sample in samples {
        let began = Instant::now();
        let told = hook.exchange(&sample.join).await?;
        let answered = began.elapsed();
        ensure!(told.status == 200, "a webhook was answered {}", told.status);
        let shown = dialect.exchange(&sample.ask).await?;
        let seen = began.elapsed();
        visible.misses += u64::from(!shows(&shown, &sample.user)?);
        visible.answered_us.record(u64::try_from(answered.as_micros())?)?;
        visible.visible_us.record(u64::try_from(seen.as_micros())?)?;
    }
    Ok(visible)
}

fn shows(answer: &Answer, user: &str) -> anyhow::Result<bool> {
    let text = || String::from_utf8_lossy(&answer.body).into_owned();
    ensure!(answer.status == 200, "ListUserInfo was answered {}: {}", answer.status, text());
    let json: Value = serde_json::from_slice(&answer.body).context("an answer that is not JSON")?;
    let rows = json["Result"]["UserList"].as_array().with_context(text)?;
    Ok(rows.iter().any(|row| row["UserId"] == user && row["Finished"] == false))
}

struct Connection {
    stream: TcpStream,
    unread: BytesMut,
}

impl Connection {
    async fn open(load: &Load) -> anyhow::Result<Self> {
        let stream = TcpStream::connect(load.addr).await.context("no server")?;
        stream.set_nodelay(true)?;
        Ok(Self { stream, unread: BytesMut::new() })
    }

    async fn exchange(&mut self, request: &[u8]) -> anyhow::Result<Answer> {
        self.stream.write_all(request).await.context("sending a request")?;
        answer::read(&mut self.stream, &mut self.unread).await
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_row_of_somebody_else_shows_nothing() {
        let answer = |body: &str| Answer { status: 200, body: BytesMut::from(body) };
        let row = r#"{"Result":{"UserList":[{"UserId":"user1","Finished":false}]}}"#;
        assert!(shows(&answer(row), "user1").expect("an answer"));
        assert!(!shows(&answer(row), "user2").expect("an answer"));
        assert!(!shows(&answer(r#"{"Result":{"UserList":[]}}"#), "user1").expect("an answer"));
        assert!(shows(&answer("{}"), "user1").is_err());
    }
}
