//! The keys of a connection over HTTP, as [`super::keys`] has those of one to Exchange.

use web_actions::Kind as Web;

use super::keys::{Key, Kind, PROXY, Shape, TLS, key, required};

/// The kinds of log-in at a service.
pub(crate) const LOG_INS: &[Kind] = &[
    Kind { name: "none", keys: &[], doc: "No log-in; the same as leaving `auth` out." },
    Kind {
        name: "basic",
        keys: &[
            required("user", Shape::Text, "The account that logs in."),
            required("password", Shape::Secret, "Its password."),
        ],
        doc: "User and password with every request.",
    },
    Kind {
        name: "bearer",
        keys: &[required("token", Shape::Secret, "The token, as it stands behind `Bearer`.")],
        doc: "A token that stays the same.",
    },
    Kind {
        name: "header",
        keys: &[
            required("name", Shape::Text, "The name of the header, such as X-Api-Key."),
            required("value", Shape::Secret, "What stands in it, all of it."),
        ],
        doc: "A header of the service's own.",
    },
    Kind {
        name: "api_key",
        keys: &[
            required("parameter", Shape::Text, "The name of the parameter in the query, such as apikey."),
            required("key", Shape::Secret, "The key."),
        ],
        doc: "A key in the query. A header is better where the service takes one: addresses are written to logs.",
    },
];

const BASE: Key = required(
    "url",
    Shape::Text,
    "https://HOST or https://HOST/PATH: everything a playbook asks for is below it. Plain http only to this very machine.",
);
const ADDRESS: Key = required(
    "url",
    Shape::Secret,
    "The whole address of the webhook, a secret: who knows it may post. Plain http only to this very machine.",
);
const AUTH: Key = key("auth", Shape::Kinds(LOG_INS), "How to log in; not at all if left out.");
const ALLOW_PRIVATE: Key = key(
    "allow_private",
    Shape::Flag,
    "true: the name may lead to a private address or to this machine. Link-local addresses and those of clouds' metadata \
     stay refused.",
);
const NETWORKS: Key = key(
    "networks",
    Shape::Hosts,
    "Networks the name may lead to whatever they are, such as 10.20.0.0/16; public addresses are always allowed.",
);
const TIMEOUT: Key =
    key("timeout", Shape::Duration, "How long a call may take with everything, e.g. 30s; 1m if left out.");
const MAX_REQUESTS: Key =
    key("max_requests", Shape::Number(1, 64), "How many requests are under way at a time; 10 if left out.");
const MAX_ANSWER: Key =
    key("max_answer_mib", Shape::Number(1, 256), "The largest answer, in MiB; 32 if left out.");
const MAX_REQUEST: Key =
    key("max_request_mib", Shape::Number(1, 64), "The largest body of a request, in MiB; 8 if left out.");
const TLS_KEY: Key = key("tls", Shape::WordOr(&["off"], TLS), "How the connection is encrypted.");
const PROXY_KEY: Key = key("proxy", Shape::WordOr(&["none", "system"], PROXY), "The way out.");

const HTTP: &[Key] = &[
    required("kind", Shape::Word(&["http"]), "`http`: a web service, for the actions `http.*`."),
    BASE,
    AUTH,
    ALLOW_PRIVATE,
    NETWORKS,
    TIMEOUT,
    MAX_REQUESTS,
    MAX_ANSWER,
    MAX_REQUEST,
    TLS_KEY,
    PROXY_KEY,
];
const WEBHOOK: &[Key] = &[
    required(
        "kind",
        Shape::Word(&["webhook"]),
        "`webhook`: one address that takes JSON, for `notify.webhook`.",
    ),
    ADDRESS,
    AUTH,
    key(
        "signing_key",
        Shape::Secret,
        "The key that messages are signed with, by Standard Webhooks: `whsec_` and base64, or any text.",
    ),
    key(
        "deduplicates",
        Shape::Flag,
        "true: the service takes two messages with the same id for one, so one whose answer was lost is sent again.",
    ),
    ALLOW_PRIVATE,
    NETWORKS,
    TIMEOUT,
    MAX_REQUESTS,
    MAX_REQUEST,
    TLS_KEY,
    PROXY_KEY,
];
const SLACK: &[Key] = &[
    required("kind", Shape::Word(&["slack"]), "`slack`: an incoming webhook of Slack, for `notify.slack`."),
    ADDRESS,
    ALLOW_PRIVATE,
    NETWORKS,
    TIMEOUT,
    MAX_REQUESTS,
    TLS_KEY,
    PROXY_KEY,
];
const TEAMS: &[Key] = &[
    required(
        "kind",
        Shape::Word(&["teams"]),
        "`teams`: a webhook of a workflow in Microsoft Teams, for `notify.teams`.",
    ),
    ADDRESS,
    ALLOW_PRIVATE,
    NETWORKS,
    TIMEOUT,
    MAX_REQUESTS,
    TLS_KEY,
    PROXY_KEY,
];

/// The keys of each kind.
pub(crate) fn keys_of(kind: Web) -> &'static [Key] {
    match kind {
        Web::Http => HTTP,
        Web::Webhook => WEBHOOK,
        Web::Slack => SLACK,
        Web::Teams => TEAMS,
    }
}
