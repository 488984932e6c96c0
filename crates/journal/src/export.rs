//! One run as text: the header on the first line, then one record a line.
//!
//! The same form in exports, in bug reports and in the histories that every release leaves behind for the next one
//! to read (`tests/journals`). The header holds the text of the playbook and of its files, so that such a text is
//! all that is needed to replay the run. Left out: artifacts, which are other people's mail.

use std::io::{self, Write};

use crate::{FORMAT, Header, Record, RecordError, StoredRun};

/// A run that could not be written out.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ExportError {
    /// A record has no text.
    #[error("record {seq} has no text form: {source}")]
    Record {
        /// Which one; 0 is the header.
        seq: u64,
        /// Why.
        #[source]
        source: RecordError,
    },
    /// The other side could not take it.
    #[error("the export could not be written")]
    Io(#[from] io::Error),
}

/// A text that is not an exported run.
#[derive(Debug, thiserror::Error)]
#[error("line {line}: {reason}")]
pub struct ImportError {
    /// The line, from 1.
    pub line: usize,
    /// What is wrong with it.
    pub reason: String,
}

/// Writes a run as lines of JSON.
///
/// # Errors
/// A record that cannot be read back, or what `out` says.
pub fn export(run: &StoredRun, out: &mut dyn Write) -> Result<(), ExportError> {
    let header = serde_json::to_string(&run.header)
        .map_err(|error| ExportError::Record { seq: 0, source: error.into() })?;
    writeln!(out, "{header}")?;
    for record in &run.records {
        let text = record.to_json().map_err(|source| ExportError::Record { seq: record.seq, source })?;
        writeln!(out, "{text}")?;
    }
    Ok(())
}

/// Reads what [`export`] of this version or of an earlier one wrote.
///
/// # Errors
/// The first line that does not fit.
pub fn import(text: &str) -> Result<StoredRun, ImportError> {
    let mut lines = text.lines();
    let wrong = |line: usize, reason: String| ImportError { line, reason };
    let first = lines.next().ok_or_else(|| wrong(1, "there is no header".to_owned()))?;
    let header: Header = serde_json::from_str(first).map_err(|error| wrong(1, error.to_string()))?;
    if header.format > FORMAT {
        let reason = format!("it is of journal format {}; this version reads up to {FORMAT}", header.format);
        return Err(wrong(1, reason));
    }
    let mut records = Vec::new();
    for (before, line) in lines.enumerate() {
        let at = before.saturating_add(2);
        let record = Record::from_json(header.format, line).map_err(|error| wrong(at, error.to_string()))?;
        let due = before as u64 + 1;
        if record.seq != due {
            return Err(wrong(at, format!("it is record {}, and record {due} is due", record.seq)));
        }
        records.push(record);
    }
    Ok(StoredRun { header, records })
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use serde_json::Value;

    use super::*;
    use crate::{Event, RunId, Timestamp};

    fn stored() -> StoredRun {
        let event =
            Event::Started { input: BTreeMap::new(), trigger: Value::Null, starter: "a\nb".to_owned() };
        StoredRun {
            header: Header {
                run: RunId::new("r1").unwrap(),
                format: FORMAT,
                playbook: "p".to_owned(),
                digest: plan::Digest::new([7; 32]),
                text: "playbook: 1\n".to_owned(),
                files: BTreeMap::from([("t.j2".to_owned(), "a\u{2028}b".to_owned())]),
                actions: BTreeMap::new(),
                origin: None,
                source: "p.yaml".to_owned(),
                created: Timestamp(5),
                driver: Value::Null,
            },
            records: vec![
                Record { seq: 1, at: Timestamp(5), event },
                Record { seq: 2, at: Timestamp(6), event: Event::Woken { op: 1 } },
            ],
        }
    }

    fn text(run: &StoredRun) -> String {
        let mut bytes = Vec::new();
        export(run, &mut bytes).unwrap();
        String::from_utf8(bytes).unwrap()
    }

    #[test]
    fn reads_back_what_it_writes() {
        let run = stored();
        assert_eq!(text(&run).lines().count(), 3);
        assert_eq!(import(&text(&run)).unwrap(), run);
    }

    #[test]
    fn names_the_line_that_does_not_fit() {
        assert_eq!(import("").unwrap_err().line, 1);
        let whole = text(&stored());
        let gap = whole.replace("\"seq\":2", "\"seq\":3");
        assert_eq!(import(&gap).unwrap_err().line, 3);
        let newer = whole.replacen("\"format\":2", "\"format\":99", 1);
        assert!(import(&newer).unwrap_err().to_string().contains("format 99"));
        let cut = whole.get(..whole.len() - 5).unwrap();
        assert_eq!(import(cut).unwrap_err().line, 3);
    }
}
