//! Serves a folder of mails:
//! `cargo run -p portcullis-exchange-sim --example serve -- DIR USER PASSWORD [ADDR [SCHEME,...]]`.
#![allow(clippy::print_stdout, reason = "an example talks to the person who runs it")]

use portcullis_exchange_sim::{Config, Organisation, Server};

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    let mut arguments = std::env::args().skip(1);
    let (Some(dir), Some(user), Some(password)) = (arguments.next(), arguments.next(), arguments.next())
    else {
        return Err("usage: serve DIR USER PASSWORD [ADDR [SCHEME,...]]".into());
    };
    let organisation = Organisation::load_folder(dir)?;
    let mut config = Config::local(&user, &password);
    if let Some(listen) = arguments.next() {
        config.listen = listen.parse()?;
    }
    if let Some(schemes) = arguments.next() {
        config.schemes = schemes.split(',').map(str::parse).collect::<Result<_, String>>()?;
    }
    let server = Server::start(organisation, config).await?;
    println!("{}", server.url());
    std::future::pending::<()>().await;
    Ok(())
}
