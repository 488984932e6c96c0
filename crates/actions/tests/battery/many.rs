//! Many mailboxes at once: every item is told, one failing mailbox hides no other, a repeat does no harm, one inverse
//! restores all, and never are there more requests at once than there should be.

use std::collections::BTreeSet;
use std::time::Duration;

use action_api::plan::FailureKind;
use action_api::{ActionSource, Probe};
use exchange::{ErrorKind, FolderRef, WellKnownFolder};
use exchange_sim::EffectKind;
use proptest::prelude::*;
use proptest::test_runner::{Config, TestRunner};
use serde_json::{Value, json};

use crate::world::{World, address, finished};

/// How many mailboxes the action may work on at once.
const SIDE_BY_SIDE: usize = 8;

fn told<'a>(output: &'a Value, mailbox: &str) -> Vec<&'a Value> {
    let results = output["results"].as_array().unwrap();
    results.iter().filter(|one| one["mailbox"] == mailbox).collect()
}

const BROKEN: [(usize, ErrorKind); 4] = [
    (3, ErrorKind::NotFound),
    (11, ErrorKind::PermissionDenied),
    (30, ErrorKind::Throttled),
    (49, ErrorKind::Transient),
];

#[test]
fn of_fifty_mailboxes_the_failing_ones_hide_no_other() {
    let world = World::new(50, 2);
    world.fail(&BROKEN);
    let input = json!({ "items": world.list(), "on_item_error": "collect" });
    // While another attempt would follow, what may help is tried again.
    let failure = world.attempt("mail.delete", &input, 1).unwrap_err();
    assert_eq!(failure.kind, FailureKind::Throttled);
    for part in ["8 of 100 messages", "in 4 of 50 mailboxes"] {
        assert!(failure.message.contains(part), "{}", failure.message);
    }
    assert_eq!(world.count(EffectKind::Deleted), 92);
    let output = &failure.details["output"];
    assert_eq!((&output["deleted"], &output["failed"]), (&json!(92), &json!(8)));
    assert_eq!(failure.details["partly"], json!(true));
    let inverse = &failure.details["inverse"];
    assert_eq!(inverse["input"]["items"].as_array().unwrap().len(), 92, "what was done can be taken back");
    // Every result is there, in the order asked for.
    let results = output["results"].as_array().unwrap();
    let order: Vec<(&str, &str)> = results
        .iter()
        .map(|one| (one["mailbox"].as_str().unwrap(), one["item_id"].as_str().unwrap()))
        .collect();
    let asked: Vec<(&str, &str)> = world.items.iter().map(|one| (one.0.as_str(), one.1.as_str())).collect();
    assert_eq!(order, asked);
    for (number, kind, retryable) in [
        (3, "not_found", false),
        (11, "permission_denied", false),
        (30, "throttled", true),
        (49, "transient", true),
    ] {
        for one in told(output, &address(number)) {
            assert_eq!((&one["status"], &one["result"]), (&json!("failed"), &json!("failed")));
            assert_eq!((&one["error"]["kind"], &one["retryable"]), (&json!(kind), &json!(retryable)));
        }
        let whole = &output["mailboxes"][number];
        assert_eq!((&whole["mailbox"], &whole["failed"]), (&json!(address(number)), &json!(2)));
        assert_eq!((&whole["status"], &whole["error"]["kind"]), (&json!("failed"), &json!(kind)));
    }
    // Two mailboxes are healed; the last attempt tells what is left instead of failing.
    world.fail(&BROKEN[..2]);
    let output = world.attempt("mail.delete", &input, 3).unwrap().output;
    assert_eq!(
        (&output["deleted"], &output["already_gone"], &output["failed"]),
        (&json!(4), &json!(92), &json!(4))
    );
    for one in told(&output, &address(0)) {
        assert_eq!((&one["status"], &one["already_done"]), (&json!("done"), &json!(true)));
    }
    assert_eq!(world.count(EffectKind::Deleted), 96, "each was deleted once");
    let (most, crowded) = world.watched();
    assert_eq!((most, crowded), (SIDE_BY_SIDE, None));
}

#[test]
fn without_collect_the_step_fails_and_its_inverse_restores_all() {
    let world = World::new(12, 2);
    let before = world.standing();
    world.fail(&[(5, ErrorKind::PermissionDenied)]);
    let failure = world.attempt("mail.delete", &json!({ "items": world.list() }), 3).unwrap_err();
    assert_eq!(failure.kind, FailureKind::PermissionDenied);
    assert_eq!(world.count(EffectKind::Deleted), 22);
    let inverse = failure.details["inverse"].clone();
    assert_eq!(inverse["action"], json!("mail.recover"));
    world.fail(&[]);
    let back = world.run("mail.recover", &inverse["input"]);
    assert_eq!((&back["recovered"], &back["failed"]), (&json!(22), &json!(0)));
    assert_eq!(world.standing(), before);
    let again = world.attempt("mail.recover", &inverse["input"], 2).unwrap().output;
    assert_eq!((&again["recovered"], &again["already_there"]), (&json!(0), &json!(22)));
}

/// Carries an action out over a list, and its inverse.
fn there_and_back(action: &str, list: impl Fn(&World) -> Value) {
    let world = World::new(10, 3);
    let before = world.standing();
    let outcome = world.attempt(action, &list(&world), 1).unwrap();
    let changed = world.standing();
    assert_ne!(changed, before, "{action}");
    assert_eq!(outcome.output["results"].as_array().unwrap().len(), 30, "{action}");
    let again = world.attempt(action, &list(&world), 2).unwrap().output;
    assert_eq!(world.standing(), changed, "{action}, repeated");
    let done = |one: &Value| one["status"] == "done" && one["already_done"] == json!(true);
    assert!(again["results"].as_array().unwrap().iter().all(done), "{action}: {again}");
    let inverse = outcome.inverse.unwrap();
    assert!(inverse.except.is_empty(), "{action}: {:?}", inverse.except);
    world.run(&inverse.action, &inverse.input);
    assert_eq!(world.standing(), before, "{action} taken back");
    assert_eq!(world.watched().1, None, "{action}");
}

#[test]
fn one_inverse_restores_what_a_list_changed() {
    there_and_back("mail.delete", |world| json!({ "items": world.list() }));
    there_and_back("mail.delete", |world| json!({ "items": world.list(), "mode": "trash" }));
    there_and_back("mail.move", |world| json!({ "items": world.marked_list(), "folder": "junkemail" }));
    there_and_back("mail.mark_read", |world| json!({ "items": world.list() }));
    there_and_back("mail.mark_junk", |world| json!({ "items": world.marked_list() }));
}

#[test]
fn a_list_may_name_a_folder_for_each() {
    let world = World::new(2, 1);
    let mut items = world.marked_list();
    items[1]["folder"] = json!("deleteditems");
    let output = world.run("mail.move", &json!({ "items": items, "folder": "junkemail" }));
    assert_eq!(output["new_item_id"], json!(null));
    let standing = world.standing().into_iter().collect::<Vec<_>>().join("\n");
    assert!(standing.contains("m0@corp.example root/Top of Information Store/Junk"), "{standing}");
    assert!(standing.contains("m1@corp.example root/Top of Information Store/Deleted"), "{standing}");
}

#[test]
fn a_probe_knows_how_far_a_list_came() {
    for action in ["mail.move", "mail.mark_junk"] {
        // The mailboxes take turns in the list.
        let world = World::new(5, 2);
        let mut input = json!({ "items": world.marked_list() });
        if action == "mail.move" {
            input["folder"] = json!("junkemail");
        }
        let probe = |input: &Value| {
            finished(world.source.probe(world.call(action, input, 2, Duration::from_secs(600)))).unwrap()
        };
        assert_eq!(probe(&input), Probe::NotDone, "{action}");
        let mut half = input.clone();
        half["items"].as_array_mut().unwrap().truncate(5);
        world.run(action, &half);
        assert_eq!(probe(&input), Probe::NotDone, "{action}");
        let output = world.attempt(action, &input, 2).unwrap().output;
        let already =
            output["results"].as_array().unwrap().iter().filter(|one| one["already_done"] == json!(true));
        assert_eq!(already.count(), 5, "{action}");
        let Probe::Done(outcome) = probe(&input) else { panic!("{action}: {:?}", probe(&input)) };
        let told = outcome.output["results"].as_array().unwrap().iter().map(|one| one["item_id"].clone());
        let asked = input["items"].as_array().unwrap().iter().map(|one| one["item_id"].clone());
        assert!(told.eq(asked), "{action}: {}", outcome.output);
        let mut blind = input.clone();
        for item in blind["items"].as_array_mut().unwrap() {
            item.as_object_mut().unwrap().remove("internet_message_id");
        }
        assert_eq!(probe(&blind), Probe::Unknown, "{action}");
        assert_eq!(world.count(EffectKind::Moved), 10, "{action}");
    }
}

#[test]
fn attachments_of_many_mailboxes_come_off() {
    let world = World::new(10, 2);
    let items = world.list();
    let output = world.run("mail.delete_attachments", &json!({ "items": items }));
    assert_eq!(output["deleted"].as_array().unwrap().len(), 20);
    let again = world.attempt("mail.delete_attachments", &json!({ "items": items }), 2).unwrap().output;
    assert_eq!(again["deleted"], json!([]));
    assert!(again["results"].as_array().unwrap().iter().all(|one| one["already_done"] == json!(true)));
}

#[test]
fn a_search_through_many_mailboxes_tells_which_were_not_searched() {
    let world = World::new(50, 2);
    world.fail(&BROKEN);
    let all: Vec<String> = (0..50).map(address).collect();
    let input = json!({ "mailboxes": all, "query": { "from": "eve@evil.test" } });
    let failure = world.attempt("mail.search", &input, 3).unwrap_err();
    assert!(failure.message.contains("4 of 50 mailboxes") && failure.message.contains("m11@"), "{failure}");
    let mut collecting = input;
    collecting["on_item_error"] = json!("collect");
    let output = world.attempt("mail.search", &collecting, 3).unwrap().output;
    assert_eq!((output["messages"].as_array().unwrap().len(), &output["failed"]), (92, &json!(4)));
    let searched = output["mailboxes"].as_array().unwrap();
    assert!(searched.iter().zip(&all).all(|(one, mailbox)| one["mailbox"] == *mailbox));
    assert_eq!((&searched[30]["status"], &searched[30]["retryable"]), (&json!("failed"), &json!(true)));
    assert_eq!((&searched[0]["status"], &searched[0]["found"]), (&json!("done"), &json!(2)));
    assert_eq!(world.watched(), (SIDE_BY_SIDE, None));
}

#[test]
fn a_search_that_finds_too_much_gives_every_mailbox_a_share() {
    let world = World::new(3, 2);
    let inbox = FolderRef::WellKnown(WellKnownFolder::Inbox);
    for number in 0..1200 {
        let mail =
            format!("From: eve@evil.test\r\nSubject: Win\r\nMessage-ID: <{number}@evil.test>\r\n\r\nx\r\n");
        world.organisation.deliver(&address(usize::from(number % 3 == 0)), &inbox, mail).unwrap();
    }
    let all: Vec<String> = (0..3).map(address).collect();
    let output = world.run("mail.search", &json!({ "mailboxes": all, "limit": 1000 }));
    assert!(output["messages"].as_array().unwrap().len() <= 1000);
    let found: Vec<u64> = (0..3).map(|at| output["mailboxes"][at]["found"].as_u64().unwrap()).collect();
    assert_eq!((found[1], found[2]), (402, 2), "those with few give all");
    assert!(found[0] >= 590, "{found:?}");
    assert_eq!((&output["mailboxes"][0]["truncated"], &output["truncated"]), (&json!(true), &json!(true)));
    assert_eq!(output["mailboxes"][1]["truncated"], json!(false));
}

#[test]
fn exactly_one_form_may_be_given() {
    let world = World::new(2, 1);
    let before = world.organisation.snapshot();
    let (mailbox, item, _) = world.items[0].clone();
    for (action, first, second) in [
        ("mail.delete", json!({ "mailbox": mailbox, "item_ids": [item] }), json!({ "items": world.list() })),
        (
            "mail.move",
            json!({ "mailbox": mailbox, "item_id": item, "folder": "junkemail" }),
            json!({ "items": world.list(), "folder": "junkemail" }),
        ),
        ("mail.mark_junk", json!({ "mailbox": mailbox, "item_id": item }), json!({ "items": world.list() })),
        (
            "mail.mark_read",
            json!({ "mailbox": mailbox, "item_ids": [item] }),
            json!({ "items": world.list() }),
        ),
        (
            "mail.delete_attachments",
            json!({ "mailbox": mailbox, "item_id": item }),
            json!({ "items": world.list() }),
        ),
        ("mail.search", json!({ "mailbox": mailbox }), json!({ "mailboxes": [mailbox] })),
        (
            "mail.copy",
            json!({ "mailbox": mailbox, "item_id": item, "folder": "drafts" }),
            json!({ "items": world.list(), "folder": "drafts" }),
        ),
        (
            "mail.update",
            json!({ "mailbox": mailbox, "item_id": item, "flag": "flagged" }),
            json!({ "items": world.list(), "flag": "flagged" }),
        ),
        (
            "mail.move_between_mailboxes",
            json!({ "mailbox": mailbox, "item_id": item, "destination_mailbox": "soc@corp.example" }),
            json!({ "items": world.list(), "destination_mailbox": "soc@corp.example" }),
        ),
    ] {
        let mut both = first.clone();
        both.as_object_mut().unwrap().extend(second.as_object().unwrap().clone());
        let mut half = second.clone();
        half["mailbox"] = json!(mailbox);
        let mut collecting = first.clone();
        collecting["on_item_error"] = json!("collect");
        for wrong in [both, half, collecting, json!({}), json!({ "items": [] })] {
            let failure = world.attempt(action, &wrong, 1).unwrap_err();
            assert_eq!(failure.kind, FailureKind::Invalid, "{action} {wrong}");
        }
    }
    assert_eq!(world.organisation.snapshot(), before);
}

#[test]
fn when_time_is_short_the_rest_is_left_to_the_next_attempt() {
    let world = World::new(2, 1);
    let input = json!({ "items": world.list() });
    let short =
        |attempt| finished(world.source.invoke(world.call("mail.delete", &input, attempt, Duration::ZERO)));
    let failure = short(1).unwrap_err();
    assert_eq!((failure.kind, world.count(EffectKind::Deleted)), (FailureKind::Transient, 1));
    assert!(failure.message.contains("time limit"), "{}", failure.message);
    // The next attempt begins at the other end, so it comes to what the first one had no time for.
    assert!(short(2).is_err());
    assert_eq!(world.count(EffectKind::Deleted), 2);
}

/// An action, and how its list and its single call look.
type Shape = (&'static str, fn(&[(String, String, String)]) -> Value, fn(&(String, String, String)) -> Value);

#[test]
fn a_list_does_what_single_calls_do_however_it_is_split() {
    let shapes: [Shape; 3] = [
        (
            "mail.delete",
            |all| json!({ "items": all.iter().map(|(m, i, _)| json!({ "mailbox": m, "item_id": i })).collect::<Vec<_>>() }),
            |(m, i, _)| json!({ "mailbox": m, "item_ids": [i] }),
        ),
        (
            "mail.mark_read",
            |all| json!({ "items": all.iter().map(|(m, i, _)| json!({ "mailbox": m, "item_id": i })).collect::<Vec<_>>() }),
            |(m, i, _)| json!({ "mailbox": m, "item_ids": [i] }),
        ),
        (
            "mail.move",
            |all| json!({ "folder": "junkemail", "items": all.iter().map(|(m, i, _)| json!({ "mailbox": m, "item_id": i })).collect::<Vec<_>>() }),
            |(m, i, _)| json!({ "mailbox": m, "item_id": i, "folder": "junkemail" }),
        ),
    ];
    let config = Config { cases: 48, failure_persistence: None, ..Config::default() };
    let chosen = (
        0usize..3,
        1usize..12,
        1usize..4,
        prop::collection::vec(any::<prop::sample::Index>(), 1..20),
        any::<bool>(),
    );
    TestRunner::new(config)
        .run(&chosen, |(shape, mailboxes, each, picks, shout)| {
            let (action, list, single) = shapes[shape];
            let (listed, one_by_one) = (World::new(mailboxes, each), World::new(mailboxes, each));
            let mut picked: Vec<usize> = picks.iter().map(|pick| pick.index(listed.items.len())).collect();
            let mut seen = BTreeSet::new();
            picked.retain(|place| seen.insert(*place));
            let of = |world: &World| -> Vec<(String, String, String)> {
                picked.iter().map(|place| world.items[*place].clone()).collect()
            };
            let mut items = of(&listed);
            if shout {
                // The same mailbox in other letters is the same mailbox.
                items.iter_mut().step_by(2).for_each(|one| one.0 = one.0.to_uppercase());
            }
            let output = listed.run(action, &list(&items));
            prop_assert_eq!(output["results"].as_array().unwrap().len(), items.len());
            prop_assert_eq!(listed.watched().1, None);
            for one in of(&one_by_one) {
                one_by_one.run(action, &single(&one));
            }
            prop_assert_eq!(listed.standing(), one_by_one.standing());
            Ok(())
        })
        .unwrap();
}
