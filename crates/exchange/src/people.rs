//! People beside mail: contacts of a mailbox, members of groups, and the mailboxes that may be looked into.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::{Address, DirectoryEntry, ItemRef};

/// The members of a group, one level of them.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct GroupMembers {
    /// They, in the server's order; a group among them is listed as such.
    pub members: Vec<DirectoryEntry>,
    /// Whether there are more than these.
    pub truncated: bool,
}

/// What a telephone number or a postal address is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum ContactLabel {
    /// Work.
    Business,
    /// Home.
    Home,
    /// What is carried along.
    Mobile,
    /// Anything else.
    Other,
}

/// A telephone number.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Phone {
    /// What it is for.
    pub label: ContactLabel,
    /// As it was written.
    pub number: String,
}

/// A postal address. What is not there is empty.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Postal {
    /// What it is for.
    pub label: ContactLabel,
    /// Street and number.
    pub street: String,
    /// Town.
    pub city: String,
    /// State or region.
    pub state: String,
    /// Postal code.
    pub postal_code: String,
    /// Country.
    pub country: String,
}

/// Somebody in the contacts of a mailbox. Whoever controls the mailbox wrote it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Contact {
    /// Where it is.
    pub item: ItemRef,
    /// The name that is shown.
    pub display_name: Option<String>,
    /// Company.
    pub company: Option<String>,
    /// What they are there.
    pub job_title: Option<String>,
    /// Mail addresses.
    pub emails: Vec<Address>,
    /// Telephone numbers.
    pub phones: Vec<Phone>,
    /// Postal addresses.
    pub addresses: Vec<Postal>,
    /// When it was changed last, RFC 3339 in UTC.
    pub modified_at: Option<String>,
}

/// A page of contacts.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct ContactPage {
    /// They, in the order in which they were made, the newest first.
    pub contacts: Vec<Contact>,
    /// How many there are in all, as the server says.
    pub total: u32,
    /// The offset of the next page, if there is one.
    pub next_offset: Option<u32>,
}

/// A mailbox, or a group of them, that the account may look into.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SearchableMailbox {
    /// Its address.
    pub address: String,
    /// Its name.
    pub name: String,
    /// Whether it is a group.
    pub is_group: bool,
    /// Whether it is in another organisation.
    pub is_external: bool,
}

/// The mailboxes that the account may look into.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct SearchableMailboxes {
    /// They.
    pub mailboxes: Vec<SearchableMailbox>,
    /// Those the server knows of and cannot reach, each with its reason.
    pub failed: Vec<(String, String)>,
}
