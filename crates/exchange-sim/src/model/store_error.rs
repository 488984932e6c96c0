//! How the store refuses: the server's own response codes.

/// A refusal. `code` is one of EWS's
/// [response codes](https://learn.microsoft.com/exchange/client-developer/web-service-reference/responsecode).
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{code}: {text}")]
pub(crate) struct StoreError {
    pub(crate) code: &'static str,
    pub(crate) text: String,
}

/// What a store operation gives.
pub(crate) type Stored<T> = Result<T, StoreError>;

impl StoreError {
    pub(crate) fn new(code: &'static str, text: impl Into<String>) -> Self {
        StoreError { code, text: text.into() }
    }

    pub(crate) fn item_not_found() -> Self {
        StoreError::new("ErrorItemNotFound", "The specified object was not found in the store.")
    }

    pub(crate) fn folder_not_found() -> Self {
        StoreError::new("ErrorFolderNotFound", "The specified folder could not be found in the store.")
    }

    pub(crate) fn malformed_id() -> Self {
        StoreError::new("ErrorInvalidIdMalformed", "Id is malformed.")
    }

    pub(crate) fn no_mailbox(address: &str) -> Self {
        let text = format!("The SMTP address has no mailbox associated with it. Address: {address}");
        StoreError::new("ErrorNonExistentMailbox", text)
    }
}
