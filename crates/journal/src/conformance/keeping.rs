//! The checks about which runs are shown and which are forgotten.

use std::collections::BTreeSet;

use plan::{Artifact, Digest};
use serde_json::{Value, json};

use super::runs::{holds, is_not_found, refused, same, text};
use super::samples::{header, numbered};
use crate::{
    Decision, Event, Header, Journal, JournalError, Origin, OriginKind, Query, Record, RunId, RunStatus,
};

fn end(status: RunStatus) -> Event {
    Event::Ended { status, outputs: Default::default(), failure: None }
}

fn performed(output: Value, kept: Option<Artifact>) -> Event {
    Event::Performed { op: 1, output, kept, reused: None, inverse: Value::Null }
}

fn named(name: &str) -> Result<RunId, String> {
    RunId::new(name).ok_or_else(|| format!("{name:?} is not a run's name"))
}

async fn shows(journal: &dyn Journal, what: &str, query: &Query, wanted: &[&str]) -> Result<(), String> {
    let listed = journal.list(query).await.map_err(text)?;
    let listed: Vec<&str> = listed.iter().map(|summary| summary.run.as_str()).collect();
    same(what, &listed.as_slice(), &wanted)
}

/// One run for each way to stand, of two playbooks, some made from others.
async fn mixed(journal: &dyn Journal) -> Result<(), String> {
    let origin = |run: &str| named(run).map(|run| Some(Origin { kind: OriginKind::Rerun, run, from: None }));
    let runs = [
        ("a", "clean", None, vec![end(RunStatus::Succeeded)]),
        ("b", "purge", None, vec![end(RunStatus::Failed)]),
        ("c", "clean", origin("a")?, vec![Event::Asked { op: 1, path: "ask".into(), digest: String::new() }]),
        ("d", "clean", None, vec![Event::Paused { by: "ann".to_owned() }]),
        ("e", "purge", origin("b")?, vec![end(RunStatus::Succeeded)]),
        ("f", "clean", origin("a")?, vec![end(RunStatus::Succeeded)]),
        ("g", "clean", None, vec![Event::Stalled { reasons: vec!["mail.purge is gone".to_owned()] }]),
        ("h", "purge", None, Vec::new()),
        ("i", "clean", None, vec![end(RunStatus::Cancelled)]),
        ("j", "clean", None, vec![end(RunStatus::Unknown)]),
    ];
    for (name, playbook, origin, events) in runs {
        let header = Header { playbook: playbook.to_owned(), origin, ..header(name)? };
        let run = header.run.clone();
        journal.create(header, Vec::new()).await.map_err(text)?;
        journal.append(&run, numbered(1, events)).await.map_err(text)?;
    }
    Ok(())
}

/// Every filter alone, all of them together, and a limit that counts only what fits.
pub async fn lists_what_is_asked_for(journal: &dyn Journal) -> Result<(), String> {
    mixed(journal).await?;
    let all = || Query::newest(100);
    let stands = [
        (RunStatus::Succeeded, vec!["f", "e", "a"]),
        (RunStatus::Failed, vec!["b"]),
        (RunStatus::Waiting, vec!["c"]),
        (RunStatus::Paused, vec!["d"]),
        (RunStatus::NeedsUpgrade, vec!["g"]),
        (RunStatus::Running, vec!["h"]),
        (RunStatus::Cancelled, vec!["i"]),
        (RunStatus::Unknown, vec!["j"]),
    ];
    for (status, wanted) in stands {
        shows(journal, status.as_str(), &Query { status: Some(status), ..all() }, &wanted).await?;
    }
    let of = |playbook: &str| Query { playbook: Some(playbook.to_owned()), ..all() };
    shows(journal, "of one playbook", &of("purge"), &["h", "e", "b"]).await?;
    shows(journal, "of a playbook without runs", &of("other"), &[]).await?;
    shows(journal, "of a playbook whose name begins alike", &of("cle"), &[]).await?;
    let made_from = |run: &str| named(run).map(|run| Query { origin: Some(run), ..all() });
    shows(journal, "made from a run", &made_from("a")?, &["f", "c"]).await?;
    shows(journal, "made from no run", &made_from("c")?, &[]).await?;
    shows(journal, "made from a run that never was", &made_from("nobody")?, &[]).await?;
    let succeeded = Query { status: Some(RunStatus::Succeeded), ..of("clean") };
    shows(journal, "two filters", &succeeded, &["f", "a"]).await?;
    let three = Query { origin: Some(named("a")?), ..succeeded.clone() };
    shows(journal, "three filters", &three, &["f"]).await?;
    shows(journal, "a limit", &Query { limit: 1, ..succeeded.clone() }, &["f"]).await?;
    shows(journal, "a limit of nothing", &Query { limit: 0, ..succeeded }, &[]).await?;
    // A run that goes on stands otherwise at once.
    let decided = Event::Decided {
        op: 1,
        decision: Decision::Approved,
        by: "ann".to_owned(),
        digest: String::new(),
        in_advance: false,
    };
    journal.append(&named("c")?, numbered(2, [decided])).await.map_err(text)?;
    shows(journal, "not waiting any more", &Query { status: Some(RunStatus::Waiting), ..all() }, &[]).await?;
    shows(journal, "running again", &Query { status: Some(RunStatus::Running), ..all() }, &["h", "c"]).await
}

/// Pages follow each other without a gap or a repeat, with a filter and without.
pub async fn lists_page_by_page(journal: &dyn Journal) -> Result<(), String> {
    mixed(journal).await?;
    let clean = Query { playbook: Some("clean".to_owned()), ..Query::newest(2) };
    let wanted = [
        (Query::newest(3), vec!["j", "i", "h", "g", "f", "e", "d", "c", "b", "a"]),
        (clean, vec!["j", "i", "g", "f", "d", "c", "a"]),
    ];
    for (mut query, wanted) in wanted {
        let mut seen = Vec::new();
        loop {
            let page = journal.list(&query).await.map_err(text)?;
            let Some(last) = page.last() else { break };
            query.before = Some(last.run.clone());
            seen.extend(page.into_iter().map(|summary| summary.run.to_string()));
        }
        let seen: Vec<&str> = seen.iter().map(String::as_str).collect();
        same("the pages together", &seen, &wanted)?;
    }
    // The end of a list must not look like a page after a run that is not there.
    let query = Query { before: Some(named("nobody")?), ..Query::newest(3) };
    refused("a page before an unknown run", journal.list(&query).await, is_not_found)
}

/// A run that is over is forgotten whole; the others, and their order, are left alone.
pub async fn deletes_what_is_over(journal: &dyn Journal) -> Result<(), String> {
    mixed(journal).await?;
    for name in ["c", "d", "g", "h"] {
        let seen = journal.delete(&named(name)?).await;
        let not_over: fn(&JournalError) -> bool = |error| matches!(error, JournalError::NotOver(_));
        refused("deleting a run that is not over", seen, not_over)?;
    }
    refused("deleting an unknown run", journal.delete(&named("nobody")?).await, is_not_found)?;
    let needed: fn(&JournalError) -> bool =
        |error| matches!(error, JournalError::Needed { by, .. } if by.as_str() == "c");
    refused("deleting what a run needs that is not over", journal.delete(&named("a")?).await, needed)?;
    journal.append(&named("c")?, numbered(2, [end(RunStatus::Cancelled)])).await.map_err(text)?;
    for name in ["e", "a", "j"] {
        let run = named(name)?;
        same("artifacts of a run without any", &journal.delete(&run).await.map_err(text)?, &Vec::new())?;
        refused("reading a deleted run", journal.load(&run).await, is_not_found)?;
        refused("deleting it again", journal.delete(&run).await, is_not_found)?;
        let woken = numbered(1, [Event::Woken { op: 1 }]);
        refused("appending to a deleted run", journal.append(&run, woken).await, is_not_found)?;
    }
    let all = Query::newest(100);
    shows(journal, "what is left", &all, &["i", "h", "g", "f", "d", "c", "b"]).await?;
    let purge = Query { playbook: Some("purge".to_owned()), ..all.clone() };
    shows(journal, "what is left of a playbook", &purge, &["h", "b"]).await?;
    let made_from = Query { origin: Some(named("a")?), ..all.clone() };
    shows(journal, "what was made from a deleted run", &made_from, &["f", "c"]).await?;
    let next = header("k")?;
    let records = numbered(1, [end(RunStatus::Failed)]);
    journal.create(next.clone(), records.clone()).await.map_err(text)?;
    shows(journal, "a new run after that", &all, &["k", "i", "h", "g", "f", "d", "c", "b"]).await?;
    holds(journal, &next, &records).await
}

/// A run made from another begins while that one is there, and keeps it there until it is over itself.
pub async fn keeps_what_others_are_made_from(journal: &dyn Journal) -> Result<(), String> {
    let made = |name: &str, from: &str| -> Result<Header, String> {
        let origin = Origin { kind: OriginKind::Rerun, run: named(from)?, from: None };
        Ok(Header { origin: Some(origin), ..header(name)? })
    };
    let over = || numbered(1, [end(RunStatus::Failed)]);
    let gone: fn(&JournalError) -> bool = |error| matches!(error, JournalError::OriginGone { .. });
    refused("a run made from none", journal.create(made("b", "a")?, over()).await, gone)?;
    refused("reading it", journal.load(&named("b")?).await, is_not_found)?;
    journal.create(header("a")?, over()).await.map_err(text)?;
    journal.create(made("b", "a")?, over()).await.map_err(text)?;
    journal.create(made("c", "b")?, Vec::new()).await.map_err(text)?;
    let needed: fn(&JournalError) -> bool =
        |error| matches!(error, JournalError::Needed { by, .. } if by.as_str() == "c");
    for name in ["a", "b"] {
        refused("deleting what c may still read", journal.delete(&named(name)?).await, needed)?;
        journal.load(&named(name)?).await.map_err(text)?;
    }
    journal.append(&named("c")?, over()).await.map_err(text)?;
    for name in ["b", "a"] {
        journal.delete(&named(name)?).await.map_err(text)?;
    }
    refused("a run made from a deleted one", journal.create(made("d", "a")?, over()).await, gone)?;
    shows(journal, "what is left", &Query::newest(9), &["c"]).await?;
    journal.delete(&named("c")?).await.map(drop).map_err(text)
}

/// What a store calls unneeded no run speaks of. Whether it calls anything so is its own business.
pub async fn is_sure_of_what_is_unneeded(journal: &dyn Journal) -> Result<(), String> {
    let digest = |number: u8| Digest::new([number; 32]);
    let kept =
        |number: u8| Artifact { artifact: digest(number), size: 9, media_type: "text/plain".to_owned() };
    let speaks = |number: u8| performed(json!({"mail": kept(number)}), Some(kept(number + 1)));
    journal.create(header("over")?, numbered(1, [speaks(1), end(RunStatus::Failed)])).await.map_err(text)?;
    journal.create(header("goes-on")?, numbered(1, [speaks(3)])).await.map_err(text)?;
    let all: Vec<Digest> = (1..8).map(digest).collect();
    let sure = async |spoken_of: std::ops::Range<u8>| {
        let unneeded = journal.unneeded(&all).await.map_err(text)?;
        match spoken_of.map(digest).find(|needed| unneeded.contains(needed)) {
            Some(wrong) => Err(format!("{wrong} is called unneeded, and a run speaks of it")),
            None => Ok(()),
        }
    };
    sure(1..5).await?;
    journal.delete(&named("over")?).await.map_err(text)?;
    sure(3..5).await
}

/// An artifact is free once the last run that speaks of it is deleted, wherever it speaks of it.
pub async fn frees_artifacts(journal: &dyn Journal) -> Result<(), String> {
    let digest = |number: u8| Digest::new([number; 32]);
    let handle = |number: u8| Artifact {
        artifact: digest(number),
        size: 40_000,
        media_type: "message/rfc822".to_owned(),
    };
    let value = |number: u8| json!({"mail": [handle(number)]});
    let started = |number: u8| Event::Started {
        input: [("mail".to_owned(), value(number))].into(),
        trigger: Value::Null,
        starter: "cli:ann".to_owned(),
    };
    let runs: [(&str, Vec<Event>); 3] = [
        // 1 is its own, in two places; 2 and 3 are shared.
        ("first", vec![started(1), performed(value(2), None), performed(value(1), Some(handle(3)))]),
        ("second", vec![started(2), performed(Value::Null, Some(handle(4)))]),
        ("third", vec![started(3), performed(value(2), None), performed(value(2), None)]),
    ];
    for (name, events) in runs {
        let header = header(name)?;
        let run = header.run.clone();
        let mut records = numbered(1, events);
        let rest = records.split_off(1);
        journal.create(header, records).await.map_err(text)?;
        for record in rest {
            journal.append(&run, vec![record]).await.map_err(text)?;
        }
        let seq = journal.load(&run).await.map_err(text)?.records.len() as u64 + 1;
        journal.append(&run, numbered(seq, [end(RunStatus::Succeeded)])).await.map_err(text)?;
    }
    for (name, wanted) in [("first", vec![1]), ("third", vec![3]), ("second", vec![2, 4])] {
        let freed: BTreeSet<Digest> =
            journal.delete(&named(name)?).await.map_err(text)?.into_iter().collect();
        same(&format!("freed by the {name} run"), &freed, &wanted.into_iter().map(digest).collect())?;
    }
    // Nothing is remembered of what they had.
    let again = header("again")?;
    let records: Vec<Record> = numbered(1, [started(1), end(RunStatus::Succeeded)]);
    journal.create(again.clone(), records.clone()).await.map_err(text)?;
    holds(journal, &again, &records).await?;
    same("freed once more", &journal.delete(&again.run).await.map_err(text)?, &vec![digest(1)])
}
