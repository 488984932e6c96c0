//! People, groups, calendars and the search over mailboxes, over real HTTP and SOAP against the simulator.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "test code"
)]

use exchange::{
    ErrorKind, EventFields, FolderRef, Mailbox, OofAudience, OofState, OutOfOffice, ShowAs, WellKnownFolder,
};
use exchange_sim::{Account, Grant, Organisation, Reach, Right, Server};
use portcullis_ews::{
    Access, AvailabilityQuery, Busy, Config, EwsClient, FreeBusyDetail, Group, Identity, Invitee,
    MailboxSearch, NameQuery, NameScope, PeopleIn, PeopleQuery, SearchGives, SearchPart, SearchableQuery,
    ServicePart, SuggestionQuery, Suitability, ZoneWhen,
};
use transport::{Client, Credentials, Origin, Secret};

const USER: &str = "svc@corp.example";
const PASSWORD: &str = "correct horse";

fn organisation() -> Organisation {
    let organisation = Organisation::with_clock_from("2026-06-01T00:00:00Z".parse().unwrap());
    for address in [USER, "alice@corp.example", "bob@corp.example", "soc@corp.example"] {
        organisation.add_mailbox(address);
    }
    let alice = "
name: Alice Liddell
profile:
  alias: aliddell
  given_name: Alice
  surname: Liddell
  title: Analyst
  department: Security
  phone: '+44 1'
  mail_tip: Please report by telephone.
  busy:
    - {start: '2026-06-02T09:00:00Z', end: '2026-06-02T10:00:00Z', subject: Review, location: Room 1}
    - {start: '2026-06-02T13:00:00Z', end: '2026-06-02T17:00:00Z', kind: away}
";
    organisation.configure("alice@corp.example", alice).unwrap();
    organisation.configure("bob@corp.example", "{name: Bob Alison, profile: {alias: bob}}").unwrap();
    organisation.configure("soc@corp.example", "{name: SOC, profile: {alias: soc-shared}}").unwrap();
    organisation.add_group(
        "all@corp.example",
        "All",
        &["security@corp.example", "bob@corp.example", "out@partner.example"],
    );
    organisation.add_group(
        "security@corp.example",
        "Security",
        &["alice@corp.example", "all@corp.example", "hidden@corp.example"],
    );
    organisation
}

async fn serve(organisation: &Organisation) -> Server {
    Server::start(organisation.clone(), exchange_sim::Config::local(USER, PASSWORD)).await.unwrap()
}

fn connect(server: &Server, user: &str, access: Access, change: impl FnOnce(&mut Config)) -> EwsClient {
    let url: http::Uri = server.url().parse().unwrap();
    let client = Client::builder()
        .credentials(Origin::of(&url).unwrap(), Credentials::basic(user, Secret::new(PASSWORD)))
        .build()
        .unwrap();
    let mut config = Config::new(url, access);
    change(&mut config);
    EwsClient::new(client, config, |error: &transport::Error| error.may_have_left())
}

fn service(server: &Server) -> EwsClient {
    connect(server, USER, Access::Impersonation, |_| {})
}

fn mailbox(address: &str) -> Mailbox {
    Mailbox::new(address).unwrap()
}

fn alice() -> Mailbox {
    mailbox("alice@corp.example")
}

#[tokio::test]
async fn names_and_aliases_stand_for_people() {
    let server = serve(&organisation()).await;
    let client = service(&server);
    let query = |name| NameQuery { name, details: true, ..NameQuery::default() };
    let found = client.resolve_names(&alice(), query("ali")).await.unwrap();
    let names: Vec<&str> = found.found.iter().map(|one| one.entry.name.as_str()).collect();
    assert_eq!(names, ["Alice Liddell", "Bob Alison"]);
    assert!(found.ambiguous && !found.truncated);
    let one = client.resolve_names(&alice(), query("smtp:alice@")).await.unwrap();
    let details = one.found[0].details.as_ref().unwrap();
    assert_eq!((details.job_title.as_str(), details.alias.as_str()), ("Analyst", "aliddell"));
    assert_eq!(details.phone_numbers, [("BusinessPhone".to_owned(), "+44 1".to_owned())]);
    assert!(!one.ambiguous);
    let plain = NameQuery { details: false, ..query("alice") };
    assert!(client.resolve_names(&alice(), plain).await.unwrap().found[0].details.is_none());
    let contacts = NameQuery { scope: NameScope::Contacts, ..query("alice") };
    assert!(client.resolve_names(&alice(), contacts).await.unwrap().found.is_empty());
    let group = client.resolve_names(&alice(), query("all@")).await.unwrap();
    assert_eq!(group.found[0].entry.kind, "PublicDL");

    assert_eq!(client.mailbox_by_alias(&alice(), "soc-shared").await.unwrap(), mailbox("soc@corp.example"));
    let nobody = client.mailbox_by_alias(&alice(), "nobody").await.unwrap_err();
    assert_eq!(nobody.kind, ErrorKind::NotFound, "{nobody}");
}

#[tokio::test]
async fn groups_are_expanded_to_the_last_and_loops_end() {
    let server = serve(&organisation()).await;
    let client = service(&server);
    let all = Group::Public("all@corp.example".to_owned());
    let level = client.expand_group(&alice(), &all).await.unwrap();
    let kinds: Vec<&str> = level.members.iter().map(|member| member.kind.as_str()).collect();
    assert_eq!(kinds, ["PublicDL", "Mailbox", "OneOff"]);
    let whole = client.expand_group_fully(&alice(), &all, 100).await.unwrap();
    let mut addresses: Vec<&str> = whole.members.iter().map(|member| member.address.as_str()).collect();
    addresses.sort_unstable();
    assert_eq!(
        addresses,
        ["alice@corp.example", "bob@corp.example", "hidden@corp.example", "out@partner.example"]
    );
    assert!(!whole.truncated);
    assert!(client.expand_group_fully(&alice(), &all, 1).await.unwrap().truncated);
    let none =
        client.expand_group(&alice(), &Group::Public("bob@corp.example".to_owned())).await.unwrap_err();
    assert_eq!(none.kind, ErrorKind::NotFound, "{none}");
}

#[tokio::test]
async fn people_are_found_page_by_page() {
    let server = serve(&organisation()).await;
    let client = service(&server);
    let query = |words: Option<&str>, offset| PeopleQuery {
        folder: PeopleIn::Directory,
        words: words.map(str::to_owned),
        offset,
        limit: 4,
    };
    let first = client.find_people(&alice(), &query(None, 0)).await.unwrap();
    let second = client.find_people(&alice(), &query(None, 4)).await.unwrap();
    assert_eq!((first.people.len(), second.people.len(), first.total), (4, 2, Some(6)));
    let one = client.find_people(&alice(), &query(Some("Liddell"), 0)).await.unwrap();
    let alice_found = &one.people[0];
    assert_eq!((alice_found.given_name.as_str(), alice_found.department.as_str()), ("Alice", "Security"));
    assert_eq!((alice_found.phone.as_str(), alice_found.addresses.len()), ("+44 1", 1));
    assert_eq!(alice_found.address.as_ref().unwrap().address, "alice@corp.example");
    let contacts = PeopleQuery { folder: PeopleIn::Contacts, ..query(None, 0) };
    assert!(client.find_people(&alice(), &contacts).await.unwrap().people.is_empty());
}

#[tokio::test]
async fn one_query_searches_many_mailboxes() {
    let organisation = organisation();
    for (to, subject) in
        [("alice", "Invoice 1"), ("alice", "Lunch"), ("bob", "Invoice 1"), ("bob", "invoice 2")]
    {
        let address = format!("{to}@corp.example");
        let raw = format!("From: eve@evil.example\r\nTo: {address}\r\nSubject: {subject}\r\n\r\nx\r\n");
        organisation.deliver(&address, &FolderRef::WellKnown(WellKnownFolder::Inbox), raw).unwrap();
    }
    let server = serve(&organisation).await;
    let client = connect(&server, USER, Access::SelfOnly { mailbox: mailbox(USER) }, |_| {});
    let me = mailbox(USER);
    let all = client.searchable_mailboxes(&me, SearchableQuery::default()).await.unwrap();
    assert_eq!(all.mailboxes.iter().filter(|one| one.is_group).count(), 2);
    let named = SearchableQuery { filter: Some("ali*"), ..SearchableQuery::default() };
    assert_eq!(client.searchable_mailboxes(&me, named).await.unwrap().mailboxes.len(), 1);
    let wild = SearchableQuery { filter: Some("*"), expand_groups: true };
    let error = client.searchable_mailboxes(&me, wild).await.unwrap_err();
    assert_eq!(error.code.as_deref(), Some("ErrorInvalidArgument"));

    let mut scopes: Vec<(String, SearchPart)> = all
        .mailboxes
        .iter()
        .filter(|one| !one.is_group)
        .map(|one| (one.reference.clone(), SearchPart::All))
        .collect();
    scopes.push(("/o=Nowhere".to_owned(), SearchPart::Primary));
    let search =
        MailboxSearch { query: "invoice".to_owned(), scopes, page_size: 2, ..MailboxSearch::default() };
    let count = client.search_mailboxes(&me, &search).await.unwrap();
    assert_eq!((count.items, count.keywords[0].items, count.page.len()), (3, 3, 0));
    assert_eq!(count.failed[0].mailbox, "/o=Nowhere");

    let preview = MailboxSearch { gives: SearchGives::Preview, ..search };
    let first = client.search_mailboxes(&me, &preview).await.unwrap();
    assert_eq!((first.page.len(), first.items), (2, 3));
    let next = MailboxSearch { after: first.next.clone(), ..preview };
    let second = client.search_mailboxes(&me, &next).await.unwrap();
    assert_eq!((second.page.len(), second.next), (1, None));
    let mut subjects: Vec<&str> =
        first.page.iter().chain(&second.page).map(|item| item.subject.as_str()).collect();
    subjects.sort_unstable();
    assert_eq!(subjects, ["Invoice 1", "Invoice 1", "invoice 2"]);
    assert!(first.page.iter().all(|item| item.sender == "eve@evil.example" && item.size > 0));
    let snapshot = organisation.snapshot();
    assert!(first.page.iter().all(|item| snapshot.contains(&item.id)), "ids are those of the store");

    organisation.add_account(Account::new("bob@corp.example", PASSWORD));
    let bob = connect(
        &server,
        "bob@corp.example",
        Access::SelfOnly { mailbox: mailbox("bob@corp.example") },
        |_| {},
    );
    let denied = bob.search_mailboxes(&mailbox("bob@corp.example"), &next).await.unwrap_err();
    assert_eq!(denied.kind, ErrorKind::PermissionDenied, "{denied}");
}

#[tokio::test]
async fn mail_tips_say_what_awaits_a_message() {
    let server = serve(&organisation()).await;
    let client = service(&server);
    let away = OutOfOffice {
        state: OofState::Enabled,
        audience: OofAudience::All,
        internal_reply: "Back on Monday".to_owned(),
        ..OutOfOffice::default()
    };
    let replies = client.ports().automatic_replies.unwrap();
    replies.set_out_of_office(&mailbox("bob@corp.example"), &away).await.unwrap();
    let names =
        ["alice@corp.example", "bob@corp.example", "all@corp.example", "gone@corp.example", "x@else.example"];
    let tips = client.mail_tips(&alice(), &names.map(mailbox)).await.unwrap();
    let tips: Vec<_> = tips.into_iter().map(Result::unwrap).collect();
    assert_eq!(tips[0].custom.as_deref(), Some("Please report by telephone."));
    assert_eq!(tips[0].away, None);
    assert_eq!(tips[1].away.as_ref().unwrap().reply, "Back on Monday");
    assert_eq!((tips[2].members, tips[2].external_members), (Some(4), Some(2)));
    assert_eq!((tips[3].invalid, tips[4].invalid), (Some(true), Some(false)));
    let parts = [ServicePart::MailTips, ServicePart::VoiceMail];
    let configuration = client.service_configuration(&alice(), &parts).await.unwrap();
    assert_eq!(configuration.mail_tips.unwrap().own_domains[0].name, "corp.example");
    assert!(!configuration.voice_mail.unwrap().enabled && configuration.protection_rules.is_none());
}

#[tokio::test]
async fn calendars_say_when_people_are_free() {
    let server = serve(&organisation()).await;
    let client = service(&server);
    let at = |text: &str| format!("2026-06-02T{text}:00Z").parse().unwrap();
    let query = AvailabilityQuery {
        attendees: ["alice@corp.example", "nobody@corp.example"]
            .map(|one| Invitee::required(mailbox(one)))
            .to_vec(),
        from: at("00:00"),
        until: "2026-06-03T00:00:00Z".parse().unwrap(),
        detail: Some(FreeBusyDetail::Details),
        interval_minutes: 60,
        suggestions: Some(SuggestionQuery {
            minutes: 60,
            per_day: 3,
            per_day_outside: 0,
            at_least: Suitability::Good,
        }),
    };
    let found = client.availability(&alice(), &query).await.unwrap();
    let calendar = found.calendars[0].as_ref().unwrap();
    assert_eq!(calendar.merged, "000000000200033330000000");
    assert_eq!((calendar.times[0].start, calendar.times[0].busy), (at("09:00"), Busy::Busy));
    assert_eq!(calendar.times[0].details.as_ref().unwrap().subject, "Review");
    assert_eq!(calendar.times[1].busy, Busy::Away);
    let unknown = found.calendars[1].as_ref().unwrap_err();
    assert_eq!(unknown.kind, ErrorKind::NotFound, "{unknown}");
    let days = found.suggestions.unwrap().unwrap();
    let starts: Vec<_> = days[0].times.iter().map(|time| time.start).collect();
    assert_eq!(starts, [at("08:00"), at("10:00"), at("10:30")]);
    assert_eq!(days[0].times[0].attendees, [Busy::Free, Busy::Unknown]);
    let zones = client.server_time_zones(&alice(), &["UTC", "Nowhere"], true).await.unwrap();
    assert_eq!((zones.len(), zones[0].periods[0].bias_minutes), (1, 0));
    let zones = client.server_time_zones(&alice(), &[], false).await.unwrap();
    assert!(zones.len() > 100 && zones.iter().all(|zone| zone.periods.is_empty()), "{}", zones.len());
    let zones = client.server_time_zones(&alice(), &["Pacific Standard Time"], true).await.unwrap();
    let biases: Vec<_> =
        zones[0].periods.iter().map(|period| (period.name.as_str(), period.bias_minutes)).collect();
    assert_eq!(biases, [("Standard", 480), ("Daylight", 420)]);
    let begins = ZoneWhen::YearlyOnDay { month: 3, day: exchange::Weekday::Sunday, week: 2, minutes: 120 };
    assert!(
        zones[0].groups[0].transitions.iter().any(|change| change.when == begins),
        "{:?}",
        zones[0].groups
    );
}

#[tokio::test]
async fn what_a_calendar_holds_says_when_people_are_free() {
    let organisation = organisation();
    let hours = "
profile:
  working_hours: {days: [monday, tuesday], start: '09:00', end: '17:30', time_zone: W. Europe Standard Time}
";
    organisation.configure("bob@corp.example", hours).unwrap();
    let server = serve(&organisation).await;
    let client = service(&server);
    let bob = mailbox("bob@corp.example");
    let at =
        |day: u32, text: &str| -> jiff::Timestamp { format!("2026-06-{day:02}T{text}:00Z").parse().unwrap() };
    let calendar = client.ports().calendar.unwrap();
    let event = |subject: &str, start: &str, end: &str, show_as: ShowAs| EventFields {
        subject: Some(subject.to_owned()),
        start: Some(at(2, start)),
        end: Some(at(2, end)),
        show_as: Some(show_as),
        ..EventFields::default()
    };
    let series = EventFields {
        recurrence: Some(exchange::Recurrence {
            pattern: exchange::Pattern::Daily { interval: 1 },
            start: jiff::civil::date(2026, 6, 2),
            end: exchange::RecurrenceEnd::Never,
        }),
        ..event("Standup", "08:00", "08:30", ShowAs::Busy)
    };
    let private = EventFields {
        privacy: Some(exchange::Privacy::Private),
        ..event("Doctor", "10:00", "11:00", ShowAs::OutOfOffice)
    };
    for (key, fields) in [
        ("1", series),
        ("2", private),
        ("3", event("Perhaps", "10:30", "12:00", ShowAs::Tentative)),
        ("4", event("Café", "13:00", "14:00", ShowAs::WorkingElsewhere)),
        ("5", event("Lunch", "12:00", "13:00", ShowAs::Free)),
    ] {
        calendar.create_event(&bob, key, &fields, false).await.unwrap();
    }
    let query = |detail| AvailabilityQuery {
        attendees: vec![Invitee::required(bob.clone())],
        from: at(2, "00:00"),
        until: at(4, "00:00"),
        detail: Some(detail),
        interval_minutes: 60,
        suggestions: Some(SuggestionQuery {
            minutes: 60,
            per_day: 2,
            per_day_outside: 0,
            at_least: Suitability::Good,
        }),
    };
    let found = client.availability(&alice(), &query(FreeBusyDetail::Details)).await.unwrap();
    let view = found.calendars[0].as_ref().unwrap();
    assert_eq!(view.merged, "000000002031040000000000000000002000000000000000");
    let told: Vec<_> = view.times.iter().map(|time| (time.start, time.busy)).collect();
    let expected = [
        (at(2, "08:00"), Busy::Busy),
        (at(2, "10:00"), Busy::Away),
        (at(2, "10:30"), Busy::Tentative),
        (at(2, "12:00"), Busy::Free),
        (at(2, "13:00"), Busy::Elsewhere),
        (at(3, "08:00"), Busy::Busy),
    ];
    assert_eq!(told, expected);
    let details = |number: usize| view.times[number].details.clone().unwrap();
    assert_eq!((details(0).subject.as_str(), details(0).is_recurring), ("Standup", true));
    assert_eq!((details(1).subject.as_str(), details(1).is_private), ("", true), "nobody's business");
    let own = client.availability(&bob, &query(FreeBusyDetail::Details)).await.unwrap();
    let own = own.calendars[0].as_ref().unwrap().times[1].details.clone().unwrap();
    assert_eq!((own.subject.as_str(), own.is_private), ("Doctor", true));
    let hours = view.working_hours.clone().unwrap();
    assert_eq!(hours.bias_minutes, -60);
    assert_eq!(hours.periods, [(vec!["Monday".to_owned(), "Tuesday".to_owned()], 540, 1050)]);
    let days = found.suggestions.unwrap().unwrap();
    let starts: Vec<Vec<_>> =
        days.iter().map(|day| day.times.iter().map(|time| time.start).collect()).collect();
    // Nine in Berlin is seven in UTC; a Wednesday is free.
    assert_eq!(starts, [vec![at(2, "07:00"), at(2, "08:30")], vec![]]);
    server.shutdown().await;
}

#[tokio::test]
async fn delegates_are_listed_with_their_rights() {
    let organisation = organisation();
    organisation.grant(Grant::new("alice@corp.example", "bob@corp.example", Right::Editor).on("calendar"));
    organisation.grant(Grant::new("alice@corp.example", "bob@corp.example", Right::Reviewer).on("inbox"));
    let server = serve(&organisation).await;
    let found = service(&server).delegates(&alice()).await.unwrap();
    let bob = found.delegates[0].as_ref().unwrap();
    assert_eq!((bob.address.as_str(), bob.display_name.as_str()), ("bob@corp.example", "Bob Alison"));
    let level = |folder: &str| bob.permissions.iter().find(|(name, _)| name == folder).unwrap().1.clone();
    assert_eq!(
        (level("Calendar"), level("Inbox"), level("Notes")),
        ("Editor".into(), "Reviewer".into(), "None".into())
    );
    let none = service(&server).delegates(&mailbox("bob@corp.example")).await.unwrap();
    assert!(none.delegates.is_empty());
}

#[tokio::test]
async fn a_mailbox_is_reached_by_sid_and_as_a_delegate() {
    let organisation = organisation();
    let raw = "From: eve@evil.example\r\nSubject: for the SOC\r\n\r\nx\r\n";
    organisation.deliver("soc@corp.example", &FolderRef::WellKnown(WellKnownFolder::Inbox), raw).unwrap();
    organisation.add_account(Account {
        opens: Reach::only(["soc@corp.example"]),
        ..Account::new("bob@corp.example", PASSWORD)
    });
    let server = serve(&organisation).await;
    let soc = mailbox("soc@corp.example");
    let search = |client: EwsClient, who: Mailbox| async move {
        let request = exchange::SearchRequest {
            mailbox: who,
            folder: FolderRef::WellKnown(WellKnownFolder::Inbox),
            query: exchange::Query::default(),
            restriction: None,
            offset: 0,
            limit: 10,
        };
        client.ports().search.unwrap().search(&request).await
    };
    let sid = Identity::Sid(organisation.sid("soc@corp.example"));
    let by_sid =
        connect(&server, USER, Access::Impersonation, |config| config.identities.push((soc.clone(), sid)));
    assert_eq!(search(by_sid, soc.clone()).await.unwrap().total, 1);
    let delegate = |own| connect(&server, "bob@corp.example", Access::Delegate { mailbox: own }, |_| {});
    let bob = Some(mailbox("bob@corp.example"));
    assert_eq!(search(delegate(bob.clone()), soc).await.unwrap().total, 1);
    assert_eq!(search(delegate(bob.clone()), mailbox("bob@corp.example")).await.unwrap().total, 0);
    let denied = search(delegate(bob), alice()).await.unwrap_err();
    assert_eq!(denied.kind, ErrorKind::PermissionDenied, "{denied}");
}
