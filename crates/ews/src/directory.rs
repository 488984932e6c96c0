//! How people and groups are written and read wherever the directory is asked.

use exchange::DirectoryEntry;
use jiff::Timestamp;

use crate::failure::Failure;
use crate::malformed::Reason;
use crate::time;
use crate::xml::{Pull, Reader, Writer};

/// Reads an [`EmailAddressType`](https://learn.microsoft.com/exchange/client-developer/web-service-reference/mailbox).
pub(crate) async fn entry<P: Pull>(reader: &mut Reader<P>) -> Result<DirectoryEntry, Failure> {
    let mut entry = DirectoryEntry {
        name: String::new(),
        address: String::new(),
        routing_type: String::new(),
        kind: String::new(),
    };
    while reader.child().await? {
        match reader.name() {
            b"Name" => entry.name = reader.text().await?,
            b"EmailAddress" => entry.address = reader.text().await?,
            b"RoutingType" => entry.routing_type = reader.text().await?,
            b"MailboxType" => entry.kind = reader.text().await?,
            _ => reader.skip().await?,
        }
    }
    Ok(entry)
}

/// Reads a list of them.
pub(crate) async fn entries<P: Pull>(reader: &mut Reader<P>) -> Result<Vec<DirectoryEntry>, Failure> {
    let mut all = Vec::new();
    while reader.child().await? {
        all.push(entry(reader).await?);
    }
    Ok(all)
}

/// Writes an address as one of those.
pub(crate) fn write_address(out: &mut Writer, name: &'static str, address: &str) {
    out.open(name, &[]);
    out.exact("t:EmailAddress", address);
    out.close(name);
}

/// Reads a time; one without a zone is in UTC, the zone requests are made in.
pub(crate) async fn time_of<P: Pull>(
    reader: &mut Reader<P>,
    what: &'static str,
) -> Result<Timestamp, Failure> {
    let text = reader.text().await?;
    let time = time::utc(&text).and_then(|text| text.parse().ok());
    time.ok_or_else(|| reader.error(Reason::Value(what)))
}

/// Reads `StartTime` and `EndTime`.
pub(crate) async fn duration<P: Pull>(
    reader: &mut Reader<P>,
) -> Result<Option<(Timestamp, Timestamp)>, Failure> {
    let (mut start, mut end) = (None, None);
    while reader.child().await? {
        match reader.name() {
            b"StartTime" => start = Some(time_of(reader, "StartTime").await?),
            b"EndTime" => end = Some(time_of(reader, "EndTime").await?),
            _ => reader.skip().await?,
        }
    }
    Ok(start.zip(end))
}
