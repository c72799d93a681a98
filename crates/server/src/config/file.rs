//! The config file, key by key. A key that does not stand here is an error.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use domain::Settings;
use serde::Deserialize;
use toml::Spanned;

use super::Fault;
use super::console::ConsoleTable;
use super::listen::{Places, TlsTable};
use super::store::StoreTable;
use super::values::{Limits, LogFormat, LogLevel, Minutes, RetentionDays, TimeZone};

/// The whole file.
#[derive(Debug, Default)]
pub(super) struct File {
    pub(super) top: Top,
    pub(super) apps: Vec<AppTable>,
}

/// Every key outside `[[apps]]`: these may come from the environment too.
#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Top {
    pub(super) listen: Option<Places>,
    pub(super) data: Option<PathBuf>,
    limits: Option<Limits>,
    time_zone: Option<TimeZone>,
    retention_days: Option<RetentionDays>,
    idle_close_minutes: Option<Minutes>,
    presence_expiry_minutes: Option<Minutes>,
    explain_signatures: Option<bool>,
    pub(super) allow_private_broadcast_urls: Option<bool>,
    strict_nonce: Option<bool>,
    pub(super) log_format: Option<LogFormat>,
    pub(super) log_level: Option<LogLevel>,
    #[serde(default)]
    pub(super) tls: TlsTable,
    #[serde(default)]
    pub(super) console: ConsoleTable,
    #[serde(default)]
    pub(super) store: StoreTable,
    #[serde(default)]
    apps: Vec<AppTable>,
}

/// One of `[[apps]]`.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct AppTable {
    pub(super) id: Spanned<u32>,
    pub(super) rtc_id: Option<Spanned<String>>,
    #[serde(default)]
    pub(super) name: String,
    pub(super) server_secret: Option<Spanned<String>>,
    pub(super) event_token: Option<Spanned<String>>,
    pub(super) api_token: Option<Spanned<String>>,
    pub(super) broadcast_url: Option<Spanned<String>>,
    pub(super) broadcast_secret: Option<Spanned<String>>,
    #[serde(default)]
    pub(super) access_keys: Vec<AccessKeyTable>,
    #[serde(default)]
    pub(super) quirks: QuirksTable,
    #[serde(default)]
    /// What is told of a source: credentials, which are text, and settings.
    pub(super) sources: BTreeMap<Spanned<String>, BTreeMap<String, toml::Value>>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct AccessKeyTable {
    pub(super) id: Spanned<String>,
    pub(super) secret: String,
}

#[derive(Clone, Copy, Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default, rename_all = "snake_case")]
pub(super) struct QuirksTable {
    pub(super) reregister: Reregister,
    pub(super) empty_string: EmptyString,
    pub(super) failed_user_id: FailedUserId,
}

#[derive(Clone, Copy, Debug, Default, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub(super) enum Reregister {
    #[default]
    Refuse,
    Overwrite,
}

#[derive(Clone, Copy, Debug, Default, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub(super) enum EmptyString {
    #[default]
    ByClient,
    Clear,
    Keep,
}

#[derive(Clone, Copy, Debug, Default, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub(super) enum FailedUserId {
    #[default]
    ByClient,
    Text,
    Number,
}

impl File {
    pub(super) fn parse(path: &Path, text: &str) -> Result<Self, Fault> {
        let mut top: Top = toml::from_str(text).map_err(|error| {
            let at = error.span().map(|span| span.start);
            Fault::in_file(path, text, at, error.message())
        })?;
        let apps = std::mem::take(&mut top.apps);
        Ok(Self { top, apps })
    }
}

impl Top {
    /// These values, and where there are none, those of `below`.
    pub(super) fn over(self, below: Self) -> Self {
        Self {
            listen: self.listen.or(below.listen),
            data: self.data.or(below.data),
            limits: self.limits.or(below.limits),
            time_zone: self.time_zone.or(below.time_zone),
            retention_days: self.retention_days.or(below.retention_days),
            idle_close_minutes: self.idle_close_minutes.or(below.idle_close_minutes),
            presence_expiry_minutes: self.presence_expiry_minutes.or(below.presence_expiry_minutes),
            explain_signatures: self.explain_signatures.or(below.explain_signatures),
            allow_private_broadcast_urls: self
                .allow_private_broadcast_urls
                .or(below.allow_private_broadcast_urls),
            strict_nonce: self.strict_nonce.or(below.strict_nonce),
            log_format: self.log_format.or(below.log_format),
            log_level: self.log_level.or(below.log_level),
            tls: self.tls.over(below.tls),
            console: self.console.over(below.console),
            store: self.store.over(below.store),
            ..below
        }
    }

    pub(super) fn settings(&self, demo: bool) -> Settings {
        let default = Settings::default();
        Settings {
            documented_limits: self.limits != Some(Limits::Off),
            time_zone_offset_s: self.time_zone.map_or(default.time_zone_offset_s, |zone| zone.0),
            retention_days: self.retention_days.map_or(default.retention_days, |days| days.0),
            idle_close_minutes: self.idle_close_minutes.and_then(|minutes| minutes.0),
            presence_expiry_minutes: self
                .presence_expiry_minutes
                .map_or(default.presence_expiry_minutes, |minutes| minutes.0),
            explain_signatures: self.explain_signatures.unwrap_or(demo),
            strict_nonce: self.strict_nonce.unwrap_or(default.strict_nonce),
        }
    }
}
