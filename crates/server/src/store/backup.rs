//! `whowas store backup` and `restore`: all of an embedded store in one file, and back.
//!
//! The copy is LMDB's, made beside the server; here it is only given a name, which a file has when
//! it is whole and on the disk, and not before.

use std::fs::{self, File, OpenOptions};
use std::io::{self, BufWriter, Read, Write};
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use anyhow::{Context as _, ensure};
use domain::clock::{Clock as _, SystemClock};
use indicatif::HumanBytes;
use serde_json::json;
use stores::embedded;
use tokio::signal::unix::{SignalKind, signal};
use tokio::task::spawn_blocking;

use crate::cli::{BackupArgs, RestoreArgs};
use crate::command::{Ending, Failure, tell};
use crate::config;
use crate::note;

/// How often it is told how far it has come.
const TELL_EVERY: Duration = Duration::from_secs(5);

/// What names standard output, and standard input.
const STANDARD: &str = "-";

/// Where a backup goes.
#[derive(Clone, Debug, PartialEq, Eq)]
enum Target {
    Output,
    File(PathBuf),
}

impl Target {
    /// In a folder a backup has a name that tells its time.
    fn of(path: &Path, now_unix_s: i64) -> anyhow::Result<Self> {
        if path == Path::new(STANDARD) {
            return Ok(Self::Output);
        }
        let path = match path.is_dir() {
            false => path.to_owned(),
            true => {
                let now = jiff::Timestamp::from_second(now_unix_s).context("the clock is wrong")?;
                path.join(format!("whowas-{}.backup", now.strftime("%Y%m%dT%H%M%SZ")))
            }
        };
        ensure!(!path.exists(), "there is a {} already: take another name", path.display());
        Ok(Self::File(path))
    }
}

pub(super) async fn back_up(args: &BackupArgs) -> Result<Ending, Failure> {
    let folder = config::data_folder(&args.store)?;
    let target = Target::of(&args.target, SystemClock.now_unix_s())?;
    if target == Target::Output && args.json {
        let reason = "--json: standard output is taken by the backup itself; leave one of both out";
        return Err(Failure::Usage(reason.to_owned()));
    }
    let began = Instant::now();
    let partial = partial_of(&target);
    let work = {
        let target = target.clone();
        spawn_blocking(move || write(&folder, &target))
    };
    let Some(len) = until_interrupted(work).await? else {
        if let Some(partial) = &partial {
            let _ = fs::remove_file(partial);
        }
        note("whowas: interrupted. There is no backup.");
        return Ok(Ending::Interrupted);
    };
    let name = match &target {
        Target::Output => "standard output".to_owned(),
        Target::File(path) => path.display().to_string(),
    };
    let took = began.elapsed().as_secs_f64();
    let said = match args.json {
        true => format!("{}\n", json!({ "backup": name, "bytes": len, "seconds": took })),
        false => format!("Backed up to {name}: {} in {took:.1} s.\n", HumanBytes(len)),
    };
    match target {
        Target::Output => note(said.trim_end()),
        Target::File(_) => tell(&said)?,
    }
    Ok(Ending::Done)
}

/// The name that a backup has until it is whole.
fn partial_of(target: &Target) -> Option<PathBuf> {
    let Target::File(path) = target else { return None };
    let mut name = path.clone().into_os_string();
    name.push(".partial");
    Some(name.into())
}

fn write(folder: &Path, target: &Target) -> anyhow::Result<u64> {
    let options = embedded::Options::new(folder);
    let mut progress = Progress::start("backed up");
    let mut progress = |bytes| progress.show(bytes);
    let (Some(partial), Target::File(path)) = (partial_of(target), target) else {
        let mut out = io::stdout().lock();
        return Ok(embedded::back_up(&options, &mut out, &mut progress)?);
    };
    let mut open = OpenOptions::new();
    // It holds everybody's names.
    std::os::unix::fs::OpenOptionsExt::mode(&mut open, 0o600);
    let file = open.write(true).create(true).truncate(true).open(&partial);
    let mut file = file.with_context(|| format!("{} cannot be made", partial.display()))?;
    let written = embedded::back_up(&options, &mut file, &mut progress)
        .map_err(anyhow::Error::new)
        .and_then(|len| {
            file.sync_all().context("the backup cannot be brought to the disk")?;
            fs::rename(&partial, path).context("the backup cannot be given its name")?;
            sync_parent(path).context("the backup's name cannot be brought to the disk")?;
            Ok(len)
        });
    if written.is_err() {
        let _ = fs::remove_file(&partial);
    }
    written
}

fn sync_parent(path: &Path) -> io::Result<()> {
    let parent = path.parent().filter(|parent| !parent.as_os_str().is_empty());
    File::open(parent.unwrap_or(Path::new(".")))?.sync_all()
}

pub(super) async fn restore(args: &RestoreArgs) -> Result<Ending, Failure> {
    let folder = config::data_folder(&args.store)?;
    let began = Instant::now();
    let work = {
        let (from, folder) = (args.from.clone(), folder.clone());
        spawn_blocking(move || read(&from, &folder))
    };
    let Some(len) = until_interrupted(work).await? else {
        note("whowas: interrupted. There is no store in the folder; restore the backup again.");
        return Ok(Ending::Interrupted);
    };
    let took = began.elapsed().as_secs_f64();
    let folder = folder.display();
    tell(&match args.json {
        true => {
            let told = json!({ "data": folder.to_string(), "bytes": len, "seconds": took });
            format!("{told}\n")
        }
        false => format!("Restored into {folder}: {} in {took:.1} s.\n", HumanBytes(len)),
    })?;
    Ok(Ending::Done)
}

fn read(from: &Path, folder: &Path) -> anyhow::Result<u64> {
    let mut progress = Progress::start("restored");
    let mut progress = |bytes| progress.show(bytes);
    let mut from: Box<dyn Read> = match from == Path::new(STANDARD) {
        true => Box::new(io::stdin().lock()),
        false => {
            let file = File::open(from);
            Box::new(file.with_context(|| format!("{} cannot be read", from.display()))?)
        }
    };
    let restored = embedded::restore(&mut from, folder, &mut progress);
    restored.with_context(|| format!("nothing was restored into {}", folder.display()))
}

/// What the work comes to; `None` if somebody wants it to end before.
async fn until_interrupted<T>(
    work: tokio::task::JoinHandle<anyhow::Result<T>>,
) -> Result<Option<T>, Failure> {
    let mut terminate = signal(SignalKind::terminate()).map_err(anyhow::Error::new)?;
    let mut interrupt = signal(SignalKind::interrupt()).map_err(anyhow::Error::new)?;
    tokio::select! {
        done = work => Ok(Some(done.map_err(anyhow::Error::new)??)),
        _ = terminate.recv() => Ok(None),
        _ = interrupt.recv() => Ok(None),
    }
}

/// Tells now and then how much there is.
struct Progress {
    what: &'static str,
    began: Instant,
    told: Instant,
}

impl Progress {
    fn start(what: &'static str) -> Self {
        Self { what, began: Instant::now(), told: Instant::now() }
    }

    fn show(&mut self, bytes: u64) {
        if self.told.elapsed() < TELL_EVERY {
            return;
        }
        self.told = Instant::now();
        #[expect(clippy::cast_precision_loss, reason = "a rate, for people")]
        let rate = bytes as f64 / self.began.elapsed().as_secs_f64();
        let mut line = BufWriter::new(io::stderr().lock());
        let so_far = HumanBytes(bytes);
        let _ = writeln!(line, "{}: {so_far}, {:.0} MiB/s", self.what, rate / 1024.0 / 1024.0);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_backup_in_a_folder_is_called_by_its_time_and_none_is_written_over() {
        let folder = tempfile::tempdir().unwrap();
        let dated = folder.path().join("whowas-20261120T120000Z.backup");
        let of = |path: &Path| Target::of(path, 1_795_176_000).map_err(|it| it.to_string());
        assert_eq!(of(folder.path()), Ok(Target::File(dated.clone())));
        let named = folder.path().join("monday");
        assert_eq!(of(&named), Ok(Target::File(named.clone())));
        assert_eq!(of(Path::new("-")), Ok(Target::Output));
        fs::write(&dated, "").unwrap();
        let refused = format!("there is a {} already: take another name", dated.display());
        assert_eq!(of(folder.path()), Err(refused.clone()));
        assert_eq!(of(&dated), Err(refused));
    }
}
