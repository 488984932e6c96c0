//! Who is told of every token, so that it can be taken out of what others say: a server may repeat a request in its
//! error message, `Authorization` and all.

use std::sync::Arc;

use transport::Secret;

/// Is told of every token, assertion and code before it is sent to anybody, also of those that were kept.
pub type Ear = Arc<dyn Fn(&Secret) + Send + Sync>;
