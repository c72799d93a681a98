//! How often a room log is wrong when it believes each webhook as it arrives, and how often ours
//! is.
//!
//! A simulation: nothing is sent and nothing measured. True histories are made up, told by
//! LiveKit's webhooks, and passed through a model of the queue that a LiveKit server sends them
//! from. What arrives goes to three logs, whose rows are compared with the truth. Everything is
//! drawn from one seed, so the same seed gives the same table. What the model leaves out stands in
//! `bench/README.md`.
//!
//! Read in this order: [`truth`], [`webhook`], [`queue`], [`naive`], [`ours`], [`verdict`],
//! [`table`].

use clap::Parser;

mod naive;
mod ours;
mod queue;
mod rows;
mod table;
mod truth;
mod verdict;
mod webhook;

use queue::{Receiver, deliver};
use table::Tally;
use truth::{Crash, CrashKind, DAY_MS, RoomDay};

#[derive(Parser)]
#[command(about = "The share of call histories that a room log gets wrong, by what went wrong")]
struct Cli {
    /// The same seed gives the same table
    #[arg(long, default_value_t = 1)]
    seed: u64,
    /// Days of one room each; about six calls a day
    #[arg(long, default_value_t = 4_000)]
    room_days: u64,
    /// Only the short table, by calls
    #[arg(long)]
    short: bool,
}

/// What a day has to offer besides calls.
struct Condition {
    name: &'static str,
    /// The receiver answers nothing for so long, once a day.
    down_ms: i64,
    /// The share of attempts to deliver that fail.
    failing: f64,
    crash: Option<CrashKind>,
}

const QUIET: Condition = Condition { name: "nothing amiss", down_ms: 0, failing: 0.0, crash: None };

const CONDITIONS: &[Condition] = &[
    QUIET,
    Condition { name: "one delivery in 100 is retried", failing: 0.01, ..QUIET },
    Condition { name: "the receiver is down for 10 s", down_ms: 10_000, ..QUIET },
    Condition { name: "the receiver is down for 40 s", down_ms: 40_000, ..QUIET },
    Condition { name: "the receiver is down for 5 min", down_ms: 300_000, ..QUIET },
    Condition { name: "the media server crashes", crash: Some(CrashKind::RoomsForgotten), ..QUIET },
    Condition {
        name: "the same, with its rooms in Redis",
        crash: Some(CrashKind::RoomsKept),
        ..QUIET
    },
];

fn main() -> anyhow::Result<()> {
    let cli = Cli::parse();
    anyhow::ensure!(cli.room_days > 0, "--room-days is at least 1");
    let mut rows = vec![];
    for condition in CONDITIONS {
        rows.push((condition.name, simulate(condition, cli.seed, cli.room_days)?));
    }
    print!("{}", table::render(&rows, cli.seed, cli.room_days, cli.short));
    Ok(())
}

/// The same rooms and calls under every condition.
fn simulate(condition: &Condition, seed: u64, room_days: u64) -> anyhow::Result<Tally> {
    let mut tally = Tally::default();
    for number in 0..room_days {
        let random = |stream| fastrand::Rng::with_seed(truth::mix(seed, number, stream));
        let at_ms = random(1).i64(0..DAY_MS);
        let crash = condition.crash.map(|kind| Crash { at_ms, kind });
        let day = RoomDay::draw(number, crash, &mut random(2));
        let down_ms = at_ms..at_ms + condition.down_ms;
        let told = webhook::tell(&day, &mut random(3));
        let receiver = Receiver { down_ms: down_ms.clone(), failing: condition.failing };
        let crashed_ms = crash.map(|crash| crash.at_ms);
        let arrivals = deliver(&told, &receiver, crashed_ms, &mut random(4));
        let touched = |call: &truth::Call| {
            let everywhere = down_ms.is_empty() && crash.is_none();
            everywhere || (call.started_ms < down_ms.end.max(at_ms + 1) && at_ms <= call.over_ms())
        };
        verdict::judge(&day, &told, &arrivals, touched, &mut tally)?;
    }
    Ok(tally)
}

#[cfg(test)]
mod tests {
    use super::*;

    const ROOM_DAYS: u64 = 25;

    fn run(condition: &Condition) -> Tally {
        simulate(condition, 7, ROOM_DAYS).expect("webhooks of our own are authentic")
    }

    #[test]
    fn nothing_is_wrong_that_was_told() {
        for condition in CONDITIONS {
            let tally = run(condition);
            assert!(tally.calls.all > 100, "{}", condition.name);
            assert_eq!(tally.rows.ours.wrong, 0, "{}", condition.name);
        }
    }

    #[test]
    fn on_a_quiet_day_connections_are_enough_and_users_are_not() {
        let tally = run(&QUIET);
        assert_eq!(tally.rows.ours.right, tally.rows.all);
        assert_eq!(tally.rows.by_connection, 0);
        assert!(tally.rows.by_user > 0);
    }

    #[test]
    fn ten_seconds_lose_nothing_and_six_hours_do() {
        let tally = run(&Condition { down_ms: 10_000, ..QUIET });
        assert_eq!(tally.rows.ours.right, tally.rows.all);
        // Less than that would touch too few of so few days.
        let tally = run(&Condition { down_ms: DAY_MS / 4, ..QUIET });
        assert!(tally.rows.ours.missing > 0);
        assert!(tally.rows.by_connection > 0);
    }

    #[test]
    fn the_same_seed_gives_the_same_table() {
        let tables = [1, 2].map(|_| {
            let rows = [("x", run(&Condition { failing: 0.2, ..QUIET }))];
            table::render(&rows, 7, ROOM_DAYS, false)
        });
        assert_eq!(tables[0], tables[1]);
    }
}
