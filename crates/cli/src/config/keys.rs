//! The keys of a connection: what the reader knows, and what the JSON Schema tells editors. One table for both, so that
//! they cannot differ.

/// One key.
pub(crate) struct Key {
    pub(crate) name: &'static str,
    pub(crate) shape: Shape,
    pub(crate) required: bool,
    /// A sentence for editors.
    pub(crate) doc: &'static str,
}

/// What a value looks like.
#[derive(Clone, Copy)]
pub(crate) enum Shape {
    Text,
    /// Text, which may be written as a number.
    TextOrNumber,
    /// A mail address.
    Address,
    /// `30s`, `5m`.
    Duration,
    /// A whole number inside limits.
    Number(u32, u32),
    /// One of a few words.
    Word(&'static [&'static str]),
    /// See [`super::secret`].
    Secret,
    /// A path, from the folder of the configuration.
    File,
    /// `1.2` or `1.3`.
    TlsVersion,
    /// true or false.
    Flag,
    /// A list of host names.
    Hosts,
    /// Addresses, and the names their owners have.
    Identities,
    /// A word, or a mapping with these keys.
    WordOr(&'static [&'static str], &'static [Key]),
    /// One of several mappings, told apart by `kind`.
    Kinds(&'static [Kind]),
}

/// A kind of log-in.
pub(crate) struct Kind {
    pub(crate) name: &'static str,
    pub(crate) keys: &'static [Key],
    pub(crate) doc: &'static str,
}

pub(crate) const fn key(name: &'static str, shape: Shape, doc: &'static str) -> Key {
    Key { name, shape, required: false, doc }
}

pub(crate) const fn required(name: &'static str, shape: Shape, doc: &'static str) -> Key {
    Key { name, shape, required: true, doc }
}

const USER: Key = required("user", Shape::Text, "The account that logs in: user@domain or DOMAIN\\user.");
const PASSWORD: Key = required("password", Shape::Secret, "Its password.");
const TENANT: Key = key(
    "tenant",
    Shape::Text,
    "The directory (tenant) id, or a domain of the organisation. Needed unless `authority` is set.",
);
const AUTHORITY: Key = key(
    "authority",
    Shape::Text,
    "The log-in service, where it is none of a cloud of Microsoft: https://HOST/adfs for AD FS. In place of `tenant` and `cloud`.",
);
const SCOPE: Key = key(
    "scope",
    Shape::Text,
    "What is asked for, where the server is not Exchange Online: e.g. https://mail.corp.example/.default. Needed with `authority`.",
);
const PERSON: Key = key("user", Shape::Text, "Who logs in (the log-in name, UPN); anybody else is refused.");
const ALGORITHM: Key = key(
    "algorithm",
    Shape::Word(ALGORITHMS),
    "How the assertion is signed; ps256 if left out, rs256 for AD FS.",
);
/// How assertions are signed.
pub(crate) const ALGORITHMS: &[&str] = &["ps256", "rs256"];
const CLIENT_ID: Key =
    required("client_id", Shape::Text, "The application (client) id of the app registration.");
const DOMAIN: Key = key("domain", Shape::Text, "The Windows domain, if `user` does not name it.");
const KDC: Key = key(
    "kdc",
    Shape::Text,
    "The key distribution centre, e.g. tcp://dc.corp.example:88; without it NTLM is used.",
);

/// The kinds of log-in.
pub(crate) const KINDS: &[Kind] = &[
    Kind {
        name: "basic",
        keys: &[USER, PASSWORD],
        doc: "User and password with every request; on premises.",
    },
    Kind {
        name: "digest",
        keys: &[USER, PASSWORD],
        doc: "Digest, with MD5 or SHA-256: the password itself is not sent; on premises.",
    },
    Kind { name: "ntlm", keys: &[USER, PASSWORD, DOMAIN], doc: "NTLM; on premises." },
    Kind {
        name: "negotiate",
        keys: &[USER, PASSWORD, DOMAIN, KDC],
        doc: "Negotiate: Kerberos where `kdc` is named, else NTLM; on premises.",
    },
    Kind {
        name: "client_secret",
        keys: &[
            TENANT,
            CLIENT_ID,
            AUTHORITY,
            SCOPE,
            required("secret", Shape::Secret, "The client secret of the app registration."),
        ],
        doc: "OAuth: the application itself, with a client secret.",
    },
    Kind {
        name: "client_certificate",
        keys: &[
            TENANT,
            CLIENT_ID,
            AUTHORITY,
            SCOPE,
            ALGORITHM,
            required(
                "certificate",
                Shape::File,
                "A PEM file with certificate and private key, or a PFX file.",
            ),
            key("certificate_password", Shape::Secret, "The password of the PFX file."),
        ],
        doc: "OAuth: the application itself, with a certificate.",
    },
    Kind {
        name: "device_code",
        keys: &[TENANT, CLIENT_ID, AUTHORITY, SCOPE, PERSON],
        doc: "OAuth: a person logs in once in any browser, with a code (`portcullis connection login`).",
    },
    Kind {
        name: "auth_code",
        keys: &[
            TENANT,
            CLIENT_ID,
            AUTHORITY,
            SCOPE,
            PERSON,
            key(
                "redirect_port",
                Shape::Number(1, 65535),
                "The port of the redirect to this machine; a free one if left out.",
            ),
        ],
        doc: "OAuth: a person logs in once in the browser of this machine (`portcullis connection login`).",
    },
    Kind {
        name: "password_legacy",
        keys: &[TENANT, CLIENT_ID, AUTHORITY, SCOPE, USER, PASSWORD],
        doc: "OAuth with user and password. Legacy: fails wherever a second factor is asked for.",
    },
];

/// The keys of `tls`.
pub(crate) const TLS: &[Key] = &[
    key("min", Shape::TlsVersion, "The oldest version that is spoken; 1.2 if left out."),
    key("max", Shape::TlsVersion, "The newest version that is spoken; 1.3 if left out."),
    key("ca", Shape::File, "A PEM file with certificates to trust beside those of this machine."),
    key("client_certificate", Shape::File, "A PEM or PFX file with the certificate this machine shows."),
    key("client_key", Shape::File, "A PEM file with its private key, if it is not in the same file."),
    key("client_certificate_password", Shape::Secret, "The password of the PFX file."),
];

/// What proxies speak.
pub(crate) const PROXY_KINDS: &[&str] = &["http", "https", "socks4", "socks4a", "socks5", "socks5h"];
/// The keys of `proxy`.
pub(crate) const PROXY: &[Key] = &[
    required(
        "kind",
        Shape::Word(PROXY_KINDS),
        "What the proxy speaks; with socks4a and socks5h it resolves the names of servers.",
    ),
    required("address", Shape::Text, "Its host."),
    required("port", Shape::Number(1, 65535), "Its port."),
    key("user", Shape::Text, "The account at the proxy."),
    key("password", Shape::Secret, "Its password."),
    key("domain", Shape::Text, "The Windows domain of that account, for a proxy that asks for NTLM."),
    key("bypass", Shape::Hosts, "Hosts that are reached directly; `*.corp.example` stands for all below."),
];

/// The clouds of Microsoft 365.
pub(crate) const CLOUDS: &[&str] = &["worldwide", "gcc-high", "dod", "china"];
/// How mailboxes are opened.
pub(crate) const ACCESS: &[&str] = &["impersonation", "delegation", "self"];
/// How a mailbox is named in an impersonation.
pub(crate) const NAMED_BY: &[&str] = &["smtp", "any_address", "upn"];
/// The versions a request can ask for.
pub(crate) const VERSIONS: &[&str] =
    &["auto", "Exchange2013", "Exchange2013_SP1", "Exchange2015", "Exchange2016"];

/// What is opened.
pub(crate) const STORES: &[&str] = &["mailbox", "archive", "public_folders"];

/// The kinds of connections; those after the first have their keys in [`super::keys_web`].
pub(crate) const CONNECTIONS: &[&str] = &["ews", "http", "webhook", "slack", "teams"];

/// The keys of a connection to Exchange.
pub(crate) const CONNECTION: &[Key] = &[
    required("kind", Shape::Word(&["ews"]), "`ews`: Exchange Web Services."),
    key("url", Shape::Text, "https://HOST/EWS/Exchange.asmx. Plain http only to this very machine."),
    key(
        "autodiscover",
        Shape::Address,
        "A mail address; the server is found by its domain. In place of `url`, on premises.",
    ),
    key(
        "cloud",
        Shape::Word(CLOUDS),
        "The cloud of Microsoft 365; worldwide (and GCC) if left out. OAuth only.",
    ),
    key("auth", Shape::Kinds(KINDS), "How to log in."),
    key("user", Shape::Text, "Short for `auth: {kind: basic, user, password}`."),
    key("password", Shape::Secret, "Its password."),
    key("email", Shape::Address, "The account's own mailbox."),
    key(
        "alias",
        Shape::Address,
        "A shared mailbox the account works in, by delegation. With it, this one and the account's own are opened and no \
         other.",
    ),
    key("only_mailbox", Shape::Address, "Short for `access: self` with this as `email`."),
    key(
        "access",
        Shape::Word(ACCESS),
        "How mailboxes are opened: as their owner, by delegation, or only the own one.",
    ),
    key(
        "impersonate_by",
        Shape::Word(NAMED_BY),
        "How the owner is named in an impersonation; smtp if left out.",
    ),
    key(
        "identities",
        Shape::Identities,
        "Mailboxes whose owner has another name than the address: address to `{upn: NAME}` or `{sid: SID}`.",
    ),
    key(
        "store",
        Shape::Word(STORES),
        "What is opened: mailboxes, their in-place archives, or the public folders; mailbox if left out.",
    ),
    key(
        "public_folder_hierarchy",
        Shape::Address,
        "The mailbox that holds the tree of public folders; requests about them are routed to it.",
    ),
    key(
        "public_folder_content",
        Shape::Address,
        "The mailbox that holds what is in the public folders, where that is another.",
    ),
    key(
        "anchor",
        Shape::Address,
        "The mailbox that servers route requests by (X-AnchorMailbox); the one that is opened if left out.",
    ),
    key(
        "time_zone",
        Shape::Text,
        "The time zone that times without one are meant in, by its name in Windows: `W. Europe Standard Time`; UTC if \
         left out.",
    ),
    key(
        "culture",
        Shape::Text,
        "The language, such as de-DE, in which a mailbox that nobody has opened yet gets its folder names.",
    ),
    key(
        "code_page",
        Shape::TextOrNumber,
        "The charset of text that does not name one: 1252 or windows-1252. Handed out with mail, as \
         `fallback_charset`.",
    ),
    key("server_version", Shape::Word(VERSIONS), "The schema version requests ask for; auto if left out."),
    key("timeout", Shape::Duration, "How long one request may take, e.g. 60s; 2m if left out."),
    key(
        "max_requests",
        Shape::Number(1, 64),
        "How many requests are under way at a time; 10 if nothing is said.",
    ),
    key(
        "settle_seconds",
        Shape::Number(0, 65535),
        "How long a message that was sent may take to show in Sent Items.",
    ),
    key("test_user", Shape::Address, "A mailbox that `portcullis connection test` opens by impersonation."),
    key(
        "tls",
        Shape::WordOr(&["off"], TLS),
        "How the connection is encrypted. `off` only to this very machine.",
    ),
    key(
        "proxy",
        Shape::WordOr(&["none", "system"], PROXY),
        "The way out; none if left out, whatever the environment says.",
    ),
];
