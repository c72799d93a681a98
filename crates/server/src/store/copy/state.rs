//! How far a copy has come, in a small file, so that another one can go on there.
//!
//! It is behind what the target has acknowledged and never ahead of it. What is copied once more
//! changes nothing.

use std::collections::BTreeSet;
use std::fs::{self, File};
use std::io::{self, Read as _};
use std::path::{Path, PathBuf};

use anyhow::{Context as _, bail, ensure};
use serde::{Deserialize, Serialize};

const VERSION: u32 = 3;
/// How long a state file may be: it names every app.
const STATE_BYTES_MAX: u64 = 64 << 20;

/// What is copied, in this order.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub(super) enum Stage {
    Users,
    Events,
    Sightings,
    Letters,
    Broadcasts,
    /// Nothing any more: what is there is compared.
    Compare,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct State {
    version: u32,
    from: String,
    to: String,
    /// Whether broadcasts that are under way are cancelled in the target.
    #[serde(default)]
    pub(super) cancels_broadcasts: bool,
    pub(super) stage: Stage,
    /// Where the stage goes on, as the source told it, in hexadecimal; from its beginning if it is
    /// `None`.
    next: Option<String>,
    pub(super) users: u64,
    pub(super) events: u64,
    pub(super) sightings: u64,
    /// Every app of which anything was seen.
    pub(super) apps: BTreeSet<u32>,
}

impl State {
    pub(super) fn new(from: String, to: String, cancels_broadcasts: bool) -> Self {
        Self {
            version: VERSION,
            from,
            to,
            cancels_broadcasts,
            stage: Stage::Users,
            next: None,
            users: 0,
            events: 0,
            sightings: 0,
            apps: BTreeSet::new(),
        }
    }

    /// Where the stage goes on.
    pub(super) fn next(&self) -> anyhow::Result<Option<Vec<u8>>> {
        let Some(hex) = &self.next else { return Ok(None) };
        let digits = |at| hex.get(at..at + 2).and_then(|two| u8::from_str_radix(two, 16).ok());
        let bytes: Option<Vec<u8>> = (0..hex.len()).step_by(2).map(digits).collect();
        bytes.context("the state does not tell where to go on").map(Some)
    }

    pub(super) fn set_next(&mut self, next: Option<&[u8]>) {
        self.next = next.map(|bytes| bytes.iter().map(|byte| format!("{byte:02x}")).collect());
    }

    pub(super) fn begin(&mut self, stage: Stage) {
        (self.stage, self.next) = (stage, None);
    }
}

/// The file that it is in.
#[derive(Debug)]
pub(super) struct StateFile(PathBuf);

impl StateFile {
    pub(super) fn new(path: &Path) -> Self {
        Self(path.to_owned())
    }

    /// The state of an earlier copy, if there was one; fails if it was of other stores.
    pub(super) fn find(&self, new: &State) -> anyhow::Result<Option<State>> {
        let shown = self.0.display();
        let mut text = String::new();
        match File::open(&self.0) {
            Ok(file) => file.take(STATE_BYTES_MAX).read_to_string(&mut text).map(drop),
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
            Err(error) => Err(error),
        }
        .with_context(|| format!("{shown} cannot be read"))?;
        let Ok(state) = serde_json::from_str::<State>(&text) else {
            bail!(
                "{shown} does not tell where an earlier copy ended; name its state with --state, \
                 or empty the target and copy from the beginning, without --resume"
            );
        };
        ensure!(state.version == VERSION, "{shown} is of another version of whowas");
        ensure!(
            (&state.from, &state.to) == (&new.from, &new.to),
            "{shown} is of a copy from {} to {}; name these, or another state",
            state.from,
            state.to,
        );
        ensure!(
            state.cancels_broadcasts == new.cancels_broadcasts,
            "{shown} is of a copy that was begun {} --cancel-broadcasts; go on with it so",
            if state.cancels_broadcasts { "with" } else { "without" },
        );
        state.next()?;
        Ok(Some(state))
    }

    /// Writes the state down: whole, or not at all.
    pub(super) fn save(&self, state: &State) -> anyhow::Result<()> {
        let text = serde_json::to_string(state).context("a state is JSON")?;
        let mut new = self.0.clone().into_os_string();
        new.push(".new");
        fs::write(&new, text)
            .and_then(|()| fs::rename(&new, &self.0))
            .with_context(|| format!("{} cannot be written", self.0.display()))
    }

    /// Nothing is left to go on with.
    pub(super) fn remove(&self) -> anyhow::Result<()> {
        match fs::remove_file(&self.0) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => {
                Err(error).with_context(|| format!("{} cannot be removed", self.0.display()))
            }
            _ => Ok(()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_copy_goes_on_between_the_same_stores_or_not_at_all() {
        let folder = tempfile::tempdir().expect("a folder");
        let file = StateFile::new(&folder.path().join("state"));
        let new = |to: &str| State::new("embedded:/a".into(), to.into(), false);
        assert_eq!(file.find(&new("b")).expect("nothing is there"), None);
        let mut state = new("b");
        state.begin(Stage::Events);
        state.set_next(Some(&[0, 255, 16]));
        state.apps.insert(4_111);
        file.save(&state).expect("it is written");
        let found = file.find(&new("b")).expect("it is there").expect("it is there");
        assert_eq!(found, state);
        assert_eq!(found.next().expect("a place"), Some(vec![0, 255, 16]));
        let said = file.find(&new("c")).expect_err("it is of others").to_string();
        assert!(said.contains("is of a copy from embedded:/a to b"), "{said}");
        let cancelling = State::new("embedded:/a".into(), "b".into(), true);
        let said = file.find(&cancelling).expect_err("it is otherwise").to_string();
        assert!(said.contains("begun without --cancel-broadcasts"), "{said}");
        for text in ["", "{}", "{\"version\":1}"] {
            fs::write(&file.0, text).expect("a file");
            let said = file.find(&new("b")).expect_err("it is no state").to_string();
            assert!(said.contains("does not tell where"), "{said}");
        }
        file.remove().expect("it is removed");
        file.remove().expect("there is nothing to remove");
    }
}
