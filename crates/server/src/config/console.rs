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
    secure: Option<bool>,
}

/// The console, as the config says.
#[derive(Debug, Default)]
pub(crate) struct ConsoleAs {
    /// What opens it; without it, it is off.
    pub(crate) token: Option<Secret>,
    /// Whether browsers come to it by encrypted connections only, be it that something before the
    /// server encrypts them.
    pub(crate) is_secure: bool,
}

// By hand, so that nothing shows the token.
impl std::fmt::Debug for ConsoleTable {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("ConsoleTable").finish_non_exhaustive()
    }
}

impl ConsoleTable {
    pub(super) fn over(self, below: Self) -> Self {
        Self { token: self.token.or(below.token), secure: self.secure.or(below.secure) }
    }

    pub(super) fn read(self, is_demo: bool, is_encrypted: bool) -> Result<ConsoleAs, Fault> {
        let is_secure = self.secure.unwrap_or(is_encrypted);
        let Some(token) = self.token else {
            // The demo has a published one.
            let token = is_demo.then(|| Secret::new(demo::CONSOLE_TOKEN));
            return Ok(ConsoleAs { token, is_secure });
        };
        let min = console::TOKEN_BYTES_MIN;
        if token.len() < min || token.chars().any(char::is_whitespace) {
            let reason = format!(
                "whoever guesses it sees and changes everything: it has {min} characters or more, \
                 and no spaces; `openssl rand -hex 24` makes one"
            );
            return Err(Fault::new("the config", Some("console.token".to_owned()), reason));
        }
        Ok(ConsoleAs { token: Some(Secret::new(token)), is_secure })
    }
}
