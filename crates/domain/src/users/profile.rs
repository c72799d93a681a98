//! What is known of a user, what may be known, and how it changes.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

/// What is known of a user besides their id. Every field may be empty.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Profile {
    /// What people call them.
    pub name: String,
    /// Where their picture is.
    pub portrait: String,
    /// In the order of insertion.
    pub tags: Vec<String>,
    /// The app's own fields.
    pub ext: BTreeMap<String, String>,
    /// One text for the app's own use, in dialects that have no map.
    pub extra: String,
    /// Whether nobody is behind it. No update changes it.
    pub robot: bool,
}

/// A partial update: what is `None` stays as it is, what is given replaces the whole field.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct ProfileChange {
    /// Replaces [`Profile::name`].
    pub name: Option<String>,
    /// Replaces [`Profile::portrait`].
    pub portrait: Option<String>,
    /// Replaces [`Profile::tags`].
    pub tags: Option<Vec<String>>,
    /// Replaces [`Profile::ext`].
    pub ext: Option<BTreeMap<String, String>>,
    /// Replaces [`Profile::extra`].
    pub extra: Option<String>,
}

impl ProfileChange {
    /// `profile` after this change.
    pub fn apply(&self, profile: &mut Profile) {
        fn replace<T: Clone>(field: &mut T, given: Option<&T>) {
            if let Some(value) = given {
                field.clone_from(value);
            }
        }
        replace(&mut profile.name, self.name.as_ref());
        replace(&mut profile.portrait, self.portrait.as_ref());
        replace(&mut profile.tags, self.tags.as_ref());
        replace(&mut profile.ext, self.ext.as_ref());
        replace(&mut profile.extra, self.extra.as_ref());
    }

    /// Checks the fields that are given.
    pub fn check(&self, limits: &Limits) -> Result<(), ProfileFault> {
        let mut profile = Profile::default();
        self.apply(&mut profile);
        profile.check(limits)
    }
}

/// How long a text may be, in the unit that its document names.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Length {
    /// Unicode scalar values.
    Chars(usize),
    /// Bytes of UTF-8.
    Bytes(usize),
}

impl Length {
    pub(super) fn admits(self, text: &str) -> bool {
        match self {
            // A character has at least one byte, so most texts need not be counted.
            Self::Chars(max) => text.len() <= max || text.chars().count() <= max,
            Self::Bytes(max) => text.len() <= max,
        }
    }
}

/// A dialect's limits of a profile.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Limits {
    /// Of the name.
    pub name: Length,
    /// Of the portrait's address.
    pub portrait: Length,
    /// How many tags a user may have.
    pub tags_max: usize,
    /// Of each tag.
    pub tag: Length,
    /// How many keys `ext` may have.
    pub ext_keys_max: usize,
    /// Of each key of `ext`, which may not be empty either.
    pub ext_key: Length,
    /// What no key of `ext` may begin with.
    pub ext_key_reserved_prefix: &'static str,
    /// Of each value of `ext`.
    pub ext_value: Length,
    /// Of `extra`.
    pub extra: Length,
}

/// Which field is over its limit.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ProfileFault {
    /// The name is too long.
    Name(Length),
    /// The portrait's address is too long.
    Portrait(Length),
    /// There are more tags than this.
    Tags(usize),
    /// A tag is too long.
    Tag(Length),
    /// `ext` has more keys than this.
    ExtKeys(usize),
    /// A key of `ext` is empty or too long.
    ExtKey(Length),
    /// A key of `ext` begins with this reserved prefix.
    ExtKeyReserved(&'static str),
    /// A value of `ext` is too long.
    ExtValue(Length),
    /// `extra` is too long.
    Extra(Length),
}

impl Profile {
    /// Tells the first field that is over its limit.
    pub fn check(&self, limits: &Limits) -> Result<(), ProfileFault> {
        let longest = |text: &str, length: Length, fault: fn(Length) -> ProfileFault| {
            if length.admits(text) { Ok(()) } else { Err(fault(length)) }
        };
        longest(&self.name, limits.name, ProfileFault::Name)?;
        longest(&self.portrait, limits.portrait, ProfileFault::Portrait)?;
        longest(&self.extra, limits.extra, ProfileFault::Extra)?;
        if self.tags.len() > limits.tags_max {
            return Err(ProfileFault::Tags(limits.tags_max));
        }
        for tag in &self.tags {
            longest(tag, limits.tag, ProfileFault::Tag)?;
        }
        if self.ext.len() > limits.ext_keys_max {
            return Err(ProfileFault::ExtKeys(limits.ext_keys_max));
        }
        for (key, value) in &self.ext {
            if key.is_empty() {
                return Err(ProfileFault::ExtKey(limits.ext_key));
            }
            longest(key, limits.ext_key, ProfileFault::ExtKey)?;
            if key.starts_with(limits.ext_key_reserved_prefix) {
                return Err(ProfileFault::ExtKeyReserved(limits.ext_key_reserved_prefix));
            }
            longest(value, limits.ext_value, ProfileFault::ExtValue)?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const LIMITS: Limits = Limits {
        name: Length::Chars(100),
        portrait: Length::Chars(500),
        tags_max: 100,
        tag: Length::Chars(64),
        ext_keys_max: 20,
        ext_key: Length::Bytes(50),
        ext_key_reserved_prefix: "s:",
        ext_value: Length::Bytes(500),
        extra: Length::Bytes(2_048),
    };

    fn ext(pairs: impl IntoIterator<Item = (String, String)>) -> Profile {
        Profile { ext: pairs.into_iter().collect(), ..Profile::default() }
    }

    fn keys(count: usize) -> impl Iterator<Item = (String, String)> {
        (0..count).map(|n| (n.to_string(), String::new()))
    }

    #[test]
    fn every_limit_holds_at_its_edge() {
        let text = |unit: &str, count: usize| unit.repeat(count);
        let name = |name| Profile { name, ..Profile::default() };
        let portrait = |portrait| Profile { portrait, ..Profile::default() };
        let tags = |tags| Profile { tags, ..Profile::default() };
        let extra = |extra| Profile { extra, ..Profile::default() };
        let one = |key: String, value: String| ext([(key, value)]);

        let cases = [
            (name(text("语", 100)), Ok(())),
            (name(text("语", 101)), Err(ProfileFault::Name(Length::Chars(100)))),
            // An emoji of two scalar values counts twice.
            (name(text("👍🏽", 51)), Err(ProfileFault::Name(Length::Chars(100)))),
            (portrait(text("p", 500)), Ok(())),
            (portrait(text("p", 501)), Err(ProfileFault::Portrait(Length::Chars(500)))),
            (tags(vec![String::new(); 100]), Ok(())),
            (tags(vec![String::new(); 101]), Err(ProfileFault::Tags(100))),
            (tags(vec![text("签", 64)]), Ok(())),
            (tags(vec![text("签", 65)]), Err(ProfileFault::Tag(Length::Chars(64)))),
            (ext(keys(20)), Ok(())),
            (ext(keys(21)), Err(ProfileFault::ExtKeys(20))),
            (one(String::new(), String::new()), Err(ProfileFault::ExtKey(Length::Bytes(50)))),
            (one(text("k", 50), String::new()), Ok(())),
            (one(text("键", 17), String::new()), Err(ProfileFault::ExtKey(Length::Bytes(50)))),
            (one("s:k".into(), String::new()), Err(ProfileFault::ExtKeyReserved("s:"))),
            (one("k".into(), text("v", 500)), Ok(())),
            (one("k".into(), text("v", 501)), Err(ProfileFault::ExtValue(Length::Bytes(500)))),
            (extra(text("x", 2_048)), Ok(())),
            (extra(text("x", 2_049)), Err(ProfileFault::Extra(Length::Bytes(2_048)))),
        ];
        for (profile, expected) in cases {
            assert_eq!(profile.check(&LIMITS), expected, "{profile:?}");
        }
    }

    #[test]
    fn a_change_replaces_what_it_gives_and_leaves_the_rest() {
        let before = Profile {
            name: "n".into(),
            portrait: "p".into(),
            tags: vec!["t".into()],
            ext: BTreeMap::from([("k".into(), "v".into())]),
            extra: "x".into(),
            robot: true,
        };
        let mut after = before.clone();
        ProfileChange::default().apply(&mut after);
        assert_eq!(after, before);

        let change = ProfileChange {
            name: Some(String::new()),
            tags: Some(vec![]),
            ext: Some(BTreeMap::from([("l".into(), "w".into())])),
            ..ProfileChange::default()
        };
        change.apply(&mut after);
        let expected = Profile {
            name: String::new(),
            tags: vec![],
            ext: BTreeMap::from([("l".into(), "w".into())]),
            ..before
        };
        assert_eq!(after, expected);
    }
}
