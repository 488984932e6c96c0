//! Who issues the tokens: Entra ID, or AD FS on premises. Requests of this crate go to this host only.
//!
//! The addresses are made from the configured one and not read from the server's own description of itself:
//! there is nothing to be learnt that could be wrong or point elsewhere.

use std::fmt;

use http::Uri;
use transport::Origin;
use url::Url;

use crate::cloud::Cloud;
use crate::problem::Problem;

/// An authority.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Authority {
    base: String,
    adfs: bool,
}

impl Authority {
    /// Entra ID, for one tenant: its id, or a domain of the organisation.
    pub fn entra(cloud: Cloud, tenant: &str) -> Result<Self, Problem> {
        let fits = |c: char| c.is_ascii_alphanumeric() || matches!(c, '-' | '.');
        if tenant.is_empty() || tenant.len() > 255 || !tenant.chars().all(fits) || tenant.starts_with('.') {
            return Err(Problem::Settings(
                "the tenant must be its id, or a domain of the organisation such as corp.onmicrosoft.com"
                    .to_owned(),
            ));
        }
        Self::at(&format!("{}/{tenant}", cloud.authority()))
    }

    /// Any other one by its address: `https://HOST/adfs` for AD FS, `https://HOST/TENANT` for something that
    /// speaks as Entra ID does.
    pub fn at(address: &str) -> Result<Self, Problem> {
        let wrong = |why: &str| Err(Problem::Settings(format!("the authority {why}")));
        let Ok(url) = Url::parse(address) else {
            return wrong("must be like https://adfs.corp.example/adfs");
        };
        let base = address.trim_end_matches('/').to_owned();
        let origin = base.parse::<Uri>().ok().and_then(|uri| Origin::of(&uri));
        let Some(origin) = origin.filter(|_| url.query().is_none() && url.fragment().is_none()) else {
            return wrong("must be an https address without a user, a query and a fragment");
        };
        if !origin.is_https() && !origin.is_loopback() {
            return wrong("must be https: the secret goes there");
        }
        let Some(last) = url.path_segments().and_then(|parts| parts.rev().find(|part| !part.is_empty()))
        else {
            return wrong("needs a path: `/adfs` for AD FS, the tenant for Entra ID");
        };
        let adfs = last.eq_ignore_ascii_case("adfs");
        Ok(Authority { base, adfs })
    }

    /// Whether it is AD FS.
    pub fn is_adfs(&self) -> bool {
        self.adfs
    }

    /// The host, for messages.
    pub fn host(&self) -> String {
        Url::parse(&self.base)
            .ok()
            .and_then(|url| url.host_str().map(str::to_owned))
            .unwrap_or_else(|| self.base.clone())
    }

    /// Where tokens are asked for. It is the audience of assertions, too.
    pub(crate) fn token(&self) -> String {
        self.endpoint("token")
    }

    /// Where a person begins in a browser.
    pub(crate) fn authorize(&self) -> String {
        self.endpoint("authorize")
    }

    /// Where a device code is asked for.
    pub(crate) fn device(&self) -> String {
        self.endpoint("devicecode")
    }

    fn endpoint(&self, name: &str) -> String {
        let version = if self.adfs { "" } else { "v2.0/" };
        format!("{}/oauth2/{version}{name}", self.base)
    }
}

impl fmt::Display for Authority {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.base)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_addresses_are_those_that_are_documented() {
        let entra = Authority::entra(Cloud::GccHigh, "corp.onmicrosoft.com").unwrap();
        assert_eq!(entra.token(), "https://login.microsoftonline.us/corp.onmicrosoft.com/oauth2/v2.0/token");
        assert!(entra.device().ends_with("/corp.onmicrosoft.com/oauth2/v2.0/devicecode"));
        let adfs = Authority::at("https://sts.corp.example/adfs/").unwrap();
        assert!(adfs.is_adfs());
        assert_eq!(adfs.token(), "https://sts.corp.example/adfs/oauth2/token");
        assert_eq!(adfs.authorize(), "https://sts.corp.example/adfs/oauth2/authorize");
        assert_eq!(adfs.host(), "sts.corp.example");
    }

    #[test]
    fn what_could_lead_a_secret_elsewhere_is_refused() {
        for tenant in ["", "a/b", "..", "a?b", "a b", "a@evil.example", "x#y", "\u{e9}"] {
            assert!(Authority::entra(Cloud::Worldwide, tenant).is_err(), "{tenant}");
        }
        for address in [
            "http://sts.corp.example/adfs",
            "https://user@sts.corp.example/adfs",
            "https://sts.corp.example",
            "https://sts.corp.example/",
            "https://sts.corp.example/adfs?x=y",
            "https://sts.corp.example/adfs#x",
            "ftp://sts.corp.example/adfs",
            "adfs",
        ] {
            assert!(Authority::at(address).is_err(), "{address}");
        }
    }
}
