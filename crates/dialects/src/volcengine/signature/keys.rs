//! Signing keys that were derived already.
//!
//! A key is that of a secret for one day, one region and one service, so all that a client sends in
//! a day is signed with the same one. Of each access key the last is kept, once a request has
//! proved to be signed with it: strangers leave nothing here, and there are no more than access
//! keys in the config.

use std::collections::HashMap;
use std::sync::{PoisonError, RwLock};

use super::canonical::SigningKey;
use super::claims::{Claims, Scope};

/// The last signing key of each access key, by the access key's id.
#[derive(Default)]
pub(in crate::volcengine) struct Keys(RwLock<HashMap<String, (Scope, SigningKey)>>);

impl Keys {
    /// The key that the claims speak of, if it was the last.
    pub(super) fn find(&self, claims: &Claims) -> Option<SigningKey> {
        let kept = self.0.read().unwrap_or_else(PoisonError::into_inner);
        let (scope, key) = kept.get(&claims.access_key_id)?;
        (*scope == claims.scope).then_some(*key)
    }

    /// Keeps the key with which the claims were proved.
    pub(super) fn keep(&self, claims: &Claims, key: SigningKey) {
        let mut kept = self.0.write().unwrap_or_else(PoisonError::into_inner);
        kept.insert(claims.access_key_id.clone(), (claims.scope.clone(), key));
    }
}
