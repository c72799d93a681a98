//! `whowas broadcast ...`: the commands that look after the broadcasts of a running server.

use std::fmt::Write as _;
use std::process::ExitCode;

use http::Method;
use serde_json::{Value, json};

use crate::cli::BroadcastNamedArgs;
use crate::cli::{BroadcastArgs, BroadcastCommand, BroadcastListArgs};
use crate::command::{self, Ending, Failure, tell};
use crate::events::{failed, printable};
use crate::remote::Remote;

/// How many broadcasts the server lists at once, at most.
const PAGE_LEN_MAX: u64 = 100;

/// Runs a command to its end.
pub(crate) fn run(args: &BroadcastArgs) -> ExitCode {
    command::run(async {
        match &args.command {
            BroadcastCommand::List(args) => list(args).await,
            BroadcastCommand::Show(args) => one(args, Method::GET, "").await,
            BroadcastCommand::Retry(args) => one(args, Method::POST, "/retry").await,
            BroadcastCommand::Cancel(args) => one(args, Method::POST, "/cancel").await,
        }
    })
}

async fn list(args: &BroadcastListArgs) -> Result<Ending, Failure> {
    let (remote, app) = Remote::of_api(&args.target)?;
    let mut broadcasts: Vec<Value> = vec![];
    let mut after = args.after;
    loop {
        let limit = (args.limit - broadcasts.len() as u64).min(PAGE_LEN_MAX);
        let behind = after.map(|after| format!("&after={after}")).unwrap_or_default();
        let path = format!("broadcasts?limit={limit}{behind}");
        let mut page = remote.ask_api(Method::GET, app, &path).await.map_err(failed)?;
        let Value::Array(some) = page["broadcasts"].take() else {
            let reason = "the server answers, but not as whowas does";
            return Err(Failure::Failed(anyhow::anyhow!(reason)));
        };
        broadcasts.extend(some);
        let next = page["next"].as_u64();
        // Ids increase, so this ends; a server that went backwards would not let it.
        if next.is_none() || next <= after || broadcasts.len() as u64 >= args.limit {
            after = next;
            break;
        }
        after = next;
    }
    tell(&match args.json {
        true => format!("{}\n", json!({ "broadcasts": broadcasts, "next": after })),
        false => table(&broadcasts, after),
    })?;
    Ok(Ending::Done)
}

async fn one(args: &BroadcastNamedArgs, method: Method, wish: &str) -> Result<Ending, Failure> {
    let (remote, app) = Remote::of_api(&args.target)?;
    let path = format!("broadcasts/{}{wish}", args.id);
    let told = remote.ask_api(method, app, &path).await.map_err(failed)?;
    tell(&match args.json {
        true => format!("{told}\n"),
        false => all_of(&told),
    })?;
    Ok(Ending::Done)
}

fn table(broadcasts: &[Value], next: Option<u64>) -> String {
    let mut shown = String::new();
    let mut line = |columns: [&str; 6]| {
        let [id, state, created, action, users, failure] = columns;
        let line =
            format!("{id:>6}  {state:<9}  {created:<24}  {action:<21}  {users:>9}  {failure}");
        writeln!(shown, "{}", line.trim_end()).expect("a String takes everything");
    };
    if !broadcasts.is_empty() {
        line(["ID", "STATE", "CREATED", "ACTION", "USERS", "LAST FAILURE"]);
    }
    for job in broadcasts {
        let text = |name: &str| printable(job[name].as_str().unwrap_or_default());
        let number = |name: &str| job[name].as_u64().unwrap_or_default().to_string();
        let failure = job["lastFailure"]["reason"].as_str().unwrap_or_default();
        let (state, created, action) = (text("state"), text("created"), text("action"));
        line([&number("id"), &state, &created, &action, &number("users"), &printable(failure)]);
    }
    let written = match (broadcasts.len(), next) {
        (0, _) => writeln!(shown, "There are no broadcasts."),
        (_, Some(next)) => writeln!(shown, "There are more: --after {next}"),
        (_, None) => Ok(()),
    };
    written.expect("a String takes everything");
    shown
}

/// Each field on a line of its own.
fn all_of(job: &Value) -> String {
    let mut shown = String::new();
    for (name, value) in job.as_object().into_iter().flatten() {
        let value = match value {
            Value::Null => continue,
            Value::String(text) => printable(text),
            other => printable(&other.to_string()),
        };
        writeln!(shown, "{name:<12} {value}").expect("a String takes everything");
    }
    shown
}

#[cfg(test)]
mod tests {
    use expect_test::expect;

    use super::*;

    #[test]
    fn a_table_has_a_line_for_each() {
        expect![[r#"
            There are no broadcasts.
        "#]]
        .assert_eq(&table(&[], None));
        let job = |id: u64, failure: Value| {
            json!({ "id": id, "state": "waiting", "created": "2026-11-21T02:02:43.000Z",
                    "action": "SendMessageToAllUsers", "users": 2_000, "lastFailure": failure })
        };
        let jobs = [job(7, Value::Null), job(12, json!({ "status": 503, "reason": "n\no" }))];
        expect![[r#"
                ID  STATE      CREATED                   ACTION                     USERS  LAST FAILURE
                 7  waiting    2026-11-21T02:02:43.000Z  SendMessageToAllUsers       2000
                12  waiting    2026-11-21T02:02:43.000Z  SendMessageToAllUsers       2000  n�o
            There are more: --after 12
        "#]]
        .assert_eq(&table(&jobs, Some(12)));
    }

    #[test]
    fn one_is_shown_field_by_field() {
        let job = json!({ "id": 7, "expires": null, "message": { "Content": "a\u{1b}[2J" } });
        expect![[r#"
            id           7
            message      {"Content":"a\u001b[2J"}
        "#]]
        .assert_eq(&all_of(&job));
    }
}
