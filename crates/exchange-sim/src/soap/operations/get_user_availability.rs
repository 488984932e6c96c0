//! <https://learn.microsoft.com/exchange/client-developer/web-service-reference/getuseravailability-operation>
//!
//! Times are read and written in the zone of the request, as a server does it. Left out: rights to see less than
//! everything, groups as attendees, and suggestions outside of working hours.

use exchange::Mailbox as Address;
use jiff::civil::DateTime;
use jiff::tz::TimeZone;
use jiff::{SignedDuration, Span, Timestamp};

use super::super::bare;
use super::super::call::Call;
use super::super::fault::SoapFault;
use super::super::out::Out;
use super::super::xml::{Element, MESSAGES, TYPES};
use super::super::zone_xml;
use crate::model::free_busy::{BusyKind, BusyTime, Schedule, WorkingHours};
use crate::model::store_error::{StoreError, Stored};

/// The longest time that can be looked at.
const LONGEST: SignedDuration = SignedDuration::from_hours(24 * 62);
const VIEWS: [&str; 5] = ["MergedOnly", "FreeBusy", "FreeBusyMerged", "Detailed", "DetailedMerged"];

pub(crate) fn answer(call: &mut Call<'_>, request: Element<'_>) -> Result<(), SoapFault> {
    request.sequence(&["TimeZone", "MailboxDataArray", "FreeBusyViewOptions", "SuggestionsViewOptions"])?;
    let Some(clock) = request.child("TimeZone") else {
        let text = "The time zone of the request is missing.";
        return Err(SoapFault::new("ErrorTimeZone", text));
    };
    let clock = zone_xml::read(clock)?;
    let mut people = Vec::new();
    for one in request.required("MailboxDataArray")?.children() {
        one.sequence(&["Email", "AttendeeType", "ExcludeConflicts"])?;
        one.required("AttendeeType")?;
        people.push(one.required("Email")?.required("Address")?.text().trim().to_owned());
    }
    let options = request.child("FreeBusyViewOptions");
    let view = options.map(|options| View::read(options, &clock)).transpose()?;
    let suggestions = request.child("SuggestionsViewOptions");
    let wanted = suggestions.map(|options| Wanted::read(options, &clock)).transpose()?;
    call.out.raw(&format!("<m:GetUserAvailabilityResponse xmlns:m=\"{MESSAGES}\" xmlns:t=\"{TYPES}\">"));
    if let Some(view) = view {
        call.out.raw("<m:FreeBusyResponseArray>");
        for address in &people {
            let schedule = schedule(call, address, view.from, view.until);
            view.write(&mut call.out, schedule.as_ref());
        }
        call.out.raw("</m:FreeBusyResponseArray>");
    }
    if let Some(wanted) = wanted {
        let all: Vec<Stored<Schedule>> =
            people.iter().map(|address| schedule(call, address, wanted.from, wanted.until)).collect();
        wanted.write(&mut call.out, &all);
    }
    call.out.raw("</m:GetUserAvailabilityResponse>");
    Ok(())
}

fn schedule(call: &Call<'_>, address: &str, from: Timestamp, until: Timestamp) -> Stored<Schedule> {
    let unknown = || {
        let text = format!("Unable to resolve e-mail address {address} to an Active Directory object.");
        StoreError::new("ErrorMailRecipientNotFound", text)
    };
    let address = Address::new(address).ok_or_else(unknown)?.as_str().to_lowercase();
    let mailbox = call.state.mailboxes.get(&address).ok_or_else(unknown)?;
    Ok(mailbox.schedule(from, until, call.owner() == address))
}

/// A time of the request, in its zone where it names no other.
fn time(element: Element<'_>, clock: &TimeZone) -> Result<Timestamp, SoapFault> {
    let text = element.text();
    let text = text.trim();
    let plain = || clock.to_timestamp(text.parse::<DateTime>().ok()?).ok();
    text.parse()
        .ok()
        .or_else(plain)
        .ok_or_else(|| element.violation(&format!("The '{}' element is no dateTime.", element.name())))
}

/// As a server writes it: in the zone of the request, without naming it.
fn local(time: Timestamp, clock: &TimeZone) -> String {
    clock.to_datetime(time).strftime("%Y-%m-%dT%H:%M:%S").to_string()
}

fn window(element: Element<'_>, clock: &TimeZone) -> Result<(Timestamp, Timestamp), SoapFault> {
    element.sequence(&["StartTime", "EndTime"])?;
    let from = time(element.required("StartTime")?, clock)?;
    let until = time(element.required("EndTime")?, clock)?;
    if until <= from {
        let text = "The time looked at has to end after it begins.";
        return Err(SoapFault::new("ErrorInvalidTimeInterval", text));
    }
    if until.duration_since(from) > LONGEST {
        let text = "The time looked at has to be 62 days at most.";
        return Err(SoapFault::new("ErrorTimeIntervalTooBig", text));
    }
    Ok((from, until))
}

fn number(element: Element<'_>, name: &str, otherwise: i64) -> Result<i64, SoapFault> {
    let Some(child) = element.child(name) else { return Ok(otherwise) };
    let text = child.text();
    let wrong = || child.violation(&format!("The '{name}' element is invalid - The value '{text}'."));
    text.trim().parse().map_err(|_| wrong())
}

/// What of a calendar is asked for.
struct View<'a> {
    clock: &'a TimeZone,
    from: Timestamp,
    until: Timestamp,
    minutes: i64,
    kind: &'static str,
}

impl<'a> View<'a> {
    fn read(options: Element<'_>, clock: &'a TimeZone) -> Result<Self, SoapFault> {
        options.sequence(&["TimeWindow", "MergedFreeBusyIntervalInMinutes", "RequestedView"])?;
        let (from, until) = window(options.required("TimeWindow")?, clock)?;
        let minutes = number(options, "MergedFreeBusyIntervalInMinutes", 30)?;
        if !(5..=1440).contains(&minutes) {
            let text = "One interval of the merged view has 5 to 1440 minutes.";
            return Err(SoapFault::new("ErrorInvalidMergedFreeBusyInterval", text));
        }
        let kind = options.child("RequestedView").map_or_else(|| "FreeBusy".to_owned(), Element::text);
        let kind = VIEWS.iter().find(|known| **known == kind.trim()).ok_or_else(|| {
            let text = format!("The view {:?} of a calendar cannot be asked for.", kind.trim());
            SoapFault::new("ErrorInvalidFreeBusyViewType", text)
        })?;
        Ok(View { clock, from, until, minutes, kind })
    }

    fn write(&self, out: &mut Out, schedule: Result<&Schedule, &StoreError>) {
        out.raw("<m:FreeBusyResponse><m:ResponseMessage");
        bare::verdict(out, schedule.err());
        out.raw("</m:ResponseMessage><m:FreeBusyView>");
        let Ok(schedule) = schedule else {
            out.raw("<t:FreeBusyViewType>None</t:FreeBusyViewType></m:FreeBusyView></m:FreeBusyResponse>");
            return;
        };
        out.element("t:FreeBusyViewType", self.kind);
        if self.kind.contains("Merged") {
            out.element("t:MergedFreeBusy", &schedule.merged(self.from, self.until, self.minutes));
        }
        if self.kind != "MergedOnly" {
            out.raw("<t:CalendarEventArray>");
            schedule.entries.iter().for_each(|entry| self.entry(out, entry));
            out.raw("</t:CalendarEventArray>");
            working_hours(out, &schedule.hours);
        }
        out.raw("</m:FreeBusyView></m:FreeBusyResponse>");
    }

    fn entry(&self, out: &mut Out, entry: &BusyTime) {
        out.raw("<t:CalendarEvent>");
        out.element("t:StartTime", &local(entry.start, self.clock));
        out.element("t:EndTime", &local(entry.end, self.clock));
        out.element("t:BusyType", entry.kind.as_str());
        if self.kind.contains("Detailed") {
            out.raw("<t:CalendarEventDetails>");
            out.element("t:Subject", &entry.subject);
            out.element("t:Location", &entry.location);
            for (name, fact) in [
                ("t:IsMeeting", entry.facts.is_meeting),
                ("t:IsRecurring", entry.facts.is_recurring),
                ("t:IsException", entry.facts.is_exception),
                ("t:IsReminderSet", entry.facts.is_reminder_set),
                ("t:IsPrivate", entry.facts.is_private),
            ] {
                out.element(name, if fact { "true" } else { "false" });
            }
            out.raw("</t:CalendarEventDetails>");
        }
        out.raw("</t:CalendarEvent>");
    }
}

fn working_hours(out: &mut Out, hours: &WorkingHours) {
    let Some(zone) = hours.zone() else { return };
    let minutes = |time: jiff::civil::Time| i32::from(time.hour()) * 60 + i32::from(time.minute());
    out.raw("<t:WorkingHours>");
    zone_xml::write(out, &zone.rule());
    out.raw("<t:WorkingPeriodArray><t:WorkingPeriod>");
    out.element("t:DayOfWeek", &hours.days());
    out.element("t:StartTimeInMinutes", &minutes(hours.start).to_string());
    out.element("t:EndTimeInMinutes", &minutes(hours.end).to_string());
    out.raw("</t:WorkingPeriod></t:WorkingPeriodArray></t:WorkingHours>");
}

/// Which suggestions are asked for.
struct Wanted<'a> {
    clock: &'a TimeZone,
    from: Timestamp,
    until: Timestamp,
    length: SignedDuration,
    most: usize,
}

impl<'a> Wanted<'a> {
    fn read(options: Element<'_>, clock: &'a TimeZone) -> Result<Self, SoapFault> {
        let (from, until) = window(options.required("DetailedSuggestionsWindow")?, clock)?;
        let length =
            SignedDuration::from_mins(number(options, "MeetingDurationInMinutes", 60)?.clamp(0, 1440));
        let most = usize::try_from(number(options, "MaximumResultsByDay", 10)?).unwrap_or(0);
        Ok(Wanted { clock, from, until, length, most })
    }

    /// Writes the times at which everybody works and nobody has anything, on the half hour, day by day.
    fn write(&self, out: &mut Out, people: &[Stored<Schedule>]) {
        out.raw("<m:SuggestionsResponse><m:ResponseMessage");
        bare::verdict(out, None);
        out.raw("</m:ResponseMessage><m:SuggestionDayResultArray>");
        let mut day = self.clock.to_datetime(self.from).date();
        while let Ok(midnight) = self.clock.to_timestamp(day.at(0, 0, 0, 0))
            && midnight < self.until
        {
            let found = self.on(midnight, people);
            let quality = if found.is_empty() { "Poor" } else { "Excellent" };
            out.raw("<t:SuggestionDayResult>");
            out.element("t:Date", &local(midnight, self.clock));
            out.element("t:DayQuality", quality);
            out.raw("<t:SuggestionArray>");
            for start in found {
                out.raw("<t:Suggestion>");
                out.element("t:MeetingTime", &local(start, self.clock));
                out.raw("<t:IsWorkTime>true</t:IsWorkTime><t:SuggestionQuality>Excellent</t:SuggestionQuality><t:AttendeeConflictDataArray>");
                for one in people {
                    out.raw(match one {
                        Ok(_) => "<t:IndividualAttendeeConflictData><t:BusyType>Free</t:BusyType></t:IndividualAttendeeConflictData>",
                        Err(_) => "<t:UnknownAttendeeConflictData/>",
                    });
                }
                out.raw("</t:AttendeeConflictDataArray></t:Suggestion>");
            }
            out.raw("</t:SuggestionArray></t:SuggestionDayResult>");
            let Ok(next) = day.tomorrow() else { break };
            day = next;
        }
        out.raw("</m:SuggestionDayResultArray></m:SuggestionsResponse>");
    }

    fn on(&self, midnight: Timestamp, people: &[Stored<Schedule>]) -> Vec<Timestamp> {
        let nobody = WorkingHours::default();
        let suits = |start: Timestamp| {
            let end = start.checked_add(self.length).ok()?;
            let known = || people.iter().flatten();
            let free =
                known().all(|one| one.busiest(start, end) == BusyKind::Free && one.hours.cover(start, end));
            let inside = start >= self.from && end <= self.until;
            (free && inside && (known().next().is_some() || nobody.cover(start, end))).then_some(start)
        };
        let half_hours =
            (0..48).filter_map(|number| midnight.checked_add(Span::new().minutes(30 * number)).ok());
        half_hours.filter_map(suits).take(self.most).collect()
    }
}
