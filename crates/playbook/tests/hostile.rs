//! Whatever the text is, checking ends quickly, never panics, and every place it names is in the text.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "test code"
)]

mod catalogue;

use std::fs;
use std::path::Path;
use std::time::{Duration, Instant};

use catalogue::Fixed;
use playbook::{Source, Style};
use portcullis_playbook as playbook;
use proptest::prelude::*;

/// Generous, because test builds are slow and machines busy; a quadratic step takes minutes here.
const LONG: Duration = Duration::from_secs(20);

/// Checks and renders; gives the codes.
fn run(text: &str) -> Vec<&'static str> {
    let source = Source::new("hostile.yaml", text);
    let start = Instant::now();
    let checked = playbook::check(source, &Fixed::load());
    for style in [Style::Plain, Style::Colour] {
        playbook::render(&checked.diagnostics, source, style);
    }
    let json = playbook::render_json(&checked.diagnostics, source);
    assert_eq!(json["errors"].as_u64().unwrap() > 0, checked.plan.is_none());
    for label in checked.diagnostics.iter().flat_map(|d| &d.labels) {
        assert!(text.get(label.start..label.end).is_some(), "{label:?}");
    }
    assert!(start.elapsed() < LONG, "took {:?}", start.elapsed());
    checked.diagnostics.iter().map(|d| d.code).collect()
}

fn examples() -> Vec<String> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/ui");
    let mut all = Vec::new();
    for part in ["ok", "bad"] {
        for entry in fs::read_dir(folder.join(part)).unwrap() {
            let path = entry.unwrap().path();
            if path.extension().is_some_and(|e| e == "yaml") {
                all.extend(String::from_utf8(fs::read(&path).unwrap()));
            }
        }
    }
    all.retain(|text| text.len() < 8000);
    all.sort();
    all
}

const HEAD: &str = "playbook: 1\nid: p\nsteps:\n  - fail: { message: stop }\n";

#[test]
fn depth_is_refused_before_it_costs_anything() {
    for open in ["[", "{a: ", "{", "- ", "? ", "[{", "!!seq [", "&a ["] {
        for times in [33, 1000, 100_000] {
            let codes = run(&format!("{HEAD}metadata: {}", open.repeat(times)));
            assert!(!codes.is_empty(), "{open} {times}");
        }
    }
    let staircase: String = (0..1400).map(|n| format!("{}a:\n", " ".repeat(n))).collect();
    assert_eq!(run(&staircase), ["P0107"]);
}

#[test]
fn size_is_refused_before_anything_else() {
    let large = "a".repeat(playbook::MAX_BYTES + 1);
    assert_eq!(run(&large), ["P0107"]);
    let bytes = vec![b'x'; 200 * 1024 * 1024];
    let start = Instant::now();
    assert_eq!(playbook::decode(&bytes).unwrap_err().code, "P0107");
    assert!(start.elapsed() < Duration::from_millis(50));
    run(&format!("{HEAD}name: {}", "a".repeat(1_000_000)));
    run(&format!("{HEAD}{}: 1", "a".repeat(1_000_000)));
    run(&format!("{HEAD}name: |\n{}", " a\n".repeat(340_000)));
}

#[test]
fn values_are_counted() {
    let many = format!("{HEAD}metadata: [{}]", "1,".repeat(20_100));
    assert_eq!(run(&many), ["P0107"]);
    let bomb = "a: &a [x,x]\nb: [*a,*a]\n".repeat(2);
    assert_eq!(run(&bomb), ["P0104", "P0104"]);
}

#[test]
fn schemas_cannot_be_bombs() {
    let names = "a,".repeat(9000);
    run(&format!("{HEAD}inputs:\n  a: {{ enum: [{names}] }}\n"));
    run(&format!("{HEAD}inputs:\n  a: {{ type: string, pattern: '{}' }}\n", "(a*)*".repeat(20_000)));
    run(&format!("{HEAD}inputs:\n  a: {{ type: string, pattern: '(a{{1000}}){{1000}}', default: aaaa }}\n"));
    run(&format!("{HEAD}inputs:\n  a: {{ type: string, maxLength: 1000000000000 }}\n"));
}

#[test]
fn conditions_cannot_be_bombs() {
    let deep = format!("{}steps.a.output{}", "(".repeat(600), ")".repeat(600));
    let wide = "steps.a.status == 'x' ? 1 : ".repeat(120) + "2";
    let chain = "a && ".repeat(700) + "b";
    for text in [deep, wide, chain, "!".repeat(3000), "\"".repeat(2999), "(".repeat(4000)] {
        let step = format!(
            "playbook: 1\nid: p\nsteps:\n  - id: a\n    if: \"${{{{ run.id == 'a' }}}}\"\n    set: {{ x: 1 }}\n  - if: >-\n      ${{{{ {text} && steps.a.output.x > 1 }}}}\n    fail: {{ message: stop }}\n"
        );
        assert!(!run(&step).is_empty());
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 256, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn any_bytes(bytes in proptest::collection::vec(any::<u8>(), 0..400)) {
        if let Ok(text) = playbook::decode(&bytes) {
            run(text);
        }
    }

    #[test]
    fn any_text_of_yaml_marks(text in "([ \\n:#\\-?\\[\\]{}&*!|>'\"%@`,a-z0-9é]|\\$\\{\\{|\\}\\}|: |\\n  - |steps){0,120}") {
        run(&text);
        run(&format!("playbook: 1\nid: p\nsteps:\n  - set:\n      x: {text}\n"));
        run(&format!("playbook: 1\nid: p\nsteps:\n  - set: {{ x: \"${{{{ {} }}}}\" }}\n", text.replace(['"', '\\', '\n'], "")));
    }

    #[test]
    fn mutated_playbooks(seed in any::<prop::sample::Index>(), edits in proptest::collection::vec((any::<prop::sample::Index>(), 0_usize..12, "[ \\n:{}\\[\\]\"'$|>#a-z-]{0,3}"), 1..6)) {
        let all = examples();
        let mut chars: Vec<char> = seed.get(&all).chars().collect();
        for (at, remove, insert) in edits {
            if chars.is_empty() {
                break;
            }
            let at = at.index(chars.len());
            let end = (at + remove).min(chars.len());
            chars.splice(at..end, insert.chars());
        }
        run(&chars.into_iter().collect::<String>());
    }

    #[test]
    fn mixed_lines(lines in proptest::collection::vec((any::<prop::sample::Index>(), any::<prop::sample::Index>()), 1..40)) {
        let all = examples();
        let text: Vec<&str> = lines
            .iter()
            .filter_map(|(file, line)| {
                let lines: Vec<&str> = file.get(&all).lines().collect();
                (!lines.is_empty()).then(|| *line.get(&lines))
            })
            .collect();
        run(&text.join("\n"));
        run(&format!("playbook: 1\nid: p\nsteps:\n{}", text.join("\n")));
    }
}
