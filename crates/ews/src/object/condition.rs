//! Conditions on any property: what a
//! [restriction](https://learn.microsoft.com/exchange/client-developer/web-service-reference/restriction) can say.
//!
//! Values are always constants and never a piece of a query. Left out: bit masks, and comparing one property with
//! another, which servers refuse for most of them.

use exchange::Restriction;

use super::path::PropertyPath;
use crate::condition;
use crate::xml::Writer;

/// How deep conditions may nest.
const DEEPEST: usize = 32;

/// How two values compare.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Relation {
    /// Equal.
    Equal,
    /// Not equal.
    NotEqual,
    /// Greater, or later.
    Greater,
    /// Greater or equal.
    GreaterOrEqual,
    /// Less, or earlier.
    Less,
    /// Less or equal.
    LessOrEqual,
}

impl Relation {
    /// Every one of them.
    pub const ALL: [Relation; 6] = [
        Relation::Equal,
        Relation::NotEqual,
        Relation::Greater,
        Relation::GreaterOrEqual,
        Relation::Less,
        Relation::LessOrEqual,
    ];
}

/// Where a text is looked for, whatever its case.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum TextMode {
    /// It is the whole.
    Whole,
    /// It is the beginning.
    Beginning,
    /// It is anywhere.
    Anywhere,
    /// It begins a word.
    WordBeginning,
    /// It is made of whole words.
    Words,
}

impl TextMode {
    /// Every one of them.
    pub const ALL: [TextMode; 5] =
        [TextMode::Whole, TextMode::Beginning, TextMode::Anywhere, TextMode::WordBeginning, TextMode::Words];
}

/// A condition on an item.
#[derive(Debug, Clone, PartialEq)]
#[non_exhaustive]
pub enum ItemCondition {
    /// What playbooks can ask of a message.
    Mail(Restriction),
    /// The item has the property.
    Exists(PropertyPath),
    /// The property compares with a value.
    Compare(PropertyPath, Relation, String),
    /// The property contains a text.
    Contains(PropertyPath, TextMode, String),
    /// Not this.
    Not(Box<ItemCondition>),
    /// Every one of them; at least one.
    All(Vec<ItemCondition>),
    /// One of them; at least one.
    Any(Vec<ItemCondition>),
}

/// Writes a condition.
pub(crate) fn write(condition: &ItemCondition, out: &mut Writer) {
    write_at(condition, out, 0);
}

fn write_at(condition: &ItemCondition, out: &mut Writer, depth: usize) {
    if depth > DEEPEST {
        return out.refuse(format!("a condition is nested more than {DEEPEST} deep, which servers refuse"));
    }
    match condition {
        ItemCondition::Mail(restriction) => condition::of(restriction).write(out),
        ItemCondition::Exists(path) => {
            out.open("t:Exists", &[]);
            path.write(out);
            out.close("t:Exists");
        }
        ItemCondition::Compare(path, relation, value) => {
            let name = match relation {
                Relation::Equal => "t:IsEqualTo",
                Relation::NotEqual => "t:IsNotEqualTo",
                Relation::Greater => "t:IsGreaterThan",
                Relation::GreaterOrEqual => "t:IsGreaterThanOrEqualTo",
                Relation::Less => "t:IsLessThan",
                Relation::LessOrEqual => "t:IsLessThanOrEqualTo",
            };
            out.open(name, &[]);
            path.write(out);
            out.open("t:FieldURIOrConstant", &[]);
            out.empty("t:Constant", &[("Value", value)]);
            out.close("t:FieldURIOrConstant");
            out.close(name);
        }
        ItemCondition::Contains(path, mode, text) => {
            let mode = match mode {
                TextMode::Whole => "FullString",
                TextMode::Beginning => "Prefixed",
                TextMode::Anywhere => "Substring",
                TextMode::WordBeginning => "PrefixOnWords",
                TextMode::Words => "ExactPhrase",
            };
            out.open("t:Contains", &[("ContainmentMode", mode), ("ContainmentComparison", "IgnoreCase")]);
            path.write(out);
            out.empty("t:Constant", &[("Value", text)]);
            out.close("t:Contains");
        }
        ItemCondition::Not(inner) => {
            out.open("t:Not", &[]);
            write_at(inner, out, depth + 1);
            out.close("t:Not");
        }
        ItemCondition::All(all) => join(out, "t:And", all, depth),
        ItemCondition::Any(any) => join(out, "t:Or", any, depth),
    }
}

/// `And` and `Or` of the schema want two conditions at least.
fn join(out: &mut Writer, name: &'static str, conditions: &[ItemCondition], depth: usize) {
    match conditions {
        [] => out.refuse(String::from("a condition joins no conditions; leave it out")),
        [only] => write_at(only, out, depth + 1),
        several => {
            out.open(name, &[]);
            several.iter().for_each(|condition| write_at(condition, out, depth + 1));
            out.close(name);
        }
    }
}
