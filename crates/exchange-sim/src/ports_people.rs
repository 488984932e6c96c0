//! Face 1, continued: contacts, members of groups, and the mailboxes there are.

use exchange::port::{Contacts, Groups, Mailboxes, Work};
use exchange::{
    Address, Contact, ContactLabel, ContactPage, DirectoryEntry, Error, ErrorKind, GroupMembers, ItemRef,
    Mailbox, Phone, Postal, SearchableMailbox, SearchableMailboxes,
};

use crate::model::detail::{Detail, DetailKind, Node};
use crate::model::item::Item;
use crate::model::store_error::StoreError;
use crate::ports::{Direct, refused};

impl Groups for Direct {
    fn members<'a>(&'a self, mailbox: &'a Mailbox, group: &'a str) -> Work<'a, GroupMembers> {
        self.now(move |state| {
            state.mailbox(mailbox.as_str()).map_err(refused)?;
            if group.trim().is_empty() {
                return Err(Error::new(ErrorKind::Invalid, "a blank address is no group's"));
            }
            let nobody =
                || Error::new(ErrorKind::NotFound, "there is no such group, or its members are hidden");
            let group = state.group(group).ok_or_else(nobody)?;
            let entry = |member: &String| {
                let found = state.whose(member);
                DirectoryEntry {
                    name: found.name,
                    address: found.address,
                    routing_type: "SMTP".to_owned(),
                    kind: found.kind.to_owned(),
                }
            };
            Ok(GroupMembers { members: group.members.iter().map(entry).collect(), truncated: false })
        })
    }
}

impl Mailboxes for Direct {
    fn searchable<'a>(
        &'a self,
        mailbox: &'a Mailbox,
        filter: Option<&'a str>,
        expand_groups: bool,
    ) -> Work<'a, SearchableMailboxes> {
        self.now(move |state| {
            state.mailbox(mailbox.as_str()).map_err(refused)?;
            let found = state.searchable(filter.unwrap_or_default(), expand_groups).map_err(refused)?;
            let mailboxes = found.iter().map(|address| {
                let who = state.whose(address);
                let is_group = !state.mailboxes.contains_key(&address.to_lowercase());
                SearchableMailbox { address: who.address, name: who.name, is_group, is_external: false }
            });
            Ok(SearchableMailboxes { mailboxes: mailboxes.collect(), failed: Vec::new() })
        })
    }
}

impl Contacts for Direct {
    fn contacts<'a>(&'a self, mailbox: &'a Mailbox, offset: u32, limit: u32) -> Work<'a, ContactPage> {
        self.now(move |state| {
            if !(1..=1_000).contains(&limit) {
                return Err(Error::new(ErrorKind::Invalid, "a page has 1 to 1,000 contacts"));
            }
            let mailbox = state.mailbox(mailbox.as_str()).map_err(refused)?;
            let folder = mailbox.well_known("contacts").ok_or_else(StoreError::folder_not_found);
            let keys = mailbox.keys(folder.map_err(refused)?);
            let mut all: Vec<(&Item, &Detail)> = keys
                .iter()
                .filter_map(|key| mailbox.items.get(key))
                .filter_map(|item| Some((item, item.detail.as_deref()?)))
                .filter(|(_, detail)| detail.kind == DetailKind::Contact)
                .collect();
            all.sort_by_key(|(item, _)| std::cmp::Reverse(item.created));
            let number = |count: usize| u32::try_from(count).unwrap_or(u32::MAX);
            let page = all.iter().skip(offset as usize).take(limit as usize);
            let contacts: Vec<Contact> = page.map(|(item, detail)| contact(item, detail)).collect();
            let end = offset.saturating_add(number(contacts.len()));
            let next_offset = (end < number(all.len()) && !contacts.is_empty()).then_some(end);
            Ok(ContactPage { contacts, total: number(all.len()), next_offset })
        })
    }
}

fn contact(item: &Item, detail: &Detail) -> Contact {
    let text = |name: &str| detail.text(name).filter(|text| !text.is_empty()).map(str::to_owned);
    let emails = entries(detail, "EmailAddresses").into_iter().map(|(_, entry)| {
        let name = entry.attributes.iter().find(|(name, value)| name == "Name" && !value.is_empty());
        Address { name: name.map(|(_, name)| name.clone()), address: entry.text.clone() }
    });
    let phones = entries(detail, "PhoneNumbers")
        .into_iter()
        .map(|(kind, entry)| Phone { label: phone_label(kind), number: entry.text.clone() });
    let postal = entries(detail, "PhysicalAddresses").into_iter().map(|(kind, entry)| {
        let part = |name: &str| entry.child(name).map(|part| part.text.clone()).unwrap_or_default();
        Postal {
            label: match kind {
                "Business" => ContactLabel::Business,
                "Home" => ContactLabel::Home,
                _ => ContactLabel::Other,
            },
            street: part("Street"),
            city: part("City"),
            state: part("State"),
            postal_code: part("PostalCode"),
            country: part("CountryOrRegion"),
        }
    });
    Contact {
        item: ItemRef { id: item.id.clone(), change_key: Some(item.change_key()) },
        display_name: text("DisplayName").or_else(|| text("FileAs")),
        company: text("CompanyName"),
        job_title: text("JobTitle"),
        emails: emails.filter(|email| !email.address.is_empty()).collect(),
        phones: phones.filter(|phone| !phone.number.is_empty()).collect(),
        addresses: postal.collect(),
        modified_at: Some(item.modified.to_string()),
    }
}

/// The entries of a list, by their keys.
fn entries<'a>(detail: &'a Detail, list: &str) -> Vec<(&'a str, &'a Node)> {
    let children = detail.get(list).map(|list| list.children.as_slice()).unwrap_or_default();
    let mut all: Vec<(&str, &Node)> =
        children.iter().map(|entry| (entry.key().unwrap_or_default(), entry)).collect();
    all.sort_by_key(|(key, _)| *key);
    all
}

fn phone_label(kind: &str) -> ContactLabel {
    match kind {
        "AssistantPhone" | "BusinessPhone" | "BusinessPhone2" | "CompanyMainPhone" => ContactLabel::Business,
        "HomePhone" | "HomePhone2" => ContactLabel::Home,
        "CarPhone" | "MobilePhone" => ContactLabel::Mobile,
        _ => ContactLabel::Other,
    }
}
