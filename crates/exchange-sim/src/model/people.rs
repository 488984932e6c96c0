//! People and groups as the directory knows them, and when they are busy.
//!
//! A group has an address and members and no mailbox; a member may be a group, or somebody outside. Hits of a search
//! over mailboxes are words in a subject or a text: no query language but that.

use jiff::Timestamp;
use serde::Deserialize;

use super::item::Item;
use super::mailbox::Mailbox;
use super::settings::Found;
use super::state::State;
use super::store_error::{StoreError, Stored};

/// What the directory knows about the owner of a mailbox, beside name and address.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(crate) struct Profile {
    pub(crate) alias: String,
    pub(crate) given_name: String,
    pub(crate) surname: String,
    pub(crate) title: String,
    pub(crate) department: String,
    pub(crate) company: String,
    pub(crate) office: String,
    pub(crate) phone: String,
    /// Words for those who write to them.
    pub(crate) mail_tip: String,
    /// When they are busy.
    pub(crate) busy: Vec<BusyTime>,
}

/// An entry of a calendar.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct BusyTime {
    #[serde(deserialize_with = "time")]
    pub(crate) start: Timestamp,
    #[serde(deserialize_with = "time")]
    pub(crate) end: Timestamp,
    #[serde(default)]
    pub(crate) kind: BusyKind,
    #[serde(default)]
    pub(crate) subject: String,
    #[serde(default)]
    pub(crate) location: String,
}

/// What an entry of a calendar means for others, from the least to the most.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Default, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum BusyKind {
    Free,
    Tentative,
    #[default]
    Busy,
    Away,
}

impl BusyKind {
    pub(crate) fn as_str(self) -> &'static str {
        match self {
            BusyKind::Free => "Free",
            BusyKind::Tentative => "Tentative",
            BusyKind::Busy => "Busy",
            BusyKind::Away => "OOF",
        }
    }

    /// Its digit in the merged view.
    pub(crate) fn digit(self) -> char {
        match self {
            BusyKind::Free => '0',
            BusyKind::Tentative => '1',
            BusyKind::Busy => '2',
            BusyKind::Away => '3',
        }
    }
}

fn time<'de, D: serde::Deserializer<'de>>(from: D) -> Result<Timestamp, D::Error> {
    let text = String::deserialize(from)?;
    let wrong = || serde::de::Error::custom(format!("{text:?} is no time such as 2026-11-21T05:00:00Z"));
    text.parse().map_err(|_| wrong())
}

/// A distribution group.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Group {
    pub(crate) address: String,
    #[serde(default)]
    pub(crate) name: String,
    pub(crate) members: Vec<String>,
}

impl Profile {
    /// The most that is in a calendar between two times.
    pub(crate) fn busiest(&self, from: Timestamp, until: Timestamp) -> BusyKind {
        let touches = |entry: &&BusyTime| entry.start < until && entry.end > from;
        self.busy.iter().filter(touches).map(|entry| entry.kind).max().unwrap_or(BusyKind::Free)
    }
}

impl State {
    /// The group with this address or name.
    pub(crate) fn group(&self, wanted: &str) -> Option<&Group> {
        let wanted = wanted.trim();
        let is = |text: &str| text.eq_ignore_ascii_case(wanted);
        self.directory.groups.iter().find(|group| is(&group.address) || is(&group.name))
    }

    /// Who has this address.
    pub(crate) fn whose(&self, address: &str) -> Found {
        let mailbox = self.mailboxes.get(&address.to_lowercase());
        if let Some(mailbox) = mailbox {
            return Found::of(mailbox);
        }
        match self.group(address) {
            Some(group) => Found::of_group(group),
            None => Found { name: address.to_owned(), address: address.to_owned(), kind: "OneOff" },
        }
    }

    /// The members of a group, and how many of them, and of the groups inside, are outside of the organisation.
    pub(crate) fn member_counts(&self, group: &Group) -> (usize, usize) {
        let mut seen = std::collections::BTreeSet::new();
        let mut open: Vec<&Group> = vec![group];
        let (mut all, mut outside) = (0, 0);
        while let Some(group) = open.pop() {
            for member in &group.members {
                if !seen.insert(member.to_lowercase()) {
                    continue;
                }
                if let Some(inner) = self.group(member) {
                    open.push(inner);
                } else {
                    all += 1;
                    outside += usize::from(!self.mailboxes.contains_key(&member.to_lowercase()));
                }
            }
        }
        (all, outside)
    }

    /// The addresses of the mailboxes and groups that a filter names; with `expand` those of a group's members.
    pub(crate) fn searchable(&self, filter: &str, expand: bool) -> Stored<Vec<String>> {
        if expand && (filter.is_empty() || filter.contains('*')) {
            let text = "Cannot use wildcard or empty query when auto group expansion is enabled.";
            return Err(StoreError::new("ErrorInvalidArgument", text));
        }
        if let Some(group) = self.group(filter).filter(|_| expand) {
            let inside = |member: &&String| self.mailboxes.contains_key(&member.to_lowercase());
            return Ok(group.members.iter().filter(inside).cloned().collect());
        }
        let wanted = filter.to_lowercase();
        let fits = |text: &str| match wanted.strip_suffix('*') {
            Some(start) => text.to_lowercase().starts_with(start),
            None => text.to_lowercase() == wanted,
        };
        let hit = |address: &str, name: &str| {
            let alias = address.split('@').next().unwrap_or_default();
            wanted.is_empty() || fits(address) || fits(alias) || fits(name)
        };
        let mailboxes = self
            .mailboxes
            .values()
            .map(|mailbox| (mailbox.address.clone(), mailbox.settings.name.clone().unwrap_or_default()));
        let groups = self.directory.groups.iter().map(|group| (group.address.clone(), group.name.clone()));
        Ok(mailboxes
            .chain(groups)
            .filter(|(address, name)| hit(address, name))
            .map(|(address, _)| address)
            .collect())
    }

    /// The domains of the organisation's mailboxes.
    pub(crate) fn domains(&self) -> std::collections::BTreeSet<String> {
        let domain = |address: &String| address.rsplit_once('@').map(|(_, domain)| domain.to_owned());
        self.mailboxes.keys().filter_map(domain).collect()
    }
}

/// What a search over mailboxes names a mailbox by.
pub(crate) fn reference(mailbox: &Mailbox) -> String {
    format!(
        "/o=Simulation/ou=Exchange Administrative Group/cn=Recipients/cn={}",
        mailbox.address.to_lowercase()
    )
}

/// Whether all words of a query are in the subject or the text of an item.
pub(crate) fn matches(item: &Item, query: &str) -> bool {
    let subject = item.mail.subject.as_deref().unwrap_or_default();
    let text = format!("{subject}\n{}", item.mail.text_body()).to_lowercase();
    query.to_lowercase().split_whitespace().all(|word| text.contains(word.trim_matches('"')))
}
