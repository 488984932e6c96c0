//! Names, members, indexes and macros.

use super::facts::{index_key, into_member, key_of, member_key};
use super::{Checker, codes};
use crate::ast::{Kind, Macro, MacroKind, Node, Part, Segment};
use crate::functions;
use crate::scope::NameError;
use crate::source::Span;
use crate::suggest;
use crate::types::{Kind as K, Lookup, Type};

impl Checker<'_> {
    pub(super) fn path(&mut self, path: &[Segment]) -> Type {
        match self.resolve(path) {
            Some((taken, ty)) => self.walk(path, taken, ty),
            None => Type::any(),
        }
    }

    fn resolve(&mut self, path: &[Segment]) -> Option<(usize, Type)> {
        let names: Vec<&str> = path.iter().map(|s| s.name.as_str()).take(crate::scope::MAX_PATH).collect();
        match self.scope.resolve_where(&names, &self.facts) {
            Ok(found) => Some(found),
            Err(NameError { message, help, segment, code }) => {
                let whole = path.first().map_or(Span::default(), |s| s.span);
                let span = path.get(segment).map_or(whole, |s| s.span);
                let report = self.report(code, span, message);
                if let Some(help) = help {
                    report.help(help);
                }
                None
            }
        }
    }

    /// Walks the segments that the scope did not take.
    fn walk(&mut self, path: &[Segment], taken: usize, found: Type) -> Type {
        let mut key = String::new();
        let mut ty = found;
        for (at, segment) in path.iter().enumerate() {
            if at == 0 {
                key.push_str(&segment.name);
            } else {
                into_member(&mut key, &segment.name);
            }
            if at >= taken {
                ty = self.field(ty, segment, Some(&key), false);
            }
            if at + 1 >= taken {
                ty = self.apply_facts(ty, Some(&key));
            }
        }
        ty
    }

    /// The type of a member. `optional` asks for one that may be absent.
    fn field(&mut self, ty: Type, segment: &Segment, key: Option<&str>, optional: bool) -> Type {
        let whole = if optional { ty.without_null() } else { self.not_null(ty, segment.span) };
        if matches!(whole.kind, K::Never) {
            return Type::any().inside(&whole);
        }
        let mut found = Vec::new();
        let (mut possible, mut certain, mut declared) = (false, true, true);
        for member in whole.members() {
            match member.field(&segment.name) {
                Some(Lookup::Present(ty)) => found.push(ty),
                Some(Lookup::Optional(ty)) => {
                    certain = false;
                    found.push(ty);
                }
                Some(Lookup::Undeclared(ty)) => {
                    // An object about which nothing is said is as good as `any`.
                    declared &= member.field_names().is_empty() && ty.is_any();
                    found.push(ty);
                }
                Some(Lookup::Absent) => {
                    possible = true;
                    certain = false;
                }
                None => certain = false,
            }
        }
        let name = &segment.name;
        if found.is_empty() {
            self.no_member(&whole, segment, possible);
            return Type::any().inside(&whole);
        }
        if !(certain || optional || self.is_present(key)) {
            self.report(codes::MAY_BE_MISSING, segment.span, format!("the member `{name}` may be missing"))
                .label("not required by its schema")
                .help(format!("write `.?{name}.orValue(...)`, or ask `has(...)` first"));
        } else if !(declared || optional || self.is_present(key)) {
            let near = suggest::nearest(name, whole.field_names());
            let help = near.map_or_else(
                || format!("write `.?{name}.orValue(...)` if it may be missing"),
                |near| format!("did you mean `{near}`?"),
            );
            self.report(codes::UNDECLARED, segment.span, format!("the member `{name}` is not declared"))
                .label("the object may not have it")
                .help(help)
                .warning();
        }
        Type::union(found).inside(&whole)
    }

    fn no_member(&mut self, whole: &Type, segment: &Segment, object: bool) {
        let name = &segment.name;
        let names = whole.field_names();
        let near = suggest::nearest(name, names.iter().copied()).map(str::to_owned);
        let known = names.join("`, `");
        let message =
            if object { format!("there is no member `{name}`") } else { format!("{whole} has no members") };
        let report = self.report(codes::NO_MEMBER, segment.span, message);
        match near {
            Some(near) => report.label("unknown member").help(format!("did you mean `{near}`?")),
            None if known.is_empty() && !object && whole.is_list() => report
                .label("this is a list")
                .help(format!("take one element, `[0]`, or all: `.map(x, x.{name})`")),
            None if known.is_empty() => report.label("unknown member"),
            None => report.label("unknown member").help(format!("it has `{known}`")),
        };
    }

    pub(super) fn has(&mut self, target: &Node, member: &Segment) -> Type {
        let base = match &target.kind {
            Kind::Path(path) => {
                // The scope may know the whole path and nothing of its parts.
                let whole: Vec<Segment> = path.iter().cloned().chain([member.clone()]).collect();
                match self.resolve(&whole) {
                    Some((taken, ty)) if taken <= path.len() => self.walk(path, taken, ty),
                    _ => return Type::bool(),
                }
            }
            _ => self.check(target),
        };
        let labels = Type::bool().inside(&base);
        let whole = base.without_null();
        let lookups: Vec<Option<Lookup>> = whole.members().iter().map(|t| t.field(&member.name)).collect();
        if lookups.iter().any(Option::is_none) && !matches!(whole.kind, K::Never | K::Null) {
            self.report(codes::OPERANDS, target.span, format!("`has` needs an object, this is {whole}"));
        } else if !lookups.is_empty() && lookups.iter().all(|l| matches!(l, Some(Lookup::Absent))) {
            self.no_member(&whole, member, true);
        }
        labels
    }

    pub(super) fn member(&mut self, base: &Node, parts: &[Part]) -> Type {
        let mut ty = self.check(base);
        let mut key = key_of(base);
        let mut span = base.span;
        for part in parts {
            match part {
                Part::Field { segment, optional } => {
                    key = key.map(|key| member_key(&key, &segment.name));
                    ty = self.field(ty, segment, key.as_deref(), *optional);
                    span = span.to(segment.span);
                }
                Part::Index { index, span: place, optional } => {
                    ty = self.index(ty, index, *place, key.as_deref(), *optional);
                    key = match (&index.kind, key) {
                        (Kind::Int(at), Some(key)) => Some(index_key(&key, *at)),
                        _ => None,
                    };
                    span = span.to(*place);
                }
                Part::Method(call) => {
                    let end = call.args.last().map_or(call.name_span, |a| a.span);
                    let receiver = span;
                    span = span.to(end);
                    ty = self.call(Some((ty, receiver)), call, span);
                    key = None;
                }
                Part::Macro(m) => {
                    ty = self.comprehension(ty, m, span);
                    key = None;
                }
                Part::OrValue(default) => {
                    let other = self.check(default);
                    ty = Type::union([ty, other]);
                    key = None;
                }
                Part::HasValue => {
                    ty = Type::bool().inside(&ty);
                    key = None;
                }
            }
            ty = self.apply_facts(ty, key.as_deref());
        }
        ty
    }

    fn index(&mut self, ty: Type, index: &Node, span: Span, key: Option<&str>, optional: bool) -> Type {
        let at = self.check(index);
        let at = self.not_null(at, index.span);
        let whole = if optional { ty.without_null() } else { self.not_null(ty, span) };
        if whole.is_any() {
            return Type::any().inside(&whole);
        }
        let all = |test: fn(&K) -> bool| whole.members().iter().all(|t| test(&t.kind));
        if all(|kind| matches!(kind, K::List(_))) {
            if at.assignable_to(&Type::int()).is_err() {
                self.report(
                    codes::OPERANDS,
                    index.span,
                    format!("a list is indexed with an int, this is {at}"),
                );
            }
            let size = whole.at_least().max(self.known_size(key));
            let inside = matches!(index.kind, Kind::Int(at) if usize::try_from(at).is_ok_and(|at| at < size));
            if !inside && !optional {
                self.report(codes::INDEX, span, "the list may be too short for this index")
                    .label("its length is not known")
                    .help("ask `size(...)` first, or write `[?0].orValue(...)`")
                    .warning();
            }
        } else if all(|kind| matches!(kind, K::Map(_) | K::Object(_))) {
            if super::fits(&at, &Type::string()).is_err() {
                self.report(
                    codes::OPERANDS,
                    index.span,
                    format!("members are asked for with a string, this is {at}"),
                );
            }
            if !optional {
                self.report(codes::MAY_BE_MISSING, span, "the object may have no member of this name")
                    .help("write `[?name].orValue(...)`")
                    .warning();
            }
        } else {
            self.report(codes::OPERANDS, span, format!("{whole} has no elements"))
                .label("only lists and objects have");
            return Type::any().inside(&whole);
        }
        whole.element()
    }

    fn comprehension(&mut self, ty: Type, m: &Macro, span: Span) -> Type {
        let target = self.not_null(ty, span);
        let mut elements = Vec::new();
        for member in target.members() {
            match &member.kind {
                K::List(_) | K::Any => elements.push(member.element()),
                K::Map(_) | K::Object(_) => elements.push(Type::string().inside(member)),
                K::Never => {}
                _ => {
                    let message = format!("`{}` needs a list, this is {member}", m.kind.name());
                    self.report(codes::OPERANDS, span, message).label(format!("this is {target}"));
                    elements.push(Type::any());
                }
            }
        }
        let element = Type::union(elements).inside(&target);
        let known = self.facts.len();
        self.locals.push(element.clone());
        if let Some(condition) = &m.condition {
            self.condition(condition, "`map`");
            self.learn(condition, true);
        }
        let body = match m.kind {
            MacroKind::Map => self.check(&m.body),
            MacroKind::SortBy => self.sort_key(&m.body),
            _ => self.condition(&m.body, &format!("`{}`", m.kind.name())),
        };
        let mut kept = element.clone();
        if m.kind == MacroKind::Filter {
            // What the condition says of an element holds for each that is kept.
            self.learn(&m.body, true);
            let slot = self.locals.len().saturating_sub(1);
            kept = self.apply_facts(kept, Some(&super::facts::local_key(slot)));
        }
        self.locals.pop();
        self.facts.truncate(known);
        match m.kind {
            MacroKind::Map if m.condition.is_some() => Type::list(body).inside(&target),
            MacroKind::Map => Type::list_at_least(body, target.at_least()).inside(&target),
            MacroKind::SortBy => Type::list_at_least(element, target.at_least()).inside(&target),
            MacroKind::Filter => Type::list(kept).inside(&target),
            MacroKind::All | MacroKind::Exists | MacroKind::ExistsOne => body.inside(&target),
        }
    }

    /// What a list is sorted by.
    fn sort_key(&mut self, node: &Node) -> Type {
        let ty = self.check(node);
        let ty = self.not_null(ty, node.span);
        let expected = functions::Param::SortableList.expected();
        if super::fits(&Type::list(ty.clone()), &expected).is_err() {
            let message =
                format!("`sortBy` needs numbers, strings, bools or times of one sort, this is {ty}");
            self.report(codes::OPERANDS, node.span, message);
        }
        ty
    }
}
