//! The same events to PostgreSQL, over its socket: batches as arrays, bound to prepared statements.
//!
//! `pgbench` cannot send what it has not made up itself. Here everything is made before the first
//! batch is sent, as for whowas, and what is sent are the same facts. A batch's statements are one
//! transaction: the server commits at the Sync behind them.

use std::{
    fmt::Write,
    ops::Range,
    path::{Path, PathBuf},
    time::{Duration, Instant},
};

use anyhow::{Context, bail, ensure};
use bytes::{Buf, BufMut, BytesMut};
use clap::Args;
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::UnixStream,
    task::LocalSet,
};
use whowas_data::{
    batches,
    happenings::{self, Deed, Happening},
};

use crate::{drive::Report, fill::StaysArgs, runtime, server};

#[derive(Args)]
pub(crate) struct PostgresArgs {
    #[command(flatten)]
    stays: StaysArgs,
    /// The server's socket, the file itself
    #[arg(long)]
    socket: PathBuf,
    #[arg(long)]
    database: String,
    /// Run for each batch in this order; `$1` to `$11` are arrays: kind, time, call, id, room,
    /// participant, connection, and what is told of the client: OS, device, SDK, network
    #[arg(long, required = true)]
    statement: Vec<String>,
    #[arg(long, default_value_t = 64)]
    connections: usize,
    #[arg(long, default_value_t = 10.0)]
    seconds: f64,
    #[arg(long, default_value_t = 1.0)]
    warm_up: f64,
    #[arg(long, default_value_t = 1)]
    seed: u64,
    /// Events in one transaction
    #[arg(long, default_value_t = 100)]
    batch: usize,
}

const ARRAYS: usize = 11;

/// Requests that are ready to be sent, and how many events each holds.
type Requests = Vec<(Vec<u8>, u32)>;

pub(crate) fn measure(args: &PostgresArgs) -> anyhow::Result<()> {
    ensure!(args.batch > 0, "--batch is at least 1");
    let happenings = happenings::happenings(args.stays.plan(args.seed));
    // Each connection is one sender: no two transactions ever want the same rows.
    let mut requests: Vec<Requests> = vec![vec![]; args.connections];
    for batch in batches::batches(happenings, args.connections, args.batch) {
        let events = u32::try_from(batch.happenings.len())?;
        let request = request(&args.statement, &batch.happenings);
        requests[batch.sender].push((request, events));
    }
    eprintln!("sending");
    let report = LocalSet::new().block_on(&runtime()?, run(args, requests))?;
    println!("{report}");
    Ok(())
}

async fn run(args: &PostgresArgs, requests: Vec<Requests>) -> anyhow::Result<Report> {
    let mut streams = vec![];
    for _ in 0..args.connections {
        streams.push(connect(&args.socket, &args.database, &args.statement).await?);
    }
    let measured_from = Instant::now() + Duration::try_from_secs_f64(args.warm_up)?;
    let until = measured_from + Duration::try_from_secs_f64(args.seconds)?;
    let tasks: Vec<_> = streams
        .into_iter()
        .zip(requests)
        .map(|(stream, own)| {
            tokio::task::spawn_local(connection(stream, own, measured_from..until))
        })
        .collect();
    let mut report = Report::new(until - measured_from)?;
    tokio::time::sleep_until(measured_from.into()).await;
    let before_s = server::cpu_s(std::process::id())?;
    for task in tasks {
        report.add(task.await.context("a connection panicked")??)?;
    }
    report.computed(server::cpu_s(std::process::id())? - before_s, None);
    Ok(report)
}

async fn connection(
    mut stream: Connection,
    requests: Requests,
    measured: Range<Instant>,
) -> anyhow::Result<Report> {
    let mut report = Report::new(Duration::ZERO)?;
    for (request, events) in requests {
        let sent = Instant::now();
        stream.socket.write_all(&request).await.context("sending a batch")?;
        stream.until_ready().await?;
        let now = Instant::now();
        if now >= measured.end {
            return Ok(report);
        }
        if now >= measured.start {
            report.count(u64::try_from((now - sent).as_micros())?, events.into());
        }
    }
    bail!("there were too few events for that long");
}

/// A connection of PostgreSQL's protocol, version 3.
struct Connection {
    socket: UnixStream,
    unread: BytesMut,
}

async fn connect(
    socket: &Path,
    database: &str,
    statements: &[String],
) -> anyhow::Result<Connection> {
    let stream = UnixStream::connect(socket).await.context("no server at the socket")?;
    let mut connection = Connection { socket: stream, unread: BytesMut::new() };
    let mut startup = BytesMut::new();
    startup.put_i32(196_608);
    for text in ["user", "postgres", "database", database, ""] {
        startup.put_slice(text.as_bytes());
        startup.put_u8(0);
    }
    let mut bytes = BytesMut::new();
    bytes.put_i32(i32::try_from(startup.len() + 4)?);
    bytes.extend_from_slice(&startup);
    connection.socket.write_all(&bytes).await?;
    connection.until_ready().await?;
    let mut bytes = Vec::new();
    for (number, statement) in statements.iter().enumerate() {
        let parse = format!("s{number}\0{statement}\0\0\0");
        put_message(&mut bytes, b'P', parse.as_bytes());
    }
    put_message(&mut bytes, b'S', b"");
    connection.socket.write_all(&bytes).await?;
    connection.until_ready().await?;
    Ok(connection)
}

impl Connection {
    /// Reads until the server waits for us again; whatever it refused is an error.
    async fn until_ready(&mut self) -> anyhow::Result<()> {
        let mut refused = None;
        loop {
            while self.unread.len() < 5 || self.unread.len() < 1 + self.message_len() {
                let read = self.socket.read_buf(&mut self.unread).await?;
                ensure!(read > 0, "the server closed the connection");
            }
            let kind = self.unread[0];
            let len = self.message_len();
            let message = self.unread.split_to(1 + len);
            match kind {
                b'E' => refused = Some(String::from_utf8_lossy(&message[5..]).replace('\0', " ")),
                b'Z' => match refused {
                    Some(refused) => bail!("{refused}"),
                    None => return Ok(()),
                },
                _ => {}
            }
        }
    }

    /// That of the first unread message, its kind not counted.
    fn message_len(&self) -> usize {
        (&self.unread[1..5]).get_u32() as usize
    }
}

fn put_message(bytes: &mut Vec<u8>, kind: u8, body: &[u8]) {
    bytes.put_u8(kind);
    bytes.put_u32(u32::try_from(body.len() + 4).expect("a batch is far smaller"));
    bytes.put_slice(body);
}

/// One transaction: each statement bound and run, then a Sync.
fn request(statements: &[String], happenings: &[Happening]) -> Vec<u8> {
    let arrays = arrays(happenings);
    let mut bytes = Vec::new();
    for (number, statement) in statements.iter().enumerate() {
        let used = (1..=ARRAYS).rev().find(|it| statement.contains(&format!("${it}:")));
        let used = &arrays[..used.unwrap_or(0)];
        let mut bind = format!("\0s{number}\0\0\0").into_bytes();
        bind.put_u16(used.len() as u16);
        for array in used {
            bind.put_u32(u32::try_from(array.len()).expect("a batch is far smaller"));
            bind.put_slice(array.as_bytes());
        }
        bind.put_u16(0);
        put_message(&mut bytes, b'B', &bind);
        put_message(&mut bytes, b'E', b"\0\0\0\0\0");
    }
    put_message(&mut bytes, b'S', b"");
    bytes
}

/// The columns of a batch as literals of arrays.
fn arrays(happenings: &[Happening]) -> [String; ARRAYS] {
    let mut arrays: [String; ARRAYS] = std::array::from_fn(|_| String::from("{"));
    for it in happenings {
        let (kind, person) = match &it.deed {
            Deed::Joined(person) => ("joined", Some(person)),
            Deed::Published(person) => ("published", Some(person)),
            Deed::Left(person) => ("left", Some(person)),
            Deed::Finished => ("finished", None),
        };
        let client = person.filter(|_| kind == "joined").map(|person| person.client);
        let id = format!("{}-{}", it.of.seed, it.number);
        let time = it.time().to_string();
        let columns = [
            Some(kind),
            Some(&time),
            Some(&it.of.call),
            Some(&id),
            Some(&it.of.room),
            person.map(|it| it.participant.as_str()),
            person.map(|it| it.connection.as_str()),
            client.map(|it| it.os),
            client.map(|it| it.device),
            client.map(|it| it.sdk),
            client.map(|it| it.access),
        ];
        for (array, column) in arrays.iter_mut().zip(columns) {
            if array.len() > 1 {
                array.push(',');
            }
            // No name of ours needs more than quotes.
            match column {
                Some(text) => write!(array, "\"{text}\"").expect("a String takes everything"),
                None => array.push_str("NULL"),
            }
        }
    }
    arrays.map(|array| array + "}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_statement_is_bound_to_as_many_arrays_as_it_names() {
        let statements = ["SELECT $1::text[], $3::text[]".to_owned()];
        let bytes = request(&statements, &[]);
        // Three empty arrays, their number and their lengths before them; then Execute and Sync.
        let bind = b"B\0\0\0\x20\0s0\0\0\0\0\x03\0\0\0\x02{}\0\0\0\x02{}\0\0\0\x02{}\0\0";
        assert_eq!(bytes, [&bind[..], b"E\0\0\0\x09\0\0\0\0\0", b"S\0\0\0\x04"].concat());
    }
}
