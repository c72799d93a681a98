//! Just enough of Rust's grammar for the rules: what is code, what is comment, what is test.
//!
//! It is no parser. Text that compiles is assumed; for anything else the rules may be wrong.

use std::ops::Range;

use crate::tree::File;

/// A Rust file with parts of it blanked. Lines and byte positions are those of the file.
pub(crate) struct Masked {
    /// Neither comments nor the insides of literals.
    pub(crate) code: String,
    /// Comments too, but not the insides of literals.
    pub(crate) code_and_comments: String,
    /// The same with the insides of literals left out, so that only lines are those of the file.
    pub(crate) without_literals: String,
    /// The bytes of items under `#[cfg(test)]`.
    tests: Vec<Range<usize>>,
}

impl Masked {
    pub(crate) fn is_test(&self, at: usize) -> bool {
        self.tests.iter().any(|range| range.contains(&at))
    }

    /// How many lines are not of tests.
    pub(crate) fn own_lines(&self) -> usize {
        let lines = self.code.split_inclusive('\n').scan(0, |start, line| {
            let at = *start;
            *start += line.len();
            Some(at)
        });
        lines.filter(|at| !self.is_test(*at)).count()
    }
}

/// The line, from 1, of a byte.
pub(crate) fn line_of(text: &str, at: usize) -> usize {
    text.as_bytes()[..at].iter().filter(|byte| **byte == b'\n').count() + 1
}

/// The places of `word` where it is not a part of a longer name.
pub(crate) fn words<'a>(text: &'a str, word: &'a str) -> impl Iterator<Item = usize> + 'a {
    let named = |byte: Option<&u8>| byte.is_some_and(|b| b.is_ascii_alphanumeric() || *b == b'_');
    text.match_indices(word).map(|(at, _)| at).filter(move |at| {
        let before = at.checked_sub(1).and_then(|before| text.as_bytes().get(before));
        let (starts, ends) = (word.as_bytes().first(), word.as_bytes().last());
        (!named(starts) || !named(before))
            && (!named(ends) || !named(text.as_bytes().get(at + word.len())))
    })
}

#[derive(Clone, Copy, PartialEq)]
enum Part {
    Code,
    Comment,
    Literal,
}

pub(crate) fn mask(text: &str) -> Masked {
    let parts = parts(text.as_bytes());
    let blank = |keep: &dyn Fn(Part) -> bool| {
        let bytes = text.bytes().zip(&parts);
        let kept = bytes.map(|(byte, part)| if byte == b'\n' || keep(*part) { byte } else { b' ' });
        String::from_utf8_lossy(&kept.collect::<Vec<u8>>()).into_owned()
    };
    let code = blank(&|part| part == Part::Code);
    let left = text.bytes().zip(&parts).filter(|(b, part)| **part != Part::Literal || *b == b'\n');
    let without_literals = left.map(|(byte, _)| byte).collect::<Vec<u8>>();
    let without_literals = String::from_utf8_lossy(&without_literals).into_owned();
    let tests = tests_of(&code);
    Masked {
        code_and_comments: blank(&|part| part != Part::Literal),
        code,
        without_literals,
        tests,
    }
}

/// Says for every byte what it belongs to; the quotes of a literal are code.
fn parts(text: &[u8]) -> Vec<Part> {
    let mut parts = vec![Part::Code; text.len()];
    let mut at = 0;
    while at < text.len() {
        let (part, inside) = next_part(text, at);
        at = inside.end.max(at + 1);
        let end = inside.end.min(text.len());
        parts[inside.start.min(end)..end].fill(part);
        // Beyond the closing quote and its hashes.
        while part == Part::Literal && matches!(text.get(at), Some(b'"' | b'\'' | b'#')) {
            let quote = text[at];
            at += 1;
            if quote == b'\'' || text.get(at) != Some(&b'#') {
                break;
            }
        }
    }
    parts
}

/// What begins at a byte, and which bytes are inside it.
fn next_part(text: &[u8], at: usize) -> (Part, Range<usize>) {
    let rest = &text[at..];
    let named_before = at > 0 && (text[at - 1].is_ascii_alphanumeric() || text[at - 1] == b'_');
    if rest.starts_with(b"//") {
        let end = rest.iter().position(|byte| *byte == b'\n').unwrap_or(rest.len());
        return (Part::Comment, at..at + end);
    }
    if rest.starts_with(b"/*") {
        return (Part::Comment, at..at + block_comment_len(rest));
    }
    if rest[0] == b'"' {
        return (Part::Literal, at + 1..at + 1 + string_len(&rest[1..]));
    }
    if !named_before && let Some(hashes) = raw_string_hashes(rest) {
        let start = at + rest.iter().position(|byte| *byte == b'"').unwrap_or(0) + 1;
        let close = [&b"\""[..], &b"#".repeat(hashes)].concat();
        let inside = &text[start..];
        let len = inside.windows(close.len()).position(|window| window == close);
        return (Part::Literal, start..start + len.unwrap_or(inside.len()));
    }
    if rest[0] == b'\''
        && let Some(len) = char_len(&rest[1..])
    {
        return (Part::Literal, at + 1..at + 1 + len);
    }
    (Part::Code, at..at + 1)
}

fn block_comment_len(rest: &[u8]) -> usize {
    let (mut depth, mut at) = (0_usize, 0);
    while at < rest.len() {
        match rest.get(at..at + 2) {
            Some(b"/*") => (depth, at) = (depth + 1, at + 2),
            Some(b"*/") => (depth, at) = (depth - 1, at + 2),
            _ => at += 1,
        }
        if depth == 0 {
            return at;
        }
    }
    rest.len()
}

fn string_len(inside: &[u8]) -> usize {
    let mut at = 0;
    while at < inside.len() && inside[at] != b'"' {
        at += if inside[at] == b'\\' { 2 } else { 1 };
    }
    at.min(inside.len())
}

/// The number of hashes if a raw string begins here (`r"`, `br#"`, `cr##"`).
fn raw_string_hashes(rest: &[u8]) -> Option<usize> {
    let after = [&b"r"[..], b"br", b"cr"].iter().find_map(|prefix| rest.strip_prefix(*prefix))?;
    let hashes = after.iter().take_while(|byte| **byte == b'#').count();
    (after.get(hashes) == Some(&b'"')).then_some(hashes)
}

/// The length of a character literal's inside; none if the quote begins a lifetime.
fn char_len(inside: &[u8]) -> Option<usize> {
    if inside.first() == Some(&b'\\') {
        let close = inside.iter().skip(2).position(|byte| *byte == b'\'')?;
        return Some(close + 2);
    }
    let text = inside.get(..inside.len().min(4))?;
    let len =
        (1..=4).find(|len| std::str::from_utf8(text.get(..*len).unwrap_or(b"\xff")).is_ok())?;
    (inside.get(len) == Some(&b'\'')).then_some(len)
}

const CFG_TEST: &str = "#[cfg(test)]";

fn tests_of(code: &str) -> Vec<Range<usize>> {
    code.match_indices(CFG_TEST).map(|(start, _)| start..item_end(code, start)).collect()
}

/// Where the item that begins at `start` ends: after its braces, or after its semicolon.
fn item_end(code: &str, start: usize) -> usize {
    let mut depth = 0_usize;
    for (at, byte) in code.bytes().enumerate().skip(start) {
        match byte {
            b'{' | b'(' | b'[' => depth += 1,
            b'}' | b')' | b']' => {
                depth = depth.saturating_sub(1);
                if depth == 0 && byte == b'}' {
                    return at + 1;
                }
            }
            b';' if depth == 0 => return at + 1,
            _ => {}
        }
    }
    code.len()
}

/// The modules that a file declares as tests, as paths without `.rs`.
pub(crate) fn test_modules(file: &File) -> Vec<String> {
    let Some(masked) = &file.rust else { return Vec::new() };
    let (folder, name) = file.path.rsplit_once('/').unwrap_or(("", &file.path));
    let inside = match name {
        "lib.rs" | "main.rs" | "mod.rs" => folder.to_owned(),
        name => format!("{folder}/{}", name.trim_end_matches(".rs")),
    };
    let declared = masked.tests.iter().filter_map(|range| {
        let item = masked.code[range.clone()].strip_suffix(';')?;
        let (_, module) = item.rsplit_once("mod ")?;
        Some(format!("{inside}/{}", module.trim()))
    });
    declared.collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(text: &str, code: &str) {
        assert_eq!(mask(text).code, code);
    }

    #[test]
    fn blanks_comments_and_literals() {
        check("a // b", "a     ");
        check("a /* b /* c */ d */ e", "a                   e");
        check(r#"f("x\"y") + 1"#, r#"f("    ") + 1"#);
        check(r###"r#"a"b"# + 2"###, r###"r#"   "# + 2"###);
        check(r#"b"x" r"\" z"#, r#"b" " r" " z"#);
        check(r"'a' '\'' '\u{1F600}' 'x", r"' ' '  ' '         ' 'x");
        check("'é' f::<'a>()", "'  ' f::<'a>()");
        check("\"// no\" // yes", "\"     \"       ");
        check("br\"x\" for_bar\"y\"", "br\" \" for_bar\" \"");
        check("f(\"\") + g(\"a\")", "f(\"\") + g(\" \")");
    }

    #[test]
    fn finds_what_is_under_cfg_test() {
        let text = "fn a() {}\n#[cfg(test)]\nmod tests {\n  fn b() {}\n}\nfn c() {}\n";
        let masked = mask(text);
        assert_eq!(masked.own_lines(), 2);
        let is_test = |word: &str| masked.is_test(text.find(word).expect("in the text"));
        assert_eq!(["a()", "b()", "c()"].map(is_test), [false, true, false]);
    }

    #[test]
    fn an_import_for_tests_does_not_hide_the_file() {
        assert_eq!(mask("#[cfg(test)]\nuse a::{b, c};\nfn d() {}\n").own_lines(), 1);
    }

    #[test]
    fn words_are_whole() {
        assert_eq!(words("XXX AXXX XXXX .XXX", "XXX").collect::<Vec<_>>(), [0, 15]);
        assert_eq!(words("a.unwrap() b", ".unwrap()").collect::<Vec<_>>(), [1]);
    }
}
