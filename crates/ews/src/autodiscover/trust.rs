//! Who gets to see a log-in: servers that were configured, the domain of the address itself and `autodiscover.`
//! before it, and hosts that are named as trusted. Always over HTTPS; a server on this machine may do without.
//!
//! No other host is ever added, whatever a redirect or an answer says: `autodiscover.` before a top-level domain has
//! been used to collect passwords, and a redirect from plain HTTP is anybody's.

use exchange::Mailbox;
use http::Uri;

use super::settings::AutodiscoverConfig;

/// The part after the `@`.
pub(super) fn domain(address: &Mailbox) -> &str {
    address.as_str().rsplit_once('@').map_or("", |(_, domain)| domain)
}

/// Whether the log-in may be sent to this address, asked about `first`: the address the search began with, not one
/// that an answer led to.
pub(super) fn may_log_in(config: &AutodiscoverConfig, first: &Mailbox, url: &Uri) -> bool {
    let Some(host) = url.host() else { return false };
    let configured = |endpoint: &Uri| {
        let same = endpoint.host().is_some_and(|known| known.eq_ignore_ascii_case(host));
        same && endpoint.scheme() == url.scheme() && endpoint.port_u16() == url.port_u16()
    };
    if config.endpoints.iter().any(configured) {
        return is_safe(url);
    }
    let domain = domain(first);
    let own = host.eq_ignore_ascii_case(domain)
        || host.to_ascii_lowercase().strip_prefix("autodiscover.") == Some(domain);
    let named = config.trusted_hosts.iter().any(|trusted| trusted.eq_ignore_ascii_case(host));
    let usual_port = matches!(url.port_u16(), None | Some(443));
    is_https(url) && usual_port && (own || named)
}

/// HTTPS, or this machine.
pub(super) fn is_safe(url: &Uri) -> bool {
    let here = |host: &str| matches!(host, "127.0.0.1" | "[::1]" | "localhost");
    is_https(url) || url.host().is_some_and(here)
}

/// Whether it is over HTTPS.
pub(super) fn is_https(url: &Uri) -> bool {
    url.scheme_str() == Some("https")
}

impl AutodiscoverConfig {
    /// The origins that a log-in may be sent to while a server for this address is looked for. Credentials that are
    /// bound to these, and to nothing else, are enough.
    pub fn login_origins(&self, address: &Mailbox) -> Vec<String> {
        let of = |url: &Uri| Some(format!("{}://{}", url.scheme_str()?, url.authority()?));
        let domain = domain(address);
        let own = [domain.to_owned(), format!("autodiscover.{domain}")];
        let hosts = own.iter().chain(&self.trusted_hosts).map(|host| format!("https://{host}"));
        self.endpoints.iter().filter(|url| is_safe(url)).filter_map(of).chain(hosts).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_login_goes_to_few_hosts_and_never_over_plain_http() {
        let config = AutodiscoverConfig {
            endpoints: vec![
                "http://127.0.0.1:8080".parse().unwrap(),
                "http://mail.corp.example".parse().unwrap(),
            ],
            trusted_hosts: vec!["mail.partner.example".to_owned()],
            ..AutodiscoverConfig::default()
        };
        let alice = Mailbox::new("alice@corp.example").unwrap();
        let may = |url: &str| may_log_in(&config, &alice, &url.parse().unwrap());
        for url in [
            "https://corp.example/a",
            "https://autodiscover.corp.example/a",
            "https://AutoDiscover.Corp.example:443/a",
            "https://mail.partner.example/a",
            "http://127.0.0.1:8080/a",
        ] {
            assert!(may(url), "{url}");
        }
        for url in [
            "http://corp.example/a",
            "http://autodiscover.corp.example/a",
            "https://autodiscover.example/a",
            "https://autodiscover.com/a",
            "https://evil.example/a",
            "https://corp.example.evil.example/a",
            "https://evilcorp.example/a",
            "https://x.autodiscover.corp.example/a",
            "https://corp.example:8443/a",
            "http://mail.corp.example/a",
            "http://mail.partner.example/a",
            "http://127.0.0.1:8081/a",
            "/a",
        ] {
            assert!(!may(url), "{url}");
        }
        let origins = config.login_origins(&alice);
        assert!(origins.iter().all(|origin| may(&format!("{origin}/a"))), "{origins:?}");
        assert_eq!(origins.len(), 4);
    }
}
