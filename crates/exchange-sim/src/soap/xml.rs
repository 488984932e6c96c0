//! Reading requests: a thin view over roxmltree with the schema's strictness.

use roxmltree::Node;

use super::fault::SoapFault;

/// Namespace of the messages.
pub(crate) const MESSAGES: &str = "http://schemas.microsoft.com/exchange/services/2006/messages";
/// Namespace of the types.
pub(crate) const TYPES: &str = "http://schemas.microsoft.com/exchange/services/2006/types";

/// An element of a request.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Element<'a>(pub(crate) Node<'a, 'a>);

impl<'a> Element<'a> {
    /// Name without namespace.
    pub(crate) fn name(self) -> &'a str {
        self.0.tag_name().name()
    }

    /// The elements in it.
    pub(crate) fn children(self) -> impl Iterator<Item = Element<'a>> {
        self.0.children().filter(Node::is_element).map(Element)
    }

    /// The first element with this name.
    pub(crate) fn child(self, name: &str) -> Option<Element<'a>> {
        self.children().find(|child| child.name() == name)
    }

    /// An element that must be there.
    pub(crate) fn required(self, name: &str) -> Result<Element<'a>, SoapFault> {
        self.child(name).ok_or_else(|| {
            self.violation(&format!(
                "The element '{}' has incomplete content: '{name}' is expected.",
                self.name()
            ))
        })
    }

    /// An attribute.
    pub(crate) fn attribute(self, name: &str) -> Option<&'a str> {
        self.0.attribute(name)
    }

    /// An attribute that must be there.
    pub(crate) fn required_attribute(self, name: &str) -> Result<&'a str, SoapFault> {
        self.attribute(name)
            .ok_or_else(|| self.violation(&format!("The required attribute '{name}' is missing.")))
    }

    /// An attribute out of a list.
    pub(crate) fn one_of<T: Copy>(self, name: &str, values: &[(&str, T)]) -> Result<Option<T>, SoapFault> {
        let Some(found) = self.attribute(name) else { return Ok(None) };
        match values.iter().find(|(value, _)| *value == found) {
            Some((_, value)) => Ok(Some(*value)),
            None => Err(self.violation(&format!(
                "The '{name}' attribute is invalid - The value '{found}' is invalid according to its datatype - The Enumeration constraint failed."
            ))),
        }
    }

    /// The text in it.
    pub(crate) fn text(self) -> String {
        // Entities and CDATA split a text into several nodes.
        self.0.children().filter_map(|node| node.text().filter(|_| node.is_text())).collect()
    }

    /// The text in it as `xs:boolean`.
    pub(crate) fn flag(self) -> Result<bool, SoapFault> {
        match self.text().trim() {
            "true" | "1" => Ok(true),
            "false" | "0" => Ok(false),
            other => Err(self.violation(&format!(
                "The '{}' element is invalid - The value '{other}' is invalid according to its datatype 'Boolean'.",
                self.name()
            ))),
        }
    }

    /// The text in it as a number between two bounds.
    pub(crate) fn number(self, least: u32, most: u32) -> Result<u32, SoapFault> {
        let text = self.text();
        let number = text.trim().parse::<u32>().ok().filter(|number| (least..=most).contains(number));
        number.ok_or_else(|| {
            self.violation(&format!(
                "The '{}' element is invalid - The value '{text}' is not between {least} and {most}.",
                self.name()
            ))
        })
    }

    /// Checks that its children are among `names` and in that order, as an `xs:sequence` asks.
    pub(crate) fn sequence(self, names: &[&str]) -> Result<(), SoapFault> {
        let mut at = 0;
        for child in self.children() {
            let rest = names.get(at..).unwrap_or_default();
            match rest.iter().position(|name| *name == child.name()) {
                // Stays at the element itself, which may repeat.
                Some(forward) => at += forward,
                None => {
                    let text = format!(
                        "The element '{}' in namespace '{}' has invalid child element '{}' in namespace '{}'.",
                        self.name(),
                        self.0.tag_name().namespace().unwrap_or_default(),
                        child.name(),
                        child.0.tag_name().namespace().unwrap_or_default(),
                    );
                    return Err(child.violation(&text));
                }
            }
        }
        Ok(())
    }

    /// The fault for a request that breaks the schema at this element.
    pub(crate) fn violation(self, text: &str) -> SoapFault {
        let place = self.0.document().text_pos_at(self.0.range().start);
        SoapFault::schema(place.row, place.col, text)
    }
}
