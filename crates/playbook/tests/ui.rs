//! What a person sees: every file under `ui/bad` beside the text that it leads to, every file under `ui/ok`
//! beside its plan. `UPDATE_UI=1 cargo test -p portcullis-playbook --test ui` writes them anew; read the
//! difference before you commit it.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "test code"
)]

mod catalogue;

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use catalogue::Fixed;
use playbook::{Checked, Diagnostic, Severity, Source, Style};
use portcullis_playbook as playbook;

/// The files beside the cases, as a folder gives them.
struct Beside(PathBuf);

impl playbook::Files for Beside {
    fn read(&self, path: &str) -> Result<Arc<str>, String> {
        let bytes = fs::read(self.0.join(path)).map_err(|_| format!("there is no file {path}"))?;
        String::from_utf8(bytes).map(Arc::from).map_err(|_| format!("{path} is not UTF-8"))
    }
}

/// The file checked as the command line does it: bytes first.
fn run(path: &Path) -> (Checked, String) {
    let bytes = fs::read(path).unwrap();
    let name = path.file_name().unwrap().to_str().unwrap().to_owned();
    match playbook::decode(&bytes) {
        Ok(text) => {
            let beside = Beside(path.parent().unwrap().to_owned());
            let source = Source::new(&name, text).among(&beside);
            let checked = playbook::check(source, &Fixed::load());
            let text = playbook::render(&checked.diagnostics, source, Style::Plain);
            (checked, text)
        }
        Err(diagnostic) => {
            let diagnostics = vec![diagnostic];
            let text = playbook::render(&diagnostics, Source::new(&name, ""), Style::Plain);
            (Checked { plan: None, diagnostics }, text)
        }
    }
}

fn files(folder: &str) -> Vec<PathBuf> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/ui").join(folder);
    let mut all: Vec<PathBuf> = fs::read_dir(folder).unwrap().map(|e| e.unwrap().path()).collect();
    all.retain(|p| p.extension().is_some_and(|e| e == "yaml"));
    all.sort();
    all
}

/// Compares with the text beside the file, or writes it.
fn compare(path: &Path, actual: &str, wrong: &mut Vec<String>) {
    let beside = path.with_extension("txt");
    if std::env::var_os("UPDATE_UI").is_some() {
        fs::write(&beside, actual).unwrap();
        return;
    }
    let expected = fs::read_to_string(&beside).unwrap_or_default();
    if expected != actual {
        wrong.push(format!("{}\n--- expected\n{expected}\n--- actual\n{actual}", path.display()));
    }
}

#[test]
fn bad_playbooks_are_explained() {
    let mut wrong = Vec::new();
    let all = files("bad");
    assert!(all.len() >= 180, "only {} files", all.len());
    for path in &all {
        let (checked, text) = run(path);
        if checked.diagnostics.is_empty() {
            wrong.push(format!("{}: nothing found", path.display()));
        }
        let warns = path.file_name().unwrap().to_str().unwrap().starts_with("warn_");
        if checked.plan.is_some() != warns {
            wrong.push(format!("{}: a plan is {}expected", path.display(), if warns { "" } else { "not " }));
        }
        compare(path, &text, &mut wrong);
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n\n"));
}

#[test]
fn good_playbooks_give_a_plan_and_no_word() {
    let mut wrong = Vec::new();
    for path in files("ok") {
        let (checked, text) = run(&path);
        match checked.plan {
            Some(plan) if text.is_empty() => compare(&path, &catalogue::dump(&plan), &mut wrong),
            _ => wrong.push(format!("{}\n{text}", path.display())),
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n\n"));
}

#[test]
fn every_code_is_shown_by_an_example() {
    let mut seen = BTreeSet::new();
    for path in files("bad") {
        seen.extend(run(&path).0.diagnostics.iter().map(|d| d.code));
    }
    let known: BTreeSet<&str> = playbook::codes::all().map(|c| c.code).collect();
    let unknown: Vec<_> = seen.difference(&known).collect();
    assert!(unknown.is_empty(), "not in the table: {unknown:?}");
    let missing: Vec<_> = known.difference(&seen).collect();
    assert!(missing.is_empty(), "no example of: {missing:?}");
}

#[test]
fn codes_are_unique_and_explained() {
    let mut seen = BTreeSet::new();
    for code in playbook::codes::all() {
        assert!(seen.insert(code.code), "{} stands twice", code.code);
        assert!(!code.title.is_empty() && code.explanation.ends_with('.'), "{}", code.code);
    }
}

#[test]
fn places_lie_in_the_text_and_lines_count_from_one() {
    for path in files("bad") {
        let bytes = fs::read(&path).unwrap();
        let Ok(text) = playbook::decode(&bytes) else { continue };
        for diagnostic in run(&path).0.diagnostics {
            for label in &diagnostic.labels {
                assert!(text.get(label.start..label.end).is_some(), "{}: {diagnostic:?}", path.display());
                let line = text.split('\n').nth(label.line - 1).unwrap();
                assert!(label.column <= line.chars().count() + 1, "{}: {diagnostic:?}", path.display());
            }
        }
    }
}

#[test]
fn the_json_form_is_documented_and_stable() {
    let path = files("bad").into_iter().find(|p| p.ends_with("unknown_action.yaml")).unwrap();
    let text = fs::read_to_string(&path).unwrap();
    let source = Source::new("p.yaml", &text);
    let checked = playbook::check(source, &Fixed::load());
    let json = playbook::render_json(&checked.diagnostics, source);
    assert_eq!(json["file"], "p.yaml");
    assert_eq!(json["errors"], 1);
    assert_eq!(json["warnings"], 0);
    let first = &json["diagnostics"][0];
    assert_eq!(first["code"], "P0307");
    assert_eq!(first["severity"], "error");
    let label = &first["labels"][0];
    let (start, end) = (label["start"].as_u64().unwrap() as usize, label["end"].as_u64().unwrap() as usize);
    assert_eq!(&text[start..end], "mail.serch");
    assert_eq!(label["line"], 6);
    assert_eq!(label["primary"], true);
    assert_eq!(first["help"], "did you mean `mail.search`?");
}

#[test]
fn warnings_do_not_stand_in_the_way() {
    let only_warnings = |d: &[Diagnostic]| d.iter().all(|d| d.severity == Severity::Warning);
    for path in files("bad") {
        let (checked, _) = run(&path);
        assert_eq!(checked.plan.is_some(), only_warnings(&checked.diagnostics), "{}", path.display());
        assert_eq!(checked.has_errors(), checked.plan.is_none(), "{}", path.display());
    }
}
