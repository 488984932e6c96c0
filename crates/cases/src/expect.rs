//! Expectations, and what of them can be found wrong before a run.
//!
//! A misspelt step, action, output or mailbox would make an expectation that fails for the wrong reason, or, in
//! `size(calls("mail.dlete")) == 0`, one that holds for the wrong reason. That something may be missing or null
//! is no mistake here: then the expectation does not hold.

use std::collections::BTreeMap;

use expr::{Expr, NameError, Problem, Severity, Type, TypeScope, codes, nearest};
use plan::{Plan, StepKind};
use playbook::Actions;
use serde::Deserialize;

use crate::seen::State;
use crate::sites::{SiteKind, Sites, still};

/// Words that look something up: `calls("mail.delete")`, `mailbox("alice@corp.example")`.
const LOOKUPS: [&str; 2] = ["calls", "mailbox"];

/// The code of a name that is not there; a case has no pages of codes, so it is not shown.
const CODE: &str = "P0301";

/// One thing that has to be true in the end.
#[derive(Debug, Clone)]
pub struct Expectation(pub(crate) Expr);

impl Expectation {
    /// Whether it names this root, e.g. `mailbox()`.
    pub fn names(&self, root: &str) -> bool {
        self.0.references().iter().any(|reference| reference.path.first().is_some_and(|name| name == root))
    }
}

impl<'de> Deserialize<'de> for Expectation {
    fn deserialize<D: serde::Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        let text = match serde_json::Value::deserialize(from)? {
            serde_json::Value::String(text) => text,
            serde_json::Value::Bool(constant) => constant.to_string(),
            _ => {
                return Err(serde::de::Error::custom(
                    "an expectation is a text; put quotes around it, because a colon in it means something to YAML",
                ));
            }
        };
        parse(&text).map(Expectation).map_err(serde::de::Error::custom)
    }
}

/// Parses an expectation, or a part of one.
pub(crate) fn parse(text: &str) -> Result<Expr, String> {
    Expr::parse_with_lookups(text, &LOOKUPS).map_err(|error| {
        let column = text.get(..error.span.start).map_or(0, |before| before.chars().count()) + 1;
        format!("`{text}` is not an expression: {error} (character {column})")
    })
}

/// The types of everything an expectation can name.
pub(crate) struct Known<'a> {
    sites: &'a Sites,
    actions: &'a dyn Actions,
    roots: BTreeMap<String, Type>,
}

impl<'a> Known<'a> {
    /// `world` are names that only the surroundings of a run know, such as `ledger` and `mailbox()`.
    pub(crate) fn new(
        plan: &Plan,
        sites: &'a Sites,
        actions: &'a dyn Actions,
        world: &BTreeMap<String, Type>,
    ) -> Self {
        let words = |words: &[&str]| Type::one_of(words.iter().map(|word| (*word).to_owned()));
        let outputs =
            plan.outputs.iter().map(|output| (output.name.clone(), Type::from_schema(&output.schema)));
        let run = [
            ("status", words(&["succeeded", "failed", "cancelled", "unknown", "waiting"])),
            ("failure", Type::string()),
            ("error", error_type()),
        ];
        let mut roots = world.clone();
        roots.insert("run".to_owned(), closed(run));
        roots.insert("outputs".to_owned(), Type::closed(outputs));
        roots.insert("waiting".to_owned(), Type::list(Type::string()));
        roots.insert("calls".to_owned(), Type::list(call_type(Type::any(), Type::any())));
        Known { sites, actions, roots }
    }

    /// What is wrong with an expectation, as sentences.
    pub(crate) fn problems(&self, expectation: &Expectation) -> Vec<String> {
        let (ty, problems) = expectation.0.check(self);
        let source = expectation.0.source();
        let mut found: Vec<String> = problems
            .iter()
            .filter(|problem| is_sure(problem))
            .map(|problem| {
                let help = problem.help.as_ref().map(|help| format!(" ({help})")).unwrap_or_default();
                format!("`{source}`: {}{help}", problem.message)
            })
            .collect();
        if found.is_empty() && ty.assignable_to(&Type::bool()).is_err() {
            found.push(format!("`{source}` gives {ty}, which is not true or false"));
        }
        found
    }

    fn step(&self, name: &str) -> Result<Type, NameError> {
        let plain = still(name);
        let path =
            if self.sites.at(&plain).is_some() { Some(plain.as_str()) } else { self.sites.path_of(&plain) };
        let Some((path, site)) = path.and_then(|path| Some((path, self.sites.at(path)?))) else {
            let near = nearest(&plain, self.sites.ids());
            return Err(NameError {
                message: format!("the playbook has no step `{name}`"),
                help: near.map(|near| format!("did you mean `{near}`?")),
                segment: 1,
                code: CODE,
            });
        };
        if site.looped && name == plain {
            return Err(NameError {
                message: format!("the step `{name}` runs in a loop"),
                help: Some(format!("name the round, e.g. `steps[\"{}\"]`", with_numbers(self.sites, path))),
                segment: 1,
                code: CODE,
            });
        }
        let output = match &site.kind {
            SiteKind::Call(action) => {
                self.actions.spec(action).map_or(Type::any(), |spec| Type::from_schema(&spec.output))
            }
            _ => Type::any(),
        };
        let states = Type::one_of(State::ALL.into_iter().map(str::to_owned));
        Ok(closed([
            ("status", states),
            ("output", output),
            ("failed", Type::list(Type::any())),
            ("error", error_type()),
        ]))
    }

    fn calls(&self, action: &str) -> Result<Type, NameError> {
        let Some(spec) = self.actions.spec(action) else {
            let names = self.actions.names();
            let near = nearest(action, names.iter().map(String::as_str));
            return Err(NameError {
                message: format!("there is no action `{action}`"),
                help: near.map(|near| format!("did you mean `{near}`?")),
                segment: 1,
                code: CODE,
            });
        };
        Ok(Type::list(call_type(Type::from_schema(&spec.input), Type::from_schema(&spec.output))))
    }

    fn root(&self, path: &[&str]) -> Result<(usize, Type), NameError> {
        let name = path.first().copied().unwrap_or_default();
        if let Some(ty) = self.roots.get(name) {
            return match (name.strip_suffix("()"), path.get(1)) {
                // Looked up by a name that is known before the run, or is not there at all.
                (Some(word), Some(&wanted)) if !ty.is_any() => match ty.field(wanted) {
                    Some(expr::Lookup::Present(ty)) => Ok((2, ty)),
                    _ => Err(NameError {
                        message: format!("there is no {word} `{wanted}`"),
                        help: nearest(wanted, ty.field_names()).map(|near| format!("did you mean `{near}`?")),
                        segment: 1,
                        code: CODE,
                    }),
                },
                _ => Ok((1, ty.clone())),
            };
        }
        let all = self.roots.keys().map(String::as_str).chain(["steps"]).filter(|name| !name.ends_with("()"));
        let all: Vec<&str> = all.collect();
        let help = match nearest(name, all.iter().copied()) {
            Some(near) => format!("did you mean `{near}`?"),
            None => format!("there are: {}", all.join(", ")),
        };
        Err(NameError { message: format!("there is no `{name}`"), help: Some(help), segment: 0, code: CODE })
    }
}

impl TypeScope for Known<'_> {
    fn resolve(&self, path: &[&str]) -> Result<(usize, Type), NameError> {
        match path {
            ["calls()", action, ..] => Ok((2, self.calls(action)?)),
            ["steps", name, ..] => Ok((2, self.step(name)?)),
            ["steps"] => Ok((1, Type::map(Type::any()))),
            _ => self.root(path),
        }
    }
}

/// Mistakes that no run can heal. What may be null or missing is for the run to show.
fn is_sure(problem: &Problem) -> bool {
    let sure = [CODE, codes::NO_MEMBER, codes::NO_FUNCTION, codes::ARGUMENT_COUNT, codes::NEVER_EQUAL];
    problem.severity == Severity::Error && sure.contains(&problem.code)
}

fn closed<const N: usize>(fields: [(&str, Type); N]) -> Type {
    Type::closed(fields.into_iter().map(|(name, ty)| (name.to_owned(), ty)))
}

fn error_type() -> Type {
    closed([("kind", Type::string()), ("message", Type::string())])
}

fn call_type(input: Type, output: Type) -> Type {
    closed([
        ("action", Type::string()),
        ("input", input),
        ("path", Type::string()),
        ("attempt", Type::int()),
        ("output", output),
        ("error", error_type()),
    ])
}

/// A static path with the first round of every loop on the way.
fn with_numbers(sites: &Sites, path: &str) -> String {
    let mut out = String::new();
    let mut so_far = String::new();
    for part in path.split('/') {
        let before = sites.at(&so_far).map(|site| site.looped);
        so_far = crate::sites::child(&so_far, part);
        let now = sites.at(&so_far).map(|site| site.looped);
        if before == Some(false) && now == Some(true) {
            out.push_str("[0]");
        }
        if !out.is_empty() {
            out.push('/');
        }
        out.push_str(part);
    }
    out
}

/// Answers and stubs that name what is not there, and stubs that answer what the action could not.
pub(crate) fn case_problems(case: &crate::Case, plan: &Plan, actions: &dyn Actions) -> Vec<String> {
    let mut problems = Vec::new();
    let names = actions.names();
    for (action, stub) in &case.with.stubs {
        match actions.spec(action) {
            Some(spec) => problems.extend(stub.problems(&spec)),
            None => {
                let near = nearest(action, names.iter().map(String::as_str));
                let help = near.map(|near| format!("; did you mean `{near}`?")).unwrap_or_default();
                problems.push(format!("it has a stub for `{action}`, and there is no such action{help}"));
            }
        }
    }
    for name in case.with.inputs.keys().filter(|name| plan.inputs.iter().all(|input| input.name != **name)) {
        let known = plan.inputs.iter().map(|input| input.name.as_str());
        let help = nearest(name, known).map(|near| format!("; did you mean `{near}`?")).unwrap_or_default();
        problems.push(format!("the playbook has no input `{name}`{help}"));
    }
    for signal in &case.with.signals {
        let mut events = Vec::new();
        events_of(&plan.steps, &mut events);
        if !events.iter().any(|event| *event == signal.event) {
            let near = nearest(&signal.event, events.iter().copied());
            let help = near.map(|near| format!("; did you mean `{near}`?")).unwrap_or_default();
            problems.push(format!("no step waits for an event `{}`{help}", signal.event));
        }
    }
    problems
}

fn events_of<'p>(steps: &'p [plan::Step], events: &mut Vec<&'p str>) {
    for step in steps {
        if let StepKind::Wait(plan::Wait::Event(wait)) = &step.kind {
            events.push(&wait.event);
        }
        for inside in crate::sites::inside(step) {
            events_of(inside.steps, events);
        }
    }
}
