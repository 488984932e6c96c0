//! Calendar items and contacts in requests and answers: their properties in the order of the schema.

use super::fault::SoapFault;
use super::item_writer::ItemView;
use super::out::Out;
use super::properties::flag;
use super::xml::Element;
use crate::model::compose::hex;
use crate::model::detail::{Detail, DetailKind, Node};
use sha2::{Digest, Sha256};

/// The properties of a calendar item, in the order of the schema.
const CALENDAR: [&str; 27] = [
    "UID",
    "Start",
    "End",
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
    "Recurrence",
    "MeetingTimeZone",
    "StartTimeZone",
    "EndTimeZone",
    "ConferenceType",
    "AllowNewTimeProposal",
    "IsOnlineMeeting",
    "MeetingWorkspaceUrl",
    "NetShowUrl",
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

/// The properties of a postal address, in the order of the schema.
const POSTAL: [&str; 5] = ["Street", "City", "State", "CountryOrRegion", "PostalCode"];

/// What FindItem does not show of a calendar item.
pub(crate) const NOT_IN_FIND: [&str; 4] =
    ["calendar:RequiredAttendees", "calendar:OptionalAttendees", "calendar:Resources", "calendar:Recurrence"];

/// What the shape `Default` shows.
pub(crate) const DEFAULT: [&str; 14] = [
    "calendar:Start",
    "calendar:End",
    "calendar:LegacyFreeBusyStatus",
    "calendar:Location",
    "calendar:CalendarItemType",
    "calendar:Organizer",
    "calendar:RequiredAttendees",
    "calendar:OptionalAttendees",
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
        }
    }

    /// Its properties in the order of the schema.
    pub(crate) fn properties(self) -> &'static [&'static str] {
        match self {
            DetailKind::Calendar => &CALENDAR,
            DetailKind::Contact => &CONTACT,
        }
    }

    fn family(self) -> &'static str {
        match self {
            DetailKind::Calendar => "calendar",
            DetailKind::Contact => "contacts",
        }
    }
}

/// Reads the properties that `element` has beyond those of any item.
pub(crate) fn read(element: Element<'_>, kind: DetailKind) -> Result<Detail, SoapFault> {
    let mut detail = Detail { kind, nodes: Vec::new() };
    for child in element.children().filter(|child| kind.properties().contains(&child.name())) {
        if matches!(child.name(), "Start" | "End")
            && crate::model::filter::parse_time(&child.text()).is_none()
        {
            return Err(child.violation(&format!("The '{}' element is no time.", child.name())));
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
        if !view.shape.shows(&format!("{}:{name}", detail.kind.family())) {
            continue;
        }
        match detail.get(name) {
            Some(node) => write_node(out, node),
            None if detail.kind == DetailKind::Calendar => derived(out, view, detail, name),
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
        "UID" => {
            let hash = Sha256::digest(view.item.source.as_bytes());
            out.element(
                "t:UID",
                &format!("040000008200E00074C5B7101A82E008{}", hex(&hash, 24).to_uppercase()),
            );
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
