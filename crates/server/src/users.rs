//! `whowas users ...`: the commands that look after users of a running server.

use std::fmt::Write as _;
use std::io::{self, BufRead, IsTerminal as _, Write as _};
use std::process::ExitCode;

use domain::AppId;
use http::Method;
use percent_encoding::{NON_ALPHANUMERIC, utf8_percent_encode};
use serde_json::{Value, json};

use crate::cli::{UsersArgs, UsersCommand, UsersEraseArgs};
use crate::command::{self, Ending, Failure, tell};
use crate::events::{failed, printable};
use crate::export;
use crate::remote::{Remote, Trouble};

/// What a receipt counts, as the server calls it, and as people do.
const COUNTS: [(&str, &str); 6] = [
    ("profiles", "PROFILES"),
    ("connections", "CONNECTIONS"),
    ("deadLetters", "DEAD LETTERS"),
    ("events", "EVENTS"),
    ("snapshots", "SNAPSHOTS"),
    ("stays", "STAYS"),
];

/// Runs a command to its end.
pub(crate) fn run(args: &UsersArgs) -> ExitCode {
    command::run(async {
        match &args.command {
            UsersCommand::Get(args) => export::get_users(args).await,
            UsersCommand::Export(args) => export::export_users(args).await,
            UsersCommand::Erase(args) => erase(args).await,
        }
    })
}

/// One after the other, and each receipt is told as soon as it is whole: of those behind a failure
/// nothing is erased.
async fn erase(args: &UsersEraseArgs) -> Result<Ending, Failure> {
    let (remote, app) = Remote::of_api(&args.target)?;
    if !args.yes {
        confirm(args, app)?;
    }
    for (index, id) in args.ids.iter().enumerate() {
        let receipt = erase_one(&remote, app, id).await?;
        tell(&match args.json {
            true => format!("{}\n", receipt.json(app, id)),
            false => receipt.lines(id, index == 0),
        })?;
    }
    Ok(Ending::Done)
}

/// Asks whoever sits there. Where nobody can be asked, a script has to say that it means it.
fn confirm(args: &UsersEraseArgs, app: AppId) -> Result<(), Failure> {
    if !io::stdin().is_terminal() {
        let reason = "nobody can be asked here whether this is meant; --yes says that it is";
        return Err(Failure::Usage(reason.to_owned()));
    }
    let ids: Vec<String> = args.ids.iter().map(|id| printable(id)).collect();
    let question = format!("Erase {} from app {app}, for good? [y/N] ", ids.join(", "));
    // Not on standard output, where programs read receipts.
    let _ = write!(io::stderr(), "{question}");
    match is_yes(io::stdin().lock()) {
        true => Ok(()),
        false => Err(Failure::Failed(anyhow::anyhow!("nothing was erased"))),
    }
}

fn is_yes(mut answer: impl BufRead) -> bool {
    let mut line = String::new();
    let read = answer.read_line(&mut line);
    read.is_ok() && ["y", "yes"].contains(&line.trim().to_lowercase().as_str())
}

/// What all calls together erased, and when the last was over.
#[derive(Debug, Default)]
struct Receipt {
    /// One call may have shown more stays than it removed.
    counts: [i64; COUNTS.len()],
    at: String,
}

async fn erase_one(remote: &Remote, app: AppId, id: &str) -> Result<Receipt, Failure> {
    let path = format!("users/{}/erase", utf8_percent_encode(id, NON_ALPHANUMERIC));
    let mut receipt = Receipt::default();
    let mut cursor = String::new();
    loop {
        let told = remote.ask_api(Method::POST, app, &format!("{path}{cursor}")).await;
        let told = told.map_err(|trouble| cut_off(trouble, id))?;
        receipt.add(&told)?;
        match told["next"].as_str() {
            Some(next) => {
                cursor = format!("?cursor={}", utf8_percent_encode(next, NON_ALPHANUMERIC));
            }
            None => return Ok(receipt),
        }
    }
}

/// What is said when a call fails: if a repeat may pass, it does what is left.
fn cut_off(trouble: Trouble, id: &str) -> Failure {
    let is_passing = matches!(trouble, Trouble::Again(_));
    match failed(trouble) {
        Failure::Failed(error) if is_passing => Failure::Failed(anyhow::anyhow!(
            "{error:#}\nSome of what names {} may be left; the same command erases the rest.",
            printable(id)
        )),
        other => other,
    }
}

impl Receipt {
    fn add(&mut self, told: &Value) -> anyhow::Result<()> {
        for (sum, (name, _)) in self.counts.iter_mut().zip(COUNTS) {
            let count = told["erased"][name].as_i64();
            let strange = || anyhow::anyhow!("the server answers, but not as whowas does");
            *sum = sum.saturating_add(count.ok_or_else(strange)?);
        }
        told["at"].as_str().unwrap_or_default().clone_into(&mut self.at);
        Ok(())
    }

    fn json(&self, app: AppId, id: &str) -> Value {
        let counts = COUNTS.iter().zip(self.counts);
        let erased = counts.map(|((name, _), count)| ((*name).to_owned(), count.into())).collect();
        json!({ "app": app.0, "id": id, "erased": Value::Object(erased), "at": self.at })
    }

    /// A line of a table, behind its head if it is the first.
    fn lines(&self, id: &str, is_first: bool) -> String {
        let mut shown = String::new();
        let mut line = |at: &str, counts: &[String], id: &str| {
            let columns = counts.iter().zip(COUNTS);
            let columns: String =
                columns.map(|(count, (_, name))| format!("  {count:>0$}", name.len())).collect();
            writeln!(shown, "{at:<24}{columns}  {id}").expect("a String takes everything");
        };
        if is_first {
            line("ERASED AT", &COUNTS.map(|(_, name)| name.to_owned()), "USER");
        }
        line(&printable(&self.at), &self.counts.map(|count| count.to_string()), &printable(id));
        shown
    }
}

#[cfg(test)]
mod tests {
    use expect_test::expect;

    use super::*;

    #[test]
    fn a_receipt_is_the_sum_of_those_of_all_calls() {
        let told = |events: i64, stays: i64, at: &str| {
            json!({ "erased": { "profiles": 0, "connections": 0, "deadLetters": 0,
                                "events": events, "snapshots": 1, "stays": stays }, "at": at })
        };
        let mut receipt = Receipt::default();
        receipt.add(&told(256, -1, "2026-11-21T10:00:00.000Z")).expect("a receipt");
        receipt.add(&told(3, 9, "2026-11-21T10:00:01.000Z")).expect("a receipt");
        expect![[r#"
            ERASED AT                 PROFILES  CONNECTIONS  DEAD LETTERS  EVENTS  SNAPSHOTS  STAYS  USER
            2026-11-21T10:00:01.000Z         0            0             0     259          2      8  a�b
        "#]]
        .assert_eq(&receipt.lines("a\nb", true));
        assert_eq!(receipt.lines("anna", false).lines().count(), 1);
        expect![[r#"{"app":7,"at":"2026-11-21T10:00:01.000Z","erased":{"connections":0,"deadLetters":0,"events":259,"profiles":0,"snapshots":2,"stays":8},"id":"anna"}"#]]
            .assert_eq(&receipt.json(AppId(7), "anna").to_string());
        assert!(receipt.add(&json!({})).is_err());
    }

    #[test]
    fn only_yes_is_yes() {
        for yes in ["y\n", "Y", " yes \r\n", "YES\n"] {
            assert!(is_yes(yes.as_bytes()), "{yes:?}");
        }
        for no in ["", "\n", "n\n", "no\n", "yes please\n", "yy\n", "j\n"] {
            assert!(!is_yes(no.as_bytes()), "{no:?}");
        }
    }
}
