//! Filling a server with the data of `whowas-data`, through its own public ways. Requests are made
//! while others are under way, since they would not fit into memory; nothing here is measured.

use std::net::SocketAddr;

use anyhow::{Context, ensure};
use bytes::BytesMut;
use clap::Args;
use tokio::{io::AsyncWriteExt, net::TcpStream, sync::mpsc, task::LocalSet};
use whowas_data::{
    calls::Plan,
    happenings::{self, Happening},
    json, users,
};

use crate::{Load, answer, requests, runtime};

#[derive(Args)]
pub(crate) struct UsersArgs {
    /// Ids from 1 to this, in each app
    #[arg(long)]
    users: u64,
    /// One in ten has the tag `tenth` besides
    #[arg(long)]
    tenth: bool,
}

#[derive(Args)]
pub(crate) struct StaysArgs {
    #[arg(long)]
    stays: u64,
    /// Participants are out of the ids 1 to this
    #[arg(long)]
    users: u64,
    /// Unix time in seconds
    #[arg(long)]
    from: i64,
    /// Unix time in seconds
    #[arg(long)]
    until: i64,
    /// When a lesson begins to which thousands come in the same second, Unix time in seconds
    #[arg(long)]
    lesson: Option<i64>,
}

#[derive(Args)]
pub(crate) struct FillArgs {
    #[command(flatten)]
    stays: StaysArgs,
    /// Leave out so many events: they were told by a run that was interrupted
    #[arg(long, default_value_t = 0)]
    skip: usize,
}

/// As many as RegisterUsers takes.
const USERS_EACH: u64 = 20;
/// As many as `POST /v1/events` takes.
const EVENTS_EACH: usize = 1_000;
/// After how many requests it is told how many were answered.
const TAKEN_EACH: usize = 200;

pub(crate) fn users(load: &Load, args: &UsersArgs) -> anyhow::Result<()> {
    let (target, all) = (load.target(), args.users);
    let signer = requests::signer(&target);
    let firsts = (1..=all).step_by(USERS_EACH as usize);
    let apps = target.app..target.app + target.apps;
    let of_all = apps.flat_map(|app| firsts.clone().map(move |first| (app, first)));
    let bodies = of_all.map(|(app, first)| {
        let mut body = format!(r#"{{"AppId":{app},"Users":["#);
        for id in first..=all.min(first + USERS_EACH - 1) {
            let mut user = users::user(id);
            if args.tenth && id % 10 == 0 {
                user.tags.push("tenth");
            }
            json::write_user(&mut body, &user);
            body.push(',');
        }
        body.pop();
        body.push_str("]}");
        requests::post(&target, &signer, "RegisterUsers", &body)
    });
    fill(load, bodies, answer::check_none_failed, &mut |_| {})
}

impl StaysArgs {
    /// What was asked for.
    pub(crate) fn plan(&self, seed: u64) -> Plan {
        let [from_unix_ms, until_unix_ms] = [self.from, self.until].map(|at_s| at_s * 1_000);
        let Self { stays, users, .. } = *self;
        let lesson_unix_ms = self.lesson.map(|at_s| at_s * 1_000);
        Plan { stays, users, from_unix_ms, until_unix_ms, seed, lesson_unix_ms }
    }
}

pub(crate) fn stays(load: &Load, args: &FillArgs) -> anyhow::Result<()> {
    let target = load.target();
    let plan = args.stays.plan(load.seed);
    let mut happenings = happenings::happenings(plan).skip(args.skip).peekable();
    let bodies = std::iter::from_fn(|| {
        happenings.peek()?;
        let body = batch(happenings.by_ref().take(EVENTS_EACH));
        Some(requests::native(&target, 0, &body))
    });
    // Whoever has to begin again begins there.
    let mut tell = |taken| eprintln!("told {}", args.skip + taken * EVENTS_EACH);
    fill(load, bodies, answer::check_no_errors, &mut tell)
}

/// A body for `POST /v1/events`.
pub(crate) fn batch(happenings: impl Iterator<Item = Happening>) -> String {
    let mut body = String::from("[");
    for happening in happenings {
        json::write_event(&mut body, &happening);
        body.push(',');
    }
    body.pop();
    body.push(']');
    body
}

/// Sends everything; `taken` is told from time to time how many of the first were answered.
fn fill(
    load: &Load,
    requests: impl Iterator<Item = Vec<u8>>,
    check: fn(&[u8]) -> anyhow::Result<()>,
    taken: &mut dyn FnMut(usize),
) -> anyhow::Result<()> {
    LocalSet::new().block_on(&runtime()?, async {
        let (senders, tasks): (Vec<_>, Vec<_>) = (0..load.connections)
            .map(|_| {
                let (sender, receiver) = mpsc::channel(1);
                (sender, tokio::task::spawn_local(connection(load.addr, receiver, check)))
            })
            .unzip();
        for (number, (request, sender)) in requests.zip(senders.iter().cycle()).enumerate() {
            // Whoever is gone says why below.
            if sender.send(request).await.is_err() {
                break;
            }
            // A connection that takes another request has one waiting, one under way, and an answer
            // to each before these; the other connections are a turn behind at most.
            if number % TAKEN_EACH == TAKEN_EACH - 1 {
                taken(number.saturating_sub(3 * load.connections));
            }
        }
        drop(senders);
        for task in tasks {
            task.await.context("a connection panicked")??;
        }
        Ok(())
    })
}

async fn connection(
    addr: SocketAddr,
    mut requests: mpsc::Receiver<Vec<u8>>,
    check: fn(&[u8]) -> anyhow::Result<()>,
) -> anyhow::Result<()> {
    let mut stream = TcpStream::connect(addr).await.with_context(|| format!("no one at {addr}"))?;
    stream.set_nodelay(true)?;
    let mut unread = BytesMut::new();
    while let Some(request) = requests.recv().await {
        stream.write_all(&request).await.context("sending a request")?;
        let answer = answer::read(&mut stream, &mut unread).await?;
        let said = || String::from_utf8_lossy(&answer.body).into_owned();
        ensure!(answer.status == 200, "{} {}", answer.status, said());
        check(&answer.body)?;
    }
    Ok(())
}
