//! Events as EWS writes them, and the envelopes of an answer that stays open.
//!
//! <https://learn.microsoft.com/exchange/client-developer/web-service-reference/notification-ex15websvcsotherref>
//!
//! In an answer that stays open `Notification` and the ids of refused subscriptions are in the namespace of the messages:
//! the schema says otherwise, but that is how servers write them and clients look for them.

use super::super::envelope;
use super::super::out::Out;
use crate::model::changes::{Change, What};
use crate::model::item::FolderKey;
use crate::model::mailbox::Mailbox;
use crate::model::state::State;
use crate::model::subscription::{Live, News, watermark};

/// The operation whose answer stays open.
pub(crate) const STREAM: &str = "GetStreamingEvents";

/// The kinds of events a client can ask for.
pub(super) const KINDS: [(&str, Option<What>); 7] = [
    ("CopiedEvent", Some(What::Copied)),
    ("CreatedEvent", Some(What::Created)),
    ("DeletedEvent", Some(What::Deleted)),
    ("ModifiedEvent", Some(What::Modified)),
    ("MovedEvent", Some(What::Moved)),
    ("NewMailEvent", Some(What::NewMail)),
    // Calendars are nobody's free or busy time here.
    ("FreeBusyChangedEvent", None),
];

/// What a look at the subscriptions of an open answer came to.
pub(crate) enum Pumped {
    Nothing,
    /// An envelope with events.
    News(String),
    /// An envelope that says which subscriptions are gone; the last one.
    Gone(String),
}

/// The next envelope of an open answer, if there is something to say.
pub(crate) fn pump(state: &mut State, live: &Live) -> Pumped {
    let mut all = Vec::new();
    let mut gone = Vec::new();
    for id in &live.subscriptions {
        match state.stream(&live.owner, id) {
            None => gone.push(id.clone()),
            Some(news) if news.events.is_empty() => {}
            Some(news) => all.push((id, news)),
        }
    }
    if !gone.is_empty() {
        let text = envelope::wrapped(STREAM, |out| refuse(out, &gone, "ErrorSubscriptionNotFound"));
        return Pumped::Gone(text);
    }
    if all.is_empty() {
        return Pumped::Nothing;
    }
    Pumped::News(envelope::wrapped(STREAM, |out| {
        begin(out);
        out.raw("<m:Notifications>");
        for (id, news) in &all {
            if let Some(mailbox) = state.mailboxes.get(&news.mailbox.to_lowercase()) {
                out.raw("<m:Notification>");
                out.element("t:SubscriptionId", id);
                news.events.iter().for_each(|(at, change)| event(out, mailbox, *at, change, false));
                out.raw("</m:Notification>");
            }
        }
        out.raw("</m:Notifications>");
        out.raw("</m:GetStreamingEventsResponseMessage>");
    }))
}

/// A sign of life.
pub(crate) fn still_open() -> String {
    envelope::wrapped(STREAM, |out| status(out, "OK"))
}

/// The last envelope.
pub(crate) fn closed() -> String {
    envelope::wrapped(STREAM, |out| status(out, "Closed"))
}

fn begin(out: &mut Out) {
    out.raw("<m:GetStreamingEventsResponseMessage ResponseClass=\"Success\"><m:ResponseCode>NoError</m:ResponseCode>");
}

/// Writes a message that says nothing but the state of the connection.
pub(super) fn status(out: &mut Out, status: &str) {
    begin(out);
    out.element("m:ConnectionStatus", status);
    out.raw("</m:GetStreamingEventsResponseMessage>");
}

/// Writes a message that refuses subscriptions.
pub(super) fn refuse(out: &mut Out, ids: &[String], code: &str) {
    out.raw("<m:GetStreamingEventsResponseMessage ResponseClass=\"Error\"><m:MessageText>One or more subscriptions in the request reside on another Client Access server or do not exist.</m:MessageText>");
    out.element("m:ResponseCode", code);
    out.raw("<m:DescriptiveLinkKey>0</m:DescriptiveLinkKey><m:ErrorSubscriptionIds>");
    ids.iter().for_each(|id| out.element("m:SubscriptionId", id));
    out.raw("</m:ErrorSubscriptionIds></m:GetStreamingEventsResponseMessage>");
}

/// Writes `m:Notification` of GetEvents.
pub(super) fn notification(out: &mut Out, mailbox: &Mailbox, id: &str, news: &News) {
    out.raw("<m:Notification>");
    out.element("t:SubscriptionId", id);
    out.element("t:PreviousWatermark", &watermark(mailbox, news.before));
    out.element("t:MoreEvents", if news.more { "true" } else { "false" });
    news.events.iter().for_each(|(at, change)| event(out, mailbox, *at, change, true));
    if news.events.is_empty() {
        out.raw("<t:StatusEvent>");
        out.element("t:Watermark", &watermark(mailbox, news.after));
        out.raw("</t:StatusEvent>");
    }
    out.raw("</m:Notification>");
}

fn event(out: &mut Out, mailbox: &Mailbox, at: usize, change: &Change, marked: bool) {
    let kind = if change.what == What::ReadFlag { What::Modified } else { change.what };
    let Some((name, _)) = KINDS.iter().find(|(_, what)| *what == Some(kind)) else { return };
    out.raw(&format!("<t:{name}>"));
    if marked {
        out.element("t:Watermark", &watermark(mailbox, at));
    }
    out.element("t:TimeStamp", &change.at.strftime("%Y-%m-%dT%H:%M:%SZ").to_string());
    match &change.item {
        Some(id) => {
            item(out, mailbox, "ItemId", id);
            folder(out, mailbox, "ParentFolderId", change.folder);
        }
        None => {
            folder(out, mailbox, "FolderId", change.folder);
            folder(out, mailbox, "ParentFolderId", mailbox.parent(change.folder).unwrap_or(change.folder));
        }
    }
    if let (What::Moved | What::Copied, Some(from)) = (kind, &change.from) {
        match (&from.item, from.original) {
            (Some(id), _) => item(out, mailbox, "OldItemId", id),
            (None, original) => folder(out, mailbox, "OldFolderId", original.unwrap_or(change.folder)),
        }
        folder(out, mailbox, "OldParentFolderId", from.parent);
    }
    if kind == What::Modified && change.item.is_none() {
        out.element("t:UnreadCount", &mailbox.counts(change.folder).1.to_string());
    }
    out.raw(&format!("</t:{name}>"));
}

fn item(out: &mut Out, mailbox: &Mailbox, name: &str, id: &str) {
    out.raw(&format!("<t:{name} Id=\"{id}\""));
    if let Some(item) = mailbox.items.values().find(|item| item.id == id) {
        out.raw(&format!(" ChangeKey=\"{}\"", item.change_key()));
    }
    out.raw("/>");
}

fn folder(out: &mut Out, mailbox: &Mailbox, name: &str, key: FolderKey) {
    if let Some(folder) = mailbox.folders.get(key) {
        out.raw(&format!("<t:{name} Id=\"{}\" ChangeKey=\"{}\"/>", folder.id, folder.change_key()));
    }
}
