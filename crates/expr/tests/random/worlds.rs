//! Random schemas, values that obey them, and expressions over them that mean to be right.
//!
//! Everything is chosen by a string of bytes, so that a failing case can shrink. Expressions reach members the way an
//! author does who was told that they may be null or missing: with `.?`, `has`, `!= null` and lengths asked first,
//! and now and then without, which the checker has to notice.

use serde_json::{Map, Value, json};

#[derive(Clone, Debug)]
pub(crate) enum Ty {
    Int,
    Num,
    Bool,
    Text,
    Time,
    Word,
    Nullable(Box<Ty>),
    List(Box<Ty>, usize),
    /// Members: name, type, required. Closed.
    Object(Vec<(String, Ty, bool)>),
    Map(Box<Ty>),
    Either(Box<Ty>, Box<Ty>),
}

/// What an expression is to give.
#[derive(Clone, Copy, PartialEq)]
pub(crate) enum Want {
    Int,
    Num,
    Bool,
    Text,
    Point,
    Length,
    Ints,
    Texts,
    Search,
}

pub(crate) struct World<'b> {
    bytes: std::slice::Iter<'b, u8>,
    names: Vec<(String, Ty)>,
    locals: usize,
}

const WORDS: [&str; 3] = ["low", "normal", "high"];

impl<'b> World<'b> {
    pub(crate) fn new(bytes: &'b [u8]) -> World<'b> {
        let mut world = World { bytes: bytes.iter(), names: Vec::new(), locals: 0 };
        for at in 0..4 {
            let ty = world.ty(3);
            world.names.push((format!("n{at}"), ty));
        }
        world
    }

    fn roll(&mut self, sides: usize) -> usize {
        self.bytes.next().map_or(0, |byte| usize::from(*byte) % sides)
    }

    fn pick<'s>(&mut self, of: &[&'s str]) -> &'s str {
        of[self.roll(of.len())]
    }

    fn ty(&mut self, depth: usize) -> Ty {
        let sides = if depth == 0 { 6 } else { 12 };
        match self.roll(sides) {
            0 => Ty::Int,
            1 => Ty::Text,
            2 => Ty::Bool,
            3 => Ty::Num,
            4 => Ty::Word,
            5 => Ty::Time,
            6 => Ty::Nullable(Box::new(self.ty(depth - 1))),
            7 => Ty::List(Box::new(self.ty(depth - 1)), self.roll(3)),
            8 => Ty::Map(Box::new(self.ty(depth - 1))),
            9 => Ty::Either(Box::new(self.ty(0)), Box::new(self.ty(depth - 1))),
            _ => {
                let count = 1 + self.roll(3);
                let member = |at: usize| ["a", "b", "odd name"][at].to_owned();
                Ty::Object((0..count).map(|at| (member(at), self.ty(depth - 1), self.roll(3) > 0)).collect())
            }
        }
    }

    pub(crate) fn schema(&self) -> Value {
        object_schema(self.names.iter().map(|(name, ty)| (name, ty, true)))
    }

    pub(crate) fn values(&mut self) -> Value {
        let names = self.names.clone();
        names.into_iter().map(|(name, ty)| (name, self.value(&ty))).collect::<Map<_, _>>().into()
    }

    fn value(&mut self, ty: &Ty) -> Value {
        match ty {
            Ty::Int => json!([0, 1, 2, -1, 7, i64::MAX, i64::MIN][self.roll(7)]),
            Ty::Num => json!([0.5, 1.0, -2.25, 3.0][self.roll(4)]),
            Ty::Bool => json!(self.roll(2) == 1),
            Ty::Text => {
                json!(["", "a", "a b", "http://x.example/?a=1", "7", "ü", "*", "{{ a }}"][self.roll(8)])
            }
            Ty::Time => json!(["2026-03-01T00:30:00Z", "1969-12-31T23:59:59+01:00"][self.roll(2)]),
            Ty::Word => json!(WORDS[self.roll(3)]),
            Ty::Nullable(inner) => {
                if self.roll(2) == 0 {
                    Value::Null
                } else {
                    self.value(inner)
                }
            }
            Ty::List(inner, least) => (0..least + self.roll(3)).map(|_| self.value(inner)).collect(),
            Ty::Object(members) => {
                let mut object = Map::new();
                for (name, ty, required) in members {
                    if *required || self.roll(2) == 0 {
                        object.insert(name.clone(), self.value(ty));
                    }
                }
                object.into()
            }
            Ty::Map(inner) => {
                let count = self.roll(3);
                (0..count)
                    .map(|at| (["a", "k"][at].to_owned(), self.value(inner)))
                    .collect::<Map<_, _>>()
                    .into()
            }
            Ty::Either(a, b) => {
                if self.roll(2) == 0 {
                    self.value(a)
                } else {
                    self.value(b)
                }
            }
        }
    }

    /// An expression of any type.
    pub(crate) fn any(&mut self) -> String {
        let wants = [
            Want::Bool,
            Want::Int,
            Want::Num,
            Want::Text,
            Want::Point,
            Want::Length,
            Want::Ints,
            Want::Texts,
            Want::Search,
        ];
        match self.roll(11) {
            9 => {
                let at = self.roll(self.names.len());
                self.names[at].0.clone()
            }
            10 => format!("{{'k': {}, 'l': [{}]}}", self.of(Want::Num, 3), self.of(Want::Text, 3)),
            at => self.of(wants[at], 4),
        }
    }

    pub(crate) fn of(&mut self, want: Want, depth: usize) -> String {
        if depth > 0 && self.roll(3) == 0 {
            return self.made(want, depth - 1);
        }
        self.found(want, depth).unwrap_or_else(|| literal(want).to_owned())
    }

    /// Walks from a name until something of the wanted type is found.
    fn found(&mut self, want: Want, depth: usize) -> Option<String> {
        let at = self.roll(self.names.len());
        let (mut path, mut ty) = self.names[at].clone();
        for _ in 0..5 {
            if fits(&ty, want) {
                return Some(match want {
                    Want::Point => format!("timestamp({path})"),
                    _ => path,
                });
            }
            let fallback = literal(want);
            let careless = self.roll(12) == 0;
            (path, ty) = match ty {
                Ty::Nullable(inner) if careless => (path, *inner),
                Ty::Nullable(inner) if fits(&inner, want) && want != Want::Point => {
                    return Some(match self.roll(3) {
                        0 => format!("({path} != null ? {path} : {fallback})"),
                        1 => format!("({path} == null ? {fallback} : {path})"),
                        _ => format!("choose(!(null == {path}), {path}, {fallback})"),
                    });
                }
                Ty::Object(members) => {
                    let (name, ty, required) = members[self.roll(members.len())].clone();
                    let member = format!("{path}[\"{name}\"]");
                    if required || careless {
                        (member, ty)
                    } else if fits(&ty, want) && want != Want::Point && name != "odd name" {
                        return Some(match self.roll(3) {
                            0 => format!("(has({path}.{name}) ? {path}.{name} : {fallback})"),
                            1 => format!("(!has({path}.{name}) ? {fallback} : {member})"),
                            _ => format!("{path}.?{name}.orValue({fallback})"),
                        });
                    } else {
                        return None;
                    }
                }
                Ty::List(inner, least) if least > 0 || careless => (format!("{path}[0]"), *inner),
                Ty::List(inner, _) if fits(&inner, want) && want != Want::Point => {
                    return Some(match self.roll(4) {
                        0 => format!("{path}[?0].orValue({fallback})"),
                        1 => format!("(size({path}) > 0 ? {path}[0] : {fallback})"),
                        2 => format!("(0 == {path}.size() ? {fallback} : first({path}))"),
                        _ => format!("({path} + [{fallback}])[0]"),
                    });
                }
                Ty::List(inner, _) => {
                    // Inside a macro the element is a name like any other.
                    return self.over(&path, *inner, want, depth);
                }
                Ty::Map(inner) if fits(&inner, want) && want != Want::Point => {
                    return Some(format!("{path}.?k.orValue({fallback})"));
                }
                Ty::Either(a, _) if careless => (path, *a),
                _ => return None,
            };
        }
        None
    }

    fn over(&mut self, list: &str, element: Ty, want: Want, depth: usize) -> Option<String> {
        if depth == 0 {
            return None;
        }
        self.locals += 1;
        let name = format!("v{}", self.locals);
        self.names.push((name.clone(), element));
        let text = match want {
            Want::Ints => {
                let condition = self.of(Want::Bool, depth - 1);
                format!("{list}.map({name}, {condition}, {})", self.of(Want::Int, depth - 1))
            }
            Want::Texts => format!("{list}.map({name}, {})", self.of(Want::Text, depth - 1)),
            Want::Bool => {
                let all = self.pick(&["all", "exists", "exists_one"]);
                format!("{list}.{all}({name}, {})", self.of(Want::Bool, depth - 1))
            }
            Want::Int if self.roll(2) == 0 => {
                format!("{list}.filter({name}, {}).size()", self.of(Want::Bool, depth - 1))
            }
            Want::Int => {
                let key = [Want::Int, Want::Text, Want::Point][self.roll(3)];
                format!("{list}.sortBy({name}, {}).size()", self.of(key, depth - 1))
            }
            _ => literal(want).to_owned(),
        };
        self.names.pop();
        self.locals -= 1;
        Some(text)
    }

    /// Something computed.
    fn made(&mut self, want: Want, depth: usize) -> String {
        let mut of = |want: Want| self.of(want, depth);
        match want {
            Want::Int => {
                let (a, b) = (of(Want::Int), of(Want::Int));
                let (text, list) = (of(Want::Text), of(Want::Ints));
                let (point, length) = (of(Want::Point), of(Want::Length));
                match self.roll(9) {
                    0 => format!("({a} {} {b})", self.pick(&["+", "-", "*", "/", "%"])),
                    1 => format!("size({text})"),
                    2 => format!("sum({list})"),
                    3 => format!("max({a}, {list})"),
                    4 => format!(
                        "{point}.{}()",
                        self.pick(&["getHours", "getDayOfWeek", "getFullYear", "getDate"])
                    ),
                    5 => format!("{length}.getMinutes()"),
                    6 => format!("{list}.reverse().take({a}).size()"),
                    7 => format!("int({point})"),
                    _ => format!("-({a})"),
                }
            }
            Want::Num => {
                let (a, b, whole) = (of(Want::Num), of(Want::Num), of(Want::Int));
                match self.roll(3) {
                    0 => format!("({a} {} {b})", self.pick(&["+", "-", "*"])),
                    1 => format!("double({whole})"),
                    _ => format!("min({a}, {b})"),
                }
            }
            Want::Bool => self.condition(depth),
            Want::Text => {
                let (a, b, n) = (of(Want::Text), of(Want::Text), of(Want::Int));
                let (list, point) = (of(Want::Texts), of(Want::Point));
                match self.roll(11) {
                    0 => format!("({a} + {b})"),
                    1 => format!("{a}.{}()", self.pick(&["lower", "upper", "trim", "defang", "refang"])),
                    2 => format!("{list}.join({a})"),
                    3 => format!("truncate({a}, {n})"),
                    4 => format!(
                        "{}({a})",
                        self.pick(&["base64", "base64url", "sha256", "urlEncode", "urlDecode"])
                    ),
                    5 => format!("base64Decode(base64({a}))"),
                    6 => format!("json({{'a': {a}, 'b': {n}}})"),
                    7 => format!("{}({point})", self.pick(&["string", "date", "datetime"])),
                    8 => format!("url({a}).{}", self.pick(&["host", "path", "query", "scheme"])),
                    9 => format!("urlParams({a})[?{b}].orValue({a})"),
                    _ => format!("{a}.replace({b}, {a}).substring(0, {n})"),
                }
            }
            Want::Point => format!("({} {} {})", of(Want::Point), ["+", "-"][depth % 2], of(Want::Length)),
            Want::Length => {
                let (a, b, c) = (of(Want::Point), of(Want::Point), of(Want::Length));
                match self.roll(2) {
                    0 => format!("({a} - {b})"),
                    _ => format!("-({c})"),
                }
            }
            Want::Ints => {
                let (a, b, n) = (of(Want::Ints), of(Want::Ints), of(Want::Int));
                match self.roll(5) {
                    0 => format!("({a} + {b})"),
                    1 => format!("distinct({a})"),
                    2 => format!("sort({a})"),
                    3 => format!("flatten([{a}, [{n}]])"),
                    _ => format!("{a}.take({n})"),
                }
            }
            Want::Texts => {
                let (a, text) = (of(Want::Texts), of(Want::Text));
                match self.roll(5) {
                    0 => format!("{text}.split({text})"),
                    1 => format!("distinct({a})"),
                    2 => format!("reverse(sort({a}))"),
                    3 => format!("keys({{{text}: 1}})"),
                    _ => format!("values({{'a': {text}}})"),
                }
            }
            Want::Search => self.search(depth),
        }
    }

    fn search(&mut self, depth: usize) -> String {
        let mut of = |want: Want| self.of(want, depth);
        let (text, point, n, b, list) =
            (of(Want::Text), of(Want::Point), of(Want::Int), of(Want::Bool), of(Want::Texts));
        let (x, y) = (of(Want::Search), of(Want::Search));
        match self.roll(9) {
            0 => format!("aqs.and([{x}, {y}])"),
            1 => format!("aqs.or({x}, [{y}])"),
            2 => format!("aqs.not({x})"),
            3 => format!("aqs.{}('subject', {text})", self.pick(&["eq", "contains", "starts_with"])),
            4 => format!("aqs.{}('received', {point})", self.pick(&["before", "after", "eq"])),
            5 => format!("aqs.eq('size', {n})"),
            6 => format!("aqs.eq('is_read', {b})"),
            7 => format!("aqs.or({list}.map(s, aqs.eq('from', s)))"),
            _ => format!("({b} ? {x} : aqs.exists('cc'))"),
        }
    }

    pub(crate) fn condition(&mut self, depth: usize) -> String {
        let mut of = |want: Want| self.of(want, depth);
        match [Want::Int, Want::Text, Want::Point, Want::Bool, Want::Texts][depth % 5] {
            Want::Int => {
                let (a, b, list) = (of(Want::Int), of(Want::Int), of(Want::Ints));
                let mark = self.pick(&["==", "!=", "<", ">=", "in"]);
                if mark == "in" { format!("({a} in {list})") } else { format!("({a} {mark} {b})") }
            }
            Want::Text => {
                let (a, b, list) = (of(Want::Text), of(Want::Text), of(Want::Texts));
                match self.roll(5) {
                    0 => format!("({a} == {b})"),
                    1 => format!("{a}.contains({b})"),
                    2 => format!("({a} in ['a', 'high', {b}])"),
                    3 => format!("({a} in {list})"),
                    _ => format!("domain_of({a}).matches('^a+')"),
                }
            }
            Want::Point => format!("({} < {})", of(Want::Point), of(Want::Point)),
            Want::Bool => {
                let (a, b) = (of(Want::Bool), of(Want::Bool));
                match self.roll(3) {
                    0 => format!("({a} && {b})"),
                    1 => format!("({a} || {b})"),
                    _ => format!("!({a})"),
                }
            }
            _ => {
                let at = self.roll(self.names.len());
                let (path, ty) = self.names[at].clone();
                match ty {
                    Ty::Nullable(_) => format!("({path} {} null)", self.pick(&["==", "!="])),
                    Ty::Object(_) => format!("has({path}.{})", self.pick(&["a", "b"])),
                    Ty::List(..) => format!("(size({path}) > {})", self.pick(&["0", "1"])),
                    Ty::Word => format!("({path} == '{}')", self.pick(&WORDS)),
                    Ty::Map(_) => format!("('k' in {path})"),
                    _ => format!("({path} == {path})"),
                }
            }
        }
    }
}

fn fits(ty: &Ty, want: Want) -> bool {
    match (ty, want) {
        (Ty::Int, Want::Int | Want::Num)
        | (Ty::Num, Want::Num)
        | (Ty::Bool, Want::Bool)
        | (Ty::Text | Ty::Word | Ty::Time, Want::Text)
        | (Ty::Time, Want::Point) => true,
        (Ty::List(inner, _), Want::Ints) => matches!(**inner, Ty::Int),
        (Ty::List(inner, _), Want::Texts) => matches!(**inner, Ty::Text | Ty::Word),
        _ => false,
    }
}

fn literal(want: Want) -> &'static str {
    match want {
        Want::Int => "2",
        Want::Num => "0.5",
        Want::Bool => "true",
        Want::Text => "'low'",
        Want::Point => "timestamp('2026-01-01T00:00:00Z')",
        Want::Length => "duration('90m')",
        Want::Ints => "[3, 1]",
        Want::Texts => "['x']",
        Want::Search => "aqs.eq('importance', 'high')",
    }
}

fn object_schema<'t>(members: impl Iterator<Item = (&'t String, &'t Ty, bool)>) -> Value {
    let mut properties = Map::new();
    let mut required = Vec::new();
    for (name, ty, always) in members {
        properties.insert(name.clone(), schema(ty));
        if always {
            required.push(name.clone());
        }
    }
    json!({"type": "object", "additionalProperties": false, "properties": properties, "required": required})
}

fn schema(ty: &Ty) -> Value {
    match ty {
        Ty::Int => json!({"type": "integer"}),
        Ty::Num => json!({"type": "number"}),
        Ty::Bool => json!({"type": "boolean"}),
        Ty::Text => json!({"type": "string", "x-untrusted": true}),
        Ty::Time => json!({"type": "string", "format": "date-time"}),
        Ty::Word => json!({"enum": WORDS}),
        Ty::Nullable(inner) => json!({"anyOf": [schema(inner), {"type": "null"}]}),
        Ty::List(inner, least) => json!({"type": "array", "items": schema(inner), "minItems": least}),
        Ty::Object(members) => {
            object_schema(members.iter().map(|(name, ty, required)| (name, ty, *required)))
        }
        Ty::Map(inner) => json!({"type": "object", "additionalProperties": schema(inner)}),
        Ty::Either(a, b) => json!({"oneOf": [schema(a), schema(b)]}),
    }
}
