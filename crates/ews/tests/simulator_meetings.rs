//! Meetings and series over real HTTP against the simulator: what those who are invited get, how they answer, what the
//! organizer sees of it, and occurrences by their place in a series.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "test code"
)]

use std::time::Duration;

use exchange::port::Ports;
use exchange::{
    Address, BodyText, DeleteMode, Draft, ErrorKind, ItemRef, Mailbox, OofAudience, WellKnownFolder,
};
use exchange_sim::{EffectKind, Organisation, Server};
use portcullis_ews::{
    Access, BaseShape, Config, Creation, Deletion, EwsClient, ExchangeItem, Field, FolderAt, Invitations,
    ItemAt, ItemChange, ItemKind, ItemSearch, ItemShape, ItemView, MeetingAnswer, MeetingUpdates, NewItem,
    Pattern, Recurrence, RecurrenceEnd, Update, Updating,
};
use transport::{Client, Credentials, Origin, Secret};

const USER: &str = "svc@corp.example";
const PASSWORD: &str = "correct horse";

struct World {
    organisation: Organisation,
    client: EwsClient,
    alice: Mailbox,
    bob: Mailbox,
    server: Server,
}

fn over(url: &str, user: &str, change: impl FnOnce(&mut Config)) -> EwsClient {
    let url: http::Uri = url.parse().unwrap();
    let http = Client::builder()
        .credentials(Origin::of(&url).unwrap(), Credentials::basic(user, Secret::new(PASSWORD)))
        .deadline(Duration::from_secs(60))
        .build()
        .unwrap();
    let mut config = Config::new(url, Access::Impersonation);
    change(&mut config);
    EwsClient::new(http, config, |error: &transport::Error| error.may_have_left())
}

async fn world() -> World {
    let organisation = Organisation::with_clock_from("2026-11-21T05:00:00Z".parse().unwrap());
    for address in ["alice@corp.example", "bob@corp.example"] {
        organisation.add_mailbox(address);
    }
    let server =
        Server::start(organisation.clone(), exchange_sim::Config::local(USER, PASSWORD)).await.unwrap();
    let client = over(&server.url(), USER, |_| {});
    let mailbox = |address: &str| Mailbox::new(address).unwrap();
    let (alice, bob) = (mailbox("alice@corp.example"), mailbox("bob@corp.example"));
    World { organisation, client, alice, bob, server }
}

fn meeting(start: &str, end: &str) -> NewItem {
    NewItem::calendar_item()
        .with(Field::Subject("Incident review".into()))
        .with(Field::Start(start.parse().unwrap()))
        .with(Field::End(end.parse().unwrap()))
        .with(Field::Location("Room 1".into()))
        .with(Field::Body(BodyText::Text("agenda".into())))
}

async fn invite(world: &World) -> ItemRef {
    let bob = Address { name: None, address: "bob@corp.example".into() };
    let item = meeting("2026-12-01T09:00:00Z", "2026-12-01T10:00:00Z").with(Field::Required(vec![bob]));
    let how = Creation::default().inviting(Invitations::EverybodyWithCopy);
    world.client.create_items(&world.alice, &[item], &how).await.unwrap()[0].clone().unwrap().unwrap()
}

async fn inbox(world: &World, whose: &Mailbox) -> Vec<ExchangeItem> {
    let found = world.client.find_items(whose, &ItemSearch::new(WellKnownFolder::Inbox)).await.unwrap();
    let items: Vec<ItemRef> =
        found[0].as_ref().unwrap().items.iter().map(|item| item.reference.clone().unwrap()).collect();
    let shape = ItemShape::new(BaseShape::AllProperties);
    let all = world.client.get_items(whose, &items, &shape).await.unwrap();
    all.into_iter().map(Result::unwrap).collect()
}

async fn get(
    world: &World,
    whose: &Mailbox,
    item: impl Into<ItemAt>,
) -> Result<ExchangeItem, exchange::Error> {
    let shape = ItemShape::new(BaseShape::AllProperties);
    world.client.get_items(whose, &[item.into()], &shape).await.unwrap().remove(0)
}

#[tokio::test]
async fn an_invitation_says_what_a_responder_needs_and_is_answered() {
    let world = world().await;
    let made = invite(&world).await;
    let request = inbox(&world, &world.bob).await.remove(0);
    assert_eq!(
        (request.kind, request.class.as_deref()),
        (ItemKind::MeetingRequest, Some("IPM.Schedule.Meeting.Request"))
    );
    let (part, about) = (request.calendar.clone().unwrap(), request.meeting.clone().unwrap());
    assert_eq!(part.organizer.unwrap().address, "alice@corp.example");
    assert_eq!(part.start, Some("2026-12-01T09:00:00Z".parse().unwrap()));
    assert_eq!(
        (part.end, part.location.as_deref()),
        (Some("2026-12-01T10:00:00Z".parse().unwrap()), Some("Room 1"))
    );
    assert!(!about.is_out_of_date && !about.has_been_processed && !about.is_delegated);
    assert_eq!(about.request.as_deref(), Some("NewMeetingRequest"));
    let entry = about.calendar_item.expect("the calendar item it made");
    let before = get(&world, &world.bob, entry.clone()).await.unwrap().calendar.unwrap();
    assert_eq!(before.my_response.as_deref(), Some("NoResponseReceived"));
    assert_eq!(before.uid, get(&world, &world.alice, made.clone()).await.unwrap().calendar.unwrap().uid);

    let reference = request.reference.unwrap();
    let words = Some(BodyText::Text("gladly".into()));
    let shown = world.client.answer_meeting(&world.bob, &reference, MeetingAnswer::Accept, words, true).await;
    assert_eq!(shown.unwrap().unwrap().id, entry.id, "the calendar item comes first");
    let after = get(&world, &world.bob, entry).await.unwrap().calendar.unwrap();
    assert_eq!(after.my_response.as_deref(), Some("Accept"));
    assert!(inbox(&world, &world.bob).await.is_empty(), "the invitation was put away");
    let answer = inbox(&world, &world.alice).await.remove(0);
    assert_eq!(
        (answer.kind, answer.meeting.unwrap().response.as_deref()),
        (ItemKind::MeetingResponse, Some("Accept"))
    );
    assert_eq!(
        (answer.subject.as_deref(), answer.class.as_deref()),
        (Some("Accepted: Incident review"), Some("IPM.Schedule.Meeting.Resp.Pos"))
    );
    assert!(answer.body.unwrap().text.contains("gladly"));
    let own = get(&world, &world.alice, made.clone()).await.unwrap().calendar.unwrap();
    assert_eq!(own.required[0].response.as_deref(), Some("Accept"));
    let made = ItemRef::new(&made.id);
    let refused = world.client.answer_meeting(&world.alice, &made, MeetingAnswer::Decline, None, true).await;
    assert_eq!(refused.unwrap_err().code.as_deref(), Some("ErrorCalendarIsOrganizerForDecline"));
    world.server.shutdown().await;
}

#[tokio::test]
async fn a_later_invitation_replaces_an_earlier_one_and_a_cancellation_ends_it() {
    let world = world().await;
    let made = invite(&world).await;
    let later = Update::Set(Field::Location("Room 2".into()));
    let how = {
        let mut how = Updating::default();
        how.meetings = MeetingUpdates::Everybody;
        how
    };
    let change = ItemChange::calendar_item(made, vec![later]);
    let changed = world.client.update_items(&world.alice, &[change], &how).await.unwrap();
    let now = changed[0].as_ref().unwrap().item.clone().unwrap();
    let mut requests = inbox(&world, &world.bob).await;
    requests.sort_by_key(|request| request.calendar.as_ref().unwrap().sequence);
    let out_of_date: Vec<bool> =
        requests.iter().map(|request| request.meeting.as_ref().unwrap().is_out_of_date).collect();
    assert_eq!(out_of_date, [true, false]);
    let old = requests[0].reference.clone().unwrap();
    let refused = world.client.answer_meeting(&world.bob, &old, MeetingAnswer::Accept, None, true).await;
    assert_eq!(refused.unwrap_err().code.as_deref(), Some("ErrorCalendarMeetingRequestIsOutOfDate"));
    let new = requests[1].reference.clone().unwrap();
    let maybe = MeetingAnswer::TentativelyAccept;
    world.client.answer_meeting(&world.bob, &new, maybe, None, false).await.unwrap();
    assert!(inbox(&world, &world.alice).await.is_empty(), "an answer that is kept is not sent");

    let words = Some(BodyText::Html("<p>no room</p>".into()));
    world.client.cancel_meeting(&world.alice, &now, words).await.unwrap();
    let all = inbox(&world, &world.bob).await;
    let cancelled = all.iter().find(|item| item.kind == ItemKind::MeetingCancellation).unwrap();
    assert_eq!(cancelled.subject.as_deref(), Some("Canceled: Incident review"));
    assert!(cancelled.body.as_ref().unwrap().text.contains("no room"));
    let entry = cancelled.meeting.as_ref().unwrap().calendar_item.clone().unwrap();
    assert!(get(&world, &world.bob, entry).await.unwrap().calendar.unwrap().is_cancelled);
    let gone = get(&world, &world.alice, now).await.unwrap_err();
    assert_eq!(gone.kind, ErrorKind::NotFound);
    world.server.shutdown().await;
}

#[tokio::test]
async fn occurrences_are_read_changed_and_taken_out_by_their_place() {
    let world = world().await;
    let daily = Recurrence {
        pattern: Pattern::Daily { interval: 1 },
        start: jiff::civil::date(2026, 12, 1),
        end: RecurrenceEnd::After(4),
    };
    let item = meeting("2026-12-01T09:00:00Z", "2026-12-01T10:00:00Z").with(Field::Recurrence(daily));
    let made = world.client.create_items(&world.alice, &[item], &Creation::default()).await.unwrap();
    let master = made[0].clone().unwrap().unwrap();
    let at = |number: u32| ItemAt::Occurrence { master: ItemRef::new(&master.id), number };
    let second = get(&world, &world.alice, at(2)).await.unwrap();
    let part = second.calendar.clone().unwrap();
    assert_eq!(
        (part.role.as_deref(), part.start),
        (Some("Occurrence"), Some("2026-12-02T09:00:00Z".parse().unwrap()))
    );
    let own_id = second.reference.unwrap();
    assert_eq!(get(&world, &world.alice, own_id.clone()).await.unwrap().subject, second.subject);
    let found = get(&world, &world.alice, ItemAt::MasterOf(own_id)).await.unwrap();
    assert_eq!(found.reference.unwrap().id, master.id);
    for (number, code) in [(0, ""), (9, "ErrorCalendarOccurrenceIndexIsOutOfRecurrenceRange")] {
        let shape = ItemShape::default();
        let outside = world.client.get_items(&world.alice, &[at(number)], &shape).await;
        let error = outside.and_then(|mut all| all.remove(0)).unwrap_err();
        assert_eq!(error.code.as_deref().unwrap_or_default(), code, "{error}");
    }
    let change = ItemChange::calendar_item(at(3), vec![Update::Set(Field::Location("Room 9".into()))]);
    world.client.update_items(&world.alice, &[change], &Updating::default()).await.unwrap()[0]
        .clone()
        .unwrap();
    let how = Deletion::new(DeleteMode::Trash);
    world.client.delete_items(&world.alice, &[at(2)], how).await.unwrap()[0].clone().unwrap();
    let gone = get(&world, &world.alice, at(2)).await.unwrap_err();
    assert_eq!(gone.code.as_deref(), Some("ErrorCalendarOccurrenceIsDeletedFromRecurrence"));
    let part = get(&world, &world.alice, ItemRef::new(&master.id)).await.unwrap().calendar.unwrap();
    assert_eq!(part.deleted_occurrences, ["2026-12-02T09:00:00Z".parse::<jiff::Timestamp>().unwrap()]);
    assert_eq!(part.modified_occurrences[0].original_start, Some("2026-12-03T09:00:00Z".parse().unwrap()));
    assert_eq!(part.first_occurrence.unwrap().start, Some("2026-12-01T09:00:00Z".parse().unwrap()));
    assert_eq!(part.last_occurrence.unwrap().end, Some("2026-12-04T10:00:00Z".parse().unwrap()));
    let mut search = ItemSearch::new(FolderAt::CALENDAR);
    let time = |text: &str| text.parse().unwrap();
    search.view = ItemView::Calendar {
        start: time("2026-12-01T00:00:00Z"),
        end: time("2026-12-31T00:00:00Z"),
        limit: None,
    };
    let page = world.client.find_items(&world.alice, &search).await.unwrap().remove(0).unwrap();
    let shown: Vec<(Option<String>, Option<String>)> = page
        .items
        .iter()
        .map(|item| item.calendar.as_ref().map(|part| (part.role.clone(), part.location.clone())).unwrap())
        .collect();
    let expected = [("Occurrence", "Room 1"), ("Exception", "Room 9"), ("Occurrence", "Room 1")];
    assert_eq!(shown, expected.map(|(role, place)| (Some(role.to_owned()), Some(place.to_owned()))));
    world.server.shutdown().await;
}

/// What somebody's calendar shows of the series: when it begins, what it is, and what was answered.
async fn shown(world: &World, whose: &Mailbox) -> Vec<(String, Option<String>, Option<String>)> {
    let mut search = ItemSearch::new(FolderAt::CALENDAR);
    search.view = ItemView::Calendar {
        start: "2027-03-01T00:00:00Z".parse().unwrap(),
        end: "2027-05-01T00:00:00Z".parse().unwrap(),
        limit: None,
    };
    let page = world.client.find_items(whose, &search).await.unwrap().remove(0).unwrap();
    let mut all = Vec::new();
    for item in page.items {
        let part = get(world, whose, item.reference.unwrap()).await.unwrap().calendar.unwrap();
        all.push((part.start.unwrap().to_string(), part.role, part.my_response));
    }
    all
}

#[tokio::test]
async fn one_occurrence_is_answered_by_itself() {
    let world = world().await;
    let weekly = Recurrence {
        pattern: Pattern::Weekly { interval: 1, days: vec![exchange::Weekday::Monday] },
        start: jiff::civil::date(2027, 3, 22),
        end: RecurrenceEnd::After(4),
    };
    let bob = Address { name: None, address: "bob@corp.example".into() };
    let item = meeting("2027-03-22T08:00:00Z", "2027-03-22T09:00:00Z")
        .with(Field::Required(vec![bob]))
        .with(Field::Recurrence(weekly))
        .with(Field::StartTimeZone("W. Europe Standard Time".into()));
    let how = Creation::default().inviting(Invitations::Everybody);
    let made = world.client.create_items(&world.alice, &[item], &how).await.unwrap();
    let own = made[0].clone().unwrap().unwrap();
    let request = inbox(&world, &world.bob).await.remove(0).reference.unwrap();
    let answer = async |about: &ItemRef, what: MeetingAnswer| {
        world.client.answer_meeting(&world.bob, about, what, None, true).await
    };
    let theirs = answer(&request, MeetingAnswer::Accept).await.unwrap().unwrap();
    let occurrence =
        |series: &ItemRef, number| ItemAt::Occurrence { master: ItemRef::new(&series.id), number };
    for (number, what) in [(2, MeetingAnswer::TentativelyAccept), (3, MeetingAnswer::Decline)] {
        let one = get(&world, &world.bob, occurrence(&theirs, number)).await.unwrap().reference.unwrap();
        let left = answer(&one, what).await.unwrap();
        assert_eq!(left.map(|left| left.id), (number == 2).then_some(one.id), "what is left of it");
    }
    // The clocks are put forward on 28 March.
    let row = |start: &str, role: &str, answer: &str| {
        (start.to_owned(), Some(role.to_owned()), Some(answer.to_owned()))
    };
    let expected = [
        row("2027-03-22T08:00:00Z", "Occurrence", "Accept"),
        row("2027-03-29T07:00:00Z", "Exception", "Tentative"),
        row("2027-04-12T07:00:00Z", "Occurrence", "Accept"),
    ];
    assert_eq!(shown(&world, &world.bob).await, expected);
    let said = async |number: u32| {
        let one = get(&world, &world.alice, occurrence(&own, number)).await.unwrap().calendar.unwrap();
        (one.role.unwrap(), one.required[0].response.clone().unwrap())
    };
    let all = [said(1).await, said(2).await, said(3).await, said(4).await];
    let expected = [
        ("Occurrence", "Accept"),
        ("Exception", "Tentative"),
        ("Exception", "Decline"),
        ("Occurrence", "Accept"),
    ];
    assert_eq!(all, expected.map(|(role, answer)| (role.to_owned(), answer.to_owned())));
    let answers = inbox(&world, &world.alice).await;
    let about: Vec<_> = answers
        .iter()
        .map(|item| (item.subject.clone().unwrap(), item.calendar.clone().unwrap().start))
        .collect();
    let tentative = ("Tentative: Incident review".to_owned(), Some("2027-03-29T07:00:00Z".parse().unwrap()));
    assert!(about.contains(&tentative), "{about:?}");

    // What is changed is asked for again, for this occurrence alone.
    let later = Update::Set(Field::Location("Room 2".into()));
    let how = {
        let mut how = Updating::default();
        how.meetings = MeetingUpdates::Everybody;
        how
    };
    let change = ItemChange::calendar_item(occurrence(&own, 4), vec![later]);
    world.client.update_items(&world.alice, &[change], &how).await.unwrap()[0].as_ref().unwrap();
    assert_eq!(
        shown(&world, &world.bob).await[2],
        row("2027-04-12T07:00:00Z", "Exception", "NoResponseReceived")
    );
    let request = inbox(&world, &world.bob).await.remove(0);
    let entry = request.meeting.as_ref().unwrap().calendar_item.clone().unwrap();
    let accepted = answer(&request.reference.unwrap(), MeetingAnswer::Accept).await.unwrap().unwrap();
    assert_eq!(accepted.id, entry.id, "the occurrence, not the series");
    assert_eq!(shown(&world, &world.bob).await[2], row("2027-04-12T07:00:00Z", "Exception", "Accept"));
    assert_eq!(said(4).await, ("Exception".to_owned(), "Accept".to_owned()));
    world.server.shutdown().await;
}

#[tokio::test]
async fn a_zone_that_nobody_knows_is_refused() {
    let world = world().await;
    let item = meeting("2027-03-22T08:00:00Z", "2027-03-22T09:00:00Z")
        .with(Field::StartTimeZone("Middle of Nowhere".into()));
    let made = world.client.create_items(&world.alice, &[item], &Creation::default()).await;
    let refused = made.and_then(|mut all| all.remove(0)).unwrap_err();
    assert_eq!(refused.code.as_deref(), Some("ErrorCalendarInvalidTimeZone"), "{refused}");
    assert_eq!(refused.kind, ErrorKind::Invalid);
    world.server.shutdown().await;
}

#[tokio::test]
async fn drafts_are_sent_and_the_settings_say_what_may_go_out() {
    let world = world().await;
    let to = Address { name: None, address: "bob@corp.example".into() };
    let draft = NewItem::message().with(Field::Subject("Hello".into())).with(Field::To(vec![to]));
    let made = world.client.create_items(&world.alice, &[draft], &Creation::default()).await.unwrap();
    let draft = made[0].clone().unwrap().unwrap();
    let stale = ItemRef { change_key: Some("CQAAABYAAAAAAAAJ".into()), ..draft.clone() };
    let sent = FolderAt::named("sentitems").unwrap();
    let refused = world.client.send_item(&world.alice, &stale, Some(&sent)).await.unwrap_err();
    assert_eq!(refused.kind, ErrorKind::Conflict);
    world.client.send_item(&world.alice, &draft, Some(&sent)).await.unwrap();
    assert_eq!(world.organisation.ledger().count(EffectKind::Sent), 1);
    assert_eq!(inbox(&world, &world.bob).await[0].subject.as_deref(), Some("Hello"));
    let settings = world.client.oof_settings(&world.alice).await.unwrap();
    assert_eq!(settings.allowed_outside, Some(OofAudience::All));
    world.server.shutdown().await;
}

#[tokio::test]
async fn a_delegate_says_whose_draft_it_is() {
    let world = world().await;
    let organisation = &world.organisation;
    let client = over(&world.server.url(), USER, |config| {
        config.access = Access::Delegate { mailbox: None };
    });
    let Ports { submit: Some(submit), .. } = client.ports() else { panic!("no port to send with") };
    let draft = Draft {
        to: vec![Address { name: None, address: "bob@corp.example".into() }],
        subject: Some("From the desk".into()),
        body: BodyText::Text("x".into()),
        key: "k".into(),
        ..Draft::default()
    };
    let made = submit.create_draft(&world.alice, &draft).await.unwrap();
    submit.send(&world.alice, &made).await.unwrap();
    let got = inbox(&world, &world.bob).await.remove(0);
    assert_eq!(got.message.from.unwrap().address, "alice@corp.example");
    let effects = organisation.ledger().effects;
    let sent = effects.iter().find(|effect| effect.kind == EffectKind::Sent).unwrap();
    assert_eq!(sent.mailbox, "alice@corp.example");
    world.server.shutdown().await;
}
