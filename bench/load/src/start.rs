//! How long a program takes to be ready, how much memory it rests in, and whether it stops cleanly.

use std::{
    io::{BufRead, BufReader, Read, Write},
    net::{SocketAddr, TcpStream},
    process::{Child, ChildStderr, Command, Stdio},
    time::{Duration, Instant},
};

use anyhow::{Context, ensure};

const READY: &[u8] = b"GET /health/ready HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n";
/// Of the line on standard error that says that the program listens.
const LISTENING: &str = "listening on http://";
const REST: Duration = Duration::from_secs(2);
const READY_TRIES_MAX: usize = 10_000;

/// Starts a program, waits until it is ready, lets it rest, and stops it; prints one line.
pub(crate) fn measure(command: &[String]) -> anyhow::Result<()> {
    let (program, arguments) = command.split_first().context("no command was given")?;
    let began = Instant::now();
    let mut child = Command::new(program)
        .args(arguments)
        .stderr(Stdio::piped())
        .spawn()
        .with_context(|| format!("{program} did not start"))?;
    let measured = observe(&mut child, began);
    // It must not be left behind, whatever went wrong.
    let _ = child.kill();
    let _ = child.wait();
    println!("{}", measured?);
    Ok(())
}

fn observe(child: &mut Child, began: Instant) -> anyhow::Result<String> {
    let stderr = child.stderr.take().context("standard error is a pipe")?;
    let (addr, unread) = wait_for_line(stderr)?;
    let listening = began.elapsed();
    wait_for_ready(addr)?;
    let ready = began.elapsed();
    // What the program says later must not fill the pipe and stop it.
    std::thread::spawn(move || std::io::copy(&mut { unread }, &mut std::io::sink()));
    rest();
    let memory_kib = resident_kib(child.id())?;
    let stopping = Instant::now();
    let killed = Command::new("kill").arg(child.id().to_string()).status().context("kill")?;
    ensure!(killed.success(), "the program was gone already");
    let status = child.wait()?;
    Ok(format!(
        "listening_ms={:.1} ready_ms={:.1} memory_kib={memory_kib} stop_ms={:.1} stop_status={}",
        ms(listening),
        ms(ready),
        ms(stopping.elapsed()),
        status.code().map_or("signal".to_owned(), |code| code.to_string()),
    ))
}

fn wait_for_line(stderr: ChildStderr) -> anyhow::Result<(SocketAddr, BufReader<ChildStderr>)> {
    let mut lines = BufReader::new(stderr);
    let mut said = String::new();
    loop {
        let mut line = String::new();
        ensure!(lines.read_line(&mut line)? > 0, "it ended without listening:\n{said}");
        if let Some((_, rest)) = line.split_once(LISTENING) {
            let end = rest.find(|c: char| !c.is_ascii_hexdigit() && !".:[]".contains(c));
            let addr = rest[..end.unwrap_or(rest.len())].parse();
            return Ok((addr.with_context(|| format!("no address in: {line}"))?, lines));
        }
        said.push_str(&line);
    }
}

fn wait_for_ready(addr: SocketAddr) -> anyhow::Result<()> {
    for _ in 0..READY_TRIES_MAX {
        let mut stream = TcpStream::connect(addr).context("it listens and does not accept")?;
        stream.write_all(READY)?;
        let mut answer = Vec::new();
        stream.read_to_end(&mut answer)?;
        if answer.starts_with(b"HTTP/1.1 200 ") {
            return Ok(());
        }
    }
    anyhow::bail!("it listens and is not ready after {READY_TRIES_MAX} requests")
}

#[expect(clippy::disallowed_methods, reason = "memory at rest needs a rest; nothing else runs")]
fn rest() {
    std::thread::sleep(REST);
}

fn resident_kib(pid: u32) -> anyhow::Result<u64> {
    let status = std::fs::read_to_string(format!("/proc/{pid}/status")).context("/proc")?;
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:")).context("no VmRSS")?;
    let number = line.split_whitespace().next().context("an empty VmRSS")?;
    number.parse().context("VmRSS is no number")
}

fn ms(time: Duration) -> f64 {
    time.as_secs_f64() * 1_000.0
}
