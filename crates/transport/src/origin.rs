//! Where a request goes: scheme, host and port, as [RFC 6454](https://www.rfc-editor.org/rfc/rfc6454) has it.

use std::fmt;
use std::net::IpAddr;

use http::Uri;

/// Scheme, host and port. Credentials belong to one origin and go to no other.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Origin {
    https: bool,
    host: String,
    port: u16,
}

impl Origin {
    /// The origin of an address; `None` if it has no host, another scheme than HTTP, or a user in it.
    pub fn of(uri: &Uri) -> Option<Self> {
        let https = match uri.scheme_str()? {
            "https" => true,
            "http" => false,
            _ => return None,
        };
        let authority = uri.authority()?;
        if authority.as_str().contains('@') || authority.host().is_empty() {
            return None;
        }
        let host = authority.host().trim_end_matches('.').to_ascii_lowercase();
        let port = match authority.port() {
            None => {
                if https {
                    443
                } else {
                    80
                }
            }
            Some(port) => port.as_str().parse().ok()?,
        };
        Some(Origin { https, host, port })
    }

    /// Whether the way there is encrypted.
    pub fn is_https(&self) -> bool {
        self.https
    }

    /// The host in lower case, IPv6 in brackets.
    pub fn host(&self) -> &str {
        &self.host
    }

    /// The port.
    pub fn port(&self) -> u16 {
        self.port
    }

    /// The host without the brackets of IPv6, as the system and TLS want it.
    pub(crate) fn bare_host(&self) -> &str {
        self.host.trim_start_matches('[').trim_end_matches(']')
    }

    /// Whether it is this very machine, by an address or by the name reserved for it.
    pub fn is_loopback(&self) -> bool {
        let bare = self.bare_host();
        bare == "localhost" || bare.parse::<IpAddr>().is_ok_and(|ip| ip.is_loopback())
    }
}

impl fmt::Display for Origin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let scheme = if self.https { "https" } else { "http" };
        write!(f, "{scheme}://{}:{}", self.host, self.port)
    }
}

/// Host and port as they stand in an address.
pub(crate) fn authority(host: &str, port: u16) -> String {
    if host.contains(':') && !host.starts_with('[') {
        format!("[{host}]:{port}")
    } else {
        format!("{host}:{port}")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn origin(text: &str) -> Option<Origin> {
        Origin::of(&text.parse().unwrap())
    }

    #[test]
    fn equal_origins_are_equal_however_they_are_written() {
        assert_eq!(origin("https://Mail.Corp.example/a"), origin("https://mail.corp.example:443/b?c"));
        assert_eq!(origin("http://a.example."), origin("http://a.example:80"));
    }

    #[test]
    fn another_scheme_host_or_port_is_another_origin() {
        let ours = origin("https://mail.corp.example/");
        for other in
            ["http://mail.corp.example/", "https://mail.corp.example:444/", "https://mail.corp.example.evil/"]
        {
            assert_ne!(ours, origin(other), "{other}");
        }
    }

    #[test]
    fn a_user_in_the_address_is_no_origin() {
        assert_eq!(origin("https://mail.corp.example@evil.example/"), None);
        assert_eq!(origin("/relative"), None);
    }

    #[test]
    fn loopback_is_known_by_address_and_reserved_name_only() {
        for here in ["http://127.0.0.1:1/", "http://127.9.9.9/", "http://[::1]:8/", "http://localhost/"] {
            assert!(origin(here).unwrap().is_loopback(), "{here}");
        }
        for there in ["http://localhost.evil.example/", "http://128.0.0.1/", "http://127.0.0.1.evil.example/"]
        {
            assert!(!origin(there).unwrap().is_loopback(), "{there}");
        }
    }
}
