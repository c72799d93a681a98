//! whowas domain.
