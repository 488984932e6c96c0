//! How much room a type leaves: the length of lists, and literals that only happen to be what they are.

use super::{Field, Kind, Type};

impl Type {
    /// How many elements a list has at most, if its schema says so.
    pub fn at_most(&self) -> Option<usize> {
        match &self.kind {
            Kind::List(list) => list.at_most,
            Kind::Union(members) => {
                let most: Option<Vec<usize>> = members.iter().map(Type::at_most).collect();
                most?.into_iter().max()
            }
            _ => None,
        }
    }

    /// Whether the value is always null.
    pub fn is_null(&self) -> bool {
        matches!(self.kind, Kind::Null)
    }

    /// Whether there is no such value: the elements of `[]`.
    pub fn is_never(&self) -> bool {
        matches!(self.kind, Kind::Never)
    }

    /// The type of a place that holds this value now and another one of its sort later: `"a"` becomes any string, a
    /// list of two any list of such elements.
    #[must_use]
    pub fn widened(&self) -> Type {
        let wide = match &self.kind {
            Kind::Text(_) => Type::string(),
            Kind::List(list) => Type::list(list.element.widened()),
            Kind::Map(value) => Type::map(value.widened()),
            Kind::Object(object) => Type::object(
                object.fields.iter().map(|(name, field)| {
                    (name.clone(), Field { ty: field.ty.widened(), required: field.required })
                }),
                object.rest.as_ref().map(Type::widened),
            ),
            Kind::Union(members) => Type::union(members.iter().map(Type::widened)),
            _ => return self.clone(),
        };
        wide.inside(self)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn lengths_come_from_schemas_and_unions_take_the_longer() {
        let of = |most: u64| Type::from_schema(&json!({"type": "array", "maxItems": most}));
        assert_eq!(of(5).at_most(), Some(5));
        assert_eq!(Type::list(Type::int()).at_most(), None);
        assert_eq!(Type::union([of(5), of(9)]).at_most(), Some(9));
        assert_eq!(Type::union([of(5), Type::list(Type::int())]).at_most(), None);
    }

    #[test]
    fn literals_widen_to_their_sort_and_keep_their_labels() {
        let ty = Type::closed([
            ("a".to_owned(), Type::literal("x").with_untrusted()),
            ("b".to_owned(), Type::list_at_least(Type::literal("y"), 3)),
        ]);
        let wide = ty.widened();
        assert!(Type::string().assignable_to(&wide.element()).is_ok());
        assert!(wide.contains_untrusted());
        assert_eq!(Type::list_at_least(Type::literal("y"), 3).widened(), Type::list(Type::string()));
    }
}
