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
presence_expiry_minutes = 60
explain_signatures = true
allow_private_broadcast_urls = false

[console]
token = "opens-the-console-for-us"
secure = true

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
broadcast_secret = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"
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
    assert_eq!(config.listen[0].to_string(), "127.0.0.1:7008");
    assert!(matches!(config.store, StoreAt::Memory), "{:?}", config.store);
    assert_eq!(config.console.token.expect("a token").reveal(), "opens-the-console-for-us");
    assert!(config.console.is_secure);
    let expected = Settings {
        documented_limits: false,
        time_zone_offset_s: -12_600,
        retention_days: 30,
        idle_close_minutes: std::num::NonZeroU32::new(720),
        presence_expiry_minutes: std::num::NonZeroU32::new(60),
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
    assert_eq!(config.listen[0].to_string(), listen::LISTEN_DEFAULT);
    let folder = PathBuf::from(DATA_DEFAULT);
    assert!(matches!(&config.store, StoreAt::Embedded(it) if *it == folder), "{:?}", config.store);
    assert_eq!(config.settings, Settings::default());
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
    assert_eq!(
        (config.listen[0].to_string(), config.settings.retention_days),
        ("127.0.0.1:7009".to_owned(), 7)
    );
    let folder = PathBuf::from("somewhere");
    assert!(matches!(&config.store, StoreAt::Embedded(it) if *it == folder), "{:?}", config.store);
    assert!(!config.settings.explain_signatures);
    assert_eq!(config.settings.idle_close_minutes, None, "0 switches it off");
    assert!(!config.settings.documented_limits, "what the environment leaves out stands");

    let args = ServeArgs { listen: Some("127.0.0.1:7010".into()), ..ServeArgs::default() };
    let variables = variables.map(|(name, value)| (name.to_owned(), value.to_owned()));
    let config = load_with(&args, variables).expect("it is right");
    assert_eq!(config.listen[0].to_string(), "127.0.0.1:7010");
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
    assert!(!shown.contains("opens-the-console"), "{shown}");
}

const RING: &str = r#"
[store]
kind = "cassandra"
contact_points = ["127.0.0.1:9042", "db-2.example", "[::1]:9043"]
keyspace = "rooms"
replication_factor = 5
local_data_center = "dc2"
user = "whowas"
password = "hidden-secret"
tls = true
ca_file = "ca.pem"
cert_file = "cert.pem"
key_file = "key.pem"
tls_check_addresses = false
"#;

fn ring(config: Config) -> stores::cassandra::Options {
    match config.store {
        StoreAt::Cassandra(options) => *options,
        other => panic!("another store: {other:?}"),
    }
}

#[test]
fn a_ring_is_reached_as_the_config_says() {
    let config = check(RING, &[]).expect("it is right");
    assert!(!format!("{config:?}").contains("hidden-secret"));
    let options = ring(config);
    assert_eq!(options.contact_points, ["127.0.0.1:9042", "db-2.example", "[::1]:9043"]);
    assert_eq!((options.keyspace.as_str(), options.replication_factor), ("rooms", 5));
    assert_eq!(options.local_data_center.as_deref(), Some("dc2"));
    let login = options.login.expect("a login");
    assert_eq!((login.user.as_str(), login.password.reveal()), ("whowas", "hidden-secret"));
    let tls = options.tls.expect("TLS");
    let identity = tls.identity.expect("a certificate");
    assert_eq!(tls.authorities, Some("ca.pem".into()));
    assert_eq!((identity.certificates, identity.key), ("cert.pem".into(), "key.pem".into()));
    assert!(!tls.check_addresses);
}

#[test]
fn of_a_ring_only_the_nodes_must_be_told() {
    let config = "[store]\nkind = \"cassandra\"\ncontact_points = [\"127.0.0.1\"]";
    let options = ring(check(config, &[]).expect("it is right"));
    assert_eq!((options.keyspace.as_str(), options.replication_factor), ("whowas", 3));
    assert!(options.login.is_none() && options.tls.is_none());
    assert_eq!((options.local_data_center, options.realm), (None, 0));
}

#[test]
fn the_environment_tells_of_a_ring_what_the_file_leaves_out() {
    let variables = [
        ("WHOWAS_STORE_KIND", "cassandra"),
        ("WHOWAS_STORE_CONTACT_POINTS", "a.example:1, b.example"),
        ("WHOWAS_STORE_REPLICATION_FACTOR", "2"),
        ("WHOWAS_STORE_USER", "operator"),
        ("WHOWAS_STORE_PASSWORD", "hidden-secret"),
        ("WHOWAS_STORE_TLS", "true"),
        ("WHOWAS_STORE_CA_FILE", "other.pem"),
    ];
    let config = check("[store]\nkeyspace = \"rooms\"\nuser = \"file\"", &variables);
    let options = ring(config.expect("it is right"));
    assert_eq!(options.contact_points, ["a.example:1", "b.example"]);
    assert_eq!((options.keyspace.as_str(), options.replication_factor), ("rooms", 2));
    assert_eq!(options.login.expect("a login").user, "operator");
    let tls = options.tls.expect("TLS");
    assert_eq!((tls.authorities, tls.check_addresses), (Some("other.pem".into()), true));
}

#[test]
fn what_is_wrong_about_a_ring_is_one_sentence() {
    let ring = |more: &str| {
        format!("[store]\nkind = \"cassandra\"\ncontact_points = [\"127.0.0.1\"]\n{more}")
    };
    let file = |config: &str| format!("[store]\n{config}");
    let cases = [
        (
            file("kind = \"cassandra\""),
            "the config, key `store.contact_points`: a ring is found by",
        ),
        (file("kind = \"casandra\""), "whowas.toml, line 2, key `kind`: unknown variant"),
        (
            file("contact_points = [\"a:b\"]"),
            "whowas.toml, line 2, key `contact_points`: \"a:b\" is not a node of a ring",
        ),
        (file("contact_points = [\"a:0\"]"), "whowas.toml, line 2, key `contact_points`: \"a:0\""),
        (file("contact_points = [\"\"]"), "whowas.toml, line 2, key `contact_points`: \"\" is not"),
        (file("contact_points = \"a\""), "whowas.toml, line 2, key `contact_points`: invalid type"),
        (file("keyspace = \"a-b\""), "whowas.toml, line 2, key `keyspace`: \"a-b\" is not a"),
        (file("keyspace = \"1a\""), "whowas.toml, line 2, key `keyspace`: \"1a\" is not a"),
        (
            file("replication_factor = 0"),
            "whowas.toml, line 2, key `replication_factor`: 0 is not a number of replicas",
        ),
        (
            file("replication_factor = 101"),
            "whowas.toml, line 2, key `replication_factor`: 101 is not a number of replicas",
        ),
        (file("user = \"\""), "whowas.toml, line 2, key `user`: it is empty; leave it out"),
        (file("tls = \"yes\""), "whowas.toml, line 2, key `tls`: invalid type"),
        (file("tls_file = \"x\""), "whowas.toml, line 2, key `tls_file`: unknown field"),
        (ring("user = \"u\""), "the config, key `store.user`: a user needs a `password`"),
        (ring("password = \"p\""), "the config, key `store.password`: a password needs a `user`"),
        (ring("ca_file = \"f\""), "the config, key `store.ca_file`: it has a meaning only with"),
        (
            ring("tls = false\ntls_check_addresses = true"),
            "the config, key `store.tls_check_addresses`: it has a meaning only with `tls = true`",
        ),
        (
            ring("tls = true\ncert_file = \"f\""),
            "the config, key `store.cert_file`: a certificate needs a `key_file`",
        ),
        (
            ring("tls = true\nkey_file = \"f\""),
            "the config, key `store.key_file`: a key needs a `cert_file`",
        ),
    ];
    for (config, expected) in cases {
        let said = refused(&config);
        assert!(said.starts_with(expected), "{config:?} said {said:?}");
        assert!(!said.contains('\n'), "{said:?} is one line");
    }
}

#[test]
fn a_ring_of_the_command_line_is_reached_as_the_config_says() {
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("whowas.toml");
    std::fs::write(&path, RING.replace("user = ", "#").replace("password = ", "#"))
        .expect("a file");
    let password = [("WHOWAS_STORE_USER", "u"), ("WHOWAS_STORE_PASSWORD", "hidden-secret")];
    let variables = || password.map(|(name, value)| (name.to_owned(), value.to_owned()));
    let ring = |points, keyspace| ring_with(Some(&path), points, keyspace, variables());
    let options = ring("a,b:9043", "other").expect("it is right");
    assert_eq!(
        (options.contact_points, options.keyspace),
        (vec!["a".into(), "b:9043".into()], "other".into())
    );
    assert_eq!((options.replication_factor, options.tls.is_some()), (5, true));
    assert_eq!(options.login.expect("a login").user, "u");
    for (points, keyspace) in [("", "k"), ("a,", "k"), ("a:b", "k"), ("a", ""), ("a", "k k")] {
        let said = ring(points, keyspace).expect_err("it is wrong").to_string();
        assert!(said.contains("is not a"), "{said}");
    }
}
