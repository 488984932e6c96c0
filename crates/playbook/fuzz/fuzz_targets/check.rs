//! Any bytes: no panic, and every place lies in the text. The bytes are one playbook, or several files: each line
//! `=== NAME` begins another one, which the first can call or fill in. Run with `cargo +nightly fuzz run check` from
//! the folder above; `tests/ui` is a good corpus.
#![no_main]

use std::collections::BTreeMap;
use std::sync::{Arc, LazyLock};

use libfuzzer_sys::fuzz_target;
use portcullis_action_api::Spec;
use portcullis_playbook::{Actions, Source, Style, check, decode, render};

struct Fixed(Vec<Arc<Spec>>);

impl Actions for Fixed {
    fn spec(&self, name: &str) -> Option<Arc<Spec>> {
        self.0.iter().find(|s| s.name == name).cloned()
    }

    fn names(&self) -> Vec<String> {
        self.0.iter().map(|s| s.name.clone()).collect()
    }
}

static ACTIONS: LazyLock<Fixed> = LazyLock::new(|| {
    let specs: Vec<Spec> = serde_json::from_str(include_str!("../../tests/ui/catalogue.json")).expect("the catalogue");
    Fixed(specs.into_iter().map(Arc::new).collect())
});

/// Files that are always there, so that a mutated path soon meets one.
const BESIDE: [(&str, &str); 4] = [
    ("../lib/two_boxes.yaml", include_str!("../../tests/ui/lib/two_boxes.yaml")),
    ("../lib/block_sender.yaml", include_str!("../../tests/ui/lib/block_sender.yaml")),
    ("../lib/calls_b.yaml", include_str!("../../tests/ui/lib/calls_b.yaml")),
    ("../lib/summary.j2", include_str!("../../tests/ui/lib/summary.j2")),
];

fn files(text: &str) -> (&str, BTreeMap<String, Arc<str>>) {
    let mut beside: BTreeMap<String, Arc<str>> =
        BESIDE.iter().map(|(name, text)| ((*name).to_owned(), Arc::from(*text))).collect();
    let mut parts = text.split("\n=== ");
    let first = parts.next().unwrap_or_default();
    for part in parts {
        let (name, text) = part.split_once('\n').unwrap_or((part, ""));
        beside.insert(name.trim().to_owned(), Arc::from(text));
    }
    (first, beside)
}

fuzz_target!(|bytes: &[u8]| {
    let Ok(text) = decode(bytes) else { return };
    let (text, beside) = files(text);
    let source = Source::new("fuzz.yaml", text).among(&beside);
    let checked = check(source, &*ACTIONS);
    for label in checked.diagnostics.iter().flat_map(|d| &d.labels) {
        assert!(text.get(label.start..label.end).is_some());
    }
    render(&checked.diagnostics, source, Style::Plain);
});
