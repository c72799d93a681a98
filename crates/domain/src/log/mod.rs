//! WHOWAS: facts in, stays out.
//!
//! A media server reports [`Event`]s: late, twice, in any order. What the log shows, its [`Stay`]s,
//! is a pure function of the *set* of events, so none of that can matter. The unit is one room of
//! one app and door. Read in this order:
//!
//! 1. [`event`]: what is reported, and the order of the facts of a room.
//! 2. [`intervals`]: the facts of one participant become intervals, one per connection; [`end`]
//!    is how each ended.
//! 3. [`closing`]: what ends an interval although no leave was reported.
//! 4. [`mint`]: calls for intervals whose source knows no calls.
//! 5. [`stay`]: the intervals of one participant in one call, which is what queries show.
//! 6. [`room`]: the four of them put together, over all events of a room: the definition that every
//!    store is held to. A store that folds only what an event touches uses the same parts;
//!    [`growing`] tells whether that is one participant.
//!
//! [`mod@record`], [`query`], [`present`], [`calls`], [`mod@retire`] and [`idle`] are the
//! operations; [`pages`] is how they go through more than a page; [`open`] is what is told of calls
//! that are on, [`figures`] how much there is of all;
//! [`dead`] keeps what could not be read.

pub mod calls;
pub mod client;
pub mod closing;
pub mod dead;
pub mod end;
pub mod event;
pub mod figures;
pub mod growing;
pub mod idle;
pub mod inferred;
pub mod intervals;
pub mod mint;
pub mod onward;
pub mod open;
pub mod pages;
pub mod present;
pub mod query;
pub mod record;
pub mod retire;
pub mod room;
pub mod search;
pub mod stay;
mod step;

pub use client::{Access, ClientFacts, Os};
pub use closing::{Closer, Closers, Closing, Proof, Reach};
pub use end::{Certainty, End};
pub use event::{Event, Fact, Presence};
pub use figures::LogFigures;
pub use growing::Growing;
pub use inferred::Inferred;
pub use intervals::{Interval, fold_participant};
pub use onward::{StayPlace, list_onward};
pub use open::OpenCall;
pub use present::{Person, Present, Seen, is_anybody_in, last_seen, where_are, who_is_in};
pub use query::{StayPage, StayQuery, list_stays};
pub use record::{Outcome, Refused, record};
pub use retire::retire;
pub use room::fold_room;
pub use stay::{Span, Stay};

#[cfg(test)]
mod properties;
#[cfg(test)]
mod tests;
