//! The checks, one function each.

use std::collections::BTreeMap;

use serde_json::{Value, json};

use super::samples::{every_event, header, numbered, performed};
use super::wait;
use crate::{
    Decision, Event, FORMAT, Header, Journal, JournalError, MAX_DEPTH, Query, Record, RunId, RunStatus,
    StoredRun,
};

/// Fails the check with a sentence unless the two are equal.
pub(super) fn same<T: PartialEq + std::fmt::Debug>(what: &str, seen: &T, wanted: &T) -> Result<(), String> {
    if seen == wanted { Ok(()) } else { Err(format!("{what}: {seen:.300?} instead of {wanted:.300?}")) }
}

/// Fails the check with a sentence unless the store refused in the way that `wanted` names.
pub(super) fn refused<T: std::fmt::Debug>(
    what: &str,
    seen: Result<T, JournalError>,
    wanted: fn(&JournalError) -> bool,
) -> Result<(), String> {
    match seen {
        Err(error) if wanted(&error) => Ok(()),
        Err(error) => Err(format!("{what} was refused for another reason: {error}")),
        Ok(value) => Err(format!("{what} was accepted: {value:.300?}")),
    }
}

pub(super) fn text(error: JournalError) -> String {
    let mut text = error.to_string();
    let mut source = std::error::Error::source(&error);
    while let Some(inner) = source {
        text = format!("{text}: {inner}");
        source = inner.source();
    }
    text
}

/// Reads a run back and compares it with what was written.
pub(super) async fn holds(journal: &dyn Journal, header: &Header, records: &[Record]) -> Result<(), String> {
    let StoredRun { header: stored, records: read } = journal.load(&header.run).await.map_err(text)?;
    same("header", &stored, header)?;
    same("number of records", &read.len(), &records.len())?;
    for (read, written) in read.iter().zip(records) {
        same(&format!("record {}", written.seq), read, written)?;
    }
    Ok(())
}

/// A run is there after `create`, with its first records or without any.
pub async fn begins_and_reads_back(journal: &dyn Journal) -> Result<(), String> {
    let (empty, begun) = (header("empty")?, header("begun")?);
    let first = numbered(1, every_event().into_iter().take(2));
    journal.create(empty.clone(), Vec::new()).await.map_err(text)?;
    journal.create(begun.clone(), first.clone()).await.map_err(text)?;
    holds(journal, &empty, &[]).await?;
    holds(journal, &begun, &first).await
}

/// Records come back in the order in which they were appended, one by one and in batches.
pub async fn appends_in_order(journal: &dyn Journal) -> Result<(), String> {
    let header = header("ordered")?;
    let records = numbered(1, (0..300).map(|op| Event::Woken { op }));
    let (first, rest) = records.split_at(1);
    journal.create(header.clone(), first.to_vec()).await.map_err(text)?;
    let (single, batch) = rest.split_at(99);
    for record in single {
        journal.append(&header.run, vec![record.clone()]).await.map_err(text)?;
    }
    journal.append(&header.run, Vec::new()).await.map_err(text)?;
    journal.append(&header.run, batch.to_vec()).await.map_err(text)?;
    holds(journal, &header, &records).await
}

/// A number that is not the next one is refused, and nothing of its batch is kept.
pub async fn refuses_gaps_and_repeats(journal: &dyn Journal) -> Result<(), String> {
    fn out_of_order(error: &JournalError) -> bool {
        matches!(error, JournalError::OutOfOrder { .. })
    }
    let header = header("numbered")?;
    let woken = |seq| numbered(seq, [Event::Woken { op: 1 }]);
    refused("a run that begins with record 2", journal.create(header.clone(), woken(2)).await, out_of_order)?;
    refused("a run that was refused", journal.load(&header.run).await, is_not_found)?;
    journal.create(header.clone(), woken(1)).await.map_err(text)?;
    for (what, seq) in [("a record 0", 0), ("a repeat", 1), ("a gap", 3), ("the largest number", u64::MAX)] {
        refused(what, journal.append(&header.run, woken(seq)).await, out_of_order)?;
    }
    let mut gap_inside = woken(2);
    gap_inside.extend(woken(4));
    match journal.append(&header.run, gap_inside).await {
        Err(JournalError::OutOfOrder { run, got: 4, .. }) if run == header.run => {}
        other => return Err(format!("a gap inside a batch: {other:?}")),
    }
    holds(journal, &header, &woken(1)).await?;
    journal.append(&header.run, woken(2)).await.map_err(text)
}

/// A name is used once; the run that has it is left alone.
pub async fn refuses_a_second_beginning(journal: &dyn Journal) -> Result<(), String> {
    let header = header("once")?;
    let records = numbered(1, [Event::Woken { op: 1 }]);
    journal.create(header.clone(), records.clone()).await.map_err(text)?;
    let second = Header {
        playbook: "another".to_owned(),
        text: "other: text\n".to_owned(),
        files: BTreeMap::new(),
        ..header.clone()
    };
    let again = journal.create(second, Vec::new()).await;
    refused("a second run of one name", again, |error| matches!(error, JournalError::Exists(_)))?;
    holds(journal, &header, &records).await?;
    same("number of runs", &journal.list(&Query::newest(10)).await.map_err(text)?.len(), &1)
}

/// Of a batch that holds something that cannot be written, nothing is kept.
pub async fn batches_are_whole(journal: &dyn Journal) -> Result<(), String> {
    let header = header("whole")?;
    journal.create(header.clone(), Vec::new()).await.map_err(text)?;
    let mut batch = numbered(1, (0..50).map(|op| Event::Woken { op }));
    batch.extend(performed(51, nested(MAX_DEPTH + 1)));
    refused(
        "a batch with a record that is too deep",
        journal.append(&header.run, batch).await,
        is_unwritable,
    )?;
    holds(journal, &header, &[]).await
}

/// Every kind of event comes back as it was.
pub async fn every_event_round_trips(journal: &dyn Journal) -> Result<(), String> {
    let header = header("every")?;
    let records = numbered(1, every_event());
    journal.create(header.clone(), records.clone()).await.map_err(text)?;
    holds(journal, &header, &records).await
}

pub(super) fn is_not_found(error: &JournalError) -> bool {
    matches!(error, JournalError::NotFound(_))
}

/// A run that was never begun is named in the refusal.
pub async fn unknown_runs(journal: &dyn Journal) -> Result<(), String> {
    let nobody = RunId::new("nobody").ok_or("nobody is a name")?;
    let records = numbered(1, [Event::Woken { op: 1 }]);
    refused("reading an unknown run", journal.load(&nobody).await, is_not_found)?;
    refused("appending to an unknown run", journal.append(&nobody, records).await, is_not_found)?;
    refused("appending nothing to it", journal.append(&nobody, Vec::new()).await, is_not_found)?;
    same("list of an empty store", &journal.list(&Query::newest(10)).await.map_err(text)?, &Vec::new())
}

/// Lists are in the reverse order of beginning and as long as asked for.
pub async fn lists_newest_first(journal: &dyn Journal) -> Result<(), String> {
    let names = ["c", "a", "b", "e", "d"];
    for name in names {
        journal.create(header(name)?, Vec::new()).await.map_err(text)?;
    }
    let run = header("a")?.run;
    journal.append(&run, numbered(1, every_event().into_iter().take(3))).await.map_err(text)?;
    for limit in [0, 1, 3, 5, 100, usize::MAX] {
        let listed = journal.list(&Query::newest(limit)).await.map_err(text)?;
        let listed: Vec<&str> = listed.iter().map(|summary| summary.run.as_str()).collect();
        let wanted: Vec<&str> = names.iter().rev().copied().take(limit).collect();
        same(&format!("list of {limit}"), &listed, &wanted)?;
    }
    let listed = journal.list(&Query::newest(4)).await.map_err(text)?;
    let Some(summary) = listed.last() else { return Err("the list is empty".to_owned()) };
    same("records", &summary.records, &3)?;
    same("created", &summary.created, &header("a")?.created)?;
    same("updated", &summary.updated.0, &(header("a")?.created.0 + 3_000))?;
    same("playbook", &summary.playbook, &header("a")?.playbook)
}

/// A run waits while anybody is asked and is over when it has ended.
pub async fn status_follows_the_records(journal: &dyn Journal) -> Result<(), String> {
    let ask = |op| Event::Asked { op, path: "ask".into(), digest: String::new() };
    let decide = |op| Event::Decided {
        op,
        decision: Decision::Approved,
        by: "ann".to_owned(),
        digest: String::new(),
        in_advance: false,
    };
    let end = |status| Event::Ended { status, outputs: Default::default(), failure: None };
    let story = [
        (ask(1), RunStatus::Waiting),
        (Event::Woken { op: 9 }, RunStatus::Waiting),
        (ask(2), RunStatus::Waiting),
        (decide(1), RunStatus::Waiting),
        (decide(2), RunStatus::Running),
        (ask(1), RunStatus::Waiting),
        (Event::CancelRequested { by: "bob".to_owned() }, RunStatus::Waiting),
        (end(RunStatus::Cancelled), RunStatus::Cancelled),
    ];
    let header = header("story")?;
    journal.create(header.clone(), Vec::new()).await.map_err(text)?;
    for (seq, (event, wanted)) in (1..).zip(story) {
        journal.append(&header.run, numbered(seq, [event])).await.map_err(text)?;
        let listed = journal.list(&Query::newest(1)).await.map_err(text)?;
        let status = listed.first().map(|summary| summary.status);
        same(&format!("status after record {seq}"), &status, &Some(wanted))?;
    }
    for status in [RunStatus::Succeeded, RunStatus::Failed, RunStatus::Unknown] {
        let header = super::header(&format!("ends-{}", status.as_str()))?;
        journal.create(header, numbered(1, [end(status)])).await.map_err(text)?;
        let listed = journal.list(&Query::newest(1)).await.map_err(text)?;
        same("status after the end", &listed.first().map(|summary| summary.status), &Some(status))?;
    }
    Ok(())
}

/// A result of 1 MiB, a playbook of 1 MiB, and a batch of such results.
pub async fn big_payloads(journal: &dyn Journal) -> Result<(), String> {
    let big = "0123456789abcdef".repeat(65_536);
    let header = Header { text: big.clone(), files: BTreeMap::new(), ..header("big")? };
    let output = |op| Event::Performed {
        op,
        output: json!({"body": big}),
        kept: None,
        reused: None,
        inverse: Value::Null,
    };
    let records = numbered(1, (1..=5).map(output));
    let (first, rest) = records.split_at(1);
    journal.create(header.clone(), first.to_vec()).await.map_err(text)?;
    journal.append(&header.run, rest.to_vec()).await.map_err(text)?;
    holds(journal, &header, &records).await
}

/// Text of any kind, in every place that holds text.
pub async fn unicode(journal: &dyn Journal) -> Result<(), String> {
    let odd = "\u{0}\u{1}\t\r\n\"\\ é 漢字 🦀 e\u{301} \u{202e}\u{feff}\u{2028}\u{10ffff}";
    let header = Header {
        playbook: odd.to_owned(),
        text: odd.to_owned(),
        source: odd.to_owned(),
        files: [(odd.to_owned(), odd.to_owned())].into(),
        driver: json!({odd: odd}),
        ..header("unicode")?
    };
    let records = numbered(
        1,
        [
            Event::Started {
                input: [(odd.to_owned(), json!(odd))].into(),
                trigger: Value::Null,
                starter: odd.to_owned(),
            },
            Event::Performed {
                op: 1,
                output: json!({odd: [odd]}),
                kept: None,
                reused: None,
                inverse: json!(odd),
            },
            Event::CancelRequested { by: odd.to_owned() },
        ],
    );
    journal.create(header.clone(), records.clone()).await.map_err(text)?;
    holds(journal, &header, &records).await
}

/// Numbers come back to the last bit: a replay must not take another branch.
pub async fn exact_numbers(journal: &dyn Journal) -> Result<(), String> {
    let header = header("numbers")?;
    let mut numbers = vec![
        json!(u64::MAX),
        json!(i64::MIN),
        json!(0.1),
        json!(1.0),
        json!(f64::MAX),
        json!(f64::MIN_POSITIVE),
        json!(5e-324),
        json!(-0.0),
    ];
    // Among ten thousand spread bit patterns some lose their last bit in a reader that only comes close.
    let mut bits: u64 = 0x3ff0_0000_0000_0001;
    for _ in 0..10_000 {
        bits = bits.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        numbers.push(json!(f64::from_bits(bits)));
    }
    let records = performed(1, Value::Array(numbers));
    journal.create(header.clone(), records.clone()).await.map_err(text)?;
    holds(journal, &header, &records).await
}

fn nested(levels: u32) -> Value {
    (0..levels).fold(Value::Null, |value, _| Value::Array(vec![value]))
}

fn is_unwritable(error: &JournalError) -> bool {
    matches!(error, JournalError::Unwritable { .. })
}

/// What is nested too deep to be read back is refused before it is written.
pub async fn deep_values_are_refused(journal: &dyn Journal) -> Result<(), String> {
    let deepest = Header { driver: nested(MAX_DEPTH), ..header("deep")? };
    let records = performed(1, nested(MAX_DEPTH));
    journal.create(deepest.clone(), records.clone()).await.map_err(text)?;
    let too_deep = performed(2, nested(MAX_DEPTH + 1));
    refused("a value that is too deep", journal.append(&deepest.run, too_deep).await, is_unwritable)?;
    let header = Header { driver: nested(MAX_DEPTH + 1), ..header("deeper")? };
    refused("a header that is too deep", journal.create(header, Vec::new()).await, is_unwritable)?;
    holds(journal, &deepest, &records).await
}

/// What this version could not read is not written by it either.
pub async fn newer_formats_are_refused(journal: &dyn Journal) -> Result<(), String> {
    let header = Header { format: FORMAT + 1, ..header("newer")? };
    let run = header.run.clone();
    let created = journal.create(header, Vec::new()).await;
    refused("a run of the next format", created, |error| matches!(error, JournalError::Newer { .. }))?;
    refused("the run that was refused", journal.load(&run).await, is_not_found)
}

/// Many runs write at once from many threads and read each other's lists; none disturbs another.
pub async fn runs_at_the_same_time(journal: &dyn Journal) -> Result<(), String> {
    const RUNS: usize = 16;
    const APPENDS: u64 = 25;
    let work = |number: usize| -> Result<(), String> {
        let header = header(&format!("thread-{number}"))?;
        let op = u32::try_from(number).unwrap_or_default();
        let mut records = numbered(1, [Event::Woken { op }]);
        wait(journal.create(header.clone(), records.clone())).map_err(text)?;
        for append in 0..APPENDS {
            let next = numbered(
                2 * append + 2,
                [Event::Woken { op }, Event::CancelRequested { by: op.to_string() }],
            );
            wait(journal.append(&header.run, next.clone())).map_err(text)?;
            records.extend(next);
            for summary in wait(journal.list(&Query::newest(RUNS))).map_err(text)? {
                same("parity of a run that is being written", &(summary.records % 2), &1)?;
            }
        }
        wait(holds(journal, &header, &records))
    };
    std::thread::scope(|scope| {
        let threads: Vec<_> = (0..RUNS).map(|number| scope.spawn(move || work(number))).collect();
        threads
            .into_iter()
            .try_for_each(|thread| thread.join().map_err(|_| "a thread ended badly".to_owned())?)
    })?;
    same("number of runs", &journal.list(&Query::newest(100)).await.map_err(text)?.len(), &RUNS)
}
