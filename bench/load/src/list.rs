//! Pages of ListUserInfo: of the whole app, of a room, of a user.

use std::str::FromStr;

use anyhow::{Context, ensure};
use bytes::BytesMut;
use clap::Args;
use jiff::Timestamp;
use tokio::{io::AsyncWriteExt, net::TcpStream};

use crate::{Load, answer, drive::Plan, measure as measure_plan, requests, runtime, senders};

#[derive(Args)]
pub(crate) struct ListArgs {
    /// `FROM:UNTIL:NUMBER` in Unix seconds, the first page being 1; several are asked in turn
    #[arg(long, required = true)]
    page: Vec<Page>,
    #[command(flatten)]
    of: Of,
}

#[derive(Args)]
pub(crate) struct AskArgs {
    #[arg(long)]
    page: Page,
    #[command(flatten)]
    of: Of,
}

/// Which stays.
#[derive(Args)]
struct Of {
    /// Of one room only
    #[arg(long)]
    room: Option<String>,
    /// Of one user only
    #[arg(long)]
    user: Option<String>,
    /// With those of servers
    #[arg(long)]
    with_servers: bool,
    /// The RTC id of the app
    #[arg(long, default_value = senders::RTC_ID)]
    rtc_id: String,
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
    let requests = args.page.iter().map(|page| request(load, page, &args.of)).collect();
    let plan = Plan { requests, events: vec![], repeat: true, check: answer::listed() };
    measure_plan(load, plan)
}

/// Prints the body of the answer.
pub(crate) fn ask(load: &Load, args: &AskArgs) -> anyhow::Result<()> {
    let request = request(load, &args.page, &args.of);
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

fn request(load: &Load, page: &Page, of: &Of) -> Vec<u8> {
    let target = load.target();
    let signer = requests::signer(&target);
    requests::get_signed(&target, &signer, &query(page, of))
}

/// Sorted by name and escaped, as the signature wants it.
fn query(page: &Page, of: &Of) -> String {
    let Of { rtc_id, size, .. } = of;
    let optional = |name, value: &Option<String>| {
        value.as_ref().map_or(String::new(), |value| format!("&{name}={}", escaped(value)))
    };
    let [from, until] = [page.from, page.until].map(requests::escaped);
    // Without a word about them servers are left out.
    let servers = if of.with_servers { "&ExcludeServerUser=false" } else { "" };
    format!(
        "Action=ListUserInfo&AppId={rtc_id}&EndTime={until}{servers}&PageNum={}&PageSize={size}{}\
         &StartTime={from}{}&Version=2023-11-01",
        page.number,
        optional("RoomId", &of.room),
        optional("UserId", &of.user),
    )
}

fn escaped(text: &str) -> String {
    let is_plain = |byte: u8| byte.is_ascii_alphanumeric() || b"-_.~".contains(&byte);
    let escape = |byte| {
        if is_plain(byte) { char::from(byte).to_string() } else { format!("%{byte:02X}") }
    };
    text.bytes().map(escape).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_query_is_sorted_and_escaped() {
        let page = "0:3600:7".parse().expect("a page");
        let [room, user] = ["lesson 1", "recorder-2"].map(|text| Some(text.to_owned()));
        let of = Of { room, user, with_servers: true, rtc_id: "a".to_owned(), size: 100 };
        let query = query(&page, &of);
        let names: Vec<&str> =
            query.split('&').map(|pair| pair.split('=').next().expect("a name")).collect();
        assert!(names.is_sorted() && names.len() == 10, "{query}");
        assert!(query.contains("&RoomId=lesson%201&"), "{query}");
    }
}
