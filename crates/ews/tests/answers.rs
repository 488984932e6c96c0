//! Answers that are hostile, broken or not from Exchange at all. Judged by what the ports say of them.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "test code"
)]

mod support;

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

#[test]
fn pieces_of_any_size_give_the_same_result() {
    let text = good();
    let whole = search(Canned::xml(text.clone())).unwrap();
    let message = &whole.messages[0];
    assert_eq!(message.subject.as_deref(), Some("Grüße & <mehr> <b>]]&"));
    assert_eq!(message.internet_message_id.as_deref(), Some("<1@evil.example>"));
    assert_eq!(message.from.as_ref().unwrap().address, "eve@evil.example");
    assert_eq!((message.size, message.is_read, message.has_attachments), (4294, false, true));
    assert_eq!(whole.next_offset, None);
    for size in 1..64 {
        assert_eq!(search(Canned::pieces(text.as_bytes(), size)).unwrap(), whole, "pieces of {size}");
    }
}

#[test]
fn blanks_ahead_of_an_answer_are_judged_alike_in_whatever_pieces_they_come() {
    let rests = [
        good(),
        "&".to_owned(),
        String::new(),
        "<html>".to_owned(),
        "<?x?>  text".to_owned(),
        format!("<?xml {}?>&", "x".repeat(1_200)),
    ];
    for (blanks, rest) in
        [10, 127, 128, 129, 300].iter().flat_map(|n| rests.iter().map(move |rest| (n, rest)))
    {
        let text = format!("{}{rest}", " ".repeat(*blanks));
        let whole = search(Canned::xml(text.clone()));
        for size in [1, 7, 64, 128, 131] {
            let pieces = search(Canned::pieces(text.as_bytes(), size));
            assert_eq!(pieces, whole, "{blanks} blanks, {rest:?}, pieces of {size}");
        }
    }
}

#[test]
fn cut_at_every_byte_it_is_never_taken_for_whole() {
    let text = good();
    for end in 0..text.len() {
        let error = search(Canned::xml(text.as_bytes()[..end].to_vec())).unwrap_err();
        assert_eq!(error.kind, ErrorKind::Transient, "cut at {end}: {error}");
    }
    let text = answer("DeleteItem", &[("Success", "NoError", "")]);
    for end in 0..text.len() {
        let error = delete(Canned::xml(text.as_bytes()[..end].to_vec()), &["A"]).unwrap_err();
        assert_eq!(error.kind, ErrorKind::Unknown, "cut at {end}: {error}");
    }
}

#[test]
fn forbidden_characters_are_replaced_and_the_mail_is_kept() {
    for bad in ["&#x11;", "&#0;", "&#xFFFE;", "&#xD800;", "&#x110000;", "&#99999999999;", "\u{b}"] {
        let found = search(Canned::xml(one_message(&format!("<t:Subject>a{bad}b</t:Subject>")))).unwrap();
        assert_eq!(found.messages[0].subject.as_deref(), Some("a\u{FFFD}b"), "{bad}");
    }
    let mut bytes = one_message("<t:Subject>a@b</t:Subject>").into_bytes();
    let at = bytes.iter().position(|b| *b == b'@').unwrap();
    bytes[at] = 0xFF;
    assert_eq!(search(Canned::xml(bytes)).unwrap().messages[0].subject.as_deref(), Some("a\u{FFFD}b"));
}

#[test]
fn what_is_not_ews_is_named() {
    let cases: [(&str, u16, ErrorKind, &str); 12] = [
        ("", 200, ErrorKind::Transient, "empty"),
        ("<!DOCTYPE html><html>Sign in</html>", 200, ErrorKind::PermissionDenied, "log-in page"),
        ("\n <HTML><body>", 200, ErrorKind::PermissionDenied, "log-in page"),
        ("{\"error\":1}", 200, ErrorKind::Invalid, "JSON"),
        ("Service Unavailable", 503, ErrorKind::Throttled, "wait"),
        ("<html>Bad gateway</html>", 502, ErrorKind::Transient, "failed"),
        ("", 401, ErrorKind::PermissionDenied, "log-in"),
        ("", 404, ErrorKind::Invalid, "url"),
        ("", 413, ErrorKind::Limit, "large"),
        ("", 599, ErrorKind::Transient, "failed"),
        ("", 999, ErrorKind::Transient, "failed"),
        ("<a xmlns=\"b\"/>", 200, ErrorKind::Invalid, "Envelope"),
    ];
    for (body, status, kind, words) in cases {
        let error = search(Canned::xml(body.to_owned()).status(status)).unwrap_err();
        assert_eq!(error.kind, kind, "{body} {status}: {error}");
        assert!(error.message.contains(words), "{body} {status}: {error}");
        assert!(!error.message.contains("Sign in"), "the body is not repeated");
    }
    for (body, status) in [("", 200), ("{}", 200), ("x", 502), ("x", 504), ("", 500)] {
        let error = delete(Canned::xml(body.to_owned()).status(status), &["A"]).unwrap_err();
        assert_eq!(error.kind, ErrorKind::Unknown, "{body} {status}: {error}");
    }
    let wrong = good().replace("http://schemas.xmlsoap.org/soap/envelope/", "urn:other");
    assert!(search(Canned::xml(wrong)).unwrap_err().message.contains("namespace"));
    let two = format!("{}{}", good(), &good()["<?xml version=\"1.0\" encoding=\"utf-8\"?>".len()..]);
    assert!(search(Canned::xml(two)).unwrap_err().message.contains("second root"));
    let other = search(Canned::xml(answer("GetItem", &[]))).unwrap_err();
    assert!(other.message.contains("FindItemResponse"), "{other}");
    let packed = search(Canned::xml(good()).header("content-encoding", "gzip")).unwrap_err();
    assert!(packed.message.contains("compressed"), "{packed}");
}

fn rules(body: &str) -> Result<exchange::rule::Rules, Error> {
    let answer = format!(
        "<m:GetInboxRulesResponse ResponseClass=\"Success\"><m:ResponseCode>NoError</m:ResponseCode>{body}</m:GetInboxRulesResponse>"
    );
    now(ports(Canned::xml(envelope(&answer))).rules.unwrap().rules(&alice()))
}

#[test]
fn a_rule_with_parts_nobody_knows_is_never_written_back() {
    let rule = |inner: &str| {
        format!(
            "<m:InboxRules><t:Rule><t:RuleId>A=</t:RuleId><t:DisplayName>r</t:DisplayName><t:Priority>1</t:Priority>\
             <t:IsEnabled>true</t:IsEnabled>{inner}</t:Rule></m:InboxRules>"
        )
    };
    let whole = "<t:Actions><t:Delete>true</t:Delete></t:Actions>";
    assert!(rules(&rule(whole)).unwrap().rules[0].complete);
    for odd in [
        "<t:IsNotSupported>true</t:IsNotSupported>",
        "<t:Actions><t:Delete>true</t:Delete><t:Burn>true</t:Burn></t:Actions>",
        "<t:Conditions><t:MoonPhase><t:String>full</t:String></t:MoonPhase></t:Conditions>",
        "<t:Actions><t:MoveToFolder><t:AddressListId Id=\"x\"/></t:MoveToFolder></t:Actions>",
        "<t:Mood>bad</t:Mood>",
    ] {
        let found = rules(&rule(odd)).unwrap().rules.remove(0);
        assert!(!found.complete, "{odd}");
        let change = exchange::rule::RuleChange::Set(found);
        let sent = ports_with(config(), |_| panic!("nothing may be sent"));
        let error = now(sent.rules.unwrap().change_rules(&alice(), &change, false)).unwrap_err();
        assert_eq!(error.kind, ErrorKind::Invalid, "{odd}");
    }
    for broken in
        ["<m:InboxRules><t:Rule/></m:InboxRules>", &rule("<t:Actions><t:Delete>x</t:Delete></t:Actions>")]
    {
        assert_eq!(rules(broken).unwrap_err().kind, ErrorKind::Invalid, "{broken}");
    }
    assert!(rules("").unwrap().rules.is_empty());
}

#[test]
fn a_refused_rule_says_why() {
    let answer = "<m:UpdateInboxRulesResponse ResponseClass=\"Error\"><m:MessageText>Bad rule.</m:MessageText>\
        <m:ResponseCode>ErrorInboxRulesValidationError</m:ResponseCode><m:RuleOperationErrors><t:RuleOperationError>\
        <t:OperationIndex>0</t:OperationIndex><t:ValidationErrors><t:Error><t:FieldURI>RuleId</t:FieldURI>\
        <t:ErrorCode>CODE</t:ErrorCode><t:ErrorMessage>Sorry &lt;no&gt;</t:ErrorMessage><t:FieldValue/></t:Error>\
        </t:ValidationErrors></t:RuleOperationError></m:RuleOperationErrors></m:UpdateInboxRulesResponse>";
    let change = exchange::rule::RuleChange::Remove("A=".to_owned());
    for (code, kind) in [("RuleNotFound", ErrorKind::NotFound), ("InvalidValue", ErrorKind::Invalid)] {
        let canned = Canned::xml(envelope(&answer.replace("CODE", code)));
        let error = now(ports(canned).rules.unwrap().change_rules(&alice(), &change, false)).unwrap_err();
        assert_eq!(error.kind, kind);
        assert!(error.message.contains("Sorry <no>") && error.message.contains(code), "{error}");
    }
    let lost = "<m:UpdateInboxRulesResponse ResponseClass=\"Success\">";
    let error =
        now(ports(Canned::xml(lost.to_owned())).rules.unwrap().change_rules(&alice(), &change, false));
    assert_eq!(error.unwrap_err().kind, ErrorKind::Unknown);
}

#[test]
fn automatic_replies_need_a_verdict_and_settings() {
    let replies = |body: &str| {
        let answer = format!("<m:GetUserOofSettingsResponse>{body}</m:GetUserOofSettingsResponse>");
        now(ports(Canned::xml(envelope(&answer))).automatic_replies.unwrap().out_of_office(&alice()))
    };
    let good = "<m:ResponseMessage ResponseClass=\"Success\"><m:ResponseCode>NoError</m:ResponseCode></m:ResponseMessage>";
    let settings = "<t:OofSettings><t:OofState>Scheduled</t:OofState><t:ExternalAudience>All</t:ExternalAudience>\
        <t:Duration><t:StartTime>2006-10-05T00:00:00</t:StartTime><t:EndTime>2006-10-25T02:00:00+02:00</t:EndTime>\
        </t:Duration><t:InternalReply><t:Message>a</t:Message></t:InternalReply></t:OofSettings>";
    let found = replies(&format!("{good}{settings}")).unwrap();
    let (start, end) = found.duration.unwrap();
    assert_eq!(
        (start.to_string().as_str(), end.to_string().as_str()),
        ("2006-10-05T00:00:00Z", "2006-10-25T00:00:00Z")
    );
    assert_eq!((found.internal_reply.as_str(), found.external_reply.as_str()), ("a", ""));
    let odd = settings.replace("Scheduled", "Perhaps");
    for bad in [String::new(), good.to_owned(), settings.to_owned(), format!("{good}{odd}")] {
        assert_eq!(replies(&bad).unwrap_err().kind, ErrorKind::Invalid, "{bad}");
    }
    let denied = good.replace("Success", "Error").replace("NoError", "ErrorAccessDenied");
    assert_eq!(replies(&denied).unwrap_err().kind, ErrorKind::PermissionDenied);
}

#[test]
fn a_redirect_is_an_error_that_names_the_host_and_no_more() {
    for status in [301, 302, 303, 307, 308] {
        let canned = Canned::xml("").status(status).header("location", "https://evil.example/?token=s3cret");
        let error = search(canned).unwrap_err();
        assert_eq!(error.kind, ErrorKind::Invalid);
        assert!(error.message.contains("https://evil.example;"), "{error}");
        assert!(!error.message.contains("s3cret"), "{error}");
    }
}

#[test]
fn a_tenant_that_blocks_ews_is_told_apart_from_a_missing_right() {
    let blocked =
        |reason: &str| search(Canned::xml("").status(403).header("x-ews-policy-reason", reason)).unwrap_err();
    let cases = [
        ("EWS is disabled for this user or tenant.", "(EwsEnabled)"),
        ("EWS access is blocked by policy.", "EwsAllowedAppIDs"),
        ("Blocked by AppID", "EwsAllowedAppIDs"),
        ("something new", "EwsEnabled, EwsAllowedAppIDs"),
    ];
    for (reason, advice) in cases {
        let error = blocked(reason);
        assert!(error.message.contains(advice) && error.message.contains(reason), "{error}");
    }
    let blocked = blocked("Blocked by AppID");
    let plain = search(Canned::xml("").status(403)).unwrap_err();
    assert!(plain.message.contains("rights") && !plain.message.contains("EwsEnabled"), "{plain}");
    assert_eq!((blocked.kind, plain.kind), (ErrorKind::PermissionDenied, ErrorKind::PermissionDenied));
}

const BUSY: &str = "<s:Fault><faultcode xmlns:a=\"http://schemas.microsoft.com/exchange/services/2006/types\">\
    a:ErrorServerBusy</faultcode><faultstring>busy</faultstring><detail><e:ResponseCode \
    xmlns:e=\"http://schemas.microsoft.com/exchange/services/2006/errors\">ErrorServerBusy</e:ResponseCode>\
    <t:MessageXml><t:Value Name=\"BackOffMilliseconds\">297749</t:Value></t:MessageXml></detail></s:Fault>";

#[test]
fn the_three_ways_to_be_throttled_are_one() {
    let inside = "<m:MessageText>busy</m:MessageText><m:ResponseCode>ErrorServerBusy</m:ResponseCode><m:MessageXml>\
        <t:Value Name=\"BackOffMilliseconds\">297749</t:Value></m:MessageXml>";
    let inside = format!(
        "<m:DeleteItemResponse><m:ResponseMessages><m:DeleteItemResponseMessage ResponseClass=\"Error\">{inside}\
         </m:DeleteItemResponseMessage></m:ResponseMessages></m:DeleteItemResponse>"
    );
    let fault = delete(Canned::xml(envelope(BUSY)).status(500), &["A"]).unwrap_err();
    let item = delete(Canned::xml(envelope(&inside)), &["A"]).unwrap().remove(0).unwrap_err();
    for error in [fault, item] {
        assert_eq!(error.kind, ErrorKind::Throttled, "{error}");
        assert_eq!(error.code.as_deref(), Some("ErrorServerBusy"));
        assert_eq!(error.retry_after, Some(Duration::from_millis(297_749)));
    }
    let date = "Sat, 21 Nov 2026 05:00:00 GMT";
    let waits = [
        ("0", Some(0)),
        ("5", Some(5)),
        ("1000000000", Some(3600)),
        ("99999999999999999999999", Some(3600)),
        ("Sat, 21 Nov 2026 05:02:00 GMT", Some(120)),
        ("Sat, 21 Nov 2015 05:02:00 GMT", Some(0)),
        ("soon", None),
        ("", None),
    ];
    for (value, seconds) in waits {
        for status in [429, 503] {
            let canned = Canned::xml("").status(status).header("retry-after", value).header("date", date);
            let error = search(canned).unwrap_err();
            assert_eq!(error.kind, ErrorKind::Throttled);
            assert_eq!(error.retry_after, seconds.map(Duration::from_secs), "{value}");
        }
    }
}

/// An internal error as Exchange words it, with or without the code of what is behind it.
fn internal(inner: Option<&str>) -> String {
    let inner = inner.map_or(String::new(), |code| {
        format!("<m:MessageXml><t:Value Name=\"InnerErrorResponseCode\">{code}</t:Value></m:MessageXml>")
    });
    format!(
        "<m:MessageText>An internal server error occurred. The operation failed.</m:MessageText>\
         <m:ResponseCode>ErrorInternalServerError</m:ResponseCode>{inner}"
    )
}

#[test]
fn an_internal_error_is_tried_again_for_a_read_and_is_unknown_for_a_change() {
    let fault = envelope(
        "<s:Fault><faultcode>s:Receiver</faultcode><faultstring>An internal server error occurred.</faultstring>\
         <detail><e:ResponseCode xmlns:e=\"http://schemas.microsoft.com/exchange/services/2006/errors\">\
         ErrorInternalServerError</e:ResponseCode></detail></s:Fault>",
    );
    let read = search(Canned::xml(fault.clone()).status(500)).unwrap_err();
    assert_eq!(read.kind, ErrorKind::Transient, "{read}");
    assert_eq!(read.code.as_deref(), Some("ErrorInternalServerError"));
    assert_eq!(delete(Canned::xml(fault).status(500), &["A"]).unwrap_err().kind, ErrorKind::Unknown);

    let deleted = |inner: Option<&str>| {
        let message = format!(
            "<m:DeleteItemResponse><m:ResponseMessages><m:DeleteItemResponseMessage ResponseClass=\"Error\">{}\
             </m:DeleteItemResponseMessage></m:ResponseMessages></m:DeleteItemResponse>",
            internal(inner)
        );
        delete(Canned::xml(envelope(&message)), &["A"]).unwrap().remove(0).unwrap_err()
    };
    // What is behind it is known: nothing was deleted, and trying again cannot help.
    let quota = deleted(Some("ErrorQuotaExceededOnDelete"));
    assert_eq!(quota.kind, ErrorKind::Limit, "{quota}");
    assert!(quota.message.contains("because of ErrorQuotaExceededOnDelete"), "{quota}");
    for inner in
        [None, Some("ErrorSomethingNew"), Some("ErrorTimeoutExpired"), Some("ErrorInternalServerError")]
    {
        let open = deleted(inner);
        assert_eq!(open.kind, ErrorKind::Unknown, "{inner:?}: {open}");
        assert_eq!(open.code.as_deref(), Some("ErrorInternalServerError"));
    }
}

#[test]
fn one_bad_item_does_not_lose_the_others() {
    let a = message("A");
    let c = message("C");
    let text = answer(
        "GetItem",
        &[
            ("Success", "NoError", &a),
            ("Error", "ErrorItemNotFound", "<m:Items/>"),
            ("Success", "NoError", &c),
        ],
    );
    let all = now(ports(Canned::xml(text)).read.unwrap().get(&alice(), &items(&["A", "B", "C"]))).unwrap();
    assert_eq!(all[0].as_ref().unwrap().summary.item.id, "A");
    assert_eq!(all[1].as_ref().unwrap_err().kind, ErrorKind::NotFound);
    assert_eq!(all[2].as_ref().unwrap().summary.item.id, "C");
}

#[test]
fn no_item_is_taken_for_another() {
    let (a, b) = (message("A"), message("B"));
    let good = |payload| ("Success", "NoError", payload);
    let cases = [
        vec![good(a.as_str())],
        vec![good(&a), good(&b), good(&b)],
        vec![good(&b), good(&a)],
        vec![good(&a), good(&a)],
    ];
    for case in &cases {
        let text = answer("GetItem", case);
        let error =
            now(ports(Canned::xml(text)).read.unwrap().get(&alice(), &items(&["A", "B"]))).unwrap_err();
        assert_eq!(error.kind, ErrorKind::Invalid, "{error}");
    }
    for count in [0, 1, 3] {
        let text = answer("DeleteItem", &vec![("Success", "NoError", ""); count]);
        let error = delete(Canned::xml(text), &["A", "B"]).unwrap_err();
        assert_eq!(error.kind, ErrorKind::Unknown, "{error}");
        assert!(error.message.contains("were asked for"), "{error}");
    }
    let swapped = answer("UpdateItem", &[good(&b), good(&a)]);
    let error =
        now(ports(Canned::xml(swapped)).update.unwrap().mark_read(&alice(), &items(&["A", "B"]), true));
    assert_eq!(error.unwrap_err().kind, ErrorKind::Unknown);
}

#[test]
fn a_later_request_that_fails_keeps_what_the_earlier_ones_did() {
    let mut config = config();
    config.batch = 2;
    let calls = std::sync::atomic::AtomicUsize::new(0);
    let ports =
        ports_with(config, move |request| match calls.fetch_add(1, std::sync::atomic::Ordering::SeqCst) {
            0 => support::agree(request),
            1 => Canned::xml("").status(502),
            _ => panic!("nothing is sent after that"),
        });
    let all =
        now(ports.delete.unwrap().delete(&alice(), &items(&["A", "B", "C", "D", "E"]), DeleteMode::Soft))
            .unwrap();
    assert!(all[0].is_ok() && all[1].is_ok());
    assert_eq!(all[2].as_ref().unwrap_err().kind, ErrorKind::Unknown);
    assert_eq!(all[3].as_ref().unwrap_err().kind, ErrorKind::Unknown);
    let rest = all[4].as_ref().unwrap_err();
    assert_eq!(rest.kind, ErrorKind::Transient);
    assert!(rest.message.contains("not tried"), "{rest}");
}

#[test]
fn paging_that_never_ends_is_an_error() {
    let row = "<t:Message><t:ItemId Id=\"A\"/></t:Message>";
    for attributes in [
        "TotalItemsInView=\"9\" IncludesLastItemInRange=\"false\" IndexedPagingOffset=\"0\"",
        "TotalItemsInView=\"9\" IncludesLastItemInRange=\"false\" IndexedPagingOffset=\"4\"",
    ] {
        let mut request = whole_inbox();
        request.offset = 4;
        let error =
            now(ports(Canned::xml(page(attributes, row))).search.unwrap().search(&request)).unwrap_err();
        assert!(error.message.contains("does not advance"), "{error}");
    }
    let empty = page("TotalItemsInView=\"9\" IncludesLastItemInRange=\"false\"", "");
    assert!(search(Canned::xml(empty)).unwrap_err().message.contains("does not advance"));
    let far = page("TotalItemsInView=\"9\" IncludesLastItemInRange=\"false\" IndexedPagingOffset=\"99\"", "");
    assert!(search(Canned::xml(far)).unwrap_err().message.contains("does not advance"));
    let short =
        page("TotalItemsInView=\"9\" IncludesLastItemInRange=\"false\" IndexedPagingOffset=\"1\"", row);
    assert_eq!(search(Canned::xml(short)).unwrap().next_offset, Some(1));
    let mut request = whole_inbox();
    request.limit = 1;
    let more = page("TotalItemsInView=\"9\" IncludesLastItemInRange=\"true\"", &row.repeat(2));
    assert!(
        now(ports(Canned::xml(more)).search.unwrap().search(&request))
            .unwrap_err()
            .message
            .contains("2 results")
    );
}

#[test]
fn xml_bombs_end_by_a_limit() {
    let laughs = "<!DOCTYPE l [<!ENTITY a \"ha\"><!ENTITY b \"&a;&a;\">]>";
    let declared = good().replace("?><s:", &format!("?>{laughs}<s:"));
    assert!(search(Canned::xml(declared)).unwrap_err().message.contains("document type"));
    let external = good().replace("?><s:", "?><!DOCTYPE x SYSTEM \"file:///etc/passwd\"><s:");
    assert!(search(Canned::xml(external)).unwrap_err().message.contains("document type"));
    let entity = one_message("<t:Subject>&xxe;</t:Subject>");
    assert!(search(Canned::xml(entity)).unwrap_err().message.contains("entity"));
    let bombs = [
        (one_message(&"<a>".repeat(5_000_000)), "nested"),
        (one_message(&format!("<t:Subject {}/>", "a=\"\" ".repeat(800_000))), "tag is longer"),
        (one_message(&format!("<t:Subject {}/>", "a=\"\" ".repeat(1_000))), "attributes"),
        (one_message(&format!("<t:Subject {}/>", "xmlns:a=\"b\" ".repeat(100_000))), "tag is longer"),
        (one_message(&format!("<{}/>", "a".repeat(100_000))), "tag is longer"),
    ];
    for (bomb, words) in bombs {
        let began = Instant::now();
        let error = search(Canned::pieces(bomb.as_bytes(), 4096)).unwrap_err();
        assert!(error.message.contains(words), "{error}");
        assert!(began.elapsed() < Duration::from_secs(5), "{words} took {:?}", began.elapsed());
    }
    let comments = one_message(&"<!-- -->".repeat(1_000_000));
    assert!(search(Canned::xml(comments)).is_ok());
    let mut config = config();
    config.max_answer = 100_000;
    let long = one_message(&format!("<t:Subject>{}</t:Subject>", "x".repeat(200_000)));
    let error =
        now(ports_with(config, move |_| Canned::xml(long.clone())).search.unwrap().search(&whole_inbox()));
    assert_eq!(error.unwrap_err().kind, ErrorKind::Limit);
}

#[test]
fn other_encodings_are_refused_and_harmless_ones_read() {
    let wide: Vec<u8> = good().encode_utf16().flat_map(u16::to_le_bytes).collect();
    let marked = [&[0xFF, 0xFE][..], &wide].concat();
    for bytes in [wide, marked] {
        assert!(search(Canned::xml(bytes)).unwrap_err().message.contains("UTF-8"));
    }
    let declared = good().replace("utf-8", "iso-8859-1");
    assert!(search(Canned::xml(declared)).unwrap_err().message.contains("UTF-8"));
    let marked = [&[0xEF, 0xBB, 0xBF][..], good().as_bytes()].concat();
    assert!(search(Canned::pieces(&marked, 1)).is_ok());
    let instructed = good().replace("<s:Body>", "<?php evil() ?><!-- c --><s:Body>");
    assert!(search(Canned::xml(instructed)).is_ok());
}

fn fetch(content: &str, out: &mut (dyn Write + Send)) -> Result<u64, Error> {
    let payload = format!(
        "<m:Attachments><t:FileAttachment><t:AttachmentId Id=\"T\"/><t:Name>x</t:Name><t:Content>{content}</t:Content>\
         </t:FileAttachment></m:Attachments>"
    );
    let text = answer("GetAttachment", &[("Success", "NoError", &payload)]);
    let info = exchange::AttachmentInfo {
        id: "T".to_owned(),
        name: None,
        content_type: None,
        size: 0,
        is_inline: false,
        content_id: None,
        kind: exchange::AttachmentKind::File,
    };
    now(ports(Canned::pieces(text.as_bytes(), 1000)).attachments.unwrap().fetch(&alice(), &info, out))
}

#[test]
fn base64_is_taken_with_white_space_and_refused_with_garbage() {
    let mut out = Vec::new();
    assert_eq!(fetch("aGVs\r\n bG8=\n", &mut out).unwrap(), 5);
    assert_eq!(out, b"hello");
    assert_eq!(fetch("", &mut Vec::new()).unwrap(), 0);
    for garbage in ["aGVs*G8=", "a", "====", "aGVsbG8=aGVsbG8=", "aGVsbG8=&#x41;"] {
        let error = fetch(garbage, &mut Vec::new()).unwrap_err();
        assert_eq!(error.kind, ErrorKind::Invalid, "{garbage}: {error}");
        assert!(error.message.contains("base64") && error.message.contains("FileAttachment"), "{error}");
    }
}

#[test]
fn a_full_disk_is_our_trouble_and_not_the_servers() {
    struct Full;
    impl Write for Full {
        fn write(&mut self, _: &[u8]) -> std::io::Result<usize> {
            Err(std::io::Error::new(std::io::ErrorKind::StorageFull, "no space"))
        }
        fn flush(&mut self) -> std::io::Result<()> {
            Ok(())
        }
    }
    let error = fetch("aGVsbG8=", &mut Full).unwrap_err();
    assert_eq!(error.kind, ErrorKind::Limit);
    assert!(error.message.contains("could not be kept"), "{error}");
}

#[test]
fn a_lost_draft_is_not_sent_again_by_itself() {
    let item = ItemRef { id: "A".to_owned(), change_key: Some("old".to_owned()) };
    let error = now(ports(Canned::xml("<s:Env")).submit.unwrap().send(&alice(), &item)).unwrap_err();
    assert_eq!(error.kind, ErrorKind::Unknown);
}

#[test]
fn an_old_version_of_a_draft_is_refreshed_once() {
    let sends = std::sync::atomic::AtomicUsize::new(0);
    let ports = ports_with(config(), move |request| {
        if request.contains("<m:SendItem") {
            let first = sends.fetch_add(1, std::sync::atomic::Ordering::SeqCst) == 0;
            assert_eq!(first, request.contains("ChangeKey=\"old\""), "{request}");
            if first {
                return Canned::xml(answer("SendItem", &[("Error", "ErrorStaleObject", "")]));
            }
        }
        support::agree(request)
    });
    let item = ItemRef { id: "A".to_owned(), change_key: Some("old".to_owned()) };
    now(ports.submit.unwrap().send(&alice(), &item)).unwrap();
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(300))]

    #[test]
    fn any_bytes_end_in_a_result(bytes in proptest::collection::vec(any::<u8>(), 0..2000), size in 1_usize..50) {
        let _ = search(Canned::pieces(&bytes, size));
    }

    #[test]
    fn any_change_to_a_good_answer_ends_in_a_result(
        changes in proptest::collection::vec((any::<prop::sample::Index>(), any::<u8>(), 0..3_u8), 1..6),
        size in 1_usize..200,
    ) {
        let mut bytes = good().into_bytes();
        for (at, byte, kind) in changes {
            let at = at.index(bytes.len());
            match kind {
                0 => bytes[at] = byte,
                1 => bytes.insert(at, byte),
                _ => { bytes.remove(at); }
            }
        }
        let first = search(Canned::pieces(&bytes, size));
        prop_assert_eq!(&first, &search(Canned::xml(bytes)), "the pieces change the result");
    }

    #[test]
    fn markup_of_any_shape_ends_in_a_result(parts in proptest::collection::vec(prop_oneof![
        Just("<"), Just(">"), Just("</"), Just("/>"), Just("<!--"), Just("-->"), Just("<![CDATA["), Just("]]>"),
        Just("<?"), Just("?>"), Just("&"), Just(";"), Just("&#x"), Just("\""), Just("'"), Just("="), Just("a"),
        Just("t:Message"), Just("<t:Items>"), Just("</t:Items>"), Just(" "), Just("é"),
    ], 0..60), size in 1_usize..9) {
        let text = one_message(&parts.concat());
        let first = search(Canned::pieces(text.as_bytes(), size));
        prop_assert_eq!(&first, &search(Canned::xml(text)), "the pieces change the result");
    }
}

#[test]
fn time_grows_with_the_bytes_and_no_faster() {
    // One tag that never ends, in small pieces: a reader that starts over at each would be quadratic.
    let cost = |bytes: usize| {
        let text = format!("{}{}", &one_message("")[..200], "x".repeat(bytes));
        let began = Instant::now();
        for _ in 0..20 {
            let _ = search(Canned::pieces(text.as_bytes(), 16));
        }
        began.elapsed()
    };
    let (small, large) = (cost(6_000), cost(60_000));
    assert!(large < small * 30 + Duration::from_millis(200), "{small:?} for 6 KB, {large:?} for 60 KB");
}
