//! `whowas events dead`: a look at the dead letters.

use std::fmt::Write as _;

use indicatif::HumanCount;
use serde_json::{Value, json};

use super::{Ending, Failure, failed, printable, remote, tell};
use crate::cli::DeadArgs;

/// How many letters the server lists at once, at most.
const PAGE_LEN_MAX: u64 = 100;

pub(super) async fn run(args: &DeadArgs) -> Result<Ending, Failure> {
    let remote = remote(&args.target)?;
    let mut letters = vec![];
    let mut after = args.after;
    let mut total;
    loop {
        let limit = (args.limit - letters.len() as u64).min(PAGE_LEN_MAX);
        let page = remote.list(after, limit).await.map_err(failed)?;
        letters.extend(page.letters);
        (total, after) = (page.total, page.next);
        if after.is_none() || letters.len() as u64 >= args.limit {
            break;
        }
    }
    tell(&match args.json {
        true => format!("{}\n", json!({ "total": total, "letters": letters, "next": after })),
        false => table(&letters, total, after),
    })?;
    Ok(Ending::Done)
}

/// Without the bodies, which hold names of people.
fn table(letters: &[Value], total: u64, next: Option<u64>) -> String {
    let mut shown = String::new();
    let mut line = |columns: [&str; 5]| {
        let [id, received, door, bytes, reason] = columns;
        let written = writeln!(shown, "{id:>8}  {received:<27}  {door:<10}  {bytes:>6}  {reason}");
        written.expect("a String takes everything");
    };
    if !letters.is_empty() {
        line(["ID", "RECEIVED", "SOURCE", "BYTES", "REASON"]);
    }
    for letter in letters {
        let text = |name: &str| printable(letter[name].as_str().unwrap_or_default());
        let body = letter["body"].as_str().or(letter["bodyBase64"].as_str());
        let bytes = body.map_or("-".to_owned(), |body| body.len().to_string());
        line([
            &letter["id"].to_string(),
            &text("received"),
            &text("door"),
            &bytes,
            &text("reason"),
        ]);
    }
    let (count, of) = (HumanCount(letters.len() as u64), HumanCount(total));
    let more = match next {
        Some(next) if !letters.is_empty() => format!("; the next: --after {next}"),
        _ => String::new(),
    };
    let written = match total {
        0 => writeln!(shown, "There are no dead letters."),
        _ => writeln!(shown, "{count} of {of} dead letters{more}"),
    };
    written.expect("a String takes everything");
    shown
}

#[cfg(test)]
mod tests {
    use expect_test::expect;

    use super::*;

    #[test]
    fn a_table_shows_everything_but_bodies() {
        expect![[r#"
            There are no dead letters.
        "#]]
        .assert_eq(&table(&[], 0, None));
        let letters = [
            json!({ "id": 7, "door": "livekit", "received": "2026-11-20T12:00:00.25Z",
                    "reason": "no\nsense", "body": "{\"name\":\"Ada\"}" }),
            json!({ "id": 12, "door": "janus", "received": "2026-11-20T12:00:01Z",
                    "reason": "the body is not JSON" }),
        ];
        expect![[r#"
                  ID  RECEIVED                     SOURCE       BYTES  REASON
                   7  2026-11-20T12:00:00.25Z      livekit         14  no�sense
                  12  2026-11-20T12:00:01Z         janus            -  the body is not JSON
            2 of 1,300 dead letters; the next: --after 12
        "#]]
        .assert_eq(&table(&letters, 1_300, Some(12)));
    }
}
