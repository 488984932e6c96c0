//! Connections over HTTP as an operator meets them: configured, shown, tested, and used by a playbook, with the real
//! binary against a server on this machine.
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
use std::path::Path;
use std::process::{Command, Stdio};
use std::sync::{Arc, Mutex};

use serde_json::Value;
use tempfile::TempDir;

const KEY: &str = "canary-2291-key";
const HOOK: &str = "/services/T1/B1/canary-2291-hook";

/// A server that knows a domain at `/api/domains/…` and takes messages at the hook.
struct Server {
    address: String,
    asked: Arc<Mutex<Vec<String>>>,
}

impl Server {
    fn start() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = format!("http://{}", listener.local_addr().unwrap());
        let asked: Arc<Mutex<Vec<String>>> = Arc::default();
        let log = Arc::clone(&asked);
        std::thread::spawn(move || {
            for stream in listener.incoming() {
                let Ok(mut stream) = stream else { return };
                let (mut all, mut piece) = (Vec::new(), [0; 4096]);
                let whole = |all: &[u8]| {
                    let text = String::from_utf8_lossy(all).into_owned();
                    let (head, body) = text.split_once("\r\n\r\n")?;
                    let length = head.to_ascii_lowercase();
                    let length =
                        length.lines().find_map(|line| line.strip_prefix("content-length: ")?.parse().ok());
                    (body.len() >= length.unwrap_or(0)).then_some(text.clone())
                };
                let request = loop {
                    if let Some(request) = whole(&all) {
                        break Some(request);
                    }
                    match stream.read(&mut piece) {
                        Ok(read @ 1..) => all.extend_from_slice(&piece[..read]),
                        _ => break None,
                    }
                };
                let Some(request) = request else { continue };
                let (status, body) = if request.starts_with(&format!("POST {HOOK} ")) {
                    ("200 OK", "ok".to_owned())
                } else if request.starts_with("GET /api/domains/") && request.contains(KEY) {
                    ("200 OK", format!(r#"{{"score":7,"echo":"{KEY}"}}"#))
                } else if request.starts_with("GET /api ") && request.contains(KEY) {
                    ("404 Not Found", String::new())
                } else {
                    ("401 Unauthorized", format!("who is {HOOK}?"))
                };
                log.lock().unwrap().push(request);
                let _ = write!(
                    stream,
                    "HTTP/1.1 {status}\r\nContent-Type: application/json\r\nConnection: close\r\nContent-Length: {}\r\n\r\n{body}",
                    body.len()
                );
            }
        });
        Server { address, asked }
    }

    fn asked(&self) -> Vec<String> {
        self.asked.lock().unwrap().clone()
    }
}

const PLAYBOOK: &str = r#"playbook: 1
id: look-up
name: Look a sender up
connections:
  intel: { kind: http }
  channel: { kind: slack }
inputs:
  domain: { type: string, x-untrusted: true }
steps:
  - id: known
    uses: http.get
    with:
      path: /domains/{domain}
      params: { domain: "${{ inputs.domain }}" }
      expect: { type: object, required: [score], properties: { score: { type: integer } } }
  - id: tell
    uses: notify.slack
    with:
      text: "${{ inputs.domain }}: ${{ steps.known.output.status }}"
outputs:
  answer: { type: object, value: "${{ steps.known.output }}" }
"#;

struct Place(TempDir);

struct Ended {
    code: Option<i32>,
    out: String,
    err: String,
}

impl Place {
    fn new(config: &str) -> Self {
        let place = Place(tempfile::tempdir().unwrap());
        std::fs::write(place.0.path().join("portcullis.yaml"), config).unwrap();
        std::fs::write(place.0.path().join("playbook.yaml"), PLAYBOOK).unwrap();
        place
    }

    fn to(server: &Server) -> Self {
        Place::new(&format!(
            "connections:\n  intel:\n    kind: http\n    url: {}/api\n    allow_private: true\n    auth: {{ kind: header, \
             name: X-Api-Key, value: {{ env: INTEL_KEY }} }}\n  channel:\n    kind: slack\n    url: {{ env: HOOK }}\n    \
             networks: [127.0.0.0/8]\n",
            server.address
        ))
    }

    fn run(&self, server: &Server, args: &[&str]) -> Ended {
        let output = Command::new(env!("CARGO_BIN_EXE_portcullis"))
            .args(args)
            .current_dir(self.0.path())
            .env_clear()
            .env("INTEL_KEY", KEY)
            .env("HOOK", format!("{}{HOOK}", server.address))
            .stdin(Stdio::null())
            .output()
            .unwrap();
        let ended = Ended {
            code: output.status.code(),
            out: String::from_utf8(output.stdout).unwrap(),
            err: String::from_utf8(output.stderr).unwrap(),
        };
        assert!(!format!("{}{}", ended.out, ended.err).contains("canary"), "{}{}", ended.out, ended.err);
        ended
    }
}

/// Every file below a folder.
fn files(folder: &Path) -> Vec<Vec<u8>> {
    let mut all = Vec::new();
    for entry in std::fs::read_dir(folder).unwrap().flatten() {
        if entry.path().is_dir() {
            all.extend(files(&entry.path()));
        } else {
            all.extend(std::fs::read(entry.path()).ok());
        }
    }
    all
}

#[test]
fn a_playbook_asks_and_tells_and_no_secret_is_kept() {
    let server = Server::start();
    let place = Place::to(&server);
    let ended = place.run(&server, &["check", "playbook.yaml"]);
    assert_eq!(ended.code, Some(0), "{}{}", ended.out, ended.err);
    let ended =
        place.run(&server, &["-vv", "run", "playbook.yaml", "--input", "domain=<!channel>", "--json"]);
    assert_eq!(ended.code, Some(0), "{}{}", ended.out, ended.err);
    let asked = server.asked();
    assert!(asked[0].starts_with("GET /api/domains/%3C%21channel%3E HTTP/1.1"), "{asked:?}");
    assert!(asked[1].contains("&lt;!channel&gt;: 200"), "{asked:?}");
    assert_eq!(asked.len(), 2);
    let kept = files(&place.0.path().join(".portcullis"));
    assert!(kept.len() > 1);
    for bytes in kept {
        assert!(!bytes.windows(6).any(|window| window == b"canary"));
    }
}

#[test]
fn a_dry_run_asks_and_tells_nobody() {
    let server = Server::start();
    let place = Place::to(&server);
    let ended = place.run(&server, &["run", "playbook.yaml", "--input", "domain=evil.test", "--dry-run"]);
    assert_eq!(ended.code, Some(0), "{}{}", ended.out, ended.err);
    assert!(ended.out.contains("notify.slack"), "{}", ended.out);
    let asked = server.asked();
    assert!(asked.len() == 1 && asked[0].starts_with("GET "), "{asked:?}");
}

#[test]
fn one_action_is_run_by_hand() {
    let server = Server::start();
    let place = Place::to(&server);
    let args = ["action", "run", "http.get", "--connection", "intel", "--with", "path=/domains/evil.test"];
    let ended = place.run(&server, &args);
    assert_eq!(ended.code, Some(0), "{}{}", ended.out, ended.err);
    let output: Value = serde_json::from_str(&ended.out).unwrap();
    assert_eq!((&output["status"], &output["json"]["score"]), (&Value::from(200), &Value::from(7)));
    let args = ["action", "run", "http.get", "--connection", "intel", "--with", "path=/../admin"];
    let ended = place.run(&server, &args);
    assert!(ended.code != Some(0) && ended.err.contains("base path"), "{}{}", ended.out, ended.err);
    assert_eq!(server.asked().len(), 1);
}

#[test]
fn connections_are_listed_shown_and_tested() {
    let server = Server::start();
    let place = Place::to(&server);
    let list: Value =
        serde_json::from_str(&place.run(&server, &["connection", "list", "--json"]).out).unwrap();
    assert_eq!((&list[0]["kind"], &list[1]["kind"]), (&Value::from("slack"), &Value::from("http")));
    assert_eq!(list[1]["log_in"], "header");
    let shown: Value =
        serde_json::from_str(&place.run(&server, &["connection", "show", "intel", "--json"]).out).unwrap();
    assert_eq!(shown["actions"], serde_json::json!(["http.get", "http.request"]));
    assert_eq!(shown["settings"]["reaches"], "public and private addresses");
    let shown = place.run(&server, &["connection", "show", "channel"]);
    assert!(
        shown.out.contains("the environment variable HOOK") && shown.out.contains("notify.slack"),
        "{}",
        shown.out
    );

    let tested = place.run(&server, &["connection", "test", "intel"]);
    assert_eq!(tested.code, Some(0), "{}", tested.out);
    assert!(tested.out.contains("HTTP 404: the service answers"), "{}", tested.out);
    let before = server.asked().len();
    let tested = place.run(&server, &["connection", "test", "channel", "--json"]);
    let report: Value = serde_json::from_str(&tested.out).unwrap();
    assert_eq!((tested.code, &report["ok"]), (Some(0), &Value::Bool(true)));
    assert_eq!(server.asked().len(), before, "nothing was posted");
    for command in
        [&["connection", "login", "intel"][..], &["connection", "test", "intel", "--as", "a@b.example"]]
    {
        let ended = place.run(&server, command);
        assert!(ended.err.contains("kind `http`"), "{}{}", ended.out, ended.err);
    }
}

#[test]
fn a_private_address_is_refused_with_what_helps() {
    let server = Server::start();
    let place =
        Place::new(&format!("connections:\n  intel:\n    kind: http\n    url: {}/api\n", server.address));
    let tested = place.run(&server, &["connection", "test", "intel"]);
    assert_eq!(tested.code, Some(1), "{}", tested.out);
    assert!(
        tested.out.contains("this very machine") && tested.out.contains("allow_private"),
        "{}",
        tested.out
    );
    assert_eq!(server.asked().len(), 0);
}

#[test]
fn a_playbook_that_takes_a_connection_for_another_kind_does_not_start() {
    let server = Server::start();
    let place = Place::new(&format!(
        "connections:\n  intel:\n    kind: http\n    url: {0}/api\n  channel:\n    kind: teams\n    url: {{ env: HOOK }}\n",
        server.address
    ));
    let ended = place.run(&server, &["run", "playbook.yaml", "--input", "domain=evil.test"]);
    assert!(ended.code != Some(0), "{}", ended.out);
    assert!(ended.err.contains("`slack`") && ended.err.contains("`teams`"), "{}", ended.err);
    assert_eq!(server.asked().len(), 0);
}

#[test]
fn with_the_simulator_nothing_is_sent() {
    let server = Server::start();
    let place = Place::to(&server);
    std::fs::create_dir_all(place.0.path().join("mail/alice@corp.example")).unwrap();
    let args = [
        "action",
        "run",
        "notify.slack",
        "--connection",
        "channel",
        "--with",
        "text=hello",
        "--sim=mail",
        "--yes",
    ];
    let ended = place.run(&server, &args);
    assert_eq!(ended.code, Some(0), "{}{}", ended.out, ended.err);
    assert_eq!(server.asked().len(), 0);
}

#[test]
fn what_is_wrong_in_the_configuration_is_named() {
    let server = Server::start();
    for (lines, said) in [
        ("kind: http\n    url: http://api.example/", "write https"),
        ("kind: http\n    url: https://api.example/?a=b", "must end with its path"),
        ("kind: http\n    url: https://api.example/a/../b", "`..`"),
        ("kind: http", "needs `url`"),
        ("kind: http\n    url: https://api.example/\n    networks: [10.0.0.1/8]", "10.20.0.0/16"),
        ("kind: http\n    url: https://api.example/\n    allow_private: yes please", "true or false"),
        (
            "kind: http\n    url: https://api.example/\n    auth: { kind: bearr, token: { env: T } }",
            "did you mean `bearer`",
        ),
        ("kind: http\n    url: https://api.example/\n    auth: { kind: bearer }", "needs `token`"),
        ("kind: http\n    url: https://api.example/\n    email: a@b.example", "has no key `email`"),
        ("kind: slack\n    url: { env: HOOK }\n    auth: { kind: none }", "has no key `auth`"),
        ("kind: htpp\n    url: https://api.example/", "did you mean `http`"),
    ] {
        let place = Place::new(&format!("connections:\n  intel:\n    {lines}\n"));
        let ended = place.run(&server, &["connection", "list"]);
        assert!(ended.code != Some(0) && ended.err.contains(said), "{lines}: {}", ended.err);
    }
}
