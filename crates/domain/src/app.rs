//! The tenants: their ids, their secrets, and the choices that differ between them.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::fmt;

use crate::ids::AppId;

/// A text that must never be shown. `Debug` hides it, and there is no `Display`.
#[derive(Clone, PartialEq, Eq)]
pub struct Secret(String);

impl Secret {
    /// Keeps `text` secret.
    pub fn new(text: impl Into<String>) -> Self {
        Self(text.into())
    }

    /// The secret itself, for computing with it. Compare in constant time.
    pub fn reveal(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Secret(…)")
    }
}

/// A key that signs requests.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AccessKey {
    /// The public half.
    pub id: String,
    /// The half that signs: these very bytes, whatever they look like.
    pub secret: Secret,
}

/// What happens when an id is registered again with another profile.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Reregister {
    /// That user fails, and nothing is overwritten.
    #[default]
    Refuse,
    /// The new profile takes the place of the old one.
    Overwrite,
}

/// What an empty text means in a partial update.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum EmptyString {
    /// Leave as it is for clients that cannot leave a field out, clear for all others.
    #[default]
    ByClient,
    /// Clear the field.
    Clear,
    /// Leave the field as it is.
    Keep,
}

/// The JSON type of a failed user's id in the answer to a registration.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum FailedUserId {
    /// A number for clients that cannot read the documented text, text for all others.
    #[default]
    ByClient,
    /// Text, as documented.
    Text,
    /// A number.
    Number,
}

/// The choices that a user of the real services may know better than we do.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Quirks {
    /// Registering an id that is taken.
    pub reregister: Reregister,
    /// `""` in a partial update.
    pub empty_string: EmptyString,
    /// The type of `FailedInfos.UserId`.
    pub failed_user_id: FailedUserId,
}

/// A tenant.
#[derive(Clone, Debug)]
pub struct App {
    /// Its numeric id.
    pub id: AppId,
    /// Its id among the RTC actions, if it has one.
    pub rtc_id: Option<String>,
    /// What people call it.
    pub name: String,
    /// Signs requests of the dialect that has one secret per app.
    pub server_secret: Option<Secret>,
    /// Bearer token of those who may send native events.
    pub event_token: Option<Secret>,
    /// Bearer token of the native API; where there is none, `event_token` opens it.
    pub api_token: Option<Secret>,
    /// Keys of the dialect that signs with key pairs.
    pub access_keys: Vec<AccessKey>,
    /// Its choices.
    pub quirks: Quirks,
    /// Which hooks it takes events from, and the credentials of each, by their config names.
    pub sources: BTreeMap<String, BTreeMap<String, Secret>>,
}

/// Why apps cannot stand beside each other.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum AppsFault {
    /// Two apps have one numeric id.
    #[error("two apps have the id {0}")]
    SameId(AppId),
    /// Two apps have one RTC id.
    #[error("two apps have the rtc_id {0:?}")]
    SameRtcId(String),
    /// One access key has two secrets.
    #[error("the access key {0:?} stands under two apps with different secrets")]
    TwoSecrets(String),
}

/// What an access key opens.
#[derive(Debug)]
pub struct Grant {
    /// The half that signs.
    pub secret: Secret,
    /// The apps it may speak for.
    pub apps: BTreeSet<AppId>,
}

/// Every tenant, found by whatever a request names it with.
#[derive(Debug, Default)]
pub struct Apps {
    by_id: BTreeMap<AppId, App>,
    by_rtc_id: HashMap<String, AppId>,
    by_access_key: HashMap<String, Grant>,
}

impl Apps {
    /// Puts the apps beside each other.
    pub fn new(apps: impl IntoIterator<Item = App>) -> Result<Self, AppsFault> {
        let mut all = Self::default();
        for app in apps {
            all.add(app)?;
        }
        Ok(all)
    }

    fn add(&mut self, app: App) -> Result<(), AppsFault> {
        if let Some(rtc_id) = &app.rtc_id
            && self.by_rtc_id.insert(rtc_id.clone(), app.id).is_some()
        {
            return Err(AppsFault::SameRtcId(rtc_id.clone()));
        }
        for key in &app.access_keys {
            let grant = self
                .by_access_key
                .entry(key.id.clone())
                .or_insert_with(|| Grant { secret: key.secret.clone(), apps: BTreeSet::new() });
            if grant.secret != key.secret {
                return Err(AppsFault::TwoSecrets(key.id.clone()));
            }
            grant.apps.insert(app.id);
        }
        let id = app.id;
        match self.by_id.insert(id, app) {
            Some(_) => Err(AppsFault::SameId(id)),
            None => Ok(()),
        }
    }

    /// The app with this numeric id.
    pub fn find(&self, id: AppId) -> Option<&App> {
        self.by_id.get(&id)
    }

    /// The app with this RTC id.
    pub fn find_by_rtc_id(&self, rtc_id: &str) -> Option<&App> {
        self.by_rtc_id.get(rtc_id).and_then(|id| self.by_id.get(id))
    }

    /// What this access key opens.
    pub fn find_access_key(&self, id: &str) -> Option<&Grant> {
        self.by_access_key.get(id)
    }

    /// Every app, by numeric id.
    pub fn iter(&self) -> impl Iterator<Item = &App> {
        self.by_id.values()
    }
}
