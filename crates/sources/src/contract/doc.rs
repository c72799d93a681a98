//! JSON documents that can be made wrong in every way: fields keep their order and may stand twice,
//! and what is no object and no array may be any text at all, so that digits stay as they are.

use std::fmt;

use serde::de::{Deserialize, Deserializer, MapAccess, Visitor};
use serde_json::value::RawValue;

/// An object's fields, in order.
pub(super) type Members = Vec<(String, Doc)>;

/// A document, or a part of one.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Doc {
    Object(Members),
    Array(Vec<Doc>),
    /// As it stands in the document, JSON or not.
    Leaf(String),
}

impl Doc {
    /// Takes JSON apart.
    pub(super) fn parse(json: &str) -> Self {
        let json: &RawValue = serde_json::from_str(json).expect("a document is JSON");
        Self::of(json)
    }

    /// Text as a document has it.
    pub(super) fn of_text(text: &str) -> Self {
        Self::Leaf(serde_json::to_string(text).expect("every text has its JSON"))
    }

    fn of(value: &RawValue) -> Self {
        let json = value.get();
        let read = "a part of a document is JSON";
        match json.as_bytes()[0] {
            b'{' => {
                let Fields(fields) = serde_json::from_str(json).expect(read);
                Self::Object(fields.into_iter().map(|(name, it)| (name, Self::of(&it))).collect())
            }
            b'[' => {
                let values: Vec<&RawValue> = serde_json::from_str(json).expect(read);
                Self::Array(values.into_iter().map(Self::of).collect())
            }
            _ => Self::Leaf(json.to_owned()),
        }
    }

    /// Where every field stands, as `/name/of/field`. Fields of arrays are left out.
    pub(super) fn paths(&self) -> Vec<String> {
        let Self::Object(fields) = self else { return vec![] };
        let mut paths = vec![];
        for (name, value) in fields {
            paths.push(format!("/{name}"));
            paths.extend(value.paths().into_iter().map(|inner| format!("/{name}{inner}")));
        }
        paths
    }

    /// Every value that stands there: none, one, or more if a field stands twice.
    pub(super) fn all(&self, path: &str) -> Vec<&Self> {
        let Some((name, rest)) = step(path) else { return vec![self] };
        let Self::Object(fields) = self else { return vec![] };
        let named = fields.iter().filter(|(field, _)| field == name);
        named.flat_map(|(_, value)| value.all(rest)).collect()
    }

    /// Puts a value there, in the place of all that stands there; into a new field if none does.
    pub(super) fn set(&mut self, path: &str, value: Self) {
        let Some((name, rest)) = step(path) else { return *self = value };
        let Self::Object(fields) = self else { return };
        if rest.is_empty() && !fields.iter().any(|(field, _)| field == name) {
            return fields.push((name.to_owned(), value));
        }
        let named = fields.iter_mut().filter(|(field, _)| field == name);
        named.for_each(|(_, inner)| inner.set(rest, value.clone()));
    }

    /// Takes a field away.
    pub(super) fn remove(&mut self, path: &str) {
        let (parent, name) = split(path);
        self.change_fields(parent, &|fields| fields.retain(|(field, _)| field != name));
    }

    /// Puts another value of the same name behind the first.
    pub(super) fn double(&mut self, path: &str, value: &Self) {
        let (parent, name) = split(path);
        self.change_fields(parent, &|fields| fields.push((name.to_owned(), value.clone())));
    }

    fn change_fields(&mut self, path: &str, change: &dyn Fn(&mut Members)) {
        let Self::Object(fields) = self else { return };
        match step(path) {
            None => change(fields),
            Some((name, rest)) => {
                let named = fields.iter_mut().filter(|(field, _)| field == name);
                named.for_each(|(_, inner)| inner.change_fields(rest, change));
            }
        }
    }

    /// What a reader of names may take for one: a text's characters, or an integer's digits.
    pub(super) fn name(&self) -> Option<String> {
        let Self::Leaf(json) = self else { return None };
        let digits = json.strip_prefix('-').unwrap_or(json);
        let is_integer = !digits.is_empty() && digits.bytes().all(|byte| byte.is_ascii_digit());
        if is_integer { Some(json.clone()) } else { serde_json::from_str(json).ok() }
    }
}

/// The first name of a path, and the rest.
fn step(path: &str) -> Option<(&str, &str)> {
    let names = path.strip_prefix('/')?;
    Some(names.find('/').map_or((names, ""), |end| names.split_at(end)))
}

/// The path of the object that a field stands in, and the field's name.
fn split(path: &str) -> (&str, &str) {
    path.rsplit_once('/').expect("a path begins with a slash")
}

impl fmt::Display for Doc {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Object(fields) => {
                f.write_str("{")?;
                for (index, (name, value)) in fields.iter().enumerate() {
                    f.write_str(if index > 0 { "," } else { "" })?;
                    write!(f, "{}:{value}", Self::of_text(name))?;
                }
                f.write_str("}")
            }
            Self::Array(values) => {
                f.write_str("[")?;
                for (index, value) in values.iter().enumerate() {
                    f.write_str(if index > 0 { "," } else { "" })?;
                    write!(f, "{value}")?;
                }
                f.write_str("]")
            }
            Self::Leaf(json) => f.write_str(json),
        }
    }
}

/// An object's fields as they stand.
struct Fields(Vec<(String, Box<RawValue>)>);

impl<'de> Deserialize<'de> for Fields {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Pairs;

        impl<'de> Visitor<'de> for Pairs {
            type Value = Fields;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("an object")
            }

            fn visit_map<A: MapAccess<'de>>(self, mut object: A) -> Result<Fields, A::Error> {
                let mut fields = vec![];
                while let Some(pair) = object.next_entry()? {
                    fields.push(pair);
                }
                Ok(Fields(fields))
            }
        }

        deserializer.deserialize_map(Pairs)
    }
}
