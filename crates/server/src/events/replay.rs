//! `whowas events replay`: has the server read its dead letters again.

use indicatif::HumanCount;
use serde_json::json;

use super::{Ending, Failure, failed, remote, tell};
use crate::cli::ReplayArgs;
use crate::remote::Replayed;

pub(super) async fn run(args: &ReplayArgs) -> Result<Ending, Failure> {
    let remote = remote(&args.target)?;
    let mut all =
        Replayed { replayed: 0, stored: 0, duplicates: 0, expired: 0, still_dead: 0, next: None };
    loop {
        // What was read is gone from the server, so that a repeat of the command goes on from here.
        let step = remote.replay(all.next).await.map_err(failed)?;
        all.replayed += step.replayed;
        all.stored += step.stored;
        all.duplicates += step.duplicates;
        all.expired += step.expired;
        all.still_dead += step.still_dead;
        // Ids increase, so this ends; a server that went backwards would not let it.
        if step.next.is_none() || step.next <= all.next {
            break;
        }
        all.next = step.next;
    }
    tell(&match args.json {
        true => format!(
            "{}\n",
            json!({ "replayed": all.replayed, "stored": all.stored, "duplicates": all.duplicates,
                    "expired": all.expired, "stillDead": all.still_dead })
        ),
        false => summary(&all),
    })?;
    Ok(if all.still_dead == 0 { Ending::Done } else { Ending::SomeRefused })
}

fn summary(all: &Replayed) -> String {
    let Replayed { replayed, stored, duplicates, expired, still_dead, .. } = *all;
    if replayed + still_dead == 0 {
        return "There are no dead letters.\n".to_owned();
    }
    let count = HumanCount;
    let mut said = format!(
        "letters read    {:>9}   events: {} new, {} known, {} older than the retention\n\
         still dead      {:>9}\n",
        count(replayed).to_string(),
        count(stored),
        count(duplicates),
        count(expired),
        count(still_dead).to_string(),
    );
    if still_dead > 0 {
        said.push_str("Why they are dead: `whowas events dead`.\n");
    }
    said
}

#[cfg(test)]
mod tests {
    use expect_test::expect;

    use super::*;

    #[test]
    fn a_summary_tells_what_came_of_it() {
        let all = |replayed, still_dead| Replayed {
            replayed,
            stored: 1_201,
            duplicates: 2,
            expired: 0,
            still_dead,
            next: None,
        };
        expect![[r#"
            There are no dead letters.
        "#]]
        .assert_eq(&summary(&all(0, 0)));
        expect![[r#"
            letters read        1,200   events: 1,201 new, 2 known, 0 older than the retention
            still dead              3
            Why they are dead: `whowas events dead`.
        "#]]
        .assert_eq(&summary(&all(1_200, 3)));
    }
}
