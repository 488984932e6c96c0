//! `contact.list`: the people in the contacts of a mailbox.
//!
//! Whoever controls the mailbox wrote them, an intruder too. Left out: lists of people, folders of contacts beside the
//! one every mailbox has, and the directory, which `directory.resolve_name` asks.

use action_api::plan::{Effect, Failure, FailureKind, Repeat};
use action_api::{ActionInfo, Context, Example, TypedAction};
use exchange::{Address, Contact, ContactLabel, Ports};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::json;

use crate::failure::{from_exchange, need};
use crate::input::MailboxName;

/// Lists contacts.
pub(crate) struct List;

/// Input of `contact.list`.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct Input {
    /// The mailbox.
    mailbox: MailboxName,
    /// How many contacts to give at most.
    #[serde(default = "fifty")]
    #[schemars(range(min = 1, max = 1000))]
    limit: u32,
    /// How many to pass over: `next_offset` of the page before.
    #[serde(default)]
    offset: u32,
}

fn fifty() -> u32 {
    50
}

/// Output of `contact.list`.
#[derive(Debug, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct Output {
    /// The contacts, those that were made last first; empty if there are none.
    #[schemars(length(max = 1000))]
    contacts: Vec<Person>,
    /// How many there are in all, as the server says.
    total: u32,
    /// Where the next page begins; null after the last.
    next_offset: Option<u32>,
}

/// Somebody.
#[derive(Debug, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct Person {
    /// The server's id of the contact.
    item_id: String,
    /// The name that is shown.
    #[schemars(extend("x-untrusted" = true))]
    display_name: Option<String>,
    /// Company.
    #[schemars(extend("x-untrusted" = true))]
    company: Option<String>,
    /// What they are there.
    #[schemars(extend("x-untrusted" = true))]
    job_title: Option<String>,
    /// Mail addresses.
    #[schemars(length(max = 1000), extend("x-untrusted" = true))]
    emails: Vec<Address>,
    /// Telephone numbers.
    #[schemars(length(max = 1000))]
    phones: Vec<Phone>,
    /// Postal addresses.
    #[schemars(length(max = 1000))]
    addresses: Vec<Postal>,
    /// When the contact was changed last, RFC 3339 in UTC.
    modified_at: Option<String>,
}

/// A telephone number.
#[derive(Debug, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct Phone {
    /// What it is for: `business`, `home`, `mobile` or `other`.
    label: ContactLabel,
    /// The number, as it was written.
    #[schemars(extend("x-untrusted" = true))]
    number: String,
}

/// A postal address. What is not there is empty.
#[derive(Debug, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct Postal {
    /// What it is for: `business`, `home` or `other`.
    label: ContactLabel,
    /// Street and number.
    #[schemars(extend("x-untrusted" = true))]
    street: String,
    /// The town.
    #[schemars(extend("x-untrusted" = true))]
    city: String,
    /// State or region.
    #[schemars(extend("x-untrusted" = true))]
    state: String,
    /// Postal code.
    #[schemars(extend("x-untrusted" = true))]
    postal_code: String,
    /// Country.
    #[schemars(extend("x-untrusted" = true))]
    country: String,
}

impl From<Contact> for Person {
    fn from(contact: Contact) -> Self {
        let phone = |phone: exchange::Phone| Phone { label: phone.label, number: phone.number };
        let postal = |postal: exchange::Postal| Postal {
            label: postal.label,
            street: postal.street,
            city: postal.city,
            state: postal.state,
            postal_code: postal.postal_code,
            country: postal.country,
        };
        Person {
            item_id: contact.item.id,
            display_name: contact.display_name,
            company: contact.company,
            job_title: contact.job_title,
            emails: contact.emails,
            phones: contact.phones.into_iter().map(phone).collect(),
            addresses: contact.addresses.into_iter().map(postal).collect(),
            modified_at: contact.modified_at,
        }
    }
}

impl TypedAction<Ports> for List {
    const INFO: ActionInfo = ActionInfo {
        name: "contact.list",
        summary: "List the contacts of a mailbox",
        description: "Lists the people in the contacts of a mailbox with their mail addresses, telephone numbers and \
                      postal addresses. Lists of people are left out. No contacts are an empty answer and no \
                      failure.",
        effect: Effect::Enrichment,
        repeat: Repeat::Natural,
        errors: &[
            FailureKind::Transient,
            FailureKind::Throttled,
            FailureKind::NotFound,
            FailureKind::PermissionDenied,
            FailureKind::Invalid,
        ],
        connection: Some("exchange"),
        ports: &["contacts"],
        inverse: None,
        undo: &[],
    };
    type Input = Input;
    type Output = Output;

    async fn run(ports: Ports, _: Context, input: Input) -> Result<Output, Failure> {
        let port = need(&ports.contacts, Self::INFO.name, "contacts")?;
        let mut output = Output { contacts: Vec::new(), total: 0, next_offset: Some(input.offset) };
        // A server may give smaller pages than it was asked for.
        loop {
            let have = u32::try_from(output.contacts.len()).unwrap_or(u32::MAX);
            let left = input.limit.saturating_sub(have);
            let Some(offset) = output.next_offset.filter(|_| left > 0) else { return Ok(output) };
            let page = port.contacts(input.mailbox.get(), offset, left).await.map_err(from_exchange)?;
            output.total = page.total;
            output.next_offset = page.next_offset.filter(|next| *next > offset);
            output.contacts.extend(page.contacts.into_iter().map(Person::from));
        }
    }

    fn examples() -> Vec<Example> {
        vec![Example {
            title: "Who may have got mail from an account that was broken into?".to_owned(),
            input: json!({ "mailbox": "alice@corp.example", "limit": 200 }),
            output: json!(null),
        }]
    }
}
