//! What the measured server tells of itself: its counters, and the time that it has computed.

use std::net::SocketAddr;

use anyhow::{Context, ensure};
use bytes::BytesMut;
use tokio::{io::AsyncWriteExt, net::TcpStream};

use crate::answer;

/// A counter of `/metrics`: the sum of those that have all of these labels.
pub(crate) async fn counter(addr: SocketAddr, name: &str, labels: &[&str]) -> anyhow::Result<u64> {
    let mut stream = TcpStream::connect(addr).await.with_context(|| format!("no one at {addr}"))?;
    let request = format!("GET /metrics HTTP/1.1\r\nHost: {addr}\r\n\r\n");
    stream.write_all(request.as_bytes()).await?;
    let answer = answer::read(&mut stream, &mut BytesMut::new()).await?;
    ensure!(answer.status == 200, "/metrics answers {}", answer.status);
    sum(std::str::from_utf8(&answer.body)?, name, labels)
}

fn sum(metrics: &str, name: &str, labels: &[&str]) -> anyhow::Result<u64> {
    let rest = metrics.lines().filter_map(|line| line.strip_prefix(name));
    let labelled = rest.filter_map(|rest| rest.strip_prefix('{')?.rsplit_once("} "));
    let of_these = labelled.filter(|(theirs, _)| labels.iter().all(|label| theirs.contains(label)));
    of_these.map(|(_, value)| value.parse::<u64>().with_context(|| format!("{name} {value}"))).sum()
}

/// Seconds of processor time that a process has used, of all its threads.
pub(crate) fn cpu_s(pid: u32) -> anyhow::Result<f64> {
    /// `sysconf(_SC_CLK_TCK)`, which is this on every Linux.
    const TICKS_PER_S: f64 = 100.0;
    let stat = std::fs::read_to_string(format!("/proc/{pid}/stat")).context("/proc")?;
    // The name may hold anything; behind it are numbers only, the 14th and 15th fields among them.
    let (_, rest) = stat.rsplit_once(") ").context("a stat without a name")?;
    let fields: Vec<&str> = rest.split(' ').collect();
    let ticks = |at: usize| fields.get(at).and_then(|it| it.parse::<f64>().ok());
    let (user, system) = ticks(11).zip(ticks(12)).context("a stat without times")?;
    Ok((user + system) / TICKS_PER_S)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn adds_up_what_has_the_labels() {
        let metrics = "# TYPE n counter\nn{a=\"x\",b=\"1\"} 3\nn{a=\"x\",b=\"2\"} 4\n\
                       n{a=\"y\",b=\"1\"} 5\nnn{a=\"x\"} 9\n";
        let sum = |labels: &[&str]| sum(metrics, "n", labels).expect("counters");
        assert_eq!(sum(&["a=\"x\""]), 7);
        assert_eq!(sum(&["b=\"1\"", "a=\"y\""]), 5);
        assert_eq!(sum(&["a=\"z\""]), 0);
    }

    #[test]
    fn a_process_that_runs_has_used_time() {
        let before = cpu_s(std::process::id()).expect("this process");
        assert!(before >= 0.0);
        assert!(cpu_s(u32::MAX).is_err());
    }
}
