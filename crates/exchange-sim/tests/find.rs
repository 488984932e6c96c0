//! FindItem: every kind of condition, order and page, as the specification has them.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "test code"
)]

mod wire;

use exchange::FolderRef;
use portcullis_exchange_sim::{Organisation, Server};
use wire::{ALICE, call, find, start};

async fn served() -> Server {
    let organisation = Organisation::new();
    organisation.add_mailbox(ALICE);
    let mails = [
        (1, "Red apple", "X-Color: red\r\n", "inbox"),
        (2, "red-hot Chili", "Cc: dave@corp.example\r\n", "inbox"),
        (3, "Incredible", "X-Color: none\r\n", "inbox"),
        (4, "Éclair", "", "inbox"),
        (5, "Elsewhere red", "", "Inbox/Below"),
        (6, "Dumped red", "", "recoverableitemsdeletions"),
    ];
    for (day, subject, extra, folder) in mails {
        let raw = format!(
            "From: Carol <c{day}@partner.example>\r\nTo: {ALICE}\r\nSubject: {subject}\r\nDate: {day:02} Mar 2026 09:00:00 +0000\r\n{extra}\r\nBody {day}\r\n"
        );
        organisation.deliver(ALICE, &FolderRef::parse(folder).unwrap(), raw).unwrap();
    }
    start(&organisation).await
}

/// The days of what was found, in order.
async fn days(server: &Server, folder: &str, rest: &str) -> String {
    let answer = call(server, &find(folder, rest)).await.unwrap();
    assert_eq!(answer.codes(), ["NoError"], "{}", answer.body);
    let sent = answer.body.split("<t:DateTimeSent>2026-03-0").skip(1);
    sent.map(|text| text[..1].to_owned()).collect::<Vec<_>>().join(" ")
}

fn field(uri: &str) -> String {
    format!("<t:FieldURI FieldURI=\"{uri}\"/>")
}

fn compare(how: &str, uri: &str, value: &str) -> String {
    format!(
        "<t:{how}>{}<t:FieldURIOrConstant><t:Constant Value=\"{value}\"/></t:FieldURIOrConstant></t:{how}>",
        field(uri)
    )
}

fn tagged(tag: &str, value: &str) -> String {
    format!(
        "<t:IsEqualTo><t:ExtendedFieldURI PropertyTag=\"{tag}\" PropertyType=\"String\"/><t:FieldURIOrConstant><t:Constant Value=\"{value}\"/></t:FieldURIOrConstant></t:IsEqualTo>"
    )
}

fn contains(mode: &str, comparison: &str, value: &str) -> String {
    let subject = field("item:Subject");
    format!(
        "<t:Contains ContainmentMode=\"{mode}\" ContainmentComparison=\"{comparison}\">{subject}<t:Constant Value=\"{value}\"/></t:Contains>"
    )
}

#[tokio::test]
async fn conditions_hold_for_what_they_should() {
    let server = served().await;
    let time = "2026-03-02T09:00:00Z";
    let colour = "<t:ExtendedFieldURI DistinguishedPropertySetId=\"InternetHeaders\" PropertyName=\"X-Color\" PropertyType=\"String\"/>";
    let tag = "<t:ExtendedFieldURI PropertyTag=\"0x1234\" PropertyType=\"Integer\"/>";
    let both =
        [contains("Substring", "IgnoreCase", "red"), compare("IsLessThan", "item:DateTimeReceived", time)];
    let cases = [
        (contains("Substring", "Exact", "red"), "3 2"),
        (contains("Substring", "IgnoreCase", "RED"), "3 2 1"),
        (contains("Prefixed", "IgnoreCase", "red"), "2 1"),
        (contains("PrefixOnWords", "IgnoreCase", "hot"), "2"),
        (contains("ExactPhrase", "IgnoreCase", "hot ch"), ""),
        (contains("ExactPhrase", "IgnoreCase", "hot chili"), "2"),
        (contains("FullString", "IgnoreCase", "RED APPLE"), "1"),
        (contains("FullString", "IgnoreCase", "red"), ""),
        (contains("Substring", "IgnoreCase", "éCL"), "4"),
        (compare("IsEqualTo", "item:Subject", "INCREDIBLE"), "3"),
        (compare("IsNotEqualTo", "item:Subject", "Incredible"), "4 2 1"),
        (compare("IsGreaterThan", "item:DateTimeReceived", time), "4 3"),
        (compare("IsGreaterThanOrEqualTo", "item:DateTimeReceived", time), "4 3 2"),
        (compare("IsLessThan", "item:DateTimeReceived", time), "1"),
        (compare("IsLessThanOrEqualTo", "item:DateTimeReceived", time), "2 1"),
        (compare("IsGreaterThan", "item:Size", "100000"), ""),
        (compare("IsEqualTo", "message:IsRead", "false"), "4 3 2 1"),
        (compare("IsEqualTo", "message:IsRead", "1"), ""),
        (compare("IsEqualTo", "message:From", "C2@partner.example"), "2"),
        (tagged("0x5D02", "C2@PARTNER.example"), "2"),
        (tagged("0x0065", "c3@partner.example"), "3"),
        (tagged("0x5D02", "Carol"), ""),
        (format!("<t:Exists>{}</t:Exists>", field("message:CcRecipients")), "2"),
        (format!("<t:Exists>{colour}</t:Exists>"), "3 1"),
        (format!("<t:Exists>{tag}</t:Exists>"), ""),
        (format!("<t:Not><t:Exists>{colour}</t:Exists></t:Not>"), "4 2"),
        (format!("<t:And>{}{}</t:And>", both[0], both[1]), "1"),
        (format!("<t:Or>{}{}</t:Or>", both[0], both[1]), "3 2 1"),
        (format!("<t:Not><t:Or>{}{}</t:Or></t:Not>", both[0], both[1]), "4"),
    ];
    for (condition, expected) in cases {
        let found = days(&server, "inbox", &format!("<m:Restriction>{condition}</m:Restriction>")).await;
        assert_eq!(found, expected, "{condition}");
    }
}

#[tokio::test]
async fn results_are_in_the_order_asked_for() {
    let server = served().await;
    let by =
        |order: &str, uri: &str| format!("<t:FieldOrder Order=\"{order}\">{}</t:FieldOrder>", field(uri));
    let cases = [
        (String::new(), "4 3 2 1"),
        (by("Ascending", "item:DateTimeReceived"), "1 2 3 4"),
        (by("Descending", "item:DateTimeReceived"), "4 3 2 1"),
        (by("Ascending", "item:Subject"), "3 1 2 4"),
        (by("Ascending", "item:HasAttachments") + &by("Descending", "item:Subject"), "4 2 1 3"),
    ];
    for (order, expected) in cases {
        let rest = if order.is_empty() { order } else { format!("<m:SortOrder>{order}</m:SortOrder>") };
        assert_eq!(days(&server, "inbox", &rest).await, expected, "{rest}");
    }
}

#[tokio::test]
async fn pages_say_where_the_next_one_begins() {
    let server = served().await;
    let cases = [
        ("Beginning", 0, 3, "4 3 2", ["3", "4", "false"]),
        ("Beginning", 3, 3, "1", ["4", "4", "true"]),
        ("Beginning", 0, 4, "4 3 2 1", ["4", "4", "true"]),
        ("Beginning", 9, 3, "", ["9", "4", "true"]),
        ("End", 0, 3, "3 2 1", ["1", "4", "false"]),
        ("End", 3, 3, "4", ["0", "4", "true"]),
    ];
    for (base, offset, limit, expected, paging) in cases {
        let view = format!(
            "<m:IndexedPageItemView MaxEntriesReturned=\"{limit}\" Offset=\"{offset}\" BasePoint=\"{base}\"/>"
        );
        assert_eq!(days(&server, "inbox", &view).await, expected, "{view}");
        let answer = call(&server, &find("inbox", &view)).await.unwrap();
        let names = ["IndexedPagingOffset", "TotalItemsInView", "IncludesLastItemInRange"];
        let said = names.map(|name| answer.attributes("m:RootFolder", name)[0].clone());
        assert_eq!(said, paging, "{view}");
    }
}

#[tokio::test]
async fn all_items_is_everything_but_the_dumpster() {
    let server = served().await;
    assert_eq!(days(&server, "allitems", "").await, "5 4 3 2 1");
    assert_eq!(days(&server, "recoverableitemsdeletions", "").await, "6");
}
