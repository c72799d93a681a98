//! The commands about the program itself, as people and packagers run them; and what is packaged
//! with it.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Output;

use serde_json::Value;

use crate::server::whowas;

fn run(words: &[&str]) -> (Option<i32>, String, String) {
    let Output { status, stdout, stderr } = whowas(words).output().expect("it runs");
    let text = |bytes| String::from_utf8(bytes).expect("text");
    (status.code(), text(stdout), text(stderr))
}

#[test]
fn a_config_is_checked_in_the_words_of_serve() {
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("whowas.toml");
    let check = |config: &str, command: &[&str]| {
        fs::write(&path, config).expect("written");
        run(&[command, &["--config", path.to_str().expect("text")]].concat())
    };
    let right = "listen = \"127.0.0.1:7\"\n[store]\nkind = \"memory\"\n\
                 [[apps]]\nid = 1\nname = \"one\"\nserver_secret = \"s\"\n";
    let (status, said, _) = check(right, &["config", "check"]);
    assert_eq!(status, Some(0));
    assert!(said.starts_with("The config is right.\n  listens   127.0.0.1:7\n"), "{said}");
    assert!(said.contains("  app       1 one\n"), "{said}");
    for wrong in ["listen = 7", "retention_days = 0", "nonsense = 1", "[tls]\ncert_file = \"a\""] {
        let (status, _, said) = check(wrong, &["config", "check"]);
        assert_eq!(status, Some(2), "{wrong}: {said}");
        assert_eq!((status, said), {
            let (status, _, said) = check(wrong, &["serve"]);
            (status, said)
        });
    }
}

#[test]
fn shells_are_told_the_words_and_every_command_has_a_page() {
    for shell in ["bash", "zsh", "fish", "elvish", "powershell"] {
        let (status, script, _) = run(&["completions", shell]);
        assert_eq!(status, Some(0), "{shell}");
        assert!(script.contains("backup") && script.contains("replay"), "{shell}");
    }
    let (_, page, _) = run(&["man"]);
    assert!(page.contains(".TH whowas 1"), "{page}");
    let folder = tempfile::tempdir().expect("a folder");
    assert_eq!(run(&["man", folder.path().to_str().expect("text")]).0, Some(0));
    for name in ["whowas", "whowas-serve", "whowas-store-backup", "whowas-events-load"] {
        assert!(folder.path().join(format!("{name}.1")).exists(), "{name}");
    }
}

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../..")
}

/// The names of metrics in a text, without what Prometheus adds to those of histograms.
fn metrics_in(text: &str) -> BTreeSet<String> {
    let is_of_name = |c: char| c.is_ascii_alphanumeric() || c == '_';
    let words = text.split(|c| !is_of_name(c)).filter(|word| word.starts_with("whowas_"));
    let bare = |word: &str| {
        let ends = ["_bucket", "_sum", "_count"];
        let end = ends.iter().find_map(|end| word.strip_suffix(end));
        end.unwrap_or(word).to_owned()
    };
    words.map(bare).collect()
}

#[test]
fn dashboards_and_alerts_name_metrics_that_there_are() {
    let described = fs::read_to_string(root().join("crates/server/src/observe.rs")).expect("read");
    let described = metrics_in(&described);
    let dashboard = root().join("packaging/grafana/whowas.json");
    let dashboard = fs::read_to_string(dashboard).expect("read");
    let parsed: Value = serde_json::from_str(&dashboard).expect("JSON");
    assert!(parsed["panels"].as_array().is_some_and(|panels| panels.len() > 10));
    let rules = root().join("packaging/prometheus/whowas.rules.yml");
    let rules = fs::read_to_string(rules).expect("read");
    for (what, named) in [("dashboard", metrics_in(&dashboard)), ("rules", metrics_in(&rules))] {
        assert!(named.len() >= 5, "{what}: {named:?}");
        let unknown: Vec<_> = named.difference(&described).collect();
        assert!(unknown.is_empty(), "the {what} names what there is not: {unknown:?}");
    }
}

#[test]
fn the_unit_runs_commands_that_there_are() {
    let unit = fs::read_to_string(root().join("packaging/systemd/whowas.service")).expect("read");
    let commands = unit.lines().filter_map(|line| {
        let (key, command) = line.split_once('=')?;
        key.starts_with("Exec").then(|| command.strip_prefix("/usr/bin/whowas ")).flatten()
    });
    let commands: Vec<&str> = commands.collect();
    assert_eq!(commands.len(), 2, "{commands:?}");
    for command in commands {
        let words: Vec<&str> = command.split(' ').take_while(|it| !it.starts_with('-')).collect();
        let (status, said, _) = run(&[&words[..], &["--help"]].concat());
        assert_eq!(status, Some(0), "{command}");
        assert!(said.contains("--config"), "{said}");
    }
}
