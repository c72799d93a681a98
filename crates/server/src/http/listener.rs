//! Takes connections in, as many as there may be, and lets them finish when the server stops.

use std::pin::pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use hyper::service::service_fn;
use hyper_util::rt::{TokioExecutor, TokioIo, TokioTimer};
use hyper_util::server::conn::auto::Builder;
use tokio::signal::unix::{Signal, SignalKind, signal};
use tokio::sync::{Semaphore, watch};
use tokio::task::{JoinHandle, JoinSet};
use tokio::time::Instant;

use super::doors::{Door, Stream};
use super::reply::Silence;
use super::{Server, routes};
use crate::feed::LISTENERS_MAX;
use crate::{broadcast, notify, upkeep};

/// How many connections may be open: those of as many listeners as may be, and others. Beyond it
/// new ones wait in the kernel's queue.
const CONNECTIONS_MAX: u32 = 6_000 + LISTENERS_MAX as u32;
/// How long a connection may have no request under way: at its beginning, and between requests. A
/// head that is not finished is no request.
const IDLE_TIMEOUT: Duration = Duration::from_secs(75);
/// How many headers a request may have.
const HEADERS_MAX: usize = 100;
/// How large a request's head may be, in bytes.
const HEAD_BYTES_MAX: usize = 64 * 1024;
/// How many requests one HTTP/2 connection may have under way.
const STREAMS_MAX: u32 = 100;
/// How long requests under way may take to finish once the server is told to stop.
const DRAIN_TIMEOUT: Duration = Duration::from_secs(8);
/// How long a connection without a request is kept once the server is told to stop: long enough for
/// an answer that was just given to leave.
const LAST_WORDS: Duration = Duration::from_secs(1);
/// How long to wait after the machine refused a connection, for it to find its feet again.
const ACCEPT_PAUSE: Duration = Duration::from_millis(100);

/// The signals that end the server in order. Until they are listened for, they end it at once, so
/// that they are listened for before anybody is told that the server is there.
pub(crate) struct Signals {
    terminate: Signal,
    interrupt: Signal,
}

impl Signals {
    pub(crate) fn listen() -> std::io::Result<Self> {
        let terminate = signal(SignalKind::terminate())?;
        let interrupt = signal(SignalKind::interrupt())?;
        Ok(Self { terminate, interrupt })
    }

    async fn stop(mut self) {
        tokio::select! {
            _ = self.terminate.recv() => {}
            _ = self.interrupt.recv() => {}
        }
    }
}

/// Serves until SIGTERM or SIGINT, then finishes what it began.
pub(crate) async fn serve(
    doors: Vec<Door>,
    server: Server,
    signals: Signals,
) -> anyhow::Result<()> {
    let server = Arc::new(server);
    let places = Arc::new(Semaphore::new(CONNECTIONS_MAX as usize));
    let (stop, stopping) = watch::channel(());
    let upkeep = upkeep::start(&server);
    let own = doors.iter().filter_map(Door::tcp_address).collect();
    let broadcasts = broadcast::start(&server, own, &stopping)?;
    let mut accepting = JoinSet::new();
    for door in doors {
        let (server, places) = (server.clone(), places.clone());
        accepting.spawn(accept(door, server, places, stopping.clone()));
    }
    signals.stop().await;
    notify::stopping();
    // Nobody is let in any more once the doors are gone.
    accepting.shutdown().await;
    upkeep.iter().for_each(JoinHandle::abort);
    let open = CONNECTIONS_MAX as usize - places.available_permits();
    tracing::info!(open, "stopping: requests under way finish first");
    drop((stop, stopping));
    let all_gone = async {
        // Nobody closes the semaphore, and a task that panicked is gone, too.
        let _ = places.acquire_many(CONNECTIONS_MAX).await;
        for task in broadcasts {
            let _ = task.await;
        }
    };
    if tokio::time::timeout(DRAIN_TIMEOUT, all_gone).await.is_err() {
        tracing::warn!("some requests did not finish in time and are cut off");
    }
    tracing::info!("stopped");
    Ok(())
}

/// Lets in whoever comes to one door, as long as there is a place.
async fn accept(
    door: Door,
    server: Arc<Server>,
    places: Arc<Semaphore>,
    stopping: watch::Receiver<()>,
) {
    loop {
        let place = places.clone().acquire_owned().await.expect("the semaphore is never closed");
        match door.accept().await {
            Ok(arrived) => {
                let (server, stopping) = (server.clone(), stopping.clone());
                tokio::spawn(async move {
                    if let Some(stream) = arrived.into_stream().await {
                        connection(stream, server, stopping).await;
                    }
                    drop(place);
                });
            }
            Err(error) => {
                drop(place);
                // Out of file descriptors, most likely: those that are open go on.
                tracing::warn!(%error, "a connection could not be taken");
                tokio::time::sleep(ACCEPT_PAUSE).await;
            }
        }
    }
}

/// One connection, until it ends, is idle for too long, or the server stops.
async fn connection(
    stream: Box<dyn Stream>,
    server: Arc<Server>,
    mut stopping: watch::Receiver<()>,
) {
    let mut builder = Builder::new(TokioExecutor::new());
    builder
        .http1()
        .timer(TokioTimer::new())
        .header_read_timeout(IDLE_TIMEOUT)
        .max_headers(HEADERS_MAX)
        .max_buf_size(HEAD_BYTES_MAX);
    builder.http2().timer(TokioTimer::new()).max_concurrent_streams(STREAMS_MAX);
    let requests = Arc::new(Requests::default());
    let stops = stopping.clone();
    let answer = service_fn(|request| {
        let server = server.clone();
        let held = Held { under_way: requests.begin(), stopping: stops.clone() };
        async move {
            let response = routes::answer(&server, request, held).await;
            match response.extensions().get::<Silence>() {
                None => Ok(response),
                Some(_) => Err(std::io::Error::other("the sender is to send again")),
            }
        }
    });
    let mut connection = pin!(builder.serve_connection(TokioIo::new(stream), answer));
    let mut patience = pin!(tokio::time::sleep(IDLE_TIMEOUT));
    let mut seen = requests.begun();
    let mut told_to_stop = false;
    loop {
        tokio::select! {
            ended = connection.as_mut() => {
                if let Err(error) = ended {
                    tracing::debug!(%error, "a connection ended early");
                }
                return;
            }
            _ = stopping.changed(), if !told_to_stop => {
                told_to_stop = true;
                connection.as_mut().graceful_shutdown();
                patience.as_mut().reset(Instant::now() + LAST_WORDS);
            }
            () = patience.as_mut() => {
                let begun = requests.begun();
                if requests.under_way() == 0 && (told_to_stop || begun == seen) {
                    return;
                }
                seen = begun;
                let more = if told_to_stop { LAST_WORDS } else { IDLE_TIMEOUT };
                patience.as_mut().reset(Instant::now() + more);
            }
        }
    }
}

/// The requests of one connection.
#[derive(Default)]
struct Requests {
    begun: AtomicUsize,
    under_way: AtomicUsize,
}

/// A request that is being answered.
pub(super) struct UnderWay(Arc<Requests>);

/// What is held of a connection while a request is being answered.
pub(super) struct Held {
    /// As long as it is there, the connection is not idle.
    pub(super) under_way: UnderWay,
    /// Tells when the server stops.
    pub(super) stopping: watch::Receiver<()>,
}

impl Requests {
    fn begin(self: &Arc<Self>) -> UnderWay {
        self.begun.fetch_add(1, Ordering::Relaxed);
        self.under_way.fetch_add(1, Ordering::Relaxed);
        UnderWay(self.clone())
    }

    fn begun(&self) -> usize {
        self.begun.load(Ordering::Relaxed)
    }

    fn under_way(&self) -> usize {
        self.under_way.load(Ordering::Relaxed)
    }
}

impl Drop for UnderWay {
    fn drop(&mut self) {
        self.0.under_way.fetch_sub(1, Ordering::Relaxed);
    }
}
