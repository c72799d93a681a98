//! `whowas events load`: history, brought in.
//!
//! A thread cuts the file into batches ([`lines`]); a few of them are under way at a time, each
//! until the server has acknowledged it, however often it has to be sent. That they overtake each
//! other does not matter: the log is a function of the set of events. [`resume`] remembers up to
//! where everything is acknowledged, [`tally`] what became of it, [`progress`] shows it.

mod check;
mod lines;
mod progress;
mod rejects;
mod resume;
mod send;
mod tally;

use std::collections::BTreeMap;
use std::fs::File;
use std::io::{BufRead, BufReader, Seek as _, SeekFrom};
use std::os::unix::fs::MetadataExt as _;
use std::path::Path;
use std::time::Duration;

use anyhow::Context as _;
use tokio::signal::unix::{Signal, SignalKind, signal};
use tokio::sync::{mpsc, watch};
use tokio::task::JoinSet;

use self::lines::{Batch, Batches, Lines, Place};
use self::progress::Progress;
use self::rejects::Rejects;
use self::resume::{Aim, StateFile};
use self::send::{Sending, Sent};
use self::tally::Tally;
use super::{failed, target};
use crate::cli::LoadArgs;
use crate::command::{Ending, Failure, tell};
use crate::note;
use crate::remote::{Remote, Trouble};

/// How many batches are under way at a time: enough to keep the server's writer in groups.
const UNDER_WAY_MAX: usize = 4;
/// How many batches wait to be sent.
const WAITING_MAX: usize = 2;
/// How often it is written down how far the load has come.
const SAVE_EVERY: Duration = Duration::from_secs(1);
/// How often a line tells of it where there is no bar.
const TELL_EVERY: Duration = Duration::from_secs(5);
/// How much of the file is read at once, in bytes.
const BUFFER_BYTES: usize = 256 * 1024;

pub(super) async fn run(args: &LoadArgs) -> Result<Ending, Failure> {
    let mut input = Input::open(args)?;
    refuse_to_overwrite_the_input(args)?;
    if args.dry_run {
        return check::run(args, input);
    }
    let remote = Remote::new(target(&args.target)?)?;
    // Before anything is read: is there a server, and does it know the token?
    let app = remote.list(None, 1).await.map_err(failed)?.app;
    let aim = Aim { server: remote.server(), app };
    let state = input.file_bytes.map(|_| StateFile::new(args.state.clone(), &args.file, aim));
    let start = match (&state, args.resume) {
        (Some(state), resume) => begin(state, resume)?,
        (None, false) => Place::default(),
        (None, true) => {
            let reason = "only a file can be resumed: what comes from elsewhere is loaded from its \
                          beginning, where what is there already are duplicates";
            return Err(Failure::Usage(reason.to_owned()));
        }
    };
    if start != Place::default() {
        input.skip_to(start, &args.file)?;
    }
    let rejects = Rejects::open(args.rejects.as_deref(), start != Place::default())?;
    let progress = Progress::start(input.file_bytes.map(|all| all.saturating_sub(start.offset)));
    let batches = read(input, start, rejects.clone());
    let mut load = Load {
        tally: Tally::default(),
        progress,
        rejects,
        state,
        acknowledged: start,
        finished: BTreeMap::new(),
        next: 0,
        saved: start,
    };
    let retry_for = Duration::from_secs(args.retry_for);
    let ended = load.run(batches, remote, retry_for).await;
    load.end(args, ended)
}

/// Whatever is written must not be the history itself, whatever it is called there.
fn refuse_to_overwrite_the_input(args: &LoadArgs) -> Result<(), Failure> {
    for (flag, path) in [("--state", &args.state), ("--rejects", &args.rejects)] {
        if let Some(path) = path
            && is_same_file(path, &args.file)
        {
            let shown = path.display();
            let reason = format!("{flag}: {shown} is the input; name another file");
            return Err(Failure::Usage(reason));
        }
    }
    Ok(())
}

/// Whether both names lead to one file, by links of either kind too.
fn is_same_file(a: &Path, b: &Path) -> bool {
    let identity = |path: &Path| path.metadata().map(|of| (of.dev(), of.ino()));
    matches!((identity(a), identity(b)), (Ok(a), Ok(b)) if a == b)
}

/// Where to begin.
fn begin(state: &StateFile, resume: bool) -> Result<Place, Failure> {
    let shown = state.path().display();
    match (resume, state.path().exists()) {
        (false, false) => Ok(Place::default()),
        (false, true) => {
            note(&format!(
                "An earlier load of this file did not end ({shown}): --resume goes on there. \
                 Without it everything is sent again, which changes nothing."
            ));
            Ok(Place::default())
        }
        (true, false) => {
            note(&format!("No earlier load of this file is to be resumed: there is no {shown}."));
            Ok(Place::default())
        }
        (true, true) => {
            let place = state.find()?.unwrap_or_default();
            note(&format!("Going on behind line {}.", place.line));
            Ok(place)
        }
    }
}

/// Where lines come from.
struct Input {
    reader: Box<dyn BufRead + Send>,
    /// The file again, to move in it.
    file: Option<File>,
    /// How long the file is, if it is one.
    file_bytes: Option<u64>,
}

impl Input {
    fn open(args: &LoadArgs) -> Result<Self, Failure> {
        if args.file == Path::new("-") {
            let reader = Box::new(BufReader::with_capacity(BUFFER_BYTES, std::io::stdin()));
            return Ok(Self { reader, file: None, file_bytes: None });
        }
        let shown = args.file.display();
        let open = || {
            let file = File::open(&args.file)?;
            let metadata = file.metadata()?;
            Ok((file.try_clone()?, file, metadata))
        };
        let opened: std::io::Result<_> = open();
        let (again, file, metadata) = opened.map_err(|error| {
            Failure::Usage(format!("{shown} cannot be read: {error}; which file is to be loaded?"))
        })?;
        if metadata.is_dir() {
            return Err(Failure::Usage(format!("{shown} is a folder; name a file in it")));
        }
        let is_file = metadata.is_file();
        let reader = Box::new(BufReader::with_capacity(BUFFER_BYTES, file));
        Ok(Self {
            reader,
            file: is_file.then_some(again),
            file_bytes: is_file.then_some(metadata.len()),
        })
    }

    /// Both handles share one place in the file, and nothing of it is read yet.
    fn skip_to(&mut self, place: Place, path: &Path) -> anyhow::Result<()> {
        let Some(file) = &mut self.file else { return Ok(()) };
        let moved = file.seek(SeekFrom::Start(place.offset));
        moved.map(drop).with_context(|| format!("{} cannot be read", path.display()))
    }
}

/// Reads in a thread of its own, which ends when nobody takes batches any more.
fn read(
    input: Input,
    start: Place,
    rejects: Rejects,
) -> mpsc::Receiver<Result<Batch, std::io::Error>> {
    let (sender, batches) = mpsc::channel(WAITING_MAX);
    std::thread::spawn(move || {
        let mut batches = Batches::new(Lines::new(input.reader, start));
        loop {
            let mut line = rejects.line();
            let next = batches.next(&mut |part, is_end| line.write(part, is_end)).transpose();
            drop(line);
            let Some(next) = next else { return };
            let is_last = next.is_err();
            if sender.blocking_send(next).is_err() || is_last {
                return;
            }
        }
    });
    batches
}

/// A load on its way.
struct Load {
    tally: Tally,
    progress: Progress,
    rejects: Rejects,
    state: Option<StateFile>,
    /// Everything before it was acknowledged.
    acknowledged: Place,
    /// The ends of batches that were acknowledged while an earlier one was not.
    finished: BTreeMap<u64, Place>,
    /// The first batch that is not acknowledged.
    next: u64,
    /// What the state file says.
    saved: Place,
}

/// Somebody wants the load to stop.
struct Signals {
    interrupt: Signal,
    terminate: Signal,
}

impl Signals {
    fn new() -> std::io::Result<Self> {
        let interrupt = signal(SignalKind::interrupt())?;
        Ok(Self { interrupt, terminate: signal(SignalKind::terminate())? })
    }

    async fn next(&mut self) {
        tokio::select! {
            _ = self.interrupt.recv() => {}
            _ = self.terminate.recv() => {}
        }
    }
}

/// Why a load is over.
enum Ended {
    Whole,
    Interrupted,
    Failed(anyhow::Error),
}

impl Load {
    async fn run(
        &mut self,
        mut batches: mpsc::Receiver<Result<Batch, std::io::Error>>,
        remote: Remote,
        retry_for: Duration,
    ) -> Ended {
        let mut signals = match Signals::new() {
            Ok(signals) => signals,
            Err(error) => return Ended::Failed(error.into()),
        };
        let (stop, stopping) = watch::channel(false);
        let sending = Sending { remote, retry_for, stopping, notes: self.progress.notes() };
        let mut under_way: JoinSet<Sent> = JoinSet::new();
        let mut ended: Option<Ended> = None;
        let mut number = 0;
        let mut save = tokio::time::interval(SAVE_EVERY);
        let mut tell = tokio::time::interval(TELL_EVERY);
        loop {
            if ended.is_some() && under_way.is_empty() {
                return ended.unwrap_or(Ended::Whole);
            }
            tokio::select! {
                next = batches.recv(), if ended.is_none() && under_way.len() < UNDER_WAY_MAX => {
                    match next {
                        Some(Ok(batch)) => {
                            under_way.spawn(sending.clone().send(number, batch));
                            number += 1;
                        }
                        Some(Err(error)) => ended = Some(Ended::Failed(error.into())),
                        None => ended = Some(Ended::Whole),
                    }
                }
                Some(sent) = under_way.join_next() => {
                    let fault = match sent {
                        Ok(sent) => self.finish(sent).err(),
                        Err(error) => Some(error.into()),
                    };
                    if let Some(fault) = fault && !*stop.borrow() {
                        ended = Some(Ended::Failed(fault));
                        stop.send_replace(true);
                    }
                }
                () = signals.next() => {
                    if *stop.borrow() {
                        return Ended::Interrupted;
                    }
                    ended = Some(Ended::Interrupted);
                    stop.send_replace(true);
                    self.progress.notes().say("Stopping; what is under way is finished first.");
                }
                _ = save.tick() => self.save(),
                _ = tell.tick() => self.progress.tell(&self.tally),
            }
        }
    }

    /// Takes note of what became of a batch.
    fn finish(&mut self, sent: Sent) -> anyhow::Result<()> {
        let Sent { number, batch, taken } = sent;
        let taken = taken.map_err(|trouble| match trouble {
            Trouble::Again(reason) | Trouble::Final(reason) => anyhow::anyhow!(reason),
        })?;
        for refusal in &taken.errors {
            let Some((line, event)) = batch.event(refusal.index) else { continue };
            self.tally.refused.add(line, refusal.reason.clone());
            self.rejects.line().write(event, true)?;
        }
        self.tally.add(&taken);
        self.tally.bytes += batch.bytes;
        self.tally.malformed.extend(batch.malformed);
        self.finished.insert(number, batch.end);
        while let Some(end) = self.finished.remove(&self.next) {
            self.acknowledged = end;
            self.next += 1;
        }
        self.progress.show(&self.tally);
        Ok(())
    }

    /// Writes down how far the load has come, if it has come further.
    fn save(&mut self) {
        let Some(state) = self.state.as_ref().filter(|_| self.saved != self.acknowledged) else {
            return;
        };
        // What was refused is in its file before the state says that it was dealt with.
        match self.rejects.flush().and_then(|()| state.save(self.acknowledged)) {
            Ok(()) => self.saved = self.acknowledged,
            Err(error) => {
                self.progress.notes().say(&format!("This load cannot be resumed: {error:#}."));
                self.state = None;
            }
        }
    }

    fn end(mut self, args: &LoadArgs, ended: Ended) -> Result<Ending, Failure> {
        self.progress.end();
        let took = self.progress.took();
        let flushed = self.rejects.flush();
        let told = tell(&match args.json {
            true => format!("{}\n", self.tally.json(took)),
            false => self.tally.summary(took),
        });
        let how_to_go_on = |load: &mut Self| {
            load.save();
            let file = args.file.display();
            match &load.state {
                Some(_) => format!(
                    "Everything up to line {} is in the log. To go on: the same command with \
                     --resume (whowas events load {file} --resume).",
                    load.acknowledged.line
                ),
                None => "What was accepted is in the log. To go on: send everything again, which \
                         changes nothing of that."
                    .to_owned(),
            }
        };
        match ended {
            Ended::Whole => {
                flushed?;
                self.state.as_ref().map_or(Ok(()), StateFile::remove)?;
                told?;
                Ok(if self.tally.is_whole() { Ending::Done } else { Ending::SomeRefused })
            }
            Ended::Interrupted => {
                note(&format!("whowas: interrupted. {}", how_to_go_on(&mut self)));
                Ok(Ending::Interrupted)
            }
            Ended::Failed(error) => {
                let error = format!("{error:#}.\n{}", how_to_go_on(&mut self));
                Err(Failure::Failed(anyhow::anyhow!(error)))
            }
        }
    }
}
