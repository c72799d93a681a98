//! Chores of the workspace: `cargo run -p xtask -- tidy` and `cargo run -p xtask -- arrows`.
//!
//! `tidy` looks at the files of the tree for house rules that neither the compiler nor clippy
//! knows; `arrows` asks cargo who depends on whom. Neither changes a file.

use std::process::ExitCode;

mod arrows;
mod rust;
mod tidy;
mod tree;

fn main() -> anyhow::Result<ExitCode> {
    let chore = std::env::args().nth(1).unwrap_or_default();
    let findings = match chore.as_str() {
        "tidy" => tidy::run()?,
        "arrows" => arrows::run()?,
        _ => anyhow::bail!("usage: cargo run -p xtask -- tidy | arrows"),
    };
    for finding in &findings {
        eprintln!("{finding}");
    }
    eprintln!("{chore}: {} found", findings.len());
    Ok(if findings.is_empty() { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}
