//! What is shared between runs of one playbook: its text, and the text of every other file it is made of.
//!
//! A header's row keeps the names of the files and no text, so that a list of runs reads little; the texts go
//! into one row that all runs of the same playbook have. A playbook of one file is kept as it is, so that
//! anybody can read it with the `sqlite3` tool; one of several files is kept as `[text, {path: text}]`.

use std::borrow::Cow;
use std::collections::BTreeMap;

use journal::Header;

/// The header without any text.
pub(crate) fn bare(header: &Header) -> Header {
    let files = header.files.keys().map(|path| (path.clone(), String::new())).collect();
    Header { text: String::new(), files, ..header.clone() }
}

/// Every text of a header as one.
pub(crate) fn pack(header: &Header) -> Result<Cow<'_, str>, String> {
    if header.files.is_empty() {
        return Ok(Cow::Borrowed(&header.text));
    }
    let packed = serde_json::to_string(&(&header.text, &header.files)).map_err(|error| error.to_string())?;
    Ok(Cow::Owned(packed))
}

/// A bare header with its texts again.
pub(crate) fn unpack(bare: Header, packed: String) -> Result<Header, String> {
    if bare.files.is_empty() {
        return Ok(Header { text: packed, ..bare });
    }
    let (text, files): (String, BTreeMap<String, String>) =
        serde_json::from_str(&packed).map_err(|error| error.to_string())?;
    if !files.keys().eq(bare.files.keys()) {
        return Err("its files are not those of its header".to_owned());
    }
    Ok(Header { text, files, ..bare })
}
