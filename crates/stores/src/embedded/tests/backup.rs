//! A backup holds what was acknowledged before it began, and what is restored of it is the store.

use std::fs;
use std::io::{self, Write};
use std::path::Path;

use super::children::{behind, folder, said, spawn};
use super::*;
use crate::embedded::{BackupError, back_up, restore};

fn backup_of(folder: &Path) -> Vec<u8> {
    let mut out = vec![];
    let len = back_up(&Options::new(folder), &mut out, &mut |_| ()).expect("a backup");
    assert_eq!(len, out.len() as u64);
    out
}

fn restored(backup: &[u8], folder: &Path) -> Result<u64, BackupError> {
    restore(&mut { backup }, folder, &mut |_| ())
}

/// Not a test, but what the child of the next ones does.
#[test]
fn backs_up_again_and_again() {
    let Some(folder) = folder() else { return };
    let mut out = io::stdout();
    for number in 1.. {
        let len = backup_of(&folder).len();
        writeln!(out, "backup {number} {len}").and_then(|()| out.flush()).expect("told");
    }
}

#[test]
fn what_was_acknowledged_before_a_backup_is_in_it_while_writes_go_on() {
    let folder = tempfile::tempdir().unwrap();
    let mut child = spawn("durability::writes_until_it_is_killed", folder.path(), "");
    let lines = said(&mut child);
    let mut acknowledged = lines.filter_map(|line| behind("acknowledged", &line));
    for round in 0..3 {
        let before: i64 = acknowledged.nth(30).expect("it writes").parse().unwrap();
        let backup = backup_of(folder.path());
        let copy = tempfile::tempdir().unwrap();
        assert_eq!(restored(&backup, copy.path()).unwrap(), backup.len() as u64);
        let store = open(&Options::new(copy.path()));
        for number in 1..=before {
            assert_eq!(name_of(&store, number).unwrap().as_deref(), Some("a"), "{round}: {number}");
        }
        // A store like every other.
        assert_eq!(register(&store, i64::MAX, "b").unwrap(), [Registration::Created]);
        store.recount();
    }
    child.kill().unwrap();
    child.wait().unwrap();
}

#[test]
fn a_writer_comes_back_while_somebody_still_reads() {
    let folder = tempfile::tempdir().unwrap();
    let store = open(&Options::new(folder.path()));
    (1..=50).for_each(|number| drop(register(&store, number, "a").unwrap()));
    let mut child = spawn("backup::backs_up_again_and_again", folder.path(), "");
    let lines = said(&mut child);
    let mut told = lines.filter_map(|line| behind("backup ", &line));
    assert!(told.next().is_some());
    drop(store);
    for round in 1..=5 {
        let store = open(&Options::new(folder.path()));
        assert_eq!(register(&store, 100 + round, "b").unwrap(), [Registration::Created]);
        assert!(told.next().is_some());
        assert_eq!(name_of(&store, 1).unwrap().as_deref(), Some("a"));
    }
    child.kill().unwrap();
    child.wait().unwrap();
    let store = open(&Options::new(folder.path()));
    assert_eq!(name_of(&store, 105).unwrap().as_deref(), Some("b"));
}

#[test]
fn a_store_without_a_server_is_backed_up_too_and_left_as_it_was() {
    let folder = tempfile::tempdir().unwrap();
    let store = open(&Options::new(folder.path()));
    register(&store, 1, "a").unwrap();
    drop(store);
    let before = fs::read(folder.path().join("data.mdb")).unwrap();
    let backup = backup_of(folder.path());
    assert!(fs::read(folder.path().join("data.mdb")).unwrap() == before, "the data changed");
    assert!(backup.starts_with(b"whowas backup, store format 2"));
    let store = open(&Options::new(folder.path()));
    assert_eq!(name_of(&store, 1).unwrap().as_deref(), Some("a"));
}

#[test]
fn a_backup_that_nobody_takes_ends() {
    struct Full;
    impl Write for Full {
        fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
            match bytes.len() {
                0..64 => Ok(bytes.len()),
                _ => Err(io::ErrorKind::StorageFull.into()),
            }
        }
        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }
    let folder = tempfile::tempdir().unwrap();
    let store = open(&Options::new(folder.path()));
    for number in 1..=3_000 {
        register(&store, number, &"long".repeat(50)).unwrap();
    }
    drop(store);
    let refused = back_up(&Options::new(folder.path()), &mut Full, &mut |_| ()).unwrap_err();
    assert_eq!(refused.to_string(), "the backup cannot be written");
    let store = open(&Options::new(folder.path()));
    assert_eq!(register(&store, 1, "b").unwrap(), [Registration::Taken]);
}

#[test]
fn a_damaged_backup_leaves_the_folder_empty() {
    let folder = tempfile::tempdir().unwrap();
    drop(register(&open(&Options::new(folder.path())), 1, "a").unwrap());
    let backup = backup_of(folder.path());
    let refusal = |bytes: &[u8]| {
        let copy = tempfile::tempdir().unwrap();
        let told = restored(bytes, copy.path()).unwrap_err().to_string();
        let left = fs::read_dir(copy.path()).unwrap();
        let left: Vec<_> = left.map(|entry| entry.unwrap().file_name()).collect();
        assert!(left.iter().all(|name| name == "whowas.lock" || name == "whowas.opening"));
        // Nothing is in the way of another try.
        restored(&backup, copy.path()).unwrap();
        told
    };
    let mut flipped = backup.clone();
    flipped[5_000] ^= 1;
    assert_eq!(refusal(&flipped), "the backup is damaged: its checksum does not match");
    let cut = &backup[..backup.len() - 1];
    assert_eq!(refusal(cut), "the backup is cut off: its end is missing");
    assert_eq!(refusal(&backup[..20]), "this is no backup of a whowas store");
    assert_eq!(refusal(b""), "this is no backup of a whowas store");
    let newer = String::from_utf8_lossy(&backup[..32]).replace("format 2", "format 3");
    let newer = [newer.as_bytes(), &backup[32..]].concat();
    assert!(refusal(&newer).starts_with("the backup has format 3"));
    let older = String::from_utf8_lossy(&backup[..32]).replace("format 2", "format 1");
    let older = [older.as_bytes(), &backup[32..]].concat();
    assert!(refusal(&older).starts_with("the backup has format 1, from before"));
}

#[test]
fn only_an_empty_folder_is_restored_into() {
    let folder = tempfile::tempdir().unwrap();
    drop(register(&open(&Options::new(folder.path())), 1, "a").unwrap());
    let backup = backup_of(folder.path());
    let occupied = "the folder is not empty: a backup is restored into an empty one only";
    assert_eq!(restored(&backup, folder.path()).unwrap_err().to_string(), occupied);
    let other = tempfile::tempdir().unwrap();
    fs::write(other.path().join("letter.txt"), "dear").unwrap();
    assert_eq!(restored(&backup, other.path()).unwrap_err().to_string(), occupied);
    assert_eq!(fs::read_dir(other.path()).unwrap().count(), 1);
}

#[test]
fn a_restore_that_was_interrupted_is_no_store_until_it_is_done_again() {
    let folder = tempfile::tempdir().unwrap();
    drop(register(&open(&Options::new(folder.path())), 1, "a").unwrap());
    let backup = backup_of(folder.path());
    let half = tempfile::tempdir().unwrap();
    fs::write(half.path().join("whowas.restoring"), "").unwrap();
    fs::write(half.path().join("data.mdb"), &backup[32..5_000]).unwrap();
    let Err(refused) = Embedded::open(&Options::new(half.path())) else { panic!("it opens") };
    assert!(refused.to_string().contains("was interrupted"), "{refused}");
    restored(&backup, half.path()).unwrap();
    let store = open(&Options::new(half.path()));
    assert_eq!(name_of(&store, 1).unwrap().as_deref(), Some("a"));
}

#[test]
fn there_is_nothing_to_back_up_where_no_store_is() {
    let folder = tempfile::tempdir().unwrap();
    let missing = folder.path().join("missing");
    let refused = back_up(&Options::new(&missing), &mut vec![], &mut |_| ()).unwrap_err();
    assert_eq!(refused.to_string(), format!("there is no store in {}", missing.display()));
    assert!(!missing.exists());
}
