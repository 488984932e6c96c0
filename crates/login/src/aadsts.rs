//! What the codes of Entra ID mean, and what helps. From the
//! [reference](https://learn.microsoft.com/entra/identity-platform/reference-error-codes), in our own words
//! and for the one use there is here: an application that reads mail.

/// What helps.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Remedy {
    /// Somebody changes a setting here or in Entra ID.
    Change,
    /// A person logs in again.
    LogIn,
    /// Time.
    Wait,
}

/// A code in words.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Meaning {
    code: u32,
    pub(crate) remedy: Remedy,
    pub(crate) what: &'static str,
    pub(crate) next: &'static str,
}

const fn change(code: u32, what: &'static str, next: &'static str) -> Meaning {
    Meaning { code, remedy: Remedy::Change, what, next }
}

const fn log_in(code: u32, what: &'static str, next: &'static str) -> Meaning {
    Meaning { code, remedy: Remedy::LogIn, what, next }
}

const fn wait(code: u32, what: &'static str, next: &'static str) -> Meaning {
    Meaning { code, remedy: Remedy::Wait, what, next }
}

const NEW_SECRET: &str =
    "make a new one under Certificates & secrets of the app registration, and configure its value";
const SECOND_FACTOR: &str =
    "log in with a person by device_code or auth_code, or use an application with a certificate";
const CONDITIONAL: &str =
    "ask the administrator which Conditional Access policy it was: the sign-in log names it under this trace";
const CONSENT: &str =
    "an administrator grants it under API permissions of the app registration (Grant admin consent)";

/// The codes, in order.
const MEANINGS: &[Meaning] = &[
    change(
        50011,
        "the redirect address is not registered",
        "add http://localhost under Mobile and desktop applications of the app registration",
    ),
    change(
        50020,
        "the account is of another tenant",
        "log in with an account of this tenant, or correct `tenant`",
    ),
    change(50034, "there is no such account in this tenant", "check `user` and `tenant`"),
    wait(
        50053,
        "the account is locked after too many attempts, or the address of this machine is blocked",
        "wait, and check the password before the next attempt",
    ),
    change(
        50055,
        "the password of the account has expired",
        "change it at https://portal.office.com, and configure the new one",
    ),
    change(50057, "the account is disabled", "ask the administrator, or use another account"),
    log_in(50058, "nobody is logged in", "log in again"),
    change(50059, "it is not clear which tenant is meant", "set `tenant` to its id"),
    log_in(50074, "a second factor is needed", SECOND_FACTOR),
    log_in(50076, "a second factor is needed", SECOND_FACTOR),
    log_in(50078, "the second factor was given too long ago", SECOND_FACTOR),
    log_in(
        50079,
        "the account has to register a second factor first",
        "log in once in a browser at https://aka.ms/mfasetup",
    ),
    change(
        50105,
        "the account is not assigned to the application",
        "assign it under Enterprise applications, Users and groups",
    ),
    change(50126, "user or password is wrong", "check both; further attempts lock the account"),
    change(50128, "there is no such domain", "check `tenant`"),
    change(50131, "a policy does not allow this device or place", CONDITIONAL),
    log_in(50132, "the session was ended, or the password changed", "log in again"),
    log_in(50133, "the session ended because the password changed", "log in again"),
    log_in(50173, "the log-in was revoked, or the password changed", "log in again"),
    change(
        50194,
        "the application belongs to one tenant only",
        "set `tenant` to that tenant, not to `common`",
    ),
    wait(
        50196,
        "the same request came too often",
        "wait a few minutes, and look for something that asks in a loop",
    ),
    change(53000, "a policy asks for a device that is managed", CONDITIONAL),
    change(53001, "a policy asks for a device that is joined to the domain", CONDITIONAL),
    change(53003, "a Conditional Access policy blocks this log-in", CONDITIONAL),
    change(65001, "nobody has consented to the permission", CONSENT),
    change(
        65002,
        "this application of Microsoft may not ask for this permission",
        "use an app registration of your own",
    ),
    change(65004, "the consent was declined", CONSENT),
    change(
        65005,
        "the application asks for a resource that is not among its permissions",
        "add Office 365 Exchange Online under API permissions",
    ),
    log_in(70000, "the log-in that was kept is not valid, or for something else", "log in again"),
    change(
        70001,
        "the application is not known or disabled in this tenant",
        "check `client_id` and `tenant`",
    ),
    change(70002, "the application could not prove who it is", NEW_SECRET),
    log_in(70008, "the log-in or the code has expired", "log in again"),
    change(70011, "the scope is not valid", "check `scope`, and `cloud`"),
    log_in(70019, "the code has expired", "begin again and type the code sooner"),
    log_in(70043, "the log-in has expired by a policy on how often to log in", "log in again"),
    change(
        90002,
        "there is no such tenant",
        "check `tenant`, and `cloud`: a tenant is known in its own cloud only",
    ),
    wait(90006, "a service failed for a moment", "wait"),
    change(90009, "the application asks for a token for itself", "check `scope`"),
    change(90014, "something is missing in the request", "check the keys under `auth`"),
    wait(90033, "a service is not available for a moment", "wait"),
    change(90094, "an administrator has to consent", CONSENT),
    change(
        500011,
        "the resource is not known in this tenant",
        "check `cloud` and `scope`; without any Exchange Online licence there is no Exchange",
    ),
    change(500133, "the assertion is not within its time", "set the clock of this machine"),
    change(501051, "the application is not assigned to a role of the resource", CONSENT),
    change(530003, "a policy asks for a device that is managed", CONDITIONAL),
    change(
        530036,
        "a policy blocks the device code flow",
        "use auth_code, or an application with a certificate",
    ),
    change(700016, "the application is not in this tenant", "check `client_id` and `tenant`"),
    change(700024, "the assertion is not within its time", "set the clock of this machine"),
    change(
        700027,
        "the certificate is not the one that is registered, has expired, or its key is another one",
        "upload the certificate under Certificates & secrets, and compare the thumbprint",
    ),
    change(
        700030,
        "the certificate has the wrong name, or is not trusted",
        "upload it under Certificates & secrets of the app registration",
    ),
    log_in(700082, "the log-in has expired because it was not used for long", "log in again"),
    log_in(
        700084,
        "the log-in has expired: one of a single-page application lasts a day",
        "register http://localhost under Mobile and desktop applications, and log in again",
    ),
    change(
        7000112,
        "the application is disabled in this tenant",
        "enable it under Enterprise applications, Properties",
    ),
    change(
        7000215,
        "the client secret is wrong",
        "configure the value of the secret, not its id; if it is lost make a new one under Certificates & secrets",
    ),
    change(7000216, "the application has to prove who it is", "configure a client secret or a certificate"),
    change(
        7000218,
        "the application has to prove who it is",
        "for people who log in set Allow public client flows to Yes under Authentication of the app registration",
    ),
    change(7000222, "the client secret has expired", NEW_SECRET),
    change(9002313, "the request is not valid", "check the keys under `auth`"),
];

/// What a code means, if we know it.
pub(crate) fn meaning(code: u32) -> Option<Meaning> {
    MEANINGS.iter().find(|meaning| meaning.code == code).copied()
}

/// What an error of the standard means where the code says nothing.
pub(crate) fn by_error(error: &str) -> &'static str {
    match error {
        "invalid_client" => {
            "it does not know the application, or the secret or certificate is wrong; check `client_id`, the secret and its date"
        }
        "invalid_grant" => "the log-in is not valid or has expired; log in again, or check user and password",
        "unauthorized_client" => {
            "the application may not log in this way; check its settings under Authentication"
        }
        "access_denied" | "authorization_declined" => "the person or a policy declined",
        "invalid_scope" => "the scope is not valid; check `scope` and `cloud`",
        "invalid_resource" => "the resource is not known there; check `cloud` and `scope`",
        "unsupported_grant_type" => {
            "it does not offer this way of logging in; choose another `kind` under `auth`"
        }
        "interaction_required" | "login_required" | "consent_required" => "a person has to log in again",
        "temporarily_unavailable" | "server_error" => "it failed on its side; it is asked again later",
        "expired_token" => "the code has expired; begin again",
        _ => "look the code up at https://login.microsoftonline.com/error",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn codes_are_in_order_and_stand_once() {
        assert!(MEANINGS.is_sorted_by(|one, next| one.code < next.code));
    }

    #[test]
    fn each_says_what_it_is_and_what_helps() {
        for meaning in MEANINGS {
            assert!(meaning.what.len() > 10 && meaning.next.len() > 3, "{}", meaning.code);
            assert!(!meaning.what.ends_with('.') && !meaning.next.ends_with('.'), "{}", meaning.code);
        }
        assert!(meaning(7_000_222).unwrap().what.contains("expired"));
        assert!(meaning(1).is_none());
    }
}
