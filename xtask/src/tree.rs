//! The files of the repository as git sees them: tracked, or new and not ignored.

use std::{
    collections::BTreeSet,
    fmt, fs,
    path::{Path, PathBuf},
    process::Command,
};

use anyhow::{Context, ensure};

use crate::rust::{self, Masked};

/// A text file; `path` is relative to the root, with forward slashes.
pub(crate) struct File {
    pub(crate) path: String,
    pub(crate) text: String,
    /// Only for `.rs` files.
    pub(crate) rust: Option<Masked>,
    /// Lives in `tests/`, is called `tests.rs`, or was declared by `#[cfg(test)] mod name;`.
    pub(crate) only_tests: bool,
}

impl File {
    pub(crate) fn new(path: &str, text: &str) -> Self {
        let rust = path.ends_with(".rs").then(|| rust::mask(text));
        let only_tests = path.split('/').any(|part| matches!(part, "tests" | "tests.rs"));
        Self { path: path.to_owned(), text: text.to_owned(), rust, only_tests }
    }

    pub(crate) fn finding(&self, line: usize, text: impl Into<String>) -> Finding {
        Finding { path: self.path.clone(), line, text: text.into() }
    }
}

/// What a rule found; lines count from 1, and 0 means the whole file.
#[derive(Debug, PartialEq)]
pub(crate) struct Finding {
    pub(crate) path: String,
    pub(crate) line: usize,
    pub(crate) text: String,
}

impl fmt::Display for Finding {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.line {
            0 => write!(f, "{}: {}", self.path, self.text),
            line => write!(f, "{}:{line}: {}", self.path, self.text),
        }
    }
}

pub(crate) struct Tree {
    pub(crate) root: PathBuf,
    /// Text files that are written by hand. What was recorded (`captures`, `testdata`) is not here.
    pub(crate) files: Vec<File>,
    /// Every path, whatever it holds, and every folder.
    pub(crate) paths: BTreeSet<String>,
}

impl Tree {
    pub(crate) fn read() -> anyhow::Result<Self> {
        let root = PathBuf::from(env!("CARGO_MANIFEST_DIR"))
            .parent()
            .context("xtask lies in the root of the repository")?
            .to_owned();
        let pairs = listed(&root)?.into_iter().filter_map(|path| {
            // A path that was deleted and not yet committed is still listed.
            let bytes = fs::read(root.join(&path)).ok()?;
            Some((path, String::from_utf8(bytes).unwrap_or_default()))
        });
        Ok(Self::of(root.clone(), pairs.collect()))
    }

    /// A tree from paths and texts.
    pub(crate) fn of(root: PathBuf, pairs: Vec<(String, String)>) -> Self {
        let paths = pairs.iter().flat_map(|(path, _)| with_folders(path)).collect();
        let mut files: Vec<File> = pairs
            .iter()
            .filter(|(path, _)| !is_recorded(path))
            .map(|(path, text)| File::new(path, text))
            .collect();
        let of_tests: BTreeSet<String> = files.iter().flat_map(rust::test_modules).collect();
        for file in &mut files {
            let module = file.path.trim_end_matches(".rs");
            file.only_tests |= with_folders(module).iter().any(|it| of_tests.contains(it));
        }
        Self { root, files, paths }
    }

    pub(crate) fn rust_files(&self) -> impl Iterator<Item = (&File, &Masked)> {
        self.files.iter().filter_map(|file| Some((file, file.rust.as_ref()?)))
    }

    /// The folders directly inside `folder`.
    pub(crate) fn folders_in(&self, folder: &str) -> BTreeSet<String> {
        let prefix = format!("{folder}/");
        let inside = self.paths.iter().filter_map(|path| path.strip_prefix(&prefix));
        inside.filter_map(|rest| Some(rest.split_once('/')?.0.to_owned())).collect()
    }
}

fn listed(root: &Path) -> anyhow::Result<Vec<String>> {
    let output = Command::new("git")
        .args(["ls-files", "-z", "--cached", "--others", "--exclude-standard"])
        .current_dir(root)
        .output()
        .context("git ls-files")?;
    ensure!(output.status.success(), "git ls-files: {}", String::from_utf8_lossy(&output.stderr));
    let list = String::from_utf8(output.stdout).context("a path is not UTF-8")?;
    Ok(list.split('\0').filter(|path| !path.is_empty()).map(str::to_owned).collect())
}

fn is_recorded(path: &str) -> bool {
    path.split('/').any(|part| matches!(part, "captures" | "testdata"))
}

fn with_folders(path: &str) -> Vec<String> {
    let mut all: Vec<String> =
        path.match_indices('/').map(|(at, _)| path[..at].to_owned()).collect();
    all.push(path.to_owned());
    all
}

#[cfg(test)]
pub(crate) mod tests {
    use super::*;

    /// A tree for the tests of rules.
    pub(crate) fn tree(pairs: &[(&str, &str)]) -> Tree {
        let pairs = pairs.iter().map(|(path, text)| (path.to_string(), text.to_string()));
        Tree::of(PathBuf::from("/nowhere/whowas"), pairs.collect())
    }

    #[test]
    fn leaves_out_what_was_recorded_but_knows_that_it_is_there() {
        let tree = tree(&[("a/captures/x.json", "{}"), ("a/b.rs", "")]);
        assert_eq!(
            tree.files.iter().map(|file| file.path.as_str()).collect::<Vec<_>>(),
            ["a/b.rs"]
        );
        assert!(tree.paths.contains("a/captures/x.json"));
        assert!(tree.paths.contains("a/captures"));
    }

    #[test]
    fn knows_files_of_tests_by_place_and_by_declaration() {
        let tree = tree(&[
            ("a/src/lib.rs", "#[cfg(test)]\nmod table;\nmod real;\n"),
            ("a/src/table.rs", ""),
            ("a/src/table/row.rs", ""),
            ("a/src/real.rs", ""),
            ("a/src/real/tests.rs", ""),
            ("a/tests/outside.rs", ""),
        ]);
        let tests = tree.files.iter().filter(|file| file.only_tests);
        assert_eq!(
            tests.map(|file| file.path.as_str()).collect::<Vec<_>>(),
            ["a/src/table.rs", "a/src/table/row.rs", "a/src/real/tests.rs", "a/tests/outside.rs"]
        );
    }
}
