//! The one HTTP client: TLS, credentials bound to a host, limits, redaction.
