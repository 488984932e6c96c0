//! How an event repeats, as playbooks write it: one flat object, in which the words of a rule stand side by side.

use action_api::plan::Failure;
use exchange::{Month, Pattern, Recurrence, RecurrenceEnd, Week, Weekday};
use jiff::civil::Date;
use jiff::tz::TimeZone;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::failure::invalid;
use crate::input::Time;

/// A day without a time.
const DATE: &str = r"^\d{4}-\d{2}-\d{2}$";

/// What an event repeats every so many of.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Period {
    /// Days.
    Day,
    /// Weeks.
    Week,
    /// Months.
    Month,
    /// Years.
    Year,
}

/// How an event repeats.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[schemars(transform = crate::input::no_null_defaults)]
pub(crate) struct Repeats {
    /// `day`, `week`, `month` or `year`.
    pub(crate) every: Period,
    /// Every how many of them; of years only 1.
    #[serde(default = "one")]
    #[schemars(range(min = 1, max = 999))]
    pub(crate) interval: u32,
    /// On which days of the week: a `week` needs at least one; a `month` or `year` with `week` needs one, which may
    /// be `day`, `weekday` or `weekend_day`, too.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(length(max = 7))]
    pub(crate) days: Vec<Weekday>,
    /// On which day of the month, 1 to 31; a short month has it on its last day. Instead of `week`.
    #[serde(default, deserialize_with = "crate::input::present", skip_serializing_if = "Option::is_none")]
    #[schemars(with = "u8", range(min = 1, max = 31))]
    pub(crate) day_of_month: Option<u8>,
    /// In which week of the month, with a day in `days`.
    #[serde(default, deserialize_with = "crate::input::present", skip_serializing_if = "Option::is_none")]
    #[schemars(with = "Week")]
    pub(crate) week: Option<Week>,
    /// In which month; a `year` needs it.
    #[serde(default, deserialize_with = "crate::input::present", skip_serializing_if = "Option::is_none")]
    #[schemars(with = "Month")]
    pub(crate) month: Option<Month>,
    /// The first day, such as 2026-11-21; the day of `start` in UTC without it.
    #[serde(default, deserialize_with = "crate::input::present", skip_serializing_if = "Option::is_none")]
    #[schemars(with = "String", regex(pattern = DATE))]
    pub(crate) first_day: Option<String>,
    /// The last possible day, such as 2026-12-31. Without this and `times` it never ends.
    #[serde(default, deserialize_with = "crate::input::present", skip_serializing_if = "Option::is_none")]
    #[schemars(with = "String", regex(pattern = DATE))]
    pub(crate) last_day: Option<String>,
    /// After how many times it ends. Instead of `last_day`.
    #[serde(default, deserialize_with = "crate::input::present", skip_serializing_if = "Option::is_none")]
    #[schemars(with = "u32", range(min = 1, max = 999))]
    pub(crate) times: Option<u32>,
}

fn one() -> u32 {
    1
}

impl Repeats {
    /// The rule, of an event that begins at `start`.
    pub(crate) fn rule(&self, action: &str, start: Time) -> Result<Recurrence, Failure> {
        let wrong = |why: &str| invalid(format!("{action}: `repeats`: {why}"));
        let date = |text: &String| {
            text.parse::<Date>().map_err(|_| wrong("`first_day` and `last_day` are days such as 2026-11-21"))
        };
        let first = match &self.first_day {
            Some(first) => date(first)?,
            None => start.get().to_zoned(TimeZone::UTC).date(),
        };
        let end = match (&self.last_day, self.times) {
            (None, None) => RecurrenceEnd::Never,
            (Some(last), None) => RecurrenceEnd::On(date(last)?),
            (None, Some(times)) => RecurrenceEnd::After(times),
            (Some(_), Some(_)) => return Err(wrong("give `last_day` or `times`, not both")),
        };
        let rule = Recurrence { pattern: self.pattern().map_err(wrong)?, start: first, end };
        match rule.fault() {
            Some(fault) => Err(wrong(fault)),
            None => Ok(rule),
        }
    }

    fn pattern(&self) -> Result<Pattern, &'static str> {
        let interval = self.interval;
        let day = self.days.first().copied();
        let monthly = matches!(self.every, Period::Month | Period::Year);
        if !monthly && (self.day_of_month.is_some() || self.week.is_some()) {
            return Err("`day_of_month` and `week` belong to `every: month` and `every: year`");
        }
        if (self.every == Period::Year) != self.month.is_some() {
            return Err("`month` and `every: year` go together");
        }
        if self.every == Period::Day && !self.days.is_empty() {
            return Err("`days` do not belong to `every: day`");
        }
        if self.every == Period::Year && interval != 1 {
            return Err("every year only: `interval` is 1 there");
        }
        match (self.every, self.month) {
            (Period::Day, _) => Ok(Pattern::Daily { interval }),
            (Period::Week, _) => Ok(Pattern::Weekly { interval, days: self.days.clone() }),
            (_, month) => match (self.day_of_month, self.week, day, month) {
                (Some(day), None, None, None) => Ok(Pattern::Monthly { interval, day }),
                (Some(day), None, None, Some(month)) => Ok(Pattern::Yearly { month, day }),
                (None, Some(week), Some(day), None) => Ok(Pattern::MonthlyOn { interval, week, day }),
                (None, Some(week), Some(day), Some(month)) => Ok(Pattern::YearlyOn { month, week, day }),
                _ => Err("a month or year needs `day_of_month`, or `week` with one of `days`"),
            },
        }
    }
}

impl From<&Recurrence> for Repeats {
    fn from(rule: &Recurrence) -> Self {
        let mut repeats = Repeats {
            every: Period::Day,
            interval: 1,
            days: Vec::new(),
            day_of_month: None,
            week: None,
            month: None,
            first_day: Some(rule.start.to_string()),
            last_day: None,
            times: None,
        };
        match rule.end {
            RecurrenceEnd::Never => {}
            RecurrenceEnd::On(last) => repeats.last_day = Some(last.to_string()),
            RecurrenceEnd::After(times) => repeats.times = Some(times),
        }
        match &rule.pattern {
            Pattern::Daily { interval } => repeats.interval = *interval,
            Pattern::Weekly { interval, days } => {
                (repeats.every, repeats.interval) = (Period::Week, *interval);
                repeats.days.clone_from(days);
            }
            Pattern::Monthly { interval, day } => {
                (repeats.every, repeats.interval) = (Period::Month, *interval);
                repeats.day_of_month = Some(*day);
            }
            Pattern::MonthlyOn { interval, week, day } => {
                (repeats.every, repeats.interval) = (Period::Month, *interval);
                (repeats.week, repeats.days) = (Some(*week), vec![*day]);
            }
            Pattern::Yearly { month, day } => {
                (repeats.every, repeats.month) = (Period::Year, Some(*month));
                repeats.day_of_month = Some(*day);
            }
            Pattern::YearlyOn { month, week, day } => {
                (repeats.every, repeats.month) = (Period::Year, Some(*month));
                (repeats.week, repeats.days) = (Some(*week), vec![*day]);
            }
        }
        repeats
    }
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;

    fn rule(written: Value) -> Result<Recurrence, String> {
        let repeats: Repeats = serde_json::from_value(written).map_err(|error| error.to_string())?;
        let start = "2026-11-21T23:30:00Z".parse::<jiff::Timestamp>().map_err(|error| error.to_string())?;
        repeats.rule("calendar.create_event", start.into()).map_err(|failure| failure.message)
    }

    #[test]
    fn what_is_written_is_read_back() {
        for written in [
            json!({ "every": "day", "interval": 3, "first_day": "2026-11-21" }),
            json!({ "every": "week", "interval": 1, "days": ["monday", "friday"], "first_day": "2026-11-22", "times": 4 }),
            json!({ "every": "month", "interval": 2, "day_of_month": 31, "first_day": "2026-11-21" }),
            json!({ "every": "month", "interval": 1, "week": "last", "days": ["weekend_day"], "first_day": "2026-11-21" }),
            json!({ "every": "year", "interval": 1, "month": "may", "day_of_month": 1, "first_day": "2026-11-21" }),
            json!({ "every": "year", "interval": 1, "month": "may", "week": "first", "days": ["sunday"],
                    "first_day": "2026-11-21", "last_day": "2030-01-01" }),
        ] {
            let read = rule(written.clone()).unwrap();
            assert_eq!(serde_json::to_value(Repeats::from(&read)).unwrap(), written);
        }
        let first = rule(json!({ "every": "day" })).unwrap();
        assert_eq!(first.start.to_string(), "2026-11-21", "the day of the start");
    }

    #[test]
    fn what_makes_no_rule_is_refused_with_words() {
        for (written, words) in [
            (json!({ "every": "week" }), "at least one day"),
            (json!({ "every": "month" }), "needs `day_of_month`"),
            (json!({ "every": "month", "week": "last" }), "needs `day_of_month`"),
            (json!({ "every": "month", "day_of_month": 1, "week": "last", "days": ["monday"] }), "needs"),
            (json!({ "every": "year", "day_of_month": 1 }), "`month` and"),
            (json!({ "every": "month", "month": "may", "day_of_month": 1 }), "`month` and"),
            (json!({ "every": "day", "days": ["monday"] }), "`days`"),
            (json!({ "every": "day", "day_of_month": 1 }), "belong to"),
            (json!({ "every": "day", "interval": 0 }), "1 to 999"),
            (json!({ "every": "day", "times": 2, "last_day": "2030-01-01" }), "not both"),
            (json!({ "every": "day", "last_day": "2030-02-30" }), "days such as"),
            (json!({ "every": "day", "last_day": "2020-01-01" }), "ends before"),
        ] {
            let error = rule(written.clone()).unwrap_err();
            assert!(error.contains(words), "{written}: {error}");
        }
    }
}
