//! `portcullis connection` as an operator meets it: each stage of a test fails in turn, and says what helps.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::disallowed_methods,
    reason = "tests start the real binary"
)]

use std::io::{Read as _, Write as _};
use std::net::TcpListener;
use std::path::PathBuf;
use std::process::{Command, Stdio};

use exchange_sim::{Account, Application, Config, Grant, Organisation, Reach, Right, Scheme, Server};
use serde_json::Value;
use tempfile::TempDir;

const PASSWORD: &str = "canary-4417-password";

/// A folder with a configuration.
struct Place {
    folder: TempDir,
}

struct Ended {
    code: Option<i32>,
    out: String,
    err: String,
}

impl Place {
    /// With these lines under the connection `mail`.
    fn new(lines: &str) -> Self {
        let place = Place { folder: tempfile::tempdir().unwrap() };
        let lines: String =
            lines.lines().map(|line| format!("    {}\n", line.trim_start_matches("| "))).collect();
        std::fs::write(
            place.path("portcullis.yaml"),
            format!("connections:\n  mail:\n    kind: ews\n{lines}"),
        )
        .unwrap();
        place
    }

    fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    fn run(&self, args: &[&str]) -> Ended {
        let output = Command::new(env!("CARGO_BIN_EXE_portcullis"))
            .args(args)
            .current_dir(self.folder.path())
            .env_clear()
            .env("MAIL_PASSWORD", PASSWORD)
            .stdin(Stdio::null())
            .output()
            .unwrap();
        let ended = Ended {
            code: output.status.code(),
            out: String::from_utf8(output.stdout).unwrap(),
            err: String::from_utf8(output.stderr).unwrap(),
        };
        assert!(!format!("{}{}", ended.out, ended.err).contains(PASSWORD), "{}{}", ended.out, ended.err);
        ended
    }

    /// `connection test mail --json`, with more arguments.
    #[track_caller]
    fn test(&self, more: &[&str]) -> Value {
        let ended = self.run(&[&["connection", "test", "mail", "--json"], more].concat());
        let report: Value = serde_json::from_str(&ended.out)
            .unwrap_or_else(|error| panic!("{error}: {}{}", ended.out, ended.err));
        let expected = if report["ok"] == true { 0 } else { 1 };
        assert_eq!(ended.code, Some(expected), "{report:#}\n{}", ended.err);
        report
    }

    /// Tests, and gives the stage that failed, its reason and its remedy.
    #[track_caller]
    fn failure(&self, more: &[&str]) -> (String, String, String) {
        let report = self.test(more);
        assert_eq!(report["ok"], false, "{report:#}");
        let stages = report["stages"].as_array().unwrap();
        let failed: Vec<&Value> = stages.iter().filter(|stage| stage["result"] == "failed").collect();
        assert_eq!(failed.len(), 1, "{report:#}");
        assert_eq!(Some(failed[0]), stages.last(), "{report:#}");
        let text = |key: &str| failed[0][key].as_str().unwrap().to_owned();
        assert!(!text("remedy").is_empty(), "{report:#}");
        (text("stage"), text("reason"), text("remedy"))
    }
}

/// The stages of a report, each with its result.
fn stages(report: &Value) -> Vec<(String, String)> {
    let stages = report["stages"].as_array().unwrap();
    let text = |value: &Value| value.as_str().unwrap().to_owned();
    stages.iter().map(|stage| (text(&stage["stage"]), text(&stage["result"]))).collect()
}

/// Something that listens on a port of this machine for as long as the test runs.
struct Canned {
    port: u16,
}

impl Canned {
    /// Gives these answers, one a connection; the last one again and again. An empty one is never given: the
    /// connection hangs.
    fn new(answers: &'static [&'static str]) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let port = listener.local_addr().unwrap().port();
        std::thread::spawn(move || {
            let mut held = Vec::new();
            let mut requests = 0;
            for stream in listener.incoming() {
                let Ok(mut stream) = stream else { continue };
                let mut read = [0; 8192];
                // Whoever only looks whether the port is open sends nothing.
                let Ok(1..) = stream.read(&mut read) else { continue };
                let answer = answers[answers.len().min(requests + 1) - 1];
                requests += 1;
                if answer.is_empty() {
                    held.push(stream);
                    continue;
                }
                let _ = stream.write_all(answer.as_bytes());
            }
        });
        Canned { port }
    }

    fn url(&self) -> String {
        format!("http://127.0.0.1:{}/EWS/Exchange.asmx", self.port)
    }
}

const ASKS: &str = "HTTP/1.1 401 Unauthorized\r\nWWW-Authenticate: Basic realm=\"x\"\r\nContent-Length: 0\r\nConnection: close\r\n\r\n";

fn basic(url: &str) -> String {
    format!(
        "| url: {url}\n| auth: {{ kind: basic, user: svc@corp.example, password: {{ env: MAIL_PASSWORD }} }}\n"
    )
}

struct Simulated {
    runtime: tokio::runtime::Runtime,
    server: Option<Server>,
}

impl Simulated {
    fn new(fill: impl FnOnce(&Organisation), config: Config) -> Self {
        let organisation = Organisation::new();
        for address in ["svc@corp.example", "alice@corp.example", "bob@corp.example"] {
            organisation.add_mailbox(address);
        }
        fill(&organisation);
        let runtime =
            tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build().unwrap();
        let server = runtime.block_on(Server::start(organisation, config)).unwrap();
        Simulated { runtime, server: Some(server) }
    }

    fn server(&self) -> &Server {
        self.server.as_ref().unwrap()
    }
}

impl Drop for Simulated {
    fn drop(&mut self) {
        let _in = self.runtime.enter();
        drop(self.server.take());
    }
}

fn open_house() -> Simulated {
    Simulated::new(|_| {}, Config::local("svc@corp.example", PASSWORD))
}

#[test]
fn a_sound_connection_passes_every_stage() {
    let house = open_house();
    let place = Place::new(&format!("{}| test_user: alice@corp.example\n", basic(&house.server().url())));
    let report = place.test(&[]);
    assert_eq!(report["ok"], true, "{report:#}");
    assert_eq!(report["connection"], "mail");
    let stages = stages(&report);
    for stage in ["configuration", "tcp", "http", "log_in", "mailbox", "impersonation"] {
        assert!(stages.contains(&(stage.to_owned(), "passed".to_owned())), "{stage}: {report:#}");
    }
    for stage in ["tls", "token"] {
        assert!(stages.contains(&(stage.to_owned(), "skipped".to_owned())), "{stage}: {report:#}");
    }
    assert!(report["stages"].as_array().unwrap().iter().all(|stage| stage["milliseconds"].is_u64()));
    let human = place.run(&["connection", "test", "mail", "--as", "bob@corp.example"]);
    assert_eq!(human.code, Some(0), "{}{}", human.out, human.err);
    assert!(human.out.contains("the inbox of bob@corp.example is open"), "{}", human.out);
}

#[test]
fn a_service_account_without_a_mailbox_passes() {
    let house = Simulated::new(|_| {}, Config::local("robot@corp.example", PASSWORD));
    let place = Place::new(&basic(&house.server().url()).replace("svc@", "robot@"));
    let report = place.test(&["--as", "alice@corp.example"]);
    assert_eq!(report["ok"], true, "{report:#}");
    assert!(stages(&report).contains(&("mailbox".to_owned(), "skipped".to_owned())), "{report:#}");
    // Who says that it is there gets to know that it is not.
    let named = basic(&house.server().url()).replace("svc@", "robot@") + "| email: robot@corp.example\n";
    let (stage, _, _) = Place::new(&named).failure(&[]);
    assert_eq!(stage, "mailbox");
}

#[test]
fn a_domain_without_a_server_ends_at_autodiscover() {
    let place = Place::new(&basic("").replace("url: ", "autodiscover: svc@localhost"));
    let (stage, reason, _) = place.failure(&[]);
    assert_eq!(stage, "autodiscover");
    assert!(reason.contains("localhost"), "{reason}");
    assert_eq!(place.run(&["connection", "show", "mail"]).code, Some(0));
}

#[test]
fn a_name_nobody_has_ends_at_dns() {
    let place = Place::new(&basic("https://mail.no-such-host.invalid/EWS/Exchange.asmx"));
    let (stage, reason, _) = place.failure(&[]);
    assert_eq!(stage, "dns");
    assert!(reason.contains("mail.no-such-host.invalid"), "{reason}");
}

#[test]
fn a_closed_port_ends_at_tcp() {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = listener.local_addr().unwrap().port();
    drop(listener);
    let (stage, reason, remedy) =
        Place::new(&basic(&format!("http://127.0.0.1:{port}/EWS/Exchange.asmx"))).failure(&[]);
    assert_eq!(stage, "tcp");
    assert!(reason.contains("127.0.0.1"), "{reason}");
    assert!(remedy.contains("port"), "{remedy}");
}

#[test]
fn a_port_without_tls_ends_at_tls() {
    let canned = Canned::new(&["HTTP/1.1 400 Bad Request\r\nContent-Length: 0\r\n\r\n"]);
    let place = Place::new(&basic(&format!("https://127.0.0.1:{}/EWS/Exchange.asmx", canned.port)));
    let (stage, _, remedy) = place.failure(&[]);
    assert_eq!(stage, "tls");
    assert!(!remedy.is_empty());
}

#[test]
fn a_proxy_that_is_not_there_is_named() {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = listener.local_addr().unwrap().port();
    drop(listener);
    let proxy = format!("| proxy: {{ kind: http, address: 127.0.0.1, port: {port} }}\n");
    let place = Place::new(&(basic("https://mail.corp.example/EWS/Exchange.asmx") + &proxy));
    let (stage, reason, _) = place.failure(&[]);
    assert!(stage == "tcp" || stage == "proxy", "{stage}: {reason}");
    assert!(reason.contains("127.0.0.1") || reason.contains("proxy"), "{reason}");
}

#[test]
fn a_server_that_does_not_answer_ends_at_http() {
    let canned = Canned::new(&[""]);
    let place = Place::new(&(basic(&canned.url()) + "| timeout: 1s\n"));
    let (stage, _, remedy) = place.failure(&[]);
    assert_eq!(stage, "http");
    assert!(remedy.contains("time"), "{remedy}");
}

#[test]
fn a_log_in_page_ends_at_http() {
    let page =
        "HTTP/1.1 200 OK\r\nContent-Type: text/html\r\nContent-Length: 6\r\nConnection: close\r\n\r\n<html>";
    let (stage, _, remedy) = Place::new(&basic(&Canned::new(Vec::leak(vec![page])).url())).failure(&[]);
    assert_eq!(stage, "http");
    assert!(remedy.contains("log-in page"), "{remedy}");
}

#[test]
fn a_redirect_and_a_wrong_path_end_at_http() {
    let redirect =
        "HTTP/1.1 302 Found\r\nLocation: https://owa.corp.example/owa?secret=1\r\nContent-Length: 0\r\n\r\n";
    let (stage, reason, remedy) =
        Place::new(&basic(&Canned::new(Vec::leak(vec![redirect])).url())).failure(&[]);
    assert_eq!(stage, "http");
    assert!(reason.contains("https://owa.corp.example") && !reason.contains("secret=1"), "{reason}");
    assert!(remedy.contains("`url`"), "{remedy}");
    let nothing = "HTTP/1.1 404 Not Found\r\nContent-Length: 0\r\n\r\n";
    let (stage, _, remedy) = Place::new(&basic(&Canned::new(Vec::leak(vec![nothing])).url())).failure(&[]);
    assert_eq!(stage, "http");
    assert!(remedy.contains("/EWS/Exchange.asmx"), "{remedy}");
}

#[test]
fn a_wrong_password_ends_at_the_log_in() {
    let house = Simulated::new(|_| {}, Config::local("svc@corp.example", "another"));
    let (stage, reason, remedy) = Place::new(&basic(&house.server().url())).failure(&[]);
    assert_eq!(stage, "log_in");
    assert!(reason.contains("401"), "{reason}");
    assert!(remedy.contains("password"), "{remedy}");
}

#[test]
fn a_kind_of_log_in_the_server_does_not_take_is_named() {
    let config = Config::local("svc@corp.example", PASSWORD).with_schemes([Scheme::Ntlm]);
    let house = Simulated::new(|_| {}, config);
    let (stage, _, remedy) = Place::new(&basic(&house.server().url())).failure(&[]);
    assert_eq!(stage, "log_in");
    assert!(remedy.contains("NTLM") && remedy.contains("not Basic"), "{remedy}");
    let ntlm = basic(&house.server().url()).replace("kind: basic", "kind: ntlm");
    let report = Place::new(&ntlm).test(&[]);
    assert_eq!(report["ok"], true, "{report:#}");
}

#[test]
fn ews_that_is_switched_off_is_explained() {
    let off = "HTTP/1.1 403 Forbidden\r\nX-EWS-Policy-Reason: Disabled\r\nContent-Length: 0\r\nConnection: close\r\n\r\n";
    let canned = Canned::new(Vec::leak(vec![ASKS, off]));
    let (stage, reason, remedy) = Place::new(&basic(&canned.url())).failure(&[]);
    assert_eq!(stage, "log_in");
    assert!(reason.contains("Disabled"), "{reason}");
    assert!(remedy.contains("EWS") && remedy.contains("Get-OrganizationConfig"), "{remedy}");
}

#[test]
fn an_unknown_mailbox_and_a_missing_right_end_at_the_impersonation() {
    let house = Simulated::new(
        |organisation| {
            let mut account = Account::new("svc@corp.example", PASSWORD);
            account.impersonates = Reach::only(["alice@corp.example", "nobody@corp.example"]);
            organisation.add_account(account);
        },
        Config::local("admin@corp.example", "another"),
    );
    let place = Place::new(&basic(&house.server().url()));
    let (stage, reason, remedy) = place.failure(&["--as", "nobody@corp.example"]);
    assert_eq!(stage, "impersonation");
    assert!(reason.contains("ErrorNonExistentMailbox"), "{reason}");
    assert!(remedy.contains("address"), "{remedy}");
    let (stage, reason, remedy) = place.failure(&["--as", "bob@corp.example"]);
    assert_eq!(stage, "impersonation");
    assert!(reason.contains("ErrorImpersonateUserDenied"), "{reason}");
    assert!(remedy.contains("ApplicationImpersonation"), "{remedy}");
    assert_eq!(place.test(&["--as", "alice@corp.example"])["ok"], true);
}

#[test]
fn a_configuration_that_is_wrong_ends_before_anything_is_sent() {
    let unset =
        basic("http://127.0.0.1:9/EWS/Exchange.asmx").replace("MAIL_PASSWORD", "PORTCULLIS_TEST_UNSET");
    let (stage, reason, _) = Place::new(&unset).failure(&[]);
    assert_eq!(stage, "configuration");
    assert!(reason.contains("PORTCULLIS_TEST_UNSET"), "{reason}");
    let (stage, reason, _) = Place::new("| url: mail.corp.example\n").failure(&[]);
    assert_eq!(stage, "configuration");
    assert!(reason.contains("portcullis.yaml:4:10: `url`"), "{reason}");
    let ended = Place::new(&unset).run(&["connection", "test", "mial"]);
    assert_eq!(ended.code, Some(2));
    assert!(ended.err.contains("did you mean `mail`?"), "{}", ended.err);
}

/// An application with a secret at the simulator's own log-in service.
fn application(house: &Simulated, secret: &str) -> String {
    let url = house.server().url();
    let authority = house.server().token_url("corp.example").replace("/oauth2/v2.0/token", "");
    let scope = house.server().base_url();
    format!(
        "| url: {url}\n| auth:\n|   kind: client_secret\n|   authority: {authority}\n|   scope: {scope}/.default\n|   \
         client_id: {APP}\n|   secret: {secret}\n"
    )
}

const APP: &str = "11111111-2222-3333-4444-555555555555";

#[test]
fn an_application_gets_a_token_and_opens_mailboxes_by_impersonation() {
    let house = Simulated::new(
        |organisation| organisation.add_application(Application::with_secret(APP, "corp.example", PASSWORD)),
        Config::local("svc@corp.example", "another"),
    );
    let place = Place::new(&application(&house, "{ env: MAIL_PASSWORD }"));
    let report = place.test(&["--as", "alice@corp.example"]);
    assert_eq!(report["ok"], true, "{report:#}");
    let stages = stages(&report);
    let expected =
        [("token", "passed"), ("log_in", "passed"), ("mailbox", "skipped"), ("impersonation", "passed")];
    for (stage, result) in expected {
        assert!(stages.contains(&(stage.to_owned(), result.to_owned())), "{stage}: {report:#}");
    }
    let logged_out = place.run(&["connection", "logout", "mail"]);
    assert_eq!(logged_out.code, Some(0), "{}", logged_out.err);
    let by_itself = place.run(&["connection", "login", "mail"]);
    assert_eq!(by_itself.code, Some(2));
    assert!(by_itself.err.contains("logs in by itself"), "{}", by_itself.err);
}

#[test]
fn a_wrong_secret_of_an_application_ends_at_the_token() {
    let house = Simulated::new(
        |organisation| organisation.add_application(Application::with_secret(APP, "corp.example", "another")),
        Config::local("svc@corp.example", "another"),
    );
    let (stage, reason, remedy) = Place::new(&application(&house, "{ env: MAIL_PASSWORD }")).failure(&[]);
    assert_eq!(stage, "token");
    assert!(format!("{reason}{remedy}").contains("AADSTS7000215"), "{reason}; {remedy}");
}

#[test]
fn a_connection_is_shown_without_its_secret_and_warned_about() {
    let place = Place::new(&format!(
        "{}| timeout: 90s\n",
        basic("https://mail.corp.example/EWS/Exchange.asmx")
            .replace("{ env: MAIL_PASSWORD }", "plain-5521-text")
    ));
    let shown = place.run(&["connection", "show", "mail"]);
    assert_eq!(shown.code, Some(0), "{}", shown.err);
    assert!(!format!("{}{}", shown.out, shown.err).contains("plain-5521-text"), "{}{}", shown.out, shown.err);
    assert!(shown.err.contains("portcullis.yaml:5:") && shown.err.contains("in line 5"), "{}", shown.err);
    assert!(shown.out.contains("mail.delete") && shown.out.contains("90 s"), "{}", shown.out);
    assert!(!shown.out.contains("not offered"), "{}", shown.out);
    let json: Value =
        serde_json::from_str(&place.run(&["connection", "show", "mail", "--json"]).out).unwrap();
    assert_eq!(json["settings"]["log-in"], "basic");
    let listed = place.run(&["connection", "list"]);
    assert!(listed.out.contains("mail") && listed.out.contains("basic"), "{}", listed.out);
    let json: Value = serde_json::from_str(&place.run(&["connection", "list", "--json"]).out).unwrap();
    assert_eq!(json[0]["address"], "https://mail.corp.example/EWS/Exchange.asmx");
}

#[cfg(unix)]
#[test]
fn a_secret_that_everybody_can_read_is_refused_with_the_command_that_helps() {
    use std::os::unix::fs::PermissionsExt as _;
    let house = open_house();
    let place =
        Place::new(&basic(&house.server().url()).replace("{ env: MAIL_PASSWORD }", "{ file: password }"));
    std::fs::write(place.path("password"), format!("{PASSWORD}\n")).unwrap();
    std::fs::set_permissions(place.path("password"), std::fs::Permissions::from_mode(0o644)).unwrap();
    let (stage, reason, _) = place.failure(&[]);
    assert_eq!(stage, "configuration");
    assert!(reason.contains("chmod 600 "), "{reason}");
    std::fs::set_permissions(place.path("password"), std::fs::Permissions::from_mode(0o600)).unwrap();
    assert_eq!(place.test(&[])["ok"], true);
}

/// A playbook-less call of one action.
fn search(place: &Place, mailbox: &str) -> Ended {
    place.run(&[
        "action",
        "run",
        "mail.search",
        "--connection",
        "mail",
        "--with",
        &format!("mailbox={mailbox}"),
    ])
}

#[test]
fn a_connection_with_an_alias_opens_that_mailbox_and_the_own_one_and_no_other() {
    let house = Simulated::new(
        |organisation| {
            organisation.add_account(Account::new("svc@corp.example", PASSWORD));
            for mailbox in ["alice@corp.example", "bob@corp.example"] {
                organisation.grant(Grant::new(mailbox, "svc@corp.example", Right::FullAccess));
            }
        },
        Config::local("admin@corp.example", "another"),
    );
    let place = Place::new(&(basic(&house.server().url()) + "| alias: alice@corp.example\n"));
    let report = place.test(&[]);
    assert_eq!(report["ok"], true, "{report:#}");
    assert!(report.to_string().contains("the inbox of alice@corp.example is open"), "{report:#}");
    for mailbox in ["alice@corp.example", "ALICE@corp.example", "svc@corp.example"] {
        let ended = search(&place, mailbox);
        assert_eq!(ended.code, Some(0), "{mailbox}: {}{}", ended.out, ended.err);
    }
    let refused = search(&place, "bob@corp.example");
    assert_eq!(refused.code, Some(1), "{}", refused.out);
    let said = format!("{}{}", refused.out, refused.err);
    assert!(said.contains("opens only alice@corp.example and svc@corp.example"), "{said}");
    // Without the alias it is the account's rights that count.
    let place = Place::new(&(basic(&house.server().url()) + "| access: delegation\n"));
    assert_eq!(search(&place, "bob@corp.example").code, Some(0));
}

#[test]
fn the_code_page_of_a_connection_comes_with_the_mail_that_it_hands_out() {
    let inbox = exchange::FolderRef::WellKnown(exchange::WellKnownFolder::Inbox);
    let mail = b"Subject: x\r\n\r\n\xfc\r\n";
    let house = Simulated::new(
        |organisation| drop(organisation.deliver("svc@corp.example", &inbox, mail.to_vec()).unwrap()),
        Config::local("svc@corp.example", PASSWORD),
    );
    let of = |more: &str| -> Value {
        let place = Place::new(&(basic(&house.server().url()) + more));
        let found = search(&place, "svc@corp.example");
        let found: Value =
            serde_json::from_str(&found.out).unwrap_or_else(|_| panic!("{}{}", found.out, found.err));
        let item = found["messages"][0]["item_id"].as_str().unwrap().to_owned();
        let with = ["--with", "mailbox=svc@corp.example", "--with", &format!("item_id={item}")];
        let ended =
            place.run(&[&["action", "run", "mail.download_eml", "--connection", "mail"], &with[..]].concat());
        let report: Value =
            serde_json::from_str(&ended.out).unwrap_or_else(|_| panic!("{}{}", ended.out, ended.err));
        report["fallback_charset"].clone()
    };
    assert_eq!(of("| code_page: 1250\n"), "windows-1250");
    assert_eq!(of(""), Value::Null);
}
#[test]
fn archives_and_public_folders_are_opened_by_a_connection_of_their_own() {
    let house = Simulated::new(
        |organisation| {
            organisation.add_archive("svc@corp.example");
            organisation.add_archive("alice@corp.example");
            organisation.add_public_folders("tree@corp.example", None);
        },
        Config::local("svc@corp.example", PASSWORD),
    );
    let basic = basic(&house.server().url());
    let test = |more: &str, user: &str| Place::new(&format!("{basic}{more}")).test(&["--as", user]);
    let archive = test("| store: archive\n", "alice@corp.example");
    assert_eq!(archive["ok"], true, "{archive:#}");
    assert!(archive.to_string().contains("the archive of alice@corp.example is open"), "{archive:#}");
    let none = test("| store: archive\n", "bob@corp.example");
    assert_eq!(none["ok"], false, "{none:#}");
    let public = "| store: public_folders\n| public_folder_hierarchy: tree@corp.example\n";
    let public = test(public, "alice@corp.example");
    assert_eq!(public["ok"], true, "{public:#}");
    assert!(public.to_string().contains("the public folders are open"), "{public:#}");
}
