//! Who is in a folder together: one process that writes, and any number of those that only read.
//!
//! Three files are locked, each lock going with the process that holds it, however it ends:
//!
//! - `whowas.opening` by whoever is on the way in, one after the other;
//! - `whowas.lock` by the one who writes, as long as it has the store open;
//! - `whowas.readers` by all who only read, as long as they do, together.
//!
//! LMDB's own table of readers, `lock.mdb`, is made anew only while nobody uses it: that is known
//! to whoever has the turn to open, has or could have the writer's lock, and finds no reader.
//! Readers are told apart there by their process ids, so all must see each other's: the two files
//! that are held say in which namespace of ids their holders are.

use std::fs::{self, File, OpenOptions, TryLockError};
use std::io::{self, Read as _, Write as _};
use std::path::Path;
use std::thread;
use std::time::{Duration, Instant};

use super::open::OpenError;

/// How long to wait for a process that holds the folder: one that was just killed, or a child that
/// is on its way to another program, lets go in a moment.
const PATIENCE: Duration = Duration::from_secs(1);

pub(super) const LOCK_FILE: &str = "whowas.lock";
pub(super) const OPENING_FILE: &str = "whowas.opening";
pub(super) const READING_FILE: &str = "whowas.readers";

/// How much of a lock's file is read: it holds one short line.
const NAMESPACE_LEN_MAX: u64 = 128;

/// Waits for the turn to open the store of a folder, which ends when the file is dropped.
pub(super) fn take_turn(folder: &Path) -> Result<File, OpenError> {
    exclusive(folder, OPENING_FILE, PATIENCE)?.ok_or_else(|| in_use(folder))
}

/// Becomes the one who writes.
pub(super) fn take_writing(folder: &Path) -> Result<File, OpenError> {
    let file = exclusive(folder, LOCK_FILE, PATIENCE)?.ok_or_else(|| in_use(folder))?;
    sign(&file).map_err(|source| refused(folder, source))?;
    Ok(file)
}

/// Keeps whoever wants to write away for a moment; `None` if there is one.
pub(super) fn hold_writing_off(folder: &Path) -> Result<Option<File>, OpenError> {
    let held = exclusive(folder, LOCK_FILE, Duration::ZERO)?;
    if held.is_none() {
        check_namespace(folder, LOCK_FILE)?;
    }
    Ok(held)
}

/// Whether anybody only reads here. Nobody begins to while it is one's turn to open.
pub(super) fn is_read(folder: &Path) -> Result<bool, OpenError> {
    let path = folder.join(READING_FILE);
    let file = match File::open(path) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(false),
        file => file.map_err(|source| refused(folder, source))?,
    };
    match file.try_lock() {
        Ok(()) => Ok(false),
        Err(TryLockError::WouldBlock) => {
            check_namespace(folder, READING_FILE)?;
            Ok(true)
        }
        Err(TryLockError::Error(source)) => Err(refused(folder, source)),
    }
}

/// Becomes one of those who only read.
pub(super) fn take_reading(folder: &Path) -> Result<File, OpenError> {
    let file = open(folder, READING_FILE)?;
    match file.try_lock_shared() {
        Ok(()) => sign(&file).map_err(|source| refused(folder, source)).map(|()| file),
        Err(TryLockError::WouldBlock) => Err(in_use(folder)),
        Err(TryLockError::Error(source)) => Err(refused(folder, source)),
    }
}

fn refused(folder: &Path, source: io::Error) -> OpenError {
    OpenError::Folder { folder: folder.to_owned(), source }
}

fn in_use(folder: &Path) -> OpenError {
    OpenError::InUse { folder: folder.to_owned() }
}

fn open(folder: &Path, name: &str) -> Result<File, OpenError> {
    let path = folder.join(name);
    let mut options = OpenOptions::new();
    options.read(true).write(true).create(true).truncate(false);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    let file = options.open(&path).map_err(|source| refused(folder, source))?;
    give_to_owner(folder, &path);
    Ok(file)
}

/// Leaves a file to whoever has the folder: an administrator who makes a backup must not keep the
/// server out.
pub(super) fn give_to_owner(folder: &Path, path: &Path) {
    #[cfg(unix)]
    {
        use std::os::unix::fs::{MetadataExt as _, chown};
        let Ok((whose, now)) = fs::metadata(folder).and_then(|f| Ok((f, fs::metadata(path)?)))
        else {
            return;
        };
        if (whose.uid(), whose.gid()) != (now.uid(), now.gid())
            && let Err(error) = chown(path, Some(whose.uid()), Some(whose.gid()))
        {
            tracing::debug!(%error, "a file stays with whoever made it");
        }
    }
}

/// `None` if somebody else has it for longer than that.
#[expect(clippy::disallowed_methods, reason = "opening a store blocks for a moment anyhow")]
fn exclusive(folder: &Path, name: &str, patience: Duration) -> Result<Option<File>, OpenError> {
    let file = open(folder, name)?;
    let began = Instant::now();
    loop {
        match file.try_lock() {
            Ok(()) => return Ok(Some(file)),
            Err(TryLockError::WouldBlock) if began.elapsed() < patience => {
                thread::sleep(PATIENCE / 100);
            }
            Err(TryLockError::WouldBlock) => return Ok(None),
            Err(TryLockError::Error(source)) => return Err(refused(folder, source)),
        }
    }
}

/// Writes down where the holder of a lock is.
fn sign(mut file: &File) -> io::Result<()> {
    file.set_len(0)?;
    file.write_all(namespace().as_bytes())
}

/// In which namespace this process has its id; empty where there are none.
fn namespace() -> String {
    let link = fs::read_link("/proc/self/ns/pid");
    link.map(|link| link.display().to_string()).unwrap_or_default()
}

/// Fails if the holder of a lock is known to be where its process id is not ours to compare with.
fn check_namespace(folder: &Path, name: &str) -> Result<(), OpenError> {
    let mut theirs = String::new();
    let file = File::open(folder.join(name));
    let read = file.and_then(|it| it.take(NAMESPACE_LEN_MAX).read_to_string(&mut theirs));
    read.map_err(|source| refused(folder, source))?;
    match theirs.is_empty() || theirs == namespace() {
        true => Ok(()),
        false => Err(OpenError::Apart { folder: folder.to_owned() }),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nobody_shares_a_folder_with_a_process_whose_id_may_be_its_own() {
        let folder = tempfile::tempdir().unwrap();
        let lock = take_writing(folder.path()).unwrap();
        assert!(hold_writing_off(folder.path()).unwrap().is_none());
        fs::write(folder.path().join(LOCK_FILE), "pid:[1]").unwrap();
        let apart = hold_writing_off(folder.path()).unwrap_err().to_string();
        assert!(apart.contains("another container"), "{apart}");
        drop(lock);
        assert!(hold_writing_off(folder.path()).unwrap().is_some());

        let reading = take_reading(folder.path()).unwrap();
        assert!(is_read(folder.path()).unwrap());
        let another = take_reading(folder.path()).unwrap();
        fs::write(folder.path().join(READING_FILE), "pid:[1]").unwrap();
        assert!(is_read(folder.path()).is_err());
        drop((reading, another));
        assert!(!is_read(folder.path()).unwrap());
    }
}
