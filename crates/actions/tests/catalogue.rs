//! Keeps `src/builtin.rs` the list of the files below `src/builtin`.
//!
//! Stale, it is written anew and the test fails once; with `CI` set it only fails.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "test code"
)]

use std::fmt::Write;
use std::path::{Path, PathBuf};

/// Verbs that cannot be the name of a module.
const KEYWORDS: &[&str] = &["move", "match", "use", "return", "break", "type", "where"];

/// `(noun, [module])`, sorted.
fn files() -> Vec<(String, Vec<String>)> {
    let root = source().join("builtin");
    let names = |folder: &Path| -> Vec<String> {
        let mut names: Vec<String> = std::fs::read_dir(folder)
            .unwrap()
            .map(|entry| entry.unwrap().path().file_stem().unwrap().to_str().unwrap().to_owned())
            .collect();
        names.sort();
        names
    };
    names(&root).into_iter().map(|noun| (noun.clone(), names(&root.join(noun)))).collect()
}

fn source() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("src")
}

/// `move_to` -> `MoveTo`
fn type_name(module: &str) -> String {
    module.split('_').map(|word| word[..1].to_uppercase() + &word[1..]).collect()
}

/// `mail`, `move_to` -> `mail.move`
fn action_name(noun: &str, module: &str) -> String {
    let verb = module.strip_suffix("_to").filter(|verb| KEYWORDS.contains(verb)).unwrap_or(module);
    format!("{noun}.{verb}")
}

fn catalogue() -> String {
    let mut modules = String::new();
    let mut entries = String::new();
    for (noun, verbs) in files() {
        writeln!(modules, "mod {noun} {{").unwrap();
        for verb in verbs {
            writeln!(modules, "    pub(super) mod {verb};").unwrap();
            writeln!(entries, "    Entry::of::<{noun}::{verb}::{}>(),", type_name(&verb)).unwrap();
        }
        writeln!(modules, "}}\n").unwrap();
    }
    format!(
        "//! The catalogue of built-in actions.\n\
         //!\n\
         //! Written by `cargo test -p portcullis-actions --test catalogue` from the files below `src/builtin`: do not edit.\n\
         //! An action is registered by being a file there; its name is its path, with `_to` behind a Rust keyword.\n\
         \n\
         use action_api::Entry;\n\
         use exchange::Ports;\n\
         \n\
         {modules}\
         /// Every built-in action, by name.\n\
         #[rustfmt::skip]\n\
         pub static BUILTIN: &[Entry<Ports>] = &[\n{entries}];\n"
    )
}

#[test]
fn builtin_rs_lists_the_files() {
    let path = source().join("builtin.rs");
    let expected = catalogue();
    if std::fs::read_to_string(&path).unwrap().replace("\r\n", "\n") == expected {
        return;
    }
    if std::env::var_os("CI").is_none() {
        std::fs::write(&path, expected).unwrap();
    }
    panic!(
        "crates/actions/src/builtin.rs was stale; without CI in the environment it is written anew: test again"
    );
}

#[test]
fn an_action_is_called_like_its_file() {
    use action_api::ActionSource;

    let source = portcullis_actions::exchange(|_| Ok(exchange::Ports::default()));
    let names: Vec<String> = source.specs().iter().map(|spec| spec.name.clone()).collect();
    let mut expected: Vec<String> =
        files().iter().flat_map(|(noun, verbs)| verbs.iter().map(|verb| action_name(noun, verb))).collect();
    expected.sort();
    assert_eq!(names, expected);
}
