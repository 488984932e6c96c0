//! [`Contacts`] over FindItem and GetItem.
//!
//! FindItem does not show the lists of a contact on every server, so it finds and GetItem shows.

use exchange::port::{Contacts, Work};
use exchange::{Contact, ContactLabel, ContactPage, Error, ErrorKind, ItemRef, Mailbox, Phone, Postal};

use crate::client::EwsClient;
use crate::object::{
    BaseShape, ContactPart, ExchangeItem, FolderAt, ItemCondition, ItemSearch, ItemShape, ItemView,
    PropertyPath, Sort, TextMode,
};

/// Lists of people have another class.
const CLASS: &str = "IPM.Contact";

impl Contacts for EwsClient {
    fn contacts<'a>(&'a self, mailbox: &'a Mailbox, offset: u32, limit: u32) -> Work<'a, ContactPage> {
        Box::pin(async move {
            if !(1..=1_000).contains(&limit) {
                return Err(Error::new(ErrorKind::Invalid, "a page has 1 to 1,000 contacts"));
            }
            let mut search = ItemSearch::new(FolderAt::CONTACTS);
            search.shape = ItemShape::new(BaseShape::IdOnly);
            search.view = ItemView::Page { offset, limit, from_end: false };
            let class = PropertyPath::field("item:ItemClass");
            search.condition = Some(ItemCondition::Contains(class, TextMode::Beginning, CLASS.to_owned()));
            search.sort = vec![Sort { path: PropertyPath::field("item:DateTimeCreated"), descending: true }];
            let pages = self.find_items(mailbox, &search).await?;
            let nothing = || Error::new(ErrorKind::Invalid, "FindItem: the answer holds no page");
            let page = pages.into_iter().next().ok_or_else(nothing)??;
            let items: Vec<ItemRef> = page.items.into_iter().filter_map(|item| item.reference).collect();
            let shape = ItemShape::new(BaseShape::AllProperties);
            let mut contacts = Vec::with_capacity(items.len());
            for item in self.get_items(mailbox, &items, &shape).await? {
                match item {
                    Ok(item) => contacts.extend(contact(item)),
                    // Deleted since it was found.
                    Err(error) if error.kind == ErrorKind::NotFound => {}
                    Err(error) => return Err(error),
                }
            }
            Ok(ContactPage { contacts, total: page.total, next_offset: page.next_offset })
        })
    }
}

/// A contact as the port has it; nothing for an item of another kind.
fn contact(item: ExchangeItem) -> Option<Contact> {
    let part = *item.contact?;
    let text = |name: &str| part.text(name).map(str::to_owned);
    Some(Contact {
        item: item.reference?,
        display_name: text("DisplayName").or_else(|| text("FileAs")),
        company: text("CompanyName"),
        job_title: text("JobTitle"),
        phones: phones(&part),
        addresses: addresses(&part),
        emails: part.emails.into_values().collect(),
        modified_at: item.modified.map(|time| time.to_string()),
    })
}

fn phones(part: &ContactPart) -> Vec<Phone> {
    let phone = |(kind, number): (&String, &String)| {
        let label = match kind.as_str() {
            "BusinessPhone" | "BusinessPhone2" | "CompanyMainPhone" | "AssistantPhone" => {
                ContactLabel::Business
            }
            "HomePhone" | "HomePhone2" => ContactLabel::Home,
            "MobilePhone" | "CarPhone" => ContactLabel::Mobile,
            _ => ContactLabel::Other,
        };
        Phone { label, number: number.clone() }
    };
    part.phones.iter().map(phone).collect()
}

fn addresses(part: &ContactPart) -> Vec<Postal> {
    let text = |text: &Option<String>| text.clone().unwrap_or_default();
    let address = |(kind, postal): (&String, &crate::object::PostalAddress)| Postal {
        label: match kind.as_str() {
            "Business" => ContactLabel::Business,
            "Home" => ContactLabel::Home,
            _ => ContactLabel::Other,
        },
        street: text(&postal.street),
        city: text(&postal.city),
        state: text(&postal.state),
        postal_code: text(&postal.postal_code),
        country: text(&postal.country),
    };
    part.postal.iter().map(address).filter(|address| !is_blank(address)).collect()
}

fn is_blank(address: &Postal) -> bool {
    let texts = [&address.street, &address.city, &address.state, &address.postal_code, &address.country];
    texts.into_iter().all(String::is_empty)
}
