//! The names of a place, resolved for the expression checker.

use std::cell::{Cell, RefCell};
use std::collections::{BTreeSet, HashMap};

use expr::{Facts, NameError, Type, TypeScope, nearest};

use super::outline::{Outline, Place, StepInfo, StepIx};
use crate::codes;
use crate::source::tree::Id;

/// What a finished step offers. Filled in when the step has been checked.
#[derive(Debug, Clone, Default)]
pub(crate) struct StepTypes {
    pub(crate) output: Option<Type>,
    pub(crate) failed: Option<Type>,
    /// The members of the output that tell what failed although the step succeeds.
    pub(crate) tells: Vec<String>,
}

/// Everything that is known about names while the checker walks through the playbook.
#[derive(Debug, Default)]
pub(crate) struct Names {
    pub(crate) outline: Outline,
    /// By step.
    pub(crate) types: Vec<StepTypes>,
    pub(crate) inputs: Vec<(String, Type)>,
    pub(crate) vars: Vec<(String, Type)>,
    pub(crate) secrets: Vec<(String, Type)>,
    pub(crate) triggers: Triggers,
    /// Where inputs, constants and secrets are declared, by their path.
    pub(crate) declared: HashMap<String, Id>,
    /// Loop variables, states, `error`, `event` and `message`, innermost last.
    pub(crate) variables: Vec<(String, Type)>,
    /// What the conditions around the place prove.
    pub(crate) facts: Facts,
    /// Inside a `set`: what it has computed so far.
    pub(crate) siblings: Option<Siblings>,
    /// What stands around the place, outermost first.
    pub(crate) here: Vec<Place>,
    /// The block step whose inner steps have all ended: its `output` is being looked at.
    pub(crate) closing: Option<StepIx>,
    /// The step whose `then` is being looked at: it has ended.
    pub(crate) ended: Option<StepIx>,
    /// When the expression is looked at.
    pub(crate) stage: Stage,
    /// What is computed after a step's own work (`output`, `next`, `then`): no approval has to show it.
    pub(crate) afterwards: bool,
    /// Which step reads which one's output.
    pub(crate) reads: RefCell<BTreeSet<Read>>,
    pub(crate) current: Option<StepIx>,
}

/// When an expression is looked at, which decides what there is to name.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(crate) enum Stage {
    /// Before there is a run: only the mail that may start one.
    Filter,
    /// Before the first step.
    Start,
    #[default]
    Run,
}

/// One use of a step's output.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Read {
    /// `None` is the playbook itself.
    pub(crate) by: Option<StepIx>,
    pub(crate) of: StepIx,
    /// The list of failed items, or what of the output tells of them.
    pub(crate) failed: bool,
    /// See [`Names::afterwards`].
    pub(crate) afterwards: bool,
}

/// The declared triggers.
#[derive(Debug, Default)]
pub(crate) struct Triggers {
    /// By id, what `trigger` is.
    pub(crate) all: Vec<(String, Type)>,
    /// Whether an expression asks for one.
    pub(crate) used: Cell<bool>,
}

/// The fields of one `set`.
#[derive(Debug, Default)]
pub(crate) struct Siblings {
    /// In order, as far as they are checked.
    pub(crate) known: Vec<(String, Type)>,
    /// Every name, also of those that come later.
    pub(crate) all: Vec<String>,
}

type Resolved = Result<(usize, Type), NameError>;

pub(super) fn error(
    code: &'static str,
    segment: usize,
    message: impl Into<String>,
    help: Option<String>,
) -> NameError {
    NameError { message: message.into(), help, segment, code }
}

fn did_you_mean<'c>(name: &str, known: impl IntoIterator<Item = &'c str>) -> Option<String> {
    nearest(name, known).map(|near| format!("did you mean `{near}`?"))
}

impl TypeScope for Names {
    fn resolve(&self, path: &[&str]) -> Resolved {
        self.resolve_where(path, &self.facts)
    }

    fn facts(&self) -> Facts {
        self.facts.clone()
    }

    fn resolve_where(&self, path: &[&str], known: &Facts) -> Resolved {
        let Some(first) = path.first() else {
            return Err(error(codes::UNKNOWN_NAME, 0, "a name is missing", None));
        };
        if let Some((_, ty)) = self.variables.iter().rev().find(|(name, _)| name == first) {
            return Ok((1, ty.clone()));
        }
        match *first {
            name if self.stage == Stage::Filter => Err(self.not_yet(name)),
            "steps" if self.stage == Stage::Run => self.step(path, known),
            "inputs" => self.member(path, "input", &self.inputs),
            "vars" => self.member(path, "constant", &self.vars),
            "secrets" => self.member(path, "secret", &self.secrets),
            "trigger" => self.trigger(known),
            "run" => Ok((1, self.run_type())),
            "self" => self.sibling(path),
            name => Err(self.unknown(name)),
        }
    }
}

impl Names {
    fn unknown(&self, name: &str) -> NameError {
        let nothing = format!("there is no name `{name}`");
        let known = [("input", "inputs", &self.inputs), ("constant", "vars", &self.vars)];
        let declared = known.iter().find(|(_, _, all)| all.iter().any(|(known, _)| known == name));
        let help = match name {
            "error" => Some(
                "`error` is known in `catch` and `on_error`; a step's own is `steps.ID.error`".to_owned(),
            ),
            "event" => Some("`event` is known in the `match` of a `wait`".to_owned()),
            "steps" => Some("no step has run yet when this is needed".to_owned()),
            _ if self.outline.find(name).is_some() => {
                Some(format!("a step is written `steps.{name}.output`"))
            }
            _ => declared.map(|(what, path, _)| {
                let article = if *what == "input" { "an" } else { "a" };
                format!("{article} {what} is written `{path}.{name}`")
            }),
        };
        if help.is_some() {
            return error(codes::UNKNOWN_NAME, 0, nothing, help);
        }
        let mut all: Vec<&str> = self.variables.iter().map(|(name, _)| name.as_str()).collect();
        all.push("inputs");
        let optional = [
            ("vars", !self.vars.is_empty()),
            ("secrets", !self.secrets.is_empty()),
            ("trigger", !self.triggers.all.is_empty()),
            ("steps", self.stage == Stage::Run),
            ("run", true),
        ];
        all.extend(optional.into_iter().filter(|(_, is)| *is).map(|(name, _)| name));
        let help = did_you_mean(name, all.iter().copied())
            .unwrap_or_else(|| format!("known here: {}", all.join(", ")));
        error(codes::UNKNOWN_NAME, 0, nothing, Some(help))
    }

    /// `run` in expressions. What is decided before it starts knows no time.
    fn run_type(&self) -> Type {
        let mut members = vec![("id".to_owned(), Type::string()), ("starter".to_owned(), Type::string())];
        if self.stage == Stage::Run {
            members.push(("started_at".to_owned(), Type::format("date-time")));
        }
        Type::closed(members)
    }

    fn not_yet(&self, name: &str) -> NameError {
        let known: Vec<&str> = self.variables.iter().map(|(name, _)| name.as_str()).collect();
        let help = format!("there is no run yet; known here: {}", known.join(", "));
        error(codes::UNKNOWN_NAME, 0, format!("there is no name `{name}`"), Some(help))
    }

    /// `trigger`: all of the only one, or of the one that a condition names; otherwise what they have in common.
    fn trigger(&self, known: &Facts) -> Resolved {
        let Triggers { all, used } = &self.triggers;
        used.set(true);
        let named = || all.iter().find(|(id, _)| known.equals(&["trigger", "id"], id));
        match all.as_slice() {
            [] => Err(error(
                codes::UNKNOWN_NAME,
                0,
                "the playbook declares no triggers",
                Some("declare one under `triggers`, or use `inputs`".to_owned()),
            )),
            [(_, only)] => Ok((1, only.clone())),
            several => Ok((1, named().map_or_else(|| in_common(several), |(_, ty)| ty.clone()))),
        }
    }

    fn member(&self, path: &[&str], what: &str, known: &[(String, Type)]) -> Resolved {
        let Some(name) = path.get(1) else {
            let whole = known.iter().cloned();
            return Ok((1, Type::closed(whole)));
        };
        if let Some((_, ty)) = known.iter().find(|(known, _)| known == name) {
            return Ok((2, ty.clone()));
        }
        let help = did_you_mean(name, known.iter().map(|(name, _)| name.as_str())).or_else(|| {
            let all: Vec<&str> = known.iter().map(|(name, _)| name.as_str()).collect();
            Some(if all.is_empty() {
                format!("the playbook declares no {what}s")
            } else {
                format!("declared: {}", all.join(", "))
            })
        });
        Err(error(codes::UNKNOWN_NAME, 1, format!("there is no {what} `{name}`"), help))
    }

    fn sibling(&self, path: &[&str]) -> Resolved {
        let Some(Siblings { known, all }) = &self.siblings else {
            let help = Some("other steps are written `steps.ID.output`".to_owned());
            return Err(error(codes::UNKNOWN_NAME, 0, "`self` is known inside `set` only", help));
        };
        match path.get(1) {
            Some(name) if all.iter().any(|n| n == name) && !known.iter().any(|(n, _)| n == name) => {
                let help = Some("fields are computed in the order of the file; move it up".to_owned());
                Err(error(codes::NOT_FINISHED, 1, format!("the field `{name}` is not computed yet"), help))
            }
            _ => self.member(path, "field", known),
        }
    }

    fn step(&self, path: &[&str], known: &Facts) -> Resolved {
        let outline = &self.outline;
        let Some(id) = path.get(1) else {
            return Err(error(
                codes::UNKNOWN_NAME,
                0,
                "`steps` is no value by itself",
                Some("write `steps.ID.output`".into()),
            ));
        };
        let found = outline.find(id).and_then(|ix| Some((ix, outline.steps.get(ix)?)));
        let Some((ix, info)) = found else {
            let help = did_you_mean(id, outline.ids());
            return Err(error(codes::UNKNOWN_STEP, 1, format!("there is no step `{id}`"), help));
        };
        let doubt = self.in_sight(ix, info)?;
        let types = self.types.get(ix).cloned().unwrap_or_default();
        match path.get(2).copied() {
            Some("status") => {
                let words = ["succeeded", "failed", "skipped", "pending"];
                Ok((3, Type::one_of(words.into_iter().map(str::to_owned))))
            }
            Some("output") => {
                let Some(output) = types.output else { return Err(self.no_output(info)) };
                self.surely(ix, info, doubt, known)?;
                // Whoever takes the whole output takes that, too.
                let told = !types.tells.is_empty()
                    && path.get(3).is_none_or(|field| types.tells.iter().any(|name| name == field));
                self.read(ix, told);
                Ok((3, output))
            }
            Some("failed") => match types.failed {
                Some(failed) => {
                    self.surely(ix, info, doubt, known)?;
                    self.read(ix, true);
                    Ok((3, failed))
                }
                None => Err(error(
                    codes::NO_OUTPUT,
                    2,
                    format!("the step `{id}` collects no failed items"),
                    Some("only a `foreach` with `on_item_error: collect` does".into()),
                )),
            },
            Some("error") => self.failure(info, doubt.is_some(), known),
            Some(other) => {
                let known = ["output", "status", "error", "failed"];
                let help = did_you_mean(other, known).unwrap_or_else(|| {
                    let inside = types.output.is_some_and(|t| t.field_names().contains(&other));
                    if inside {
                        format!("write `steps.{id}.output.{other}`")
                    } else {
                        format!("a step has: {}", known.join(", "))
                    }
                });
                Err(error(codes::UNKNOWN_NAME, 2, format!("a step has no `{other}`"), Some(help)))
            }
            None => {
                let help = format!("write `steps.{id}.output` or `steps.{id}.status`");
                Err(error(
                    codes::UNKNOWN_NAME,
                    1,
                    format!("the step `{id}` is no value by itself"),
                    Some(help),
                ))
            }
        }
    }

    fn no_output(&self, info: &StepInfo) -> NameError {
        let help = match info.verb {
            "foreach" => "add `output: ${{ ... }}` to the loop: what each item gives".to_owned(),
            "switch" | "try" => {
                "give every part an `output`, or use the outputs of the steps inside".to_owned()
            }
            "parallel" | "dag" => {
                "add `output: ${{ ... }}`, or use the outputs of the steps inside".to_owned()
            }
            _ => "only its `status` can be used".to_owned(),
        };
        error(codes::NO_OUTPUT, 2, format!("the step `{}` has no output", info.id), Some(help))
    }

    fn failure(&self, info: &StepInfo, handled: bool, known: &Facts) -> Resolved {
        if !info.may_fail && !handled {
            let help =
                "the run ends when it fails; `on_error: continue` on that step makes its error a value";
            return Err(error(
                codes::NO_OUTPUT,
                2,
                format!("the step `{}` never has an error here", info.id),
                Some(help.into()),
            ));
        }
        if !known.equals(&["steps", &info.id, "status"], "failed") {
            let help = format!("use it under `if: ${{{{ steps.{}.status == \"failed\" }}}}`", info.id);
            return Err(error(
                codes::MAY_NOT_HAVE_RUN,
                2,
                format!("the step `{}` has an error only if it failed", info.id),
                Some(help),
            ));
        }
        Ok((3, error_type()))
    }

    /// Whether the step has surely succeeded, as far as conditions show.
    fn surely(
        &self,
        ix: StepIx,
        info: &StepInfo,
        doubt: Option<&'static str>,
        known: &Facts,
    ) -> Result<(), NameError> {
        let Some(why) = self.why_unsure(ix, doubt, known) else { return Ok(()) };
        let help = format!(
            "use it under `steps.{}.status == \"succeeded\"`: in an `if` around it, or before `&&` or `?`",
            info.id
        );
        Err(error(
            codes::MAY_NOT_HAVE_RUN,
            1,
            format!("the step `{}` may have no output: {why}", info.id),
            Some(help),
        ))
    }

    /// Where the value at a path comes from, and how to say so.
    pub(crate) fn origin(&self, path: &[String]) -> Option<(Id, &'static str)> {
        let name = path.get(1)?;
        if path.first().is_some_and(|first| first == "steps") {
            let step = self.outline.steps.get(self.outline.find(name)?)?;
            let reads = self.current.is_some_and(|ix| self.outline.find(name) == Some(ix));
            return (!reads).then_some((step.at, "comes from here"));
        }
        Some((*self.declared.get(&format!("{}.{name}", path.first()?))?, "declared here"))
    }

    /// Notes that the output of a step is used.
    fn read(&self, of: StepIx, failed: bool) {
        let read = Read { by: self.current, of, failed, afterwards: self.afterwards };
        self.reads.borrow_mut().insert(read);
    }
}

/// The members that every trigger has, and `id` as the choice among them.
fn in_common(triggers: &[(String, Type)]) -> Type {
    let mut fields: Vec<(String, Type)> = Vec::new();
    let Some((_, first)) = triggers.first() else { return Type::any() };
    for (name, _) in first.fields() {
        let types: Option<Vec<Type>> = triggers
            .iter()
            .map(|(_, ty)| match ty.field(name) {
                Some(expr::Lookup::Present(ty)) => Some(ty),
                _ => None,
            })
            .collect();
        if let Some(types) = types {
            fields.push((name.to_owned(), Type::union(types)));
        }
    }
    Type::closed(fields)
}

/// `steps.ID.error` in expressions. What a server says is not ours.
pub(crate) fn error_type() -> Type {
    Type::closed([
        ("kind".to_owned(), Type::one_of(plan::FailureKind::ALL.into_iter().map(|k| k.as_str().to_owned()))),
        ("message".to_owned(), Type::string().with_untrusted()),
    ])
}

/// `error` in handlers: as the failed step's, and which step it was.
pub(crate) fn handler_error(kinds: Option<&[plan::FailureKind]>) -> Type {
    let all = plan::FailureKind::ALL;
    let kinds = kinds.unwrap_or(&all).iter().map(|k| k.as_str().to_owned());
    Type::closed([
        ("kind".to_owned(), Type::one_of(kinds)),
        ("message".to_owned(), Type::string().with_untrusted()),
        ("step".to_owned(), Type::string()),
    ])
}
