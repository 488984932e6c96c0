//! Copies, moves to another mailbox, and where a mailbox is: nothing is lost and nothing is doubled, wherever it stops.

use std::io::Write;
use std::sync::Arc;

use action_api::Probe;
use action_api::plan::FailureKind;
use exchange::port::{Delete, PerItem, Transfer, Work};
use exchange::{Content, DeleteMode, Error, ErrorKind, FolderRef, ItemRef, Mailbox, Ports, WellKnownFolder};
use exchange_sim::EffectKind;
use serde_json::{Value, json};

use crate::bench::Bench;

const ID: &str = "AAMkAGExamplePhish=";
const MESSAGE_ID: &str = "<overdue-1@evil.test>";

fn over() -> Value {
    json!({
        "mailbox": "alice@corp.example", "item_id": ID, "destination_mailbox": "soc@corp.example",
        "folder": "inbox", "internet_message_id": MESSAGE_ID
    })
}

const MOVE: &str = "mail.move_between_mailboxes";

/// The paths of the folders of a mailbox that hold the message, once for each time they do.
fn places(bench: &Bench, mailbox: &str) -> Vec<String> {
    let all: Value = serde_json::from_str(&bench.organisation.snapshot()).unwrap();
    let found = all.as_array().unwrap().iter().find(|found| found["address"] == mailbox).unwrap();
    let mut places = Vec::new();
    for folder in found["folders"].as_array().unwrap() {
        let name = folder["path"].as_str().unwrap().rsplit('/').next().unwrap();
        let items = folder["items"].as_array().unwrap().iter();
        let here = items.filter(|item| item["message_id"] == MESSAGE_ID);
        places.extend(here.map(|_| name.to_owned()));
    }
    places
}

/// Where in the saga it stops.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Stop {
    AfterExport,
    InImport,
    AfterImport,
    BeforeDelete,
    AfterDelete,
}

/// Ports of a process that is gone at some point: what it asked for is done or not, and nobody hears the answer.
struct Stopping {
    transfer: Arc<dyn Transfer>,
    delete: Arc<dyn Delete>,
    at: Stop,
}

fn lost<T>() -> Result<T, Error> {
    Err(Error::new(ErrorKind::Unknown, "the process was stopped here"))
}

impl Transfer for Stopping {
    fn export<'a>(
        &'a self,
        mailbox: &'a Mailbox,
        item: &'a ItemRef,
        out: &'a mut (dyn Write + Send),
    ) -> Work<'a, u64> {
        Box::pin(async move {
            let done = self.transfer.export(mailbox, item, out).await;
            if self.at == Stop::AfterExport { lost() } else { done }
        })
    }

    fn import<'a>(
        &'a self,
        mailbox: &'a Mailbox,
        folder: &'a FolderRef,
        content: Arc<dyn Content>,
        size: u64,
    ) -> Work<'a, ItemRef> {
        Box::pin(async move {
            if self.at == Stop::InImport {
                return lost();
            }
            let done = self.transfer.import(mailbox, folder, content, size).await;
            if self.at == Stop::AfterImport { lost() } else { done }
        })
    }
}

impl Delete for Stopping {
    fn delete<'a>(
        &'a self,
        mailbox: &'a Mailbox,
        items: &'a [ItemRef],
        mode: DeleteMode,
    ) -> Work<'a, PerItem<()>> {
        Box::pin(async move {
            if self.at == Stop::BeforeDelete {
                return lost();
            }
            let done = self.delete.delete(mailbox, items, mode).await;
            if self.at == Stop::AfterDelete { lost() } else { done }
        })
    }
}

fn stopping(at: Stop) -> Bench {
    Bench::over(|ports| {
        let stopping = Arc::new(Stopping {
            transfer: ports.transfer.clone().unwrap(),
            delete: ports.delete.clone().unwrap(),
            at,
        });
        Ports { transfer: Some(stopping.clone()), delete: Some(stopping), ..ports }
    })
}

#[test]
fn a_move_to_another_mailbox_is_finished_wherever_it_was_stopped() {
    for at in [Stop::AfterExport, Stop::InImport, Stop::AfterImport, Stop::BeforeDelete, Stop::AfterDelete] {
        let bench = stopping(at);
        let failure = bench.run(MOVE, &over()).unwrap_err();
        assert_eq!(failure.kind, FailureKind::Unknown, "{at:?}");
        // At no point is the message nowhere.
        let (here, there) = (places(&bench, "alice@corp.example"), places(&bench, "soc@corp.example"));
        assert!(here.contains(&"Inbox".to_owned()) || there == ["Inbox"], "{at:?}: {here:?} {there:?}");
        let bench = bench.restarted();
        let probe = bench.probe(MOVE, &over()).unwrap();
        let output = match (at, probe) {
            (Stop::AfterDelete, Probe::Done(outcome)) => outcome.output,
            (Stop::AfterDelete, other) => panic!("{other:?}"),
            (_, Probe::NotDone) => bench.attempt(MOVE, &over(), 2).unwrap().output,
            (at, other) => panic!("{at:?}: {other:?}"),
        };
        assert_eq!(places(&bench, "alice@corp.example"), ["Deletions"], "{at:?}");
        assert_eq!(places(&bench, "soc@corp.example"), ["Inbox"], "{at:?}");
        assert_eq!(output["internet_message_id"], json!(MESSAGE_ID));
        assert_eq!(bench.count(EffectKind::Deleted), 1, "{at:?}");
    }
}

#[test]
fn a_move_to_another_mailbox_is_taken_back_by_the_same_action() {
    let bench = Bench::new();
    let outcome = bench.run(MOVE, &over()).unwrap();
    let inverse = outcome.inverse.unwrap();
    assert_eq!(inverse.action, MOVE);
    bench.run(&inverse.action, &inverse.input).unwrap();
    assert_eq!(places(&bench, "soc@corp.example"), ["Deletions"]);
    let mut here = places(&bench, "alice@corp.example");
    here.sort();
    assert_eq!(here, ["Deletions", "Inbox"]);
}

#[test]
fn the_same_mail_that_was_sent_to_both_is_not_taken_for_a_copy() {
    let bench = Bench::new();
    // The same Message-ID, without what is attached to the one that is moved.
    let other = format!("From: billing@evil.test\r\nMessage-ID: {MESSAGE_ID}\r\n\r\nPay now.\r\n");
    let inbox = FolderRef::WellKnown(WellKnownFolder::Inbox);
    let own = bench.organisation.deliver("soc@corp.example", &inbox, other).unwrap();
    let moved = bench.run(MOVE, &over()).unwrap().output;
    assert_ne!(moved["new_item_id"], json!(own));
    assert_eq!(places(&bench, "soc@corp.example"), ["Inbox", "Inbox"]);
    assert_eq!(places(&bench, "alice@corp.example"), ["Deletions"]);
}

/// Puts something else into the destination than was exported.
struct Swapping(Arc<dyn Transfer>);

impl Transfer for Swapping {
    fn export<'a>(
        &'a self,
        mailbox: &'a Mailbox,
        item: &'a ItemRef,
        out: &'a mut (dyn Write + Send),
    ) -> Work<'a, u64> {
        self.0.export(mailbox, item, out)
    }

    fn import<'a>(
        &'a self,
        mailbox: &'a Mailbox,
        folder: &'a FolderRef,
        content: Arc<dyn Content>,
        _: u64,
    ) -> Work<'a, ItemRef> {
        Box::pin(async move {
            let mut bytes = Vec::new();
            std::io::Read::read_to_end(&mut content.open().unwrap(), &mut bytes).unwrap();
            let at = bytes.windows(9).position(|part| part == b"overdue-1").unwrap();
            bytes[at] = b'O';
            let size = bytes.len() as u64;
            self.0.import(mailbox, folder, Arc::new(bytes), size).await
        })
    }
}

#[test]
fn what_did_not_arrive_as_it_was_is_not_deleted() {
    let bench = Bench::over(|ports| {
        let swapping = Arc::new(Swapping(ports.transfer.clone().unwrap()));
        Ports { transfer: Some(swapping), ..ports }
    });
    let failure = bench.run(MOVE, &over()).unwrap_err();
    assert_eq!(failure.kind, FailureKind::Conflict);
    assert!(failure.message.contains("nothing was deleted"), "{}", failure.message);
    assert!(failure.details["new_item_id"].is_string());
    assert_eq!(places(&bench, "alice@corp.example"), ["Inbox"]);
    assert_eq!(bench.count(EffectKind::Deleted), 0);
}

/// A server that deletes, or does not, and says nothing.
struct Silent {
    delete: Arc<dyn Delete>,
    deletes: bool,
}

impl Delete for Silent {
    fn delete<'a>(
        &'a self,
        mailbox: &'a Mailbox,
        items: &'a [ItemRef],
        mode: DeleteMode,
    ) -> Work<'a, PerItem<()>> {
        Box::pin(async move {
            if self.deletes {
                self.delete.delete(mailbox, items, mode).await?;
            }
            Ok(Vec::new())
        })
    }
}

#[test]
fn a_deletion_that_was_not_answered_is_no_success() {
    for deletes in [false, true] {
        let bench = Bench::over(|ports| {
            let silent = Silent { delete: ports.delete.clone().unwrap(), deletes };
            Ports { delete: Some(Arc::new(silent)), ..ports }
        });
        let failure = bench.run(MOVE, &over()).unwrap_err();
        assert_eq!(failure.kind, FailureKind::Unknown, "{deletes}");
        for part in
            ["copied to soc@corp.example", "may still be in alice@corp.example", "goes on with the deletion"]
        {
            assert!(failure.message.contains(part), "{}", failure.message);
        }
        assert_eq!(places(&bench, "soc@corp.example"), ["Inbox"], "{deletes}");
        let bench = bench.restarted();
        let output = match bench.probe(MOVE, &over()).unwrap() {
            Probe::Done(outcome) if deletes => outcome.output,
            Probe::NotDone if !deletes => bench.attempt(MOVE, &over(), 2).unwrap().output,
            other => panic!("{deletes}: {other:?}"),
        };
        assert_eq!(output["new_item_id"], failure.details["new_item_id"], "{deletes}");
        assert_eq!(places(&bench, "alice@corp.example"), ["Deletions"], "{deletes}");
        assert_eq!(places(&bench, "soc@corp.example"), ["Inbox"], "{deletes}");
        assert_eq!(bench.count(EffectKind::Deleted), 1, "{deletes}");
    }
}

#[test]
fn a_list_tells_of_the_copy_that_stays() {
    let bench = Bench::over(|ports| {
        let silent = Silent { delete: ports.delete.clone().unwrap(), deletes: false };
        Ports { delete: Some(Arc::new(silent)), ..ports }
    });
    let item = json!({ "mailbox": "alice@corp.example", "item_id": ID, "internet_message_id": MESSAGE_ID });
    let input = json!({
        "items": [item], "destination_mailbox": "soc@corp.example", "on_item_error": "collect"
    });
    // Of what nobody knows whether it was done the step fails in any case.
    let failure = bench.run(MOVE, &input).unwrap_err();
    assert_eq!((failure.kind, &failure.details["partly"]), (FailureKind::Unknown, &json!(true)));
    let told = failure.details["output"]["results"][0].clone();
    assert_eq!((&told["status"], &told["retryable"]), (&json!("failed"), &json!(true)));
    assert!(told["new_item_id"].is_string(), "{told}");
    let bench = bench.restarted();
    assert_eq!(bench.probe(MOVE, &input).unwrap(), Probe::NotDone);
    let output = bench.attempt(MOVE, &input, 2).unwrap().output;
    assert_eq!(output["results"][0]["new_item_id"], told["new_item_id"]);
    assert_eq!(places(&bench, "soc@corp.example"), ["Inbox"]);
}

#[test]
fn a_mail_that_went_to_two_people_is_moved_twice() {
    let date = "Fri, 20 Nov 2026 07:00:00 +0000";
    let mail = format!("From: eve@evil.test\r\nDate: {date}\r\nMessage-ID: {MESSAGE_ID}\r\n\r\nPay now.\r\n");
    let bench = Bench::about(&mail);
    bench.organisation.add_mailbox("bob@corp.example");
    let inbox = FolderRef::WellKnown(WellKnownFolder::Inbox);
    let own = bench.organisation.deliver("bob@corp.example", &inbox, mail).unwrap();
    let mut other = over();
    (other["mailbox"], other["item_id"]) = (json!("bob@corp.example"), json!(own));
    let first = bench.run(MOVE, &over()).unwrap();
    let second = bench.run(MOVE, &other).unwrap();
    assert_ne!(first.output["new_item_id"], second.output["new_item_id"]);
    assert_eq!(places(&bench, "soc@corp.example"), ["Inbox", "Inbox"]);
    // And both come back to where they were.
    for outcome in [second, first] {
        let inverse = outcome.inverse.unwrap();
        bench.run(&inverse.action, &inverse.input).unwrap();
    }
    for mailbox in ["alice@corp.example", "bob@corp.example"] {
        assert!(places(&bench, mailbox).contains(&"Inbox".to_owned()), "{mailbox}");
    }
}

#[test]
fn a_move_to_the_same_mailbox_or_of_nothing_changes_nothing() {
    let bench = Bench::new();
    let before = bench.organisation.snapshot();
    let mut same = over();
    same["destination_mailbox"] = json!("ALICE@corp.example");
    assert_eq!(bench.run(MOVE, &same).unwrap_err().kind, FailureKind::Invalid);
    let mut gone = over();
    gone["mailbox"] = json!("soc@corp.example");
    gone["destination_mailbox"] = json!("alice@corp.example");
    assert_eq!(bench.run(MOVE, &gone).unwrap_err().kind, FailureKind::NotFound);
    let mut nowhere = over();
    nowhere["folder"] = json!("Inbox/Nowhere");
    assert_eq!(bench.run(MOVE, &nowhere).unwrap_err().kind, FailureKind::NotFound);
    assert_eq!(bench.organisation.snapshot(), before);
}

#[test]
fn a_copy_is_made_once_and_taken_back_only_by_who_made_it() {
    let bench = Bench::new();
    let input = json!({ "mailbox": "alice@corp.example", "item_id": ID, "folder": "drafts" });
    let before = bench.organisation.snapshot();
    let first = bench.run("mail.copy", &input).unwrap();
    assert_eq!(first.output["already_done"], json!(false));
    let made = bench.organisation.snapshot();
    // A second run finds it, and has nothing to take back.
    let second = bench.run("mail.copy", &input).unwrap();
    assert_eq!(second.output["already_done"], json!(true));
    assert_eq!(second.output["new_item_id"], first.output["new_item_id"]);
    assert!(second.inverse.is_none());
    assert_eq!(bench.organisation.snapshot(), made);
    let inverse = first.inverse.unwrap();
    bench.run(&inverse.action, &inverse.input).unwrap();
    let mut places = places(&bench, "alice@corp.example");
    places.sort();
    assert_eq!(places, ["Deletions", "Inbox"]);
    assert_ne!(bench.organisation.snapshot(), before);
}

#[test]
fn a_mailbox_is_found_with_its_archive_and_what_was_tried() {
    let bench = Bench::new();
    bench.organisation.add_archive("alice@corp.example");
    bench.organisation.add_public_folders("tree@corp.example", None);
    bench.organisation.redirect_autodiscover("old@corp.example", "alice@corp.example");
    let found = bench.run("mailbox.autodiscover", &json!({ "mailbox": "old@corp.example" })).unwrap().output;
    assert_eq!(found["mailbox"], json!("alice@corp.example"));
    assert_eq!(found["others"][0]["kind"], json!("Archive"));
    assert_eq!(found["public_folder_mailbox"], json!("tree@corp.example"));
    assert_eq!(found["redirects"], json!(["alice@corp.example"]));
    assert_eq!(found["attempts"][0]["outcome"], json!("it answered"));
    let failure =
        bench.run("mailbox.autodiscover", &json!({ "mailbox": "nobody@corp.example" })).unwrap_err();
    assert_eq!(failure.kind, FailureKind::NotFound);
    assert!(failure.message.contains("autodiscover.corp.example"), "{}", failure.message);
}
