//! whowas dialects.
