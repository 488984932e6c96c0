//! Groups, contacts and mailboxes: what the actions promise beyond the battery.

use action_api::plan::FailureKind;
use exchange::{FolderRef, WellKnownFolder};
use serde_json::{Value, json};

use crate::bench::Bench;

const ALICE: &str = "alice@corp.example";
const SOC: &str = "soc@corp.example";

fn run(bench: &Bench, action: &str, input: Value) -> Value {
    bench.run(action, &input).unwrap().output
}

fn texts(list: &Value, name: &str) -> Vec<String> {
    list.as_array().unwrap().iter().map(|one| one[name].as_str().unwrap().to_owned()).collect()
}

/// Groups that hold each other, with somebody at every level.
fn tangled() -> Bench {
    let bench = Bench::new();
    bench.organisation.add_group(
        "top@corp.example",
        "Top",
        &[ALICE, "left@corp.example", "right@corp.example"],
    );
    bench.organisation.add_group(
        "left@corp.example",
        "Left",
        &["right@corp.example", "outside@partner.test"],
    );
    bench.organisation.add_group("right@corp.example", "Right", &["left@corp.example", SOC, ALICE]);
    bench
}

#[test]
fn a_group_is_expanded_level_by_level_and_circles_are_told() {
    let bench = tangled();
    let input = json!({ "mailbox": SOC, "group": "top@corp.example" });
    let flat = run(&bench, "directory.expand_group", input.clone());
    assert_eq!(texts(&flat["members"], "address"), [ALICE, "left@corp.example", "right@corp.example"]);
    assert_eq!((&flat["groups"], &flat["cycles"]), (&json!([]), &json!([])));

    let mut deep = input;
    deep["recursive"] = json!(true);
    let all = run(&bench, "directory.expand_group", deep.clone());
    assert_eq!(texts(&all["members"], "address"), [ALICE, "outside@partner.test", SOC]);
    let depths: Vec<u64> =
        all["members"].as_array().unwrap().iter().map(|one| one["depth"].as_u64().unwrap()).collect();
    assert_eq!(depths, [1, 2, 2]);
    assert_eq!(texts(&all["groups"], "address"), ["left@corp.example", "right@corp.example"]);
    assert!(all["groups"].as_array().unwrap().iter().all(|group| group["expanded"] == json!(true)));
    assert_eq!(all["cycles"], json!(["left@corp.example", "right@corp.example"]));
    assert_eq!(all["truncated"], json!(false));

    deep["limit"] = json!(2);
    let some = run(&bench, "directory.expand_group", deep);
    assert_eq!((texts(&some["members"], "address").len(), &some["truncated"]), (2, &json!(true)));
    let nobody = json!({ "mailbox": SOC, "group": "nobody@corp.example" });
    assert_eq!(bench.run("directory.expand_group", &nobody).unwrap_err().kind, FailureKind::NotFound);
}

#[test]
fn contacts_come_page_by_page() {
    let bench = Bench::new();
    bench.organisation.add_contact(ALICE, "Dave", "dave@partner.test", "+1 555 0101").unwrap();
    let all = run(&bench, "contact.list", json!({ "mailbox": ALICE }));
    assert_eq!((&all["total"], &all["next_offset"]), (&json!(2), &json!(null)));
    let mut names = texts(&all["contacts"], "display_name");
    names.sort();
    assert_eq!(names, ["Carol", "Dave"]);
    let page =
        |offset: u32| run(&bench, "contact.list", json!({ "mailbox": ALICE, "limit": 1, "offset": offset }));
    let (first, second) = (page(0), page(1));
    assert_eq!((&first["next_offset"], &second["next_offset"]), (&json!(1), &json!(null)));
    assert_ne!(first["contacts"][0]["item_id"], second["contacts"][0]["item_id"]);
    let dave = all["contacts"].as_array().unwrap().iter().find(|one| one["display_name"] == "Dave").unwrap();
    assert_eq!(dave["emails"], json!([{ "name": null, "address": "dave@partner.test" }]));
    assert_eq!(dave["phones"], json!([{ "label": "mobile", "number": "+1 555 0101" }]));
    let none = run(&bench, "contact.list", json!({ "mailbox": SOC }));
    assert_eq!((&none["contacts"], &none["total"]), (&json!([]), &json!(0)));
}

#[test]
fn mailboxes_are_listed_and_groups_stand_for_their_members_if_asked() {
    let bench = Bench::new();
    let list = |input: Value| texts(&run(&bench, "mailbox.list_searchable", input)["mailboxes"], "address");
    assert_eq!(list(json!({ "mailbox": SOC })), [ALICE, SOC, "all@corp.example"]);
    assert_eq!(list(json!({ "mailbox": SOC, "filter": "al*" })), [ALICE, "all@corp.example"]);
    assert_eq!(
        list(json!({ "mailbox": SOC, "filter": "all@corp.example", "expand_groups": true })),
        [ALICE, SOC]
    );
    for filter in [json!({}), json!({ "filter": "a*" })] {
        let mut input = filter;
        input["mailbox"] = json!(SOC);
        input["expand_groups"] = json!(true);
        assert_eq!(bench.run("mailbox.list_searchable", &input).unwrap_err().kind, FailureKind::Invalid);
    }
}

#[test]
fn many_mailboxes_are_searched_and_one_that_fails_hides_no_other() {
    let bench = tangled();
    let inbox = FolderRef::WellKnown(WellKnownFolder::Inbox);
    let copy = "From: billing@evil.test\r\nSubject: Overdue invoice\r\n\r\nPay.\r\n";
    bench.organisation.deliver(SOC, &inbox, copy).unwrap();
    let query = json!({ "subject": "Overdue invoice" });
    let of_group = json!({ "mailbox": SOC, "group": "top@corp.example", "query": query });
    let found = run(&bench, "mail.search_mailboxes", of_group);
    assert_eq!((&found["total"], &found["failed"]), (&json!(2), &json!(0)));
    assert_eq!(texts(&found["messages"], "mailbox"), [ALICE, SOC]);
    assert_eq!(found["left_out"], json!(["outside@partner.test"]));

    let list =
        json!({ "mailboxes": [ALICE, "gone@corp.example", SOC, "ALICE@corp.example"], "query": query });
    let found = bench.attempt("mail.search_mailboxes", &list, 3).unwrap().output;
    assert_eq!((&found["total"], &found["failed"]), (&json!(2), &json!(1)));
    assert_eq!(texts(&found["mailboxes"], "status"), ["done", "failed", "done"]);
    assert_eq!(found["mailboxes"][1]["error"]["kind"], json!("not_found"));
    let mut strict = list;
    strict["on_item_error"] = json!("fail");
    let failure = bench.attempt("mail.search_mailboxes", &strict, 3).unwrap_err();
    assert!(failure.message.contains("gone@corp.example"), "{}", failure.message);

    for input in
        [json!({ "query": query }), json!({ "group": "top@corp.example" }), json!({ "mailbox": SOC })]
    {
        assert_eq!(
            bench.run("mail.search_mailboxes", &input).unwrap_err().kind,
            FailureKind::Invalid,
            "{input}"
        );
    }
}
