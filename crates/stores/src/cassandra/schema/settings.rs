//! Options of tables: those that this program makes tables with, and how tables that are there
//! already, made by an older one, get them too.
//!
//! Only those that decide what a server may rely on. How a table is compacted, compressed or cached
//! is the operator's to change.

use std::borrow::Cow;

/// By when a coordinator asks another replica. By default it waits as long as the slowest of a
/// hundred reads took, which on a busy node is longer than we wait: then every read fails that was
/// sent to a replica which has just died.
const SPECULATIVE_RETRY: &str = "50ms";

/// Which option says how long tombstones are kept, in seconds.
const GRACE: &str = "gc_grace_seconds";

/// How long a ring keeps tombstones if nothing else is said.
const GRACE_S: i32 = 864_000;

/// A table as a ring has it: its name, its `speculative_retry` and its `gc_grace_seconds`.
pub(super) type There = (String, String, i32);

/// A statement that makes a table, of which a coordinator asks another replica early.
pub(super) fn impatient(statement: &str) -> Cow<'_, str> {
    let joined = if statement.contains("\n) WITH ") { "AND" } else { "WITH" };
    match table_of(statement) {
        Some(_) => format!("{statement} {joined} speculative_retry = '{SPECULATIVE_RETRY}'").into(),
        None => statement.into(),
    }
}

/// What brings a table to the options that its statement would make it with; `None` if it has them.
pub(super) fn change(statement: &str, (table, retry, grace_s): &There) -> Option<String> {
    let wanted_s = grace_s_of(statement);
    if is_early(retry) && *grace_s == wanted_s {
        return None;
    }
    Some(format!(
        "ALTER TABLE {{ks}}.{table} WITH speculative_retry = '{SPECULATIVE_RETRY}' \
         AND {GRACE} = {wanted_s}"
    ))
}

/// Which table a statement makes, if it makes one.
pub(super) fn table_of(statement: &str) -> Option<&str> {
    let (_, rest) = statement.split_once("CREATE TABLE IF NOT EXISTS {ks}.")?;
    rest.split_whitespace().next()
}

/// One ring writes `50ms`, another `50.00ms`.
fn is_early(retry: &str) -> bool {
    let ms = |text: &str| text.strip_suffix("ms").and_then(|number| number.parse::<f64>().ok());
    ms(retry) == ms(SPECULATIVE_RETRY)
}

fn grace_s_of(statement: &str) -> i32 {
    let said = statement.split_once(GRACE).and_then(|(_, rest)| rest.split_once('='));
    let digits = said.map(|(_, rest)| rest.trim_start());
    let digits = digits.map(|rest| rest.split(|it: char| !it.is_ascii_digit()).next());
    digits.flatten().and_then(|digits| digits.parse().ok()).unwrap_or(GRACE_S)
}

#[cfg(test)]
mod tests {
    use super::super::tables::{DEAD_LETTERS, USERS};
    use super::*;

    #[test]
    fn a_table_is_changed_only_if_it_has_other_options_than_it_would_be_made_with() {
        let changed = |statement, retry: &str, grace_s| {
            let table = table_of(statement).expect("it makes a table").to_owned();
            change(statement, &(table, retry.to_owned(), grace_s))
        };
        let users = "ALTER TABLE {ks}.users WITH speculative_retry = '50ms' \
                     AND gc_grace_seconds = 864000";
        let letters = "ALTER TABLE {ks}.dead_letters WITH speculative_retry = '50ms' \
                       AND gc_grace_seconds = 3600";
        for (statement, retry, grace_s, wanted) in [
            (USERS, "50ms", 864_000, None),
            (USERS, "50.00ms", 864_000, None),
            (USERS, "99p", 864_000, Some(users)),
            (USERS, "50ms", 3_600, Some(users)),
            (DEAD_LETTERS, "50ms", 3_600, None),
            (DEAD_LETTERS, "50ms", 864_000, Some(letters)),
            (DEAD_LETTERS, "NEVER", 3_600, Some(letters)),
        ] {
            assert_eq!(changed(statement, retry, grace_s).as_deref(), wanted, "{retry} {grace_s}");
        }
    }

    #[test]
    fn what_is_made_is_asked_early_whether_it_has_other_options_or_not() {
        assert!(impatient(USERS).ends_with("'} AND speculative_retry = '50ms'"));
        let plain = "CREATE TABLE IF NOT EXISTS {ks}.apps (\n    app bigint PRIMARY KEY\n)";
        assert_eq!(impatient(plain), format!("{plain} WITH speculative_retry = '50ms'"));
        assert_eq!(impatient("DROP TABLE x"), "DROP TABLE x");
    }
}
