//! The text form of records is frozen: the committed lines are read and written the same for ever.
//!
//! A new kind of event adds a line. A line that has to change means a new version of the format.

use portcullis_journal::conformance::every_event;
use portcullis_journal::{FORMAT, MAX_DEPTH, Record, RecordError, Timestamp};
use proptest::prelude::*;

const GOLDEN: &str = include_str!("golden/v2.jsonl");
const VERSION_1: &str = include_str!("golden/v1.jsonl");

fn samples() -> Vec<Record> {
    let number = |(seq, event)| Record { seq, at: Timestamp(1_767_225_600_000 + seq as i64), event };
    (1..).zip(every_event()).map(number).collect()
}

#[test]
fn every_kind_is_written_as_committed() {
    let written: Vec<String> = samples().iter().map(|record| record.to_json().unwrap()).collect();
    let committed: Vec<&str> = GOLDEN.lines().collect();
    assert_eq!(written, committed);
}

#[test]
fn every_committed_line_is_read() {
    let read: Vec<Record> = GOLDEN.lines().map(|line| Record::from_json(FORMAT, line).unwrap()).collect();
    assert_eq!(read, samples());
}

#[test]
fn version_1_is_read_as_what_it_means_today() {
    let read: Vec<Record> = VERSION_1.lines().map(|line| Record::from_json(1, line).unwrap()).collect();
    assert_eq!(read.len(), VERSION_1.lines().count());
    assert_eq!(read, samples()[..read.len()]);
}

#[test]
fn a_run_of_version_1_goes_on_with_records_of_this_version() {
    for line in GOLDEN.lines().skip(VERSION_1.lines().count()) {
        assert_eq!(Record::from_json(1, line).unwrap(), Record::from_json(FORMAT, line).unwrap());
    }
}

#[test]
fn every_kind_has_a_line() {
    let kinds = [
        "started",
        "performing",
        "performed",
        "attempt_failed",
        "woken",
        "asked",
        "decided",
        "answered",
        "withdrawn",
        "signalled",
        "cancel_requested",
        "ended",
        "paused",
        "continued",
        "stepped",
        "stalled",
        "adopted",
    ];
    for kind in kinds {
        assert!(GOLDEN.contains(&format!(r#""event":{{"event":"{kind}""#)), "{kind}");
    }
}

#[test]
fn what_a_newer_version_added_is_refused() {
    for line in GOLDEN.lines() {
        let record_field = line.replacen("{", r#"{"later":1,"#, 1);
        let event_field = line.replacen(r#""event":{"#, r#""event":{"later":1,"#, 1);
        let kind = line.replacen(r#"{"event":""#, r#"{"event":"later_"#, 1);
        for text in [record_field, event_field, kind] {
            assert!(matches!(Record::from_json(FORMAT, &text), Err(RecordError::Malformed(_))), "{text}");
        }
    }
}

fn values() -> impl Strategy<Value = serde_json::Value> {
    let leaf = prop_oneof![
        Just(serde_json::Value::Null),
        any::<bool>().prop_map(Into::into),
        any::<i64>().prop_map(Into::into),
        any::<u64>().prop_map(Into::into),
        any::<f64>().prop_map(Into::into),
        ".*".prop_map(Into::into),
    ];
    leaf.prop_recursive(6, 64, 8, |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..8).prop_map(Into::into),
            prop::collection::btree_map(".*", inner, 0..8)
                .prop_map(|fields| serde_json::Value::Object(fields.into_iter().collect())),
        ]
    })
}

proptest! {
    #[test]
    fn any_output_comes_back_as_it_was(output in values(), seq in 1_u64.., at in any::<i64>()) {
        let event = portcullis_journal::Event::Performed { op: 1, output, kept: None, reused: None, inverse: serde_json::Value::Null };
        let record = Record { seq, at: Timestamp(at), event };
        let text = record.to_json().unwrap();
        prop_assert!(!text.contains('\n'));
        prop_assert_eq!(Record::from_json(FORMAT, &text).unwrap(), record);
    }

    #[test]
    fn no_text_panics(text in ".*", version in 0..4_u32) {
        let _ = Record::from_json(version, &text);
    }

    #[test]
    fn a_damaged_line_is_refused_or_reads_as_something_that_can_be_written(
        line in 0..GOLDEN.lines().count(), at in any::<prop::sample::Index>(), byte in 0x20_u8..0x7f
    ) {
        let mut bytes = GOLDEN.lines().nth(line).unwrap().as_bytes().to_vec();
        let place = at.index(bytes.len());
        bytes[place] = byte;
        if let Ok(record) = Record::from_json(FORMAT, std::str::from_utf8(&bytes).unwrap()) {
            prop_assert_eq!(Record::from_json(FORMAT, &record.to_json().unwrap()).unwrap(), record);
        }
    }

    #[test]
    fn depth_is_refused_exactly_above_the_limit(levels in 0..2 * MAX_DEPTH) {
        let output = (0..levels).fold(serde_json::Value::Null, |value, _| serde_json::json!({"in": value}));
        let event = portcullis_journal::Event::Performed { op: 1, output, kept: None, reused: None, inverse: serde_json::Value::Null };
        let record = Record { seq: 1, at: Timestamp(0), event };
        match record.to_json() {
            Ok(text) => {
                prop_assert!(levels <= MAX_DEPTH);
                prop_assert_eq!(Record::from_json(FORMAT, &text).unwrap(), record);
            }
            Err(_) => prop_assert!(levels > MAX_DEPTH),
        }
    }
}
