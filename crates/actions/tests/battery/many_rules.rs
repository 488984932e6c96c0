//! Rules and blocked senders of many mailboxes: every rule is told, one failing mailbox hides no other, a repeat does
//! no harm, an attempt may be cut off anywhere, and what was done can be taken back.

use std::collections::BTreeSet;

use action_api::ActionSource;
use action_api::plan::FailureKind;
use exchange::ErrorKind;
use proptest::prelude::*;
use proptest::test_runner::{Config, TestRunner};
use serde_json::{Value, json};

use crate::rules_world::{World, address, blocks};

const ACTIONS: [&str; 5] =
    ["inbox_rule.disable", "inbox_rule.enable", "inbox_rule.remove", "inbox_rule.restore", "sender.block"];

fn results(output: &Value) -> &Vec<Value> {
    output["results"].as_array().unwrap()
}

#[test]
fn of_many_mailboxes_the_failing_ones_hide_no_other() {
    let broken = [
        (3, ErrorKind::NotFound),
        (11, ErrorKind::PermissionDenied),
        (17, ErrorKind::Throttled),
        (23, ErrorKind::Transient),
    ];
    for action in ACTIONS {
        let world = World::new(24);
        let items = world.items(action);
        let break_some = |some: &[(usize, ErrorKind)]| {
            world
                .behave(|server| server.broken = some.iter().map(|(n, kind)| (address(*n), *kind)).collect());
        };
        break_some(&broken);
        let input = json!({ "items": items, "on_item_error": "collect" });
        // While another attempt would follow, what may help is tried again.
        let failure = world.attempt(action, &input, 1).unwrap_err();
        assert_eq!(failure.kind, FailureKind::Throttled, "{action}");
        let things = if blocks(action) { "8 of 48 senders" } else { "8 of 48 rules" };
        for part in [things, "in 4 of 24 mailboxes"] {
            assert!(failure.message.contains(part), "{action}: {}", failure.message);
        }
        assert_eq!(failure.details["failed"].as_array().unwrap().len(), 8, "{action}");
        let output = &failure.details["output"];
        let told: Vec<&Value> = results(output).iter().map(|one| &one["mailbox"]).collect();
        let asked: Vec<&Value> = items.iter().map(|one| &one["mailbox"]).collect();
        assert_eq!(told, asked, "{action}");
        for field in ["rule_id", "item_id"].into_iter().filter(|field| items[0].get(field).is_some()) {
            assert!(
                results(output).iter().zip(&items).all(|(one, item)| one[field] == item[field]),
                "{action}"
            );
        }
        for (number, kind, retryable) in [
            (3, "not_found", false),
            (11, "permission_denied", false),
            (17, "throttled", true),
            (23, "transient", true),
        ] {
            let own = results(output).iter().filter(|one| one["mailbox"] == address(number));
            for one in own {
                assert_eq!(
                    (&one["status"], &one["error"]["kind"]),
                    (&json!("failed"), &json!(kind)),
                    "{action}"
                );
                assert_eq!(one["retryable"], json!(retryable), "{action}");
            }
            let whole = &output["mailboxes"][number];
            assert_eq!(
                (&whole["mailbox"], &whole["failed"]),
                (&json!(address(number)), &json!(2)),
                "{action}"
            );
        }
        let first = world.changed(action);
        // Two mailboxes are healed; the last attempt tells what is left instead of failing.
        break_some(&broken[..2]);
        let output = world.attempt(action, &input, 3).unwrap().output;
        assert_eq!(output["failed"], json!(4), "{action}");
        let healed = if action == "inbox_rule.enable" { 2 } else { 4 };
        if !blocks(action) {
            assert_eq!(world.changed(action) - first, healed, "{action}: nothing was done twice");
            let before = results(&output).iter().filter(|one| one["mailbox"] == address(0));
            assert!(before.into_iter().all(|one| one["already_done"] == json!(true)), "{action}");
        }
        let server = world.behaviour.lock().unwrap();
        assert_eq!((server.most, server.crowded), (8, false), "{action}");
    }
}

#[test]
fn one_inverse_restores_every_mailbox() {
    for action in ACTIONS {
        let world = World::new(22);
        let (before, list) = (world.standing(), world.list(action));
        let outcome = world.attempt(action, &list, 1).unwrap();
        let changed = world.standing();
        assert_ne!(changed, before, "{action}");
        assert_eq!(results(&outcome.output).len(), 44, "{action}");
        assert_eq!(
            (&outcome.output["mailbox"], &outcome.output["failed"]),
            (&json!(null), &json!(0)),
            "{action}"
        );
        let again = world.attempt(action, &list, 2).unwrap();
        assert_eq!(world.standing(), changed, "{action}, repeated");
        let already = |one: &Value| one["status"] == "done" && one["already_done"] == json!(!blocks(action));
        assert!(results(&again.output).iter().all(already), "{action}: {}", again.output);
        assert_eq!(
            again.inverse.is_none(),
            !blocks(action),
            "{action}: what stood so before is not taken back"
        );
        let inverse = outcome.inverse.unwrap();
        assert!(inverse.except.is_empty(), "{action}: {:?}", inverse.except);
        let back = world.attempt(&inverse.action, &inverse.input, 1).unwrap();
        assert_eq!(world.standing(), before, "{action} taken back");
        // And that can be taken back, too.
        let forth = back.inverse.unwrap();
        world.run(&forth.action, &forth.input);
        assert_eq!(world.standing(), changed, "{action} done again");
    }
}

#[test]
fn an_attempt_may_be_cut_off_at_any_change() {
    for action in ACTIONS {
        let whole = World::new(3);
        whole.run(action, &whole.list(action));
        let changes = whole.behaviour.lock().unwrap().changes;
        for (at, after) in (0..changes).flat_map(|at| [(at, false), (at, true)]) {
            let case = format!("{action}, change {at}, made: {after}");
            let world = World::new(3);
            let (before, list) = (world.standing(), world.list(action));
            world.behave(|server| server.dies = Some((at, after)));
            let failure = world.attempt(action, &list, 1).unwrap_err();
            assert_eq!(failure.kind, FailureKind::Unknown, "{case}");
            world.behave(|server| server.dies = None);
            let second = world.attempt(action, &list, 2).unwrap();
            assert_eq!(world.standing(), whole.standing(), "{case}");
            if !blocks(action) {
                assert_eq!(world.changed(action), whole.changed(action), "{case}: nothing was done twice");
            }
            // What a rule was is known even where nobody knew whether it was changed. A rule that is made has no id
            // before it is there, so one that an attempt made and could not look at is not found again.
            if action == "inbox_rule.restore" {
                continue;
            }
            let first: Option<action_api::Inverse> = failure
                .details
                .get("inverse")
                .map(|inverse| serde_json::from_value(inverse.clone()).unwrap());
            for inverse in second.inverse.into_iter().chain(first) {
                world.run(&inverse.action, &inverse.input);
            }
            assert_eq!(world.standing(), before, "{case}, taken back");
        }
    }
}

#[test]
fn a_single_change_that_was_not_answered_can_be_taken_back() {
    for action in ["inbox_rule.disable", "inbox_rule.remove"] {
        for after in [false, true] {
            let world = World::new(1);
            let (before, one) = (world.standing(), world.items(action)[0].clone());
            world.behave(|server| server.dies = Some((0, after)));
            let failure = world.attempt(action, &one, 1).unwrap_err();
            world.behave(|server| server.dies = None);
            let inverse = &failure.details["inverse"];
            world.run(inverse["action"].as_str().unwrap(), &inverse["input"]);
            assert_eq!(world.standing(), before, "{action} {after}");
        }
    }
}

#[test]
fn a_mailbox_that_refuses_is_not_asked_again_for_every_rule() {
    for (kind, requests) in
        [(ErrorKind::Throttled, 1), (ErrorKind::PermissionDenied, 1), (ErrorKind::Invalid, 2)]
    {
        let world = World::new(2);
        let list = world.list("inbox_rule.remove");
        world.behave(|server| server.fixed = [(address(0), kind)].into());
        let failure = world.attempt("inbox_rule.remove", &list, 3).unwrap_err();
        assert_eq!(failure.details["output"]["mailboxes"][0]["failed"], json!(2));
        assert_eq!(world.behaviour.lock().unwrap().changes, requests + 2, "{kind:?}");
        assert_eq!(world.changed("inbox_rule.remove"), 2);
        let inverse = failure.details["inverse"]["input"]["items"].as_array().unwrap().clone();
        assert!(inverse.len() == 2 && inverse.iter().all(|one| one["mailbox"] == address(1)), "{inverse:?}");
    }
}

#[test]
fn the_rules_of_many_mailboxes_are_listed_by_one_call() {
    let world = World::new(24);
    world.organisation.configure(&address(2), "client_rules: true").unwrap();
    world.behave(|server| server.broken = [(address(5), ErrorKind::PermissionDenied)].into());
    let input = json!({ "mailboxes": world.mailboxes() });
    let failure = world.attempt("inbox_rule.list", &input, 3).unwrap_err();
    assert_eq!(failure.kind, FailureKind::PermissionDenied);
    assert!(failure.message.contains("1 of 24 mailboxes") && failure.message.contains("m5@"), "{failure}");
    let mut collecting = input;
    collecting["on_item_error"] = json!("collect");
    let output = world.attempt("inbox_rule.list", &collecting, 1).unwrap().output;
    assert_eq!((output["rules"].as_array().unwrap().len(), &output["failed"]), (92, &json!(1)));
    let order: Vec<&Value> =
        output["mailboxes"].as_array().unwrap().iter().map(|one| &one["mailbox"]).collect();
    assert_eq!(
        order,
        world.mailboxes().iter().map(|one| json!(one)).collect::<Vec<_>>().iter().collect::<Vec<_>>()
    );
    assert_eq!(
        (&output["mailboxes"][5]["status"], &output["mailboxes"][5]["found"]),
        (&json!("failed"), &json!(0))
    );
    let client: Vec<bool> =
        (0..24).map(|number| output["mailboxes"][number]["client_rules"].as_bool().unwrap()).collect();
    assert_eq!((client.iter().filter(|one| **one).count(), client[2]), (1, true));
    assert_eq!(output["client_rules"], json!(true));
    // One mailbox gives the same by either form, in any case.
    let single = world.run("inbox_rule.list", &json!({ "mailbox": address(1) }));
    let listed =
        world.run("inbox_rule.list", &json!({ "mailboxes": [address(1), address(1).to_uppercase()] }));
    assert_eq!(single, listed);
    let server = world.behaviour.lock().unwrap();
    assert_eq!((server.most, server.crowded), (8, false));
}

#[test]
fn rules_that_differ_in_their_place_only_all_come_back() {
    let world = World::new(1);
    let twin = "{ name: twin, priority: PLACE, actions: { delete: true } }";
    let twins: Vec<String> = ["5", "6", "7"].map(|place| twin.replace("PLACE", place)).into();
    world.organisation.configure(&address(0), &format!("rules: [{}]", twins.join(", "))).unwrap();
    let before = world.standing();
    let outcome = world.attempt("inbox_rule.remove", &json!({ "items": world.named("twin") }), 1).unwrap();
    let inverse = outcome.inverse.unwrap();
    let back = world.run(&inverse.action, &inverse.input);
    assert_eq!(world.standing(), before);
    let ids: BTreeSet<&str> = results(&back).iter().map(|one| one["rule_id"].as_str().unwrap()).collect();
    assert_eq!(ids.len(), 3);
    let again = world.attempt(&inverse.action, &inverse.input, 2).unwrap().output;
    assert_eq!((again["created"].clone(), world.standing()), (json!(false), before));
}

#[test]
fn rules_that_only_outlook_knows_stop_their_own_mailbox_only() {
    let world = World::new(3);
    world.organisation.configure(&address(1), "client_rules: true").unwrap();
    let list = world.list("inbox_rule.disable");
    let failure = world.attempt("inbox_rule.disable", &list, 1).unwrap_err();
    assert_eq!((failure.kind, world.changed("inbox_rule.disable")), (FailureKind::Conflict, 4));
    let output = &failure.details["output"];
    assert_eq!(
        (&output["mailboxes"][1]["failed"], &output["mailboxes"][1]["retryable"]),
        (&json!(2), &json!(false))
    );
    let mut losing = list;
    losing["lose_client_rules"] = json!(true);
    let output = world.attempt("inbox_rule.disable", &losing, 2).unwrap().output;
    assert_eq!((&output["failed"], &output["changed"]), (&json!(0), &json!(true)));
}

#[test]
fn what_cannot_be_put_back_is_said_and_one_bad_rule_stops_no_other() {
    let world = World::new(2);
    let odd = "rules: [{name: odd, priority: 0, supported: false, actions: {delete: true}}]";
    world.organisation.configure(&address(1), odd).unwrap();
    let list: Vec<Value> = [world.named("."), world.named("odd")].concat();
    let outcome = world.attempt("inbox_rule.remove", &json!({ "items": list }), 1).unwrap();
    assert_eq!((&outcome.output["complete"], &outcome.output["result"]), (&json!(false), &json!("removed")));
    let inverse = outcome.inverse.unwrap();
    assert_eq!(inverse.input["items"].as_array().unwrap().len(), list.len() - 1);
    assert!(
        matches!(inverse.except.as_slice(), [one] if one.contains("m1@corp.example")),
        "{:?}",
        inverse.except
    );
    let mut rules = world.items("inbox_rule.restore");
    rules[1]["rule"]["actions"][0]["clause"] = json!("burn");
    rules.push(rules[0].clone());
    let collecting = json!({ "items": rules, "on_item_error": "collect" });
    let output = world.run("inbox_rule.restore", &collecting);
    let told: Vec<(&str, &Value)> =
        results(&output).iter().map(|one| (one["name"].as_str().unwrap(), &one["status"])).collect();
    let (done, failed) = (&json!("done"), &json!("failed"));
    assert_eq!(told, [("One", done), ("Two", failed), ("One", done), ("Two", done)], "twice counts once");
    assert!(results(&output)[1]["error"]["message"].as_str().unwrap().contains("`burn`"));
    assert!(results(&output)[0]["rule_id"].is_string());
}

#[test]
fn exactly_one_form_may_be_given() {
    let world = World::new(2);
    let before = world.organisation.snapshot();
    for action in ACTIONS.into_iter().chain(["sender.unblock"]) {
        let items = world.items(action);
        let single = items[0].clone();
        let with = |base: &Value, name: &str, value: Value| {
            let mut input = base.clone();
            input[name] = value;
            input
        };
        for wrong in [
            with(&single, "items", json!(items)),
            with(&json!({ "items": items }), "mailbox", json!(address(0))),
            with(&single, "on_item_error", json!("collect")),
            json!({ "mailbox": address(0) }),
            json!({}),
            json!({ "items": [] }),
            json!({ "items": null }),
        ] {
            let failure = world.attempt(action, &wrong, 1).unwrap_err();
            assert_eq!(failure.kind, FailureKind::Invalid, "{action} {wrong}");
        }
    }
    for wrong in
        [json!({ "mailboxes": [] }), json!({ "mailbox": address(0), "mailboxes": [address(1)] }), json!({})]
    {
        assert_eq!(
            world.attempt("inbox_rule.list", &wrong, 1).unwrap_err().kind,
            FailureKind::Invalid,
            "{wrong}"
        );
    }
    assert_eq!(world.organisation.snapshot(), before);
}

#[test]
fn limits_see_every_mailbox_of_a_list() {
    let world = World::new(21);
    let specs = world.source.specs();
    for action in ACTIONS.into_iter().chain(["sender.unblock"]) {
        let spec = specs.iter().find(|spec| spec.name == action).unwrap();
        let input = world.list(action);
        assert_eq!(spec.items_of(&input), 42, "{action}");
        let each: BTreeSet<(String, u64)> = spec.mailboxes_of(&input).each.into_iter().collect();
        assert_eq!(each, (0..21).map(|number| (address(number), 2)).collect(), "{action}");
        assert_eq!(spec.deletes(), action == "inbox_rule.remove", "{action}");
    }
}

#[test]
fn a_list_does_what_single_calls_do_however_it_is_split() {
    let config = Config { cases: 32, failure_persistence: None, ..Config::default() };
    let chosen = (
        prop::sample::select(ACTIONS.to_vec()),
        1usize..9,
        prop::collection::vec(any::<prop::sample::Index>(), 1..12),
        any::<bool>(),
    );
    TestRunner::new(config)
        .run(&chosen, |(action, mailboxes, picks, shout)| {
            let (listed, one_by_one) = (World::new(mailboxes), World::new(mailboxes));
            let mut seen = BTreeSet::new();
            let mut places: Vec<usize> = picks.iter().map(|pick| pick.index(mailboxes * 2)).collect();
            places.retain(|place| seen.insert(*place));
            let of = |world: &World| -> Vec<Value> {
                let all = world.items(action);
                places.iter().map(|place| all[*place].clone()).collect()
            };
            let mut items = of(&listed);
            if shout {
                // The same mailbox in other letters is the same mailbox.
                for one in items.iter_mut().step_by(2) {
                    one["mailbox"] = json!(one["mailbox"].as_str().unwrap().to_uppercase());
                }
            }
            let output = listed.run(action, &json!({ "items": items }));
            prop_assert_eq!(results(&output).len(), items.len());
            for one in of(&one_by_one) {
                one_by_one.run(action, &one);
            }
            prop_assert_eq!(listed.standing(), one_by_one.standing());
            Ok(())
        })
        .unwrap();
}
