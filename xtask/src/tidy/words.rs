//! Words that must not be in code.

use crate::{
    rust::{line_of, words},
    tree::{File, Finding, Tree},
};

/// What says of itself that it is unfinished, in code.
const UNFINISHED: &[&str] = &["todo!", "unimplemented!", "dbg!", "#[ignore"];
/// The same, in comments and scripts.
const NOTES: &[&str] = &["FIXME", "XXX"];
/// Scripts and settings in which the notes are looked for too.
const SCRIPTS: &[&str] =
    &["go", "java", "js", "json", "kts", "mjs", "php", "py", "sh", "toml", "ts", "xml", "yml"];

pub(super) fn nothing_is_unfinished(tree: &Tree) -> Vec<Finding> {
    let mut findings = Vec::new();
    for file in &tree.files {
        if let Some(masked) = &file.rust {
            findings.extend(found(file, &masked.code, UNFINISHED));
            findings.extend(found(file, &masked.code_and_comments, NOTES));
        } else if file.path.rsplit('.').next().is_some_and(|end| SCRIPTS.contains(&end)) {
            findings.extend(found(file, &file.text, NOTES));
        }
    }
    findings
}

fn found(file: &File, text: &str, forbidden: &[&str]) -> Vec<Finding> {
    let places = forbidden.iter().flat_map(|word| words(text, word).map(move |at| (at, word)));
    places.map(|(at, word)| file.finding(line_of(text, at), format!("{word} is left"))).collect()
}

pub(super) fn no_unwrap_outside_tests(tree: &Tree) -> Vec<Finding> {
    let mut findings = Vec::new();
    for (file, masked) in tree.rust_files().filter(|(file, _)| !file.only_tests) {
        let places = words(&masked.code, ".unwrap()").filter(|at| !masked.is_test(*at));
        findings.extend(places.map(|at| {
            file.finding(line_of(&file.text, at), "unwrap() outside tests; expect() says why not")
        }));
    }
    findings
}

/// A test that sleeps is slow when it passes and fails when the machine is busy.
pub(super) fn no_sleep_in_tests(tree: &Tree) -> Vec<Finding> {
    let mut findings = Vec::new();
    for (file, masked) in tree.rust_files() {
        let sleeps = words(&masked.code, "sleep").chain(words(&masked.code, "sleep_until"));
        let called = sleeps.filter(|at| {
            let name =
                masked.code[*at..].trim_start_matches(|c: char| c.is_alphabetic() || c == '_');
            name.starts_with('(') && (file.only_tests || masked.is_test(*at))
        });
        findings.extend(called.map(|at| {
            file.finding(line_of(&file.text, at), "a test that sleeps; wait for the thing itself")
        }));
    }
    findings
}

/// Where a real clock would make an answer that no test can repeat.
const CLOCKLESS: &[&str] = &["crates/domain/", "crates/dialects/", "crates/sources/"];

pub(super) fn no_clock_but_the_clock(tree: &Tree) -> Vec<Finding> {
    let mut findings = Vec::new();
    for (file, masked) in tree.rust_files() {
        if CLOCKLESS.iter().any(|folder| file.path.starts_with(folder)) {
            findings.extend(words(&masked.code, "Instant::now").map(|at| {
                file.finding(line_of(&file.text, at), "take the time from domain::clock::Clock")
            }));
        }
    }
    findings
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::tidy::check;

    #[test]
    fn finds_what_is_left_unfinished() {
        check(
            nothing_is_unfinished,
            &[
                ("a.rs", "fn a() { todo!() }\n// FIXME: b\n#[ignore = \"slow\"]\nfn c() {}\n"),
                ("b.sh", "# XXX why\n"),
            ],
            &[
                "a.rs:1: todo! is left",
                "a.rs:3: #[ignore is left",
                "a.rs:2: FIXME is left",
                "b.sh:1: XXX is left",
            ],
        );
    }

    #[test]
    fn reads_over_literals_and_parts_of_words() {
        let text =
            "let key = \"AKLT FIXME XXX\"; // AKLTXXXX\nlet mytodo = 1; // todo! is a word\n";
        check(nothing_is_unfinished, &[("a.rs", text), ("b.md", "XXX")], &[]);
    }

    #[test]
    fn refuses_unwrap_outside_tests() {
        let text = "fn a() { b().unwrap(); b().unwrap_or(1); }\n\
                    #[cfg(test)]\nmod tests { fn c() { b().unwrap(); } }\n";
        check(
            no_unwrap_outside_tests,
            &[("a.rs", text), ("tests/b.rs", text)],
            &["a.rs:1: unwrap() outside tests; expect() says why not"],
        );
    }

    #[test]
    fn refuses_sleep_in_tests() {
        let text = "fn a() { sleep(1); }\n\
                    #[cfg(test)]\nmod tests { fn b() { thread::sleep(SECOND); let sleep = 1; } }\n";
        let why = "a test that sleeps; wait for the thing itself";
        check(no_sleep_in_tests, &[("a.rs", text)], &[&format!("a.rs:3: {why}")]);
        check(
            no_sleep_in_tests,
            &[("tests/a.rs", "tokio::time::sleep_until(at).await")],
            &[&format!("tests/a.rs:1: {why}")],
        );
    }

    #[test]
    fn refuses_a_real_clock_where_the_clock_is_meant() {
        let text = "let now = std::time::Instant::now();\n";
        check(
            no_clock_but_the_clock,
            &[("crates/domain/src/a.rs", text), ("crates/server/src/a.rs", text)],
            &["crates/domain/src/a.rs:1: take the time from domain::clock::Clock"],
        );
    }
}
