//! How an organisation is served.

use std::net::SocketAddr;

use crate::account::Account;
use crate::misbehaviour::Fault;

/// A way to log in that the server offers.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum Scheme {
    /// User name and password in every request.
    Basic,
    /// An answer to a challenge in every request, made with this.
    Digest(DigestAlgorithm),
    /// A challenge and an answer to it, for one connection.
    Ntlm,
    /// NTLM inside of `Negotiate`, with or without the envelope of SPNEGO. There is no Kerberos.
    Negotiate,
    /// A token of the simulator's own token endpoint.
    Bearer,
}

/// What an answer to a challenge of Digest is made with.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum DigestAlgorithm {
    /// SHA-256, with the name of the user hidden where the client can do that.
    Sha256,
    /// MD5.
    Md5,
    /// MD5 with a key for each challenge, as Windows asks for it.
    Md5Session,
}

impl Scheme {
    /// All of them, with the names they have on a command line.
    pub const NAMES: [(&'static str, Scheme); 7] = [
        ("basic", Scheme::Basic),
        ("digest", Scheme::Digest(DigestAlgorithm::Sha256)),
        ("digest-md5", Scheme::Digest(DigestAlgorithm::Md5)),
        ("digest-md5-sess", Scheme::Digest(DigestAlgorithm::Md5Session)),
        ("ntlm", Scheme::Ntlm),
        ("negotiate", Scheme::Negotiate),
        ("bearer", Scheme::Bearer),
    ];
}

impl std::str::FromStr for Scheme {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let found = Scheme::NAMES.iter().find(|(name, _)| *name == text).map(|(_, scheme)| *scheme);
        let names = || Scheme::NAMES.map(|(name, _)| name).join(", ");
        found.ok_or_else(|| format!("`{text}` is no way to log in; there are {}", names()))
    }
}

/// How to serve an organisation. Its `Debug` form hides the password.
#[derive(Clone)]
pub struct Config {
    /// Where to listen; port 0 takes a free one.
    pub listen: SocketAddr,
    /// The account clients log in with, which may do everything. If it is the address of a mailbox, that is its own
    /// mailbox. Accounts with fewer rights are the organisation's, see [`crate::Organisation::add_account`].
    pub user: String,
    /// Its password.
    pub password: String,
    /// How clients may log in.
    pub schemes: Vec<Scheme>,
    /// What goes wrong from the start; more can be added with [`crate::Server::misbehave`].
    pub faults: Vec<Fault>,
}

impl std::fmt::Debug for Config {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Config")
            .field("listen", &self.listen)
            .field("user", &self.user)
            .field("schemes", &self.schemes)
            .field("faults", &self.faults)
            .finish_non_exhaustive()
    }
}

impl Config {
    /// A free port on 127.0.0.1, and log-in by Basic or with a token.
    pub fn local(user: &str, password: &str) -> Self {
        Config {
            listen: SocketAddr::from(([127, 0, 0, 1], 0)),
            user: user.to_owned(),
            password: password.to_owned(),
            schemes: vec![Scheme::Basic, Scheme::Bearer],
            faults: Vec::new(),
        }
    }

    /// The same with other ways to log in.
    #[must_use]
    pub fn with_schemes(self, schemes: impl IntoIterator<Item = Scheme>) -> Self {
        Config { schemes: schemes.into_iter().collect(), ..self }
    }

    pub(crate) fn offers(&self, scheme: Scheme) -> bool {
        self.schemes.contains(&scheme)
    }

    pub(crate) fn account(&self) -> Account {
        Account::service(&self.user, &self.password)
    }
}
