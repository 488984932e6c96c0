//! The operations on items over real HTTP against the simulator; judged by its snapshot and its ledger.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "test code"
)]

use std::time::Duration;

use exchange::{Address, BodyText, DeleteMode, ErrorKind, FolderRef, ItemRef, Mailbox, WellKnownFolder};
use exchange_sim::{EffectKind, Organisation, Server};
use portcullis_ews::{
    Access, BaseShape, BodyType, Config, Conflict, ContactText, Creation, Deletion, EwsClient, ExtendedName,
    Field, FolderAt, Importance, Invitations, ItemChange, ItemCondition, ItemKind, ItemSearch, ItemShape,
    ItemView, NewAttachment, NewItem, NewKind, Pattern, PhoneKind, PostalKind, PostalPart, PropertyPath,
    Recurrence, RecurrenceEnd, Sort, TextMode, Traversal, Update, Updating, Weekday,
};
use transport::{Client, Credentials, Origin, Secret};

const USER: &str = "svc@corp.example";
const PASSWORD: &str = "correct horse";

struct World {
    organisation: Organisation,
    client: EwsClient,
    alice: Mailbox,
    server: Server,
}

/// A mailbox with twelve mails.
async fn world() -> World {
    let organisation = Organisation::with_clock_from("2026-11-21T05:00:00Z".parse().unwrap());
    for address in ["alice@corp.example", "bob@corp.example"] {
        organisation.add_mailbox(address);
    }
    for number in 0..12 {
        let mail = format!(
            "From: \"Eve\" <eve@evil.example>\r\nTo: alice@corp.example\r\nSubject: {} {number}\r\n\
             Date: Sat, 21 Nov 2026 04:00:{number:02} +0000\r\nMessage-ID: <{number}@evil.example>\r\n\r\nhello {number}\r\n",
            if number % 2 == 0 { "Invoice" } else { "Lottery" },
        );
        organisation
            .deliver("alice@corp.example", &FolderRef::WellKnown(WellKnownFolder::Inbox), mail)
            .unwrap();
    }
    let server =
        Server::start(organisation.clone(), exchange_sim::Config::local(USER, PASSWORD)).await.unwrap();
    let url: http::Uri = server.url().parse().unwrap();
    let http = Client::builder()
        .credentials(Origin::of(&url).unwrap(), Credentials::basic(USER, Secret::new(PASSWORD)))
        .deadline(Duration::from_secs(60))
        .build()
        .unwrap();
    let client = EwsClient::new(http, Config::new(url, Access::Impersonation), |error: &transport::Error| {
        error.may_have_left()
    });
    World { organisation, client, alice: Mailbox::new("alice@corp.example").unwrap(), server }
}

fn person(address: &str) -> Address {
    Address { name: None, address: address.to_owned() }
}

fn all() -> ItemShape {
    ItemShape::new(BaseShape::AllProperties)
}

/// The items of one folder in a snapshot of all mailboxes.
fn kept(organisation: &Organisation, folder: &str) -> Vec<serde_json::Value> {
    let all: serde_json::Value = serde_json::from_str(&organisation.snapshot()).unwrap();
    let alice = all.as_array().unwrap().iter().find(|one| one["address"] == "alice@corp.example").unwrap();
    let folders = alice["folders"].as_array().unwrap();
    let found = folders.iter().find(|one| one["path"].as_str().unwrap().ends_with(folder)).unwrap();
    found["items"].as_array().unwrap().clone()
}

#[tokio::test]
async fn searches_page_to_the_end_sort_and_narrow() {
    let World { client, alice, server, .. } = world().await;
    let mut search = ItemSearch::new(WellKnownFolder::Inbox);
    search.view = ItemView::Page { offset: 0, limit: 5, from_end: false };
    search.sort = vec![
        Sort { path: PropertyPath::field("item:Importance"), descending: true },
        Sort { path: PropertyPath::field("item:Subject"), descending: false },
    ];
    let page = client.find_all_items(&alice, &search, 1000).await.unwrap();
    let subjects: Vec<&str> = page.items.iter().map(|item| item.subject.as_deref().unwrap()).collect();
    assert_eq!((page.total, page.next_offset, subjects.len()), (12, None, 12));
    assert_eq!((subjects[0], subjects[11]), ("Invoice 0", "Lottery 9"));
    let some = client.find_all_items(&alice, &search, 7).await.unwrap();
    assert_eq!((some.items.len(), some.next_offset), (7, Some(7)));

    search.condition = Some(ItemCondition::All(vec![
        ItemCondition::Exists(PropertyPath::field("message:InternetMessageId")),
        ItemCondition::Contains(PropertyPath::field("item:Subject"), TextMode::Beginning, "lottery".into()),
    ]));
    assert_eq!(client.find_all_items(&alice, &search, 1000).await.unwrap().items.len(), 6);
    search.condition = None;
    search.query = Some("subject:invoice from:eve".into());
    assert_eq!(client.find_all_items(&alice, &search, 1000).await.unwrap().items.len(), 6);
    search.query = None;
    search.folders =
        vec![WellKnownFolder::Inbox.into(), FolderAt::CALENDAR, FolderRef::Id("x".into()).into()];
    let pages = client.find_items(&alice, &search).await.unwrap();
    assert_eq!(pages[0].as_ref().unwrap().items.len(), 5);
    assert_eq!(pages[1].as_ref().unwrap().items.len(), 0);
    assert_eq!(pages[2].as_ref().unwrap_err().code.as_deref(), Some("ErrorInvalidIdMalformed"));
    let mut hidden = ItemSearch::new(WellKnownFolder::Inbox);
    hidden.traversal = Traversal::Associated;
    assert!(client.find_all_items(&alice, &hidden, 10).await.unwrap().items.is_empty());
    server.shutdown().await;
}

#[tokio::test]
async fn messages_are_made_attached_to_sent_answered_changed_copied_and_deleted() {
    let World { organisation, client, alice, server } = world().await;
    let inline = NewAttachment::file("logo.png", vec![1_u8, 2, 3]).inline("logo").content_type("image/png");
    let new = NewItem::message()
        .attach(NewAttachment::file("report.txt", "evidence").content_type("text/plain"))
        .attach(inline)
        .with(Field::To(vec![person("bob@corp.example")]))
        .with(Field::Bcc(vec![person("carol@elsewhere.example")]))
        .with(Field::ReplyTo(vec![person("desk@corp.example")]))
        .with(Field::Subject("A <draft> & more".into()))
        .with(Field::Body(BodyText::Html("<p>hi</p>".into())))
        .with(Field::Importance(Importance::High))
        .with(Field::Categories(vec!["Phishing".into()]))
        .with(Field::Extended(ExtendedName::public_string("Case"), vec!["42".into()]))
        .with(Field::Header { name: "X-Case".into(), value: "42".into() });
    let made = client.create_items(&alice, &[new], &Creation::default()).await.unwrap();
    let draft = made[0].clone().unwrap().unwrap();
    let shape = ItemShape { body: Some(BodyType::Html), mime: true, ..all() }
        .with(PropertyPath::Extended(ExtendedName::public_string("Case")))
        .with(PropertyPath::header("X-Case"));
    let read = client.get_items(&alice, std::slice::from_ref(&draft), &shape).await.unwrap();
    let item = read[0].as_ref().unwrap();
    assert_eq!(item.kind, ItemKind::Message);
    assert_eq!(item.subject.as_deref(), Some("A <draft> & more"));
    assert_eq!(item.body.as_ref().map(|body| (body.is_html, body.text.trim())), Some((true, "<p>hi</p>")));
    assert_eq!((item.importance, item.is_draft), (Some(Importance::High), Some(true)));
    assert_eq!(item.categories, ["Phishing"]);
    assert_eq!(item.extended[0].values, ["42"]);
    assert_eq!(item.message.reply_to[0].address, "desk@corp.example");
    assert_eq!(item.attachments.len(), 2);
    assert!(String::from_utf8_lossy(item.mime.as_ref().unwrap()).contains("X-Case: 42"));

    let file = [NewAttachment::file("late.bin", vec![0_u8; 4000])];
    let attached = client.create_attachments(&alice, &draft, &file).await.unwrap();
    let after = attached[0].as_ref().unwrap().item.clone().unwrap();
    assert_eq!(after.id, draft.id);
    assert_ne!(after.change_key, draft.change_key);

    let mut never = updating();
    never.conflict = Conflict::NeverOverwrite;
    let subject = vec![Update::Set(Field::Subject("changed".into()))];
    let stale = ItemChange::message(draft.clone(), subject.clone());
    let refused = client.update_items(&alice, &[stale], &never).await.unwrap();
    let error = refused[0].as_ref().unwrap_err();
    assert_eq!((error.kind, error.code.as_deref()), (ErrorKind::Conflict, Some("ErrorIrresolvableConflict")));
    let blind = ItemChange::message(ItemRef::new(draft.id.clone()), subject);
    let refused = client.update_items(&alice, &[blind], &never).await.unwrap();
    let code = refused[0].as_ref().unwrap_err().code.clone();
    assert_eq!(code.as_deref(), Some("ErrorChangeKeyRequiredForWriteOperations"));
    let updates = vec![
        Update::Append(Field::To(vec![person("dave@corp.example")])),
        Update::Append(Field::Body(BodyText::Html("<p>more</p>".into()))),
        Update::Delete(PropertyPath::field("message:BccRecipients")),
    ];
    let changed = client.update_items(&alice, &[ItemChange::message(after, updates)], &never).await.unwrap();
    let current = changed[0].as_ref().unwrap().item.clone().unwrap();
    assert_eq!(changed[0].as_ref().unwrap().conflicts, 0);
    let item = client.get_items(&alice, std::slice::from_ref(&current), &all()).await.unwrap();
    let message = &item[0].as_ref().unwrap().message;
    assert_eq!(
        message.to.iter().map(|p| p.address.as_str()).collect::<Vec<_>>(),
        ["bob@corp.example", "dave@corp.example"]
    );
    assert!(message.bcc.is_empty());

    let sent = NewItem::message()
        .with(Field::To(vec![person("bob@corp.example")]))
        .with(Field::Subject("sent".into()));
    let made = client.create_items(&alice, &[sent], &Creation::send()).await.unwrap();
    assert_eq!(made[0].clone().unwrap(), None);
    let mails = client.find_all_items(&alice, &ItemSearch::new(WellKnownFolder::Inbox), 1).await.unwrap();
    let original = mails.items[0].reference.clone().unwrap();
    for kind in [
        NewKind::Reply(original.clone()),
        NewKind::ReplyAll(original.clone()),
        NewKind::Forward(original.clone()),
    ] {
        let forward = matches!(kind, NewKind::Forward(_));
        let mut answer = NewItem::new(kind).with(Field::Body(BodyText::Text("see below".into())));
        if forward {
            answer = answer.with(Field::To(vec![person("bob@corp.example")]));
        }
        let made = client.create_items(&alice, &[answer], &Creation::default()).await.unwrap();
        assert!(made[0].clone().unwrap().is_some());
    }
    let ledger = organisation.ledger();
    assert_eq!((ledger.count(EffectKind::Sent), ledger.count(EffectKind::Delivered)), (1, 1));
    assert_eq!(kept(&organisation, "Drafts").len(), 4);

    let junk = FolderAt::from(WellKnownFolder::JunkEmail);
    let copies = client.copy_items(&alice, std::slice::from_ref(&original), &junk).await.unwrap();
    let copy = copies[0].clone().unwrap();
    assert_ne!(copy.id, original.id);
    assert_eq!(kept(&organisation, "Junk Email").len(), 1);
    let gone = ItemRef::new("AAAA");
    let results =
        client.delete_items(&alice, &[copy, gone, current], Deletion::new(DeleteMode::Soft)).await.unwrap();
    assert!(results[0].is_ok() && results[2].is_ok());
    assert_eq!(results[1].as_ref().unwrap_err().code.as_deref(), Some("ErrorInvalidIdMalformed"));
    assert!(kept(&organisation, "Junk Email").is_empty());
    let mut deleted = ItemSearch::new(WellKnownFolder::JunkEmail);
    deleted.traversal = Traversal::SoftDeleted;
    let found = client.find_all_items(&alice, &deleted, 10).await.unwrap();
    assert_eq!(found.items.len(), 1, "of two deleted items one was in this folder");
    server.shutdown().await;
}

fn updating() -> Updating {
    Updating::default()
}

#[tokio::test]
async fn calendar_items_are_items_with_times_people_and_versions() {
    let World { organisation, client, alice, server } = world().await;
    let start: jiff::Timestamp = "2026-12-01T09:00:00Z".parse().unwrap();
    let end: jiff::Timestamp = "2026-12-01T10:00:00Z".parse().unwrap();
    let recurrence = Recurrence {
        pattern: Pattern::Weekly { interval: 2, days: vec![Weekday::Tuesday, Weekday::Thursday] },
        start: jiff::civil::date(2026, 12, 1),
        end: RecurrenceEnd::After(10),
    };
    let meeting = NewItem::calendar_item()
        .with(Field::Subject("Incident review".into()))
        .with(Field::Start(start))
        .with(Field::End(end))
        .with(Field::Location("Room 1".into()))
        .with(Field::Required(vec![person("bob@corp.example")]))
        .with(Field::Recurrence(recurrence.clone()))
        .with(Field::StartTimeZone("W. Europe Standard Time".into()))
        .with(Field::Body(BodyText::Text("agenda".into())));
    let how = Creation::default().inviting(Invitations::EverybodyWithCopy);
    let made = client.create_items(&alice, &[meeting], &how).await.unwrap();
    let made = made[0].clone().unwrap().unwrap();
    let ledger = organisation.ledger();
    let sent: Vec<_> = ledger.effects.iter().filter(|effect| effect.kind == EffectKind::Sent).collect();
    assert_eq!((sent.len(), sent[0].recipients.as_slice()), (1, &["bob@corp.example".to_owned()][..]));
    assert_eq!(kept(&organisation, "Calendar").len(), 1);

    let read = client.get_items(&alice, std::slice::from_ref(&made), &all()).await.unwrap();
    let item = read[0].as_ref().unwrap();
    let part = item.calendar.as_ref().unwrap();
    assert_eq!((item.kind, item.class.as_deref()), (ItemKind::CalendarItem, Some("IPM.Appointment")));
    assert_eq!((part.start, part.end, part.location.as_deref()), (Some(start), Some(end), Some("Room 1")));
    assert_eq!(part.recurrence.as_ref(), Some(&recurrence));
    assert_eq!(part.start_time_zone.as_deref(), Some("W. Europe Standard Time"));
    assert_eq!(part.required[0].address.address, "bob@corp.example");
    assert!(part.is_meeting && part.invitations_sent && part.uid.is_some());
    assert_eq!(part.role.as_deref(), Some("RecurringMaster"));

    let mut search = ItemSearch::new(FolderAt::CALENDAR);
    let view = |from: &str, to: &str| ItemView::Calendar {
        start: from.parse().unwrap(),
        end: to.parse().unwrap(),
        limit: None,
    };
    search.view = view("2026-12-01T00:00:00Z", "2026-12-02T00:00:00Z");
    let page = client.find_items(&alice, &search).await.unwrap();
    assert_eq!(page[0].as_ref().unwrap().items[0].calendar.as_ref().unwrap().start, Some(start));
    search.view = view("2026-11-01T00:00:00Z", "2026-12-01T09:00:00Z");
    assert!(client.find_items(&alice, &search).await.unwrap()[0].as_ref().unwrap().items.is_empty());
    search.view = view("2024-01-01T00:00:00Z", "2026-12-02T00:00:00Z");
    let pages = client.find_items(&alice, &search).await.unwrap();
    let code = pages[0].as_ref().unwrap_err().code.clone();
    assert_eq!(code.as_deref(), Some("ErrorCalendarViewRangeTooBig"));

    let updates = vec![
        Update::Set(Field::Location("Room 2".into())),
        Update::Append(Field::Required(vec![person("carol@elsewhere.example")])),
        Update::Delete(PropertyPath::field("calendar:Recurrence")),
    ];
    let change = ItemChange::calendar_item(made.clone(), updates);
    let changed = client.update_items(&alice, &[change], &updating()).await.unwrap();
    let now = changed[0].as_ref().unwrap().item.clone().unwrap();
    assert_ne!(now.change_key, made.change_key);
    let read = client.get_items(&alice, std::slice::from_ref(&now), &all()).await.unwrap();
    let part = read[0].as_ref().unwrap().calendar.clone().unwrap();
    assert_eq!((part.location.as_deref(), part.required.len(), part.recurrence), (Some("Room 2"), 2, None));
    let mut how = Deletion::new(DeleteMode::Trash);
    how.cancellations = Invitations::Everybody;
    client.delete_items(&alice, &[now], how).await.unwrap()[0].clone().unwrap();
    assert_eq!(organisation.ledger().count(EffectKind::Sent), 2);
    assert!(kept(&organisation, "Calendar").is_empty());
    server.shutdown().await;
}

#[tokio::test]
async fn contacts_are_items_with_entries_that_change_one_by_one() {
    let World { organisation, client, alice, server } = world().await;
    let contact = |name: &str| {
        NewItem::contact()
            .with(Field::Contact(ContactText::Surname, name.to_owned()))
            .with(Field::Contact(ContactText::DisplayName, format!("Dr {name}")))
            .with(Field::Email(2, format!("{name}@partner.example")))
            .with(Field::Email(1, format!("{name}@corp.example")))
            .with(Field::Phone(PhoneKind::Mobile, "+49 1".into()))
            .with(Field::Postal(PostalKind::Business, PostalPart::City, "Bonn".into()))
            .with(Field::Postal(PostalKind::Business, PostalPart::Street, "Way 1".into()))
    };
    let made = client
        .create_items(&alice, &[contact("adams"), contact("zuse")], &Creation::default())
        .await
        .unwrap();
    let adams = made[0].clone().unwrap().unwrap();
    assert_eq!(kept(&organisation, "Contacts").len(), 2);
    let mut search = ItemSearch::new(FolderAt::CONTACTS);
    search.view = ItemView::Contacts { first: Some("dr a".into()), last: Some("dr m".into()), limit: None };
    let pages = client.find_items(&alice, &search).await.unwrap();
    let found = &pages[0].as_ref().unwrap().items;
    assert_eq!(found.len(), 1);
    assert_eq!(found[0].contact.as_ref().unwrap().text("DisplayName"), Some("Dr adams"));

    let updates = vec![
        Update::Set(Field::Email(1, "new@corp.example".into())),
        Update::Set(Field::Postal(PostalKind::Business, PostalPart::City, "Köln".into())),
        Update::Delete(PropertyPath::Indexed {
            field: "contacts:PhoneNumber".into(),
            index: "MobilePhone".into(),
        }),
    ];
    let change = ItemChange::contact(adams.clone(), updates);
    let changed = client.update_items(&alice, &[change], &updating()).await.unwrap();
    let now = changed[0].as_ref().unwrap().item.clone().unwrap();
    assert_ne!(now.change_key, adams.change_key);
    let read = client.get_items(&alice, &[now], &all()).await.unwrap();
    let item = read[0].as_ref().unwrap();
    let part = item.contact.as_ref().unwrap();
    assert_eq!((item.kind, item.class.as_deref()), (ItemKind::Contact, Some("IPM.Contact")));
    assert_eq!(part.emails["EmailAddress1"].address, "new@corp.example");
    assert_eq!(part.emails["EmailAddress2"].address, "adams@partner.example");
    assert!(!part.phones.contains_key("MobilePhone"));
    let postal = &part.postal["Business"];
    assert_eq!((postal.street.as_deref(), postal.city.as_deref()), (Some("Way 1"), Some("Köln")));
    server.shutdown().await;
}
