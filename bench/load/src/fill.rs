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
    /// Ids from 1 to this
    #[arg(long)]
    users: u64,
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
}

/// As many as RegisterUsers takes.
const USERS_EACH: u64 = 20;
/// As many as `POST /v1/events` takes.
const EVENTS_EACH: usize = 1_000;

pub(crate) fn users(load: &Load, args: &UsersArgs) -> anyhow::Result<()> {
    let (target, all) = (load.target(), args.users);
    let signer = requests::signer(&target);
    let bodies = (1..=all).step_by(USERS_EACH as usize).map(|first| {
        let mut body = format!(r#"{{"AppId":{},"Users":["#, target.app);
        for id in first..=all.min(first + USERS_EACH - 1) {
            json::write_user(&mut body, &users::user(id));
            body.push(',');
        }
        body.pop();
        body.push_str("]}");
        requests::post(&target, &signer, "RegisterUsers", &body)
    });
    fill(load, bodies, answer::check_none_failed)
}

impl StaysArgs {
    /// What was asked for.
    pub(crate) fn plan(&self, seed: u64) -> Plan {
        let [from_unix_ms, until_unix_ms] = [self.from, self.until].map(|at_s| at_s * 1_000);
        let Self { stays, users, .. } = *self;
        Plan { stays, users, from_unix_ms, until_unix_ms, seed }
    }
}

pub(crate) fn stays(load: &Load, args: &StaysArgs) -> anyhow::Result<()> {
    let target = load.target();
    let mut happenings = happenings::happenings(args.plan(load.seed)).peekable();
    let bodies = std::iter::from_fn(|| {
        happenings.peek()?;
        let body = batch(happenings.by_ref().take(EVENTS_EACH));
        Some(requests::native(&target, &body))
    });
    fill(load, bodies, answer::check_no_errors)
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

fn fill(
    load: &Load,
    requests: impl Iterator<Item = Vec<u8>>,
    check: fn(&[u8]) -> anyhow::Result<()>,
) -> anyhow::Result<()> {
    LocalSet::new().block_on(&runtime()?, async {
        let (senders, tasks): (Vec<_>, Vec<_>) = (0..load.connections)
            .map(|_| {
                let (sender, receiver) = mpsc::channel(1);
                (sender, tokio::task::spawn_local(connection(load.addr, receiver, check)))
            })
            .unzip();
        for (request, sender) in requests.zip(senders.iter().cycle()) {
            // Whoever is gone says why below.
            if sender.send(request).await.is_err() {
                break;
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
