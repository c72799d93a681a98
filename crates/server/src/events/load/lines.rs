//! Cuts a file into lines, and puts lines together into batches that the server takes.
//!
//! Deliberately judges nothing but whether a line is a JSON object: whether an event is one for the
//! log is the server's business, which may be newer than this program.

use std::io::{self, BufRead};
use std::ops::Range;

use bytes::Bytes;
use serde_json::value::RawValue;
use sources::native;

use super::tally::Faults;

/// How long a line may be, in bytes: a batch of one event has to be a body that the server takes.
pub(super) const LINE_BYTES_MAX: usize = native::BODY_BYTES_MAX - 2;

/// How many lines are read for one batch, at most, although few of them are events: how far the
/// load has come is told by batches.
const LINES_OF_A_BATCH_MAX: u64 = 100_000;

/// A place between two lines of a file.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Place {
    /// How many bytes are before it.
    pub(super) offset: u64,
    /// How many lines are before it.
    pub(super) line: u64,
}

/// A line that says something.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Line {
    /// A JSON object, without what surrounds it.
    Object(Vec<u8>),
    /// Something else: why, and the line itself, unless it is so long that it was passed on.
    Malformed(String, Option<Vec<u8>>),
}

/// The lines of an input.
pub(super) struct Lines<R> {
    input: R,
    place: Place,
}

/// Takes parts of a line that is too long, in order.
pub(super) type Overflow<'a> = &'a mut dyn FnMut(&[u8]) -> io::Result<()>;

impl<R: BufRead> Lines<R> {
    /// The lines of `input`, which stands at `place`.
    pub(super) fn new(input: R, place: Place) -> Self {
        Self { input, place }
    }

    /// Behind what was read last. `line` of it is that line's number, from 1.
    pub(super) fn place(&self) -> Place {
        self.place
    }

    /// The next line that is not blank.
    pub(super) fn next(&mut self, overflow: Overflow<'_>) -> io::Result<Option<Line>> {
        loop {
            let mut line = vec![];
            let limit = LINE_BYTES_MAX as u64 + 1;
            let read = io::Read::take(&mut self.input, limit).read_until(b'\n', &mut line)?;
            if read == 0 {
                return Ok(None);
            }
            self.place.offset += read as u64;
            self.place.line += 1;
            if line.len() > LINE_BYTES_MAX && line.last() != Some(&b'\n') {
                overflow(&line)?;
                drop(line);
                self.skip(overflow)?;
                let reason = format!("the line has more than {LINE_BYTES_MAX} bytes");
                return Ok(Some(Line::Malformed(reason, None)));
            }
            let first = self.place.line == 1;
            let text = line.strip_prefix(b"\xef\xbb\xbf".as_slice()).filter(|_| first);
            let text = text.unwrap_or(&line).trim_ascii();
            if !text.is_empty() {
                return Ok(Some(judge(text)));
            }
        }
    }

    /// Passes on the rest of a line, its end included.
    fn skip(&mut self, overflow: Overflow<'_>) -> io::Result<()> {
        loop {
            let buffer = self.input.fill_buf()?;
            let end = buffer.iter().position(|byte| *byte == b'\n').map(|end| end + 1);
            let taken = end.unwrap_or(buffer.len());
            overflow(&buffer[..taken])?;
            self.input.consume(taken);
            self.place.offset += taken as u64;
            if end.is_some() || taken == 0 {
                return Ok(());
            }
        }
    }
}

fn judge(text: &[u8]) -> Line {
    match serde_json::from_slice::<&RawValue>(text) {
        Ok(json) if json.get().starts_with('{') => Line::Object(text.to_vec()),
        Ok(_) => Line::Malformed("the line is not a JSON object".into(), Some(text.to_vec())),
        Err(fault) => {
            let reason = format!("the line is not JSON: see column {}", fault.column());
            Line::Malformed(reason, Some(text.to_vec()))
        }
    }
}

/// Some lines, to be sent together.
#[derive(Debug)]
pub(super) struct Batch {
    /// A JSON array of the events; empty if there are none.
    pub(super) body: Bytes,
    /// Each event: the number of its line, and where it stands in the body.
    pub(super) events: Vec<(u64, Range<usize>)>,
    /// The lines that are no events and were read for it.
    pub(super) malformed: Faults,
    /// Where the next batch begins.
    pub(super) end: Place,
    /// From the end of the batch before to the end of this one.
    pub(super) bytes: u64,
}

impl Batch {
    /// An event, as it stood in the file, and the number of its line.
    pub(super) fn event(&self, index: usize) -> Option<(u64, &[u8])> {
        let (number, range) = self.events.get(index)?;
        Some((*number, &self.body[range.clone()]))
    }
}

/// The batches of an input.
pub(super) struct Batches<R> {
    lines: Lines<R>,
    /// Where the next batch begins.
    begins: Place,
    /// An event that did not fit into the batch before.
    waiting: Option<(u64, Vec<u8>)>,
}

/// Takes a whole line, or a part of one, that is no event; told whether the line ends with it.
pub(super) type Reject<'a> = &'a mut dyn FnMut(&[u8], bool) -> io::Result<()>;

impl<R: BufRead> Batches<R> {
    pub(super) fn new(lines: Lines<R>) -> Self {
        Self { begins: lines.place(), lines, waiting: None }
    }

    /// The next batch; lines that are no events are passed to `reject`.
    pub(super) fn next(&mut self, reject: Reject<'_>) -> io::Result<Option<Batch>> {
        let mut body = vec![b'['];
        let mut events = vec![];
        let mut malformed = Faults::default();
        let mut end = self.begins;
        while end.line - self.begins.line < LINES_OF_A_BATCH_MAX {
            let next = match self.waiting.take() {
                Some(waiting) => Some(waiting),
                None => self.next_event(&mut malformed, reject)?,
            };
            let Some((number, event)) = next else {
                end = self.lines.place();
                break;
            };
            let bytes = body.len() + event.len() + 1;
            if events.len() == native::EVENTS_MAX || bytes > native::BODY_BYTES_MAX {
                self.waiting = Some((number, event));
                break;
            }
            if body.len() > 1 {
                body.push(b',');
            }
            events.push((number, body.len()..body.len() + event.len()));
            body.extend_from_slice(&event);
            end = self.lines.place();
        }
        if end == self.begins {
            return Ok(None);
        }
        body.push(b']');
        let bytes = end.offset - self.begins.offset;
        self.begins = end;
        Ok(Some(Batch { body: body.into(), events, malformed, end, bytes }))
    }

    fn next_event(
        &mut self,
        malformed: &mut Faults,
        reject: Reject<'_>,
    ) -> io::Result<Option<(u64, Vec<u8>)>> {
        loop {
            let line = self.lines.next(&mut |part| reject(part, false))?;
            let number = self.lines.place().line;
            match line {
                None => return Ok(None),
                Some(Line::Object(event)) => return Ok(Some((number, event))),
                Some(Line::Malformed(reason, text)) => {
                    reject(text.as_deref().unwrap_or_default(), true)?;
                    malformed.add(number, reason);
                }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The batches of a text, shown, and what was rejected.
    fn cut(text: &[u8]) -> (Vec<String>, Vec<u8>) {
        let mut batches = Batches::new(Lines::new(text, Place::default()));
        let mut shown = vec![];
        let mut rejected = vec![];
        let mut reject = |part: &[u8], is_last: bool| {
            rejected.extend_from_slice(part);
            rejected.extend(is_last.then_some(b'|'));
            Ok(())
        };
        while let Some(batch) = batches.next(&mut reject).expect("a text can be read") {
            let lines: Vec<u64> = batch.events.iter().map(|(number, _)| *number).collect();
            let body = String::from_utf8_lossy(&batch.body[..batch.body.len().min(60)]);
            let Place { offset, line } = batch.end;
            let malformed = batch.malformed.count;
            shown.push(format!("{body} of {lines:?}, {malformed} not; to {offset}, line {line}"));
        }
        (shown, rejected)
    }

    #[test]
    fn lines_become_batches_and_what_is_no_event_is_passed_on() {
        let text = b"\xef\xbb\xbf{\"a\":1}\r\n\n  {\"b\":2} \nnot json\n[1]\n{\"c\":3}";
        let (batches, rejected) = cut(text);
        assert_eq!(batches, [r#"[{"a":1},{"b":2},{"c":3}] of [1, 3, 6], 2 not; to 44, line 6"#]);
        assert_eq!(rejected, b"not json|[1]|");
        assert_eq!(cut(b""), (vec![], vec![]));
        assert_eq!(cut(b"x\n").0, ["[] of [], 1 not; to 2, line 1"]);
        assert_eq!(cut(b"\n\n").0, ["[] of [], 0 not; to 2, line 2"]);
    }

    #[test]
    fn a_batch_has_as_many_events_as_the_server_takes() {
        let text = "{}\n".repeat(native::EVENTS_MAX * 2 + 1);
        let mut batches = Batches::new(Lines::new(text.as_bytes(), Place::default()));
        let mut sizes = vec![];
        while let Some(batch) = batches.next(&mut |_, _| Ok(())).expect("it can be read") {
            sizes.push((batch.events.len(), batch.bytes, batch.end.line));
        }
        assert_eq!(sizes, [(1_000, 3_000, 1_000), (1_000, 3_000, 2_000), (1, 3, 2_001)]);
    }

    #[test]
    fn a_batch_has_as_many_bytes_as_the_server_takes() {
        let event = format!("{{\"a\":\"{}\"}}\n", "x".repeat(LINE_BYTES_MAX / 2 - 9));
        let text = event.repeat(3);
        let mut batches = Batches::new(Lines::new(text.as_bytes(), Place::default()));
        let mut sizes = vec![];
        while let Some(batch) = batches.next(&mut |_, _| Ok(())).expect("it can be read") {
            assert!(batch.body.len() <= native::BODY_BYTES_MAX);
            assert!(serde_json::from_slice::<Vec<&RawValue>>(&batch.body).is_ok());
            sizes.push((batch.events.len(), batch.end.offset));
        }
        let bytes = event.len() as u64;
        assert_eq!(sizes, [(2, 2 * bytes), (1, 3 * bytes)]);
    }

    #[test]
    fn the_longest_line_is_taken_and_a_longer_one_is_passed_on_and_skipped() {
        let line = |bytes: usize| format!("{{\"a\":\"{}\"}}", "x".repeat(bytes - 8));
        let (longest, longer) = (line(LINE_BYTES_MAX), line(LINE_BYTES_MAX + 1));
        let text = format!("{longest}\n{longer}\n{{}}\n{longer}");
        let (batches, rejected) = cut(text.as_bytes());
        assert_eq!(batches.len(), 2, "{batches:?}");
        // The longer one was read to see whether more events follow.
        assert!(batches[0].contains("of [1], 1 not; to 4194303, line 1"), "{batches:?}");
        let end = format!("[{{}}] of [3], 1 not; to {}, line 4", text.len());
        assert_eq!(batches[1], end);
        assert_eq!(rejected, format!("{longer}\n|{longer}|").as_bytes());
    }
}
