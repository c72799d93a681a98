//! A file that is there once it is whole, and that an interrupted command goes on with.
//!
//! Rows go to `FILE.part`, and after each page `FILE.part.at` tells how far that has come: how many
//! bytes and rows, and the cursor of the next page. What stands behind those bytes is of a page
//! that was cut off, and is written again.

use std::fs::{self, File, OpenOptions};
use std::io::{self, Seek as _, SeekFrom, Write as _};
use std::path::{Path, PathBuf};

use anyhow::Context as _;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::command::Failure;
use crate::note;

/// How far an export has come.
#[derive(Debug, Default, PartialEq, Serialize, Deserialize)]
struct At {
    /// What was asked: another question begins anew.
    asked: Value,
    bytes: u64,
    rows: u64,
    cursor: Option<String>,
}

/// Where rows go.
#[derive(Debug)]
pub(super) struct Out {
    /// `None` for standard output, which cannot be gone on with.
    file: Option<(File, PathBuf)>,
    at: At,
    is_new: bool,
}

fn beside(path: &Path, end: &str) -> PathBuf {
    let mut name = path.as_os_str().to_owned();
    name.push(end);
    name.into()
}

impl Out {
    pub(super) fn open(path: Option<&Path>, asked: Value) -> Result<Self, Failure> {
        let new = At { asked, ..At::default() };
        let Some(path) = path else { return Ok(Self { file: None, at: new, is_new: true }) };
        if path.exists() {
            let reason = format!("{} is there; name another file, or remove it", path.display());
            return Err(Failure::Usage(reason));
        }
        let part = beside(path, ".part");
        let known = fs::read(beside(path, ".part.at")).ok();
        let known: Option<At> = known.and_then(|text| serde_json::from_slice(&text).ok());
        let mut file = OpenOptions::new();
        let file = file.write(true).create(true).truncate(false).open(&part);
        let mut file = file.with_context(|| format!("{} cannot be written", part.display()))?;
        let len = file.metadata().map_or(0, |it| it.len());
        let at = known.filter(|it| it.asked == new.asked && it.bytes <= len && it.rows > 0);
        let is_new = at.is_none();
        let at = at.unwrap_or(new);
        let place = file.set_len(at.bytes).and_then(|()| file.seek(SeekFrom::Start(at.bytes)));
        place.with_context(|| format!("{} cannot be written", part.display()))?;
        if !is_new {
            note(&format!("whowas: going on behind {} rows", at.rows));
        }
        Ok(Self { file: Some((file, path.to_owned())), at, is_new })
    }

    pub(super) fn is_new(&self) -> bool {
        self.is_new
    }

    pub(super) fn rows(&self) -> u64 {
        self.at.rows
    }

    pub(super) fn cursor(&self) -> Option<&str> {
        self.at.cursor.as_deref()
    }

    /// Writes rows; tells whether anybody takes them: behind `| head` nobody does.
    pub(super) fn write(&mut self, text: &str) -> anyhow::Result<bool> {
        self.at.bytes += text.len() as u64;
        let written = match &mut self.file {
            Some((file, _)) => file.write_all(text.as_bytes()),
            None => io::stdout().lock().write_all(text.as_bytes()),
        };
        match written {
            Err(error) if error.kind() == io::ErrorKind::BrokenPipe => Ok(false),
            written => written.map(|()| true).context("rows cannot be written"),
        }
    }

    /// A page is written whole, and the next one is there.
    pub(super) fn mark(&mut self, rows: u64, cursor: Option<String>) -> anyhow::Result<()> {
        self.at.rows += rows;
        self.at.cursor = cursor;
        let Some((file, path)) = &mut self.file else { return Ok(()) };
        let (at, new) = (beside(path, ".part.at"), beside(path, ".part.new"));
        let text = serde_json::to_vec(&self.at).context("how far it has come is no JSON")?;
        let marked = file.sync_data().and_then(|()| fs::write(&new, text));
        marked.and_then(|()| fs::rename(&new, &at)).context("how far it has come cannot be kept")
    }

    /// Everything is written; tells how many rows.
    pub(super) fn finish(self) -> anyhow::Result<u64> {
        let Some((file, path)) = self.file else { return Ok(self.at.rows) };
        file.sync_all().context("the file cannot be synced")?;
        let part = beside(&path, ".part");
        fs::rename(&part, &path).with_context(|| format!("{} stays", part.display()))?;
        let _ = fs::remove_file(beside(&path, ".part.at"));
        Ok(self.at.rows)
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn a_file_is_gone_on_with_where_its_last_whole_page_ends() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("users.csv");
        let open = |asked: Value| Out::open(Some(&path), asked).unwrap();
        let mut out = open(json!("a"));
        out.write("head\n").unwrap();
        out.write("one\ntwo\n").unwrap();
        out.mark(2, Some("c".to_owned())).unwrap();
        out.write("thr").unwrap();
        drop(out);

        let mut out = open(json!("a"));
        assert_eq!((out.is_new(), out.rows(), out.cursor()), (false, 2, Some("c")));
        out.write("three\n").unwrap();
        out.mark(1, None).unwrap();
        assert!(!path.exists(), "it is not whole");
        assert_eq!(out.finish().unwrap(), 3);
        assert_eq!(fs::read_to_string(&path).unwrap(), "head\none\ntwo\nthree\n");
        assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 1, "nothing is left beside it");
        assert!(Out::open(Some(&path), json!("a")).is_err(), "nothing is written over");
    }

    #[test]
    fn another_question_begins_anew() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("users.csv");
        let mut out = Out::open(Some(&path), json!("a")).unwrap();
        out.write("one\n").unwrap();
        out.mark(1, Some("c".to_owned())).unwrap();
        drop(out);
        let out = Out::open(Some(&path), json!("b")).unwrap();
        assert_eq!((out.is_new(), out.rows(), out.cursor()), (true, 0, None));
        assert_eq!(fs::read(beside(&path, ".part")).unwrap(), b"");
    }
}
