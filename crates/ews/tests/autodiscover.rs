//! Autodiscover: what it makes of recorded answers, the order it asks in, and who gets to see the log-in.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "test code"
)]

mod support;

use std::path::PathBuf;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use bytes::Bytes;
use exchange::{Error, ErrorKind, Mailbox};
use exchange_sim::{Organisation, Server};
use http::Request;
use portcullis_ews::{Autodiscover, AutodiscoverConfig, AutodiscoverMethod, Discovered, ServiceRecords};
use proptest::prelude::*;
use support::{Canned, alice, now};

/// Who was asked, and whether with the log-in.
type Asked = Arc<Mutex<Vec<(bool, String)>>>;

/// A search in a network where `answer` speaks for every server.
fn network(
    config: AutodiscoverConfig,
    answer: impl Fn(&str, &Request<Bytes>) -> Option<Canned> + Clone + Send + Sync + 'static,
) -> (Autodiscover, Asked) {
    let asked = Asked::default();
    let service = |login: bool| {
        let (asked, answer) = (Arc::clone(&asked), answer.clone());
        support::service(move |request| {
            let url = request.uri().to_string();
            asked.lock().unwrap().push((login, url.clone()));
            answer(&url, request).unwrap_or_else(|| Canned::default().status(404))
        })
    };
    (Autodiscover::new(service(true), service(false), config), asked)
}

fn search(
    answer: impl Fn(&str, &Request<Bytes>) -> Option<Canned> + Clone + Send + Sync + 'static,
) -> (Result<Discovered, Error>, Vec<(bool, String)>) {
    let (client, asked) = network(AutodiscoverConfig::default(), answer);
    let found = now(client.discover(&alice()));
    let asked = asked.lock().unwrap().clone();
    (found, asked)
}

fn soap(inner: &str) -> Canned {
    Canned::xml(format!(
        "<s:Envelope xmlns:s=\"http://schemas.xmlsoap.org/soap/envelope/\"><s:Body><GetUserSettingsResponseMessage \
         xmlns=\"http://schemas.microsoft.com/exchange/2010/Autodiscover\"><Response><ErrorCode>NoError</ErrorCode>\
         <UserResponses><UserResponse>{inner}</UserResponse></UserResponses></Response>\
         </GetUserSettingsResponseMessage></s:Body></s:Envelope>"
    ))
}

fn found_at(url: &str) -> Canned {
    soap(&format!(
        "<ErrorCode>NoError</ErrorCode><UserSettings><UserSetting><Name>ExternalEwsUrl</Name><Value>{url}</Value>\
         </UserSetting><UserSetting><Name>AlternateMailboxes</Name><AlternateMailboxes><AlternateMailbox>\
         <Type>Archive</Type><SmtpAddress>arc@corp.example</SmtpAddress></AlternateMailbox></AlternateMailboxes>\
         </UserSetting></UserSettings>"
    ))
}

fn redirect(code: &str, target: &str) -> Canned {
    soap(&format!("<ErrorCode>{code}</ErrorCode><RedirectTarget>{target}</RedirectTarget>"))
}

const SVC: &str = "/autodiscover/autodiscover.svc";

#[test]
fn the_first_server_that_knows_is_taken() {
    let (found, asked) = search(|url, request| {
        let body = std::str::from_utf8(request.body()).unwrap();
        let there = url == format!("https://autodiscover.corp.example{SVC}");
        assert!(!there || body.contains("<a:Mailbox>alice@corp.example</a:Mailbox>"));
        there.then(|| found_at("https://autodiscover.corp.example/EWS/Exchange.asmx"))
    });
    let found = found.unwrap();
    assert_eq!(found.ews_url, "https://autodiscover.corp.example/EWS/Exchange.asmx");
    assert!(found.is_trusted && found.method == AutodiscoverMethod::Soap && !found.remembered);
    assert_eq!(found.alternate_mailboxes[0].address, "arc@corp.example");
    assert_eq!(asked.len(), 3);
    assert!(asked.iter().all(|(login, url)| *login && url.starts_with("https://")));
    assert_eq!(found.attempts.len(), 3);
}

#[test]
fn the_login_goes_nowhere_else_whatever_is_answered() {
    for lure in [
        redirect("RedirectUrl", "https://evil.example/autodiscover/autodiscover.svc"),
        redirect("RedirectUrl", "http://autodiscover.corp.example/autodiscover/autodiscover.svc"),
        redirect("RedirectUrl", "https://autodiscover.example/autodiscover/autodiscover.svc"),
        redirect("RedirectAddress", "alice@evil.example"),
        Canned::default().status(302).header("location", "https://evil.example/a"),
        Canned::default().status(307).header("location", "http://corp.example/autodiscover/autodiscover.svc"),
    ] {
        let (found, asked) = search(move |_, _| Some(lure.clone()));
        found.unwrap_err();
        let own = ["https://corp.example/", "https://autodiscover.corp.example/"];
        for (login, url) in asked {
            assert!(!login || own.iter().any(|own| url.starts_with(own)), "the log-in went to {url}");
        }
    }
}

#[test]
fn plain_http_is_asked_without_the_login_and_believed_only_about_trusted_hosts() {
    let lead = |to: &'static str| {
        move |url: &str, _: &Request<Bytes>| match url {
            "http://autodiscover.corp.example/autodiscover/autodiscover.xml" => {
                Some(Canned::default().status(302).header("location", to))
            }
            "https://mail.partner.example/autodiscover/autodiscover.svc" => {
                Some(found_at("https://mail.partner.example/EWS/Exchange.asmx"))
            }
            _ => None,
        }
    };
    let to = "https://mail.partner.example/autodiscover/autodiscover.xml";
    let (found, asked) = search(lead(to));
    let error = found.unwrap_err();
    assert_eq!(error.kind, ErrorKind::NotFound);
    assert!(error.message.contains("mail.partner.example is not trusted with the log-in"), "{error}");
    assert!(asked.iter().any(|(login, url)| !login && url.starts_with("http://")));
    assert!(!asked.iter().any(|(login, url)| *login && url.contains("partner")));

    let mut config = AutodiscoverConfig::default();
    config.trusted_hosts = vec!["mail.partner.example".to_owned()];
    let (client, _) = network(config, lead(to));
    let found = now(client.discover(&alice())).unwrap();
    assert_eq!(found.redirects, [to]);
    assert!(found.is_trusted);
}

#[test]
fn an_address_may_lead_to_another_and_the_json_needs_no_login() {
    let (found, asked) = search(|url, _| {
        if url.starts_with("https://corp.example") {
            return Some(redirect("RedirectAddress", "alice@corp.mail.example"));
        }
        let json = "{\"Protocol\":\"Ews\",\"Url\":\"https://outlook.office365.com/EWS/Exchange.asmx\"}";
        let path =
            "https://outlook.office365.com/autodiscover/autodiscover.json/v1.0/alice@corp.mail.example";
        url.starts_with(path).then(|| Canned::xml(json))
    });
    let found = found.unwrap();
    assert_eq!((found.method, found.address.as_str()), (AutodiscoverMethod::Json, "alice@corp.mail.example"));
    assert!(!found.is_trusted, "nobody has said that the log-in may go there");
    let json = asked.iter().filter(|(_, url)| url.contains("office365"));
    assert!(json.clone().all(|(login, _)| !login) && json.count() == 1);
    assert!(!asked.iter().any(|(login, url)| *login && url.contains("mail.example")));
}

#[test]
fn redirects_end() {
    let (found, asked) = search(|url, _| {
        let number: usize = url.rsplit('/').next().unwrap().trim_start_matches('r').parse().unwrap_or(0);
        Some(redirect("RedirectUrl", &format!("https://corp.example/r{}", number + 1)))
    });
    let error = found.unwrap_err();
    assert!(error.message.contains("more than 10 redirects"), "{error}");
    assert_eq!(asked.len(), 11);
    let (found, asked) = search(|url, _| {
        url.starts_with("https://corp.example")
            .then(|| redirect("RedirectUrl", &format!("https://corp.example{SVC}")))
    });
    found.unwrap_err();
    assert!(asked.len() < 10, "a circle is gone round once: {asked:?}");
}

#[test]
fn a_refused_login_is_not_the_end_and_is_said() {
    let (found, asked) = search(|url, _| {
        url.starts_with("https://").then(|| {
            Canned::default()
                .status(401)
                .header("www-authenticate", "Negotiate")
                .header("www-authenticate", "NTLM")
        })
    });
    let error = found.unwrap_err();
    assert_eq!(error.kind, ErrorKind::PermissionDenied);
    assert!(error.message.contains("log-ins offered: NTLM, Negotiate"), "{error}");
    assert_eq!(asked.len(), 6, "all were asked");
}

#[test]
fn an_address_of_ews_without_tls_is_not_taken() {
    let (found, _) = search(|url, _| {
        url.starts_with("https://corp.example").then(|| found_at("http://corp.example/EWS/Exchange.asmx"))
    });
    let error = found.unwrap_err();
    assert!(error.message.contains("not over HTTPS"), "{error}");
}

#[test]
fn who_answered_is_remembered_for_a_while() {
    let answer = |url: &str, _: &Request<Bytes>| {
        (url == format!("https://autodiscover.corp.example{SVC}"))
            .then(|| found_at("https://autodiscover.corp.example/e"))
    };
    for (lifetime, requests) in [(Duration::from_secs(3600), 4), (Duration::ZERO, 6)] {
        let mut config = AutodiscoverConfig::default();
        config.lifetime = lifetime;
        let (client, asked) = network(config, answer);
        let first = now(client.discover(&alice())).unwrap();
        let second = now(client.discover(&Mailbox::new("bob@corp.example").unwrap())).unwrap();
        assert_eq!((first.remembered, second.remembered), (false, requests == 4));
        assert_eq!(asked.lock().unwrap().len(), requests);
    }
}

fn traces() -> Option<PathBuf> {
    if let Some(named) = std::env::var_os("PORTCULLIS_EWS_TRACES") {
        return Some(PathBuf::from(named));
    }
    let beside = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../../../shared/ews-traces");
    beside.is_dir().then_some(beside)
}

/// What a recorded answer of the first server comes to.
fn recorded(name: &str, method: AutodiscoverMethod) -> Option<Result<Discovered, Error>> {
    let text = std::fs::read(traces()?.join(name)).unwrap();
    let mut config = AutodiscoverConfig::default();
    config.method = method;
    let (client, _) = network(config, move |url, _| {
        url.starts_with("https://corp.example").then(|| Canned::pieces(&text, 37))
    });
    Some(now(client.discover(&alice())))
}

#[test]
fn recorded_answers_are_understood() {
    use AutodiscoverMethod::{Pox, Soap};
    let online = "garethp-php-ews/ExchangeAutodiscoverTest.testGetAPI.03.xml";
    let Some(found) = recorded(online, Pox) else { return };
    let found = found.unwrap();
    assert_eq!(found.ews_url, "https://outlook.office365.com/EWS/Exchange.asmx");
    assert_eq!(found.grouping_information.as_deref(), Some("LO2P123"));
    assert_eq!(found.display_name.as_deref(), Some("Gareth Parker"));
    assert!(!found.is_trusted);
    let found = recorded("microsoft-docs/how-to-use-autodiscover-to-find-connection-points.04.xml", Soap);
    let found = found.unwrap().unwrap();
    assert_eq!(found.ews_url.host(), Some("server.Contoso.com"));
    assert_eq!(found.server_version.as_deref(), Some("15.0.160.4"));
    for (name, said) in [
        ("microsoft-docs/getusersettings-operation-soap.02.xml", "names no address of EWS"),
        ("microsoft-docs/handling-autodiscover-error-messages.01.xml", "redirects to elvin@mail.contoso.com"),
        (
            "microsoft-docs/how-to-use-autodiscover-to-find-connection-points.02.xml",
            "redirects to User1@mail.Contoso.com",
        ),
        ("exchangelib/test_autodiscover.L281-01.xml", "InvalidSetting (An error message)"),
        ("exchangelib/test_autodiscover.L302-02.xml", "InternalServerError (An internal error)"),
        ("exchangelib/test_autodiscover.L52-03.xml", "cannot be used"),
    ] {
        let error = recorded(name, Soap).unwrap().unwrap_err();
        assert!(error.message.contains(said), "{name}: {error}");
    }
}

proptest! {
    /// Whatever a network answers: the search ends, and the log-in stays where it belongs.
    #[test]
    fn no_network_gets_the_login(answers in proptest::collection::vec((any::<u8>(), "[a-z:/.@]{0,30}"), 1..12)) {
        let answers = Arc::new(answers);
        let (_, asked) = search(move |url, _| {
            let (kind, text) = &answers[url.len() % answers.len()];
            Some(match kind % 8 {
                0 => redirect("RedirectUrl", &format!("https://{text}")),
                1 => redirect("RedirectUrl", text),
                2 => redirect("RedirectAddress", text),
                3 => Canned::default().status(302).header("location", &format!("https://{text}/autodiscover/autodiscover.svc")),
                4 => found_at(text),
                5 => Canned::default().status(401),
                6 => Canned::xml(text.clone()),
                _ => redirect("RedirectAddress", &format!("a@{text}")),
            })
        });
        for (login, url) in asked {
            let own = ["https://corp.example", "https://autodiscover.corp.example"];
            prop_assert!(!login || own.iter().any(|own| {
                url.strip_prefix(own).is_some_and(|rest| rest.is_empty() || rest.starts_with('/') || rest.starts_with(":443/"))
            }), "the log-in went to {}", url);
        }
    }
}

/// What the records of a domain say.
struct Records(Vec<(&'static str, u16)>);

impl ServiceRecords for Records {
    fn look<'a>(&'a self, name: &'a str) -> exchange::Work<'a, Vec<(String, u16)>> {
        assert_eq!(name, "_autodiscover._tcp.corp.example");
        let found = self.0.iter().map(|(host, port)| ((*host).to_owned(), *port)).collect();
        Box::pin(std::future::ready(Ok(found)))
    }
}

#[test]
fn the_records_of_a_domain_are_the_last_resort_and_get_no_login_by_themselves() {
    let asked_of = |trusted: &[&str]| {
        let mut config = AutodiscoverConfig::default();
        config.trusted_hosts = trusted.iter().map(|host| (*host).to_owned()).collect();
        let (client, asked) = network(config, |url, _| {
            let there = url.starts_with("https://mail.hoster.example/") && url.ends_with(".svc");
            there.then(|| found_at("https://mail.hoster.example/EWS/Exchange.asmx"))
        });
        let records = Records(vec![("mail.hoster.example", 443), ("odd.hoster.example", 8443)]);
        let found = now(client.with_records(Arc::new(records)).discover(&alice()));
        let asked = asked.lock().unwrap().clone();
        (found, asked)
    };
    // A host that nobody vouched for is not asked, and the error says so.
    let (error, asked) = asked_of(&[]);
    let error = error.unwrap_err();
    assert!(asked.iter().all(|(_, url)| !url.contains("hoster")), "{asked:?}");
    assert!(error.message.contains("it names mail.hoster.example:443"), "{error}");
    assert!(error.message.contains("mail.hoster.example is not trusted with the log-in"), "{error}");
    let (found, asked) = asked_of(&["mail.hoster.example"]);
    let found = found.unwrap();
    assert_eq!(found.ews_url.host(), Some("mail.hoster.example"));
    assert_eq!(
        asked.last().unwrap(),
        &(true, "https://mail.hoster.example/autodiscover/autodiscover.svc".to_owned())
    );
    assert!(asked.iter().all(|(_, url)| !url.contains("odd")), "{asked:?}");
    // It comes after everything else.
    let looked = found.attempts.iter().position(|attempt| attempt.url.starts_with("dns:")).unwrap();
    assert_eq!(looked, found.attempts.len() - 2);
}

#[tokio::test]
async fn the_simulator_is_found_over_all_three_faces() {
    let organisation = Organisation::new();
    organisation.add_mailbox("svc@corp.example");
    organisation.add_mailbox("alice@corp.example");
    organisation.configure("alice@corp.example", "{name: Alice}").unwrap();
    organisation.redirect_autodiscover("old@corp.example", "alice@corp.example");
    let config = exchange_sim::Config::local("svc@corp.example", "secret");
    let server = Server::start(organisation, config).await.unwrap();
    let base: http::Uri = server.base_url().parse().unwrap();
    let origin = transport::Origin::of(&base).unwrap();
    let login = transport::Credentials::basic("svc@corp.example", transport::Secret::new("secret"));
    let login = transport::Client::builder().credentials(origin, login).build().unwrap();
    let anonymous = transport::Client::builder().build().unwrap();
    use AutodiscoverMethod::{Json, Pox, Soap};
    for method in [Soap, Pox, Json] {
        let mut config = AutodiscoverConfig::default();
        config.method = method;
        config.endpoints = vec![base.clone()];
        config.json_hosts.clear();
        let client = Autodiscover::new(login.clone(), anonymous.clone(), config);
        let found = client.discover(&alice()).await.unwrap();
        assert_eq!((found.ews_url.to_string(), found.method), (server.url(), method));
        assert!(found.is_trusted);
        if method != Json {
            assert_eq!(found.display_name.as_deref(), Some("Alice"));
            let moved = client.discover(&Mailbox::new("old@corp.example").unwrap()).await.unwrap();
            assert_eq!(moved.address, alice());
        }
    }
}
