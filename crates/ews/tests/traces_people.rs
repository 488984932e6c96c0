//! Recorded and documented answers about people, calendars and the organisation, with what they say.
//!
//! They are no part of the repository: `../shared/ews-traces` beside it, or the folder that
//! `PORTCULLIS_EWS_TRACES` names. CI sets the variable, and then the folder must be there.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "test code"
)]

mod support;

use std::path::PathBuf;

use exchange::{Error, ErrorKind, Mailbox};
use portcullis_ews::{
    AvailabilityQuery, Busy, EwsClient, FreeBusyDetail, Group, Invitee, MailboxSearch, NameQuery, PeopleIn,
    PeopleQuery, SearchGives, SearchPart, SearchableQuery, ServicePart, SuggestionQuery, Suitability,
    Weekday, ZoneTarget, ZoneWhen,
};
use support::{Canned, alice, client, now};

fn folder() -> Option<PathBuf> {
    if let Some(named) = std::env::var_os("PORTCULLIS_EWS_TRACES") {
        let named = PathBuf::from(named);
        assert!(named.is_dir(), "PORTCULLIS_EWS_TRACES is no folder: {}", named.display());
        return Some(named);
    }
    let beside = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../../../shared/ews-traces");
    beside.is_dir().then_some(beside)
}

/// A client that gets this trace as the answer to anything, in pieces of that size.
fn answered(name: &str, piece: usize) -> Option<EwsClient> {
    let text = std::fs::read(folder()?.join(name)).unwrap();
    Some(client(Canned::pieces(&text, piece)))
}

fn at(text: &str) -> jiff::Timestamp {
    text.parse().unwrap()
}

fn invitees(count: usize) -> Vec<Invitee> {
    (0..count).map(|n| Invitee::required(Mailbox::new(&format!("a{n}@corp.example")).unwrap())).collect()
}

fn availability(count: usize, suggestions: bool) -> AvailabilityQuery {
    let wanted = SuggestionQuery { minutes: 60, per_day: 2, per_day_outside: 0, at_least: Suitability::Good };
    AvailabilityQuery {
        attendees: invitees(count),
        from: at("2014-02-13T00:00:00Z"),
        until: at("2014-02-14T00:00:00Z"),
        detail: Some(FreeBusyDetail::Details),
        interval_minutes: 60,
        suggestions: suggestions.then_some(wanted),
    }
}

#[test]
fn groups_have_their_members() {
    for piece in [1, 7, 100_000] {
        let Some(client) = answered("microsoft-docs/expanddl-operation.03.xml", piece) else { return };
        let group = Group::Public("all@exampledomain.com".to_owned());
        let found = now(client.expand_group(&alice(), &group)).unwrap();
        let names: Vec<&str> = found.members.iter().map(|member| member.name.as_str()).collect();
        assert_eq!(names, ["Dan Park", "Jeff Price", "Tanja Plate"]);
        assert_eq!(found.members[2].address, "tplate@exampledomain.com");
        assert!(!found.truncated);
    }
    let Some(client) = answered("microsoft-docs/expanddl-operation.04.xml", 64) else { return };
    let error = now(client.expand_group(&alice(), &Group::Public("x".to_owned()))).unwrap_err();
    assert_eq!(error.kind, ErrorKind::NotFound, "{error}");
    assert_eq!(error.code.as_deref(), Some("ErrorNameResolutionNoResults"));
}

#[test]
fn names_stand_for_people() {
    let resolve = |name: &str| {
        let query = NameQuery { name: "x", details: true, ..NameQuery::default() };
        answered(name, 33).map(|client| now(client.resolve_names(&alice(), query)))
    };
    let Some(found) = resolve("microsoft-docs/how-to-get-user-photos-by-using-ews-in-exchange.04.xml") else {
        return;
    };
    let found = found.unwrap();
    let details = found.found[0].details.as_ref().unwrap();
    assert_eq!((details.given_name.as_str(), details.company.as_str()), ("Sadie", "CONTOSO"));
    for name in ["exchangelib/test_protocol.L580-04.xml", "exchangelib/test_protocol.L621-05.xml"] {
        let found = resolve(name).unwrap().unwrap();
        assert!(found.ambiguous && found.found.len() == 2, "{name}");
    }
    let nobody = resolve("microsoft-docs/resolvenames-operation.03.xml").unwrap().unwrap();
    assert!(nobody.found.is_empty() && !nobody.ambiguous);
    for name in
        ["resolvenames-operation.02", "how-to-resolve-ambiguous-names-by-using-ews-in-exchange-2013.02"]
    {
        let found = resolve(&format!("microsoft-docs/{name}.xml")).unwrap().unwrap();
        assert!(!found.found.is_empty() && !found.found[0].entry.address.is_empty(), "{name}");
    }
    assert!(resolve("exchangelib/test_services.L277-09.xml").unwrap().unwrap().found.is_empty());
}

#[test]
fn people_are_found() {
    let query = PeopleQuery { folder: PeopleIn::Contacts, words: None, offset: 0, limit: 10 };
    let Some(client) = answered("microsoft-docs/findpeople-operation.03.xml", 50) else { return };
    let found = now(client.find_people(&alice(), &query)).unwrap();
    assert_eq!(found.total, Some(1));
    let terry = &found.people[0];
    assert_eq!((terry.given_name.as_str(), terry.surname.as_str()), ("Terry", "Adams"));
    assert_eq!(terry.address.as_ref().unwrap().address, "terry@litwareinc.com");
    assert_eq!(terry.addresses.len(), 2);
    let client = answered("exchangelib/test_contacts.L153-01.xml", 9).unwrap();
    let found = now(client.find_people(&alice(), &query)).unwrap();
    assert_eq!(
        (found.people[0].display_name.as_str(), found.people[0].id.as_str()),
        ("Foo B. Smith", "AAAA=")
    );
}

#[test]
fn searchable_mailboxes_and_what_a_search_finds() {
    let searchable = |name: &str| {
        let client = answered(&format!("microsoft-docs/getsearchablemailboxes-operation.{name}.xml"), 40)?;
        Some(now(client.searchable_mailboxes(&alice(), SearchableQuery::default())))
    };
    let Some(group) = searchable("02") else { return };
    let group = group.unwrap();
    assert!(group.mailboxes[0].is_group && group.mailboxes[0].address == "LOLgroup@contoso.com");
    assert!(group.mailboxes[0].reference.starts_with("/o=First/"));
    let three = searchable("03").unwrap().unwrap();
    assert_eq!(three.mailboxes.len(), 3);
    let error = searchable("04").unwrap().unwrap_err();
    assert_eq!(error.code.as_deref(), Some("ErrorInvalidArgument"));

    let client = answered("microsoft-docs/searchmailboxes-operation.02.xml", 40).unwrap();
    let search = MailboxSearch {
        query: "Test Item".to_owned(),
        scopes: vec![("/o=First".to_owned(), SearchPart::All)],
        gives: SearchGives::Statistics,
        ..MailboxSearch::default()
    };
    let found = now(client.search_mailboxes(&alice(), &search)).unwrap();
    assert_eq!((found.items, found.size, found.page.len()), (2, 20_206, 0));
    assert_eq!((found.keywords[0].keyword.as_str(), found.keywords[0].items), ("Test Item", 2));
    assert!(found.failed[0].is_archive && found.failed[0].message.contains("can't be empty"));
}

#[test]
fn mail_tips_are_told_for_each_recipient() {
    let Some(client) = answered("exchangelib/test_account.L188-01.xml", 21) else { return };
    let tips = now(client.mail_tips(&alice(), &[alice()])).unwrap();
    let tips = tips[0].as_ref().unwrap();
    assert_eq!(tips.custom.as_deref(), Some("Hello World Mailtips"));
    assert_eq!(tips.recipient.as_ref().unwrap().address, "user2@contoso.com");
    assert_eq!(tips.away, None, "a reply without words is none");
    let client = answered("exchangelib/test_account.L188-01.xml", 21).unwrap();
    let error = now(client.mail_tips(&alice(), &[alice(), alice()])).unwrap_err();
    assert!(error.message.contains("1 results, 2 were asked for"), "{error}");
}

#[test]
fn time_zones_of_real_servers_are_read() {
    let zones = |name: &str, piece| {
        answered(name, piece).map(|client| now(client.server_time_zones(&alice(), &[], true)).unwrap())
    };
    let Some(online) = zones("garethp-php-ews/APITest.testGetServerTimezones.00.xml", 4096) else { return };
    assert!(online.len() > 100, "{}", online.len());
    assert!(online.iter().all(|zone| !zone.id.is_empty() && !zone.name.is_empty()));
    let own = zones("exchangelib/test_protocol.L274-01.xml", 17).unwrap();
    assert!(!own.is_empty() && own.iter().any(|zone| !zone.periods.is_empty()), "{own:?}");
    for zone in online.iter().chain(&own) {
        assert!(zone.periods.is_empty() == zone.transitions.is_empty(), "{zone:?}");
        let known = |to: &ZoneTarget| match to {
            ZoneTarget::Period(id) => zone.periods.iter().any(|period| period.id == *id),
            ZoneTarget::Group(id) => zone.groups.iter().any(|group| group.id == *id),
        };
        let changes = zone.groups.iter().flat_map(|group| &group.transitions).chain(&zone.transitions);
        assert!(changes.into_iter().all(|change| known(&change.to)), "a change to nothing: {zone:?}");
    }
    let berlin = own.iter().chain(&online).find(|zone| zone.id == "W. Europe Standard Time").unwrap();
    let summer = |when: &ZoneWhen| {
        matches!(when, ZoneWhen::YearlyOnDay { month: 3, day: Weekday::Sunday, week: -1, minutes: 120 })
    };
    let mut yearly = berlin.groups.iter().flat_map(|group| &group.transitions);
    assert!(yearly.any(|change| summer(&change.when)), "{berlin:?}");
}

#[test]
fn calendars_say_when_people_are_busy() {
    let Some(client) = answered("microsoft-docs/getuseravailability-operation.02.xml", 60) else { return };
    let found = now(client.availability(&alice(), &availability(2, false))).unwrap();
    let first = found.calendars[0].as_ref().unwrap();
    assert_eq!(first.merged, "000002220220000000000000");
    assert_eq!(first.times.len(), 3);
    assert_eq!(first.times[2].start, at("2006-10-16T16:40:00Z"), "-07:00 is taken into account");
    let details = first.times[2].details.as_ref().unwrap();
    assert_eq!((details.subject.as_str(), details.location.as_str()), ("Meet with doctor", "Kirkland"));
    let hours = first.working_hours.as_ref().unwrap();
    assert_eq!((hours.bias_minutes, hours.periods[0].0.len(), hours.periods[0].1), (480, 5, 480));
    let second = found.calendars[1].as_ref().unwrap();
    assert_eq!((second.times[0].busy, second.times[0].details.is_none()), (Busy::Tentative, true));

    let name = "microsoft-docs/how-to-get-free-busy-information-by-using-ews-in-exchange.02.xml";
    let client = answered(name, 60).unwrap();
    let found = now(client.availability(&alice(), &availability(2, true))).unwrap();
    let days = found.suggestions.unwrap().unwrap();
    assert_eq!((days[0].suits, days[0].times.len()), (Suitability::Excellent, 2));
    assert_eq!(days[0].times[1].start, at("2014-02-13T09:30:00Z"));
    assert_eq!(days[0].times[0].attendees, [Busy::Free, Busy::Free]);
    let client = answered(name, 60).unwrap();
    let error = now(client.availability(&alice(), &availability(3, true))).unwrap_err();
    assert!(error.message.contains("2 results, 3 were asked for"), "{error}");
}

#[test]
fn delegates_have_rights_in_folders() {
    let Some(client) = answered("microsoft-docs/getdelegate-operation.02.xml", 11) else { return };
    let found = now(client.delegates(&alice())).unwrap();
    let user = found.delegates[0].as_ref().unwrap();
    assert_eq!((user.address.as_str(), user.display_name.as_str()), ("User1@example.com", "User1"));
    let rights =
        [("Calendar", "Author"), ("Contacts", "Reviewer")].map(|(a, b)| (a.to_owned(), b.to_owned()));
    assert_eq!(user.permissions, rights);
    assert_eq!(found.meeting_requests.as_deref(), Some("DelegatesAndMe"));
    // One that cannot be shown does not hide the other.
    let path = folder().unwrap().join("microsoft-docs/getdelegate-operation.02.xml");
    let refused = "<m:ResponseMessages><m:DelegateUserResponseMessageType ResponseClass=\"Error\"><m:ResponseCode>\
                   ErrorNotDelegate</m:ResponseCode></m:DelegateUserResponseMessageType>";
    let text = std::fs::read_to_string(path).unwrap().replacen("<m:ResponseMessages>", refused, 1);
    let found = now(client_of(text).delegates(&alice())).unwrap();
    let [Err(error), Ok(user)] = found.delegates.as_slice() else { panic!("{found:?}") };
    assert_eq!(error.code.as_deref(), Some("ErrorNotDelegate"));
    assert_eq!(user.address, "User1@example.com");
}

fn client_of(text: String) -> EwsClient {
    client(Canned::xml(text))
}

#[test]
fn a_fault_about_the_configuration_is_a_fault() {
    let Some(client) = answered("microsoft-docs/getserviceconfiguration-operation.03.xml", 19) else {
        return;
    };
    let error = now(client.service_configuration(&alice(), &[ServicePart::VoiceMail])).unwrap_err();
    assert_eq!(error.code.as_deref(), Some("ErrorSchemaValidation"));
}

#[test]
fn a_broken_answer_says_where_it_is_broken() {
    let Some(folder) = folder() else { return };
    let text = std::fs::read_to_string(folder.join("microsoft-docs/expanddl-operation.03.xml")).unwrap();
    let group = Group::Public("x".to_owned());
    for end in (0..text.trim_end().len()).step_by(41).filter(|end| text.is_char_boundary(*end)) {
        let error = now(client_of(text[..end].to_owned()).expand_group(&alice(), &group)).unwrap_err();
        assert_eq!(error.kind, ErrorKind::Transient, "cut at {end}: {error}");
    }
    let broken = text.replace("</t:RoutingType>", "</t:RoutingTpye>");
    let error: Error = now(client_of(broken).expand_group(&alice(), &group)).unwrap_err();
    assert!(error.message.contains("RoutingType") && error.message.contains("at byte"), "{error}");
    let other = text.replace("ExpandDLResponse", "ExpandXLResponse");
    let error = now(client_of(other).expand_group(&alice(), &group)).unwrap_err();
    assert!(error.message.contains("answers something else"), "{error}");
    let name = "microsoft-docs/getuseravailability-operation.02.xml";
    let text = std::fs::read_to_string(folder.join(name)).unwrap();
    let broken = text.replace("<StartTime>2006-10-16T09:00:00-07:00", "<StartTime>yesterday");
    let error = now(client_of(broken).availability(&alice(), &availability(2, false))).unwrap_err();
    assert!(error.message.contains("StartTime") && error.message.contains("at byte"), "{error}");
}
