//! Every function that an expression may call: one table, from which evaluation, checking, messages and the
//! reference documentation are made.
//!
//! A function is pure: the same arguments give the same answer on every machine and every replay. So there is no
//! clock, no random and no look-up over a network here. A function charges the budget for what its arguments
//! make it do *before* it does it. Whether an untrusted argument leaves a function trusted is said by
//! [`Function::quotes`]: true only where the result cannot contain the attacker's own characters.

pub(crate) mod aqs;
mod calendar;
pub(crate) mod encoding;
pub(crate) mod forms;
pub(crate) mod lists;
pub(crate) mod net;
pub(crate) mod numbers;
mod pattern;
pub(crate) mod text;
pub(crate) mod time;

use crate::budget::{Budget, EvalError, EvalErrorKind};
use crate::source::Span;
use crate::types::Type;
use crate::val::{List, Map, Val};

pub(crate) use pattern::Pattern;

/// What the reference documentation says about a function or macro.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Entry {
    /// The name it is called by.
    pub name: &'static str,
    /// Parameters and result, in words.
    pub signature: &'static str,
    /// What it does, in one or two sentences.
    pub doc: &'static str,
    /// An expression that uses it.
    pub example: &'static str,
    /// The value of the example, as JSON text.
    pub result: &'static str,
}

/// A function of the table. `f(a, b)` and `a.f(b)` are the same call.
#[derive(Debug)]
pub(crate) struct Function {
    pub(crate) entry: Entry,
    pub(crate) params: &'static [Param],
    /// How many parameters may not be left out.
    pub(crate) required: usize,
    /// The last parameter may be repeated.
    pub(crate) variadic: bool,
    pub(crate) returns: fn(&[Type]) -> Type,
    /// The result of an untrusted argument is trusted.
    pub(crate) quotes: bool,
    /// The result is made of whole elements, which carry their own labels; only the label of the collection
    /// itself is passed on.
    pub(crate) structural: bool,
    pub(crate) name: &'static str,
    /// What the parameters alone cannot say about the arguments.
    pub(crate) check: Option<Check>,
    pub(crate) eval: Eval,
}

/// Looks at the name of the function and the types of its arguments, which fit the parameters.
pub(crate) type Check = fn(&'static str, &[Type]) -> Option<Complaint>;

/// What is wrong with one of the arguments.
pub(crate) struct Complaint {
    /// Which argument.
    pub(crate) at: usize,
    pub(crate) message: String,
    pub(crate) help: Option<String>,
}

pub(crate) type Eval = for<'a> fn(&mut Context<'_>, &[Val<'a>]) -> Result<Val<'a>, EvalError>;

impl Function {
    /// A function of fixed parameters; the rest is set with the methods below.
    pub(crate) const fn new(
        entry: Entry,
        params: &'static [Param],
        returns: fn(&[Type]) -> Type,
        eval: Eval,
    ) -> Function {
        Function {
            name: entry.name,
            entry,
            params,
            required: params.len(),
            variadic: false,
            returns,
            quotes: false,
            structural: false,
            check: None,
            eval,
        }
    }

    pub(crate) const fn required(mut self, required: usize) -> Function {
        self.required = required;
        self
    }

    pub(crate) const fn variadic(mut self) -> Function {
        self.variadic = true;
        self
    }

    pub(crate) const fn structural(mut self) -> Function {
        self.structural = true;
        self
    }

    pub(crate) const fn quotes(mut self) -> Function {
        self.quotes = true;
        self
    }

    pub(crate) const fn checked(mut self, check: Check) -> Function {
        self.check = Some(check);
        self
    }

    /// What is wrong with this number of arguments, if anything.
    pub(crate) fn arity_problem(&self, count: usize) -> Option<String> {
        let fits = count >= self.required && (self.variadic || count <= self.params.len());
        (!fits).then(|| {
            let wanted = match (self.required, self.params.len(), self.variadic) {
                (least, _, true) => format!("at least {least}"),
                (least, most, _) if least == most => least.to_string(),
                (least, most, _) => format!("{least} to {most}"),
            };
            let noun = if wanted == "1" || wanted.ends_with(" 1") { "argument" } else { "arguments" };
            format!("`{}` takes {wanted} {noun}, not {count}", self.name)
        })
    }

    pub(crate) fn param(&self, index: usize) -> Option<Param> {
        self.params.get(index).or_else(|| self.params.last().filter(|_| self.variadic)).copied()
    }
}

/// What a parameter accepts. The static types here and the conversions of [`Context`] say the same thing.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Param {
    Int,
    Number,
    Text,
    List,
    TextList,
    SortableList,
    Object,
    Sized,
    NumberOrNumbers,
    /// What has a text form: string, bool, number, timestamp, duration.
    Scalar,
    /// What has a number form: number, string, timestamp.
    Numeric,
    TextOrBool,
    TextOrTimestamp,
    TextOrDuration,
    Timestamp,
    TimestampOrDuration,
    NumberList,
    Any,
    /// What a field of a mail is compared with.
    Comparable,
    Restriction,
    RestrictionOrRestrictions,
}

impl Param {
    pub(crate) fn expected(self) -> Type {
        let union = |types: &[Type]| Type::union(types.iter().cloned());
        match self {
            Param::Int => Type::int(),
            Param::Number => Type::number(),
            Param::Text => Type::string(),
            Param::List => Type::list(Type::any()),
            Param::TextList => Type::list(Type::string()),
            Param::SortableList => union(
                &[Type::number(), Type::string(), Type::bool(), Type::timestamp(), Type::duration()]
                    .map(Type::list),
            ),
            Param::Object => Type::map(Type::any()),
            Param::Sized => union(&[Type::string(), Type::list(Type::any()), Type::map(Type::any())]),
            Param::NumberOrNumbers => union(&[Type::number(), Type::list(Type::number())]),
            Param::Scalar => {
                union(&[Type::string(), Type::bool(), Type::number(), Type::timestamp(), Type::duration()])
            }
            Param::Numeric => union(&[Type::number(), Type::string(), Type::timestamp()]),
            Param::TextOrBool => union(&[Type::string(), Type::bool()]),
            Param::TextOrTimestamp => union(&[Type::string(), Type::timestamp()]),
            Param::TextOrDuration => union(&[Type::string(), Type::duration()]),
            Param::Timestamp => Type::timestamp(),
            Param::TimestampOrDuration => union(&[Type::timestamp(), Type::duration()]),
            Param::NumberList => Type::list(Type::number()),
            Param::Any => Type::any(),
            Param::Comparable => union(&[Type::string(), Type::int(), Type::bool(), Type::timestamp()]),
            Param::Restriction => Type::restriction(),
            Param::RestrictionOrRestrictions => {
                union(&[Type::restriction(), Type::list(Type::restriction())])
            }
        }
    }
}

/// What a function is given besides its arguments.
pub(crate) struct Context<'b> {
    pub(crate) budget: &'b mut Budget,
    pub(crate) span: Span,
    pub(crate) pattern: Option<&'b Pattern>,
    pub(crate) name: &'static str,
}

impl Context<'_> {
    pub(crate) fn error(&self, kind: EvalErrorKind, message: impl Into<String>) -> EvalError {
        EvalError::new(kind, message, self.span)
    }

    pub(crate) fn conversion(&self, message: &str) -> EvalError {
        self.error(EvalErrorKind::Conversion, format!("`{}`: {message}", self.name))
    }

    pub(crate) fn wrong(&self, wanted: &str, found: Option<&Val<'_>>) -> EvalError {
        let found = found.map_or("nothing", Val::type_name);
        self.error(EvalErrorKind::Type, format!("`{}` needs {wanted}, this is {found}", self.name))
    }

    /// A text argument. Charges for reading it, because every function reads its texts from end to end.
    pub(crate) fn text<'v>(&mut self, args: &'v [Val<'_>], at: usize) -> Result<&'v str, EvalError> {
        match args.get(at) {
            Some(Val::Text(text)) => {
                self.budget.step(text.as_str().len() as u64 / 64, self.span)?;
                Ok(text.as_str())
            }
            other => Err(self.wrong("a string", other)),
        }
    }

    /// A list argument. Charges for going through it once.
    pub(crate) fn list<'v, 'a>(&mut self, args: &'v [Val<'a>], at: usize) -> Result<&'v List<'a>, EvalError> {
        match args.get(at) {
            Some(Val::List(list)) => {
                self.budget.step(list.len() as u64 / 2, self.span)?;
                Ok(list)
            }
            other => Err(self.wrong("a list", other)),
        }
    }

    pub(crate) fn object<'v, 'a>(
        &mut self,
        args: &'v [Val<'a>],
        at: usize,
    ) -> Result<&'v Map<'a>, EvalError> {
        match args.get(at) {
            Some(Val::Map(map)) => {
                self.budget.step(map.len() as u64 * 2, self.span)?;
                Ok(map)
            }
            other => Err(self.wrong("an object", other)),
        }
    }

    pub(crate) fn int(&self, args: &[Val<'_>], at: usize) -> Result<i64, EvalError> {
        args.get(at).and_then(Val::as_int).ok_or_else(|| self.wrong("an int", args.get(at)))
    }

    pub(crate) fn alloc(&mut self, bytes: usize) -> Result<(), EvalError> {
        self.budget.alloc(bytes, self.span)
    }

    /// A new string; what it allocates is charged here.
    pub(crate) fn give<'a>(&mut self, text: String) -> Result<Val<'a>, EvalError> {
        // The copy into shared memory has two counters and the overhead of an allocation.
        self.alloc(text.len() + 48)?;
        Ok(Val::text(text))
    }
}

/// The functions by what they are for, with the heading of the reference documentation.
const TABLES: [(&str, &[Function]); 8] = [
    ("Text", text::TABLE),
    ("Lists and objects", lists::TABLE),
    ("Numbers and conversions", numbers::TABLE),
    ("Times", time::TABLE),
    ("Parts and forms of times", calendar::TABLE),
    ("Addresses", net::TABLE),
    ("Encodings", encoding::TABLE),
    ("Searching mailboxes", aqs::TABLE),
];

fn all() -> impl Iterator<Item = &'static Function> {
    TABLES.into_iter().flat_map(|(_, table)| table)
}

pub(crate) fn find(name: &str) -> Option<&'static Function> {
    all().find(|function| function.name == name)
}

/// Whether functions are called `word.something`.
pub(crate) fn is_namespace(word: &str) -> bool {
    all().any(|function| function.name.split_once('.').is_some_and(|(space, _)| space == word))
}

/// Everything that can be called, for suggestions.
pub(crate) fn names() -> impl Iterator<Item = &'static str> {
    all().map(|function| function.name).chain(forms::FORMS.iter().map(|form| form.name))
}

/// Every function and macro with its documentation, functions first.
pub fn functions() -> impl Iterator<Item = &'static Entry> {
    all().map(|function| &function.entry).chain(forms::FORMS)
}

/// The same by heading, as the reference documentation has it.
pub fn function_groups() -> impl Iterator<Item = (&'static str, Vec<&'static Entry>)> {
    let tables = TABLES.into_iter().map(|(title, table)| (title, table.iter().map(|f| &f.entry).collect()));
    tables.chain([("Forms", forms::FORMS.iter().collect())])
}
