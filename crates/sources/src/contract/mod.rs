//! What every source promises of input that nobody should send, as tests that run for each of them.
//!
//! A promise is a function of a [`Sender`]: what the suite knows of a source, which is how its
//! sender signs, and one document of each kind that tells the log something. `senders` holds one
//! for each hook, and a new hook does not compile without. The tests are named
//! `contract::SOURCE::PROMISE`. What is true of one source only stands in that source's folder.
//!
//! Read `sender` first: what must hold of whatever a source makes of a delivery is there.

mod altered;
mod bodies;
mod doc;
mod names;
mod published;
mod random;
mod required;
mod sender;
mod senders;
mod times;

use doc::Doc;
use sender::{Keys, Name, Of, Sample, Sender, Sent, Signing, Unit};

macro_rules! promises {
    ({ $($source:ident)+ } $promises:tt) => { $(promises! { @ $source $promises })+ };
    (@ $source:ident { $($group:ident { $($promise:ident)+ })+ }) => {
        mod $source {$(
            mod $group {$(
                #[test]
                fn $promise() {
                    crate::contract::$group::$promise(&crate::contract::senders::$source::SENDER);
                }
            )+}
        )+}
    };
}

promises! {
    { janus livekit zegocloud volcengine trtc agora native }
    {
        altered {
            what_is_not_signed_is_not_authentic
            another_secret_proves_nothing
            a_secret_that_is_missing_or_empty_proves_nothing
            one_altered_byte_of_the_body_is_refused
            one_altered_byte_of_a_header_is_refused
            a_replay_a_year_later_tells_nothing_new
        }
        bodies {
            what_is_no_document_is_not_read
            a_document_is_read_to_its_last_byte
            one_document_is_no_array_of_them
            an_array_of_its_values_is_no_object
            five_mebibytes_are_read_like_one
            depth_costs_nothing
            a_field_that_stands_twice_is_never_mixed
            an_event_that_nobody_knows_tells_nothing
            a_body_is_what_its_content_encoding_says
        }
        names {
            names_are_kept_in_every_alphabet
            a_name_has_at_most_256_bytes
            a_name_holds_no_nul
            numbers_keep_all_their_digits
        }
        required {
            each_sample_tells_its_fact
            nothing_is_told_without_what_is_needed
            a_wrong_type_is_never_taken_for_another
            whatever_a_field_holds_no_fact_is_made_up
        }
        times {
            a_time_is_taken_as_it_is_or_not_at_all
            what_is_no_time_dates_nothing
        }
        random {
            whatever_is_sent_no_fact_is_made_up
            whatever_bytes_come_nothing_breaks
        }
    }
}
