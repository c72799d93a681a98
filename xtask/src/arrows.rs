//! Who may depend on whom, proved with `cargo tree`.
//!
//! `server → dialects, sources, stores, console → domain`, and nothing else. Only what is built
//! into the program counts: tests (`[dev-dependencies]`) may go further.

use std::{
    collections::{BTreeMap, BTreeSet},
    process::Command,
};

use anyhow::{Context, ensure};

use crate::tree::Finding;

/// What a crate of ours may know of ours, and whose crates must be nowhere below it.
struct Arrow {
    from: &'static str,
    to: &'static [&'static str],
    without: &'static [&'static str],
}

const HTTP: &str = "http";
/// Frameworks, engines and I/O, which the domain and its neighbours leave to the server.
const ARROWS: &[Arrow] = &[
    Arrow {
        from: "whowas-domain",
        to: &[],
        without: &[
            HTTP,
            "hyper",
            "hyper-util",
            "axum",
            "tower",
            "tokio",
            "heed",
            "scylla",
            "reqwest",
        ],
    },
    Arrow { from: "whowas-stores", to: &["whowas-domain"], without: &[HTTP, "hyper", "axum"] },
    Arrow {
        from: "whowas-dialects",
        to: &["whowas-domain"],
        without: &["hyper", "axum", "tokio", "heed", "scylla"],
    },
    Arrow {
        from: "whowas-sources",
        to: &["whowas-domain"],
        without: &["hyper", "axum", "tokio", "heed", "scylla"],
    },
    Arrow { from: "whowas-console", to: &["whowas-domain"], without: &["heed", "scylla"] },
    Arrow {
        from: "whowas",
        to: &[
            "whowas-domain",
            "whowas-stores",
            "whowas-dialects",
            "whowas-sources",
            "whowas-console",
        ],
        without: &[],
    },
    Arrow {
        from: "whowas-histories",
        to: &["whowas-domain", "whowas-sources"],
        without: &["hyper", "tokio", "heed", "scylla"],
    },
    Arrow { from: "whowas-data", to: &[], without: &[HTTP, "hyper", "tokio", "heed", "scylla"] },
    Arrow { from: "whowas-load", to: &["whowas-data"], without: &[] },
    Arrow { from: "xtask", to: &[], without: &[] },
];

pub(crate) fn run() -> anyhow::Result<Vec<Finding>> {
    let members = names(&cargo_tree(&["--workspace", "--depth", "0"])?);
    let mut findings = Vec::new();
    for member in &members {
        let direct = names(&cargo_tree(&["-p", member, "--depth", "1"])?);
        let below = names(&cargo_tree(&["-p", member])?);
        let ours: BTreeSet<String> = direct.intersection(&members).cloned().collect();
        findings.extend(check(member, &ours, &below));
    }
    Ok(findings)
}

/// One line for each crate that is built into the program, on any platform, with any feature.
fn cargo_tree(arguments: &[&str]) -> anyhow::Result<String> {
    let cargo = env!("CARGO");
    let output = Command::new(cargo)
        .args(["tree", "--locked", "--all-features", "--target", "all", "-e", "normal,build"])
        .args(["--prefix", "none", "--format", "{p}"])
        .args(arguments)
        .output()
        .context("cargo tree")?;
    ensure!(output.status.success(), "cargo tree: {}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8(output.stdout).context("cargo tree wrote something that is not UTF-8")
}

/// `hyper v1.12.0 (*)` is called `hyper`.
fn names(lines: &str) -> BTreeSet<String> {
    lines
        .lines()
        .filter_map(|line| line.split(' ').next())
        .map(str::to_owned)
        .filter(|name| !name.is_empty())
        .collect()
}

fn check(from: &str, ours: &BTreeSet<String>, below: &BTreeSet<String>) -> Vec<Finding> {
    let arrows: BTreeMap<&str, &Arrow> = ARROWS.iter().map(|arrow| (arrow.from, arrow)).collect();
    let finding = |text: String| Finding { path: from.to_owned(), line: 0, text };
    let Some(arrow) = arrows.get(from) else {
        return vec![finding("is new: say in xtask/src/arrows.rs what it may know".to_owned())];
    };
    let known = ours.iter().map(String::as_str).filter(|name| *name != from);
    let wrong = known.filter(|name| !arrow.to.contains(name));
    let wrong = wrong.map(|name| finding(format!("must not depend on {name}")));
    let heavy = arrow.without.iter().filter(|name| below.contains(**name));
    wrong.chain(heavy.map(|name| finding(format!("has {name} somewhere below it")))).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn found(from: &str, ours: &[&str], below: &[&str], expected: &[&str]) {
        let set = |names: &[&str]| names.iter().map(ToString::to_string).collect();
        let found = check(from, &set(ours), &set(below));
        assert_eq!(found.iter().map(ToString::to_string).collect::<Vec<_>>(), expected);
    }

    #[test]
    fn reads_the_lines_of_cargo() {
        let lines = "whowas-domain v0.1.0 (/a/crates/domain)\nsha2 v0.11.1\n\nsha2 v0.11.1 (*)\n";
        assert_eq!(names(lines), BTreeSet::from(["sha2".to_owned(), "whowas-domain".to_owned()]));
    }

    #[test]
    fn arrows_point_to_the_domain() {
        found("whowas", &["whowas", "whowas-stores", "whowas-domain"], &["hyper", "heed"], &[]);
        found("whowas-stores", &["whowas-stores", "whowas-domain"], &["heed"], &[]);
        found(
            "whowas-dialects",
            &["whowas-dialects", "whowas-stores"],
            &["heed"],
            &[
                "whowas-dialects: must not depend on whowas-stores",
                "whowas-dialects: has heed somewhere below it",
            ],
        );
        found(
            "whowas-domain",
            &["whowas-domain"],
            &["http", "sha2"],
            &["whowas-domain: has http somewhere below it"],
        );
        found(
            "xtask",
            &["xtask", "whowas-domain"],
            &[],
            &["xtask: must not depend on whowas-domain"],
        );
    }

    #[test]
    fn a_new_crate_says_what_it_may_know() {
        found(
            "whowas-plugin",
            &[],
            &[],
            &["whowas-plugin: is new: say in xtask/src/arrows.rs what it may know"],
        );
    }
}
