//! When people are free: what their calendars tell others, and when they work.
//!
//! It comes from the calendar. Where the settings of a mailbox say when its owner is busy, others are told that
//! instead, so that a playbook can be tried without a calendar. Left out: what a server knows of people outside.

use jiff::civil::{DateTime, Time};
use jiff::{Timestamp, ToSpan};
use serde::Deserialize;

use super::detail::DetailKind;
use super::item::Item;
use super::mailbox::Mailbox;
use super::series;
use super::zone::{self, Zone};

/// What an entry of a calendar means for others, from the least to the most.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Default, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum BusyKind {
    Free,
    /// Reachable, so anything else counts more.
    WorkingElsewhere,
    Tentative,
    #[default]
    Busy,
    Away,
}

impl BusyKind {
    /// Its word, and its digit in the merged view.
    const ALL: [(BusyKind, &'static str, char); 5] = [
        (BusyKind::Free, "Free", '0'),
        (BusyKind::WorkingElsewhere, "WorkingElsewhere", '4'),
        (BusyKind::Tentative, "Tentative", '1'),
        (BusyKind::Busy, "Busy", '2'),
        (BusyKind::Away, "OOF", '3'),
    ];

    pub(crate) fn as_str(self) -> &'static str {
        Self::ALL.iter().find(|(kind, ..)| *kind == self).map_or("Busy", |(_, word, _)| word)
    }

    pub(crate) fn digit(self) -> char {
        Self::ALL.iter().find(|(kind, ..)| *kind == self).map_or('2', |(.., digit)| *digit)
    }

    fn of(word: &str) -> Self {
        Self::ALL.iter().find(|(_, known, _)| *known == word).map_or(BusyKind::Busy, |(kind, ..)| *kind)
    }
}

/// An entry of a calendar as others are told of it.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct BusyTime {
    #[serde(deserialize_with = "time")]
    pub(crate) start: Timestamp,
    #[serde(deserialize_with = "time")]
    pub(crate) end: Timestamp,
    #[serde(default)]
    pub(crate) kind: BusyKind,
    #[serde(default)]
    pub(crate) subject: String,
    #[serde(default)]
    pub(crate) location: String,
    #[serde(skip)]
    pub(crate) facts: Facts,
}

/// What is told of an entry beside its time and its words.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Facts {
    pub(crate) is_meeting: bool,
    pub(crate) is_recurring: bool,
    pub(crate) is_exception: bool,
    pub(crate) is_reminder_set: bool,
    pub(crate) is_private: bool,
}

/// When somebody works.
#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(crate) struct WorkingHours {
    pub(crate) days: Vec<exchange::Weekday>,
    #[serde(deserialize_with = "clock")]
    pub(crate) start: Time,
    #[serde(deserialize_with = "clock")]
    pub(crate) end: Time,
    /// The name of the zone, as Exchange has it.
    #[serde(deserialize_with = "zone_name")]
    time_zone: String,
}

impl Default for WorkingHours {
    fn default() -> Self {
        use exchange::Weekday::{Friday, Monday, Thursday, Tuesday, Wednesday};
        WorkingHours {
            days: vec![Monday, Tuesday, Wednesday, Thursday, Friday],
            start: Time::constant(8, 0, 0, 0),
            end: Time::constant(17, 0, 0, 0),
            time_zone: String::from("UTC"),
        }
    }
}

/// What others are told of somebody.
#[derive(Debug, Clone)]
pub(crate) struct Schedule {
    /// In the order of their beginnings.
    pub(crate) entries: Vec<BusyTime>,
    pub(crate) hours: WorkingHours,
}

fn time<'de, D: serde::Deserializer<'de>>(from: D) -> Result<Timestamp, D::Error> {
    let text = String::deserialize(from)?;
    let wrong = || serde::de::Error::custom(format!("{text:?} is no time such as 2026-11-21T05:00:00Z"));
    text.parse().map_err(|_| wrong())
}

fn clock<'de, D: serde::Deserializer<'de>>(from: D) -> Result<Time, D::Error> {
    let text = String::deserialize(from)?;
    let wrong = || serde::de::Error::custom(format!("{text:?} is no time of the day such as 08:30"));
    text.parse().map_err(|_| wrong())
}

fn zone_name<'de, D: serde::Deserializer<'de>>(from: D) -> Result<String, D::Error> {
    let text = String::deserialize(from)?;
    let wrong = || {
        let words = format!("{text:?} is no time zone of Exchange such as W. Europe Standard Time");
        serde::de::Error::custom(words)
    };
    zone::named(&text).map(|zone| zone.id.to_owned()).ok_or_else(wrong)
}

impl WorkingHours {
    /// The zone they are in.
    pub(crate) fn zone(&self) -> Option<&'static Zone> {
        zone::named(&self.time_zone)
    }

    /// The names of the days, as EWS lists them.
    pub(crate) fn days(&self) -> String {
        self.days.iter().map(|day| day.as_str()).collect::<Vec<_>>().join(" ")
    }

    /// Whether they work all the time between two moments.
    pub(crate) fn cover(&self, from: Timestamp, until: Timestamp) -> bool {
        let Some(zone) = self.zone() else { return false };
        let shown = |time: Timestamp| -> DateTime { zone.clock.to_datetime(time) };
        let (from, until) = (shown(from), shown(until));
        from.date() == until.date()
            && series::is_one_of(from.date(), &self.days())
            && from.time() >= self.start
            && until.time() <= self.end
    }
}

impl Schedule {
    /// The most that is in it between two times.
    pub(crate) fn busiest(&self, from: Timestamp, until: Timestamp) -> BusyKind {
        let touches = |entry: &&BusyTime| entry.start < until && entry.end > from;
        self.entries.iter().filter(touches).map(|entry| entry.kind).max().unwrap_or(BusyKind::Free)
    }

    /// The merged view: one digit for each interval, the last one perhaps shorter.
    pub(crate) fn merged(&self, from: Timestamp, until: Timestamp, minutes: i64) -> String {
        let mut digits = String::new();
        let mut at = from;
        while at < until {
            let Ok(next) = at.checked_add(minutes.minutes()) else { break };
            digits.push(self.busiest(at, next.min(until)).digit());
            at = next;
        }
        digits
    }
}

impl Mailbox {
    /// What others are told of its owner between two moments; `own` says whether the owner asks.
    pub(crate) fn schedule(&self, from: Timestamp, until: Timestamp, own: bool) -> Schedule {
        let profile = &self.settings.profile;
        let mut entries = match &profile.busy {
            Some(said) => said.clone(),
            None => {
                let keys =
                    self.well_known("calendar").map(|calendar| self.keys(calendar)).unwrap_or_default();
                let items = keys.iter().filter_map(|key| self.items.get(key));
                items.flat_map(|item| item.shown(from, until)).filter_map(|item| entry(&item, own)).collect()
            }
        };
        entries.retain(|entry| entry.start < until && entry.end > from);
        entries.sort_by_key(|entry| (entry.start, entry.end));
        Schedule { entries, hours: profile.working_hours.clone() }
    }
}

/// An item of a calendar as others are told of it. Of what is private only its owner reads the words.
fn entry(item: &Item, own: bool) -> Option<BusyTime> {
    let detail = item.detail.as_ref().filter(|detail| detail.kind == DetailKind::Calendar)?;
    let flag = |name: &str| detail.text(name) == Some("true");
    let is_private = detail.text("Sensitivity") == Some("Private");
    let words = |text: Option<&str>| text.filter(|_| own || !is_private).unwrap_or_default().to_owned();
    let role = detail.text("CalendarItemType").unwrap_or_default();
    Some(BusyTime {
        start: detail.time("Start")?,
        end: detail.time("End")?,
        kind: BusyKind::of(detail.text("LegacyFreeBusyStatus").unwrap_or("Busy")),
        subject: words(item.mail.subject.as_deref()),
        location: words(detail.text("Location")),
        facts: Facts {
            is_meeting: detail.organizer().is_some() || !detail.invited().is_empty(),
            is_recurring: matches!(role, "Occurrence" | "Exception"),
            is_exception: role == "Exception",
            is_reminder_set: flag("ReminderIsSet"),
            is_private,
        },
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(text: &str) -> Timestamp {
        format!("2026-06-02T{text}:00Z").parse().unwrap()
    }

    fn busy(start: &str, end: &str, kind: BusyKind) -> BusyTime {
        let (subject, location) = Default::default();
        BusyTime { start: at(start), end: at(end), kind, subject, location, facts: Facts::default() }
    }

    #[test]
    fn the_most_counts_in_each_interval() {
        let entries = vec![
            busy("08:00", "09:00", BusyKind::WorkingElsewhere),
            busy("08:30", "08:45", BusyKind::Tentative),
            busy("09:10", "09:20", BusyKind::Busy),
            busy("09:15", "09:50", BusyKind::Away),
            busy("10:00", "11:00", BusyKind::Free),
        ];
        let schedule = Schedule { entries, hours: WorkingHours::default() };
        assert_eq!(schedule.merged(at("07:30"), at("10:40"), 30), "0413300");
        assert_eq!(schedule.merged(at("09:20"), at("09:25"), 1440), "3");
    }

    #[test]
    fn hours_are_those_of_their_zone() {
        let text = "{days: [tuesday], start: '09:00', end: '17:30', time_zone: w. europe standard time}";
        let hours: WorkingHours = serde_yaml::from_str(text).unwrap();
        assert!(hours.cover(at("07:00"), at("15:30")), "nine is seven in UTC");
        assert!(!hours.cover(at("06:59"), at("08:00")) && !hours.cover(at("15:00"), at("15:31")));
        let night = jiff::SignedDuration::from_hours(24);
        assert!(!hours.cover(at("08:00") + night, at("09:00") + night), "a Wednesday");
        for wrong in ["{start: soon}", "{time_zone: Europe/Berlin}", "{days: [someday]}", "{lunch: '12:00'}"]
        {
            assert!(serde_yaml::from_str::<WorkingHours>(wrong).is_err(), "{wrong}");
        }
    }
}
