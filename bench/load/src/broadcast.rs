//! How fast broadcasts reach a receiver: some are asked for at once, and from then until all are
//! done it is asked how far they are.

use std::{collections::BTreeMap, time::Duration};

use anyhow::{Context, ensure};
use bytes::BytesMut;
use clap::Args;
use serde_json::{Value, json};
use tokio::{io::AsyncWriteExt, net::TcpStream, time::Instant};

use crate::{Load, answer, requests, runtime, senders};

#[derive(Args)]
pub(crate) struct BroadcastArgs {
    /// Whom they are for: who has any of these tags; everybody if there are none
    #[arg(long)]
    tag: Vec<String>,
    /// How many are asked for at once
    #[arg(long, default_value_t = 1)]
    jobs: usize,
}

/// How often it is asked how far they are.
const ASK_EACH: Duration = Duration::from_millis(20);
/// As many as are shown at once.
const SHOWN_MAX: usize = 100;
/// What is sent.
const CONTENT_LEN: usize = 200;

pub(crate) fn measure(load: &Load, args: &BroadcastArgs) -> anyhow::Result<()> {
    ensure!(args.jobs <= SHOWN_MAX, "--jobs is {SHOWN_MAX} at most");
    runtime()?.block_on(async {
        let stream = TcpStream::connect(load.addr).await.context("no server")?;
        stream.set_nodelay(true)?;
        let mut asking = Asking { load, stream, unread: BytesMut::new() };
        let before = asking.last_id().await?;
        let target = load.target();
        let body = json!({
            "AppId": target.app, "Sender": 1, "MsgType": 10_001, "MsgTTL": 86_400,
            "Content": "x".repeat(CONTENT_LEN), "Tags": args.tag,
        });
        let signer = requests::signer(&target);
        let request = requests::post(&target, &signer, "UserBroadcast", &body.to_string());
        let began = Instant::now();
        for _ in 0..args.jobs {
            asking.exchange(&request).await?;
        }
        let jobs = loop {
            tokio::time::sleep(ASK_EACH).await;
            let jobs = asking.behind(before).await?;
            let is_over = |job: &Value| job["state"] != "waiting" && job["state"] != "running";
            if jobs.len() == args.jobs && jobs.values().all(is_over) {
                break jobs;
            }
        };
        let took_s = began.elapsed().as_secs_f64();
        let undone = jobs.values().find(|job| job["state"] != "done");
        ensure!(undone.is_none(), "a broadcast is not done: {undone:?}");
        let sum = |name: &str| jobs.values().filter_map(|job| job[name].as_u64()).sum::<u64>();
        let (users, posts) = (sum("users"), sum("deliveries"));
        println!(
            "jobs={} users={users} posts={posts} took_s={took_s:.3} users_per_s={:.0} \
             posts_per_s={:.1}",
            args.jobs,
            users as f64 / took_s,
            posts as f64 / took_s
        );
        Ok(())
    })
}

/// A connection on which is asked.
struct Asking<'l> {
    load: &'l Load,
    stream: TcpStream,
    unread: BytesMut,
}

impl Asking<'_> {
    async fn exchange(&mut self, request: &[u8]) -> anyhow::Result<Value> {
        self.stream.write_all(request).await.context("sending a request")?;
        let answer = answer::read(&mut self.stream, &mut self.unread).await?;
        let said = || String::from_utf8_lossy(&answer.body).into_owned();
        ensure!(answer.status == 200, "{} {}", answer.status, said());
        serde_json::from_slice(&answer.body).with_context(said)
    }

    /// The first broadcasts behind one, by their ids.
    async fn behind(&mut self, after: u64) -> anyhow::Result<BTreeMap<u64, Value>> {
        let Load { addr, app, .. } = self.load;
        let request = format!(
            "GET /v1/apps/{app}/broadcasts?limit={SHOWN_MAX}&after={after} HTTP/1.1\r\n\
             Host: {addr}\r\nAuthorization: Bearer {}\r\n\r\n",
            senders::SECRET
        );
        let told = self.exchange(request.as_bytes()).await?;
        let jobs = told["broadcasts"].as_array().context("no broadcasts")?;
        Ok(jobs.iter().filter_map(|job| Some((job["id"].as_u64()?, job.clone()))).collect())
    }

    async fn last_id(&mut self) -> anyhow::Result<u64> {
        let mut last = 0;
        while let Some((id, _)) = self.behind(last).await?.pop_last() {
            last = id;
        }
        Ok(last)
    }
}
