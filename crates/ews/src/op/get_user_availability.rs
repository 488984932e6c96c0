//! [GetUserAvailability](https://learn.microsoft.com/exchange/client-developer/web-service-reference/getuseravailability-operation):
//! when people are free, and which times suit a meeting.
//!
//! Every request is made in UTC, so the times that come back without a zone are in UTC, too.

use exchange::{Error, ErrorKind, Mailbox};
use jiff::{SignedDuration, Timestamp};

use crate::answer::{Message, Results};
use crate::availability::{
    Availability, AvailabilityQuery, Busy, BusyDetails, BusyTime, FreeBusyDetail, FreeBusyView, Suggestion,
    SuggestionDay, Suitability, WorkingHours,
};
use crate::client::EwsClient;
use crate::directory::time_of;
use crate::failure::{Effect, Failure};
use crate::malformed::Reason;
use crate::op::Operation;
use crate::op::get_user_oof_settings::verdict;
use crate::xml::{Pull, Reader, Writer};

struct GetUserAvailability<'a> {
    query: &'a AvailabilityQuery,
}

impl Operation for GetUserAvailability<'_> {
    const NAME: &'static str = "GetUserAvailability";
    const ANSWER: &'static str = "GetUserAvailabilityResponse";
    const EFFECT: Effect = Effect::Reads;
    const BARE: bool = true;
    type Output = Availability;

    fn write(&self, out: &mut Writer) {
        let query = self.query;
        out.open("m:GetUserAvailabilityRequest", &[]);
        write_utc(out);
        out.open("m:MailboxDataArray", &[]);
        for attendee in &query.attendees {
            out.open("t:MailboxData", &[]);
            out.open("t:Email", &[]);
            out.exact("t:Address", attendee.mailbox.as_str());
            out.close("t:Email");
            out.word("t:AttendeeType", attendee.kind.as_str());
            out.word("t:ExcludeConflicts", if attendee.exclude_conflicts { "true" } else { "false" });
            out.close("t:MailboxData");
        }
        out.close("m:MailboxDataArray");
        if let Some(detail) = query.detail {
            out.open("t:FreeBusyViewOptions", &[]);
            window(out, "t:TimeWindow", query);
            out.word("t:MergedFreeBusyIntervalInMinutes", &query.interval_minutes.to_string());
            let view = match detail {
                FreeBusyDetail::Merged => "MergedOnly",
                FreeBusyDetail::Times => "FreeBusyMerged",
                FreeBusyDetail::Details => "DetailedMerged",
            };
            out.word("t:RequestedView", view);
            out.close("t:FreeBusyViewOptions");
        }
        if let Some(wanted) = &query.suggestions {
            out.open("t:SuggestionsViewOptions", &[]);
            out.word("t:MaximumResultsByDay", &wanted.per_day.min(48).to_string());
            out.word("t:MaximumNonWorkHourResultsByDay", &wanted.per_day_outside.min(48).to_string());
            out.word("t:MeetingDurationInMinutes", &wanted.minutes.to_string());
            let least = Suitability::ALL.iter().find(|(_, known)| *known == wanted.at_least);
            out.word("t:MinimumSuggestionQuality", least.map_or("Fair", |(word, _)| word));
            window(out, "t:DetailedSuggestionsWindow", query);
            out.close("t:SuggestionsViewOptions");
        }
        out.close("m:GetUserAvailabilityRequest");
    }

    async fn read<P: Pull>(self, reader: &mut Reader<P>) -> Result<Availability, Failure> {
        let asked = if self.query.detail.is_some() { self.query.attendees.len() } else { 0 };
        let mut calendars = Results::new(asked);
        let mut suggestions = None;
        while reader.child().await? {
            match reader.name() {
                b"FreeBusyResponseArray" => {
                    while reader.child().await? {
                        calendars.place(reader)?;
                        calendars.push(calendar(reader).await?);
                    }
                }
                b"SuggestionsResponse" => suggestions = Some(suggested(reader).await?),
                // What refuses the request as a whole.
                b"ResponseMessage" => verdict(reader, Self::NAME, Self::EFFECT).await?,
                _ => reader.skip().await?,
            }
        }
        if self.query.suggestions.is_some() && suggestions.is_none() {
            return Err(reader.error(Reason::Missing("SuggestionsResponse")));
        }
        Ok(Availability { calendars: calendars.finish(reader)?, suggestions })
    }
}

/// UTC as a zone that has a summer, which the schema wants, at the same time as its winter.
fn write_utc(out: &mut Writer) {
    out.open("t:TimeZone", &[]);
    out.word("t:Bias", "0");
    for (name, month) in [("t:StandardTime", "10"), ("t:DaylightTime", "3")] {
        out.open(name, &[]);
        out.word("t:Bias", "0");
        out.word("t:Time", "00:00:00");
        out.word("t:DayOrder", "5");
        out.word("t:Month", month);
        out.word("t:DayOfWeek", "Sunday");
        out.close(name);
    }
    out.close("t:TimeZone");
}

/// Times in the zone of the request, without naming it again.
fn window(out: &mut Writer, name: &'static str, query: &AvailabilityQuery) {
    let local = |time: Timestamp| time.strftime("%Y-%m-%dT%H:%M:%S").to_string();
    out.open(name, &[]);
    out.word("t:StartTime", &local(query.from));
    out.word("t:EndTime", &local(query.until));
    out.close(name);
}

/// What a part says of itself, beside what it holds.
async fn said<P: Pull>(reader: &mut Reader<P>) -> Result<Result<(), Error>, Failure> {
    let mut message = Message::begin(reader);
    while reader.child().await? {
        message.other(reader).await?;
    }
    Ok(message.finish(GetUserAvailability::NAME, GetUserAvailability::EFFECT))
}

async fn calendar<P: Pull>(reader: &mut Reader<P>) -> Result<Result<FreeBusyView, Error>, Failure> {
    let mut outcome = Ok(());
    let mut found = FreeBusyView::default();
    while reader.child().await? {
        match reader.name() {
            b"ResponseMessage" => outcome = said(reader).await?,
            b"FreeBusyView" => found = view(reader).await?,
            _ => reader.skip().await?,
        }
    }
    Ok(outcome.map(|()| found))
}

async fn view<P: Pull>(reader: &mut Reader<P>) -> Result<FreeBusyView, Failure> {
    let mut found = FreeBusyView::default();
    while reader.child().await? {
        match reader.name() {
            b"FreeBusyViewType" => found.view = reader.text().await?,
            b"MergedFreeBusy" => found.merged = reader.text().await?,
            b"CalendarEventArray" => {
                while reader.child().await? {
                    found.times.push(event(reader).await?);
                }
            }
            b"WorkingHours" => found.working_hours = Some(working_hours(reader).await?),
            _ => reader.skip().await?,
        }
    }
    Ok(found)
}

async fn event<P: Pull>(reader: &mut Reader<P>) -> Result<BusyTime, Failure> {
    let (mut start, mut end, mut busy, mut details) = (None, None, Busy::default(), None);
    while reader.child().await? {
        match reader.name() {
            b"StartTime" => start = Some(time_of(reader, "StartTime").await?),
            b"EndTime" => end = Some(time_of(reader, "EndTime").await?),
            b"BusyType" => busy = self::busy(reader).await?,
            b"CalendarEventDetails" => details = Some(self::details(reader).await?),
            _ => reader.skip().await?,
        }
    }
    let start = start.ok_or_else(|| reader.error(Reason::Missing("StartTime")))?;
    let end = end.ok_or_else(|| reader.error(Reason::Missing("EndTime")))?;
    Ok(BusyTime { start, end, busy, details })
}

/// A word that is not known yet is as good as nothing known.
async fn busy<P: Pull>(reader: &mut Reader<P>) -> Result<Busy, Failure> {
    let word = reader.text().await?;
    let known = Busy::ALL.iter().find(|(known, _)| *known == word.trim());
    Ok(known.map_or(Busy::Unknown, |(_, busy)| *busy))
}

async fn details<P: Pull>(reader: &mut Reader<P>) -> Result<BusyDetails, Failure> {
    let mut it = BusyDetails::default();
    while reader.child().await? {
        match reader.name() {
            b"ID" => it.id = reader.text().await?,
            b"Subject" => it.subject = reader.text().await?,
            b"Location" => it.location = reader.text().await?,
            b"IsMeeting" => it.is_meeting = reader.boolean("IsMeeting").await?,
            b"IsRecurring" => it.is_recurring = reader.boolean("IsRecurring").await?,
            b"IsException" => it.is_exception = reader.boolean("IsException").await?,
            b"IsPrivate" => it.is_private = reader.boolean("IsPrivate").await?,
            _ => reader.skip().await?,
        }
    }
    Ok(it)
}

async fn working_hours<P: Pull>(reader: &mut Reader<P>) -> Result<WorkingHours, Failure> {
    let mut hours = WorkingHours::default();
    while reader.child().await? {
        match reader.name() {
            b"TimeZone" => {
                while reader.child().await? {
                    match reader.name() {
                        b"Bias" => hours.bias_minutes = reader.number("Bias").await?.unwrap_or_default(),
                        _ => reader.skip().await?,
                    }
                }
            }
            b"WorkingPeriodArray" => {
                while reader.child().await? {
                    let (mut days, mut start, mut end) = (Vec::new(), 0, 0);
                    while reader.child().await? {
                        match reader.name() {
                            b"DayOfWeek" => {
                                days = reader.text().await?.split_whitespace().map(str::to_owned).collect();
                            }
                            b"StartTimeInMinutes" => {
                                start = reader.number("StartTimeInMinutes").await?.unwrap_or_default();
                            }
                            b"EndTimeInMinutes" => {
                                end = reader.number("EndTimeInMinutes").await?.unwrap_or_default();
                            }
                            _ => reader.skip().await?,
                        }
                    }
                    hours.periods.push((days, start, end));
                }
            }
            _ => reader.skip().await?,
        }
    }
    Ok(hours)
}

async fn suggested<P: Pull>(reader: &mut Reader<P>) -> Result<Result<Vec<SuggestionDay>, Error>, Failure> {
    let mut outcome = Ok(());
    let mut days = Vec::new();
    while reader.child().await? {
        match reader.name() {
            b"ResponseMessage" => outcome = said(reader).await?,
            b"SuggestionDayResultArray" => {
                while reader.child().await? {
                    days.push(day(reader).await?);
                }
            }
            _ => reader.skip().await?,
        }
    }
    Ok(outcome.map(|()| days))
}

async fn day<P: Pull>(reader: &mut Reader<P>) -> Result<SuggestionDay, Failure> {
    let (mut day, mut suits, mut times) = (None, Suitability::Poor, Vec::new());
    while reader.child().await? {
        match reader.name() {
            b"Date" => day = Some(time_of(reader, "Date").await?),
            b"DayQuality" => suits = suitability(reader).await?,
            b"SuggestionArray" => {
                while reader.child().await? {
                    times.push(suggestion(reader).await?);
                }
            }
            _ => reader.skip().await?,
        }
    }
    let day = day.ok_or_else(|| reader.error(Reason::Missing("Date")))?;
    Ok(SuggestionDay { day, suits, times })
}

async fn suggestion<P: Pull>(reader: &mut Reader<P>) -> Result<Suggestion, Failure> {
    let (mut start, mut in_working_hours) = (None, false);
    let (mut suits, mut attendees) = (Suitability::Poor, Vec::new());
    while reader.child().await? {
        match reader.name() {
            b"MeetingTime" => start = Some(time_of(reader, "MeetingTime").await?),
            b"IsWorkTime" => in_working_hours = reader.boolean("IsWorkTime").await?,
            b"SuggestionQuality" => suits = suitability(reader).await?,
            b"AttendeeConflictDataArray" => {
                while reader.child().await? {
                    let mut at_that_time = Busy::Unknown;
                    while reader.child().await? {
                        match reader.name() {
                            b"BusyType" => at_that_time = busy(reader).await?,
                            _ => reader.skip().await?,
                        }
                    }
                    attendees.push(at_that_time);
                }
            }
            _ => reader.skip().await?,
        }
    }
    let start = start.ok_or_else(|| reader.error(Reason::Missing("MeetingTime")))?;
    Ok(Suggestion { start, in_working_hours, suits, attendees })
}

async fn suitability<P: Pull>(reader: &mut Reader<P>) -> Result<Suitability, Failure> {
    let word = reader.text().await?;
    let known = Suitability::ALL.iter().find(|(known, _)| *known == word.trim());
    known.map(|(_, suits)| *suits).ok_or_else(|| reader.error(Reason::Value("SuggestionQuality")))
}

impl EwsClient {
    /// When people are free, and which times suit a meeting.
    ///
    /// # Errors
    /// A query that no server takes is refused before it is sent; what the wire says otherwise. One calendar's
    /// trouble is in its place in the result.
    pub async fn availability(
        &self,
        mailbox: &Mailbox,
        query: &AvailabilityQuery,
    ) -> Result<Availability, Error> {
        let days = query.until.duration_since(query.from);
        let wrong = if query.attendees.is_empty() || query.attendees.len() > 100 {
            Some("between 1 and 100 calendars can be looked at in one request")
        } else if days <= SignedDuration::ZERO || days > SignedDuration::from_hours(24 * 62) {
            Some("the time looked at has to end after it begins, and within 62 days")
        } else if !(5..=1440).contains(&query.interval_minutes) {
            Some("one interval has 5 to 1440 minutes")
        } else if query.suggestions.is_some_and(|wanted| !(30..=1440).contains(&wanted.minutes)) {
            Some("a meeting takes 30 to 1440 minutes")
        } else if query.detail.is_none() && query.suggestions.is_none() {
            Some("nothing is asked for; ask for calendars, for suggestions, or for both")
        } else {
            None
        };
        match wrong {
            Some(words) => Err(Error::new(ErrorKind::Invalid, format!("GetUserAvailability: {words}"))),
            None => self.call(mailbox, GetUserAvailability { query }).await,
        }
    }
}
