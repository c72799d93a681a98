//! Events at full speed, through one door. What the server counted as stored must be what was sent:
//! a webhook that is authentic and unintelligible is answered 200 too.

use std::time::{Duration, Instant};

use anyhow::ensure;
use clap::{Args, ValueEnum};
use jiff::{SignedDuration, Timestamp};

use crate::{
    Load, answer,
    drive::{self, Plan},
    requests, runtime,
    senders::Sender,
    server,
    story::Story,
};

#[derive(Args)]
pub(crate) struct EventsArgs {
    #[arg(long, value_enum)]
    sender: Sender,
    /// Native events in one request
    #[arg(long, default_value_t = 1)]
    batch: usize,
    /// How many happenings are told at most; all requests are made before the first is sent
    #[arg(long, default_value_t = 100_000)]
    events: u64,
    /// The number of the first: stories that share none have no rooms and events in common
    #[arg(long, default_value_t = 0)]
    first_event: u64,
    /// How many rooms are on at once
    #[arg(long, default_value_t = 500)]
    rooms: u64,
    /// How many people come to a room
    #[arg(long, default_value_t = 4)]
    people: u64,
    /// How old the newest of them is
    #[arg(long, default_value_t = 0)]
    days_ago: u32,
}

/// How long the story lasts.
const STORY: SignedDuration = SignedDuration::from_mins(20);

pub(crate) fn measure(load: &Load, args: &EventsArgs) -> anyhow::Result<()> {
    let least = args.batch.min(args.rooms as usize).min(args.people as usize);
    ensure!(least > 0, "--batch, --rooms and --people are at least 1");
    let now = requests::now();
    let until = now - SignedDuration::from_hours(24 * i64::from(args.days_ago));
    let from = until - STORY;
    let [from_ms, until_ms] = [from, until].map(Timestamp::as_millisecond);
    let (rooms, people) = (args.rooms, args.people);
    let story =
        Story { rooms, people, ..Story::new(args.first_event, args.events, from_ms, until_ms) };
    let (requests, events) =
        requests::events(&load.target(), args.sender, args.batch, story.tell(), now);
    let plan = Plan { requests, events, repeat: false, check: answer::no_errors() };
    runtime()?.block_on(run(load, args, plan))
}

async fn run(load: &Load, args: &EventsArgs, plan: Plan) -> anyhow::Result<()> {
    let name = args.sender.to_possible_value().map(|it| it.get_name().to_owned());
    let source = format!("source=\"{}\"", name.unwrap_or_default());
    let labels = [source.as_str(), "outcome=\"stored\""];
    let stored = || server::counter(load.addr, "whowas_events_total", &labels);
    let cpu_s = || load.pid.map(server::cpu_s).transpose();
    let (before, cpu_before_s, began) = (stored().await?, cpu_s()?, Instant::now());
    let report = drive::run(load.addr, load.connections, load.times()?, plan).await?;
    let (took, cpu_after_s) = (began.elapsed(), cpu_s()?);
    let stored = stored().await? - before;
    let busy = cpu_before_s.zip(cpu_after_s).map(|(before, after)| share(after - before, took));
    println!("{report} stored={stored} busy_percent={}", busy.unwrap_or_default());
    ensure!(
        stored == report.events_taken,
        "{} events were sent and answered, but {stored} stored",
        report.events_taken
    );
    Ok(())
}

fn share(cpu_s: f64, took: Duration) -> String {
    format!("{:.0}", 100.0 * cpu_s / took.as_secs_f64())
}
