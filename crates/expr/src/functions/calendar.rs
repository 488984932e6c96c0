//! The parts of a time, as CEL names them, and its forms for people.
//!
//! There is no database of time zones here: its data changes, and a run must give the same answer when it is played
//! back next year. An offset like `+02:00` is part of the playbook and does not change.

use super::time::{SECOND, civil_from_days, days_from_civil, in_range, parse_offset, parse_timestamp};
use super::{Context, Entry, Function, Param};
use crate::budget::{EvalError, EvalErrorKind};
use crate::types::Type;
use crate::val::Val;

type Given<'a> = Result<Val<'a>, EvalError>;

const DAY: i64 = 86_400 * SECOND;

const fn part(entry: Entry, params: &'static [Param], eval: super::Eval) -> Function {
    Function::new(entry, params, |_| Type::int(), eval).required(1)
}

const POINT: &[Param] = &[Param::Timestamp, Param::Text];
const POINT_OR_LENGTH: &[Param] = &[Param::TimestampOrDuration, Param::Text];

pub(super) const TABLE: &[Function] = &[
    part(
        Entry {
            name: "getFullYear",
            signature: "getFullYear(time: timestamp, offset: string = \"Z\") -> int",
            doc: "The year. Offsets are written like `+02:00`; they are fixed, so daylight saving is yours to choose.",
            example: "timestamp(\"2026-03-01T00:30:00Z\").getFullYear()",
            result: "2026",
        },
        POINT,
        |c, a| Ok(Val::Int(civil(c, a)?.0)),
    ),
    part(
        Entry {
            name: "getMonth",
            signature: "getMonth(time: timestamp, offset: string = \"Z\") -> int",
            doc: "The month counted from 0, as in CEL: March is 2.",
            example: "timestamp(\"2026-03-01T00:30:00Z\").getMonth()",
            result: "2",
        },
        POINT,
        |c, a| Ok(Val::Int(civil(c, a)?.1 - 1)),
    ),
    part(
        Entry {
            name: "getDate",
            signature: "getDate(time: timestamp, offset: string = \"Z\") -> int",
            doc: "The day of the month counted from 1.",
            example: "timestamp(\"2026-03-01T00:30:00Z\").getDate(\"-01:00\")",
            result: "28",
        },
        POINT,
        |c, a| Ok(Val::Int(civil(c, a)?.2)),
    ),
    part(
        Entry {
            name: "getDayOfMonth",
            signature: "getDayOfMonth(time: timestamp, offset: string = \"Z\") -> int",
            doc: "The day of the month counted from 0, as in CEL; `getDate` counts from 1.",
            example: "timestamp(\"2026-03-01T00:30:00Z\").getDayOfMonth()",
            result: "0",
        },
        POINT,
        |c, a| Ok(Val::Int(civil(c, a)?.2 - 1)),
    ),
    part(
        Entry {
            name: "getDayOfWeek",
            signature: "getDayOfWeek(time: timestamp, offset: string = \"Z\") -> int",
            doc: "The day of the week: 0 is Sunday, 6 is Saturday.",
            example: "timestamp(\"2026-03-01T00:30:00Z\").getDayOfWeek() in [0, 6]",
            result: "true",
        },
        POINT,
        // 1970-01-01 was a Thursday.
        |c, a| Ok(Val::Int((local(c, a)?.div_euclid(DAY) + 4).rem_euclid(7))),
    ),
    part(
        Entry {
            name: "getDayOfYear",
            signature: "getDayOfYear(time: timestamp, offset: string = \"Z\") -> int",
            doc: "The day of the year counted from 0.",
            example: "timestamp(\"2026-03-01T00:30:00Z\").getDayOfYear()",
            result: "59",
        },
        POINT,
        |c, a| {
            let days = local(c, a)?.div_euclid(DAY);
            Ok(Val::Int(days - days_from_civil(civil_from_days(days).0, 1, 1)))
        },
    ),
    part(
        Entry {
            name: "getHours",
            signature: "getHours(time: timestamp | duration, offset: string = \"Z\") -> int",
            doc: "The hour of the day, 0 to 23; of a duration all its hours.",
            example: "timestamp(\"2026-03-01T00:30:00Z\").getHours(\"+01:00\")",
            result: "1",
        },
        POINT_OR_LENGTH,
        |c, a| clock(c, a, 3600 * SECOND, 24),
    ),
    part(
        Entry {
            name: "getMinutes",
            signature: "getMinutes(time: timestamp | duration, offset: string = \"Z\") -> int",
            doc: "The minute of the hour; of a duration all its minutes.",
            example: "duration(\"1h30m\").getMinutes()",
            result: "90",
        },
        POINT_OR_LENGTH,
        |c, a| clock(c, a, 60 * SECOND, 60),
    ),
    part(
        Entry {
            name: "getSeconds",
            signature: "getSeconds(time: timestamp | duration, offset: string = \"Z\") -> int",
            doc: "The second of the minute; of a duration all its seconds.",
            example: "(timestamp(\"2026-03-01T00:30:00Z\") - timestamp(\"2026-03-01T00:28:00Z\")).getSeconds()",
            result: "120",
        },
        POINT_OR_LENGTH,
        |c, a| clock(c, a, SECOND, 60),
    ),
    part(
        Entry {
            name: "getMilliseconds",
            signature: "getMilliseconds(time: timestamp, offset: string = \"Z\") -> int",
            doc: "The thousandths of the second.",
            example: "timestamp(\"2026-03-01T00:30:00.25Z\").getMilliseconds()",
            result: "250",
        },
        POINT,
        |c, a| Ok(Val::Int(local(c, a)?.rem_euclid(SECOND) / 1000)),
    ),
    Function::new(
        Entry {
            name: "date",
            signature: "date(time: timestamp | string, offset: string = \"Z\") -> string",
            doc: "The day as `2026-03-01`. `string(time)` gives the whole time as RFC 3339 in UTC.",
            example: "date(\"2026-03-01T23:30:00Z\", \"+01:00\")",
            result: r#""2026-03-02""#,
        },
        &[Param::TextOrTimestamp, Param::Text],
        |_| Type::string(),
        |c, a| {
            let (year, month, day) = civil(c, a)?;
            c.give(format!("{year:04}-{month:02}-{day:02}"))
        },
    )
    .required(1),
    Function::new(
        Entry {
            name: "datetime",
            signature: "datetime(time: timestamp | string, offset: string = \"Z\") -> string",
            doc: "Day and minute for people: `2026-03-01 00:30 UTC`, or with the offset.",
            example: "datetime(\"2026-03-01T00:30:00Z\", \"+01:00\")",
            result: r#""2026-03-01 01:30 +01:00""#,
        },
        &[Param::TextOrTimestamp, Param::Text],
        |_| Type::string(),
        datetime,
    )
    .required(1),
];

/// The time of the first argument, moved by the offset of the second so that its parts are those of local clocks.
fn local(c: &mut Context<'_>, args: &[Val<'_>]) -> Result<i64, EvalError> {
    c.budget.step(4, c.span)?;
    let at = match args.first() {
        Some(Val::Timestamp(at)) => *at,
        Some(Val::Text(_)) => parse_timestamp(c.text(args, 0)?)
            .ok_or_else(|| c.conversion("the text is not a time like `2026-03-01T12:00:00Z`"))?,
        other => return Err(c.wrong("a timestamp", other)),
    };
    let offset = offset(c, args)?;
    let moved = at.checked_add(offset).and_then(in_range);
    moved.ok_or_else(|| c.error(EvalErrorKind::Arithmetic, "the time leaves the years 1 to 9999"))
}

fn offset(c: &mut Context<'_>, args: &[Val<'_>]) -> Result<i64, EvalError> {
    if args.len() < 2 {
        return Ok(0);
    }
    let text = c.text(args, 1)?;
    if text == "UTC" {
        return Ok(0);
    }
    let seconds = parse_offset(text);
    Ok(seconds.ok_or_else(|| c.conversion("the offset is not written like `+02:00`"))? * SECOND)
}

fn civil(c: &mut Context<'_>, args: &[Val<'_>]) -> Result<(i64, i64, i64), EvalError> {
    Ok(civil_from_days(local(c, args)?.div_euclid(DAY)))
}

fn clock<'a>(c: &mut Context<'_>, args: &[Val<'a>], unit: i64, turn: i64) -> Given<'a> {
    if let Some(Val::Duration(long)) = args.first() {
        offset(c, args)?;
        return Ok(Val::Int(long / unit));
    }
    Ok(Val::Int((local(c, args)?.rem_euclid(DAY) / unit) % turn))
}

fn datetime<'a>(c: &mut Context<'_>, args: &[Val<'a>]) -> Given<'a> {
    let at = local(c, args)?;
    let (year, month, day) = civil_from_days(at.div_euclid(DAY));
    let minutes = at.rem_euclid(DAY) / (60 * SECOND);
    let zone = match args.get(1).and_then(Val::as_text) {
        Some(text) if offset(c, args)? != 0 => text,
        _ => "UTC",
    };
    let text = format!("{year:04}-{month:02}-{day:02} {:02}:{:02} {zone}", minutes / 60, minutes % 60);
    c.give(text)
}
