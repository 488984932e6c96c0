//! The way through: text, scan, tree, lowering, and at last places.

use std::sync::Arc;

use action_api::{PluginFacts, Spec};

use crate::codes;
use crate::lower::{self, Face, Project};
use crate::report::{Diagnostic, Raw, Severity, Sink};
use crate::source::place::Places;
use crate::source::tree::{self, KeyProblem, Kind, Tree};
use crate::source::{MAX_NODES, scan, text};

/// A playbook's text.
#[derive(Clone, Copy)]
pub struct Source<'a> {
    /// What messages call it: the path as the user gave it.
    pub name: &'a str,
    /// The whole file.
    pub text: &'a str,
    /// The files beside it: sub-playbooks and templates.
    pub files: &'a dyn Files,
}

impl<'a> Source<'a> {
    /// A playbook without other files beside it.
    pub fn new(name: &'a str, text: &'a str) -> Self {
        Source { name, text, files: &NoFiles }
    }

    /// The same playbook among these files.
    #[must_use]
    pub fn among(self, files: &'a dyn Files) -> Self {
        Source { files, ..self }
    }
}

/// The files a playbook names, by their path from the folder of the playbook that was given first: `/` between
/// the parts, `..` only in front.
pub trait Files: Sync {
    /// The whole file, or a sentence that says why there is none.
    ///
    /// # Errors
    /// There is no such file, it is too large, or not UTF-8.
    fn read(&self, path: &str) -> Result<Arc<str>, String>;
}

/// No files at all.
#[derive(Debug, Clone, Copy)]
pub struct NoFiles;

impl Files for NoFiles {
    fn read(&self, path: &str) -> Result<Arc<str>, String> {
        Err(format!("there is no file {path}: this playbook was given without its folder"))
    }
}

impl Files for std::collections::BTreeMap<String, Arc<str>> {
    fn read(&self, path: &str) -> Result<Arc<str>, String> {
        self.get(path).cloned().ok_or_else(|| format!("there is no file {path}"))
    }
}

/// What the checker needs to know about actions.
pub trait Actions {
    /// What an action declares, if there is one of this name.
    fn spec(&self, name: &str) -> Option<Arc<Spec>>;
    /// Every name, for suggestions.
    fn names(&self) -> Vec<String>;
    /// The plugins there are, with what is wrong with them.
    fn plugins(&self) -> Vec<PluginFacts> {
        Vec::new()
    }
}

/// What checking a playbook gives.
#[derive(Debug)]
pub struct Checked {
    /// What runs; `None` if there is an error.
    pub plan: Option<plan::Plan>,
    /// Everything that was found, in the order of the file.
    pub diagnostics: Vec<Diagnostic>,
}

impl Checked {
    /// Whether there is an error among the diagnostics.
    pub fn has_errors(&self) -> bool {
        self.diagnostics.iter().any(|d| d.severity == Severity::Error)
    }
}

/// Checks a playbook with every file it names. Never panics and ends quickly, whatever the texts are; bytes become
/// text by [`crate::decode`].
pub fn check(source: Source<'_>, actions: &dyn Actions) -> Checked {
    let project = Project::new(source.name, actions, source.files);
    let (lowered, diagnostics) = one(source.text, "", &project);
    let failed = diagnostics.iter().any(|d| d.severity == Severity::Error);
    let plan = lowered.and_then(|(plan, _)| plan).filter(|_| !failed);
    let plan = plan.map(|plan| plan::Plan { files: project.texts(), ..plan });
    Checked { plan, diagnostics }
}

/// One file: what it lowers to, and what is wrong with it. The plan is worth nothing if there is an error.
pub(crate) fn one(
    text: &str,
    folder: &str,
    project: &Project<'_>,
) -> (Option<(Option<plan::Plan>, Face)>, Vec<Diagnostic>) {
    let refused = |problems| (None, sorted(problems, &Places::without_tree(text)));
    let problems = text::problems(text);
    if !problems.is_empty() {
        return refused(problems);
    }
    let problems = scan::problems(text);
    if !problems.is_empty() {
        return refused(problems);
    }
    let tree = match tree::parse(text) {
        Ok(tree) => tree,
        Err(error) => return refused(vec![syntax(&error, text)]),
    };
    let mut sink = Sink::default();
    keys(&tree, &mut sink);
    let lowered = if matches!(tree.root.kind, Kind::Null) {
        sink.push(empty(text));
        None
    } else {
        lower::playbook(text, folder, &tree.root, project, &mut sink)
    };
    let mut problems = sink.into_inner();
    if problems.is_empty() {
        return (lowered, Vec::new());
    }
    let places = Places::new(text, &tree.root);
    problems.retain(|raw| lower::is_certain(raw, &places));
    (lowered, sorted(problems, &places))
}

fn sorted(problems: Vec<Raw>, places: &Places<'_>) -> Vec<Diagnostic> {
    let mut all: Vec<Diagnostic> = problems.into_iter().map(|raw| places.resolve(raw)).collect();
    all.sort_by_key(|d| d.labels.first().map(|l| l.start));
    all.dedup();
    all
}

fn empty(text: &str) -> Raw {
    let what = if text.trim().is_empty() { "the file is empty" } else { "the file has nothing but comments" };
    Raw::error(codes::EMPTY, what)
        .at(0..0, "")
        .help("a playbook starts with `playbook: 1`, `id:` and `steps:`")
}

fn keys(tree: &Tree, sink: &mut Sink) {
    for problem in &tree.problems {
        sink.push(match problem {
            KeyProblem::Duplicate { key, first, text } => {
                Raw::error(codes::DUPLICATE_KEY, format!("the key `{}` stands twice", text::shown(text)))
                    .node(*key, "again here")
                    .node(*first, "first here")
                    .help("remove one of them")
            }
            KeyProblem::NotText { key, what } => {
                Raw::error(codes::KEY_NOT_TEXT, format!("a key must be text, this is {what}"))
                    .node(*key, "")
                    .help("put the key in quotes")
            }
            KeyProblem::Merge { key } => {
                Raw::error(codes::MERGE_KEY, "merge keys are not allowed in a playbook")
                    .node(*key, "copies keys from elsewhere")
                    .help("write the keys out")
            }
        });
    }
}

/// The parser's error with a place, and without the place in its words.
fn syntax(error: &serde_yaml::Error, source: &str) -> Raw {
    // At the end of the file, the last line with something on it says more than the empty one after it.
    let at = error.location().map_or(0, |l| l.index()).min(source.trim_end().len());
    let message = error.to_string();
    if message.contains(tree::TOO_MANY) {
        return Raw::error(codes::TOO_LARGE, format!("more than {MAX_NODES} values"))
            .at(at..at + 1, "one too many")
            .help("move large data into an input, or split the playbook");
    }
    if message.contains(tree::TOO_DEEP) || message.contains("recursion limit") {
        return scan::too_deep().at(at..at + 1, "one level too many");
    }
    if message.contains(tree::TAGGED) {
        return Raw::error(codes::TAG, "tags are not allowed in a playbook").at(at..at + 1, "");
    }
    if message.contains(tree::ODD_KEY) {
        return Raw::error(codes::KEY_NOT_TEXT, "a key must be text, this is a list or mapping")
            .at(at..at + 1, "");
    }
    let said = message.split(" at line ").next().unwrap_or(&message);
    let raw = Raw::error(codes::SYNTAX, format!("not valid YAML: {said}"))
        .at(at..at + 1, "the parser stopped here");
    raw.maybe_help(hint(said))
}

fn hint(said: &str) -> Option<&'static str> {
    const HINTS: [(&str, &str); 8] = [
        (
            "mapping values are not allowed",
            "a value that contains `: ` needs quotes; or the indentation is off",
        ),
        ("did not find expected key", "the indentation is off, or a value needs quotes"),
        ("did not find expected '-' indicator", "the indentation of the list is off"),
        ("did not find expected ',' or", "a bracket is not closed, or a value between brackets needs quotes"),
        ("while scanning a quoted scalar", "a quote is not closed"),
        ("unexpected end of stream", "a quote or bracket is not closed"),
        ("could not find expected ':'", "a key needs a `:` behind it, or the line above a quote at its end"),
        ("cannot start any token", "a value that starts with `@`, `` ` `` or `%` needs quotes"),
    ];
    HINTS.iter().find(|(part, _)| said.contains(part)).map(|(_, hint)| *hint)
}
