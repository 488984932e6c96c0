//! How a calendar item repeats:
//! [Recurrence](https://learn.microsoft.com/exchange/client-developer/web-service-reference/recurrence-recurrencetype).

use exchange::{Month, Pattern, Recurrence, RecurrenceEnd, Week, Weekday};
use jiff::civil::Date;

use crate::failure::Failure;
use crate::xml::{Pull, Reader, Writer};

/// Writes `t:Recurrence`.
pub(crate) fn write(recurrence: &Recurrence, out: &mut Writer) {
    if let Some(words) = recurrence.fault() {
        out.refuse(words.to_owned());
    }
    out.open("t:Recurrence", &[]);
    write_pattern(&recurrence.pattern, out);
    let (name, end) = match recurrence.end {
        RecurrenceEnd::Never => ("t:NoEndRecurrence", None),
        RecurrenceEnd::On(last) => ("t:EndDateRecurrence", Some(("t:EndDate", last.to_string()))),
        RecurrenceEnd::After(count) => {
            ("t:NumberedRecurrence", Some(("t:NumberOfOccurrences", count.to_string())))
        }
    };
    out.open(name, &[]);
    out.word("t:StartDate", &recurrence.start.to_string());
    if let Some((element, value)) = end {
        out.word(element, &value);
    }
    out.close(name);
    out.close("t:Recurrence");
}

fn write_pattern(pattern: &Pattern, out: &mut Writer) {
    let number = |value: u32| value.to_string();
    match pattern {
        Pattern::Daily { interval } => {
            out.open("t:DailyRecurrence", &[]);
            out.word("t:Interval", &number(*interval));
            out.close("t:DailyRecurrence");
        }
        Pattern::Weekly { interval, days } => {
            let days: Vec<&str> = days.iter().map(|day| day.as_str()).collect();
            out.open("t:WeeklyRecurrence", &[]);
            out.word("t:Interval", &number(*interval));
            out.word("t:DaysOfWeek", &days.join(" "));
            out.close("t:WeeklyRecurrence");
        }
        Pattern::Monthly { interval, day } => {
            out.open("t:AbsoluteMonthlyRecurrence", &[]);
            out.word("t:Interval", &number(*interval));
            out.word("t:DayOfMonth", &day.to_string());
            out.close("t:AbsoluteMonthlyRecurrence");
        }
        Pattern::MonthlyOn { interval, week, day } => {
            out.open("t:RelativeMonthlyRecurrence", &[]);
            out.word("t:Interval", &number(*interval));
            out.word("t:DaysOfWeek", day.as_str());
            out.word("t:DayOfWeekIndex", week.as_str());
            out.close("t:RelativeMonthlyRecurrence");
        }
        Pattern::Yearly { month, day } => {
            out.open("t:AbsoluteYearlyRecurrence", &[]);
            out.word("t:DayOfMonth", &day.to_string());
            out.word("t:Month", month.as_str());
            out.close("t:AbsoluteYearlyRecurrence");
        }
        Pattern::YearlyOn { month, week, day } => {
            out.open("t:RelativeYearlyRecurrence", &[]);
            out.word("t:DaysOfWeek", day.as_str());
            out.word("t:DayOfWeekIndex", week.as_str());
            out.word("t:Month", month.as_str());
            out.close("t:RelativeYearlyRecurrence");
        }
    }
}

/// The parts of a recurrence as they come.
#[derive(Default)]
struct Parts {
    interval: Option<u32>,
    days: Vec<Weekday>,
    week: Option<Week>,
    day: Option<u8>,
    month: Option<Month>,
    start: Option<Date>,
    last: Option<Date>,
    count: Option<u32>,
}

/// Reads the current element. A pattern of a later version is `None`: the item is worth more than how it repeats.
pub(crate) async fn read<P: Pull>(reader: &mut Reader<P>) -> Result<Option<Recurrence>, Failure> {
    let mut parts = Parts::default();
    let mut pattern = String::new();
    let mut end = String::new();
    while reader.child().await? {
        let name = String::from_utf8_lossy(reader.name()).into_owned();
        let is_range =
            ["NoEndRecurrence", "EndDateRecurrence", "NumberedRecurrence"].contains(&name.as_str());
        while reader.child().await? {
            parts.read(reader).await?;
        }
        *(if is_range { &mut end } else { &mut pattern }) = name;
    }
    Ok(parts.recurrence(&pattern, &end))
}

impl Parts {
    async fn read<P: Pull>(&mut self, reader: &mut Reader<P>) -> Result<(), Failure> {
        let name = reader.name().to_vec();
        let text = reader.text().await?;
        let text = text.trim();
        // Servers write dates with a zone, e.g. `2026-11-21Z` or `2026-11-21-08:00`.
        let date = || text.get(..10).and_then(|date| date.parse::<Date>().ok());
        match name.as_slice() {
            b"Interval" => self.interval = text.parse().ok(),
            b"DaysOfWeek" => self.days = text.split_ascii_whitespace().filter_map(Weekday::of).collect(),
            b"DayOfWeekIndex" => self.week = Week::of(text),
            b"DayOfMonth" => self.day = text.parse().ok(),
            b"Month" => self.month = Month::of(text),
            b"StartDate" => self.start = date(),
            b"EndDate" => self.last = date(),
            b"NumberOfOccurrences" => self.count = text.parse().ok(),
            _ => {}
        }
        Ok(())
    }

    fn recurrence(self, pattern: &str, end: &str) -> Option<Recurrence> {
        let first = self.days.first().copied();
        let pattern = match pattern {
            "DailyRecurrence" => Pattern::Daily { interval: self.interval? },
            "WeeklyRecurrence" => Pattern::Weekly { interval: self.interval?, days: self.days },
            "AbsoluteMonthlyRecurrence" => Pattern::Monthly { interval: self.interval?, day: self.day? },
            "RelativeMonthlyRecurrence" => {
                Pattern::MonthlyOn { interval: self.interval?, week: self.week?, day: first? }
            }
            "AbsoluteYearlyRecurrence" => Pattern::Yearly { month: self.month?, day: self.day? },
            "RelativeYearlyRecurrence" => {
                Pattern::YearlyOn { month: self.month?, week: self.week?, day: first? }
            }
            _ => return None,
        };
        let end = match end {
            "NoEndRecurrence" => RecurrenceEnd::Never,
            "EndDateRecurrence" => RecurrenceEnd::On(self.last?),
            "NumberedRecurrence" => RecurrenceEnd::After(self.count?),
            _ => return None,
        };
        Some(Recurrence { pattern, start: self.start?, end })
    }
}
