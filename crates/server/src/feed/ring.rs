//! The last lines of an app's stream, which all of its listeners read: nothing is kept for one of
//! them alone. Who is further behind than the ring is long has missed something.

use std::collections::{BTreeSet, VecDeque};
use std::ops::Deref;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use bytes::{Bytes, BytesMut};
use domain::broadcast::Message;
use domain::ids::ParticipantId;
use domain::log::{Event, Inferred};
use tokio::sync::watch;
use tokio::time::Instant;

use super::line::{self, HEARTBEAT, Place};

/// How many lines of an app are kept.
pub(crate) const LINES_MAX: usize = 10_000;
/// How many bytes of lines of an app are kept.
pub(crate) const BYTES_MAX: usize = 16 << 20;
/// How many bytes a listener is given at once, unless one line has more.
const CHUNK_BYTES_MAX: usize = 64 << 10;
/// How long lines are still kept when nobody listens any more, for those who come back.
pub(crate) const KEPT_FOR: Duration = Duration::from_secs(600);
/// How many broadcasts may be known that came before others of smaller ids.
const TOLD_MAX: usize = 1_000;

/// What happened in an app, as far back as it is kept.
pub(crate) struct Ring {
    epoch: u64,
    is_on: AtomicBool,
    lines: Mutex<Lines>,
    tip: watch::Sender<u64>,
}

#[derive(Default)]
struct Lines {
    kept: VecDeque<Line>,
    bytes: usize,
    /// How many lines came before those that are kept.
    gone: u64,
    /// Up to which broadcast all were told.
    told_to: u64,
    /// Broadcasts behind that which were told.
    told: BTreeSet<u64>,
    /// How many listen.
    listeners: usize,
    /// Since when nobody does.
    quiet_since: Option<Instant>,
}

/// Somebody who listens, until it is dropped: as long the ring is not turned off.
pub(crate) struct Ear(Arc<Ring>);

struct Line {
    text: Bytes,
    /// Of whom it tells, if it tells of somebody.
    who: Option<ParticipantId>,
    /// Up to which broadcast all were told before it.
    broadcast_before: u64,
}

/// What a listener finds behind a line.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Found {
    /// Lines, and behind which line the next are.
    Lines(Bytes, u64),
    /// Nothing yet.
    Nothing,
    /// What comes next is gone.
    Gone,
}

/// Where a listener begins.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Start {
    /// Behind which line.
    pub(crate) line: u64,
    /// Where that is, in words for the listener.
    pub(crate) place: Place,
    /// Whether something is missing before it.
    pub(crate) gap: bool,
    /// These broadcasts are not among the lines, though the listener has not seen them: behind the
    /// first of the two ids, up to the second.
    pub(crate) broadcasts: Option<(u64, u64)>,
}

impl Ring {
    /// Nothing is kept until somebody listens.
    pub(crate) fn new(epoch: u64) -> Self {
        let lines = Mutex::default();
        Self { epoch, is_on: AtomicBool::new(false), lines, tip: watch::Sender::new(0) }
    }

    /// Whether anybody listens, or did so lately. If nobody did for [`KEPT_FOR`], what was kept is
    /// forgotten.
    pub(crate) fn is_on(&self) -> bool {
        if !self.is_on.load(Ordering::Acquire) {
            return false;
        }
        let mut lines = self.lines();
        let is_over = lines.listeners == 0
            && lines.quiet_since.is_some_and(|since| since.elapsed() > KEPT_FOR);
        if is_over && self.is_on.swap(false, Ordering::AcqRel) {
            lines.forget();
            self.show(&lines);
        }
        !is_over
    }

    /// Somebody begins to listen.
    pub(crate) fn listen(self: &Arc<Self>) -> Ear {
        self.lines().listeners += 1;
        Ear(self.clone())
    }

    /// From now on lines are kept, if they were not before; broadcasts up to this one count as
    /// told then.
    pub(crate) fn turn_on(&self, told_to: u64) {
        let mut lines = self.lines();
        if !self.is_on.load(Ordering::Acquire) {
            lines.told_all_to(told_to);
            lines.quiet_since = Some(Instant::now());
            self.is_on.store(true, Ordering::Release);
        }
    }

    /// Up to which broadcast all were told.
    pub(crate) fn told_to(&self) -> u64 {
        self.lines().told_to
    }

    /// All broadcasts up to this one count as told.
    pub(crate) fn told_all_to(&self, id: u64) {
        self.lines().told_all_to(id);
    }

    /// Tells of a broadcast, once.
    pub(crate) fn tell_broadcast(&self, id: u64, message: &Message) {
        if !self.is_on() {
            return;
        }
        let mut lines = self.lines();
        if let Some(broadcast_before) = lines.note(id) {
            let place = self.place(&lines, 1);
            let text = line::broadcast(place, id, message);
            lines.push(Line { text, who: None, broadcast_before });
            self.show(&lines);
        }
    }

    /// Tells of an event, if it is a join or a leave.
    pub(crate) fn tell_event(&self, event: &Event) {
        if let Some((name, told, who)) = line::presence(event) {
            self.tell(name, &told, Some(who));
        }
    }

    /// Tells of a join or a leave that nobody reported.
    pub(crate) fn tell_inferred(&self, change: &Inferred) {
        let (name, told) = line::inferred(change);
        self.tell(name, &told, Some(&change.participant));
    }

    /// Tells that something may be missing here.
    pub(crate) fn tell_gap(&self) {
        self.tell(line::GAP, "{}", None);
    }

    fn tell(&self, name: &str, told: &str, who: Option<&ParticipantId>) {
        let mut lines = self.lines();
        let (place, broadcast_before) = (self.place(&lines, 1), lines.told_to);
        let text = line::render(place, name, told);
        lines.push(Line { text, who: who.cloned(), broadcast_before });
        self.show(&lines);
    }

    /// Forgets what lines say of somebody. Places stay as they are: who comes back reads nothing
    /// there.
    pub(crate) fn erase(&self, who: &ParticipantId) {
        let mut guard = self.lines();
        let Lines { kept, bytes, .. } = &mut *guard;
        for line in kept.iter_mut().filter(|line| line.who.as_ref() == Some(who)) {
            *bytes = *bytes + HEARTBEAT.len() - line.text.len();
            (line.text, line.who) = (HEARTBEAT, None);
        }
    }

    /// Where a listener begins who was at a place before, if they say so.
    pub(crate) fn start(&self, last: Option<Option<Place>>) -> Start {
        let lines = self.lines();
        let at = |line: u64, broadcast| Place { epoch: self.epoch, line, broadcast };
        let Some(last) = last else {
            let place = self.place(&lines, 0);
            return Start { line: place.line, place, gap: false, broadcasts: None };
        };
        if let Some(last) = last
            && last.epoch == self.epoch
            && (lines.gone..=lines.tip()).contains(&last.line)
        {
            return Start { line: last.line, place: last, gap: false, broadcasts: None };
        }
        let before = lines.kept.front().map_or(lines.told_to, |line| line.broadcast_before);
        let seen = last.map(|last| last.broadcast).filter(|seen| *seen < before);
        let place = at(lines.gone, seen.unwrap_or(before));
        let broadcasts = seen.map(|seen| (seen, before));
        Start { line: lines.gone, place, gap: true, broadcasts }
    }

    /// What comes behind so many lines.
    pub(crate) fn read(&self, line: u64) -> Found {
        let lines = self.lines();
        let Some(skipped) = line.checked_sub(lines.gone) else { return Found::Gone };
        let skipped = usize::try_from(skipped).unwrap_or(usize::MAX);
        let mut behind = lines.kept.iter().skip(skipped).map(|line| &line.text);
        let Some(first) = behind.next() else { return Found::Nothing };
        let fits = |sum: &mut usize, text: &Bytes| {
            *sum += text.len();
            (*sum <= CHUNK_BYTES_MAX).then(|| text.clone())
        };
        let more: Vec<Bytes> = behind.scan(first.len(), |sum, text| fits(sum, text)).collect();
        let next = line + 1 + more.len() as u64;
        // Mostly it is one line, which then is the same for all listeners.
        if more.is_empty() {
            return Found::Lines(first.clone(), next);
        }
        let mut chunk = BytesMut::with_capacity(CHUNK_BYTES_MAX);
        chunk.extend_from_slice(first);
        more.iter().for_each(|text| chunk.extend_from_slice(text));
        Found::Lines(chunk.freeze(), next)
    }

    /// Shows how many lines there were, whenever there is one more.
    pub(crate) fn tip(&self) -> watch::Receiver<u64> {
        self.tip.subscribe()
    }

    fn show(&self, lines: &Lines) {
        self.tip.send_replace(lines.tip());
    }

    /// Behind so many lines more than there are.
    fn place(&self, lines: &Lines, more: u64) -> Place {
        Place { epoch: self.epoch, line: lines.tip() + more, broadcast: lines.told_to }
    }

    /// What a panicking thread left behind is whole, but for a line that nobody will miss.
    fn lines(&self) -> MutexGuard<'_, Lines> {
        self.lines.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Deref for Ear {
    type Target = Ring;

    fn deref(&self) -> &Ring {
        &self.0
    }
}

impl Drop for Ear {
    fn drop(&mut self) {
        let mut lines = self.0.lines();
        lines.listeners -= 1;
        lines.quiet_since = Some(Instant::now());
    }
}

impl Lines {
    /// Forgets all lines. Behind the last of them something is missing, too.
    fn forget(&mut self) {
        self.gone = self.tip() + 1;
        (self.kept, self.bytes) = (VecDeque::new(), 0);
    }

    fn tip(&self) -> u64 {
        self.gone + self.kept.len() as u64
    }

    fn push(&mut self, line: Line) {
        self.bytes += line.text.len();
        self.kept.push_back(line);
        while self.kept.len() > LINES_MAX || self.bytes > BYTES_MAX {
            let Some(line) = self.kept.pop_front() else { break };
            self.bytes -= line.text.len();
            self.gone += 1;
        }
    }

    /// Notes that a broadcast is being told; tells up to which one all were before, unless it was
    /// told.
    fn note(&mut self, id: u64) -> Option<u64> {
        if id <= self.told_to || !self.told.insert(id) {
            return None;
        }
        let before = self.told_to;
        if self.told.len() > TOLD_MAX
            && let Some(first) = self.told.first().copied()
        {
            self.told_to = first - 1;
        }
        while self.told.remove(&(self.told_to + 1)) {
            self.told_to += 1;
        }
        Some(before)
    }

    fn told_all_to(&mut self, id: u64) {
        self.told_to = self.told_to.max(id);
        self.told = self.told.split_off(&(self.told_to + 1));
        while self.told.remove(&(self.told_to + 1)) {
            self.told_to += 1;
        }
    }
}
