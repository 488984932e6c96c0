//! What a calendar item, a contact or a message about a meeting has beyond any item.
//!
//! The properties are kept as they were given, each as a small tree of names and texts: a client gets back what was
//! put in, and only what the simulator decides by (the times, the people) is looked into. Messages about meetings keep
//! in the same way what they say of the meeting.

use jiff::Timestamp;
use serde::Serialize;

use super::filter::parse_time;

/// A property, or a part of one.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Default)]
pub(crate) struct Node {
    pub(crate) name: String,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub(crate) attributes: Vec<(String, String)>,
    #[serde(skip_serializing_if = "String::is_empty")]
    pub(crate) text: String,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub(crate) children: Vec<Node>,
}

impl Node {
    /// The part with this name.
    pub(crate) fn child(&self, name: &str) -> Option<&Node> {
        self.children.iter().find(|child| child.name == name)
    }

    /// Which of several entries it is.
    pub(crate) fn key(&self) -> Option<&str> {
        self.attributes.iter().find(|(name, _)| name == "Key").map(|(_, key)| key.as_str())
    }
}

/// Which kind of item it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub(crate) enum DetailKind {
    Calendar,
    Contact,
    /// An invitation.
    Request,
    /// An answer to one.
    Response,
    /// A meeting that was called off.
    Cancellation,
}

impl DetailKind {
    /// Whether it is a message about a meeting, which has also all that a mail has.
    pub(crate) fn is_notice(self) -> bool {
        matches!(self, DetailKind::Request | DetailKind::Response | DetailKind::Cancellation)
    }
}

/// The properties.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub(crate) struct Detail {
    pub(crate) kind: DetailKind,
    pub(crate) nodes: Vec<Node>,
}

/// Properties that are lists of people.
pub(crate) const PEOPLE: [&str; 3] = ["RequiredAttendees", "OptionalAttendees", "Resources"];

impl Detail {
    pub(crate) fn get(&self, name: &str) -> Option<&Node> {
        self.nodes.iter().find(|node| node.name == name)
    }

    /// The text of a property.
    pub(crate) fn text(&self, name: &str) -> Option<&str> {
        self.get(name).map(|node| node.text.as_str())
    }

    /// The class of an item that has these properties.
    pub(crate) fn item_class(&self) -> &'static str {
        match self.kind {
            DetailKind::Calendar => "IPM.Appointment",
            DetailKind::Contact => "IPM.Contact",
            DetailKind::Request => "IPM.Schedule.Meeting.Request",
            DetailKind::Cancellation => "IPM.Schedule.Meeting.Canceled",
            DetailKind::Response => match self.text("ResponseType") {
                Some("Accept") => "IPM.Schedule.Meeting.Resp.Pos",
                Some("Tentative") => "IPM.Schedule.Meeting.Resp.Tent",
                _ => "IPM.Schedule.Meeting.Resp.Neg",
            },
        }
    }

    /// A property that is a time.
    pub(crate) fn time(&self, name: &str) -> Option<Timestamp> {
        self.text(name).and_then(parse_time)
    }

    /// Sets a property; of one with entries, those that are given.
    pub(crate) fn set(&mut self, new: Node) {
        match self.nodes.iter_mut().find(|node| node.name == new.name) {
            Some(old) if new.children.iter().any(|entry| entry.key().is_some()) => {
                for entry in new.children {
                    merge(old, entry);
                }
            }
            Some(old) => *old = new,
            None => self.nodes.push(new),
        }
        self.nodes.sort();
    }

    /// Adds to a list of people.
    pub(crate) fn append(&mut self, new: Node) {
        match self.nodes.iter_mut().find(|node| node.name == new.name) {
            Some(old) => old.children.extend(new.children),
            None => self.nodes.push(new),
        }
        self.nodes.sort();
    }

    /// Takes a property away; with `entry` one entry of it, with `part` a part of that.
    pub(crate) fn remove(&mut self, name: &str, entry: Option<&str>, part: Option<&str>) {
        if entry.is_none() {
            self.nodes.retain(|node| node.name != name);
        }
        for node in self.nodes.iter_mut().filter(|node| node.name == name) {
            match part {
                None => node.children.retain(|child| child.key() != entry),
                Some(part) => {
                    for child in node.children.iter_mut().filter(|child| child.key() == entry) {
                        child.children.retain(|inner| inner.name != part);
                    }
                }
            }
        }
    }

    /// The addresses of everybody who is invited.
    pub(crate) fn invited(&self) -> Vec<String> {
        let lists = PEOPLE.iter().filter_map(|name| self.get(name));
        let mailboxes =
            lists.flat_map(|list| &list.children).filter_map(|attendee| attendee.child("Mailbox"));
        mailboxes.filter_map(|mailbox| mailbox.child("EmailAddress")).map(|node| node.text.clone()).collect()
    }

    /// Whether it lies, at least in part, between two moments.
    pub(crate) fn within(&self, from: Timestamp, to: Timestamp) -> bool {
        let (Some(start), Some(end)) = (self.time("Start"), self.time("End")) else { return false };
        start < to && (end > from || start == end && start >= from)
    }
}

/// Puts one entry over that with the same key; of an address its parts.
fn merge(old: &mut Node, entry: Node) {
    match old.children.iter_mut().find(|child| child.key() == entry.key()) {
        Some(kept) if !entry.children.is_empty() => {
            for part in entry.children {
                kept.children.retain(|inner| inner.name != part.name);
                kept.children.push(part);
            }
        }
        Some(kept) => *kept = entry,
        None => old.children.push(entry),
    }
}
