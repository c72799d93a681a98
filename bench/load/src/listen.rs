//! How long it takes from a join until those who listen to the app's stream have its line.
//!
//! All listeners are tasks of one thread. One sample after the other: a native event is sent, and
//! the time runs from its first byte; a listener has the line when the name of its event was read.

use std::{
    cell::{Cell, RefCell},
    rc::Rc,
    time::Duration,
};

use anyhow::{Context, ensure};
use bytes::BytesMut;
use clap::Args;
use hdrhistogram::Histogram;
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpStream,
    sync::{Notify, Semaphore},
    task::LocalSet,
    time::Instant,
};

use crate::{
    Load, answer, requests, runtime,
    senders::{self, Sender},
    story::Story,
};

#[derive(Args)]
pub(crate) struct ListenArgs {
    #[arg(long, default_value_t = 10_000)]
    listeners: usize,
    #[arg(long, default_value_t = 20)]
    samples: u64,
    /// Wait so long, in seconds, between the last listener and the first sample
    #[arg(long, default_value_t = 0.0)]
    rest: f64,
}

/// How many connect at once: no more than the server's queue takes.
const CONNECTING_MAX: usize = 64;
/// Between one sample and the next.
const PAUSE: Duration = Duration::from_millis(200);
/// By then the last listener has it, or never.
const LINE_WITHIN: Duration = Duration::from_secs(30);
/// The numbers of the samples begin here, and lie so far apart.
const FIRST: u64 = 1 << 42;
const FAR: u64 = 10;
/// What the line of a join has.
const JOINED: &[u8] = b"event: joined\n";

/// What the listeners share.
struct Shared {
    began: Cell<Instant>,
    /// How many have the line of the present sample, or listen at all.
    there: Cell<usize>,
    wanted: usize,
    all_there: Notify,
    took_us: RefCell<Histogram<u64>>,
}

impl Shared {
    fn note(&self) -> anyhow::Result<()> {
        let took_us = u64::try_from(self.began.get().elapsed().as_micros())?;
        self.took_us.borrow_mut().record(took_us)?;
        self.there.set(self.there.get() + 1);
        if self.there.get() == self.wanted {
            self.all_there.notify_one();
        }
        Ok(())
    }

    async fn all(&self, what: &str) -> anyhow::Result<Histogram<u64>> {
        let all = tokio::time::timeout(LINE_WITHIN, self.all_there.notified()).await;
        let there = self.there.take();
        all.with_context(|| format!("{what}: {there} of {} in time", self.wanted))?;
        Ok(self.took_us.replace(histogram()?))
    }
}

fn histogram() -> anyhow::Result<Histogram<u64>> {
    Ok(Histogram::new_with_bounds(1, 60_000_000, 3)?)
}

pub(crate) fn measure(load: &Load, args: &ListenArgs) -> anyhow::Result<()> {
    LocalSet::new().block_on(&runtime()?, async {
        let shared = Rc::new(Shared {
            began: Cell::new(Instant::now()),
            there: Cell::new(0),
            wanted: args.listeners,
            all_there: Notify::new(),
            took_us: RefCell::new(histogram()?),
        });
        let turns = Rc::new(Semaphore::new(CONNECTING_MAX));
        for _ in 0..args.listeners {
            let (shared, turns) = (Rc::clone(&shared), Rc::clone(&turns));
            let (addr, app) = (load.addr, load.app);
            tokio::task::spawn_local(async move {
                if let Err(error) = listen((addr, app), &shared, &turns).await {
                    eprintln!("a listener: {error:#}");
                }
            });
        }
        shared.all("listeners").await?;
        // Whoever looks at the server meanwhile waits for this word.
        eprintln!("sending");
        tokio::time::sleep(Duration::try_from_secs_f64(args.rest).context("--rest")?).await;
        sample_all(load, args, &shared).await
    })
}

async fn listen(
    (addr, app): (std::net::SocketAddr, u64),
    shared: &Shared,
    turns: &Semaphore,
) -> anyhow::Result<()> {
    let turn = turns.acquire().await?;
    let mut stream = TcpStream::connect(addr).await.context("no server")?;
    let request = format!(
        "GET /v1/apps/{app}/stream HTTP/1.1\r\nHost: {addr}\r\nAuthorization: Bearer {}\r\n\r\n",
        senders::SECRET
    );
    stream.write_all(request.as_bytes()).await.context("sending a request")?;
    let mut unread = BytesMut::new();
    wait_for(&mut stream, &mut unread, b"\nid: ").await?;
    ensure!(!unread.starts_with(b"HTTP/1.1 503"), "there is no place for one more");
    shared.note()?;
    drop(turn);
    loop {
        wait_for(&mut stream, &mut unread, JOINED).await?;
        shared.note()?;
    }
}

/// Reads until the words have come, and forgets all up to them.
async fn wait_for(
    stream: &mut TcpStream,
    unread: &mut BytesMut,
    words: &[u8],
) -> anyhow::Result<()> {
    loop {
        if let Some(place) = unread.windows(words.len()).position(|window| window == words) {
            let _ = unread.split_to(place + words.len());
            return Ok(());
        }
        // The words may have come in part.
        let read = unread.len().saturating_sub(words.len());
        let _ = unread.split_to(read);
        unread.reserve(1024);
        let read = stream.read_buf(unread).await.context("reading the stream")?;
        ensure!(read > 0, "the server closed the stream");
    }
}

async fn sample_all(load: &Load, args: &ListenArgs, shared: &Shared) -> anyhow::Result<()> {
    let mut teller = TcpStream::connect(load.addr).await.context("no server")?;
    teller.set_nodelay(true)?;
    let (mut unread, now) = (BytesMut::new(), requests::now());
    let (mut answered, mut medians, mut lasts) = (histogram()?, histogram()?, histogram()?);
    for number in 0..args.samples {
        let at_ms = now.as_millisecond();
        // The first that happens in a story is a join.
        let join = Story::new(FIRST + number * FAR, 1, at_ms, at_ms).tell().take(1);
        let (told, _) = requests::events(&load.target(), Sender::Native, 1, join, now);
        shared.began.set(Instant::now());
        teller.write_all(&told[0]).await.context("sending an event")?;
        let answer = answer::read(&mut teller, &mut unread).await?;
        ensure!(answer.status == 200, "an event was answered {}", answer.status);
        answered.record(u64::try_from(shared.began.get().elapsed().as_micros())?)?;
        let took_us = shared.all("lines").await?;
        medians.record(took_us.value_at_quantile(0.5))?;
        lasts.record(took_us.max())?;
        tokio::time::sleep(PAUSE).await;
    }
    let middle = |of: &Histogram<u64>| of.value_at_quantile(0.5);
    println!(
        "listeners={} samples={} answered_us={} median_us={} last_us={} longest_us={}",
        args.listeners,
        args.samples,
        middle(&answered),
        middle(&medians),
        middle(&lasts),
        lasts.max()
    );
    Ok(())
}
