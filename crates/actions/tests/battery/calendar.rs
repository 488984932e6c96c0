//! Events of calendars: made once per key, changed, deleted, and all of it taken back.

use crate::bench::Bench;
use action_api::Outcome;
use action_api::plan::FailureKind;
use exchange_sim::EffectKind;
use serde_json::{Value, json};

fn run(bench: &Bench, action: &str, input: Value) -> Outcome {
    bench.run(action, &input).unwrap()
}

fn undo(bench: &Bench, outcome: &Outcome) -> Outcome {
    let inverse = outcome.inverse.clone().expect("an inverse");
    bench.run(&inverse.action, &inverse.input).unwrap()
}

fn shown(bench: &Bench, mailbox: &str) -> Vec<Value> {
    let input = json!({ "mailbox": mailbox, "start": "2026-11-01T00:00:00Z", "end": "2027-02-01T00:00:00Z" });
    let output = run(bench, "calendar.list_events", input).output;
    assert_eq!(output["truncated"], json!(false));
    output["events"].as_array().unwrap().clone()
}

/// What a person sees of an event, without what the server gives anew.
fn seen(event: &Value) -> Value {
    let mut event = event.clone();
    let fields = event.as_object_mut().unwrap();
    ["event_id", "ical_uid", "external_key"].iter().for_each(|name| drop(fields.remove(*name)));
    event
}

fn meeting(key: &str, notify: &str) -> Value {
    json!({
        "mailbox": "alice@corp.example", "external_key": key, "subject": "Review", "html": "<p>Bring <b>it</b></p>",
        "start": "2026-12-01T09:00:00Z", "end": "2026-12-01T10:00:00Z", "location": "Room 1",
        "attendees": [{ "address": "soc@corp.example" }, { "address": "room@corp.example", "role": "resource" }],
        "categories": ["Red"], "privacy": "private", "show_as": "tentative", "reminder_minutes": 5, "notify": notify
    })
}

#[test]
fn an_event_is_made_once_per_key_and_taken_back() {
    let bench = Bench::new();
    let before = shown(&bench, "alice@corp.example");
    let input = meeting("ticket 7", "none");
    let made = run(&bench, "calendar.create_event", input.clone());
    assert_eq!((&made.output["result"], made.output["ical_uid"].is_string()), (&json!("created"), true));
    let again = run(&bench, "calendar.create_event", input);
    assert_eq!((&again.output["result"], again.inverse), (&json!("already_there"), None));
    assert_eq!(again.output["event_id"], made.output["event_id"]);
    let now = shown(&bench, "alice@corp.example");
    assert_eq!(now.len(), before.len() + 1);
    let event = now.iter().find(|event| event["external_key"] == json!("ticket 7")).unwrap();
    let people: Vec<_> = event["attendees"].as_array().unwrap().iter().map(|one| &one["role"]).collect();
    assert_eq!(
        (people, &event["show_as"], &event["privacy"]),
        (vec![&json!("required"), &json!("resource")], &json!("tentative"), &json!("private"))
    );
    assert_eq!((&event["reminder_minutes"], &event["location"]), (&json!(5), &json!("Room 1")));
    assert_eq!(bench.count(EffectKind::Sent), 0, "nobody is told unless it was asked for");
    assert!(shown(&bench, "soc@corp.example").is_empty());
    undo(&bench, &made);
    assert_eq!(shown(&bench, "alice@corp.example"), before);
}

#[test]
fn those_invited_are_told_of_a_meeting_and_of_its_end() {
    let bench = Bench::new();
    let made = run(&bench, "calendar.create_event", meeting("ticket 8", "all"));
    let theirs = shown(&bench, "soc@corp.example");
    assert_eq!((theirs.len(), &theirs[0]["my_answer"]), (1, &json!("none")));
    assert_eq!(theirs[0]["organizer"]["address"], json!("alice@corp.example"));
    undo(&bench, &made);
    assert_eq!(shown(&bench, "soc@corp.example")[0]["is_cancelled"], json!(true));
}

#[test]
fn a_change_is_set_back_and_what_is_so_already_is_not_sent() {
    let bench = Bench::new();
    let before = shown(&bench, "alice@corp.example");
    let input = json!({
        "mailbox": "alice@corp.example", "external_key": "shift-4710", "subject": "Moved", "location": "",
        "start": "2026-12-09T08:00:00Z", "end": "2026-12-09T09:00:00Z", "text": "new words", "all_day": false,
        "attendees": [{ "address": "soc@corp.example" }], "categories": ["Blue"], "show_as": "free",
        "privacy": "confidential", "no_reminder": true
    });
    let changed = run(&bench, "calendar.update_event", input.clone());
    let names: Vec<_> =
        changed.output["changed"].as_array().unwrap().iter().filter_map(Value::as_str).collect();
    assert!(
        ["subject", "start", "end", "body", "attendees", "categories", "reminder"]
            .iter()
            .all(|name| names.contains(name))
    );
    assert!(!names.contains(&"all_day"), "it was so already");
    let updates = bench.count(EffectKind::Updated);
    let again = run(&bench, "calendar.update_event", input);
    assert_eq!((&again.output["changed"], again.inverse), (&json!([]), None));
    assert_eq!(bench.count(EffectKind::Updated), updates);
    undo(&bench, &changed);
    let after = shown(&bench, "alice@corp.example");
    assert_eq!(after, before);
}

#[test]
fn a_deleted_event_comes_back_as_it_was_and_says_what_is_lost() {
    let bench = Bench::new();
    run(&bench, "calendar.create_event", meeting("ticket 9", "none"));
    let before: Vec<Value> = shown(&bench, "alice@corp.example").iter().map(seen).collect();
    for key in ["ticket 9", "shift-4710"] {
        let input = json!({ "mailbox": "alice@corp.example", "external_key": key });
        let deleted = run(&bench, "calendar.delete_event", input.clone());
        assert_eq!(deleted.output["result"], json!("deleted"));
        let lost = deleted.inverse.clone().unwrap().except;
        assert_eq!(lost.iter().any(|words| words.contains("answered")), key == "ticket 9", "{lost:?}");
        let gone = run(&bench, "calendar.delete_event", input);
        assert_eq!((&gone.output["result"], gone.inverse), (&json!("already_gone"), None));
        assert_eq!(undo(&bench, &deleted).output["result"], json!("created"));
        let after: Vec<Value> = shown(&bench, "alice@corp.example").iter().map(seen).collect();
        assert_eq!(after, before, "{key}");
        assert_eq!(undo(&bench, &deleted).output["result"], json!("already_there"), "it comes back once");
    }
}

#[test]
fn a_series_comes_back_and_one_occurrence_of_it_does_not() {
    let bench = Bench::new();
    let input = json!({
        "mailbox": "alice@corp.example", "external_key": "weekly", "subject": "Weekly",
        "start": "2026-12-07T07:00:00Z", "end": "2026-12-07T07:30:00Z",
        "repeats": { "every": "week", "days": ["monday"], "times": 4 }
    });
    run(&bench, "calendar.create_event", input);
    let occurrences = || -> Vec<Value> {
        shown(&bench, "alice@corp.example")
            .into_iter()
            .filter(|event| event["kind"] == json!("occurrence"))
            .collect()
    };
    let all = occurrences();
    assert_eq!(all.len(), 4);
    let one = json!({ "mailbox": "alice@corp.example", "event_id": all[1]["event_id"] });
    let taken = run(&bench, "calendar.delete_event", one);
    assert!(taken.inverse.is_none(), "{:?}", taken.inverse);
    assert_eq!(occurrences().len(), 3);
    let series = json!({ "mailbox": "alice@corp.example", "external_key": "weekly" });
    let deleted = run(&bench, "calendar.delete_event", series);
    assert!(occurrences().is_empty());
    let lost = deleted.inverse.clone().unwrap().except.join(", ");
    assert!(lost.contains("occurrences"), "{lost}");
    undo(&bench, &deleted);
    assert_eq!(occurrences().len(), 4, "also the one that was taken out: that is what is said to be lost");
}

#[test]
fn what_names_no_event_or_two_is_refused() {
    let bench = Bench::new();
    let alice = "alice@corp.example";
    for (action, input, kind) in [
        ("calendar.delete_event", json!({ "mailbox": alice }), FailureKind::Invalid),
        ("calendar.delete_event", json!({ "mailbox": alice, "external_key": " " }), FailureKind::Invalid),
        ("calendar.delete_event", json!({ "mailbox": alice, "event_id": "" }), FailureKind::Invalid),
        (
            "calendar.delete_event",
            json!({ "mailbox": alice, "event_id": "A", "external_key": "shift-4710" }),
            FailureKind::Invalid,
        ),
        (
            "calendar.update_event",
            json!({ "mailbox": alice, "external_key": "shift-4710" }),
            FailureKind::Invalid,
        ),
        (
            "calendar.update_event",
            json!({ "mailbox": alice, "external_key": "nowhere", "subject": "x" }),
            FailureKind::NotFound,
        ),
        (
            "calendar.update_event",
            json!({ "mailbox": alice, "external_key": "shift-4710", "end": "2020-01-01T00:00:00Z" }),
            FailureKind::Invalid,
        ),
        (
            "calendar.list_events",
            json!({ "mailbox": alice, "start": "2026-01-01T00:00:00Z", "end": "2030-01-01T00:00:00Z" }),
            FailureKind::Invalid,
        ),
        (
            "calendar.list_events",
            json!({ "mailbox": alice, "start": "2026-01-02T00:00:00Z", "end": "2026-01-01T00:00:00Z" }),
            FailureKind::Invalid,
        ),
    ] {
        let failure = bench.run(action, &input).unwrap_err();
        assert_eq!(failure.kind, kind, "{action} {input}: {}", failure.message);
    }
    let mail = json!({ "mailbox": alice, "event_id": bench.item });
    assert_eq!(
        bench.run("calendar.delete_event", &mail).unwrap_err().kind,
        FailureKind::Invalid,
        "a mail is no event"
    );
    assert!(bench.organisation.ledger().effects.iter().all(|effect| effect.kind != EffectKind::Deleted));
}
