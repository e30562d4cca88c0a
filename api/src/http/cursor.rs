//! The cursors of lists: opaque, and good for the list only that they came from.

use super::error::ApiError;

/// A cursor behind `position` in a list. `list` names the list with its filters.
pub fn seal(list: &str, position: &[u8]) -> String {
    hex::encode([&digest(list), position].concat())
}

/// The position of a cursor.
///
/// # Errors
/// [`ApiError::Unprocessable`] when it is none of this list.
pub fn open(list: &str, cursor: &str) -> Result<Vec<u8>, ApiError> {
    let wrong = || ApiError::Unprocessable("after: not a cursor of this list".to_owned());
    let bytes = hex::decode(cursor).map_err(|_| wrong())?;
    match bytes.split_first_chunk::<8>() {
        Some((of, position)) if *of == digest(list) => Ok(position.to_vec()),
        _ => Err(wrong()),
    }
}

/// The position as text.
///
/// # Errors
/// As [`open`].
pub fn open_text(list: &str, cursor: &str) -> Result<String, ApiError> {
    let position = open(list, cursor)?;
    String::from_utf8(position).map_err(|_| ApiError::Unprocessable("after: not a cursor of this list".to_owned()))
}

fn digest(list: &str) -> [u8; 8] {
    let mut digest = [0; 8];
    digest.copy_from_slice(&blake3::hash(list.as_bytes()).as_bytes()[..8]);
    digest
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_cursor_opens_its_own_list_only() {
        let cursor = seal("jobs ready", b"position");
        assert_eq!(open("jobs ready", &cursor).ok().as_deref(), Some(&b"position"[..]));
        assert!(!cursor.contains("position"));
        for wrong in [seal("jobs done", b"position"), String::new(), "zz".to_owned(), "00".to_owned()] {
            assert!(open("jobs ready", &wrong).is_err(), "{wrong}");
        }
    }
}
