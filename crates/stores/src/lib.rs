//! whowas stores.
