//! One file per action, named as the vendor names it.

pub(super) mod query_user_infos;
