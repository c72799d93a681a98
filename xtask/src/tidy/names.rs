//! Names of types that say nothing.

use crate::{
    rust::{line_of, words},
    tree::{Finding, Tree},
};

const EMPTY_SUFFIXES: &[&str] = &[
    "Manager",
    "Helper",
    "Util",
    "Utils",
    "Handler",
    "Processor",
    "Service",
    "Wrapper",
    "Common",
    "Base",
    "Impl",
    "Data",
    "Info",
];

/// Names that are a vendor's, allowed in the vendor's folder: (folder, name, whose word it is).
const VENDOR_NAMES: &[(&str, &str, &str)] = &[
    ("crates/dialects/src/volcengine/", "ListUserInfo", "an action"),
    ("crates/dialects/src/volcengine/", "UserInfo", "an entry of ListUserInfo's UserList"),
    ("crates/dialects/src/volcengine/", "FailedInfo", "an entry of FailedInfos"),
    ("crates/sources/src/native/", "Data", "the member `data` of CloudEvents"),
    ("crates/sources/src/livekit/", "ParticipantInfo", "a message of its protocol"),
    ("crates/sources/src/livekit/", "TrackInfo", "a message of its protocol"),
    ("crates/sources/src/livekit/", "ClientInfo", "a message of its protocol"),
];

const KEYWORDS: &[&str] = &["struct ", "enum ", "trait ", "union "];

pub(super) fn no_empty_suffixes(tree: &Tree) -> Vec<Finding> {
    let mut findings = Vec::new();
    for (file, masked) in tree.rust_files() {
        let places = KEYWORDS.iter().flat_map(|keyword| {
            words(&masked.code, keyword).map(move |at| (at, at + keyword.len()))
        });
        for (at, name_at) in places {
            let name = type_name(&masked.code[name_at..]);
            let Some(suffix) = EMPTY_SUFFIXES.iter().find(|suffix| name.ends_with(**suffix)) else {
                continue;
            };
            if !is_vendors(&file.path, name) {
                let line = line_of(&file.text, at);
                let text = format!("{name}: what is it, without the word {suffix}?");
                findings.push(file.finding(line, text));
            }
        }
    }
    findings
}

fn type_name(rest: &str) -> &str {
    let rest = rest.trim_start();
    let end = rest.find(|c: char| !c.is_alphanumeric() && c != '_').unwrap_or(rest.len());
    &rest[..end]
}

fn is_vendors(path: &str, name: &str) -> bool {
    VENDOR_NAMES.iter().any(|(folder, theirs, _)| path.starts_with(folder) && name == *theirs)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::tidy::check;

    #[test]
    fn refuses_suffixes_that_say_nothing() {
        check(
            no_empty_suffixes,
            &[(
                "a.rs",
                "pub struct UserManager<T>(T);\n\nenum Info {}\ntrait StoreBase: Sync {}\n",
            )],
            &[
                "a.rs:1: UserManager: what is it, without the word Manager?",
                "a.rs:3: Info: what is it, without the word Info?",
                "a.rs:4: StoreBase: what is it, without the word Base?",
            ],
        );
    }

    #[test]
    fn leaves_alone_what_only_looks_alike() {
        let text = "struct Metadata;\nstruct FailedInfos;\nenum Managers {}\nstruct Database;\n\
                    // struct UserManager\nimpl Body for B { type Data = Bytes; }\n";
        check(no_empty_suffixes, &[("a.rs", text)], &[]);
    }

    #[test]
    fn allows_a_vendors_name_only_at_the_vendors() {
        let text = "struct ListUserInfo;\n";
        check(no_empty_suffixes, &[("crates/dialects/src/volcengine/action.rs", text)], &[]);
        check(
            no_empty_suffixes,
            &[("crates/domain/src/a.rs", text)],
            &["crates/domain/src/a.rs:1: ListUserInfo: what is it, without the word Info?"],
        );
    }
}
