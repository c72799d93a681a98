//! What does not belong into the tree: others' code, built things, paths of one machine.

use std::{collections::BTreeSet, fs, path::Path};

use super::docs::resolve;
use crate::{
    rust::line_of,
    tree::{Finding, Tree},
};

const VENDORED_FOLDERS: &[&str] = &["node_modules", "third_party", "vendor", "__pycache__"];
const BUILT_ENDINGS: &[&str] = &[
    ".min.js",
    ".min.css",
    ".bundle.js",
    ".class",
    ".dll",
    ".dylib",
    ".exe",
    ".jar",
    ".o",
    ".so",
    ".tgz",
    ".whl",
    ".wasm",
    ".zip",
];
/// A line that no one has written.
const LINE_BYTES_MAX: usize = 5_000;

pub(super) fn nothing_is_vendored(tree: &Tree) -> Vec<Finding> {
    let mut findings = Vec::new();
    for path in &tree.paths {
        let name = path.rsplit('/').next().unwrap_or(path);
        let is_built = BUILT_ENDINGS.iter().any(|ending| name.ends_with(ending));
        if VENDORED_FOLDERS.contains(&name) || is_built {
            let text = "is vendored or built; install or build it instead".to_owned();
            findings.push(Finding { path: path.clone(), line: 0, text });
        }
    }
    for file in &tree.files {
        let longest = file.text.lines().position(|line| line.len() > LINE_BYTES_MAX);
        findings.extend(longest.map(|at| file.finding(at + 1, "a line that no one has written")));
    }
    findings
}

/// Neither the folder of this checkout nor a neighbour of it is known to anyone else's machine.
pub(super) fn no_path_of_this_machine(tree: &Tree) -> Vec<Finding> {
    let neighbours = neighbours(&tree.root);
    let mut findings = Vec::new();
    for file in &tree.files {
        let absolute = ["/home/", "/Users/", "/root/"].map(str::to_owned).into_iter();
        let own = neighbours.iter().map(|name| format!("{}/{name}/", parent(&tree.root)));
        for path in absolute.chain(own).filter(|_| file.path != THIS_FILE) {
            let places =
                file.text.match_indices(&path).filter(|(at, _)| !is_inside(&file.text, *at));
            findings.extend(places.map(|(at, _)| {
                file.finding(line_of(&file.text, at), format!("{path} is a path of one machine"))
            }));
        }
        for name in &neighbours {
            let path = format!("../{name}/");
            let is_ours = resolve(&file.path, &path).is_some_and(|it| tree.paths.contains(&it));
            let places = file.text.match_indices(&path).filter(|_| !is_ours);
            findings.extend(places.map(|(at, _)| {
                file.finding(line_of(&file.text, at), format!("{path} is outside the repository"))
            }));
        }
    }
    findings
}

/// It holds the patterns.
const THIS_FILE: &str = "xtask/src/tidy/foreign.rs";

/// Whether a path that begins here is the tail of a longer one (`.../root/`).
fn is_inside(text: &str, at: usize) -> bool {
    let before = text[..at].chars().next_back();
    before.is_some_and(|c| c.is_alphanumeric() || matches!(c, '.' | '_' | '-' | '}' | ')' | '$'))
}

fn parent(root: &Path) -> String {
    root.parent().map(|parent| parent.display().to_string()).unwrap_or_default()
}

/// The folders beside the checkout, and itself; none where strangers' folders lie (`/`, `/tmp`).
fn neighbours(root: &Path) -> BTreeSet<String> {
    let Some(parent) = root.parent() else { return BTreeSet::new() };
    if parent.parent().is_none() || parent == std::env::temp_dir() {
        return BTreeSet::new();
    }
    let folders = fs::read_dir(parent).into_iter().flatten().flatten();
    let folders = folders.filter(|it| it.file_type().is_ok_and(|kind| kind.is_dir()));
    folders.filter_map(|it| it.file_name().into_string().ok()).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::tidy::check;

    #[test]
    fn refuses_what_others_wrote_and_what_was_built() {
        let why = "is vendored or built; install or build it instead";
        check(
            nothing_is_vendored,
            &[("a/node_modules/b.js", ""), ("c.min.js", ""), ("d.rs", ""), ("console/e.js", "")],
            &[&format!("a/node_modules: {why}"), &format!("c.min.js: {why}")],
        );
        check(
            nothing_is_vendored,
            &[("a.js", &format!("\n{}", "x".repeat(5_001)))],
            &["a.js:2: a line that no one has written"],
        );
    }

    #[test]
    fn refuses_a_path_of_one_machine() {
        check(
            no_path_of_this_machine,
            &[("a.sh", "cd /home/me\ncd $DIR/root/\ncd \"${DIR}/home/x\"\n")],
            &["a.sh:1: /home/ is a path of one machine"],
        );
    }

    #[test]
    fn tells_a_neighbour_of_the_checkout() {
        let folder = std::env::temp_dir().join(format!("xtask-neighbours-{}", std::process::id()));
        fs::create_dir_all(folder.join("notes")).expect("a folder for the test");
        let found = neighbours(&folder.join("whowas"));
        fs::remove_dir_all(&folder).expect("it was just made");
        assert_eq!(found, BTreeSet::from(["notes".to_owned()]));
    }
}
