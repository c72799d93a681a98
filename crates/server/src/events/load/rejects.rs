//! The lines that were refused, as they stood in the input, in a file of their own: to be corrected
//! and loaded.

use std::fs::{File, OpenOptions};
use std::io::{self, BufWriter, Write as _};
use std::path::Path;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use anyhow::Context as _;

use super::super::Failure;

/// The file, if one is wanted. Both who reads and who sends write to it.
#[derive(Clone, Debug)]
pub(super) struct Rejects(Option<Arc<Mutex<BufWriter<File>>>>);

/// The right to write a line, in as many parts as it has.
pub(super) struct LineOf<'a> {
    rejects: &'a Rejects,
    held: Option<MutexGuard<'a, BufWriter<File>>>,
    ends_with_newline: bool,
}

impl Rejects {
    /// Opens the file: behind what an earlier load wrote if this one goes on from there.
    pub(super) fn open(path: Option<&Path>, goes_on: bool) -> Result<Self, Failure> {
        let Some(path) = path else { return Ok(Self(None)) };
        let shown = path.display();
        let mut options = OpenOptions::new();
        options.create(true).write(true).append(goes_on).truncate(!goes_on);
        let file = options
            .open(path)
            .map_err(|error| Failure::Usage(format!("--rejects: {shown}: {error}")))?;
        Ok(Self(Some(Arc::new(Mutex::new(BufWriter::new(file))))))
    }

    /// A line to be written.
    pub(super) fn line(&self) -> LineOf<'_> {
        LineOf { rejects: self, held: None, ends_with_newline: false }
    }

    pub(super) fn flush(&self) -> anyhow::Result<()> {
        let Some(file) = &self.0 else { return Ok(()) };
        let mut file = file.lock().unwrap_or_else(PoisonError::into_inner);
        file.flush().context("the lines that are refused cannot be written to their file")
    }
}

impl LineOf<'_> {
    /// Writes a part. Nobody else writes until the part that is the last.
    pub(super) fn write(&mut self, part: &[u8], is_last: bool) -> io::Result<()> {
        let Some(file) = &self.rejects.0 else { return Ok(()) };
        let held =
            self.held.get_or_insert_with(|| file.lock().unwrap_or_else(PoisonError::into_inner));
        held.write_all(part)?;
        if let Some(last) = part.last() {
            self.ends_with_newline = *last == b'\n';
        }
        if is_last {
            if !self.ends_with_newline {
                held.write_all(b"\n")?;
            }
            self.ends_with_newline = false;
            self.held = None;
        }
        Ok(())
    }
}
