//! Rows of CSV, out of the API's objects.

use serde_json::Value;

/// The columns of a table: the keys of the objects that its rows are made of.
pub(super) struct Columns(&'static [&'static str]);

pub(super) const USERS: Columns =
    Columns(&["id", "name", "portrait", "tags", "ext", "extra", "robot", "created", "modified"]);

pub(super) const STAYS: Columns = Columns(&[
    "roomId",
    "callId",
    "userId",
    "door",
    "joined",
    "left",
    "durationS",
    "published",
    "os",
    "network",
    "device",
    "sdkVersion",
    "connections",
]);

impl Columns {
    pub(super) fn head(&self) -> String {
        self.line(self.0.iter().map(|name| (*name).to_owned()))
    }

    pub(super) fn csv(&self, rows: &[Value]) -> String {
        let cell = |value: &Value| match value {
            Value::Null => String::new(),
            Value::String(text) => text.clone(),
            other => other.to_string(),
        };
        let line = |row: &Value| self.line(self.0.iter().map(|name| cell(&row[*name])));
        rows.iter().map(line).collect()
    }

    fn line(&self, cells: impl Iterator<Item = String>) -> String {
        let quoted = |cell: String| match cell.contains(['"', ',', '\r', '\n']) {
            true => format!("\"{}\"", cell.replace('"', "\"\"")),
            false => cell,
        };
        let cells: Vec<String> = cells.map(quoted).collect();
        format!("{}\r\n", cells.join(","))
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn a_cell_holds_whatever_a_name_holds() {
        let rows = [
            json!({"id": "a", "name": "A, \"the\" first\nof all", "tags": ["x", "y,z"], "ext": {}, "robot": false}),
            json!({"id": "=1+1", "name": null, "tags": [], "created": "2026"}),
        ];
        assert_eq!(USERS.head(), "id,name,portrait,tags,ext,extra,robot,created,modified\r\n");
        let expected = "a,\"A, \"\"the\"\" first\nof all\",,\"[\"\"x\"\",\"\"y,z\"\"]\",{},,false,,\r\n\
                        =1+1,,,[],,,,2026,\r\n";
        assert_eq!(USERS.csv(&rows), expected);
    }
}
