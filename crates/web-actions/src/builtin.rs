//! The actions, one file each, as `NOUN/VERB`.

pub(crate) mod http {
    pub(crate) mod get;
    pub(crate) mod request;
}

pub(crate) mod notify {
    pub(crate) mod slack;
    pub(crate) mod teams;
    pub(crate) mod webhook;
}
