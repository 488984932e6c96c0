//! Tokens to tree: precedence climbing with one token of look-ahead, plus the macros.
//!
//! Recursion happens only where brackets nest, and is cut at [`MAX_DEPTH`]; operators of one precedence become
//! one flat node. Variables of macros are resolved to slots here, so that evaluation never searches by name and
//! a macro variable can never be confused with a name of the playbook.

mod forms;

use crate::ast::{Kind, Macro, MacroKind, Node, Operator, Part, Segment};
use crate::functions;
use crate::lexer::{Lexer, Token};
use crate::source::{MAX_DEPTH, MAX_SOURCE, Span, SyntaxError};
use forms::{call, choose, has, optional_end};

pub(crate) struct Parser<'s> {
    lexer: Lexer<'s>,
    token: Token<'s>,
    span: Span,
    /// End of the token before the current one.
    last_end: usize,
    depth: usize,
    locals: Vec<&'s str>,
    /// Words that look something up: `word("name")` is a path.
    lookups: &'s [&'s str],
}

/// Operators by level, weakest first; within a level they associate to the left.
const LEVELS: [&[(&str, Operator)]; 3] = [
    &[
        ("==", Operator::Equal),
        ("!=", Operator::NotEqual),
        ("<", Operator::Less),
        ("<=", Operator::LessEqual),
        (">", Operator::Greater),
        (">=", Operator::GreaterEqual),
        ("in", Operator::In),
    ],
    &[("+", Operator::Add), ("-", Operator::Subtract)],
    &[("*", Operator::Multiply), ("/", Operator::Divide), ("%", Operator::Remainder)],
];

type Parsed<T> = Result<T, SyntaxError>;

pub(crate) fn parse<'s>(text: &'s str, lookups: &'s [&'s str]) -> Parsed<Node> {
    if text.len() > MAX_SOURCE {
        let message = format!("the expression has {} bytes; at most {MAX_SOURCE} are allowed", text.len());
        return Err(SyntaxError::new(message, Span::new(0, text.len()))
            .help("split it over `set` steps, or move the work into a plugin"));
    }
    let mut parser = Parser {
        lexer: Lexer::new(text),
        token: Token::End,
        span: Span::default(),
        last_end: 0,
        depth: 0,
        locals: Vec::new(),
        lookups,
    };
    parser.advance()?;
    if parser.token == Token::End {
        return Err(SyntaxError::new("the expression is empty", Span::new(0, text.len())));
    }
    let node = parser.expression()?;
    if parser.token == Token::End { Ok(node) } else { Err(parser.unexpected("the end of the expression")) }
}

impl<'s> Parser<'s> {
    fn advance(&mut self) -> Parsed<()> {
        self.last_end = self.span.end;
        let (token, span) = self.lexer.next()?;
        self.token = token;
        self.span = span;
        Ok(())
    }

    fn at(&self, mark: &str) -> bool {
        match &self.token {
            Token::Punct(found) => *found == mark,
            Token::Ident(found) => *found == mark && mark == "in",
            _ => false,
        }
    }

    fn eat(&mut self, mark: &str) -> Parsed<bool> {
        let found = self.at(mark);
        if found {
            self.advance()?;
        }
        Ok(found)
    }

    fn expect(&mut self, mark: &str, what: &str) -> Parsed<()> {
        if self.eat(mark)? { Ok(()) } else { Err(self.unexpected(what)) }
    }

    fn unexpected(&self, wanted: &str) -> SyntaxError {
        let found = match &self.token {
            Token::End => "the end".to_owned(),
            Token::Ident(name) => format!("`{name}`"),
            Token::Punct(mark) => format!("`{mark}`"),
            Token::Int(_) | Token::Double(_) => "a number".to_owned(),
            Token::Str(_) => "a string".to_owned(),
        };
        let error = SyntaxError::new(format!("expected {wanted}, found {found}"), self.span);
        match &self.token {
            Token::Ident("and") => error.help("write `&&` for and"),
            Token::Ident("or") => error.help("write `||` for or"),
            Token::Ident("not") => error.help("write `!` for not"),
            Token::Ident("is") => error.help("write `==` to compare"),
            Token::Ident("if" | "else") => {
                error.help("write `condition ? a : b`, or `choose(condition, a, b)`")
            }
            _ => error,
        }
    }

    fn nested<T>(&mut self, inner: impl FnOnce(&mut Self) -> Parsed<T>) -> Parsed<T> {
        if self.depth >= MAX_DEPTH {
            let message = format!("brackets nest deeper than {MAX_DEPTH} levels");
            return Err(SyntaxError::new(message, self.span).help("split the expression over `set` steps"));
        }
        self.depth += 1;
        let result = inner(self);
        self.depth -= 1;
        result
    }

    fn expression(&mut self) -> Parsed<Node> {
        let mut node = self.either()?;
        if !self.at("?") {
            return Ok(node);
        }
        let start = node.span;
        let mut branches = Vec::new();
        while self.eat("?")? {
            let then = self.either()?;
            self.expect(":", "`:` between the two results of `? :`")?;
            branches.push((node, then));
            node = self.either()?;
        }
        let span = start.to(node.span);
        Ok(Node { kind: Kind::Choose(branches, Box::new(node)), span })
    }

    fn either(&mut self) -> Parsed<Node> {
        self.logical("||", Self::both, Kind::Or)
    }

    fn both(&mut self) -> Parsed<Node> {
        self.logical("&&", |p| p.chain(0), Kind::And)
    }

    fn logical(
        &mut self,
        mark: &str,
        operand: fn(&mut Self) -> Parsed<Node>,
        kind: fn(Vec<Node>) -> Kind,
    ) -> Parsed<Node> {
        let first = operand(self)?;
        if !self.at(mark) {
            return Ok(first);
        }
        let start = first.span;
        let mut operands = vec![first];
        while self.eat(mark)? {
            operands.push(operand(self)?);
        }
        Ok(Node { kind: kind(operands), span: start.to(self.behind()) })
    }

    /// The end of what has been read.
    fn behind(&self) -> Span {
        Span::new(self.last_end, self.last_end)
    }

    fn chain(&mut self, level: usize) -> Parsed<Node> {
        let Some(operators) = LEVELS.get(level) else { return self.unary() };
        let first = self.chain(level + 1)?;
        let mut rest = Vec::new();
        while let Some((_, operator)) = operators.iter().find(|(mark, _)| self.at(mark)) {
            let span = self.span;
            self.advance()?;
            rest.push((*operator, span, self.chain(level + 1)?));
        }
        if rest.is_empty() {
            return Ok(first);
        }
        let span = first.span.to(self.behind());
        Ok(Node { kind: Kind::Chain(Box::new(first), rest), span })
    }

    /// `!` and `-`, any number of one of them. Pairs are kept as one pair, so `!!x` still asks for a bool.
    fn unary(&mut self) -> Parsed<Node> {
        let start = self.span;
        let mark = if self.at("!") { "!" } else { "-" };
        let mut count = 0_usize;
        while self.eat(mark)? {
            count += 1;
        }
        if count > 0 && (self.at("!") || self.at("-")) {
            return Err(self.unexpected("a value").help("put the inner sign into brackets"));
        }
        if mark == "-"
            && count > 0
            && let Token::Int(magnitude) = self.token
        {
            let value = 0_i64.checked_sub_unsigned(magnitude).ok_or_else(|| too_large(self.span))?;
            let literal = Node { kind: Kind::Int(value), span: start.to(self.span) };
            self.advance()?;
            let node = self.members(literal)?;
            return Ok(wrap(node, count - 1, Kind::Negate, start));
        }
        let primary = self.primary()?;
        let node = self.members(primary)?;
        Ok(wrap(node, count, if mark == "!" { Kind::Not } else { Kind::Negate }, start))
    }

    fn primary(&mut self) -> Parsed<Node> {
        let span = self.span;
        let kind = match std::mem::replace(&mut self.token, Token::End) {
            Token::Int(magnitude) => Kind::Int(i64::try_from(magnitude).map_err(|_| too_large(span))?),
            Token::Double(number) => Kind::Double(number),
            Token::Str(text) => Kind::Text(text),
            Token::Ident("true") => Kind::Bool(true),
            Token::Ident("false") => Kind::Bool(false),
            Token::Ident("null") => Kind::Null,
            Token::Ident(name) if name != "in" => {
                self.advance()?;
                return self.named(name, span);
            }
            Token::Punct("(") => {
                self.advance()?;
                let mut inner = self.nested(Self::expression)?;
                self.expect(")", "`)`")?;
                inner.span = span.to(self.behind());
                return Ok(inner);
            }
            Token::Punct("[") => {
                self.advance()?;
                let items = self.nested(|p| p.list("]", Self::expression))?;
                return Ok(Node { kind: Kind::List(items), span: span.to(self.behind()) });
            }
            Token::Punct("{") => {
                self.advance()?;
                let entries = self.nested(|p| p.list("}", Self::entry))?;
                return Ok(Node { kind: Kind::Map(entries), span: span.to(self.behind()) });
            }
            other => {
                self.token = other;
                return Err(self.unexpected("a value"));
            }
        };
        self.advance()?;
        Ok(Node { kind, span })
    }

    fn entry(&mut self) -> Parsed<(Node, Node)> {
        let key = self.expression()?;
        self.expect(":", "`:` after the key")?;
        Ok((key, self.expression()?))
    }

    /// Items up to `close`, which is eaten; a comma before it is allowed.
    fn list<T>(&mut self, close: &str, item: fn(&mut Self) -> Parsed<T>) -> Parsed<Vec<T>> {
        let mut items = Vec::new();
        while !self.eat(close)? {
            items.push(item(self)?);
            if !self.eat(",")? {
                self.expect(close, &format!("`,` or `{close}`"))?;
                break;
            }
        }
        Ok(items)
    }

    /// A word that stands first: a macro variable, a call, or a name of the playbook.
    fn named(&mut self, name: &'s str, span: Span) -> Parsed<Node> {
        if self.at("(") {
            self.advance()?;
            return self.nested(|p| p.call_or_form(name, span));
        }
        if let Some(slot) = self.locals.iter().rposition(|local| *local == name) {
            return Ok(Node { kind: Kind::Local(slot), span });
        }
        Ok(Node { kind: Kind::Path(vec![Segment { name: name.to_owned(), span }]), span })
    }

    fn call_or_form(&mut self, name: &'s str, span: Span) -> Parsed<Node> {
        let args = self.list(")", Self::expression)?;
        let whole = span.to(self.behind());
        match name {
            "has" => has(args, whole),
            "choose" => choose(args, whole),
            _ if self.lookups.contains(&name) => lookup(name, args, whole),
            _ => Ok(Node { kind: Kind::Call(call(name, span, args, 0)?), span: whole }),
        }
    }

    /// What follows a value: `.name`, `[index]`, `.method()`, macros.
    fn members(&mut self, base: Node) -> Parsed<Node> {
        let mut base = base;
        let mut parts = Vec::new();
        let mut optional: Option<Span> = None;
        loop {
            let mark = self.span;
            if self.at(".") || self.at(".?") {
                if self.at(".?") {
                    optional = Some(optional.map_or(mark, |o| o));
                }
                self.advance()?;
                let Token::Ident(name) = self.token else { return Err(self.unexpected("a name after `.`")) };
                let span = self.span;
                self.advance()?;
                if self.at("(") {
                    match namespace(&base, &parts, optional) {
                        Some(space) => base = self.qualified(&space, name, base.span.to(span))?,
                        None => parts.push(self.method(name, span, &mut optional)?),
                    }
                } else {
                    self.field(
                        Segment { name: name.to_owned(), span },
                        optional.is_some(),
                        &mut base,
                        &mut parts,
                    );
                }
            } else if self.at("[") || self.at("[?") {
                if self.at("[?") {
                    optional = Some(optional.map_or(mark, |o| o));
                }
                self.advance()?;
                let index = self.nested(Self::expression)?;
                self.expect("]", "`]`")?;
                let span = mark.to(self.behind());
                match index.kind {
                    Kind::Text(name) => {
                        self.field(Segment { name, span }, optional.is_some(), &mut base, &mut parts)
                    }
                    _ => parts.push(Part::Index { index, span, optional: optional.is_some() }),
                }
            } else {
                break;
            }
        }
        if let Some(span) = optional {
            return Err(SyntaxError::new("this may be absent and says not what then", span)
                .help("end the chain with `.orValue(default)` or `.hasValue()`"));
        }
        if parts.is_empty() {
            return Ok(base);
        }
        let span = base.span.to(self.behind());
        Ok(Node { kind: Kind::Member(Box::new(base), parts), span })
    }

    fn field(&self, segment: Segment, optional: bool, base: &mut Node, parts: &mut Vec<Part>) {
        if let (Kind::Path(path), true, false) = (&mut base.kind, parts.is_empty(), optional) {
            path.push(segment);
            base.span = base.span.to(self.behind());
        } else {
            parts.push(Part::Field { segment, optional });
        }
    }

    /// A call of a function whose name has a dot in it.
    fn qualified(&mut self, space: &str, name: &str, span: Span) -> Parsed<Node> {
        self.advance()?;
        let args = self.nested(|p| p.list(")", Self::expression))?;
        let call = call(&format!("{space}.{name}"), span, args, 0)?;
        Ok(Node { kind: Kind::Call(call), span: span.to(self.behind()) })
    }

    /// A call after a dot.
    fn method(&mut self, name: &'s str, span: Span, optional: &mut Option<Span>) -> Parsed<Part> {
        self.advance()?;
        if optional.is_some() {
            let args = self.nested(|p| p.list(")", Self::expression))?;
            *optional = None;
            return optional_end(name, span, args);
        }
        if let Some(kind) = MacroKind::by_name(name) {
            return self.nested(|p| p.comprehension(kind, span));
        }
        let args = self.nested(|p| p.list(")", Self::expression))?;
        if matches!(name, "orValue" | "hasValue") {
            return Err(SyntaxError::new(format!("`.{name}()` needs an optional value before it"), span)
                .help(format!(
                    "write the member that may be absent with a question mark: `a.?b.{name}(...)`"
                )));
        }
        Ok(Part::Method(call(name, span, args, 1)?))
    }

    fn comprehension(&mut self, kind: MacroKind, span: Span) -> Parsed<Part> {
        let Token::Ident(variable) = self.token else {
            return Err(self
                .unexpected("the name of the variable")
                .help(format!("write `list.{}(x, ...)`", kind.name())));
        };
        if matches!(variable, "true" | "false" | "null" | "in") {
            return Err(SyntaxError::new(format!("`{variable}` cannot be a variable"), self.span));
        }
        self.advance()?;
        self.expect(",", "`,` after the variable")?;
        self.locals.push(variable);
        let inner = self.macro_body(kind);
        self.locals.pop();
        let (condition, body) = inner?;
        self.expect(")", "`)`")?;
        Ok(Part::Macro(Macro { kind, span, condition, body }))
    }

    /// What follows the variable; `map` takes a condition before the value.
    fn macro_body(&mut self, kind: MacroKind) -> Parsed<(Option<Node>, Node)> {
        let first = self.expression()?;
        let more = self.eat(",")? && kind == MacroKind::Map && !self.at(")");
        if !more {
            return Ok((None, first));
        }
        let body = self.expression()?;
        self.eat(",")?;
        Ok((Some(first), body))
    }
}

/// The namespace of functions that stands in front of a dot, if it is one and no value.
fn namespace(base: &Node, parts: &[Part], optional: Option<Span>) -> Option<String> {
    match (&base.kind, parts, optional) {
        (Kind::Path(path), [], None) => match path.as_slice() {
            [only] if functions::is_namespace(&only.name) => Some(only.name.clone()),
            _ => None,
        },
        _ => None,
    }
}

fn too_large(span: Span) -> SyntaxError {
    SyntaxError::new("the whole number is too large", span)
        .help("whole numbers have 64 bits; write `1e20` for a double")
}

/// Two signs of one kind are as good as none, but the operand must still have the right type: one or two stay.
fn wrap(node: Node, count: usize, kind: fn(Box<Node>) -> Kind, start: Span) -> Node {
    let keep = if count > 2 { 2 - count % 2 } else { count };
    (0..keep).fold(node, |inner, _| {
        let span = start.to(inner.span);
        Node { kind: kind(Box::new(inner)), span }
    })
}

/// `word("name")` as the path `word()`, `name`: no name of a playbook can be the first part.
fn lookup(word: &str, args: Vec<Node>, span: Span) -> Parsed<Node> {
    let mut args = args.into_iter();
    match (args.next().map(|node| node.kind), args.next()) {
        (Some(Kind::Text(name)), None) => {
            let path = vec![Segment { name: format!("{word}()"), span }, Segment { name, span }];
            Ok(Node { kind: Kind::Path(path), span })
        }
        _ => Err(SyntaxError::new(format!("`{word}` takes one text in quotes"), span)
            .help(format!("write `{word}(\"NAME\")`"))),
    }
}
