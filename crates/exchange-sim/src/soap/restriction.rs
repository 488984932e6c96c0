//! `Restriction` and `SortOrder` of FindItem.
//!
//! <https://learn.microsoft.com/exchange/client-developer/web-service-reference/restriction>

use super::fault::SoapFault;
use super::paths;
use super::xml::Element;
use crate::model::filter::{Comparison, Containment, Field, Filter, Operand};

/// How deep conditions may nest.
const MAX_DEPTH: usize = 64;

/// Reads `Restriction`.
pub(crate) fn read(restriction: Element<'_>) -> Result<Filter, SoapFault> {
    let condition = restriction
        .children()
        .next()
        .ok_or_else(|| restriction.violation("The element 'Restriction' has incomplete content."))?;
    filter(condition, 0)
}

fn filter(element: Element<'_>, depth: usize) -> Result<Filter, SoapFault> {
    if depth > MAX_DEPTH {
        let text = "The restriction or sort order is too complex for this operation.";
        return Err(SoapFault::new("ErrorRestrictionTooComplex", text));
    }
    let inner = || element.children().map(|child| filter(child, depth + 1)).collect::<Result<Vec<_>, _>>();
    let compare = |how| comparison(element, how);
    match element.name() {
        "And" => Ok(Filter::All(inner()?)),
        "Or" => Ok(Filter::Any(inner()?)),
        "Not" => {
            let condition =
                element.children().next().ok_or_else(|| element.violation("'Not' needs a condition."))?;
            Ok(Filter::Not(Box::new(filter(condition, depth + 1)?)))
        }
        "Exists" => Ok(Filter::Exists(field(element)?)),
        "Contains" => contains(element),
        "IsEqualTo" => compare(Comparison::Equal),
        "IsNotEqualTo" => compare(Comparison::NotEqual),
        "IsGreaterThan" => compare(Comparison::Greater),
        "IsGreaterThanOrEqualTo" => compare(Comparison::GreaterOrEqual),
        "IsLessThan" => compare(Comparison::Less),
        "IsLessThanOrEqualTo" => compare(Comparison::LessOrEqual),
        other => {
            let text = format!("The simulator does not know the restriction '{other}'.");
            Err(SoapFault::new("ErrorUnsupportedPathForQuery", text))
        }
    }
}

fn field(parent: Element<'_>) -> Result<Field, SoapFault> {
    let path = parent
        .children()
        .find(|child| paths::NAMES.contains(&child.name()))
        .ok_or_else(|| parent.violation("A property path is expected."))?;
    let read = paths::read(path)?;
    paths::searchable(&read).ok_or_else(|| {
        let text = format!("The property can not be used with this type of restriction: {read:?}");
        SoapFault::new("ErrorUnsupportedPathForQuery", text)
    })
}

fn comparison(element: Element<'_>, how: Comparison) -> Result<Filter, SoapFault> {
    let with = element.required("FieldURIOrConstant")?;
    let with = match with.child("Constant") {
        Some(constant) => Operand::Text(constant.required_attribute("Value")?.to_owned()),
        None => Operand::Field(field(with)?),
    };
    Ok(Filter::Compare { field: field(element)?, how, with })
}

fn contains(element: Element<'_>) -> Result<Filter, SoapFault> {
    let modes = [
        ("FullString", Containment::FullString),
        ("Prefixed", Containment::Prefixed),
        ("Substring", Containment::Substring),
        ("PrefixOnWords", Containment::PrefixOnWords),
        ("ExactPhrase", Containment::ExactPhrase),
    ];
    let comparisons = [
        ("Exact", false),
        ("IgnoreCase", true),
        ("IgnoreNonSpacingCharacters", false),
        ("Loose", true),
        ("IgnoreCaseAndNonSpacingCharacters", true),
        ("LooseAndIgnoreCase", true),
        ("LooseAndIgnoreNonSpace", false),
        ("LooseAndIgnoreCaseAndIgnoreNonSpace", true),
    ];
    Ok(Filter::Contains {
        field: field(element)?,
        mode: element.one_of("ContainmentMode", &modes)?.unwrap_or(Containment::FullString),
        ignore_case: element.one_of("ContainmentComparison", &comparisons)?.unwrap_or(false),
        text: element.required("Constant")?.required_attribute("Value")?.to_owned(),
    })
}

/// Reads `SortOrder`: each property, and whether it descends.
pub(crate) fn sort_order(order: Element<'_>) -> Result<Vec<(Field, bool)>, SoapFault> {
    let one = |element: Element<'_>| {
        let orders = [("Ascending", false), ("Descending", true)];
        Ok((field(element)?, element.one_of("Order", &orders)?.unwrap_or(false)))
    };
    order.children().map(one).collect()
}
