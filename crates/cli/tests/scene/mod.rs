//! A folder with a configuration, a simulated server that can be told to be slow, and the real binary, also several at
//! a time.
#![allow(dead_code, reason = "each test file uses a part of it")]

use std::io::{BufRead, BufReader, Read};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use exchange_sim::{Config, Fault, Misbehaviour, Organisation, Server};
use serde_json::Value;

/// Longer than anything takes on a busy machine.
pub(crate) const LONG: Duration = Duration::from_secs(120);

/// Reads, a change, a read. Each line of `steps` is a request of its own at the server.
pub(crate) const CHANGES: &str = "playbook: 1
id: changes
name: Changes
connections: { mail: { kind: exchange } }
outputs:
  left: { type: integer, value: \"${{ steps.after.output.total }}\" }
steps:
  - { id: find, uses: mail.search, with: { mailbox: ann@corp.example } }
  - id: remove
    uses: mail.delete
    with: { mailbox: ann@corp.example, item_ids: \"${{ steps.find.output.messages.map(m, m.item_id) }}\" }
  - { id: after, uses: mail.search, with: { mailbox: ann@corp.example } }
";

/// Three reads in a row.
pub(crate) const READS: &str = "playbook: 1
id: reads
name: Reads
connections: { mail: { kind: exchange } }
steps:
  - { id: one, uses: mail.search, with: { mailbox: ann@corp.example } }
  - { id: two, uses: mail.search, with: { mailbox: ann@corp.example } }
  - { id: three, uses: mail.search, with: { mailbox: ann@corp.example } }
";

pub(crate) struct Scene {
    runtime: tokio::runtime::Runtime,
    pub(crate) organisation: Organisation,
    server: Option<Server>,
    folder: tempfile::TempDir,
    data: PathBuf,
}

/// How a command ended.
pub(crate) struct Ended {
    /// Nothing if a signal ended it.
    pub(crate) code: Option<i32>,
    pub(crate) out: String,
    pub(crate) err: String,
}

impl Ended {
    #[track_caller]
    pub(crate) fn with_code(self, code: i32) -> Self {
        assert_eq!(self.code, Some(code), "\n{}\n{}", self.out, self.err);
        self
    }

    #[track_caller]
    pub(crate) fn json(&self) -> Value {
        serde_json::from_str(&self.out).unwrap_or_else(|error| panic!("{error}\n{}\n{}", self.out, self.err))
    }
}

impl Scene {
    /// With two mails in one mailbox.
    pub(crate) fn new() -> Self {
        let runtime =
            tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build().unwrap();
        let folder = tempfile::tempdir().unwrap();
        let inbox = folder.path().join("mail/ann@corp.example/Inbox");
        std::fs::create_dir_all(&inbox).unwrap();
        for number in 1..=2 {
            let mail = format!(
                "From: <a@evil.test>\r\nTo: ann@corp.example\r\nSubject: Pay {number}\r\nMessage-ID: \
                 <{number}@evil.test>\r\n\r\nPay.\r\n"
            );
            std::fs::write(inbox.join(format!("{number}.eml")), mail).unwrap();
        }
        let organisation = Organisation::load_folder(folder.path().join("mail")).unwrap();
        let config = Config::local("svc@corp.example", "scene");
        let server = runtime.block_on(Server::start(organisation.clone(), config)).unwrap();
        let data = folder.path().join("data");
        let scene = Scene { runtime, organisation, server: Some(server), folder, data };
        scene.write(
            "portcullis.yaml",
            &format!(
                "connections:\n  mail:\n    kind: ews\n    url: {}\n    user: svc@corp.example\n    password: {{ env: \
                 SCENE_PASSWORD }}\npeople:\n  anna: {{ roles: [lead] }}\n",
                scene.server.as_ref().unwrap().url()
            ),
        );
        scene
    }

    /// With the data folder at a place below the scene's folder.
    pub(crate) fn with_data(mut self, place: &str) -> Self {
        self.data = self.folder.path().join(place);
        self
    }

    pub(crate) fn data(&self) -> &Path {
        &self.data
    }

    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    pub(crate) fn write(&self, name: &str, content: &str) -> String {
        let path = self.path(name);
        std::fs::write(&path, content).unwrap();
        path.display().to_string()
    }

    /// The first call of an operation is answered late.
    pub(crate) fn slow(&self, operation: &str, time: Duration) {
        let milliseconds = u64::try_from(time.as_millis()).unwrap();
        let fault = Fault::once(operation, Misbehaviour::Delay { milliseconds });
        self.server.as_ref().unwrap().misbehave(fault);
    }

    pub(crate) fn quick(&self) {
        self.server.as_ref().unwrap().behave();
    }

    pub(crate) fn command(&self, args: &[&str]) -> Command {
        // Whoever runs these tests in the background ignores signals, and that is handed down.
        let mut command = if cfg!(target_os = "linux") {
            let mut command = Command::new("env");
            command.args(["--default-signal=HUP,INT,TERM", env!("CARGO_BIN_EXE_portcullis")]);
            command
        } else {
            Command::new(env!("CARGO_BIN_EXE_portcullis"))
        };
        self.surroundings(command.args(args).arg("--data").arg(&self.data));
        command
    }

    /// Where and with what a command runs.
    pub(crate) fn surroundings(&self, command: &mut Command) {
        command
            .current_dir(self.folder.path())
            .env_clear()
            .env("PATH", "/usr/bin:/bin")
            .env("USER", "tester")
            .env("SCENE_PASSWORD", "scene")
            .env("XDG_CACHE_HOME", Path::new(env!("CARGO_TARGET_TMPDIR")).join("cache"))
            .env("XDG_STATE_HOME", Path::new(env!("CARGO_TARGET_TMPDIR")).join("state"))
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped());
    }

    pub(crate) fn run(&self, args: &[&str]) -> Ended {
        self.start(args).ended()
    }

    pub(crate) fn start(&self, args: &[&str]) -> Started {
        Started::new(self.command(args).spawn().unwrap())
    }

    /// Starts a command that begins a run, and gives the run's name once there is one.
    pub(crate) fn begin(&self, args: &[&str]) -> (Started, String) {
        self.begun(|| self.start(args))
    }

    /// The run that begins because of something.
    pub(crate) fn begun<T>(&self, start: impl FnOnce() -> T) -> (T, String) {
        let before = self.newest();
        let started = start();
        (started, eventually("a run", || self.newest().filter(|run| Some(run) != before.as_ref())))
    }

    fn newest(&self) -> Option<String> {
        let list = self.run(&["runs", "list", "--json"]).with_code(0).json();
        list["runs"][0]["run"].as_str().map(str::to_owned)
    }

    /// Waits until the log of a run has a line with this.
    pub(crate) fn until_logged(&self, run: &str, part: &str) {
        eventually(part, || self.run(&["runs", "logs", run]).with_code(0).out.contains(part).then_some(()));
    }
}

impl Drop for Scene {
    fn drop(&mut self) {
        if let Some(server) = self.server.take() {
            // An answer that is held back would be waited for.
            server.behave();
            self.runtime.block_on(server.shutdown());
        }
    }
}

/// Tries until there is something.
#[track_caller]
pub(crate) fn eventually<T>(what: &str, mut look: impl FnMut() -> Option<T>) -> T {
    let begun = Instant::now();
    loop {
        if let Some(found) = look() {
            return found;
        }
        assert!(begun.elapsed() < LONG, "{what} never came");
        std::thread::sleep(Duration::from_millis(20));
    }
}

/// A command that goes on. It is killed when the value is dropped.
pub(crate) struct Started {
    child: Child,
    out: Arc<Mutex<String>>,
    err: Arc<Mutex<String>>,
    readers: Vec<std::thread::JoinHandle<()>>,
}

impl Started {
    pub(crate) fn new(mut child: Child) -> Self {
        let mut readers = Vec::new();
        let out = Arc::<Mutex<String>>::default();
        let err = Arc::<Mutex<String>>::default();
        if let Some(from) = child.stdout.take() {
            readers.push(read(from, &out));
        }
        if let Some(from) = child.stderr.take() {
            readers.push(read(from, &err));
        }
        Started { child, out, err, readers }
    }

    pub(crate) fn id(&self) -> u32 {
        self.child.id()
    }

    pub(crate) fn signal(&self, name: &str) {
        let sent = Command::new("kill").args([&format!("-{name}"), &self.id().to_string()]).status().unwrap();
        assert!(sent.success(), "{name}");
    }

    /// Waits until something is on standard error.
    #[track_caller]
    pub(crate) fn says(&self, part: &str) {
        eventually(part, || self.err.lock().unwrap().contains(part).then_some(()));
    }

    pub(crate) fn is_running(&mut self) -> bool {
        self.child.try_wait().unwrap().is_none()
    }

    #[track_caller]
    pub(crate) fn ended(mut self) -> Ended {
        let status = eventually("the end of the process", || self.child.try_wait().unwrap());
        for reader in std::mem::take(&mut self.readers) {
            reader.join().unwrap();
        }
        let text = |from: &Mutex<String>| from.lock().unwrap().clone();
        Ended { code: status.code(), out: text(&self.out), err: text(&self.err) }
    }
}

impl Drop for Started {
    fn drop(&mut self) {
        // It may be over.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

fn read(from: impl Read + Send + 'static, to: &Arc<Mutex<String>>) -> std::thread::JoinHandle<()> {
    let to = Arc::clone(to);
    std::thread::spawn(move || {
        for line in BufReader::new(from).lines().map_while(Result::ok) {
            let mut to = to.lock().unwrap();
            to.push_str(&line);
            to.push('\n');
        }
    })
}
