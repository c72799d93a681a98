//! What this machine can do at best: the parts that a request is made of, each alone and in a loop.
//!
//! One core and nothing else under way, so no request can cost less than the sum of its parts. The
//! libraries for hashes and checksums are those of the server.

use std::{
    fs::{File, OpenOptions},
    hint::black_box,
    io::{Read, Write},
    net::{Ipv4Addr, TcpListener, TcpStream},
    os::unix::fs::FileExt,
    path::{Path, PathBuf},
    sync::mpsc,
    time::{Duration, Instant},
};

use clap::Args;
use hmac::{Hmac, KeyInit, Mac};
use sha2::{Digest, Sha256};

#[derive(Args)]
pub(crate) struct LimitsArgs {
    /// A folder on the disk that is meant
    #[arg(long)]
    folder: PathBuf,
}

/// The middle of so many stretches is told, so that one disturbance does not count.
const STRETCHES: usize = 7;
const STRETCH: Duration = Duration::from_millis(60);
const KIB: usize = 1 << 10;
const MIB: usize = 1 << 20;

pub(crate) fn measure(args: &LimitsArgs) -> anyhow::Result<()> {
    processor();
    memory();
    round_trips()?;
    disk(&args.folder)
}

/// `name`, the number, its unit, and what it is, with tabs between.
fn tell(name: &str, value: f64, unit: &str, what: &str) {
    println!("{name}\t{value:.4}\t{unit}\t{what}");
}

/// How many nanoseconds one call takes.
fn each_ns(mut work: impl FnMut()) -> f64 {
    let mut stretches: Vec<f64> = (0..STRETCHES)
        .map(|_| {
            let (began, mut calls) = (Instant::now(), 0_u32);
            // Reading the clock must not be what is measured.
            while began.elapsed() < STRETCH {
                (0..16).for_each(|_| work());
                calls += 16;
            }
            began.elapsed().as_nanos() as f64 / f64::from(calls)
        })
        .collect();
    stretches.sort_by(f64::total_cmp);
    stretches[STRETCHES / 2]
}

fn processor() {
    let syscall = each_ns(|| {
        black_box(std::os::unix::process::parent_id());
    });
    tell("syscall", syscall, "ns", "the smallest system call (getppid)");
    let clock = each_ns(|| {
        black_box(Instant::now());
    });
    tell("clock", clock, "ns", "reading the clock");
    let bytes = vec![7_u8; 4 * KIB];
    for (name, len, what) in [
        ("sha256-64", 64, "SHA-256 of 64 bytes"),
        ("sha256-1k", KIB, "SHA-256 of 1 KiB"),
        ("sha256-4k", 4 * KIB, "SHA-256 of 4 KiB"),
    ] {
        let hash = each_ns(|| {
            black_box(Sha256::digest(black_box(&bytes[..len])));
        });
        tell(name, hash, "ns", what);
    }
    let hmac = each_ns(|| {
        let mut mac = Hmac::<Sha256>::new_from_slice(black_box(&bytes[..32]))
            .expect("HMAC takes a key of any length");
        mac.update(&bytes[..128]);
        black_box(mac.finalize());
    });
    tell("hmac", hmac, "ns", "HMAC-SHA256 of 128 bytes under a key of 32");
    for (name, len, what) in
        [("crc-200", 200, "CRC-32 of 200 bytes"), ("crc-4k", 4 * KIB, "CRC-32 of 4 KiB")]
    {
        let crc = each_ns(|| {
            black_box(crc32fast::hash(black_box(&bytes[..len])));
        });
        tell(name, crc, "ns", what);
    }
}

fn memory() {
    let (from, mut to) = (vec![1_u8; 64 * MIB], vec![0_u8; 64 * MIB]);
    let mut copy = |len: usize| {
        each_ns(|| {
            to[..len].copy_from_slice(black_box(&from[..len]));
            black_box(&mut to);
        })
    };
    tell("memcpy-10k", copy(10 * KIB), "ns", "copying 10 KiB that are near");
    tell("memcpy-far", 64.0 * MIB as f64 / copy(64 * MIB), "GB/s", "copying 64 MiB");
    for (name, lines, what) in [
        ("memory-near", 8 * KIB, "one dependent read in 512 KiB"),
        ("memory-far", 8 * MIB, "one dependent read in 512 MiB: a cache line from memory"),
    ] {
        let next = cycle(lines);
        let mut at = 0_usize;
        let read = each_ns(|| at = next[at * CACHE_LINE] as usize);
        black_box(at);
        tell(name, read, "ns", what);
    }
}

/// In numbers of 4 bytes.
const CACHE_LINE: usize = 16;

/// A walk through all cache lines in random order that ends where it began: each line's first
/// number is the next line.
fn cycle(lines: usize) -> Vec<u32> {
    let mut random = fastrand::Rng::with_seed(1);
    let mut order = Vec::from_iter(0..lines as u32);
    random.shuffle(&mut order);
    let mut next = vec![0; lines * CACHE_LINE];
    for (place, line) in order.iter().enumerate() {
        next[*line as usize * CACHE_LINE] = order[(place + 1) % lines];
    }
    next
}

fn round_trips() -> anyhow::Result<()> {
    let (to, from_us) = mpsc::channel::<()>();
    let (back, from_other) = mpsc::channel::<()>();
    std::thread::spawn(move || from_us.into_iter().try_for_each(|()| back.send(())));
    let there_and_back = each_ns(|| {
        to.send(()).expect("the other thread lives as long as we send");
        from_other.recv().expect("it answers what it is sent");
    });
    tell("handover", there_and_back / 2.0, "ns", "waking another thread and being run there");
    for (name, ask, answer, what) in [
        ("loopback-1", 1, 1, "a byte to another thread over loopback TCP and one back"),
        ("loopback-get", 1_100, 9_500, "1.1 kB there and 9.5 kB back, as in BatchGetUser"),
    ] {
        tell(name, loopback(ask, answer)? / 1e3, "µs", what);
    }
    Ok(())
}

fn loopback(ask_len: usize, answer_len: usize) -> anyhow::Result<f64> {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0))?;
    let mut stream = TcpStream::connect(listener.local_addr()?)?;
    let (mut other, _) = listener.accept()?;
    stream.set_nodelay(true)?;
    other.set_nodelay(true)?;
    std::thread::spawn(move || -> std::io::Result<()> {
        let (mut ask, answer) = (vec![0; ask_len], vec![0; answer_len]);
        loop {
            other.read_exact(&mut ask)?;
            other.write_all(&answer)?;
        }
    });
    let (ask, mut answer) = (vec![0; ask_len], vec![0; answer_len]);
    Ok(each_ns(|| {
        stream.write_all(&ask).expect("the other end is open");
        stream.read_exact(&mut answer).expect("the other end answers");
    }))
}

/// Of each kind of write.
const SYNCS: usize = 41;

fn disk(folder: &Path) -> anyhow::Result<()> {
    let path = folder.join("limits-probe");
    let file = OpenOptions::new().read(true).write(true).create(true).truncate(true).open(&path)?;
    let measured = writes(&file);
    drop(file);
    std::fs::remove_file(&path)?;
    measured
}

fn writes(file: &File) -> anyhow::Result<()> {
    let bytes = vec![7_u8; MIB];
    for place in 0..64 {
        file.write_all_at(&bytes, place * MIB as u64)?;
    }
    file.sync_all()?;
    let mut random = fastrand::Rng::with_seed(1);
    let mut page = vec![0; 4 * KIB];
    let read = each_ns(|| {
        let at = random.u64(0..64 * 256) * 4_096;
        file.read_exact_at(&mut page, at).expect("it was written");
    });
    tell("pread-4k", read, "ns", "reading 4 KiB that the kernel has");
    let mut sync = |len: usize, pieces: usize| -> anyhow::Result<f64> {
        let mut took = Vec::new();
        for _ in 0..SYNCS {
            let began = Instant::now();
            for _ in 0..pieces {
                let at = random.u64(0..(64 * MIB / len) as u64) * len as u64;
                file.write_all_at(&bytes[..len], at)?;
            }
            file.sync_data()?;
            took.push(began.elapsed().as_secs_f64() * 1e6);
        }
        took.sort_by(f64::total_cmp);
        Ok(took[SYNCS / 2])
    };
    tell("sync-4k", sync(4 * KIB, 1)?, "µs", "4 KiB written over and made durable");
    tell("sync-256", sync(4 * KIB, 256)?, "µs", "256 pages of 4 KiB here and there, made durable");
    tell("sync-1m", sync(MIB, 1)?, "µs", "1 MiB in one piece, made durable");
    Ok(())
}
