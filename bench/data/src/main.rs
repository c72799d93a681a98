//! Prints the data in the form that one peer takes.

use std::io::{BufWriter, Write};

use clap::{Args, Parser, Subcommand};
use whowas_data::{
    calls::{self, Plan},
    copy, resp, tsv, users,
};

#[derive(Parser)]
#[command(about = "The data that every peer is given")]
struct Cli {
    #[command(subcommand)]
    what: What,
}

#[derive(Subcommand)]
enum What {
    /// Users, as lines for COPY
    UsersCopy {
        #[arg(long)]
        users: u64,
    },
    /// Users, as commands of Redis
    UsersResp {
        #[arg(long)]
        users: u64,
    },
    /// Stays, as lines for COPY
    StaysCopy {
        #[command(flatten)]
        log: Log,
    },
    /// Stays, as lines for ClickHouse
    StaysTsv {
        #[command(flatten)]
        log: Log,
    },
}

#[derive(Args)]
struct Log {
    #[arg(long)]
    stays: u64,
    #[arg(long)]
    users: u64,
    /// Unix time in seconds
    #[arg(long)]
    from: i64,
    /// Unix time in seconds
    #[arg(long)]
    until: i64,
    #[arg(long)]
    seed: u64,
    /// When a lesson begins to which thousands come in the same second, Unix time in seconds
    #[arg(long)]
    lesson: Option<i64>,
}

fn main() -> anyhow::Result<()> {
    match Cli::parse().what {
        What::UsersCopy { users } => print((1..=users).map(users::user), |text, user| {
            copy::write_user(text, &user);
        }),
        What::UsersResp { users } => print((1..=users).map(users::user), |text, user| {
            resp::write_user(text, &user);
        }),
        What::StaysCopy { log } => {
            print(calls::calls(log.plan()?), |text, call| copy::write_stays(text, &call))
        }
        What::StaysTsv { log } => {
            print(calls::calls(log.plan()?), |text, call| tsv::write_stays(text, &call))
        }
    }
}

impl Log {
    fn plan(&self) -> anyhow::Result<Plan> {
        anyhow::ensure!(self.from < self.until, "--from is before --until");
        anyhow::ensure!(self.users > 0, "--users is at least 1");
        Ok(Plan {
            stays: self.stays,
            users: self.users,
            from_unix_ms: self.from * 1_000,
            until_unix_ms: self.until * 1_000,
            seed: self.seed,
            lesson_unix_ms: self.lesson.map(|at_unix_s| at_unix_s * 1_000),
        })
    }
}

fn print<T>(items: impl Iterator<Item = T>, write: impl Fn(&mut String, T)) -> anyhow::Result<()> {
    let mut out = BufWriter::with_capacity(1 << 20, std::io::stdout().lock());
    let mut text = String::new();
    for item in items {
        text.clear();
        write(&mut text, item);
        out.write_all(text.as_bytes())?;
    }
    Ok(out.flush()?)
}
