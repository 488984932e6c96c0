//! What every implementation of the ports must do, as one suite that is run against each of them.
//!
//! It is run against the simulator directly, the simulator over each wire, and may be run against a real test
//! tenant. The suite brings its own mails ([`mails`]); whoever runs it puts them into the two mailboxes, builds
//! the ports, and calls [`all`]. Every check has mails of its own, so their order does not matter; one run
//! uses them up. A failure is a sentence, because library code does not panic.

mod attachments;
mod calendar;
mod change;
mod drafts;
mod folders;
mod mails;
mod people;
mod properties;
mod read;
mod search;
mod settings;
mod submit;
mod transfer;

pub use mails::{FixtureMail, mails};

use crate::port::Ports;
use crate::{Error, ErrorKind, FolderRef, Found, ItemRef, Mailbox, MessageSummary, Query, SearchRequest};

/// The mailbox most checks work in.
pub const ALICE: &str = "alice@corp.example";
/// The mailbox that gets mail.
pub const BOB: &str = "bob@corp.example";

/// A group whose members are [`ALICE`], [`BOB`] and [`INNER_GROUP`].
pub const GROUP: &str = "conformance-team@corp.example";
/// A group whose one member is [`GROUP`], which holds it.
pub const INNER_GROUP: &str = "conformance-inner@corp.example";
/// Somebody in the contacts of [`ALICE`]: name, address, mobile number.
pub const CONTACT: (&str, &str, &str) = ("Conformance Contact", "contact@partner.example", "+49 170 1234567");

/// What the suite runs against: ports on an organisation that holds [`mails`], the two groups and the contact.
pub struct Fixture {
    /// All of them; a port that is missing is a failure.
    pub ports: Ports,
}

/// What a check gives: nothing, or a sentence that says what was wrong.
pub type Verdict<T = ()> = Result<T, String>;

/// Runs every check, and gives all that failed in one text.
///
/// # Errors
/// Where a check failed: its name and what was wrong, one line each.
pub async fn all(fixture: &Fixture) -> Verdict {
    let verdicts = [
        ("search by every field", search::fields(fixture).await),
        ("search by conditions of any shape", search::restrictions(fixture).await),
        ("search takes any text as text", search::quoting(fixture).await),
        ("search pages", search::pages(fixture).await),
        ("search in folders that are not there", search::absent(fixture).await),
        ("read whole messages", read::messages(fixture).await),
        ("read MIME byte for byte", read::mime(fixture).await),
        ("list and fetch attachments", attachments::fetches(fixture).await),
        ("move", change::moves(fixture).await),
        ("copy", transfer::copies(fixture).await),
        ("take along to another mailbox", transfer::transfers(fixture).await),
        ("delete in three ways", change::deletes(fixture).await),
        ("delete one bad id among good ones", change::deletes_batch(fixture).await),
        ("leave other mailboxes alone", change::stays_in_mailbox(fixture).await),
        ("mark as read", change::marks(fixture).await),
        ("mark as junk and back", change::junks(fixture).await),
        ("take attachments off", attachments::detaches(fixture).await),
        ("inbox rules", settings::rules(fixture).await),
        ("automatic replies", settings::out_of_office(fixture).await),
        ("names of the directory", settings::directory(fixture).await),
        ("events of a calendar", calendar::events(fixture).await),
        ("events that make no sense", calendar::refuses_events(fixture).await),
        ("events that repeat", calendar::series(fixture).await),
        ("meetings", calendar::meetings(fixture).await),
        ("folders and what they hold", folders::looks(fixture).await),
        ("make and delete folders", folders::makes(fixture).await),
        ("members of groups", people::groups(fixture).await),
        ("contacts", people::contacts(fixture).await),
        ("mailboxes that may be searched", people::mailboxes(fixture).await),
        ("categories, importance and flag", properties::changes(fixture).await),
        ("draft, send, find by key", submit::sends(fixture).await),
        ("reply", submit::replies(fixture).await),
        ("refuse headers that are not ours", submit::refuses_headers(fixture).await),
        ("everything a message can say", drafts::says_all(fixture).await),
        ("keep a draft from its MIME form and send it", drafts::from_mime(fixture).await),
        ("attach to a draft and send it", drafts::attaches(fixture).await),
        ("change a draft", drafts::changes(fixture).await),
        ("pass a message on", drafts::forwards(fixture).await),
        ("answer with more people and with the original", drafts::answers(fixture).await),
        ("send without a copy among the sent", drafts::unfiled(fixture).await),
    ];
    let failed: Vec<String> = verdicts
        .into_iter()
        .filter_map(|(name, verdict)| Some(format!("{name}: {}", verdict.err()?)))
        .collect();
    if failed.is_empty() { Ok(()) } else { Err(failed.join("\n")) }
}

/// Fails with a sentence unless it holds.
fn ensure(holds: bool, otherwise: impl FnOnce() -> String) -> Verdict {
    if holds { Ok(()) } else { Err(otherwise()) }
}

/// Fails unless both are equal.
fn same<T: PartialEq + std::fmt::Debug>(what: &str, found: &T, expected: &T) -> Verdict {
    ensure(found == expected, || format!("{what} is {found:?}, not {expected:?}"))
}

/// The port, or the sentence that it is missing.
fn port<'a, T: ?Sized>(name: &str, port: &'a Option<std::sync::Arc<T>>) -> Verdict<&'a T> {
    port.as_deref().ok_or_else(|| format!("the port {name} is missing"))
}

/// Turns an error of a port into the sentence of a failed check.
fn failed(what: &str) -> impl Fn(Error) -> String {
    move |error| format!("{what} failed: {error} ({:?}, {:?})", error.kind, error.code)
}

fn mailbox(address: &str) -> Verdict<Mailbox> {
    Mailbox::new(address).ok_or_else(|| format!("{address} is no mailbox"))
}

fn folder(text: &str) -> Verdict<FolderRef> {
    FolderRef::parse(text).ok_or_else(|| format!("{text} is no folder"))
}

async fn find(fixture: &Fixture, address: &str, place: &str, query: Query) -> Verdict<Found> {
    let request = SearchRequest {
        mailbox: mailbox(address)?,
        folder: folder(place)?,
        query,
        restriction: None,
        offset: 0,
        limit: 100,
    };
    let search = port("search", &fixture.ports.search)?;
    search.search(&request).await.map_err(failed(&format!("the search in {place}")))
}

async fn with_subject(
    fixture: &Fixture,
    address: &str,
    place: &str,
    subject: &str,
) -> Verdict<Vec<MessageSummary>> {
    let query = Query { subject: Some(subject.to_owned()), ..Query::default() };
    Ok(find(fixture, address, place, query).await?.messages)
}

/// The one message with this subject.
async fn one(fixture: &Fixture, address: &str, place: &str, subject: &str) -> Verdict<MessageSummary> {
    let mut found = with_subject(fixture, address, place, subject).await?;
    match (found.pop(), found.is_empty()) {
        (Some(message), true) => Ok(message),
        (last, _) => {
            let count = found.len() + usize::from(last.is_some());
            Err(format!("{count} messages called {subject:?} in {place} of {address}, not 1"))
        }
    }
}

/// Several messages by their subjects.
async fn items(fixture: &Fixture, place: &str, subjects: &[&str]) -> Verdict<Vec<ItemRef>> {
    let mut items = Vec::new();
    for subject in subjects {
        items.push(one(fixture, ALICE, place, subject).await?.item);
    }
    Ok(items)
}

/// Fails unless this item, and it alone, is not there.
fn not_found<T: std::fmt::Debug>(what: &str, result: Option<&Result<T, Error>>) -> Verdict {
    match result {
        Some(Err(error)) if error.kind == ErrorKind::NotFound => Ok(()),
        other => Err(format!("{what}: {other:?}, not an error of kind NotFound")),
    }
}
