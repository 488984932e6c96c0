//! Every mail of a corpus of real phishing through the phishing playbook: every run ends, none crashes.
//!
//! The corpus is not ours to publish. It is looked for in the folder that `PORTCULLIS_CORPUS` names, then beside
//! the checkout; a clone without it says so and has nothing to test here. A named folder that is missing fails.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::print_stdout,
    reason = "test code"
)]

mod triage;

use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use triage::{Triage, succeeded};

/// How long one mail may take, on a busy machine and without optimisation.
const LIMIT: Duration = Duration::from_secs(30);

fn corpus() -> Option<PathBuf> {
    let beside = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../../shared/corpus/phishing");
    match std::env::var_os("PORTCULLIS_CORPUS") {
        Some(named) => {
            let named = PathBuf::from(named);
            assert!(named.is_dir(), "PORTCULLIS_CORPUS names {}, which is no folder", named.display());
            Some(named)
        }
        None => Some(beside).filter(|folder| folder.is_dir()),
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn every_mail_of_the_corpus_is_dealt_with() {
    let Some(folder) = corpus() else {
        println!("the corpus is absent: set PORTCULLIS_CORPUS to a folder of .eml files");
        return;
    };
    let mut mails: Vec<PathBuf> = std::fs::read_dir(&folder)
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .filter(|path| path.extension().is_some_and(|extension| extension == "eml"))
        .collect();
    mails.sort();
    assert!(!mails.is_empty(), "there is no .eml file in {}", folder.display());

    let triage = Triage::new();
    let (mut found, mut deleted, mut by_hand, mut none) = (0, 0, Vec::new(), Vec::new());
    let mut slowest = (Duration::ZERO, String::new());
    let mut wrong = Vec::new();
    let begun = Instant::now();
    for path in &mails {
        let name = path.file_name().unwrap().to_string_lossy().into_owned();
        let result = triage.run(&std::fs::read(path).unwrap(), LIMIT).await;
        if !succeeded(&result) {
            wrong.push(format!("{name}: {:?}", result.end));
            continue;
        }
        let copies = result.output("copies_found").as_u64().unwrap();
        found += copies;
        deleted += result.deleted;
        if result.output("deleted").as_u64() != Some(result.deleted)
            || copies != result.deleted
            || result.output("failed") != 0
        {
            wrong.push(format!(
                "{name}: {copies} found, {} deleted: {:?}",
                result.deleted, result.end.outputs
            ));
        }
        match result.output("decision").as_str().unwrap() {
            "approved" if copies == 2 => {}
            "approved" => wrong.push(format!("{name}: {copies} copies of 2")),
            "by_hand" => by_hand.push(name.clone()),
            _ => none.push(name.clone()),
        }
        slowest = slowest.max((result.took, name));
    }
    println!(
        "{} mails in {:.1} s: {found} copies found, {deleted} deleted; by hand: {by_hand:?}; nothing found: {none:?}; \
         slowest {:.2} s ({})",
        mails.len(),
        begun.elapsed().as_secs_f64(),
        slowest.0.as_secs_f64(),
        slowest.1
    );
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
    // A mail is dealt with by hand if it lacks a sender or a subject; that is for few of them.
    // Copies are found by what the server reads in a broken header; where that differs from what the plugin
    // reads (an encoded word glued to a comma), the mail is answered `nothing_found`.
    assert!(none.len() * 100 <= mails.len(), "copies were delivered and not found: {none:?}");
    assert!(by_hand.len() * 10 <= mails.len(), "too many by hand: {by_hand:?}");
}
