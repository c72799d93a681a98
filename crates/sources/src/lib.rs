//! whowas sources.
