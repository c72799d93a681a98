//! Lists in requests, ids above all: of bodies and of queries, counted to the end and kept only as
//! far as they may go, so that a list that is too long is told as such.

use std::collections::HashSet;
use std::fmt;
use std::marker::PhantomData;

use domain::UserId;
use serde::de::value::MapAccessDeserializer;
use serde::de::{DeserializeOwned, IgnoredAny, MapAccess, SeqAccess, Visitor};
use serde::{Deserialize, Deserializer};
use serde_json::error::Category;

use crate::zegocloud::fault::{Code, Fault};
use crate::zegocloud::query::Query;

/// What an id may consist of besides English letters and digits.
const USER_ID_SIGNS: &str = "!#$%&()+-:;<=.>?@[]^_ {}|~";

/// A list as a request gives it.
pub(super) struct Listed<T, const LEN_MAX: usize> {
    /// Not more than may be asked for.
    pub(super) first: Vec<T>,
    pub(super) count: usize,
}

impl<const LEN_MAX: usize> Listed<String, LEN_MAX> {
    /// The values of a query's list.
    pub(super) fn in_query(query: &Query, name: &str) -> Self {
        let count = query.list(name).count();
        Self { first: query.list(name).take(LEN_MAX).map(str::to_owned).collect(), count }
    }

    /// Distinct ids, in the order asked. There is one at least, and not too many.
    pub(super) fn parse_ids(&self, name: &str) -> Result<Vec<UserId>, Fault> {
        let mut seen = HashSet::new();
        let mut ids = Vec::with_capacity(self.first.len());
        for (at, text) in self.first.iter().enumerate() {
            let id = parse_id(text).map_err(|why| {
                let why = format!("{name}[{at}] cannot be a user ID: {why}");
                Fault::new(Code::BusinessParameter, why)
            })?;
            if seen.insert(text) {
                ids.push(id);
            }
        }
        Ok(ids)
    }
}

impl<T, const LEN_MAX: usize> Listed<T, LEN_MAX> {
    /// Refuses a list that is too long; `what` is in it.
    pub(super) fn check_len(&self, name: &str, what: &str) -> Result<(), Fault> {
        if self.count <= LEN_MAX {
            return Ok(());
        }
        let why = format!("{name} has {} {what}, {LEN_MAX} are allowed", self.count);
        Err(Fault::new(Code::TooManyUsers, why))
    }
}

/// Tells why an id that nobody can have in this dialect is none.
pub(super) fn parse_id(text: &str) -> Result<UserId, String> {
    let id = UserId::parse(text).map_err(|fault| fault.to_string())?;
    let allowed = |sign: char| sign.is_ascii_alphanumeric() || USER_ID_SIGNS.contains(sign);
    match text.chars().find(|sign| !allowed(*sign)) {
        Some(sign) => Err(format!("it holds the character U+{:04X}", u32::from(sign))),
        None => Ok(id),
    }
}

/// The parameters of a body, or a few words on what is wrong with it. `not_as_expected` are those
/// of JSON that is something else.
pub(super) fn parse_body<T: DeserializeOwned>(
    body: &[u8],
    not_as_expected: &str,
) -> Result<T, String> {
    if body.is_empty() {
        return Err("the body is empty".to_owned());
    }
    // serde would take an array for an object, too.
    if !body.trim_ascii_start().starts_with(b"{") {
        return Err("the body is not a JSON object".to_owned());
    }
    serde_json::from_slice(body).map_err(|error| {
        // Not serde's own words: they repeat the value that it did not expect.
        let found = match error.classify() {
            Category::Data => not_as_expected,
            Category::Io | Category::Syntax | Category::Eof => "the body is not JSON",
        };
        format!("{found} (line {} column {})", error.line(), error.column())
    })
}

impl<'de, T: Deserialize<'de>, const LEN_MAX: usize> Deserialize<'de> for Listed<T, LEN_MAX> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_seq(OfItems(PhantomData))
    }
}

struct OfItems<T, const LEN_MAX: usize>(PhantomData<T>);

impl<'de, T: Deserialize<'de>, const LEN_MAX: usize> Visitor<'de> for OfItems<T, LEN_MAX> {
    type Value = Listed<T, LEN_MAX>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a list")
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut list: A) -> Result<Self::Value, A::Error> {
        let mut first = vec![];
        while first.len() < LEN_MAX {
            match list.next_element()? {
                Some(item) => first.push(item),
                None => return Ok(Listed { count: first.len(), first }),
            }
        }
        // Those that are too many are counted, but not kept.
        let mut count = first.len();
        while list.next_element::<IgnoredAny>()?.is_some() {
            count += 1;
        }
        Ok(Listed { first, count })
    }
}

/// A JSON object, and nothing that merely looks like its fields in a row.
pub(super) struct Object<T>(pub(super) T);

impl<'de, T: Deserialize<'de>> Deserialize<'de> for Object<T> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_map(OfFields(PhantomData))
    }
}

struct OfFields<T>(PhantomData<T>);

impl<'de, T: Deserialize<'de>> Visitor<'de> for OfFields<T> {
    type Value = Object<T>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an object")
    }

    fn visit_map<A: MapAccess<'de>>(self, map: A) -> Result<Self::Value, A::Error> {
        T::deserialize(MapAccessDeserializer::new(map)).map(Object)
    }
}
