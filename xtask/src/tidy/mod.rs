//! House rules, one small function for each, over the text of the tree.
//!
//! A rule that matters becomes a function in one of these files and a line in [`RULES`]; one that
//! does not is not argued about. Clippy has what clippy can: see `clippy.toml`.

use crate::tree::{Finding, Tree};

mod docs;
mod folders;
mod foreign;
mod names;
mod sizes;
mod words;

type Rule = fn(&Tree) -> Vec<Finding>;

const RULES: &[Rule] = &[
    sizes::files_are_short,
    sizes::lines_are_short,
    sizes::long_files_have_a_head,
    names::no_empty_suffixes,
    words::nothing_is_unfinished,
    words::no_unwrap_outside_tests,
    words::no_sleep_in_tests,
    words::no_clock_but_the_clock,
    folders::siblings_are_strangers,
    folders::dialects_have_the_same_files,
    folders::actions_have_a_row,
    docs::links_resolve,
    docs::changelog_tells_the_wire,
    foreign::nothing_is_vendored,
    foreign::no_path_of_this_machine,
];

pub(crate) fn run() -> anyhow::Result<Vec<Finding>> {
    let tree = Tree::read()?;
    Ok(RULES.iter().flat_map(|rule| rule(&tree)).collect())
}

/// A table of a rule's tests: files, and what is found in them.
#[cfg(test)]
#[track_caller]
fn check(rule: Rule, files: &[(&str, &str)], expected: &[&str]) {
    let found = rule(&crate::tree::tests::tree(files));
    assert_eq!(found.iter().map(ToString::to_string).collect::<Vec<_>>(), expected);
}
