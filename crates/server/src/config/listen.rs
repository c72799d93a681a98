//! Where to listen: one place or several, and how what comes in is encrypted.

use std::fmt;
use std::net::{IpAddr, SocketAddr, ToSocketAddrs};
use std::path::PathBuf;

use serde::Deserialize;
use serde::de::{Deserializer, Error};

use super::Fault;
use super::file::Top;
use crate::cli::ServeArgs;
use crate::http::TlsFiles;

/// Where the server listens unless it is told.
pub(super) const LISTEN_DEFAULT: &str = "127.0.0.1:7007";

/// What a socket in the file system begins with.
const UNIX: &str = "unix:";

/// How many places there may be.
const PLACES_MAX: usize = 16;

/// A place to listen at.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Listen {
    /// An address of TCP.
    Tcp(SocketAddr),
    /// A socket in the file system.
    Unix(PathBuf),
}

impl fmt::Display for Listen {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Tcp(address) => write!(f, "{address}"),
            Self::Unix(path) => write!(f, "{UNIX}{}", path.display()),
        }
    }
}

impl Listen {
    pub(super) fn parse(text: &str) -> Result<Self, String> {
        let wrong = || {
            format!(
                "{text:?} is not an address to listen on, such as \"127.0.0.1:7007\" or \
                 \"unix:/run/whowas.sock\""
            )
        };
        if let Some(path) = text.strip_prefix(UNIX) {
            return if path.is_empty() { Err(wrong()) } else { Ok(Self::Unix(path.into())) };
        }
        if let Ok(address) = text.parse() {
            return Ok(Self::Tcp(address));
        }
        let found = text.to_socket_addrs().ok().and_then(|mut found| found.next());
        found.map(Self::Tcp).ok_or_else(wrong)
    }

    /// Whether nobody elsewhere can reach it.
    fn is_of_this_machine(&self) -> bool {
        match self {
            Self::Tcp(address) => address.ip().is_loopback(),
            Self::Unix(_) => true,
        }
    }
}

/// All places: text with one, or with several and commas between, or a list.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Places(pub(super) Vec<Listen>);

impl Places {
    fn parse<'t>(texts: impl IntoIterator<Item = &'t str>) -> Result<Self, String> {
        let texts = texts.into_iter().flat_map(|text| text.split(',')).map(str::trim);
        let places = texts.map(Listen::parse).collect::<Result<Vec<_>, _>>()?;
        match places.len() {
            1..=PLACES_MAX => Ok(Self(places)),
            len => Err(format!("{len} places to listen at are not from 1 to {PLACES_MAX}")),
        }
    }
}

impl<'de> Deserialize<'de> for Places {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        #[derive(Deserialize)]
        #[serde(untagged)]
        enum Written {
            One(String),
            Several(Vec<String>),
        }
        let written = Written::deserialize(deserializer)
            .map_err(|_| D::Error::custom("neither text nor a list of texts"))?;
        match written {
            Written::One(text) => Self::parse([text.as_str()]),
            Written::Several(texts) => Self::parse(texts.iter().map(String::as_str)),
        }
        .map_err(D::Error::custom)
    }
}

/// `[tls]`.
#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct TlsTable {
    cert_file: Option<PathBuf>,
    key_file: Option<PathBuf>,
}

impl TlsTable {
    pub(super) fn over(self, below: Self) -> Self {
        Self {
            cert_file: self.cert_file.or(below.cert_file),
            key_file: self.key_file.or(below.key_file),
        }
    }

    pub(super) fn read(&self) -> Result<Option<TlsFiles>, Fault> {
        let fault = |key: &str, reason: &str| {
            Err(Fault::new("the config", Some(format!("tls.{key}")), reason))
        };
        match (&self.cert_file, &self.key_file) {
            (None, None) => Ok(None),
            (Some(certificates), Some(key)) => {
                Ok(Some(TlsFiles { certificates: certificates.clone(), key: key.clone() }))
            }
            (Some(_), None) => fault("key_file", "a certificate needs a `key_file`"),
            (None, Some(_)) => fault("cert_file", "a key needs a `cert_file`"),
        }
    }
}

/// Where to listen, of all who may say so.
pub(super) fn read(args: &ServeArgs, top: &Top) -> Result<Vec<Listen>, Fault> {
    let places = match (&args.listen, &top.listen) {
        (Some(text), _) => {
            let parsed = Places::parse([text.as_str()]);
            parsed.map_err(|reason| Fault::new("--listen", None, reason))?.0
        }
        (None, Some(places)) => places.0.clone(),
        (None, None) => {
            let default = LISTEN_DEFAULT.parse().expect("the default is an address");
            vec![Listen::Tcp(default)]
        }
    };
    if args.demo && !places.iter().all(Listen::is_of_this_machine) {
        let reason = "--demo has published keys, so it listens on loopback only; \
                      use 127.0.0.1 or leave --demo out";
        return Err(Fault::new("--listen", None, reason));
    }
    Ok(places)
}

/// How somebody on this machine reaches a server that listens there: its first address of TCP.
pub(super) fn url_of(places: &[Listen], is_encrypted: bool) -> Option<String> {
    let tcp = |place: &Listen| match place {
        Listen::Tcp(address) => Some(*address),
        Listen::Unix(_) => None,
    };
    let mut address = places.iter().find_map(tcp)?;
    // Who listens everywhere is found here too.
    if address.ip().is_unspecified() {
        address.set_ip(match address {
            SocketAddr::V4(_) => IpAddr::from(std::net::Ipv4Addr::LOCALHOST),
            SocketAddr::V6(_) => IpAddr::from(std::net::Ipv6Addr::LOCALHOST),
        });
    }
    let scheme = if is_encrypted { "https" } else { "http" };
    Some(format!("{scheme}://{address}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(text: &str) -> String {
        match Places::parse([text]) {
            Ok(Places(places)) => {
                places.iter().map(ToString::to_string).collect::<Vec<_>>().join(" ")
            }
            Err(reason) => reason,
        }
    }

    #[test]
    fn a_place_is_an_address_or_a_socket_and_there_may_be_several() {
        assert_eq!(check("127.0.0.1:7007"), "127.0.0.1:7007");
        assert_eq!(check("[::1]:0, unix:/run/a.sock"), "[::1]:0 unix:/run/a.sock");
        for wrong in ["", "unix:", "127.0.0.1", "127.0.0.1:1,", "http://127.0.0.1:1"] {
            assert!(check(wrong).contains("is not an address to listen on"), "{wrong}");
        }
        let many = vec!["127.0.0.1:1"; 17].join(",");
        assert_eq!(check(&many), "17 places to listen at are not from 1 to 16");
    }

    #[test]
    fn who_listens_everywhere_is_found_on_this_machine() {
        let url = |text: &str, tls| {
            url_of(&Places::parse([text]).expect("places").0, tls).unwrap_or_default()
        };
        assert_eq!(url("0.0.0.0:7", false), "http://127.0.0.1:7");
        assert_eq!(url("unix:/a,[::]:7", true), "https://[::1]:7");
        assert_eq!(url("unix:/a", true), "");
    }
}
