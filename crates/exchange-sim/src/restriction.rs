//! The restrictions of the ports as conditions of the store.
//!
//! Written for itself and not by way of EWS: that both ways find the same is what tests compare.

use exchange::Restriction;
use exchange::restriction::{Field as Named, FlagField, Importance, TextField, TextMatch, TimeField};
use jiff::Timestamp;

use crate::model::filter::{Comparison, Containment, Field, Filter, Operand};

/// The condition of a restriction.
pub(crate) fn filter(restriction: &Restriction) -> Filter {
    match restriction {
        Restriction::All(all) => Filter::All(all.iter().map(filter).collect()),
        Restriction::Any(any) => Filter::Any(any.iter().map(filter).collect()),
        Restriction::Not(inner) => Filter::Not(Box::new(filter(inner))),
        Restriction::Text(field, how, value) => text(*field, *how, value),
        Restriction::Before(field, at) => time(*field, Comparison::Less, *at),
        Restriction::NotBefore(field, at) => time(*field, Comparison::GreaterOrEqual, *at),
        Restriction::Flag(FlagField::HasAttachments, value) => {
            equal(Field::HasAttachments, value.to_string())
        }
        Restriction::Flag(FlagField::IsRead, value) => equal(Field::IsRead, value.to_string()),
        Restriction::Size(bytes) => equal(Field::Size, bytes.to_string()),
        Restriction::Importance(Importance::Low) => equal(Field::Importance, "Low".to_owned()),
        Restriction::Importance(Importance::Normal) => equal(Field::Importance, "Normal".to_owned()),
        Restriction::Importance(Importance::High) => equal(Field::Importance, "High".to_owned()),
        Restriction::Exists(named) => Filter::Exists(field(*named)),
    }
}

fn equal(field: Field, text: String) -> Filter {
    Filter::Compare { field, how: Comparison::Equal, with: Operand::Text(text) }
}

fn time(field: TimeField, how: Comparison, at: Timestamp) -> Filter {
    let field = match field {
        TimeField::Received => Field::Received,
        TimeField::Sent => Field::Sent,
    };
    Filter::Compare { field, how, with: Operand::Text(at.to_string()) }
}

fn text(field: TextField, how: TextMatch, value: &str) -> Filter {
    let mode = match how {
        TextMatch::Equals => Containment::FullString,
        TextMatch::Contains => Containment::Substring,
        TextMatch::StartsWith => Containment::Prefixed,
    };
    let field = match (field, how) {
        // A whole sender is an address; a display name that looks like one must not do.
        (TextField::From, TextMatch::Equals) => Field::FromAddress,
        (TextField::From, _) => Field::From,
        (TextField::To, _) => Field::To,
        (TextField::Cc, _) => Field::Cc,
        (TextField::Subject, _) => Field::Subject,
        (TextField::Body, _) => Field::Body,
        (TextField::MessageId, _) => Field::MessageId,
        (TextField::Category, _) => Field::Categories,
    };
    Filter::Contains { field, mode, ignore_case: true, text: value.to_owned() }
}

fn field(named: Named) -> Field {
    match named {
        Named::From => Field::From,
        Named::To => Field::To,
        Named::Cc => Field::Cc,
        Named::Subject => Field::Subject,
        Named::Body => Field::Body,
        Named::MessageId => Field::MessageId,
        Named::Received => Field::Received,
        Named::Sent => Field::Sent,
        Named::Size => Field::Size,
        Named::HasAttachments => Field::HasAttachments,
        Named::IsRead => Field::IsRead,
        Named::Importance => Field::Importance,
        Named::Category => Field::Categories,
    }
}
