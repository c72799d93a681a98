//! `[store]`: what keeps everything, and for a ring how it is reached.

use std::path::PathBuf;

use domain::app::Secret;
use serde::de::{Deserialize, Deserializer, Error};
use stores::cassandra::{Identity, Login, Options, Tls};

use super::Fault;
use super::values::StoreKind;

const KEYSPACE_DEFAULT: &str = "whowas";
const CONTACT_POINTS_MAX: usize = 100;

/// Where everything is kept.
#[derive(Clone, Debug)]
pub(crate) enum StoreAt {
    /// Nowhere: nothing outlives the process.
    Memory,
    /// In a folder of this machine.
    Embedded(PathBuf),
    /// On a ring.
    Cassandra(Box<Options>),
}

#[derive(Debug, Default, serde::Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct StoreTable {
    pub(super) kind: Option<StoreKind>,
    contact_points: Option<Vec<ContactPoint>>,
    keyspace: Option<Keyspace>,
    replication_factor: Option<ReplicationFactor>,
    local_data_center: Option<Filled>,
    user: Option<Filled>,
    password: Option<Password>,
    tls: Option<bool>,
    tls_check_addresses: Option<bool>,
    ca_file: Option<PathBuf>,
    cert_file: Option<PathBuf>,
    key_file: Option<PathBuf>,
}

impl StoreTable {
    /// These values, and where there are none, those of `below`.
    pub(super) fn over(self, below: Self) -> Self {
        Self {
            kind: self.kind.or(below.kind),
            contact_points: self.contact_points.or(below.contact_points),
            keyspace: self.keyspace.or(below.keyspace),
            replication_factor: self.replication_factor.or(below.replication_factor),
            local_data_center: self.local_data_center.or(below.local_data_center),
            user: self.user.or(below.user),
            password: self.password.or(below.password),
            tls: self.tls.or(below.tls),
            tls_check_addresses: self.tls_check_addresses.or(below.tls_check_addresses),
            ca_file: self.ca_file.or(below.ca_file),
            cert_file: self.cert_file.or(below.cert_file),
            key_file: self.key_file.or(below.key_file),
        }
    }

    /// What they say together.
    pub(super) fn read(&self, data: PathBuf) -> Result<StoreAt, Fault> {
        match self.kind.unwrap_or_default() {
            StoreKind::Memory => Ok(StoreAt::Memory),
            StoreKind::Embedded => Ok(StoreAt::Embedded(data)),
            StoreKind::Cassandra => {
                let points = self.contact_points.iter().flatten();
                let points: Vec<String> = points.map(|point| point.0.clone()).collect();
                if points.is_empty() || points.len() > CONTACT_POINTS_MAX {
                    let reason = "a ring is found by 1 to 100 of its nodes, such as \
                                  [\"127.0.0.1:9042\"]";
                    return Err(fault("contact_points", reason));
                }
                let keyspace = self.keyspace.as_ref().map_or(KEYSPACE_DEFAULT, |it| it.0.as_str());
                Ok(StoreAt::Cassandra(Box::new(self.options(points, keyspace)?)))
            }
        }
    }

    /// How these nodes are reached, as the other keys say.
    pub(super) fn options(&self, points: Vec<String>, keyspace: &str) -> Result<Options, Fault> {
        let mut options = Options::new(points, keyspace);
        if let Some(ReplicationFactor(factor)) = self.replication_factor {
            options.replication_factor = factor;
        }
        options.local_data_center = self.local_data_center.as_ref().map(|name| name.0.clone());
        options.login = match (&self.user, &self.password) {
            (Some(user), Some(Password(password))) => {
                Some(Login { user: user.0.clone(), password: password.clone() })
            }
            (None, None) => None,
            (Some(_), None) => return Err(fault("user", "a user needs a `password`")),
            (None, Some(_)) => return Err(fault("password", "a password needs a `user`")),
        };
        options.tls = self.tls()?;
        Ok(options)
    }

    fn tls(&self) -> Result<Option<Tls>, Fault> {
        let files = [
            ("ca_file", self.ca_file.is_some()),
            ("cert_file", self.cert_file.is_some()),
            ("key_file", self.key_file.is_some()),
            ("tls_check_addresses", self.tls_check_addresses.is_some()),
        ];
        if self.tls != Some(true) {
            return match files.iter().find(|(_, is_told)| *is_told) {
                Some((key, _)) => Err(fault(key, "it has a meaning only with `tls = true`")),
                None => Ok(None),
            };
        }
        let identity = match (&self.cert_file, &self.key_file) {
            (Some(certificates), Some(key)) => {
                Some(Identity { certificates: certificates.clone(), key: key.clone() })
            }
            (None, None) => None,
            (Some(_), None) => return Err(fault("cert_file", "a certificate needs a `key_file`")),
            (None, Some(_)) => return Err(fault("key_file", "a key needs a `cert_file`")),
        };
        let check_addresses = self.tls_check_addresses.unwrap_or(true);
        Ok(Some(Tls { authorities: self.ca_file.clone(), identity, check_addresses }))
    }
}

fn fault(key: &str, reason: &str) -> Fault {
    Fault::new("the config", Some(format!("store.{key}")), reason)
}

/// A node, as `host` or `host:port`.
#[derive(Debug)]
struct ContactPoint(String);

/// As `host` or `host:port`, of which the host is a name or an address.
pub(super) fn parse_contact_point(text: &str) -> Result<String, String> {
    let wrong = || {
        format!("{text:?} is not a node of a ring, such as \"127.0.0.1:9042\" or \"db-1.example\"")
    };
    if text.parse::<std::net::SocketAddr>().is_ok() || text.parse::<std::net::IpAddr>().is_ok() {
        return Ok(text.to_owned());
    }
    let (host, port) = match text.rsplit_once(':') {
        Some((host, port)) => (host, port.parse().map_err(|_| wrong())?),
        None => (text, 1_u16),
    };
    let of_names = |c: char| c.is_ascii_alphanumeric() || matches!(c, '-' | '_' | '.');
    let is_name = !host.is_empty() && host.chars().all(of_names);
    (is_name && port > 0).then(|| text.to_owned()).ok_or_else(wrong)
}

/// Letters, digits and `_`, and not too many of them.
pub(super) fn parse_keyspace(text: &str) -> Result<String, String> {
    const LEN_MAX: usize = 48;
    let is_plain = text.bytes().all(|it| it.is_ascii_alphanumeric() || it == b'_');
    let begins = text.starts_with(|first: char| first.is_ascii_alphabetic());
    (is_plain && begins && text.len() <= LEN_MAX).then(|| text.to_owned()).ok_or_else(|| {
        format!(
            "{text:?} is not a keyspace: letters, digits and _, {LEN_MAX} at most, \
             beginning with a letter"
        )
    })
}

impl<'de> Deserialize<'de> for ContactPoint {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        parse_contact_point(&text).map(Self).map_err(D::Error::custom)
    }
}

#[derive(Debug)]
struct Keyspace(String);

impl<'de> Deserialize<'de> for Keyspace {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        parse_keyspace(&text).map(Self).map_err(D::Error::custom)
    }
}

/// On how many nodes each row is kept.
#[derive(Clone, Copy, Debug)]
struct ReplicationFactor(u8);

impl<'de> Deserialize<'de> for ReplicationFactor {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        const MAX: i64 = 100;
        let factor = i64::deserialize(deserializer)?;
        let wrong = || format!("{factor} is not a number of replicas from 1 to {MAX}");
        match u8::try_from(factor) {
            Ok(small @ 1..) if factor <= MAX => Ok(Self(small)),
            _ => Err(D::Error::custom(wrong())),
        }
    }
}

/// A text that is not empty.
#[derive(Debug)]
struct Filled(String);

impl<'de> Deserialize<'de> for Filled {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        let given = (!text.is_empty()).then_some(Self(text));
        given.ok_or_else(|| D::Error::custom("it is empty; leave it out instead"))
    }
}

/// Never shown.
#[derive(Debug)]
struct Password(Secret);

impl<'de> Deserialize<'de> for Password {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        Ok(Self(Secret::new(Filled::deserialize(deserializer)?.0)))
    }
}
