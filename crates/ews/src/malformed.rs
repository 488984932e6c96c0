//! An answer that cannot be read: what is wrong with it, in which element, at which byte.

use thiserror::Error;

/// What is wrong with an answer.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub(crate) enum Reason {
    /// A document type declaration: the way to entities of a document's own.
    #[error("it has a document type declaration, which is refused")]
    Doctype,
    /// An entity that is not one of the five.
    #[error("it refers to an entity that XML does not predefine")]
    Entity,
    /// Too many levels.
    #[error("its elements are nested more than {0} deep")]
    Depth(usize),
    /// Too many attributes on one element.
    #[error("an element has more than {0} attributes")]
    Attributes(usize),
    /// One tag is too long.
    #[error("a tag is longer than {0} bytes")]
    TagLength(usize),
    /// The whole is too long.
    #[error("it is longer than the limit of {0} bytes")]
    Length(u64),
    /// The bytes end too early.
    #[error("it ends in the middle")]
    Cut,
    /// Markup that is no XML.
    #[error("it is not well-formed XML: {0}")]
    Markup(&'static str),
    /// Not UTF-8.
    #[error("its encoding is not UTF-8")]
    Encoding,
    /// Compressed although we did not offer to take that.
    #[error("it is compressed, which was not asked for")]
    Compressed,
    /// XML, but no SOAP envelope.
    #[error("it is not a SOAP envelope: {0}")]
    Envelope(&'static str),
    /// A different operation's answer.
    #[error("it answers something else: expected {0}")]
    Operation(&'static str),
    /// Something required is absent.
    #[error("{0} is missing")]
    Missing(&'static str),
    /// A value that is not what the schema says.
    #[error("the value of {0} cannot be read")]
    Value(&'static str),
    /// Base64 that is none.
    #[error("it holds base64 that cannot be decoded")]
    Base64,
    /// More or fewer results than asked for.
    #[error("it holds {got} results, {asked} were asked for")]
    Count {
        /// How many we asked for.
        asked: usize,
        /// How many came.
        got: usize,
    },
    /// A result for another item than the one asked for at this place.
    #[error("result {0} is about another item than the one asked for")]
    OtherItem(usize),
    /// Paging that would never end.
    #[error("its paging does not advance")]
    Paging,
}

/// A reason with its place.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[error("{reason} (in element {element}, at byte {offset})")]
pub(crate) struct Malformed {
    /// What is wrong.
    pub(crate) reason: Reason,
    /// The open elements, e.g. `Envelope/Body`.
    pub(crate) element: String,
    /// Where in the decoded body.
    pub(crate) offset: u64,
}
