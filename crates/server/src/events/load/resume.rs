//! How far a load has come, in a small file beside the input, so that another one can go on there.
//!
//! It is behind what the server has acknowledged and never ahead of it; what is sent once more is a
//! duplicate. Losing it costs time and nothing else.

use std::fs::File;
use std::io::{self, Read as _, Seek as _, SeekFrom, Write as _};
use std::path::{Path, PathBuf};

use anyhow::{Context as _, bail, ensure};
use serde::{Deserialize, Serialize};
use sha2::{Digest as _, Sha256};

use super::lines::Place;

const ENDING: &str = ".whowas-load";
const VERSION: u32 = 1;
/// How long a state file may be.
const STATE_BYTES_MAX: u64 = 16 * 1024;
/// How much of the file is compared at its beginning, and before the place.
const COMPARED_BYTES_MAX: u64 = 64 * 1024;

/// Where a load goes: the rest of a file for one app says nothing about another.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Aim {
    pub(super) server: String,
    pub(super) app: u32,
}

#[derive(Debug, Serialize, Deserialize)]
struct State {
    version: u32,
    aim: Aim,
    /// Everything before these was acknowledged.
    offset: u64,
    line: u64,
    /// How long the file was.
    file_bytes: u64,
    /// Of the file's beginning and of what is before the place, up to so many bytes of each.
    sha256: String,
}

/// The state of one load.
#[derive(Debug)]
pub(super) struct StateFile {
    path: PathBuf,
    input: PathBuf,
    aim: Aim,
}

impl StateFile {
    pub(super) fn new(path: Option<PathBuf>, input: &Path, aim: Aim) -> Self {
        let beside = || {
            let mut name = input.as_os_str().to_owned();
            name.push(ENDING);
            name.into()
        };
        Self { path: path.unwrap_or_else(beside), input: input.to_owned(), aim }
    }

    pub(super) fn path(&self) -> &Path {
        &self.path
    }

    /// Where an earlier load ended, if there was one; fails if it was not of this file.
    pub(super) fn find(&self) -> anyhow::Result<Option<Place>> {
        let shown = self.path.display();
        let mut text = String::new();
        match File::open(&self.path) {
            Ok(file) => file.take(STATE_BYTES_MAX).read_to_string(&mut text).map(drop),
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
            Err(error) => Err(error),
        }
        .with_context(|| format!("{shown} cannot be read"))?;
        let again = "load from the beginning, without --resume: what is there already will be \
                     duplicates";
        let Ok(state) = serde_json::from_str::<State>(&text) else {
            bail!("{shown} does not tell where an earlier load ended; {again}");
        };
        ensure!(state.version == VERSION, "{shown} is of another version of whowas; {again}");
        ensure!(
            state.aim == self.aim,
            "{shown} is of a load into app {} of {}; name that one, or {again}",
            state.aim.app,
            state.aim.server,
        );
        let place = Place { offset: state.offset, line: state.line };
        let (file_bytes, sha256) = self.identify(place.offset)?;
        ensure!(
            file_bytes >= state.file_bytes && sha256 == state.sha256,
            "{} is not the file that it was when {shown} was written; {again}",
            self.input.display(),
        );
        Ok(Some(place))
    }

    /// Writes down that everything before a place was acknowledged: whole, or not at all.
    pub(super) fn save(&self, place: Place) -> anyhow::Result<()> {
        let (file_bytes, sha256) = self.identify(place.offset)?;
        let Place { offset, line } = place;
        let aim = self.aim.clone();
        let state = State { version: VERSION, aim, offset, line, file_bytes, sha256 };
        let text = serde_json::to_string(&state).context("a state is JSON")?;
        let mut new = self.path.clone().into_os_string();
        new.push(".new");
        let write = || {
            let mut file = File::create(&new)?;
            file.write_all(text.as_bytes())?;
            file.sync_all()?;
            std::fs::rename(&new, &self.path)
        };
        write().with_context(|| format!("{} cannot be written", self.path.display()))
    }

    /// Nothing is left to go on with.
    pub(super) fn remove(&self) -> anyhow::Result<()> {
        match std::fs::remove_file(&self.path) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => {
                Err(error).with_context(|| format!("{} cannot be removed", self.path.display()))
            }
            _ => Ok(()),
        }
    }

    /// The file's length, and a hash of its beginning and of what is before the offset.
    fn identify(&self, offset: u64) -> anyhow::Result<(u64, String)> {
        let identify = || {
            let mut file = File::open(&self.input)?;
            let file_bytes = file.metadata()?.len();
            let compared = offset.min(COMPARED_BYTES_MAX);
            let mut hash = Sha256::new();
            for from in [0, offset - compared] {
                file.seek(SeekFrom::Start(from))?;
                io::copy(&mut (&mut file).take(compared), &mut Hashing(&mut hash))?;
            }
            let hex = hash.finalize().iter().map(|byte| format!("{byte:02x}")).collect();
            Ok((file_bytes, hex))
        };
        let shown = self.input.display();
        identify().map_err(|error: io::Error| anyhow::anyhow!("{shown} cannot be read: {error}"))
    }
}

struct Hashing<'a>(&'a mut Sha256);

impl io::Write for Hashing<'_> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.update(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_load_goes_on_with_the_same_file_and_aim_or_not_at_all() {
        let folder = tempfile::tempdir().expect("a folder");
        let input = folder.path().join("history.ndjson");
        let write = |text: &str| std::fs::write(&input, text).expect("a file");
        let aim = |app| Aim { server: "http://a".into(), app };
        let state = |app| StateFile::new(None, &input, aim(app));
        let why = |app| {
            let found = state(app).find().expect_err("it is refused").to_string();
            found.replace(&folder.path().display().to_string(), "")
        };
        write("{}\n{}\n{}\n");
        assert_eq!(state(1).find().expect("nothing is there"), None);
        let place = Place { offset: 6, line: 2 };
        state(1).save(place).expect("it is written");
        assert_eq!(state(1).path(), folder.path().join("history.ndjson.whowas-load"));
        assert_eq!(state(1).find().expect("it is there"), Some(place));
        assert!(why(2).starts_with("/history.ndjson.whowas-load is of a load into app 1 of"));
        // What is added behind the place changes nothing; what changes before it does.
        write("{}\n{}\n{}\n{}\n");
        assert_eq!(state(1).find().expect("it is there"), Some(place));
        for other in ["{}\n[]\n{}\n{}\n", "{}\n{}\n"] {
            write(other);
            assert!(why(1).starts_with("/history.ndjson is not the file that it was"), "{other}");
        }
        std::fs::write(state(1).path(), "{}").expect("a file");
        assert!(why(1).contains("does not tell where an earlier load ended"));
        state(1).remove().expect("it is removed");
        state(1).remove().expect("there is nothing to remove");
        assert_eq!(state(1).find().expect("nothing is there"), None);
    }
}
