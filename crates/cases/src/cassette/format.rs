//! The lines of a cassette, and reading them from a file that anybody may have written.

use std::collections::BTreeMap;
use std::io::{BufRead, Read};

use action_api::Inverse;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use engine::Failure;
use plan::Digest;
use serde::{Deserialize, Serialize};
use serde_json::Value;
use sha2::Digest as _;

/// The version of the format this code reads and writes.
pub const VERSION: u32 = 1;
/// The most a line may have, in bytes: an answer of the largest size, and bytes beside it.
pub const MAX_LINE: usize = 8 * 1024 * 1024;
/// The most a cassette may have, in bytes.
pub const MAX_BYTES: u64 = 256 * 1024 * 1024;
/// The largest artifact that is kept in a cassette, in bytes.
pub const MAX_EMBEDDED: u64 = 1024 * 1024;

/// What a file that is no cassette is refused with.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("line {line}: {what}")]
pub struct CassetteError {
    /// Counted from 1.
    pub line: usize,
    /// What is wrong there.
    pub what: String,
}

/// The first line.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Header {
    /// The version of the format.
    pub(crate) cassette: u32,
    /// The playbook that was run.
    pub(crate) playbook: String,
}

/// Every other line: one call.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Entry {
    /// The action.
    pub(crate) action: String,
    /// Whether it was asked if an earlier attempt took effect, rather than carried out.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub(crate) probe: bool,
    /// What it was given, without secrets.
    pub(crate) input: Value,
    /// What it answered.
    pub(crate) answer: Answer,
    /// What takes the effect back, without secrets.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) inverse: Option<Inverse>,
    /// The bytes the answer speaks of, unless they stand in an earlier line.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub(crate) artifacts: Vec<Embedded>,
}

/// How a call was answered.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", deny_unknown_fields)]
pub(crate) enum Answer {
    /// With an output.
    Ok(Value),
    /// With a failure.
    Failed(Failure),
    /// A probe found that nothing had happened.
    NotDone,
    /// A probe found nothing, and was to be asked again.
    NotYet,
    /// A probe could not tell.
    Unknown,
}

/// Bytes, or why they are not here.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Embedded {
    /// The digest of the bytes.
    pub(crate) artifact: Digest,
    /// Their media type.
    pub(crate) media_type: String,
    /// The bytes in base64.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) base64: Option<String>,
    /// Why there are none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) left_out: Option<String>,
}

/// A cassette that was read.
#[derive(Debug, Clone)]
pub struct Cassette {
    pub(crate) playbook: String,
    pub(crate) entries: Vec<Entry>,
    /// By digest: media type and bytes, or why there are none.
    pub(crate) artifacts: BTreeMap<Digest, (String, Result<Vec<u8>, String>)>,
}

impl Cassette {
    /// Reads a cassette; refuses one that is damaged, of another version, or larger than [`MAX_BYTES`].
    ///
    /// # Errors
    /// The line and what is wrong with it. Never panics, and never holds more than one line beside what it keeps.
    pub fn read(from: impl Read) -> Result<Self, CassetteError> {
        let mut lines =
            Lines { from: std::io::BufReader::new(from.take(MAX_BYTES + 1)), number: 0, total: 0 };
        let Some(first) = lines.next_line()? else {
            return Err(CassetteError { line: 1, what: "the file is empty; it is no cassette".to_owned() });
        };
        let header = header(&first)?;
        let mut cassette =
            Cassette { playbook: header.playbook, entries: Vec::new(), artifacts: BTreeMap::new() };
        while let Some(line) = lines.next_line()? {
            let wrong = |what: String| CassetteError { line: lines.number, what };
            let mut entry: Entry = serde_json::from_slice(&line).map_err(|error| wrong(refusal(&error)))?;
            for embedded in entry.artifacts.drain(..) {
                let digest = embedded.artifact;
                let kept = embedded.open().map_err(wrong)?;
                cassette.artifacts.insert(digest, kept);
            }
            if entry.action.len() > 256 {
                return Err(wrong("the name of the action is too long".to_owned()));
            }
            cassette.entries.push(entry);
        }
        Ok(cassette)
    }

    /// The playbook it was recorded from, as its recorder named it.
    pub fn playbook(&self) -> &str {
        &self.playbook
    }

    /// How many calls are in it.
    pub fn len(&self) -> usize {
        self.entries.len()
    }

    /// Whether there is no call in it.
    pub fn is_empty(&self) -> bool {
        self.entries.is_empty()
    }
}

fn header(line: &[u8]) -> Result<Header, CassetteError> {
    let wrong = |what: String| CassetteError { line: 1, what };
    // The version first, so that a later one is named and not its unknown fields.
    let value: Value = serde_json::from_slice(line)
        .map_err(|error| wrong(format!("this is no cassette: {}", refusal(&error))))?;
    match value.get("cassette").and_then(Value::as_u64) {
        Some(version) if version == u64::from(VERSION) => {}
        Some(version) => {
            return Err(wrong(format!(
                "the cassette is of version {version}; this program reads version {VERSION}"
            )));
        }
        None => return Err(wrong("this is no cassette: the first line has no `cassette: 1`".to_owned())),
    }
    serde_json::from_value(value).map_err(|error| wrong(refusal(&error)))
}

/// serde_json counts lines from 1 in every text, but here a text is one line.
fn refusal(error: &serde_json::Error) -> String {
    let text = error.to_string();
    let what = text.rsplit_once(" at line ").map_or(text.as_str(), |(what, _)| what);
    match error.classify() {
        serde_json::error::Category::Eof => format!("the line is cut off: {what}"),
        _ => format!("column {}: {what}", error.column()),
    }
}

impl Embedded {
    fn open(self) -> Result<(String, Result<Vec<u8>, String>), String> {
        let digest = self.artifact;
        let bytes = match (self.base64, self.left_out) {
            (Some(text), None) => {
                if text.len() as u64 > MAX_EMBEDDED.div_ceil(3) * 4 {
                    return Err(format!("{digest} has more than {MAX_EMBEDDED} bytes"));
                }
                let bytes =
                    STANDARD.decode(text).map_err(|error| format!("{digest} is not base64: {error}"))?;
                if Digest::new(sha2::Sha256::digest(&bytes).into()) != digest {
                    return Err(format!("the bytes of {digest} are others: the cassette is damaged"));
                }
                Ok(bytes)
            }
            (None, Some(why)) => Err(why),
            _ => return Err(format!("{digest} needs either `base64` or `left_out`")),
        };
        Ok((self.media_type, bytes))
    }
}

/// Lines of a limited length.
struct Lines<R> {
    from: R,
    number: usize,
    total: u64,
}

impl<R: BufRead> Lines<R> {
    fn next_line(&mut self) -> Result<Option<Vec<u8>>, CassetteError> {
        loop {
            self.number += 1;
            let wrong = |what: String| CassetteError { line: self.number, what };
            let mut line = Vec::new();
            (&mut self.from)
                .take(MAX_LINE as u64 + 1)
                .read_until(b'\n', &mut line)
                .map_err(|error| wrong(format!("could not be read: {error}")))?;
            if line.is_empty() {
                return Ok(None);
            }
            self.total += line.len() as u64;
            if line.len() > MAX_LINE {
                return Err(wrong(format!("the line has more than {MAX_LINE} bytes")));
            }
            if self.total > MAX_BYTES {
                return Err(wrong(format!("the cassette has more than {MAX_BYTES} bytes")));
            }
            if std::str::from_utf8(&line).is_err() {
                return Err(wrong("the line is not UTF-8".to_owned()));
            }
            if !line.iter().all(u8::is_ascii_whitespace) {
                return Ok(Some(line));
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const HEADER: &str = "{\"cassette\":1,\"playbook\":\"p\"}\n";

    fn refused(text: impl AsRef<[u8]>) -> String {
        Cassette::read(text.as_ref()).map(|_| ()).unwrap_err().to_string()
    }

    #[test]
    fn a_damaged_file_is_refused_with_the_line() {
        let call = "{\"action\":\"a\",\"input\":{},\"answer\":{\"ok\":1}}\n";
        let after = |text: &str| refused(format!("{HEADER}{call}{text}"));
        assert!(refused("").contains("empty"));
        assert!(refused("MZ\u{0}\u{1}").starts_with("line 1: this is no cassette"));
        assert!(refused("{\"cassette\":2,\"x\":1}").contains("version 2"));
        assert!(after("{\"action\":\"a\",\"inp").starts_with("line 3: the line is cut off"));
        assert!(after("{\"action\":\"a\",\"input\":1,\"answer\":\"not_done\",\"more\":1}").contains("more"));
        assert!(after("{\"action\":\"a\",\"input\":1,\"answer\":{\"okay\":1}}").contains("okay"));
        let deep = format!("{{\"action\":\"a\",\"input\":{}", "[".repeat(100_000));
        assert!(after(&deep).contains("recursion limit"), "{}", after(&deep));
        let mut bad = format!("{HEADER}{call}").into_bytes();
        bad.extend(b"{\"action\":\"\xff\"}");
        assert_eq!(refused(bad), "line 3: the line is not UTF-8");
        let long = format!("{HEADER}{{\"action\":\"{}\"}}", "a".repeat(10 * 1024 * 1024));
        assert_eq!(refused(long), format!("line 2: the line has more than {MAX_LINE} bytes"));
    }

    #[test]
    fn bytes_have_to_be_those_of_their_digest() {
        let digest = Digest::new(sha2::Sha256::digest(b"abc").into());
        let with = |embedded: &str| {
            format!(
                "{HEADER}{{\"action\":\"a\",\"input\":1,\"answer\":{{\"ok\":1}},\"artifacts\":[{{\"artifact\":\"{digest}\",\
                 \"media_type\":\"t\",{embedded}}}]}}"
            )
        };
        let read = Cassette::read(with("\"base64\":\"YWJj\"").as_bytes()).unwrap();
        assert_eq!(read.artifacts[&digest], ("t".to_owned(), Ok(b"abc".to_vec())));
        assert!(refused(with("\"base64\":\"YWJk\"")).contains("damaged"));
        assert!(refused(with("\"base64\":\"?\"")).contains("not base64"));
        assert!(refused(with("\"base64\":\"YWJj\",\"left_out\":\"x\"")).contains("either"));
    }

    proptest! {
        #[test]
        fn no_bytes_do_harm(bytes in proptest::collection::vec(any::<u8>(), 0..300), cut in 0_usize..200) {
            let _ = Cassette::read(bytes.as_slice());
            let whole = format!("{HEADER}{{\"action\":\"a\",\"input\":{{}},\"answer\":{{\"ok\":1}}}}\n");
            let mut changed = whole.into_bytes();
            changed.truncate(cut);
            changed.extend(&bytes);
            let _ = Cassette::read(changed.as_slice());
        }
    }
}
