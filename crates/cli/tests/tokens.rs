//! People log in through the real command, with a code and with a browser, at the simulator's log-in service; and no
//! token that comes of it, or of an application's log-in, is in anything that is printed or written down, whatever a
//! server says.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::disallowed_methods,
    dead_code,
    reason = "tests start the real binary, and share a part with other tests"
)]

mod crash;

use std::io::{BufRead as _, BufReader, Write as _};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::sync::{Arc, Mutex};

use crash::wire::read_message;
use exchange_sim::{Account, Application, Config, Organisation, Server};
use serde_json::Value;

const APP: &str = "11111111-2222-3333-4444-555555555555";
const PERSON: &str = "soc@corp.example";
const PASSWORD: &str = "canary-3317-password";
const KEY: &str = "canary-9954-a-key-of-thirty-two-letters";
const PLAYBOOK: &str = "playbook: 1\nid: look\nconnections: { mail: { kind: exchange } }\nsteps:\n  - id: find\n    uses: \
                        mail.search\n    retry: none\n    with: { mailbox: soc@corp.example, limit: 5 }\n";

/// A simulator with a person and an application, and a folder with a configuration.
struct House {
    runtime: tokio::runtime::Runtime,
    server: Option<Server>,
    folder: tempfile::TempDir,
}

impl House {
    fn new(application: Application) -> Self {
        let organisation = Organisation::new();
        for mailbox in [PERSON, "phish@corp.example"] {
            organisation.add_mailbox(mailbox);
        }
        organisation.add_account(Account::new(PERSON, PASSWORD));
        organisation.add_application(application);
        let runtime =
            tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build().unwrap();
        let config = Config::local("svc@corp.example", "unused");
        let server = runtime.block_on(Server::start(organisation, config)).unwrap();
        House { runtime, server: Some(server), folder: tempfile::tempdir().unwrap() }
    }

    fn server(&self) -> &Server {
        self.server.as_ref().unwrap()
    }

    fn address(&self) -> SocketAddr {
        self.server().base_url().strip_prefix("http://").unwrap().trim_end_matches('/').parse().unwrap()
    }

    /// Writes a configuration that logs in like this at `address`.
    fn configure(&self, address: SocketAddr, log_in: &str, storage: &str) {
        let config = format!(
            "connections:\n  mail:\n    kind: ews\n    url: http://{address}/EWS/Exchange.asmx\n    auth:\n      authority: \
             http://{address}/corp.example\n      client_id: {APP}\n{log_in}storage:\n  folder: data\n{storage}"
        );
        std::fs::write(self.folder.path().join("portcullis.yaml"), config).unwrap();
    }

    fn command(&self, arguments: &[&str]) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_portcullis"));
        command
            .args(arguments)
            .current_dir(self.folder.path())
            .env_clear()
            .env("XDG_CACHE_HOME", Path::new(env!("CARGO_TARGET_TMPDIR")).join("cache"))
            .env("XDG_STATE_HOME", Path::new(env!("CARGO_TARGET_TMPDIR")).join("state"))
            .env("VAULT_KEY", KEY)
            .env("APP_SECRET", PASSWORD)
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped());
        command
    }

    fn run(&self, arguments: &[&str]) -> (Option<i32>, String, String) {
        ended(self.command(arguments).spawn().unwrap())
    }

    /// The stages of a test that failed, each with its reason.
    #[track_caller]
    fn failures(&self) -> Vec<(String, String)> {
        let (_, out, err) = self.run(&["connection", "test", "mail", "--json"]);
        let report: Value = serde_json::from_str(&out).unwrap_or_else(|error| panic!("{error}: {out}{err}"));
        let stages = report["stages"].as_array().unwrap().iter().filter(|stage| stage["result"] == "failed");
        let text = |value: &Value| value.as_str().unwrap().to_owned();
        stages
            .map(|stage| (text(&stage["stage"]), text(&stage["reason"]) + &text(&stage["remedy"])))
            .collect()
    }
}

impl Drop for House {
    fn drop(&mut self) {
        let _in = self.runtime.enter();
        drop(self.server.take());
    }
}

fn ended(child: Child) -> (Option<i32>, String, String) {
    let output = child.wait_with_output().unwrap();
    let (out, err) = (String::from_utf8(output.stdout).unwrap(), String::from_utf8(output.stderr).unwrap());
    for secret in [PASSWORD, KEY] {
        assert!(!format!("{out}{err}").contains(secret), "{out}{err}");
    }
    (output.status.code(), out, err)
}

/// One request as a browser makes it, also where it is sent to `localhost`. Gives head and body of the answer.
fn browse(url: &str, form: Option<&[(&str, &str)]>) -> (String, String) {
    let rest = url.strip_prefix("http://").unwrap_or_else(|| panic!("{url}"));
    let (host, path) = rest.split_at(rest.find(['/', '?']).unwrap_or(rest.len()));
    let path = path.trim_start_matches('/');
    let body: Vec<String> = form
        .unwrap_or_default()
        .iter()
        .map(|(name, value)| format!("{name}={}", value.replace('@', "%40")))
        .collect();
    let (method, body) = (if form.is_some() { "POST" } else { "GET" }, body.join("&"));
    let request = format!(
        "{method} /{path} HTTP/1.1\r\nHost: {host}\r\nContent-Type: application/x-www-form-urlencoded\r\nContent-Length: \
         {}\r\nConnection: close\r\n\r\n{body}",
        body.len()
    );
    let mut stream = TcpStream::connect(host.replace("localhost", "127.0.0.1")).unwrap();
    stream.write_all(request.as_bytes()).unwrap();
    let answer = read_message(&mut BufReader::new(stream)).unwrap();
    let answer = String::from_utf8_lossy(&answer).into_owned();
    let (head, body) = answer.split_once("\r\n\r\n").unwrap();
    (head.to_owned(), body.to_owned())
}

fn header<'h>(head: &'h str, name: &str) -> &'h str {
    let line = head.lines().find_map(|line| {
        let (found, value) = line.split_once(':')?;
        found.eq_ignore_ascii_case(name).then(|| value.trim())
    });
    line.unwrap_or_else(|| panic!("no {name} in {head}"))
}

/// What a person with a device code does at the address that the command has printed.
fn type_code(address: &str, code: &str) {
    let form = [("decision", "grant"), ("user", PERSON), ("password", PASSWORD), ("user_code", code)];
    let (head, _) = browse(address, Some(&form));
    assert!(head.starts_with("HTTP/1.1 200"), "{head}");
}

const DEVICE: &str = "      kind: device_code\n      scope: https://outlook.office365.com/EWS.AccessAsUser.All \
                      offline_access openid profile\n      user: soc@corp.example\n    email: soc@corp.example\n";

/// Logs the person in with a device code and gives what the command said.
fn log_in_by_code(house: &House) -> String {
    let mut child = house.command(&["connection", "login", "mail", "--json"]).spawn().unwrap();
    let mut lines = BufReader::new(child.stdout.take().unwrap()).lines();
    let to_do: Value = serde_json::from_str(&lines.next().unwrap().unwrap()).unwrap();
    type_code(to_do["verification_uri"].as_str().unwrap(), to_do["user_code"].as_str().unwrap());
    let end: Value = serde_json::from_str(&lines.next().unwrap().unwrap()).unwrap();
    assert_eq!(end["logged_in"], true, "{end}");
    let (code, _, err) = ended(child);
    assert_eq!(code, Some(0), "{err}");
    format!("{end}{err}")
}

#[test]
fn a_person_logs_in_with_a_code_and_out_again_and_the_key_is_where_it_was_configured() {
    let house = House::new(Application::public(APP, "corp.example"));
    house.configure(house.address(), DEVICE, "  log_in_key: { env: VAULT_KEY }\n");
    assert_eq!(house.failures()[0].0, "token");
    assert!(house.failures()[0].1.contains("portcullis connection login"), "{:?}", house.failures());
    log_in_by_code(&house);
    assert_eq!(house.failures(), []);
    let kept = house.folder.path().join("data/log-ins");
    assert!(kept.is_dir() && !kept.join("key").exists(), "the key is not beside what it keeps");

    // With another key, or without one, nothing can be read, and that is said.
    let other = "  log_in_key: another-key-of-more-than-thirty-two-letters\n";
    for (storage, expected) in [
        (other, "cannot be decrypted"),
        ("", "cannot be decrypted"),
        ("  log_in_key: { env: NOWHERE }\n", "NOWHERE"),
        ("  log_in_key: short\n", "at least 32 characters"),
    ] {
        house.configure(house.address(), DEVICE, storage);
        let (code, out, err) = house.run(&["connection", "test", "mail", "--json"]);
        assert!(code != Some(0) && format!("{out}{err}").contains(expected), "{storage}: {out}{err}");
        // What does not need it does not ask for it.
        assert_eq!(house.run(&["connection", "list"]).0, Some(0));
    }
    house.configure(house.address(), DEVICE, "  log_in_key: { env: VAULT_KEY }\n");
    assert_eq!(house.failures(), []);
    let (code, _, err) = house.run(&["connection", "logout", "mail"]);
    assert_eq!(code, Some(0), "{err}");
    assert_eq!(house.failures()[0].0, "token");
}

#[test]
fn a_person_logs_in_with_the_browser_of_this_machine() {
    let house = House::new(Application::public(APP, "corp.example"));
    let log_in = DEVICE.replace("device_code", "auth_code") + "    alias: phish@corp.example\n";
    house.configure(house.address(), &log_in, "");
    let mut child = house.command(&["connection", "login", "mail"]).spawn().unwrap();
    let lines = BufReader::new(child.stdout.take().unwrap()).lines();
    let mut lines = lines.map_while(Result::ok);
    let url = lines.find(|line| line.starts_with("http://")).expect("an address to open");
    let (head, _) = browse(&url, Some(&[("user", PERSON), ("password", PASSWORD)]));
    let back = header(&head, "location").to_owned();
    assert!(back.starts_with("http://localhost:"), "{back}");
    // Somebody else's answer does not count.
    let (stranger, _) = browse(&back.replace("state=", "state=x"), None);
    assert!(!stranger.starts_with("HTTP/1.1 200"), "{stranger}");
    let (head, page) = browse(&back, None);
    assert!(head.starts_with("HTTP/1.1 200"), "{head}{page}");
    let rest: Vec<String> = lines.collect();
    let (code, _, err) = ended(child);
    assert_eq!(code, Some(0), "{err}");
    let next = "`portcullis connection test mail`";
    assert!(rest.iter().any(|line| line.contains("is logged in") && line.contains(next)), "{rest:?}");
    // The shared mailbox lets nobody in yet.
    assert_eq!(house.failures()[0].0, "mailbox");
}

/// Stands between the command and the simulator: hands on what is for the log-in service and remembers everything
/// secret in it, and gives every token that comes with a request for mail back in the answer.
struct Parrot {
    address: SocketAddr,
    heard: Arc<Mutex<Vec<String>>>,
    /// How it answers, see [`echo`].
    kind: Arc<Mutex<usize>>,
}

impl Parrot {
    fn before(server: SocketAddr) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap();
        let (heard, kind) = (Arc::<Mutex<Vec<String>>>::default(), Arc::<Mutex<usize>>::default());
        let (ear, how) = (Arc::clone(&heard), Arc::clone(&kind));
        std::thread::spawn(move || {
            for stream in listener.incoming().flatten() {
                let mut stream = BufReader::new(stream);
                let Some(request) = read_message(&mut stream) else { continue };
                let text = String::from_utf8_lossy(&request).into_owned();
                let answer = match text.lines().next().unwrap_or_default().contains("/EWS/") {
                    false => hand_on(server, &request, &text, &ear),
                    true => echo(*how.lock().unwrap(), &text, &ear.lock().unwrap()),
                };
                let _ = stream.get_mut().write_all(&answer);
            }
        });
        Parrot { address, heard, kind }
    }
}

/// Gives a request to the log-in service and remembers the secrets on both ways.
fn hand_on(server: SocketAddr, request: &[u8], text: &str, ear: &Mutex<Vec<String>>) -> Vec<u8> {
    let mut upstream = TcpStream::connect(server).unwrap();
    upstream.write_all(request).unwrap();
    let answer = read_message(&mut BufReader::new(upstream)).unwrap();
    let (_, form) = text.split_once("\r\n\r\n").unwrap();
    let sent = form.split('&').filter_map(|field| field.split_once('='));
    let sent = sent.filter(|(name, _)| ["client_assertion", "refresh_token", "device_code"].contains(name));
    let mut ear = ear.lock().unwrap();
    ear.extend(sent.map(|(_, value)| value.to_owned()));
    let said = String::from_utf8_lossy(&answer).into_owned();
    let said: Value = serde_json::from_str(said.split_once("\r\n\r\n").unwrap().1).unwrap_or_default();
    let got =
        ["access_token", "refresh_token", "device_code"].into_iter().filter_map(|name| said[name].as_str());
    ear.extend(got.map(str::to_owned));
    answer
}

const ECHOES: usize = 5;

/// Every secret that is known by now, in the answer to a request for mail.
fn echo(kind: usize, request: &str, heard: &[String]) -> Vec<u8> {
    let bearer = request
        .lines()
        .find_map(|line| {
            line.to_lowercase().starts_with("authorization:").then(|| line[14..].trim().to_owned())
        })
        .unwrap_or_default();
    let all = format!("{bearer} {}", heard.join(" "));
    let fault = format!(
        "<s:Envelope xmlns:s=\"http://schemas.xmlsoap.org/soap/envelope/\"><s:Body><s:Fault><faultcode>s:Client</faultcode>\
         <faultstring>Cannot go on with {all}</faultstring><detail><ResponseCode>ErrorAccessDenied</ResponseCode>\
         <Message>No: {all}</Message></detail></s:Fault></s:Body></s:Envelope>"
    );
    let (status, header, body) = match kind {
        0 => ("500 Error", "X-A: b".to_owned(), fault),
        // Asks for another token, which comes with the refresh token or another assertion.
        1 => ("401 Unauthorized", format!("WWW-Authenticate: Bearer realm=\"{bearer}\""), all),
        2 => ("403 Forbidden", format!("x-ews-policy-reason: {bearer}"), all),
        3 => ("200 OK", "X-A: b".to_owned(), format!("<html>{all}</html>")),
        _ => ("503 Busy", format!("Retry-After: {bearer}"), format!("{{\"you sent\": \"{all}\"}}")),
    };
    format!(
        "HTTP/1.1 {status}\r\nContent-Type: text/xml\r\n{header}\r\nConnection: close\r\nContent-Length: {}\r\n\r\n{body}",
        body.len()
    )
    .into_bytes()
}

/// The middle of a token: its beginning is the same for all of them, and its end may have been cut off.
fn middle(token: &str) -> &str {
    let at = token.len() / 3;
    &token[at..(at + 24).min(token.len())]
}

fn silent(what: &str, bytes: &[u8], tokens: &[String]) {
    for token in tokens {
        let song = middle(token).as_bytes();
        let at = bytes.windows(song.len()).position(|window| window == song);
        assert!(at.is_none(), "{what} has {token}: {}", String::from_utf8_lossy(bytes));
    }
}

fn silent_below(folder: &Path, tokens: &[String]) -> usize {
    let mut files = 0;
    for entry in std::fs::read_dir(folder).unwrap().flatten() {
        let path = entry.path();
        if path.is_dir() {
            files += silent_below(&path, tokens);
        } else {
            silent(&path.display().to_string(), &std::fs::read(&path).unwrap(), tokens);
            files += 1;
        }
    }
    files
}

/// Runs everything that talks to the server, and looks through all that was said and kept.
fn look_through(house: &House, parrot: &Parrot) {
    std::fs::write(house.folder.path().join("playbook.yaml"), PLAYBOOK).unwrap();
    let mut said = String::new();
    for kind in 0..ECHOES {
        *parrot.kind.lock().unwrap() = kind;
        let (code, out, err) = house.run(&["run", "playbook.yaml", "--json", "-vv"]);
        assert_eq!(code, Some(1), "{kind}: {out}{err}");
        let run = serde_json::from_str::<Value>(&out).unwrap()["run"].as_str().unwrap().to_owned();
        said += &(out + &err);
        for more in [
            &["runs", "show", &run, "--json"][..],
            &["runs", "logs", &run],
            &["runs", "export", &run],
            &["connection", "test", "mail", "-vv"],
            &["connection", "test", "mail", "--json"],
        ] {
            let (_, out, err) = house.run(more);
            said += &(out + &err);
        }
    }
    let heard = parrot.heard.lock().unwrap().clone();
    assert!(heard.len() > 3 && heard.iter().all(|token| token.len() > 20), "{heard:?}");
    assert!(said.contains("secret:token"), "nothing was given back: {said}");
    silent("what was said", said.as_bytes(), &heard);
    assert!(silent_below(&house.folder.path().join("data"), &heard) > 1);
}

#[test]
fn no_token_of_an_application_is_shown_by_a_server_that_repeats_it() {
    let fixture = Path::new(env!("CARGO_MANIFEST_DIR")).join("../login/tests/fixture");
    let certificate = std::fs::read_to_string(fixture.join("cert.pem")).unwrap();
    let house = House::new(Application::with_certificate(APP, "corp.example", &certificate));
    let pem = house.folder.path().join("app.pem");
    std::fs::copy(fixture.join("application.pem"), &pem).unwrap();
    use std::os::unix::fs::PermissionsExt as _;
    std::fs::set_permissions(&pem, std::fs::Permissions::from_mode(0o600)).unwrap();
    let parrot = Parrot::before(house.address());
    let log_in = "      kind: client_certificate\n      scope: https://outlook.office365.com/.default\n      certificate: \
                  app.pem\n";
    house.configure(parrot.address, log_in, "");
    look_through(&house, &parrot);
}

#[test]
fn no_token_of_a_person_is_shown_by_a_server_that_repeats_it() {
    let house = House::new(Application::public(APP, "corp.example"));
    let parrot = Parrot::before(house.address());
    house.configure(parrot.address, DEVICE, "");
    let said = log_in_by_code(&house);
    silent("the log-in", said.as_bytes(), &parrot.heard.lock().unwrap());
    look_through(&house, &parrot);
    let refreshed = parrot.heard.lock().unwrap().len();
    assert!(refreshed > 4, "the refresh token was used: {refreshed}");
}
