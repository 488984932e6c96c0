//! Every request about people, calendars and the organisation: well-formed here, valid by Microsoft's schema in
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

use exchange::{ItemRef, Mailbox};
use portcullis_ews::{
    Access, AvailabilityQuery, Config, FreeBusyDetail, Group, Identity, Invitee, InviteeKind, MailboxSearch,
    NameQuery, NameScope, NamedBy, PeopleIn, PeopleQuery, SearchGives, SearchPart, SearchableQuery,
    ServicePart, SuggestionQuery, Suitability, Version,
};
use proptest::prelude::*;
use quick_xml::events::Event;
use support::{Canned, alice, client_with, now};

/// Text as an attacker writes it.
fn text() -> impl Strategy<Value = String> {
    prop_oneof![
        "[ -~]{1,40}",
        "[^\\p{Cc}\\p{Cn}\\p{Co}]{1,12}",
        Just("]]></m:QueryString><m:DeleteItem/>&quot;\"'<!--".to_owned()),
    ]
}

fn mailbox() -> impl Strategy<Value = Mailbox> {
    "[a-z0-9.'+&]{1,20}@[a-z]{1,10}\\.example".prop_map(|address| Mailbox::new(&address).unwrap())
}

fn mailboxes() -> impl Strategy<Value = Vec<Mailbox>> {
    proptest::collection::vec(mailbox(), 1..4)
}

#[derive(Debug, Clone)]
enum Call {
    Resolve(String, NameScope, bool),
    Expand(Group),
    People(PeopleQuery),
    Searchable(Option<String>, bool),
    Search(MailboxSearch),
    Tips(Vec<Mailbox>),
    Zones(Vec<String>, bool),
    Availability(AvailabilityQuery),
    Delegates,
    Configuration(Vec<ServicePart>),
}

fn availability() -> impl Strategy<Value = AvailabilityQuery> {
    use InviteeKind::{Optional, Organizer, Required, Resource, Room};
    let kind = || proptest::sample::select(vec![Organizer, Required, Optional, Room, Resource]);
    let invitee = (mailbox(), kind(), any::<bool>()).prop_map(|(mailbox, kind, exclude_conflicts)| Invitee {
        mailbox,
        kind,
        exclude_conflicts,
    });
    let suits = proptest::sample::select(vec![
        Suitability::Poor,
        Suitability::Fair,
        Suitability::Good,
        Suitability::Excellent,
    ]);
    let detail = proptest::sample::select(vec![
        FreeBusyDetail::Merged,
        FreeBusyDetail::Times,
        FreeBusyDetail::Details,
    ]);
    let wanted = (30..=1440_u32, any::<u32>(), any::<u32>(), suits).prop_map(
        |(minutes, per_day, per_day_outside, at_least)| SuggestionQuery {
            minutes,
            per_day,
            per_day_outside,
            at_least,
        },
    );
    let invitees = proptest::collection::vec(invitee, 1..4);
    (
        invitees,
        0..4_000_000_000_i64,
        1..62 * 86_400_i64,
        detail,
        5..=1440_u32,
        proptest::option::of(wanted),
        any::<bool>(),
    )
        .prop_map(|(attendees, from, length, detail, interval_minutes, suggestions, only)| {
            let at = |second: i64| jiff::Timestamp::from_second(second).unwrap();
            AvailabilityQuery {
                attendees,
                from: at(from),
                until: at(from + length),
                detail: (!only || suggestions.is_none()).then_some(detail),
                interval_minutes,
                suggestions,
            }
        })
}

fn search() -> impl Strategy<Value = MailboxSearch> {
    let part = proptest::sample::select(vec![SearchPart::Primary, SearchPart::Archive, SearchPart::All]);
    let gives = proptest::sample::select(vec![SearchGives::Statistics, SearchGives::Preview]);
    let scopes = proptest::collection::vec((text(), part), 1..4);
    ("[!-~]{1,20}", scopes, gives, any::<bool>(), any::<u16>(), proptest::option::of(text())).prop_map(
        |(query, scopes, gives, deduplicate, page_size, after)| MailboxSearch {
            query,
            scopes,
            gives,
            deduplicate,
            page_size: page_size.into(),
            after,
        },
    )
}

fn call() -> impl Strategy<Value = Call> {
    let scope = proptest::sample::select(vec![
        NameScope::Directory,
        NameScope::DirectoryThenContacts,
        NameScope::Contacts,
        NameScope::ContactsThenDirectory,
    ]);
    let group = prop_oneof![
        text().prop_map(Group::Public),
        (text(), proptest::option::of("[A-Za-z0-9+/]{4,20}"))
            .prop_map(|(id, change_key)| Group::Private(ItemRef { id, change_key })),
    ];
    let folder =
        prop_oneof![Just(PeopleIn::Directory), Just(PeopleIn::Contacts), text().prop_map(PeopleIn::Folder)];
    let people = (folder, proptest::option::of(text()), any::<u16>(), any::<u16>()).prop_map(
        |(folder, words, offset, limit)| PeopleQuery {
            folder,
            words,
            offset: offset.into(),
            limit: limit.into(),
        },
    );
    let parts = proptest::sample::subsequence(
        vec![ServicePart::MailTips, ServicePart::VoiceMail, ServicePart::ProtectionRules],
        1..=3,
    );
    prop_oneof![
        (text().prop_filter("blank", |text| !text.trim().is_empty()), scope, any::<bool>())
            .prop_map(|(name, scope, details)| Call::Resolve(name, scope, details)),
        group.prop_map(Call::Expand),
        people.prop_map(Call::People),
        (proptest::option::of(text()), any::<bool>())
            .prop_map(|(filter, expand)| Call::Searchable(filter, expand)),
        search().prop_map(Call::Search),
        mailboxes().prop_map(Call::Tips),
        (proptest::collection::vec(text(), 0..3), any::<bool>())
            .prop_map(|(ids, full)| Call::Zones(ids, full)),
        availability().prop_map(Call::Availability),
        Just(Call::Delegates),
        parts.prop_map(Call::Configuration),
    ]
}

fn access() -> impl Strategy<Value = (Access, NamedBy, Option<Identity>)> {
    let access = prop_oneof![
        Just(Access::Impersonation),
        Just(Access::Delegate { mailbox: None }),
        Just(Access::SelfOnly { mailbox: alice() }),
    ];
    let named = proptest::sample::select(vec![
        NamedBy::PrimarySmtpAddress,
        NamedBy::SmtpAddress,
        NamedBy::PrincipalName,
    ]);
    let identity = prop_oneof![text().prop_map(Identity::PrincipalName), text().prop_map(Identity::Sid),];
    (access, named, proptest::option::of(identity))
}

/// Makes the call, and gives the requests it took.
fn requests(config: Config, call: &Call) -> Vec<String> {
    let me = alice();
    let log = Arc::new(Mutex::new(Vec::new()));
    let seen = Arc::clone(&log);
    let client = client_with(config, move |request| {
        seen.lock().unwrap().push(String::from_utf8(request.body().to_vec()).unwrap());
        Canned::default().status(404)
    });
    // There is nobody there; the requests are what matters here.
    match call {
        Call::Resolve(name, scope, details) => {
            let query = NameQuery { name, scope: *scope, details: *details };
            now(client.resolve_names(&me, query)).map(drop)
        }
        Call::Expand(group) => now(client.expand_group(&me, group)).map(drop),
        Call::People(query) => now(client.find_people(&me, query)).map(drop),
        Call::Searchable(filter, expand_groups) => {
            let query = SearchableQuery { filter: filter.as_deref(), expand_groups: *expand_groups };
            now(client.searchable_mailboxes(&me, query)).map(drop)
        }
        Call::Search(search) => now(client.search_mailboxes(&me, search)).map(drop),
        Call::Tips(recipients) => now(client.mail_tips(&me, recipients)).map(drop),
        Call::Zones(ids, full) => {
            let ids: Vec<&str> = ids.iter().map(String::as_str).collect();
            now(client.server_time_zones(&me, &ids, *full)).map(drop)
        }
        Call::Availability(query) => now(client.availability(&me, query)).map(drop),
        Call::Delegates => now(client.delegates(&me)).map(drop),
        Call::Configuration(parts) => now(client.service_configuration(&me, parts)).map(drop),
    }
    .unwrap_err();
    log.lock().unwrap().drain(..).collect()
}

/// The names of a document's elements; fails where it is not well-formed.
fn names(document: &str) -> Vec<String> {
    let mut reader = quick_xml::Reader::from_str(document);
    let mut names = Vec::new();
    loop {
        match reader.read_event().unwrap() {
            Event::Eof => return names,
            Event::Start(start) | Event::Empty(start) => names.push(start.name().as_ref().to_owned()),
            _ => {}
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(400))]

    #[test]
    fn every_request_is_well_formed(
        version in proptest::sample::select(Version::ALL.to_vec()),
        (access, named_by, identity) in access(),
        zone in proptest::option::of("[A-Za-z. ]{1,20}"),
        culture in proptest::option::of("[a-z]{2}(-[A-Z]{2})?"),
        call in call(),
    ) {
        static NUMBER: AtomicUsize = AtomicUsize::new(0);
        let acts = access == Access::Impersonation;
        let mut config = Config::new("https://mail.corp.example/EWS/Exchange.asmx".parse().unwrap(), access);
        config.version = version;
        config.named_by = named_by;
        config.identities.extend(identity.map(|identity| (alice(), identity)));
        config.time_zone = zone;
        config.culture = culture;
        let sent = requests(config, &call);
        prop_assert_eq!(sent.len(), 1);
        let names = names(&sent[0]);
        prop_assert!(!names.iter().any(|name| name == "m:DeleteItem"), "a value became markup: {}", sent[0]);
        prop_assert_eq!(names.iter().any(|name| name == "t:ExchangeImpersonation"), acts);
        if let Some(folder) = std::env::var_os("PORTCULLIS_EWS_REQUESTS_DIR") {
            let folder = PathBuf::from(folder);
            std::fs::create_dir_all(&folder).unwrap();
            let number = NUMBER.fetch_add(1, Ordering::Relaxed);
            std::fs::write(folder.join(format!("people-{number:05}.xml")), &sent[0]).unwrap();
        }
    }
}

#[test]
fn what_no_server_takes_is_not_sent() {
    let nobody = || client_with(support::config(), |_| panic!("nothing may be sent"));
    let at = |second| jiff::Timestamp::from_second(second).unwrap();
    let good = AvailabilityQuery {
        attendees: vec![Invitee::required(alice())],
        from: at(0),
        until: at(86_400),
        detail: Some(FreeBusyDetail::Times),
        interval_minutes: 30,
        suggestions: None,
    };
    let wrong = [
        AvailabilityQuery { attendees: Vec::new(), ..good.clone() },
        AvailabilityQuery { attendees: vec![Invitee::required(alice()); 101], ..good.clone() },
        AvailabilityQuery { until: at(0), ..good.clone() },
        AvailabilityQuery { until: at(63 * 86_400), ..good.clone() },
        AvailabilityQuery { interval_minutes: 4, ..good.clone() },
        AvailabilityQuery { detail: None, ..good },
    ];
    for query in wrong {
        now(nobody().availability(&alice(), &query)).unwrap_err();
    }
    now(nobody().resolve_names(&alice(), NameQuery { name: " ", ..NameQuery::default() })).unwrap_err();
    now(nobody().mail_tips(&alice(), &[])).unwrap_err();
    now(nobody().service_configuration(&alice(), &[])).unwrap_err();
    now(nobody().search_mailboxes(&alice(), &MailboxSearch::default())).unwrap_err();
    now(nobody().expand_group(&alice(), &Group::Public("a\u{1}".to_owned()))).unwrap_err();
    assert_eq!(
        now(nobody().mailbox_by_alias(&alice(), "bob@corp.example")).unwrap().as_str(),
        "bob@corp.example"
    );
}
