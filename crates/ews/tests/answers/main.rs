//! Answers that are hostile, broken or not from Exchange at all. Judged by what the ports say of them.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "test code"
)]

mod bytes;
mod refusals;
#[path = "../support/mod.rs"]
mod support;
mod verdicts;

use std::io::Write;
use std::time::{Duration, Instant};

use exchange::{DeleteMode, Error, ErrorKind, Found, ItemRef};
use proptest::prelude::*;
use support::{Canned, alice, answer, config, envelope, items, message, now, ports, ports_with, whole_inbox};

fn search(canned: Canned) -> Result<Found, Error> {
    now(ports(canned).search.unwrap().search(&whole_inbox()))
}

fn delete(canned: Canned, ids: &[&str]) -> Result<Vec<Result<(), Error>>, Error> {
    now(ports(canned).delete.unwrap().delete(&alice(), &items(ids), DeleteMode::Soft))
}

fn page(attributes: &str, messages: &str) -> String {
    let folder = format!("<m:RootFolder {attributes}><t:Items>{messages}</t:Items></m:RootFolder>");
    answer("FindItem", &[("Success", "NoError", &folder)])
}

fn one_message(inner: &str) -> String {
    page(
        "TotalItemsInView=\"1\" IncludesLastItemInRange=\"true\"",
        &format!("<t:Message><t:ItemId Id=\"A\" ChangeKey=\"B\"/>{inner}</t:Message>"),
    )
}

/// A good answer with everything a search reads.
fn good() -> String {
    one_message(
        "<t:ParentFolderId Id=\"F\"/><t:Subject>Gr&#252;&#xDF;e &amp; &lt;mehr&gt; <![CDATA[<b>]]&]]></t:Subject>\
         <t:DateTimeReceived>2026-11-21T05:00:00Z</t:DateTimeReceived><t:Size>4294</t:Size>\
         <t:HasAttachments>true</t:HasAttachments><t:From><t:Mailbox><t:Name>Eve</t:Name>\
         <t:EmailAddress>eve@evil.example</t:EmailAddress></t:Mailbox></t:From>\
         <t:InternetMessageId>&lt;1@evil.example&gt;</t:InternetMessageId><t:IsRead>false</t:IsRead>",
    )
}
