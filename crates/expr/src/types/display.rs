//! Types in the words of an author: `list of {from: string, score: int}`.

use super::{Kind, Type};
use std::fmt::{self, Display, Formatter};

/// More members than this are left out of a message.
const SHOWN: usize = 6;
/// Deeper types are shown by their outer word only.
const DEEP: usize = 3;

impl Display for Type {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        write(self, f, 0)
    }
}

fn write(ty: &Type, f: &mut Formatter<'_>, depth: usize) -> fmt::Result {
    match &ty.kind {
        Kind::Any => f.write_str("any"),
        Kind::Never => f.write_str("nothing"),
        Kind::Null => f.write_str("null"),
        Kind::Bool => f.write_str("bool"),
        Kind::Int => f.write_str("int"),
        Kind::Double => f.write_str("double"),
        Kind::Number => f.write_str("number"),
        Kind::Timestamp => f.write_str("timestamp"),
        Kind::Duration => f.write_str("duration"),
        Kind::Restriction => f.write_str("restriction"),
        Kind::Text(facts) => match facts.as_ref().and_then(|facts| facts.values.as_ref()) {
            Some(values) if values.len() <= SHOWN => {
                let quoted: Vec<String> = values.iter().map(|value| format!("{value:?}")).collect();
                f.write_str(&quoted.join(" | "))
            }
            _ => f.write_str("string"),
        },
        Kind::List(_) if depth >= DEEP => f.write_str("list"),
        Kind::List(list) if matches!(list.element.kind, Kind::Any | Kind::Never) => f.write_str("list"),
        Kind::List(list) => {
            f.write_str("list of ")?;
            let bracket = matches!(list.element.kind, Kind::Union(_))
                || list.element.values().is_some_and(|v| v.len() > 1);
            if bracket {
                f.write_str("(")?;
            }
            write(&list.element, f, depth + 1)?;
            if bracket { f.write_str(")") } else { Ok(()) }
        }
        Kind::Map(value) if depth >= DEEP || matches!(value.kind, Kind::Any) => f.write_str("object"),
        Kind::Map(value) => {
            f.write_str("object of ")?;
            write(value, f, depth + 1)
        }
        Kind::Object(_) if depth >= DEEP => f.write_str("object"),
        Kind::Object(object) => {
            f.write_str("{")?;
            for (at, (name, field)) in object.fields.iter().enumerate() {
                if at == SHOWN {
                    f.write_str(", ...")?;
                    break;
                }
                if at > 0 {
                    f.write_str(", ")?;
                }
                write!(f, "{name}{}: ", if field.required { "" } else { "?" })?;
                write(&field.ty, f, depth + 1)?;
            }
            f.write_str("}")
        }
        Kind::Union(members) => {
            for (at, member) in members.iter().enumerate() {
                if at > 0 {
                    f.write_str(" | ")?;
                }
                write(member, f, depth + 1)?;
            }
            Ok(())
        }
    }
}
