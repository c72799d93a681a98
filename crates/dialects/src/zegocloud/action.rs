//! The actions that are answered.

use std::num::NonZeroU32;

use super::fault::{Code, Fault, shown};

/// An action, chosen by the query parameter of this name.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Action {
    QueryUserInfos,
    UserRegister,
    RobotRegister,
    ModifyUserInfo,
    QueryUserOnlineState,
    SendMessageToAllUsers,
    DescribeUserList,
    DescribeUserNum,
    DescribeUsers,
}

impl Action {
    pub(super) const ALL: [Self; 9] = [
        Self::QueryUserInfos,
        Self::UserRegister,
        Self::RobotRegister,
        Self::ModifyUserInfo,
        Self::QueryUserOnlineState,
        Self::SendMessageToAllUsers,
        Self::DescribeUserList,
        Self::DescribeUserNum,
        Self::DescribeUsers,
    ];

    /// To the letter: neither case nor blanks are forgiven.
    pub(super) fn parse(name: &str) -> Result<Self, Fault> {
        let known = Self::ALL.into_iter().find(|action| action.name() == name);
        known.ok_or_else(|| {
            let answered = Self::ALL.map(Self::name).join(", ");
            if name.is_empty() {
                let why = format!("the query has no Action; this server answers {answered}");
                return Fault::new(Code::ActionEmpty, why);
            }
            let name = shown(name);
            let why = format!("Action {name} is not supported; this server answers {answered}");
            Fault::new(Code::ActionUnsupported, why)
        })
    }

    pub(super) fn name(self) -> &'static str {
        match self {
            Self::QueryUserInfos => "QueryUserInfos",
            Self::UserRegister => "UserRegister",
            Self::RobotRegister => "RobotRegister",
            Self::ModifyUserInfo => "ModifyUserInfo",
            Self::QueryUserOnlineState => "QueryUserOnlineState",
            Self::SendMessageToAllUsers => "SendMessageToAllUsers",
            Self::DescribeUserList => "DescribeUserList",
            Self::DescribeUserNum => "DescribeUserNum",
            Self::DescribeUsers => "DescribeUsers",
        }
    }

    /// How often one app may call it, as documented.
    pub(super) fn per_second(self) -> NonZeroU32 {
        const TEN: NonZeroU32 = NonZeroU32::new(10).expect("not zero");
        const TWENTY: NonZeroU32 = NonZeroU32::new(20).expect("not zero");
        const TWO_HUNDRED: NonZeroU32 = NonZeroU32::new(200).expect("not zero");
        match self {
            Self::QueryUserInfos
            | Self::UserRegister
            | Self::RobotRegister
            | Self::ModifyUserInfo
            | Self::QueryUserOnlineState => TWENTY,
            // In 24 hours a hundred, too, which the action itself keeps.
            Self::SendMessageToAllUsers => NonZeroU32::MIN,
            Self::DescribeUserList => TWO_HUNDRED,
            Self::DescribeUserNum | Self::DescribeUsers => TEN,
        }
    }

    /// What is told of calls beyond that. QUIRK(zegocloud): each action has its own code.
    pub(super) fn too_frequent(self) -> Code {
        match self {
            Self::QueryUserInfos | Self::ModifyUserInfo | Self::QueryUserOnlineState => {
                Code::AppTooFrequent
            }
            Self::UserRegister | Self::RobotRegister => Code::RegisterTooFrequent,
            Self::SendMessageToAllUsers => Code::ToAllTooFrequent,
            Self::DescribeUserList | Self::DescribeUserNum | Self::DescribeUsers => {
                Code::RtcAppTooFrequent
            }
        }
    }

    /// What is told if the store failed at it; a repeat may help.
    pub(super) fn failed(self) -> Code {
        match self {
            Self::QueryUserInfos
            | Self::UserRegister
            | Self::RobotRegister
            | Self::QueryUserOnlineState
            | Self::SendMessageToAllUsers => Code::Business,
            Self::ModifyUserInfo => Code::UpdateFailed,
            // RTC calls it "request failed".
            Self::DescribeUserList | Self::DescribeUserNum | Self::DescribeUsers => {
                Code::ServerBusy
            }
        }
    }
}
