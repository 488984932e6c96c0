//! Folders, events and automatic replies of many mailboxes at once: every mailbox is told, a failing one hides no other,
//! a repeat does no harm wherever the attempt before was cut off, and one inverse restores all.

use std::collections::BTreeMap;
use std::time::Duration;

use action_api::plan::{Failure, FailureKind};
use action_api::{ActionSource, Catalogue, Inverse, Outcome, Validator};
use exchange::{BodyText, ErrorKind, EventFields, FolderRef, Mailbox, OofState, OutOfOffice, Ports};
use exchange_sim::Organisation;
use proptest::prelude::*;
use proptest::test_runner::{Config, TestRunner};
use serde_json::{Value, json};

use crate::bench::invocation;
use crate::places_line::Line;
use crate::world::finished;

const MANY: usize = 24;
const LONG: Duration = Duration::from_secs(600);

fn address(number: usize) -> String {
    format!("m{number}@corp.example")
}

fn shift(number: usize) -> EventFields {
    EventFields {
        subject: Some(format!("On call {number}")),
        start: Some("2026-11-25T08:00:00Z".parse().unwrap()),
        end: Some("2026-11-25T16:00:00Z".parse().unwrap()),
        location: Some("Office".to_owned()),
        body: Some(BodyText::Text(format!("Number {number}"))),
        ..EventFields::default()
    }
}

/// Many mailboxes, each with an empty folder, an event, and replies of its own.
struct World {
    organisation: Organisation,
    line: Line,
    source: Catalogue<Ports>,
    /// The folder and the event of each.
    places: Vec<(String, String)>,
}

impl World {
    fn new(mailboxes: usize) -> Self {
        let organisation = Organisation::new();
        let direct = organisation.ports();
        let mut places = Vec::new();
        for number in 0..mailboxes {
            let name = address(number);
            organisation.add_mailbox(&name);
            organisation.make_folder(&name, &["Inbox", "Closed"], false).unwrap();
            let mailbox = Mailbox::new(&name).unwrap();
            let event = organisation.add_event(&mailbox, "shift", &shift(number)).unwrap();
            let replies = OutOfOffice {
                state: if number % 3 == 0 { OofState::Disabled } else { OofState::Enabled },
                internal_reply: format!("Back on day {number}"),
                ..OutOfOffice::default()
            };
            let set = direct.automatic_replies.as_deref().unwrap();
            finished(set.set_out_of_office(&mailbox, &replies)).unwrap();
            let path = FolderRef::Path(vec!["Inbox".to_owned(), "Closed".to_owned()]);
            let folder = finished(direct.folders.as_deref().unwrap().folder(&mailbox, &path)).unwrap();
            places.push((format!("id:{}", folder.id), event));
        }
        let (line, ports) = Line::over(direct);
        let source = portcullis_actions::exchange(move |_| Ok(ports.clone()));
        World { organisation, line, source, places }
    }

    fn fail(&self, broken: &[(usize, ErrorKind)]) {
        let broken = broken.iter().map(|(number, kind)| (address(*number), *kind)).collect();
        self.line.weather.lock().unwrap().broken = broken;
    }

    fn cut(&self, cut: Option<(usize, bool)>) {
        self.line.weather.lock().unwrap().cut = cut;
    }

    fn within(
        &self,
        action: &str,
        input: &Value,
        attempt: u32,
        timeout: Duration,
    ) -> Result<Outcome, Failure> {
        finished(self.source.invoke(invocation(action, input.clone(), attempt, timeout)))
    }

    fn attempt(&self, action: &str, input: &Value, attempt: u32) -> Result<Outcome, Failure> {
        self.within(action, input, attempt, LONG)
    }

    fn undo(&self, inverse: &Inverse) {
        self.attempt(&inverse.action, &inverse.input, 1).unwrap();
    }

    /// What people see in each mailbox: folders, events and replies, without the ids that a server gives anew and without
    /// what is in Deleted Items.
    fn standing(&self) -> BTreeMap<String, Vec<String>> {
        let ports = self.organisation.ports();
        let all: Value = serde_json::from_str(&self.organisation.snapshot()).unwrap();
        let mut found = BTreeMap::new();
        for mailbox in all.as_array().unwrap() {
            let name = mailbox["address"].as_str().unwrap();
            let mut seen = vec![mailbox["out_of_office"].to_string()];
            for folder in mailbox["folders"].as_array().unwrap() {
                let path = folder["path"].as_str().unwrap();
                seen.extend((!path.contains("Deleted")).then(|| path.to_owned()));
            }
            let view = exchange::EventView {
                calendar: None,
                start: "2026-11-01T00:00:00Z".parse().unwrap(),
                end: "2027-02-01T00:00:00Z".parse().unwrap(),
                limit: 100,
            };
            let mailbox = Mailbox::new(name).unwrap();
            let events = finished(ports.calendar.as_deref().unwrap().events(&mailbox, &view)).unwrap();
            seen.extend(events.events.into_iter().map(|event| {
                let (key, subject, body) = (event.key, event.subject, event.body);
                format!("{key:?} {subject:?} {body:?} {} {} {:?}", event.start, event.end, event.location)
            }));
            seen.sort();
            found.insert(name.to_owned(), seen);
        }
        found
    }

    /// Everything, without the versions of items: writing the same value again makes a new one.
    fn bytes(&self) -> String {
        let snapshot = self.organisation.snapshot();
        snapshot.lines().filter(|line| !line.contains("\"change_key\"")).collect::<Vec<_>>().join("\n")
    }
}

/// A call about many mailboxes: its name, its input, and whether its inverse leaves no trace at all.
struct Shape {
    action: &'static str,
    input: fn(&World) -> Value,
    traceless: bool,
}

fn mailboxes(world: &World, mut fields: Value) -> Value {
    fields["mailboxes"] = (0..world.places.len()).map(address).collect();
    fields
}

fn items(world: &World, entry: impl Fn(usize, &(String, String)) -> Value) -> Value {
    let one = |(number, place)| {
        let mut entry = entry(number, place);
        entry["mailbox"] = json!(address(number));
        entry
    };
    json!({ "items": world.places.iter().enumerate().map(one).collect::<Vec<Value>>() })
}

fn shapes() -> Vec<Shape> {
    let shape = |action, traceless, input| Shape { action, input, traceless };
    vec![
        shape("folder.create", false, |world| mailboxes(world, json!({ "name": "Suspicious" }))),
        shape("folder.create", false, |world| items(world, |n, _| json!({ "name": format!("Case {n}") }))),
        shape("folder.delete", false, |world| mailboxes(world, json!({ "folder": "Inbox/Closed" }))),
        shape("folder.delete", false, |world| items(world, |_, place| json!({ "folder": place.0 }))),
        shape("mailbox.set_out_of_office", true, |world| {
            mailboxes(
                world,
                json!({ "state": "enabled", "audience": "all", "internal_reply": "This account was misused." }),
            )
        }),
        shape("mailbox.set_out_of_office", true, |world| {
            items(world, |n, _| json!({ "state": "enabled", "internal_reply": format!("Ask {n}") }))
        }),
        shape("calendar.create_event", false, |world| {
            mailboxes(
                world,
                json!({
                    "external_key": "closed", "subject": "Closed", "start": "2026-12-24T08:00:00Z",
                    "end": "2026-12-24T16:00:00Z"
                }),
            )
        }),
        shape("calendar.create_event", false, |world| {
            items(world, |n, _| {
                json!({
                    "external_key": format!("key {n}"), "subject": format!("Review {n}"), "text": "Bring it",
                    "start": "2026-12-01T08:00:00Z", "end": "2026-12-01T09:00:00Z"
                })
            })
        }),
        shape("calendar.delete_event", false, |world| mailboxes(world, json!({ "external_key": "shift" }))),
        shape("calendar.delete_event", false, |world| {
            items(world, |_, place| json!({ "event_id": place.1 }))
        }),
        shape("calendar.update_event", true, |world| {
            mailboxes(world, json!({ "external_key": "shift", "location": "Home", "text": "Changed" }))
        }),
        shape("calendar.update_event", true, |world| {
            items(world, |n, place| json!({ "event_id": place.1, "subject": format!("Swapped {n}") }))
        }),
    ]
}

fn results(output: &Value) -> &Vec<Value> {
    output["results"].as_array().unwrap()
}

fn inverse_of(failure: &Failure) -> Option<Inverse> {
    failure.details.get("inverse").map(|inverse| serde_json::from_value(inverse.clone()).unwrap())
}

#[test]
fn one_inverse_restores_what_a_list_changed_and_a_repeat_changes_nothing() {
    for shape in shapes() {
        let world = World::new(MANY);
        let (before, bytes) = (world.standing(), world.bytes());
        let input = (shape.input)(&world);
        let outcome = world.attempt(shape.action, &input, 1).unwrap();
        let changed = world.standing();
        let touched = before.iter().filter(|(name, seen)| changed[*name] != **seen).count();
        assert_eq!(touched, MANY, "{} {input}", shape.action);
        let order: Vec<&str> =
            results(&outcome.output).iter().map(|one| one["mailbox"].as_str().unwrap()).collect();
        assert_eq!(order, (0..MANY).map(address).collect::<Vec<_>>(), "{}", shape.action);
        let fresh = |one: &Value| one["status"] == "done" && one["already_done"] == json!(false);
        assert!(results(&outcome.output).iter().all(fresh), "{}", shape.action);
        assert_eq!((&outcome.output["mailbox"], &outcome.output["failed"]), (&json!(null), &json!(0)));
        let again = world.attempt(shape.action, &input, 2).unwrap();
        assert_eq!(world.standing(), changed, "{}, repeated", shape.action);
        let before_already = |one: &Value| one["status"] == "done" && one["already_done"] == json!(true);
        assert!(results(&again.output).iter().all(before_already), "{}: {}", shape.action, again.output);
        assert_eq!(again.inverse, None, "{}: a repeat has nothing to take back", shape.action);
        let inverse = outcome.inverse.unwrap();
        assert_eq!(inverse.input["items"].as_array().unwrap().len(), MANY, "{}", shape.action);
        world.undo(&inverse);
        assert_eq!(world.standing(), before, "{} taken back", shape.action);
        if shape.traceless {
            assert_eq!(world.bytes(), bytes, "{} taken back", shape.action);
        }
        let weather = world.line.weather.lock().unwrap();
        assert_eq!((weather.most, &weather.crowded), (8, &None), "{}", shape.action);
    }
}

#[test]
fn failing_mailboxes_hide_no_other_and_policy_sees_all_of_them() {
    let broken = [
        (3, ErrorKind::NotFound),
        (7, ErrorKind::PermissionDenied),
        (12, ErrorKind::Throttled),
        (23, ErrorKind::Transient),
    ];
    for shape in shapes() {
        let world = World::new(MANY);
        let before = world.standing();
        let mut input = (shape.input)(&world);
        let spec = world.source.spec(shape.action).unwrap();
        let named = spec.mailboxes_of(&input).each;
        let expected: Vec<(String, u64)> = (0..MANY).map(|number| (address(number), 1)).collect();
        assert_eq!((named, spec.items_of(&input)), (expected, MANY as u64), "{}", shape.action);
        input["on_item_error"] = json!("collect");
        world.fail(&broken);
        let failure = world.attempt(shape.action, &input, 1).unwrap_err();
        assert_eq!(failure.kind, FailureKind::Throttled, "{}: {}", shape.action, failure.message);
        assert!(failure.message.starts_with("4 of 24 "), "{}", failure.message);
        let output = &failure.details["output"];
        assert_eq!((results(output).len(), &output["failed"]), (MANY, &json!(4)), "{}", shape.action);
        let schema = Validator::new(&spec.output).unwrap();
        assert!(schema.is_valid(output), "{}: {:?}", shape.action, schema.violations(output));
        for (number, kind) in broken {
            let one = &results(output)[number];
            let retryable = matches!(kind, ErrorKind::Throttled | ErrorKind::Transient);
            assert_eq!((&one["status"], &one["retryable"]), (&json!("failed"), &json!(retryable)));
            assert!(one["error"]["message"].as_str().unwrap().contains(&address(number)), "{one}");
            assert_eq!(output["mailboxes"][number]["status"], json!("failed"));
            assert_eq!(world.standing()[&address(number)], before[&address(number)], "{}", shape.action);
        }
        let first = inverse_of(&failure).unwrap();
        assert_eq!(first.input["items"].as_array().unwrap().len(), MANY - 4, "{}", shape.action);
        // Two are healed; the last attempt tells what is left instead of failing.
        world.fail(&broken[..2]);
        let outcome = world.attempt(shape.action, &input, 3).unwrap();
        assert_eq!(outcome.output["failed"], json!(2), "{}", shape.action);
        let already =
            results(&outcome.output).iter().filter(|one| one["already_done"] == json!(true)).count();
        assert_eq!(already, MANY - 4, "{}", shape.action);
        let second = outcome.inverse.unwrap();
        assert_eq!(second.input["items"].as_array().unwrap().len(), 2, "{}: only its own", shape.action);
        world.fail(&[]);
        world.undo(&second);
        world.undo(&first);
        assert_eq!(world.standing(), before, "{}", shape.action);
    }
}

#[test]
fn wherever_an_attempt_is_cut_off_the_next_one_finishes_it() {
    let all = shapes();
    let config = Config { cases: 72, failure_persistence: None, ..Config::default() };
    TestRunner::new(config)
        .run(&(0..all.len(), any::<prop::sample::Index>(), any::<bool>()), |(which, at, after)| {
            let shape = &all[which];
            let whole = World::new(6);
            whole.attempt(shape.action, &(shape.input)(&whole), 1).unwrap();
            let requests = whole.line.weather.lock().unwrap().requests;
            let world = World::new(6);
            let (input, before) = ((shape.input)(&world), world.standing());
            world.cut(Some((at.index(requests), after)));
            let cut = world.attempt(shape.action, &input, 1);
            world.cut(None);
            let outcome = world.attempt(shape.action, &input, 2);
            prop_assert!(outcome.is_ok(), "{} {:?}", shape.action, outcome);
            prop_assert!(world.standing() == whole.standing(), "{} {} {:?}", shape.action, input, outcome);
            // What was done unseen is nobody's to take back; all else comes back with what both attempts tell.
            if !after {
                let first = cut.map_or_else(|failure| inverse_of(&failure), |outcome| outcome.inverse);
                let second = outcome.ok().and_then(|outcome| outcome.inverse);
                second.iter().chain(&first).for_each(|inverse| world.undo(inverse));
                prop_assert!(world.standing() == before, "{} {} {:?}", shape.action, input, second);
            }
            Ok(())
        })
        .unwrap();
}

#[test]
fn exactly_one_form_may_be_given_and_each_entry_whole() {
    let world = World::new(2);
    let before = world.organisation.snapshot();
    let event = world.places[0].1.clone();
    let (start, end) = ("2026-12-01T08:00:00Z", "2026-12-01T09:00:00Z");
    for (action, fields, more) in [
        ("folder.create", json!({ "name": "New" }), json!({ "parent": "inbox" })),
        ("folder.delete", json!({ "folder": "Inbox/Closed" }), json!({ "folder": "id:x" })),
        ("mailbox.set_out_of_office", json!({ "state": "enabled" }), json!({ "internal_reply": "x" })),
        (
            "calendar.create_event",
            json!({ "external_key": "k", "subject": "s", "start": start, "end": end }),
            json!({ "location": "x" }),
        ),
        ("calendar.delete_event", json!({ "event_id": event }), json!({ "external_key": "k" })),
        ("calendar.update_event", json!({ "event_id": event, "subject": "x" }), json!({ "location": "x" })),
    ] {
        let with = |extra: Value| {
            let mut input = fields.clone();
            input.as_object_mut().unwrap().extend(extra.as_object().unwrap().clone());
            input
        };
        let (one, other) = (address(0), address(1));
        let entry = with(json!({ "mailbox": one }));
        let listed = |entry: Value, extra: Value| {
            let mut input = json!({ "items": [entry] });
            input.as_object_mut().unwrap().extend(extra.as_object().unwrap().clone());
            input
        };
        let mut shouting = entry.clone();
        shouting["notify"] = json!("all");
        shouting["if_not_empty"] = json!("delete");
        for wrong in [
            json!({}),
            fields.clone(),
            json!({ "mailbox": one }),
            json!({ "items": [] }),
            with(json!({ "mailboxes": [] })),
            with(json!({ "mailboxes": [one, "*"] })),
            with(json!({ "mailboxes": vec![one.as_str(); 1001] })),
            with(json!({ "mailbox": one, "mailboxes": [other] })),
            with(json!({ "mailbox": one, "on_item_error": "collect" })),
            listed(entry.clone(), json!({ "mailbox": one })),
            listed(entry.clone(), json!({ "mailboxes": [other] })),
            listed(entry.clone(), more),
            listed(fields.clone(), json!({})),
            listed(json!({ "mailbox": one }), json!({})),
            listed(shouting, json!({})),
            listed(with(json!({ "mailbox": one, "surprise": 1 })), json!({})),
        ] {
            let failure = world.attempt(action, &wrong, 1).unwrap_err();
            assert_eq!(failure.kind, FailureKind::Invalid, "{action} {wrong}");
        }
        assert_eq!(world.organisation.snapshot(), before, "{action}");
    }
}

#[test]
fn one_wrong_entry_is_refused_before_anything_is_done() {
    let world = World::new(3);
    let before = world.organisation.snapshot();
    let good = json!({ "mailbox": address(0), "state": "enabled" });
    let wrong = json!({ "items": [good, { "mailbox": address(1), "state": "scheduled" }] });
    let failure = world.attempt("mailbox.set_out_of_office", &wrong, 1).unwrap_err();
    assert_eq!(failure.kind, FailureKind::Invalid);
    assert!(failure.message.contains(&address(1)), "{}", failure.message);
    let twice = json!({ "items": [good, { "mailbox": "M0@CORP.example", "state": "disabled" }] });
    let failure = world.attempt("mailbox.set_out_of_office", &twice, 1).unwrap_err();
    assert!(failure.message.contains("twice"), "{}", failure.message);
    let (start, end) = ("2026-12-01T09:00:00Z", "2026-12-01T08:00:00Z");
    let backwards = json!({ "external_key": "k", "subject": "s", "start": start, "end": end });
    let failure = world.attempt("calendar.create_event", &mailboxes(&world, backwards), 1).unwrap_err();
    assert_eq!(failure.kind, FailureKind::Invalid);
    assert_eq!(world.organisation.snapshot(), before);
    // The same twice is the same.
    let same = json!({ "mailboxes": [address(0), "M0@CORP.example", address(1)], "state": "enabled" });
    let outcome = world.attempt("mailbox.set_out_of_office", &same, 1).unwrap();
    assert_eq!(results(&outcome.output).len(), 2);
}

#[test]
fn what_cannot_be_done_or_taken_back_in_one_place_leaves_the_others_alone() {
    let world = World::new(3);
    world.organisation.make_folder(&address(1), &["Inbox", "Closed", "2026"], false).unwrap();
    let before = world.standing();
    let mut input = mailboxes(&world, json!({ "folder": "Inbox/Closed", "on_item_error": "collect" }));
    let outcome = world.attempt("folder.delete", &input, 1).unwrap();
    let kinds: Vec<&Value> = results(&outcome.output).iter().map(|one| &one["error"]["kind"]).collect();
    assert_eq!(kinds, [&json!(null), &json!("conflict"), &json!(null)]);
    world.undo(&outcome.inverse.unwrap());
    assert_eq!(world.standing(), before);
    input["if_not_empty"] = json!("delete");
    let inverse = world.attempt("folder.delete", &input, 1).unwrap().inverse.unwrap();
    assert_eq!(inverse.input["items"].as_array().unwrap().len(), 2);
    let lost = inverse.except.join(" ");
    assert!(lost.contains("not empty") && lost.contains(&address(1)), "{lost}");
}

#[test]
fn an_invitation_that_cannot_be_made_again_does_not_keep_the_others_from_coming_back() {
    let world = World::new(3);
    let huge = EventFields { body: Some(BodyText::Text("x".repeat(300_000))), ..shift(9) };
    let mailbox = Mailbox::new(&address(1)).unwrap();
    let event = world.organisation.add_event(&mailbox, "huge", &huge).unwrap();
    let before = world.standing();
    let mut input = items(&world, |_, place| json!({ "event_id": place.1 }));
    input["items"].as_array_mut().unwrap().push(json!({ "mailbox": address(1), "event_id": event }));
    let outcome = world.attempt("calendar.delete_event", &input, 1).unwrap();
    assert_eq!(results(&outcome.output).len(), 4, "two of one mailbox");
    assert_eq!(outcome.output["mailboxes"].as_array().unwrap().len(), 3);
    let inverse = outcome.inverse.unwrap();
    assert!(inverse.except.iter().any(|words| words.contains(&event)), "{:?}", inverse.except);
    world.undo(&inverse);
    let after = world.standing();
    assert_eq!((&after[&address(0)], &after[&address(2)]), (&before[&address(0)], &before[&address(2)]));
    assert_eq!(after[&address(1)].len() + 1, before[&address(1)].len());
}

#[test]
fn replies_in_words_of_somebody_else_are_kept_also_after_an_attempt_that_failed() {
    let world = World::new(2);
    let intruder =
        json!({ "state": "enabled", "audience": "all", "internal_reply": "Pay to our new account" });
    world.attempt("mailbox.set_out_of_office", &mailboxes(&world, intruder), 1).unwrap();
    let before = world.standing();
    let warning = json!({ "state": "enabled", "audience": "all", "internal_reply": "Do not pay" });
    let warning = mailboxes(&world, warning);
    world.fail(&[(1, ErrorKind::Throttled)]);
    let first = inverse_of(&world.attempt("mailbox.set_out_of_office", &warning, 1).unwrap_err()).unwrap();
    world.fail(&[]);
    let second = world.attempt("mailbox.set_out_of_office", &warning, 2).unwrap().inverse.unwrap();
    world.undo(&first);
    world.undo(&second);
    assert_eq!(world.standing(), before);
}

#[test]
fn when_time_is_short_the_rest_is_left_to_the_next_attempt() {
    for (input, done) in [
        (json!({ "mailboxes": [address(0), address(1)], "name": "New" }), 1),
        (
            json!({ "items": [{ "mailbox": address(0), "name": "New" }, { "mailbox": address(0), "name": "Old" }] }),
            1,
        ),
    ] {
        let world = World::new(2);
        let made = |attempt: u32| {
            let failure = world.within("folder.create", &input, attempt, Duration::ZERO).unwrap_err();
            assert!(failure.message.contains("time limit"), "{}", failure.message);
            let output = &failure.details["output"];
            results(output)
                .iter()
                .filter(|one| one["already_done"] == json!(false) && one["status"] == "done")
                .count()
        };
        assert_eq!((made(1), made(2)), (done, done), "the next one begins at the other end");
    }
}
