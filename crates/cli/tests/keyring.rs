//! Secrets from the keyring of the kernel, which is the real one of this machine, and from one that does not answer.
//! The keyring of a desktop is tried with one in `tests/foreign/keyring_check.py`.
//!
//! Where the kernel's keyring may not be used, as in some containers, the test sees to it that this is said.
#![cfg(target_os = "linux")]
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::disallowed_methods,
    reason = "tests start the real binary"
)]

use std::io::Write as _;
use std::os::unix::net::UnixListener;
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use exchange_sim::{Config, Organisation, Server};
use linux_keyutils::{KeyRing, KeyRingIdentifier};

const PASSWORD: &str = "canary-8812-keyring";

struct Ended {
    code: Option<i32>,
    out: String,
    err: String,
}

/// Runs the command in a folder, with this on standard input.
fn portcullis(folder: &Path, args: &[&str], input: &str, environment: &[(&str, &str)]) -> Ended {
    let mut child = Command::new(env!("CARGO_BIN_EXE_portcullis"))
        .args(args)
        .current_dir(folder)
        .env_clear()
        .envs(environment.iter().copied())
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    // Whoever does not read its input may be gone before.
    let _ = child.stdin.take().unwrap().write_all(input.as_bytes());
    let output = child.wait_with_output().unwrap();
    let ended = Ended {
        code: output.status.code(),
        out: String::from_utf8(output.stdout).unwrap(),
        err: String::from_utf8(output.stderr).unwrap(),
    };
    assert!(!format!("{}{}", ended.out, ended.err).contains(PASSWORD), "{}{}", ended.out, ended.err);
    ended
}

/// A configuration whose password is in the keyring under this name.
fn configured(folder: &Path, url: &str, name: &str) {
    let config = format!(
        "connections:\n  mail:\n    kind: ews\n    url: {url}\n    user: svc@corp.example\n    password: {{ keyring: {name} \
         }}\n"
    );
    std::fs::write(folder.join("portcullis.yaml"), config).unwrap();
}

/// Whether this process may use the kernel's keyring, found out without ours.
fn kernel_lets_us() -> bool {
    let user = KeyRing::from_special_id(KeyRingIdentifier::User, true);
    let key = user.and_then(|user| {
        KeyRing::from_special_id(KeyRingIdentifier::Session, false)?.link_keyring(user)?;
        user.add_key("portcullis-test", "x").map(|key| (user, key))
    });
    key.is_ok_and(|(user, key)| user.unlink_key(key).is_ok())
}

#[test]
fn a_secret_goes_into_the_kernels_keyring_and_logs_in_from_there() {
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build().unwrap();
    let organisation = Organisation::new();
    organisation.add_mailbox("svc@corp.example");
    let server =
        runtime.block_on(Server::start(organisation, Config::local("svc@corp.example", PASSWORD))).unwrap();
    let folder = tempfile::tempdir().unwrap();
    let name = format!("test-{}", std::process::id());
    configured(folder.path(), &server.url(), &name);
    let run = |args: &[&str], input: &str| portcullis(folder.path(), args, input, &[]);
    let test = ["connection", "test", "mail", "--json"];

    if !kernel_lets_us() {
        let refused = run(&["secret", "set", &name], PASSWORD);
        assert!(
            refused.err.contains("there is no keyring here") && refused.err.contains("env: "),
            "{}",
            refused.err
        );
        let missing = run(&test, "");
        assert!(missing.out.contains("there is no keyring here"), "{}", missing.out);
        return;
    }
    let missing = run(&test, "");
    assert_eq!(missing.code, Some(1));
    assert!(missing.out.contains(&format!("portcullis secret set {name}")), "{}", missing.out);
    let shown = run(&["connection", "show", "mail"], "");
    assert!(shown.out.contains(&format!("`{name}` in the keyring")), "{}", shown.out);

    for wrong in ["", "\n", "two\nlines\n"] {
        assert_eq!(run(&["secret", "set", &name], wrong).code, Some(2), "{wrong:?}");
    }
    // A second one takes the place of the first.
    assert_eq!(run(&["secret", "set", &name], "first\n").code, Some(0));
    let set = run(&["secret", "set", &name], &format!("{PASSWORD}\n"));
    assert_eq!(set.code, Some(0), "{}", set.err);
    assert!(set.out.contains("of the kernel") && set.out.contains("restarts"), "{}", set.out);
    let ok = run(&test, "");
    assert_eq!(ok.code, Some(0), "{}{}", ok.out, ok.err);

    let removed = run(&["secret", "remove", &name], "");
    assert_eq!(removed.code, Some(0), "{}", removed.err);
    assert_eq!(run(&["secret", "remove", &name], "").code, Some(5));
    assert_eq!(run(&test, "").code, Some(1));
    let _in = runtime.enter();
    drop(server);
}

#[test]
fn a_keyring_that_does_not_answer_is_given_up() {
    let folder = tempfile::tempdir().unwrap();
    // Takes connections and says nothing, for as long as the test runs.
    let socket = folder.path().join("bus");
    let _silent = UnixListener::bind(&socket).unwrap();
    // Two connections that want it: it is waited for once.
    let mail = "    kind: ews\n    url: http://127.0.0.1:9/EWS/Exchange.asmx\n    user: svc\n    password: { keyring: \
                nothing }\n";
    let config = format!("connections:\n  one:\n{mail}  two:\n{mail}");
    std::fs::write(folder.path().join("portcullis.yaml"), config).unwrap();
    let address = format!("unix:path={}", socket.display());
    let begun = Instant::now();
    let test = ["connection", "test", "one", "--json"];
    let ended = portcullis(folder.path(), &test, "", &[("DBUS_SESSION_BUS_ADDRESS", &address)]);
    assert_eq!(ended.code, Some(1), "{}", ended.err);
    assert!(ended.out.contains("did not answer within"), "{}{}", ended.out, ended.err);
    assert!(begun.elapsed() < Duration::from_secs(60), "{:?}", begun.elapsed());
}

#[test]
fn a_bus_that_leads_nowhere_is_no_bus() {
    let folder = tempfile::tempdir().unwrap();
    configured(folder.path(), "http://127.0.0.1:9/EWS/Exchange.asmx", "nothing-of-this-name");
    for address in ["unix:path=/nowhere/at/all", "nonsense", "unix:path="] {
        let test = ["connection", "test", "mail", "--json"];
        let ended = portcullis(folder.path(), &test, "", &[("DBUS_SESSION_BUS_ADDRESS", address)]);
        assert_eq!(ended.code, Some(1), "{address}: {}", ended.err);
        let said = ended.out.contains("there is no `nothing-of-this-name`")
            || ended.out.contains("there is no keyring here")
            || (address != "unix:path=/nowhere/at/all" && ended.out.contains("the keyring of the desktop"));
        assert!(said, "{address}: {}{}", ended.out, ended.err);
        assert!(!ended.err.contains("panicked"), "{}", ended.err);
    }
}
