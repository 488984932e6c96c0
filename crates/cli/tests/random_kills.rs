//! Eight runs at a time of the real binary against one simulated organisation, killed with SIGKILL at random times
//! and gone on with until all are over: every mail that was selected is deleted or moved exactly once, every report
//! goes out exactly once, and no step that ended runs again.
//!
//! 60 kills in every run of the tests; `PORTCULLIS_KILLS=1000 cargo test -p portcullis-cli --test random_kills --
//! --nocapture` is the full size and takes some minutes. `PORTCULLIS_KILLS_SEED` changes the times. Kills at named
//! points, none of them left out, are in `kill.rs` and `restarts.rs`.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::disallowed_methods,
    clippy::print_stderr,
    reason = "test code that starts the real binary"
)]

use std::collections::BTreeSet;
use std::path::PathBuf;
use std::process::{Command, Stdio};
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::{Duration, Instant};

use exchange::FolderRef;
use exchange_sim::{Config, EffectKind, Organisation, Server};
use serde_json::Value;

const USER: &str = "svc@corp.example";
const PASSWORD: &str = "random-kills-password";
const WORKERS: usize = 8;
/// Mails of a round that are deleted, and that are moved.
const DELETED: usize = 4;
const MOVED: usize = 2;

const PLAYBOOK: &str = r#"playbook: 1
id: random-kills
connections: { mail: { kind: exchange } }
inputs:
  mailbox: { type: string, minLength: 3 }
  round: { type: string, minLength: 1 }
policy: { max_effects: { mail.delete: 50, mail.move: 50 } }
steps:
  - id: find
    uses: mail.search
    with:
      mailbox: ${{ inputs.mailbox }}
      restriction: '${{ aqs.eq("subject", "Voucher " + inputs.round) }}'
      limit: 50
  - id: strange
    uses: mail.search
    with:
      mailbox: ${{ inputs.mailbox }}
      restriction: '${{ aqs.eq("subject", "Strange " + inputs.round) }}'
      limit: 50
  - id: gate
    approve: { message: "Delete and move them?", shows: [purge, file], timeout: 8h }
  - id: purge
    foreach: ${{ steps.find.output.messages }}
    as: mail
    max_parallel: 3
    limit: 50
    do:
      - id: delete
        uses: mail.delete
        with: { mailbox: "${{ inputs.mailbox }}", item_ids: ["${{ mail.item_id }}"] }
    output: ${{ mail.item_id }}
  - id: file
    foreach: ${{ steps.strange.output.messages }}
    as: mail
    limit: 50
    do:
      - id: move
        uses: mail.move
        with:
          mailbox: ${{ inputs.mailbox }}
          item_id: ${{ mail.item_id }}
          internet_message_id: ${{ mail.internet_message_id }}
          folder: junkemail
  - id: report
    uses: mail.send
    with:
      mailbox: ${{ inputs.mailbox }}
      to: [soc@corp.example]
      subject: "Report ${{ inputs.round }}"
      text: "Done with round ${{ inputs.round }}."
"#;

fn number(name: &str, otherwise: u32) -> u32 {
    std::env::var(name).ok().and_then(|text| text.parse().ok()).unwrap_or(otherwise)
}

/// SplitMix64: the same seed kills at the same times, as far as a machine keeps time.
struct Dice(u64);

impl Dice {
    fn below(&mut self, end: u64) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let z = (self.0 ^ (self.0 >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        let z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        (z ^ (z >> 31)) % end.max(1)
    }
}

/// What all workers share.
struct Scene {
    organisation: Organisation,
    url: String,
    playbook: PathBuf,
    /// Kills that are still to come.
    left: AtomicU32,
    killed: AtomicU32,
    /// Kills after which the run did not exist yet.
    unborn: AtomicU32,
    rounds: AtomicU32,
}

/// One data folder, one mailbox, one run after another.
struct Worker<'a> {
    scene: &'a Scene,
    mailbox: String,
    folder: tempfile::TempDir,
    dice: Dice,
    /// How long a command takes that nobody kills.
    usual: Duration,
    over: BTreeSet<String>,
}

/// How a command ended.
enum Ended {
    Killed,
    Exit(i32, Value),
}

impl Worker<'_> {
    fn command(&self, arguments: &[&str]) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_portcullis"));
        command
            .args(arguments)
            .arg("--json")
            .arg("--config")
            .arg(self.folder.path().join("portcullis.yaml"))
            .env("RANDOM_KILLS_PASSWORD", PASSWORD)
            .env_remove("PORTCULLIS_PAUSE_AT")
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped());
        command
    }

    /// Runs a command, and perhaps kills it. A command that is let be must not go wrong.
    fn run(&mut self, arguments: &[&str], may_kill: bool) -> Ended {
        let begun = Instant::now();
        let mut child = self.command(arguments).spawn().unwrap();
        let take = |left: u32| left.checked_sub(1);
        let kill = may_kill && self.scene.left.fetch_update(Ordering::SeqCst, Ordering::SeqCst, take).is_ok();
        if kill {
            let micros = self.usual.as_micros() as u64;
            std::thread::sleep(Duration::from_micros(self.dice.below(micros + micros / 8)));
            if child.try_wait().unwrap().is_none() {
                // SIGKILL; nothing in the process gets to run.
                child.kill().unwrap();
            }
        }
        let output = child.wait_with_output().unwrap();
        match output.status.code() {
            None => {
                self.scene.killed.fetch_add(1, Ordering::SeqCst);
                Ended::Killed
            }
            Some(code) => {
                if kill {
                    // It was over before; the kill is still to come, and sooner: the machine may be less busy by now.
                    self.scene.left.fetch_add(1, Ordering::SeqCst);
                    self.usual = self.usual * 7 / 8;
                } else if arguments[0] == "run" {
                    self.usual = begun.elapsed();
                }
                let json = serde_json::from_slice(&output.stdout).unwrap_or(Value::Null);
                let error = String::from_utf8_lossy(&output.stderr);
                assert!(matches!(code, 0 | 3), "{arguments:?} ended with {code}: {json}\n{error}");
                Ended::Exit(code, json)
            }
        }
    }

    /// The run of this round, if there is one.
    fn born(&mut self) -> Option<String> {
        let Ended::Exit(_, list) = self.run(&["runs", "list"], false) else { unreachable!() };
        let runs = list["runs"].as_array().map_or(&[][..], Vec::as_slice);
        runs.iter().map(|run| run["run"].as_str().unwrap().to_owned()).find(|run| !self.over.contains(run))
    }

    /// One run, from its mails to the judgement.
    fn round(&mut self, number: usize) {
        let round = format!("{}-{number}", self.mailbox.split('@').next().unwrap());
        let inbox = FolderRef::parse("inbox").unwrap();
        for (subject, count) in [("Voucher", DELETED), ("Strange", MOVED), ("Keep", 2)] {
            for mail in 0..count {
                let raw = format!(
                    "From: deals@bulk.test\r\nTo: {}\r\nSubject: {subject} {round}\r\nDate: Fri, 20 Nov 2026 08:00:00 \
                     +0000\r\nMessage-ID: <{subject}-{mail}-{round}@bulk.test>\r\n\r\nHello.\r\n",
                    self.mailbox
                );
                self.scene.organisation.deliver(&self.mailbox, &inbox, raw).unwrap();
            }
        }
        let (mailbox, text) = (format!("mailbox={}", self.mailbox), format!("round={round}"));
        let playbook = self.scene.playbook.to_str().unwrap().to_owned();
        let start = ["run", &playbook, "--input", &mailbox, "--input", &text, "--approve=all"];
        let mut run: Option<String> = None;
        let mut asked: Option<String> = None;
        let end = loop {
            let ended = match (&run.clone(), &asked.take()) {
                // The first one is let be, so that it is known how long one takes.
                (None, _) => self.run(&start, number > 0),
                (Some(run), None) => self.run(&["runs", "resume", run], true),
                (Some(run), Some(path)) => self.run(&["approve", run, path], true),
            };
            match ended {
                Ended::Exit(0, json) => break json,
                Ended::Exit(_, json) => {
                    run = Some(json["run"].as_str().unwrap().to_owned());
                    asked = Some(json["waiting"][0]["path"].as_str().unwrap().to_owned());
                }
                Ended::Killed => {
                    run = run.or_else(|| self.born());
                    if run.is_none() {
                        self.scene.unborn.fetch_add(1, Ordering::SeqCst);
                        let done = self.effects(&round);
                        assert!(done.is_empty(), "{round}: done before there was a run: {done:?}");
                    }
                }
            }
        };
        let run = end["run"].as_str().unwrap().to_owned();
        self.judge(&round, &run);
        self.over.insert(run);
        self.scene.rounds.fetch_add(1, Ordering::SeqCst);
    }

    /// The effects of a round that count, sorted: each must be there exactly once.
    fn effects(&self, round: &str) -> Vec<String> {
        let ledger = self.scene.organisation.ledger();
        let of_round = ledger.effects.iter().filter(|effect| {
            effect.subject.as_deref().is_some_and(|subject| subject.split(' ').nth(1) == Some(round))
        });
        let mut effects: Vec<String> = of_round
            .filter_map(|effect| match effect.kind {
                EffectKind::Deleted | EffectKind::Moved => {
                    Some(format!("{:?} {}", effect.kind, effect.message_id.as_deref().unwrap_or("?")))
                }
                EffectKind::Sent | EffectKind::Delivered => Some(format!("{:?}", effect.kind)),
                _ => None,
            })
            .collect();
        effects.sort();
        effects
    }

    fn judge(&mut self, round: &str, run: &str) {
        let deleted = (0..DELETED).map(|mail| format!("Deleted <Voucher-{mail}-{round}@bulk.test>"));
        let moved = (0..MOVED).map(|mail| format!("Moved <Strange-{mail}-{round}@bulk.test>"));
        let mut wanted: Vec<String> = deleted.chain(moved).collect();
        wanted.extend(["Sent".to_owned(), "Delivered".to_owned()]);
        wanted.sort();
        assert_eq!(self.effects(round), wanted, "{round}");
        let Ended::Exit(_, shown) = self.run(&["runs", "show", run], false) else { unreachable!() };
        let records = shown["records"].as_array().unwrap();
        let mut performed = BTreeSet::new();
        for record in records {
            let event = &record["event"];
            let op = event["op"].as_u64().unwrap_or(0);
            match event["event"].as_str().unwrap() {
                "performed" => assert!(performed.insert(op), "{round}: {op} completed twice"),
                "performing" => assert!(!performed.contains(&op), "{round}: {op} ran again"),
                _ => {}
            }
        }
        let end = &records.last().unwrap()["event"];
        assert_eq!(end["status"], "succeeded", "{round}: {end}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn killed_at_random_times_nothing_is_lost_and_nothing_happens_twice() {
    let kills = number("PORTCULLIS_KILLS", 60);
    let seed = number("PORTCULLIS_KILLS_SEED", 1);
    let organisation = Organisation::new();
    organisation.add_mailbox("soc@corp.example");
    let server = Server::start(organisation.clone(), Config::local(USER, PASSWORD)).await.unwrap();
    let folder = tempfile::tempdir().unwrap();
    let playbook = folder.path().join("playbook.yaml");
    std::fs::write(&playbook, PLAYBOOK).unwrap();
    let scene = Scene {
        organisation,
        url: server.url(),
        playbook,
        left: AtomicU32::new(kills),
        killed: AtomicU32::new(0),
        unborn: AtomicU32::new(0),
        rounds: AtomicU32::new(0),
    };
    let begun = Instant::now();
    tokio::task::block_in_place(|| {
        std::thread::scope(|threads| {
            for place in 0..WORKERS {
                let scene = &scene;
                threads.spawn(move || work(scene, place, u64::from(seed)));
            }
        });
    });
    let count = |counter: &AtomicU32| counter.load(Ordering::SeqCst);
    eprintln!(
        "{} kills in {:.0} s under {WORKERS} parallel runs, {} of them before the run was kept; {} runs, all ended well",
        count(&scene.killed),
        begun.elapsed().as_secs_f64(),
        count(&scene.unborn),
        count(&scene.rounds)
    );
    assert!(count(&scene.killed) >= kills, "only {} kills", count(&scene.killed));
}

fn work(scene: &Scene, place: usize, seed: u64) {
    let mailbox = format!("w{place}@corp.example");
    scene.organisation.add_mailbox(&mailbox);
    let folder = tempfile::tempdir().unwrap();
    let config = format!(
        "connections:\n  mail:\n    kind: ews\n    url: {}\n    user: {USER}\n    password: {{ env: \
         RANDOM_KILLS_PASSWORD }}\n    settle_seconds: 0\n",
        scene.url
    );
    std::fs::write(folder.path().join("portcullis.yaml"), config).unwrap();
    let dice = Dice((seed << 8) | place as u64);
    let usual = Duration::from_millis(400);
    let mut worker = Worker { scene, mailbox, folder, dice, usual, over: BTreeSet::new() };
    for round in 0.. {
        worker.round(round);
        if scene.left.load(Ordering::SeqCst) == 0 {
            return;
        }
    }
}
