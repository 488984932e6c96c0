//! SOCKS: [4](https://www.openssh.com/txt/socks4.protocol), [4a](https://www.openssh.com/txt/socks4a.protocol)
//! and [5](https://www.rfc-editor.org/rfc/rfc1928) with [user and password](https://www.rfc-editor.org/rfc/rfc1929).
//!
//! Only the command to connect. Answers are read to their length and not one byte further: what follows is the
//! server's.

use std::net::IpAddr;

use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};

use crate::proxy::{ProxyKind, ProxyLogin};

/// Asks the proxy at the other end of `io` for a way to `host`, which is a name or, where the kind of proxy
/// wants that, an address. The error is words for people.
pub(crate) async fn connect<T>(
    io: &mut T,
    kind: ProxyKind,
    login: Option<&ProxyLogin>,
    host: &str,
    port: u16,
) -> Result<(), String>
where
    T: AsyncRead + AsyncWrite + Unpin,
{
    match kind {
        ProxyKind::Socks4 | ProxyKind::Socks4a => four(io, login, host, port).await,
        _ => five(io, login, host, port).await,
    }
}

fn broke(why: std::io::Error) -> String {
    format!(
        "the connection to it broke while a way was asked for ({why}); check that it speaks this kind of SOCKS"
    )
}

async fn four<T>(io: &mut T, login: Option<&ProxyLogin>, host: &str, port: u16) -> Result<(), String>
where
    T: AsyncRead + AsyncWrite + Unpin,
{
    let user = login.map_or("", |login| login.user.as_str());
    if user.contains('\0') || host.contains('\0') {
        return Err("neither user nor host may contain a zero byte".to_owned());
    }
    let mut request = vec![4, 1];
    request.extend(port.to_be_bytes());
    match host.parse() {
        Ok(IpAddr::V4(address)) => {
            request.extend(address.octets());
            request.extend(user.as_bytes());
            request.push(0);
        }
        Ok(IpAddr::V6(_)) => {
            return Err("SOCKS 4 knows no IPv6 and the server has no other address; use socks5".to_owned());
        }
        Err(_) => {
            request.extend([0, 0, 0, 1]);
            request.extend(user.as_bytes());
            request.push(0);
            request.extend(host.as_bytes());
            request.push(0);
        }
    }
    io.write_all(&request).await.map_err(broke)?;
    io.flush().await.map_err(broke)?;
    let mut answer = [0; 8];
    io.read_exact(&mut answer).await.map_err(broke)?;
    match answer {
        [0, 90, ..] => Ok(()),
        [0, 91, ..] => Err("it refused the connection, or could not reach the server".to_owned()),
        [0, 92 | 93, ..] => {
            Err("it wants to know the user from the ident service, which is not there".to_owned())
        }
        _ => Err("what it answered is not SOCKS 4; check the kind of the proxy".to_owned()),
    }
}

async fn five<T>(io: &mut T, login: Option<&ProxyLogin>, host: &str, port: u16) -> Result<(), String>
where
    T: AsyncRead + AsyncWrite + Unpin,
{
    let methods: &[u8] = if login.is_some() { &[5, 2, 0, 2] } else { &[5, 1, 0] };
    io.write_all(methods).await.map_err(broke)?;
    io.flush().await.map_err(broke)?;
    let mut chosen = [0; 2];
    io.read_exact(&mut chosen).await.map_err(broke)?;
    match (chosen, login) {
        ([5, 0], _) => {}
        ([5, 2], Some(login)) => log_in(io, login).await?,
        ([5, _], None) => return Err("it wants a log-in; give the proxy a user and a password".to_owned()),
        ([5, _], Some(_)) => return Err("it takes no log-in by user and password".to_owned()),
        _ => return Err("what it answered is not SOCKS 5; check the kind of the proxy".to_owned()),
    }
    let mut request = vec![5, 1, 0];
    match host.parse() {
        Ok(IpAddr::V4(address)) => {
            request.push(1);
            request.extend(address.octets());
        }
        Ok(IpAddr::V6(address)) => {
            request.push(4);
            request.extend(address.octets());
        }
        Err(_) => {
            request.extend([3, length(host, "the name of the server")?]);
            request.extend(host.as_bytes());
        }
    }
    request.extend(port.to_be_bytes());
    io.write_all(&request).await.map_err(broke)?;
    io.flush().await.map_err(broke)?;
    let mut head = [0; 4];
    io.read_exact(&mut head).await.map_err(broke)?;
    let [version, reply, _, kind] = head;
    if version != 5 {
        return Err("what it answered is not SOCKS 5; check the kind of the proxy".to_owned());
    }
    if reply != 0 {
        return Err(refused(reply).to_owned());
    }
    let rest = match kind {
        1 => 4 + 2,
        4 => 16 + 2,
        3 => usize::from(io.read_u8().await.map_err(broke)?) + 2,
        _ => return Err("what it answered is not SOCKS 5; check the kind of the proxy".to_owned()),
    };
    let mut bound = vec![0; rest];
    io.read_exact(&mut bound).await.map_err(broke)?;
    Ok(())
}

async fn log_in<T>(io: &mut T, login: &ProxyLogin) -> Result<(), String>
where
    T: AsyncRead + AsyncWrite + Unpin,
{
    let user = match &login.domain {
        Some(domain) => format!("{domain}\\{}", login.user),
        None => login.user.clone(),
    };
    let password = login.password.reveal();
    let mut request = vec![1, length(&user, "the user")?];
    request.extend(user.as_bytes());
    request.push(length(password, "the password")?);
    request.extend(password.as_bytes());
    io.write_all(&request).await.map_err(broke)?;
    io.flush().await.map_err(broke)?;
    let mut answer = [0; 2];
    io.read_exact(&mut answer).await.map_err(broke)?;
    let [_, status] = answer;
    if status == 0 { Ok(()) } else { Err("it refused the log-in; check its user and password".to_owned()) }
}

fn length(text: &str, what: &str) -> Result<u8, String> {
    u8::try_from(text.len())
        .ok()
        .filter(|length| *length > 0)
        .ok_or_else(|| format!("{what} must have 1 to 255 bytes for SOCKS 5"))
}

fn refused(reply: u8) -> &'static str {
    match reply {
        2 => "its rules do not allow this connection; ask who runs it",
        3 => "it cannot reach the network of the server",
        4 => "it cannot reach the server; if it cannot resolve names, use socks5 instead of socks5h",
        5 => "the server refused the connection",
        6 => "the way is too long (TTL expired)",
        7 => "it does not know the command to connect",
        8 => "it does not know this kind of address",
        _ => "it could not make the connection",
    }
}
