//! What a folder holds, and which folders know each other.

use std::collections::BTreeSet;

use crate::{
    rust::{line_of, words},
    tree::{Finding, Tree},
};

/// Folders whose folders do not know each other.
const SIBLINGS: &[&str] = &["crates/dialects/src", "crates/sources/src", "crates/stores/src"];

pub(super) fn siblings_are_strangers(tree: &Tree) -> Vec<Finding> {
    let mut findings = Vec::new();
    for parent in SIBLINGS {
        let folders = tree.folders_in(parent);
        for (file, masked) in tree.rust_files() {
            let inside = file.path.strip_prefix(parent).and_then(|rest| rest.strip_prefix('/'));
            let Some((own, rest)) = inside.and_then(|rest| rest.split_once('/')) else { continue };
            if is_suite(tree, parent, own) {
                continue;
            }
            let depth = rest.split('/').filter(|part| *part != "mod.rs").count() + 1;
            for (at, name) in used_from_root(&masked.code, depth) {
                if name != own && folders.contains(&name) {
                    let line = line_of(&file.text, at);
                    findings.push(file.finding(line, format!("{own} knows its sibling {name}")));
                }
            }
        }
    }
    findings
}

/// A folder that is built only for tests runs one suite on every sibling: it has to know them.
fn is_suite(tree: &Tree, parent: &str, folder: &str) -> bool {
    let root = format!("{parent}/{folder}/mod.rs");
    tree.files.iter().any(|file| file.path == root && file.only_tests)
}

/// The modules of the crate's root that a file names, as `crate::name`, `crate::{name, ...}` or
/// through as many `super::` as lead to the root from a module that deep.
fn used_from_root(code: &str, depth: usize) -> Vec<(usize, String)> {
    let mut used = Vec::new();
    let by_crate = words(code, "crate::").map(|at| (at, at + "crate::".len()));
    let by_super = words(code, "super::").filter_map(|at| {
        let names = &code[at..];
        let steps = names.as_bytes().chunks(7).take_while(|step| *step == b"super::").count();
        // A step that another one stands before was counted with it.
        let is_first = !code[..at].ends_with("super::");
        (is_first && steps >= depth).then_some((at, at + steps * "super::".len()))
    });
    for (at, names_at) in by_crate.chain(by_super) {
        used.extend(first_names(&code[names_at..]).into_iter().map(|name| (at, name)));
    }
    used
}

/// `a::b` begins with `a`; `{a::b, c::{d, e}}` with `a` and `c`.
fn first_names(rest: &str) -> Vec<String> {
    let Some(group) = rest.strip_prefix('{') else { return vec![name(rest).to_owned()] };
    let (mut depth, mut names, mut begins) = (0_usize, Vec::new(), true);
    for (at, c) in group.char_indices() {
        match c {
            '}' if depth == 0 => break,
            '{' => depth += 1,
            '}' => depth -= 1,
            ',' if depth == 0 => begins = true,
            c if begins && !c.is_whitespace() => {
                names.push(name(&group[at..]).to_owned());
                begins = false;
            }
            _ => {}
        }
    }
    names
}

fn name(rest: &str) -> &str {
    let end = rest.find(|c: char| !c.is_alphanumeric() && c != '_').unwrap_or(rest.len());
    &rest[..end]
}

const DIALECTS: &str = "crates/dialects/src";

/// What every dialect has; of two names separated by a bar, one.
const DIALECT_FILES: &[&str] = &[
    "mod.rs",
    "signature.rs|signature/mod.rs",
    "action.rs",
    "actions",
    "envelope.rs",
    "fault.rs",
    "captures",
    "README.md",
];

pub(super) fn dialects_have_the_same_files(tree: &Tree) -> Vec<Finding> {
    let mut findings = Vec::new();
    for dialect in tree.folders_in(DIALECTS) {
        for names in DIALECT_FILES {
            let there = names
                .split('|')
                .any(|name| tree.paths.contains(&format!("{DIALECTS}/{dialect}/{name}")));
            if !there {
                let text = format!("every dialect has {}", names.replace('|', " or "));
                findings.push(Finding { path: format!("{DIALECTS}/{dialect}"), line: 0, text });
            }
        }
    }
    findings
}

pub(super) fn actions_have_a_row(tree: &Tree) -> Vec<Finding> {
    let mut findings = Vec::new();
    for dialect in tree.folders_in(DIALECTS) {
        let readme = format!("{DIALECTS}/{dialect}/README.md");
        let text =
            tree.files.iter().find(|file| file.path == readme).map(|file| file.text.as_str());
        let rows: Vec<String> = text
            .unwrap_or_default()
            .lines()
            .filter(|line| line.trim_start().starts_with('|'))
            .map(str::to_lowercase)
            .collect();
        for action in actions_of(tree, &dialect) {
            // The vendor writes BatchGetUser what our file calls batch_get_user.
            let wire = action.replace('_', "");
            if !rows.iter().any(|row| words(row, &wire).next().is_some()) {
                let text = format!("the action {action} has no row");
                findings.push(Finding { path: readme.clone(), line: 0, text });
            }
        }
    }
    findings
}

fn actions_of(tree: &Tree, dialect: &str) -> BTreeSet<String> {
    let folder = format!("{DIALECTS}/{dialect}/actions/");
    let own = tree.rust_files().filter(|(file, _)| !file.only_tests);
    let inside = own.filter_map(|(file, _)| file.path.strip_prefix(&folder));
    let names = inside.map(|rest| rest.split('/').next().unwrap_or(rest).trim_end_matches(".rs"));
    names.filter(|name| *name != "mod").map(str::to_owned).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::tidy::check;

    const A: &str = "crates/stores/src/memory/mod.rs";
    const B: &str = "crates/stores/src/embedded/write.rs";

    #[test]
    fn siblings_do_not_know_each_other() {
        let knows = "crates/stores/src/embedded/write.rs:1: embedded knows its sibling memory";
        for text in [
            "use crate::memory::Users;",
            "use crate::{row, memory::{A, B}};",
            "use super::super::memory;",
            "let a = crate::memory::open();",
        ] {
            check(siblings_are_strangers, &[(A, ""), (B, text)], &[knows]);
        }
    }

    #[test]
    fn a_folder_knows_itself_and_what_is_no_folder() {
        for text in [
            "use crate::embedded::row;",
            "use crate::{row::memory, embedded::{memory}};",
            "use super::memory;",
            "// like crate::memory",
            "use other_crate::memory;",
        ] {
            check(siblings_are_strangers, &[(A, ""), (B, text)], &[]);
        }
    }

    #[test]
    fn a_suite_knows_whom_it_tests_and_nobody_else_does() {
        let knows = "#[cfg(test)]\nmod tests { use crate::memory; }\n";
        check(
            siblings_are_strangers,
            &[
                ("crates/stores/src/lib.rs", "#[cfg(test)]\nmod contract;\n"),
                ("crates/stores/src/contract/mod.rs", "use crate::memory;"),
                ("crates/stores/src/contract/users.rs", "use crate::memory;"),
                (A, ""),
                (B, knows),
            ],
            &["crates/stores/src/embedded/write.rs:2: embedded knows its sibling memory"],
        );
    }

    #[test]
    fn a_mod_rs_is_one_step_from_the_root() {
        check(
            siblings_are_strangers,
            &[(A, "use super::embedded;"), (B, "")],
            &["crates/stores/src/memory/mod.rs:1: memory knows its sibling embedded"],
        );
    }

    #[test]
    fn a_dialect_lacks_nothing() {
        let files = ["mod.rs", "signature/mod.rs", "action.rs", "actions/a.rs", "envelope.rs"]
            .map(|name| format!("{DIALECTS}/x/{name}"));
        let files: Vec<(&str, &str)> = files.iter().map(|path| (path.as_str(), "")).collect();
        check(
            dialects_have_the_same_files,
            &files,
            &[
                "crates/dialects/src/x: every dialect has fault.rs",
                "crates/dialects/src/x: every dialect has captures",
                "crates/dialects/src/x: every dialect has README.md",
            ],
        );
    }

    #[test]
    fn each_action_has_its_row() {
        let files = [
            ("crates/dialects/src/x/actions/mod.rs", ""),
            ("crates/dialects/src/x/actions/batch_get_user.rs", ""),
            ("crates/dialects/src/x/actions/list_user_info/mod.rs", ""),
            ("crates/dialects/src/x/README.md", "ListUserInfo\n| `BatchGetUser` | yes |\n"),
        ];
        check(
            actions_have_a_row,
            &files,
            &["crates/dialects/src/x/README.md: the action list_user_info has no row"],
        );
    }
}
