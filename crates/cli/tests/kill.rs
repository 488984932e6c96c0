//! The real binary, killed with SIGKILL at every journal write and at every outgoing request of the phishing
//! playbook, and resumed: every run ends as if nothing had happened, no completed step runs again, and the
//! simulator, which outlives the process, counts eight deletions and one answer.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::disallowed_methods,
    clippy::print_stderr,
    reason = "test code that starts the real binary"
)]

use std::collections::BTreeMap;
use std::io::{BufRead, BufReader, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use exchange_sim::{Config, EffectKind, Organisation, Server};
use serde_json::Value;

const USER: &str = "svc@corp.example";
const PASSWORD: &str = "kill-test-password";

fn workflow() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../../workflows/phishing-triage").canonicalize().unwrap()
}

/// Where the process is killed.
#[derive(Debug, Clone, Copy)]
enum Point {
    /// Before, or right after, a write to the journal.
    Journal(u32, &'static str),
    /// When a request has arrived and the server has not seen it.
    BeforeRequest(u32),
    /// When the server has answered and the answer has not gone back.
    AfterRequest(u32),
}

/// Stands between the binary and the simulator, and can kill the one for a request to the other.
struct Proxy {
    address: SocketAddr,
    requests: Arc<AtomicU32>,
    victim: Arc<Mutex<Option<Child>>>,
    kill: Arc<Mutex<Option<Point>>>,
}

impl Proxy {
    fn start(server: SocketAddr) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let proxy = Proxy {
            address: listener.local_addr().unwrap(),
            requests: Arc::default(),
            victim: Arc::default(),
            kill: Arc::default(),
        };
        let (requests, victim, kill) =
            (Arc::clone(&proxy.requests), Arc::clone(&proxy.victim), Arc::clone(&proxy.kill));
        std::thread::spawn(move || {
            for client in listener.incoming().flatten() {
                let (requests, victim, kill) =
                    (Arc::clone(&requests), Arc::clone(&victim), Arc::clone(&kill));
                std::thread::spawn(move || {
                    let mut client = BufReader::new(client);
                    while let Some(request) = read_message(&mut client) {
                        let number = requests.fetch_add(1, Ordering::SeqCst) + 1;
                        let point = *kill.lock().unwrap();
                        if matches!(point, Some(Point::BeforeRequest(at)) if at == number) {
                            end(&victim);
                            return;
                        }
                        let mut upstream = TcpStream::connect(server).unwrap();
                        upstream.write_all(&request).unwrap();
                        let Some(answer) = read_message(&mut BufReader::new(upstream)) else { return };
                        if matches!(point, Some(Point::AfterRequest(at)) if at == number) {
                            end(&victim);
                            return;
                        }
                        if client.get_mut().write_all(&answer).is_err() {
                            return;
                        }
                    }
                });
            }
        });
        proxy
    }
}

fn end(victim: &Mutex<Option<Child>>) {
    if let Some(child) = victim.lock().unwrap().as_mut() {
        // SIGKILL; nothing in the process gets to run.
        child.kill().unwrap();
    }
}

/// One HTTP message: head, and a body by its Content-Length or in chunks.
fn read_message(from: &mut impl BufRead) -> Option<Vec<u8>> {
    let (mut message, mut length, mut chunked) = (Vec::new(), 0, false);
    loop {
        let mut line = Vec::new();
        if from.read_until(b'\n', &mut line).ok()? == 0 {
            return None;
        }
        message.extend_from_slice(&line);
        let line = String::from_utf8_lossy(&line).to_ascii_lowercase();
        if let Some(value) = line.strip_prefix("content-length:") {
            length = value.trim().parse().unwrap();
        }
        chunked |= line.starts_with("transfer-encoding:") && line.contains("chunked");
        if line.trim().is_empty() {
            break;
        }
    }
    if chunked {
        loop {
            let mut line = Vec::new();
            from.read_until(b'\n', &mut line).ok()?;
            let size = usize::from_str_radix(String::from_utf8_lossy(&line).trim(), 16).unwrap();
            message.extend_from_slice(&line);
            let mut chunk = vec![0; size + 2];
            from.read_exact(&mut chunk).ok()?;
            message.extend_from_slice(&chunk);
            if size == 0 {
                return Some(message);
            }
        }
    }
    let mut body = vec![0; length];
    from.read_exact(&mut body).ok()?;
    message.extend_from_slice(&body);
    Some(message)
}

/// One organisation, one proxy, one data folder.
struct Scene {
    organisation: Organisation,
    _server: Server,
    proxy: Proxy,
    folder: tempfile::TempDir,
}

impl Scene {
    async fn new() -> Self {
        let organisation = Organisation::load_folder(workflow().join("mail")).unwrap();
        let server = Server::start(organisation.clone(), Config::local(USER, PASSWORD)).await.unwrap();
        let authority = server.url();
        let authority = authority.trim_start_matches("http://").split('/').next().unwrap().to_owned();
        let proxy = Proxy::start(authority.parse().unwrap());
        let folder = tempfile::tempdir().unwrap();
        let config = format!(
            "connections:\n  mail:\n    kind: ews\n    url: http://{}/EWS/Exchange.asmx\n    user: {USER}\n    \
             password: {{ env: KILL_TEST_PASSWORD }}\n",
            proxy.address
        );
        std::fs::write(folder.path().join("portcullis.yaml"), config).unwrap();
        Scene { organisation, _server: server, proxy, folder }
    }

    fn command(&self, arguments: &[&str]) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_portcullis"));
        command
            .args(arguments)
            .arg("--config")
            .arg(self.folder.path().join("portcullis.yaml"))
            .env("KILL_TEST_PASSWORD", PASSWORD)
            .env_remove("PORTCULLIS_PAUSE_AT")
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped());
        command
    }

    /// Runs a command to its end; gives its exit code and its JSON.
    fn run(&self, arguments: &[&str]) -> (i32, Value) {
        let output = self.command(arguments).output().unwrap();
        let code = output.status.code().unwrap_or(-1);
        let json = serde_json::from_slice(&output.stdout).unwrap_or(Value::Null);
        assert!(
            code != 2 && code != -1,
            "{arguments:?}: {}\n{}",
            String::from_utf8_lossy(&output.stdout),
            String::from_utf8_lossy(&output.stderr)
        );
        (code, json)
    }

    /// Starts the playbook and kills it at the point. Gives whether the point was reached.
    fn start_and_kill(&self, point: Point) -> bool {
        let playbook = workflow().join("playbook.yaml");
        let mut command = self.command(&["run", playbook.to_str().unwrap(), "--approve=all", "--json"]);
        if let Point::Journal(write, side) = point {
            command.env("PORTCULLIS_PAUSE_AT", format!("{write}:{side}"));
        }
        *self.proxy.kill.lock().unwrap() = Some(point);
        let mut child = command.spawn().unwrap();
        let errors = child.stderr.take().unwrap();
        *self.proxy.victim.lock().unwrap() = Some(child);
        let victim = Arc::clone(&self.proxy.victim);
        let watcher = std::thread::spawn(move || {
            for line in BufReader::new(errors).lines().map_while(Result::ok) {
                if line.starts_with("paused at journal write") {
                    end(&victim);
                }
            }
        });
        let begun = Instant::now();
        let status = loop {
            if let Some(status) = self.proxy.victim.lock().unwrap().as_mut().unwrap().try_wait().unwrap() {
                break status;
            }
            assert!(begun.elapsed() < Duration::from_secs(60), "{point:?}: neither killed nor done");
            std::thread::sleep(Duration::from_millis(2));
        };
        watcher.join().unwrap();
        *self.proxy.kill.lock().unwrap() = None;
        *self.proxy.victim.lock().unwrap() = None;
        status.code().is_none()
    }

    /// Goes on until the run is over, approving what it asks. Gives its name.
    fn finish(&self, point: Point) -> String {
        let (_, list) = self.run(&["runs", "list", "--json"]);
        let Some(run) = list["runs"][0]["run"].as_str().map(str::to_owned) else {
            // Killed before the run existed: nothing may have happened, and it is begun anew.
            assert_eq!(self.organisation.ledger().effects, [], "{point:?}");
            let playbook = workflow().join("playbook.yaml");
            let (code, result) = self.run(&["run", playbook.to_str().unwrap(), "--approve=all", "--json"]);
            assert_eq!(code, 0, "{point:?}: {result}");
            return result["run"].as_str().unwrap().to_owned();
        };
        let (mut code, mut result) = self.run(&["runs", "resume", &run, "--json"]);
        if code == 3 {
            let path = result["waiting"][0]["path"].as_str().unwrap().to_owned();
            (code, result) = self.run(&["approve", &run, &path, "--json"]);
        }
        assert_eq!(code, 0, "{point:?}: {result}");
        run
    }

    /// What must be true of the world afterwards.
    fn verify(&self, point: Point, run: &str) {
        let ledger = self.organisation.ledger();
        assert_eq!(ledger.count(EffectKind::Deleted), 8, "{point:?}: deletions");
        assert_eq!(ledger.count(EffectKind::Sent), 1, "{point:?}: mails sent");
        let (_, shown) = self.run(&["runs", "show", run, "--json"]);
        let records = shown["records"].as_array().unwrap();
        let mut performed: BTreeMap<u64, usize> = BTreeMap::new();
        for (index, record) in records.iter().enumerate() {
            let event = &record["event"];
            let op = event["op"].as_u64().unwrap_or(0);
            match event["event"].as_str().unwrap() {
                "performed" => {
                    assert_eq!(performed.insert(op, index), None, "{point:?}: {op} completed twice")
                }
                "performing" => assert!(!performed.contains_key(&op), "{point:?}: {op} ran again"),
                _ => {}
            }
        }
        let end = &records.last().unwrap()["event"];
        assert_eq!(end["status"], "succeeded", "{point:?}: {end}");
        assert_eq!(end["outputs"]["deleted"], 8, "{point:?}: {end}");
        assert_eq!(end["outputs"]["failed"], 0, "{point:?}: {end}");
        assert_eq!(end["outputs"]["answered"], true, "{point:?}: {end}");
        let leaked =
            std::fs::read_dir(self.folder.path().join(".portcullis")).unwrap().flatten().any(|entry| {
                std::fs::read(entry.path()).is_ok_and(|bytes| {
                    bytes.windows(PASSWORD.len()).any(|window| window == PASSWORD.as_bytes())
                })
            });
        assert!(!leaked, "{point:?}: the password is in the data folder");
    }
}

/// Kills at every point of one kind until the run gets through without reaching it.
async fn every(points: impl Fn(u32) -> Point) -> u32 {
    for number in 1..500 {
        let scene = Scene::new().await;
        let point = points(number);
        let killed = tokio::task::block_in_place(|| {
            let killed = scene.start_and_kill(point);
            if killed {
                let run = scene.finish(point);
                scene.verify(point, &run);
            }
            killed
        });
        if !killed {
            eprintln!("killed at {} points", number - 1);
            return number - 1;
        }
    }
    panic!("the playbook never ends");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn killed_before_every_journal_write() {
    let points = every(|number| Point::Journal(number, "before")).await;
    assert!(points >= 10, "only {points} journal writes");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn killed_after_every_journal_write() {
    let points = every(|number| Point::Journal(number, "after")).await;
    assert!(points >= 10, "only {points} journal writes");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn killed_before_the_server_sees_a_request() {
    let points = every(Point::BeforeRequest).await;
    assert!(points >= 15, "only {points} requests");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn killed_before_an_answer_comes_back() {
    let points = every(Point::AfterRequest).await;
    assert!(points >= 15, "only {points} requests");
}
