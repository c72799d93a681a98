//! The form in which Redis takes it: one `SET` for each user, the value being the user as
//! BatchGetUser shows them.

use crate::{json, users::User};

/// The key: the id less one, in twelve digits, as `redis-benchmark` makes them.
pub fn write_user(bytes: &mut String, user: &User) {
    let key = format!("{:012}", user.id - 1);
    let mut value = String::with_capacity(256);
    json::write_user(&mut value, user);
    for part in ["*3\r\n$3\r\nSET\r\n$12\r\n", &key, "\r\n"] {
        bytes.push_str(part);
    }
    json::put(bytes, format_args!("${}\r\n{value}\r\n", value.len()));
}
