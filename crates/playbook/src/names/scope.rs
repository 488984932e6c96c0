//! The names of a place, resolved for the expression checker.

use std::cell::RefCell;
use std::collections::BTreeSet;

use expr::{NameError, Type, TypeScope, nearest};

use super::facts;
use super::outline::{BlockIx, BlockKind, Outline, StepInfo, StepIx};
use crate::codes;

/// What a finished step offers. Filled in when the step has been checked.
#[derive(Debug, Clone, Default)]
pub(crate) struct StepTypes {
    pub(crate) output: Option<Type>,
    pub(crate) failed: Option<Type>,
}

/// Everything that is known about names while the checker walks through the playbook.
#[derive(Debug, Default)]
pub(crate) struct Names {
    pub(crate) outline: Outline,
    /// By step.
    pub(crate) types: Vec<StepTypes>,
    pub(crate) inputs: Vec<(String, Type)>,
    /// Loop variables, innermost last.
    pub(crate) variables: Vec<(String, Type)>,
    /// What the conditions around the place prove.
    pub(crate) facts: Vec<String>,
    /// Inside a `set`: what it has computed so far.
    pub(crate) siblings: Option<Siblings>,
    pub(crate) block: BlockIx,
    pub(crate) index: usize,
    /// Which step reads which one's output, in the order of checking; the reader may be a block's own output.
    pub(crate) reads: RefCell<BTreeSet<(Option<StepIx>, StepIx)>>,
    pub(crate) current: Option<StepIx>,
}

/// The fields of one `set`.
#[derive(Debug, Default)]
pub(crate) struct Siblings {
    /// In order, as far as they are checked.
    pub(crate) known: Vec<(String, Type)>,
    /// Every name, also of those that come later.
    pub(crate) all: Vec<String>,
}

/// The names for one scalar.
pub(crate) struct View<'n> {
    pub(crate) names: &'n Names,
    /// The expressions of the scalar: they may hold conditions of their own.
    pub(crate) sources: Vec<&'n str>,
}

type Resolved = Result<(usize, Type), NameError>;

fn error(code: &'static str, segment: usize, message: impl Into<String>, help: Option<String>) -> NameError {
    NameError { message: message.into(), help, segment, code }
}

fn did_you_mean<'c>(name: &str, known: impl IntoIterator<Item = &'c str>) -> Option<String> {
    nearest(name, known).map(|near| format!("did you mean `{near}`?"))
}

impl TypeScope for View<'_> {
    fn resolve(&self, path: &[&str]) -> Resolved {
        let Some(first) = path.first() else {
            return Err(error(codes::UNKNOWN_NAME, 0, "a name is missing", None));
        };
        let names = self.names;
        if let Some((_, ty)) = names.variables.iter().rev().find(|(name, _)| name == first) {
            return Ok((1, ty.clone()));
        }
        match *first {
            "steps" => self.step(path),
            "inputs" => self.member(path, "input", &names.inputs),
            "run" => Ok((1, run_type())),
            "self" => self.sibling(path),
            name => Err(self.unknown(name)),
        }
    }
}

/// `run` in expressions.
fn run_type() -> Type {
    Type::closed([
        ("id".to_owned(), Type::string()),
        ("started_at".to_owned(), Type::format("date-time")),
        ("starter".to_owned(), Type::string()),
    ])
}

impl View<'_> {
    fn unknown(&self, name: &str) -> NameError {
        let names = self.names;
        if names.outline.find(name).is_some() {
            return error(
                codes::UNKNOWN_NAME,
                0,
                format!("there is no name `{name}`"),
                Some(format!("a step is written `steps.{name}.output`")),
            );
        }
        if names.inputs.iter().any(|(input, _)| input == name) {
            return error(
                codes::UNKNOWN_NAME,
                0,
                format!("there is no name `{name}`"),
                Some(format!("an input is written `inputs.{name}`")),
            );
        }
        let known = names.variables.iter().map(|(name, _)| name.as_str()).chain(["inputs", "steps", "run"]);
        let all: Vec<&str> = known.collect();
        let help = did_you_mean(name, all.iter().copied())
            .unwrap_or_else(|| format!("known here: {}", all.join(", ")));
        error(codes::UNKNOWN_NAME, 0, format!("there is no name `{name}`"), Some(help))
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
        let Some(Siblings { known, all }) = &self.names.siblings else {
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

    fn step(&self, path: &[&str]) -> Resolved {
        let outline = &self.names.outline;
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
        self.in_sight(ix, info)?;
        let types = self.names.types.get(ix).cloned().unwrap_or_default();
        match path.get(2).copied() {
            Some("status") => {
                let words = ["succeeded", "failed", "skipped"];
                Ok((3, Type::one_of(words.into_iter().map(str::to_owned))))
            }
            Some("output") => {
                let Some(output) = types.output else { return Err(self.no_output(info)) };
                self.surely(ix, info, "output")?;
                self.names.reads.borrow_mut().insert((self.names.current, ix));
                Ok((3, output))
            }
            Some("failed") => match types.failed {
                Some(failed) => {
                    self.surely(ix, info, "failed")?;
                    self.names.reads.borrow_mut().insert((self.names.current, ix));
                    Ok((3, failed))
                }
                None => Err(error(
                    codes::NO_OUTPUT,
                    2,
                    format!("the step `{id}` collects no failed items"),
                    Some("only a `foreach` with `on_item_error: collect` does".into()),
                )),
            },
            Some("error") => self.failure(info),
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
            "switch" | "parallel" => "use the outputs of the steps inside".to_owned(),
            _ => "only its `status` can be used".to_owned(),
        };
        error(codes::NO_OUTPUT, 2, format!("the step `{}` has no output", info.id), Some(help))
    }

    fn failure(&self, info: &StepInfo) -> Resolved {
        if !info.may_fail {
            let help =
                "the run ends when it fails; `on_error: continue` on that step makes its error a value";
            return Err(error(
                codes::NO_OUTPUT,
                2,
                format!("the step `{}` never has an error here", info.id),
                Some(help.into()),
            ));
        }
        let fact = facts::failed(&info.id);
        if !self.guarded(&format!("steps.{}.error", info.id), &|known| known.contains(&fact)) {
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

    /// Whether the step has surely ended before this place, one way or the other.
    fn in_sight(&self, ix: StepIx, info: &StepInfo) -> Result<(), NameError> {
        let outline = &self.names.outline;
        let id = &info.id;
        let here = outline.around(self.names.block, self.names.index);
        let mut inner: StepIx = ix;
        let mut step = info;
        loop {
            if let Some((_, index)) = here.iter().find(|(block, _)| *block == step.block) {
                return match step.index.cmp(index) {
                    std::cmp::Ordering::Less => Ok(()),
                    std::cmp::Ordering::Equal if inner == ix && self.names.current == Some(ix) => {
                        Err(error(codes::NOT_FINISHED, 1, format!("the step `{id}` uses itself"), None))
                    }
                    std::cmp::Ordering::Equal if inner == ix => Err(error(
                        codes::NOT_FINISHED,
                        1,
                        format!("the step `{id}` stands around this place and has not ended"),
                        None,
                    )),
                    std::cmp::Ordering::Equal => Err(self.sibling_block(id, inner)),
                    std::cmp::Ordering::Greater => {
                        let help = "a step can use only what stands above it; move one of the two".to_owned();
                        Err(error(codes::NOT_FINISHED, 1, format!("the step `{id}` runs later"), Some(help)))
                    }
                };
            }
            let block = outline.blocks.get(step.block);
            let Some((outer, owner)) =
                block.and_then(|b| b.step).and_then(|o| Some((o, outline.steps.get(o)?)))
            else {
                return Ok(());
            };
            if block.is_some_and(|b| b.kind == BlockKind::Item) {
                let help = if self.names.types.get(outer).is_some_and(|t| t.output.is_some()) {
                    format!("use the loop's list: `steps.{}.output`", owner.id)
                } else {
                    format!("give the loop `{}` an `output` and use `steps.{}.output`", owner.id, owner.id)
                };
                return Err(error(
                    codes::OUT_OF_SIGHT,
                    1,
                    format!("the step `{id}` runs once for every item of a loop"),
                    Some(help),
                ));
            }
            inner = outer;
            step = owner;
        }
    }

    fn sibling_block(&self, id: &str, owner: StepIx) -> NameError {
        let parallel = self.names.outline.steps.get(owner).is_some_and(|s| s.verb == "parallel");
        let (message, help) = if parallel {
            (
                format!("the step `{id}` runs at the same time, in another branch"),
                "use it after the `parallel` step, or put both into one branch",
            )
        } else {
            (format!("the step `{id}` belongs to another case"), "only one case of a `switch` runs")
        };
        error(codes::OUT_OF_SIGHT, 1, message, Some(help.to_owned()))
    }

    /// Whether the step has surely succeeded, as far as conditions show.
    fn surely(&self, ix: StepIx, info: &StepInfo, part: &str) -> Result<(), NameError> {
        let why = self.names.why_unsure(ix, &[]);
        let Some(why) = why else { return Ok(()) };
        let wanted = format!("steps.{}.{part}", info.id);
        if self.guarded(&wanted, &|known| self.names.why_unsure(ix, known).is_none()) {
            return Ok(());
        }
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

    fn guarded(&self, wanted: &str, enough: &dyn Fn(&[String]) -> bool) -> bool {
        let known = &self.names.facts;
        enough(known) || self.sources.iter().all(|source| facts::guarded(source, wanted, known, enough))
    }
}

impl Names {
    /// Why the output of a step may be missing at this place, under these further facts.
    fn why_unsure(&self, ix: StepIx, more: &[String]) -> Option<String> {
        let holds = |fact: &String| self.facts.contains(fact) || more.contains(fact);
        let here = self.outline.around(self.block, self.index);
        let mut next = Some(ix);
        while let Some(step) = next.and_then(|ix| self.outline.steps.get(ix)) {
            if holds(&facts::succeeded(&step.id)) && (next == Some(ix) || step.verb == "parallel") {
                return None;
            }
            let who = if next == Some(ix) { "it".to_owned() } else { format!("`{}` around it", step.id) };
            if step.may_fail {
                return Some(format!("{who} has `on_error: continue`"));
            }
            if !step.condition.iter().all(holds) {
                return Some(format!("{who} has an `if`"));
            }
            if here.iter().any(|(block, _)| *block == step.block) {
                return None;
            }
            let block = self.outline.blocks.get(step.block)?;
            if block.kind == BlockKind::Case {
                return Some("it stands in a case of a `switch`".to_owned());
            }
            next = block.step;
        }
        None
    }
}

/// `steps.ID.error` in expressions. What a server says is not ours.
pub(crate) fn error_type() -> Type {
    Type::closed([
        ("kind".to_owned(), Type::one_of(plan::FailureKind::ALL.into_iter().map(|k| k.as_str().to_owned()))),
        ("message".to_owned(), Type::string().with_untrusted()),
    ])
}
