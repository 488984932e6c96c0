//! The codes of what the checker finds, P04xx. Codes are never reused for something else.

/// Operands of an operator, or a condition, have the wrong type.
pub const OPERANDS: &str = "P0401";
/// A member that the type cannot have.
pub const NO_MEMBER: &str = "P0402";
/// A member that is declared and may be missing.
pub const MAY_BE_MISSING: &str = "P0403";
/// A value that may be null is used as if it were not.
pub const MAY_BE_NULL: &str = "P0404";
/// A member that an open object does not declare (warning).
pub const UNDECLARED: &str = "P0405";
/// A function that does not exist.
pub const NO_FUNCTION: &str = "P0406";
/// An index into a list of unknown length (warning).
pub const INDEX: &str = "P0407";
/// The wrong number of arguments.
pub const ARGUMENT_COUNT: &str = "P0408";
/// An argument of the wrong type.
pub const ARGUMENT: &str = "P0409";
/// A comparison of types that are never equal.
pub const NEVER_EQUAL: &str = "P0410";
/// A value without a text form inside a text.
pub const NO_TEXT: &str = "P0411";
/// A division that rounds down for some of the values (warning).
pub const DIVISION: &str = "P0412";
/// The same key twice in an object.
pub const DUPLICATE_KEY: &str = "P0413";
/// A condition or comparison that always has the same answer (warning).
pub const CONSTANT: &str = "P0414";
