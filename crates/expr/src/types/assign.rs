//! Whether a value of one type may stand where another is expected.

use super::{Field, Kind, ObjectType, Type};
use thiserror::Error;

/// Why a type does not fit.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
#[error("{message}")]
pub struct Mismatch {
    /// What is expected and what was found.
    pub message: String,
    /// The member or element it is about, outermost first; `[]` stands for an element.
    pub path: Vec<String>,
}

type Fits = Result<(), Mismatch>;

fn mismatch(found: &Type, expected: &Type) -> Mismatch {
    Mismatch { message: format!("expected {expected}, found {found}"), path: Vec::new() }
}

fn under(name: &str) -> impl FnOnce(Mismatch) -> Mismatch + '_ {
    move |mut inner| {
        inner.path.insert(0, name.to_owned());
        inner
    }
}

impl Type {
    /// Whether every value of this type is one of `expected`. `any` fits on both sides. An int fits where a double
    /// is expected; null fits only where null is. Labels are not compared: who may receive an untrusted or secret
    /// value is not a question of types.
    ///
    /// # Errors
    /// The first place that does not fit.
    pub fn assignable_to(&self, expected: &Type) -> Result<(), Mismatch> {
        match (&self.kind, &expected.kind) {
            (Kind::Any, Kind::Any) => Ok(()),
            (Kind::Any, _) if expected.holds_restriction() => Err(mismatch(self, expected)),
            (Kind::Any | Kind::Never, _) | (_, Kind::Any) => Ok(()),
            (Kind::Union(members), _) => members.iter().try_for_each(|member| {
                member.assignable_to(expected).map_err(|inner| {
                    let null = matches!(member.kind, Kind::Null) && inner.path.is_empty();
                    if null {
                        Mismatch {
                            message: format!("expected {expected}, this may be null"),
                            path: Vec::new(),
                        }
                    } else {
                        inner
                    }
                })
            }),
            (_, Kind::Union(members)) => {
                let mut nearest = None;
                for member in members.iter() {
                    match self.assignable_to(member) {
                        Ok(()) => return Ok(()),
                        // A mismatch deep inside says more than "none of these".
                        Err(inner) if !inner.path.is_empty() => nearest = Some(inner),
                        Err(_) => {}
                    }
                }
                Err(nearest.unwrap_or_else(|| mismatch(self, expected)))
            }
            (Kind::Text(found), Kind::Text(wanted)) => {
                let wanted = wanted.as_ref().and_then(|facts| facts.values.as_ref());
                let found = found.as_ref().and_then(|facts| facts.values.as_ref());
                // A text that is only known to be a text may be one of the values; the value itself is
                // checked against the schema when it is there.
                match (found, wanted) {
                    (Some(found), Some(wanted)) if !found.iter().all(|v| wanted.contains(v)) => {
                        Err(mismatch(self, expected))
                    }
                    _ => Ok(()),
                }
            }
            (Kind::Int | Kind::Double | Kind::Number, Kind::Number | Kind::Double)
            | (Kind::Int, Kind::Int)
            | (Kind::Null, Kind::Null)
            | (Kind::Bool, Kind::Bool)
            | (Kind::Restriction, Kind::Restriction)
            | (Kind::Timestamp, Kind::Timestamp | Kind::Text(_))
            | (Kind::Duration, Kind::Duration | Kind::Text(_)) => Ok(()),
            (Kind::List(found), Kind::List(wanted)) => {
                found.element.assignable_to(&wanted.element).map_err(under("[]"))
            }
            (Kind::Map(found), Kind::Map(wanted)) => found.assignable_to(wanted).map_err(under("*")),
            (Kind::Object(found), Kind::Map(wanted)) => {
                for (name, field) in &found.fields {
                    field.ty.assignable_to(wanted).map_err(under(name))?;
                }
                found.rest.as_ref().map_or(Ok(()), |rest| rest.assignable_to(wanted).map_err(under("*")))
            }
            (Kind::Map(found), Kind::Object(wanted)) => map_to_object(found, wanted),
            (Kind::Object(found), Kind::Object(wanted)) => object_to_object(found, wanted),
            _ => Err(mismatch(self, expected)),
        }
    }
}

fn missing(name: &str, why: &str) -> Mismatch {
    Mismatch { message: format!("the required member `{name}` {why}"), path: vec![name.to_owned()] }
}

fn map_to_object(found: &Type, wanted: &ObjectType) -> Fits {
    for (name, field) in &wanted.fields {
        if field.required && !found.is_any() {
            return Err(missing(name, "may be missing"));
        }
        found.assignable_to(&field.ty).map_err(under(name))?;
    }
    Ok(())
}

fn object_to_object(found: &ObjectType, wanted: &ObjectType) -> Fits {
    for (name, field) in &wanted.fields {
        match found.fields.get(name) {
            Some(Field { ty, required }) => {
                if field.required && !required {
                    return Err(missing(name, "may be missing"));
                }
                ty.assignable_to(&field.ty).map_err(under(name))?;
            }
            None if field.required && found.rest.is_none() => return Err(missing(name, "is missing")),
            None => match &found.rest {
                Some(rest) if field.ty.holds_restriction() => {
                    rest.assignable_to(&field.ty).map_err(under(name))?;
                }
                _ => {}
            },
        }
    }
    for (name, field) in &found.fields {
        if wanted.fields.contains_key(name) {
            continue;
        }
        match &wanted.rest {
            Some(rest) => field.ty.assignable_to(rest).map_err(under(name))?,
            None => {
                let known: Vec<&str> = wanted.fields.keys().map(String::as_str).collect();
                let hint = crate::suggest::nearest(name, known.iter().copied())
                    .map_or_else(String::new, |near| format!("; did you mean `{near}`?"));
                return Err(Mismatch {
                    message: format!("there is no member `{name}`{hint}"),
                    path: vec![name.clone()],
                });
            }
        }
    }
    Ok(())
}
