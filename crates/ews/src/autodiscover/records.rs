//! The last resort: what the domain says in its own records about where its service is.
//!
//! An answer from the name system is anybody's, so it only says where to ask: whether the log-in may go there is decided
//! as for any other host, which leaves the domain itself and hosts that were named before.

use std::sync::Arc;

use exchange::port::Work;

use super::order::{Place, faces};
use super::settings::{Attempt, AutodiscoverConfig, AutodiscoverMethod};
use crate::code::shown;

/// How many servers of a domain are asked.
const MOST: usize = 4;

/// Looks up which servers a service of a domain has; this crate opens no socket.
pub trait ServiceRecords: Send + Sync {
    /// Host names and ports, best first, of a service such as `_autodiscover._tcp.corp.example`. None is no error.
    fn look<'a>(&'a self, name: &'a str) -> Work<'a, Vec<(String, u16)>>;
}

/// Where the records of a domain say to ask, and what came of looking.
pub(super) async fn places(
    records: &Arc<dyn ServiceRecords>,
    config: &AutodiscoverConfig,
    domain: &str,
) -> (Vec<Place>, Attempt) {
    let name = format!("_autodiscover._tcp.{domain}");
    let found = match config.method {
        AutodiscoverMethod::Json => Ok(Vec::new()),
        _ => records.look(&name).await,
    };
    let mut places = std::collections::VecDeque::new();
    let outcome = match &found {
        Ok(found) if found.is_empty() => "the domain names no server for it".to_owned(),
        Ok(found) => {
            let names: Vec<String> =
                found.iter().map(|(host, port)| format!("{}:{port}", shown(host, 200))).collect();
            format!("it names {}", names.join(", "))
        }
        Err(error) => format!("it cannot be asked: {}", shown(&error.message, 200)),
    };
    for (host, port) in found.unwrap_or_default().into_iter().take(MOST) {
        let base = if port == 443 { format!("https://{host}") } else { format!("https://{host}:{port}") };
        faces(config, &mut places, &base);
    }
    (places.into(), Attempt { url: format!("dns:{}?type=SRV", shown(&name, 250)), status: None, outcome })
}
