//! How a request reaches a mailbox: who is acted for, whose folders are named, the headers servers route by, and the
//! schema version that is settled on.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "test code"
)]

mod support;

use std::sync::{Arc, Mutex};

use bytes::Bytes;
use exchange::{DeleteMode, ErrorKind, FolderRef, Mailbox, SearchRequest, WellKnownFolder};
use http::Request;
use portcullis_ews::{Access, Config, EwsClient, Identity, NamedBy, ServerVersion, Store, Version};
use support::{Canned, alice, client_with, now, whole_inbox};

type Seen = Arc<Mutex<Vec<Request<Bytes>>>>;

fn configured(access: Access, change: impl FnOnce(&mut Config)) -> Config {
    let mut config = Config::new("https://mail.corp.example/EWS/Exchange.asmx".parse().unwrap(), access);
    change(&mut config);
    config
}

/// A client whose server agrees to everything, and what it was sent.
fn watched(config: Config) -> (EwsClient, Seen) {
    let seen = Seen::default();
    let log = Arc::clone(&seen);
    let client = client_with(config, move |request| {
        log.lock().unwrap().push(request.clone());
        support::agree(std::str::from_utf8(request.body()).unwrap())
    });
    (client, seen)
}

fn bob() -> Mailbox {
    Mailbox::new("bob@corp.example").unwrap()
}

fn body(request: &Request<Bytes>) -> &str {
    std::str::from_utf8(request.body()).unwrap()
}

fn header<'a>(request: &'a Request<Bytes>, name: &str) -> Option<&'a str> {
    request.headers().get(name).map(|value| value.to_str().unwrap())
}

/// The one request a search of Alice's folder makes.
fn search_in(config: Config, folder: WellKnownFolder) -> Request<Bytes> {
    let (client, seen) = watched(config);
    let request = SearchRequest { folder: FolderRef::WellKnown(folder), ..whole_inbox() };
    now(client.ports().search.unwrap().search(&request)).unwrap();
    let all = seen.lock().unwrap().clone();
    assert_eq!(all.len(), 1);
    all[0].clone()
}

fn search(config: Config) -> Request<Bytes> {
    search_in(config, WellKnownFolder::Inbox)
}

#[test]
fn the_mailbox_acted_for_is_named_as_configured() {
    let named = |change: fn(&mut Config)| {
        let request = search(configured(Access::Impersonation, change));
        let body = body(&request);
        let inside =
            body.split("<t:ConnectingSID>").nth(1).unwrap().split("</t:ConnectingSID>").next().unwrap();
        (inside.to_owned(), header(&request, "x-anchormailbox").unwrap().to_owned())
    };
    let (plain, anchor) = named(|_| {});
    assert_eq!(plain, "<t:PrimarySmtpAddress>alice@corp.example</t:PrimarySmtpAddress>");
    assert_eq!(anchor, "alice@corp.example");
    let (any, _) = named(|config| config.named_by = NamedBy::SmtpAddress);
    assert_eq!(any, "<t:SmtpAddress>alice@corp.example</t:SmtpAddress>");
    let (upn, _) = named(|config| config.named_by = NamedBy::PrincipalName);
    assert_eq!(upn, "<t:PrincipalName>alice@corp.example</t:PrincipalName>");
    let (other, anchor) = named(|config| {
        let upn = Identity::PrincipalName("a.liddell@ad.corp.example".to_owned());
        config.identities.push((Mailbox::new("ALICE@corp.example").unwrap(), upn));
    });
    assert_eq!(other, "<t:PrincipalName>a.liddell@ad.corp.example</t:PrincipalName>");
    assert_eq!(anchor, "alice@corp.example", "routing goes by the mailbox, not by the name of its owner");
    let (sid, _) = named(|config| config.identities.push((alice(), Identity::Sid("S-1-5-21-1".to_owned()))));
    assert_eq!(sid, "<t:SID>S-1-5-21-1</t:SID>");
}

#[test]
fn a_delegate_names_the_owner_of_a_folder_and_acts_for_nobody() {
    let delegate = |own: Option<Mailbox>| search(configured(Access::Delegate { mailbox: own }, |_| {}));
    let other = delegate(Some(bob()));
    let folder = "<t:DistinguishedFolderId Id=\"inbox\"><t:Mailbox><t:EmailAddress>alice@corp.example</t:EmailAddress></t:Mailbox></t:DistinguishedFolderId>";
    assert!(body(&other).contains(folder), "{}", body(&other));
    assert!(!body(&other).contains("Impersonation"));
    assert_eq!(header(&other, "x-anchormailbox"), Some("alice@corp.example"));
    assert!(body(&delegate(None)).contains(folder));
    let own = delegate(Some(alice()));
    assert!(body(&own).contains("<t:DistinguishedFolderId Id=\"inbox\"/>"), "{}", body(&own));
}

#[test]
fn well_known_folders_of_an_archive_are_those_of_the_archive() {
    let archive = |change: &mut Config| change.store = Store::Archive;
    let request = search(configured(Access::Impersonation, archive));
    assert!(body(&request).contains("Id=\"archiveinbox\""), "{}", body(&request));
    let delegate = search(configured(Access::Delegate { mailbox: None }, archive));
    assert!(body(&delegate).contains("Id=\"archiveinbox\"><t:Mailbox>"), "{}", body(&delegate));

    let (client, seen) = watched(configured(Access::Impersonation, archive));
    let request = SearchRequest { folder: FolderRef::WellKnown(WellKnownFolder::Drafts), ..whole_inbox() };
    let error = now(client.ports().search.unwrap().search(&request)).unwrap_err();
    assert!(error.message.contains("an archive has no well-known folder \"drafts\""), "{error}");
    assert!(seen.lock().unwrap().is_empty(), "nothing is sent");
    let path = SearchRequest { folder: FolderRef::parse("Projects/2024").unwrap(), ..whole_inbox() };
    now(client.ports().search.unwrap().search(&path)).unwrap();
    assert!(body(&seen.lock().unwrap()[0]).contains("Id=\"archivemsgfolderroot\""));
}

#[test]
fn requests_for_public_folders_carry_the_routing_headers() {
    let store = Store::PublicFolders {
        hierarchy: Some("tree@corp.example".to_owned()),
        content: Some("content@corp.example".to_owned()),
    };
    let (client, seen) =
        watched(configured(Access::Delegate { mailbox: Some(bob()) }, |config| config.store = store));
    let request = SearchRequest { folder: FolderRef::parse("Reports").unwrap(), ..whole_inbox() };
    now(client.ports().search.unwrap().search(&request)).unwrap();
    let seen = seen.lock().unwrap();
    let [tree, content] = seen.as_slice() else { panic!("{seen:?}") };
    assert!(body(tree).contains("<m:FindFolder") && body(content).contains("<m:FindItem"));
    assert!(body(tree).contains("<t:DistinguishedFolderId Id=\"publicfoldersroot\"/>"), "{}", body(tree));
    for (request, holder) in [(tree, "tree@corp.example"), (content, "content@corp.example")] {
        assert_eq!(header(request, "x-anchormailbox"), Some(holder));
        assert_eq!(header(request, "x-publicfoldermailbox"), Some(holder));
    }
    assert_eq!(header(&search(configured(Access::Impersonation, |_| {})), "x-publicfoldermailbox"), None);
}

#[test]
fn zone_culture_and_anchor_are_sent_where_they_are_configured() {
    let request = search(configured(Access::Impersonation, |config| {
        config.time_zone = Some("W. Europe Standard Time".to_owned());
        config.culture = Some("de-DE".to_owned());
        config.anchor = Some("anchor@corp.example".to_owned());
    }));
    let zone =
        "<t:TimeZoneContext><t:TimeZoneDefinition Id=\"W. Europe Standard Time\"/></t:TimeZoneContext>";
    assert!(
        body(&request).contains(zone)
            && body(&request).contains("<t:MailboxCulture>de-DE</t:MailboxCulture>")
    );
    assert_eq!(header(&request, "x-anchormailbox"), Some("anchor@corp.example"));
    let plain = search(configured(Access::Impersonation, |_| {}));
    assert!(!body(&plain).contains("TimeZoneContext") && !body(&plain).contains("MailboxCulture"));
}

#[test]
fn every_request_has_a_name_of_its_own_and_every_error_says_it() {
    let seen = Seen::default();
    let log = Arc::clone(&seen);
    let denied =
        support::answer("DeleteItem", &[("Success", "NoError", ""), ("Error", "ErrorItemNotFound", "")]);
    let client = client_with(support::config(), move |request| {
        log.lock().unwrap().push(request.clone());
        match body(request).contains("<m:DeleteItem") {
            true => Canned::xml(denied.clone()),
            false => Canned::xml("").status(403),
        }
    });
    let items = support::items(&["A", "B"]);
    let one = now(client.ports().delete.unwrap().delete(&alice(), &items, DeleteMode::Soft)).unwrap();
    let whole = now(client.ports().search.unwrap().search(&whole_inbox())).unwrap_err();
    let seen = seen.lock().unwrap();
    let names: Vec<&str> = seen.iter().map(|sent| header(sent, "client-request-id").unwrap()).collect();
    assert_ne!(names[0], names[1]);
    assert!(seen.iter().all(|sent| header(sent, "return-client-request-id") == Some("true")));
    let of_item = one[1].as_ref().unwrap_err();
    assert!(of_item.message.ends_with(&format!("[client-request-id {}]", names[0])), "{of_item}");
    assert!(whole.message.ends_with(&format!("[client-request-id {}]", names[1])), "{whole}");
    assert_eq!(whole.message.matches("client-request-id").count(), 1);
}

const OLD_2013: &str = "MajorVersion=\"15\" MinorVersion=\"0\" MajorBuildNumber=\"1497\" MinorBuildNumber=\"2\" Version=\"V2_23\"";
const OLD_2010: &str =
    "MajorVersion=\"14\" MinorVersion=\"3\" MajorBuildNumber=\"513\" MinorBuildNumber=\"0\"";

/// What a server that knows nothing newer than `newest` says, and says about itself.
fn server(
    newest: Option<Version>,
    info: &'static str,
    code: &'static str,
) -> impl Fn(&Request<Bytes>) -> Canned {
    move |request| {
        let text = body(request);
        let asked = text.split("RequestServerVersion Version=\"").nth(1).unwrap().split('"').next().unwrap();
        let asked: Version = asked.parse().unwrap();
        let header = match info {
            "" => String::new(),
            info => format!(
                "<s:Header><h:ServerVersionInfo {info} xmlns:h=\"http://schemas.microsoft.com/exchange/services/2006/types\"/></s:Header>"
            ),
        };
        let with = |answer: String| answer.replace("<s:Body>", &format!("{header}<s:Body>"));
        if newest.is_some_and(|newest| asked <= newest) {
            let good = support::answer(
                "FindItem",
                &[(
                    "Success",
                    "NoError",
                    "<m:RootFolder TotalItemsInView=\"0\" IncludesLastItemInRange=\"true\"><t:Items/></m:RootFolder>",
                )],
            );
            return Canned::xml(with(good));
        }
        let fault = format!(
            "<s:Fault><faultcode>a:{code}</faultcode><faultstring>The specified server version is invalid.</faultstring><detail><e:ResponseCode xmlns:e=\"http://schemas.microsoft.com/exchange/services/2006/errors\">{code}</e:ResponseCode></detail></s:Fault>"
        );
        Canned::xml(with(support::envelope(&fault))).status(500)
    }
}

fn talk(
    config: Config,
    server: impl Fn(&Request<Bytes>) -> Canned + Send + Sync + 'static,
) -> (EwsClient, Seen) {
    let seen = Seen::default();
    let log = Arc::clone(&seen);
    let client = client_with(config, move |request| {
        log.lock().unwrap().push(request.clone());
        server(request)
    });
    (client, seen)
}

#[test]
fn a_version_the_server_does_not_know_is_stepped_down_from_once_and_for_all() {
    for (info, code, requests) in [
        (OLD_2013, "ErrorInvalidServerVersion", 2),
        ("", "ErrorInvalidServerVersion", 3),
        ("", "ErrorIncorrectSchemaVersion", 3),
    ] {
        let (client, seen) = talk(support::config(), server(Some(Version::Exchange2013Sp1), info, code));
        let search = client.ports().search.unwrap();
        now(search.search(&whole_inbox())).unwrap();
        assert_eq!(seen.lock().unwrap().len(), requests, "{code}");
        assert_eq!(client.version(), Version::Exchange2013Sp1);
        now(search.search(&whole_inbox())).unwrap();
        assert_eq!(seen.lock().unwrap().len(), requests + 1, "what was found out is remembered");
        let known = ServerVersion { major: 15, minor: 0, build: 1497 };
        assert_eq!(client.server_version(), (!info.is_empty()).then_some(known));
    }
}

#[test]
fn stepping_down_ends_and_says_what_the_server_is() {
    let (client, seen) = talk(support::config(), server(None, OLD_2010, "ErrorInvalidServerVersion"));
    let error = now(client.ports().search.unwrap().search(&whole_inbox())).unwrap_err();
    assert_eq!((error.kind, seen.lock().unwrap().len()), (ErrorKind::Invalid, 1));
    assert!(error.message.contains("14.3.513") && error.message.contains("Exchange 2013"), "{error}");

    let (client, seen) = talk(support::config(), server(None, "", "ErrorInvalidServerVersion"));
    now(client.ports().search.unwrap().search(&whole_inbox())).unwrap_err();
    assert_eq!(seen.lock().unwrap().len(), Version::ALL.len());

    let fixed = configured(Access::Impersonation, |config| config.step_down = false);
    let (client, seen) = talk(fixed, server(Some(Version::Exchange2013), "", "ErrorInvalidServerVersion"));
    now(client.ports().search.unwrap().search(&whole_inbox())).unwrap_err();
    assert_eq!(seen.lock().unwrap().len(), 1, "nothing else is tried where that is not wanted");
}

#[test]
fn any_other_refusal_is_no_reason_to_ask_again() {
    let refusing = server(Some(Version::Exchange2013), OLD_2013, "ErrorSchemaValidation");
    let (client, seen) = talk(support::config(), refusing);
    now(client.ports().search.unwrap().search(&whole_inbox())).unwrap_err();
    assert_eq!(seen.lock().unwrap().len(), 1);
}

#[test]
fn cookies_of_a_subscription_go_with_it_and_with_nothing_else() {
    let seen = Seen::default();
    let log = Arc::clone(&seen);
    let client = client_with(configured(Access::Impersonation, |_| {}), move |request| {
        log.lock().unwrap().push(request.clone());
        let text = body(request);
        let says = |operation: &str, payload: &str| {
            Canned::xml(support::answer(operation, &[("Success", "NoError", payload)]))
        };
        if text.contains("<m:Subscribe>") {
            let made =
                says("Subscribe", "<m:SubscriptionId>S1</m:SubscriptionId><m:Watermark>W1</m:Watermark>");
            return made
                .header("set-cookie", "X-BackEndOverrideCookie=EX1~1; path=/; secure; HttpOnly")
                .header("set-cookie", "balancer=b1; path=/EWS")
                .header("set-cookie", "other=1; domain=evil.example")
                .header("set-cookie", "page=1; path=/owa");
        }
        if text.contains("<m:GetEvents>") {
            let news = "<m:Notification><t:SubscriptionId>S1</t:SubscriptionId><t:PreviousWatermark>W1\
                </t:PreviousWatermark><t:MoreEvents>false</t:MoreEvents><t:StatusEvent><t:Watermark>W2\
                </t:Watermark></t:StatusEvent></m:Notification>";
            return says("GetEvents", news).header("set-cookie", "balancer=b2; path=/");
        }
        match text.contains("<m:Unsubscribe>") {
            true => says("Unsubscribe", ""),
            false => support::agree(text).header("set-cookie", "balancer=b3; path=/"),
        }
    });
    let watch = portcullis_ews::Watch::new_mail(WellKnownFolder::Inbox);
    now(client.subscribe_pull(&alice(), &watch, 5, None)).unwrap();
    now(client.get_events(&alice(), "S1", "W1")).unwrap();
    now(client.get_events(&bob(), "S1", "W1")).unwrap();
    now(client.ports().search.unwrap().search(&whole_inbox())).unwrap();
    now(client.get_events(&alice(), "S2", "W1")).unwrap();
    now(client.unsubscribe(&alice(), "S1")).unwrap();
    now(client.get_events(&alice(), "S1", "W1")).unwrap();
    let seen = seen.lock().unwrap();
    let cookies: Vec<Option<&str>> = seen.iter().map(|request| header(request, "cookie")).collect();
    let (first, then) = (
        Some("X-BackEndOverrideCookie=EX1~1; balancer=b1"),
        Some("X-BackEndOverrideCookie=EX1~1; balancer=b2"),
    );
    assert_eq!(cookies, [None, first, then, None, None, then, None]);
    let prefers: Vec<bool> =
        seen.iter().map(|request| header(request, "x-preferserveraffinity") == Some("true")).collect();
    assert_eq!(prefers, [true, true, true, false, true, true, true]);
    // The anchor stays that of the first request.
    assert_eq!(header(&seen[2], "x-anchormailbox"), Some("alice@corp.example"));
    assert_eq!(header(&seen[3], "x-anchormailbox"), Some("alice@corp.example"));
}
