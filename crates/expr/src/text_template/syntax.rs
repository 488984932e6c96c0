//! The part of Jinja that a text template may use, held before the engine reads the text.
//!
//! The engine counts instructions but not memory: `{{ 'a' * 100000000 }}` is one instruction, and doubling a text in
//! a loop needs fifty. So a template places, repeats and chooses; what has to be computed is computed by expressions
//! in `values`, which have a budget and types. Everything inside tags is read here token by token and what is not in
//! the list is refused with its place: a list of what is allowed cannot miss what the engine will learn tomorrow.

use super::filters;
use crate::suggest::nearest;

/// The longest tag, in bytes. The engine's parser recurses over what stands in one.
const LONGEST: usize = 1000;
/// The deepest nesting of loops and conditions, and of brackets inside a tag.
const DEEPEST: usize = 32;
/// The most `elif` of one `if`, which the engine nests.
const BRANCHES: usize = 64;

const MARKS: [&str; 14] = ["==", "!=", "<=", ">=", "<", ">", "|", "(", ")", "[", "]", ",", ".", "="];
const KEYWORDS: [&str; 6] = ["and", "or", "not", "if", "else", "in"];

/// What is wrong, and at which byte.
pub(super) type Wrong = (usize, String);

#[derive(Clone, Copy, PartialEq)]
enum Token<'s> {
    Word(&'s str),
    Number,
    Text,
    Mark(&'static str),
}

/// Refuses what a template may not use.
pub(super) fn check(source: &str) -> Result<(), Wrong> {
    let mut open: Vec<Block> = Vec::new();
    let mut at = 0;
    while let Some(found) = source.get(at..).and_then(|rest| rest.find('{')) {
        let start = at + found;
        let rest = source.get(start + 1..).unwrap_or("");
        at = match rest.bytes().next() {
            Some(b'#') => {
                let end = rest.find("#}").ok_or_else(|| (start, "the comment does not end".to_owned()))?;
                start + 1 + end + 2
            }
            Some(b'{') => {
                let tag = Tag::read(source, start, "}}")?;
                expression(&tag.tokens, start)?;
                tag.end
            }
            Some(b'%') => {
                let tag = Tag::read(source, start, "%}")?;
                statement(&tag.tokens, start, &mut open)?;
                tag.end
            }
            _ => start + 1,
        };
    }
    Ok(())
}

/// A loop or condition that has begun.
struct Block {
    branches: usize,
}

struct Tag<'s> {
    tokens: Vec<(Token<'s>, usize)>,
    end: usize,
}

impl<'s> Tag<'s> {
    fn read(source: &'s str, start: usize, close: &str) -> Result<Tag<'s>, Wrong> {
        let mut at = start + 2;
        let rest = |at: usize| source.get(at..).unwrap_or("");
        if rest(at).starts_with(['-', '+']) {
            at += 1;
        }
        let mut tokens = Vec::new();
        loop {
            at += rest(at).len() - rest(at).trim_start_matches([' ', '\t', '\n', '\r']).len();
            let bare = rest(at).strip_prefix(['-', '+']).unwrap_or(rest(at));
            if bare.starts_with(close) {
                return Ok(Tag { tokens, end: source.len() - bare.len() + close.len() });
            }
            if at - start > LONGEST {
                let message = format!("a tag has at most {LONGEST} bytes; compute it in `values`");
                return Err((start, message));
            }
            let (token, length) = token(rest(at)).map_err(|message| (at.min(source.len()), message))?;
            tokens.push((token, at));
            at += length;
        }
    }
}

fn token(rest: &str) -> Result<(Token<'_>, usize), String> {
    let Some(first) = rest.chars().next() else { return Err("the tag does not end".to_owned()) };
    if first.is_ascii_alphanumeric() || first == '_' {
        let end = rest.find(|c: char| !(c.is_ascii_alphanumeric() || c == '_')).unwrap_or(rest.len());
        let word = rest.get(..end).unwrap_or("");
        return Ok((if first.is_ascii_digit() { Token::Number } else { Token::Word(word) }, end));
    }
    if first == '"' || first == '\'' {
        let mut escaped = false;
        for (at, c) in rest.char_indices().skip(1) {
            match c {
                _ if escaped => escaped = false,
                '\\' => escaped = true,
                c if c == first => return Ok((Token::Text, at + 1)),
                _ => {}
            }
        }
        return Err("the text does not end".to_owned());
    }
    if let Some(mark) = MARKS.into_iter().find(|mark| rest.starts_with(mark)) {
        return Ok((Token::Mark(mark), mark.len()));
    }
    Err(match first {
        '+' | '-' | '*' | '/' | '%' | '~' | ':' | '{' | '}' => {
            format!("`{first}`: a template does not compute; do it with an expression in `values`")
        }
        other => format!("unexpected character `{}`", other.escape_debug()),
    })
}

fn statement(tokens: &[(Token<'_>, usize)], start: usize, open: &mut Vec<Block>) -> Result<(), Wrong> {
    let Some(((Token::Word(word), at), rest)) = tokens.split_first() else {
        return Err((start, "a statement begins with a word such as `for` or `if`".to_owned()));
    };
    match *word {
        "for" | "if" => {
            if open.len() >= DEEPEST {
                return Err((*at, format!("loops and conditions nest deeper than {DEEPEST} levels")));
            }
            open.push(Block { branches: 0 });
        }
        "elif" => {
            let branches = open.last_mut().map_or(0, |block| {
                block.branches += 1;
                block.branches
            });
            if branches > BRANCHES {
                return Err((*at, format!("an `if` has at most {BRANCHES} `elif`")));
            }
        }
        "endfor" | "endif" => drop(open.pop()),
        "else" => {}
        "set" => return set(rest, *at),
        other => {
            let known = ["for", "endfor", "if", "elif", "else", "endif", "set"];
            let help = nearest(other, known).map_or_else(
                || format!("a template has {}", known.join(", ")),
                |near| format!("did you mean `{near}`?"),
            );
            return Err((*at, format!("`{other}` is not part of templates; {help}")));
        }
    }
    if *word != "for" {
        return expression(rest, *at);
    }
    let target = rest.iter().position(|(token, _)| *token == Token::Word("in"));
    let Some((targets, list)) = target.and_then(|place| rest.split_at_checked(place)) else {
        return Err((*at, "write `for NAME in LIST`".to_owned()));
    };
    expression(targets, *at)?;
    if let Some((_, at)) = list.iter().skip(1).find(|(token, _)| *token == Token::Word("recursive")) {
        return Err((*at, "a loop cannot be recursive".to_owned()));
    }
    expression(list.get(1..).unwrap_or(&[]), *at)
}

fn set(tokens: &[(Token<'_>, usize)], at: usize) -> Result<(), Wrong> {
    match tokens {
        [(Token::Word(_), _), (Token::Mark("="), _), value @ ..] if !value.is_empty() => {
            expression(value, at)
        }
        _ => Err((at, "write `set NAME = VALUE`".to_owned())),
    }
}

fn expression(tokens: &[(Token<'_>, usize)], start: usize) -> Result<(), Wrong> {
    let mut before: Option<Token<'_>> = None;
    let mut two_before: Option<Token<'_>> = None;
    let mut depth = 0_usize;
    for (index, (token, at)) in tokens.iter().enumerate() {
        let member = before == Some(Token::Mark("."));
        match *token {
            Token::Word(name) if before == Some(Token::Mark("|")) => known_filter(name, *at)?,
            Token::Word("is") if !member && !asks_for_none(tokens.get(index + 1..).unwrap_or(&[])) => {
                return Err((
                    *at,
                    "the only test is `is none`; compare with `==`, or decide with an expression in `values`"
                        .to_owned(),
                ));
            }
            Token::Word("in") if !member => {
                return Err((
                    *at,
                    "templates do not search; decide it with an expression in `values`".to_owned(),
                ));
            }
            Token::Mark("=") => {
                return Err((
                    *at,
                    "write `==` to compare; filters take their arguments without names".to_owned(),
                ));
            }
            Token::Mark("(") if is_called(two_before, before) => {
                return Err((
                    *at,
                    "templates call no functions; use a filter, or an expression in `values`".to_owned(),
                ));
            }
            Token::Mark("(" | "[") => depth += 1,
            Token::Mark(")" | "]") => depth = depth.saturating_sub(1),
            _ => {}
        }
        if depth > DEEPEST {
            return Err((*at, format!("brackets nest deeper than {DEEPEST} levels")));
        }
        two_before = before;
        before = Some(*token);
    }
    if before == Some(Token::Mark("|")) {
        return Err((start, "the name of a filter is missing".to_owned()));
    }
    Ok(())
}

/// Whether `is` is followed by the one test there is, `none` or `not none`.
fn asks_for_none(after: &[(Token<'_>, usize)]) -> bool {
    let none = |token: &Token<'_>| *token == Token::Word("none");
    match after {
        [(Token::Word("not"), _), (token, _), ..] => none(token),
        [(token, _), ..] => none(token),
        [] => false,
    }
}

/// Whether a bracket after these two tokens calls what stands before it.
fn is_called(two_before: Option<Token<'_>>, before: Option<Token<'_>>) -> bool {
    match before {
        Some(Token::Word(word)) => match two_before {
            Some(Token::Mark("|")) => false,
            Some(Token::Mark(".")) => true,
            _ => !KEYWORDS.contains(&word),
        },
        Some(Token::Number | Token::Text | Token::Mark(")" | "]")) => true,
        Some(Token::Mark(_)) | None => false,
    }
}

fn known_filter(name: &str, at: usize) -> Result<(), Wrong> {
    if filters::find(name).is_some() {
        return Ok(());
    }
    let known: Vec<&str> = filters::names().collect();
    let help = nearest(name, known.iter().copied())
        .map_or_else(|| format!("known: {}", known.join(", ")), |near| format!("did you mean `{near}`?"));
    Err((at, format!("there is no filter `{name}`; {help}")))
}
