//! What is known of the client that a participant used. The keys are OpenTelemetry's.

use serde::{Deserialize, Serialize};

/// The operating system.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub enum Os {
    /// Android.
    Android,
    /// iOS.
    Ios,
    /// Linux: the mark of a server in a room.
    Linux,
    /// macOS.
    Mac,
    /// Windows.
    Windows,
    /// A browser, whatever it runs on.
    Web,
    /// Told, but none of these.
    Unknown,
}

/// The kind of network.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub enum Access {
    /// Second generation.
    G2,
    /// Third generation.
    G3,
    /// Fourth generation.
    G4,
    /// Fifth generation.
    G5,
    /// Wireless LAN.
    Wifi,
    /// Told, but none of these.
    Unknown,
}

/// What somebody told of a client; `None` where nobody did.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct ClientFacts {
    /// `os.name`.
    pub os: Option<Os>,
    /// `network.connection.type` and `network.connection.subtype`.
    pub access: Option<Access>,
    /// `device.model.name`.
    pub device: Option<String>,
    /// `rtc.sdk.version`.
    pub sdk_version: Option<String>,
}

/// How many bytes of a device's name or an SDK's version are kept.
pub const CLIENT_TEXT_BYTES_MAX: usize = 256;

impl ClientFacts {
    /// Reads the keys it knows out of any attributes; the others are ignored.
    pub fn from_attributes<'a>(attributes: impl IntoIterator<Item = (&'a str, &'a str)>) -> Self {
        let mut facts = Self::default();
        let mut network = (None, None);
        for (key, value) in attributes {
            match key {
                "os.name" => facts.os = Some(Os::parse(value)),
                "network.connection.type" => network.0 = Some(value),
                "network.connection.subtype" => network.1 = Some(value),
                "device.model.name" => facts.device = Some(cut(value)),
                "rtc.sdk.version" => facts.sdk_version = Some(cut(value)),
                _ => {}
            }
        }
        facts.access = Access::parse(network.0, network.1);
        facts
    }

    /// Takes from `later` what it tells.
    pub fn learn(&mut self, later: &Self) {
        fn take<T: Clone>(known: &mut Option<T>, told: Option<&T>) {
            if let Some(told) = told {
                *known = Some(told.clone());
            }
        }
        take(&mut self.os, later.os.as_ref());
        take(&mut self.access, later.access.as_ref());
        take(&mut self.device, later.device.as_ref());
        take(&mut self.sdk_version, later.sdk_version.as_ref());
    }
}

/// The longest beginning that may be kept.
fn cut(text: &str) -> String {
    text[..text.floor_char_boundary(CLIENT_TEXT_BYTES_MAX)].to_owned()
}

impl Os {
    fn parse(name: &str) -> Self {
        match name.trim().to_ascii_lowercase().as_str() {
            "android" => Self::Android,
            "ios" | "ipados" => Self::Ios,
            "linux" => Self::Linux,
            "mac" | "macos" | "darwin" => Self::Mac,
            "windows" => Self::Windows,
            "web" => Self::Web,
            _ => Self::Unknown,
        }
    }
}

impl Access {
    /// The subtype tells the generation of a cellular network; a sender that knows the generation
    /// may say it as the type.
    fn parse(kind: Option<&str>, subtype: Option<&str>) -> Option<Self> {
        let kind = kind.map(|kind| kind.trim().to_ascii_lowercase());
        let subtype = subtype.map(|subtype| subtype.trim().to_ascii_lowercase());
        match (kind.as_deref(), subtype.as_deref()) {
            (None, None) => None,
            (Some("wifi"), _) => Some(Self::Wifi),
            (Some("cell" | "cellular") | None, Some(subtype)) => Some(Self::generation(subtype)),
            (Some(kind), _) => Some(Self::generation(kind)),
        }
    }

    fn generation(name: &str) -> Self {
        match name {
            "2g" | "gprs" | "edge" | "cdma" | "gsm" | "iden" => Self::G2,
            "3g" | "umts" | "evdo_0" | "evdo_a" | "evdo_b" | "hsdpa" | "hsupa" | "hspa"
            | "hspap" | "ehrpd" | "td_scdma" => Self::G3,
            "4g" | "lte" | "lte_ca" => Self::G4,
            "5g" | "nr" | "nrnsa" => Self::G5,
            _ => Self::Unknown,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_network_is_its_type_or_its_generation() {
        let access = |pairs: &[(&'static str, &'static str)]| {
            ClientFacts::from_attributes(pairs.iter().copied()).access
        };
        const TYPE: &str = "network.connection.type";
        const SUBTYPE: &str = "network.connection.subtype";
        assert_eq!(access(&[]), None);
        assert_eq!(access(&[(TYPE, "wifi")]), Some(Access::Wifi));
        assert_eq!(access(&[(TYPE, "wifi"), (SUBTYPE, "lte")]), Some(Access::Wifi));
        assert_eq!(access(&[(TYPE, "cell"), (SUBTYPE, "lte")]), Some(Access::G4));
        assert_eq!(access(&[(SUBTYPE, "nr"), (TYPE, "cell")]), Some(Access::G5));
        assert_eq!(access(&[(TYPE, "cell"), (SUBTYPE, "edge")]), Some(Access::G2));
        assert_eq!(access(&[(TYPE, "cell"), (SUBTYPE, "hspa")]), Some(Access::G3));
        assert_eq!(access(&[(SUBTYPE, "lte_ca")]), Some(Access::G4));
        assert_eq!(access(&[(TYPE, "5g")]), Some(Access::G5));
        assert_eq!(access(&[(TYPE, "cell")]), Some(Access::Unknown));
        assert_eq!(access(&[(TYPE, "wired")]), Some(Access::Unknown));
        assert_eq!(access(&[(TYPE, "wired"), (SUBTYPE, "lte")]), Some(Access::Unknown));
    }

    #[test]
    fn an_operating_system_outside_the_list_is_unknown() {
        let os = |name| ClientFacts::from_attributes([("os.name", name)]).os;
        assert_eq!(os("iOS"), Some(Os::Ios));
        assert_eq!(os("macOS"), Some(Os::Mac));
        assert_eq!(os("Windows"), Some(Os::Windows));
        assert_eq!(os("BeOS"), Some(Os::Unknown));
        assert_eq!(ClientFacts::from_attributes([("os", "ios")]).os, None);
    }

    #[test]
    fn a_long_text_is_cut_between_characters() {
        let long = "机".repeat(200);
        let facts = ClientFacts::from_attributes([("device.model.name", long.as_str())]);
        assert_eq!(facts.device.map(|device| device.len()), Some(255));
    }

    #[test]
    fn later_facts_replace_only_what_they_tell() {
        let mut facts =
            ClientFacts::from_attributes([("os.name", "ios"), ("rtc.sdk.version", "1")]);
        facts.learn(&ClientFacts::from_attributes([("rtc.sdk.version", "2")]));
        assert_eq!((facts.os, facts.sdk_version.as_deref()), (Some(Os::Ios), Some("2")));
    }
}
