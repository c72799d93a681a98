//! Pages of ListUserInfo, of the whole app.

use std::str::FromStr;

use anyhow::{Context, ensure};
use bytes::BytesMut;
use clap::Args;
use jiff::Timestamp;
use tokio::{io::AsyncWriteExt, net::TcpStream};

use crate::{Load, answer, drive::Plan, measure as measure_plan, requests, runtime};

#[derive(Args)]
pub(crate) struct ListArgs {
    /// `FROM:UNTIL:NUMBER` in Unix seconds, the first page being 1; several are asked in turn
    #[arg(long, required = true)]
    page: Vec<Page>,
    #[arg(long, default_value_t = 100)]
    size: u32,
}

#[derive(Args)]
pub(crate) struct AskArgs {
    #[arg(long)]
    page: Page,
    #[arg(long, default_value_t = 100)]
    size: u32,
}

#[derive(Clone, Copy)]
struct Page {
    from: Timestamp,
    until: Timestamp,
    number: u64,
}

impl FromStr for Page {
    type Err = anyhow::Error;

    fn from_str(text: &str) -> anyhow::Result<Self> {
        let parts: Vec<i64> = text.split(':').map(str::parse).collect::<Result<_, _>>()?;
        let &[from, until, number] = parts.as_slice() else {
            anyhow::bail!("FROM:UNTIL:NUMBER");
        };
        let [from, until] = [from, until].map(Timestamp::from_second);
        Ok(Self { from: from?, until: until?, number: u64::try_from(number)? })
    }
}

pub(crate) fn measure(load: &Load, args: &ListArgs) -> anyhow::Result<()> {
    let requests = args.page.iter().map(|page| request(load, page, args.size)).collect();
    let plan = Plan { requests, events: vec![], repeat: true, check: answer::listed() };
    measure_plan(load, plan)
}

/// Prints the body of the answer.
pub(crate) fn ask(load: &Load, args: &AskArgs) -> anyhow::Result<()> {
    let request = request(load, &args.page, args.size);
    let answer = runtime()?.block_on(async {
        let mut stream = TcpStream::connect(load.addr).await.context("no server")?;
        stream.write_all(&request).await?;
        answer::read(&mut stream, &mut BytesMut::new()).await
    })?;
    let body = String::from_utf8_lossy(&answer.body);
    ensure!(answer.status == 200, "{} {body}", answer.status);
    println!("{body}");
    Ok(())
}

fn request(load: &Load, page: &Page, size: u32) -> Vec<u8> {
    let target = load.target();
    let signer = requests::signer(&target);
    requests::list_page(&target, &signer, (page.from, page.until), (page.number, size))
}
