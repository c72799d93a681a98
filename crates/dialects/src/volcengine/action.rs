//! The actions that this dialect answers.

use std::num::NonZeroU32;

use http::Method;

/// A version of the API. Where two versions of an action differ, the action asks which it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Version {
    V20201201,
    V20231101,
}

impl Version {
    pub(super) fn name(self) -> &'static str {
        match self {
            Self::V20201201 => "2020-12-01",
            Self::V20231101 => "2023-11-01",
        }
    }
}

/// What can be asked.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Action {
    RegisterUsers,
    UnRegisterUsers,
    BatchUpdateUserTags,
    BatchUpdateUser,
    BatchGetUser,
    QueryOnlineStatus,
    UserBroadcast,
    ListUserInfo,
    ListRoomInfo,
    GetRoomOnlineUsers,
}

/// What must be known of an action before it is asked.
#[derive(Debug)]
pub(super) struct Spec {
    /// As the vendor writes it.
    pub(super) name: &'static str,
    pub(super) versions: &'static [Version],
    pub(super) method: Method,
    /// How often an app may ask, as documented.
    pub(super) per_second: NonZeroU32,
    /// Whether it changes something, so that its body must be covered by the signature.
    pub(super) changes: bool,
}

const fn per_second(calls: u32) -> NonZeroU32 {
    NonZeroU32::new(calls).expect("a limit is not zero")
}

impl Action {
    /// Every action.
    pub(super) const ALL: [Self; 10] = [
        Self::RegisterUsers,
        Self::UnRegisterUsers,
        Self::BatchUpdateUserTags,
        Self::BatchUpdateUser,
        Self::BatchGetUser,
        Self::QueryOnlineStatus,
        Self::UserBroadcast,
        Self::ListUserInfo,
        Self::ListRoomInfo,
        Self::GetRoomOnlineUsers,
    ];

    pub(super) fn spec(self) -> Spec {
        match self {
            Self::RegisterUsers => Spec {
                name: "RegisterUsers",
                versions: &[Version::V20201201],
                method: Method::POST,
                per_second: per_second(50),
                changes: true,
            },
            Self::UnRegisterUsers => Spec {
                name: "UnRegisterUsers",
                versions: &[Version::V20201201],
                method: Method::POST,
                per_second: per_second(50),
                changes: true,
            },
            Self::BatchUpdateUserTags => Spec {
                name: "BatchUpdateUserTags",
                versions: &[Version::V20201201],
                method: Method::POST,
                per_second: per_second(50),
                changes: true,
            },
            Self::BatchUpdateUser => Spec {
                name: "BatchUpdateUser",
                versions: &[Version::V20201201],
                method: Method::POST,
                per_second: per_second(50),
                changes: true,
            },
            Self::BatchGetUser => Spec {
                name: "BatchGetUser",
                versions: &[Version::V20201201],
                method: Method::POST,
                per_second: per_second(100),
                changes: false,
            },
            Self::QueryOnlineStatus => Spec {
                name: "QueryOnlineStatus",
                versions: &[Version::V20201201],
                method: Method::POST,
                per_second: per_second(100),
                changes: false,
            },
            // A calendar day has a quota too, which the action itself keeps.
            Self::UserBroadcast => Spec {
                name: "UserBroadcast",
                versions: &[Version::V20201201],
                method: Method::POST,
                per_second: per_second(50),
                changes: true,
            },
            Self::ListUserInfo => Spec {
                name: "ListUserInfo",
                versions: &[Version::V20231101, Version::V20201201],
                method: Method::GET,
                per_second: per_second(10),
                changes: false,
            },
            Self::ListRoomInfo => Spec {
                name: "ListRoomInfo",
                versions: &[Version::V20231101, Version::V20201201],
                method: Method::GET,
                per_second: per_second(10),
                changes: false,
            },
            Self::GetRoomOnlineUsers => Spec {
                name: "GetRoomOnlineUsers",
                versions: &[Version::V20231101],
                method: Method::GET,
                per_second: per_second(40),
                changes: false,
            },
        }
    }

    /// The action of this name in this version.
    pub(super) fn find(name: &str, version: &str) -> Option<(Self, Version)> {
        let action = Self::ALL.into_iter().find(|action| action.spec().name == name)?;
        let versions = action.spec().versions;
        versions
            .iter()
            .copied()
            .find(|known| known.name() == version)
            .map(|version| (action, version))
    }
}
