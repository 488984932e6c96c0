//! The calendar: events come back as they were made, are found by their key, repeat, and are called off.

use super::{ALICE, BOB, Fixture, Verdict, ensure, failed, mailbox, port, same};
use crate::port::Calendar;
use crate::{
    Address, Attendance, AttendeeRole, BodyText, Error, ErrorKind, Event, EventFields, EventKind, EventView,
    ItemRef, Mailbox, Pattern, Privacy, Recurrence, RecurrenceEnd, ShowAs, Weekday,
};

fn at(text: &str) -> Verdict<jiff::Timestamp> {
    text.parse().map_err(|_| format!("{text} is no time"))
}

fn calendar(fixture: &Fixture) -> Verdict<&dyn Calendar> {
    port("calendar", &fixture.ports.calendar)
}

fn fields(subject: &str, start: &str, end: &str) -> Verdict<EventFields> {
    Ok(EventFields {
        subject: Some(subject.to_owned()),
        start: Some(at(start)?),
        end: Some(at(end)?),
        ..EventFields::default()
    })
}

async fn shown(calendar: &dyn Calendar, whose: &Mailbox, from: &str, to: &str) -> Verdict<Vec<Event>> {
    let view = EventView { calendar: None, start: at(from)?, end: at(to)?, limit: 100 };
    let list = calendar.events(whose, &view).await.map_err(failed("looking at a calendar"))?;
    ensure(!list.truncated, || format!("{} events are said not to be all", list.events.len()))?;
    Ok(list.events)
}

fn missing<T: std::fmt::Debug>(what: &str, result: &Result<T, Error>) -> Verdict {
    let holds = matches!(result, Err(error) if error.kind == ErrorKind::NotFound);
    ensure(holds, || format!("{what}: {result:?}, not an error of kind NotFound"))
}

/// An event comes back as it was made, is found by its key, changes, and goes.
pub(super) async fn events(fixture: &Fixture) -> Verdict {
    let calendar = calendar(fixture)?;
    let (alice, bob) = (mailbox(ALICE)?, mailbox(BOB)?);
    let key = "conformance \"1\" & <2>";
    let wanted = EventFields {
        body: Some(BodyText::Html("<p>Bring the <b>files</b></p>".to_owned())),
        location: Some("Room <4> & \"5\"".to_owned()),
        show_as: Some(ShowAs::OutOfOffice),
        privacy: Some(Privacy::Private),
        categories: Some(vec!["Red".to_owned(), "Ämter".to_owned()]),
        reminder_minutes: Some(Some(45)),
        ..fields("Conformance: review", "2027-03-01T09:00:00Z", "2027-03-01T10:30:00Z")?
    };
    let none = calendar.find_event(&alice, key).await.map_err(failed("looking for a key"))?;
    same("the event before it was made", &none, &None)?;
    let made = calendar.create_event(&alice, key, &wanted, false).await.map_err(failed("making an event"))?;
    let found = calendar.find_event(&alice, key).await.map_err(failed("looking for a key"))?;
    let found = found.ok_or("the new event is not found by its key")?;
    same("the id of the event", &found.item.id, &made.id)?;
    same("its key", &found.key.as_deref(), &Some(key))?;
    same("its times", &(Some(found.start), Some(found.end)), &(wanted.start, wanted.end))?;
    same("its subject", &found.subject, &wanted.subject)?;
    same("its location", &found.location, &wanted.location)?;
    same("what it shows", &(found.show_as, Some(found.privacy)), &(wanted.show_as, wanted.privacy))?;
    same("its categories", &Some(found.categories.clone()), &wanted.categories)?;
    same("its reminder", &Some(found.reminder_minutes), &wanted.reminder_minutes)?;
    same("its kind", &(found.kind, found.all_day, found.is_cancelled), &(EventKind::Single, false, false))?;
    ensure(found.ical_uid.is_some(), || String::from("it has no UID"))?;
    ensure(matches!(&found.body, Some(BodyText::Html(html)) if html.contains("<b>files</b>")), || {
        format!("its body is {:?}", found.body)
    })?;
    let listed = shown(calendar, &alice, "2027-03-01T10:00:00Z", "2027-03-01T11:00:00Z").await?;
    same("what the calendar shows", &listed.iter().map(|e| &e.item.id).collect::<Vec<_>>(), &vec![&made.id])?;
    for (from, to) in
        [("2027-03-01T10:30:00Z", "2027-03-01T12:00:00Z"), ("2027-03-01T08:00:00Z", "2027-03-01T09:00:00Z")]
    {
        same("what it shows beside that", &shown(calendar, &alice, from, to).await?.len(), &0)?;
    }
    let others = calendar.find_event(&bob, key).await.map_err(failed("looking elsewhere"))?;
    same("the event in another mailbox", &others, &None)?;
    let change = EventFields {
        location: Some("Room 6".to_owned()),
        reminder_minutes: Some(None),
        ..fields("Conformance: moved", "2027-03-02T09:00:00Z", "2027-03-02T10:00:00Z")?
    };
    calendar.update_event(&alice, &made, &change, false).await.map_err(failed("changing an event"))?;
    let now = calendar.event(&alice, &made).await.map_err(failed("reading an event"))?;
    same("the changed times", &(Some(now.start), Some(now.end)), &(change.start, change.end))?;
    same("the changed words", &(&now.subject, &now.location), &(&change.subject, &change.location))?;
    same("the reminder that was taken away", &now.reminder_minutes, &None)?;
    same("what was not changed", &(now.show_as, &now.categories), &(found.show_as, &found.categories))?;
    calendar.delete_event(&alice, &made, false).await.map_err(failed("deleting an event"))?;
    let gone = calendar.find_event(&alice, key).await.map_err(failed("looking for a key"))?;
    same("the event after it was deleted", &gone, &None)?;
    missing("deleting it again", &calendar.delete_event(&alice, &made, false).await)?;
    missing("changing it", &calendar.update_event(&alice, &made, &change, false).await)
}

/// What makes no sense is refused before anything happens.
pub(super) async fn refuses_events(fixture: &Fixture) -> Verdict {
    let calendar = calendar(fixture)?;
    let alice = mailbox(ALICE)?;
    let sound = fields("Conformance: nonsense", "2027-05-01T09:00:00Z", "2027-05-01T10:00:00Z")?;
    let endless = EventFields { end: None, ..sound.clone() };
    let backwards = EventFields { end: Some(at("2027-05-01T08:00:00Z")?), ..sound.clone() };
    for (key, fields) in [("k", &endless), ("k", &backwards), ("", &sound)] {
        let made = calendar.create_event(&alice, key, fields, false).await;
        ensure(matches!(&made, Err(error) if error.kind == ErrorKind::Invalid), || {
            format!("an event that makes no sense: {made:?}, not an error of kind Invalid")
        })?;
    }
    let found = calendar.find_event(&alice, "k").await.map_err(failed("looking for a key"))?;
    same("what was made of it", &found, &None)?;
    let view = EventView {
        calendar: None,
        start: at("2027-01-01T00:00:00Z")?,
        end: at("2030-01-01T00:00:00Z")?,
        limit: 10,
    };
    let long = calendar.events(&alice, &view).await;
    ensure(matches!(&long, Err(error) if error.kind == ErrorKind::Invalid), || {
        format!("a view of three years: {long:?}, not an error of kind Invalid")
    })
}

/// A series shows its occurrences, of which one can be changed and one taken out.
pub(super) async fn series(fixture: &Fixture) -> Verdict {
    let calendar = calendar(fixture)?;
    let alice = mailbox(ALICE)?;
    let start = jiff::civil::Date::new(2027, 6, 7).map_err(|_| "no date")?;
    let wanted = EventFields {
        recurrence: Some(Recurrence {
            pattern: Pattern::Weekly { interval: 1, days: vec![Weekday::Monday, Weekday::Thursday] },
            start,
            end: RecurrenceEnd::After(4),
        }),
        ..fields("Conformance: every week", "2027-06-07T07:00:00Z", "2027-06-07T07:30:00Z")?
    };
    let made =
        calendar.create_event(&alice, "series", &wanted, false).await.map_err(failed("making a series"))?;
    let master = calendar.event(&alice, &made).await.map_err(failed("reading a series"))?;
    same("what the series is", &(master.kind, &master.recurrence), &(EventKind::Series, &wanted.recurrence))?;
    let (from, to) = ("2027-06-01T00:00:00Z", "2027-07-01T00:00:00Z");
    let begins = |events: &[Event]| events.iter().map(|event| event.start.to_string()).collect::<Vec<_>>();
    let all = shown(calendar, &alice, from, to).await?;
    let days = ["07", "10", "14", "17"].map(|day| format!("2027-06-{day}T07:00:00Z"));
    same("when it takes place", &begins(&all), &days.to_vec())?;
    ensure(all.iter().all(|one| one.kind == EventKind::Occurrence && one.recurrence.is_none()), || {
        format!("occurrences that are none: {all:?}")
    })?;
    let [_, second, third, _] = all.as_slice() else { return Err(String::from("not four occurrences")) };
    let change = fields("Conformance: later", "2027-06-10T15:00:00Z", "2027-06-10T16:00:00Z")?;
    calendar
        .update_event(&alice, &second.item, &change, false)
        .await
        .map_err(failed("changing an occurrence"))?;
    calendar.delete_event(&alice, &third.item, false).await.map_err(failed("deleting an occurrence"))?;
    let left = shown(calendar, &alice, from, to).await?;
    let expected = ["07T07", "10T15", "17T07"].map(|day| format!("2027-06-{day}:00:00Z"));
    same("when it takes place now", &begins(&left), &expected.to_vec())?;
    same("what was changed", &left.get(1).map(|one| one.kind), &Some(EventKind::Exception))?;
    calendar.delete_event(&alice, &made, false).await.map_err(failed("deleting a series"))?;
    same("what is left of a series", &shown(calendar, &alice, from, to).await?.len(), &0)
}

/// Somebody who is invited has the meeting in the calendar, follows its changes, and learns that it is called off;
/// nobody learns of what is done quietly.
pub(super) async fn meetings(fixture: &Fixture) -> Verdict {
    let calendar = calendar(fixture)?;
    let (alice, bob) = (mailbox(ALICE)?, mailbox(BOB)?);
    let invite = |subject: &str| -> Verdict<EventFields> {
        let to = Address { name: None, address: BOB.to_owned() };
        Ok(EventFields {
            attendees: Some(vec![(to, AttendeeRole::Required)]),
            ..fields(subject, "2027-09-01T09:00:00Z", "2027-09-01T10:00:00Z")?
        })
    };
    let (from, to) = ("2027-09-01T00:00:00Z", "2027-09-03T00:00:00Z");
    let theirs = async || shown(calendar, &bob, from, to).await;
    let made = calendar.create_event(&alice, "meeting", &invite("Conformance: meet")?, true).await;
    let made: ItemRef = made.map_err(failed("inviting"))?;
    let own = calendar.event(&alice, &made).await.map_err(failed("reading a meeting"))?;
    let invited: Vec<(String, Attendance)> =
        own.attendees.iter().map(|one| (one.address.address.to_lowercase(), one.answer)).collect();
    same("who is invited", &invited, &vec![(BOB.to_owned(), Attendance::None)])?;
    let got = theirs().await?;
    let [event] = got.as_slice() else { return Err(format!("{} events, not one: {got:?}", got.len())) };
    same("the meeting in both mailboxes", &event.ical_uid, &own.ical_uid)?;
    same("what was answered", &event.my_answer, &Attendance::None)?;
    same(
        "who invites",
        &event.organizer.as_ref().map(|o| o.address.to_lowercase()),
        &Some(ALICE.to_owned()),
    )?;
    let later = fields("Conformance: meet", "2027-09-02T09:00:00Z", "2027-09-02T10:00:00Z")?;
    calendar.update_event(&alice, &made, &later, true).await.map_err(failed("moving a meeting"))?;
    same("when it is now", &theirs().await?.first().map(|one| Some(one.start)), &Some(later.start))?;
    calendar.delete_event(&alice, &made, true).await.map_err(failed("calling off"))?;
    ensure(theirs().await?.iter().all(|one| one.is_cancelled), || String::from("it was not called off"))?;
    let quiet = calendar.create_event(&bob, "quiet", &invite("Conformance: quiet")?, false).await;
    let quiet = quiet.map_err(failed("inviting quietly"))?;
    let seen = shown(calendar, &alice, from, to).await?;
    same("what others see of it", &seen.len(), &0)?;
    calendar.delete_event(&bob, &quiet, false).await.map_err(failed("deleting quietly"))
}
