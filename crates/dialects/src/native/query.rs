//! The parameters of a request, each given once.

use super::fault::Fault;

/// How many bytes a query may have.
const BYTES_MAX: usize = 16 * 1024;

/// The parameters, in the order sent.
#[derive(Debug, Default)]
pub(super) struct Query(Vec<(String, String)>);

impl Query {
    pub(super) fn parse(raw: &str) -> Result<Self, Fault> {
        if raw.len() > BYTES_MAX {
            return Err(Fault::invalid(format!("the query has more than {BYTES_MAX} bytes")));
        }
        let mut pairs: Vec<(String, String)> = vec![];
        for (name, value) in form_urlencoded::parse(raw.as_bytes()) {
            if pairs.iter().any(|(known, _)| **known == *name) {
                return Err(Fault::invalid("a parameter is given twice"));
            }
            pairs.push((name.into_owned(), value.into_owned()));
        }
        Ok(Self(pairs))
    }

    /// The values of these parameters; no other may be given.
    pub(super) fn only<const LEN: usize>(
        &self,
        names: [&str; LEN],
    ) -> Result<[Option<&str>; LEN], Fault> {
        if let Some((other, _)) = self.0.iter().find(|(name, _)| !names.contains(&&**name)) {
            let other = &other[..other.floor_char_boundary(32)];
            return Err(Fault::invalid(format!("there is no parameter `{other}` here")));
        }
        let value = |name| self.0.iter().find(|(known, _)| known == name);
        Ok(names.map(|name| value(name).map(|(_, value)| value.as_str())))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_query_is_taken_whole_or_refused() {
        let query = Query::parse("a=1+2&b=%26&c").unwrap();
        assert_eq!(
            query.only(["c", "a", "b", "d"]).ok(),
            Some([Some(""), Some("1 2"), Some("&"), None])
        );
        assert!(query.only(["a", "b"]).is_err_and(|fault| fault.message.contains("`c`")));
        assert!(Query::parse("a=1&a=1").is_err());
        assert!(Query::parse(&"a".repeat(BYTES_MAX)).is_ok());
        assert!(Query::parse(&"a".repeat(BYTES_MAX + 1)).is_err());
    }
}
