//! The query string. All public parameters stand there, and for GET the business parameters too.
//!
//! Senders differ: official Go and Python code percent-encodes the brackets of a list's name,
//! official PHP, Java and Node.js code does not, clients generated from the OpenAPI files leave the
//! brackets out. All of them are understood. A `%` that is not followed by two hexadecimal digits
//! stands for itself.

use percent_encoding::percent_decode_str;

use super::fault::{Code, Fault};

/// How many parameters a query may have: the public ones, and more ids than one request may name,
/// so that a list that is too long is told as such.
pub(super) const PARAMETERS_MAX: usize = 256;

/// The decoded parameters, in the order sent.
#[derive(Debug)]
pub(super) struct Query(Vec<(String, String)>);

impl Query {
    pub(super) fn parse(raw: &str) -> Result<Self, Fault> {
        let mut parameters = Vec::new();
        for (at, piece) in raw.split('&').filter(|piece| !piece.is_empty()).enumerate() {
            if at == PARAMETERS_MAX {
                let why = format!("the query has more than {PARAMETERS_MAX} parameters");
                return Err(Fault::new(Code::InputParameter, why));
            }
            let (name, value) = piece.split_once('=').unwrap_or((piece, ""));
            let decoded = decode(name).zip(decode(value));
            let not_utf8 = || {
                let why = format!("parameter {} of the query is not UTF-8 once decoded", at + 1);
                Fault::new(Code::InputParameter, why)
            };
            parameters.push(decoded.ok_or_else(not_utf8)?);
        }
        Ok(Self(parameters))
    }

    /// The value of a parameter, empty if it is absent: the vendor has one code for both. Of
    /// repeated ones the first counts.
    pub(super) fn value(&self, name: &str) -> &str {
        let named = self.0.iter().find(|(its_name, _)| its_name == name);
        named.map_or("", |(_, value)| value)
    }

    /// The values of a list: `name[]=a&name[]=b`, `name=a&name=b` or `name[0]=a&name[1]=b`, in the
    /// order sent.
    pub(super) fn list<'q>(&'q self, name: &'q str) -> impl Iterator<Item = &'q str> {
        let is_element = move |its_name: &str| match its_name.strip_prefix(name) {
            None => false,
            Some("") => true,
            Some(rest) => rest
                .strip_prefix('[')
                .and_then(|rest| rest.strip_suffix(']'))
                .is_some_and(|index| index.bytes().all(|byte| byte.is_ascii_digit())),
        };
        let elements = self.0.iter().filter(move |(its_name, _)| is_element(its_name));
        elements.map(|(_, value)| value.as_str())
    }
}

/// `None` if it is not UTF-8.
fn decode(text: &str) -> Option<String> {
    let spaced = text.replace('+', " ");
    let decoded = percent_decode_str(&spaced).decode_utf8().ok()?;
    Some(decoded.into_owned())
}

#[cfg(test)]
mod tests {
    use expect_test::{Expect, expect};

    use super::*;

    fn check(raw: &str, expected: Expect) {
        expected.assert_eq(&match Query::parse(raw) {
            Ok(Query(parameters)) => format!("{parameters:?}"),
            Err(fault) => format!("{} {}", fault.code.number(), fault.message),
        });
    }

    #[test]
    fn decodes_what_senders_send() {
        check("", expect!["[]"]);
        check("&&", expect!["[]"]);
        check("A=1&A=2", expect![[r#"[("A", "1"), ("A", "2")]"#]]);
        check("A&B=&=c", expect![[r#"[("A", ""), ("B", ""), ("", "c")]"#]]);
        check("A=b=c", expect![[r#"[("A", "b=c")]"#]]);
        check("A=a+b%20c%2Bd", expect![[r#"[("A", "a b c+d")]"#]]);
        check("A=%E8%AF%AD", expect![[r#"[("A", "语")]"#]]);
        check("A=100%&B=%zz&C=%4", expect![[r#"[("A", "100%"), ("B", "%zz"), ("C", "%4")]"#]]);
        check("X[]=a&X%5B%5D=b", expect![[r#"[("X[]", "a"), ("X[]", "b")]"#]]);
    }

    #[test]
    fn refuses_what_is_not_utf8() {
        check("A=1&B=%ff", expect!["2 parameter 2 of the query is not UTF-8 once decoded"]);
        check("%C3=1", expect!["2 parameter 1 of the query is not UTF-8 once decoded"]);
        // A surrogate, encoded as if it were a character.
        check("A=%ED%A0%80", expect!["2 parameter 1 of the query is not UTF-8 once decoded"]);
    }

    #[test]
    fn counts_parameters() {
        let query = |count: usize| vec!["A=1"; count].join("&");
        assert!(Query::parse(&query(PARAMETERS_MAX)).is_ok_and(|query| query.0.len() == 256));
        check(&query(PARAMETERS_MAX + 1), expect!["2 the query has more than 256 parameters"]);
    }

    #[test]
    fn a_list_may_be_written_in_four_ways() {
        let raw = "X[]=a&X%5b%5D=b&X=c&X[1]=d&X[a]=no&X[=no&Xs=no&x=no&X[][]=no&X[]=";
        let query = Query::parse(raw).expect("a query");
        assert_eq!(query.list("X").collect::<Vec<_>>(), ["a", "b", "c", "d", ""]);
        assert_eq!(query.list("Y").count(), 0);
    }

    #[test]
    fn the_first_of_repeated_parameters_counts() {
        let query = Query::parse("A=1&A=2&B=").expect("a query");
        assert_eq!([query.value("A"), query.value("B"), query.value("C")], ["1", "", ""]);
    }
}
