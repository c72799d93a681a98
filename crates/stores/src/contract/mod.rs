//! What [`domain::store::Store`] promises, as tests that run on every engine.
//!
//! A promise is an `async fn` that gets an empty store. An engine is a word of [`engines`],
//! [`on_engines`] and [`properties`], and what `engine` says of it. The tests are named
//! `contract::ENGINE::GROUP::PROMISE`. In `histories` stands the property that says most: whatever
//! happens in whatever order, every engine shows what the model shows.

use std::sync::LazyLock;

use tokio::runtime::Runtime;

mod answers;
mod broadcast;
mod crowds;
mod dead;
mod directory;
mod engine;
mod erasure;
mod figures;
#[cfg(feature = "cassandra-tests")]
mod halves;
mod hard_cases;
mod histories;
mod kills;
mod log;
mod open;
mod pages;
mod presence;
mod present;
mod retention;
mod scattered;
mod story;
mod tagged;
mod tags;
mod walk;

/// Waits for `future` on this thread. What is begun meanwhile goes on afterwards: connections of a
/// store are kept up by tasks of their own.
fn wait<T>(future: impl Future<Output = T>) -> T {
    static RUNTIME: LazyLock<Runtime> = LazyLock::new(|| {
        let mut runtime = tokio::runtime::Builder::new_multi_thread();
        runtime.enable_all().build().expect("a runtime")
    });
    RUNTIME.block_on(future)
}

macro_rules! engines {
    ({ $($(#[$is_there:meta])* $module:ident: $engine:ty),+ } $promises:tt) => {
        $(engines! { @ [$(#[$is_there])*] $module: $engine, $promises })+
    };
    (@ [$($is_there:tt)*] $module:ident: $engine:ty, {
        $($group:ident { $($promise:ident)+ })+
    }) => {
        $($is_there)*
        mod $module {$(
            mod $group {$(
                #[test]
                fn $promise() {
                    crate::contract::wait(async {
                        let (store, _place) = crate::contract::engine::fresh::<$engine>().await;
                        crate::contract::$group::$promise(&store).await;
                    });
                }
            )+}
        )+}
    };
}

/// Tests on every engine, for which `E` stands.
macro_rules! on_engines {
    ($($tests:item)+) => {
        mod memory {
            type E = crate::memory::Memory;
            $($tests)+
        }
        mod embedded {
            type E = crate::embedded::Embedded;
            $($tests)+
        }
        #[cfg(feature = "cassandra-tests")]
        mod cassandra {
            type E = crate::cassandra::Cassandra;
            $($tests)+
        }
    };
}
use on_engines;

/// Properties of every engine that keeps what it is told: `E` stands for the engine.
macro_rules! properties {
    (#![cases = $cases:expr] $($properties:tt)+) => {
        mod embedded {
            use super::*;

            type E = crate::embedded::Embedded;

            proptest! {
                #![proptest_config(crate::contract::engine::config::<E>($cases))]
                $($properties)+
            }
        }
        #[cfg(feature = "cassandra-tests")]
        mod cassandra {
            use super::*;

            type E = crate::cassandra::Cassandra;

            proptest! {
                #![proptest_config(crate::contract::engine::config::<E>($cases))]
                $($properties)+
            }
        }
    };
}
use properties;

engines! {
    {
        memory: crate::memory::Memory,
        embedded: crate::embedded::Embedded,
        #[cfg(feature = "cassandra-tests")] cassandra: crate::cassandra::Cassandra
    }
    {
        directory {
            a_registered_user_is_found
            an_id_that_is_taken_is_left_alone
            the_same_profile_again_changes_nothing
            an_id_that_is_taken_is_overwritten_if_asked
            modification_never_moves_backwards
            an_update_changes_what_it_gives
            an_update_of_nobody_makes_nobody
            apps_do_not_see_each_other
            outcomes_come_in_the_order_asked
            ids_that_look_alike_are_different
            every_profile_comes_back_as_it_was
        }
        tags {
            who_is_unregistered_is_gone_and_begins_anew
            a_user_is_found_by_each_of_their_tags
            tags_are_added_last_and_removed_anywhere
            a_limit_of_tags_is_judged_by_what_would_be
            tags_are_listed_with_their_users
            a_walk_finds_each_once_in_one_order
            whoever_changes_behind_a_walk_does_not_disturb_it
            an_app_has_no_more_robots_than_it_may_have
            whoever_is_put_is_found_by_tags
            an_audience_is_counted_and_walked
        }
        log {
            an_event_shows_at_once
            no_events_change_nothing
            a_repeat_is_known_within_a_call_and_later
            identity_is_app_door_source_id_and_time
            of_a_conflict_the_smaller_hash_counts_whichever_came_first
            an_event_that_gives_way_takes_its_effects_along
            rooms_doors_and_apps_do_not_touch_each_other
            a_restart_closes_what_its_server_had
            a_snapshot_closes_who_is_absent
            a_room_ends_with_and_without_a_call
            a_new_call_closes_the_old_one
            a_silence_closes_its_call_unless_something_was_heard
            a_silence_counts_again_when_what_was_heard_gives_way
            a_leave_before_its_join_is_kept
            a_room_without_calls_is_given_some
            minted_calls_join_and_part
            arrival_does_not_matter
        }
        figures {
            an_empty_log_has_nothing_to_count
            stays_are_counted_while_they_are_open_and_after
            what_is_inferred_is_counted_until_the_real_event_comes
            what_is_too_old_is_not_counted
        }
        open {
            a_call_is_open_while_somebody_is_there
            a_call_is_told_with_what_was_heard_of_it_last
            a_quiet_call_is_one_of_which_nothing_was_heard_since
            a_minted_call_is_told_as_minted
            open_calls_are_those_of_the_app
            those_that_began_first_come_first
            a_long_lesson_is_one_call
        }
        hard_cases {
            duplicate_delivery
            two_servers_copies_replay_after_days
            late_data
        }
        pages {
            a_query_selects_by_app_room_and_participants
            servers_are_left_out_unless_asked_for
            both_edges_of_the_window_are_in_it
            a_window_finds_stays_however_long_ago_they_began
            answers_are_in_order
            the_longest_names_are_in_order_too
            every_page_tells_the_total
        }
        dead {
            letters_are_listed_as_they_came
            letters_go_when_they_are_removed
            apps_have_letters_of_their_own
            of_too_many_the_oldest_go
            of_too_many_bytes_the_oldest_go
            old_letters_go_with_old_events
        }
        broadcast {
            a_broadcast_is_found_as_it_was_added
            the_longest_content_comes_back
            broadcasts_are_listed_as_they_came
            apps_have_broadcasts_of_their_own
            a_quota_counts_what_was_accepted
            who_adds_at_once_is_counted_one_by_one
            of_two_who_change_a_broadcast_one_does
            how_far_it_has_come_is_kept_whole
            open_broadcasts_are_those_that_are_not_over
            old_broadcasts_go_when_they_are_over
            there_are_not_more_than_the_maximum
            what_is_whole_is_not_given_up
            broadcasts_that_are_put_are_as_they_were
        }
        presence {
            nobody_is_known_who_was_not_seen
            of_each_connection_the_last_sighting_is_known
            apps_see_their_own
            of_too_many_connections_the_last_are_known
            who_is_removed_begins_anew
            what_is_too_old_is_forgotten_in_steps
            every_connection_is_found_by_a_walk
        }
        present {
            whoever_is_there_all_the_while_is_shown_once
            pages_begin_with_whoever_began_in_a_second
            of_nobody_there_is_no_page
        }
        erasure {
            whom_nobody_knows_leaves_nothing_to_erase
            who_is_erased_is_in_no_stay_and_no_event
            apps_and_names_that_begin_alike_are_others
            a_snapshot_that_lost_a_name_is_known_by_what_it_said
            what_followed_from_them_follows_no_more
            what_is_told_later_is_stored
            an_erasure_that_was_cut_off_is_finished_by_the_next
            an_erasure_beside_arrivals_leaves_the_log_of_what_is_left
        }
        retention {
            nothing_young_goes
            a_call_goes_when_its_last_event_is_older
            whoever_is_still_there_is_kept_whole
            a_call_with_a_young_event_is_kept_whole
            calls_that_overlap_wait_for_each_other
            what_is_left_shows_what_it_showed
            facts_without_a_stay_go_with_what_is_around_them
            a_room_that_is_gone_begins_anew
            a_leave_whose_join_is_gone_shows_nothing
            a_restart_goes_when_nobody_can_have_been_there
            a_long_call_goes_in_steps
        }
        walk {
            an_empty_store_has_nothing_to_walk
            every_user_is_found_wherever_they_lie
            users_that_are_put_are_as_they_were
            every_event_is_found_once
            letters_are_found_as_they_came
        }
    }
}
