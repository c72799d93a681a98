//! To whom a broadcast goes.

use serde::{Deserialize, Serialize};

use crate::users::User;

/// Which users of an app a broadcast is for.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Audience {
    /// Only those whose ids are positive Longs: others do not exist for some dialects.
    pub longs_only: bool,
    /// Which tags they have.
    pub tags: Tagged,
}

/// Which tags somebody has.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub enum Tagged {
    /// Whichever, or none.
    #[default]
    Anyhow,
    /// At least one of these.
    WithAny(Vec<String>),
    /// All of these.
    WithAll(Vec<String>),
}

impl Audience {
    /// Whether somebody belongs to it, as they are now.
    pub fn has(&self, user: &User) -> bool {
        let tagged = |tag: &String| user.profile.tags.contains(tag);
        let by_tags = match &self.tags {
            Tagged::Anyhow => true,
            Tagged::WithAny(tags) => tags.iter().any(tagged),
            Tagged::WithAll(tags) => tags.iter().all(tagged),
        };
        by_tags && (!self.longs_only || user.id.as_long().is_some())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ids::UserId;
    use crate::users::Profile;

    fn user(id: &str, tags: &[&str]) -> User {
        let tags = tags.iter().map(|&tag| tag.to_owned()).collect();
        User {
            id: UserId::parse(id).unwrap(),
            profile: Profile { tags, ..Profile::default() },
            created_unix_ms: 0,
            modified_unix_ms: 0,
        }
    }

    #[test]
    fn who_belongs_is_told_by_tags_and_id() {
        let people =
            [user("1", &[]), user("2", &["a"]), user("3", &["a", "b"]), user("ada", &["b"])];
        let who = |longs_only, tags| {
            let audience = Audience { longs_only, tags };
            let found = people.iter().filter(|user| audience.has(user));
            found.map(|user| user.id.as_str()).collect::<Vec<_>>().join(" ")
        };
        let tags = |tags: &[&str]| tags.iter().map(|&tag| tag.to_owned()).collect::<Vec<_>>();
        assert_eq!(who(false, Tagged::Anyhow), "1 2 3 ada");
        assert_eq!(who(true, Tagged::Anyhow), "1 2 3");
        assert_eq!(who(false, Tagged::WithAny(tags(&["a", "b"]))), "2 3 ada");
        assert_eq!(who(true, Tagged::WithAny(tags(&["b", "c"]))), "3");
        assert_eq!(who(false, Tagged::WithAll(tags(&["a", "b"]))), "3");
        assert_eq!(who(false, Tagged::WithAll(tags(&["b"]))), "3 ada");
    }
}
