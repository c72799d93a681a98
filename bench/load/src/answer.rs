//! Reading answers: as much of HTTP/1.1 as a server of ours writes, and whether the work was done.

use anyhow::{Context, bail, ensure};
use bytes::{Buf, BytesMut};
use serde_json::Value;
use tokio::{io::AsyncReadExt, net::TcpStream};

/// An answer of this many bytes is not one of ours.
const ANSWER_BYTES_MAX: usize = 4 * 1024 * 1024;

pub(crate) struct Answer {
    pub(crate) status: u16,
    pub(crate) body: BytesMut,
}

/// Reads one answer; `unread` keeps what came after it.
pub(crate) async fn read(stream: &mut TcpStream, unread: &mut BytesMut) -> anyhow::Result<Answer> {
    let mut head = None;
    loop {
        if head.is_none() {
            head = parse_head(unread)?;
        }
        if let Some(Head { status, head_len, body_len }) = head
            && unread.len() >= head_len + body_len
        {
            unread.advance(head_len);
            return Ok(Answer { status, body: unread.split_to(body_len) });
        }
        ensure!(unread.len() < ANSWER_BYTES_MAX, "an answer over {ANSWER_BYTES_MAX} bytes");
        unread.reserve(16 * 1024);
        let read = stream.read_buf(unread).await.context("reading an answer")?;
        ensure!(read > 0, "the server closed the connection");
    }
}

#[derive(Clone, Copy, Debug, PartialEq)]
struct Head {
    status: u16,
    head_len: usize,
    body_len: usize,
}

fn parse_head(bytes: &[u8]) -> anyhow::Result<Option<Head>> {
    let Some(end) = bytes.windows(4).position(|window| window == b"\r\n\r\n") else {
        return Ok(None);
    };
    let text = std::str::from_utf8(&bytes[..end]).context("a head that is not text")?;
    let mut lines = text.split("\r\n");
    let status = lines.next().and_then(|line| line.split(' ').nth(1));
    let status = status.and_then(|it| it.parse().ok()).context("an answer without a status")?;
    for (name, value) in lines.filter_map(|line| line.split_once(':')) {
        if name.eq_ignore_ascii_case("content-length") {
            let body_len = value.trim().parse().context("a Content-Length that is no number")?;
            return Ok(Some(Head { status, head_len: end + 4, body_len }));
        }
    }
    bail!("an answer without a Content-Length");
}

/// What an answer's body must show.
pub(crate) type Check = Box<dyn Fn(&[u8]) -> anyhow::Result<()>>;

/// All users of a BatchGetUser.
pub(crate) fn found(each: usize) -> Check {
    Box::new(move |body| {
        let answer: Value = serde_json::from_slice(body).context("an answer that is not JSON")?;
        let users = answer["Result"]["Users"].as_array().map_or(0, Vec::len);
        ensure!(users == each, "{users} of {each} users were found; were they registered?");
        Ok(())
    })
}

/// No user of a RegisterUsers in FailedInfos.
pub(crate) fn none_failed() -> Check {
    Box::new(check_none_failed)
}

pub(crate) fn check_none_failed(body: &[u8]) -> anyhow::Result<()> {
    let answer: Value = serde_json::from_slice(body).context("an answer that is not JSON")?;
    let failed = answer["Result"]["FailedInfos"].as_array().context("no FailedInfos")?;
    ensure!(failed.is_empty(), "{} users failed, the first: {}", failed.len(), failed[0]);
    Ok(())
}

/// No refused event; hooks tell of none.
pub(crate) fn no_errors() -> Check {
    Box::new(check_no_errors)
}

pub(crate) fn check_no_errors(body: &[u8]) -> anyhow::Result<()> {
    let answer: Value = serde_json::from_slice(body).context("an answer that is not JSON")?;
    let errors = answer["errors"].as_array().map_or(0, Vec::len);
    ensure!(errors == 0, "{errors} events were refused, the first: {}", answer["errors"][0]);
    Ok(())
}

/// Rows of a ListUserInfo.
pub(crate) fn listed() -> Check {
    Box::new(|body| {
        let answer: Value = serde_json::from_slice(body).context("an answer that is not JSON")?;
        let rows = answer["Result"]["UserList"].as_array().map_or(0, Vec::len);
        ensure!(rows > 0, "no row was listed: {}", answer["Result"]["Total"]);
        Ok(())
    })
}

/// For a server that does no work.
pub(crate) fn anything() -> Check {
    Box::new(|_| Ok(()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_a_head_when_it_is_whole() {
        let head = b"HTTP/1.1 429 Too Many\r\ncontent-LENGTH: 3\r\nx: y\r\n\r\nabc";
        let expected = Head { status: 429, head_len: head.len() - 3, body_len: 3 };
        assert_eq!(parse_head(head).expect("a head"), Some(expected));
        assert_eq!(parse_head(&head[..30]).expect("no head yet"), None);
    }

    #[test]
    fn refuses_an_answer_of_unknown_length() {
        let error = parse_head(b"HTTP/1.1 200 OK\r\n\r\n").expect_err("no length");
        assert_eq!(error.to_string(), "an answer without a Content-Length");
    }

    #[test]
    fn a_user_that_failed_is_an_error() {
        let check = none_failed();
        check(br#"{"Result":{"FailedInfos":[]}}"#).expect("nobody failed");
        let error = check(br#"{"Result":{"FailedInfos":[7]}}"#).expect_err("one failed");
        assert_eq!(error.to_string(), "1 users failed, the first: 7");
    }
}
