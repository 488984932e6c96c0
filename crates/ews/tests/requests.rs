//! Every request the client can build: well-formed here, valid by Microsoft's schema in
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

use exchange::restriction::Importance;
use exchange::rule::{ACTIONS, CONDITIONS, Clause, Kind, Rule, RuleChange};
use exchange::{
    Address, AttachmentInfo, AttachmentKind, BodyText, DeleteMode, Draft, FolderRef, Header, ItemRef,
    Mailbox, OofAudience, OofState, OutOfOffice, Query, Restriction, SearchRequest, WellKnownFolder,
};
use portcullis_ews::{Access, Config, Version};
use proptest::prelude::*;
use quick_xml::events::Event;
use support::{Canned, agree, now, ports_with};

/// Text as an attacker writes it: markup, the end of a CDATA, quotes, other planes; no control characters.
fn text() -> impl Strategy<Value = String> {
    prop_oneof![
        "[ -~]{0,40}",
        "[^\\p{Cc}\\p{Cn}\\p{Co}]{0,12}",
        Just("]]></t:Subject><m:DeleteItem/>&quot;\"'<!--".to_owned()),
    ]
}

/// Free text may hold anything at all.
fn any_text() -> impl Strategy<Value = String> {
    prop_oneof![text(), any::<String>(), Just("a\r\nb\tc\u{0}\u{b}\u{FFFE}".to_owned())]
}

fn id() -> impl Strategy<Value = String> {
    prop_oneof!["[A-Za-z0-9+/=]{1,200}", text().prop_filter("an id is not empty", |id| !id.is_empty())]
}

fn item() -> impl Strategy<Value = ItemRef> {
    (id(), proptest::option::of("[A-Za-z0-9+/]{4,60}"))
        .prop_map(|(id, change_key)| ItemRef { id, change_key })
}

fn folder() -> impl Strategy<Value = FolderRef> {
    prop_oneof![
        proptest::sample::select(WellKnownFolder::ALL.to_vec()).prop_map(FolderRef::WellKnown),
        proptest::collection::vec("[^\\p{Cc}/\"&<]{1,12}", 1..4).prop_map(FolderRef::Path),
        id().prop_map(FolderRef::Id),
    ]
}

fn address() -> impl Strategy<Value = Address> {
    (proptest::option::of(any_text()), "[a-z0-9.'+&]{1,20}@[a-z]{1,10}\\.example")
        .prop_map(|(name, address)| Address { name, address })
}

fn query() -> impl Strategy<Value = Query> {
    let maybe = || proptest::option::of(text());
    let time = || proptest::option::of(Just("2026-11-21T05:00:00Z".to_owned()));
    (
        maybe(),
        maybe(),
        maybe(),
        maybe(),
        maybe(),
        time(),
        time(),
        any::<Option<bool>>(),
        any::<Option<bool>>(),
    )
        .prop_map(
            |(
                internet_message_id,
                from,
                subject,
                subject_contains,
                body_contains,
                after,
                before,
                has,
                read,
            )| {
                Query {
                    internet_message_id,
                    from,
                    subject,
                    subject_contains,
                    body_contains,
                    received_after: after,
                    received_before: before,
                    has_attachments: has,
                    is_read: read,
                }
            },
        )
}

/// Restrictions as a playbook writes them.
fn restriction() -> impl Strategy<Value = Restriction> {
    support::written_restriction().prop_map(|written| serde_json::from_value(written).unwrap())
}

fn draft() -> impl Strategy<Value = Draft> {
    let people = || proptest::collection::vec(address(), 0..3);
    let header =
        ("(X-[A-Za-z0-9-]{1,20}|Auto-Submitted)", text()).prop_map(|(name, value)| Header { name, value });
    let body = (any::<bool>(), any_text())
        .prop_map(|(html, text)| if html { BodyText::Html(text) } else { BodyText::Text(text) });
    let headers = proptest::collection::vec(header, 0..3);
    let head = (people(), people(), people(), people(), proptest::option::of(address()));
    let importance = proptest::sample::select(vec![None, Some(Importance::Low), Some(Importance::High)]);
    let key = "[a-zA-Z0-9:-]{1,60}";
    (head, proptest::option::of(any_text()), body, any::<bool>(), importance, headers, key).prop_map(
        |((to, cc, bcc, reply_to, from), subject, body, quotes, importance, headers, key)| Draft {
            from,
            to,
            cc,
            bcc,
            reply_to,
            subject,
            body,
            plain: None,
            quotes,
            importance,
            headers,
            key,
        },
    )
}

#[derive(Debug, Clone)]
enum Call {
    Search(SearchRequest),
    Get(Vec<ItemRef>),
    Mime(ItemRef),
    Mimes(Vec<ItemRef>),
    List(ItemRef),
    Fetch(String),
    Move(Vec<ItemRef>, FolderRef),
    Delete(Vec<ItemRef>, DeleteMode),
    Mark(Vec<ItemRef>, bool),
    Draft(Draft),
    Reply(ItemRef, Draft, bool),
    Send(ItemRef),
    Find(String),
    Summaries(Vec<ItemRef>),
    Junk(Vec<ItemRef>, bool, bool),
    Detach(Vec<String>),
    Rules,
    Change(RuleChange, bool),
    Replies,
    SetReplies(OutOfOffice),
    Resolve(String),
}

/// Rules with clauses of every kind, some of them with values that are refused.
fn rule() -> impl Strategy<Value = Rule> {
    fn clauses(table: &'static [(&'static str, Kind)]) -> impl Strategy<Value = Vec<Clause>> {
        let texts = || proptest::collection::vec(text(), 1..3);
        let clause = proptest::sample::select(table.to_vec()).prop_flat_map(move |(name, kind)| {
            let words = |words: &[&str]| {
                proptest::sample::select(words.iter().map(|&w| vec![w.to_owned()]).collect::<Vec<_>>())
                    .boxed()
            };
            let values = match (name, kind) {
                (_, Kind::Flag) => words(&["true", "false"]),
                ("flagged_for_action", _) => words(&["Any", "Call", "FollowUp"]),
                ("sensitivity", _) => words(&["Normal", "Private", "Confidential"]),
                (_, Kind::Word) => words(&["Low", "Normal", "High"]),
                (_, Kind::Texts) => texts().boxed(),
                (_, Kind::People) => proptest::collection::vec(
                    prop_oneof![address().prop_map(|a| a.address), Just("EX:/o=Corp/cn=eve".to_owned())],
                    1..3,
                )
                .boxed(),
                (_, Kind::Folder) => prop_oneof![
                    id().prop_map(|id| vec![format!("id:{id}")]),
                    Just(vec!["junkemail".to_owned()])
                ]
                .boxed(),
                (_, Kind::Item) => (id(), "[A-Za-z0-9+/]{4,20}").prop_map(|(id, key)| vec![id, key]).boxed(),
                (_, Kind::Times) => Just(vec!["2026-01-01T00:00:00Z".to_owned(), String::new()]).boxed(),
                (_, Kind::Sizes) => {
                    any::<u16>().prop_map(|size| vec![String::new(), size.to_string()]).boxed()
                }
            };
            values.prop_map(move |values| Clause { name: name.to_owned(), values })
        });
        proptest::collection::vec(clause, 0..4).prop_map(|mut clauses| {
            let mut seen = std::collections::BTreeSet::new();
            clauses.retain(|clause| seen.insert(clause.name.clone()));
            clauses
        })
    }
    (any_text(), any::<u8>(), any::<bool>(), clauses(&CONDITIONS), clauses(&CONDITIONS), clauses(&ACTIONS))
        .prop_map(|(name, priority, enabled, conditions, exceptions, actions)| Rule {
            id: String::new(),
            name,
            priority: priority.into(),
            enabled,
            in_error: false,
            complete: true,
            conditions,
            exceptions,
            actions,
        })
}

fn out_of_office() -> impl Strategy<Value = OutOfOffice> {
    let state = proptest::sample::select(vec![OofState::Disabled, OofState::Enabled, OofState::Scheduled]);
    let audience = proptest::sample::select(vec![OofAudience::None, OofAudience::Known, OofAudience::All]);
    let times = proptest::option::of(Just((
        "2026-01-01T00:00:00Z".parse().unwrap(),
        "2026-02-01T00:00:00.5Z".parse().unwrap(),
    )));
    (state, audience, times, any_text(), any_text()).prop_map(
        |(state, audience, duration, internal_reply, external_reply)| OutOfOffice {
            state,
            audience,
            duration,
            internal_reply,
            external_reply,
        },
    )
}

fn call() -> impl Strategy<Value = Call> {
    let many = || proptest::collection::vec(item(), 1..5);
    let mode = proptest::sample::select(vec![DeleteMode::Trash, DeleteMode::Soft, DeleteMode::Hard]);
    prop_oneof![
        3 => (folder(), query(), proptest::option::of(restriction()), any::<u16>(), 1..=1000_u32).prop_map(|(folder, query, restriction, offset, limit)| {
            Call::Search(SearchRequest { mailbox: support::alice(), folder, query, restriction, offset: offset.into(), limit })
        }),
        1 => many().prop_map(Call::Get),
        1 => item().prop_map(Call::Mime),
        1 => many().prop_map(Call::Mimes),
        1 => item().prop_map(Call::List),
        1 => id().prop_map(Call::Fetch),
        1 => (many(), folder()).prop_map(|(items, folder)| Call::Move(items, folder)),
        1 => (many(), mode).prop_map(|(items, mode)| Call::Delete(items, mode)),
        1 => (many(), any::<bool>()).prop_map(|(items, read)| Call::Mark(items, read)),
        2 => draft().prop_map(Call::Draft),
        2 => (item(), draft(), any::<bool>()).prop_map(|(item, draft, all)| Call::Reply(item, draft, all)),
        1 => item().prop_map(Call::Send),
        1 => text().prop_map(Call::Find),
        1 => many().prop_map(Call::Summaries),
        1 => (many(), any::<bool>(), any::<bool>()).prop_map(|(items, junk, moves)| Call::Junk(items, junk, moves)),
        1 => proptest::collection::vec(id(), 1..5).prop_map(Call::Detach),
        1 => Just(Call::Rules),
        4 => (rule(), id(), 0..3, any::<bool>()).prop_map(|(rule, id, what, lose)| {
            let change = match what {
                0 => RuleChange::Create(rule),
                1 => RuleChange::Set(Rule { id, ..rule }),
                _ => RuleChange::Remove(id),
            };
            Call::Change(change, lose)
        }),
        1 => Just(Call::Replies),
        2 => out_of_office().prop_map(Call::SetReplies),
        1 => text().prop_map(Call::Resolve),
    ]
}

/// Makes the call against a server that agrees to everything, and gives the requests it took.
fn requests(version: Version, own: bool, call: &Call) -> Vec<String> {
    let me = Mailbox::new("alice@corp.example").unwrap();
    let access = if own { Access::SelfOnly { mailbox: me.clone() } } else { Access::Impersonation };
    let mut config = Config::new("https://mail.corp.example/EWS/Exchange.asmx".parse().unwrap(), access);
    config.version = version;
    config.batch = 2;
    let log = Arc::new(Mutex::new(Vec::new()));
    let seen = Arc::clone(&log);
    let ports = ports_with(config, move |request| {
        seen.lock().unwrap().push(request.to_owned());
        let canned: Canned = agree(request);
        canned
    });
    let mut out = Vec::new();
    // Whether the made-up answers satisfy the client is no matter here; the requests are.
    let _ = match call {
        Call::Search(request) => now(ports.search.unwrap().search(request)).map(drop),
        Call::Get(items) => now(ports.read.unwrap().get(&me, items)).map(drop),
        Call::Mime(item) => now(ports.read.unwrap().mime(&me, item, &mut out)).map(drop),
        Call::Mimes(items) => now(ports.read.unwrap().mimes(&me, items, &mut |_, _| Ok(()))).map(drop),
        Call::List(item) => now(ports.attachments.unwrap().list(&me, item)).map(drop),
        Call::Fetch(id) => {
            let info = AttachmentInfo {
                id: id.clone(),
                name: None,
                content_type: None,
                size: 0,
                is_inline: false,
                content_id: None,
                kind: AttachmentKind::File,
            };
            now(ports.attachments.unwrap().fetch(&me, &info, &mut out)).map(drop)
        }
        Call::Move(items, folder) => now(ports.moves.unwrap().move_to(&me, items, folder)).map(drop),
        Call::Delete(items, mode) => now(ports.delete.unwrap().delete(&me, items, *mode)).map(drop),
        Call::Mark(items, read) => now(ports.update.unwrap().mark_read(&me, items, *read)).map(drop),
        Call::Draft(draft) => now(ports.submit.unwrap().create_draft(&me, draft)).map(drop),
        Call::Reply(item, draft, all) => {
            now(ports.submit.unwrap().create_reply(&me, item, draft, *all)).map(drop)
        }
        Call::Send(item) => now(ports.submit.unwrap().send(&me, item)),
        Call::Summaries(items) => now(ports.read.unwrap().summaries(&me, items)).map(drop),
        Call::Junk(items, junk, moves) => {
            now(ports.junk.unwrap().mark_junk(&me, items, *junk, *moves)).map(drop)
        }
        Call::Detach(ids) => now(ports.detach.unwrap().detach(&me, ids)).map(drop),
        Call::Rules => now(ports.rules.unwrap().rules(&me)).map(drop),
        Call::Change(change, lose) => now(ports.rules.unwrap().change_rules(&me, change, *lose)),
        Call::Replies => now(ports.automatic_replies.unwrap().out_of_office(&me)).map(drop),
        Call::SetReplies(settings) => now(ports.automatic_replies.unwrap().set_out_of_office(&me, settings)),
        Call::Resolve(name) => now(ports.directory.unwrap().resolve(&me, name)).map(drop),
        Call::Find(key) => now(ports.submit.unwrap().find_by_key(&me, key)).map(drop),
    };
    log.lock().unwrap().drain(..).collect()
}

/// Names and values of a document, decoded; fails where it is not well-formed.
fn decode(document: &str) -> (Vec<String>, Vec<String>) {
    let mut reader = quick_xml::Reader::from_str(document);
    let (mut names, mut values, mut text) = (Vec::new(), Vec::new(), String::new());
    loop {
        match reader.read_event().unwrap() {
            Event::Eof => return (names, values),
            Event::Start(start) | Event::Empty(start) => {
                names.push(start.name().as_ref().to_owned());
                for attribute in start.attributes() {
                    let raw = attribute.unwrap().value.into_owned();
                    values.push(quick_xml::escape::unescape(&raw).unwrap().into_owned());
                }
                text.clear();
            }
            Event::Text(part) => text.push_str(&part),
            Event::GeneralRef(name) => {
                let name: &str = &name;
                text.push_str(&quick_xml::escape::unescape(&format!("&{name};")).unwrap());
            }
            Event::End(_) => values.push(std::mem::take(&mut text)),
            _ => {}
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(400))]

    #[test]
    fn every_request_is_well_formed_and_says_what_was_meant(
        version in proptest::sample::select(Version::ALL.to_vec()),
        own in any::<bool>(),
        call in call(),
    ) {
        static NUMBER: AtomicUsize = AtomicUsize::new(0);
        let sent = requests(version, own, &call);
        for request in &sent {
            let (names, values) = decode(request);
            let operations = names.iter().filter(|name| name.starts_with("m:") && name.ends_with("Item")).count();
            prop_assert!(operations <= 1, "a value became markup: {request}");
            prop_assert_eq!(names.iter().any(|name| name == "t:ExchangeImpersonation"), !own);
            if let (Call::Search(search), true) = (&call, request.contains("<m:FindItem")) {
                for wanted in [&search.query.subject, &search.query.from, &search.query.internet_message_id] {
                    prop_assert!(wanted.as_ref().is_none_or(|wanted| values.contains(wanted)), "{request}");
                }
            }
            if let Some(folder) = std::env::var_os("PORTCULLIS_EWS_REQUESTS_DIR") {
                let folder = PathBuf::from(folder);
                std::fs::create_dir_all(&folder).unwrap();
                let number = NUMBER.fetch_add(1, Ordering::Relaxed);
                std::fs::write(folder.join(format!("{number:05}.xml")), request).unwrap();
            }
        }
    }
}

#[test]
fn a_control_character_is_refused_where_it_selects_and_dropped_where_it_is_read() {
    let refused = |call: Call| requests(Version::default(), false, &call).is_empty();
    assert!(refused(Call::Delete(support::items(&["a\u{1}b"]), DeleteMode::Hard)));
    let query = Query { subject: Some("a\u{b}".to_owned()), ..Query::default() };
    let search = SearchRequest { query, ..support::whole_inbox() };
    assert!(refused(Call::Search(search)));
    let draft = Draft {
        to: vec![Address { name: None, address: "bob@corp.example".to_owned() }],
        subject: Some("Your\u{0}]]>\u{b} </t:Subject>".to_owned()),
        body: BodyText::Text("line 1\r\nline 2".to_owned()),
        key: "k".to_owned(),
        ..Draft::default()
    };
    let sent = requests(Version::default(), false, &Call::Draft(draft.clone()));
    let (_, values) = decode(&sent[0]);
    assert!(values.contains(&"Your]]> </t:Subject>".to_owned()));
    assert!(values.contains(&"line 1\r\nline 2".to_owned()));
    let mut forged = draft.clone();
    forged.headers = vec![Header { name: "Bcc".to_owned(), value: "eve@evil.example".to_owned() }];
    assert!(refused(Call::Draft(forged)));
    let mut split = draft;
    split.headers = vec![Header { name: "X-A".to_owned(), value: "a\r\nBcc: eve@evil.example".to_owned() }];
    assert!(refused(Call::Draft(split)));
}

#[test]
fn an_account_without_impersonation_asks_for_no_other_mailbox() {
    let own = Access::SelfOnly { mailbox: Mailbox::new("bob@corp.example").unwrap() };
    let ports = ports_with(Config::new("https://a.example/".parse().unwrap(), own), |_| {
        panic!("nothing may be sent")
    });
    let error = now(ports.search.unwrap().search(&support::whole_inbox())).unwrap_err();
    assert_eq!(error.kind, exchange::ErrorKind::PermissionDenied);
}
