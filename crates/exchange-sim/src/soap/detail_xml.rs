//! Calendar items and contacts in requests and answers: their properties in the order of the schema.

use super::fault::SoapFault;
use super::item_writer::ItemView;
use super::out::Out;
use super::properties::flag;
use super::xml::Element;
use crate::model::detail::{Detail, DetailKind, Node};
use crate::model::item::Item;
use crate::model::meeting;
use crate::model::series::{self, written};
use crate::model::zone;

/// The properties of a calendar item, in the order of the schema.
const CALENDAR: [&str; 36] = [
    "UID",
    "RecurrenceId",
    "Start",
    "End",
    "OriginalStart",
    "IsAllDayEvent",
    "LegacyFreeBusyStatus",
    "Location",
    "When",
    "IsMeeting",
    "IsCancelled",
    "IsRecurring",
    "MeetingRequestWasSent",
    "IsResponseRequested",
    "CalendarItemType",
    "MyResponseType",
    "Organizer",
    "RequiredAttendees",
    "OptionalAttendees",
    "Resources",
    "AppointmentSequenceNumber",
    "Recurrence",
    "FirstOccurrence",
    "LastOccurrence",
    "ModifiedOccurrences",
    "DeletedOccurrences",
    "MeetingTimeZone",
    "StartTimeZone",
    "EndTimeZone",
    "ConferenceType",
    "AllowNewTimeProposal",
    "IsOnlineMeeting",
    "MeetingWorkspaceUrl",
    "NetShowUrl",
    "StartTimeZoneId",
    "EndTimeZoneId",
];

/// The properties of an invitation, in the order of the schema.
const REQUEST: [&str; 23] = [
    "AssociatedCalendarItemId",
    "IsDelegated",
    "IsOutOfDate",
    "HasBeenProcessed",
    "UID",
    "RecurrenceId",
    "MeetingRequestType",
    "IntendedFreeBusyStatus",
    "Start",
    "End",
    "IsAllDayEvent",
    "Location",
    "IsMeeting",
    "CalendarItemType",
    "MyResponseType",
    "Organizer",
    "RequiredAttendees",
    "OptionalAttendees",
    "Resources",
    "AppointmentSequenceNumber",
    "Recurrence",
    "StartTimeZone",
    "EndTimeZone",
];

/// The properties of an answer to an invitation and of a cancellation, in the order of the schema.
const RESPONSE: [&str; 12] = [
    "AssociatedCalendarItemId",
    "IsDelegated",
    "IsOutOfDate",
    "HasBeenProcessed",
    "ResponseType",
    "UID",
    "RecurrenceId",
    "Start",
    "End",
    "Location",
    "Recurrence",
    "CalendarItemType",
];

/// The properties of a contact, in the order of the schema.
const CONTACT: [&str; 29] = [
    "FileAs",
    "FileAsMapping",
    "DisplayName",
    "GivenName",
    "Initials",
    "MiddleName",
    "Nickname",
    "CompanyName",
    "EmailAddresses",
    "PhysicalAddresses",
    "PhoneNumbers",
    "AssistantName",
    "Birthday",
    "BusinessHomePage",
    "Children",
    "Companies",
    "ContactSource",
    "Department",
    "Generation",
    "ImAddresses",
    "JobTitle",
    "Manager",
    "Mileage",
    "OfficeLocation",
    "PostalAddressIndex",
    "Profession",
    "SpouseName",
    "Surname",
    "WeddingAnniversary",
];

/// Properties of any item that are kept of calendar items.
pub(crate) const KEPT: [&str; 3] = ["Sensitivity", "ReminderIsSet", "ReminderMinutesBeforeStart"];

/// The properties of a postal address, in the order of the schema.
const POSTAL: [&str; 5] = ["Street", "City", "State", "CountryOrRegion", "PostalCode"];

/// What FindItem does not show of a calendar item.
pub(crate) const NOT_IN_FIND: [&str; 4] =
    ["calendar:RequiredAttendees", "calendar:OptionalAttendees", "calendar:Resources", "calendar:Recurrence"];

/// What the shape `Default` shows.
pub(crate) const DEFAULT: [&str; 21] = [
    "calendar:Start",
    "calendar:End",
    "calendar:LegacyFreeBusyStatus",
    "calendar:Location",
    "calendar:CalendarItemType",
    "calendar:Organizer",
    "calendar:RequiredAttendees",
    "calendar:OptionalAttendees",
    "meeting:AssociatedCalendarItemId",
    "meeting:IsDelegated",
    "meeting:IsOutOfDate",
    "meeting:HasBeenProcessed",
    "meeting:ResponseType",
    "meetingRequest:MeetingRequestType",
    "meetingRequest:IntendedFreeBusyStatus",
    "contacts:FileAs",
    "contacts:DisplayName",
    "contacts:CompanyName",
    "contacts:EmailAddresses",
    "contacts:PhoneNumbers",
    "contacts:JobTitle",
];

impl DetailKind {
    /// The kind that the element of a request is.
    pub(crate) fn of(element: &str) -> Option<Self> {
        match element {
            "CalendarItem" => Some(DetailKind::Calendar),
            "Contact" => Some(DetailKind::Contact),
            _ => None,
        }
    }

    /// The name of its element.
    pub(crate) fn element(self) -> &'static str {
        match self {
            DetailKind::Calendar => "t:CalendarItem",
            DetailKind::Contact => "t:Contact",
            DetailKind::Request => "t:MeetingRequest",
            DetailKind::Response => "t:MeetingResponse",
            DetailKind::Cancellation => "t:MeetingCancellation",
        }
    }

    /// Its properties in the order of the schema.
    pub(crate) fn properties(self) -> &'static [&'static str] {
        match self {
            DetailKind::Calendar => &CALENDAR,
            DetailKind::Contact => &CONTACT,
            DetailKind::Request => &REQUEST,
            DetailKind::Response | DetailKind::Cancellation => &RESPONSE,
        }
    }

    /// The family of a property in paths.
    fn family(self, property: &str) -> &'static str {
        match (self, property) {
            (DetailKind::Contact, _) => "contacts",
            (DetailKind::Calendar, _) => "calendar",
            (
                _,
                "AssociatedCalendarItemId"
                | "IsDelegated"
                | "IsOutOfDate"
                | "HasBeenProcessed"
                | "ResponseType",
            ) => "meeting",
            (_, "MeetingRequestType" | "IntendedFreeBusyStatus") => "meetingRequest",
            _ => "calendar",
        }
    }
}

/// Reads the properties that `element` has beyond those of any item.
pub(crate) fn read(element: Element<'_>, kind: DetailKind) -> Result<Detail, SoapFault> {
    let mut detail = Detail { kind, nodes: Vec::new() };
    let wanted = |name: &str| {
        kind.properties().contains(&name) || kind == DetailKind::Calendar && KEPT.contains(&name)
    };
    for child in element.children().filter(|child| wanted(child.name())) {
        if matches!(child.name(), "Start" | "End")
            && crate::model::filter::parse_time(&child.text()).is_none()
        {
            return Err(child.violation(&format!("The '{}' element is no time.", child.name())));
        }
        if matches!(child.name(), "StartTimeZone" | "EndTimeZone")
            && zone::named(child.attribute("Id").unwrap_or_default()).is_none()
        {
            return Err(SoapFault::new("ErrorCalendarInvalidTimeZone", zone::UNKNOWN));
        }
        detail.set(node(child));
    }
    Ok(detail)
}

fn node(element: Element<'_>) -> Node {
    let children: Vec<Node> = element.children().map(node).collect();
    let text = if children.is_empty() { element.text() } else { String::new() };
    let attributes = element.0.attributes().map(|a| (a.name().to_owned(), a.value().to_owned())).collect();
    Node { name: element.name().to_owned(), attributes, text, children }
}

/// Writes what the shape wants of it.
pub(crate) fn write(out: &mut Out, view: &ItemView<'_>, detail: &Detail) {
    for name in detail.kind.properties() {
        if !view.shape.shows(&format!("{}:{name}", detail.kind.family(name))) {
            continue;
        }
        match detail.get(name) {
            Some(node) => write_node(out, node),
            None if detail.kind == DetailKind::Calendar => derived(out, view, detail, name),
            None if detail.kind.is_notice() => derived_of_notice(out, view, name),
            None => {}
        }
    }
}

fn write_node(out: &mut Out, node: &Node) {
    out.raw(&format!("<t:{}", node.name));
    for (name, value) in &node.attributes {
        out.raw(&format!(" {name}=\""));
        out.text(value);
        out.raw("\"");
    }
    out.raw(">");
    out.text(&node.text);
    let mut parts: Vec<&Node> = node.children.iter().collect();
    // Parts of an address may have been set one by one.
    parts.sort_by_key(|part| POSTAL.iter().position(|name| *name == part.name));
    parts.into_iter().for_each(|part| write_node(out, part));
    out.raw(&format!("</t:{}>", node.name));
}

/// What the server says of a calendar item by itself.
fn derived(out: &mut Out, view: &ItemView<'_>, detail: &Detail, name: &str) {
    let is_meeting = !detail.invited().is_empty();
    let is_recurring = detail.get("Recurrence").is_some();
    match name {
        "UID" => out.element("t:UID", &meeting::uid(view.item)),
        "FirstOccurrence" | "LastOccurrence" | "ModifiedOccurrences" | "DeletedOccurrences"
            if is_recurring =>
        {
            series(out, view, detail, name);
        }
        "IsAllDayEvent" => flag(out, "t:IsAllDayEvent", false),
        "LegacyFreeBusyStatus" => out.element("t:LegacyFreeBusyStatus", "Busy"),
        "IsMeeting" => flag(out, "t:IsMeeting", is_meeting),
        "IsCancelled" => flag(out, "t:IsCancelled", false),
        "IsRecurring" => flag(out, "t:IsRecurring", is_recurring),
        "MeetingRequestWasSent" => flag(out, "t:MeetingRequestWasSent", false),
        "CalendarItemType" => {
            out.element("t:CalendarItemType", if is_recurring { "RecurringMaster" } else { "Single" });
        }
        "MyResponseType" => out.element("t:MyResponseType", "Organizer"),
        "Organizer" => {
            out.raw("<t:Organizer><t:Mailbox>");
            out.element("t:Name", &view.mailbox.address);
            out.element("t:EmailAddress", &view.mailbox.address);
            out.element("t:RoutingType", "SMTP");
            out.raw("</t:Mailbox></t:Organizer>");
        }
        _ => {}
    }
}

/// What a master says of its occurrences.
fn series(out: &mut Out, view: &ItemView<'_>, detail: &Detail, name: &str) {
    let changed = || view.item.changed.iter();
    match name {
        "FirstOccurrence" => {
            if let Some(first) = detail.moments().next() {
                occurrence(out, view.item, "t:FirstOccurrence", first);
            }
        }
        "LastOccurrence" => {
            let range = detail.get("Recurrence").and_then(|recurrence| recurrence.children.get(1));
            if range.is_some_and(|range| range.name != "NoEndRecurrence")
                && let Some(last) = detail.moments().last()
            {
                occurrence(out, view.item, "t:LastOccurrence", last);
            }
        }
        "ModifiedOccurrences" if changed().any(|(_, one)| one.is_some()) => {
            out.raw("<t:ModifiedOccurrences>");
            for moment in detail.moments() {
                if view.item.changed.get(&moment.number).is_some_and(Option::is_some) {
                    occurrence(out, view.item, "t:Occurrence", moment);
                }
            }
            out.raw("</t:ModifiedOccurrences>");
        }
        "DeletedOccurrences" if changed().any(|(_, one)| one.is_none()) => {
            out.raw("<t:DeletedOccurrences>");
            for moment in detail.moments() {
                if view.item.changed.get(&moment.number).is_some_and(Option::is_none) {
                    out.raw("<t:DeletedOccurrence>");
                    out.element("t:Start", &written(moment.start));
                    out.raw("</t:DeletedOccurrence>");
                }
            }
            out.raw("</t:DeletedOccurrences>");
        }
        _ => {}
    }
}

fn occurrence(out: &mut Out, master: &Item, element: &str, moment: series::Moment) {
    let shown = master.occurrence(moment.number).ok();
    let now = |name: &str| shown.as_ref().and_then(|one| one.detail.as_ref()?.time(name));
    out.raw(&format!("<{element}><t:ItemId Id=\"{}\"/>", series::id(&master.id, moment.number)));
    out.element("t:Start", &written(now("Start").unwrap_or(moment.start)));
    out.element("t:End", &written(now("End").unwrap_or(moment.end)));
    out.element("t:OriginalStart", &written(moment.start));
    out.raw(&format!("</{element}>"));
}

/// What the server says of a message about a meeting by itself.
fn derived_of_notice(out: &mut Out, view: &ItemView<'_>, name: &str) {
    let wanted = meeting::uid(view.item);
    let event = view.mailbox.items.values().find(|item| {
        item.detail.as_ref().is_some_and(|detail| detail.kind == DetailKind::Calendar)
            && meeting::uid(item) == wanted
    });
    let number = event.zip(view.item.detail.as_ref()).and_then(|(event, said)| event.occurrence_told(said));
    let sequence = |item: &Item| {
        let text = item.detail.as_ref().and_then(|detail| detail.text("AppointmentSequenceNumber"));
        text.and_then(|text| text.parse::<u32>().ok()).unwrap_or(0)
    };
    match name {
        "AssociatedCalendarItemId" => {
            if let Some(event) = event {
                let id = number.map_or_else(|| event.id.clone(), |number| series::id(&event.id, number));
                out.raw(&format!(
                    "<t:AssociatedCalendarItemId Id=\"{id}\" ChangeKey=\"{}\"/>",
                    event.change_key()
                ));
            }
        }
        "IsDelegated" => flag(out, "t:IsDelegated", false),
        "IsOutOfDate" => {
            flag(out, "t:IsOutOfDate", event.is_some_and(|event| sequence(event) > sequence(view.item)));
        }
        "HasBeenProcessed" => flag(out, "t:HasBeenProcessed", false),
        "IsMeeting" => flag(out, "t:IsMeeting", true),
        "CalendarItemType" => {
            let kind = if view.item.repeats() { "RecurringMaster" } else { "Single" };
            out.element("t:CalendarItemType", kind);
        }
        "MyResponseType" => {
            let occurrence = number.zip(event).and_then(|(number, event)| event.occurrence(number).ok());
            let answered = occurrence.as_ref().or(event).and_then(|event| event.detail.as_ref());
            let said = answered.and_then(|detail| detail.text("MyResponseType"));
            out.element("t:MyResponseType", said.unwrap_or("NoResponseReceived"));
        }
        _ => {}
    }
}
