//! `[[apps]]`: the tenants.

use std::collections::BTreeMap;
use std::path::Path;

use domain::AppId;
use domain::app::{
    AccessKey, App, AppsFault, EmptyString, FailedUserId, Quirks, Reregister, Secret,
};
use sources::{Hook, livekit};
use toml::Spanned;

use super::Fault;
use super::broadcast::{self, Receiver};
use super::file::{self, AppTable};
use super::reconcile::{self, Reconcile};

pub(super) fn read(path: &Path, text: &str, tables: &[AppTable]) -> Result<Vec<App>, Fault> {
    let fault = |at: usize, reason: &str| Fault::in_file(path, text, Some(at), reason);
    let mut apps = Vec::with_capacity(tables.len());
    for table in tables {
        if *table.id.get_ref() == 0 {
            return Err(fault(table.id.span().start, "an app's id is not 0"));
        }
        let secrets = [&table.event_token, &table.api_token, &table.server_secret];
        for secret in secrets.into_iter().flatten() {
            if secret.get_ref().is_empty() {
                return Err(fault(secret.span().start, "an empty secret would let anybody in"));
            }
        }
        check_sources(table).map_err(|(at, reason)| fault(at, &reason))?;
        check_keys(table).map_err(|(at, reason)| fault(at, reason))?;
        apps.push(app(table));
    }
    Ok(apps)
}

fn check_keys(table: &AppTable) -> Result<(), (usize, &'static str)> {
    for key in &table.access_keys {
        if key.id.get_ref().is_empty() || key.secret.is_empty() {
            return Err((key.id.span().start, "an access key has an id and a secret"));
        }
    }
    Ok(())
}

fn check_sources(table: &AppTable) -> Result<(), (usize, String)> {
    for (name, told) in &table.sources {
        let at = name.span().start;
        let hook = Hook::find(name.get_ref()).ok_or_else(|| {
            let known: Vec<&str> = Hook::ALL.iter().map(|hook| hook.name()).collect();
            (at, format!("{:?} is no source; there are {}", name.get_ref(), known.join(", ")))
        })?;
        let needed = hook.credential_names();
        for key in needed {
            match told.get(*key) {
                None => return Err((at, format!("the source needs `{key}`, which is missing"))),
                Some(toml::Value::String(text)) if !text.is_empty() => {}
                Some(_) => return Err((at, format!("the source's `{key}` is a text, not empty"))),
            }
        }
        let known = [needed, hook.setting_names()].concat();
        if let Some(key) = told.keys().find(|key| !known.contains(&key.as_str())) {
            return Err((at, format!("the source has no `{key}`; it has {}", known.join(", "))));
        }
    }
    Ok(())
}

fn app(table: &AppTable) -> App {
    App {
        id: AppId(*table.id.get_ref()),
        rtc_id: table.rtc_id.as_ref().map(|rtc_id| rtc_id.get_ref().clone()),
        name: table.name.clone(),
        server_secret: table.server_secret.as_ref().map(|secret| Secret::new(secret.get_ref())),
        event_token: table.event_token.as_ref().map(|token| Secret::new(token.get_ref())),
        api_token: table.api_token.as_ref().map(|token| Secret::new(token.get_ref())),
        access_keys: table
            .access_keys
            .iter()
            .map(|key| AccessKey { id: key.id.get_ref().clone(), secret: Secret::new(&key.secret) })
            .collect(),
        quirks: quirks(table.quirks),
        sources: table.sources.iter().filter_map(credentials).collect(),
    }
}

/// Of a source that was checked.
fn credentials(
    (name, told): (&Spanned<String>, &BTreeMap<String, toml::Value>),
) -> Option<(String, BTreeMap<String, Secret>)> {
    let names = Hook::find(name.get_ref())?.credential_names();
    let secret = |name: &&str| {
        let secret = told.get(*name)?.as_str()?;
        Some(((*name).to_owned(), Secret::new(secret)))
    };
    Some((name.get_ref().clone(), names.iter().filter_map(secret).collect()))
}

/// Those who take broadcasts.
pub(super) fn read_receivers(
    path: &Path,
    text: &str,
    tables: &[AppTable],
    remarks: &mut Vec<String>,
) -> Result<Vec<Receiver>, Fault> {
    let mut all = vec![];
    for table in tables {
        let read = broadcast::read(table, remarks);
        let fault = |(at, reason)| Fault::in_file(path, text, Some(at), reason);
        all.extend(read.map_err(fault)?);
    }
    Ok(all)
}

/// The media servers that are asked who is there.
pub(super) fn read_reconcile(
    path: &Path,
    text: &str,
    tables: &[AppTable],
) -> Result<Vec<Reconcile>, Fault> {
    let mut all = vec![];
    for table in tables {
        for (name, told) in &table.sources {
            let of = |setting| told.get(setting);
            let (url, seconds) = (of(livekit::SETTING_URL), of(livekit::SETTING_RECONCILE_SECONDS));
            let read = reconcile::read(AppId(*table.id.get_ref()), url, seconds);
            let at = name.span().start;
            all.extend(read.map_err(|reason| Fault::in_file(path, text, Some(at), &reason))?);
        }
    }
    Ok(all)
}

fn quirks(table: file::QuirksTable) -> Quirks {
    Quirks {
        reregister: match table.reregister {
            file::Reregister::Refuse => Reregister::Refuse,
            file::Reregister::Overwrite => Reregister::Overwrite,
        },
        empty_string: match table.empty_string {
            file::EmptyString::ByClient => EmptyString::ByClient,
            file::EmptyString::Clear => EmptyString::Clear,
            file::EmptyString::Keep => EmptyString::Keep,
        },
        failed_user_id: match table.failed_user_id {
            file::FailedUserId::ByClient => FailedUserId::ByClient,
            file::FailedUserId::Text => FailedUserId::Text,
            file::FailedUserId::Number => FailedUserId::Number,
        },
    }
}

/// The byte of the file at which the later of two apps says what the earlier said.
pub(super) fn place_of(fault: &AppsFault, tables: &[AppTable]) -> Option<usize> {
    let mut from_the_last = tables.iter().rev();
    match fault {
        AppsFault::SameId(id) => from_the_last
            .find(|table| *table.id.get_ref() == id.0)
            .map(|table| table.id.span().start),
        AppsFault::SameRtcId(rtc_id) => from_the_last
            .filter_map(|table| table.rtc_id.as_ref())
            .find(|theirs| theirs.get_ref() == rtc_id)
            .map(|theirs| theirs.span().start),
        AppsFault::TwoSecrets(key) => from_the_last
            .flat_map(|table| &table.access_keys)
            .find(|theirs| theirs.id.get_ref() == key)
            .map(|theirs| theirs.id.span().start),
    }
}
