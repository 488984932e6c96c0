//! What is kept on the disk: unreadable without the key, refused when damaged or open to others, and exchanged
//! by one process at a time.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "test code"
)]

mod authority;

use std::fs;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use authority::{Fake, Reply, TestClock, Waits, http, logged_in, settings};
use portcullis_login::{Grant, LogIn, Problem, Vault};
use transport::Secret;

const KEY: &str = "a-key-of-at-least-32-characters-canary-7351";

/// Another process: nothing in memory, the same folder.
fn another(fake: &Fake, vault: Vault) -> (LogIn, Arc<TestClock>) {
    let clock = TestClock::new(Waits::Real);
    (LogIn::with(settings(fake, Grant::DeviceCode), http(), clock.clone(), Some(vault)), clock)
}

fn files(folder: &Path, ending: &str) -> Vec<PathBuf> {
    let all = fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path());
    all.filter(|path| path.to_string_lossy().ends_with(ending)).collect()
}

#[tokio::test]
async fn a_kept_log_in_survives_the_process_and_is_unreadable_on_the_disk() {
    let (fake, folder) = (Fake::start().await, tempfile::tempdir().unwrap());
    let place = folder.path().join("log-ins");
    let vault = Vault::with_key_file(&place);
    let (first, _) = logged_in(&fake, Some(vault.clone())).await;
    let token = first.access().await.unwrap();
    let (second, clock) = another(&fake, vault.clone());
    assert_eq!(second.access().await.unwrap(), token, "no request for what is kept");
    assert_eq!(fake.count(), 2);
    clock.pass(3600);
    second.access().await.unwrap();
    fake.content();
    let mut seen = 0;
    for file in fs::read_dir(&place).unwrap().map(|entry| entry.unwrap().path()) {
        let content = fs::read(&file).unwrap();
        for canary in ["canary", "refresh", "access", "corp.example", "tenant"] {
            assert!(!content.windows(canary.len()).any(|window| window == canary.as_bytes()), "{file:?}");
            assert!(!file.to_string_lossy().contains(canary), "{file:?}");
        }
        seen += 1;
        #[cfg(unix)]
        {
            use std::os::unix::fs::PermissionsExt as _;
            assert_eq!(fs::metadata(&file).unwrap().permissions().mode() & 0o777, 0o600, "{file:?}");
        }
    }
    assert_eq!(seen, 3, "the key, the log-in, its lock; no drafts");
    assert!(!format!("{vault:?}").contains("canary"));
}

#[tokio::test]
async fn two_processes_exchange_a_refresh_token_once() {
    let (fake, folder) = (Fake::start().await, tempfile::tempdir().unwrap());
    let vault = Vault::with_key_file(folder.path().join("log-ins"));
    logged_in(&fake, Some(vault.clone())).await;
    let others: Vec<_> = (0..4).map(|_| another(&fake, vault.clone())).collect();
    let tasks: Vec<_> = others
        .iter()
        .map(|(log_in, clock)| {
            clock.pass(3600);
            let log_in = log_in.clone();
            tokio::spawn(async move { log_in.access().await.unwrap() })
        })
        .collect();
    let mut tokens = Vec::new();
    for task in tasks {
        tokens.push(task.await.unwrap());
    }
    assert!(tokens.iter().all(|token| *token == tokens[0]));
    assert_eq!(fake.count(), 3);
    // One that the server refuses is not taken from the disk again, and replaced for both.
    let fresh = others[0].0.other_than(&tokens[0], None).await.unwrap();
    assert_eq!(others[1].0.other_than(&tokens[1], None).await.unwrap(), fresh);
    assert_eq!(fake.count(), 4);
    fake.content();
}

#[tokio::test]
async fn a_process_that_does_not_get_done_is_named_and_nothing_is_asked_beside_it() {
    let (fake, folder) = (Fake::start().await, tempfile::tempdir().unwrap());
    let vault = Vault::with_key_file(folder.path());
    let (log_in, clock) = logged_in(&fake, Some(vault)).await;
    clock.pass(3600);
    let held = fs::File::open(files(folder.path(), ".lock").pop().unwrap()).unwrap();
    held.lock().unwrap();
    let problem = log_in.access().await.unwrap_err();
    assert!(matches!(problem, Problem::Elsewhere) && problem.passes(), "{problem}");
    assert_eq!(fake.count(), 2);
    held.unlock().unwrap();
    clock.pass(5);
    log_in.access().await.unwrap();
    assert_eq!(fake.count(), 3);
}

#[tokio::test]
async fn reset_forgets_what_is_kept_for_every_process() {
    let (fake, folder) = (Fake::start().await, tempfile::tempdir().unwrap());
    let vault = Vault::with_key_file(folder.path().join("log-ins"));
    let (log_in, _) = logged_in(&fake, Some(vault.clone())).await;
    log_in.reset().await.unwrap();
    assert!(files(&folder.path().join("log-ins"), ".login").is_empty());
    assert!(matches!(log_in.access().await, Err(Problem::LogInFirst)));
    assert!(matches!(another(&fake, vault).0.access().await, Err(Problem::LogInFirst)));
    log_in.reset().await.unwrap();
}

#[tokio::test]
async fn what_is_damaged_or_under_another_key_is_refused_and_left_alone() {
    let (fake, folder) = (Fake::start().await, tempfile::tempdir().unwrap());
    let place = folder.path().join("log-ins");
    let vault = Vault::with_secret(&place, Secret::new(KEY)).unwrap();
    logged_in(&fake, Some(vault.clone())).await;
    assert!(!place.join("key").exists());
    let file = files(&place, ".login").pop().unwrap();
    let sound = fs::read(&file).unwrap();
    let refused = async |vault: &Vault| {
        let problem = another(&fake, vault.clone()).0.access().await.unwrap_err();
        let text = format!("{problem} {problem:?}");
        assert!(matches!(problem, Problem::Kept(_)) && text.contains("cannot be decrypted"), "{text}");
        assert!(!text.contains("canary"), "{text}");
    };
    for at in [0, 20, 40, 55, 80, sound.len() - 1] {
        let mut damaged = sound.clone();
        damaged[at] ^= 1;
        fs::write(&file, &damaged).unwrap();
        refused(&vault).await;
        assert_eq!(fs::read(&file).unwrap(), damaged);
    }
    for length in [0, 10, 30, 60, sound.len() - 1] {
        fs::write(&file, &sound[..length]).unwrap();
        refused(&vault).await;
    }
    fs::write(&file, &sound).unwrap();
    refused(&Vault::with_secret(&place, Secret::new(KEY.replace('a', "b"))).unwrap()).await;
    refused(&Vault::with_key_file(&place)).await;
    another(&fake, vault).0.access().await.unwrap();
    assert_eq!(fake.count(), 2);
    assert!(Vault::with_secret(&place, Secret::new("short")).unwrap_err().to_string().contains("32"));
}

#[tokio::test]
async fn a_file_of_one_log_in_does_not_pass_for_that_of_another() {
    let (fake, folder) = (Fake::start().await, tempfile::tempdir().unwrap());
    let vault = Vault::with_key_file(folder.path());
    logged_in(&fake, Some(vault.clone())).await;
    let clock = TestClock::new(Waits::Jump);
    let settings = settings(&fake, Grant::DeviceCode).account("soc@corp.example");
    let other = LogIn::with(settings, http(), clock, Some(vault));
    let first = files(folder.path(), ".login").pop().unwrap();
    other.begin_device().await.unwrap().complete().await.unwrap();
    let second = files(folder.path(), ".login").into_iter().find(|file| *file != first).unwrap();
    fs::copy(&first, &second).unwrap();
    // What is in memory is still good; a new process sees what was done.
    other.access().await.unwrap();
    let fresh = LogIn::with(
        other.settings().clone(),
        http(),
        TestClock::new(Waits::Jump),
        Some(Vault::with_key_file(folder.path())),
    );
    assert!(matches!(fresh.access().await, Err(Problem::Kept(_))));
}

#[cfg(unix)]
#[tokio::test]
async fn files_that_others_can_read_and_links_are_refused() {
    use std::os::unix::fs::PermissionsExt as _;
    let (fake, folder) = (Fake::start().await, tempfile::tempdir().unwrap());
    let vault = Vault::with_key_file(folder.path().join("log-ins"));
    logged_in(&fake, Some(vault.clone())).await;
    let place = folder.path().join("log-ins");
    for file in [files(&place, ".login").pop().unwrap(), place.join("key")] {
        let problem = async || another(&fake, vault.clone()).0.access().await.unwrap_err().to_string();
        fs::set_permissions(&file, fs::Permissions::from_mode(0o644)).unwrap();
        assert!(problem().await.contains("others on this machine can read it"));
        fs::set_permissions(&file, fs::Permissions::from_mode(0o600)).unwrap();
        let elsewhere = folder.path().join("elsewhere");
        fs::rename(&file, &elsewhere).unwrap();
        std::os::unix::fs::symlink(&elsewhere, &file).unwrap();
        assert!(problem().await.contains("it is a link"));
        fs::remove_file(&file).unwrap();
        fs::rename(&elsewhere, &file).unwrap();
        another(&fake, vault.clone()).0.access().await.unwrap();
    }
    fs::write(place.join("key"), b"short").unwrap();
    let text = another(&fake, vault).0.access().await.unwrap_err().to_string();
    assert!(text.contains("a key has 32 bytes"), "{text}");
}

#[tokio::test]
async fn a_log_in_that_cannot_be_kept_is_still_used_and_the_old_one_stays() {
    let (fake, folder) = (Fake::start().await, tempfile::tempdir().unwrap());
    let vault = Vault::with_key_file(folder.path().join("log-ins"));
    let (log_in, clock) = logged_in(&fake, Some(vault)).await;
    let file = files(&folder.path().join("log-ins"), ".login").pop().unwrap();
    let before = fs::read(&file).unwrap();
    clock.pass(3600);
    fake.then(Reply::Json(500, serde_json::json!({})));
    log_in.access().await.unwrap_err();
    assert_eq!(fs::read(&file).unwrap(), before, "a failure changes nothing");
    clock.pass(10);
    log_in.access().await.unwrap();
    assert_ne!(fs::read(&file).unwrap(), before);
    fake.content();
}
