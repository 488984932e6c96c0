//! The properties of a message in answers: one table, in the order of the schema.

use exchange::FollowUp;

use super::item_writer::ItemView;
use super::out::Out;
use super::shape::BodyKind;
use crate::model::filter::display;
use crate::model::mail::Person;

/// The smallest base shape that shows a property.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Level {
    Default,
    All,
    /// Only when asked for by name.
    Named,
}

/// One property.
pub(crate) struct Property {
    /// As requests name it.
    pub(crate) uri: &'static str,
    pub(crate) level: Level,
    /// Whether FindItem can show it.
    pub(crate) in_find: bool,
    pub(crate) write: fn(&mut Out, &ItemView<'_>),
}

const fn property(
    uri: &'static str,
    level: Level,
    in_find: bool,
    write: fn(&mut Out, &ItemView<'_>),
) -> Property {
    Property { uri, level, in_find, write }
}

/// `item:…` properties come first, `message:…` properties after them; the extended ones stand between
/// `HasAttachments` and `Culture`.
pub(crate) const PROPERTIES: [Property; 46] = [
    property("item:MimeContent", Level::Named, false, mime_content),
    property("item:ParentFolderId", Level::All, true, parent_folder),
    property("item:ItemClass", Level::All, true, |out, view| {
        out.element("t:ItemClass", &view.item.item_class)
    }),
    property("item:Subject", Level::Default, true, |out, view| {
        if let Some(subject) = &view.item.mail.subject {
            out.element("t:Subject", subject);
        }
    }),
    property("item:Sensitivity", Level::Default, true, |out, view| {
        out.element("t:Sensitivity", kept(view, "Sensitivity").unwrap_or("Normal"));
    }),
    property("item:Body", Level::Default, false, |out, view| body(out, view, "t:Body", view.shape.body)),
    property("item:Attachments", Level::Default, false, super::item_writer::attachments),
    property("item:DateTimeReceived", Level::All, true, |out, view| {
        time(out, "t:DateTimeReceived", view.item.received)
    }),
    property("item:Size", Level::Default, true, |out, view| {
        out.element("t:Size", &view.item.raw.len().to_string());
    }),
    property("item:Categories", Level::All, true, |out, view| {
        if !view.item.categories.is_empty() {
            out.raw("<t:Categories>");
            view.item.categories.iter().for_each(|category| out.element("t:String", category));
            out.raw("</t:Categories>");
        }
    }),
    property("item:Importance", Level::All, true, |out, view| {
        out.element("t:Importance", &view.item.importance)
    }),
    property("item:InReplyTo", Level::All, true, |out, view| {
        optional(out, "t:InReplyTo", view.item.mail.in_reply_to.as_deref())
    }),
    property("item:IsSubmitted", Level::All, true, |out, _| flag(out, "t:IsSubmitted", false)),
    property("item:IsDraft", Level::All, true, |out, view| flag(out, "t:IsDraft", view.item.is_draft)),
    property("item:IsFromMe", Level::All, true, |out, view| flag(out, "t:IsFromMe", view.is_from_me())),
    property("item:IsResend", Level::All, true, |out, _| flag(out, "t:IsResend", false)),
    property("item:IsUnmodified", Level::All, true, |out, view| {
        flag(out, "t:IsUnmodified", view.item.version == 1)
    }),
    property("item:InternetMessageHeaders", Level::All, false, |out, view| headers(out, view, |_| true)),
    property("item:DateTimeSent", Level::Default, true, |out, view| {
        if let Some(sent) = view.item.mail.sent_at {
            time(out, "t:DateTimeSent", sent);
        }
    }),
    property("item:DateTimeCreated", Level::All, true, |out, view| {
        time(out, "t:DateTimeCreated", view.item.created)
    }),
    property("item:ReminderIsSet", Level::All, true, |out, view| {
        if let Some(set) = kept(view, "ReminderIsSet") {
            out.element("t:ReminderIsSet", set);
        }
    }),
    property("item:ReminderMinutesBeforeStart", Level::All, true, |out, view| {
        if let Some(minutes) = kept(view, "ReminderMinutesBeforeStart") {
            out.element("t:ReminderMinutesBeforeStart", minutes);
        }
    }),
    property("item:DisplayCc", Level::All, true, |out, view| {
        out.element("t:DisplayCc", &display(&view.item.mail.cc))
    }),
    property("item:DisplayTo", Level::All, true, |out, view| {
        out.element("t:DisplayTo", &display(&view.item.mail.to))
    }),
    property("item:HasAttachments", Level::Default, true, |out, view| {
        flag(out, "t:HasAttachments", view.item.mail.has_attachments());
    }),
    property("extended", Level::Named, true, super::item_writer::extended),
    property("item:Culture", Level::All, true, |out, _| out.element("t:Culture", "en-US")),
    property("item:EffectiveRights", Level::All, true, |out, _| out.raw(ITEM_RIGHTS)),
    property("item:LastModifiedTime", Level::All, true, |out, view| {
        time(out, "t:LastModifiedTime", view.item.modified)
    }),
    property("item:IsAssociated", Level::All, true, |out, _| flag(out, "t:IsAssociated", false)),
    property("item:UniqueBody", Level::Named, false, |out, view| {
        body(out, view, "t:UniqueBody", view.shape.body)
    }),
    property("item:Flag", Level::All, true, |out, view| {
        let status = match view.item.flag {
            FollowUp::NotFlagged => "NotFlagged",
            FollowUp::Flagged => "Flagged",
            FollowUp::Complete => "Complete",
        };
        out.raw("<t:Flag>");
        out.element("t:FlagStatus", status);
        out.raw("</t:Flag>");
    }),
    property("item:Preview", Level::Named, true, |out, view| {
        let text: String = view.item.mail.text_body().chars().take(255).collect();
        out.element("t:Preview", &text);
    }),
    property("item:TextBody", Level::Named, false, |out, view| body(out, view, "t:TextBody", BodyKind::Text)),
    property("message:Sender", Level::All, true, |out, view| {
        let mail = &view.item.mail;
        single(out, "t:Sender", mail.sender.as_ref().or(mail.from.as_ref()));
    }),
    property("message:ToRecipients", Level::Default, false, |out, view| {
        people(out, "t:ToRecipients", &view.item.mail.to)
    }),
    property("message:CcRecipients", Level::Default, false, |out, view| {
        people(out, "t:CcRecipients", &view.item.mail.cc)
    }),
    property("message:BccRecipients", Level::Default, false, |out, view| {
        people(out, "t:BccRecipients", &view.item.mail.bcc)
    }),
    property("message:IsReadReceiptRequested", Level::Default, true, |out, view| {
        let asked = view.item.mail.header_values("Disposition-Notification-To").next().is_some();
        flag(out, "t:IsReadReceiptRequested", asked);
    }),
    property("message:IsDeliveryReceiptRequested", Level::Default, true, |out, _| {
        flag(out, "t:IsDeliveryReceiptRequested", false);
    }),
    property("message:ConversationTopic", Level::All, true, |out, view| {
        optional(out, "t:ConversationTopic", view.item.mail.subject.as_deref());
    }),
    property("message:From", Level::Default, true, |out, view| {
        single(out, "t:From", view.item.mail.from.as_ref())
    }),
    property("message:InternetMessageId", Level::Default, true, |out, view| {
        optional(out, "t:InternetMessageId", view.item.mail.message_id.as_deref());
    }),
    property("message:IsRead", Level::Default, true, |out, view| flag(out, "t:IsRead", view.item.is_read)),
    property("message:References", Level::All, true, |out, view| {
        optional(out, "t:References", view.item.mail.references.as_deref())
    }),
    property("message:ReplyTo", Level::All, false, |out, view| {
        people(out, "t:ReplyTo", &view.item.mail.reply_to)
    }),
];

/// What the account may do with an item.
const ITEM_RIGHTS: &str = "<t:EffectiveRights><t:CreateAssociated>false</t:CreateAssociated><t:CreateContents>false</t:CreateContents><t:CreateHierarchy>false</t:CreateHierarchy><t:Delete>true</t:Delete><t:Modify>true</t:Modify><t:Read>true</t:Read></t:EffectiveRights>";

/// A property of any item that only calendar items are asked for.
fn kept<'a>(view: &'a ItemView<'_>, name: &str) -> Option<&'a str> {
    view.item.detail.as_ref().and_then(|detail| detail.text(name))
}

fn mime_content(out: &mut Out, view: &ItemView<'_>) {
    out.raw("<t:MimeContent CharacterSet=\"UTF-8\">");
    out.base64(&view.item.raw);
    out.raw("</t:MimeContent>");
}

fn parent_folder(out: &mut Out, view: &ItemView<'_>) {
    if let Some(folder) = view.mailbox.folders.get(view.item.folder).filter(|_| view.attached.is_none()) {
        out.raw(&format!("<t:ParentFolderId Id=\"{}\" ChangeKey=\"{}\"/>", folder.id, folder.change_key()));
    }
}

fn body(out: &mut Out, view: &ItemView<'_>, name: &str, kind: BodyKind) {
    let mail = &view.item.mail;
    let html = match (kind, &mail.html) {
        (BodyKind::Text, _) | (BodyKind::Best, None) => None,
        (BodyKind::Html | BodyKind::Best, Some(html)) => Some(html.clone()),
        (BodyKind::Html, None) => Some(mail_parser::decoders::html::text_to_html(&mail.text_body())),
    };
    let (kind, text) = match html {
        Some(html) => ("HTML", html),
        None => ("Text", mail.text_body()),
    };
    out.raw(&format!("<{name} BodyType=\"{kind}\">"));
    out.text(&text);
    out.raw(&format!("</{name}>"));
}

/// Writes the header lines that `shown` lets through.
pub(crate) fn headers(out: &mut Out, view: &ItemView<'_>, shown: impl Fn(&str) -> bool) {
    let mut lines = view.item.mail.headers.iter().filter(|(name, _)| shown(name)).peekable();
    if lines.peek().is_none() {
        return;
    }
    out.raw("<t:InternetMessageHeaders>");
    for (name, value) in lines {
        out.raw("<t:InternetMessageHeader HeaderName=\"");
        out.text(name);
        out.raw("\">");
        out.text(value);
        out.raw("</t:InternetMessageHeader>");
    }
    out.raw("</t:InternetMessageHeaders>");
}

pub(crate) fn flag(out: &mut Out, name: &str, value: bool) {
    out.element(name, if value { "true" } else { "false" });
}

fn time(out: &mut Out, name: &str, value: jiff::Timestamp) {
    out.element(name, &value.strftime("%Y-%m-%dT%H:%M:%SZ").to_string());
}

fn optional(out: &mut Out, name: &str, value: Option<&str>) {
    if let Some(value) = value {
        out.element(name, value);
    }
}

fn single(out: &mut Out, name: &str, person: Option<&Person>) {
    if let Some(person) = person {
        out.raw(&format!("<{name}>"));
        mailbox(out, person);
        out.raw(&format!("</{name}>"));
    }
}

fn people(out: &mut Out, name: &str, people: &[Person]) {
    if !people.is_empty() {
        out.raw(&format!("<{name}>"));
        people.iter().for_each(|person| mailbox(out, person));
        out.raw(&format!("</{name}>"));
    }
}

/// Writes `t:Mailbox`.
pub(crate) fn mailbox(out: &mut Out, person: &Person) {
    out.raw("<t:Mailbox>");
    out.element("t:Name", person.name.as_deref().unwrap_or(&person.address));
    if !person.address.is_empty() {
        out.element("t:EmailAddress", &person.address);
        out.element("t:RoutingType", "SMTP");
    }
    out.raw("</t:Mailbox>");
}
