//! What a link or a form carries: parameters, of which the first of a name counts.

use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};

/// How many bytes a query or a form may have.
const BYTES_MAX: usize = 64 * 1024;

/// What is written as it is in a link.
const PLAIN: &AsciiSet = &NON_ALPHANUMERIC.remove(b'-').remove(b'_').remove(b'.').remove(b'~');

/// The parameters of a request.
#[derive(Debug, Default)]
pub(crate) struct Query(Vec<(String, String)>);

impl Query {
    /// Nothing, if there are more than 64 KiB.
    pub(crate) fn parse(raw: &[u8]) -> Self {
        if raw.len() > BYTES_MAX {
            return Self::default();
        }
        Self(form_urlencoded::parse(raw).map(|(k, v)| (k.into_owned(), v.into_owned())).collect())
    }

    /// What was given, without the spaces around it; nothing, if it was not.
    pub(crate) fn get(&self, name: &str) -> &str {
        self.exact(name).trim()
    }

    /// What was given, as it is.
    pub(crate) fn exact(&self, name: &str) -> &str {
        self.0.iter().find(|(known, _)| known == name).map_or("", |(_, value)| value)
    }
}

impl Query {
    /// Whether it was given, be it empty.
    pub(crate) fn has(&self, name: &str) -> bool {
        self.0.iter().any(|(known, _)| known == name)
    }
}

/// A text as a part of a link.
pub(crate) fn encode(text: &str) -> String {
    utf8_percent_encode(text, PLAIN).to_string()
}

/// A query of these parameters, without those that are empty.
pub(crate) fn render(pairs: &[(&str, &str)]) -> String {
    let given = pairs.iter().filter(|(_, value)| !value.is_empty());
    let parts: Vec<String> =
        given.map(|(name, value)| format!("{name}={}", encode(value))).collect();
    parts.join("&")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_rendered_is_read_again() {
        let nasty = "a&b=c d/é\"'<>?#%+\u{202e}\n";
        let query = render(&[("room", nasty), ("none", ""), ("door", "x")]);
        assert!(!query.contains(['"', '\'', '<', '>', ' ', '\n']), "{query}");
        let read = Query::parse(query.as_bytes());
        assert_eq!(read.exact("room"), nasty);
        assert_eq!((read.get("door"), read.get("none")), ("x", ""));
    }
}
