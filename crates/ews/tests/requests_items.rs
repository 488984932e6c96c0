//! Every request about items that the client can build: well-formed here, valid by Microsoft's schema in
//! `tests/foreign/ews_schema_check.py`, which reads what this test writes to `PORTCULLIS_EWS_REQUESTS_DIR`.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "test code"
)]

mod support;

use std::path::PathBuf;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};

use exchange::{Address, BodyText, DeleteMode, FolderRef, ItemRef, WellKnownFolder};
use portcullis_ews::{
    BaseShape, BodyType, Conflict, ContactText, Creation, Deletion, Disposition, EwsClient, ExtendedName,
    Field, Flag, FolderAt, FreeBusy, Importance, Invitations, ItemAt, ItemChange, ItemCondition, ItemSearch,
    ItemShape, ItemView, MeetingUpdates, Month, NewAttachment, NewItem, NewKind, Pattern, PhoneKind,
    PostalKind, PostalPart, PropertyPath, PropertySet, PropertyType, Recurrence, RecurrenceEnd, Relation,
    Sensitivity, Sort, TextMode, Traversal, Update, Updating, Version, Week, Weekday,
};
use proptest::collection::vec;
use proptest::option::of;
use proptest::prelude::*;
use proptest::sample::select;
use support::{Canned, alice, now};

fn text() -> impl Strategy<Value = String> {
    prop_oneof![
        "[ -~]{0,30}",
        "[^\\p{Cc}\\p{Cn}\\p{Co}]{0,10}",
        Just("]]></t:Subject><m:DeleteItem/>&quot;\"'<!--".to_owned()),
    ]
}

fn any_text() -> impl Strategy<Value = String> {
    prop_oneof![text(), any::<String>(), Just("a\r\nb\tc\u{0}\u{b}\u{FFFE}".to_owned())]
}

fn item() -> impl Strategy<Value = ItemRef> {
    ("[A-Za-z0-9+/=]{1,80}", of("[A-Za-z0-9+/]{4,40}"))
        .prop_map(|(id, change_key)| ItemRef { id, change_key })
}

fn item_at() -> impl Strategy<Value = ItemAt> {
    prop_oneof![
        3 => item().prop_map(ItemAt::Item),
        1 => (item(), prop_oneof![0..3_u32, any::<u32>()])
            .prop_map(|(master, number)| ItemAt::Occurrence { master, number }),
        1 => item().prop_map(ItemAt::MasterOf),
    ]
}

fn address() -> impl Strategy<Value = Address> {
    (of(any_text()), "[a-z0-9.'+&]{1,20}@[a-z]{1,10}\\.example")
        .prop_map(|(name, address)| Address { name, address })
}

fn people(least: usize) -> impl Strategy<Value = Vec<Address>> {
    vec(address(), least..3)
}

fn moment() -> impl Strategy<Value = jiff::Timestamp> {
    (0_i64..4_000_000_000).prop_map(|second| jiff::Timestamp::from_second(second).unwrap())
}

fn date() -> impl Strategy<Value = jiff::civil::Date> {
    (2000_i16..2100, 1_i8..=12, 1_i8..=28).prop_map(|(y, m, d)| jiff::civil::date(y, m, d))
}

fn body() -> impl Strategy<Value = BodyText> {
    prop_oneof![any_text().prop_map(BodyText::Text), any_text().prop_map(BodyText::Html)]
}

fn kind() -> impl Strategy<Value = PropertyType> {
    select(PropertyType::ALL.to_vec())
}

fn set() -> impl Strategy<Value = PropertySet> {
    prop_oneof![
        select(PropertySet::KNOWN.to_vec()).prop_map(PropertySet::Known),
        "[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}".prop_map(PropertySet::Guid),
    ]
}

fn extended() -> impl Strategy<Value = ExtendedName> {
    prop_oneof![
        (0..0x8000_u16, kind()).prop_map(|(tag, kind)| ExtendedName::Tag { tag, kind }),
        (set(), "[A-Za-z0-9-]{1,20}", kind()).prop_map(|(set, name, kind)| ExtendedName::Named {
            set,
            name,
            kind
        }),
        (set(), any::<i32>(), kind()).prop_map(|(set, number, kind)| ExtendedName::Numbered {
            set,
            number,
            kind
        }),
    ]
}

fn path() -> impl Strategy<Value = PropertyPath> {
    let names = [
        "item:Subject",
        "item:DateTimeReceived",
        "message:IsRead",
        "calendar:Start",
        "contacts:DisplayName",
        "item:MentionedMe",
        "message:SenderSMTPAddress",
        "item:NoSuchThing",
    ];
    let entry =
        |(field, index): (&str, &str)| PropertyPath::Indexed { field: field.into(), index: index.into() };
    prop_oneof![
        4 => select(names.to_vec()).prop_map(PropertyPath::field),
        1 => "[A-Za-z-]{1,20}".prop_map(PropertyPath::header),
        1 => Just(entry(("contacts:PhysicalAddress:City", "Home"))),
        1 => Just(entry(("contacts:EmailAddress", "EmailAddress2"))),
        2 => extended().prop_map(PropertyPath::Extended),
    ]
}

fn shape() -> impl Strategy<Value = ItemShape> {
    let base = select(vec![BaseShape::IdOnly, BaseShape::Default, BaseShape::AllProperties]);
    let body = of(select(vec![BodyType::Best, BodyType::Html, BodyType::Text]));
    (base, any::<bool>(), body, any::<Option<bool>>(), vec(path(), 0..4)).prop_map(
        |(base, mime, body, filter_html, additional)| ItemShape { base, mime, body, filter_html, additional },
    )
}

fn pattern() -> impl Strategy<Value = Pattern> {
    let (interval, day) = (|| 1..20_u32, || 1..=31_u8);
    let weekday = || select(Weekday::ALL.to_vec());
    let week = || select(Week::ALL.to_vec());
    let month = || select(Month::ALL.to_vec());
    prop_oneof![
        (0..1001_u32).prop_map(|interval| Pattern::Daily { interval }),
        (interval(), vec(weekday(), 0..4)).prop_map(|(interval, days)| Pattern::Weekly { interval, days }),
        (interval(), 0..40_u8).prop_map(|(interval, day)| Pattern::Monthly { interval, day }),
        (interval(), week(), weekday()).prop_map(|(interval, week, day)| Pattern::MonthlyOn {
            interval,
            week,
            day
        }),
        (month(), day()).prop_map(|(month, day)| Pattern::Yearly { month, day }),
        (month(), week(), weekday()).prop_map(|(month, week, day)| Pattern::YearlyOn { month, week, day }),
    ]
}

fn recurrence() -> impl Strategy<Value = Recurrence> {
    let end = prop_oneof![
        Just(RecurrenceEnd::Never),
        date().prop_map(RecurrenceEnd::On),
        (1..100_u32).prop_map(RecurrenceEnd::After)
    ];
    (pattern(), date(), end).prop_map(|(pattern, start, end)| Recurrence { pattern, start, end })
}

fn general() -> BoxedStrategy<Field> {
    let sensitivity =
        vec![Sensitivity::Normal, Sensitivity::Personal, Sensitivity::Private, Sensitivity::Confidential];
    prop_oneof![
        Just(Field::Class("IPM.Note".into())),
        any_text().prop_map(Field::Subject),
        select(sensitivity).prop_map(Field::Sensitivity),
        body().prop_map(Field::Body),
        vec(any_text(), 0..3).prop_map(Field::Categories),
        select(vec![Importance::Low, Importance::Normal, Importance::High]).prop_map(Field::Importance),
        any_text().prop_map(Field::InReplyTo),
        any::<bool>().prop_map(Field::Reminder),
        (0..3_000_000_u32).prop_map(Field::ReminderMinutes),
        (extended(), vec(text(), 0..3)).prop_map(|(name, values)| Field::Extended(name, values)),
        ("X-[A-Za-z0-9-]{1,20}", text()).prop_map(|(name, value)| Field::Header { name, value }),
        select(Flag::ALL.to_vec()).prop_map(Field::Flag),
    ]
    .boxed()
}

fn of_message() -> BoxedStrategy<Field> {
    prop_oneof![
        address().prop_map(Field::Sender),
        address().prop_map(Field::From),
        people(0).prop_map(Field::To),
        people(0).prop_map(Field::Cc),
        people(0).prop_map(Field::Bcc),
        people(0).prop_map(Field::ReplyTo),
        any::<bool>().prop_map(Field::ReadReceipt),
        any::<bool>().prop_map(Field::DeliveryReceipt),
        any_text().prop_map(Field::MessageId),
        any_text().prop_map(Field::References),
        any::<bool>().prop_map(Field::IsRead),
    ]
    .boxed()
}

fn of_calendar() -> BoxedStrategy<Field> {
    let busy = vec![
        FreeBusy::Free,
        FreeBusy::Tentative,
        FreeBusy::Busy,
        FreeBusy::OutOfOffice,
        FreeBusy::WorkingElsewhere,
    ];
    prop_oneof![
        moment().prop_map(Field::Start),
        moment().prop_map(Field::End),
        any::<bool>().prop_map(Field::AllDay),
        select(busy).prop_map(Field::FreeBusy),
        any_text().prop_map(Field::Location),
        people(1).prop_map(Field::Required),
        people(0).prop_map(Field::Optional),
        people(1).prop_map(Field::Resources),
        recurrence().prop_map(Field::Recurrence),
        text().prop_map(Field::StartTimeZone),
        Just(Field::EndTimeZone("W. Europe Standard Time".into())),
        text().prop_map(Field::Uid),
    ]
    .boxed()
}

fn of_contact() -> BoxedStrategy<Field> {
    prop_oneof![
        4 => (select(ContactText::ALL.to_vec()), any_text()).prop_map(|(kind, text)| Field::Contact(kind, text)),
        1 => Just(Field::Contact(ContactText::BusinessHomePage, "https://a.example/b".into())),
        1 => (0..5_u8, any_text()).prop_map(|(number, text)| Field::Email(number, text)),
        1 => (1..=3_u8, any_text()).prop_map(|(number, text)| Field::ImAddress(number, text)),
        2 => (select(PhoneKind::ALL.to_vec()), any_text()).prop_map(|(kind, text)| Field::Phone(kind, text)),
        3 => (select(PostalKind::ALL.to_vec()), select(PostalPart::ALL.to_vec()), any_text())
            .prop_map(|(kind, part, text)| Field::Postal(kind, part, text)),
        1 => moment().prop_map(Field::Birthday),
    ]
    .boxed()
}

/// Fields without those that are there already: most items are meant to be sent.
fn fields(own: BoxedStrategy<Field>) -> impl Strategy<Value = Vec<Field>> {
    vec(prop_oneof![general(), own], 0..8).prop_map(|all| {
        let mut kept: Vec<Field> = Vec::new();
        for field in all {
            if kept.iter().all(|other| other.path() != field.path()) {
                kept.push(field);
            }
        }
        kept
    })
}

fn plain_item() -> impl Strategy<Value = NewItem> {
    let mime = of(vec(any::<u8>(), 0..40));
    prop_oneof![
        (mime, fields(of_message())).prop_map(|(mime, fields)| {
            let mut item = NewItem::message();
            (item.mime, item.fields) = (mime.map(Into::into), fields);
            item
        }),
        fields(of_calendar()).prop_map(|fields| with(NewItem::calendar_item(), fields)),
        fields(of_contact()).prop_map(|fields| with(NewItem::contact(), fields)),
    ]
}

fn with(mut item: NewItem, fields: Vec<Field>) -> NewItem {
    item.fields = fields;
    item
}

fn attachment() -> impl Strategy<Value = NewAttachment> {
    let file = (any_text(), vec(any::<u8>(), 0..50), of(text()), of("[a-z0-9@.]{1,20}")).prop_map(
        |(name, bytes, content_type, content_id)| {
            let mut file = NewAttachment::file(name, bytes);
            file.content_type = content_type;
            match content_id {
                Some(id) => file.inline(id),
                None => file,
            }
        },
    );
    prop_oneof![3 => file, 1 => (any_text(), plain_item()).prop_map(|(name, item)| NewAttachment::item(name, item))]
}

fn new_item() -> impl Strategy<Value = NewItem> {
    let whole = (plain_item(), vec(attachment(), 0..3)).prop_map(|(mut item, attachments)| {
        item.attachments = attachments;
        item
    });
    let answer = prop_oneof![
        any_text().prop_map(Field::Subject),
        body().prop_map(Field::Body),
        people(0).prop_map(Field::To),
        people(1).prop_map(Field::Cc),
        address().prop_map(Field::From),
        any::<bool>().prop_map(Field::ReadReceipt),
    ];
    let answer = (0..3_u8, item(), vec(answer, 0..4)).prop_map(|(which, item, all)| {
        let kind = [NewKind::Reply(item.clone()), NewKind::ReplyAll(item.clone()), NewKind::Forward(item)];
        let mut fields: Vec<Field> = Vec::new();
        for field in all {
            if fields.iter().all(|other| other.path() != field.path()) {
                fields.push(field);
            }
        }
        with(NewItem::new(kind[which as usize].clone()), fields)
    });
    let cancel = (item(), of(body())).prop_map(|(item, words)| {
        with(NewItem::new(NewKind::CancelMeeting(item)), words.map(Field::Body).into_iter().collect())
    });
    let registration =
        (0..3_u8, item(), of(body()), any::<bool>()).prop_map(|(which, item, words, private)| {
            let kinds = [
                NewKind::Accept(item.clone()),
                NewKind::TentativelyAccept(item.clone()),
                NewKind::Decline(item),
            ];
            let private = private.then_some(Field::Sensitivity(Sensitivity::Private));
            let fields = words.map(Field::Body).into_iter().chain(private).collect();
            with(NewItem::new(kinds[which as usize].clone()), fields)
        });
    prop_oneof![6 => whole, 2 => answer, 1 => cancel, 2 => registration]
}

fn folder() -> impl Strategy<Value = FolderAt> {
    prop_oneof![
        Just(FolderAt::CALENDAR),
        Just(FolderAt::CONTACTS),
        Just(FolderAt::named("tasks").unwrap()),
        Just(FolderAt::from(WellKnownFolder::Inbox)),
        "[A-Za-z0-9+/=]{1,80}".prop_map(|id| FolderAt::from(FolderRef::Id(id))),
    ]
}

fn condition() -> impl Strategy<Value = ItemCondition> {
    let leaf = prop_oneof![
        path().prop_map(ItemCondition::Exists),
        (path(), select(Relation::ALL.to_vec()), text())
            .prop_map(|(path, how, value)| ItemCondition::Compare(path, how, value)),
        (path(), select(TextMode::ALL.to_vec()), text())
            .prop_map(|(path, how, value)| ItemCondition::Contains(path, how, value)),
        support::written_restriction()
            .prop_map(|written| ItemCondition::Mail(serde_json::from_value(written).unwrap())),
    ];
    leaf.prop_recursive(3, 12, 3, |inner| {
        prop_oneof![
            inner.clone().prop_map(|inner| ItemCondition::Not(Box::new(inner))),
            vec(inner.clone(), 0..3).prop_map(ItemCondition::All),
            vec(inner, 1..3).prop_map(ItemCondition::Any),
        ]
    })
}

fn view() -> impl Strategy<Value = ItemView> {
    let limit = || of(0..500_u32);
    prop_oneof![
        3 => (any::<u32>(), 0..1000_u32, any::<bool>())
            .prop_map(|(offset, limit, from_end)| ItemView::Page { offset, limit, from_end }),
        1 => (moment(), moment(), limit()).prop_map(|(start, end, limit)| ItemView::Calendar { start, end, limit }),
        1 => (of(text()), of(text()), limit())
            .prop_map(|(first, last, limit)| ItemView::Contacts { first, last, limit }),
    ]
}

fn search() -> impl Strategy<Value = ItemSearch> {
    let traversal = select(vec![Traversal::Shallow, Traversal::SoftDeleted, Traversal::Associated]);
    let sort = (path(), any::<bool>()).prop_map(|(path, descending)| Sort { path, descending });
    let narrowed = (of(condition()), of(text()), vec(sort, 0..3));
    (vec(folder(), 1..3), traversal, shape(), view(), narrowed).prop_map(
        |(folders, traversal, mut shape, view, (condition, query, sort))| {
            // Most searches are meant to be sound.
            shape.mime &= matches!(view, ItemView::Contacts { .. });
            let plain = matches!(view, ItemView::Calendar { .. });
            let query = query.filter(|_| condition.is_none() && !plain);
            let mut search = ItemSearch::new(WellKnownFolder::Inbox);
            (search.folders, search.traversal, search.shape, search.view) = (folders, traversal, shape, view);
            (search.condition, search.query) = (condition.filter(|_| !plain), query);
            search.sort = if plain { Vec::new() } else { sort };
            search
        },
    )
}

#[derive(Debug, Clone)]
enum Call {
    Find(ItemSearch),
    Get(Vec<ItemAt>, ItemShape),
    Create(Vec<NewItem>, Creation),
    Change(Vec<ItemChange>, Updating),
    Copy(Vec<ItemRef>, FolderAt),
    Delete(Vec<ItemAt>, Deletion),
    Send(ItemRef, Option<FolderAt>),
    Attach(ItemRef, Vec<NewAttachment>),
}

fn invitations() -> impl Strategy<Value = Invitations> {
    select(vec![Invitations::Nobody, Invitations::Everybody, Invitations::EverybodyWithCopy])
}

fn disposition() -> impl Strategy<Value = Disposition> {
    select(vec![Disposition::Save, Disposition::Send, Disposition::SendAndSave])
}

fn change() -> impl Strategy<Value = ItemChange> {
    let updates = |own: BoxedStrategy<Field>| {
        let field = || prop_oneof![general(), own.clone()];
        let update = prop_oneof![
            4 => field().prop_map(Update::Set),
            1 => field().prop_map(Update::Append),
            1 => path().prop_map(Update::Delete),
            1 => field().prop_map(|field| Update::Delete(field.path())),
        ];
        vec(update, 0..4)
    };
    prop_oneof![
        (item(), updates(of_message())).prop_map(|(item, updates)| ItemChange::message(item, updates)),
        (item_at(), updates(of_calendar()))
            .prop_map(|(item, updates)| ItemChange::calendar_item(item, updates)),
        (item(), updates(of_contact())).prop_map(|(item, updates)| ItemChange::contact(item, updates)),
    ]
}

fn call() -> impl Strategy<Value = Call> {
    let items = || vec(item(), 1..3);
    let creation =
        (disposition(), of(folder()), invitations()).prop_map(|(disposition, folder, invitations)| {
            let mut how = Creation::default().inviting(invitations);
            (how.disposition, how.folder) = (disposition, folder);
            how
        });
    let conflict = select(vec![Conflict::NeverOverwrite, Conflict::AutoResolve, Conflict::AlwaysOverwrite]);
    let meetings = select(vec![
        MeetingUpdates::Nobody,
        MeetingUpdates::Everybody,
        MeetingUpdates::Concerned,
        MeetingUpdates::EverybodyWithCopy,
        MeetingUpdates::ConcernedWithCopy,
    ]);
    let updating = (conflict, disposition(), of(folder()), meetings, any::<bool>()).prop_map(
        |(conflict, disposition, folder, meetings, read_receipts)| {
            let mut how = Updating::default();
            (how.conflict, how.disposition, how.folder) = (conflict, disposition, folder);
            (how.meetings, how.read_receipts) = (meetings, read_receipts);
            how
        },
    );
    let mode = select(vec![DeleteMode::Trash, DeleteMode::Soft, DeleteMode::Hard]);
    let deletion =
        (mode, invitations(), any::<bool>(), any::<bool>()).prop_map(|(mode, to, this, receipts)| {
            let mut how = Deletion::new(mode);
            (how.cancellations, how.this_task_only, how.read_receipts) = (to, this, receipts);
            how
        });
    prop_oneof![
        4 => search().prop_map(Call::Find),
        2 => (vec(item_at(), 1..3), shape()).prop_map(|(items, shape)| Call::Get(items, shape)),
        6 => (vec(new_item(), 1..3), creation).prop_map(|(items, how)| Call::Create(items, how)),
        6 => (vec(change(), 1..3), updating).prop_map(|(changes, how)| Call::Change(changes, how)),
        1 => (items(), folder()).prop_map(|(items, folder)| Call::Copy(items, folder)),
        1 => (vec(item_at(), 1..3), deletion).prop_map(|(items, how)| Call::Delete(items, how)),
        1 => (item(), of(folder())).prop_map(|(draft, copy)| Call::Send(draft, copy)),
        2 => (item(), vec(attachment(), 1..3)).prop_map(|(item, all)| Call::Attach(item, all)),
    ]
}

/// Makes the call against a server that never answers sensibly, and gives the requests it took.
fn requests(version: Version, call: &Call) -> Vec<String> {
    let mut config = support::config();
    config.version = version;
    let log = Arc::new(Mutex::new(Vec::<String>::new()));
    let seen = Arc::clone(&log);
    let client: EwsClient = support::client_with(config, move |request| {
        seen.lock().unwrap().push(String::from_utf8(request.body().to_vec()).unwrap());
        Canned::xml("<no/>")
    });
    let me = alice();
    let refused = match call {
        Call::Find(search) => now(client.find_items(&me, search)).map(drop),
        Call::Get(items, shape) => now(client.get_items(&me, items, shape)).map(drop),
        Call::Create(items, how) => now(client.create_items(&me, items, how)).map(drop),
        Call::Change(changes, how) => now(client.update_items(&me, changes, how)).map(drop),
        Call::Copy(items, folder) => now(client.copy_items(&me, items, folder)).map(drop),
        Call::Delete(items, how) => now(client.delete_items(&me, items, *how)).map(drop),
        Call::Send(draft, copy) => now(client.send_item(&me, draft, copy.as_ref())),
        Call::Attach(item, all) => now(client.create_attachments(&me, item, all)).map(drop),
    };
    let sent: Vec<String> = std::mem::take(&mut *log.lock().unwrap());
    let words = refused.unwrap_err().message;
    assert_eq!(sent.is_empty(), words.contains("nothing was sent"), "{words}");
    sent
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(600))]

    #[test]
    fn every_request_about_items_is_well_formed(
        version in select(vec![Version::Exchange2013Sp1, Version::Exchange2016]),
        call in call(),
    ) {
        static NUMBER: AtomicUsize = AtomicUsize::new(0);
        for request in requests(version, &call) {
            let mut reader = quick_xml::Reader::from_str(&request);
            let mut operations = 0;
            loop {
                match reader.read_event().unwrap() {
                    quick_xml::events::Event::Eof => break,
                    quick_xml::events::Event::Start(start) | quick_xml::events::Event::Empty(start) => {
                        let name = start.name();
                        let name: &str = name.as_ref();
                        operations += usize::from(
                            ["m:FindItem", "m:GetItem", "m:CreateItem", "m:UpdateItem", "m:CopyItem",
                             "m:DeleteItem", "m:SendItem", "m:CreateAttachment"].contains(&name),
                        );
                    }
                    _ => {}
                }
            }
            prop_assert_eq!(operations, 1, "a value became markup: {}", request);
            if let Some(folder) = std::env::var_os("PORTCULLIS_EWS_REQUESTS_DIR") {
                let folder = PathBuf::from(folder);
                std::fs::create_dir_all(&folder).unwrap();
                let number = NUMBER.fetch_add(1, Ordering::Relaxed);
                std::fs::write(folder.join(format!("items-{number:05}.xml")), request).unwrap();
            }
        }
    }
}

/// What would be refused or lost by a server is refused here, and says why.
#[test]
fn what_a_server_would_refuse_is_not_sent() {
    let create = |item: NewItem| Call::Create(vec![item], Creation::default());
    let twice = NewItem::message().with(Field::Subject("a".into())).with(Field::Subject("b".into()));
    let foreign = NewItem::contact().with(Field::IsRead(true));
    let forged = NewItem::message()
        .with(Field::Header { name: "X-A".into(), value: "a\r\nBcc: eve@evil.example".into() });
    let attached = NewItem::new(NewKind::Reply(ItemRef::new("A"))).attach(NewAttachment::file("a", "b"));
    let nobody = NewItem::calendar_item().with(Field::Required(Vec::new()));
    let words = NewItem::new(NewKind::Accept(ItemRef::new("A"))).with(Field::Subject("Yes".into()));
    for item in [twice, foreign, forged, attached, nobody, words] {
        assert!(requests(Version::Exchange2016, &create(item)).is_empty());
    }
    let get = |path| Call::Get(vec![ItemRef::new("A").into()], ItemShape::default().with(path));
    let none = ItemAt::Occurrence { master: ItemRef::new("A"), number: 0 };
    assert!(requests(Version::Exchange2016, &Call::Get(vec![none], ItemShape::default())).is_empty());
    let later = || get(PropertyPath::field("item:MentionedMe"));
    assert!(requests(Version::Exchange2013Sp1, &later()).is_empty());
    assert_eq!(requests(Version::Exchange2016, &later()).len(), 1);
    assert!(requests(Version::Exchange2016, &get(PropertyPath::field("item:Nonsense"))).is_empty());
    let append = Update::Append(Field::Subject("more".into()));
    let change =
        Call::Change(vec![ItemChange::message(ItemRef::new("A"), vec![append])], Updating::default());
    assert!(requests(Version::Exchange2016, &change).is_empty());
    let mut both = ItemSearch::new(WellKnownFolder::Inbox);
    both.query = Some("from:eve".into());
    both.condition = Some(ItemCondition::Exists(PropertyPath::field("item:Subject")));
    assert!(requests(Version::Exchange2016, &Call::Find(both)).is_empty());
}
