//! Volcengine RTC and IM: the server OpenAPI.
mod query;
mod signature;
