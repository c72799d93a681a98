//! `--dry-run`: whether this version understands each line. No server is asked, so nothing is known
//! of its clock and its retention.

use std::io;
use std::time::Instant;

use domain::AppId;
use sources::native;

use super::lines::{Line, Lines, Place};
use super::rejects::Rejects;
use super::tally::Tally;
use super::{Ending, Failure, Input, tell};
use crate::cli::LoadArgs;

pub(super) fn run(args: &LoadArgs, input: Input) -> Result<Ending, Failure> {
    let began = Instant::now();
    let rejects = Rejects::open(args.rejects.as_deref(), false)?;
    let tally = look(Lines::new(input.reader, Place::default()), &rejects)
        .map_err(|error| anyhow::anyhow!("{} cannot be read: {error}", args.file.display()))?;
    rejects.flush()?;
    tell(&match args.json {
        true => format!("{}\n", tally.json(began.elapsed())),
        false => format!("Nothing was sent.\n{}", tally.summary(began.elapsed())),
    })?;
    Ok(if tally.is_whole() { Ending::Done } else { Ending::SomeRefused })
}

fn look(mut lines: Lines<impl io::BufRead>, rejects: &Rejects) -> io::Result<Tally> {
    let mut tally = Tally::default();
    let mut reject = rejects.line();
    while let Some(line) = lines.next(&mut |part| reject.write(part, false))? {
        let number = lines.place().line;
        match line {
            Line::Malformed(reason, text) => {
                reject.write(text.as_deref().unwrap_or_default(), true)?;
                tally.malformed.add(number, reason);
            }
            Line::Object(event) => match understand(&event) {
                Ok(()) => tally.accepted += 1,
                Err(reason) => {
                    reject.write(&event, true)?;
                    tally.refused.add(number, reason);
                }
            },
        }
        tally.bytes = lines.place().offset;
    }
    Ok(tally)
}

fn understand(event: &[u8]) -> Result<(), String> {
    // Whose it would be makes no difference.
    let read = native::parse(AppId(1), Some(native::ONE), event);
    let one = read.map_err(|refused| refused.to_string())?.pop();
    one.unwrap_or_else(|| Err("the line holds no event".to_owned())).map(drop)
}
