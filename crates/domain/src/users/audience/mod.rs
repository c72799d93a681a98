//! Who is meant: users by their tags, as an expression.
//!
//! Users are walked in the store's order, by those tags that leave the fewest to look at, and each
//! is tested when the walk reaches them: whoever came to belong since is among them, and whoever
//! does not belong any more is not.

mod parse;
#[cfg(test)]
mod tests;

use serde::{Deserialize, Serialize};

use super::User;
use super::store::{TagCount, WALK_LEN_MAX, WALK_TAGS_MAX};
use super::tags::indexed;
use crate::clock::{Clock, SECOND_US};
use crate::error::Result;
use crate::ids::AppId;
use crate::store::{Store, Walked};

/// How many tags and prefixes an expression may have.
pub const TERMS_MAX: usize = 128;

/// How deep an expression may be: how many brackets and NOTs stand around a tag.
pub const DEPTH_MAX: usize = 16;

/// Which users are meant.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Audience {
    /// All of an app.
    Everybody,
    /// Who has this tag.
    Tag(String),
    /// Who has a tag that begins so.
    Prefix(String),
    /// Who is meant by each of these.
    All(Vec<Audience>),
    /// Who is meant by any of these.
    Any(Vec<Audience>),
    /// Who is not meant by this.
    Not(Box<Audience>),
}

/// Why a text is no expression.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum AudienceFault {
    /// There are more tags than [`TERMS_MAX`].
    #[error("there are more than {TERMS_MAX} tags")]
    TooManyTerms,
    /// It is deeper than [`DEPTH_MAX`].
    #[error("it is more than {DEPTH_MAX} brackets and NOTs deep")]
    TooDeep,
    /// A tag has more bytes than any that users are found by.
    #[error("a tag has more than {max} bytes", max = super::TAG_BYTES_MAX)]
    TagTooLong,
    /// Something is missing or too much at this byte.
    #[error("a tag, NOT or `(` is missing at byte {0}")]
    NoTerm(usize),
    /// An expression is followed by something else than AND, OR, `)` or the end.
    #[error("AND, OR or the end is missing at byte {0}")]
    NoOperator(usize),
    /// A bracket or a quotation is not closed.
    #[error("what is opened at byte {0} is not closed")]
    Unclosed(usize),
    /// AND and OR stand beside each other.
    #[error("AND and OR stand beside each other at byte {0}: brackets tell what is meant")]
    Mixed(usize),
}

impl Audience {
    /// Reads an expression: tags, `AND`, `OR`, `NOT`, brackets, and `*` behind the beginning of a
    /// tag. A tag with spaces, brackets or quotes, or one that is such a word, stands in quotes, in
    /// which `\` takes the next character as it is. Nothing at all means everybody.
    ///
    /// `AND` and `OR` have no order of precedence: where both stand, brackets must.
    pub fn parse(text: &str) -> Result<Self, AudienceFault> {
        parse::parse(text)
    }

    /// Whoever has any of these tags; everybody if there are none.
    pub fn any_of(tags: impl IntoIterator<Item = String>) -> Self {
        Self::Any(tags.into_iter().map(Self::Tag).collect()).or_everybody()
    }

    /// Whoever has all of these tags; everybody if there are none.
    pub fn all_of(tags: impl IntoIterator<Item = String>) -> Self {
        Self::All(tags.into_iter().map(Self::Tag).collect()).or_everybody()
    }

    fn or_everybody(self) -> Self {
        match self {
            Self::Any(terms) | Self::All(terms) if terms.is_empty() => Self::Everybody,
            other => other,
        }
    }

    /// Whether a user with these tags is meant.
    pub fn includes<T: AsRef<str>>(&self, tags: &[T]) -> bool {
        self.includes_sorted(&indexed(tags))
    }

    /// The same of tags in the order of their bytes: an expression may have many terms, and a user
    /// many tags.
    fn includes_sorted(&self, tags: &[&str]) -> bool {
        match self {
            Self::Everybody => true,
            Self::Tag(wanted) => tags.binary_search(&&**wanted).is_ok(),
            Self::Prefix(prefix) => {
                let first = tags.partition_point(|tag| *tag < &**prefix);
                tags.get(first).is_some_and(|tag| tag.starts_with(&**prefix))
            }
            Self::All(terms) => terms.iter().all(|term| term.includes_sorted(tags)),
            Self::Any(terms) => terms.iter().any(|term| term.includes_sorted(tags)),
            Self::Not(term) => !term.includes_sorted(tags),
        }
    }
}

/// The next users who are meant, in the store's order, each once in a walk; `limit` and
/// [`WALK_LEN_MAX`] at most. So many are looked at, so that it may find nobody although there is
/// more.
///
/// A walk may go on later, or in another process: whoever belongs whenever a step passes them is
/// found.
pub async fn walk(
    store: &dyn Store,
    app: AppId,
    audience: &Audience,
    from: Option<&[u8]>,
    limit: u32,
) -> Result<Walked<User>> {
    let limit = limit.clamp(1, WALK_LEN_MAX);
    let mut walked = None;
    for _ in 0..PREFIX_TRIES_MAX {
        // Anew in each step, since a prefix may have got other tags.
        let driver = driver(store, app, audience).await?;
        if driver.is_nobody {
            return Ok(Walked { found: vec![], next: None });
        }
        let tags: Vec<&str> = driver.tags.iter().flatten().map(String::as_str).collect();
        let step = store.walk_tagged(app, &tags, from, limit).await?;
        if !driver.misses_tags(store, app).await? {
            walked = Some(step);
            break;
        }
    }
    let mut walked = match walked {
        Some(walked) => walked,
        // Tags come faster than they can be listed.
        None => store.walk_tagged(app, &[], from, limit).await?,
    };
    walked.found.retain(|user| audience.includes(&user.profile.tags));
    Ok(walked)
}

/// How often a step is made again because a prefix got a tag meanwhile.
const PREFIX_TRIES_MAX: usize = 4;

/// How many are meant, of those whom one request counts.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Counted {
    /// How many.
    pub count: u64,
    /// Where to go on counting; `None` if these are all.
    pub next: Option<Vec<u8>>,
}

/// How many steps are taken for one count, each of which looks at [`WALK_LEN_MAX`] users at most:
/// ten million of them.
pub const COUNT_STEPS_MAX: usize = 10_000;

/// After how many seconds no more steps are taken for one count: a store may be slow.
pub const COUNT_S: i64 = 10;

/// How many are meant, as far as nobody changes meanwhile. Counting everybody, or those with one
/// tag, costs nothing where the store keeps counts; all else is walked from a place on, one step at
/// least: [`COUNT_STEPS_MAX`] of them, and for [`COUNT_S`] seconds.
pub async fn count(
    store: &dyn Store,
    clock: &dyn Clock,
    app: AppId,
    audience: &Audience,
    from: Option<&[u8]>,
) -> Result<Counted> {
    let kept = match audience {
        _ if from.is_some() => None,
        Audience::Everybody => store.count_tagged(app, None).await?,
        Audience::Tag(tag) => store.count_tagged(app, Some(tag)).await?,
        _ => None,
    };
    if let Some(count) = kept {
        return Ok(Counted { count, next: None });
    }
    let mut counted = Counted { count: 0, next: from.map(<[u8]>::to_vec) };
    let until_unix_us = clock.now_unix_us().saturating_add(COUNT_S * SECOND_US);
    for _ in 0..COUNT_STEPS_MAX {
        let from = counted.next.as_deref();
        let step = walk(store, app, audience, from, WALK_LEN_MAX).await?;
        counted.count += step.found.len() as u64;
        counted.next = step.next;
        if counted.next.is_none() || clock.now_unix_us() >= until_unix_us {
            break;
        }
    }
    Ok(counted)
}

/// Among whom everybody is who is meant.
struct Driver {
    /// Those with any of these tags; `None` for everybody.
    tags: Option<Vec<String>>,
    /// The prefixes that some of these tags were found by.
    prefixes: Vec<String>,
    /// How many they are, if the store knows.
    users: Option<u64>,
    /// Whether there was an instant at which nobody had any of the tags. That there were two, at
    /// each of which nobody had one of two tags, does not tell.
    is_nobody: bool,
}

impl Driver {
    const EVERYBODY: Self = Self { tags: None, prefixes: vec![], users: None, is_nobody: false };

    /// Whether there is a tag now that one of the prefixes finds and that is not among the tags:
    /// somebody may have gone from a tag to it before they were looked at.
    async fn misses_tags(&self, store: &dyn Store, app: AppId) -> Result<bool> {
        let Some(tags) = &self.tags else { return Ok(false) };
        for prefix in &self.prefixes {
            let now = tags_with(store, app, prefix).await?;
            if now.iter().any(|now| !tags.contains(&now.tag)) {
                return Ok(true);
            }
        }
        Ok(false)
    }

    /// Whether it leaves fewer to look at.
    fn is_better_than(&self, other: &Self) -> bool {
        match (self.tags.is_some(), other.tags.is_some()) {
            (true, true) => self.users.unwrap_or(u64::MAX) < other.users.unwrap_or(u64::MAX),
            (is_some, _) => is_some,
        }
    }

    /// Those of both.
    fn with(self, other: Self) -> Self {
        let (Some(mut tags), Some(more)) = (self.tags, other.tags) else { return Self::EVERYBODY };
        tags.extend(more);
        let prefixes = [self.prefixes, other.prefixes].concat();
        tags.sort_unstable();
        tags.dedup();
        if tags.len() > WALK_TAGS_MAX {
            return Self::EVERYBODY;
        }
        let sum = |(one, other): (u64, u64)| one.saturating_add(other);
        let users = self.users.zip(other.users).map(sum);
        Self { tags: Some(tags), prefixes, users, is_nobody: false }
    }
}

/// The tags that begin so; one more than can be walked, at most.
async fn tags_with(store: &dyn Store, app: AppId, prefix: &str) -> Result<Vec<TagCount>> {
    let one_more = u32::try_from(WALK_TAGS_MAX).unwrap_or(u32::MAX) + 1;
    store.list_tags(app, prefix, None, one_more).await
}

/// The tags that leave the fewest users to look at: of what must all hold the best, of what may
/// hold all together.
async fn driver(store: &dyn Store, app: AppId, audience: &Audience) -> Result<Driver> {
    match audience {
        Audience::Everybody | Audience::Not(_) => Ok(Driver::EVERYBODY),
        Audience::Tag(tag) => {
            let users = store.count_tagged(app, Some(tag)).await?;
            let (tags, is_nobody) = (Some(vec![tag.clone()]), users == Some(0));
            Ok(Driver { tags, users, is_nobody, prefixes: vec![] })
        }
        Audience::Prefix(prefix) => {
            let tags = tags_with(store, app, prefix).await?;
            if tags.len() > WALK_TAGS_MAX {
                return Ok(Driver::EVERYBODY);
            }
            let users = tags.iter().map(|tag| tag.users).sum();
            // Of no tags nobody has any.
            let tags: Vec<String> = tags.into_iter().map(|tag| tag.tag).collect();
            let (is_nobody, prefixes) = (tags.is_empty(), vec![prefix.clone()]);
            let users = if is_nobody { Some(0) } else { users };
            Ok(Driver { tags: Some(tags), users, is_nobody, prefixes })
        }
        Audience::All(terms) => {
            let mut best = Driver::EVERYBODY;
            for term in terms {
                let other = Box::pin(driver(store, app, term)).await?;
                if other.is_better_than(&best) {
                    best = other;
                }
            }
            Ok(best)
        }
        Audience::Any(terms) => {
            let mut all: Option<Driver> = None;
            for term in terms {
                let next = Box::pin(driver(store, app, term)).await?;
                let both = match all {
                    Some(all) => all.with(next),
                    None => next,
                };
                if both.tags.is_none() {
                    return Ok(both);
                }
                all = Some(both);
            }
            Ok(all.unwrap_or(Driver::EVERYBODY))
        }
    }
}
