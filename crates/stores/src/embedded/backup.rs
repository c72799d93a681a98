//! A backup: all of a store as of one instant, in one stream of bytes that can be checked; and a
//! folder made of it again.
//!
//! A stream is a line that tells the store's format, LMDB's own compact copy, and a line that tells
//! how long the copy is and its CRC-32. LMDB makes the copy in a transaction that reads, so the
//! server goes on, and whatever it had acknowledged before is in it.

use std::fs::{self, File, OpenOptions};
use std::io::{self, Read, Write};
use std::os::fd::OwnedFd;
use std::path::Path;
use std::thread;

use heed::CompactionOption;

use super::locks::{self, LOCK_FILE, OPENING_FILE, READING_FILE};
use super::open::{
    self, FORMAT, FORMAT_FILE, FORMAT_FILE_NEW, LOST_AND_FOUND, OpenError, Options, make_folder,
    sync_folder, write_format,
};

const HEAD_MAGIC: &str = "whowas backup, store format ";
const HEAD_LEN: usize = 32;
const TAIL_LEN: usize = 64;

/// How much of a stream is held at once.
const CHUNK_LEN: usize = 1 << 20;

const DATA_FILE: &str = "data.mdb";
/// There from the first moment of a restore until the store is whole.
const RESTORING_FILE: &str = "whowas.restoring";

/// Why there is no backup, or no store made of one.
#[derive(Debug, thiserror::Error)]
pub enum BackupError {
    /// The store cannot be opened.
    #[error(transparent)]
    Open(#[from] OpenError),
    /// The engine refused.
    #[error("the store cannot be copied")]
    Engine(#[from] heed::Error),
    /// The stream can be written no further.
    #[error("the backup cannot be written")]
    Unwritable(#[source] io::Error),
    /// The stream can be read no further.
    #[error("the backup cannot be read")]
    Unreadable(#[source] io::Error),
    /// The folder's files cannot be written.
    #[error("the folder cannot be written")]
    Folder(#[source] io::Error),
    /// It is something else.
    #[error("this is no backup of a whowas store")]
    Foreign,
    /// A version of this program from before the first release wrote it.
    #[error("the backup has format {found}, from before the first release; this one is {FORMAT}")]
    Older {
        /// Its format.
        found: u32,
    },
    /// A later version of this program made it.
    #[error(
        "the backup has format {found}, and this program knows formats up to {FORMAT}: \
         use a newer whowas"
    )]
    Newer {
        /// Its format.
        found: u32,
    },
    /// Its end is missing.
    #[error("the backup is cut off: its end is missing")]
    CutOff,
    /// It is not what was written.
    #[error("the backup is damaged: its checksum does not match")]
    Damaged,
    /// There is something in the folder.
    #[error("the folder is not empty: a backup is restored into an empty one only")]
    Occupied,
}

/// Copies the store of a folder, whether or not a server runs on it, and tells how many bytes it
/// wrote. `progress` is told after each part how many there are.
pub fn back_up(
    options: &Options,
    out: &mut dyn Write,
    progress: &mut dyn FnMut(u64),
) -> Result<u64, BackupError> {
    let (env, _reading) = open::look(options)?;
    let (mut copy, into) = io::pipe().map_err(BackupError::Unwritable)?;
    let mut into = File::from(OwnedFd::from(into));
    out.write_all(head(FORMAT).as_bytes()).map_err(BackupError::Unwritable)?;
    let mut sum = Sum::default();
    let (copied, written) = thread::scope(|scope| {
        let copying = scope.spawn(move || env.copy_to_file(&mut into, CompactionOption::Enabled));
        let written = pump(&mut copy, |chunk| {
            out.write_all(chunk)?;
            sum.add(chunk);
            progress(sum.len);
            Ok(())
        });
        // Whoever still copies learns by this that nobody wants it any more.
        drop(copy);
        (copying.join(), written)
    });
    written.map_err(BackupError::Unwritable)?;
    copied.map_err(|_| BackupError::Unwritable(io::Error::other("the copy panicked")))??;
    let tail = tail(&sum);
    let end = out.write_all(tail.as_bytes()).and_then(|()| out.flush());
    end.map_err(BackupError::Unwritable)?;
    Ok((HEAD_LEN + TAIL_LEN) as u64 + sum.len)
}

/// Makes a store of a backup, in a folder that is empty or missing; all or nothing: until the whole
/// of it is there and checked, the folder holds no store. Tells how many bytes were read.
pub fn restore(
    from: &mut dyn Read,
    folder: &Path,
    progress: &mut dyn FnMut(u64),
) -> Result<u64, BackupError> {
    let format = read_head(from)?;
    make_folder(folder).map_err(BackupError::Folder)?;
    check_empty(folder)?;
    let _turn = locks::take_turn(folder)?;
    let _writing = locks::take_writing(folder)?;
    check_empty(folder)?;
    File::create(folder.join(RESTORING_FILE)).map_err(BackupError::Folder)?;
    match write_copy(from, folder, progress) {
        Ok(len) => {
            finish(folder, format).map_err(BackupError::Folder)?;
            Ok((HEAD_LEN + TAIL_LEN) as u64 + len)
        }
        Err(error) => {
            // What cannot be removed is taken for what it is by the next try.
            for name in [DATA_FILE, RESTORING_FILE] {
                if let Err(error) = fs::remove_file(folder.join(name)) {
                    tracing::debug!(%error, name, "a part of a restore stays behind");
                }
            }
            Err(error)
        }
    }
}

/// Whether a restore into this folder was interrupted, so that there is no store.
pub(super) fn is_half_restored(folder: &Path) -> bool {
    folder.join(RESTORING_FILE).exists() && !folder.join(FORMAT_FILE).exists()
}

fn check_empty(folder: &Path) -> Result<(), BackupError> {
    let half = is_half_restored(folder);
    for entry in fs::read_dir(folder).map_err(BackupError::Folder)? {
        let name = entry.map_err(BackupError::Folder)?.file_name();
        let ours = [FORMAT_FILE_NEW, LOCK_FILE, OPENING_FILE, READING_FILE, LOST_AND_FOUND];
        let left = [DATA_FILE, RESTORING_FILE];
        let mut allowed = ours.iter().chain(left.iter().filter(|_| half));
        if !allowed.any(|it| name == *it) {
            return Err(BackupError::Occupied);
        }
    }
    Ok(())
}

fn write_copy(
    from: &mut dyn Read,
    folder: &Path,
    progress: &mut dyn FnMut(u64),
) -> Result<u64, BackupError> {
    let mut options = OpenOptions::new();
    options.write(true).create(true).truncate(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    let mut file = options.open(folder.join(DATA_FILE)).map_err(BackupError::Folder)?;
    let mut sum = Sum::default();
    // The last bytes are not the copy's: which they are is known only at the end.
    let mut held: Vec<u8> = Vec::with_capacity(CHUNK_LEN + TAIL_LEN);
    let mut failed = None;
    let read = pump(from, |chunk| {
        held.extend_from_slice(chunk);
        let known = held.len().saturating_sub(TAIL_LEN);
        if let Err(error) = file.write_all(&held[..known]) {
            failed = Some(error);
            return Err(io::Error::other("nobody takes it"));
        }
        sum.add(&held[..known]);
        held.drain(..known);
        progress(sum.len);
        Ok(())
    });
    if let Some(error) = failed {
        return Err(BackupError::Folder(error));
    }
    read.map_err(BackupError::Unreadable)?;
    let told = std::str::from_utf8(&held).ok().and_then(parse_tail);
    let (len, crc) = told.ok_or(BackupError::CutOff)?;
    if (len, crc) != (sum.len, sum.crc()) {
        return Err(BackupError::Damaged);
    }
    file.sync_all().map_err(BackupError::Folder)?;
    Ok(sum.len)
}

/// Makes it a store, in one step that nothing can cut in two.
fn finish(folder: &Path, format: u32) -> io::Result<()> {
    sync_folder(folder)?;
    write_format(folder, format)?;
    fs::remove_file(folder.join(RESTORING_FILE))?;
    sync_folder(folder)
}

/// Reads to the end, and shows each part.
fn pump(from: &mut dyn Read, mut show: impl FnMut(&[u8]) -> io::Result<()>) -> io::Result<()> {
    let mut chunk = vec![0; CHUNK_LEN];
    loop {
        match from.read(&mut chunk) {
            Ok(0) => return Ok(()),
            Ok(len) => show(&chunk[..len])?,
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) => return Err(error),
        }
    }
}

/// The length and the checksum of what has gone by.
#[derive(Default)]
struct Sum {
    len: u64,
    crc: crc32fast::Hasher,
}

impl Sum {
    fn add(&mut self, bytes: &[u8]) {
        self.len += bytes.len() as u64;
        self.crc.update(bytes);
    }

    fn crc(&self) -> u32 {
        self.crc.clone().finalize()
    }
}

fn head(format: u32) -> String {
    let width = HEAD_LEN - HEAD_MAGIC.len() - 1;
    format!("{HEAD_MAGIC}{format:<width$}\n")
}

fn tail(sum: &Sum) -> String {
    let told = format!("\nend of whowas backup: {} bytes, crc32 {:08x}", sum.len, sum.crc());
    format!("{told:<width$}\n", width = TAIL_LEN - 1)
}

fn read_head(from: &mut dyn Read) -> Result<u32, BackupError> {
    let mut head = [0; HEAD_LEN];
    from.read_exact(&mut head).map_err(|error| match error.kind() {
        io::ErrorKind::UnexpectedEof => BackupError::Foreign,
        _ => BackupError::Unreadable(error),
    })?;
    let text = std::str::from_utf8(&head).ok().and_then(|it| it.strip_prefix(HEAD_MAGIC));
    match text.and_then(|it| it.trim_end().parse().ok()) {
        None | Some(0) => Err(BackupError::Foreign),
        Some(format) if format > FORMAT => Err(BackupError::Newer { found: format }),
        Some(format) if format < FORMAT => Err(BackupError::Older { found: format }),
        Some(format) => Ok(format),
    }
}

fn parse_tail(text: &str) -> Option<(u64, u32)> {
    let told = text.trim_end().strip_prefix("\nend of whowas backup: ")?;
    let (len, crc) = told.split_once(" bytes, crc32 ")?;
    (text.len() == TAIL_LEN).then_some((len.parse().ok()?, u32::from_str_radix(crc, 16).ok()?))
}
