//! <https://learn.microsoft.com/exchange/client-developer/web-service-reference/getuseravailability-operation>
//!
//! Everybody works from eight to five in UTC, and a request is taken to be in UTC, whatever zone it names.

use exchange::Mailbox as Address;
use jiff::tz::TimeZone;
use jiff::{SignedDuration, Timestamp};

use super::super::bare;
use super::super::call::Call;
use super::super::fault::SoapFault;
use super::super::out::Out;
use super::super::xml::{Element, MESSAGES, TYPES};
use crate::model::people::{BusyKind, Profile};
use crate::model::store_error::{StoreError, Stored};

const HOURS: &str = "<t:WorkingHours><t:TimeZone><t:Bias>0</t:Bias><t:StandardTime><t:Bias>0</t:Bias><t:Time>00:00:00</t:Time><t:DayOrder>0</t:DayOrder><t:Month>0</t:Month><t:DayOfWeek>Sunday</t:DayOfWeek></t:StandardTime><t:DaylightTime><t:Bias>0</t:Bias><t:Time>00:00:00</t:Time><t:DayOrder>0</t:DayOrder><t:Month>0</t:Month><t:DayOfWeek>Sunday</t:DayOfWeek></t:DaylightTime></t:TimeZone><t:WorkingPeriodArray><t:WorkingPeriod><t:DayOfWeek>Monday Tuesday Wednesday Thursday Friday</t:DayOfWeek><t:StartTimeInMinutes>480</t:StartTimeInMinutes><t:EndTimeInMinutes>1020</t:EndTimeInMinutes></t:WorkingPeriod></t:WorkingPeriodArray></t:WorkingHours>";

pub(crate) fn answer(call: &mut Call<'_>, request: Element<'_>) -> Result<(), SoapFault> {
    request.sequence(&["TimeZone", "MailboxDataArray", "FreeBusyViewOptions", "SuggestionsViewOptions"])?;
    if request.child("TimeZone").is_none() {
        let text = "The time zone of the request is missing.";
        return Err(SoapFault::new("ErrorTimeZone", text));
    }
    let mut people = Vec::new();
    for one in request.required("MailboxDataArray")?.children() {
        one.sequence(&["Email", "AttendeeType", "ExcludeConflicts"])?;
        one.required("AttendeeType")?;
        people.push(one.required("Email")?.required("Address")?.text().trim().to_owned());
    }
    let calendars: Vec<Stored<Profile>> = people.iter().map(|address| calendar(call, address)).collect();
    call.out.raw(&format!("<m:GetUserAvailabilityResponse xmlns:m=\"{MESSAGES}\" xmlns:t=\"{TYPES}\">"));
    if let Some(options) = request.child("FreeBusyViewOptions") {
        call.out.raw("<m:FreeBusyResponseArray>");
        let asked = View::read(options)?;
        calendars.iter().for_each(|calendar| asked.write(&mut call.out, calendar.as_ref()));
        call.out.raw("</m:FreeBusyResponseArray>");
    }
    if let Some(options) = request.child("SuggestionsViewOptions") {
        suggest(&mut call.out, options, &calendars)?;
    }
    call.out.raw("</m:GetUserAvailabilityResponse>");
    Ok(())
}

fn calendar(call: &Call<'_>, address: &str) -> Stored<Profile> {
    let unknown = || {
        let text = format!("Unable to resolve e-mail address {address} to an Active Directory object.");
        StoreError::new("ErrorMailRecipientNotFound", text)
    };
    let address = Address::new(address).ok_or_else(unknown)?;
    let mailbox = call.state.mailboxes.get(&address.as_str().to_lowercase()).ok_or_else(unknown)?;
    Ok(mailbox.settings.profile.clone())
}

/// A time of the request, in UTC where it names no zone.
fn time(element: Element<'_>) -> Result<Timestamp, SoapFault> {
    let text = element.text();
    let text = text.trim();
    let plain = || text.parse::<jiff::civil::DateTime>().ok()?.to_zoned(TimeZone::UTC).ok();
    text.parse()
        .ok()
        .or_else(|| plain().map(|zoned| zoned.timestamp()))
        .ok_or_else(|| element.violation(&format!("The '{}' element is no dateTime.", element.name())))
}

/// As a server writes it: in the zone of the request, without naming it.
fn local(time: Timestamp) -> String {
    time.strftime("%Y-%m-%dT%H:%M:%S").to_string()
}

fn window(element: Element<'_>) -> Result<(Timestamp, Timestamp), SoapFault> {
    element.sequence(&["StartTime", "EndTime"])?;
    Ok((time(element.required("StartTime")?)?, time(element.required("EndTime")?)?))
}

fn number(element: Element<'_>, name: &str, otherwise: i64) -> i64 {
    element.child(name).and_then(|child| child.text().trim().parse().ok()).unwrap_or(otherwise)
}

/// What of a calendar is asked for.
struct View {
    from: Timestamp,
    until: Timestamp,
    interval: SignedDuration,
    kind: String,
}

impl View {
    fn read(options: Element<'_>) -> Result<Self, SoapFault> {
        options.sequence(&["TimeWindow", "MergedFreeBusyIntervalInMinutes", "RequestedView"])?;
        let (from, until) = window(options.required("TimeWindow")?)?;
        let minutes = number(options, "MergedFreeBusyIntervalInMinutes", 30).clamp(5, 1440);
        let kind = options.child("RequestedView").map_or_else(|| "FreeBusy".to_owned(), Element::text);
        Ok(View { from, until, interval: SignedDuration::from_mins(minutes), kind: kind.trim().to_owned() })
    }

    fn write(&self, out: &mut Out, calendar: Result<&Profile, &StoreError>) {
        out.raw("<m:FreeBusyResponse><m:ResponseMessage");
        bare::verdict(out, calendar.err());
        out.raw("</m:ResponseMessage><m:FreeBusyView>");
        let Ok(profile) = calendar else {
            out.raw("<t:FreeBusyViewType>None</t:FreeBusyViewType></m:FreeBusyView></m:FreeBusyResponse>");
            return;
        };
        out.element("t:FreeBusyViewType", &self.kind);
        if self.kind.contains("Merged") {
            let mut digits = String::new();
            let mut at = self.from;
            while at < self.until && digits.len() < 20_000 {
                let Ok(next) = at.checked_add(self.interval) else { break };
                digits.push(profile.busiest(at, next.min(self.until)).digit());
                at = next;
            }
            out.element("t:MergedFreeBusy", &digits);
        }
        if self.kind != "MergedOnly" {
            self.entries(out, profile);
            out.raw(HOURS);
        }
        out.raw("</m:FreeBusyView></m:FreeBusyResponse>");
    }

    fn entries(&self, out: &mut Out, profile: &Profile) {
        out.raw("<t:CalendarEventArray>");
        for entry in profile.busy.iter().filter(|entry| entry.start < self.until && entry.end > self.from) {
            out.raw("<t:CalendarEvent>");
            out.element("t:StartTime", &local(entry.start));
            out.element("t:EndTime", &local(entry.end));
            out.element("t:BusyType", entry.kind.as_str());
            if self.kind.contains("Detailed") {
                out.raw("<t:CalendarEventDetails>");
                out.element("t:Subject", &entry.subject);
                out.element("t:Location", &entry.location);
                out.raw("<t:IsMeeting>false</t:IsMeeting><t:IsRecurring>false</t:IsRecurring><t:IsException>false</t:IsException><t:IsReminderSet>false</t:IsReminderSet><t:IsPrivate>false</t:IsPrivate></t:CalendarEventDetails>");
            }
            out.raw("</t:CalendarEvent>");
        }
        out.raw("</t:CalendarEventArray>");
    }
}

/// The times of working days at which everybody is free, on the half hour.
fn suggest(out: &mut Out, options: Element<'_>, calendars: &[Stored<Profile>]) -> Result<(), SoapFault> {
    let (from, until) = window(options.required("DetailedSuggestionsWindow")?)?;
    let length = SignedDuration::from_mins(number(options, "MeetingDurationInMinutes", 60));
    let most = number(options, "MaximumResultsByDay", 10);
    out.raw("<m:SuggestionsResponse><m:ResponseMessage");
    bare::verdict(out, None);
    out.raw("</m:ResponseMessage><m:SuggestionDayResultArray>");
    let day_length = SignedDuration::from_hours(24);
    let mut day = from;
    while day < until {
        let Ok(next) = day.checked_add(day_length) else { break };
        let mut found = Vec::new();
        for half_hour in 16..34 {
            let Ok(start) = day.checked_add(SignedDuration::from_mins(half_hour * 30)) else { break };
            let Ok(end) = start.checked_add(length) else { break };
            let closes = day.checked_add(SignedDuration::from_hours(17)).is_ok_and(|closes| end > closes);
            let free = calendars.iter().flatten().all(|one| one.busiest(start, end) == BusyKind::Free);
            if free && !closes && found.len() < usize::try_from(most).unwrap_or(0) {
                found.push(start);
            }
        }
        let quality = if found.is_empty() { "Poor" } else { "Excellent" };
        out.raw("<t:SuggestionDayResult>");
        out.element("t:Date", &local(day));
        out.element("t:DayQuality", quality);
        out.raw("<t:SuggestionArray>");
        for start in found {
            out.raw("<t:Suggestion>");
            out.element("t:MeetingTime", &local(start));
            out.raw("<t:IsWorkTime>true</t:IsWorkTime><t:SuggestionQuality>Excellent</t:SuggestionQuality><t:AttendeeConflictDataArray>");
            for one in calendars {
                out.raw(match one {
                    Ok(_) => "<t:IndividualAttendeeConflictData><t:BusyType>Free</t:BusyType></t:IndividualAttendeeConflictData>",
                    Err(_) => "<t:UnknownAttendeeConflictData/>",
                });
            }
            out.raw("</t:AttendeeConflictDataArray></t:Suggestion>");
        }
        out.raw("</t:SuggestionArray></t:SuggestionDayResult>");
        day = next;
    }
    out.raw("</m:SuggestionDayResultArray></m:SuggestionsResponse>");
    Ok(())
}
