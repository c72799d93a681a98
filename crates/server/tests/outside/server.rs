//! Starts the binary and ends it.

use std::io::{BufRead, BufReader, Read};
use std::net::SocketAddr;
use std::path::Path;
use std::process::{Child, ChildStderr, Command, ExitStatus, Stdio};

/// A running server, killed when dropped.
pub(crate) struct Server {
    child: Child,
    stderr: BufReader<ChildStderr>,
    pub(crate) address: SocketAddr,
}

/// A command that runs the binary, with nothing of the environment's that could configure it.
pub(crate) fn whowas(args: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_whowas"));
    command.env_clear().args(args).stdin(Stdio::null());
    command
}

impl Server {
    /// Starts the demo on a free port with this data folder, and waits until it listens.
    pub(crate) fn demo(data: &Path, more: &[(&str, &str)]) -> Self {
        let data = data.to_str().expect("the folder's name is text");
        let mut command = whowas(&["serve", "--demo", "--listen", "127.0.0.1:0", "--data", data]);
        command.envs(more.iter().copied());
        Self::start(command)
    }

    /// The same, and nobody reads what it says on standard output.
    pub(crate) fn unread(data: &Path) -> Self {
        let data = data.to_str().expect("the folder's name is text");
        let mut command = whowas(&["serve", "--demo", "--listen", "127.0.0.1:0", "--data", data]);
        let (nobody, unread) = std::io::pipe().expect("a pipe");
        drop(nobody);
        Self::start_saying(command.stdout(unread))
    }

    /// The same without the vendors' limits.
    pub(crate) fn unlimited(data: &Path) -> Self {
        Self::demo(data, &[("WHOWAS_LIMITS", "off")])
    }

    /// The same at the address of one that is gone.
    pub(crate) fn again(data: &Path, address: SocketAddr) -> Self {
        let (data, address) = (data.to_str().expect("text"), address.to_string());
        let mut command = whowas(&["serve", "--demo", "--listen", &address, "--data", data]);
        command.env("WHOWAS_LIMITS", "off");
        Self::start(command)
    }

    /// The same with a config instead of the demo's.
    pub(crate) fn configured(data: &Path, config: &Path) -> Self {
        let path = |path: &Path| path.to_str().expect("the path is text").to_owned();
        let (data, config) = (path(data), path(config));
        let config = ["serve", "--config", &config, "--listen", "127.0.0.1:0", "--data", &data];
        Self::start(whowas(&config))
    }

    pub(crate) fn start(mut command: Command) -> Self {
        Self::start_saying(command.stdout(Stdio::null()))
    }

    fn start_saying(command: &mut Command) -> Self {
        let mut child = command.stderr(Stdio::piped()).spawn().expect("the binary starts");
        let mut stderr = BufReader::new(child.stderr.take().expect("standard error is piped"));
        let mut said = String::new();
        let address = loop {
            let from = said.len();
            let read = stderr.read_line(&mut said).expect("standard error is text");
            assert!(read > 0, "it ended before it listened, and said:\n{said}");
            let told = said[from..].trim().strip_prefix("listening on http");
            let told = told.and_then(|it| it.trim_start_matches('s').strip_prefix("://"));
            if let Some(address) = told {
                break address.parse().expect("an address");
            }
        };
        Self { child, stderr, address }
    }

    /// The largest amount of memory that it ever held, in MiB.
    pub(crate) fn memory_peak_mib(&self) -> u64 {
        let path = format!("/proc/{}/status", self.child.id());
        let status = std::fs::read_to_string(path).expect("the process runs");
        let peak = status.lines().find_map(|line| line.strip_prefix("VmHWM:"));
        let kib = peak.and_then(|it| it.trim().strip_suffix(" kB")).expect("a figure");
        kib.trim().parse::<u64>().expect("a number") / 1024
    }

    /// Sends a signal by its name and waits for the end; tells the status and what else was said.
    pub(crate) fn end(mut self, signal: &str) -> (ExitStatus, String) {
        let id = self.child.id().to_string();
        let killed = Command::new("kill").args(["-s", signal, &id]).status().expect("kill runs");
        assert!(killed.success());
        let mut said = String::new();
        self.stderr.read_to_string(&mut said).expect("standard error is text");
        (self.child.wait().expect("it ends"), said)
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        // Already gone, if a test has ended it.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
