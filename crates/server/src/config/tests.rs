//! What a config may say, and what is said of one that is wrong.

use super::*;

fn check(config: &str, variables: &[(&str, &str)]) -> Result<Config, String> {
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("whowas.toml");
    std::fs::write(&path, config).expect("a file");
    let args = ServeArgs { config: Some(path.clone()), ..ServeArgs::default() };
    let owned = |(name, value): &(&str, &str)| ((*name).to_owned(), (*value).to_owned());
    load_with(&args, variables.iter().map(owned))
        .map_err(|fault| fault.to_string().replace(&path.display().to_string(), "whowas.toml"))
}

fn refused(config: &str) -> String {
    check(config, &[]).expect_err("it is wrong")
}

const WHOLE: &str = r#"
listen = "127.0.0.1:7008"
data = "somewhere"
limits = "off"
time_zone = "-03:30"
retention_days = 30
idle_close_minutes = 720
explain_signatures = true
allow_private_broadcast_urls = false

[store]
kind = "memory"
contact_points = ["127.0.0.1:9042"]
keyspace = "whowas"
replication_factor = 3

[[apps]]
id = 4111
rtc_id = "661e0000000000000000543c"
name = "demo"
server_secret = "9193cc662a4c0ec135ec71fb57194b38"
event_token = "token"
broadcast_url = "https://example.com/"
broadcast_secret = "whsec_x"
access_keys = [{ id = "AKLT", secret = "s" }]
quirks = { reregister = "overwrite", empty_string = "keep", failed_user_id = "number" }
[apps.sources]
livekit = { api_key = "devkey", api_secret = "secret", url = "http://127.0.0.1:7880", reconcile_seconds = 30 }
zegocloud = { callback_secret = "c" }
volcengine = { secret_key = "k" }
janus = { user = "janus", password = "p" }
trtc = { key = "k" }
agora = { secret = "s" }

[[apps]]
id = 4112
access_keys = [{ id = "AKLT", secret = "s" }]
"#;

#[test]
fn every_documented_key_is_read() {
    let config = check(WHOLE, &[]).expect("it is right");
    assert_eq!(config.listen.port(), 7008);
    assert_eq!((config.data.as_os_str(), config.store), ("somewhere".as_ref(), StoreKind::Memory));
    let expected = Settings {
        documented_limits: false,
        time_zone_offset_s: -12_600,
        retention_days: 30,
        idle_close_minutes: std::num::NonZeroU32::new(720),
        explain_signatures: true,
        strict_nonce: false,
    };
    assert_eq!(config.settings, expected);
    let app = config.apps.find(domain::AppId(4111)).expect("the app");
    assert_eq!(app.quirks.reregister, domain::app::Reregister::Overwrite);
    assert_eq!(app.sources.len(), 6);
    assert_eq!(app.sources["livekit"].len(), 2, "what is no credential stands elsewhere");
    let asked = &config.reconcile[0];
    assert_eq!((asked.app, asked.every.as_secs()), (app.id, 30));
    assert_eq!(asked.url.to_string(), "http://127.0.0.1:7880/");
    let grant = config.apps.find_access_key("AKLT").expect("the key");
    assert_eq!(grant.apps.len(), 2, "one key may stand under several apps");
}

#[test]
fn without_a_file_everything_has_a_default() {
    let config = load_with(&ServeArgs::default(), []).expect("defaults are right");
    assert_eq!(config.listen.to_string(), LISTEN_DEFAULT);
    assert_eq!(config.data, PathBuf::from(DATA_DEFAULT));
    assert_eq!(config.settings, Settings::default());
    assert_eq!(config.store, StoreKind::Embedded);
    assert_eq!(config.remarks.len(), 1, "that there are no apps is remarked");
}

#[test]
fn flags_beat_the_environment_which_beats_the_file() {
    let variables = [
        ("WHOWAS_LISTEN", "127.0.0.1:7009"),
        ("WHOWAS_RETENTION_DAYS", "7"),
        ("WHOWAS_IDLE_CLOSE_MINUTES", "0"),
        ("WHOWAS_STORE_KIND", "embedded"),
        ("WHOWAS_EXPLAIN_SIGNATURES", "false"),
    ];
    let config = check(WHOLE, &variables).expect("it is right");
    assert_eq!((config.listen.port(), config.settings.retention_days), (7009, 7));
    assert_eq!((config.store, config.settings.explain_signatures), (StoreKind::Embedded, false));
    assert_eq!(config.settings.idle_close_minutes, None, "0 switches it off");
    assert!(!config.settings.documented_limits, "what the environment leaves out stands");

    let args = ServeArgs { listen: Some("127.0.0.1:7010".into()), ..ServeArgs::default() };
    let variables = variables.map(|(name, value)| (name.to_owned(), value.to_owned()));
    let config = load_with(&args, variables).expect("it is right");
    assert_eq!(config.listen.port(), 7010);
}

#[test]
fn a_wrong_value_is_one_sentence_with_file_line_and_key() {
    let cases = [
        ("limits = \"none\"", "whowas.toml, line 1, key `limits`: unknown variant `none`"),
        ("\nlisen = \"x\"", "whowas.toml, line 2, key `lisen`: unknown field `lisen`"),
        (
            "listen = \"nowhere\"",
            "whowas.toml, line 1, key `listen`: \"nowhere\" is not an address",
        ),
        ("time_zone = \"Asia\"", "whowas.toml, line 1, key `time_zone`: \"Asia\" is not an offset"),
        ("retention_days = 0", "whowas.toml, line 1, key `retention_days`: 0 is not a number of"),
        ("retention_days = \"x\"", "whowas.toml, line 1, key `retention_days`: invalid type"),
        (
            "idle_close_minutes = 525601",
            "whowas.toml, line 1, key `idle_close_minutes`: 525601 is not a number of minutes",
        ),
        ("[[apps]]\nid = -1", "whowas.toml, line 2, key `id`: invalid value"),
        ("[[apps]]\nid = 0", "whowas.toml, line 2, key `id`: an app's id is not 0"),
        ("[[apps]]\nname = \"x\"", "whowas.toml, line 1: missing field `id`"),
        ("[[apps]]\nid = 1\n[[apps]]\nid = 1", "whowas.toml, line 4, key `id`: two apps have"),
        (
            "[[apps]]\nid = 1\nbroadcast_url = \"https://x\"",
            "whowas.toml, line 3, key `broadcast_url`: a broadcast_url needs a broadcast_secret",
        ),
        (
            "[[apps]]\nid = 1\n[apps.sources]\nlivekit = { api_key = \"k\" }",
            "whowas.toml, line 4, key `livekit`: the source needs `api_secret`",
        ),
        (
            "[[apps]]\nid = 1\n[apps.sources]\nlivekit = { api_key = \"k\", api_secret = 5 }",
            "whowas.toml, line 4, key `livekit`: the source's `api_secret` is a text",
        ),
        (
            "[[apps]]\nid = 1\n[apps.sources]\nagora = { secret = \"k\", url = \"http://x\" }",
            "whowas.toml, line 4, key `agora`: the source has no `url`; it has secret",
        ),
        (
            "[[apps]]\nid = 1\n[apps.sources]\n\
             livekit = { api_key = \"k\", api_secret = \"s\", reconcile_seconds = 9 }",
            "whowas.toml, line 4, key `livekit`: `reconcile_seconds` needs a `url` to ask",
        ),
        (
            "[[apps]]\nid = 1\n[apps.sources]\nlifekit = { api_key = \"k\" }",
            "whowas.toml, line 4, key `lifekit`: \"lifekit\" is no source",
        ),
        ("[store]\nkind = \"cassandra\"", "the config, key `store.kind`: \"cassandra\" is not in"),
        ("listen = ", "whowas.toml, line 1, key `listen`"),
    ];
    for (config, expected) in cases {
        let said = refused(config);
        assert!(said.starts_with(expected), "{config:?} said {said:?}");
        assert!(!said.contains('\n'), "{said:?} is one line");
    }
}

#[test]
fn one_key_with_two_secrets_is_refused_where_the_second_stands() {
    let config = "[[apps]]\nid = 1\naccess_keys = [{ id = \"A\", secret = \"x\" }]\n\
                  [[apps]]\nid = 2\naccess_keys = [{ id = \"A\", secret = \"y\" }]";
    let said = refused(config);
    assert!(
        said.starts_with("whowas.toml, line 6, key `access_keys`: the access key \"A\""),
        "{said}"
    );
}

#[test]
fn a_wrong_variable_is_told_by_its_name() {
    let said = check("", &[("WHOWAS_RETENTION_DAYS", "many")]).expect_err("it is wrong");
    assert_eq!(said, "the environment's WHOWAS_RETENTION_DAYS: \"many\" is no number");
    let config = check("", &[("WHOWAS_LISTEM", "x")]).expect("it is only remarked");
    assert!(config.remarks.iter().any(|remark| remark.contains("WHOWAS_LISTEM")));
}

#[test]
fn the_demo_listens_on_loopback_only() {
    let args = |listen: &str| ServeArgs {
        listen: Some(listen.into()),
        demo: true,
        ..ServeArgs::default()
    };
    let refused = load_with(&args("0.0.0.0:0"), []).expect_err("it is open to all");
    assert!(refused.to_string().starts_with("--listen: --demo has published keys"), "{refused}");
    for listen in ["127.0.0.1:0", "[::1]:0", "127.8.8.8:0"] {
        let config = load_with(&args(listen), []).expect("loopback");
        assert!(config.apps.find(demo::APP_ID).is_some());
        assert!(config.settings.explain_signatures);
    }
}

#[test]
fn secrets_are_not_shown() {
    let config = check(&WHOLE.replace("\"s\"", "\"hidden-secret\""), &[]).expect("it is right");
    let shown = format!("{config:?}");
    assert!(!shown.contains("hidden-secret") && !shown.contains("9193cc66"), "{shown}");
}
