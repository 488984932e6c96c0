//! The two ways an answer writes a time.

use jiff::Timestamp;
use jiff::civil::DateTime;
use jiff::fmt::rfc2822;
use jiff::tz::TimeZone;

/// An `xs:dateTime` as RFC 3339 in UTC. Exchange writes UTC; a time without a zone is taken as that, one
/// with another zone is converted. What cannot be read is `None`: a mail is worth more than its date.
pub(crate) fn utc(text: &str) -> Option<String> {
    let text = text.trim();
    let time = timestamp(text)?;
    let is_plain = text.len() == 20 && text.ends_with('Z') && text.as_bytes().get(10) == Some(&b'T');
    Some(if is_plain { text.to_owned() } else { time.to_string() })
}

/// An `xs:dateTime` as a moment. As [`utc`]: without a zone it is UTC, and what cannot be read is `None`.
pub(crate) fn timestamp(text: &str) -> Option<Timestamp> {
    let text = text.trim();
    text.parse()
        .ok()
        .or_else(|| Some(text.parse::<DateTime>().ok()?.to_zoned(TimeZone::UTC).ok()?.timestamp()))
}

/// An HTTP date in seconds since 1970.
pub(crate) fn http_date(text: &str) -> Option<i64> {
    rfc2822::DateTimeParser::new().parse_timestamp(text).ok().map(Timestamp::as_second)
}
