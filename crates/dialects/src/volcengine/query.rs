//! The query of a request, decoded once: what the signature covers and what the parameters say are
//! the same bytes.
//!
//! It is read as a form (`+` is a space). Nothing is repaired here: a `%` that begins no escape
//! stands for itself, and bytes that are no UTF-8 are kept, so that two queries have one decoded
//! form only if they mean the same.

use percent_encoding::percent_decode_str;

/// How many bytes a query may have: ten times what any action needs, a session token included.
pub(super) const BYTES_MAX: usize = 16 * 1024;

/// How many parameters a query may have.
pub(super) const PARAMETERS_MAX: usize = 128;

/// Why a query, or one parameter of it, cannot be used.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum QueryFault {
    /// It has more than [`BYTES_MAX`] bytes.
    TooLong,
    /// It has more than [`PARAMETERS_MAX`] parameters.
    TooMany,
    /// This parameter is given more than once.
    Repeated(&'static str),
    /// This parameter's value is not UTF-8.
    NotText(&'static str),
}

/// One parameter.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Parameter {
    pub(super) name: Vec<u8>,
    pub(super) value: Vec<u8>,
}

/// The parameters, in the order sent.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Query(Vec<Parameter>);

impl Query {
    pub(super) fn parse(raw: &str) -> Result<Self, QueryFault> {
        if raw.len() > BYTES_MAX {
            return Err(QueryFault::TooLong);
        }
        let pairs = raw.split('&').filter(|pair| !pair.is_empty());
        let mut parameters = vec![];
        for pair in pairs {
            if parameters.len() == PARAMETERS_MAX {
                return Err(QueryFault::TooMany);
            }
            let (name, value) = pair.split_once('=').unwrap_or((pair, ""));
            parameters.push(Parameter { name: decode_form(name), value: decode_form(value) });
        }
        Ok(Self(parameters))
    }

    pub(super) fn iter(&self) -> std::slice::Iter<'_, Parameter> {
        self.0.iter()
    }

    /// The value of the parameter `name`, if it is there.
    pub(super) fn find(&self, name: &'static str) -> Result<Option<&str>, QueryFault> {
        let mut values = self.iter().filter(|given| given.name == name.as_bytes());
        let Some(given) = values.next() else { return Ok(None) };
        if values.next().is_some() {
            return Err(QueryFault::Repeated(name));
        }
        std::str::from_utf8(&given.value).map(Some).map_err(|_| QueryFault::NotText(name))
    }

    /// The same, where an empty value is as good as none.
    pub(super) fn find_filled(&self, name: &'static str) -> Result<Option<&str>, QueryFault> {
        Ok(self.find(name)?.filter(|value| !value.is_empty()))
    }
}

fn decode_form(text: &str) -> Vec<u8> {
    percent_decode_str(&text.replace('+', " ")).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn query(raw: &str) -> Query {
        Query::parse(raw).unwrap()
    }

    #[test]
    fn a_query_is_decoded_as_a_form() {
        let query = query("a=1+2%203&b&&c=%E6%88%BF%e9%97%b4&d=%zz%4&=x");
        assert_eq!(query.find("a"), Ok(Some("1 2 3")));
        assert_eq!(query.find("b"), Ok(Some("")));
        assert_eq!(query.find_filled("b"), Ok(None));
        assert_eq!(query.find("c"), Ok(Some("房间")));
        assert_eq!(query.find("d"), Ok(Some("%zz%4")));
        assert_eq!(query.find("A"), Ok(None), "names are told apart by case");
    }

    #[test]
    fn what_is_ambiguous_is_told() {
        assert_eq!(query("a=1&a=1").find("a"), Err(QueryFault::Repeated("a")));
        assert_eq!(query("a=%FF").find("a"), Err(QueryFault::NotText("a")));
    }

    #[test]
    fn a_query_has_a_greatest_length() {
        let many = |count: usize| Query::parse(&"a&".repeat(count)).map(|query| query.0.len());
        assert_eq!(many(PARAMETERS_MAX), Ok(PARAMETERS_MAX));
        assert_eq!(many(PARAMETERS_MAX + 1), Err(QueryFault::TooMany));
        let long = |len: usize| Query::parse(&"a".repeat(len)).map(|query| query.0.len());
        assert_eq!(long(BYTES_MAX), Ok(1));
        assert_eq!(long(BYTES_MAX + 1), Err(QueryFault::TooLong));
    }
}
