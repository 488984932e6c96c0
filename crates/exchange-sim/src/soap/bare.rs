//! Answers that are one response message instead of a list of them.

use super::out::Out;
use super::xml::{MESSAGES, TYPES};
use crate::model::store_error::StoreError;

/// Begins such an answer.
pub(crate) fn open(out: &mut Out, operation: &str, refused: Option<&StoreError>) {
    out.raw(&format!("<m:{operation}Response xmlns:m=\"{MESSAGES}\" xmlns:t=\"{TYPES}\""));
    verdict(out, refused);
}

/// Ends it.
pub(crate) fn close(out: &mut Out, operation: &str) {
    out.raw(&format!("</m:{operation}Response>"));
}

/// What a message says of itself, from the attributes of its element on.
pub(crate) fn verdict(out: &mut Out, refused: Option<&StoreError>) {
    match refused {
        None => out.raw(" ResponseClass=\"Success\"><m:ResponseCode>NoError</m:ResponseCode>"),
        Some(error) => {
            out.raw(" ResponseClass=\"Error\"><m:MessageText>");
            out.text(&error.text);
            out.raw(&format!(
                "</m:MessageText><m:ResponseCode>{}</m:ResponseCode><m:DescriptiveLinkKey>0</m:DescriptiveLinkKey>",
                error.code
            ));
        }
    }
}
