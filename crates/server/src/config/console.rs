//! `[console]`: who may look at the console.

use domain::app::Secret;
use serde::Deserialize;

use super::Fault;
use crate::demo;

/// `[console]`.
#[derive(Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct ConsoleTable {
    token: Option<String>,
}

// By hand, so that nothing shows the token.
impl std::fmt::Debug for ConsoleTable {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("ConsoleTable").finish_non_exhaustive()
    }
}

impl ConsoleTable {
    pub(super) fn over(self, below: Self) -> Self {
        Self { token: self.token.or(below.token) }
    }

    /// The token, if there is one; the demo has a published one.
    pub(super) fn read(self, is_demo: bool) -> Result<Option<Secret>, Fault> {
        let Some(token) = self.token else {
            return Ok(is_demo.then(|| Secret::new(demo::CONSOLE_TOKEN)));
        };
        let min = console::TOKEN_BYTES_MIN;
        if token.len() < min || token.chars().any(char::is_whitespace) {
            let reason = format!(
                "whoever knows it sees and changes everything: it has {min} characters or more, \
                 and no spaces, as `openssl rand -hex 24` makes it"
            );
            return Err(Fault::new("the config", Some("console.token".to_owned()), reason));
        }
        Ok(Some(Secret::new(token)))
    }
}
