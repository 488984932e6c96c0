//! Answers that say no, or not yet, or come from somebody else: which of them it was.

use super::*;

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
