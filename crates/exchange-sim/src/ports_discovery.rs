//! Face 1, continued: where the server of a mailbox would be. There is none here, so what is said is what an
//! organisation of this domain would say.

use exchange::port::{Discovery, Work};
use exchange::{Error, ErrorKind, Look, Mailbox, OtherMailbox, ServerFound};

use crate::ports::Direct;

impl Discovery for Direct {
    fn discover<'a>(&'a self, address: &'a Mailbox) -> Work<'a, ServerFound> {
        self.now(move |state| {
            let domain = address.as_str().rsplit_once('@').map_or("", |(_, domain)| domain);
            let place = format!("https://autodiscover.{domain}/autodiscover/autodiscover.svc");
            let key = address.as_str().to_lowercase();
            let asked = match state.directory.redirects.get(&key) {
                Some(to) => to.to_lowercase(),
                None => key.clone(),
            };
            let found = state.mailboxes.get(&asked).ok_or_else(|| {
                let text =
                    format!("Autodiscover found no server for {address}; {place}: it knows no such address");
                Error::new(ErrorKind::NotFound, text)
            })?;
            let name = found.settings.name.clone();
            let archive = found.archive_address().map(|archive| OtherMailbox {
                kind: "Archive".to_owned(),
                display_name: format!("In-Place Archive - {}", name.as_deref().unwrap_or(&found.address)),
                address: archive,
                owner: found.address.clone(),
            });
            Ok(ServerFound {
                url: format!("https://autodiscover.{domain}/EWS/Exchange.asmx"),
                is_trusted: true,
                address: Mailbox::new(&found.address).unwrap_or_else(|| address.clone()),
                display_name: name,
                server_version: Some("15.02.1544.004".to_owned()),
                log_ins: Vec::new(),
                public_folder_mailbox: state.public_folders().map(|(holder, _)| holder.address.clone()),
                others: archive.into_iter().collect(),
                redirects: if asked == key { Vec::new() } else { vec![asked] },
                attempts: vec![Look { place, status: Some(200), outcome: "it answered".to_owned() }],
            })
        })
    }
}
