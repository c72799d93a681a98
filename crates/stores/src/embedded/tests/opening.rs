//! Whose folder it is.

use std::fs;
use std::path::Path;

use super::*;

fn refusal(folder: &Path) -> String {
    match Embedded::open(&Options::new(folder)) {
        Ok(_) => panic!("{} was opened", folder.display()),
        Err(refused) => refused.to_string(),
    }
}

fn names_in(folder: &Path) -> Vec<String> {
    let entries = fs::read_dir(folder).expect("a folder");
    let name = |entry: std::io::Result<fs::DirEntry>| {
        entry.expect("an entry").file_name().into_string().expect("UTF-8")
    };
    let mut names: Vec<String> = entries.map(name).collect();
    names.sort();
    names
}

#[test]
fn a_folder_is_made_for_nobody_else_to_see() {
    let parent = tempfile::tempdir().unwrap();
    let folder = parent.path().join("a").join("b");
    drop(open(&Options::new(&folder)));
    let expected = ["data.mdb", "lock.mdb", "whowas.format", "whowas.lock", "whowas.opening"];
    assert_eq!(names_in(&folder), expected);
    #[cfg(unix)]
    {
        use std::os::unix::fs::PermissionsExt;
        let mode = |path: &Path| fs::metadata(path).unwrap().permissions().mode() & 0o777;
        assert_eq!(mode(&folder), 0o700);
        assert_eq!(mode(&folder.join("data.mdb")), 0o600);
    }
}

#[test]
fn a_second_one_is_refused_and_told_which_folder() {
    let folder = tempfile::tempdir().unwrap();
    let first = open(&Options::new(folder.path()));
    let expected = format!("the store in {} is in use by another process", folder.path().display());
    assert_eq!(refusal(folder.path()), expected);
    assert_eq!(register(&first, 1, "a").unwrap(), [Registration::Created]);
    drop(first);
    let second = open(&Options::new(folder.path()));
    assert_eq!(name_of(&second, 1).unwrap().as_deref(), Some("a"));
}

#[test]
fn a_folder_of_something_else_is_left_as_it_was() {
    let folder = tempfile::tempdir().unwrap();
    fs::write(folder.path().join("data.mdb"), "something else").unwrap();
    let expected = format!(
        "{} holds files, but no whowas store: give an empty folder",
        folder.path().display()
    );
    assert_eq!(refusal(folder.path()), expected);
    assert_eq!(names_in(folder.path()), ["data.mdb"]);

    let long = "whowas store, format 1\n".repeat(4);
    for claim in ["", "whowas store, format", "whowas store, format 0\n", "{}", &long] {
        fs::write(folder.path().join("whowas.format"), claim).unwrap();
        assert_eq!(refusal(folder.path()), expected, "{claim}");
        assert_eq!(names_in(folder.path()), ["data.mdb", "whowas.format"]);
    }
}

#[test]
fn a_newer_format_is_left_as_it_was() {
    let folder = tempfile::tempdir().unwrap();
    fs::write(folder.path().join("whowas.format"), "whowas store, format 3\n").unwrap();
    let expected = format!(
        "the store in {} has format 3, and this program knows formats up to 2: use a newer whowas",
        folder.path().display()
    );
    assert_eq!(refusal(folder.path()), expected);
    assert_eq!(names_in(folder.path()), ["whowas.format"]);
}

#[test]
fn a_format_from_before_the_first_release_is_left_as_it_was() {
    let folder = tempfile::tempdir().unwrap();
    fs::write(folder.path().join("whowas.format"), "whowas store, format 1\n").unwrap();
    let expected = format!(
        "the store in {} has format 1, from before the first release, and this program reads \
         format 2: give an empty folder",
        folder.path().display()
    );
    assert_eq!(refusal(folder.path()), expected);
    assert_eq!(names_in(folder.path()), ["whowas.format"]);
}

#[test]
fn what_a_crash_left_of_a_first_start_is_no_obstacle() {
    let folder = tempfile::tempdir().unwrap();
    fs::write(folder.path().join("whowas.lock"), "").unwrap();
    fs::write(folder.path().join("whowas.format.new"), "whowas st").unwrap();
    fs::create_dir(folder.path().join("lost+found")).unwrap();
    let store = open(&Options::new(folder.path()));
    register(&store, 1, "a").unwrap();
    drop(store);
    assert_eq!(name_of(&open(&Options::new(folder.path())), 1).unwrap().as_deref(), Some("a"));
}

#[test]
fn a_file_in_the_place_of_the_folder_is_refused() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("file");
    fs::write(&path, "").unwrap();
    assert_eq!(refusal(&path), format!("cannot use the folder {}", path.display()));
}
