//! Keys whose bytes sort as what they stand for.
//!
//! Numbers are big-endian, times have their sign bit flipped, and a text ends with a NUL, which no
//! id holds: so "a" comes before "ab", whatever follows.

use std::ops::Deref;

use smallvec::SmallVec;

/// The longest key that LMDB takes.
pub(super) const KEY_LEN_MAX: usize = 511;

/// How many bytes a key has without asking for memory: as most keys do.
const SHORT: usize = 96;

/// A key, or the beginning of one.
#[derive(Clone, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(super) struct Key(SmallVec<[u8; SHORT]>);

impl Key {
    pub(super) fn new() -> Self {
        Self(SmallVec::new())
    }

    pub(super) fn bytes(mut self, bytes: &[u8]) -> Self {
        self.0.extend_from_slice(bytes);
        self
    }

    pub(super) fn u8(self, number: u8) -> Self {
        self.bytes(&[number])
    }

    pub(super) fn u16(self, number: u16) -> Self {
        self.bytes(&number.to_be_bytes())
    }

    pub(super) fn u32(self, number: u32) -> Self {
        self.bytes(&number.to_be_bytes())
    }

    pub(super) fn u64(self, number: u64) -> Self {
        self.bytes(&number.to_be_bytes())
    }

    /// Microseconds or seconds since 1970, of either sign.
    pub(super) fn time(self, unix: i64) -> Self {
        self.bytes(&time_bytes(unix))
    }

    pub(super) fn text(self, text: &str) -> Self {
        self.bytes(text.as_bytes()).u8(0)
    }
}

/// The parts of a room's log, each of which is in its own order. All of them are in one table, so
/// that what happens in a small room touches one page.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u8)]
pub(super) enum Part {
    Facts,
    Standings,
    Watched,
    RoomEvents,
    Closers,
    FirstJoins,
    Calls,
    Uncalled,
    Minted,
}

impl Key {
    /// The beginning of the keys of one part of a room's log.
    pub(super) fn in_room(room: u64, part: Part) -> Self {
        Self::new().u64(room).u8(part as u8)
    }
}

impl Deref for Key {
    type Target = [u8];

    fn deref(&self) -> &[u8] {
        &self.0
    }
}

pub(super) fn time_bytes(unix: i64) -> [u8; 8] {
    (unix.cast_unsigned() ^ (1 << 63)).to_be_bytes()
}

pub(super) fn time_from(bytes: [u8; 8]) -> i64 {
    (u64::from_be_bytes(bytes) ^ (1 << 63)).cast_signed()
}

/// Takes a key apart again. Each part is `None` if the key is too short for it.
pub(super) struct KeyParts<'k>(pub(super) &'k [u8]);

impl<'k> KeyParts<'k> {
    pub(super) fn array<const LEN: usize>(&mut self) -> Option<[u8; LEN]> {
        let (head, rest) = self.0.split_first_chunk::<LEN>()?;
        self.0 = rest;
        Some(*head)
    }

    pub(super) fn u64(&mut self) -> Option<u64> {
        self.array().map(u64::from_be_bytes)
    }

    pub(super) fn time(&mut self) -> Option<i64> {
        self.array().map(time_from)
    }

    pub(super) fn text(&mut self) -> Option<&'k str> {
        let end = self.0.iter().position(|&byte| byte == 0)?;
        let text = std::str::from_utf8(&self.0[..end]).ok()?;
        self.0 = &self.0[end + 1..];
        Some(text)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_sort_on_both_sides_of_1970() {
        let times = [i64::MIN, -2, -1, 0, 1, 255, 256, i64::MAX];
        let keys: Vec<_> = times.iter().map(|&time| Key::new().time(time)).collect();
        assert!(keys.is_sorted());
        let back: Vec<_> = keys.iter().map(|key| KeyParts(key).time()).collect();
        assert_eq!(back, times.map(Some));
    }

    #[test]
    fn a_text_sorts_before_its_continuations() {
        let key = |text, then| Key::new().text(text).u8(then);
        assert!(key("a", 255) < key("ab", 0));
        assert!(key("a\u{1}", 0) > key("a", 255));
        let parts = key("Straße", 7);
        let mut parts = KeyParts(&parts);
        assert_eq!((parts.text(), parts.0), (Some("Straße"), &[7][..]));
    }
}
