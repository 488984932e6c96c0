//! Calendar items that repeat: which occurrences they have, and how one of them is shown.
//!
//! An occurrence is kept only once it was changed or taken out; until then it is worked out from its master. It begins
//! and ends at the times of the day that the clocks of the master's zone show for the first one, in summer and winter.

use std::iter;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use jiff::civil::{Date, Weekday};
use jiff::tz::TimeZone;
use jiff::{Span, Timestamp};

use super::detail::{Detail, Node};
use super::filter::parse_time;
use super::item::Item;
use super::state::{Place, State};
use super::store_error::{StoreError, Stored};
use super::zone::{self, Zone};
use crate::ledger::EffectKind;

/// The first byte of an occurrence's id; after it that of its master and its number.
const OCCURRENCE: u8 = 0x51;
/// How many days, weeks, months or years are looked at: enough for a daily series over fifty years.
const MOST: u32 = 20_000;

/// One occurrence as the rule has it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Moment {
    /// From 1; those that were taken out count.
    pub(crate) number: u32,
    pub(crate) start: Timestamp,
    pub(crate) end: Timestamp,
}

/// The id of an occurrence.
pub(crate) fn id(master: &str, number: u32) -> String {
    let mut bytes = vec![OCCURRENCE];
    bytes.extend(STANDARD.decode(master).unwrap_or_default());
    bytes.extend(number.to_be_bytes());
    STANDARD.encode(bytes)
}

/// The master's id and the number in the id of an occurrence; `None` if it is none.
pub(crate) fn read_id(id: &str) -> Option<(String, u32)> {
    let bytes = STANDARD.decode(id).ok()?;
    let (&OCCURRENCE, rest) = bytes.split_first()? else { return None };
    let (master, number) = rest.split_at_checked(rest.len().checked_sub(4)?)?;
    Some((STANDARD.encode(master), u32::from_be_bytes(number.try_into().ok()?)))
}

/// The days of a `Recurrence`, in order.
fn days(recurrence: &Node) -> impl Iterator<Item = Date> {
    let pattern = recurrence.children.first().cloned().unwrap_or_default();
    let range = recurrence.children.get(1).cloned().unwrap_or_default();
    let date = |name: &str| range.child(name).and_then(|node| node.text.get(..10)?.parse::<Date>().ok());
    let (first, last) = (date("StartDate"), date("EndDate").unwrap_or(Date::MAX));
    let count = range.child("NumberOfOccurrences").and_then(|node| node.text.trim().parse::<usize>().ok());
    (0..MOST)
        .map_while(move |period| within(&pattern, first?, period))
        .flatten()
        .filter(move |day| Some(*day) >= first)
        .take_while(move |day| *day <= last)
        .take(count.unwrap_or(usize::MAX))
}

/// The days of the pattern in one of its periods; `None` where the calendar ends.
fn within(pattern: &Node, first: Date, period: u32) -> Option<Vec<Date>> {
    let number = |name: &str| pattern.child(name).and_then(|node| node.text.trim().parse::<i64>().ok());
    let text = |name: &str| pattern.child(name).map(|node| node.text.trim().to_owned()).unwrap_or_default();
    let step = i64::from(period).checked_mul(number("Interval").unwrap_or(1).max(1))?;
    match pattern.name.as_str() {
        "DailyRecurrence" => Some(vec![after(first, step)?]),
        "WeeklyRecurrence" => {
            let begins = weekday(&text("FirstDayOfWeek")).unwrap_or(Weekday::Sunday);
            let back = i64::from(first.weekday().since(begins));
            let week = after(first, step.checked_mul(7)?.checked_sub(back)?)?;
            let wanted = text("DaysOfWeek");
            let all = (0..7).filter_map(|day| after(week, day));
            Some(all.filter(|day| is_one_of(*day, &wanted)).collect())
        }
        "AbsoluteMonthlyRecurrence" | "RelativeMonthlyRecurrence" => {
            let month = first.first_of_month().checked_add(Span::new().try_months(step).ok()?).ok()?;
            Some(in_month(pattern, month))
        }
        "AbsoluteYearlyRecurrence" | "RelativeYearlyRecurrence" => {
            let year = first.year().checked_add(i16::try_from(period).ok()?)?;
            Some(in_month(pattern, Date::new(year, month(&text("Month")), 1).ok()?))
        }
        _ => None,
    }
}

/// So many days later; `None` where the calendar ends.
fn after(day: Date, days: i64) -> Option<Date> {
    day.checked_add(Span::new().try_days(days).ok()?).ok()
}

/// The one day of the month, by its number or such as the second Tuesday.
fn in_month(pattern: &Node, month: Date) -> Vec<Date> {
    let text = |name: &str| pattern.child(name).map(|node| node.text.trim()).unwrap_or_default();
    let all = || (0..i64::from(month.days_in_month())).filter_map(|day| after(month, day));
    let found = if pattern.name.starts_with("Absolute") {
        let day = text("DayOfMonth").parse::<i8>().unwrap_or(1);
        // A short month has it on its last day.
        Date::new(month.year(), month.month(), day.min(month.days_in_month())).ok()
    } else {
        let mut fitting = all().filter(|day| is_one_of(*day, text("DaysOfWeek")));
        match text("DayOfWeekIndex") {
            "Last" => fitting.next_back(),
            week => fitting
                .nth(["First", "Second", "Third", "Fourth"].iter().position(|w| *w == week).unwrap_or(0)),
        }
    };
    found.into_iter().collect()
}

fn weekday(name: &str) -> Option<Weekday> {
    let all = ["Sunday", "Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday"];
    let at = all.iter().position(|day| *day == name)?;
    Weekday::from_sunday_zero_offset(i8::try_from(at).ok()?).ok()
}

pub(crate) fn is_one_of(day: Date, names: &str) -> bool {
    let weekend = matches!(day.weekday(), Weekday::Saturday | Weekday::Sunday);
    names.split_ascii_whitespace().any(|name| match name {
        "Day" => true,
        "Weekday" => !weekend,
        "WeekendDay" => weekend,
        name => weekday(name) == Some(day.weekday()),
    })
}

fn month(name: &str) -> i8 {
    let all = [
        "January",
        "February",
        "March",
        "April",
        "May",
        "June",
        "July",
        "August",
        "September",
        "October",
        "November",
        "December",
    ];
    (1..).zip(all).find(|(_, month)| *month == name).map_or(1, |(number, _)| number)
}

/// A property with a text.
pub(crate) fn text_node(name: &str, text: impl Into<String>) -> Node {
    Node { name: name.to_owned(), text: text.into(), ..Node::default() }
}

/// As EWS writes a time.
pub(crate) fn written(time: Timestamp) -> String {
    time.strftime("%Y-%m-%dT%H:%M:%SZ").to_string()
}

/// So many days later at the same time of the day on a clock; one that the clock leaves out is later by what it skips.
fn same_time(time: Timestamp, days: i32, clock: &TimeZone) -> Option<Timestamp> {
    // The time of the first is known, even where the clock shows it twice.
    if days == 0 {
        return Some(time);
    }
    let shown = clock.to_datetime(time).checked_add(Span::new().try_days(days).ok()?).ok()?;
    clock.to_ambiguous_timestamp(shown).compatible().ok()
}

impl Detail {
    /// The zone whose clocks its occurrences follow, where it names one that is known.
    fn zone(&self) -> Option<&'static Zone> {
        let named = self.get("StartTimeZone")?.attributes.iter().find(|(name, _)| name == "Id");
        named.and_then(|(_, id)| zone::named(id))
    }

    /// Its occurrences as the rule has them; none if it does not repeat.
    pub(crate) fn moments(&self) -> impl Iterator<Item = Moment> {
        let times = self.time("Start").zip(self.time("End"));
        let days = self.get("Recurrence").map(days).into_iter().flatten();
        let clock = self.zone().map_or(TimeZone::UTC, |zone| zone.clock.clone());
        let mut first = None;
        (1..).zip(days).map_while(move |(number, day)| {
            let (start, end) = times?;
            let first = *first.get_or_insert(day);
            let after = day.since(first).ok()?.get_days();
            let start = same_time(start, after, &clock)?;
            let end = same_time(end, after, &clock)?.max(start);
            Some(Moment { number, start, end })
        })
    }
}

impl Item {
    /// Whether it is the master of a series.
    pub(crate) fn repeats(&self) -> bool {
        self.detail.as_ref().is_some_and(|detail| detail.get("Recurrence").is_some())
    }

    /// One occurrence as an item of its own.
    pub(crate) fn occurrence(&self, number: u32) -> Stored<Item> {
        let detail = self.detail.as_ref().filter(|_| self.repeats());
        let detail = detail.ok_or_else(|| {
            StoreError::new("ErrorCalendarIsNotRecurringMaster", "The item is no recurring master.")
        })?;
        let position = usize::try_from(number).ok().and_then(|number| number.checked_sub(1));
        let moment = position.and_then(|position| detail.moments().nth(position)).ok_or_else(|| {
            let text = "The occurrence index is out of the range of the recurrence.";
            StoreError::new("ErrorCalendarOccurrenceIndexIsOutOfRecurrenceRange", text)
        })?;
        match self.changed.get(&number) {
            Some(None) => {
                let text = "The occurrence was deleted from the recurrence.";
                Err(StoreError::new("ErrorCalendarOccurrenceIsDeletedFromRecurrence", text))
            }
            Some(Some(changed)) => Ok(Item { id: id(&self.id, number), ..(**changed).clone() }),
            None => Ok(self.untouched(moment)),
        }
    }

    /// Makes an occurrence one that is not as the series has it.
    pub(crate) fn become_exception(&mut self) {
        if let Some(detail) = &mut self.detail {
            detail.set(text_node("CalendarItemType", "Exception"));
            if let Some(original) = detail.text("RecurrenceId").map(str::to_owned) {
                detail.set(text_node("OriginalStart", original));
            }
        }
    }

    fn untouched(&self, moment: Moment) -> Item {
        let mut item = Item { id: id(&self.id, moment.number), ..self.clone() };
        item.changed.clear();
        if let Some(detail) = &mut item.detail {
            detail.remove("Recurrence", None, None);
            for (name, text) in [
                ("Start", written(moment.start)),
                ("End", written(moment.end)),
                ("RecurrenceId", written(moment.start)),
                ("IsRecurring", String::from("true")),
                ("CalendarItemType", String::from("Occurrence")),
            ] {
                detail.set(text_node(name, text));
            }
        }
        item
    }

    /// What a calendar shows of it between two moments: itself, or its occurrences.
    pub(crate) fn shown(&self, from: Timestamp, to: Timestamp) -> Vec<Item> {
        let Some(detail) = &self.detail else { return Vec::new() };
        if !self.repeats() {
            return iter::once(self).filter(|_| detail.within(from, to)).cloned().collect();
        }
        let mut all: Vec<Item> = detail
            .moments()
            .take_while(|moment| moment.start < to)
            .filter(|moment| moment.end > from && !self.changed.contains_key(&moment.number))
            .map(|moment| self.untouched(moment))
            .collect();
        // One that was changed may have gone anywhere.
        let moved =
            self.changed.iter().filter_map(|(number, one)| one.as_ref().and(self.occurrence(*number).ok()));
        all.extend(moved.filter(|one| one.detail.as_ref().is_some_and(|detail| detail.within(from, to))));
        all
    }
}

impl State {
    /// Changes one occurrence, which makes it an exception of its series.
    pub(crate) fn change_occurrence(
        &mut self,
        place: &Place,
        number: u32,
        what: &str,
        change: impl FnOnce(&mut Item) -> Stored<()>,
    ) -> Stored<()> {
        let mut one = self.item(place)?.occurrence(number)?;
        change(&mut one)?;
        one.version += 1;
        if let Some(composed) = &one.composed {
            one.raw = composed.mime(true);
            one.mail = std::sync::Arc::new(super::mail::Mail::parse(&one.raw));
        }
        one.become_exception();
        self.change_item(place, EffectKind::Updated, &format!("occurrence {number}: {what}"), |item| {
            item.changed.insert(number, Some(Box::new(one)));
            Ok(())
        })
    }

    /// Takes one occurrence out of its series.
    pub(crate) fn remove_occurrence(&mut self, place: &Place, number: u32) -> Stored<()> {
        self.item(place)?.occurrence(number)?;
        self.change_item(place, EffectKind::Updated, &format!("occurrence {number}: deleted"), |item| {
            item.changed.insert(number, None);
            Ok(())
        })
    }
}

/// The number of the occurrence that begins, by the rule, at a moment as EWS writes it.
pub(crate) fn number_at(detail: &Detail, start: &str) -> Option<u32> {
    let start = parse_time(start)?;
    detail.moments().take_while(|moment| moment.start <= start).find(|m| m.start == start).map(|m| m.number)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn series(pattern: &[(&str, &str)], name: &str, range: &[(&str, &str)]) -> Detail {
        let part = |name: &str, children: &[(&str, &str)]| Node {
            name: name.to_owned(),
            children: children.iter().map(|(name, text)| text_node(name, *text)).collect(),
            ..Node::default()
        };
        let recurrence = Node {
            name: String::from("Recurrence"),
            children: vec![part(name, pattern), part("Range", range)],
            ..Node::default()
        };
        let kind = super::super::detail::DetailKind::Calendar;
        let times = [text_node("Start", "2026-01-05T23:30:00Z"), text_node("End", "2026-01-06T00:30:00Z")];
        Detail { kind, nodes: times.into_iter().chain([recurrence]).collect() }
    }

    fn starts(detail: &Detail, most: usize) -> Vec<String> {
        detail.moments().take(most).map(|moment| written(moment.start)).collect()
    }

    /// A pattern, its fields, and the first three days.
    type Case = (&'static str, &'static [(&'static str, &'static str)], [&'static str; 3]);

    #[test]
    fn patterns_come_to_the_days_they_say() {
        let cases: [Case; 6] = [
            ("DailyRecurrence", &[("Interval", "2")], ["2026-01-05", "2026-01-07", "2026-01-09"]),
            (
                "WeeklyRecurrence",
                &[("Interval", "1"), ("DaysOfWeek", "Tuesday Friday")],
                ["2026-01-05", "2026-01-08", "2026-01-12"],
            ),
            (
                "AbsoluteMonthlyRecurrence",
                &[("Interval", "1"), ("DayOfMonth", "31")],
                ["2026-01-05", "2026-02-02", "2026-03-05"],
            ),
            (
                "RelativeMonthlyRecurrence",
                &[("Interval", "1"), ("DaysOfWeek", "Weekday"), ("DayOfWeekIndex", "Last")],
                ["2026-01-05", "2026-02-02", "2026-03-06"],
            ),
            (
                "AbsoluteYearlyRecurrence",
                &[("DayOfMonth", "6"), ("Month", "January")],
                ["2026-01-05", "2027-01-05", "2028-01-05"],
            ),
            (
                "RelativeYearlyRecurrence",
                &[("DaysOfWeek", "Tuesday"), ("DayOfWeekIndex", "First"), ("Month", "January")],
                ["2026-01-05", "2027-01-04", "2028-01-03"],
            ),
        ];
        for (name, pattern, expected) in cases {
            let detail = series(pattern, name, &[("StartDate", "2026-01-06")]);
            let expected = expected.map(|day| format!("{day}T23:30:00Z"));
            assert_eq!(starts(&detail, 3), expected, "{name}");
        }
    }

    #[test]
    fn a_series_ends_when_it_says_so() {
        let daily = |range: &[(&str, &str)]| series(&[("Interval", "1")], "DailyRecurrence", range);
        assert_eq!(starts(&daily(&[("StartDate", "2026-01-06"), ("NumberOfOccurrences", "4")]), 99).len(), 4);
        assert_eq!(starts(&daily(&[("StartDate", "2026-01-06Z"), ("EndDate", "2026-01-08")]), 99).len(), 3);
        assert_eq!(starts(&daily(&[]), 99).len(), 0);
    }

    #[test]
    fn occurrences_follow_the_clocks_of_their_zone() {
        let weekly = |zone: &str, start: &str, end: &str| {
            let mut detail = series(
                &[("Interval", "1"), ("DaysOfWeek", "Sunday")],
                "WeeklyRecurrence",
                &[("StartDate", "2027-03-21"), ("NumberOfOccurrences", "3")],
            );
            let attributes = vec![(String::from("Id"), zone.to_owned())];
            detail.set(text_node("Start", start));
            detail.set(text_node("End", end));
            detail.set(Node { name: String::from("StartTimeZone"), attributes, ..Node::default() });
            detail.moments().map(|moment| (written(moment.start), written(moment.end))).collect::<Vec<_>>()
        };
        let expect = |pairs: [(&str, &str); 3]| pairs.map(|(a, b)| (a.to_owned(), b.to_owned())).to_vec();
        let berlin = |start: &str, end: &str| weekly("W. Europe Standard Time", start, end);
        assert_eq!(
            berlin("2027-03-21T08:00:00Z", "2027-03-21T09:00:00Z"),
            expect([
                ("2027-03-21T08:00:00Z", "2027-03-21T09:00:00Z"),
                ("2027-03-28T07:00:00Z", "2027-03-28T08:00:00Z"),
                ("2027-04-04T07:00:00Z", "2027-04-04T08:00:00Z"),
            ])
        );
        // From half past two to half past three, on a day whose clocks have no half past two.
        assert_eq!(
            berlin("2027-03-21T01:30:00Z", "2027-03-21T02:30:00Z").get(1),
            Some(&(String::from("2027-03-28T01:30:00Z"), String::from("2027-03-28T01:30:00Z")))
        );
        let utc = weekly("UTC", "2027-03-21T08:00:00Z", "2027-03-21T09:00:00Z");
        assert_eq!(utc.get(2).map(|(start, _)| start.as_str()), Some("2027-04-04T08:00:00Z"));
    }

    #[test]
    fn ids_of_occurrences_are_read_back() {
        let master = super::super::id::item(&[b"x"]);
        assert_eq!(read_id(&id(&master, 7)), Some((master.clone(), 7)));
        for other in ["", "UQ==", "no base64", &master] {
            assert_eq!(read_id(other), None, "{other}");
        }
    }
}
