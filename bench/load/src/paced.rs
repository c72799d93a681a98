//! Requests at a fixed rate, whatever the server does.
//!
//! A request that could not go out in time, since the one before it on its connection was still
//! under way, is counted from when it should have gone: a server that stands still for a moment
//! delays all that should have happened in that moment. The clock that wakes us is no part of it.

use std::{cell::Cell, net::SocketAddr, rc::Rc, time::Duration};

use anyhow::Context;
use bytes::BytesMut;
use hdrhistogram::Histogram;
use tokio::{io::AsyncWriteExt, net::TcpStream, time::Instant};

use crate::answer;

pub(crate) struct Pace {
    pub(crate) per_s: f64,
    pub(crate) connections: usize,
    /// They are sent in turn, and again from the first if `repeat`.
    pub(crate) requests: Vec<Vec<u8>>,
    pub(crate) repeat: bool,
}

/// What became of one stream of requests.
pub(crate) struct Paced {
    pub(crate) latency_us: Histogram<u64>,
    pub(crate) errors: u64,
}

impl Paced {
    pub(crate) fn new() -> anyhow::Result<Self> {
        Ok(Self { latency_us: Histogram::new_with_bounds(1, 60_000_000, 3)?, errors: 0 })
    }
}

/// Sends until `until`, or until `stop` is set.
pub(crate) async fn run(
    addr: SocketAddr,
    pace: Pace,
    until: Instant,
    stop: Rc<Cell<bool>>,
) -> anyhow::Result<Paced> {
    let (began, connections) = (Instant::now(), pace.connections);
    let stream = Rc::new(Stream { pace, began, until, stop });
    let tasks: Vec<_> = (0..connections)
        .map(|number| tokio::task::spawn_local(connection(addr, Rc::clone(&stream), number)))
        .collect();
    let mut all = Paced::new()?;
    for task in tasks {
        let one = task.await.context("a connection panicked")??;
        all.latency_us.add(one.latency_us)?;
        all.errors += one.errors;
    }
    Ok(all)
}

/// What the connections of one stream share.
struct Stream {
    pace: Pace,
    began: Instant,
    until: Instant,
    stop: Rc<Cell<bool>>,
}

async fn connection(addr: SocketAddr, stream: Rc<Stream>, first: usize) -> anyhow::Result<Paced> {
    let Pace { per_s, connections, requests, repeat } = &stream.pace;
    let mut socket = TcpStream::connect(addr).await.with_context(|| format!("no one at {addr}"))?;
    socket.set_nodelay(true)?;
    let mut unread = BytesMut::new();
    let mut paced = Paced::new()?;
    for number in (first..).step_by(*connections) {
        let due = stream.began + Duration::from_secs_f64(number as f64 / per_s);
        if due >= stream.until || stream.stop.get() || (number >= requests.len() && !repeat) {
            break;
        }
        let from = if Instant::now() < due {
            tokio::time::sleep_until(due).await;
            Instant::now()
        } else {
            due
        };
        socket.write_all(&requests[number % requests.len()]).await.context("sending a request")?;
        let answer = answer::read(&mut socket, &mut unread).await?;
        paced.latency_us.record(u64::try_from(from.elapsed().as_micros())?)?;
        paced.errors += u64::from(answer.status != 200);
    }
    Ok(paced)
}
