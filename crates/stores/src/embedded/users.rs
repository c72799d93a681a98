//! The directory: one record per user.

use domain::ids::{AppId, UserId};
use domain::store::{IfTaken, Look, NewUser, Registration, Update, Walked};
use domain::users::store::{ROBOTS_MAX, Tagged, Unregistered};
use domain::users::tags::{Retag, TagChange};
use domain::users::{Profile, ProfileChange, User, UserView};

use super::check::{Expected, Problem};
use super::directory;
use super::fault::{Damage, Fault, Result};
use super::key::{Key, KeyParts};
use super::transaction::{Read, Write};
use super::trays::Directory;

/// A request to register users.
pub(super) struct Register {
    pub(super) app: AppId,
    pub(super) users: Vec<NewUser>,
    pub(super) if_taken: IfTaken,
    pub(super) now_unix_ms: i64,
}

/// A request to change what is known of users.
pub(super) struct Change {
    pub(super) app: AppId,
    pub(super) changes: Vec<(UserId, ProfileChange)>,
    pub(super) now_unix_ms: i64,
}

/// What a key goes on with behind the app: the kind of the id.
const NUMBER: u8 = 1;
const TEXT: u8 = 2;
/// A request to remove users.
pub(super) struct Unregister {
    pub(super) app: AppId,
    pub(super) ids: Vec<UserId>,
}

/// A request to change the tags of users.
pub(super) struct Tag {
    pub(super) app: AppId,
    pub(super) ids: Vec<UserId>,
    pub(super) change: TagChange,
    pub(super) now_unix_ms: i64,
}

/// Ids that are numbers stand before the others and in the order of the numbers, so that those
/// which an app hands out one after the other are neighbours.
pub(super) fn key_of(app: AppId, id: &UserId) -> Key {
    let key = Key::new().u32(app.0);
    match id.as_long() {
        Some(long) => key.u8(NUMBER).u64(long.cast_unsigned()),
        None => key.u8(TEXT).bytes(id.as_str().as_bytes()),
    }
}

/// Whose key it is.
pub(super) fn whose(key: &[u8]) -> Option<(AppId, UserId)> {
    let mut parts = KeyParts(key);
    let app = AppId(u32::from_be_bytes(parts.array()?));
    let id = match u8::from_be_bytes(parts.array()?) {
        NUMBER => UserId::from_long(parts.u64()?.cast_signed())?,
        TEXT => UserId::parse(std::str::from_utf8(parts.0).ok()?).ok()?,
        _ => return None,
    };
    Some((app, id))
}

/// Registers the users, and tells of each what became of them.
pub(super) fn register(write: &mut Write<'_>, request: &Register) -> Result<Vec<Registration>> {
    request.users.iter().map(|new| register_one(write, request, new)).collect()
}

fn register_one(write: &mut Write<'_>, request: &Register, new: &NewUser) -> Result<Registration> {
    let app = request.app;
    let key = key_of(app, &new.id);
    let now_unix_ms = request.now_unix_ms;
    let found = write.find_user(&key)?;
    let standing = found.as_ref().map(|(_, user)| &user.profile);
    if standing == Some(&new.profile) {
        return Ok(Registration::Unchanged);
    }
    if standing.is_some() && request.if_taken == IfTaken::Leave {
        return Ok(Registration::Taken);
    }
    let is_new_robot = new.profile.robot && standing.is_none_or(|profile| !profile.robot);
    if is_new_robot && directory::robots(write, app)? >= ROBOTS_MAX {
        return Ok(Registration::RobotsFull);
    }
    directory::follow(write, &key, standing, Some(&new.profile))?;
    let profile = new.profile.clone();
    match found {
        None => {
            let (created_unix_ms, modified_unix_ms) = (now_unix_ms, now_unix_ms);
            let user = User { id: new.id.clone(), profile, created_unix_ms, modified_unix_ms };
            write.add_user(key, &user)?;
            Ok(Registration::Created)
        }
        Some((at, user)) => {
            let modified_unix_ms = user.modified_unix_ms.max(now_unix_ms);
            write.put_user(at, &key, &User { profile, modified_unix_ms, ..user })?;
            Ok(Registration::Overwritten)
        }
    }
}

/// Makes the changes, and tells of each what became of it.
pub(super) fn update(write: &mut Write<'_>, request: &Change) -> Result<Vec<Update>> {
    let mut update_one = |(id, change): &(UserId, ProfileChange)| {
        let key = key_of(request.app, id);
        let Some((at, mut user)) = write.find_user(&key)? else { return Ok(Update::NotFound) };
        if change.tags.is_some() {
            let mut after = user.profile.clone();
            change.apply(&mut after);
            directory::follow(write, &key, Some(&user.profile), Some(&after))?;
        }
        change.apply(&mut user.profile);
        user.modified_unix_ms = user.modified_unix_ms.max(request.now_unix_ms);
        write.put_user(at, &key, &user)?;
        Ok(Update::Done)
    };
    request.changes.iter().map(&mut update_one).collect()
}

/// Changes tags, and tells of each user what became of theirs.
pub(super) fn tag(write: &mut Write<'_>, request: &Tag) -> Result<Vec<Tagged>> {
    let mut tag_one = |id: &UserId| {
        let key = key_of(request.app, id);
        let Some((at, user)) = write.find_user(&key)? else { return Ok(Tagged::NotFound) };
        let tags = match request.change.judge(&user.profile.tags) {
            Retag::Same => return Ok(Tagged::Done),
            Retag::TooMany => return Ok(Tagged::TooMany),
            Retag::To(tags) => tags,
        };
        let profile = Profile { tags, ..user.profile.clone() };
        directory::follow(write, &key, Some(&user.profile), Some(&profile))?;
        let modified_unix_ms = user.modified_unix_ms.max(request.now_unix_ms);
        write.put_user(at, &key, &User { profile, modified_unix_ms, ..user })?;
        Ok(Tagged::Done)
    };
    request.ids.iter().map(&mut tag_one).collect()
}

/// Removes users, and tells of each what became of them.
pub(super) fn unregister(write: &mut Write<'_>, request: &Unregister) -> Result<Vec<Unregistered>> {
    let mut remove_one = |id: &UserId| {
        let key = key_of(request.app, id);
        let Some((at, user)) = write.find_user(&key)? else { return Ok(Unregistered::NotFound) };
        directory::follow(write, &key, Some(&user.profile), None)?;
        write.remove_user(at, &key)?;
        Ok(Unregistered::Done)
    };
    request.ids.iter().map(&mut remove_one).collect()
}

/// Keeps users as they are.
pub(super) fn put(write: &mut Write<'_>, users: &[(AppId, User)]) -> Result<()> {
    for (app, user) in users {
        let key = key_of(*app, &user.id);
        let found = write.find_user(&key)?;
        let standing = found.as_ref().map(|(_, known)| &known.profile);
        directory::follow(write, &key, standing, Some(&user.profile))?;
        match found {
            None => write.add_user(key, user)?,
            Some((_, known)) if known == *user => {}
            Some((at, _)) => write.put_user(at, &key, user)?,
        }
    }
    Ok(())
}

/// Those who have the next keys behind one, and the last of these keys, if there may be more.
pub(super) fn walk(
    directory: Directory<'_>,
    behind: Option<&[u8]>,
    limit: usize,
) -> Result<Walked<(AppId, User)>> {
    let users = directory.behind(behind, limit)?;
    let next = users.last().filter(|_| users.len() == limit).map(|(key, _)| key.to_vec());
    let with_app = |(key, user): (Key, User)| {
        let app = KeyParts(&key).array().map(|bytes| AppId(u32::from_be_bytes(bytes)));
        let app = app.ok_or(Fault::damaged("users", Damage::Encoding))?;
        Ok((app, user))
    };
    let found = users.into_iter().map(with_app).collect::<Result<_>>()?;
    Ok(Walked { found, next })
}

/// Shows those who exist of the users with these ids.
pub(super) fn look_at(
    directory: Directory<'_>,
    app: AppId,
    ids: &[UserId],
    look: &mut Look<'_>,
) -> Result<()> {
    for (place, id) in ids.iter().enumerate() {
        if let Some((_, user)) = directory.find::<UserView<'_>>(&key_of(app, id))? {
            look(place, user);
        }
    }
    Ok(())
}

/// Whether every user stands under their own key, and who was seen under keys of users.
pub(super) fn check(read: Read<'_>, expected: &mut Expected<'_, '_>) -> Result<()> {
    for row in read.tables.users.range(read.txn, &[], &[])? {
        let (key, user) = row?;
        if whose(key).is_none_or(|(_, id)| id != user.id) {
            expected.note("users", key, Problem::Misplaced);
        }
    }
    for row in read.tables.presences.range(read.txn, &[], &[])? {
        let (key, _) = row?;
        if whose(key).is_none() {
            expected.note("presences", key, Problem::Misplaced);
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_stand_in_their_order_and_before_texts() {
        let ids = ["1", "9", "10", "9223372036854775807", "0", "01", "9223372036854775808", "a"];
        let key = |id: &str| key_of(AppId(7), &UserId::parse(id).unwrap());
        let keys: Vec<_> = ids.iter().map(|id| key(id)).collect();
        assert!(keys.is_sorted(), "{keys:?}");
        for (id, key) in ids.iter().zip(&keys) {
            assert_eq!(whose(key), Some((AppId(7), UserId::parse(id).unwrap())));
        }
        assert!(keys.last() < Some(&key_of(AppId(8), &UserId::parse("1").unwrap())));
    }
}
