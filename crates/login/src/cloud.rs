//! The clouds of Microsoft 365: where one logs in, and what the token is for. One setting says both, because
//! a token of one cloud is worth nothing in another.

use std::fmt;

/// A cloud.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub enum Cloud {
    /// The public one. GCC uses its hosts too.
    #[default]
    Worldwide,
    /// GCC High, United States.
    GccHigh,
    /// The Department of Defense, United States.
    Dod,
    /// Operated by 21Vianet, China.
    China,
}

impl Cloud {
    /// All of them.
    pub const ALL: [Cloud; 4] = [Cloud::Worldwide, Cloud::GccHigh, Cloud::Dod, Cloud::China];

    /// By the name it has in a configuration.
    pub fn named(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|cloud| cloud.name() == name)
    }

    /// The name it has in a configuration.
    pub fn name(self) -> &'static str {
        match self {
            Cloud::Worldwide => "worldwide",
            Cloud::GccHigh => "gcc-high",
            Cloud::Dod => "dod",
            Cloud::China => "china",
        }
    }

    /// Where one logs in.
    pub fn authority(self) -> &'static str {
        match self {
            Cloud::Worldwide => "https://login.microsoftonline.com",
            Cloud::GccHigh | Cloud::Dod => "https://login.microsoftonline.us",
            Cloud::China => "https://login.partner.microsoftonline.cn",
        }
    }

    /// The resource that tokens for Exchange are issued for.
    pub fn exchange(self) -> &'static str {
        match self {
            Cloud::Worldwide => "https://outlook.office365.com",
            Cloud::GccHigh => "https://outlook.office365.us",
            Cloud::Dod => "https://outlook-dod.office365.us",
            Cloud::China => "https://partner.outlook.cn",
        }
    }

    /// What an application asks for that logs in as itself.
    pub fn application_scope(self) -> String {
        format!("{}/.default", self.exchange())
    }

    /// What is asked for on behalf of a person: mail, a refresh token, and the person's name.
    pub fn delegated_scope(self) -> String {
        format!("{}/EWS.AccessAsUser.All offline_access openid profile", self.exchange())
    }
}

impl fmt::Display for Cloud {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_cloud_is_found_by_its_name_and_has_hosts_of_its_own() {
        for cloud in Cloud::ALL {
            assert_eq!(Cloud::named(cloud.name()), Some(cloud));
            assert!(cloud.application_scope().ends_with("/.default"));
        }
        let resources: std::collections::BTreeSet<_> = Cloud::ALL.map(Cloud::exchange).into();
        assert_eq!(resources.len(), Cloud::ALL.len());
        assert_eq!(Cloud::named("germany"), None);
    }
}
