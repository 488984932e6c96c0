//! How an event of a calendar repeats.
//!
//! The patterns are those that every calendar of an Exchange mailbox has, whichever wire it is reached by. Dates are
//! days of the event's time zone. Left out: which moments the days come to, because only the server knows its zones.

use jiff::civil::Date;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// How an event repeats.
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
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize, JsonSchema)]
        #[serde(rename_all = "snake_case")]
        #[allow(missing_docs, reason = "a value says what it is by its name")]
        pub enum $name { $($value),+ }

        impl $name {
            /// Every one of them, in order.
            pub const ALL: &'static [$name] = &[$($name::$value),+];

            /// Its English name, e.g. `Monday` or `Last`.
            pub fn as_str(self) -> &'static str {
                match self { $($name::$value => stringify!($value)),+ }
            }

            /// The value with this English name.
            pub fn of(name: &str) -> Option<Self> {
                Self::ALL.iter().copied().find(|value| value.as_str() == name.trim())
            }
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
    /// What any server would refuse, in words; `None` if it is sound.
    pub fn fault(&self) -> Option<&'static str> {
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
}
