//! What Kerberos needs beside the library: asking a key distribution centre, and words for what it refuses.
//!
//! A log-in fails in many ways that look alike from outside: who it is about stands in every message, and behind a
//! semicolon what mostly helps.

use std::io::{Error, ErrorKind};
use std::time::Duration;

use sspi::NetworkRequest;
use sspi::kerberos::config::parse_kdc_url;
use sspi::network_client::NetworkProtocol;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::time::timeout;

use crate::windows::NoToken;

/// How long a key distribution centre may take for one answer.
const PATIENCE: Duration = Duration::from_secs(10);
/// The longest answer of one.
const LONGEST_TICKET: u32 = 1 << 20;

/// What a log-in is about.
#[derive(Debug, Clone)]
pub(crate) struct About {
    /// The user, as configured.
    pub(crate) user: String,
    /// The realm, as far as it is known here.
    pub(crate) realm: String,
    /// The service, such as `HTTP/mail.corp.example`.
    pub(crate) service: String,
    /// The key distribution centre.
    pub(crate) centre: String,
}

/// Whether `kdc` is the address of one that can be asked.
pub(crate) fn is_centre(kdc: &str) -> bool {
    parse_kdc_url(kdc)
        .is_some_and(|url| url.scheme() == "tcp" && url.host_str().is_some_and(|host| !host.is_empty()))
}

/// The realm of a user: what the configuration says, or what stands in the name.
pub(crate) fn realm(user: &str, domain: Option<&str>) -> String {
    let of_name = || {
        user.split_once('\\').map(|(domain, _)| domain).or(user.rsplit_once('@').map(|(_, domain)| domain))
    };
    domain.or_else(of_name).unwrap_or_default().to_uppercase()
}

/// One question to a key distribution centre over TCP, where both ways begin with the length.
pub(crate) async fn ask(request: &NetworkRequest) -> Result<Vec<u8>, String> {
    match timeout(PATIENCE, exchange(request)).await {
        Ok(answer) => answer.map_err(|why| why.to_string()),
        Err(_) => Err(format!("no answer within {} s", PATIENCE.as_secs())),
    }
}

async fn exchange(request: &NetworkRequest) -> std::io::Result<Vec<u8>> {
    if request.protocol != NetworkProtocol::Tcp {
        return Err(Error::new(ErrorKind::Unsupported, "only tcp:// is supported"));
    }
    let host = request.url.host_str().unwrap_or_default().trim_start_matches('[').trim_end_matches(']');
    let mut io = TcpStream::connect((host, request.url.port().unwrap_or(88))).await?;
    io.write_all(&request.data).await?;
    let length = io.read_u32().await?;
    if length > LONGEST_TICKET {
        return Err(Error::new(ErrorKind::InvalidData, "what answers there is no key distribution centre"));
    }
    let mut answer = length.to_be_bytes().to_vec();
    (&mut io).take(length.into()).read_to_end(&mut answer).await?;
    Ok(answer)
}

/// Why there is no ticket, for the person who has to do something about it.
pub(crate) fn told(why: &sspi::Error, about: &About) -> NoToken {
    let About { user, realm, service, centre } = about;
    let said = |text: &str| why.description.starts_with(text);
    let unreachable = why.error_type == sspi::ErrorKind::NoAuthenticatingAuthority;
    let words = if said("pre-authentication information was invalid") {
        format!(
            "{centre} takes no such password of {user}; check the password, and whether the account has a key for AES-256, which one gets whose password is set anew"
        )
    } else if said("client not found") {
        format!(
            "{centre} knows no user {user} in the realm {realm}; check `user` and `domain`: the realm is what stands before the backslash or behind the @, or `domain`"
        )
    } else if said("server not found") {
        format!(
            "{centre} knows no service {service}; write `url` with the name that the server is registered by (setspn -Q HTTP/*), which is no number"
        )
    } else if said("wrong Realm") {
        format!("{centre} is not there for the realm {realm}; check `user`, `domain` and `kdc`")
    } else if said("KDC server should not process") {
        format!(
            "{user} may get a ticket without a password, which is not safe and not supported; switch off \"do not require Kerberos preauthentication\" for that account"
        )
    } else if why.error_type == sspi::ErrorKind::TimeSkew {
        format!("the clocks of this machine and of {centre} are too far apart; set the clock")
    } else if unreachable {
        let words = format!("{}; check `kdc`, and firewalls on the way", plain(&why.description));
        return NoToken::ForNow(format!("no ticket for Kerberos: {words}"));
    } else {
        format!(
            "{centre}, asked for {user} of the realm {realm}: {}; check user and domain, the account, and `kdc`",
            plain(&why.description)
        )
    };
    NoToken::Wrong(format!("no ticket for Kerberos: {words}"))
}

/// A text of the library, without what is for programs.
fn plain(description: &str) -> String {
    let text = description.split(". Additional error").next().unwrap_or_default();
    text.replace(';', ",").chars().filter(|letter| !letter.is_control()).take(300).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_realm_is_configured_or_stands_in_the_name() {
        for (user, domain, expected) in [
            ("svc", Some("corp.example"), "CORP.EXAMPLE"),
            ("svc@corp.example", None, "CORP.EXAMPLE"),
            ("CORP\\svc", None, "CORP"),
            ("svc", None, ""),
        ] {
            assert_eq!(realm(user, domain), expected, "{user}");
        }
    }

    #[test]
    fn a_centre_is_reached_over_tcp() {
        for (kdc, expected) in [
            ("tcp://dc.corp.example:88", true),
            ("dc.corp.example", true),
            ("tcp://[::1]:88", true),
            ("udp://dc.corp.example", false),
            ("https://dc.corp.example/KdcProxy", false),
            ("tcp://", false),
            ("", false),
        ] {
            assert_eq!(is_centre(kdc), expected, "{kdc}");
        }
    }

    #[test]
    fn words_of_the_library_lose_what_is_for_programs() {
        let description =
            "generic error; of it. Additional error text: IA5(\"X\"). Additional error data: 0x30";
        assert_eq!(plain(description), "generic error, of it");
    }
}
