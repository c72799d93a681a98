//! `whowas store check`: whether an embedded store is what it should be, and if not, what is wrong
//! and what can be done.

use std::fmt::Write as _;
use std::path::Path;
use std::time::{Duration, Instant};

use indicatif::HumanCount;
use serde_json::json;
use stores::embedded::{self, Report};
use tokio::task::spawn_blocking;

use crate::cli::CheckArgs;
use crate::command::{Ending, Failure, tell};
use crate::config;
use crate::note;

/// How often it is told how far it has come.
const TELL_EVERY: Duration = Duration::from_secs(5);

/// How many findings a person is shown; `--json` has more.
const SHOWN_MAX: usize = 50;

pub(super) async fn run(args: &CheckArgs) -> Result<Ending, Failure> {
    let folder = config::data_folder(&args.store)?;
    let began = Instant::now();
    let options = embedded::Options::new(&folder);
    let looked = spawn_blocking(move || {
        let mut told = Instant::now();
        embedded::check(&options, &mut |rows| {
            if told.elapsed() >= TELL_EVERY {
                told = Instant::now();
                note(&format!("looked at {} rows", HumanCount(rows)));
            }
        })
    });
    let report = looked.await.map_err(anyhow::Error::new)?.map_err(anyhow::Error::new)?;
    tell(&match args.json {
        true => as_json(&report),
        false => as_text(&report, &folder, began.elapsed()),
    })?;
    Ok(if report.is_clean() { Ending::Done } else { Ending::SomeRefused })
}

fn as_json(report: &Report) -> String {
    let findings = report.findings.iter().map(|finding| {
        json!({
            "table": finding.table,
            "key": finding.key,
            "problem": finding.problem.to_string(),
        })
    });
    let told = json!({
        "rows": report.rows,
        "found": report.found,
        "findings": findings.collect::<Vec<_>>(),
        "compared": report.is_compared,
        "roomsPassedOver": report.rooms_passed_over,
    });
    format!("{told}\n")
}

fn as_text(report: &Report, folder: &Path, took: Duration) -> String {
    let mut text = String::new();
    let folder = folder.display();
    for finding in report.findings.iter().take(SHOWN_MAX) {
        let key = if finding.key.is_empty() { "the table" } else { &finding.key };
        let _ = writeln!(text, "{}, {key}: {}", finding.table, finding.problem);
    }
    if let more @ 1.. = report.found - report.findings.len().min(SHOWN_MAX) as u64 {
        let _ = writeln!(text, "... and {} more; --json lists up to 1,000.", HumanCount(more));
    }
    let rows = HumanCount(report.rows.values().sum());
    let took = took.as_secs_f64();
    if report.is_clean() {
        let _ = writeln!(text, "{folder} is whole: {rows} rows in {took:.1} s.");
    } else {
        let found = HumanCount(report.found);
        let _ = writeln!(text, "{folder}: {found} findings in {rows} rows, in {took:.1} s.");
        text.push_str(match report.has_lost_records() {
            true => LOST,
            false => REPEATED,
        });
    }
    if let rooms @ 1.. = report.rooms_passed_over {
        let _ = writeln!(
            text,
            "{} rooms were not folded again: too many events, or just going away.",
            HumanCount(rooms)
        );
    }
    text
}

const LOST: &str = "\
Records are damaged, and whoever asks for them is told an error; all others are answered as ever. \
What follows from records was not compared. What to do: look at the disk (dmesg, smartctl), take a \
copy of the folder, and restore the last backup with `whowas store restore`.
";

const REPEATED: &str = "\
All records can be read; what only repeats them is not right, so answers may lack or double \
something. What to do: stop the server, make it again with `whowas store copy --from embedded:THIS \
--to embedded:NEW`, and start the server on the new folder. Please report it: it is a bug of ours, \
or of the disk.
";
