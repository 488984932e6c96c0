//! Whatever the text is, checking ends quickly, never panics, and every place it names is in the text.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "test code"
)]

mod catalogue;

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;
use std::sync::{Arc, LazyLock};
use std::time::{Duration, Instant};

use catalogue::Fixed;
use playbook::{Files, Source, Style};
use portcullis_playbook as playbook;
use proptest::prelude::*;

/// Generous, because test builds are slow and machines busy; a quadratic step takes minutes here.
const LONG: Duration = Duration::from_secs(20);

/// The files that the examples name.
fn beside() -> &'static BTreeMap<String, Arc<str>> {
    static FILES: LazyLock<BTreeMap<String, Arc<str>>> = LazyLock::new(|| {
        let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/ui/lib");
        let read = |entry: fs::DirEntry| {
            let name = format!("../lib/{}", entry.file_name().to_str().unwrap());
            (name, Arc::from(fs::read_to_string(entry.path()).unwrap()))
        };
        fs::read_dir(folder).unwrap().map(|entry| read(entry.unwrap())).collect()
    });
    &FILES
}

/// Checks and renders; gives the codes.
fn run(text: &str) -> Vec<&'static str> {
    run_among(text, beside())
}

fn run_among(text: &str, files: &dyn Files) -> Vec<&'static str> {
    let source = Source::new("hostile.yaml", text).among(files);
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

#[test]
fn expressions_are_refused_by_length() {
    for text in ["(".repeat(66_000), "!".repeat(1_000_000), "-".repeat(1_000_000), "[".repeat(66_000)] {
        assert_eq!(run(&format!("{HEAD}name: x\n  # {text}\n")).len(), 0);
        let step = format!("playbook: 1\nid: p\nsteps:\n  - set: {{ x: \"${{{{ {text} }}}}\" }}\n");
        assert!(!run(&step).is_empty());
    }
}

#[test]
fn loops_inside_of_loops_do_not_multiply() {
    let mut text = "playbook: 1\nid: p\nsteps:\n".to_owned();
    for depth in 0..13 {
        let pad = "    ".repeat(depth);
        text.push_str(&format!(
            "{pad}  - while: ${{{{ s{depth}.index < 3 }}}}\n{pad}    max: 3\n{pad}    as: s{depth}\n{pad}    state: {{ a: null, b: null, c: [] }}\n{pad}    next: {{ a: \"${{{{ s{depth}.b }}}}\", b: \"${{{{ s{depth}.c }}}}\", c: \"${{{{ [run.id] }}}}\" }}\n{pad}    do:\n"
        ));
    }
    text.push_str(&format!("{}  - wait: 5s\n", "    ".repeat(13)));
    assert_eq!(run(&text), Vec::<&str>::new());
}

#[test]
fn a_dag_may_be_large() {
    let mut text = "playbook: 1\nid: p\nsteps:\n  - id: g\n    dag:\n".to_owned();
    for n in 0..480_usize {
        let needs: Vec<String> = (n.saturating_sub(20)..n).map(|n| format!("s{n}")).collect();
        text.push_str(&format!("      - {{ id: s{n}, needs: [{}], wait: 5s }}\n", needs.join(", ")));
    }
    assert_eq!(run(&text), Vec::<&str>::new());
    run(&text.replace("needs: []", "needs: [s479]"));
}

/// Files without end: every one calls two others.
struct Endless;

impl Files for Endless {
    fn read(&self, path: &str) -> Result<Arc<str>, String> {
        let name = path.trim_end_matches(".yaml");
        Ok(format!("playbook: 1\nid: p\nsteps:\n  - call: {name}a.yaml\n  - call: {name}b.yaml\n").into())
    }
}

#[test]
fn files_are_counted() {
    let codes = run_among("playbook: 1\nid: p\nsteps:\n  - call: x.yaml\n", &Endless);
    assert_eq!(codes, ["P0216"]);
}

/// Whatever is asked for is there, and is this.
struct Same(String);

impl Files for Same {
    fn read(&self, _: &str) -> Result<Arc<str>, String> {
        Ok(Arc::from(self.0.as_str()))
    }
}

#[test]
fn files_beside_it_can_be_anything() {
    let large = "a".repeat(2_000_000);
    for text in ["", "\0", "---\n---\n", "{{", "{% for a in b %}", "{{ a.b.c.d }}", &large] {
        let files = Same(text.to_owned());
        assert!(!run_among("playbook: 1\nid: p\nsteps:\n  - call: x.yaml\n", &files).is_empty());
        run_among("playbook: 1\nid: p\nsteps:\n  - fail: { template: x.j2, values: { a: 1 } }\n", &files);
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
    fn any_file_beside_it(bytes in proptest::collection::vec(any::<u8>(), 0..200), seed in any::<prop::sample::Index>()) {
        let files = Same(String::from_utf8_lossy(&bytes).into_owned());
        run_among("playbook: 1\nid: p\nsteps:\n  - fail: { template: x.j2, values: { a: 1 } }\n  - call: x.yaml\n", &files);
        run_among("playbook: 1\nid: p\nsteps:\n  - call: x.yaml\n    with: { sender: a }\n", &Same(seed.get(&examples()).clone()));
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
