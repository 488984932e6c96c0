//! Times and durations without a clock: they are read from text, compared and added.
//!
//! Inside an expression they are whole microseconds, so sums are exact. JSON has no type for them, so they leave
//! an expression as text: RFC 3339 in UTC, and seconds with `s`, the forms CEL gives them. Years 1 to 9999.

use super::{Context, Entry, Function, Param};
use crate::budget::EvalError;
use crate::types::Type;
use crate::val::Val;

/// Microseconds in a second.
pub(crate) const SECOND: i64 = 1_000_000;
const DAY: i64 = 86_400 * SECOND;
const FIRST: i64 = -62_135_596_800 * SECOND;
const LAST: i64 = 253_402_300_800 * SECOND - 1;

pub(super) const TABLE: &[Function] = &[
    Function::new(
        Entry {
            name: "timestamp",
            signature: "timestamp(text: string) -> timestamp",
            doc: "A point in time from RFC 3339 text. Times are compared with `<`, and their difference is a duration.",
            example: "timestamp(\"2026-03-01T00:30:00+01:00\") + duration(\"1h\")",
            result: r#""2026-03-01T00:30:00Z""#,
        },
        &[Param::TextOrTimestamp],
        |_| Type::timestamp(),
        |c, a| match a.first() {
            Some(Val::Timestamp(at)) => Ok(Val::Timestamp(*at)),
            _ => read(c, a, parse_timestamp, "the text is not a time like `2026-03-01T12:00:00Z`")
                .map(Val::Timestamp),
        },
    ),
    Function::new(
        Entry {
            name: "duration",
            signature: "duration(text: string) -> duration",
            doc: "A length of time from numbers with `d`, `h`, `m`, `s`, `ms` or `us`, such as `1h30m`.",
            example: "duration(\"1h30m\")",
            result: r#""5400s""#,
        },
        &[Param::TextOrDuration],
        |_| Type::duration(),
        |c, a| match a.first() {
            Some(Val::Duration(long)) => Ok(Val::Duration(*long)),
            _ => read(c, a, parse_duration, "the text is not a duration like `1h30m`").map(Val::Duration),
        },
    ),
];

fn read(
    c: &mut Context<'_>,
    args: &[Val<'_>],
    parse: fn(&str) -> Option<i64>,
    wrong: &str,
) -> Result<i64, EvalError> {
    let text = c.text(args, 0)?;
    c.budget.step(4, c.span)?;
    parse(text).ok_or_else(|| c.conversion(wrong))
}

/// The time itself if its year has four digits.
pub(crate) fn in_range(at: i64) -> Option<i64> {
    (FIRST..=LAST).contains(&at).then_some(at)
}

/// Days since 1970-01-01 of a date of the Gregorian calendar (Howard Hinnant, "chrono-compatible low-level date
/// algorithms").
pub(crate) fn days_from_civil(year: i64, month: i64, day: i64) -> i64 {
    let year = if month <= 2 { year - 1 } else { year };
    let era = year.div_euclid(400);
    let year_of_era = year - era * 400;
    let day_of_year = (153 * ((month + 9) % 12) + 2) / 5 + day - 1;
    era * 146_097 + year_of_era * 365 + year_of_era / 4 - year_of_era / 100 + day_of_year - 719_468
}

pub(crate) fn civil_from_days(days: i64) -> (i64, i64, i64) {
    let days = days + 719_468;
    let era = days.div_euclid(146_097);
    let day_of_era = days - era * 146_097;
    let year_of_era = (day_of_era - day_of_era / 1460 + day_of_era / 36_524 - day_of_era / 146_096) / 365;
    let day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    let shifted = (5 * day_of_year + 2) / 153;
    let day = day_of_year - (153 * shifted + 2) / 5 + 1;
    let month = if shifted < 10 { shifted + 3 } else { shifted - 9 };
    let year = year_of_era + era * 400 + i64::from(month <= 2);
    (year, month, day)
}

fn digits(text: &str, from: usize, count: usize) -> Option<i64> {
    let part = text.get(from..from + count)?;
    if part.bytes().all(|b| b.is_ascii_digit()) { part.parse().ok() } else { None }
}

pub(crate) fn parse_timestamp(text: &str) -> Option<i64> {
    let (year, month, day) = (digits(text, 0, 4)?, digits(text, 5, 2)?, digits(text, 8, 2)?);
    let (hour, minute, second) = (digits(text, 11, 2)?, digits(text, 14, 2)?, digits(text, 17, 2)?);
    let marks: Vec<u8> =
        [4, 7, 10, 13, 16].iter().filter_map(|at| text.as_bytes().get(*at).copied()).collect();
    if !matches!(marks.as_slice(), [b'-', b'-', b'T' | b't', b':', b':']) {
        return None;
    }
    let days = days_from_civil(year, month, day);
    if !(1..=12).contains(&month) || day < 1 || civil_from_days(days) != (year, month, day) {
        return None;
    }
    if hour > 23 || minute > 59 || second > 59 {
        return None;
    }
    let mut rest = text.get(19..)?;
    let mut micros = 0;
    if let Some(fraction) = rest.strip_prefix('.') {
        let end = fraction.find(|c: char| !c.is_ascii_digit())?;
        if end == 0 || end > 9 {
            return None;
        }
        let six: String = fraction.chars().take(end).chain("000000".chars()).take(6).collect();
        micros = six.parse().ok()?;
        rest = fraction.get(end..)?;
    }
    let seconds = hour * 3600 + minute * 60 + second - parse_offset(rest)?;
    in_range(days * DAY + seconds * SECOND + micros)
}

/// The seconds of an offset from UTC such as `+02:00` or `Z`.
pub(crate) fn parse_offset(text: &str) -> Option<i64> {
    if matches!(text, "Z" | "z") {
        return Some(0);
    }
    let sign = if text.starts_with('-') { -1 } else { 1 };
    let (hours, minutes) = (digits(text, 1, 2)?, digits(text, 4, 2)?);
    let shape = text.len() == 6 && text.starts_with(['+', '-']) && text.get(3..4) == Some(":");
    (shape && hours <= 23 && minutes <= 59).then_some(sign * (hours * 3600 + minutes * 60))
}

pub(crate) fn format_timestamp(at: i64) -> String {
    let (year, month, day) = civil_from_days(at.div_euclid(DAY));
    let rest = at.rem_euclid(DAY);
    let (seconds, micros) = (rest / SECOND, rest % SECOND);
    let (hour, minute, second) = (seconds / 3600, seconds / 60 % 60, seconds % 60);
    format!("{year:04}-{month:02}-{day:02}T{hour:02}:{minute:02}:{second:02}{}Z", fraction(micros))
}

fn fraction(micros: i64) -> String {
    if micros == 0 { String::new() } else { format!(".{micros:06}").trim_end_matches('0').to_owned() }
}

fn parse_duration(text: &str) -> Option<i64> {
    let (negative, mut rest) = text.strip_prefix('-').map_or((false, text), |rest| (true, rest));
    if rest.is_empty() || rest.len() > 64 {
        return None;
    }
    let mut total: i128 = 0;
    while !rest.is_empty() {
        let end = rest.find(|c: char| !c.is_ascii_digit() && c != '.')?;
        let (number, after) = rest.split_at(end);
        let (unit, left) = after.split_at(after.find(|c: char| c.is_ascii_digit()).unwrap_or(after.len()));
        let scale: i128 = match unit {
            "d" => DAY.into(),
            "h" => i128::from(SECOND) * 3600,
            "m" => i128::from(SECOND) * 60,
            "s" => SECOND.into(),
            "ms" => 1000,
            "us" => 1,
            _ => return None,
        };
        let (whole, part) = number.split_once('.').unwrap_or((number, "0"));
        if whole.is_empty() || part.is_empty() || whole.len() > 18 || part.len() > 9 {
            return None;
        }
        let divisor = 10_i128.checked_pow(u32::try_from(part.len()).ok()?)?;
        total += whole.parse::<i128>().ok()? * scale + part.parse::<i128>().ok()? * scale / divisor;
        rest = left;
    }
    i64::try_from(if negative { -total } else { total }).ok()
}

pub(crate) fn format_duration(long: i64) -> String {
    let sign = if long < 0 { "-" } else { "" };
    let long = long.unsigned_abs();
    let micros = i64::try_from(long % 1_000_000).unwrap_or(0);
    format!("{sign}{}{}s", long / 1_000_000, fraction(micros))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_survive_reading_and_writing() {
        for text in [
            "1970-01-01T00:00:00Z",
            "2024-02-29T23:59:59.25Z",
            "0001-01-01T00:00:00Z",
            "9999-12-31T23:59:59.999999Z",
            "1969-12-31T23:59:59Z",
        ] {
            assert_eq!(format_timestamp(parse_timestamp(text).unwrap()), text);
        }
        assert_eq!(parse_timestamp("1970-01-01T01:00:00+01:00"), Some(0));
        for bad in [
            "2023-02-29T00:00:00Z",
            "2024-13-01T00:00:00Z",
            "2024-01-01 00:00:00Z",
            "2024-01-01T24:00:00Z",
            "2024-01-01T00:00:00",
            "2024-01-01T00:00:00+1:00",
            "2024-01-01T00:00:00.Z",
            "+024-01-01T00:00:00Z",
            "",
            "2024-01-0äT00:00:00Z",
            "0001-01-01T00:00:00+01:00",
        ] {
            assert_eq!(parse_timestamp(bad), None, "{bad}");
        }
    }

    #[test]
    fn durations_add_their_parts() {
        assert_eq!(parse_duration("1h30m"), Some(5400 * SECOND));
        assert_eq!(parse_duration("-1.5s"), Some(-1_500_000));
        assert_eq!(parse_duration("2d"), Some(2 * DAY));
        assert_eq!(format_duration(-1_500_000), "-1.5s");
        for bad in ["", "5", "h", "1x", "1.s", ".5s", "1h-2m", "9999999999999999999d", "1..2s"] {
            assert_eq!(parse_duration(bad), None, "{bad}");
        }
    }
}
