//! Copies, changes and moves to another mailbox, of many mailboxes at once: every message is told, a failing mailbox
//! hides no other, and wherever it is cut off a repeat ends as if it had not been, and what is told to be taken back is.

use std::io::Write;
use std::sync::Arc;

use action_api::plan::FailureKind;
use action_api::{ActionSource, Probe};
use exchange::port::{Copies, PerItem, Properties, Transfer, Work};
use exchange::{
    Content, ErrorKind, FolderRef, ItemProperties, ItemRef, Mailbox, Ports, PropertyChange, WellKnownFolder,
};
use exchange_sim::EffectKind;
use serde_json::{Value, json};

use crate::world::{Death, Watched, World, address};

impl Copies for Watched {
    fn copy_to<'a>(
        &'a self,
        mailbox: &'a Mailbox,
        items: &'a [ItemRef],
        folder: &'a FolderRef,
    ) -> Work<'a, PerItem<ItemRef>> {
        Box::pin(self.pass(mailbox, self.inner.copies.as_deref().unwrap().copy_to(mailbox, items, folder)))
    }
}

impl Transfer for Watched {
    fn export<'a>(
        &'a self,
        mailbox: &'a Mailbox,
        item: &'a ItemRef,
        out: &'a mut (dyn Write + Send),
    ) -> Work<'a, u64> {
        Box::pin(self.pass(mailbox, self.inner.transfer.as_deref().unwrap().export(mailbox, item, out)))
    }

    fn import<'a>(
        &'a self,
        mailbox: &'a Mailbox,
        folder: &'a FolderRef,
        content: Arc<dyn Content>,
        size: u64,
    ) -> Work<'a, ItemRef> {
        let inner = self.inner.transfer.as_deref().unwrap();
        Box::pin(self.pass(mailbox, inner.import(mailbox, folder, content, size)))
    }
}

impl Properties for Watched {
    fn properties<'a>(
        &'a self,
        mailbox: &'a Mailbox,
        items: &'a [ItemRef],
    ) -> Work<'a, PerItem<ItemProperties>> {
        let inner = self.inner.properties.as_deref().unwrap();
        Box::pin(self.pass(mailbox, inner.properties(mailbox, items)))
    }

    fn change<'a>(
        &'a self,
        mailbox: &'a Mailbox,
        item: &'a ItemRef,
        change: &'a PropertyChange,
    ) -> Work<'a, ItemRef> {
        Box::pin(self.pass(mailbox, self.inner.properties.as_deref().unwrap().change(mailbox, item, change)))
    }
}

const SOC: &str = "soc@corp.example";
const COPY: &str = "mail.copy";
const UPDATE: &str = "mail.update";
const OVER: &str = "mail.move_between_mailboxes";

/// The world with a mailbox more, to which messages can be moved.
fn world(mailboxes: usize, each: usize) -> World {
    let world = World::new(mailboxes, each);
    world.organisation.add_mailbox(SOC);
    world
}

/// Mailboxes that all received the same mail, in the same second.
fn campaign(mailboxes: usize) -> World {
    let mut world = world(mailboxes, 0);
    let mail = "From: eve@evil.test\r\nDate: Fri, 20 Nov 2026 07:00:00 +0000\r\nSubject: Win\r\n\
                Message-ID: <campaign@evil.test>\r\n\r\nClick.\r\n";
    let inbox = FolderRef::WellKnown(WellKnownFolder::Inbox);
    for number in 0..mailboxes {
        let item = world.organisation.deliver(&address(number), &inbox, mail).unwrap();
        world.items.push((address(number), item, "<campaign@evil.test>".to_owned()));
    }
    world
}

/// What each of the three does to all messages of a world.
fn input(action: &str, world: &World) -> Value {
    match action {
        COPY => json!({ "items": world.list(), "folder": "drafts" }),
        UPDATE => json!({ "items": world.list(), "flag": "flagged", "categories": { "add": ["Red"] } }),
        _ => json!({ "items": world.marked_list(), "destination_mailbox": SOC }),
    }
}

/// What marks a message, and what it is.
const PARTS: [&str; 8] =
    ["message_id", "sha256", "is_read", "categories", "flag", "importance", "subject", "received"];

/// Every message with the place it is at, leaving out what can be recovered: all that was deleted stays there.
fn mails(world: &World) -> Vec<String> {
    standing(world, &PARTS)
}

/// The same, to be compared with another world, which received its mail at another time.
fn timeless(world: &World) -> Vec<String> {
    standing(world, &PARTS[..7])
}

fn standing(world: &World, parts: &[&str]) -> Vec<String> {
    let all: Value = serde_json::from_str(&world.organisation.snapshot()).unwrap();
    let mut found = Vec::new();
    for mailbox in all.as_array().unwrap() {
        for folder in mailbox["folders"].as_array().unwrap() {
            let path = folder["path"].as_str().unwrap();
            for item in folder["items"].as_array().unwrap().iter().filter(|_| !path.ends_with("Deletions")) {
                let parts: Vec<String> = parts.iter().map(|part| item[part].to_string()).collect();
                found.push(format!("{} {path} {}", mailbox["address"], parts.join(" ")));
            }
        }
    }
    found.sort();
    found
}

fn results(output: &Value) -> Vec<Value> {
    output["results"].as_array().unwrap().clone()
}

#[test]
fn one_inverse_restores_every_mailbox() {
    for action in [COPY, UPDATE, OVER] {
        let world = world(20, 2);
        let before = mails(&world);
        let input = input(action, &world);
        let outcome = world.attempt(action, &input, 1).unwrap();
        let changed = mails(&world);
        assert_ne!(changed, before, "{action}");
        assert_eq!(results(&outcome.output).len(), 40, "{action}");
        assert_eq!((&outcome.output["mailbox"], &outcome.output["failed"]), (&json!(null), &json!(0)));
        let again = world.attempt(action, &input, 2).unwrap();
        assert_eq!(mails(&world), changed, "{action}, repeated");
        let done = |one: &Value| one["status"] == "done" && one["already_done"] == json!(true);
        assert!(results(&again.output).iter().all(done), "{action}: {}", again.output);
        assert!(again.inverse.is_none(), "{action}: what was so before is not taken back");
        let inverse = outcome.inverse.unwrap();
        assert!(inverse.except.is_empty(), "{action}: {:?}", inverse.except);
        let (_, crowded) = world.watched();
        assert_eq!(crowded, None, "{action}");
        world.run(&inverse.action, &inverse.input);
        assert_eq!(mails(&world), before, "{action} taken back");
        assert_eq!(world.watched().1, None, "{action} taken back");
    }
}

const BROKEN: [(usize, ErrorKind); 4] = [
    (2, ErrorKind::NotFound),
    (9, ErrorKind::PermissionDenied),
    (17, ErrorKind::Throttled),
    (23, ErrorKind::Transient),
];

#[test]
fn of_many_mailboxes_the_failing_ones_hide_no_other() {
    for action in [COPY, UPDATE, OVER] {
        let world = world(24, 2);
        let before = mails(&world);
        let input = input(action, &world);
        world.fail(&BROKEN);
        let failure = world.attempt(action, &input, 1).unwrap_err();
        assert_eq!(failure.kind, FailureKind::Throttled, "{action}");
        for part in ["8 of 48 messages", "in 4 of 24 mailboxes"] {
            assert!(failure.message.contains(part), "{action}: {}", failure.message);
        }
        let output = &failure.details["output"];
        let told: Vec<(Value, Value)> =
            results(output).iter().map(|one| (one["mailbox"].clone(), one["item_id"].clone())).collect();
        let asked: Vec<(Value, Value)> =
            world.items.iter().map(|(mailbox, item, _)| (json!(mailbox), json!(item))).collect();
        assert_eq!(told, asked, "{action}: in the order of the list");
        for one in results(output) {
            let broken = BROKEN.iter().find(|(number, _)| one["mailbox"] == json!(address(*number)));
            let Some((_, kind)) = broken else {
                assert_eq!(
                    (&one["status"], &one["error"]),
                    (&json!("done"), &json!(null)),
                    "{action}: {one}"
                );
                continue;
            };
            let retryable = matches!(kind, ErrorKind::Throttled | ErrorKind::Transient);
            assert_eq!(
                (&one["status"], &one["retryable"]),
                (&json!("failed"), &json!(retryable)),
                "{action}: {one}"
            );
        }
        for (number, _) in BROKEN {
            let whole = &output["mailboxes"][number];
            assert_eq!(
                (&whole["mailbox"], &whole["failed"]),
                (&json!(address(number)), &json!(2)),
                "{action}"
            );
        }
        let first = failure.details["inverse"].clone();
        // Two are healed; the last attempt tells what is left instead of failing.
        world.fail(&BROKEN[..2]);
        let mut collecting = input.clone();
        collecting["on_item_error"] = json!("collect");
        let last = world.attempt(action, &collecting, 3).unwrap();
        assert_eq!(last.output["failed"], json!(4), "{action}");
        let already = results(&last.output).iter().filter(|one| one["already_done"] == json!(true)).count();
        assert_eq!(already, 40, "{action}");
        world.fail(&[]);
        let second = last.inverse.unwrap();
        world.run(&second.action, &second.input);
        world.run(first["action"].as_str().unwrap(), &first["input"]);
        assert_eq!(mails(&world), before, "{action}: both attempts taken back");
    }
}

#[test]
fn a_list_is_finished_wherever_it_was_cut_off() {
    for action in [COPY, UPDATE, OVER] {
        let undisturbed = world(3, 2);
        undisturbed.run(action, &input(action, &undisturbed));
        let wanted = timeless(&undisturbed);
        for after in [false, true] {
            for at in 0.. {
                let world = world(3, 2);
                let before = mails(&world);
                let input = input(action, &world);
                world.die(Some(Death { at, after }));
                let first = world.attempt(action, &input, 1);
                let cut = first.is_err();
                world.die(None);
                let place = format!("{action}, cut off at request {at}, after: {after}");
                let mut takes_back = match first {
                    Ok(outcome) => vec![outcome.inverse],
                    Err(failure) => {
                        assert_eq!(failure.kind, FailureKind::Unknown, "{place}");
                        let inverse = &failure.details["inverse"];
                        vec![serde_json::from_value(inverse.clone()).unwrap()]
                    }
                };
                if cut {
                    let done = match action {
                        UPDATE => Probe::NotDone,
                        _ => world.probe(action, &input),
                    };
                    let output = match done {
                        Probe::NotDone => {
                            let second =
                                world.attempt(action, &input, 2).unwrap_or_else(|f| panic!("{place}: {f}"));
                            takes_back.push(second.inverse);
                            second.output
                        }
                        Probe::Done(outcome) => outcome.output,
                        other => panic!("{place}: {other:?}"),
                    };
                    assert_eq!(results(&output).len(), 6, "{place}");
                    assert!(results(&output).iter().all(|one| one["status"] == "done"), "{place}: {output}");
                }
                assert_eq!(timeless(&world), wanted, "{place}");
                let kind = if action == COPY { EffectKind::Copied } else { EffectKind::Deleted };
                if action != UPDATE {
                    assert_eq!(world.count(kind), 6, "{place}: each once");
                }
                // What is told to be taken back is: all but what nobody knows of.
                for inverse in takes_back.into_iter().rev().flatten() {
                    world.run(&inverse.action, &inverse.input);
                }
                let left = mails(&world);
                let differ = left.iter().filter(|one| !before.contains(one)).count();
                let lost = before.iter().filter(|one| !left.contains(one)).count();
                assert!(differ <= 2 && lost <= 1, "{place}: {differ} {lost}");
                if !after || !cut {
                    assert_eq!(left, before, "{place}");
                }
                if !cut {
                    break;
                }
            }
        }
    }
}

#[test]
fn a_mail_that_went_to_everybody_is_moved_from_everybody() {
    for after in [false, true] {
        for at in 0.. {
            let world = campaign(5);
            let before = mails(&world);
            let input = input(OVER, &world);
            world.die(Some(Death { at, after }));
            let first = world.attempt(OVER, &input, 1);
            world.die(None);
            let place = format!("cut off at request {at}, after: {after}");
            match &first {
                Ok(outcome) => {
                    let inverse = outcome.inverse.as_ref().unwrap();
                    world.run(&inverse.action, &inverse.input);
                    assert_eq!(mails(&world), before, "taken back");
                    break;
                }
                Err(_) if world.probe(OVER, &input) == Probe::NotDone => {
                    world.attempt(OVER, &input, 2).unwrap_or_else(|failure| panic!("{place}: {failure}"));
                }
                Err(_) => {}
            }
            let left = mails(&world);
            assert_eq!(left.len(), 5, "{place}: {left:?}");
            assert!(left.iter().all(|one| one.contains(SOC)), "{place}: {left:?}");
        }
    }
}

#[test]
fn copies_of_the_same_mail_to_the_same_folder_are_one() {
    let world = world(1, 1);
    let junk = FolderRef::WellKnown(WellKnownFolder::JunkEmail);
    let mail = format!("From: eve@evil.test\r\nMessage-ID: {}\r\n\r\nClick.\r\n", world.items[0].2);
    let same = world.organisation.deliver(&address(0), &junk, mail).unwrap();
    let items = json!([
        { "mailbox": address(0), "item_id": world.items[0].1 },
        { "mailbox": address(0).to_uppercase(), "item_id": same },
        { "mailbox": address(0), "item_id": world.items[0].1, "folder": "junkemail" }
    ]);
    let outcome = world.attempt(COPY, &json!({ "items": items, "folder": "drafts" }), 1).unwrap();
    let all = results(&outcome.output);
    assert_eq!(all.len(), 2, "an id twice counts once");
    assert_eq!((&all[0]["already_done"], &all[1]["already_done"]), (&json!(false), &json!(true)));
    assert_eq!(all[0]["new_item_id"], all[1]["new_item_id"]);
    assert_eq!(outcome.inverse.unwrap().input["items"].as_array().unwrap().len(), 1);
    assert_eq!(world.count(EffectKind::Copied), 1);
}

#[test]
fn a_list_may_name_what_is_done_to_each() {
    let world = world(3, 1);
    let mut items = world.marked_list();
    items[0]["folder"] = json!("deleteditems");
    items[1]["destination_mailbox"] = json!(address(2));
    items.truncate(2);
    world.run(OVER, &json!({ "items": items, "destination_mailbox": SOC, "folder": "junkemail" }));
    let standing = mails(&world).join("\n");
    for part in [
        "soc@corp.example\" root/Top of Information Store/Deleted",
        "m2@corp.example\" root/Top of Information Store/Junk",
    ] {
        assert!(standing.contains(part), "{standing}");
    }
    let mut items = world.list();
    items[2]["categories"] = json!({ "set": ["Blue"] });
    items[2]["importance"] = json!("high");
    let input = json!({ "items": [items[2]], "categories": { "add": ["Red"] }, "flag": "flagged" });
    let now = &results(&world.run(UPDATE, &input))[0]["now"];
    let wanted =
        json!({ "categories": ["Blue"], "flag": "flagged", "importance": "high", "subject": "Win 0" });
    assert_eq!(*now, wanted);
}

#[test]
fn a_list_that_says_too_little_or_goes_nowhere_is_refused_as_a_whole() {
    let world = world(2, 1);
    let before = world.organisation.snapshot();
    let with = |field: &str, value: Value| {
        let mut items = world.list();
        items[0][field] = value;
        items
    };
    for (action, wrong, words) in [
        (OVER, json!({ "items": world.list() }), "names no mailbox to go to"),
        (
            OVER,
            json!({ "items": with("destination_mailbox", json!(SOC)) }),
            "of m1@corp.example names no mailbox",
        ),
        (OVER, json!({ "items": world.list(), "destination_mailbox": "M1@corp.example" }), "the same"),
        (UPDATE, json!({ "items": world.list() }), "nothing to change"),
        (UPDATE, json!({ "items": with("flag", json!("flagged")) }), "of m1@corp.example"),
        (
            UPDATE,
            json!({ "items": with("categories", json!({ "add": ["a"], "remove": ["A"] })), "flag": "flagged" }),
            "both in `add` and in `remove`",
        ),
    ] {
        let failure = world.attempt(action, &wrong, 1).unwrap_err();
        assert_eq!(failure.kind, FailureKind::Invalid, "{action} {wrong}");
        assert!(failure.message.contains(words), "{action}: {}", failure.message);
    }
    assert_eq!(world.organisation.snapshot(), before);
}

#[test]
fn what_limits_count_sees_every_mailbox_of_a_list_and_of_its_inverse() {
    let specs = portcullis_actions::exchange(|_| Ok(Ports::default())).specs();
    for action in [COPY, UPDATE, OVER] {
        let world = world(3, 2);
        let input = input(action, &world);
        let spec = specs.iter().find(|spec| spec.name == action).unwrap();
        let each = |action: &str, input: &Value| {
            let spec = specs.iter().find(|spec| spec.name == action).unwrap();
            let mut each = spec.mailboxes_of(input).each;
            each.sort();
            each
        };
        assert_eq!(spec.items_of(&input), 6, "{action}");
        let mut wanted: Vec<(String, u64)> = (0..3).map(|number| (address(number), 2)).collect();
        wanted.extend((action == OVER).then(|| (SOC.to_owned(), 6)));
        assert_eq!(each(action, &input), wanted, "{action}");
        let inverse = world.attempt(action, &input, 1).unwrap().inverse.unwrap();
        assert_eq!(each(&inverse.action, &inverse.input), wanted, "{action} taken back");
    }
}

#[test]
fn what_no_input_can_say_is_not_promised_back() {
    let world = world(1, 1);
    let drafts = FolderRef::WellKnown(WellKnownFolder::Drafts);
    let mail = format!("To: bob@corp.example\r\nSubject: {}\r\n\r\nx\r\n", "long-".repeat(60));
    let draft = world.organisation.deliver(&address(0), &drafts, mail).unwrap();
    let items = json!([
        { "mailbox": address(0), "item_id": draft, "subject": "Short" },
        { "mailbox": address(0), "item_id": world.items[0].1, "flag": "flagged" }
    ]);
    let inverse = world.attempt(UPDATE, &json!({ "items": items }), 1).unwrap().inverse.unwrap();
    assert_eq!(inverse.input["items"].as_array().unwrap().len(), 1);
    assert!(inverse.except.len() == 1 && inverse.except[0].contains(&draft), "{:?}", inverse.except);
    let back = world.run(&inverse.action, &inverse.input);
    assert_eq!(results(&back)[0]["now"]["flag"], json!("not_flagged"));
}

#[test]
fn what_only_one_form_gives_can_be_told_from_nothing() {
    for spec in portcullis_actions::exchange(|_| Ok(Ports::default())).specs() {
        let properties = spec.output["properties"].as_object().unwrap();
        for (name, property) in properties.iter().filter(|(_, property)| property["x-given"].is_string()) {
            let says_null = ["type", "enum", "anyOf"].into_iter().any(|word| {
                let kinds = property[word].as_array().cloned().unwrap_or_default();
                [json!("null"), json!(null), json!({ "type": "null" })]
                    .iter()
                    .any(|null| kinds.contains(null))
            });
            assert!(says_null, "{} {name}", spec.name);
        }
    }
}
