//! `QueryString`: the part of Microsoft's query language that mail clients use, as a filter. Words and quoted phrases,
//! alone or after `subject:`, `from:`, `to:`, `cc:`, `body:` and `hasattachment:`; all of
//! them must hold, unless there is an `OR` between them.
//!
//! <https://learn.microsoft.com/exchange/client-developer/web-service-reference/querystring-querystringtype>

use super::super::fault::SoapFault;
use crate::model::filter::{Comparison, Containment, Field, Filter, Operand};

/// Reads a query.
pub(crate) fn read(query: &str) -> Result<Filter, SoapFault> {
    // What stands between two ORs holds together.
    let mut any = Vec::new();
    let mut all = Vec::new();
    let mut rest = query.trim();
    while !rest.is_empty() {
        let (term, after) = take(rest);
        match term {
            "AND" => {}
            "OR" => any.push(Filter::All(std::mem::take(&mut all))),
            term => all.push(filter(term)?),
        }
        rest = after.trim_start();
    }
    any.push(Filter::All(all));
    Ok(Filter::Any(any))
}

/// One term and what follows: blanks inside quotes end nothing.
fn take(text: &str) -> (&str, &str) {
    let mut quoted = false;
    let end = text.find(|c: char| {
        quoted ^= c == '"';
        c.is_whitespace() && !quoted
    });
    text.split_at(end.unwrap_or(text.len()))
}

fn filter(term: &str) -> Result<Filter, SoapFault> {
    let (name, value) = match term.split_once(':') {
        Some((name, value)) if !name.contains('"') => (name.to_lowercase(), value),
        _ => (String::new(), term),
    };
    let text = value.trim_matches('"').to_owned();
    let has = |field: Field| Filter::Contains {
        field,
        mode: Containment::PrefixOnWords,
        ignore_case: true,
        text: text.clone(),
    };
    Ok(match name.as_str() {
        "" => Filter::Any(vec![has(Field::Subject), has(Field::Body), has(Field::From)]),
        "subject" => has(Field::Subject),
        "from" => has(Field::From),
        "to" => has(Field::To),
        "cc" => has(Field::Cc),
        "body" => has(Field::Body),
        "hasattachment" | "hasattachments" => Filter::Compare {
            field: Field::HasAttachments,
            how: Comparison::Equal,
            with: Operand::Text(text.to_lowercase()),
        },
        other => {
            let text = format!("The simulator's query language does not know '{other}:'.");
            return Err(SoapFault::new("ErrorInvalidOperation", text));
        }
    })
}
