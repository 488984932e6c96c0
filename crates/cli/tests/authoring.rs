//! What an author types: check in every format, fmt, explain; and the pages of `explain` against the real checker
//! with the real actions.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::disallowed_methods,
    reason = "test code that starts the real binary"
)]

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::io::Write as _;
use std::path::Path;
use std::process::{Command, Output, Stdio};

use playbook::Example;
use serde_json::Value;
use tempfile::TempDir;

fn portcullis(args: &[&str]) -> Output {
    Command::new(env!("CARGO_BIN_EXE_portcullis")).args(args).output().unwrap()
}

fn with_input(args: &[&str], input: &str) -> Output {
    let mut child = Command::new(env!("CARGO_BIN_EXE_portcullis"))
        .args(args)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    child.stdin.take().unwrap().write_all(input.as_bytes()).unwrap();
    child.wait_with_output().unwrap()
}

fn out(output: &Output) -> String {
    String::from_utf8(output.stdout.clone()).unwrap()
}

fn err(output: &Output) -> String {
    String::from_utf8(output.stderr.clone()).unwrap()
}

fn folder(files: &[(&str, &str)]) -> TempDir {
    let folder = tempfile::tempdir().unwrap();
    for (path, text) in files {
        let path = folder.path().join(path);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, text).unwrap();
    }
    folder
}

fn at(folder: &TempDir, path: &str) -> String {
    folder.path().join(path).display().to_string()
}

const UNTIDY: &str = "playbook: 1\nid:   untidy\n# why\nsteps:\n- fail: {message: 'Stop.'}\n";
const TIDY: &str = "playbook: 1\nid: untidy\n# why\nsteps:\n  - fail: { message: Stop. }\n";
const WARNED: &str = "playbook: 1\nid: warned\nsteps:\n  - id: a\n    set: { x: 1 }\n";
const WRONG: &str = "playbook: 1\nid: wrong\nsteps:\n  - fail: { message: \"${{ input.x }}\" }\n";

#[test]
fn fmt_writes_says_and_checks() {
    let folder = folder(&[("a/playbook.yaml", UNTIDY), ("b/playbook.yaml", TIDY)]);
    let all = folder.path().display().to_string();
    let file = at(&folder, "a/playbook.yaml");

    let check = portcullis(&["fmt", "--check", &all]);
    assert_eq!(check.status.code(), Some(1));
    assert_eq!(out(&check), format!("{file}: would be formatted\n"));
    let diff = portcullis(&["fmt", "--diff", &all]);
    assert_eq!(diff.status.code(), Some(0));
    assert!(out(&diff).contains("\n-id:   untidy\n+id: untidy\n # why\n"), "{}", out(&diff));
    assert_eq!(portcullis(&["fmt", "--check", "--diff", &all]).status.code(), Some(1));
    assert_eq!(fs::read_to_string(&file).unwrap(), UNTIDY);

    let written = portcullis(&["fmt", &all]);
    assert_eq!((written.status.code(), out(&written)), (Some(0), format!("{file}: formatted\n")));
    assert_eq!(fs::read_to_string(&file).unwrap(), TIDY);
    let again = portcullis(&["fmt", &all]);
    assert_eq!((again.status.code(), out(&again)), (Some(0), String::new()));
    assert_eq!(portcullis(&["fmt", "--check", &all]).status.code(), Some(0));
}

#[test]
fn fmt_reads_standard_input() {
    let filtered = with_input(&["fmt", "-"], UNTIDY);
    assert_eq!((filtered.status.code(), out(&filtered).as_str()), (Some(0), TIDY));
    assert_eq!(with_input(&["fmt", "--check", "-"], UNTIDY).status.code(), Some(1));
    assert_eq!(with_input(&["fmt", "--check", "-"], TIDY).status.code(), Some(0));
    let broken = with_input(&["fmt", "-"], "a: [1\n");
    assert_eq!((broken.status.code(), out(&broken).as_str()), (Some(2), ""));
    assert!(err(&broken).contains("error[P0101]"), "{}", err(&broken));
}

#[test]
fn fmt_leaves_a_broken_file_and_formats_the_others() {
    let broken = "playbook: 1\nid: a\nid: b\nsteps:\n- fail: x\n";
    let folder = folder(&[("a/playbook.yaml", broken), ("b/playbook.yaml", UNTIDY)]);
    let done = portcullis(&["fmt", &folder.path().display().to_string()]);
    assert_eq!(done.status.code(), Some(2));
    assert!(err(&done).contains("error[P0102]"), "{}", err(&done));
    assert_eq!(fs::read_to_string(at(&folder, "a/playbook.yaml")).unwrap(), broken);
    assert_eq!(fs::read_to_string(at(&folder, "b/playbook.yaml")).unwrap(), TIDY);
}

#[cfg(unix)]
#[test]
fn fmt_keeps_permissions_and_links_and_leaves_nothing_behind() {
    use std::os::unix::fs::PermissionsExt as _;
    let folder = folder(&[("real/target.yaml", UNTIDY)]);
    let (target, link) = (at(&folder, "real/target.yaml"), at(&folder, "playbook.yaml"));
    fs::set_permissions(&target, fs::Permissions::from_mode(0o640)).unwrap();
    std::os::unix::fs::symlink("real/target.yaml", &link).unwrap();
    assert_eq!(portcullis(&["fmt", &link]).status.code(), Some(0));
    assert!(fs::symlink_metadata(&link).unwrap().is_symlink());
    assert_eq!(fs::read_to_string(&target).unwrap(), TIDY);
    assert_eq!(fs::metadata(&target).unwrap().permissions().mode() & 0o777, 0o640);
    assert_eq!(fs::read_dir(folder.path().join("real")).unwrap().count(), 1);
}

#[test]
fn check_ends_with_a_line_that_counts() {
    let folder =
        folder(&[("a/playbook.yaml", WRONG), ("b/playbook.yaml", WARNED), ("c/playbook.yaml", TIDY)]);
    let checked = portcullis(&["check", &folder.path().display().to_string()]);
    assert_eq!(checked.status.code(), Some(2));
    let text = err(&checked);
    assert!(text.contains("error[P0301]") && text.contains("warning[P0312]"), "{text}");
    assert_eq!(text.lines().last(), Some("1 error, 1 warning; `portcullis explain P0301` tells more"));
    let ok: Vec<String> =
        ["b", "c"].iter().map(|f| at(&folder, &format!("{f}/playbook.yaml: ok\n"))).collect();
    assert_eq!(out(&checked), ok.concat());
}

#[test]
fn warnings_can_be_errors() {
    let folder = folder(&[("playbook.yaml", WARNED)]);
    let file = at(&folder, "playbook.yaml");
    assert_eq!(portcullis(&["check", &file]).status.code(), Some(0));
    for flag in ["--deny-warnings", "--warnings-as-errors"] {
        let denied = portcullis(&["check", flag, &file]);
        assert_eq!(denied.status.code(), Some(2));
        assert!(err(&denied).contains("error[P0312]"), "{}", err(&denied));
    }
}

#[test]
fn check_in_every_format() {
    let folder = folder(&[("playbook.yaml", WRONG)]);
    let file = at(&folder, "playbook.yaml");
    let json = portcullis(&["check", "--format", "json", &file]);
    assert_eq!(json.status.code(), Some(2));
    assert_eq!(json.stdout, portcullis(&["check", "--json", &file]).stdout);
    let report: Value = serde_json::from_slice(&json.stdout).unwrap();
    assert_eq!((&report["ok"], &report["files"][0]["errors"]), (&Value::Bool(false), &Value::from(1)));

    let sarif: Value =
        serde_json::from_slice(&portcullis(&["check", "--format", "sarif", &file]).stdout).unwrap();
    assert_eq!(sarif["runs"][0]["results"][0]["ruleId"], "P0301");

    let github = portcullis(&["check", "--format", "github", &file]);
    assert!(
        out(&github).starts_with(&format!("::error file={file},line=4,endLine=4,col=")),
        "{}",
        out(&github)
    );
    assert_eq!(portcullis(&["check", "--json", "--format", "sarif", &file]).status.code(), Some(2));
}

#[test]
fn a_file_that_is_no_text_is_a_report_in_every_format() {
    let folder = folder(&[("b/playbook.yaml", WRONG)]);
    fs::create_dir(folder.path().join("a")).unwrap();
    fs::write(folder.path().join("a/playbook.yaml"), b"\xff\xfea\0").unwrap();
    let all = folder.path().display().to_string();
    for format in ["text", "json", "sarif", "github"] {
        let checked = portcullis(&["check", "--format", format, &all]);
        assert_eq!(checked.status.code(), Some(2));
        let said = out(&checked) + &err(&checked);
        assert!(said.contains("P0108") && said.contains("P0301"), "{said}");
    }
}

#[test]
fn explain_lists_and_shows() {
    let list = out(&portcullis(&["explain"]));
    assert!(list.contains("P03xx  names\n  P0301  an unknown name in an expression\n"), "{list}");
    let page = portcullis(&["explain", "p0301"]);
    assert_eq!(page.status.code(), Some(0));
    assert!(out(&page).starts_with("P0301: an unknown name in an expression\n"), "{}", out(&page));
    let json: Value = serde_json::from_slice(&portcullis(&["explain", "--json", "P0301"]).stdout).unwrap();
    assert_eq!(json["code"], "P0301");
    let unknown = portcullis(&["explain", "P9999"]);
    assert_eq!(unknown.status.code(), Some(2));
    assert!(err(&unknown).contains("there is no code `P9999`"), "{}", err(&unknown));
}

/// Writes an example with the files beside it, and steps in place of "… and N more".
fn write(root: &Path, example: &Example) {
    fs::create_dir_all(root).unwrap();
    let mut text = example.playbook();
    if let Some((before, after)) = text.clone().split_once("  # … and ") {
        let count: usize = after.split(' ').next().unwrap().parse().unwrap();
        let step = &before[before.rfind("  - id:").unwrap()..];
        let more = (0..count).map(|n| step.replace("find", &format!("find{n}")));
        text = before.to_owned() + &more.collect::<String>();
        for (path, text) in &example.files {
            (0..count).for_each(|n| {
                fs::write(root.join(path.replace("find", &format!("find{n}"))), text.as_bytes()).unwrap();
            });
        }
    }
    fs::write(root.join("playbook.yaml"), text).unwrap();
    for (path, text) in &example.files {
        fs::write(root.join(path), text.as_bytes()).unwrap();
    }
}

/// The plugins that the examples speak of, each as its example needs it.
fn plugins(root: &Path) {
    let description = r#"{"name": "NAME", "version": "1.2.0", "actions": [{"name": "look_up", "summary": "Looks a URL up",
        "effect": "enrichment", "repeat": "natural", "output": {"type": "object"},
        "input": {"type": "object", "additionalProperties": false, "properties": {"url": {"type": "string"}}}}]}"#;
    let mut lock = plugin_host::Lock::default();
    for (name, extra) in [
        ("urlscan", ""),
        ("changed", "# changed\n"),
        ("greedy", "[capability]\nenv = [\"HOME\"]\n"),
        ("future", "interface = \"portcullis:plugin@2.0\"\n"),
    ] {
        let folder = root.join("plugins").join(name);
        fs::create_dir_all(&folder).unwrap();
        let head = format!("manifest = 1\nname = \"{name}\"\nversion = \"1.2.0\"\ncomponent = \"x.wasm\"\n");
        let interface = "interface = \"portcullis:plugin@1.0\"\n";
        fs::write(folder.join("x.wasm"), name).unwrap();
        fs::write(folder.join("plugin.toml"), format!("{head}{interface}")).unwrap();
        let package = plugin_host::Package::open(&folder).unwrap();
        let description = description.replace("NAME", name);
        lock.put(plugin_host::Locked::of(&package, &format!("plugins/{name}"), &description));
        let after = if extra.starts_with("interface") {
            format!("{head}{extra}")
        } else {
            format!("{head}{interface}{extra}")
        };
        fs::write(folder.join("plugin.toml"), after).unwrap();
    }
    fs::write(root.join("portcullis.lock"), lock.to_text().unwrap()).unwrap();
}

/// The codes by example, from one run of the checker.
fn checked(root: &Path) -> BTreeMap<String, BTreeSet<String>> {
    let output = Command::new(env!("CARGO_BIN_EXE_portcullis"))
        .args(["check", "--format", "json", &root.display().to_string()])
        .current_dir(root)
        .output()
        .unwrap();
    let report: Value = serde_json::from_slice(&output.stdout).unwrap();
    let files = report["files"].as_array().unwrap().iter().map(|file| {
        let path = Path::new(file["file"].as_str().unwrap()).parent().unwrap();
        let name = path.file_name().unwrap().to_str().unwrap().to_owned();
        let codes = file["diagnostics"].as_array().unwrap().iter();
        (name, codes.map(|d| d["code"].as_str().unwrap().to_owned()).collect())
    });
    files.collect()
}

#[test]
fn every_wrong_example_leads_to_its_code_and_no_right_one_does() {
    let folder = tempfile::tempdir().unwrap();
    plugins(folder.path());
    for code in playbook::codes::all() {
        let page = playbook::explain(code.code).unwrap_or_else(|| panic!("{} has no page", code.code));
        write(&folder.path().join(format!("{}-wrong", code.code)), &page.wrong);
        write(&folder.path().join(format!("{}-right", code.code)), &page.right);
    }
    let found = checked(folder.path());
    let mut problems = Vec::new();
    for code in playbook::codes::all().map(|code| code.code) {
        let only = BTreeSet::from([code.to_owned()]);
        let wrong = &found[&format!("{code}-wrong")];
        if *wrong != only {
            problems.push(format!("{code}: the wrong example gives {wrong:?}"));
        }
        let right = &found[&format!("{code}-right")];
        if !right.is_empty() {
            problems.push(format!("{code}: the right example gives {right:?}"));
        }
    }
    assert!(problems.is_empty(), "{}", problems.join("\n"));
}

/// The fenced blocks of a page: what stands behind the fence, and the text.
fn blocks(page: &str) -> Vec<(&str, String)> {
    let mut found = Vec::new();
    let mut rest = page;
    while let Some((_, after)) = rest.split_once("\n```") {
        let (info, after) = after.split_once('\n').unwrap();
        let (text, after) = after.split_once("\n```").unwrap();
        found.push((info, format!("{text}\n")));
        rest = after;
    }
    found
}

#[test]
fn the_guide_shows_what_happens() {
    let page = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../docs/check.md");
    let page = fs::read_to_string(page).unwrap();
    let folder = tempfile::tempdir().unwrap();
    let mut commands = 0;
    for (info, text) in blocks(&page) {
        let name = text.lines().next().unwrap().trim_start_matches("# ").to_owned();
        if info == "yaml" && name.ends_with(".yaml") {
            fs::write(folder.path().join(name), text).unwrap();
        } else if let Some(name) = name.strip_suffix(", formatted") {
            let written = fs::read_to_string(folder.path().join(name)).unwrap();
            assert_eq!(written, text.replacen(", formatted", "", 1));
        } else if info == "console" {
            for run in text.split("$ portcullis ").skip(1) {
                let (command, expected) = run.split_once('\n').unwrap();
                let output = Command::new(env!("CARGO_BIN_EXE_portcullis"))
                    .args(command.split(' '))
                    .current_dir(folder.path())
                    .output()
                    .unwrap();
                assert_eq!(out(&output) + &err(&output), expected, "{command}");
                commands += 1;
            }
        }
    }
    assert!(commands >= 5);
}
