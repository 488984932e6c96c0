//! People and groups as the directory knows them.
//!
//! A group has an address and members and no mailbox; a member may be a group, or somebody outside. Hits of a search
//! over mailboxes are words in a subject or a text: no query language but that.

use serde::Deserialize;

use super::free_busy::{BusyTime, WorkingHours};
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
    /// When others are told that they are busy, whatever the calendar says.
    pub(crate) busy: Option<Vec<BusyTime>>,
    pub(crate) working_hours: WorkingHours,
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
