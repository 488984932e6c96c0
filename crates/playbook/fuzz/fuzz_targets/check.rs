//! Any bytes: no panic, and every place lies in the text. Run with `cargo +nightly fuzz run check` from the
//! folder above; `tests/ui` is a good corpus.
#![no_main]

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

fuzz_target!(|bytes: &[u8]| {
    let Ok(text) = decode(bytes) else { return };
    let source = Source::new("fuzz.yaml", text);
    let checked = check(source, &*ACTIONS);
    for label in checked.diagnostics.iter().flat_map(|d| &d.labels) {
        assert!(text.get(label.start..label.end).is_some());
    }
    render(&checked.diagnostics, source, Style::Plain);
});
