//! The files a playbook is made of: called playbooks and templates.
//!
//! Each is read once, whoever names it, and a called playbook is checked once. Paths are those from the folder of
//! the first playbook, so one file has one name; whether a path may leave that folder is the business of whoever
//! gives the files.

use std::cell::{Cell, RefCell};
use std::collections::{BTreeMap, HashMap};
use std::rc::Rc;
use std::sync::Arc;

use action_api::Validator;
use expr::Type;
use plan::Plan;

use super::Action;
use crate::check::{Actions, Files};
use crate::report::Diagnostic;

/// Calls inside of calls.
pub(crate) const MAX_CALLS: usize = 8;
/// Files that one playbook is made of.
const MAX_FILES: usize = 64;

/// What the check of one playbook with everything it calls has in common.
pub(crate) struct Project<'a> {
    pub(crate) actions: &'a dyn Actions,
    files: &'a dyn Files,
    /// Every file that was read.
    texts: RefCell<BTreeMap<String, Arc<str>>>,
    called: RefCell<HashMap<String, Arc<Callee>>>,
    /// The playbooks that are being checked, the first one first.
    pub(crate) open: RefCell<Vec<String>>,
    pub(super) known_actions: RefCell<HashMap<String, Option<Rc<Action>>>>,
    /// By action and input: compiling a schema costs more than everything else here.
    pub(super) validators: RefCell<Validators>,
    refused: Cell<bool>,
}

/// `None` where the schema cannot be compiled.
pub(super) type Validators = HashMap<(String, String), Option<Arc<Validator>>>;

/// A called playbook.
pub(crate) struct Callee {
    /// `None` if it has errors.
    pub(crate) plan: Option<Arc<Plan>>,
    pub(crate) face: Face,
    /// What is wrong with it.
    pub(crate) diagnostics: Vec<Diagnostic>,
}

/// A playbook as its caller sees it.
#[derive(Default)]
pub(crate) struct Face {
    pub(crate) inputs: Vec<(String, Type)>,
    /// The object of its outputs.
    pub(crate) output: Option<Type>,
    /// Actions that change something without an approval before them.
    pub(crate) ungated: Vec<String>,
    /// Actions that change something without a limit for the run as a whole.
    pub(crate) unlimited: Vec<String>,
    /// An expression asks for `trigger`.
    pub(crate) uses_trigger: bool,
}

impl<'a> Project<'a> {
    pub(crate) fn new(name: &str, actions: &'a dyn Actions, files: &'a dyn Files) -> Self {
        let own = name.rsplit(['/', '\\']).next().unwrap_or(name).to_owned();
        Project {
            actions,
            files,
            texts: RefCell::default(),
            called: RefCell::default(),
            open: RefCell::new(vec![own]),
            known_actions: RefCell::default(),
            validators: RefCell::default(),
            refused: Cell::new(false),
        }
    }

    /// The text of a file; the error is a sentence.
    pub(super) fn read(&self, path: &str) -> Result<Arc<str>, String> {
        if let Some(known) = self.texts.borrow().get(path) {
            return Ok(Arc::clone(known));
        }
        if self.texts.borrow().len() >= MAX_FILES {
            self.refused.set(true);
            return Err(format!("a playbook is made of at most {MAX_FILES} files"));
        }
        let text = self.files.read(path)?;
        self.texts.borrow_mut().insert(path.to_owned(), Arc::clone(&text));
        Ok(text)
    }

    pub(super) fn known(&self, path: &str) -> Option<Arc<Callee>> {
        self.called.borrow().get(path).cloned()
    }

    pub(super) fn remember(&self, path: &str, callee: Callee) -> Arc<Callee> {
        let callee = Arc::new(callee);
        self.called.borrow_mut().insert(path.to_owned(), Arc::clone(&callee));
        callee
    }

    /// Every file that was read, for the plan.
    pub(crate) fn texts(&self) -> BTreeMap<String, Arc<str>> {
        self.texts.borrow().clone()
    }
}

/// The folder of a file.
pub(crate) fn folder(path: &str) -> &str {
    path.rsplit_once('/').map_or("", |(folder, _)| folder)
}

/// A path that stands in a file of this folder, from the folder of the first playbook. The error says what is
/// wrong with it.
pub(super) fn join(folder: &str, written: &str) -> Result<String, &'static str> {
    if written.is_empty() {
        return Err("nothing is written here");
    }
    if written.contains('\\') {
        return Err("it has a `\\`; write `/` between folders");
    }
    let drive = written.as_bytes().get(1) == Some(&b':');
    if written.starts_with('/') || written.starts_with('~') || drive {
        return Err("it is absolute; begin at the folder of this file");
    }
    if written.contains("://") {
        return Err("it is a URL; a playbook is made of files");
    }
    if written.chars().any(char::is_control) {
        return Err("it has a control character");
    }
    let mut parts: Vec<&str> = folder.split('/').filter(|part| !part.is_empty()).collect();
    let mut named = false;
    for part in written.split('/') {
        match part {
            "" => return Err("it has an empty part"),
            "." => {}
            ".." if named => return Err("it goes up behind a name; `..` stands only at the beginning"),
            ".." => match parts.last() {
                Some(&last) if last != ".." => {
                    parts.pop();
                }
                _ => parts.push(".."),
            },
            name => {
                named = true;
                parts.push(name);
            }
        }
    }
    if named { Ok(parts.join("/")) } else { Err("it names a folder") }
}

#[cfg(test)]
mod tests {
    use super::join;

    #[test]
    fn paths_are_joined_and_go_up_only_in_front() {
        assert_eq!(join("", "a.yaml").as_deref(), Ok("a.yaml"));
        assert_eq!(join("", "./b/a.yaml").as_deref(), Ok("b/a.yaml"));
        assert_eq!(join("", "../b/a.yaml").as_deref(), Ok("../b/a.yaml"));
        assert_eq!(join("../b", "../c/a.yaml").as_deref(), Ok("../c/a.yaml"));
        assert_eq!(join("../b", "../../c/a.yaml").as_deref(), Ok("../../c/a.yaml"));
        assert_eq!(join("lib", "../a.yaml").as_deref(), Ok("a.yaml"));
        for wrong in
            ["", "/etc/passwd", "..", "a/../b", "a//b", "a\\b", "C:/x", "~/x", "http://x/y", "a\nb", "a/"]
        {
            assert!(join("", wrong).is_err(), "{wrong:?}");
        }
    }
}
