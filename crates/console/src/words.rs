//! Every word of the console, in English and in Chinese.

/// A language of the console.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Lang {
    English,
    Chinese,
}

impl Lang {
    /// The language that a cookie or a form names.
    pub(crate) fn parse(code: &str) -> Option<Self> {
        match code {
            "en" => Some(Self::English),
            "zh" => Some(Self::Chinese),
            _ => None,
        }
    }

    /// What a browser asks for: the first language of ours in its list.
    pub(crate) fn of_browser(accepted: &str) -> Self {
        let codes = accepted.split(',').map(|range| range.trim().get(..2).unwrap_or(""));
        codes.filter_map(Self::parse).next().unwrap_or(Self::English)
    }

    /// Its code.
    pub(crate) fn code(self) -> &'static str {
        match self {
            Self::English => "en",
            Self::Chinese => "zh",
        }
    }

    /// The other one, by its code and by its own name.
    pub(crate) fn other(self) -> (&'static str, &'static str) {
        match self {
            Self::English => ("zh", "中文"),
            Self::Chinese => ("en", "English"),
        }
    }

    pub(crate) fn words(self) -> &'static Words {
        match self {
            Self::English => &ENGLISH,
            Self::Chinese => &CHINESE,
        }
    }
}

macro_rules! words {
    ($($name:ident: $english:literal, $chinese:literal;)+) => {
        /// What is written on the pages.
        pub(crate) struct Words {$(pub(crate) $name: &'static str,)+}

        const ENGLISH: Words = Words {$($name: $english,)+};
        const CHINESE: Words = Words {$($name: $chinese,)+};

        #[cfg(test)]
        const ALL: &[(&str, &str, &str)] = &[$((stringify!($name), $english, $chinese),)+];
    };
}

words! {
    apps: "Apps", "应用";
    apps_none: "There are no apps that you may look at.", "没有可查看的应用。";
    by_tags: "Tags", "标签";
    by_tags_hint: "vip AND NOT (test OR beta*)", "vip AND NOT (test OR beta*)";
    call: "Call", "通话";
    call_earlier: "Earlier calls", "更早的通话";
    call_none: "No calls were found. Look in a longer time, or for a part of the name.", "没有找到通话。可以放宽时间范围，或只输入房间名的一部分。";
    call_people_cut: "More people were in this call than can be drawn; these joined first.", "通话人数超出可绘制的数量，这里是最先加入的。";
    cancel: "Cancel", "取消";
    created: "Created", "创建时间";
    deregister: "Deregister", "注销";
    deregister_ask: "The profile, its tags and its places in audiences are gone at once. What the log has of this user stays until it is retired, or erased. Registering the id again starts afresh.", "资料、标签与受众身份会立即消失。日志中的记录会保留到过期或被擦除。重新注册该 ID 会从头开始。";
    deregistered: "The user is deregistered.", "用户已注销。";
    device: "Device", "设备";
    door: "Came in by", "来源";
    duration: "Duration", "时长";
    extra: "Extra", "附加信息";
    ext: "Ext: one key=value a line", "扩展字段：每行一个 key=value";
    fault_app: "There is no such app, or you may not look at it.", "没有该应用，或无权查看。";
    fault_form: "The form is too old, or came from elsewhere. Load the page again.", "表单已过期或来自其他站点，请重新加载页面。";
    fault_method: "This page is not asked that way.", "该页面不支持此请求方式。";
    fault_none: "There is nothing here.", "这里什么都没有。";
    fault_off: "The console is off. Set a token of 24 characters or more in the config, under [console], and start the server again.", "控制台未开启。请在配置文件 [console] 中设置至少 24 个字符的 token，然后重启服务。";
    fault_store: "The store cannot be read or written now. Try again; /health/ready tells why.", "存储暂时不可用。请重试；原因见 /health/ready。";
    fault_time: "A time is not understood. It looks like 2026-11-20T20:00:05.", "时间格式无法识别，例如 2026-11-20T20:00:05。";
    fault_token: "This is not the console's token, and no ticket that is still good.", "令牌不正确，或已过期。";
    from: "From", "从";
    gaps: "Gaps", "中断";
    health: "Health", "健康";
    health_ready: "The store takes changes.", "存储可写。";
    id: "Id", "ID";
    inferred: "inferred", "推断";
    join: "Joined", "加入";
    leave: "Left", "离开";
    live: "Live", "实时";
    live_calls: "Calls going on, the oldest first", "进行中的通话（最早的在前）";
    live_none: "Nobody is in a room now.", "目前没有人在房间里。";
    live_people: "people in rooms", "人在房间内";
    live_rooms: "calls", "个通话";
    live_lost: "This page is not told any more: load it again.", "页面已停止更新，请重新加载。";
    live_since: "Last heard of", "最近消息";
    metrics: "All figures, as text", "全部指标（文本）";
    minted: "given by whowas", "由 whowas 生成";
    name: "Name", "名称";
    name_prefix: "Name begins with", "名称前缀";
    network: "Network", "网络";
    no: "no", "否";
    not_here: "This field holds what a form cannot show line by line; it is left as it is.", "该字段无法按行显示，将保持不变。";
    os: "System", "系统";
    people: "People", "人数";
    portrait: "Portrait", "头像地址";
    presence: "Presence", "在线状态";
    presence_none: "unknown", "未知";
    presence_offline: "offline", "离线";
    presence_online: "online", "在线";
    presence_out: "logged out", "已登出";
    published: "Published", "发布过流";
    robot: "robot", "机器人";
    room: "Room", "房间";
    room_name: "A part of the room's name", "房间名的一部分";
    rooms: "Rooms", "房间";
    rooms_cut: "There is more in this time than is read at once: earlier calls are missing, or without whoever came first. Choose a shorter time.", "该时间段内容过多：较早的通话可能缺失，或缺少最先加入的人。请缩短时间范围。";
    save: "Save", "保存";
    saved: "The changes are saved.", "修改已保存。";
    sdk: "SDK", "SDK";
    search: "Search", "搜索";
    search_more: "Search on", "继续搜索";
    sign_in: "Sign in", "登录";
    sign_in_hint: "The token under [console] in the config, or a ticket from whowas token.", "配置文件 [console] 中的 token，或 whowas token 生成的凭证。";
    sign_out: "Sign out", "退出";
    skip: "Skip to the content", "跳到正文";
    stay: "Stay", "停留";
    stay_all: "Its call", "所在通话";
    stays: "Rooms, the last first", "到过的房间（最近的在前）";
    stays_days: "Hours in rooms, day by day", "每日在房间的小时数";
    stays_cut: "There were more stays than are read: the first days may show too little.", "记录过多，最早几天可能偏少。";
    stays_none: "The log has nothing of this user.", "日志中没有该用户的记录。";
    still_there: "still there", "仍在房间";
    tags: "Tags: one a line", "标签：每行一个";
    there_now: "There now", "当前在房间";
    timeline: "Timeline", "时间线";
    timeline_hint: "Each bar is a stretch in the call. Filled: published. Dashed: the end is inferred.", "每个条形是一段停留。实心：发布过流；虚线：离开时间为推断。";
    token: "Token", "令牌";
    until: "Until", "到";
    updated: "Changed", "修改时间";
    user: "User", "用户";
    users: "Users", "用户";
    users_more: "There may be more.", "可能还有更多。";
    users_none: "Nobody was found.", "没有找到用户。";
    user_none: "Nobody is registered with this id.", "没有用户使用该 ID 注册。";
    vs_total: "in all", "总计";
    wide: "Whole call", "整个通话";
    yes: "yes", "是";
    zoom_in: "Zoom in", "放大";
    zoom_out: "Zoom out", "缩小";
    zone: "Times are those of", "时区";
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn everything_is_said_in_both_languages() {
        for (name, english, chinese) in ALL {
            assert!(!english.is_empty() && !chinese.is_empty(), "{name}");
            let is_code = matches!(*name, "by_tags_hint" | "sdk" | "id");
            let has_chinese = chinese.chars().any(|it| ('\u{4e00}'..='\u{9fff}').contains(&it));
            assert!(is_code || has_chinese, "{name}: {chinese}");
            assert!(english.is_ascii(), "{name}: {english}");
        }
    }

    #[test]
    fn a_browser_gets_the_first_of_its_languages_that_there_is() {
        let of = Lang::of_browser;
        assert_eq!(of("zh-CN,zh;q=0.9,en;q=0.8"), Lang::Chinese);
        assert_eq!(of("fr-FR, en-GB, zh"), Lang::English);
        assert_eq!(of("de"), Lang::English);
        assert_eq!(of(""), Lang::English);
        assert_eq!(of("中"), Lang::English);
    }
}
