//! This very test program again, as another process that can be killed, or that may not write.

use std::io::{BufRead, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};

/// Tells a child which folder it is to use.
const FOLDER: &str = "WHOWAS_TEST_FOLDER";

/// The folder, in a child.
#[expect(clippy::disallowed_methods, reason = "how a test talks to itself in another process")]
pub(super) fn folder() -> Option<PathBuf> {
    std::env::var_os(FOLDER).map(PathBuf::from)
}

/// Runs one test of this folder, by its path from here, in a child that uses `folder`, under `sh`
/// after `first`.
pub(super) fn spawn(test: &str, folder: &Path, first: &str) -> Child {
    let program = std::env::current_exe().expect("this program");
    let test = format!("embedded::tests::{test}");
    Command::new("sh")
        .args(["-c", &format!("{first} exec \"$0\" \"$@\"")])
        .arg(program)
        .args(["--exact", &test, "--nocapture", "--test-threads=1"])
        .env(FOLDER, folder)
        .stdout(Stdio::piped())
        .spawn()
        .expect("a child")
}

/// What the child says, line by line.
pub(super) fn said(child: &mut Child) -> impl Iterator<Item = String> + use<> {
    let stdout = BufReader::new(child.stdout.take().expect("its output"));
    stdout.lines().map(|line| line.expect("a line"))
}

/// What a line says behind a word. The first line stands behind what the harness says.
pub(super) fn behind(word: &str, line: &str) -> Option<String> {
    line.split_once(word).map(|(_, what)| what.trim().to_owned())
}
