//! The real binary, killed with SIGKILL at every journal write and at every outgoing request of the phishing
//! playbook, and resumed: every run ends as if nothing had happened, no completed step runs again, and the
//! simulator, which outlives the process, counts eight deletions and one answer. The compromised mailbox is played by
//! several commands, because people fill in a form and approve; each of them is killed, too.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::disallowed_methods,
    clippy::print_stderr,
    dead_code,
    reason = "test code that starts the real binary, and shares a part with other tests"
)]

mod crash;

use std::collections::BTreeMap;
use std::io::{BufRead, BufReader, Read};
use std::process::{Child, Command, Stdio};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use crash::judge::{Wanted, judge};
use crash::playbooks::{PEOPLE, Shipped};
use crash::wire::{Lost, Stage, Wire};
use exchange_sim::{Config, EffectKind, Organisation, Server};
use serde_json::Value;

const USER: &str = "svc@corp.example";
const PASSWORD: &str = "kill-test-password";

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

/// How a command ended: killed, or with a code and its JSON.
type Ended = Option<(i32, Value)>;

fn end(victim: &Mutex<Option<Child>>) {
    if let Some(child) = victim.lock().unwrap().as_mut() {
        // SIGKILL; nothing in the process gets to run.
        child.kill().unwrap();
    }
}

/// One organisation, one wire, one data folder.
struct Scene {
    shipped: Shipped,
    organisation: Organisation,
    _server: Server,
    wire: Wire,
    victim: Arc<Mutex<Option<Child>>>,
    folder: tempfile::TempDir,
}

impl Scene {
    async fn new(name: &str) -> Self {
        let shipped = Shipped::named(name);
        let organisation = Organisation::load_folder(shipped.folder().join("mail")).unwrap();
        let server = Server::start(organisation.clone(), Config::local(USER, PASSWORD)).await.unwrap();
        let wire = Wire::to(server.base_url().trim_start_matches("http://").parse().unwrap());
        let folder = tempfile::tempdir().unwrap();
        // The simulator files what is sent at once, so nobody waits for it after a crash.
        let mut config = format!(
            "connections:\n  mail:\n    kind: ews\n    url: {}\n    user: {USER}\n    \
             password: {{ env: KILL_TEST_PASSWORD }}\n    settle_seconds: 0\npeople:\n",
            wire.url()
        );
        for (name, roles) in PEOPLE {
            config.push_str(&format!("  {name}: {{ roles: [{}] }}\n", roles.join(", ")));
        }
        std::fs::write(folder.path().join("portcullis.yaml"), config).unwrap();
        Scene { shipped, organisation, _server: server, wire, victim: Arc::default(), folder }
    }

    fn command(&self, arguments: &[&str]) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_portcullis"));
        command
            .args(arguments)
            .arg("--json")
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
        self.run_until(arguments, None).expect("nobody kills it")
    }

    /// Runs a command, and kills it at the point if it gets there.
    fn run_until(&self, arguments: &[&str], point: Option<Point>) -> Ended {
        let mut command = self.command(arguments);
        if let Some(Point::Journal(write, side)) = point {
            command.env("PORTCULLIS_PAUSE_AT", format!("{write}:{side}"));
        }
        let lost = match point {
            Some(Point::BeforeRequest(request)) => Some(Lost { request, stage: Stage::Before }),
            Some(Point::AfterRequest(request)) => Some(Lost { request, stage: Stage::After }),
            _ => None,
        };
        if let Some(lost) = lost {
            let victim = Arc::clone(&self.victim);
            self.wire.lose(lost, move || end(&victim));
        }
        let mut child = command.spawn().unwrap();
        let (mut out, errors) = (child.stdout.take().unwrap(), child.stderr.take().unwrap());
        *self.victim.lock().unwrap() = Some(child);
        let victim = Arc::clone(&self.victim);
        let watcher = std::thread::spawn(move || {
            let mut said = String::new();
            for line in BufReader::new(errors).lines().map_while(Result::ok) {
                if line.starts_with("paused at journal write") {
                    end(&victim);
                }
                said.push_str(&line);
                said.push('\n');
            }
            said
        });
        let mut printed = Vec::new();
        out.read_to_end(&mut printed).unwrap();
        let begun = Instant::now();
        let status = loop {
            if let Some(status) = self.victim.lock().unwrap().as_mut().unwrap().try_wait().unwrap() {
                break status;
            }
            assert!(begun.elapsed() < Duration::from_secs(120), "{point:?}: neither killed nor done");
            std::thread::sleep(Duration::from_millis(2));
        };
        let said = watcher.join().unwrap();
        self.wire.mend();
        *self.victim.lock().unwrap() = None;
        let code = status.code()?;
        let json = serde_json::from_slice(&printed).unwrap_or(Value::Null);
        assert!(matches!(code, 0 | 3), "{arguments:?}, {point:?} ended with {code}: {json}\n{said}");
        Some((code, json))
    }

    /// Runs the playbook as people would, with a command for every answer; the one with this number is killed at the
    /// point. Gives the run's name, whether it came to that, and how many commands there were.
    fn play(&self, number: usize, point: Point, flags: &[&str]) -> (String, bool, usize) {
        let file = self.shipped.file();
        let mut start = vec!["run", file.to_str().unwrap(), "--as", "ana"];
        start.extend(flags);
        let sample = self.shipped.folder().join("sample-inputs.yaml");
        if sample.exists() {
            start.extend(["--inputs", sample.to_str().unwrap()]);
        }
        let (mut killed, mut run, mut waiting) = (false, None::<String>, Value::Null);
        for command in 0.. {
            let armed = (command == number).then_some(point);
            let path = waiting["path"].as_str().map(str::to_owned);
            let ended = match (&run, &path) {
                (None, _) => self.run_until(&start, armed),
                (Some(run), None) => self.run_until(&["runs", "resume", run], armed),
                (Some(run), Some(path)) if waiting.get("form").is_some() => {
                    let answer = self.shipped.answer();
                    let fields: Vec<String> = answer
                        .as_object()
                        .unwrap()
                        .iter()
                        .map(|(name, value)| format!("{name}={}", value.as_str().unwrap()))
                        .collect();
                    let mut arguments = vec!["answer", run, path, "--as", PEOPLE[0].0];
                    fields.iter().for_each(|field| arguments.extend(["--input", field]));
                    self.run_until(&arguments, armed)
                }
                (Some(run), Some(path)) => {
                    self.run_until(&["approve", run, path, "--as", PEOPLE[0].0], armed)
                }
            };
            waiting = Value::Null;
            match ended {
                Some((0, json)) => return (json["run"].as_str().unwrap().to_owned(), killed, command + 1),
                Some((_, json)) => {
                    run = Some(json["run"].as_str().unwrap().to_owned());
                    waiting = json["waiting"][0].clone();
                }
                None => {
                    killed = true;
                    let (_, list) = self.run(&["runs", "list"]);
                    run = list["runs"][0]["run"].as_str().map(str::to_owned);
                    // Killed before the run existed: nothing may have happened, and it is begun anew.
                    assert!(run.is_some() || self.organisation.ledger().effects.is_empty(), "{point:?}");
                }
            }
        }
        unreachable!("the playbook never ends")
    }

    /// What holds for every run: no step ended twice or began after its end, and the password is nowhere.
    fn history(&self, point: Point, run: &str) -> Value {
        let (_, shown) = self.run(&["runs", "show", run]);
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
        let leaked =
            std::fs::read_dir(self.folder.path().join(".portcullis")).unwrap().flatten().any(|entry| {
                std::fs::read(entry.path()).is_ok_and(|bytes| {
                    bytes.windows(PASSWORD.len()).any(|window| window == PASSWORD.as_bytes())
                })
            });
        assert!(!leaked, "{point:?}: the password is in the data folder");
        let end = records.last().unwrap()["event"].clone();
        assert_eq!(end["status"], "succeeded", "{point:?}: {end}");
        end
    }

    /// What must be true of the world after phishing triage.
    fn verify(&self, point: Point, run: &str) {
        let ledger = self.organisation.ledger();
        assert_eq!(ledger.count(EffectKind::Deleted), 8, "{point:?}: deletions");
        assert_eq!(ledger.count(EffectKind::Sent), 1, "{point:?}: mails sent");
        let end = self.history(point, run);
        assert_eq!(end["outputs"]["deleted"], 8, "{point:?}: {end}");
        assert_eq!(end["outputs"]["failed"], 0, "{point:?}: {end}");
        assert_eq!(end["outputs"]["answered"], true, "{point:?}: {end}");
    }
}

/// Kills at every point of one kind until the run gets through without reaching it.
async fn every(points: impl Fn(u32) -> Point) -> u32 {
    for number in 1..500 {
        let scene = Scene::new("phishing-triage").await;
        let point = points(number);
        let killed = tokio::task::block_in_place(|| {
            let (run, killed, _) = scene.play(0, point, &["--approve=all"]);
            if killed {
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

/// The compromised mailbox, with a form and an approval given by commands; each of these processes is killed.
async fn every_command(points: impl Fn(u32) -> Point) -> u32 {
    let scene = Scene::new("compromised-mailbox").await;
    let meant = tokio::task::block_in_place(|| {
        let (run, ..) = scene.play(usize::MAX, Point::Journal(0, "after"), &[]);
        scene.history(Point::Journal(0, "after"), &run);
        scene.organisation.ledger()
    });
    assert!(
        meant.count(EffectKind::Sent) > 0 && meant.count(EffectKind::Configured) > 0,
        "{:?}",
        meant.counts
    );
    let mut total = 0;
    for command in 0.. {
        for number in 1.. {
            let point = points(number);
            let (mut killed, mut last) = (false, false);
            // What is written at the same moment may be one write or two, so a point is missing if it is missed twice.
            for _ in 0..2 {
                let scene = Scene::new("compromised-mailbox").await;
                (killed, last) = tokio::task::block_in_place(|| {
                    let (run, killed, commands) = scene.play(command, point, &[]);
                    scene.history(point, &run);
                    let place = format!("command {command}, {point:?}");
                    judge(&meant, &scene.organisation.ledger(), Wanted::All, &place);
                    (killed, command + 1 == commands)
                });
                if killed {
                    break;
                }
            }
            total += u32::from(killed);
            // A command that is killed nowhere may be one that only takes an answer; the last one ends the run.
            if !killed && last {
                eprintln!("killed at {total} points of {command} commands");
                return total;
            }
            if !killed {
                break;
            }
        }
    }
    unreachable!()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn killed_after_every_journal_write_of_every_command() {
    let points = every_command(|number| Point::Journal(number, "after")).await;
    assert!(points >= 10, "only {points} journal writes");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn killed_before_an_answer_comes_back_to_any_command() {
    let points = every_command(Point::AfterRequest).await;
    assert!(points >= 10, "only {points} requests");
}
