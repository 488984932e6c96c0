//! How a calendar item repeats:
//! [Recurrence](https://learn.microsoft.com/exchange/client-developer/web-service-reference/recurrence-recurrencetype).

use jiff::civil::Date;

use super::value::{Word, word};
use crate::failure::Failure;
use crate::xml::{Pull, Reader, Writer};

/// How a calendar item repeats. Dates are those of the item's time zone.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Recurrence {
    /// On which days.
    pub pattern: Pattern,
    /// The first day.
    pub start: Date,
    /// Until when.
    pub end: RecurrenceEnd,
}

/// Until when something repeats.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum RecurrenceEnd {
    /// For ever.
    Never,
    /// The last possible day.
    On(Date),
    /// After so many times.
    After(u32),
}

/// On which days something repeats.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum Pattern {
    /// Every so many days.
    Daily {
        /// How many.
        interval: u32,
    },
    /// Every so many weeks on some days.
    Weekly {
        /// How many.
        interval: u32,
        /// On which days of the week.
        days: Vec<Weekday>,
    },
    /// Every so many months on a day of the month.
    Monthly {
        /// How many.
        interval: u32,
        /// The day, 1 to 31; a short month has it on its last day.
        day: u8,
    },
    /// Every so many months on a day such as the second Tuesday.
    MonthlyOn {
        /// How many.
        interval: u32,
        /// Which week.
        week: Week,
        /// Which day.
        day: Weekday,
    },
    /// Every year on a date.
    Yearly {
        /// The month.
        month: Month,
        /// The day, 1 to 31.
        day: u8,
    },
    /// Every year on a day such as the last Sunday of a month.
    YearlyOn {
        /// The month.
        month: Month,
        /// Which week.
        week: Week,
        /// Which day.
        day: Weekday,
    },
}

macro_rules! words {
    ($(#[$doc:meta])* $name:ident { $($value:ident),+ $(,)? }) => {
        $(#[$doc])*
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
        #[allow(missing_docs, reason = "a value says what it is by its name")]
        pub enum $name { $($value),+ }

        impl $name {
            /// Every one of them.
            pub const ALL: &'static [$name] = &[$($name::$value),+];
        }

        impl Word for $name {
            const WORDS: &'static [(Self, &'static str)] = &[$(($name::$value, stringify!($value))),+];
        }
    };
}

words! {
    /// A day of the week, or a kind of day.
    Weekday {
        Sunday, Monday, Tuesday, Wednesday, Thursday, Friday, Saturday, Day, Weekday, WeekendDay,
    }
}

words! {
    /// Which of the weeks of a month.
    Week { First, Second, Third, Fourth, Last }
}

words! {
    /// A month.
    Month {
        January, February, March, April, May, June, July, August, September, October, November, December,
    }
}

impl Recurrence {
    /// What the schema or a server would refuse; `None` if it is sound.
    pub(crate) fn fault(&self) -> Option<&'static str> {
        let interval = match &self.pattern {
            Pattern::Daily { interval }
            | Pattern::Weekly { interval, .. }
            | Pattern::Monthly { interval, .. }
            | Pattern::MonthlyOn { interval, .. } => *interval,
            Pattern::Yearly { .. } | Pattern::YearlyOn { .. } => 1,
        };
        let day = match &self.pattern {
            Pattern::Monthly { day, .. } | Pattern::Yearly { day, .. } => *day,
            _ => 1,
        };
        match (&self.pattern, self.end) {
            _ if !(1..=999).contains(&interval) => Some("the interval of a recurrence is 1 to 999"),
            _ if !(1..=31).contains(&day) => Some("the day of a month is 1 to 31"),
            (Pattern::Weekly { days, .. }, _) if days.is_empty() => {
                Some("a weekly recurrence needs at least one day of the week")
            }
            (_, RecurrenceEnd::On(last)) if last < self.start => Some("a recurrence ends before it starts"),
            (_, RecurrenceEnd::After(count)) if !(1..=999).contains(&count) => {
                Some("a recurrence takes place 1 to 999 times")
            }
            _ => None,
        }
    }

    /// Writes `t:Recurrence`.
    pub(crate) fn write(&self, out: &mut Writer) {
        out.open("t:Recurrence", &[]);
        self.pattern.write(out);
        let (name, end) = match self.end {
            RecurrenceEnd::Never => ("t:NoEndRecurrence", None),
            RecurrenceEnd::On(last) => ("t:EndDateRecurrence", Some(("t:EndDate", last.to_string()))),
            RecurrenceEnd::After(count) => {
                ("t:NumberedRecurrence", Some(("t:NumberOfOccurrences", count.to_string())))
            }
        };
        out.open(name, &[]);
        out.word("t:StartDate", &self.start.to_string());
        if let Some((element, value)) = end {
            out.word(element, &value);
        }
        out.close(name);
        out.close("t:Recurrence");
    }
}

impl Pattern {
    fn write(&self, out: &mut Writer) {
        let number = |value: u32| value.to_string();
        match self {
            Pattern::Daily { interval } => {
                out.open("t:DailyRecurrence", &[]);
                out.word("t:Interval", &number(*interval));
                out.close("t:DailyRecurrence");
            }
            Pattern::Weekly { interval, days } => {
                let days: Vec<&str> = days.iter().map(|day| word(*day)).collect();
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
                out.word("t:DaysOfWeek", word(*day));
                out.word("t:DayOfWeekIndex", word(*week));
                out.close("t:RelativeMonthlyRecurrence");
            }
            Pattern::Yearly { month, day } => {
                out.open("t:AbsoluteYearlyRecurrence", &[]);
                out.word("t:DayOfMonth", &day.to_string());
                out.word("t:Month", word(*month));
                out.close("t:AbsoluteYearlyRecurrence");
            }
            Pattern::YearlyOn { month, week, day } => {
                out.open("t:RelativeYearlyRecurrence", &[]);
                out.word("t:DaysOfWeek", word(*day));
                out.word("t:DayOfWeekIndex", word(*week));
                out.word("t:Month", word(*month));
                out.close("t:RelativeYearlyRecurrence");
            }
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
