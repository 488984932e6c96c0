//! EWS over HTTP as a client sees it: log-in, refusals, effects, and misbehaviour on request.
#![allow(
    missing_docs,
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "test code"
)]

mod wire;

use std::time::{Duration, Instant};

use exchange::{FolderRef, WellKnownFolder};
use portcullis_exchange_sim::{EffectKind, Fault, Ledger, Misbehaviour, Organisation, Server};
use wire::{ALICE, call, call_as, delete, find, ids, raw, send, start};

fn mail(subject: &str, extra: &str) -> String {
    format!(
        "From: Carol <carol@partner.example>\r\nTo: {ALICE}\r\nSubject: {subject}\r\nDate: Mon, 02 Mar 2026 09:00:00 +0000\r\nMessage-ID: <{subject}@partner.example>\r\n{extra}\r\nHello.\r\n"
    )
}

async fn with_mails(subjects: &[&str]) -> (Organisation, Server, Vec<String>) {
    let organisation = Organisation::new();
    organisation.add_mailbox(ALICE);
    organisation.add_mailbox("bob@corp.example");
    let inbox = FolderRef::WellKnown(WellKnownFolder::Inbox);
    let ids = subjects
        .iter()
        .map(|subject| organisation.deliver(ALICE, &inbox, mail(subject, "")).unwrap())
        .collect();
    let server = start(&organisation).await;
    (organisation, server, ids)
}

#[tokio::test]
async fn only_those_who_log_in_get_anything() {
    let (_organisation, server, _) = with_mails(&["one"]).await;
    let wrong = "Authorization: Basic c3ZjOndyb25n\r\n";
    for login in ["", wrong] {
        for path in ["/EWS/Exchange.asmx", "/sim/ledger", "/sim/snapshot", "/"] {
            let request = format!("GET {path} HTTP/1.1\r\nHost: sim\r\nConnection: close\r\n{login}\r\n");
            let answer = raw(&server, &request).await.unwrap();
            assert_eq!(answer.status(), 401, "{path}");
            assert!(answer.head.to_lowercase().contains("www-authenticate: basic"));
        }
    }
    assert_eq!(send(&server, "GET", "/EWS/Exchange.asmx", "").await.unwrap().status(), 405);
    assert_eq!(send(&server, "POST", "/other", "").await.unwrap().status(), 404);
}

#[tokio::test]
async fn requests_that_break_the_schema_are_faults_and_do_nothing() {
    let (organisation, server, items) = with_mails(&["one"]).await;
    let before = organisation.snapshot();
    let deep = format!("{}{}", "<t:And>".repeat(100), "</t:And>".repeat(100));
    let id = &items[0];
    let cases = [
        ("<m:Nonsense/>", "ErrorInvalidOperation"),
        ("<m:DeleteItem DeleteType=\"HardDelete\"/>", "ErrorSchemaValidation"),
        (&delete("Shred", &[id]), "ErrorSchemaValidation"),
        (
            &format!(
                "<m:DeleteItem DeleteType=\"HardDelete\"><m:ItemIds><t:ItemId Id=\"{id}\"/><t:ItemId/></m:ItemIds></m:DeleteItem>"
            ),
            "ErrorSchemaValidation",
        ),
        (&find("Inbox", ""), "ErrorSchemaValidation"),
        (&find("inbox", &format!("<m:Restriction>{deep}</m:Restriction>")), "ErrorRestrictionTooComplex"),
        (
            &find(
                "inbox",
                "<m:SortOrder/><m:Restriction><t:Exists><t:FieldURI FieldURI=\"item:Subject\"/></t:Exists></m:Restriction>",
            ),
            "ErrorSchemaValidation",
        ),
        (
            &find(
                "inbox",
                "<m:IndexedPageItemView MaxEntriesReturned=\"0\" Offset=\"0\" BasePoint=\"Beginning\"/>",
            ),
            "ErrorInvalidPagingMaxRows",
        ),
        (
            "<m:FindItem Traversal=\"Shallow\"><m:ItemShape><t:BaseShape>IdOnly</t:BaseShape><t:AdditionalProperties><t:FieldURI FieldURI=\"item:Body\"/></t:AdditionalProperties></m:ItemShape><m:ParentFolderIds/></m:FindItem>",
            "ErrorInvalidPropertyForOperation",
        ),
    ];
    for (operation, code) in cases {
        let answer = call(&server, operation).await.unwrap();
        assert_eq!((answer.status(), answer.codes()), (500, vec![code]), "{operation}\n{}", answer.body);
    }
    let whole = ["", "no xml", "<a>", "<!DOCTYPE a [<!ENTITY b \"c\">]><a>&b;</a>", "<Envelope/>"];
    for text in whole {
        let answer = send(&server, "POST", "/EWS/Exchange.asmx", text).await.unwrap();
        assert_eq!((answer.status(), answer.codes()), (500, vec!["ErrorSchemaValidation"]), "{text}");
    }
    let nested = "<a>".repeat(200_000);
    assert_eq!(send(&server, "POST", "/EWS/Exchange.asmx", &nested).await.unwrap().status(), 500);
    assert_eq!(organisation.snapshot(), before);
    assert!(organisation.ledger().effects.is_empty());
}

#[tokio::test]
async fn an_unknown_operation_is_named() {
    let (_organisation, server, _) = with_mails(&[]).await;
    let answer = call(&server, "<m:GetUserPhoto/>").await.unwrap();
    assert!(answer.body.contains("does not support the operation GetUserPhoto"), "{}", answer.body);
}

#[tokio::test]
async fn every_item_has_its_own_result_and_the_ledger_counts_effects() {
    let (organisation, server, items) = with_mails(&["one", "two", "three"]).await;
    let swapped: String = items[0]
        .chars()
        .map(|c| if c.is_ascii_lowercase() { c.to_ascii_uppercase() } else { c.to_ascii_lowercase() })
        .collect();
    let answer =
        call(&server, &delete("SoftDelete", &[&items[0], "???", &items[2], &items[0]])).await.unwrap();
    assert_eq!(answer.codes(), ["NoError", "ErrorInvalidIdMalformed", "NoError", "ErrorItemNotFound"]);
    let answer = call(&server, &delete("SoftDelete", &[&swapped])).await.unwrap();
    assert!(
        ["ErrorItemNotFound", "ErrorInvalidIdMalformed"].contains(&answer.codes()[0]),
        "ids are case-sensitive"
    );
    let ledger = organisation.ledger();
    assert_eq!((ledger.count(EffectKind::Deleted), ledger.requests["DeleteItem"]), (2, 2));
    let first = &ledger.effects[0];
    assert_eq!((first.item.as_str(), first.mode.as_deref()), (items[0].as_str(), Some("soft")));
    assert_eq!(first.message_id.as_deref(), Some("<one@partner.example>"));
    let over_http = send(&server, "GET", "/sim/ledger", "").await.unwrap();
    let read: Ledger = serde_json::from_str(&over_http.body).unwrap();
    assert_eq!(read, ledger);
}

#[tokio::test]
async fn reading_changes_nothing_byte_for_byte() {
    let (organisation, server, items) = with_mails(&["one", "two"]).await;
    let before = send(&server, "GET", "/sim/snapshot", "").await.unwrap().body;
    assert_eq!(before, organisation.snapshot());
    call(&server, &find("inbox", "")).await.unwrap();
    let shape = "<m:ItemShape><t:BaseShape>AllProperties</t:BaseShape><t:IncludeMimeContent>true</t:IncludeMimeContent></m:ItemShape>";
    let got = call(&server, &format!("<m:GetItem>{shape}{}</m:GetItem>", ids(&[&items[0]]))).await.unwrap();
    assert_eq!(got.codes(), ["NoError"]);
    assert_eq!(send(&server, "GET", "/sim/snapshot", "").await.unwrap().body, before);
    call(&server, &delete("MoveToDeletedItems", &[&items[0]])).await.unwrap();
    assert_ne!(send(&server, "GET", "/sim/snapshot", "").await.unwrap().body, before);
}

#[tokio::test]
async fn impersonation_opens_one_mailbox_only() {
    let (organisation, server, items) = with_mails(&["one"]).await;
    let get = format!(
        "<m:GetItem><m:ItemShape><t:BaseShape>IdOnly</t:BaseShape></m:ItemShape>{}</m:GetItem>",
        ids(&[&items[0]])
    );
    assert_eq!(call_as(&server, Some(ALICE), &get).await.unwrap().codes(), ["NoError"]);
    assert_eq!(
        call_as(&server, Some("bob@corp.example"), &get).await.unwrap().codes(),
        ["ErrorItemNotFound"]
    );
    let other = call_as(&server, Some("bob@corp.example"), &find("inbox", "")).await.unwrap();
    assert_eq!(other.codes(), ["ErrorAccessDenied"]);
    let nobody = call_as(&server, Some("nobody@corp.example"), &get).await.unwrap();
    assert_eq!((nobody.status(), nobody.codes()), (500, vec!["ErrorNonExistentMailbox"]));
    organisation.deny_access(ALICE, true);
    let denied = call_as(&server, Some(ALICE), &get).await.unwrap();
    assert_eq!((denied.status(), denied.codes()), (500, vec!["ErrorImpersonateUserDenied"]));
    assert_eq!(call(&server, &get).await.unwrap().codes(), ["ErrorAccessDenied"]);
}

fn mark_read(id: &str, key: &str, rest: &str) -> String {
    format!(
        "<m:UpdateItem MessageDisposition=\"SaveOnly\" {rest}><m:ItemChanges><t:ItemChange><t:ItemId Id=\"{id}\" {key}/><t:Updates><t:SetItemField><t:FieldURI FieldURI=\"message:IsRead\"/><t:Message><t:IsRead>true</t:IsRead></t:Message></t:SetItemField></t:Updates></t:ItemChange></m:ItemChanges></m:UpdateItem>"
    )
}

#[tokio::test]
async fn change_keys_are_wanted_and_checked() {
    let (_organisation, server, items) = with_mails(&["one"]).await;
    let (id, never) = (&items[0], "ConflictResolution=\"NeverOverwrite\"");
    let found = call(&server, &find("inbox", "")).await.unwrap();
    let key = format!("ChangeKey=\"{}\"", found.attributes("t:ItemId", "ChangeKey")[0]);
    let code = async |request: String| call(&server, &request).await.unwrap().codes()[0].to_owned();
    assert_eq!(code(mark_read(id, "", never)).await, "ErrorChangeKeyRequiredForWriteOperations");
    assert_eq!(code(mark_read(id, &key, never)).await, "NoError");
    assert_eq!(code(mark_read(id, &key, never)).await, "ErrorIrresolvableConflict");
    assert_eq!(code(mark_read(id, &key, "ConflictResolution=\"AutoResolve\"")).await, "NoError");
    assert_eq!(code(mark_read(id, "", "ConflictResolution=\"AlwaysOverwrite\"")).await, "NoError");
    let send = format!("<m:SendItem SaveItemToFolder=\"true\">{}</m:SendItem>", ids(&[id]));
    assert_eq!(code(send).await, "ErrorChangeKeyRequired");
}

#[tokio::test]
async fn a_read_receipt_goes_out_unless_it_is_suppressed() {
    for (suppress, receipts) in [("", 1), ("SuppressReadReceipts=\"true\"", 0)] {
        let organisation = Organisation::new();
        organisation.add_mailbox(ALICE);
        let asks = mail("asks", "Disposition-Notification-To: spy@evil.example\r\n");
        let id = organisation.deliver(ALICE, &FolderRef::parse("inbox").unwrap(), asks).unwrap();
        let server = start(&organisation).await;
        let rest = format!("ConflictResolution=\"AlwaysOverwrite\" {suppress}");
        call(&server, &mark_read(&id, "", &rest)).await.unwrap();
        assert_eq!(organisation.ledger().count(EffectKind::Sent), receipts);
    }
}

#[tokio::test]
async fn faults_happen_at_the_call_they_name() {
    let (organisation, server, items) = with_mails(&["one", "two", "three", "four", "five"]).await;
    let remove = |n: usize| delete("HardDelete", &[items[n].as_str()]);
    let deleted = || organisation.ledger().count(EffectKind::Deleted);

    server.misbehave(Fault::once("DeleteItem", Misbehaviour::Throttle { retry_after_seconds: 7 }));
    assert_eq!(call(&server, &find("inbox", "")).await.unwrap().status(), 200);
    let throttled = call(&server, &remove(0)).await.unwrap();
    assert_eq!(throttled.status(), 503);
    assert!(throttled.head.to_lowercase().contains("retry-after: 7"));

    server.misbehave(Fault::once("DeleteItem", Misbehaviour::Busy { back_off_ms: 297 }));
    let busy = call(&server, &remove(0)).await.unwrap();
    assert_eq!((busy.status(), busy.codes()), (500, vec!["ErrorServerBusy"]));
    assert!(busy.body.contains("<t:Value Name=\"BackOffMilliseconds\">297</t:Value>"));

    server.misbehave(Fault::once("DeleteItem", Misbehaviour::BusyInside { back_off_ms: 5 }));
    let busy = call(&server, &remove(0)).await.unwrap();
    assert_eq!((busy.status(), busy.codes()), (200, vec!["ErrorServerBusy"]));

    server.misbehave(Fault::once("DeleteItem", Misbehaviour::DropBefore));
    assert!(call(&server, &remove(0)).await.is_none());
    server.misbehave(Fault::once("DeleteItem", Misbehaviour::Html));
    assert!(call(&server, &remove(0)).await.unwrap().body.starts_with("<!DOCTYPE html>"));
    assert_eq!(deleted(), 0, "none of these may take effect");

    server.misbehave(Fault::once("DeleteItem", Misbehaviour::DropAfter));
    assert!(call(&server, &remove(0)).await.is_none());
    server.misbehave(Fault::once("DeleteItem", Misbehaviour::Malformed));
    let half = call(&server, &remove(1)).await.unwrap();
    assert!(!half.body.is_empty() && !half.body.contains("</s:Envelope>"));
    server.misbehave(Fault::once("DeleteItem", Misbehaviour::Empty));
    assert_eq!(call(&server, &remove(2)).await.unwrap().body, "");
    server.misbehave(Fault::once("DeleteItem", Misbehaviour::ServerErrorAfter));
    let broken = call(&server, &remove(3)).await.unwrap();
    assert!(broken.body.contains("ErrorInternalServerError"), "{}", broken.body);
    assert_eq!(deleted(), 4, "all of these take effect");

    server.misbehave(Fault::once("DeleteItem", Misbehaviour::Delay { milliseconds: 200 }).at_call(2));
    call(&server, &remove(0)).await.unwrap();
    let start = Instant::now();
    assert_eq!(call(&server, &remove(4)).await.unwrap().codes(), ["NoError"]);
    assert!(start.elapsed() >= Duration::from_millis(200));
    server.misbehave(Fault { operation: None, call: 1, times: 1, how: Misbehaviour::ServerError });
    server.behave();
    assert_eq!(call(&server, &find("inbox", "")).await.unwrap().status(), 200);
}

#[tokio::test]
async fn a_stopped_server_answers_nobody() {
    let (_organisation, server, _) = with_mails(&[]).await;
    let address = server.base_url().trim_start_matches("http://").to_owned();
    server.shutdown().await;
    assert!(tokio::net::TcpStream::connect(address).await.is_err());
}
