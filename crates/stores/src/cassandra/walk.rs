//! Walks through whole tables, for whoever takes everything elsewhere: the only statements here
//! that name no partition. Rows of other realms are passed over.

use scylla::response::PagingState;

use domain::store::Walked;

/// How many rows are read at a time.
pub(super) const PAGE_ROWS: i32 = 200;

/// Where a step of a walk begins: behind some of what a page shows us. The ring tells the page, in
/// bytes that any of its nodes understands.
pub(super) struct Page {
    skip: u32,
    state: Vec<u8>,
}

impl Page {
    /// The place that a step told, or the beginning.
    pub(super) fn of(place: Option<&[u8]>) -> Self {
        let parts = place.and_then(|place| place.split_first_chunk());
        match parts {
            Some((skip, state)) => Self { skip: u32::from_be_bytes(*skip), state: state.into() },
            None => Self { skip: 0, state: vec![] },
        }
    }

    /// What to ask the ring for.
    pub(super) fn state(&self) -> PagingState {
        match self.state.is_empty() {
            true => PagingState::start(),
            false => PagingState::new_from_raw_bytes(self.state.as_slice()),
        }
    }

    /// Of what the page shows us, the next `limit`, and where to go on.
    pub(super) fn cut<T>(
        &self,
        all: Vec<T>,
        behind: Option<PagingState>,
        limit: u32,
        weight: impl Fn(&T) -> usize,
    ) -> Walked<T> {
        let len = all.len();
        let (mut found, mut sum) = (vec![], 0);
        for one in all.into_iter().skip(self.skip as usize) {
            if sum >= limit as usize {
                break;
            }
            sum += weight(&one);
            found.push(one);
        }
        let skip = self.skip as usize + found.len();
        let place = |skip: u32, state: &[u8]| [&skip.to_be_bytes()[..], state].concat();
        let next = match skip < len {
            true => Some(place(u32::try_from(skip).unwrap_or(u32::MAX), &self.state)),
            false => behind.and_then(|it| it.as_bytes_slice().map(|bytes| place(0, bytes))),
        };
        Walked { found, next }
    }
}
