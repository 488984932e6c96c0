//! Canaries: passwords and secrets that sing wherever they are seen. Runs of the real binary and of an engine in this
//! process get them as passwords of connections and as named secrets; servers and actions give them back in their
//! answers, as they are and as they stand in an `Authorization` header; and then everything that was written is
//! looked through: the data folder with database, write-ahead log, artifacts and audit log, recordings, exports, and
//! all that was printed, with `--json` and with `-vv`.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::disallowed_methods,
    dead_code,
    reason = "test code that starts the real binary, and shares a part with other tests"
)]

mod crash;

use std::io::{BufReader, Write};
use std::net::{SocketAddr, TcpListener};
use std::path::Path;
use std::process::{Command, Stdio};
use std::sync::Arc;

use action_api::{ActionSource, Invocation, Outcome, Spec, Work};
use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD, STANDARD_NO_PAD, URL_SAFE_NO_PAD};
use crash::playbooks::Shipped;
use crash::wire::read_message;
use engine::{Engine, Failure, FailureKind, FolderArtifacts, Secret, Secrets, Source, Start};
use exchange_sim::{Config, Organisation, Server};
use journal_sqlite::{Options, SqliteJournal};
use plan::Blame;
use serde_json::{Value, json};

const USER: &str = "svc@corp.example";
/// Letters that every escaping changes.
const PASSWORD: &str = "Can4ry \"7\" gr\u{fc}n <&> p/w+d%";
/// A named secret.
const KEY: &str = "N1ghtingale {key}: \"x\"/y+z&=%";

/// What a canary looks like in the places where it might sit.
fn songs(canary: &str) -> Vec<Vec<u8>> {
    let percent: String =
        canary
            .bytes()
            .map(|byte| {
                if byte.is_ascii_alphanumeric() {
                    char::from(byte).to_string()
                } else {
                    format!("%{byte:02X}")
                }
            })
            .collect();
    let json = Value::from(canary).to_string();
    let mut songs = vec![
        canary.to_owned(),
        json.trim_matches('"').to_owned(),
        Value::from(json.as_str()).to_string().trim_matches('"').to_owned(),
        percent.to_lowercase(),
        percent,
        canary.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;"),
        canary.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;").replace('"', "&quot;"),
        canary.bytes().map(|byte| format!("{byte:02x}")).collect(),
    ];
    for skipped in 0..3_usize {
        let bytes = [vec![b' '; skipped], canary.as_bytes().to_vec()].concat();
        let (first, whole) = ((skipped * 8).div_ceil(6), bytes.len() * 8 / 6);
        songs.push(STANDARD_NO_PAD.encode(&bytes)[first..whole].to_owned());
        songs.push(URL_SAFE_NO_PAD.encode(&bytes)[first..whole].to_owned());
    }
    songs.into_iter().map(String::into_bytes).collect()
}

/// Looks for both canaries. Their beginnings count, so that half of one is found as well.
fn listen(what: &str, bytes: &[u8]) {
    for canary in [PASSWORD, KEY] {
        for song in songs(canary) {
            let found = bytes.windows(song.len()).position(|window| window == song);
            if let Some(at) = found {
                let around = &bytes[at.saturating_sub(80)..(at + song.len() + 40).min(bytes.len())];
                panic!(
                    "{what}: {:?} in {:?}",
                    String::from_utf8_lossy(&song),
                    String::from_utf8_lossy(around)
                );
            }
        }
    }
    for start in ["Can4ry", "N1ghtingale"] {
        assert!(!bytes.windows(start.len()).any(|window| window == start.as_bytes()), "{what}: {start}");
    }
}

/// Looks through every file below a folder. Gives how many there are.
fn listen_below(folder: &Path) -> usize {
    let mut files = 0;
    for entry in std::fs::read_dir(folder).unwrap().flatten() {
        let path = entry.path();
        if path.is_dir() {
            files += listen_below(&path);
        } else if let Ok(bytes) = std::fs::read(&path) {
            listen(&path.display().to_string(), &bytes);
            files += 1;
        }
    }
    files
}

#[test]
fn the_ear_hears_every_song() {
    for canary in [PASSWORD, KEY] {
        let log_in = format!("{USER}:{canary}");
        for text in [
            canary.to_owned(),
            json!({ "a": canary }).to_string(),
            json!({ "a": json!({ "b": canary }).to_string() }).to_string(),
            STANDARD.encode(&log_in),
            STANDARD.encode(format!("x{log_in}")),
            STANDARD.encode(format!("xy{log_in}")),
        ] {
            let heard = std::panic::catch_unwind(|| listen("", text.as_bytes()));
            assert!(heard.is_err(), "{text}");
        }
    }
    listen("nothing", b"The quick brown fox.");
}

/// A folder with a configuration over a server, and what was printed so far looked through.
struct Scene {
    folder: tempfile::TempDir,
}

impl Scene {
    fn over(url: &str) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let config = format!(
            "connections:\n  mail:\n    kind: ews\n    url: {url}\n    user: {USER}\n    password: {{ env: CANARY }}\n    \
             settle_seconds: 0\nsecrets:\n  key: {{ env: NIGHTINGALE }}\nstorage:\n  folder: data\n"
        );
        std::fs::write(folder.path().join("portcullis.yaml"), config).unwrap();
        Scene { folder }
    }

    /// Runs a command, listens to what it prints, and gives its JSON.
    fn run(&self, arguments: &[&str]) -> Value {
        let output = Command::new(env!("CARGO_BIN_EXE_portcullis"))
            .args(arguments)
            .arg("--config")
            .arg(self.folder.path().join("portcullis.yaml"))
            .current_dir(self.folder.path())
            .env("CANARY", PASSWORD)
            .env("NIGHTINGALE", KEY)
            .env("RUST_BACKTRACE", "1")
            .stdin(Stdio::null())
            .output()
            .unwrap();
        listen(&format!("{arguments:?}, printed"), &output.stdout);
        listen(&format!("{arguments:?}, said"), &output.stderr);
        serde_json::from_slice(&output.stdout).unwrap_or(Value::Null)
    }

    /// Everything that can be asked about a run, and then every file.
    fn look_through(&self, run: &str) {
        self.run(&["runs", "list", "-vv"]);
        self.run(&["runs", "list", "--json"]);
        self.run(&["runs", "show", run, "-vv"]);
        self.run(&["runs", "show", run, "--json"]);
        self.run(&["runs", "logs", run]);
        let export = self.folder.path().join("run.export");
        self.run(&["runs", "export", run, "-o", export.to_str().unwrap()]);
        self.run(&["runs", "export", run]);
        self.run(&["audit", "show"]);
        self.run(&["undo", run, "--dry-run"]);
        assert!(listen_below(self.folder.path()) > 2, "there is nothing to look through");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_a_run_leaves_behind_is_silent() {
    for name in ["phishing-triage", "bulk-purge"] {
        let shipped = Shipped::named(name);
        let organisation = Organisation::load_folder(shipped.folder().join("mail")).unwrap();
        let server = Server::start(organisation, Config::local(USER, PASSWORD)).await.unwrap();
        tokio::task::block_in_place(|| {
            let scene = Scene::over(&server.url());
            let (file, sample) = (shipped.file(), shipped.folder().join("sample-inputs.yaml"));
            let mut flags = vec![file.to_str().unwrap()];
            if sample.exists() {
                flags.extend(["--inputs", sample.to_str().unwrap()]);
            }
            scene.run(&[&["plan"][..], &flags[..], &["-vv"][..]].concat());
            let rest = ["--approve=all", "--json", "-vv", "--record", "tape.jsonl"];
            let real = [&["run"][..], &flags[..], &rest[..]].concat();
            let end = scene.run(&real);
            assert_eq!(end["status"], "succeeded", "{end}");
            scene.look_through(end["run"].as_str().unwrap());
            assert!(scene.folder.path().join("tape.jsonl").exists());
        });
    }
}

/// A server that gives the log-in back, in a different place for every request.
fn parrot() -> SocketAddr {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    std::thread::spawn(move || {
        for (number, stream) in listener.incoming().flatten().enumerate() {
            let mut stream = BufReader::new(stream);
            let Some(request) = read_message(&mut stream) else { continue };
            let request = String::from_utf8_lossy(&request);
            let log_in = request
                .lines()
                .find_map(|line| {
                    line.to_lowercase().starts_with("authorization:").then(|| line[14..].trim().to_owned())
                })
                .unwrap_or_default();
            let plain = STANDARD.decode(log_in.trim_start_matches("Basic ")).unwrap_or_default();
            let plain = String::from_utf8_lossy(&plain).replace('&', "&amp;").replace('<', "&lt;");
            let answer = echo(number % ECHOES, &log_in, &plain);
            let _ = stream.get_mut().write_all(answer.as_bytes());
        }
    });
    address
}

const ECHOES: usize = 8;

fn echo(kind: usize, log_in: &str, plain: &str) -> String {
    let soap = |body: String| {
        format!(
            "<s:Envelope xmlns:s=\"http://schemas.xmlsoap.org/soap/envelope/\" \
             xmlns:m=\"http://schemas.microsoft.com/exchange/services/2006/messages\" \
             xmlns:t=\"http://schemas.microsoft.com/exchange/services/2006/types\"><s:Body>{body}</s:Body></s:Envelope>"
        )
    };
    let fault = |text: &str| {
        soap(format!(
            "<s:Fault><faultcode>s:Client</faultcode><faultstring>Cannot log in with {text}</faultstring><detail>\
             <ResponseCode>ErrorAccessDenied</ResponseCode><Message>No: {text}</Message></detail></s:Fault>"
        ))
    };
    let (status, header, body) = match kind {
        0 => ("401 Unauthorized", format!("WWW-Authenticate: Basic realm=\"{log_in}\""), log_in.to_owned()),
        1 => ("500 Error", "X-A: b".to_owned(), fault(log_in)),
        2 => ("500 Error", "X-A: b".to_owned(), fault(plain)),
        3 => {
            ("403 Forbidden", format!("x-ews-policy-reason: {log_in}"), format!("ews is blocked for {plain}"))
        }
        4 => ("302 Found", format!("Location: https://elsewhere.test/?{log_in}"), String::new()),
        5 => (
            "200 OK",
            "X-A: b".to_owned(),
            soap(format!(
                "<m:FindItemResponse><m:ResponseMessages><m:FindItemResponseMessage ResponseClass=\"Error\">\
                 <m:MessageText>{plain} and {log_in}</m:MessageText><m:ResponseCode>{}</m:ResponseCode>\
                 </m:FindItemResponseMessage></m:ResponseMessages></m:FindItemResponse>",
                log_in.replace("Basic ", "Error")
            )),
        ),
        6 => ("200 OK", "X-A: b".to_owned(), format!("<html>{plain}</html>")),
        _ => ("503 Busy", format!("Retry-After: {log_in}"), format!("{{\"you sent\": \"{log_in}\"}}")),
    };
    format!(
        "HTTP/1.1 {status}\r\nContent-Type: text/xml\r\n{header}\r\nConnection: close\r\nContent-Length: {}\r\n\r\n{body}",
        body.len()
    )
}

#[test]
fn a_server_that_repeats_the_log_in_makes_nobody_sing() {
    let address = parrot();
    let scene = Scene::over(&format!("http://{address}/EWS/Exchange.asmx"));
    let file = scene.folder.path().join("playbook.yaml");
    let playbook = "playbook: 1\nid: look\nconnections: { mail: { kind: exchange } }\nsteps:\n  - id: find\n    uses: \
                    mail.search\n    retry: none\n    with: { mailbox: alice@corp.example, limit: 5 }\n";
    std::fs::write(&file, playbook).unwrap();
    let mut runs = Vec::new();
    for kind in 0..ECHOES {
        let tape = format!("tape-{kind}.jsonl");
        let end = scene.run(&["run", file.to_str().unwrap(), "--json", "-vv", "--record", &tape]);
        assert_eq!(end["status"], "failed", "{kind}: {end}");
        runs.push(end["run"].as_str().unwrap().to_owned());
        scene.run(&["run", file.to_str().unwrap(), "-vv"]);
    }
    runs.iter().for_each(|run| scene.look_through(run));
}

/// An action that is given a secret and gives it back in every way it can.
struct Parrot;

impl ActionSource for Parrot {
    fn specs(&self) -> Vec<Arc<Spec>> {
        let spec = json!({
            "name": "test.parrot", "summary": "Says what it is told", "effect": "internal", "repeat": "natural",
            "errors": ["invalid"],
            "input": {"type": "object", "additionalProperties": false, "required": ["token"], "properties": {
                "token": {"type": "string", "x-secret": true}, "fail": {"type": "boolean"}}},
            "output": {"type": "object", "additionalProperties": true, "required": ["plain"],
                "properties": {"plain": {"type": "string"}}},
            "inverse": "test.parrot",
        });
        vec![Arc::new(serde_json::from_value(spec).unwrap())]
    }

    fn invoke<'a>(&'a self, call: Invocation) -> Work<'a, Result<Outcome, Failure>> {
        Box::pin(async move {
            let token = call.input["token"].as_str().unwrap();
            assert_eq!(token, KEY, "the action gets the secret itself");
            let basic = STANDARD.encode(format!("{USER}:{token}"));
            let inside = json!({ "authorization": format!("Bearer {token}") }).to_string();
            let echo = json!({ "plain": token, "list": [token], "basic": basic, "inside": inside, token: 1 });
            if call.input["fail"] == true {
                let message = format!("refused: {inside}, Basic {basic}, {token:?}");
                return Err(Failure::new(FailureKind::Invalid, Blame::Server, message).with_details(echo));
            }
            let inverse = action_api::Inverse::new("test.parrot", echo.clone());
            Ok(Outcome { inverse: Some(inverse), ..Outcome::from(echo) })
        })
    }
}

/// Knows one secret.
struct One;

impl Secrets for One {
    fn get(&self, name: &str) -> Option<Secret> {
        (name == "key").then(|| Secret::new(KEY))
    }
}

#[tokio::test]
async fn an_action_that_repeats_its_secret_makes_nobody_sing() {
    let folder = tempfile::tempdir().unwrap();
    let playbook = "playbook: 1\nid: parrots\nsecrets: [key]\nsteps:\n  - id: say\n    uses: test.parrot\n    with: { token: \
                    \"${{ secrets.key }}\" }\n  - id: shout\n    uses: test.parrot\n    retry: none\n    with: { token: \"${{ \
                    secrets.key }}\", fail: true }\n";
    {
        let journal = SqliteJournal::open(folder.path(), Options::default()).unwrap();
        let engine = Engine::builder()
            .source(Parrot)
            .secrets(One)
            .journal(journal)
            .artifacts(FolderArtifacts::new(folder.path().join("artifacts")))
            .build()
            .unwrap();
        let (sender, mut events) = tokio::sync::mpsc::unbounded_channel();
        let start = Start { events: Some(sender), ..Start::default() };
        let source = Source::new("parrots.yaml", playbook);
        let checked = engine.check(source);
        assert!(checked.plan.is_some(), "{:?}", checked.diagnostics);
        let mut run = engine.start(source, start).await.unwrap();
        let end = run.wait().await.unwrap();
        assert!(end.failure.is_some(), "{end:?}");
        listen("the end", format!("{end:?}").as_bytes());
        listen("the end as JSON", serde_json::to_string(&end.failure).unwrap().as_bytes());
        let mut told = 0;
        while let Ok(event) = events.try_recv() {
            listen("an event", format!("{event:?}").as_bytes());
            told += 1;
        }
        assert!(told > 4, "{told} events");
        let stored = engine.journal().load(run.id()).await.unwrap();
        listen("the history", serde_json::to_string(&stored.records).unwrap().as_bytes());
        assert!(listen_below(folder.path()) > 0);
    }
    assert!(listen_below(folder.path()) > 0);
}
