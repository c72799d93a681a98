//! Markdown: links that lead somewhere, and a change log that tells of the wire.

use crate::tree::{File, Finding, Tree};

pub(super) fn links_resolve(tree: &Tree) -> Vec<Finding> {
    let mut findings = Vec::new();
    for file in tree.files.iter().filter(|file| file.path.ends_with(".md")) {
        for (line, target) in links(file) {
            let path = target.split(['#', '?']).next().unwrap_or_default();
            let resolved = resolve(&file.path, path);
            let there = resolved.is_some_and(|it| it.is_empty() || tree.paths.contains(&it));
            if !there {
                findings.push(file.finding(line, format!("the link to {target} leads nowhere")));
            }
        }
    }
    findings
}

/// The local targets of a page's links, with their lines; what is shown as code is no link.
fn links(file: &File) -> Vec<(usize, String)> {
    let mut links = Vec::new();
    let mut in_code = false;
    for (at, line) in file.text.lines().enumerate() {
        if line.trim_start().starts_with("```") {
            in_code = !in_code;
        }
        if in_code {
            continue;
        }
        // Every second piece between backticks is code.
        let prose: String = line.split('`').step_by(2).collect::<Vec<_>>().join("`");
        for (_, rest) in prose.match_indices("](").map(|(at, it)| prose.split_at(at + it.len())) {
            let target = rest.split([')', ' ']).next().unwrap_or_default();
            let is_local = !target.contains("://")
                && !target.starts_with(['#', '/'])
                && !target.starts_with("mailto:");
            if is_local {
                links.push((at + 1, target.trim_matches(['<', '>']).to_owned()));
            }
        }
    }
    links
}

/// A path relative to a file, as a path relative to the root; none if it leaves the repository.
pub(super) fn resolve(from: &str, path: &str) -> Option<String> {
    let mut parts: Vec<&str> = from.split('/').collect();
    parts.pop();
    for part in path.split('/') {
        match part {
            "" | "." => {}
            ".." => drop(parts.pop()?),
            part => parts.push(part),
        }
    }
    Some(parts.join("/"))
}

const CHANGELOG: &str = "CHANGELOG.md";

/// Someone's client breaks on a changed byte: each one is told, under a heading of its own.
pub(super) fn changelog_tells_the_wire(tree: &Tree) -> Vec<Finding> {
    let file = tree.files.iter().find(|file| file.path == CHANGELOG);
    let is_wire = |line: &str| matches!(line.trim_start_matches('#').trim(), "Wire" | "**Wire**");
    if file.is_some_and(|file| file.text.lines().any(is_wire)) {
        return Vec::new();
    }
    let text = "has no section **Wire**".to_owned();
    vec![Finding { path: CHANGELOG.to_owned(), line: 0, text }]
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::tidy::check;

    #[test]
    fn a_link_leads_to_a_file_or_a_folder() {
        let text = "[a](b.md) [c](../d#e) [f](https://g/h) [i](#j)\n\
                    ![k](l.png \"m\") `[n](o)`\n```\n[p](q)\n```\n";
        check(
            links_resolve,
            &[("x/a.md", text), ("x/b.md", ""), ("d/e.rs", "")],
            &["x/a.md:2: the link to l.png leads nowhere"],
        );
    }

    #[test]
    fn a_link_does_not_leave_the_repository() {
        check(
            links_resolve,
            &[("a.md", "[b](../c.md)")],
            &["a.md:1: the link to ../c.md leads nowhere"],
        );
    }

    #[test]
    fn the_change_log_has_its_section() {
        check(changelog_tells_the_wire, &[("CHANGELOG.md", "# Changes\n\n**Wire**\n")], &[]);
        check(changelog_tells_the_wire, &[("CHANGELOG.md", "### Wire\n")], &[]);
        for files in [&[("CHANGELOG.md", "Wire or not\n")][..], &[]] {
            check(changelog_tells_the_wire, files, &["CHANGELOG.md: has no section **Wire**"]);
        }
    }
}
