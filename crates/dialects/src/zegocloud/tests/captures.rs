//! The captures, and that nothing goes without one.

use super::*;

/// The captures, by file name.
fn captures() -> impl Iterator<Item = (String, String)> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("src/zegocloud/captures");
    let entries = std::fs::read_dir(folder).expect("the folder is there");
    entries.map(|entry| {
        let path = entry.expect("an entry").path();
        let name = path.file_name().expect("a name").to_string_lossy().into_owned();
        (name, std::fs::read_to_string(&path).expect("a text"))
    })
}

#[test]
fn answers_every_capture_as_it_says() {
    let mut count = 0;
    for (name, capture) in captures().filter(|(name, _)| name.ends_with(".json")) {
        let capture: Value = serde_json::from_str(&capture).expect("JSON");
        let field = |field: &str| capture["request"][field].as_str().expect("text").to_owned();
        let mut request = Request::builder().method(field("method").as_str()).uri(field("uri"));
        for header in capture["request"]["headers"].as_array().expect("a list") {
            let [key, value] = [&header[0], &header[1]].map(|text| text.as_str().expect("text"));
            request = request.header(key, value);
        }
        let request = request.body(Bytes::from(field("body"))).expect("a request");
        let world = world();
        world.join(0, "room1", "userA");
        world.clock.set_unix_us(capture["now_unix_s"].as_i64().expect("a time") * 1_000_000);
        let answered = world.ask(request);
        let mut got: Value = serde_json::from_slice(answered.response.body()).expect("JSON");
        got.as_object_mut().expect("an object").remove("RequestId").expect("an id");
        assert_eq!(got, capture["answer"], "{name}");
        count += 1;
    }
    assert_eq!(count, 27);
}

#[test]
fn every_action_and_every_code_is_in_the_readme_and_every_action_has_a_capture() {
    let readme = include_str!("../README.md");
    for action in Action::ALL {
        assert!(readme.contains(&format!("| `{}` |", action.name())), "{action:?}");
        let prefix = format!("{}--", action.name());
        assert!(captures().any(|(name, _)| name.starts_with(&prefix)), "{action:?}");
    }
    for code in Code::ALL {
        assert!(readme.contains(&format!("\n| {} |", code.number())), "{code:?}");
    }
}
