//! What became of the lines of a file, and how it is told.

use std::time::Duration;

use indicatif::{HumanBytes, HumanCount, HumanDuration};
use serde_json::{Value, json};

use super::super::printable;
use crate::remote::Taken;

/// How many faults are told with their lines.
const FIRST_MAX: usize = 10;

/// Lines that are at fault: how many, and the first of them.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Faults {
    pub(super) count: u64,
    /// By the number of the line.
    first: Vec<(u64, String)>,
}

impl Faults {
    pub(super) fn add(&mut self, line: u64, reason: String) {
        self.count += 1;
        let at = self.first.partition_point(|(known, _)| *known < line);
        if at < FIRST_MAX {
            self.first.insert(at, (line, reason));
            self.first.truncate(FIRST_MAX);
        }
    }

    pub(super) fn extend(&mut self, other: Self) {
        let Self { count, first } = other;
        let told = first.len() as u64;
        first.into_iter().for_each(|(line, reason)| self.add(line, reason));
        self.count += count - told;
    }

    fn show(&self) -> Vec<Value> {
        let one = |(line, reason): &(u64, String)| json!({ "line": line, "reason": reason });
        self.first.iter().map(one).collect()
    }
}

/// What became of everything up to now.
#[derive(Debug, Default)]
pub(super) struct Tally {
    pub(super) accepted: u64,
    pub(super) duplicates: u64,
    /// Of the accepted.
    pub(super) expired: u64,
    pub(super) refused: Faults,
    pub(super) malformed: Faults,
    /// How many bytes of the file were worked off.
    pub(super) bytes: u64,
}

impl Tally {
    pub(super) fn add(&mut self, taken: &Taken) {
        self.accepted += taken.accepted;
        self.duplicates += taken.duplicates;
        self.expired += taken.expired;
    }

    /// Events that the server has told of.
    pub(super) fn events(&self) -> u64 {
        self.accepted + self.duplicates + self.refused.count
    }

    pub(super) fn is_whole(&self) -> bool {
        self.refused.count + self.malformed.count == 0
    }

    pub(super) fn json(&self, took: Duration) -> Value {
        json!({
            "accepted": self.accepted, "duplicates": self.duplicates, "expired": self.expired,
            "refused": self.refused.count, "malformed": self.malformed.count,
            "firstRefused": self.refused.show(), "firstMalformed": self.malformed.show(),
            "bytes": self.bytes, "seconds": took.as_secs_f64(),
        })
    }

    pub(super) fn summary(&self, took: Duration) -> String {
        let mut said = format!(
            "{} in {}\n{}{}",
            HumanBytes(self.bytes),
            HumanDuration(took),
            row("accepted", self.accepted),
            row("duplicates", self.duplicates),
        );
        if self.expired > 0 {
            let expired = HumanCount(self.expired);
            said.insert_str(
                said.rfind("duplicates").unwrap_or(0),
                &format!("  of them older than the retention, and not applied: {expired}\n"),
            );
        }
        for (name, faults) in [("refused", &self.refused), ("malformed", &self.malformed)] {
            said.push_str(&row(name, faults.count));
            for (line, reason) in &faults.first {
                said.push_str(&format!("  line {line}: {}\n", printable(reason)));
            }
            let untold = faults.count - faults.first.len() as u64;
            if untold > 0 {
                said.push_str(&format!("  and {} more\n", HumanCount(untold)));
            }
        }
        said
    }
}

fn row(name: &str, count: u64) -> String {
    format!("{name:<12}{:>15}\n", HumanCount(count).to_string())
}

#[cfg(test)]
mod tests {
    use expect_test::expect;

    use super::*;

    #[test]
    fn the_first_faults_are_told_whatever_the_order_of_the_batches() {
        let faults = |lines: &mut dyn Iterator<Item = u64>| {
            let mut faults = Faults::default();
            lines.for_each(|line| faults.add(line, format!("fault of {line}")));
            faults
        };
        let mut all = faults(&mut (100..130));
        all.extend(faults(&mut (5..30)));
        assert_eq!(all, {
            let mut expected = faults(&mut (5..30));
            expected.count = 55;
            expected
        });
        assert_eq!((all.first[0].0, all.first[9].0, all.first.len()), (5, 14, 10));
    }

    #[test]
    fn a_summary_tells_everything_that_became_of_the_lines() {
        let mut tally = Tally::default();
        tally.add(&Taken { accepted: 49_998, duplicates: 0, expired: 12, errors: vec![] });
        tally.refused.add(17, "`time` is missing".into());
        (20..31).for_each(|line| tally.malformed.add(line, "the line is not JSON".into()));
        tally.bytes = 12_345_678;
        expect![[r#"
            11.77 MiB in 12 seconds
            accepted             49,998
              of them older than the retention, and not applied: 12
            duplicates                0
            refused                   1
              line 17: `time` is missing
            malformed                11
              line 20: the line is not JSON
              line 21: the line is not JSON
              line 22: the line is not JSON
              line 23: the line is not JSON
              line 24: the line is not JSON
              line 25: the line is not JSON
              line 26: the line is not JSON
              line 27: the line is not JSON
              line 28: the line is not JSON
              line 29: the line is not JSON
              and 1 more
        "#]]
        .assert_eq(&tally.summary(Duration::from_secs(12)));
        let mut whole = Tally::default();
        assert!(whole.is_whole() && !tally.is_whole());
        whole.duplicates = 3;
        expect![[r#"{"accepted":0,"bytes":0,"duplicates":3,"expired":0,"firstMalformed":[],"firstRefused":[],"malformed":0,"refused":0,"seconds":1.5}"#]]
        .assert_eq(&whole.json(Duration::from_millis(1_500)).to_string());
    }
}
