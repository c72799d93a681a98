//! The counts of each condition, and the tables that are printed.

use std::fmt::Write;

use crate::verdict::{Ours, Verdict};

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Counts {
    pub(crate) all: u64,
    pub(crate) by_user: u64,
    pub(crate) by_connection: u64,
    pub(crate) ours: OursCounts,
    pub(crate) ghosts: [u64; 3],
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct OursCounts {
    pub(crate) right: u64,
    pub(crate) inferred: u64,
    pub(crate) still_open: u64,
    pub(crate) missing: u64,
    pub(crate) wrong: u64,
}

#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Tally {
    pub(crate) calls: Counts,
    pub(crate) calls_touched: Counts,
    pub(crate) rows: Counts,
    pub(crate) rows_touched: Counts,
}

impl Counts {
    pub(crate) fn add(&mut self, verdict: Verdict) {
        self.all += 1;
        self.by_user += u64::from(verdict.by_user);
        self.by_connection += u64::from(verdict.by_connection);
        let ours = match verdict.ours {
            Ours::Right => &mut self.ours.right,
            Ours::Inferred => &mut self.ours.inferred,
            Ours::StillOpen => &mut self.ours.still_open,
            Ours::Missing => &mut self.ours.missing,
            Ours::Wrong => &mut self.ours.wrong,
        };
        *ours += 1;
        for (ghosts, is_open) in self.ghosts.iter_mut().zip(verdict.ghosts) {
            *ghosts += u64::from(is_open);
        }
    }

    fn share(&self, count: u64) -> String {
        // What is seldom is not rounded to nothing.
        let percent = 100.0 * count as f64 / self.all.max(1) as f64;
        match count {
            0 => "0".to_owned(),
            _ if percent < 0.1 => format!("{percent:.3} %"),
            _ if percent < 1.0 => format!("{percent:.2} %"),
            _ => format!("{percent:.1} %"),
        }
    }
}

/// A condition, and its counts.
type Line<'a> = (&'a str, Counts);

pub(crate) fn render(
    conditions: &[(&str, Tally)],
    seed: u64,
    room_days: u64,
    short: bool,
) -> String {
    let lines = |pick: fn(&Tally) -> Counts| {
        conditions.iter().map(|(name, tally)| (*name, pick(tally))).collect::<Vec<_>>()
    };
    let mut text = format!("Seed {seed}, {room_days} days of one room each.\n");
    summary(&mut text, &lines(|tally| tally.calls_touched));
    if !short {
        details(&mut text, "Calls that were on then", &lines(|tally| tally.calls_touched));
        details(&mut text, "All calls of the day", &lines(|tally| tally.calls));
        details(&mut text, "Rows of calls that were on then", &lines(|tally| tally.rows_touched));
        details(&mut text, "All rows of the day", &lines(|tally| tally.rows));
    }
    text
}

fn summary(text: &mut String, lines: &[Line<'_>]) {
    text.push_str(
        "\nWrong somewhere, of the calls that were on when:\n\n| | a line per user | a line per \
         connection | whowas: a time inferred, and marked | whowas: not told, so missing or open | \
         whowas: told, and wrong |\n| --- | --- | --- | --- | --- | --- |\n",
    );
    for (name, counts) in lines {
        let OursCounts { inferred, still_open, missing, wrong, .. } = counts.ours;
        let shares = [counts.by_user, counts.by_connection, inferred, missing + still_open, wrong]
            .map(|count| counts.share(count));
        writeln!(text, "| {name} | {} |", shares.join(" | ")).expect("a String takes everything");
    }
}

fn details(text: &mut String, title: &str, lines: &[Line<'_>]) {
    write!(
        text,
        "\n{title}:\n\n| condition | count | a line per user | of them ghosts | a line per \
         connection | of them ghosts | whowas: inferred | still open | missing | wrong | ghosts |\n\
         | --- | --- | --- | --- | --- | --- | --- | --- | --- | --- | --- |\n"
    )
    .expect("a String takes everything");
    for (name, counts) in lines {
        let OursCounts { inferred, still_open, missing, wrong, .. } = counts.ours;
        let [by_user_ghosts, by_connection_ghosts, our_ghosts] = counts.ghosts;
        let shares = [
            counts.by_user,
            by_user_ghosts,
            counts.by_connection,
            by_connection_ghosts,
            inferred,
            still_open,
            missing,
            wrong,
            our_ghosts,
        ]
        .map(|count| counts.share(count));
        writeln!(text, "| {name} | {} | {} |", counts.all, shares.join(" | "))
            .expect("a String takes everything");
    }
}
