//! Events in batches, of calls as they are in live rooms, at full speed or at a rate: all made
//! before the first is sent.

use anyhow::ensure;
use clap::Args;
use whowas_data::{batches, happenings};

use crate::{
    Load, answer,
    drive::Plan,
    fill::{self, StaysArgs},
    measure as measure_plan, requests,
};

#[derive(Args)]
pub(crate) struct IngestArgs {
    #[command(flatten)]
    stays: StaysArgs,
    /// Events in one request
    #[arg(long, default_value_t = 100)]
    batch: usize,
    /// How many requests are made at most
    #[arg(long, default_value_t = 100_000)]
    requests: usize,
}

pub(crate) fn measure(load: &Load, args: &IngestArgs) -> anyhow::Result<()> {
    ensure!(args.batch > 0, "--batch is at least 1");
    let target = load.target();
    let happenings = happenings::happenings(args.stays.plan(load.seed));
    let (mut all, mut events) = (vec![], vec![]);
    // As many senders as connections: what one of them tells next waits behind the others.
    let batches = batches::batches(happenings, load.connections, args.batch);
    for batch in batches.take(args.requests) {
        events.push(u32::try_from(batch.happenings.len())?);
        all.push(requests::native(
            &target,
            batch.sender,
            &fill::batch(batch.happenings.into_iter()),
        ));
    }
    measure_plan(load, Plan { requests: all, events, repeat: false, check: answer::no_errors() })
}
