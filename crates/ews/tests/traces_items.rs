//! Answers about items that other projects recorded from real servers, and Microsoft's own examples, read in full.
//!
//! They are no part of the repository; see `traces.rs` for where they are.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "test code"
)]

mod support;

use std::path::PathBuf;

use exchange::{Error, ItemRef, WellKnownFolder};
use portcullis_ews::{
    Creation, Deletion, ExchangeItem, Field, FolderAt, ItemChange, ItemKind, ItemSearch, ItemShape, ItemView,
    NewAttachment, NewItem, Pattern, Update, Updating, Weekday,
};
use support::{Canned, alice, client_with, config, now};

fn folder() -> Option<PathBuf> {
    if let Some(named) = std::env::var_os("PORTCULLIS_EWS_TRACES") {
        let named = PathBuf::from(named);
        assert!(named.is_dir(), "PORTCULLIS_EWS_TRACES is no folder: {}", named.display());
        return Some(named);
    }
    let beside = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../../../shared/ews-traces");
    beside.is_dir().then_some(beside)
}

/// A trace as a whole envelope: some were kept as the body element alone.
fn whole(text: String) -> String {
    if text.contains("Envelope") {
        return text;
    }
    let declaration_end = text.find("?>").map_or(0, |at| at + 2);
    support::envelope(&text[declaration_end..])
}

/// The id that the first item of each response message has.
fn ids(text: &str, operation: &str) -> Vec<ItemRef> {
    let id = |message: &str| {
        let id = message.split("ItemId Id=\"").nth(1).and_then(|rest| rest.split('"').next());
        ItemRef::new(id.unwrap_or("none").replace("&amp;", "&"))
    };
    text.split(&format!("{operation}ResponseMessage ")).skip(1).map(id).collect()
}

/// What the client makes of a trace: the items, or that it is done.
fn read(operation: &str, text: &str, piece: usize) -> Result<Vec<Result<Vec<ExchangeItem>, Error>>, Error> {
    let canned = Canned::pieces(text.as_bytes(), piece);
    let mut config = config();
    config.batch = 10_000;
    config.request_id_seed = Some(1);
    let client = client_with(config, move |_| canned.clone());
    let me = alice();
    let asked = ids(text, operation);
    let done = |all: Vec<Result<(), Error>>| all.into_iter().map(|one| one.map(|()| Vec::new())).collect();
    Ok(match operation {
        "FindItem" => {
            let mut search = ItemSearch::new(WellKnownFolder::Inbox);
            search.folders = asked.iter().map(|_| FolderAt::CALENDAR).collect();
            search.view = ItemView::Page { offset: 0, limit: 1000, from_end: false };
            let pages = now(client.find_items(&me, &search))?;
            pages.into_iter().map(|page| page.map(|page| page.items)).collect()
        }
        "GetItem" => {
            let all = now(client.get_items(&me, &asked, &ItemShape::default()))?;
            all.into_iter().map(|one| one.map(|item| vec![item])).collect()
        }
        "CreateItem" => {
            let new: Vec<NewItem> = asked.iter().map(|_| NewItem::message()).collect();
            let all = now(client.create_items(&me, &new, &Creation::default()))?;
            done(all.into_iter().map(|one| one.map(drop)).collect())
        }
        "UpdateItem" => {
            let change =
                |item: &ItemRef| ItemChange::message(item.clone(), vec![Update::Set(Field::IsRead(true))]);
            let changes: Vec<ItemChange> = asked.iter().map(change).collect();
            let all = now(client.update_items(&me, &changes, &Updating::default()))?;
            done(all.into_iter().map(|one| one.map(drop)).collect())
        }
        "CopyItem" => {
            let all = now(client.copy_items(&me, &asked, &FolderAt::CONTACTS))?;
            done(all.into_iter().map(|one| one.map(drop)).collect())
        }
        "DeleteItem" => {
            let how = Deletion::new(exchange::DeleteMode::Soft);
            done(now(client.delete_items(&me, &asked, how))?)
        }
        "CreateAttachment" => {
            let new: Vec<_> = asked.iter().map(|_| NewAttachment::file("a", "b")).collect();
            let all = now(client.create_attachments(&me, &ItemRef::new("A"), &new))?;
            done(
                all.into_iter()
                    .map(|one| one.map(|made| assert!(!made.id.is_empty() && made.item.is_some())))
                    .collect(),
            )
        }
        other => panic!("not one of ours: {other}"),
    })
}

/// A value of the trace by its element, as the trace says it.
fn said<'a>(text: &'a str, element: &str) -> Vec<&'a str> {
    text.split(&format!("<t:{element}>")).skip(1).filter_map(|rest| rest.split("</").next()).collect()
}

#[test]
fn every_recorded_answer_about_items_is_read() {
    const OURS: [&str; 7] =
        ["FindItem", "GetItem", "CreateItem", "UpdateItem", "CopyItem", "DeleteItem", "CreateAttachment"];
    let Some(folder) = folder() else { return };
    let index = std::fs::read_to_string(folder.join("INDEX.csv")).unwrap();
    let (mut understood, mut items, mut wrong) = (0, 0, Vec::new());
    for line in index.lines().skip(1) {
        let mut cells = line.split(',');
        let (source, file) = (cells.next().unwrap(), cells.next().unwrap());
        let Some(operation) = cells.nth(1).and_then(|root| root.strip_suffix("Response")) else { continue };
        if !OURS.contains(&operation) {
            continue;
        }
        let text = whole(std::fs::read_to_string(folder.join(source).join(file)).unwrap());
        let is_real = matches!(source, "garethp-php-ews" | "evolution-ews");
        let result = read(operation, &text, text.len());
        assert_eq!(result, read(operation, &text, 7), "{file}: the pieces change the result");
        match result {
            Ok(results) => {
                for one in results {
                    match one {
                        Ok(found) => {
                            items += found.len();
                            check(&text, &found, file);
                        }
                        Err(error) => assert!(
                            error.code.is_some() || error.message.contains("it is done"),
                            "{file}: {error}"
                        ),
                    }
                }
                understood += 1;
            }
            Err(error) if is_real => wrong.push(format!("{file}: {error}")),
            Err(error) => {
                let words = error.message;
                assert!(words.contains("in element") && words.contains("at byte"), "{file}: {words}");
            }
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
    assert!(understood >= 110, "only {understood} answers were understood");
    assert!(items >= 40, "only {items} items were read");
}

/// Holds what was read against what the trace says.
fn check(text: &str, found: &[ExchangeItem], file: &str) {
    for item in found {
        assert!(item.reference.is_some(), "{file}");
        if let Some(class) = &item.class {
            assert!(said(text, "ItemClass").contains(&class.as_str()), "{file}: {class}");
        }
        if let Some(size) = item.size {
            assert!(said(text, "Size").contains(&size.to_string().as_str()), "{file}: {size}");
        }
        if item.kind == ItemKind::CalendarItem {
            let part = item.calendar.as_ref().unwrap();
            if let Some(start) = part.start {
                let times: Vec<jiff::Timestamp> =
                    said(text, "Start").iter().filter_map(|time| time.parse().ok()).collect();
                assert!(times.contains(&start), "{file}: {start}");
            }
            assert!(part.location.iter().all(|l| !l.is_empty()));
        }
    }
}

#[test]
fn a_recorded_recurring_meeting_is_read_whole() {
    let Some(folder) = folder() else { return };
    let name = "garethp-php-ews/CalendarTest.testRecurringEventSupport.04.xml";
    let text = std::fs::read_to_string(folder.join(name)).unwrap();
    let all = read("GetItem", &text, 100).unwrap();
    let item = &all[0].as_ref().unwrap()[0];
    assert_eq!(item.subject.as_deref(), Some("Weekly Team Meeting"));
    assert_eq!((item.reminder, item.reminder_minutes), (Some(true), Some(15)));
    let part = item.calendar.as_ref().unwrap();
    let recurrence = part.recurrence.as_ref().unwrap();
    assert!(text.contains(&format!("<t:StartDate>{}", recurrence.start)));
    let Pattern::Weekly { interval, days } = &recurrence.pattern else { panic!("{recurrence:?}") };
    assert!(*interval >= 1 && days.iter().all(|day| Weekday::ALL.contains(day)) && !days.is_empty());
    assert_eq!(part.role.as_deref(), Some("RecurringMaster"));
}
