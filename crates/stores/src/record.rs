//! How a value is written down: checksum, version, then the value in postcard's encoding.
//!
//! An engine need not find damage by itself, LMDB does not, so each record carries a CRC-32 of its
//! key, its version and its value: a record that lost a bit, or that stands under another's key, is
//! an error, never a panic and never an answer.

use serde::{Deserialize, Serialize};

/// Why there is no value, or no record.
#[derive(Debug, thiserror::Error)]
pub(crate) enum Fault {
    /// A record is not what was written.
    #[error("a record of the table `{table}` is damaged: {how}")]
    Damaged { table: &'static str, how: Damage },
    /// A value cannot be written down.
    #[error("a record of the table `{table}` cannot be encoded")]
    Unencodable { table: &'static str, source: postcard::Error },
}

/// How a record is damaged.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub(crate) enum Damage {
    #[error("its checksum does not match")]
    Checksum,
    #[error("its version is unknown")]
    Version,
    #[error("it cannot be decoded")]
    Encoding,
    #[error("another record points to it, but it is missing")]
    Missing,
}

type Result<T> = std::result::Result<T, Fault>;

/// Of every record. A change of a stored type takes the next one, and reads both.
const VERSION: u8 = 1;

const CHECKSUM_LEN: usize = size_of::<u32>();

/// How long a record of nothing is, `()`: shorter than any other.
pub(crate) const EMPTY_LEN: usize = CHECKSUM_LEN + size_of::<u8>();

/// Most records are shorter, so that writing one down seldom has to move it.
const SEALED_LEN_USUAL: usize = 240;

/// The bytes to store under `key`.
pub(crate) fn seal<T: Serialize>(table: &'static str, key: &[u8], value: &T) -> Result<Vec<u8>> {
    let mut bytes = Vec::with_capacity(SEALED_LEN_USUAL);
    bytes.extend_from_slice(&[0; CHECKSUM_LEN]);
    bytes.push(VERSION);
    let mut bytes =
        postcard::to_extend(value, bytes).map_err(|source| Fault::Unencodable { table, source })?;
    let checksum = checksum(key, &bytes[CHECKSUM_LEN..]);
    bytes[..CHECKSUM_LEN].copy_from_slice(&checksum);
    Ok(bytes)
}

/// The value that was sealed under `key`.
pub(crate) fn unseal<'b, T: Deserialize<'b>>(
    table: &'static str,
    key: &[u8],
    bytes: &'b [u8],
) -> Result<T> {
    let value = check(table, key, bytes)?;
    postcard::from_bytes(value).map_err(|_| Fault::Damaged { table, how: Damage::Encoding })
}

/// The value that was sealed under `key`, as it is encoded.
pub(crate) fn check<'b>(table: &'static str, key: &[u8], bytes: &'b [u8]) -> Result<&'b [u8]> {
    let damaged = |how| Fault::Damaged { table, how };
    let (found, versioned) =
        bytes.split_at_checked(CHECKSUM_LEN).ok_or(damaged(Damage::Checksum))?;
    if found != checksum(key, versioned) {
        return Err(damaged(Damage::Checksum));
    }
    match versioned.split_first() {
        Some((&VERSION, value)) => Ok(value),
        _ => Err(damaged(Damage::Version)),
    }
}

fn checksum(key: &[u8], versioned: &[u8]) -> [u8; CHECKSUM_LEN] {
    let mut crc = crc32fast::Hasher::new();
    crc.update(key);
    crc.update(versioned);
    crc.finalize().to_be_bytes()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn damage(key: &[u8], bytes: &[u8]) -> Option<Damage> {
        match unseal::<(u8, String)>("users", key, bytes) {
            Ok(_) => None,
            Err(Fault::Damaged { how, .. }) => Some(how),
            Err(other) => panic!("{other}"),
        }
    }

    #[test]
    fn any_changed_bit_is_found() {
        let sealed = seal("users", b"key", &(7_u8, "name".to_owned())).unwrap();
        assert_eq!(damage(b"key", &sealed), None);
        assert_eq!(damage(b"kez", &sealed), Some(Damage::Checksum));
        for byte in 0..sealed.len() {
            for bit in 0..8 {
                let mut changed = sealed.clone();
                changed[byte] ^= 1 << bit;
                assert_eq!(damage(b"key", &changed), Some(Damage::Checksum), "{byte} {bit}");
            }
            assert_eq!(damage(b"key", &sealed[..byte]), Some(Damage::Checksum), "{byte}");
        }
    }

    #[test]
    fn a_record_of_a_later_version_is_not_guessed_at() {
        let mut later = vec![0; CHECKSUM_LEN];
        later.push(VERSION + 1);
        let sum = checksum(b"key", &later[CHECKSUM_LEN..]);
        later[..CHECKSUM_LEN].copy_from_slice(&sum);
        assert_eq!(damage(b"key", &later), Some(Damage::Version));
    }
}
