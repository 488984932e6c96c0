//! Where a field stands in the schema and how its path and value are written.
//!
//! Exchange refuses a request whose elements are in another order than that of the schema, so every field knows
//! its place.

use exchange::Address;

use super::field::{ContactText, Field};
use super::path::{ExtendedName, PropertyPath, PropertySet};
use super::people::{write_body, write_mailbox};
use super::value::word;
use crate::code::shown;
use crate::xml::Writer;

/// The longest reminder the schema has, in minutes.
const LONGEST_REMINDER: u32 = 2_629_800;

/// Which kind of item a field belongs to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Owner {
    /// Any.
    Any,
    /// Mails and meeting messages.
    Message,
    /// Calendar items.
    Calendar,
    /// Contacts.
    Contact,
}

/// Where a field stands: the number of its element, and its number within that.
pub(crate) type Slot = (u16, u16);

impl Field {
    /// What it belongs to, where it stands, and how EWS names it.
    fn row(&self) -> (Owner, u16, &'static str) {
        use Owner::{Any, Calendar, Contact, Message};
        match self {
            Field::Class(_) => (Any, 10, "item:ItemClass"),
            Field::Subject(_) => (Any, 20, "item:Subject"),
            Field::Sensitivity(_) => (Any, 30, "item:Sensitivity"),
            Field::Body(_) => (Any, 40, "item:Body"),
            Field::Categories(_) => (Any, 60, "item:Categories"),
            Field::Importance(_) => (Any, 70, "item:Importance"),
            Field::InReplyTo(_) => (Any, 80, "item:InReplyTo"),
            Field::Reminder(_) => (Any, 90, "item:ReminderIsSet"),
            Field::ReminderMinutes(_) => (Any, 91, "item:ReminderMinutesBeforeStart"),
            Field::Extended(..) | Field::Header { .. } => (Any, 100, ""),
            Field::Flag(_) => (Any, 120, "item:Flag"),
            Field::Sender(_) => (Message, 200, "message:Sender"),
            Field::To(_) => (Message, 210, "message:ToRecipients"),
            Field::Cc(_) => (Message, 220, "message:CcRecipients"),
            Field::Bcc(_) => (Message, 230, "message:BccRecipients"),
            Field::ReadReceipt(_) => (Message, 240, "message:IsReadReceiptRequested"),
            Field::DeliveryReceipt(_) => (Message, 250, "message:IsDeliveryReceiptRequested"),
            Field::From(_) => (Message, 260, "message:From"),
            Field::MessageId(_) => (Message, 270, "message:InternetMessageId"),
            Field::IsRead(_) => (Message, 280, "message:IsRead"),
            Field::References(_) => (Message, 300, "message:References"),
            Field::ReplyTo(_) => (Message, 310, "message:ReplyTo"),
            Field::Uid(_) => (Calendar, 400, "calendar:UID"),
            Field::Start(_) => (Calendar, 410, "calendar:Start"),
            Field::End(_) => (Calendar, 420, "calendar:End"),
            Field::AllDay(_) => (Calendar, 430, "calendar:IsAllDayEvent"),
            Field::FreeBusy(_) => (Calendar, 440, "calendar:LegacyFreeBusyStatus"),
            Field::Location(_) => (Calendar, 450, "calendar:Location"),
            Field::Required(_) => (Calendar, 470, "calendar:RequiredAttendees"),
            Field::Optional(_) => (Calendar, 480, "calendar:OptionalAttendees"),
            Field::Resources(_) => (Calendar, 490, "calendar:Resources"),
            Field::Recurrence(_) => (Calendar, 500, "calendar:Recurrence"),
            Field::StartTimeZone(_) => (Calendar, 510, "calendar:StartTimeZone"),
            Field::EndTimeZone(_) => (Calendar, 520, "calendar:EndTimeZone"),
            Field::Contact(text, _) => contact_row(*text),
            Field::Email(..) => (Contact, 609, "contacts:EmailAddress"),
            Field::Postal(..) => (Contact, 610, "contacts:PhysicalAddress"),
            Field::Phone(..) => (Contact, 611, "contacts:PhoneNumber"),
            Field::Birthday(_) => (Contact, 613, "contacts:Birthday"),
            Field::ImAddress(..) => (Contact, 620, "contacts:ImAddress"),
        }
    }

    /// Which kind of item it belongs to.
    pub(crate) fn owner(&self) -> Owner {
        self.row().0
    }

    /// Where it stands.
    pub(crate) fn slot(&self) -> Slot {
        let within = match self {
            Field::Email(number, _) | Field::ImAddress(number, _) => u16::from(*number),
            Field::Phone(kind, _) => *kind as u16,
            Field::Postal(kind, part, _) => (*kind as u16) * 16 + *part as u16,
            _ => 0,
        };
        (self.row().1, within)
    }

    /// The element around fields of this kind, of which an item may have several.
    pub(crate) fn group(&self) -> Option<&'static str> {
        match self {
            Field::Email(..) => Some("t:EmailAddresses"),
            Field::Postal(..) => Some("t:PhysicalAddresses"),
            Field::Phone(..) => Some("t:PhoneNumbers"),
            Field::ImAddress(..) => Some("t:ImAddresses"),
            _ => None,
        }
    }

    /// Whether a server can add to what is there.
    pub(crate) fn appends(&self) -> bool {
        matches!(
            self,
            Field::Body(_)
                | Field::To(_)
                | Field::Cc(_)
                | Field::Bcc(_)
                | Field::ReplyTo(_)
                | Field::Required(_)
                | Field::Optional(_)
                | Field::Resources(_)
        )
    }

    /// How the property is named.
    pub fn path(&self) -> PropertyPath {
        let indexed = |field: &str, index: &str| PropertyPath::Indexed {
            field: field.to_owned(),
            index: index.to_owned(),
        };
        let name = self.row().2;
        match self {
            Field::Extended(property, _) => PropertyPath::Extended(property.clone()),
            Field::Header { name, .. } => PropertyPath::Extended(ExtendedName::internet_header(name.clone())),
            Field::Email(number, _) => indexed(name, &format!("EmailAddress{number}")),
            Field::ImAddress(number, _) => indexed(name, &format!("ImAddress{number}")),
            Field::Phone(kind, _) => indexed(name, word(*kind)),
            Field::Postal(kind, part, _) => indexed(&format!("{name}:{}", word(*part)), word(*kind)),
            _ => PropertyPath::field(name),
        }
    }

    /// Writes the value as part of an item.
    pub(crate) fn write(&self, out: &mut Writer) {
        match self.group() {
            None => self.write_alone(out),
            Some(group) => {
                out.open(group, &[]);
                self.write_entry(out, true, true);
                out.close(group);
            }
        }
    }

    /// Writes an entry of a group; of a postal address `opens` and `closes` say whether its part is the first or
    /// the last of one address.
    pub(crate) fn write_entry(&self, out: &mut Writer, opens: bool, closes: bool) {
        let numbered = |out: &mut Writer, number: u8| {
            if !(1..=3).contains(&number) {
                out.refuse(format!("a contact has addresses 1 to 3 and no number {number}"));
            }
        };
        match self {
            Field::Email(number, address) => {
                numbered(out, *number);
                let key = format!("EmailAddress{number}");
                out.text_with("t:Entry", &[("Key", &key)], address);
            }
            Field::ImAddress(number, address) => {
                numbered(out, *number);
                out.text_with("t:Entry", &[("Key", &format!("ImAddress{number}"))], address);
            }
            Field::Phone(kind, number) => out.text_with("t:Entry", &[("Key", word(*kind))], number),
            Field::Postal(kind, part, text) => {
                if opens {
                    out.open("t:Entry", &[("Key", word(*kind))]);
                }
                let element = match word(*part) {
                    "Street" => "t:Street",
                    "City" => "t:City",
                    "State" => "t:State",
                    "PostalCode" => "t:PostalCode",
                    _ => "t:CountryOrRegion",
                };
                out.text(element, text);
                if closes {
                    out.close("t:Entry");
                }
            }
            _ => {}
        }
    }

    fn write_alone(&self, out: &mut Writer) {
        match self {
            Field::Class(class) => out.exact("t:ItemClass", class),
            Field::Subject(subject) => out.text("t:Subject", subject),
            Field::Sensitivity(value) => out.word("t:Sensitivity", word(*value)),
            Field::Body(body) => write_body(out, "t:Body", body),
            Field::Categories(all) => {
                out.open("t:Categories", &[]);
                all.iter().for_each(|category| out.text("t:String", category));
                out.close("t:Categories");
            }
            Field::Importance(value) => out.word("t:Importance", word(*value)),
            Field::InReplyTo(id) => out.text("t:InReplyTo", id),
            Field::Reminder(set) => flag(out, "t:ReminderIsSet", *set),
            Field::ReminderMinutes(minutes) => {
                if *minutes > LONGEST_REMINDER {
                    out.refuse(format!(
                        "a reminder is at most {LONGEST_REMINDER} minutes before the beginning"
                    ));
                }
                out.word("t:ReminderMinutesBeforeStart", &minutes.to_string());
            }
            Field::Extended(property, values) => extended(out, property, values),
            Field::Header { name, value } => {
                extended(out, &ExtendedName::internet_header(name.clone()), std::slice::from_ref(value));
            }
            Field::Flag(mark) => {
                out.open("t:Flag", &[]);
                out.word("t:FlagStatus", word(*mark));
                out.close("t:Flag");
            }
            Field::Sender(person) => people(out, "t:Sender", std::slice::from_ref(person)),
            Field::From(person) => people(out, "t:From", std::slice::from_ref(person)),
            Field::To(all) => people(out, "t:ToRecipients", all),
            Field::Cc(all) => people(out, "t:CcRecipients", all),
            Field::Bcc(all) => people(out, "t:BccRecipients", all),
            Field::ReplyTo(all) => people(out, "t:ReplyTo", all),
            Field::ReadReceipt(set) => flag(out, "t:IsReadReceiptRequested", *set),
            Field::DeliveryReceipt(set) => flag(out, "t:IsDeliveryReceiptRequested", *set),
            Field::MessageId(id) => out.text("t:InternetMessageId", id),
            Field::References(ids) => out.text("t:References", ids),
            Field::IsRead(set) => flag(out, "t:IsRead", *set),
            _ => self.write_other(out),
        }
    }

    fn write_other(&self, out: &mut Writer) {
        match self {
            Field::Uid(uid) => out.exact("t:UID", uid),
            Field::Start(time) => out.word("t:Start", &time.to_string()),
            Field::End(time) => out.word("t:End", &time.to_string()),
            Field::AllDay(set) => flag(out, "t:IsAllDayEvent", *set),
            Field::FreeBusy(value) => out.word("t:LegacyFreeBusyStatus", word(*value)),
            Field::Location(place) => out.text("t:Location", place),
            Field::Required(all) => attendees(out, "t:RequiredAttendees", all),
            Field::Optional(all) => attendees(out, "t:OptionalAttendees", all),
            Field::Resources(all) => attendees(out, "t:Resources", all),
            Field::Recurrence(recurrence) => super::recurrence::write(recurrence, out),
            Field::StartTimeZone(id) => out.empty("t:StartTimeZone", &[("Id", id)]),
            Field::EndTimeZone(id) => out.empty("t:EndTimeZone", &[("Id", id)]),
            Field::Contact(kind, text) => contact_text(out, *kind, text),
            Field::Birthday(time) => out.word("t:Birthday", &time.to_string()),
            _ => {}
        }
    }
}

fn contact_row(text: ContactText) -> (Owner, u16, &'static str) {
    let (order, name) = match text {
        ContactText::FileAs => (600, "contacts:FileAs"),
        ContactText::DisplayName => (602, "contacts:DisplayName"),
        ContactText::GivenName => (603, "contacts:GivenName"),
        ContactText::Initials => (604, "contacts:Initials"),
        ContactText::MiddleName => (605, "contacts:MiddleName"),
        ContactText::Nickname => (606, "contacts:Nickname"),
        ContactText::CompanyName => (608, "contacts:CompanyName"),
        ContactText::AssistantName => (612, "contacts:AssistantName"),
        ContactText::BusinessHomePage => (614, "contacts:BusinessHomePage"),
        ContactText::Department => (618, "contacts:Department"),
        ContactText::Generation => (619, "contacts:Generation"),
        ContactText::JobTitle => (621, "contacts:JobTitle"),
        ContactText::Manager => (622, "contacts:Manager"),
        ContactText::Mileage => (623, "contacts:Mileage"),
        ContactText::OfficeLocation => (624, "contacts:OfficeLocation"),
        ContactText::Profession => (626, "contacts:Profession"),
        ContactText::SpouseName => (627, "contacts:SpouseName"),
        ContactText::Surname => (628, "contacts:Surname"),
    };
    (Owner::Contact, order, name)
}

fn contact_text(out: &mut Writer, kind: ContactText, text: &str) {
    let element = match kind {
        ContactText::FileAs => "t:FileAs",
        ContactText::DisplayName => "t:DisplayName",
        ContactText::GivenName => "t:GivenName",
        ContactText::Initials => "t:Initials",
        ContactText::MiddleName => "t:MiddleName",
        ContactText::Nickname => "t:Nickname",
        ContactText::CompanyName => "t:CompanyName",
        ContactText::AssistantName => "t:AssistantName",
        ContactText::BusinessHomePage => {
            if text.parse::<http::Uri>().is_err() {
                out.refuse(format!("the home page \"{}\" is no web address", shown(text, 80)));
            }
            "t:BusinessHomePage"
        }
        ContactText::Department => "t:Department",
        ContactText::Generation => "t:Generation",
        ContactText::JobTitle => "t:JobTitle",
        ContactText::Manager => "t:Manager",
        ContactText::Mileage => "t:Mileage",
        ContactText::OfficeLocation => "t:OfficeLocation",
        ContactText::Profession => "t:Profession",
        ContactText::SpouseName => "t:SpouseName",
        ContactText::Surname => "t:Surname",
    };
    out.text(element, text);
}

fn flag(out: &mut Writer, name: &'static str, set: bool) {
    out.word(name, if set { "true" } else { "false" });
}

fn people(out: &mut Writer, name: &'static str, people: &[Address]) {
    out.open(name, &[]);
    people.iter().for_each(|person| write_mailbox(out, person));
    out.close(name);
}

fn attendees(out: &mut Writer, name: &'static str, people: &[Address]) {
    if people.is_empty() {
        out.refuse(String::from(
            "a list of people to invite is empty; take the property out to invite nobody",
        ));
    }
    out.open(name, &[]);
    for person in people {
        out.open("t:Attendee", &[]);
        write_mailbox(out, person);
        out.close("t:Attendee");
    }
    out.close(name);
}

fn extended(out: &mut Writer, property: &ExtendedName, values: &[String]) {
    let several = property.kind().is_array();
    if values.is_empty() || (values.len() > 1 && !several) {
        out.refuse(format!(
            "a property of type {} has not {} values",
            property.kind().as_str(),
            values.len()
        ));
    }
    if let ExtendedName::Named { set: PropertySet::Known("InternetHeaders"), name, .. } = property {
        header(out, name, values);
    }
    out.open("t:ExtendedProperty", &[]);
    property.write(out);
    if several {
        out.open("t:Values", &[]);
    }
    values.iter().for_each(|value| out.exact("t:Value", value));
    if several {
        out.close("t:Values");
    }
    out.close("t:ExtendedProperty");
}

/// Refuses a header that could forge others.
fn header(out: &mut Writer, name: &str, values: &[String]) {
    let token = !name.is_empty() && name.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'-');
    if !token {
        out.refuse(format!("\"{}\" is no name of a header", shown(name, 60)));
    }
    if values.iter().any(|value| value.chars().any(char::is_control)) {
        out.refuse(format!(
            "the value of the header `{}` has a line break or control character",
            shown(name, 60)
        ));
    }
}
