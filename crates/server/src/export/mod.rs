//! `whowas stays list|export` and `whowas users get|export`: what a running server tells of its log
//! and its directory, page by page, into a table or a file.

pub(crate) mod args;
mod file;
mod rows;

use std::fmt::Write as _;
use std::process::ExitCode;

use domain::AppId;
use http::Method;
use percent_encoding::{NON_ALPHANUMERIC, utf8_percent_encode};
use serde_json::{Value, json};

use self::args::{
    Format, OutArgs, StaysArgs, StaysCommand, StaysListArgs, UsersExportArgs, UsersGetArgs,
    WhichStaysArgs,
};
use self::file::Out;
use self::rows::Columns;
use crate::cli::ApiTargetArgs;
use crate::command::{self, Ending, Failure, tell};
use crate::events::{failed, printable};
use crate::note;
use crate::progress::Progress;
use crate::remote::{Remote, Trouble};

/// How many rows are asked for at once.
const PAGE_LEN: u64 = 1_000;
/// How often a page is asked for again that did not come.
const TRIES_MAX: u32 = 5;

/// Runs `whowas stays ...`.
pub(crate) fn stays(args: &StaysArgs) -> ExitCode {
    command::run(async {
        match &args.command {
            StaysCommand::List(args) => list_stays(args).await,
            StaysCommand::Export(args) => {
                let query = args.which.query();
                export(&args.target, &args.out, &rows::STAYS, "stays", &query).await
            }
        }
    })
}

impl WhichStaysArgs {
    fn query(&self) -> Vec<(&'static str, &str)> {
        let given = [
            ("from", &self.from),
            ("until", &self.until),
            ("room", &self.room),
            ("user", &self.user),
        ];
        given.into_iter().filter_map(|(name, value)| Some((name, value.as_deref()?))).collect()
    }
}

fn path(name: &str, query: &[(&str, &str)], limit: u64, cursor: Option<&str>) -> String {
    let mut path = format!("{name}?limit={limit}");
    for (name, value) in query.iter().copied().chain(cursor.map(|it| ("cursor", it))) {
        let _ = write!(path, "&{name}={}", utf8_percent_encode(value, NON_ALPHANUMERIC));
    }
    path
}

/// A page: its rows, and the cursor of the next one.
async fn page(
    remote: &Remote,
    app: AppId,
    name: &str,
    path: &str,
) -> Result<(Vec<Value>, Option<String>), Trouble> {
    let mut page = remote.ask_api(Method::GET, app, path).await?;
    match page[name].take() {
        Value::Array(rows) => Ok((rows, page["next"].as_str().map(str::to_owned))),
        _ => Err(Trouble::Final("the server answers, but not as whowas does".to_owned())),
    }
}

async fn list_stays(args: &StaysListArgs) -> Result<Ending, Failure> {
    let (remote, app) = Remote::of_api(&args.target)?;
    let path = path("stays", &args.which.query(), args.limit, None);
    let (stays, next) = page(&remote, app, "stays", &path).await.map_err(failed)?;
    if args.json {
        tell(&format!("{}\n", json!({ "stays": stays, "next": next })))?;
        return Ok(Ending::Done);
    }
    tell(&table(&stays))?;
    if next.is_some() {
        note("whowas: there are more; --from shows later ones, `whowas stays export` all of them");
    }
    Ok(Ending::Done)
}

fn table(stays: &[Value]) -> String {
    let mut shown = String::new();
    let mut line = |cells: [&str; 6]| {
        let [joined, left, length, room, user, device] = cells;
        let (joined, left) = (&joined[..joined.len().min(19)], &left[..left.len().min(19)]);
        let row =
            format!("{joined:<19}  {left:<19}  {length:>8}  {room:<24}  {user:<24}  {device}");
        shown.push_str(row.trim_end());
        shown.push('\n');
    };
    line(["JOINED", "LEFT", "SECONDS", "ROOM", "USER", "DEVICE"]);
    for stay in stays {
        let text = |key: &str| printable(stay[key].as_str().unwrap_or_default());
        let left = stay["left"].as_str().unwrap_or("still there");
        let length = stay["durationS"].to_string();
        let (room, user, device) = (text("roomId"), text("userId"), text("device"));
        line([&text("joined"), left, &length, &room, &user, &device]);
    }
    shown
}

/// Runs `whowas users get`: those who are there are told; whoever is not makes it fail.
pub(crate) async fn get_users(args: &UsersGetArgs) -> Result<Ending, Failure> {
    let (remote, app) = Remote::of_api(&args.target)?;
    let mut missing = vec![];
    for id in &args.ids {
        let path = format!("users/{}", utf8_percent_encode(id, NON_ALPHANUMERIC));
        match remote.ask_api(Method::GET, app, &path).await {
            Ok(user) if args.json => tell(&format!("{user}\n"))?,
            Ok(user) => tell(&card(&user))?,
            Err(Trouble::Final(reason)) if reason.contains("nobody is registered with this id") => {
                missing.push(printable(id));
            }
            Err(trouble) => return Err(failed(trouble)),
        }
    }
    match missing.is_empty() {
        true => Ok(Ending::Done),
        false => Err(Failure::Failed(anyhow::anyhow!("nobody has the id {}", missing.join(", ")))),
    }
}

fn card(user: &Value) -> String {
    let mut shown = String::new();
    for (key, value) in user.as_object().into_iter().flatten() {
        let text = match value {
            Value::String(text) => printable(text),
            Value::Array(tags) => {
                let tags = tags.iter().filter_map(Value::as_str).map(printable);
                tags.collect::<Vec<_>>().join(", ")
            }
            other => printable(&other.to_string()),
        };
        shown.push_str(format!("{key:<10}{text}").trim_end());
        shown.push('\n');
    }
    shown.push('\n');
    shown
}

/// Runs `whowas users export`.
pub(crate) async fn export_users(args: &UsersExportArgs) -> Result<Ending, Failure> {
    let query: Vec<_> = args.tags.iter().map(|tags| ("tags", tags.as_str())).collect();
    export(&args.target, &args.out, &rows::USERS, "users", &query).await
}

async fn export(
    target: &ApiTargetArgs,
    out: &OutArgs,
    columns: &Columns,
    name: &'static str,
    query: &[(&str, &str)],
) -> Result<Ending, Failure> {
    let (remote, app) = Remote::of_api(target)?;
    let by_name = out.output.as_ref().and_then(|path| path.extension());
    let is_csv = out.format.map_or(by_name.is_some_and(|it| it == "csv"), |it| it == Format::Csv);
    let asked = json!({ "server": remote.server(), "app": app.0, "of": name, "csv": is_csv,
                        "query": query });
    let mut out = Out::open(out.output.as_deref(), asked)?;
    let mut progress = Progress::start(name, out.rows(), None);
    if is_csv && out.is_new() {
        out.write(&columns.head())?;
    }
    loop {
        let path = path(name, query, PAGE_LEN, out.cursor());
        let (rows, next) = tokio::select! {
            page = patiently(&remote, app, name, &path) => page.map_err(failed)?,
            _ = tokio::signal::ctrl_c() => return Ok(Ending::Interrupted),
        };
        let written = match is_csv {
            true => columns.csv(&rows),
            false => rows.iter().map(|row| format!("{row}\n")).collect(),
        };
        if !out.write(&written)? {
            return Ok(Ending::Done);
        }
        progress.add(rows.len());
        out.mark(rows.len() as u64, next)?;
        if out.cursor().is_none() {
            break;
        }
    }
    drop(progress);
    let rows = out.finish()?;
    note(&format!("whowas: {rows} {name}"));
    Ok(Ending::Done)
}

/// Asks for a page until it comes, if a repeat may help.
async fn patiently(
    remote: &Remote,
    app: AppId,
    name: &str,
    path: &str,
) -> Result<(Vec<Value>, Option<String>), Trouble> {
    let mut tries = 0;
    loop {
        tries += 1;
        match page(remote, app, name, path).await {
            Err(Trouble::Again(_)) if tries < TRIES_MAX => {
                tokio::time::sleep(std::time::Duration::from_secs(1 << tries)).await;
            }
            other => return other,
        }
    }
}
