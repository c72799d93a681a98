//! Changing the tags of users, without the rest of their profiles.

use std::collections::HashSet;

use serde::{Deserialize, Serialize};

use super::store::Tagged;
use super::{Limits, ProfileFault};
use crate::clock::SECOND_US;
use crate::context::Context;
use crate::error::Result;
use crate::ids::{AppId, UserId};

/// Nobody is found by a longer tag: the longest that a dialect takes, 64 characters.
pub const TAG_BYTES_MAX: usize = 256;

/// What is done with tags.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum TagOp {
    /// Those that are missing go last, in the order given. V26.
    Add,
    /// Those that are there go.
    Remove,
}

/// A change of tags.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct TagChange {
    /// What is done.
    pub op: TagOp,
    /// With which.
    pub tags: Vec<String>,
    /// How many somebody may have then.
    pub tags_max: usize,
}

impl TagChange {
    /// What becomes of a user's tags. Who has too many already may lose some.
    pub fn judge(&self, tags: &[String]) -> Retag {
        let after = self.apply(tags);
        if after == tags {
            Retag::Same
        } else if after.len() > self.tags_max.max(tags.len()) {
            Retag::TooMany
        } else {
            Retag::To(after)
        }
    }

    fn apply(&self, tags: &[String]) -> Vec<String> {
        let mut after = tags.to_vec();
        match self.op {
            TagOp::Add => {
                for tag in &self.tags {
                    if !after.contains(tag) {
                        after.push(tag.clone());
                    }
                }
            }
            TagOp::Remove => after.retain(|tag| !self.tags.contains(tag)),
        }
        after
    }
}

/// What a change makes of somebody's tags.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Retag {
    /// They are as they were.
    Same,
    /// They would be too many.
    TooMany,
    /// These.
    To(Vec<String>),
}

/// The tags by which a user with these is found, in the order of their bytes.
pub fn indexed<T: AsRef<str>>(tags: &[T]) -> Vec<&str> {
    let fits = |tag: &&str| tag.len() <= TAG_BYTES_MAX;
    let mut indexed: Vec<&str> = tags.iter().map(AsRef::as_ref).filter(fits).collect();
    indexed.sort_unstable();
    indexed.dedup();
    indexed
}

/// What became of one user of a request.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Retagged {
    /// Their tags are as they were asked to be.
    Yes,
    /// Nobody is registered with this id.
    NotFound,
    /// The same id stands earlier in the request.
    Repeated,
    /// They would have more tags than allowed, or a tag is too long.
    Invalid(ProfileFault),
}

/// Changes the tags of each user who can be, and tells of each what became of them, in the order
/// asked.
///
/// The users of one request stand or fall alone; changes made are durable when this returns.
pub async fn update_tags(
    ctx: &Context,
    app: AppId,
    ids: Vec<UserId>,
    (op, tags): (TagOp, Vec<String>),
    limits: &Limits,
) -> Result<Vec<Retagged>> {
    let mut seen = HashSet::new();
    let is_first: Vec<bool> = ids.iter().map(|id| seen.insert(id.clone())).collect();
    let fault = match op {
        TagOp::Add => tags.iter().find(|tag| !limits.tag.admits(tag)),
        // What cannot be there is not.
        TagOp::Remove => None,
    };
    if fault.is_some() {
        let outcome = |is_first| match is_first {
            true => Retagged::Invalid(ProfileFault::Tag(limits.tag)),
            false => Retagged::Repeated,
        };
        return Ok(is_first.into_iter().map(outcome).collect());
    }
    let now_unix_ms = ctx.clock.now_unix_us() / (SECOND_US / 1_000);
    let distinct = ids.into_iter().zip(&is_first).filter(|(_, is_first)| **is_first);
    let distinct: Vec<UserId> = distinct.map(|(id, _)| id).collect();
    let done = match distinct.is_empty() {
        true => vec![],
        false => {
            let change = TagChange { op, tags, tags_max: limits.tags_max };
            ctx.store.update_tags(app, distinct, change, now_unix_ms).await?
        }
    };
    let mut done = done.into_iter().map(|tagged| match tagged {
        Tagged::Done => Retagged::Yes,
        Tagged::NotFound => Retagged::NotFound,
        Tagged::TooMany => Retagged::Invalid(ProfileFault::Tags(limits.tags_max)),
    });
    let mut outcome = |is_first| match is_first {
        true => done.next().expect("one outcome for each distinct id"),
        false => Retagged::Repeated,
    };
    Ok(is_first.into_iter().map(&mut outcome).collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(op: TagOp, given: &[&str], expected: &[&str]) {
        let owned = |tags: &[&str]| tags.iter().map(|tag| (*tag).to_owned()).collect::<Vec<_>>();
        let change = TagChange { op, tags: owned(given), tags_max: 9 };
        assert_eq!(change.apply(&owned(&["b", "a", "b"])), owned(expected), "{change:?}");
    }

    #[test]
    fn added_tags_go_last_and_removed_ones_go_wherever_they_stand() {
        check(TagOp::Add, &[], &["b", "a", "b"]);
        check(TagOp::Add, &["c", "a", "A", "c"], &["b", "a", "b", "c", "A"]);
        check(TagOp::Remove, &["b", "x"], &["a"]);
        check(TagOp::Remove, &["a", "b"], &[]);
    }

    #[test]
    fn a_limit_holds_for_whoever_gets_tags_and_not_for_whoever_loses_some() {
        let tags = |tags: &[&str]| tags.iter().map(|tag| (*tag).to_owned()).collect::<Vec<_>>();
        let judge = |op, given: &[&str], tags_max| {
            TagChange { op, tags: tags(given), tags_max }.judge(&tags(&["a", "b"]))
        };
        assert_eq!(judge(TagOp::Add, &["a"], 0), Retag::Same);
        assert_eq!(judge(TagOp::Add, &["c", "a"], 3), Retag::To(tags(&["a", "b", "c"])));
        assert_eq!(judge(TagOp::Add, &["c", "d"], 3), Retag::TooMany);
        assert_eq!(judge(TagOp::Remove, &["a"], 0), Retag::To(tags(&["b"])));
    }

    #[test]
    fn a_user_is_found_by_each_tag_once_and_by_none_that_is_too_long() {
        let longest = "t".repeat(TAG_BYTES_MAX);
        let longer = "t".repeat(TAG_BYTES_MAX + 1);
        assert_eq!(indexed(&["b", "", "a", "b", &longer, &longest]), ["", "a", "b", &longest]);
    }
}
