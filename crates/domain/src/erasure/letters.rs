//! Whether a dead letter names somebody. Nobody could read it, so this cannot know: it errs on the
//! side of the one who is to be erased.

use crate::ids::ParticipantId;
use crate::log::dead::DeadLetter;

/// Whether somebody's id stands in a letter's body: as a word of its own, between characters that
/// ids are not usually made of, as it is or escaped as JSON and URLs do.
///
/// A letter without a body names nobody: reasons quote no personal fields.
pub fn may_name(letter: &DeadLetter, who: &ParticipantId) -> bool {
    let Some(body) = &letter.body else { return false };
    let body = String::from_utf8_lossy(body);
    if has_word(&body, who.as_str()) {
        return true;
    }
    // JSON may stand in JSON as a text, and then its escapes are escaped once more.
    let mut text = body.into_owned();
    for _ in 0..NESTED_MAX {
        let unescaped = unescape(&text);
        if has_word(&unescaped, who.as_str()) {
            return true;
        }
        if unescaped == text {
            return false;
        }
        text = unescaped;
    }
    false
}

/// How deep documents may stand in each other as texts.
const NESTED_MAX: usize = 4;

fn has_word(text: &str, word: &str) -> bool {
    let mut from = 0;
    while let Some(found) = text[from..].find(word) {
        let (begin, end) = (from + found, from + found + word.len());
        let is_apart = |neighbour: Option<char>| neighbour.is_none_or(|it| !it.is_alphanumeric());
        // What is no letter or digit at the edge of the id is its edge already.
        let before =
            is_apart(text[..begin].chars().next_back()) || !word.starts_with(char::is_alphanumeric);
        let behind = is_apart(text[end..].chars().next()) || !word.ends_with(char::is_alphanumeric);
        if before && behind {
            return true;
        }
        from = begin + text[begin..].chars().next().map_or(1, char::len_utf8);
    }
    false
}

/// The text without one layer of JSON's escapes and of those of URLs.
fn unescape(text: &str) -> String {
    let mut plain = String::with_capacity(text.len());
    let mut bytes = vec![];
    let mut rest = text;
    while let Some(next) = rest.chars().next() {
        let (taken, told) = match next {
            '\\' => json_escape(rest),
            '%' => match rest.get(1..3).and_then(|hex| u8::from_str_radix(hex, 16).ok()) {
                Some(byte) => {
                    bytes.push(byte);
                    rest = &rest[3..];
                    continue;
                }
                None => (1, Some('%')),
            },
            other => (other.len_utf8(), Some(other)),
        };
        plain.push_str(&String::from_utf8_lossy(&std::mem::take(&mut bytes)));
        plain.extend(told);
        rest = &rest[taken..];
    }
    plain.push_str(&String::from_utf8_lossy(&bytes));
    plain
}

/// How long the escape is that a text begins with, and what it stands for.
fn json_escape(text: &str) -> (usize, Option<char>) {
    let unit = |at: usize| {
        let hex = text.get(at..at + 6).and_then(|it| it.strip_prefix("\\u"))?;
        u32::from_str_radix(hex, 16).ok()
    };
    match text[1..].chars().next() {
        Some('u') => {
            let Some(high) = unit(0) else { return (1, Some('\\')) };
            match unit(6).filter(|low| (0xdc00..0xe000).contains(low)) {
                Some(low) if (0xd800..0xdc00).contains(&high) => {
                    let pair = 0x1_0000 + ((high - 0xd800) << 10) + (low - 0xdc00);
                    (12, char::from_u32(pair))
                }
                _ => (6, char::from_u32(high)),
            }
        }
        Some('n') => (2, Some('\n')),
        Some('t') => (2, Some('\t')),
        Some('r') => (2, Some('\r')),
        Some('b') => (2, Some('\u{8}')),
        Some('f') => (2, Some('\u{c}')),
        Some(it @ ('"' | '\\' | '/')) => (2, Some(it)),
        _ => (1, Some('\\')),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ids::{AppId, Door};

    fn names(body: &str, who: &str) -> bool {
        let letter = DeadLetter {
            app: AppId(1),
            door: Door::parse("janus").unwrap(),
            received_unix_us: 0,
            reason: "anna".to_owned(),
            body: Some(body.as_bytes().to_vec()),
        };
        may_name(&letter, &ParticipantId::parse(who).unwrap())
    }

    #[test]
    fn an_id_is_found_as_a_word_however_it_is_written() {
        let cases = [
            (r#"{"id":"anna"}"#, "anna", true),
            (r#"{"id":"annabel"}"#, "anna", false),
            (r#"{"id":"hanna","x":"anna"}"#, "anna", true),
            (r#"{"id":17}"#, "17", true),
            (r#"{"id":170,"at":117}"#, "17", false),
            (r#"{"id":"a b"}"#, "a b", true),
            (r#"{"id":"@RBT#1"}"#, "@RBT#1", true),
            (r#"{"id":"x@RBT#1"}"#, "@RBT#1", true),
            (r#"{"id":"张三"}"#, "张三", true),
            (r#"{"id":"\u5f20\u4e09"}"#, "张三", true),
            (r#"{"id":"\ud83d\udc4d"}"#, "👍", true),
            (r#"{"data":"{\"id\":\"anna\"}"}"#, "anna", true),
            (r#"{"data":"{\"id\":\"\\u5f20\"}"}"#, "张", true),
            (r#"{"id":"a\"b"}"#, "a\"b", true),
            (r#"{"id":"a\\b"}"#, "a\\b", true),
            ("%7B%22id%22%3A%22%E5%BC%A0%22%7D", "张", true),
            ("not JSON at all: anna.", "anna", true),
            (r#"{"id":"\ud83d"}"#, "x", false),
            ("\\", "x", false),
            ("%", "x", false),
            ("", "x", false),
        ];
        for (body, who, expected) in cases {
            assert_eq!(names(body, who), expected, "{who} in {body}");
        }
    }

    #[test]
    fn a_letter_without_a_body_names_nobody() {
        let who = ParticipantId::parse("anna").unwrap();
        let door = Door::parse("janus").unwrap();
        let reason = "anna".to_owned();
        let letter = DeadLetter { app: AppId(1), door, received_unix_us: 0, reason, body: None };
        assert!(!may_name(&letter, &who));
    }
}
