//! How long a file and a line may be.

use crate::tree::{Finding, Tree};

/// Of a Rust file, its tests not counted. Split by meaning: one file decides, the others compute.
const FILE_LINES_MAX: usize = 500;
const LINE_COLUMNS_MAX: usize = 100;
/// A file longer than this says at its head what it is.
const HEADLESS_LINES_MAX: usize = 50;

pub(super) fn files_are_short(tree: &Tree) -> Vec<Finding> {
    let own = tree.rust_files().filter(|(file, _)| !file.only_tests);
    let lines = own.map(|(file, masked)| (file, masked.own_lines()));
    let long = lines.filter(|(_, lines)| *lines > FILE_LINES_MAX);
    long.map(|(file, lines)| {
        file.finding(0, format!("{lines} lines without its tests, {FILE_LINES_MAX} at most"))
    })
    .collect()
}

/// What stands inside a literal is not counted: a vendor's sentence and a recorded answer are as
/// long as they are.
pub(super) fn lines_are_short(tree: &Tree) -> Vec<Finding> {
    let mut findings = Vec::new();
    for (file, masked) in tree.rust_files() {
        for (at, line) in masked.without_literals.lines().enumerate() {
            let columns = line.chars().count();
            if columns > LINE_COLUMNS_MAX {
                let text = format!("{columns} columns, {LINE_COLUMNS_MAX} at most");
                findings.push(file.finding(at + 1, text));
            }
        }
    }
    findings
}

pub(super) fn long_files_have_a_head(tree: &Tree) -> Vec<Finding> {
    let long = tree.rust_files().filter(|(file, _)| file.text.lines().count() > HEADLESS_LINES_MAX);
    let headless = long.filter(|(file, _)| !has_head(&file.text));
    headless.map(|(file, _)| file.finding(1, "begins without //! (what is this?)")).collect()
}

/// Attributes of the file may stand before its documentation.
fn has_head(text: &str) -> bool {
    let mut lines = text.lines().skip_while(|line| line.is_empty() || line.starts_with("#!["));
    lines.next().is_some_and(|line| line.starts_with("//!"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::tidy::check;

    #[test]
    fn counts_a_file_without_its_tests() {
        let own = "fn f() {}\n".repeat(500);
        let tests = "#[cfg(test)]\nmod tests {\n\n\n}\n";
        check(files_are_short, &[("a.rs", &format!("{own}{tests}"))], &[]);
        check(
            files_are_short,
            &[("a.rs", &format!("{own}\n{tests}"))],
            &["a.rs: 501 lines without its tests, 500 at most"],
        );
        check(files_are_short, &[("tests/a.rs", &format!("{own}\n"))], &[]);
        check(files_are_short, &[("a.md", &format!("{own}\n"))], &[]);
    }

    #[test]
    fn counts_columns_in_characters() {
        check(lines_are_short, &[("a.rs", &"é".repeat(100))], &[]);
        check(
            lines_are_short,
            &[("a.rs", &format!("\n{}", "x".repeat(101)))],
            &["a.rs:2: 101 columns, 100 at most"],
        );
        check(lines_are_short, &[("a.rs", &format!("f(\"{}\")", "x".repeat(101)))], &[]);
    }

    #[test]
    fn asks_for_a_head_over_fifty_lines() {
        let body = "\n".repeat(51);
        let headless = ["a.rs:1: begins without //! (what is this?)"];
        check(long_files_have_a_head, &[("a.rs", &body)], &headless);
        check(long_files_have_a_head, &[("a.rs", &format!("// a\n{body}"))], &headless);
        check(long_files_have_a_head, &[("a.rs", &body[1..])], &[]);
        check(long_files_have_a_head, &[("a.rs", &format!("//! It.\n{body}"))], &[]);
        check(
            long_files_have_a_head,
            &[("a.rs", &format!("#![expect(x)]\n\n//! It.\n{body}"))],
            &[],
        );
    }
}
